/* Files of schema version 1: read as they are, brought up once, never left in between. */
#include "../../src/record/store/store_priv.h"
#include "schema_v1.h"
#include "store_tests.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void exec(sqlite3 *db, const char *sql) {
    char *message = NULL;
    sqlite3_exec(db, sql, NULL, NULL, &message);
    ck_assert_msg(!message, "%s: %s", sql, message);
}

/* A file as version 1 left it: WAL mode, a sweep with a failed and a queued run. */
static void make_v1(void) {
    char dir[400];
    sqlite3 *db;
    snprintf(dir, sizeof dir, "%s/results", test_folder());
    ck_ok(pxs_make_dirs(dir, &err));
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    exec(db, "PRAGMA journal_mode = WAL; BEGIN");
    exec(db, tables_v1);
    exec(db, views_v1);
    exec(db, "PRAGMA application_id = 1886942071; PRAGMA user_version = 1; COMMIT");
    exec(db, "INSERT INTO sweep (name, spec_yaml, spec_hash, n_planned, created_ms) VALUES ('a', "
             "'', '', 2, 5);"
             "INSERT INTO run (sweep_id, number, name, dir, config_hash, config_yaml, seed, state) "
             "VALUES "
             "(1, 1, 'a/0001-s0', 'a/0001-s0', 'x', '', 0, 'failed'), (1, 2, 'a/0002-s1', "
             "'a/0002-s1', 'x', '', "
             "1, 'queued');"
             "INSERT INTO attempt (run_id, no, started_ms, ended_ms, outcome) VALUES (1, 1, 5, 6, "
             "'failed')");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static int64_t version_of(const char *path) {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    int64_t version = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return version;
}

static const char all_objects[] =
    "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY type, name";

START_TEST(an_old_file_becomes_as_a_new_one)
{
    struct pxs_store *s;
    make_v1();
    s = open_store();
    ck_assert_int_eq(sql_int(s, "PRAGMA user_version"), PXS_SCHEMA_VERSION);
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(state) FROM run"), "failed,queued");
    ck_assert_ptr_nonnull(strstr(pxs_store_note(s), "from schema version 1 to "));
    ck_assert_ptr_nonnull(strstr(pxs_store_note(s), ".v1.backup"));
    char *migrated = sql_dump(s, all_objects);
    struct pxs_store_changed changed;
    ck_ok(pxs_store_retry(s, 1, PXS_RETRY_ALL, NULL, &changed, &err));
    ck_assert_uint_eq(changed.n, 1);
    pxs_store_changed_finish(&changed);
    /* a state that version 1 did not know; and the schema is guarded again */
    ck_ok(pxs_sql_exec(s->sql, "UPDATE run SET state = 'pruned' WHERE run_id = 2", &err));
    ck_fails(pxs_sql_exec(s->sql, "UPDATE run SET state = 'weird' WHERE run_id = 2", &err),
             PXS_E_INTERNAL, "");
    ck_fails(
        pxs_sql_exec(
            s->sql,
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '' WHERE name = 'run'",
            &err),
        PXS_E_INTERNAL, "");
    pxs_store_close(&s);
    /* The backup is the file as it was, and can be put back. */
    ck_assert_int_eq(version_of(beside(".v1.backup")), 1);
    struct pxs_store *old;
    ck_ok(pxs_store_open_readonly(beside(".v1.backup"), &old, &err));
    ck_assert_str_eq(sql_text(old, "SELECT group_concat(state) FROM run"), "failed,queued");
    ck_assert_str_eq(sql_text(old, "PRAGMA integrity_check"), "ok");
    pxs_store_close(&old);
    /* Once. */
    s = open_store();
    ck_assert_str_eq(pxs_store_note(s), "");
    ck_assert(!exists(beside(".v1.backup-2")));
    pxs_store_close(&s);
    char path[500];
    snprintf(path, sizeof path, "%s/new.db", test_folder());
    ck_ok(pxs_store_open(path, &s, &err));
    ck_assert_str_eq(pxs_store_note(s), "");
    char *fresh = sql_dump(s, all_objects);
    ck_assert_str_eq(migrated, fresh);
    free(migrated);
    free(fresh);
    pxs_store_close(&s);
}
END_TEST

START_TEST(an_old_file_is_read_as_it_is)
{
    make_v1();
    struct pxs_store *s = open_reader();
    struct pxs_table t;
    ck_ok(pxs_store_ask(s, PXS_QUERY_RUNS, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 2);
    pxs_table_finish(&t);
    ck_ok(pxs_store_ask(s, PXS_QUERY_PROGRESS, 0, &t, &err));
    pxs_table_finish(&t);
    /* what it lacks reads as empty */
    ck_assert_int_eq(
        sql_int(s,
                "SELECT (SELECT count(*) FROM retry) + (SELECT count(*) FROM d_output) + (SELECT "
                "count(*) FROM rung) + (SELECT count(*) FROM imported) + (SELECT count(*) FROM "
                "best_sample) + (SELECT count(*) FROM v_race) + (SELECT count(*) FROM v_race_state)"
                " + (SELECT count(race) FROM sweep) + (SELECT sum(not_needed) FROM v_progress)"),
        0);
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(number || label) FROM v_run"), "1,2");
    ck_assert_int_eq(sql_int(s, "SELECT pruned FROM v_progress"), 0);
    pxs_store_close(&s);
    ck_assert_int_eq(version_of(db_path()), 1);
    ck_assert(!exists(beside(".v1.backup")));
}
END_TEST

/* The file that is there as version 4 had it: epochs without what came later, D's outputs in a
 * table of their own. */
static void make_v4(void) {
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    exec(db, "BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM d_output; DROP VIEW d_output");
    exec(db,
         "CREATE TABLE d_output (run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
         " epoch INTEGER NOT NULL, avg_D_real REAL, avg_D_fake REAL, PRIMARY KEY (run_id, epoch))"
         " STRICT, WITHOUT ROWID; INSERT INTO d_output SELECT * FROM kept");
    for (int c = 0; c < PXS_EPOCH_N; c++) {
        const struct pxs_epoch_info *column = pxs_epoch_info((enum pxs_epoch_column)c);
        char sql[100];
        snprintf(sql, sizeof sql, "ALTER TABLE epoch DROP COLUMN %s", column->name);
        if (column->since > 4)
            exec(db, sql);
    }
    exec(db, "DROP VIEW v_not_needed; DROP VIEW v_race_state; DROP VIEW v_race;"
             "DROP TABLE race; DROP TABLE race_look; DROP TABLE race_decision; DROP TABLE asked;"
             "DROP VIEW v_progress; CREATE VIEW v_progress AS SELECT 3 AS since;"
             "DROP VIEW v_run; CREATE VIEW v_run AS SELECT 1 AS since;"
             "ALTER TABLE sweep DROP COLUMN race");
    exec(db, "ALTER TABLE attempt DROP COLUMN reason; DROP TABLE highest_id; COMMIT;"
             "PRAGMA user_version = 4");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* An epoch that has no outputs of D, and all others: the same rows whether they are read where they
 * lie or brought over. */
START_TEST(outputs_of_d_move_into_epoch)
{
    static const char *const rows[] = {"SELECT * FROM epoch ORDER BY run_id, epoch",
                                       "SELECT * FROM d_output ORDER BY run_id, epoch"};
    int64_t ids[2];
    char *before[3], *after;
    struct pxs_store *s = open_store();
    plan_sweep(s, "a", 2, 1, ids);
    whole_run(s, ids[0], 4, "completed");
    whole_run(s, ids[1], 2, "completed");
    ck_ok(pxs_sql_exec(s->sql, "UPDATE epoch SET D_real = NULL, D_fake = NULL WHERE epoch = 1",
                       &err));
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM d_output"), 4);
    for (int c = 0; c < PXS_EPOCH_N; c++) { /* no file of then has what came later */
        const struct pxs_epoch_info *column = pxs_epoch_info((enum pxs_epoch_column)c);
        char sql[100];
        snprintf(sql, sizeof sql, "UPDATE epoch SET %s = NULL", column->name);
        if (column->since > pxs_epoch_info(PXS_EPOCH_D_real)->since)
            ck_ok(pxs_sql_exec(s->sql, sql, &err));
    }
    for (int i = 0; i < 2; i++)
        before[i] = sql_dump(s, rows[i]);
    before[2] = sql_dump(s, all_objects);
    pxs_store_close(&s);
    make_v4();
    s = open_reader();
    for (int i = 0; i < 2; i++) {
        after = sql_dump(s, rows[i]);
        ck_assert_str_eq(after, before[i]);
        free(after);
    }
    pxs_store_close(&s);
    ck_assert_int_eq(version_of(db_path()), 4);
    s = open_store();
    ck_assert_ptr_nonnull(strstr(pxs_store_note(s), "from schema version 4 to "));
    for (int i = 0; i < 3; i++) {
        after = sql_dump(s, i < 2 ? rows[i] : all_objects);
        ck_assert_str_eq(after, before[i]);
        free(after);
        free(before[i]);
    }
    pxs_store_close(&s);
}
END_TEST

/* The steps from version 3 on alone, for files that have taken the others before. */
START_TEST(a_file_of_version_3_gains_best_samples)
{
    sqlite3 *db;
    struct pxs_store *s = open_store();
    char *fresh = sql_dump(s, all_objects);
    pxs_store_close(&s);
    make_v4();
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    exec(db, "DROP TABLE best_sample; PRAGMA user_version = 3");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    s = open_reader();
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM best_sample"), 0);
    pxs_store_close(&s);
    s = open_store();
    ck_assert_ptr_nonnull(strstr(pxs_store_note(s), "from schema version 3 to "));
    char *migrated = sql_dump(s, all_objects);
    ck_assert_str_eq(migrated, fresh);
    free(migrated);
    free(fresh);
    pxs_store_close(&s);
}
END_TEST

/* What messages said until then becomes a reason, once; a reader of the file as it is sees the
 * same. */
START_TEST(messages_of_version_4_become_reasons)
{
    static const char *const rows[][4] = {
        /* outcome, signal, message, reason */
        {"completed", "NULL", "", "completed"},
        {"diverged", "NULL", "loss_G is nan", "diverged"},
        {"pruned", "NULL", "validation loss 2", "pruned"},
        {"cancelled", "NULL", "cancelled at step 3", "cancelled"},
        {"failed", "NULL", "timed out: run.timeout is 8 h; stopped at step 3", "timeout"},
        {"failed", "NULL", "its record file is damaged: byte 5", "damaged_record"},
        {"failed", "9", "killed by signal 9 (Killed) at step 3: out of memory, by the kernel",
         "out_of_memory"},
        {"failed", "9", "killed by signal 9 (Killed) at step 3: by somebody, or by the system",
         "killed"},
        {"failed", "11", "killed by signal 11 (Segmentation fault) at step 3", "crash"},
        {"failed", "NULL",
         "exited with code 7 at step 3 without a last record\n  the end of its log", "crash"},
        {"failed", "NULL", "data were timed out", "error"},
        {"interrupted", "NULL", "nobody wrote down how it ended", "lost"},
        {"interrupted", "NULL", "/x/records.bin, byte 77: no record", "damaged_record"},
        {"interrupted", "NULL", "cannot write config.yaml: No space left on device", "no_space"},
        {"interrupted", "NULL", "stopped at step 3", "stopped"},
    };
    sqlite3 *db;
    struct pxs_store *s = open_store();
    int64_t ids[1];
    plan_sweep(s, "a", 1, 1, ids);
    pxs_store_close(&s);
    make_v4();
    ck_assert_int_eq(sqlite3_open(db_path(), &db), SQLITE_OK);
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        char sql[500];
        snprintf(sql, sizeof sql,
                 "INSERT INTO attempt (run_id, no, started_ms, ended_ms, outcome, signal, message) "
                 "VALUES (1, %d, 5, 6, '%s', %s, '%s')",
                 (int)i + 1, rows[i][0], rows[i][1], rows[i][2]);
        exec(db, sql);
    }
    exec(db, "INSERT INTO attempt (run_id, no, started_ms) VALUES (1, 99, 5)");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    for (int migrated = 0; migrated < 2; migrated++) {
        s = migrated ? open_store() : open_reader();
        for (size_t i = 0; i < PXS_COUNT(rows); i++) {
            ck_assert_str_eq(sql_text(s, "SELECT reason FROM attempt WHERE no = %d", (int)i + 1),
                             rows[i][3]);
            ck_assert_int_ne(pxs_reason_parse(rows[i][3]), PXS_REASON_NONE);
        }
        ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM attempt WHERE reason IS NULL"), 1);
        int64_t crashes, timeouts;
        ck_ok(pxs_store_failures(s, ids[0], &crashes, &timeouts, &err));
        ck_assert_int_eq(crashes * 10 + timeouts, 61);
        pxs_store_close(&s);
    }
}
END_TEST

START_TEST(no_backup_is_overwritten)
{
    make_v1();
    ck_ok(pxs_write_file(beside(".v1.backup"), "mine", 4, &err));
    struct pxs_store *s = open_store();
    ck_assert_ptr_nonnull(strstr(pxs_store_note(s), ".v1.backup-2"));
    pxs_store_close(&s);
    ck_assert_int_eq(version_of(beside(".v1.backup-2")), 1);
    char *data;
    size_t bytes;
    ck_ok(pxs_read_file(beside(".v1.backup"), 100, &data, &bytes, &err));
    ck_assert_uint_eq(bytes, 4);
    free(data);
}
END_TEST

/* Where no backup can be made, nothing is changed. */
START_TEST(no_backup_no_migration)
{
    char dir[500];
    make_v1();
    snprintf(dir, sizeof dir, "%s/results", test_folder());
    struct pxs_store *s = NULL;
    char temp[600];
    snprintf(temp, sizeof temp, "%s.v1.backup.tmp.%d", db_path(), (int)getpid());
    ck_ok(pxs_make_dirs(temp, &err)); /* in the way of the backup */
    ck_fails(pxs_store_open(db_path(), &s, &err), PXS_E_IO, "from schema version 1 to ");
    ck_assert_ptr_null(s);
    ck_assert_int_eq(version_of(db_path()), 1);
}
END_TEST

/* kill -9 before the n-th statement that opening runs, for every n: version 1 without the tables or
 * the newest with them, and the next opening works. */
static int statements_left;

static int count_down(unsigned type, void *user, void *stmt, void *text) {
    (void)type, (void)user, (void)stmt, (void)text;
    if (--statements_left == 0)
        raise(SIGKILL);
    return 0;
}

static int trace_it(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
    (void)message, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_down, NULL);
}

/* True if it was killed. */
static bool open_killed_at(int n) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct pxs_store *s;
        statements_left = n;
        sqlite3_auto_extension((void (*)(void))trace_it);
        _exit(pxs_store_open(db_path(), &s, NULL) == PXS_OK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

START_TEST(killed_before_any_statement)
{
    enum { STRIDE = PXS_SANITIZED ? 4 : 1 };
    int n = 1, before = 0;
    for (bool killed = true; killed; n += STRIDE) {
        make_v1();
        killed = open_killed_at(n);
        int64_t version = version_of(db_path());
        ck_assert(killed || version == PXS_SCHEMA_VERSION);
        before += version == 1;
        struct pxs_store *s = open_reader();
        ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM main.sqlite_schema WHERE name IN "
                                    "('retry', 'rung', 'best_sample') OR "
                                    "(name = 'attempt' AND sql LIKE '%%reason%%')"),
                         version == 1 ? 0 : 4);
        pxs_store_close(&s);
        s = open_store();
        ck_assert_int_eq(sql_int(s, "PRAGMA user_version"), PXS_SCHEMA_VERSION);
        ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM run"), 2);
        ck_assert_str_eq(sql_text(s, "PRAGMA integrity_check"), "ok");
        pxs_store_close(&s);
        test_folder_remove();
        test_folder_make();
    }
    ck_assert_int_gt(before, 10 / STRIDE);
    ck_assert_int_lt(n, 200);
}
END_TEST

/* Two that open an old file at once: one migrates, both work. */
START_TEST(two_migrate_at_once)
{
    pid_t pids[4];
    int status;
    make_v1();
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct pxs_store *s;
            _exit(pxs_store_open(db_path(), &s, NULL) == PXS_OK &&
                          pxs_store_event(s, 0, i, PXS_LOG_INFO, "k", "m", NULL) == PXS_OK
                      ? 0
                      : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct pxs_store *s = open_store();
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM event"), 4);
    ck_assert(!exists(beside(".v1.backup-2")));
    pxs_store_close(&s);
}
END_TEST

TCase *migrate_case(void) {
    TCase *c = tcase_create("migrate");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, an_old_file_becomes_as_a_new_one);
    tcase_add_test(c, an_old_file_is_read_as_it_is);
    tcase_add_test(c, outputs_of_d_move_into_epoch);
    tcase_add_test(c, a_file_of_version_3_gains_best_samples);
    tcase_add_test(c, messages_of_version_4_become_reasons);
    tcase_add_test(c, no_backup_is_overwritten);
    tcase_add_test(c, no_backup_no_migration);
    tcase_add_test(c, killed_before_any_statement);
    tcase_add_test(c, two_migrate_at_once);
    return c;
}
