/* Reading .npy files. */
#include "npy_priv.h"
#include "pixsweep/image.h"

#include <string.h>

/* Checks magic, version and length: where the header's dict begins and how long it is. */
static enum pxs_status find_header(const struct pxs_map *map, const char *path, size_t *start,
                                   size_t *length, struct pxs_error *err) {
    const unsigned char *d = map->data;
    if (map->bytes < 10 || memcmp(d, "\x93NUMPY", 6) != 0) {
        (void)pxs_sniff_refuse(d, map->bytes, PXS_WANTED_NPY, err);
        return err ? pxs_error_prefix(err, "%s", path) : PXS_E_CORRUPT;
    }
    if (d[6] < 1 || d[6] > 3 || d[7] != 0)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s: .npy format %d.%d: only 1.0, 2.0 and 3.0 are read", path, d[6], d[7]);
    *start = d[6] == 1 ? 10 : 12;
    uint32_t stated = 0;
    if (map->bytes >= *start)
        memcpy(&stated, d + 8, *start - 8);
    *length = stated;
    if (map->bytes < *start || map->bytes - *start < stated)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s: cut off within its header: %zu bytes expected, %zu found", path,
                        *start + stated, map->bytes);
    return PXS_OK;
}

/* What the user can save instead of a type that is not read. */
static const char *type_remedy(const char *descr) {
    if (strcmp(descr, "|b1") == 0)
        return "save x.astype(numpy.uint8) * 255";
    if (strcmp(descr, "<u2") == 0 || strcmp(descr, ">u2") == 0)
        return "save (x // 257).astype(numpy.uint8), if it holds 0 to 65535";
    if (strcmp(descr, "|O") == 0)
        return "it holds Python objects, of different shapes perhaps: save numpy.stack(list)";
    return "save x.astype(numpy.uint8) or x.astype(numpy.float32)";
}

/* "|u1", "<f4", ">f8", ... */
static bool read_type(const char *descr, struct pxs_npy *npy) {
    static const char *const types[] = {"u1", "f2", "f4", "f8"};
    if (descr[0] == '\0' || !strchr("<>|", descr[0]))
        return false;
    npy->swapped = descr[0] == '>';
    for (size_t i = 0; i < PXS_COUNT(types); i++)
        if (strcmp(descr + 1, types[i]) == 0) {
            npy->type = (enum pxs_npy_type)i;
            return i == 0 || descr[0] != '|';
        }
    return false;
}

static size_t element_bytes(enum pxs_npy_type type) {
    return type == PXS_NPY_U1 ? 1 : (size_t)1 << type;
}

/* Fills `npy` but for its map. */
static enum pxs_status read_array(const struct pxs_map *map, const char *path, struct pxs_npy *npy,
                                  struct pxs_error *err) {
    size_t start = 0, length = 0;
    struct pxs_npy_header h = {.rank = 0};
    PXS_TRY(find_header(map, path, &start, &length, err));
    if (!pxs_npy_parse_header((const char *)map->data + start, length, &h))
        return pxs_fail(err, PXS_E_CORRUPT, "%s: its header is damaged", path);

    /* What is supported: four types, C order, few dimensions. */
    if (!read_type(h.descr, npy))
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s: holds %s, but only u1, f2, f4 and f8 are read: %s", path, h.descr,
                        type_remedy(h.descr));
    if (h.fortran)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s: is in Fortran order: save numpy.ascontiguousarray(x) instead", path);
    if (h.rank > PXS_MAX_RANK)
        return pxs_fail(err, PXS_E_UNSUPPORTED, "%s: has %d dimensions: at most %d are read", path,
                        h.rank, PXS_MAX_RANK);

    /* The file is exactly as long as its shape says. */
    const uint64_t each = element_bytes(npy->type), found = map->bytes;
    uint64_t bytes = 0, expected = 0;
    char shape[128];
    pxs_format_shape(shape, sizeof shape, h.rank, h.dims);
    if (!pxs_shape_bytes(h.rank, h.dims, each, &bytes) ||
        __builtin_add_overflow(start + length, bytes, &expected))
        return pxs_fail(err, PXS_E_CORRUPT, "%s: has an impossible shape %s", path, shape);
    if (expected != found)
        return pxs_fail(err, PXS_E_CORRUPT, "%s: %s: %llu bytes expected for %s %s, %llu found",
                        path, expected > found ? "cut off" : "too long",
                        (unsigned long long)expected, h.descr, shape, (unsigned long long)found);
    npy->rank = h.rank;
    memcpy(npy->dims, h.dims, sizeof npy->dims);
    npy->count = bytes / each;

    npy->data = map->data + start + length;
    return PXS_OK;
}

enum pxs_status pxs_npy_open(const char *path, struct pxs_npy *out, struct pxs_error *err) {
    struct pxs_map map = {0};
    struct pxs_npy npy = {.rank = 0};
    PXS_TRY(pxs_map_open(path, &map, err));
    enum pxs_status status = read_array(&map, path, &npy, err);
    if (status != PXS_OK) {
        pxs_map_close(&map);
        return status;
    }
    npy.map = (void *)(uintptr_t)map.data;
    npy.map_bytes = map.bytes;
    *out = npy;
    return PXS_OK;
}

void pxs_npy_finish(struct pxs_npy *npy) {
    struct pxs_map map = {npy->map, npy->map_bytes};
    pxs_map_close(&map);
    *npy = (struct pxs_npy){0};
}

void pxs_npy_values(const struct pxs_npy *npy, uint64_t first, size_t n, double *out) {
    const size_t each = element_bytes(npy->type);
    const unsigned char *at = (const unsigned char *)npy->data + first * each;
    for (size_t i = 0; i < n; i++, at += each) {
        unsigned char bytes[8];
        float value;
        for (size_t k = 0; k < each; k++)
            bytes[k] = at[npy->swapped ? each - 1 - k : k];
        switch (npy->type) {
        case PXS_NPY_U1:
            out[i] = bytes[0];
            break;
        case PXS_NPY_F2:
            pxs_widen_f16(bytes, 1, &value);
            out[i] = (double)value;
            break;
        case PXS_NPY_F4:
            memcpy(&value, bytes, sizeof value);
            out[i] = (double)value;
            break;
        case PXS_NPY_F8:
            memcpy(&out[i], bytes, sizeof out[i]);
            break;
        }
    }
}
