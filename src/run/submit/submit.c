/* Submission: what jobs need is written into a folder of its own, then the launcher is called until
 * it has an answer. Who submits holds a claim on the sweep's folder of submissions, so that two at
 * once, on two machines, do not start twice as many jobs as there are runs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pixsweep/base/child.h"
#include "pixsweep/rundir.h"
#include "pixsweep/rundir/claim.h"
#include "pixsweep/supervisor.h"
#include "submit_priv.h"

#define PROGRAM_MAX (1u << 30)
#define FIRST_WAIT                                                                 \
    2.0 /* seconds before a launcher without an answer is asked again; then longer \
         */
#define LONGEST_WAIT 60.0
#define VERSION_SECONDS 60.0 /* for the program's copy to say what it is */

struct submission {
    const struct pxs_submit_options *options;
    struct pxs_plan *plan;
    struct pxs_jobs jobs;
    struct pxs_claim claim;
    struct pxs_submitted *out;
    bool measured; /* what memory the runs need */
};

static void say(struct submission *s, enum pxs_log_level level, const char *text) {
    pxs_log(s->options->sweep->logger, level, "%s", text);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static bool is_stopped(const struct submission *s) {
    const struct pxs_stop *stop = s->options->sweep->stop;
    return stop && atomic_load(&stop->signal) != 0;
}

static enum pxs_status stopped(struct pxs_error *err) {
    return pxs_fail(err, PXS_E_STOPPED,
                    "interrupted while submitting; the same command goes on, and starts nothing "
                    "twice");
}

/* Waits, and keeps the claim meanwhile. */
static enum pxs_status wait_for(struct submission *s, double seconds, struct pxs_error *err) {
    const double until = pxs_monotonic() + seconds;
    while (pxs_monotonic() < until) {
        if (is_stopped(s))
            return stopped(err);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return s->claim.path[0] ? pxs_claim_refresh(&s->claim, err) : PXS_OK;
}

/* Tells `why` and waits, longer each time. */
static enum pxs_status wait_after(struct submission *s, const struct pxs_error *why, double *wait,
                                  struct pxs_error *err) {
    const double seconds = *wait;
    pxs_log(s->options->sweep->logger, PXS_LOG_WARN, "%s; trying again in %.0f s (Ctrl-C leaves)",
            why->message, seconds);
    *wait = seconds * 2 < LONGEST_WAIT ? seconds * 2 : LONGEST_WAIT;
    return wait_for(s, seconds, err);
}

/* ---- the folder of submissions -------------------------------------------------------------- */

static enum pxs_status take_claim(struct submission *s, struct pxs_error *err) {
    char dir[PXS_PATH_MAX], tail[160];
    struct pxs_claim_owner me;
    struct pxs_error why;
    double wait = FIRST_WAIT;
    snprintf(tail, sizeof tail, "%s/" PXS_CLUSTER_FOLDER, s->plan->sweep);
    if (!pxs_path_join(dir, sizeof dir, s->plan->results, tail))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", s->plan->results);
    PXS_TRY(pxs_make_dirs(dir, err));
    pxs_claim_owner_here(NULL, 0, &me);
    enum pxs_status status;
    while ((status = pxs_claim_take(dir, &me, &s->claim, &why)) == PXS_E_BUSY) {
        pxs_error_prefix(&why, "another pixsweep submits this sweep");
        PXS_TRY(wait_after(s, &why, &wait, err));
    }
    if (status != PXS_OK && err)
        *err = why;
    return status;
}

static void say_preflight(void *user, enum pxs_log_level level, const char *text) {
    say(user, level, text);
}

/* The memory that runs need, by a batch of each shape; once, and only where jobs are to be started,
 * since it may take a while. */
static enum pxs_status measure(struct submission *s, struct pxs_error *err) {
    const struct pxs_sweep_listener listener = {.user = s, .line = say_preflight};
    uint64_t need = 0;
    if (s->measured || s->options->no_probe)
        return PXS_OK;
    PXS_TRY(pxs_sweep_preflight(s->options->sweep, &listener, s->plan, true, &need, err));
    PXS_TRY(pxs_claim_refresh(&s->claim, err));
    pxs_jobs_size(s->plan, s->options, need, &s->jobs);
    s->measured = true;
    return PXS_OK;
}

/* An earlier submission without an answer is settled before a new one is thought of. */
static enum pxs_status settle_earlier(struct submission *s, const char *dir, int64_t count,
                                      struct pxs_submission *sub, struct pxs_error *err) {
    struct pxs_launcher l;
    struct pxs_error why;
    double wait = FIRST_WAIT;
    enum pxs_status status;
    PXS_TRY(measure(s, err));
    PXS_TRY(pxs_jobs_earlier(s->plan, dir, s->options->sweep, &s->jobs.arena, &l, err));
    l.mem_mb = s->jobs.mem_mb;
    for (;;) {
        pxs_submission_finish(sub);
        status = pxs_launcher_submit(&l, count, sub, &why);
        if (status != PXS_E_BUSY)
            break;
        PXS_TRY(wait_after(s, &why, &wait, err));
    }
    if (status != PXS_OK && err)
        *err = why;
    return status;
}

/* Counts the living jobs of one earlier submission, whatever time it takes to learn that. Where a
 * job that has a claim does not live, the launcher is asked once more before its claim is void.
 */
static enum pxs_status look_at_earlier(struct submission *s, const char *dir,
                                       struct pxs_job_claims *claims, struct pxs_submission *sub,
                                       struct pxs_error *err) {
    struct pxs_launched_list list = {0};
    struct pxs_launcher l;
    struct pxs_error why;
    double wait = FIRST_WAIT;
    enum pxs_status status;
    if (sub->state == PXS_SUBMISSION_UNKNOWN)
        PXS_TRY(settle_earlier(s, dir, sub->count, sub, err));
    if (sub->state != PXS_SUBMISSION_ACCEPTED)
        return PXS_OK;
    /* The launcher has said so, twice, to a process that collected. */
    if (pxs_submission_has_ended(dir)) {
        for (int answers = 0; answers < 2; answers++)
            pxs_job_claims_doubt(claims, sub, &list);
        pxs_job_claims_break(claims, sub, s->options->sweep->logger);
        return PXS_OK;
    }
    PXS_TRY(pxs_launcher_recall(dir, &s->jobs.arena, &l, err));
    l.logger = s->options->sweep->logger;
    l.stop = s->options->sweep->stop;
    for (int answers = 1;; answers++) {
        while ((status = pxs_launcher_alive(&l, sub->name, &list, &why)) == PXS_E_BUSY)
            PXS_TRY(wait_after(s, &why, &wait, err));
        if (status != PXS_OK || pxs_job_claims_doubt(claims, sub, &list) == 0 || answers == 2)
            break;
        pxs_launched_finish(&list);
        PXS_TRY(wait_for(s, FIRST_WAIT, err));
    }
    if (status == PXS_OK) {
        status = pxs_jobs_add_living(&s->jobs, s->plan, dir, &list, err);
        pxs_job_claims_break(claims, sub, s->options->sweep->logger);
    } else if (err)
        *err = why;
    pxs_launched_finish(&list);
    return status;
}

static enum pxs_status count_jobs(struct submission *s, struct pxs_error *err) {
    int64_t *numbers;
    size_t n;
    char dir[PXS_PATH_MAX];
    struct pxs_job_claims claims = {0};
    PXS_TRY(pxs_submission_numbers(s->plan->results, s->plan->sweep, &numbers, &n, err));
    enum pxs_status status = n > 0 ? pxs_job_claims_read(s->plan, &claims, err) : PXS_OK;
    s->jobs.alive = 0;
    s->jobs.known = NULL;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_submission sub = {0};
        status = pxs_submission_folder(s->plan->results, s->plan->sweep, numbers[i], dir, err);
        if (status == PXS_OK)
            status = pxs_submission_read(dir, &sub, err);
        if (status == PXS_OK)
            status = look_at_earlier(s, dir, &claims, &sub, err);
        pxs_submission_finish(&sub);
    }
    pxs_job_claims_finish(&claims);
    free(numbers);
    pxs_jobs_count(&s->jobs, s->plan);
    return status;
}

/* The next free number: a folder is made once, whoever wants it. The last one is used again where
 * no job was ever started from it. */
static enum pxs_status make_folder(struct submission *s, struct pxs_error *err) {
    struct pxs_submission last = {0};
    int64_t *numbers;
    size_t n;
    PXS_TRY(pxs_submission_numbers(s->plan->results, s->plan->sweep, &numbers, &n, err));
    int64_t number = n > 0 ? numbers[n - 1] : 0;
    free(numbers);
    if (number > 0) {
        PXS_TRY(pxs_submission_folder(s->plan->results, s->plan->sweep, number, s->out->dir, err));
        PXS_TRY(pxs_submission_read(s->out->dir, &last, err));
        const enum pxs_submission_state state = last.state;
        pxs_submission_finish(&last);
        if ((state == PXS_SUBMISSION_NONE || state == PXS_SUBMISSION_REFUSED) &&
            access(s->out->dir, W_OK | X_OK) == 0)
            return PXS_OK;
    }
    for (;;) {
        PXS_TRY(
            pxs_submission_folder(s->plan->results, s->plan->sweep, ++number, s->out->dir, err));
        if (mkdir(s->out->dir, 0777) == 0)
            return PXS_OK;
        if (errno != EEXIST)
            return pxs_fail_errno(err, "cannot make %s", s->out->dir);
    }
}

/* ---- what jobs need ------------------------------------------------------------------------- */

/* Whether the copy runs from where it lies, and is what we are. */
static enum pxs_status check_program(const char *path, struct pxs_error *err) {
    const char *const argv[] = {"pixsweep", "--version", NULL};
    int pipe_fds[2];
    char said[256], expected[256];
    struct pxs_child child = {0};
    size_t used = 0;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return pxs_fail_errno(err, "cannot make a pipe");
    const struct pxs_child_spec spec = {
        .what = path, .program = path, .argv = argv, .in = -1, .out = pipe_fds[1], .err = -1};
    const enum pxs_status status = pxs_child_start(&spec, &child, err);
    close(pipe_fds[1]);
    for (ssize_t n = 1; status == PXS_OK && n > 0 && used < sizeof said - 1;) {
        n = read(pipe_fds[0], said + used, sizeof said - 1 - used);
        if (n > 0)
            used += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    close(pipe_fds[0]);
    PXS_TRY(status);
    const struct pxs_exit how = pxs_child_finish(&child, VERSION_SECONDS);
    said[used] = '\0';
    snprintf(expected, sizeof expected, "pixsweep %s (%s)\n", pxs_version(), pxs_commit());
    if (how.how == PXS_EXITED && how.code == 0 && strcmp(said, expected) == 0)
        return PXS_OK;
    return pxs_fail(err, PXS_E_INVALID,
                    "%s does not run: is the results folder on a disk from which programs may not "
                    "be executed (noexec)? Choose another --results",
                    path);
}

/* Jobs run the program as it was now, whatever is installed later. */
static enum pxs_status copy_program(const char *dir, struct pxs_error *err) {
    char path[PXS_PATH_MAX], *bytes;
    size_t n;
    PXS_TRY(pxs_read_file("/proc/self/exe", PROGRAM_MAX, &bytes, &n, err));
    const enum pxs_status status = pxs_write_executable(dir, PXS_PROGRAM_FILE, bytes, n, err);
    free(bytes);
    PXS_TRY(status);
    if (!pxs_path_join(path, sizeof path, dir, PXS_PROGRAM_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    return check_program(path, err);
}

static enum pxs_status fill_folder(struct submission *s, struct pxs_error *err) {
    const char *dir = s->out->dir;
    char path[PXS_PATH_MAX];
    struct pxs_text on = {0};
    struct pxs_sweep_options told = *s->options->sweep;
    if (!pxs_path_join(path, sizeof path, dir, PXS_ON_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(pxs_launcher_lay_out(dir, s->jobs.on, err));
    pxs_text_addf(&on, "%s\n", s->jobs.on);
    enum pxs_status status = pxs_write_file(path, pxs_text_str(&on), on.len, err);
    pxs_text_finish(&on);
    PXS_TRY(status);
    PXS_TRY(copy_program(dir, err));
    if (told.jobs == 0)
        told.jobs = (int)s->jobs.how->runs_per_task;
    return pxs_plan_freeze(s->plan, &told, dir, err);
}

/* ---- the story ------------------------------------------------------------------------------ */

static enum pxs_status call_launcher(struct submission *s, struct pxs_error *err) {
    struct pxs_launcher l;
    struct pxs_error why;
    double wait = FIRST_WAIT;
    enum pxs_status status;
    PXS_TRY(pxs_jobs_launcher(s->plan, s->jobs.how, s->out->dir, s->options->sweep, &s->jobs.arena,
                              &l, err));
    l.mem_mb = s->jobs.mem_mb;
    PXS_TRY(pxs_launcher_keep(&l, err));
    for (;;) {
        pxs_submission_finish(&s->out->submission);
        status = pxs_launcher_submit(&l, s->jobs.count, &s->out->submission, &why);
        if (status != PXS_E_BUSY)
            break;
        PXS_TRY(wait_after(s, &why, &wait, err));
    }
    if (status == PXS_E_STOPPED)
        return stopped(err);
    if (status == PXS_OK || !err)
        return status;
    *err = why;
    if (s->out->submission.state == PXS_SUBMISSION_REFUSED) {
        struct pxs_text told = {0};
        pxs_launcher_told_words(s->plan, s->jobs.on, &l, &told);
        status = pxs_fail(err, status, "%s; %s", why.message, pxs_text_str(&told));
        pxs_text_finish(&told);
    }
    return status;
}

static enum pxs_status submit(struct submission *s, struct pxs_error *err) {
    const struct pxs_sweep_listener listener = {.user = s, .line = say_preflight};
    struct pxs_submitted *out = s->out;
    uint64_t need = 0;
    PXS_TRY(pxs_plan_make(s->options->sweep, &s->plan, err));
    snprintf(out->sweep, sizeof out->sweep, "%s", s->plan->sweep);
    snprintf(out->results, sizeof out->results, "%s", s->plan->results);
    out->n_total = s->plan->n;

    PXS_TRY(pxs_submissions_check_numbers(s->plan, err));

    /* The same checks as before a local run. */
    PXS_TRY(pxs_sweep_preflight(s->options->sweep, &listener, s->plan, false, &need, err));
    PXS_TRY(pxs_jobs_shape(s->plan, s->options, need, &s->jobs, err));
    out->runs = s->jobs.runs;
    if (s->jobs.runs == 0)
        return PXS_OK;

    /* From here on one at a time, since what others start counts. */
    PXS_TRY(take_claim(s, err));
    PXS_TRY(pxs_submissions_check_numbers(s->plan, err));
    PXS_TRY(count_jobs(s, err));
    if (s->jobs.count > 0) {
        PXS_TRY(measure(s, err));
        pxs_jobs_count(&s->jobs, s->plan);
    }
    PXS_TRY(pxs_submissions_resume(out->results, out->sweep, false, err));
    out->alive = s->jobs.alive;
    out->runs_new = s->jobs.alive > 0 ? s->jobs.runs_new : 0;
    out->bound = s->jobs.bound ? pxs_arena_strdup(&out->arena, s->jobs.bound) : NULL;
    if (s->jobs.count == 0)
        return PXS_OK;
    PXS_TRY(make_folder(s, err));
    PXS_TRY(fill_folder(s, err));
    PXS_TRY(call_launcher(s, err));
    out->count = s->jobs.count;
    return PXS_OK;
}

enum pxs_status pxs_submit(const struct pxs_submit_options *options, struct pxs_submitted *out,
                           struct pxs_error *err) {
    struct submission s = {.options = options, .out = out};
    const enum pxs_status status = submit(&s, err);
    if (s.claim.path[0])
        pxs_claim_release(&s.claim);
    pxs_jobs_finish(&s.jobs);
    out->plan = s.plan;
    return status;
}

void pxs_submitted_finish(struct pxs_submitted *submitted) {
    pxs_plan_destroy(&submitted->plan);
    pxs_submission_finish(&submitted->submission);
    pxs_arena_finish(&submitted->arena);
}
