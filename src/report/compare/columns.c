/* compare: what of the table stands on a terminal. The numbers that answer the question always do;
 * the rest as far as there is room. */
#include "compare_priv.h"

#include <stdlib.h>
#include <string.h>

/* WIDTH_USUAL: where the width of the terminal is not known. */
enum { WIDTH_USUAL = 100, CHOICES_MOST = 96, KEEP_MOST = 12 };

/* A column of the answer. `keep`: 0 = always; else those with the smallest come first, as long as
 * there is room. A column that is joined to the one before it comes and goes with it. */
struct choice {
    char name[64];
    unsigned keep;
    struct pxs_column column; /* title NULL: as the comparison has it */
};
struct choices {
    struct choice list[CHOICES_MOST];
    size_t n;
};

/* A column stands once: the metric that ranks comes first. */
static void choose(struct choices *to, const char *name, unsigned keep, const char *title,
                   enum pxs_show show) {
    for (size_t i = 0; i < to->n; i++) {
        if (strcmp(to->list[i].name, name) == 0)
            return;
    }
    if (to->n == CHOICES_MOST)
        return;
    struct choice *choice = &to->list[to->n++];
    *choice = (struct choice){.keep = keep, .column = {title, show}};
    snprintf(choice->name, sizeof choice->name, "%s", name);
}

/* mean ± std, and the interval where it is asked for. */
static void choose_metric(struct choices *to, const char *metric, unsigned keep, bool interval) {
    const bool bare = strcmp(metric, "seconds") == 0 || strcmp(metric, "best_epoch") == 0;
    const char *title = metric;
    char name[64];
    for (int m = 0; m < MEASURES; m++) {
        const struct metric *known = pxs_metric_of((enum measure)m);
        if (strcmp(known->name, metric) == 0) {
            title = known->head;
            break;
        }
    }
    snprintf(name, sizeof name, "%s%s", metric, bare ? "" : "_mean");
    choose(to, name, keep, title, PXS_SHOW_FIXED);
    snprintf(name, sizeof name, "%s_std", metric);
    choose(to, name, keep == 0 ? 1 : keep, "std", PXS_SHOW_PLUSMINUS);
    if (!interval)
        return;
    snprintf(name, sizeof name, "%s_ci_low", metric);
    choose(to, name, 2, "95 % low", PXS_SHOW_FIXED);
    snprintf(name, sizeof name, "%s_ci_high", metric);
    choose(to, name, 2, "high", PXS_SHOW_TO);
}

static void choose_columns(struct choices *to, const struct pxs_comparison *c,
                           const struct pxs_compare_options *o) {
    choose(to, "number", 0, "no", PXS_SHOW_PLAIN);
    for (size_t k = 0; k < c->n_keys; k++)
        choose(to, c->table.columns[k], 0, NULL, pxs_show_of_key(c->table.columns[k]));
    choose(to, "n", 0, "n", PXS_SHOW_PLAIN);
    if (c->n_failed > 0)
        choose(to, "failed", 0, "failed", PXS_SHOW_PLAIN);
    if (c->states.of[PXS_STATE_PRUNED] > 0)
        choose(to, "pruned", 0, "pruned", PXS_SHOW_PLAIN);
    if (c->n_open > 0)
        choose(to, "open", 0, "open", PXS_SHOW_PLAIN);
    choose_metric(to, c->metric, 0, true);
    if (o->baseline) {
        choose(to, "vs_baseline_diff", 0, "vs baseline", PXS_SHOW_FIXED);
        choose(to, "vs_baseline_ci_low", 0, "95 % low", PXS_SHOW_FIXED);
        choose(to, "vs_baseline_ci_high", 0, "high", PXS_SHOW_TO);
        choose(to, "vs_baseline_n", 3, "pairs", PXS_SHOW_PLAIN);
        choose(to, "vs_baseline_p_holm", 0, "p", PXS_SHOW_SHORT);
    }
    if (o->target) {
        choose(to, "target_n", 0, "reached", PXS_SHOW_PLAIN);
        choose(to, "target_epoch_mean", 0, "at epoch", PXS_SHOW_PLAIN);
        choose(to, "target_seconds_mean", 0, "after", PXS_SHOW_DURATION);
    }
    if (o->pareto)
        choose(to, "pareto", 0, "front", PXS_SHOW_TICK);
    if (strcmp(c->metric, "best_val_loss") != 0)
        choose_metric(to, "best_val_loss", 5, false);
    if (strcmp(c->metric, "best_val_loss") == 0)
        choose(to, "best_val_loss_min", 8, "min", PXS_SHOW_FIXED);
    choose(to, "best_epoch", 9, "at epoch", PXS_SHOW_SHORT);
    if (strcmp(c->metric, "final_val_loss") != 0)
        choose_metric(to, "final_val_loss", 5, false);
    choose(to, "val_auc_mean", 10, "area", PXS_SHOW_FIXED);
    choose(to, "val_psnr_mean", 11, "PSNR", PXS_SHOW_FIXED);
    choose(to, "val_ssim_mean", 12, "SSIM", PXS_SHOW_FIXED);
    choose(to, "lr_G_first", 7, "lr_G first", PXS_SHOW_PLAIN);
    choose(to, "lr_G_last", 7, "last", PXS_SHOW_ARROW);
    choose(to, "lr_G_ratio", 6, "ratio", PXS_SHOW_RATIO);
    choose(to, "seconds", 4, "time", PXS_SHOW_DURATION);
}

static size_t column_of(const struct pxs_table *t, const struct choice *choice) {
    for (size_t i = 0; i < t->n_columns; i++) {
        if (strcmp(t->columns[i], choice->name) == 0)
            return i;
    }
    return t->n_columns;
}

/* Of a path its last part, where that tells the rows apart as well. */
static void shorten_paths(struct pxs_table *t, size_t column) {
    const char *texts[2];
    for (size_t a = 0; a < t->n_rows; a++) {
        for (size_t b = 0; b < a; b++) {
            const struct pxs_cell *cells[] = {&t->cells[a * t->n_columns + column],
                                              &t->cells[b * t->n_columns + column]};
            for (int i = 0; i < 2; i++)
                texts[i] = cells[i]->kind == PXS_CELL_TEXT ? pxs_path_tail(cells[i]->text) : "";
            if (strcmp(texts[0], texts[1]) == 0 && !pxs_cell_same(cells[0], cells[1]))
                return;
        }
    }
    for (size_t row = 0; row < t->n_rows; row++) {
        const struct pxs_cell cell = t->cells[row * t->n_columns + column];
        if (cell.kind == PXS_CELL_TEXT)
            pxs_table_set(t, row, column, pxs_cell_text(pxs_path_tail(cell.text)));
    }
}

static enum pxs_status lay_out(const struct choices *chosen, const struct pxs_table *from,
                               int width, struct pxs_text *out, struct pxs_error *err) {
    const char *names[CHOICES_MOST];
    struct pxs_column columns[CHOICES_MOST];
    struct pxs_table t = {0};
    for (size_t i = 0; i < chosen->n; i++) {
        names[i] = from->columns[column_of(from, &chosen->list[i])];
        columns[i] = chosen->list[i].column;
    }
    PXS_TRY(pxs_table_make(&t, names, chosen->n, from->n_rows, err));
    for (size_t i = 0; i < chosen->n; i++) {
        const size_t column = column_of(from, &chosen->list[i]);
        for (size_t row = 0; row < from->n_rows; row++)
            pxs_table_set(&t, row, i, from->cells[row * from->n_columns + column]);
        if (strcmp(names[i], "dataset") == 0 || strcmp(names[i], "init_from") == 0)
            shorten_paths(&t, i);
    }
    const enum pxs_status status = pxs_table_lay_out(&t, columns, width, out, err);
    pxs_table_finish(&t);
    return status;
}

static size_t widest_line(const char *text) {
    size_t widest = 0;
    while (*text != '\0') {
        const size_t bytes = strcspn(text, "\n"), width = pxs_text_width(text, bytes);
        widest = width > widest ? width : widest;
        text += bytes + (text[bytes] == '\n');
    }
    return widest;
}

/* The columns up to `keep`, without those that `dropped` names as too wide (bit k: those of keep
 * k). */
static void select_columns(const struct choices *from, unsigned keep, unsigned dropped,
                           struct choices *to) {
    to->n = 0;
    for (size_t i = 0; i < from->n; i++) {
        if (from->list[i].keep <= keep && (dropped >> from->list[i].keep & 1) == 0)
            to->list[to->n++] = from->list[i];
    }
}

/* Adds what is wanted most as long as it fits. */
static enum pxs_status fit(const struct choices *all, const struct pxs_table *from, size_t room,
                           struct choices *chosen, unsigned *dropped, struct pxs_error *err) {
    struct pxs_text table = {0};
    enum pxs_status status = PXS_OK;
    *dropped = 0;
    for (unsigned keep = 1; keep <= KEEP_MOST && status == PXS_OK; keep++) {
        select_columns(all, keep, *dropped, chosen);
        pxs_text_clear(&table);
        status = lay_out(chosen, from, 0, &table, err);
        if (status == PXS_OK && widest_line(pxs_text_str(&table)) > room)
            *dropped |= 1u << keep;
    }
    select_columns(all, KEEP_MOST, *dropped, chosen);
    pxs_text_finish(&table);
    return status;
}

enum pxs_status pxs_compare_show(const struct pxs_comparison *c,
                                 const struct pxs_compare_options *o, int width,
                                 struct pxs_text *out, struct pxs_text *left_out,
                                 struct pxs_error *err) {
    struct choices *all = calloc(2, sizeof *all);
    unsigned dropped = 0;
    size_t kept = 0;
    if (!all)
        return pxs_fail_nomem(err);
    struct choices *chosen = &all[1];
    choose_columns(all, c, o);

    /* A column without a single value says nothing. */
    const struct pxs_table *t = &c->table;
    for (size_t i = 0; i < all->n; i++) {
        const size_t column = column_of(t, &all->list[i]);
        bool some = false;
        for (size_t row = 0; column < t->n_columns && row < t->n_rows; row++)
            some = some || t->cells[row * t->n_columns + column].kind != PXS_CELL_NULL;
        if (some)
            all->list[kept++] = all->list[i];
    }
    all->n = kept;

    /* As many as fit; where the first of them alone are too wide, long words are cut. */
    enum pxs_status status =
        fit(all, t, (size_t)(width > 0 ? width : WIDTH_USUAL), chosen, &dropped, err);
    if (status == PXS_OK)
        status = lay_out(chosen, t, width, out, err);

    /* The titles of the others; a column that is joined to another one has none of its own. */
    for (size_t i = 0; i < all->n; i++) {
        const struct choice *choice = &all->list[i];
        const enum pxs_show show = choice->column.show;
        if ((dropped >> choice->keep & 1) != 0 && show != PXS_SHOW_PLUSMINUS &&
            show != PXS_SHOW_ARROW && show != PXS_SHOW_TO)
            pxs_text_addf(left_out, "%s%s", left_out->len > 0 ? ", " : "", choice->column.title);
    }
    free(all);
    return status;
}
