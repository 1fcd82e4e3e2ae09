/* Slots and their cores; what a schedule does to a rate; how long a run may take. */
#include "plan_tests.h"

#include <math.h>
#include <sched.h>
#include <string.h>

#include "../../src/experiment/plan/plan_priv.h"

static void expect_slots(struct pxs_sweep_slots s, int jobs, int threads, bool pinned) {
    ck_assert_int_eq(s.jobs, jobs);
    ck_assert_int_eq(s.threads, threads);
    ck_assert_int_eq(s.pinned, pinned);
}

START_TEST(slots_auto)
{
    expect_slots(pxs_sweep_slots(0, 0, 0), 1, 1, true);
    expect_slots(pxs_sweep_slots(2, 0, 0), 2, 1, true);
    expect_slots(pxs_sweep_slots(4, 0, 0), 4, 1, true);
    expect_slots(pxs_sweep_slots(6, 0, 0), 6, 1, true);
    expect_slots(pxs_sweep_slots(16, 0, 0), 16, 1, true);
    expect_slots(pxs_sweep_slots(17, 0, 0), 8, 2, true);
    expect_slots(pxs_sweep_slots(64, 0, 0), 32, 2, true);
    /* What is given is obeyed. */
    expect_slots(pxs_sweep_slots(8, 1, 0), 1, 8, true);
    expect_slots(pxs_sweep_slots(8, 3, 0), 3, 2, true);
    expect_slots(pxs_sweep_slots(2, 5, 0), 5, 1, false);
    expect_slots(pxs_sweep_slots(2, 1, 7), 1, 7, false);
    expect_slots(pxs_sweep_slots(8, 0, 2), 4, 2, true);
    expect_slots(pxs_sweep_slots(2, 0, 3), 1, 3, false);
}
END_TEST

START_TEST(slots_fit)
{
    struct pxs_sweep_slots s = pxs_sweep_slots(16, 0, 0);
    pxs_slots_fit(&s, 17);
    expect_slots(s, 16, 1, true);
    pxs_slots_fit(&s, 7);
    expect_slots(s, 7, 2, true);
    pxs_slots_fit(&s, 3);
    expect_slots(s, 3, 5, true);
    pxs_slots_fit(&s, 0);
    expect_slots(s, 1, 16, true);
    s = pxs_sweep_slots(8, 0, 2);
    pxs_slots_fit(&s, 1);
    expect_slots(s, 1, 2, true);
    s = pxs_sweep_slots(8, 4, 0);
    pxs_slots_fit(&s, 1);
    expect_slots(s, 4, 2, true);
    ck_assert_uint_eq(pxs_slots_memory(100, 1000), 8);
    ck_assert_uint_eq(pxs_slots_memory(900, 1000), 0);
    ck_assert_uint_eq(pxs_slots_memory(0, 1000), SIZE_MAX);
    ck_assert_uint_eq(pxs_slots_memory(100, 0), SIZE_MAX);
}
END_TEST

static void draw(const struct pxs_sweep_slots *s, const cpu_set_t *allowed, cpu_set_t *used,
                 size_t waiting, int open, int threads, const char *cores) {
    cpu_set_t out;
    char text[64];
    ck_assert_int_eq(pxs_slot_draw(s, allowed, used, waiting, open, &out), threads);
    pxs_cores_text(&out, text, sizeof text);
    ck_assert_str_eq(text, cores);
    CPU_OR(used, used, &out);
}

START_TEST(slot_cores)
{
    cpu_set_t allowed, used;
    char text[64];
    CPU_ZERO(&allowed);
    CPU_ZERO(&used);
    for (int cpu = 2; cpu < 8; cpu++)
        CPU_SET(cpu, &allowed);
    struct pxs_sweep_slots s = pxs_sweep_slots(6, 2, 2);
    draw(&s, &allowed, &used, 9, 2, 2, "2-3");
    draw(&s, &allowed, &used, 8, 1, 2, "4-5");
    CPU_CLR(2, &used);
    CPU_CLR(3, &used);
    /* the last run, but --jobs and --threads were given */
    draw(&s, &allowed, &used, 1, 1, 2, "2-3");
    s = pxs_sweep_slots(6, 6, 2);
    draw(&s, &allowed, &used, 9, 3, 2, "2-7");
    CPU_CLR(4, &allowed);
    pxs_cores_text(&allowed, text, sizeof text);
    ck_assert_str_eq(text, "2-3,5-7");
}
END_TEST

/* Auto: nobody's cores go to those who start, and nothing is left over. */
START_TEST(slot_cores_auto)
{
    cpu_set_t allowed, used;
    CPU_ZERO(&allowed);
    CPU_ZERO(&used);
    for (int cpu = 0; cpu < 6; cpu++)
        CPU_SET(cpu, &allowed);
    struct pxs_sweep_slots s = pxs_sweep_slots(6, 0, 0);
    pxs_slots_fit(&s, 4);
    draw(&s, &allowed, &used, 8, 4, 1, "0");
    draw(&s, &allowed, &used, 7, 3, 1, "1");
    draw(&s, &allowed, &used, 6, 2, 2, "2-3");
    draw(&s, &allowed, &used, 5, 1, 2, "4-5");
    CPU_CLR(1, &used);
    CPU_CLR(4, &used);
    CPU_CLR(5, &used);
    draw(&s, &allowed, &used, 1, 2, 3, "1,4-5"); /* the last one has what two slots had */
    cpu_set_t out;
    /* no core is free: it waits */
    ck_assert_int_eq(pxs_slot_draw(&s, &allowed, &used, 1, 1, &out), 0);
    /* Runs that do not fill a last round of all slots come first, and have their cores. */
    CPU_ZERO(&used);
    draw(&s, &allowed, &used, 10, 4, 3, "0-2");
    draw(&s, &allowed, &used, 9, 3, 3, "3-5");
    CPU_ZERO(&used);
    draw(&s, &allowed, &used, 8, 4, 1, "0");
    s = pxs_sweep_slots(2, 0, 0);
    CPU_ZERO(&allowed);
    CPU_SET(0, &allowed);
    CPU_SET(1, &allowed);
    CPU_ZERO(&used);
    draw(&s, &allowed, &used, 3, 2, 2, "0-1");
    ck_assert_int_eq(pxs_slot_draw(&s, &allowed, &used, 2, 1, &out), 0);
    CPU_ZERO(&used);
    draw(&s, &allowed, &used, 2, 2, 1, "0");
    draw(&s, &allowed, &used, 1, 1, 1, "1");
}
END_TEST

/* A quota of three cores in a mask of eight: no more threads than that, wherever they are. */
START_TEST(slot_cores_quota)
{
    cpu_set_t allowed, used, out;
    CPU_ZERO(&allowed);
    CPU_ZERO(&used);
    for (int cpu = 0; cpu < 8; cpu++)
        CPU_SET(cpu, &allowed);
    struct pxs_sweep_slots s = pxs_sweep_slots(3, 0, 0);
    pxs_slots_fit(&s, 2);
    draw(&s, &allowed, &used, 2, 2, 1, "0");
    draw(&s, &allowed, &used, 1, 1, 2, "1-2");
    ck_assert_int_eq(pxs_slot_draw(&s, &allowed, &used, 1, 1, &out), 0);
    CPU_ZERO(&used);
    draw(&s, &allowed, &used, 1, 2, 3, "0-2");
}
END_TEST

START_TEST(rates)
{
    struct pxs_params p;
    pxs_params_default(&p);
    p.n_epochs = 200;
    struct pxs_plan_rate r = pxs_rate_of(&p, 0, 10);
    ck_assert_double_eq_tol(r.ratio, 0.25, 1e-12);
    ck_assert(!r.falls_to_hundredth && !r.constant && !r.never_fires);
    p.lrgd = 25;
    r = pxs_rate_of(&p, 0, 10);
    ck_assert(r.falls_to_hundredth);
    p.lrgd = 201;
    r = pxs_rate_of(&p, 0, 10);
    ck_assert(r.never_fires && !r.constant);
    r = pxs_rate_of(&p, 1, 10);
    ck_assert(r.constant && !r.never_fires);
    p.lr_policy_D = PXS_LR_PLATEAU;
    r = pxs_rate_of(&p, 1, 10);
    ck_assert(r.depends_on_losses && isnan(r.last) && isnan(r.ratio) && r.falls_to_hundredth &&
              r.first == 1e-4);
}
END_TEST

START_TEST(speeds)
{
    struct pxs_speed known[] = {{10, 0.1, false}, {100, 0.01, false}, {105, 0.02, false}};
    struct pxs_speeds s = {.source = PXS_TIME_MEASURED, .known = known, .n = 3, .guess = 1};
    struct pxs_train_estimate e = {.steps = 10, .gmac_per_step = 9};
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &e), 9, 1e-9);
    e.gmac_per_step = 101;
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &e), 0.015 * 1010, 1e-9);
    s.n = 0;
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &e), 1010 + 0.2 + 10 * 0.002, 1e-9);
    ck_assert(!pxs_speeds_tell(&s, &e));
    ck_assert_double_eq_tol(pxs_spread(100, 10, 4), 25, 1e-12);
    ck_assert_double_eq_tol(pxs_spread(100, 60, 4), 60, 1e-12);
}
END_TEST

/* A run of a few small steps takes seconds for a GMAC, which says nothing of a large network. */
START_TEST(brief_runs)
{
    struct pxs_speed known[] = {{0.01, 20, true}, {20, 0.01, false}};
    struct pxs_speeds s = {.source = PXS_TIME_MEASURED, .known = known, .n = 2, .guess = 0.02};
    struct pxs_train_estimate small = {.steps = 10, .gmac_per_step = 0.01},
                              middle = {.steps = 1000, .gmac_per_step = 0.1},
                              large = {.steps = 1000, .gmac_per_step = 40};
    ck_assert(pxs_speeds_tell(&s, &small) && pxs_speeds_tell(&s, &middle));
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &small), 2, 1e-9);
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &middle), 1, 1e-9);
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &large), 400, 1e-9);
    s.n = 1;
    ck_assert(pxs_speeds_tell(&s, &small) && !pxs_speeds_tell(&s, &large));
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &large), 0.2 + 2 + 800, 1e-9);

    ck_assert(pxs_speed_is_brief(100, 19) && !pxs_speed_is_brief(100, 20));
    ck_assert(pxs_speed_is_brief(4, 1000) && !pxs_speed_is_brief(5, 1000));
}
END_TEST

TCase *slots_case(void) {
    TCase *c = tcase_create("slots");
    tcase_add_test(c, brief_runs);
    tcase_add_test(c, slots_auto);
    tcase_add_test(c, slots_fit);
    tcase_add_test(c, slot_cores);
    tcase_add_test(c, slot_cores_auto);
    tcase_add_test(c, slot_cores_quota);
    tcase_add_test(c, rates);
    tcase_add_test(c, speeds);
    return c;
}
