/* Freezing plans, finding runs and sweeps. */
#include "store_tests.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_plan_becomes_rows)
{
    struct pxs_store *s = open_store();
    struct pxs_params p = small_params(0, 7);
    struct pxs_store_plan_run run;
    struct pxs_store_plan plan;
    fill_plan_run(&run, 0, "lr", 1, 0, 7, &p);
    ck_ok(pxs_store_plan(s, "lr", "name: lr\n", "abcd", &run, 1, &plan, &err));
    ck_assert_uint_eq(plan.added, 1);
    ck_assert_uint_eq(plan.found, 0);
    ck_assert_uint_eq(plan.n_gone, 0);
    ck_assert_int_eq(plan.next_number, 2);
    ck_assert(run.added);
    ck_assert_str_eq(run.name, "lr/0001-lrgd-10-s7");
    ck_assert_int_eq(run.state, PXS_STATE_QUEUED);
    ck_assert_str_eq(run.dir, run.new_dir);
    ck_assert_str_eq(sql_text(s, "SELECT dir FROM run"), "lr/0001-lrgd-10-s7");
    ck_assert_str_eq(sql_text(s, "SELECT spec_yaml || spec_hash || n_planned || state FROM sweep"),
                     "name: lr\nabcd1open");
    ck_assert_str_eq(sql_text(s, "SELECT config_yaml FROM run"), "lrgd: 10\n");
    char *yaml;
    ck_ok(pxs_store_run_config(s, run.run_id, &yaml, &err));
    ck_assert_str_eq(yaml, "lrgd: 10\n");
    free(yaml);
    ck_fails(pxs_store_run_config(s, 99, &yaml, &err), PXS_E_NOT_FOUND, "no run 99");
    pxs_store_plan_finish(&plan);
    pxs_store_close(&s);
}
END_TEST

START_TEST(folders_outside_stay_absolute)
{
    struct pxs_store *s = open_store();
    struct pxs_params p = small_params(0, 0);
    struct pxs_store_plan_run run;
    struct pxs_store_plan plan;
    char beside_db[400];
    snprintf(beside_db, sizeof beside_db, "%s/results-of-others/x", test_folder());
    fill_plan_run(&run, 0, "lr", 1, 0, 0, &p);
    run.new_dir = beside_db;
    ck_ok(pxs_store_plan(s, "lr", "", "", &run, 1, &plan, &err));
    ck_assert_str_eq(sql_text(s, "SELECT dir FROM run"), beside_db);
    ck_assert_str_eq(run.dir, beside_db);
    pxs_store_plan_finish(&plan);
    pxs_store_close(&s);
}
END_TEST

START_TEST(parameters_keep_their_types)
{
    struct pxs_store *s = open_store();
    int64_t ids[2];
    plan_sweep(s, "lr", 1, 2, ids);
#define TYPE_OF "SELECT typeof(value) FROM param WHERE run_id = 2 AND key = "
    ck_assert_str_eq(sql_text(s, TYPE_OF "'learning_rate_G'"), "real");
    ck_assert_str_eq(sql_text(s, TYPE_OF "'lambda_pixel'"), "real"); /* 10, and still REAL */
    ck_assert_str_eq(sql_text(s, TYPE_OF "'n_epochs'"), "integer");
    ck_assert_str_eq(sql_text(s, TYPE_OF "'shuffle'"), "integer");
    ck_assert_str_eq(sql_text(s, TYPE_OF "'lr_policy_G'"), "text");
    ck_assert_str_eq(sql_text(s, TYPE_OF "'init_from'"), "null");
    ck_assert_str_eq(
        sql_text(s, "SELECT value FROM param WHERE run_id = 2 AND key = 'lr_policy_G'"), "halve");
    ck_assert_int_eq(sql_int(s, "SELECT value FROM param WHERE run_id = 2 AND key = 'seed'"), 1);
    ck_assert_int_eq(sql_int(s, "SELECT value FROM param WHERE run_id = 2 AND key = 'shuffle'"), 1);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM param WHERE key = 'learning_rate_G' AND "
                                "value >= 1e-4 AND value < 1"),
                     2);
    /* lr_policy_D is constant: lrdd has no effect and no row. */
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM param WHERE key = 'lrdd'"), 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM param WHERE key = 'lrgd'"), 2);
    pxs_store_close(&s);
}
END_TEST

START_TEST(planning_again_changes_nothing)
{
    struct pxs_store *s = open_store();
    int64_t ids[6], again[6];
    plan_sweep(s, "lr", 3, 2, ids);
    whole_run(s, ids[1], 2, "completed");
    char *before = sql_dump(s, "SELECT * FROM run, param USING (run_id)");
    plan_sweep(s, "lr", 3, 2, again);
    char *after = sql_dump(s, "SELECT * FROM run, param USING (run_id)");
    ck_assert_str_eq(before, after);
    ck_assert_int_eq(memcmp(ids, again, sizeof ids), 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM sweep"), 1);
    free(before);
    free(after);
    pxs_store_close(&s);
}
END_TEST

/* The file asked for configurations 0 and 1; now for 1 and 2. */
START_TEST(an_edited_file_adds_runs_and_names_those_that_are_gone)
{
    struct pxs_store *s = open_store();
    int64_t ids[4];
    struct pxs_params p[2];
    struct pxs_store_plan_run runs[2];
    struct pxs_store_plan plan, found;
    plan_sweep(s, "lr", 2, 2, ids);
    for (int i = 0; i < 2; i++) {
        p[i] = small_params(1 + i, 0);
        fill_plan_run(&runs[i], i, "lr", 5, 1 + i, 0, &p[i]);
    }
    ck_ok(pxs_store_lookup(s, "lr", runs, 2, &found, &err));
    ck_assert_int_eq(found.next_number, 5);
    ck_assert_uint_eq(found.found, 1);
    ck_assert_uint_eq(found.added, 0);
    ck_assert_uint_eq(found.n_gone, 3);
    ck_assert_int_eq(runs[0].run_id, ids[2]);
    ck_assert_int_eq(runs[0].number, 3);
    ck_assert_int_eq(runs[0].state, PXS_STATE_QUEUED);
    ck_assert_int_eq(runs[1].run_id, 0);
    ck_assert_str_eq(runs[1].name, "");
    pxs_store_plan_finish(&found);
    ck_ok(pxs_store_plan(s, "lr", "new", "ffff", runs, 2, &plan, &err));
    ck_assert_uint_eq(plan.added, 1);
    ck_assert_uint_eq(plan.found, 1);
    ck_assert(!runs[0].added && runs[1].added);
    ck_assert_int_eq(plan.next_number, 6);
    ck_assert_uint_eq(plan.n_gone, 3);
    ck_assert_int_eq(plan.gone[0], ids[0]);
    ck_assert_int_eq(plan.gone[1], ids[1]);
    ck_assert_int_eq(plan.gone[2], ids[3]);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 5);
    ck_assert_str_eq(sql_text(s, "SELECT spec_yaml || spec_hash || n_planned FROM sweep"),
                     "newffff2");
    pxs_store_plan_finish(&plan);
    pxs_store_close(&s);
}
END_TEST

START_TEST(sweeps_do_not_share_runs)
{
    struct pxs_store *s = open_store();
    int64_t a[2], b[2];
    plan_sweep(s, "a", 1, 2, a);
    plan_sweep(s, "b", 1, 2, b);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 4);
    ck_assert_int_ne(a[0], b[0]);
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_taken_name_or_number_undoes_the_whole_plan)
{
    struct pxs_store *s = open_store();
    struct pxs_params p[2] = {small_params(5, 0), small_params(6, 0)};
    struct pxs_store_plan_run runs[2];
    struct pxs_store_plan plan;
    int64_t ids[2];
    plan_sweep(s, "lr", 1, 2, ids);
    fill_plan_run(&runs[0], 0, "lr", 3, 5, 0, &p[0]);
    fill_plan_run(&runs[1], 1, "lr", 2, 6, 0, &p[1]);
    ck_fails(pxs_store_plan(s, "lr", "x", "x", runs, 2, &plan, &err), PXS_E_EXISTS, "plan again");
    fill_plan_run(&runs[1], 1, "lr", 4, 6, 0, &p[1]);
    runs[1].new_name = "lr/0001-lrgd-10-s0";
    ck_fails(pxs_store_plan(s, "lr", "x", "x", runs, 2, &plan, &err), PXS_E_EXISTS,
             "lr/0001-lrgd-10-s0");
    runs[1] = runs[0];
    ck_fails(pxs_store_plan(s, "lr", "x", "x", runs, 2, &plan, &err), PXS_E_INVALID,
             "are the same");
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 2);
    ck_assert_str_eq(sql_text(s, "SELECT spec_hash FROM sweep"), "0123");
    pxs_store_close(&s);
}
END_TEST

START_TEST(lookup_in_an_empty_database)
{
    struct pxs_store *s = open_store();
    struct pxs_params p = small_params(0, 0);
    struct pxs_store_plan_run run;
    struct pxs_store_plan plan;
    fill_plan_run(&run, 0, "lr", 1, 0, 0, &p);
    pxs_store_close(&s);
    s = open_reader();
    ck_ok(pxs_store_lookup(s, "lr", &run, 1, &plan, &err));
    ck_assert_int_eq(plan.sweep_id, 0);
    ck_assert_int_eq(plan.next_number, 1);
    ck_assert_int_eq(run.run_id, 0);
    pxs_store_plan_finish(&plan);
    pxs_store_close(&s);
}
END_TEST

START_TEST(many_runs_are_planned)
{
    enum { N = 1000 };
    struct pxs_store *s = open_store();
    struct pxs_store_plan_run *runs = calloc(N, sizeof *runs);
    char(*names)[64] = calloc(N, 64);
    struct pxs_params p = small_params(0, 0);
    struct pxs_store_plan plan;
    for (int i = 0; i < N; i++) {
        fill_plan_run(&runs[i], 0, "lr", i + 1, i, 0, &p);
        snprintf(names[i], 64, "lr/%04d-x-s0", i + 1);
        runs[i].new_name = names[i];
    }
    ck_ok(pxs_store_plan(s, "lr", "x", "x", runs, N, &plan, &err));
    ck_assert_uint_eq(plan.added, N);
    pxs_store_plan_finish(&plan);
    free(names);
    free(runs);
    pxs_store_close(&s);
}
END_TEST

/* ---- finding -------------------------------------------------------------------------------- */

START_TEST(runs_are_listed_and_found)
{
    struct pxs_store *s = open_store();
    struct pxs_store_run *runs, run;
    int64_t a[2], b[2];
    size_t n;
    char text[32];
    plan_sweep(s, "a", 1, 2, a);
    plan_sweep(s, "b", 2, 1, b);
    take_run(s, b[1]);
    ck_ok(pxs_store_runs(s, 0, &runs, &n, &err));
    ck_assert_uint_eq(n, 4);
    ck_assert_int_eq(runs[1].run_id, a[1]);
    ck_assert_int_eq(runs[1].seed, 1);
    ck_assert_str_eq(runs[1].sweep, "a");
    ck_assert_int_eq(runs[3].state, PXS_STATE_RUNNING);
    ck_assert_int_eq(runs[3].attempts, 1);
    char dir[600];
    snprintf(dir, sizeof dir, "%s/results/b/0002-lrgd-11-s0", test_folder());
    ck_assert_str_eq(runs[3].dir, dir);
    ck_ok(pxs_store_find_run(s, "b/0002-lrgd-11-s0", &run, &err));
    ck_assert_int_eq(run.run_id, b[1]);
    snprintf(text, sizeof text, "%d", (int)a[1]);
    ck_ok(pxs_store_find_run(s, text, &run, &err));
    ck_assert_str_eq(run.name, runs[1].name);
    int64_t sweep_id = runs[3].sweep_id;
    free(runs);
    ck_ok(pxs_store_runs(s, sweep_id, &runs, &n, &err));
    ck_assert_uint_eq(n, 2);
    free(runs);
    ck_fails(pxs_store_find_run(s, "b/0002-lrgd-12-s0", &run, &err), PXS_E_NOT_FOUND,
             "the nearest is b/0002-lrgd-11-s0");
    ck_fails(pxs_store_find_run(s, "99", &run, &err), PXS_E_NOT_FOUND, "there is no run 99");
    ck_fails(pxs_store_find_run(s, "0", &run, &err), PXS_E_NOT_FOUND, "there is no run 0");
    /* a place in a sweep, as names show it, is no run_id */
    ck_fails(pxs_store_find_run(s, "0001", &run, &err), PXS_E_NOT_FOUND,
             "0001 is a place in a sweep: say SWEEP/0001");
    ck_ok(pxs_store_find_run(s, "b/0002", &run, &err));
    ck_assert_int_eq(run.run_id, b[1]);
    ck_fails(pxs_store_find_run(s, "", &run, &err), PXS_E_NOT_FOUND, "there is no run ");
    pxs_store_close(&s);
}
END_TEST

START_TEST(sweeps_are_found)
{
    struct pxs_store *s = open_store();
    struct pxs_store_run run;
    int64_t a[1], b[1], id = 0;
    ck_fails(pxs_store_find_sweep(s, NULL, &id, &err), PXS_E_NOT_FOUND, "holds no sweep yet");
    ck_fails(pxs_store_find_sweep(s, "a", &id, &err), PXS_E_NOT_FOUND, "none");
    ck_fails(pxs_store_find_run(s, "1", &run, &err), PXS_E_NOT_FOUND, "holds no runs yet");
    plan_sweep(s, "a", 1, 1, a);
    plan_sweep(s, "b", 1, 1, b);
    ck_ok(pxs_store_find_sweep(s, "a", &id, &err));
    ck_assert_int_eq(id, 1);
    ck_ok(pxs_store_find_sweep(s, NULL, &id, &err));
    ck_assert_int_eq(id, 2);
    struct pxs_store_attempt attempt = {.run_id = a[0], .started_ms = pxs_now_ms() + 1000};
    ck_ok(pxs_store_take(s, &attempt, &err));
    ck_ok(pxs_store_find_sweep(s, NULL, &id, &err)); /* a was worked on last */
    ck_assert_int_eq(id, 1);
    ck_fails(pxs_store_find_sweep(s, "c", &id, &err), PXS_E_NOT_FOUND, "there are: b, a");
    pxs_store_close(&s);
}
END_TEST

/* A run by all that a person may call it; 0 where it is none, and why is in `why`. */
static struct pxs_error why;
static int64_t run_of(struct pxs_store *s, const char *text) {
    struct pxs_store_run run = {0};
    why.message[0] = '\0';
    return pxs_store_find_run(s, text, &run, &why) == PXS_OK ? run.run_id : 0;
}

static int64_t sweep_of(struct pxs_store *s, const char *text) {
    int64_t id = 0;
    why.message[0] = '\0';
    return pxs_store_find_sweep(s, text, &id, &why) == PXS_OK ? id : 0;
}

START_TEST(folders_numbers_and_beginnings_are_names)
{
    struct pxs_store *s = open_store();
    int64_t a[4], b[2], c[1];
    char text[700];
    plan_sweep(s, "lr_one", 2, 2, a); /* lr_one/0001-lrgd-10-s0, ... */
    plan_sweep(s, "lr_two", 2, 1, b);
    plan_sweep(s, "single", 1, 1, c);
    ck_assert_int_eq(run_of(s, "lr_one/3"), a[2]);
    ck_assert_int_eq(run_of(s, "lr_one/0004"), a[3]);
    ck_assert_int_eq(run_of(s, "lr_one/0002-lrgd"), a[1]);
    ck_assert_int_eq(run_of(s, "single"), c[0]);
    ck_assert_int_eq(sweep_of(s, "lr_t"), 2);
    ck_assert_int_eq(sweep_of(s, "lr_two/"), 2);
    ck_assert_int_eq(sweep_of(s, "some/where/lr_two.yaml"), 2);
    snprintf(text, sizeof text, "%s/results/lr_two", test_folder());
    ck_assert_int_eq(sweep_of(s, text), 2);
    snprintf(text, sizeof text, "%s/results/./lr_two//", test_folder());
    ck_assert_int_eq(sweep_of(s, text), 2);
    snprintf(text, sizeof text, "%s/results/lr_one/0002-lrgd-10-s1/", test_folder());
    ck_assert_int_eq(run_of(s, text), a[1]);
    snprintf(text, sizeof text, "%s/results/lr_one/0002-lrgd-10-s1/samples/0.png", test_folder());
    ck_assert_int_eq(run_of(s, text), a[1]);
    pxs_store_close(&s);
}
END_TEST

START_TEST(what_could_be_several_or_is_none_is_said)
{
    struct pxs_store *s = open_store();
    int64_t a[4], b[2];
    char text[700];
    plan_sweep(s, "lr_one", 2, 2, a);
    plan_sweep(s, "lr_two", 2, 1, b);
    ck_assert_int_eq(sweep_of(s, "lr"), 0);
    ck_has(why.message, "lr could be lr_one or lr_two");
    ck_assert_int_eq(run_of(s, "lr_one/000"), 0);
    ck_has(why.message, "could be lr_one/0001-lrgd-10-s0, ");
    ck_assert_int_eq(run_of(s, "lr_one"), 0);
    ck_has(
        why.message,
        "lr_one is a sweep of 4 runs: name one of them, lr_one/0001-lrgd-10-s0 or lr_one/NUMBER");
    ck_assert_int_eq(sweep_of(s, "lr_two/0001-lrgd-10-s0"), 0);
    ck_has(why.message, "is a run: name its sweep, lr_two");
    snprintf(text, sizeof text, "%" PRId64, b[1]);
    ck_assert_int_eq(sweep_of(s, text), 0);
    ck_has(why.message, "is a run, lr_two/0002-");
    ck_has(why.message, ": name its sweep, lr_two, or look at the run with `pixsweep show ");
    ck_assert_int_eq(sweep_of(s, "lr_two/2"), 0);
    ck_has(why.message, "lr_two/2 is a run, lr_two/0002-");
    ck_assert_int_eq(sweep_of(s, "4711"), 0);
    ck_has(why.message, "there is no sweep 4711");
    ck_assert_int_eq(sweep_of(s, "1/"), 0); /* a sweep of that name */
    ck_has(why.message, "there is no sweep 1/");
    snprintf(text, sizeof text, "%s/results", test_folder()); /* of all sweeps */
    ck_assert_int_eq(sweep_of(s, text), 0);
    ck_has(why.message, "there is no sweep");
    /* the nearest run is one of the sweep that was named; nothing is near to what is far */
    ck_assert_int_eq(run_of(s, "lr_two/0002-lrdg-11-s0"), 0);
    ck_has(why.message, "the nearest is lr_two/0002-lrgd-11-s0");
    ck_assert_int_eq(run_of(s, "lr_two/0004-lrgd-11-s1"), 0);
    ck_has_not(why.message, "lr_one");
    ck_assert_int_eq(run_of(s, "lr_tow/0001-lrgd-10-s0"), 0);
    ck_has(why.message, "the nearest sweep is lr_two");
    ck_assert_int_eq(run_of(s, "quite/another"), 0);
    ck_has_not(why.message, "nearest");
    ck_assert_int_eq(sweep_of(s, "quite_another"), 0);
    ck_has_not(why.message, "nearest");
    pxs_store_close(&s);
}
END_TEST

START_TEST(sweeps_may_be_called_like_numbers)
{
    struct pxs_store *s = open_store();
    struct pxs_store_target t;
    int64_t one[2], seven[1], power[1];
    plan_sweep(s, "1", 2, 1, one);
    plan_sweep(s, "007", 1, 1, seven);
    plan_sweep(s, "1e3", 1, 1, power);
    ck_assert_int_eq(sweep_of(s, "1"), 1);
    ck_assert_int_eq(sweep_of(s, "007"), 2);
    ck_assert_int_eq(sweep_of(s, "1e3"), 3);
    ck_assert_int_eq(run_of(s, "1"), one[0]);
    ck_assert_int_eq(run_of(s, "1/2"), one[1]);
    ck_fails(pxs_store_find_target(s, "1", &t, &err), PXS_E_INVALID, "say 1/ for the sweep");
    ck_ok(pxs_store_find_target(s, "1/", &t, &err));
    ck_assert(t.sweep_id == 1 && t.run_id == 0);
    ck_assert_str_eq(t.name, "1");
    ck_ok(pxs_store_find_target(s, "1/0001", &t, &err));
    ck_assert_int_eq(t.run_id, one[0]);
    ck_ok(pxs_store_find_target(s, "007", &t, &err));
    ck_assert(t.sweep_id == 2 && t.run_id == 0);
    ck_ok(pxs_store_find_target(s, "1e3", &t, &err));
    ck_assert(t.sweep_id == 3 && t.run_id == 0);
    ck_ok(pxs_store_find_target(s, "2", &t, &err));
    ck_assert_int_eq(t.run_id, one[1]);
    pxs_store_close(&s);
}
END_TEST

TCase *plan_case(void) {
    TCase *c = tcase_create("plan");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_plan_becomes_rows);
    tcase_add_test(c, folders_outside_stay_absolute);
    tcase_add_test(c, parameters_keep_their_types);
    tcase_add_test(c, planning_again_changes_nothing);
    tcase_add_test(c, an_edited_file_adds_runs_and_names_those_that_are_gone);
    tcase_add_test(c, sweeps_do_not_share_runs);
    tcase_add_test(c, a_taken_name_or_number_undoes_the_whole_plan);
    tcase_add_test(c, lookup_in_an_empty_database);
    tcase_add_test(c, many_runs_are_planned);
    tcase_add_test(c, runs_are_listed_and_found);
    tcase_add_test(c, sweeps_are_found);
    tcase_add_test(c, folders_numbers_and_beginnings_are_names);
    tcase_add_test(c, what_could_be_several_or_is_none_is_said);
    tcase_add_test(c, sweeps_may_be_called_like_numbers);
    return c;
}
