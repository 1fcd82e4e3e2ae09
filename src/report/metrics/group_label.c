/* What groups are called: "halve, lrgd 25". */
#include "groups_priv.h"

#include <stdlib.h>
#include <string.h>

static struct pxs_param_value value_of(const struct pxs_cell *cell) {
    struct pxs_param_value v = {.integer = cell->integer, .real = cell->real, .text = cell->text};
    v.kind = cell->kind == PXS_CELL_TEXT   ? PXS_VALUE_TEXT
             : cell->kind == PXS_CELL_INT  ? PXS_VALUE_INTEGER
             : cell->kind == PXS_CELL_REAL ? PXS_VALUE_REAL
                                           : PXS_VALUE_NULL;
    return v;
}

enum pxs_status pxs_group_labels(struct pxs_groups *g, struct pxs_error *err) {
    struct pxs_param_value *values = malloc((g->n_keys * g->n_groups + 1) * sizeof *values);
    const char **keys = malloc((g->n_keys + 1) * sizeof *keys);
    enum pxs_status status = PXS_E_NOMEM;
    g->labels = pxs_arena_alloc(&g->arena, (g->n_groups + 1) * sizeof *g->labels);
    if (!values || !keys || !g->labels) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    for (size_t k = 0; k < g->n_keys; k++) {
        keys[k] = strcmp(g->keys[k], PXS_KEY_ORIGIN) == 0 ? "" : g->keys[k];
        for (size_t i = 0; i < g->n_groups; i++)
            values[k * g->n_groups + i] = value_of(&g->values[k].cells[g->first[i]]);
    }
    const struct pxs_naming naming = {.n = g->n_groups,
                                      .n_keys = g->n_keys,
                                      .keys = keys,
                                      .values = values,
                                      .otherwise = g->sweep};
    status = pxs_name_configurations(&naming, &g->arena, g->labels, err);
out:
    free(values);
    free(keys);
    return status;
}
