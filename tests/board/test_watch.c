/* watch of a sweep whose file asks for a race. */
#include "pixsweep/board.h"
#include "report_tests.h"

static const char *watched(struct pxs_store *s, struct pxs_text *out) {
    struct pxs_watch w;
    pxs_text_clear(out);
    ck_ok(pxs_watch_read(s, "rates", 0, &w, &err));
    pxs_board_render(&w.board, 200, out);
    pxs_text_addf(out, "%s%s", w.idle ? "idle " : "", w.over ? "over" : "");
    pxs_watch_finish(&w);
    return pxs_text_str(out);
}

START_TEST(a_race_has_a_line_and_an_end)
{
    struct pxs_text out = {0};
    struct pxs_store *s = make_raced_database(0.001);
    ck_assert_str_eq(watched(s, &out),
                     "race: look 1 judged at 2 seeds, 2 of 4 left; next at 3 seeds\n"
                     "rates: 5/7 done, 1 diverged, 1 not needed\nover");
    drop_database(&s);
    s = make_raced_database(0.01);
    ck_assert_str_eq(watched(s, &out),
                     "race: lrgd-25 and constant are equal to within 0.01, either will "
                     "do: shown by 2 seeds\nrates: 5/7 done, 1 diverged, 1 not needed\nover");
    /* without it, a run waits */
    ck_ok(pxs_store_set_race(s, 1, NULL, &err));
    ck_assert_str_eq(watched(s, &out), "no process works on it now: `pixsweep run` goes on\n"
                                       "rates: 5/7 done, 1 diverged, 1 queued\nidle ");
    drop_database(&s);
    pxs_text_finish(&out);
}
END_TEST

/* A spent budget is no pause that the same command ends; whose pause it is says the last event. */
START_TEST(a_spent_budget_is_no_pause_that_ends_by_itself)
{
    struct pxs_text out = {0};
    struct pxs_store *s = make_database();
    ck_ok(pxs_store_sweep_state(s, 1, "paused", &err));
    ck_has(watched(s, &out), "goes on, after a spent budget with a larger one");
    ck_ok(pxs_store_event(s, 1, 1, PXS_LOG_WARN, "budget",
                          "run.budget: 2 s of training, of which 1 s are spent; 1 run is not",
                          &err));
    ck_has(watched(s, &out),
           "run.budget: 2 s of training, of which 1 s are spent: the same command "
           "with a larger budget goes on\n");
    ck_ok(pxs_store_event(s, 1, 2, PXS_LOG_WARN, "paused", "paused: 5 runs failed", &err));
    ck_has(watched(s, &out), "paused: the next `pixsweep run` goes on\n");
    drop_database(&s);
    pxs_text_finish(&out);
}
END_TEST

static Suite *watch_suite(void) {
    Suite *suite = suite_create("board-watch");
    TCase *t = tcase_create("watch");
    tcase_add_test(t, a_race_has_a_line_and_an_end);
    tcase_add_test(t, a_spent_budget_is_no_pause_that_ends_by_itself);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void) {
    return run_tests(watch_suite(), CK_NORMAL);
}
