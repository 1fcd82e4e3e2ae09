/* compare --effects: runs that share all else and the seed stand in one block; what differs within
 * blocks is the effect. */
#include "effects_priv.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sorting {
    const struct effects *e;
    const bool *beneath;
    const size_t *level_of;
};

/* By all else. */
static int compare_settings(const struct sorting *s, size_t a, size_t b) {
    for (size_t k = 0; k < s->e->c.in.n_keys; k++) {
        const size_t x = s->e->codes[k][a], y = s->e->codes[k][b];
        if (!s->beneath[k] && x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static int by_block(const void *a, const void *b, void *user) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    const struct sorting *s = user;
    const int order = compare_settings(s, x, y);
    if (order != 0)
        return order;
    const size_t *seeds = s->e->seeds, *levels = s->level_of;
    if (seeds[x] != seeds[y])
        return seeds[x] < seeds[y] ? -1 : 1;
    if (levels[x] != levels[y])
        return levels[x] < levels[y] ? -1 : 1;
    return (x > y) - (x < y);
}

enum pxs_status pxs_effects_blocks(const struct effects *e, const bool *beneath,
                                   const size_t *level_of, size_t n_levels, struct pxs_arena *arena,
                                   struct blocks *out, struct pxs_error *err) {
    const size_t runs = e->c.in.n_runs;
    struct sorting sorting = {e, beneath, level_of};
    struct blocks b = {.n_levels = n_levels};
    size_t *order = pxs_arena_alloc(arena, (runs + 1) * sizeof *order), n = 0, setting = 0;
    if (!order)
        return pxs_fail_nomem(err);
    for (size_t run = 0; run < runs; run++) {
        if (level_of[run] != NO_LEVEL && !e->imported[run])
            order[n++] = run;
    }
    qsort_r(order, n, sizeof *order, by_block, &sorting);

    b.setting = pxs_arena_alloc(arena, (n + 1) * sizeof *b.setting);
    b.seed = pxs_arena_alloc(arena, (n + 1) * sizeof *b.seed);
    b.y = pxs_arena_alloc(arena, (n * n_levels + 1) * sizeof *b.y);
    b.planned = pxs_arena_alloc(arena, n * n_levels + 1);
    b.spared = pxs_arena_alloc(arena, n * n_levels + 1);
    if (!b.setting || !b.seed || !b.y || !b.planned || !b.spared)
        return pxs_fail_nomem(err);
    for (size_t i = 0, end; i < n; i = end) {
        const size_t first = order[i];
        setting += i > 0 && compare_settings(&sorting, order[i - 1], first) != 0;
        for (end = i; end < n && compare_settings(&sorting, first, order[end]) == 0 &&
                      e->seeds[order[end]] == e->seeds[first];)
            end++;
        double *y = &b.y[b.n * n_levels];
        b.setting[b.n] = setting;
        b.seed[b.n] = e->seeds[first];
        for (size_t v = 0; v < n_levels; v++)
            y[v] = NAN;
        /* the runs of one level, next to each other */
        for (size_t from = i, to; from < end; from = to) {
            double sum = 0;
            const size_t level = level_of[order[from]];
            for (to = from; to < end && level_of[order[to]] == level; to++) {
                sum += pxs_effects_value(e, order[to]);
                b.spared[b.n * n_levels + level] |= pxs_effects_spared(e, order[to]);
            }
            y[level] = sum / (double)(to - from); /* NaN where one has no value */
            b.planned[b.n * n_levels + level] = true;
        }
        b.n++;
    }
    *out = b;
    return PXS_OK;
}

/* ---- effects -------------------------------------------------------------------------------- */

enum pxs_status pxs_effects_contrast(const struct blocks *b, size_t ids, size_t a_level,
                                     size_t b_level, struct line *line, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    double *z = pxs_arena_alloc(&arena, (2 * b->n + 1) * sizeof *z), largest = 0, sum = 0;
    size_t *setting = pxs_arena_alloc(&arena, (b->n + 1) * sizeof *setting),
           *seed = pxs_arena_alloc(&arena, (b->n + 1) * sizeof *seed), n = 0;
    struct pxs_difference *d = &line->d;
    enum pxs_status status = z && setting && seed ? PXS_OK : pxs_fail_nomem(err);
    line->missing = line->spared = 0;
    for (size_t i = 0; status == PXS_OK && i < b->n; i++) {
        const size_t at = i * b->n_levels;
        const double x = b->y[at + a_level], y = b->y[at + b_level];
        if (isnan(x) || isnan(y)) {
            if (b->planned[at + a_level] && b->planned[at + b_level])
                *(b->spared[at + a_level] || b->spared[at + b_level] ? &line->spared
                                                                     : &line->missing) += 1;
            continue;
        }
        z[2 * n] = (x - y) / 2;
        z[2 * n + 1] = (y - x) / 2;
        setting[n] = b->setting[i];
        seed[n++] = b->seed[i];
        sum += y - x;
        largest = fmax(largest, fmax(fabs(x), fabs(y)));
    }
    *d = (struct pxs_difference){
        .mean = NAN, .std = NAN, .low = NAN, .high = NAN, .p = NAN, .p_holm = NAN, .df = NAN};
    if (status == PXS_OK)
        status = pxs_block_test(z, n, 2, 1, setting, seed, ids, largest, &line->test, err);
    pxs_arena_finish(&arena);
    PXS_TRY(status);
    d->n_a = d->n_b = n;
    if (n > 0)
        d->mean = fabs(sum) / (double)n > 4 * DBL_EPSILON * largest ? sum / (double)n : 0;
    d->no_spread = line->test.no_spread;
    d->p = line->test.p;
    if (line->test.error == PXS_ERROR_NONE || d->no_spread)
        return PXS_OK;
    d->design = PXS_DESIGN_PAIRED;
    d->df = line->test.df2;
    d->std = sqrt(2 * line->test.mean_square); /* of one pair's difference */
    const double half = pxs_student_critical(PXS_ALPHA, d->df) * d->std / sqrt((double)n);
    d->low = d->mean - half;
    d->high = d->mean + half;
    return PXS_OK;
}

/* Blocks that have all of the wanted levels (rows x columns of them; columns 1: no interaction), as
 * effects. */
static enum pxs_status test_all(const struct blocks *b, size_t ids, const size_t *rows,
                                size_t n_rows, const size_t *columns, size_t n_columns,
                                size_t stride, struct line *line, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    const size_t width = n_rows * n_columns;
    double *z = pxs_arena_alloc(&arena, (b->n * width + 1) * sizeof *z), largest = 0,
           *row_mean = pxs_arena_alloc(&arena, (n_rows + 1) * sizeof *row_mean),
           *column_mean = pxs_arena_alloc(&arena, (n_columns + 1) * sizeof *column_mean);
    size_t *setting = pxs_arena_alloc(&arena, (b->n + 1) * sizeof *setting),
           *seed = pxs_arena_alloc(&arena, (b->n + 1) * sizeof *seed), n = 0;
    enum pxs_status status =
        z && row_mean && column_mean && setting && seed ? PXS_OK : pxs_fail_nomem(err);
    for (size_t i = 0; status == PXS_OK && i < b->n; i++) {
        double *at = &z[n * width], mean = 0;
        bool whole = true, planned = true, spared = false;
        for (size_t r = 0; r < n_rows; r++)
            row_mean[r] = 0;
        for (size_t k = 0; k < n_columns; k++)
            column_mean[k] = 0;
        for (size_t r = 0; r < n_rows; r++) {
            for (size_t k = 0; k < n_columns; k++) {
                const size_t from = i * b->n_levels + rows[r] * stride + (columns ? columns[k] : 0);
                const double y = b->y[from];
                whole = whole && !isnan(y);
                planned = planned && b->planned[from];
                spared = spared || b->spared[from];
                at[r * n_columns + k] = y;
                mean += y / (double)width;
                row_mean[r] += y / (double)n_columns;
                column_mean[k] += y / (double)n_rows;
            }
        }
        line->missing += planned && !whole && !spared;
        line->spared += planned && !whole && spared;
        for (size_t v = 0; whole && v < width; v++) {
            largest = fmax(largest, fabs(at[v]));
            at[v] -= columns ? row_mean[v / n_columns] + column_mean[v % n_columns] - mean : mean;
        }
        setting[n] = b->setting[i];
        seed[n] = b->seed[i];
        n += whole;
    }
    const double df = (double)(n_rows - 1) * (columns ? (double)(n_columns - 1) : 1);
    if (status == PXS_OK)
        status = pxs_block_test(z, n, width, df, setting, seed, ids, largest, &line->test, err);
    line->d.n_a = line->d.n_b = n;
    line->d.p = line->test.p;
    line->d.no_spread = line->test.no_spread;
    pxs_arena_finish(&arena);
    return status;
}

/* The levels of which some run counts. */
static size_t measured_levels(const struct factor *f, size_t *levels) {
    size_t n = 0;
    for (size_t i = 0; i < f->n_levels; i++) {
        if (f->levels[i].counted > 0)
            levels[n++] = i;
    }
    return n;
}

enum pxs_status pxs_effects_paired(struct effects *e, const struct factor *f,
                                   struct pxs_error *err) {
    struct blocks b;
    size_t *levels = pxs_arena_alloc(&e->arena, (f->n_levels + 1) * sizeof *levels);
    if (!levels)
        return pxs_fail_nomem(err);
    PXS_TRY(pxs_effects_blocks(e, f->beneath, f->level_of, f->n_levels, &e->arena, &b, err));
    for (size_t level = 0; level < f->n_levels; level++) {
        if (level == f->reference)
            continue;
        struct line *line = pxs_effects_line(e, LINE_EFFECT, f);
        line->level = level;
        PXS_TRY(pxs_effects_contrast(&b, e->c.in.n_runs, f->reference, level, line, err));
    }
    const size_t n = measured_levels(f, levels);
    if (f->n_levels < 3 || n < 3)
        return PXS_OK;
    return test_all(&b, e->c.in.n_runs, levels, n, NULL, 1, 1, pxs_effects_line(e, LINE_OVERALL, f),
                    err);
}

enum pxs_status pxs_effects_interaction(struct effects *e, const struct factor *f,
                                        const struct factor *g, struct pxs_error *err) {
    const size_t runs = e->c.in.n_runs, keys = e->c.in.n_keys;
    bool *beneath = pxs_arena_alloc(&e->arena, keys + 1);
    size_t *level_of = pxs_arena_alloc(&e->arena, (runs + 1) * sizeof *level_of),
           *rows = pxs_arena_alloc(&e->arena, (f->n_levels + 1) * sizeof *rows),
           *columns = pxs_arena_alloc(&e->arena, (g->n_levels + 1) * sizeof *columns);
    if (!beneath || !level_of || !rows || !columns)
        return pxs_fail_nomem(err);
    for (size_t k = 0; k < keys; k++)
        beneath[k] = f->beneath[k] || g->beneath[k];
    if (f->beneath[g->key] || g->beneath[f->key])
        return PXS_OK; /* one has an effect only under some value of the other */
    for (size_t run = 0; run < runs; run++)
        level_of[run] = f->level_of[run] == NO_LEVEL || g->level_of[run] == NO_LEVEL
                            ? NO_LEVEL
                            : f->level_of[run] * g->n_levels + g->level_of[run];
    struct blocks b;
    PXS_TRY(
        pxs_effects_blocks(e, beneath, level_of, f->n_levels * g->n_levels, &e->arena, &b, err));
    const size_t n_rows = measured_levels(f, rows), n_columns = measured_levels(g, columns);
    if (n_rows < 2 || n_columns < 2)
        return PXS_OK;
    struct line *line = pxs_effects_line(e, LINE_INTERACTION, f);
    line->with = g;
    line->blocks = b;
    return test_all(&b, runs, rows, n_rows, columns, n_columns, g->n_levels, line, err);
}
