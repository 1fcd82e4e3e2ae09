/* Backups, compacting, and a write-ahead log that a reader keeps from a checkpoint. */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t size_of(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

static const char *target(void) {
    static char path[500];
    snprintf(path, sizeof path, "%s/copy.db", test_folder());
    return path;
}

static int files_in_temp(void) {
    char command[600];
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", test_folder());
    FILE *f = popen(command, "r");
    int n = -1;
    ck_assert_int_eq(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

/* ---- backup --------------------------------------------------------------------------------- */

/* 0: from a writing store, 1: from a reading one beside a writer, 2: from one that reads without
 * locks. */
START_TEST(a_backup_is_whole)
{
    struct pxs_store *s = open_store(), *from = s, *copy;
    int64_t ids[2];
    plan_sweep(s, "a", 1, 2, ids);
    whole_run(s, ids[0], 4, "completed");
    if (_i == 2) {
        pxs_store_close(&s);
        ck_assert_int_eq(unlink(beside("-shm")), 0);
    }
    if (_i > 0)
        from = open_reader();
    ck_ok(pxs_store_backup(from, target(), &err));
    ck_assert_int_eq(sql_int(from, "SELECT count(*) FROM run"), 2); /* still good for reading */
    if (_i > 0)
        ck_fails(pxs_store_event(from, ids[0], 1, PXS_LOG_INFO, "k", "m", &err), PXS_E_INTERNAL,
                 "reading only");
    ck_ok(pxs_store_open_readonly(target(), &copy, &err));
    ck_assert_int_eq(sql_int(copy, "PRAGMA user_version"), PXS_SCHEMA_VERSION);
    ck_assert_int_eq(sql_int(copy, "SELECT count(*) FROM batch_loss"), 4 * BATCHES);
    ck_assert_str_eq(sql_text(copy, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&copy);
    ck_fails(pxs_store_backup(from, target(), &err), PXS_E_EXISTS,
             "exists already and is not overwritten");
    ck_fails(pxs_store_backup(from, db_path(), &err), PXS_E_EXISTS, "exists already");
    ck_fails(pxs_store_backup(from, "/nowhere/x.db", &err), PXS_E_NOT_FOUND, "/nowhere/x.db");
    /* And it works as a database of its own. */
    ck_ok(pxs_store_open(target(), &copy, &err));
    take_run(copy, ids[1]);
    pxs_store_close(&copy);
    if (_i > 0)
        pxs_store_close(&from);
    pxs_store_close(&s);
}
END_TEST

/* A backup taken while a writer commits pairs of rows never shows half a pair. */
START_TEST(a_backup_beside_a_writer)
{
    struct pxs_store *s = open_store(), *copy;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct pxs_store *w;
        bool good = pxs_store_open(db_path(), &w, NULL) == PXS_OK;
        for (int i = 0; good && i < 1000000; i++)
            good = pxs_store_event(w, 0, i, PXS_LOG_INFO, "k", "m", NULL) == PXS_OK;
        _exit(1);
    }
    wait_until(sql_int(s, "SELECT count(*) FROM event") >= 50);
    for (int i = 0; i < 5; i++) {
        int64_t before = sql_int(s, "SELECT count(*) FROM event");
        ck_ok(pxs_store_backup(s, target(), &err));
        ck_ok(pxs_store_open_readonly(target(), &copy, &err));
        int64_t n = sql_int(copy, "SELECT count(*) FROM event");
        ck_assert_int_ge(n, before);
        /* one commit's state */
        ck_assert_int_eq(sql_int(copy, "SELECT max(at_ms) + 1 FROM event"), n);
        ck_assert_str_eq(sql_text(copy, "PRAGMA integrity_check"), "ok");
        pxs_store_close(&copy);
        ck_assert_int_eq(unlink(target()), 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0); /* it never stopped */
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    pxs_store_close(&s);
}
END_TEST

START_TEST(no_half_backup)
{
    struct pxs_store *s = open_store();
    int64_t ids[2];
    struct rlimit limit, small;
    plan_sweep(s, "a", 1, 2, ids);
    whole_run(s, ids[0], 40, "completed");
    int before = files_in_temp();
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){20000, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct pxs_error why = {.message = ""};
    enum pxs_status status = pxs_store_backup(s, target(), &why);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_ne(status, PXS_OK);
    ck_assert_msg(why.message[0], "no words");
    ck_assert(!exists(target()));
    ck_assert_int_eq(files_in_temp(), before);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 2);
    ck_ok(pxs_store_backup(s, target(), &err));
    pxs_store_close(&s);
}
END_TEST

/* ---- compacting ----------------------------------------------------------------------------- */

static void fill_and_empty(struct pxs_store *s) {
    int64_t ids[2];
    plan_sweep(s, "a", 1, 2, ids);
    whole_run(s, ids[0], 400, "completed");
    whole_run(s, ids[1], 4, "completed");
    ck_ok(pxs_store_remove_run(s, ids[0], NULL, &err));
    ck_ok(pxs_store_checkpoint(s, true, 1, &err));
}

START_TEST(compacting_gives_space_back)
{
    struct pxs_store *s = open_store(), *r;
    struct pxs_store_space space;
    fill_and_empty(s);
    int64_t before = size_of(db_path());
    r = open_reader();
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM run"), 1);
    ck_ok(pxs_store_compact(s, &space, &err));
    ck_assert_int_eq(space.before, before);
    ck_assert_int_lt(space.after, before * 3 / 4);
    ck_assert_int_eq(space.after, size_of(db_path()));
    ck_assert(!space.waiting);
    ck_assert_int_eq(sql_int(s, "PRAGMA freelist_count"), 0);
    /* A reader that was open all the time, and a writer, go on. */
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM batch_loss"), 4 * BATCHES);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM event WHERE kind = 'k'"), 1);
    ck_assert_str_eq(sql_text(r, "PRAGMA integrity_check"), "ok");
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    ck_fails(pxs_store_compact(r, &space, &err), PXS_E_INTERNAL, "reading only");
    pxs_store_close(&r);
    pxs_store_close(&s);
}
END_TEST

/* A snapshot held open sees its old state throughout; the space comes later. */
START_TEST(compacting_beside_a_snapshot)
{
    struct pxs_store *s = open_store();
    struct pxs_store_space space;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    fill_and_empty(s);
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM batch_loss", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    pxs_store_set_wait(s, 0.2);
    ck_ok(pxs_store_compact(s, &space, &err));
    ck_assert(space.waiting);
    ck_assert_int_eq(
        sqlite3_prepare_v2(db,
                           "SELECT (SELECT count(*) FROM batch_loss) * 10 + count(*) FROM event "
                           "WHERE kind = 'k'",
                           -1, &stmt, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_int_eq(sqlite3_column_int64(stmt, 0), 4 * BATCHES * 10);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    int64_t before = size_of(db_path());
    ck_ok(pxs_store_checkpoint(s, true, 1, &err));
    ck_assert_int_lt(size_of(db_path()), before);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&s);
}
END_TEST

START_TEST(compacting_waits_for_the_lock)
{
    struct pxs_store *s = open_store();
    struct pxs_store_space space;
    struct pxs_lock lock = {.fd = -1};
    ck_ok(pxs_lock_take(&lock, beside(".lock"), false, &err));
    pxs_store_set_wait(s, 0.05);
    ck_fails(pxs_store_compact(s, &space, &err), PXS_E_BUSY, "another pixsweep is writing");
    pxs_lock_release(&lock);
    ck_ok(pxs_store_compact(s, &space, &err));
    pxs_store_close(&s);
}
END_TEST

/* ---- a long reader -------------------------------------------------------------------------- */

START_TEST(a_long_reader_crowds_the_log_and_no_more)
{
    enum { LIMIT = 2000000 };
    struct pxs_store *s = open_store();
    sqlite3 *db;
    int commits = 0;
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    ck_ok(pxs_store_event(s, 0, 0, PXS_LOG_INFO, "k", "m", &err));
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL),
                     SQLITE_OK);
    pxs_store_set_wal_limit(s, LIMIT);
    while (!pxs_store_wal_backlog(s) && ++commits < 100000)
        ck_ok(pxs_store_event(s, 0, commits, PXS_LOG_INFO, "k", "m", &err));
    ck_assert_int_lt(commits, 100000);
    ck_assert_int_gt(size_of(beside("-wal")), LIMIT);
    ck_assert_int_lt(size_of(beside("-wal")), LIMIT + 100000);
    /* Writing still works, reading still works, nothing was waited for. */
    double start = pxs_monotonic();
    ck_assert(pxs_store_wal_backlog(s));
    ck_ok(pxs_store_event(s, 0, -1, PXS_LOG_INFO, "k", "m", &err));
    ck_assert_double_lt(pxs_monotonic() - start, 5);
    ck_assert_int_eq(sqlite3_exec(db, "SELECT count(*) FROM event", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    /* The reader has gone: seen within a second or so, and the log begins anew. */
    wait_until(!pxs_store_wal_backlog(s));
    ck_ok(pxs_store_event(s, 0, -2, PXS_LOG_INFO, "k", "m", &err));
    ck_assert(!pxs_store_wal_backlog(s));
    ck_ok(pxs_store_checkpoint(s, true, 1, &err));
    ck_assert_int_eq(size_of(beside("-wal")), 0);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM event"), commits + 3);
    pxs_store_close(&s);
}
END_TEST

static sqlite3 *snapshot(void) {
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL),
                     SQLITE_OK);
    return db;
}

/* Short readers that overlap, so that there is never a moment without one: the log begins anew all
 * the same. */
START_TEST(overlapping_readers_do_not_crowd_the_log)
{
    struct pxs_store *s = open_store();
    int64_t largest = 0;
    int status;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_ok(pxs_store_event(s, 0, -1, PXS_LOG_INFO, "k", "m", &err));
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *older = snapshot();
        for (;;) {
            usleep(2000);
            sqlite3 *newer = snapshot();
            sqlite3_close(older);
            older = newer;
        }
    }
    for (int i = 0; i < 5000; i++) {
        text[10] = (char)('a' + i % 26);
        ck_ok(pxs_store_event(s, 0, i, PXS_LOG_INFO, "k", text, &err));
        if (size_of(beside("-wal")) > largest)
            largest = size_of(beside("-wal"));
    }
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(largest < 30000000, "the log grew to %lld bytes", (long long)largest);
    pxs_store_close(&s);
}
END_TEST

TCase *upkeep_case(void) {
    TCase *c = tcase_create("upkeep");
    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, a_backup_is_whole, 0, 3);
    tcase_add_test(c, a_backup_beside_a_writer);
    tcase_add_test(c, no_half_backup);
    tcase_add_test(c, compacting_gives_space_back);
    tcase_add_test(c, compacting_beside_a_snapshot);
    tcase_add_test(c, compacting_waits_for_the_lock);
    tcase_add_test(c, a_long_reader_crowds_the_log_and_no_more);
    tcase_add_test(c, overlapping_readers_do_not_crowd_the_log);
    return c;
}
