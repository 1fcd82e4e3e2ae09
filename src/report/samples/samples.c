/* What the configurations of a sweep made of the same validation pairs: which runs, which epochs,
 * which pictures, and why a row has none. */
#include "samples_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_COLUMNS = 6, USUAL_GLYPHS = 4, PICTURE_BYTES = 1 << 28, LISTED = 12 };

/* One reading of a sweep's pictures. */
struct reading {
    struct pxs_store *store;
    const struct pxs_samples_options *options;
    struct pxs_sample_sheet *out;
    struct pxs_curves curves;   /* runs and configurations, without points */
    struct pxs_store_run *runs; /* for their folders */
    size_t n_runs;
    struct pxs_table *samples; /* of each row: step, epoch, path, by step */
    struct pxs_table *best;    /* of each row: the same of its best weights, if there is one */
    bool any_best;
    struct pxs_glyphs glyphs;
};

/* ---- which runs ----------------------------------------------------------------------------- */

static const char *say(struct reading *r, const char *fmt, ...) PXS_PRINTF(2, 3);
static const char *say(struct reading *r, const char *fmt, ...) {
    struct pxs_text text = {0};
    va_list ap;
    va_start(ap, fmt);
    pxs_text_addv(&text, fmt, ap);
    va_end(ap);
    const char *copy = pxs_arena_strdup(&r->out->arena, pxs_text_str(&text));
    pxs_text_finish(&text);
    return copy ? copy : "out of memory";
}

static int by_number(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts the numbers and appends each once: "0, 1 and 7", or the first of them "and 3 more". */
static void put_numbers(int64_t *numbers, size_t n, struct pxs_text *out) {
    size_t kept = 0;
    qsort(numbers, n, sizeof *numbers, by_number);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || numbers[i] != numbers[i - 1])
            numbers[kept++] = numbers[i];
    }
    const size_t shown = kept > LISTED ? LISTED : kept;
    for (size_t i = 0; i < shown; i++)
        pxs_text_addf(out, "%s%" PRId64, i == 0 ? "" : i + 1 < kept ? ", " : " and ", numbers[i]);
    if (kept > shown)
        pxs_text_addf(out, " and %zu more", kept - shown);
}

static enum pxs_status no_such_seed(const struct reading *r, struct pxs_error *err) {
    struct pxs_text seeds = {0};
    int64_t *numbers = malloc((r->curves.n_runs + 1) * sizeof *numbers);
    if (!numbers)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < r->curves.n_runs; i++)
        numbers[i] = r->curves.runs[i].seed;
    put_numbers(numbers, r->curves.n_runs, &seeds);
    pxs_fail(err, PXS_E_NOT_FOUND, "--seed %" PRId64 ": no run of %s has this seed; there are: %s",
             *r->options->seed, r->curves.sweep, pxs_text_str(&seeds));
    pxs_text_finish(&seeds);
    free(numbers);
    return PXS_E_NOT_FOUND;
}

/* A row for each configuration: its run with the seed that was asked for, else its first. */
static enum pxs_status choose_runs(struct reading *r, struct pxs_error *err) {
    struct pxs_sample_sheet *out = r->out;
    bool found = false;
    const size_t room = r->curves.n_configurations + 1;
    out->rows = pxs_arena_alloc(&out->arena, room * sizeof *out->rows);
    r->samples = pxs_arena_alloc(&out->arena, room * sizeof *r->samples);
    r->best = pxs_arena_alloc(&out->arena, room * sizeof *r->best);
    if (!out->rows || !r->samples || !r->best)
        return pxs_fail_nomem(err);
    for (size_t c = 0; c < r->curves.n_configurations; c++) {
        const struct pxs_run_curves *chosen = NULL;
        if (r->curves.configurations[c].n_runs == 0)
            continue;
        for (size_t i = 0; i < r->curves.n_runs; i++) {
            const struct pxs_run_curves *run = &r->curves.runs[i];
            const bool wanted = !r->options->seed || run->seed == *r->options->seed;
            if (run->configuration == c && wanted && (!chosen || run->seed < chosen->seed))
                chosen = run;
        }
        struct pxs_sample_row *row = &out->rows[out->n_rows++];
        row->configuration = c;
        row->label = pxs_arena_strdup(&out->arena, r->curves.configurations[c].label);
        if (!row->label)
            return pxs_fail_nomem(err);
        if (!chosen) {
            row->why = say(r, "no run with seed %" PRId64, *r->options->seed);
            continue;
        }
        found = true;
        row->run_id = chosen->run_id;
        row->seed = chosen->seed;
        row->run = pxs_arena_strdup(&out->arena, chosen->name);
        row->state = chosen->state;
        if (chosen->steps == 0)
            row->why = "has not begun";
        if (!row->run)
            return pxs_fail_nomem(err);
    }
    return out->n_rows > 0 && !found ? no_such_seed(r, err) : PXS_OK;
}

/* ---- which epochs --------------------------------------------------------------------------- */

/* The last picture of each epoch that has one. */
static const char samples_sql[] = "SELECT max(step) AS step, epoch, path FROM sample WHERE run_id "
                                  "= ?1 GROUP BY epoch ORDER BY epoch";

static const char best_sql[] = "SELECT step, epoch, path FROM best_sample WHERE run_id = ?1";

enum { STEP, EPOCH, PATH, SAMPLE_COLUMNS };

static const struct pxs_cell *sample_at(const struct pxs_table *samples, size_t i) {
    return samples->cells + i * SAMPLE_COLUMNS;
}

static enum pxs_status read_samples(struct reading *r, struct pxs_error *err) {
    for (size_t i = 0; i < r->out->n_rows; i++) {
        struct pxs_sample_row *row = &r->out->rows[i];
        const struct pxs_cell id = pxs_cell_int(row->run_id);
        PXS_TRY(pxs_store_select(r->store, samples_sql, &id, 1, &r->samples[i], err));
        PXS_TRY(pxs_store_select(r->store, best_sql, &id, 1, &r->best[i], err));
        r->any_best = r->any_best || r->best[i].n_rows > 0;
        if (r->samples[i].n_rows + r->best[i].n_rows == 0 && !row->why)
            row->why = "no sample pictures yet (sample_interval says when there are)";
    }
    return PXS_OK;
}

static enum pxs_status no_such_epoch(const struct reading *r, int64_t epoch,
                                     struct pxs_error *err) {
    struct pxs_text there = {0};
    size_t n = 0, all = 0;
    for (size_t i = 0; i < r->out->n_rows; i++)
        all += r->samples[i].n_rows;
    int64_t *numbers = malloc((all + 1) * sizeof *numbers);
    if (!numbers)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < r->out->n_rows; i++) {
        for (size_t k = 0; k < r->samples[i].n_rows; k++)
            numbers[n++] = sample_at(&r->samples[i], k)[EPOCH].integer;
    }
    put_numbers(numbers, n, &there);
    pxs_fail(err, PXS_E_NOT_FOUND, "--epochs %" PRId64 ": no run of %s has come so far; there %s%s",
             epoch, r->out->sweep, n > 0 ? "are pictures of epoch " : "is only the best picture",
             pxs_text_str(&there));
    pxs_text_finish(&there);
    free(numbers);
    return PXS_E_NOT_FOUND;
}

static enum pxs_status choose_epochs(struct reading *r, struct pxs_error *err) {
    struct pxs_sample_sheet *out = r->out;
    const struct pxs_samples_options *o = r->options;

    /* The run that came furthest says which epochs there are. */
    const struct pxs_table *samples = NULL;
    int64_t last = -1;
    for (size_t i = 0; i < out->n_rows; i++) {
        const struct pxs_table *t = &r->samples[i];
        const int64_t end = t->n_rows > 0 ? sample_at(t, t->n_rows - 1)[EPOCH].integer : -1;
        if (end > last || (end == last && samples && t->n_rows > samples->n_rows)) {
            samples = t;
            last = end;
        }
    }
    if (!samples && !r->any_best)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "%s has no sample pictures yet: runs make one every sample_interval "
                        "batches, after each best epoch and after their last batch",
                        out->sweep);
    int64_t furthest = last;
    for (size_t i = 0; i < r->curves.n_runs; i++)
        if (r->curves.runs[i].last_epoch > furthest)
            furthest = r->curves.runs[i].last_epoch;
    if (o->epochs && o->epochs[o->n_epochs - 1] > furthest)
        return no_such_epoch(r, o->epochs[o->n_epochs - 1], err);

    /* Those that were asked for, else some of them evenly, the first and the last among them. */
    const size_t have = samples ? samples->n_rows : 0;
    size_t n = o->columns > 0 ? o->columns : USUAL_COLUMNS;
    n = o->epochs ? o->n_epochs : n < have ? n : have;
    out->epochs = pxs_arena_alloc(&out->arena, (n + 2) * sizeof *out->epochs);
    if (!out->epochs)
        return pxs_fail_nomem(err);
    if (r->any_best)
        out->epochs[out->n_columns++] = PXS_SAMPLE_BEST;
    for (size_t i = 0; i < n; i++) {
        const size_t even = n > 1 ? (2 * i * (have - 1) + (n - 1)) / (2 * (n - 1)) : have - 1;
        out->epochs[out->n_columns++] =
            o->epochs ? o->epochs[i] : sample_at(samples, even)[EPOCH].integer;
    }
    return PXS_OK;
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Source and target come from the first picture of the row; they are the same in all. */
static enum pxs_status cut(struct reading *r, struct pxs_sample_row *row,
                           const struct pxs_image *picture, struct pxs_sample_cell *cell,
                           struct pxs_error *err) {
    struct pxs_glyphs g = r->glyphs;
    if (!pxs_glyphs_fit(picture, g.width, g.height) || pxs_glyphs_count(picture, &g) < 1) {
        row->why = say(r, "a picture of %d x %d pixels holds no glyphs of %d x %d", picture->width,
                       picture->height, g.width, g.height);
        return PXS_OK;
    }
    g.n = pxs_glyphs_count(picture, &g);
    if (!row->source.pixels) {
        PXS_TRY(pxs_glyphs_cut(picture, &g, 0, &row->source, err));
        PXS_TRY(pxs_glyphs_cut(picture, &g, 2, &row->target, err));
    }
    return pxs_glyphs_cut(picture, &g, 1, &cell->image, err);
}

/* A file that is gone or damaged is no failure of the whole: its cell stays empty. */
static enum pxs_status read_picture(struct reading *r, struct pxs_sample_row *row,
                                    const char *folder, const struct pxs_cell *sample,
                                    struct pxs_sample_cell *cell, struct pxs_error *err) {
    struct pxs_image picture = {0};
    struct pxs_error unread = {0};
    char *data = NULL;
    size_t bytes = 0;
    cell->epoch = sample[EPOCH].integer;
    cell->step = sample[STEP].integer;
    const char *path = sample[PATH].text ? sample[PATH].text : "";
    enum pxs_status read = pxs_read_beneath(folder, path, PICTURE_BYTES, &data, &bytes, &unread);
    if (read == PXS_OK) {
        read = pxs_image_decode(data, bytes, &picture, NULL, &unread);
        if (read != PXS_OK)
            pxs_error_prefix(&unread, "%s/%s", folder, path);
    }
    free(data);
    if (read != PXS_OK) {
        row->why = say(r, "%s", unread.message);
        return unread.status == PXS_E_NOMEM ? pxs_fail_nomem(err) : PXS_OK;
    }
    const enum pxs_status status = cut(r, row, &picture, cell, err);
    pxs_image_finish(&picture);
    return status;
}

static enum pxs_status read_row(struct reading *r, size_t at, struct pxs_error *err) {
    struct pxs_sample_row *row = &r->out->rows[at];
    const struct pxs_table *samples = &r->samples[at], *best = &r->best[at];
    row->cells = pxs_arena_alloc(&r->out->arena, (r->out->n_columns + 1) * sizeof *row->cells);
    if (!row->cells)
        return pxs_fail_nomem(err);
    if (samples->n_rows + best->n_rows == 0)
        return PXS_OK;

    const struct pxs_cell id = pxs_cell_int(row->run_id);
    struct pxs_table size = {0};
    PXS_TRY(pxs_store_select(r->store, "SELECT img_width, img_height FROM v_run WHERE run_id = ?1",
                             &id, 1, &size, err));
    r->glyphs.width = (int)pxs_table_at(&size, 0, "img_width").integer;
    r->glyphs.height = (int)pxs_table_at(&size, 0, "img_height").integer;
    pxs_table_finish(&size);
    const char *folder = ".";
    for (size_t i = 0; i < r->n_runs; i++) {
        if (r->runs[i].run_id == row->run_id)
            folder = r->runs[i].dir;
    }

    /* A column shows its epoch's picture, else the last one since the column before. */
    int64_t before = -1;
    for (size_t i = 0; i < r->out->n_columns; i++) {
        const int64_t column = r->out->epochs[i];
        const struct pxs_cell *last =
            column == PXS_SAMPLE_BEST && best->n_rows > 0 ? sample_at(best, 0) : NULL;
        for (size_t k = 0; k < samples->n_rows; k++) {
            const int64_t epoch = sample_at(samples, k)[EPOCH].integer;
            last = epoch > before && epoch <= column ? sample_at(samples, k) : last;
        }
        if (last)
            PXS_TRY(read_picture(r, row, folder, last, &row->cells[i], err));
        before = column;
    }
    if (row->source.pixels)
        row->why = NULL;
    else if (!row->why)
        row->why = "no sample pictures of these epochs";
    return PXS_OK;
}

/* ---- all together --------------------------------------------------------------------------- */

static enum pxs_status read_sheet(struct reading *r, struct pxs_error *err) {
    const struct pxs_samples_options *o = r->options;
    struct pxs_sample_sheet *out = r->out;
    const struct pxs_curves_options who = {.sweep = o->sweep,
                                           .more = o->more,
                                           .n_more = o->n_more,
                                           .by = o->by,
                                           .n_by = o->n_by,
                                           .run_id = o->run_id,
                                           .where = o->where};
    PXS_TRY(pxs_curves_read(r->store, &who, &r->curves, err));

    snprintf(out->sweep, sizeof out->sweep, "%s", r->curves.sweep);
    const char **keys = pxs_arena_alloc(&out->arena, (r->curves.n_keys + 1) * sizeof *keys);
    if (!keys)
        return pxs_fail_nomem(err);
    out->keys = keys;
    for (out->n_keys = 0; out->n_keys < r->curves.n_keys; out->n_keys++) {
        keys[out->n_keys] = pxs_arena_strdup(&out->arena, r->curves.keys[out->n_keys]);
        if (!keys[out->n_keys])
            return pxs_fail_nomem(err);
    }

    PXS_TRY(choose_runs(r, err));
    PXS_TRY(pxs_store_runs(r->store, r->curves.n_sweeps > 1 ? 0 : r->curves.sweep_id, &r->runs,
                           &r->n_runs, err));
    PXS_TRY(read_samples(r, err));
    PXS_TRY(choose_epochs(r, err));
    bool any = false;
    for (size_t i = 0; i < out->n_rows; i++) {
        PXS_TRY(read_row(r, i, err));
        pxs_meter_tell(o->meter, "reading sample pictures", (double)(i + 1), (double)out->n_rows);
        any = any || out->rows[i].source.pixels;
    }
    if (!any)
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s: no sample picture can be shown: %s", out->sweep,
                        out->n_rows > 0 ? out->rows[0].why : "there is no such run");
    return PXS_OK;
}

enum pxs_status pxs_samples_read(struct pxs_store *s, const struct pxs_samples_options *options,
                                 struct pxs_sample_sheet *out, struct pxs_error *err) {
    struct pxs_sample_sheet made = {0};
    struct reading r = {.store = s, .options = options, .out = &made};
    r.glyphs.n = options->glyphs > 0 ? options->glyphs : USUAL_GLYPHS;
    r.glyphs.side = options->side;
    const enum pxs_status status = read_sheet(&r, err);
    for (size_t i = 0; r.samples && r.best && i < made.n_rows; i++) {
        pxs_table_finish(&r.samples[i]);
        pxs_table_finish(&r.best[i]);
    }
    pxs_curves_finish(&r.curves);
    free(r.runs);
    if (status != PXS_OK)
        pxs_sample_sheet_finish(&made);
    else
        *out = made;
    return status;
}

void pxs_sample_sheet_finish(struct pxs_sample_sheet *sheet) {
    for (size_t i = 0; i < sheet->n_rows; i++) {
        struct pxs_sample_row *row = &sheet->rows[i];
        pxs_image_finish(&row->source);
        pxs_image_finish(&row->target);
        for (size_t k = 0; row->cells && k < sheet->n_columns; k++)
            pxs_image_finish(&row->cells[k].image);
    }
    pxs_arena_finish(&sheet->arena);
    *sheet = (struct pxs_sample_sheet){0};
}
