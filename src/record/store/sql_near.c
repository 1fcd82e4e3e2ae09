/* What a user may have meant by a table or column that does not exist: appended to SQLite's
 * message. */
#include <ctype.h>
#include <string.h>

#include "pixsweep/params.h"
#include "store_priv.h"

enum { NAMES_MOST = 256 };

/* Names that a statement gives in its first column; all in `arena`. */
struct names {
    const char *list[NAMES_MOST];
    size_t n;
    struct pxs_arena arena;
};

static const char tables_sql[] =
    "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name "
    "NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC, name";
static const char columns_sql[] = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
static const char owners_sql[] = "SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c "
                                 "WHERE c.name = ?1 COLLATE NOCASE ORDER BY t.type DESC, t.name";

/* Appends to `out`; nothing where the query fails, since it only serves a hint. */
static void read_names(struct pxs_sql *sql, const char *text, const char *argument,
                       struct names *out) {
    struct pxs_stmt *stmt = NULL;
    const struct pxs_cell cell = pxs_cell_text(argument);
    bool row = false, blob;
    if (pxs_sql_prepare(sql, text, &stmt, NULL) != PXS_OK)
        return;
    if (!argument || pxs_stmt_bind(stmt, &cell, 1, NULL) == PXS_OK) {
        while (out->n < NAMES_MOST && pxs_stmt_step(stmt, &row, NULL) == PXS_OK && row) {
            const struct pxs_cell name = pxs_stmt_cell(stmt, 0, &blob);
            const char *copy =
                name.kind == PXS_CELL_TEXT ? pxs_arena_strdup(&out->arena, name.text) : NULL;
            if (copy)
                out->list[out->n++] = copy;
        }
    }
    pxs_stmt_finish(&stmt);
}

static void put_list(struct pxs_text *out, const char *before, const struct names *names) {
    for (size_t i = 0; i < names->n; i++)
        pxs_text_addf(out, "%s%s", i == 0 ? before : ", ", names->list[i]);
}

static void near_table(struct pxs_sql *sql, const char *name, struct pxs_text *out) {
    struct names tables = {0};
    const char *dot = strrchr(name, '.'); /* "main.runs" */
    name = dot ? dot + 1 : name;
    read_names(sql, tables_sql, NULL, &tables);
    const char *near = pxs_nearest_word(name, tables.list, tables.n);
    if (near)
        pxs_text_addf(out, "; did you mean %s?", near);
    put_list(out, near ? " There are " : "; there are ", &tables);
    pxs_arena_finish(&tables.arena);
}

static bool is_letter(char c) {
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

/* Whether `word` stands in the statement by itself. */
static bool mentions(const char *text, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = strcasestr(text, word); at; at = strcasestr(at + 1, word)) {
        if ((at == text || !is_letter(at[-1])) && !is_letter(at[length]))
            return true;
    }
    return false;
}

/* "state = completed", "state in (completed": whether what stands at `at` is compared with
 * something. */
static bool is_compared(const char *text, const char *at) {
    static const char *const words[] = {"like", "glob", "in", "is", "between"};
    const char *end = at;
    while (end > text && (isspace((unsigned char)end[-1]) || end[-1] == '('))
        end--;
    if (end > text && strchr("=<>", end[-1]))
        return true;
    const char *word = end;
    while (word > text && is_letter(word[-1]))
        word--;
    for (size_t i = 0; i < PXS_COUNT(words); i++)
        if ((size_t)(end - word) == strlen(words[i]) &&
            strncasecmp(word, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* Columns of the tables that the statement mentions: the nearest of all, and what each table has.
 * Where none is near, tables that have that very column. */
static void near_column(struct pxs_sql *sql, const char *text, const char *at, const char *name,
                        struct pxs_text *out) {
    struct names tables = {0}, all = {0}, owners = {0};
    struct pxs_text lists = {0};
    const char *dot = strrchr(name, '.'), *column = dot ? dot + 1 : name;
    read_names(sql, tables_sql, NULL, &tables);
    for (size_t i = 0; i < tables.n; i++) {
        if (!mentions(text, tables.list[i]))
            continue;
        struct names own = {0};
        read_names(sql, columns_sql, tables.list[i], &own);
        pxs_text_addf(&lists, "\n  %s has ", tables.list[i]);
        put_list(&lists, "", &own);
        pxs_arena_finish(&own.arena);
        read_names(sql, columns_sql, tables.list[i], &all);
    }
    const char *near = pxs_nearest_word(column, all.list, all.n);
    if (near)
        pxs_text_addf(out, "; did you mean %s?", near);
    else
        read_names(sql, owners_sql, column, &owners);
    if (at && is_letter(*at) && is_compared(text, at))
        pxs_text_addf(out, "%s stands in single quotes: '%.*s'", near ? " As text it" : "; text",
                      (int)strcspn(at, " \t\r\n,;)"), at);
    put_list(out, "; there is one in ", &owners);
    pxs_text_add(out, pxs_text_str(&lists));
    out->failed = out->failed || lists.failed;
    pxs_text_finish(&lists);
    pxs_arena_finish(&tables.arena);
    pxs_arena_finish(&all.arena);
    pxs_arena_finish(&owners.arena);
}

void pxs_sql_add_near(struct pxs_sql *sql, const char *text, const char *at, const char *message,
                      struct pxs_text *out) {
    static const char table[] = "no such table: ", column[] = "no such column: ";
    if (strncmp(message, table, strlen(table)) == 0)
        near_table(sql, message + strlen(table), out);
    else if (strncmp(message, column, strlen(column)) == 0)
        near_column(sql, text, at, message + strlen(column), out);
}
