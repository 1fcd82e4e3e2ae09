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
        "<p class=\"hint\">Over the completed runs of each configuration: mean \xc2\xb1 sample standard "
        "deviation, 95 % t interval of the mean. Of losses less is better, of PSNR and SSIM more. "
        "Epochs count from 0. Press a heading to sort.</p>\n");
}

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
    const enum pxs_status status = places == NULL
                                       ? pxs_fail_nomem(err)
                                       : put_chosen(p, places, choose(&p->comparison, places), &arena, err);
    pxs_arena_finish(&arena);
    return status;
}
