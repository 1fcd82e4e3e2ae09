/* One run's folder into the collector's database, look by look. */
#include "../../src/run/collect/collect_priv.h"
#include "../support/support.h"
#include "../support/support_sql.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HASH "00000000000000000000000000000000000000000000000000000000000000aa"
#define QUIET 90.0

static struct pxs_store *store;
static struct pxs_followed run;
static struct pxs_record_writer *writer;
static pid_t owner; /* who has the claim */
static double now;

static void set_up(void) {
    struct pxs_params params;
    struct pxs_store_plan plan;
    test_folder_make();
    pxs_params_default(&params);
    ck_ok(pxs_store_open(in_folder("own.db"), &store, &err));
    struct pxs_store_plan_run row = {.config_hash = HASH,
                                     .seed = 3,
                                     .new_number = 1,
                                     .new_name = "a/0001-base-s3",
                                     .new_dir = in_folder("run"),
                                     .new_config_yaml = "",
                                     .params = &params};
    ck_ok(pxs_make_dirs(in_folder("run"), &err));
    ck_ok(pxs_store_plan(store, "a", "sweep: {}\n", "0123", &row, 1, &plan, &err));
    pxs_store_plan_finish(&plan);
    run = (struct pxs_followed){.run_id = row.run_id,
                                .seed = 3,
                                .name = "a/0001-base-s3",
                                .dir = strdup(in_folder("run")),
                                .config_hash = HASH,
                                .state = PXS_STATE_QUEUED,
                                .records = {-1, -1},
                                .ends = {-1, -1}};
    writer = NULL;
    owner = 0;
    now = 1000;
}

static void unclaim(void) {
    if (owner > 0) {
        kill(owner, SIGKILL);
        waitpid(owner, NULL, 0);
        unlink(in_folder("run/.claim"));
    }
    owner = 0;
}

static void tear_down(void) {
    unclaim();
    pxs_record_writer_close(&writer);
    pxs_store_close(&store);
    free((char *)run.dir);
    test_folder_remove();
}

/* Another process works on the run. */
static void claim(void) {
    int ready[2];
    char c;
    ck_assert_int_eq(pipe(ready), 0);
    owner = fork();
    if (owner == 0) {
        struct pxs_claim_owner me;
        struct pxs_claim held;
        pxs_claim_owner_here(NULL, 0, &me);
        if (pxs_claim_take(run.dir, &me, &held, NULL) != PXS_OK)
            _exit(1);
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    close(ready[0]);
}

static struct pxs_looked look(void) {
    struct pxs_looked out;
    now += 30;
    ck_ok(pxs_follow(store, &run, now, QUIET, &out, &err));
    return out;
}

/* ---- what a worker writes ------------------------------------------------------------------- */

static void begin_padded(int attempt, int64_t from, int pid, int pad) {
    static struct pxs_record r;
    memset(&r, 0, sizeof r);
    r.kind = PXS_RECORD_BEGIN;
    r.begin.attempt = attempt;
    r.begin.at_ms = 1000 * attempt;
    r.begin.resumed_from_step = from;
    ck_assert(pxs_record_begin_add(&r.begin, "host", "node1"));
    ck_assert(pxs_record_begin_add(&r.begin, "boot_id", "b"));
    ck_assert(pxs_record_begin_add(&r.begin, "pid", "%d", pid));
    ck_assert(pxs_record_begin_add(&r.begin, "pid_start", "%d", pid));
    ck_assert(pxs_record_begin_add(&r.begin, "config_hash", HASH));
    ck_assert(pxs_record_begin_add(&r.begin, "seed", "3"));
    ck_assert(pad == 0 || pxs_record_begin_add(&r.begin, "pad", "%0*d", pad, 0));
    ck_ok(pxs_record_write(writer, &r, &err));
}

static void begin(int attempt, int64_t from, int pid) {
    begin_padded(attempt, from, pid, 0);
}

static void batches(int64_t from, int64_t to, double seconds) {
    static struct pxs_record r;
    for (int64_t step = from; step < to; step++) {
        memset(&r, 0, sizeof r);
        r.kind = PXS_RECORD_BATCH;
        r.batch.step = step;
        r.batch.epoch = (int32_t)(step / 10);
        r.batch.batch = (int32_t)(step % 10);
        r.batch.losses.loss_G = (double)step;
        r.batch.lr_G = r.batch.lr_D = 0.1;
        r.batch.seconds = seconds;
        ck_ok(pxs_record_write(writer, &r, &err));
    }
}

static void end_record(enum pxs_outcome outcome) {
    static struct pxs_record r;
    memset(&r, 0, sizeof r);
    r.kind = PXS_RECORD_END;
    r.end.at_ms = 5000;
    r.end.outcome = outcome;
    ck_ok(pxs_record_write(writer, &r, &err));
}

static void end_line(int attempt, int pid, enum pxs_run_state outcome, enum pxs_run_state state,
                     enum pxs_end_reason reason) {
    struct pxs_store_attempt a = {.no = attempt, .pid = pid, .pid_start = pid, .boot_id = "b"};
    const struct pxs_store_end end = {
        .outcome = outcome, .state = state, .reason = reason, .exit_code = 0, .ended_ms = 6000};
    ck_ok(pxs_ends_add(run.dir, &a, &end, &err));
}

static void open_writer(int64_t keep) {
    pxs_record_writer_close(&writer);
    ck_ok(pxs_record_writer_open(in_folder("run/records.bin"), keep, &writer, &err));
}

static int64_t rows(void) {
    return sql_int(store, "SELECT count(*) FROM batch_loss");
}
static const char *state(void) {
    return sql_text(store, "SELECT state FROM run");
}
static int64_t attempts(const char *where) {
    return sql_int(store, "SELECT count(*) FROM attempt WHERE %s", where);
}

/* ---- at work -------------------------------------------------------------------------------- */

START_TEST(what_a_file_has_grown_by_is_read_once)
{
    ck_assert_uint_eq(look().records, 0);
    ck_assert_str_eq(state(), "queued");
    ck_assert(run.settled);
    claim();
    ck_assert_uint_eq(look().records, 0); /* claimed, and nothing is there yet */
    open_writer(0);
    begin(1, -1, 7);
    batches(0, 10, 1);
    ck_assert_uint_eq(look().records, 11);
    ck_assert(run.at_work && !run.settled);
    ck_assert_str_eq(state(), "running");
    ck_assert_int_eq(rows(), 10);
    ck_assert_uint_eq(look().records, 0);
    batches(10, 15, 1);
    ck_assert_uint_eq(look().records, 5);
    ck_assert_int_eq(rows(), 15);
    ck_assert_int_eq(sql_int(store, "SELECT record_offset FROM attempt"),
                     pxs_record_writer_bytes(writer));
}
END_TEST

/* By the attempt that resumes: cut back in place, or in a copy with the same name; the claim may be
 * the same, since one task tries again. The file is longer again by the next look. */
START_TEST(an_attempt_that_resumes_has_its_steps_once)
{
    const bool copy = _i & 1, same_claim = _i & 2, late_line = _i & 4;
    claim();
    open_writer(0);
    const int64_t head = pxs_record_writer_bytes(writer);
    begin(1, -1, 7);
    const int64_t of_begin = pxs_record_writer_bytes(writer) - head;
    batches(0, 4, 1);
    const int64_t keep = pxs_record_writer_bytes(writer);
    batches(4, 20, 1);
    const int64_t of_batch = (pxs_record_writer_bytes(writer) - keep) / 16;
    /* Such a BEGIN that the records behind it stand where those of before did. */
    const int pad = (int)(of_batch - (of_begin + 5) % of_batch);
    ck_assert_uint_eq(look().records, 21);
    if (!same_claim) {
        unclaim();
        claim();
    }
    if (!late_line) /* a shared disk may show ends.txt later */
        end_line(1, 7, PXS_STATE_FAILED, PXS_STATE_QUEUED, PXS_REASON_KILLED);
    pxs_record_writer_close(&writer);
    if (copy)
        ck_ok(pxs_record_writer_replace(in_folder("run/records.bin"), keep, &writer, &err));
    else
        open_writer(keep);
    begin_padded(2, 4, 8, pad);
    batches(4, 30, 2);
    ck_assert_uint_eq(look().records, 27);
    ck_assert_int_eq(rows(), 30);
    ck_assert_int_eq(sql_int(store, "SELECT count(*) FROM batch_loss WHERE seconds = 2"), 26);
    ck_assert_str_eq(state(), "running");
    if (late_line)
        end_line(1, 7, PXS_STATE_FAILED, PXS_STATE_QUEUED, PXS_REASON_KILLED);
    batches(30, 31, 2);
    ck_assert_uint_eq(look().records, 1);
    ck_assert_int_eq(attempts("ended_ms IS NULL AND no = 2"), 1);
    ck_assert_int_eq(attempts("reason = 'killed' AND no = 1"), 1);
}
END_TEST

/* A shared disk shows a record by half, or as zeros, before it shows it whole. */
START_TEST(what_is_not_whole_yet_is_no_damage_while_it_is_at_work)
{
    static const char zeros[300];
    char *bytes;
    size_t n;
    claim();
    open_writer(0);
    begin(1, -1, 7);
    batches(0, 3, 1);
    const size_t whole = (size_t)pxs_record_writer_bytes(writer);
    batches(3, 5, 1);
    pxs_record_writer_close(&writer);
    bytes = slurp("run/records.bin", &n);
    char *torn = malloc(n + sizeof zeros);
    memcpy(torn, bytes, whole + 20);
    memcpy(torn + whole + 20, zeros, sizeof zeros);
    write_bytes("run/records.bin", torn, whole + 20 + (_i ? sizeof zeros : 0));
    ck_assert_str_eq(look().trouble, "");
    ck_assert_int_eq(rows(), 3);
    write_bytes("run/records.bin", bytes, n);
    ck_assert_str_eq(look().trouble, "");
    ck_assert_int_eq(rows(), 5);
    free(torn);
    free(bytes);
}
END_TEST

START_TEST(records_of_another_run_are_told_once_and_left)
{
    struct pxs_record r = {.kind = PXS_RECORD_BEGIN,
                           .begin = {.attempt = 1, .at_ms = 1, .resumed_from_step = -1}};
    claim();
    open_writer(0);
    ck_assert(pxs_record_begin_add(&r.begin, "config_hash", "%064d", 5));
    ck_ok(pxs_record_write(writer, &r, &err));
    batches(0, 2, 1);
    ck_has(look().trouble, "another");
    ck_assert_str_eq(look().trouble, "");
    ck_assert_int_eq(rows(), 0);
}
END_TEST

/* An attempt has made five steps, and they are ingested. */
static void train_five_steps(void) {
    claim();
    open_writer(0);
    begin(1, -1, 7);
    batches(0, 5, 1);
    look();
}

/* ---- its end -------------------------------------------------------------------------------- */

START_TEST(a_run_is_over_when_its_claim_is_given_back)
{
    train_five_steps();
    end_record(PXS_OUTCOME_DIVERGED);
    end_line(1, 7, PXS_STATE_DIVERGED, PXS_STATE_DIVERGED, PXS_REASON_DIVERGED);
    look();
    ck_assert_str_eq(state(), "running");
    ck_assert_int_eq(attempts("ended_ms IS NULL"), 1);
    unclaim();
    const struct pxs_looked out = look();
    ck_assert(out.settled && run.settled);
    ck_assert_str_eq(state(), "diverged");
    ck_assert_int_eq(attempts("ended_ms IS NULL"), 0);
    ck_assert(!look().settled);
}
END_TEST

/* The claim is gone and the folder does not say how the attempt ended: a shared disk may show that
 * late. */
START_TEST(an_attempt_counts_as_lost_only_after_a_while)
{
    train_five_steps();
    unclaim();
    if (_i == 0) {
        for (int i = 0; i < 3; i++)
            ck_assert(!look().settled);
        ck_assert_str_eq(state(), "running");
        ck_assert(look().settled);
        ck_assert_str_eq(state(), "interrupted");
        ck_assert_int_eq(attempts("reason = 'lost'"), 1);
    } else { /* its line comes first, then the records that bear it out */
        end_line(1, 7, PXS_STATE_DIVERGED, PXS_STATE_DIVERGED, PXS_REASON_DIVERGED);
        ck_assert(!look().settled);
        batches(5, 7, 1);
        end_record(PXS_OUTCOME_DIVERGED);
        ck_assert(look().settled);
        ck_assert_str_eq(state(), "diverged");
        ck_assert_int_eq(rows(), 7);
    }
}
END_TEST

/* It comes after that while all the same. */
START_TEST(an_end_that_comes_late_counts)
{
    struct pxs_looked out;
    train_five_steps();
    unclaim();
    ck_ok(pxs_follow(store, &run, now, 0, &out, &err));
    ck_assert(out.settled);
    ck_assert_str_eq(state(), "interrupted");
    batches(5, 7, 1);
    end_record(PXS_OUTCOME_DIVERGED);
    if (_i)
        end_line(1, 7, PXS_STATE_DIVERGED, PXS_STATE_DIVERGED, PXS_REASON_DIVERGED);
    ck_assert(look().settled);
    ck_assert_str_eq(state(), "diverged");
    ck_assert_int_eq(attempts("outcome = 'diverged' AND reason = 'diverged'"), 1);
    ck_assert_int_eq(rows(), 7);
}
END_TEST

/* Ended, queued again by its supervisor, and taken by another task. */
START_TEST(a_settled_run_that_is_taken_up_again_is_followed_again)
{
    claim();
    open_writer(0);
    begin(1, -1, 7);
    batches(0, 5, 1);
    const int64_t keep = pxs_record_writer_bytes(writer);
    end_record(PXS_OUTCOME_INTERRUPTED);
    end_line(1, 7, PXS_STATE_INTERRUPTED, PXS_STATE_INTERRUPTED, PXS_REASON_STOPPED);
    unclaim();
    ck_assert(look().settled);
    ck_assert_str_eq(state(), "interrupted");
    claim();
    look();
    ck_assert(!run.settled);
    open_writer(keep);
    begin(2, 5, 8);
    batches(5, 6, 1);
    look();
    ck_assert_str_eq(state(), "running");
    ck_assert_int_eq(rows(), 6);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("collect");
    TCase *c = tcase_create("look");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, what_a_file_has_grown_by_is_read_once);
    tcase_add_loop_test(c, an_attempt_that_resumes_has_its_steps_once, 0, 8);
    tcase_add_loop_test(c, what_is_not_whole_yet_is_no_damage_while_it_is_at_work, 0, 2);
    tcase_add_test(c, records_of_another_run_are_told_once_and_left);
    tcase_add_test(c, a_run_is_over_when_its_claim_is_given_back);
    tcase_add_loop_test(c, an_attempt_counts_as_lost_only_after_a_while, 0, 2);
    tcase_add_loop_test(c, an_end_that_comes_late_counts, 0, 2);
    tcase_add_test(c, a_settled_run_that_is_taken_up_again_is_followed_again);
    suite_add_tcase(suite, c);
    return run_tests(suite, CK_NORMAL);
}
