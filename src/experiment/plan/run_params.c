/* What one run of a plan is: its hyperparameters and its config.yaml. A plan that was made from an
 * experiment file asks that, a frozen one the run's folder. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Whose config.yaml tells what run `index` of a frozen plan is: its own, or, of a race that had not
 * come to it when it was frozen, that of its configuration's first seed. */
static const struct pxs_plan_run *frozen_from(const struct pxs_plan *plan, size_t index) {
    const struct pxs_plan_run *run = &plan->runs[index];
    char path[PXS_PATH_MAX];
    const bool own =
        !plan->race.on ||
        (pxs_path_join(path, sizeof path, run->dir, PXS_CONFIG_FILE) && access(path, F_OK) == 0);
    return own ? run : &plan->runs[index % plan->n_configurations];
}

enum pxs_status pxs_plan_read_params(const struct pxs_plan *plan, size_t index,
                                     struct pxs_params *out, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    if (plan->config) {
        pxs_plan_params(plan, index, out);
        return PXS_OK;
    }
    const struct pxs_plan_run *run = &plan->runs[index], *from = frozen_from(plan, index);
    if (!pxs_path_join(path, sizeof path, from->dir, PXS_CONFIG_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", from->dir);
    PXS_TRY(pxs_run_config_read(path, out, NULL, NULL, err));
    out->seed = run->seed;
    return PXS_OK;
}

static enum pxs_status frozen_run_config(const struct pxs_plan *plan, size_t index,
                                         const struct pxs_params *p, struct pxs_text *out,
                                         struct pxs_error *err) {
    const struct pxs_plan_run *run = &plan->runs[index], *from = frozen_from(plan, index);
    const char *base = strrchr(run->name, '/');
    char *text = NULL;
    size_t bytes;
    PXS_TRY(pxs_read_beneath(from->dir, PXS_CONFIG_FILE, CONFIG_MAX, &text, &bytes, err));
    if (from == run)
        pxs_text_add(out, text);
    else {
        struct pxs_run_config_head head;
        pxs_run_config_read_head(text, &head);
        snprintf(head.name, sizeof head.name, "%s", run->name);
        pxs_run_config_text(&head, base ? base + 1 : run->name, p, run->own_val, out);
    }
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
        return frozen_run_config(plan, index, p, out, err);
    snprintf(head.name, sizeof head.name, "%s", run->name);
    snprintf(head.data_hash, sizeof head.data_hash, "%s", run->data_hash);
    snprintf(head.files_hash, sizeof head.files_hash, "%s", run->files_hash);
    snprintf(head.weights_hash, sizeof head.weights_hash, "%s", run->weights_hash);
    pxs_run_config_text(&head, base ? base + 1 : run->name, p, run->own_val, out);
    return out->failed ? pxs_fail_nomem(err) : PXS_OK;
}
