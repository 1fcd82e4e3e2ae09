/* Reads one pair as two halves, from one picture, two pictures or a .npy file. */
#include "pair_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *pxs_reason(const char *message, const char *path) {
    size_t n = strlen(path);
    return strncmp(message, path, n) == 0 && strncmp(message + n, ": ", 2) == 0 ? message + n + 2
                                                                                : message;
}

void pxs_pair_finish(struct pxs_half half[2]) {
    for (int k = 0; k < 2; k++)
        pxs_image_finish(&half[k].image);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static enum pxs_status read_named(const char *path, const char *name, struct pxs_image *out,
                                  struct pxs_image_info *info, struct pxs_error *err) {
    struct pxs_error why;
    enum pxs_status status = pxs_image_read(path, out, info, &why);
    return status == PXS_OK ? PXS_OK
                            : pxs_fail(err, status, "%s: %s", name, pxs_reason(why.message, path));
}

/* `first`, `last`: which of the halves of the file's picture the half is made of. */
static void note_stored(const struct pxs_image_info *info, int first, int last,
                        struct pxs_half *half) {
    half->grey = info->channels <= 2;
    half->stored = info->depth == 16 ? PXS_STORED_16_BIT : PXS_STORED_BYTES;
    half->low = info->low[first] < info->low[last] ? info->low[first] : info->low[last];
    half->high = info->high[first] > info->high[last] ? info->high[first] : info->high[last];
}

static enum pxs_status read_side_by_side(const struct pxs_item *item, struct pxs_half half[2],
                                         struct pxs_error *err) {
    struct pxs_image image;
    struct pxs_image_info info;
    PXS_TRY(read_named(item->path, item->name, &image, &info, err));
    enum pxs_status status = PXS_OK;
    int width = image.width / 2;
    if (image.width % 2 != 0)
        status =
            pxs_fail(err, PXS_E_INVALID,
                     "%s: is %d pixels wide; a pair is two halves of the same width side by side",
                     item->name, image.width);
    for (int k = 0; k < 2 && status == PXS_OK; k++) {
        status = pxs_image_crop(&image, k * width, 0, width, image.height, &half[k].image, err);
        note_stored(&info, k, k, &half[k]);
    }
    pxs_image_finish(&image);
    return status;
}

static enum pxs_status read_partners(const struct pxs_item *item, struct pxs_half half[2],
                                     struct pxs_error *err) {
    struct pxs_image_info info[2];
    char name_b[1024];
    /* The item has the name of A, "train/A/x.png"; B's may end otherwise, "train/B/x.PNG". */
    const char *slash = strchr(item->name, '/');
    snprintf(name_b, sizeof name_b, "%.*s/B/%s", (int)(slash - item->name), item->name,
             strrchr(item->path_b, '/') + 1);
    PXS_TRY(read_named(item->path, item->name, &half[0].image, &info[0], err));
    PXS_TRY(read_named(item->path_b, name_b, &half[1].image, &info[1], err));
    for (int k = 0; k < 2; k++)
        note_stored(&info[k], 0, 1, &half[k]);
    return PXS_OK;
}

/* ---- .npy ----------------------------------------------------------------------------------- */

/* What makes pairs of the usual other shapes. */
static const char *shape_remedy(int rank, const int64_t *dims) {
    if (rank == 4 && dims[1] == 3)
        return "; if it is (N, 3, H, 2W): save x.transpose(0, 2, 3, 1)";
    if (rank == 4 && dims[3] == 4)
        return "; if the last is RGBA: save x[..., :3]";
    if (rank == 4 && dims[3] == 1)
        return "; if it is grey: save numpy.repeat(x, 3, 3)";
    if (rank == 3 && dims[2] == 3)
        return "; if it is one pair: save x[None]";
    if (rank == 3)
        return "; if it is (N, H, 2W) in grey: save numpy.repeat(x[..., None], 3, 3)";
    return "";
}

static enum pxs_status check_shape(const struct pxs_npy *npy, struct pxs_error *err) {
    char shape[128];
    pxs_format_shape(shape, sizeof shape, npy->rank, npy->dims);
    if (npy->rank != 4 || npy->dims[3] != 3)
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s; pairs are (N, H, 2W, 3)%s", shape,
                        shape_remedy(npy->rank, npy->dims));
    if (npy->dims[0] < 1 || npy->dims[1] < 1 || npy->dims[2] < 1)
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s: it holds no pairs", shape);
    if (npy->dims[2] % 2 != 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "its shape is %s: a pair is two halves of the same width side by side",
                        shape);
    if (npy->dims[1] > PXS_IMAGE_MAX_SIDE || npy->dims[2] > PXS_IMAGE_MAX_SIDE ||
        npy->dims[0] > INT32_MAX)
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

/* One row of one half, floats to bytes as a cast does (towards zero). False with the position of
 * the first value that is no sample. */
static bool floats_to_bytes(const float *from, size_t n, uint8_t *to, struct pxs_half *half,
                            bool *fraction, size_t *at) {
    float low = (float)half->low, high = (float)half->high;
    for (size_t i = 0; i < n; i++) {
        float v = from[i];
        if (!(v >= 0.0f && v <= 255.0f)) { /* NaN fails, too */
            *at = i;
            return false;
        }
        to[i] = (uint8_t)v;
        low = v < low ? v : low;
        high = v > high ? v : high;
        *fraction |= v > 0.0f && v < 1.0f;
    }
    half->low = (double)low;
    half->high = (double)high;
    return true;
}

static bool within(const float *v, size_t n, float low, float high) {
    for (size_t i = 0; i < n; i++)
        if (!(v[i] >= low && v[i] <= high))
            return false;
    return true;
}

static enum pxs_status read_floats(const struct pxs_item *item, size_t index, const float *from,
                                   struct pxs_half half[2], struct pxs_error *err) {
    size_t row = (size_t)half[0].image.width * 3, rows = (size_t)half[0].image.height, at;
    bool fraction = false;
    char value[32];
    for (size_t i = 0; i < 2 * rows; i++) {
        size_t y = i / 2, k = i % 2;
        if (i < 2) {
            half[k].stored = PXS_STORED_FLOATS;
            half[k].low = 255;
        }
        if (floats_to_bytes(from + i * row, row, half[k].image.pixels + y * row, &half[k],
                            &fraction, &at))
            continue;
        return pxs_fail(
            err, PXS_E_CORRUPT,
            "%s[%zu]: the value %s at row %zu, column %zu, channel %zu is not within 0..255%s",
            item->name, index, pxs_format_double(value, (double)from[i * row + at]), y,
            (k * row + at) / 3, at % 3,
            within(from, 2 * rows * row, -1, 1)
                ? "; its values lie within -1..1: save (x + 1) * 127.5"
                : "");
    }
    /* It has been divided by 255 already. */
    if (fraction && half[0].high <= 1 && half[1].high <= 1)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s[%zu]: its values lie within 0..1; pairs hold 0..255 (multiply by 255)",
                        item->name, index);
    return PXS_OK;
}

static enum pxs_status read_from_npy(const struct pxs_item *item, size_t index,
                                     struct pxs_half half[2], struct pxs_error *err) {
    const struct pxs_npy *npy = &item->npy;
    size_t row = (size_t)npy->dims[2] / 2 * 3, rows = (size_t)npy->dims[1];
    for (int k = 0; k < 2; k++)
        if (pxs_image_create(&half[k].image, (int)npy->dims[2] / 2, (int)rows, 3, err) != PXS_OK)
            return pxs_error_prefix(err, "%s", item->name);
    if (npy->type != PXS_NPY_U1)
        return read_floats(item, index, (const float *)npy->data + index * rows * 2 * row, half,
                           err);
    const uint8_t *from = (const uint8_t *)npy->data + index * rows * 2 * row;
    for (size_t i = 0; i < 2 * rows; i++)
        memcpy(half[i % 2].image.pixels + i / 2 * row, from + i * row, row);
    return PXS_OK;
}

enum pxs_status pxs_pair_read(const struct pxs_item *item, size_t index, struct pxs_half half[2],
                              struct pxs_error *err) {
    struct pxs_half read[2] = {0};
    enum pxs_status status = PXS_E_INTERNAL;
    switch (item->kind) {
    case PXS_KIND_PAIR:
        status = read_side_by_side(item, read, err);
        break;
    case PXS_KIND_AB:
        status = read_partners(item, read, err);
        break;
    case PXS_KIND_NPY:
        status = read_from_npy(item, index, read, err);
        break;
    case PXS_KIND_NONE:
        return pxs_fail(err, PXS_E_INTERNAL, "an item without a kind");
    }
    if (status != PXS_OK) {
        pxs_pair_finish(read);
        return status;
    }
    memcpy(half, read, sizeof read);
    return PXS_OK;
}
