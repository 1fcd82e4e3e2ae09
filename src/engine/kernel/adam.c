/* torch.optim.Adam (Kingma & Ba, 2015) as one fused pass over parameter, gradient and both
 * moments. */
#include "kernel_priv.h"

#include <math.h>

/* Numbers a piece: long enough to stream, short enough to share out. */
#define PIECE ((size_t)1 << 16)

struct job {
    struct pxs_adam_constants o;
    size_t n;
    const float *g;
    float *p, *m, *v;
};

struct pxs_adam_constants pxs_adam_prepare(const struct pxs_adam *o) {
    return (struct pxs_adam_constants){.b1 = (float)o->b1,
                                       .b2 = (float)o->b2,
                                       .c1 = (float)(1.0 - o->b1),
                                       .c2 = (float)(1.0 - o->b2),
                                       .step_size =
                                           (float)(o->lr / (1.0 - pow(o->b1, (double)o->t))),
                                       .bias2_sqrt = (float)sqrt(1.0 - pow(o->b2, (double)o->t))};
}

PXS_CLONES void pxs_adam_run(const struct pxs_adam_constants *o, const float *restrict g,
                             float *restrict p, float *restrict m, float *restrict v, size_t n) {
    float b1 = o->b1, b2 = o->b2, c1 = o->c1, c2 = o->c2, step_size = o->step_size,
          bias2_sqrt = o->bias2_sqrt;
    for (size_t i = 0; i < n; i++) {
        float gi = g[i];
        float mi = b1 * m[i] + c1 * gi;
        float vi = b2 * v[i] + c2 * gi * gi;
        m[i] = mi;
        v[i] = vi;
        p[i] -= step_size * (mi / (sqrtf(vi) / bias2_sqrt + 1e-8f));
    }
}

static void adam_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    (void)thread;
    size_t at = (size_t)piece * PIECE;
    pxs_adam_run(&j->o, j->g + at, j->p + at, j->m + at, j->v + at, pxs_min_size(PIECE, j->n - at));
}

void pxs_adam_pieces(const struct pxs_kernel_context *ctx, const struct pxs_adam_constants *o,
                     size_t n, const float *g, float *p, float *m, float *v) {
    struct job j = {.o = *o, .n = n, .g = g, .p = p, .m = m, .v = v};
    pxs_pool_run(ctx->pool, adam_piece, &j, (int)((n + PIECE - 1) / PIECE));
}

void pxs_adam_step(const struct pxs_kernel_context *ctx, const struct pxs_adam *o, size_t n,
                   const float *g, float *p, float *m, float *v) {
    const struct pxs_adam_constants constants = pxs_adam_prepare(o);
    pxs_adam_pieces(ctx, &constants, n, g, p, m, v);
}
