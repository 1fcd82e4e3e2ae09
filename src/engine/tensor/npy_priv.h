/* The header of a .npy file. */
#ifndef PIXSWEEP_NPY_PRIV_H
#define PIXSWEEP_NPY_PRIV_H

#include "tensor_priv.h"

struct pxs_npy_header {
    char descr[64]; /* "<f4"; "records" for fields */
    bool fortran;
    int rank; /* may exceed PXS_MAX_RANK; dims holds the first ones */
    int64_t dims[PXS_MAX_RANK];
};
/* False where the text is not such a dict. */
bool pxs_npy_parse_header(const char *text, size_t bytes, struct pxs_npy_header *out);

#endif
