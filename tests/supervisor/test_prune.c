/* Pruning: what the rules lead to does not depend on who is first, killed or stopped. */
#include "fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/run/supervisor/prune_priv.h"

/* All of what pruning decides and leaves. */
#define OUTCOME                                                                                    \
    "SELECT group_concat(line, ' ') FROM (SELECT number || state || ':' || (SELECT count(*) FROM " \
    "epoch e "                                                                                     \
    "WHERE "                                                                                       \
    "e.run_id = r.run_id) || coalesce((SELECT group_concat(t) FROM (SELECT epoch || verdict || "   \
    "round(value, 3) || "                                                                          \
    "'/' || coalesce(round(cutoff, 3), '-') AS t FROM rung g WHERE g.run_id = r.run_id ORDER BY "  \
    "epoch)), "                                                                                    \
    "'') AS "                                                                                      \
    "line FROM run r ORDER BY number)"

static char *outcome_text(void) {
    struct pxs_store *store = NULL;
    struct pxs_table t = {0};
    struct pxs_error err;
    ck_assert_msg(pxs_store_open_readonly(in_folder("results/pixsweep.db"), &store, &err) == PXS_OK,
                  "%s", err.message);
    ck_assert_msg(pxs_store_select(store, OUTCOME, NULL, 0, &t, &err) == PXS_OK, "%s", err.message);
    char *text = strdup(t.cells[0].text);
    pxs_table_finish(&t);
    pxs_store_close(&store);
    return text;
}

/* Four epochs, judged after 1 and 2; `points` are learning_rate_D (the larger, the worse) and what
 * the double does. */
static void write_sweep(const char *points, const char *rest) {
    struct pxs_text text = {0};
    pxs_text_addf(&text, "%ssweep:\n  points:\n%s", rest, points);
    write_experiment(4, 0, pxs_text_str(&text));
    pxs_text_finish(&text);
}

static void expect_run(struct pxs_sweep_options options, int code, const char *words) {
    struct outcome o = run_with(options);
    ck_assert_msg(o.summary.exit_code == code, "%d: %s%s", o.summary.exit_code,
                  pxs_text_str(&o.lines), o.status == PXS_OK ? "" : o.err.message);
    ck_assert_msg(!words || strstr(pxs_text_str(&o.lines), words), "%s", pxs_text_str(&o.lines));
    outcome_finish(&o);
}

static void expect_outcome(const char *expected) {
    char *found = outcome_text();
    ck_assert_str_eq(found, expected);
    free(found);
}

#define ASHA "  prune: {rule: asha, rungs: [1, 2]}\n"

/* The lowest run is the slowest, so with several jobs all others have to wait for it. */
static const char slow_first[] = "    - {learning_rate_D: 4e-4, lambda_pixel: 6}\n"
                                 "    - {learning_rate_D: 5e-4, lambda_pixel: 1}\n"
                                 "    - {learning_rate_D: 3e-4, lambda_pixel: 6}\n"
                                 "    - {learning_rate_D: 2e-4, lambda_pixel: 1}\n"
                                 "    - {learning_rate_D: 3.5e-4, lambda_pixel: 1}\n"
                                 "    - {learning_rate_D: 1e-4, lambda_pixel: 1}\n" ASHA;
static const char slow_first_outcome[] =
    "1completed:40go_on0.8/-,1go_on0.9/- 2pruned:10pruned0.9/0.8 "
    "3completed:40go_on0.7/0.7,1go_on0.8/0.8 "
    "4completed:40go_on0.6/0.6,1go_on0.7/0.7 5pruned:10pruned0.75/0.6 "
    "6completed:40go_on0.5/0.6,1go_on0.6/0.6";

START_TEST(test_same_for_any_jobs)
{
    static const int jobs[] = {1, 2, 3, 6, 0};
    write_sweep(slow_first, "");
    expect_run((struct pxs_sweep_options){.jobs = jobs[_i]}, 0, "prune: asha");
    expect_outcome(slow_first_outcome);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'pruned' AND exit_code = 4", 2);
    expect_sql("SELECT pruned * 10 + completed FROM v_progress", 24);
    /* Nothing is left to do, and nothing is done. */
    expect_run((struct pxs_sweep_options){0}, 0, "nothing to do");
    expect_sql("SELECT count(*) FROM attempt", 6);
}
END_TEST

START_TEST(test_median_in_a_sweep)
{
    write_sweep("    - {learning_rate_D: 3e-4}\n    - {learning_rate_D: 5e-4}\n    - "
                "{learning_rate_D: 1e-4}\n"
                "    - {learning_rate_D: 4e-4}\n    - {learning_rate_D: 2e-4}\n"
                "  prune: {rule: median, rungs: [2], min_runs: 2}\n",
                "lambda_pixel: 1\n");
    expect_run((struct pxs_sweep_options){.jobs = 3}, 0, "favours schedules that fall early");
    expect_outcome("1completed:41go_on0.8/- 2completed:41go_on1.0/- 3completed:41go_on0.6/0.9 "
                   "4pruned:21pruned0.9/0.8 5completed:41go_on0.7/0.85");
}
END_TEST

/* Of the lower ones: 1 crashes for good before the second rung, 2 diverges, 3 crashes once, 4
 * fails. They have passed the first rung. */
START_TEST(test_those_that_end_badly)
{
    static const int jobs[] = {1, 4};
    write_sweep("    - {learning_rate_D: 1e-4, lambda_pixel: 3}\n    - {learning_rate_D: 1e-4, "
                "lambda_pixel: 2}\n"
                "    - {learning_rate_D: 1e-4, lambda_pixel: 4}\n    - {learning_rate_D: 1e-4, "
                "lambda_pixel: 5}\n"
                "    - {learning_rate_D: 2e-4, lambda_pixel: 1}\n    - {learning_rate_D: 1e-4, "
                "lambda_pixel: "
                "1}\n" ASHA,
                "run: {max_failures: 0}\n");
    expect_run((struct pxs_sweep_options){.jobs = jobs[_i]}, 1, NULL);
    expect_outcome(
        "1failed:10go_on0.5/- 2diverged:10go_on0.5/0.5 3completed:40go_on0.5/0.5,1go_on0.6/- "
        "4failed:10go_on0.5/0.5 5pruned:10pruned0.6/0.5 6completed:40go_on0.5/0.5,1go_on0.6/0.6");
}
END_TEST

/* Somebody stops the lowest run: those that wait for it do not decide without it, and the same
 * command goes on to the same end. */
START_TEST(test_a_lower_run_is_stopped)
{
    write_sweep("    - {learning_rate_D: 2e-4, lambda_pixel: 19}\n    - {learning_rate_D: 3e-4, "
                "lambda_pixel: 1}\n"
                "    - {learning_rate_D: 1e-4, lambda_pixel: 1}\n" ASHA,
                "");
    pid_t run = run_in_process((struct pxs_sweep_options){.jobs = 3}, "lines");
    ck_assert(wait_sql("SELECT count(*) FROM epoch WHERE epoch = 0", 2, 30));
    ck_assert(wait_sql("SELECT count(*) FROM batch_loss JOIN run USING (run_id) WHERE number = 1",
                       1, 30));
    kill((pid_t)sql_int("SELECT pid FROM attempt JOIN run USING (run_id) WHERE number = 1"),
         SIGTERM);
    ck_assert_int_eq(wait_for(run), 1);
    expect_sql("SELECT count(*) FROM rung", 0);
    expect_sql("SELECT count(*) FROM run WHERE state = 'interrupted'", 3);
    expect_run((struct pxs_sweep_options){.jobs = 2}, 0, NULL);
    expect_outcome("1completed:40go_on0.6/-,1go_on0.7/- 2pruned:10pruned0.7/0.6 "
                   "3completed:40go_on0.5/0.5,1go_on0.6/0.6");
}
END_TEST

/* The lowest run's supervisor is killed while another one, with a single slot, waits at a rung for
 * that run: its run steps back. */
START_TEST(test_a_waiting_run_steps_back)
{
    write_sweep("    - {learning_rate_D: 2e-4, lambda_pixel: 19}\n    - {learning_rate_D: 3e-4, "
                "lambda_pixel: 1}\n" ASHA,
                "");
    pid_t first = run_in_process((struct pxs_sweep_options){.jobs = 1}, "first");
    ck_assert(wait_sql("SELECT count(*) FROM batch_loss", 1, 30));
    pid_t second = run_in_process((struct pxs_sweep_options){.jobs = 1}, "second");
    ck_assert(wait_sql("SELECT count(*) FROM epoch WHERE epoch = 0", 1, 30));
    kill(first, SIGKILL);
    ck_assert_int_eq(wait_for(first), 128 + SIGKILL);
    ck_assert_int_eq(wait_for(second), 0);
    expect_outcome("1completed:40go_on0.6/-,1go_on0.7/- 2pruned:10pruned0.7/0.6");
    expect_sql("SELECT count(*) FROM attempt", 4);
}
END_TEST

/* kill -9 of the supervisor in the middle, as often as it gets anywhere. */
START_TEST(test_killed_again_and_again)
{
    write_sweep(slow_first, "");
    for (int done = 1; done <= 4; done++) {
        pid_t run = run_in_process((struct pxs_sweep_options){.jobs = 3}, "lines");
        wait_sql("SELECT count(*) FROM rung", 2 * done, 5);
        kill(run, SIGKILL);
        wait_for(run);
    }
    expect_run((struct pxs_sweep_options){.jobs = 2}, 0, NULL);
    expect_outcome(slow_first_outcome);
}
END_TEST

START_TEST(test_taken_up_without_pruning)
{
    write_sweep(slow_first, "");
    expect_run((struct pxs_sweep_options){.jobs = 2}, 0, NULL);
    static const char *const off[] = {"sweep.prune=none"};
    expect_run((struct pxs_sweep_options){.jobs = 2, .set = off, .n_set = 1}, 0, "2 to do");
    expect_sql("SELECT count(*) FROM run WHERE state = 'completed'", 6);
    expect_sql("SELECT count(*) FROM epoch", 24);
    /* And the pruning plan has nothing to say against what is completed. */
    expect_run((struct pxs_sweep_options){.jobs = 2}, 0, "nothing to do");
}
END_TEST

/* They count among the runs that there are jobs for, as `plan` says. */
START_TEST(test_taken_up_side_by_side)
{
    static const char *const off[] = {"sweep.prune=none"};
    struct pxs_cpu cpu;
    char words[64];
    pxs_cpu_detect(&cpu);
    write_sweep(slow_first, "");
    expect_run((struct pxs_sweep_options){.jobs = 2}, 0, NULL);
    snprintf(words, sizeof words, "2 to do, %d at a time with", cpu.cores < 2 ? 1 : 2);
    expect_run((struct pxs_sweep_options){.set = off, .n_set = 1}, 0, words);
}
END_TEST

/* Without a database: by memory and by what the folders hold. */
START_TEST(test_without_the_database)
{
    write_sweep(slow_first, "");
    ck_assert_int_eq(pxs_make_dirs(in_folder("results"), NULL), PXS_OK);
    struct pxs_lock lock = {.fd = -1};
    struct pxs_error err;
    ck_assert_msg(pxs_lock_take(&lock, in_folder("results/pixsweep.db.lock"), false, &err) ==
                      PXS_OK,
                  "%s", err.message);
    expect_run((struct pxs_sweep_options){.jobs = 3, .store_patience = 1}, 1,
               "pruned: validation loss");
    pxs_lock_release(&lock);
    expect_run((struct pxs_sweep_options){.jobs = 2}, 0, "ingested, it is pruned");
    expect_outcome(slow_first_outcome);
}
END_TEST

Suite *prune_suite(void) {
    Suite *suite = suite_create("prune");
    TCase *c = tcase_create("prune");
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, test_same_for_any_jobs, 0, 5);
    tcase_add_test(c, test_median_in_a_sweep);
    tcase_add_loop_test(c, test_those_that_end_badly, 0, 2);
    tcase_add_test(c, test_a_lower_run_is_stopped);
    tcase_add_test(c, test_a_waiting_run_steps_back);
    tcase_add_test(c, test_killed_again_and_again);
    tcase_add_test(c, test_taken_up_without_pruning);
    tcase_add_test(c, test_taken_up_side_by_side);
    tcase_add_test(c, test_without_the_database);
    suite_add_tcase(suite, c);
    return suite;
}
