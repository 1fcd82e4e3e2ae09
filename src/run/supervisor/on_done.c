/* run.on_done: the user's command at the end of a sweep, a mail or a message to a telephone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "supervisor_priv.h"

#define LOOK_MS 100
#define GRACE_SECONDS 5.0 /* between SIGTERM and SIGKILL once the user does not want to wait */

/* What it is told; NULL when out of memory. */
static const char *const *make_environment(const struct pxs_sweep_summary *sum,
                                           struct pxs_arena *arena) {
    const size_t *of = sum->states.of;
    const struct {
        const char *name;
        size_t value;
    } numbers[] = {{"TOTAL", sum->n_total},
                   {"COMPLETED", of[PXS_STATE_COMPLETED]},
                   {"FAILED", of[PXS_STATE_FAILED]},
                   {"DIVERGED", of[PXS_STATE_DIVERGED]},
                   {"INTERRUPTED", of[PXS_STATE_INTERRUPTED]},
                   {"CANCELLED", of[PXS_STATE_CANCELLED]},
                   {"PRUNED", of[PXS_STATE_PRUNED]},
                   {"QUEUED", of[PXS_STATE_QUEUED]},
                   {"EXIT_CODE", (size_t)sum->exit_code}};
    const size_t n_texts = 3, n = n_texts + PXS_COUNT(numbers);
    const char **env = pxs_arena_alloc(arena, (n + 1) * sizeof *env);
    if (!env)
        return NULL;
    env[0] = pxs_arena_printf(arena, "PIXSWEEP_SWEEP=%s", sum->sweep);
    env[1] = pxs_arena_printf(arena, "PIXSWEEP_DB=%s", sum->db);
    env[2] = pxs_arena_printf(arena, "PIXSWEEP_RESULTS=%s", sum->results);
    for (size_t i = 0; i < PXS_COUNT(numbers); i++)
        env[n_texts + i] =
            pxs_arena_printf(arena, "PIXSWEEP_%s=%zu", numbers[i].name, numbers[i].value);
    for (size_t i = 0; i < n; i++)
        if (!env[i])
            return NULL;
    return env;
}

/* *output: our end of the pipe that is its stdout and stderr. */
static enum pxs_status start(const char *command, const char *const *env, struct pxs_child *c,
                             int *output, struct pxs_error *err) {
    const char *const argv[] = {"sh", "-c", command, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return pxs_fail_errno(err, "cannot make a pipe for on_done");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const struct pxs_child_spec spec = {.what = "on_done",
                                        .program = "/bin/sh",
                                        .argv = argv,
                                        .set = env,
                                        .without = "PIXSWEEP_",
                                        .in = -1,
                                        .out = ends[1],
                                        .err = ends[1]};
    enum pxs_status status = pxs_child_start(&spec, c, err);
    close(ends[1]);
    if (status == PXS_OK)
        *output = ends[0];
    else
        close(ends[0]);
    return status;
}

/* What it prints goes the way of all progress, line by line, so that a board on the terminal stays
 * whole. */
static void pass_on(struct pxs_supervisor *s, struct pxs_lines *lines) {
    const char *line;
    while ((line = pxs_lines_next(lines)))
        if (line[0])
            pxs_say(s, PXS_LOG_INFO, "on_done: %s", line);
}

/* Until the command itself is dead; what it left in the background may go on, and has no listener
 * from then on. */
static struct pxs_exit wait_for(struct pxs_supervisor *s, struct pxs_child *c, int output) {
    struct pxs_lines lines = {.fd = output};
    struct pxs_exit how;
    while (!pxs_child_reap(c, &how)) {
        struct pollfd fd = {.fd = lines.ended ? -1 : output, .events = POLLIN};
        poll(&fd, 1, LOOK_MS);
        pass_on(s, &lines);
        /* It is not run after a signal, so one that is raised now is new, however early it came. */
        if (!s->options->stop || atomic_load(&s->options->stop->signal) == 0)
            continue;
        if (!c->asked)
            pxs_say(s, PXS_LOG_WARN, "on_done is stopped before its end");
        pxs_child_end(c, pxs_monotonic(), GRACE_SECONDS);
    }
    pass_on(s, &lines);
    /* something in the background may still hold the pipe */
    const char *rest = pxs_lines_rest(&lines);
    if (rest)
        pxs_say(s, PXS_LOG_INFO, "on_done: %s", rest);
    return how;
}

static void carry_out(struct pxs_supervisor *s, const char *command, const char *const *env) {
    struct pxs_child c = {0};
    struct pxs_error err;
    int output = -1;
    pxs_say(s, PXS_LOG_INFO, "on_done: running %s", command);
    if (start(command, env, &c, &output, &err) != PXS_OK) {
        pxs_say(s, PXS_LOG_WARN, "%s", err.message);
        return;
    }
    const struct pxs_exit how = wait_for(s, &c, output);
    close(output);
    if (how.how == PXS_SIGNALLED)
        pxs_say(s, PXS_LOG_WARN, "on_done was killed by signal %d; the sweep's result stands",
                how.code);
    else if (how.how == PXS_EXITED && how.code != 0)
        pxs_say(s, PXS_LOG_WARN, "on_done ended with code %d; the sweep's result stands", how.code);
}

void pxs_on_done(struct pxs_supervisor *s, const struct pxs_sweep_summary *summary) {
    struct pxs_arena arena = {0};
    const char *text = s->plan->how.on_done;
    if (!text || !s->had_work || s->stopping)
        return;
    const char *const *env = make_environment(summary, &arena);
    if (env)
        carry_out(s, text, env);
    else
        pxs_say(s, PXS_LOG_WARN, "out of memory: on_done was not run");
    pxs_arena_finish(&arena);
}
