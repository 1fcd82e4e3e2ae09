/* The tables of every instruction set that runs here (src/engine/kernel/isa.h) against plain loops
 * in double. Everything runs twice: on small whole numbers, where each step is exact and so is the
 * comparison, and on random ones within the error of their sums. */
#include "../../src/engine/kernel/kernel_priv.h"
#include "kernel_tests.h"
#include "winograd.h"

#include <math.h>
#include <string.h>

static const int gaps[] = {0, 0, 1, 3, 16}, shifts[] = {0, 0, 1, 3};

static const struct pxs_isa *isa_at(size_t i) {
    const struct pxs_isa *last = NULL;
    const struct pxs_kernels *set;
    for (size_t k = 0; (set = pxs_kernels_at(k)); k++)
        if (set->isa && set->isa != last) {
            last = set->isa;
            if (i-- == 0)
                return last;
        }
    return NULL;
}

#define FOR_EACH_ISA(isa)      \
    const struct pxs_isa *isa; \
    for (size_t isa_i = 0; (isa = isa_at(isa_i)); isa_i++)

/* Whole numbers for the exact class, else random ones. `unit`: what they are multiples of. */
static void fill(float *p, size_t ld, size_t rows, int cols, bool exact, int unit) {
    if (exact)
        fill_whole(p, ld, rows, cols, 4, unit, 1.0);
    else
        fill_random(p, ld, rows, cols, 1.0);
}

/* What stood in an output before: numbers to add to, or the mark. */
static double *before(float *out, size_t ld, size_t rows, int cols, bool exact, bool add) {
    if (!add)
        return numbers(rows * (size_t)cols);
    fill(out, ld, rows, cols, exact, 1);
    return widen(out, ld, rows, cols);
}

/* ---- products ------------------------------------------------------------------------------- */

static void check_rows(const struct pxs_isa *isa, int rows, int panels, bool add, bool exact) {
    size_t a_panel = (size_t)(rows * PANEL + RANDOM_OF(gaps)),
           ldc = (size_t)(PANEL + RANDOM_OF(gaps)), count = (size_t)rows * PANEL;
    int shift = RANDOM_OF(shifts);
    float *a = buffer((size_t)panels * a_panel, shift),
          *b = buffer((size_t)panels * PANEL * PANEL, shift),
          *c = buffer((size_t)rows * ldc, shift);
    for (int p = 0; p < panels; p++)
        fill(a + (size_t)p * a_panel, PANEL, (size_t)rows, PANEL, exact, 1);
    fill(b, PANEL, (size_t)(panels * PANEL), PANEL, exact, 1);
    freeze(a);
    freeze(b);
    double *want = before(c, ldc, (size_t)rows, PANEL, exact, add), *size = magnitudes(want, count);
    for (int p = 0; p < panels; p++)
        for (size_t r = 0; r < (size_t)rows; r++)
            for (size_t k = 0; k < PANEL; k++)
                for (size_t i = 0; i < PANEL; i++) {
                    double x = (double)a[(size_t)p * a_panel + r * PANEL + k] *
                               (double)b[((size_t)p * PANEL + k) * PANEL + i];
                    want[r * PANEL + i] += x;
                    size[r * PANEL + i] += fabs(x);
                }
    isa->rows(rows, panels, a, a_panel, b, c, ldc, add);
    tamper("rows", c, ldc, (size_t)rows, PANEL);
    expect_close(c, ldc, (size_t)rows, PANEL, want, size, exact ? 0 : sum_slack(16.0 * panels),
                 "%s rows: %d rows, %d panels, add %d", isa->name, rows, panels, add);
    buffers_done();
}

START_TEST(row_products)
{
    random_start("isa_rows");
    FOR_EACH_ISA(isa) {
        for (int n = 0; n <= 67; n++)
            for (int panels = 0; panels < 4; panels++)
                check_rows(isa, n, panels * (1 + n % 2), n % 3 == 0, random_u32() % 2);
        check_rows(isa, 131, 16, false, false);
    }
}
END_TEST

static void check_outer(const struct pxs_isa *isa, int n, int longest, bool add, bool exact) {
    size_t lda = (size_t)(PANEL + RANDOM_OF(gaps)), ldb = (size_t)(PANEL + RANDOM_OF(gaps));
    int shift = RANDOM_OF(shifts), total = 0;
    struct pxs_segment seg[8];
    float *c = buffer(PANEL * PANEL, shift);
    double *want = before(c, PANEL, PANEL, PANEL, exact, add),
           *size = magnitudes(want, PANEL * PANEL);
    for (int s = 0; s < n; s++) {
        int len = s == n - 1 ? longest : random_int(0, longest);
        float *a = buffer((size_t)len * lda, shift), *b = buffer((size_t)len * ldb, shift);
        fill(a, lda, (size_t)len, PANEL, exact, 1);
        fill(b, ldb, (size_t)len, PANEL, exact, 1);
        freeze(a);
        freeze(b);
        seg[s] = (struct pxs_segment){a, b, len};
        total += len;
        for (size_t t = 0; t < (size_t)len; t++)
            for (size_t i = 0; i < PANEL; i++)
                for (size_t j = 0; j < PANEL; j++) {
                    double x = (double)a[t * lda + i] * (double)b[t * ldb + j];
                    want[i * PANEL + j] += x;
                    size[i * PANEL + j] += fabs(x);
                }
    }
    isa->outer(n, seg, lda, ldb, c, add);
    tamper("outer", c, PANEL, PANEL, PANEL);
    expect_close(c, PANEL, PANEL, PANEL, want, size, exact ? 0 : sum_slack(total),
                 "%s outer: %d segments, %d rows in all, add %d", isa->name, n, total, add);
    buffers_done();
}

START_TEST(outer_products)
{
    static const int lengths[] = {0, 1, 2, 3, 7, 16, 17, 33, 256};
    random_start("isa_outer");
    FOR_EACH_ISA(isa)
    for (int n = 0; n <= 5; n++)
        for (size_t k = 0; k < PXS_COUNT(lengths); k++)
            for (int add = 0; add < 2; add++)
                check_outer(isa, n, lengths[k], add, random_u32() % 2);
}
END_TEST

/* Windows on lines, which overlap or not. */
static void check_windows(const struct pxs_isa *isa, int rows, int n, bool add, bool exact) {
    int lda = random_int(1, 20), lens[4];
    size_t ldc = (size_t)(PANEL + RANDOM_OF(gaps)), count = (size_t)rows * PANEL;
    struct pxs_segment seg[4];
    float *c = buffer((size_t)rows * ldc, RANDOM_OF(shifts));
    double *want = before(c, ldc, (size_t)rows, PANEL, exact, add), *size = magnitudes(want, count),
           terms = 1;
    for (int s = 0; s < n; s++) {
        lens[s] = random_int(0, 24);
        size_t line = (size_t)(rows ? (rows - 1) * lda + lens[s] : 0);
        float *a = buffer(line, RANDOM_OF(shifts)), *b = buffer((size_t)lens[s] * PANEL, 0);
        fill(a, 1, line, 1, exact, 1);
        fill(b, PANEL, (size_t)lens[s], PANEL, exact, 1);
        freeze(a);
        freeze(b);
        seg[s] = (struct pxs_segment){a, b, lens[s]};
        terms += lens[s];
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < lens[s]; k++)
                for (int l = 0; l < PANEL; l++) {
                    double product = (double)a[r * lda + k] * (double)b[k * PANEL + l];
                    want[r * PANEL + l] += product;
                    size[r * PANEL + l] += fabs(product);
                }
    }
    isa->windows(rows, n, seg, (size_t)lda, c, ldc, add);
    tamper("windows", c, ldc, (size_t)rows, PANEL);
    expect_close(c, ldc, (size_t)rows, PANEL, want, size, exact ? 0 : sum_slack(terms),
                 "%s windows: %d rows, %d segments%s", isa->name, rows, n, add ? " +=" : "");
    buffers_done();
}

START_TEST(window_products)
{
    random_start("isa_windows");
    FOR_EACH_ISA(isa)
    for (int rows = 0; rows <= 40; rows++)
        for (int n = 0; n <= 4; n++)
            check_windows(isa, rows, n, (rows + n) % 2, rows / 2 % 2);
}
END_TEST

/* ---- copies --------------------------------------------------------------------------------- */

START_TEST(transposes)
{
    random_start("isa_transpose");
    double none[PANEL * PANEL] = {0}, want[PANEL * PANEL];
    FOR_EACH_ISA(isa)
    for (size_t k = 0; k < PXS_COUNT(gaps) * 4; k++) {
        size_t ld = (size_t)(PANEL + gaps[k / 4]);
        float *src = buffer(PANEL * ld, (int)k % 4), *dst = buffer(PANEL * PANEL, (int)k % 3);
        fill_random(src, ld, PANEL, PANEL, 1.0);
        freeze(src);
        for (size_t i = 0; i < PANEL * PANEL; i++)
            want[i] = (double)src[i % PANEL * ld + i / PANEL];
        isa->transpose(src, ld, dst);
        tamper("transpose", dst, PANEL, PANEL, PANEL);
        expect_close(dst, PANEL, PANEL, PANEL, want, none, 0, "%s transpose, ld %zu", isa->name,
                     ld);
        buffers_done();
    }
}
END_TEST

START_TEST(copies)
{
    random_start("isa_copy");
    FOR_EACH_ISA(isa)
    for (int n = 0; n < 20; n++)
        for (int add = 0; add < 2; add++) {
            size_t ld_src = (size_t)(PANEL + RANDOM_OF(gaps)),
                   ld_dst = (size_t)(PANEL + RANDOM_OF(gaps)), count = (size_t)n * PANEL;
            float *src = buffer((size_t)n * ld_src, RANDOM_OF(shifts)),
                  *dst = buffer((size_t)n * ld_dst, RANDOM_OF(shifts));
            fill_random(src, ld_src, (size_t)n, PANEL, 1.0);
            freeze(src);
            double *want = before(dst, ld_dst, (size_t)n, PANEL, false, add),
                   *none = numbers(count);
            for (size_t i = 0; i < count; i++) /* one rounding: exact */
                want[i] = (double)((float)want[i] + src[i / PANEL * ld_src + i % PANEL]);
            isa->copy(src, ld_src, n, dst, ld_dst, add);
            tamper("copy", dst, ld_dst, (size_t)n, PANEL);
            expect_close(dst, ld_dst, (size_t)n, PANEL, want, none, 0, "%s copy of %d, add %d",
                         isa->name, n, add);
            buffers_done();
        }
}
END_TEST

/* ---- Winograd transforms -------------------------------------------------------------------- */

/* The matrices of F(m,r) and, for the sizes of the errors, their absolute values. Weights of the
 * exact kind are multiples of `unit`: F(4,2) divides by 6 twice, F(4,3) by 24. */
struct matrices {
    int m, r, nx, nxi, taps, unit;
    const struct pxs_tile_isa *tile;
    struct tiling plain, absolute;
};

static struct matrices matrices_of(const struct pxs_isa *isa, int m, int r) {
    struct pxs_conv_shape s = halving(1, m, m, 1, 1);
    struct matrices k = {.m = m, .r = r, .nx = m + r - 1, .taps = r * r, .unit = r == 3 ? 576 : 36};
    k.nxi = k.nx * k.nx;
    if (r == 3)
        s = (struct pxs_conv_shape)CONVOLUTION(1, m, m, 1, 1, 3, 1, 1, false);
    k.tile = r == 3 ? m == 2 ? &isa->f2x3 : &isa->f4x3 : m == 2 ? &isa->f2x2 : &isa->f4x2;
    k.plain = make_tiling(&s, m, 0);
    k.absolute = make_tiling(&s, m, 1);
    ck_assert(k.tile->m == m && k.tile->r == r);
    return k;
}

/* Roundings on the way through two dimensions: up to six a dimension, each at most at the size of
 * the whole. */
#define TRANSFORM_SLACK (14 * 0x1p-24)

/* One of the transforms on n vectors of `lanes` numbers: in [lane][n_in^2] -> want and size
 * [out][lane]. */
static void transform(const double *l, const double *l_abs, int rows, int cols, bool turned,
                      const double *in, double *out, double *size) {
    double in_abs[36];
    int from = turned ? rows : cols;
    for (int i = 0; i < from * from; i++)
        in_abs[i] = fabs(in[i]);
    sandwich(l, rows, cols, turned, in, out);
    sandwich(l_abs, rows, cols, turned, in_abs, size);
}

/* big_in and small_in: pixels to points, for several panels. */
static void check_in(const struct pxs_isa *isa, int m, int r, bool of_big, int panels, bool exact) {
    struct matrices k = matrices_of(isa, m, r);
    const double *l = of_big ? k.plain.bt : k.plain.at,
                 *l_abs = of_big ? k.absolute.bt : k.absolute.at;
    int side = of_big ? k.nx : m, n_src = side * side, channels = panels * PANEL;
    size_t panel_stride = (size_t)(PANEL + RANDOM_OF(gaps)),
           xi_stride = (size_t)panels * panel_stride + (size_t)RANDOM_OF(gaps);
    const float *src[36];
    for (int i = 0; i < n_src; i++) {
        float *pixel = buffer((size_t)channels, RANDOM_OF(shifts));
        fill(pixel, (size_t)channels, 1, channels, exact, 1);
        freeze(pixel);
        src[i] = pixel;
    }
    float *dst = buffer((size_t)k.nxi * xi_stride, RANDOM_OF(shifts));
    double *want = numbers((size_t)(k.nxi * channels)), *size = numbers((size_t)(k.nxi * channels));
    for (int c = 0; c < channels; c++) {
        double in[36], out[36], out_size[36];
        for (int i = 0; i < n_src; i++)
            in[i] = (double)src[i][c];
        transform(l, l_abs, of_big ? k.nx : m, k.nx, !of_big, in, out, out_size);
        for (int xi = 0; xi < k.nxi; xi++) {
            want[xi * channels + c] = out[xi];
            size[xi * channels + c] = out_size[xi];
        }
    }
    (of_big ? k.tile->big_in : k.tile->small_in)(src, panels, dst, xi_stride, panel_stride);
    tamper(of_big ? "big_in" : "small_in", dst, xi_stride, panels ? (size_t)k.nxi : 0, PANEL);
    for (int xi = 0; xi < k.nxi; xi++)
        for (int p = 0; p < panels; p++) {
            size_t at = (size_t)(xi * channels + p * PANEL);
            expect_close(dst + (size_t)xi * xi_stride + (size_t)p * panel_stride, PANEL, 1, PANEL,
                         want + at, size + at, exact ? 0 : TRANSFORM_SLACK,
                         "%s %s of F(%d,%d): point %d, panel %d of %d", isa->name,
                         of_big ? "big_in" : "small_in", m, r, xi, p, panels);
            size_t written = 0;
            for (size_t i = PANEL; i < panel_stride; i++)
                written += !is_mark(dst[(size_t)xi * xi_stride + (size_t)p * panel_stride + i]);
            ck_assert_uint_eq(written, 0);
        }
    buffers_done();
}

/* small_out: some of the pixels lie outside. */
static void check_small_out(const struct pxs_isa *isa, int m, int r, bool exact) {
    struct matrices k = matrices_of(isa, m, r);
    size_t xi_stride = (size_t)(PANEL + RANDOM_OF(gaps));
    float *src = buffer((size_t)k.nxi * xi_stride, RANDOM_OF(shifts)), *dst[16];
    fill(src, xi_stride, (size_t)k.nxi, PANEL, exact, 1);
    freeze(src);
    int rows = random_int(1, m), cols = random_int(1, m);
    for (int i = 0; i < m * m; i++)
        dst[i] = i / m < rows && i % m < cols ? buffer(PANEL, RANDOM_OF(shifts)) : NULL;
    double want[16][PANEL], size[16][PANEL];
    for (size_t c = 0; c < PANEL; c++) {
        double in[36], out[16], out_size[16];
        for (size_t xi = 0; xi < (size_t)k.nxi; xi++)
            in[xi] = (double)src[xi * xi_stride + c];
        transform(k.plain.at, k.absolute.at, m, k.nx, false, in, out, out_size);
        for (int i = 0; i < m * m; i++) {
            want[i][c] = out[i];
            size[i][c] = out_size[i];
        }
    }
    k.tile->small_out(src, xi_stride, dst);
    tamper("small_out", dst[0], PANEL, 1, PANEL);
    for (int i = 0; i < m * m; i++)
        if (dst[i])
            expect_close(dst[i], PANEL, 1, PANEL, want[i], size[i], exact ? 0 : TRANSFORM_SLACK,
                         "%s small_out of F(%d,%d): pixel %d", isa->name, m, r, i);
    buffers_done();
}

/* big_out adds to a plane. */
static void check_big_out(const struct pxs_isa *isa, int m, int r, bool exact) {
    struct matrices k = matrices_of(isa, m, r);
    size_t xi_stride = (size_t)(PANEL + RANDOM_OF(gaps)),
           ld = (size_t)(k.nx * PANEL + RANDOM_OF(gaps));
    float *src = buffer((size_t)k.nxi * xi_stride, RANDOM_OF(shifts)),
          *plane = buffer((size_t)k.nx * ld, RANDOM_OF(shifts));
    int cols = k.nx * PANEL;
    fill(src, xi_stride, (size_t)k.nxi, PANEL, exact, 1);
    freeze(src);
    double *want = before(plane, ld, (size_t)k.nx, cols, exact, true),
           *size = magnitudes(want, (size_t)(k.nx * cols));
    for (size_t c = 0; c < PANEL; c++) {
        double in[36], out[36], out_size[36];
        for (size_t xi = 0; xi < (size_t)k.nxi; xi++)
            in[xi] = (double)src[xi * xi_stride + c];
        transform(k.plain.bt, k.absolute.bt, k.nx, k.nx, true, in, out, out_size);
        for (size_t i = 0; i < (size_t)k.nxi; i++) {
            want[i * PANEL + c] += out[i];
            size[i * PANEL + c] += out_size[i];
        }
    }
    k.tile->big_out(src, xi_stride, plane, ld);
    tamper("big_out", plane, ld, (size_t)k.nx, cols);
    expect_close(plane, ld, (size_t)k.nx, cols, want, size, exact ? 0 : TRANSFORM_SLACK,
                 "%s big_out of F(%d,%d)", isa->name, m, r);
    buffers_done();
}

static void check_weight_in(const struct pxs_isa *isa, int m, int r, int rows, bool exact) {
    struct matrices k = matrices_of(isa, m, r);
    size_t count = (size_t)rows * PANEL, xi_stride = count + (size_t)RANDOM_OF(gaps);
    const float *tap[9];
    for (int a = 0; a < k.taps; a++) {
        float *taps = buffer(count, RANDOM_OF(shifts));
        fill(taps, PANEL, (size_t)rows, PANEL, exact, k.unit);
        freeze(taps);
        tap[a] = taps;
    }
    float *dst = buffer((size_t)k.nxi * xi_stride, RANDOM_OF(shifts));
    double *want = numbers((size_t)k.nxi * count), *size = numbers((size_t)k.nxi * count);
    for (size_t c = 0; c < count; c++) {
        double in[9], out[36], out_size[36];
        for (int a = 0; a < k.taps; a++)
            in[a] = (double)tap[a][c];
        transform(k.plain.g, k.absolute.g, k.nx, k.r, false, in, out, out_size);
        for (size_t xi = 0; xi < (size_t)k.nxi; xi++) {
            want[xi * count + c] = exact ? nearbyint(out[xi]) : out[xi];
            size[xi * count + c] = out_size[xi];
        }
    }
    k.tile->weight_in(tap, rows, dst, xi_stride);
    tamper("weight_in", dst, xi_stride, (size_t)k.nxi, (int)count);
    expect_close(dst, xi_stride ? xi_stride : 1, (size_t)k.nxi * (count > 0), (int)count, want,
                 size, exact ? 0 : TRANSFORM_SLACK, "%s weight_in of F(%d,%d), %d rows", isa->name,
                 m, r, rows);
    buffers_done();
}

static void check_weight_out(const struct pxs_isa *isa, int m, int r, bool exact) {
    enum { BLOCK = PANEL * PANEL };
    struct matrices k = matrices_of(isa, m, r);
    float *src = buffer((size_t)k.nxi * BLOCK, RANDOM_OF(shifts)), *tap[9];
    fill(src, BLOCK, (size_t)k.nxi, BLOCK, exact, k.unit);
    freeze(src);
    double *want[9], *size[9];
    for (int a = 0; a < k.taps; a++) {
        tap[a] = buffer(BLOCK, RANDOM_OF(shifts));
        want[a] = before(tap[a], PANEL, PANEL, PANEL, exact, false);
        size[a] = magnitudes(want[a], BLOCK);
    }
    for (size_t c = 0; c < BLOCK; c++) {
        double in[36], out[9], out_size[9];
        for (size_t xi = 0; xi < (size_t)k.nxi; xi++)
            in[xi] = (double)src[xi * BLOCK + c];
        transform(k.plain.g, k.absolute.g, k.nx, k.r, true, in, out, out_size);
        for (int a = 0; a < k.taps; a++) {
            want[a][c] += exact ? nearbyint(out[a]) : out[a];
            size[a][c] += out_size[a];
        }
    }
    k.tile->weight_out(src, tap);
    tamper("weight_out", tap[k.taps - 1], PANEL, PANEL, PANEL);
    for (int a = 0; a < k.taps; a++)
        expect_close(tap[a], PANEL, PANEL, PANEL, want[a], size[a], exact ? 0 : TRANSFORM_SLACK,
                     "%s weight_out of F(%d,%d): tap %d", isa->name, m, r, a);
    buffers_done();
}

START_TEST(transforms)
{
    random_start("isa_transforms");
    FOR_EACH_ISA(isa)
    for (int k = 0; k < 128; k++) {
        int m = k % 2 ? 2 : 4, r = k / 2 % 2 ? 2 : 3, panels = k / 8 % 4;
        bool exact = k / 4 % 2;
        check_in(isa, m, r, true, panels, exact);
        check_in(isa, m, r, false, panels, exact);
        check_small_out(isa, m, r, exact);
        check_big_out(isa, m, r, exact);
        check_weight_in(isa, m, r, k / 8 < 4 ? k / 8 : random_int(15, 33), exact);
        check_weight_out(isa, m, r, exact);
    }
}
END_TEST

TCase *isa_case(void) {
    KERNEL_CASE("isa");
    tcase_add_test(tcase, row_products);
    tcase_add_test(tcase, outer_products);
    tcase_add_test(tcase, window_products);
    tcase_add_test(tcase, transposes);
    tcase_add_test(tcase, copies);
    tcase_add_test(tcase, transforms);
    return tcase;
}
