/* Starting and watching worker processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_priv.h"

extern char **environ;

#define TAIL_BYTES 8192

/* One BLAS thread: the engine splits the work itself, and its own pool must never start. Said here, a worker loads OpenBLAS without
 * touching its environment while its threads run. */
static const char *const forced_env[] = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"};

static bool is_forced(const char *entry) {
    for (size_t i = 0; i < PXS_COUNT(forced_env); i++) {
        size_t name = (size_t)(strchr(forced_env[i], '=') - forced_env[i]) + 1;
        if (strncmp(entry, forced_env[i], name) == 0)
            return true;
    }
    return false;
}

/* Made before the fork: between fork and exec only async-signal-safe calls are allowed. */
static char **make_environment(void) {
    size_t n = 0, used = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + PXS_COUNT(forced_env) + 1, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!is_forced(environ[i]))
            env[used++] = environ[i];
    for (size_t i = 0; i < PXS_COUNT(forced_env); i++)
        env[used++] = (char *)forced_env[i];
    return env;
}

static void child(const struct pxs_process_spec *spec, int lifeline, int log, char **env) {
    static const char failed[] = "cannot start the worker: exec of /proc/self/exe failed\n";
    sigset_t none;
    sigemptyset(&none);
    /* Whoever started us may have had them ignored; a worker must hear when it is to stop. */
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    /* Asked for a resume point before it can write one, it must not die of that. */
    signal(SIGUSR1, SIG_IGN);
    /* Only now: a signal that came right after the fork must find these, not our own handler, which nobody asks here. */
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* A group of its own: Ctrl-C reaches the supervisor alone, which then asks its workers in good order. */
    setpgid(0, 0);
    if (spec->cores)
        sched_setaffinity(0, sizeof *spec->cores, spec->cores);
    if (dup2(lifeline, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        execve("/proc/self/exe", spec->argv, env);
    ssize_t ignored = write(log, failed, sizeof failed - 1);
    (void)ignored;
    _exit(127);
}

enum pxs_status pxs_process_start(const struct pxs_process_spec *spec, struct pxs_process *out,
                                  struct pxs_error *err) {
    int pair[2] = {-1, -1};
    struct pxs_process p = {.lifeline = -1};
    int log = -1;
    if (spec->log)
        PXS_TRY(pxs_open_append(spec->log, &log, err));
    else if ((log = fcntl(spec->log_fd, F_DUPFD_CLOEXEC, 3)) < 0)
        return pxs_fail_errno(err, "cannot start a worker process");
    p.log_start = (int64_t)lseek(log, 0, SEEK_END);
    char **env = make_environment();
    enum pxs_status status = env ? PXS_OK : pxs_fail_nomem(err);
    if (status == PXS_OK && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        status = pxs_fail_errno(err, "cannot make a socket for the worker");
    if (status == PXS_OK) {
        sigset_t all, before;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        p.pid = fork();
        if (p.pid == 0)
            child(spec, pair[1], log, env);
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (p.pid < 0)
            status = pxs_fail_start(err, "cannot start a worker process");
    }
    if (pair[1] >= 0)
        close(pair[1]);
    close(log);
    free(env);
    if (status != PXS_OK) {
        if (pair[0] >= 0)
            close(pair[0]);
        return status;
    }
    p.lifeline = pair[0];
    p.pid_start = pxs_pid_start(p.pid);
    *out = p;
    return PXS_OK;
}

bool pxs_process_reap(struct pxs_process *p, int *wait_status) {
    pid_t got;
    do
        got = waitpid(p->pid, wait_status, WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    if (got < 0)
        *wait_status =
            0xff00; /* somebody else took its status: exit code 255, and no good end is believed without one */
    pxs_process_close(p);
    p->pid = 0;
    return true;
}

void pxs_process_signal(const struct pxs_process *p, int signal) {
    if (p->pid > 0)
        kill(p->pid, signal);
}

bool pxs_process_hear(struct pxs_process *p, struct pxs_word *word) {
    struct pxs_word said;
    if (p->lifeline < 0 || recv(p->lifeline, &said, sizeof said, MSG_DONTWAIT) != (ssize_t)sizeof said)
        return false;
    *word = said;
    return true;
}

bool pxs_process_hung_up(const struct pxs_process *p) {
    char byte;
    ssize_t n = p->lifeline >= 0 ? recv(p->lifeline, &byte, 1, MSG_DONTWAIT | MSG_PEEK) : 0;
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool pxs_process_answer(const struct pxs_process *p, const struct pxs_answer *answer) {
    return p->lifeline >= 0 &&
           send(p->lifeline, answer, sizeof *answer, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *answer;
}

void pxs_process_close(struct pxs_process *p) {
    if (p->lifeline >= 0)
        close(p->lifeline);
    p->lifeline = -1;
}

/* Up to TAIL_BYTES of the end of a file, not from before `start`. */
static size_t read_end(const char *path, int64_t start, char buf[TAIL_BYTES + 1]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return 0;
    int64_t length = (int64_t)lseek(fd, 0, SEEK_END);
    int64_t from = length - TAIL_BYTES > start ? length - TAIL_BYTES : start;
    ssize_t n = length > from ? pread(fd, buf, (size_t)(length - from), (off_t)from) : 0;
    close(fd);
    return n > 0 ? (size_t)n : 0;
}

void pxs_log_tail(const char *path, int64_t start, int max_lines, struct pxs_text *out) {
    char buf[TAIL_BYTES + 1];
    size_t n = read_end(path, start, buf);
    while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\0'))
        n--;
    size_t from = n;
    for (int lines = 0; from > 0; from--)
        if (buf[from - 1] == '\n' && ++lines == max_lines)
            break;
    for (size_t at = from; at < n;) {
        const char *end = memchr(buf + at, '\n', n - at);
        size_t len = end ? (size_t)(end - (buf + at)) : n - at;
        pxs_text_add(out, at > from ? "\n  | " : "  | ");
        pxs_text_add_n(out, buf + at, len);
        at += len + 1;
    }
}
