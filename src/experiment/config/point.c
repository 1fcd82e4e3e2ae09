/* One run as others see it: its parameters, its label, where its values come from. */
#include "config_priv.h"

#include <string.h>

/* How a label is shortened to fit: not at all, keys to their initials, numbers to four digits as
 * well. */
enum { LABEL_FULL, LABEL_INITIALS, LABEL_ROUNDED };

static void add_value(const struct pxs_params *p, int key, int level, struct pxs_text *out) {
    struct pxs_text value = {0};
    struct pxs_param_value typed = pxs_params_get(p, key);
    char number[32];
    if (typed.kind == PXS_VALUE_REAL && level == LABEL_ROUNDED)
        pxs_text_add(&value, pxs_format_rounded(number, typed.real, 4));
    else
        pxs_params_format(p, key, &value);
    const char *text = pxs_text_str(&value), *slash = strrchr(text, '/');
    for (text = slash ? slash + 1 : text; *text; text++) {
        bool plain = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= 'a' && *text <= 'z') || strchr("._=-", *text);
        pxs_text_add_n(out, plain ? text : "_", 1);
    }
    out->failed = out->failed || value.failed;
    pxs_text_finish(&value);
}

/* What --set changes of what the file says. A key that must be stated and that the file leaves to
 * --set is not changed by it. */
static bool is_changed(const struct pxs_config *c, int key) {
    const struct pxs_param_info *info = pxs_param_info(key);
    if (!c->set.keys[key] || (info->flags & PXS_PF_NOT_IDENTITY))
        return false;
    if (c->sweep.where[key])
        return true;
    return (c->base_where[key] || !(info->flags & PXS_PF_REQUIRED)) &&
           !pxs_params_equal_at(&c->base, &c->set.values, key);
}

bool pxs_config_is_changed(const struct pxs_config *c) {
    bool changed = c->sweep_set;
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        changed = changed || is_changed(c, key);
    return changed;
}

/* Whether names tell the key. */
static bool is_named(const struct pxs_config *c, int key) {
    for (size_t i = 0; i < c->n_varying; i++)
        if (c->varying[i] == key)
            return true;
    return is_changed(c, key);
}

/* "key-value" pairs of what varies, or is changed by --set, and has effect; of a path its last
 * component; nothing but [A-Za-z0-9._=-]. At the last level pairs that do not fit are left out,
 * since half a number would be another number. */
static void add_label(const struct pxs_config *c, const struct pxs_params *p, int level,
                      struct pxs_text *out) {
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        if (!is_named(c, key) || !pxs_params_effective(p, key))
            continue;
        size_t before = out->len;
        pxs_text_add(out, out->len ? "_" : "");
        /* Initials: learning_rate_G is lrG, batch_size is bs, lrgd stays. */
        const char *name = pxs_param_info(key)->key;
        const bool whole = level == LABEL_FULL || !strchr(name, '_');
        for (const char *at = name; *at; at++)
            if (whole || (*at != '_' && (at == name || at[-1] == '_')))
                pxs_text_add_n(out, at, 1);
        pxs_text_add(out, "-");
        add_value(p, key, level, out);
        if (level == LABEL_ROUNDED && out->len > PXS_LABEL_MAX && before)
            out->text[out->len = before] = '\0';
    }
    if (out->len == 0)
        pxs_text_add(out, "base");
}

void pxs_make_labels(struct pxs_config *c, struct pxs_diags *d) {
    struct pxs_text label = {0};
    struct pxs_resolved r;
    c->labels = pxs_config_alloc(c, d, c->sweep.count * sizeof *c->labels);
    for (size_t i = 0; c->labels && i < c->sweep.count; i++) {
        pxs_resolve(c, i, &r);
        pxs_params_drop_ineffective(&r.params);
        pxs_text_clear(&label);
        add_label(c, &r.params, c->label_level, &label);
        if (label.len > PXS_LABEL_MAX && c->label_level < LABEL_ROUNDED) {
            c->label_level++;
            i = (size_t)-1; /* all again, shorter */
            continue;
        }
        snprintf(c->labels[i], sizeof c->labels[i], "%s", pxs_text_str(&label));
    }
    d->nomem = d->nomem || label.failed;
    pxs_text_finish(&label);
}

void pxs_config_point(const struct pxs_config *c, size_t index, struct pxs_point *point) {
    struct pxs_resolved r;
    pxs_resolve(c, index, &r);
    pxs_params_drop_ineffective(&r.params);
    point->params = r.params;
    memcpy(point->label, c->labels[index], sizeof point->label);
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
