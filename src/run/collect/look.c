/* One run's folder, as a job on another machine leaves it, into the collector's database.
 *
 * Of a run at work (its claim is good) only what its record file has grown by is read. That file is
 * cut back where an attempt resumes, in place or by a copy with the same name: then the bytes
 * before the place where reading goes on are others, since every record has its time in it, or the
 * file is shorter. Then, and where another attempt has the claim, the whole file is read again.
 * What a shared disk shows may be old: a record that is not whole yet is no damage while the run is
 * at work. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect_priv.h"

/* ---- what is there -------------------------------------------------------------------------- */

static struct pxs_file_seen see(const char *dir, const char *name) {
    char path[PXS_PATH_MAX];
    struct stat info;
    if (!pxs_path_join(path, sizeof path, dir, name) || stat(path, &info) != 0)
        return (struct pxs_file_seen){-1, -1};
    return (struct pxs_file_seen){info.st_size,
                                  (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec};
}

static bool same(struct pxs_file_seen a, struct pxs_file_seen b) {
    return a.size == b.size && a.changed_ns == b.changed_ns;
}

/* Whether the run's claim is good, and whose it is. One that was touched since the last look needs
 * no other proof. */
static bool is_claimed(struct pxs_followed *run, bool *other) {
    struct pxs_claim_owner owner;
    struct pxs_error err;
    char nonce[PXS_CLAIM_NONCE];
    int64_t touched_ms;
    const enum pxs_status status = pxs_claim_read(run->dir, &owner, nonce, &touched_ms, &err);
    *other = status == PXS_OK && strcmp(nonce, run->nonce) != 0;
    if (status == PXS_E_NOT_FOUND)
        return false;
    const bool touched = status == PXS_OK && !*other && touched_ms > run->touched_ms;
    if (status == PXS_OK) {
        memcpy(run->nonce, nonce, sizeof run->nonce);
        snprintf(run->host, sizeof run->host, "%s", owner.host);
        run->touched_ms = touched_ms;
    }
    return touched || pxs_claim_look(run->dir, &err) == PXS_E_BUSY;
}

/* ---- growth --------------------------------------------------------------------------------- */

/* The bytes of the record file before `offset`, at most PXS_FOLLOW_MARK; 0 where it is shorter. */
static size_t read_mark(const char *dir, int64_t offset, unsigned char mark[PXS_FOLLOW_MARK]) {
    char path[PXS_PATH_MAX];
    struct pxs_error err;
    int fd;
    const size_t n = offset < PXS_FOLLOW_MARK ? (size_t)offset : PXS_FOLLOW_MARK;
    if (!pxs_path_join(path, sizeof path, dir, PXS_RECORDS_FILE) ||
        pxs_open_read(path, &fd, &err) != PXS_OK)
        return 0;
    const ssize_t got = pread(fd, mark, n, (off_t)offset - (off_t)n);
    close(fd);
    return got == (ssize_t)n ? n : 0;
}

static bool was_cut_back(const struct pxs_followed *run) {
    unsigned char now[PXS_FOLLOW_MARK];
    return read_mark(run->dir, run->offset, now) != run->n_mark ||
           memcmp(now, run->mark, run->n_mark) != 0;
}

/* *again: the file is not what it was, or tells of an attempt that has no row: read all of it. */
static enum pxs_status take_growth(struct pxs_store *store, struct pxs_followed *run, bool *again,
                                   struct pxs_looked *out, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_record_cursor *cursor = NULL;
    size_t taken = PXS_INTAKE_RECORDS;
    *again = false;
    if (!pxs_path_join(path, sizeof path, run->dir, PXS_RECORDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", run->dir);
    enum pxs_status status = pxs_record_cursor_open(path, run->offset, &cursor, err);
    while (status == PXS_OK && taken == PXS_INTAKE_RECORDS) {
        status = pxs_store_intake(store, run->attempt_id, cursor, PXS_INTAKE_RECORDS, &taken, err);
        out->records += status == PXS_OK ? taken : 0;
    }
    if (cursor) {
        run->offset = pxs_record_cursor_offset(cursor);
        run->n_mark = read_mark(run->dir, run->offset, run->mark);
    }
    pxs_record_cursor_close(&cursor);
    *again = status == PXS_E_CORRUPT || status == PXS_E_NOT_FOUND;
    return *again ? PXS_OK : status;
}

/* What is at the end and cannot be read waits for the next look. */
static enum pxs_status take_all(struct pxs_store *store, struct pxs_followed *run,
                                struct pxs_looked *out, struct pxs_error *err) {
    struct pxs_run_records found;
    bool again;
    run->attempt_id = 0;
    enum pxs_status status = pxs_run_records_read(run->dir, &found, err);
    const struct pxs_run_records_attempt *last = NULL;
    if (status == PXS_OK)
        last = pxs_run_records_last_begun(&found);
    if (last)
        status = pxs_found_check(&found, run->dir, run->config_hash, run->seed, err);
    if (status == PXS_E_IO || status == PXS_E_EXISTS)
        status = pxs_fail(err, PXS_E_CORRUPT, "%s", err->message);
    if (last && status == PXS_OK)
        status = pxs_ingest_rows(store, run->run_id, &found, &run->offset, err);
    if (last && status == PXS_OK) {
        run->attempt_id = last->row.attempt_id;
        status = take_growth(store, run, &again, out, err);
        if (again)
            run->attempt_id = 0;
    }
    pxs_run_records_finish(&found);
    return status;
}

static enum pxs_status take_what_is_new(struct pxs_store *store, struct pxs_followed *run,
                                        bool another_attempt, struct pxs_looked *out,
                                        struct pxs_error *err) {
    const struct pxs_file_seen records = see(run->dir, PXS_RECORDS_FILE),
                               ends = see(run->dir, PXS_ENDS_FILE);
    bool again = run->attempt_id == 0 || another_attempt || !same(ends, run->ends);
    if (!again && same(records, run->records))
        return PXS_OK;
    again = again || records.size < run->offset || was_cut_back(run);
    enum pxs_status status = PXS_OK;
    if (!again)
        status = take_growth(store, run, &again, out, err);
    if (status == PXS_OK && again)
        status = take_all(store, run, out, err);
    if (status == PXS_OK) {
        run->records = records;
        run->ends = ends;
    }
    return status;
}

/* ---- its end -------------------------------------------------------------------------------- */

/* Whether the last attempt in the folder has said how it ended. */
static bool has_ended(const char *dir) {
    struct pxs_run_records found;
    struct pxs_error err;
    bool ended = false;
    if (pxs_run_records_read(dir, &found, &err) == PXS_OK && found.n > 0) {
        const struct pxs_run_records_attempt *last = &found.attempts[found.n - 1];
        const bool told = last->line != NULL;
        /* A line that says more than its records do not show yet is not believed yet. */
        ended = told ? !last->line->end.outcome || pxs_run_records_end(last) || last->ended
                     : last->ended;
    }
    pxs_run_records_finish(&found);
    return ended;
}

static enum pxs_status settle(struct pxs_store *store, struct pxs_followed *run,
                              struct pxs_looked *out, struct pxs_error *err) {
    struct pxs_folder_locks locks;
    struct pxs_ingested ingested;
    struct pxs_error why;
    if (pxs_folder_lock(run->dir, &locks, &why) != PXS_OK)
        return PXS_OK; /* a job has it by now; or the next look tells */
    const enum pxs_status status = pxs_ingest_run(store, run->run_id, &ingested, err);
    /* A void claim says that its attempt was cut off, and stays: one that is given back promises
     * that the folder will tell how it ended, and a task would wait for that. */
    if (status == PXS_OK && ingested.state == PXS_STATE_INTERRUPTED && locks.claim.replaced &&
        pxs_claim_break(run->dir, locks.claim.nonce, &why) != PXS_OK)
        snprintf(out->trouble, sizeof out->trouble, "%.250s", why.message);
    pxs_folder_unlock(&locks);
    PXS_TRY(status);
    out->records += ingested.records;
    if (ingested.damage[0])
        snprintf(out->trouble, sizeof out->trouble, "%.250s", ingested.damage);
    run->state = ingested.state;
    run->settled = out->settled = true;
    run->attempt_id = 0;
    run->quiet_since = 0;
    return PXS_OK;
}

static enum pxs_status look_at_quiet(struct pxs_store *store, struct pxs_followed *run, double now,
                                     double quiet, struct pxs_looked *out, struct pxs_error *err) {
    const struct pxs_file_seen records = see(run->dir, PXS_RECORDS_FILE),
                               ends = see(run->dir, PXS_ENDS_FILE);
    const bool news = !same(records, run->records) || !same(ends, run->ends);
    if (run->settled && !news)
        return PXS_OK;
    run->settled = false;
    if (records.size < 0 && ends.size < 0 && run->state != PXS_STATE_RUNNING) {
        run->records = records;
        run->ends = ends;
        run->settled = true; /* no attempt has begun */
        return PXS_OK;
    }
    if (run->quiet_since <= 0 || news)
        run->quiet_since = now;
    if (now - run->quiet_since < quiet && !has_ended(run->dir))
        return take_what_is_new(store, run, false, out, err);
    PXS_TRY(settle(store, run, out, err));
    run->records = records;
    run->ends = ends;
    return PXS_OK;
}

/* ---- one look ------------------------------------------------------------------------------- */

enum pxs_status pxs_follow(struct pxs_store *store, struct pxs_followed *run, double now,
                           double quiet, struct pxs_looked *out, struct pxs_error *err) {
    bool another_attempt;
    memset(out, 0, sizeof *out);
    run->looked_at = now;
    run->at_work = is_claimed(run, &another_attempt);
    enum pxs_status status;
    if (run->at_work) {
        run->settled = false;
        run->quiet_since = 0;
        status = take_what_is_new(store, run, another_attempt, out, err);
    } else
        status = look_at_quiet(store, run, now, quiet, out, err);

    /* What stands in a run's own folder keeps no other run waiting. */
    if (status == PXS_E_CORRUPT || status == PXS_E_INVALID || status == PXS_E_EXISTS) {
        snprintf(out->trouble, sizeof out->trouble, "%.250s", err->message);
        status = PXS_OK;
    }
    if (status == PXS_E_NOT_FOUND) /* removed from the database: the next discovery drops it */
        status = PXS_OK;
    if (strcmp(out->trouble, run->trouble) == 0)
        out->trouble[0] = '\0';
    else if (out->trouble[0])
        snprintf(run->trouble, sizeof run->trouble, "%s", out->trouble);
    return status;
}
