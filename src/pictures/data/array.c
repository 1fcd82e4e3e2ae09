/* Pairs in .npy files: their shapes, their scale, their values as bytes. */
#include "pair_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- shapes --------------------------------------------------------------------------------- */

static bool is_channels(int64_t n) {
    return n == 1 || n == 3;
}

/* What makes pairs of the usual other shapes. */
static const char *shape_remedy(int rank, const int64_t *dims) {
    const int64_t last = rank > 0 ? dims[rank - 1] : 0;
    if (rank == 3 && dims[0] == 3)
        return "; three grey pairs? save x[..., None]; one pair in colour? save x.transpose(1, 2, "
               "0)";
    if (rank >= 3 && last == 4)
        return "; if the last is RGBA: save x[..., :3]";
    if (rank >= 3 && last == 2)
        return "; if the last is grey and alpha: save x[..., :1]";
    if (rank == 4 && dims[1] == 4)
        return "; if it is (N, RGBA, H, 2W): save x[:, :3]";
    if (rank == 4 && dims[1] == 2)
        return "; if it is (N, 2, H, W), grey A and B: save numpy.concatenate([x[:, 0], x[:, 1]], "
               "2)";
    if (rank == 4)
        return "; keep one or three channels: save x[..., :3]";
    return "; save numpy.stack(pairs), each of shape (H, 2W, 3)";
}

static enum pxs_status read_shape(struct pxs_array *a, struct pxs_error *err) {
    const int64_t *dims = a->npy.dims;
    const int rank = a->npy.rank;
    char shape[128];
    int64_t n = 1, height = 0, width = 0, channels = 1;
    pxs_format_shape(shape, sizeof shape, rank, dims);
    if (rank == 4 && is_channels(dims[3])) {
        n = dims[0], height = dims[1], width = dims[2], channels = dims[3];
    } else if (rank == 4 && is_channels(dims[1])) {
        n = dims[0], channels = dims[1], height = dims[2], width = dims[3];
        a->planar = true;
    } else if (rank == 3 && is_channels(dims[2])) {
        height = dims[0], width = dims[1], channels = dims[2];
        a->single = true;
    } else if (rank == 3 && dims[0] != 3 && dims[2] != 2 && dims[2] != 4) {
        n = dims[0], height = dims[1], width = dims[2];
    } else if (rank == 2) {
        height = dims[0], width = dims[1];
        a->single = true;
    } else {
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s; pairs are (N, H, 2W, 3)%s", shape,
                        shape_remedy(rank, dims));
    }
    if (n < 1 || height < 1 || width < 1)
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s: it holds no pairs", shape);
    if (width % 2 != 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "its shape is %s: a pair is two halves of the same width side by side",
                        shape);
    if (height > PXS_IMAGE_MAX_SIDE || width > PXS_IMAGE_MAX_SIDE || n > INT32_MAX)
        return pxs_fail(err, PXS_E_INVALID, "its shape is %s: too large", shape);
    a->pairs = (size_t)n;
    a->height = (int)height;
    a->width = (int)width;
    a->channels = (int)channels;
    return PXS_OK;
}

static enum pxs_status open_array(const char *path, struct pxs_array *out, struct pxs_error *err) {
    struct pxs_array opened = {.pairs = 0};
    struct pxs_error why;
    enum pxs_status status = pxs_npy_open(path, &opened.npy, &why);
    if (status != PXS_OK)
        return pxs_fail(err, status, "%s", pxs_reason(why.message, path));
    status = read_shape(&opened, err);
    if (status == PXS_OK)
        *out = opened;
    else
        pxs_npy_finish(&opened.npy);
    return status;
}

enum pxs_status pxs_array_open(const char *path, struct pxs_array *out, struct pxs_error *err) {
    PXS_TRY(open_array(path, out, err));
    if (out->single) {
        const enum pxs_npy_type type = out->npy.type;
        pxs_npy_finish(&out->npy);
        out->npy.type = type;
    }
    return PXS_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

/* An item's array while it is read: opened anew where it is a single pair. */
static enum pxs_status reopen(const struct pxs_item *item, struct pxs_array *out,
                              struct pxs_error *err) {
    *out = item->array;
    if (!item->array.single)
        return PXS_OK;
    if (open_array(item->path, out, err) != PXS_OK)
        return pxs_error_prefix(err, "%s", item->name);
    out->unit = item->array.unit;
    if (out->npy.type == item->array.npy.type && out->width == item->array.width &&
        out->height == item->array.height && out->channels == item->array.channels)
        return PXS_OK;
    pxs_npy_finish(&out->npy);
    return pxs_fail(err, PXS_E_INVALID, "%s: was changed while it was read; try again", item->name);
}

static void close_again(struct pxs_array *array) {
    if (array->single)
        pxs_npy_finish(&array->npy);
}

/* Row y of pair `index` as [2W, C]. */
static void read_row(const struct pxs_array *a, size_t index, size_t y, double *row) {
    const size_t c = (size_t)a->channels, w = (size_t)a->width, h = (size_t)a->height;
    const size_t pair = index * h * w * c;
    if (!a->planar || c == 1) {
        pxs_npy_values(&a->npy, pair + y * w * c, w * c, row);
        return;
    }
    double some[256];
    for (size_t k = 0; k < c; k++)
        for (size_t x = 0, n; x < w; x += n) {
            n = w - x < PXS_COUNT(some) ? w - x : PXS_COUNT(some);
            pxs_npy_values(&a->npy, pair + (k * h + y) * w + x, n, some);
            for (size_t i = 0; i < n; i++)
                row[(x + i) * c + k] = some[i];
        }
}

/* ---- scale ---------------------------------------------------------------------------------- */

enum scale { ZERO_AND_ONE, UNIT, BYTES };

static enum scale scale_of(const struct pxs_array *a, size_t index, double *row) {
    const size_t n = (size_t)a->width * (size_t)a->channels;
    enum scale scale = ZERO_AND_ONE;
    for (size_t y = 0; y < (size_t)a->height; y++) {
        read_row(a, index, y, row);
        for (size_t i = 0; i < n; i++) {
            if (!(row[i] >= 0 && row[i] <= 1)) /* NaN is refused later */
                return BYTES;
            if (row[i] > 0 && row[i] < 1)
                scale = UNIT;
        }
    }
    return scale;
}

/* Of the item's first pair that is not of 0 and 1 alone; *index says which one. */
static enum pxs_status look_for_scale(const struct pxs_item *item, enum scale *scale, size_t *index,
                                      struct pxs_error *err) {
    struct pxs_array array;
    PXS_TRY(reopen(item, &array, err));
    double *row = malloc((size_t)array.width * (size_t)array.channels * sizeof *row);
    for (*index = 0; row && *index < array.pairs; ++*index)
        if ((*scale = scale_of(&array, *index, row)) != ZERO_AND_ONE)
            break;
    close_again(&array);
    free(row);
    return row ? PXS_OK : pxs_fail_nomem(err);
}

enum pxs_status pxs_array_find_scale(struct pxs_listing *listing, struct pxs_error *err) {
    enum scale scale = ZERO_AND_ONE;
    const char *unit = NULL;
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < listing->folder[f].n && scale == ZERO_AND_ONE; i++) {
            const struct pxs_item *item = &listing->folder[f].items[i];
            size_t index = 0;
            if (item->kind != PXS_KIND_NPY || item->array.npy.type == PXS_NPY_U1)
                continue;
            struct pxs_error why; /* a file that has changed is told of when it is read */
            if (look_for_scale(item, &scale, &index, &why) == PXS_E_NOMEM)
                return pxs_fail_nomem(err);
            if (scale == UNIT &&
                !(unit = item->array.single
                             ? item->name
                             : pxs_arena_printf(&listing->arena, "%s[%zu]", item->name, index)))
                return pxs_fail_nomem(err);
        }
    for (int f = 0; f < 2 && unit; f++)
        for (size_t i = 0; i < listing->folder[f].n; i++)
            if (listing->folder[f].items[i].array.npy.type != PXS_NPY_U1)
                listing->folder[f].items[i].array.unit = unit;
    return PXS_OK;
}

/* ---- one pair ------------------------------------------------------------------------------- */

/* The pair with its number, where its file may have several. */
static const char *pair_name(const struct pxs_item *item, size_t index, char name[4096]) {
    snprintf(name, 4096, item->array.single ? "%s" : "%s[%zu]", item->name, index);
    return name;
}

static bool all_within(const struct pxs_array *a, size_t index, double *row, double low,
                       double high) {
    const size_t n = (size_t)a->width * (size_t)a->channels;
    for (size_t y = 0; y < (size_t)a->height; y++) {
        read_row(a, index, y, row);
        for (size_t i = 0; i < n; i++)
            if (!(row[i] >= low && row[i] <= high))
                return false;
    }
    return true;
}

/* The value at row y, place i of its row, is no sample. */
static enum pxs_status refuse_value(const struct pxs_item *item, const struct pxs_array *a,
                                    size_t index, size_t y, size_t i, double *row,
                                    struct pxs_error *err) {
    const size_t c = (size_t)a->channels;
    char value[32], name[4096], unit[4096 + 128] = "";
    pxs_format_double(value, row[i]);
    if (a->unit)
        snprintf(unit, sizeof unit, ", as %s is; save all arrays in the same range", a->unit);
    return pxs_fail(
        err, PXS_E_CORRUPT,
        "%s: the value %s at row %zu, column %zu, channel %zu is not within %s%s",
        pair_name(item, index, name), value, y, i / c, i % c, a->unit ? "0..1" : "0..255",
        a->unit                            ? unit
        : !isfinite(row[i])                ? "; save numpy.nan_to_num(x), or leave the array out"
        : all_within(a, index, row, -1, 1) ? "; its values lie within -1..1: save (x + 1) * 127.5"
                                           : "; save numpy.clip(x, 0, 255)");
}

/* One row of one half. Floats of 0..255 become bytes as a cast does (towards zero), those of 0..1
 * are rounded; grey is repeated. False with the place of the first value that is no sample. */
static bool put_row(const struct pxs_array *a, const double *from, uint8_t *to,
                    struct pxs_half *half, bool *fraction, size_t *at) {
    const size_t c = (size_t)a->channels, n = (size_t)a->width / 2 * c, copies = 3 / c;
    const double most = a->unit ? 1 : 255;
    for (size_t i = 0; i < n; i++) {
        const double v = from[i];
        if (!(v >= 0 && v <= most)) { /* NaN fails, too */
            *at = i;
            return false;
        }
        const double sample = a->unit ? v * 255 : v;
        memset(to + i * copies, (uint8_t)(a->unit ? sample + 0.5 : sample), copies);
        half->low = sample < half->low ? sample : half->low;
        half->high = sample > half->high ? sample : half->high;
        *fraction |= v > 0 && v < 1;
    }
    return true;
}

static enum pxs_status fill_halves(const struct pxs_item *item, const struct pxs_array *a,
                                   size_t index, struct pxs_half half[2], struct pxs_error *err) {
    const size_t values = (size_t)a->width / 2 * (size_t)a->channels;
    const bool floats = a->npy.type != PXS_NPY_U1;
    bool fraction = false;
    char name[4096];
    enum pxs_status status = PXS_OK;
    double *row = malloc(2 * values * sizeof *row);
    if (!row)
        return pxs_fail_nomem(err);
    for (size_t y = 0; y < (size_t)a->height && status == PXS_OK; y++) {
        read_row(a, index, y, row);
        for (size_t k = 0; k < 2 && status == PXS_OK; k++) {
            size_t at;
            uint8_t *to = half[k].image.pixels + y * (size_t)half[k].image.width * 3;
            if (!put_row(a, row + k * values, to, &half[k], &fraction, &at))
                status = refuse_value(item, a, index, y, k * values + at, row, err);
        }
    }
    /* It has been divided by 255 already. */
    if (status == PXS_OK && floats && !a->unit && fraction && half[0].high <= 1 &&
        half[1].high <= 1)
        status = pxs_fail(err, PXS_E_INVALID,
                          "%s: its values lie within 0..1; pairs hold 0..255 (multiply by 255)",
                          pair_name(item, index, name));
    for (int k = 0; k < 2; k++) {
        half[k].grey = a->channels == 1;
        half[k].stored = floats ? PXS_STORED_FLOATS : PXS_STORED_BYTES;
        if (!floats)
            half[k].low = half[k].high = 0;
    }
    free(row);
    return status;
}

enum pxs_status pxs_array_read(const struct pxs_item *item, size_t index, struct pxs_half half[2],
                               struct pxs_error *err) {
    struct pxs_array array;
    PXS_TRY(reopen(item, &array, err));
    enum pxs_status status = PXS_OK;
    for (int k = 0; k < 2 && status == PXS_OK; k++) {
        half[k].low = 255;
        if (pxs_image_create(&half[k].image, array.width / 2, array.height, 3, err) != PXS_OK)
            status = pxs_error_prefix(err, "%s", item->name);
    }
    if (status == PXS_OK)
        status = fill_halves(item, &array, index, half, err);
    close_again(&array);
    return status;
}
