/* States that a user sets: pausing, trying again, cancelling. */
#include "store_tests.h"

#include <stdlib.h>
#include <string.h>

static const char *state_of(struct pxs_store *s, int64_t run_id) {
    return sql_text(s, "SELECT state FROM run WHERE run_id = %d", (int)run_id);
}

static void fail_run(struct pxs_store *s, int64_t run_id, const char *state,
                     enum pxs_end_reason reason) {
    enum pxs_run_state of = pxs_state_parse(state);
    struct pxs_store_end end = {.outcome = of == PXS_STATE_QUEUED ? PXS_STATE_FAILED : of,
                                .state = of,
                                .exit_code = 1,
                                .reason = reason,
                                .message = "because"};
    ck_ok(pxs_store_attempt_end(s, take_run(s, run_id), &end, &err));
}

START_TEST(states_of_a_sweep)
{
    struct pxs_store *s = open_store(), *r;
    struct pxs_store_run_state *list;
    int64_t a[3], b[1];
    size_t n;
    plan_sweep(s, "b", 1, 1, b);
    plan_sweep(s, "a", 1, 3, a);
    take_run(s, a[1]);
    r = open_reader();
    ck_ok(pxs_store_run_states(r, 2, &list, &n, &err));
    ck_assert_uint_eq(n, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(list[i].run_id, a[i]);
        ck_assert_int_eq(list[i].state, i == 1 ? PXS_STATE_RUNNING : PXS_STATE_QUEUED);
    }
    free(list);
    ck_ok(pxs_store_run_states(r, 99, &list, &n, &err));
    ck_assert_uint_eq(n, 0);
    free(list);
    pxs_store_close(&r);
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_sweep_is_paused_and_opened)
{
    struct pxs_store *s = open_store();
    int64_t ids[1];
    char state[16];
    plan_sweep(s, "a", 1, 1, ids);
    ck_ok(pxs_store_get_sweep_state(s, 1, state, &err));
    ck_assert_str_eq(state, "open");
    ck_ok(pxs_store_sweep_state(s, 1, "paused", &err));
    ck_ok(pxs_store_get_sweep_state(s, 1, state, &err));
    ck_assert_str_eq(state, "paused");
    ck_ok(pxs_store_sweep_state(s, 1, "open", &err));
    ck_assert_str_eq(sql_text(s, "SELECT state FROM sweep"), "open");
    ck_fails(pxs_store_sweep_state(s, 1, "asleep", &err), PXS_E_INTERNAL, "asleep");
    ck_fails(pxs_store_sweep_state(s, 9, "open", &err), PXS_E_NOT_FOUND, "no sweep 9");
    ck_fails(pxs_store_get_sweep_state(s, 9, state, &err), PXS_E_NOT_FOUND, "no sweep 9");
    pxs_store_close(&s);
}
END_TEST

/* ---- retry ---------------------------------------------------------------------------------- */

static const char *const seven[] = {"failed",      "diverged", "cancelled", "completed",
                                    "interrupted", "queued",   "running"};

/* A run in each state, in the order of `seven`. */
static void one_of_each(struct pxs_store *s, int64_t ids[7]) {
    plan_sweep(s, "a", 7, 1, ids);
    for (int i = 0; i < 5; i++)
        fail_run(s, ids[i], seven[i], PXS_REASON_ERROR);
    take_run(s, ids[6]);
}

static void retry_gives(struct pxs_store *s, unsigned what, const char *where, size_t n,
                        const int64_t *ids) {
    struct pxs_store_changed c;
    ck_ok(pxs_store_retry(s, 1, what, where, &c, &err));
    ck_assert_uint_eq(c.n, n);
    ck_assert_uint_eq(c.left, 0);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(c.runs[i].run_id, ids[i]);
    pxs_store_changed_finish(&c);
}

START_TEST(what_is_tried_again)
{
    struct pxs_store *s = open_store();
    int64_t ids[7];
    one_of_each(s, ids);
    unsigned what = _i == 3 ? PXS_RETRY_ALL : 1u << _i;
    retry_gives(s, what, NULL, _i == 3 ? 3 : 1, _i == 3 ? ids : &ids[_i]);
    for (int i = 0; i < 7; i++)
        ck_assert_str_eq(state_of(s, ids[i]), _i == 3 && i < 3   ? "queued"
                                              : i == _i && i < 3 ? "queued"
                                                                 : seven[i]);
    /* Nothing is forgotten. */
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM attempt WHERE message = 'because'"), 5);
    ck_assert_int_eq(
        sql_int(s, "SELECT count(*) FROM retry WHERE after_no = 1 AND at_ms > 1600000000000"),
        _i == 3 ? 3 : 1);
    retry_gives(s, what, NULL, 0, NULL);
    /* Cancelled before it was taken, and put back again. */
    struct pxs_store_changed c;
    int64_t again = ids[_i % 3];
    ck_ok(pxs_store_cancel(s, &again, 1, &c, &err));
    pxs_store_changed_finish(&c);
    char where[40];
    snprintf(where, sizeof where, "run_id = %d", (int)again);
    retry_gives(s, PXS_RETRY_ALL, where, 1, &again);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_condition_chooses)
{
    struct pxs_store *s = open_store();
    int64_t ids[7];
    one_of_each(s, ids);
    retry_gives(s, PXS_RETRY_ALL, "lrgd >= 11 AND message = 'because' -- a comment", 2, &ids[1]);
    retry_gives(s, PXS_RETRY_ALL, "lrgd >= 11", 0, NULL);
    ck_assert_str_eq(state_of(s, ids[0]), "failed");
    pxs_store_close(&s);
}
END_TEST

/* The condition is the user's text: it reads or it is refused, and it reaches no other state or
 * sweep. */
START_TEST(a_condition_only_reads)
{
    static const struct {
        const char *where, *words;
    } bad[] = {{"lrx > 1", "no such column: lrx"},
               {"lrgd >", "syntax error"},
               {"1); DELETE FROM run; SELECT (1", "one statement"},
               {"1) ; --", "syntax error"},
               {"load_extension('x')", "this function"},
               {"", "syntax error"}};
    struct pxs_store *s = open_store();
    struct pxs_store_changed c = {0};
    int64_t ids[7], other[1];
    one_of_each(s, ids);
    plan_sweep(s, "b", 1, 1, other);
    fail_run(s, other[0], "failed", PXS_REASON_ERROR);
    for (size_t i = 0; i < PXS_COUNT(bad); i++) {
        struct pxs_error err = {.message = ""};
        enum pxs_status status = pxs_store_retry(s, 1, PXS_RETRY_ALL, bad[i].where, &c, &err);
        ck_assert_msg(status == PXS_E_INVALID, "%s: %s", bad[i].where, err.message);
        ck_assert_ptr_null(c.runs);
    }
    ck_fails(pxs_store_retry(s, 1, PXS_RETRY_ALL, "lrx > 1", &c, &err), PXS_E_INVALID,
             "\n  lrx > 1\n  ^");
    ck_ok(pxs_store_retry(s, 1, PXS_RETRY_FAILED, "1) OR (1", &c, &err));
    for (size_t i = 0; i < c.n; i++)
        ck_assert_int_eq(c.runs[i].run_id, ids[0]);
    ck_assert_uint_eq(c.n, 1);
    pxs_store_changed_finish(&c);
    ck_assert_str_eq(state_of(s, other[0]), "failed");
    for (int i = 1; i < 7; i++)
        ck_assert_str_eq(state_of(s, ids[i]), seven[i]);
    pxs_store_close(&s);
}
END_TEST

/* They count reasons, whatever messages say. */
START_TEST(budgets_begin_anew)
{
    struct pxs_store *s = open_store();
    int64_t ids[1], crashes, timeouts;
    plan_sweep(s, "a", 1, 1, ids);
    ck_ok(pxs_store_failures(s, ids[0], &crashes, &timeouts, &err));
    ck_assert_int_eq(crashes + timeouts, 0);
    fail_run(s, ids[0], "queued", PXS_REASON_CRASH);
    fail_run(s, ids[0], "queued", PXS_REASON_TIMEOUT);
    fail_run(s, ids[0], "interrupted", PXS_REASON_STOPPED);
    fail_run(s, ids[0], "failed", PXS_REASON_NONE);
    ck_ok(pxs_store_failures(s, ids[0], &crashes, &timeouts, &err));
    ck_assert_int_eq(crashes, 2);
    ck_assert_int_eq(timeouts, 1);
    retry_gives(s, PXS_RETRY_ALL, NULL, 1, ids);
    ck_ok(pxs_store_failures(s, ids[0], &crashes, &timeouts, &err));
    ck_assert_int_eq(crashes + timeouts, 0);
    fail_run(s, ids[0], "failed", PXS_REASON_TIMEOUT);
    ck_ok(pxs_store_failures(s, ids[0], &crashes, &timeouts, &err));
    ck_assert_int_eq(crashes, 0);
    ck_assert_int_eq(timeouts, 1);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM attempt"), 5);
    pxs_store_close(&s);
}
END_TEST

/* ---- cancel --------------------------------------------------------------------------------- */

START_TEST(what_is_cancelled)
{
    struct pxs_store *s = open_store();
    struct pxs_store_changed c;
    int64_t ids[7];
    one_of_each(s, ids);
    ck_ok(pxs_store_cancel(s, ids, 7, &c, &err));
    ck_assert_uint_eq(c.n, 3);
    ck_assert_uint_eq(c.left, 4);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(pxs_state_name(c.runs[i].state), seven[4 + i]);
    pxs_store_changed_finish(&c);
    for (int i = 0; i < 7; i++)
        ck_assert_str_eq(state_of(s, ids[i]), i < 4 ? seven[i] : "cancelled");
    struct pxs_store_attempt a = {.run_id = ids[5]};
    ck_fails(pxs_store_take(s, &a, &err), PXS_E_BUSY, "is cancelled");
    ids[1] = 99;
    c.n = 77;
    ck_fails(pxs_store_cancel(s, ids, 7, &c, &err), PXS_E_NOT_FOUND, "no run 99");
    ck_assert_uint_eq(c.n, 77);
    pxs_store_close(&s);
}
END_TEST

/* While its attempt is open: records come in, no second attempt is made, its end is kept. 0 to 3:
 * how the worker ends. */
START_TEST(a_running_run_is_cancelled)
{
    static const char *const ends[] = {"interrupted", "failed", "completed", "diverged"};
    static const char *const becomes[] = {"cancelled", "cancelled", "completed", "diverged"};
    struct pxs_store *s = open_store();
    struct pxs_store_changed c;
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]);
    struct pxs_record_writer *w = open_writer(ids[0], 0);
    put_begin(w, 1, -1);
    put_steps(w, ids[0], 0, 5);
    take_in(s, attempt, ids[0], 0, 100);
    ck_ok(pxs_store_cancel(s, ids, 1, &c, &err));
    pxs_store_changed_finish(&c);
    int64_t offset = sql_int(s, "SELECT record_offset FROM attempt");
    put_steps(w, ids[0], 5, 10);
    pxs_record_writer_close(&w);
    take_in(s, attempt, ids[0], offset, 100);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), 10);
    ck_ok(pxs_store_retry(s, 1, PXS_RETRY_ALL, NULL, &c, &err));
    ck_assert_uint_eq(c.n, 0);
    ck_assert_uint_eq(c.left, 1);
    pxs_store_changed_finish(&c);
    end_run(s, attempt, ends[_i]);
    ck_assert_str_eq(state_of(s, ids[0]), becomes[_i]);
    ck_assert_str_eq(sql_text(s, "SELECT outcome FROM attempt"), ends[_i]);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM attempt WHERE ended_ms IS NULL"), 0);
    ck_ok(pxs_store_retry(s, 1, PXS_RETRY_CANCELLED, NULL, &c, &err));
    ck_assert_uint_eq(c.n, _i < 2 ? 1 : 0);
    pxs_store_changed_finish(&c);
    pxs_store_close(&s);
}
END_TEST

TCase *states_case(void) {
    TCase *c = tcase_create("states");
    tcase_add_test(c, states_of_a_sweep);
    tcase_add_test(c, a_sweep_is_paused_and_opened);
    tcase_add_loop_test(c, what_is_tried_again, 0, 4);
    tcase_add_test(c, a_condition_chooses);
    tcase_add_test(c, a_condition_only_reads);
    tcase_add_test(c, budgets_begin_anew);
    tcase_add_test(c, what_is_cancelled);
    tcase_add_loop_test(c, a_running_run_is_cancelled, 0, 4);
    return c;
}
