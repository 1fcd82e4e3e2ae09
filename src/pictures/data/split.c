/* Which pairs train and which validate. */
#include "dataset_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
    const char *hash;
    uint32_t pair;
};

static int by_hash(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order != 0 ? order : (x->pair > y->pair) - (x->pair < y->pair);
}

/* Marks the pairs with the lowest content hashes: names, order and seed have no say. Equal pairs
 * stay together, so that none is on both sides. */
static enum pxs_status mark_lowest(const struct pxs_scan *scan, size_t wanted, bool *validates,
                                   struct pxs_error *err) {
    struct ranked *rank = malloc((scan->train + 1) * sizeof *rank);
    if (!rank)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < scan->train; i++)
        rank[i] = (struct ranked){scan->seen[i].hash, (uint32_t)i};
    qsort(rank, scan->train, sizeof *rank, by_hash);
    for (size_t i = 0; i < scan->train; i++)
        if (i < wanted ||
            (i > 0 && validates[rank[i - 1].pair] && strcmp(rank[i].hash, rank[i - 1].hash) == 0))
            validates[rank[i].pair] = true;
    free(rank);
    return PXS_OK;
}

static enum pxs_status split_by_fraction(const struct pxs_scan *scan, double fraction,
                                         bool *validates, struct pxs_error *err) {
    char text[32];
    if (fraction == 0.0)
        return PXS_OK;
    size_t wanted = (size_t)llround(fraction * (double)scan->train), taken = 0;
    PXS_TRY(mark_lowest(scan, wanted < 1 ? 1 : wanted, validates, err));
    for (size_t i = 0; i < scan->train; i++)
        taken += validates[i];
    if (taken == scan->train)
        return pxs_fail(
            err, PXS_E_INVALID,
            "val_fraction %s of %zu pairs leaves none to train on; add pairs or a val/ folder, or "
            "train on all of them with validation: off",
            pxs_format_double(text, fraction), scan->train);
    return PXS_OK;
}

enum pxs_status pxs_split_pairs(const struct pxs_scan *scan, const struct pxs_dataset_options *o,
                                uint32_t *pairs[2], struct pxs_dataset_info *info,
                                struct pxs_error *err) {
    size_t all = scan->train + scan->val, n[2] = {0, 0};
    bool has_val = scan->listing.folder[PXS_SPLIT_VAL].exists;
    bool *validates = calloc(all + 1, sizeof *validates);
    uint32_t *list[2] = {malloc((all + 1) * sizeof **list), malloc((all + 1) * sizeof **list)};
    enum pxs_status status = PXS_OK;
    if (!validates || !list[0] || !list[1])
        status = pxs_fail_nomem(err);
    else if (!has_val)
        status = split_by_fraction(scan, o->val_fraction, validates, err);
    for (size_t i = 0; i < all && status == PXS_OK; i++) {
        int k = i >= scan->train || validates[i] ? PXS_SPLIT_VAL : PXS_SPLIT_TRAIN;
        list[k][n[k]++] = (uint32_t)i;
    }
    free(validates);
    if (status != PXS_OK) {
        free(list[0]);
        free(list[1]);
        return status;
    }
    info->train = n[PXS_SPLIT_TRAIN];
    info->val = n[PXS_SPLIT_VAL];
    info->val_from_train = !has_val;
    info->overlap = scan->overlap;
    memcpy(pairs, list, sizeof list);
    return PXS_OK;
}
