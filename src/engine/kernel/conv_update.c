/* What a weight pass does with its gradient: it stores it, or uses it at once for Adam's step. To
 * store a gradient and read it back for Adam moves 12 of 36 bytes for each weight; using each run
 * of it while it is in cache saves these. */
#include "kernel_priv.h"

#include <string.h>

/* Whether tap k of a row or column meets anything on it. */
static bool is_live(const struct pxs_conv_shape *s, int k, int small, int big) {
    for (int i = 0; i < small; i++)
        if (pxs_big_at(s, s->stride * i - s->padding + k, big) >= 0)
            return true;
    return false;
}

bool pxs_tap_is_live(const struct pxs_conv_shape *s, int tap) {
    return is_live(s, tap / s->kernel, s->h, s->big_h) &&
           is_live(s, tap % s->kernel, s->w, s->big_w);
}

void pxs_run_finish(const struct pxs_weight_run *r, float *dweight, bool add,
                    const struct pxs_update *update) {
    const size_t n = (size_t)r->blocks * PANEL * PANEL;
    const int taps = pxs_taps(r->s);
    for (int tap = 0; tap < taps; tap++) {
        if (update && !pxs_tap_is_live(r->s, tap))
            continue; /* gradient and moments are zero: Adam changes nothing */
        float *run = pxs_run_block(r, tap, 0);
        size_t at = pxs_weight_index(r->s->cb, r->s->cs, tap, r->b0 * PANEL, r->panel * PANEL);
        if (add)
            for (size_t i = 0; i < n; i++)
                run[i] += dweight[at + i];
        if (update)
            pxs_adam_run(&update->adam, run, update->p + at, update->m + at, update->v + at, n);
        else
            memcpy(dweight + at, run, n * sizeof *run);
    }
}

void pxs_update_all(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                    const float *dweight, const struct pxs_update *update) {
    const size_t n = (size_t)s->cb * (size_t)s->cs;
    const int taps = pxs_taps(s);
    for (int tap = 0; tap < taps; tap++)
        if (pxs_tap_is_live(s, tap))
            pxs_adam_pieces(ctx, &update->adam, n, dweight + (size_t)tap * n,
                            update->p + (size_t)tap * n, update->m + (size_t)tap * n,
                            update->v + (size_t)tap * n);
}
