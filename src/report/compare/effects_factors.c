/* compare --effects: which keys vary by themselves, which only together with others or under some
 * value of another, and which were drawn. */
#include "effects_priv.h"

#include <stdlib.h>
#include <string.h>

enum {
    FEW = 5,  /* values that may change together and still be a list that somebody wrote */
    MANY = 6, /* values that look drawn */
};

static const struct pxs_param_info *info_of(const struct effects *e, size_t key) {
    enum pxs_param_key param;
    return pxs_param_find(e->c.in.keys[key], &param) ? pxs_param_info((int)param) : NULL;
}

static const struct pxs_cell *cell_of(const struct effects *e, size_t key, size_t run) {
    return &e->c.in.values[key].cells[run];
}

/* Equal values, equal numbers: those of the first run that has the value. */
static enum pxs_status number_values(struct effects *e, struct pxs_error *err) {
    const size_t runs = e->c.in.n_runs, keys = e->c.in.n_keys;
    e->codes = pxs_arena_alloc(&e->arena, (keys + 1) * sizeof *e->codes);
    e->seeds = pxs_arena_alloc(&e->arena, (runs + 1) * sizeof *e->seeds);
    e->imported = pxs_arena_alloc(&e->arena, runs + 1);
    if (!e->codes || !e->seeds || !e->imported)
        return pxs_fail_nomem(err);
    for (size_t k = 0; k < keys; k++) {
        e->codes[k] = pxs_arena_alloc(&e->arena, (runs + 1) * sizeof **e->codes);
        if (!e->codes[k])
            return pxs_fail_nomem(err);
        for (size_t g = 0; g < e->c.in.n_groups; g++) {
            const size_t *first = e->c.in.first;
            size_t same = 0;
            while (same < g &&
                   (e->codes[k][first[same]] != first[same] ||
                    !pxs_cell_same(cell_of(e, k, first[same]), cell_of(e, k, first[g]))))
                same++;
            e->codes[k][first[g]] = first[same];
        }
        for (size_t run = 0; run < runs; run++)
            e->codes[k][run] = e->codes[k][e->c.in.first[e->c.in.group_of[run]]];
    }
    for (size_t run = 0; run < runs; run++) {
        const struct pxs_cell *row = e->c.runs.cells + run * e->c.runs.n_columns;
        size_t same = 0;
        e->imported[run] = row[RUN_IMPORTED].integer != 0;
        while (same < run && (e->imported[same] || e->seeds[same] != same ||
                              e->c.runs.cells[same * e->c.runs.n_columns + RUN_SEED].integer !=
                                  row[RUN_SEED].integer))
            same++;
        e->seeds[run] = same;
        e->n_seeds += same == run && !e->imported[run];
    }
    return PXS_OK;
}

/* ---- keys that belong together -------------------------------------------------------------- */

/* Whether `key` has an effect only under some value of `of`. */
static bool depends(const struct effects *e, size_t key, size_t of) {
    const struct pxs_param_info *info = info_of(e, key), *over = info_of(e, of);
    while (info && over && info->conditional) {
        info = pxs_param_info((int)info->under);
        if (info == over)
            return true;
    }
    return false;
}

static bool is_conditional(const struct effects *e, size_t key) {
    return info_of(e, key) && info_of(e, key)->conditional;
}

/* Of a conditional key NULL is no value: it has no effect there. */
static bool has_value(const struct effects *e, size_t key, size_t run) {
    return !is_conditional(e, key) || cell_of(e, key, run)->kind != PXS_CELL_NULL;
}

static size_t count_values(const struct effects *e, size_t key) {
    size_t n = 0;
    for (size_t run = 0; run < e->c.in.n_runs; run++)
        n += e->codes[key][run] == run && has_value(e, key, run);
    return n;
}

/* Each value of one goes with one value of the other. */
static bool in_step(const struct effects *e, size_t a, size_t b) {
    for (size_t run = 0; run < e->c.in.n_runs; run++) {
        const size_t first_a = e->codes[a][run], first_b = e->codes[b][run];
        if (e->codes[b][first_a] != first_b || e->codes[a][first_b] != first_a)
            return false;
    }
    return true;
}

static struct pxs_varies varies(const struct effects *e, size_t key) {
    enum pxs_param_key param;
    return pxs_param_find(e->c.in.keys[key], &param) ? e->varies[param] : (struct pxs_varies){0};
}

/* Two keys that go in step by the author's list, not by the luck of draws. */
static bool belong_together(const struct effects *e, size_t a, size_t b) {
    const enum pxs_varies_by x = varies(e, a).by, y = varies(e, b).by;
    return x != PXS_VARIES_RANDOM && y != PXS_VARIES_RANDOM && !depends(e, a, b) &&
           !depends(e, b, a) && !is_conditional(e, a) && !is_conditional(e, b) &&
           ((x == PXS_VARIES_ZIP && y == PXS_VARIES_ZIP) || count_values(e, a) <= FEW) &&
           in_step(e, a, b);
}

/* ---- levels --------------------------------------------------------------------------------- */

static bool put_value(const struct effects *e, size_t key, size_t run, struct pxs_text *out) {
    const struct pxs_cell *cell = cell_of(e, key, run);
    const char *name = e->c.in.keys[key];
    const bool path = info_of(e, key) && info_of(e, key)->type == PXS_TYPE_PATH;
    if (cell->kind == PXS_CELL_NULL)
        pxs_text_add(out, "null");
    else if (cell->kind == PXS_CELL_TEXT && path)
        pxs_text_add(out, pxs_path_tail(cell->text));
    else
        pxs_cell_show(out, cell, pxs_show_of_key(name), -1);
    return !out->failed;
}

struct order {
    const struct effects *e;
    const struct factor *f;
};

/* Numbers by size, words as they come. */
static int by_value(const void *a, const void *b, void *user) {
    const struct level *x = a, *y = b;
    const struct order *o = user;
    if (o->f->numeric) {
        const double p = cell_of(o->e, o->f->key, x->run)->real,
                     q = cell_of(o->e, o->f->key, y->run)->real;
        if (p != q)
            return (p > q) - (p < q);
    }
    return (x->run > y->run) - (x->run < y->run);
}

static enum pxs_status make_levels(struct effects *e, struct factor *f, struct pxs_error *err) {
    const size_t runs = e->c.in.n_runs;
    f->levels = pxs_arena_alloc(&e->arena, (count_values(e, f->key) + 1) * sizeof *f->levels);
    f->level_of = pxs_arena_alloc(&e->arena, (runs + 1) * sizeof *f->level_of);
    size_t *place = malloc((runs + 1) * sizeof *place);
    enum pxs_status status = f->levels && f->level_of && place ? PXS_OK : pxs_fail_nomem(err);
    for (size_t run = 0; status == PXS_OK && run < runs; run++) {
        if (e->codes[f->key][run] == run && has_value(e, f->key, run))
            f->levels[f->n_levels++].run = run;
    }
    if (status == PXS_OK) {
        struct order order = {e, f};
        qsort_r(f->levels, f->n_levels, sizeof *f->levels, by_value, &order);
    }
    for (size_t i = 0; status == PXS_OK && i < f->n_levels; i++) {
        struct level *level = &f->levels[i];
        struct pxs_text text = {0};
        place[level->run] = i;
        for (size_t k = 0; k < e->c.in.n_keys; k++) {
            if (k != f->key && !(f->joint && f->beneath[k] && belong_together(e, f->key, k)))
                continue;
            pxs_text_add(&text, text.len > 0 ? " + " : "");
            put_value(e, k, level->run, &text);
        }
        level->text = text.failed ? NULL : pxs_arena_strdup(&e->arena, pxs_text_str(&text));
        pxs_text_finish(&text);
        if (!level->text)
            status = pxs_fail_nomem(err);
        if (level->run < f->levels[f->reference].run)
            f->reference = i;
    }
    for (size_t run = 0; status == PXS_OK && run < runs; run++) {
        const struct pxs_cell *row = e->c.runs.cells + run * e->c.runs.n_columns;
        const enum pxs_run_state state = pxs_state_parse(row[RUN_STATE].text);
        f->level_of[run] = has_value(e, f->key, run) ? place[e->codes[f->key][run]] : NO_LEVEL;
        if (f->level_of[run] == NO_LEVEL)
            continue;
        struct level *level = &f->levels[f->level_of[run]];
        level->runs++;
        level->counted += pxs_effects_counts(e, run);
        level->lost += state == PXS_STATE_FAILED || state == PXS_STATE_DIVERGED;
        level->pruned += state == PXS_STATE_PRUNED;
    }
    free(place);
    return status;
}

/* Pairs of neighbouring levels in the blocks, whether measured or not. */
static enum pxs_status count_planned(struct effects *e, struct factor *f, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    struct blocks b;
    const enum pxs_status status =
        pxs_effects_blocks(e, f->beneath, f->level_of, f->n_levels, &arena, &b, err);
    for (size_t i = 0; status == PXS_OK && i < b.n; i++) {
        size_t levels = 0;
        for (size_t v = 0; v < b.n_levels; v++)
            levels += b.planned[i * b.n_levels + v];
        f->planned += levels > 1 ? levels - 1 : 0;
    }
    pxs_arena_finish(&arena);
    return status;
}

/* A value of the user's: "1e-4" is 0.0001, true is 1. */
static bool is_value(const struct pxs_cell *cell, const char *text) {
    double number;
    if (cell->kind == PXS_CELL_NULL)
        return strcmp(text, "null") == 0 || *text == '\0';
    if (cell->kind == PXS_CELL_TEXT)
        return strcmp(cell->text, text) == 0 || strcmp(pxs_path_tail(cell->text), text) == 0;
    if (cell->kind == PXS_CELL_INT && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        return cell->integer == (*text == 't');
    return pxs_parse_double(text, &number) && number == cell->real;
}

/* --baseline KEY=VALUE,...: values that the others are compared with. */
static enum pxs_status choose_references(struct effects *e, const char *text,
                                         struct pxs_error *err) {
    while (*text != '\0') {
        char word[512], *value;
        const size_t bytes = strcspn(text, ",");
        snprintf(word, sizeof word, "%.*s", (int)(bytes < 500 ? bytes : 500),
                 text + strspn(text, " "));
        text += bytes + (text[bytes] == ',');
        value = strchr(word, '=');
        if (!value)
            return pxs_fail(err, PXS_E_INVALID,
                            "--baseline with --effects takes KEY=VALUE,...: the values that others "
                            "are compared with, not '%.80s'",
                            word);
        *value++ = '\0';
        struct factor *f = NULL;
        for (size_t i = 0; i < e->n_factors; i++) {
            if (strcmp(e->c.in.keys[e->factors[i].key], word) == 0)
                f = &e->factors[i];
        }
        if (!f)
            return pxs_fail(
                err, PXS_E_INVALID,
                "--baseline: %.60s does not vary in this sweep, so its values cannot be "
                "compared (pixsweep compare %s shows what varies)",
                word, e->c.in.sweep);
        size_t level = 0;
        while (level < f->n_levels && !is_value(cell_of(e, f->key, f->levels[level].run), value))
            level++;
        if (level == f->n_levels)
            return pxs_fail(err, PXS_E_NOT_FOUND,
                            "--baseline: no run of this sweep has %.60s=%.80s (pixsweep compare %s "
                            "shows its values)",
                            word, value, e->c.in.sweep);
        f->reference = level;
    }
    return PXS_OK;
}

/* --by: each key that is asked for has to be one that varies. */
static enum pxs_status check_asked(const struct effects *e, struct pxs_error *err) {
    for (size_t i = 0; e->o->by && i < e->o->n_by; i++) {
        enum pxs_param_key param;
        const char *key = e->o->by[i];
        bool found = false;
        for (size_t k = 0; k < e->n_factors; k++) {
            const struct factor *f = &e->factors[k];
            for (size_t m = 0; m < e->c.in.n_keys; m++)
                found = found || ((m == f->key || (f->joint && f->beneath[m])) &&
                                  strcmp(e->c.in.keys[m], key) == 0);
        }
        if (found)
            continue;
        if (pxs_param_find(key, &param))
            return pxs_fail(err, PXS_E_INVALID,
                            "--by: %s does not vary among these runs, so it has no effect to tell "
                            "(pixsweep compare %s shows what varies)",
                            key, e->c.in.sweep);
        struct pxs_text remedy = {0};
        pxs_param_add_remedy(key, &remedy);
        pxs_fail(err, PXS_E_INVALID, "--by: there is no hyperparameter '%.60s'%s", key,
                 remedy.len > 0 ? pxs_text_str(&remedy) : " (pixsweep params lists them)");
        pxs_text_finish(&remedy);
        return PXS_E_INVALID;
    }
    return PXS_OK;
}

/* ---- all together --------------------------------------------------------------------------- */

static bool is_stand_in(const char *key) {
    return strcmp(key, PXS_KEY_ORIGIN) == 0 || strcmp(key, PXS_KEY_HASH) == 0;
}

static enum pxs_status make_factor(struct effects *e, size_t key, struct pxs_error *err) {
    struct factor *f = &e->factors[e->n_factors];
    const struct pxs_param_info *info = info_of(e, key);
    struct pxs_text name = {0};
    *f = (struct factor){.key = key};
    f->beneath = pxs_arena_alloc(&e->arena, e->c.in.n_keys + 1);
    if (!f->beneath)
        return pxs_fail_nomem(err);
    pxs_text_add(&name, e->c.in.keys[key]);
    f->asked = !e->o->by;
    for (size_t k = 0; k < e->c.in.n_keys; k++) {
        const bool mate = k != key && belong_together(e, key, k);
        f->beneath[k] = k == key || mate || depends(e, k, key);
        for (size_t m = 0; mate && m < e->c.in.n_keys; m++)
            f->beneath[m] = f->beneath[m] || depends(e, m, k);
        f->joint = f->joint || mate;
        if (mate)
            pxs_text_addf(&name, " + %s", e->c.in.keys[k]);
        for (size_t i = 0; e->o->by && (k == key || mate) && i < e->o->n_by; i++)
            f->asked = f->asked || strcmp(e->o->by[i], e->c.in.keys[k]) == 0;
    }
    f->name = name.failed ? NULL : pxs_arena_strdup(&e->arena, pxs_text_str(&name));
    pxs_text_finish(&name);
    if (!f->name)
        return pxs_fail_nomem(err);
    f->numeric = info && (info->type == PXS_TYPE_INT || info->type == PXS_TYPE_FLOAT) && !f->joint;
    PXS_TRY(make_levels(e, f, err));
    if (f->n_levels < 2)
        return PXS_OK;
    PXS_TRY(count_planned(e, f, err));

    const struct pxs_varies how = varies(e, key);
    size_t groups = 0;
    for (size_t g = 0; g < e->c.in.n_groups; g++)
        groups += has_value(e, key, e->c.in.first[g]);
    /* nearly each configuration has a value of its own, and hardly two differ in it alone */
    f->guessed = how.by == PXS_VARIES_UNSAID && f->numeric && 4 * f->planned < e->c.in.n_runs &&
                 f->n_levels >= MANY && 5 * f->n_levels >= 4 * groups;
    f->drawn = how.by == PXS_VARIES_RANDOM || f->guessed;
    f->log = how.log;
    if (f->guessed) {
        const double low = cell_of(e, key, f->levels[0].run)->real,
                     high = cell_of(e, key, f->levels[f->n_levels - 1].run)->real;
        f->log = low > 0 && high >= 20 * low;
    }
    e->n_factors++;
    return PXS_OK;
}

enum pxs_status pxs_effects_factors(struct effects *e, struct pxs_error *err) {
    const size_t keys = e->c.in.n_keys;
    PXS_TRY(number_values(e, err));
    e->factors = pxs_arena_alloc(&e->arena, (keys + 1) * sizeof *e->factors);
    if (!e->factors)
        return pxs_fail_nomem(err);
    for (size_t k = 0; k < keys; k++) {
        bool known = is_stand_in(e->c.in.keys[k]);
        for (size_t m = 0; m < k; m++)
            known = known || (!is_stand_in(e->c.in.keys[m]) && belong_together(e, m, k));
        if (!known)
            PXS_TRY(make_factor(e, k, err));
    }
    PXS_TRY(check_asked(e, err));
    return e->o->baseline ? choose_references(e, e->o->baseline, err) : PXS_OK;
}
