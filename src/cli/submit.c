/* Where runs are carried out: --on, and `run` that hands them to jobs. */
#include "cli.h"
#include "pixsweep/plan.h"
#include "pixsweep/submit.h"

#include <inttypes.h>
#include <string.h>

int cli_where(const struct cli *cli, const struct pxs_sweep_options *options,
              char on[PXS_PATH_MAX]) {
    static const enum cli_option with_on[] = {OPT_NO_PROBE, OPT_DETACH};
    const char *given = cli->values[OPT_ON];
    struct pxs_text words = {0};
    struct pxs_error err;
    if (given && !pxs_on_allowed(given)) {
        pxs_on_explain(given, &words);
        const int code = cli_usage(cli, "--on %s", pxs_text_str(&words));
        pxs_text_finish(&words);
        return code;
    }
    snprintf(on, PXS_PATH_MAX, "here");
    if (given && strchr(given, '/')) {
        if (!pxs_path_absolute(on, PXS_PATH_MAX, given))
            return cli_usage(cli, "--on: the launcher's path is too long");
    } else if (given)
        snprintf(on, PXS_PATH_MAX, "%s", given);
    /* What is wrong with the file is told when it is planned. */
    else if (pxs_config_file_on(options->file, options->set, options->n_set, on, &err) != PXS_OK)
        snprintf(on, PXS_PATH_MAX, "here");
    if (strcmp(on, "here") != 0)
        return CLI_OK;
    for (size_t i = 0; i < PXS_COUNT(with_on); i++)
        if (cli->values[with_on[i]])
            return cli_usage(cli, "--%s goes with --on slurm, --on ssh or a launcher's path",
                             cli_option_name(with_on[i]));
    if (cli->values[OPT_DRY_RUN] && strcmp(cli->command->name, "plan") == 0)
        return cli_usage(cli, "shows the plan and does nothing anyway; --dry-run also shows the "
                              "job script, with --on slurm, --on ssh or a launcher's path");
    return CLI_OK;
}

/* ---- what was submitted --------------------------------------------------------------------- */

void cli_submitted_words(const char *on, const struct pxs_submitted *s, struct pxs_text *out) {
    const struct pxs_submission *sub = &s->submission;
    const bool slurm = strcmp(on, "slurm") == 0;
    if (s->runs == 0) {
        pxs_text_add_words(out, "%s: %zu run%s, nothing to do\n", s->sweep, s->n_total,
                           s->n_total == 1 ? "" : "s");
        return;
    }
    if (s->count == 0)
        pxs_text_add_words(
            out,
            "%s: %zu run%s to do, %" PRId64
            " job%s of earlier submissions at work or waiting: no more are started%s%s\n",
            s->sweep, s->runs, s->runs == 1 ? "" : "s", s->alive, s->alive == 1 ? "" : "s",
            s->bound ? "; " : "", s->bound ? s->bound : "");
    pxs_jobs_new_words(s->runs, s->runs_new, s->count, out);
    if (s->count > 0) {
        pxs_text_add_words(out, "%s: %zu run%s to do, %" PRId64 " job%s submitted", s->sweep,
                           s->runs, s->runs == 1 ? "" : "s", s->count, s->count == 1 ? "" : "s");
        if (s->alive > 0)
            pxs_text_addf(out, " beside %" PRId64 " that live", s->alive);
        pxs_text_add_words(out, "%s%s%s\n", s->bound ? " (" : "", s->bound ? s->bound : "",
                           s->bound ? ")" : "");
        pxs_text_add_command(out, slurm ? "look:    squeue -n %s" : "look:    PIXSWEEP_NAME=%s",
                             sub->name);
        if (!slurm)
            pxs_text_add_command(out, " PIXSWEEP_DIR=%s %s/launcher alive", s->dir, s->dir);
        pxs_text_add_words(out, "\nlogs:    %s/log\n", s->dir);
        pxs_text_add_command(out, slurm ? "cancel:  scancel -n %s" : "cancel:  PIXSWEEP_NAME=%s",
                             sub->name);
        if (!slurm)
            pxs_text_add_command(out, " PIXSWEEP_DIR=%s %s/launcher cancel", s->dir, s->dir);
        for (size_t i = 0; !slurm && i < sub->n_ids; i++)
            pxs_text_add_command(out, " %s", sub->ids[i]);
        pxs_text_add(out, "\n");
    }
}

static enum pxs_status put_row(const struct cli *cli, const struct pxs_submitted *s,
                               struct pxs_text *out, struct pxs_error *err) {
    static const char *const names[] = {"sweep",     "total", "to_do", "alive",
                                        "submitted", "name",  "dir"};
    const struct pxs_cell cells[] = {
        pxs_cell_text(s->sweep),
        pxs_cell_int((int64_t)s->n_total),
        pxs_cell_int((int64_t)s->runs),
        pxs_cell_int(s->alive),
        pxs_cell_int(s->count),
        pxs_cell_text(s->count > 0 ? s->submission.name : NULL),
        pxs_cell_text(s->count > 0 ? s->dir : NULL),
    };
    return cli_row(cli, names, cells, PXS_COUNT(cells), out, err);
}

void cli_explain_probe(const struct pxs_error *err) {
    if (err->status == PXS_E_INVALID &&
        strncmp(err->message, "preflight:", strlen("preflight:")) == 0)
        cli_say("where this machine forbids work, --no-probe leaves the trial batches to the jobs");
}

int cli_submit(const struct cli *cli, struct pxs_sweep_options *options, const char *on) {
    const struct pxs_submit_options how = {
        .sweep = options, .on = on, .no_probe = cli->values[OPT_NO_PROBE] != NULL};
    struct pxs_submitted submitted = {0};
    struct pxs_text diagnostics = {0}, out = {0};
    struct pxs_error err = {0};
    struct cli_bar bar;
    options->stop = cli_catch_signals(CLI_SIGNALS_TASK);
    options->diagnostics = &diagnostics;
    options->meter = cli_bar_begin(&bar, cli);
    enum pxs_status status = pxs_submit(&how, &submitted, &err);
    cli_bar_clear(&bar);
    if (status == PXS_OK && cli->format == PXS_FORMAT_TABLE) {
        cli_submitted_words(on, &submitted, &out);
        pxs_text_add(&out, "collect: the same command without --detach\n");
    } else if (status == PXS_OK)
        status = put_row(cli, &submitted, &out, &err);
    if (status == PXS_OK)
        cli_out_result(cli, &out);
    else
        cli_say_why(&diagnostics, &err);
    if (!how.no_probe)
        cli_explain_probe(&err);
    pxs_submitted_finish(&submitted);
    pxs_text_finish(&diagnostics);
    pxs_text_finish(&out);
    return status == PXS_OK ? CLI_OK : status == PXS_E_STOPPED ? CLI_INTERRUPTED : CLI_USAGE;
}
