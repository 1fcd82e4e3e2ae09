/* plot: a sweep as a picture: its curves, its samples, or what its keys do. */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 64 };

/* What the options ask for, of curves and of samples. */
struct plotting {
    struct pxs_store_target target;
    char sweep[128], path[4096];
    enum pxs_picture kind;
    char *by_text, *metric_text, *epoch_text;
    const char *by[MAX_WORDS], *metrics[MAX_WORDS], *epoch_words[MAX_WORDS];
    size_t n_by, n_metrics, n_epochs;
    int64_t epochs[MAX_WORDS], seed;
    int width, height;
    int64_t glyphs;
};

/* ---- options -------------------------------------------------------------------------------- */

/* "1600x1200". */
static enum pxs_status read_size(const char *text, int *width, int *height, struct pxs_error *err) {
    char beyond;
    if (!text)
        return PXS_OK;
    if (sscanf(text, "%6dx%6d%c", width, height, &beyond) == 2 && *width >= 200 && *height >= 200 &&
        *width <= 16384 && *height <= 16384)
        return PXS_OK;
    return pxs_fail(
        err, PXS_E_INVALID,
        "--size must be WIDTHxHEIGHT, each from 200 to 16384, such as 1600x1200, not '%.60s'",
        text);
}

/* Options of one kind of picture are refused for the others. */
static int check_options(const struct cli *cli) {
    static const enum cli_option of_samples[] = {OPT_SAMPLE_SEED, OPT_GLYPHS, OPT_EPOCHS};
    const bool samples = cli->values[OPT_SAMPLES], effects = cli->values[OPT_EFFECTS];
    if (samples && effects)
        return cli_usage(cli, "--samples and --effects are two pictures: draw one after the other");
    for (size_t i = 0; i < PXS_COUNT(of_samples); i++) {
        if (!samples && cli->values[of_samples[i]])
            return cli_usage(cli, "--%s goes with --samples", cli_option_name(of_samples[i]));
    }
    if (samples && cli->values[OPT_CURVE])
        return cli_usage(cli, "--metric is for curves, not for --samples");
    if ((samples || effects) && cli->values[OPT_LOG])
        return cli_usage(cli, "--log is for curves, not for --%s", samples ? "samples" : "effects");
    return CLI_OK;
}

static enum pxs_status read_options(struct cli *cli, struct plotting *p, struct pxs_error *err) {
    /* both checked already */
    (void)cli_int(cli, OPT_SAMPLE_SEED, 0, INT64_MAX, false, 0, &p->seed);
    (void)cli_int(cli, OPT_GLYPHS, 1, 10, false, 4, &p->glyphs);
    PXS_TRY(cli_words(cli, OPT_BY, &p->by_text, p->by, MAX_WORDS, &p->n_by, err));
    PXS_TRY(cli_words(cli, OPT_CURVE, &p->metric_text, p->metrics, MAX_WORDS, &p->n_metrics, err));
    PXS_TRY(
        cli_words(cli, OPT_EPOCHS, &p->epoch_text, p->epoch_words, MAX_WORDS, &p->n_epochs, err));
    for (size_t i = 0; i < p->n_epochs; i++) {
        if (!pxs_parse_int(p->epoch_words[i], &p->epochs[i]) || p->epochs[i] < 0 ||
            (i > 0 && p->epochs[i] <= p->epochs[i - 1]))
            return pxs_fail(err, PXS_E_INVALID,
                            "--epochs must be whole numbers from 0, each larger than the one "
                            "before, not '%.60s'",
                            p->epoch_words[i]);
    }
    return read_size(cli->values[OPT_PICTURE_SIZE], &p->width, &p->height, err);
}

/* ---- where to ------------------------------------------------------------------------------- */

/* A sweep, or a run and its sweep. */
static enum pxs_status find_target(const struct cli *cli, struct pxs_store *s, struct plotting *p,
                                   struct pxs_error *err) {
    const struct pxs_cell *cell;
    struct pxs_table t = {0};
    if (cli->n_args == 1)
        PXS_TRY(pxs_store_find_target(s, cli->args[0], &p->target, err));
    else if (cli->n_args > 1)
        PXS_TRY(pxs_store_find_sweep(s, cli->args[0], &p->target.sweep_id, err));
    else
        PXS_TRY(pxs_store_find_sweep(s, NULL, &p->target.sweep_id, err));
    const struct pxs_cell id = pxs_cell_int(p->target.sweep_id);
    PXS_TRY(pxs_store_select(s, "SELECT name FROM sweep WHERE sweep_id = ?1", &id, 1, &t, err));
    cell = t.n_rows > 0 ? &t.cells[0] : NULL;
    snprintf(p->sweep, sizeof p->sweep, "%s", cell && cell->text ? cell->text : "");
    pxs_table_finish(&t);
    return PXS_OK;
}

/* Without -o: in the folder of the sweep, or of the run, beside the database; of several sweeps
 * beside it. */
static enum pxs_status choose_path(const struct cli *cli, struct pxs_store *s, struct plotting *p,
                                   struct pxs_error *err) {
    const char *name = cli->values[OPT_SAMPLES]   ? "samples.png"
                       : cli->values[OPT_EFFECTS] ? "effects.png"
                                                  : "curves.png";
    char folder[4096], inside[512];
    if (cli->values[OPT_OUTPUT]) {
        if (snprintf(p->path, sizeof p->path, "%s", cli->values[OPT_OUTPUT]) >= (int)sizeof p->path)
            return pxs_fail(err, PXS_E_INVALID, "-o: the path is too long");
        PXS_TRY(cli_check_target(s, p->path, err));
        return pxs_picture_of(p->path, &p->kind, err);
    }
    snprintf(inside, sizeof inside, "%s/%s",
             p->target.run_id != 0 ? p->target.name
             : cli->n_args > 1     ? "."
                                   : p->sweep,
             name);
    if (!pxs_path_dir(folder, sizeof folder, pxs_store_path(s)) ||
        !pxs_path_join(p->path, sizeof p->path, folder, inside) ||
        !pxs_path_dir(folder, sizeof folder, p->path))
        return pxs_fail(err, PXS_E_INVALID,
                        "the path of the picture is too long: choose one with -o FILE");
    p->kind = PXS_PICTURE_PNG;
    return cli_suggest_output(cli, pxs_make_dirs(folder, err), err);
}

/* ---- the pictures --------------------------------------------------------------------------- */

static enum pxs_status draw_curves(struct cli *cli, struct pxs_store *s, struct plotting *p,
                                   struct pxs_drawing *out, struct pxs_error *err) {
    struct cli_bar bar;
    const struct pxs_plot_options options = {.sweep = p->sweep,
                                             .more = cli->args + 1,
                                             .n_more =
                                                 cli->n_args > 1 ? (size_t)cli->n_args - 1 : 0,
                                             .by = p->n_by > 0 ? p->by : NULL,
                                             .n_by = p->n_by,
                                             .run_id = p->target.run_id,
                                             .where = cli->values[OPT_WHERE],
                                             .metrics = p->n_metrics > 0 ? p->metrics : NULL,
                                             .n_metrics = p->n_metrics,
                                             .log = cli->values[OPT_LOG],
                                             .width = p->width,
                                             .height = p->height,
                                             .kind = p->kind,
                                             .meter = cli_bar_begin(&bar, cli)};
    const enum pxs_status status = pxs_plot_curves(s, &options, out, err);
    cli_bar_clear(&bar);
    return status;
}

static enum pxs_status draw_samples(struct cli *cli, struct pxs_store *s, struct plotting *p,
                                    struct pxs_drawing *out, struct pxs_error *err) {
    struct cli_bar bar;
    const struct pxs_samples_options options = {
        .sweep = p->sweep,
        .more = cli->args + 1,
        .n_more = cli->n_args > 1 ? (size_t)cli->n_args - 1 : 0,
        .by = p->n_by > 0 ? p->by : NULL,
        .n_by = p->n_by,
        .run_id = p->target.run_id,
        .where = cli->values[OPT_WHERE],
        .seed = cli->values[OPT_SAMPLE_SEED] ? &p->seed : NULL,
        .epochs = p->n_epochs > 0 ? p->epochs : NULL,
        .n_epochs = p->n_epochs,
        .glyphs = (size_t)p->glyphs,
        .meter = cli_bar_begin(&bar, cli)};
    const enum pxs_status status =
        pxs_plot_samples(s, &options, p->kind, p->width, p->height, out, err);
    cli_bar_clear(&bar);
    return status;
}

static enum pxs_status draw_effects(struct cli *cli, struct pxs_store *s, struct plotting *p,
                                    struct pxs_drawing *out, struct pxs_error *err) {
    const struct pxs_compare_options options = {.sweep = p->sweep,
                                                .more = cli->args + 1,
                                                .n_more =
                                                    cli->n_args > 1 ? (size_t)cli->n_args - 1 : 0,
                                                .by = p->n_by > 0 ? p->by : NULL,
                                                .n_by = p->n_by,
                                                .where = cli->values[OPT_WHERE],
                                                .metric = p->n_metrics > 0 ? p->metrics[0] : NULL};
    if (p->target.run_id != 0)
        return pxs_fail(
            err, PXS_E_INVALID,
            "--effects are of a sweep's runs beside each other, and %s is one run: name "
            "its sweep, %s",
            cli->args[0], p->sweep);
    if (p->n_metrics > 1)
        return pxs_fail(err, PXS_E_INVALID, "--metric takes one metric of compare with --effects");
    return pxs_plot_effects(s, &options, p->kind, p->width, p->height, out, err);
}

static enum pxs_status plot(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                            struct pxs_error *err) {
    struct plotting p = {0};
    struct pxs_drawing d = {0};
    enum pxs_status status = read_options(cli, &p, err);
    if (status == PXS_OK)
        status = find_target(cli, s, &p, err);
    if (status == PXS_OK)
        status = choose_path(cli, s, &p, err);
    if (status != PXS_OK)
        goto out;

    status = (cli->values[OPT_SAMPLES]   ? draw_samples
              : cli->values[OPT_EFFECTS] ? draw_effects
                                         : draw_curves)(cli, s, &p, &d, err);
    if (status == PXS_OK)
        status = cli_suggest_output(cli, pxs_write_file(p.path, d.data, d.bytes, err), err);
    if (status != PXS_OK)
        goto out;

    if (d.lacking[0] != '\0')
        cli_say("warning: %s", d.lacking);
    if (!cli->quiet) {
        char bytes[32];
        pxs_format_bytes(bytes, d.bytes);
        pxs_text_add_words(out, "%s: %zu %s%s, %zu run%s, %d x %d %s, %s\n", p.path,
                           d.n_configurations, cli->values[OPT_EFFECTS] ? "key" : "configuration",
                           d.n_configurations == 1 ? "" : "s", d.n_runs, d.n_runs == 1 ? "" : "s",
                           d.width, d.height, p.kind == PXS_PICTURE_PNG ? "pixels" : "points",
                           bytes);
        if (d.notes)
            pxs_text_add_lines(out, d.notes, strlen(d.notes));
    }
out:
    pxs_drawing_finish(&d);
    free(p.by_text);
    free(p.metric_text);
    free(p.epoch_text);
    return status;
}

int cli_cmd_plot(struct cli *cli) {
    int64_t unused;
    const int code = check_options(cli);
    if (code != CLI_OK)
        return code;
    if (!cli_int(cli, OPT_SAMPLE_SEED, 0, INT64_MAX, false, 0, &unused) ||
        !cli_int(cli, OPT_GLYPHS, 1, 10, false, 4, &unused))
        return CLI_USAGE;
    return cli_with_store(cli, plot);
}
