/* Runs in configurations: those that differ in nothing but the seed (or in nothing that
 * was asked for). One way to do it, so that tables, plots and pages speak of the same things in the
 * same order. */
#include "groups_priv.h"
#include "metrics_texts.h"

#include <stdlib.h>
#include <string.h>

enum { OWN_KEYS = 4 /* dataset, init_from, origin, config_hash */, NOTES_MOST = 12 };

static const char origin_sql[] =
    "CASE WHEN r.run_id IN (SELECT run_id FROM imported) THEN 'old log' ELSE 'own run' END";

/* One reading of a sweep. */
struct reading {
    struct pxs_store *store;
    const struct pxs_choice *choice;
    struct pxs_groups *g;
    struct pxs_table runs;
    struct pxs_content_of data, weights;
    const char *const *by; /* NULL: what differs */
    size_t n_by;
};

enum pxs_status pxs_groups_note(struct pxs_groups *g, const struct pxs_text *text,
                                struct pxs_error *err) {
    if (text->failed || g->n_notes == NOTES_MOST ||
        (g->notes[g->n_notes] = pxs_arena_strdup(&g->arena, pxs_text_str(text))) == NULL)
        return pxs_fail_nomem(err);
    g->n_notes++;
    return PXS_OK;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static enum pxs_status key_is_known(const char *key, struct pxs_error *err) {
    enum pxs_param_key unused;
    if (pxs_param_find(key, &unused))
        return PXS_OK;
    struct pxs_text remedy = {0};
    pxs_param_add_remedy(key, &remedy);
    pxs_fail(err, PXS_E_INVALID, "--by: there is no hyperparameter '%.60s'%s", key,
             remedy.len > 0 ? pxs_text_str(&remedy) : " (pixsweep params lists them)");
    pxs_text_finish(&remedy);
    return PXS_E_INVALID;
}

/* Appends one column, a row a run, to g->values. */
static enum pxs_status read_values(struct reading *r, const char *sql, struct pxs_error *err) {
    struct pxs_groups *g = r->g;
    struct pxs_table *values = &g->values[g->n_values];
    const struct pxs_cell sweep = pxs_cell_int(g->sweep_id);
    struct pxs_text question = {0};
    pxs_text_addf(&question,
                  "SELECT %s AS value FROM run r WHERE r.sweep_id = ?1 ORDER BY r.number, r.run_id",
                  sql);
    enum pxs_status status = pxs_text_status(&question, err);
    if (status == PXS_OK)
        status =
            pxs_choice_select(r->store, r->choice, pxs_text_str(&question), &sweep, 1, values, err);
    pxs_text_finish(&question);
    PXS_TRY(status);
    if (values->n_rows != g->n_runs) {
        pxs_table_finish(values);
        return pxs_fail(err, PXS_E_BUSY,
                        "the sweep was planned anew while it was being read; ask again");
    }
    g->n_values++;
    return PXS_OK;
}

/* `sql` lives as long as the groups. */
static enum pxs_status add_key(struct reading *r, const char *key, const char *sql,
                               struct pxs_error *err) {
    struct pxs_groups *g = r->g;
    PXS_TRY(read_values(r, sql, err));
    g->sql[g->n_keys] = sql;
    g->keys[g->n_keys] = pxs_arena_strdup(&g->arena, key);
    return g->keys[g->n_keys++] ? PXS_OK : pxs_fail_nomem(err);
}

static void drop_key(struct pxs_groups *g) {
    g->n_keys--;
    pxs_table_finish(&g->values[--g->n_values]);
}

/* A key that came later has its default in runs that were planned before: they have no row of
 * it. */
static const char *default_of(struct pxs_groups *g, const char *name) {
    enum pxs_param_key key;
    struct pxs_params defaults;
    char buf[32];
    if (!pxs_param_find(name, &key) || !(pxs_param_info(key)->flags & PXS_PF_LATER) ||
        pxs_param_info(key)->conditional)
        return NULL;
    pxs_params_default(&defaults);
    const struct pxs_param_value value = pxs_params_get(&defaults, key);
    switch (value.kind) {
    case PXS_VALUE_INTEGER:
        return pxs_arena_printf(&g->arena, "%lld", (long long)value.integer);
    case PXS_VALUE_REAL:
        return pxs_arena_strdup(&g->arena, pxs_format_double(buf, value.real));
    case PXS_VALUE_TEXT:
        return pxs_arena_printf(&g->arena, "'%s'", value.text);
    default:
        return NULL;
    }
}

static const char *param_sql(struct pxs_groups *g, const char *key) {
    const char *otherwise = default_of(g, key);
    return pxs_arena_printf(
        &g->arena, "%s(SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = '%s')%s%s%s",
        otherwise ? "coalesce(" : "", key, otherwise ? ", " : "", otherwise ? otherwise : "",
        otherwise ? ")" : "");
}

static enum pxs_status add_param(struct reading *r, const char *key, struct pxs_error *err) {
    const char *sql = strcmp(key, "seed") == 0           ? "r.seed"
                      : strcmp(key, r->data.key) == 0    ? r->data.sql
                      : strcmp(key, r->weights.key) == 0 ? r->weights.sql
                                                         : param_sql(r->g, key);
    return sql ? add_key(r, key, sql, err) : pxs_fail_nomem(err);
}

/* A key that came later says nothing where it has its default everywhere: cosine's min_lr 0. Names
 * of runs leave it out, too. */
static bool says_nothing(const char *name, const struct pxs_table *values) {
    enum pxs_param_key key;
    struct pxs_params defaults;
    if (!pxs_param_find(name, &key) || !(pxs_param_info(key)->flags & PXS_PF_LATER))
        return false;
    pxs_params_default(&defaults);
    const struct pxs_param_value value = pxs_params_get(&defaults, key);
    for (size_t i = 0; i < values->n_rows; i++) {
        const struct pxs_cell *cell = &values->cells[i];
        const bool same = (cell->kind == PXS_CELL_INT && value.kind == PXS_VALUE_INTEGER &&
                           cell->integer == value.integer) ||
                          (cell->kind == PXS_CELL_REAL && value.kind == PXS_VALUE_REAL &&
                           cell->real == value.real) ||
                          (cell->kind == PXS_CELL_TEXT && value.kind == PXS_VALUE_TEXT &&
                           strcmp(cell->text, value.text) == 0);
        if (cell->kind != PXS_CELL_NULL && !same)
            return false;
    }
    return true;
}

static bool has_row(const struct pxs_table *differing, const char *key) {
    for (size_t i = 0; i < differing->n_rows; i++) {
        if (strcmp(pxs_table_at(differing, i, "key").text, key) == 0)
            return true;
    }
    return false;
}

/* What differs and is part of what a run is: paths by their content. In the order of the
 * hyperparameters' table, where a policy comes before its own keys. */
static enum pxs_status add_differing(struct reading *r, struct pxs_error *err) {
    struct pxs_table differing = {0};
    const struct pxs_cell sweep = pxs_cell_int(r->g->sweep_id);
    enum pxs_status status = pxs_choice_select(r->store, r->choice, pxs_metrics_differing_sql,
                                               &sweep, 1, &differing, err);
    for (int key = 0; key < PXS_PARAM_COUNT && status == PXS_OK; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        const bool differs = strcmp(info->key, r->data.key) == 0 ? r->data.differs
                             : strcmp(info->key, r->weights.key) == 0
                                 ? r->weights.differs
                                 : has_row(&differing, info->key);
        if (!differs || (info->flags & PXS_PF_NOT_IDENTITY) != 0)
            continue;
        status = add_param(r, info->key, err);
        if (status == PXS_OK && says_nothing(info->key, &r->g->values[r->g->n_values - 1]))
            drop_key(r->g);
    }
    pxs_table_finish(&differing);
    return status;
}

/* ---- groups --------------------------------------------------------------------------------- */

static bool same_keys(const struct pxs_groups *g, size_t run, size_t other) {
    for (size_t k = 0; k < g->n_keys; k++) {
        if (!pxs_cell_same(&g->values[k].cells[run], &g->values[k].cells[other]))
            return false;
    }
    return true;
}

static void make_groups(struct pxs_groups *g) {
    g->n_groups = 0;
    for (size_t run = 0; run < g->n_runs; run++) {
        size_t i = 0;
        while (i < g->n_groups && !same_keys(g, run, g->first[i]))
            i++;
        if (i == g->n_groups)
            g->first[g->n_groups++] = run;
        g->group_of[run] = i;
    }
}

/* One more key, where it tells runs of one group apart. */
static enum pxs_status split(struct reading *r, const char *key, const char *sql, bool *done,
                             struct pxs_error *err) {
    const size_t before = r->g->n_groups;
    PXS_TRY(add_key(r, key, sql, err));
    make_groups(r->g);
    *done = r->g->n_groups > before;
    if (!*done)
        drop_key(r->g);
    return PXS_OK;
}

/* What was asked for never puts other data, other first weights and old logs into one group. */
static enum pxs_status split_asked(struct reading *r, struct pxs_error *err) {
    const struct pxs_content_of *const contents[] = {&r->data, &r->weights};
    const size_t before = r->g->n_groups;
    struct pxs_text names = {0}, text = {0};
    enum pxs_status status = PXS_OK;
    bool done;
    for (size_t i = 0; i < PXS_COUNT(contents) && status == PXS_OK; i++) {
        const struct pxs_content_of *of = contents[i];
        if (!of->own_differ || pxs_groups_by(r->g, of->key))
            continue;
        status = split(r, of->key, of->sql, &done, err);
        if (status == PXS_OK && done)
            pxs_text_addf(&names, "%swith other %s (%s)", names.len > 0 ? " or " : "", of->what,
                          of->key);
    }
    if (status == PXS_OK)
        status = split(r, PXS_KEY_ORIGIN, origin_sql, &done, err);
    if (status == PXS_OK && done)
        pxs_text_addf(&names, "%sfrom old logs", names.len > 0 ? " or " : "");
    if (status == PXS_OK && names.len > 0) {
        pxs_text_add(&text, "--by ");
        for (size_t i = 0; i < r->n_by; i++)
            pxs_text_addf(&text, "%s%s", i > 0 ? "," : "", r->by[i]);
        pxs_text_addf(&text, " makes %zu groups in place of %zu, since runs %s are never pooled",
                      r->g->n_groups, before, pxs_text_str(&names));
        text.failed = text.failed || names.failed;
        status = pxs_groups_note(r->g, &text, err);
    }
    pxs_text_finish(&names);
    pxs_text_finish(&text);
    return status;
}

/* Where hyperparameters and contents do not tell two configurations apart, config_hash does. */
static enum pxs_status split_configurations(struct reading *r, struct pxs_error *err) {
    static const char hash_sql[] = "CASE WHEN r.run_id NOT IN (SELECT run_id FROM imported) THEN "
                                   "substr(r.config_hash, 1, 8) END";
    struct pxs_text text = {0};
    bool done;
    PXS_TRY(split(r, PXS_KEY_ORIGIN, origin_sql, &done, err));
    PXS_TRY(split(r, PXS_KEY_HASH, hash_sql, &done, err));
    if (!done)
        return PXS_OK;
    pxs_text_add(
        &text,
        "some runs have the same hyperparameters but another config_hash: planned by another "
        "version of pixsweep, or with other data, they are other configurations");
    const enum pxs_status status = pxs_groups_note(r->g, &text, err);
    pxs_text_finish(&text);
    return status;
}

/* ---- which runs these are -------------------------------------------------------------------- */

static enum pxs_status say_unasked(struct reading *r, struct pxs_error *err) {
    const size_t n = r->choice->n_unasked;
    struct pxs_text text = {0};
    if (n == 0)
        return PXS_OK;
    pxs_text_addf(&text,
                  "%zu run%s of configurations that the experiment file%s not ask for %s left out "
                  "(--where true shows all)",
                  n, n == 1 ? "" : "s", r->choice->n_sweeps == 1 ? " does" : "s do",
                  n == 1 ? "is" : "are");
    const enum pxs_status status = pxs_groups_note(r->g, &text, err);
    pxs_text_finish(&text);
    return status;
}

static enum pxs_status say_twice(struct reading *r, struct pxs_error *err) {
    const size_t n = r->choice->n_twice;
    struct pxs_text text = {0};
    if (n == 0)
        return PXS_OK;
    pxs_text_addf(&text,
                  "%zu run%s also in another of these sweeps (the same config_hash and seed) and "
                  "count%s once",
                  n, n == 1 ? " is" : "s are", n == 1 ? "s" : "");
    const enum pxs_status status = pxs_groups_note(r->g, &text, err);
    pxs_text_finish(&text);
    return status;
}

/* The first run of the sweep; n_runs where none of its runs is looked at. */
static size_t first_of(const struct pxs_groups *g, int64_t sweep) {
    size_t run = 0;
    while (run < g->n_runs && g->sweep_of[run] != sweep)
        run++;
    return run;
}

/* Whether all of the sweep's runs have its first one's value, which no other sweep's run has. */
static bool is_own_value(const struct pxs_groups *g, const struct pxs_cell *values, int64_t sweep) {
    const size_t first = first_of(g, sweep);
    for (size_t run = 0; run < g->n_runs; run++) {
        if (pxs_cell_same(&values[run], &values[first]) != (g->sweep_of[run] == sweep))
            return false;
    }
    return true;
}

/* Sweeps with other pictures or another number of epochs ask other questions. */
static enum pxs_status say_sweeps_differ(struct reading *r, struct pxs_error *err) {
    static const char *const keys[] = {"dataset", "n_epochs"};
    const struct pxs_groups *g = r->g;
    struct pxs_text text = {0};
    for (size_t k = 0; k < g->n_keys && r->choice->n_sweeps > 1; k++) {
        const struct pxs_cell *values = g->values[k].cells;
        size_t own = 0;
        for (size_t i = 0; i < r->choice->n_sweeps; i++)
            own += first_of(g, r->choice->sweeps[i]) < g->n_runs &&
                   is_own_value(g, values, r->choice->sweeps[i]);
        if ((strcmp(g->keys[k], keys[0]) != 0 && strcmp(g->keys[k], keys[1]) != 0) || own == 0)
            continue;
        pxs_text_addf(&text, "%s%s (", text.len > 0 ? " and in " : "the sweeps differ in ",
                      g->keys[k]);
        for (size_t i = 0, said = 0; i < r->choice->n_sweeps; i++) {
            const size_t first = first_of(g, r->choice->sweeps[i]);
            if (first == g->n_runs)
                continue;
            pxs_text_add(&text, said++ > 0 ? ", " : "");
            pxs_cell_show(&text, &values[first], PXS_SHOW_PLAIN, -1);
        }
        pxs_text_add(&text, ")");
    }
    if (text.len > 0)
        pxs_text_add(&text, ", in the order in which they were named: a difference between such "
                            "lines is of that as well as of what else they differ in");
    const enum pxs_status status = text.len > 0 ? pxs_groups_note(r->g, &text, err) : PXS_OK;
    pxs_text_finish(&text);
    return status;
}

/* ---- all together --------------------------------------------------------------------------- */

static enum pxs_status read_runs(struct reading *r, struct pxs_error *err) {
    struct pxs_groups *g = r->g;
    const struct pxs_cell id = pxs_cell_int(g->sweep_id);
    snprintf(g->sweep, sizeof g->sweep, "%s", r->choice->name);
    PXS_TRY(
        pxs_choice_select(r->store, r->choice, pxs_metrics_group_runs_sql, &id, 1, &r->runs, err));
    g->n_runs = r->runs.n_rows;
    const size_t keys = (r->by ? r->n_by : PXS_PARAM_COUNT) + OWN_KEYS + 1;
    g->run_ids = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->run_ids);
    g->places = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->places);
    g->sweep_of = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->sweep_of);
    g->group_of = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->group_of);
    g->first = pxs_arena_alloc(&g->arena, (g->n_runs + 1) * sizeof *g->first);
    g->keys = pxs_arena_alloc(&g->arena, keys * sizeof *g->keys);
    g->sql = pxs_arena_alloc(&g->arena, keys * sizeof *g->sql);
    g->values = pxs_arena_alloc(&g->arena, keys * sizeof *g->values);
    g->notes = pxs_arena_alloc(&g->arena, NOTES_MOST * sizeof *g->notes);
    if (!g->run_ids || !g->places || !g->sweep_of || !g->group_of || !g->first || !g->keys ||
        !g->sql || !g->values || !g->notes)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < g->n_runs; i++) {
        g->run_ids[i] = pxs_table_at(&r->runs, i, "run_id").integer;
        g->sweep_of[i] = pxs_table_at(&r->runs, i, "sweep_id").integer;
        g->places[i] = pxs_arena_strdup(&g->arena, pxs_table_at(&r->runs, i, "place").text);
        if (!g->places[i])
            return pxs_fail_nomem(err);
    }
    return PXS_OK;
}

static enum pxs_status read_all(struct reading *r, struct pxs_error *err) {
    for (size_t i = 0; i < r->n_by && r->by; i++)
        PXS_TRY(key_is_known(r->by[i], err));
    PXS_TRY(read_runs(r, err));
    PXS_TRY(pxs_group_content(r->g, &r->runs, &r->data, err));
    PXS_TRY(pxs_group_content(r->g, &r->runs, &r->weights, err));
    r->g->one_data_set = !r->data.differs;
    if (!r->by)
        PXS_TRY(add_differing(r, err));
    for (size_t i = 0; i < r->n_by && r->by; i++) {
        if (!pxs_groups_by(r->g, r->by[i]))
            PXS_TRY(add_param(r, r->by[i], err));
    }
    make_groups(r->g);
    PXS_TRY(!r->by ? split_configurations(r, err) : split_asked(r, err));
    make_groups(r->g);
    PXS_TRY(say_unasked(r, err));
    PXS_TRY(say_twice(r, err));
    PXS_TRY(say_sweeps_differ(r, err));
    return pxs_group_labels(r->g, err);
}

enum pxs_status pxs_groups_read(struct pxs_store *s, const struct pxs_choice *choice,
                                const char *const *by, size_t n_by, struct pxs_groups *out,
                                struct pxs_error *err) {
    struct pxs_groups g = {.sweep_id = choice->sweeps[0]};
    struct reading r = {.store = s,
                        .choice = choice,
                        .g = &g,
                        .data = {.key = "dataset",
                                 .hash_sql = pxs_metrics_data_hash_sql,
                                 .hash_column = "data",
                                 .files_column = "files",
                                 .what = "pictures"},
                        .weights = {.key = "init_from",
                                    .hash_sql = pxs_metrics_weights_hash_sql,
                                    .hash_column = "weights",
                                    .what = "first weights"},
                        .by = by,
                        .n_by = n_by};
    const enum pxs_status status = read_all(&r, err);
    pxs_table_finish(&r.runs);
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
