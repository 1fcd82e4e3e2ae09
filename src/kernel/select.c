/* Which kernels run: the one place that knows all sets. */
#include "kernel_priv.h"

#include <string.h>

enum pxs_status pxs_kernels_select(const char *name, const struct pxs_kernels **out, struct pxs_error *err) {
    static const char *const planned[] = {"direct", "f2", "f4"};
    if (strcmp(name, "auto") != 0 && strcmp(name, pxs_kernels_blas.name) != 0) {
        for (size_t i = 0; i < PXS_COUNT(planned); i++)
            if (!strcmp(name, planned[i]))
                return pxs_fail(err, PXS_E_UNSUPPORTED,
                                "kernel set '%s' is planned but not built yet; use auto or %s", name,
                                pxs_kernels_blas.name);
        return pxs_fail(err, PXS_E_INVALID, "unknown kernel set '%s'; use auto or %s", name,
                        pxs_kernels_blas.name);
    }
    PXS_TRY(pxs_blas_prepare(err));
    *out = &pxs_kernels_blas;
    return PXS_OK;
}
