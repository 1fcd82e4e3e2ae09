/* Shared by the two file formats. */
#ifndef PIXSWEEP_TENSOR_PRIV_H
#define PIXSWEEP_TENSOR_PRIV_H

#include "pixsweep/tensor.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(float) == 4,
               "both formats are written and read as the bytes in memory");

/* A whole file, read-only. Zeroed is empty. */
struct pxs_map {
    const unsigned char *data; /* NULL for an empty file */
    size_t bytes;
};
PXS_NODISCARD enum pxs_status pxs_map_open(const char *path, struct pxs_map *out,
                                           struct pxs_error *err);
void pxs_map_close(struct pxs_map *map);

/* n numbers of a tensor of F16 or BF16, exactly. */
void pxs_widen_f16(const unsigned char *data, uint64_t n, float *out);
void pxs_widen_bf16(const unsigned char *data, uint64_t n, float *out);

/* Product of dims times `each`; false on overflow or a negative dimension. */
bool pxs_shape_bytes(int rank, const int64_t *dims, uint64_t each, uint64_t *out);

#endif
