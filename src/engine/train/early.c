/* Early stopping: ends a run whose metric has not improved for early_stop_patience epochs. */
#include "train_priv.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

/* The value of the metric, negated where a higher one is better: a lower score is better. */
static double score_of(const struct training *t, const struct train_quality *q, double avg_loss_G) {
    switch ((enum pxs_early_stop_metric)t->p->early_stop_metric) {
    case PXS_EARLY_VAL_PSNR:
        return fmax(-q->psnr, -DBL_MAX); /* PSNR is infinite where nothing differs */
    case PXS_EARLY_VAL_SSIM:
        return -q->ssim;
    case PXS_EARLY_AVG_LOSS_G:
        return avg_loss_G;
    case PXS_EARLY_VAL_LOSS:
        break;
    }
    return q->loss;
}

void train_watch_progress(struct training *t, const struct train_quality *q, double avg_loss_G) {
    double score = score_of(t, q, avg_loss_G);
    if (score < t->early.best) {
        t->early.best = score;
        t->early.epoch = t->epoch;
    }
}

bool train_stops_early(const struct training *t) {
    int64_t patience = t->p->early_stop_patience;
    return patience > 0 && t->epoch < t->p->n_epochs && t->epoch - 1 - t->early.epoch >= patience;
}

enum pxs_status train_tell_early_stop(struct training *t, struct pxs_error *err) {
    const char *metric = pxs_params_get(t->p, PXS_PARAM_early_stop_metric).text;
    bool higher = t->p->early_stop_metric == PXS_EARLY_VAL_PSNR ||
                  t->p->early_stop_metric == PXS_EARLY_VAL_SSIM;
    struct pxs_record r = {
        .kind = PXS_RECORD_EVENT,
        .event = {.at_ms = pxs_now_ms(), .level = PXS_LOG_INFO, .kind = "early_stop"}};
    snprintf(r.event.message, sizeof r.event.message,
             "stopped early after %" PRId64 " of %" PRId64
             " epochs: %s has not become better than %.6g (in epoch %" PRId64 ") for %" PRId64
             " epochs (early_stop_patience)",
             t->epoch, t->p->n_epochs, metric, higher ? -t->early.best : t->early.best,
             t->early.epoch, t->p->early_stop_patience);
    pxs_log(t->job->log, PXS_LOG_INFO, "%s", r.event.message);
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, &r, err), err);
    return PXS_OK;
}
