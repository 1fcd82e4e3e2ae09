/* sql: the user's own question, row by row. */
#include "cli.h"

#include <errno.h>
#include <string.h>

static enum pxs_status read_stdin(struct pxs_text *query, struct pxs_error *err) {
    char buf[4096];
    size_t n;
    while ((n = fread(buf, 1, sizeof buf, stdin)) > 0)
        pxs_text_add_n(query, buf, n);
    if (ferror(stdin))
        return pxs_fail_errno(err, "cannot read standard input");
    return query->failed ? pxs_fail_nomem(err) : PXS_OK;
}

/* Rows go to stdout as they come, so `out` stays empty; a query that was begun is not tried again. */
static enum pxs_status read_sql(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                struct pxs_error *err) {
    struct pxs_rows *rows = NULL;
    struct pxs_text query = {0};
    enum pxs_status status = PXS_OK;
    if (strcmp(cli->args[0], "-") == 0)
        status = read_stdin(&query, err);
    else
        pxs_text_add(&query, cli->args[0]);
    if (status == PXS_OK)
        status = pxs_rows_create(cli->format, cli_output_width(), cli_sink(), &rows, err);
    if (status == PXS_OK)
        status = pxs_store_query(s, pxs_text_str(&query), pxs_rows_row, rows, err);
    if (status == PXS_OK)
        status = pxs_rows_end(rows, err);
    pxs_rows_destroy(&rows);
    pxs_text_finish(&query);
    return status == PXS_E_BUSY ? pxs_fail(err, PXS_E_IO, "the database changed while it was read; ask again")
                                : status;
}

int cli_cmd_sql(struct cli *cli) {
    return cli_with_store(cli, read_sql);
}
