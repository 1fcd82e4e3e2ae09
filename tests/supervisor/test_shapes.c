/* The preflight of shapes: what is tried, what is refused before anything starts. */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_probes(const char *expected) {
    char *text = NULL;
    size_t n;
    if (pxs_read_file(in_folder("probes"), 1 << 16, &text, &n, NULL) != PXS_OK)
        text = strdup("");
    ck_assert_str_eq(text, expected);
    free(text);
    if (access(in_folder("probes"), F_OK) == 0)
        ck_assert_int_eq(remove(in_folder("probes")), 0);
}

static void run_good(const char *words) {
    setenv("PXS_FAKE_PROBES", in_folder("probes"), 1);
    struct outcome o = run_exp();
    ck_assert_msg(o.status == PXS_OK && o.summary.exit_code == 0, "%s%s", pxs_text_str(&o.lines),
                  o.status == PXS_OK ? "" : o.err.message);
    ck_assert_msg((strstr(pxs_text_str(&o.lines), "preflight") != NULL) == (words != NULL), "%s",
                  o.lines.text);
    ck_assert_msg(!words || strstr(o.lines.text, words), "%s", o.lines.text);
    outcome_finish(&o);
}

/* What does not change memory or data is tried once; what is done is not tried again. */
START_TEST(test_one_batch_of_each_shape)
{
    write_experiment(1, FAKE_GOOD,
                     "sweep:\n  grid: {learning_rate_G: [1e-4, 2e-4], ngf: [8, 4]}\n  seeds: 2\n");
    run_good("preflight: 2 shapes, one batch of each");
    expect_probes("ngf 8\nngf 4\n");
    run_good(NULL);
    expect_probes("");
    write_experiment(
        1, FAKE_GOOD,
        "sweep:\n  grid: {learning_rate_G: [1e-4, 2e-4], ngf: [8, 4, 16]}\n  seeds: 2\n");
    run_good("preflight: 1 shape, one batch of each");
    expect_probes("ngf 16\n");
}
END_TEST

START_TEST(test_no_more_than_some_shapes)
{
    struct pxs_text rest = {0};
    pxs_text_add(&rest, "sweep:\n  grid: {ndf: [");
    for (int i = 0; i < 40; i++)
        pxs_text_addf(&rest, "%s%d", i > 0 ? ", " : "", i + 1);
    pxs_text_add(&rest, "]}\n");
    write_experiment(1, FAKE_GOOD, rest.text);
    pxs_text_finish(&rest);
    run_good("preflight: 40 shapes, one batch of each of the 32 largest");
}
END_TEST

static void expect_refused(int what, const char *words) {
    write_experiment(1, what, "");
    struct outcome o = run_exp();
    ck_assert_int_eq(o.status, PXS_E_INVALID);
    ck_assert_int_eq(o.summary.exit_code, 2);
    ck_assert_msg(strstr(o.err.message, words) != NULL, "%s", o.err.message);
    ck_assert_ptr_nonnull(strstr(o.err.message, "preflight: run exp/0001-base-s0"));
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt", -1); /* there is no database */
}

START_TEST(test_refused)
{
    expect_refused(FAKE_UNFIT, ": the pairs smell from afar");
    /* who counts no memory */
    expect_refused(FAKE_UNFIT_KILLED, "killed by signal 9 (Killed): by somebody");
    expect_refused(FAKE_UNFIT_KILLED, "the same command tries it again");
    expect_refused(FAKE_UNFIT_NOMEM,
                   "does not fit: out of memory in its first batch (estimated 1.0 kB, ");
    expect_refused(FAKE_UNFIT_NOMEM, "try a smaller batch_size");
    expect_refused(FAKE_UNFIT_ABORT, "killed by signal 6 (Aborted):\nabout to die");
}
END_TEST

/* One bad shape among good ones: nothing starts. */
START_TEST(test_refused_among_good_ones)
{
    write_experiment(1, 0, "sweep:\n  zip: {lambda_pixel: [1, 1, 14], ngf: [4, 8, 12]}\n");
    struct outcome o = run_exp();
    ck_assert_int_eq(o.summary.exit_code, 2);
    ck_assert_msg(strstr(o.err.message, "preflight: run exp/0003-") != NULL, "%s", o.err.message);
    outcome_finish(&o);
}
END_TEST

static struct pxs_stop stop;

static void *stop_when_there(void *user) {
    wait_until(exists(user));
    atomic_store(&stop.signal, SIGINT);
    return NULL;
}

START_TEST(test_interrupted)
{
    pthread_t thread;
    write_experiment(1, _i == 0 ? FAKE_UNFIT_SLOW : FAKE_UNFIT_STUCK, "");
    setenv("PXS_FAKE_PROBES", in_folder("probes"), 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_when_there, (void *)in_folder("probes")),
                     0);
    struct outcome o = run_with((struct pxs_sweep_options){.stop = &stop});
    pthread_join(thread, NULL);
    ck_assert_int_eq(o.status, PXS_E_STOPPED);
    ck_assert_int_eq(o.summary.exit_code, 130);
    ck_assert_uint_eq(o.summary.n_total, 0);
    outcome_finish(&o);
    expect_sql("SELECT count(*) FROM attempt", -1);
}
END_TEST

Suite *shapes_suite(void) {
    Suite *suite = suite_create("shapes");
    TCase *c = tcase_create("shapes");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_one_batch_of_each_shape);
    tcase_add_test(c, test_no_more_than_some_shapes);
    tcase_add_test(c, test_refused);
    tcase_add_test(c, test_refused_among_good_ones);
    tcase_add_loop_test(c, test_interrupted, 0, 2);
    suite_add_tcase(suite, c);
    return suite;
}
