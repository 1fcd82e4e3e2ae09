/* kernel: the arithmetic, on plain pointers. Images are NHWC f32; `ld` is the distance in floats
 * from one pixel to the next (>= channels), so a kernel can read or write a part of a wider buffer.
 * Nothing here allocates; scratch memory comes with the context. A result depends on the shapes
 * only, never on the number of threads: work is cut into pieces by shape, and one piece sums each
 * output in a fixed order.
 *
 * Canonical view of a convolution: a big side [N,big_h,big_w,Cb] and a small side [N,h,w,Cs] with
 * weights for each (ky,kx,cb,cs); small pixel (i,j) meets big pixel (stride i - padding + ky,
 * stride j - padding + kx). Three passes serve a layer and its transpose: D  big -> small: torch
 * Conv2d forward, ConvTranspose2d input gradient U  small -> big: ConvTranspose2d forward, Conv2d
 * input gradient (the adjoint of D) W  both -> weights: the weight gradient of either */
#ifndef PIXSWEEP_KERNEL_H
#define PIXSWEEP_KERNEL_H

#include "pixsweep/base.h"

/* OpenBLAS's matrix product, as pxs_blas_load found it. A plain value, since the library stays
 * loaded. */
struct pxs_blas {
    void (*sgemm)(void); /* cblas_sgemm; NULL: not loaded */
};

/* What kernels run with: the caller's threads, the chosen set, OpenBLAS (needed where the set uses
 * PXS_METHOD_BLAS for a pass or a product), and scratch memory that every pass may overwrite. */
struct pxs_kernels;
struct pxs_kernel_context {
    struct pxs_pool *pool; /* NULL: the calling thread only */
    const struct pxs_kernels *set;
    struct pxs_blas blas;
    float *scratch; /* 64-byte aligned */
    size_t scratch_floats;
    /* For pictures that no weight follows: methods are chosen as for a batch of so many, and sums
     * are cut by an image's size alone, whatever the batch: an image's bits are then the same
     * beside any others. D and U take F4 a little sooner than training does. 0: training, by each
     * call's own batch. */
    int as_batch;
    /* U reads weights as pxs_conv_turn has made them. */
    bool turned;
};

/* ---- the sets ------------------------------------------------------------------------------- */

/* Any convolution of a square kernel, at most PXS_MAX_KERNEL wide. torch's Conv2d has h = (big_h +
 * 2 padding - kernel) / stride + 1, rounded down; ConvTranspose2d has big_h = (h - 1) stride +
 * kernel
 * - 2 padding + output_padding. A tap that lies outside the big side meets nothing, or with
 * `reflect` the pixel that ReflectionPad2d(padding) puts there; then padding is below big_h and
 * big_w. */
enum { PXS_MAX_KERNEL = 7 };
struct pxs_conv_shape {
    int n, h, w; /* batch, and the SMALL side's height and width */
    int cb, cs;  /* channels of the big and of the small side */
    int big_h, big_w;
    int kernel, stride, padding;
    bool reflect;
};
enum pxs_pass { PXS_PASS_DOWN, PXS_PASS_UP, PXS_PASS_WEIGHT };
/* How a pass may be computed; docs/engine.md and the comment at the top of each file explain it. */
enum pxs_method {
    PXS_METHOD_BLAS,   /* conv_blas.c: im2col and OpenBLAS, for every shape */
    PXS_METHOD_THIN,   /* conv_thin.c: im2col in cache, for few channels on a side */
    PXS_METHOD_DIRECT, /* conv_direct.c: tap by tap, without dead taps */
    PXS_METHOD_F2,     /* conv_winograd.c: polyphase Winograd F(2,2) ... */
    PXS_METHOD_F4,     /* ... and F(4,2) */
    PXS_METHOD_TAPS    /* conv_taps.c: tap by tap over rows, for every kernel and stride */
};

/* Weights of a layer stand in panels of 16 small channels, [kernel^2 taps][Cs/16][Cb][16], tap =
 * kernel ky + kx; where Cs is no multiple of 16, in one panel: [kernel^2][Cb][Cs]. The layout
 * depends on the shape alone, so every set reads the same weights. */
static inline int pxs_panel_width(int cs) {
    return cs % 16 ? cs : 16;
}
static inline size_t pxs_weight_index(int cb, int cs, int tap, int b, int c) {
    const int p = pxs_panel_width(cs);
    return (((size_t)tap * (size_t)(cs / p) + (size_t)(c / p)) * (size_t)cb + (size_t)b) *
               (size_t)p +
           (size_t)(c % p);
}
/* U reads the weights turned, and turns them on the way unless this was done once: the same numbers
 * as [kernel^2 taps][Cb/16][Cs][16], for passes with ctx->turned; bits do not change. */
bool pxs_conv_turns(const struct pxs_kernels *set, const struct pxs_conv_shape *s); /* can it? */
void pxs_conv_turn(const struct pxs_conv_shape *s, const float *weight, float *turned);
/* Whether tap kernel ky + kx meets any pixel: in a 4x4 convolution of stride 2 at height 1 only ky
 * 1 and 2 do. The others are dead: their gradient is zero. */
bool pxs_tap_is_live(const struct pxs_conv_shape *s, int tap);

/* Finds a set of kernels: "auto" uses the fastest method for each shape and pass; "blas", "direct",
 * "f2" and "f4" use one method where it fits the shape. All but "blas" exist for each instruction
 * set
 * ("auto-avx512", "f2-avx2", "direct-base"); without a suffix the best one of this CPU is meant.
 * PXS_E_INVALID for unknown names, PXS_E_UNSUPPORTED where the CPU lacks the instruction set. */
PXS_NODISCARD enum pxs_status pxs_kernels_select(const char *name, const struct pxs_kernels **out,
                                                 struct pxs_error *err);
/* For tests: the i-th of all sets that run on this CPU; NULL after the last. */
const struct pxs_kernels *pxs_kernels_at(size_t i);
const char *pxs_kernels_name(const struct pxs_kernels *set); /* with the suffix */
/* The method of `set` for a pass of a layer; it depends on the shape alone. */
enum pxs_method pxs_kernels_method(const struct pxs_kernels *set, const struct pxs_conv_shape *s,
                                   enum pxs_pass pass);
const char *pxs_method_name(enum pxs_method method);
/* The method of `set` for the heads' matrix products: PXS_METHOD_BLAS, or PXS_METHOD_DIRECT for
 * product.c. */
enum pxs_method pxs_kernels_product(const struct pxs_kernels *set);
/* Whether the set rounds a product and its sum once (FMA). Sets that agree in this give the same
 * bits by the same method; others do not. */
bool pxs_kernels_fused(const struct pxs_kernels *set);
/* The set of this full name, also where this CPU cannot run it, to compare with files from another
 * machine; NULL where this build has no such set. */
const struct pxs_kernels *pxs_kernels_known(const char *name);
/* Floats of scratch memory that any of the three passes needs, for this batch and every smaller
 * one. */
size_t pxs_kernels_scratch(const struct pxs_kernels *set, const struct pxs_conv_shape *s,
                           int as_batch, int threads);

/* ---- the three passes ----------------------------------------------------------------------- */

/* big [N,big_h,big_w,Cb] and small [N,h,w,Cs] with ld_big >= Cb and ld_small >= Cs; weights as
 * pxs_weight_index has them. N may be 0. */
void pxs_conv_down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                   const float *big, size_t ld_big, const float *weight, float *small,
                   size_t ld_small);
/* accumulate: add to what stands in `big`, else overwrite it */
void pxs_conv_up(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                 const float *small, size_t ld_small, const float *weight, float *big,
                 size_t ld_big, bool accumulate);
void pxs_conv_weight(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                     const float *big, size_t ld_big, const float *small, size_t ld_small,
                     float *dweight);
struct pxs_adam;
/* The weight gradient and Adam's step on p, m and v, run by run while the gradient is in cache: the
 * same bits as pxs_conv_weight and pxs_adam_step with less memory traffic. dweight: room for the
 * gradient, undefined afterwards. Weights of dead taps do not change: their gradient is zero, and
 * their moments must be zero, as they are at the start. */
void pxs_conv_weight_adam(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                          const float *big, size_t ld_big, const float *small, size_t ld_small,
                          float *dweight, const struct pxs_adam *adam, float *p, float *m,
                          float *v);
/* Loads OpenBLAS, limits it to one thread for each call, tests it on a known product, and reserves
 * memory for `threads` calls at a time, since without it OpenBLAS would hang. PXS_E_UNSUPPORTED
 * with the remedy where it cannot be loaded, is its OpenMP build, computes wrong products on this
 * CPU, or `ulimit -v` has no room for it; PXS_E_NOMEM where memory is short. */
PXS_NODISCARD enum pxs_status pxs_blas_load(int threads, struct pxs_blas *out,
                                            struct pxs_error *err);
/* OpenBLAS's configuration and the core that it chose, as "OpenBLAS 0.3.21 ... Cooperlake", for
 * records. Loads the library without tests or reserved memory; fails where it cannot be loaded. */
PXS_NODISCARD enum pxs_status pxs_blas_describe(char *buf, size_t size, struct pxs_error *err);

/* ---- matrix product ------------------------------------------------------------------------- */

/* C[m,n] = op(A) op(B) + beta C, row-major, cut into fixed pieces over the pool (each a one-thread
 * OpenBLAS sgemm). ctx->blas must be loaded. */
struct pxs_gemm {
    bool trans_a, trans_b;
    int m, n, k;
    const float *a, *b;
    size_t lda, ldb, ldc;
    float beta;
    float *c;
};
void pxs_gemm_run(const struct pxs_kernel_context *ctx, const struct pxs_gemm *g);

/* ---- 4x4 stride-1 convolution to few channels ----------------------------------------------- */

/* torch: ZeroPad2d((1,0,1,0)), Conv2d(C, Co, 4, padding=1), on the input itself (scale 1: the patch
 * output of D) or on its nearest x2 upsampling (scale 2: the generator's last layer). Input
 * [N,h,w,C], output [N,scale*h,scale*w,Co], weights [C][ky][kx][Co]. One product with all taps,
 * then a gather. At scale 2 taps that read the same input pixel are summed first (5 x 5 instead of
 * 4 phases x 4 x 4 taps), so the upsampled image is never made. */
struct pxs_head_shape {
    int n, h, w, c, co, scale;
};
size_t pxs_head_scratch(const struct pxs_kernels *set, const struct pxs_head_shape *s, int threads);
/* bias [Co] or NULL; apply_tanh puts tanh on the result. */
void pxs_head_forward(const struct pxs_kernel_context *ctx, const struct pxs_head_shape *s,
                      const float *x, size_t ld_x, const float *weight, const float *bias,
                      bool apply_tanh, float *y);
/* dy [N,scale*h,scale*w,Co] dense, the gradient before tanh. dx (ld_dx) may be NULL; dweight as
 * weight, overwritten, and may be NULL. */
void pxs_head_backward(const struct pxs_kernel_context *ctx, const struct pxs_head_shape *s,
                       const float *x, size_t ld_x, const float *weight, const float *dy, float *dx,
                       size_t ld_dx, float *dweight);

/* ---- norm, activation, dropout -------------------------------------------------------------- */

/* instance: torch InstanceNorm2d(affine=False), statistics over the hw pixels of each image and
 * channel. batch: torch BatchNorm2d with its gamma and beta, statistics over the pixels of all
 * images of a group. Both: eps 1e-5, biased variance. */
enum pxs_norm { PXS_NORM_NONE, PXS_NORM_INSTANCE, PXS_NORM_BATCH };
/* leaky ReLU: v > 0 ? v : slope * v, so slope 0 is ReLU */
enum pxs_activation { PXS_ACTIVATION_NONE, PXS_ACTIVATION_LEAKY_RELU, PXS_ACTIVATION_TANH };

/* y = dropout(activation(norm(x + bias))), torch's order. No dropout follows a tanh. */
struct pxs_block_shape {
    int n, hw, c;
    enum pxs_norm norm;
    enum pxs_activation activation;
    float slope;
    /* of a batch norm: n / groups images after each other share their statistics; 0 counts as 1 */
    int groups;
};
/* What a batch norm has besides, [C] each. */
struct pxs_batch_norm {
    const float *gamma, *beta;
    /* forward: it normalises with these; NULL: with the statistics of the images themselves */
    const float *running_mean, *running_var;
    /* backward: the gradients of gamma and beta; NULL: not wanted */
    float *dgamma, *dbeta;
};
/* Inverted dropout with masks from the stream (seed, stream, a, b); p = 0: no dropout. */
struct pxs_dropout {
    double p;
    uint64_t seed;
    uint32_t stream, a, b;
};
/* Floats of scratch memory that both passes need, for this n and every smaller one. */
size_t pxs_block_scratch(const struct pxs_block_shape *s);
/* bn: of a batch norm, else NULL. x [N,hw,C] dense, overwritten with x + bias where bias is given
 * and there is no norm (under an instance norm a bias has no effect and is skipped; under a batch
 * norm there must be none). stats: instance [N,2,C], mean and 1/sqrt(var + eps); batch
 * [groups,3,C], also var; not touched where running statistics are used. mask [N,hw,C] bytes (1 =
 * kept), written if p > 0. */
void pxs_block_forward(const struct pxs_kernel_context *ctx, const struct pxs_block_shape *s,
                       const struct pxs_batch_norm *bn, const struct pxs_dropout *drop, float *x,
                       const float *bias, float *stats, uint8_t *mask, float *y, size_t ld_y);
/* dy (ld_dy) -> dx [N,hw,C] dense, from the x, stats and mask of forward, under a tanh also from
 * its y; p must be the same. */
void pxs_block_backward(const struct pxs_kernel_context *ctx, const struct pxs_block_shape *s,
                        const struct pxs_batch_norm *bn, double p, const float *x,
                        const float *stats, const uint8_t *mask, const float *y, size_t ld_y,
                        const float *dy, size_t ld_dy, float *dx);
/* One step of torch's running statistics, momentum 0.1, from the stats of a forward pass over s->n
 * images in one group: the variance enters without bias (m / (m - 1) for m numbers; torch refuses m
 * = 1, here it enters as it is). */
void pxs_batch_norm_track(const struct pxs_block_shape *s, const float *stats, float *running_mean,
                          float *running_var);
/* sum[c] over all pixels of dx [pixels, C]: a bias's gradient. */
void pxs_sum_pixels(const struct pxs_kernel_context *ctx, const float *dx, size_t pixels, int c,
                    float *sum);

/* ---- losses, optimiser, copies -------------------------------------------------------------- */

/* Mean squared error of n values against a constant: torch MSELoss. These losses return the mean
 * and write the gradient of weight * loss to dx (NULL: no gradient). */
double pxs_mse_constant(const struct pxs_kernel_context *ctx, const float *x, size_t n, float label,
                        float weight, float *dx);
/* Binary cross-entropy with logits, torch BCEWithLogitsLoss. */
double pxs_bce_constant(const struct pxs_kernel_context *ctx, const float *x, size_t n, float label,
                        float weight, float *dx);
/* mean(max(0, 1 - sign * x)), the hinge loss; torch relu: no gradient where it is 0. */
double pxs_hinge(const struct pxs_kernel_context *ctx, const float *x, size_t n, float sign,
                 float weight, float *dx);
/* -mean(x) */
double pxs_negative_mean(const struct pxs_kernel_context *ctx, const float *x, size_t n,
                         float weight, float *dx);
/* mean abs(x - target); torch L1Loss: the gradient is weight * sign / n, 0 where equal.
 * accumulate: the gradient is added to dx, else it overwrites dx. */
double pxs_l1(const struct pxs_kernel_context *ctx, const float *x, const float *target, size_t n,
              float weight, float *dx, bool accumulate);
/* For each of n images x[i], y[i] [h,w,c] in [-1,1], sides 11 to 1024. psnr: decibels at data range
 * 2 (the same number as for 0..1), infinite for equal images. ssim: Wang et al. 2004, 11x11
 * Gaussian window with sigma 1.5, K1 0.01, K2 0.03, mean over the windows within the image and over
 * channels; skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5,
 * use_sample_covariance=False, data_range=2). */
void pxs_image_quality(const struct pxs_kernel_context *ctx, const float *x, const float *y, int n,
                       int h, int w, int c, double *psnr, double *ssim);
/* dx[i] *= 1 - y[i]^2 for y = tanh */
void pxs_tanh_backward(const struct pxs_kernel_context *ctx, const float *y, size_t n, float *dx);
/* torch.optim.Adam, eps 1e-8, step t from 1: p -= lr/(1-b1^t) * m / (sqrt(v)/sqrt(1-b2^t) + eps) */
struct pxs_adam {
    double lr, b1, b2;
    int64_t t;
};
void pxs_adam_step(const struct pxs_kernel_context *ctx, const struct pxs_adam *o, size_t n,
                   const float *g, float *p, float *m, float *v);
/* dst[i*ld_dst + 0..c-1] = src[i*ld_src + 0..c-1] over `pixels` */
void pxs_copy_channels(const struct pxs_kernel_context *ctx, const float *src, size_t ld_src,
                       float *dst, size_t ld_dst, size_t pixels, int c);
/* dst += src, likewise */
void pxs_add_channels(const struct pxs_kernel_context *ctx, const float *src, size_t ld_src,
                      float *dst, size_t ld_dst, size_t pixels, int c);
/* dst = max(0, src), likewise: torch relu */
void pxs_rectify(const struct pxs_kernel_context *ctx, const float *src, size_t ld_src, float *dst,
                 size_t ld_dst, size_t pixels, int c);
/* dx = dy where y = pxs_rectify(x) is above zero, else 0; added to dx if `accumulate` */
void pxs_rectify_backward(const struct pxs_kernel_context *ctx, const float *y, size_t ld_y,
                          const float *dy, size_t ld_dy, float *dx, size_t ld_dx, size_t pixels,
                          int c, bool accumulate);
/* Makes the rows of v [rows, cols], rows <= cols, orthonormal, each from itself and the rows before
 * it: Q^T of the QR decomposition of v^T whose R has a positive diagonal. */
void pxs_orthogonal_rows(const struct pxs_kernel_context *ctx, int rows, int cols, double *v);
/* w[i] = mean + std * N(0,1), Box-Muller on Philox (seed, PXS_STREAM_INIT, layer, 0). */
void pxs_fill_normal(const struct pxs_kernel_context *ctx, uint64_t seed, uint32_t layer,
                     float mean, float std, size_t n, float *w);

#endif
