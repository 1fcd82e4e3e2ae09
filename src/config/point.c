/* One run as others see it: its parameters, its label, where its values come from. */
#include "config_priv.h"

#include <string.h>

/* How far a label is shortened to fit: not, keys by their initials, numbers to three digits as well. */
enum { LABEL_FULL, LABEL_INITIALS, LABEL_ROUNDED };

/* learning_rate_G: lrG, batch_size: bs, lrgd as it is. */
static void add_initials(const char *key, struct pxs_text *out) {
    bool parts = strchr(key, '_') != NULL;
    for (const char *p = key; *p; p++)
        if (!parts || (*p != '_' && (p == key || p[-1] == '_')))
            pxs_text_add_n(out, p, 1);
}

static void add_value(const struct pxs_params *p, int key, int level, struct pxs_text *out) {
    struct pxs_text value = {0};
    struct pxs_param_value typed = pxs_params_get(p, key);
    if (typed.kind == PXS_VALUE_REAL && level == LABEL_ROUNDED)
        pxs_text_addf(&value, "%.3g", typed.real);
    else
        pxs_params_format(p, key, &value);
    const char *text = pxs_text_str(&value), *slash = strrchr(text, '/');
    for (text = slash ? slash + 1 : text; *text; text++) {
        bool plain = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= 'a' && *text <= 'z') || strchr("._=-", *text);
        pxs_text_add_n(out, plain ? text : "_", 1);
    }
    pxs_text_finish(&value);
}

/* "key-value" pairs of what varies and has effect; of a path its last component; nothing but [A-Za-z0-9._=-]. */
static void add_label(const struct pxs_config *c, const struct pxs_params *p, int level,
                      struct pxs_text *out) {
    for (size_t i = 0; i < c->n_varying; i++) {
        int key = c->varying[i];
        if (!pxs_params_effective(p, key))
            continue;
        pxs_text_add(out, out->len ? "_" : "");
        if (level == LABEL_FULL)
            pxs_text_add(out, pxs_param_info(key)->key);
        else
            add_initials(pxs_param_info(key)->key, out);
        pxs_text_add(out, "-");
        add_value(p, key, level, out);
    }
    if (out->len == 0)
        pxs_text_add(out, "base");
}

void pxs_choose_label_level(struct pxs_config *c, struct pxs_diags *d) {
    struct pxs_text label = {0};
    struct pxs_resolved r;
    for (size_t i = 0; i < c->sweep.count && c->label_level < LABEL_ROUNDED && c->n_varying; i++) {
        pxs_resolve(c, i, &r);
        pxs_params_drop_ineffective(&r.params);
        for (; c->label_level < LABEL_ROUNDED; c->label_level++) {
            pxs_text_clear(&label);
            add_label(c, &r.params, c->label_level, &label);
            if (label.len <= PXS_LABEL_MAX)
                break;
        }
    }
    d->nomem = d->nomem || label.failed;
    pxs_text_finish(&label);
}

void pxs_config_point(const struct pxs_config *c, size_t index, struct pxs_point *point) {
    struct pxs_resolved r;
    pxs_resolve(c, index, &r);
    pxs_params_drop_ineffective(&r.params);
    point->params = r.params;
    struct pxs_text label = {0};
    add_label(c, &r.params, c->label_level, &label);
    snprintf(point->label, sizeof point->label, "%s", pxs_text_str(&label));
    pxs_text_finish(&label);
}

void pxs_config_origin(const struct pxs_config *c, size_t index, int key, struct pxs_text *out) {
    struct pxs_resolved r;
    pxs_resolve(c, index, &r);
    if (!r.where[key] || !pxs_params_effective(&r.params, key))
        pxs_text_add(out, "default");
    else if (r.rank[key] == PXS_RANK_SET)
        pxs_text_add(out, "--set");
    else {
        pxs_text_add(out, r.rank[key] == PXS_RANK_SWEEP ? "sweep (" : "");
        pxs_node_place(r.where[key], out);
        pxs_text_add(out, r.rank[key] == PXS_RANK_SWEEP ? ")" : "");
    }
}

void pxs_config_point_notes(const struct pxs_config *c, size_t index, struct pxs_text *out) {
    struct pxs_resolved r;
    pxs_resolve(c, index, &r);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        if (!r.where[key] || pxs_resolved_culprit(&r, key) < 0)
            continue;
        pxs_resolved_note(&r, key, out);
        pxs_text_add(out, "\n");
    }
}
