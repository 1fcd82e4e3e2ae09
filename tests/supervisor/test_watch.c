/* Looking on: the board of a sweep as the database tells it, and signals that make nobody stop. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define SOME_BATCHES "SELECT count(*) > 0 FROM batch_loss"

static struct pxs_watch look(void) {
    struct pxs_store *store = NULL;
    struct pxs_watch watch;
    struct pxs_error err;
    ck_assert_msg(pxs_store_open_readonly(in_folder("results/pixsweep.db"), &store, &err) == PXS_OK,
                  "%s", err.message);
    ck_assert_msg(pxs_watch_read(store, "exp", pxs_now_ms(), &watch, &err) == PXS_OK, "%s",
                  err.message);
    pxs_store_close(&store);
    return watch;
}

static void kill_and_wait(pid_t pid) {
    kill(pid, SIGKILL);
    ck_assert_int_eq(wait_for(pid), 128 + SIGKILL);
}

/* A process that is not ours to wait for. */
static void kill_and_see(pid_t pid) {
    kill(pid, SIGKILL);
    wait_until(!pxs_pid_alive(pid, 0));
}

START_TEST(test_watch_at_work_and_abandoned)
{
    write_experiment(20, FAKE_STALL, "sweep:\n  seeds: 3\n");
    pid_t pid = run_in_process((struct pxs_sweep_options){.jobs = 1}, "lines");
    ck_assert(wait_sql(SOME_BATCHES, 1, 20));
    struct pxs_watch w = look();
    ck_assert_str_eq(w.board.sweep, "exp");
    ck_assert_uint_eq(w.board.n_total, 3);
    ck_assert_uint_eq(w.board.states.of[PXS_STATE_QUEUED], 2);
    ck_assert_uint_eq(w.board.n_running, 1);
    ck_assert_uint_eq(w.n_live, 1);
    ck_assert_uint_eq(w.n_stale, 0);
    ck_assert(!w.over);
    ck_assert_str_eq(w.board.note, "");
    ck_assert(w.board.elapsed >= 0 && w.board.elapsed < 120);
    const struct pxs_board_run *r = &w.board.running[0];
    ck_assert_str_eq(r->name, "exp/0001-base-s0");
    ck_assert_int_eq(r->attempt, 1);
    ck_assert_int_eq(r->epoch, 0);
    ck_assert_int_eq(r->batch, 0);
    ck_assert_int_eq(r->n_epochs, 20);
    ck_assert_int_eq(r->n_batches, 0); /* nobody can know yet */
    ck_assert(r->loss_G > 0 && isnan(r->val_loss) && isnan(r->eta));
    pxs_watch_finish(&w);

    kill_and_wait(pid);
    kill_and_see((pid_t)sql_int("SELECT pid FROM attempt"));
    w = look();
    ck_assert_uint_eq(w.n_live, 0);
    ck_assert_uint_eq(w.n_stale, 1);
    ck_assert(w.board.running[0].stale);
    ck_assert_ptr_nonnull(strstr(w.board.note, "pixsweep reap"));
    ck_assert(isnan(w.board.eta) && isnan(w.board.elapsed));
    ck_assert(!w.over); /* two are queued: somebody may come back */
    pxs_watch_finish(&w);
    expect_sql("SELECT count(*) FROM run WHERE state = 'running'", 1);
}
END_TEST

/* Behind the first epoch its steps tell how long the rest takes. */
START_TEST(test_watch_knows_how_long)
{
    write_experiment(500, FAKE_SLOW, "sweep:\n  seeds: 2\n");
    pid_t pid = run_in_process((struct pxs_sweep_options){.jobs = 1}, "lines");
    ck_assert(wait_sql("SELECT count(*) > 1 FROM epoch", 1, 20));
    struct pxs_watch w = look();
    const struct pxs_board_run *r = &w.board.running[0];
    ck_assert_int_ge(r->epoch, 1);
    ck_assert_int_eq(r->n_batches, 4);
    ck_assert_int_eq(r->steps, 2000);
    ck_assert_int_eq(r->steps_done, r->epoch * 4 + r->batch + 1);
    ck_assert(r->val_loss >= 0.5);
    ck_assert(r->images_per_s > 0);
    ck_assert(r->eta > 20); /* 20 ms a step at least */
    ck_assert(w.board.eta > r->eta);
    pxs_watch_finish(&w);
    kill(pid, SIGKILL);
    ck_assert_int_eq(wait_for(pid), 128 + SIGKILL);
}
END_TEST

START_TEST(test_watch_the_end)
{
    struct pxs_store *store = NULL;
    struct pxs_watch w;
    struct pxs_error err;
    write_experiment(2, 0, "sweep:\n  points:\n    - {lambda_pixel: 1}\n    - {lambda_pixel: 2}\n");
    struct outcome o = run_exp();
    outcome_finish(&o);
    w = look();
    ck_assert(w.over);
    ck_assert_uint_eq(w.board.states.of[PXS_STATE_COMPLETED], 1);
    ck_assert_uint_eq(w.board.states.of[PXS_STATE_DIVERGED], 1);
    ck_assert_uint_eq(w.board.n_running, 0);
    pxs_watch_finish(&w);
    ck_assert_int_eq(pxs_store_open_readonly(in_folder("results/pixsweep.db"), &store, &err),
                     PXS_OK);
    ck_assert_int_eq(pxs_watch_read(store, "axp", 0, &w, &err), PXS_E_NOT_FOUND);
    ck_assert_int_eq(pxs_watch_read(store, NULL, 0, &w, &err), PXS_OK);
    ck_assert_str_eq(w.board.sweep, "exp");
    pxs_watch_finish(&w);
    pxs_store_close(&store);
}
END_TEST

/* ---- signals -------------------------------------------------------------------------------- */

static struct pxs_stop stop;

static void on_save(int signal) {
    (void)signal;
    atomic_store(&stop.save, 1);
}

static off_t size_of(const char *name) {
    struct stat info;
    return stat(in_folder(name), &info) == 0 ? info.st_size : 0;
}

static void wait_size(const char *name, off_t size) {
    wait_until(size_of(name) >= size);
    ck_assert_int_eq(size_of(name), size);
}

START_TEST(test_save_reaches_every_worker_once_a_signal)
{
    const char *const saved[] = {"results/exp/0001-base-s0/fake.saved",
                                 "results/exp/0002-base-s1/fake.saved"};
    write_experiment(20, FAKE_STALL, "sweep:\n  seeds: 2\n");
    signal(SIGUSR1, on_save);
    pid_t pid =
        run_in_process((struct pxs_sweep_options){.jobs = 2, .threads = 1, .stop = &stop}, "lines");
    ck_assert(wait_sql("SELECT count(DISTINCT run_id) FROM batch_loss", 2, 20));
    for (int n = 1; n <= 2; n++) {
        kill(pid, SIGUSR1);
        wait_size(saved[0], n);
        wait_size(saved[1], n);
    }
    usleep(300000); /* a few turns of its loop: it does not ask again by itself */
    ck_assert_int_eq(size_of(saved[0]), 2);
    expect_sql("SELECT count(*) FROM run WHERE state = 'running'", 2);
    kill_and_wait(pid);
}
END_TEST

/* Ctrl-Z and fg: the workers train on meanwhile, and nothing is taken for dead. */
START_TEST(test_suspended_supervisor)
{
    write_experiment(15, FAKE_SLOW, "run: {timeout: 10m}\n");
    pid_t pid = run_in_process((struct pxs_sweep_options){0}, "lines");
    ck_assert(wait_sql(SOME_BATCHES, 1, 20));
    kill(pid, SIGSTOP);
    int64_t worker = sql_int("SELECT pid FROM attempt");
    wait_until(!pxs_pid_alive(worker, 0)); /* it ends while nobody looks */
    struct pxs_watch w = look();
    ck_assert_uint_eq(w.n_stale, 0);
    ck_assert_uint_eq(w.n_live, 1);
    pxs_watch_finish(&w);
    kill(pid, SIGCONT);
    ck_assert_int_eq(wait_for(pid), 0);
    expect_sql("SELECT count(*) FROM batch_loss", 60);
    expect_sql("SELECT count(*) FROM attempt WHERE outcome = 'completed'", 1);
}
END_TEST

Suite *watch_suite(void) {
    Suite *suite = suite_create("watch");
    TCase *c = tcase_create("watch");
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, test_watch_at_work_and_abandoned);
    tcase_add_test(c, test_watch_knows_how_long);
    tcase_add_test(c, test_watch_the_end);
    tcase_add_test(c, test_save_reaches_every_worker_once_a_signal);
    tcase_add_test(c, test_suspended_supervisor);
    suite_add_tcase(suite, c);
    return suite;
}
