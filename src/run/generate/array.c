/* .npy files of pictures, in and out. */
#include "generate_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- what it holds -------------------------------------------------------------------------- */

static bool is_channels(int64_t n) {
    return n == 1 || n == 3;
}

/* Which axis is which. */
static bool read_shape(struct generate_array *a) {
    const int64_t *d = a->npy.dims;
    const int rank = a->npy.rank;
    int64_t n = 1, h, w, c = 1;
    if (rank == 4) {
        a->planar = !is_channels(d[3]);
        a->has_channels = true;
        n = d[0];
        c = a->planar ? d[1] : d[3];
        h = a->planar ? d[2] : d[1];
        w = a->planar ? d[3] : d[2];
    } else if (rank == 3 && is_channels(d[2])) {
        a->single = a->has_channels = true;
        h = d[0];
        w = d[1];
        c = d[2];
    } else if (rank == 3) {
        n = d[0];
        h = d[1];
        w = d[2];
    } else if (rank == 2) {
        a->single = true;
        h = d[0];
        w = d[1];
    } else {
        return false;
    }
    if (!is_channels(c) || n < 1 || h < 1 || w < 1 || h > PXS_IMAGE_MAX_SIDE ||
        w > PXS_IMAGE_MAX_SIDE)
        return false;
    a->n = (size_t)n;
    a->height = (int)h;
    a->width = (int)w;
    a->channels = (int)c;
    return true;
}

/* Floats are of 0..255 or, where none is above 1, of 0..1. */
static enum pxs_status find_scale(struct generate_array *a, const char *path,
                                  struct pxs_error *err) {
    double some[1024], low = 0, high = 0;
    if (a->npy.type == PXS_NPY_U1)
        return PXS_OK;
    for (uint64_t at = 0, n; at < a->npy.count; at += n) {
        n = a->npy.count - at < PXS_COUNT(some) ? a->npy.count - at : PXS_COUNT(some);
        pxs_npy_values(&a->npy, at, (size_t)n, some);
        for (size_t i = 0; i < n; i++) {
            if (some[i] != some[i])
                return pxs_fail(err, PXS_E_CORRUPT, "%s: value %llu is not a number", path,
                                (unsigned long long)at + i);
            low = some[i] < low ? some[i] : low;
            high = some[i] > high ? some[i] : high;
        }
    }
    if (low < 0 || high > 255)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s: its values reach from %g to %g; pictures are 0..255 or 0..1%s", path,
                        low, high,
                        low >= -1 && high <= 1 ? ": save (x + 1) * 127.5, if they are -1..1" : "");
    a->unit = high <= 1;
    return PXS_OK;
}

/* Three planes beside each other may be one picture of PyTorch's axes, which a colour network is
 * asked for, or three grey ones: not for us to guess. */
static enum pxs_status refuse_planes(const struct generate_array *a, const char *path,
                                     struct pxs_error *err) {
    const long long h = a->height, w = a->width;
    return pxs_fail(err, PXS_E_INVALID,
                    "%s: its shape is [3, %lld, %lld], which is one colour picture or three grey "
                    "ones: save the one as (1, 3, %lld, %lld) or (%lld, %lld, 3), the three as (3, "
                    "%lld, %lld, 1)",
                    path, h, w, h, w, h, w, h, w);
}

enum pxs_status generate_array_open(const char *path, int channels, struct generate_array *out,
                                    struct pxs_error *err) {
    struct generate_array a = {.n = 0};
    char shape[128];
    PXS_TRY(pxs_npy_open(path, &a.npy, err));
    enum pxs_status status = PXS_OK;
    if (!read_shape(&a)) {
        pxs_format_shape(shape, sizeof shape, a.npy.rank, a.npy.dims);
        status =
            pxs_fail(err, PXS_E_INVALID,
                     "%s: its shape is %s; pictures are (N, H, W, C), (N, C, H, W), (N, H, W), "
                     "(H, W, C) or (H, W), and C is 1 or 3",
                     path, shape);
    }
    if (status == PXS_OK && channels == 3 && !a.has_channels && !a.single && a.n == 3)
        status = refuse_planes(&a, path, err);
    if (status == PXS_OK)
        status = find_scale(&a, path, err);
    if (status == PXS_OK)
        *out = a;
    else
        pxs_npy_finish(&a.npy);
    return status;
}

void generate_array_close(struct generate_array *a) {
    pxs_npy_finish(&a->npy);
}

/* ---- in ------------------------------------------------------------------------------------- */

enum pxs_status generate_array_read(const struct generate_array *a, size_t index,
                                    struct pxs_image *out, struct pxs_error *err) {
    const size_t c = (size_t)a->channels, pixels = (size_t)a->height * (size_t)a->width;
    struct pxs_image image;
    PXS_TRY(pxs_image_create(&image, a->width, a->height, 3, err));
    double *values = malloc(pixels * c * sizeof *values);
    if (!values) {
        pxs_image_finish(&image);
        return pxs_fail_nomem(err);
    }
    pxs_npy_values(&a->npy, index * pixels * c, pixels * c, values);
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < 3; k++) {
            const size_t channel = c == 1 ? 0 : k;
            const double v = values[a->planar ? channel * pixels + i : i * c + channel];
            image.pixels[3 * i + k] = (uint8_t)(a->unit ? v * 255 + 0.5 : v);
        }
    free(values);
    *out = image;
    return PXS_OK;
}

/* ---- out ------------------------------------------------------------------------------------ */

enum pxs_status generate_array_begin(const struct generate_array *like, int height, int width,
                                     int channels, const char *path, struct pxs_npy_writer *w,
                                     struct pxs_error *err) {
    int64_t dims[PXS_MAX_RANK];
    int rank = 0;
    if (!like->single)
        dims[rank++] = (int64_t)like->n;
    if (like->planar)
        dims[rank++] = channels;
    dims[rank++] = height;
    dims[rank++] = width;
    if (!like->planar && (like->has_channels || channels > 1))
        dims[rank++] = channels;
    PXS_TRY(pxs_npy_write_open(w, path, PXS_NPY_U1, rank, dims, err));
    w->file.unsynced = true;
    return PXS_OK;
}

enum pxs_status generate_array_put(const struct generate_array *like, const struct pxs_image *image,
                                   struct pxs_npy_writer *w, struct pxs_error *err) {
    const size_t c = (size_t)image->channels, pixels = (size_t)image->height * (size_t)image->width;
    if (!like->planar || c == 1)
        return pxs_npy_write_put(w, image->pixels, pixels * c, err);
    uint8_t *plane = malloc(pixels);
    enum pxs_status status = plane ? PXS_OK : pxs_fail_nomem(err);
    for (size_t k = 0; k < c && status == PXS_OK; k++) {
        for (size_t i = 0; i < pixels; i++)
            plane[i] = image->pixels[i * c + k];
        status = pxs_npy_write_put(w, plane, pixels, err);
    }
    free(plane);
    return status;
}
