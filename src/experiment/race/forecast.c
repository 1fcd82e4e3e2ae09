/* What a race may still cost: it is raced many times with imagined seeds. */
#include "pixsweep/race.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RACES_MOST = 400, RACES_LEAST = 20 };
static const double work_most = 2e8; /* multiplications */

/* What the race works on. A row a configuration, max_seeds columns. */
struct work {
    const struct pxs_race_options *o;
    size_t k, columns;
    const double *values, *residuals;
    const bool *made;
    const size_t *shown; /* columns of `residuals` that have any */
    size_t n_shown;
    const struct pxs_race_standing *standing;
    double *drawn; /* values of this race */
    bool *in_race;
    struct pxs_race_verdict *verdicts;
};

static double normal(struct pxs_rng *rng) {
    const double u = 1 - pxs_rng_uniform(rng), v = pxs_rng_uniform(rng);
    return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* A seed of those that are in the race: the residuals of the seeds that there are, weighted by
 * normal numbers, have their covariance. */
static void draw_seed(const struct work *w, size_t seed, double *weights, struct pxs_rng *rng) {
    for (size_t t = 0; t < w->n_shown; t++)
        weights[t] = normal(rng);
    for (size_t c = 0; c < w->k; c++) {
        const struct pxs_race_standing *s = &w->standing[c];
        const size_t at = c * w->columns + seed, finite = s->made - s->diverged;
        const double luck = pxs_rng_uniform(rng);
        if (!w->in_race[c])
            continue;
        w->drawn[at] = w->values[at];
        if (w->made[at])
            continue;
        double sum = 0;
        for (size_t t = 0; t < w->n_shown; t++)
            sum += weights[t] * w->residuals[c * w->columns + w->shown[t]];
        w->drawn[at] = luck < (double)s->diverged / (double)s->made
                           ? PXS_RACE_DIVERGED
                           : s->mean + sum / sqrt((double)(finite - 1));
    }
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One race from `start` to its end; counts in `likely` which runs it still makes. */
static enum pxs_status race(struct work *w, const struct pxs_race_start *start, const int *looks,
                            struct pxs_rng *rng, double *weights, double *likely, double *runs,
                            enum pxs_race_state *end, struct pxs_error *err) {
    struct pxs_race_look look = {.state = start->state};
    int seed = start->judged > 0 ? looks[start->judged - 1] : 0;
    for (size_t i = start->judged; look.state == PXS_RACE_GOES_ON; i++) {
        for (; seed < looks[i]; seed++) {
            draw_seed(w, (size_t)seed, weights, rng);
            for (size_t c = 0; c < w->k; c++) {
                likely[c * w->columns + (size_t)seed] += w->in_race[c];
                *runs += w->in_race[c];
            }
        }
        PXS_TRY(pxs_race_judge(w->o, i, w->k, w->drawn, w->columns, w->in_race, w->verdicts, &look,
                               err));
    }
    *end = look.state;
    return PXS_OK;
}

static enum pxs_status race_often(struct work *w, const struct pxs_race_start *start,
                                  const int *looks, double *likely,
                                  struct pxs_race_standing *standing, struct pxs_race_forecast *out,
                                  struct pxs_error *err) {
    const double each = (double)(w->k * w->columns) * (double)(w->n_shown + 8);
    const size_t n = (size_t)fmin(fmax(work_most / each, RACES_LEAST), RACES_MOST);
    double needed[RACES_MOST], *weights = calloc(w->columns, sizeof *weights);
    size_t won = 0, equal = 0, made = 0;
    enum pxs_status status = weights ? PXS_OK : pxs_fail_nomem(err);
    for (size_t at = 0; at < w->k * w->columns; at++)
        made += likely[at] > 0;
    memcpy(w->drawn, w->values, w->k * w->columns * sizeof *w->drawn);
    for (size_t r = 0; r < n && status == PXS_OK; r++) {
        struct pxs_rng rng = pxs_rng_make(1, PXS_STREAM_RACE, (uint32_t)r, 0);
        enum pxs_race_state end = PXS_RACE_OPEN;
        needed[r] = (double)made;
        for (size_t c = 0; c < w->k; c++)
            w->in_race[c] = standing[c].dropped_at == 0;
        status = race(w, start, looks, &rng, weights, likely, &needed[r], &end, err);
        won += end == PXS_RACE_WON;
        equal += end == PXS_RACE_EQUAL;
    }
    free(weights);
    PXS_TRY(status);
    const int before = start->judged > 0 ? looks[start->judged - 1] : 0;
    for (size_t c = 0; c < w->k; c++)
        for (size_t s = 0; s < w->columns; s++) {
            if ((int)s >= before)
                likely[c * w->columns + s] /= (double)n;
            standing[c].seeds += likely[c * w->columns + s];
        }
    for (size_t r = 0; r < n; r++)
        out->runs += needed[r] / (double)n;
    qsort(needed, n, sizeof *needed, by_size);
    out->low = needed[n / 10];
    out->high = needed[n - 1 - n / 10];
    out->won = (double)won / (double)n;
    out->equal = (double)equal / (double)n;
    return PXS_OK;
}

/* Means, counts, and what each value is away from its configuration's mean (0 where there is
 * none). */
static void sum_up(const struct work *w, struct pxs_race_standing *standing, double *residuals,
                   size_t *shown, size_t *n_shown) {
    for (size_t c = 0; c < w->k; c++) {
        struct pxs_race_standing *s = &standing[c];
        const double *own = w->values + c * w->columns;
        double sum = 0;
        *s = (struct pxs_race_standing){.mean = NAN};
        for (size_t i = 0; i < w->columns; i++) {
            s->made += !isnan(own[i]);
            s->diverged += isinf(own[i]) != 0;
            sum += isfinite(own[i]) ? own[i] : 0;
        }
        if (s->made > s->diverged)
            s->mean = sum / (double)(s->made - s->diverged);
        for (size_t i = 0; i < w->columns; i++)
            residuals[c * w->columns + i] = isfinite(own[i]) ? own[i] - s->mean : 0;
    }
    *n_shown = 0;
    for (size_t i = 0; i < w->columns; i++) {
        bool any = false;
        for (size_t c = 0; c < w->k; c++)
            any = any || residuals[c * w->columns + i] != 0;
        if (any)
            shown[(*n_shown)++] = i;
    }
}

enum pxs_status pxs_race_foresee(const struct pxs_race_options *o, size_t k, const double *values,
                                 const bool *made, const struct pxs_race_start *start,
                                 double *likely, struct pxs_race_standing *standing,
                                 struct pxs_race_forecast *out, struct pxs_error *err) {
    int looks[PXS_RACE_LOOKS_MOST];
    size_t n_looks;
    *out = (struct pxs_race_forecast){0};
    PXS_TRY(pxs_race_looks(o, looks, &n_looks, err));
    if (start->judged > n_looks || (start->judged == 0 && start->state != PXS_RACE_GOES_ON) ||
        (start->judged == n_looks && start->state == PXS_RACE_GOES_ON))
        return pxs_fail(err, PXS_E_INTERNAL, "a race is foreseen from look %zu of %zu on",
                        start->judged, n_looks);
    const size_t columns = (size_t)o->max_seeds;
    double *residuals = calloc(k * columns, sizeof *residuals),
           *drawn = calloc(k * columns, sizeof *drawn);
    size_t *shown = calloc(columns, sizeof *shown);
    bool *in_race = malloc(k * sizeof *in_race);
    struct pxs_race_verdict *verdicts = calloc(k, sizeof *verdicts);
    enum pxs_status status = PXS_OK;
    if (!residuals || !drawn || !shown || !in_race || !verdicts) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    struct work w = {.o = o,
                     .k = k,
                     .columns = columns,
                     .values = values,
                     .residuals = residuals,
                     .made = made,
                     .shown = shown,
                     .standing = standing,
                     .drawn = drawn,
                     .in_race = in_race,
                     .verdicts = verdicts};
    sum_up(&w, standing, residuals, shown, &w.n_shown);
    const bool over = start->state != PXS_RACE_GOES_ON;
    const int next = looks[over ? start->judged - 1 : start->judged],
              before = start->judged > 0 ? looks[start->judged - 1] : 0;
    for (size_t c = 0; c < k; c++) {
        const int dropped = start->dropped_at ? start->dropped_at[c] : 0;
        standing[c].dropped_at = dropped > 0 ? looks[dropped - 1] : 0;
        out->racing += dropped == 0;
        out->tell += dropped == 0 && standing[c].made - standing[c].diverged >= 2;
    }
    out->known = over || out->tell == out->racing;
    /* What was made, and else the seeds up to the next look, which are all that can be said. */
    for (size_t c = 0; c < k; c++) {
        const int until = standing[c].dropped_at > 0 ? standing[c].dropped_at
                          : out->known               ? before
                                                     : next;
        for (size_t s = 0; s < columns; s++)
            likely[c * columns + s] = (int)s < until;
    }
    if (out->known)
        status = race_often(&w, start, looks, likely, standing, out, err);
out:
    free(residuals);
    free(drawn);
    free(shown);
    free(in_race);
    free(verdicts);
    return status;
}
