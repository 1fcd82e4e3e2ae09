/* Curves for plots: of epochs every value; long series of batches made short, of each bucket of
 * steps the first, lowest, highest and last value stay. */
#include "metrics_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What one bucket has shown so far of one column. Points are in the order of x. */
struct bucket {
    struct pxs_point first, low, high, last, gap;
    bool any, has_gap;
};

struct pxs_decimator {
    size_t n_columns, buckets;
    int64_t steps;          /* that are spread over the buckets */
    size_t at;              /* the bucket that is being filled */
    struct bucket *current; /* of each column */
    struct pxs_point *points;
    size_t *n; /* points of each column so far, at points + column * 5 * buckets */
};

enum { POINTS = 5 }; /* that a bucket may leave */

static void destroy(struct pxs_decimator **decimator) {
    if (!decimator || *decimator == NULL)
        return;
    free((*decimator)->current);
    free((*decimator)->points);
    free((*decimator)->n);
    free(*decimator);
    *decimator = NULL;
}

static enum pxs_status create(size_t n_columns, size_t buckets, struct pxs_decimator **out,
                              struct pxs_error *err) {
    struct pxs_decimator *t = calloc(1, sizeof *t);
    if (!t)
        return pxs_fail_nomem(err);
    t->n_columns = n_columns;
    t->buckets = buckets > 0 ? buckets : 1;
    t->current = calloc(n_columns + 1, sizeof *t->current);
    t->points = calloc(n_columns * POINTS * t->buckets + 1, sizeof *t->points);
    t->n = calloc(n_columns + 1, sizeof *t->n);
    if (!t->current || !t->points || !t->n) {
        destroy(&t);
        return pxs_fail_nomem(err);
    }
    *out = t;
    return PXS_OK;
}

static void restart(struct pxs_decimator *t, int64_t steps) {
    t->steps = steps > 0 ? steps : 1;
    t->at = 0;
    memset(t->current, 0, t->n_columns * sizeof *t->current);
    memset(t->n, 0, t->n_columns * sizeof *t->n);
}

static int by_x(const void *a, const void *b) {
    const struct pxs_point *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

/* The points of a bucket, each once, behind those of the buckets before it. */
static void empty_bucket(struct pxs_decimator *t, size_t column) {
    struct bucket *b = &t->current[column];
    struct pxs_point kept[POINTS];
    size_t n = 0;
    if (b->any) {
        kept[n++] = b->first;
        kept[n++] = b->low;
        kept[n++] = b->high;
        kept[n++] = b->last;
    }
    if (b->has_gap)
        kept[n++] = b->gap;
    qsort(kept, n, sizeof *kept, by_x);
    struct pxs_point *to = t->points + column * POINTS * t->buckets;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || kept[i].x != kept[i - 1].x)
            to[t->n[column]++] = kept[i];
    }
    *b = (struct bucket){0};
}

static void add(struct pxs_decimator *t, int64_t step, double x, const double *values) {
    const double part = (double)step / (double)t->steps * (double)t->buckets;
    const size_t last = t->buckets - 1, bucket = part < 1               ? 0
                                                 : part >= (double)last ? last
                                                                        : (size_t)part;
    if (bucket > t->at) {
        for (size_t c = 0; c < t->n_columns; c++)
            empty_bucket(t, c);
        t->at = bucket;
    }
    for (size_t c = 0; c < t->n_columns; c++) {
        struct bucket *b = &t->current[c];
        const struct pxs_point p = {x, values[c]};
        if (!isfinite(p.y)) {
            b->gap = b->has_gap ? b->gap : (struct pxs_point){x, NAN};
            b->has_gap = true;
            continue;
        }
        if (!b->any)
            b->first = b->low = b->high = p;
        if (p.y < b->low.y)
            b->low = p;
        if (p.y > b->high.y)
            b->high = p;
        b->last = p;
        b->any = true;
    }
}

enum pxs_status pxs_curve_make(struct pxs_curve *out, size_t n, struct pxs_arena *arena,
                               struct pxs_error *err) {
    double *x = pxs_arena_alloc(arena, (2 * n + 1) * sizeof *x);
    if (!x)
        return pxs_fail_nomem(err);
    *out = (struct pxs_curve){.n = n, .x = x, .y = x + n};
    return PXS_OK;
}

/* ---- the reducer ---------------------------------------------------------------------------- */

enum pxs_status pxs_spikes_begin(struct pxs_spikes *s, const struct pxs_curves_options *options,
                                 struct pxs_error *err) {
    for (int c = 0; c < PXS_BATCH_N; c++) {
        if ((options->batch_columns >> c & 1) != 0)
            s->columns[s->n_columns++] = (enum pxs_batch_column)c;
    }
    return s->n_columns > 0 ? create(s->n_columns, options->buckets, &s->decimator, err) : PXS_OK;
}

void pxs_spikes_finish(struct pxs_spikes *s) {
    destroy(&s->decimator);
}

static enum pxs_status begin(void *user, struct pxs_curves *curves, struct pxs_error *err) {
    struct pxs_spikes *s = user;
    s->curves = curves;
    for (size_t i = 0; i < curves->n_runs; i++) {
        struct pxs_run_curves *run = &curves->runs[i];
        for (int c = 0; c < PXS_EPOCH_N && run->last_epoch >= 0; c++) {
            PXS_TRY(
                pxs_curve_make(&run->epoch[c], (size_t)run->last_epoch + 1, &curves->arena, err));
            run->epoch[c].n = 0;
        }
    }
    if (s->decimator && curves->n_runs > 0)
        restart(s->decimator, curves->runs[0].steps);
    return PXS_OK;
}

static void take_epoch(void *user, size_t run, int64_t epoch, const double *values) {
    const struct pxs_spikes *s = user;
    struct pxs_run_curves *of = &s->curves->runs[run];
    for (int c = 0; c < PXS_EPOCH_N; c++) {
        struct pxs_curve *curve = &of->epoch[c];
        if (curve->n > (size_t)of->last_epoch)
            continue; /* written since the run was looked up: it belongs to the next reading */
        curve->x[curve->n] = (double)epoch;
        curve->y[curve->n++] = isfinite(values[c]) ? values[c] : NAN;
    }
}

static void take_batch(void *user, size_t run, int64_t step, int64_t epoch, int64_t batch,
                       const double *values) {
    const struct pxs_spikes *s = user;
    const double in_epoch = ((double)batch + 0.5) / (double)s->curves->runs[run].batches_per_epoch;
    add(s->decimator, step, (double)epoch + in_epoch - 0.5, values);
}

static enum pxs_status end_run(void *user, size_t run, struct pxs_error *err) {
    const struct pxs_spikes *s = user;
    struct pxs_decimator *d = s->decimator;
    struct pxs_curves *c = s->curves;
    for (size_t i = 0; i < s->n_columns && c->runs[run].steps > 0; i++) {
        struct pxs_curve *curve = &c->runs[run].batch[s->columns[i]];
        empty_bucket(d, i);
        const struct pxs_point *points = d->points + i * POINTS * d->buckets;
        PXS_TRY(pxs_curve_make(curve, d->n[i], &c->arena, err));
        for (size_t k = 0; k < curve->n; k++) {
            curve->x[k] = points[k].x;
            curve->y[k] = points[k].y;
        }
    }
    if (s->decimator && run + 1 < c->n_runs)
        restart(s->decimator, c->runs[run + 1].steps);
    return PXS_OK;
}

const struct pxs_reducer pxs_spikes_reducer = {begin, take_epoch, take_batch, end_run};
