/* data glyphs, data pairs, data edges, data check: pair sets. */
#include "cli.h"
#include "pixsweep/data.h"

#include <string.h>

/* ---- glyphs --------------------------------------------------------------------------------- */

static bool required(const struct cli *cli, enum cli_option option) {
    if (!cli->values[option])
        cli_usage(cli, "needs --%s", cli_option_name(option));
    return cli->values[option];
}

static bool read_spec(const struct cli *cli, struct pxs_glyphs_spec *spec) {
    int64_t train, val, size, seed;
    pxs_glyphs_spec_init(spec);
    if (!required(cli, OPT_SOURCE) || !required(cli, OPT_TARGET) || !required(cli, OPT_OUT) ||
        !cli_int(cli, OPT_TRAIN, 1, 1000000, false, spec->train, &train) ||
        !cli_int(cli, OPT_VAL, 0, 1000000, false, spec->val, &val) ||
        !cli_int(cli, OPT_SIZE, 16, 1024, false, spec->size, &size) ||
        !cli_int(cli, OPT_SEED, 0, INT64_MAX, false, 0, &seed))
        return false;
    spec->source = cli->values[OPT_SOURCE];
    spec->target = cli->values[OPT_TARGET];
    spec->out = cli->values[OPT_OUT];
    spec->chars = cli->values[OPT_CHARS];
    spec->train = (int)train;
    spec->val = (int)val;
    spec->size = (int)size;
    spec->seed = (uint64_t)seed;
    spec->npy = cli->values[OPT_NPY];
    spec->logger = cli_logger(cli);
    return true;
}

static void print_report(const struct pxs_glyphs_spec *spec, const struct pxs_glyphs_report *r) {
    char time[32];
    if (r->already) {
        cli_outf("%s holds this pair set already\n", spec->out);
        return;
    }
    pxs_format_duration(time, r->seconds);
    cli_outf("%s: %zu pair%s to train on, %zu to validate with, %d x %d pixels a half, in %s\n",
             spec->out, r->train, r->train == 1 ? "" : "s", r->val, spec->size, spec->size, time);
    cli_outf("chosen from %zu characters; left out: %zu not in the source font, %zu not in the "
             "target font, %zu blank, %zu placeholder boxes, %zu that look like another one\n",
             r->candidates, r->missing_source, r->missing_target, r->blank, r->placeholder,
             r->twins);
}

int cli_cmd_data_glyphs(struct cli *cli) {
    struct pxs_glyphs_spec spec;
    struct pxs_glyphs_report report;
    struct pxs_error err = {0};
    if (!read_spec(cli, &spec))
        return CLI_USAGE;
    spec.stop = cli_catch_signals(CLI_SIGNALS_TASK);
    struct cli_bar bar;
    spec.meter = cli_bar_begin(&bar, cli);
    const enum pxs_status status = pxs_glyphs_render(&spec, &report, &err);
    cli_bar_clear(&bar);
    if (status != PXS_OK)
        return cli_fail(status, &err);
    print_report(&spec, &report);
    return CLI_OK;
}

/* ---- pairs, edges --------------------------------------------------------------------------- */

typedef enum pxs_status (*make_fn)(const struct pxs_make *how, struct pxs_make_report *report,
                                   struct pxs_error *err);

static int make(struct cli *cli, struct pxs_make *how, make_fn run) {
    struct pxs_make_report r;
    struct pxs_error err = {0};
    struct pxs_cpu cpu;
    struct cli_bar bar = {.silent = true};
    int64_t threads;
    pxs_cpu_detect(&cpu);
    if (!required(cli, OPT_OUT) || !cli_int(cli, OPT_THREADS, 1, 1024, true, cpu.cores, &threads))
        return CLI_USAGE;
    how->out = cli->values[OPT_OUT];
    how->logger = cli_logger(cli);
    how->stop = cli_catch_signals(CLI_SIGNALS_TASK);
    enum pxs_status status = pxs_pool_create((int)threads, &how->pool, &err);
    if (status == PXS_OK) {
        how->meter = cli_bar_begin(&bar, cli);
        status = run(how, &r, &err);
    }
    cli_bar_clear(&bar);
    pxs_pool_destroy(&how->pool);
    if (status != PXS_OK)
        return cli_fail(status, &err);
    cli_outf("%s: %zu pair%s\n", how->out, r.pairs, r.pairs == 1 ? "" : "s");
    if (r.resized > 0)
        cli_outf("in %zu of them B was resized to A's size\n", r.resized);
    if (r.left_out > 0)
        cli_outf("left out: %zu (%s/left_out.txt lists them)\n", r.left_out, how->out);
    return CLI_OK;
}

int cli_cmd_data_pairs(struct cli *cli) {
    if (!required(cli, OPT_SIDE_A) || !required(cli, OPT_SIDE_B))
        return CLI_USAGE;
    struct pxs_make how = {.a = cli->values[OPT_SIDE_A],
                           .b = cli->values[OPT_SIDE_B],
                           .side_by_side = cli->values[OPT_SIDE_BY_SIDE]};
    return make(cli, &how, pxs_pairs_make);
}

int cli_cmd_data_edges(struct cli *cli) {
    int64_t size;
    if (!cli_int(cli, OPT_EDGES_SIZE, 16, 4096, false, 0, &size))
        return CLI_USAGE;
    struct pxs_make how = {.a = cli->args[0], .size = (int)size};
    return make(cli, &how, pxs_edges_make);
}

/* ---- check ---------------------------------------------------------------------------------- */

/* Problems as they are found, for a table of two columns. */
struct problems {
    struct pxs_rows *rows;
    enum pxs_format format;
    enum pxs_status status;
    struct pxs_error *err;
};
static const char *const problem_columns[] = {"level", "problem"};

static void on_problem(void *user, enum pxs_log_level level, const char *text) {
    struct problems *p = user;
    const char *word = level == PXS_LOG_ERROR  ? "error"
                       : level == PXS_LOG_WARN ? "warning"
                                               : "note";
    if (p->format == PXS_FORMAT_TABLE) {
        cli_outf("%s: %s\n", word, text);
    } else if (p->status == PXS_OK) {
        const struct pxs_cell cells[] = {pxs_cell_text(word), pxs_cell_text(text)};
        p->status = pxs_rows_row(p->rows, problem_columns, cells, PXS_COUNT(cells), p->err);
    }
}

static void print_sizes(const struct pxs_check_summary *s) {
    const bool same = s->width[0] == s->width[1] && s->height[0] == s->height[1];
    cli_outf("A%s is %d x %d pixels, B%s %s", s->partners ? "" : " (left)", s->width[0],
             s->height[0], s->partners ? "" : " (right)", same ? "too" : "");
    if (!same)
        cli_outf("%d x %d", s->width[1], s->height[1]);
    cli_outf("%s; direction BtoA, the default, takes B as source and learns to make A\n",
             s->mixed_sizes ? " (in the first pair; others differ)" : "");
}

static enum pxs_status check(const struct cli *cli, struct pxs_pool *pool, struct problems *p,
                             struct pxs_meter meter, struct pxs_check_summary *summary,
                             struct pxs_error *err) {
    if (p->format != PXS_FORMAT_TABLE) {
        PXS_TRY(pxs_rows_create(p->format, 0, cli_sink(), &p->rows, err));
        PXS_TRY(pxs_rows_row(p->rows, problem_columns, NULL, PXS_COUNT(problem_columns), err));
    }
    PXS_TRY(pxs_dataset_check(cli->args[0], pool, (struct pxs_logger){on_problem, p}, meter,
                              summary, err));
    PXS_TRY(p->status);
    if (p->format != PXS_FORMAT_TABLE)
        return pxs_rows_end(p->rows, err);
    cli_outf("%s: %zu pair%s to train on, %zu to validate with%s; %zu error%s, %zu warning%s\n",
             cli->args[0], summary->train, summary->train == 1 ? "" : "s", summary->val,
             summary->has_val ? "" : " (no val/: val_fraction holds some back)", summary->errors,
             summary->errors == 1 ? "" : "s", summary->warnings, summary->warnings == 1 ? "" : "s");
    if (summary->width[0] > 0)
        print_sizes(summary);
    if (summary->hash[0] != '\0')
        cli_outf("content %s\n", summary->hash);
    return PXS_OK;
}

int cli_cmd_data_check(struct cli *cli) {
    struct pxs_error err = {0};
    struct pxs_cpu cpu;
    struct pxs_pool *pool = NULL;
    struct pxs_check_summary summary = {0};
    struct problems problems = {.format = cli->format, .err = &err};
    int64_t threads;
    struct cli_bar bar = {.silent = true};
    pxs_cpu_detect(&cpu);
    if (!cli_int(cli, OPT_THREADS, 1, 1024, true, cpu.cores, &threads))
        return CLI_USAGE;
    enum pxs_status status = pxs_pool_create((int)threads, &pool, &err);
    if (status == PXS_OK)
        status = check(cli, pool, &problems, cli_bar_begin(&bar, cli), &summary, &err);
    cli_bar_clear(&bar);
    pxs_rows_destroy(&problems.rows);
    pxs_pool_destroy(&pool);
    if (status != PXS_OK)
        return cli_fail(status, &err);
    return summary.errors > 0 ? CLI_FAILED : CLI_OK;
}
