/* What a race compares: one number a run, as src/report/compare/runs.sql makes it of the epochs. */
#include "pixsweep/race.h"

#include <math.h>
#include <string.h>

static const struct pxs_race_metric_info metrics[PXS_RACE_METRICS] = {
    [PXS_RACE_BEST_VAL_LOSS] = {"best_val_loss", false, true},
    [PXS_RACE_BEST_EPOCH] = {"best_epoch", false, true},
    [PXS_RACE_FINAL_VAL_LOSS] = {"final_val_loss", false, true},
    [PXS_RACE_FINAL_AVG_LOSS_G] = {"final_avg_loss_G", false, false},
    [PXS_RACE_VAL_AUC] = {"val_auc", false, true},
    [PXS_RACE_VAL_PSNR] = {"val_psnr", true, true},
    [PXS_RACE_VAL_SSIM] = {"val_ssim", true, true},
};

const struct pxs_race_metric_info *pxs_race_metric_info(enum pxs_race_metric metric) {
    return &metrics[metric];
}

bool pxs_race_metric_find(const char *name, enum pxs_race_metric *out) {
    for (size_t i = 0; i < PXS_RACE_METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0) {
            *out = (enum pxs_race_metric)i;
            return true;
        }
    return false;
}

void pxs_race_score_begin(struct pxs_race_score *s, enum pxs_race_metric metric) {
    *s = (struct pxs_race_score){.metric = metric,
                                 .best_loss = NAN,
                                 .last_loss = NAN,
                                 .last_loss_G = NAN,
                                 .best_psnr = NAN,
                                 .best_ssim = NAN,
                                 .area_loss = NAN};
}

void pxs_race_score_epoch(struct pxs_race_score *s, int64_t epoch, double avg_loss_G,
                          double val_loss, double val_psnr, double val_ssim) {
    s->last_loss = val_loss;
    s->last_loss_G = avg_loss_G;
    if (isnan(val_loss))
        return;
    if (isnan(s->best_loss) || val_loss < s->best_loss) {
        s->best_loss = val_loss;
        s->best_psnr = val_psnr;
        s->best_ssim = val_ssim;
        s->best_epoch = epoch;
    }
    /* the trapezoid rule; an epoch without a loss is bridged */
    if (isnan(s->area_loss))
        s->area_begin = epoch;
    else
        s->area += (val_loss + s->area_loss) / 2 * (double)(epoch - s->area_end);
    s->area_loss = val_loss;
    s->area_end = epoch;
}

double pxs_race_score_value(const struct pxs_race_score *s) {
    const bool several = s->area_end > s->area_begin;
    switch (s->metric) {
    case PXS_RACE_BEST_VAL_LOSS:
        return s->best_loss;
    case PXS_RACE_BEST_EPOCH:
        return isnan(s->best_loss) ? NAN : (double)s->best_epoch;
    case PXS_RACE_FINAL_VAL_LOSS:
        return s->last_loss;
    case PXS_RACE_FINAL_AVG_LOSS_G:
        return s->last_loss_G;
    case PXS_RACE_VAL_AUC:
        return several ? s->area / (double)(s->area_end - s->area_begin) : s->area_loss;
    case PXS_RACE_VAL_PSNR:
        return s->best_psnr;
    case PXS_RACE_VAL_SSIM:
        return s->best_ssim;
    default:
        return NAN;
    }
}
