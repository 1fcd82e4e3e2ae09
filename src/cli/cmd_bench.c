/* bench: what the engine does on this machine. */
#include "cli.h"
#include "pixsweep/config.h"
#include "pixsweep/kernel.h"
#include "pixsweep/train.h"
#include "torch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What was asked for, on which machine, and what came out. */
struct bench {
    const struct cli *cli;
    struct pxs_params params;
    int threads, rounds;
    const struct pxs_stop *stop;
    const char *kernels; /* as asked for */
    const struct pxs_kernels *set;
    struct pxs_cpu cpu;
    char openblas[256];
    struct pxs_bench_row *rows;
    size_t n_rows, n_torch;
    struct cli_torch_row torch[CLI_TORCH_ROWS];
    int64_t peak_bytes; /* of a process that trains; 0: unknown */
};

/* ---- settings ------------------------------------------------------------------------------- */

static enum pxs_status from_file(const struct cli *cli, struct pxs_params *params,
                                 struct pxs_error *err) {
    struct pxs_config *config = NULL;
    struct pxs_text diagnostics = {0};
    struct pxs_point *point = malloc(sizeof *point);
    enum pxs_status status = point ? PXS_OK : pxs_fail_nomem(err);
    if (status == PXS_OK)
        status = pxs_config_load(cli->args[0], cli->sets, cli->n_sets, &config, &diagnostics, err);
    if (status == PXS_OK) {
        pxs_config_point(config, 0, point);
        *params = point->params;
    } else if (diagnostics.len > 0) {
        cli_say_text(&diagnostics); /* err sums up below */
    }
    free(point);
    pxs_text_finish(&diagnostics);
    pxs_config_destroy(&config);
    return status;
}

static enum pxs_status read_params(const struct cli *cli, struct pxs_params *params,
                                   struct pxs_error *err) {
    if (cli->n_args > 0)
        return from_file(cli, params, err);
    pxs_params_default(params);
    for (size_t i = 0; i < cli->n_sets; i++)
        PXS_TRY(cli_set_param(params, cli->sets[i], err));
    /* Bench makes its own pictures; the check asks only that some are named. */
    struct pxs_params checked = *params;
    snprintf(checked.dataset, sizeof checked.dataset, "/");
    return pxs_params_check(&checked, NULL, err);
}

/* ---- measuring ------------------------------------------------------------------------------ */

/* What a training process would do: networks, a batch, a few steps. It ends with its parent, and at
 * once at Ctrl-C. */
static void train_a_little(const struct bench *b) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pxs_pool *pool = NULL;
    struct pxs_bench *bench = NULL;
    if (pxs_pool_create(b->threads, &pool, NULL) != PXS_OK ||
        pxs_bench_create(&b->params, pool, b->kernels, PXS_BENCH_STEP, &bench, NULL) != PXS_OK)
        _exit(CLI_FAILED);
    for (int i = 0; i < 3; i++)
        pxs_bench_step(bench);
    _exit(CLI_OK);
}

/* The most memory that it takes, without the pictures to train on, into peak_bytes; 0 where it
 * cannot be told. Before anything large is here: a process counts what it was forked with. */
static enum pxs_status measure_memory(struct bench *b, struct pxs_error *err) {
    const struct timespec pause = {.tv_nsec = 20000000};
    struct rusage usage;
    int status = -1;
    const pid_t pid = fork();
    if (pid == 0)
        train_a_little(b);
    while (pid > 0 && wait4(pid, &status, WNOHANG, &usage) == 0) {
        if (b->stop && atomic_load(&b->stop->signal) != 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            return pxs_fail(err, PXS_E_STOPPED, "stopped while measuring the memory");
        }
        nanosleep(&pause, NULL);
    }
    b->peak_bytes = pid > 0 && status == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
    return PXS_OK;
}

static enum pxs_status measure_ours(struct bench *b, struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    struct pxs_bench *bench = NULL;
    PXS_TRY(pxs_pool_create(b->threads, &pool, err));
    enum pxs_status status =
        pxs_bench_create(&b->params, pool, b->kernels, PXS_BENCH_ALL, &bench, err);
    double said = 0;
    for (int round = 0; round <= b->rounds && status == PXS_OK; round++) { /* 0 warms up */
        if (!b->cli->quiet && pxs_monotonic() > said + 1) {
            cli_say(round == 0 ? "layers and step: warming up" : "layers and step: round %d of %d",
                    round, b->rounds);
            said = pxs_monotonic();
        }
        status = pxs_bench_round(bench, b->stop, err);
    }
    if (status == PXS_OK)
        status = pxs_bench_rows(bench, &b->rows, &b->n_rows, err);
    pxs_bench_destroy(&bench);
    pxs_pool_destroy(&pool);
    return status;
}

static struct cli_torch_job torch_job(const struct bench *b, bool generate) {
    return (struct cli_torch_job){.python = b->cli->values[OPT_AGAINST_TORCH],
                                  .params = &b->params,
                                  .kernels = b->kernels,
                                  .threads = b->threads,
                                  .rounds = b->rounds,
                                  .generate = generate,
                                  .quiet = b->cli->quiet,
                                  .stop = b->stop};
}

static enum pxs_status measure(struct bench *b, struct pxs_error *err) {
    const struct cli_torch_job torch = torch_job(b, false);
    if (!b->cli->quiet)
        cli_say("memory of a process that trains");
    PXS_TRY(measure_memory(b, err));
    if (torch.python) /* first: what is wrong with it shows at once */
        PXS_TRY(cli_against_torch(&torch, b->torch, &b->n_torch, err));
    return measure_ours(b, err);
}

/* ---- showing -------------------------------------------------------------------------------- */

/* COLUMN(name, title, how a layer's line shows it, how a line of PyTorch does) */
#define COLUMNS                                        \
    COLUMN(what, NULL, PLAIN, PLAIN)                   \
    COLUMN(method, NULL, PLAIN, HIDDEN)                \
    COLUMN(shape, NULL, PLAIN, HIDDEN)                 \
    COLUMN(threads, NULL, HIDDEN, PLAIN)               \
    COLUMN(ms_median, "ms median", SHORT, SHORT)       \
    COLUMN(ms_min, "ms min", SHORT, SHORT)             \
    COLUMN(gmac, "GMAC", SHORT, HIDDEN)                \
    COLUMN(gflops, "GFLOP/s", SHORT, HIDDEN)           \
    COLUMN(of_sgemm, "of sgemm", SHORT, HIDDEN)        \
    COLUMN(bytes, NULL, HIDDEN, HIDDEN)                \
    COLUMN(gb_per_s, "GB/s", SHORT, HIDDEN)            \
    COLUMN(ours_ms_median, "ours ms", HIDDEN, SHORT)   \
    COLUMN(torch_to_ours, "torch/ours", HIDDEN, SHORT) \
    COLUMN(images_per_s, "images/s", HIDDEN, SHORT)    \
    COLUMN(gmac_per_image, NULL, HIDDEN, HIDDEN)       \
    COLUMN(peak_bytes, "memory", HIDDEN, BYTES)        \
    COLUMN(note, NULL, HIDDEN, PLAIN)                  \
    COLUMN(torch, NULL, HIDDEN, HIDDEN)                \
    COLUMN(kernels, NULL, HIDDEN, HIDDEN)              \
    COLUMN(openblas, NULL, HIDDEN, HIDDEN)             \
    COLUMN(cpu, NULL, HIDDEN, HIDDEN)                  \
    COLUMN(rounds, NULL, HIDDEN, HIDDEN)               \
    COLUMN(version, NULL, HIDDEN, HIDDEN)              \
    COLUMN(commit, NULL, HIDDEN, HIDDEN)

enum column {
#define COLUMN(name, title, layer, torch) C_##name,
    COLUMNS
#undef COLUMN
        N_COLUMNS
};
static const char *const column_names[] = {
#define COLUMN(name, title, layer, torch) #name,
    COLUMNS
#undef COLUMN
};
static const struct pxs_column layer_columns[] = {
#define COLUMN(name, title, layer, torch) {title, PXS_SHOW_##layer},
    COLUMNS
#undef COLUMN
};
static const struct pxs_column torch_columns[] = {
#define COLUMN(name, title, layer, torch) {title, PXS_SHOW_##torch},
    COLUMNS
#undef COLUMN
};

static void set_text(struct pxs_table *t, size_t row, enum column c, const char *text) {
    if (text[0] != '\0')
        pxs_table_set(t, row, c, pxs_cell_text(text));
}

static void set_real(struct pxs_table *t, size_t row, enum column c, double value) {
    if (value > 0) /* 0: does not apply */
        pxs_table_set(t, row, c, pxs_cell_real(value));
}

static void set_int(struct pxs_table *t, size_t row, enum column c, int64_t value) {
    if (value > 0)
        pxs_table_set(t, row, c, pxs_cell_int(value));
}

/* Every row says where it comes from, so that rows of several machines may stand in one file. */
static void put_facts(struct pxs_table *t, size_t row, const struct bench *b) {
    set_text(t, row, C_kernels, pxs_kernels_name(b->set));
    set_text(t, row, C_openblas, b->openblas);
    set_text(t, row, C_cpu, b->cpu.model);
    set_int(t, row, C_rounds, b->rounds);
    set_text(t, row, C_version, pxs_version());
    set_text(t, row, C_commit, pxs_commit());
}

/* The last but one; sgemm is the last. */
static const struct pxs_bench_row *step_row(const struct bench *b) {
    return &b->rows[b->n_rows - 2];
}

static void put_row(struct pxs_table *t, size_t row, const struct bench *b,
                    const struct pxs_bench_row *r) {
    set_text(t, row, C_what, r->what);
    set_text(t, row, C_method, r->method);
    set_text(t, row, C_shape, r->shape);
    set_int(t, row, C_threads, b->threads);
    set_real(t, row, C_ms_median, r->ms_median);
    set_real(t, row, C_ms_min, r->ms_min);
    set_real(t, row, C_gmac, r->gmac);
    set_real(t, row, C_gflops, r->gflops);
    set_real(t, row, C_of_sgemm, r->of_sgemm);
    set_int(t, row, C_bytes, (int64_t)r->bytes);
    set_real(t, row, C_gb_per_s, r->gb_per_s);
    if (r == step_row(b)) {
        set_real(t, row, C_images_per_s, 1e3 * (double)b->params.batch_size / r->ms_median);
        set_real(t, row, C_gmac_per_image, r->gmac / (double)b->params.batch_size);
        set_int(t, row, C_peak_bytes, b->peak_bytes);
    }
    put_facts(t, row, b);
}

static void put_torch(struct pxs_table *t, size_t row, const struct bench *b,
                      const struct cli_torch_row *r) {
    set_text(t, row, C_what, r->what);
    set_text(t, row, C_shape, step_row(b)->shape);
    set_int(t, row, C_threads, r->threads);
    set_real(t, row, C_ms_median, r->ms_median);
    set_real(t, row, C_ms_min, r->ms_min);
    set_real(t, row, C_ours_ms_median, r->ours_ms_median);
    set_real(t, row, C_torch_to_ours, r->ratio);
    if (r->ms_median > 0)
        set_real(t, row, C_images_per_s, 1e3 * (double)b->params.batch_size / r->ms_median);
    set_int(t, row, C_peak_bytes, r->peak_bytes);
    set_text(t, row, C_note, r->note);
    set_text(t, row, C_torch, r->version);
    put_facts(t, row, b);
}

static enum pxs_status put_table(const struct bench *b, size_t n_ours, size_t n_torch,
                                 const struct pxs_column *columns, struct pxs_text *out,
                                 struct pxs_error *err) {
    struct pxs_table table = {0};
    PXS_TRY(pxs_table_make(&table, column_names, N_COLUMNS, n_ours + n_torch, err));
    for (size_t i = 0; i < n_ours; i++)
        put_row(&table, i, b, &b->rows[i]);
    for (size_t i = 0; i < n_torch; i++)
        put_torch(&table, n_ours + i, b, &b->torch[i]);
    const enum pxs_status status =
        pxs_report_table(&table, columns, b->cli->format, cli_output_width(), out, err);
    pxs_table_finish(&table);
    return status;
}

static enum pxs_status put_torch_table(const struct bench *b, struct pxs_text *out,
                                       struct pxs_error *err) {
    struct pxs_column columns[N_COLUMNS];
    bool noted = false;
    memcpy(columns, torch_columns, sizeof columns);
    for (size_t i = 0; i < b->n_torch; i++)
        noted = noted || b->torch[i].note[0] != '\0';
    if (!noted)
        columns[C_note].show = PXS_SHOW_HIDDEN;
    pxs_text_addf(out,
                  "\nPyTorch %s, fused Adam, D frozen in G's step, in turn with our own step; "
                  "torch/ours is the median over %d round%s\n\n",
                  b->torch[0].version, b->rounds, b->rounds == 1 ? "" : "s");
    PXS_TRY(put_table(b, 0, b->n_torch, columns, out, err));
    const struct cli_torch_row *fastest = NULL;
    for (size_t i = 0; i < b->n_torch; i++)
        if (b->torch[i].threads == b->threads && b->torch[i].ratio > 0 &&
            (!fastest || b->torch[i].ratio < fastest->ratio))
            fastest = &b->torch[i];
    if (fastest)
        pxs_text_addf(out,
                      "\nthe fastest of them on %d thread%s, %s, takes %.2f times as long as "
                      "ours\n",
                      b->threads, b->threads == 1 ? "" : "s", fastest->what, fastest->ratio);
    return PXS_OK;
}

static void put_words(const struct bench *b, struct pxs_text *out) {
    const struct pxs_bench_row *step = step_row(b);
    const double batch = (double)b->params.batch_size;
    char memory[32];
    pxs_text_addf(out, "\nstep: %.1f images/s, %.3g GMAC an image, %.2f of sgemm",
                  1e3 * batch / step->ms_median, step->gmac / batch, step->of_sgemm);
    if (b->peak_bytes > 0) {
        pxs_format_bytes(memory, (uint64_t)b->peak_bytes);
        pxs_text_addf(out, "; a process that trains takes %s", memory);
    }
    pxs_text_addf(out, "\nhere: %s, %d thread%s, kernels %s, %s, pixsweep %s (%s)\n", b->cpu.model,
                  b->threads, b->threads == 1 ? "" : "s", pxs_kernels_name(b->set), b->openblas,
                  pxs_version(), pxs_commit());
}

static enum pxs_status show(const struct bench *b, struct pxs_text *out, struct pxs_error *err) {
    if (b->cli->format != PXS_FORMAT_TABLE)
        return put_table(b, b->n_rows, b->n_torch, layer_columns, out, err);
    PXS_TRY(put_table(b, b->n_rows, 0, layer_columns, out, err));
    put_words(b, out);
    return b->n_torch > 0 ? put_torch_table(b, out, err) : PXS_OK;
}

/* ---- the command ---------------------------------------------------------------------------- */

static enum pxs_status bench(struct bench *b, struct pxs_error *err) {
    struct pxs_text out = {0};
    const char *kernels = b->cli->values[OPT_KERNELS];
    b->kernels = kernels ? kernels : "auto";
    PXS_TRY(read_params(b->cli, &b->params, err));
    PXS_TRY(pxs_kernels_select(b->kernels, &b->set, err));
    PXS_TRY(pxs_blas_describe(b->openblas, sizeof b->openblas, err));
    b->stop = cli_catch_signals(CLI_SIGNALS_TASK);
    if (!b->cli->quiet)
        cli_say("%d thread%s, %d round%s, kernels %s", b->threads, b->threads == 1 ? "" : "s",
                b->rounds, b->rounds == 1 ? "" : "s", pxs_kernels_name(b->set));
    enum pxs_status status;
    if (b->cli->values[OPT_GENERATE]) {
        const struct cli_torch_job job = torch_job(b, true);
        status = cli_bench_generate(b->cli, &job, &out, err);
    } else {
        PXS_TRY(measure(b, err));
        status = show(b, &out, err);
    }
    if (status == PXS_OK)
        cli_out_result(b->cli, &out);
    pxs_text_finish(&out);
    return status;
}

int cli_cmd_bench(struct cli *cli) {
    struct pxs_error err = {0};
    int64_t threads, rounds;
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        return cli_fail(pxs_fail_nomem(&err), &err);
    b->cli = cli;
    pxs_cpu_detect(&b->cpu);
    int code = CLI_USAGE;
    if (cli_int(cli, OPT_THREADS, 1, 1024, true, b->cpu.cores, &threads) &&
        cli_int(cli, OPT_ROUNDS, 1, PXS_BENCH_ROUNDS, false, 5, &rounds)) {
        b->threads = (int)threads;
        b->rounds = (int)rounds;
        const enum pxs_status status = bench(b, &err);
        code = status == PXS_OK ? CLI_OK : cli_fail(status, &err);
    }
    free(b->rows);
    free(b);
    return code;
}
