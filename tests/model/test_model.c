#include "model_tests.h"

#include "golden/golden.h"

#include <math.h>
#include <stdlib.h>

struct pxs_params narrow(int height, int width, int channels, int ngf, int ndf, int batch) {
    struct pxs_params p;
    pxs_params_default(&p);
    p.img_height = height;
    p.img_width = width;
    p.channels = channels;
    p.ngf = ngf;
    p.ndf = ndf;
    p.batch_size = batch;
    p.dropout = 0;
    return p;
}

static struct pxs_pool *pools[8];

struct pxs_pix2pix *model_create(const struct pxs_params *p, int threads, const char *kernels) {
    struct pxs_pix2pix *m = NULL;
    struct pxs_error err;
    if (threads > 0 && !pools[threads])
        ck_assert_int_eq(pxs_pool_create(threads, &pools[threads], NULL), PXS_OK);
    enum pxs_status status = pxs_pix2pix_create(p, pools[threads], kernels, &m, &err);
    ck_assert_msg(status == PXS_OK, "%s", status == PXS_OK ? "" : err.message);
    return m;
}

void model_destroy(struct pxs_pix2pix **m) {
    pxs_pix2pix_destroy(m);
    ck_assert_ptr_null(*m);
    for (size_t i = 0; i < PXS_COUNT(pools); i++)
        pxs_pool_destroy(&pools[i]);
}

float *random_pixels(const char *name, size_t n) {
    float *p = malloc(n * sizeof *p);
    ck_assert_ptr_nonnull(p);
    golden_numbers(name, 1.0f, n, p);
    return p;
}

size_t image_floats(const struct pxs_params *p) {
    return (size_t)(p->img_height * p->img_width * p->channels);
}

bool all_finite(const struct pxs_step_result *l) {
    return isfinite(l->loss_G) && isfinite(l->loss_GAN) && isfinite(l->loss_pixel) &&
           isfinite(l->loss_D) && isfinite(l->loss_real) && isfinite(l->loss_fake);
}

int main(void) {
    static TCase *(*const cases[])(void) = {golden_case, gradient_case,  step_case,    size_case,
                                            file_case,   recognise_case, trained_case, bits_case};
    return run_cases("model", cases, PXS_COUNT(cases), CK_NORMAL);
}
