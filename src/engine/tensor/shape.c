/* Shapes as text, and their size in bytes. */
#include "tensor_priv.h"

#include <stdio.h>

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
            empty = true; /* the product is 0, whatever the other dimensions are */
        else
            fits = fits && !__builtin_mul_overflow(total, (uint64_t)dims[i], &total);
    }
    *out = empty ? 0 : total;
    return empty || fits;
}
