/* What groups are called: "halve, lrgd 25". */
#include "groups_priv.h"

#include <string.h>

static bool is_word(const struct pxs_groups *g, size_t key) {
    for (size_t run = 0; run < g->n_runs; run++) {
        const enum pxs_cell_kind kind = g->values[key].cells[run].kind;
        if (kind != PXS_CELL_TEXT && kind != PXS_CELL_NULL)
            return false;
    }
    return true;
}

/* A key that is no hyperparameter: where runs come from, or config_hash. */
static bool is_stand_in(const char *key) {
    return strcmp(key, PXS_KEY_ORIGIN) == 0 || strcmp(key, PXS_KEY_HASH) == 0;
}

/* 0 in every run where it has an effect: an option of a policy that no run uses. */
static bool is_nothing(const struct pxs_groups *g, size_t key) {
    for (size_t run = 0; run < g->n_runs; run++) {
        const struct pxs_cell *cell = &g->values[key].cells[run];
        if (cell->kind == PXS_CELL_TEXT || (cell->kind != PXS_CELL_NULL && cell->real != 0))
            return false;
    }
    return true;
}

/* "halve" says enough where one key alone has words for values; a path's last part, where `whole`
 * is not asked for. */
static void put_value(const struct pxs_groups *g, size_t key, size_t run, size_t n_words,
                      bool whole, struct pxs_text *out) {
    const struct pxs_cell *cell = &g->values[key].cells[run];
    if (cell->kind == PXS_CELL_NULL || (!whole && is_nothing(g, key)))
        return;
    if (out->len > 0)
        pxs_text_add(out, ", ");
    const bool bare = is_stand_in(g->keys[key]) ? strcmp(g->keys[key], PXS_KEY_ORIGIN) == 0
                                                : is_word(g, key) && n_words == 1;
    if (!bare)
        pxs_text_addf(out, "%s ", g->keys[key]);
    const char *tail = cell->kind == PXS_CELL_TEXT && !whole ? pxs_path_tail(cell->text) : NULL;
    if (tail)
        pxs_text_add_clean(out, tail, strlen(tail));
    else
        pxs_cell_show(out, cell, PXS_SHOW_PLAIN, -1);
}

/* A learning-rate policy and what belongs to it stand first. */
static bool is_policy(const char *name) {
    enum pxs_param_key key;
    if (!pxs_param_find(name, &key))
        return false;
    const struct pxs_param_info *info = pxs_param_info(key);
    const enum pxs_param_key of = info->conditional ? info->under : key;
    return of == PXS_PARAM_lr_policy_G || of == PXS_PARAM_lr_policy_D;
}

static char *make_label(struct pxs_groups *g, size_t run, size_t n_words, bool whole,
                        const char *sweep) {
    struct pxs_text text = {0};
    for (int policies = 1; policies >= 0; policies--) {
        for (size_t k = 0; k < g->n_keys; k++) {
            if (is_policy(g->keys[k]) == policies)
                put_value(g, k, run, n_words, whole, &text);
        }
    }
    for (size_t k = 0; k < g->n_keys && text.len == 0; k++)
        pxs_text_addf(&text, "no %s", g->keys[k]);
    if (text.len == 0)
        pxs_text_add(&text, sweep);
    char *label = text.failed ? NULL : pxs_arena_strdup(&g->arena, pxs_text_str(&text));
    pxs_text_finish(&text);
    return label;
}

static bool all_differ(char *const *labels, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(labels[i], labels[k]) == 0)
                return false;
        }
    }
    return true;
}

enum pxs_status pxs_group_labels(struct pxs_groups *g, struct pxs_error *err) {
    size_t n_words = 0;
    g->labels = pxs_arena_alloc(&g->arena, (g->n_groups + 1) * sizeof *g->labels);
    for (size_t k = 0; k < g->n_keys; k++)
        n_words += is_word(g, k) && !is_stand_in(g->keys[k]);
    for (int whole = 0; whole < 2; whole++) {
        for (size_t i = 0; g->labels && i < g->n_groups; i++) {
            g->labels[i] = make_label(g, g->first[i], n_words, whole == 1, g->sweep);
            if (!g->labels[i])
                return pxs_fail_nomem(err);
        }
        if (!g->labels || all_differ(g->labels, g->n_groups))
            break;
    }
    return g->labels ? PXS_OK : pxs_fail_nomem(err);
}

const char *pxs_path_tail(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] != '\0' ? slash + 1 : path;
}
