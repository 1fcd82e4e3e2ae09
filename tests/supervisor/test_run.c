/* Sweeps that go well, or badly in ways that only concern one run. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/run/supervisor/supervisor_priv.h"

#define DUPLICATES "SELECT count(*) - count(DISTINCT run_id || '/' || step) FROM batch_loss"

static void expect_good(const struct outcome *o) {
    ck_assert_msg(o->status == PXS_OK, "%s\n%s", o->err.message, pxs_text_str(&o->lines));
    ck_assert_msg(o->summary.exit_code == 0, "%s", pxs_text_str(&o->lines));
}

START_TEST(test_good)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  grid: {learning_rate_G: [1e-4, 2e-4]}\n  seeds: 2\n");
    struct outcome o = run_with((struct pxs_sweep_options){.command = "pixsweep run exp.yaml"});
    expect_good(&o);
    ck_assert_uint_eq(o.summary.n_total, 4);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_COMPLETED], 4);
    ck_assert_uint_eq(o.summary.n_completed_now, 4);
    ck_assert_uint_eq(o.summary.n_problems, 0);
    ck_assert_ptr_nonnull(
        strstr(o.lines.text, "exp/0001-learning_rate_G-0.0001-s0: completed in "));
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM batch_loss", 4 * 12);
    expect_sql("SELECT count(*) FROM epoch", 4 * 3);
    expect_sql("SELECT count(*) FROM run WHERE state = 'completed'", 4);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'completed' AND exit_code = 0 AND pid "
               "> 1 AND "
               "pid_start > 0 AND "
               "ended_ms >= started_ms AND cores <> '' AND kernels = 'fake' AND threads > 0",
               4);
    expect_sql("SELECT count(*) FROM environment WHERE key = 'data_hash' AND length(value) = 64",
               4);
    expect_text("SELECT value FROM environment WHERE key = 'command' LIMIT 1",
                "pixsweep run exp.yaml");
    expect_text("SELECT dir FROM run WHERE number = 2", "exp/0002-learning_rate_G-0.0001-s1");
    expect_text("SELECT state FROM sweep", "open");
    struct stat info;
    ck_assert_int_eq(
        stat(in_folder("results/exp/0001-learning_rate_G-0.0001-s0/worker.log"), &info), 0);
}
END_TEST

START_TEST(test_again_does_nothing)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 2\n");
    struct outcome o = run_exp();
    expect_good(&o);
    outcome_finish(&o);
    o = run_exp();
    expect_good(&o);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_COMPLETED], 2);
    ck_assert_uint_eq(o.summary.n_completed_now, 0);
    ck_assert_ptr_nonnull(strstr(o.lines.text, "nothing to do"));
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt", 2);
}
END_TEST

START_TEST(test_config_runs_by_itself)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [5]\n");
    struct outcome o = run_exp();
    expect_good(&o);
    outcome_finish(&o);
    o = run_with(
        (struct pxs_sweep_options){.file = in_folder("results/exp/0001-base-s5/config.yaml")});
    expect_good(&o);
    ck_assert_str_eq(o.summary.sweep, "0001-base-s5");
    outcome_finish(&o);
    expect_sql("SELECT count(DISTINCT config_hash) FROM run", 1);
    expect_sql("SELECT count(*) FROM sweep", 2);
}
END_TEST

START_TEST(test_jobs_give_the_same)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 4\n");
    struct outcome o = run_with((struct pxs_sweep_options){.jobs = 4, .threads = 1});
    expect_good(&o);
    outcome_finish(&o);
    o = run_with((struct pxs_sweep_options){
        .jobs = 1, .set = (const char *const[]){"name=one"}, .n_set = 1});
    expect_good(&o);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM batch_loss", 8 * 12);
    expect_sql(
        "SELECT count(*) FROM batch_loss a JOIN run ra USING (run_id) JOIN run rb ON rb.seed = "
        "ra.seed AND "
        "rb.run_id <> ra.run_id JOIN batch_loss b ON b.run_id = rb.run_id AND b.step = a.step AND "
        "b.loss_G = a.loss_G AND b.loss_fake = a.loss_fake",
        8 * 12);
}
END_TEST

START_TEST(test_bad_runs_among_good_ones)
{
    write_experiment(3, 0, "sweep:\n  grid: {lambda_pixel: [1, 2, 3, 4, 5, 8]}\n");
    struct outcome o = run_with((struct pxs_sweep_options){.jobs = 3});
    ck_assert_msg(o.status == PXS_OK, "%s", o.err.message);
    ck_assert_int_eq(o.summary.exit_code, 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_COMPLETED], 2);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_DIVERGED], 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_FAILED], 3);
    ck_assert_uint_eq(o.summary.n_problems, 4);
    ck_assert_str_eq(o.summary.problems[0].name, "exp/0002-lambda_pixel-2-s0");
    ck_assert_int_eq(o.summary.problems[0].state, PXS_STATE_DIVERGED);
    ck_assert_str_eq(o.summary.problems[0].reason, "loss_G is not a number at step 5");
    ck_assert_ptr_nonnull(strstr(o.summary.problems[1].reason, "killed by signal 6"));
    ck_assert_ptr_nonnull(strstr(o.summary.retry, "queues them again"));
    ck_assert_ptr_nonnull(strstr(o.lines.text, "  | about to die"));
    outcome_finish(&o);
    /* diverged: never again; crash: one more; crash once: good the second time; its own failure:
     * final; silent: a crash */
    expect_sql("SELECT count(*) FROM attempt a JOIN run r USING (run_id) WHERE number = 2 AND "
               "outcome = 'diverged'",
               1);
    expect_sql(
        "SELECT count(*) FROM attempt a JOIN run r USING (run_id) WHERE number = 3 AND outcome = "
        "'failed' AND "
        "signal = 6 AND exit_code IS NULL AND message LIKE '%about to die%'",
        2);
    expect_text("SELECT group_concat(outcome) FROM (SELECT outcome FROM attempt a JOIN run r USING "
                "(run_id) "
                "WHERE number = 4 "
                "ORDER BY no)",
                "failed,completed");
    expect_sql("SELECT count(*) FROM attempt a JOIN run r USING (run_id) WHERE number = 5 AND "
               "outcome = 'failed'",
               1);
    expect_sql("SELECT count(*) FROM attempt a JOIN run r USING (run_id) WHERE number = 6 AND "
               "outcome = 'failed'",
               2);
    expect_sql("SELECT count(*) FROM batch_loss b JOIN run r USING (run_id) WHERE number = 4", 12);
    expect_sql("SELECT count(*) FROM batch_loss b JOIN run r USING (run_id) WHERE number = 2", 5);
    expect_sql(DUPLICATES, 0);
    o = run_exp();
    ck_assert_int_eq(o.summary.exit_code, 1);
    ck_assert_uint_eq(o.summary.n_completed_now, 0);
    ck_assert_uint_eq(o.summary.n_problems, 4);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt", 9);
}
END_TEST

START_TEST(test_retries_zero_and_three)
{
    write_experiment(3, FAKE_CRASH, "run: {retries: 3}\n");
    struct outcome o = run_exp();
    ck_assert_int_eq(o.summary.exit_code, 1);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt", 4);
    o = run_with((struct pxs_sweep_options){
        .set = (const char *const[]){"run.retries=0", "name=none"}, .n_set = 2});
    ck_assert_int_eq(o.summary.exit_code, 1);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt", 5);
}
END_TEST

START_TEST(test_damaged_records)
{
    write_experiment(3, FAKE_TORN, "");
    struct outcome o = run_exp();
    ck_assert_int_eq(o.summary.exit_code, 1);
    ck_assert_msg(strstr(o.lines.text, "record file is damaged") != NULL, "%s", o.lines.text);
    outcome_finish(&o);
    expect_text("SELECT state FROM run", "failed");
    expect_sql("SELECT count(*) FROM batch_loss", 5);
}
END_TEST

START_TEST(test_flood)
{
    write_experiment(2, FAKE_FLOOD, "");
    struct outcome o = run_exp();
    expect_good(&o);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM batch_loss", 20000);
    expect_sql("SELECT last_step FROM run_summary", 19999);
    expect_sql(DUPLICATES, 0);
}
END_TEST

START_TEST(test_timeout)
{
    write_experiment(0, 0,
                     "run: {timeout: 1s, retries: 0}\nsweep:\n  zip: {lambda_pixel: [6, 7], "
                     "n_epochs: [1000, 1001]}\n");
    struct outcome o = run_with((struct pxs_sweep_options){.jobs = 2, .grace = 1});
    ck_assert_int_eq(o.summary.exit_code, 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_FAILED], 2);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'failed' AND message LIKE 'timed out: "
               "run.timeout is 1.0 s%'",
               2);
    expect_sql("SELECT count(*) FROM attempt WHERE signal = 9 AND message LIKE '%grace%'", 1);
    expect_sql("SELECT count(*) FROM attempt WHERE exit_code = 130", 1);
}
END_TEST

/* ---- refused before anything starts --------------------------------------------------------- */

static void expect_nothing_started(struct outcome *o, const char *words) {
    ck_assert_int_ne(o->status, PXS_OK);
    ck_assert_int_eq(o->summary.exit_code, 2);
    ck_assert_msg(strstr(o->err.message, words) != NULL, "%s", o->err.message);
    outcome_finish(o);
    expect_sql("SELECT count(*) FROM attempt", -1);
}

START_TEST(test_preflight)
{
    struct outcome o;
    write_experiment(3, FAKE_GOOD, "learning_rate_G: 1e-4\n");
    o = run_with((struct pxs_sweep_options){.kernels = "quantum"});
    expect_nothing_started(&o, "no kernel set \"quantum\"");
    write_text("file", "in the way");
    o = run_with((struct pxs_sweep_options){.results = in_folder("file/results")});
    expect_nothing_started(&o, "file");
    write_text("results/exp/0001-base-s0/records.bin", "somebody's");
    o = run_exp();
    expect_nothing_started(&o, "move that folder away");
    write_text("data/train/a.npy", "torn");
    o = run_exp();
    expect_nothing_started(&o, "a.npy");
    o = run_with((struct pxs_sweep_options){.file = in_folder("nothing.yaml")});
    expect_nothing_started(&o, "nothing.yaml");
}
END_TEST

/* Two supervisors and a stranger's lock: whoever is pinned is so alone, and without a lock nobody
 * is pinned. */
START_TEST(test_core_locks)
{
    struct pxs_supervisor *s = calloc(2, sizeof *s);
    struct pxs_slot slots[3] = {{.threads = 1}, {.threads = 1}, {.threads = 1}};
    struct pxs_plan plan = {.slots = {.cores = 2, .jobs = 2, .threads = 1, .pinned = true}};
    cpu_set_t both;
    ck_assert_ptr_nonnull(s);
    for (int i = 0; i < 2; i++) {
        s[i].plan = &plan;
        CPU_SET(3, &s[i].allowed);
        CPU_SET(5, &s[i].allowed);
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            s[i].core_locks[cpu] = -1;
    }
    for (int i = 0; i < 3; i++) {
        CPU_SET(3, &slots[i].cores);
        pxs_cores_take(&s[i % 2], &slots[i]);
    }
    ck_assert(slots[0].holds_cores && CPU_COUNT(&slots[0].pins) == 1 &&
              CPU_ISSET(3, &slots[0].pins));
    ck_assert(slots[1].holds_cores && CPU_COUNT(&slots[1].pins) == 1 &&
              CPU_ISSET(5, &slots[1].pins));
    ck_assert(!slots[2].holds_cores && CPU_EQUAL(&slots[2].pins, &s[0].allowed));
    pxs_cores_let_go(&s[0], &slots[0]);
    pxs_cores_take(&s[0], &slots[2]);
    ck_assert(slots[2].holds_cores && CPU_ISSET(3, &slots[2].pins));
    pxs_cores_let_go(&s[0], &slots[2]);
    pxs_cores_let_go(&s[1], &slots[1]);
    /* A link in the folder's or a lock's place is followed by nobody. */
    setenv("PIXSWEEP_CORE_LOCKS", in_folder("link"), 1);
    ck_assert_int_eq(symlink(in_folder("cores"), in_folder("link")), 0);
    pxs_cores_take(&s[0], &slots[0]);
    ck_assert(!slots[0].holds_cores);
    setenv("PIXSWEEP_CORE_LOCKS", in_folder("cores"), 1);
    ck_assert_int_eq(unlink(in_folder("cores/core-3")), 0);
    ck_assert_int_eq(symlink(in_folder("victim"), in_folder("cores/core-3")), 0);
    pxs_cores_take(&s[0], &slots[0]);
    both = slots[0].pins;
    ck_assert(CPU_ISSET(5, &both) && CPU_COUNT(&both) == 1);
    ck_assert_int_ne(access(in_folder("victim"), F_OK), 0);
    pxs_cores_let_go(&s[0], &slots[0]);
    free(s);
}
END_TEST

/* What the last attempt was to do stays in the run's folder, and rm takes it away. */
START_TEST(a_run_keeps_its_last_job)
{
    static const char dir[] = "results/exp/0001-base-s0";
    struct pxs_run_files sum = {0};
    struct pxs_job job;
    write_experiment(4, FAKE_CRASH_ONCE, "run: {resume_every: 7s}\n");
    struct outcome o = run_with((struct pxs_sweep_options){.command = "pixsweep run exp.yaml"});
    ck_assert_int_eq(o.summary.exit_code, 0);
    outcome_finish(&o);
    ck_ok(pxs_job_read(in_folder(dir), &job, &err));
    ck_assert_int_eq(job.attempt, 2);
    ck_assert_int_eq(job.supervisor, getpid());
    ck_assert(job.resume_every == 7);
    ck_assert_str_eq(job.command, "pixsweep run exp.yaml");
    pxs_job_finish(&job);
    ck_assert_int_eq(unlink(in_folder("results/exp/0001-base-s0/fake.was.here")), 0);
    ck_ok(pxs_run_files(in_folder("results"), in_folder(dir), true, &sum, &err));
    ck_assert_uint_eq(sum.kept, 0);
    ck_assert(!exists(dir));
}
END_TEST

Suite *run_suite(void) {
    Suite *suite = suite_create("run");
    TCase *c = tcase_create("run");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_core_locks);
    tcase_add_test(c, test_good);
    tcase_add_test(c, test_again_does_nothing);
    tcase_add_test(c, test_config_runs_by_itself);
    tcase_add_test(c, test_jobs_give_the_same);
    tcase_add_test(c, test_bad_runs_among_good_ones);
    tcase_add_test(c, test_retries_zero_and_three);
    tcase_add_test(c, test_damaged_records);
    tcase_add_test(c, test_flood);
    tcase_add_test(c, test_timeout);
    tcase_add_test(c, test_preflight);
    tcase_add_test(c, a_run_keeps_its_last_job);
    suite_add_tcase(suite, c);
    return suite;
}
