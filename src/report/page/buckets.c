/* Curves for pages: each measure of each run is cut into the same buckets of x (epochs), so that a
 * chart needs one list of x for all runs; of a bucket its mean, minimum and maximum stay, so no
 * spike is lost and a page of any sweep stays small. */
#include "page_priv.h"
#include "page_texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers that all curves of a page may have, by epoch and by batch; and what a screen has room
 * for. */
enum { EPOCH_NUMBERS = 650000, BATCH_NUMBERS = 350000, MOST_BUCKETS = 400, LEAST_BUCKETS = 20 };

struct pxs_bucket *pxs_buckets_of(const struct pxs_buckets *b, size_t run, size_t measure) {
    return b->all + (run * b->n_measures + measure) * b->n;
}

static int64_t points_of(const struct pxs_buckets *b, size_t run) {
    return (b->batches ? b->curves->runs[run].batches_per_epoch : 1) * b->epochs;
}

/* As many buckets as the longest run has points, where there is room for them. */
static enum pxs_status make(struct pxs_buckets *b, const struct pxs_curves *curves,
                            struct pxs_error *err) {
    b->curves = curves;
    b->n_runs = curves->n_runs;
    for (size_t run = 0; run < b->n_runs; run++) {
        const struct pxs_run_curves *of = &curves->runs[run];
        const int64_t epochs = b->batches ? of->begun : of->last_epoch + 1;
        b->epochs = epochs > b->epochs ? epochs : b->epochs;
    }

    const size_t lines = b->n_runs * b->n_measures;
    size_t points = 0,
           room = b->batches ? BATCH_NUMBERS / (3 * lines + 1) : EPOCH_NUMBERS / (lines + 1);
    for (size_t run = 0; run < b->n_runs; run++)
        points = (size_t)points_of(b, run) > points ? (size_t)points_of(b, run) : points;
    if (points > room || b->batches)
        room = room < MOST_BUCKETS ? room : MOST_BUCKETS;
    if (points > room && !b->batches)
        room /= 3; /* an epoch's own value needs no minimum and maximum; a bucket of several does */
    room = room > LEAST_BUCKETS ? room : LEAST_BUCKETS;
    b->n = points < room ? points : room;
    b->all = calloc(b->n_runs * b->n_measures * b->n + 1, sizeof *b->all);
    return b->all ? PXS_OK : pxs_fail_nomem(err);
}

static void add(struct pxs_buckets *b, size_t run, int64_t place, const double *values) {
    const int64_t points = points_of(b, run);
    const int64_t at = place * (int64_t)b->n / (points > 0 ? points : 1);
    if (at < 0 || at >= (int64_t)b->n)
        return; /* made since the run was looked up: for the next page */
    for (size_t m = 0; m < b->n_measures; m++) {
        struct pxs_bucket *to = &pxs_buckets_of(b, run, m)[at];
        const double value = values[b->columns[m]];
        if (!isfinite(value))
            continue;
        to->low = to->n == 0 || value < to->low ? value : to->low;
        to->high = to->n == 0 || value > to->high ? value : to->high;
        to->sum += value;
        to->n++;
    }
}

static enum pxs_status begin(void *user, struct pxs_curves *curves, struct pxs_error *err) {
    struct pxs_page *p = user;
    PXS_TRY(make(&p->by_epoch, curves, err));
    return make(&p->by_batch, curves, err);
}

static void take_epoch(void *user, size_t run, int64_t epoch, const double *values) {
    struct pxs_page *p = user;
    add(&p->by_epoch, run, epoch, values);
}

static void take_batch(void *user, size_t run, int64_t step, int64_t epoch, int64_t batch,
                       const double *values) {
    struct pxs_page *p = user;
    add(&p->by_batch, run, step, values);
}

static enum pxs_status end_run(void *user, size_t run, struct pxs_error *err) {
    return PXS_OK;
}

/* The SQL that the page shows makes the same buckets. */
static void show_sql(const struct pxs_page *p, const struct pxs_buckets *b, const char *sql,
                     struct pxs_text *out) {
    const struct pxs_cell args[] = {pxs_cell_int(p->groups.sweep_id), pxs_cell_int((int64_t)b->n),
                                    pxs_cell_int(b->epochs)};
    if (b->n > 0)
        pxs_page_fill_sql(p, sql, args, PXS_COUNT(args), out);
}

enum pxs_status pxs_page_read_curves(struct pxs_page *p, struct pxs_error *err) {
    static const struct pxs_reducer reducer = {begin, take_epoch, take_batch, end_run};
    const struct pxs_page_options *o = p->options;
    struct pxs_curves_options options = {.sweep = p->options->sweep,
                                         .more = o->more,
                                         .n_more = o->n_more,
                                         .by = o->by,
                                         .n_by = o->n_by,
                                         .epochs = p->epochs,
                                         .reducer = &reducer,
                                         .user = p,
                                         .meter = o->meter};
    enum pxs_epoch_column ranked[PXS_EPOCH_N];
    p->by_batch.batches = true;
    p->by_epoch.n_measures = pxs_epoch_by_rank(ranked);
    for (size_t m = 0; m < p->by_epoch.n_measures; m++)
        p->by_epoch.columns[m] = p->by_epoch.measures[m] = (int)ranked[m];
    for (int c = 0; c < PXS_BATCH_N; c++) {
        if (!pxs_batch_info((enum pxs_batch_column)c)->on_page)
            continue;
        options.batch_columns |= 1u << c;
        p->by_batch.columns[p->by_batch.n_measures] = (int)p->by_batch.n_measures;
        p->by_batch.measures[p->by_batch.n_measures++] = c;
    }
    PXS_TRY(pxs_curves_read(p->s, &options, &p->curves, err));
    if (p->curves.n_runs != p->groups.n_runs)
        return pxs_fail(err, PXS_E_BUSY,
                        "the sweep was planned anew while it was being read; ask again");
    show_sql(p, &p->by_epoch, pxs_page_epoch_curves_sql, &p->sql[PXS_SQL_EPOCHS]);
    show_sql(p, &p->by_batch, pxs_page_batch_curves_sql, &p->sql[PXS_SQL_BATCHES]);
    return PXS_OK;
}
