/* Antialiased bicubic resize with Pillow's arithmetic: weights in double, normalised, then fixed
 * point with 22 fraction bits; one pass along rows, one along columns, each rounded to bytes. */
#include "pixsweep/image.h"

#include <math.h>
#include <stdlib.h>

#define FRACTION_BITS 22 /* 32 less 8 for a byte and 2 for the overshoot of the kernel */

/* For each output position: the first input position, how many, and their weights (stride
 * apart). */
struct taps {
    int *first, *count;
    int32_t *weight;
    int stride;
};

static void taps_finish(struct taps *t) {
    free(t->first);
    free(t->count);
    free(t->weight);
}

static double bicubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

/* For each output position where its taps begin, how many there are, and their weights in fixed
 * point. */
static enum pxs_status taps_init(struct taps *t, int in, int out, struct pxs_error *err) {
    double scale = (double)in / out, stretch = scale < 1.0 ? 1.0 : scale;
    double support = 2.0 * stretch, inverse = 1.0 / stretch;
    *t = (struct taps){.stride = (int)ceil(support) * 2 + 1};
    t->first = malloc((size_t)out * sizeof *t->first);
    t->count = malloc((size_t)out * sizeof *t->count);
    t->weight = malloc((size_t)out * (size_t)t->stride * sizeof *t->weight);
    double *w = malloc((size_t)t->stride * sizeof *w);
    if (!t->first || !t->count || !t->weight || !w) {
        free(w);
        taps_finish(t);
        return pxs_fail_nomem(err);
    }
    for (int at = 0; at < out; at++) {
        double centre = (at + 0.5) * scale, sum = 0.0;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        end = end > in ? in : end;
        for (int k = 0; k < end - first; k++) {
            w[k] = bicubic((k + first - centre + 0.5) * inverse);
            sum += w[k];
        }
        for (int k = 0; k < end - first; k++) {
            double share = sum != 0.0 ? w[k] / sum : w[k];
            t->weight[(size_t)at * (size_t)t->stride + (size_t)k] =
                (int32_t)((share < 0 ? -0.5 : 0.5) + share * (1 << FRACTION_BITS));
        }
        t->first[at] = first;
        t->count[at] = end - first;
    }
    free(w);
    return PXS_OK;
}

/* Sum of `count` samples `step` bytes apart; an arithmetic shift, as compilers do for signed
 * numbers, rounds down. */
static uint8_t blend(const uint8_t *from, size_t step, const int32_t *weight, int count) {
    int32_t sum = 1 << (FRACTION_BITS - 1);
    for (int k = 0; k < count; k++)
        sum += from[(size_t)k * step] * weight[k];
    sum >>= FRACTION_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

static void along_rows(const struct pxs_image *in, const struct taps *t, struct pxs_image *out) {
    size_t c = (size_t)in->channels;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++)
            for (size_t k = 0; k < c; k++) {
                size_t from = ((size_t)y * (size_t)in->width + (size_t)t->first[x]) * c + k;
                out->pixels[((size_t)y * (size_t)out->width + (size_t)x) * c + k] = blend(
                    in->pixels + from, c, t->weight + (size_t)x * (size_t)t->stride, t->count[x]);
            }
}

static void along_columns(const struct pxs_image *in, const struct taps *t, struct pxs_image *out) {
    size_t row = (size_t)in->width * (size_t)in->channels;
    for (int y = 0; y < out->height; y++)
        for (size_t k = 0; k < row; k++)
            out->pixels[(size_t)y * row + k] =
                blend(in->pixels + (size_t)t->first[y] * row + k, row,
                      t->weight + (size_t)y * (size_t)t->stride, t->count[y]);
}

/* One pass to a new size along one axis. */
static enum pxs_status pass(const struct pxs_image *in, int width, int height,
                            struct pxs_image *out, struct pxs_error *err) {
    bool rows = width != in->width;
    struct pxs_image result;
    struct taps taps;
    PXS_TRY(pxs_image_create(&result, width, height, in->channels, err));
    enum pxs_status status =
        rows ? taps_init(&taps, in->width, width, err) : taps_init(&taps, in->height, height, err);
    if (status != PXS_OK) {
        pxs_image_finish(&result);
        return status;
    }
    if (rows)
        along_rows(in, &taps, &result);
    else
        along_columns(in, &taps, &result);
    taps_finish(&taps);
    *out = result;
    return PXS_OK;
}

enum pxs_status pxs_image_resize(const struct pxs_image *in, int width, int height,
                                 struct pxs_image *out, struct pxs_error *err) {
    if (width == in->width && height == in->height)
        return pxs_image_crop(in, 0, 0, width, height, out, err);
    if (height == in->height || width == in->width)
        return pass(in, width, height, out, err);
    struct pxs_image between;
    PXS_TRY(pass(in, width, in->height, &between, err));
    enum pxs_status status = pass(&between, width, height, out, err);
    pxs_image_finish(&between);
    return status;
}
