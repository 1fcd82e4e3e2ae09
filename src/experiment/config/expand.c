/* Looks at every run of the sweep once: values without effect, values that do not fit together,
 * runs that are the same, keys that vary, and the hash of it all. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

struct run_hash {
    char hex[PXS_SHA256_HEX];
    size_t index;
};

struct pass {
    struct pxs_config *c;
    struct pxs_diags *d;
    struct pxs_resolved first, run;
    struct run_hash *hashes;
    struct pxs_sha256 spec;
    struct pxs_text text;
    bool varies[PXS_PARAM_COUNT], set_has_effect[PXS_PARAM_COUNT];
};

/* ---- values without effect ------------------------------------------------------------------ */

static void add_note(struct pass *p, const char *text) {
    struct pxs_config *c = p->c;
    size_t i = 0;
    while (i < c->n_notes && strcmp(c->notes[i].text, text) != 0)
        i++;
    if (i == PXS_NOTES_MAX) { /* the last note stands for the rest */
        c->notes[--i].text = "more values are dropped for want of effect";
    } else if (i == c->n_notes) {
        c->notes[i].text = pxs_arena_strdup(&c->arena, text);
        p->d->nomem = p->d->nomem || !c->notes[i].text;
        if (!c->notes[i].text)
            return;
        c->n_notes++;
    }
    c->notes[i].runs++;
}

static void refuse_ineffective(struct pass *p, int key, int culprit) {
    const struct pxs_param_info *info = pxs_param_info(culprit);
    struct pxs_text text = {0};
    pxs_text_addf(&text, "%s has no effect under %s: ", pxs_param_info(key)->key, info->key);
    pxs_params_format(&p->run.params, culprit, &text);
    pxs_text_add(&text, " (");
    if (p->run.where[culprit])
        pxs_node_place(p->run.where[culprit], &text);
    else
        pxs_text_add(&text, "the default");
    pxs_text_add(&text, ")");
    if ((int)pxs_param_info(key)->under == culprit) {
        pxs_text_addf(&text, "; it belongs under %s: ", info->key);
        pxs_param_condition(key, " | ", &text);
    }
    if (p->c->sweep.where[key] && p->c->sweep.where[culprit] &&
        p->c->sweep.part[key] != PXS_PART_POINTS) {
        /* Keys in lists of their own are combined, also where that makes no sense. */
        struct pxs_text under = {0};
        pxs_param_condition(key, "|", &under);
        pxs_text_addf(
            &text, "; what belongs to one %s alone stands with it in points: %s[{%s: ", info->key,
            p->run.where[key]->source->is_set ? "sweep.points=" : "", info->key);
        pxs_params_format(&p->run.params, culprit, &text);
        pxs_text_addf(
            &text, "}, {%s: %.*s, %s: ...}]", info->key, (int)strcspn(pxs_text_str(&under), "|"),
            info->type == PXS_TYPE_ENUM ? pxs_text_str(&under) : "...", pxs_param_info(key)->key);
        pxs_text_finish(&under);
    }
    char twin[64];
    enum pxs_param_key other;
    snprintf(twin, sizeof twin, "%s_D", pxs_param_info(key)->key);
    if (pxs_param_find(twin, &other))
        pxs_text_addf(&text, "; for the discriminator write %s", twin);
    pxs_diag_node(p->d, p->run.where[key], "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

/* A value without effect is dropped where a higher layer made it ineffective; one of --set also
 * where it has effect in other runs. Otherwise it is an error. */
static void judge_ineffective(struct pass *p, int key) {
    int culprit = pxs_resolved_culprit(&p->run, key);
    bool set = p->run.rank[key] == PXS_RANK_SET;
    if (culprit < 0) {
        p->set_has_effect[key] = p->set_has_effect[key] || set;
        return;
    }
    if (!set && p->run.rank[culprit] <= p->run.rank[key]) {
        refuse_ineffective(p, key, culprit);
        return;
    }
    pxs_text_clear(&p->text);
    pxs_resolved_note(&p->run, key, &p->text);
    add_note(p, pxs_text_str(&p->text));
}

/* ---- each run ------------------------------------------------------------------------------- */

/* Whether the key is in force and worth a column: one with PXS_PF_LATER is not at its default. */
static bool tells(const struct pxs_params *params, int key) {
    return pxs_params_effective(params, key) &&
           !((pxs_param_info(key)->flags & PXS_PF_LATER) && pxs_params_at_default(params, key));
}

static void look_at_run(struct pass *p, size_t index) {
    struct pxs_params *params = &p->run.params;
    struct pxs_error err = {0};
    enum pxs_param_key wrong;

    /* What has no effect is dropped or refused; what is left must fit together. */
    pxs_resolve(p->c, index, &p->run);
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        if (p->run.rank[key] != PXS_RANK_DEFAULT && pxs_param_info(key)->conditional)
            judge_ineffective(p, key);
    pxs_params_drop_ineffective(params);
    if (pxs_params_check(params, &wrong, &err) != PXS_OK) {
        const struct pxs_layer *own = p->c->layers[p->c->n_layers - 1];
        if (p->run.where[wrong])
            pxs_diag_node(p->d, p->run.where[wrong], "%s", err.message);
        else
            pxs_diag_at(p->d, own->source, 0, 0, "%s", err.message);
    }

    /* What varies. */
    if (index == 0)
        p->first = p->run;
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        if (!pxs_params_equal_at(&p->first.params, params, key) ||
            tells(&p->first.params, key) != tells(params, key))
            p->varies[key] = true;

    /* Its hash, which tells equal runs, and the spec's. */
    struct pxs_sha256 hash;
    pxs_text_clear(&p->text);
    pxs_params_canonical(params, NULL, &p->text);
    pxs_text_addf(&p->text, "seed=%lld\n", (long long)params->seed);
    pxs_sha256_init(&hash);
    pxs_sha256_update(&hash, pxs_text_str(&p->text), p->text.len);
    pxs_sha256_hex(&hash, p->hashes[index].hex);
    pxs_sha256_update(&p->spec, p->hashes[index].hex, PXS_SHA256_HEX - 1);
    p->hashes[index].index = index;
}

/* ---- the same run twice --------------------------------------------------------------------- */

static int compare_hashes(const void *a, const void *b) {
    const struct run_hash *x = a, *y = b;
    int order = strcmp(x->hex, y->hex);
    return order != 0 ? order : x->index < y->index ? -1 : 1;
}

static const struct pxs_cell *cells_of(const struct pxs_config *c, size_t index, size_t axis) {
    for (size_t i = c->sweep.n_axes - 1; i > axis; i--)
        index /= c->sweep.axes[i].count;
    return &c->sweep.axes[axis]
                .cells[index % c->sweep.axes[axis].count * c->sweep.axes[axis].n_keys];
}

static bool same_cell(const struct pxs_cell *a, const struct pxs_cell *b) {
    if (!a->node || !b->node || a->value.kind != b->value.kind)
        return !a->node && !b->node;
    if (a->value.kind == PXS_VALUE_TEXT)
        return strcmp(a->value.text, b->value.text) == 0;
    return a->value.integer == b->value.integer && a->value.real == b->value.real;
}

/* Why two different cells of `key` do not make two runs. */
static void add_reason(struct pass *p, int key, struct pxs_text *out) {
    const char *name = pxs_param_info(key)->key;
    int culprit = pxs_resolved_culprit(&p->run, key);
    pxs_text_add(out, out->len ? "; " : ": ");
    if (p->c->set.keys[key]) {
        pxs_text_addf(out, "--set replaces what the sweep says of %s", name);
    } else if (culprit >= 0) {
        pxs_text_addf(out, "%s has no effect under %s: ", name, pxs_param_info(culprit)->key);
        pxs_params_format(&p->run.params, culprit, out);
    } else if (pxs_param_info(key)->flags & PXS_PF_NOT_IDENTITY) {
        pxs_text_addf(out, "%s does not make another run", name);
    } else {
        pxs_text_addf(out, "%s is ", name);
        pxs_params_format(&p->run.params, key, out);
        pxs_text_add(out, " in both");
    }
}

/* What takes a key that --set replaces out of its part of the sweep; of points, zip and random the
 * whole part. */
static void add_remedy(struct pass *p, const struct pxs_axis *axis, int key, struct pxs_text *out) {
    static const char *const names[] = {"grid", "zip", "points", "random"};
    const char *joint = out->len ? " and " : "; to take its values out of the sweep, say as well ";
    if (!p->c->set.keys[key] || axis->part == PXS_PART_SEEDS)
        return;
    if (axis->part == PXS_PART_GRID) {
        pxs_text_addf(out, "%s'sweep.grid.%s=[", joint, pxs_param_info(key)->key);
        pxs_params_format(&p->run.params, key, out);
        pxs_text_add(out, "]'");
    } else if (!out->text || !strstr(out->text, names[axis->part])) {
        pxs_text_addf(out, "%ssweep.%s=null", joint, names[axis->part]);
    }
}

static void report_twins(struct pass *p, size_t a, size_t b, size_t pairs) {
    const struct pxs_node *where = NULL;
    struct pxs_text reasons = {0}, remedy = {0};
    bool replaced = false; /* by --set */
    pxs_resolve(p->c, b, &p->run);
    for (size_t i = 0; i < p->c->sweep.n_axes; i++) {
        const struct pxs_axis *axis = &p->c->sweep.axes[i];
        const struct pxs_cell *x = cells_of(p->c, a, i), *y = cells_of(p->c, b, i);
        for (size_t k = 0; x != y && k < axis->n_keys; k++) {
            where = where ? where : y[k].node ? y[k].node : x[k].node;
            if (same_cell(&x[k], &y[k]))
                continue;
            add_reason(p, axis->keys[k], &reasons);
            replaced = replaced || p->c->set.keys[axis->keys[k]];
            if (axis->part != PXS_PART_GRID)
                add_remedy(p, axis, axis->keys[k], &remedy);
        }
        if (axis->part == PXS_PART_GRID) /* other pairs may be equal by another key of the grid */
            add_remedy(p, axis, axis->keys[0], &remedy);
    }
    if (reasons.len == 0)
        pxs_text_add(&reasons, ": the same values again");
    if (pairs > 1)
        pxs_text_addf(&reasons, " (%zu such pairs)", pairs);
    pxs_text_add(&reasons, replaced ? pxs_text_str(&remedy) : "");
    pxs_diag_node(p->d, where ? where : p->c->sweep_node,
                  "runs %zu and %zu of the sweep are equal%s", a + 1, b + 1,
                  pxs_text_str(&reasons));
    p->d->nomem = p->d->nomem || reasons.failed || remedy.failed;
    pxs_text_finish(&reasons);
    pxs_text_finish(&remedy);
}

static void find_twins(struct pass *p) {
    size_t n = p->c->sweep.count, a = 0, b = 0, pairs = 0;
    qsort(p->hashes, n, sizeof *p->hashes, compare_hashes);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(p->hashes[i - 1].hex, p->hashes[i].hex) != 0)
            continue;
        if (pairs++ == 0 || p->hashes[i].index < b) { /* the first in the order of the plan */
            a = p->hashes[i - 1].index;
            b = p->hashes[i].index;
        }
    }
    if (pairs)
        report_twins(p, a, b, pairs);
}

/* ---- together ------------------------------------------------------------------------------- */

void pxs_expand(struct pxs_config *c, struct pxs_diags *d) {
    struct pass *p = calloc(1, sizeof *p);
    struct run_hash *hashes = calloc(c->sweep.count, sizeof *hashes);
    if (!p || !hashes) {
        d->nomem = true;
        goto out;
    }
    *p = (struct pass){.c = c, .d = d, .hashes = hashes};
    pxs_sha256_init(&p->spec);
    for (size_t i = 0; i < c->sweep.count; i++)
        look_at_run(p, i);

    /* A --set that has effect in no run is a mistake. */
    pxs_resolve(c, 0, &p->run);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        int culprit = c->set.keys[key] ? pxs_resolved_culprit(&p->run, key) : -1;
        if (culprit >= 0 && !p->set_has_effect[key])
            refuse_ineffective(p, key, culprit);
    }
    if (d->total == 0)
        find_twins(p);

    /* What is known of all runs together. */
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        if (p->varies[key] && key != PXS_PARAM_seed)
            c->varying[c->n_varying++] = key;
    pxs_sha256_hex(&p->spec, c->spec_hash);
    for (size_t i = 0; i < c->n_notes; i++) {
        struct pxs_note *note = &c->notes[i];
        if (note->runs == c->sweep.count)
            continue;
        char *text = pxs_arena_printf(&c->arena, "%s (%zu of %zu runs)", note->text, note->runs,
                                      c->sweep.count);
        d->nomem = d->nomem || !text;
        note->text = text ? text : note->text;
    }
    pxs_make_labels(c, d);
    d->nomem = d->nomem || p->text.failed;
    pxs_text_finish(&p->text);
out:
    free(hashes);
    free(p);
}
