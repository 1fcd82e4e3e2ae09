/* Values, augmentation and order of batches. */
#include "data/data_tests.h"

#include <stdlib.h>
#include <string.h>

enum { N = 12, SIDE = 8, J = 3, FLOATS = SIDE * SIDE * 3 };

static struct pxs_dataset *set;

static void setup(void) {
    test_folder_make();
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/%02d.png", i);
        struct pxs_image pair = picture(i, 40, 20, 3);
        put_png(name, &pair);
        pxs_image_finish(&pair);
    }
    put_pair("val/x.png", 100);
    struct pxs_dataset_options o = small_options();
    o.jitter = J;
    set = load(&o);
}

static void teardown(void) {
    pxs_dataset_destroy(&set);
    test_folder_remove();
}

struct batch {
    float source[N][FLOATS], target[N][FLOATS];
};

static void get(struct batch *b, uint32_t from, uint32_t n, const struct pxs_augment *augment) {
    uint32_t indices[N];
    for (uint32_t i = 0; i < n; i++)
        indices[i] = from + i;
    pxs_dataset_batch(set, PXS_SPLIT_TRAIN, indices, n, augment, b->source[0], b->target[0]);
}

/* What float32 arithmetic in the order of torch's ToTensor and Normalize(0.5, 0.5) gives
 * (numpy). */
START_TEST(values_are_torchs)
{
    struct pxs_image pair;
    ck_assert_int_eq(pxs_image_create(&pair, 16, 8, 3, NULL), PXS_OK);
    const uint8_t bytes[] = {0, 1, 2, 3, 77, 100, 127, 128, 200, 253, 254, 255};
    const float expected[] = {-0x1.0p+0f,      -0x1.fbfbfcp-1f, -0x1.f7f7f8p-1f, -0x1.f3f3f4p-1f,
                              -0x1.959594p-2f, -0x1.b9b9b8p-3f, -0x1.0101p-8f,   0x1.0102p-8f,
                              0x1.232324p-1f,  0x1.f7f7f8p-1f,  0x1.fbfbfcp-1f,  0x1.0p+0f};
    memcpy(pair.pixels + 24, bytes, sizeof bytes); /* the right half's first row: the source */
    put_png("train/00.png", &pair);
    pxs_image_finish(&pair);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *one = load(&o);
    float source[FLOATS], target[FLOATS];
    pxs_dataset_batch(one, PXS_SPLIT_TRAIN, (uint32_t[]){0}, 1, NULL, source, target);
    ck_assert_mem_eq(source, expected, sizeof expected);
    pxs_dataset_destroy(&one);
}
END_TEST

START_TEST(order_of_calls_does_not_matter)
{
    static struct batch all, some;
    struct pxs_augment a = {.flip = true, .jitter = true, .seed = 5, .epoch = 2, .first = 0};
    get(&all, 0, N, &a);
    for (uint32_t i = N; i-- > 0;) { /* one by one, backwards */
        a.first = i;
        get(&some, i, 1, &a);
        ck_assert_mem_eq(some.source[0], all.source[i], sizeof some.source[0]);
        ck_assert_mem_eq(some.target[0], all.target[i], sizeof some.target[0]);
    }
    a.first = 4;
    get(&some, 4, 8, &a);
    ck_assert_mem_eq(some.source[0], all.source[4], 8 * sizeof some.source[0]);
    a = (struct pxs_augment){.flip = true, .jitter = true, .seed = 5, .epoch = 3};
    get(&some, 0, N, &a);
    ck_assert_mem_ne(some.source[0], all.source[0], sizeof some.source);
    a = (struct pxs_augment){.flip = true, .jitter = true, .seed = 6, .epoch = 2};
    get(&some, 0, N, &a);
    ck_assert_mem_ne(some.source[0], all.source[0], sizeof some.source);
}
END_TEST

static bool is_mirror(const float *a, const float *b) {
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (memcmp(a + (y * SIDE + x) * 3, b + (y * SIDE + SIDE - 1 - x) * 3, 3 * sizeof *a) !=
                0)
                return false;
    return true;
}

START_TEST(flip_takes_both_halves_half_the_time)
{
    static struct batch plain, flipped;
    int flips = 0;
    get(&plain, 0, N, NULL);
    for (uint32_t epoch = 0; epoch < 50; epoch++) {
        struct pxs_augment a = {.flip = true, .seed = 1, .epoch = epoch};
        get(&flipped, 0, N, &a);
        for (int i = 0; i < N; i++) {
            bool same = memcmp(flipped.source[i], plain.source[i], sizeof plain.source[i]) == 0;
            if (same)
                ck_assert_mem_eq(flipped.target[i], plain.target[i], sizeof plain.target[i]);
            else
                ck_assert(is_mirror(flipped.source[i], plain.source[i]) &&
                          is_mirror(flipped.target[i], plain.target[i]));
            flips += !same;
        }
    }
    ck_assert_int_gt(flips, 250); /* of 600: 4 standard deviations are 49 */
    ck_assert_int_lt(flips, 350);
    struct pxs_augment off = {.seed = 1};
    get(&flipped, 0, N, &off);
    ck_assert_mem_eq(&flipped, &plain, sizeof plain);
}
END_TEST

/* Where in the enlarged half a crop lies; -1 if nowhere. */
static int locate(const struct pxs_image *large, const float *crop) {
    for (int at = 0; at < (J + 1) * (J + 1); at++) {
        int oy = at / (J + 1), ox = at % (J + 1);
        bool same = true;
        for (int i = 0; i < FLOATS && same; i++) {
            int y = i / 3 / SIDE, x = i / 3 % SIDE;
            uint8_t v = large->pixels[((oy + y) * large->width + ox + x) * 3 + i % 3];
            same = crop[i] == ((float)v / 255.0f - 0.5f) / 0.5f;
        }
        if (same)
            return at;
    }
    return -1;
}

static struct pxs_image enlarged(int number, int k) {
    struct pxs_image pair = picture(number, 40, 20, 3), half, large;
    ck_assert_int_eq(pxs_image_crop(&pair, 20 * k, 0, 20, 20, &half, NULL), PXS_OK);
    ck_assert_int_eq(pxs_image_resize(&half, SIDE + J, SIDE + J, &large, NULL), PXS_OK);
    pxs_image_finish(&pair);
    pxs_image_finish(&half);
    return large;
}

START_TEST(jitter_crops_both_halves_alike)
{
    static struct batch b;
    int hits[(J + 1) * (J + 1)] = {0};
    struct pxs_image source = enlarged(3, 1), target = enlarged(3, 0);
    for (uint32_t epoch = 0; epoch < 200; epoch++) {
        struct pxs_augment a = {.jitter = true, .seed = 9, .epoch = epoch, .first = 7};
        get(&b, 3, 1, &a);
        int at = locate(&source, b.source[0]);
        ck_assert_int_ge(at, 0);
        ck_assert_int_eq(locate(&target, b.target[0]), at);
        hits[at]++;
    }
    for (int i = 0; i < (J + 1) * (J + 1); i++)
        ck_assert_msg(hits[i] > 0, "no crop at %d", i); /* 0 and J inclusive */
    pxs_image_finish(&source);
    pxs_image_finish(&target);
}
END_TEST

/* Flips stay the same when jitter is switched on. */
START_TEST(draws_do_not_disturb_each_other)
{
    static struct batch plain, flipped, both, jittered;
    get(&plain, 0, N, NULL);
    struct pxs_augment a = {.flip = true, .seed = 4, .epoch = 1};
    get(&flipped, 0, N, &a);
    a.jitter = true;
    get(&both, 0, N, &a);
    a.flip = false;
    get(&jittered, 0, N, &a);
    for (int i = 0; i < N; i++) {
        bool flips = memcmp(flipped.source[i], plain.source[i], sizeof plain.source[i]) != 0;
        if (flips)
            ck_assert(is_mirror(both.source[i], jittered.source[i]));
        else
            ck_assert_mem_eq(both.source[i], jittered.source[i], sizeof both.source[i]);
    }
}
END_TEST

START_TEST(order_is_a_permutation_of_seed_and_epoch)
{
    uint32_t a[100], b[100], seen[100] = {0};
    pxs_dataset_order(a, 100, true, 3, 0);
    pxs_dataset_order(b, 100, true, 3, 0);
    ck_assert_mem_eq(a, b, sizeof a);
    for (int i = 0; i < 100; i++)
        seen[a[i]]++;
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(seen[i], 1);
    pxs_dataset_order(b, 100, true, 3, 1);
    ck_assert_mem_ne(a, b, sizeof a);
    pxs_dataset_order(b, 100, true, 4, 0);
    ck_assert_mem_ne(a, b, sizeof a);
    pxs_dataset_order(b, 100, false, 3, 1);
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_uint_eq(b[i], i);
}
END_TEST

TCase *batch_tests(void) {
    TCase *tc = tcase_create("batch");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, values_are_torchs);
    tcase_add_test(tc, order_of_calls_does_not_matter);
    tcase_add_test(tc, flip_takes_both_halves_half_the_time);
    tcase_add_test(tc, jitter_crops_both_halves_alike);
    tcase_add_test(tc, draws_do_not_disturb_each_other);
    tcase_add_test(tc, order_is_a_permutation_of_seed_and_epoch);
    return tc;
}
