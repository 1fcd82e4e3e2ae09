/* A trained generator alone gives the numbers of the one that was trained, for any threads, batches
 * and sides. */
#include "model_tests.h"

#include <stdlib.h>
#include <string.h>

static char path[512];

static void set_up(void) {
    test_folder_make();
    snprintf(path, sizeof path, "%s/weights.safetensors", test_folder());
}

static struct pxs_trained *load(const struct pxs_params *p, struct pxs_pool *pool,
                                const char *kernels) {
    struct pxs_trained *g = NULL;
    struct pxs_error err = {.message = ""};
    ck_assert_msg(pxs_trained_create(p, path, pool, kernels, &g, &err) == PXS_OK, "%s",
                  err.message);
    ck_assert_int_eq(
        pxs_trained_resize(g, (int)p->img_height, (int)p->img_width, (int)p->batch_size, NULL),
        PXS_OK);
    return g;
}

/* The smallest pictures that this generator takes and a ResNet's blocks are wide for. The largest
 * ones take minutes under sanitizers, which have seen their layers in the others. */
static int side_of(int generator) {
    return generator == PXS_GENERATOR_UNET_32    ? 32
           : generator == PXS_GENERATOR_UNET_128 ? 128
           : generator == PXS_GENERATOR_UNET_256 ? 256
                                                 : 64;
}

static bool is_left_out(int generator) {
    return PXS_SANITIZED && side_of(generator) > 64;
}

/* Weights of some steps, in `path`. */
static struct pxs_pix2pix *train(const struct pxs_params *p) {
    struct pxs_pix2pix *m = model_create(p, 0, "auto");
    const size_t n = (size_t)p->batch_size * image_floats(p);
    float *source = random_pixels("trained/source", n), *target = random_pixels("trained/t", n);
    struct pxs_step_result l;
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 1, NULL), PXS_OK);
    for (int i = 0; i < 2; i++)
        pxs_pix2pix_step(m, source, target, (int)p->batch_size, (struct pxs_step_rates){1e-2, 1e-2},
                         i, &l);
    ck_assert_int_eq(pxs_pix2pix_save(m, PXS_NET_G, path, NULL, NULL, NULL, NULL, NULL), PXS_OK);
    free(source);
    free(target);
    return m;
}

/* Of every network there is, whose buffers are used anew by later layers here. */
START_TEST(same_as_in_training)
{
    struct pxs_params p = narrow(side_of(_i), side_of(_i), 3, 16, 4, 2);
    if (is_left_out(_i))
        return;
    p.generator = _i;
    p.dropout = 0.5;
    if (_i != PXS_GENERATOR_UNET)
        p.norm = _i % 2 ? PXS_NETWORK_NORM_BATCH : PXS_NETWORK_NORM_INSTANCE;
    struct pxs_pix2pix *m = train(&p);
    struct pxs_trained *g = load(&p, NULL, "auto");
    const size_t n = 2 * image_floats(&p);
    float *source = random_pixels("trained/new", n), *want = malloc(n * sizeof *want),
          *got = malloc(n * sizeof *got);
    pxs_pix2pix_show(m, source, 2, want);
    pxs_trained_run(g, source, 2, PXS_STATISTICS_RUNNING, false, 0, got);
    ck_assert_mem_eq(got, want, n * sizeof *got);

    /* With dropout other pictures, the same ones each time, by the seed. */
    float *again = malloc(n * sizeof *again);
    pxs_trained_run(g, source, 2, PXS_STATISTICS_RUNNING, true, 5, got);
    pxs_trained_run(g, source, 2, PXS_STATISTICS_RUNNING, true, 5, again);
    ck_assert_mem_eq(got, again, n * sizeof *got);
    if (_i != PXS_GENERATOR_UNET_32) { /* which has none */
        ck_assert_mem_ne(got, want, n * sizeof *got);
        pxs_trained_run(g, source, 2, PXS_STATISTICS_RUNNING, true, 6, again);
        ck_assert_mem_ne(got, again, n * sizeof *got);
    } else {
        ck_assert_mem_eq(got, want, n * sizeof *got);
    }
    free(again);
    free(source);
    free(want);
    free(got);
    pxs_trained_destroy(&g);
    model_destroy(&m);
}
END_TEST

/* Nine blocks need no more than six: outputs that nothing reads any more make room. */
START_TEST(a_resnet_takes_little)
{
    uint64_t bytes[2];
    for (int i = 0; i < 2; i++) {
        struct pxs_params p = narrow(64, 64, 3, 16, 4, 1);
        p.generator = i ? PXS_GENERATOR_RESNET_9 : PXS_GENERATOR_RESNET_6;
        p.dropout = 0;
        struct pxs_pix2pix *m = train(&p);
        struct pxs_trained *g = load(&p, NULL, "auto");
        bytes[i] = pxs_trained_bytes(g, 512, 512, 1);
        pxs_trained_destroy(&g);
        model_destroy(&m);
    }
    ck_assert_msg(bytes[1] < bytes[0] + bytes[0] / 100, "%llu, %llu", (unsigned long long)bytes[0],
                  (unsigned long long)bytes[1]);
}
END_TEST

/* Pictures of other sides than it was trained with, there and back. */
START_TEST(other_sides)
{
    const struct pxs_params p = narrow(32, 32, 3, 16, 4, 1);
    struct pxs_pix2pix *m = train(&p);
    struct pxs_trained *g = load(&p, NULL, "auto");
    struct pxs_error err;
    ck_assert_int_eq(pxs_trained_multiple(g), 32);
    const size_t small = image_floats(&p), large = small * 6;
    float *source = random_pixels("trained/large", large), *want = malloc(small * sizeof *want),
          *got = malloc(large * sizeof *got);
    pxs_trained_run(g, source, 1, PXS_STATISTICS_RUNNING, false, 0, want);
    ck_assert_int_eq(pxs_trained_resize(g, 64, 96, 1, &err), PXS_OK);
    ck_assert(pxs_trained_bytes(g, 64, 96, 1) > 2 * pxs_trained_bytes(g, 32, 32, 1));
    pxs_trained_run(g, source, 1, PXS_STATISTICS_RUNNING, false, 0, got);
    for (size_t i = 0; i < large; i++)
        ck_assert(got[i] >= -1 && got[i] <= 1);
    ck_assert_int_eq(pxs_trained_resize(g, 32, 32, 1, &err), PXS_OK);
    pxs_trained_run(g, source, 1, PXS_STATISTICS_RUNNING, false, 0, got);
    ck_assert_mem_eq(got, want, small * sizeof *got);
    free(source);
    free(want);
    free(got);
    pxs_trained_destroy(&g);
    model_destroy(&m);
}
END_TEST

/* A picture's numbers do not depend on those beside it, nor on threads. */
START_TEST(any_batch_and_threads)
{
    static const char *const kernels[] = {"auto", "auto-base", "blas"};
    const bool unet = _i == PXS_GENERATOR_UNET;
    struct pxs_params p = narrow(side_of(_i), side_of(_i), 3, 16, 4, unet ? 8 : 2);
    if (is_left_out(_i))
        return;
    const int most = unet ? 8 : 4;
    p.generator = _i;
    if (!unet)
        p.norm = _i % 2 ? PXS_NETWORK_NORM_BATCH : PXS_NETWORK_NORM_INSTANCE;
    struct pxs_pix2pix *m = train(&p);
    const size_t one = image_floats(&p), all = (size_t)most * one;
    float *source = random_pixels("trained/many", all), *want = malloc(all * sizeof *want),
          *got = malloc(all * sizeof *got);
    for (size_t k = 0; k < (unet ? PXS_COUNT(kernels) : 1); k++) {
        struct pxs_trained *g = load(&p, NULL, kernels[k]);
        ck_assert_int_eq(pxs_trained_resize(g, (int)p.img_height, (int)p.img_width, most, NULL),
                         PXS_OK);
        pxs_trained_run(g, source, most, PXS_STATISTICS_RUNNING, false, 0, want);
        pxs_trained_destroy(&g);
        for (int batch = PXS_SANITIZED ? 3 : 1; batch < most; batch += PXS_SANITIZED ? 4 : 2) {
            struct pxs_pool *pool = NULL;
            ck_assert_int_eq(pxs_pool_create(batch, &pool, NULL), PXS_OK);
            g = load(&p, pool, kernels[k]);
            ck_assert_int_eq(
                pxs_trained_resize(g, (int)p.img_height, (int)p.img_width, batch, NULL), PXS_OK);
            for (int at = 0; at < most; at += batch)
                pxs_trained_run(g, source + (size_t)at * one, at + batch < most ? batch : most - at,
                                PXS_STATISTICS_RUNNING, false, 0, got + (size_t)at * one);
            for (size_t i = 0; i < all; i++)
                ck_assert_msg(got[i] == want[i], "%s, batch %d: number %zu of picture %zu",
                              kernels[k], batch, i % one, i / one);
            pxs_trained_destroy(&g);
            pxs_pool_destroy(&pool);
        }
    }
    free(source);
    free(want);
    free(got);
    model_destroy(&m);
}
END_TEST

TCase *trained_case(void) {
    TCase *tcase = tcase_create("trained");
    tcase_add_checked_fixture(tcase, set_up, test_folder_remove);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, same_as_in_training, 0, PXS_VALUES_generator);
    tcase_add_test(tcase, a_resnet_takes_little);
    tcase_add_test(tcase, other_sides);
    tcase_add_loop_test(tcase, any_batch_and_threads, 0, PXS_VALUES_generator);
    return tcase;
}
