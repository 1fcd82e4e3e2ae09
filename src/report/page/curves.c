/* The curves of a page as JSON, packed from their buckets:
 *
 *   "metrics": [{"id", "label", "by": "epoch" | "batch", "x0", "dx", "n",
 *                "runs": [[mean] | [mean, minimum, maximum] | run with the same numbers | null]}]
 *
 * Bucket b stands at x0 + b * dx; a bucket of one point has no minimum and maximum of its own.
 * Numbers are packed (pxs_pack_numbers); NaN where a run has no value. */
#include "page_priv.h"

#include <math.h>
#include <string.h>

enum { PACKED = 400 /* numbers at a time */ };

enum { PART_MEAN, PART_LOW, PART_HIGH, PARTS };

/* What a measure's buckets have to show: a range, one value each, or nothing. */
static int parts_of(const struct pxs_buckets *b, size_t measure, size_t run) {
    int parts = 0;
    for (size_t i = 0; i < b->n; i++) {
        const int64_t n = pxs_buckets_of(b, run, measure)[i].n;
        parts = n > 1 ? PARTS : n == 1 && parts == 0 ? 1 : parts;
    }
    return parts;
}

static void put_run(struct pxs_json_writer *w, const struct pxs_buckets *b, size_t measure,
                    size_t run) {
    const int parts = parts_of(b, measure, run);
    double values[PACKED];
    struct pxs_text packed = {0};
    for (size_t other = 0; parts > 0 && other < run; other++) {
        if (memcmp(pxs_buckets_of(b, run, measure), pxs_buckets_of(b, other, measure),
                   b->n * sizeof *b->all) == 0) {
            pxs_json_put_int(w, NULL, (int64_t)other);
            return;
        }
    }
    if (parts == 0) {
        pxs_json_put_null(w, NULL);
        return;
    }
    pxs_json_put_array(w, NULL);
    for (int part = 0; part < parts; part++) {
        pxs_text_clear(&packed);
        for (size_t i = 0; i < b->n;) {
            size_t n = 0;
            for (; n < PXS_COUNT(values) && i < b->n; n++, i++) {
                const struct pxs_bucket *from = &pxs_buckets_of(b, run, measure)[i];
                values[n] = from->n == 0        ? NAN
                            : part == PART_LOW  ? from->low
                            : part == PART_HIGH ? from->high
                                                : from->sum / (double)from->n;
            }
            pxs_pack_numbers(&packed, values, n);
        }
        pxs_json_put_string(w, NULL, pxs_text_str(&packed));
        w->out->failed = w->out->failed || packed.failed;
    }
    pxs_json_end(w);
    pxs_text_finish(&packed);
}

static void put_measure(struct pxs_json_writer *w, const struct pxs_buckets *b, size_t measure) {
    const double dx = (double)b->epochs / (double)b->n;
    const int column = b->measures[measure];
    bool any = false;
    for (size_t run = 0; run < b->n_runs; run++)
        any = any || parts_of(b, measure, run) > 0;
    if (!any)
        return;
    pxs_json_put_object(w, NULL);
    pxs_json_put_string(w, "id",
                        b->batches ? pxs_batch_info((enum pxs_batch_column)column)->name
                                   : pxs_epoch_info((enum pxs_epoch_column)column)->name);
    pxs_json_put_string(w, "label",
                        b->batches ? pxs_batch_info((enum pxs_batch_column)column)->label
                                   : pxs_epoch_info((enum pxs_epoch_column)column)->label);
    pxs_json_put_string(w, "by", b->batches ? "batch" : "epoch");
    pxs_json_put_double(w, "x0", dx / 2 - 0.5);
    pxs_json_put_double(w, "dx", dx);
    pxs_json_put_int(w, "n", (int64_t)b->n);
    pxs_json_put_array(w, "runs");
    for (size_t run = 0; run < b->n_runs; run++)
        put_run(w, b, measure, run);
    pxs_json_end(w);
    pxs_json_end(w);
}

void pxs_page_put_curves(struct pxs_json_writer *w, const struct pxs_page *p) {
    pxs_json_put_array(w, "metrics");
    for (size_t m = 0; m < p->by_epoch.n_measures; m++)
        put_measure(w, &p->by_epoch, m);
    for (size_t m = 0; m < p->by_batch.n_measures; m++)
        put_measure(w, &p->by_batch, m);
    pxs_json_end(w);
}
