/* ends.txt, and what it adds to the records of a folder. */
#include "rundir_tests.h"

#include <stdlib.h>
#include <string.h>

#define OLD_HEAD "# attempt reason pid pid_start boot_id\n"
#define HEAD                                                                                     \
    "# attempt reason pid pid_start boot_id outcome state exit_code signal started_ms ended_ms " \
    "host cores threads kernels message\n"

static const struct pxs_store_attempt first = {.no = 1,
                                               .pid = 7,
                                               .pid_start = 70,
                                               .boot_id = "b",
                                               .host = "h",
                                               .cores = "0,1",
                                               .threads = 2,
                                               .kernels = "avx2",
                                               .started_ms = 1000},
                                      unborn = {.no = 2};

static struct pxs_ends ends_of(const char *text) {
    struct pxs_ends ends;
    write_text("ends.txt", text);
    ck_ok(pxs_ends_read(test_folder(), &ends, &err));
    return ends;
}

START_TEST(written_and_read)
{
    const struct pxs_store_end killed = {.outcome = PXS_STATE_FAILED,
                                         .state = PXS_STATE_QUEUED,
                                         .exit_code = -1,
                                         .signal = 9,
                                         .reason = PXS_REASON_KILLED,
                                         .message = "killed\n  the log:\n  | a\\n b  ",
                                         .ended_ms = 2000},
                               full = {.outcome = PXS_STATE_INTERRUPTED,
                                       .state = PXS_STATE_INTERRUPTED,
                                       .exit_code = 1,
                                       .reason = PXS_REASON_NO_SPACE,
                                       .ended_ms = 3000};
    struct pxs_ends ends;
    ck_ok(pxs_ends_read(test_folder(), &ends, &err));
    ck_assert_uint_eq(ends.n, 0);
    ck_ok(pxs_ends_add(test_folder(), &first, &killed, &err));
    ck_ok(pxs_ends_add(test_folder(), &unborn, &full, &err));
    char *text = slurp("ends.txt", NULL);
    ck_assert_str_eq(text, HEAD
                     "1 killed 7 70 b failed queued -1 9 1000 2000 h 0,1 2 avx2 killed\\n  the "
                     "log:\\n  | a\\\\n b  \n"
                     "2 no_space 0 0 - interrupted interrupted 1 0 0 3000 - - 0 - \n");
    free(text);
    ck_ok(pxs_ends_read(test_folder(), &ends, &err));
    ck_assert_uint_eq(ends.n, 2);
    const struct pxs_ended *line = pxs_ends_find(&ends, &first);
    ck_assert_ptr_eq(line, &ends.of[0]);
    ck_assert_int_eq(line->attempt.started_ms, 1000);
    ck_assert_str_eq(line->attempt.host, "h");
    ck_assert_str_eq(line->attempt.cores, "0,1");
    ck_assert_int_eq(line->attempt.threads, 2);
    ck_assert_str_eq(line->attempt.kernels, "avx2");
    ck_assert_int_eq(line->end.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(line->end.state, PXS_STATE_QUEUED);
    ck_assert_int_eq(line->end.exit_code, -1);
    ck_assert_int_eq(line->end.signal, 9);
    ck_assert_int_eq(line->end.ended_ms, 2000);
    ck_assert_str_eq(line->end.message, killed.message);
    line = pxs_ends_find(&ends, &unborn);
    ck_assert_ptr_eq(line, &ends.of[1]);
    ck_assert_int_eq(line->end.reason, PXS_REASON_NO_SPACE);
    ck_assert_int_eq(line->end.exit_code, 1);
    ck_assert_str_eq(line->attempt.host, "");
    ck_assert_str_eq(line->end.message, "");
    pxs_ends_finish(&ends);
}
END_TEST

/* A line counts for its process, for its number only where one side knows no process. */
START_TEST(older_files)
{
    const struct pxs_store_attempt other = {.no = 1, .pid = 7, .pid_start = 71, .boot_id = "b"},
                                   third = {.no = 3, .pid = 9, .pid_start = 90};
    struct pxs_ends ends =
        ends_of(OLD_HEAD "1 timeout 7 70 b\n2 no_space 0 0 -\n3 crash 9 90 -\n3 lost 9 90 -\n");
    ck_assert_uint_eq(ends.n, 4);
    ck_assert_int_eq(pxs_ends_find(&ends, &first)->end.reason, PXS_REASON_TIMEOUT);
    ck_assert_int_eq(pxs_ends_find(&ends, &first)->end.outcome, PXS_STATE_NONE);
    ck_assert_ptr_null(pxs_ends_find(&ends, &other)); /* number 1 again, another process */
    ck_assert_int_eq(pxs_ends_find(&ends, &unborn)->end.reason, PXS_REASON_NO_SPACE);
    ck_assert_int_eq(pxs_ends_find(&ends, &third)->end.reason, PXS_REASON_LOST);
    pxs_ends_finish(&ends);
    /* What is added to it has all columns, and the head says so. */
    const struct pxs_store_end end = {.outcome = PXS_STATE_CANCELLED, .state = PXS_STATE_CANCELLED};
    ck_ok(pxs_ends_add(test_folder(), &other, &end, &err));
    char *text = slurp("ends.txt", NULL);
    ck_assert_int_eq(strncmp(text, HEAD "1 timeout 7 70 b\n", strlen(HEAD) + 17), 0);
    ck_has_not(text, OLD_HEAD);
    free(text);
}
END_TEST

/* What is no line of a supervisor says the reason at most. */
START_TEST(strange_lines)
{
    static const char *const nothing[] = {"", "\n\n", "3 crash 9 90\n", "0 crash 9 90 -\n",
                                          "x crash 9 90 -\n"};
    static const char *const reason[] = {
        "1 crash 7 70 b failed", /* cut off */
        "1 crash 7 70 b failed failed 1 0 1 2 h 0 1 k\n",
        "1 crash 7 70 b failed completed 1 0 1 2 h 0 1 k m\n",
        "1 crash 7 70 b interrupted queued 1 0 1 2 h 0 1 k m\n",
        "1 crash 7 70 b running running 1 0 1 2 h 0 1 k m\n",
        "1 crash 7 70 b exploded exploded 1 0 1 2 h 0 1 k m\n",
    };
    for (size_t i = 0; i < PXS_COUNT(nothing); i++) {
        struct pxs_ends ends = ends_of(nothing[i]);
        ck_assert_msg(ends.n == 0, "%s", nothing[i]);
        pxs_ends_finish(&ends);
    }
    for (size_t i = 0; i < PXS_COUNT(reason); i++) {
        struct pxs_ends ends = ends_of(reason[i]);
        ck_assert_msg(ends.n == 1 && ends.of[0].end.outcome == PXS_STATE_NONE &&
                          ends.of[0].end.reason == PXS_REASON_CRASH,
                      "%s", reason[i]);
        pxs_ends_finish(&ends);
    }
    struct pxs_ends ends = ends_of("1 exploded 7 70 b failed failed 1 0 1 2 h 0 1 k m\n");
    ck_assert_int_eq(ends.of[0].end.reason, PXS_REASON_NONE);
    ck_assert_int_eq(ends.of[0].end.outcome, PXS_STATE_FAILED);
    pxs_ends_finish(&ends);
}
END_TEST

/* ---- beside the records --------------------------------------------------------------------- */

/* Attempts 2 and 4 of records.bin; 4 has an END record where `outcome` is not negative. */
static void write_records(int outcome) {
    struct pxs_record_writer *w = NULL;
    struct pxs_record r = {.kind = PXS_RECORD_BEGIN,
                           .begin = {.at_ms = 1, .attempt = 2, .resumed_from_step = -1}};
    remove_tree(in_folder("records.bin"));
    ck_ok(pxs_record_writer_open(in_folder("records.bin"), 0, &w, &err));
    ck_ok(pxs_record_write(w, &r, &err));
    r.begin.at_ms = 2;
    r.begin.attempt = 4;
    ck_ok(pxs_record_write(w, &r, &err));
    struct pxs_record end = {.kind = PXS_RECORD_END, .end = {.at_ms = 3}};
    end.end.outcome = outcome;
    if (outcome >= 0)
        ck_ok(pxs_record_write(w, &end, &err));
    pxs_record_writer_close(&w);
}

static void expect_state(int outcome, const char *ends, enum pxs_run_state state) {
    struct pxs_run_records found;
    write_records(outcome);
    write_text("ends.txt", ends);
    ck_ok(pxs_run_records_read(test_folder(), &found, &err));
    ck_assert_msg(pxs_run_records_state(&found) == state, "%s: %s", ends,
                  pxs_state_name(pxs_run_records_state(&found)));
    pxs_run_records_finish(&found);
}

#define LINE(no, states) no " crash 0 0 - " states " -1 9 1 5 h 0 1 k m\n"

START_TEST(attempts_of_both)
{
    struct pxs_run_records found;
    write_records(-1);
    write_text("ends.txt", HEAD LINE("1", "failed queued") LINE("2", "failed queued")
                               LINE("3", "failed queued") LINE("5", "failed failed"));
    ck_ok(pxs_run_records_read(test_folder(), &found, &err));
    ck_assert_uint_eq(found.n, 5);
    for (size_t i = 0; i < found.n; i++) {
        ck_assert_int_eq(found.attempts[i].row.no, (int64_t)i + 1);
        ck_assert_int_eq(found.attempts[i].began, i == 1 || i == 3);
        ck_assert_int_eq(pxs_run_records_end(&found.attempts[i]) != NULL, i != 3);
    }
    ck_assert_ptr_eq(pxs_run_records_last_begun(&found), &found.attempts[3]);
    ck_assert_int_eq(pxs_run_records_last_no(&found), 5);
    ck_assert_int_eq(pxs_run_records_state(&found), PXS_STATE_FAILED);
    pxs_run_records_finish(&found);
}
END_TEST

/* A supervisor's line is worth more than an END record, but no good end is believed without one. */
START_TEST(state_of_both)
{
    expect_state(-1, "", PXS_STATE_INTERRUPTED);
    expect_state(PXS_OUTCOME_DIVERGED, "", PXS_STATE_DIVERGED);
    expect_state(-1, LINE("4", "failed queued"), PXS_STATE_QUEUED);
    expect_state(PXS_OUTCOME_INTERRUPTED, LINE("4", "cancelled cancelled"), PXS_STATE_CANCELLED);
    expect_state(-1, LINE("2", "failed failed"), PXS_STATE_INTERRUPTED);
    expect_state(-1, LINE("5", "failed failed"), PXS_STATE_FAILED);
    expect_state(-1, LINE("4", "completed completed"), PXS_STATE_INTERRUPTED);
    expect_state(-1, LINE("4", "pruned pruned"), PXS_STATE_INTERRUPTED);
    expect_state(PXS_OUTCOME_DIVERGED, LINE("4", "completed completed"), PXS_STATE_DIVERGED);
    expect_state(PXS_OUTCOME_DIVERGED, LINE("4", "diverged diverged"), PXS_STATE_DIVERGED);
    expect_state(-1, "4 crash 0 0 -\n", PXS_STATE_INTERRUPTED);
}
END_TEST

TCase *ends_case(void) {
    TCase *c = tcase_create("ends.txt");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, written_and_read);
    tcase_add_test(c, older_files);
    tcase_add_test(c, strange_lines);
    tcase_add_test(c, attempts_of_both);
    tcase_add_test(c, state_of_both);
    return c;
}
