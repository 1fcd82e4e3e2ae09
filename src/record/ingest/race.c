/* The judged looks of a sweep's races, from their files into the store. */
#include <stdlib.h>

#include "pixsweep/ingest.h"
#include "pixsweep/records/race_look.h"

enum pxs_status pxs_race_ingest(struct pxs_store *store, int64_t sweep_id, const char *folder,
                                struct pxs_error *err) {
    struct pxs_race_record *looks;
    size_t n;
    bool added;
    PXS_TRY(pxs_race_looks_read(folder, &looks, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n; i++) {
        if (status == PXS_OK)
            status = pxs_store_add_look(store, sweep_id, &looks[i], &added, err);
        pxs_race_record_finish(&looks[i]);
    }
    free(looks);
    return status;
}
