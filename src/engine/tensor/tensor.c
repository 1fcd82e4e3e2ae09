/* Tensors in memory, and shapes. */
#include "tensor_priv.h"

#include <stdlib.h>
#include <string.h>

static enum pxs_status count_of(int rank, const int *dims, size_t *count, struct pxs_error *err) {
    if (rank < 0 || rank > PXS_MAX_RANK)
        return pxs_fail(err, PXS_E_INVALID, "a tensor of rank %d: must be 0 to %d", rank, PXS_MAX_RANK);
    size_t n = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return pxs_fail(err, PXS_E_INVALID, "a tensor with dimension %d", dims[i]);
        if (__builtin_mul_overflow(n, (size_t)dims[i], &n))
            return pxs_fail_nomem(err);
    }
    if (n > SIZE_MAX / sizeof(float))
        return pxs_fail_nomem(err);
    *count = n;
    return PXS_OK;
}

enum pxs_status pxs_tensor_create(int rank, const int *dims, struct pxs_tensor **out, struct pxs_error *err) {
    size_t count = 0;
    PXS_TRY(count_of(rank, dims, &count, err));
    struct pxs_tensor *t = calloc(1, sizeof *t);
    if (!t || !(t->data = pxs_aligned_alloc(count * sizeof(float)))) {
        free(t);
        return pxs_fail_nomem(err);
    }
    t->rank = rank;
    for (int i = 0; i < rank; i++)
        t->dims[i] = dims[i];
    *out = t;
    return PXS_OK;
}

void pxs_tensor_destroy(struct pxs_tensor **t) {
    if (!t || !*t)
        return;
    pxs_aligned_free((*t)->data);
    free(*t);
    *t = NULL;
}

size_t pxs_tensor_count(const struct pxs_tensor *t) {
    size_t count = 1;
    for (int i = 0; i < t->rank; i++)
        count *= (size_t)t->dims[i];
    return count;
}

void pxs_format_shape(char *out, size_t size, int rank, const int64_t *dims) {
    struct pxs_text t = {0};
    pxs_text_add(&t, "[");
    for (int i = 0; i < rank; i++)
        pxs_text_addf(&t, "%s%lld", i ? ", " : "", (long long)dims[i]);
    pxs_text_add(&t, "]");
    snprintf(out, size, "%s", pxs_text_str(&t));
    pxs_text_finish(&t);
}

bool pxs_shape_bytes(int rank, const int64_t *dims, uint64_t each, uint64_t *out) {
    uint64_t total = each;
    bool empty = false, fits = true;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return false;
        if (dims[i] == 0)
            empty = true; /* and then no other dimension can overflow */
        else
            fits = fits && !__builtin_mul_overflow(total, (uint64_t)dims[i], &total);
    }
    *out = empty ? 0 : total;
    return empty || fits;
}
