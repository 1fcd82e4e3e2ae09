/* One pair as two pictures, whatever it is kept in. */
#ifndef PIXSWEEP_DATA_PAIR_PRIV_H
#define PIXSWEEP_DATA_PAIR_PRIV_H

#include "listing_priv.h"
#include "pixsweep/image.h"

/* A message without the file's path in front: problems name files relative to the data folder. */
const char *pxs_reason(const char *message, const char *path);

/* Opens a .npy of pairs and checks its shape: (N, H, 2W, 3), N > 0. Messages do not name the
 * file. */
PXS_NODISCARD enum pxs_status pxs_pairs_open(const char *path, struct pxs_npy *npy,
                                             struct pxs_error *err);

enum pxs_stored { PXS_STORED_BYTES, PXS_STORED_16_BIT, PXS_STORED_FLOATS };

/* One half as decoded, and how its file keeps it. */
struct pxs_half {
    struct pxs_image image; /* RGB */
    bool grey;              /* the file keeps it as grey */
    enum pxs_stored stored;
    double low, high; /* of 16-bit files and floats: its range before it became bytes */
};

/* Pair `index` of an item: half[0] is A (left), half[1] B (right). The caller finishes both.
 * Messages are one line that begins with the item's name. */
PXS_NODISCARD enum pxs_status pxs_pair_read(const struct pxs_item *item, size_t index,
                                            struct pxs_half half[2], struct pxs_error *err);
void pxs_pair_finish(struct pxs_half half[2]);

#endif
