/* Which sides of pictures fit the networks. */
#include "params_priv.h"

/* A deeper U-Net than this needs no key. */
enum { FEWEST_DOWNS = 5 };

/* How often both sides can be halved without a rest. */
static int halvings(int64_t height, int64_t width) {
    int n = 0;
    while (n < PXS_MAX_DOWNS && ((height | width) & ((int64_t)1 << n)) == 0)
        n++;
    return n;
}

/* Where the generator decides it, else 0. */
static int own_downs(const struct pxs_params *p) {
    switch (p->generator) {
    case PXS_GENERATOR_UNET_32:
        return 5;
    case PXS_GENERATOR_UNET_64:
        return 6;
    case PXS_GENERATOR_UNET_128:
        return 7;
    case PXS_GENERATOR_UNET_256:
        return 8;
    case PXS_GENERATOR_RESNET_6:
    case PXS_GENERATOR_RESNET_9:
        return 2;
    default:
        return (int)p->downs_G;
    }
}

int pxs_params_downs(const struct pxs_params *p) {
    const int own = own_downs(p), sides = halvings(p->img_height, p->img_width);
    return own > 0 ? own : sides < FEWEST_DOWNS ? FEWEST_DOWNS : sides;
}

bool params_downs_at_default(const struct pxs_params *p) {
    return p->downs_G == 0 || p->downs_G == halvings(p->img_height, p->img_width);
}

int pxs_params_max_layers_D(const struct pxs_params *p) {
    /* Two convolutions of 4x4, stride 1 and padding 1 follow, and each takes one pixel. */
    const int64_t side = p->img_height < p->img_width ? p->img_height : p->img_width;
    int n = 0;
    while (side >> (n + 1) >= 3)
        n++;
    return n;
}

static enum pxs_status check_side(const struct pxs_params *p, int key, int64_t side,
                                  struct pxs_error *err) {
    const struct pxs_param_info *info = pxs_param_info(key);
    const int64_t unit = (int64_t)1 << pxs_params_downs(p), below = side / unit * unit;
    char deep[48] = "", nearest[96];
    if (side == below)
        return PXS_OK;
    if (p->generator == PXS_GENERATOR_UNET && p->downs_G > 0)
        snprintf(deep, sizeof deep, " with downs_G %lld", (long long)p->downs_G);
    if (below < (int64_t)info->min)
        snprintf(nearest, sizeof nearest, "the smallest is %lld", (long long)(below + unit));
    else if (below + unit > (int64_t)info->max)
        snprintf(nearest, sizeof nearest, "the largest is %lld", (long long)below);
    else
        snprintf(nearest, sizeof nearest, "the nearest are %lld and %lld", (long long)below,
                 (long long)(below + unit));
    return pxs_fail(err, PXS_E_INVALID,
                    "%s: %lld does not fit generator %s%s, whose sides are multiples of %lld: %s",
                    info->key, (long long)side,
                    pxs_param_info(PXS_PARAM_generator)->names[p->generator], deep, (long long)unit,
                    nearest);
}

enum pxs_status params_check_sides(const struct pxs_params *p, int *key, struct pxs_error *err) {
    *key = PXS_PARAM_downs_G;
    if (p->generator == PXS_GENERATOR_UNET && p->downs_G > 0 && p->downs_G < FEWEST_DOWNS)
        return pxs_fail(
            err, PXS_E_INVALID,
            "downs_G is %lld; it must be %d or more, or 0: as often as both sides can be "
            "halved",
            (long long)p->downs_G, FEWEST_DOWNS);
    *key = PXS_PARAM_img_height;
    PXS_TRY(check_side(p, *key, p->img_height, err));
    *key = PXS_PARAM_img_width;
    PXS_TRY(check_side(p, *key, p->img_width, err));

    *key = PXS_PARAM_n_layers_D;
    const int most = pxs_params_max_layers_D(p);
    if (p->discriminator == PXS_DISCRIMINATOR_N_LAYERS && p->n_layers_D > most)
        return pxs_fail(err, PXS_E_INVALID,
                        "n_layers_D: %lld halvings of %lld x %lld leave no prediction: take at "
                        "most %d, or larger sides",
                        (long long)p->n_layers_D, (long long)p->img_height, (long long)p->img_width,
                        most);
    return PXS_OK;
}
