/* import lab: the text logs of an earlier training script become runs. */
#include "cli.h"

#include <string.h>

static void sum_up(const struct pxs_lab_result *r, struct pxs_text *out) {
    if (r->added == 0)
        pxs_text_add_words(
            out,
            "nothing new: all %zu run%s of %zu folder%s %s in sweep %s already (`pixsweep rm` "
            "first to import them anew)\n",
            r->known, r->known == 1 ? "" : "s", r->folders, r->folders == 1 ? "" : "s",
            r->known == 1 ? "is" : "are", r->sweep);
    else
        pxs_text_add_words(out, "%zu run%s into sweep %s", r->added, r->added == 1 ? "" : "s",
                           r->sweep);
    if (r->added > 0 && r->known > 0)
        pxs_text_add_words(out, ", %zu there already", r->known);
    if (r->added > 0)
        pxs_text_add_words(out, "; %lld lines read, %lld unreadable\n", (long long)r->lines,
                           (long long)r->unreadable);
}

int cli_cmd_import_lab(struct cli *cli) {
    struct pxs_error err = {0}, unprinted = {0};
    struct pxs_store *s = NULL;
    struct pxs_lab_result result = {0};
    struct pxs_text out = {0};
    struct cli_bar bar;
    const struct pxs_lab_options options = {.dir = cli->args[0],
                                            .sweep = cli->values[OPT_INTO],
                                            .lambda = cli->values[OPT_LAMBDA],
                                            .sets = cli->sets,
                                            .n_sets = cli->n_sets,
                                            .meter = cli_bar_begin(&bar, cli)};
    enum pxs_status status = pxs_lab_check(&options, &err);
    if (status == PXS_OK)
        status = cli_open_for_writing(cli, true, &s, &err);
    if (status == PXS_OK)
        status = pxs_lab_import(s, &options, &result, &err);
    pxs_store_close(&s);
    cli_bar_clear(&bar);

    char *rest = NULL, *notes = result.notes.len > 0 ? result.notes.text : NULL;
    for (char *line = notes ? strtok_r(notes, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        cli_say("%s", line);

    /* What was imported before something failed is in the database, so it is shown. */
    if (result.table.n_rows > 0 && (!cli->quiet || cli->format != PXS_FORMAT_TABLE)) {
        const enum pxs_status shown =
            pxs_report_table(&result.table, result.columns, cli->format, cli_output_width(), &out,
                             status == PXS_OK ? &err : &unprinted);
        if (shown == PXS_OK && cli->format == PXS_FORMAT_TABLE)
            sum_up(&result, &out);
        if (shown == PXS_OK)
            cli_out_result(cli, &out);
        status = status == PXS_OK ? shown : status;
    }
    pxs_text_finish(&out);
    pxs_lab_result_finish(&result);
    return status == PXS_OK ? CLI_OK : cli_fail(status, &err);
}
