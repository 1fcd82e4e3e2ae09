/* Which sides of pictures fit the networks. */
#include "params_priv.h"

/* How often both sides can be halved without a rest. */
static int halvings(int64_t height, int64_t width) {
    int n = 0;
    while (n < PXS_MAX_DOWNS && ((height | width) & ((int64_t)1 << n)) == 0)
        n++;
    return n;
}

int pxs_params_downs(const struct pxs_params *p) {
    return halvings(p->img_height, p->img_width);
}
