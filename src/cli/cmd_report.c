/* report: a sweep as one HTML page. */
#include "cli.h"
#include "pixsweep/plan.h"

#include <stdlib.h>
#include <string.h>

/* Where the page goes: what -o says, or report.html in the sweep's folder, which stands in the
 * results folder; of several sweeps in the results folder itself. */
static enum pxs_status find_path(const struct cli *cli, struct pxs_store *s, const char *sweep,
                                 char path[PXS_PATH_MAX], struct pxs_error *err) {
    char results[PXS_PATH_MAX], db[PXS_PATH_MAX], folder[PXS_PATH_MAX];
    if (cli->values[OPT_OUTPUT]) {
        if (snprintf(path, PXS_PATH_MAX, "%s", cli->values[OPT_OUTPUT]) >= PXS_PATH_MAX)
            return pxs_fail(err, PXS_E_INVALID, "-o: the path is too long");
        PXS_TRY(cli_check_target(s, path, err));
        return cli_check_ending(cli, path, "html", err);
    }
    if (!pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, db) ||
        !pxs_path_join(folder, sizeof folder, results, cli->n_args > 1 ? "." : sweep) ||
        !pxs_path_join(path, PXS_PATH_MAX, folder, "report.html"))
        return pxs_fail(err, PXS_E_INVALID, "--results: the path is too long");
    return pxs_make_dirs(folder, err);
}

static enum pxs_status save(struct cli *cli, struct pxs_store *s, const struct pxs_page_info *info,
                            const struct pxs_text *page, struct pxs_text *out,
                            struct pxs_error *err) {
    char path[PXS_PATH_MAX], size[32];
    if (cli->values[OPT_OUTPUT] && strcmp(cli->values[OPT_OUTPUT], "-") == 0) {
        cli_out(pxs_text_str(page), page->len); /* whole, so it is not begun twice */
        return PXS_OK;
    }
    PXS_TRY(cli_suggest_output(cli, find_path(cli, s, info->sweep, path, err), err));
    PXS_TRY(cli_suggest_output(cli, pxs_write_file(path, pxs_text_str(page), page->len, err), err));
    pxs_format_bytes(size, page->len);
    if (!cli->quiet)
        pxs_text_add_words(out, "%s: %s, %zu run%s\n", path, size, info->n_runs,
                           info->n_runs == 1 ? "" : "s");
    return PXS_OK;
}

static enum pxs_status read_report(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                   struct pxs_error *err) {
    const char *words[64];
    struct cli_bar bar;
    struct pxs_page_options options = {.sweep = cli->n_args > 0 ? cli->args[0] : NULL,
                                       .more = cli->args + 1,
                                       .n_more = cli->n_args > 1 ? (size_t)cli->n_args - 1 : 0};
    struct pxs_page_info info;
    struct pxs_text page = {0};
    char *by;
    enum pxs_status status =
        cli_words(cli, OPT_BY, &by, words, PXS_COUNT(words), &options.n_by, err);
    options.by = by ? words : NULL;
    options.meter = cli_bar_begin(&bar, cli);
    if (status == PXS_OK)
        status = pxs_report_page(s, &options, &info, &page, err);
    cli_bar_clear(&bar);
    if (status == PXS_OK)
        status = save(cli, s, &info, &page, out, err);
    pxs_text_finish(&page);
    free(by);
    return status;
}

int cli_cmd_report(struct cli *cli) {
    return cli_with_store(cli, read_report);
}
