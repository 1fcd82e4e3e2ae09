/* Worker processes: a child whose stdin is a socket to us. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process_priv.h"

#define TAIL_BYTES 8192

enum pxs_status pxs_process_start(const struct pxs_process_spec *spec, struct pxs_process *out,
                                  struct pxs_error *err) {
    /* One BLAS thread: the engine splits the work itself, and its own pool must never start. Said
     * here, a worker loads OpenBLAS without touching its environment while its threads run. */
    static const char *const environment[] = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", NULL};
    enum pxs_status status = PXS_OK;
    int pair[2] = {-1, -1}, log = -1;
    struct pxs_process p = {.lifeline = -1};
    if (spec->log)
        PXS_TRY(pxs_open_append(spec->log, &log, err));
    else if ((log = fcntl(spec->log_fd, F_DUPFD_CLOEXEC, 3)) < 0)
        return pxs_fail_errno(err, "cannot start a worker process");
    p.log_start = (int64_t)lseek(log, 0, SEEK_END);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        status = pxs_fail_errno(err, "cannot make a socket for the worker");
        goto out;
    }
    status = pxs_child_start(
        &(struct pxs_child_spec){
            .what = "a worker process",
            .program = "/proc/self/exe",
            .argv = spec->argv,
            .set = environment,
            .in = pair[1],
            .out = log,
            .err = log,
            /* Asked for a resume point before it can write one, it must not die of that. */
            .ignored = SIGUSR1,
            .cores = spec->cores,
        },
        &p.child, err);
    if (status == PXS_OK) {
        p.lifeline = pair[0];
        pair[0] = -1;
        *out = p;
    }
out:
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
    close(log);
    return status;
}

bool pxs_process_reap(struct pxs_process *p, struct pxs_exit *how) {
    if (!pxs_child_reap(&p->child, how))
        return false;
    pxs_process_close(p);
    return true;
}

bool pxs_process_hear(struct pxs_process *p, struct pxs_message *message) {
    struct pxs_message said;
    ssize_t n;
    while (p->lifeline >= 0 && (n = recv(p->lifeline, &said, sizeof said, MSG_DONTWAIT)) > 0)
        if (n == (ssize_t)sizeof said && said.version == PXS_MESSAGE_VERSION) {
            *message = said;
            return true;
        }
    return false;
}

bool pxs_process_hung_up(const struct pxs_process *p) {
    char byte;
    ssize_t n = p->lifeline >= 0 ? recv(p->lifeline, &byte, 1, MSG_DONTWAIT | MSG_PEEK) : 0;
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool pxs_process_reply(const struct pxs_process *p, const struct pxs_reply *reply) {
    return p->lifeline >= 0 && send(p->lifeline, reply, sizeof *reply,
                                    MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *reply;
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
