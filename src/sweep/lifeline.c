/* A worker dies with its supervisor: the kernel sends a signal, and the socket that is our stdin closes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process_priv.h"
#include "worker_priv.h"

/* False where the supervisor died before the kernel could be asked to tell us. */
bool pxs_bind_to_parent(int64_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return (int64_t)getppid() == parent;
}

void pxs_worker_waiting(void *user, const char *why) {
    const char word = why ? PXS_WORD_WAITS : PXS_WORD_GOES_ON;
    (void)user;
    /* A supervisor that does not listen is no reason to wait for it. */
    ssize_t ignored = send(STDIN_FILENO, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
}

static void *watch(void *user) {
    struct pxs_lifeline *w = user;
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = w->quit, .events = POLLIN}};
    for (;;) {
        char drop[64];
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[1].revents)
            return NULL;
        if (fds[0].revents && read(STDIN_FILENO, drop, sizeof drop) <= 0 && errno != EINTR) {
            int none = 0;
            atomic_compare_exchange_strong(&w->stop->signal, &none, SIGTERM);
            return NULL;
        }
    }
}

void pxs_lifeline_start(struct pxs_lifeline *w, struct pxs_stop *stop) {
    sigset_t all, old;
    w->stop = stop;
    w->quit = eventfd(0, EFD_CLOEXEC);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the main thread */
    w->started = w->quit >= 0 && pthread_create(&w->thread, NULL, watch, w) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void pxs_lifeline_stop(struct pxs_lifeline *w) {
    uint64_t one = 1;
    if (w->started && write(w->quit, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(w->thread, NULL);
    if (w->quit >= 0)
        close(w->quit);
}
