/* Shared by the kernel room's files only. */
#ifndef PXS_KERNEL_PRIV_H
#define PXS_KERNEL_PRIV_H

#include "pixsweep/kernel.h"

/* Compile a loop for wider vectors too and pick one when the program starts. Without contraction and reassociation each clone gives the
 * same bits, so a result does not depend on the choice. Sanitizers cannot run before main, where the choice is made. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#define PXS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PXS_CLONES
#endif

extern const struct pxs_kernels pxs_kernels_blas;

/* Pins OpenBLAS to one thread a call and multiplies two small matrices whose product is known. */
PXS_NODISCARD enum pxs_status pxs_blas_prepare(struct pxs_error *err);

static inline size_t pxs_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}
static inline int pxs_min_int(int a, int b) {
    return a < b ? a : b;
}
static inline int pxs_max_int(int a, int b) {
    return a > b ? a : b;
}
static inline int pxs_ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

#endif
