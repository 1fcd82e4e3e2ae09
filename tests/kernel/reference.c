/* The definitions as plain loops in double. Slow, obvious, and what the fast kernels are held
 * to. */
#include "reference.h"

#include <math.h>
#include <string.h>

/* The place of big pixel (y, x), or of the one that ReflectionPad2d shows there; -1 outside. */
static ptrdiff_t big_place(const struct pxs_conv_shape *s, int image, int y, int x) {
    if (s->reflect) {
        y = y < 0 ? -y : y >= s->big_h ? 2 * (s->big_h - 1) - y : y;
        x = x < 0 ? -x : x >= s->big_w ? 2 * (s->big_w - 1) - x : x;
    }
    if (y < 0 || y >= s->big_h || x < 0 || x >= s->big_w)
        return -1;
    return ((ptrdiff_t)image * s->big_h + y) * s->big_w + x;
}

/* Calls back for every (small pixel m, big pixel q, tap t) that meet. */
#define FOR_EACH_MEETING(s, m, q, t)                                                            \
    for (int im = 0; im < (s)->n; im++)                                                         \
        for (int i = 0; i < (s)->h; i++)                                                        \
            for (int j = 0; j < (s)->w; j++)                                                    \
                for (int t = 0; t < (s)->kernel * (s)->kernel; t++)                             \
                    for (ptrdiff_t m = ((ptrdiff_t)im * (s)->h + i) * (s)->w + j,               \
                                   q = big_place(                                               \
                                       s, im, (s)->stride * i - (s)->padding + t / (s)->kernel, \
                                       (s)->stride * j - (s)->padding + t % (s)->kernel);       \
                         q >= 0; q = -1)

void ref_down(const struct pxs_conv_shape *s, const double *big, const double *weight,
              double *small) {
    ptrdiff_t cb = s->cb, cs = s->cs;
    memset(small, 0, (size_t)(s->n * s->h * s->w * s->cs) * sizeof *small);
    FOR_EACH_MEETING(s, m, q, t)
    for (ptrdiff_t b = 0; b < cb; b++)
        for (ptrdiff_t c = 0; c < cs; c++)
            small[m * cs + c] += big[q * cb + b] * weight[(t * cb + b) * cs + c];
}

void ref_up(const struct pxs_conv_shape *s, const double *small, const double *weight,
            double *big) {
    ptrdiff_t cb = s->cb, cs = s->cs;
    memset(big, 0, (size_t)(s->n * s->big_h * s->big_w * s->cb) * sizeof *big);
    FOR_EACH_MEETING(s, m, q, t)
    for (ptrdiff_t b = 0; b < cb; b++)
        for (ptrdiff_t c = 0; c < cs; c++)
            big[q * cb + b] += small[m * cs + c] * weight[(t * cb + b) * cs + c];
}

void ref_weight(const struct pxs_conv_shape *s, const double *big, const double *small,
                double *dweight) {
    ptrdiff_t cb = s->cb, cs = s->cs;
    memset(dweight, 0, (size_t)(s->kernel * s->kernel * s->cb * s->cs) * sizeof *dweight);
    FOR_EACH_MEETING(s, m, q, t)
    for (ptrdiff_t b = 0; b < cb; b++)
        for (ptrdiff_t c = 0; c < cs; c++)
            dweight[(t * cb + b) * cs + c] += big[q * cb + b] * small[m * cs + c];
}

/* Input pixel under output (y, x) and tap t on the upsampled image, or -1 in the padding. */
static ptrdiff_t head_input(const struct pxs_head_shape *s, int image, int y, int x, int t) {
    int uy = y - 2 + t / 4, ux = x - 2 + t % 4;
    if (uy < 0 || uy >= s->scale * s->h || ux < 0 || ux >= s->scale * s->w)
        return -1;
    return ((ptrdiff_t)image * s->h + uy / s->scale) * s->w + ux / s->scale;
}

void ref_head_forward(const struct pxs_head_shape *s, const double *x, const double *weight,
                      const double *bias, double *y) {
    for (int im = 0; im < s->n; im++)
        for (int oy = 0; oy < s->scale * s->h; oy++)
            for (int ox = 0; ox < s->scale * s->w; ox++)
                for (int o = 0; o < s->co; o++, y++) {
                    *y = bias ? bias[o] : 0.0;
                    for (int t = 0; t < 16; t++) {
                        ptrdiff_t p = head_input(s, im, oy, ox, t);
                        for (int c = 0; p >= 0 && c < s->c; c++)
                            *y += x[p * s->c + c] * weight[(c * 16 + t) * s->co + o];
                    }
                }
}

void ref_head_backward(const struct pxs_head_shape *s, const double *x, const double *weight,
                       const double *dy, double *dx, double *dweight, double *dbias) {
    memset(dx, 0, (size_t)(s->n * s->h * s->w * s->c) * sizeof *dx);
    memset(dweight, 0, (size_t)(s->c * 16 * s->co) * sizeof *dweight);
    memset(dbias, 0, (size_t)s->co * sizeof *dbias);
    for (int im = 0; im < s->n; im++)
        for (int oy = 0; oy < s->scale * s->h; oy++)
            for (int ox = 0; ox < s->scale * s->w; ox++)
                for (int o = 0; o < s->co; o++, dy++) {
                    dbias[o] += *dy;
                    for (int t = 0; t < 16; t++) {
                        ptrdiff_t p = head_input(s, im, oy, ox, t);
                        for (int c = 0; p >= 0 && c < s->c; c++) {
                            dx[p * s->c + c] += *dy * weight[(c * 16 + t) * s->co + o];
                            dweight[(c * 16 + t) * s->co + o] += *dy * x[p * s->c + c];
                        }
                    }
                }
}

/* The images that share their statistics with one. */
static void group_of(const struct pxs_block_shape *s, int image, int *first, int *n) {
    *n = s->norm == PXS_NORM_BATCH ? s->n / (s->groups > 1 ? s->groups : 1) : 1;
    *first = image / *n * *n;
}

void ref_statistics(const struct pxs_block_shape *s, const double *x, int image, int c,
                    double *mean, double *var) {
    int first, n;
    group_of(s, image, &first, &n);
    x += (size_t)first * (size_t)s->hw * (size_t)s->c + (size_t)c;
    *mean = *var = 0;
    for (int k = 0; k < n * s->hw; k++)
        *mean += x[k * s->c] / (n * s->hw);
    for (int k = 0; k < n * s->hw; k++)
        *var += (x[k * s->c] - *mean) * (x[k * s->c] - *mean) / (n * s->hw);
}

/* As many numbers as there are images and channels: mean and 1/std, 0 and 1 without a norm. */
static void normaliser(const struct pxs_block_shape *s, const double *x, int image, int c,
                       double *mean, double *rstd) {
    *mean = 0;
    *rstd = 1;
    if (s->norm == PXS_NORM_NONE)
        return;
    double var;
    ref_statistics(s, x, image, c, mean, &var);
    *rstd = 1.0 / sqrt(var + 1e-5);
}

static double ref_activation(const struct pxs_block_shape *s, double v) {
    if (s->activation == PXS_ACTIVATION_TANH)
        return tanh(v);
    return v > 0 || s->activation == PXS_ACTIVATION_NONE ? v : (double)s->slope * v;
}

static double ref_slope(const struct pxs_block_shape *s, double v) {
    if (s->activation == PXS_ACTIVATION_TANH)
        return 1 - tanh(v) * tanh(v);
    return v > 0 || s->activation == PXS_ACTIVATION_NONE ? 1 : (double)s->slope;
}

void ref_block_forward(const struct pxs_block_shape *s, const double *gamma, const double *beta,
                       const double *x, const double *keep, double *y) {
    const bool batch = s->norm == PXS_NORM_BATCH;
    for (int im = 0; im < s->n; im++)
        for (int c = 0; c < s->c; c++) {
            size_t at = (size_t)im * (size_t)s->hw * (size_t)s->c + (size_t)c;
            double mean, rstd;
            normaliser(s, x, im, c, &mean, &rstd);
            for (int k = 0; k < s->hw; k++, at += (size_t)s->c) {
                double v = (x[at] - mean) * rstd;
                if (batch)
                    v = v * gamma[c] + beta[c];
                y[at] = ref_activation(s, v) * (keep ? keep[at] : 1.0);
            }
        }
}

void ref_block_backward(const struct pxs_block_shape *s, const double *gamma, const double *beta,
                        const double *x, const double *keep, const double *dy, double *dx,
                        double *dgamma, double *dbeta) {
    const bool batch = s->norm == PXS_NORM_BATCH;
    const size_t step = (size_t)s->c;
    for (int c = 0; batch && c < s->c; c++)
        dgamma[c] = dbeta[c] = 0;
    for (int im = 0; im < s->n; im++)
        for (int c = 0; c < s->c; c++) {
            double mean, rstd;
            normaliser(s, x, im, c, &mean, &rstd);
            size_t at = (size_t)im * (size_t)s->hw * step + (size_t)c;
            for (int k = 0; k < s->hw; k++, at += step) {
                double v = (x[at] - mean) * rstd, z = batch ? v * gamma[c] + beta[c] : v;
                dx[at] = dy[at] * ref_slope(s, z) * (keep ? keep[at] : 1.0);
                if (batch) {
                    dgamma[c] += dx[at] * v;
                    dbeta[c] += dx[at];
                }
            }
        }
    for (int im = 0; im < s->n && s->norm != PXS_NORM_NONE; im++) {
        int first, n;
        group_of(s, im, &first, &n);
        for (int c = 0; im == first && c < s->c; c++) {
            const size_t from = (size_t)im * (size_t)s->hw * step + (size_t)c;
            const int m = n * s->hw;
            double mean, rstd, sum = 0, dot = 0;
            normaliser(s, x, im, c, &mean, &rstd);
            for (size_t k = 0, at = from; k < (size_t)m; k++, at += step) {
                sum += dx[at] / m;
                dot += dx[at] * (x[at] - mean) * rstd / m;
            }
            for (size_t k = 0, at = from; k < (size_t)m; k++, at += step)
                dx[at] =
                    (batch ? gamma[c] : 1) * rstd * (dx[at] - sum - (x[at] - mean) * rstd * dot);
        }
    }
}
