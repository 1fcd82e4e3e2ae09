/* What is made of a dead worker: the verdict on its attempt and the end of its log; and progress.
 */
#include "supervisor_tests.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "../../src/run/supervisor/process_priv.h"
#include "../../src/run/supervisor/progress_priv.h"

/* ---- verdicts ------------------------------------------------------------------------------- */

#define EXITED(n) \
    { PXS_EXITED, n }
#define KILLED(n) \
    { PXS_SIGNALLED, n }

static struct pxs_verdict judged(struct pxs_death d) {
    struct pxs_verdict v;
    if (!d.end_message)
        d.end_message = "said so";
    pxs_judge(&d, &v);
    return v;
}

START_TEST(test_verdict_end_record)
{
    struct pxs_verdict v =
        judged((struct pxs_death){.exit = EXITED(0), .ended = true, .end = PXS_OUTCOME_COMPLETED});
    ck_assert_int_eq(v.outcome, PXS_STATE_COMPLETED);
    ck_assert_int_eq(v.exit_code, 0);
    v = judged((struct pxs_death){.exit = EXITED(3), .ended = true, .end = PXS_OUTCOME_DIVERGED});
    ck_assert_int_eq(v.outcome, PXS_STATE_DIVERGED);
    ck_assert_int_eq(v.reason, PXS_REASON_DIVERGED);
    ck_assert_str_eq(v.message, "said so");
    v = judged((struct pxs_death){.exit = EXITED(3),
                                  .ended = true,
                                  .end = PXS_OUTCOME_DIVERGED,
                                  .end_message = "diverged: loss_G"});
    ck_assert_str_eq(v.message, "loss_G");
    v = judged((struct pxs_death){.exit = EXITED(1), .ended = true, .end = PXS_OUTCOME_FAILED});
    ck_assert_int_eq(v.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(v.reason, PXS_REASON_ERROR);
    v = judged(
        (struct pxs_death){.exit = KILLED(SIGKILL), .ended = true, .end = PXS_OUTCOME_COMPLETED});
    ck_assert_int_eq(v.outcome, PXS_STATE_COMPLETED);
    ck_assert_ptr_nonnull(strstr(v.message, "killed by signal 9"));
}
END_TEST

START_TEST(test_verdict_crash)
{
    struct pxs_verdict v = judged((struct pxs_death){.exit = KILLED(SIGSEGV), .step = 7});
    ck_assert_int_eq(v.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(v.reason, PXS_REASON_CRASH);
    ck_assert_int_eq(v.signal, SIGSEGV);
    ck_assert_int_eq(v.exit_code, -1);
    ck_assert_ptr_nonnull(strstr(v.message, "signal 11"));
    ck_assert_ptr_nonnull(strstr(v.message, "step 7"));
    v = judged((struct pxs_death){.exit = EXITED(0)});
    ck_assert_int_eq(v.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(v.reason, PXS_REASON_CRASH);
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_CPU, &before), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_CPU, &(struct rlimit){7777, before.rlim_max}), 0);
    v = judged((struct pxs_death){.exit = KILLED(SIGXCPU)});
    ck_assert_ptr_nonnull(strstr(v.message, "`ulimit -t` allows a process 7777 s of CPU time"));
    v = judged((struct pxs_death){.exit = KILLED(SIGKILL), .kill = PXS_KILL_BY_SOMEBODY});
    ck_assert_ptr_nonnull(strstr(v.message, "by somebody; "));
    ck_assert_ptr_nonnull(strstr(v.message, "`ulimit -t unlimited`"));
    v = judged((struct pxs_death){.exit = KILLED(SIGKILL), .kill = PXS_KILL_FOR_MEMORY});
    ck_assert_ptr_null(strstr(v.message, "ulimit -t"));
    ck_assert_int_eq(setrlimit(RLIMIT_CPU, &before), 0);
    v = judged((struct pxs_death){.exit = EXITED(0), .damage = "bad"});
    ck_assert_int_eq(v.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(v.reason, PXS_REASON_DAMAGED_RECORD);
}
END_TEST

START_TEST(test_verdict_asked)
{
    struct pxs_verdict v =
        judged((struct pxs_death){.exit = KILLED(SIGKILL), .asked = PXS_ASKED_STOP});
    ck_assert_int_eq(v.outcome, PXS_STATE_INTERRUPTED);
    v = judged((struct pxs_death){.exit = EXITED(130),
                                  .ended = true,
                                  .end = PXS_OUTCOME_INTERRUPTED,
                                  .asked = PXS_ASKED_TIMEOUT,
                                  .timeout = 90});
    ck_assert_int_eq(v.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(v.reason, PXS_REASON_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(v.message, "timed out"));
    ck_assert_ptr_nonnull(strstr(v.message, "1 m 30 s"));
    v = judged((struct pxs_death){.exit = EXITED(0),
                                  .ended = true,
                                  .end = PXS_OUTCOME_COMPLETED,
                                  .asked = PXS_ASKED_TIMEOUT});
    ck_assert_int_eq(v.outcome, PXS_STATE_COMPLETED);
}
END_TEST

/* Every way to end that a supervisor can tell from another. */
START_TEST(test_verdict_reasons)
{
    static const struct {
        struct pxs_death death;
        enum pxs_end_reason reason;
    } cases[] = {
        {{.exit = KILLED(SIGKILL)}, PXS_REASON_KILLED},
        {{.exit = KILLED(SIGKILL), .kill = PXS_KILL_BY_SOMEBODY}, PXS_REASON_KILLED},
        {{.exit = KILLED(SIGKILL), .kill = PXS_KILL_FOR_MEMORY}, PXS_REASON_OUT_OF_MEMORY},
        {{.exit = KILLED(SIGTERM)}, PXS_REASON_KILLED},
        {{.exit = KILLED(SIGABRT)}, PXS_REASON_CRASH},
        {{.exit = KILLED(SIGKILL), .asked = PXS_ASKED_CANCEL}, PXS_REASON_CANCELLED},
        {{.exit = KILLED(SIGKILL), .asked = PXS_ASKED_TIMEOUT}, PXS_REASON_TIMEOUT},
        {{.exit = KILLED(SIGKILL), .asked = PXS_ASKED_STOP}, PXS_REASON_STOPPED},
        {{.exit = EXITED(130), .ended = true, .end = PXS_OUTCOME_INTERRUPTED}, PXS_REASON_STOPPED},
        {{.exit = EXITED(130),
          .ended = true,
          .end = PXS_OUTCOME_INTERRUPTED,
          .asked = PXS_ASKED_YIELD},
         PXS_REASON_YIELDED},
        {{.exit = EXITED(4), .ended = true, .end = PXS_OUTCOME_PRUNED}, PXS_REASON_PRUNED},
        {{.exit = EXITED(0), .ended = true, .end = PXS_OUTCOME_COMPLETED}, PXS_REASON_COMPLETED},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++)
        ck_assert_str_eq(pxs_reason_name(judged(cases[i].death).reason),
                         pxs_reason_name(cases[i].reason));
}
END_TEST

/* ---- log tails ------------------------------------------------------------------------------ */

static char file[PXS_PATH_MAX];

static void set_up(void) {
    test_folder_make();
    snprintf(file, sizeof file, "%s", in_folder("worker.log"));
}

static void expect_tail(const char *content, int64_t start, int lines, const char *expected) {
    struct pxs_text t = {0};
    ck_assert_int_eq(pxs_write_file(file, content, strlen(content), NULL), PXS_OK);
    pxs_log_tail(file, start, lines, &t);
    ck_assert_str_eq(pxs_text_str(&t), expected);
    pxs_text_finish(&t);
}

START_TEST(test_log_tail)
{
    expect_tail("", 0, 3, "");
    expect_tail("\n\n", 0, 3, "");
    expect_tail("one\n", 0, 3, "  | one");
    expect_tail("one\ntwo\nthree\nfour", 0, 3, "  | two\n  | three\n  | four");
    expect_tail("one\ntwo\nthree\n", 4, 3, "  | two\n  | three");
    expect_tail("one\n", 4, 3, "");
    expect_tail("a\n\nb\n", 0, 3, "  | a\n  | \n  | b");
}
END_TEST

START_TEST(test_log_tail_long)
{
    struct pxs_text content = {0}, t = {0};
    for (int i = 0; i < 20000; i++)
        pxs_text_addf(&content, "line %d\n", i);
    ck_assert_int_eq(pxs_write_file(file, content.text, content.len, NULL), PXS_OK);
    pxs_log_tail(file, 0, 50, &t);
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&t), "  | line 19950\n"));
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&t), "  | line 19999"));
    ck_assert_ptr_null(strstr(pxs_text_str(&t), "  | line 19949\n"));
    pxs_text_finish(&content);
    pxs_text_finish(&t);
}
END_TEST

/* ---- progress ------------------------------------------------------------------------------- */

START_TEST(test_progress)
{
    struct pxs_params params;
    struct pxs_train_estimate e = {.batches_per_epoch = 10, .steps = 20};
    struct pxs_progress p;
    struct pxs_record r = {.kind = PXS_RECORD_BATCH};
    pxs_params_default(&params);
    params.n_epochs = 2;
    params.batch_size = 4;
    pxs_progress_init(&p, &params, &e, 40);
    ck_assert(isnan(pxs_progress_eta(&p, 100)));
    for (int i = 0; i < 10; i++) {
        r.batch = (struct pxs_record_batch){
            .step = i, .batch = i, .lr_G = 1e-4, .lr_D = 1e-4, .seconds = 0.5};
        pxs_progress_see(&p, &r, 100 + i);
    }
    r.kind = PXS_RECORD_EPOCH;
    r.epoch = (struct pxs_record_epoch){.is_best = 1, .val_loss = 0.25};
    pxs_progress_see(&p, &r, 109);
    ck_assert_double_eq_tol(pxs_progress_eta(&p, 109), 10,
                            1e-9); /* a second each, whatever the steps say themselves */
    struct pxs_text line = {0};
    pxs_progress_line(&p, 109, &line);
    ck_assert_str_eq(line.text,
                     "epochs 1/2  G 0  D 0  val 0.2500  lr 0.0001  8.0 img/s  ETA 10.0 s");
    pxs_text_finish(&line);
}
END_TEST

Suite *verdict_suite(void) {
    Suite *suite = suite_create("verdict");
    TCase *c = tcase_create("verdict"), *tails = tcase_create("log tails");
    tcase_add_test(c, test_verdict_end_record);
    tcase_add_test(c, test_verdict_crash);
    tcase_add_test(c, test_verdict_asked);
    tcase_add_test(c, test_verdict_reasons);
    tcase_add_test(c, test_progress);
    suite_add_tcase(suite, c);
    tcase_add_checked_fixture(tails, set_up, test_folder_remove);
    tcase_add_test(tails, test_log_tail);
    tcase_add_test(tails, test_log_tail_long);
    suite_add_tcase(suite, tails);
    return suite;
}
