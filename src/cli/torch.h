/* The same training step in PyTorch, in turn with pixsweep's own: `bench --against-torch`. */
#ifndef PXS_CLI_TORCH_H
#define PXS_CLI_TORCH_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"

struct cli_torch_job {
    const char *python; /* looked up in PATH */
    const struct pxs_params *params;
    const char *kernels;
    int threads, rounds;
    bool generate; /* the trained generator alone, in place of a step */
    bool quiet;
    const struct pxs_stop *stop;
};

/* One way in which PyTorch can take the step. */
struct cli_torch_row {
    const char *what; /* "torch NCHW" */
    int threads;
    char version[64]; /* of PyTorch */
    double ms_median, ms_min, ours_ms_median;
    /* torch's time over ours in the same round, median over the rounds: what slows a round slows
     * both */
    double ratio;
    int64_t peak_bytes; /* of the PyTorch process */
    char note[256];     /* why it does not run here, and the rest is 0; or "" */
};
enum { CLI_TORCH_ROWS = 5 };

/* Fills up to CLI_TORCH_ROWS rows. One process at a time, ended and reaped whatever happens. */
PXS_NODISCARD enum pxs_status cli_against_torch(const struct cli_torch_job *job,
                                                struct cli_torch_row rows[CLI_TORCH_ROWS],
                                                size_t *n, struct pxs_error *err);
/* `bench --generate`: the trained generator of job->params, one picture and eight at a time, in a
 * table; beside PyTorch where job->python is there. */
struct cli;
PXS_NODISCARD enum pxs_status cli_bench_generate(const struct cli *cli,
                                                 const struct cli_torch_job *job,
                                                 struct pxs_text *out, struct pxs_error *err);
/* The middle of n > 0 numbers, which it sorts. */
double cli_median(double *values, size_t n);

#endif
