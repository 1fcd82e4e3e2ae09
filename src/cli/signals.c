/* Signals become a flag that loops look at; the second one means it. */
#include "cli.h"
#include "pixsweep/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* A handler has no other way to its data. */
static struct pxs_stop stop_flag;
static enum cli_signals stop_kind;

static void die_of(int signal_number) {
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void on_signal(int signal_number) {
    const int before = atomic_load(&stop_flag.signal);
    if (before == 0)
        atomic_store(&stop_flag.signal, signal_number);
    else if (stop_kind == CLI_SIGNALS_SUPERVISOR && (before & PXS_STOP_AGAIN) == 0)
        atomic_store(&stop_flag.signal, signal_number | PXS_STOP_AGAIN);
    else if (stop_kind != CLI_SIGNALS_WORKER)
        die_of(signal_number);
}

struct pxs_stop *cli_catch_signals(enum cli_signals kind) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    stop_kind = kind;
    for (size_t i = 0; i < PXS_COUNT(signals); i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
        sigemptyset(&action.sa_mask);
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
            continue; /* somebody wants us to outlive it, as nohup does */
        sigaction(signals[i], &action, NULL);
    }
    if (kind != CLI_SIGNALS_TASK)
        signal(SIGPIPE, SIG_IGN); /* a reader that leaves must not end a night's training */
    return &stop_flag;
}

void cli_open_standard_files(void) {
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        /* Opened for reading, so that a result written to a stdout that was closed is noticed. */
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(CLI_FAILED);
    }
}
