/* What training steps promise beyond their numbers: the same bits for any thread count, learning,
 * and NaN shown. */
#include "model_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const struct pxs_step_rates rates = {2e-4, 1e-4};

/* ---- allocations, counted (the linker puts these in front of the real ones) ----------------- */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
int __real_posix_memalign(void **p, size_t align, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
int __wrap_posix_memalign(void **p, size_t align, size_t bytes);
void *__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);

static atomic_int allocations;

void *__wrap_malloc(size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    return __real_malloc(bytes);
}
void *__wrap_calloc(size_t n, size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    return __real_calloc(n, bytes);
}
void *__wrap_realloc(void *p, size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    return __real_realloc(p, bytes);
}
int __wrap_posix_memalign(void **p, size_t align, size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    return __real_posix_memalign(p, align, bytes);
}
void *__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset) {
    atomic_fetch_add(&allocations, 1);
    return __real_mmap(at, bytes, prot, flags, fd, offset);
}

START_TEST(allocates_nothing_in_a_step)
{
    const struct pxs_kernels *set = pxs_kernels_at((size_t)_i);
    if (!set)
        return;
    struct pxs_params p = narrow(64, 64, 3, 16, 16, 2);
    p.dropout = 0.5;
    struct pxs_pix2pix *m = model_create(&p, 2, pxs_kernels_name(set));
    float *source = random_pixels("no/source", 2 * image_floats(&p)),
          *target = random_pixels("no/target", 2 * image_floats(&p));
    float *fake = random_pixels("no/fake", 2 * image_floats(&p));
    struct pxs_step_result losses;
    ck_assert_int_gt(atomic_load(&allocations), 20); /* the counters count; so do check's own */
    int before = atomic_load(&allocations);
    for (int step = 0; step < 2; step++)
        pxs_pix2pix_step(m, source, target, 2, rates, step, &losses);
    pxs_pix2pix_generate(m, source, 1, PXS_STATISTICS_RUNNING, 0, 0, fake);
    int after = atomic_load(&allocations);
    ck_assert_int_eq(after, before);
    free(source);
    free(target);
    free(fake);
    model_destroy(&m);
}
END_TEST

/* ---- the same bits -------------------------------------------------------------------------- */

static void see_gradient(void *user, const struct pxs_weight *w, const float *grad) {
    *(double *)user += (double)grad[w->count / 2];
}

enum { STEPS = PXS_SANITIZED ? 2 : 4 };

/* Some steps with dropout, the second batch short; the losses of all steps and the weights' hash.
 * Width 8 stays with OpenBLAS, 16 takes the fast kernels. */
static void train_steps(const char *kernels, int width, int64_t seed, int batch_size, int threads,
                        bool watched, struct pxs_step_result losses[STEPS],
                        char hash[PXS_SHA256_HEX]) {
    struct pxs_params p = narrow(64, 64, 3, width, width, batch_size);
    p.dropout = 0.5;
    p.seed = seed;
    struct pxs_pix2pix *m = model_create(&p, threads, kernels);
    size_t image = image_floats(&p);
    float *source = random_pixels("bits/source", 4 * image),
          *target = random_pixels("bits/target", 4 * image);
    double seen = 0;
    if (watched)
        pxs_pix2pix_on_gradient(m, see_gradient, &seen);
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 5, NULL), PXS_OK);
    for (int step = 0; step < STEPS; step++)
        pxs_pix2pix_step(m, source, target, step == 1 ? 3 : 4, rates, step, &losses[step]);
    pxs_pix2pix_hash(m, hash);
    free(source);
    free(target);
    model_destroy(&m);
}

START_TEST(same_bits_for_any_threads)
{
    struct pxs_step_result want[STEPS], got[STEPS];
    char first[PXS_SHA256_HEX], hash[PXS_SHA256_HEX];
    int width = _i ? 16 : 8;
    train_steps("auto", width, 1, 4, 1, false, want, first);
    for (int threads = 0; threads <= 3; threads++) {
        train_steps("auto", width, 1, 4, threads, false, got, hash);
        ck_assert_mem_eq(got, want, sizeof want);
        ck_assert_str_eq(hash, first);
    }
    /* buffers for larger batches: no difference */
    train_steps("auto", width, 1, 7, 2, false, got, hash);
    ck_assert_str_eq(hash, first);
    train_steps("auto", width, 1, 4, 2, true, got,
                hash); /* gradients that go through memory before Adam: no difference */
    ck_assert_str_eq(hash, first);
    train_steps("auto", width, 2, 4, 2, false, got, hash); /* other masks */
    ck_assert_str_ne(hash, first);
}
END_TEST

/* Both multiply and add in one rounding, and a result is a sum in the same order for both. */
START_TEST(same_bits_with_avx2_and_avx512)
{
    static const char *const sets[] = {"auto", "direct", "f2", "f4"};
    struct pxs_step_result losses[STEPS];
    char avx2[PXS_SHA256_HEX], avx512[PXS_SHA256_HEX], name[32];
    const struct pxs_kernels *set;
    snprintf(name, sizeof name, "%s-avx512", sets[_i]);
    if (pxs_kernels_select(name, &set, NULL) != PXS_OK)
        return; /* nothing to compare on this CPU */
    train_steps(name, 16, 1, 4, 2, false, losses, avx512);
    snprintf(name, sizeof name, "%s-avx2", sets[_i]);
    train_steps(name, 16, 1, 4, 2, false, losses, avx2);
    ck_assert_str_eq(avx2, avx512);
}
END_TEST

START_TEST(learns)
{
    struct pxs_params p = narrow(32, 32, 3, 8, 4, 2);
    p.gan_mode = _i;
    struct pxs_pix2pix *m = model_create(&p, 2, "auto");
    float *source = random_pixels("learns/source", 2 * image_floats(&p)),
          *target = random_pixels("learns/target", 2 * image_floats(&p));
    /* an even picture each: found within the steps */
    for (size_t i = 0; i < 2 * image_floats(&p); i++)
        target[i] = i < image_floats(&p) ? 0.5f : -0.25f;
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 1, NULL), PXS_OK);
    struct pxs_step_result first, last;
    pxs_pix2pix_step(m, source, target, 2, rates, 0, &first);
    for (int step = 1; step < 150; step++)
        pxs_pix2pix_step(m, source, target, 2, (struct pxs_step_rates){2e-3, 1e-4}, step, &last);
    ck_assert_double_lt(last.loss_pixel, 0.5 * first.loss_pixel);
    ck_assert_double_eq_tol(last.loss_G, last.loss_GAN + 10 * last.loss_pixel, 1e-12);
    ck_assert_double_eq_tol(last.loss_D, 0.5 * (last.loss_real + last.loss_fake), 1e-12);
    float *fake = malloc(2 * image_floats(&p) * sizeof *fake);
    pxs_pix2pix_generate(m, source, 2, PXS_STATISTICS_RUNNING, 0, 0, fake);
    double l1 = 0;
    for (size_t i = 0; i < 2 * image_floats(&p); i++)
        l1 += fabs((double)fake[i] - (double)target[i]) / (2.0 * (double)image_floats(&p));
    ck_assert_double_eq_tol(pxs_pix2pix_l1(m, fake, target, 2 * image_floats(&p)), l1, 1e-9);
    ck_assert_double_lt(l1, 0.5 * first.loss_pixel);
    free(fake);
    free(source);
    free(target);
    model_destroy(&m);
}
END_TEST

/* With rate 0 a network stays as it is, whatever the other does. */
START_TEST(each_rate_its_network)
{
    struct pxs_params p = narrow(32, 32, 1, 4, 4, 1);
    float *source = random_pixels("rates/source", image_floats(&p)),
          *target = random_pixels("rates/target", image_floats(&p));
    for (int k = 0; k < 2; k++) {
        struct pxs_pix2pix *m = model_create(&p, 0, "auto");
        ck_assert_int_eq(pxs_pix2pix_randomise(m, 1, NULL), PXS_OK);
        struct pxs_weight **w[2];
        float before[2], after[2];
        for (int net = 0; net < 2; net++) {
            ck_assert_uint_gt(pxs_pix2pix_weights(m, (enum pxs_net)net, &w[net]), 0);
            before[net] = w[net][0]->value[0];
        }
        struct pxs_step_result losses;
        pxs_pix2pix_step(m, source, target, 1,
                         (struct pxs_step_rates){k == 0 ? 0 : 1e-3, k == 1 ? 0 : 1e-3}, 0, &losses);
        for (int net = 0; net < 2; net++) {
            after[net] = w[net][0]->value[0];
            ck_assert_msg((after[net] == before[net]) == (k == net), "network %d, rate of %d is 0",
                          net, k);
        }
        model_destroy(&m);
    }
    free(source);
    free(target);
}
END_TEST

START_TEST(generating)
{
    struct pxs_params p = narrow(64, 32, 3, 6, 4, 3);
    p.dropout = 0.5;
    p.seed = 3;
    struct pxs_pix2pix *m = model_create(&p, 2, "auto");
    size_t image = image_floats(&p), bytes = 3 * image * sizeof(float);
    float *source = random_pixels("generating", 3 * image), *a = malloc(bytes), *b = malloc(bytes);
    char before[PXS_SHA256_HEX], after[PXS_SHA256_HEX];
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 1, NULL), PXS_OK);
    pxs_pix2pix_hash(m, before);
    pxs_pix2pix_generate(m, source, 3, PXS_STATISTICS_RUNNING, 0, 0, a);
    pxs_pix2pix_generate(m, source, 3, PXS_STATISTICS_RUNNING, 0, 9,
                         b); /* without dropout: a function of the source */
    ck_assert_mem_eq(a, b, bytes);
    for (size_t i = 0; i < 3 * image; i++)
        ck_assert(a[i] >= -1 && a[i] <= 1);
    /* images of a batch do not know each other */
    pxs_pix2pix_generate(m, source + image, 1, PXS_STATISTICS_RUNNING, 0, 0, b);
    for (size_t i = 0; i < image; i++)
        ck_assert_float_eq_tol(b[i], a[image + i], 1e-5f);
    pxs_pix2pix_generate(m, source, 3, PXS_STATISTICS_RUNNING, PXS_STREAM_VALIDATE, 4, a);
    pxs_pix2pix_generate(m, source, 3, PXS_STATISTICS_RUNNING, PXS_STREAM_VALIDATE, 4, b);
    ck_assert_mem_eq(a, b, bytes);
    pxs_pix2pix_generate(m, source, 3, PXS_STATISTICS_RUNNING, PXS_STREAM_VALIDATE, 5,
                         b); /* other masks */
    ck_assert_mem_ne(a, b, bytes);
    pxs_pix2pix_generate(m, source, 3, PXS_STATISTICS_RUNNING, 0, 0, b);
    ck_assert_mem_ne(a, b, bytes);
    pxs_pix2pix_hash(m, after);
    ck_assert_str_eq(before, after);
    free(source);
    free(a);
    free(b);
    model_destroy(&m);
}
END_TEST

/* One NaN, in a weight of either network or in a picture, shows in the losses of the same step. */
START_TEST(nan_shows)
{
    struct pxs_params p = narrow(32, 32, 3, 4, 4, 2);
    p.gan_mode = _i;
    size_t n = 2 * image_floats(&p);
    float *source = random_pixels("nan/source", n), *target = random_pixels("nan/target", n),
          kept = source[7];
    for (int place = 0; place < 4; place++) {
        struct pxs_pix2pix *m = model_create(&p, 0, "auto");
        struct pxs_weight **w;
        struct pxs_step_result l;
        ck_assert_int_eq(pxs_pix2pix_randomise(m, 1, NULL), PXS_OK);
        if (place < 2) {
            ck_assert_uint_gt(pxs_pix2pix_weights(m, (enum pxs_net)place, &w), 2);
            w[2]->value[5] = NAN;
        }
        source[7] = place == 2 ? NAN : kept;
        target[7] = place == 3 ? NAN : 0.5f;
        pxs_pix2pix_step(m, source, target, 2, rates, 0, &l);
        ck_assert_msg(isnan(l.loss_G), "place %d: loss_G %g", place, l.loss_G);
        ck_assert_msg(isnan(l.loss_D), "place %d: loss_D %g", place, l.loss_D);
        model_destroy(&m);
    }
    free(source);
    free(target);
}
END_TEST

TCase *step_case(void) {
    TCase *tcase = tcase_create("step");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, same_bits_for_any_threads, 0, 2);
    tcase_add_loop_test(tcase, same_bits_with_avx2_and_avx512, 0, 4);
    tcase_add_loop_test(tcase, allocates_nothing_in_a_step, 0, 16);
    tcase_add_loop_test(tcase, learns, 0, 2);
    tcase_add_test(tcase, each_rate_its_network);
    tcase_add_test(tcase, generating);
    tcase_add_loop_test(tcase, nan_shows, 0, 2);
    return tcase;
}
