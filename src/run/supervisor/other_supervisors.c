/* Runs that the database says are running, but not in our slots: other supervisors' runs, and what
 * a dead one left.
 *
 * A supervisor holds a lock in the folder of each run that it has in a slot, and locks die with
 * their process. So: lock held = its supervisor lives and will finish it; lock free = its
 * supervisor is gone. Then, when its worker has gone too (it stops by itself at its next batch),
 * what stands in the record file is ingested. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "supervisor_priv.h"

static bool folder_is_there(const char *dir) {
    struct stat info;
    return stat(dir, &info) == 0 && S_ISDIR(info.st_mode);
}

static void say_waits(struct pxs_supervisor *s, struct pxs_super_run *run, const char *fmt,
                      const char *name, int64_t pid) {
    if (!run->waited_said)
        pxs_say(s, PXS_LOG_INFO, fmt, name, (long long)pid);
    run->waited_said = true;
}

bool pxs_lives_here(const struct pxs_supervisor *s, const struct pxs_store_attempt *row) {
    return strcmp(row->host, s->host.name) == 0 && strcmp(row->boot_id, s->host.boot_id) == 0 &&
           row->pid > 1 && row->pid_start != 0 && pxs_pid_alive(row->pid, row->pid_start);
}

/* An old worker that does not stop although its supervisor is dead: killed, if the pid is still
 * this very process. */
static void end_old_worker(struct pxs_supervisor *s, struct pxs_super_run *run,
                           const struct pxs_store_attempt *row, const char *name, double now) {
    if (isnan(run->waiting_since))
        run->waiting_since = now;
    if (now - run->waiting_since < PXS_OLD_WORKER_SECONDS)
        return;
    if (pxs_lives_here(s, row)) {
        pxs_say(s, PXS_LOG_WARN,
                "%s: the old worker (pid %lld) did not stop within a minute; killed", name,
                (long long)row->pid);
        kill((pid_t)row->pid, SIGKILL);
    }
    run->waiting_since = now;
}

/* With both locks in hand, or without a folder: what it left is ingested, and its attempts are
 * closed. */
static enum pxs_status recover(struct pxs_supervisor *s, const struct pxs_store_attempt *row,
                               enum pxs_run_state *state, struct pxs_error *err) {
    struct pxs_store_attempt now_row;
    struct pxs_ingested ingested;
    PXS_TRY(pxs_store_attempt(s->store, row->attempt_id, &now_row, err));
    if (now_row.ended_ms != 0)
        return PXS_OK; /* another process was quicker */
    PXS_TRY(pxs_ingest_run(s->store, row->run_id, &ingested, err));
    if (ingested.damage[0])
        pxs_say(s, PXS_LOG_WARN, "%s: what follows the damage in its record file is lost: %s",
                ingested.name, ingested.damage);
    *state = ingested.state;
    pxs_say(s, PXS_LOG_INFO,
            "%s: nobody wrote into the database how attempt %lld ended; its records are ingested, "
            "it is %s",
            ingested.name, (long long)row->no, pxs_state_name(ingested.state));
    return PXS_OK;
}

/* Locks that are free are held while the attempt is ingested, so that no third process does the
 * same. */
static enum pxs_status look_at(struct pxs_supervisor *s, struct pxs_super_run *run,
                               const struct pxs_store_attempt *row, const char *name,
                               const char *dir, enum pxs_run_state *state, double now,
                               struct pxs_error *err) {
    struct pxs_folder_locks locks;
    if (!folder_is_there(dir) && pxs_lives_here(s, row)) {
        say_waits(s, run, "%s: its folder is gone, but its worker (pid %lld) lives; waiting for it",
                  name, row->pid);
        return PXS_OK;
    }
    if (!folder_is_there(dir))
        return recover(s, row, state, err);
    enum pxs_status status = pxs_folder_lock(dir, &locks, err);
    if (status == PXS_E_BUSY && locks.supervised) {
        say_waits(s, run,
                  row->pid > 0
                      ? "%s: runs under another `pixsweep run` (worker pid %lld); waiting for it"
                      : "%s: another `pixsweep run` is about to start it; waiting for it",
                  name, row->pid);
        return PXS_OK;
    }
    if (status == PXS_E_BUSY && locks.claimed) {
        run->claimed_until = now + pxs_claim_retry(s);
        if (!run->waited_said)
            pxs_say(s, PXS_LOG_INFO, "%s: %s; waiting for it", name, err->message);
        run->waited_said = true;
        return PXS_OK;
    }
    if (status == PXS_E_BUSY) {
        say_waits(s, run,
                  row->pid > 0 ? "%s: waiting for its old worker (pid %lld) to stop"
                               : "%s: waiting for its old worker to stop",
                  name, row->pid);
        end_old_worker(s, run, row, name, now);
        return PXS_OK;
    }
    if (status != PXS_OK)
        return pxs_fail(err, PXS_E_INVALID, "%s", err->message);
    status = recover(s, row, state, err);
    if (status == PXS_OK)
        pxs_remove_temps(
            dir); /* half-written files of the killed ones: the locks keep others out */
    pxs_folder_unlock(&locks);
    return status;
}

/* What stands in a run's own folder keeps no other run waiting, and is no trouble of the
 * database. */
static bool leave_out(struct pxs_supervisor *s, size_t index, enum pxs_status status,
                      const struct pxs_error *err) {
    struct pxs_super_run *run = &s->runs[index];
    if (status != PXS_E_EXISTS && status != PXS_E_CORRUPT && status != PXS_E_INVALID)
        return false;
    snprintf(run->reason, sizeof run->reason, "cannot be ingested: %.200s", err->message);
    pxs_say(s, PXS_LOG_ERROR, "%s: cannot be ingested: %s", s->plan->runs[index].name,
            err->message);
    run->place = PXS_PLACE_OVER;
    return true;
}

static enum pxs_status look_at_attempts(struct pxs_supervisor *s, double now,
                                        struct pxs_error *err) {
    struct pxs_store_attempt *open = NULL;
    size_t n = 0;
    PXS_TRY(pxs_store_open_attempts(s->store, s->sweep_id, &open, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++)
        for (size_t j = 0; j < s->plan->n && status == PXS_OK; j++) {
            struct pxs_plan_run *run = &s->plan->runs[j];
            if (run->run_id == open[i].run_id && s->runs[j].place == PXS_PLACE_OTHER &&
                now >= s->runs[j].claimed_until)
                status =
                    look_at(s, &s->runs[j], &open[i], run->name, run->dir, &run->state, now, err);
            if (status != PXS_OK && leave_out(s, j, status, err))
                status = PXS_OK;
        }
    free(open);
    return status;
}

/* What others have done to a run since the last look. `state`: as the database has it. */
static void place_by_state(struct pxs_supervisor *s, size_t index, enum pxs_run_state state,
                           double now) {
    struct pxs_super_run *run = &s->runs[index];
    enum pxs_run_state *known = &s->plan->runs[index].state;
    for (int i = 0; i < s->n_slots && state == PXS_STATE_CANCELLED; i++)
        if (s->slots[i].busy && s->slots[i].run == index)
            pxs_attempt_ask(&s->slots[i], PXS_ASKED_CANCEL, now);
    /* A run that is over for this session comes back only where a user queued it again. */
    if (run->place == PXS_PLACE_OTHER && now < run->claimed_until)
        return;
    bool again =
        run->place == PXS_PLACE_OVER && state == PXS_STATE_QUEUED && *known != PXS_STATE_QUEUED;
    if (run->place == PXS_PLACE_HERE || (run->place == PXS_PLACE_OVER && !again))
        return;
    if (*known == PXS_STATE_NOT_NEEDED && pxs_plan_will_run(s->plan, state))
        return; /* its row stays queued */
    *known = state;
    if (again)
        pxs_race_forget(s, index);
    if (again)
        pxs_say(s, PXS_LOG_INFO, "%s: queued again", s->plan->runs[index].name);
    if (pxs_plan_will_run(s->plan, state))
        run->place = PXS_PLACE_TODO;
    else
        run->place = state == PXS_STATE_RUNNING ? PXS_PLACE_OTHER : PXS_PLACE_OVER;
    if (run->place != PXS_PLACE_OTHER)
        run->waiting_since = NAN;
}

void pxs_run_removed(struct pxs_supervisor *s, size_t index) {
    struct pxs_super_run *run = &s->runs[index];
    if (run->place != PXS_PLACE_TODO && run->place != PXS_PLACE_OTHER)
        return;
    run->place = PXS_PLACE_OVER;
    s->plan->runs[index].state = PXS_STATE_REMOVED;
    pxs_say(s, PXS_LOG_INFO, "%s: removed from the database in the meantime; left out",
            s->plan->runs[index].name);
}

static int by_run_id(const void *a, const void *b) {
    const struct pxs_store_run_state *x = a, *y = b;
    return (x->run_id > y->run_id) - (x->run_id < y->run_id);
}

/* The states as they are in the database now. */
static enum pxs_status refresh(struct pxs_supervisor *s, double now, struct pxs_error *err) {
    struct pxs_store_run_state *states = NULL;
    size_t n = 0;
    PXS_TRY(pxs_store_run_states(s->store, s->sweep_id, &states, &n, err));
    for (size_t i = 0; i < s->plan->n; i++) {
        struct pxs_store_run_state key = {.run_id = s->plan->runs[i].run_id};
        const struct pxs_store_run_state *found =
            n > 0 ? bsearch(&key, states, n, sizeof *states, by_run_id) : NULL;
        if (found)
            place_by_state(s, i, found->state, now);
        else
            pxs_run_removed(s, i);
    }
    free(states);
    return PXS_OK;
}

/* Without the database: the holder of a run's folder may have finished the run, or died. A task
 * looks at one of them a second at most, since many tasks look at many runs on one disk. */
static void look_at_folders(struct pxs_supervisor *s, double now) {
    double every = pxs_claim_retry(s);
    size_t others = 0;
    for (size_t i = 0; i < s->plan->n; i++)
        others += s->runs[i].place == PXS_PLACE_OTHER;
    if (s->task)
        every = fmax(every, (double)others);
    for (size_t i = 0; i < s->plan->n; i++) {
        struct pxs_folder_locks locks;
        struct pxs_run_records found = {0};
        struct pxs_error err;
        if (s->runs[i].place != PXS_PLACE_OTHER || now < s->runs[i].claimed_until)
            continue;
        enum pxs_status status = pxs_folder_look(s->plan->runs[i].dir, &locks, &err);
        bool old_worker = status == PXS_E_BUSY && !locks.supervised && !locks.claimed;
        if (old_worker && isnan(s->runs[i].waiting_since))
            s->runs[i].waiting_since = now;
        if (!old_worker)
            s->runs[i].waiting_since = NAN;
        if (status != PXS_OK) {
            s->runs[i].claimed_until = locks.claimed || (s->task && !old_worker) ? now + every : 0;
            continue;
        }
        s->runs[i].place = PXS_PLACE_TODO;
        s->runs[i].looked_at = s->runs[i].parked_until = -INFINITY;
        if (pxs_run_records_read(s->plan->runs[i].dir, &found, &err) == PXS_OK &&
            pxs_folder_is_done(s, i, &found)) {
            s->plan->runs[i].state = pxs_run_records_state(&found);
            s->runs[i].place = PXS_PLACE_OVER;
        }
        pxs_run_records_finish(&found);
        pxs_folder_unlock(&locks);
    }
}

void pxs_other_supervisors_look(struct pxs_supervisor *s, double now) {
    struct pxs_error err;
    bool shut = pxs_store_shut(s, now);
    if (now - s->others_at < PXS_OTHERS_SECONDS || (!shut && !pxs_store_ready(s, now)))
        return;
    s->others_at = now;
    if (shut) {
        look_at_folders(s, now);
        return;
    }
    enum pxs_status status = refresh(s, now, &err);
    size_t waiting = 0;
    for (size_t i = 0; i < s->plan->n; i++)
        waiting += s->runs[i].place == PXS_PLACE_OTHER;
    if (status == PXS_OK && waiting > 0) {
        status = look_at_attempts(s, now, &err);
        if (status == PXS_OK)
            status = refresh(s, now, &err);
    }
    if (status != PXS_OK)
        pxs_store_trouble(s, &err, now);
}
