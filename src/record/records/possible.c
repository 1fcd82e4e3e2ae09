/* The bounds of a record's fields. They are wide, but code that counts, sums or scales what was
 * read need not check again, and the store accepts whatever is read. Losses and metrics may be
 * anything: a run that diverges has NaN and infinities. */
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

/* One look at a record: `why` names the first field that cannot be. */
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

/* "" = not known. */
static void sha256(struct look *l, const char *value) {
    if (value[strspn(value, "0123456789abcdef")] != '\0')
        wrong(l, "its sha256 is none");
}

/* "key=value" lines; those that name the process are numbers within bounds. */
static void environment(struct look *l, const char *text) {
    static const struct {
        const char *key;
        int64_t most;
    } numbers[] = {{"pid", PID_MAX},
                   {"supervisor_pid", PID_MAX},
                   {"pid_start", TICKS_MAX},
                   {"threads", THREADS_MAX}};
    char line[sizeof((struct pxs_record_begin *)0)->text];
    while (l->fine && *text) {
        size_t n = strcspn(text, "\n");
        memcpy(line, text, n);
        line[n] = '\0';
        text += n;
        text += *text == '\n';

        char *value = strchr(line, '=');
        if (!value || value == line) {
            wrong(l, "a line of its environment is not key=value");
            return;
        }
        *value++ = '\0';
        for (const char *c = line; *c; c++)
            if (*c <= ' ' || *c > '~')
                wrong(l, "a key of its environment has other characters than keys have");
        for (size_t i = 0; i < PXS_COUNT(numbers); i++) {
            int64_t number;
            if (strcmp(line, numbers[i].key) != 0)
                continue;
            if (!pxs_parse_int(value, &number))
                wrong(l, "%s is no number", line);
            else
                within(l, line, number, 0, numbers[i].most);
        }
    }
}

bool pxs_record_possible(const struct pxs_record *r, char why[PXS_WHY]) {
    struct look l = {why, true};
    switch (r->kind) {
    case PXS_RECORD_BEGIN:
        within(&l, "attempt", r->begin.attempt, 1, ATTEMPT_MAX);
        within(&l, "at_ms", r->begin.at_ms, 0, TIME_MAX);
        within(&l, "resumed_from_step", r->begin.resumed_from_step, -1, STEP_MAX);
        environment(&l, r->begin.text);
        break;
    case PXS_RECORD_BATCH:
        within(&l, "step", r->batch.step, 0, STEP_MAX);
        within(&l, "epoch", r->batch.epoch, 0, EPOCH_MAX);
        within(&l, "batch", r->batch.batch, 0, INT32_MAX);
        real(&l, "lr_G", r->batch.lr_G, RATE_MAX);
        real(&l, "lr_D", r->batch.lr_D, RATE_MAX);
        real(&l, "seconds", r->batch.seconds, SECONDS_MAX);
        break;
    case PXS_RECORD_EPOCH:
        within(&l, "epoch", r->epoch.epoch, 0, EPOCH_MAX);
        within(&l, "is_best", r->epoch.is_best, 0, 1);
        real(&l, "lr_G", r->epoch.lr_G, RATE_MAX);
        real(&l, "lr_D", r->epoch.lr_D, RATE_MAX);
        real(&l, "seconds", r->epoch.seconds, SECONDS_MAX);
        break;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        within(&l, "step", r->sample.step, 0, STEP_MAX);
        within(&l, "epoch", r->sample.epoch, 0, EPOCH_MAX);
        path(&l, r->sample.path);
        sha256(&l, r->sample.sha256);
        break;
    case PXS_RECORD_CHECKPOINT:
        within(&l, "epoch", r->checkpoint.epoch, 0, EPOCH_MAX);
        one_of(&l, "its kind", r->checkpoint.kind, "periodic", "best");
        one_of(&l, "its net", r->checkpoint.net, "generator", "discriminator");
        path(&l, r->checkpoint.path);
        sha256(&l, r->checkpoint.sha256);
        within(&l, "bytes", r->checkpoint.bytes, 0, BYTES_MAX);
        break;
    case PXS_RECORD_EVENT:
        within(&l, "at_ms", r->event.at_ms, 0, TIME_MAX);
        within(&l, "level", r->event.level, PXS_LOG_DEBUG, PXS_LOG_ERROR);
        break;
    case PXS_RECORD_END:
        within(&l, "at_ms", r->end.at_ms, 0, TIME_MAX);
        within(&l, "step", r->end.step, 0, STEP_MAX);
        if (pxs_outcome_state((enum pxs_outcome)r->end.outcome) == PXS_STATE_NONE)
            wrong(&l, "outcome %d is none", (int)r->end.outcome);
        break;
    case PXS_RECORD_RUNG:
        within(&l, "epoch", r->rung.epoch, 0, EPOCH_MAX);
        within(&l, "go_on", r->rung.go_on, 0, 1);
        break;
    }
    return l.fine;
}
