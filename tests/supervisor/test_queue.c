/* The queue: order, budgets, limits, the pause after failures, on_done, and what a changed file
 * does to a sweep that is planned. */
#include "fixture.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/run/supervisor/supervisor_priv.h"

#define NUMBERS                                                                                   \
    "SELECT group_concat(number) FROM (SELECT number FROM attempt JOIN run USING (run_id) ORDER " \
    "BY "                                                                                         \
    "attempt_id)"
#define STATES "SELECT group_concat(state) FROM (SELECT state FROM run ORDER BY number)"

static void run_expecting(int exit_code, struct pxs_sweep_options options, const char *words) {
    struct outcome o = run_with(options);
    ck_assert_msg(o.summary.exit_code == exit_code, "%d: %s%s", o.summary.exit_code,
                  pxs_text_str(&o.lines), o.status == PXS_OK ? "" : o.err.message);
    ck_assert_msg(!words || strstr(pxs_text_str(&o.lines), words), "%s", pxs_text_str(&o.lines));
    outcome_finish(&o);
}

static const struct pxs_sweep_options one_job = {.jobs = 1};

static void expect_in_file(const char *name, const char *words, bool there) {
    char *text = slurp(name, NULL);
    ck_assert_msg((strstr(text, words) != NULL) == there, "%s: %s", name, text);
    free(text);
}

/* ---- order ---------------------------------------------------------------------------------- */

START_TEST(test_seed_major)
{
    write_experiment(
        1, FAKE_GOOD,
        "run: {order: seed_major}\nsweep:\n  grid: {learning_rate_G: [1e-4, 2e-4, 3e-4]}\n"
        "  seeds: [5, 3]\n");
    run_expecting(0, one_job, "order: seed_major");
    expect_text(NUMBERS, "1,3,5,2,4,6");
    expect_text("SELECT name FROM run WHERE number = 2", "exp/0002-learning_rate_G-0.0001-s3");
}
END_TEST

START_TEST(test_shuffled)
{
    struct pxs_rng rng = pxs_rng_make(7, PXS_STREAM_ORDER, 0, 0);
    uint32_t drawn[8];
    char expected[32] = "";
    pxs_rng_permutation(&rng, drawn, 8);
    for (int i = 0; i < 8; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%u",
                 i > 0 ? "," : "", drawn[i] + 1);
    ck_assert_str_ne(expected, "1,2,3,4,5,6,7,8");
    write_experiment(1, FAKE_GOOD, "run: {order: {shuffled: 7}}\nsweep:\n  seeds: 8\n");
    run_expecting(0, one_job, "order: shuffled by 7");
    expect_text(NUMBERS, expected);
}
END_TEST

/* ---- budgets, logs, limits ------------------------------------------------------------------ */

START_TEST(test_retries_and_timeouts_have_budgets_of_their_own)
{
    write_experiment(1, FAKE_CRASH_STALL, "run: {timeout: 1s, retries: 1}\n");
    run_expecting(1, one_job, "(retry 1 of 1 after a timeout)");
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'failed'", 3);
    expect_sql("SELECT count(*) FROM attempt WHERE no = 1 AND signal = 6 AND message LIKE "
               "'killed by signal 6%(retry 1 of 1)%'",
               1);
    expect_sql("SELECT count(*) FROM attempt WHERE no = 2 AND message LIKE 'timed out%(retry 1 of "
               "1 after%'",
               1);
    expect_sql("SELECT count(*) FROM attempt WHERE no = 3 AND message LIKE 'timed out%given up "
               "after 3 attempts'",
               1);
    expect_text("SELECT state FROM run", "failed");
}
END_TEST

START_TEST(test_each_attempt_keeps_its_log)
{
    write_experiment(3, FAKE_CRASH_ONCE, "run: {retries: 2}\n");
    run_expecting(0, one_job, NULL);
    expect_in_file("results/exp/0001-base-s0/worker.1.log", "about to die", true);
    expect_in_file("results/exp/0001-base-s0/worker.log", "about to die", false);
    expect_sql("SELECT count(*) FROM attempt WHERE no = 1 AND message LIKE '%  | about to die'", 1);
    expect_sql("SELECT count(*) FROM attempt WHERE no = 2 AND message LIKE '%about to die%'", 0);
}
END_TEST

/* The good run gives the measure; the other one would wait for ever. */
START_TEST(test_timeout_as_a_share)
{
    write_experiment(3, 0,
                     "run: {timeout: 300%, retries: 0}\nsweep:\n  grid: {lambda_pixel: [1, 11]}\n");
    run_expecting(1, one_job, "timed out: run.timeout is 300% of the median finished run, here ");
    expect_text(STATES, "completed,failed");
    /* A session of its own learns from what is in the database. */
    write_experiment(3, 0,
                     "run: {timeout: 300%, retries: 0}\nsweep:\n  grid: {lambda_pixel: [1, 12]}\n");
    run_expecting(1, one_job, "killed by signal 6");
    write_experiment(3, 0, "run: {timeout: 300%}\nsweep:\n  grid: {lambda_pixel: [1, 11.5]}\n");
    run_expecting(1, one_job, "timed out");
}
END_TEST

START_TEST(test_time_limit)
{
    double paces[] = {1, 2, 4, 100};
    struct pxs_plan_run runs[] = {{.estimate = {.gmac_per_step = 2, .steps = 10}},
                                  {.estimate = {.gmac_per_step = 2, .steps = 30}}};
    struct pxs_plan plan = {
        .runs = runs, .n = 2, .how = {.timeout_s = INFINITY, .timeout_share = 3}};
    struct pxs_supervisor s = {.plan = &plan};
    ck_assert(isinf(pxs_time_limit(&s, 0, 1))); /* nothing is finished */
    s.paces = (struct pxs_paces){.values = paces, .n = 3};
    ck_assert_double_eq(pxs_time_limit(&s, 0, 1), 3 * 2 * 20);
    ck_assert_double_eq(pxs_time_limit(&s, 1, 1), 3 * 2 * 60);
    ck_assert_double_eq_tol(pxs_time_limit(&s, 1, 2), 3 * 2 * 60 / 1.9, 0.1);
    s.paces.n = 4;
    ck_assert_double_eq(pxs_time_limit(&s, 0, 1), 3 * 3 * 20);
    plan.how = (struct pxs_run_settings){.timeout_s = 5};
    ck_assert_double_eq(pxs_time_limit(&s, 1, 1), 5);
}
END_TEST

/* ---- the pause after failures --------------------------------------------------------------- */

#define BAD_LOT "sweep:\n  grid: {lambda_pixel: [5, 5.1, 5.2, 5.3, 5.4]}\n"

START_TEST(test_pause_after_failures)
{
    write_experiment(3, 0, "run: {max_failures: 2}\n" BAD_LOT);
    struct outcome o = run_with(one_job);
    ck_assert_int_eq(o.status, PXS_OK);
    ck_assert_int_eq(o.summary.exit_code, 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_FAILED], 2);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_QUEUED], 3);
    ck_assert_msg(strstr(o.summary.remedy, "paused: 2 runs failed in a row") != NULL, "%s",
                  o.summary.remedy);
    ck_assert_ptr_nonnull(strstr(o.summary.remedy, "the pairs smell"));
    outcome_finish(&o);
    expect_text("SELECT state FROM sweep", "paused");
    expect_text(STATES, "failed,failed,queued,queued,queued");
    run_expecting(1, one_job, "paused: 2 runs failed in a row");
    expect_text(STATES, "failed,failed,failed,failed,queued");
    run_expecting(1, one_job, NULL);
    expect_text("SELECT state FROM sweep", "open");
    expect_sql("SELECT count(*) FROM attempt", 5);
}
END_TEST

START_TEST(test_no_pause_at_max_failures_0)
{
    write_experiment(3, 0, BAD_LOT);
    run_expecting(1,
                  (struct pxs_sweep_options){
                      .jobs = 1, .set = (const char *const[]){"run.max_failures=0"}, .n_set = 1},
                  NULL);
    expect_sql("SELECT count(*) FROM run WHERE state = 'failed'", 5);
    expect_text("SELECT state FROM sweep", "open");
}
END_TEST

START_TEST(test_pause_counts_failures_in_a_row)
{
    /* completed begins anew, diverged changes nothing */
    write_experiment(
        3, 0, "run: {max_failures: 2}\nsweep:\n  grid: {lambda_pixel: [5, 1, 5.1, 2, 1.1]}\n");
    run_expecting(1, one_job, NULL);
    expect_text(STATES, "failed,completed,failed,diverged,completed");
    expect_text("SELECT state FROM sweep", "open");
    write_experiment(3, 0,
                     "run: {max_failures: 2}\nsweep:\n  grid: {lambda_pixel: [5, 2, 5.1, 1]}\n");
    run_expecting(
        1,
        (struct pxs_sweep_options){.jobs = 1, .set = (const char *const[]){"name=two"}, .n_set = 1},
        "paused");
    expect_text("SELECT group_concat(state) FROM (SELECT r.state FROM run r JOIN sweep s USING "
                "(sweep_id) WHERE "
                "s.name = 'two' ORDER BY number)",
                "failed,diverged,failed,queued");
}
END_TEST

/* A kill that is not ours may come again and again: the night's other runs are spared. */
START_TEST(test_kills_from_outside_pause)
{
    write_experiment(20, FAKE_SLOW, "run: {max_failures: 1, retries: 0}\nsweep:\n  seeds: 2\n");
    pid_t pid = run_in_process(one_job, "lines");
    ck_assert(wait_sql("SELECT count(*) > 0 FROM batch_loss", 1, 20));
    kill((pid_t)sql_int("SELECT pid FROM attempt"), SIGKILL);
    ck_assert_int_eq(wait_for(pid), 1);
    expect_text(STATES, "failed,queued");
    expect_text("SELECT state FROM sweep", "paused");
    expect_in_file("lines", "paused: 1 run failed in a row", true);
    /* that is said only where the kernel counts it */
    expect_in_file("lines", "out of memory", false);
}
END_TEST

/* Those that run are let finish. */
START_TEST(test_pause_lets_runs_finish)
{
    write_experiment(10, 0, "run: {max_failures: 1}\nsweep:\n  grid: {lambda_pixel: [6, 5, 1]}\n");
    run_expecting(1, (struct pxs_sweep_options){.jobs = 2}, "paused: 1 run failed in a row");
    expect_text(STATES, "completed,failed,queued");
}
END_TEST

START_TEST(test_no_room)
{
    write_experiment(3, 0, "sweep:\n  grid: {lambda_pixel: [1, 13]}\n");
    struct outcome o = run_with(one_job);
    ck_assert_int_eq(o.summary.exit_code, 2);
    ck_assert_msg(strstr(o.err.message, "31.5 PB must be free") != NULL, "%s", o.err.message);
    outcome_finish(&o);
    /* nothing was begun; in the middle: tests/faults/space.sh */
    expect_sql("SELECT count(*) FROM run", -1);
}
END_TEST

/* ---- on_done -------------------------------------------------------------------------------- */

START_TEST(test_on_done)
{
    write_experiment(3, 0,
                     "run:\n  on_done: 'cat; env >done.env; echo said; echo more >&2'\n"
                     "sweep:\n  grid: {lambda_pixel: [1, 2, 5]}\n");
    ck_assert_int_eq(chdir(in_folder("")), 0);
    setenv("PIXSWEEP_TOTAL", "nonsense", 1);
    struct outcome o = run_with(one_job);
    ck_assert_int_eq(o.summary.exit_code, 1);
    ck_assert_msg(strstr(o.lines.text, "on_done: said\non_done: more\n") != NULL, "%s",
                  o.lines.text);
    ck_assert_ptr_null(strstr(o.lines.text, "the sweep's result stands"));
    outcome_finish(&o);
    static const char *const lines[] = {
        "PIXSWEEP_SWEEP=exp\n",     "PIXSWEEP_TOTAL=3\n",     "PIXSWEEP_COMPLETED=1\n",
        "PIXSWEEP_DIVERGED=1\n",    "PIXSWEEP_FAILED=1\n",    "PIXSWEEP_QUEUED=0\n",
        "PIXSWEEP_INTERRUPTED=0\n", "PIXSWEEP_CANCELLED=0\n", "PIXSWEEP_EXIT_CODE=1\n",
        "/results/pixsweep.db\n",   "PIXSWEEP_RESULTS=/"};
    for (size_t i = 0; i < PXS_COUNT(lines); i++)
        expect_in_file("done.env", lines[i], true);
    expect_in_file("done.env", "nonsense", false);
    /* Nothing is to do: nothing is done. */
    ck_assert_int_eq(remove(in_folder("done.env")), 0);
    run_expecting(1, one_job, NULL);
    ck_assert_int_ne(access(in_folder("done.env"), F_OK), 0);
}
END_TEST

START_TEST(test_on_done_fails)
{
    write_experiment(3, FAKE_GOOD, "run: {on_done: exit 7}\nsweep:\n  seeds: 2\n");
    run_expecting(0, one_job, "on_done ended with code 7; the sweep's result stands");
    write_experiment(3, 0, "run: {max_failures: 1, on_done: 'kill -9 $$'}\n" BAD_LOT);
    run_expecting(1, one_job, "on_done was killed by signal 9");
    expect_text("SELECT state FROM sweep", "paused");
}
END_TEST

static struct pxs_stop stop;

static void *stop_when_there(void *user) {
    wait_until(exists(user));
    atomic_store(&stop.signal, SIGINT);
    return NULL;
}

static void run_until_there(const char *file, int exit_code, const char *words) {
    pthread_t thread;
    char path[PXS_PATH_MAX]; /* in_folder keeps the last ones only */
    snprintf(path, sizeof path, "%s", in_folder(file));
    atomic_store(&stop.signal, 0);
    ck_assert_int_eq(chdir(in_folder("")), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_when_there, path), 0);
    run_expecting(exit_code, (struct pxs_sweep_options){.stop = &stop, .jobs = 1}, words);
    pthread_join(thread, NULL);
}

START_TEST(test_on_done_and_ctrl_c)
{
    /* Not after an interruption ... */
    write_experiment(500, FAKE_SLOW, "run: {on_done: touch done}\n");
    run_until_there("results/exp/0001-base-s0/records.bin", 130, NULL);
    ck_assert_int_ne(access(in_folder("done"), F_OK), 0);
    /* ... and an interruption ends the wait for it, with all that it started. */
    write_experiment(3, FAKE_GOOD,
                     "run: {on_done: 'touch begun; sleep 1000 & sleep 1000; true'}\n");
    double since = pxs_monotonic();
    run_until_there("begun", 0, "on_done is stopped before its end");
    ck_assert(pxs_monotonic() - since < 60);
}
END_TEST

/* ---- a file that changes -------------------------------------------------------------------- */

START_TEST(test_edited_while_it_runs)
{
    write_experiment(4, FAKE_SLOW, "sweep:\n  seeds: 3\n");
    pid_t pid = run_in_process(one_job, "lines");
    ck_assert(wait_sql("SELECT count(*) > 0 FROM batch_loss", 1, 20));
    write_text("exp.yaml", "this is: [no experiment");
    ck_assert_int_eq(wait_for(pid), 0);
    expect_sql("SELECT count(*) FROM run WHERE state = 'completed'", 3);
    expect_sql("SELECT count(*) FROM batch_loss", 3 * 16);
    write_experiment(1, FAKE_GOOD, "sweep:\n  seeds: 2\n");
    run_expecting(0, one_job,
                  "3 runs of exp in the database are no longer in the file; left as they are: "
                  "exp/0001-base-s0, "
                  "exp/0002-base-s1, exp/0003-base-s2");
    expect_sql("SELECT count(*) FROM run", 5);
    expect_sql("SELECT count(*) FROM batch_loss", 3 * 16 + 2 * 4);
    write_experiment(2, FAKE_GOOD, "sweep:\n  seeds: 4\n");
    run_expecting(0, one_job, "exp/0003-base-s2, exp/0004-base-s0, exp/0005-base-s1\n");
    write_experiment(3, FAKE_GOOD, "");
    run_expecting(0, one_job, "exp/0005-base-s1 and 4 more\n");
}
END_TEST

Suite *queue_suite(void) {
    Suite *suite = suite_create("queue");
    TCase *c = tcase_create("queue");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_seed_major);
    tcase_add_test(c, test_shuffled);
    tcase_add_test(c, test_retries_and_timeouts_have_budgets_of_their_own);
    tcase_add_test(c, test_each_attempt_keeps_its_log);
    tcase_add_test(c, test_timeout_as_a_share);
    tcase_add_test(c, test_time_limit);
    tcase_add_test(c, test_pause_after_failures);
    tcase_add_test(c, test_no_pause_at_max_failures_0);
    tcase_add_test(c, test_pause_counts_failures_in_a_row);
    tcase_add_test(c, test_kills_from_outside_pause);
    tcase_add_test(c, test_pause_lets_runs_finish);
    tcase_add_test(c, test_no_room);
    tcase_add_test(c, test_on_done);
    tcase_add_test(c, test_on_done_fails);
    tcase_add_test(c, test_on_done_and_ctrl_c);
    tcase_add_test(c, test_edited_while_it_runs);
    suite_add_tcase(suite, c);
    return suite;
}
