/* Out of memory at the n-th allocation, for every n: the failure is reported, nothing leaks (under
 * a sanitizer), the result is never half a config. Linked with --wrap for malloc, calloc, realloc
 * and strdup. */
#include "pixsweep/config.h"

#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *ptr, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *ptr, size_t bytes);
char *__wrap_strdup(const char *text);

static long left = -1; /* allocations until one fails; negative: none does */

static bool fails(void) {
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t bytes) {
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes) {
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *ptr, size_t bytes) {
    return fails() ? NULL : __real_realloc(ptr, bytes);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}

static void setup(void) {
    test_folder_enter();
    write_text("base.yaml", "lrgd: 7\nsweep: {seeds: 2}\n");
    write_text("good.yaml",
               "extends: base.yaml\ndataset: d\nsweep:\n  grid: {dataset: [a, b]}\n  points:\n"
               "    - &p {lr_policy_G: constant}\n    - {b1: 0.1}\n  random: {samples: 2, b2: "
               "{uniform: [0.1, "
               "0.9]}, ngf: {choice: [8, 16]}}\nrun: {timeout: 8h}\n");
    write_text("bad.yaml", "extends: [base.yaml, nowhere.yaml]\nb1: x\nb1: 5\nlrgdd: "
                           "3\nwarmup_epochs: 1\nsweep: {grid: {b1: "
                           "[x], seed: [1]}, zip: {b1: [0.5]}}\nrun: {retrys: 1, timeout: x}\n");
}

/* Runs and notes of a good load, as one text: what must not depend on memory. */
static void describe(const struct pxs_config *c, struct pxs_text *out) {
    static struct pxs_point point;
    for (size_t i = 0; i < pxs_config_count(c); i++) {
        pxs_config_point(c, i, &point);
        pxs_text_addf(out, "%s %s\n", point.label, point.params.dataset);
    }
    for (size_t i = 0; i < pxs_config_notes(c); i++)
        pxs_text_addf(out, "%s\n", pxs_config_note(c, i));
    pxs_text_addf(out, "%s\n%s", pxs_config_spec_hash(c), pxs_config_spec_yaml(c));
}

static enum pxs_status load_failing_at(long n, const char *name, struct pxs_config **c,
                                       struct pxs_error *err) {
    static const char *const sets[] = {"ndf=8", "sweep.seeds=[3]"};
    struct pxs_text text = {0};
    left = n;
    enum pxs_status status = pxs_config_load(name, sets, 2, c, &text, err);
    bool hit = left < 0 && n >= 0;
    left = -1;
    pxs_text_finish(&text);
    return hit || n < 0 ? status : PXS_E_BUSY; /* fewer allocations than n: the end of the loop */
}

START_TEST(every_allocation_of_a_good_load)
{
    struct pxs_config *c = NULL;
    struct pxs_error err = {0};
    struct pxs_text expected = {0};
    long n = 0, survived = 0;
    ck_assert_int_eq(load_failing_at(-1, "good.yaml", &c, &err), PXS_OK);
    describe(c, &expected);
    pxs_config_destroy(&c);
    for (enum pxs_status status = PXS_OK;; n++) {
        struct pxs_text actual = {0};
        status = load_failing_at(n, "good.yaml", &c, &err);
        if (status == PXS_E_BUSY)
            break;
        ck_assert_msg(status == PXS_E_NOMEM || status == PXS_OK, "allocation %ld: %s", n,
                      err.message);
        ck_assert((status == PXS_OK) == (c != NULL));
        if (c) { /* what failed was not needed, so all is as it should be */
            describe(c, &actual);
            ck_assert_msg(strcmp(pxs_text_str(&actual), pxs_text_str(&expected)) == 0,
                          "allocation %ld:\n%s", n, pxs_text_str(&actual));
            survived++;
        }
        pxs_text_finish(&actual);
        pxs_config_destroy(&c);
    }
    pxs_config_destroy(&c);
    ck_assert_int_gt(n, 30);
    ck_assert_int_lt(survived, n / 2);
    pxs_text_finish(&expected);
}
END_TEST

START_TEST(every_allocation_of_a_bad_load)
{
    long n = 0;
    for (;; n++) {
        struct pxs_config *c = NULL;
        struct pxs_error err = {0};
        enum pxs_status status = load_failing_at(n, "bad.yaml", &c, &err);
        ck_assert_ptr_null(c);
        if (status == PXS_E_BUSY)
            break;
        ck_assert_msg(status == PXS_E_NOMEM || status == PXS_E_INVALID, "allocation %ld: status %d",
                      n, status);
    }
    ck_assert_int_gt(n, 30);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config fault");
    TCase *tc = tcase_create("fault");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, test_folder_leave);
    tcase_add_test(tc, every_allocation_of_a_good_load);
    tcase_add_test(tc, every_allocation_of_a_bad_load);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
