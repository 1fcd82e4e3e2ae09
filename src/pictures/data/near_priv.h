/* Pairs that are nearly the same: saved anew, resized, a little brighter. */
#ifndef PIXSWEEP_DATA_NEAR_PRIV_H
#define PIXSWEEP_DATA_NEAR_PRIV_H

#include "scan_priv.h"

/* A half made small: 16 x 16 and grey. */
#define PXS_THUMB 256

/* What `data check` keeps of each pair beside what reading does. */
struct pxs_thumb {
    uint8_t half[2][PXS_THUMB];
    int sum;        /* of half A */
    int most;       /* a value may differ by so much from another pair's that is nearly the same */
    bool there;     /* both halves have more than one colour */
    bool identical; /* the halves are one picture */
};
PXS_NODISCARD enum pxs_status pxs_thumb_make(const struct pxs_half half[2], struct pxs_thumb *out,
                                             struct pxs_error *err);

/* near[i]: number of an earlier pair that pair i is nearly the same as, without being the very
 * same; SIZE_MAX: none. Of pairs of val/ the earlier one is in train/; without val/ both are in
 * train/. The time grows with the product of both numbers: 50,000 pairs take some seconds. */
PXS_NODISCARD enum pxs_status pxs_near_find(const struct pxs_scan *scan,
                                            const struct pxs_thumb *thumbs, struct pxs_pool *pool,
                                            struct pxs_meter meter, size_t *near,
                                            struct pxs_error *err);

#endif
