/* What one run of a plan is: its hyperparameters and its config.yaml. A plan that was made from an
 * experiment file asks that, a frozen one the run's folder. */
#include <stdlib.h>
#include <string.h>

#include "plan_priv.h"

enum { CONFIG_MAX = 1 << 20 };

void pxs_hold_nothing_back(const struct pxs_plan_run *run, struct pxs_params *p) {
    if (p->validation == PXS_VALIDATION_OFF && !run->own_val)
        p->val_fraction = 0;
}

void pxs_plan_params(const struct pxs_plan *plan, size_t index, struct pxs_params *out) {
    struct pxs_point point;
    pxs_config_point(plan->config, index, &point);
    *out = point.params;
    pxs_hold_nothing_back(&plan->runs[index], out);
}

enum pxs_status pxs_plan_read_params(const struct pxs_plan *plan, size_t index,
                                     struct pxs_params *out, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    if (plan->config) {
        pxs_plan_params(plan, index, out);
        return PXS_OK;
    }
    if (!pxs_path_join(path, sizeof path, plan->runs[index].dir, PXS_CONFIG_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", plan->runs[index].dir);
    return pxs_run_config_read(path, out, NULL, NULL, err);
}

static enum pxs_status frozen_run_config(const struct pxs_plan_run *run, struct pxs_text *out,
                                         struct pxs_error *err) {
    char *text = NULL;
    size_t bytes;
    PXS_TRY(pxs_read_beneath(run->dir, PXS_CONFIG_FILE, CONFIG_MAX, &text, &bytes, err));
    pxs_text_add(out, text);
    free(text);
    return out->failed ? pxs_fail_nomem(err) : PXS_OK;
}

enum pxs_status pxs_plan_run_config(const struct pxs_plan *plan, size_t index, struct pxs_params *p,
                                    struct pxs_text *out, struct pxs_error *err) {
    const struct pxs_plan_run *run = &plan->runs[index];
    struct pxs_run_config_head head = {0};
    const char *base = strrchr(run->name, '/');
    PXS_TRY(pxs_plan_read_params(plan, index, p, err));
    if (!plan->config)
        return frozen_run_config(run, out, err);
    snprintf(head.name, sizeof head.name, "%s", run->name);
    snprintf(head.data_hash, sizeof head.data_hash, "%s", run->data_hash);
    snprintf(head.files_hash, sizeof head.files_hash, "%s", run->files_hash);
    snprintf(head.weights_hash, sizeof head.weights_hash, "%s", run->weights_hash);
    pxs_run_config_text(&head, base ? base + 1 : run->name, p, run->own_val, out);
    return out->failed ? pxs_fail_nomem(err) : PXS_OK;
}
