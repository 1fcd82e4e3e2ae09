/* One run: the values of all layers on top of each other, and which of them have no effect. */
#include "config_priv.h"

#include <string.h>

static void put(struct pxs_resolved *r, int key, const struct pxs_param_value *value, int rank,
                const struct pxs_node *where) {
    if (!pxs_params_put(&r->params, key, value))
        return; /* cannot be: the value was read for this key */
    r->rank[key] = rank;
    r->where[key] = where;
}

void pxs_resolve(const struct pxs_config *c, size_t index, struct pxs_resolved *r) {
    r->params = c->base;
    memcpy(r->rank, c->base_rank, sizeof r->rank);
    memcpy(r->where, c->base_where, sizeof r->where);
    for (size_t i = c->sweep.n_axes; i-- > 0;) {
        const struct pxs_axis *axis = &c->sweep.axes[i];
        const struct pxs_cell *cells = &axis->cells[(index % axis->count) * axis->n_keys];
        index /= axis->count;
        for (size_t k = 0; k < axis->n_keys; k++)
            if (cells[k].node)
                put(r, axis->keys[k], &cells[k].value, PXS_RANK_SWEEP, cells[k].node);
    }
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        if (!c->set.keys[key])
            continue;
        struct pxs_param_value value = pxs_params_get(&c->set.values, key);
        put(r, key, &value, PXS_RANK_SET, c->set.keys[key]);
    }
}

int pxs_resolved_culprit(const struct pxs_resolved *r, int key) {
    if (pxs_params_effective(&r->params, key))
        return -1;
    int under = pxs_param_info(key)->under;
    int above = pxs_resolved_culprit(r, under);
    return above >= 0 ? above : under;
}

void pxs_resolved_note(const struct pxs_resolved *r, int key, struct pxs_text *out) {
    int culprit = pxs_resolved_culprit(r, key);
    pxs_text_addf(out, "%s ", pxs_param_info(key)->key);
    pxs_params_format(&r->params, key, out);
    pxs_text_add(out, " (");
    pxs_node_place(r->where[key], out);
    pxs_text_addf(out, ") is dropped: no effect under %s: ", pxs_param_info(culprit)->key);
    pxs_params_format(&r->params, culprit, out);
}
