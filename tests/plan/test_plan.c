/* Plans of new sweeps: names, numbers, states, what is refused, and that planning writes nothing.
 */
#include "plan_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_experiment(const char *rest) {
    write_textf("exp.yaml", "%s%s", PLAN_HEAD, rest);
    write_pairs("data/train/a.npy", 16, 1);
    write_pairs("data/val/a.npy", 4, 2);
}

static struct pxs_plan *plan_exp(void) {
    struct pxs_sweep_options options = {.file = in_folder("exp.yaml"),
                                        .results = in_folder("results")};
    struct pxs_plan *plan = NULL;
    ck_ok(pxs_plan_make(&options, &plan, &err));
    return plan;
}

static void expect_refused(const char *words) {
    struct pxs_sweep_options options = {.file = in_folder("exp.yaml"),
                                        .results = in_folder("results")};
    struct pxs_plan *plan = NULL;
    struct pxs_error err;
    ck_assert_int_ne(pxs_plan_make(&options, &plan, &err), PXS_OK);
    ck_assert_ptr_null(plan);
    ck_has(err.message, words);
}

START_TEST(test_new)
{
    write_experiment(
        "sweep:\n  points:\n    - {lr_policy_G: halve, lrgd: 2}\n    - {lr_policy_G: constant}\n"
        "  seeds: [0, 7]\n");
    struct pxs_plan *plan = plan_exp();
    struct pxs_params params;
    char expected[512];
    ck_assert_uint_eq(plan->n, 4);
    ck_assert_uint_eq(plan->states.of[PXS_STATE_NEW], 4);
    ck_assert_uint_eq(plan->n_seeds, 2);
    ck_assert_str_eq(plan->sweep, "exp");
    for (size_t i = 0; i < 4; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        ck_assert_int_eq(run->number, (int64_t)i + 1);
        ck_assert_int_eq(run->state, PXS_STATE_NEW);
        snprintf(expected, sizeof expected, "exp/%04zu-%s-s%d", i + 1, run->differs, i % 2 ? 7 : 0);
        ck_assert_str_eq(run->name, expected);
        snprintf(expected, sizeof expected, "%s/%s", in_folder("results"), run->name);
        ck_assert_str_eq(run->dir, expected);
        ck_assert_int_eq(run->n_train, 16);
        ck_assert_int_eq(run->n_val, 4);
        ck_assert_int_eq(run->estimate.steps, 12);
        ck_assert(run->seconds > 0);
        ck_assert_str_eq(run->config_hash, plan->runs[i & ~(size_t)1].config_hash);
    }
    ck_assert_str_ne(plan->runs[0].config_hash, plan->runs[2].config_hash);
    ck_assert(plan->runs[0].rate[0].ratio == 0.5 && !plan->runs[0].rate[0].falls_to_hundredth);
    ck_assert(plan->runs[2].rate[0].constant);
    pxs_plan_params(plan, 0, &params);
    ck_assert_int_eq(params.lrgd, 2);
    ck_assert_int_eq(plan->time_source, PXS_TIME_GUESS);
    ck_assert_int_eq(plan->steps_to_do, 48);
    pxs_plan_destroy(&plan);
    ck_assert(!exists("results"));
}
END_TEST

/* All that a supervisor asks of a plan is the same when it comes from the file, and neither the
 * experiment file nor the data are asked again. */
START_TEST(test_frozen)
{
    write_experiment("run: {retries: 2, timeout: 300%, order: as_written}\n"
                     "sweep:\n  points:\n    - {lr_policy_G: halve, lrgd: 2}\n"
                     "    - {lr_policy_G: constant}\n  seeds: [0, 7]\n"
                     "  prune: {rule: median, rungs: [1]}\n");
    const struct pxs_sweep_options asked = {
        .kernels = "f2", .jobs = 3, .grace = 9, .allow_mixed = true};
    struct pxs_sweep_options told = {0};
    struct pxs_plan *plan = plan_exp(), *frozen = NULL;
    struct pxs_text a = {0}, b = {0};
    struct pxs_params params, again;
    char moved[PXS_PATH_MAX];
    snprintf(moved, sizeof moved, "%s", in_folder("moved/there"));
    plan->runs[3].dir = moved; /* as the database may say */
    ck_ok(pxs_make_dirs(in_folder("job"), &err));
    ck_ok(pxs_plan_freeze(plan, &asked, in_folder("job"), &err));
    write_text("exp.yaml", "not a plan any more");
    remove_tree(in_folder("data"));
    ck_ok(pxs_plan_thaw(in_folder("job"), &frozen, &told, &err));
    ck_assert_uint_eq(frozen->n, plan->n);
    ck_assert_str_eq(frozen->sweep, plan->sweep);
    ck_assert_str_eq(frozen->results, plan->results);
    ck_assert_str_eq(frozen->spec_hash, plan->spec_hash);
    ck_assert_str_eq(told.kernels, "f2");
    ck_assert_str_eq(told.command, "");
    ck_assert(told.jobs == 3 && told.threads == 0 && told.grace == 9 && told.allow_mixed);
    ck_assert_int_eq(frozen->how.retries, 2);
    ck_assert(isinf(frozen->how.timeout_s) && frozen->how.timeout_share == 3);
    ck_assert(frozen->how.order == PXS_ORDER_AS_WRITTEN);
    ck_assert(frozen->prune.rule == PXS_PRUNE_MEDIAN && frozen->prune.n_rungs == 1 &&
              frozen->prune.rungs[0] == 1);
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_plan_run *run = &plan->runs[i], *back = &frozen->runs[i];
        ck_assert_str_eq(back->name, run->name);
        ck_assert_str_eq(back->dir, run->dir);
        ck_assert_str_eq(back->config_hash, run->config_hash);
        ck_assert_str_eq(back->data_hash, run->data_hash);
        ck_assert_int_eq(back->seed, run->seed);
        ck_assert_int_eq(back->state, PXS_STATE_NEW);
        ck_assert_int_eq(back->n_train, run->n_train);
        ck_assert_mem_eq(&back->estimate, &run->estimate, sizeof run->estimate);
        ck_assert(back->seconds == run->seconds);
        ck_ok(pxs_plan_read_params(plan, i, &params, &err));
        ck_ok(pxs_plan_read_params(frozen, i, &again, &err));
        ck_assert_mem_eq(&params, &again, sizeof params);
        pxs_text_clear(&a);
        pxs_text_clear(&b);
        ck_ok(pxs_plan_run_config(plan, i, &params, &a, &err));
        ck_ok(pxs_plan_run_config(frozen, i, &params, &b, &err));
        ck_assert_str_eq(pxs_text_str(&a), pxs_text_str(&b));
    }
    pxs_text_finish(&a);
    pxs_text_finish(&b);
    pxs_plan_destroy(&frozen);
    pxs_plan_destroy(&plan);
}
END_TEST

/* The seeds of a race are outermost, and its runs are those that the sweep without it has; other
 * machines are told of it. */
START_TEST(test_frozen_race)
{
    write_experiment("sweep:\n  grid: {lambda_pixel: [10, 20]}\n  seeds: 3\n");
    struct pxs_plan *sweep = plan_exp(), *plan, *frozen;
    ck_assert(!sweep->race.on && sweep->n_configurations == 2);
    write_experiment("run: {budget: 2h}\nsweep:\n  grid: {lambda_pixel: [10, 20]}\n"
                     "  race: {confidence: 0.9, first: 2, max_seeds: 3, indifference: 0.25, "
                     "metric: val_ssim, budget: 5}\n");
    plan = plan_exp();
    ck_assert_uint_eq(plan->n, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct pxs_plan_run *run = &plan->runs[i], *same = &sweep->runs[i % 2 * 3 + i / 2];
        ck_assert_int_eq(run->number, (int64_t)i + 1);
        ck_assert_int_eq(run->seed, (int64_t)i / 2);
        ck_assert_str_eq(run->differs, same->differs);
        ck_assert_str_eq(run->config_hash, same->config_hash);
        ck_assert_int_eq(run->seed, same->seed);
    }
    struct pxs_sweep_options told = {0};
    ck_ok(pxs_make_dirs(in_folder("job"), &err));
    ck_ok(pxs_plan_freeze(plan, &told, in_folder("job"), &err));
    ck_ok(pxs_plan_thaw(in_folder("job"), &frozen, &told, &err));
    const struct pxs_race_settings *race = &frozen->race;
    ck_assert(race->on && race->metric == PXS_RACE_VAL_SSIM && race->rule.higher_better);
    ck_assert(race->rule.confidence == 0.9 && race->rule.indifference == 0.25);
    ck_assert(race->rule.first == 2 && race->rule.max_seeds == 3);
    ck_assert(race->budget_runs == 5 && isinf(race->budget_s) && frozen->how.budget_s == 7200);
    ck_assert_uint_eq(frozen->n_configurations, 2);
    pxs_plan_destroy(&frozen);

    /* one that was frozen before there were races */
    char *text, *at;
    size_t bytes;
    ck_ok(pxs_read_file(in_folder("job/plan.json"), 1 << 20, &text, &bytes, &err));
    at = strstr(text, "n_configurations");
    ck_assert_ptr_nonnull(at);
    *at = 'x';
    write_text("job/plan.json", text);
    free(text);
    ck_ok(pxs_plan_thaw(in_folder("job"), &frozen, &told, &err));
    ck_assert(!frozen->race.on && isinf(frozen->how.budget_s) && isinf(frozen->race.budget_s));
    ck_assert_uint_eq(frozen->n_configurations, 2);
    pxs_plan_destroy(&frozen);
    pxs_plan_destroy(&plan);
    pxs_plan_destroy(&sweep);
}
END_TEST

/* Other machines start runs in the order that was asked for. */
START_TEST(test_frozen_order)
{
    static const char *const orders[] = {"seed_major", "{shuffled: 5}", "as_written"};
    for (size_t k = 0; k < PXS_COUNT(orders); k++) {
        char rest[160];
        struct pxs_sweep_options told = {0};
        size_t *order, *frozen_order;
        snprintf(rest, sizeof rest,
                 "run: {order: %s}\nsweep:\n  grid: {lambda_pixel: [10, 20, 30]}\n  seeds: 3\n",
                 orders[k]);
        write_experiment(rest);
        struct pxs_plan *plan = plan_exp(), *frozen;
        ck_ok(pxs_make_dirs(in_folder("job"), &err));
        ck_ok(pxs_plan_freeze(plan, &told, in_folder("job"), &err));
        ck_ok(pxs_plan_thaw(in_folder("job"), &frozen, &told, &err));
        ck_ok(pxs_order_make(plan, &order, &err));
        ck_ok(pxs_order_make(frozen, &frozen_order, &err));
        ck_assert_mem_eq(order, frozen_order, plan->n * sizeof *order);
        ck_assert_int_eq(order[0] == 0 && order[1] == 1, k == 2);
        free(order);
        free(frozen_order);
        pxs_plan_destroy(&plan);
        pxs_plan_destroy(&frozen);
    }
}
END_TEST

/* Runs that were handed to other machines and have not begun there keep their folders, in whatever
 * order the next plan has them. */
START_TEST(test_frozen_runs_keep_their_folders)
{
    write_experiment("sweep:\n  grid: {lambda_pixel: [10, 20]}\n  seeds: [0, 7]\n");
    const struct pxs_sweep_options asked = {0};
    struct pxs_plan *plan = plan_exp(), *again;
    ck_ok(pxs_make_dirs(in_folder("job"), &err));
    ck_ok(pxs_plan_freeze(plan, &asked, in_folder("job"), &err));
    write_experiment("sweep:\n  grid: {lambda_pixel: [30, 20, 10]}\n  seeds: [7, 0]\n");
    again = plan_exp();
    ck_assert_uint_eq(again->n, 6);
    static const size_t same[] = {0, 0, 3, 2, 1, 0};
    for (size_t i = 2; i < 6; i++) {
        ck_assert_str_eq(again->runs[i].dir, plan->runs[same[i]].dir);
        ck_assert_str_eq(again->runs[i].name, plan->runs[same[i]].name);
        ck_assert_int_eq(again->runs[i].number, plan->runs[same[i]].number);
        ck_assert_int_eq(again->runs[i].state, PXS_STATE_NEW);
    }
    ck_assert_int_eq(again->runs[0].number, 5);
    ck_assert_int_eq(again->runs[1].number, 6);
    pxs_plan_destroy(&again);
    pxs_plan_destroy(&plan);
}
END_TEST

START_TEST(test_frozen_damaged)
{
    static const char *const damages[][2] = {{"", "plan.json"},
                                             {"{}", "version"},
                                             {"{\"version\": 99}", "another pixsweep"},
                                             {"{\"version\": 1}", "sweep"}};
    struct pxs_sweep_options options = {0};
    struct pxs_plan *plan = NULL;
    for (size_t i = 0; i < PXS_COUNT(damages); i++) {
        write_text("job/plan.json", damages[i][0]);
        ck_fails(pxs_plan_thaw(in_folder("job"), &plan, &options, &err), PXS_E_CORRUPT,
                 damages[i][1]);
        ck_assert_ptr_null(plan);
    }
    ck_fails(pxs_plan_thaw(in_folder("none"), &plan, &options, &err), PXS_E_NOT_FOUND, "plan.json");
}
END_TEST

/* 16 pairs: a batch of 16 is all of them, one of 17 is never full. */
START_TEST(test_batch_larger_than_the_data)
{
    struct pxs_text words = {0};
    write_experiment("sweep:\n  grid: {batch_size: [4, 16]}\n");
    struct pxs_plan *plan = plan_exp();
    pxs_plan_warnings(plan, &words);
    ck_assert_str_eq(pxs_text_str(&words), "");
    pxs_plan_destroy(&plan);

    write_experiment("sweep:\n  grid: {batch_size: [16, 17, 64]}\n");
    plan = plan_exp();
    pxs_plan_warnings(plan, &words);
    ck_has(pxs_text_str(&words),
           "batch_size is larger than the 16 pairs to train on (2 of 3 runs)");
    pxs_plan_destroy(&plan);
    pxs_text_finish(&words);
}
END_TEST

START_TEST(test_same_content_twice)
{
    write_experiment("sweep:\n  grid: {dataset: [data, copy]}\n");
    write_pairs("copy/train/b.npy", 16, 1);
    write_pairs("copy/val/b.npy", 4, 2);
    expect_refused("are the same run");
}
END_TEST

START_TEST(test_data_problems_together)
{
    write_experiment("sweep:\n  grid: {dataset: [data, torn, missing]}\n");
    write_text("torn/train/a.npy", "no numpy file");
    expect_refused("torn");
    expect_refused("missing");
}
END_TEST

START_TEST(test_bad_file_has_diagnostics)
{
    struct pxs_text diagnostics = {0};
    struct pxs_plan *plan = NULL;
    struct pxs_error err;
    write_experiment("learning_rte_G: 1e-4\nngf: many\n");
    struct pxs_sweep_options options = {.file = in_folder("exp.yaml"), .diagnostics = &diagnostics};
    ck_assert_int_eq(pxs_plan_make(&options, &plan, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&diagnostics), "exp.yaml:8:1"));
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&diagnostics), "exp.yaml:9:"));
    pxs_text_finish(&diagnostics);
}
END_TEST

START_TEST(test_paths)
{
    char results[PXS_PATH_MAX], db[PXS_PATH_MAX];
    ck_assert_int_eq(chdir(in_folder("")), 0);
    ck_assert(pxs_sweep_paths(NULL, NULL, results, db));
    ck_assert_ptr_nonnull(strstr(results, "/results"));
    ck_assert_ptr_nonnull(strstr(db, "/results/pixsweep.db"));
    ck_assert(pxs_sweep_paths("/a/../b/", "x.db", results, db));
    ck_assert_str_eq(results, "/b");
    ck_assert_ptr_nonnull(strstr(db, "/x.db"));
    ck_assert_ptr_null(strstr(db, "/b/"));
}
END_TEST

/* ---- validation: off ------------------------------------------------------------------------ */

static void write_unvalidated(const char *rest) {
    char head[200];
    snprintf(head, sizeof head, "validation: off\n%s", rest);
    write_experiment(head);
    ck_assert_int_eq(unlink(in_folder("data/val/a.npy")) + rmdir(in_folder("data/val")), 0);
}

/* What run 0 would be with this fraction. */
static void hash_with(const struct pxs_plan *plan, double val_fraction, char hex[PXS_SHA256_HEX]) {
    struct pxs_params p;
    struct pxs_params_content content = {{0}, {0}};
    struct pxs_error err;
    pxs_plan_params(plan, 0, &p);
    p.val_fraction = val_fraction;
    snprintf(content.dataset, sizeof content.dataset, "%s", plan->runs[0].data_hash);
    ck_assert_int_eq(pxs_params_identity(&p, &content, hex, &err), PXS_OK);
}

START_TEST(test_off_holds_nothing_back)
{
    char hex[PXS_SHA256_HEX];
    struct pxs_params params;
    write_unvalidated("");
    struct pxs_plan *plan = plan_exp();
    ck_assert_int_eq(plan->runs[0].n_train, 16);
    ck_assert_int_eq(plan->runs[0].n_val, 0);
    pxs_plan_params(plan, 0, &params);
    ck_assert(params.val_fraction == 0);
    hash_with(plan, 0, hex);
    ck_assert_str_eq(plan->runs[0].config_hash, hex);
    hash_with(plan, 0.1, hex);
    ck_assert_str_eq(plan->runs[0].before_hash, hex);
    ck_assert_str_eq(plan->notes, "");
    pxs_plan_destroy(&plan);
    write_unvalidated("val_fraction: 0.25\n");
    plan = plan_exp();
    ck_assert_int_eq(plan->runs[0].n_train, 16);
    ck_assert_ptr_nonnull(strstr(plan->notes, ":9) has no effect under validation: off"));
    pxs_plan_destroy(&plan);
    write_pairs("data/train/a.npy", 1, 1); /* to over-fit one pair, the usual check */
    plan = plan_exp();
    ck_assert_int_eq(plan->runs[0].n_train, 1);
    pxs_plan_destroy(&plan);
    write_unvalidated("sweep: {grid: {val_fraction: [0.1, 0.2]}}\n");
    expect_refused("they differ in val_fraction, which has no effect under validation: off");
}
END_TEST

START_TEST(test_off_beside_val_is_as_before)
{
    char hex[PXS_SHA256_HEX];
    write_experiment("validation: off\n");
    struct pxs_plan *plan = plan_exp();
    ck_assert_int_eq(plan->runs[0].n_train, 16);
    ck_assert_int_eq(plan->runs[0].n_val, 4);
    hash_with(plan, 0.1, hex);
    ck_assert_str_eq(plan->runs[0].config_hash, hex);
    ck_assert_str_eq(plan->runs[0].before_hash, "");
    pxs_plan_destroy(&plan);
}
END_TEST

TCase *new_plan_case(void) {
    TCase *c = tcase_create("plan");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, test_new);
    tcase_add_test(c, test_frozen);
    tcase_add_test(c, test_frozen_race);
    tcase_add_test(c, test_frozen_order);
    tcase_add_test(c, test_frozen_runs_keep_their_folders);
    tcase_add_test(c, test_frozen_damaged);
    tcase_add_test(c, test_batch_larger_than_the_data);
    tcase_add_test(c, test_same_content_twice);
    tcase_add_test(c, test_data_problems_together);
    tcase_add_test(c, test_bad_file_has_diagnostics);
    tcase_add_test(c, test_paths);
    tcase_add_test(c, test_off_holds_nothing_back);
    tcase_add_test(c, test_off_beside_val_is_as_before);
    return c;
}
