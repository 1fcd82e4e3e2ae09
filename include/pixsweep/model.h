/* model: the networks of pix2pix as in PyTorch-GAN (U-Net generator, PatchGAN discriminator) and
 * their training step. */
#ifndef PIXSWEEP_MODEL_H
#define PIXSWEEP_MODEL_H

#include "pixsweep/base.h"
#include "pixsweep/measures.h"
#include "pixsweep/nn.h"
#include "pixsweep/params.h"

enum pxs_net { PXS_NET_G, PXS_NET_D };

struct pxs_pix2pix;

/* Creates the networks and all buffers for batches of up to params->batch_size. Weights are zero
 * until they are drawn or loaded. kernels: "auto" or a set's name. `pool` is borrowed and must
 * outlive the model. */
PXS_NODISCARD enum pxs_status pxs_pix2pix_create(const struct pxs_params *params,
                                                 struct pxs_pool *pool, const char *kernels,
                                                 struct pxs_pix2pix **out, struct pxs_error *err);
void pxs_pix2pix_destroy(struct pxs_pix2pix **m);
/* Draws all weights as init_type and init_gain say; zeroes moments. PXS_E_NOMEM. */
PXS_NODISCARD enum pxs_status pxs_pix2pix_randomise(struct pxs_pix2pix *m, uint64_t seed,
                                                    struct pxs_error *err);

/* One training step on n pairs: source and target [n,H,W,C] in [-1,1], n <= batch_size. Updates the
 * generator first, then the discriminator on the same, detached fake (docs/contracts.md, Training
 * semantics). `step` counts from 0 over the run: Adam's t is step + 1, and dropout masks are drawn
 * at (seed, step). */
struct pxs_step_rates {
    double lr_G, lr_D;
};
void pxs_pix2pix_step(struct pxs_pix2pix *m, const float *source, const float *target, int n,
                      struct pxs_step_rates rates, int64_t step, struct pxs_step_result *out);
/* fake [n,H,W,C] of n <= batch_size sources. statistics: of batch norms, RUNNING or BATCH.
 * dropout_stream 0: dropout off; else masks of that
 * stream at `a` (PXS_STREAM_VALIDATE). */
void pxs_pix2pix_generate(struct pxs_pix2pix *m, const float *source, int n,
                          enum pxs_statistics statistics, uint32_t dropout_stream, uint32_t a,
                          float *fake);
/* The same with running statistics and without dropout, and as pxs_trained_run makes them: a
 * picture's numbers do not depend on those beside it. For pictures that are shown. */
void pxs_pix2pix_show(struct pxs_pix2pix *m, const float *source, int n, float *fake);
/* PSNR and SSIM of each of n images (pxs_image_quality). */
void pxs_pix2pix_quality(struct pxs_pix2pix *m, const float *x, const float *y, int n, double *psnr,
                         double *ssim);
/* mean abs(x - y) */
double pxs_pix2pix_l1(struct pxs_pix2pix *m, const float *x, const float *y, size_t n);

/* ---- the generator alone, for use ----------------------------------------------------------- */

/* A generator that only runs forward: no gradients, no moments, no discriminator. */
struct pxs_trained;
/* Loads the weights of `path` into the generator of these hyperparameters; it runs once
 * pxs_trained_resize has told it the pictures' sides. `path` NULL: random weights, to be timed.
 * Errors as pxs_pix2pix_load has them. `pool` is borrowed and must outlive it. */
PXS_NODISCARD enum pxs_status pxs_trained_create(const struct pxs_params *params, const char *path,
                                                 struct pxs_pool *pool, const char *kernels,
                                                 struct pxs_trained **out, struct pxs_error *err);
void pxs_trained_destroy(struct pxs_trained **g); /* NULL and *NULL are fine; nulls *g */
/* The pictures' sides, multiples of pxs_trained_multiple, and how many come at a time at most; the
 * weights stay. After a failure it must be called again before the generator runs. */
PXS_NODISCARD enum pxs_status pxs_trained_resize(struct pxs_trained *g, int height, int width,
                                                 int batch, struct pxs_error *err);
/* Both sides of a picture are to be multiples of this. */
int pxs_trained_multiple(const struct pxs_trained *g);
/* Bytes of memory for pictures of these sides, weights not counted. */
uint64_t pxs_trained_bytes(const struct pxs_trained *g, int height, int width, int batch);
bool pxs_trained_has_batch_norm(const struct pxs_trained *g);
bool pxs_trained_has_dropout(const struct pxs_trained *g);
/* source [n,H,W,C] in [-1,1] -> fake [n,H,W,C]. A picture's numbers do not depend on those beside
 * it nor on threads: kernels are those of the hyperparameters' batch_size, as in training.
 * statistics: of batch norms, RUNNING or, of each picture alone, BATCH. dropout: with masks of the
 * seed, the same ones for every picture. */
void pxs_trained_run(struct pxs_trained *g, const float *source, int n,
                     enum pxs_statistics statistics, bool dropout, uint64_t seed, float *fake);

/* ---- the networks' weights ------------------------------------------------------------------ */

/* The weights in state_dict order. Borrowed. */
size_t pxs_pix2pix_weights(struct pxs_pix2pix *m, enum pxs_net net, struct pxs_weight ***out);
/* safetensors under PyTorch-GAN's names and shapes. `metadata`: key/value pairs, NULL-ended, may be
 * NULL. */
PXS_NODISCARD enum pxs_status pxs_pix2pix_save(struct pxs_pix2pix *m, enum pxs_net net,
                                               const char *path, const char *const *metadata,
                                               const struct pxs_file_guard *guard,
                                               char sha256[PXS_SHA256_HEX], uint64_t *bytes,
                                               struct pxs_error *err);
/* Names and shapes must match, else nothing changes; a tensor that PyTorch's network has and never
 * reads (the lab's down7) is ignored. Moments are zeroed. */
PXS_NODISCARD enum pxs_status pxs_pix2pix_load(struct pxs_pix2pix *m, enum pxs_net net,
                                               const char *path, struct pxs_error *err);
/* Whether pxs_pix2pix_load would accept this file, with the same message where it would not. Reads
 * the header only and allocates no network. */
PXS_NODISCARD enum pxs_status pxs_pix2pix_fits(const struct pxs_params *params, enum pxs_net net,
                                               const char *path, struct pxs_error *err);
/* The discriminator's file that belongs to a generator's: PATH/generator_X.safetensors ->
 * PATH/d/discriminator_X.safetensors; false where the name has another form. Does not check that
 * the file exists. */
bool pxs_pix2pix_beside(const char *generator, char *out, size_t size);
/* Everything that a step changes, for exact resume: each weight of both networks and, where it has
 * them, its two moments, as "generator.NAME", "generator.NAME.m", "generator.NAME.v", ... in torch
 * layout, then the counts num_batches_tracked, then a tensor "checksum" whose four bytes are
 * CRC-32C of all tensors' bytes before it, carried on from `crc`. */
PXS_NODISCARD enum pxs_status pxs_pix2pix_save_state(struct pxs_pix2pix *m, const char *path,
                                                     const char *const *metadata,
                                                     const struct pxs_file_guard *guard,
                                                     uint32_t crc, struct pxs_error *err);
/* Names and shapes must match, else nothing changes. The caller checks the checksum. */
PXS_NODISCARD enum pxs_status pxs_pix2pix_load_state(struct pxs_pix2pix *m, const char *path,
                                                     struct pxs_error *err);
/* SHA-256 over all tensors of both networks in state_dict order and torch layout. */
void pxs_pix2pix_hash(struct pxs_pix2pix *m, char hex[PXS_SHA256_HEX]);
/* For tests: `fn` is called with each weight gradient before the optimiser uses it. */
void pxs_pix2pix_on_gradient(struct pxs_pix2pix *m,
                             void (*fn)(void *, const struct pxs_weight *, const float *),
                             void *user);

/* ---- which bits ----------------------------------------------------------------------------- */

/* What in a kernel set decides the bits of these networks' numbers. Sets with equal values (and,
 * with `blas`, the same OpenBLAS on the same core) give the same bits in every step and every
 * picture. It follows from the rule that chooses a kernel for each pass (pxs_kernels_method). */
struct pxs_bits {
    uint32_t methods; /* checksum over the method of each pass of each layer at each batch size */
    bool fused;       /* FMA, in what is not OpenBLAS's */
    bool blas;        /* OpenBLAS computes some pass */
};
void pxs_pix2pix_bits(const struct pxs_params *params, const struct pxs_kernels *set,
                      struct pxs_bits *out);

/* ---- layers, without allocating networks ---------------------------------------------------- */

enum { PXS_LAYERS_MAX = 32 };

/* A network's layers in the order of its state_dict, where each weight is followed by its bias. */
struct pxs_layer_list {
    struct pxs_layer_spec layer[PXS_LAYERS_MAX];
    size_t n;
};
void pxs_pix2pix_layers(const struct pxs_params *params, enum pxs_net net,
                        struct pxs_layer_list *out);
/* What networks need. */
struct pxs_pix2pix_size {
    int64_t weights[2]; /* trainable numbers of each */
    /* of memory, for a training step in one thread with kernels "auto": weights, moments,
     * activations and their gradients, scratch memory */
    uint64_t bytes;
};
void pxs_pix2pix_size(const struct pxs_params *params, struct pxs_pix2pix_size *out);
/* Multiply-accumulates of a training step for each pair of its batch, counted as direct
 * convolutions, in 1e9. */
double pxs_pix2pix_gmac(const struct pxs_params *params);

/* ---- which network a file is (recognise.c) -------------------------------------------------- */

#define PXS_RECOGNISED_WORDS 160
/* What names and shapes of a file of weights tell. */
struct pxs_recognised {
    enum pxs_net net;
    /* The keys that decide these names and shapes; all others are at their defaults. img_height and
     * img_width are the smallest that give them: a U-Net's depth tells no more, and a ResNet's
     * weights do not tell them at all. */
    struct pxs_params params;
    char words[PXS_RECOGNISED_WORDS]; /* "a unet of 6 halvings with ngf 64 and 3 channels" */
};
/* PXS_E_INVALID where the file is none of the networks: names the nearest and what differs. */
PXS_NODISCARD enum pxs_status pxs_weights_recognise(const char *path, struct pxs_recognised *out,
                                                    struct pxs_error *err);
/* The configuration that a file of weights bears in its metadata, for the network that it is of:
 * sets the keys in *params and leaves the others. *stated (may be NULL): it bears one.
 * PXS_E_UNSUPPORTED where a newer pixsweep wrote a value that is not known here. */
PXS_NODISCARD enum pxs_status pxs_weights_config(const char *path, struct pxs_params *params,
                                                 bool *stated, struct pxs_error *err);

/* ---- files of weights ----------------------------------------------------------------------- */

/* SHA-256 over the hashes of the generator's file and, where it exists, the discriminator's file
 * that belongs to it (pxs_pix2pix_beside). */
PXS_NODISCARD enum pxs_status pxs_weights_hash(const char *path, char hash[PXS_SHA256_HEX],
                                               struct pxs_error *err);

#endif
