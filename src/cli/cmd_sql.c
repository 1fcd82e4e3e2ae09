/* sql: the user's own question, row by row; and of the sqlite3 shell's dot commands those that tell
 * what there is. */
#include "cli.h"
#include "pixsweep/params.h"

#include <errno.h>
#include <string.h>

/* ---- dot commands --------------------------------------------------------------------------- */

static const char tables_sql[] =
    "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE "
    "'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC, name";
static const char schema_sql[] = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND "
                                 "(?1 IS NULL OR name = ?1 COLLATE "
                                 "NOCASE OR tbl_name = ?1 COLLATE NOCASE) ORDER BY type DESC, name";
static const char shell_words[] =
    "here work .tables, .schema [NAME] and .help, and any reading SQL; "
    "--format csv, json or jsonl is in place of .mode; the rest "
    "is in the shell: sqlite3";

static enum pxs_status no_such_table(struct pxs_store *s, const char *name, struct pxs_error *err) {
    struct pxs_table tables = {0};
    struct pxs_text list = {0}, quoted = {0};
    const char *names[256], *near;
    size_t n = 0;
    PXS_TRY(pxs_store_select(s, tables_sql, NULL, 0, &tables, err));
    for (; n < tables.n_rows && n < PXS_COUNT(names); n++)
        names[n] = pxs_table_at(&tables, n, "name").text;
    near = pxs_nearest_word(name, names, n);
    for (size_t i = 0; i < tables.n_rows; i++)
        pxs_text_addf(&list, "%s%s", i > 0 ? ", " : "", pxs_table_at(&tables, i, "name").text);
    pxs_text_add_quoted(&quoted, name);
    pxs_fail(err, PXS_E_NOT_FOUND, "there is no table or view %s%s%s%s %s", pxs_text_str(&quoted),
             near ? "; did you mean " : "", near ? near : "", near ? "? There are" : "; there are",
             pxs_text_str(&list));
    pxs_table_finish(&tables);
    pxs_text_finish(&list);
    pxs_text_finish(&quoted);
    return PXS_E_NOT_FOUND;
}

/* As the statements that made it, or as rows where --format asks for data. */
static enum pxs_status put_schema(const struct cli *cli, struct pxs_store *s, const char *name,
                                  struct pxs_text *out, struct pxs_error *err) {
    struct pxs_table made = {0};
    const struct pxs_cell arg = pxs_cell_text(name);
    PXS_TRY(pxs_store_select(s, schema_sql, &arg, 1, &made, err));
    enum pxs_status status = PXS_OK;
    if (made.n_rows == 0)
        status = no_such_table(s, name, err);
    else if (cli->format != PXS_FORMAT_TABLE)
        status = pxs_report_table(&made, NULL, cli->format, 0, out, err);
    for (size_t i = 0; status == PXS_OK && cli->format == PXS_FORMAT_TABLE && i < made.n_rows; i++)
        pxs_text_addf(out, "%s;\n", pxs_table_at(&made, i, "sql").text);
    pxs_table_finish(&made);
    return status;
}

/* ".schema run;": a command and its argument. */
static enum pxs_status dot(const struct cli *cli, struct pxs_store *s, const char *query,
                           struct pxs_text *out, struct pxs_error *err) {
    char line[256], *rest = NULL;
    snprintf(line, sizeof line, "%s", query);
    const char *command = strtok_r(line, " \t\r\n;", &rest),
               *name = strtok_r(NULL, " \t\r\n;\"'", &rest);
    struct pxs_text quoted = {0};
    struct pxs_table tables = {0};
    if (strcmp(command, ".schema") == 0)
        return put_schema(cli, s, name, out, err);
    if (strcmp(command, ".tables") == 0) {
        PXS_TRY(pxs_store_select(s, tables_sql, NULL, 0, &tables, err));
        const enum pxs_status status =
            pxs_report_table(&tables, NULL, cli->format, cli_output_width(), out, err);
        pxs_table_finish(&tables);
        return status;
    }
    if (strcmp(command, ".help") == 0) {
        pxs_text_add_words(out, "%s %s\n", shell_words, pxs_store_path(s));
        return PXS_OK;
    }
    pxs_text_add_quoted(&quoted, command);
    pxs_fail(err, PXS_E_INVALID, "%s is a command of the sqlite3 shell; %s %s",
             pxs_text_str(&quoted), shell_words, pxs_store_path(s));
    pxs_text_finish(&quoted);
    return PXS_E_INVALID;
}

/* ---- SQL ------------------------------------------------------------------------------------ */

/* Rows go to stdout as they come, so `out` stays empty; a query that was begun is not tried
 * again. */
static enum pxs_status read_sql(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                struct pxs_error *err) {
    struct pxs_rows *rows = NULL;
    struct pxs_text query = {0};
    enum pxs_status status = PXS_OK;
    if (strcmp(cli->args[0], "-") == 0) {
        char buf[4096];
        size_t n;
        while ((n = fread(buf, 1, sizeof buf, stdin)) > 0)
            pxs_text_add_n(&query, buf, n);
        if (ferror(stdin))
            status = pxs_fail_errno(err, "cannot read standard input");
    } else {
        pxs_text_add(&query, cli->args[0]);
    }
    if (status == PXS_OK)
        status = pxs_text_status(&query, err);
    if (status != PXS_OK)
        goto out;

    const char *asked = pxs_text_str(&query) + strspn(pxs_text_str(&query), " \t\r\n");
    if (*asked == '.') {
        status = dot(cli, s, asked, out, err);
        goto out;
    }
    status = pxs_rows_create(cli->format, cli_output_width(), cli_sink(), &rows, err);
    if (status == PXS_OK)
        status = pxs_store_query(s, pxs_text_str(&query), pxs_rows_row, rows, err);
    if (status == PXS_OK)
        status = pxs_rows_end(rows, err);
    if (status == PXS_E_BUSY)
        status = pxs_fail(err, PXS_E_IO, "the database changed while it was read; ask again");
out:
    pxs_rows_destroy(&rows);
    pxs_text_finish(&query);
    return status;
}

int cli_cmd_sql(struct cli *cli) {
    return cli_with_store(cli, read_sql);
}
