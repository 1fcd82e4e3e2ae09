/* Several processes: first opening, two writers, readers beside a writer, death at any moment. */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A child's verdict: _exit(0) if all went well. */
static void child_ok(pid_t pid) {
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child ended with %x",
                  (unsigned)status);
}

static void nap_ms(int ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

START_TEST(many_open_it_first)
{
    enum { MANY = 6 };
    pid_t pids[MANY];
    int gate[2];
    ck_assert_int_eq(pipe(gate), 0);
    for (int i = 0; i < MANY; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct pxs_store *s;
            struct pxs_error err = {0};
            char byte;
            close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* all at once */
            bool good = pxs_store_open(db_path(), &s, &err) == PXS_OK &&
                        pxs_store_event(s, 0, i, PXS_LOG_INFO, "open", "here", &err) == PXS_OK;
            if (good)
                pxs_store_close(&s);
            else
                fprintf(stderr, "child %d: %s\n", i, err.message);
            _exit(good ? 0 : 1);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < MANY; i++)
        child_ok(pids[i]);
    struct pxs_store *s = open_store();
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM event"), MANY);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&s);
}
END_TEST

/* Takes the run's file in, `max` records at a time, until `steps` steps are there. */
static bool feed(int64_t run, int64_t attempt, size_t max, int64_t steps) {
    struct pxs_store *s;
    struct pxs_record_cursor *c;
    struct pxs_store_attempt a;
    size_t n = 1;
    bool good = pxs_store_open(db_path(), &s, NULL) == PXS_OK &&
                pxs_store_attempt(s, attempt, &a, NULL) == PXS_OK &&
                pxs_record_cursor_open(record_path(run), a.record_offset, &c, NULL) == PXS_OK;
    while (good && n > 0)
        good = pxs_store_intake(s, attempt, c, max, &n, NULL) == PXS_OK;
    if (!good)
        return false;
    pxs_record_cursor_close(&c);
    pxs_store_close(&s);
    return true;
}

static void write_steps(int64_t run, int64_t steps) {
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, steps);
    pxs_record_writer_close(&w);
}

START_TEST(two_processes_write)
{
    enum { STEPS = 1500 };
    struct pxs_store *s = open_store();
    int64_t ids[2], attempts[2];
    pid_t pids[2];
    plan_sweep(s, "a", 1, 2, ids);
    for (int i = 0; i < 2; i++) {
        attempts[i] = take_run(s, ids[i]);
        write_steps(ids[i], STEPS);
    }
    pxs_store_close(&s);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(feed(ids[i], attempts[i], 5, STEPS) ? 0 : 1);
    }
    child_ok(pids[0]);
    child_ok(pids[1]);
    s = open_reader();
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            sql_int(s, "SELECT count(*) FROM batch_loss WHERE run_id = %d", (int)ids[i]), STEPS);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run_summary WHERE last_step = %d", STEPS - 1),
                     2);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&s);
}
END_TEST

/* What a reader sees is one state of the database: rows, summary and offset belong together. */
START_TEST(readers_see_whole_transactions)
{
    enum { STEPS = 3000 };
    struct pxs_store *s = open_store();
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]), last = -1;
    write_steps(ids[0], STEPS);
    pxs_store_close(&s);
    pid_t pid = fork();
    if (pid == 0)
        _exit(feed(ids[0], attempt, 7, STEPS) ? 0 : 1);
    int looks = 0;
    for (; last < STEPS - 1; looks++) {
        s = open_reader();
        for (int i = 0; i < 5; i++) {
            char *row =
                sql_dump(s, "SELECT coalesce(max(step), -1), count(*) - 1, coalesce((SELECT "
                            "last_step FROM run_summary), "
                            "-1), (SELECT count(*) FROM epoch) <= count(*) / 5 FROM batch_loss");
            char expected[100];
            int64_t step = atoll(row);
            snprintf(expected, sizeof expected, "%d|%d|%d|1\n", (int)step, (int)step, (int)step);
            ck_assert_str_eq(row, expected);
            ck_assert_int_ge(step, last);
            last = step;
            free(row);
        }
        pxs_store_close(&s);
    }
    child_ok(pid);
    ck_assert_int_gt(looks, 0);
}
END_TEST

/* A reader that holds an old snapshot neither stops the writer nor sees its rows; when it ends, the
 * WAL shrinks again. */
START_TEST(an_old_snapshot_stops_nobody)
{
    struct pxs_store *s = open_store();
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int64_t ids[2];
    struct stat info;
    plan_sweep(s, "a", 1, 2, ids);
    ck_assert_int_eq(sqlite3_open_v2(db_path(), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM run", NULL, NULL, NULL),
                     SQLITE_OK);
    int64_t attempt = take_run(s, ids[0]);
    write_steps(ids[0], 20000);
    take_in(s, attempt, ids[0], 0, 500);
    ck_ok(pxs_store_checkpoint(s, true, 1, &err)); /* cannot checkpoint all, and does not wait */
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), 20000);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM batch_loss", -1, &stmt, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_int_eq(sqlite3_column_int(stmt, 0), 0);
    sqlite3_finalize(stmt);
    ck_assert_int_eq(stat(beside("-wal"), &info), 0);
    ck_assert_int_gt(info.st_size, 1000000);
    ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    ck_ok(pxs_store_checkpoint(s, true, 1, &err));
    ck_assert_int_eq(stat(beside("-wal"), &info), 0);
    ck_assert_int_eq(info.st_size, 0);
    sqlite3_close(db);
    pxs_store_close(&s);
}
END_TEST

/* Without a snapshot in the way, the WAL is checkpointed as it grows. */
START_TEST(the_wal_stays_small)
{
    struct pxs_store *s = open_store();
    int64_t ids[1];
    struct stat info;
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]);
    write_steps(ids[0], 40000);
    take_in(s, attempt, ids[0], 0, 200);
    ck_assert_int_eq(stat(beside("-wal"), &info), 0);
    ck_assert_int_lt(info.st_size, 8000000);
    pxs_store_close(&s);
    ck_assert_int_eq(stat(beside("-wal"), &info), 0);
    ck_assert_int_eq(info.st_size, 0);
}
END_TEST

/* A file size limit stands for the full disk: nothing is ingested, nothing is lost, and later it
 * goes on. */
START_TEST(a_full_disk_loses_nothing)
{
    struct pxs_store *s = open_store();
    struct pxs_record_cursor *c;
    struct rlimit limit, small;
    struct stat info;
    int64_t ids[1];
    size_t taken = 99;
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]);
    write_steps(ids[0], 2000);
    ck_ok(pxs_record_cursor_open(record_path(ids[0]), 0, &c, &err));
    ck_ok(pxs_store_intake(s, attempt, c, 100, &taken, &err));
    int64_t offset = pxs_record_cursor_offset(c),
            steps = sql_int(s, "SELECT count(*) FROM batch_loss");
    ck_assert_int_eq(stat(beside("-wal"), &info), 0);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){(rlim_t)info.st_size + 20000, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 2; i++) {
        ck_fails(pxs_store_intake(s, attempt, c, 10000, &taken, &err), PXS_E_IO, db_path());
        ck_assert_int_eq(pxs_record_cursor_offset(c), offset);
        ck_assert_int_eq(sql_int(s, "SELECT record_offset FROM attempt"), offset);
        ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), steps);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_ok(pxs_store_intake(s, attempt, c, 10000, &taken, &err));
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), 2000);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    pxs_record_cursor_close(&c);
    pxs_store_close(&s);
}
END_TEST

/* ---- death ---------------------------------------------------------------------------------- */

/* kill -9 between BEGIN and COMMIT: as if the transaction had never been, and nobody finds a
 * lock. */
START_TEST(killed_within_a_transaction)
{
    struct pxs_store *s = open_store();
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    int64_t attempt = take_run(s, ids[0]);
    write_steps(ids[0], 100);
    pxs_store_close(&s);
    pid_t pid = fork();
    if (pid == 0) {
        struct pxs_cell args[13] = {pxs_cell_int(ids[0])};
        for (int i = 1; i < 13; i++)
            args[i] = pxs_cell_int(0);
        bool good =
            pxs_store_open(db_path(), &s, NULL) == PXS_OK && pxs_store_begin(s, NULL) == PXS_OK;
        for (int i = 0; good && i < 20000;
             i++) { /* more than the cache holds: pages reach the WAL before the end */
            args[1] = pxs_cell_int(i);
            good = pxs_store_run_stmt(s, PXS_ST_BATCH_PUT, args, 13, NULL) == PXS_OK;
        }
        if (good)
            raise(SIGKILL);
        _exit(1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    s = open_store();
    pxs_store_set_wait(s, 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), 0);
    ck_assert_int_eq(sql_int(s, "SELECT record_offset FROM attempt"), 0);
    take_in(s, attempt, ids[0], 0, 1000);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), 100);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&s);
}
END_TEST

/* kill -9 at whatever moment, again and again; the next process goes on where the offset says. In
 * the end the rows are those of a process that nobody killed. */
START_TEST(killed_again_and_again)
{
    enum { STEPS = 1000 };
    struct pxs_store *s = open_store();
    int64_t ids[2];
    plan_sweep(s, "a", 1, 2, ids);
    int64_t attempt = take_run(s, ids[0]), calm = take_run(s, ids[1]);
    write_steps(ids[0], STEPS);
    pxs_store_close(&s);
    srand(1);
    int kills = 0, status = 1;
    for (int round = 0; round < 200 && status != 0; round++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(feed(ids[0], attempt, 3, STEPS) ? 0 : 1);
        if (round < 30) {
            nap_ms(1 + rand() % 20);
            kill(pid, SIGKILL);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        kills += WIFSIGNALED(status);
    }
    ck_assert_int_eq(status, 0);
    ck_assert_int_gt(kills, 0);
    s = open_store();
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), STEPS);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM epoch"), STEPS / BATCHES);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    ck_assert_int_eq(rename(record_path(ids[0]), record_path(ids[1])), 0);
    take_in(s, calm, ids[1], 0, 100000);
    ck_assert_int_eq(
        sql_int(s,
                "SELECT count(*) FROM (SELECT step, loss_G, loss_D, lr_G FROM batch_loss WHERE "
                "run_id = %d "
                "EXCEPT SELECT step, loss_G, loss_D, lr_G FROM batch_loss WHERE run_id = %d)",
                (int)ids[0], (int)ids[1]),
        0);
    ck_assert_int_eq(sql_int(s, "SELECT count(DISTINCT printf('%%d %%d %%.9g %%.9g', last_step, "
                                "last_epoch, best_val_loss, "
                                "seconds)) FROM run_summary"),
                     1);
    pxs_store_close(&s);
}
END_TEST

TCase *processes_case(void) {
    TCase *c = tcase_create("processes");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, many_open_it_first);
    tcase_add_test(c, two_processes_write);
    tcase_add_test(c, readers_see_whole_transactions);
    tcase_add_test(c, an_old_snapshot_stops_nobody);
    tcase_add_test(c, the_wal_stays_small);
    tcase_add_test(c, a_full_disk_loses_nothing);
    tcase_add_test(c, killed_within_a_transaction);
    tcase_add_test(c, killed_again_and_again);
    return c;
}
