/* run.on_done: the user's command at the end of a sweep, a mail or a message to a telephone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor_priv.h"

extern char **environ;

#define LOOK_MS 100
#define GRACE_SECONDS 5.0 /* between SIGTERM and SIGKILL once the user does not want to wait */

struct command {
    pid_t pid;
    int output; /* our end of the pipe that is its stdout and stderr */
    struct pxs_text line;
};

/* ---- its environment ------------------------------------------------------------------------------------- */

static const char *number(struct pxs_arena *arena, const char *name, size_t value) {
    return pxs_arena_printf(arena, "PIXSWEEP_%s=%zu", name, value);
}

/* Ours in front: the first of two of one name is the one that is found. NULL when out of memory. */
static const char **make_environment(const struct pxs_sweep_summary *sum, struct pxs_arena *arena) {
    const char *ours[] = {pxs_arena_printf(arena, "PIXSWEEP_SWEEP=%s", sum->sweep),
                          pxs_arena_printf(arena, "PIXSWEEP_DB=%s", sum->db),
                          pxs_arena_printf(arena, "PIXSWEEP_RESULTS=%s", sum->results),
                          number(arena, "TOTAL", sum->n_total),
                          number(arena, "COMPLETED", sum->n_completed),
                          number(arena, "FAILED", sum->n_failed),
                          number(arena, "DIVERGED", sum->n_diverged),
                          number(arena, "INTERRUPTED", sum->n_interrupted),
                          number(arena, "CANCELLED", sum->n_cancelled),
                          number(arena, "PRUNED", sum->n_pruned),
                          number(arena, "QUEUED", sum->n_queued),
                          number(arena, "EXIT_CODE", (size_t)sum->exit_code)};
    size_t n = 0, used = PXS_COUNT(ours);
    while (environ[n])
        n++;
    const char **env = pxs_arena_alloc(arena, (n + used + 1) * sizeof *env);
    for (size_t i = 0; i < used; i++)
        if (!env || !ours[i])
            return NULL;
    memcpy(env, ours, sizeof ours);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "PIXSWEEP_", 9) != 0)
            env[used++] = environ[i];
    return env;
}

/* ---- starting it ----------------------------------------------------------------------------------------- */

static void child(const char *text, int output, const char **env) {
    static const int signals[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXFSZ};
    const char *argv[] = {"sh", "-c", text, NULL};
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < PXS_COUNT(signals); i++)
        signal(signals[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* Ctrl-C reaches us alone, and we end all that it started */
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(output, STDERR_FILENO) >= 0)
        execve("/bin/sh", (char *const *)argv, (char *const *)env);
    _exit(127);
}

static enum pxs_status start(const char *text, const char **env, struct command *c, struct pxs_error *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return pxs_fail_errno(err, "cannot make a pipe for on_done");
    pid_t pid = fork();
    if (pid == 0)
        child(text, ends[1], env);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return pxs_fail_start(err, "cannot start on_done");
    }
    setpgid(pid, pid); /* whichever of the two is first */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *c = (struct command){.pid = pid, .output = ends[0]};
    return PXS_OK;
}

/* ---- waiting for it -------------------------------------------------------------------------------------- */

static void say_line(struct pxs_supervisor *s, struct command *c) {
    if (c->line.len > 0)
        pxs_say(s, PXS_LOG_INFO, "on_done: %s", pxs_text_str(&c->line));
    pxs_text_clear(&c->line);
}

/* What it prints goes the way of all progress, line by line, so that a board on the terminal stays whole. False at its end. */
static bool pass_on(struct pxs_supervisor *s, struct command *c) {
    char buf[4096];
    ssize_t n;
    while ((n = read(c->output, buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != '\n')
                pxs_text_add_n(&c->line, &buf[i], 1);
            if (buf[i] == '\n' || c->line.len >= sizeof buf)
                say_line(s, c);
        }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Until the command itself is dead; what it left in the background may go on, and has no listener from then on. */
static int wait_for(struct pxs_supervisor *s, struct command *c) {
    double asked_at = 0;
    int status = 0, signal_now;
    bool open = true;
    const int signal_before = s->options->stop ? atomic_load(&s->options->stop->signal) : 0;
    while (waitpid(c->pid, &status, WNOHANG) == 0) {
        struct pollfd fd = {.fd = open ? c->output : -1, .events = POLLIN};
        poll(&fd, 1, LOOK_MS);
        open = open && pass_on(s, c);
        signal_now = s->options->stop ? atomic_load(&s->options->stop->signal) : 0;
        if (signal_now == signal_before)
            continue;
        if (asked_at == 0) {
            pxs_say(s, PXS_LOG_WARN, "on_done is stopped before its end");
            asked_at = pxs_monotonic();
            kill(-c->pid, SIGTERM);
        } else if (pxs_monotonic() - asked_at > GRACE_SECONDS)
            kill(-c->pid, SIGKILL);
    }
    pass_on(s, c);
    say_line(s, c);
    return status;
}

static void carry_out(struct pxs_supervisor *s, const char *text, const char **env) {
    struct command c = {.output = -1};
    struct pxs_error err;
    pxs_say(s, PXS_LOG_INFO, "on_done: running %s", text);
    if (start(text, env, &c, &err) != PXS_OK) {
        pxs_say(s, PXS_LOG_WARN, "%s", err.message);
        return;
    }
    int status = wait_for(s, &c);
    if (WIFSIGNALED(status))
        pxs_say(s, PXS_LOG_WARN, "on_done was killed by signal %d; the sweep's result stands",
                WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        pxs_say(s, PXS_LOG_WARN, "on_done ended with code %d; the sweep's result stands",
                WEXITSTATUS(status));
    close(c.output);
    pxs_text_finish(&c.line);
}

void pxs_on_done(struct pxs_supervisor *s, const struct pxs_sweep_summary *summary) {
    struct pxs_arena arena = {0};
    const char *text = s->plan->how.on_done;
    if (!text || !s->had_work || s->stopping)
        return;
    const char **env = make_environment(summary, &arena);
    if (env)
        carry_out(s, text, env);
    else
        pxs_say(s, PXS_LOG_WARN, "out of memory: on_done was not run");
    pxs_arena_finish(&arena);
}
