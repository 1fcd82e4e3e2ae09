#include "nn_tests.h"

struct pxs_nn nn_make(size_t grad_floats) {
    struct pxs_nn nn = {.adam = {.lr = 1e-3, .b1 = 0.5, .b2 = 0.999, .t = 1}};
    ck_assert_int_eq(pxs_kernels_select("auto", &nn.kernel.set, NULL), PXS_OK);
    ck_assert_int_eq(pxs_blas_load(2, &nn.kernel.blas, NULL), PXS_OK);
    ck_assert_int_eq(pxs_pool_create(2, &nn.kernel.pool, NULL), PXS_OK);
    nn.grad = pxs_aligned_alloc(grad_floats * sizeof(float));
    ck_assert_ptr_nonnull(nn.grad);
    return nn;
}

void nn_scratch(struct pxs_nn *nn, size_t floats) {
    nn->kernel.scratch = pxs_aligned_alloc(floats * sizeof(float));
    nn->kernel.scratch_floats = floats;
    ck_assert_ptr_nonnull(nn->kernel.scratch);
}

void nn_finish(struct pxs_nn *nn) {
    pxs_pool_destroy(&nn->kernel.pool);
    pxs_aligned_free(nn->kernel.scratch);
    pxs_aligned_free(nn->grad);
}

int main(void) {
    static TCase *(*const cases[])(void) = {weight_case, layer_case, schedule_case};
    return run_cases("nn", cases, PXS_COUNT(cases), CK_NORMAL);
}
