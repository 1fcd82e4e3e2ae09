/* The curves of a page as JSON, packed from their buckets.
 *
 *   {"sweep", "configurations": [{"label", "colour", "dash": [on, off, ... in line widths]}], "order": [configuration, best first],
 *    "runs": [{"name", "number", "seed", "state", "configuration"}],
 *    "metrics": [{"id", "label", "by": "epoch" | "batch", "x0", "dx", "n",
 *                 "runs": [[mean] | [mean, minimum, maximum] | run with the same numbers | null]}]}
 *
 * Bucket b stands at x0 + b * dx; a bucket of one point has no minimum and maximum of its own. Numbers are packed
 * (pxs_pack_numbers); NaN where a run has no value. */
#include "page_priv.h"
#include "page_texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PACKED = 400 /* numbers at a time */ };

/* What the reader of the page sees: the same buckets, made by SQL. */
static void bucket_sql(const struct pxs_page *p, const struct pxs_buckets *b, struct pxs_text *sql) {
    char sweep[32], n[32], epochs[32];
    const char *const values[] = {sweep, n, epochs};
    snprintf(sweep, sizeof sweep, "%" PRId64, p->groups.sweep_id);
    snprintf(n, sizeof n, "%zu", b->n);
    snprintf(epochs, sizeof epochs, "%" PRId64, b->epochs);
    pxs_sql_filled(sql, b->batches ? pxs_page_batch_curves_sql : pxs_page_epoch_curves_sql, values,
                   PXS_COUNT(values));
}

/* ---- writing --------------------------------------------------------------------------------------------- */

enum { PART_MEAN, PART_LOW, PART_HIGH, PARTS };

static double part_of(const struct pxs_bucket *b, int part) {
    if (b->n == 0)
        return NAN;
    return part == PART_LOW ? b->low : part == PART_HIGH ? b->high : b->sum / (double)b->n;
}

/* What a measure's buckets have to show: a range, one value each, or nothing. */
static int parts_of(const struct pxs_buckets *b, size_t measure, size_t run) {
    int parts = 0;
    for (size_t i = 0; i < b->n; i++) {
        const int64_t n = pxs_buckets_of(b, run, measure)[i].n;
        parts = n > 1 ? PARTS : n == 1 && parts == 0 ? 1 : parts;
    }
    return parts;
}

static bool same_buckets(const struct pxs_buckets *b, size_t measure, size_t x, size_t y) {
    return memcmp(pxs_buckets_of(b, x, measure), pxs_buckets_of(b, y, measure), b->n * sizeof *b->all) == 0;
}

static void put_run(struct pxs_json_writer *w, const struct pxs_buckets *b, size_t measure, size_t run) {
    const int parts = parts_of(b, measure, run);
    double values[PACKED];
    struct pxs_text packed = {0};
    for (size_t other = 0; parts > 0 && other < run; other++) {
        if (same_buckets(b, measure, run, other)) {
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
            for (; n < PXS_COUNT(values) && i < b->n; n++, i++)
                values[n] = part_of(&pxs_buckets_of(b, run, measure)[i], part);
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

/* A text that the page shows. */
static void put_shown(struct pxs_json_writer *w, const char *key, const char *text) {
    struct pxs_text clean = {0};
    pxs_text_add_clean(&clean, text, strlen(text));
    pxs_json_put_string(w, key, pxs_text_str(&clean));
    w->out->failed = w->out->failed || clean.failed;
    pxs_text_finish(&clean);
}

static void put_configuration(struct pxs_json_writer *w, const char *label, size_t place) {
    struct pxs_look look;
    char colour[8];
    pxs_look_of(place, &look);
    snprintf(colour, sizeof colour, "#%02x%02x%02x", look.red, look.green, look.blue);
    pxs_json_put_object(w, NULL);
    put_shown(w, "label", label);
    pxs_json_put_string(w, "colour", colour);
    pxs_json_put_array(w, "dash");
    for (size_t i = 0; i < PXS_LOOK_DASHES && look.dash[i] > 0; i++)
        pxs_json_put_double(w, NULL, look.dash[i]);
    pxs_json_end(w);
    pxs_json_end(w);
}

static void put_runs(struct pxs_json_writer *w, const struct pxs_page *p) {
    const struct pxs_groups *g = &p->groups;
    pxs_json_put_array(w, "configurations");
    for (size_t i = 0; i < g->n_groups; i++)
        put_configuration(w, g->labels[i], i);
    pxs_json_end(w);
    pxs_json_put_array(w, "order");
    for (size_t i = 0; i < p->comparison.table.n_rows; i++)
        pxs_json_put_int(w, NULL, (int64_t)p->comparison.configurations[i]);
    pxs_json_end(w);
    pxs_json_put_array(w, "runs");
    for (size_t i = 0; i < g->n_runs; i++) {
        pxs_json_put_object(w, NULL);
        put_shown(w, "name", pxs_table_at(&p->runs, i, "name").text);
        pxs_json_put_int(w, "seed", pxs_table_at(&p->runs, i, "seed").integer);
        pxs_json_put_string(w, "state", pxs_table_at(&p->runs, i, "state").text);
        pxs_json_put_int(w, "configuration", (int64_t)g->group_of[i]);
        pxs_json_end(w);
    }
    pxs_json_end(w);
}

/* '<' could end the element that the JSON stands in; it occurs in strings only, where it may be written otherwise. */
static void add_safely(struct pxs_text *out, const struct pxs_text *json) {
    const char *from = pxs_text_str(json);
    for (const char *at; (at = strchr(from, '<')) != NULL; from = at + 1) {
        pxs_text_add_n(out, from, (size_t)(at - from));
        pxs_text_add(out, "\\u003c");
    }
    pxs_text_add(out, from);
    out->failed = out->failed || json->failed;
}

enum pxs_status pxs_page_put_series(struct pxs_page *p, struct pxs_error *err) {
    struct pxs_text json = {0}, epochs = {0}, batches = {0};
    struct pxs_json_writer w = {.out = &json};
    pxs_json_put_object(&w, NULL);
    put_shown(&w, "sweep", p->comparison.sweep);
    put_runs(&w, p);
    pxs_json_put_array(&w, "metrics");
    for (size_t m = 0; m < p->by_epoch.n_measures; m++)
        put_measure(&w, &p->by_epoch, m);
    for (size_t m = 0; m < p->by_batch.n_measures; m++)
        put_measure(&w, &p->by_batch, m);
    pxs_json_end(&w);
    pxs_json_end(&w);
    if (p->by_epoch.n > 0)
        bucket_sql(p, &p->by_epoch, &epochs);
    if (p->by_batch.n > 0)
        bucket_sql(p, &p->by_batch, &batches);
    enum pxs_status status = pxs_json_finish(&w, err);
    if (status == PXS_OK) {
        if (epochs.len > 0)
            pxs_page_put_sql(p, "sql-epochs", "SQL: the curves by epoch", pxs_text_str(&epochs));
        if (batches.len > 0)
            pxs_page_put_sql(p, "sql-batches", "SQL: the curves by batch", pxs_text_str(&batches));
        if (epochs.len + batches.len == 0)
            pxs_text_add(p->out, "<p>No run has recorded anything yet.</p>\n");
        pxs_text_add(p->out, "<script type=\"application/json\" id=\"curves-data\">");
        add_safely(p->out, &json);
        pxs_text_add(p->out, "</script>\n");
    }
    pxs_text_finish(&json);
    pxs_text_finish(&epochs);
    pxs_text_finish(&batches);
    return status;
}
