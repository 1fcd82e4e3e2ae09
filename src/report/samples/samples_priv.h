/* samples, inside: cells of a picture (cells.c). */
#ifndef PXS_SAMPLES_PRIV_H
#define PXS_SAMPLES_PRIV_H

#include "pixsweep/samples.h"
#include "pixsweep/metrics.h"

/* What is to be cut out of sample pictures: the first n glyphs, of width x height pixels there,
 * shown with sides of up to `side` pixels (0 = as they are). */
struct pxs_glyphs {
    size_t n;
    int width, height, side;
};
/* Whether a sample picture can be a grid of such glyphs. */
bool pxs_glyphs_fit(const struct pxs_image *picture, int width, int height);
/* How many of the first g->n glyphs it has. */
size_t pxs_glyphs_count(const struct pxs_image *picture, const struct pxs_glyphs *g);
/* One layer (0 source, 1 fake, 2 target) of the first g->n glyphs, in as many columns as rows, 1
 * white pixel between them. */
PXS_NODISCARD enum pxs_status pxs_glyphs_cut(const struct pxs_image *picture,
                                             const struct pxs_glyphs *g, int layer,
                                             struct pxs_image *out, struct pxs_error *err);

#endif
