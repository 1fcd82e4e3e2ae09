/* import lab: text logs of before. */
#include "cli.h"
#include "pixsweep/board.h"
#include "pixsweep/ingest.h"
#include "pixsweep/plan.h"
#include "pixsweep/rundir.h"
#include "pixsweep/supervisor.h"
#include "pixsweep/worker.h"

#include <string.h>

/* Notes go to stderr, a line each. */
static void say_notes(char *notes) {
    char *rest = NULL;
    for (char *line = strtok_r(notes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        cli_say("%s", line);
}

static void sum_up(const struct pxs_lab_result *r, struct pxs_text *out) {
    if (r->added == 0)
        pxs_text_add_words(
            out,
            "nothing new: all %zu run%s of %zu folder%s %s in sweep %s already (`pixsweep rm` "
            "first to import "
            "them anew)\n",
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

static enum pxs_status print(struct cli *cli, struct pxs_lab_result *r, struct pxs_error *err) {
    struct pxs_text out = {0};
    enum pxs_status status =
        pxs_report_table(&r->table, r->columns, cli->format, cli_output_width(), &out, err);
    if (status == PXS_OK && cli->format == PXS_FORMAT_TABLE)
        sum_up(r, &out);
    if (status == PXS_OK)
        cli_out_result(cli, &out);
    pxs_text_finish(&out);
    return status;
}

static enum pxs_status open_store(const struct cli *cli, struct pxs_store **out,
                                  struct pxs_error *err) {
    char results[PXS_PATH_MAX], db[PXS_PATH_MAX];
    if (!pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, db))
        return pxs_fail(err, PXS_E_INVALID, "--db or --results: the path is too long");
    PXS_TRY(pxs_store_open(db, out, err));
    if (*pxs_store_note(*out))
        cli_say("%s", pxs_store_note(*out));
    return PXS_OK;
}

int cli_cmd_import_lab(struct cli *cli) {
    struct pxs_error err = {0};
    struct pxs_store *s = NULL;
    struct pxs_lab_result result = {0};
    struct cli_bar bar;
    const struct pxs_lab_options options = {.dir = cli->args[0],
                                            .sweep = cli->values[OPT_INTO],
                                            .lambda = cli->values[OPT_LAMBDA],
                                            .sets = cli->sets,
                                            .n_sets = cli->n_sets,
                                            .meter = cli_bar_begin(&bar, cli)};
    enum pxs_status status = pxs_lab_check(&options, &err);
    if (status == PXS_OK)
        status = open_store(cli, &s, &err);
    if (status == PXS_OK)
        status = pxs_lab_import(s, &options, &result, &err);
    pxs_store_close(&s);
    cli_bar_clear(&bar);
    if (result.notes.len > 0)
        say_notes(result.notes.text);
    /* What was ingested before something failed is there, and is told. */
    if (result.table.n_rows > 0 && (!cli->quiet || cli->format != PXS_FORMAT_TABLE)) {
        struct pxs_error unprinted;
        const enum pxs_status printed = print(cli, &result, status == PXS_OK ? &err : &unprinted);
        status = status == PXS_OK ? printed : status;
    }
    pxs_lab_result_finish(&result);
    return status == PXS_OK ? CLI_OK : cli_fail(status, &err);
}
