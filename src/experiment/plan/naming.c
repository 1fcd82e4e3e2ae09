/* What the configurations of a race are called, in the words of `compare`. */
#include "plan_priv.h"

#include <stdlib.h>
#include <string.h>

static bool same(const struct pxs_param_value *a, const struct pxs_param_value *b) {
    return a->kind == b->kind && (a->kind == PXS_VALUE_NULL ||
                                  (a->kind == PXS_VALUE_INTEGER && a->integer == b->integer) ||
                                  (a->kind == PXS_VALUE_REAL && a->real == b->real) ||
                                  (a->kind == PXS_VALUE_TEXT && strcmp(a->text, b->text) == 0));
}

/* Whether it tells configurations apart: paths by their content; a key that came later not where
 * it has its default wherever it has an effect. */
static bool tells(const struct pxs_plan *plan, int key, const struct pxs_param_value *values) {
    const struct pxs_param_info *info = pxs_param_info(key);
    struct pxs_params defaults;
    bool differs = false, set = (info->flags & PXS_PF_LATER) == 0;
    pxs_params_default(&defaults);
    const struct pxs_param_value usual = pxs_params_get(&defaults, key);
    for (size_t i = 0; i < plan->n_configurations; i++) {
        const struct pxs_plan_run *run = &plan->runs[i], *first = &plan->runs[0];
        differs =
            differs ||
            (key == PXS_PARAM_dataset     ? strcmp(run->data_hash, first->data_hash) != 0
             : key == PXS_PARAM_init_from ? strcmp(run->weights_hash, first->weights_hash) != 0
                                          : !same(&values[i], &values[0]));
        set = set || (values[i].kind != PXS_VALUE_NULL && !same(&values[i], &usual));
    }
    return differs && set;
}

/* Appends the key where it tells configurations apart. */
static void add_key(const struct pxs_plan *plan, int key, const struct pxs_params *params,
                    struct pxs_naming *n, const char **keys, struct pxs_param_value *values) {
    struct pxs_param_value *of = &values[n->n_keys * n->n];
    for (size_t i = 0; i < n->n; i++) {
        of[i] = (struct pxs_param_value){0};
        if (pxs_params_effective(&params[i], key))
            of[i] = pxs_params_get(&params[i], key);
    }
    if (tells(plan, key, of))
        keys[n->n_keys++] = pxs_param_info(key)->key;
}

enum pxs_status pxs_plan_name_race(struct pxs_plan *plan, struct pxs_error *err) {
    const size_t k = plan->n_configurations;
    const char *keys[PXS_PARAM_COUNT];
    if (!plan->race.on)
        return PXS_OK;
    struct pxs_params *params = malloc(k * sizeof *params);
    struct pxs_param_value *values = malloc(k * PXS_PARAM_COUNT * sizeof *values);
    char **names = malloc(k * sizeof *names);
    struct pxs_naming n = {.n = k, .keys = keys, .values = values, .otherwise = plan->sweep};
    enum pxs_status status = params && values && names ? PXS_OK : pxs_fail_nomem(err);
    for (size_t i = 0; status == PXS_OK && i < k; i++)
        pxs_plan_params(plan, i, &params[i]);
    for (int key = 0; status == PXS_OK && key < PXS_PARAM_COUNT; key++)
        if (key != PXS_PARAM_seed && (pxs_param_info(key)->flags & PXS_PF_NOT_IDENTITY) == 0)
            add_key(plan, key, params, &n, keys, values);
    if (status == PXS_OK)
        status = pxs_name_configurations(&n, &plan->arena, names, err);
    for (size_t i = 0; status == PXS_OK && i < k; i++)
        plan->runs[i].configuration = names[i];
    free(params);
    free(values);
    free(names);
    return status;
}
