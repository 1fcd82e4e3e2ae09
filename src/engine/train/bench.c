/* Times every pass of every layer and the whole training step on random data, in rounds that also
 * time the product sgemm 2048^3, with which the others are compared. */
#include "train_priv.h"

#include <stdlib.h>
#include <string.h>

/* Three passes of every layer of both networks, Adam, the step, sgemm. */
enum { SGEMM_SIDE = 2048, MAX_JOBS = 6 * PXS_LAYERS_MAX + 3, ADAM_BYTES = 28 };

/* In which memory is read. */
enum { READ_PIECES = 64 };

enum bench_pass { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, STEP, ADAM, SGEMM, GENERATE };

/* One thing to time. */
struct bench_job {
    enum bench_pass pass;
    /* of a layer's pass */
    enum pxs_net net;
    struct pxs_layer_spec layer;
    double gmac, bytes, ms[PXS_BENCH_ROUNDS];
};

struct pxs_bench {
    struct pxs_params p;
    struct pxs_nn nn;
    struct pxs_pix2pix *model;
    struct pxs_trained *trained; /* in its place, where only that is timed */
    struct pxs_layer_list layers[2];
    struct pxs_record_writer *records;
    float *source, *target; /* a batch */
    /* operands as large as any layer's, which no pass overwrites, and room for results */
    float *big, *small, *weight, *out;
    float *gradient; /* for Adam */
    /* PXS_BENCH_GENERATE: as much as the generator's weights that meet a pixel, and sums of its
     * pieces */
    float *read;
    size_t n_read;
    uint64_t sums[READ_PIECES];
    float *a, *b, *c; /* the matrices of sgemm */
    int64_t step;
    int rounds; /* measured so far; -1: the warm-up is still to come */
    size_t n_jobs;
    struct bench_job jobs[MAX_JOBS];
};

/* ---- what is timed -------------------------------------------------------------------------- */

/* A convolution's forward pass is DOWN, its input gradient UP; a transposed one's the reverse. */
static enum pxs_pass conv_pass(const struct bench_job *j) {
    if (j->pass == WEIGHT_GRADIENT)
        return PXS_PASS_WEIGHT;
    return (j->pass == FORWARD) == (j->layer.kind == PXS_LAYER_CONV) ? PXS_PASS_DOWN : PXS_PASS_UP;
}

static void run_head(struct pxs_bench *b, const struct bench_job *j) {
    const struct pxs_head_shape s = pxs_layer_head(&j->layer, (int)b->p.batch_size);
    const size_t ld = (size_t)s.c;
    if (j->pass == FORWARD)
        pxs_head_forward(&b->nn.kernel, &s, b->big, ld, b->weight, NULL, false, b->out);
    else
        pxs_head_backward(&b->nn.kernel, &s, b->big, ld, b->weight, b->small,
                          j->pass == INPUT_GRADIENT ? b->out : NULL, ld,
                          j->pass == WEIGHT_GRADIENT ? b->out : NULL);
}

static void run_conv(struct pxs_bench *b, const struct bench_job *j) {
    const struct pxs_conv_shape s = pxs_layer_conv(&j->layer, (int)b->p.batch_size);
    const size_t cb = (size_t)s.cb, cs = (size_t)s.cs;
    switch (conv_pass(j)) {
    case PXS_PASS_DOWN:
        pxs_conv_down(&b->nn.kernel, &s, b->big, cb, b->weight, b->out, cs);
        break;
    case PXS_PASS_UP:
        pxs_conv_up(&b->nn.kernel, &s, b->small, cs, b->weight, b->out, cb, false);
        break;
    case PXS_PASS_WEIGHT:
        pxs_conv_weight(&b->nn.kernel, &s, b->big, cb, b->small, cs, b->out);
        break;
    }
}

/* With a rate of zero: everything is computed and moved, and no weight changes. */
static void run_adam(struct pxs_bench *b) {
    const struct pxs_adam adam = {.b1 = b->p.b1, .b2 = b->p.b2, .t = b->step + 1};
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        struct pxs_weight **weights;
        const size_t n = pxs_pix2pix_weights(b->model, net, &weights);
        for (size_t i = 0; i < n; i++)
            if (!weights[i]->fixed)
                pxs_adam_step(&b->nn.kernel, &adam, weights[i]->count, b->gradient,
                              weights[i]->value, weights[i]->m, weights[i]->v);
    }
}

static void run_step(struct pxs_bench *b) {
    struct pxs_record r = {.kind = PXS_RECORD_BATCH, .batch = {.step = b->step}};
    struct pxs_error ignored; /* a failed write takes time, too */
    struct pxs_step_result result;
    pxs_pix2pix_step(b->model, b->source, b->target, (int)b->p.batch_size,
                     (struct pxs_step_rates){1e-4, 1e-4}, b->step++, &result);
    r.batch.losses = result.losses;
    if (pxs_record_write(b->records, &r, &ignored) != PXS_OK)
        return;
}

static void run_sgemm(struct pxs_bench *b) {
    const struct pxs_gemm g = {.m = SGEMM_SIDE,
                               .n = SGEMM_SIDE,
                               .k = SGEMM_SIDE,
                               .a = b->a,
                               .lda = SGEMM_SIDE,
                               .b = b->b,
                               .ldb = SGEMM_SIDE,
                               .c = b->c,
                               .ldc = SGEMM_SIDE};
    pxs_gemm_run(&b->nn.kernel, &g);
}

static double time_job(struct pxs_bench *b, const struct bench_job *j) {
    const double began = pxs_monotonic();
    if (j->pass == SGEMM)
        run_sgemm(b);
    else if (j->pass == STEP)
        run_step(b);
    else if (j->pass == GENERATE)
        pxs_trained_run(b->trained, b->source, (int)b->p.batch_size, PXS_STATISTICS_RUNNING, false,
                        0, b->target);
    else if (j->pass == ADAM)
        run_adam(b);
    else if (j->layer.kind == PXS_LAYER_HEAD)
        run_head(b, j);
    else
        run_conv(b, j);
    return (pxs_monotonic() - began) * 1e3;
}

/* ---- setting up ----------------------------------------------------------------------------- */

/* Counts of numbers on both sides of a layer. */
struct sides {
    size_t big, small, weight;
};

/* `big` and `small` as the kernels have them; a head reads `big` and writes `small`. */
static struct sides sides_of(const struct pxs_bench *b, const struct pxs_layer_spec *l) {
    const size_t out = (size_t)b->p.batch_size * pxs_layer_outputs(l);
    if (l->kind == PXS_LAYER_HEAD) {
        const struct pxs_head_shape s = pxs_layer_head(l, (int)b->p.batch_size);
        const size_t in = (size_t)s.n * (size_t)s.h * (size_t)s.w * (size_t)s.c;
        return (struct sides){.big = in, .small = out, .weight = pxs_layer_weights(l)};
    }
    const struct pxs_conv_shape s = pxs_layer_conv(l, (int)b->p.batch_size);
    const size_t pixels = (size_t)s.n * (size_t)s.h * (size_t)s.w;
    const size_t big = (size_t)s.n * (size_t)s.big_h * (size_t)s.big_w;
    return (struct sides){
        .big = big * (size_t)s.cb, .small = pixels * (size_t)s.cs, .weight = pxs_layer_weights(l)};
}

/* A pass reads only weights that meet a pixel, but a gradient is written whole. */
static double weight_bytes(const struct pxs_bench *b, const struct bench_job *j) {
    const struct pxs_layer_spec *l = &j->layer;
    const struct pxs_conv_shape s = pxs_layer_conv(l, (int)b->p.batch_size);
    const int taps = l->kernel * l->kernel;
    int live = 0;
    for (int tap = 0; tap < taps; tap++)
        live += l->kind == PXS_LAYER_HEAD || j->pass == WEIGHT_GRADIENT || pxs_tap_is_live(&s, tap);
    return 4.0 * ((double)pxs_layer_weights(l) / taps * live);
}

static double bytes_of(const struct pxs_bench *b, const struct bench_job *j) {
    const struct sides side = sides_of(b, &j->layer);
    return 4.0 * (double)(side.big + side.small) + weight_bytes(b, j);
}

static void add_jobs(struct pxs_bench *b, enum pxs_bench_scope scope) {
    const double batch = (double)b->p.batch_size;
    double weights = 0;
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D && scope == PXS_BENCH_ALL; net++)
        for (size_t i = 0; i < b->layers[net].n; i++) {
            const struct pxs_layer_spec *l = &b->layers[net].layer[i];
            weights += (double)pxs_layer_weights(l) + (l->bias ? l->c_out : 0);
            for (enum bench_pass pass = FORWARD; pass <= WEIGHT_GRADIENT; pass++) {
                struct bench_job *j = &b->jobs[b->n_jobs++];
                *j = (struct bench_job){.pass = pass,
                                        .net = net,
                                        .layer = *l,
                                        .gmac = pxs_layer_macs(l) * batch * 1e-9};
                j->bytes = bytes_of(b, j);
            }
        }
    if (scope == PXS_BENCH_ALL)
        b->jobs[b->n_jobs++] = (struct bench_job){.pass = ADAM, .bytes = ADAM_BYTES * weights};
    b->jobs[b->n_jobs++] =
        (struct bench_job){.pass = STEP, .gmac = pxs_pix2pix_gmac(&b->p) * batch};
    if (scope == PXS_BENCH_ALL)
        b->jobs[b->n_jobs++] = (struct bench_job){
            .pass = SGEMM, .gmac = (double)SGEMM_SIDE * SGEMM_SIDE * SGEMM_SIDE * 1e-9};
}

static void grow(size_t *a, size_t b) {
    if (b > *a)
        *a = b;
}

static struct sides largest_sides(struct pxs_bench *b) {
    struct sides most = {0};
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++)
        for (size_t i = 0; i < b->layers[net].n; i++) {
            const struct pxs_layer_spec *l = &b->layers[net].layer[i];
            const struct sides side = sides_of(b, l);
            grow(&most.big, side.big);
            grow(&most.small, side.small);
            grow(&most.weight, side.weight);
            grow(&b->nn.kernel.scratch_floats,
                 pxs_layer_scratch(&b->nn.kernel, l, (int)b->p.batch_size));
        }
    return most;
}

struct buffer {
    float **where;
    size_t n;
    float scale;
};

static bool fill(struct pxs_bench *b, const struct buffer *buffers, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float *x = pxs_aligned_alloc(buffers[i].n * sizeof *x);
        if (!x)
            return false;
        pxs_fill_normal(&b->nn.kernel, 1, (uint32_t)i, 0.0f, buffers[i].scale, buffers[i].n, x);
        *buffers[i].where = x;
    }
    return true;
}

static bool make_operands(struct pxs_bench *b) {
    const struct sides most = largest_sides(b);
    const size_t square = (size_t)SGEMM_SIDE * SGEMM_SIDE;
    size_t out = most.big;
    grow(&out, most.small);
    grow(&out, most.weight);
    const struct buffer buffers[] = {{&b->big, most.big, 1.0f},
                                     {&b->small, most.small, 1.0f},
                                     {&b->weight, most.weight, 0.02f},
                                     {&b->out, out, 0.0f},
                                     /* small, like real gradients: Adam adds them to the moments
                                        of the model */
                                     {&b->gradient, most.weight, 1e-4f},
                                     {&b->nn.kernel.scratch, b->nn.kernel.scratch_floats, 0.0f},
                                     {&b->a, square, 1.0f},
                                     {&b->b, square, 1.0f},
                                     {&b->c, square, 0.0f}};
    return fill(b, buffers, PXS_COUNT(buffers));
}

static enum pxs_status set_up(struct pxs_bench *b, const char *kernels, enum pxs_bench_scope scope,
                              struct pxs_error *err) {
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++)
        pxs_pix2pix_layers(&b->p, net, &b->layers[net]);
    const size_t image = (size_t)b->p.batch_size * (size_t)b->p.img_height *
                         (size_t)b->p.img_width * (size_t)b->p.channels;
    const struct buffer pictures[] = {{&b->source, image, 0.5f}, {&b->target, image, 0.5f}};
    PXS_TRY(pxs_kernels_select(kernels, &b->nn.kernel.set, err));
    if (scope == PXS_BENCH_GENERATE) {
        PXS_TRY(pxs_trained_create(&b->p, NULL, b->nn.kernel.pool, kernels, &b->trained, err));
        PXS_TRY(pxs_trained_resize(b->trained, (int)b->p.img_height, (int)b->p.img_width,
                                   (int)b->p.batch_size, err));
        for (size_t i = 0; i < b->layers[PXS_NET_G].n; i++) {
            const struct bench_job j = {.layer = b->layers[PXS_NET_G].layer[i]};
            b->n_read += (size_t)(weight_bytes(b, &j) / sizeof *b->read);
        }
        const struct buffer read = {&b->read, b->n_read, 1.0f};
        return fill(b, pictures, PXS_COUNT(pictures)) && fill(b, &read, 1) ? PXS_OK
                                                                           : pxs_fail_nomem(err);
    }
    PXS_TRY(pxs_blas_load(pxs_pool_threads(b->nn.kernel.pool), &b->nn.kernel.blas, err));
    PXS_TRY(pxs_record_writer_in_memory(&b->records, err));
    PXS_TRY(pxs_pix2pix_create(&b->p, b->nn.kernel.pool, kernels, &b->model, err));
    PXS_TRY(pxs_pix2pix_randomise(b->model, 0, err));
    if (!fill(b, pictures, PXS_COUNT(pictures)) || (scope == PXS_BENCH_ALL && !make_operands(b)))
        return pxs_fail_nomem(err);
    add_jobs(b, scope);
    return PXS_OK;
}

enum pxs_status pxs_bench_create(const struct pxs_params *params, struct pxs_pool *pool,
                                 const char *kernels, enum pxs_bench_scope scope,
                                 struct pxs_bench **out, struct pxs_error *err) {
    struct pxs_bench *b = calloc(1, sizeof *b);
    if (!b)
        return pxs_fail_nomem(err);
    b->p = *params;
    b->nn.kernel.pool = pool;
    b->rounds = -1;
    const enum pxs_status status = set_up(b, kernels, scope, err);
    if (status == PXS_OK)
        *out = b;
    else
        pxs_bench_destroy(&b);
    return status;
}

void pxs_bench_destroy(struct pxs_bench **b) {
    if (!b || !*b)
        return;
    float *buffers[] = {(*b)->source, (*b)->target, (*b)->big,      (*b)->small,
                        (*b)->weight, (*b)->out,    (*b)->gradient, (*b)->read,
                        (*b)->a,      (*b)->b,      (*b)->c,        (*b)->nn.kernel.scratch};
    for (size_t i = 0; i < PXS_COUNT(buffers); i++)
        pxs_aligned_free(buffers[i]);
    pxs_trained_destroy(&(*b)->trained);
    pxs_pix2pix_destroy(&(*b)->model);
    pxs_record_writer_close(&(*b)->records);
    free(*b);
    *b = NULL;
}

/* ---- timing --------------------------------------------------------------------------------- */

enum pxs_status pxs_bench_round(struct pxs_bench *b, const struct pxs_stop *stop,
                                struct pxs_error *err) {
    if (b->rounds >= PXS_BENCH_ROUNDS)
        return pxs_fail(err, PXS_E_INVALID, "more than %d rounds", PXS_BENCH_ROUNDS);
    for (size_t i = 0; i < b->n_jobs; i++) {
        if (stop && atomic_load(&stop->signal))
            return pxs_fail(err, PXS_E_STOPPED, "stopped in round %d", b->rounds + 1);
        const double ms = time_job(b, &b->jobs[i]);
        if (b->rounds >= 0)
            b->jobs[i].ms[b->rounds] = ms;
    }
    b->rounds++;
    return PXS_OK;
}

double pxs_bench_step(struct pxs_bench *b) {
    return time_job(b, &(struct bench_job){.pass = b->trained ? GENERATE : STEP});
}

/* As whole numbers, which compilers add up faster than memory brings them. */
static void read_piece(void *user, int piece, int thread) {
    struct pxs_bench *b = user;
    const uint32_t *x = (const uint32_t *)(const void *)b->read;
    const size_t first = b->n_read * (size_t)piece / READ_PIECES,
                 end = b->n_read * ((size_t)piece + 1) / READ_PIECES;
    uint64_t sum = 0;
    for (size_t i = first; i < end; i++)
        sum += x[i];
    b->sums[piece] = sum;
}

double pxs_bench_read(struct pxs_bench *b, double *bytes) {
    const double began = pxs_monotonic();
    pxs_pool_run(b->nn.kernel.pool, read_piece, b, READ_PIECES);
    *bytes = (double)b->n_read * sizeof *b->read;
    return (pxs_monotonic() - began) * 1e3;
}

/* ---- results -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void describe_layer(const struct pxs_bench *b, const struct bench_job *j,
                           struct pxs_bench_row *r) {
    static const char *const passes[] = {"forward", "input gradient", "weight gradient"};
    const struct pxs_layer_spec *l = &j->layer;
    const int batch = (int)b->p.batch_size;
    const struct pxs_conv_shape s = pxs_layer_conv(l, batch);
    const struct pxs_head_shape head = pxs_layer_head(l, batch);
    const bool is_head = l->kind == PXS_LAYER_HEAD;
    const char net = j->net == PXS_NET_G ? 'G' : 'D';
    snprintf(r->what, sizeof r->what, "%c %s %s", net, l->label, passes[j->pass]);
    snprintf(r->shape, sizeof r->shape, "%dx%dx%d %d-%d", batch, is_head ? head.h : s.h,
             is_head ? head.w : s.w, l->c_in, l->c_out);
    snprintf(r->method, sizeof r->method, "%s",
             is_head ? "head"
                     : pxs_method_name(pxs_kernels_method(b->nn.kernel.set, &s, conv_pass(j))));
}

/* Sides and widths, and the networks that are not the usual ones. */
static void describe_step(const struct pxs_params *p, char *out, size_t size) {
    static const enum pxs_param_key networks[] = {PXS_PARAM_generator, PXS_PARAM_discriminator,
                                                  PXS_PARAM_norm};
    int n = snprintf(out, size, "%dx%dx%dx%d ngf %d ndf %d", (int)p->batch_size, (int)p->img_height,
                     (int)p->img_width, (int)p->channels, (int)p->ngf, (int)p->ndf);
    for (size_t i = 0; i < PXS_COUNT(networks); i++)
        if (!pxs_params_at_default(p, networks[i]))
            n += snprintf(out + n, size - (size_t)n, " %s", pxs_params_get(p, networks[i]).text);
}

static void describe(const struct pxs_bench *b, const struct bench_job *j,
                     struct pxs_bench_row *r) {
    if (j->pass == SGEMM) {
        snprintf(r->what, sizeof r->what, "sgemm %d^3", SGEMM_SIDE);
    } else if (j->pass == STEP) {
        snprintf(r->what, sizeof r->what, "training step");
        describe_step(&b->p, r->shape, sizeof r->shape);
    } else if (j->pass == ADAM) {
        snprintf(r->what, sizeof r->what, "Adam");
        snprintf(r->shape, sizeof r->shape, "%.0f", j->bytes / ADAM_BYTES);
    } else {
        describe_layer(b, j, r);
    }
}

enum pxs_status pxs_bench_rows(const struct pxs_bench *b, struct pxs_bench_row **rows, size_t *n,
                               struct pxs_error *err) {
    if (b->rounds < 1)
        return pxs_fail(err, PXS_E_INVALID, "no round was timed");
    struct pxs_bench_row *out = calloc(b->n_jobs, sizeof *out);
    if (!out)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < b->n_jobs; i++) {
        const struct bench_job *j = &b->jobs[i];
        struct pxs_bench_row *r = &out[i];
        const int middle = b->rounds / 2;
        double ms[PXS_BENCH_ROUNDS];
        memcpy(ms, j->ms, sizeof ms);
        qsort(ms, (size_t)b->rounds, sizeof *ms, by_value);
        describe(b, j, r);
        r->ms_median = b->rounds % 2 ? ms[middle] : (ms[middle - 1] + ms[middle]) / 2;
        r->ms_min = ms[0];
        r->gmac = j->gmac;
        r->gflops = 2e3 * j->gmac / r->ms_median;
        r->bytes = j->bytes;
        if (2e9 * j->gmac < PXS_BENCH_INTENSITY * j->bytes)
            r->gb_per_s = 1e-6 * j->bytes / r->ms_median;
    }
    if (b->jobs[b->n_jobs - 1].pass == SGEMM)
        for (size_t i = 0; i < b->n_jobs; i++)
            out[i].of_sgemm = out[i].gflops / out[b->n_jobs - 1].gflops;
    *rows = out;
    *n = b->n_jobs;
    return PXS_OK;
}
