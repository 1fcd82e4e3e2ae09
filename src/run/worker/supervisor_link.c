/* A worker dies with its supervisor: the kernel sends a signal, and the socket that is our stdin
 * closes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker_priv.h"

/* An answer is looked for every NAP_US; the question is sent again after ASK_AGAIN looks. */
enum { NAP_US = 20000, ASK_AGAIN = 100 };

/* False where the supervisor died before the kernel could be asked to tell us. */
bool pxs_bind_to_parent(int64_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return (int64_t)getppid() == parent;
}

/* Does not wait for a supervisor that does not listen. */
static void say(const struct pxs_message *message) {
    ssize_t ignored = send(STDIN_FILENO, message, sizeof *message, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
}

void pxs_worker_waiting(void *user, const char *why) {
    const struct pxs_message message = {.version = PXS_MESSAGE_VERSION,
                                        .what = why ? PXS_MESSAGE_DISK_FULL : PXS_MESSAGE_DISK_OK};
    (void)user;
    say(&message);
}

enum pxs_status pxs_worker_ask(void *user, struct pxs_train_rung *rung, struct pxs_error *err) {
    struct pxs_lifeline *w = user;
    const struct pxs_message message = {.version = PXS_MESSAGE_VERSION,
                                        .what = PXS_MESSAGE_RUNG,
                                        .epoch = rung->epoch,
                                        .value = rung->value};
    for (int naps = 0;; naps++) {
        pthread_mutex_lock(&w->lock);
        const bool mine = w->answered && w->reply.epoch == rung->epoch;
        if (mine) {
            rung->go_on = w->reply.go_on;
            rung->cutoff = w->reply.cutoff;
            snprintf(rung->why, sizeof rung->why, "%s", w->reply.why);
        }
        pthread_mutex_unlock(&w->lock);
        if (mine)
            return PXS_OK;
        if (atomic_load(&w->stop->signal) != 0)
            return pxs_fail(err, PXS_E_STOPPED,
                            "stopped after %lld epochs, before it was decided whether it goes on",
                            (long long)rung->epoch + 1);
        if (naps % ASK_AGAIN == 0)
            say(&message);
        usleep(NAP_US);
    }
}

/* Once the supervisor is gone, nothing else kills a worker that does not stop by itself: after the
 * grace time the process ends without clearing up. */
static void stop_or_exit(struct pxs_lifeline *w) {
    struct pollfd quit = {.fd = w->quit, .events = POLLIN};
    const double since = pxs_monotonic();
    int none = 0;
    atomic_compare_exchange_strong(&w->stop->signal, &none, SIGTERM);
    for (double left = w->grace; left > 0; left = w->grace - (pxs_monotonic() - since))
        if (poll(&quit, 1, (int)(left * 1000) + 1) > 0)
            return;
    _exit(PXS_EXIT_STOPPED);
}

static void *watch(void *user) {
    struct pxs_lifeline *w = user;
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = w->quit, .events = POLLIN}};
    for (;;) {
        struct pxs_reply reply;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[1].revents)
            return NULL;
        ssize_t n = fds[0].revents ? read(STDIN_FILENO, &reply, sizeof reply) : -1;
        if (n == (ssize_t)sizeof reply && reply.version == PXS_MESSAGE_VERSION) {
            pthread_mutex_lock(&w->lock);
            w->reply = reply;
            w->answered = true;
            pthread_mutex_unlock(&w->lock);
        }
        if (fds[0].revents && n <= 0 && errno != EINTR) {
            stop_or_exit(w);
            return NULL;
        }
    }
}

enum pxs_status pxs_lifeline_start(struct pxs_lifeline *w, struct pxs_stop *stop, double grace,
                                   struct pxs_error *err) {
    sigset_t all, old;
    w->stop = stop;
    w->grace = grace;
    pthread_mutex_init(&w->lock, NULL);
    w->quit = eventfd(0, EFD_CLOEXEC);
    if (w->quit < 0)
        return pxs_fail_errno(err, "cannot listen to the supervisor");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the main thread */
    errno = pthread_create(&w->thread, NULL, watch, w);
    w->started = errno == 0;
    enum pxs_status status =
        w->started ? PXS_OK
                   : pxs_fail_start(err, "cannot start the thread that listens to the supervisor");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status;
}

void pxs_lifeline_stop(struct pxs_lifeline *w) {
    uint64_t one = 1;
    if (w->started && write(w->quit, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(w->thread, NULL);
    if (w->quit >= 0)
        close(w->quit);
}
