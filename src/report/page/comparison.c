/* The comparison's table on a page: of all its columns those that answer the question and have something to say. */
#include "page_priv.h"

#include <string.h>

static const struct {
    const char *name, *title; /* NULL: as in the comparison */
} wanted[] = {
    {"n", NULL},
    {"failed", NULL},
    {"pruned", NULL},
    {"open", NULL},
    {"best_val_loss_mean", "best val"},
    {"best_val_loss_std", NULL},
    {"best_val_loss_ci_low", NULL},
    {"best_val_loss_ci_high", NULL},
    {"best_epoch", "at epoch"},
    {"final_val_loss_mean", "final val"},
    {"final_val_loss_std", NULL},
    {"val_auc_mean", NULL},
    {"val_psnr_mean", NULL},
    {"val_ssim_mean", NULL},
    {"final_avg_loss_G_mean", NULL},
    {"lr_G_first", NULL},
    {"lr_G_last", NULL},
    {"lr_G_ratio", NULL},
    {"seconds", NULL},
    {"D_real_mean", NULL},
    {"D_fake_mean", NULL},
};

static size_t find_column(const struct pxs_table *t, const char *name) {
    size_t i = 0;
    while (i < t->n_columns && strcmp(t->columns[i], name) != 0)
        i++;
    return i;
}

/* Nothing in any row, or a count that is 0 in all (n stays). */
static bool says_nothing(const struct pxs_table *t, size_t column) {
    const bool count = strcmp(t->columns[column], "n") != 0;
    for (size_t row = 0; row < t->n_rows; row++) {
        const struct pxs_cell *cell = &t->cells[row * t->n_columns + column];
        if (cell->kind == PXS_CELL_TEXT || cell->kind == PXS_CELL_REAL ||
            (cell->kind == PXS_CELL_INT && (cell->integer != 0 || !count)))
            return false;
    }
    return true;
}

/* Places of the columns that the page shows: the keys, then what is wanted. */
static size_t choose(const struct pxs_comparison *c, size_t *places) {
    size_t n = 0;
    for (; n < c->n_keys; n++)
        places[n] = n;
    for (size_t i = 0; i < PXS_COUNT(wanted); i++) {
        const size_t column = find_column(&c->table, wanted[i].name);
        if (strcmp(wanted[i].name, "final_avg_loss_G_mean") == 0 &&
            strcmp(c->metric, "final_avg_loss_G") != 0)
            continue; /* of another schedule it says nothing about the pictures; it stands in where nothing was validated */
        if (column < c->table.n_columns && pxs_sql_has_measure(wanted[i].name) &&
            !says_nothing(&c->table, column))
            places[n++] = column;
    }
    return n;
}

static const char *title_of(const struct pxs_comparison *c, size_t place) {
    for (size_t i = 0; i < PXS_COUNT(wanted); i++) {
        if (place >= c->n_keys && strcmp(wanted[i].name, c->table.columns[place]) == 0 &&
            wanted[i].title != NULL)
            return wanted[i].title;
    }
    return c->columns[place].title;
}

static void put_words(struct pxs_page *p) {
    pxs_text_add(
        p->out,
        "<p class=\"hint\">Over the completed runs of each configuration. Of losses less is better, of "
        "PSNR and SSIM more. Epochs count from 0. Press a heading to sort.</p>\n");
}

/* ---- differences ------------------------------------------------------------------------------------------ */

/* Configurations that are compared with the first seed by seed; 0 where one can only be compared by means, which stand above. */
static size_t count_pairs(const struct pxs_comparison *c) {
    const size_t design = find_column(&c->table, "vs_best_design");
    size_t n = 0;
    for (size_t row = 1; row < c->table.n_rows && design < c->table.n_columns; row++) {
        const char *text = c->table.cells[row * c->table.n_columns + design].text;
        if (text != NULL && strcmp(text, "welch") == 0)
            return 0;
        n += text != NULL && strcmp(text, "paired") == 0;
    }
    return n;
}

static enum pxs_status fill_differences(const struct pxs_comparison *c, struct pxs_table *t,
                                        size_t *configurations, struct pxs_error *err) {
    size_t row = 0;
    size_t places[64];
    for (size_t i = 0; i < t->n_columns && i < PXS_COUNT(places); i++) {
        places[i] = find_column(&c->table, t->columns[i]);
        if (places[i] == c->table.n_columns)
            return pxs_fail(err, PXS_E_INTERNAL, "the comparison has no column %s", t->columns[i]);
    }
    const size_t design = find_column(&c->table, "vs_best_design");
    for (size_t from = 1; from < c->table.n_rows; from++) {
        const struct pxs_cell *cells = &c->table.cells[from * c->table.n_columns];
        if (cells[design].kind == PXS_CELL_NULL || strcmp(cells[design].text, "paired") != 0)
            continue;
        configurations[row] = c->configurations[from];
        for (size_t i = 0; i < t->n_columns; i++)
            pxs_table_set(t, row, i, cells[places[i]]);
        row++;
    }
    return PXS_OK;
}

static void put_differences_table(struct pxs_page *p, const struct pxs_table *t,
                                  const struct pxs_column *columns, const size_t *configurations) {
    struct pxs_text sql = {0};
    pxs_html_put_table(
        p->out, t,
        &(struct pxs_html_table){.id = "differences-table",
                                 .caption = "Difference from the first, run by run of the same seed",
                                 .columns = columns,
                                 .configurations = configurations,
                                 .sql = "sql-differences"});
    pxs_text_add(
        p->out,
        "<p class=\"hint\">This configuration minus the first one, with the 95 % t interval of the mean "
        "difference: an interval that holds 0 separates nothing. Each is for one comparison by itself; the "
        "answer's "
        "p is corrected for all of them, and follows by Student's t, which SQL does not have.</p>\n");
    pxs_sql_differences(&sql, p);
    p->out->failed = p->out->failed || sql.failed;
    pxs_page_put_sql(p, "sql-differences", "SQL: the differences", pxs_text_str(&sql));
    pxs_text_finish(&sql);
}

static enum pxs_status put_differences(struct pxs_page *p, struct pxs_arena *arena, struct pxs_error *err) {
    static const char *const measures[] = {"vs_best_n", "vs_best_diff", "vs_best_ci_low", "vs_best_ci_high"};
    static const struct pxs_column looks[] = {{"pairs", PXS_SHOW_PLAIN},
                                              {"difference", PXS_SHOW_FIXED},
                                              {"95 % low", PXS_SHOW_FIXED},
                                              {"high", PXS_SHOW_TO}};
    const struct pxs_comparison *c = &p->comparison;
    const size_t rows = count_pairs(c), n = c->n_keys + PXS_COUNT(measures);
    struct pxs_table t = {0};
    if (rows == 0 || p->options->by != NULL)
        return PXS_OK;
    const char **names = pxs_arena_alloc(arena, n * sizeof *names);
    struct pxs_column *columns = pxs_arena_alloc(arena, n * sizeof *columns);
    size_t *configurations = pxs_arena_alloc(arena, rows * sizeof *configurations);
    if (names == NULL || columns == NULL || configurations == NULL)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        names[i] = i < c->n_keys ? c->table.columns[i] : measures[i - c->n_keys];
        columns[i] = i < c->n_keys ? c->columns[i] : looks[i - c->n_keys];
    }
    PXS_TRY(pxs_table_make(&t, names, n, rows, err));
    const enum pxs_status status = fill_differences(c, &t, configurations, err);
    if (status == PXS_OK)
        put_differences_table(p, &t, columns, configurations);
    pxs_table_finish(&t);
    return status;
}

/* ---- all together ---------------------------------------------------------------------------------------- */

static enum pxs_status put_chosen(struct pxs_page *p, const size_t *places, size_t n, struct pxs_arena *arena,
                                  struct pxs_error *err) {
    const struct pxs_comparison *c = &p->comparison;
    const char **names = pxs_arena_alloc(arena, n * sizeof *names);
    struct pxs_column *columns = pxs_arena_alloc(arena, n * sizeof *columns);
    struct pxs_table shown = {0};
    struct pxs_text sql = {0};
    if (names == NULL || columns == NULL)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        names[i] = c->table.columns[places[i]];
        columns[i] = (struct pxs_column){title_of(c, places[i]), c->columns[places[i]].show};
    }
    PXS_TRY(pxs_table_make(&shown, names, n, c->table.n_rows, err));
    for (size_t row = 0; row < shown.n_rows; row++) {
        for (size_t i = 0; i < n; i++)
            pxs_table_set(&shown, row, i, c->table.cells[row * c->table.n_columns + places[i]]);
    }
    pxs_html_put_table(p->out, &shown,
                       &(struct pxs_html_table){.id = "comparison-table",
                                                .caption = "Configurations, best mean first",
                                                .columns = columns,
                                                .configurations = c->configurations,
                                                .sql = "sql-comparison"});
    put_words(p);
    pxs_sql_comparison(&sql, p, names, n);
    p->out->failed = p->out->failed || sql.failed;
    pxs_page_put_sql(p, "sql-comparison", "SQL: the comparison", pxs_text_str(&sql));
    pxs_text_finish(&sql);
    pxs_table_finish(&shown);
    return PXS_OK;
}

enum pxs_status pxs_page_put_comparison(struct pxs_page *p, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    size_t *places = pxs_arena_alloc(&arena, (p->comparison.n_keys + PXS_COUNT(wanted)) * sizeof *places);
    enum pxs_status status = places == NULL
                                 ? pxs_fail_nomem(err)
                                 : put_chosen(p, places, choose(&p->comparison, places), &arena, err);
    if (status == PXS_OK)
        status = put_differences(p, &arena, err);
    pxs_arena_finish(&arena);
    return status;
}
