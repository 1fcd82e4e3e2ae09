/* Claims on runs, as a supervisor takes, keeps and loses them. */
#include "fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/rundir/claim.h"

#define RUN "results/exp/0001-base-s0"
#define CLAIM RUN "/" PXS_CLAIM_FILE

static const struct pxs_sweep_options quick = {.jobs = 1, .claim_every = 0.3};

/* Another machine's claim on the run, in place of whatever is there. */
static struct pxs_claim claim_from_far(void) {
    struct pxs_claim_owner far;
    struct pxs_claim claim;
    pxs_claim_owner_here("4711_3", 0, &far);
    snprintf(far.host, sizeof far.host, "far");
    ck_ok(pxs_make_dirs(in_folder(RUN), &err));
    unlink(in_folder(CLAIM));
    ck_ok(pxs_claim_take(in_folder(RUN), &far, &claim, &err));
    return claim;
}

static void expect_lines(const char *words, bool there) {
    char *text = slurp("lines", NULL);
    ck_assert_msg((strstr(text, words) != NULL) == there, "%s: %s", words, text);
    free(text);
}

START_TEST(test_waits_for_the_owner)
{
    write_experiment(1, FAKE_GOOD, "");
    struct pxs_claim claim = claim_from_far();
    pid_t pid = run_in_process(quick, "lines");
    wait_line("lines", "0001-base-s0 is claimed by process", 20);
    expect_lines("on far, task 4711_3", true);
    usleep(300000);
    ck_assert(!exists(RUN "/" PXS_RECORDS_FILE));
    pxs_claim_release(&claim);
    ck_assert_int_eq(wait_for(pid), 0);
    expect_sql("SELECT count(*) FROM attempt", 1);
    ck_assert(!exists(CLAIM));
}
END_TEST

/* The worker learns under which claim it works; it is renewed, and given back at the end. */
START_TEST(test_keeps_its_claim)
{
    struct pxs_claim_owner owner;
    struct pxs_job job;
    char nonce[PXS_CLAIM_NONCE];
    int64_t touched, later;
    write_experiment(20, FAKE_SLOW, "");
    pid_t pid = run_in_process(quick, "lines");
    wait_until(exists(RUN "/" PXS_RECORDS_FILE));
    ck_ok(pxs_claim_read(in_folder(RUN), &owner, nonce, &touched, &err));
    ck_assert_int_eq(owner.pid, pid);
    ck_assert_str_eq(owner.task, "");
    ck_ok(pxs_job_read(in_folder(RUN), &job, &err));
    ck_assert_str_eq(job.claim, nonce);
    pxs_job_finish(&job);
    do {
        usleep(10000);
        ck_ok(pxs_claim_read(in_folder(RUN), &owner, nonce, &later, &err));
    } while (later == touched);
    ck_assert_int_eq(wait_for(pid), 0);
    ck_assert(!exists(CLAIM));
}
END_TEST

/* The worker says that it is lost, whatever its supervisor sees: that is no crash of the run. */
START_TEST(test_a_claim_that_the_worker_lost)
{
    write_experiment(2, FAKE_LOST_ONCE, "run: {retries: 0}\n");
    pid_t pid = run_in_process(quick, "lines");
    ck_assert_int_eq(wait_for(pid), 0);
    expect_lines("its worker found the claim lost", true);
    expect_lines("failed", false);
    expect_text("SELECT group_concat(outcome) FROM (SELECT outcome FROM attempt ORDER BY no)",
                "interrupted,completed");
}
END_TEST

/* Another machine broke it: the worker is killed, and its folder is not written to any more. */
START_TEST(test_a_lost_claim)
{
    struct stat before, after;
    struct pxs_job job;
    write_experiment(1, FAKE_STALL_ONCE, "");
    pid_t pid = run_in_process(quick, "lines");
    wait_line("lines", "started", 20);
    wait_until(exists(RUN "/fake.was.here")); /* the first attempt stalls, not the second */
    wait_until(wait_sql("SELECT count(*) FROM batch_loss", 1, 1));
    int64_t worker = sql_int("SELECT pid FROM attempt");
    ck_assert_int_eq(kill((pid_t)worker, 0), 0);
    struct pxs_claim claim = claim_from_far();
    ck_assert_int_eq(stat(in_folder(RUN "/" PXS_RECORDS_FILE), &before), 0);
    wait_line("lines", "its claim is lost, it is stopped here", 20);
    expect_lines("on far, task 4711_3 by now", true);
    wait_until(kill((pid_t)worker, 0) != 0);
    usleep(300000);
    ck_assert(!exists(RUN "/" PXS_ENDS_FILE));
    ck_assert_int_eq(stat(in_folder(RUN "/" PXS_RECORDS_FILE), &after), 0);
    ck_assert_int_eq(before.st_size, after.st_size);
    ck_ok(pxs_claim_check(in_folder(RUN), claim.nonce, &err));
    ck_ok(pxs_job_read(in_folder(RUN), &job, &err));
    ck_assert_int_eq(job.attempt, 1);
    pxs_job_finish(&job);
    expect_text("SELECT state FROM run", "running");
    pxs_claim_release(&claim);
    ck_assert_int_eq(wait_for(pid), 0);
    expect_text("SELECT group_concat(reason) FROM (SELECT reason FROM attempt ORDER BY no)",
                "lost,completed");
}
END_TEST

/* A claim that cannot be looked at is no lost one before its lease is over (here 1.5 s). */
START_TEST(test_a_claim_that_cannot_be_read)
{
    write_experiment(1, FAKE_STALL, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){.claim_every = 0.05}, "lines");
    wait_until(exists(RUN "/" PXS_RECORDS_FILE));
    ck_assert_int_eq(rename(in_folder(CLAIM), in_folder("kept")), 0);
    ck_assert_int_eq(symlink("nowhere", in_folder(CLAIM)), 0);
    usleep(500000);
    expect_lines("claim is lost", false);
    ck_assert_int_eq(rename(in_folder("kept"), in_folder(CLAIM)), 0);
    usleep(500000);
    ck_assert_int_eq(rename(in_folder(CLAIM), in_folder("kept")), 0);
    ck_assert_int_eq(symlink("nowhere", in_folder(CLAIM)), 0);
    usleep(1200000); /* with the first time more than a lease, but it was seen in between */
    expect_lines("claim is lost", false);
    wait_line("lines", "its claim is lost", 20);
    kill(pid, SIGKILL);
    wait_for(pid);
    ck_assert(!exists(RUN "/" PXS_ENDS_FILE));
}
END_TEST

static const char *claimed_as(void) {
    static struct pxs_claim_owner owner;
    char nonce[PXS_CLAIM_NONCE];
    int64_t touched_ms;
    ck_ok(pxs_claim_read(in_folder(RUN), &owner, nonce, &touched_ms, &err));
    return owner.task;
}

/* What is claimed is neither merged nor removed nor closed. */
START_TEST(test_others_leave_it_alone)
{
    struct pxs_folder_locks locks;
    struct pxs_run_files files = {0};
    char results[PXS_PATH_MAX], dir[PXS_PATH_MAX];
    write_experiment(1, FAKE_GOOD, "");
    struct outcome o = run_exp();
    ck_assert_int_eq(o.summary.exit_code, 0);
    outcome_finish(&o);
    snprintf(results, sizeof results, "%s", in_folder("results"));
    snprintf(dir, sizeof dir, "%s", in_folder(RUN));
    struct pxs_claim claim = claim_from_far();
    ck_fails(pxs_folder_lock(dir, &locks, &err), PXS_E_BUSY, "on far, task 4711_3");
    ck_assert(locks.claimed && locks.guard.fd < 0 && locks.worker.fd < 0);
    ck_fails(pxs_run_files(results, dir, false, &files, &err), PXS_E_BUSY, "on far, task 4711_3");
    ck_fails(pxs_run_files(results, dir, true, &files, &err), PXS_E_BUSY, "on far, task 4711_3");
    ck_assert(exists(RUN "/" PXS_RECORDS_FILE));
    pxs_claim_release(&claim);
    ck_ok(pxs_folder_look(dir, &locks, &err));
    ck_assert(!exists(CLAIM)); /* who only looks keeps no task from the run */
    pxs_folder_unlock(&locks);
    ck_ok(pxs_folder_lock(dir, &locks, &err));
    ck_assert(exists(CLAIM)); /* so that no job begins it meanwhile, on another machine */
    ck_assert_str_eq(claimed_as(), PXS_CLAIM_BRIEF);
    pxs_folder_unlock(&locks);
    ck_assert(!exists(CLAIM));
    files = (struct pxs_run_files){0};
    ck_ok(pxs_run_files(results, dir, true, &files, &err));
    ck_assert(!exists(RUN));
}
END_TEST

Suite *claims_suite(void) {
    Suite *suite = suite_create("claims");
    TCase *c = tcase_create("claims");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_waits_for_the_owner);
    tcase_add_test(c, test_keeps_its_claim);
    tcase_add_test(c, test_a_claim_that_the_worker_lost);
    tcase_add_test(c, test_a_lost_claim);
    tcase_add_test(c, test_a_claim_that_cannot_be_read);
    tcase_add_test(c, test_others_leave_it_alone);
    suite_add_tcase(suite, c);
    return suite;
}
