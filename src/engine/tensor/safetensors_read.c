/* Reading safetensors files. Every value of the header is checked before it is used. */
#include "tensor_priv.h"
#include "pixsweep/image.h"
#include "pixsweep/base/json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HEADER ((uint64_t)100 << 20) /* the format's own limit is 100 MB */
#define METADATA "__metadata__"

struct pxs_safetensors {
    char *path;
    struct pxs_map map;
    const unsigned char *data; /* behind the header */
    uint64_t data_bytes;
    struct pxs_json_doc *doc;
    struct pxs_arena arena;
    struct pxs_safetensors_info *infos; /* by offset */
    size_t count;
};

/* Bytes of an element; 0 for an unknown dtype. */
static uint64_t dtype_bytes(const char *dtype) {
    static const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {
        {"F32", 4}, {"F16", 2},     {"BF16", 2},    {"F64", 8}, {"BOOL", 1}, {"U8", 1},
        {"I8", 1},  {"U16", 2},     {"I16", 2},     {"U32", 4}, {"I32", 4},  {"U64", 8},
        {"I64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"C64", 8},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++)
        if (strcmp(rows[i].name, dtype) == 0)
            return rows[i].bytes;
    return 0;
}

static enum pxs_status read_natural(struct pxs_json value, int64_t *out, struct pxs_error *err) {
    int64_t number = 0;
    PXS_TRY(pxs_json_int(value, &number, err));
    if (number < 0)
        return pxs_json_fail(value, err, "must not be negative");
    *out = number;
    return PXS_OK;
}

/* torch's DataParallel and DistributedDataParallel put this before each name. */
#define WRAPPER "module."

static void drop_wrapper(struct pxs_safetensors *f) {
    const size_t n = strlen(WRAPPER);
    for (size_t i = 0; i < f->count; i++)
        if (strncmp(f->infos[i].name, WRAPPER, n) != 0)
            return;
    for (size_t i = 0; i < f->count; i++)
        f->infos[i].name += n;
}

/* One tensor of the header: dtype, shape and place, which must agree. */
static enum pxs_status read_entry(struct pxs_safetensors *f, struct pxs_json entry,
                                  struct pxs_safetensors_info *info, struct pxs_error *err) {
    struct pxs_json dtype, shape, dim, offsets, value;
    info->name = pxs_json_key(entry);
    PXS_TRY(pxs_json_get(entry, "dtype", &dtype, err));
    PXS_TRY(pxs_json_string(dtype, &info->dtype, err));

    PXS_TRY(pxs_json_get(entry, "shape", &shape, err));
    PXS_TRY(pxs_json_expect(shape, PXS_JSON_ARRAY, err));
    if (pxs_json_count(shape) > 64)
        return pxs_json_fail(shape, err, "has more than 64 dimensions");
    int64_t *dims = pxs_arena_alloc(&f->arena, pxs_json_count(shape) * sizeof *dims);
    if (!dims)
        return pxs_fail_nomem(err);
    for (bool more = pxs_json_first(shape, &dim); more; more = pxs_json_next(&dim))
        PXS_TRY(read_natural(dim, &dims[info->rank++], err));
    info->dims = dims;

    int64_t begin = 0, end = 0;
    PXS_TRY(pxs_json_get(entry, "data_offsets", &offsets, err));
    PXS_TRY(pxs_json_expect(offsets, PXS_JSON_ARRAY, err));
    if (pxs_json_count(offsets) != 2 || !pxs_json_first(offsets, &value))
        return pxs_json_fail(offsets, err, "must be [begin, end]");
    PXS_TRY(read_natural(value, &begin, err));
    (void)pxs_json_next(&value);
    PXS_TRY(read_natural(value, &end, err));
    if (begin > end)
        return pxs_json_fail(offsets, err, "begins after its end");
    if ((uint64_t)end > f->data_bytes)
        return pxs_json_fail(
            offsets, err,
            "ends at byte %lld of the data, but the file holds %llu: cut off? copy it again",
            (long long)end, (unsigned long long)f->data_bytes);
    info->data = f->data + begin;
    info->bytes = (uint64_t)(end - begin);

    /* A tensor of an unknown dtype is listed, and refused only when it is read. */
    const uint64_t each = dtype_bytes(info->dtype);
    uint64_t need;
    char text[256];
    if (each == 0)
        return PXS_OK;
    pxs_format_shape(text, sizeof text, info->rank, info->dims);
    if (!pxs_shape_bytes(info->rank, info->dims, each, &need))
        return pxs_json_fail(entry, err, "has an impossible shape %s", text);
    if (need != info->bytes)
        return pxs_json_fail(entry, err, "is %s %s, which is %llu bytes, but its offsets hold %llu",
                             info->dtype, text, (unsigned long long)need,
                             (unsigned long long)info->bytes);
    return PXS_OK;
}

static enum pxs_status check_metadata(struct pxs_json metadata, struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_expect(metadata, PXS_JSON_OBJECT, err));
    for (bool more = pxs_json_first(metadata, &value); more; more = pxs_json_next(&value))
        PXS_TRY(pxs_json_expect(value, PXS_JSON_STRING, err));
    return PXS_OK;
}

static int by_offset(const void *a, const void *b) {
    const struct pxs_safetensors_info *x = a, *y = b;
    const unsigned char *px = x->data, *py = y->data;
    if (px != py)
        return px < py ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static enum pxs_status read_entries(struct pxs_safetensors *f, struct pxs_error *err) {
    struct pxs_json root = pxs_json_root(f->doc), member;
    PXS_TRY(pxs_json_expect(root, PXS_JSON_OBJECT, err));
    f->infos = calloc(pxs_json_count(root) + 1, sizeof *f->infos);
    if (!f->infos)
        return pxs_fail_nomem(err);
    for (bool more = pxs_json_first(root, &member); more; more = pxs_json_next(&member)) {
        if (strcmp(pxs_json_key(member), METADATA) == 0)
            PXS_TRY(check_metadata(member, err));
        else
            PXS_TRY(read_entry(f, member, &f->infos[f->count++], err));
    }

    /* Each tensor begins where the one before it ends, from the first byte to the last. */
    qsort(f->infos, f->count, sizeof *f->infos, by_offset);
    const unsigned char *next = f->data;
    for (size_t i = 0; i < f->count; i++) {
        const struct pxs_safetensors_info *info = &f->infos[i];
        const unsigned char *data = info->data;
        if (data != next)
            return pxs_fail(err, PXS_E_CORRUPT, "%s: tensor %s %s", f->path, info->name,
                            data < next ? "overlaps the one before it"
                                        : "has a gap in front of it");
        next = data + info->bytes;
    }
    const uint64_t used = (uint64_t)(next - f->data);
    if (used != f->data_bytes)
        return pxs_fail(err, PXS_E_CORRUPT, "%s: %llu bytes behind the last tensor belong to none",
                        f->path, (unsigned long long)(f->data_bytes - used));
    drop_wrapper(f);
    return PXS_OK;
}

/* Fails because this is no safetensors file; the message says what it is instead. */
static enum pxs_status refuse(const struct pxs_safetensors *f, struct pxs_error *err) {
    (void)pxs_sniff_refuse(f->map.data, f->map.bytes, PXS_WANTED_WEIGHTS, err);
    return err ? pxs_error_prefix(err, "%s", f->path) : PXS_E_CORRUPT;
}

static enum pxs_status read_header(struct pxs_safetensors *f, struct pxs_error *err) {
    uint64_t length;
    if (f->map.bytes < sizeof length)
        return refuse(f, err);
    memcpy(&length, f->map.data, sizeof length);
    uint64_t rest = f->map.bytes - sizeof length;
    const char *header = (const char *)f->map.data + sizeof length;
    if (length == 0 || length > MAX_HEADER || (rest > 0 && header[0] != '{'))
        return refuse(f, err);
    if (length > rest)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s: cut off: a header of %llu bytes expected, %llu found; copy it again",
                        f->path, (unsigned long long)length, (unsigned long long)rest);
    PXS_TRY(pxs_json_parse(header, (size_t)length, f->path, &f->doc, err));
    f->data = f->map.data + sizeof length + length;
    f->data_bytes = rest - length;
    return read_entries(f, err);
}

enum pxs_status pxs_safetensors_open(const char *path, struct pxs_safetensors **out,
                                     struct pxs_error *err) {
    enum pxs_status status;
    struct pxs_safetensors *f = calloc(1, sizeof *f);
    if (!f || !(f->path = strdup(path))) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    status = pxs_map_open(path, &f->map, err);
    if (status != PXS_OK)
        goto out;
    status = read_header(f, err);
    if (status != PXS_OK)
        goto out;
    *out = f;
    f = NULL;
out:
    pxs_safetensors_destroy(&f);
    return status;
}

void pxs_safetensors_destroy(struct pxs_safetensors **file) {
    if (!file || !*file)
        return;
    struct pxs_safetensors *f = *file;
    pxs_json_destroy(&f->doc);
    pxs_arena_finish(&f->arena);
    pxs_map_close(&f->map);
    free(f->infos);
    free(f->path);
    free(f);
    *file = NULL;
}

size_t pxs_safetensors_count(const struct pxs_safetensors *file) {
    return file->count;
}

const struct pxs_safetensors_info *pxs_safetensors_at(const struct pxs_safetensors *file,
                                                      size_t index) {
    return index < file->count ? &file->infos[index] : NULL;
}

const struct pxs_safetensors_info *pxs_safetensors_find(const struct pxs_safetensors *file,
                                                        const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->infos[i].name, name) == 0)
            return &file->infos[i];
    return NULL;
}

const char *pxs_safetensors_metadata(const struct pxs_safetensors *file, const char *key) {
    struct pxs_json metadata, value;
    const char *text = NULL;
    if (!pxs_json_find(pxs_json_root(file->doc), METADATA, &metadata) ||
        !pxs_json_find(metadata, key, &value) || pxs_json_string(value, &text, NULL) != PXS_OK)
        return NULL;
    return text;
}

enum pxs_status pxs_safetensors_expect(const struct pxs_safetensors *file, const char *name,
                                       int rank, const int *dims, struct pxs_error *err) {
    const struct pxs_safetensors_info *info = pxs_safetensors_find(file, name);
    if (!info)
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s: no tensor named %s", file->path, name);
    if (strcmp(info->dtype, "F32") != 0 && strcmp(info->dtype, "F16") != 0 &&
        strcmp(info->dtype, "BF16") != 0)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s: tensor %s is %s, but only F32, F16 and BF16 are read: call "
                        "net.float() in torch before its state_dict() is saved",
                        file->path, name, info->dtype);

    bool same = info->rank == rank;
    for (int i = 0; i < rank && same; i++)
        same = info->dims[i] == dims[i];
    if (same)
        return PXS_OK;
    char is[256], want[256];
    int64_t wide[PXS_MAX_RANK] = {0};
    for (int i = 0; i < rank && i < PXS_MAX_RANK; i++)
        wide[i] = dims[i];
    pxs_format_shape(is, sizeof is, info->rank, info->dims);
    pxs_format_shape(want, sizeof want, rank < PXS_MAX_RANK ? rank : PXS_MAX_RANK, wide);
    return pxs_fail(err, PXS_E_INVALID, "%s: tensor %s has shape %s, but %s is needed", file->path,
                    name, is, want);
}

enum pxs_status pxs_safetensors_read(const struct pxs_safetensors *file, const char *name, int rank,
                                     const int *dims, float *out, struct pxs_error *err) {
    PXS_TRY(pxs_safetensors_expect(file, name, rank, dims, err));
    const struct pxs_safetensors_info *info = pxs_safetensors_find(file, name);
    if (strcmp(info->dtype, "F16") == 0)
        pxs_widen_f16(info->data, info->bytes / 2, out);
    else if (strcmp(info->dtype, "BF16") == 0)
        pxs_widen_bf16(info->data, info->bytes / 2, out);
    else if (info->bytes > 0)
        memcpy(out, info->data, (size_t)info->bytes);
    return PXS_OK;
}

enum pxs_status pxs_safetensors_read_count(const struct pxs_safetensors *file, const char *name,
                                           int64_t *out, struct pxs_error *err) {
    const struct pxs_safetensors_info *info = pxs_safetensors_find(file, name);
    int64_t value;
    if (!info)
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s: no tensor named %s", file->path, name);
    if (strcmp(info->dtype, "I64") != 0 || info->bytes != sizeof value)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s: tensor %s is %s of %llu bytes, but one I64 is needed", file->path,
                        name, info->dtype, (unsigned long long)info->bytes);
    memcpy(&value, info->data, sizeof value);
    *out = value;
    return PXS_OK;
}
