/* Runs of a sweep in configurations: those that differ in nothing but the seed (or in nothing that was asked for). One
 * way to do it, so that tables, plots and pages speak of the same things in the same order. */
#include "report_priv.h"

#include <stdlib.h>
#include <string.h>

static const char runs_sql[] = "SELECT run_id FROM run WHERE sweep_id = ?1 ORDER BY number, run_id";
/* The value of one key, row for row as above; NULL where the key has no effect. The seed is a column of `run`. */
static const char key_sql[] = "SELECT CASE WHEN ?2 = 'seed' THEN r.seed ELSE p.value END AS value"
                              " FROM run r LEFT JOIN param p ON p.run_id = r.run_id AND p.key = ?2 WHERE "
                              "r.sweep_id = ?1 ORDER BY r.number, r.run_id";

/* ---- reading --------------------------------------------------------------------------------------------- */

static enum pxs_status key_is_known(const char *key, struct pxs_error *err) {
    enum pxs_param_key unused;
    if (pxs_param_find(key, &unused))
        return PXS_OK;
    const char *near = pxs_param_other_name(key) != NULL ? pxs_param_other_name(key) : pxs_param_nearest(key);
    if (near != NULL)
        return pxs_fail(err, PXS_E_INVALID, "--by: there is no hyperparameter '%.60s'; did you mean %s?", key,
                        near);
    return pxs_fail(err, PXS_E_INVALID,
                    "--by: there is no hyperparameter '%.60s' (pixsweep params lists them)", key);
}

/* What the caller asked for, or else what differs. */
static enum pxs_status choose_keys(struct pxs_store *s, struct pxs_groups *g, const char *const *by,
                                   size_t n_by, struct pxs_error *err) {
    struct pxs_table differing = {0};
    if (by == NULL)
        PXS_TRY(pxs_store_ask(s, PXS_QUERY_DIFFERING, g->sweep_id, &differing, err));
    const size_t n = by != NULL ? n_by : differing.n_rows;
    enum pxs_status status = PXS_OK;
    g->keys = pxs_arena_alloc(&g->arena, (n + 1) * sizeof *g->keys);
    g->values = pxs_arena_alloc(&g->arena, (n + 1) * sizeof *g->values);
    if (g->keys == NULL || g->values == NULL)
        status = pxs_fail_nomem(err);
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        const char *key = by != NULL ? by[i] : pxs_table_at(&differing, i, "key").text;
        if (by != NULL)
            status = key_is_known(key, err);
        g->keys[i] = pxs_arena_strdup(&g->arena, key);
        if (g->keys[i] == NULL)
            status = pxs_fail_nomem(err);
        g->n_keys++;
    }
    pxs_table_finish(&differing);
    return status;
}

/* A key that came later says nothing where it has its default everywhere: cosine's min_lr 0. Names of runs leave it out, too. */
static bool says_nothing(const char *name, const struct pxs_table *values) {
    enum pxs_param_key key;
    struct pxs_params defaults;
    if (!pxs_param_find(name, &key) || !(pxs_param_info(key)->flags & PXS_PF_LATER))
        return false;
    pxs_params_default(&defaults);
    const struct pxs_param_value value = pxs_params_get(&defaults, key);
    for (size_t i = 0; i < values->n_rows; i++) {
        const struct pxs_cell *cell = &values->cells[i];
        const bool same =
            (cell->kind == PXS_CELL_INT && value.kind == PXS_VALUE_INTEGER &&
             cell->integer == value.integer) ||
            (cell->kind == PXS_CELL_REAL && value.kind == PXS_VALUE_REAL && cell->real == value.real) ||
            (cell->kind == PXS_CELL_TEXT && value.kind == PXS_VALUE_TEXT &&
             strcmp(cell->text, value.text) == 0);
        if (cell->kind != PXS_CELL_NULL && !same)
            return false;
    }
    return true;
}

/* `asked`: the user has named the keys, so they stay. */
static enum pxs_status read_values(struct pxs_store *s, struct pxs_groups *g, bool asked,
                                   struct pxs_error *err) {
    const struct pxs_cell sweep = pxs_cell_int(g->sweep_id);
    struct pxs_table runs = {0};
    PXS_TRY(pxs_store_select(s, runs_sql, &sweep, 1, &runs, err));
    g->n_runs = runs.n_rows;
    g->run_ids = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->run_ids);
    for (size_t i = 0; g->run_ids != NULL && i < g->n_runs; i++)
        g->run_ids[i] = runs.cells[i].integer;
    pxs_table_finish(&runs);
    if (g->run_ids == NULL)
        return pxs_fail_nomem(err);
    while (g->n_values < g->n_keys) {
        const struct pxs_cell args[] = {sweep, pxs_cell_text(g->keys[g->n_values])};
        struct pxs_table *values = &g->values[g->n_values];
        PXS_TRY(pxs_store_select(s, key_sql, args, PXS_COUNT(args), values, err));
        if (values->n_rows != g->n_runs)
            return pxs_fail(err, PXS_E_BUSY, "the sweep was planned anew while it was being read; ask again");
        if (asked || !says_nothing(g->keys[g->n_values], values)) {
            g->n_values++;
            continue;
        }
        pxs_table_finish(values);
        g->n_keys--;
        memmove(&g->keys[g->n_values], &g->keys[g->n_values + 1],
                (g->n_keys - g->n_values) * sizeof *g->keys);
    }
    return PXS_OK;
}

/* ---- grouping -------------------------------------------------------------------------------------------- */

static bool same_keys(const struct pxs_groups *g, size_t run, size_t other) {
    for (size_t k = 0; k < g->n_keys; k++) {
        if (!pxs_cell_same(&g->values[k].cells[run], &g->values[k].cells[other]))
            return false;
    }
    return true;
}

static enum pxs_status make_groups(struct pxs_groups *g, struct pxs_error *err) {
    g->group_of = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->group_of);
    g->first = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->first);
    if (g->group_of == NULL || g->first == NULL)
        return pxs_fail_nomem(err);
    for (size_t run = 0; run < g->n_runs; run++) {
        size_t i = 0;
        while (i < g->n_groups && !same_keys(g, run, g->first[i]))
            i++;
        if (i == g->n_groups)
            g->first[g->n_groups++] = run;
        g->group_of[run] = i;
    }
    return PXS_OK;
}

/* ---- labels ---------------------------------------------------------------------------------------------- */

static bool is_word(const struct pxs_groups *g, size_t key) {
    for (size_t run = 0; run < g->n_runs; run++) {
        const enum pxs_cell_kind kind = g->values[key].cells[run].kind;
        if (kind != PXS_CELL_TEXT && kind != PXS_CELL_NULL)
            return false;
    }
    return true;
}

/* 0 wherever it has an effect at all: what a policy can do and does not. */
static bool is_nothing(const struct pxs_groups *g, size_t key) {
    for (size_t run = 0; run < g->n_runs; run++) {
        const struct pxs_cell *cell = &g->values[key].cells[run];
        if (cell->kind == PXS_CELL_TEXT || (cell->kind != PXS_CELL_NULL && cell->real != 0))
            return false;
    }
    return true;
}

/* "halve" says enough where one key alone has words for values; a path's last part, where `whole` is not asked for. */
static void put_value(const struct pxs_groups *g, size_t key, size_t run, size_t n_words, bool whole,
                      struct pxs_text *out) {
    const struct pxs_cell *cell = &g->values[key].cells[run];
    if (cell->kind == PXS_CELL_NULL || (!whole && is_nothing(g, key)))
        return;
    if (out->len > 0)
        pxs_text_add(out, ", ");
    const bool word = is_word(g, key);
    if (!word || n_words > 1)
        pxs_text_addf(out, "%s ", g->keys[key]);
    const char *slash = cell->kind == PXS_CELL_TEXT && !whole ? strrchr(cell->text, '/') : NULL;
    if (slash != NULL && slash[1] != '\0')
        pxs_text_add_clean(out, slash + 1, strlen(slash + 1));
    else
        pxs_cell_show(out, cell, PXS_SHOW_PLAIN, -1);
}

static char *make_label(struct pxs_groups *g, size_t run, size_t n_words, bool whole, const char *sweep) {
    struct pxs_text text = {0};
    for (size_t k = 0; k < g->n_keys; k++)
        put_value(g, k, run, n_words, whole, &text);
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

static enum pxs_status make_labels(struct pxs_groups *g, struct pxs_error *err) {
    size_t n_words = 0;
    g->labels = pxs_arena_alloc(&g->arena, (g->n_groups + 1) * sizeof *g->labels);
    for (size_t k = 0; k < g->n_keys; k++)
        n_words += is_word(g, k);
    for (int whole = 0; whole < 2; whole++) {
        for (size_t i = 0; g->labels != NULL && i < g->n_groups; i++) {
            g->labels[i] = make_label(g, g->first[i], n_words, whole == 1, g->sweep);
            if (g->labels[i] == NULL)
                return pxs_fail_nomem(err);
        }
        if (g->labels == NULL || all_differ(g->labels, g->n_groups))
            break;
    }
    return g->labels != NULL ? PXS_OK : pxs_fail_nomem(err);
}

/* ---- all together ---------------------------------------------------------------------------------------- */

static enum pxs_status read_all(struct pxs_store *s, const char *const *by, size_t n_by, struct pxs_groups *g,
                                struct pxs_error *err) {
    const struct pxs_cell id = pxs_cell_int(g->sweep_id);
    struct pxs_table sweep = {0};
    PXS_TRY(pxs_store_select(s, "SELECT name FROM sweep WHERE sweep_id = ?1", &id, 1, &sweep, err));
    snprintf(g->sweep, sizeof g->sweep, "%s", sweep.n_rows > 0 ? sweep.cells[0].text : "");
    pxs_table_finish(&sweep);
    PXS_TRY(choose_keys(s, g, by, n_by, err));
    PXS_TRY(read_values(s, g, by != NULL, err));
    PXS_TRY(make_groups(g, err));
    return make_labels(g, err);
}

enum pxs_status pxs_groups_read(struct pxs_store *s, int64_t sweep_id, const char *const *by, size_t n_by,
                                struct pxs_groups *out, struct pxs_error *err) {
    struct pxs_groups g = {.sweep_id = sweep_id};
    const enum pxs_status status = read_all(s, by, n_by, &g, err);
    if (status != PXS_OK)
        pxs_groups_finish(&g);
    else
        *out = g;
    return status;
}

void pxs_groups_finish(struct pxs_groups *groups) {
    for (size_t i = 0; i < groups->n_values; i++)
        pxs_table_finish(&groups->values[i]);
    pxs_arena_finish(&groups->arena);
    *groups = (struct pxs_groups){0};
}

bool pxs_groups_by(const struct pxs_groups *groups, const char *key) {
    for (size_t k = 0; k < groups->n_keys; k++) {
        if (strcmp(groups->keys[k], key) == 0)
            return true;
    }
    return false;
}
