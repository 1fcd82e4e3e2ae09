/* bench: what the engine does on this machine. */
#include "cli.h"
#include "pixsweep/config.h"
#include "pixsweep/train.h"

#include <stdlib.h>
#include <string.h>

/* --set without a file: each text is key=value. */
static enum pxs_status set_one(struct pxs_params *params, const char *text, struct pxs_error *err) {
    char name[64];
    enum pxs_param_key key;
    const char *equals = strchr(text, '=');
    if (equals == NULL)
        return pxs_fail(err, PXS_E_INVALID, "--set %.60s: write key=value", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    if (!pxs_param_find(name, &key)) {
        const char *near = pxs_param_nearest(name);
        return pxs_fail(err, PXS_E_INVALID, "--set %.60s: there is no hyperparameter '%s'%s%s%s", text, name,
                        near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                        near != NULL ? "'?" : "");
    }
    if (pxs_params_set(params, (int)key, equals + 1, false, NULL, err) != PXS_OK)
        return pxs_error_prefix(err, "--set %.60s", text);
    return PXS_OK;
}

static enum pxs_status from_file(const struct cli *cli, struct pxs_params *params, struct pxs_error *err) {
    struct pxs_config *config = NULL;
    struct pxs_text diagnostics = {0};
    struct pxs_point *point = malloc(sizeof *point);
    enum pxs_status status = point != NULL ? PXS_OK : pxs_fail_nomem(err);
    if (status == PXS_OK)
        status = pxs_config_load(cli->args[0], cli->sets, cli->n_sets, &config, &diagnostics, err);
    if (status == PXS_OK) {
        pxs_config_point(config, 0, point);
        *params = point->params;
    } else if (diagnostics.len > 0) {
        fputs(pxs_text_str(&diagnostics), stderr); /* err sums up below */
    }
    free(point);
    pxs_text_finish(&diagnostics);
    pxs_config_destroy(&config);
    return status;
}

static enum pxs_status read_params(const struct cli *cli, struct pxs_params *params, struct pxs_error *err) {
    if (cli->n_args > 0)
        return from_file(cli, params, err);
    pxs_params_default(params);
    for (size_t i = 0; i < cli->n_sets; i++)
        PXS_TRY(set_one(params, cli->sets[i], err));
    /* Bench makes its own pictures; the check asks only that some are named. */
    struct pxs_params checked = *params;
    snprintf(checked.dataset, sizeof checked.dataset, "/");
    return pxs_params_check(&checked, NULL, err);
}

static enum pxs_status print_rows(const struct cli *cli, const struct pxs_bench_row *rows, size_t n,
                                  struct pxs_error *err) {
    static const char *const names[] = {"what", "shape", "ms_median", "ms_min", "gmac", "gflops", "peak"};
    static const struct pxs_column columns[] = {
        {NULL, PXS_SHOW_PLAIN},       {NULL, PXS_SHOW_PLAIN},   {"ms median", PXS_SHOW_SHORT},
        {"ms min", PXS_SHOW_SHORT},   {"GMAC", PXS_SHOW_SHORT}, {"GFLOP/s", PXS_SHOW_SHORT},
        {"of sgemm", PXS_SHOW_SHORT},
    };
    struct pxs_table table = {0};
    struct pxs_text out = {0};
    PXS_TRY(pxs_table_make(&table, names, PXS_COUNT(names), n, err));
    for (size_t i = 0; i < n; i++) {
        const double numbers[] = {rows[i].ms_median, rows[i].ms_min, rows[i].gmac, rows[i].gflops,
                                  rows[i].peak};
        pxs_table_set(&table, i, 0, pxs_cell_text(rows[i].what));
        pxs_table_set(&table, i, 1, pxs_cell_text(rows[i].shape));
        for (size_t c = 0; c < PXS_COUNT(numbers); c++) {
            if (c < 2 || rows[i].gmac > 0) /* no rates for what is no matrix job */
                pxs_table_set(&table, i, 2 + c, pxs_cell_real(numbers[c]));
        }
    }
    const enum pxs_status status =
        pxs_report_table(&table, columns, cli->format, cli_output_width(), &out, err);
    if (status == PXS_OK)
        cli_out_text(&out);
    pxs_text_finish(&out);
    pxs_table_finish(&table);
    return status;
}

static enum pxs_status bench(const struct cli *cli, int threads, int rounds, struct pxs_error *err) {
    struct pxs_params params;
    struct pxs_pool *pool = NULL;
    struct pxs_bench_row *rows = NULL;
    size_t n = 0;
    const char *kernels = cli->values[OPT_KERNELS] != NULL ? cli->values[OPT_KERNELS] : "auto";
    PXS_TRY(read_params(cli, &params, err));
    PXS_TRY(pxs_pool_create(threads, &pool, err));
    if (!cli->quiet)
        cli_say("%d thread%s, %d round%s, kernels %s", threads, threads == 1 ? "" : "s", rounds,
                rounds == 1 ? "" : "s", kernels);
    enum pxs_status status =
        pxs_train_bench(&params, pool, kernels, rounds, cli_catch_signals(CLI_SIGNALS_TASK), &rows, &n, err);
    if (status == PXS_OK)
        status = print_rows(cli, rows, n, err);
    free(rows);
    pxs_pool_destroy(&pool);
    return status;
}

int cli_cmd_bench(struct cli *cli) {
    struct pxs_error err = {0};
    struct pxs_cpu cpu;
    int64_t threads, rounds;
    pxs_cpu_detect(&cpu);
    if (!cli_int(cli, OPT_THREADS, 1, 1024, true, cpu.cores, &threads) ||
        !cli_int(cli, OPT_ROUNDS, 1, 100000, false, 5, &rounds))
        return CLI_USAGE;
    const enum pxs_status status = bench(cli, (int)threads, (int)rounds, &err);
    return status == PXS_OK ? CLI_OK : cli_fail(status, &err);
}
