/* compare: every number of the answer as one table, a row a configuration. Scripts rely on the
 * names; new columns come last. */
#include "compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum field {
    F_COUNT, /* `which` is the offset of a count */
    F_MEAN,  /* of a measure from here on */
    F_STD,
    F_MIN,
    F_MAX,
    F_LOW,
    F_HIGH,
    F_N,
    F_SHARED, /* what all runs of the group have in common */
    F_RATIO,
    F_DIFFERENCE, /* of a difference from here on; `which` is 0 for the best, 1 for the baseline */
    F_DIFFERENCE_LOW,
    F_DIFFERENCE_HIGH,
    F_DIFFERENCE_N,
    F_DESIGN,
    F_P,
    F_P_HOLM,
    F_NUMBER,
    F_LABEL,
    F_FRONT,
    F_UNTIL
};
struct output {
    const char *name;
    struct pxs_column column;
    enum field field;
    size_t which; /* measure, offset of a count, or which difference */
};

#define COUNT_OF(member) F_COUNT, offsetof(struct group, member)
#define SPREAD(name, measure)                                           \
    {name "_std", {"std", PXS_SHOW_PLUSMINUS}, F_STD, measure},         \
        {name "_ci_low", {"95 % low", PXS_SHOW_FIXED}, F_LOW, measure}, \
        {name "_ci_high", {"high", PXS_SHOW_TO}, F_HIGH, measure},      \
        {name "_min", {"min", PXS_SHOW_FIXED}, F_MIN, measure}, {       \
        name "_max", {"max", PXS_SHOW_FIXED}, F_MAX, measure            \
    }
#define DIFFERENCE(name, title, which)                                           \
    {name "_diff", {title, PXS_SHOW_FIXED}, F_DIFFERENCE, which},                \
        {name "_ci_low", {"95 % low", PXS_SHOW_FIXED}, F_DIFFERENCE_LOW, which}, \
        {name "_ci_high", {"high", PXS_SHOW_TO}, F_DIFFERENCE_HIGH, which},      \
        {name "_n", {"n", PXS_SHOW_PLAIN}, F_DIFFERENCE_N, which},               \
        {name "_design", {"design", PXS_SHOW_PLAIN}, F_DESIGN, which},           \
        {name "_p", {"p", PXS_SHOW_SHORT}, F_P, which}, {                        \
        name "_p_holm", {"p (Holm)", PXS_SHOW_SHORT}, F_P_HOLM, which            \
    }

/* clang-format off */
static const struct output outputs[] = {
    {"n", {"n", PXS_SHOW_PLAIN}, COUNT_OF(counted)},
    {"failed", {"failed", PXS_SHOW_PLAIN}, COUNT_OF(failed)},
    {"open", {"open", PXS_SHOW_PLAIN}, COUNT_OF(open)},
    {"best_val_loss_mean", {"best val", PXS_SHOW_FIXED}, F_MEAN, M_best_val_loss},
    {"best_val_loss_std", {"std", PXS_SHOW_PLUSMINUS}, F_STD, M_best_val_loss},
    {"best_val_loss_min", {"min", PXS_SHOW_FIXED}, F_MIN, M_best_val_loss},
    {"best_epoch", {"at epoch", PXS_SHOW_PLAIN}, F_MEAN, M_best_epoch},
    {"final_val_loss_mean", {"final val", PXS_SHOW_FIXED}, F_MEAN, M_final_val_loss},
    {"final_val_loss_std", {"std", PXS_SHOW_PLUSMINUS}, F_STD, M_final_val_loss},
    {"final_avg_loss_G_mean", {"avg loss_G", PXS_SHOW_FIXED}, F_MEAN, M_final_avg_loss_G},
    {"lr_G_first", {"lr_G first", PXS_SHOW_PLAIN}, F_SHARED, M_lr_first},
    {"lr_G_last", {"last", PXS_SHOW_ARROW}, F_SHARED, M_lr_last},
    {"lr_G_ratio", {"ratio", PXS_SHOW_RATIO}, F_RATIO, 0},
    {"seconds", {"time", PXS_SHOW_DURATION}, F_MEAN, M_seconds},
    {"number", {"no", PXS_SHOW_PLAIN}, F_NUMBER, 0},
    {"configuration", {"configuration", PXS_SHOW_PLAIN}, F_LABEL, 0},
    {"diverged", {"diverged", PXS_SHOW_PLAIN}, COUNT_OF(states.of[PXS_STATE_DIVERGED])},
    {"pruned", {"pruned", PXS_SHOW_PLAIN}, COUNT_OF(states.of[PXS_STATE_PRUNED])},
    {"imported", {"imported", PXS_SHOW_PLAIN}, COUNT_OF(imported)},
    {"best_val_loss_ci_low", {"95 % low", PXS_SHOW_FIXED}, F_LOW, M_best_val_loss},
    {"best_val_loss_ci_high", {"high", PXS_SHOW_TO}, F_HIGH, M_best_val_loss},
    {"best_val_loss_max", {"max", PXS_SHOW_FIXED}, F_MAX, M_best_val_loss},
    {"final_val_loss_ci_low", {"95 % low", PXS_SHOW_FIXED}, F_LOW, M_final_val_loss},
    {"final_val_loss_ci_high", {"high", PXS_SHOW_TO}, F_HIGH, M_final_val_loss},
    {"final_val_loss_min", {"min", PXS_SHOW_FIXED}, F_MIN, M_final_val_loss},
    {"final_val_loss_max", {"max", PXS_SHOW_FIXED}, F_MAX, M_final_val_loss},
    {"val_auc_mean", {"val area", PXS_SHOW_FIXED}, F_MEAN, M_val_auc},
    SPREAD("val_auc", M_val_auc),
    {"val_psnr_mean", {"PSNR", PXS_SHOW_FIXED}, F_MEAN, M_val_psnr},
    SPREAD("val_psnr", M_val_psnr),
    {"val_ssim_mean", {"SSIM", PXS_SHOW_FIXED}, F_MEAN, M_val_ssim},
    SPREAD("val_ssim", M_val_ssim),
    SPREAD("final_avg_loss_G", M_final_avg_loss_G),
    SPREAD("best_epoch", M_best_epoch),
    SPREAD("seconds", M_seconds),
    {"D_real_mean", {"D(real)", PXS_SHOW_FIXED}, F_MEAN, M_D_real},
    {"D_fake_mean", {"D(fake)", PXS_SHOW_FIXED}, F_MEAN, M_D_fake},
    {"target_n", {"reached by", PXS_SHOW_PLAIN}, F_N, M_target_epoch},
    {"target_epoch_mean", {"at epoch", PXS_SHOW_PLAIN}, F_MEAN, M_target_epoch},
    {"target_seconds_mean", {"after", PXS_SHOW_DURATION}, F_MEAN, M_target_seconds},
    DIFFERENCE("vs_best", "vs best", 0),
    DIFFERENCE("vs_baseline", "vs baseline", 1),
    {"pareto", {"front", PXS_SHOW_PLAIN}, F_FRONT, 0},
    {"until_epoch", {"until epoch", PXS_SHOW_PLAIN}, F_UNTIL, 0},
};
/* Columns of measures that came later; a measure whose mean stands above has none of these. */
static const struct output later[] = {
#define ALL(metric, head) {#metric "_mean", {head, PXS_SHOW_FIXED}, F_MEAN, M_##metric}, SPREAD(#metric, M_##metric),
#define MEASURE_NOTHING(metric, head)
#define MEASURE_BEST(metric, head) ALL(metric, head)
#define MEASURE_LAST(metric, head) ALL(metric, head)
#define MEASURE_LARGEST(metric, head) ALL(metric, head)
#define OF_EPOCHS(name, how, of, metric, since, unit, better, run, rank, show, head, ...) MEASURE_##run(metric, head)
    PXS_EPOCH_MEASURES(OF_EPOCHS)
};
/* clang-format on */

struct outputs {
    const struct output *list[PXS_COUNT(outputs) + PXS_COUNT(later)];
    size_t n;
};

static struct pxs_cell real(double value) {
    return isnan(value) ? pxs_cell_text(NULL) : pxs_cell_real(value);
}

/* A rate that all runs of the group share. */
static double shared(const struct pxs_stats *stats) {
    return stats->n > 0 && stats->min == stats->max ? stats->min : NAN;
}

static struct pxs_cell stats_cell(const struct pxs_stats *s, enum field field) {
    const double values[] = {[F_MEAN] = s->mean, [F_STD] = s->std, [F_MIN] = s->min,
                             [F_MAX] = s->max,   [F_LOW] = s->low, [F_HIGH] = s->high};
    if (field == F_N)
        return pxs_cell_int((int64_t)s->n);
    return real(field == F_SHARED ? shared(s) : values[field]);
}

static struct pxs_cell difference_cell(const struct pxs_difference *d, bool has, enum field field) {
    static const char *const designs[] = {"none", "paired", "welch"};
    if (!has)
        return pxs_cell_text(NULL);
    switch (field) {
    case F_DIFFERENCE:
        return real(d->mean);
    case F_DIFFERENCE_LOW:
        return real(d->low);
    case F_DIFFERENCE_HIGH:
        return real(d->high);
    case F_DIFFERENCE_N:
        return pxs_cell_int((int64_t)(d->n_a < d->n_b ? d->n_a : d->n_b));
    case F_DESIGN:
        return pxs_cell_text(designs[d->design]);
    case F_P:
        return real(d->p);
    default:
        return real(d->p_holm);
    }
}

static struct pxs_cell cell_of(const struct group *g, const struct output *o) {
    size_t count;
    switch (o->field) {
    case F_COUNT:
        memcpy(&count, (const char *)g + o->which, sizeof count);
        return pxs_cell_int((int64_t)count);
    case F_RATIO:
        return real(shared(&g->stats[M_lr_last]) / shared(&g->stats[M_lr_first]));
    case F_FRONT:
        return g->has_front ? pxs_cell_int(g->front) : pxs_cell_text(NULL);
    default:
        break;
    }
    if (o->field >= F_DIFFERENCE && o->field <= F_P_HOLM)
        return difference_cell(o->which == 0 ? &g->best : &g->baseline,
                               o->which == 0 ? g->has_best : g->has_baseline, o->field);
    return stats_cell(&g->stats[o->which], o->field);
}

static enum pxs_status put_text(struct pxs_table *t, size_t row, size_t column, const char *text,
                                struct pxs_error *err) {
    const char *copy = pxs_arena_strdup(&t->arena, text);
    if (!copy)
        return pxs_fail_nomem(err);
    pxs_table_set(t, row, column, pxs_cell_text(copy));
    return PXS_OK;
}

/* One row: its keys (of a sweep without any, the sweep's name), then every number. */
static enum pxs_status put_row(const struct comparing *c, const struct outputs *outs,
                               struct pxs_table *t, size_t row, size_t first,
                               struct pxs_error *err) {
    const struct group *g = &c->groups[row];
    for (size_t k = 0; k < c->in.n_keys; k++) {
        const struct pxs_cell cell = c->in.values[k].cells[g->first];
        if (cell.kind == PXS_CELL_TEXT)
            PXS_TRY(put_text(t, row, k, cell.text, err));
        else
            pxs_table_set(t, row, k, cell);
    }
    if (c->in.n_keys == 0)
        PXS_TRY(put_text(t, row, 0, c->in.sweep, err));
    for (size_t i = 0; i < outs->n; i++) {
        const struct output *o = outs->list[i];
        if (o->field == F_LABEL)
            PXS_TRY(put_text(t, row, first + i, c->in.labels[g->index], err));
        else if (o->field == F_NUMBER)
            pxs_table_set(t, row, first + i, pxs_cell_int((int64_t)row + 1));
        else if (o->field == F_UNTIL)
            pxs_table_set(t, row, first + i,
                          c->until >= 0 ? pxs_cell_int(c->until) : pxs_cell_text(NULL));
        else
            pxs_table_set(t, row, first + i, cell_of(g, o));
    }
    return PXS_OK;
}

enum pxs_status pxs_compare_fill(const struct comparing *c, struct pxs_comparison *out,
                                 struct pxs_error *err) {
    const size_t first = c->in.n_keys > 0 ? c->in.n_keys : 1;
    struct pxs_table *t = &out->table;

    /* All of `outputs`, then those of `later` whose measure has no mean among them. */
    struct outputs outs = {.n = 0};
    bool listed[MEASURES] = {false};
    for (size_t i = 0; i < PXS_COUNT(outputs); i++) {
        outs.list[outs.n++] = &outputs[i];
        if (outputs[i].field == F_MEAN)
            listed[outputs[i].which] = true;
    }
    for (size_t i = 0; i < PXS_COUNT(later); i++) {
        if (!listed[later[i].which])
            outs.list[outs.n++] = &later[i];
    }

    /* Names of keys live as long as the table. */
    const char **names = malloc((first + outs.n) * sizeof *names);
    if (!names)
        return pxs_fail_nomem(err);
    names[0] = "sweep";
    memcpy(names, c->in.keys, c->in.n_keys * sizeof *names);
    for (size_t i = 0; i < outs.n; i++)
        names[first + i] = outs.list[i]->name;
    const enum pxs_status status = pxs_table_make(t, names, first + outs.n, c->n_groups, err);
    free(names);
    PXS_TRY(status);
    for (size_t k = 0; k < c->in.n_keys; k++) {
        t->columns[k] = pxs_arena_strdup(&t->arena, c->in.keys[k]);
        if (!t->columns[k])
            return pxs_fail_nomem(err);
    }

    out->n_keys = first;
    out->columns = pxs_arena_alloc(&t->arena, t->n_columns * sizeof *out->columns);
    out->configurations =
        pxs_arena_alloc(&t->arena, (c->n_groups + 1) * sizeof *out->configurations);
    if (!out->columns || !out->configurations)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < outs.n; i++)
        out->columns[first + i] = outs.list[i]->column;
    for (size_t row = 0; row < c->n_groups; row++) {
        PXS_TRY(put_row(c, &outs, t, row, first, err));
        out->configurations[row] = c->groups[row].index;
    }
    return PXS_OK;
}
