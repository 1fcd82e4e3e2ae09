/* Whole training steps against PyTorch (make_golden.py's cases): losses of every step, every
 * gradient of the first. */
#include "model_tests.h"

#include "golden/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden_steps {
    const char *name;
    int height, width, channels, ngf, ndf, batch, steps;
    enum pxs_gan_mode gan_mode;
    double dropout, lambda_pixel;
    int64_t seed;
    bool pictures; /* as golden_picture makes them */
    enum pxs_generator generator;
    enum pxs_discriminator discriminator;
    int n_layers;
    enum pxs_network_norm norm;
    /* networks.golden: weights are scaled by their fans, times this; 0: steps.golden, where they
     * are not */
    float gain;
    double slack; /* times what is allowed an im2col in f32: five for Winograd's F(4,2) */
};
static const struct golden_steps cases[] = {
    {"lsgan", 64, 64, 3, 8, 8, 2, 10, .lambda_pixel = 10, .slack = 1},
    {"vanilla", 64, 64, 3, 8, 8, 2, 10, PXS_GAN_VANILLA, 0, 10, .pictures = true, .slack = 1},
    {"wide", 32, 64, 1, 6, 5, 3, 3, .lambda_pixel = 10, .slack = 1},
    {"tall", 128, 32, 3, 3, 4, 1, 3, .lambda_pixel = 100, .slack = 1},
    {"dropout", 64, 64, 3, 8, 8, 2, 4, PXS_GAN_LSGAN, 0.5, 10, 7, .slack = 1},
    {"sixteen", 64, 64, 3, 16, 32, 2, 3, PXS_GAN_LSGAN, 0.5, 0, 3, .slack = 5},
};
/* The first five are of odd widths, which OpenBLAS does; the last is for the fast kernels, so every
 * set shows what it can. Its seed is one of those where no number stands so near to a kink (a
 * ReLU's, or the pixel loss's) that a rounding puts it on the other side. */
enum { ODD_CASES = 5 };

/* Every network with every norm: networks.golden. */
#define NETWORK(name_, h, w, ngf_, ndf_, g, norm_, d, layers, gan, gain_, slack_)            \
    {                                                                                        \
        .name = name_, .height = h, .width = w, .channels = 3, .ngf = ngf_, .ndf = ndf_,     \
        .batch = 2, .steps = 3, .gan_mode = PXS_GAN_##gan, .lambda_pixel = 10,               \
        .generator = PXS_GENERATOR_##g, .discriminator = PXS_DISCRIMINATOR_##d,              \
        .norm = PXS_NETWORK_NORM_##norm_, .n_layers = layers, .gain = gain_, .slack = slack_ \
    }
static const struct golden_steps networks[] = {
    NETWORK("unet instance", 96, 64, 5, 6, UNET, INSTANCE, PATCH, 3, HINGE, 2, 1),
    NETWORK("unet batch", 64, 32, 6, 5, UNET, BATCH, N_LAYERS, 3, LSGAN, 2, 1),
    NETWORK("unet_32 instance", 32, 64, 8, 8, UNET_32, INSTANCE, N_LAYERS, 1, LSGAN, 2, 1),
    NETWORK("unet_32 batch", 64, 32, 8, 8, UNET_32, BATCH, N_LAYERS, 1, VANILLA, 2, 1),
    NETWORK("unet_32 none", 32, 32, 8, 8, UNET_32, NONE, PIXEL, 3, HINGE, 2, 1),
    NETWORK("unet_64 instance", 64, 64, 8, 8, UNET_64, INSTANCE, PIXEL, 3, VANILLA, 2, 1),
    NETWORK("unet_64 batch", 64, 64, 7, 6, UNET_64, BATCH, PATCH, 3, LSGAN, 2, 1),
    NETWORK("unet_64 none", 64, 64, 8, 8, UNET_64, NONE, N_LAYERS, 4, LSGAN, 2, 1),
    NETWORK("unet_128 instance", 128, 128, 4, 4, UNET_128, INSTANCE, N_LAYERS, 5, HINGE, 2, 1),
    NETWORK("unet_128 batch", 128, 128, 4, 4, UNET_128, BATCH, N_LAYERS, 4, HINGE, 2, 1),
    NETWORK("unet_128 none", 128, 128, 4, 4, UNET_128, NONE, N_LAYERS, 5, VANILLA, 2, 1),
    NETWORK("unet_256 instance", 256, 256, 2, 2, UNET_256, INSTANCE, N_LAYERS, 6, LSGAN, 2, 1),
    NETWORK("unet_256 batch", 256, 256, 2, 2, UNET_256, BATCH, N_LAYERS, 6, VANILLA, 2, 1),
    NETWORK("unet_256 none", 256, 256, 2, 2, UNET_256, NONE, N_LAYERS, 6, HINGE, 2, 1),
    NETWORK("resnet_6blocks instance", 36, 44, 8, 8, RESNET_6, INSTANCE, N_LAYERS, 3, HINGE, 2, 1),
    NETWORK("resnet_6blocks batch", 44, 36, 8, 8, RESNET_6, BATCH, PIXEL, 3, LSGAN, 2, 1),
    NETWORK("resnet_6blocks none", 36, 44, 8, 8, RESNET_6, NONE, N_LAYERS, 2, VANILLA, 1, 1),
    NETWORK("resnet_9blocks instance", 32, 48, 6, 7, RESNET_9, INSTANCE, N_LAYERS, 2, VANILLA, 2,
            1),
    NETWORK("resnet_9blocks batch", 32, 48, 6, 7, RESNET_9, BATCH, N_LAYERS, 2, HINGE, 2, 1),
    NETWORK("resnet_9blocks none", 32, 48, 6, 7, RESNET_9, NONE, PATCH, 3, LSGAN, 1, 1),
};
static const struct golden_steps fast_networks[] = {
    NETWORK("unet_64 batch fast", 64, 64, 16, 16, UNET_64, BATCH, N_LAYERS, 3, LSGAN, 2, 5),
    NETWORK("resnet_6blocks instance fast", 32, 32, 16, 16, RESNET_6, INSTANCE, N_LAYERS, 2, LSGAN,
            2, 5),
};

struct watch {
    struct golden *golden;
    struct pxs_pix2pix *m;
    const char *name;
    size_t samples; /* most of a tensor */
    double slack;
    int seen;
};

/* A case's tensor against its figures and samples: as near to double as PyTorch's f32 is, give or
 * take. */
static void expect_tensor(const struct watch *watch, const char *key, const float *got, size_t n) {
    const double *figures = golden_get(watch->golden, 4, "%s/%s/figures", watch->name, key);
    double size = figures[0], allowed = watch->slack * (4 * figures[3] + 2e-6 * size),
           projection = 0;
    size_t count = n < watch->samples ? n : watch->samples;
    const double *want = golden_get(watch->golden, count, "%s/%s/samples", watch->name, key);
    for (size_t i = 0; i < count; i++) {
        double g = (double)got[i * n / count];
        ck_assert_msg(fabs(g - want[i]) <= allowed + 1e-7 * fabs(want[i]),
                      "%s, %s: element %zu is %.9g, torch says %.9g (allowed %.2g)", watch->name,
                      key, i * n / count, g, want[i], allowed);
    }
    char name[192];
    snprintf(name, sizeof name, "%s/probe/%s", watch->name, key);
    for (size_t i = 0; i < n; i++)
        projection += (double)got[i] * (double)golden_number(name, i);
    double rounding =
        watch->slack * (4 * fabs(figures[2] - figures[1]) + 1e-5 * size * sqrt((double)n));
    ck_assert_msg(fabs(projection - figures[1]) <= rounding,
                  "%s, %s: projection %.9g, torch says %.9g (allowed %.2g)", watch->name, key,
                  projection, figures[1], rounding);
}

static void expect_weight(struct watch *watch, const struct pxs_weight *w, const float *value) {
    struct pxs_weight **all;
    const size_t n = pxs_pix2pix_weights(watch->m, PXS_NET_G, &all);
    char key[160];
    float *torch = malloc(w->count * sizeof *torch);
    bool is_g = false;
    for (size_t i = 0; i < n; i++)
        is_g = is_g || all[i] == w;
    snprintf(key, sizeof key, "%s/%s", is_g ? "G" : "D", w->name);
    pxs_weight_to_torch(w, value, torch);
    expect_tensor(watch, key, torch, w->count);
    free(torch);
}

static void see_gradient(void *user, const struct pxs_weight *w, const float *grad) {
    struct watch *watch = user;
    expect_weight(watch, w, grad);
    watch->seen++;
}

/* Norms begin away from 1 and 0, so that they show. */
static void first_value(const struct golden_steps *t, const char *stream,
                        const struct pxs_weight *w, float *out) {
    float scale = 0x1p-4f;
    const bool around_one = w->kind == PXS_WEIGHT_GAMMA || w->kind == PXS_WEIGHT_RUNNING_VAR;
    if (around_one)
        scale = w->kind == PXS_WEIGHT_GAMMA ? 0.25f : 0.5f;
    if (w->rank == 4 && t->gain > 0) {
        int fan = (w->dims[0] > w->dims[1] ? w->dims[0] : w->dims[1]) * w->dims[2] * w->dims[3];
        for (scale = t->gain; fan >= 4; fan /= 4)
            scale /= 2;
    } else if (w->rank == 4) {
        scale = 0x1p-5f;
    }
    golden_numbers(stream, scale, w->count, out);
    for (size_t i = 0; around_one && i < w->count; i++)
        out[i] += 1.0f;
}

/* The case's initial weights, into both networks. The number that have a gradient. */
static int set_weights(struct pxs_pix2pix *m, const struct golden_steps *t) {
    int trained = 0;
    for (int net = 0; net < 2; net++) {
        struct pxs_weight **w;
        size_t n = pxs_pix2pix_weights(m, (enum pxs_net)net, &w);
        for (size_t i = 0; i < n; i++) {
            char stream[256];
            float *torch = malloc(w[i]->count * sizeof *torch);
            snprintf(stream, sizeof stream, "%s/%s/%s", t->name, net == PXS_NET_G ? "G" : "D",
                     w[i]->name);
            first_value(t, stream, w[i], torch);
            pxs_weight_from_torch(w[i], torch, w[i]->value);
            free(torch);
            trained += !w[i]->constant && !w[i]->fixed;
        }
    }
    return trained;
}

static float *make_image(const struct golden_steps *t, const char *half) {
    size_t n = (size_t)(t->batch * t->height * t->width * t->channels);
    char stream[64];
    float *image = malloc(n * sizeof *image);
    snprintf(stream, sizeof stream, "%s/%s", t->name, half);
    if (t->pictures)
        golden_picture(stream, (size_t)t->batch, (size_t)t->channels, (size_t)t->height,
                       (size_t)t->width, image);
    else
        golden_numbers(stream, 1.0f, n, image);
    return image;
}

/* A fake as in evaluation, where there is dropout as in the first step; NHWC here and NCHW
 * there. */
static void check_fake(struct pxs_pix2pix *m, const struct golden_steps *t,
                       const struct watch *watch, const float *source, const char *key) {
    size_t c = (size_t)t->channels, pixels = (size_t)(t->height * t->width),
           n = (size_t)t->batch * c * pixels;
    float *fake = malloc(n * sizeof *fake), *nchw = malloc(n * sizeof *nchw);
    pxs_pix2pix_generate(m, source, t->batch, PXS_STATISTICS_RUNNING,
                         t->dropout > 0 ? PXS_STREAM_DROPOUT : 0, 0, fake);
    for (size_t i = 0; i < n; i++)
        nchw[(i / c / pixels * c + i % c) * pixels + i / c % pixels] = fake[i];
    expect_tensor(watch, key, nchw, n);
    free(fake);
    free(nchw);
}

/* The running statistics after the steps, and what they make of the source. */
static void check_running(struct pxs_pix2pix *m, const struct golden_steps *t, struct watch *watch,
                          const float *source) {
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        struct pxs_weight **w;
        const size_t n = pxs_pix2pix_weights(m, net, &w);
        for (size_t i = 0; i < n; i++) {
            if (w[i]->kind == PXS_WEIGHT_BATCHES) /* D runs over fake, real and fake pairs */
                ck_assert_int_eq(w[i]->batches, t->steps * (net == PXS_NET_G ? 1 : 3));
            else if (w[i]->fixed)
                expect_weight(watch, w[i], w[i]->value);
        }
    }
    check_fake(m, t, watch, source, "after");
}

static const char *const loss_names[] = {"loss_G", "loss_GAN",  "loss_pixel",
                                         "loss_D", "loss_real", "loss_fake"};

/* Contract: the first step within 1e-5 of PyTorch, all within 1e-3. */
static void check_losses(const struct pxs_step_result *l, const struct golden_steps *t, int step,
                         const double *f32, const double *f64) {
    const double got[] = {l->loss_G, l->loss_GAN,  l->loss_pixel,
                          l->loss_D, l->loss_real, l->loss_fake};
    for (int k = 0; k < 6; k++) {
        double want = f32[step * 6 + k], allowed = (step == 0 ? 1e-5 : 1e-3) * fabs(want);
        ck_assert_msg(fabs(got[k] - want) <= allowed, "%s, step %d: %s is %.9g, torch says %.9g",
                      t->name, step, loss_names[k], got[k], want);
        double exact = f64[step * 6 + k],
               drift = (8 * fabs(want - exact) + 4e-7 * (step + 4) * fabs(exact));
        /* other roundings part ways in Adam's first steps, where a tiny gradient's sign is a whole
         * step */
        ck_assert_msg(t->pictures || (t->slack > 1 && step > 0) || fabs(got[k] - exact) <= drift,
                      "%s, step %d: %s is %.9g, double says %.9g and torch in f32 %.9g", t->name,
                      step, loss_names[k], got[k], exact, want);
    }
}

static bool is_fused(const char *kernels) {
    const struct pxs_kernels *set = NULL;
    ck_assert_int_eq(pxs_kernels_select(kernels, &set, NULL), PXS_OK);
    return pxs_kernels_fused(set);
}

static void steps_with(const struct golden_steps *t, const char *kernels) {
    struct pxs_params p = narrow(t->height, t->width, t->channels, t->ngf, t->ndf, t->batch);
    p.gan_mode = (int)t->gan_mode;
    p.generator = (int)t->generator;
    p.discriminator = (int)t->discriminator;
    p.n_layers_D = t->n_layers > 0 ? t->n_layers : p.n_layers_D;
    p.norm = (int)t->norm;
    p.dropout = t->dropout;
    p.lambda_pixel = t->lambda_pixel;
    p.seed = t->seed;
    p.b1 = 0.5;
    p.b2 = 0.999;
    struct watch watch = {.golden = golden_open(t->gain > 0 ? "networks.golden" : "steps.golden"),
                          .name = t->name,
                          .samples = t->gain > 0 ? 16 : 64,
                          .slack = t->slack};
    const double *f32 = golden_get(watch.golden, (size_t)t->steps * 6, "%s/losses_f32", t->name);
    const double *f64 = golden_get(watch.golden, (size_t)t->steps * 6, "%s/losses_f64", t->name);
    struct pxs_pix2pix *m = watch.m = model_create(&p, 2, kernels);
    int trained = set_weights(m, t);
    float *source = make_image(t, "source"), *target = make_image(t, "target");
    check_fake(m, t, &watch, source, "fake");
    for (int step = 0; step < t->steps; step++) {
        struct pxs_step_result losses;
        pxs_pix2pix_on_gradient(m, step == 0 ? see_gradient : NULL, &watch);
        pxs_pix2pix_step(m, source, target, t->batch, (struct pxs_step_rates){2e-4, 1e-4}, step,
                         &losses);
        check_losses(&losses, t, step, f32, f64);
    }
    ck_assert_int_eq(watch.seen, trained);
    /* Adam's first steps, as with the losses; without FMA roundings part ways more often. */
    watch.slack *= t->slack > 1 || !is_fused(kernels) ? 8 : 1;
    if (t->norm == PXS_NETWORK_NORM_BATCH)
        check_running(m, t, &watch, source);
    free(source);
    free(target);
    model_destroy(&m);
    golden_close(watch.golden);
}

START_TEST(steps_as_pytorch)
{ steps_with(&cases[_i], "auto"); }
END_TEST

/* Under sanitizers, which take ten times as long, of each instruction set only "auto". */
static const struct pxs_kernels *set_at(int i) {
    const struct pxs_kernels *set = pxs_kernels_at((size_t)i);
    return set && PXS_SANITIZED && strncmp(pxs_kernels_name(set), "auto", 4) != 0 ? NULL : set;
}

START_TEST(every_set_as_pytorch)
{
    const struct pxs_kernels *set = set_at(_i);
    if (set)
        steps_with(&cases[ODD_CASES], pxs_kernels_name(set));
}
END_TEST

/* Large pictures take minutes under sanitizers, which see the same layers in the others. */
START_TEST(networks_as_pytorch)
{
    if (!PXS_SANITIZED || networks[_i].height <= 64)
        steps_with(&networks[_i], "auto");
}
END_TEST

START_TEST(every_set_runs_networks_as_pytorch)
{
    const struct pxs_kernels *set = set_at(_i);
    for (size_t i = 0; set && i < PXS_COUNT(fast_networks); i++)
        steps_with(&fast_networks[i], pxs_kernels_name(set));
}
END_TEST

TCase *golden_case(void) {
    TCase *tcase = tcase_create("golden");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, steps_as_pytorch, 0, ODD_CASES);
    tcase_add_loop_test(tcase, every_set_as_pytorch, 0, 16);
    tcase_add_loop_test(tcase, networks_as_pytorch, 0, PXS_COUNT(networks));
    tcase_add_loop_test(tcase, every_set_runs_networks_as_pytorch, 0, 16);
    return tcase;
}
