/* Races: what a sweep's file asks for. */
#include "store_priv.h"

#include <math.h>

static enum pxs_status set_race(struct pxs_store *s, int64_t sweep_id,
                                const struct pxs_store_race *race, struct pxs_error *err) {
    PXS_TRY(pxs_store_run_stmt(
        s, PXS_ST_SWEEP_SET_RACE,
        PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text_or_null(race ? race->race : "")), err));
    if (!race)
        return PXS_OK;
    return pxs_store_run_stmt(
        s, PXS_ST_RACE_PUT,
        PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(race->race), pxs_cell_real(race->confidence),
                 pxs_cell_int(race->first), pxs_cell_int(race->max_seeds),
                 pxs_cell_real(race->indifference), pxs_cell_text(race->metric),
                 pxs_cell_real(isfinite(race->budget_s) ? race->budget_s : NAN),
                 pxs_cell_int_or_null(race->budget_runs)),
        err);
}

enum pxs_status pxs_store_set_race(struct pxs_store *s, int64_t sweep_id,
                                   const struct pxs_store_race *race, struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(s, set_race(s, sweep_id, race, err), err);
}
