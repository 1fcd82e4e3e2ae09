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

static enum pxs_status into_file(struct pxs_store *s, struct pxs_export_options *options,
                                 const char *path, uint64_t *rows, struct pxs_error *err) {
    struct pxs_atomic_file file;
    PXS_TRY(pxs_atomic_open(&file, path, err));
    options->sink = (struct pxs_sink){file_write, &file};
    enum pxs_status status = pxs_export(s, options, rows, err);
    if (status == PXS_OK)
        status = pxs_atomic_commit(&file, err);
    pxs_atomic_abandon(&file);
    return status;
}

/* Rows go out as they come, so one that was begun on stdout is not tried again. */
static enum pxs_status export(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                              struct pxs_error *err) {
    const char *given = cli->values[OPT_OUTPUT];
    const char *path = given && strcmp(given, "-") != 0 ? given : NULL;
    struct cli_bar bar;
    struct pxs_export_options options = {.sweep = cli->n_args > 0 ? cli->args[0] : NULL,
                                         .table = cli->values[OPT_TABLE],
                                         .format = cli->format,
                                         .sink = cli_sink()};
    uint64_t rows = 0;
    if (path) PXS_TRY(cli_check_target(s, path, err));
    options.meter = cli_bar_begin(&bar, cli);
    enum pxs_status status = path ? into_file(s, &options, path, &rows, err)
                                  : pxs_export(s, &options, &rows, err);
    cli_bar_clear(&bar);
    if (status == PXS_OK && path && !cli->quiet)
        pxs_text_add_words(out, "%s: %llu row%s\n", path, (unsigned long long)rows,
                           rows == 1 ? "" : "s");
    if (status == PXS_E_BUSY && !path)
        status = pxs_fail(err, PXS_E_IO, "the database changed while it was read; ask again");
    return status;
}

int cli_cmd_export(struct cli *cli) {
    return cli_with_store(cli, export);
}
