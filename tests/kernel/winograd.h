/* The chain of F(m,2) and F(m,3) in double, from their matrices: what the transforms of an
 * instruction set are held to, and the size that a Winograd pass's rounding errors have. */
#ifndef PIXSWEEP_KERNEL_TESTS_WINOGRAD_H
#define PIXSWEEP_KERNEL_TESTS_WINOGRAD_H

#include "pixsweep/kernel.h"

/* BT [nx][nx], G [nx][r] and AT [m][nx], as they are (power 0), their absolute values (1) or
 * squares (2). */
struct tiling {
    int m, r, nx, nxi, phases, offset;
    double bt[36], g[18], at[24];
    struct pxs_conv_shape s;
    int th, tw, tiles; /* of an image, and of the batch */
};
struct tiling make_tiling(const struct pxs_conv_shape *s, int m, int power);

/* l [rows][cols]: l in lT, or turned: lT in l. */
void sandwich(const double *l, int rows, int cols, bool turned, const double *in, double *out);

/* Tiles into points, channel last: V [xi][tile][phases b + phase], Y [xi][tile][c], U
 * [xi][phases b + phase][c]. */
double *points_of_big(const struct tiling *t, const double *big);
double *points_of_small(const struct tiling *t, const double *small);
double *points_of_weight(const struct tiling *t, const double *weight);
/* The passes, dense as the references; `most` is the largest number in the middle, before the last
 * transform. */
void chain_down(const struct tiling *t, const double *big, const double *weight, double *small,
                double *most);
void chain_up(const struct tiling *t, const double *small, const double *weight, double *big,
              double *most);
void chain_weight(const struct tiling *t, const double *big, const double *small, double *dweight);

#endif
