/* Curves: thinning that keeps every spike and gap, where points stand, the band over seeds. */
#include "pixsweep/metrics.h"
#include "report_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct curve_shape shape = {.configurations = 3,
                                         .seeds = 3,
                                         .epochs = 6,
                                         .batches = 50,
                                         .spike_step = 123,
                                         .gap_step = 77,
                                         .one_diverges = true};
static struct pxs_store *store;
static struct pxs_curves curves;

static void setup(void) {
    store = make_curves(&shape);
}

static void teardown(void) {
    pxs_curves_finish(&curves);
    drop_curves(&store);
}

static void read_curves(struct pxs_curves_options options) {
    pxs_curves_finish(&curves);
    ck_ok(pxs_curves_read(store, &options, &curves, &err));
}

#define ONLY(column) (1u << PXS_BATCH_##column)

static double highest(const struct pxs_curve *c) {
    double high = -INFINITY;
    for (size_t i = 0; i < c->n; i++)
        high = fmax(high, c->y[i]);
    return high;
}

START_TEST(runs_lie_in_configurations_in_the_order_of_the_plan)
{
    read_curves((struct pxs_curves_options){0});
    ck_assert_str_eq(curves.sweep, "curves");
    ck_assert_uint_eq(curves.n_configurations, 3);
    ck_assert_str_eq(curves.configurations[0].label, "constant");
    ck_assert_str_eq(curves.configurations[1].label, "halve, lrgd 10");
    ck_assert_str_eq(curves.configurations[2].label, "halve, lrgd 20");
    ck_assert_uint_eq(curves.n_keys, 2);
    ck_assert_str_eq(curves.keys[1], "lrgd");
    ck_assert_uint_eq(curves.n_runs, 9);
    ck_assert_uint_eq(curves.runs[4].configuration, 1);
    ck_assert_int_eq(curves.runs[4].seed, 1);
    ck_assert_uint_eq(curves.configurations[1].completed, 3);
    ck_assert_uint_eq(curves.configurations[2].completed, 2);
    ck_assert_uint_eq(curves.configurations[2].lost, 1);
    ck_assert_uint_eq(curves.runs[0].batch[PXS_BATCH_loss_G].n, 0);
}
END_TEST

START_TEST(a_spike_survives_any_thinning)
{
    const size_t buckets = (size_t[]){1, 3, 10, 200}[_i];
    read_curves((struct pxs_curves_options){.batch_columns = ONLY(loss_G) | ONLY(lr_G),
                                            .buckets = buckets});
    const struct pxs_curve *c = &curves.runs[0].batch[PXS_BATCH_loss_G];
    ck_assert_uint_le(c->n, 5 * buckets);
    ck_assert_double_eq(highest(c), 40);
    for (size_t i = 0; i < c->n; i++) {
        ck_assert(i == 0 || c->x[i] > c->x[i - 1]);
        const int64_t step = (int64_t)llround((c->x[i] + 0.5) * shape.batches - 0.5);
        ck_assert_double_eq(c->y[i], curves_loss(&shape, 0, 0, step));
    }
    ck_assert_double_eq_tol(c->x[0], -0.5 + 0.5 / shape.batches, 1e-12);
    ck_assert_double_eq_tol(c->x[c->n - 1], shape.epochs - 0.5 - 0.5 / shape.batches, 1e-12);
    ck_assert_uint_gt(curves.runs[0].batch[PXS_BATCH_lr_G].n, 1);
    ck_assert_uint_eq(curves.runs[0].batch[PXS_BATCH_loss_D].n, 0);
}
END_TEST

START_TEST(enough_buckets_keep_everything)
{
    read_curves((struct pxs_curves_options){.batch_columns = ONLY(loss_G), .buckets = 300});
    ck_assert_uint_eq(curves.runs[0].batch[PXS_BATCH_loss_G].n, 300);
    ck_assert_int_eq(curves.runs[0].steps, 300);
    ck_assert_int_eq(curves.runs[0].batches_per_epoch, 50);
    ck_assert_int_eq(curves.runs[8].steps, 150);
}
END_TEST

START_TEST(a_gap_stays_a_gap)
{
    read_curves((struct pxs_curves_options){.batch_columns = ONLY(loss_G), .buckets = 4});
    const struct pxs_curve *c = &curves.runs[1].batch[PXS_BATCH_loss_G];
    size_t gaps = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!isnan(c->y[i]))
            continue;
        gaps++;
        ck_assert_double_eq_tol((c->x[i] + 0.5) * shape.batches - 0.5, 77, 1e-9);
    }
    ck_assert_uint_eq(gaps, 1);
}
END_TEST

START_TEST(the_band_is_over_seeds_that_are_not_lost)
{
    read_curves((struct pxs_curves_options){0});
    const struct pxs_band *full = &curves.configurations[1].band[PXS_EPOCH_val_loss];
    ck_assert_uint_eq(full->n, 6);
    for (int e = 0; e < 6; e++) {
        ck_assert_double_eq(full->x[e], e);
        ck_assert_int_eq(full->runs[e], 3);
        ck_assert_double_eq_tol(full->mean[e], curves_val(1, 1, e), 1e-12);
        ck_assert_double_eq(full->min[e], curves_val(1, 0, e));
        ck_assert_double_eq(full->max[e], curves_val(1, 2, e));
    }
    const struct pxs_band *less = &curves.configurations[2].band[PXS_EPOCH_val_loss];
    ck_assert_int_eq(less->runs[0], 2);
    ck_assert_double_eq(less->max[0], curves_val(2, 1, 0));
    ck_assert_uint_eq(curves.runs[8].epoch[PXS_EPOCH_val_loss].n, 3);
    ck_assert_double_eq(curves.configurations[1].band[PXS_EPOCH_D_real].mean[5], 0.75);
    ck_assert_double_eq(curves.configurations[1].band[PXS_EPOCH_D_fake].min[5], 0.25);
    ck_assert(isnan(full[PXS_EPOCH_val_ssim - PXS_EPOCH_val_loss].mean[0]));
}
END_TEST

START_TEST(runs_can_be_chosen)
{
    read_curves((struct pxs_curves_options){.sweep = "curves", .where = "lrgd = 10 AND seed > 0"});
    ck_assert_uint_eq(curves.n_runs, 2);
    ck_assert_uint_eq(curves.n_configurations, 3); /* colours stay what they are */
    ck_assert_uint_eq(curves.configurations[0].n_runs, 0);
    ck_assert_uint_eq(curves.configurations[1].n_runs, 2);
    ck_assert_int_eq(curves.configurations[1].band[PXS_EPOCH_val_loss].runs[0], 2);
    const int64_t id = 5;
    read_curves((struct pxs_curves_options){.run_id = id});
    ck_assert_uint_eq(curves.n_runs, 1);
    ck_assert_int_eq(curves.runs[0].run_id, 5);
}
END_TEST

START_TEST(groups_can_be_chosen)
{
    static const char *const by[] = {"lr_policy_G"};
    read_curves((struct pxs_curves_options){.by = by, .n_by = 1});
    ck_assert_uint_eq(curves.n_configurations, 2);
    ck_assert_str_eq(curves.configurations[1].label, "halve");
    ck_assert_uint_eq(curves.configurations[1].n_runs, 6);
    static const char *const other[] = {"lrgd"};
    read_curves((struct pxs_curves_options){.by = other, .n_by = 1});
    ck_assert_str_eq(curves.configurations[0].label, "no lrgd");
    ck_assert_str_eq(curves.configurations[1].label, "lrgd 10");
}
END_TEST

START_TEST(mistakes_are_said)
{
    struct pxs_curves_options o = {.where = "lrgd <"};
    ck_fails(pxs_curves_read(store, &o, &curves, &err), PXS_E_INVALID, "syntax error");
    o = (struct pxs_curves_options){.sweep = "curvess"};
    ck_fails(pxs_curves_read(store, &o, &curves, &err), PXS_E_NOT_FOUND, "");
    static const char *const by[] = {"lrgdd"};
    o = (struct pxs_curves_options){.by = by, .n_by = 1};
    ck_fails(pxs_curves_read(store, &o, &curves, &err), PXS_E_INVALID, "did you mean");
}
END_TEST

/* What has been made after a point is as if it did not exist. */
START_TEST(a_limit_hides_later_epochs)
{
    read_curves(
        (struct pxs_curves_options){.batch_columns = ONLY(loss_G), .buckets = 400, .epochs = 2});
    const struct pxs_run_curves *run = &curves.runs[0];
    ck_assert_int_eq(run->steps, 100);
    ck_assert_int_eq(run->begun, 2);
    ck_assert_int_eq(run->last_epoch, 1);
    ck_assert_int_eq(run->batches_per_epoch, 50);
    ck_assert_uint_eq(run->epoch[PXS_EPOCH_val_loss].n, 2);
    ck_assert_uint_eq(run->batch[PXS_BATCH_loss_G].n, 100);
    ck_assert_double_lt(highest(&run->batch[PXS_BATCH_loss_G]), 40);
    ck_assert_uint_eq(curves.configurations[0].band[PXS_EPOCH_val_loss].n, 2);
}
END_TEST

struct counted {
    size_t n_runs, epochs, batches, ends, wrong;
};

static enum pxs_status count_begin(void *user, struct pxs_curves *made, struct pxs_error *error) {
    ((struct counted *)user)->n_runs = made->n_runs;
    return PXS_OK;
}

static void count_epoch(void *user, size_t run, int64_t epoch, const double *values) {
    struct counted *c = user;
    c->epochs++;
    c->wrong += run != c->ends || isnan(values[PXS_EPOCH_lr_G]);
}

static void count_batch(void *user, size_t run, int64_t step, int64_t epoch, int64_t batch,
                        const double *values) {
    struct counted *c = user;
    c->batches++;
    /* lr_G, behind loss_G */
    c->wrong += run != c->ends || step != epoch * 50 + batch || !(values[1] > 0);
}

static enum pxs_status count_end(void *user, size_t run, struct pxs_error *error) {
    struct counted *c = user;
    c->wrong += run != c->ends++;
    return PXS_OK;
}

/* Each row is handed over once, run by run, with its place and the columns that were asked for. */
START_TEST(a_reducer_gets_every_row)
{
    static const struct pxs_reducer reducer = {count_begin, count_epoch, count_batch, count_end};
    struct counted c = {0};
    read_curves((struct pxs_curves_options){
        .batch_columns = ONLY(lr_G) | ONLY(loss_G), .reducer = &reducer, .user = &c});
    ck_assert_uint_eq(c.n_runs, 9);
    ck_assert_uint_eq(c.ends, 9);
    ck_assert_uint_eq(c.wrong, 0);
    ck_assert_uint_eq(c.epochs, 8 * 6 + 3); /* one diverged in the middle */
    ck_assert_uint_gt(c.batches, 8 * 300);
    ck_assert_uint_eq(curves.runs[0].epoch[PXS_EPOCH_val_loss].n, 0);
}
END_TEST

static Suite *series_suite(void) {
    Suite *suite = suite_create("series");

    TCase *tc = tcase_create("curves");
    tcase_add_unchecked_fixture(tc, setup, teardown);
    tcase_add_test(tc, runs_lie_in_configurations_in_the_order_of_the_plan);
    tcase_add_loop_test(tc, a_spike_survives_any_thinning, 0, 4);
    tcase_add_test(tc, enough_buckets_keep_everything);
    tcase_add_test(tc, a_gap_stays_a_gap);
    tcase_add_test(tc, the_band_is_over_seeds_that_are_not_lost);
    tcase_add_test(tc, runs_can_be_chosen);
    tcase_add_test(tc, groups_can_be_chosen);
    tcase_add_test(tc, mistakes_are_said);
    tcase_add_test(tc, a_limit_hides_later_epochs);
    tcase_add_test(tc, a_reducer_gets_every_row);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void) {
    return run_tests(series_suite(), CK_NORMAL);
}
