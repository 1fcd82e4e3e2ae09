/* Signals become flags that loops look at; a second signal that asks to stop stops at once. */
#include "cli.h"
#include "pixsweep/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* Seconds from the first signal to the end, where planning does not look at the flag in between. */
#define PLANNING_SECONDS 3

/* Global, since a signal handler gets no argument of ours. */
static struct pxs_stop stop_flag;
static enum cli_signals stop_kind;
static atomic_int hung_up, continued;

/* No worker has been started yet, so there is none to stop. */
static void leave(void) {
    static const char words[] = "pixsweep: interrupted; nothing was started\n";
    const ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
    (void)ignored;
    _exit(CLI_INTERRUPTED);
}

/* While a sweep is planned, the flag is looked at only now and then. */
static void on_alarm(int signal_number) {
    (void)signal_number;
    if (!atomic_load(&stop_flag.was_handled))
        leave();
}

static void on_stop(int signal_number) {
    const int before = atomic_load(&stop_flag.signal);
    const bool alone = stop_kind == CLI_SIGNALS_SUPERVISOR && !atomic_load(&stop_flag.was_handled);
    if (before == 0)
        atomic_store(&stop_flag.signal, signal_number);
    if (alone && before != 0)
        leave();
    else if (alone)
        alarm(PLANNING_SECONDS);
    else if (before == 0)
        return;
    else if (stop_kind == CLI_SIGNALS_SUPERVISOR && (before & PXS_STOP_AGAIN) == 0)
        atomic_store(&stop_flag.signal, signal_number | PXS_STOP_AGAIN);
    else if (stop_kind != CLI_SIGNALS_WORKER) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
}

static void on_suspend(int signal_number) {
    (void)signal_number;
    if (atomic_load(&stop_flag.was_handled))
        atomic_store(&stop_flag.suspend, 1);
    else
        pxs_stand_still();
}

static void on_save(int signal_number) {
    (void)signal_number;
    atomic_store(&stop_flag.save, 1);
}

static void on_time_is_up(int signal_number) {
    (void)signal_number;
    atomic_store(&stop_flag.time_is_up, 1);
}

static void on_hangup(int signal_number) {
    (void)signal_number;
    atomic_store(&hung_up, 1);
}

static void on_continue(int signal_number) {
    (void)signal_number;
    atomic_store(&continued, 1);
}

static void install(int signal_number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

/* A signal that is ignored already, as under nohup, stays ignored. */
static void install_unless_ignored(int signal_number, void (*handler)(int)) {
    struct sigaction before;
    if (sigaction(signal_number, NULL, &before) != 0 || before.sa_handler != SIG_IGN)
        install(signal_number, handler);
}

struct pxs_stop *cli_catch_signals(enum cli_signals kind) {
    stop_kind = kind;
    install_unless_ignored(SIGINT, on_stop);
    install_unless_ignored(SIGTERM, on_stop);
    if (kind == CLI_SIGNALS_WORKER)
        signal(SIGHUP, SIG_IGN); /* only the supervisor says when to stop, and it goes on */
    else
        install_unless_ignored(SIGHUP, kind == CLI_SIGNALS_SUPERVISOR ? on_hangup : on_stop);
    if (kind == CLI_SIGNALS_SUPERVISOR) {
        install_unless_ignored(SIGTSTP, on_suspend);
        install(SIGALRM, on_alarm);
    }
    if (kind != CLI_SIGNALS_TASK) {
        install(SIGUSR1, on_save);
        signal(SIGPIPE, SIG_IGN); /* a reader that leaves must not end a night's training */
    }
    install(SIGCONT, on_continue);
    signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would keep from us how workers end */
    return &stop_flag;
}

void cli_catch_time_is_up(void) {
    install(SIGUSR2, on_time_is_up);
}

bool cli_hung_up(void) {
    return atomic_load(&hung_up) != 0;
}

bool cli_continued(void) {
    return atomic_exchange(&continued, 0) != 0;
}

void cli_open_standard_files(void) {
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        /* Opened for reading, so that a result written to a stdout that was closed is noticed. */
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(CLI_FAILED);
    }
}
