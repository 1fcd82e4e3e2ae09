/* Schedules: the lab's halving rule against the rule itself run epoch by epoch; the others against
 * PyTorch's numbers. */
#include "nn_tests.h"
#include "schedules_golden.h"

#include <math.h>

enum { EPOCHS = 40, BATCHES = 7 };
static const double BASE = 2e-4;

START_TEST(halves_as_the_rule_says)
{
    for (int64_t every = 0; every <= 100; every++) {
        double rate = 1e-4;
        for (int64_t epoch = 0; epoch < 400; epoch++) {
            if (every > 0 && epoch > 0 && (epoch + 1) % every == 0)
                rate = rate * 0.5;
            ck_assert_msg(pxs_schedule_halve(1e-4, every, epoch) == rate,
                          "every %d, epoch %d: %.17g, not %.17g", (int)every, (int)epoch,
                          pxs_schedule_halve(1e-4, every, epoch), rate);
        }
    }
}
END_TEST

START_TEST(known_schedules)
{
    /* the lab's: before epochs 89 and 179 */
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 88), 1e-4);
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 89), 5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 178), 5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 179), 2.5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 199),
                        2.5e-5); /* so 200 epochs end at a quarter, not at 1/100 */
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 10, 9), 5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 1, 0), 1.0); /* epoch 0 never */
    ck_assert_double_eq(pxs_schedule_halve(1.0, 1, 1), 0.5);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 2, 1), 0.5);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 200, 198), 1.0);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 1000, 199), 1.0); /* never within the run */
    ck_assert_double_eq(pxs_schedule_halve(0.3, 0, 1000), 0.3);
}
END_TEST

/* To 1e-12 of the golden rate. */
static void same(const char *name, int64_t at, double rate, double golden) {
    ck_assert_msg(fabs(rate - golden) <= 1e-12 * golden, "%s at %d: %.17g, torch %.17g", name,
                  (int)at, rate, golden);
}

START_TEST(by_epoch_as_torch)
{
    static const int64_t milestones[] = {3, 20, 21};
    for (int64_t e = 0; e < EPOCHS; e++) {
        same("step", e, pxs_schedule_step(BASE, 7, 0.1, e), golden_step[e]);
        same("multistep", e, pxs_schedule_multistep(BASE, milestones, 3, 0.5, e),
             golden_multistep[e]);
        same("exponential", e, pxs_schedule_exponential(BASE, 0.9, e), golden_exponential[e]);
        same("linear", e, pxs_schedule_linear(BASE, EPOCHS, 15, e), golden_linear[e]);
        same("cosine", e, pxs_schedule_cosine(BASE, 1e-6, EPOCHS, e), golden_cosine[e]);
        same("cosine_restarts", e, pxs_schedule_cosine_restarts(BASE, 1e-6, 5, 2, e),
             golden_cosine_restarts[e]);
        same("cosine_restarts", e, pxs_schedule_cosine_restarts(BASE, 0, 6, 1, e),
             golden_cosine_restarts_even[e]);
        same("polynomial", e, pxs_schedule_polynomial(BASE, 0.9, EPOCHS, e), golden_polynomial[e]);
    }
    ck_assert_uint_eq(PXS_COUNT(golden_polynomial), EPOCHS);
}
END_TEST

START_TEST(by_step_as_torch)
{
    int64_t steps = (int64_t)EPOCHS * BATCHES, warm = (int64_t)3 * BATCHES;
    ck_assert_uint_eq(PXS_COUNT(golden_one_cycle), (size_t)steps);
    for (int64_t k = 0; k < steps; k++) {
        same("one_cycle", k, pxs_schedule_one_cycle(BASE, 2e-3, 0.3, steps, k),
             golden_one_cycle[k]);
        double up = k < warm ? pxs_schedule_warmup(BASE, warm, k) : BASE;
        same("warm-up", k, up, golden_warm_constant[k]);
        double then =
            k < warm ? up : pxs_schedule_one_cycle(BASE, 2e-3, 0.25, steps - warm, k - warm);
        same("warm-up and one_cycle", k, then, golden_warm_one_cycle[k]);
    }
}
END_TEST

START_TEST(plateau_as_torch)
{
    static const struct pxs_plateau_rule rule = {
        .factor = 0.3, .threshold = 1e-3, .min_lr = 1e-6, .patience = 3};
    struct pxs_plateau state;
    pxs_plateau_begin(&state, BASE);
    for (size_t e = 0; e < PXS_COUNT(golden_plateau); e++) {
        same("plateau", (int64_t)e, state.rate, golden_plateau[e]);
        pxs_plateau_step(&state, &rule, golden_plateau_losses[e]);
    }
    ck_assert_double_eq(state.rate, 1e-6);
}
END_TEST

/* Steps too small for torch's eps are not taken. */
START_TEST(plateau_stops_at_eps)
{
    static const struct pxs_plateau_rule rule = {.factor = 0.5, .patience = 0};
    struct pxs_plateau state;
    pxs_plateau_begin(&state, 3e-8);
    for (int e = 0; e < 10; e++)
        pxs_plateau_step(&state, &rule, 1.0);
    ck_assert_double_eq(state.rate,
                        1.5e-8); /* 3e-8 -> 1.5e-8 is a step of 1.5e-8; the next would be 7.5e-9 */
}
END_TEST

/* Cycles so short that a phase has no length. */
START_TEST(shortest_cycles)
{
    ck_assert_double_eq_tol(pxs_schedule_one_cycle(1e-4, 1e-3, 0.3, 1, 0), 1e-8, 1e-20);
    for (int64_t steps = 2; steps < 12; steps++)
        for (int64_t k = 0; k < steps; k++)
            ck_assert(isfinite(pxs_schedule_one_cycle(1e-4, 1e-3, 0.5, steps, k)));
    ck_assert_double_eq(pxs_schedule_warmup(1e-4, 1, 0), 1e-4);
    ck_assert_double_eq(pxs_schedule_linear(1.0, 1, 1, 0), 0.5);
}
END_TEST

TCase *schedule_case(void) {
    TCase *tcase = tcase_create("schedule");
    tcase_add_test(tcase, halves_as_the_rule_says);
    tcase_add_test(tcase, known_schedules);
    tcase_add_test(tcase, by_epoch_as_torch);
    tcase_add_test(tcase, by_step_as_torch);
    tcase_add_test(tcase, plateau_as_torch);
    tcase_add_test(tcase, plateau_stops_at_eps);
    tcase_add_test(tcase, shortest_cycles);
    return tcase;
}
