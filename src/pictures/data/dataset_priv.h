/* A loaded set: bytes of all halves, and which pairs each split holds. */
#ifndef PIXSWEEP_DATA_DATASET_PRIV_H
#define PIXSWEEP_DATA_DATASET_PRIV_H

#include "pixsweep/data.h"
#include "cache_priv.h"
#include "scan_priv.h"

/* Pairs are numbered as found: those of train/ first, then those of val/. Half k of pair p (0 = A,
 * left; 1 = B, right) lies at plain + (2 p + k) * plain_half, enlarged by `jitter` at large + (2 p
 * + k) * large_half (train/ only). */
struct pxs_dataset {
    struct pxs_dataset_info info;
    int height, width, channels, jitter;
    bool a_to_b;
    struct pxs_cache cache; /* with a map: plain and large lie in it */
    uint8_t *plain, *large;
    size_t plain_half, large_half;
    uint32_t *pairs[2]; /* by enum pxs_split: numbers of its pairs in file order */
    const char **names; /* by number */
    struct pxs_arena arena;
    float value[256]; /* of a byte, normalised */
};

/* Divides the pairs of a scan into splits: val/ where it exists, otherwise val_fraction by content.
 * pairs[k] and info's train, val, val_from_train, overlap are set; free() the two lists. */
PXS_NODISCARD enum pxs_status pxs_split_pairs(const struct pxs_scan *scan,
                                              const struct pxs_dataset_options *options,
                                              uint32_t *pairs[2], struct pxs_dataset_info *info,
                                              struct pxs_error *err);

#endif
