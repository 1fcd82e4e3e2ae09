/* What a network is, its passes, and the two networks of a pxs_pix2pix. Shared by the model room's
 * files only. */
#ifndef PXS_MODEL_PRIV_H
#define PXS_MODEL_PRIV_H

#include "pixsweep/model.h"
#include "pixsweep/tensor.h"

#define LEAK 0.2f /* LeakyReLU(0.2) */

/* ---- a network ------------------------------------------------------------------------------ */

/* What a network is: the list of its layers. */
struct pxs_net_kind {
    /* Fills `out`, in the order of its state_dict. */
    void (*describe)(const struct pxs_params *p, struct pxs_layer_list *out);
    /* A tensor of PyTorch's module that its forward pass never reads; it is ignored in files of
     * weights. May be NULL. */
    const char *unused_tensor;
};

/* One file each; networks.c has the tables that find them. */
extern const struct pxs_net_kind pxs_unet, pxs_unet_n, pxs_resnet, pxs_patchgan, pxs_n_layers,
    pxs_pixel;

/* Of pytorch-CycleGAN-and-pix2pix's networks: their norm, and whether the convolutions within have
 * a bias: beside instance norm alone, by which it has no effect. */
enum pxs_norm model_norm(const struct pxs_params *p);
bool model_bias(const struct pxs_params *p);

const struct pxs_net_kind *model_net_kind(const struct pxs_params *p, enum pxs_net net);

/* ---- its passes ----------------------------------------------------------------------------- */

/* The layers with their weights, and what passes.c computes of them. */
struct pxs_network {
    size_t n_layers;
    /* as `describe` lists them */
    struct pxs_layer layer[PXS_LAYERS_MAX];
    /* one for each layer; NULL where the network is only described */
    struct pxs_buffers *buffers;
    /* after a backward pass: the gradient at the output of the first layer's convolution */
    float *draw;
};

/* The random numbers of dropout's masks in a forward pass; stream 0: dropout is off. */
struct pxs_net_dropout {
    uint64_t seed;
    uint32_t stream, a;
};

/* Buffers for so many images, with `trains` for backward passes, too. After a failure
 * network_finish frees what has been allocated. */
enum pxs_status network_create(struct pxs_network *net, size_t images, bool trains,
                               struct pxs_error *err);
/* Floats that such buffers take. */
size_t network_floats(const struct pxs_network *net, size_t images, bool trains);
/* Frees the buffers. */
void network_release(struct pxs_network *net);
/* Frees the buffers and the layers' weights. */
void network_finish(struct pxs_network *net);
/* n images as images first .. first+n-1 of the buffers, first 0 or n: x [n,H,W,C_in] -> y,
 * dense. */
void network_forward(struct pxs_network *net, const struct pxs_nn *nn, const float *x, int first,
                     int n, enum pxs_statistics statistics, const struct pxs_net_dropout *drop,
                     float *y);
/* After `passes` forward passes, 1 or 2, over images 0 .. n-1 in all, each with the statistics of
 * its images and dropout on: dy, overwritten, is the gradient at their output y. `update`: updates
 * every weight as soon as its gradient is computed. */
void network_backward(struct pxs_network *net, const struct pxs_nn *nn, const float *x, int n,
                      int passes, const float *y, float *dy, bool update);
/* The running statistics of batch norms follow the forward pass over images 0 .. n-1 once more, as
 * if it had been made again. */
void network_track(struct pxs_network *net, int n);

/* ---- the whole ------------------------------------------------------------------------------ */

enum { MAX_WEIGHTS = PXS_LAYER_TENSORS * PXS_LAYERS_MAX };

struct pxs_pix2pix {
    struct pxs_params params;
    struct pxs_nn nn;
    struct pxs_network net[2];
    /* [batch,H,W,C] */
    float *fake, *dfake;
    /* What D reads, [image, source] side by side, and its predictions, pred_size numbers an image:
     * images 0 .. n-1 are the fake ones, n .. 2n-1 the real ones. */
    float *pairs, *pred, *dpred;
    size_t pred_size;
    /* D's first layer with only the image's channels in its weights and input: the generator's
     * gradient needs no more. */
    struct pxs_layer image_half;
    /* the networks' weights in the order of their layers */
    struct pxs_weight *weights[2][MAX_WEIGHTS];
    size_t n_weights[2];
};

/* Fills in both networks' layers from m->params, and m->weights with names and shapes; allocates
 * nothing. */
void model_describe(struct pxs_pix2pix *m);
/* Whether OpenBLAS computes some forward pass of the generator. */
bool model_generates_by_blas(const struct pxs_pix2pix *m);
/* pxs_pix2pix_load with room for the largest weight; moments that are not there are left. */
enum pxs_status model_load(struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                           float *largest, struct pxs_error *err);
/* How a file's tensors compare with the weights of a network that is described, by names and
 * shapes. */
struct model_misfit {
    enum { MODEL_FITS, MODEL_LACKS, MODEL_HAS_MORE, MODEL_DIFFERS } kind;
    const char
        *name;     /* the tensor that the file lacks, has beyond, or has in another shape or type */
    size_t common; /* names that both have */
};
struct model_misfit model_compare(const struct pxs_pix2pix *m, enum pxs_net net,
                                  const struct pxs_safetensors *file);
/* Says that running statistics of batch norm are missing, where that is the misfit; else false. */
bool model_fail_statistics(const struct model_misfit *fit, const char *path, struct pxs_error *err);
/* Fills *why with how the tensor's shape or type differs from the network's. */
void model_why_differs(const struct pxs_pix2pix *m, enum pxs_net net,
                       const struct pxs_safetensors *file, const char *name, struct pxs_error *why);
/* pxs_weights_recognise of an open file; false where it is none of the networks. */
bool model_recognise(const struct pxs_safetensors *file, struct pxs_recognised *out);
/* Bytes for a tensor's name with a few words. */
#define PXS_TENSOR_WORDS 160
/* Allocates zeroed floats; sets *failed when out of memory. */
float *model_floats(size_t n, bool *failed);

#endif
