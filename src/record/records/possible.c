/* What a record can say. Bounds are wide, yet so that nobody who counts, sums or scales what was
 * read has to look again, and so that the store takes whatever is read. Losses and metrics may be
 * anything: a run that diverges has NaN, infinities and all between. */
#include "record_priv.h"

#include <math.h>
#include <string.h>

#define TIME_MAX 253402300799999      /* ms: the end of year 9999 */
#define STEP_MAX 1000000000000        /* a million epochs of a million batches */
#define BYTES_MAX 9007199254740992    /* exact as a double */
#define TICKS_MAX 4611686018427387904 /* of a clock since boot: 2^62 */
#define SECONDS_MAX 1e10              /* three centuries */
#define RATE_MAX 1e6
enum { ATTEMPT_MAX = 1000000000, EPOCH_MAX = 1000000, PID_MAX = 1 << 22, THREADS_MAX = 1 << 20 };

/* One look at a record: the first thing that cannot be ends up in `why`. */
struct look {
    char *why;
    bool fine;
};

static void wrong(struct look *l, const char *fmt, ...) PXS_PRINTF(2, 3);
static void wrong(struct look *l, const char *fmt, ...) {
    va_list ap;
    if (!l->fine)
        return;
    l->fine = false;
    va_start(ap, fmt);
    vsnprintf(l->why, PXS_WHY, fmt, ap);
    va_end(ap);
}

static void within(struct look *l, const char *name, int64_t value, int64_t least, int64_t most) {
    if (value < least || value > most)
        wrong(l, "%s is %lld, not from %lld to %lld", name, (long long)value, (long long)least,
              (long long)most);
}

/* NaN: not known. */
static void real(struct look *l, const char *name, double value, double most) {
    if (!isnan(value) && !(value >= 0 && value <= most))
        wrong(l, "%s is %g, not from 0 to %g", name, value, most);
}

static void one_of(struct look *l, const char *name, const char *value, const char *a,
                   const char *b) {
    if (strcmp(value, a) != 0 && strcmp(value, b) != 0)
        wrong(l, "%s is neither %s nor %s", name, a, b);
}

/* A way down from the run's folder: no absolute path, no step up, no empty step, no control
 * characters. */
static void path(struct look *l, const char *value) {
    const char *part = value;
    bool good = *value != '\0';
    for (const char *c = value; *c; c++)
        good = good && (unsigned char)*c >= 0x20 && *c != 0x7f;
    while (good) {
        size_t n = strcspn(part, "/");
        good =
            n > 0 && !(n == 1 && part[0] == '.') && !(n == 2 && part[0] == '.' && part[1] == '.');
        part += n;
        if (*part++ == '\0')
            break;
    }
    if (!good)
        wrong(l, "its path does not lead to a file below the run's folder");
}

/* "" where nobody knows it. */
static void sha256(struct look *l, const char *value) {
    if (value[strspn(value, "0123456789abcdef")] != '\0')
        wrong(l, "its sha256 is none");
}

/* ---- the environment ------------------------------------------------------------------------ */

static void number_line(struct look *l, const char *key, const char *value, int64_t most) {
    int64_t number;
    if (!pxs_parse_int(value, &number))
        wrong(l, "%s is no number", key);
    else
        within(l, key, number, 0, most);
}

/* "key=value": what names a process must be able to. */
static void line(struct look *l, char *text) {
    char *value = strchr(text, '=');
    if (!value || value == text) {
        wrong(l, "a line of its environment is not key=value");
        return;
    }
    *value++ = '\0';
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~')
            wrong(l, "a key of its environment has other characters than keys have");
    if (strcmp(text, "pid") == 0 || strcmp(text, "supervisor_pid") == 0)
        number_line(l, text, value, PID_MAX);
    else if (strcmp(text, "pid_start") == 0)
        number_line(l, text, value, TICKS_MAX);
    else if (strcmp(text, "threads") == 0)
        number_line(l, text, value, THREADS_MAX);
}

static void environment(struct look *l, const char *text) {
    while (l->fine && *text) {
        char one[sizeof((struct pxs_record_begin *)0)->text];
        size_t n = strcspn(text, "\n");
        memcpy(one, text, n);
        one[n] = '\0';
        line(l, one);
        text += n;
        text += *text == '\n';
    }
}

/* ---- records -------------------------------------------------------------------------------- */

static void begin(struct look *l, const struct pxs_record_begin *r) {
    within(l, "attempt", r->attempt, 1, ATTEMPT_MAX);
    within(l, "at_ms", r->at_ms, 0, TIME_MAX);
    within(l, "resumed_from_step", r->resumed_from_step, -1, STEP_MAX);
    environment(l, r->text);
}

static void batch(struct look *l, const struct pxs_record_batch *r) {
    within(l, "step", r->step, 0, STEP_MAX);
    within(l, "epoch", r->epoch, 0, EPOCH_MAX);
    within(l, "batch", r->batch, 0, INT32_MAX);
    real(l, "lr_G", r->lr_G, RATE_MAX);
    real(l, "lr_D", r->lr_D, RATE_MAX);
    real(l, "seconds", r->seconds, SECONDS_MAX);
}

static void epoch(struct look *l, const struct pxs_record_epoch *r) {
    within(l, "epoch", r->epoch, 0, EPOCH_MAX);
    within(l, "is_best", r->is_best, 0, 1);
    real(l, "lr_G", r->lr_G, RATE_MAX);
    real(l, "lr_D", r->lr_D, RATE_MAX);
    real(l, "seconds", r->seconds, SECONDS_MAX);
}

static void sample(struct look *l, const struct pxs_record_sample *r) {
    within(l, "step", r->step, 0, STEP_MAX);
    within(l, "epoch", r->epoch, 0, EPOCH_MAX);
    path(l, r->path);
    sha256(l, r->sha256);
}

static void checkpoint(struct look *l, const struct pxs_record_checkpoint *r) {
    within(l, "epoch", r->epoch, 0, EPOCH_MAX);
    one_of(l, "its kind", r->kind, "periodic", "best");
    one_of(l, "its net", r->net, "generator", "discriminator");
    path(l, r->path);
    sha256(l, r->sha256);
    within(l, "bytes", r->bytes, 0, BYTES_MAX);
}

static void event(struct look *l, const struct pxs_record_event *r) {
    within(l, "at_ms", r->at_ms, 0, TIME_MAX);
    within(l, "level", r->level, PXS_LOG_DEBUG, PXS_LOG_ERROR);
}

static void end(struct look *l, const struct pxs_record_end *r) {
    within(l, "at_ms", r->at_ms, 0, TIME_MAX);
    within(l, "step", r->step, 0, STEP_MAX);
    if (pxs_outcome_state((enum pxs_outcome)r->outcome) == PXS_STATE_NONE)
        wrong(l, "outcome %d is none", (int)r->outcome);
}

static void rung(struct look *l, const struct pxs_record_rung *r) {
    within(l, "epoch", r->epoch, 0, EPOCH_MAX);
    within(l, "go_on", r->go_on, 0, 1);
}

bool pxs_record_possible(const struct pxs_record *r, char why[PXS_WHY]) {
    struct look l = {why, true};
    switch (r->kind) {
    case PXS_RECORD_BEGIN:
        begin(&l, &r->begin);
        break;
    case PXS_RECORD_BATCH:
        batch(&l, &r->batch);
        break;
    case PXS_RECORD_EPOCH:
        epoch(&l, &r->epoch);
        break;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        sample(&l, &r->sample);
        break;
    case PXS_RECORD_CHECKPOINT:
        checkpoint(&l, &r->checkpoint);
        break;
    case PXS_RECORD_EVENT:
        event(&l, &r->event);
        break;
    case PXS_RECORD_END:
        end(&l, &r->end);
        break;
    case PXS_RECORD_RUNG:
        rung(&l, &r->rung);
        break;
    }
    return l.fine;
}
