/* docs/sql.md: every query in it runs on a database like a user's and answers with at least one
 * row. docs/contracts.md: the schema that it promises is the one that a new file gets. */
#include "store_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* Sweep lr_schedules: three rates-and-schedules with three seeds each; one seed diverged, one
 * failed, one is at work. */
static struct pxs_store *plausible(void) {
    static const struct {
        double rate;
        int policy;
        int64_t lrgd;
        const char *differs;
    } configs[] = {{1e-4, PXS_LR_HALVE, 90, "lrgd-90"},
                   {2e-4, PXS_LR_HALVE, 25, "lrgd-25_learning_rate_G-2e-4"},
                   {2e-4, PXS_LR_CONSTANT, 90, "lr_policy_G-constant"}};
    enum { N = 9 };
    struct pxs_store *s = open_store();
    struct pxs_params *p = calloc(N, sizeof *p);
    struct pxs_store_plan_run runs[N];
    struct pxs_store_plan plan;
    char names[N][128];
    for (int i = 0; i < N; i++) {
        p[i] = small_params(0, i % 3);
        p[i].learning_rate_G = configs[i / 3].rate;
        p[i].lr_policy_G = configs[i / 3].policy;
        p[i].lrgd = configs[i / 3].lrgd;
        fill_plan_run(&runs[i], i, "lr_schedules", i + 1, i / 3, i % 3, &p[i]);
        snprintf(names[i], sizeof names[i], "lr_schedules/%04d-%s-s%d", i + 1,
                 configs[i / 3].differs, i % 3);
        runs[i].new_name = names[i];
    }
    ck_ok(pxs_store_plan(s, "lr_schedules", "name: lr_schedules\n", "00", runs, N, &plan, &err));
    for (int i = 0; i < N - 1; i++)
        whole_run(s, runs[i].run_id, i == 6 ? 1 : 4,
                  i == 6   ? "diverged"
                  : i == 7 ? "failed"
                           : "completed");
    take_run(s, runs[N - 1].run_id);
    pxs_store_plan_finish(&plan);
    free(p);
    return s;
}

/* The next ```sql block from *text on, NUL-terminated in place; NULL at the end. */
static char *next_block(char **text) {
    char *start = strstr(*text, "\n```sql\n");
    if (!start)
        return NULL;
    start += strlen("\n```sql\n");
    char *end = strstr(start, "\n```\n");
    ck_assert_msg(end, "a block without an end: %.60s", start);
    *end = '\0';
    *text = end + 1;
    return start;
}

START_TEST(every_query_answers)
{
    struct pxs_store *s = plausible();
    pxs_store_close(&s);
    s = open_reader();
    char *doc, *text, *sql;
    size_t bytes;
    int n = 0;
    ck_ok(pxs_read_file(PXS_SQL_DOC, 1 << 20, &doc, &bytes, &err));
    text = doc;
    while ((sql = next_block(&text))) {
        struct pxs_table t;
        struct pxs_error err = {.message = ""};
        ck_assert_msg(pxs_store_select(s, sql, NULL, 0, &t, &err) == PXS_OK, "%s\n%s", err.message,
                      sql);
        ck_assert_msg(t.n_rows > 0, "no row for:\n%s", sql);
        for (size_t c = 0; c < t.n_columns;
             c++) { /* a column that never says anything is a mistake, too */
            bool says = false;
            for (size_t r = 0; r < t.n_rows; r++)
                says = says || t.cells[r * t.n_columns + c].kind != PXS_CELL_NULL;
            ck_assert_msg(says, "column %s is empty in:\n%s", t.columns[c], sql);
        }
        pxs_table_finish(&t);
        n++;
    }
    ck_assert_msg(n >= 10, "only %d queries", n);
    free(doc);
    pxs_store_close(&s);
}
END_TEST

/* A user finds every table and view in it. */
START_TEST(every_table_is_named)
{
    struct pxs_store *s = open_store();
    struct pxs_table t;
    char *doc;
    size_t bytes;
    ck_ok(pxs_read_file(PXS_SQL_DOC, 1 << 20, &doc, &bytes, &err));
    ck_ok(pxs_store_select(
        s,
        "SELECT '`' || name || '`' FROM sqlite_schema WHERE type IN ('table', 'view') AND "
        "name NOT LIKE 'sqlite%'",
        NULL, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 27);
    for (size_t i = 0; i < t.n_rows; i++)
        ck_assert_msg(strstr(doc, t.cells[i].text), "docs/sql.md does not name %s",
                      t.cells[i].text);
    pxs_table_finish(&t);
    free(doc);
    pxs_store_close(&s);
}
END_TEST

/* Whether the names of `columns` ("a, b, c") stand in this order, as whole words, in the rest of
 * the line. */
static const char *missing_in_line(const char *line, char *columns) {
    const char *end = line + strcspn(line, "\n");
    char *rest = NULL;
    for (char *name = strtok_r(columns, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        const char *at = strstr(line, name);
        while (at && at < end && (strchr(LETTERS, at[-1]) || strchr(LETTERS, at[strlen(name)])))
            at = strstr(at + 1, name);
        if (!at || at >= end)
            return name;
        line = at + strlen(name);
    }
    return NULL;
}

/* A row of docs/contracts.md for each table and view, with every column in the schema's order. */
START_TEST(every_column_is_promised)
{
    struct pxs_store *s = open_store();
    struct pxs_table t;
    char *doc;
    size_t bytes;
    ck_ok(pxs_read_file(PXS_CONTRACTS_DOC, 1 << 20, &doc, &bytes, &err));
    ck_ok(pxs_store_select(
        s,
        "SELECT '\n| `' || m.name || '` | ' AS head, group_concat(c.name, ', ') AS columns "
        "FROM sqlite_schema m, pragma_table_info(m.name) c "
        "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%' GROUP BY m.name",
        NULL, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 27);
    for (size_t i = 0; i < t.n_rows; i++) {
        struct pxs_cell head = pxs_table_at(&t, i, "head"),
                        columns = pxs_table_at(&t, i, "columns");
        const char *row = strstr(doc, head.text);
        ck_assert_msg(row, "docs/contracts.md has no row%s", head.text);
        char *names = strdup(columns.text);
        const char *missing = missing_in_line(row + strlen(head.text), names);
        ck_assert_msg(!missing, "docs/contracts.md: the row%s lacks %s, or has it in another place",
                      head.text, missing);
        free(names);
    }
    pxs_table_finish(&t);
    free(doc);
    pxs_store_close(&s);
}
END_TEST

TCase *docs_case(void) {
    TCase *c = tcase_create("docs");
    tcase_add_test(c, every_query_answers);
    tcase_add_test(c, every_table_is_named);
    tcase_add_test(c, every_column_is_promised);
    return c;
}
