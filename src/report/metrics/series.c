/* The curves of a sweep: what its runs measured batch by batch and epoch by epoch, and the band
 * over seeds. */
#include "metrics_priv.h"
#include "metrics_texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One reading of a sweep. */
struct reading {
    struct pxs_store *store;
    struct pxs_choice choice;
    const struct pxs_curves_options *options;
    struct pxs_curves *out;
    const struct pxs_reducer *reducer;
    void *user;
    size_t n_columns; /* of batches that are asked for */
    size_t run;       /* the one that is being read */
};

static double cell_number(const struct pxs_cell *cell) {
    return cell->kind == PXS_CELL_INT || cell->kind == PXS_CELL_REAL ? cell->real : NAN;
}

/* Epochs up to this one are read. */
static int64_t limit_of(const struct reading *r) {
    return r->options->epochs > 0 ? r->options->epochs : INT64_MAX;
}

/* ---- which runs ----------------------------------------------------------------------------- */

/* A row a run, of those that meet the user's condition. */
static enum pxs_status read_run_rows(const struct reading *r, struct pxs_table *rows,
                                     struct pxs_error *err) {
    const struct pxs_curves_options *o = r->options;
    const struct pxs_cell args[] = {pxs_cell_int(r->out->sweep_id), pxs_cell_int(o->run_id),
                                    pxs_cell_int(limit_of(r))};
    struct pxs_table wanted = {0};
    struct pxs_text sql = {0};
    enum pxs_status status;
    if (!o->where)
        return pxs_choice_select(r->store, &r->choice, pxs_metrics_curve_runs_sql, args,
                                 PXS_COUNT(args), rows, err);

    /* The condition has lines of its own, so that the caret below a mistake in it stands below the
     * user's words. */
    pxs_text_addf(&sql, "SELECT run_id FROM v_run WHERE sweep_id = ?1 AND (\n%s\n)", o->where);
    status = pxs_text_status(&sql, err);
    if (status == PXS_OK)
        status = pxs_choice_select(r->store, &r->choice, pxs_text_str(&sql), args, 1, &wanted, err);
    if (status == PXS_OK)
        status = pxs_choice_select(r->store, &r->choice, pxs_metrics_curve_runs_sql, args,
                                   PXS_COUNT(args), rows, err);
    if (status != PXS_OK)
        goto out;

    size_t kept = 0;
    for (size_t row = 0; row < rows->n_rows; row++) {
        struct pxs_cell *cells = &rows->cells[row * rows->n_columns];
        size_t i = 0;
        while (i < wanted.n_rows && wanted.cells[i].integer != cells[0].integer)
            i++;
        if (i < wanted.n_rows)
            memmove(&rows->cells[kept++ * rows->n_columns], cells, rows->n_columns * sizeof *cells);
    }
    rows->n_rows = kept;
out:
    pxs_table_finish(&wanted);
    pxs_text_finish(&sql);
    return status;
}

static enum pxs_status take_run(struct reading *r, const struct pxs_groups *g,
                                const struct pxs_table *t, size_t row, struct pxs_error *err) {
    struct pxs_run_curves *run = &r->out->runs[row];
    struct pxs_arena *arena = &r->out->arena;
    run->run_id = pxs_table_at(t, row, "run_id").integer;
    run->number = pxs_table_at(t, row, "number").integer;
    run->seed = pxs_table_at(t, row, "seed").integer;
    run->name = pxs_arena_strdup(arena, pxs_table_at(t, row, "name").text);
    run->state = pxs_state_parse(pxs_table_at(t, row, "state").text);
    if (!run->name)
        return pxs_fail_nomem(err);
    size_t i = 0;
    while (i < g->n_runs && g->run_ids[i] != run->run_id)
        i++;
    if (i == g->n_runs)
        return pxs_fail(err, PXS_E_BUSY,
                        "the sweep was planned anew while it was being read; ask again");
    run->configuration = g->group_of[i];
    const struct pxs_cell step = pxs_table_at(t, row, "step"),
                          last = pxs_table_at(t, row, "last_epoch");
    run->last_epoch = last.kind == PXS_CELL_INT ? last.integer : -1;
    if (step.kind != PXS_CELL_INT)
        return PXS_OK;

    /* Steps count over the whole run, so the last one tells how many batches an epoch has. In a
     * run's first epoch it does not tell yet. */
    const int64_t epoch = pxs_table_at(t, row, "epoch").integer,
                  batch = pxs_table_at(t, row, "batch").integer;
    const int64_t whole = epoch > 0 ? (step.integer - batch) / epoch : 0;
    run->steps = step.integer + 1;
    run->begun = epoch + 1;
    run->batches_per_epoch = whole > batch + 1 ? whole : batch + 1;
    return PXS_OK;
}

static enum pxs_status take_groups(struct pxs_curves *out, const struct pxs_groups *g,
                                   struct pxs_error *err) {
    snprintf(out->sweep, sizeof out->sweep, "%s", g->sweep);
    const char **keys = pxs_arena_alloc(&out->arena, (g->n_keys + 1) * sizeof *keys);
    out->configurations =
        pxs_arena_alloc(&out->arena, (g->n_groups + 1) * sizeof *out->configurations);
    if (!keys || !out->configurations)
        return pxs_fail_nomem(err);
    out->keys = keys;
    out->n_keys = g->n_keys;
    out->n_configurations = g->n_groups;
    for (size_t i = 0; i < g->n_keys; i++) {
        if ((keys[i] = pxs_arena_strdup(&out->arena, g->keys[i])) == NULL)
            return pxs_fail_nomem(err);
    }
    const char **notes = pxs_arena_alloc(&out->arena, (g->n_notes + 1) * sizeof *notes);
    if (!notes)
        return pxs_fail_nomem(err);
    out->notes = notes;
    for (; out->n_notes < g->n_notes; out->n_notes++) {
        if ((notes[out->n_notes] = pxs_arena_strdup(&out->arena, g->notes[out->n_notes])) == NULL)
            return pxs_fail_nomem(err);
    }
    for (size_t i = 0; i < g->n_groups; i++) {
        if ((out->configurations[i].label = pxs_arena_strdup(&out->arena, g->labels[i])) == NULL)
            return pxs_fail_nomem(err);
    }
    return PXS_OK;
}

/* Fills out->runs, and how many runs of each configuration are in which state. */
static enum pxs_status read_runs(struct reading *r, const struct pxs_groups *g,
                                 struct pxs_error *err) {
    struct pxs_curves *out = r->out;
    struct pxs_table rows = {0};
    PXS_TRY(take_groups(out, g, err));
    enum pxs_status status = read_run_rows(r, &rows, err);
    if (status != PXS_OK)
        goto out;
    out->runs = pxs_arena_alloc(&out->arena, (rows.n_rows + 1) * sizeof *out->runs);
    if (!out->runs) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    for (; out->n_runs < rows.n_rows; out->n_runs++) {
        status = take_run(r, g, &rows, out->n_runs, err);
        if (status != PXS_OK)
            goto out;
        const struct pxs_run_curves *run = &out->runs[out->n_runs];
        struct pxs_configuration *of = &out->configurations[run->configuration];
        const bool lost = pxs_state_is_lost(run->state);
        of->n_runs++;
        of->n_begun += !lost && (run->steps > 0 || run->last_epoch >= 0);
        of->completed += run->state == PXS_STATE_COMPLETED;
        of->lost += lost;
        of->open += !lost && run->state != PXS_STATE_COMPLETED;
    }
out:
    pxs_table_finish(&rows);
    return status;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static enum pxs_status take_batch(void *user, const char *const *columns,
                                  const struct pxs_cell *cells, size_t n, struct pxs_error *err) {
    const struct reading *r = user;
    double values[PXS_BATCH_N];
    for (size_t i = 0; cells && i < r->n_columns; i++)
        values[i] = cell_number(&cells[3 + i]);
    if (cells)
        r->reducer->batch(r->user, r->run, cells[0].integer, cells[1].integer, cells[2].integer,
                          values);
    return PXS_OK;
}

static enum pxs_status read_batches(struct reading *r, struct pxs_error *err) {
    struct pxs_text sql = {0};
    pxs_text_add(&sql, "SELECT step, epoch, batch");
    for (int c = 0; c < PXS_BATCH_N; c++) {
        if ((r->options->batch_columns >> c & 1) != 0)
            pxs_text_addf(&sql, ", %s", pxs_batch_info((enum pxs_batch_column)c)->name);
    }
    pxs_text_addf(
        &sql, " FROM batch_loss WHERE run_id = %" PRId64 " AND epoch < %" PRId64 " ORDER BY step",
        r->out->runs[r->run].run_id, limit_of(r));
    enum pxs_status status = pxs_text_status(&sql, err);
    if (status == PXS_OK)
        status = pxs_store_query(r->store, pxs_text_str(&sql), take_batch, r, err);
    pxs_text_finish(&sql);
    return status;
}

static enum pxs_status take_epoch(void *user, const char *const *columns,
                                  const struct pxs_cell *cells, size_t n, struct pxs_error *err) {
    const struct reading *r = user;
    double values[PXS_EPOCH_N];
    for (size_t c = 0; cells && c < PXS_EPOCH_N; c++)
        values[c] = cell_number(&cells[1 + c]);
    if (cells)
        r->reducer->epoch(r->user, r->run, cells[0].integer, values);
    return PXS_OK;
}

static enum pxs_status read_epochs(struct reading *r, struct pxs_error *err) {
    struct pxs_text sql = {0};
    pxs_text_addf(&sql,
                  "SELECT epoch" PXS_EPOCH_MEASURES(
                      PXS_MEASURE_COLUMN) " FROM epoch WHERE run_id = %" PRId64
                                          " AND epoch < %" PRId64 " ORDER BY epoch",
                  r->out->runs[r->run].run_id, limit_of(r));
    enum pxs_status status = pxs_text_status(&sql, err);
    if (status == PXS_OK)
        status = pxs_store_query(r->store, pxs_text_str(&sql), take_epoch, r, err);
    pxs_text_finish(&sql);
    return status;
}

static enum pxs_status read_rows(struct reading *r, struct pxs_error *err) {
    const size_t n_runs = r->out->n_runs;
    PXS_TRY(r->reducer->begin(r->user, r->out, err));
    for (r->run = 0; r->run < n_runs; r->run++) {
        const struct pxs_run_curves *run = &r->out->runs[r->run];
        if (run->last_epoch >= 0)
            PXS_TRY(read_epochs(r, err));
        if (r->n_columns > 0 && run->steps > 0)
            PXS_TRY(read_batches(r, err));
        PXS_TRY(r->reducer->end(r->user, r->run, err));
        pxs_meter_tell(r->options->meter, "reading curves", (double)(r->run + 1), (double)n_runs);
    }
    return PXS_OK;
}

/* ---- bands ---------------------------------------------------------------------------------- */

static void widen(struct pxs_band *band, const struct pxs_curve *curve) {
    for (size_t i = 0; i < curve->n; i++) {
        const double y = curve->y[i];
        const size_t at = (size_t)curve->x[i];
        if (isnan(y) || at >= band->n)
            continue;
        if (band->runs[at] == 0 || y < band->min[at])
            band->min[at] = y;
        if (band->runs[at] == 0 || y > band->max[at])
            band->max[at] = y;
        band->runs[at]++;
        band->mean[at] += (y - band->mean[at]) / (double)band->runs[at];
    }
}

/* The band of each value of an epoch over the runs of a configuration that are not lost. */
static enum pxs_status make_bands(struct pxs_curves *c, size_t configuration,
                                  struct pxs_error *err) {
    int64_t last = -1;
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct pxs_run_curves *run = &c->runs[i];
        if (run->configuration == configuration && !pxs_state_is_lost(run->state))
            last = run->last_epoch > last ? run->last_epoch : last;
    }
    const size_t n = (size_t)(last + 1);
    for (int column = 0; column < PXS_EPOCH_N; column++) {
        struct pxs_band *band = &c->configurations[configuration].band[column];
        double *numbers = pxs_arena_alloc(&c->arena, (4 * n + 1) * sizeof *numbers);
        int64_t *runs = pxs_arena_alloc(&c->arena, (n + 1) * sizeof *runs);
        if (!numbers || !runs)
            return pxs_fail_nomem(err);
        *band = (struct pxs_band){n, numbers, numbers + n, numbers + 2 * n, numbers + 3 * n, runs};
        for (size_t i = 0; i < c->n_runs; i++) {
            if (c->runs[i].configuration == configuration && !pxs_state_is_lost(c->runs[i].state))
                widen(band, &c->runs[i].epoch[column]);
        }
        for (size_t i = 0; i < n; i++) {
            band->x[i] = (double)i;
            if (runs[i] == 0)
                band->mean[i] = band->min[i] = band->max[i] = NAN;
        }
    }
    return PXS_OK;
}

/* ---- all together --------------------------------------------------------------------------- */

enum pxs_status pxs_curves_read(struct pxs_store *s, const struct pxs_curves_options *options,
                                struct pxs_curves *out, struct pxs_error *err) {
    struct pxs_curves made = {0};
    struct pxs_groups groups = {0};
    struct pxs_spikes spikes = {0};
    struct reading r = {.store = s,
                        .options = options,
                        .out = &made,
                        .reducer = options->reducer ? options->reducer : &pxs_spikes_reducer,
                        .user = options->reducer ? options->user : &spikes};
    for (int c = 0; c < PXS_BATCH_N; c++)
        r.n_columns += options->batch_columns >> c & 1;
    const struct pxs_choice_options choice = {.sweep = options->sweep,
                                              .more = options->more,
                                              .n_more = options->n_more,
                                              .all = options->where || options->run_id != 0};
    enum pxs_status status = pxs_choose(s, &choice, &r.choice, err);
    if (status != PXS_OK)
        goto out;
    made.sweep_id = r.choice.sweeps[0];
    made.n_sweeps = r.choice.n_sweeps;
    status = pxs_groups_read(s, &r.choice, options->by, options->n_by, &groups, err);
    if (status != PXS_OK)
        goto out;
    status = read_runs(&r, &groups, err);
    if (status == PXS_OK && !options->reducer)
        status = pxs_spikes_begin(&spikes, options, err);
    if (status == PXS_OK)
        status = read_rows(&r, err);
    if (status != PXS_OK)
        goto out;
    for (size_t i = 0; !options->reducer && status == PXS_OK && i < made.n_configurations; i++)
        status = make_bands(&made, i, err);
out:
    pxs_spikes_finish(&spikes);
    pxs_groups_finish(&groups);
    pxs_choice_finish(&r.choice);
    if (status == PXS_OK)
        *out = made;
    else
        pxs_curves_finish(&made);
    return status;
}

void pxs_curves_finish(struct pxs_curves *curves) {
    pxs_arena_finish(&curves->arena);
    *curves = (struct pxs_curves){0};
}
