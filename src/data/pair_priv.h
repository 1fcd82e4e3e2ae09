/* One pair as a picture 2W wide, whatever it is kept in. */
#ifndef PIXSWEEP_DATA_PAIR_PRIV_H
#define PIXSWEEP_DATA_PAIR_PRIV_H

#include "listing_priv.h"
#include "pixsweep/image.h"

/* A message without the file's path in front: problems name files relative to the data folder. */
const char *pxs_reason(const char *message, const char *path);

/* Opens a .npy of pairs and checks its shape: (N, H, 2W, 3), N > 0. Messages do not name the file. */
PXS_NODISCARD enum pxs_status pxs_pairs_open(const char *path, struct pxs_npy *npy, struct pxs_error *err);

/* Pair `index` of an item as RGB, left half A, right half B. `grey[0]`, `grey[1]`: the file keeps that half as grey. Messages
 * are one line that begins with the item's name. */
PXS_NODISCARD enum pxs_status pxs_pair_read(const struct pxs_item *item, size_t index, struct pxs_image *out,
                                            bool grey[2], struct pxs_error *err);

#endif
