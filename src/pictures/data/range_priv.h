/* What values the halves take: those that are black to the network, or one colour. */
#ifndef PIXSWEEP_DATA_RANGE_PRIV_H
#define PIXSWEEP_DATA_RANGE_PRIV_H

#include "pair_priv.h"

/* Of one half of one pair. Where it has a middling value (64 to 254), what stands behind `middle`
 * is not looked for. */
struct pxs_range {
    enum pxs_stored stored;
    double low, high; /* as in pxs_half */
    uint8_t colour[3];
    bool plain; /* every pixel is of that colour */
    bool middle;
    bool grey;        /* red, green and blue are the same everywhere */
    bool full;        /* some sample is 255 */
    uint64_t present; /* bit v: some sample is v (0 to 63) */
    float white;      /* share of pixels that are 255 in red */
    float flat;       /* share of neighbours with the same value */
};

void pxs_range_look(const struct pxs_half *half, struct pxs_range *out);

struct pxs_scan;
/* Adds what the ranges of all pairs say to the scan's problems. */
void pxs_range_judge(struct pxs_scan *scan);

#endif
