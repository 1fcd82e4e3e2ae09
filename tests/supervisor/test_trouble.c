/* Signals, deaths, a locked database, and two supervisors at once. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DUPLICATES "SELECT count(*) - count(DISTINCT run_id || '/' || step) FROM batch_loss"
#define RUNNING "SELECT count(*) FROM run WHERE state = 'running'"
#define SOME_BATCHES "SELECT count(*) > 0 FROM batch_loss"

static struct pxs_stop stop;

struct later {
    const char *when; /* query that becomes 1 */
    int first, then;
    pthread_t thread;
};

static void *raise_later(void *user) {
    struct later *l = user;
    ck_assert(wait_sql(l->when, 1, 20));
    atomic_store(&stop.signal, l->first);
    if (l->then) {
        usleep(300000);
        atomic_store(&stop.signal, l->then);
    }
    return NULL;
}

/* Runs exp.yaml while a thread raises the stop flag as soon as something is in the database. */
static struct outcome run_and_stop(int jobs, int first, int then) {
    struct later later = {.when = SOME_BATCHES, .first = first, .then = then};
    atomic_store(&stop.signal, 0);
    ck_assert_int_eq(pthread_create(&later.thread, NULL, raise_later, &later), 0);
    struct outcome o =
        run_with((struct pxs_sweep_options){.stop = &stop, .jobs = jobs, .threads = 1});
    pthread_join(later.thread, NULL);
    return o;
}

static void finish_by(struct outcome o, int exit_code) {
    ck_assert_msg(o.summary.exit_code == exit_code, "%d: %s%s", o.summary.exit_code,
                  pxs_text_str(&o.lines), o.status == PXS_OK ? "" : o.err.message);
    outcome_finish(&o);
}

static int count_of(const char *text, const char *words) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
        n++;
    return n;
}

START_TEST(test_stop_and_go_on)
{
    write_experiment(10, FAKE_SLOW, "sweep:\n  seeds: 3\n");
    struct outcome o = run_and_stop(2, SIGINT, 0);
    ck_assert_int_eq(o.status, PXS_E_STOPPED);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_INTERRUPTED], 2);
    ck_assert_uint_eq(o.summary.states.of[PXS_STATE_QUEUED], 1);
    finish_by(o, 130);
    expect_sql("SELECT count(*) FROM run WHERE state = 'interrupted'", 2);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'interrupted' AND exit_code = 130 AND "
               "message "
               "LIKE 'stopped at%'",
               2);
    expect_sql("SELECT count(*) FROM batch_loss WHERE step = 39", 0);
    finish_by(run_with((struct pxs_sweep_options){.jobs = 3}), 0);
    expect_sql("SELECT count(*) FROM batch_loss", 120);
    expect_sql("SELECT count(*) FROM epoch", 30);
    expect_sql(DUPLICATES, 0);
    expect_sql("SELECT count(*) FROM attempt", 5);
    /* Started again from its first step: what the first attempt wrote is gone from the record file,
     * too. */
    int64_t offset;
    const char *records = in_folder("results/exp/0001-base-s0/records.bin");
    ck_assert_int_eq(pxs_record_find_attempt(records, 1, &offset, NULL), PXS_E_NOT_FOUND);
    ck_assert_int_eq(pxs_record_find_attempt(records, 2, &offset, NULL), PXS_OK);
}
END_TEST

START_TEST(test_stop_twice_kills)
{
    write_experiment(2000, FAKE_DEAF, "");
    double since = pxs_monotonic();
    struct outcome o = run_and_stop(1, SIGINT, SIGINT | PXS_STOP_AGAIN);
    finish_by(o, 130);
    ck_assert(pxs_monotonic() - since < 10);
    expect_text("SELECT state FROM run", "interrupted");
    expect_sql("SELECT signal FROM attempt", 9);
}
END_TEST

START_TEST(test_worker_killed)
{
    write_experiment(20, FAKE_SLOW, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){0}, "lines");
    ck_assert(wait_sql(SOME_BATCHES, 1, 20));
    kill((pid_t)sql_int("SELECT pid FROM attempt"), SIGKILL);
    ck_assert_int_eq(wait_for(pid), 0);
    expect_text("SELECT group_concat(outcome) FROM (SELECT outcome FROM attempt ORDER BY no)",
                "failed,completed");
    expect_sql("SELECT count(*) FROM batch_loss", 80);
    expect_sql(DUPLICATES, 0);
    char *lines = slurp("lines", NULL);
    ck_assert_ptr_nonnull(strstr(lines, "it is tried again (retry 1 of 1)"));
    free(lines);
}
END_TEST

START_TEST(test_worker_asked_by_another)
{
    write_experiment(200, FAKE_SLOW, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){0}, "lines");
    ck_assert(wait_sql(SOME_BATCHES, 1, 20));
    kill((pid_t)sql_int("SELECT pid FROM attempt"), SIGTERM);
    ck_assert_int_eq(wait_for(pid), 1);
    expect_text("SELECT state FROM run", "interrupted");
    expect_sql("SELECT count(*) FROM attempt", 1);
}
END_TEST

/* The supervisor dies; its worker hears of it, stops, and the next run takes everything home. */
static void supervisor_killed(enum fake what, const char *state_after, int64_t attempts) {
    write_experiment(20, what, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){0}, "lines");
    ck_assert(wait_sql(SOME_BATCHES, 1, 20));
    kill(pid, SIGKILL);
    ck_assert_int_eq(wait_for(pid), 128 + SIGKILL);
    expect_sql(RUNNING, 1);
    struct outcome o = run_exp();
    ck_assert_msg(
        strstr(o.lines.text,
               "nobody wrote into the database how attempt 1 ended; its records are ingested") !=
            NULL,
        "%s", o.lines.text);
    finish_by(o, 0);
    expect_text("SELECT outcome FROM attempt WHERE no = 1", state_after);
    expect_sql("SELECT count(*) FROM attempt", attempts);
    expect_sql("SELECT count(*) FROM batch_loss", 80);
    expect_sql("SELECT count(*) FROM epoch", 20);
    expect_sql(DUPLICATES, 0);
}

START_TEST(test_supervisor_killed)
{ supervisor_killed(FAKE_SLOW, "interrupted", 2); }
END_TEST

/* A worker that finishes although its supervisor is dead has done its work. */
START_TEST(test_supervisor_killed_deaf_worker)
{ supervisor_killed(FAKE_DEAF, "completed", 1); }
END_TEST

/* A worker or a probe hangs, and then its supervisor is killed: its pid. */
static pid_t orphan_of(enum fake what) {
    char *text = NULL;
    write_experiment(20, what, "");
    setenv("PXS_FAKE_PID", in_folder("hangs"), 1);
    pid_t supervisor = run_in_process((struct pxs_sweep_options){.grace = 0.5}, "lines");
    wait_until(exists("hangs"));
    kill(supervisor, SIGKILL);
    wait_for(supervisor);
    ck_assert_int_eq(pxs_read_file(in_folder("hangs"), 64, &text, NULL, NULL), PXS_OK);
    pid_t orphan = (pid_t)strtol(text, NULL, 10);
    free(text);
    ck_assert_int_gt(orphan, 0);
    ck_assert_int_eq(unlink(in_folder("hangs")), 0);
    return orphan;
}

static void expect_gone(pid_t pid) {
    for (int i = 0; i < 2000 && pxs_pid_alive(pid, 0); i++)
        usleep(10000);
    bool left = pxs_pid_alive(pid, 0);
    if (left)
        kill(pid, SIGKILL);
    ck_assert(!left);
}

/* Whatever a worker or a probe is stuck in, it does not outlive its supervisor for long. */
START_TEST(test_no_orphans)
{
    expect_gone(orphan_of(FAKE_UNFIT_STUCK));
    expect_gone(orphan_of(FAKE_STUCK));
}
END_TEST

START_TEST(test_two_supervisors)
{
    write_experiment(2, FAKE_SLOW, "sweep:\n  seeds: 8\n");
    pid_t a = run_in_process((struct pxs_sweep_options){.jobs = 2}, "lines.a");
    pid_t b = run_in_process((struct pxs_sweep_options){.jobs = 2}, "lines.b");
    int code_a = wait_for(a), code_b = wait_for(b);
    char *lines_a = slurp("lines.a", NULL), *lines_b = slurp("lines.b", NULL);
    ck_assert_msg(code_a == 0 && code_b == 0, "%d: %s\n%d: %s", code_a, lines_a, code_b, lines_b);
    expect_sql("SELECT count(*) FROM run WHERE state = 'completed'", 8);
    expect_sql("SELECT count(*) FROM attempt", 8);
    expect_sql("SELECT count(*) FROM batch_loss", 64);
    ck_assert_ptr_nonnull(strstr(lines_a, ": completed in "));
    ck_assert_ptr_nonnull(strstr(lines_b, ": completed in "));
    free(lines_a);
    free(lines_b);
}
END_TEST

/* One of two supervisors dies: the other takes its runs over. */
START_TEST(test_two_supervisors_one_killed)
{
    write_experiment(15, FAKE_SLOW, "sweep:\n  seeds: 3\n");
    pid_t a = run_in_process((struct pxs_sweep_options){.jobs = 2}, "lines.a");
    ck_assert(wait_sql("SELECT count(*) FROM run WHERE state = 'running'", 2, 20));
    pid_t b = run_in_process((struct pxs_sweep_options){.jobs = 1}, "lines.b");
    ck_assert(wait_sql("SELECT count(*) FROM run WHERE state = 'running'", 3, 20));
    kill(a, SIGKILL);
    wait_for(a);
    ck_assert_int_eq(wait_for(b), 0);
    expect_sql("SELECT count(*) FROM run WHERE state = 'completed'", 3);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'interrupted'", 2);
    expect_sql("SELECT count(*) FROM batch_loss", 180);
    expect_sql(DUPLICATES, 0);
}
END_TEST

static void wait_growth(const char *name, off_t bytes) {
    struct stat before, now;
    double until = pxs_monotonic() + 60;
    ck_assert_int_eq(stat(in_folder(name), &before), 0);
    do {
        usleep(10000);
        ck_assert_int_eq(stat(in_folder(name), &now), 0);
        ck_assert_msg(pxs_monotonic() < until, "%s does not grow", name);
    } while (now.st_size < before.st_size + bytes);
}

/* Somebody holds the database's lock for a while: runs go on, and all of it arrives. */
START_TEST(test_database_locked)
{
    write_experiment(20, FAKE_SLOW, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){.shut_after = 0.1}, "lines");
    ck_assert(wait_sql(SOME_BATCHES, 1, 20));
    int fd = open(in_folder("results/pixsweep.db.lock"), O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    wait_line("lines", "cannot be written for now", 60);
    /* Ten batches more (0.2 s): it counts as shut by then. */
    wait_growth("results/exp/0001-base-s0/records.bin", 10 * 80);
    close(fd);
    ck_assert_int_eq(wait_for(pid), 0);
    expect_sql("SELECT count(*) FROM batch_loss", 80);
    expect_text("SELECT outcome FROM attempt", "completed");
    char *lines = slurp("lines", NULL);
    ck_assert_int_eq(count_of(lines, "cannot be written for now"), 1);
    ck_assert_int_eq(count_of(lines, "can be written again"), 1);
    free(lines);
}
END_TEST

/* Within a row of a query, the reader's old state is open. What the worker writes meanwhile waits
 * (what was under way when we came may still arrive); its last word brings it in, although the
 * reader is still there. */
static enum pxs_status hold_on(void *user, const char *const *columns, const struct pxs_cell *cells,
                               size_t n, struct pxs_error *err) {
    int64_t before = -1;
    int steps = 0;
    (void)columns, (void)n, (void)err;
    if (!cells || (*(int *)user)++ > 0)
        return PXS_OK;
    for (int i = 0; i < 6000 && sql_int("SELECT count(outcome) FROM attempt") == 0; i++) {
        int64_t now =
            sql_int("SELECT count(*) FROM batch_loss WHERE (SELECT outcome FROM attempt) IS NULL");
        steps += now != before && now > 0;
        before = now;
        usleep(10000);
    }
    ck_assert_msg(steps <= 2, "ingested %d times", steps);
    expect_sql("SELECT count(*) FROM batch_loss", 80);
    return PXS_OK;
}

/* Somebody has left a sqlite3 shell open in the middle of a transaction. */
START_TEST(test_a_reader_holds_on)
{
    struct pxs_store *s;
    int rows = 0;
    write_experiment(20, FAKE_SLOW, "");
    pid_t pid = run_in_process((struct pxs_sweep_options){.wal_limit = 4096}, "lines");
    ck_assert(wait_sql(SOME_BATCHES, 1, 20));
    ck_assert_int_eq(pxs_store_open_readonly(in_folder("results/pixsweep.db"), &s, NULL), PXS_OK);
    ck_assert_int_eq(pxs_store_query(s, "SELECT key FROM param", hold_on, &rows, NULL), PXS_OK);
    ck_assert_int_gt(rows, 1);
    pxs_store_close(&s);
    ck_assert_int_eq(wait_for(pid), 0);
    char *lines = slurp("lines", NULL);
    ck_assert_ptr_nonnull(strstr(lines, "records wait in the runs' folders"));
    free(lines);
    expect_text("SELECT outcome FROM attempt", "completed");
    expect_sql(DUPLICATES, 0);
}
END_TEST

Suite *trouble_suite(void) {
    Suite *suite = suite_create("trouble");
    TCase *c = tcase_create("trouble");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_stop_and_go_on);
    tcase_add_test(c, test_stop_twice_kills);
    tcase_add_test(c, test_worker_killed);
    tcase_add_test(c, test_worker_asked_by_another);
    tcase_add_test(c, test_supervisor_killed);
    tcase_add_test(c, test_supervisor_killed_deaf_worker);
    tcase_add_test(c, test_no_orphans);
    tcase_add_test(c, test_two_supervisors);
    tcase_add_test(c, test_two_supervisors_one_killed);
    tcase_add_test(c, test_database_locked);
    tcase_add_test(c, test_a_reader_holds_on);
    suite_add_tcase(suite, c);
    return suite;
}
