/* bench --generate: a trained generator alone, one picture and eight at a time. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "pixsweep/kernel.h"
#include "pixsweep/model.h"
#include "pixsweep/train.h"
#include "torch.h"

static const int batches[] = {1, 8};
enum { WARM_UP = 2, MOST_ROWS = 2 * (2 + CLI_TORCH_ROWS) };

/* One way to make a batch. */
struct row {
    int batch;
    bool reads;                /* the weights alone, from memory */
    double bytes;              /* of weights that meet a pixel */
    struct cli_torch_row time; /* of ours: what, threads, ms_median and ms_min alone */
};

/* ---- measuring ------------------------------------------------------------------------------ */

static void put_times(struct row *row, const char *what, const struct cli_torch_job *job,
                      double *ms) {
    row->time = (struct cli_torch_row){.what = what, .threads = job->threads};
    row->time.ms_median = cli_median(ms, (size_t)job->rounds);
    row->time.ms_min = ms[0]; /* sorted by now */
}

/* The generator, and what reads its weights alone, in turn. */
static enum pxs_status time_ours(const struct cli_torch_job *job, struct row *row,
                                 struct row *reading, struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    struct pxs_bench *bench = NULL;
    double ms[PXS_BENCH_ROUNDS], read_ms[PXS_BENCH_ROUNDS], bytes = 0;
    PXS_TRY(pxs_pool_create(job->threads, &pool, err));
    enum pxs_status status =
        pxs_bench_create(job->params, pool, job->kernels, PXS_BENCH_GENERATE, &bench, err);
    for (int i = -WARM_UP; i < job->rounds && status == PXS_OK; i++) {
        const double took = pxs_bench_step(bench), read = pxs_bench_read(bench, &bytes);
        if (i >= 0) {
            ms[i] = took;
            read_ms[i] = read;
        }
        if (job->stop && atomic_load(&job->stop->signal) != 0)
            status = pxs_fail(err, PXS_E_STOPPED, "stopped while generating");
    }
    pxs_bench_destroy(&bench);
    pxs_pool_destroy(&pool);
    PXS_TRY(status);
    row->bytes = reading->bytes = bytes;
    put_times(row, "generator", job, ms);
    put_times(reading, "reading weights", job, read_ms);
    return PXS_OK;
}

static enum pxs_status measure(const struct cli_torch_job *job, struct row *rows, size_t *n,
                               struct pxs_error *err) {
    struct pxs_params *params = malloc(sizeof *params);
    enum pxs_status status = params ? PXS_OK : pxs_fail_nomem(err);
    struct cli_torch_job one = *job;
    one.params = params;
    for (size_t i = 0; i < PXS_COUNT(batches) && status == PXS_OK; i++) {
        struct cli_torch_row torch[CLI_TORCH_ROWS];
        size_t n_torch = 0;
        *params = *job->params;
        params->batch_size = batches[i];
        if (!job->quiet)
            cli_say("%d picture%s at a time", batches[i], batches[i] == 1 ? "" : "s");
        if (job->python)
            status = cli_against_torch(&one, torch, &n_torch, err);
        struct row *ours = &rows[*n], *reading = ours + 1;
        *ours = (struct row){.batch = batches[i]};
        *reading = (struct row){.batch = batches[i], .reads = true};
        if (status == PXS_OK)
            status = time_ours(&one, ours, reading, err);
        if (status != PXS_OK)
            break;
        *n += 2;
        for (size_t k = 0; k < n_torch; k++)
            rows[(*n)++] =
                (struct row){.batch = batches[i], .bytes = ours->bytes, .time = torch[k]};
    }
    free(params);
    return status;
}

/* ---- showing -------------------------------------------------------------------------------- */

/* COLUMN(name, title, how it is shown without PyTorch, and with it) */
#define COLUMNS                                        \
    COLUMN(what, NULL, PLAIN, PLAIN)                   \
    COLUMN(shape, NULL, PLAIN, PLAIN)                  \
    COLUMN(threads, NULL, PLAIN, PLAIN)                \
    COLUMN(ms_median, "ms median", SHORT, SHORT)       \
    COLUMN(ms_min, "ms min", SHORT, SHORT)             \
    COLUMN(images_per_s, "images/s", SHORT, SHORT)     \
    COLUMN(gflops, "GFLOP/s", SHORT, SHORT)            \
    COLUMN(gb_per_s, "GB/s", SHORT, SHORT)             \
    COLUMN(ours_ms_median, "ours ms", HIDDEN, SHORT)   \
    COLUMN(torch_to_ours, "torch/ours", HIDDEN, SHORT) \
    COLUMN(peak_bytes, "memory", HIDDEN, BYTES)        \
    COLUMN(note, NULL, HIDDEN, HIDDEN)                 \
    COLUMN(torch, NULL, HIDDEN, HIDDEN)                \
    COLUMN(kernels, NULL, HIDDEN, HIDDEN)              \
    COLUMN(cpu, NULL, HIDDEN, HIDDEN)                  \
    COLUMN(rounds, NULL, HIDDEN, HIDDEN)               \
    COLUMN(version, NULL, HIDDEN, HIDDEN)

enum column {
#define COLUMN(name, title, alone, beside) C_##name,
    COLUMNS
#undef COLUMN
        N_COLUMNS
};
static const char *const column_names[] = {
#define COLUMN(name, title, alone, beside) #name,
    COLUMNS
#undef COLUMN
};
static const struct pxs_column columns[2][N_COLUMNS] = {{
#define COLUMN(name, title, alone, beside) {title, PXS_SHOW_##alone},
                                                            COLUMNS
#undef COLUMN
                                                        },
                                                        {
#define COLUMN(name, title, alone, beside) {title, PXS_SHOW_##beside},
                                                            COLUMNS
#undef COLUMN
                                                        }};

/* Multiply-accumulates of one picture. */
static double macs_of(const struct pxs_params *p) {
    struct pxs_layer_list list;
    double macs = 0;
    pxs_pix2pix_layers(p, PXS_NET_G, &list);
    for (size_t i = 0; i < list.n; i++)
        macs += pxs_layer_macs(&list.layer[i]);
    return macs;
}

static void set_real(struct pxs_table *t, size_t row, enum column c, double value) {
    if (value > 0)
        pxs_table_set(t, row, c, pxs_cell_real(value));
}

static void set_text(struct pxs_table *t, size_t row, enum column c, const char *text) {
    if (text[0] != '\0')
        pxs_table_set(t, row, c, pxs_cell_text(text));
}

static enum pxs_status put_table(const struct cli *cli, const struct cli_torch_job *job,
                                 const struct row *rows, size_t n, struct pxs_text *out,
                                 struct pxs_error *err) {
    const struct pxs_params *p = job->params;
    const struct pxs_kernels *set;
    struct pxs_table t = {0};
    struct pxs_cpu cpu;
    char shape[2][64];
    const double macs = macs_of(p);
    pxs_cpu_detect(&cpu);
    PXS_TRY(pxs_kernels_select(job->kernels, &set, err));
    PXS_TRY(pxs_table_make(&t, column_names, N_COLUMNS, n, err));
    for (size_t i = 0; i < PXS_COUNT(batches); i++)
        snprintf(shape[i], sizeof shape[i], "%dx%lldx%lldx%lld %s ngf %lld", batches[i],
                 (long long)p->img_height, (long long)p->img_width, (long long)p->channels,
                 pxs_params_get(p, PXS_PARAM_generator).text, (long long)p->ngf);
    for (size_t i = 0; i < n; i++) {
        const struct cli_torch_row *r = &rows[i].time;
        set_text(&t, i, C_what, r->what);
        set_text(&t, i, C_shape, shape[rows[i].batch != batches[0]]);
        pxs_table_set(&t, i, C_threads, pxs_cell_int(r->threads));
        set_real(&t, i, C_ms_median, r->ms_median);
        set_real(&t, i, C_ms_min, r->ms_min);
        if (r->ms_median > 0 && !rows[i].reads) {
            set_real(&t, i, C_images_per_s, 1e3 * rows[i].batch / r->ms_median);
            set_real(&t, i, C_gflops, 2e-6 * macs * rows[i].batch / r->ms_median);
        }
        if (r->ms_median > 0)
            set_real(&t, i, C_gb_per_s, 1e-6 * rows[i].bytes / r->ms_median);
        set_real(&t, i, C_ours_ms_median, r->ours_ms_median);
        set_real(&t, i, C_torch_to_ours, r->ratio);
        if (r->peak_bytes > 0)
            pxs_table_set(&t, i, C_peak_bytes, pxs_cell_int(r->peak_bytes));
        set_text(&t, i, C_note, r->note);
        set_text(&t, i, C_torch, r->version);
        set_text(&t, i, C_kernels, pxs_kernels_name(set));
        set_text(&t, i, C_cpu, cpu.model);
        pxs_table_set(&t, i, C_rounds, pxs_cell_int(job->rounds));
        set_text(&t, i, C_version, pxs_version());
    }
    const enum pxs_status status = pxs_report_table(&t, columns[job->python != NULL], cli->format,
                                                    cli_output_width(), out, err);
    pxs_table_finish(&t);
    return status;
}

enum pxs_status cli_bench_generate(const struct cli *cli, const struct cli_torch_job *job,
                                   struct pxs_text *out, struct pxs_error *err) {
    struct row rows[MOST_ROWS];
    size_t n = 0;
    PXS_TRY(measure(job, rows, &n, err));
    PXS_TRY(put_table(cli, job, rows, n, out, err));
    if (cli->format != PXS_FORMAT_TABLE)
        return PXS_OK;
    pxs_text_add(
        out, "\nGB/s: the weights that meet a pixel once a batch. What one picture at a time can "
             "reach is the rate at which they are read alone.\n");
    for (size_t i = 0; i < n; i++)
        if (rows[i].time.note[0] != '\0' &&
            (i == 0 || strcmp(rows[i].time.note, rows[i - 1].time.note)))
            pxs_text_addf(out, "%s: %s\n", rows[i].time.what, rows[i].time.note);
    return PXS_OK;
}
