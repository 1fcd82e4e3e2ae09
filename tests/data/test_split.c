/* val_fraction: by content, the same whatever the names, never a pair on both sides. */
#include "data/data_tests.h"

#include <stdlib.h>
#include <string.h>

enum { N = 30 };

static void setup(void) {
    test_folder_make();
}

/* Pair number i under the name that `name_of` gives it. */
static void put_all(const char *format, int offset) {
    for (int i = 0; i < N; i++) {
        char name[64];
        snprintf(name, sizeof name, format, (i * 7 + offset) % N);
        put_pair(name, i);
    }
}

/* First source value of each val pair, sorted: a fingerprint of the choice. */
static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static size_t fingerprint(const struct pxs_dataset *set, float *sums) {
    size_t n = pxs_dataset_count(set, PXS_SPLIT_VAL);
    for (uint32_t i = 0; i < n; i++) {
        float source[192], target[192];
        pxs_dataset_batch(set, PXS_SPLIT_VAL, &i, 1, NULL, source, target);
        sums[i] = 0;
        for (int k = 0; k < 192; k++)
            sums[i] += source[k] * (float)(k + 1) + target[k];
    }
    qsort(sums, n, sizeof *sums, by_value);
    return n;
}

START_TEST(names_and_order_do_not_matter)
{
    float first[N], second[N];
    struct pxs_dataset_options o = small_options();
    o.val_fraction = 0.2;
    put_all("train/%02d.png", 0);
    struct pxs_dataset *set = load(&o);
    ck_assert(pxs_dataset_info(set)->val_from_train);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), 24);
    ck_assert_uint_eq(fingerprint(set, first), 6);
    pxs_dataset_destroy(&set);
    test_folder_remove();
    test_folder_make();
    put_all("train/renamed-%02d.png", 11);
    o = small_options();
    o.val_fraction = 0.2;
    o.val_fraction_stated = true; /* fine without val/ */
    set = load(&o);
    ck_assert_uint_eq(fingerprint(set, second), 6);
    ck_assert_mem_eq(first, second, 6 * sizeof *first);
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(splits_are_disjoint_and_in_file_order)
{
    put_all("train/%02d.png", 0);
    struct pxs_dataset_options o = small_options();
    o.val_fraction = 0.3;
    struct pxs_dataset *set = load(&o);
    bool seen[N] = {false};
    for (int split = 0; split < 2; split++) {
        int last = -1;
        for (size_t i = 0; i < pxs_dataset_count(set, split); i++) {
            int n = atoi(pxs_dataset_name(set, split, i) + strlen("train/"));
            ck_assert_int_gt(n, last);
            ck_assert(!seen[n]);
            seen[last = n] = true;
        }
    }
    for (int i = 0; i < N; i++)
        ck_assert(seen[i]);
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(at_least_one_and_none_on_request)
{
    put_all("train/%02d.png", 0);
    struct pxs_dataset_options o = small_options();
    o.val_fraction = 0.001;
    struct pxs_dataset *set = load(&o);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), 1);
    pxs_dataset_destroy(&set);
    o.val_fraction = 0;
    set = load(&o);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), 0);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), N);
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(equal_pairs_stay_together)
{
    for (int i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "train/%02d.png", i);
        put_pair(name, i / 4); /* four copies of three pairs */
    }
    struct gathered log;
    struct pxs_dataset_options o = small_options();
    o.val_fraction = 0.1;
    o.logger = gather(&log);
    struct pxs_dataset *set = load(&o);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), 4);
    ck_assert_ptr_nonnull(
        strstr(log.text, "train/01.png: the same pair as train/00.png (and 8 more like it)\n"));
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(something_must_remain)
{
    put_pair("train/a.png", 1);
    struct pxs_dataset_options o = small_options();
    refuse(&o,
           "val_fraction 0.1 of 1 pairs leaves none to train on; add pairs or a val/ folder, or "
           "train on all of them with validation: off");
}
END_TEST

START_TEST(a_val_folder_wins_or_contradicts)
{
    put_all("train/%02d.png", 0);
    put_pair("val/a.png", 100);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set = load(&o);
    ck_assert(!pxs_dataset_info(set)->val_from_train);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), N);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), 1);
    pxs_dataset_destroy(&set);
    o.val_fraction_stated = true;
    refuse(&o, "val_fraction is set, but %s/val exists; remove the one or the other");
}
END_TEST

START_TEST(overlap_is_told)
{
    put_all("train/%02d.png", 0);
    put_pair("val/a.png", 100);
    put_pair("val/b.png", 0);
    struct gathered log;
    struct pxs_dataset_options o = small_options();
    o.logger = gather(&log);
    struct pxs_dataset *set = load(&o);
    ck_assert_uint_eq(pxs_dataset_info(set)->overlap, 1);
    ck_assert_ptr_nonnull(strstr(
        log.text,
        "val/b.png: the same pair is in train (train/00.png): validation on it means nothing\n"));
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(another_name_for_val_is_pointed_out)
{
    put_all("train/%02d.png", 0);
    put_pair("test/a.png", 100);
    put_pair("testA/a.png", 100);
    put_pair("testB/a.png", 100);
    put_pair("A/val/a.png", 100);
    put_pair("B/val/a.png", 100);
    struct gathered log;
    struct pxs_dataset_options o = small_options();
    o.logger = gather(&log);
    struct pxs_dataset *set = load(&o);
    ck_assert_ptr_nonnull(strstr(log.text,
                                 ": test/ is not read: the validation split is called val/ "
                                 "(without it, val_fraction of train/ is used)\n"));
    ck_assert_ptr_nonnull(
        strstr(log.text, ": testA/ and testB/ are not read: validation pairs lie in val/A/"));
    ck_assert_ptr_nonnull(
        strstr(log.text, ": A/val/ and B/val/ are not read: validation pairs lie in val/A/"));
    pxs_dataset_destroy(&set);
}
END_TEST

TCase *split_tests(void) {
    TCase *tc = tcase_create("split");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_test(tc, names_and_order_do_not_matter);
    tcase_add_test(tc, splits_are_disjoint_and_in_file_order);
    tcase_add_test(tc, at_least_one_and_none_on_request);
    tcase_add_test(tc, equal_pairs_stay_together);
    tcase_add_test(tc, something_must_remain);
    tcase_add_test(tc, a_val_folder_wins_or_contradicts);
    tcase_add_test(tc, overlap_is_told);
    tcase_add_test(tc, another_name_for_val_is_pointed_out);
    return tc;
}
