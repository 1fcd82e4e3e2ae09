#include "base_tests.h"
#include "pixsweep/base.h"

#include <string.h>

START_TEST(aligned_and_zeroed)
{
    static const size_t sizes[] = {0, 1, 63, 4096, (2u << 20) - 1, 2u << 20, (5u << 20) + 13};
    for (size_t i = 0; i < PXS_COUNT(sizes); i++) {
        unsigned char *p = pxs_aligned_alloc(sizes[i]);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % (sizes[i] >= 2u << 20 ? 2u << 20 : 64), 0);
        for (size_t k = 0; k < sizes[i]; k += sizes[i] / 1000 + 1)
            ck_assert_uint_eq(p[k], 0);
        /* so that the next block of this size would show what is not cleared */
        memset(p, 0xff, sizes[i]);
        pxs_aligned_free(p);
    }
    pxs_aligned_free(NULL);
    ck_assert_ptr_null(pxs_aligned_alloc(SIZE_MAX));
}
END_TEST

static bool holds_only(const unsigned char *p, size_t bytes, size_t value) {
    while (bytes > 0 && *p == value) {
        p++;
        bytes--;
    }
    return bytes == 0;
}

START_TEST(arena_objects)
{
    struct pxs_arena arena = {0};
    pxs_arena_finish(&arena);
    unsigned char *seen[300];
    for (size_t i = 0; i < PXS_COUNT(seen); i++) {
        size_t bytes = i % 50 == 49 ? 40000 : i; /* the large ones go in blocks of their own */
        seen[i] = pxs_arena_alloc(&arena, bytes);
        ck_assert_ptr_nonnull(seen[i]);
        ck_assert_uint_eq((uintptr_t)seen[i] % 16, 0);
        ck_assert(holds_only(seen[i], bytes, 0));
        memset(seen[i], (int)i & 0xff, bytes);
    }
    for (size_t i = 0; i < PXS_COUNT(seen); i++)
        ck_assert(holds_only(seen[i], i % 50 == 49 ? 40000 : i, i & 0xff));
    ck_assert_str_eq(pxs_arena_strdup(&arena, "word"), "word");
    ck_assert_str_eq(pxs_arena_printf(&arena, "%s-%d", "a", 5), "a-5");
    ck_assert_ptr_null(pxs_arena_alloc(&arena, SIZE_MAX));
    pxs_arena_finish(&arena);
    ck_assert_ptr_null(arena.head);
    pxs_arena_finish(&arena);
}
END_TEST

START_TEST(text_grows)
{
    struct pxs_text t = {0};
    ck_assert_str_eq(pxs_text_str(&t), "");
    for (int i = 0; i < 1000; i++) {
        pxs_text_add(&t, "ab");
        pxs_text_addf(&t, "%03d", i);
        pxs_text_add_n(&t, "c!", 1);
    }
    ck_assert_uint_eq(t.len, 6000);
    ck_assert_uint_eq(strlen(t.text), 6000);
    ck_assert_int_eq(strncmp(t.text + 5994, "ab999c", 7), 0);
    pxs_text_clear(&t);
    ck_assert_str_eq(pxs_text_str(&t), "");
    ck_assert(!t.failed);
    pxs_text_finish(&t);
    ck_assert_ptr_null(t.text);
}
END_TEST

START_TEST(text_formats_of_every_length)
{
    for (int n = 0; n < 200; n++) { /* across the first growth boundaries */
        struct pxs_text t = {0};
        pxs_text_addf(&t, "%*s", n, "");
        pxs_text_add(&t, "|");
        ck_assert_uint_eq(t.len, (size_t)n + 1);
        ck_assert_uint_eq(strlen(pxs_text_str(&t)), (size_t)n + 1);
        pxs_text_finish(&t);
    }
}
END_TEST

START_TEST(text_remembers_failure)
{
    struct pxs_text t = {0};
    pxs_text_add(&t, "kept");
    pxs_text_add_n(&t, "x", SIZE_MAX - 2); /* cannot be had */
    ck_assert(t.failed);
    pxs_text_add(&t, "more");
    pxs_text_addf(&t, "%d", 1);
    ck_assert_str_eq(pxs_text_str(&t), "kept");
    pxs_text_finish(&t);
}
END_TEST

TCase *memory_case(void) {
    TCase *tc = tcase_create("memory");
    tcase_add_test(tc, aligned_and_zeroed);
    tcase_add_test(tc, arena_objects);
    tcase_add_test(tc, text_grows);
    tcase_add_test(tc, text_formats_of_every_length);
    tcase_add_test(tc, text_remembers_failure);
    return tc;
}
