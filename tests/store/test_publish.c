/* Published copies: what they are, who reads and who may not write, and the ways there and back. */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The copy on the "shared disk"; the collector's own database is db_path(). */
static const char *copy_path(void) {
    return in_folder("shared/pixsweep.db");
}

static struct pxs_collector me(void) {
    struct pxs_collector c;
    ck_ok(pxs_collector_here(db_path(), &c, &err));
    return c;
}

static struct pxs_store *open_copy(void) {
    struct pxs_store *s;
    ck_ok(pxs_store_open_readonly(copy_path(), &s, &err));
    return s;
}

static void publish(struct pxs_store *s) {
    const struct pxs_collector c = me();
    ck_ok(pxs_store_publish(s, copy_path(), &c, &err));
}

/* Names in a folder of the test, apart from . and .. and the lock. */
static int files_in(const char *folder) {
    DIR *d = opendir(in_folder(folder));
    int n = 0;
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.' && !strstr(e->d_name, ".lock");
    closedir(d);
    return n;
}

/* A store with one run that is done; the shared folder stands. */
static struct pxs_store *filled(int64_t ids[2]) {
    struct pxs_store *s = open_store();
    ck_ok(pxs_make_dirs(in_folder("shared"), &err));
    plan_sweep(s, "a", 1, 2, ids);
    whole_run(s, ids[0], 4, "completed");
    return s;
}

/* A process that lives until it is ended. */
static pid_t living(struct pxs_collector *c) {
    const pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    *c = me();
    c->pid = pid;
    c->pid_start = pxs_pid_start(pid);
    return pid;
}

static void end(pid_t pid) {
    int status;
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

/* ---- the copy ------------------------------------------------------------------------------- */

START_TEST(a_copy_is_marked_and_whole)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *copy;
    struct pxs_collector c;
    struct stat info;
    size_t n;
    publish(s);
    char *head = slurp("shared/pixsweep.db", &n);
    ck_assert_mem_eq(head + 18, "\1\1", 2); /* a rollback journal, no write-ahead log */
    ck_assert_mem_eq(head + 68, "pxsp", 4);
    free(head);
    ck_assert(pxs_store_is_published(copy_path()));
    ck_assert(!pxs_store_is_published(db_path()));
    ck_assert(!pxs_store_is_published("/nowhere"));
    ck_assert_int_eq(files_in("shared"), 1);
    ck_assert_int_eq(stat(copy_path(), &info), 0);
    ck_assert_int_eq(info.st_mode & 0222, 0);
    ck_assert(!exists(beside(".publish")));
    ck_ok(pxs_store_read_collector(copy_path(), &c, &err));
    ck_assert_int_eq(c.pid, getpid());
    ck_assert_str_eq(c.db, db_path());
    ck_assert_int_eq(pxs_collector_life(&c), PXS_COLLECTOR_ALIVE);
    ck_assert(c.at_ms > pxs_now_ms() - 60000 && c.at_ms <= pxs_now_ms());
    ck_fails(pxs_store_read_collector(db_path(), &c, &err), PXS_E_NOT_FOUND, "no published copy");

    copy = open_copy();
    ck_assert(copy->immutable);
    ck_assert_str_eq(sql_text(copy, "PRAGMA integrity_check"), "ok");
    ck_assert_int_eq(sql_int(copy, "PRAGMA user_version"), PXS_SCHEMA_VERSION);
    ck_assert_int_eq(sql_int(copy, "SELECT count(*) FROM batch_loss"), 4 * BATCHES);
    ck_assert_int_eq(pxs_store_collector(copy)->pid, getpid());
    ck_assert_ptr_null(pxs_store_collector(s));
    pxs_store_close(&copy);
    pxs_store_close(&s);
}
END_TEST

/* A user with a sqlite3 shell reads all rows, leaves no files and is told that he may not write. */
START_TEST(changes_by_others_are_noticed)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *other;
    struct pxs_store_changed changed = {0};
    pxs_store_changed_by_others(s);
    ck_assert(!pxs_store_changed_by_others(s));
    ck_ok(pxs_store_cancel(s, ids, 1, &changed, &err)); /* our own are none */
    pxs_store_changed_finish(&changed);
    ck_assert(!pxs_store_changed_by_others(s));
    ck_ok(pxs_store_open(db_path(), &other, &err));
    ck_assert(!pxs_store_changed_by_others(s));
    ck_ok(pxs_store_sweep_state(other, 1, "paused", &err));
    ck_assert(pxs_store_changed_by_others(s));
    ck_assert(!pxs_store_changed_by_others(s));
    pxs_store_close(&other);
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_shell_leaves_no_files)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids);
    sqlite3 *db;
    sqlite3_stmt *stmt;
    publish(s);
    ck_assert_int_eq(sqlite3_open(copy_path(), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM batch_loss", -1, &stmt, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_int_eq(sqlite3_column_int64(stmt, 0), 4 * BATCHES);
    ck_assert_int_eq(files_in("shared"), 1); /* while it reads */
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    ck_assert_int_eq(files_in("shared"), 1);
    pxs_store_close(&s);
}
END_TEST

/* What a shell that was killed left beside the copy is of that copy, not of the next. */
START_TEST(side_files_go_before_the_copy_is_replaced)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *copy;
    publish(s);
    char *wal;
    size_t n;
    /* A write-ahead log with content that fits the database that is published. */
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    wal = slurp("results/pixsweep.db-wal", &n);
    ck_assert_uint_gt(n, 0);
    write_bytes("shared/pixsweep.db-wal", wal, n);
    write_text("shared/pixsweep.db-journal", "x");
    write_text("shared/pixsweep.db.tmp.1", "left by a killed publisher");
    publish(s);
    ck_assert_int_eq(files_in("shared"), 1);
    copy = open_copy();
    ck_assert_int_eq(sql_int(copy, "SELECT count(*) FROM event WHERE kind = 'k'"), 1);
    pxs_store_close(&copy);
    free(wal);
    pxs_store_close(&s);
}
END_TEST

/* run.dir: absolute in a database elsewhere, relative in the folder where the runs are. */
START_TEST(folders_of_runs_are_found_from_everywhere)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *copy, *own;
    char dir[PXS_PATH_MAX];
    snprintf(dir, sizeof dir, "%s", sql_text(s, "SELECT dir FROM run WHERE run_id = 1"));
    ck_assert_str_eq(dir, "a/0001-lrgd-10-s0"); /* in the folder of the database */
    publish(s);
    copy = open_copy();
    snprintf(dir, sizeof dir, "%s/results/a/0001-lrgd-10-s0", test_folder());
    ck_assert_str_eq(sql_text(copy, "SELECT dir FROM run WHERE run_id = 1"), dir);
    pxs_store_close(&copy);

    /* A collector elsewhere, whose copy stands where the runs are. */
    const char *to = in_folder("local/own.db");
    ck_ok(pxs_store_take_over(copy_path(), to, false, NULL, &err));
    ck_ok(pxs_store_open(to, &own, &err));
    ck_assert_str_eq(sql_text(own, "SELECT dir FROM run WHERE run_id = 1"), dir);
    const struct pxs_collector c = me();
    const char *back = in_folder("results/back.db");
    ck_ok(pxs_store_publish(own, back, &c, &err));
    ck_ok(pxs_store_open_readonly(back, &copy, &err));
    ck_assert_str_eq(sql_text(copy, "SELECT dir FROM run WHERE run_id = 1"), "a/0001-lrgd-10-s0");
    ck_assert_str_eq(sql_text(copy, "SELECT dir FROM run WHERE run_id = 2"), "a/0002-lrgd-10-s1");
    pxs_store_close(&copy);
    pxs_store_close(&own);
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_backup_of_a_copy_is_a_database_of_its_own)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *copy;
    const char *path = in_folder("backup.db");
    publish(s);
    copy = open_copy();
    ck_ok(pxs_store_backup(copy, path, &err));
    pxs_store_close(&copy);
    ck_assert(!pxs_store_is_published(path));
    ck_ok(pxs_store_open(path, &copy, &err));
    take_run(copy, ids[1]);
    ck_assert_int_eq(sql_int(copy, "SELECT count(*) FROM sqlite_schema WHERE name = 'published'"),
                     0);
    pxs_store_close(&copy);
    pxs_store_close(&s);
}
END_TEST

/* ---- publishing ----------------------------------------------------------------------------- */

/* Events in pairs: an odd number of them would be half a transaction. */
static bool put_pair(struct pxs_store *w, int i) {
    if (pxs_store_begin(w, NULL) != PXS_OK)
        return false;
    bool good = true;
    for (int k = 0; k < 2 && good; k++) {
        char sql[120];
        snprintf(sql, sizeof sql,
                 "INSERT INTO event (at_ms, level, kind, message) VALUES (%d, 'info', 'pair', 'm')",
                 i);
        good = pxs_sql_exec(w->sql, sql, NULL) == PXS_OK;
    }
    return pxs_store_end(w, good ? PXS_OK : PXS_E_IO, NULL) == PXS_OK && good;
}

static pid_t writer_of_pairs(void) {
    const pid_t pid = fork();
    if (pid == 0) {
        struct pxs_store *w;
        bool good = pxs_store_open(db_path(), &w, NULL) == PXS_OK;
        for (int i = 0; good && i < 1000000; i++) {
            good = put_pair(w, i);
            usleep(3000); /* the database must not grow faster than it is copied */
        }
        _exit(1);
    }
    return pid;
}

/* 0, or what a reader that saw something else than a whole database ends with. */
static int read_pairs(struct pxs_store *r, int64_t *last) {
    struct pxs_table t = {0};
    if (pxs_store_select(r,
                         "SELECT count(*) AS n, count(DISTINCT at_ms) AS pairs, "
                         "(SELECT count(*) FROM batch_loss) AS b FROM event WHERE kind = 'pair'",
                         NULL, 0, &t, NULL) != PXS_OK)
        return 1;
    const int64_t n = pxs_table_at(&t, 0, "n").integer;
    int wrong = 0;
    if (pxs_table_at(&t, 0, "pairs").integer * 2 != n)
        wrong = 2;
    else if (pxs_table_at(&t, 0, "b").integer != 4 * BATCHES)
        wrong = 3;
    else if (n < *last)
        wrong = 4;
    *last = n;
    pxs_table_finish(&t);
    return wrong;
}

/* Readers that open the copy for each look, and one that keeps it open, while it is replaced fifty
 * times and the database is written. */
START_TEST(readers_see_whole_databases)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids);
    int stop[2], status;
    pid_t readers[3];
    publish(s);
    const pid_t writer = writer_of_pairs();
    ck_assert_int_eq(pipe(stop), 0);
    for (int i = 0; i < 3; i++) {
        if ((readers[i] = fork()) != 0)
            continue;
        struct pxs_store *r = NULL;
        int64_t last = 0, looks = 0;
        char byte;
        close(stop[1]);
        int wrong = pxs_store_open_readonly(copy_path(), &r, NULL) == PXS_OK ? 0 : 10;
        for (bool over = false; wrong == 0 && !over; looks++) {
            if (i < 2) {
                pxs_store_close(&r);
                if (pxs_store_open_readonly(copy_path(), &r, NULL) != PXS_OK)
                    _exit(11);
            }
            wrong = read_pairs(r, &last);
            struct timeval no_time = {0};
            fd_set set;
            FD_ZERO(&set);
            FD_SET(stop[0], &set);
            over = select(stop[0] + 1, &set, NULL, NULL, &no_time) == 1 &&
                   read(stop[0], &byte, 1) == 0;
        }
        _exit(wrong ? wrong : looks < 5 || last == 0 ? 12 : 0);
    }
    close(stop[0]);
    wait_until(sql_int(s, "SELECT count(*) FROM event") >= 20);
    for (int i = 0; i < 50; i++) {
        publish(s);
        struct pxs_store *copy = open_copy();
        if (i % 10 == 0)
            ck_assert_str_eq(sql_text(copy, "PRAGMA integrity_check"), "ok");
        pxs_store_close(&copy);
    }
    close(stop[1]);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(waitpid(readers[i], &status, 0), readers[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(waitpid(writer, &status, WNOHANG), 0); /* it never stopped */
    end(writer);
    pxs_store_close(&s);
}
END_TEST

/* Within one query the old copy; with the next one, what stands there now: another copy, or a
 * database with a writer. */
START_TEST(a_reader_goes_on_and_opens_the_next)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *r, *w;
    publish(s);
    r = open_copy();
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM event WHERE kind = 'k'"), 0);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    struct pxs_stmt *stmt;
    bool row;
    ck_ok(pxs_sql_prepare(r->sql, "SELECT step FROM batch_loss ORDER BY step", &stmt, &err));
    ck_ok(pxs_stmt_step(stmt, &row, &err));
    publish(s);
    int steps = 1;
    for (; row; steps += row)
        ck_ok(pxs_stmt_step(stmt, &row, &err));
    ck_assert_int_eq(steps, 4 * BATCHES);
    pxs_stmt_finish(&stmt);
    ck_ok(pxs_store_unchanged(r, PXS_OK, &err));
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM event WHERE kind = 'k'"), 1);

    ck_ok(pxs_store_take_over(copy_path(), NULL, false, NULL, &err));
    ck_ok(pxs_store_open(copy_path(), &w, &err));
    ck_ok(pxs_store_event(w, 0, 2, PXS_LOG_INFO, "k", "m", &err));
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM event WHERE kind = 'k'"), 2);
    ck_assert(!r->published && !r->immutable);
    const struct pxs_collector c = me();
    pxs_store_close(&w);
    ck_ok(pxs_store_hand_over(copy_path(), &c, 1, &err));
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM event WHERE kind = 'k'"), 2);
    ck_assert(r->published);
    pxs_store_close(&r);
    pxs_store_close(&s);
}
END_TEST

/* On some network disks a file that was replaced cannot be read further. */
START_TEST(a_copy_that_cannot_be_read_on_is_read_again)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *r;
    publish(s);
    r = open_copy();
    ck_assert_int_eq(pxs_store_unchanged(r, PXS_E_IO, NULL), PXS_E_IO);
    publish(s);
    ck_fails(pxs_store_unchanged(r, PXS_E_IO, &err), PXS_E_BUSY, "ask again");
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM run"), 2);
    pxs_store_close(&r);
    pxs_store_close(&s);
}
END_TEST

START_TEST(what_is_no_copy_is_not_overwritten)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *other;
    struct pxs_collector c = me(), mine = me();
    ck_fails(pxs_store_publish(s, db_path(), &c, &err), PXS_E_EXISTS, "no published copy");
    write_text("shared/text", "mine");
    ck_fails(pxs_store_publish(s, in_folder("shared/text"), &c, &err), PXS_E_EXISTS, "shared/text");
    ck_ok(pxs_store_open(in_folder("shared/other.db"), &other, &err));
    pxs_store_close(&other);
    ck_fails(pxs_store_publish(s, in_folder("shared/other.db"), &c, &err), PXS_E_EXISTS,
             "not overwritten");
    ck_fails(pxs_store_publish(s, in_folder("nowhere/x.db"), &c, &err), PXS_E_NOT_FOUND, "x.db");
    ck_assert(!exists(beside(".publish")));

    const pid_t pid = living(&c);
    ck_ok(pxs_store_publish(s, copy_path(), &c, &err));
    ck_fails(pxs_store_publish(s, copy_path(), &mine, &err), PXS_E_BUSY, "publishes");
    end(pid);
    publish(s);
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_copy)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *copy;
    struct rlimit limit, small;
    size_t n, after;
    publish(s);
    char *old = slurp("shared/pixsweep.db", &n), *now;
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){20000, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct pxs_error why = {.message = ""};
    const struct pxs_collector c = me();
    enum pxs_status status = pxs_store_publish(s, copy_path(), &c, &why);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_ne(status, PXS_OK);
    ck_assert_msg(why.message[0], "no words");
    now = slurp("shared/pixsweep.db", &after);
    ck_assert_uint_eq(n, after);
    ck_assert_mem_eq(old, now, n);
    ck_assert_int_eq(files_in("shared"), 1);
    ck_assert(!exists(beside(".publish")));
    publish(s);
    copy = open_copy();
    ck_assert_int_eq(sql_int(copy, "SELECT count(*) FROM event WHERE kind = 'k'"), 1);
    pxs_store_close(&copy);
    free(old);
    free(now);
    pxs_store_close(&s);
}
END_TEST

/* ---- commands that write -------------------------------------------------------------------- */

START_TEST(writers_are_refused_in_words)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *w;
    struct pxs_collector c;
    char words[2 * PXS_PATH_MAX];
    const pid_t pid = living(&c);
    ck_ok(pxs_store_publish(s, copy_path(), &c, &err));
    snprintf(words, sizeof words, "process %d on %s publishes from %s", (int)pid, c.host,
             db_path());
    ck_fails(pxs_store_open(copy_path(), &w, &err), PXS_E_INVALID, words);
    ck_fails(pxs_store_check_place(copy_path(), &err), PXS_E_INVALID, words);
    ck_fails(pxs_store_refuse_published(copy_path(), &err), PXS_E_INVALID,
             "give the command with --db");
    ck_ok(pxs_store_refuse_published(db_path(), &err));
    ck_fails(pxs_store_hand_over(copy_path(), &c, 1, &err), PXS_E_INVALID, words);
    ck_assert_int_eq(files_in("shared"), 1);
    end(pid);
    ck_fails(pxs_store_open(copy_path(), &w, &err), PXS_E_INVALID, "takes it over");
    pxs_store_close(&s);
}
END_TEST

/* What another machine has done since a copy was published is not in it. */
START_TEST(runs_of_other_machines_are_stale_as_of_the_copy)
{
    enum { AGE_MS = 2 * PXS_STALE_MS };
    int64_t ids[2], *stale;
    size_t n;
    struct pxs_store *s = filled(ids), *r;
    struct pxs_store_attempt a = {
        .run_id = ids[1], .host = "far", .pid = 7, .started_ms = pxs_now_ms() - AGE_MS};
    struct pxs_host here;
    sqlite3 *db;
    pxs_host_detect(&here);
    ck_ok(pxs_store_take(s, &a, &err));
    publish(s);
    ck_ok(pxs_store_stale_runs(s, 0, &here, pxs_now_ms(), &stale, &n, &err));
    ck_assert_uint_eq(n, 1);
    free(stale);
    for (int age = 0; age <= AGE_MS; age += AGE_MS) {
        char sql[100];
        snprintf(sql, sizeof sql, "UPDATE published SET at_ms = at_ms - %d", age);
        ck_assert_int_eq(chmod(copy_path(), 0644), 0);
        ck_assert_int_eq(sqlite3_open(copy_path(), &db), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        r = open_copy();
        ck_ok(pxs_store_stale_runs(r, 0, &here, pxs_now_ms(), &stale, &n, &err));
        ck_assert_uint_eq(n, age == 0 ? 1 : 0);
        free(stale);
        pxs_store_close(&r);
    }
    pxs_store_close(&s);
}
END_TEST

/* ---- there and back ------------------------------------------------------------------------- */

START_TEST(a_copy_is_taken_over_from_the_dead_only)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *w;
    struct pxs_collector c, was;
    const pid_t pid = living(&c);
    const char *to = in_folder("local/own.db");
    ck_ok(pxs_store_publish(s, copy_path(), &c, &err));
    for (int claimed = 0; claimed < 2; claimed++) {
        ck_fails(pxs_store_take_over(copy_path(), NULL, claimed, &was, &err), PXS_E_BUSY,
                 "publishes from");
        ck_fails(pxs_store_take_over(copy_path(), to, claimed, &was, &err), PXS_E_BUSY,
                 "publishes from");
    }
    ck_assert(pxs_store_is_published(copy_path()));
    ck_assert(!exists(to));
    end(pid);

    ck_ok(pxs_store_take_over(copy_path(), to, false, &was, &err));
    ck_assert_int_eq(was.pid, pid);
    ck_assert(pxs_store_is_published(copy_path()));
    ck_fails(pxs_store_take_over(copy_path(), to, false, &was, &err), PXS_E_EXISTS, "own.db");
    ck_ok(pxs_store_take_over(copy_path(), NULL, false, &was, &err));
    ck_assert_int_eq(was.pid, pid);
    ck_ok(pxs_store_take_over(copy_path(), NULL, false, &was, &err)); /* it is no copy any more */
    ck_assert_str_eq(was.host, "");
    for (int i = 0; i < 2; i++) {
        ck_ok(pxs_store_open(i ? to : copy_path(), &w, &err));
        ck_assert_int_eq(sql_int(w, "PRAGMA application_id"), PXS_APPLICATION_ID);
        ck_assert_int_eq(sql_int(w, "SELECT count(*) FROM sqlite_schema WHERE name = 'published'"),
                         0);
        ck_assert_int_eq(sql_int(w, "SELECT count(*) FROM batch_loss"), 4 * BATCHES);
        ck_ok(pxs_store_event(w, 0, 1, PXS_LOG_INFO, "k", "m", &err));
        pxs_store_close(&w);
    }
    pxs_store_close(&s);
}
END_TEST

/* Of a collector on another machine, only its claim tells. */
START_TEST(a_collector_elsewhere_is_judged_by_its_claim)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids);
    struct pxs_collector c = me();
    strcpy(_i ? c.host : c.boot_id, "another");
    ck_ok(pxs_store_publish(s, copy_path(), &c, &err));
    ck_fails(pxs_store_take_over(copy_path(), NULL, false, NULL, &err), PXS_E_BUSY,
             "here once that process has ended");
    ck_ok(pxs_store_take_over(copy_path(), NULL, true, NULL, &err));
    ck_assert(!pxs_store_is_published(copy_path()));
    pxs_store_close(&s);
}
END_TEST

/* Rows that stand in the write-ahead log of a killed process only. */
START_TEST(handing_over_loses_nothing)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *r;
    struct pxs_collector c = me(), was;
    pxs_store_close(&s);
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        struct pxs_store *w;
        bool good = pxs_store_open(db_path(), &w, NULL) == PXS_OK;
        for (int i = 0; good && i < 20; i++)
            good = put_pair(w, i);
        kill(getpid(), good ? SIGKILL : SIGTERM);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct stat info;
    ck_assert(stat(beside("-wal"), &info) == 0 && info.st_size > 0);
    ck_fails(pxs_store_hand_over(in_folder("none.db"), &c, 1, &err), PXS_E_NOT_FOUND,
             "there is no database");
    ck_assert(!exists("none.db"));

    ck_ok(pxs_store_hand_over(db_path(), &c, 1, &err));
    ck_assert(pxs_store_is_published(db_path()));
    ck_assert(!exists(beside("-wal")) && !exists(beside("-shm")));
    ck_assert_int_eq(files_in("results"), 1);
    r = open_reader();
    ck_assert(r->published);
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM event WHERE kind = 'pair'"), 40);
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM batch_loss"), 4 * BATCHES);
    ck_assert_str_eq(sql_text(r, "SELECT dir FROM run WHERE run_id = 1"), "a/0001-lrgd-10-s0");
    pxs_store_close(&r);

    /* And back, with a second sweep that is worked on here. */
    ck_ok(pxs_store_take_over(db_path(), NULL, false, &was, &err));
    s = open_store();
    plan_sweep(s, "b", 1, 1, ids);
    whole_run(s, ids[0], 2, "completed");
    pxs_store_close(&s);
    ck_ok(pxs_store_hand_over(db_path(), &c, 1, &err));
    ck_ok(pxs_store_take_over(db_path(), NULL, false, &was, &err));
    s = open_store();
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), 6 * BATCHES);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM sweep"), 2);
    ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    pxs_store_close(&s);
}
END_TEST

/* Not while runs are at work, a reader keeps an old snapshot or another process has the lock; the
 * database stays what it was. */
START_TEST(handing_over_waits_for_others)
{
    int64_t ids[2];
    struct pxs_store *s = filled(ids), *other;
    struct pxs_collector c = me();
    struct pxs_store_attempt a = {.run_id = ids[1],
                                  .pid = getpid(),
                                  .pid_start = pxs_pid_start(getpid()),
                                  .started_ms = pxs_now_ms()};
    snprintf(a.host, sizeof a.host, "%s", c.host);
    snprintf(a.boot_id, sizeof a.boot_id, "%s", c.boot_id);
    ck_ok(pxs_store_take(s, &a, &err));
    ck_fails(pxs_store_hand_over(db_path(), &c, 0.2, &err), PXS_E_BUSY, "1 run is at work");
    end_run(s, a.attempt_id, "interrupted");

    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM run", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    ck_fails(pxs_store_hand_over(db_path(), &c, 0.2, &err), PXS_E_BUSY, "one long transaction");
    sqlite3_close(db);

    ck_ok(pxs_store_lock(s, pxs_monotonic() + 1, &err));
    ck_fails(pxs_store_hand_over(db_path(), &c, 0.2, &err), PXS_E_BUSY, "has been locked");
    pxs_store_unlock(s);
    ck_assert(!pxs_store_is_published(db_path()));

    /* A process that has it open is told with its next transaction. */
    ck_ok(pxs_store_hand_over(db_path(), &c, 1, &err));
    ck_fails(pxs_store_event(s, 0, 2, PXS_LOG_INFO, "k", "m", &err), PXS_E_BUSY,
             "handed over to a collector");
    ck_ok(pxs_store_take_over(db_path(), NULL, false, NULL, &err));
    other = open_store();
    ck_assert_int_eq(sql_int(other, "SELECT count(*) FROM event WHERE kind = 'k'"), 1);
    pxs_store_close(&other);
    pxs_store_close(&s);
}
END_TEST

TCase *publish_case(void) {
    TCase *c = tcase_create("publish");
    tcase_add_test(c, a_copy_is_marked_and_whole);
    tcase_add_test(c, changes_by_others_are_noticed);
    tcase_add_test(c, a_shell_leaves_no_files);
    tcase_add_test(c, side_files_go_before_the_copy_is_replaced);
    tcase_add_test(c, folders_of_runs_are_found_from_everywhere);
    tcase_add_test(c, a_backup_of_a_copy_is_a_database_of_its_own);
    tcase_add_test(c, readers_see_whole_databases);
    tcase_add_test(c, a_reader_goes_on_and_opens_the_next);
    tcase_add_test(c, a_copy_that_cannot_be_read_on_is_read_again);
    tcase_add_test(c, what_is_no_copy_is_not_overwritten);
    tcase_add_test(c, a_full_disk_leaves_the_old_copy);
    tcase_add_test(c, writers_are_refused_in_words);
    tcase_add_test(c, runs_of_other_machines_are_stale_as_of_the_copy);
    tcase_add_test(c, a_copy_is_taken_over_from_the_dead_only);
    tcase_add_loop_test(c, a_collector_elsewhere_is_judged_by_its_claim, 0, 2);
    tcase_add_test(c, handing_over_loses_nothing);
    tcase_add_test(c, handing_over_waits_for_others);
    return c;
}
