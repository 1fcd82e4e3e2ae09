/* The recorder: the one place that tells the database about attempts.
 *
 * Attempts start, train and end by what stands in their folders: locks, records, ends.txt. The
 * recorder listens. Where the database is open, it claims runs in it, ingests records as they come
 * and closes attempts from their folders; where it is shut, it is idle, tries again and makes up
 * for all of it later. What is left for it to do is a mark at the run: ingest_from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor_priv.h"

#define OLD_STATE_SECONDS 2.0 /* until such a folder is looked at again */

/* ---- the database --------------------------------------------------------------------------- */

double pxs_shut_after(const struct pxs_supervisor *s) {
    return s->options->shut_after > 0 ? s->options->shut_after : PXS_SHUT_AFTER;
}

bool pxs_store_shut(const struct pxs_supervisor *s, double now) {
    return !s->store || s->store_lost ||
           (!isnan(s->store_failing_since) && now - s->store_failing_since >= pxs_shut_after(s));
}

bool pxs_store_ready(const struct pxs_supervisor *s, double now) {
    return s->store && pxs_store_retry_due(s, now);
}

bool pxs_store_retry_due(const struct pxs_supervisor *s, double now) {
    return isnan(s->store_failed_at) || now - s->store_failed_at >= PXS_STORE_RETRY;
}

void pxs_store_trouble(struct pxs_supervisor *s, const struct pxs_error *err, double now) {
    s->store_failed_at = now;
    s->store_status = err->status;
    if (!isnan(s->store_failing_since))
        return;
    s->store_failing_since = now;
    pxs_say(s, PXS_LOG_WARN,
            "the database cannot be written for now; runs go on, their records wait in their "
            "folders: %s",
            err->message);
}

void pxs_store_fine(struct pxs_supervisor *s) {
    if (!isnan(s->store_failing_since))
        pxs_say(s, PXS_LOG_INFO, "the database can be written again");
    s->store_failing_since = s->store_failed_at = NAN;
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

enum pxs_status pxs_recorder_open(struct pxs_supervisor *s, double wait, struct pxs_error *err) {
    struct pxs_store *store = NULL;
    PXS_TRY(pxs_store_open_within(s->plan->db, wait, &store, err));
    pxs_store_set_wait(store, wait);
    enum pxs_status status = freeze(s, store, err);
    if (status == PXS_OK && !s->pause.paused)
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

/* ---- an attempt begins ---------------------------------------------------------------------- */

/* Which attempt the last worker was told to make: it may have ended before its first record. */
static int64_t no_of_job(const char *dir) {
    struct pxs_job job;
    struct pxs_error none;
    if (pxs_job_read(dir, &job, &none) != PXS_OK)
        return 0;
    int64_t no = job.attempt;
    pxs_job_finish(&job);
    return no;
}

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

bool pxs_folder_is_done(const struct pxs_supervisor *s, size_t index,
                        const struct pxs_run_records *found) {
    enum pxs_run_state state = pxs_run_records_state(found);
    if (found->n == 0 || pxs_plan_will_run(s->plan, state))
        return false;
    if (pxs_state_is_done(state))
        return true;
    return (s->plan->runs[index].run_id == 0 && !s->task) ||
           found->attempts[found->n - 1].row.started_ms >= s->started_ms;
}

/* Failures since the run was given up for the last time: they count for its budgets. */
static void count_failures(const struct pxs_run_records *found, struct pxs_super_run *run) {
    int64_t crashes = 0, timeouts = 0;
    for (size_t i = found->n; i-- > 0;) {
        const struct pxs_store_end *end = pxs_run_records_end(&found->attempts[i]);
        if (end && !pxs_state_is_startable(end->state, false))
            break;
        if (end && end->outcome == PXS_STATE_FAILED)
            ++*(end->reason == PXS_REASON_TIMEOUT ? &timeouts : &crashes);
    }
    run->crashes = greater(run->crashes, crashes);
    run->timeouts = greater(run->timeouts, timeouts);
}

/* A claim that was given back says that the attempt is over and that its folder tells how. Where it
 * does not, a network disk shows an old state of it, for a while: whoever believed that would train
 * what is trained already, to the same bits. */
static bool shows_old_state(struct pxs_supervisor *s, const struct pxs_slot *slot,
                            const struct pxs_run_records *found) {
    struct pxs_super_run *here = &s->runs[slot->run];
    const struct pxs_run_records_attempt *last =
        found->n > 0 ? &found->attempts[found->n - 1] : NULL;
    const double now = pxs_work_clock(s);
    if (!s->task || slot->claim.replaced)
        return false;
    const bool open = last && !last->ended && !last->line &&
                      (strcmp(last->row.host, s->host.name) != 0 ||
                       strcmp(last->row.boot_id, s->host.boot_id) != 0);
    if (!open && no_of_job(s->plan->runs[slot->run].dir) <= pxs_run_records_last_no(found)) {
        here->old_since = NAN;
        return false;
    }
    if (isnan(here->old_since)) {
        here->old_since = now;
        pxs_say(s, PXS_LOG_INFO,
                "%s: its folder does not show yet how its last attempt ended: looked at again for "
                "up to a minute",
                s->plan->runs[slot->run].name);
    }
    here->not_before = now + OLD_STATE_SECONDS;
    return now - here->old_since < PXS_STALE_SECONDS;
}

static enum pxs_status claim_by_folder(struct pxs_supervisor *s, struct pxs_slot *slot,
                                       struct pxs_error *err) {
    struct pxs_plan_run *run = &s->plan->runs[slot->run];
    struct pxs_run_records found;
    enum pxs_status status = pxs_run_records_read(run->dir, &found, err);
    if (status == PXS_OK)
        status = pxs_found_check(&found, run->dir, run->config_hash, run->seed, err);
    if (status == PXS_OK && pxs_folder_is_done(s, slot->run, &found)) {
        run->state = pxs_run_records_state(&found);
        s->runs[slot->run].place = PXS_PLACE_OVER;
        pxs_say(s, PXS_LOG_INFO, "%s: %s already, says its folder", run->name,
                pxs_state_name(run->state));
    } else if (status == PXS_OK && found.n > 0 && !found.attempts[found.n - 1].ended &&
               pxs_lives_here(s, &found.attempts[found.n - 1].row)) {
        /* No lock tells of it: the disk has none. Its supervisor is dead, or the claim would be
         * good. */
        s->runs[slot->run].place = PXS_PLACE_OTHER;
        s->runs[slot->run].claimed_until = pxs_work_clock(s) + pxs_claim_retry(s);
    } else if (status == PXS_OK && !shows_old_state(s, slot, &found)) {
        count_failures(&found, &s->runs[slot->run]);
        slot->row.no = greater(pxs_run_records_last_no(&found), no_of_job(run->dir)) + 1;
    }
    pxs_run_records_finish(&found);
    return status;
}

static void drop_mark(struct pxs_super_run *run) {
    free(run->ingest_from);
    run->ingest_from = NULL;
}

/* The run could not be claimed. Either another supervisor has it, or the database was busy: its
 * state tells. */
static void not_claimed(struct pxs_supervisor *s, size_t index, const struct pxs_error *err,
                        double now) {
    struct pxs_store_run run;
    struct pxs_error none;
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)s->plan->runs[index].run_id);
    if (err->status == PXS_E_NOT_FOUND)
        pxs_run_removed(s, index);
    else if (pxs_store_find_run(s->store, id, &run, &none) == PXS_OK &&
             !pxs_plan_will_run(s->plan, run.state)) {
        s->plan->runs[index].state = run.state;
        s->runs[index].place = PXS_PLACE_OTHER;
    } else
        pxs_store_trouble(s, err, now);
}

enum pxs_status pxs_recorder_claim(struct pxs_supervisor *s, struct pxs_slot *slot, double now,
                                   struct pxs_error *err) {
    struct pxs_plan_run *run = &s->plan->runs[slot->run];
    struct pxs_super_run *here = &s->runs[slot->run];
    struct pxs_ingested ingested;
    slot->row.no = 0;
    if (pxs_store_shut(s, now))
        return claim_by_folder(s, slot, err);

    /* What the folder holds beyond what the database knows (it was shut, lost, or put back from a
     * backup) is ingested first. */
    enum pxs_status status = pxs_ingest_run(s->store, run->run_id, &ingested, err);
    if (status == PXS_E_EXISTS || status == PXS_E_CORRUPT)
        return status;
    if (status == PXS_OK) {
        if (here->ingest_from && strcmp(here->ingest_from, run->dir) == 0)
            drop_mark(here);
        if (ingested.damage[0])
            pxs_say(s, PXS_LOG_WARN, "%s: %s", ingested.name, ingested.damage);
        if (ingested.records + ingested.closed > 0)
            pxs_say(s, PXS_LOG_INFO,
                    "%s: its folder held %zu records that the database lacked: ingested, it is %s",
                    ingested.name, ingested.records, pxs_state_name(ingested.state));
        run->state = ingested.state;
        if (!pxs_plan_will_run(s->plan, ingested.state)) {
            here->place = PXS_PLACE_OVER;
            return PXS_OK;
        }
        status = pxs_store_failures(s->store, run->run_id, &here->crashes, &here->timeouts, err);
    }
    if (status == PXS_OK) {
        slot->row.no = greater(ingested.last_no, no_of_job(run->dir)) + 1;
        status = pxs_store_take(s->store, &slot->row, err);
    }
    if (status != PXS_OK) {
        slot->row.no = 0;
        not_claimed(s, slot->run, err, now);
    }
    return PXS_OK;
}

enum pxs_status pxs_recorder_config(struct pxs_supervisor *s, const struct pxs_slot *slot,
                                    struct pxs_text *out, struct pxs_error *err) {
    if (slot->row.attempt_id != 0) {
        char *stored = NULL;
        PXS_TRY(pxs_store_run_config(s->store, s->plan->runs[slot->run].run_id, &stored, err));
        pxs_text_add(out, stored);
        free(stored);
        return out->failed ? pxs_fail_nomem(err) : PXS_OK;
    }
    struct pxs_params *params = malloc(sizeof *params);
    if (!params)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_plan_run_config(s->plan, slot->run, params, out, err);
    free(params);
    return status;
}

void pxs_recorder_started(struct pxs_supervisor *s, const struct pxs_slot *slot) {
    struct pxs_error err; /* the BEGIN record says the same, so a busy database does no harm */
    if (slot->row.attempt_id != 0 &&
        pxs_store_attempt_pid(s->store, slot->row.attempt_id, slot->row.pid, slot->row.pid_start,
                              &err) != PXS_OK)
        pxs_store_trouble(s, &err, pxs_work_clock(s));
}

/* ---- while it trains ------------------------------------------------------------------------ */

/* Should records of living workers wait in their files, because a reader keeps the write-ahead log
 * from being checkpointed? Says so once. */
static bool records_wait(struct pxs_supervisor *s) {
    bool wal_backlog = s->store && pxs_store_wal_backlog(s->store);
    if (wal_backlog && !s->wal_backlog)
        pxs_say(s, PXS_LOG_WARN,
                "a program has kept an old state of %s open for so long that its write-ahead log "
                "grows: records wait in the runs' folders until it lets go; runs go on and those "
                "that end are ingested",
                s->plan->db);
    if (!wal_backlog && s->wal_backlog)
        pxs_say(s, PXS_LOG_INFO, "the old state has been let go; records are ingested again");
    s->wal_backlog = wal_backlog;
    return wal_backlog;
}

void pxs_recorder_follow(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    size_t taken = PXS_INTAKE_RECORDS;
    struct pxs_error err;
    if (!slot->tail || now - slot->intake_at < PXS_INTAKE_SECONDS || records_wait(s))
        return;
    slot->intake_at = now;
    if (slot->row.attempt_id == 0 || !pxs_store_ready(s, now) ||
        (!slot->intake &&
         pxs_record_cursor_open(slot->records, slot->begins_at, &slot->intake, &err) != PXS_OK))
        return;
    while (taken == PXS_INTAKE_RECORDS) {
        enum pxs_status status = pxs_store_intake(s->store, slot->row.attempt_id, slot->intake,
                                                  PXS_INTAKE_RECORDS, &taken, &err);
        if (slot->damage[0] && (status == PXS_E_CORRUPT || status == PXS_E_NOT_FOUND))
            return; /* what stands before the damage is in */
        if (status != PXS_OK) {
            pxs_store_trouble(s, &err, now);
            return;
        }
        if (taken > 0) /* nothing was written otherwise, so nothing is known */
            pxs_store_fine(s);
    }
}

void pxs_recorder_event(struct pxs_supervisor *s, int64_t run_id, const char *kind,
                        const char *text) {
    struct pxs_error err;
    if (s->store && run_id != 0 &&
        pxs_store_event(s->store, run_id, pxs_now_ms(), PXS_LOG_WARN, kind, text, &err) != PXS_OK)
        pxs_store_trouble(s, &err, pxs_work_clock(s));
}

/* A run that was started without the database gets its row while it trains. The record file tells
 * where ingesting begins. */
static enum pxs_status add_row(struct pxs_supervisor *s, struct pxs_slot *slot,
                               struct pxs_error *err) {
    const struct pxs_plan_run *run = &s->plan->runs[slot->run];
    struct pxs_run_records found;
    char dir[PXS_PATH_MAX];
    int64_t offset, no = slot->row.no;
    pxs_path_dir(dir, sizeof dir, slot->records);
    if (!slot->tail || strcmp(dir, run->dir) != 0)
        return PXS_OK; /* when it has begun, or when it has ended */
    enum pxs_status status = pxs_run_records_read(run->dir, &found, err);
    bool whole = status == PXS_OK && found.n > 0 && found.attempts[found.n - 1].row.no == no;
    if (whole)
        status = pxs_ingest_rows(s->store, run->run_id, &found, &offset, err);
    if (whole && status == PXS_OK) {
        slot->begins_at = offset;
        slot->row = found.attempts[found.n - 1].row;
        slot->row.no = no; /* in the folder; the database may have given that number before */
        drop_mark(&s->runs[slot->run]);
    }
    pxs_run_records_finish(&found);
    return status == PXS_E_CORRUPT ? PXS_OK : status; /* its end will tell */
}

static void beat(struct pxs_supervisor *s, double now) {
    int64_t ids[64];
    size_t n = 0;
    struct pxs_error err;
    if (now - s->heartbeat_at < PXS_HEARTBEAT_SECONDS || !pxs_store_ready(s, now))
        return;
    s->heartbeat_at = now;
    for (int i = 0; i < s->n_slots; i++) {
        if (s->slots[i].busy && s->slots[i].row.attempt_id != 0)
            ids[n++] = s->slots[i].row.attempt_id;
        if (n < PXS_COUNT(ids) && i + 1 < s->n_slots)
            continue;
        if (n > 0 && pxs_store_heartbeat(s->store, ids, n, pxs_now_ms(), &err) != PXS_OK)
            pxs_store_trouble(s, &err, now);
        n = 0;
    }
}

/* ---- an attempt has ended ------------------------------------------------------------------- */

/* Ingests the marked folder of a run, whose locks are held. Where that would fail again and again,
 * it is told and given up. */
static enum pxs_status ingest_marked(struct pxs_supervisor *s, size_t index,
                                     struct pxs_error *err) {
    struct pxs_plan_run *run = &s->plan->runs[index];
    struct pxs_super_run *here = &s->runs[index];
    struct pxs_ingested ingested;
    /* The database may have had the run in another folder before. */
    enum pxs_status status = strcmp(here->ingest_from, run->dir) == 0
                                 ? pxs_ingest_run(s->store, run->run_id, &ingested, err)
                                 : pxs_ingest_folder(s->store, here->ingest_from, &ingested, err);
    if (status == PXS_E_EXISTS || status == PXS_E_CORRUPT || status == PXS_E_INVALID ||
        status == PXS_E_NOT_FOUND) {
        pxs_say(s, PXS_LOG_ERROR, "%s: its records cannot be ingested: %s", run->name,
                err->message);
        s->left_behind = true;
        drop_mark(here);
        return PXS_OK;
    }
    PXS_TRY(status);
    drop_mark(here);
    if (here->place == PXS_PLACE_OVER)
        run->state = ingested.state;
    if (here->completed_here)
        pxs_paces_learn(s, index);
    return PXS_OK;
}

void pxs_recorder_ended(struct pxs_supervisor *s, struct pxs_slot *slot,
                        const struct pxs_store_end *unwritten) {
    struct pxs_super_run *here = &s->runs[slot->run];
    struct pxs_error err;
    const double now = pxs_work_clock(s);
    char dir[PXS_PATH_MAX];
    if (s->task)
        return; /* who has the database ingests the folders */
    pxs_path_dir(dir, sizeof dir, slot->records);
    if (here->ingest_from && strcmp(here->ingest_from, dir) != 0) {
        s->left_behind = true; /* two folders of one run: `merge` takes the other one */
        drop_mark(here);
    }
    if (!here->ingest_from)
        here->ingest_from = strdup(dir);
    if (!here->ingest_from) {
        s->left_behind = true;
        return;
    }
    if (!pxs_store_ready(s, now))
        return;
    enum pxs_status status = PXS_OK;
    if (unwritten && strcmp(dir, s->plan->runs[slot->run].dir) == 0) {
        status = pxs_store_adopt_attempts(s->store, s->plan->runs[slot->run].run_id, &slot->row, 1,
                                          &err);
        if (status == PXS_OK)
            status = pxs_store_attempt_end(s->store, slot->row.attempt_id, unwritten, &err);
        if (status == PXS_E_EXISTS)
            status = PXS_OK;
    }
    if (status == PXS_OK)
        status = ingest_marked(s, slot->run, &err);
    if (status == PXS_OK)
        pxs_store_fine(s);
    else
        pxs_store_trouble(s, &err, now);
}

size_t pxs_recorder_marks(const struct pxs_supervisor *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->plan->n; i++)
        n += s->runs[i].ingest_from != NULL;
    return n;
}

/* ---- making up for it ----------------------------------------------------------------------- */

static enum pxs_status catch_up(struct pxs_supervisor *s, bool *wrote, struct pxs_error *err) {
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy && s->slots[i].row.attempt_id == 0) {
            PXS_TRY(add_row(s, &s->slots[i], err));
            *wrote = *wrote || s->slots[i].row.attempt_id != 0;
        }
    for (size_t i = 0; i < s->plan->n; i++) {
        struct pxs_folder_locks locks;
        const char *from = s->runs[i].ingest_from;
        /* What is at work in a slot is ingested as it goes on. */
        if (!from ||
            (s->runs[i].place == PXS_PLACE_HERE && strcmp(from, s->plan->runs[i].dir) == 0))
            continue;
        enum pxs_status status = pxs_folder_lock(from, &locks, err);
        if (status == PXS_E_BUSY)
            continue; /* who is at work there takes the records in */
        PXS_TRY(status);
        status = ingest_marked(s, i, err);
        pxs_folder_unlock(&locks);
        PXS_TRY(status);
        *wrote = true;
    }
    return PXS_OK;
}

void pxs_recorder_sync(struct pxs_supervisor *s, double now) {
    struct pxs_error err;
    enum pxs_status status = PXS_OK;
    bool wrote = !s->store;
    if (s->task || !pxs_store_retry_due(s, now))
        return;
    if (!s->store)
        status = pxs_recorder_open(s, PXS_STORE_WAIT / 4, &err);
    if (status == PXS_OK)
        status = catch_up(s, &wrote, &err);
    if (status != PXS_OK)
        pxs_store_trouble(s, &err, now);
    else if (wrote)
        pxs_store_fine(s);
    beat(s, now);
}
