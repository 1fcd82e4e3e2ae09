/* What can follow what in a record file. A writer cuts the file back to where its attempt goes on,
 * so steps are without gaps, and each epoch's record stands behind its last batch, and nothing of
 * an attempt stands behind its END. */
#include "record_priv.h"

static bool wrong(char why[PXS_RECORD_WHY], const char *fmt, ...) PXS_PRINTF(2, 3);
static bool wrong(char why[PXS_RECORD_WHY], const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, PXS_RECORD_WHY, fmt, ap);
    va_end(ap);
    return false;
}

static bool begin(struct pxs_record_order *o, const struct pxs_record_begin *r, char *why) {
    const int64_t step = r->resumed_from_step > 0 ? r->resumed_from_step : 0;
    if (step > o->step)
        return wrong(
            why,
            "attempt %lld goes on from step %lld, but the records before it end before step %lld",
            (long long)r->attempt, (long long)step, (long long)o->step);
    o->begun = o->repeats = true;
    o->ended = false;
    o->step = step;
    if (step == 0)
        o->epoch = 0;
    return true;
}

static bool in_run(const struct pxs_record_order *o, int64_t epoch, char *why) {
    if (o->n_epochs > 0 && epoch >= o->n_epochs)
        return wrong(why, "it is of epoch %lld, and the run has %lld, from 0 on", (long long)epoch,
                     (long long)o->n_epochs);
    return true;
}

static bool batch(struct pxs_record_order *o, const struct pxs_record_batch *r, char *why) {
    if (r->step != o->step)
        return wrong(why, "it is step %lld where step %lld comes next", (long long)r->step,
                     (long long)o->step);
    const bool placed = o->batches == 0
                            ? r->epoch == 0 && r->batch == r->step
                            : r->batch < o->batches && r->epoch * o->batches + r->batch == r->step;
    if (!placed || (!o->repeats && r->epoch != o->epoch))
        return wrong(why, "step %lld is not batch %d of epoch %d here", (long long)r->step,
                     (int)r->batch, (int)r->epoch);
    o->step++;
    o->epoch = r->epoch;
    o->repeats = false;
    return in_run(o, r->epoch, why);
}

static bool epoch(struct pxs_record_order *o, const struct pxs_record_epoch *r, char *why) {
    const bool full =
        o->batches == 0 ? r->epoch == 0 && o->step > 0 : (r->epoch + 1) * o->batches == o->step;
    if (!full || (!o->repeats && r->epoch != o->epoch))
        return wrong(why, "epoch %d cannot end before step %lld", (int)r->epoch,
                     (long long)o->step);
    if (o->batches == 0)
        o->batches = o->step;
    o->epoch = r->epoch + 1;
    o->repeats = false;
    return in_run(o, r->epoch, why);
}

static bool end(struct pxs_record_order *o, const struct pxs_record_end *r, char *why) {
    const bool at_end = o->batches > 0 && o->step == o->epoch * o->batches &&
                        (o->n_epochs == 0 || o->stops_early || o->epoch == o->n_epochs);
    if (r->outcome == PXS_OUTCOME_COMPLETED && !at_end)
        return wrong(why, "it says completed, but the records before it end before step %lld",
                     (long long)o->step);
    o->ended = true;
    return true;
}

bool pxs_record_follows(struct pxs_record_order *o, const struct pxs_record *r,
                        char why[PXS_RECORD_WHY]) {
    if (r->kind == PXS_RECORD_BEGIN)
        return begin(o, &r->begin, why);
    if (!o->begun)
        return wrong(why, "no attempt has begun before it");
    if (o->ended)
        return wrong(why, "it stands behind the END record of its attempt");
    if (r->kind == PXS_RECORD_BATCH)
        return batch(o, &r->batch, why);
    if (r->kind == PXS_RECORD_EPOCH)
        return epoch(o, &r->epoch, why);
    return r->kind == PXS_RECORD_END ? end(o, &r->end, why) : true;
}
