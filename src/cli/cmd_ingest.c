/* merge and reap: record files are ingested into the database. */
#include "cli.h"
#include "pixsweep/store.h"
#include "pixsweep/ingest.h"

static void print_line(void *user, const struct pxs_ingest_line *line) {
    const struct cli *cli = user;
    if (line->problem)
        cli_say("%s: %s", line->name[0] != '\0' ? line->name : line->dir, line->text);
    else if (!cli->quiet || line->changed)
        cli_outf("%s: %s\n", line->name[0] != '\0' ? line->name : line->dir, line->text);
}

int cli_cmd_merge(struct cli *cli) {
    struct pxs_store *s = NULL;
    struct pxs_error err = {0};
    struct pxs_ingest_counts counts = {0};
    bool missing = false;
    if (cli_open_for_writing(cli, true, &s, &err) != PXS_OK) {
        cli_say("%s", err.message);
        return CLI_USAGE;
    }
    enum pxs_status status = PXS_OK;
    struct cli_bar bar;
    pxs_store_set_meter(s, cli_bar_begin(&bar, cli), "ingesting records");
    for (int i = 0; i < cli->n_args && (status == PXS_OK || missing); i++) {
        status = pxs_sweep_merge(s, cli->args[i], print_line, cli, &counts, &err);
        if (status == PXS_E_NOT_FOUND || status == PXS_E_INVALID) {
            cli_say("%s", err.message);
            missing = true;
        }
    }
    pxs_store_close(&s);
    cli_bar_clear(&bar);
    if (status != PXS_OK && status != PXS_E_NOT_FOUND && status != PXS_E_INVALID)
        return cli_fail(status, &err);
    if (!cli->quiet)
        cli_outf("%zu run%s: %zu taken (%zu records), %zu not\n", counts.found,
                 counts.found == 1 ? "" : "s", counts.changed, counts.records, counts.problems);
    return missing ? CLI_USAGE : counts.problems > 0 ? CLI_FAILED : CLI_OK;
}

static void print_changed(void *user, const struct pxs_ingest_line *line) {
    if (line->changed || line->problem)
        print_line(user, line);
}

enum pxs_status cli_reap(struct cli *cli, struct pxs_store *s, int64_t sweep_id,
                         struct pxs_error *err) {
    struct pxs_ingest_counts counts = {0};
    return pxs_sweep_reap(s, sweep_id, false, print_changed, cli, &counts, err);
}

int cli_cmd_reap(struct cli *cli) {
    struct pxs_store *s = NULL;
    struct pxs_error err = {0};
    struct pxs_ingest_counts counts = {0};
    const bool dry = cli->values[OPT_DRY_RUN];
    if (cli_open_for_writing(cli, false, &s, &err) != PXS_OK) {
        cli_say("%s", err.message);
        return CLI_USAGE;
    }
    struct cli_bar bar;
    pxs_store_set_meter(s, cli_bar_begin(&bar, cli), "ingesting records");
    const enum pxs_status status = pxs_sweep_reap(s, 0, dry, print_line, cli, &counts, &err);
    pxs_store_close(&s);
    cli_bar_clear(&bar);
    if (status != PXS_OK)
        return cli_fail(status, &err);
    if (!cli->quiet)
        cli_outf("%zu open attempt%s: %zu %s, %zu left alone\n", counts.found,
                 counts.found == 1 ? "" : "s", counts.changed,
                 dry ? "would be ingested" : "ingested",
                 counts.found - counts.changed - counts.problems);
    return counts.problems > 0 ? CLI_FAILED : CLI_OK;
}
