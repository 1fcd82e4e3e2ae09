/* The functions that fast convolutions need of an instruction set: two matrix products in
 * registers, the Winograd transforms and a few copies. Each instruction set has a table of them
 * (isa_base.c, isa_avx2.c, isa_avx512.c), all compiled from isa_body.h; selecting a set of kernels
 * chooses one.
 *
 * Everything is in panels of 16 channels: 64 bytes, one cache line, one AVX-512 register. A matrix
 * of K x T numbers in panels is [K/16][T][16]. */
#ifndef PXS_ISA_H
#define PXS_ISA_H

#include <stdbool.h>
#include <stddef.h>

/* -Dc_args=-DPXS_BASE_ONLY builds what a CPU without AVX2 runs. */
#ifdef PXS_BASE_ONLY
#undef PXS_HAVE_AVX2
#undef PXS_HAVE_AVX512
#endif

enum { PANEL = 16 };

/* `len` rows of a and of b; row i of a is multiplied with row i of b. */
struct pxs_segment {
    const float *a, *b;
    int len;
};

/* The transforms of F(m,r), see conv_winograd.c. nx = m + r - 1 points a dimension, nx * nx of them
 * in two: xi. Pixels are 16-float vectors. */
struct pxs_tile_isa {
    int m, r;
    /* V[xi] = BT d B for each panel: src are nx * nx pixels of a big phase, row by row. */
    void (*big_in)(const float *const *src, int panels, float *dst, size_t xi_stride,
                   size_t panel_stride);
    /* Y[xi] = A y AT: src are m * m small pixels. */
    void (*small_in)(const float *const *src, int panels, float *dst, size_t xi_stride,
                     size_t panel_stride);
    /* y = AT M A: one panel to m * m small pixels; NULL where there is no pixel. */
    void (*small_out)(const float *src, size_t xi_stride, float *const *dst);
    /* B M BT, added to nx * nx pixels of a phase's plane whose rows are ld floats apart. */
    void (*big_out)(const float *src, size_t xi_stride, float *plane, size_t ld);
    /* U[xi] = G g GT for `rows` rows of 16 weights; the r * r taps of a phase row by row. */
    void (*weight_in)(const float *const *tap, int rows, float *dst, size_t xi_stride);
    /* GT C G: 16 rows of 16 at a distance of 256 floats a xi, to the r * r taps. */
    void (*weight_out)(const float *src, float *const *tap);
};

struct pxs_isa {
    const char *name;
    bool fused; /* a product and its sum are rounded once (FMA), not twice: other bits */
    /* c[r][0..15] = (add: +=) sum over k of a[k/16][r][k%16] * b[k][0..15]; a's panels are a_panel
     * floats apart, c's rows ldc. */
    void (*rows)(int rows, int panels, const float *a, size_t a_panel, const float *b, float *c,
                 size_t ldc, bool add);
    /* c[i][0..15] = (add: +=) sum over all rows t of all segments of a[t][i] * b[t][0..15], i < 16;
     * c is 16 x 16 dense. */
    void (*outer)(int n, const struct pxs_segment *seg, size_t lda, size_t ldb, float *c, bool add);
    /* c[r][0..15] = (add: +=) sum over all rows k of all segments of a[r * lda + k] * b[k][0..15]:
     * windows on a line, which overlap where lda is smaller than a segment. */
    void (*windows)(int rows, int n, const struct pxs_segment *seg, size_t lda, float *c,
                    size_t ldc, bool add);
    /* dst[j][i] = src[i][j], 16 x 16; dst is dense. */
    void (*transpose)(const float *src, size_t ld, float *dst);
    /* n pixels of 16 floats */
    void (*copy)(const float *src, size_t ld_src, int n, float *dst, size_t ld_dst, bool add);
    struct pxs_tile_isa f2x2, f4x2, f2x3, f4x3; /* F(2,2), F(4,2), F(2,3), F(4,3) */
};

extern const struct pxs_isa pxs_isa_base;
#ifdef PXS_HAVE_AVX2
extern const struct pxs_isa pxs_isa_avx2;
#endif
#ifdef PXS_HAVE_AVX512
extern const struct pxs_isa pxs_isa_avx512;
#endif

#endif
