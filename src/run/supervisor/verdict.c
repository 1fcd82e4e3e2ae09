/* What the death of a worker means, from how it exited, its last record and what it had been
 * asked. */
#include <signal.h>
#include <string.h>

#include "process_priv.h"

static void say(struct pxs_verdict *v, const char *fmt, ...) PXS_PRINTF(2, 3);
static void say(struct pxs_verdict *v, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(v->message, sizeof v->message, fmt, ap);
    va_end(ap);
}

static int code_of(enum pxs_outcome end) {
    switch (end) {
    case PXS_OUTCOME_COMPLETED:
        return PXS_EXIT_COMPLETED;
    case PXS_OUTCOME_DIVERGED:
        return PXS_EXIT_DIVERGED;
    case PXS_OUTCOME_INTERRUPTED:
        return PXS_EXIT_STOPPED;
    case PXS_OUTCOME_PRUNED:
        return PXS_EXIT_PRUNED;
    case PXS_OUTCOME_FAILED:
        break;
    }
    return PXS_EXIT_FAILED;
}

static void judge_timeout(const struct pxs_death *d, struct pxs_verdict *v) {
    char limit[32], share[64] = "";
    pxs_format_duration(limit, d->timeout);
    v->outcome = PXS_STATE_FAILED;
    v->reason = PXS_REASON_TIMEOUT;
    if (d->timeout_share > 0)
        snprintf(share, sizeof share, "%g%% of the median finished run, here ",
                 d->timeout_share * 100);
    say(v, "timed out: run.timeout is %s%s; stopped at step %lld%s", share, limit,
        (long long)d->step,
        v->signal == SIGKILL ? " (killed: it did not stop by itself within the grace period)" : "");
}

static const char *whose_kill(const struct pxs_death *d) {
    return d->kill == PXS_KILL_FOR_MEMORY    ? ": out of memory, by the kernel"
           : d->kill == PXS_KILL_BY_SOMEBODY ? ": by somebody; the kernel counts no want of memory"
                                             : ": by somebody, or by the system for want of memory";
}

static void judge_crash(const struct pxs_death *d, struct pxs_verdict *v) {
    v->outcome = PXS_STATE_FAILED;
    v->reason = v->signal == SIGKILL && d->kill == PXS_KILL_FOR_MEMORY ? PXS_REASON_OUT_OF_MEMORY
                : v->signal == SIGKILL || v->signal == SIGTERM         ? PXS_REASON_KILLED
                                                                       : PXS_REASON_CRASH;
    char limit[PXS_LIMIT_WORDS] = "";
    if (v->signal == SIGXCPU || (v->signal == SIGKILL && d->kill != PXS_KILL_FOR_MEMORY))
        pxs_limit_cpu_words(limit); /* workers have ours */
    if (v->signal != 0)
        say(v, "killed by signal %d (%s) at step %lld%s%s", v->signal, strsignal(v->signal),
            (long long)d->step, v->signal == SIGKILL ? whose_kill(d) : "", limit);
    else if (d->exit.how == PXS_LOST)
        say(v, "gone at step %lld without a last record, and the system does not tell how",
            (long long)d->step);
    else
        say(v, "exited with code %d at step %lld without a last record", v->exit_code,
            (long long)d->step);
}

const char *pxs_without_outcome(const char *message, enum pxs_run_state outcome) {
    const char *name = pxs_state_name(outcome);
    size_t n = strlen(name);
    return strncmp(message, name, n) == 0 && message[n] == ':'
               ? message + n + 1 + strspn(message + n + 1, " ")
               : message;
}

static enum pxs_end_reason reason_of_stop(const struct pxs_death *d) {
    return d->asked == PXS_ASKED_YIELD ? PXS_REASON_YIELDED : PXS_REASON_STOPPED;
}

/* The worker's END record, which stands behind all that it has written and synced. */
static void judge_end(const struct pxs_death *d, struct pxs_verdict *v) {
    v->outcome = pxs_outcome_state(d->end);
    v->reason =
        d->end == PXS_OUTCOME_INTERRUPTED ? reason_of_stop(d) : pxs_reason_of_outcome(d->end);
    say(v, "%s", pxs_without_outcome(d->end_message, v->outcome));
    size_t used = strlen(v->message);
    if (v->signal != 0)
        snprintf(v->message + used, sizeof v->message - used,
                 " (after its last record it was killed by signal %d)", v->signal);
    else if (d->exit.how == PXS_LOST)
        snprintf(v->message + used, sizeof v->message - used,
                 " (the system does not tell how it exited)");
    else if (v->exit_code != code_of(d->end))
        snprintf(v->message + used, sizeof v->message - used,
                 " (after its last record it exited with code %d)", v->exit_code);
}

void pxs_judge(const struct pxs_death *d, struct pxs_verdict *out) {
    memset(out, 0, sizeof *out);
    out->exit_code = d->exit.how == PXS_EXITED ? d->exit.code : -1;
    out->signal = d->exit.how == PXS_SIGNALLED ? d->exit.code : 0;
    bool timed_out =
        d->asked == PXS_ASKED_TIMEOUT && (!d->ended || d->end == PXS_OUTCOME_INTERRUPTED);
    if (d->damage) {
        out->outcome = PXS_STATE_FAILED;
        out->reason = PXS_REASON_DAMAGED_RECORD;
        say(out, "its record file is damaged: %s", d->damage);
    } else if (d->asked == PXS_ASKED_CANCEL && (!d->ended || d->end == PXS_OUTCOME_INTERRUPTED)) {
        out->outcome = PXS_STATE_CANCELLED;
        out->reason = PXS_REASON_CANCELLED;
        say(out, "cancelled at step %lld", (long long)d->step);
    } else if (timed_out) {
        judge_timeout(d, out);
    } else if (d->ended) {
        judge_end(d, out);
    } else if (d->asked == PXS_ASKED_STOP || d->asked == PXS_ASKED_YIELD) {
        out->outcome = PXS_STATE_INTERRUPTED;
        out->reason = reason_of_stop(d);
        say(out, "stopped at step %lld", (long long)d->step);
    } else {
        judge_crash(d, out);
    }
}
