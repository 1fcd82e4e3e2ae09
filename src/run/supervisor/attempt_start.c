/* An attempt begins: its folder, its number, its worker. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor_priv.h"

static bool in_dir(const struct pxs_plan_run *run, const char *file, char out[PXS_PATH_MAX]) {
    return pxs_path_join(out, PXS_PATH_MAX, run->dir, file);
}

void pxs_attempt_leave(struct pxs_slot *slot) {
    pxs_claim_release(&slot->claim);
    pxs_lock_release(&slot->guard);
}

double pxs_claim_every(const struct pxs_supervisor *s) {
    return s->options->claim_every > 0 ? s->options->claim_every : PXS_CLAIM_REFRESH_SECONDS;
}

double pxs_claim_retry(const struct pxs_supervisor *s) {
    return pxs_claim_every(s) / 6;
}

/* A run that a newer pixsweep has recorded is left as it is. */
static enum pxs_status check_version(const struct pxs_plan_run *run, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_record_cursor *cursor = NULL;
    if (!in_dir(run, PXS_RECORDS_FILE, path))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", run->dir);
    const enum pxs_status status = pxs_record_cursor_open(path, 0, &cursor, err);
    pxs_record_cursor_close(&cursor);
    return status == PXS_E_UNSUPPORTED ? status : PXS_OK;
}

/* The run's folder is ours once the supervisor's lock is held, no old worker lives and the claim is
 * taken. PXS_E_BUSY otherwise; *claimed: because of another's claim, which the error names. */
static enum pxs_status enter_folder(struct pxs_supervisor *s, struct pxs_slot *slot, bool *claimed,
                                    struct pxs_error *err) {
    const struct pxs_plan_run *run = &s->plan->runs[slot->run];
    struct pxs_lock *guard = &slot->guard;
    char path[PXS_PATH_MAX];
    struct pxs_lock worker = {.fd = -1};
    PXS_TRY(pxs_make_dirs(run->dir, err));
    if (!in_dir(run, PXS_GUARD_FILE, path))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", run->dir);
    PXS_TRY(pxs_lock_take(guard, path, false, err));
    enum pxs_status status = PXS_E_INVALID;
    if (in_dir(run, PXS_WORKER_FILE, path))
        status = pxs_lock_take(&worker, path, false, err);
    if (status == PXS_OK) {
        pxs_lock_release(&worker);
        status = pxs_claim_take(run->dir, &s->claimant, &slot->claim, err);
        *claimed = status == PXS_E_BUSY;
    }
    /* Not before: network disks go on showing for a while what was read of a file. */
    if (status == PXS_OK && (status = check_version(run, err)) != PXS_OK)
        pxs_claim_release(&slot->claim);
    if (status != PXS_OK)
        pxs_lock_release(guard);
    slot->claim_good = pxs_monotonic();
    slot->claim_due = slot->claim_good + pxs_claim_every(s);
    return status;
}

static void fill_row(struct pxs_supervisor *s, int64_t run_id, const cpu_set_t *cores, int threads,
                     struct pxs_store_attempt *row) {
    memset(row, 0, sizeof *row);
    row->run_id = run_id;
    snprintf(row->host, sizeof row->host, "%s", s->host.name);
    snprintf(row->boot_id, sizeof row->boot_id, "%s", s->host.boot_id);
    pxs_cores_text(cores, row->cores, sizeof row->cores);
    row->threads = threads;
    snprintf(row->kernels, sizeof row->kernels, "%s", s->kernels);
    row->started_ms = pxs_now_ms();
}

/* A job's log lies in the sweep's folder, as runs do, and is found from there when that is moved.
 * The folder may be known by a link, the log is not. */
static const char *task_log(const char *log, const char *run_dir, char out[PXS_PATH_MAX]) {
    char sweep[PXS_PATH_MAX], real[PXS_PATH_MAX];
    if (!log || !pxs_path_dir(sweep, sizeof sweep, run_dir) || !realpath(sweep, real))
        return log;
    const size_t n = strlen(real);
    if (strncmp(log, real, n) != 0 || log[n] != '/')
        return log;
    return pxs_path_join(out, PXS_PATH_MAX, "..", log + n + 1) ? out : log;
}

static enum pxs_status launch(struct pxs_supervisor *s, struct pxs_slot *slot,
                              struct pxs_error *err) {
    const struct pxs_plan_run *run = &s->plan->runs[slot->run];
    struct pxs_job job = {.kind = PXS_JOB_ATTEMPT,
                          .supervisor = getpid(),
                          .threads = slot->threads,
                          .kernels = s->options->kernels ? s->options->kernels : "auto",
                          .attempt = slot->row.no,
                          .config_hash = run->config_hash,
                          .data_hash = run->data_hash,
                          .command = s->options->command ? s->options->command : "",
                          .claim = slot->claim.nonce,
                          .resume_every = s->plan->how.resume_every_s,
                          .grace = pxs_grace(s),
                          .allow_mixed = s->options->allow_mixed};
    char log[PXS_PATH_MAX], cache[PXS_PATH_MAX];
    if (pxs_path_join(cache, sizeof cache, s->plan->results, PXS_CACHE_FOLDER))
        job.cache = cache;
    if (s->task) {
        job.task = s->task->task;
        job.restart = s->task->restart;
        job.task_log = task_log(s->task->log, run->dir, log);
    }
    pxs_plan_look_for_shorter(s->plan, slot->run, s->store, s->kernels);
    job.shorter = run->shorter;
    job.keep_final = s->plan->how.keep_final;
    pxs_rungs_tell(s->plan, &job);
    PXS_TRY(pxs_job_write(&job, run->dir, err));
    const char *argv[] = {"pixsweep", "worker", run->dir, NULL};
    struct pxs_process_spec spec = {.argv = argv, .log = slot->log, .cores = &slot->pins};
    return pxs_process_start(&spec, &slot->process, err);
}

/* Each attempt keeps its log: the last one's goes by that attempt's number from now on. */
static enum pxs_status put_log_away(const struct pxs_slot *slot, struct pxs_error *err) {
    char dir[PXS_PATH_MAX], name[64], kept[PXS_PATH_MAX];
    snprintf(name, sizeof name, PXS_OLD_LOG_FILE("%lld"), (long long)(slot->row.no - 1));
    if (slot->row.no < 2 || !pxs_path_dir(dir, sizeof dir, slot->log) ||
        !pxs_path_join(kept, sizeof kept, dir, name) || access(kept, F_OK) == 0)
        return PXS_OK; /* a file in the way stays: then both logs stand in one file */
    if (rename(slot->log, kept) != 0 && errno != ENOENT)
        return pxs_fail_errno(err, "cannot rename %s to %s", slot->log, name);
    return PXS_OK;
}

/* The run is claimed, and its worker does not exist yet: whatever fails here must end the attempt
 * (fail_start). */
static enum pxs_status start_worker(struct pxs_supervisor *s, struct pxs_slot *slot,
                                    struct pxs_error *err) {
    const char *dir = s->plan->runs[slot->run].dir;
    char path[PXS_PATH_MAX];
    struct pxs_text config = {0};
    enum pxs_status status = PXS_OK;
    /* The plan of a task takes what the run is from that very file, which is there but for later
     * seeds of a race. */
    const bool writes = !s->task || (pxs_path_join(path, sizeof path, dir, PXS_CONFIG_FILE) &&
                                     access(path, F_OK) != 0);
    if (writes)
        status = pxs_recorder_config(s, slot, &config, err);
    if (status == PXS_OK && writes)
        status = pxs_run_config_write(dir, pxs_text_str(&config), err);
    pxs_text_finish(&config);
    PXS_TRY(status);
    PXS_TRY(put_log_away(slot, err));
    PXS_TRY(launch(s, slot, err));
    /* A timeout does not count what the launch took. */
    slot->started = slot->said_at = slot->limits_at = pxs_work_clock(s);
    slot->row.started_ms = pxs_now_ms();
    /* By these its row is found when the attempt becomes known to a database that was shut. */
    slot->row.pid = slot->process.child.pid;
    slot->row.pid_start = slot->process.child.pid_start;
    return PXS_OK;
}

static void say_started(struct pxs_supervisor *s, const struct pxs_slot *slot) {
    char again[64] = "";
    if (slot->row.no > 1)
        snprintf(again, sizeof again, ", attempt %lld", (long long)slot->row.no);
    pxs_say(s, PXS_LOG_INFO, "%s: started (pid %lld, %d thread%s%s)", s->plan->runs[slot->run].name,
            (long long)slot->process.child.pid, slot->threads, slot->threads == 1 ? "" : "s",
            again);
}

static enum pxs_status prepare_slot(struct pxs_supervisor *s, struct pxs_slot *slot, size_t index,
                                    double now, struct pxs_error *err) {
    const struct pxs_plan_run *run = &s->plan->runs[index];
    struct pxs_params params;
    memset(slot, 0, sizeof *slot);
    slot->run = index;
    slot->guard.fd = -1;
    slot->process.lifeline = -1;
    slot->started = slot->said_at = slot->limits_at = now;
    slot->intake_at = -INFINITY;
    slot->ended_at = NAN;
    PXS_TRY(pxs_plan_read_params(s->plan, index, &params, err));
    pxs_progress_init(&slot->progress, &params, &run->estimate, run->n_train);
    return PXS_OK;
}

/* Free cores, and a share of those that no other attempt will use. */
static void draw_cores(struct pxs_supervisor *s, struct pxs_slot *slot) {
    cpu_set_t used;
    size_t waiting = 0;
    CPU_ZERO(&used);
    for (int i = 0; i < s->n_slots; i++) {
        if (s->slots[i].busy)
            CPU_OR(&used, &used, &s->slots[i].cores);
    }
    for (size_t i = 0; i < s->plan->n; i++)
        waiting += s->runs[i].place == PXS_PLACE_TODO;
    slot->threads = pxs_slot_draw(&s->plan->slots, &s->allowed, &used, waiting, pxs_open_slots(s),
                                  &slot->cores);
}

static void not_entered(struct pxs_supervisor *s, size_t index, enum pxs_status status,
                        bool claimed, const struct pxs_error *err, double now) {
    struct pxs_super_run *run = &s->runs[index];
    if (status == PXS_E_BUSY) {
        const bool silent = run->waited_said || s->task; /* a task leaves it to its owner */
        struct pxs_error who = *err;
        /* Who holds a lock in the folder has mostly claimed it, too, and the claim names it. */
        if (!silent && !claimed && pxs_claim_look(s->plan->runs[index].dir, &who) != PXS_E_BUSY)
            snprintf(who.message, sizeof who.message, "another process holds its folder");
        if (!silent)
            pxs_say(s, PXS_LOG_INFO, "%s: %s; waiting for it", s->plan->runs[index].name,
                    who.message);
        if (claimed)
            pxs_task_look_for_next_life(s, s->plan->runs[index].dir);
        run->claimed_until = claimed || s->task ? now + pxs_claim_retry(s) : 0;
        run->waited_said = true;
        run->place = PXS_PLACE_OTHER;
        return;
    }
    run->tried_here = true;
    snprintf(run->reason, sizeof run->reason, "cannot start: %.200s", err->message);
    pxs_say(s, PXS_LOG_ERROR, "%s: cannot start: %s", s->plan->runs[index].name, err->message);
    run->place = status == PXS_E_NOSPC ? PXS_PLACE_TODO : PXS_PLACE_OVER;
    if (status == PXS_E_NOSPC)
        pxs_pause_disk_full(s, index, err->message);
    else
        pxs_pause_count_failure(s, index, run->reason);
}

/* Something that is not the run's own fault (a full disk, no memory, a busy database) leaves it
 * interrupted, so that the same command goes on with it. */
static void fail_start(struct pxs_supervisor *s, struct pxs_slot *slot,
                       const struct pxs_error *why) {
    const bool full = why->status == PXS_E_NOSPC,
               own_fault = why->status == PXS_E_INVALID || why->status == PXS_E_UNSUPPORTED;
    const enum pxs_run_state state = own_fault ? PXS_STATE_FAILED : PXS_STATE_INTERRUPTED;
    const struct pxs_store_end end = {.outcome = state,
                                      .state = state,
                                      .exit_code = -1,
                                      .reason = full ? PXS_REASON_NO_SPACE : PXS_REASON_NOT_STARTED,
                                      .message = why->message,
                                      .ended_ms = pxs_now_ms()};
    s->plan->runs[slot->run].state = state;
    s->runs[slot->run].tried_here = true;
    s->runs[slot->run].place = full ? PXS_PLACE_TODO : PXS_PLACE_OVER;
    pxs_attempt_ended(s, slot, &end);
    if (full)
        pxs_pause_disk_full(s, slot->run, why->message);
    else /* whatever keeps runs from starting will keep the others, too */
        pxs_pause_count_failure(s, slot->run, why->message);
    pxs_attempt_leave(slot);
    pxs_say(s, PXS_LOG_ERROR, "%s: %s before it started: %s", s->plan->runs[slot->run].name,
            pxs_state_name(state), why->message);
}

bool pxs_attempt_start(struct pxs_supervisor *s, struct pxs_slot *slot, size_t index, double now) {
    const struct pxs_plan_run *run = &s->plan->runs[index];
    struct pxs_error err;
    bool claimed = false;
    enum pxs_status status = prepare_slot(s, slot, index, now, &err);
    if (status != PXS_OK) {
        not_entered(s, index, status == PXS_E_BUSY ? PXS_E_INVALID : status, false, &err, now);
        return true;
    }
    draw_cores(s, slot);
    if (slot->threads == 0)
        return false;
    pxs_cores_take(s, slot);
    pxs_rungs_look_up(s, index, now); /* what was decided before is not decided anew */
    fill_row(s, run->run_id, &slot->pins, slot->threads, &slot->row);
    status = enter_folder(s, slot, &claimed, &err);
    if (status == PXS_OK &&
        (!in_dir(run, PXS_RECORDS_FILE, slot->records) || !in_dir(run, PXS_LOG_FILE, slot->log))) {
        pxs_attempt_leave(slot);
        status = pxs_fail(&err, PXS_E_INVALID, "the path %s is too long", run->dir);
    }
    if (status == PXS_OK) {
        status = pxs_recorder_claim(s, slot, now, &err);
        if (status != PXS_OK || slot->row.no == 0)
            pxs_attempt_leave(slot);
        if (status == PXS_E_BUSY) /* not the lock in the folder */
            status = PXS_E_INVALID;
    }
    if (status != PXS_OK)
        not_entered(s, index, status, claimed, &err, now);
    else if (slot->row.no != 0 && start_worker(s, slot, &err) != PXS_OK)
        fail_start(s, slot, &err);
    else if (slot->row.no != 0) {
        slot->busy = true;
        s->runs[index].tried_here = true;
        s->plan->runs[index].state = PXS_STATE_RUNNING;
        s->runs[index].place = PXS_PLACE_HERE;
        pxs_recorder_started(s, slot);
        say_started(s, slot);
    }
    if (!slot->busy)
        pxs_cores_let_go(s, slot);
    return true;
}
