/* The curves of a sweep: what its runs measured batch by batch and epoch by epoch, and the band over seeds. */
#include "metrics_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One reading of a sweep. */
struct reading {
    struct pxs_store *store;
    const struct pxs_curves_options *options;
    struct pxs_curves *out;
    struct pxs_thinner *thinner;
    size_t n_columns; /* of batches that are asked for */
    enum pxs_batch_column columns[PXS_BATCH_N];
    struct pxs_run_curves *run; /* the one that is being read */
    size_t room;                /* epochs that its curves can hold */
};

static double cell_number(const struct pxs_cell *cell) {
    return cell->kind == PXS_CELL_INT || cell->kind == PXS_CELL_REAL ? cell->real : NAN;
}

/* ---- which runs ------------------------------------------------------------------------------------------ */

/* run_id, number, seed, name, state, and where it stands: its last batch and its last epoch. Both are looked up at the end of the
 * run's piece of the table. */
static const char runs_sql[] =
    "SELECT r.run_id, r.number, r.seed, r.name, r.state,"
    " (SELECT step FROM batch_loss b WHERE b.run_id = r.run_id ORDER BY step DESC LIMIT 1) AS step,"
    " (SELECT epoch FROM batch_loss b WHERE b.run_id = r.run_id ORDER BY step DESC LIMIT 1) AS epoch,"
    " (SELECT batch FROM batch_loss b WHERE b.run_id = r.run_id ORDER BY step DESC LIMIT 1) AS batch,"
    " (SELECT epoch FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS last_epoch"
    " FROM run r WHERE r.sweep_id = ?1 AND ?2 IN (0, r.run_id)%s ORDER BY r.number, r.run_id";

/* The condition has a line of its own, so that the caret of a mistake in it stands below the user's own words. */
static enum pxs_status read_run_rows(const struct reading *r, struct pxs_table *rows, struct pxs_error *err) {
    const struct pxs_curves_options *o = r->options;
    const struct pxs_cell args[] = {pxs_cell_int(r->out->sweep_id), pxs_cell_int(o->run_id)};
    struct pxs_text condition = {0}, sql = {0};
    if (o->where != NULL)
        pxs_text_addf(&condition, " AND r.run_id IN (SELECT run_id FROM v_run WHERE (\n%s\n))", o->where);
    pxs_text_addf(&sql, runs_sql, pxs_text_str(&condition));
    enum pxs_status status = pxs_text_status(&sql, err);
    if (status == PXS_OK)
        status = pxs_store_select(r->store, pxs_text_str(&sql), args, PXS_COUNT(args), rows, err);
    pxs_text_finish(&condition);
    pxs_text_finish(&sql);
    return status;
}

/* Steps count over the whole run, so the last one tells how many an epoch has. In a run's first epoch nothing tells yet. */
static int64_t batches_per_epoch(int64_t step, int64_t epoch, int64_t batch) {
    const int64_t whole = epoch > 0 ? (step - batch) / epoch : 0;
    return whole > batch + 1 ? whole : batch + 1;
}

static size_t configuration_of(const struct pxs_groups *g, int64_t run_id) {
    for (size_t i = 0; i < g->n_runs; i++) {
        if (g->run_ids[i] == run_id)
            return g->group_of[i];
    }
    return SIZE_MAX;
}

static enum pxs_status take_run(struct reading *r, const struct pxs_groups *g, const struct pxs_table *t,
                                size_t row, struct pxs_error *err) {
    struct pxs_run_curves *run = &r->out->runs[row];
    struct pxs_arena *arena = &r->out->arena;
    run->run_id = pxs_table_at(t, row, "run_id").integer;
    run->number = pxs_table_at(t, row, "number").integer;
    run->seed = pxs_table_at(t, row, "seed").integer;
    run->name = pxs_arena_strdup(arena, pxs_table_at(t, row, "name").text);
    run->state = pxs_state_parse(pxs_table_at(t, row, "state").text);
    run->configuration = configuration_of(g, run->run_id);
    if (run->name == NULL)
        return pxs_fail_nomem(err);
    if (run->configuration == SIZE_MAX)
        return pxs_fail(err, PXS_E_BUSY, "the sweep was planned anew while it was being read; ask again");
    const struct pxs_cell step = pxs_table_at(t, row, "step"), last = pxs_table_at(t, row, "last_epoch");
    run->last_epoch = last.kind == PXS_CELL_INT ? last.integer : -1;
    if (step.kind == PXS_CELL_INT) {
        run->steps = step.integer + 1;
        run->batches_per_epoch = batches_per_epoch(step.integer, pxs_table_at(t, row, "epoch").integer,
                                                   pxs_table_at(t, row, "batch").integer);
    }
    return PXS_OK;
}

static void count_states(struct pxs_curves *c) {
    for (size_t i = 0; i < c->n_runs; i++) {
        struct pxs_configuration *of = &c->configurations[c->runs[i].configuration];
        of->n_runs++;
        of->n_begun +=
            (c->runs[i].steps > 0 || c->runs[i].last_epoch >= 0) && !pxs_state_is_lost(c->runs[i].state);
        if (c->runs[i].state == PXS_STATE_COMPLETED)
            of->completed++;
        else if (pxs_state_is_lost(c->runs[i].state))
            of->lost++;
        else
            of->open++;
    }
}

static enum pxs_status take_groups(struct pxs_curves *out, const struct pxs_groups *g,
                                   struct pxs_error *err) {
    snprintf(out->sweep, sizeof out->sweep, "%s", g->sweep);
    const char **keys = pxs_arena_alloc(&out->arena, (g->n_keys + 1) * sizeof *keys);
    out->configurations = pxs_arena_alloc(&out->arena, (g->n_groups + 1) * sizeof *out->configurations);
    if (keys == NULL || out->configurations == NULL)
        return pxs_fail_nomem(err);
    out->keys = keys;
    out->n_keys = g->n_keys;
    out->n_configurations = g->n_groups;
    for (size_t i = 0; i < g->n_keys; i++) {
        if ((keys[i] = pxs_arena_strdup(&out->arena, g->keys[i])) == NULL)
            return pxs_fail_nomem(err);
    }
    const char **notes = pxs_arena_alloc(&out->arena, (g->n_notes + 1) * sizeof *notes);
    if (notes == NULL)
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

static enum pxs_status read_runs(struct reading *r, const struct pxs_groups *g, struct pxs_error *err) {
    struct pxs_table rows = {0};
    PXS_TRY(take_groups(r->out, g, err));
    enum pxs_status status = read_run_rows(r, &rows, err);
    if (status == PXS_OK) {
        r->out->runs = pxs_arena_alloc(&r->out->arena, (rows.n_rows + 1) * sizeof *r->out->runs);
        status = r->out->runs != NULL ? PXS_OK : pxs_fail_nomem(err);
    }
    for (size_t i = 0; i < rows.n_rows && status == PXS_OK; i++) {
        status = take_run(r, g, &rows, i, err);
        r->out->n_runs = i + 1;
    }
    pxs_table_finish(&rows);
    if (status == PXS_OK)
        count_states(r->out);
    return status;
}

/* ---- batches --------------------------------------------------------------------------------------------- */

static enum pxs_status take_batch(void *user, const char *const *columns, const struct pxs_cell *cells,
                                  size_t n, struct pxs_error *err) {
    const struct reading *r = user;
    double values[PXS_BATCH_N];
    if (cells == NULL)
        return PXS_OK;
    for (size_t i = 0; i < r->n_columns; i++)
        values[i] = cell_number(&cells[3 + i]);
    const double in_epoch = (cells[2].real + 0.5) / (double)r->run->batches_per_epoch;
    pxs_thinner_add(r->thinner, cells[0].integer, cells[1].real + in_epoch - 0.5, values);
    return PXS_OK;
}

static enum pxs_status read_batches(struct reading *r, struct pxs_error *err) {
    if (r->n_columns == 0 || r->run->steps == 0)
        return PXS_OK;
    struct pxs_text sql = {0};
    pxs_text_add(&sql, "SELECT step, epoch, batch");
    for (size_t i = 0; i < r->n_columns; i++)
        pxs_text_addf(&sql, ", %s", pxs_batch_info(r->columns[i])->name);
    pxs_text_addf(&sql, " FROM batch_loss WHERE run_id = %" PRId64 " ORDER BY step", r->run->run_id);
    enum pxs_status status = pxs_text_status(&sql, err);
    pxs_thinner_begin(r->thinner, r->run->steps);
    if (status == PXS_OK)
        status = pxs_store_query(r->store, pxs_text_str(&sql), take_batch, r, err);
    pxs_text_finish(&sql);
    for (size_t i = 0; i < r->n_columns && status == PXS_OK; i++)
        status = pxs_thinner_end(r->thinner, i, &r->out->arena, &r->run->batch[r->columns[i]], err);
    return status;
}

/* ---- epochs ---------------------------------------------------------------------------------------------- */

static enum pxs_status take_epoch(void *user, const char *const *columns, const struct pxs_cell *cells,
                                  size_t n, struct pxs_error *err) {
    const struct reading *r = user;
    if (cells == NULL)
        return PXS_OK;
    for (size_t c = 0; c < PXS_EPOCH_N && c + 1 < n; c++) {
        struct pxs_curve *curve = &r->run->epoch[c];
        if (curve->n == r->room)
            continue; /* written since the run was looked up: it belongs to the next reading */
        const double y = cell_number(&cells[1 + c]);
        curve->x[curve->n] = cells[0].real;
        curve->y[curve->n++] = isfinite(y) ? y : NAN;
    }
    return PXS_OK;
}

static void put_epoch_sql(const struct reading *r, struct pxs_text *sql) {
    pxs_text_add(sql, "SELECT e.epoch");
    for (int c = 0; c < PXS_EPOCH_N; c++) {
        const bool of_d = c == PXS_EPOCH_avg_D_real || c == PXS_EPOCH_avg_D_fake;
        pxs_text_addf(sql, ", %s.%s", of_d ? "d" : "e", pxs_epoch_info((enum pxs_epoch_column)c)->name);
    }
    pxs_text_add(sql, " FROM epoch e LEFT JOIN d_output d ON d.run_id = e.run_id AND d.epoch = e.epoch");
    pxs_text_addf(sql, " WHERE e.run_id = %" PRId64 " ORDER BY e.epoch", r->run->run_id);
}

static enum pxs_status read_epochs(struct reading *r, struct pxs_error *err) {
    if (r->run->last_epoch < 0)
        return PXS_OK;
    struct pxs_text sql = {0};
    r->room = (size_t)r->run->last_epoch + 1;
    enum pxs_status status = PXS_OK;
    for (int c = 0; c < PXS_EPOCH_N && status == PXS_OK; c++) {
        status = pxs_curve_make(&r->run->epoch[c], r->room, &r->out->arena, err);
        r->run->epoch[c].n = 0;
    }
    put_epoch_sql(r, &sql);
    if (status == PXS_OK)
        status = pxs_text_status(&sql, err);
    if (status == PXS_OK)
        status = pxs_store_query(r->store, pxs_text_str(&sql), take_epoch, r, err);
    pxs_text_finish(&sql);
    return status;
}

/* ---- bands ----------------------------------------------------------------------------------------------- */

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

static enum pxs_status make_band(struct pxs_curves *c, size_t configuration, int column, size_t n,
                                 struct pxs_error *err) {
    struct pxs_band *band = &c->configurations[configuration].band[column];
    double *numbers = pxs_arena_alloc(&c->arena, (4 * n + 1) * sizeof *numbers);
    int64_t *runs = pxs_arena_alloc(&c->arena, (n + 1) * sizeof *runs);
    if (numbers == NULL || runs == NULL)
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
    return PXS_OK;
}

static enum pxs_status make_bands(struct pxs_curves *c, struct pxs_error *err) {
    for (size_t i = 0; i < c->n_configurations; i++) {
        int64_t last = -1;
        for (size_t run = 0; run < c->n_runs; run++) {
            const struct pxs_run_curves *r = &c->runs[run];
            if (r->configuration == i && !pxs_state_is_lost(r->state) && r->last_epoch > last)
                last = r->last_epoch;
        }
        for (int column = 0; column < PXS_EPOCH_N; column++)
            PXS_TRY(make_band(c, i, column, (size_t)(last + 1), err));
    }
    return PXS_OK;
}

/* ---- all together ---------------------------------------------------------------------------------------- */

static enum pxs_status read_curves(struct reading *r, struct pxs_error *err) {
    const struct pxs_curves_options *o = r->options;
    for (int c = 0; c < PXS_BATCH_N; c++) {
        if ((o->batch_columns >> c & 1) != 0)
            r->columns[r->n_columns++] = (enum pxs_batch_column)c;
    }
    if (r->n_columns > 0)
        PXS_TRY(pxs_thinner_create(r->n_columns, o->buckets, &r->thinner, err));
    for (size_t i = 0; i < r->out->n_runs; i++) {
        r->run = &r->out->runs[i];
        PXS_TRY(read_epochs(r, err));
        PXS_TRY(read_batches(r, err));
        pxs_meter_tell(o->meter, "reading curves", (double)(i + 1), (double)r->out->n_runs);
    }
    return make_bands(r->out, err);
}

enum pxs_status pxs_curves_read(struct pxs_store *s, const struct pxs_curves_options *options,
                                struct pxs_curves *out, struct pxs_error *err) {
    struct pxs_curves made = {0};
    struct pxs_groups groups = {0};
    struct reading r = {.store = s, .options = options, .out = &made};
    PXS_TRY(pxs_store_find_sweep(s, options->sweep, &made.sweep_id, err));
    enum pxs_status status = pxs_groups_read(s, made.sweep_id, options->by, options->n_by, &groups, err);
    if (status == PXS_OK)
        status = read_runs(&r, &groups, err);
    if (status == PXS_OK)
        status = read_curves(&r, err);
    pxs_thinner_destroy(&r.thinner);
    pxs_groups_finish(&groups);
    if (status != PXS_OK)
        pxs_curves_finish(&made);
    else
        *out = made;
    return status;
}

void pxs_curves_finish(struct pxs_curves *curves) {
    pxs_arena_finish(&curves->arena);
    *curves = (struct pxs_curves){0};
}
