/* The curves of a page. Each metric of each run is cut into the same buckets of x (epochs), so that a chart needs one list of
 * x for all runs; of a bucket its mean, minimum and maximum stay, so no spike is lost and a page of any sweep stays small.
 *
 *   {"sweep", "configurations": [{"label", "colour", "dash": [on, off, ... in line widths]}], "order": [configuration, best first],
 *    "runs": [{"name", "number", "seed", "state", "configuration"}],
 *    "metrics": [{"id", "label", "by": "epoch" | "batch", "x0", "dx", "n",
 *                 "runs": [[mean] | [mean, minimum, maximum] | run with the same numbers | null]}]}
 *
 * Bucket b stands at x0 + b * dx; a bucket of one point has no minimum and maximum of its own. Numbers are packed
 * (pxs_pack_numbers); NaN where a run has no value. */
#include "page_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers that all curves of a page may have, by epoch and by batch; and what a screen has room for. */
enum { EPOCH_NUMBERS = 650000, BATCH_NUMBERS = 350000, MOST_BUCKETS = 400, LEAST_BUCKETS = 20 };

struct metric {
    const char *column, *label;
};
static const struct metric by_epoch[] = {
    {"val_loss", "validation loss"},
    {"val_psnr", "validation PSNR, dB"},
    {"val_ssim", "validation SSIM"},
    {"avg_loss_G", "generator loss, mean of the epoch"},
    {"avg_loss_pixel", "training L1, mean of the epoch"},
    {"avg_loss_GAN", "GAN loss, mean of the epoch"},
    {"avg_loss_D", "discriminator loss, mean of the epoch"},
    {"avg_loss_real", "loss on real, mean of the epoch"},
    {"avg_loss_fake", "loss on fake, mean of the epoch"},
    {"avg_D_real", "D(real), mean of the epoch"},
    {"avg_D_fake", "D(fake), mean of the epoch"},
    {"lr_G", "learning rate of G"},
    {"lr_D", "learning rate of D"},
};
static const struct metric by_batch[] = {
    {"loss_G", "generator loss, by batch"},
    {"loss_pixel", "training L1, by batch"},
    {"loss_D", "discriminator loss, by batch"},
};

struct bucket {
    double sum, low, high;
    int64_t n;
};

/* One reading: the metrics of all runs, cut into buckets. */
struct reading {
    struct pxs_page *p;
    const struct metric *metrics;
    size_t n_metrics, n_buckets, seen; /* rows so far */
    bool batches;
    int64_t epochs;         /* of the longest run */
    int64_t *per_epoch;     /* points of each run's epoch: 1, or its batches */
    struct bucket *buckets; /* runs x metrics x n_buckets */
    int64_t run_id;         /* of the last row, and its place: rows of a run lie together */
    size_t run;
};

/* ---- reading --------------------------------------------------------------------------------------------- */

static struct bucket *buckets_of(const struct reading *r, size_t run, size_t metric) {
    return r->buckets + (run * r->n_metrics + metric) * r->n_buckets;
}

static void add_value(struct bucket *b, double value) {
    b->low = b->n == 0 || value < b->low ? value : b->low;
    b->high = b->n == 0 || value > b->high ? value : b->high;
    b->sum += value;
    b->n++;
}

static bool find_place(struct reading *r, int64_t run_id) {
    const struct pxs_groups *g = &r->p->groups;
    if (r->run_id == run_id && r->run < g->n_runs)
        return true;
    for (r->run = 0; r->run < g->n_runs && g->run_ids[r->run] != run_id;)
        r->run++;
    r->run_id = run_id;
    return r->run < g->n_runs;
}

/* run_id, place in the run (step or epoch), a value for each metric. */
static enum pxs_status take_row(void *user, const char *const *columns, const struct pxs_cell *cells,
                                size_t n, struct pxs_error *err) {
    struct reading *r = user;
    if (cells == NULL || !find_place(r, cells[0].integer)) /* names; or planned a moment ago */
        return PXS_OK;
    const int64_t points = r->per_epoch[r->run] * r->epochs;
    const int64_t at = cells[1].integer * (int64_t)r->n_buckets / (points > 0 ? points : 1);
    if (at < 0 || at >= (int64_t)r->n_buckets)
        return PXS_OK; /* made a moment ago: for the next page */
    for (size_t m = 0; m < r->n_metrics; m++) {
        const struct pxs_cell *cell = &cells[2 + m];
        if (cell->kind != PXS_CELL_NULL && isfinite(cell->real))
            add_value(&buckets_of(r, r->run, m)[at], cell->real);
    }
    if (++r->seen % 65536 == 0)
        pxs_meter_tell(r->p->options->meter, "reading curves", (double)r->run, (double)r->p->groups.n_runs);
    return PXS_OK;
}

/* ---- the statements -------------------------------------------------------------------------------------- */

static const char sizes_sql[] = "SELECT run_id,\n"
                                "    coalesce((SELECT step / epoch FROM batch_loss b WHERE b.run_id = "
                                "r.run_id AND epoch > 0 ORDER BY step LIMIT 1),\n"
                                "      (SELECT step + 1 FROM batch_loss b WHERE b.run_id = r.run_id ORDER BY "
                                "step DESC LIMIT 1)) AS per_epoch,\n"
                                "    (SELECT epoch + 1 FROM batch_loss b WHERE b.run_id = r.run_id ORDER BY "
                                "step DESC LIMIT 1) AS epochs\n"
                                "  FROM run r WHERE sweep_id = ";
static const char epochs_sql[] = "SELECT run_id, 1 AS per_epoch, (SELECT max(epoch) + 1 FROM epoch e WHERE "
                                 "e.run_id = r.run_id) AS epochs\n"
                                 "  FROM run r WHERE sweep_id = ";

static void put_columns(const struct reading *r, struct pxs_text *sql) {
    for (size_t m = 0; m < r->n_metrics; m++)
        pxs_text_addf(sql, ", %s", r->metrics[m].column);
}

static void rows_sql(const struct reading *r, struct pxs_text *sql) {
    pxs_text_addf(sql, "SELECT run_id, %s", r->batches ? "step" : "epoch");
    put_columns(r, sql);
    pxs_text_addf(sql, "\nFROM %s",
                  r->batches ? "batch_loss" : "epoch LEFT JOIN d_output USING (run_id, epoch)");
    pxs_text_add(sql, "\nWHERE run_id IN (SELECT run_id FROM run WHERE sweep_id = ");
    pxs_sql_sweep(sql, r->p->comparison.sweep);
    pxs_text_addf(sql, ")\nORDER BY run_id, %s", r->batches ? "step" : "epoch");
}

/* What the reader of the page sees: the same buckets, made by SQL. */
static void bucket_sql(const struct reading *r, struct pxs_text *sql) {
    pxs_text_add(sql, "WITH size AS MATERIALIZED (");
    pxs_text_add(sql, r->batches ? sizes_sql : epochs_sql);
    pxs_sql_sweep(sql, r->p->comparison.sweep);
    pxs_text_addf(sql, ")\nSELECT name, %s * %zu / (per_epoch * %" PRId64 ") AS bucket",
                  r->batches ? "step" : "epoch", r->n_buckets, r->epochs);
    for (size_t m = 0; m < r->n_metrics; m++) {
        const char *c = r->metrics[m].column;
        pxs_text_addf(sql, ",\n  avg(%s) AS %s, min(%s) AS %s_min, max(%s) AS %s_max", c, c, c, c, c, c);
    }
    pxs_text_addf(sql,
                  "\nFROM %s JOIN size USING (run_id) JOIN run USING (run_id)\nGROUP BY run_id, bucket ORDER "
                  "BY number, bucket",
                  r->batches ? "batch_loss" : "epoch LEFT JOIN d_output USING (run_id, epoch)");
}

static enum pxs_status read_sizes(struct reading *r, struct pxs_error *err) {
    struct pxs_text sql = {0};
    struct pxs_table sizes = {0};
    pxs_text_add(&sql, r->batches ? sizes_sql : epochs_sql);
    pxs_sql_sweep(&sql, r->p->comparison.sweep);
    enum pxs_status status = sql.failed ? pxs_fail_nomem(err)
                                        : pxs_store_select(r->p->s, pxs_text_str(&sql), NULL, 0, &sizes, err);
    for (size_t row = 0; status == PXS_OK && row < sizes.n_rows; row++) {
        const struct pxs_cell *cells = &sizes.cells[row * sizes.n_columns];
        if (!find_place(r, cells[0].integer))
            continue;
        r->per_epoch[r->run] = cells[1].integer;
        r->epochs = cells[2].integer > r->epochs ? cells[2].integer : r->epochs;
    }
    pxs_table_finish(&sizes);
    pxs_text_finish(&sql);
    return status;
}

/* ---- one reading ----------------------------------------------------------------------------------------- */

/* As many as there are points, where there is room for them. */
static size_t count_buckets(const struct reading *r) {
    const size_t n_runs = r->p->groups.n_runs;
    int64_t most = 0;
    for (size_t run = 0; run < n_runs; run++)
        most = r->per_epoch[run] > most ? r->per_epoch[run] : most;
    const size_t points = (size_t)(most * r->epochs), lines = n_runs * r->n_metrics;
    size_t room = r->batches ? BATCH_NUMBERS / (3 * lines + 1) : EPOCH_NUMBERS / (lines + 1);
    if (points > room || r->batches)
        room = room < MOST_BUCKETS ? room : MOST_BUCKETS;
    if (points > room && !r->batches)
        room /= 3; /* an epoch's own value needs no minimum and maximum; a bucket of several does */
    room = room > LEAST_BUCKETS ? room : LEAST_BUCKETS;
    return points < room ? points : room;
}

static enum pxs_status read_rows(struct reading *r, struct pxs_error *err) {
    struct pxs_text sql = {0};
    PXS_TRY(read_sizes(r, err));
    r->n_buckets = count_buckets(r);
    r->buckets = calloc(r->p->groups.n_runs * r->n_metrics * r->n_buckets + 1, sizeof *r->buckets);
    if (r->buckets == NULL)
        return pxs_fail_nomem(err);
    if (r->n_buckets == 0)
        return PXS_OK;
    rows_sql(r, &sql);
    const enum pxs_status status =
        sql.failed ? pxs_fail_nomem(err) : pxs_store_query(r->p->s, pxs_text_str(&sql), take_row, r, err);
    pxs_text_finish(&sql);
    return status;
}

/* ---- writing --------------------------------------------------------------------------------------------- */

enum { PART_MEAN, PART_LOW, PART_HIGH, PARTS };

static double part_of(const struct bucket *b, int part) {
    if (b->n == 0)
        return NAN;
    return part == PART_LOW ? b->low : part == PART_HIGH ? b->high : b->sum / (double)b->n;
}

/* What a metric's buckets have to show: a range, one value each, or nothing. */
static int parts_of(const struct reading *r, size_t metric, size_t run) {
    int parts = 0;
    for (size_t i = 0; i < r->n_buckets; i++) {
        const int64_t n = buckets_of(r, run, metric)[i].n;
        parts = n > 1 ? PARTS : n == 1 && parts == 0 ? 1 : parts;
    }
    return parts;
}

static bool same_buckets(const struct reading *r, size_t metric, size_t a, size_t b) {
    return memcmp(buckets_of(r, a, metric), buckets_of(r, b, metric), r->n_buckets * sizeof(struct bucket)) ==
           0;
}

static void put_run(struct pxs_json_writer *w, const struct reading *r, size_t metric, size_t run) {
    const int parts = parts_of(r, metric, run);
    double values[2 * MOST_BUCKETS];
    struct pxs_text packed = {0};
    for (size_t other = 0; parts > 0 && other < run; other++) {
        if (same_buckets(r, metric, run, other)) {
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
        for (size_t i = 0; i < r->n_buckets;) {
            size_t n = 0;
            for (; n < PXS_COUNT(values) && i < r->n_buckets; n++, i++)
                values[n] = part_of(&buckets_of(r, run, metric)[i], part);
            pxs_pack_numbers(&packed, values, n);
        }
        pxs_json_put_string(w, NULL, pxs_text_str(&packed));
        w->out->failed = w->out->failed || packed.failed;
    }
    pxs_json_end(w);
    pxs_text_finish(&packed);
}

static void put_metric(struct pxs_json_writer *w, const struct reading *r, size_t metric) {
    const size_t n_runs = r->p->groups.n_runs;
    const double dx = (double)r->epochs / (double)r->n_buckets;
    bool any = false;
    for (size_t run = 0; run < n_runs; run++)
        any = any || parts_of(r, metric, run) > 0;
    if (!any)
        return;
    pxs_json_put_object(w, NULL);
    pxs_json_put_string(w, "id", r->metrics[metric].column);
    pxs_json_put_string(w, "label", r->metrics[metric].label);
    pxs_json_put_string(w, "by", r->batches ? "batch" : "epoch");
    pxs_json_put_double(w, "x0", dx / 2 - 0.5);
    pxs_json_put_double(w, "dx", dx);
    pxs_json_put_int(w, "n", (int64_t)r->n_buckets);
    pxs_json_put_array(w, "runs");
    for (size_t run = 0; run < n_runs; run++)
        put_run(w, r, metric, run);
    pxs_json_end(w);
    pxs_json_end(w);
}

/* Reads the metrics of one kind, writes them, and keeps the SQL that gives them. */
static enum pxs_status put_reading(struct pxs_page *p, struct pxs_json_writer *w, bool batches,
                                   struct pxs_text *sql, struct pxs_error *err) {
    struct reading r = {.p = p,
                        .batches = batches,
                        .metrics = batches ? by_batch : by_epoch,
                        .n_metrics = batches ? PXS_COUNT(by_batch) : PXS_COUNT(by_epoch)};
    r.per_epoch = calloc(p->groups.n_runs + 1, sizeof *r.per_epoch);
    if (r.per_epoch == NULL)
        return pxs_fail_nomem(err);
    const enum pxs_status status = read_rows(&r, err);
    for (size_t m = 0; status == PXS_OK && m < r.n_metrics; m++)
        put_metric(w, &r, m);
    if (r.n_buckets > 0)
        bucket_sql(&r, sql);
    free(r.per_epoch);
    free(r.buckets);
    return status;
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
    enum pxs_status status = put_reading(p, &w, false, &epochs, err);
    if (status == PXS_OK)
        status = put_reading(p, &w, true, &batches, err);
    pxs_json_end(&w);
    pxs_json_end(&w);
    if (status == PXS_OK)
        status = pxs_json_finish(&w, err);
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
