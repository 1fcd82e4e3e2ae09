/* compare: what is measured of each run. */
#include "compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Area: the trapezoid rule over epochs, divided by the epochs between the first and the last: so it reads as a loss. An epoch without a
 * validation loss is bridged. Target: the first epoch whose %1$s is %2$s ?2. PSNR and SSIM are those of the weights that are kept
 * (generator_min): of the epoch with the best validation loss. %3$s: a run's figures; nothing behind epoch ?3 counts. */
static const char runs_sql[] =
    "WITH point AS (SELECT e.run_id, e.epoch, e.val_loss, lag(e.val_loss) OVER w AS before, lag(e.epoch) "
    "OVER "
    "w AS since"
    "  FROM epoch e JOIN run r USING (run_id) WHERE r.sweep_id = ?1 AND e.val_loss IS NOT NULL AND e.epoch "
    "<= ?3"
    "  WINDOW w AS (PARTITION BY e.run_id ORDER BY e.epoch)),"
    "area AS (SELECT run_id, CASE WHEN count(*) > 1 THEN sum((val_loss + before) / 2 * (epoch - since)) /"
    "  (max(epoch) - min(epoch)) ELSE max(val_loss) END AS auc FROM point GROUP BY run_id),"
    "hit AS (SELECT e.run_id, min(e.epoch) AS epoch FROM epoch e JOIN run r USING (run_id)"
    "  WHERE r.sweep_id = ?1 AND e.%1$s %2$s ?2 AND e.epoch <= ?3 GROUP BY e.run_id)"
    "SELECT r.run_id, r.state, r.seed, EXISTS (SELECT 1 FROM imported i WHERE i.run_id = r.run_id) AS "
    "imported,"
    " coalesce((SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'gan_mode'), 'lsgan') = "
    "'lsgan' AS lsgan,"
    " (SELECT max(e.epoch) FROM epoch e WHERE e.run_id = r.run_id) AS last_epoch,"
    " s.best_val_loss, s.best_epoch, s.final_val_loss, s.final_avg_loss_G,"
    " (SELECT e.lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY e.epoch LIMIT 1) AS lr_first,"
    " (SELECT e.lr_G FROM epoch e WHERE e.run_id = r.run_id AND e.epoch <= ?3 ORDER BY e.epoch DESC LIMIT 1) "
    "AS "
    "lr_last,"
    " s.seconds, a.auc, b.val_psnr, b.val_ssim,"
    " (SELECT avg_D_real FROM d_output d WHERE d.run_id = r.run_id AND d.epoch <= ?3 ORDER BY d.epoch DESC "
    "LIMIT 1) "
    "AS D_real,"
    " (SELECT avg_D_fake FROM d_output d WHERE d.run_id = r.run_id AND d.epoch <= ?3 ORDER BY d.epoch DESC "
    "LIMIT 1) "
    "AS D_fake,"
    " h.epoch AS target_epoch,"
    " (SELECT sum(e.seconds) FROM epoch e WHERE e.run_id = r.run_id AND e.epoch <= h.epoch) AS "
    "target_seconds"
    " FROM run r LEFT JOIN %3$s s ON s.run_id = r.run_id LEFT JOIN area a ON a.run_id = r.run_id"
    " LEFT JOIN epoch b ON b.run_id = r.run_id AND b.epoch = s.best_epoch LEFT JOIN hit h ON h.run_id = "
    "r.run_id"
    " WHERE r.sweep_id = ?1 ORDER BY r.number, r.run_id";

/* What run_summary would hold, had every run ended with epoch ?3. */
static const char summary_until_sql[] =
    "(SELECT e.run_id, min(e.val_loss) AS best_val_loss,"
    "  (SELECT f.epoch FROM epoch f WHERE f.run_id = e.run_id AND f.epoch <= ?3 AND f.val_loss IS NOT NULL"
    "   ORDER BY f.val_loss, f.epoch LIMIT 1) AS best_epoch,"
    "  (SELECT f.val_loss FROM epoch f WHERE f.run_id = e.run_id AND f.epoch <= ?3 ORDER BY f.epoch DESC "
    "LIMIT 1)"
    "   AS final_val_loss,"
    "  (SELECT f.avg_loss_G FROM epoch f WHERE f.run_id = e.run_id AND f.epoch <= ?3 ORDER BY f.epoch DESC "
    "LIMIT 1)"
    "   AS final_avg_loss_G,"
    "  sum(e.seconds) AS seconds FROM epoch e JOIN run USING (run_id) WHERE run.sweep_id = ?1 AND e.epoch <= "
    "?3"
    " GROUP BY e.run_id)";

static const char *column_of(const struct metric *metric) {
    return metric->measure == M_PSNR ? "val_psnr" : metric->measure == M_SSIM ? "val_ssim" : "val_loss";
}

static enum pxs_status read_runs(struct comparing *c, int64_t sweep_id, struct pxs_error *err) {
    const struct pxs_compare_options *o = c->o;
    const bool wanted = o->target != NULL;
    const struct pxs_cell args[] = {pxs_cell_int(sweep_id),
                                    wanted ? pxs_cell_real(*o->target) : pxs_cell_text(NULL),
                                    pxs_cell_int(c->until >= 0 ? c->until : INT64_MAX)};
    struct pxs_text sql = {0};
    pxs_text_addf(&sql, runs_sql, column_of(&c->asked),
                  c->asked.higher ? ">=" : "<=", c->until >= 0 ? summary_until_sql : "run_summary");
    enum pxs_status status = sql.failed ? pxs_fail_nomem(err) : PXS_OK;
    if (status == PXS_OK)
        status = pxs_store_select(c->store, pxs_text_str(&sql), args, PXS_COUNT(args), &c->runs, err);
    pxs_text_finish(&sql);
    return status;
}

static const struct pxs_cell *row_of(const struct comparing *c, size_t run) {
    return c->runs.cells + run * c->runs.n_columns;
}

static bool is_completed(const struct comparing *c, size_t run) {
    return strcmp(row_of(c, run)[RUN_STATE].text, "completed") == 0;
}

/* It may still be completed, or is: how far it has come; -1: nowhere, or it will never be. */
static int64_t reach_of(const struct comparing *c, size_t run) {
    const struct pxs_cell *last = &row_of(c, run)[RUN_LAST_EPOCH];
    return pxs_run_is_lost(row_of(c, run)[RUN_STATE].text) || last->kind == PXS_CELL_NULL ? -1
                                                                                          : last->integer;
}

bool pxs_compare_counts(const struct comparing *c, size_t run) {
    return is_completed(c, run) || (c->until >= 0 && reach_of(c, run) >= c->until);
}

bool pxs_compare_common(const struct comparing *c, int64_t *epoch, size_t *configurations) {
    bool open = false;
    *epoch = INT64_MAX;
    *configurations = 0;
    for (size_t g = 0; g < c->in.n_groups; g++) {
        int64_t furthest = -1;
        for (size_t run = 0; run < c->in.n_runs; run++) {
            if (c->in.group_of[run] != g)
                continue;
            open = open || (!is_completed(c, run) && reach_of(c, run) >= 0);
            if (is_completed(c, run))
                furthest = INT64_MAX; /* it went as far as it was meant to */
            else if (reach_of(c, run) > furthest)
                furthest = reach_of(c, run);
        }
        *configurations += furthest >= 0;
        if (furthest >= 0 && furthest < *epoch)
            *epoch = furthest;
    }
    return open && *configurations > 1 && *epoch < INT64_MAX;
}

double pxs_compare_value(const struct comparing *c, size_t run, enum measure m) {
    const struct pxs_cell *cell = &c->runs.cells[run * c->runs.n_columns + RUN_MEASURES + m];
    return cell->kind == PXS_CELL_NULL ? NAN : cell->real;
}

size_t pxs_compare_gather(const struct comparing *c, const struct group *g, enum measure m, double *values) {
    size_t n = 0;
    for (size_t run = 0; run < c->in.n_runs; run++) {
        if (c->in.group_of[run] == g->index && pxs_compare_counts(c, run))
            values[n++] = pxs_compare_value(c, run, m);
    }
    return n;
}

static void count_run(struct group *g, const char *state, bool imported) {
    g->imported += imported;
    if (strcmp(state, "completed") == 0)
        g->completed++;
    else if (strcmp(state, "failed") == 0)
        g->failed++;
    else if (strcmp(state, "diverged") == 0)
        g->diverged++;
    else if (strcmp(state, "pruned") == 0)
        g->pruned++;
    else
        g->open++;
}

static enum pxs_status make_groups(struct comparing *c, struct pxs_error *err) {
    c->n_groups = c->in.n_groups;
    c->groups = pxs_arena_alloc(&c->arena, (c->n_groups + 1) * sizeof *c->groups);
    double *values = malloc((c->in.n_runs + 1) * sizeof *values);
    if (c->groups == NULL || values == NULL) {
        free(values);
        return pxs_fail_nomem(err);
    }
    for (size_t g = 0; g < c->n_groups; g++)
        c->groups[g] = (struct group){.index = g, .first = c->in.first[g]};
    for (size_t run = 0; run < c->in.n_runs; run++) {
        const struct pxs_cell *row = row_of(c, run);
        struct group *of = &c->groups[c->in.group_of[run]];
        count_run(of, row[RUN_STATE].text, row[RUN_IMPORTED].integer != 0);
        of->counted += pxs_compare_counts(c, run);
    }
    for (size_t g = 0; g < c->n_groups; g++) {
        for (int m = 0; m < MEASURES; m++) {
            const size_t n = pxs_compare_gather(c, &c->groups[g], (enum measure)m, values);
            pxs_stats_of(values, n, &c->groups[g].stats[m]);
        }
    }
    free(values);
    return PXS_OK;
}

enum pxs_status pxs_compare_read(struct comparing *c, int64_t sweep_id, struct pxs_error *err) {
    PXS_TRY(pxs_groups_read(c->store, sweep_id, c->o->by, c->o->n_by, &c->in, err));
    if (c->o->by != NULL)
        PXS_TRY(pxs_groups_read(c->store, sweep_id, NULL, 0, &c->all, err));
    PXS_TRY(read_runs(c, sweep_id, err));
    if (c->runs.n_rows != c->in.n_runs || (c->o->by != NULL && c->all.n_runs != c->in.n_runs))
        return pxs_fail(err, PXS_E_BUSY, "the sweep was planned anew while it was being read; ask again");
    return make_groups(c, err);
}
