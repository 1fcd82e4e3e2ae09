#include "base_tests.h"
#include "pixsweep/base.h"

#include <string.h>

START_TEST(philox_known_answers)
{ /* the published vectors of Philox4x32-10 */
    static const struct {
        uint32_t key[2], counter[4], out[4];
    } rows[] = {
        {{0, 0}, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u}, {~0u, ~0u, ~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0xa4093822, 0x299f31d0},
         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        uint32_t out[4];
        pxs_philox(rows[i].key, rows[i].counter, out);
        ck_assert_mem_eq(out, rows[i].out, sizeof out);
    }
}
END_TEST

START_TEST(reader_walks_the_counter)
{ /* the layout is a contract: key = seed, counter = (index, b, a, stream) */
    struct pxs_rng rng = pxs_rng_make(0x1122334455667788u, PXS_STREAM_DROPOUT, 7, 9);
    for (uint32_t index = 0; index < 5; index++) {
        uint32_t want[4];
        pxs_philox((uint32_t[]){0x55667788, 0x11223344}, (uint32_t[]){index, 9, 7, 4}, want);
        for (int k = 0; k < 4; k++)
            ck_assert_uint_eq(pxs_rng_u32(&rng), want[k]);
    }
}
END_TEST

START_TEST(uniform_range_and_mean)
{
    struct pxs_rng rng = pxs_rng_make(3, PXS_STREAM_INIT, 0, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < 100000; i++) {
        double u = pxs_rng_uniform(&rng);
        ck_assert(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    ck_assert_double_eq_tol(sum / 100000, 0.5, 0.004);
    ck_assert_double_eq_tol(squares / 100000, 1.0 / 3, 0.004);
    struct pxs_rng top = {.used = 0, .block = {~0u, ~0u, 0, 0}};
    ck_assert(pxs_rng_uniform(&top) == 1 - 0x1p-53);
}
END_TEST

START_TEST(below_is_even)
{
    struct pxs_rng rng = pxs_rng_make(4, PXS_STREAM_SHUFFLE, 0, 0);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t v = pxs_rng_below(&rng, 7);
        ck_assert_uint_lt(v, 7);
        counts[v]++;
    }
    for (int i = 0; i < 7; i++)
        ck_assert(counts[i] > 9600 && counts[i] < 10400);
    ck_assert_uint_eq(pxs_rng_below(&rng, 1), 0);
    /* 2^32 mod 3 = 1: of all 32-bit numbers 0 is the one too many */
    struct pxs_rng first = {.used = 0, .block = {0, 5, 0, 0}};
    ck_assert_uint_eq(pxs_rng_below(&first, 3), 2);
}
END_TEST

START_TEST(permutations)
{
    uint32_t order[100], again[100];
    int seen[100] = {0}, moved = 0;
    struct pxs_rng rng = pxs_rng_make(5, PXS_STREAM_SHUFFLE, 2, 0), same = rng;
    pxs_rng_permutation(&rng, order, 100);
    pxs_rng_permutation(&same, again, 100);
    ck_assert_mem_eq(order, again, sizeof order);
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_lt(order[i], 100);
        seen[order[i]]++;
        moved += order[i] != (uint32_t)i;
    }
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_int_gt(moved, 90);
    pxs_rng_permutation(&rng, order, 0);
    int counts[6] = {0}; /* every order of three about equally often */
    for (int i = 0; i < 6000; i++) {
        pxs_rng_permutation(&rng, order, 3);
        counts[order[0] * 2 + (order[1] > order[2])]++;
    }
    for (int i = 0; i < 6; i++)
        ck_assert(counts[i] > 850 && counts[i] < 1150);
}
END_TEST

TCase *random_case(void) {
    TCase *tc = tcase_create("random");
    tcase_add_test(tc, philox_known_answers);
    tcase_add_test(tc, reader_walks_the_counter);
    tcase_add_test(tc, uniform_range_and_mean);
    tcase_add_test(tc, below_is_even);
    tcase_add_test(tc, permutations);
    return tc;
}
