/* The judged looks of a sweep's races, from their files into the store. */
#include <stdlib.h>
#include <string.h>

#include "ingest_priv.h"
#include "pixsweep/records/race_look.h"

/* So that nothing is written, and no lock taken, where all of them are there. */
static enum pxs_status is_there(struct pxs_store *store, int64_t sweep_id,
                                const struct pxs_race_record *look, bool *there,
                                struct pxs_error *err) {
    const struct pxs_cell args[] = {pxs_cell_int(sweep_id), pxs_cell_text(look->race),
                                    pxs_cell_int(look->look)};
    struct pxs_table t = {0};
    PXS_TRY(pxs_store_select(store,
                             "SELECT 1 FROM race_look WHERE sweep_id = ?1 AND race = ?2 AND look = "
                             "?3",
                             args, PXS_COUNT(args), &t, err));
    *there = t.n_rows > 0;
    pxs_table_finish(&t);
    return PXS_OK;
}

enum pxs_status pxs_race_ingest(struct pxs_store *store, int64_t sweep_id, const char *folder,
                                struct pxs_error *err) {
    struct pxs_race_record *looks;
    size_t n;
    bool added;
    PXS_TRY(pxs_race_looks_read(folder, &looks, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n; i++) {
        bool there = false;
        if (status == PXS_OK)
            status = is_there(store, sweep_id, &looks[i], &there, err);
        if (status == PXS_OK && !there)
            status = pxs_store_add_look(store, sweep_id, &looks[i], &added, err);
        pxs_race_record_finish(&looks[i]);
    }
    free(looks);
    return status;
}

enum pxs_status pxs_race_ingest_beside(struct pxs_store *store, const struct pxs_store_run *run,
                                       const char *dir, struct pxs_race_seen *seen,
                                       struct pxs_error *err) {
    char folder[PXS_PATH_MAX];
    if (!pxs_path_dir(folder, sizeof folder, dir) ||
        (seen->sweep_id == run->sweep_id && strcmp(seen->folder, folder) == 0))
        return PXS_OK;
    seen->sweep_id = run->sweep_id;
    snprintf(seen->folder, sizeof seen->folder, "%s", folder);
    return pxs_race_ingest(store, run->sweep_id, folder, err);
}
