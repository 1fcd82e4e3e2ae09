/* The rows of the table, for code that walks them at run time. */
#include "pixsweep/measures.h"

#include <string.h>

static const struct pxs_batch_info batch_rows[PXS_BATCH_N] = {
#define ROW(name, better, page, label) {#name, label, PXS_BETTER_##better, page},
    PXS_BATCH_MEASURES(ROW)
#undef ROW
};

#define RATE_RANK 4
static const struct pxs_epoch_info epoch_rows[PXS_EPOCH_N] = {
#define ROW(name, how, of, metric, since, unit, better, run, rank, show, head, title, label, kin) \
    {#name, #metric,           PXS_HOW_##how, #of,   since, unit, PXS_BETTER_##better,            \
     rank,  rank == RATE_RANK, head,          title, label},
    PXS_EPOCH_MEASURES(ROW)
#undef ROW
};

const struct pxs_batch_info *pxs_batch_info(enum pxs_batch_column column) {
    return &batch_rows[column];
}

const struct pxs_epoch_info *pxs_epoch_info(enum pxs_epoch_column column) {
    return &epoch_rows[column];
}

int pxs_measures_version(void) {
    return epoch_rows[PXS_EPOCH_N - 1].since; /* it never falls */
}

int pxs_epoch_behind(enum pxs_epoch_column column) {
    const struct pxs_epoch_info *epoch = &epoch_rows[column];
    if (epoch->how != PXS_HOW_VALUE && epoch->how != PXS_HOW_MEAN)
        return -1;
    for (int i = 0; i < PXS_BATCH_N; i++)
        if (strcmp(batch_rows[i].name, epoch->of) == 0)
            return i;
    return -1;
}

size_t pxs_epoch_by_rank(enum pxs_epoch_column out[PXS_EPOCH_N]) {
    size_t n = 0;
    for (int rank = 1; rank <= RATE_RANK; rank++)
        for (int i = 0; i < PXS_EPOCH_N; i++)
            if (epoch_rows[i].rank == rank)
                out[n++] = (enum pxs_epoch_column)i;
    return n;
}
