/* Times every convolution pass and the whole training step on random data, interleaved with the yardstick, sgemm 2048^3. */
#include "train_priv.h"

#include <stdlib.h>
#include <string.h>

enum { YARDSTICK = 2048, MAX_JOBS = 128, MAX_ROUNDS = 101 };

enum pass { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, STEP, ADAM, SGEMM };

/* One thing to time. */
struct bench_job {
    enum pass pass;
    struct pxs_layer_info layer;
    double gmac, ms[MAX_ROUNDS];
};

struct bench {
    struct pxs_params p;
    struct pxs_nn nn;
    struct pxs_pix2pix *model;
    float *source, *target;      /* a batch */
    float *big, *small, *weight; /* operands as large as any layer's */
    float *m, *v;                /* moments of the largest weight */
    float *a, *b, *c;            /* the yardstick's matrices */
    size_t largest_weight;
    int64_t step;
    struct bench_job *jobs;
    size_t n_jobs;
};

/* ---- what is timed --------------------------------------------------------------------------------------- */

static void run_head(struct bench *b, const struct bench_job *j) {
    const struct pxs_layer_info *l = &j->layer;
    struct pxs_head_shape s = {
        .n = (int)b->p.batch_size, .h = l->h, .w = l->w, .c = l->cb, .co = l->cs, .scale = l->head_scale};
    size_t ld = (size_t)l->cb;
    if (j->pass == FORWARD)
        pxs_head_forward(&b->nn.kernel, &s, b->big, ld, b->weight, NULL, false, b->small);
    else
        pxs_head_backward(&b->nn.kernel, &s, b->big, ld, b->weight, b->small,
                          j->pass == INPUT_GRADIENT ? b->big : NULL, ld,
                          j->pass == WEIGHT_GRADIENT ? b->nn.grad : NULL);
}

/* A convolution goes down forward and up for its input gradient; a transposed one the other way. */
static void run_conv(struct bench *b, const struct bench_job *j) {
    const struct pxs_layer_info *l = &j->layer;
    struct pxs_conv_shape s = {.n = (int)b->p.batch_size, .h = l->h, .w = l->w, .cb = l->cb, .cs = l->cs};
    size_t cb = (size_t)l->cb, cs = (size_t)l->cs;
    if (j->pass == WEIGHT_GRADIENT)
        pxs_conv_weight(&b->nn.kernel, &s, b->big, cb, b->small, cs, b->nn.grad);
    else if ((j->pass == FORWARD) != l->transposed)
        pxs_conv_down(&b->nn.kernel, &s, b->big, cb, b->weight, b->small, cs);
    else
        pxs_conv_up(&b->nn.kernel, &s, b->small, cs, b->weight, b->big, cb, false);
}

static void run_job(struct bench *b, const struct bench_job *j) {
    struct pxs_losses losses;
    struct pxs_adam adam = {.lr = 1e-4, .b1 = 0.5, .b2 = 0.999, .t = b->step + 1};
    struct pxs_gemm g = {.m = YARDSTICK,
                         .n = YARDSTICK,
                         .k = YARDSTICK,
                         .a = b->a,
                         .lda = YARDSTICK,
                         .b = b->b,
                         .ldb = YARDSTICK,
                         .c = b->c,
                         .ldc = YARDSTICK};
    if (j->pass == SGEMM)
        pxs_gemm_run(b->nn.kernel.pool, &g);
    else if (j->pass == STEP)
        pxs_pix2pix_step(b->model, b->source, b->target, (int)b->p.batch_size,
                         (struct pxs_step_rates){1e-4, 1e-4}, b->step++, &losses);
    else if (j->pass == ADAM)
        pxs_adam_step(&b->nn.kernel, &adam, b->largest_weight, b->nn.grad, b->weight, b->m, b->v);
    else if (j->layer.head)
        run_head(b, j);
    else
        run_conv(b, j);
}

/* ---- setting up ------------------------------------------------------------------------------------------ */

static void add_jobs(struct bench *b, struct pxs_layer_info *layers, size_t n) {
    double step = 0;
    for (size_t i = 0; i < n; i++) {
        step += layers[i].mac * layers[i].passes * (double)b->p.batch_size * 1e-9;
        for (enum pass pass = FORWARD; pass <= WEIGHT_GRADIENT; pass++)
            b->jobs[b->n_jobs++] = (struct bench_job){
                .pass = pass, .layer = layers[i], .gmac = layers[i].mac * (double)b->p.batch_size * 1e-9};
    }
    b->jobs[b->n_jobs++] = (struct bench_job){.pass = ADAM};
    b->jobs[b->n_jobs++] = (struct bench_job){.pass = STEP, .gmac = step};
    b->jobs[b->n_jobs++] =
        (struct bench_job){.pass = SGEMM, .gmac = (double)YARDSTICK * YARDSTICK * YARDSTICK * 1e-9};
}

struct needs {
    size_t big, small, weight, scratch;
};

static void grow(size_t *a, size_t b) {
    if (b > *a)
        *a = b;
}

static struct needs needs_of(const struct bench *b, const struct pxs_layer_info *layers, size_t n) {
    struct needs need = {0};
    for (size_t i = 0; i < n; i++) {
        const struct pxs_layer_info *l = &layers[i];
        size_t pixels = (size_t)b->p.batch_size * (size_t)l->h * (size_t)l->w;
        struct pxs_head_shape head = {
            .n = (int)b->p.batch_size, .h = l->h, .w = l->w, .c = l->cb, .co = l->cs, .scale = l->head_scale};
        struct pxs_conv_shape conv = {
            .n = (int)b->p.batch_size, .h = l->h, .w = l->w, .cb = l->cb, .cs = l->cs};
        grow(&need.big, (l->head ? 1 : 4) * pixels * (size_t)l->cb);
        grow(&need.small, (l->head ? (size_t)(l->head_scale * l->head_scale) : 1) * pixels * (size_t)l->cs);
        grow(&need.weight, 16 * (size_t)l->cb * (size_t)l->cs);
        grow(&need.scratch,
             l->head ? pxs_head_scratch(b->nn.kernel.set, &head, pxs_pool_threads(b->nn.kernel.pool))
                     : pxs_kernels_scratch(b->nn.kernel.set, &conv, pxs_pool_threads(b->nn.kernel.pool)));
    }
    return need;
}

static float *random_floats(const struct bench *b, uint32_t stream, size_t n, float scale, bool *failed) {
    float *x = pxs_aligned_alloc(n * sizeof *x);
    if (x)
        pxs_fill_normal(&b->nn.kernel, 1, stream, 0.0f, scale, n, x);
    else
        *failed = true;
    return x;
}

static enum pxs_status set_up(struct bench *b, const char *kernels, struct pxs_error *err) {
    struct pxs_layer_info layers[32];
    size_t n = pxs_pix2pix_layers(&b->p, layers);
    PXS_TRY(pxs_kernels_select(kernels, &b->nn.kernel.set, err));
    PXS_TRY(pxs_pix2pix_create(&b->p, b->nn.kernel.pool, kernels, &b->model, err));
    pxs_pix2pix_randomise(b->model, 0);
    struct needs need = needs_of(b, layers, n);
    size_t image =
        (size_t)b->p.batch_size * (size_t)b->p.img_height * (size_t)b->p.img_width * (size_t)b->p.channels;
    bool failed = false;
    b->largest_weight = need.weight;
    b->nn.kernel.scratch_floats = need.scratch;
    struct {
        float **where;
        size_t n;
        float scale;
    } buffers[] = {{&b->source, image, 0.5f},
                   {&b->target, image, 0.5f},
                   {&b->big, need.big, 1.0f},
                   {&b->small, need.small, 1.0f},
                   {&b->weight, need.weight, 0.02f},
                   {&b->nn.grad, need.weight, 0.01f},
                   {&b->m, need.weight, 0.0f},
                   {&b->v, need.weight, 0.0f},
                   {&b->nn.kernel.scratch, need.scratch, 0.0f},
                   {&b->a, YARDSTICK * YARDSTICK, 1.0f},
                   {&b->b, YARDSTICK * YARDSTICK, 1.0f},
                   {&b->c, YARDSTICK * YARDSTICK, 0.0f}};
    for (size_t i = 0; i < PXS_COUNT(buffers); i++)
        *buffers[i].where = random_floats(b, (uint32_t)i, buffers[i].n, buffers[i].scale, &failed);
    b->jobs = calloc(MAX_JOBS, sizeof *b->jobs);
    if (failed || !b->jobs)
        return pxs_fail_nomem(err);
    add_jobs(b, layers, n);
    return PXS_OK;
}

static void tear_down(struct bench *b) {
    float *buffers[] = {
        b->source, b->target, b->big, b->small, b->weight, b->nn.grad, b->m, b->v, b->nn.kernel.scratch,
        b->a,      b->b,      b->c};
    for (size_t i = 0; i < PXS_COUNT(buffers); i++)
        pxs_aligned_free(buffers[i]);
    pxs_pix2pix_destroy(&b->model);
    free(b->jobs);
}

/* ---- results --------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void describe(const struct bench *b, const struct bench_job *j, struct pxs_bench_row *r) {
    static const char *const passes[] = {"forward", "input gradient", "weight gradient"};
    const struct pxs_layer_info *l = &j->layer;
    if (j->pass == SGEMM) {
        snprintf(r->what, sizeof r->what, "sgemm %d^3", YARDSTICK);
    } else if (j->pass == STEP) {
        snprintf(r->what, sizeof r->what, "training step");
        snprintf(r->shape, sizeof r->shape, "%dx%dx%dx%d ngf %d ndf %d", (int)b->p.batch_size,
                 (int)b->p.img_height, (int)b->p.img_width, (int)b->p.channels, (int)b->p.ngf, (int)b->p.ndf);
    } else if (j->pass == ADAM) {
        snprintf(r->what, sizeof r->what, "Adam, largest weight");
        snprintf(r->shape, sizeof r->shape, "%zu", b->largest_weight);
    } else {
        snprintf(r->what, sizeof r->what, "%s %s", l->name, passes[j->pass]);
        bool up = l->transposed;
        snprintf(r->shape, sizeof r->shape, "%dx%dx%d %d-%d", (int)b->p.batch_size, l->h, l->w,
                 up ? l->cs : l->cb, up ? l->cb : l->cs);
    }
}

static void fill_row(const struct bench *b, struct bench_job *j, int rounds, double peak,
                     struct pxs_bench_row *r) {
    describe(b, j, r);
    qsort(j->ms, (size_t)rounds, sizeof *j->ms, by_value);
    r->ms_median = j->ms[rounds / 2];
    r->ms_min = j->ms[0];
    r->gmac = j->gmac;
    r->gflops = 2e3 * j->gmac / r->ms_median;
    r->peak = peak > 0 ? r->gflops / peak : 1.0;
}

static enum pxs_status measure(struct bench *b, int rounds, struct pxs_stop *stop, struct pxs_error *err) {
    for (int round = -1; round < rounds; round++) /* -1 warms up */
        for (size_t i = 0; i < b->n_jobs; i++) {
            if (stop && atomic_load(&stop->signal))
                return pxs_fail(err, PXS_E_STOPPED, "stopped in round %d of %d", round + 1, rounds);
            double began = pxs_monotonic();
            run_job(b, &b->jobs[i]);
            if (round >= 0)
                b->jobs[i].ms[round] = (pxs_monotonic() - began) * 1e3;
        }
    return PXS_OK;
}

enum pxs_status pxs_train_bench(const struct pxs_params *params, struct pxs_pool *pool, const char *kernels,
                                int rounds, struct pxs_stop *stop, struct pxs_bench_row **rows, size_t *n,
                                struct pxs_error *err) {
    if (rounds < 1 || rounds > MAX_ROUNDS)
        return pxs_fail(err, PXS_E_INVALID, "rounds must be 1 to %d", MAX_ROUNDS);
    struct bench b = {.p = *params, .nn.kernel.pool = pool};
    struct pxs_bench_row *out = NULL;
    enum pxs_status status = set_up(&b, kernels, err);
    if (status == PXS_OK)
        status = measure(&b, rounds, stop, err);
    if (status == PXS_OK && !(out = calloc(b.n_jobs, sizeof *out)))
        status = pxs_fail_nomem(err);
    if (status == PXS_OK) {
        struct bench_job *yardstick = &b.jobs[b.n_jobs - 1];
        fill_row(&b, yardstick, rounds, 0, &out[b.n_jobs - 1]);
        for (size_t i = 0; i + 1 < b.n_jobs; i++)
            fill_row(&b, &b.jobs[i], rounds, out[b.n_jobs - 1].gflops, &out[i]);
        *rows = out;
        *n = b.n_jobs;
    }
    tear_down(&b);
    return status;
}
