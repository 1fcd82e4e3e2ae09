/* Where a running attempt stands, read off its records. */
#include <math.h>
#include <string.h>

#include "progress_priv.h"

/* Weight of the newest step in the smoothed seconds per step. */
#define SMOOTHING 0.1

void pxs_progress_init(struct pxs_progress *p, const struct pxs_params *params,
                       const struct pxs_train_estimate *estimate, int64_t n_train) {
    memset(p, 0, sizeof *p);
    p->epoch = p->batch = p->best_epoch = -1;
    p->n_epochs = params->n_epochs;
    p->n_batches = estimate->batches_per_epoch;
    p->steps = estimate->steps;
    p->batch_size = params->batch_size;
    p->n_train = n_train;
    p->loss_G = p->loss_D = p->lr_G = p->val_loss = p->best_val = NAN;
    p->first_time = p->step_seconds = NAN;
}

static void see_batch(struct pxs_progress *p, const struct pxs_record_batch *b, double now) {
    p->epoch = b->epoch;
    p->batch = b->batch;
    p->steps_done = b->step + 1;
    p->loss_G = b->losses.loss_G;
    p->loss_D = b->losses.loss_D;
    p->lr_G = b->lr_G;
    p->step_seconds = isnan(p->step_seconds)
                          ? b->seconds
                          : p->step_seconds + SMOOTHING * (b->seconds - p->step_seconds);
    if (isnan(p->first_time)) {
        p->first_time = now;
        p->first_step = p->steps_done;
    }
}

static void see_epoch(struct pxs_progress *p, const struct pxs_record_epoch *e) {
    p->epochs_done = e->epoch + 1;
    p->val_loss = e->val_loss;
    if (e->is_best) {
        p->best_val = e->val_loss;
        p->best_epoch = e->epoch;
    }
}

void pxs_progress_see(struct pxs_progress *p, const struct pxs_record *r, double now) {
    if (r->kind == PXS_RECORD_BEGIN) {
        p->began = true;
    } else if (r->kind == PXS_RECORD_BATCH) {
        see_batch(p, &r->batch, now);
    } else if (r->kind == PXS_RECORD_EPOCH) {
        see_epoch(p, &r->epoch);
    } else if (r->kind == PXS_RECORD_EVENT && strcmp(r->event.kind, PXS_EVENT_SHORTER) == 0) {
        p->first_time = p->step_seconds = NAN; /* the batches before it are another run's */
    } else if (r->kind == PXS_RECORD_END) {
        p->ended = true;
        p->end = (enum pxs_outcome)r->end.outcome;
        snprintf(p->end_message, sizeof p->end_message, "%s", r->end.message);
    }
}

double pxs_progress_pace(const struct pxs_progress *p, double now) {
    int64_t steps = p->steps_done - p->first_step;
    return isnan(p->first_time) || steps <= 0 ? p->step_seconds
                                              : (now - p->first_time) / (double)steps;
}

double pxs_progress_eta(const struct pxs_progress *p, double now) {
    return pxs_progress_pace(p, now) * (double)(p->steps - p->steps_done);
}

static double images_per_s(const struct pxs_progress *p) {
    double images = p->n_train < p->batch_size ? (double)p->n_train : (double)p->batch_size;
    return p->step_seconds > 0 ? images / p->step_seconds : NAN;
}

void pxs_progress_board(const struct pxs_progress *p, double now, struct pxs_board_run *out) {
    out->epoch = p->epoch;
    out->epochs_done = p->epochs_done;
    out->batch = p->batch;
    out->n_epochs = p->n_epochs;
    out->n_batches = p->n_batches;
    out->steps_done = p->steps_done;
    out->steps = p->steps;
    out->loss_G = p->loss_G;
    out->loss_D = p->loss_D;
    out->val_loss = p->val_loss;
    out->lr_G = p->lr_G;
    out->images_per_s = images_per_s(p);
    out->eta = pxs_progress_eta(p, now);
}

void pxs_progress_line(const struct pxs_progress *p, double now, struct pxs_text *out) {
    char buf[32];
    double speed = images_per_s(p), eta = pxs_progress_eta(p, now);
    const bool whole = p->epochs_done > p->epoch;
    pxs_text_addf(out, "epochs %lld/%lld", (long long)(whole ? p->epochs_done : p->epoch),
                  (long long)p->n_epochs);
    if (!whole)
        pxs_text_addf(out, "  batches %lld/%lld", (long long)(p->batch + 1),
                      (long long)p->n_batches);
    pxs_text_addf(out, "  G %.4g  D %.3g", p->loss_G, p->loss_D);
    if (!isnan(p->val_loss))
        pxs_text_addf(out, "  val %.4f", p->val_loss);
    pxs_text_addf(out, "  lr %s", pxs_format_rounded(buf, p->lr_G, 4));
    if (!isnan(speed))
        pxs_text_addf(out, "  %.*f img/s", speed < 10 ? 1 : 0, speed);
    if (!isnan(eta) && p->steps_done < p->steps) {
        pxs_format_duration(buf, eta);
        pxs_text_addf(out, "  ETA %s", buf);
    }
}
