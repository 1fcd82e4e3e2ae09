/* Runs that are said to be running although their process is gone. */
#include "pixsweep/compare.h"
#include "pixsweep/inspect.h"
#include "report_tests.h"
#include "pixsweep/base/json.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct pxs_store *store;
static struct pxs_text out;
static struct pxs_host here;

static void setup(void) {
    out = (struct pxs_text){0};
    store = make_database();
    pxs_host_detect(&here);
}

static void teardown(void) {
    pxs_text_finish(&out);
    drop_database(&store);
}

/* The one queued run, taken by a worker of that pid on this host, a moment ago. */
static void take_it(int64_t pid, int64_t pid_start) {
    struct pxs_store_attempt a = {
        .run_id = 7, .pid = pid, .pid_start = pid_start, .started_ms = pxs_now_ms()};
    snprintf(a.host, sizeof a.host, "%s", here.name);
    snprintf(a.boot_id, sizeof a.boot_id, "%s", here.boot_id);
    ck_ok(pxs_store_take(store, &a, &err));
}

/* A pid that was somebody's and is nobody's now. */
static int64_t dead_pid(void) {
    const pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return pid;
}

static const char *list(enum pxs_format format) {
    pxs_text_clear(&out);
    ck_ok(pxs_report_list(store, &(struct pxs_list_options){.state = "running"}, format, 0, &out,
                          &err));
    return pxs_text_str(&out);
}

START_TEST(a_living_process_is_not_stale)
{
    take_it(getpid(), pxs_pid_start(getpid()));
    ck_has_not(list(PXS_FORMAT_TABLE), "stale");
    ck_has(list(PXS_FORMAT_CSV), ",reason,stale,imported\n");
    ck_has(list(PXS_FORMAT_CSV), ",0\n");
    ck_has(list(PXS_FORMAT_JSON), "\"stale\":0");
}
END_TEST

START_TEST(a_dead_process_is_shown_by_every_reader)
{
    take_it(dead_pid(), 1);
    const char *text = list(PXS_FORMAT_TABLE);
    ck_has(text, "running (stale)");
    ck_has(text, "1 run is stale");
    ck_has(text, "pixsweep reap --db /"); /* not the one that is used without it */
    text = list(PXS_FORMAT_CSV);
    ck_has(text, "rates/0007-lrgd-10-s1,running,1,");
    ck_has(text, ",1,0\n");
    pxs_text_clear(&out);
    ck_ok(pxs_report_show(store, "7", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "state       running (stale)\n1 run is stale");
    pxs_text_clear(&out);
    ck_ok(pxs_report_show(store, "7", PXS_FORMAT_JSON, 0, &out, &err));
    ck_has(pxs_text_str(&out), "\"state\": \"running\"");
    ck_has(pxs_text_str(&out), "\"stale\": 1");
    pxs_text_clear(&out);
    ck_ok(pxs_report_compare(store, &(struct pxs_compare_options){0}, PXS_FORMAT_TABLE, 0, &out,
                             &err));
    ck_has(pxs_text_str(&out), "1 not completed yet, 1 of them stale");
}
END_TEST

/* Its supervisor died between its claim and its worker's pid, or could not write that. */
START_TEST(a_claim_without_a_pid_is_stale_once_its_lock_is_free)
{
    struct pxs_store_run run;
    struct pxs_lock guard = {-1};
    char path[PXS_PATH_MAX];
    take_it(0, 0);
    ck_has(list(PXS_FORMAT_TABLE), "running (stale)"); /* without its folder */
    ck_ok(pxs_store_find_run(store, "7", &run, &err));
    ck_ok(pxs_make_dirs(run.dir, &err));
    ck_assert(pxs_path_join(path, sizeof path, run.dir, PXS_GUARD_FILE));
    ck_ok(pxs_lock_take(&guard, path, false, &err));
    ck_has_not(list(PXS_FORMAT_TABLE), "stale");
    pxs_lock_release(&guard);
    ck_has(list(PXS_FORMAT_TABLE), "running (stale)");
}
END_TEST

START_TEST(reading_leaves_the_state_alone)
{
    struct pxs_table t = {0};
    take_it(dead_pid(), 1);
    list(PXS_FORMAT_TABLE);
    ck_ok(pxs_store_select(
        store, "SELECT state, ended_ms FROM run JOIN attempt USING (run_id) WHERE run_id = 7", NULL,
        0, &t, &err));
    ck_assert_str_eq(pxs_table_at(&t, 0, "state").text, "running");
    ck_assert_int_eq(pxs_table_at(&t, 0, "ended_ms").kind, PXS_CELL_NULL);
    pxs_table_finish(&t);
}
END_TEST

/* ---- attempts ------------------------------------------------------------------------------- */

/* Two attempts: the first crashed with the end of its log as its message, the second is at work. */
static void try_twice(void) {
    struct pxs_store_attempt a = {.run_id = 7, .host = "there", .started_ms = pxs_now_ms()};
    const struct pxs_store_end crash = {
        .outcome = PXS_STATE_FAILED,
        .state = PXS_STATE_QUEUED,
        .exit_code = -1,
        .signal = 11,
        .message = "killed by signal 11\n  the end of the log:\n  | out of luck",
        .ended_ms = pxs_now_ms()};
    ck_ok(pxs_store_take(store, &a, &err));
    ck_ok(pxs_store_attempt_end(store, a.attempt_id, &crash, &err));
}

START_TEST(attempts_are_counted_where_there_are_several)
{
    ck_ok(pxs_report_list(store, &(struct pxs_list_options){0}, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has_not(pxs_text_str(&out), "tries");
    try_twice();
    take_it(getpid(), pxs_pid_start(getpid()));
    ck_has(list(PXS_FORMAT_TABLE), "tries");
    ck_has(list(PXS_FORMAT_CSV), ",running,2,");
}
END_TEST

START_TEST(attempts_are_shown_by_their_first_line)
{
    try_twice();
    ck_ok(pxs_report_show(store, "7", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "  killed by signal 11\n");
    ck_has(pxs_text_str(&out), "\nwhat the last attempt left\nkilled by signal 11\n");
    ck_has(pxs_text_str(&out), "\n  | out of luck\n");
    pxs_text_clear(&out);
    ck_ok(pxs_report_show(store, "7", PXS_FORMAT_JSON, 0, &out, &err));
    ck_has(pxs_text_str(&out), "killed by signal 11\\n  the end");
}
END_TEST

/* ---- the rule ------------------------------------------------------------------------------- */

#define NOW INT64_C(1000000000)
static bool stale(struct pxs_attempt_life life) {
    return pxs_attempt_is_stale(&life, &here, NOW);
}

START_TEST(on_this_host_the_process_tells)
{
    const int64_t own = getpid(), start = pxs_pid_start(own), dead = dead_pid();
    const struct pxs_attempt_life life = {
        .host = here.name, .boot_id = here.boot_id, .pid = own, .pid_start = start, .seen_ms = NOW};
    struct pxs_attempt_life l = life;
    ck_assert(!stale(l));
    l.seen_ms = 0; /* a supervisor that is suspended writes no heartbeats */
    ck_assert(!stale(l));
    l.seen_ms = 2 * NOW; /* the clock was set back */
    ck_assert(!stale(l));
    l.pid_start = start + 1;
    ck_assert(stale(l));
    l = life;
    l.boot_id = "another boot";
    ck_assert(stale(l));
    l = life;
    l.pid = dead;
    ck_assert(stale(l));
    l.supervisor = own; /* it will say in a moment how the worker ended */
    ck_assert(!stale(l));
    l.seen_ms = NOW - PXS_STALE_MS - 1;
    ck_assert(stale(l));
    l.seen_ms = NOW;
    l.supervisor = dead;
    ck_assert(stale(l));
    l = life;
    l.pid = l.pid_start = 0; /* taken, not started */
    ck_assert(!stale(l));
    l.seen_ms = NOW - PXS_STALE_MS - 1;
    ck_assert(stale(l));
}
END_TEST

START_TEST(on_this_host_the_lock_tells_more)
{
    const int64_t own = getpid(), dead = dead_pid();
    struct pxs_attempt_life l = {
        .host = here.name, .boot_id = here.boot_id, .guard = PXS_LOCK_FREE, .seen_ms = NOW};
    ck_assert(stale(l)); /* taken, not started, and nobody will */
    l.pid = dead;
    l.supervisor = own; /* another process has its number now */
    ck_assert(stale(l));
    l.pid = own; /* an orphan at work stops by itself */
    l.pid_start = pxs_pid_start(own);
    ck_assert(!stale(l));
    l.pid = l.pid_start = l.seen_ms = 0;
    l.guard = PXS_LOCK_HELD;
    ck_assert(!stale(l));
    l.pid = dead;
    ck_assert(!stale(l));
    l.boot_id = "another boot";
    ck_assert(stale(l));
}
END_TEST

START_TEST(on_other_hosts_the_heartbeat_tells)
{
    struct pxs_attempt_life l = {
        .host = "other", .boot_id = "b", .pid = 1, .pid_start = 1, .seen_ms = NOW};
    ck_assert(!stale(l));
    l.seen_ms = NOW - PXS_STALE_MS;
    ck_assert(!stale(l));
    l.seen_ms--;
    ck_assert(stale(l));
}
END_TEST

static Suite *stale_suite(void) {
    Suite *suite = suite_create("stale");
    TCase *c = tcase_create("stale");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_living_process_is_not_stale);
    tcase_add_test(c, a_dead_process_is_shown_by_every_reader);
    tcase_add_test(c, a_claim_without_a_pid_is_stale_once_its_lock_is_free);
    tcase_add_test(c, reading_leaves_the_state_alone);
    tcase_add_test(c, attempts_are_counted_where_there_are_several);
    tcase_add_test(c, attempts_are_shown_by_their_first_line);
    tcase_add_test(c, on_this_host_the_process_tells);
    tcase_add_test(c, on_this_host_the_lock_tells_more);
    tcase_add_test(c, on_other_hosts_the_heartbeat_tells);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void) {
    return run_tests(stale_suite(), CK_NORMAL);
}
