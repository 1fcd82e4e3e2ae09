/* What the database says of a sweep reaches the folders of its submissions, and what tasks say
 * there reaches the database. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pixsweep/params.h"
#include "pixsweep/submit.h"
#include "support.h"
#include "support_sql.h"

enum { RUNS = 3 };

static struct pxs_store *store;
static int64_t sweep_id;
static char hashes[RUNS][PXS_SHA256_HEX];

/* A sweep `many` of three runs, numbered 1, 2, 3 in the database. */
static void make_database(void) {
    struct pxs_store_plan_run runs[RUNS] = {0};
    struct pxs_store_plan plan = {0};
    struct pxs_params params;
    char name[RUNS][32], dir[RUNS][PXS_PATH_MAX];
    test_folder_make();
    pxs_params_default(&params);
    for (int i = 0; i < RUNS; i++) {
        snprintf(hashes[i], sizeof hashes[i], "%064d", i + 1);
        snprintf(name[i], sizeof name[i], "many/%04d-base-s7", i + 1);
        snprintf(dir[i], sizeof dir[i], "%s", in_folder(name[i]));
        memcpy(runs[i].config_hash, hashes[i], sizeof hashes[i]);
        runs[i].seed = 7;
        runs[i].new_number = i + 1;
        runs[i].new_name = name[i];
        runs[i].new_dir = dir[i];
        runs[i].new_config_yaml = "";
        runs[i].params = &params;
    }
    ck_ok(pxs_store_open(in_folder("pixsweep.db"), &store, &err));
    ck_ok(pxs_store_plan(store, "many", "", hashes[0], runs, RUNS, &plan, &err));
    sweep_id = plan.sweep_id;
    pxs_store_plan_finish(&plan);
}

static void remove_database(void) {
    pxs_store_close(&store);
    test_folder_remove();
}

/* A submission in cluster/`number` whose plan has the runs of the database under other numbers, 3,
 * 1, 2, and one more of which the database does not know, 9. */
static void submission(int number, const char *state) {
    static const int numbers[RUNS] = {3, 1, 2};
    struct pxs_text plan = {0};
    char name[64];
    pxs_text_add(&plan, "{\"version\": 1, \"runs\": [");
    for (int i = 0; i < RUNS; i++)
        pxs_text_addf(&plan, "{\"number\": %d, \"seed\": 7, \"config_hash\": \"%s\"}, ", numbers[i],
                      hashes[i]);
    pxs_text_addf(&plan, "{\"number\": 9, \"seed\": 8, \"config_hash\": \"%s\"}]}", hashes[0]);
    snprintf(name, sizeof name, "many/cluster/%04d/plan.json", number);
    write_text(name, pxs_text_str(&plan));
    pxs_text_finish(&plan);
    snprintf(name, sizeof name, "many/cluster/%04d/submission", number);
    write_textf(name, "%s pixsweep-many-%d\ncount 3\nid job\n", state, number);
}

static struct pxs_mirrored mirror(void) {
    struct pxs_mirrored told;
    ck_ok(pxs_submissions_mirror(store, test_folder(), sweep_id, &told, &err));
    return told;
}

/* Run `index` of the database, by its row. */
static void cancel(int index) {
    struct pxs_store_changed changed = {0};
    const int64_t id =
        sql_int(store, "SELECT run_id FROM run WHERE config_hash = '%s'", hashes[index]);
    ck_ok(pxs_store_cancel(store, &id, 1, &changed, &err));
    pxs_store_changed_finish(&changed);
}

static void retry(void) {
    struct pxs_store_changed changed = {0};
    ck_ok(pxs_store_retry(store, sweep_id, PXS_RETRY_CANCELLED, NULL, &changed, &err));
    pxs_store_changed_finish(&changed);
}

START_TEST(runs_are_found_by_what_they_are)
{
    submission(1, "accepted");
    submission(2, "unknown"); /* its jobs may be there */
    submission(3, "refused");
    ck_assert_uint_eq(mirror().submissions, 2);
    ck_assert(!exists("many/cluster/0001/cancel"));
    cancel(1);
    ck_assert_uint_eq(mirror().changed, 2);
    ck_assert(exists("many/cluster/0001/cancel/1") && exists("many/cluster/0002/cancel/1"));
    ck_assert(!exists("many/cluster/0001/cancel/2") && !exists("many/cluster/0001/cancel/3"));
    ck_assert(!exists("many/cluster/0003/cancel"));
    ck_assert_uint_eq(mirror().changed, 0);
    cancel(0);
    ck_assert_uint_eq(mirror().changed, 2);
    ck_assert(exists("many/cluster/0001/cancel/3"));
    retry();
    ck_assert_uint_eq(mirror().changed, 4);
    ck_assert(!exists("many/cluster/0001/cancel/1") && !exists("many/cluster/0002/cancel/3"));
}
END_TEST

START_TEST(files_of_runs_without_a_row_stay)
{
    submission(1, "accepted");
    write_text("many/cluster/0001/cancel/9", "");
    write_text("many/cluster/0001/cancel/3", "");
    write_text("many/cluster/0001/cancel/notes", "");
    ck_assert_uint_eq(mirror().changed, 1);
    ck_assert(exists("many/cluster/0001/cancel/9") && exists("many/cluster/0001/cancel/notes"));
    ck_assert(!exists("many/cluster/0001/cancel/3"));
}
END_TEST

START_TEST(where_nothing_is_cancelled_no_plan_is_read)
{
    submission(1, "accepted");
    write_text("many/cluster/0001/plan.json", "not a plan");
    ck_assert_uint_eq(mirror().changed, 0);
    cancel(0);
    struct pxs_mirrored told;
    ck_fails(pxs_submissions_mirror(store, test_folder(), sweep_id, &told, &err), PXS_E_CORRUPT,
             "plan.json");
}
END_TEST

START_TEST(a_paused_sweep_pauses_its_jobs)
{
    submission(1, "accepted");
    ck_ok(pxs_store_sweep_state(store, sweep_id, "paused", &err));
    ck_assert_uint_eq(mirror().changed, 1);
    ck_assert(exists("many/cluster/0001/paused"));
    ck_assert_uint_eq(mirror().changed, 0);
    ck_ok(pxs_store_sweep_state(store, sweep_id, "open", &err));
    const struct pxs_mirrored told = mirror();
    ck_assert(told.changed == 1 && !told.paused && !exists("many/cluster/0001/paused"));
}
END_TEST

START_TEST(a_task_that_pauses_pauses_the_sweep_until_the_user_goes_on)
{
    submission(1, "accepted");
    submission(2, "accepted");
    write_text("many/cluster/0002/paused", "5 runs failed in a row, \x1b[1mthe last\nmore\n");
    struct pxs_mirrored told = mirror();
    ck_assert(told.paused && told.changed == 1 && exists("many/cluster/0001/paused"));
    ck_assert_str_eq(told.reason, "5 runs failed in a row, \\x1b[1mthe last");
    ck_assert_str_eq(sql_text(store, "SELECT state FROM sweep"), "paused");
    told = mirror();
    ck_assert(!told.paused && told.changed == 0);

    /* Whoever opens the sweep in the database alone has not said that the jobs go on. */
    ck_ok(pxs_store_sweep_state(store, sweep_id, "open", &err));
    ck_assert(mirror().paused);

    /* Where the user goes on, there may be no database. */
    ck_ok(pxs_submissions_resume(test_folder(), "many", false, &err));
    ck_assert(!exists("many/cluster/0001/paused") && !exists("many/cluster/0002/paused"));
    told = mirror();
    ck_assert(!told.paused && told.changed == 0);
    ck_assert_str_eq(sql_text(store, "SELECT state FROM sweep"), "open");

    /* A pause after that is a new one. */
    ck_ok(pxs_submissions_resume(test_folder(), "many", false, &err));
    write_text("many/cluster/0001/paused", "no room");
    ck_assert(mirror().paused);
    ck_assert_str_eq(sql_text(store, "SELECT state FROM sweep"), "paused");
    ck_ok(pxs_submissions_resume(test_folder(), "many", true, &err));
    ck_ok(pxs_store_sweep_state(store, sweep_id, "open", &err));
    ck_assert(!mirror().paused && !exists("many/cluster/resumed"));
}
END_TEST

START_TEST(a_sweep_without_submissions)
{
    ck_ok(pxs_store_sweep_state(store, sweep_id, "paused", &err));
    ck_assert_uint_eq(mirror().submissions, 0);
    ck_ok(pxs_submissions_resume(test_folder(), "many", false, &err));
    ck_assert(!exists("many"));
}
END_TEST

/* ---- jobs ----------------------------------------------------------------------------------- */

static void launcher(int number, const char *script) {
    char name[64];
    snprintf(name, sizeof name, "many/cluster/%04d/launcher", number);
    write_text(name, script);
    ck_assert_int_eq(chmod(in_folder(name), 0755), 0);
    snprintf(name, sizeof name, "many/cluster/%04d/variables", number);
    write_text(name, "");
}

#define SPEAKS                                                                                  \
    "#!/bin/sh\necho \"$PIXSWEEP_NAME $*\" >>\"$PIXSWEEP_DIR/calls\"\n[ $1 = cancel ] || echo " \
    "'a_0 pending\nb_1 running'\n"

START_TEST(jobs_are_asked_to_end)
{
    struct pxs_sweep_jobs ended;
    submission(1, "accepted");
    submission(2, "accepted");
    submission(3, "refused");
    launcher(1, SPEAKS);
    launcher(2, "#!/bin/sh\nexit 0\n"); /* none lives */
    launcher(3, "#!/bin/sh\nexit 3\n"); /* and it is not asked */
    ck_ok(pxs_submissions_jobs(test_folder(), "many", true, NULL, (struct pxs_logger){0}, &ended,
                               &err));
    ck_assert(ended.jobs == 2 && ended.unknown == 0);
    ck_ok(pxs_submissions_jobs(test_folder(), "many", false, NULL, (struct pxs_logger){0}, &ended,
                               &err));
    ck_assert(ended.jobs == 2 && ended.unknown == 0); /* and this time they were only asked for */
    char *calls = slurp("many/cluster/0001/calls", NULL);
    ck_assert_str_eq(calls, "pixsweep-many-1 alive\npixsweep-many-1 cancel job\n"
                            "pixsweep-many-1 alive\n");
    free(calls);
}
END_TEST

static void keep(void *user, enum pxs_log_level level, const char *text) {
    ck_assert_int_eq(level, PXS_LOG_WARN);
    snprintf(user, 400, "%s", text);
}

START_TEST(one_launcher_without_an_answer_keeps_no_other_from_it)
{
    struct pxs_sweep_jobs ended;
    char said[400] = "";
    const struct pxs_logger logger = {.write = keep, .user = said};
    submission(1, "accepted");
    submission(2, "accepted");
    launcher(1, "#!/bin/sh\necho the controller is away >&2\nexit 3\n");
    launcher(2, SPEAKS);
    ck_ok(pxs_submissions_jobs(test_folder(), "many", true, NULL, logger, &ended, &err));
    ck_assert(ended.jobs == 2 && ended.unknown == 1);
    ck_has(said, "the controller is away");
}
END_TEST

/* ---- words ---------------------------------------------------------------------------------- */

START_TEST(new_runs_in_words)
{
    struct pxs_text text = {0};
    pxs_jobs_new_words(3, 0, 1, &text);
    ck_assert_str_eq(pxs_text_str(&text), "");
    pxs_jobs_new_words(3, 1, 1, &text);
    pxs_jobs_new_words(3, 2, 0, &text);
    ck_assert_str_eq(pxs_text_str(&text),
                     "jobs of earlier submissions know 2 of these runs; the new one is for jobs "
                     "submitted now\njobs of earlier submissions know 1 of these runs; the 2 new "
                     "ones are for jobs of the `run` that collects, or of the same command "
                     "again, once some of those have ended\n");
    pxs_text_finish(&text);
}
END_TEST

static void write_log(const char *name, int seconds, const char *text) {
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    char path[64];
    snprintf(path, sizeof path, "sub/log/%s", name);
    write_text(path, text);
    ck_assert_int_eq(utimensat(AT_FDCWD, in_folder(path), times, 0), 0);
}

START_TEST(the_last_log_is_the_one_that_was_written_to_last)
{
    struct pxs_text text = {0};
    ck_assert(!pxs_submission_last_log(in_folder("sub"), &text));
    write_log("7_0.log", 1000, "");
    ck_assert(!pxs_submission_last_log(in_folder("sub"), &text) && text.len == 0);
    write_log("7_1.log", 3000, "1\n2\n3\n4\n5\n\x1b[1mmodule: not found\n\n");
    write_log("7_2.log", 2000, "older\n");
    write_log("7_3.log", 4000, ""); /* says nothing */
    ck_assert(pxs_submission_last_log(in_folder("sub"), &text));
    ck_has(pxs_text_str(&text), "/sub/log/7_1.log:\n    2\n    3\n    4\n    5\n    "
                                "\\x1b[1mmodule: not found\n");
    pxs_text_clear(&text);

    /* One line, and one that is longer than what is read. */
    write_log("7_2.log", 5000, "only");
    ck_assert(pxs_submission_last_log(in_folder("sub"), &text));
    ck_has(pxs_text_str(&text), "/7_2.log:\n    only\n");
    pxs_text_clear(&text);
    char *line = malloc(10001);
    memset(line, 'x', 10000);
    line[10000] = '\0';
    write_log("7_2.log", 5000, line);
    free(line);
    ck_assert(pxs_submission_last_log(in_folder("sub"), &text));
    ck_assert(text.len > 4000 && text.len < 5000);
    pxs_text_finish(&text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("submit");
    TCase *c = tcase_create("mirror");
    tcase_add_checked_fixture(c, make_database, remove_database);
    tcase_add_test(c, runs_are_found_by_what_they_are);
    tcase_add_test(c, files_of_runs_without_a_row_stay);
    tcase_add_test(c, where_nothing_is_cancelled_no_plan_is_read);
    tcase_add_test(c, a_paused_sweep_pauses_its_jobs);
    tcase_add_test(c, a_task_that_pauses_pauses_the_sweep_until_the_user_goes_on);
    tcase_add_test(c, a_sweep_without_submissions);
    tcase_add_test(c, jobs_are_asked_to_end);
    tcase_add_test(c, one_launcher_without_an_answer_keeps_no_other_from_it);
    tcase_add_test(c, new_runs_in_words);
    tcase_add_test(c, the_last_log_is_the_one_that_was_written_to_last);
    suite_add_tcase(suite, c);
    return run_tests(suite, CK_NORMAL);
}
