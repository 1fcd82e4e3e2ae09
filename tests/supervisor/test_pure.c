/* What needs no process and no file: slots, the board, verdicts, frozen texts. */
#include "supervisor_tests.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src/experiment/plan/plan_priv.h"
#include "../../src/run/supervisor/process_priv.h"
#include "../../src/run/supervisor/progress_priv.h"

/* ---- slots ----------------------------------------------------------------------------------------------- */

static void expect_slots(struct pxs_sweep_slots s, int jobs, int threads, bool pinned) {
    ck_assert_int_eq(s.jobs, jobs);
    ck_assert_int_eq(s.threads, threads);
    ck_assert_int_eq(s.pinned, pinned);
}

START_TEST(test_slots_auto)
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

START_TEST(test_slots_fit)
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

static void draw(const struct pxs_sweep_slots *s, const cpu_set_t *allowed, cpu_set_t *used, size_t waiting,
                 int open, int threads, const char *cores) {
    cpu_set_t out;
    char text[64];
    ck_assert_int_eq(pxs_slot_draw(s, allowed, used, waiting, open, &out), threads);
    pxs_cores_text(&out, text, sizeof text);
    ck_assert_str_eq(text, cores);
    CPU_OR(used, used, &out);
}

START_TEST(test_slot_cores)
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
    draw(&s, &allowed, &used, 1, 1, 2, "2-3"); /* the last run, but --jobs and --threads were given */
    s = pxs_sweep_slots(6, 6, 2);
    draw(&s, &allowed, &used, 9, 3, 2, "2-7");
    CPU_CLR(4, &allowed);
    pxs_cores_text(&allowed, text, sizeof text);
    ck_assert_str_eq(text, "2-3,5-7");
}
END_TEST

/* Auto: nobody's cores go to those who start, and nothing is left over. */
START_TEST(test_slot_cores_auto)
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
    ck_assert_int_eq(pxs_slot_draw(&s, &allowed, &used, 1, 1, &out), 0); /* no core is free: it waits */
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
START_TEST(test_slot_cores_quota)
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

/* ---- the board ------------------------------------------------------------------------------------------- */

static struct pxs_board_run board_run(const char *name) {
    struct pxs_board_run r = {.attempt = 1,
                              .epoch = 11,
                              .n_epochs = 200,
                              .batch = 3,
                              .n_batches = 50,
                              .steps_done = 554,
                              .steps = 10000,
                              .loss_G = 3.14159,
                              .loss_D = 0.25,
                              .val_loss = 0.28125,
                              .lr_G = 1e-4,
                              .images_per_s = 41.7,
                              .eta = 3900};
    snprintf(r.name, sizeof r.name, "%s", name);
    return r;
}

static char *render(const struct pxs_board *b, int width) {
    struct pxs_text t = {0};
    size_t lines = pxs_board_render(b, width, &t);
    size_t breaks = 0;
    for (const char *c = pxs_text_str(&t); *c; c++)
        breaks += *c == '\n';
    ck_assert_uint_eq(lines, breaks);
    ck_assert_uint_eq(lines, b->n_running + 1 + b->store_trouble + (b->note[0] != '\0'));
    for (const char *line = pxs_text_str(&t); *line; line = strchr(line, '\n') + 1)
        ck_assert_uint_le(pxs_text_width(line, strcspn(line, "\n")), (size_t)(width < 20 ? 20 : width));
    return t.text;
}

START_TEST(test_board_wide)
{
    struct pxs_board_run runs[2] = {board_run("lr/0001-lrgd-90-s0"), board_run("lr/0002-lrgd-25-s0")};
    struct pxs_board b = {
        .sweep = "lr",
        .n_total = 8,
        .states = {{[PXS_STATE_COMPLETED] = 3, [PXS_STATE_FAILED] = 1, [PXS_STATE_QUEUED] = 2}},
        .elapsed = 750,
        .eta = 4800,
        .running = runs,
        .n_running = 2};
    runs[1].epoch = runs[1].batch = -1;
    runs[1].attempt = 2;
    char *text = render(&b, 160);
    ck_assert_str_eq(
        text,
        "0001-lrgd-90-s0  epochs  11/200  batches  4/50  G 3.142  D 0.25  val 0.2812  lr 0.0001  42 img/s  "
        "ETA 1 h 05 m\n"
        "0002-lrgd-25-s0  (attempt 2)  starting\n"
        "lr: 3/8 done, 1 failed, 2 running, 2 queued  elapsed 12 m 30 s  ETA 1 h 20 m\n");
    free(text);
}
END_TEST

/* Counts of what is done: the epoch whose name is 11 is the twelfth. */
START_TEST(test_board_counts_epochs)
{
    struct pxs_board_run runs[1] = {board_run("lr/0001-base-s0")};
    struct pxs_board b = {.sweep = "lr", .n_total = 1, .eta = NAN, .running = runs, .n_running = 1};
    runs[0].batch = 49;
    char *text = render(&b, 160);
    ck_assert_ptr_nonnull(strstr(text, "epochs  11/200  batches 50/50"));
    free(text);
    runs[0].epochs_done = 12; /* and it has been validated */
    text = render(&b, 160);
    ck_assert_ptr_nonnull(strstr(text, "epochs  12/200  batches  0/50"));
    free(text);
}
END_TEST

START_TEST(test_board_narrow)
{
    struct pxs_board_run runs[1] = {board_run("lr/0001-a_rather_long_key-0.000123-another_key-false-s12")};
    struct pxs_board b = {.sweep = "lr", .n_total = 1, .eta = NAN, .running = runs, .n_running = 1};
    for (int width = 0; width < 200; width++)
        free(render(&b, width));
    char *text = render(&b, 60);
    ck_assert_ptr_nonnull(strstr(text, "epochs  11/200"));
    ck_assert_ptr_nonnull(strstr(text, "ETA 1 h 05 m"));
    ck_assert_ptr_nonnull(strstr(text, "-s12  "));
    ck_assert_ptr_null(strstr(text, "lr 0.0001"));
    free(text);
}
END_TEST

START_TEST(test_board_unknown_and_stopping)
{
    struct pxs_board_run runs[1] = {board_run("lr/0001-base-s0")};
    struct pxs_board b = {
        .sweep = "lr", .n_total = 1, .eta = NAN, .running = runs, .n_running = 1, .stopping = true};
    runs[0].val_loss = runs[0].images_per_s = runs[0].eta = NAN;
    runs[0].stopping = true;
    char *text = render(&b, 200);
    ck_assert_ptr_nonnull(strstr(text, "val      -"));
    ck_assert_ptr_nonnull(strstr(text, "  stopping\n"));
    ck_assert_ptr_null(strstr(text, "nan"));
    ck_assert_ptr_nonnull(strstr(text, "again to kill"));
    free(text);
}
END_TEST

/* What one wants to know at night has room in a terminal of 80 columns. */
START_TEST(test_board_on_80_columns)
{
    struct pxs_board_run runs[1] = {board_run("lr/0012-lrgd-90-learning_rate_G-0.0002-s12")};
    struct pxs_board b = {.sweep = "lr", .n_total = 12, .eta = NAN, .running = runs, .n_running = 1};
    runs[0].attempt = 2;
    char *text = render(&b, 79);
    ck_assert_ptr_nonnull(strstr(text, "0012-"));
    ck_assert_ptr_nonnull(strstr(text, "-s12  epochs  11/200  G 3.142  "));
    ck_assert_ptr_nonnull(strstr(text, "val 0.2812"));
    ck_assert_ptr_nonnull(strstr(text, "ETA 1 h 05 m"));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        ck_assert_uint_le(strcspn(line, "\n"), 79);
    free(text);
}
END_TEST

START_TEST(test_board_conditions)
{
    struct pxs_board_run runs[4] = {board_run("lr/0001-s0"), board_run("lr/0002-s0"), board_run("lr/0003-s0"),
                                    board_run("lr/0004-s0")};
    struct pxs_board b = {.sweep = "lr",
                          .n_total = 4,
                          .elapsed = NAN,
                          .eta = NAN,
                          .running = runs,
                          .n_running = 4,
                          .store_trouble = true,
                          .note = "paused: three in a row"};
    runs[0].stale = true;
    runs[1].disk_full = true;
    runs[2].n_batches = 0;
    runs[3].waiting = true;
    runs[3].epoch = -1;
    char *text = render(&b, 200);
    ck_assert_ptr_nonnull(strstr(text, "42 img/s  stale\n"));
    ck_assert_ptr_nonnull(strstr(text, "disk full, waiting for space\n"));
    ck_assert_ptr_nonnull(strstr(text, "batches 4  G"));
    ck_assert_ptr_nonnull(strstr(text, "0004-s0  waits for its folder\n"));
    ck_assert_ptr_nonnull(strstr(text, "\ndatabase not writable, records wait in their folders\n"
                                       "paused: three in a row\nlr: 0/4 done, 3 running, 1 stale\n"));
    free(text);
}
END_TEST

START_TEST(test_board_says_when)
{
    struct pxs_board b = {.sweep = "lr", .n_total = 4, .elapsed = 60, .eta = 27600};
    b.now_ms = INT64_C(1767386400000); /* Friday 2026-01-02, 20:40 UTC */
    setenv("TZ", "EET-2", 1);
    tzset();
    char *text = render(&b, 200);
    ck_assert_str_eq(text, "lr: 0/4 done  elapsed 1 m 00 s  ETA 7 h 40 m, Sat 06:20\n");
    free(text);
    b.eta = 30; /* too short to be worth it */
    text = render(&b, 200);
    ck_assert_str_eq(text, "lr: 0/4 done  elapsed 1 m 00 s  ETA 30.0 s\n");
    free(text);
    unsetenv("TZ");
    tzset();
}
END_TEST

/* ---- verdicts -------------------------------------------------------------------------------------------- */

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
    v = judged((struct pxs_death){
        .exit = EXITED(3), .ended = true, .end = PXS_OUTCOME_DIVERGED, .end_message = "diverged: loss_G"});
    ck_assert_str_eq(v.message, "loss_G");
    v = judged((struct pxs_death){.exit = EXITED(1), .ended = true, .end = PXS_OUTCOME_FAILED});
    ck_assert_int_eq(v.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(v.reason, PXS_REASON_ERROR);
    v = judged((struct pxs_death){.exit = KILLED(SIGKILL), .ended = true, .end = PXS_OUTCOME_COMPLETED});
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
    v = judged((struct pxs_death){.exit = EXITED(0), .damage = "bad"});
    ck_assert_int_eq(v.outcome, PXS_STATE_FAILED);
    ck_assert_int_eq(v.reason, PXS_REASON_DAMAGED_RECORD);
}
END_TEST

START_TEST(test_verdict_asked)
{
    struct pxs_verdict v = judged((struct pxs_death){.exit = KILLED(SIGKILL), .asked = PXS_ASKED_STOP});
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
    v = judged((struct pxs_death){
        .exit = EXITED(0), .ended = true, .end = PXS_OUTCOME_COMPLETED, .asked = PXS_ASKED_TIMEOUT});
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
        {{.exit = EXITED(130), .ended = true, .end = PXS_OUTCOME_INTERRUPTED, .asked = PXS_ASKED_YIELD},
         PXS_REASON_YIELDED},
        {{.exit = EXITED(4), .ended = true, .end = PXS_OUTCOME_PRUNED}, PXS_REASON_PRUNED},
        {{.exit = EXITED(0), .ended = true, .end = PXS_OUTCOME_COMPLETED}, PXS_REASON_COMPLETED},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++)
        ck_assert_str_eq(pxs_reason_name(judged(cases[i].death).reason), pxs_reason_name(cases[i].reason));
}
END_TEST

/* ---- progress -------------------------------------------------------------------------------------------- */

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
        r.batch =
            (struct pxs_record_batch){.step = i, .batch = i, .lr_G = 1e-4, .lr_D = 1e-4, .seconds = 0.5};
        pxs_progress_see(&p, &r, 100 + i);
    }
    r.kind = PXS_RECORD_EPOCH;
    r.epoch = (struct pxs_record_epoch){.is_best = 1, .val_loss = 0.25};
    pxs_progress_see(&p, &r, 109);
    ck_assert_double_eq_tol(pxs_progress_eta(&p, 109), 10,
                            1e-9); /* a second each, whatever the steps say themselves */
    struct pxs_text line = {0};
    pxs_progress_line(&p, 109, &line);
    ck_assert_str_eq(line.text, "epochs 1/2  G 0  D 0  val 0.2500  lr 0.0001  8.0 img/s  ETA 10.0 s");
    pxs_text_finish(&line);
}
END_TEST

/* ---- frozen texts ---------------------------------------------------------------------------------------- */

START_TEST(test_frozen)
{
    struct pxs_frozen_head head = {.name = "lr/0001-base-s0", .data_hash = "abc", .weights_hash = "def"},
                           back;
    struct pxs_params params;
    struct pxs_text text = {0};
    const char *line;
    size_t bytes;
    pxs_params_default(&params);
    strcpy(params.dataset, "/data/kai");
    pxs_frozen_write(&head, "0001-base-s0", &params, false, &text);
    pxs_frozen_read(text.text, &back);
    ck_assert_str_eq(back.name, head.name);
    ck_assert_str_eq(back.data_hash, "abc");
    ck_assert_str_eq(back.weights_hash, "def");
    ck_assert(pxs_frozen_line(text.text, "dataset", &line, &bytes));
    ck_assert_uint_eq(bytes, strlen("dataset: /data/kai"));
    ck_assert(pxs_frozen_line(text.text, "val_fraction", &line, &bytes));
    ck_assert(!pxs_frozen_line(text.text, "data", &line, &bytes));
    pxs_text_clear(&text);
    pxs_frozen_write(&head, "0001-base-s0", &params, true, &text);
    ck_assert(!pxs_frozen_line(text.text, "val_fraction", &line, &bytes));
    pxs_text_finish(&text);
}
END_TEST

START_TEST(test_rates)
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

START_TEST(test_speeds)
{
    struct pxs_speed known[] = {{10, 0.1}, {100, 0.01}, {105, 0.02}};
    struct pxs_speeds s = {.source = PXS_TIME_MEASURED, .known = known, .n = 3, .guess = 1};
    struct pxs_train_estimate e = {.steps = 10, .gmac_per_step = 9};
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &e), 9, 1e-9);
    e.gmac_per_step = 101;
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &e), 0.015 * 1010, 1e-9);
    s.n = 0;
    ck_assert_double_eq_tol(pxs_speeds_seconds(&s, &e), 1010 + 0.2 + 10 * 0.002, 1e-9);
    ck_assert_double_eq_tol(pxs_spread(100, 10, 4), 25, 1e-12);
    ck_assert_double_eq_tol(pxs_spread(100, 60, 4), 60, 1e-12);
}
END_TEST

Suite *pure_suite(void) {
    Suite *suite = suite_create("pure");
    TCase *c = tcase_create("pure");
    tcase_add_test(c, test_slots_auto);
    tcase_add_test(c, test_slots_fit);
    tcase_add_test(c, test_slot_cores);
    tcase_add_test(c, test_slot_cores_auto);
    tcase_add_test(c, test_slot_cores_quota);
    tcase_add_test(c, test_board_wide);
    tcase_add_test(c, test_board_counts_epochs);
    tcase_add_test(c, test_board_narrow);
    tcase_add_test(c, test_board_unknown_and_stopping);
    tcase_add_test(c, test_board_on_80_columns);
    tcase_add_test(c, test_board_conditions);
    tcase_add_test(c, test_board_says_when);
    tcase_add_test(c, test_verdict_end_record);
    tcase_add_test(c, test_verdict_crash);
    tcase_add_test(c, test_verdict_asked);
    tcase_add_test(c, test_verdict_reasons);
    tcase_add_test(c, test_progress);
    tcase_add_test(c, test_frozen);
    tcase_add_test(c, test_rates);
    tcase_add_test(c, test_speeds);
    suite_add_tcase(suite, c);
    return suite;
}
