/* One pair as two pictures, whatever it is kept in. */
#ifndef PIXSWEEP_DATA_PAIR_PRIV_H
#define PIXSWEEP_DATA_PAIR_PRIV_H

#include "listing_priv.h"
#include "pixsweep/image.h"

/* A message without the file's path in front: problems name files relative to the data folder. */
const char *pxs_reason(const char *message, const char *path);

/* Opens a .npy of pairs and checks its shape; a single pair is closed again. Messages do not name
 * the file. */
PXS_NODISCARD enum pxs_status pxs_array_open(const char *path, struct pxs_array *out,
                                             struct pxs_error *err);
/* Whether the floats of all arrays hold 0..1 in place of 0..255: as the first pair says that has
 * any other value than 0 and 1. */
PXS_NODISCARD enum pxs_status pxs_array_find_scale(struct pxs_listing *listing,
                                                   struct pxs_error *err);

enum pxs_stored { PXS_STORED_BYTES, PXS_STORED_16_BIT, PXS_STORED_FLOATS };

/* One half as decoded, and how its file keeps it. */
struct pxs_half {
    struct pxs_image image; /* RGB */
    bool grey;              /* the file keeps it as grey */
    bool turned;            /* by EXIF's orientation */
    bool more_pages;        /* the file has others, which are not used */
    /* where pixels depend on the decoder: SHA-256 of the file, " A" or " B" of two in one; else ""
     */
    char lossy[PXS_SHA256_HEX + 2];
    enum pxs_stored stored;
    double low, high; /* of 16-bit files and floats: its range before it became bytes */
};

/* Pair `index` of an item: half[0] is A (left), half[1] B (right). The caller finishes both.
 * Messages are one line that begins with the item's name. */
PXS_NODISCARD enum pxs_status pxs_pair_read(const struct pxs_item *item, size_t index,
                                            struct pxs_half half[2], struct pxs_error *err);
/* The same of an item of kind NPY (array.c). */
PXS_NODISCARD enum pxs_status pxs_array_read(const struct pxs_item *item, size_t index,
                                             struct pxs_half half[2], struct pxs_error *err);
void pxs_pair_finish(struct pxs_half half[2]);

#endif
