/* One look for each configuration, the same in plots and pages. */
#include "metrics_priv.h"

/* Okabe and Ito, "Color Universal Design" (2008), in an order in which neighbours differ in hue and
 * lightness. Its yellow is too light for lines on white; black comes last. */
static const uint8_t colours[][3] = {{0, 114, 178}, {213, 94, 0},   {0, 158, 115}, {204, 121, 167},
                                     {230, 159, 0}, {86, 180, 233}, {60, 60, 60}};
/* Past the colours they come again with these; lengths in line widths, 0 = no more. */
static const double dashes[][PXS_LOOK_DASHES] = {{0}, {4, 2}, {1.2, 1.6}, {6, 1.8, 1.2, 1.8}};

void pxs_look_of(size_t configuration, struct pxs_look *out) {
    const size_t n = PXS_COUNT(colours);
    const uint8_t *colour = colours[configuration % n];
    *out = (struct pxs_look){.red = colour[0], .green = colour[1], .blue = colour[2]};
    for (size_t i = 0; i < PXS_LOOK_DASHES; i++)
        out->dash[i] = dashes[configuration / n % PXS_COUNT(dashes)][i];
}
