/* A task on a frozen plan, as far as no real training is needed (the rest: tests/e2e/task.sh). */
#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define RUN "results/exp/0001-base-s0"
#define IDLE "sub/" PXS_TASK_IDLE "7_1"

static void freeze(void) {
    const struct pxs_sweep_options options = {
        .file = in_folder("exp.yaml"), .results = in_folder("results"), .jobs = 1, .threads = 1};
    struct pxs_plan *plan = NULL;
    ck_ok(pxs_plan_make(&options, &plan, &err));
    ck_ok(pxs_make_dirs(in_folder("sub"), &err));
    ck_ok(pxs_plan_freeze(plan, &options, in_folder("sub"), &err));
    pxs_plan_destroy(&plan);
}

static void collect(void *user, enum pxs_log_level level, const char *text) {
    (void)level;
    pxs_text_addf(user, "%s\n", text);
}

/* A life of task 7_1, whose time is up at once or after so many seconds (0 = never). */
static void expect_life(bool up, double seconds, int code, const char *words) {
    struct pxs_stop stop = {0};
    struct pxs_text said = {0};
    const struct pxs_sweep_listener listener = {.user = &said, .line = collect};
    const struct pxs_task_options task = {
        .dir = in_folder("sub"), .task = "7_1", .seconds = seconds, .stop = &stop};
    int got = -1;
    atomic_store(&stop.time_is_up, up);
    ck_ok(pxs_task_run(&task, &listener, &got, &err));
    ck_assert_msg(got == code, "%d, not %d: %s", got, code, pxs_text_str(&said));
    ck_has(pxs_text_str(&said), words);
    pxs_text_finish(&said);
}

START_TEST(test_lives_without_a_step)
{
    write_experiment(200, FAKE_SLOW, "");
    freeze();
    expect_life(true, 0, PXS_TASK_AGAIN, "1 left");
    ck_assert(exists(IDLE));
    expect_life(false, 0.7, PXS_TASK_AGAIN, "the time is nearly up");
    ck_assert(!exists(IDLE)); /* it has made steps */
    expect_life(true, 0, PXS_TASK_AGAIN, "1 left");
    expect_life(true, 0, PXS_TASK_FAILED,
                "task 7_1 had no time for a single training step, 2 times in a row");
}
END_TEST

/* What failed since the plan was made stays failed, for every task; what failed before is in the
 * plan to be tried again. */
START_TEST(test_failures)
{
    const struct timespec later[2] = {{.tv_sec = time(NULL) + 3600}, {.tv_sec = time(NULL) + 3600}};
    write_experiment(3, FAKE_CRASH, "run: {retries: 1}\n");
    freeze();
    expect_life(false, 0, PXS_TASK_FAILED, "1 failed here, 0 at work elsewhere, 0 left");
    ck_assert(exists(RUN "/worker.1.log") && !exists(RUN "/worker.2.log"));
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT, "0 failed here, 0 at work elsewhere, 0 left");
    ck_assert(!exists(RUN "/worker.2.log"));
    ck_assert_int_eq(utimensat(AT_FDCWD, in_folder("sub/" PXS_PLAN_FILE), later, 0), 0);
    expect_life(false, 0, PXS_TASK_FAILED, "1 failed here");
    ck_assert(exists(RUN "/worker.3.log"));
}
END_TEST

START_TEST(test_no_database)
{
    write_experiment(2, FAKE_GOOD, "sweep: {seeds: 3}\n");
    freeze();
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT, "3 of 3 runs done");
    ck_assert(!exists("results/pixsweep.db") && !exists("results/pixsweep.db.lock"));
    ck_assert(!exists(RUN "/" PXS_CLAIM_FILE));
    struct outcome o = run_exp();
    ck_assert_int_eq(o.summary.exit_code, 0);
    ck_assert_uint_eq(o.summary.n_completed_now, 0);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'completed' AND no = 1", 3);
}
END_TEST

Suite *task_suite(void) {
    Suite *suite = suite_create("task");
    TCase *c = tcase_create("task");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_lives_without_a_step);
    tcase_add_test(c, test_failures);
    tcase_add_test(c, test_no_database);
    suite_add_tcase(suite, c);
    return suite;
}
