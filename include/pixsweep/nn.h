/* nn: layers with their weights, forward and backward passes; losses, initialisation, the optimiser
 * and learning-rate schedules. Activations are [N,H,W,C] f32 (see kernel.h for `ld`); only files of
 * weights have PyTorch's layouts. */
#ifndef PIXSWEEP_NN_H
#define PIXSWEEP_NN_H

#include "pixsweep/base.h"
#include "pixsweep/kernel.h"

/* ---- weights -------------------------------------------------------------------------------- */

enum pxs_weight_kind {
    /* torch Conv2d [Cs,Cb,k,k] and ConvTranspose2d [Cs,Cb,k,k]; here in panels, see
       pxs_weight_index */
    PXS_WEIGHT_CONV,
    PXS_WEIGHT_HEAD, /* torch Conv2d [Co,C,k,k] of a head; here [C][k][k][Co] */
    PXS_WEIGHT_BIAS, /* [C] */
    /* torch BatchNorm2d's weight, bias, running_mean and running_var, [C] each; and
       num_batches_tracked, an integer, which is in `batches` */
    PXS_WEIGHT_GAMMA,
    PXS_WEIGHT_BETA,
    PXS_WEIGHT_RUNNING_MEAN,
    PXS_WEIGHT_RUNNING_VAR,
    PXS_WEIGHT_BATCHES
};
/* One tensor of a state_dict with its Adam moments. dims are torch's, as in the state_dict. */
struct pxs_weight {
    char name[112]; /* in the state_dict, e.g. "down1.model.0.weight" */
    enum pxs_weight_kind kind;
    int rank, dims[4];
    size_t count;
    /* input channels times taps */
    int fan_in;
    /* a bias in front of an instance norm: it has no effect and its gradient is zero, so it keeps
     * its first value */
    bool constant;
    /* a bias that starts at 0 */
    bool zero;
    /* running statistics, which no gradient reaches: m and v are NULL */
    bool fixed;
    float *value, *m, *v;
    int64_t batches;
};
/* Allocates the value and, where it is to be trained, its moments, zeroed. */
PXS_NODISCARD enum pxs_status pxs_weight_init(struct pxs_weight *w, bool trains,
                                              struct pxs_error *err);
void pxs_weight_finish(struct pxs_weight *w);
/* Between the engine's layout and torch's, `count` floats each. */
void pxs_weight_to_torch(const struct pxs_weight *w, const float *ours, float *torch);
void pxs_weight_from_torch(const struct pxs_weight *w, const float *torch, float *ours);

/* ---- what layers run with ------------------------------------------------------------------- */

/* Gradients are not kept: a layer computes its weight gradient into `grad`, and the optimiser's
 * step follows at once. */
struct pxs_nn {
    struct pxs_kernel_context kernel;
    float *grad; /* room for the largest pxs_layer_gradients */
    struct pxs_adam adam;
    /* For tests: called with each gradient before the optimiser uses it; NULL in training. */
    void (*on_gradient)(void *user, const struct pxs_weight *w, const float *grad);
    void *user;
};
/* One Adam step on `w`. */
void pxs_optimise(const struct pxs_nn *nn, struct pxs_weight *w, const float *grad);
/* How convolutions' weights are drawn: torch normal_ (std = gain), xavier_normal_, kaiming_normal_
 * (a = 0, fan_in; no gain) or orthogonal_. */
enum pxs_init_kind { PXS_INIT_NORMAL, PXS_INIT_XAVIER, PXS_INIT_KAIMING, PXS_INIT_ORTHOGONAL };
struct pxs_init {
    enum pxs_init_kind kind;
    double gain;
};
/* Draws a tensor: a convolution's weight as `init` says; a bias U(-1/sqrt(fan_in), 1/sqrt(fan_in))
 * or, with `zero`, 0; gamma N(1, gain), beta 0; running statistics 0 and 1. `layer` names the
 * stream (PXS_STREAM_INIT). Moments are zeroed. PXS_E_NOMEM (orthogonal alone needs memory). */
PXS_NODISCARD enum pxs_status pxs_weight_randomise(const struct pxs_nn *nn, struct pxs_weight *w,
                                                   const struct pxs_init *init, uint64_t seed,
                                                   uint32_t layer, struct pxs_error *err);
/* Zeroes the moments, where it has them. */
void pxs_weight_forget(struct pxs_weight *w);

/* ---- what a layer is ------------------------------------------------------------------------ */

enum pxs_layer_kind {
    /* torch Conv2d */
    PXS_LAYER_CONV,
    /* torch ConvTranspose2d */
    PXS_LAYER_CONV_TRANSPOSE,
    /* [Upsample(nearest)], ZeroPad2d((1,0,1,0)), Conv2d: what ends a network */
    PXS_LAYER_HEAD
};

/* A convolution and what follows it, in torch's order: norm, activation, dropout. A network
 * describes itself as a list of these; its weights, costs and files, and what decides its bits
 * (pxs_pix2pix_bits), follow from that list. There are kernels for every convolution
 * (kernel.h), and for heads of 4x4, stride 1 and padding 1. */
struct pxs_layer_spec {
    /* for tables and messages: "down3", "final" */
    char label[16];
    /* its module, "down3.model.0": its tensors are NAME.weight and NAME.bias */
    char name[104];
    /* of a batch norm, its module: tensors NORM_NAME.weight, .bias, .running_mean, .running_var */
    char norm_name[91];
    enum pxs_layer_kind kind;
    /* torch's */
    int kernel, stride, padding;
    /* of a head: the factor by which its input is enlarged first, 1 or 2; else 1 */
    int upsample;
    int c_in, c_out;
    /* padding mirrors the edge (ReflectionPad2d) instead of zeros */
    bool reflect;
    /* sides of the output, and of the input of a convolution of either kind (a head's follows from
     * its output) */
    int h, w, in_h, in_w;
    /* A bias has no effect in front of an instance norm; it is there where PyTorch's network has
     * it. In front of a batch norm there is none, as in PyTorch's networks. zero_bias: it starts at
     * zero, else as torch's does */
    bool bias, zero_bias;
    enum pxs_norm norm;
    enum pxs_activation activation;
    /* of the leaky ReLU; 0 is ReLU */
    float slope;
    /* chance that a value is dropped while training, and the number of its masks among the
     * network's */
    double dropout;
    int dropout_number;
    /* Where it stands in its network. Layers are numbered from 1; 0: none. `from`: whose output it
     * reads; 0: the network's input. `beside`: whose output follows that of `from` in the channels
     * (torch.cat). `rectify`: of `from`, reads max(0, x) there. `add`: whose output is added to its
     * own. */
    int from, beside, add;
    bool rectify;
};
/* Count of numbers in the weight (the bias has c_out more), and in one image's output. */
size_t pxs_layer_weights(const struct pxs_layer_spec *s);
size_t pxs_layer_outputs(const struct pxs_layer_spec *s);
/* Floats that the gradients of its weights need. */
size_t pxs_layer_gradients(const struct pxs_layer_spec *s);
/* Multiply-accumulates of one pass over one image, by direct convolution. */
double pxs_layer_macs(const struct pxs_layer_spec *s);
/* The kernels' view of a convolution of either kind, of a head, and of norm, activation and
 * dropout, for n images. */
struct pxs_conv_shape pxs_layer_conv(const struct pxs_layer_spec *s, int n);
struct pxs_head_shape pxs_layer_head(const struct pxs_layer_spec *s, int n);
struct pxs_block_shape pxs_layer_block(const struct pxs_layer_spec *s, int n);
/* Floats of scratch memory that its passes need, for this batch and every smaller one. */
size_t pxs_layer_scratch(const struct pxs_kernel_context *ctx, const struct pxs_layer_spec *s,
                         int n);

/* ---- layers --------------------------------------------------------------------------------- */

struct pxs_layer {
    struct pxs_layer_spec spec;
    /* those that the layer does not have are zeroed */
    struct pxs_weight weight, bias, gamma, beta, running_mean, running_var, batches;
    /* of a transposed convolution that goes forward alone: pxs_conv_turn has turned its weights */
    bool turned;
};
/* The layer's tensors in state_dict order; how many. */
enum { PXS_LAYER_TENSORS = 7 };
size_t pxs_layer_tensors(struct pxs_layer *l, struct pxs_weight *out[PXS_LAYER_TENSORS]);
/* Fills in the layer and its weights' names and shapes; pxs_layer_init allocates the weights. */
void pxs_layer_describe(struct pxs_layer *l, const struct pxs_layer_spec *spec);
PXS_NODISCARD enum pxs_status pxs_layer_init(struct pxs_layer *l, bool trains,
                                             struct pxs_error *err);
void pxs_layer_finish(struct pxs_layer *l);

/* PXS_LAYER_CONV, without its bias: x [N,in_h,in_w,C_in] -> y [N,h,w,C_out]. */
void pxs_conv_forward(const struct pxs_nn *nn, const struct pxs_layer *l, int n, const float *x,
                      size_t ld_x, float *y, size_t ld_y);
/* dx = conv^T(dy), added to dx if `accumulate`. Before pxs_conv_update, which changes the
 * weight. */
void pxs_conv_backward(const struct pxs_nn *nn, const struct pxs_layer *l, int n, const float *dy,
                       size_t ld_dy, float *dx, size_t ld_dx, bool accumulate);
/* Weight gradient from x and dy, and the optimiser's step. */
void pxs_conv_update(const struct pxs_nn *nn, struct pxs_layer *l, int n, const float *x,
                     size_t ld_x, const float *dy, size_t ld_dy);

/* PXS_LAYER_CONV_TRANSPOSE: x [N,in_h,in_w,C_in] -> y [N,h,w,C_out]. */
void pxs_conv_transpose_forward(const struct pxs_nn *nn, const struct pxs_layer *l, int n,
                                const float *x, size_t ld_x, float *y, size_t ld_y);
void pxs_conv_transpose_backward(const struct pxs_nn *nn, const struct pxs_layer *l, int n,
                                 const float *dy, size_t ld_dy, float *dx, size_t ld_dx);
void pxs_conv_transpose_update(const struct pxs_nn *nn, struct pxs_layer *l, int n, const float *x,
                               size_t ld_x, const float *dy, size_t ld_dy);

/* What follows a convolution: bias, norm, activation, dropout. The buffers that they read and write
 * for the n images of one pass. */
struct pxs_block_buffers {
    float *raw;    /* [n,h,w,C_out] dense: the convolution's output */
    float *stats;  /* of the norm, pxs_layer_stats floats; may be NULL where there are none */
    uint8_t *mask; /* [n,h,w,C_out] bytes; NULL where the layer has no dropout */
    float *y;      /* the layer's output */
    size_t ld_y;
};
/* What a batch norm normalises with. */
enum pxs_statistics {
    PXS_STATISTICS_TRAIN,  /* those of the images; the running ones follow them (torch's train()) */
    PXS_STATISTICS_BATCH,  /* those of the images; nothing changes */
    PXS_STATISTICS_RUNNING /* the running ones (torch's eval()) */
};
/* Floats of the statistics that a pass over n images leaves for the way back; those of a second
 * pass over n images stand behind them. */
size_t pxs_layer_stats(const struct pxs_layer_spec *s, int n);
/* drop: NULL or p = 0: no dropout. raw is overwritten with raw + bias where the bias has an
 * effect. */
void pxs_block_apply(const struct pxs_nn *nn, struct pxs_layer *l, int n,
                     enum pxs_statistics statistics, const struct pxs_dropout *drop,
                     const struct pxs_block_buffers *b);
/* The running statistics of a batch norm follow the stats of a pass over n images once more; of
 * other layers nothing happens. */
void pxs_block_track(struct pxs_layer *l, int n, const float *stats);
/* dy (ld_dy), the gradient at y -> draw [n,h,w,C_out] dense, at the convolution's output. The
 * images are those of `passes` forward passes over n / passes images each, whose buffers stand one
 * behind the other, with the statistics of the images and the layer's dropout. update: also
 * computes the gradients of the layer's small weights (all but the convolution's) and makes the
 * optimiser's step. */
void pxs_block_gradient(const struct pxs_nn *nn, struct pxs_layer *l, int n, int passes,
                        const struct pxs_block_buffers *b, const float *dy, size_t ld_dy,
                        float *draw, bool update);

/* PXS_LAYER_HEAD with its bias and its tanh: x [N,h/upsample,w/upsample,C_in] -> y [N,h,w,C_out]
 * dense. */
void pxs_head_apply(const struct pxs_nn *nn, const struct pxs_layer *l, int n, const float *x,
                    size_t ld_x, float *y);
/* dy [N,h,w,C_out], the gradient at the output, becomes in place the gradient before tanh. y, the
 * output, is read where there is a tanh. dx may be NULL. update: also computes weight and bias
 * gradients and makes the optimiser's step. */
void pxs_head_gradient(const struct pxs_nn *nn, struct pxs_layer *l, int n, const float *x,
                       size_t ld_x, const float *y, float *dy, float *dx, size_t ld_dx,
                       bool update);

/* ---- losses --------------------------------------------------------------------------------- */

/* The adversarial loss of predictions: lsgan, torch MSELoss, and vanilla, BCEWithLogitsLoss,
 * against 1 (generator, real) or 0 (fake); hinge, mean(relu(1 - x)) of real ones, mean(relu(1 + x))
 * of fake ones and -mean(x) for the generator. dx (may be NULL) = weight * gradient. */
enum pxs_adversarial { PXS_ADVERSARIAL_LSGAN, PXS_ADVERSARIAL_VANILLA, PXS_ADVERSARIAL_HINGE };
enum pxs_judged { PXS_JUDGED_GENERATOR, PXS_JUDGED_REAL, PXS_JUDGED_FAKE };
double pxs_gan_loss(const struct pxs_nn *nn, enum pxs_adversarial kind, enum pxs_judged judged,
                    const float *x, size_t n, float weight, float *dx);

/* ---- learning-rate schedules ---------------------------------------------------------------- */

/* `halve`, the lab's: before epoch e, if e > 0 and (e + 1) % every == 0, the rate is halved. every
 * 0 = constant. */
double pxs_schedule_halve(double base, int64_t every, int64_t epoch);

/* The rates of torch.optim.lr_scheduler, with its names and defaults, in epoch `epoch` or step
 * `step`, both from 0. Tests compare them with torch's to 1e-12 relative. n_epochs, n_steps: length
 * of the whole schedule. */

/* StepLR */
double pxs_schedule_step(double base, int64_t step_size, double gamma, int64_t epoch);
/* MultiStepLR; milestones: n of them, rising. */
double pxs_schedule_multistep(double base, const int64_t *milestones, size_t n, double gamma,
                              int64_t epoch);
/* ExponentialLR */
double pxs_schedule_exponential(double base, double gamma, int64_t epoch);
/* LambdaLR with pix2pix's 1 - max(0, epoch + 1 - (n_epochs - n_decay)) / (n_decay + 1): constant,
 * then linear over n_decay epochs towards zero, which it would reach in epoch n_epochs. Older
 * versions of pix2pix stepped the scheduler before the epoch, so that the decay began an epoch
 * earlier and the last epoch had rate 0; this is the current one. */
double pxs_schedule_linear(double base, int64_t n_epochs, int64_t n_decay, int64_t epoch);
/* CosineAnnealingLR */
double pxs_schedule_cosine(double base, double min_lr, int64_t n_epochs, int64_t epoch);
/* CosineAnnealingWarmRestarts */
double pxs_schedule_cosine_restarts(double base, double min_lr, int64_t T_0, int64_t T_mult,
                                    int64_t epoch);
/* PolynomialLR */
double pxs_schedule_polynomial(double base, double power, int64_t n_epochs, int64_t epoch);
/* OneCycleLR with div_factor = max_lr / base, final_div_factor 1e4, cosine annealing; betas stay
 * (cycle_momentum=False). */
double pxs_schedule_one_cycle(double base, double max_lr, double pct_start, int64_t n_steps,
                              int64_t step);
/* LinearLR from base / n_steps to base: step is below n_steps. */
double pxs_schedule_warmup(double base, int64_t n_steps, int64_t step);

/* ReduceLROnPlateau (mode min, relative threshold, cooldown 0, eps 1e-8), the only schedule that
 * keeps state. */
struct pxs_plateau_rule {
    double factor, threshold, min_lr;
    int64_t patience;
};
struct pxs_plateau {
    double rate; /* the current one */
    double best; /* lowest loss so far; +inf at first */
    int64_t bad_epochs;
};
void pxs_plateau_begin(struct pxs_plateau *state, double base);
/* Called after each epoch with its validation loss. */
void pxs_plateau_step(struct pxs_plateau *state, const struct pxs_plateau_rule *rule, double loss);

#endif
