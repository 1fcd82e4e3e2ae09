/* A task on a frozen plan, as far as no real training is needed (the rest: tests/e2e/task.sh). */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RUN "results/exp/0001-base-s0"
#define IDLE "sub/" PXS_TASK_IDLE "7_1"

static void freeze(void) {
    const struct pxs_sweep_options options = {.file = in_folder("exp.yaml"),
                                              .results = in_folder("results"),
                                              .jobs = 1,
                                              .threads = 1,
                                              .park_after = 0.1};
    struct pxs_plan *plan = NULL;
    ck_ok(pxs_plan_make(&options, &plan, &err));
    ck_ok(pxs_make_dirs(in_folder("sub"), &err));
    ck_ok(pxs_plan_freeze(plan, &options, in_folder("sub"), &err));
    pxs_plan_destroy(&plan);
}

/* Of run `number`, and the file that stops it; each is good until the next call. */
static const char *run_folder(int number) {
    static char path[PXS_PATH_MAX];
    struct pxs_sweep_options options;
    struct pxs_plan *plan = NULL;
    ck_ok(pxs_plan_thaw(in_folder("sub"), &plan, &options, &err));
    snprintf(path, sizeof path, "%s", plan->runs[number - 1].dir);
    pxs_plan_destroy(&plan);
    return path;
}

static const char *cancel_file(int number) {
    static char path[64];
    snprintf(path, sizeof path, "sub/" PXS_TASK_CANCEL "/%d", number);
    return in_folder(path);
}

static void touch(const char *path, const char *text) {
    ck_ok(pxs_write_file(path, text, strlen(text), &err));
}

#define FAR_CLAIM \
    "nonce=00000000000000000007\ntask=8_1\nrestart=0\nhost=far\nboot_id=x\npid=1\npid_start=1\n"

static void collect(void *user, enum pxs_log_level level, const char *text) {
    (void)level;
    pxs_text_addf(user, "%s\n", text);
}

static struct pxs_stop stop;

/* A life of task 7_1, whose time is up at once or after so many seconds (0 = never). */
static void expect_life(bool up, double seconds, int code, const char *words) {
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
    ck_assert(exists(IDLE) && exists("sub/" PXS_TASK_AGAIN_MARK));
    ck_assert_int_eq(unlink(in_folder("sub/" PXS_TASK_AGAIN_MARK)), 0);
    expect_life(false, 0.7, PXS_TASK_AGAIN, "the time is nearly up");
    ck_assert(!exists(IDLE)); /* it has made steps */
    expect_life(true, 0, PXS_TASK_AGAIN, "1 left");
    expect_life(true, 0, PXS_TASK_FAILED,
                "task 7_1 had no time for a single training step, 2 times in a row");
    ck_assert_int_eq(unlink(in_folder("sub/" PXS_TASK_AGAIN_MARK)), 0); /* of the life before */
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

/* ---- a disk that shows late what others have written -------------------------------------------
 */

/* Another machine's attempt has begun here. */
static void begin_far(void) {
    static struct pxs_record r;
    struct pxs_record_writer *w = NULL;
    r = (struct pxs_record){.kind = PXS_RECORD_BEGIN,
                            .begin = {.attempt = 1, .at_ms = 1, .resumed_from_step = -1}};
    ck_assert(pxs_record_begin_add(&r.begin, "host", "far"));
    ck_assert(pxs_record_begin_add(&r.begin, "boot_id", "x"));
    ck_ok(pxs_record_writer_open(in_folder(RUN "/" PXS_RECORDS_FILE), 0, &w, &err));
    ck_ok(pxs_record_write(w, &r, &err));
    ck_ok(pxs_record_sync(w, &err));
    pxs_record_writer_close(&w);
}

/* No claim, so its owner has given it back, and its end must be on its way here. Where the claim is
 * there and void, its owner is dead, and the run is taken over at once. */
START_TEST(test_old_state)
{
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    write_experiment(2, FAKE_GOOD, "");
    freeze();
    begin_far();
    expect_life(false, 0.5, PXS_TASK_AGAIN, "does not show yet how its last attempt ended");
    ck_assert(!exists(RUN "/" PXS_JOB_FILE) && !exists(RUN "/" PXS_CLAIM_FILE));
    touch(in_folder(RUN "/" PXS_CLAIM_FILE), FAR_CLAIM);
    ck_assert_int_eq(utimensat(AT_FDCWD, in_folder(RUN "/" PXS_CLAIM_FILE), old, 0), 0);
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT, "1 of 1 runs done");
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT, "completed already");
}
END_TEST

/* ---- the brake ------------------------------------------------------------------------------ */

/* Only these runs may be worked on in the next life. */
static void allow(int n_runs, int first, int last) {
    for (int number = 1; number <= n_runs; number++)
        if (number < first || number > last)
            touch(cancel_file(number), "");
        else
            unlink(cancel_file(number));
}

/* Failures in a row are those of the sweep, whichever task they happen to; a run that is completed
 * in any of them ends the row. */
START_TEST(test_brake)
{
    write_experiment(3, 0,
                     "run: {retries: 0, max_failures: 3}\nsweep:\n"
                     "  zip: {lambda_pixel: [3, 3, 1, 3, 3, 3, 1, 1], b1: [0.1, 0.2, 0.3, 0.4, "
                     "0.5, 0.6, 0.7, 0.8]}\n");
    freeze();
    ck_ok(pxs_make_dirs(in_folder("sub/" PXS_TASK_CANCEL), &err));
    allow(8, 1, 2);
    expect_life(false, 0, PXS_TASK_FAILED, "2 failed here");
    ck_assert(exists("sub/failed-1") && exists("sub/failed-2"));
    allow(8, 3, 3);
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT, "1 of 8 runs done");
    ck_assert(!exists("sub/failed-1") && !exists("sub/failed-2"));
    allow(8, 4, 5);
    expect_life(false, 0, PXS_TASK_FAILED, "2 failed here");
    ck_assert(!exists("sub/" PXS_TASK_PAUSED));
    allow(8, 6, 8);
    expect_life(false, 0, PXS_TASK_FAILED, "1 failed here, 0 at work elsewhere, 2 left");
    ck_assert(exists("sub/" PXS_TASK_PAUSED) && !exists("sub/failed-6"));
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT,
                "nothing is started: paused: 3 runs failed in a row (run.max_failures), the last "
                "one is exp/0006-");
    /* Whoever goes on starts to count anew. */
    ck_assert_int_eq(unlink(in_folder("sub/" PXS_TASK_PAUSED)), 0);
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT, "2 of 8 runs done");
}
END_TEST

/* Nothing is paused where nothing is left that could be spared: the other run is another's. */
START_TEST(test_brake_at_the_end)
{
    char path[PXS_PATH_MAX];
    write_experiment(3, FAKE_CRASH, "run: {retries: 0, max_failures: 1}\nsweep: {seeds: 2}\n");
    freeze();
    snprintf(path, sizeof path, "%s/" PXS_CLAIM_FILE, run_folder(2));
    touch(path, FAR_CLAIM);
    expect_life(false, 0, PXS_TASK_FAILED, "1 failed here, 1 at work elsewhere, 0 left");
    ck_assert(exists("sub/failed-1") && !exists("sub/" PXS_TASK_PAUSED));
}
END_TEST

/* ---- a timeout that is a share ------------------------------------------------------------------
 */

/* Of the median of all that is finished, also by other tasks. */
START_TEST(test_timeout)
{
    write_experiment(3, 0,
                     "run: {retries: 0, timeout: 5000%}\nsweep:\n  grid: {lambda_pixel: [1, 11, "
                     "11.5]}\n");
    freeze();
    ck_ok(pxs_make_dirs(in_folder("sub/" PXS_TASK_CANCEL), &err));
    allow(3, 1, 2);
    expect_life(false, 0, PXS_TASK_FAILED, "timed out: run.timeout is 5000% of the median");
    allow(3, 3, 3); /* another task, that has finished nothing itself */
    expect_life(false, 60, PXS_TASK_FAILED, "timed out: run.timeout is 5000% of the median");
}
END_TEST

/* ---- pruning -------------------------------------------------------------------------------- */

/* Ends a life some time after run `number` has recorded an epoch (0-based). */
struct watcher {
    char records[PXS_PATH_MAX];
    int epoch;
};

static bool has_epoch(const char *path, int epoch) {
    struct pxs_record_cursor *cursor = NULL;
    static struct pxs_record r;
    bool more = true, found = false;
    if (pxs_record_cursor_open(path, 0, &cursor, NULL) != PXS_OK)
        return false;
    while (pxs_record_next(cursor, &r, &more, NULL) == PXS_OK && more)
        found = found || (r.kind == PXS_RECORD_EPOCH && r.epoch.epoch == epoch);
    pxs_record_cursor_close(&cursor);
    return found;
}

static void *watch(void *user) {
    const struct watcher *w = user;
    for (int i = 0; i < 3000 && !has_epoch(w->records, w->epoch); i++)
        usleep(20000);
    usleep(500000);
    atomic_store(&stop.time_is_up, 1);
    return NULL;
}

/* How many attempts of run `number` have ended for that reason. */
static int ended_as(int number, enum pxs_end_reason reason) {
    char dir[PXS_PATH_MAX];
    struct pxs_ends ends = {0};
    int n = 0;
    snprintf(dir, sizeof dir, "%s", run_folder(number));
    ck_ok(pxs_ends_read(dir, &ends, &err));
    for (size_t i = 0; i < ends.n; i++)
        n += ends.of[i].end.reason == reason;
    pxs_ends_finish(&ends);
    return n;
}

static void expect_life_until(int number, int epoch, int code, const char *words) {
    struct watcher w = {.epoch = epoch};
    pthread_t thread;
    snprintf(w.records, sizeof w.records, "%s/" PXS_RECORDS_FILE, run_folder(number));
    ck_assert_int_eq(pthread_create(&thread, NULL, watch, &w), 0);
    expect_life(false, 0, code, words);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

#define POINTS                                                                                     \
    "sweep:\n  points:\n    - {learning_rate_D: 4e-4, lambda_pixel: %d}\n"                         \
    "    - {learning_rate_D: 2e-4, lambda_pixel: 1}\n"                                             \
    "    - {learning_rate_D: 3e-4, lambda_pixel: 1}\n    - {learning_rate_D: 1e-4, lambda_pixel: " \
    "1}\n"                                                                                         \
    "  prune: {rule: asha, rungs: [1, 2], eta: 2}\n"

static void write_sweep(int what, const char *rest) {
    struct pxs_text text = {0};
    pxs_text_addf(&text, "%s" POINTS, rest, what);
    write_experiment(4, 0, pxs_text_str(&text));
    pxs_text_finish(&text);
}

/* The lowest run is another machine's: those above it wait, are parked once each, and come again
 * when it has been done. */
START_TEST(test_parked)
{
    char claim[PXS_PATH_MAX];
    write_sweep(FAKE_GOOD, "");
    freeze();
    snprintf(claim, sizeof claim, "%s/" PXS_CLAIM_FILE, run_folder(1));
    touch(claim, FAR_CLAIM);
    expect_life_until(4, 0, PXS_TASK_AGAIN, "1 at work elsewhere, 3 left");
    for (int life = 0; life < 2; life++) { /* waiting is not idling */
        expect_life(false, 0.7, PXS_TASK_AGAIN, "1 at work elsewhere, 3 left");
        ck_assert(!exists(IDLE));
    }
    ck_assert_int_eq(ended_as(2, PXS_REASON_YIELDED), 1);
    ck_assert_int_eq(ended_as(3, PXS_REASON_YIELDED), 1);
    ck_assert_int_eq(ended_as(4, PXS_REASON_YIELDED), 0);
    ck_assert_int_eq(ended_as(4, PXS_REASON_STOPPED), 1); /* it waited in the slot */
    ck_assert_int_eq(unlink(claim), 0);
    expect_life(false, 0, PXS_TASK_NOTHING_LEFT, "4 of 4 runs done");
    struct outcome o = run_exp();
    ck_assert_int_eq(o.summary.exit_code, 0);
    ck_assert_uint_eq(o.summary.n_completed_now, 0);
    outcome_finish(&o);
    expect_text("SELECT group_concat(number || state || round(cutoff, 3)) FROM (SELECT * FROM rung "
                "JOIN run USING (run_id) WHERE cutoff IS NOT NULL ORDER BY number, epoch)",
                "2completed0.6,2completed0.7,3pruned0.6,4completed0.6,4completed0.6");
}
END_TEST

/* A lower run has failed in another task. On a network disk its records may be older than that, and
 * nothing is decided without them at once. */
START_TEST(test_failed_elsewhere)
{
    write_sweep(FAKE_CRASH_ONCE, "run: {retries: 0}\n");
    freeze();
    ck_ok(pxs_make_dirs(in_folder("sub/" PXS_TASK_CANCEL), &err));
    for (int number = 2; number <= 4; number++)
        touch(cancel_file(number), "");
    expect_life(false, 0, PXS_TASK_FAILED, "1 failed here");
    ck_assert_int_eq(unlink(cancel_file(2)), 0);
    expect_life_until(2, 1, PXS_TASK_AGAIN, "1 left");
    ck_assert_int_eq(ended_as(2, PXS_REASON_STOPPED) + ended_as(2, PXS_REASON_YIELDED), 1);
    ck_assert_int_eq(ended_as(2, PXS_REASON_COMPLETED), 0);
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
    tcase_add_test(c, test_old_state);
    tcase_add_test(c, test_brake);
    tcase_add_test(c, test_brake_at_the_end);
    tcase_add_test(c, test_timeout);
    tcase_add_test(c, test_parked);
    tcase_add_test(c, test_failed_elsewhere);
    suite_add_tcase(suite, c);
    return suite;
}
