/* Child processes: fork, exec, signals to the group, reaping, lines from a pipe. */
#include "pixsweep/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- starting ------------------------------------------------------------------------------- */

static bool is_replaced(const struct pxs_child_spec *spec, const char *entry) {
    if (spec->without && strncmp(entry, spec->without, strlen(spec->without)) == 0)
        return true;
    for (size_t i = 0; spec->set && spec->set[i]; i++) {
        const size_t name = strcspn(spec->set[i], "=") + 1;
        if (strncmp(entry, spec->set[i], name) == 0)
            return true;
    }
    return false;
}

/* Made before the fork: between fork and exec only async-signal-safe calls are allowed. NULL when
 * out of memory. */
static const char **make_environment(const struct pxs_child_spec *spec) {
    size_t most = 1, n = 0;
    for (size_t i = 0; environ[i]; i++)
        most++;
    for (size_t i = 0; spec->set && spec->set[i]; i++)
        most++;
    const char **env = calloc(most, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; spec->set && spec->set[i]; i++)
        env[n++] = spec->set[i];
    for (size_t i = 0; environ[i]; i++)
        if (!is_replaced(spec, environ[i]))
            env[n++] = environ[i];
    return env;
}

/* Runs in the child and turns it into the program; a failure goes to `report` as an errno. */
_Noreturn static void become(const struct pxs_child_spec *spec, const int standard[3],
                             const char **env, int report) {
    sigset_t none;
    /* An exec resets handlers but keeps ignored signals ignored, also those that our own parent had
     * us ignore; a child must hear when it is to stop. */
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    if (spec->ignored)
        signal(spec->ignored, SIG_IGN);
    /* Unblocked only now: a signal right after the fork must meet these dispositions, not handlers
     * copied from the parent, whose flags no loop reads here. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    if (spec->cores)
        sched_setaffinity(0, sizeof *spec->cores, spec->cores);
    if (dup2(standard[0], STDIN_FILENO) >= 0 && dup2(standard[1], STDOUT_FILENO) >= 0 &&
        dup2(standard[2], STDERR_FILENO) >= 0)
        execvpe(spec->program, (char *const *)spec->argv, (char *const *)env);
    const int number = errno;
    const ssize_t ignored = write(report, &number, sizeof number);
    (void)ignored;
    _exit(127);
}

static void close_if_open(int fd) {
    if (fd >= 0)
        close(fd);
}

enum pxs_status pxs_child_start(const struct pxs_child_spec *spec, struct pxs_child *out,
                                struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    struct pxs_child c = {0};
    int report[2] = {-1, -1};
    sigset_t all, before;
    const char **env = make_environment(spec);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int standard[3] = {spec->in >= 0 ? spec->in : null, spec->out >= 0 ? spec->out : null,
                             spec->err >= 0 ? spec->err : null};
    if (!env) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    if (null < 0 || pipe2(report, O_CLOEXEC) != 0) {
        status = pxs_fail_errno(err, "cannot start %s", spec->what);
        goto out;
    }

    /* Signals wait until the child has its own dispositions. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    c.pid = fork();
    if (c.pid == 0)
        become(spec, standard, env, report[1]);
    const int fork_errno = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (c.pid < 0) {
        errno = fork_errno;
        status = pxs_fail_start(err, "cannot start %s", spec->what);
        goto out;
    }

    /* The pipe closes when the exec has worked; otherwise it brings an errno. */
    close(report[1]);
    report[1] = -1;
    int number = 0;
    ssize_t n;
    do
        n = read(report[0], &number, sizeof number);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof number && number != 0) {
        errno = number;
        status = pxs_fail_start(err, "cannot start %s", spec->what);
        while (waitpid(c.pid, NULL, 0) < 0 && errno == EINTR)
            ;
        goto out;
    }
    c.pid_start = pxs_pid_start(c.pid);
    *out = c;
out:
    close_if_open(report[0]);
    close_if_open(report[1]);
    close_if_open(null);
    free(env);
    return status;
}

/* ---- ending --------------------------------------------------------------------------------- */

void pxs_child_signal(const struct pxs_child *c, int signal) {
    if (c->pid > 0)
        kill(-c->pid, signal);
}

void pxs_child_kill(struct pxs_child *c) {
    if (!c->killed)
        pxs_child_signal(c, SIGKILL);
    c->killed = true;
}

void pxs_child_end(struct pxs_child *c, double now, double grace) {
    if (!c->asked) {
        c->asked = true;
        c->asked_at = now;
        pxs_child_signal(c, SIGTERM);
    } else if (now - c->asked_at > grace)
        pxs_child_kill(c);
}

/* False while the child runs; `options` are those of waitpid. */
static bool reap(struct pxs_child *c, int options, struct pxs_exit *how) {
    int wait_status;
    pid_t got;
    do
        got = waitpid(c->pid, &wait_status, options);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    if (got < 0)
        *how = (struct pxs_exit){PXS_LOST, 0};
    else if (WIFEXITED(wait_status))
        *how = (struct pxs_exit){PXS_EXITED, WEXITSTATUS(wait_status)};
    else
        *how = (struct pxs_exit){PXS_SIGNALLED, WTERMSIG(wait_status)};
    *c = (struct pxs_child){0};
    return true;
}

bool pxs_child_reap(struct pxs_child *c, struct pxs_exit *how) {
    return reap(c, WNOHANG, how);
}

struct pxs_exit pxs_child_finish(struct pxs_child *c, double seconds) {
    struct pxs_exit how = {PXS_EXITED, 0};
    siginfo_t info = {0};
    if (c->pid <= 0)
        return how;
    const double until = pxs_monotonic() + seconds;
    while (pxs_monotonic() < until &&
           waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
        usleep(10000);
    /* The group is killed before its leader is reaped: until then no other group can get its
     * number. */
    pxs_child_signal(c, SIGKILL);
    reap(c, 0, &how);
    return how;
}

/* ---- what it prints ------------------------------------------------------------------------- */

const char *pxs_lines_next(struct pxs_lines *l) {
    l->held -= l->used;
    memmove(l->text, l->text + l->used, l->held);
    l->used = 0;
    l->cut = false;
    const size_t most = sizeof l->text - 1;
    char *end;
    while (!(end = memchr(l->text, '\n', l->held)) && !l->closed && l->held < most) {
        const ssize_t n = read(l->fd, l->text + l->held, most - l->held);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return NULL;
        l->held += n > 0 ? (size_t)n : 0;
        l->closed = n <= 0;
    }
    if (l->held == 0) {
        l->ended = true;
        return NULL;
    }
    l->cut = !end && l->held == most;
    l->used = end ? (size_t)(end - l->text) + 1 : l->held;
    l->text[end ? l->used - 1 : l->used] = '\0';
    return l->text;
}

const char *pxs_lines_rest(struct pxs_lines *l) {
    if (l->held == l->used)
        return NULL;
    l->text[l->held] = '\0';
    const char *rest = l->text + l->used;
    l->used = l->held;
    return rest;
}
