/* store: the SQLite record of sweeps, runs, attempts and everything that was measured (DESIGN.md 7 is the schema, a
 * contract). The one room that knows SQL. One writer at a time: every write transaction and WAL checkpoint happens under
 * one flock beside the database. Reading never writes. */
#ifndef PIXSWEEP_STORE_H
#define PIXSWEEP_STORE_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/record.h"

struct pxs_store;

/* ---- opening --------------------------------------------------------------------------------------------- */

/* For writing: creates the folder, the file and the schema where missing; a newer schema or a foreign file is refused. */
PXS_NODISCARD enum pxs_status pxs_store_open(const char *path, struct pxs_store **out, struct pxs_error *err);
/* For reading: PXS_E_NOT_FOUND with the remedy where there is no database yet. Never creates or changes anything. */
PXS_NODISCARD enum pxs_status pxs_store_open_readonly(const char *path, struct pxs_store **out, struct pxs_error *err);
void pxs_store_close(struct pxs_store **store);
const char *pxs_store_path(const struct pxs_store *store);

/* ---- plan ------------------------------------------------------------------------------------------------ */

struct pxs_store_new_run {
    int64_t number;                        /* position in the plan, from 1 */
    char name[256], dir[PXS_PATH_MAX];     /* dir: relative to the database's folder when inside it, else absolute */
    char config_hash[PXS_SHA256_HEX];
    const char *config_yaml;               /* borrowed */
    int64_t seed;
    const struct pxs_params *params;       /* effective keys become rows of `param`; borrowed */
};
/* Freezes a plan in one transaction: the sweep's row (created, or found by name: spec_yaml, spec_hash, n_planned updated) and a
 * row for each run whose (config_hash, seed) is not there yet; run.number and name of new rows are adjusted to follow the
 * existing ones (the caller names them). `added` = runs that were new. */
PXS_NODISCARD enum pxs_status pxs_store_plan(struct pxs_store *s, const char *sweep, const char *spec_yaml,
                                             const char *spec_hash, const struct pxs_store_new_run *runs, size_t n,
                                             int64_t *sweep_id, size_t *added, struct pxs_error *err);

/* ---- runs ------------------------------------------------------------------------------------------------ */

struct pxs_store_run {
    int64_t run_id, sweep_id, number, seed;
    char name[256], sweep[128], dir[PXS_PATH_MAX] /* absolute */, config_hash[PXS_SHA256_HEX], state[16];
    int64_t attempts; /* made so far */
};

#endif
