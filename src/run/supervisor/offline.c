/* Runs without the database: started from what their folders tell, ingested when it opens.
 *
 * The lock in a run's folder keeps others out, its record file says whether the run is done, so
 * nothing runs twice although nobody can ask the database. What an attempt's death meant is kept
 * here until it can be written down. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "supervisor_priv.h"

/* ---- the database --------------------------------------------------------------------------- */

double pxs_shut_after(const struct pxs_supervisor *s) {
    return s->options->shut_after > 0 ? s->options->shut_after : PXS_SHUT_AFTER;
}

bool pxs_store_shut(const struct pxs_supervisor *s, double now) {
    return !s->store || s->store_lost ||
           (!isnan(s->store_failing_since) && now - s->store_failing_since >= pxs_shut_after(s));
}

static enum pxs_status freeze(struct pxs_supervisor *s, struct pxs_store *store,
                              struct pxs_error *err) {
    enum pxs_run_state *states = malloc(s->plan->n * sizeof *states);
    if (!states)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < s->plan->n; i++)
        states[i] = s->plan->runs[i].state;
    enum pxs_status status = pxs_plan_store(s->plan, store, &s->sweep_id, err);
    /* Of what this session has carried out without the database, it knows more than the rows. */
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->runs && (s->runs[i].place == PXS_PLACE_HERE || s->runs[i].place == PXS_PLACE_OVER))
            s->plan->runs[i].state = states[i];
    free(states);
    return status;
}

enum pxs_status pxs_supervisor_open(struct pxs_supervisor *s, double wait, struct pxs_error *err) {
    struct pxs_store *store = NULL;
    PXS_TRY(pxs_store_open_within(s->plan->db, wait, &store, err));
    pxs_store_set_wait(store, wait);
    enum pxs_status status = freeze(s, store, err);
    if (status == PXS_OK && !s->brake.paused)
        status = pxs_store_sweep_state(store, s->sweep_id, "open", err);
    if (status != PXS_OK) {
        pxs_store_close(&store);
        return status;
    }
    if (*pxs_store_note(store))
        pxs_say(s, PXS_LOG_WARN, "%s", pxs_store_note(store));
    pxs_store_set_wait(store, PXS_STORE_WAIT);
    if (s->options->wal_limit > 0)
        pxs_store_set_wal_limit(store, s->options->wal_limit);
    s->store = store;
    return PXS_OK;
}

/* ---- starting ------------------------------------------------------------------------------- */

static void over(struct pxs_supervisor *s, size_t index, enum pxs_run_state state) {
    s->plan->runs[index].state = state;
    s->runs[index].place = PXS_PLACE_OVER;
}

/* Does the folder say that nothing is left to do? A failure counts where no row says that the run
 * is to be tried again, or where it happened since this session began. */
static bool is_done(const struct pxs_supervisor *s, size_t index,
                    const struct pxs_run_records *found) {
    enum pxs_run_state state = pxs_run_records_state(found);
    if (state == PXS_STATE_COMPLETED)
        return true;
    if (found->n == 0 || pxs_plan_will_run(s->plan, state))
        return false;
    if (state == PXS_STATE_PRUNED)
        return true;
    if (s->runs[index].failed_here > 0)
        return false; /* its retry */
    return s->plan->runs[index].run_id == 0 ||
           found->attempts[found->n - 1].row.started_ms >= s->started_ms;
}

enum pxs_status pxs_offline_claim(struct pxs_supervisor *s, size_t index, int64_t *no,
                                  struct pxs_error *err) {
    const struct pxs_plan_run *run = &s->plan->runs[index];
    struct pxs_run_records found;
    enum pxs_status status = pxs_run_records_read(run->dir, &found, err);
    *no = 0;
    if (status == PXS_OK)
        status = pxs_found_check(&found, run->dir, run->config_hash, run->seed, err);
    if (status == PXS_OK && is_done(s, index, &found)) {
        over(s, index, pxs_run_records_state(&found));
        pxs_say(s, PXS_LOG_INFO, "%s: %s already, says its folder", run->name,
                pxs_state_name(run->state));
    } else if (status == PXS_OK)
        *no = pxs_run_records_last_no(&found) + 1;
    pxs_run_records_finish(&found);
    return status;
}

/* Whoever held the folder may have finished the run, or died. */
void pxs_look_at_folders(struct pxs_supervisor *s) {
    for (size_t i = 0; i < s->plan->n; i++) {
        struct pxs_folder_locks locks;
        struct pxs_run_records found = {0};
        struct pxs_error err;
        if (s->runs[i].place != PXS_PLACE_OTHER)
            continue;
        enum pxs_status status = pxs_folder_lock(s->plan->runs[i].dir, &locks, &err);
        if (status != PXS_OK)
            continue;
        if (pxs_run_records_read(s->plan->runs[i].dir, &found, &err) == PXS_OK &&
            is_done(s, i, &found))
            over(s, i, pxs_run_records_state(&found));
        else
            s->runs[i].place = PXS_PLACE_TODO;
        pxs_run_records_finish(&found);
        pxs_folder_unlock(&locks);
    }
}

/* ---- ends that are not written down yet ----------------------------------------------------- */

enum pxs_status pxs_pending_end_add(struct pxs_supervisor *s, const struct pxs_slot *slot,
                                    const struct pxs_store_end *end, struct pxs_error *err) {
    struct pxs_pending_end *more = realloc(s->late, (s->n_pending_ends + 1) * sizeof *more);
    if (!more)
        return pxs_fail_nomem(err);
    s->late = more;
    struct pxs_pending_end *late = &s->late[s->n_pending_ends];
    memset(late, 0, sizeof *late);
    late->run = slot->run;
    late->row = slot->row;
    late->end = *end;
    pxs_path_dir(late->dir, sizeof late->dir, slot->records);
    late->message = strdup(end->message ? end->message : "");
    if (!late->message)
        return pxs_fail_nomem(err);
    s->n_pending_ends++;
    return PXS_OK;
}

static void drop_pending_end(struct pxs_supervisor *s, size_t i) {
    free(s->late[i].message);
    s->n_pending_ends--;
    memmove(&s->late[i], &s->late[i + 1], (s->n_pending_ends - i) * sizeof *s->late);
}

void pxs_pending_ends_finish(struct pxs_supervisor *s) {
    while (s->n_pending_ends > 0)
        drop_pending_end(s, s->n_pending_ends - 1);
    free(s->late);
    s->late = NULL;
}

/* Its row, and what its death meant. The records follow by themselves, by adoption. */
static enum pxs_status write_down(struct pxs_supervisor *s, struct pxs_pending_end *late,
                                  struct pxs_error *err) {
    PXS_TRY(
        pxs_store_adopt_attempts(s->store, s->plan->runs[late->run].run_id, &late->row, 1, err));
    struct pxs_store_end end = late->end;
    end.message = late->message;
    enum pxs_status status = pxs_store_attempt_end(s->store, late->row.attempt_id, &end, err);
    return status == PXS_E_EXISTS ? PXS_OK : status;
}

/* *ingested_now false: somebody is at work in its folder, who takes the records in. */
static enum pxs_status bring_run(struct pxs_supervisor *s, struct pxs_pending_end *late,
                                 bool *ingested_now, struct pxs_error *err) {
    struct pxs_plan_run *run = &s->plan->runs[late->run];
    struct pxs_folder_locks locks;
    struct pxs_ingested ingested;
    bool same = strcmp(late->dir, run->dir) == 0;
    enum pxs_status status = pxs_folder_lock(late->dir, &locks, err);
    *ingested_now = status != PXS_E_BUSY;
    if (status != PXS_OK)
        return status == PXS_E_BUSY ? PXS_OK : status;
    if (same)
        status = write_down(s, late, err);
    if (status == PXS_OK)
        status = same ? pxs_ingest_run(s->store, run->run_id, &ingested, err)
                      : pxs_ingest_folder(s->store, late->dir, &ingested, err);
    pxs_folder_unlock(&locks);
    if (status == PXS_OK && s->runs[late->run].place == PXS_PLACE_OVER)
        run->state = ingested.state;
    return status;
}

/* A run that was started without the database gets its row while it trains. The record file tells
 * where ingesting begins. */
static enum pxs_status bring_slot(struct pxs_supervisor *s, struct pxs_slot *slot,
                                  struct pxs_error *err) {
    const struct pxs_plan_run *run = &s->plan->runs[slot->run];
    struct pxs_run_records found;
    char dir[PXS_PATH_MAX];
    int64_t offset;
    pxs_path_dir(dir, sizeof dir, slot->records);
    if (!slot->tail || strcmp(dir, run->dir) != 0)
        return PXS_OK; /* when it has begun, or when it has ended */
    for (size_t i = 0; i < s->n_pending_ends; i++)
        if (s->late[i].run == slot->run)
            PXS_TRY(write_down(s, &s->late[i], err));
    enum pxs_status status = pxs_run_records_read(run->dir, &found, err);
    if (status == PXS_OK && found.n > 0 && found.attempts[found.n - 1].row.no == slot->row.no)
        status = pxs_ingest_rows(s->store, run->run_id, &found, &offset, err);
    else if (status == PXS_OK)
        status = pxs_fail(err, PXS_E_CORRUPT, "%s does not hold its attempt", slot->records);
    if (status == PXS_OK) {
        pxs_record_cursor_seek(slot->intake, offset);
        slot->row = found.attempts[found.n - 1].row;
    }
    pxs_run_records_finish(&found);
    if (status == PXS_E_CORRUPT)
        return PXS_OK; /* its end will tell */
    PXS_TRY(status);
    for (size_t i = s->n_pending_ends; i-- > 0;)
        if (s->late[i].run == slot->run)
            drop_pending_end(s, i);
    return PXS_OK;
}

static enum pxs_status bring_late(struct pxs_supervisor *s, size_t *n, struct pxs_error *err) {
    for (size_t i = 0; i < s->n_pending_ends;) {
        size_t run = s->late[i].run;
        bool ingested_now = false;
        if (s->runs[run].place != PXS_PLACE_HERE) {
            enum pxs_status status = bring_run(s, &s->late[i], &ingested_now, err);
            bool lost = status == PXS_E_EXISTS || status == PXS_E_CORRUPT ||
                        status == PXS_E_INVALID || status == PXS_E_NOT_FOUND;
            if (lost)
                pxs_say(s, PXS_LOG_ERROR, "%s: its records cannot be ingested: %s",
                        s->plan->runs[run].name, err->message);
            else
                PXS_TRY(status);
            s->left_behind = s->left_behind || lost;
            ingested_now = ingested_now || lost; /* nothing would change by trying again */
        }
        *n += ingested_now;
        if (ingested_now)
            drop_pending_end(s, i);
        else
            i++;
    }
    return PXS_OK;
}

static enum pxs_status bring_all(struct pxs_supervisor *s, size_t *n, struct pxs_error *err) {
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy && !s->slots[i].dead && s->slots[i].row.attempt_id == 0) {
            PXS_TRY(bring_slot(s, &s->slots[i], err));
            *n += s->slots[i].row.attempt_id != 0;
        }
    return bring_late(s, n, err);
}

void pxs_offline_sync(struct pxs_supervisor *s, double now) {
    struct pxs_error err;
    size_t n = 0;
    bool fails = !s->store || !isnan(s->store_failing_since);
    if (!pxs_store_retry_due(s, now))
        return;
    bool opened = !s->store;
    enum pxs_status status = s->store ? PXS_OK : pxs_supervisor_open(s, PXS_STORE_WAIT / 4, &err);
    if (status == PXS_OK)
        status = bring_all(s, &n, &err);
    if (status != PXS_OK)
        pxs_store_trouble(s, &err, now);
    else if (fails && (n > 0 || opened))
        pxs_store_fine(s);
}
