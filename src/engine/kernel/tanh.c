/* The hyperbolic tangent, many numbers at a time and the same on every machine: a polynomial near
 * zero, elsewhere 1 - 2 / (exp(2x) + 1) (as in Cephes' tanhf), within 2 units in the last place. */
#include "kernel_priv.h"

#include <math.h>
#include <string.h>

enum { PIECES = 32 };

/* e^x for 0 <= x <= 20: 2^n e^r, |r| <= ln(2)/2. */
static inline float exp_of(float x) {
    float n = floorf(x * 1.44269504f + 0.5f), r = (x - n * 0.693359375f) + n * 2.12194440e-4f,
          power;
    float e =
        1.0f +
        r * (1.0f +
             r * (0.5f + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720))))));
    int32_t bits = ((int32_t)n + 127) << 23;
    memcpy(&power, &bits, sizeof power);
    return e * power;
}

PXS_CLONES void pxs_tanh_run(float *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float x = y[i], a = fabsf(x), q = x * x;
        float small =
            x + x * q *
                    (-0.333332819f +
                     q * (0.133314422f +
                          q * (-0.0537397155f + q * (0.0206390888f + q * -0.00570498873f))));
        float most = a < 10.0f ? a : 10.0f; /* NaN becomes 10 here and comes back below */
        float large = 1.0f - 2.0f / (exp_of(2.0f * most) + 1.0f);
        large = x < 0.0f ? -large : large;
        y[i] = a < 0.625f ? small : a >= 0.625f ? large : x;
    }
}

struct tanh_job {
    const float *y;
    size_t n;
    float *dx;
};

PXS_CLONES static void backward_run(const float *y, size_t n, float *dx) {
    for (size_t i = 0; i < n; i++)
        dx[i] *= 1.0f - y[i] * y[i];
}

static void tanh_piece(void *user, int piece, int thread) {
    const struct tanh_job *j = user;
    (void)thread;
    size_t step = (j->n + PIECES - 1) / PIECES, from = pxs_min_size(j->n, (size_t)piece * step);
    backward_run(j->y + from, pxs_min_size(j->n - from, step), j->dx + from);
}

void pxs_tanh_backward(const struct pxs_kernel_context *ctx, const float *y, size_t n, float *dx) {
    struct tanh_job j = {y, n, dx};
    pxs_pool_run(ctx->pool, tanh_piece, &j, PIECES);
}
