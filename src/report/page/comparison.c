/* The comparison's table on a page: of all its columns those that answer the question and have
 * something to say. */
#include "page_priv.h"

#include <inttypes.h>
#include <string.h>

/* In their order on the page. What answers the question comes first and is always there; the rest
 * unfolds. Measures of epochs follow from their table. */
#define MEAN(metric) {#metric "_mean", NULL, true},
#define NONE(metric)
#define BEST_BEST MEAN
#define BEST_LAST NONE
#define BEST_LARGEST NONE
#define BEST_NOTHING NONE
#define REST_BEST NONE
#define REST_LAST MEAN
#define REST_LARGEST MEAN
#define REST_NOTHING NONE
#define BEST_OF(name, how, of, metric, since, unit, better, run, ...) BEST_##run(metric)
#define REST_OF(name, how, of, metric, since, unit, better, run, ...) REST_##run(metric)
static const struct {
    const char *name, *title; /* NULL: as in the comparison */
    bool rest;
} wanted[] = {{"n", NULL, false},
              {"failed", NULL, false},
              {"pruned", NULL, false},
              {"open", NULL, false},
              {"best_val_loss_mean", "best val", false},
              {"best_val_loss_std", NULL, false},
              {"best_val_loss_ci_low", NULL, false},
              {"best_val_loss_ci_high", NULL, false},
              {"final_avg_loss_G_mean", NULL, false},
              {"final_avg_loss_G_std", NULL, false},
              {"final_avg_loss_G_ci_low", NULL, false},
              {"final_avg_loss_G_ci_high", NULL, false},
              {"vs_best_p_holm", NULL, false},
              {"best_epoch", "at epoch", true},
              {"final_val_loss_mean", "final val", true},
              {"final_val_loss_std", NULL, true},
              {"val_auc_mean", NULL, true},
              PXS_EPOCH_MEASURES(BEST_OF){"lr_G_first", NULL, true},
              {"lr_G_last", NULL, true},
              {"lr_G_ratio", NULL, true},
              {"seconds", NULL, true},
              PXS_EPOCH_MEASURES(REST_OF)};
/* Shown only where it ranks, because nothing was validated: a training loss says little about the
 * pictures. */
static const char stand_in[] = "final_avg_loss_G";

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

/* The columns of a table of the page: places in the comparison's table, and how they look. */
struct choice {
    size_t n;
    size_t *places;
    const char **names;
    struct pxs_column *columns;
    bool *folded;
};

static bool make_choice(struct choice *choice, size_t most, struct pxs_arena *arena) {
    *choice = (struct choice){.places = pxs_arena_alloc(arena, most * sizeof *choice->places),
                              .names = pxs_arena_alloc(arena, most * sizeof *choice->names),
                              .columns = pxs_arena_alloc(arena, most * sizeof *choice->columns),
                              .folded = pxs_arena_alloc(arena, most * sizeof *choice->folded)};
    return choice->places && choice->names && choice->columns && choice->folded;
}

static void add_column(struct choice *choice, const struct pxs_comparison *c, size_t place,
                       const char *title, bool folded) {
    const size_t i = choice->n++;
    choice->places[i] = place;
    choice->names[i] = c->table.columns[place];
    choice->columns[i] = c->columns[place];
    if (title)
        choice->columns[i].title = title;
    choice->folded[i] = folded;
}

static void choose_words(struct choice *choice, const struct pxs_comparison *c) {
    const size_t words = find_column(&c->table, "configuration");
    if (words < c->table.n_columns)
        add_column(choice, c, words, NULL, false);
}

static void choose_keys(struct choice *choice, const struct pxs_comparison *c) {
    for (size_t k = 0; k < c->n_keys; k++)
        add_column(choice, c, k, NULL, true);
}

/* Of the metric that ranks, which never folds away. */
static bool ranks(const struct pxs_comparison *c, const char *name) {
    const size_t length = strlen(c->metric);
    return strncmp(name, c->metric, length) == 0 &&
           (name[length] == '\0' || strcmp(name + length, "_mean") == 0 ||
            strcmp(name + length, "_std") == 0);
}

static void choose_wanted(struct choice *choice, const struct pxs_comparison *c, bool rest) {
    for (size_t i = 0; i < PXS_COUNT(wanted); i++) {
        const char *name = wanted[i].name;
        const size_t column = find_column(&c->table, name);
        if ((wanted[i].rest && !ranks(c, name)) != rest ||
            (strncmp(name, stand_in, strlen(stand_in)) == 0 && strcmp(c->metric, stand_in) != 0))
            continue;
        if (column < c->table.n_columns && !says_nothing(&c->table, column))
            add_column(choice, c, column, wanted[i].title, rest);
    }
}

/* ---- differences ---------------------------------------------------------------------------- */

static enum pxs_status make_differences(struct pxs_page *p, struct pxs_error *err) {
    static const struct {
        const char *name;
        struct pxs_column look;
    } measures[] = {{"vs_best_n", {"pairs", PXS_SHOW_PLAIN}},
                    {"vs_best_diff", {"difference", PXS_SHOW_FIXED}},
                    {"vs_best_ci_low", {"95 % low", PXS_SHOW_FIXED}},
                    {"vs_best_ci_high", {"high", PXS_SHOW_TO}}};
    const struct pxs_comparison *c = &p->comparison;
    struct pxs_shown *shown = &p->shown[PXS_DIFFERENCES];
    struct pxs_arena *arena = &p->arena;
    struct choice choice;

    /* Configurations that are compared with the first seed by seed. None where one can only be
     * compared by means, which stand above. */
    const size_t design = find_column(&c->table, "vs_best_design");
    size_t rows = 0;
    for (size_t row = 1; row < c->table.n_rows && design < c->table.n_columns; row++) {
        const char *text = c->table.cells[row * c->table.n_columns + design].text;
        if (text && strcmp(text, "welch") == 0)
            return PXS_OK;
        rows += text && strcmp(text, "paired") == 0;
    }
    if (rows == 0 || p->options->by)
        return PXS_OK;

    size_t *configurations = pxs_arena_alloc(arena, rows * sizeof *configurations);
    if (!configurations || !make_choice(&choice, 1 + c->n_keys + PXS_COUNT(measures), arena))
        return pxs_fail_nomem(err);
    choose_words(&choice, c);
    for (size_t i = 0; i < PXS_COUNT(measures); i++) {
        const size_t place = find_column(&c->table, measures[i].name);
        if (place == c->table.n_columns)
            return pxs_fail(err, PXS_E_INTERNAL, "the comparison has no column %s",
                            measures[i].name);
        add_column(&choice, c, place, NULL, false);
        choice.columns[choice.n - 1] = measures[i].look;
    }
    choose_keys(&choice, c);

    PXS_TRY(pxs_table_make(&shown->table, choice.names, choice.n, rows, err));
    for (size_t from = 1, row = 0; from < c->table.n_rows; from++) {
        const struct pxs_cell *cells = &c->table.cells[from * c->table.n_columns];
        if (cells[design].kind == PXS_CELL_NULL || strcmp(cells[design].text, "paired") != 0)
            continue;
        configurations[row] = c->configurations[from];
        for (size_t i = 0; i < choice.n; i++)
            pxs_table_set(&shown->table, row, i, cells[choice.places[i]]);
        row++;
    }
    shown->how = (struct pxs_look_of_table){
        .id = "differences-table",
        .caption = "Difference from the first, run by run of the same seed",
        .columns = choice.columns,
        .folded = choice.folded,
        .configurations = configurations,
        .sql = pxs_page_sql_id(PXS_SQL_COMPARISON)};
    return PXS_OK;
}

/* ---- all together --------------------------------------------------------------------------- */

static enum pxs_status make_table(struct pxs_page *p, const struct choice *choice,
                                  struct pxs_error *err) {
    const struct pxs_comparison *c = &p->comparison;
    struct pxs_shown *shown = &p->shown[PXS_COMPARISON];
    const char *caption =
        strcmp(c->metric, "best_val_loss") == 0
            ? "Configurations, best mean first"
            : pxs_arena_printf(&p->arena, "Configurations, best mean %s first", c->metric);
    if (!caption)
        return pxs_fail_nomem(err);
    PXS_TRY(pxs_table_make(&shown->table, choice->names, choice->n, c->table.n_rows, err));
    for (size_t row = 0; row < shown->table.n_rows; row++) {
        for (size_t i = 0; i < choice->n; i++)
            pxs_table_set(&shown->table, row, i,
                          c->table.cells[row * c->table.n_columns + choice->places[i]]);
    }
    shown->how = (struct pxs_look_of_table){.id = "comparison-table",
                                            .caption = caption,
                                            .columns = choice->columns,
                                            .folded = choice->folded,
                                            .configurations = c->configurations,
                                            .sql = pxs_page_sql_id(PXS_SQL_COMPARISON)};
    return PXS_OK;
}

/* The value of each key that makes the configurations, a row a run; nothing where there is one
 * configuration. */
static enum pxs_status make_keys_sql(struct pxs_page *p, struct pxs_error *err) {
    const struct pxs_groups *g = &p->groups;
    struct pxs_text *sql = &p->sql[PXS_SQL_CONFIGURATIONS];
    if (g->n_keys == 0)
        return PXS_OK;
    pxs_text_add(sql, "SELECT r.run_id, r.name, r.state");
    for (size_t k = 0; k < g->n_keys; k++) {
        pxs_text_addf(sql, ",\n  %s AS ", g->sql[k]);
        pxs_sql_name(sql, g->keys[k]);
    }
    const struct pxs_cell sweep = pxs_cell_int(g->sweep_id);
    pxs_page_fill_sql(p, "\nFROM run r\nWHERE r.sweep_id = ?1\nORDER BY r.number, r.run_id;",
                      &sweep, 1, sql);
    return pxs_text_status(sql, err);
}

enum pxs_status pxs_page_make_comparison(struct pxs_page *p, struct pxs_error *err) {
    struct choice choice;
    if (!make_choice(&choice, 1 + p->comparison.n_keys + PXS_COUNT(wanted), &p->arena))
        return pxs_fail_nomem(err);
    choose_words(&choice, &p->comparison);
    choose_wanted(&choice, &p->comparison, false);
    choose_keys(&choice, &p->comparison);
    choose_wanted(&choice, &p->comparison, true);
    pxs_text_add(&p->sql[PXS_SQL_COMPARISON], p->comparison.sql);
    PXS_TRY(pxs_text_status(&p->sql[PXS_SQL_COMPARISON], err));
    PXS_TRY(make_keys_sql(p, err));
    PXS_TRY(make_table(p, &choice, err));
    return make_differences(p, err);
}

void pxs_page_put_comparison(struct pxs_page *p) {
    pxs_html_put_table(p->out, &p->shown[PXS_COMPARISON]);
    pxs_text_add(p->out, "<p class=\"hint\">Over the completed runs of each configuration. Of "
                         "losses less is better, of PSNR and SSIM more. p says how easily luck "
                         "alone makes a difference from the first, "
                         "corrected for all of these comparisons. Epochs count from 0. Press a "
                         "heading to sort.</p>\n");
    if (p->comparison.race_note)
        pxs_text_add(p->out, "<p class=\"hint\">p is of a comparison at a fixed number of seeds, "
                             "without the race: where the two differ, the race decides.</p>\n");
    if (p->shown[PXS_DIFFERENCES].how.id) {
        pxs_html_put_table(p->out, &p->shown[PXS_DIFFERENCES]);
        pxs_text_add(
            p->out, "<p class=\"hint\">This configuration minus the first one, with the "
                    "95 % t interval of the mean difference: an interval that holds 0 separates "
                    "nothing. Each is for "
                    "one comparison by itself; the answer's p is corrected for all of them.</p>\n");
    }
    pxs_text_add(p->out, "<p class=\"hint\">Means, deviations (of the sample) and Student's t are "
                         "computed from what is measured of each run:</p>\n");
    pxs_page_put_sql(p, PXS_SQL_COMPARISON);
    pxs_page_put_sql(p, PXS_SQL_CONFIGURATIONS);
}
