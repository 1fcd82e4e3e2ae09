/* The two networks behind pxs_pix2pix. Shared by the model room's files only. */
#ifndef PXS_MODEL_PRIV_H
#define PXS_MODEL_PRIV_H

#include "pixsweep/model.h"

/* 512 px has nine downs. */
enum { MAX_DOWNS = 9, PATCH_LAYERS = 4, MAX_WEIGHTS = 24 };

#define LEAK 0.2f /* LeakyReLU(0.2) */

/* ---- U-Net ----------------------------------------------------------------------------------------------- */

/* Level k is the k-th halving of the image: `down` makes it, `up` comes back to it (none for the innermost). Their outputs stand side by
 * side in `cat` [N,h,w,2C] as [up, skip], so that torch.cat costs nothing; the innermost level has only its skip half, [N,h,w,C]. */
struct unet_level {
    int h, w, c;
    size_t ld; /* channels of cat */
    bool norm; /* of down */
    bool drop; /* dropout after down, and after up */
    struct pxs_conv down, up;
    float *cat, *dcat;
    float *down_raw, *up_raw; /* before norm and activation */
    float *down_stats, *up_stats;
    uint8_t *down_mask, *up_mask;
};

struct unet {
    int n_levels, height, width, channels;
    double dropout;
    struct unet_level level[MAX_DOWNS];
    struct pxs_head final;
    float *draw; /* gradient of a raw output, any level's */
};

/* Masks of this pass: stream 0 = dropout off. */
struct unet_dropout {
    uint64_t seed;
    uint32_t stream, a;
};

/* Layers with the names and shapes of their weights, without storage; then the buffers for so many images (weights are the caller's). */
void unet_describe(struct unet *u, const struct pxs_params *p);
PXS_NODISCARD enum pxs_status unet_init(struct unet *u, int batch, struct pxs_error *err);
void unet_finish(struct unet *u);
size_t unet_scratch(const struct unet *u, const struct pxs_nn *nn, int n);
size_t unet_weights(struct unet *u, struct pxs_weight **out);
void unet_forward(struct unet *u, const struct pxs_nn *nn, const float *source, int n,
                  struct unet_dropout drop, float *fake);
/* dfake is used up. Every weight is updated as soon as its gradient is known. Masks are those of the last forward. */
void unet_backward(struct unet *u, const struct pxs_nn *nn, const float *source, int n, bool dropped,
                   const float *fake, float *dfake);

/* ---- PatchGAN -------------------------------------------------------------------------------------------- */

struct patch_layer {
    int h, w, c; /* output */
    bool norm;
    struct pxs_conv conv;
    struct pxs_weight bias;
    float *raw, *act, *dact, *stats;
};

/* Buffers hold two batches: images 0 .. n-1 are one, n .. 2n-1 the other (fake and real). */
struct patchgan {
    int height, width, channels; /* of one picture; the input has twice the channels: [image, source] */
    struct patch_layer layer[PATCH_LAYERS];
    struct pxs_head last;
    struct pxs_conv
        image_half; /* first layer's weights for the image's channels only: all that the generator's gradient needs */
    float *input, *pred, *dpred, *draw;
    size_t pred_size; /* of one image */
};

/* As of the U-Net. */
void patchgan_describe(struct patchgan *d, const struct pxs_params *p);
PXS_NODISCARD enum pxs_status patchgan_init(struct patchgan *d, int batch, struct pxs_error *err);
void patchgan_finish(struct patchgan *d);
size_t patchgan_scratch(const struct patchgan *d, const struct pxs_nn *nn, int n);
size_t patchgan_weights(struct patchgan *d, struct pxs_weight **out);
/* Images first .. first+n-1 of the buffers from [image, source]; predictions at pred + first * pred_size. */
void patchgan_forward(struct patchgan *d, const struct pxs_nn *nn, const float *image, const float *source,
                      int first, int n);
/* dpred of images 0 .. n-1 -> dimage [n,H,W,C], overwritten; no weight changes. */
void patchgan_input_gradient(struct patchgan *d, const struct pxs_nn *nn, int n, float *dimage);
/* dpred of images 0 .. n-1 -> all weights, updated. */
void patchgan_update(struct patchgan *d, const struct pxs_nn *nn, int n);

/* ---- the whole ------------------------------------------------------------------------------------------- */

struct pxs_pix2pix {
    struct pxs_params params;
    struct pxs_nn nn;
    struct unet g;
    struct patchgan d;
    float *fake, *dfake; /* [batch,H,W,C] */
    struct pxs_weight *weights[2][MAX_WEIGHTS];
    size_t n_weights[2];
    struct pxs_d_output d_output; /* of the last step */
};

/* Both networks' layers from m->params, and m->weights with names and shapes; nothing is allocated. */
void model_describe(struct pxs_pix2pix *m);
/* Zeroed floats; sets *failed when there are none. */
float *model_floats(size_t n, bool *failed);

#endif
