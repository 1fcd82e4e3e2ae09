/* Records are ingested: a database that is shut, lost or another one; merge, reap, and what other
 * terminals do. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DB "results/pixsweep.db"
#define ENDS "results/exp/0001-base-s0/ends.txt"
#define RECORDS(run) "results/exp/" run "/records.bin"

static int hold_lock(void) {
    ck_assert_int_eq(pxs_make_dirs(in_folder("results"), NULL), PXS_OK);
    int fd = open(in_folder(DB ".lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    return fd;
}

/* In a process of its own, since a fork carries locks along: until that is killed. */
static pid_t hold_lock_in_process(void) {
    close(hold_lock());
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        hold_lock();
        write_text("held", "x");
        for (;;)
            pause();
    }
    wait_until(exists("held"));
    return pid;
}

static int count_of(const char *text, const char *words) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
        n++;
    return n;
}

static void check(const struct outcome *o, int exit_code, size_t completed, size_t now) {
    ck_assert_msg(o->summary.exit_code == exit_code &&
                      o->summary.states.of[PXS_STATE_COMPLETED] == completed &&
                      o->summary.n_completed_now == now,
                  "%d, %zu completed, %zu now: %s%s", o->summary.exit_code,
                  o->summary.states.of[PXS_STATE_COMPLETED], o->summary.n_completed_now,
                  pxs_text_str(&o->lines), o->status == PXS_OK ? "" : o->err.message);
}

static void run_expecting(int exit_code, size_t completed, size_t now) {
    struct outcome o = run_exp();
    check(&o, exit_code, completed, now);
    outcome_finish(&o);
}

static void expect_whole(int64_t runs) {
    expect_sql("SELECT count(*) FROM run WHERE state = 'completed'", runs);
    expect_sql(
        "SELECT count(*) FROM attempt WHERE outcome = 'completed' AND ended_ms > 0 AND pid > 1",
        runs);
    expect_sql("SELECT count(*) FROM attempt", runs);
    expect_sql("SELECT count(*) FROM batch_loss", runs * 12);
    expect_sql("SELECT count(*) FROM epoch", runs * 3);
    expect_sql("SELECT count(*) FROM run_summary WHERE last_step = 11", runs);
    expect_sql("SELECT count(*) FROM environment WHERE key = 'data_hash'", runs);
    expect_sql("SELECT count(*) FROM param WHERE key = 'batch_size'", runs);
}

/* ---- a database that is shut ---------------------------------------------------------------- */

START_TEST(test_shut_all_through)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 3\n");
    int fd = hold_lock();
    struct outcome o = run_with((struct pxs_sweep_options){.store_patience = 0.5});
    check(&o, 1, 3, 3);
    ck_assert_int_eq(count_of(o.lines.text, "cannot be written for now"), 1);
    ck_assert_ptr_nonnull(strstr(o.summary.remedy, "next"));
    outcome_finish(&o);
    o = run_with((struct pxs_sweep_options){.store_patience = 0.5});
    /* told by the folders: nothing is repeated, but the database still lacks it */
    check(&o, 1, 3, 0);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM run", -1);
    close(fd);
    run_expecting(0, 3, 0);
    expect_whole(3);
    run_expecting(0, 3, 0);
    expect_whole(3);
}
END_TEST

START_TEST(test_lock_that_cannot_be_made)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 2\n");
    ck_assert_int_eq(pxs_make_dirs(in_folder(DB ".lock"), NULL), PXS_OK);
    run_expecting(1, 2, 2);
    ck_assert_int_eq(rmdir(in_folder(DB ".lock")), 0);
    run_expecting(0, 2, 0);
    expect_whole(2);
}
END_TEST

START_TEST(test_shut_for_a_while)
{
    write_experiment(100, FAKE_SLOW, "sweep:\n  seeds: 2\n");
    pid_t holder = hold_lock_in_process();
    pid_t pid = run_in_process((struct pxs_sweep_options){.jobs = 2}, "lines");
    wait_until(exists(RECORDS("0002-base-s1")));
    kill(holder, SIGKILL);
    wait_for(holder);
    /* While both still train, they get their rows. */
    ck_assert(wait_sql("SELECT count(*) FROM run WHERE state = 'running'", 2, 60));
    ck_assert(wait_sql("SELECT count(*) > 0 FROM batch_loss", 1, 60));
    ck_assert_int_eq(wait_for(pid), 0);
    expect_sql("SELECT count(*) FROM batch_loss", 800);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'completed' AND exit_code = 0", 2);
    char *lines = slurp("lines", NULL);
    ck_assert_int_eq(count_of(lines, "cannot be written for now"), 1);
    ck_assert_int_eq(count_of(lines, "can be written again"), 1);
    free(lines);
}
END_TEST

/* Budgets and verdicts hold without a database, and are written down when it opens. */
START_TEST(test_failures_while_shut)
{
    write_experiment(3, 0, "sweep:\n  grid: {lambda_pixel: [2, 3, 4]}\n");
    int fd = hold_lock();
    struct outcome o = run_with((struct pxs_sweep_options){.store_patience = 0.5});
    ck_assert_int_eq(o.summary.exit_code, 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_COMPLETED], 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_FAILED], 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_DIVERGED], 1);
    ck_assert_uint_eq(o.summary.n_problems, 2);
    ck_assert_str_eq(o.summary.problems[0].reason, "loss_G is not a number at step 5");
    ck_assert_str_eq(o.summary.problems[1].reason,
                     "killed by signal 6 (Aborted) at step 5; given up after 2 attempts");
    outcome_finish(&o);
    close(fd);
    o = run_exp();
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_COMPLETED], 1);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_DIVERGED], 1);
    outcome_finish(&o);
    expect_text("SELECT outcome FROM attempt JOIN run USING (run_id) WHERE number = 1", "diverged");
    /* How a worker died stands in no record: the folder has kept it. */
    expect_text(
        "SELECT group_concat(reason || ' ' || outcome) FROM (SELECT reason, outcome FROM attempt "
        "JOIN run USING (run_id) WHERE number = 2 ORDER BY no)",
        "crash failed,crash failed");
    expect_text(
        "SELECT group_concat(reason) FROM (SELECT reason FROM attempt JOIN run USING (run_id) "
        "WHERE number <> 2 ORDER BY number, no)",
        "diverged,killed,completed");
    expect_text("SELECT state FROM run WHERE number = 3", "completed");
}
END_TEST

START_TEST(test_two_without_database)
{
    write_experiment(2, FAKE_SLOW, "sweep:\n  seeds: 6\n");
    int fd = hold_lock();
    struct pxs_sweep_options options = {.jobs = 2, .store_patience = 0.5};
    pid_t a = run_in_process(options, "lines.a"), b = run_in_process(options, "lines.b");
    int code_a = wait_for(a), code_b = wait_for(b);
    ck_assert_msg(code_a <= 1 && code_b <= 1, "%d %d", code_a, code_b);
    for (int i = 0; i < 6; i++) {
        char name[64];
        int64_t at;
        snprintf(name, sizeof name, RECORDS("%04d-base-s%d"), i + 1, i);
        ck_assert_int_eq(pxs_record_find_attempt(in_folder(name), 1, &at, NULL), PXS_OK);
        ck_assert_int_eq(pxs_record_find_attempt(in_folder(name), 2, &at, NULL), PXS_E_NOT_FOUND);
    }
    close(fd);
    run_expecting(0, 6, 0);
    expect_sql("SELECT count(*) FROM attempt", 6);
    expect_sql("SELECT count(*) FROM batch_loss", 48);
}
END_TEST

/* ---- a database that is lost ---------------------------------------------------------------- */

static void lose_database(void) {
    unlink(in_folder(DB));
    unlink(in_folder(DB "-wal"));
    unlink(in_folder(DB "-shm"));
}

START_TEST(test_database_lost)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 3\n");
    run_expecting(0, 3, 3);
    lose_database();
    run_expecting(0, 3, 0);
    expect_whole(3);
    /* Other numbers by now: each run stays in its folder. */
    lose_database();
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [7, 2]\n");
    run_expecting(0, 2, 1);
    expect_text("SELECT dir FROM run WHERE seed = 2", "exp/0003-base-s2");
    expect_text("SELECT dir FROM run WHERE seed = 7", "exp/0004-base-s7");
}
END_TEST

/* ---- merge ---------------------------------------------------------------------------------- */

static void collect(void *user, const struct pxs_ingest_line *line) {
    pxs_text_addf(user, "%s: %s\n", line->name, line->text);
}

static struct pxs_ingest_counts merge(const char *db, const char *dir, struct pxs_text *said) {
    struct pxs_store *store = NULL;
    struct pxs_ingest_counts counts = {0};
    struct pxs_error err;
    ck_assert_int_eq(pxs_store_open(in_folder(db), &store, &err), PXS_OK);
    enum pxs_status status = pxs_sweep_merge(store, in_folder(dir), collect, said, &counts, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    pxs_store_close(&store);
    return counts;
}

START_TEST(test_merge)
{
    struct pxs_text said = {0};
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 3\n");
    run_expecting(0, 3, 3);
    lose_database();
    /* One folder, the last one first; then everything; then everything again. */
    struct pxs_ingest_counts counts = merge(DB, "results/exp/0003-base-s2", &said);
    ck_assert_uint_eq(counts.changed, 1);
    FILE *file = fopen(in_folder(RECORDS("0001-base-s0")), "ab");
    fputs("PXR\ntorn", file);
    fclose(file);
    counts = merge(DB, "results", &said);
    ck_assert_msg(counts.found == 3 && counts.changed == 2 && counts.problems == 0, "%s",
                  said.text);
    ck_assert_msg(strstr(said.text, "is torn (8 bytes): dropped") != NULL, "%s", said.text);
    expect_whole(3);
    expect_sql("SELECT n_planned FROM sweep", 3);
    counts = merge(DB, "results/exp", &said);
    ck_assert_uint_eq(counts.found, 3);
    ck_assert_uint_eq(counts.changed, 0);
    expect_whole(3);
    run_expecting(0, 3, 0);
    pxs_text_finish(&said);
}
END_TEST

/* A folder that links to itself, and to another sweep: neither is followed, each is told once. */
START_TEST(test_merge_links)
{
    struct pxs_text said = {0};
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 2\n");
    run_expecting(0, 2, 2);
    lose_database();
    ck_assert_int_eq(rename(in_folder("results/exp/0002-base-s1"), in_folder("foreign")), 0);
    ck_assert_int_eq(symlink(".", in_folder("results/exp/loop")), 0);
    ck_assert_int_eq(symlink("../../foreign", in_folder("results/exp/0002-base-s1")), 0);
    ck_assert_int_eq(symlink("nowhere", in_folder("results/exp/dangling")), 0);
    struct pxs_ingest_counts counts = merge(DB, "results", &said);
    ck_assert_msg(counts.found == 2 && counts.changed == 1 && counts.problems == 1, "%s",
                  said.text);
    const char *first = strstr(said.text, "merge it by its own path");
    ck_assert_msg(first && strstr(first + 1, "merge it by its own path"), "%s", said.text);
    ck_assert_msg(!strstr(strstr(first + 1, "merge it by") + 1, "merge it by"), "%s", said.text);
    counts = merge(DB, "results/exp/0002-base-s1", &said);
    ck_assert_msg(counts.found == 1 && counts.changed == 1, "%s", said.text);
    expect_whole(2);
    pxs_text_finish(&said);
}
END_TEST

START_TEST(test_merge_number_taken)
{
    struct pxs_text said = {0};
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [5]\n");
    run_expecting(0, 1, 1);
    ck_assert_int_eq(rename(in_folder("results"), in_folder("away")), 0);
    write_experiment(3, FAKE_GOOD, "learning_rate_G: 3e-4\nsweep:\n  seeds: [5]\n");
    run_expecting(0, 1, 1);
    merge(DB, "away", &said);
    expect_whole(2);
    expect_text("SELECT group_concat(name) FROM (SELECT name FROM run ORDER BY number)",
                "exp/0001-base-s5,exp/0002-base-s5");
    pxs_text_finish(&said);
}
END_TEST

/* The same run in two places: whichever got further stays, in whichever order they come. */
START_TEST(test_merge_further_one_stays)
{
    struct pxs_text said = {0};
    write_experiment(3, FAKE_CRASH_ONCE, "run: {retries: 0}\n");
    run_expecting(1, 0, 0);
    ck_assert_int_eq(rename(in_folder("results"), in_folder("short")), 0);
    write_text("results/exp/0001-base-s0/fake.was.here", "x");
    run_expecting(0, 1, 1);
    ck_assert_int_eq(rename(in_folder("results"), in_folder("long")), 0);
    merge(DB, "short", &said);
    expect_text("SELECT state FROM run", "failed");
    expect_sql("SELECT count(*) FROM batch_loss", 5);
    struct pxs_ingest_counts counts = merge(DB, "long", &said);
    ck_assert_msg(counts.changed == 1 && counts.problems == 0, "%s", said.text);
    expect_text("SELECT state FROM run", "completed");
    expect_sql("SELECT count(*) FROM batch_loss", 12);
    expect_sql("SELECT count(*) FROM run", 1);
    expect_sql("SELECT count(*) FROM attempt", 2);
    counts = merge(DB, "short", &said);
    ck_assert_uint_eq(counts.changed, 0);
    counts = merge(DB, "long", &said);
    ck_assert_uint_eq(counts.changed, 0);
    expect_sql("SELECT count(*) FROM batch_loss", 12);
    expect_text("SELECT state FROM run", "completed");
    pxs_text_finish(&said);
}
END_TEST

/* A results folder that somebody moved: the runs are where they are now, but never where there is
 * less of them. */
START_TEST(test_merge_moved)
{
    struct pxs_text said = {0};
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: 2\n");
    run_expecting(0, 2, 2);
    ck_assert_int_eq(rename(in_folder("results"), in_folder("before")), 0);
    merge(DB, "before", &said);
    expect_whole(2);
    ck_assert_int_eq(rename(in_folder("before"), in_folder("after")), 0);
    ck_assert_int_eq(truncate(in_folder("after/exp/0002-base-s1/records.bin"), 400), 0);
    pxs_text_clear(&said);
    struct pxs_ingest_counts counts = merge(DB, "after", &said);
    ck_assert_msg(counts.changed == 1 && counts.problems == 0, "%s", said.text);
    ck_assert_msg(strstr(said.text, "exp/0002-base-s1: nothing taken") != NULL, "%s", said.text);
    expect_whole(2);
    expect_sql("SELECT count(*) FROM attempt", 2);
    expect_sql("SELECT count(*) FROM run WHERE dir LIKE '%/after/exp/0001-base-s0'", 1);
    expect_sql("SELECT count(*) FROM run WHERE dir LIKE '%/before/exp/0002-base-s1'", 1);
    expect_sql("SELECT count(*) FROM event WHERE message LIKE 'taken from %/after/% is gone'", 1);
    counts = merge(DB, "after", &said);
    ck_assert_uint_eq(counts.changed, 0);
    pxs_text_finish(&said);
}
END_TEST

START_TEST(test_merge_at_work)
{
    struct pxs_text said = {0};
    write_experiment(1, FAKE_STALL, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){0}, "lines");
    ck_assert(wait_sql("SELECT count(*) FROM batch_loss", 1, 20));
    struct pxs_ingest_counts counts = merge("other.db", "results", &said);
    ck_assert_msg(counts.problems == 1 && strstr(said.text, "at work now"), "%s", said.text);
    kill((pid_t)sql_int("SELECT pid FROM attempt"), SIGTERM);
    ck_assert_int_eq(wait_for(pid), 1);
    counts = merge("other.db", "results", &said);
    ck_assert_uint_eq(counts.changed, 1);
    pxs_text_finish(&said);
}
END_TEST

static struct pxs_ingest_counts reap(bool dry) {
    struct pxs_store *store = NULL;
    struct pxs_ingest_counts counts = {0};
    struct pxs_error err;
    ck_assert_int_eq(pxs_store_open(in_folder(DB), &store, &err), PXS_OK);
    ck_assert_int_eq(pxs_sweep_reap(store, 0, dry, NULL, NULL, &counts, &err), PXS_OK);
    pxs_store_close(&store);
    return counts;
}

/* ---- how attempts ended --------------------------------------------------------------------- */

/* Every attempt and state, without what a second time differs in. */
static char *all_ends(void) {
    struct pxs_store *s = NULL;
    struct pxs_table t = {0};
    struct pxs_text out = {0};
    struct pxs_error err;
    ck_assert_int_eq(pxs_store_open_readonly(in_folder(DB), &s, &err), PXS_OK);
    ck_assert_int_eq(
        pxs_store_select(
            s,
            "SELECT number || ' ' || state || ' ' || no || ' ' || outcome || ' ' || reason || ' ' "
            "|| coalesce(exit_code, '-') || ' ' || coalesce(signal, '-') || ' ' || message || ' ' "
            "|| (ended_ms >= started_ms) || ' ' || (pid > 1) || ' ' || host || ' ' || cores || ' ' "
            "|| threads || ' ' || kernels AS line FROM attempt JOIN run USING (run_id) "
            "ORDER BY number, no",
            NULL, 0, &t, &err),
        PXS_OK);
    for (size_t i = 0; i < t.n_rows; i++)
        pxs_text_addf(&out, "%s\n", pxs_table_at(&t, i, "line").text);
    pxs_table_finish(&t);
    pxs_store_close(&s);
    return out.text;
}

static void expect_ends(const char *expected) {
    char *ends = all_ends();
    ck_assert_str_eq(ends, expected);
    free(ends);
}

/* What supervisors see of a death reaches the database in full, by whichever way. */
START_TEST(test_ends_from_folders)
{
    struct pxs_text said = {0};
    const struct pxs_sweep_options options = {.jobs = 1, .store_patience = 0.5};
    write_experiment(3, 0, "sweep:\n  grid: {lambda_pixel: [1, 2, 3, 4, 5, 8]}\n");
    struct outcome o = run_with(options);
    check(&o, 1, 2, 2);
    outcome_finish(&o);
    char *expected = all_ends();
    ck_assert_ptr_nonnull(strstr(expected, "3 failed 2 failed crash - 6 killed by signal 6"));
    ck_assert_ptr_nonnull(strstr(expected, "about to die"));
    ck_assert_ptr_nonnull(strstr(expected, "5 failed 1 failed error 1 - the pairs smell"));
    ck_assert_ptr_nonnull(strstr(expected, "6 failed 2 failed crash 0 - exited with code 0"));
    /* The database is lost: the folders have it all. */
    lose_database();
    merge(DB, "results", &said);
    expect_ends(expected);
    lose_database();
    o = run_with(options);
    check(&o, 1, 2, 0);
    outcome_finish(&o);
    expect_ends(expected);
    /* The database is shut all through, and a later session has it open. */
    remove_tree(in_folder("results"));
    int fd = hold_lock();
    o = run_with(options);
    check(&o, 1, 2, 2);
    outcome_finish(&o);
    o = run_with(options); /* nothing runs again */
    check(&o, 1, 2, 0);
    outcome_finish(&o);
    close(fd);
    o = run_with(options);
    check(&o, 1, 2, 0);
    outcome_finish(&o);
    expect_ends(expected);
    free(expected);
    pxs_text_finish(&said);
}
END_TEST

/* The database is shut when a worker is killed, and its supervisor gives up on it. */
START_TEST(test_ends_by_reap)
{
    write_experiment(2000, FAKE_SLOW, "run: {retries: 0}\n");
    pid_t pid = run_in_process((struct pxs_sweep_options){.shut_after = 0.1, .store_patience = 0.5},
                               "lines");
    ck_assert(wait_sql("SELECT count(*) > 0 FROM batch_loss", 1, 20));
    int fd = hold_lock();
    wait_line("lines", "cannot be written for now", 60);
    kill((pid_t)sql_int("SELECT pid FROM attempt"), SIGKILL);
    ck_assert_int_eq(wait_for(pid), 1);
    close(fd);
    expect_text("SELECT state FROM run", "running");
    ck_assert_uint_eq(reap(false).changed, 1);
    expect_text(
        "SELECT state || ' ' || outcome || ' ' || reason || ' ' || signal FROM attempt JOIN "
        "run USING (run_id)",
        "failed failed killed 9");
    expect_sql("SELECT message LIKE 'killed by signal 9%' FROM attempt", 1);
}
END_TEST

/* No number is given twice, although nobody could ask the database: not that of an attempt that was
 * only told to its worker, nor of one that left a line of ends.txt alone. */
START_TEST(test_numbers_of_attempts)
{
    const struct pxs_sweep_options options = {.store_patience = 0.5};
    const struct pxs_job told = {.kind = PXS_JOB_ATTEMPT,
                                 .supervisor = 1,
                                 .attempt = 4,
                                 .threads = 1,
                                 .kernels = "auto",
                                 .config_hash = "",
                                 .data_hash = "",
                                 .command = ""};
    write_experiment(3, FAKE_SILENT, "");
    ck_assert_int_eq(pxs_make_dirs(in_folder("results/exp/0001-base-s0"), NULL), PXS_OK);
    ck_ok(pxs_job_write(&told, in_folder("results/exp/0001-base-s0"), &err));
    int fd = hold_lock();
    struct outcome o = run_with(options);
    check(&o, 1, 0, 0);
    outcome_finish(&o);
    close(fd);
    run_expecting(1, 0, 0);
    expect_text("SELECT group_concat(no || ' ' || reason) FROM (SELECT no, reason FROM attempt "
                "ORDER BY no)",
                "5 crash,6 crash");
    lose_database();
    remove_tree(in_folder(ENDS));
    remove_tree(in_folder(RECORDS("0001-base-s0")));
    run_expecting(1, 0, 0); /* job.json still has the last number */
    expect_text("SELECT group_concat(no) FROM (SELECT no FROM attempt ORDER BY no)", "7,8");
}
END_TEST

/* A session that died is remembered by the folder, so that the budget holds. */
START_TEST(test_budget_by_folder)
{
    write_experiment(3, FAKE_CRASH, "");
    write_text(ENDS, "1 crash 9 9 b failed failed -1 6 1 2 h 0 1 k given up, then put back\n"
                     "2 crash 9 10 b failed queued -1 6 1 2 h 0 1 k first\n"
                     "3 stopped 9 11 b interrupted interrupted 130 0 1 2 h 0 1 k stopped\n");
    int fd = hold_lock();
    struct outcome o = run_with((struct pxs_sweep_options){.store_patience = 0.5});
    ck_assert_str_eq(o.summary.problems[0].reason,
                     "killed by signal 6 (Aborted) at step 5; given up after 2 attempts");
    outcome_finish(&o);
    close(fd);
    run_expecting(1, 0, 0);
    expect_text("SELECT group_concat(no || ' ' || outcome) FROM (SELECT no, outcome FROM attempt "
                "ORDER BY no)",
                "1 failed,2 failed,3 interrupted,4 failed");
}
END_TEST

/* Where ends.txt cannot be written, the database is told all the same. */
START_TEST(test_end_that_cannot_be_written)
{
    write_experiment(3, FAKE_CRASH, "run: {retries: 0}\n");
    ck_assert_int_eq(pxs_make_dirs(in_folder(ENDS), NULL), PXS_OK);
    struct outcome o = run_exp();
    check(&o, 1, 0, 0);
    ck_assert_int_eq(count_of(o.lines.text, "could not be written into its folder"), 1);
    outcome_finish(&o);
    expect_text(
        "SELECT state || ' ' || outcome || ' ' || reason || ' ' || signal FROM attempt JOIN "
        "run USING (run_id)",
        "failed failed crash 6");
    expect_sql("SELECT count(*) FROM batch_loss", 5);
}
END_TEST

static struct pxs_stop stop;

static void *stop_when_it_trains(void *user) {
    (void)user;
    /* The record file is there before the step that stalls, which an attempt stopped by then leaves
     * to the next. */
    wait_until(exists("results/exp/0001-base-s0/fake.was.here"));
    atomic_store(&stop.signal, SIGINT);
    return NULL;
}

/* Ctrl-C while the database is shut: the session does not wait for it (it would for an hour), and
 * the next one closes what it left. */
START_TEST(test_stop_while_shut)
{
    pthread_t thread;
    write_experiment(3, FAKE_STALL_ONCE, "");
    int fd = hold_lock();
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_when_it_trains, NULL), 0);
    struct outcome o = run_with((struct pxs_sweep_options){.stop = &stop, .store_patience = 3600});
    pthread_join(thread, NULL);
    ck_assert_int_eq(o.summary.exit_code, 130);
    outcome_finish(&o);
    close(fd);
    run_expecting(0, 1, 1);
    expect_text("SELECT group_concat(reason || ' ' || outcome || ' ' || exit_code) FROM (SELECT "
                "reason, outcome, exit_code FROM attempt ORDER BY no)",
                "stopped interrupted 130,completed completed 0");
}
END_TEST

/* A folder of before, whose lines tell the reason alone. */
START_TEST(test_ends_of_before)
{
    struct pxs_text said = {0};
    write_experiment(3, FAKE_CRASH, "run: {retries: 0}\n");
    run_expecting(1, 0, 0);
    char *now = slurp(ENDS, NULL), line[5][64];
    ck_assert_int_eq(sscanf(strchr(now, '\n'), "%63s %63s %63s %63s %63s", line[0], line[1],
                            line[2], line[3], line[4]),
                     5);
    free(now);
    write_textf(ENDS, "# attempt reason pid pid_start boot_id\n%s %s %s %s %s\n", line[0], line[1],
                line[2], line[3], line[4]);
    lose_database();
    merge(DB, "results", &said);
    expect_text("SELECT state || ' ' || outcome || ' ' || reason || ' ' || message FROM attempt "
                "JOIN run USING (run_id)",
                "interrupted interrupted crash its folder says why it ended: crash");
    pxs_text_finish(&said);
}
END_TEST

/* ---- reap, and other terminals -------------------------------------------------------------- */

START_TEST(test_reap)
{
    write_experiment(50, FAKE_SLOW, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){0}, "lines");
    ck_assert(wait_sql("SELECT count(*) > 0 FROM batch_loss", 1, 20));
    struct pxs_ingest_counts counts = reap(false);
    ck_assert_uint_eq(counts.found, 1);
    ck_assert_uint_eq(counts.changed, 0); /* it lives */
    kill(pid, SIGKILL);
    wait_for(pid);
    wait_until(reap(true).changed > 0); /* its worker stops by itself */
    expect_sql("SELECT count(*) FROM run WHERE state = 'running'", 1);
    ck_assert_uint_eq(reap(false).changed, 1);
    expect_text("SELECT state FROM run", "interrupted");
    expect_text("SELECT outcome FROM attempt", "interrupted");
    ck_assert_uint_eq(reap(false).found, 0);
}
END_TEST

START_TEST(test_reap_other_host)
{
    struct pxs_store *store = NULL;
    struct pxs_error err;
    write_experiment(3, FAKE_GOOD, "");
    run_expecting(0, 1, 1);
    ck_assert_int_eq(pxs_store_open(in_folder(DB), &store, &err), PXS_OK);
    struct pxs_store_attempt a = {
        .no = 2, .pid = 5, .pid_start = 7, .host = "other", .boot_id = "b"};
    a.started_ms = pxs_now_ms();
    ck_assert_int_eq(
        pxs_store_adopt_attempts(store, sql_int("SELECT run_id FROM run"), &a, 1, &err), PXS_OK);
    pxs_store_close(&store);
    ck_assert_uint_eq(reap(false).changed, 0);
    ck_assert_int_eq(pxs_store_open(in_folder(DB), &store, &err), PXS_OK);
    int64_t hours_ago = pxs_now_ms() - 2 * 3600 * 1000;
    ck_assert_int_eq(pxs_store_heartbeat(store, &a.attempt_id, 1, hours_ago, &err), PXS_OK);
    pxs_store_close(&store);
    ck_assert_uint_eq(reap(false).changed, 1);
    expect_text("SELECT state FROM run", "completed");
}
END_TEST

static void cancel_first(void) {
    struct pxs_store *store = NULL;
    struct pxs_store_changed changed = {0};
    struct pxs_error err;
    int64_t id = sql_int("SELECT min(run_id) FROM run");
    ck_assert_int_eq(pxs_store_open(in_folder(DB), &store, &err), PXS_OK);
    ck_assert_int_eq(pxs_store_cancel(store, &id, 1, &changed, &err), PXS_OK);
    pxs_store_changed_finish(&changed);
    pxs_store_close(&store);
}

START_TEST(test_cancelled_from_outside)
{
    write_experiment(1, FAKE_STALL, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){0}, "lines");
    ck_assert(wait_sql("SELECT count(*) FROM batch_loss", 1, 20));
    cancel_first();
    ck_assert_int_eq(wait_for(pid), 1);
    expect_text("SELECT state FROM run", "cancelled");
    expect_text("SELECT outcome FROM attempt", "cancelled");
}
END_TEST

Suite *offline_suite(void) {
    Suite *suite = suite_create("offline");
    TCase *c = tcase_create("offline");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_shut_all_through);
    tcase_add_test(c, test_lock_that_cannot_be_made);
    tcase_add_test(c, test_shut_for_a_while);
    tcase_add_test(c, test_failures_while_shut);
    tcase_add_test(c, test_two_without_database);
    tcase_add_test(c, test_database_lost);
    tcase_add_test(c, test_merge);
    tcase_add_test(c, test_merge_links);
    tcase_add_test(c, test_merge_number_taken);
    tcase_add_test(c, test_merge_further_one_stays);
    tcase_add_test(c, test_merge_moved);
    tcase_add_test(c, test_merge_at_work);
    tcase_add_test(c, test_ends_from_folders);
    tcase_add_test(c, test_ends_by_reap);
    tcase_add_test(c, test_numbers_of_attempts);
    tcase_add_test(c, test_budget_by_folder);
    tcase_add_test(c, test_end_that_cannot_be_written);
    tcase_add_test(c, test_stop_while_shut);
    tcase_add_test(c, test_ends_of_before);
    tcase_add_test(c, test_reap);
    tcase_add_test(c, test_reap_other_host);
    tcase_add_test(c, test_cancelled_from_outside);
    suite_add_tcase(suite, c);
    return suite;
}
