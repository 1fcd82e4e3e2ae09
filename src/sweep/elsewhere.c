/* Runs that the database says are running, but not in our slots: other supervisors' runs, and what a dead one left.
 *
 * A supervisor holds a lock in the folder of each run that it has in a slot, and locks die with their process. So: lock
 * held = somebody lives and will finish it; lock free = its supervisor is gone. Then, when its worker has gone too
 * (it stops by itself at its next batch), what stands in the record file is taken home. */
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

static void say_waits(struct pxs_supervisor *s, struct pxs_super_run *run, const char *fmt, const char *name,
                      int64_t pid) {
    if (!run->waited_said)
        pxs_say(s, PXS_LOG_INFO, fmt, name, (long long)pid);
    run->waited_said = true;
}

/* An old worker that does not stop although nobody waits for it: killed, if the pid is still this very process. */
static void end_old_worker(struct pxs_supervisor *s, struct pxs_super_run *run,
                           const struct pxs_store_attempt *row, const char *name, double now) {
    if (isnan(run->waiting_since))
        run->waiting_since = now;
    if (now - run->waiting_since < PXS_OLD_WORKER_SECONDS)
        return;
    bool same = strcmp(row->host, s->host.name) == 0 && strcmp(row->boot_id, s->host.boot_id) == 0 &&
                row->pid > 1 && row->pid_start != 0 && pxs_pid_start(row->pid) == row->pid_start;
    if (same) {
        pxs_say(s, PXS_LOG_WARN, "%s: the old worker (pid %lld) did not stop within a minute; killed", name,
                (long long)row->pid);
        kill((pid_t)row->pid, SIGKILL);
    }
    run->waiting_since = now;
}

static enum pxs_status take_home(struct pxs_supervisor *s, const struct pxs_store_attempt *row,
                                 const char *dir, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    int64_t offset;
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_error none;
    size_t taken = PXS_INTAKE_RECORDS;
    if (!pxs_path_join(path, sizeof path, dir, PXS_RECORDS_FILE) ||
        pxs_record_find_attempt(path, row->no, &offset, &none) != PXS_OK)
        return PXS_OK; /* it never began */
    offset = row->record_offset > offset ? row->record_offset : offset;
    if (pxs_record_cursor_open(path, offset, &cursor, &none) != PXS_OK)
        return PXS_OK;
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && taken == PXS_INTAKE_RECORDS)
        status =
            pxs_store_intake(s->store, row->attempt_id, cursor, PXS_INTAKE_RECORDS, NULL, NULL, &taken, err);
    pxs_record_cursor_close(&cursor);
    return status;
}

/* With both locks in hand: the attempt is closed as its END record says, or as interrupted. */
static enum pxs_status recover(struct pxs_supervisor *s, const struct pxs_store_attempt *row,
                               const char *name, const char *dir, char state[16], struct pxs_error *err) {
    struct pxs_store_attempt now_row;
    PXS_TRY(pxs_store_attempt(s->store, row->attempt_id, &now_row, err));
    if (now_row.ended_ms != 0)
        return PXS_OK; /* somebody was quicker */
    enum pxs_status status = take_home(s, &now_row, dir, err);
    if (status == PXS_E_CORRUPT)
        pxs_say(s, PXS_LOG_WARN, "%s: what follows the damage in its record file is lost: %s", name,
                err->message);
    else if (status != PXS_OK)
        return status;
    PXS_TRY(pxs_store_attempt(s->store, row->attempt_id, &now_row, err));
    bool ended = now_row.outcome[0] != '\0';
    struct pxs_store_end end = {.outcome = ended ? NULL : "interrupted",
                                .state = ended ? now_row.outcome : "interrupted",
                                .exit_code = -1,
                                .message = ended ? NULL : "its supervisor ended before it did",
                                .ended_ms = pxs_now_ms()};
    status = pxs_store_attempt_end(s->store, row->attempt_id, &end, err);
    if (status == PXS_E_EXISTS)
        return PXS_OK;
    PXS_TRY(status);
    snprintf(state, 16, "%s", end.state);
    pxs_say(s, PXS_LOG_INFO,
            "%s: attempt %lld was left without its supervisor; its records are taken in, it is %s", name,
            (long long)row->no, end.state);
    return PXS_OK;
}

/* Locks that are free are held while the attempt is taken home, so that no third process does the same. */
static enum pxs_status look_at(struct pxs_supervisor *s, struct pxs_super_run *run,
                               const struct pxs_store_attempt *row, const char *name, const char *dir,
                               char state[16], double now, struct pxs_error *err) {
    char guard_path[PXS_PATH_MAX], worker_path[PXS_PATH_MAX];
    struct pxs_lock guard = {.fd = -1}, worker = {.fd = -1};
    if (!folder_is_there(dir))
        return recover(s, row, name, dir, state, err);
    if (!pxs_path_join(guard_path, sizeof guard_path, dir, PXS_GUARD_FILE) ||
        !pxs_path_join(worker_path, sizeof worker_path, dir, PXS_WORKER_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    enum pxs_status status = pxs_lock_take(&guard, guard_path, false, err);
    if (status == PXS_E_BUSY) {
        say_waits(s, run, "%s: runs under another `pixsweep run` (worker pid %lld); waiting for it", name,
                  row->pid);
        return PXS_OK;
    }
    PXS_TRY(status);
    status = pxs_lock_take(&worker, worker_path, false, err);
    if (status == PXS_OK) {
        status = recover(s, row, name, dir, state, err);
    } else if (status == PXS_E_BUSY) {
        say_waits(s, run, "%s: waiting for its old worker (pid %lld) to stop", name, row->pid);
        end_old_worker(s, run, row, name, now);
        status = PXS_OK;
    }
    pxs_lock_release(&worker);
    pxs_lock_release(&guard);
    return status;
}

static enum pxs_status look_at_attempts(struct pxs_supervisor *s, double now, struct pxs_error *err) {
    struct pxs_store_attempt *open = NULL;
    size_t n = 0;
    PXS_TRY(pxs_store_open_attempts(s->store, s->sweep_id, &open, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++)
        for (size_t j = 0; j < s->plan->n && status == PXS_OK; j++) {
            struct pxs_plan_run *run = &s->plan->runs[j];
            if (run->run_id == open[i].run_id && s->runs[j].place == PXS_PLACE_ELSEWHERE)
                status = look_at(s, &s->runs[j], &open[i], run->name, run->dir, run->state, now, err);
        }
    free(open);
    return status;
}

static void place_by_state(struct pxs_super_run *run, const char *state) {
    if (pxs_state_takeable(state))
        run->place = PXS_PLACE_TODO;
    else if (strcmp(state, "running") != 0)
        run->place = PXS_PLACE_OVER;
    if (run->place != PXS_PLACE_ELSEWHERE)
        run->waiting_since = NAN;
}

/* The states as they are in the database now, of the runs that others work on. */
static enum pxs_status refresh(struct pxs_supervisor *s, size_t *n, struct pxs_error *err) {
    for (size_t i = 0; i < s->plan->n; i++) {
        if (s->runs[i].place != PXS_PLACE_ELSEWHERE)
            continue;
        struct pxs_plan_run *run = &s->plan->runs[i];
        struct pxs_table t = {0};
        struct pxs_cell id = pxs_cell_int(run->run_id);
        PXS_TRY(pxs_store_select(s->store, "SELECT state FROM run WHERE run_id = ?1", &id, 1, &t, err));
        struct pxs_cell state = pxs_table_at(&t, 0, "state");
        if (state.text)
            snprintf(run->state, sizeof run->state, "%s", state.text);
        pxs_table_finish(&t);
        ++*n;
    }
    return PXS_OK;
}

void pxs_look_elsewhere(struct pxs_supervisor *s, double now) {
    size_t n = 0;
    struct pxs_error err;
    if (now - s->elsewhere_at < PXS_ELSEWHERE_SECONDS || !pxs_store_ready(s, now))
        return;
    s->elsewhere_at = now;
    enum pxs_status status = refresh(s, &n, &err);
    if (status == PXS_OK && n == 0)
        return;
    if (status == PXS_OK)
        status = look_at_attempts(s, now, &err);
    if (status != PXS_OK) {
        pxs_store_trouble(s, &err, now);
        return;
    }
    pxs_store_fine(s);
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->runs[i].place == PXS_PLACE_ELSEWHERE)
            place_by_state(&s->runs[i], s->plan->runs[i].state);
}
