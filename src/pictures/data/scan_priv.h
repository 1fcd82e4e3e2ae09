/* One pass over a data folder: every pair is decoded once, hashed, compared with the others, and
 * handed on. */
#ifndef PIXSWEEP_DATA_SCAN_PRIV_H
#define PIXSWEEP_DATA_SCAN_PRIV_H

#include "listing_priv.h"
#include "range_priv.h"

/* What was seen of one pair. */
struct pxs_seen {
    const struct pxs_item *item;
    size_t index;            /* within the item */
    int width[2], height[2]; /* of its halves */
    bool grey[2], turned[2], more_pages[2], bad;
    struct pxs_range range[2];
    char hash[PXS_SHA256_HEX]; /* of size and bytes; "" where bad */
    /* the same with the file in the place of pixels that depend on the decoder; "" where none do */
    char files_hash[PXS_SHA256_HEX];
    char *problem; /* owned until it is moved to the problems */
};

/* Takes a decoded pair, number `pair` of all (train, then val); called from several threads at
 * once. */
typedef enum pxs_status (*pxs_pair_fn)(void *user, size_t pair, const struct pxs_half half[2],
                                       struct pxs_error *err);

/* Zero-initialise, finish once. */
struct pxs_scan {
    struct pxs_listing listing;
    struct pxs_problems problems;
    struct pxs_seen *seen; /* all pairs: those of train/, then those of val/ */
    size_t train, val;     /* pairs found in the two folders */
    size_t listed;         /* problems that listing found; those of reading follow */
    size_t overlap;        /* pairs of val/ whose content is in train/ */
    char hash[PXS_SHA256_HEX];
    char files_hash[PXS_SHA256_HEX]; /* "" where no pixels depend on the decoder */
    int img_width, img_height;       /* what halves become; 0: not known */
};

/* Lists the folder: afterwards train, val and seen[].item stand. */
PXS_NODISCARD enum pxs_status pxs_scan_list(struct pxs_scan *scan, const char *path,
                                            struct pxs_error *err);
/* Decodes and compares. Bad files become problems; an error only where `take` fails, memory runs
 * out, or on a stop. */
PXS_NODISCARD enum pxs_status pxs_scan_read(struct pxs_scan *scan, struct pxs_pool *pool,
                                            const struct pxs_stop *stop, struct pxs_meter meter,
                                            pxs_pair_fn take, void *user, struct pxs_error *err);
void pxs_scan_finish(struct pxs_scan *scan);
/* "train/x.png", "train/x.npy[3]" */
void pxs_seen_name(const struct pxs_seen *seen, char *name, size_t size);

#endif
