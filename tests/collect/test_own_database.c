/* Which database a collector fills, and what becomes of the one before. */
#include "../../src/run/collect/collect_priv.h"
#include "../support/support.h"

#include <glob.h>
#include <string.h>

#define HASH "00000000000000000000000000000000000000000000000000000000000000aa"

static const struct pxs_logger silent;
static char own[PXS_PATH_MAX], copy[PXS_PATH_MAX];
static struct pxs_collector me;

static void set_up(void) {
    test_folder_make();
    snprintf(own, sizeof own, "%s", in_folder("own.db"));
    snprintf(copy, sizeof copy, "%s", in_folder("pixsweep.db"));
    ck_ok(pxs_collector_here(own, &me, &err));
}

static void add_sweep(struct pxs_store *s, const char *name) {
    struct pxs_params params;
    struct pxs_store_plan plan;
    char run[32];
    snprintf(run, sizeof run, "%s/0001-base-s3", name);
    pxs_params_default(&params);
    struct pxs_store_plan_run row = {.config_hash = HASH,
                                     .seed = 3,
                                     .new_number = 1,
                                     .new_name = run,
                                     .new_dir = in_folder("run"),
                                     .new_config_yaml = "",
                                     .params = &params};
    ck_ok(pxs_store_plan(s, name, "sweep: {}\n", "0123", &row, 1, &plan, &err));
    pxs_store_plan_finish(&plan);
}

static struct pxs_store *open_own(void) {
    struct pxs_store *s = NULL;
    ck_ok(pxs_own_database_open(own, false, copy, &me, &silent, &s, &err));
    return s;
}

static size_t count(const char *pattern) {
    glob_t found;
    const size_t n = glob(in_folder(pattern), 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return n;
}

START_TEST(databases_of_before_do_not_pile_up)
{
    struct pxs_store *s = NULL;
    ck_ok(pxs_store_open(copy, &s, &err));
    add_sweep(s, "a");
    pxs_store_close(&s);
    for (size_t i = 0; i < 6; i++) {
        s = open_own();
        pxs_store_close(&s);
        ck_assert(pxs_store_is_published(copy));
        ck_assert_uint_eq(count("own.db.before-*[0-9]"), i < 3 ? i : 3);
        ck_ok(pxs_store_take_over(copy, NULL, true, NULL, &err)); /* as `run` here does */
    }
    ck_assert_uint_le(count("own.db.before-*"), 9); /* with -wal and -shm */
}
END_TEST

START_TEST(one_that_nothing_was_submitted_to_leaves_nothing)
{
    struct pxs_store *s = open_own();
    pxs_store_close(&s);
    s = open_own();
    pxs_store_close(&s);
    ck_assert_uint_eq(count("own.db"), 1);
    ck_assert_uint_eq(count("own.db.before-*[0-9]"), 0);
    s = open_own(); /* with a sweep it is kept, though the results folder has no database */
    add_sweep(s, "a");
    pxs_store_close(&s);
    s = open_own();
    pxs_store_close(&s);
    ck_assert_uint_eq(count("own.db.before-*[0-9]"), 1);
}
END_TEST

/* A command that writes where the collector has ended. */
START_TEST(a_turn_goes_on_with_the_database_of_before)
{
    struct pxs_turn turn = {0};
    struct pxs_collector was;
    struct pxs_store *s = NULL;
    ck_ok(pxs_store_open(copy, &s, &err));
    add_sweep(s, "a");
    pxs_store_close(&s);
    struct pxs_collector gone = me;
    gone.pid = 999999999;
    ck_ok(pxs_own_database_open(own, false, copy, &gone, &silent, &s, &err));
    pxs_store_close(&s);

    ck_ok(pxs_turn_begin(copy, &silent, &turn, &was, &err));
    ck_assert_str_eq(turn.own, own);
    ck_assert_int_eq(was.pid, 999999999);
    struct pxs_turn second = {0};
    ck_fails(pxs_turn_begin(copy, &silent, &second, &was, &err), PXS_E_BUSY,
             "is claimed by process");
    ck_ok(pxs_store_open(own, &s, &err));
    add_sweep(s, "b");
    pxs_store_close(&s);
    ck_ok(pxs_turn_end(&turn, &err));
    ck_ok(pxs_store_read_collector(copy, &was, &err));
    ck_assert_int_eq(was.pid, me.pid);
    ck_assert_str_eq(was.db, own);
    ck_assert_uint_eq(count(".collector/.claim"), 0);

    struct pxs_table t = {0};
    ck_ok(pxs_store_open_readonly(copy, &s, &err));
    ck_ok(pxs_store_select(s, "SELECT name FROM sweep", NULL, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 2);
    pxs_table_finish(&t);
    pxs_store_close(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("collect own database");
    TCase *tc = tcase_create("own database");
    tcase_add_checked_fixture(tc, set_up, test_folder_remove);
    tcase_add_test(tc, databases_of_before_do_not_pile_up);
    tcase_add_test(tc, one_that_nothing_was_submitted_to_leaves_nothing);
    tcase_add_test(tc, a_turn_goes_on_with_the_database_of_before);
    suite_add_tcase(s, tc);
    return run_tests(s, CK_NORMAL);
}
