/* Opening: creation, other files, readers that change nothing, locks. */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Somebody with a sqlite3 shell. */
static void shell(const char *sql) {
    sqlite3 *db;
    char *message = NULL;
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, &message);
    ck_assert_msg(!message, "%s: %s", sql, message);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void write_db(const void *data, size_t bytes) {
    char dir[400];
    snprintf(dir, sizeof dir, "%s/results", test_folder());
    ck_ok(pxs_make_dirs(dir, &err));
    ck_ok(pxs_write_file(db_path(), data, bytes, &err));
}

START_TEST(creates_what_is_missing)
{
    struct pxs_store *s = open_store();
    ck_assert_str_eq(pxs_store_path(s), db_path());
    ck_assert(exists(beside(".lock")));
    ck_assert_int_eq(sql_int(s, "PRAGMA user_version"), PXS_SCHEMA_VERSION);
    ck_assert_int_eq(sql_int(s, "PRAGMA application_id"), 0x70787377);
    ck_assert_str_eq(sql_text(s, "PRAGMA journal_mode"), "wal");
    ck_assert_int_eq(sql_int(s, "PRAGMA synchronous"), 1);
    ck_assert_int_eq(sql_int(s, "PRAGMA foreign_keys"), 1);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 0);
    pxs_store_close(&s);
    ck_assert_ptr_null(s);
    pxs_store_close(&s);
    s = open_store();
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 0);
    pxs_store_close(&s);
}
END_TEST

START_TEST(an_empty_file_becomes_a_database)
{
    struct pxs_store *s = NULL;
    write_db("", 0);
    ck_fails(pxs_store_open_readonly(db_path(), &s, &err), PXS_E_NOT_FOUND, "pixsweep run FILE");
    ck_assert_ptr_null(s);
    s = open_store();
    ck_assert_int_eq(sql_int(s, "PRAGMA user_version"), PXS_SCHEMA_VERSION);
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_relative_path_is_made_absolute)
{
    char *before = getcwd(NULL, 0);
    struct pxs_store *s;
    ck_assert_int_eq(chdir(test_folder()), 0);
    ck_ok(pxs_store_open("results/../results//pixsweep.db", &s, &err));
    ck_assert_str_eq(pxs_store_path(s), db_path());
    pxs_store_close(&s);
    ck_assert_int_eq(chdir(before), 0);
    free(before);
}
END_TEST

/* ---- other files ---------------------------------------------------------------------------- */

static void both_refuse(enum pxs_status status, const char *words) {
    struct pxs_store *s = NULL;
    ck_fails(pxs_store_open(db_path(), &s, &err), status, words);
    ck_fails(pxs_store_open_readonly(db_path(), &s, &err), status, words);
    ck_assert_ptr_null(s);
}

START_TEST(text_is_no_database)
{
    char text[5000];
    memset(text, 'x', sizeof text);
    write_db(text, sizeof text);
    both_refuse(PXS_E_CORRUPT, "is no SQLite database");
    char *data;
    size_t bytes;
    ck_ok(pxs_read_file(db_path(), 100000, &data, &bytes, &err));
    ck_assert_uint_eq(bytes, sizeof text);
    ck_assert_int_eq(memcmp(data, text, bytes), 0);
    free(data);
}
END_TEST

START_TEST(a_foreign_database_stays_as_it_is)
{
    write_db("", 0);
    shell("CREATE TABLE address (name)");
    both_refuse(PXS_E_CORRUPT, "of another program");
    shell("PRAGMA user_version = 1; PRAGMA application_id = 7");
    both_refuse(PXS_E_CORRUPT, "of another program");
    shell("INSERT INTO address VALUES ('here')");
    ck_assert(!exists(beside("-wal")));
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
    struct pxs_store *s = open_store();
    pxs_store_close(&s);
    shell("PRAGMA user_version = 99");
    both_refuse(PXS_E_UNSUPPORTED, "schema version 99, this pixsweep knows version ");
}
END_TEST

START_TEST(a_folder_is_no_database)
{
    struct pxs_store *s = NULL;
    ck_ok(pxs_make_dirs(db_path(), &err));
    ck_fails(pxs_store_open(db_path(), &s, &err), PXS_E_INVALID, "is not a regular file");
    ck_fails(pxs_store_open_readonly(db_path(), &s, &err), PXS_E_INVALID, "is not a regular file");
    ck_assert_ptr_null(s);
}
END_TEST

START_TEST(a_copy_in_another_mode_is_put_into_wal_mode)
{
    struct pxs_store *s = open_store();
    pxs_store_close(&s);
    shell("PRAGMA journal_mode = DELETE");
    struct pxs_store *reader = open_reader();
    ck_assert_int_eq(sql_int(reader, "SELECT count(*) FROM run"), 0);
    pxs_store_close(&reader);
    s = open_store();
    ck_assert_str_eq(sql_text(s, "PRAGMA journal_mode"), "wal");
    pxs_store_close(&s);
}
END_TEST

/* Damage in the middle shows in the query that meets it. */
START_TEST(a_damaged_database_is_named)
{
    struct pxs_store *s = open_store();
    int64_t ids[4];
    plan_sweep(s, "a", 2, 2, ids);
    whole_run(s, ids[0], 4, "completed");
    pxs_store_close(&s);
    char *data;
    size_t bytes;
    ck_ok(pxs_read_file(db_path(), 10000000, &data, &bytes, &err));
    /* the first page holds the header and the schema's root */
    memset(data + 4096, 0xA5, bytes - 4096);
    write_db(data, bytes);
    free(data);
    ck_fails(pxs_store_open(db_path(), &s, &err), PXS_E_CORRUPT, "is damaged");
    ck_fails(pxs_store_open_readonly(db_path(), &s, &err), PXS_E_CORRUPT,
             "fill a new one from the runs' record files");
}
END_TEST

START_TEST(a_damaged_page_is_named_by_its_query)
{
    struct pxs_store *s = open_store();
    int64_t ids[4];
    plan_sweep(s, "a", 2, 2, ids);
    whole_run(s, ids[0], 4, "completed");
    int64_t page = sql_int(s, "SELECT rootpage FROM sqlite_schema WHERE name = 'batch_loss'");
    pxs_store_close(&s);
    char *data;
    size_t bytes;
    ck_ok(pxs_read_file(db_path(), 10000000, &data, &bytes, &err));
    memset(data + (page - 1) * 4096, 0xA5, 4096);
    write_db(data, bytes);
    free(data);
    s = open_reader();
    struct pxs_table t;
    ck_fails(pxs_store_ask(s, PXS_QUERY_BATCHES, ids[0], &t, &err), PXS_E_CORRUPT, "is damaged");
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 4);
    pxs_store_close(&s);
}
END_TEST

/* ---- readers -------------------------------------------------------------------------------- */

/* Names, sizes and times of all files in the folder of the database (but the -shm's, which readers
 * lock in). */
static void list_folder(char out[2000]) {
    char dir[400], path[700];
    struct dirent **entries;
    snprintf(dir, sizeof dir, "%s/results", test_folder());
    int n = scandir(dir, &entries, NULL, alphasort);
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        ck_assert_int_eq(stat(path, &info), 0);
        bool shm = strstr(path, "-shm") != NULL;
        if (entries[i]->d_name[0] != '.')
            snprintf(out + strlen(out), 2000 - strlen(out), "%s %ld %ld.%09ld\n",
                     entries[i]->d_name, (long)info.st_size, shm ? 0 : (long)info.st_mtim.tv_sec,
                     shm ? 0 : info.st_mtim.tv_nsec);
        free(entries[i]);
    }
    free(entries);
}

START_TEST(reading_needs_a_database)
{
    struct pxs_store *s = NULL;
    ck_fails(pxs_store_open_readonly(db_path(), &s, &err), PXS_E_NOT_FOUND,
             "there is no database at");
    ck_assert_ptr_null(s);
    char dir[400];
    snprintf(dir, sizeof dir, "%s/results", test_folder());
    ck_assert(!exists(dir));
}
END_TEST

/* A writer that dies with rows in its WAL. */
static void plan_and_die(void) {
    int64_t ids[2];
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        plan_sweep(open_store(), "a", 1, 2, ids);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}

/* 0: a writer is at work; 1: it has closed; 2: a sqlite3 shell closed last and removed -wal and
 * -shm; 3: only the -wal is left, and empty; 4: the writer was killed. */
START_TEST(reading_changes_nothing)
{
    struct pxs_store *w = NULL;
    int64_t ids[2] = {1, 2};
    if (_i == 4) {
        plan_and_die();
    } else {
        w = open_store();
        plan_sweep(w, "a", 1, 2, ids);
    }
    if (_i > 0)
        pxs_store_close(&w);
    if (_i == 2)
        shell("SELECT count(*) FROM run");
    if (_i == 3)
        ck_assert_int_eq(unlink(beside("-shm")), 0);
    ck_assert_int_eq(exists(beside("-wal")), _i != 2);
    ck_assert_int_eq(exists(beside("-shm")), _i != 2 && _i != 3);
    char before[2000], after[2000];
    list_folder(before);
    struct pxs_store *r = open_reader();
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM run"), 2);
    struct pxs_table t;
    ck_ok(pxs_store_ask(r, PXS_QUERY_RUNS, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 2);
    pxs_table_finish(&t);
    ck_fails(pxs_store_event(r, ids[0], 1, PXS_LOG_INFO, "k", "m", &err), PXS_E_INTERNAL,
             "for reading only");
    pxs_store_close(&r);
    list_folder(after);
    ck_assert_str_eq(before, after);
    pxs_store_close(&w);
}
END_TEST

/* A reader that began without locks notices that a writer has come. */
START_TEST(a_reader_without_locks_meets_a_writer)
{
    int64_t ids[2];
    struct pxs_store *w = open_store();
    pxs_store_close(&w);
    shell("SELECT count(*) FROM run");
    ck_assert(!exists(beside("-wal")));
    struct pxs_store *r = open_reader();
    ck_assert(r->immutable);
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM run"), 0);
    w = open_store();
    plan_sweep(w, "a", 1, 2, ids);
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM run"), 2);
    ck_assert(!r->immutable);
    pxs_store_close(&w);
    pxs_store_close(&r);
}
END_TEST

struct meddler {
    struct pxs_store *writer;
    int rows;
};

/* While the reader's rows come, a writer comes, writes, and checkpoints its WAL. */
static enum pxs_status meddle(void *user, const char *const *columns, const struct pxs_cell *cells,
                              size_t n, struct pxs_error *err) {
    struct meddler *m = user;
    int64_t ids[2];
    if (cells && m->rows++ == 0) {
        m->writer = open_store();
        plan_sweep(m->writer, "b", 1, 2, ids);
        ck_assert_int_eq(pxs_store_checkpoint(m->writer, true, 1, err), PXS_OK);
    }
    return PXS_OK;
}

START_TEST(a_file_that_changes_under_a_reader_without_locks)
{
    int64_t ids[2];
    struct pxs_store *w = open_store();
    plan_sweep(w, "a", 1, 2, ids);
    pxs_store_close(&w);
    shell("SELECT count(*) FROM run");
    struct pxs_store *r = open_reader();
    struct meddler m = {0};
    ck_fails(pxs_store_query(r, "SELECT name FROM run", meddle, &m, &err), PXS_E_BUSY, "ask again");
    ck_assert_int_eq(m.rows, 2);
    ck_assert_int_eq(sql_int(r, "SELECT count(*) FROM run"), 4);
    pxs_store_close(&m.writer);
    pxs_store_close(&r);
}
END_TEST

/* ---- locks ---------------------------------------------------------------------------------- */

START_TEST(the_lock_is_waited_for_and_not_for_ever)
{
    struct pxs_store *s = open_store(), *other = NULL;
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    int fd = open(beside(".lock"), O_RDWR);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    pxs_store_set_wait(s, 0.15);
    double start = pxs_monotonic();
    ck_fails(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err), PXS_E_BUSY,
             "another pixsweep is writing to");
    double took = pxs_monotonic() - start;
    ck_assert_msg(took >= 0.15 && took < 5, "waited %.3f s", took);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 1);
    close(fd);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    ck_ok(pxs_store_open(db_path(), &other, &err));
    pxs_store_close(&other);
    pxs_store_close(&s);
}
END_TEST

/* A sqlite3 shell that holds a write transaction knows nothing of the flock. */
START_TEST(a_foreign_writer_is_waited_for_too)
{
    struct pxs_store *s = open_store();
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    pxs_store_set_wait(s, 0.1);
    ck_fails(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err), PXS_E_BUSY,
             "locked by another program");
    ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM event"), 1);
    sqlite3_close(db);
    pxs_store_close(&s);
}
END_TEST

/* From its first moment, before anything is written: so nothing that it has read can change before
 * it writes. */
START_TEST(a_transaction_of_ours_keeps_others_out)
{
    struct pxs_store *s = open_store();
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    ck_ok(pxs_store_begin(s, &err));
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    ck_ok(pxs_store_end(s, PXS_OK, &err));
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE; COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    pxs_store_close(&s);
}
END_TEST

START_TEST(a_removed_lock_file_comes_back)
{
    struct pxs_store *s = open_store();
    ck_assert_int_eq(unlink(beside(".lock")), 0);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    ck_assert(exists(beside(".lock")));
    pxs_store_close(&s);
}
END_TEST

START_TEST(network_file_systems_are_known)
{
    ck_assert_str_eq(pxs_store_network_fs(0x6969), "NFS");
    ck_assert_str_eq(pxs_store_network_fs(0xFF534D42), "CIFS");
    ck_assert_str_eq(pxs_store_network_fs(0xFFFFFFFFFF534D42), "CIFS"); /* sign-extended */
    ck_assert_str_eq(pxs_store_network_fs(0x0BD00BD0), "Lustre");
    ck_assert_str_eq(pxs_store_network_fs(0x65735546), "FUSE");
    static const unsigned long local[] = {0xEF53,     0x58465342, 0x9123683E,
                                          0x01021994, 0x794C7630, 0x2FC12FC1};
    for (size_t i = 0; i < PXS_COUNT(local); i++) /* ext4, xfs, btrfs, tmpfs, overlayfs, zfs */
        ck_assert_ptr_null(pxs_store_network_fs(local[i]));
}
END_TEST

TCase *open_case(void) {
    TCase *c = tcase_create("open");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, creates_what_is_missing);
    tcase_add_test(c, an_empty_file_becomes_a_database);
    tcase_add_test(c, a_relative_path_is_made_absolute);
    tcase_add_test(c, text_is_no_database);
    tcase_add_test(c, a_foreign_database_stays_as_it_is);
    tcase_add_test(c, a_newer_schema_is_refused);
    tcase_add_test(c, a_folder_is_no_database);
    tcase_add_test(c, a_copy_in_another_mode_is_put_into_wal_mode);
    tcase_add_test(c, a_damaged_database_is_named);
    tcase_add_test(c, a_damaged_page_is_named_by_its_query);
    tcase_add_test(c, reading_needs_a_database);
    tcase_add_loop_test(c, reading_changes_nothing, 0, 5);
    tcase_add_test(c, a_reader_without_locks_meets_a_writer);
    tcase_add_test(c, a_file_that_changes_under_a_reader_without_locks);
    tcase_add_test(c, the_lock_is_waited_for_and_not_for_ever);
    tcase_add_test(c, a_foreign_writer_is_waited_for_too);
    tcase_add_test(c, a_transaction_of_ours_keeps_others_out);
    tcase_add_test(c, a_removed_lock_file_comes_back);
    tcase_add_test(c, network_file_systems_are_known);
    return c;
}
