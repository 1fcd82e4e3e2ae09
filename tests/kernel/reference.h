/* The definitions of the kernels in double, written as loops over their formulas. Shapes and
 * layouts are those of pixsweep/kernel.h, dense (ld = channels). test_reference.c holds these to
 * finite differences, kerncheck the kernels to these. */
#ifndef PIXSWEEP_REFERENCE_H
#define PIXSWEEP_REFERENCE_H

#include "pixsweep/kernel.h"

void ref_down(const struct pxs_conv_shape *s, const double *big, const double *weight,
              double *small);
void ref_up(const struct pxs_conv_shape *s, const double *small, const double *weight, double *big);
void ref_weight(const struct pxs_conv_shape *s, const double *big, const double *small,
                double *dweight);
void ref_head_forward(const struct pxs_head_shape *s, const double *x, const double *weight,
                      const double *bias, double *y);
void ref_head_backward(const struct pxs_head_shape *s, const double *x, const double *weight,
                       const double *dy, double *dx, double *dweight, double *dbias);
/* keep [N,hw,C]: the factor of dropout, 0 or 1/(1-p), or NULL. Of a batch norm also its gamma and
 * beta, and dgamma and dbeta. */
void ref_block_forward(const struct pxs_block_shape *s, const double *gamma, const double *beta,
                       const double *x, const double *keep, double *y);
void ref_block_backward(const struct pxs_block_shape *s, const double *gamma, const double *beta,
                        const double *x, const double *keep, const double *dy, double *dx,
                        double *dgamma, double *dbeta);
/* The mean and biased variance of channel c in the group of an image. */
void ref_statistics(const struct pxs_block_shape *s, const double *x, int image, int c,
                    double *mean, double *var);

#endif
