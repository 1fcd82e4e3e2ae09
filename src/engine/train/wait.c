/* Waits while the disk is full, so that a run does not fail because others filled it. */
#include "train_priv.h"

#include <time.h>

enum { NAPS = 20, NAP_MS = 50 }; /* the stop flag is read after each */

static void say(struct training *t, const char *why) {
    if (t->job->waiting)
        t->job->waiting(t->job->waiting_user, why);
}

bool train_again(struct training *t, enum pxs_status *status, struct pxs_error *err) {
    if (*status != PXS_E_NOSPC) {
        if (t->waiting && *status == PXS_OK && !train_stopped(t)) {
            t->waiting = false;
            pxs_log(t->job->log, PXS_LOG_INFO, "there is space again: goes on");
            say(t, NULL);
        }
        return false;
    }
    if (!t->waiting) {
        t->waiting = true;
        pxs_log(t->job->log, PXS_LOG_WARN, "waiting for space: %s", err->message);
        say(t, err->message);
    }
    for (int i = 0; i < NAPS && !train_stopped(t); i++)
        nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    if (!train_stopped(t))
        return true;
    *status =
        pxs_fail(err, PXS_E_STOPPED, "stopped before step %lld while waiting for space: %.1000s",
                 (long long)t->step, err->message);
    return false;
}
