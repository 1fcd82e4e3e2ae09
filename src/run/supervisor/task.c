/* A task: a supervisor without a database, one of any number that carry out the same frozen plan.
 * Each takes what it can claim and what its folder says is not done, and ends when nothing is left
 * for it; runs that others have claimed are theirs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor_priv.h"

#define LOOK_SECONDS 15.0     /* between looks at what was asked for in the submission's folder */
#define REQUEUE_SECONDS 120.0 /* that scontrol may take: a controller may be busy */
#define IDLE_MAX 2            /* lives in a row without a step */
#define WORDS_MAX 4096        /* of a reason in a file */

/* ---- what is asked for in the submission's folder ------------------------------------------- */

static bool is_there(const struct pxs_supervisor *s, const char *name) {
    char path[PXS_PATH_MAX];
    return pxs_path_join(path, sizeof path, s->task->dir, name) && access(path, F_OK) == 0;
}

static bool is_cancelled(const struct pxs_supervisor *s, size_t index) {
    char name[64];
    snprintf(name, sizeof name, PXS_TASK_CANCEL "/%lld", (long long)s->plan->runs[index].number);
    return is_there(s, name);
}

static void look_at_pause(struct pxs_supervisor *s) {
    const bool paused = is_there(s, PXS_TASK_PAUSED);
    char path[PXS_PATH_MAX], *why = NULL;
    size_t bytes;
    if (paused == s->task_paused)
        return;
    s->task_paused = paused;
    if (!paused)
        pxs_say(s, PXS_LOG_INFO, "no longer paused");
    else if (!s->pause.paused) {
        if (pxs_path_join(path, sizeof path, s->task->dir, PXS_TASK_PAUSED) &&
            pxs_read_file(path, WORDS_MAX, &why, &bytes, NULL) == PXS_OK)
            why[strcspn(why, "\n")] = '\0';
        pxs_say(s, PXS_LOG_WARN, "paused: %s/" PXS_TASK_PAUSED " is there; nothing is started%s%s",
                s->task->dir, why && why[0] ? ": " : "", why ? why : "");
    }
    free(why);
}

void pxs_task_look(struct pxs_supervisor *s, double now) {
    if (!s->task || now - s->task_looked_at < LOOK_SECONDS)
        return;
    s->task_looked_at = now;
    look_at_pause(s);
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy && is_cancelled(s, s->slots[i].run))
            pxs_attempt_ask(&s->slots[i], PXS_ASKED_CANCEL, now);
}

bool pxs_task_passes_over(struct pxs_supervisor *s, size_t index) {
    if (!s->task || !is_cancelled(s, index))
        return false;
    s->plan->runs[index].state = PXS_STATE_CANCELLED;
    s->runs[index].place = PXS_PLACE_OVER;
    pxs_say(s, PXS_LOG_INFO, "%s: cancelled", s->plan->runs[index].name);
    return true;
}

bool pxs_task_is_paused(struct pxs_supervisor *s) {
    if (s->task)
        look_at_pause(s);
    return s->task_paused;
}

/* ---- failures of all tasks ------------------------------------------------------------------ */

/* How many marks of failures there are. */
static int64_t count_marks(const struct pxs_supervisor *s, bool remove) {
    char path[PXS_PATH_MAX];
    int64_t n = 0;
    DIR *folder = opendir(s->task->dir);
    for (struct dirent *e = folder ? readdir(folder) : NULL; e; e = readdir(folder)) {
        if (strncmp(e->d_name, PXS_TASK_FAILURE, strlen(PXS_TASK_FAILURE)) != 0)
            continue;
        n++;
        if (remove && pxs_path_join(path, sizeof path, s->task->dir, e->d_name))
            unlink(path);
    }
    if (folder)
        closedir(folder);
    return n;
}

int64_t pxs_task_count_failure(struct pxs_supervisor *s, size_t index) {
    const struct pxs_plan_run *run = &s->plan->runs[index];
    char name[64], path[PXS_PATH_MAX];
    snprintf(name, sizeof name, PXS_TASK_FAILURE "%lld", (long long)run->number);
    if (!pxs_path_join(path, sizeof path, s->task->dir, name) ||
        pxs_write_file(path, run->name, strlen(run->name), NULL) != PXS_OK)
        return s->pause.failures + 1;
    return count_marks(s, false);
}

void pxs_task_forget_failures(const struct pxs_supervisor *s) {
    count_marks(s, true);
}

bool pxs_task_waits(const struct pxs_supervisor *s, size_t index) {
    const char *dir = s->plan->runs[index].dir;
    struct pxs_run_records found = {0};
    struct pxs_error err;
    if (pxs_claim_look(dir, &err) == PXS_E_BUSY)
        return false;
    const bool done =
        pxs_run_records_read(dir, &found, &err) == PXS_OK && pxs_folder_is_done(s, index, &found);
    pxs_run_records_finish(&found);
    return !done;
}

void pxs_task_pause(struct pxs_supervisor *s) {
    char path[PXS_PATH_MAX];
    struct pxs_error err = {.message = "its path is too long"};
    if (!is_there(s, PXS_TASK_PAUSED) &&
        (!pxs_path_join(path, sizeof path, s->task->dir, PXS_TASK_PAUSED) ||
         pxs_write_file(path, s->pause.reason, strlen(s->pause.reason), &err) != PXS_OK))
        pxs_say(s, PXS_LOG_WARN, "other tasks cannot be told: %s", err.message);
    pxs_task_forget_failures(s); /* whoever goes on counts from the beginning */
}

/* ---- its end -------------------------------------------------------------------------------- */

bool pxs_task_time_is_up(struct pxs_supervisor *s) {
    const struct pxs_task_options *t = s->task;
    if (!t || s->time_is_up)
        return s->time_is_up;
    const double warn = fmin(t->warn, t->seconds / 2);
    s->time_is_up = (t->stop && atomic_load(&t->stop->time_is_up) != 0) ||
                    (t->seconds > 0 && pxs_monotonic() - s->task_began >= t->seconds - warn);
    return s->time_is_up;
}

/* Slurm starts a task again that it takes for dead, as where its node was cut off. Whatever this
 * life claims is void for the next one, so it only wastes time, and must not requeue it. */
void pxs_task_look_for_next_life(struct pxs_supervisor *s, const char *dir) {
    struct pxs_claim_owner owner;
    char nonce[PXS_CLAIM_NONCE];
    int64_t touched_ms;
    if (!s->task || s->superseded || !s->claimant.task[0] ||
        pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL) != PXS_OK ||
        strcmp(owner.task, s->claimant.task) != 0 || owner.restart <= s->claimant.restart)
        return;
    s->superseded = true;
    pxs_say(s, PXS_LOG_WARN, "task %s was started again and works on %s: this one ends", owner.task,
            owner.host);
}

/* An old worker whose supervisor died here stops by itself, and its run is ours then. */
static bool old_worker_stops(const struct pxs_super_run *run, double now) {
    return run->place == PXS_PLACE_OTHER && !isnan(run->waiting_since) &&
           now - run->waiting_since < PXS_OLD_WORKER_SECONDS;
}

/* Can a run that is to be done be worked on here, now or later? One that is parked, for a run of
 * another task, or for one that is over and whose records are still to be read. Where it waits for
 * a run that is to be done here, that one is asked; else that one does not go on here. */
static bool comes_here(struct pxs_supervisor *s, size_t run, double now) {
    size_t pending;
    return !pxs_rungs_park(s, run, now, &pending) || s->runs[pending].place == PXS_PLACE_OTHER ||
           (s->runs[pending].place == PXS_PLACE_OVER &&
            !pxs_plan_will_run(s->plan, s->plan->runs[pending].state));
}

bool pxs_task_goes_on(struct pxs_supervisor *s, double now) {
    bool left = false;
    for (int i = 0; i < s->n_slots; i++)
        left = left || s->slots[i].busy;
    if (left || s->stopping || s->pause.paused || s->task_paused || s->budget.cut)
        return left;
    /* Before it ends, it looks again at what others had. */
    for (int look = 0;; look++) {
        for (size_t i = 0; i < s->plan->n; i++)
            left = left ||
                   (s->runs[i].place == PXS_PLACE_TODO && comes_here(s, i, now) &&
                    !pxs_race_blocks(s, i)) ||
                   old_worker_stops(&s->runs[i], now);
        left = left || pxs_race_is_open(s);
        if (left || look > 0)
            return left;
        for (size_t i = 0; i < s->plan->n; i++)
            if (isnan(s->runs[i].waiting_since))
                s->runs[i].claimed_until = 0;
        s->others_at = -INFINITY;
        pxs_other_supervisors_look(s, now);
    }
}

/* How often in a row this task was requeued without a step: a file that the next life reads. */
static bool idle_file(const struct pxs_supervisor *s, char path[PXS_PATH_MAX]) {
    char name[128];
    if (!s->task->task || !s->task->task[0] || strchr(s->task->task, '/'))
        return false;
    snprintf(name, sizeof name, PXS_TASK_IDLE "%s", s->task->task);
    return pxs_path_join(path, PXS_PATH_MAX, s->task->dir, name);
}

/* Is all that is left parked, or waits for a look of the race, which more time would not have
 * changed? */
static bool only_waits(struct pxs_supervisor *s) {
    const double now = pxs_work_clock(s);
    size_t pending;
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->runs[i].place != PXS_PLACE_OTHER &&
            pxs_plan_will_run(s->plan, s->plan->runs[i].state) && pxs_race_allows(s->plan, i) &&
            !pxs_rungs_park(s, i, now, &pending))
            return false;
    return true;
}

/* False where the task has come to nothing too often. */
static bool note_life(struct pxs_supervisor *s) {
    char path[PXS_PATH_MAX], *text = NULL, number[32];
    size_t bytes;
    if (!idle_file(s, path))
        return true;
    if (s->made_step || only_waits(s)) {
        unlink(path);
        return true;
    }
    const long long before = pxs_read_file(path, sizeof number, &text, &bytes, NULL) == PXS_OK
                                 ? strtoll(text, NULL, 10)
                                 : 0;
    free(text);
    const int n = snprintf(number, sizeof number, "%lld\n", before + 1);
    if (pxs_write_file(path, number, (size_t)n, NULL) != PXS_OK)
        return true;
    return before + 1 < IDLE_MAX;
}

/* Has Slurm start this very job again; false where that cannot be. What scontrol says goes to the
 * job's log. */
static bool requeue(struct pxs_supervisor *s) {
    const char *const argv[] = {"scontrol", "requeue", s->task->requeue, NULL};
    struct pxs_child child = {0};
    struct pxs_error err;
    if (!s->task->requeue || !s->task->requeue[0])
        return false;
    const int log = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (log < 0)
        return false;
    const struct pxs_child_spec spec = {
        .what = "scontrol", .program = "scontrol", .argv = argv, .in = -1, .out = log, .err = log};
    enum pxs_status status = pxs_child_start(&spec, &child, &err);
    close(log);
    if (status != PXS_OK) {
        pxs_say(s, PXS_LOG_WARN, "%s", err.message);
        return false;
    }
    const struct pxs_exit how = pxs_child_finish(&child, REQUEUE_SECONDS);
    if (how.how == PXS_EXITED && how.code == 0)
        return true;
    pxs_say(s, PXS_LOG_WARN, "`scontrol requeue %s` did not work (%s %d)", s->task->requeue,
            how.how == PXS_EXITED ? "exit" : "signal", how.code);
    return false;
}

/* The time is up and something is left. */
static int come_again(struct pxs_supervisor *s) {
    const bool again = note_life(s);
    if (!again)
        pxs_say(s, PXS_LOG_ERROR,
                "task %s had no time for a single training step, %d times in a row: it is not "
                "started again; give it more time, or see the runs' " PXS_LOG_FILE,
                s->task->task, IDLE_MAX);
    if (again && atomic_load(&s->task->stop->signal) == 0 && requeue(s)) {
        pxs_say(s, PXS_LOG_INFO, "requeued as job %s", s->task->requeue);
        return PXS_TASK_STOPPED;
    }
    if (!again)
        return PXS_TASK_FAILED;
    char path[PXS_PATH_MAX];
    struct pxs_error err = {.message = "its path is too long"};
    if (!pxs_path_join(path, sizeof path, s->task->dir, PXS_TASK_AGAIN_MARK) ||
        pxs_write_file(path, "", 0, &err) != PXS_OK)
        pxs_say(s, PXS_LOG_WARN, "who submits again cannot be told: %s", err.message);
    return PXS_TASK_AGAIN;
}

static int sum_up(struct pxs_supervisor *s) {
    size_t done = 0, failed = 0, elsewhere = 0, left = 0;
    char time[32];
    for (size_t i = 0; i < s->plan->n; i++) {
        const enum pxs_run_state state = s->plan->runs[i].state;
        const struct pxs_super_run *run = &s->runs[i];
        done += pxs_state_is_done(state);
        elsewhere += run->place == PXS_PLACE_OTHER;
        left += run->place != PXS_PLACE_OTHER && pxs_plan_will_run(s->plan, state);
        failed += run->place == PXS_PLACE_OVER && run->tried_here && !pxs_state_is_done(state) &&
                  state != PXS_STATE_CANCELLED && state != PXS_STATE_INTERRUPTED;
    }
    pxs_format_duration(time, pxs_monotonic() - s->task_began);
    pxs_say(s, PXS_LOG_INFO,
            "%s: %zu of %zu runs done, %zu failed here, %zu at work elsewhere, %zu left; %s",
            s->plan->sweep, done, s->plan->n, failed, elsewhere, left, time);
    if (atomic_load(&s->task->stop->signal) != 0 || s->superseded)
        return PXS_TASK_STOPPED;
    if (s->time_is_up && left > 0)
        return come_again(s);
    char path[PXS_PATH_MAX];
    if (idle_file(s, path))
        unlink(path);
    return failed > 0 || (left > 0 && !s->task_paused && !s->budget.cut) ? PXS_TASK_FAILED
                                                                         : PXS_TASK_NOTHING_LEFT;
}

/* ---- its beginning -------------------------------------------------------------------------- */

static enum pxs_status set_up(struct pxs_supervisor *s, struct pxs_sweep_options *options,
                              struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct stat info;
    struct pxs_cpu cpu;
    struct pxs_memory memory;
    PXS_TRY(pxs_plan_thaw(s->task->dir, &s->plan, options, err));
    PXS_TRY(pxs_kernels_named(options->kernels, s->kernels, err));
    /* What failed after the plan was made stays failed; before, it is to be tried again. */
    if (!pxs_path_join(path, sizeof path, s->task->dir, PXS_PLAN_FILE) || stat(path, &info) != 0)
        return pxs_fail_errno(err, "cannot look at %s/" PXS_PLAN_FILE, s->task->dir);
    s->started_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;

    pxs_cpu_detect(&cpu);
    const int cores = s->task->cores > 0 && s->task->cores < cpu.cores ? s->task->cores : cpu.cores;
    s->plan->slots = pxs_sweep_slots(cores, options->jobs, options->threads);
    pxs_plan_total(s->plan);
    pxs_memory_look("", &memory);
    const size_t todo = pxs_plan_at_once(s->plan);
    pxs_slots_fit(&s->plan->slots, todo > 0 ? todo : 1);
    pxs_slots_fit(&s->plan->slots, pxs_slots_memory(s->plan->memory_each, memory.available));
    return pxs_supervisor_prepare(s, err);
}

enum pxs_status pxs_task_run(const struct pxs_task_options *task,
                             const struct pxs_sweep_listener *listener, int *exit_code,
                             struct pxs_error *err) {
    struct pxs_sweep_options options = {.stop = task->stop};
    struct pxs_supervisor s;
    pxs_supervisor_begin(&s, &options, listener);
    s.task = task;
    s.task_began = pxs_monotonic();
    s.task_looked_at = -INFINITY;
    pxs_claim_owner_here(task->task, task->restart, &s.claimant);
    enum pxs_status status = set_up(&s, &options, err);
    if (status == PXS_OK) {
        const struct pxs_sweep_slots *slots = &s.plan->slots;
        pxs_say(&s, PXS_LOG_INFO, "%s: task %s on %s, %d job%s at a time with %d thread%s each",
                s.plan->sweep, task->task && task->task[0] ? task->task : "of its own", s.host.name,
                slots->jobs, slots->jobs == 1 ? "" : "s", slots->threads,
                slots->threads == 1 ? "" : "s");
        status = pxs_supervise(&s, err);
    }
    if (status == PXS_OK)
        *exit_code = sum_up(&s);
    pxs_supervisor_end(&s);
    return status;
}
