/* compare: what the metric does not see. Where runs that it finds equal part, who leads by other
 * metrics, and what happened behind the best epoch. */
#include "compare_priv.h"
#include "compare_texts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- pairs of the first two that are equal in the metric ------------------------------------ */

static enum pxs_status look_at_pair(struct comparing *c, size_t a, size_t b,
                                    struct pxs_error *err) {
    const struct pxs_cell args[] = {pxs_cell_int(c->in.run_ids[a]), pxs_cell_int(c->in.run_ids[b]),
                                    c->until >= 0 ? pxs_cell_int(c->until) : pxs_cell_text(NULL)};
    struct pxs_table t = {0};
    PXS_TRY(pxs_store_select(c->store, pxs_compare_parting_sql, args, PXS_COUNT(args), &t, err));
    c->parting.equal++;
    if (t.n_rows > 0 && t.cells[0].kind == PXS_CELL_INT) {
        if (c->parting.part == 0 || t.cells[0].integer < c->parting.from)
            c->parting.from = t.cells[0].integer;
        c->parting.part++;
    }
    pxs_table_finish(&t);
    return PXS_OK;
}

static bool measured(const struct comparing *c, const struct group *g, size_t run) {
    return c->in.group_of[run] == g->index && pxs_compare_counts(c, run) &&
           !isnan(pxs_compare_value(c, run, c->metric.measure));
}

static enum pxs_status find_parting(struct comparing *c, struct pxs_error *err) {
    const enum measure m = c->metric.measure;
    for (size_t a = 0; a < c->in.n_runs; a++) {
        if (!measured(c, &c->groups[0], a))
            continue;
        for (size_t b = 0; b < c->in.n_runs; b++) {
            if (!measured(c, &c->groups[1], b) || !pxs_compare_is_pair(c, a, b))
                continue;
            c->parting.pairs++;
            if (pxs_compare_value(c, a, m) == pxs_compare_value(c, b, m))
                PXS_TRY(look_at_pair(c, a, b, err));
            break;
        }
    }
    return PXS_OK;
}

/* A metric of the end by which the first two are not level. */
static const struct metric *that_differs(const struct comparing *c) {
    static const enum measure of_the_end[] = {M_final_val_loss, M_final_avg_loss_G};
    for (size_t i = 0; i < PXS_COUNT(of_the_end); i++) {
        const struct metric *m = pxs_metric_of(of_the_end[i]);
        const double x = c->groups[0].stats[m->measure].mean,
                     y = c->groups[1].stats[m->measure].mean;
        if (m->measure != c->metric.measure && !isnan(x - y) && x != y)
            return m;
    }
    return NULL;
}

static bool is_of_best_epoch(enum measure m) {
    return m == M_best_val_loss || m == M_best_epoch || m == M_val_psnr || m == M_val_ssim;
}

void pxs_compare_say_parting(const struct comparing *c, struct pxs_text *out) {
    const struct metric *other = that_differs(c);
    pxs_text_addf(out, "their losses differ from epoch %" PRId64 " on", c->parting.from);
    if (is_of_best_epoch(c->metric.measure))
        pxs_text_add(out, ", after the best epoch");
    pxs_text_addf(out, ", so %s cannot tell them apart", c->metric.name);
    if (other)
        pxs_text_addf(out, " (--metric %s can)", other->name);
}

/* ---- other leaders -------------------------------------------------------------------------- */

/* Whether the metric is the same measure in all ranked groups. */
static bool is_one_measure(const struct comparing *c) {
    for (size_t g = 1; g < c->ranked; g++) {
        if (!pxs_compare_same_loss(c, &c->groups[0], &c->groups[g], false))
            return false;
    }
    return true;
}

/* The group with the best mean, where that is better than the first's; else 0. */
static size_t leader_by(const struct comparing *c, const struct metric *m) {
    size_t best = 0;
    for (size_t g = 1; g < c->ranked; g++) {
        const double mean = c->groups[g].stats[m->measure].mean,
                     least = c->groups[best].stats[m->measure].mean;
        if (m->higher ? mean > least : mean < least)
            best = g;
    }
    return best;
}

void pxs_compare_say_other_leaders(const struct comparing *c, struct pxs_text *out) {
    static const enum measure others[] = {M_best_val_loss, M_final_val_loss, M_val_psnr,
                                          M_val_ssim};
    size_t leaders[PXS_COUNT(others)] = {0}, said = 0;
    for (size_t i = 0; i < PXS_COUNT(others); i++) {
        struct comparing by = *c;
        by.metric = *pxs_metric_of(others[i]);
        if (others[i] != c->metric.measure && is_one_measure(&by))
            leaders[i] = leader_by(c, &by.metric);
    }
    for (size_t i = 0; i < PXS_COUNT(others); i++) {
        const size_t leader = leaders[i];
        if (leader == 0)
            continue;
        pxs_text_addf(out, "; %s%s %sby %s", said == 0 ? "but " : "",
                      pxs_compare_label(c, &c->groups[leader]), said == 0 ? "leads " : "",
                      pxs_metric_of(others[i])->name);
        said++;
        for (size_t k = i + 1; k < PXS_COUNT(others); k++) {
            if (leaders[k] != leader)
                continue;
            pxs_text_addf(out, " and %s", pxs_metric_of(others[k])->name);
            leaders[k] = 0;
        }
    }
}

/* ---- overfitting ---------------------------------------------------------------------------- */

/* `t`: of overfit.sql, in the order of best epochs. */
static enum pxs_status keep_overfit(struct comparing *c, const struct pxs_table *t,
                                    struct pxs_error *err) {
    const size_t n = t->n_rows + 1;
    int64_t *epochs = pxs_arena_alloc(&c->arena, n * sizeof *epochs);
    double sum = 0;
    if (!epochs)
        return pxs_fail_nomem(err);
    for (size_t row = 0; row < t->n_rows; row++) {
        for (size_t run = 0; run < c->in.n_runs; run++) {
            if (c->in.run_ids[run] != pxs_table_at(t, row, "run_id").integer ||
                !pxs_compare_counts(c, run))
                continue;
            epochs[c->overfit.n++] = pxs_table_at(t, row, "best_epoch").integer;
            sum += pxs_table_at(t, row, "risen").real;
        }
    }
    if (c->overfit.n > 0) {
        c->overfit.from = epochs[c->overfit.n / 2] + 1;
        c->overfit.risen = sum / (double)c->overfit.n;
    }
    return PXS_OK;
}

enum pxs_status pxs_compare_look_beyond(struct comparing *c, struct pxs_error *err) {
    const struct pxs_cell args[] = {pxs_cell_int(c->choice->sweeps[0]),
                                    c->until >= 0 ? pxs_cell_int(c->until) : pxs_cell_text(NULL)};
    struct pxs_table t = {0};
    if (c->ranked > 1)
        PXS_TRY(find_parting(c, err));
    PXS_TRY(pxs_choice_select(c->store, c->choice, pxs_compare_overfit_sql, args, PXS_COUNT(args),
                              &t, err));
    const enum pxs_status status = keep_overfit(c, &t, err);
    pxs_table_finish(&t);
    return status;
}
