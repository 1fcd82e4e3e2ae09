/* Removing runs and sweeps: all of it, nothing else, and repeatable when killed. */
#include "store_tests.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const tables[] = {"run",   "param",  "attempt",    "environment", "batch_loss",
                                     "epoch", "sample", "checkpoint", "event",       "run_summary",
                                     "retry", "rung",   "best_sample"};

static int64_t rows_of(struct pxs_store *s, const char *table, int64_t run_id) {
    if (strcmp(table, "environment") == 0)
        return sql_int(
            s,
            "SELECT count(*) FROM environment WHERE attempt_id IN (SELECT attempt_id FROM attempt "
            "WHERE run_id = %d)",
            (int)run_id);
    return sql_int(s, "SELECT count(*) FROM %s WHERE run_id = %d", table, (int)run_id);
}

static int64_t all_rows(struct pxs_store *s, int64_t run_id) {
    int64_t n = 0;
    for (size_t i = 0; i < PXS_COUNT(tables); i++)
        n += rows_of(s, tables[i], run_id);
    return n;
}

/* Runs with rows in every table. */
static void two_full_runs(struct pxs_store *s, int64_t ids[2]) {
    struct pxs_store_changed c;
    plan_sweep(s, "a", 1, 2, ids);
    for (int i = 0; i < 2; i++) {
        whole_run(s, ids[i], 4, "failed");
        ck_ok(pxs_store_event(s, ids[i], 1, PXS_LOG_INFO, "k", "m", &err));
    }
    ck_ok(pxs_store_retry(s, 1, PXS_RETRY_ALL, NULL, &c, &err));
    pxs_store_changed_finish(&c);
    for (size_t i = 0; i < PXS_COUNT(tables); i++)
        ck_assert_msg(rows_of(s, tables[i], ids[0]) > 0, "no row in %s", tables[i]);
}

START_TEST(a_run_is_removed)
{
    struct pxs_store *s = open_store();
    int64_t ids[2], rows = 0;
    two_full_runs(s, ids);
    int64_t mine = all_rows(s, ids[0]), other = all_rows(s, ids[1]);
    ck_ok(pxs_store_remove_run(s, ids[0], &rows, &err));
    ck_assert_int_eq(all_rows(s, ids[0]), 0);
    ck_assert_int_eq(all_rows(s, ids[1]), other);
    ck_assert_int_eq(rows, mine + 1); /* and the event that marked it */
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM event WHERE run_id IS NULL"), 0);
    ck_fails(pxs_store_remove_run(s, ids[0], &rows, &err), PXS_E_NOT_FOUND, "no run");
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_sweep_is_removed)
{
    struct pxs_store *s = open_store();
    int64_t ids[2], b[1];
    two_full_runs(s, ids);
    plan_sweep(s, "b", 1, 1, b);
    ck_ok(pxs_store_remove_sweep(s, 1, NULL, &err));
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(name) FROM sweep"), "b");
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 1);
    ck_fails(pxs_store_remove_sweep(s, 1, NULL, &err), PXS_E_NOT_FOUND, "no sweep 1");
    pxs_store_close(&s);
}
END_TEST

/* A number that somebody remembers never means another run or sweep. */
START_TEST(ids_of_what_was_removed_are_not_given_again)
{
    struct pxs_store *s = open_store();
    int64_t a[2], b[2], c[1];
    plan_sweep(s, "a", 1, 2, a);
    plan_sweep(s, "b", 1, 2, b);
    ck_ok(pxs_store_remove_run(s, b[1], NULL, &err));
    plan_sweep(s, "b", 1, 2, b);
    ck_assert_int_eq(b[0], 3);
    ck_assert_int_eq(b[1], 5);
    ck_ok(pxs_store_remove_sweep(s, 2, NULL, &err));
    ck_ok(pxs_store_remove_sweep(s, 1, NULL, &err));
    pxs_store_close(&s);
    s = open_store(); /* not only while the process lives */
    plan_sweep(s, "c", 1, 1, c);
    ck_assert_int_eq(c[0], 6);
    ck_assert_int_eq(sql_int(s, "SELECT sweep_id FROM sweep"), 3);
    ck_ok(pxs_store_remove_run(s, c[0], NULL, &err));
    ck_ok(pxs_store_remove_sweep(s, 3, NULL, &err)); /* without a run */
    plan_sweep(s, "d", 1, 1, c);
    ck_assert_int_eq(c[0], 7);
    ck_assert_int_eq(sql_int(s, "SELECT sweep_id FROM sweep"), 4);
    pxs_store_close(&s);
}
END_TEST

/* One run at work keeps its whole sweep. */
START_TEST(what_runs_is_not_removed)
{
    struct pxs_store *s = open_store();
    struct pxs_store_changed c;
    int64_t ids[2];
    two_full_runs(s, ids);
    int64_t before = all_rows(s, ids[0]);
    int64_t attempt = take_run(s, ids[1]);
    ck_fails(pxs_store_remove_run(s, ids[1], NULL, &err), PXS_E_BUSY,
             "is running (attempt 2, process 4711 on labor)");
    ck_fails(pxs_store_remove_sweep(s, 1, NULL, &err), PXS_E_BUSY, "pixsweep reap");
    ck_assert_int_eq(all_rows(s, ids[0]), before);
    ck_assert_str_eq(sql_text(s, "SELECT state FROM run WHERE run_id = %d", (int)ids[0]), "queued");
    ck_ok(pxs_store_cancel(s, &ids[1], 1, &c, &err)); /* its worker may still be there */
    pxs_store_changed_finish(&c);
    ck_fails(pxs_store_remove_run(s, ids[1], NULL, &err), PXS_E_BUSY, "is running");
    end_run(s, attempt, "interrupted");
    ck_ok(pxs_store_remove_sweep(s, 1, NULL, &err));
    pxs_store_close(&s);
}
END_TEST

static void many_points(int64_t run_id, int n) {
    sqlite3 *db;
    char sql[400], *message = NULL;
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE c(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM c WHERE x + 1 < %d) "
             "INSERT OR "
             "REPLACE INTO "
             "batch_loss (run_id, step, epoch, batch, loss_G) SELECT %d, x, 0, x, 0.5 FROM c",
             n, (int)run_id);
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, &message);
    ck_assert_msg(!message, "%s", message);
    sqlite3_close(db);
}

/* kill -9 at whatever moment: what is left is marked, nobody takes or queues it, and the next call
 * finishes. */
START_TEST(killed_while_removing)
{
    enum { POINTS = 25000 };
    struct pxs_store *s = open_store();
    int64_t ids[20];
    int killed = 0, halves = 0;
    plan_sweep(s, "a", 4, 5, ids);
    for (int i = 0; i < 8; i++) {
        int status;
        struct pxs_store_changed c;
        many_points(ids[i], POINTS);
        pid_t pid = fork();
        if (pid == 0) {
            struct pxs_store *w;
            _exit(pxs_store_open(db_path(), &w, NULL) == PXS_OK &&
                          pxs_store_remove_run(w, ids[i], NULL, NULL) == PXS_OK
                      ? 0
                      : 1);
        }
        /* After so many of the five pieces, as far as a look can tell. */
        while (sql_int(s, "SELECT count(*) FROM batch_loss WHERE run_id = %d", (int)ids[i]) >
               POINTS - 5000 * (i % 5))
            usleep(100);
        kill(pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status);
        int64_t left = sql_int(s, "SELECT count(*) FROM batch_loss WHERE run_id = %d", (int)ids[i]);
        if (sql_int(s, "SELECT count(*) FROM run WHERE run_id = %d", (int)ids[i]) == 0) {
            ck_assert_int_eq(left, 0);
            continue;
        }
        if (left < POINTS) {
            halves++;
            ck_assert_str_eq(sql_text(s, "SELECT state FROM run WHERE run_id = %d", (int)ids[i]),
                             "cancelled");
            ck_ok(pxs_store_retry(s, 1, PXS_RETRY_ALL, NULL, &c, &err));
            ck_assert_uint_eq(c.n, 0);
            ck_assert_uint_eq(c.left, 1);
            pxs_store_changed_finish(&c);
            ck_assert_int_eq(left % 5000, 0); /* whole pieces, the last points first */
            ck_assert_int_eq(
                sql_int(s,
                        "SELECT max(step) + 1 FROM batch_loss WHERE run_id = %d UNION ALL SELECT 0 "
                        "ORDER BY 1 DESC",
                        (int)ids[i]),
                left);
        }
        ck_ok(pxs_store_remove_run(s, ids[i], NULL, &err));
        ck_assert_int_eq(all_rows(s, ids[i]), 0);
    }
    ck_assert_int_gt(killed, 0);
    ck_assert_int_gt(halves, 0);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&s);
}
END_TEST

/* Others write between the pieces. */
START_TEST(removing_leaves_turns_to_others)
{
    struct pxs_store *s = open_store();
    int64_t ids[2];
    int status = 1, done = 0;
    plan_sweep(s, "a", 1, 2, ids);
    many_points(ids[0], 80000);
    pid_t pid = fork();
    if (pid == 0) {
        struct pxs_store *w;
        _exit(pxs_store_open(db_path(), &w, NULL) == PXS_OK &&
                      pxs_store_remove_run(w, ids[0], NULL, NULL) == PXS_OK
                  ? 0
                  : 1);
    }
    while (waitpid(pid, &status, WNOHANG) == 0)
        ck_ok(pxs_store_event(s, ids[1], done++, PXS_LOG_INFO, "k", "m", &err));
    ck_assert_int_eq(status, 0);
    ck_assert_int_gt(done, 3);
    pxs_store_close(&s);
}
END_TEST

TCase *remove_case(void) {
    TCase *c = tcase_create("remove");
    tcase_set_timeout(c, 240);
    tcase_add_test(c, a_run_is_removed);
    tcase_add_test(c, a_sweep_is_removed);
    tcase_add_test(c, ids_of_what_was_removed_are_not_given_again);
    tcase_add_test(c, what_runs_is_not_removed);
    tcase_add_test(c, killed_while_removing);
    tcase_add_test(c, removing_leaves_turns_to_others);
    return c;
}
