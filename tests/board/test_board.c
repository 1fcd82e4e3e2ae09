/* Progress as lines of text. */
#include "pixsweep/board.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    ck_assert_uint_eq(lines, b->n_running + 1 + b->store_trouble + (b->note[0] != '\0') +
                                 (b->jobs[0] != '\0'));
    for (const char *line = pxs_text_str(&t); *line; line = strchr(line, '\n') + 1)
        ck_assert_uint_le(pxs_text_width(line, strcspn(line, "\n")),
                          (size_t)(width < 20 ? 20 : width) +
                              (*line == '\033' ? strlen("\033[31m\033[0m") : 0));
    return t.text;
}

/* What Ctrl-C does is said: runs end, or they go on in jobs. */
START_TEST(the_end_is_told)
{
    struct pxs_board b = {.sweep = "lr", .n_total = 8, .elapsed = NAN, .eta = 4800};
    char *text;
    b.stopping = true;
    text = render(&b, 160);
    ck_assert_str_eq(text, "lr: 0/8 done  stopping (again to kill)\n");
    free(text);
    b.stopping = false;
    b.leaving = true;
    text = render(&b, 160);
    ck_assert_str_eq(text, "lr: 0/8 done  leaving; jobs go on\n");
    free(text);
}
END_TEST

START_TEST(board_wide)
{
    struct pxs_board_run runs[2] = {board_run("lr/0001-lrgd-90-s0"),
                                    board_run("lr/0002-lrgd-25-s0")};
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
        text, "0001-lrgd-90-s0  epochs  11/200  batches  4/50  G 3.142  D 0.25  val 0.2812  lr "
              "0.0001  42 img/s  "
              "ETA 1 h 05 m\n"
              "0002-lrgd-25-s0  (attempt 2)  starting\n"
              "lr: 3/8 done, 1 failed, 2 running, 2 queued  elapsed 12 m 30 s  ETA 1 h 20 m\n");
    free(text);
}
END_TEST

/* Counts of what is done: the epoch whose name is 11 is the twelfth. */
START_TEST(board_counts_epochs)
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

START_TEST(board_narrow)
{
    struct pxs_board_run runs[1] = {
        board_run("lr/0001-a_rather_long_key-0.000123-another_key-false-s12")};
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

START_TEST(board_unknown_and_stopping)
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
START_TEST(board_on_80_columns)
{
    struct pxs_board_run runs[1] = {board_run("lr/0012-lrgd-90-learning_rate_G-0.0002-s12")};
    struct pxs_board b = {
        .sweep = "lr", .n_total = 12, .eta = NAN, .running = runs, .n_running = 1};
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

START_TEST(board_conditions)
{
    struct pxs_board_run runs[4] = {board_run("lr/0001-s0"), board_run("lr/0002-s0"),
                                    board_run("lr/0003-s0"), board_run("lr/0004-s0")};
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
    ck_assert_ptr_nonnull(strstr(text,
                                 "\ndatabase not writable, records wait in their folders\n"
                                 "paused: three in a row\nlr: 0/4 done, 3 running, 1 stale\n"));
    free(text);
}
END_TEST

/* Runs on other machines name them; jobs that never start are red where there are colours. */
START_TEST(board_of_jobs)
{
    struct pxs_board_run runs[2] = {board_run("lr/0001-s0"), board_run("lr/0002-s0")};
    struct pxs_board b = {.sweep = "lr",
                          .n_total = 4,
                          .elapsed = NAN,
                          .eta = NAN,
                          .running = runs,
                          .n_running = 2,
                          .note = "a note",
                          .jobs = "1 job never starts (BadConstraints: why), 2 at work",
                          .colours = true};
    snprintf(runs[0].host, sizeof runs[0].host, "node17");
    snprintf(runs[1].host, sizeof runs[1].host, "node3");
    runs[1].epoch = -1;
    char *text = render(&b, 200);
    ck_assert_ptr_nonnull(strstr(text, "0001-s0  node17  epochs"));
    ck_assert_ptr_nonnull(strstr(text, "0002-s0  node3  starting\n"));
    ck_assert_ptr_nonnull(strstr(
        text, "\na note\n1 job never starts (BadConstraints: why), 2 at work\nlr: 0/4 done"));
    free(text);
    b.jobs_never = true;
    text = render(&b, 200);
    ck_assert_ptr_nonnull(strstr(text,
                                 "\na note\n\033[31m1 job never starts (BadConstraints: why), 2 "
                                 "at work\033[0m\nlr: 0/4 done"));
    free(text);
    text = render(&b, 40);
    ck_assert_ptr_nonnull(
        strstr(text, "\033[31m1 job never starts (BadConstraints: why)\033[0m\n"));
    ck_assert_ptr_nonnull(strstr(text, "0001-s0  epochs")); /* what the run does comes first */
    free(text);
    b.colours = false;
    text = render(&b, 200);
    ck_assert_ptr_null(strchr(text, '\033'));
    free(text);
    b.jobs[0] = '\0';
    b.colours = true;
    text = render(&b, 200);
    ck_assert_ptr_null(strchr(text, '\033'));
    free(text);
}
END_TEST

START_TEST(board_says_when)
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

int main(void) {
    Suite *suite = suite_create("board");
    TCase *c = tcase_create("board");
    tcase_add_test(c, the_end_is_told);
    tcase_add_test(c, board_wide);
    tcase_add_test(c, board_counts_epochs);
    tcase_add_test(c, board_narrow);
    tcase_add_test(c, board_unknown_and_stopping);
    tcase_add_test(c, board_on_80_columns);
    tcase_add_test(c, board_conditions);
    tcase_add_test(c, board_of_jobs);
    tcase_add_test(c, board_says_when);
    suite_add_tcase(suite, c);
    return run_tests(suite, CK_NORMAL);
}
