/* Which files of a data folder are pairs, in which order. Opens nothing but folders (and the
 * headers of .npy files). */
#ifndef PIXSWEEP_DATA_LISTING_PRIV_H
#define PIXSWEEP_DATA_LISTING_PRIV_H

#include "pixsweep/data.h"
#include "pixsweep/tensor.h"
#include "problems_priv.h"

enum pxs_kind { PXS_KIND_NONE, PXS_KIND_PAIR, PXS_KIND_AB, PXS_KIND_NPY };

/* A .npy file of pairs: (N, H, 2W, C) or (N, C, H, 2W); without N, one pair. */
struct pxs_array {
    struct pxs_npy npy; /* of a single pair open only while it is read: there may be many files */
    bool single, planar;
    size_t pairs;
    int height, width, channels; /* width: of both halves, 2W; channels: 1 or 3 */
    /* Floats hold 0..1, as this pair has shown; NULL: 0..255 */
    const char *unit;
};

/* One file of pairs, or two partners. */
struct pxs_item {
    enum pxs_kind kind;
    /* For people, relative to the data folder: "train/x.png", or "train/A/x.png" and its partner
     * "train/B/x.png". */
    const char *name, *name_b;
    const char *path, *path_b;
    struct pxs_array array; /* kind NPY */
};

struct pxs_folder {
    bool exists;
    const char *name;  /* "train", "val": enters the hash of the data */
    const char *where; /* relative to the data folder: "train", "" itself; NULL: in two folders */
    /* Folders of A and B: "train/A", "trainA", "A/train"; only where there are such */
    const char *side[2];
    enum pxs_kind kind;
    struct pxs_item *items; /* in order */
    size_t n;
    size_t pairs; /* of all items */
};

/* Zero-initialise, finish once. */
struct pxs_listing {
    struct pxs_arena arena;
    struct pxs_folder folder[2]; /* enum pxs_split */
};

/* What is wrong goes to `problems`; an error only where `path` is no readable folder or memory runs
 * out. */
PXS_NODISCARD enum pxs_status pxs_list(const char *path, struct pxs_listing *listing,
                                       struct pxs_problems *problems, struct pxs_error *err);
void pxs_listing_finish(struct pxs_listing *listing);

#endif
