/* How fast each convolution pass of each set is, on one thread: kerncheck --bench. Measures, judges
 * nothing. */
#include "kernel_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The stride-2 layers of the 64 px network at batch 8 and of the 256 px network at batch 1:
 * discriminator, down path, up path. */
static const struct pxs_conv_shape layers_64[] = {
    HALVING(8, 32, 32, 6, 64),  HALVING(8, 32, 32, 3, 64),   HALVING(8, 16, 16, 64, 128),
    HALVING(8, 8, 8, 128, 256), HALVING(8, 4, 4, 256, 512),  HALVING(8, 2, 2, 512, 512),
    HALVING(8, 1, 1, 512, 512), HALVING(8, 2, 2, 512, 1024), HALVING(8, 4, 4, 256, 1024),
    HALVING(8, 8, 8, 128, 512), HALVING(8, 16, 16, 64, 256),
};
static const struct pxs_conv_shape layers_256[] = {
    HALVING(1, 128, 128, 6, 64),   HALVING(1, 128, 128, 3, 64),  HALVING(1, 64, 64, 64, 128),
    HALVING(1, 32, 32, 128, 256),  HALVING(1, 16, 16, 256, 512), HALVING(1, 8, 8, 512, 512),
    HALVING(1, 4, 4, 512, 512),    HALVING(1, 2, 2, 512, 512),   HALVING(1, 1, 1, 512, 512),
    HALVING(1, 2, 2, 512, 1024),   HALVING(1, 4, 4, 512, 1024),  HALVING(1, 8, 8, 512, 1024),
    HALVING(1, 16, 16, 256, 1024), HALVING(1, 32, 32, 128, 512), HALVING(1, 64, 64, 64, 256),
};
/* The convolutions of resnet_9blocks at 256 px (both ends, halvings, blocks, one up) and of
 * n_layers behind its halvings. */
static const struct pxs_conv_shape layers_more[] = {
    CONVOLUTION(1, 64, 64, 256, 256, 3, 1, 1, true),
    CONVOLUTION(1, 256, 256, 64, 128, 3, 2, 1, false),
    CONVOLUTION(1, 128, 128, 128, 256, 3, 2, 1, false),
    CONVOLUTION(1, 256, 256, 3, 64, 7, 1, 3, true),
    CONVOLUTION(1, 256, 256, 64, 3, 7, 1, 3, true),
    CONVOLUTION(1, 32, 32, 256, 512, 4, 1, 1, false),
    CONVOLUTION(1, 31, 31, 512, 1, 4, 1, 1, false),
    HALVING(1, 128, 128, 3, 128),
    CONVOLUTION(1, 256, 256, 6, 64, 1, 1, 0, false),
};
static const char *const pass_names[] = {"down", "up", "weight"};
enum { ROUNDS = 9 };

struct entry {
    const struct pxs_kernels *set;
    enum pxs_pass pass;
    double seconds[ROUNDS];
};

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool is_wanted(const char *only, const struct pxs_kernels *set, enum pxs_pass pass) {
    if (!only || !strcmp(only, pass_names[pass]))
        return true;
    const char *name = pxs_kernels_name(set);
    size_t len = strcspn(name, "-");
    return !strcmp(only, name) || (strlen(only) == len && !strncmp(only, name, len));
}

static void run(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                enum pxs_pass pass, float *big, float *small, float *weight) {
    size_t cb = (size_t)s->cb, cs = (size_t)s->cs;
    if (pass == PXS_PASS_DOWN)
        pxs_conv_down(ctx, s, big, cb, weight, small, cs);
    else if (pass == PXS_PASS_UP)
        pxs_conv_up(ctx, s, small, cs, weight, big, cb, false);
    else
        pxs_conv_weight(ctx, s, big, cb, small, cs, weight);
}

/* Seconds that this process has computed: others on the machine count less than by the clock. */
static double computed(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

static size_t bench_layer(const struct pxs_conv_shape *s, const char *only) {
    struct entry entries[3 * MAX_RAN];
    size_t n = 0, floats = 0;
    const struct pxs_kernels *set;
    for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++) {
        struct ran ran[MAX_RAN];
        size_t n_ran = 0;
        for (size_t i = 0; (set = kernel_set(i)); i++)
            if (is_wanted(only, set, pass) && is_new(ran, &n_ran, set, s, pass)) {
                size_t need = pxs_kernels_scratch(set, s, 0, 1);
                floats = need > floats ? need : floats;
                entries[n++] = (struct entry){.set = set, .pass = pass};
            }
    }
    if (n == 0)
        return 0;
    size_t n_big = big_pixels(s) * (size_t)s->cb, n_small = small_pixels(s) * (size_t)s->cs,
           n_weight = weight_count(s);
    float *big = buffer(n_big, 0), *small = buffer(n_small, 0), *weight = buffer(n_weight, 0);
    struct pxs_kernel_context ctx = context(NULL, 0, floats);
    for (int round = -1; round < ROUNDS; round++) /* the first warms up */
        for (size_t i = 0; i < n; i++) {
            fill_random(big, 1, n_big, 1, 1.0); /* passes write one another's inputs */
            fill_random(small, 1, n_small, 1, 1.0);
            fill_random(weight, 1, n_weight, 1, 0.05);
            ctx.set = entries[i].set;
            double start = computed();
            run(&ctx, s, entries[i].pass, big, small, weight);
            if (round >= 0)
                entries[i].seconds[round] = computed() - start;
        }
    double flop = 2.0 * (double)(small_pixels(s) * n_weight);
    for (size_t i = 0; i < n; i++) {
        struct entry *e = &entries[i];
        qsort(e->seconds, ROUNDS, sizeof *e->seconds, by_size);
        printf("%d x %3d x %3d %4d/%4d %dx%d s%d  %-6s %-13s %-6s %9.3f %9.3f ms %8.1f GFLOP/s\n",
               s->n, s->h, s->w, s->cb, s->cs, s->kernel, s->kernel, s->stride, pass_names[e->pass],
               pxs_kernels_name(e->set), pxs_method_name(pxs_kernels_method(e->set, s, e->pass)),
               e->seconds[0] * 1e3, e->seconds[ROUNDS / 2] * 1e3, flop / e->seconds[0] * 1e-9);
    }
    fflush(stdout);
    buffers_done();
    return n;
}

/* Buffers and contexts want to run within a test. */
static const struct pxs_conv_shape *layers;
static const char *wanted;
static size_t measured;

START_TEST(layer)
{
    random_start("bench");
    measured += bench_layer(&layers[_i], wanted);
}
END_TEST

int bench(const char *only, enum bench_layers which) {
    static const struct {
        const struct pxs_conv_shape *layers;
        size_t n;
    } lists[] = {[BENCH_64] = {layers_64, PXS_COUNT(layers_64)},
                 [BENCH_256] = {layers_256, PXS_COUNT(layers_256)},
                 [BENCH_MORE] = {layers_more, PXS_COUNT(layers_more)}};
    size_t n = lists[which].n;
    layers = lists[which].layers;
    wanted = only;
    printf("one thread, %d rounds; minimum, median, GFLOP/s of the direct count at the minimum\n",
           ROUNDS);
    Suite *suite = suite_create("bench");
    KERNEL_CASE("bench");
    tcase_add_loop_test(tcase, layer, 0, (int)n);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    bool failed = srunner_ntests_failed(runner) > 0;
    srunner_free(runner);
    if (measured == 0)
        fprintf(stderr, "no set or pass '%s'\n", only);
    return measured && !failed ? 0 : 2;
}
