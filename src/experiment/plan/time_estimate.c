/* What runs will cost: measured on finished ones where there are any, otherwise a stated guess. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan_priv.h"
#include "plan_texts.h"

/* Rate in GMAC/s of one thread of a middling CPU in a whole training step; used, and called a
 * guess, before anything is measured. */
#define GUESS_GMAC_PER_THREAD 50.0
#define GUESS_START 0.2  /* seconds */
#define GUESS_STEP 0.002 /* seconds */
#define STEADY_STEPS 20  /* fewer are not yet what a step takes */
#define SAME_SIZE 0.1    /* of steps: difference of the logarithms of their arithmetic */
#define SCALING 0.926    /* log2 of 1.9: what twice the threads do for a training step */

/* The hyperparameters of a run from its rows of `param`; a row of another version of the table is
 * skipped. *any: there are such rows. Only want of memory is a failure. */
static enum pxs_status stored_params(struct pxs_store *store, int64_t run_id, struct pxs_params *p,
                                     bool *any, struct pxs_error *err) {
    struct pxs_table rows = {0};
    *any = false;
    enum pxs_status status = pxs_store_ask(store, PXS_QUERY_PARAMS, run_id, &rows, err);
    if (status != PXS_OK)
        return status == PXS_E_NOMEM ? status : PXS_OK;
    pxs_params_default(p);
    for (size_t i = 0; i < rows.n_rows; i++) {
        const struct pxs_cell name = pxs_table_at(&rows, i, "key"),
                              cell = pxs_table_at(&rows, i, "value");
        const struct pxs_param_value value = {.kind = cell.kind == PXS_CELL_INT ? PXS_VALUE_INTEGER
                                                      : cell.kind == PXS_CELL_REAL ? PXS_VALUE_REAL
                                                      : cell.kind == PXS_CELL_TEXT ? PXS_VALUE_TEXT
                                                                                   : PXS_VALUE_NULL,
                                              .integer = cell.integer,
                                              .real = cell.real,
                                              .text = cell.text};
        enum pxs_param_key key;
        if (name.text && pxs_param_find(name.text, &key) && !pxs_params_put(p, key, &value))
            continue;
    }
    *any = rows.n_rows > 0;
    pxs_table_finish(&rows);
    return PXS_OK;
}

/* *known: there is enough in the run's row. Only want of memory is a failure. */
static enum pxs_status known_speed(struct pxs_store *store, const struct pxs_table *runs,
                                   size_t row, struct pxs_params *p, struct pxs_speed *out,
                                   bool *known, struct pxs_error *err) {
    *known = false;
    double seconds = pxs_table_at(runs, row, "seconds").real;
    int64_t steps = pxs_table_at(runs, row, "steps").integer,
            batches = pxs_table_at(runs, row, "batches").integer;
    if (seconds <= 0 || steps <= 0 || batches <= 0)
        return PXS_OK;
    bool stored;
    PXS_TRY(stored_params(store, pxs_table_at(runs, row, "run_id").integer, p, &stored, err));
    if (!stored)
        return PXS_OK;
    struct pxs_train_estimate e;
    pxs_train_estimate(p, batches * p->batch_size, 0, &e);
    if (!(e.gmac_per_step > 0))
        return PXS_OK;
    *out = (struct pxs_speed){.gmac_per_step = e.gmac_per_step,
                              .seconds_per_gmac = seconds / ((double)steps * e.gmac_per_step),
                              .brief = pxs_speed_is_brief(seconds, steps)};
    *known = true;
    return PXS_OK;
}

static enum pxs_status find_known(struct pxs_store *store, int threads, const char *kernels,
                                  struct pxs_arena *arena, struct pxs_speeds *out,
                                  struct pxs_error *err) {
    char host[256] = "";
    struct pxs_table runs = {0};
    gethostname(host, sizeof host - 1);
    struct pxs_cell args[] = {pxs_cell_text(host), pxs_cell_int(threads), pxs_cell_text(kernels)};
    enum pxs_status status =
        pxs_store_select(store, pxs_plan_recent_runs_sql, args, PXS_COUNT(args), &runs, err);
    if (status != PXS_OK)
        return status == PXS_E_NOMEM ? status : PXS_OK;
    struct pxs_params *p = malloc(sizeof *p);
    out->known = pxs_arena_alloc(arena, (runs.n_rows + 1) * sizeof *out->known);
    if (!p || !out->known)
        status = pxs_fail_nomem(err);
    for (size_t i = 0; status == PXS_OK && i < runs.n_rows; i++) {
        bool known = false;
        int own = (int)pxs_table_at(&runs, i, "threads").integer;
        if (i == 0)
            out->threads = own; /* those with the count that is asked for come first */
        if (own == out->threads)
            status = known_speed(store, &runs, i, p, &out->known[out->n], &known, err);
        if (known) {
            out->known[out->n].seconds_per_gmac *= pxs_speedup(own) / pxs_speedup(threads);
            out->n++;
        }
    }
    free(p);
    pxs_table_finish(&runs);
    return status;
}

enum pxs_status pxs_speeds_find(struct pxs_store *store, int threads, const char *kernels,
                                struct pxs_arena *arena, struct pxs_speeds *out,
                                struct pxs_error *err) {
    memset(out, 0, sizeof *out);
    out->source = PXS_TIME_GUESS;
    out->guess = 1.0 / (GUESS_GMAC_PER_THREAD * (threads > 0 ? threads : 1));
    if (store)
        PXS_TRY(find_known(store, threads, kernels, arena, out, err));
    if (out->n > 0)
        out->source = out->threads == threads ? PXS_TIME_MEASURED : PXS_TIME_CALIBRATED;
    return PXS_OK;
}

bool pxs_speed_is_brief(double seconds, int64_t steps) {
    return steps < STEADY_STEPS || seconds < 2 * (GUESS_START + (double)steps * GUESS_STEP);
}

/* How far the known run is from this one in the size of a step; infinite: it does not tell of it.
 */
static double distance(const struct pxs_speed *known, const struct pxs_train_estimate *estimate) {
    const double d = fabs(log(known->gmac_per_step / estimate->gmac_per_step));
    return known->brief && !(d <= SAME_SIZE) ? INFINITY : d;
}

bool pxs_speeds_tell(const struct pxs_speeds *speeds, const struct pxs_train_estimate *estimate) {
    for (size_t i = 0; i < speeds->n; i++)
        if (distance(&speeds->known[i], estimate) < INFINITY)
            return true;
    return false;
}

double pxs_speeds_seconds(const struct pxs_speeds *speeds,
                          const struct pxs_train_estimate *estimate) {
    double nearest = INFINITY, sum = 0, n = 0;
    const double steps = (double)estimate->steps;
    if (!pxs_speeds_tell(speeds, estimate)) /* what a process and a step cost beside arithmetic */
        return GUESS_START + steps * (GUESS_STEP + speeds->guess * estimate->gmac_per_step);
    for (size_t i = 0; i < speeds->n; i++)
        nearest = fmin(nearest, distance(&speeds->known[i], estimate));
    /* Runs of about the same step size agree; their mean is steadier than the last one. */
    for (size_t i = 0; i < speeds->n; i++)
        if (distance(&speeds->known[i], estimate) <= nearest + SAME_SIZE) {
            sum += speeds->known[i].seconds_per_gmac;
            n++;
        }
    return sum / n * estimate->gmac_per_step * steps;
}

double pxs_speedup(int threads) {
    return pow(threads > 1 ? threads : 1, SCALING);
}

double pxs_spread(double sum, double longest, int slots) {
    return fmax(sum / (slots > 0 ? slots : 1), longest);
}

struct pxs_plan_rate pxs_rate_of(const struct pxs_params *params, int net, int64_t batches) {
    struct pxs_schedule s;
    pxs_schedule_resolve(params, net, batches, &s);
    struct pxs_plan_rate r = {.first = pxs_schedule_rate(&s, 0, 0),
                              .last = pxs_schedule_rate(&s, s.n_epochs - 1, batches - 1),
                              .constant = s.policy == PXS_LR_CONSTANT && s.warmup_epochs == 0,
                              .depends_on_losses = s.policy == PXS_LR_PLATEAU};
    if (r.depends_on_losses)
        r.last = NAN;
    r.ratio = r.last / s.base;
    r.falls_to_hundredth = r.depends_on_losses || r.ratio <= 0.01 * (1 + 1e-12);
    r.never_fires =
        (s.policy == PXS_LR_HALVE || s.policy == PXS_LR_STEP || s.policy == PXS_LR_MULTISTEP) &&
        r.last == s.base;
    return r;
}

enum pxs_status pxs_kernels_named(const char *kernels, char out[64], struct pxs_error *err) {
    struct pxs_text text = {0};
    enum pxs_status status = pxs_train_environment(kernels ? kernels : "auto", &text, err);
    if (status == PXS_OK && !pxs_line_value(pxs_text_str(&text), "kernels", out, 64))
        snprintf(out, 64, "%s", kernels ? kernels : "auto");
    pxs_text_finish(&text);
    return status;
}
