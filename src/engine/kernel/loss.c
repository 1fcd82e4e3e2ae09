/* Losses with their gradients, and the small elementwise jobs. A loss is summed in double over
 * fixed pieces, then over the pieces in order. */
#include "kernel_priv.h"

#include <math.h>
#include <string.h>

enum { LOSS_PIECES = 32 };

enum loss_kind { MSE, BCE, HINGE, NEGATIVE_MEAN, L1 };

struct loss {
    enum loss_kind kind;
    const float *x, *target;
    size_t n;
    float label, scale; /* label: of a hinge, the sign */
    float *dx;
    bool accumulate; /* L1 */
    double sum[LOSS_PIECES];
};

static double mse(const struct loss *j, size_t i, float *grad) {
    float d = j->x[i] - j->label;
    *grad = 2.0f * d * j->scale;
    return (double)d * (double)d;
}

/* max(x,0) - x*label + log(1 + exp(-|x|)), stable for any x; the gradient is sigmoid(x) - label */
static double bce(const struct loss *j, size_t i, float *grad) {
    double x = (double)j->x[i];
    *grad = (float)(1.0 / (1.0 + exp(-x)) - (double)j->label) * j->scale;
    return fmax(x, 0.0) - x * (double)j->label + log1p(exp(-fabs(x)));
}

static double hinge(const struct loss *j, size_t i, float *grad) {
    double gap = 1.0 - (double)j->label * (double)j->x[i];
    *grad = gap > 0 ? -j->label * j->scale : isnan(gap) ? (float)gap : 0.0f;
    return gap <= 0 ? 0.0 : gap;
}

static double term(const struct loss *j, size_t i, float *grad) {
    switch (j->kind) {
    case MSE:
        return mse(j, i, grad);
    case BCE:
        return bce(j, i, grad);
    case HINGE:
        return hinge(j, i, grad);
    default: /* NEGATIVE_MEAN */
        *grad = -j->scale;
        return -(double)j->x[i];
    }
}

/* Sums in eight lanes, which compilers turn into vector code; what is left over, one by one. */
PXS_CLONES static double l1_run(const float *x, const float *target, size_t n, float scale,
                                float *restrict dx, bool accumulate) {
    enum { LANES = 8 };
    double lane[LANES] = {0}, sum = 0;
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)fabsf(x[i + k] - target[i + k]);
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    for (size_t i = whole; i < n; i++)
        sum += (double)fabsf(x[i] - target[i]);
    for (size_t i = 0; dx && i < n; i++) {
        float d = x[i] - target[i];
        float grad = d > 0.0f ? scale : d < 0.0f ? -scale : 0.0f * d; /* 0 * d keeps NaN */
        dx[i] = accumulate ? dx[i] + grad : grad;
    }
    return sum;
}

static void loss_piece(void *user, int piece, int thread) {
    struct loss *j = user;
    (void)thread;
    size_t step = (j->n + LOSS_PIECES - 1) / LOSS_PIECES,
           end = pxs_min_size(j->n, ((size_t)piece + 1) * step);
    double sum = 0;
    size_t first = pxs_min_size(end, (size_t)piece * step);
    if (j->kind == L1) {
        j->sum[piece] = l1_run(j->x + first, j->target + first, end - first, j->scale,
                               j->dx ? j->dx + first : NULL, j->accumulate);
        return;
    }
    for (size_t i = first; i < end; i++) {
        float grad;
        sum += term(j, i, &grad);
        if (j->dx)
            j->dx[i] = grad;
    }
    j->sum[piece] = sum;
}

static double loss_run(const struct pxs_kernel_context *ctx, struct loss *j, float weight) {
    j->scale = (float)((double)weight / (double)j->n);
    pxs_pool_run(ctx->pool, loss_piece, j, LOSS_PIECES);
    double total = 0;
    for (int i = 0; i < LOSS_PIECES; i++)
        total += j->sum[i];
    return total / (double)j->n;
}

double pxs_mse_constant(const struct pxs_kernel_context *ctx, const float *x, size_t n, float label,
                        float weight, float *dx) {
    struct loss j = {.kind = MSE, .x = x, .n = n, .label = label, .dx = dx};
    return loss_run(ctx, &j, weight);
}

double pxs_bce_constant(const struct pxs_kernel_context *ctx, const float *x, size_t n, float label,
                        float weight, float *dx) {
    struct loss j = {.kind = BCE, .x = x, .n = n, .label = label, .dx = dx};
    return loss_run(ctx, &j, weight);
}

double pxs_hinge(const struct pxs_kernel_context *ctx, const float *x, size_t n, float sign,
                 float weight, float *dx) {
    struct loss j = {.kind = HINGE, .x = x, .n = n, .label = sign, .dx = dx};
    return loss_run(ctx, &j, weight);
}

double pxs_negative_mean(const struct pxs_kernel_context *ctx, const float *x, size_t n,
                         float weight, float *dx) {
    struct loss j = {.kind = NEGATIVE_MEAN, .x = x, .n = n, .dx = dx};
    return loss_run(ctx, &j, weight);
}

double pxs_l1(const struct pxs_kernel_context *ctx, const float *x, const float *target, size_t n,
              float weight, float *dx, bool accumulate) {
    struct loss j = {
        .kind = L1, .x = x, .target = target, .n = n, .dx = dx, .accumulate = accumulate};
    return loss_run(ctx, &j, weight);
}
