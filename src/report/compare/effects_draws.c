/* compare --effects: keys whose values were drawn. No two runs differ in one of them alone, so each
 * is set against the metric over all draws. */
#include "effects_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One draw: the groups that share the values of all drawn keys. */
struct draw {
    size_t run; /* the first */
    double y;   /* mean over its groups, each the mean over its runs */
    size_t groups;
    bool whole; /* all of its groups have a value */
};

static bool same_draw(const struct effects *e, size_t a, size_t b) {
    for (size_t i = 0; i < e->n_factors; i++) {
        const size_t key = e->factors[i].key;
        if (e->factors[i].drawn && e->codes[key][a] != e->codes[key][b])
            return false;
    }
    return true;
}

static size_t make_draws(const struct effects *e, struct draw *draws) {
    const struct pxs_groups *in = &e->c.in;
    size_t n = 0;
    for (size_t g = 0; g < in->n_groups; g++) {
        double sum = 0;
        size_t runs = 0, at = 0;
        for (size_t run = 0; run < in->n_runs; run++) {
            if (in->group_of[run] != g || !pxs_effects_counts(e, run))
                continue;
            sum += pxs_effects_value(e, run);
            runs++;
        }
        while (at < n && !same_draw(e, draws[at].run, in->first[g]))
            at++;
        if (at == n)
            draws[n++] = (struct draw){.run = in->first[g], .whole = true};
        draws[at].whole = draws[at].whole && runs > 0;
        draws[at].y += runs > 0 ? sum / (double)runs : 0;
        draws[at].groups++;
    }
    for (size_t i = 0; i < n; i++)
        draws[i].y = draws[i].whole ? draws[i].y / (double)draws[i].groups : NAN;
    return n;
}

static enum pxs_status correlate(struct effects *e, struct factor *f, const struct draw *draws,
                                 size_t n, struct pxs_error *err) {
    struct pxs_arena *arena = &e->out->arena;
    struct pxs_scatter *s = &e->out->scatters[e->out->n_scatters++];
    *s = (struct pxs_scatter){.key = pxs_arena_strdup(arena, f->name),
                              .log = f->log,
                              .guessed = f->guessed,
                              .x = pxs_arena_alloc(arena, (n + 1) * sizeof *s->x),
                              .y = pxs_arena_alloc(arena, (n + 1) * sizeof *s->y),
                              .labels = pxs_arena_alloc(arena, (n + 1) * sizeof *s->labels)};
    if (!s->key || !s->x || !s->y || !s->labels)
        return pxs_fail_nomem(err);
    size_t missing = 0;
    for (size_t i = 0; i < n; i++) {
        if (f->level_of[draws[i].run] == NO_LEVEL)
            continue;
        missing += isnan(draws[i].y);
        if (isnan(draws[i].y))
            continue;
        s->x[s->n] = e->c.in.values[f->key].cells[draws[i].run].real;
        s->y[s->n] = draws[i].y;
        s->labels[s->n] = pxs_arena_strdup(arena, e->c.in.labels[e->c.in.group_of[draws[i].run]]);
        if (!s->labels[s->n++])
            return pxs_fail_nomem(err);
    }
    struct line *line = pxs_effects_line(e, LINE_RANK, f);
    line->missing = missing;
    PXS_TRY(pxs_spearman(s->x, s->y, s->n, &line->rank, err));
    line->d.p = line->rank.p;
    s->rank = line->rank;
    f->scatter = s;
    return PXS_OK;
}

/* Words have no order: their draws are compared as two samples. */
static enum pxs_status compare_words(struct effects *e, const struct factor *f,
                                     const struct draw *draws, size_t n, struct pxs_error *err) {
    double *values = pxs_arena_alloc(&e->arena, (2 * n + 1) * sizeof *values);
    if (!values)
        return pxs_fail_nomem(err);
    for (size_t level = 0; level < f->n_levels; level++) {
        size_t count[2] = {0};
        if (level == f->reference)
            continue;
        struct line *line = pxs_effects_line(e, LINE_UNPAIRED, f);
        line->level = level;
        for (size_t i = 0; i < n; i++) {
            const size_t of = f->level_of[draws[i].run];
            const int side = of == level ? 0 : 1;
            if (of != level && of != f->reference)
                continue;
            line->missing += isnan(draws[i].y);
            if (!isnan(draws[i].y))
                values[(size_t)side * n + count[side]++] = draws[i].y;
        }
        pxs_difference_welch(values, count[0], values + n, count[1], &line->d);
    }
    return PXS_OK;
}

enum pxs_status pxs_effects_draws(struct effects *e, struct pxs_error *err) {
    size_t drawn = 0;
    for (size_t i = 0; i < e->n_factors; i++)
        drawn += e->factors[i].drawn;
    struct draw *draws = pxs_arena_alloc(&e->arena, (e->c.in.n_groups + 1) * sizeof *draws);
    e->out->scatters = pxs_arena_alloc(&e->out->arena, (drawn + 1) * sizeof *e->out->scatters);
    if (!draws || !e->out->scatters)
        return pxs_fail_nomem(err);
    const size_t n = drawn > 0 ? make_draws(e, draws) : 0;
    for (size_t i = 0; i < e->n_factors; i++) {
        struct factor *f = &e->factors[i];
        if (f->drawn && f->asked)
            PXS_TRY(f->numeric && f->n_levels > 2 ? correlate(e, f, draws, n, err)
                                                  : compare_words(e, f, draws, n, err));
    }
    return PXS_OK;
}
