/* Trainable tensors: storage, the optimiser's step, and conversion to and from
 * PyTorch's layouts. */
#include "pixsweep/nn.h"

#include <string.h>

enum pxs_status pxs_weight_init(struct pxs_weight *w, bool trains, struct pxs_error *err) {
    w->value = pxs_aligned_alloc(w->count * sizeof(float));
    const bool moments = trains && !w->fixed;
    w->m = moments ? pxs_aligned_alloc(w->count * sizeof(float)) : NULL;
    w->v = moments ? pxs_aligned_alloc(w->count * sizeof(float)) : NULL;
    if (w->value && (!moments || (w->m && w->v)))
        return PXS_OK;
    pxs_weight_finish(w);
    return pxs_fail_nomem(err);
}

void pxs_weight_finish(struct pxs_weight *w) {
    pxs_aligned_free(w->value);
    pxs_aligned_free(w->m);
    pxs_aligned_free(w->v);
    w->value = w->m = w->v = NULL;
}

/* Permutes torch's elements [a][b][tap] into our layout, or back. Blocks of 16 in `a` keep the
 * cache lines of torch's side in use while our side is read or written in order; in a convolution's
 * weights these blocks are the panels. */
enum { BLOCK = 16 };

static void permute(const struct pxs_weight *w, const float *from, float *to, bool to_torch) {
    const size_t da = (size_t)w->dims[0], db = (size_t)w->dims[1];
    const size_t taps = (size_t)w->dims[2] * (size_t)w->dims[3];
    for (size_t a0 = 0; a0 < da; a0 += BLOCK)
        for (size_t b = 0; b < db; b++)
            for (size_t tap = 0; tap < taps; tap++) {
                size_t ours = w->kind == PXS_WEIGHT_CONV
                                  ? pxs_weight_index((int)db, (int)da, (int)tap, (int)b, (int)a0)
                                  : (b * taps + tap) * da + a0;
                for (size_t a = a0; a < da && a < a0 + BLOCK; a++, ours++) {
                    size_t torch = (a * db + b) * taps + tap;
                    if (to_torch)
                        to[torch] = from[ours];
                    else
                        to[ours] = from[torch];
                }
            }
}

void pxs_weight_to_torch(const struct pxs_weight *w, const float *ours, float *torch) {
    if (w->rank < 4)
        memcpy(torch, ours, w->count * sizeof *torch);
    else
        permute(w, ours, torch, true);
}

void pxs_weight_from_torch(const struct pxs_weight *w, const float *torch, float *ours) {
    if (w->rank < 4)
        memcpy(ours, torch, w->count * sizeof *ours);
    else
        permute(w, torch, ours, false);
}

void pxs_optimise(const struct pxs_nn *nn, struct pxs_weight *w, const float *grad) {
    if (nn->on_gradient)
        nn->on_gradient(nn->user, w, grad);
    pxs_adam_step(&nn->kernel, &nn->adam, w->count, grad, w->value, w->m, w->v);
}

void pxs_weight_forget(struct pxs_weight *w) {
    if (!w->m)
        return;
    memset(w->m, 0, w->count * sizeof *w->m);
    memset(w->v, 0, w->count * sizeof *w->v);
}
