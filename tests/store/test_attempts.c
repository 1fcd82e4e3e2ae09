/* Attempts: taking, proof of life, ends, what is left open; environment and events. */
#include "store_tests.h"

#include <stdlib.h>
#include <string.h>

START_TEST(a_run_is_taken_once)
{
    struct pxs_store *s = open_store(), *other = open_store();
    int64_t ids[2];
    plan_sweep(s, "a", 1, 2, ids);
    struct pxs_store_attempt a = {.run_id = ids[0],
                                  .host = "labor",
                                  .boot_id = "4b1d",
                                  .pid = 12,
                                  .pid_start = 34,
                                  .cores = "0,1",
                                  .threads = 2,
                                  .kernels = "avx2",
                                  .started_ms = 1000},
                             b = a, back;
    ck_ok(pxs_store_take(s, &a, &err));
    ck_assert_int_eq(a.no, 1);
    ck_assert_int_eq(a.heartbeat_ms, 1000);
    ck_assert_int_eq(a.resumed_from_step, -1);
    ck_fails(pxs_store_take(other, &b, &err), PXS_E_BUSY, "a/0001-lrgd-10-s0 is running");
    ck_assert_int_eq(b.attempt_id, 0);
    ck_ok(pxs_store_attempt(other, a.attempt_id, &back, &err));
    ck_assert_str_eq(back.host, "labor");
    ck_assert_str_eq(back.boot_id, "4b1d");
    ck_assert_str_eq(back.cores, "0,1");
    ck_assert_str_eq(back.kernels, "avx2");
    ck_assert_int_eq(back.pid, 12);
    ck_assert_int_eq(back.pid_start, 34);
    ck_assert_int_eq(back.threads, 2);
    ck_assert_int_eq(back.started_ms, 1000);
    ck_assert_int_eq(back.ended_ms, 0);
    ck_assert_int_eq(back.outcome, PXS_STATE_NONE);
    b.run_id = 99;
    ck_fails(pxs_store_take(s, &b, &err), PXS_E_NOT_FOUND, "no run 99");
    ck_fails(pxs_store_attempt(s, 99, &back, &err), PXS_E_NOT_FOUND, "no attempt 99");
    ck_fails(pxs_store_attempt(s, 0, &back, &err), PXS_E_NOT_FOUND, "no attempt 0");
    pxs_store_close(&other);
    pxs_store_close(&s);
}
END_TEST

/* The folder may know of more attempts than the database. */
START_TEST(a_number_is_the_least)
{
    struct pxs_store *s = open_store();
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    const struct pxs_store_end end = {.outcome = PXS_STATE_FAILED, .state = PXS_STATE_QUEUED};
    static const int64_t asked[] = {4, 2, 0, 9}, given[] = {4, 5, 6, 9};
    for (size_t i = 0; i < PXS_COUNT(asked); i++) {
        struct pxs_store_attempt a = {.run_id = ids[0], .no = asked[i]};
        ck_ok(pxs_store_take(s, &a, &err));
        ck_assert_int_eq(a.no, given[i]);
        ck_assert_int_eq(sql_int(s, "SELECT max(no) FROM attempt"), given[i]);
        ck_ok(pxs_store_attempt_end(s, a.attempt_id, &end, &err));
    }
    pxs_store_close(&s);
}
END_TEST

START_TEST(unknown_things_are_null)
{
    struct pxs_store *s = open_store();
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    struct pxs_store_attempt a = {.run_id = ids[0]};
    ck_ok(pxs_store_take(s, &a, &err));
    ck_assert_int_eq(
        sql_int(s,
                "SELECT (host IS NULL) + (boot_id IS NULL) + (pid IS NULL) + (pid_start IS NULL) + "
                "(cores IS NULL) + (threads IS NULL) + (kernels IS NULL) + (ended_ms IS NULL) + "
                "(exit_code IS NULL) + (signal IS NULL) + (outcome IS NULL) + (message IS NULL) + "
                "(resumed_from_step IS NULL) FROM attempt"),
        13);
    ck_assert_int_gt(sql_int(s, "SELECT started_ms FROM attempt"), 1600000000000);
    ck_ok(pxs_store_attempt_pid(s, a.attempt_id, 77, 88, &err));
    ck_assert_int_eq(sql_int(s, "SELECT pid * 100 + pid_start FROM attempt"), 7788);
    ck_fails(pxs_store_attempt_pid(s, 99, 77, 88, &err), PXS_E_NOT_FOUND, "no attempt 99");
    pxs_store_close(&s);
}
END_TEST

START_TEST(which_states_can_be_taken)
{
    static const struct {
        enum pxs_run_state state;
        bool free;
    } cases[] = {{PXS_STATE_QUEUED, true},     {PXS_STATE_INTERRUPTED, true},
                 {PXS_STATE_COMPLETED, false}, {PXS_STATE_FAILED, false},
                 {PXS_STATE_DIVERGED, false},  {PXS_STATE_CANCELLED, false},
                 {PXS_STATE_PRUNED, true}};
    struct pxs_store *s = open_store();
    int64_t ids[PXS_COUNT(cases)];
    plan_sweep(s, "a", 1, PXS_COUNT(cases), ids);
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        struct pxs_store_attempt a = {.run_id = ids[i]};
        struct pxs_store_end end = {
            .outcome = PXS_STATE_FAILED, .state = cases[i].state, .exit_code = 1};
        ck_ok(pxs_store_attempt_end(s, take_run(s, ids[i]), &end, &err));
        ck_assert_int_eq(pxs_store_take(s, &a, NULL), cases[i].free ? PXS_OK : PXS_E_BUSY);
        ck_assert_int_eq(a.no, cases[i].free ? 2 : 0);
    }
    pxs_store_close(&s);
}
END_TEST

START_TEST(ends_are_kept_once)
{
    struct pxs_store *s = open_store();
    struct pxs_store_attempt a;
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]);
    struct pxs_store_end end = {.outcome = PXS_STATE_FAILED,
                                .state = PXS_STATE_QUEUED,
                                .exit_code = -1,
                                .signal = 11,
                                .message = "segfault",
                                .ended_ms = 5000};
    ck_ok(pxs_store_attempt_end(s, attempt, &end, &err));
    end.state = PXS_STATE_COMPLETED;
    end.message = "no, it was fine";
    ck_fails(pxs_store_attempt_end(s, attempt, &end, &err), PXS_E_EXISTS,
             "has been closed already");
    ck_fails(pxs_store_attempt_end(s, 99, &end, &err), PXS_E_NOT_FOUND, "no attempt 99");
    ck_ok(pxs_store_attempt(s, attempt, &a, &err));
    ck_assert_int_eq(a.outcome, PXS_STATE_FAILED);
    ck_assert_str_eq(a.message, "segfault");
    ck_assert_int_eq(a.ended_ms, 5000);
    ck_assert_int_eq(sql_int(s, "SELECT signal * 100 + (exit_code IS NULL) FROM attempt"), 1101);
    ck_assert_str_eq(sql_text(s, "SELECT state FROM run"), "queued");
    pxs_store_close(&s);
}
END_TEST

START_TEST(long_messages_are_cut_between_characters)
{
    struct pxs_store *s = open_store();
    struct pxs_store_attempt a;
    int64_t ids[1];
    char message[3001] = "";
    for (int i = 0; i < 1000; i++)
        strcat(message, "\xe5\xad\x97");
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]);
    struct pxs_store_end end = {
        .outcome = PXS_STATE_FAILED, .state = PXS_STATE_FAILED, .exit_code = 1, .message = message};
    ck_ok(pxs_store_attempt_end(s, attempt, &end, &err));
    ck_assert_int_eq(sql_int(s, "SELECT length(message) FROM attempt"), 1000);
    ck_ok(pxs_store_attempt(s, attempt, &a, &err));
    ck_assert_uint_eq(strlen(a.message), 1023);
    pxs_store_close(&s);
}
END_TEST

START_TEST(open_attempts_are_found_after_a_crash)
{
    struct pxs_store *s = open_store();
    struct pxs_store_attempt *open;
    int64_t a[3], b[1];
    size_t n;
    plan_sweep(s, "a", 1, 3, a);
    plan_sweep(s, "b", 1, 1, b);
    int64_t first = take_run(s, a[0]), second = take_run(s, a[1]), third = take_run(s, b[0]);
    end_run(s, first, "completed");
    ck_ok(pxs_store_open_attempts(s, 1, &open, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(open[0].attempt_id, second);
    ck_assert_int_eq(open[0].run_id, a[1]);
    ck_assert_int_eq(open[0].pid, 4711);
    free(open);
    ck_ok(pxs_store_open_attempts(s, 0, &open, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(open[1].attempt_id, third);
    free(open);
    end_run(s, second, "interrupted");
    ck_ok(pxs_store_open_attempts(s, 1, &open, &n, &err));
    ck_assert_uint_eq(n, 0);
    free(open);
    pxs_store_close(&s);
}
END_TEST

START_TEST(heartbeats)
{
    struct pxs_store *s = open_store();
    int64_t ids[3], attempts[3];
    plan_sweep(s, "a", 1, 3, ids);
    for (int i = 0; i < 3; i++)
        attempts[i] = take_run(s, ids[i]);
    ck_ok(pxs_store_heartbeat(s, attempts, 2, 12345, &err));
    ck_ok(pxs_store_heartbeat(s, attempts, 0, 99, &err));
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM attempt WHERE heartbeat_ms = 12345"), 2);
    pxs_store_close(&s);
}
END_TEST

START_TEST(events_stand_once)
{
    struct pxs_store *s = open_store();
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    for (int i = 0; i < 2; i++) {
        ck_ok(pxs_store_event(s, ids[0], 10, PXS_LOG_WARN, "kernels", "mixed", &err));
        ck_ok(pxs_store_event(s, 0, 10, PXS_LOG_ERROR, "disk", "full", &err));
        ck_ok(pxs_store_event(s, ids[0], 11, PXS_LOG_INFO, "kernels", "mixed", &err));
    }
    char *all =
        sql_dump(s, "SELECT run_id, at_ms, level, kind, message FROM event ORDER BY event_id");
    ck_assert_str_eq(all,
                     "1|10|warn|kernels|mixed\n|10|error|disk|full\n1|11|info|kernels|mixed\n");
    free(all);
    pxs_store_close(&s);
}
END_TEST

TCase *attempts_case(void) {
    TCase *c = tcase_create("attempts");
    tcase_add_test(c, a_run_is_taken_once);
    tcase_add_test(c, a_number_is_the_least);
    tcase_add_test(c, unknown_things_are_null);
    tcase_add_test(c, which_states_can_be_taken);
    tcase_add_test(c, ends_are_kept_once);
    tcase_add_test(c, long_messages_are_cut_between_characters);
    tcase_add_test(c, open_attempts_are_found_after_a_crash);
    tcase_add_test(c, heartbeats);
    tcase_add_test(c, events_stand_once);
    return c;
}
