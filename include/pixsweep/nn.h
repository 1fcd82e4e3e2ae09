/* nn: layers with their weights, forward and backward side by side; losses, initialisation, the optimiser and learning-rate
 * schedules. Activations are [N,H,W,C] f32 (see kernel.h for `ld`); PyTorch's layouts exist only in the weights' import and export. */
#ifndef PIXSWEEP_NN_H
#define PIXSWEEP_NN_H

#include "pixsweep/base.h"
#include "pixsweep/kernel.h"

/* ---- weights --------------------------------------------------------------------------------------------- */

enum pxs_weight_kind {
    PXS_WEIGHT_CONV, /* torch Conv2d [Cs,Cb,4,4] and ConvTranspose2d [Cs,Cb,4,4]; here in panels, see pxs_weight_index */
    PXS_WEIGHT_HEAD, /* torch Conv2d [Co,C,4,4] of a head; here [C][4][4][Co] */
    PXS_WEIGHT_BIAS  /* [C] */
};
/* One trainable tensor with its Adam moments. dims are torch's, as in the state_dict. */
struct pxs_weight {
    char name[48]; /* PyTorch-GAN's state_dict name, e.g. "down1.model.0.weight" */
    enum pxs_weight_kind kind;
    int rank, dims[4];
    size_t count;
    int fan_in; /* torch's: in_channels * 16 */
    bool
        constant; /* a bias in front of an instance norm: without effect, its gradient is zero, so it keeps its first value */
    float *value, *m, *v;
};
/* Allocates value and moments, zeroed. */
PXS_NODISCARD enum pxs_status pxs_weight_init(struct pxs_weight *w, struct pxs_error *err);
void pxs_weight_finish(struct pxs_weight *w);
/* Between the engine's layout and torch's, `count` floats each. */
void pxs_weight_to_torch(const struct pxs_weight *w, const float *ours, float *torch);
void pxs_weight_from_torch(const struct pxs_weight *w, const float *torch, float *ours);

/* ---- what layers run with -------------------------------------------------------------------------------- */

/* Gradients are not kept: a layer's backward computes its weight gradient into `grad`, and the optimiser uses it up at once. */
struct pxs_nn {
    struct pxs_kernel_context kernel;
    float *grad; /* room for the largest weight */
    struct pxs_adam adam;
    void (*on_gradient)(void *user, const struct pxs_weight *w,
                        const float *grad); /* NULL; for tests: sees each gradient */
    void *user;
};
/* One Adam step on `w` with nn->grad. */
void pxs_optimise(const struct pxs_nn *nn, struct pxs_weight *w);
/* Conv weights N(0, 0.02); biases U(-1/sqrt(fan_in), 1/sqrt(fan_in)). `layer` names the stream (PXS_STREAM_INIT). Moments are zeroed. */
void pxs_weight_randomise(const struct pxs_nn *nn, struct pxs_weight *w, uint64_t seed, uint32_t layer);

/* ---- layers ---------------------------------------------------------------------------------------------- */

/* torch Conv2d(Cb, Cs, 4, 2, 1, bias=False): x [N,2h,2w,Cb] -> y [N,h,w,Cs]. h, w are the output's. */
struct pxs_conv {
    int cb, cs;
    struct pxs_weight weight;
};
/* The layer with its weight's name and shape, without storage: pxs_weight_init gives it that. */
void pxs_conv_describe(struct pxs_conv *c, bool transposed, const char *name, int cb, int cs);
/* Described, and with storage. */
PXS_NODISCARD enum pxs_status pxs_conv_init(struct pxs_conv *c, bool transposed, const char *name, int cb,
                                            int cs, struct pxs_error *err);
void pxs_conv_finish(struct pxs_conv *c);
void pxs_conv_forward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w, const float *x,
                      size_t ld_x, float *y, size_t ld_y);
/* dx = conv^T(dy), added to dx if `accumulate`. Before pxs_conv_update, which changes the weight. */
void pxs_conv_backward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w,
                       const float *dy, size_t ld_dy, float *dx, size_t ld_dx, bool accumulate);
/* Weight gradient from x and dy, and the optimiser's step. */
void pxs_conv_update(const struct pxs_nn *nn, struct pxs_conv *c, int n, int h, int w, const float *x,
                     size_t ld_x, const float *dy, size_t ld_dy);

/* torch ConvTranspose2d(Cs, Cb, 4, 2, 1, bias=False): x [N,h,w,Cs] -> y [N,2h,2w,Cb]. h, w are the input's. */
void pxs_conv_transpose_forward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w,
                                const float *x, size_t ld_x, float *y, size_t ld_y);
void pxs_conv_transpose_backward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w,
                                 const float *dy, size_t ld_dy, float *dx, size_t ld_dx);
void pxs_conv_transpose_update(const struct pxs_nn *nn, struct pxs_conv *c, int n, int h, int w,
                               const float *x, size_t ld_x, const float *dy, size_t ld_dy);

/* [Upsample(2, nearest)], ZeroPad2d((1,0,1,0)), Conv2d(C, Co, 4, padding=1), [Tanh]; see pxs_head_shape. x [N,h,w,C]. */
struct pxs_head {
    int c, co, scale;
    bool has_bias, has_tanh;
    struct pxs_weight weight, bias;
};
/* Without storage, as pxs_conv_describe; the bias has a name where there is one. */
void pxs_head_describe(struct pxs_head *l, const char *name, int c, int co, int scale, bool has_bias,
                       bool has_tanh);
PXS_NODISCARD enum pxs_status pxs_head_init(struct pxs_head *l, const char *name, int c, int co, int scale,
                                            bool has_bias, bool has_tanh, struct pxs_error *err);
void pxs_head_finish(struct pxs_head *l);
void pxs_head_apply(const struct pxs_nn *nn, const struct pxs_head *l, int n, int h, int w, const float *x,
                    size_t ld_x, float *y);
/* dy [N,scale*h,scale*w,Co] is the gradient at the output; turned in place into the one before tanh. dx may be NULL. update: with weight
 * and bias gradients and the optimiser's step. */
void pxs_head_gradient(const struct pxs_nn *nn, struct pxs_head *l, int n, int h, int w, const float *x,
                       size_t ld_x, const float *y, float *dy, float *dx, size_t ld_dx, bool update);

/* Scratch floats that a layer needs at a batch size. */
size_t pxs_conv_scratch(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w);
size_t pxs_head_scratch_floats(const struct pxs_nn *nn, const struct pxs_head *l, int n, int h, int w);

/* ---- losses ---------------------------------------------------------------------------------------------- */

/* The GAN loss of predictions against "real" (label 1) or "fake" (label 0): torch MSELoss (lsgan) or BCEWithLogitsLoss (vanilla).
 * dx (may be NULL) = weight * gradient. */
double pxs_gan_loss(const struct pxs_nn *nn, bool vanilla, const float *x, size_t n, bool real, float weight,
                    float *dx);

/* ---- learning-rate schedules ----------------------------------------------------------------------------- */

/* `halve`, the lab's: before epoch e, if e > 0 and (e + 1) % every == 0, the rate is halved. every 0 = constant. */
double pxs_schedule_halve(double base, int64_t every, int64_t epoch);

/* The rates of torch.optim.lr_scheduler, by its names and defaults, in epoch `epoch` (from 0) or before step `step` (from 0). Held
 * against torch's own numbers to 1e-12 relative. n_epochs, n_steps: of the whole schedule. */
double pxs_schedule_step(double base, int64_t step_size, double gamma, int64_t epoch); /* StepLR */
/* MultiStepLR; milestones: n of them, rising. */
double pxs_schedule_multistep(double base, const int64_t *milestones, size_t n, double gamma, int64_t epoch);
double pxs_schedule_exponential(double base, double gamma, int64_t epoch); /* ExponentialLR */
/* LambdaLR with pix2pix's 1 - max(0, epoch + 1 - (n_epochs - n_decay)) / (n_decay + 1): constant, then over n_decay epochs in a straight
 * line towards zero, which it would reach in epoch n_epochs. Upstream stepped before the epoch for some years, so that the last
 * epoch trained at rate 0 and the fall began an epoch early; this is what it does now. */
double pxs_schedule_linear(double base, int64_t n_epochs, int64_t n_decay, int64_t epoch);
double pxs_schedule_cosine(double base, double min_lr, int64_t n_epochs,
                           int64_t epoch); /* CosineAnnealingLR */
/* CosineAnnealingWarmRestarts */
double pxs_schedule_cosine_restarts(double base, double min_lr, int64_t T_0, int64_t T_mult, int64_t epoch);
double pxs_schedule_polynomial(double base, double power, int64_t n_epochs, int64_t epoch); /* PolynomialLR */
/* OneCycleLR with div_factor = max_lr / base, final_div_factor 1e4, cosine annealing; betas stay (cycle_momentum=False). */
double pxs_schedule_one_cycle(double base, double max_lr, double pct_start, int64_t n_steps, int64_t step);
/* LinearLR from base / n_steps to base: step is below n_steps. */
double pxs_schedule_warmup(double base, int64_t n_steps, int64_t step);

/* ReduceLROnPlateau (mode min, relative threshold, cooldown 0, eps 1e-8), the one schedule with a memory. */
struct pxs_plateau_rule {
    double factor, threshold, min_lr;
    int64_t patience;
};
struct pxs_plateau {
    double rate; /* in force */
    double best; /* lowest loss so far; +inf at first */
    int64_t bad_epochs;
};
void pxs_plateau_begin(struct pxs_plateau *state, double base);
/* After an epoch with this validation loss. */
void pxs_plateau_step(struct pxs_plateau *state, const struct pxs_plateau_rule *rule, double loss);

#endif
