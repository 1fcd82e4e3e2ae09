/* The adversarial loss: mean squares (lsgan), binary cross-entropy with logits (vanilla), or
 * hinge. */
#include "pixsweep/nn.h"

double pxs_gan_loss(const struct pxs_nn *nn, enum pxs_adversarial kind, enum pxs_judged judged,
                    const float *x, size_t n, float weight, float *dx) {
    const struct pxs_kernel_context *ctx = &nn->kernel;
    const float label = judged == PXS_JUDGED_FAKE ? 0.0f : 1.0f;
    if (kind == PXS_ADVERSARIAL_LSGAN)
        return pxs_mse_constant(ctx, x, n, label, weight, dx);
    if (kind == PXS_ADVERSARIAL_VANILLA)
        return pxs_bce_constant(ctx, x, n, label, weight, dx);
    if (judged == PXS_JUDGED_GENERATOR)
        return pxs_negative_mean(ctx, x, n, weight, dx);
    return pxs_hinge(ctx, x, n, judged == PXS_JUDGED_REAL ? 1.0f : -1.0f, weight, dx);
}
