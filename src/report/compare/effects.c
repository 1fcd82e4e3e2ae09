/* compare --effects: what each hyperparameter does, with all else equal. */
#include "effects_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool pxs_effects_counts(const struct effects *e, size_t run) {
    return !isnan(pxs_effects_value(e, run));
}

double pxs_effects_value(const struct effects *e, size_t run) {
    return pxs_compare_counts(&e->c, run) ? pxs_compare_value(&e->c, run, e->c.metric.measure)
                                          : NAN;
}

bool pxs_effects_spared(const struct effects *e, size_t run) {
    return pxs_state_parse(e->c.runs.cells[run * e->c.runs.n_columns + RUN_STATE].text) ==
           PXS_STATE_NOT_NEEDED;
}

struct line *pxs_effects_line(struct effects *e, enum line_kind kind, const struct factor *factor) {
    struct line *line = &e->lines[e->n_lines++];
    *line = (struct line){.kind = kind, .factor = factor};
    line->d = (struct pxs_difference){
        .mean = NAN, .std = NAN, .low = NAN, .high = NAN, .p = NAN, .p_holm = NAN, .df = NAN};
    line->test =
        (struct pxs_block_test){.mean_square = NAN, .f = NAN, .df1 = NAN, .df2 = NAN, .p = NAN};
    line->rank = (struct pxs_rank_correlation){.rho = NAN, .p = NAN};
    return line;
}

/* Whether the metric is computed from the key, so that its values are other measures. */
static bool is_part(const struct effects *e, const struct factor *f) {
    for (size_t i = 0; i < LOSS_PARTS; i++) {
        if (strcmp(pxs_loss_parts[i].key, e->c.in.keys[f->key]) == 0 &&
            (pxs_loss_parts[i].of & 1u << e->c.metric.kin) != 0)
            return true;
    }
    return false;
}

/* Lines that no runs are planned for, as with points: they would say nothing. */
static void drop_empty_lines(struct effects *e) {
    size_t kept = 0;
    for (size_t i = 0; i < e->n_lines; i++) {
        const struct line *line = &e->lines[i];
        const bool blocks = line->kind != LINE_RANK && line->kind != LINE_UNPAIRED;
        e->n_interactions += line->kind == LINE_INTERACTION;
        if (!blocks || line->d.n_a + line->missing + line->spared > 0)
            e->lines[kept++] = *line;
        else if (line->kind == LINE_EFFECT)
            for (size_t f = 0; f < e->n_factors; f++)
                e->factors[f].apart += &e->factors[f] == line->factor;
    }
    e->n_lines = kept;
}

static enum pxs_status make_lines(struct effects *e, struct pxs_error *err) {
    size_t most = e->n_factors * (e->n_factors + 1);
    for (size_t i = 0; i < e->n_factors; i++)
        most += e->factors[i].n_levels;
    e->lines = pxs_arena_alloc(&e->arena, (most + 1) * sizeof *e->lines);
    if (!e->lines)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < e->n_factors; i++) {
        const struct factor *f = &e->factors[i];
        if (f->asked && !f->drawn && f->planned > 0 && !is_part(e, f))
            PXS_TRY(pxs_effects_paired(e, f, err));
    }
    PXS_TRY(pxs_effects_draws(e, err));
    for (size_t i = 0; i < e->n_factors; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct factor *f = &e->factors[k], *g = &e->factors[i];
            if ((f->asked || g->asked) && f->planned > 0 && g->planned > 0 && !f->drawn &&
                !g->drawn && !is_part(e, f) && !is_part(e, g))
                PXS_TRY(pxs_effects_interaction(e, f, g, err));
        }
    }

    drop_empty_lines(e);

    /* All tests of keys were looked at together, and so were the interactions. */
    struct pxs_difference **list = pxs_arena_alloc(&e->arena, (e->n_lines + 1) * sizeof *list);
    if (!list)
        return pxs_fail_nomem(err);
    for (int interactions = 0; interactions < 2; interactions++) {
        size_t n = 0;
        for (size_t i = 0; i < e->n_lines; i++) {
            if ((e->lines[i].kind == LINE_INTERACTION) == interactions)
                list[n++] = &e->lines[i].d;
        }
        pxs_holm(list, n);
    }
    return PXS_OK;
}

/* ---- the table ------------------------------------------------------------------------------ */

enum {
    C_KIND,
    C_KEY,
    C_WITH,
    C_VALUE,
    C_REFERENCE,
    C_PAIRS,
    C_MISSING,
    C_SETTINGS,
    C_SEEDS,
    C_EFFECT,
    C_LOW,
    C_HIGH,
    C_F,
    C_DF1,
    C_DF2,
    C_RHO,
    C_N,
    C_P,
    C_P_HOLM,
    C_ERROR,
    COLUMNS
};
static const struct {
    const char *name;
    struct pxs_column column;
} columns[COLUMNS] = {
    [C_KIND] = {"kind", {"line", PXS_SHOW_HIDDEN}},
    [C_KEY] = {"key", {"key", PXS_SHOW_PLAIN}},
    [C_WITH] = {"with", {"with", PXS_SHOW_PLAIN}},
    [C_VALUE] = {"value", {"value", PXS_SHOW_PLAIN}},
    [C_REFERENCE] = {"reference", {"against", PXS_SHOW_PLAIN}},
    [C_PAIRS] = {"pairs", {"pairs", PXS_SHOW_PLAIN}},
    [C_MISSING] = {"missing", {"missing", PXS_SHOW_PLAIN}},
    [C_SETTINGS] = {"settings", {"settings", PXS_SHOW_HIDDEN}},
    [C_SEEDS] = {"seeds", {"seeds", PXS_SHOW_HIDDEN}},
    [C_EFFECT] = {"effect", {"effect", PXS_SHOW_FIXED}},
    [C_LOW] = {"ci_low", {"95 % low", PXS_SHOW_FIXED}},
    [C_HIGH] = {"ci_high", {"high", PXS_SHOW_TO}},
    [C_F] = {"f", {"F", PXS_SHOW_HIDDEN}},
    [C_DF1] = {"df1", {"df1", PXS_SHOW_HIDDEN}},
    [C_DF2] = {"df2", {"df2", PXS_SHOW_HIDDEN}},
    [C_RHO] = {"rho", {"rank correlation", PXS_SHOW_SHORT}},
    [C_N] = {"n", {"draws", PXS_SHOW_PLAIN}},
    [C_P] = {"p", {"p alone", PXS_SHOW_HIDDEN}},
    [C_P_HOLM] = {"p_holm", {"p", PXS_SHOW_SHORT}},
    [C_ERROR] = {"error", {"error", PXS_SHOW_HIDDEN}},
};

static struct pxs_cell real(double value) {
    return isnan(value) ? pxs_cell_text(NULL) : pxs_cell_real(value);
}

static struct pxs_cell count(size_t n) {
    return pxs_cell_int((int64_t)n);
}

/* The value itself; of keys that go together, and of paths, as words. */
static enum pxs_status put_level(const struct effects *e, const struct factor *f, size_t level,
                                 struct pxs_table *t, size_t row, size_t column,
                                 struct pxs_error *err) {
    const struct pxs_cell *cell = &e->c.in.values[f->key].cells[f->levels[level].run];
    const bool boolean = pxs_show_of_key(e->c.in.keys[f->key]) == PXS_SHOW_BOOLEAN;
    if (!f->joint && !boolean && cell->kind != PXS_CELL_TEXT && cell->kind != PXS_CELL_NULL) {
        pxs_table_set(t, row, column, *cell);
        return PXS_OK;
    }
    const char *text = pxs_arena_strdup(&t->arena, f->levels[level].text);
    pxs_table_set(t, row, column, pxs_cell_text(text));
    return text ? PXS_OK : pxs_fail_nomem(err);
}

static enum pxs_status put_line(const struct effects *e, const struct line *line,
                                struct pxs_table *t, size_t row, struct pxs_error *err) {
    static const char *const kinds[] = {[LINE_EFFECT] = "effect",
                                        [LINE_OVERALL] = "overall",
                                        [LINE_UNPAIRED] = "unpaired",
                                        [LINE_RANK] = "rank",
                                        [LINE_INTERACTION] = "interaction"};
    static const char *const errors[] = {[PXS_ERROR_NONE] = NULL,
                                         [PXS_ERROR_RUNS] = "runs",
                                         [PXS_ERROR_SEEDS] = "seeds",
                                         [PXS_ERROR_SETTINGS] = "settings"};
    const struct factor *f = line->factor;
    const bool blocks = line->kind != LINE_RANK && line->kind != LINE_UNPAIRED;
    const char *name = pxs_arena_strdup(&t->arena, f->name),
               *with = line->with ? pxs_arena_strdup(&t->arena, line->with->name) : NULL;
    if (!name || (line->with && !with))
        return pxs_fail_nomem(err);
    pxs_table_set(t, row, C_KIND, pxs_cell_text(kinds[line->kind]));
    pxs_table_set(t, row, C_KEY, pxs_cell_text(name));
    pxs_table_set(t, row, C_WITH, pxs_cell_text(with));
    if (line->kind == LINE_EFFECT || line->kind == LINE_UNPAIRED) {
        PXS_TRY(put_level(e, f, line->level, t, row, C_VALUE, err));
        PXS_TRY(put_level(e, f, f->reference, t, row, C_REFERENCE, err));
    }
    pxs_table_set(t, row, C_MISSING, count(line->missing));
    if (blocks) {
        pxs_table_set(t, row, C_PAIRS, count(line->d.n_a));
        pxs_table_set(t, row, C_SETTINGS, count(line->test.settings));
        pxs_table_set(t, row, C_SEEDS, count(line->test.seeds));
        pxs_table_set(t, row, C_F, real(line->test.f));
        pxs_table_set(t, row, C_DF1, real(line->test.df1));
        pxs_table_set(t, row, C_DF2, real(line->test.df2));
        pxs_table_set(t, row, C_ERROR, pxs_cell_text(errors[line->test.error]));
    } else {
        pxs_table_set(t, row, C_N,
                      count(line->kind == LINE_RANK ? line->rank.n : line->d.n_a + line->d.n_b));
        pxs_table_set(t, row, C_RHO, real(line->rank.rho));
    }
    pxs_table_set(t, row, C_EFFECT, real(line->d.mean));
    pxs_table_set(t, row, C_LOW, real(line->d.low));
    pxs_table_set(t, row, C_HIGH, real(line->d.high));
    pxs_table_set(t, row, C_P, real(line->d.p));
    pxs_table_set(t, row, C_P_HOLM, real(line->d.p_holm));
    return PXS_OK;
}

static enum pxs_status fill(const struct effects *e, struct pxs_error *err) {
    struct pxs_table *t = &e->out->table;
    const char *names[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        names[i] = columns[i].name;
    PXS_TRY(pxs_table_make(t, names, COLUMNS, e->n_lines, err));
    e->out->columns = pxs_arena_alloc(&e->out->arena, COLUMNS * sizeof *e->out->columns);
    if (!e->out->columns)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < COLUMNS; i++)
        e->out->columns[i] = columns[i].column;
    for (size_t i = 0; i < e->n_lines; i++)
        PXS_TRY(put_line(e, &e->lines[i], t, i, err));
    return PXS_OK;
}

/* ---- all together --------------------------------------------------------------------------- */

/* What the sweeps' files say: how keys vary (drawn where one of them draws it; else the first that
 * varies it says how), and whether a race gave out the seeds. */
static enum pxs_status read_sweeps(struct effects *e, struct pxs_error *err) {
    for (size_t i = 0; i < e->c.choice->n_sweeps; i++) {
        const struct pxs_cell id = pxs_cell_int(e->c.choice->sweeps[i]);
        struct pxs_varies found[PXS_PARAM_COUNT];
        struct pxs_table t = {0};
        PXS_TRY(pxs_store_select(
            e->c.store,
            "SELECT spec_yaml, race IS NOT NULL AS raced, (SELECT count(*) FROM v_not_needed n"
            "  WHERE n.sweep_id = s.sweep_id) AS not_needed FROM sweep s WHERE sweep_id = ?1",
            &id, 1, &t, err));
        const char *yaml = pxs_table_at(&t, 0, "spec_yaml").text;
        const enum pxs_status status = pxs_config_varies(yaml ? yaml : "", found, err);
        e->raced = e->raced || pxs_table_at(&t, 0, "raced").integer != 0;
        e->not_needed += (size_t)pxs_table_at(&t, 0, "not_needed").integer;
        pxs_table_finish(&t);
        PXS_TRY(status);
        for (int key = 0; key < PXS_PARAM_COUNT; key++) {
            if (e->varies[key].by == PXS_VARIES_UNSAID || found[key].by == PXS_VARIES_RANDOM)
                e->varies[key] = found[key];
        }
    }
    return PXS_OK;
}

static enum pxs_status make(struct effects *e, struct pxs_error *err) {
    struct pxs_effects *out = e->out;
    PXS_TRY(pxs_compare_read_asked(&e->c, err));
    PXS_TRY(pxs_compare_read(&e->c, err));
    PXS_TRY(pxs_compare_judge(&e->c, err));
    PXS_TRY(read_sweeps(e, err));
    PXS_TRY(pxs_effects_factors(e, err));

    snprintf(out->sweep, sizeof out->sweep, "%s", e->c.in.sweep);
    snprintf(out->metric, sizeof out->metric, "%s", e->c.metric.name);
    out->higher_is_better = e->c.metric.higher;
    out->n_runs = e->c.in.n_runs;
    for (size_t run = 0; run < e->c.in.n_runs; run++)
        out->n_counted += pxs_effects_counts(e, run);
    PXS_TRY(make_lines(e, err));
    PXS_TRY(fill(e, err));
    return pxs_effects_say(e, err);
}

enum pxs_status pxs_effects(struct pxs_store *s, const struct pxs_compare_options *options,
                            struct pxs_effects *out, struct pxs_error *err) {
    const struct pxs_compare_options all = {
        .sweep = options->sweep, .metric = options->metric, .epochs = options->epochs};
    const struct pxs_choice_options wanted = {.sweep = options->sweep,
                                              .more = options->more,
                                              .n_more = options->n_more,
                                              .where = options->where};
    struct pxs_choice choice;
    PXS_TRY(pxs_choose(s, &wanted, &choice, err));
    struct pxs_effects made = {0};
    struct effects e = {
        .c = {.o = &all, .store = s, .choice = &choice, .until = options->epochs - 1},
        .o = options,
        .out = &made};
    const enum pxs_status status = make(&e, err);
    pxs_table_finish(&e.c.runs);
    pxs_groups_finish(&e.c.in);
    pxs_groups_finish(&e.c.all);
    pxs_arena_finish(&e.c.arena);
    pxs_arena_finish(&e.arena);
    pxs_choice_finish(&choice);
    if (status != PXS_OK)
        pxs_effects_finish(&made);
    else
        *out = made;
    return status;
}

void pxs_effects_finish(struct pxs_effects *effects) {
    pxs_table_finish(&effects->table);
    pxs_arena_finish(&effects->arena);
    *effects = (struct pxs_effects){0};
}

/* ---- as text -------------------------------------------------------------------------------- */

/* The lines of some kinds, as words where they say more than a value. */
static enum pxs_status put_lines(const struct pxs_effects *x, unsigned kinds, const size_t *wanted,
                                 size_t n, int width, struct pxs_text *out, struct pxs_error *err) {
    static const char *const names[] = {"effect", "overall", "unpaired", "rank", "interaction"};
    struct pxs_table t = {0};
    struct pxs_column looks[COLUMNS];
    const char *heads[COLUMNS];
    size_t rows = 0, *from = malloc((x->table.n_rows + 1) * sizeof *from);
    if (!from)
        return pxs_fail_nomem(err);
    for (size_t row = 0; row < x->table.n_rows; row++) {
        const char *kind = x->table.cells[row * COLUMNS + C_KIND].text;
        for (unsigned k = 0; k < PXS_COUNT(names); k++) {
            if ((kinds >> k & 1) != 0 && strcmp(names[k], kind) == 0)
                from[rows++] = row;
        }
    }
    for (size_t i = 0; i < n; i++) {
        heads[i] = columns[wanted[i]].name;
        looks[i] = columns[wanted[i]].column;
    }
    enum pxs_status status = rows > 0 ? pxs_table_make(&t, heads, n, rows, err) : PXS_OK;
    bool missing = false;
    for (size_t row = 0; status == PXS_OK && row < rows; row++) {
        for (size_t i = 0; i < n; i++) {
            const struct pxs_cell *cell = &x->table.cells[from[row] * COLUMNS + wanted[i]];
            const bool all = wanted[i] == C_VALUE && cell->kind == PXS_CELL_NULL;
            pxs_table_set(&t, row, i, all ? pxs_cell_text("all values") : *cell);
            missing = missing || (wanted[i] == C_MISSING && cell->integer > 0);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (wanted[i] == C_MISSING && !missing)
            looks[i].show = PXS_SHOW_HIDDEN;
    }
    if (status == PXS_OK && rows > 0) {
        status = pxs_table_lay_out(&t, looks, width, out, err);
        pxs_text_add(out, "\n");
    }
    pxs_table_finish(&t);
    free(from);
    return status;
}

static enum pxs_status put_text(const struct pxs_effects *x, int width, struct pxs_text *out,
                                struct pxs_error *err) {
    static const size_t paired[] = {C_KEY,    C_VALUE, C_REFERENCE, C_PAIRS, C_MISSING,
                                    C_EFFECT, C_LOW,   C_HIGH,      C_P_HOLM},
                        ranked[] = {C_KEY, C_N, C_MISSING, C_RHO, C_P_HOLM},
                        words[] = {C_KEY,    C_VALUE, C_REFERENCE, C_N,     C_MISSING,
                                   C_EFFECT, C_LOW,   C_HIGH,      C_P_HOLM};
    pxs_text_add_words(out,
                       "%s: what %zu key%s to %s, of which %s is better; %zu of %zu runs count\n\n",
                       x->sweep, x->n_keys, x->n_keys == 1 ? " does" : "s do", x->metric,
                       x->higher_is_better ? "more" : "less", x->n_counted, x->n_runs);
    PXS_TRY(put_lines(x, 1u << LINE_EFFECT | 1u << LINE_OVERALL, paired, PXS_COUNT(paired), width,
                      out, err));
    PXS_TRY(put_lines(x, 1u << LINE_RANK, ranked, PXS_COUNT(ranked), width, out, err));
    PXS_TRY(put_lines(x, 1u << LINE_UNPAIRED, words, PXS_COUNT(words), width, out, err));
    for (size_t i = 0; i < x->n_notes; i++)
        pxs_compare_put_paragraph(out, x->notes[i], width);
    pxs_text_add(out, x->n_notes > 0 ? "\n" : "");
    pxs_compare_put_paragraph(out, x->verdict, width);
    return pxs_text_status(out, err);
}

enum pxs_status pxs_report_effects(struct pxs_store *s, const struct pxs_compare_options *options,
                                   enum pxs_format format, int width, struct pxs_text *out,
                                   struct pxs_error *err) {
    struct pxs_effects x;
    PXS_TRY(pxs_effects(s, options, &x, err));
    const enum pxs_status status = format == PXS_FORMAT_TABLE
                                       ? put_text(&x, width, out, err)
                                       : pxs_report_table(&x.table, x.columns, format, 0, out, err);
    pxs_effects_finish(&x);
    return status;
}
