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
                   {"NOT_NEEDED", of[PXS_STATE_NOT_NEEDED]},
                   {"EXIT_CODE", (size_t)sum->exit_code}};
    const size_t n_texts = 4, n = n_texts + PXS_COUNT(numbers);
    const char **env = pxs_arena_alloc(arena, (n + 1) * sizeof *env);
    if (!env)
        return NULL;
    env[0] = pxs_arena_printf(arena, "PIXSWEEP_SWEEP=%s", sum->sweep);
    env[1] = pxs_arena_printf(arena, "PIXSWEEP_DB=%s", sum->db);
    env[2] = pxs_arena_printf(arena, "PIXSWEEP_RESULTS=%s", sum->results);
    env[3] = pxs_arena_printf(arena, "PIXSWEEP_RACE=%s", sum->verdict ? sum->verdict : "");
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

static void say(const struct pxs_sweep_listener *listener, enum pxs_log_level level,
                const char *fmt, ...) PXS_PRINTF(3, 4);
static void say(const struct pxs_sweep_listener *listener, enum pxs_log_level level,
                const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    pxs_sayv(listener, level, fmt, ap);
    va_end(ap);
}

/* What it prints goes the way of all progress, line by line, so that a board on the terminal stays
 * whole. */
static void pass_on(const struct pxs_sweep_listener *listener, struct pxs_lines *lines) {
    const char *line;
    while ((line = pxs_lines_next(lines)))
        if (line[0])
            say(listener, PXS_LOG_INFO, "on_done: %s", line);
}

/* Until the command itself is dead; what it left in the background may go on, and has no listener
 * from then on. */
static struct pxs_exit wait_for(const struct pxs_sweep_listener *listener,
                                const struct pxs_stop *stop, struct pxs_child *c, int output) {
    struct pxs_lines lines = {.fd = output};
    struct pxs_exit how;
    while (!pxs_child_reap(c, &how)) {
        struct pollfd fd = {.fd = lines.ended ? -1 : output, .events = POLLIN};
        poll(&fd, 1, LOOK_MS);
        pass_on(listener, &lines);
        /* It is not run after a signal, so one that is raised now is new, however early it came. */
        if (!stop || atomic_load(&stop->signal) == 0)
            continue;
        if (!c->asked)
            say(listener, PXS_LOG_WARN, "on_done is stopped before its end");
        pxs_child_end(c, pxs_monotonic(), GRACE_SECONDS);
    }
    pass_on(listener, &lines);
    /* something in the background may still hold the pipe */
    const char *rest = pxs_lines_rest(&lines);
    if (rest)
        say(listener, PXS_LOG_INFO, "on_done: %s", rest);
    return how;
}

static void carry_out(const char *command, const char *const *env,
                      const struct pxs_sweep_listener *listener, const struct pxs_stop *stop) {
    struct pxs_child c = {0};
    struct pxs_error err;
    int output = -1;
    say(listener, PXS_LOG_INFO, "on_done: running %s", command);
    if (start(command, env, &c, &output, &err) != PXS_OK) {
        say(listener, PXS_LOG_WARN, "%s", err.message);
        return;
    }
    const struct pxs_exit how = wait_for(listener, stop, &c, output);
    close(output);
    if (how.how == PXS_SIGNALLED)
        say(listener, PXS_LOG_WARN, "on_done was killed by signal %d; the sweep's result stands",
            how.code);
    else if (how.how == PXS_EXITED && how.code != 0)
        say(listener, PXS_LOG_WARN, "on_done ended with code %d; the sweep's result stands",
            how.code);
}

void pxs_on_done(const char *command, const struct pxs_sweep_listener *listener,
                 const struct pxs_stop *stop, const struct pxs_sweep_summary *summary) {
    struct pxs_arena arena = {0};
    if (!command)
        return;
    const char *const *env = make_environment(summary, &arena);
    if (env)
        carry_out(command, env, listener, stop);
    else
        say(listener, PXS_LOG_WARN, "out of memory: on_done was not run");
    pxs_arena_finish(&arena);
}
