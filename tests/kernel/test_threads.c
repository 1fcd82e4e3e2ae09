/* The same bits for any number of threads (docs/contracts.md, Reproducibility). Every kernel, on
 * shapes that are cut into many pieces. */
#include "kernel_tests.h"

#include <string.h>

static const int thread_counts[] = {1, 2, 3, 5};

/* In brief: the largest number of threads alone. */
static size_t first_count(void) {
    return is_brief() ? PXS_COUNT(thread_counts) - 1 : 0;
}

/* One job: writes everything that it computes to `out`, which is `floats` long. */
struct job {
    const char *name;
    size_t floats;
    void (*run)(const struct pxs_kernel_context *ctx, float *out);
};

/* Inputs: the same for every run. */
enum { INPUT = 1 << 19 };
static float *input, *input2;

static const struct pxs_head_shape head_shape = {3, 33, 29, 40, 3, 2},
                                   patch_shape = {3, 12, 17, 128, 1, 1};
static const struct pxs_block_shape norm_shape = {3, 150, 200, NORM(0.2f)},
                                    large_norm_shape = {1, 4300, 64, NORM(0.2f)},
                                    batch_norm_shape = {4, 1080, 64, BATCH_NORM(0.2f, 2)},
                                    plain_shape = {2, 150, 200, PLAIN(0.2f)};

static void run_gemm(const struct pxs_kernel_context *ctx, float *out) {
    for (int k = 0; k < 4; k++) {
        struct pxs_gemm g = {.trans_a = k & 1,
                             .trans_b = k & 2,
                             .m = 310,
                             .n = 150,
                             .k = 333,
                             .a = input,
                             .lda = 333,
                             .b = input2,
                             .ldb = 340,
                             .c = out + k * 310 * 150,
                             .ldc = 150};
        pxs_gemm_run(ctx, &g);
    }
}
static void run_head(const struct pxs_kernel_context *ctx, float *out) {
    pxs_head_forward(ctx, &head_shape, input, 41, input2, input2, true, out);
    out += 3 * 66 * 58 * 3;
    pxs_head_backward(ctx, &head_shape, input, 41, input2, input2, out, 40, out + 3 * 33 * 29 * 40);
}
static void run_patch(const struct pxs_kernel_context *ctx, float *out) {
    pxs_head_forward(ctx, &patch_shape, input, 128, input2, NULL, false, out);
    out += 3 * 12 * 17;
    pxs_head_backward(ctx, &patch_shape, input, 128, input2, input2, out, 128,
                      out + 3 * 12 * 17 * 128);
}
/* Floats that run_block writes. */
#define BLOCK_FLOATS(n, hw, c) (3 * (n) * (hw) * (c) + 3 * (n) * (c) + (n) * (hw) * (c) / 4 + 1)
static void run_block(const struct pxs_kernel_context *ctx, float *out,
                      const struct pxs_block_shape *s) {
    struct pxs_dropout drop = {.p = 0.5, .seed = 9, .stream = PXS_STREAM_DROPOUT, .a = 1, .b = 2};
    size_t n = (size_t)(s->n * s->hw * s->c);
    float *x = out, *y = out + n, *dx = y + n, *stats = dx + n, *dgamma = stats + 3 * 2 * s->c,
          *dbeta = dgamma + s->c;
    uint8_t *mask = (uint8_t *)(stats + 3 * s->n * s->c);
    const bool batch = s->norm == PXS_NORM_BATCH;
    const struct pxs_batch_norm bn = {
        .gamma = input2, .beta = input2 + s->c, .dgamma = dgamma, .dbeta = dbeta};
    memcpy(x, input, n * sizeof *x);
    pxs_block_forward(ctx, s, batch ? &bn : NULL, &drop, x, batch ? NULL : input2, stats, mask, y,
                      (size_t)s->c);
    pxs_block_backward(ctx, s, batch ? &bn : NULL, drop.p, x, stats, mask, y, (size_t)s->c, input2,
                       (size_t)s->c + 1, dx);
}
static void run_norm(const struct pxs_kernel_context *ctx, float *out) {
    run_block(ctx, out, &norm_shape);
}
static void run_large_norm(const struct pxs_kernel_context *ctx, float *out) {
    run_block(ctx, out, &large_norm_shape);
}
static void run_batch_norm(const struct pxs_kernel_context *ctx, float *out) {
    run_block(ctx, out, &batch_norm_shape);
}
static void run_plain(const struct pxs_kernel_context *ctx, float *out) {
    run_block(ctx, out, &plain_shape);
}
static void run_elements(const struct pxs_kernel_context *ctx, float *out) {
    enum { N = 100001 };
    double losses[3];
    losses[0] = pxs_mse_constant(ctx, input, N, 1.0f, 0.5f, out);
    losses[1] = pxs_bce_constant(ctx, input, N, 1.0f, 0.5f, out + N);
    losses[2] = pxs_l1(ctx, input, input2, N, 10.0f, out + 2 * N, false);
    losses[2] += pxs_l1(ctx, input2, input, N, 3.0f, out + 2 * N, true);
    pxs_tanh_backward(ctx, input, N, out + 2 * N);
    memcpy(out + 3 * N, losses, sizeof losses);
    out += 3 * N + 6;
    pxs_sum_pixels(ctx, input, 1001, 333, out);
    pxs_copy_channels(ctx, input, 100, out + 333, 101, 500, 100);
    pxs_fill_normal(ctx, 4, 5, 0.0f, 1.0f, N, out + 333 + 50500);
}
static void run_adam(const struct pxs_kernel_context *ctx, float *out) {
    enum { N = 300001 };
    struct pxs_adam o = {.lr = 1e-3, .b1 = 0.5, .b2 = 0.999};
    memset(out, 0, 3 * N * sizeof *out);
    for (o.t = 1; o.t <= 2; o.t++)
        pxs_adam_step(ctx, &o, N, o.t == 1 ? input : input2, out, out + N, out + 2 * N);
}

static const struct job jobs[] = {
    {"gemm", 4 * 310 * 150, run_gemm},
    {"head", 3 * 66 * 58 * 3 + 3 * 33 * 29 * 40 + 40 * 48, run_head},
    {"patch", 3 * 12 * 17 + 3 * 12 * 17 * 128 + 128 * 16, run_patch},
    {"norm", BLOCK_FLOATS(3, 150, 200), run_norm},
    {"large norm", BLOCK_FLOATS(1, 4300, 64), run_large_norm},
    {"batch norm", BLOCK_FLOATS(4, 1080, 64), run_batch_norm},
    {"no norm", BLOCK_FLOATS(2, 150, 200), run_plain},
    {"elements", 3 * 100001 + 6 + 333 + 50500 + 100001, run_elements},
    {"adam", 3 * 300001, run_adam},
};

static void make_inputs(size_t n, size_t n2) {
    input = buffer(n, 0);
    input2 = buffer(n2, 0);
    fill_random(input, 1, n, 1, 1.0);
    fill_random(input2, 1, n2, 1, 1.0);
    freeze(input);
    freeze(input2);
}

/* Heads differ by instruction set; nothing else here asks for the set. */
static bool is_worth_a_run(const struct pxs_kernels *set, const struct job *job) {
    const char *name = pxs_kernels_name(set);
    bool first = set == kernel_set(0), head = job->run == run_head || job->run == run_patch;
    return first || (head && (strncmp(name, "auto", 4) == 0 || strcmp(name, "blas") == 0));
}

START_TEST(same_bits)
{
    random_start("same_bits");
    const struct job *job = &jobs[_i];
    const struct pxs_kernels *set;
    for (size_t k = 0; (set = kernel_set(k)); k++) {
        if (!is_worth_a_run(set, job))
            continue;
        make_inputs(INPUT, INPUT);
        size_t head = pxs_head_scratch(set, &head_shape, 5),
               patch = pxs_head_scratch(set, &patch_shape, 5), most = head > patch ? head : patch,
               block = pxs_block_scratch(&large_norm_shape);
        struct pxs_kernel_context none = context(set, 0, most > block ? most : block);
        float *want = buffer(job->floats, 0), *got = buffer(job->floats, 0),
              *empty = buffer(job->floats, 0);
        job->run(&none, want);
        for (size_t t = first_count(); t < PXS_COUNT(thread_counts); t++) {
            struct pxs_kernel_context ctx = context(set, thread_counts[t], 0);
            ctx.scratch = none.scratch;
            memcpy(got, empty, job->floats * sizeof *got);
            spoil(&none);
            job->run(&ctx, got);
            tamper("threads", got, 1, job->floats, 1);
            expect_same(got, want, job->floats * sizeof *got, "%s, %s, %d threads",
                        pxs_kernels_name(set), job->name, thread_counts[t]);
        }
        buffers_done();
    }
}
END_TEST

/* ---- convolutions --------------------------------------------------------------------------- */

/* Several chunks and pieces for every method: F(4,2) and F(2,2) in D and W, both in U, direct,
 * thin, im2col. */
enum { DOWN = 1, UP = 2, WEIGHT = 4, ALL = 7 };
static const struct {
    struct pxs_conv_shape s;
    int passes;
} conv_shapes[] = {
    {HALVING(44, 5, 5, 128, 32), DOWN | WEIGHT}, /* two chunks of F(4,2) */
    {HALVING(60, 3, 3, 256, 16), DOWN | WEIGHT}, /* of F(2,2) */
    {HALVING(53, 5, 5, 16, 416), UP},
    {HALVING(80, 3, 3, 16, 752), UP},
    {HALVING(3, 9, 12, 80, 64), ALL},
    {HALVING(8, 1, 1, 128, 512), ALL},
    {HALVING(1, 2, 300, 48, 32), ALL},
    {HALVING(3, 33, 20, 6, 48), ALL}, /* thin */
    {HALVING(2, 3, 290, 3, 16), ALL},
    {HALVING(3, 9, 12, 70, 68), ALL}, /* im2col */
    {HALVING(4, 32, 64, 96, 8), ALL},
    {CONVOLUTION(2, 19, 23, 48, 32, 3, 1, 1, true), ALL},
    {CONVOLUTION(27, 9, 9, 256, 16, 3, 1, 1, true), DOWN | WEIGHT},
    {CONVOLUTION(27, 9, 9, 16, 256, 3, 1, 1, true), UP},
    {CONVOLUTION(2, 17, 12, 32, 80, 3, 2, 1, false), ALL},
    {CONVOLUTION(3, 11, 9, 32, 48, 4, 1, 1, false), ALL},
    {CONVOLUTION(2, 13, 21, 5, 20, 7, 1, 3, true), ALL},
};

struct sizes {
    size_t small, big, weight; /* pixels of the sides one float farther apart than they need */
};

static struct sizes sizes_of(const struct pxs_conv_shape *s) {
    return (struct sizes){small_pixels(s) * (size_t)(s->cs + 1),
                          big_pixels(s) * (size_t)(s->cb + 1), weight_count(s)};
}

static void run_pass(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                     enum pxs_pass pass, float *out) {
    size_t ld_big = (size_t)s->cb + 1, ld_small = (size_t)s->cs + 1;
    if (pass == PXS_PASS_DOWN) {
        pxs_conv_down(ctx, s, input, ld_big, input2, out, ld_small);
    } else if (pass == PXS_PASS_UP) {
        pxs_conv_up(ctx, s, input, ld_small, input2, out, ld_big, false);
        pxs_conv_up(ctx, s, input, ld_small, input2, out, ld_big, true);
    } else {
        pxs_conv_weight(ctx, s, input, ld_big, input2, ld_small, out);
    }
}

static void same_pass(const struct pxs_kernels *set, const struct pxs_conv_shape *s,
                      enum pxs_pass pass, size_t n, float *want, float *got) {
    struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, s, 0, 5));
    run_pass(&ctx, s, pass, want);
    for (size_t t = first_count(); t < PXS_COUNT(thread_counts); t++) {
        ctx.pool = context(set, thread_counts[t], 0).pool;
        memset(got, 0, n * sizeof *got);
        run_pass(&ctx, s, pass, got);
        tamper("threads", got, 1, n, 1);
        expect_same(
            got, want, n * sizeof *got,
            "%s (%s), pass %d, n %d, %d x %d, %d/%d channels, kernel %d, stride %d, %d threads",
            pxs_kernels_name(set), pxs_method_name(pxs_kernels_method(set, s, pass)), (int)pass,
            s->n, s->h, s->w, s->cb, s->cs, s->kernel, s->stride, thread_counts[t]);
    }
}

/* Adam at once, on a gradient in cache, is Adam afterwards; weights of dead taps stay as they
 * are. */
static void same_update(const struct pxs_kernels *set, const struct pxs_conv_shape *s, size_t n,
                        const float *gradient) {
    const struct pxs_adam adam = {.lr = 1e-3, .b1 = 0.5, .b2 = 0.999, .t = 3};
    struct pxs_kernel_context ctx = context(set, 3, pxs_kernels_scratch(set, s, 0, 5));
    float *want = buffer(3 * n, 0), *got = buffer(3 * n, 0), *room = buffer(n, 0);
    fill_random(want, 1, n, 1, 1.0);
    memset(want + n, 0, 2 * n * sizeof *want);
    memcpy(got, want, 3 * n * sizeof *got);
    pxs_adam_step(&ctx, &adam, n, gradient, want, want + n, want + 2 * n);
    pxs_conv_weight_adam(&ctx, s, input, (size_t)s->cb + 1, input2, (size_t)s->cs + 1, room, &adam,
                         got, got + n, got + 2 * n);
    expect_same(got, want, 3 * n * sizeof *got, "%s, W with Adam, n %d, %d x %d, %d/%d channels",
                pxs_kernels_name(set), s->n, s->h, s->w, s->cb, s->cs);
}

START_TEST(same_bits_of_passes)
{
    random_start("same_bits_of_passes");
    const struct pxs_conv_shape *s = &conv_shapes[_i].s;
    struct sizes n = sizes_of(s);
    for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++) {
        if (!(conv_shapes[_i].passes & 1 << pass))
            continue;
        make_inputs(pass == PXS_PASS_UP ? n.small : n.big,
                    pass == PXS_PASS_WEIGHT ? n.small : n.weight);
        size_t n_out = pass == PXS_PASS_DOWN ? n.small
                       : pass == PXS_PASS_UP ? n.big
                                             : n.weight,
               n_ran = 0;
        float *want = buffer(n_out, 0), *got = buffer(n_out, 0);
        memset(want, 0, n_out * sizeof *want);
        struct ran ran[MAX_RAN];
        const struct pxs_kernels *set;
        for (size_t k = 0; (set = kernel_set(k)); k++)
            if (is_new(ran, &n_ran, set, s, pass)) {
                same_pass(set, s, pass, n_out, want, got);
                if (pass == PXS_PASS_WEIGHT)
                    same_update(set, s, n_out, want);
            }
        buffers_done();
    }
}
END_TEST

TCase *threads_case(void) {
    KERNEL_CASE("threads");
    tcase_add_loop_test(tcase, same_bits, 0, (int)PXS_COUNT(jobs));
    tcase_add_loop_test(tcase, same_bits_of_passes, 0, (int)PXS_COUNT(conv_shapes));
    return tcase;
}
