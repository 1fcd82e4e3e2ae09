/* Classes of bits: kernel sets that are said to agree do, to the last bit; what does not is told
 * apart by the right part. */
#include "model_tests.h"

#include <stdlib.h>
#include <string.h>

static struct pxs_bits bits_of(const struct pxs_params *p, const struct pxs_kernels *set) {
    struct pxs_bits b;
    pxs_pix2pix_bits(p, set, &b);
    return b;
}

static bool same_class(const struct pxs_bits *a, const struct pxs_bits *b) {
    return a->methods == b->methods && a->fused == b->fused && a->blas == b->blas;
}

/* Some steps, with a short batch among them, and a picture. */
static void train_with(const struct pxs_params *p, const struct pxs_kernels *set,
                       char hash[PXS_SHA256_HEX], float *fake) {
    const int n = (int)p->batch_size;
    const size_t floats = (size_t)n * image_floats(p);
    struct pxs_pix2pix *m = model_create(p, 2, pxs_kernels_name(set));
    float *source = random_pixels("class/source", floats),
          *target = random_pixels("class/target", floats);
    struct pxs_step_result losses;
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 3, NULL), PXS_OK);
    for (int step = 0; step < 2; step++)
        pxs_pix2pix_step(m, source, target, step == 0 ? 1 : n, (struct pxs_step_rates){1e-3, 1e-3},
                         step, &losses);
    pxs_pix2pix_generate(m, source, n, PXS_STATISTICS_RUNNING, 0, 0, fake);
    pxs_pix2pix_hash(m, hash);
    free(source);
    free(target);
    model_destroy(&m);
}

static const struct {
    int ngf, ndf, channels, height, batch;
} shapes[] = {
    {16, 16, 3, 64, 2}, {16, 16, 1, 32, 5}, {4, 4, 3, 32, 2}, {16, 6, 3, 32, 2}, {8, 16, 1, 64, 3}};

START_TEST(sets_of_one_class_give_the_same_bits)
{
    enum { MOST = 16 };
    struct pxs_params p = narrow(shapes[_i].height, 32, shapes[_i].channels, shapes[_i].ngf,
                                 shapes[_i].ndf, shapes[_i].batch);
    p.dropout = 0.5;
    const struct pxs_kernels *set[MOST];
    char hash[MOST][PXS_SHA256_HEX];
    const size_t floats = (size_t)p.batch_size * image_floats(&p);
    float *fake[MOST];
    size_t n = 0, equal = 0, different = 0;
    for (; (set[n] = pxs_kernels_at(n)) != NULL; n++) {
        ck_assert_uint_lt(n + 1, MOST);
        fake[n] = malloc(floats * sizeof(float));
        train_with(&p, set[n], hash[n], fake[n]);
    }
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < a; b++) {
            const struct pxs_bits of_a = bits_of(&p, set[a]), of_b = bits_of(&p, set[b]);
            const bool same = same_class(&of_a, &of_b);
            ck_assert_msg(!same || (strcmp(hash[a], hash[b]) == 0 &&
                                    memcmp(fake[a], fake[b], floats * sizeof(float)) == 0),
                          "%s and %s are one class at ngf %d, ndf %d, but give other bits",
                          pxs_kernels_name(set[a]), pxs_kernels_name(set[b]), shapes[_i].ngf,
                          shapes[_i].ndf);
            equal += same;
            different += strcmp(hash[a], hash[b]) != 0;
        }
    ck_assert_uint_gt(different, 0);
    /* and AVX2 */
    if (pxs_kernels_fused(set[0]) && !strcmp(pxs_kernels_name(set[0]), "auto-avx512"))
        ck_assert_uint_gt(equal, 0);
    for (size_t i = 0; i < n; i++)
        free(fake[i]);
}
END_TEST

/* By the names that this build knows, on any CPU. */
START_TEST(what_is_one_class_and_what_is_not)
{
    const struct pxs_kernels *wide = pxs_kernels_known("auto-avx512"),
                             *fused = pxs_kernels_known("auto-avx2"),
                             *plain = pxs_kernels_known("auto-base"),
                             *blas = pxs_kernels_known("blas");
    const struct pxs_params usual = narrow(64, 64, 3, 64, 64, 8),
                            odd = narrow(64, 64, 3, 64, 12, 8);
    ck_assert_ptr_nonnull(plain);
    ck_assert_ptr_nonnull(blas);
    ck_assert_ptr_null(pxs_kernels_known("auto"));
    ck_assert_ptr_null(pxs_kernels_known("auto-sse9"));
    ck_assert(!bits_of(&usual, plain).blas && !bits_of(&usual, plain).fused);
    ck_assert(bits_of(&usual, blas).blas && !bits_of(&usual, blas).fused);
    /* the discriminator's first layer has 12 small channels */
    ck_assert(bits_of(&odd, plain).blas);
    ck_assert_uint_ne(bits_of(&usual, plain).methods, bits_of(&usual, blas).methods);
    ck_assert_uint_ne(bits_of(&usual, plain).methods,
                      bits_of(&usual, pxs_kernels_known("direct-base")).methods);
    if (!wide || !fused)
        return; /* not on this kind of machine */
    const struct pxs_bits a = bits_of(&usual, wide), b = bits_of(&usual, fused);
    ck_assert(same_class(&a, &b) && a.fused && !a.blas);
    ck_assert_uint_eq(a.methods, bits_of(&usual, plain).methods);
    ck_assert(bits_of(&odd, wide).blas && bits_of(&odd, wide).fused);
}
END_TEST

TCase *bits_case(void) {
    TCase *c = tcase_create("bits");
    tcase_set_timeout(c, 120);
    /* what sanitizers ask of all the sets, two shapes answer */
    tcase_add_loop_test(c, sets_of_one_class_give_the_same_bits, 0,
                        PXS_SANITIZED ? 2 : (int)PXS_COUNT(shapes));
    tcase_add_test(c, what_is_one_class_and_what_is_not);
    return c;
}
