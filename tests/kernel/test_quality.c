/* PSNR and SSIM against scikit-image, and the same bits for any number of threads. */
#include "kernel_tests.h"
#include "quality_golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The images of make_quality.py. */
static float value(int kind, int64_t i, int w, int c) {
    if (kind == 0)
        return (float)((double)(i * 2654435761 % 4294967296) / 2147483648.0 - 1.0);
    if (kind == 1)
        return (float)sin((double)i * 0.05);
    return i / c % w / 5 % 3 == 0 ? -1.0f : 1.0f;
}

static float *image(int h, int w, int c, int kind) {
    int64_t n = (int64_t)h * w * c;
    float *out = malloc((size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        out[i] = value(kind, i, w, c);
    return out;
}

START_TEST(as_scikit_image)
{
    struct pxs_kernel_context ctx = context(NULL, 1, 0);
    for (size_t g = 0; g < PXS_COUNT(golden_quality); g++) {
        int h = golden_quality[g].h, w = golden_quality[g].w, c = golden_quality[g].c;
        double psnr, ssim;
        float mix = (float)golden_quality[g].mix, *x = image(h, w, c, golden_quality[g].x),
              *y = image(h, w, c, golden_quality[g].y);
        for (int i = 0; i < h * w * c; i++)
            y[i] = x[i] * (1.0f - mix) + y[i] * mix;
        pxs_image_quality(&ctx, x, y, 1, h, w, c, &psnr, &ssim);
        ck_assert_double_eq_tol(psnr, golden_quality[g].psnr, 1e-9);
        ck_assert_double_eq_tol(ssim, golden_quality[g].ssim, 1e-9);
        free(x);
        free(y);
    }
}
END_TEST

START_TEST(equal_and_constant_images)
{
    enum { H = 16, W = 12, N = H * W };
    struct pxs_kernel_context ctx = context(NULL, 1, 0);
    double psnr[2], ssim[2];
    float x[2 * N], y[2 * N];
    for (int i = 0; i < 2 * N; i++)
        x[i] = i < N ? sinf((float)i) : 1.0f, y[i] = i < N ? x[i] : -1.0f;
    pxs_image_quality(&ctx, x, y, 2, H, W, 1, psnr, ssim);
    ck_assert(isinf(psnr[0]) && psnr[0] > 0);
    ck_assert_double_eq_tol(ssim[0], 1.0, 1e-12);
    ck_assert_double_eq_tol(psnr[1], 0.0, 1e-12); /* white against black: the error is the range */
    ck_assert_double_lt(ssim[1], 0.0);
}
END_TEST

START_TEST(any_number_of_threads)
{
    enum { N = 7, H = 20, W = 33, C = 3 };
    double psnr[2][N], ssim[2][N];
    float *x = image(N * H, W, C, 0), *y = image(N * H, W, C, 2);
    for (int threads = 1; threads <= 2; threads++) {
        struct pxs_kernel_context ctx = context(NULL, threads == 1 ? 1 : 3, 0);
        pxs_image_quality(&ctx, x, y, N, H, W, C, psnr[threads - 1], ssim[threads - 1]);
    }
    ck_assert_int_eq(memcmp(psnr[0], psnr[1], sizeof psnr[0]), 0);
    ck_assert_int_eq(memcmp(ssim[0], ssim[1], sizeof ssim[0]), 0);
    free(x);
    free(y);
}
END_TEST

TCase *quality_case(void) {
    TCase *tcase = tcase_create("quality");
    tcase_add_test(tcase, as_scikit_image);
    tcase_add_test(tcase, equal_and_constant_images);
    tcase_add_test(tcase, any_number_of_threads);
    return tcase;
}
