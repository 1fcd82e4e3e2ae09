/* compare: runs that differ in nothing but the seed (or in nothing that was asked for) become one row with mean and
 * spread. Only completed runs count: the losses of an unfinished one are of another age. */
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is measured of each run, in the order of runs_sql. */
enum measure { BEST, BEST_EPOCH, FINAL, LOSS_G, RATE_FIRST, RATE_LAST, SECONDS, MEASURES };

static const char runs_sql[] =
    "SELECT r.run_id, r.state, s.best_val_loss, s.best_epoch, s.final_val_loss, s.final_avg_loss_G,"
    " (SELECT e.lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY e.epoch LIMIT 1) AS lr_first,"
    " (SELECT e.lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY e.epoch DESC LIMIT 1) AS lr_last,"
    " s.seconds"
    " FROM run r LEFT JOIN run_summary s ON s.run_id = r.run_id WHERE r.sweep_id = ?1 ORDER BY r.number, "
    "r.run_id";

struct group {
    size_t index; /* in pxs_groups */
    size_t first; /* a run of the group: its keys are the group's */
    size_t completed, failed, open;
    struct pxs_stats stats[MEASURES];
};

struct comparing {
    int64_t sweep_id;
    struct pxs_table runs; /* row for row as in `in` */
    struct pxs_groups in;
    struct group *groups;
    size_t n_groups;
    struct pxs_arena arena;
};

/* ---- reading --------------------------------------------------------------------------------------------- */

static enum pxs_status read_runs(struct pxs_store *s, struct comparing *c,
                                 const struct pxs_compare_options *o, struct pxs_error *err) {
    const struct pxs_cell sweep = pxs_cell_int(c->sweep_id);
    PXS_TRY(pxs_groups_read(s, c->sweep_id, o->by, o->n_by, &c->in, err));
    PXS_TRY(pxs_store_select(s, runs_sql, &sweep, 1, &c->runs, err));
    if (c->runs.n_rows != c->in.n_runs)
        return pxs_fail(err, PXS_E_BUSY, "the sweep was planned anew while it was being read; ask again");
    return PXS_OK;
}

/* ---- grouping -------------------------------------------------------------------------------------------- */

static void count_state(struct group *g, const char *state) {
    if (strcmp(state, "completed") == 0)
        g->completed++;
    else if (strcmp(state, "failed") == 0 || strcmp(state, "diverged") == 0)
        g->failed++;
    else
        g->open++;
}

static enum pxs_status make_groups(struct comparing *c, struct pxs_error *err) {
    c->n_groups = c->in.n_groups;
    c->groups = pxs_arena_alloc(&c->arena, (c->n_groups + 1) * sizeof *c->groups);
    if (c->groups == NULL)
        return pxs_fail_nomem(err);
    for (size_t g = 0; g < c->n_groups; g++)
        c->groups[g] = (struct group){.index = g, .first = c->in.first[g]};
    for (size_t run = 0; run < c->in.n_runs; run++)
        count_state(&c->groups[c->in.group_of[run]], pxs_table_at(&c->runs, run, "state").text);
    return PXS_OK;
}

/* The values of one measure in a group's completed runs; NULL is NaN, which statistics leave out. */
static size_t gather(const struct comparing *c, size_t group, enum measure m, double *values) {
    size_t n = 0;
    for (size_t run = 0; run < c->runs.n_rows; run++) {
        const struct pxs_cell *row = c->runs.cells + run * c->runs.n_columns;
        if (c->in.group_of[run] != group || strcmp(row[1].text, "completed") != 0)
            continue;
        const struct pxs_cell *cell = &row[2 + m];
        values[n++] = cell->kind == PXS_CELL_NULL ? NAN : cell->real;
    }
    return n;
}

static enum pxs_status measure(struct comparing *c, struct pxs_error *err) {
    double *values = malloc((c->runs.n_rows + 1) * sizeof *values);
    if (values == NULL)
        return pxs_fail_nomem(err);
    for (size_t g = 0; g < c->n_groups; g++) {
        for (int m = 0; m < MEASURES; m++) {
            const size_t n = gather(c, g, (enum measure)m, values);
            pxs_stats_of(values, n, &c->groups[g].stats[m]);
        }
    }
    free(values);
    return PXS_OK;
}

static int by_number(double a, double b) {
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

static int better(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    int order = by_number(x->stats[BEST].mean, y->stats[BEST].mean);
    if (order == 0)
        order = by_number(x->stats[LOSS_G].mean, y->stats[LOSS_G].mean);
    return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

/* ---- the table ------------------------------------------------------------------------------------------- */

struct output {
    const char *name;
    struct pxs_column column;
};
static const struct output outputs[] = {
    {"n", {"n", PXS_SHOW_PLAIN}},
    {"failed", {"failed", PXS_SHOW_PLAIN}},
    {"open", {"open", PXS_SHOW_PLAIN}},
    {"best_val_loss_mean", {"best val", PXS_SHOW_FIXED}},
    {"best_val_loss_std", {"std", PXS_SHOW_PLUSMINUS}},
    {"best_val_loss_min", {"min", PXS_SHOW_FIXED}},
    {"best_epoch", {"at epoch", PXS_SHOW_PLAIN}},
    {"final_val_loss_mean", {"final val", PXS_SHOW_FIXED}},
    {"final_val_loss_std", {"std", PXS_SHOW_PLUSMINUS}},
    {"final_avg_loss_G_mean", {"avg loss_G", PXS_SHOW_HIDDEN}},
    {"lr_G_first", {"lr_G first", PXS_SHOW_PLAIN}},
    {"lr_G_last", {"last", PXS_SHOW_ARROW}},
    {"lr_G_ratio", {"ratio", PXS_SHOW_RATIO}},
    {"seconds", {"time", PXS_SHOW_DURATION}},
};
enum { OUTPUTS = PXS_COUNT(outputs), OUT_FAILED = 1, OUT_OPEN = 2, OUT_BEST = 3, OUT_LOSS_G = 9 };

static struct pxs_cell number(double value) {
    return isnan(value) ? pxs_cell_text(NULL) : pxs_cell_real(value);
}

/* A rate that all runs of the group share. */
static double shared(const struct pxs_stats *stats) {
    return stats->n > 0 && stats->min == stats->max ? stats->min : NAN;
}

static void put_group(struct pxs_table *t, size_t row, size_t first_column, const struct group *g) {
    const struct pxs_stats *s = g->stats;
    const double rate_first = shared(&s[RATE_FIRST]), rate_last = shared(&s[RATE_LAST]);
    const struct pxs_cell cells[OUTPUTS] = {
        pxs_cell_int((int64_t)g->completed),
        pxs_cell_int((int64_t)g->failed),
        pxs_cell_int((int64_t)g->open),
        number(s[BEST].mean),
        number(s[BEST].std),
        number(s[BEST].min),
        number(s[BEST_EPOCH].mean),
        number(s[FINAL].mean),
        number(s[FINAL].std),
        number(s[LOSS_G].mean),
        number(rate_first),
        number(rate_last),
        number(rate_last / rate_first),
        number(s[SECONDS].mean),
    };
    for (size_t i = 0; i < OUTPUTS; i++)
        pxs_table_set(t, row, first_column + i, cells[i]);
}

static enum pxs_status put_keys(const struct comparing *c, struct pxs_comparison *out, size_t row,
                                const struct group *g, struct pxs_error *err) {
    struct pxs_table *t = &out->table;
    for (size_t k = 0; k < c->in.n_keys; k++) {
        struct pxs_cell cell = c->in.values[k].cells[g->first];
        if (cell.kind == PXS_CELL_TEXT && (cell.text = pxs_arena_strdup(&t->arena, cell.text)) == NULL)
            return pxs_fail_nomem(err);
        pxs_table_set(t, row, k, cell);
    }
    if (c->in.n_keys == 0) {
        const char *sweep = pxs_arena_strdup(&t->arena, out->sweep);
        if (sweep == NULL)
            return pxs_fail_nomem(err);
        pxs_table_set(t, row, 0, pxs_cell_text(sweep));
    }
    return PXS_OK;
}

/* In tables a column appears only where it has something to say. */
static void choose_columns(const struct pxs_comparison *out, struct pxs_column *columns, size_t first) {
    for (size_t i = 0; i < OUTPUTS; i++)
        columns[first + i] = outputs[i].column;
    if (out->n_failed == 0)
        columns[first + OUT_FAILED].show = PXS_SHOW_HIDDEN;
    if (out->n_open == 0)
        columns[first + OUT_OPEN].show = PXS_SHOW_HIDDEN;
    bool validated = false;
    for (size_t row = 0; row < out->table.n_rows; row++)
        validated = validated ||
                    out->table.cells[row * out->table.n_columns + first + OUT_BEST].kind != PXS_CELL_NULL;
    if (!validated && out->n_completed > 0) {
        for (size_t i = OUT_BEST; i < OUT_LOSS_G; i++)
            columns[first + i].show = PXS_SHOW_HIDDEN;
        columns[first + OUT_LOSS_G].show = PXS_SHOW_FIXED;
    }
}

static enum pxs_status fill(const struct comparing *c, struct pxs_comparison *out, struct pxs_error *err) {
    const size_t first = c->in.n_keys > 0 ? c->in.n_keys : 1, n = first + OUTPUTS;
    const char **names = malloc(n * sizeof *names);
    if (names == NULL)
        return pxs_fail_nomem(err);
    enum pxs_status status = PXS_OK;
    names[0] = "sweep";
    memcpy(names, c->in.keys, c->in.n_keys * sizeof *names);
    for (size_t i = 0; i < OUTPUTS; i++)
        names[first + i] = outputs[i].name;
    status = pxs_table_make(&out->table, names, n, c->n_groups, err);
    free(names);
    PXS_TRY(status);
    for (size_t k = 0; k < c->in.n_keys; k++) {
        out->table.columns[k] = pxs_arena_strdup(&out->table.arena, c->in.keys[k]);
        if (out->table.columns[k] == NULL)
            return pxs_fail_nomem(err);
    }
    for (size_t row = 0; row < c->n_groups; row++) {
        PXS_TRY(put_keys(c, out, row, &c->groups[row], err));
        put_group(&out->table, row, first, &c->groups[row]);
        out->n_completed += c->groups[row].completed;
        out->n_failed += c->groups[row].failed;
        out->n_open += c->groups[row].open;
    }
    out->n_runs = c->runs.n_rows;
    out->columns = pxs_arena_alloc(&out->table.arena, n * sizeof *out->columns);
    out->configurations = pxs_arena_alloc(&out->table.arena, (c->n_groups + 1) * sizeof *out->configurations);
    if (out->columns == NULL || out->configurations == NULL)
        return pxs_fail_nomem(err);
    for (size_t row = 0; row < c->n_groups; row++)
        out->configurations[row] = c->groups[row].index;
    choose_columns(out, out->columns, first);
    return PXS_OK;
}

/* ---- from question to answer ----------------------------------------------------------------------------- */

/* Kernels that the completed runs were made with, from the last attempt on that began at step 0. Other kernels are other bits: where there are several, the reader shall know. */
static enum pxs_status find_kernels(struct pxs_store *s, int64_t sweep_id, struct pxs_comparison *out,
                                    struct pxs_error *err) {
    static const char question[] =
        "SELECT count(DISTINCT kernels) AS n, group_concat(DISTINCT kernels) AS names FROM attempt JOIN run "
        "USING (run_id) WHERE sweep_id = ?1 AND run.state = 'completed' AND (attempt.resumed_from_step IS "
        "NOT NULL OR attempt.outcome = 'completed') "
        "AND attempt.no >= (SELECT max(no) FROM attempt z WHERE z.run_id = run.run_id AND "
        "coalesce(z.resumed_from_step, -1) < 0 AND (z.resumed_from_step IS NOT NULL OR z.outcome = "
        "'completed'))";
    struct pxs_table t = {0};
    const struct pxs_cell id = pxs_cell_int(sweep_id);
    PXS_TRY(pxs_store_select(s, question, &id, 1, &t, err));
    const char *names = pxs_table_at(&t, 0, "names").text;
    if (pxs_table_at(&t, 0, "n").integer > 1 && names != NULL)
        snprintf(out->kernels, sizeof out->kernels, "%s", names);
    pxs_table_finish(&t);
    return PXS_OK;
}

static enum pxs_status compare_in(struct pxs_store *s, struct comparing *c,
                                  const struct pxs_compare_options *o, struct pxs_comparison *out,
                                  struct pxs_error *err) {
    PXS_TRY(pxs_store_find_sweep(s, o->sweep, &c->sweep_id, err));
    struct pxs_stale stale;
    PXS_TRY(pxs_stale_read(s, c->sweep_id, &stale, err));
    out->n_stale = stale.n;
    pxs_stale_finish(&stale);
    PXS_TRY(find_kernels(s, c->sweep_id, out, err));
    PXS_TRY(read_runs(s, c, o, err));
    snprintf(out->sweep, sizeof out->sweep, "%s", c->in.sweep);
    PXS_TRY(make_groups(c, err));
    PXS_TRY(measure(c, err));
    qsort(c->groups, c->n_groups, sizeof *c->groups, better);
    return fill(c, out, err);
}

enum pxs_status pxs_compare(struct pxs_store *s, const struct pxs_compare_options *options,
                            struct pxs_comparison *out, struct pxs_error *err) {
    struct comparing c = {0};
    struct pxs_comparison made = {0};
    const enum pxs_status status = compare_in(s, &c, options, &made, err);
    pxs_table_finish(&c.runs);
    pxs_groups_finish(&c.in);
    pxs_arena_finish(&c.arena);
    if (status != PXS_OK)
        pxs_comparison_finish(&made);
    else
        *out = made;
    return status;
}

void pxs_comparison_finish(struct pxs_comparison *comparison) {
    pxs_table_finish(&comparison->table);
    *comparison = (struct pxs_comparison){0};
}

static void put_heading(struct pxs_text *out, const struct pxs_comparison *c) {
    const size_t rows = c->table.n_rows;
    pxs_text_addf(out, "%s: %zu run%s in %zu group%s, best mean first\n\n", c->sweep, c->n_runs,
                  c->n_runs == 1 ? "" : "s", rows, rows == 1 ? "" : "s");
}

static void put_footing(struct pxs_text *out, const struct pxs_comparison *c) {
    if (c->kernels[0] != '\0')
        pxs_text_addf(out, "\nruns of different kernels (%s): small differences may be theirs\n", c->kernels);
    if (c->n_failed + c->n_open == 0)
        return;
    pxs_text_addf(out, "\n%zu of %zu runs count: ", c->n_completed, c->n_runs);
    if (c->n_failed > 0)
        pxs_text_addf(out, "%zu failed or diverged", c->n_failed);
    if (c->n_open > 0)
        pxs_text_addf(out, "%s%zu not completed yet", c->n_failed > 0 ? ", " : "", c->n_open);
    if (c->n_stale > 0)
        pxs_text_addf(out, ", %zu of them stale", c->n_stale);
    pxs_text_addf(out, " (pixsweep ls --sweep %s)\n", c->sweep);
}

enum pxs_status pxs_report_compare(struct pxs_store *s, const struct pxs_compare_options *options,
                                   enum pxs_format format, int width, struct pxs_text *out,
                                   struct pxs_error *err) {
    struct pxs_comparison c = {0};
    PXS_TRY(pxs_compare(s, options, &c, err));
    if (format == PXS_FORMAT_TABLE)
        put_heading(out, &c);
    const enum pxs_status status = pxs_report_table(&c.table, c.columns, format, width, out, err);
    if (format == PXS_FORMAT_TABLE)
        put_footing(out, &c);
    pxs_comparison_finish(&c);
    return status != PXS_OK ? status : pxs_text_status(out, err);
}
