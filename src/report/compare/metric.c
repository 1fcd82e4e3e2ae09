/* What configurations can be ranked by: the measures of a run, by name. */
#include "compare_priv.h"

#include <string.h>
#include <strings.h>

static const struct metric metrics[MEASURES] = {
#define RANKS(better) \
    PXS_BETTER_##better != PXS_BETTER_NONE, PXS_BETTER_##better == PXS_BETTER_HIGHER
#define MEASURE(name, better, show, head, what, kin) \
    {#name, M_##name, RANKS(better), "", head, KIN_##kin},
#define MEASURE_NOTHING(metric, better, unit, head, kin)
#define MEASURE_BEST(metric, better, unit, head, kin) \
    {#metric, M_##metric, RANKS(better), unit, head, KIN_##kin},
#define MEASURE_LAST(metric, better, unit, head, kin) MEASURE_BEST(metric, better, unit, head, kin)
#define MEASURE_LARGEST(metric, better, unit, head, kin) \
    MEASURE_BEST(metric, better, unit, head, kin)
#define OF_EPOCHS(name, how, of, metric, since, unit, better, run, rank, show, head, title, label, \
                  kin)                                                                             \
    MEASURE_##run(metric, better, unit, head, kin)
    PXS_RUN_MEASURES(MEASURE) PXS_EPOCH_MEASURES(OF_EPOCHS)};

/* Short names, and those that `plot` and the database have for the same. */
static const struct {
    const char *name;
    enum measure measure;
} other_names[] = {
    {"val_loss", M_best_val_loss},
    {"best_val", M_best_val_loss},
    {"best", M_best_val_loss},
    {"final_val", M_final_val_loss},
    {"final", M_final_val_loss},
    {"auc", M_val_auc},
    {"area", M_val_auc},
    {"psnr", M_val_psnr},
    {"ssim", M_val_ssim},
    {"avg_loss_G", M_final_avg_loss_G},
    {"loss_G", M_final_avg_loss_G},
    {"time", M_seconds},
};

const struct metric *pxs_metric_of(enum measure measure) {
    return &metrics[measure];
}

const struct metric *pxs_metric_find(const char *option, const char *name, struct pxs_error *err) {
    const char *names[MEASURES + PXS_COUNT(other_names)];
    struct pxs_text list = {0};
    size_t n = 0;
    for (size_t i = 0; i < MEASURES; i++) {
        if (!metrics[i].ranks)
            continue;
        if (strcasecmp(name, metrics[i].name) == 0)
            return &metrics[i];
        names[n++] = metrics[i].name;
    }
    for (size_t i = 0; i < PXS_COUNT(other_names); i++) {
        if (strcasecmp(name, other_names[i].name) == 0)
            return &metrics[other_names[i].measure];
        names[n++] = other_names[i].name;
    }
    const char *near = pxs_nearest_word(name, names, n);
    for (size_t i = 0; i < n - PXS_COUNT(other_names); i++)
        pxs_text_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    pxs_fail(err, PXS_E_INVALID, "%s: there is no metric '%.60s'%s%s%s (%s)", option, name,
             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
             pxs_text_str(&list));
    pxs_text_finish(&list);
    return NULL;
}
