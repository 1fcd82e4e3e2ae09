/* export: a table's rows of one sweep, for other programs. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* Rows into a file under a temporary name, which takes its own once it is whole. */
static enum pxs_status file_write(void *user, const char *text, size_t bytes,
                                  struct pxs_error *err) {
    const struct pxs_atomic_file *file = user;
    if (fwrite(text, 1, bytes, file->file) != bytes)
        return pxs_fail_errno(err, "cannot write %s", file->path);
    return PXS_OK;
}

/* Rows go out as they come, so what was begun on stdout is not tried again. */
static enum pxs_status export_table(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                    struct pxs_error *err) {
    const char *given = cli->values[OPT_OUTPUT];
    const char *path = given && strcmp(given, "-") != 0 ? given : NULL;
    struct pxs_atomic_file file;
    struct cli_bar bar;
    uint64_t rows = 0;
    if (path) {
        PXS_TRY(cli_check_target(s, path, err));
        PXS_TRY(cli_check_ending(cli, path, cli_format_name(cli->format), err));
        PXS_TRY(pxs_atomic_open(&file, path, err));
    }
    const struct pxs_export_options options = {
        .sweep = cli->n_args > 0 ? cli->args[0] : NULL,
        .more = cli->args + 1,
        .n_more = cli->n_args > 1 ? (size_t)cli->n_args - 1 : 0,
        .table = cli->values[OPT_TABLE],
        .format = cli->format,
        .sink = path ? (struct pxs_sink){file_write, &file} : cli_sink(),
        .meter = cli_bar_begin(&bar, cli)};
    enum pxs_status status = pxs_export(s, &options, &rows, err);
    if (status == PXS_OK && path)
        status = pxs_atomic_commit(&file, err);
    cli_bar_clear(&bar);
    if (path)
        pxs_atomic_abandon(&file);
    if (status == PXS_OK && path && !cli->quiet)
        pxs_text_add_words(out, "%s: %llu row%s\n", path, (unsigned long long)rows,
                           rows == 1 ? "" : "s");
    if (status == PXS_E_BUSY && !path)
        status = pxs_fail(err, PXS_E_IO, "the database changed while it was read; ask again");
    return status;
}

int cli_cmd_export(struct cli *cli) {
    return cli_with_store(cli, export_table);
}
