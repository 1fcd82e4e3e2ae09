/* The functions of an instruction set in terms of `vec`, a vector of LANES floats; VECS of them
 * make a panel. STRIP rows of a product fit into the registers. The isa_*.c that include this
 * define these names and the v_ operations.
 *
 * Accumulators are single variables, not an array, since compilers keep these in registers. */
#include "isa.h"

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* ---- products in registers ------------------------------------------------------------------ */

#define ROWS_1(X) X(0)
#define ROWS_2(X) ROWS_1(X) X(1)
#define ROWS_4(X) ROWS_2(X) X(2) X(3)
#define ROWS_6(X) ROWS_4(X) X(4) X(5)
#define ROWS_8(X) ROWS_6(X) X(6) X(7)
#define ROWS_16(X) ROWS_8(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* One panel of row i: an accumulator for each of its vectors. at(i): the number of a that row i
 * multiplies with. */
#if VECS == 1
#define DECLARE(i) vec c##i##_0 = v_zero();
#define LOAD_B(b) const vec b0 = v_load(b)
#define MULTIPLY(i) c##i##_0 = v_fma(v_all(AT(i)), b0, c##i##_0);
#define STORE(i) put(c + (i)*ldc, c##i##_0, add);
#elif VECS == 2
#define DECLARE(i) vec c##i##_0 = v_zero(), c##i##_1 = v_zero();
#define LOAD_B(b) const vec b0 = v_load(b), b1 = v_load((b) + LANES)
#define MULTIPLY(i)                        \
    {                                      \
        const vec s = v_all(AT(i));        \
        c##i##_0 = v_fma(s, b0, c##i##_0); \
        c##i##_1 = v_fma(s, b1, c##i##_1); \
    }
#define STORE(i)                     \
    put(c + (i)*ldc, c##i##_0, add); \
    put(c + (i)*ldc + LANES, c##i##_1, add);
#else
#define DECLARE(i) \
    vec c##i##_0 = v_zero(), c##i##_1 = v_zero(), c##i##_2 = v_zero(), c##i##_3 = v_zero();
#define LOAD_B(b)                                                                     \
    const vec b0 = v_load(b), b1 = v_load((b) + LANES), b2 = v_load((b) + 2 * LANES), \
              b3 = v_load((b) + 3 * LANES)
#define MULTIPLY(i)                        \
    {                                      \
        const vec s = v_all(AT(i));        \
        c##i##_0 = v_fma(s, b0, c##i##_0); \
        c##i##_1 = v_fma(s, b1, c##i##_1); \
        c##i##_2 = v_fma(s, b2, c##i##_2); \
        c##i##_3 = v_fma(s, b3, c##i##_3); \
    }
#define STORE(i)                                 \
    put(c + (i)*ldc, c##i##_0, add);             \
    put(c + (i)*ldc + LANES, c##i##_1, add);     \
    put(c + (i)*ldc + 2 * LANES, c##i##_2, add); \
    put(c + (i)*ldc + 3 * LANES, c##i##_3, add);
#endif

static inline void put(float *c, vec v, bool add) {
    v_store(c, add ? v_add(v_load(c), v) : v);
}

#define DEFINE_ROWS(R)                                                                         \
    static void rows_##R(int panels, const float *a, size_t a_panel, const float *b, float *c, \
                         size_t ldc, bool add) {                                               \
        ROWS_##R(DECLARE) for (int p = 0; p < panels; p++, a += a_panel) {                     \
            for (int k = 0; k < PANEL; k++, b += PANEL) {                                      \
                LOAD_B(b);                                                                     \
                ROWS_##R(MULTIPLY)                                                             \
            }                                                                                  \
        }                                                                                      \
        ROWS_##R(STORE)                                                                        \
    }
#define AT(i) a[(i)*PANEL + k]
#if STRIP == 16
DEFINE_ROWS(16)
DEFINE_ROWS(8)
#endif
#if STRIP == 6
DEFINE_ROWS(6)
#endif
#if STRIP >= 4
DEFINE_ROWS(4)
#endif
DEFINE_ROWS(2)
DEFINE_ROWS(1)
#undef AT

#define STRIP_OF(R)                                   \
    {                                                 \
        rows_##R(panels, a, a_panel, b, c, ldc, add); \
        rows -= R;                                    \
        a += (R)*PANEL;                               \
        c += (R)*ldc;                                 \
    }

static void rows(int rows, int panels, const float *a, size_t a_panel, const float *b, float *c,
                 size_t ldc, bool add) {
#if STRIP == 16
    while (rows >= 16)
        STRIP_OF(16)
    if (rows >= 8)
        STRIP_OF(8)
#elif STRIP == 6
    while (rows >= 6 && rows != 8) /* 8 = 4 + 4 rather than 6 + 2 */
        STRIP_OF(6)
#endif
#if STRIP >= 4
    while (rows >= 4)
        STRIP_OF(4)
#endif
    while (rows >= 2)
        STRIP_OF(2)
    if (rows)
        STRIP_OF(1)
}

#define DEFINE_OUTER(R)                                                                   \
    static void outer_##R(int n, const struct pxs_segment *seg, size_t first, size_t lda, \
                          size_t ldb, float *c, bool add) {                               \
        enum { ldc = PANEL };                                                             \
        ROWS_##R(DECLARE) for (int i = 0; i < n; i++) {                                   \
            const float *a = seg[i].a + first, *b = seg[i].b;                             \
            for (int t = 0; t < seg[i].len; t++, a += lda, b += ldb) {                    \
                LOAD_B(b);                                                                \
                ROWS_##R(MULTIPLY)                                                        \
            }                                                                             \
        }                                                                                 \
        c += first * PANEL;                                                               \
        ROWS_##R(STORE)                                                                   \
    }
#define AT(i) a[i]
#if STRIP == 16
DEFINE_OUTER(16)
#elif STRIP == 6
DEFINE_OUTER(6)
DEFINE_OUTER(4)
#else
DEFINE_OUTER(2)
#endif
#undef AT

static void outer(int n, const struct pxs_segment *seg, size_t lda, size_t ldb, float *c,
                  bool add) {
#if STRIP == 16
    outer_16(n, seg, 0, lda, ldb, c, add);
#elif STRIP == 6
    outer_6(n, seg, 0, lda, ldb, c, add);
    outer_6(n, seg, 6, lda, ldb, c, add);
    outer_4(n, seg, 12, lda, ldb, c, add);
#else
    for (size_t i = 0; i < PANEL; i += STRIP)
        outer_2(n, seg, i, lda, ldb, c, add);
#endif
}

#define DEFINE_WINDOWS(R)                                                                   \
    static void windows_##R(int n, const struct pxs_segment *seg, size_t first, size_t lda, \
                            float *c, size_t ldc, bool add) {                               \
        ROWS_##R(DECLARE) for (int i = 0; i < n; i++) {                                     \
            const float *a = seg[i].a + first, *b = seg[i].b;                               \
            for (int k = 0; k < seg[i].len; k++, b += PANEL) {                              \
                LOAD_B(b);                                                                  \
                ROWS_##R(MULTIPLY)                                                          \
            }                                                                               \
        }                                                                                   \
        ROWS_##R(STORE)                                                                     \
    }
#define AT(i) a[(size_t)(i)*lda + (size_t)k]
#if STRIP == 16
DEFINE_WINDOWS(16)
#elif STRIP == 6
DEFINE_WINDOWS(6)
#endif
#if STRIP >= 4
DEFINE_WINDOWS(4)
#endif
DEFINE_WINDOWS(2)
DEFINE_WINDOWS(1)
#undef AT

#define WINDOWS_OF(R)                                   \
    {                                                   \
        windows_##R(n, seg, at *lda, lda, c, ldc, add); \
        rows -= R;                                      \
        at += R;                                        \
        c += (R)*ldc;                                   \
    }

static void windows(int rows, int n, const struct pxs_segment *seg, size_t lda, float *c,
                    size_t ldc, bool add) {
    size_t at = 0;
#if STRIP == 16
    while (rows >= 16)
        WINDOWS_OF(16)
#elif STRIP == 6
    while (rows >= 6 && rows != 8)
        WINDOWS_OF(6)
#endif
#if STRIP >= 4
    while (rows >= 4)
        WINDOWS_OF(4)
#endif
    while (rows >= 2)
        WINDOWS_OF(2)
    if (rows)
        WINDOWS_OF(1)
}

/* ---- copies --------------------------------------------------------------------------------- */

#ifndef HAVE_TRANSPOSE
static void transpose(const float *src, size_t ld, float *dst) {
    for (size_t i = 0; i < PANEL; i++)
        for (size_t j = 0; j < PANEL; j++)
            dst[j * PANEL + i] = src[i * ld + j];
}
#endif

static void copy(const float *src, size_t ld_src, int n, float *dst, size_t ld_dst, bool add) {
    for (; n > 0; n--, src += ld_src, dst += ld_dst)
        for (int l = 0; l < PANEL; l += LANES)
            put(dst + l, v_load(src + l), add);
}

/* ---- Winograd transforms -------------------------------------------------------------------- */

#define R 2
#define M 2
#include "isa_winograd.h"
#undef M
#define M 4
#include "isa_winograd.h"
#undef M
#undef R
#define R 3
#define M 2
#include "isa_winograd.h"
#undef M
#define M 4
#include "isa_winograd.h"
#undef M
#undef R

#define TILE(m, r)                                                                          \
    {                                                                                       \
        m, r, big_in_##m##x##r, small_in_##m##x##r, small_out_##m##x##r, big_out_##m##x##r, \
            weight_in_##m##x##r, weight_out_##m##x##r                                       \
    }
const struct pxs_isa ISA = {
    .name = ISA_NAME,
    .fused = FUSED,
    .rows = rows,
    .outer = outer,
    .windows = windows,
    .transpose = transpose,
    .copy = copy,
    .f2x2 = TILE(2, 2),
    .f4x2 = TILE(4, 2),
    .f2x3 = TILE(2, 3),
    .f4x3 = TILE(4, 3),
};
