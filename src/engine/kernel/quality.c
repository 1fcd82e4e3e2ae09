/* Similarity of two images: PSNR and SSIM, in double, one image for each piece. */
#include "kernel_priv.h"

#include <math.h>

/* Images are in [-1,1]: data range 2. Constants of Wang et al., "Image quality assessment: from
 * error visibility to structural similarity", IEEE TIP 2004, eq. 13 and section III-C: K1 0.01, K2
 * 0.03, 11x11 Gaussian window with sigma 1.5. */
enum { WINDOW = 11, SIDE_MAX = 1024, MOMENTS = 5 };
#define RANGE 2.0
#define C1 ((0.01 * RANGE) * (0.01 * RANGE))
#define C2 ((0.03 * RANGE) * (0.03 * RANGE))

struct quality {
    const float *x, *y;
    int h, w, c;
    double window[WINDOW];
    double *psnr, *ssim;
};

static void make_window(double window[WINDOW]) {
    double sum = 0;
    for (int i = 0; i < WINDOW; i++)
        sum += window[i] = exp(-0.5 * (i - WINDOW / 2) * (i - WINDOW / 2) / (1.5 * 1.5));
    for (int i = 0; i < WINDOW; i++)
        window[i] /= sum;
}

/* Weighted sums over WINDOW rows from `row` on, for one channel: of x, y, x*x, y*y, x*y in each
 * column. */
static void columns(const struct quality *q, const float *x, const float *y, int row,
                    double out[MOMENTS][SIDE_MAX]) {
    for (int m = 0; m < MOMENTS; m++)
        for (int col = 0; col < q->w; col++)
            out[m][col] = 0;
    for (int i = 0; i < WINDOW; i++) {
        size_t at = (size_t)(row + i) * (size_t)q->w * (size_t)q->c;
        double weight = q->window[i];
        for (int col = 0; col < q->w; col++, at += (size_t)q->c) {
            double a = (double)x[at], b = (double)y[at];
            out[0][col] += weight * a;
            out[1][col] += weight * b;
            out[2][col] += weight * a * a;
            out[3][col] += weight * b * b;
            out[4][col] += weight * a * b;
        }
    }
}

static double ssim_at(const struct quality *q, double column[MOMENTS][SIDE_MAX], int col) {
    double m[MOMENTS] = {0};
    for (int k = 0; k < MOMENTS; k++)
        for (int i = 0; i < WINDOW; i++)
            m[k] += q->window[i] * column[k][col + i];
    double var_x = m[2] - m[0] * m[0], var_y = m[3] - m[1] * m[1], cov = m[4] - m[0] * m[1];
    return (2 * m[0] * m[1] + C1) * (2 * cov + C2) /
           ((m[0] * m[0] + m[1] * m[1] + C1) * (var_x + var_y + C2));
}

/* Mean over all windows that lie within the image, and over channels. */
static double ssim_image(const struct quality *q, const float *x, const float *y) {
    double column[MOMENTS][SIDE_MAX], sum = 0;
    int rows = q->h - WINDOW + 1, cols = q->w - WINDOW + 1;
    for (int ch = 0; ch < q->c; ch++) {
        for (int row = 0; row < rows; row++) {
            columns(q, x + ch, y + ch, row, column);
            for (int col = 0; col < cols; col++)
                sum += ssim_at(q, column, col);
        }
    }
    return sum / ((double)rows * cols * q->c);
}

static double psnr_image(const float *x, const float *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)y[i];
        sum += d * d;
    }
    return 10.0 * log10(RANGE * RANGE * (double)n / sum);
}

static void piece(void *user, int index, int thread) {
    const struct quality *q = user;
    size_t n = (size_t)q->h * (size_t)q->w * (size_t)q->c;
    (void)thread;
    q->psnr[index] = psnr_image(q->x + (size_t)index * n, q->y + (size_t)index * n, n);
    q->ssim[index] = ssim_image(q, q->x + (size_t)index * n, q->y + (size_t)index * n);
}

void pxs_image_quality(const struct pxs_kernel_context *ctx, const float *x, const float *y, int n,
                       int h, int w, int c, double *psnr, double *ssim) {
    struct quality q = {.x = x, .y = y, .h = h, .w = w, .c = c, .psnr = psnr, .ssim = ssim};
    make_window(q.window);
    pxs_pool_run(ctx->pool, piece, &q, n);
}
