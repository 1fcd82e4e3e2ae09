/* Races in the database: what a file asks for, what was judged, and which runs are needed no more.
 */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <math.h>

static const struct pxs_store_race asked = {.race = "0123456789ab",
                                            .metric = "best_val_loss",
                                            .confidence = 0.95,
                                            .first = 2,
                                            .max_seeds = 3,
                                            .budget_s = INFINITY};

/* Three configurations with up to three seeds each; the third is dropped at the look over two
 * seeds, the others are apart by at most 0.01. */
static struct pxs_store *raced(int64_t ids[9]) {
    struct pxs_store *s = open_store();
    plan_sweep(s, "lr", 3, 3, ids);
    ck_ok(pxs_store_set_race(s, 1, &asked, &err));
    for (int i = 0; i < 9; i++)
        if (i % 3 < 2)
            whole_run(s, ids[i], 4, "completed");
    ck_ok(pxs_sql_exec(
        s->sql,
        "INSERT INTO race_look VALUES (1, '0123456789ab', 1, 2, 'best_val_loss', 0.01, NULL),"
        "  (1, 'another', 1, 3, 'best_val_loss', 0.01, NULL);"
        "INSERT INTO race_decision SELECT 1, '0123456789ab', 1, label, config_hash, run_id, 2, 0, "
        "  2, 0.3, 0, -0.01, 0.008, "
        "  CASE lrgd WHEN 10 THEN 'leads' WHEN 11 THEN 'stays' ELSE 'dropped' END"
        "  FROM v_run WHERE seed = 0",
        &err));
    return s;
}

static int64_t not_needed(struct pxs_store *s) {
    const int64_t n = sql_int(s, "SELECT count(*) FROM v_not_needed");
    ck_assert_int_eq(sql_int(s, "SELECT not_needed FROM v_progress"), n);
    ck_assert_int_eq(sql_int(s, "SELECT queued FROM v_progress"), 3 - n);
    ck_assert_int_eq(sql_int(s, "SELECT epochs_planned - epochs_done FROM v_progress"),
                     sql_int(s, "SELECT 4 * queued FROM v_progress"));
    return n;
}

START_TEST(what_a_race_needs_no_more)
{
    int64_t ids[9];
    struct pxs_store *s = raced(ids);
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(label) FROM v_run WHERE seed = 0"),
                     "lrgd-10,lrgd-11,lrgd-12");
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(configuration || ' ' || decision, ', ') "
                                 "FROM v_race"),
                     "lrgd-10 leads, lrgd-11 stays, lrgd-12 dropped");
    ck_assert_str_eq(sql_text(s, "SELECT sweep || look || seeds || n_configurations || n_left || "
                                 "state FROM v_race_state"),
                     "lr1232goes_on");
    ck_assert_int_eq(not_needed(s), 1);
    ck_assert_int_eq(sql_int(s, "SELECT run_id FROM v_not_needed"), ids[8]);
    pxs_store_close(&s);
}
END_TEST

static void state_is(struct pxs_store *s, const struct pxs_store_race *race, const char *state,
                     int64_t n_not_needed) {
    ck_ok(pxs_store_set_race(s, 1, race, &err));
    ck_assert_str_eq(sql_text(s, "SELECT state FROM v_race_state"), state);
    ck_assert_int_eq(not_needed(s), n_not_needed);
}

/* As race.h has it. */
START_TEST(how_a_race_ends)
{
    int64_t ids[9];
    struct pxs_store *s = raced(ids);
    struct pxs_store_race race = asked;
    race.indifference = 0.009;
    state_is(s, &race, "goes_on", 1);
    race.indifference = 0.01;
    state_is(s, &race, "equal", 3);
    race.indifference = 0;
    race.max_seeds = 2;
    state_is(s, &race, "open", 3);
    /* no interval is no equality */
    ck_ok(pxs_sql_exec(s->sql, "UPDATE race_decision SET low = NULL, high = NULL", &err));
    race.indifference = 1;
    state_is(s, &race, "open", 3);
    ck_ok(pxs_sql_exec(
        s->sql, "UPDATE race_decision SET decision = 'dropped' WHERE decision = 'stays'", &err));
    race.max_seeds = 3;
    state_is(s, &race, "won", 3);
    pxs_store_close(&s);
}
END_TEST

/* A file that asks for another race, or for none, is not held to what an earlier one decided. */
START_TEST(only_the_race_that_is_asked_for_counts)
{
    int64_t ids[9];
    struct pxs_store *s = raced(ids);
    struct pxs_store_race race = asked;
    snprintf(race.race, sizeof race.race, "%s", "ba9876543210");
    race.budget_s = 3600;
    race.budget_runs = 7;
    state_is(s, &race, "goes_on", 0);
    ck_assert_int_eq(sql_int(s, "SELECT look IS NULL FROM v_race_state"), 1);
    ck_assert_int_eq(
        sql_int(s, "SELECT CAST(budget_seconds AS INTEGER) + budget_runs FROM v_race_state"), 3607);
    ck_ok(pxs_store_set_race(s, 1, NULL, &err));
    ck_assert_int_eq(not_needed(s), 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM v_race_state"), 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM v_race"), 0);
    state_is(s, &asked, "goes_on", 1);
    pxs_store_close(&s);
}
END_TEST

/* Rows once there are never changed; what comes back is what was added, in its order. */
START_TEST(looks_come_back_as_they_were_added)
{
    int64_t ids[4];
    struct pxs_store *s = open_store();
    struct pxs_store_looks back;
    bool added;
    plan_sweep(s, "lr", 2, 2, ids);
    ck_ok(pxs_store_looks(s, 1, &back, &err));
    ck_assert_str_eq(back.race.race, "");
    ck_assert_uint_eq(back.n, 0);
    struct pxs_race_entry entries[2] = {
        {.label = "slow", .decision = PXS_RACE_STAYS, .n = 2, .diverged = 1, .pairs = 1},
        {.label = "fast", .decision = PXS_RACE_LEADS, .n = 2, .pairs = 2, .mean = 0.25}};
    snprintf(entries[0].config_hash, 65, "%064d", 1);
    snprintf(entries[1].config_hash, 65, "nobody");
    entries[0].low = -INFINITY;
    entries[0].high = INFINITY;
    entries[0].mean = 2.5;
    entries[0].difference = 0.5;
    struct pxs_race_record look = {.race = "0123456789ab",
                                   .look = 2,
                                   .seeds = 3,
                                   .metric = "best_val_loss",
                                   .level = 0.01,
                                   .penalty = NAN,
                                   .n = 2,
                                   .entries = entries};
    ck_ok(pxs_store_set_race(s, 1, &asked, &err));
    ck_ok(pxs_store_add_look(s, 1, &look, &added, &err));
    ck_assert(added);
    look.look = 1;
    look.seeds = 2;
    look.n = 1;
    ck_ok(pxs_store_add_look(s, 1, &look, &added, &err));
    ck_assert(added);
    look.seeds = 7;
    look.n = 2;
    ck_ok(pxs_store_add_look(s, 1, &look, &added, &err));
    ck_assert(!added);
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(coalesce(run_id, '-') || ' ' || "
                                 "coalesce(low, '-')) FROM race_decision WHERE look = 2"),
                     "3 -,- 0.0");
    pxs_store_close(&s);

    s = open_reader();
    ck_ok(pxs_store_looks(s, 1, &back, &err));
    ck_assert_mem_eq(back.race.race, asked.race, 13);
    ck_assert_double_eq(back.race.confidence, 0.95);
    ck_assert(isinf(back.race.budget_s));
    ck_assert_int_eq(back.race.max_seeds, 3);
    ck_assert_uint_eq(back.n, 2);
    ck_assert_uint_eq(back.looks[0].n, 1);
    ck_assert_int_eq(back.looks[0].seeds, 2);
    const struct pxs_race_record *second = &back.looks[1];
    ck_assert_uint_eq(second->n, 2);
    ck_assert_int_eq(second->look, 2);
    ck_assert_double_eq(second->level, 0.01);
    ck_assert(isnan(second->penalty));
    ck_assert_str_eq(second->entries[0].label, "slow");
    ck_assert_str_eq(second->entries[1].config_hash, "nobody");
    ck_assert_int_eq(second->entries[0].decision, PXS_RACE_STAYS);
    ck_assert_int_eq(second->entries[1].decision, PXS_RACE_LEADS);
    ck_assert(second->entries[0].low < 0 && isinf(second->entries[0].low));
    ck_assert_double_eq(second->entries[0].difference, 0.5);
    ck_assert_uint_eq(second->entries[0].diverged, 1);
    ck_assert_double_eq(second->entries[1].mean, 0.25);
    pxs_store_looks_finish(&back);
    pxs_store_close(&s);
}
END_TEST

TCase *race_case(void) {
    TCase *c = tcase_create("race");
    tcase_add_test(c, what_a_race_needs_no_more);
    tcase_add_test(c, how_a_race_ends);
    tcase_add_test(c, looks_come_back_as_they_were_added);
    tcase_add_test(c, only_the_race_that_is_asked_for_counts);
    return c;
}
