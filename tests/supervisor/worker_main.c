/* The test program as a worker: what `pixsweep worker` does in the product. */
#include <signal.h>
#include <stdio.h>

#include "supervisor_tests.h"

int worker_main(int argc, char **argv);

static struct pxs_stop stop;

static void on_signal(int signal) {
    atomic_store(&stop.signal, signal);
}

static void on_save(int signal) {
    (void)signal;
    atomic_store(&stop.save, 1);
}

static void write_log(void *user, enum pxs_log_level level, const char *text) {
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

int worker_main(int argc, char **argv) {
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    act.sa_handler = on_save;
    sigaction(SIGUSR1, &act, NULL);
    return pxs_sweep_worker(argc, argv, &stop, (struct pxs_logger){.write = write_log});
}
