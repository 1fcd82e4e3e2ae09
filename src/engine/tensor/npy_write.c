/* Writing .npy files in format 1.0. The header is padded as numpy does, so that the elements begin
 * at a multiple of 64 bytes. */
#include "tensor_priv.h"

#include <string.h>

static size_t element_bytes(enum pxs_npy_type type) {
    return type == PXS_NPY_F4 ? sizeof(float) : 1;
}

static enum pxs_status write_header(FILE *file, enum pxs_npy_type type, int rank,
                                    const int64_t *dims, const char *path, struct pxs_error *err) {
    struct pxs_text t = {0};
    pxs_text_addf(&t, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                  type == PXS_NPY_F4 ? "<f4" : "|u1");
    for (int i = 0; i < rank; i++)
        pxs_text_addf(&t, "%s%lld", i ? ", " : "", (long long)dims[i]);
    pxs_text_add(&t, rank == 1 ? ",), }" : "), }");
    while ((10 + t.len + 1) % 64 != 0 && !t.failed)
        pxs_text_add(&t, " ");
    pxs_text_add(&t, "\n");
    unsigned char lead[10] = {0x93,
                              'N',
                              'U',
                              'M',
                              'P',
                              'Y',
                              1,
                              0,
                              (unsigned char)(t.len & 0xff),
                              (unsigned char)(t.len >> 8)};
    enum pxs_status status = PXS_OK;
    if (t.failed)
        status = pxs_fail_nomem(err);
    else if (fwrite(lead, 1, sizeof lead, file) != sizeof lead ||
             fwrite(t.text, 1, t.len, file) != t.len)
        status = pxs_fail_errno(err, "cannot write %s", path);
    pxs_text_finish(&t);
    return status;
}

enum pxs_status pxs_npy_write_open(struct pxs_npy_writer *w, const char *path,
                                   enum pxs_npy_type type, int rank, const int64_t *dims,
                                   struct pxs_error *err) {
    w->file.file = NULL;
    w->file.temp[0] = '\0';
    w->type = type;
    if (rank < 0 || rank > PXS_MAX_RANK ||
        !pxs_shape_bytes(rank, dims, element_bytes(type), &w->left))
        return pxs_fail(err, PXS_E_INVALID, "%s: an impossible shape of rank %d", path, rank);
    PXS_TRY(pxs_atomic_open(&w->file, path, err));
    enum pxs_status status = write_header(w->file.file, type, rank, dims, w->file.path, err);
    if (status != PXS_OK)
        pxs_atomic_abandon(&w->file);
    return status;
}

enum pxs_status pxs_npy_write_put(struct pxs_npy_writer *w, const void *data, size_t elements,
                                  struct pxs_error *err) {
    size_t each = element_bytes(w->type);
    if (elements > w->left / each)
        return pxs_fail(err, PXS_E_INTERNAL, "%s: more elements than its shape holds",
                        w->file.path);
    if (elements > 0 && fwrite(data, each, elements, w->file.file) != elements)
        return pxs_fail_errno(err, "cannot write %s", w->file.path);
    w->left -= elements * each;
    return PXS_OK;
}

enum pxs_status pxs_npy_write_commit(struct pxs_npy_writer *w, struct pxs_error *err) {
    if (w->left > 0) {
        pxs_npy_write_abandon(w);
        return pxs_fail(err, PXS_E_INTERNAL, "%s: %llu bytes of its shape are missing",
                        w->file.path, (unsigned long long)w->left);
    }
    return pxs_atomic_commit(&w->file, err);
}

void pxs_npy_write_abandon(struct pxs_npy_writer *w) {
    pxs_atomic_abandon(&w->file);
}
