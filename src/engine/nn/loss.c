/* The GAN loss: mean squares (lsgan) or binary cross-entropy with logits (vanilla). */
#include "pixsweep/nn.h"

double pxs_gan_loss(const struct pxs_nn *nn, bool vanilla, const float *x, size_t n, bool real,
                    float weight, float *dx) {
    float label = real ? 1.0f : 0.0f;
    return vanilla ? pxs_bce_constant(&nn->kernel, x, n, label, weight, dx)
                   : pxs_mse_constant(&nn->kernel, x, n, label, weight, dx);
}
