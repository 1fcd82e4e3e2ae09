/* DESIGN 10: the same bits for any number of threads. Every kernel, on shapes that are cut into many pieces. */
#include "kernel_tests.h"

#include <string.h>

static const int thread_counts[] = {1, 2, 3, 5};

/* One job: writes everything that it computes to `out`, which is `floats` long. */
struct job {
    const char *name;
    size_t floats;
    void (*run)(const struct pxs_kernel_context *ctx, float *out);
    size_t (*scratch)(void);
};

/* Inputs: the same for every run. */
enum { INPUT = 1 << 22 };
static float *input, *input2;

static const struct pxs_conv_shape conv_shape = {3, 9, 12, 70, 68};
static const struct pxs_conv_shape slab_shape = {4, 32, 64, 96, 8}; /* im2col of it exceeds a slab */
static const struct pxs_conv_shape deep_shape = {8, 1, 1, 128, 512};
static const struct pxs_head_shape head_shape = {3, 33, 29, 40, 3, 2}, patch_shape = {3, 12, 17, 128, 1, 1};
static const struct pxs_block_shape norm_shape = {3, 150, 200, true, 0.2f},
                                    plain_shape = {2, 150, 200, false, 0.2f};

static void run_down(const struct pxs_kernel_context *ctx, float *out) {
    pxs_conv_down(ctx, &conv_shape, input, 71, input2, out, 68);
}
static void run_down_slabs(const struct pxs_kernel_context *ctx, float *out) {
    pxs_conv_down(ctx, &slab_shape, input, 96, input2, out, 8);
    pxs_conv_down(ctx, &deep_shape, input, 128, input2, out + 65536, 512);
}
static void run_up(const struct pxs_kernel_context *ctx, float *out) {
    pxs_conv_up(ctx, &conv_shape, input, 70, input2, out, 71, false);
    pxs_conv_up(ctx, &conv_shape, input, 70, input2, out, 71, true);
}
static void run_up_slabs(const struct pxs_kernel_context *ctx, float *out) {
    pxs_conv_up(ctx, &slab_shape, input, 8, input2, out, 96, false);
}
static void run_weight(const struct pxs_kernel_context *ctx, float *out) {
    pxs_conv_weight(ctx, &conv_shape, input, 71, input2, 68, out);
    pxs_conv_weight(ctx, &deep_shape, input, 128, input2, 512, out + 16 * 70 * 68);
    pxs_conv_weight(ctx, &slab_shape, input, 96, input2, 8, out + 16 * 70 * 68 + 16 * 128 * 512);
}
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
        pxs_gemm_run(ctx->pool, &g);
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
    pxs_head_backward(ctx, &patch_shape, input, 128, input2, input2, out, 128, out + 3 * 12 * 17 * 128);
}
static void run_block(const struct pxs_kernel_context *ctx, float *out, const struct pxs_block_shape *s) {
    struct pxs_dropout drop = {.p = 0.5, .seed = 9, .stream = PXS_STREAM_DROPOUT, .a = 1, .b = 2};
    size_t n = (size_t)(s->n * s->hw * s->c);
    float *x = out, *y = out + n, *stats = y + n, *dx = stats + s->n * 2 * s->c;
    uint8_t *mask = (uint8_t *)(dx + n);
    memcpy(x, input, n * sizeof *x);
    pxs_block_forward(ctx, s, &drop, x, input2, stats, mask, y, (size_t)s->c);
    pxs_block_backward(ctx, s, drop.p, x, stats, mask, input2, (size_t)s->c + 1, dx);
}
static void run_norm(const struct pxs_kernel_context *ctx, float *out) {
    run_block(ctx, out, &norm_shape);
}
static void run_plain(const struct pxs_kernel_context *ctx, float *out) {
    run_block(ctx, out, &plain_shape);
}
static void run_elements(const struct pxs_kernel_context *ctx, float *out) {
    enum { N = 100001 };
    double losses[3];
    losses[0] = pxs_mse_constant(ctx, input, N, 1.0f, 0.5f, out);
    losses[1] = pxs_bce_constant(ctx, input, N, 1.0f, 0.5f, out + N);
    losses[2] = pxs_l1(ctx, input, input2, N, 10.0f, out + 2 * N);
    pxs_tanh_backward(ctx, input, N, out + 2 * N);
    memcpy(out + 3 * N, losses, sizeof losses);
    out += 3 * N + 6;
    pxs_sum_pixels(ctx, input, 1001, 333, out);
    pxs_copy_channels(ctx, input, 100, out + 333, 101, 500, 100, false);
    pxs_copy_channels(ctx, input2, 100, out + 333, 101, 500, 100, true);
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
    {"down", 3 * 9 * 12 * 68, run_down, NULL},
    {"down, slabs and deep", 65536 + 8 * 512, run_down_slabs, NULL},
    {"up", 3 * 18 * 24 * 71, run_up, NULL},
    {"up, slabs", 4 * 64 * 128 * 96, run_up_slabs, NULL},
    {"weight", 16 * 70 * 68 + 16 * 128 * 512 + 16 * 96 * 8, run_weight, NULL},
    {"gemm", 4 * 310 * 150, run_gemm, NULL},
    {"head", 3 * 66 * 58 * 3 + 3 * 33 * 29 * 40 + 40 * 48, run_head, NULL},
    {"patch", 3 * 12 * 17 + 3 * 12 * 17 * 128 + 128 * 16, run_patch, NULL},
    {"norm", 3 * 90000 + 1200 + 90000 / 4 + 1, run_norm, NULL},
    {"no norm", 3 * 60000 + 800 + 60000 / 4 + 1, run_plain, NULL},
    {"elements", 3 * 100001 + 6 + 333 + 50500 + 100001, run_elements, NULL},
    {"adam", 3 * 300001, run_adam, NULL},
};

static size_t scratch_for_all(const struct pxs_kernels *set) {
    size_t sizes[] = {pxs_kernels_scratch(set, &conv_shape, 5), pxs_kernels_scratch(set, &slab_shape, 5),
                      pxs_kernels_scratch(set, &deep_shape, 5), pxs_head_scratch(set, &head_shape, 5),
                      pxs_head_scratch(set, &patch_shape, 5)};
    size_t most = 0;
    for (size_t i = 0; i < PXS_COUNT(sizes); i++)
        most = sizes[i] > most ? sizes[i] : most;
    return most;
}

START_TEST(same_bits)
{
    random_start("same_bits");
    const struct job *job = &jobs[_i];
    const struct pxs_kernels *set;
    for (size_t k = 0; (set = kernel_set(k)); k++) {
        input = buffer(INPUT, 0);
        input2 = buffer(INPUT, 0);
        fill_random(input, 1, INPUT, 1, 1.0);
        fill_random(input2, 1, INPUT, 1, 1.0);
        float *want = buffer(job->floats, 0), *got = buffer(job->floats, 0);
        struct pxs_kernel_context none = context(set, 0, scratch_for_all(set));
        job->run(&none, want);
        for (size_t t = 0; t < 2 * PXS_COUNT(thread_counts); t++) {
            struct pxs_kernel_context ctx = context(set, thread_counts[t / 2], 0);
            ctx.scratch = none.scratch;
            memset(got, 0xff, job->floats * sizeof *got);
            memcpy(got, buffer(job->floats, 0), job->floats * sizeof *got);
            job->run(&ctx, got);
            expect_same(got, want, job->floats * sizeof *got, "%s, %s, %d threads", pxs_kernels_name(set),
                        job->name, thread_counts[t / 2]);
        }
        buffers_done();
    }
}
END_TEST

TCase *threads_case(void) {
    KERNEL_CASE("threads");
    tcase_add_loop_test(tcase, same_bits, 0, (int)PXS_COUNT(jobs));
    return tcase;
}
