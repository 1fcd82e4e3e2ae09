/* compare: what is measured of each run. */
#include "compare_priv.h"
#include "compare_texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What runs.sql is asked with. */
enum { ARGS = 4 };
static void fill_args(const struct comparing *c, struct pxs_cell args[ARGS]) {
    const enum measure asked = c->asked.measure;
    args[0] = pxs_cell_int(c->choice->sweeps[0]);
    args[1] = c->until >= 0 ? pxs_cell_int(c->until) : pxs_cell_text(NULL);
    args[2] = c->o->target ? pxs_cell_real(*c->o->target) : pxs_cell_text(NULL);
    args[3] = pxs_cell_text(asked == M_val_psnr   ? "val_psnr"
                            : asked == M_val_ssim ? "val_ssim"
                                                  : "val_loss");
}

static enum pxs_status read_runs(struct comparing *c, struct pxs_error *err) {
    struct pxs_cell args[ARGS];
    fill_args(c, args);
    PXS_TRY(
        pxs_choice_select(c->store, c->choice, pxs_compare_runs_sql, args, ARGS, &c->runs, err));
    for (int m = 0; m < MEASURES; m++) {
        const char *name = pxs_metric_of((enum measure)m)->name;
        size_t i = 0;
        while (i < c->runs.n_columns && strcmp(c->runs.columns[i], name) != 0)
            i++;
        if (i == c->runs.n_columns)
            return pxs_fail(err, PXS_E_INTERNAL, "runs.sql has no column %s", name);
        c->columns[m] = i;
    }
    return PXS_OK;
}

void pxs_compare_put_sql(const struct comparing *c, struct pxs_text *out) {
    struct pxs_cell args[ARGS];
    struct pxs_text sql = {0};
    fill_args(c, args);
    pxs_choice_sql(c->choice, pxs_compare_runs_sql, &sql);
    pxs_sql_filled(out, pxs_text_str(&sql), args, ARGS);
    out->failed = out->failed || sql.failed;
    pxs_text_finish(&sql);
}

static const struct pxs_cell *row_of(const struct comparing *c, size_t run) {
    return c->runs.cells + run * c->runs.n_columns;
}

static enum pxs_run_state state_of(const struct comparing *c, size_t run) {
    return pxs_state_parse(row_of(c, run)[RUN_STATE].text);
}

static bool is_completed(const struct comparing *c, size_t run) {
    return state_of(c, run) == PXS_STATE_COMPLETED;
}

/* The last epoch of a run that is completed or may still be; -1: it has none, is lost or not
 * needed. */
static int64_t reach_of(const struct comparing *c, size_t run) {
    const struct pxs_cell *last = &row_of(c, run)[RUN_LAST_EPOCH];
    const enum pxs_run_state state = state_of(c, run);
    return pxs_state_is_lost(state) || state == PXS_STATE_NOT_NEEDED || last->kind == PXS_CELL_NULL
               ? -1
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
    const struct pxs_cell *cell = &c->runs.cells[run * c->runs.n_columns + c->columns[m]];
    return cell->kind == PXS_CELL_NULL ? NAN : cell->real;
}

size_t pxs_compare_gather(const struct comparing *c, const struct group *g, enum measure m,
                          double *values) {
    size_t n = 0;
    for (size_t run = 0; run < c->in.n_runs; run++) {
        if (c->in.group_of[run] == g->index && pxs_compare_counts(c, run))
            values[n++] = pxs_compare_value(c, run, m);
    }
    return n;
}

/* `metric`: the race's, where those that have looks have the same; else "". */
static enum pxs_status read_race(struct comparing *c, char metric[32], struct pxs_error *err) {
    struct pxs_text words = {0};
    enum pxs_status status = PXS_OK;
    bool same = true;
    *metric = '\0';
    for (size_t i = 0; i < c->choice->n_sweeps && status == PXS_OK; i++) {
        struct pxs_store_looks looks = {0};
        status = pxs_store_looks(c->store, c->choice->sweeps[i], &looks, err);
        c->raced = c->raced || looks.race.race[0];
        if (looks.n > 0) {
            const char *by = looks.looks[looks.n - 1].metric;
            same = same && (words.len == 0 || strcmp(metric, by) == 0);
            snprintf(metric, 32, "%s", by);
            pxs_text_add(&words, words.len > 0 ? "; " : "");
            pxs_store_race_words(&looks, &words);
            pxs_text_addf(&words, " (pixsweep show %s)", looks.sweep);
        }
        pxs_store_looks_finish(&looks);
    }
    if (!same)
        *metric = '\0';
    if (status == PXS_OK && words.len > 0) {
        c->race = pxs_arena_strdup(&c->arena, pxs_text_str(&words));
        status = c->race && !words.failed ? PXS_OK : pxs_fail_nomem(err);
    }
    pxs_text_finish(&words);
    return status;
}

enum pxs_status pxs_compare_read_asked(struct comparing *c, struct pxs_error *err) {
    char by_race[32];
    PXS_TRY(read_race(c, by_race, err));
    const char *name = c->o->metric ? c->o->metric : by_race[0] ? by_race : "best_val_loss";
    const struct metric *metric = pxs_metric_find("--metric", name, err);
    if (!metric)
        return PXS_E_INVALID;
    c->metric = c->asked = *metric;
    c->race_answers = by_race[0] && c->choice->n_sweeps == 1 && !c->o->by &&
                      (!c->o->where || c->o->where_is_plan) && strcmp(metric->name, by_race) == 0;
    return PXS_OK;
}

static enum pxs_status make_groups(struct comparing *c, struct pxs_error *err) {
    c->n_groups = c->in.n_groups;
    c->groups = pxs_arena_alloc(&c->arena, (c->n_groups + 1) * sizeof *c->groups);
    double *values = malloc((c->in.n_runs + 1) * sizeof *values);
    if (!c->groups || !values) {
        free(values);
        return pxs_fail_nomem(err);
    }
    for (size_t g = 0; g < c->n_groups; g++)
        c->groups[g] = (struct group){.index = g, .first = c->in.first[g]};
    for (size_t run = 0; run < c->in.n_runs; run++) {
        struct group *of = &c->groups[c->in.group_of[run]];
        const enum pxs_run_state state = state_of(c, run);
        const bool failed = state == PXS_STATE_FAILED || state == PXS_STATE_DIVERGED;
        of->states.of[state]++;
        of->failed += failed;
        of->open += !failed && !pxs_state_is_done(state);
        of->imported += row_of(c, run)[RUN_IMPORTED].integer != 0;
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

enum pxs_status pxs_compare_read(struct comparing *c, struct pxs_error *err) {
    PXS_TRY(pxs_groups_read(c->store, c->choice, c->o->by, c->o->n_by, &c->in, err));
    if (c->o->by)
        PXS_TRY(pxs_groups_read(c->store, c->choice, NULL, 0, &c->all, err));
    PXS_TRY(read_runs(c, err));
    if (c->runs.n_rows != c->in.n_runs || (c->o->by && c->all.n_runs != c->in.n_runs))
        return pxs_fail(err, PXS_E_BUSY,
                        "the sweep was planned anew while it was being read; ask again");
    return make_groups(c, err);
}
