/* Writing safetensors files: u64 length of the header, the header (JSON, padded with spaces to 8
 * bytes), then the tensors' bytes. The format: https://github.com/huggingface/safetensors */
#include "tensor_priv.h"
#include "pixsweep/base/json.h"

#include <stdlib.h>
#include <string.h>

#define METADATA "__metadata__"
#define CHUNK ((size_t)256 << 10) /* bytes that are written and, still in cache, hashed */

struct sink {
    struct pxs_atomic_file file;
    struct pxs_sha256 hash;
    bool hashing; /* the caller wants the hash */
    uint64_t bytes;
};

static enum pxs_status put(struct sink *s, const void *data, size_t bytes, struct pxs_error *err) {
    const unsigned char *p = data;
    while (bytes > 0) {
        size_t n = bytes < CHUNK ? bytes : CHUNK;
        if (fwrite(p, 1, n, s->file.file) != n)
            return pxs_fail_errno(err, "cannot write %s", s->file.path);
        if (s->hashing)
            pxs_sha256_update(&s->hash, p, n);
        s->bytes += n;
        p += n;
        bytes -= n;
    }
    return PXS_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum pxs_status refuse_duplicates(const char **names, size_t n, const char *path,
                                         const char *what, struct pxs_error *err) {
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return pxs_fail(err, PXS_E_INVALID, "%s: two %s named %s", path, what, names[i]);
    return PXS_OK;
}

static enum pxs_status entry_bytes(const struct pxs_safetensors_entry *e, const char *path,
                                   uint64_t *bytes, struct pxs_error *err) {
    int64_t dims[PXS_MAX_RANK];
    if (e->rank < 0 || e->rank > PXS_MAX_RANK)
        return pxs_fail(err, PXS_E_INVALID, "%s: tensor %s has rank %d: must be 0 to %d", path,
                        e->name, e->rank, PXS_MAX_RANK);
    if (e->count) {
        *bytes = sizeof *e->count;
        return e->rank == 0 ? PXS_OK
                            : pxs_fail(err, PXS_E_INTERNAL, "%s: tensor %s is a count of rank %d",
                                       path, e->name, e->rank);
    }
    for (int i = 0; i < e->rank; i++)
        dims[i] = e->dims[i];
    if (!pxs_shape_bytes(e->rank, dims, sizeof(float), bytes) || *bytes > SIZE_MAX)
        return pxs_fail(err, PXS_E_INVALID, "%s: tensor %s has an impossible shape", path, e->name);
    if (!e->data && !e->fill && *bytes > 0)
        return pxs_fail(err, PXS_E_INTERNAL, "%s: tensor %s has neither data nor fill", path,
                        e->name);
    return PXS_OK;
}

static enum pxs_status check_names(const char *path, const struct pxs_safetensors_entry *entries,
                                   size_t n, const char *const *metadata, struct pxs_error *err) {
    size_t keys = 0;
    for (; metadata && metadata[2 * keys]; keys++)
        if (!metadata[2 * keys + 1])
            return pxs_fail(err, PXS_E_INTERNAL, "%s: metadata key %s has no value", path,
                            metadata[2 * keys]);
    const char **names = malloc((n + keys + 1) * sizeof *names);
    if (!names)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < keys; i++)
        names[i] = metadata[2 * i];
    enum pxs_status status = refuse_duplicates(names, keys, path, "metadata keys", err);
    for (size_t i = 0; i < n; i++)
        names[i] = entries[i].name;
    names[n] = METADATA; /* reserved: no tensor may have this name */
    if (status == PXS_OK)
        status = refuse_duplicates(names, n + 1, path, "tensors", err);
    free(names);
    return status;
}

/* Makes the padded header; *largest = floats of the largest tensor that `fill` makes. */
static enum pxs_status make_header(const char *path, const struct pxs_safetensors_entry *entries,
                                   size_t n, const char *const *metadata, struct pxs_text *header,
                                   size_t *largest, struct pxs_error *err) {
    struct pxs_json_writer w = {.out = header};
    pxs_json_put_object(&w, NULL);
    if (metadata && metadata[0]) {
        pxs_json_put_object(&w, METADATA);
        for (size_t i = 0; metadata[i]; i += 2)
            pxs_json_put_string(&w, metadata[i], metadata[i + 1]);
        pxs_json_end(&w);
    }
    uint64_t offset = 0;
    *largest = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pxs_safetensors_entry *e = &entries[i];
        uint64_t bytes = 0;
        PXS_TRY(entry_bytes(e, path, &bytes, err));
        pxs_json_put_object(&w, e->name);
        pxs_json_put_string(&w, "dtype", e->count ? "I64" : "F32");
        pxs_json_put_array(&w, "shape");
        for (int k = 0; k < e->rank; k++)
            pxs_json_put_int(&w, NULL, e->dims[k]);
        pxs_json_end(&w);
        pxs_json_put_array(&w, "data_offsets");
        pxs_json_put_int(&w, NULL, (int64_t)offset);
        pxs_json_put_int(&w, NULL, (int64_t)(offset + bytes));
        pxs_json_end(&w);
        pxs_json_end(&w);
        offset += bytes;
        if (!e->data && !e->count && bytes / sizeof(float) > *largest)
            *largest = (size_t)(bytes / sizeof(float));
    }
    pxs_json_end(&w);
    while (header->len % 8 != 0 && !header->failed)
        pxs_text_add(header, " ");
    return pxs_json_finish(&w, err);
}

static enum pxs_status put_file(struct sink *s, const struct pxs_safetensors_entry *entries,
                                size_t n, const struct pxs_text *header, float *scratch,
                                struct pxs_error *err) {
    const uint64_t length = header->len;
    PXS_TRY(put(s, &length, sizeof length, err));
    PXS_TRY(put(s, header->text, header->len, err));
    for (size_t i = 0; i < n; i++) {
        const struct pxs_safetensors_entry *e = &entries[i];
        uint64_t bytes = 0;
        PXS_TRY(entry_bytes(e, s->file.path, &bytes, err));
        if (bytes == 0)
            continue;
        const void *data = e->count ? (const void *)e->count : e->data;
        if (!data)
            e->fill(e->user, scratch);
        PXS_TRY(put(s, data ? data : scratch, (size_t)bytes, err));
    }
    return PXS_OK;
}

enum pxs_status pxs_safetensors_write(const char *path, const struct pxs_safetensors_entry *entries,
                                      size_t n, const char *const *metadata,
                                      const struct pxs_file_guard *guard,
                                      char sha256[PXS_SHA256_HEX], uint64_t *bytes,
                                      struct pxs_error *err) {
    struct sink s = {.hashing = sha256};
    struct pxs_text header = {0};
    float *scratch = NULL;
    size_t largest = 0;
    pxs_sha256_init(&s.hash);

    enum pxs_status status = check_names(path, entries, n, metadata, err);
    if (status != PXS_OK)
        goto out;
    status = make_header(path, entries, n, metadata, &header, &largest, err);
    if (status != PXS_OK)
        goto out;
    if (largest > 0 && !(scratch = pxs_aligned_alloc(largest * sizeof *scratch))) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    status = pxs_atomic_open(&s.file, path, err);
    if (status != PXS_OK)
        goto out;
    s.file.guard = guard;
    status = put_file(&s, entries, n, &header, scratch, err);
    if (status != PXS_OK) {
        pxs_atomic_abandon(&s.file);
        goto out;
    }
    status = pxs_atomic_commit(&s.file, err);
    if (status != PXS_OK)
        goto out;
    if (sha256)
        pxs_sha256_hex(&s.hash, sha256);
    if (bytes)
        *bytes = s.bytes;
out:
    pxs_aligned_free(scratch);
    pxs_text_finish(&header);
    return status;
}
