/* Ingesting: the records in a run's folder go into the store once, wherever they were made.
 *
 * How far a file is ingested stands with the attempts: attempt k took it up to byte X. Since then
 * the file was cut back and added to by later attempts only, never before the place where the first
 * of these begins. So everything before the smaller of the two is in the store, and what follows is
 * ingested; ingesting a record twice does no harm. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pixsweep/ingest.h"
#include "pixsweep/train.h"
#include "ingest_texts.h"

/* ---- rows and records ----------------------------------------------------------------------- */

/* Every attempt of the folder has a row then, which is filled in; *offset: the first byte of the
 * record file that the store lacks. */
static enum pxs_status add_rows(struct pxs_store *store, int64_t run_id,
                                struct pxs_run_records *found, int64_t *offset,
                                struct pxs_error *err) {
    struct pxs_store_attempt *rows = malloc((found->n + 1) * sizeof *rows);
    int64_t no;
    if (!rows)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < found->n; i++)
        rows[i] = found->attempts[i].row;
    enum pxs_status status = pxs_store_adopt_attempts(store, run_id, rows, found->n, err);
    for (size_t i = 0; i < found->n && status == PXS_OK; i++)
        found->attempts[i].row = rows[i];
    free(rows);
    PXS_TRY(status);

    /* The file is cut back no further than the BEGIN of the next attempt. */
    PXS_TRY(pxs_store_ingested(store, run_id, &no, offset, err));
    for (size_t i = 0; i < found->n; i++) {
        const struct pxs_run_records_attempt *a = &found->attempts[i];
        if (!a->began || a->row.no <= no)
            continue;
        *offset = *offset < a->at ? *offset : a->at;
        break;
    }
    return PXS_OK;
}

enum pxs_status pxs_ingest_rows(struct pxs_store *store, int64_t run_id,
                                struct pxs_run_records *found, int64_t *offset,
                                struct pxs_error *err) {
    PXS_TRY(add_rows(store, run_id, found, offset, err));
    for (size_t i = 0; i + 1 < found->n; i++) {
        const struct pxs_store_end *told = pxs_run_records_end(&found->attempts[i]);
        if (!told || found->attempts[i].row.ended_ms != 0)
            continue;
        struct pxs_store_end end = *told;
        end.state = PXS_STATE_RUNNING;
        enum pxs_status status =
            pxs_store_attempt_end(store, found->attempts[i].row.attempt_id, &end, err);
        if (status != PXS_E_EXISTS)
            PXS_TRY(status);
    }
    return PXS_OK;
}

/* From `offset` to where the file was found good. */
static enum pxs_status ingest_records(struct pxs_store *store, const char *dir, int64_t attempt_id,
                                      int64_t offset, int64_t end, struct pxs_ingested *out,
                                      struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_record_cursor *cursor = NULL;
    if (!pxs_path_join(path, sizeof path, dir, PXS_RECORDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    enum pxs_status status = pxs_record_cursor_open(path, offset, &cursor, err);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK; /* shorter than what was taken: there is nothing that the store lacks */
    PXS_TRY(status);
    pxs_record_cursor_stop(cursor, end);
    size_t taken = PXS_INTAKE_RECORDS;
    while (status == PXS_OK && taken == PXS_INTAKE_RECORDS) {
        status = pxs_store_intake(store, attempt_id, cursor, PXS_INTAKE_RECORDS, &taken, err);
        out->records += status == PXS_OK ? taken : 0;
    }
    pxs_record_cursor_close(&cursor);
    return status;
}

#define NO_END "nobody wrote down how it ended"

/* ---- the end of attempts -------------------------------------------------------------------- */

static enum pxs_status close_one(struct pxs_store *store, int64_t attempt_id,
                                 const struct pxs_store_end *end, struct pxs_ingested *out,
                                 struct pxs_error *err) {
    enum pxs_status status = pxs_store_attempt_end(store, attempt_id, end, err);
    if (status == PXS_E_EXISTS)
        return PXS_OK; /* another process was quicker */
    if (status == PXS_OK)
        out->closed++;
    return status;
}

static enum pxs_end_reason reason_of(const struct pxs_ended *line) {
    return line ? line->end.reason : PXS_REASON_NONE;
}

/* An attempt that left no END record: the reason that its folder tells, else what is known without.
 * The end's message may be `text`. */
static void end_without_record(struct pxs_store_end *end, enum pxs_end_reason said,
                               enum pxs_end_reason otherwise, const char *message, char text[100]) {
    end->outcome = PXS_STATE_INTERRUPTED;
    end->reason = said != PXS_REASON_NONE ? said : otherwise;
    end->message = message;
    if (said == PXS_REASON_NONE)
        return;
    snprintf(text, 100, "its folder says why it ended: %s", pxs_reason_name(said));
    end->message = text;
}

/* Attempts that the folder does not tell of: they never began, or a later one has cut them off. */
static enum pxs_status close_others(struct pxs_store *store, int64_t run_id,
                                    const struct pxs_run_records *found, enum pxs_run_state state,
                                    struct pxs_ingested *out, struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(run_id);
    PXS_TRY(pxs_store_select(
        store, "SELECT attempt_id FROM attempt WHERE run_id = ?1 AND ended_ms IS NULL ORDER BY no",
        &id, 1, &t, err));
    char text[100];
    enum pxs_status status = PXS_OK;
    for (size_t row = 0; row < t.n_rows && status == PXS_OK; row++) {
        int64_t attempt_id = pxs_table_at(&t, row, "attempt_id").integer;
        bool in_folder = false;
        for (size_t i = 0; i < found->n; i++)
            in_folder = in_folder || found->attempts[i].row.attempt_id == attempt_id;
        if (in_folder)
            continue;
        struct pxs_store_attempt attempt;
        struct pxs_store_end end = {.state = state, .exit_code = -1, .ended_ms = pxs_now_ms()};
        status = pxs_store_attempt(store, attempt_id, &attempt, err);
        if (status != PXS_OK)
            break;
        end_without_record(&end, reason_of(pxs_ends_find(&found->ends, &attempt)), PXS_REASON_LOST,
                           NO_END, text);
        status = close_one(store, attempt_id, &end, out, err);
    }
    pxs_table_finish(&t);
    return status;
}

/* How an attempt of the folder ended: as ends.txt says, else its END record, else interrupted. */
static struct pxs_store_end end_of(const struct pxs_run_records *found,
                                   const struct pxs_run_records_attempt *a, char text[100]) {
    const struct pxs_store_end *told = pxs_run_records_end(a);
    if (told)
        return *told;
    enum pxs_end_reason said = reason_of(a->line);
    struct pxs_store_end end = {
        .outcome = pxs_outcome_state(a->outcome),
        .reason = said != PXS_REASON_NONE ? said : pxs_reason_of_outcome(a->outcome),
        .message = a->message,
        .exit_code = -1,
        .ended_ms = a->ended_ms ? a->ended_ms : pxs_now_ms()};
    bool damaged = found->damage[0] && a == pxs_run_records_last_begun(found);
    if (!a->ended)
        end_without_record(&end, said, damaged ? PXS_REASON_DAMAGED_RECORD : PXS_REASON_LOST,
                           found->damage[0] ? found->damage : NO_END, text);
    return end;
}

static enum pxs_status close_attempts(struct pxs_store *store, const struct pxs_store_run *run,
                                      const struct pxs_run_records *found, struct pxs_ingested *out,
                                      struct pxs_error *err) {
    enum pxs_run_state state = found->n > 0 ? pxs_run_records_state(found) : PXS_STATE_INTERRUPTED;
    /* A last attempt that was closed before says nothing new about what an open one without records
     * leaves behind. */
    bool last_open = found->n > 0 && found->attempts[found->n - 1].row.ended_ms == 0;
    enum pxs_run_state others =
        run->state == PXS_STATE_COMPLETED ? run->state : PXS_STATE_INTERRUPTED;
    char text[100];
    PXS_TRY(close_others(store, run->run_id, found, last_open ? state : others, out, err));
    for (size_t i = 0; i < found->n; i++) {
        if (found->attempts[i].row.ended_ms != 0)
            continue;
        struct pxs_store_end end = end_of(found, &found->attempts[i], text);
        end.state = state;
        PXS_TRY(close_one(store, found->attempts[i].row.attempt_id, &end, out, err));
    }
    return PXS_OK;
}

/* ---- a run that the store knows ------------------------------------------------------------- */

static enum pxs_status find_run(struct pxs_store *store, int64_t run_id, struct pxs_store_run *run,
                                struct pxs_error *err) {
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)run_id);
    return pxs_store_find_run(store, id, run, err);
}

/* Is all of it in, and nothing open? Then nothing is written at all. */
static enum pxs_status is_known(struct pxs_store *store, int64_t run_id,
                                const struct pxs_run_records *found, bool *known,
                                struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(run_id);
    int64_t no, bytes, attempt_id, last_id = 0;
    PXS_TRY(pxs_store_select(store, pxs_ingest_taken_sql, &id, 1, &t, err));
    int64_t open = pxs_table_at(&t, 0, "open").integer;
    struct pxs_cell taken = pxs_table_at(&t, 0, "taken");
    int64_t taken_id = taken.kind == PXS_CELL_INT ? taken.integer : 0;
    pxs_table_finish(&t);
    PXS_TRY(pxs_store_ingested(store, run_id, &no, &bytes, err));
    *known = open == 0;
    for (size_t i = 0; i < found->n && *known; i++) {
        PXS_TRY(pxs_store_attempt_of(store, run_id, &found->attempts[i].row, &attempt_id, err));
        *known = attempt_id != 0;
        last_id = found->attempts[i].began ? attempt_id : last_id;
    }
    *known = *known && (last_id == 0 || (last_id == taken_id && bytes >= found->bytes));
    return PXS_OK;
}

static enum pxs_status ingest_scan(struct pxs_store *store, const struct pxs_store_run *run,
                                   struct pxs_run_records *found, struct pxs_ingested *out,
                                   struct pxs_error *err) {
    bool known;
    struct pxs_store_run after;
    struct pxs_run_records none = {0};
    out->torn = found->torn;
    out->last_no = pxs_run_records_last_no(found);
    memcpy(out->damage, found->damage, sizeof out->damage);
    if (pxs_found_check(found, run->dir, run->config_hash, run->seed, NULL) !=
        PXS_OK) { /* whatever worked on the run, these records are not its */
        PXS_TRY(close_others(store, run->run_id, &none, PXS_STATE_INTERRUPTED, out, err));
        return pxs_found_check(found, run->dir, run->config_hash, run->seed, err);
    }
    PXS_TRY(is_known(store, run->run_id, found, &known, err));
    if (known)
        return PXS_OK;
    if (run->state == PXS_STATE_COMPLETED && pxs_run_records_state(found) != PXS_STATE_COMPLETED) {
        snprintf(out->kept, sizeof out->kept,
                 "the database has it completed, the folder does not go so far");
        none.ends = found->ends; /* borrowed */
        return close_others(store, run->run_id, &none, PXS_STATE_COMPLETED, out, err);
    }

    int64_t offset;
    PXS_TRY(add_rows(store, run->run_id, found, &offset, err));
    const struct pxs_run_records_attempt *last = pxs_run_records_last_begun(found);
    if (last && last == &found->attempts[found->n - 1] && last->row.reason == PXS_REASON_LOST &&
        (last->ended || pxs_run_records_end(last))) {
        /* A shared disk shows late what others wrote: its end was not to be seen before. */
        PXS_TRY(pxs_store_attempt_reopen(store, last->row.attempt_id, err));
        found->attempts[found->n - 1].row.ended_ms = 0;
    }
    if (last)
        PXS_TRY(
            ingest_records(store, run->dir, last->row.attempt_id, offset, found->bytes, out, err));
    PXS_TRY(close_attempts(store, run, found, out, err));

    /* What follows damage is never ingested: the run's events say why it ends where it does. */
    if (out->damage[0] && out->records + out->closed > 0)
        PXS_TRY(pxs_store_event(store, run->run_id, pxs_now_ms(), PXS_LOG_ERROR, "damage",
                                out->damage, err));
    PXS_TRY(find_run(store, run->run_id, &after, err));
    out->state = after.state;
    return PXS_OK;
}

enum pxs_status pxs_ingest_run(struct pxs_store *store, int64_t run_id, struct pxs_ingested *out,
                               struct pxs_error *err) {
    struct pxs_store_run run;
    struct pxs_run_records found;
    memset(out, 0, sizeof *out);
    PXS_TRY(find_run(store, run_id, &run, err));
    out->run_id = run_id;
    memcpy(out->name, run.name, sizeof out->name);
    out->state = run.state;
    enum pxs_status status = pxs_run_records_read(run.dir, &found, err);
    if (status == PXS_E_IO) /* the folder's trouble, not the database's */
        status = PXS_E_CORRUPT;
    if (status == PXS_OK)
        status = ingest_scan(store, &run, &found, out, err);
    pxs_run_records_finish(&found);
    if (status == PXS_OK && pxs_state_is_final(out->state))
        pxs_train_drop_resume(run.dir);
    return status;
}

/* ---- any folder ----------------------------------------------------------------------------- */

static bool same_folder(const char *a, const char *b) {
    struct stat x, y;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_folder(const char *dir) {
    struct stat info;
    return stat(dir, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The folder that the database has the run from, ingested first, so that the two can be
 * compared. */
static enum pxs_status settle_other(struct pxs_store *store, struct pxs_store_run *run,
                                    struct pxs_error *err) {
    struct pxs_folder_locks locks = {.guard = {.fd = -1}, .worker = {.fd = -1}};
    struct pxs_ingested other;
    if (is_folder(run->dir)) {
        enum pxs_status status = pxs_folder_lock(run->dir, &locks, err);
        if (status == PXS_E_BUSY)
            return pxs_fail(err, PXS_E_BUSY,
                            "run %s is at work in %s: ingest this one when that has ended",
                            run->name, run->dir);
        PXS_TRY(status);
    }
    enum pxs_status status = pxs_ingest_run(store, run->run_id, &other, err);
    pxs_folder_unlock(&locks);
    PXS_TRY(status);
    return find_run(store, run->run_id, run, err);
}

static enum pxs_status steps_of(struct pxs_store *store, int64_t run_id, int64_t *steps,
                                struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(run_id);
    PXS_TRY(pxs_store_select(store, "SELECT count(*) AS n FROM batch_loss WHERE run_id = ?1", &id,
                             1, &t, err));
    *steps = pxs_table_at(&t, 0, "n").integer;
    pxs_table_finish(&t);
    return PXS_OK;
}

/* The folder that the database has the run from is gone, as after a move, and these are its
 * records: their last attempt is known. */
static enum pxs_status is_moved(struct pxs_store *store, const struct pxs_store_run *run,
                                const struct pxs_run_records *found, int64_t steps, bool *moved,
                                struct pxs_error *err) {
    struct stat info;
    int64_t attempt_id = 0;
    *moved = false;
    if (lstat(run->dir, &info) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return PXS_OK;
    if (found->damage[0] || found->steps < steps ||
        (run->state == PXS_STATE_COMPLETED && pxs_run_records_state(found) != PXS_STATE_COMPLETED))
        return PXS_OK;
    PXS_TRY(pxs_store_attempt_of(store, run->run_id, &pxs_run_records_last_begun(found)->row,
                                 &attempt_id, err));
    *moved = attempt_id != 0;
    return PXS_OK;
}

/* Of the same run in two folders, the bits are the same: whichever got further stays, and the one
 * that is there. */
static enum pxs_status choose(struct pxs_store *store, const struct pxs_folder *f,
                              const struct pxs_run_records *found, struct pxs_store_run *run,
                              struct pxs_ingested *out, struct pxs_error *err) {
    int64_t steps;
    bool moved;
    PXS_TRY(settle_other(store, run, err));
    PXS_TRY(steps_of(store, run->run_id, &steps, err));
    PXS_TRY(is_moved(store, run, found, steps, &moved, err));
    bool done = run->state == PXS_STATE_COMPLETED,
         here = pxs_run_records_state(found) == PXS_STATE_COMPLETED;
    if (!moved && (done || (!here && found->steps <= steps))) {
        snprintf(out->kept, sizeof out->kept, "the database has as much of it, from %.200s",
                 run->dir);
        return PXS_OK;
    }
    char message[2 * PXS_PATH_MAX + 128];
    if (moved)
        snprintf(message, sizeof message, "taken from %s, since %s is gone", f->dir, run->dir);
    else
        snprintf(message, sizeof message, "taken from %s, which goes on to step %lld", f->dir,
                 (long long)found->steps);
    PXS_TRY(pxs_store_move_run(store, run->run_id, f->dir, err));
    PXS_TRY(pxs_store_event(store, run->run_id, pxs_now_ms(), PXS_LOG_INFO, "merge", message, err));
    out->moved = true;
    return find_run(store, run->run_id, run, err);
}

static enum pxs_status find_or_add(struct pxs_store *store, const struct pxs_folder *f,
                                   struct pxs_store_run *run, struct pxs_ingested *out,
                                   struct pxs_error *err) {
    struct pxs_store_plan_run row = {.seed = f->params.seed,
                                     .new_number = f->number,
                                     .new_name = f->name,
                                     .new_dir = f->dir,
                                     .new_config_yaml = f->yaml,
                                     .params = &f->params};
    memcpy(row.config_hash, f->config_hash, sizeof row.config_hash);
    PXS_TRY(pxs_store_add_run(store, f->sweep, f->yaml, f->spec_hash, &row, err));
    out->added = row.added;
    return find_run(store, row.run_id, run, err);
}

static bool has_weights(const char *dir) {
    char path[PXS_PATH_MAX];
    struct stat info;
    return pxs_path_join(path, sizeof path, dir, PXS_WEIGHTS) && stat(path, &info) == 0;
}

/* Records of before do not name their seed. No two seeds draw the same numbers: where every step
 * has the losses of another seed, one of the two folders holds the other's records. */
static enum pxs_status look_for_twin(struct pxs_store *store, const struct pxs_store_run *run,
                                     const struct pxs_run_records *found, struct pxs_ingested *out,
                                     struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(run->run_id);
    if (found->steps == 0 || out->records == 0)
        return PXS_OK;
    PXS_TRY(pxs_store_select(store, pxs_ingest_same_losses_sql, &id, 1, &t, err));
    if (t.n_rows > 0)
        snprintf(out->doubt, sizeof out->doubt,
                 "its losses are those of %.200s in every step, which is another seed of its "
                 "configuration: one of the two folders holds the other's " PXS_RECORDS_FILE
                 "; `pixsweep rm` one, and merge it with its own",
                 pxs_table_at(&t, 0, "name").text);
    pxs_table_finish(&t);
    if (!out->doubt[0])
        return PXS_OK;
    return pxs_store_event(store, run->run_id, pxs_now_ms(), PXS_LOG_WARN, "merge", out->doubt,
                           err);
}

static enum pxs_status ingest_found(struct pxs_store *store, const struct pxs_folder *f,
                                    struct pxs_run_records *found, struct pxs_ingested *out,
                                    struct pxs_error *err) {
    struct pxs_store_run run;
    snprintf(out->name, sizeof out->name, "%s", f->name);
    if (found->config_hash[0] && strcmp(found->config_hash, f->config_hash) != 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s/" PXS_CONFIG_FILE
                        " is not what its records were made with (config_hash %.12s..., the "
                        "records say %.12s...): put the old text back",
                        f->dir, f->config_hash, found->config_hash);
    PXS_TRY(pxs_found_check(found, f->dir, f->config_hash, f->params.seed, err));
    if (!pxs_run_records_last_begun(found)) {
        out->state = PXS_STATE_NEW;
        memcpy(out->damage, found->damage, sizeof out->damage);
        if (!out->damage[0] && has_weights(f->dir))
            snprintf(out->damage, sizeof out->damage,
                     "%.200s/" PXS_RECORDS_FILE
                     " is missing or empty, though weights stand beside it",
                     f->dir);
        snprintf(out->kept, sizeof out->kept, "no attempt has begun in it");
        return PXS_OK;
    }
    PXS_TRY(find_or_add(store, f, &run, out, err));
    out->run_id = run.run_id;
    memcpy(out->name, run.name, sizeof out->name);
    if (!same_folder(run.dir, f->dir))
        PXS_TRY(choose(store, f, found, &run, out, err));
    out->state = run.state;
    if (out->kept[0])
        return PXS_OK;
    PXS_TRY(ingest_scan(store, &run, found, out, err));
    return found->seed_known ? PXS_OK : look_for_twin(store, &run, found, out, err);
}

enum pxs_status pxs_ingest_folder(struct pxs_store *store, const char *dir,
                                  struct pxs_ingested *out, struct pxs_error *err) {
    struct pxs_folder *f = malloc(sizeof *f);
    struct pxs_run_records found = {0};
    memset(out, 0, sizeof *out);
    if (!f)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_folder_read(dir, f, err);
    if (status == PXS_OK) {
        status = pxs_run_records_read(f->dir, &found, err);
        if (status == PXS_OK)
            status = ingest_found(store, f, &found, out, err);
        pxs_folder_finish(f);
    }
    pxs_run_records_finish(&found);
    free(f);
    return status;
}
