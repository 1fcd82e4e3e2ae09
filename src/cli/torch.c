/* PyTorch as a child process that answers one line with one timed step; tools/torch_step.py is the
 * other side. One process a variant, so that its memory is its own and no variant's threads stand
 * in another's way. */
#include "torch.h"

#include "cli.h"
#include "pixsweep/base/child.h"
#include "pixsweep/train.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRIPT "torch_step.py"
/* Compiling takes minutes; a step of 512 px on one thread, seconds. */
#define ANSWER_SECONDS 1800.0
#define FAREWELL_SECONDS 2.0
/* Before each step: threads of the other side that still spin have gone to sleep by then. */
#define PAUSE_SECONDS 0.3
/* Only the last step of a turn counts: training has no other program's data in its caches. */
enum { WARM_UP = 3, STEPS_OF_TURN = 2 };

/* With everything that makes it faster: the optimiser fused, no gradients for the discriminator's
 * weights while the generator learns. */
static const struct variant {
    const char *what;
    bool channels_last, compile, one_thread;
} variants[CLI_TORCH_ROWS] = {{"torch NCHW", false, false, false},
                              {"torch channels_last", true, false, false},
                              {"torch compile", false, true, false},
                              {"torch NCHW", false, false, true},
                              {"torch channels_last", true, false, true}};

/* ---- the child ------------------------------------------------------------------------------ */

struct torch {
    struct pxs_child child;
    int socket; /* its stdin and stdout */
    int errors; /* its stderr, a file in memory */
    struct pxs_lines lines;
};

/* Beside the installed program's data, else in the source tree that it was built from. */
static enum pxs_status find_script(char out[4096], struct pxs_error *err) {
    char exe[4096], dir[4096];
    const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n > 0) {
        exe[n] = '\0';
        if (pxs_path_dir(dir, sizeof dir, exe) &&
            pxs_path_join(out, 4096, dir, "../share/pixsweep/" SCRIPT) && access(out, R_OK) == 0)
            return PXS_OK;
    }
    snprintf(out, 4096, "%s/%s", PXS_TOOLS, SCRIPT);
    if (access(out, R_OK) == 0)
        return PXS_OK;
    return pxs_fail(
        err, PXS_E_NOT_FOUND,
        "--against-torch: there is no %s, neither installed (../share/pixsweep beside the "
        "program) nor in %s",
        SCRIPT, PXS_TOOLS);
}

static enum pxs_status start(struct torch *t, const char *const *argv, struct pxs_error *err) {
    int pair[2];
    struct pxs_error why;
    *t = (struct torch){.socket = -1, .errors = memfd_create("stderr", MFD_CLOEXEC)};
    if (t->errors < 0)
        return pxs_fail_errno(err, "cannot make a file for PyTorch's messages");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return pxs_fail_errno(err, "cannot make a socket for PyTorch");
    t->socket = t->lines.fd = pair[0];
    fcntl(t->socket, F_SETFL, O_NONBLOCK);
    const struct pxs_child_spec spec = {.what = argv[0],
                                        .program = argv[0],
                                        .argv = argv,
                                        .in = pair[1],
                                        .out = pair[1],
                                        .err = t->errors};
    const enum pxs_status status = pxs_child_start(&spec, &t->child, &why);
    close(pair[1]);
    if (status == PXS_OK)
        return PXS_OK;
    return pxs_fail(err, status == PXS_E_NOT_FOUND ? PXS_E_NOT_FOUND : PXS_E_INVALID,
                    "--against-torch: %s; name a Python that has PyTorch, such as /usr/bin/python3",
                    why.message);
}

/* Gives it `seconds` to end by itself. */
static struct pxs_exit finish(struct torch *t, double seconds) {
    if (t->socket >= 0)
        close(t->socket);
    const struct pxs_exit how = pxs_child_finish(&t->child, seconds);
    if (t->errors >= 0)
        close(t->errors);
    *t = (struct torch){.socket = -1, .errors = -1};
    return how;
}

/* The child has closed its side: says how it ended, with the last line that it wrote to stderr (of
 * a traceback, the one that says what happened). */
static enum pxs_status fail_ended(struct torch *t, struct pxs_error *err) {
    char end[2048];
    const off_t length = lseek(t->errors, 0, SEEK_END), most = sizeof end - 1;
    const ssize_t n = pread(t->errors, end, sizeof end - 1, length > most ? length - most : 0);
    end[n > 0 ? n : 0] = '\0';
    size_t last = strlen(end);
    while (last > 0 && strchr("\n\r ", end[last - 1]))
        end[--last] = '\0';
    const char *newline = strrchr(end, '\n'), *line = newline ? newline + 1 : end;
    const struct pxs_exit how = finish(t, FAREWELL_SECONDS);
    return pxs_fail(err, PXS_E_IO, "the PyTorch process ended too early, by %s %d%s%.511s",
                    how.how == PXS_SIGNALLED ? "signal" : "exit code", how.code,
                    line[0] ? ": " : "", line);
}

/* ---- questions and answers ------------------------------------------------------------------ */

static bool stopped(const struct cli_torch_job *job) {
    return job->stop && atomic_load(&job->stop->signal);
}

/* Waits in small portions, to see the stop flag in between. The answer is valid until the next
 * one. */
static enum pxs_status read_answer(struct torch *t, const struct cli_torch_job *job,
                                   const char **out, struct pxs_error *err) {
    const double until = pxs_monotonic() + ANSWER_SECONDS;
    struct pollfd readable = {.fd = t->socket, .events = POLLIN};
    while (!(*out = pxs_lines_next(&t->lines))) {
        if (t->lines.ended)
            return fail_ended(t, err);
        if (stopped(job))
            return pxs_fail(err, PXS_E_STOPPED, "stopped while PyTorch was at work");
        if (pxs_monotonic() > until)
            return pxs_fail(err, PXS_E_IO, "PyTorch has not answered for %.0f minutes",
                            ANSWER_SECONDS / 60);
        poll(&readable, 1, 100);
    }
    return t->lines.cut
               ? pxs_fail(err, PXS_E_CORRUPT, "PyTorch's answer is no line: '%.40s...'", *out)
               : PXS_OK;
}

/* One step of theirs. */
static enum pxs_status ask(struct torch *t, const struct cli_torch_job *job, double *ms,
                           int64_t *peak_bytes, struct pxs_error *err) {
    static const char question[] = "step\n";
    const char *answer;
    char time[32];
    /* EPIPE is no error here: reading tells how it ended. */
    if (send(t->socket, question, sizeof question - 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
        return pxs_fail_errno(err, "cannot ask PyTorch for a step");
    PXS_TRY(read_answer(t, job, &answer, err));
    const size_t n = strcspn(answer, " ");
    snprintf(time, sizeof time, "%.*s", (int)(n < sizeof time ? n : 0), answer);
    if (answer[n] == ' ' && pxs_parse_double(time, ms) && isfinite(*ms) && *ms > 0 &&
        pxs_parse_int(answer + n + 1, peak_bytes))
        return PXS_OK;
    return pxs_fail(err, PXS_E_CORRUPT, "PyTorch answered '%.60s' where a time was due", answer);
}

/* "ready VERSION", or why not. */
static enum pxs_status await_ready(struct torch *t, const struct cli_torch_job *job,
                                   const struct variant *v, struct cli_torch_row *row,
                                   struct pxs_error *err) {
    const char *answer;
    PXS_TRY(read_answer(t, job, &answer, err));
    if (strncmp(answer, "ready ", 6) == 0) {
        snprintf(row->version, sizeof row->version, "%.63s", answer + 6);
        return PXS_OK;
    }
    if (strncmp(answer, "no ", 3) != 0)
        return pxs_fail(err, PXS_E_CORRUPT, "PyTorch answered '%.60s' where 'ready' was due",
                        answer);
    if (v->compile)
        return pxs_fail(err, PXS_E_UNSUPPORTED, "%s", answer);
    return pxs_fail(
        err, PXS_E_UNSUPPORTED,
        "--against-torch: %s has %s; name a Python that has it, or install it there: %s -m pip "
        "install torch",
        job->python, answer, job->python);
}

/* ---- in turn -------------------------------------------------------------------------------- */

double cli_median(double *values, size_t n) {
    for (size_t i = 1; i < n; i++) {
        const double value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void pause_a_little(void) {
    usleep((useconds_t)(PAUSE_SECONDS * 1e6)); /* a signal may end it: then we stop anyway */
}

static enum pxs_status take_turns(struct torch *t, const struct cli_torch_job *job,
                                  struct pxs_bench *ours, struct cli_torch_row *row,
                                  struct pxs_error *err) {
    double theirs_ms[PXS_BENCH_ROUNDS], ours_ms[PXS_BENCH_ROUNDS], ratio[PXS_BENCH_ROUNDS];
    const size_t rounds = (size_t)job->rounds;
    for (int i = 0; i < WARM_UP; i++)
        pxs_bench_step(ours);
    for (size_t i = 0; i < rounds; i++) {
        pause_a_little();
        for (int k = 0; k < STEPS_OF_TURN; k++)
            PXS_TRY(ask(t, job, &theirs_ms[i], &row->peak_bytes, err));
        pause_a_little();
        for (int k = 0; k < STEPS_OF_TURN; k++)
            ours_ms[i] = pxs_bench_step(ours);
        ratio[i] = theirs_ms[i] / ours_ms[i];
        if (stopped(job))
            return pxs_fail(err, PXS_E_STOPPED, "stopped in round %zu against PyTorch", i + 1);
    }
    row->ms_median = cli_median(theirs_ms, rounds);
    row->ms_min = theirs_ms[0]; /* sorted by now */
    row->ours_ms_median = cli_median(ours_ms, rounds);
    row->ratio = cli_median(ratio, rounds);
    return PXS_OK;
}

static enum pxs_status run_child(const char *const *argv, const struct cli_torch_job *job,
                                 const struct variant *v, struct pxs_bench *ours,
                                 struct cli_torch_row *row, struct pxs_error *err) {
    struct torch t;
    enum pxs_status status = start(&t, argv, err);
    if (status == PXS_OK)
        status = await_ready(&t, job, v, row, err);
    if (status == PXS_OK)
        status = take_turns(&t, job, ours, row, err);
    finish(&t, 0);
    if (status == PXS_OK || status == PXS_E_STOPPED || !v->compile)
        return status;
    /* Compiling needs more than PyTorch, and may fail in many ways: that is a result. */
    *row = (struct cli_torch_row){.what = row->what, .threads = row->threads};
    snprintf(row->note, sizeof row->note, "%.255s", err->message);
    return PXS_OK;
}

/* The hyperparameters that shape a step; the script has options of their names. */
static const enum pxs_param_key step_keys[] = {
    PXS_PARAM_batch_size,    PXS_PARAM_img_height, PXS_PARAM_img_width, PXS_PARAM_channels,
    PXS_PARAM_generator,     PXS_PARAM_downs_G,    PXS_PARAM_ngf,       PXS_PARAM_dropout,
    PXS_PARAM_discriminator, PXS_PARAM_n_layers_D, PXS_PARAM_ndf,       PXS_PARAM_lambda_pixel,
    PXS_PARAM_norm,          PXS_PARAM_gan_mode};

static enum pxs_status run_variant(const char *script, const struct cli_torch_job *job,
                                   const struct variant *v, struct pxs_bench *ours,
                                   struct cli_torch_row *row, struct pxs_error *err) {
    struct pxs_text texts[PXS_COUNT(step_keys) + 1] = {0};
    const char *argv[2 * PXS_COUNT(texts) + 9] = {job->python, script, "--fused", "--freeze"};
    size_t n = 4, used = 0;
    if (job->generate)
        argv[n++] = "--generate";
    pxs_text_addf(&texts[used], "--threads=%d", row->threads);
    argv[n++] = pxs_text_str(&texts[used++]);
    for (size_t i = 0; i < PXS_COUNT(step_keys); i++) {
        if (!pxs_params_effective(job->params, step_keys[i]))
            continue;
        pxs_text_addf(&texts[used], "--%s=", pxs_param_info(step_keys[i])->key);
        pxs_params_format(job->params, step_keys[i], &texts[used]);
        argv[n++] = pxs_text_str(&texts[used++]);
    }
    if (v->channels_last)
        argv[n++] = "--channels-last";
    if (v->compile)
        argv[n++] = "--compile";
    if (!job->quiet)
        cli_say("%s, %d thread%s%s", v->what, row->threads, row->threads == 1 ? "" : "s",
                v->compile ? " (takes a minute to compile)" : "");
    const enum pxs_status status = run_child(argv, job, v, ours, row, err);
    while (used > 0)
        pxs_text_finish(&texts[--used]);
    return status;
}

/* Our own step with as many threads, on networks of its own. */
static enum pxs_status with_ours(const char *script, const struct cli_torch_job *job,
                                 const struct variant *v, struct cli_torch_row *row,
                                 struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    struct pxs_bench *ours = NULL;
    PXS_TRY(pxs_pool_create(row->threads, &pool, err));
    enum pxs_status status =
        pxs_bench_create(job->params, pool, job->kernels,
                         job->generate ? PXS_BENCH_GENERATE : PXS_BENCH_STEP, &ours, err);
    if (status == PXS_OK)
        status = run_variant(script, job, v, ours, row, err);
    pxs_bench_destroy(&ours);
    pxs_pool_destroy(&pool);
    return status;
}

enum pxs_status cli_against_torch(const struct cli_torch_job *job,
                                  struct cli_torch_row rows[CLI_TORCH_ROWS], size_t *n,
                                  struct pxs_error *err) {
    char script[4096];
    PXS_TRY(find_script(script, err));
    *n = 0;
    for (size_t i = 0; i < PXS_COUNT(variants); i++) {
        if (variants[i].one_thread && job->threads == 1)
            continue; /* has been measured */
        rows[*n] = (struct cli_torch_row){.what = variants[i].what,
                                          .threads = variants[i].one_thread ? 1 : job->threads};
        PXS_TRY(with_ours(script, job, &variants[i], &rows[(*n)++], err));
    }
    return PXS_OK;
}
