#include "pair_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *pxs_reason(const char *message, const char *path) {
    size_t n = strlen(path);
    return strncmp(message, path, n) == 0 && strncmp(message + n, ": ", 2) == 0 ? message + n + 2 : message;
}

/* ---- PNG ------------------------------------------------------------------------------------------------- */

static enum pxs_status read_named(const char *path, const char *name, struct pxs_image *out,
                                  struct pxs_png_info *info, struct pxs_error *err) {
    struct pxs_error why;
    enum pxs_status status = pxs_image_read_png(path, out, info, &why);
    return status == PXS_OK ? PXS_OK : pxs_fail(err, status, "%s: %s", name, pxs_reason(why.message, path));
}

static enum pxs_status read_side_by_side(const struct pxs_item *item, struct pxs_image *out, bool grey[2],
                                         struct pxs_error *err) {
    struct pxs_image image;
    struct pxs_png_info info;
    PXS_TRY(read_named(item->path, item->name, &image, &info, err));
    if (image.width % 2 != 0) {
        enum pxs_status status = pxs_fail(
            err, PXS_E_INVALID, "%s: is %d pixels wide; a pair is two halves of the same width side by side",
            item->name, image.width);
        pxs_image_finish(&image);
        return status;
    }
    grey[0] = grey[1] = info.channels <= 2;
    *out = image;
    return PXS_OK;
}

static enum pxs_status join_halves(const struct pxs_item *item, const struct pxs_image half[2],
                                   struct pxs_image *out, struct pxs_error *err) {
    int width = half[0].width, height = half[0].height;
    struct pxs_image pair;
    if (width != half[1].width || height != half[1].height)
        return pxs_fail(err, PXS_E_INVALID, "%s: is %d x %d pixels, its partner in B/ %d x %d", item->name,
                        width, height, half[1].width, half[1].height);
    if (pxs_image_create(&pair, 2 * width, height, 3, err) != PXS_OK)
        return pxs_error_prefix(err, "%s", item->name);
    size_t row = (size_t)width * 3;
    for (size_t y = 0; y < (size_t)height; y++)
        for (size_t k = 0; k < 2; k++)
            memcpy(pair.pixels + (2 * y + k) * row, half[k].pixels + y * row, row);
    *out = pair;
    return PXS_OK;
}

/* "train/A/x.png" with its partner's file name: "train/B/x.PNG". */
static void partner_name(const struct pxs_item *item, char *name, size_t size) {
    const char *slash = strchr(item->name, '/');
    snprintf(name, size, "%.*s/B/%s", (int)(slash - item->name), item->name, strrchr(item->path_b, '/') + 1);
}

static enum pxs_status read_partners(const struct pxs_item *item, struct pxs_image *out, bool grey[2],
                                     struct pxs_error *err) {
    struct pxs_image half[2] = {{0}, {0}};
    struct pxs_png_info info[2];
    char name_b[1024];
    partner_name(item, name_b, sizeof name_b);
    enum pxs_status status = read_named(item->path, item->name, &half[0], &info[0], err);
    if (status == PXS_OK)
        status = read_named(item->path_b, name_b, &half[1], &info[1], err);
    if (status == PXS_OK)
        status = join_halves(item, half, out, err);
    for (int k = 0; k < 2; k++) {
        grey[k] = status == PXS_OK && info[k].channels <= 2;
        pxs_image_finish(&half[k]);
    }
    return status;
}

/* ---- .npy ------------------------------------------------------------------------------------------------ */

static enum pxs_status check_shape(const struct pxs_npy *npy, struct pxs_error *err) {
    char shape[128];
    pxs_format_shape(shape, sizeof shape, npy->rank, npy->dims);
    if (npy->rank != 4 || npy->dims[3] != 3)
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s; pairs are (N, H, 2W, 3)", shape);
    if (npy->dims[0] < 1 || npy->dims[1] < 1 || npy->dims[2] < 1)
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s: it holds no pairs", shape);
    if (npy->dims[2] % 2 != 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "its shape is %s: a pair is two halves of the same width side by side", shape);
    if (npy->dims[1] > PXS_IMAGE_MAX_SIDE || npy->dims[2] > PXS_IMAGE_MAX_SIDE || npy->dims[0] > INT32_MAX)
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s: too large", shape);
    return PXS_OK;
}

enum pxs_status pxs_pairs_open(const char *path, struct pxs_npy *npy, struct pxs_error *err) {
    struct pxs_npy opened;
    struct pxs_error why;
    enum pxs_status status = pxs_npy_open(path, &opened, &why);
    if (status != PXS_OK)
        return pxs_fail(err, status, "%s", pxs_reason(why.message, path));
    status = check_shape(&opened, err);
    if (status != PXS_OK) {
        pxs_npy_finish(&opened);
        return status;
    }
    *npy = opened;
    return PXS_OK;
}

/* Floats to bytes as a cast does (towards zero). False with the position of the first value that is no sample. */
static bool floats_to_bytes(const float *from, size_t n, uint8_t *to, size_t *at) {
    for (size_t i = 0; i < n; i++) {
        if (!(from[i] >= 0.0f && from[i] <= 255.0f)) { /* NaN fails, too */
            *at = i;
            return false;
        }
        to[i] = (uint8_t)from[i];
    }
    return true;
}

/* Values within 0..1 with fractions: an array that somebody has already divided by 255. */
static bool is_scaled(const float *v, size_t n) {
    bool fraction = false;
    for (size_t i = 0; i < n; i++) {
        if (v[i] > 1.0f)
            return false;
        fraction = fraction || (v[i] > 0.0f && v[i] < 1.0f);
    }
    return fraction;
}

static enum pxs_status take_floats(const struct pxs_item *item, size_t index, const float *from,
                                   struct pxs_image *pair, struct pxs_error *err) {
    size_t n = (size_t)pair->width * (size_t)pair->height * 3, at;
    char value[32];
    if (!floats_to_bytes(from, n, pair->pixels, &at))
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s[%zu]: the value %s at row %zu, column %zu, channel %zu is not within 0..255",
                        item->name, index, pxs_format_double(value, (double)from[at]),
                        at / 3 / (size_t)pair->width, at / 3 % (size_t)pair->width, at % 3);
    if (is_scaled(from, n))
        return pxs_fail(err, PXS_E_INVALID,
                        "%s[%zu]: its values lie within 0..1; pairs hold 0..255 (multiply by 255)",
                        item->name, index);
    return PXS_OK;
}

static enum pxs_status read_from_npy(const struct pxs_item *item, size_t index, struct pxs_image *out,
                                     bool grey[2], struct pxs_error *err) {
    const struct pxs_npy *npy = &item->npy;
    struct pxs_image pair;
    if (pxs_image_create(&pair, (int)npy->dims[2], (int)npy->dims[1], 3, err) != PXS_OK)
        return pxs_error_prefix(err, "%s", item->name);
    size_t n = (size_t)pair.width * (size_t)pair.height * 3;
    enum pxs_status status = PXS_OK;
    if (npy->type == PXS_NPY_U1)
        memcpy(pair.pixels, (const uint8_t *)npy->data + index * n, n);
    else
        status = take_floats(item, index, (const float *)npy->data + index * n, &pair, err);
    grey[0] = grey[1] = false;
    if (status != PXS_OK) {
        pxs_image_finish(&pair);
        return status;
    }
    *out = pair;
    return PXS_OK;
}

enum pxs_status pxs_pair_read(const struct pxs_item *item, size_t index, struct pxs_image *out, bool grey[2],
                              struct pxs_error *err) {
    switch (item->kind) {
    case PXS_KIND_PAIR:
        return read_side_by_side(item, out, grey, err);
    case PXS_KIND_AB:
        return read_partners(item, out, grey, err);
    case PXS_KIND_NPY:
        return read_from_npy(item, index, out, grey, err);
    case PXS_KIND_NONE:
        break;
    }
    return pxs_fail(err, PXS_E_INTERNAL, "an item without a kind");
}
