/* What a weight pass does with its gradient: it stores it, or uses it at once for Adam's step. To
 * store a gradient and read it back for Adam moves 12 of 36 bytes for each weight; using each run
 * of it while it is in cache saves these. */
#include "kernel_priv.h"

#include <string.h>

bool pxs_tap_is_live(const struct pxs_conv_shape *s, int tap) {
    int ky = tap / 4, kx = tap % 4;
    return (s->h > 1 || ky == 1 || ky == 2) && (s->w > 1 || kx == 1 || kx == 2);
}

void pxs_run_finish(const struct pxs_weight_run *r, float *dweight, bool add,
                    const struct pxs_update *update) {
    const size_t n = (size_t)r->blocks * PANEL * PANEL;
    for (int tap = 0; tap < 16; tap++) {
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
    for (int tap = 0; tap < 16; tap++)
        if (pxs_tap_is_live(s, tap))
            pxs_adam_pieces(ctx, &update->adam, n, dweight + (size_t)tap * n,
                            update->p + (size_t)tap * n, update->m + (size_t)tap * n,
                            update->v + (size_t)tap * n);
}
