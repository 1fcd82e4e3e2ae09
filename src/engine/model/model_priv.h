/* The functions that every network provides, and the two networks of a pxs_pix2pix. Shared by the
 * model room's files only. */
#ifndef PXS_MODEL_PRIV_H
#define PXS_MODEL_PRIV_H

#include "pixsweep/model.h"

#define LEAK 0.2f /* LeakyReLU(0.2) */

/* ---- a network ------------------------------------------------------------------------------ */

/* The layers with their weights, and the implementation's own data. */
struct pxs_network {
    size_t n_layers;
    /* as `describe` lists them, in the order of the state_dict */
    struct pxs_layer layer[PXS_LAYERS_MAX];
    /* the implementation's activations and their gradients; NULL where the network is only
     * described */
    void *own;
};

/* What every network provides. Weights, scratch memory, costs and files follow from its layers. */
struct pxs_net_impl {
    /* Fills `out`, in the order of PyTorch-GAN's state_dict. */
    void (*describe)(const struct pxs_params *p, struct pxs_layer_list *out);
    /* Allocates net->own for batches of up to params->batch_size images (a discriminator: for two
     * such batches). After a failure `destroy` frees what has been allocated. */
    enum pxs_status (*create)(struct pxs_network *net, const struct pxs_params *p,
                              struct pxs_error *err);
    /* Frees net->own, which may be NULL. */
    void (*destroy)(struct pxs_network *net);
    /* A tensor of PyTorch's module that its forward pass never reads; it is ignored in files of
     * weights. May be NULL. */
    const char *unused_tensor;
};

/* The random numbers of dropout's masks in a forward pass; stream 0: dropout is off. */
struct pxs_net_dropout {
    uint64_t seed;
    uint32_t stream, a;
};

struct pxs_generator_impl {
    struct pxs_net_impl net;
    /* source [n,H,W,C] -> fake [n,H,W,C] */
    void (*forward)(struct pxs_network *net, const struct pxs_nn *nn, const float *source, int n,
                    struct pxs_net_dropout drop, float *fake);
    /* Called after a forward pass over the same source with dropout on. Overwrites dfake, and
     * updates every weight as soon as its gradient is computed. */
    void (*backward)(struct pxs_network *net, const struct pxs_nn *nn, const float *source, int n,
                     const float *fake, float *dfake);
};

/* A discriminator keeps the activations of two batches: images 0 .. n-1 are the fake ones, n ..
 * 2n-1 the real ones. Predictions and their gradients have the size of the last layer's output. */
struct pxs_discriminator_impl {
    struct pxs_net_impl net;
    /* n pairs [image, source] as images first .. first+n-1 -> pred of these n */
    void (*forward)(struct pxs_network *net, const struct pxs_nn *nn, const float *image,
                    const float *source, int first, int n, float *pred);
    /* dpred of images 0 .. n-1 -> dimage [n,H,W,C], overwritten; no weight changes. */
    void (*input_gradient)(struct pxs_network *net, const struct pxs_nn *nn, int n, float *dpred,
                           float *dimage);
    /* dpred of images 0 .. n-1 -> every weight, updated. */
    void (*update)(struct pxs_network *net, const struct pxs_nn *nn, int n, float *dpred);
};

/* One file each; networks.c has the tables that find them. */
extern const struct pxs_generator_impl pxs_unet;
extern const struct pxs_discriminator_impl pxs_patchgan;

const struct pxs_generator_impl *model_generator(const struct pxs_params *p);
const struct pxs_discriminator_impl *model_discriminator(const struct pxs_params *p);
const struct pxs_net_impl *model_net_impl(const struct pxs_params *p, enum pxs_net net);

/* ---- the whole ------------------------------------------------------------------------------ */

/* A layer has a weight, and some have a bias. */
enum { MAX_WEIGHTS = 2 * PXS_LAYERS_MAX };

struct pxs_pix2pix {
    struct pxs_params params;
    struct pxs_nn nn;
    const struct pxs_generator_impl *generator;
    const struct pxs_discriminator_impl *discriminator;
    struct pxs_network net[2];
    /* [batch,H,W,C] */
    float *fake, *dfake;
    /* of two batches, pred_size numbers an image */
    float *pred, *dpred;
    size_t pred_size;
    /* the networks' weights in the order of their layers */
    struct pxs_weight *weights[2][MAX_WEIGHTS];
    size_t n_weights[2];
};

/* Fills in both networks' layers from m->params, and m->weights with names and shapes; allocates
 * nothing. */
void model_describe(struct pxs_pix2pix *m);
/* Allocates zeroed floats; sets *failed when out of memory. */
float *model_floats(size_t n, bool *failed);

#endif
