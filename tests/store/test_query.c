/* The user's SQL: what is allowed, what is said otherwise, how values arrive; the named
 * questions. */
#include "store_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct pxs_store *filled(void) {
    struct pxs_store *s = open_store();
    int64_t ids[4];
    plan_sweep(s, "lr", 2, 2, ids);
    whole_run(s, ids[0], 4, "completed");
    return s;
}

START_TEST(reading_statements_run)
{
    static const char *const fine[] = {
        "SELECT * FROM run",
        "  -- a comment\n;; SELECT 1; -- and one behind",
        "WITH r AS (SELECT * FROM run) SELECT count(*) FROM r",
        ("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i "
         "FROM n"),
        "VALUES (1), (2)",
        "EXPLAIN SELECT * FROM v_run",
        "EXPLAIN QUERY PLAN SELECT * FROM v_schedule",
        "PRAGMA table_info(run)",
        "PRAGMA table_list",
        "PRAGMA index_list(run)",
        "PRAGMA integrity_check",
        "PRAGMA user_version",
        "PRAGMA journal_mode",
        "SELECT name FROM pragma_table_info('epoch')",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT sqrt(2), printf('%.3f', 1.0), median FROM (SELECT 1 AS median)",
        "SELECT sum(loss_G) OVER (ORDER BY step) FROM batch_loss",
        "SELECT sql FROM sqlite_schema"};
    struct pxs_store *s = filled();
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < PXS_COUNT(fine); i++) {
            struct pxs_table t;
            ck_ok(pxs_store_select(s, fine[i], NULL, 0, &t, &err));
            ck_assert_msg(t.n_rows > 0, "no rows: %s", fine[i]);
            pxs_table_finish(&t);
        }
        pxs_store_close(&s);
        s = open_reader();
    }
    pxs_store_close(&s);
}
END_TEST

/* On a store that could write, too. */
START_TEST(everything_else_is_refused)
{
    static const struct {
        const char *sql, *words;
    } bad[] = {
        {"INSERT INTO event (at_ms, level, kind, message) VALUES (1, 'info', 'a', 'b')",
         "INSERT is not reading"},
        {"UPDATE run SET seed = 1", "UPDATE is not reading"},
        {"UPDATE run SET seed = 1 RETURNING *", "UPDATE is not reading"},
        {"DELETE FROM run",
         "DELETE is not reading; WITH name AS (SELECT ...) gives a part of a query a name; for "
         "anything else take a copy, `pixsweep backup COPY.db`, and open it with sqlite3"},
        {"WITH a AS (SELECT 1) DELETE FROM run", "DELETE is not reading"},
        {"EXPLAIN DELETE FROM run", "DELETE is not reading"},
        {"REPLACE INTO sweep VALUES (1, 'a', 'b', 'c', 1, 'open', 1)", "is not reading"},
        {"CREATE TABLE x (a)", "a change of the schema is not reading"},
        {"CREATE TEMP TABLE x (a)",
         "to make a temporary table or view is not reading; WITH name AS (SELECT ...) gives a "
         "part of a query a name"},
        {"CREATE TEMP VIEW x AS SELECT 1", "to make a temporary table or view is not reading"},
        {"CREATE VIEW x AS SELECT 1", "a change of the schema is not reading"},
        {"CREATE TRIGGER x AFTER INSERT ON run BEGIN SELECT 1; END",
         "a change of the schema is not reading"},
        {"CREATE VIRTUAL TABLE x USING fts5(a)", "a change of the schema is not reading"},
        {"ALTER TABLE run ADD COLUMN x", "is not reading"},
        {"DROP TABLE run", "is not reading"},
        {"DROP VIEW v_run", "is not reading"},
        {"REINDEX", "is not reading"},
        {"ANALYZE", "is not reading"},
        {"VACUUM", "only reading is allowed here; WITH name"},
        {"VACUUM INTO '/tmp/pxs-never'", "only reading is allowed here"},
        {"ATTACH '/tmp/pxs-never' AS x", "ATTACH or DETACH is not reading"},
        {"DETACH main", "ATTACH or DETACH is not reading"},
        {"BEGIN", "a transaction is not reading"},
        {"COMMIT", "a transaction is not reading"},
        {"SAVEPOINT a", "a transaction is not reading"},
        {"INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)", "may not be modified"},
        {"PRAGMA user_version = 9", "this PRAGMA is not reading"},
        {"PRAGMA journal_mode = DELETE", "this PRAGMA is not reading"},
        {"PRAGMA query_only = OFF", "this PRAGMA is not reading"},
        {"PRAGMA writable_schema = ON", "this PRAGMA is not reading"},
        {"PRAGMA wal_checkpoint", "this PRAGMA is not reading"},
        {"PRAGMA optimize", "this PRAGMA is not reading"},
        {"SELECT load_extension('x')", "this function is not reading"},
        {"SELECT 1; SELECT 2", "one statement at a time"},
        {"SELECT 1; DELETE FROM run", "one statement at a time"},
        {"", "there is no SQL to run"},
        {" ; -- nothing\n", "there is no SQL to run"},
    };
    struct pxs_store *s = filled();
    char *before = sql_dump(s, "SELECT * FROM sqlite_schema, run");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < PXS_COUNT(bad); i++) {
            struct pxs_table t;
            struct pxs_error err = {.message = ""};
            ck_assert_msg(pxs_store_select(s, bad[i].sql, NULL, 0, &t, &err) == PXS_E_INVALID, "%s",
                          bad[i].sql);
            ck_assert_msg(strstr(err.message, bad[i].words), "%s: %s", bad[i].sql, err.message);
        }
        char *after = sql_dump(s, "SELECT * FROM sqlite_schema, run");
        ck_assert_str_eq(before, after);
        free(after);
        pxs_store_close(&s);
        s = round ? NULL : open_reader();
    }
    free(before);
    ck_assert(!exists("/tmp/pxs-never"));
    s = open_store(); /* and it still writes */
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    pxs_store_close(&s);
}
END_TEST

START_TEST(mistakes_are_pointed_at)
{
    struct pxs_store *s = filled();
    struct pxs_table t;
    struct pxs_error err;
    ck_assert_int_eq(pxs_store_select(s, "SELECT name\nFORM run", NULL, 0, &t, &err),
                     PXS_E_INVALID);
    ck_assert_str_eq(err.message, "SQL: near \"run\": syntax error\n  FORM run\n       ^");
    ck_assert_int_eq(pxs_store_select(s, "SELECT '\xe5\xad\x97', nmae FROM run", NULL, 0, &t, &err),
                     PXS_E_INVALID);
    ck_assert_ptr_nonnull(
        strstr(err.message, "SQL: no such column: nmae; did you mean name?\n  run has run_id, "));
    ck_assert_ptr_nonnull(
        strstr(err.message, "\n  SELECT '\xe5\xad\x97', nmae FROM run\n              ^"));
    ck_assert_int_eq(pxs_store_select(s, "SELECT * FROM runs", NULL, 0, &t, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "no such table: runs; did you mean run?"));
    ck_assert_int_eq(pxs_store_select(s, "SELECT json('{')", NULL, 0, &t, &err), PXS_E_INVALID);
    ck_assert_str_eq(err.message, "SQL: malformed JSON");
    ck_assert_int_eq(pxs_store_select(s, "SELECT ?1, ?2", NULL, 0, &t, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "2 parameters"));
    pxs_store_close(&s);
}
END_TEST

START_TEST(text_without_quotes_is_understood)
{
    static const struct {
        const char *sql, *words;
    } bad[] = {
        {"SELECT * FROM run WHERE state = completed",
         "no such column: completed; text stands in single quotes: "
         "'completed'; there is one in v_progress\n  run has"},
        {"SELECT * FROM run WHERE state IN\n(done, x)", "; text stands in single quotes: 'done'"},
        {"SELECT * FROM run WHERE state like lr-64", "; text stands in single quotes: 'lr-64'"},
        {"SELECT * FROM run WHERE seed = nmae;",
         "did you mean name? As text it stands in single quotes: 'nmae'"},
    };
    static const char *const other[] = {"SELECT completed FROM run",
                                        "SELECT * FROM run WHERE completed = 1",
                                        "SELECT * FROM run WHERE (completed)"};
    struct pxs_store *s = filled();
    struct pxs_table t;
    struct pxs_error err;
    for (size_t i = 0; i < PXS_COUNT(bad); i++) {
        ck_assert_int_eq(pxs_store_select(s, bad[i].sql, NULL, 0, &t, &err), PXS_E_INVALID);
        ck_assert_msg(strstr(err.message, bad[i].words), "%s", err.message);
    }
    for (size_t i = 0; i < PXS_COUNT(other); i++) {
        ck_assert_int_eq(pxs_store_select(s, other[i], NULL, 0, &t, &err), PXS_E_INVALID);
        ck_assert_msg(!strstr(err.message, "quotes"), "%s", err.message);
    }
    pxs_store_close(&s);
}
END_TEST

START_TEST(values_arrive_as_they_are)
{
    struct pxs_store *s = filled();
    struct pxs_table t;
    struct pxs_cell args[] = {
        pxs_cell_int(INT64_MIN), pxs_cell_real(0.1), pxs_cell_text("\xe5\xad\x97"),
        pxs_cell_text(NULL),     pxs_cell_real(NAN), pxs_cell_text("")};
    ck_ok(pxs_store_select(
        s, "SELECT ?1 AS a, ?2 AS b, ?3 AS c, ?4 AS d, ?5 AS e, ?6 AS f, x'00ff' AS g, x'' AS h",
        args, 6, &t, &err));
    ck_assert_uint_eq(t.n_columns, 8);
    ck_assert_uint_eq(t.n_rows, 1);
    ck_assert_str_eq(t.columns[6], "g");
    ck_assert_int_eq(t.cells[0].kind, PXS_CELL_INT);
    ck_assert_int_eq(t.cells[0].integer, INT64_MIN);
    ck_assert_double_eq(t.cells[0].real, -9223372036854775808.0);
    ck_assert_int_eq(t.cells[1].kind, PXS_CELL_REAL);
    ck_assert_double_eq(t.cells[1].real, 0.1);
    ck_assert_str_eq(t.cells[2].text, "\xe5\xad\x97");
    ck_assert_uint_eq(t.cells[2].bytes, 3);
    ck_assert_int_eq(t.cells[3].kind, PXS_CELL_NULL);
    ck_assert_int_eq(t.cells[4].kind, PXS_CELL_NULL);
    ck_assert_str_eq(t.cells[5].text, "");
    ck_assert_str_eq(t.cells[6].text, "00ff");
    ck_assert_str_eq(t.cells[7].text, "");
    ck_assert_str_eq(pxs_table_at(&t, 0, "c").text, "\xe5\xad\x97");
    ck_assert_int_eq(pxs_table_at(&t, 1, "c").kind, PXS_CELL_NULL);
    ck_assert_int_eq(pxs_table_at(&t, 0, "z").kind, PXS_CELL_NULL);
    pxs_table_finish(&t);
    ck_assert_uint_eq(t.n_rows, 0);
    pxs_table_finish(&t);
    pxs_store_close(&s);
}
END_TEST

START_TEST(an_empty_result_has_names)
{
    struct pxs_store *s = filled();
    struct pxs_table t;
    ck_ok(pxs_store_select(s, "SELECT name, seed FROM run WHERE seed > 100", NULL, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 0);
    ck_assert_uint_eq(t.n_columns, 2);
    ck_assert_str_eq(t.columns[1], "seed");
    pxs_table_finish(&t);
    pxs_store_close(&s);
}
END_TEST

static enum pxs_status stop_at_three(void *user, const char *const *columns,
                                     const struct pxs_cell *cells, size_t n,
                                     struct pxs_error *err) {
    int *calls = user;
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(columns[1], "loss_G");
    ck_assert_int_eq(cells == NULL, *calls == 0);
    return ++*calls == 4 ? pxs_fail(err, PXS_E_STOPPED, "enough") : PXS_OK;
}

START_TEST(a_listener_can_stop)
{
    struct pxs_store *s = filled();
    int calls = 0;
    ck_fails(pxs_store_query(s, "SELECT step, loss_G FROM batch_loss", stop_at_three, &calls, &err),
             PXS_E_STOPPED, "enough");
    ck_assert_int_eq(calls, 4);
    ck_ok(pxs_store_event(s, 0, 1, PXS_LOG_INFO, "k", "m", &err));
    pxs_store_close(&s);
}
END_TEST

START_TEST(every_named_question_is_answered)
{
    static const char *const first[PXS_QUERY_COUNT] = {
        [PXS_QUERY_PROGRESS] = "sweep_id",   [PXS_QUERY_RUNS] = "run_id",
        [PXS_QUERY_RUN] = "run_id",          [PXS_QUERY_SCHEDULES] = "sweep",
        [PXS_QUERY_SWEEP_PARAMS] = "run_id", [PXS_QUERY_PARAMS] = "key",
        [PXS_QUERY_ATTEMPTS] = "attempt_id", [PXS_QUERY_ENVIRONMENT] = "key",
        [PXS_QUERY_EPOCHS] = "run_id",       [PXS_QUERY_BATCHES] = "run_id",
        [PXS_QUERY_SAMPLES] = "run_id",      [PXS_QUERY_CHECKPOINTS] = "run_id",
        [PXS_QUERY_EVENTS] = "event_id"};
    struct pxs_store *s = filled();
    ck_ok(pxs_store_event(s, 1, 1, PXS_LOG_INFO, "k", "m", &err));
    pxs_store_close(&s);
    s = open_reader();
    for (int q = 0; q < PXS_QUERY_COUNT; q++) {
        struct pxs_table t;
        ck_ok(pxs_store_ask(s, (enum pxs_query)q, 1, &t, &err)); /* sweep 1, run 1 */
        ck_assert_msg(t.n_rows > 0, "query %d has no rows", q);
        ck_assert_msg(strcmp(t.columns[0], first[q]) == 0, "query %d: %s", q, t.columns[0]);
        pxs_table_finish(&t);
        ck_ok(pxs_store_ask(s, (enum pxs_query)q, 77, &t, &err));
        ck_assert_uint_eq(t.n_rows, 0);
        pxs_table_finish(&t);
    }
    struct pxs_table t;
    ck_fails(pxs_store_ask(s, PXS_QUERY_COUNT, 1, &t, &err), PXS_E_INTERNAL, "query");
    pxs_store_close(&s);
}
END_TEST

static double aggregate(struct pxs_store *s, const char *what, const char *values) {
    return sql_real(s, "SELECT %s FROM (SELECT column1 AS x FROM (VALUES %s))", what, values);
}

START_TEST(deviation_and_median)
{
    struct pxs_store *s = open_store();
    pxs_store_close(&s);
    s = open_reader();
    ck_assert_double_eq(aggregate(s, "stddev(x)", "(1), (2.0), (NULL), (3), (4)"), sqrt(5.0 / 3));
    ck_assert_double_eq_tol(aggregate(s, "stddev(x)", "(1e9 + 1), (1e9 + 2), (1e9 + 3)"), 1, 1e-9);
    ck_assert_double_eq(aggregate(s, "median(x)", "(9), (NULL), (-1), (4)"), 4);
    ck_assert_double_eq(aggregate(s, "median(x)", "(9), (5.5), (-1), (4)"), 4.75);
    ck_assert_double_eq(aggregate(s, "median(x)", "(7)"), 7);
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(coalesce(d, '-') || ' ' || coalesce(m, '-')) "
                                 "FROM (SELECT stddev(y) AS d, median(y) AS m FROM (SELECT column1 "
                                 "AS x, column2 AS y FROM (VALUES (1, NULL), (2, 5), (3, 5), (3, "
                                 "5))) GROUP BY x)"),
                     "- -,- 5.0,0.0 5.0");
    /* no rows at all */
    ck_assert_int_eq(sql_int(s, "SELECT stddev(name) IS NULL AND median(name) IS NULL FROM run"),
                     1);
    struct pxs_table t;
    ck_fails(pxs_store_select(s, "SELECT median(x) FROM (SELECT 1 AS x UNION ALL SELECT 'a')", NULL,
                              0, &t, &err),
             PXS_E_INVALID, "stddev() and median() are for numbers");
    pxs_store_close(&s);
}
END_TEST

TCase *query_case(void) {
    TCase *c = tcase_create("query");
    tcase_set_timeout(c, 30);
    tcase_add_test(c, reading_statements_run);
    tcase_add_test(c, everything_else_is_refused);
    tcase_add_test(c, mistakes_are_pointed_at);
    tcase_add_test(c, text_without_quotes_is_understood);
    tcase_add_test(c, values_arrive_as_they_are);
    tcase_add_test(c, an_empty_result_has_names);
    tcase_add_test(c, a_listener_can_stop);
    tcase_add_test(c, every_named_question_is_answered);
    tcase_add_test(c, deviation_and_median);
    return c;
}
