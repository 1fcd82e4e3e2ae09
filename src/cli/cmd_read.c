/* ls, show, diff, compare: each prints what a function of report makes. */
#include "cli.h"
#include "pixsweep/compare/effects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum pxs_status read_ls(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                               struct pxs_error *err) {
    const struct pxs_list_options options = {.sweep = cli->values[OPT_SWEEP],
                                             .state = cli->values[OPT_STATE]};
    return pxs_report_list(s, &options, cli->format, cli_output_width(), out, err);
}

int cli_cmd_ls(struct cli *cli) {
    return cli_with_store(cli, read_ls);
}

static enum pxs_status read_show(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                 struct pxs_error *err) {
    return pxs_report_show(s, cli->args[0], cli->format, cli_output_width(), out, err);
}

int cli_cmd_show(struct cli *cli) {
    return cli_with_store(cli, read_show);
}

static enum pxs_status read_diff(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                 struct pxs_error *err) {
    const struct pxs_diff_options options = {
        .a = cli->args[0], .b = cli->args[1], .all = cli->values[OPT_ALL]};
    return pxs_report_diff(s, &options, cli->format, cli_output_width(), out, err);
}

int cli_cmd_diff(struct cli *cli) {
    return cli_with_store(cli, read_diff);
}

static enum pxs_status read_compare(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                    struct pxs_error *err) {
    const char *words[64];
    double target;
    struct pxs_compare_options options = {.sweep = cli->n_args > 0 ? cli->args[0] : NULL,
                                          .more = cli->args + 1,
                                          .n_more = cli->n_args > 1 ? (size_t)cli->n_args - 1 : 0,
                                          .where = cli->values[OPT_WHERE],
                                          .metric = cli->values[OPT_METRIC],
                                          .baseline = cli->values[OPT_BASELINE],
                                          .pareto = cli->values[OPT_PARETO]};
    const char *reach = cli->values[OPT_REACH];
    if (reach && (!pxs_parse_double(reach, &target) || !isfinite(target)))
        return pxs_fail(err, PXS_E_INVALID, "--target must be a number, not '%.60s'", reach);
    options.target = reach ? &target : NULL;
    char *by;
    enum pxs_status status =
        cli_words(cli, OPT_BY, &by, words, PXS_COUNT(words), &options.n_by, err);
    options.by = by ? words : NULL;
    if (status == PXS_OK && cli->values[OPT_EFFECTS] && (reach || options.pareto))
        status =
            pxs_fail(err, PXS_E_INVALID,
                     "--%s says which configuration is best, --effects what each key does: leave "
                     "one of them out",
                     reach ? "target" : "pareto");
    if (status == PXS_OK)
        status = (cli->values[OPT_EFFECTS] ? pxs_report_effects : pxs_report_compare)(
            s, &options, cli->format, cli_output_width(), out, err);
    free(by);
    return status;
}

int cli_cmd_compare(struct cli *cli) {
    return cli_with_store(cli, read_compare);
}
