/* PyTorch as a child process that answers one line with one timed step; tools/torch_step.py is the other side. One process a
 * variant, so that its memory is its own and no variant's threads stand in another's way. */
#include "torch.h"

#include "cli.h"
#include "pixsweep/train.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define SCRIPT "torch_step.py"
/* Compiling takes minutes; a step of 512 px on one thread, seconds. */
#define ANSWER_SECONDS 1800.0
#define FAREWELL_SECONDS 2.0
/* Before each step: threads of the other side that still spin have gone to sleep by then. */
#define PAUSE_SECONDS 0.3
enum { WARM_UP = 3, LINE = 1024, MOST_ARGS = 32 };

static const struct variant {
    const char *what;
    bool channels_last, compile, one_thread;
} variants[CLI_TORCH_ROWS] = {{"torch NCHW", false, false, false},
                              {"torch channels_last", true, false, false},
                              {"torch compile", false, true, false},
                              {"torch NCHW", false, false, true},
                              {"torch channels_last", true, false, true}};

/* ---- the child ------------------------------------------------------------------------------------------- */

struct child {
    pid_t pid;  /* leads a group of its own */
    int socket; /* its stdin and stdout */
    int errors; /* its stderr, a file in memory */
    size_t held;
    char line[LINE]; /* read so far */
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
    return pxs_fail(err, PXS_E_NOT_FOUND,
                    "--against-torch: there is no %s, neither installed (../share/pixsweep beside the "
                    "program) nor in %s",
                    SCRIPT, PXS_TOOLS);
}

static enum pxs_status spawn(struct child *c, int theirs, char *const *argv, struct pxs_error *err) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    char limit[PXS_LIMIT_WORDS];
    if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&attr) != 0)
        return pxs_fail_nomem(err);
    posix_spawn_file_actions_adddup2(&files, theirs, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, theirs, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, c->errors, STDERR_FILENO);
    /* Ctrl-C is for us: we end the group, with whatever it has started. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    const int failed = posix_spawnp(&c->pid, argv[0], &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (failed == 0)
        return PXS_OK;
    c->pid = 0;
    pxs_limit_words(failed, limit);
    return pxs_fail(err, failed == ENOENT ? PXS_E_NOT_FOUND : PXS_E_INVALID,
                    "--against-torch: cannot start %s: %s%s; name a Python that has PyTorch, such as "
                    "/usr/bin/python3",
                    argv[0], strerror(failed), limit);
}

static enum pxs_status start(struct child *c, char *const *argv, struct pxs_error *err) {
    int pair[2];
    *c = (struct child){.socket = -1};
    c->errors = memfd_create("stderr", MFD_CLOEXEC);
    if (c->errors < 0)
        return pxs_fail_errno(err, "cannot make a file for PyTorch's messages");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return pxs_fail_errno(err, "cannot make a socket for PyTorch");
    c->socket = pair[0];
    const enum pxs_status status = spawn(c, pair[1], argv, err);
    close(pair[1]);
    return status;
}

/* Ends the child and all that it has started. Its wait status, if it was ending by itself. */
static int finish(struct child *c, bool is_ending) {
    int wait_status = 0;
    if (c->socket >= 0)
        close(c->socket);
    if (c->pid > 0) {
        siginfo_t info = {0};
        const double until = pxs_monotonic() + FAREWELL_SECONDS;
        while (is_ending && waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == 0 && pxs_monotonic() < until)
            usleep(10000);
        kill(-c->pid, SIGKILL); /* before it is reaped: until then the group's number is ours */
        while (waitpid(c->pid, &wait_status, 0) < 0 && errno == EINTR)
            ;
    }
    if (c->errors >= 0)
        close(c->errors);
    *c = (struct child){.socket = -1, .errors = -1};
    return wait_status;
}

/* The last line that it wrote to stderr: of a traceback, the one that says what happened. */
static void last_words(const struct child *c, char *out, size_t size) {
    char end[2048];
    const off_t length = lseek(c->errors, 0, SEEK_END), most = sizeof end - 1;
    const ssize_t n = pread(c->errors, end, sizeof end - 1, length > most ? length - most : 0);
    end[n > 0 ? n : 0] = '\0';
    size_t last = strlen(end);
    while (last > 0 && strchr("\n\r ", end[last - 1]))
        end[--last] = '\0';
    const char *line = strrchr(end, '\n');
    snprintf(out, size, "%.*s", (int)size - 1, line ? line + 1 : end);
}

/* The child has closed its side: says how it ended. */
static enum pxs_status fail_ended(struct child *c, struct pxs_error *err) {
    char words[512];
    last_words(c, words, sizeof words);
    const int status = finish(c, true);
    const bool killed = WIFSIGNALED(status);
    return pxs_fail(err, PXS_E_IO, "the PyTorch process ended too early, by %s %d%s%s",
                    killed ? "signal" : "exit code", killed ? WTERMSIG(status) : WEXITSTATUS(status),
                    words[0] ? ": " : "", words);
}

/* ---- questions and answers ------------------------------------------------------------------------------- */

static bool stopped(const struct cli_torch_job *job) {
    return job->stop && atomic_load(&job->stop->signal);
}

/* Waits for more of the answer, in small portions, to see the stop flag in between. */
static enum pxs_status read_more(struct child *c, const struct cli_torch_job *job, double until,
                                 struct pxs_error *err) {
    struct pollfd poll_fd = {.fd = c->socket, .events = POLLIN};
    while (poll(&poll_fd, 1, 100) <= 0) {
        if (stopped(job))
            return pxs_fail(err, PXS_E_STOPPED, "stopped while PyTorch was at work");
        if (pxs_monotonic() > until)
            return pxs_fail(err, PXS_E_IO, "PyTorch has not answered for %.0f minutes", ANSWER_SECONDS / 60);
    }
    const ssize_t n = read(c->socket, c->line + c->held, sizeof c->line - 1 - c->held);
    if (n <= 0)
        return n < 0 && errno == EINTR ? PXS_OK : fail_ended(c, err);
    c->held += (size_t)n;
    return PXS_OK;
}

static enum pxs_status read_answer(struct child *c, const struct cli_torch_job *job, char out[LINE],
                                   struct pxs_error *err) {
    const double until = pxs_monotonic() + ANSWER_SECONDS;
    const char *end;
    while (!(end = memchr(c->line, '\n', c->held))) {
        if (c->held == sizeof c->line - 1)
            return pxs_fail(err, PXS_E_CORRUPT, "PyTorch's answer is no line: '%.40s...'", c->line);
        PXS_TRY(read_more(c, job, until, err));
    }
    const size_t n = (size_t)(end - c->line);
    memcpy(out, c->line, n);
    out[n] = '\0';
    c->held -= n + 1;
    memmove(c->line, end + 1, c->held);
    return PXS_OK;
}

/* One step of theirs. */
static enum pxs_status ask(struct child *c, const struct cli_torch_job *job, double *ms, int64_t *peak_bytes,
                           struct pxs_error *err) {
    static const char question[] = "step\n";
    char line[LINE];
    if (send(c->socket, question, sizeof question - 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
        return pxs_fail_errno(err, "cannot ask PyTorch for a step"); /* EPIPE: reading tells how it ended */
    PXS_TRY(read_answer(c, job, line, err));
    char *blank = strchr(line, ' ');
    if (blank) {
        *blank = '\0';
        if (pxs_parse_double(line, ms) && isfinite(*ms) && *ms > 0 && pxs_parse_int(blank + 1, peak_bytes))
            return PXS_OK;
        *blank = ' ';
    }
    return pxs_fail(err, PXS_E_CORRUPT, "PyTorch answered '%.60s' where a time was due", line);
}

/* "ready VERSION", or why not. */
static enum pxs_status await_ready(struct child *c, const struct cli_torch_job *job, const struct variant *v,
                                   struct cli_torch_row *row, struct pxs_error *err) {
    char line[LINE];
    PXS_TRY(read_answer(c, job, line, err));
    if (strncmp(line, "ready ", 6) == 0) {
        snprintf(row->version, sizeof row->version, "%.63s", line + 6);
        return PXS_OK;
    }
    if (strncmp(line, "no ", 3) != 0)
        return pxs_fail(err, PXS_E_CORRUPT, "PyTorch answered '%.60s' where 'ready' was due", line);
    if (v->compile)
        return pxs_fail(err, PXS_E_UNSUPPORTED, "%s", line);
    return pxs_fail(err, PXS_E_UNSUPPORTED,
                    "--against-torch: %s has %s; name a Python that has it, or install it there: %s -m pip "
                    "install torch",
                    job->python, line, job->python);
}

/* ---- in turn --------------------------------------------------------------------------------------------- */

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

static enum pxs_status take_turns(struct child *c, const struct cli_torch_job *job, struct pxs_bench *ours,
                                  struct cli_torch_row *row, struct pxs_error *err) {
    double theirs_ms[PXS_BENCH_ROUNDS], ours_ms[PXS_BENCH_ROUNDS], ratio[PXS_BENCH_ROUNDS];
    const size_t rounds = (size_t)job->rounds;
    for (int i = 0; i < WARM_UP; i++)
        pxs_bench_step(ours);
    for (size_t i = 0; i < rounds; i++) {
        pause_a_little();
        PXS_TRY(ask(c, job, &theirs_ms[i], &row->peak_bytes, err));
        pause_a_little();
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

static enum pxs_status run_child(char *const *argv, const struct cli_torch_job *job, const struct variant *v,
                                 struct pxs_bench *ours, struct cli_torch_row *row, struct pxs_error *err) {
    struct child c;
    enum pxs_status status = start(&c, argv, err);
    if (status == PXS_OK)
        status = await_ready(&c, job, v, row, err);
    if (status == PXS_OK)
        status = take_turns(&c, job, ours, row, err);
    finish(&c, false);
    if (status == PXS_OK || status == PXS_E_STOPPED || !v->compile)
        return status;
    /* Compiling needs more than PyTorch, and may fail in many ways: that is a result. */
    *row = (struct cli_torch_row){.what = row->what, .threads = row->threads};
    snprintf(row->note, sizeof row->note, "%.255s", err->message);
    return PXS_OK;
}

static void add_number(char (*texts)[32], const char **argv, int *n, const char *name, double value) {
    argv[*n] = name;
    argv[*n + 1] = pxs_format_double(texts[*n], value);
    *n += 2;
}

static enum pxs_status run_variant(const char *script, const struct cli_torch_job *job,
                                   const struct variant *v, struct pxs_bench *ours, struct cli_torch_row *row,
                                   struct pxs_error *err) {
    const struct pxs_params *p = job->params;
    const char *argv[MOST_ARGS] = {job->python, script};
    char texts[MOST_ARGS][32];
    int n = 2;
    add_number(texts, argv, &n, "--threads", row->threads);
    add_number(texts, argv, &n, "--batch", (double)p->batch_size);
    add_number(texts, argv, &n, "--height", (double)p->img_height);
    add_number(texts, argv, &n, "--width", (double)p->img_width);
    add_number(texts, argv, &n, "--channels", (double)p->channels);
    add_number(texts, argv, &n, "--ngf", (double)p->ngf);
    add_number(texts, argv, &n, "--ndf", (double)p->ndf);
    add_number(texts, argv, &n, "--dropout", p->dropout);
    add_number(texts, argv, &n, "--lambda-pixel", p->lambda_pixel);
    argv[n++] = "--gan-mode";
    argv[n++] = p->gan_mode == PXS_GAN_LSGAN ? "lsgan" : "vanilla";
    if (v->channels_last)
        argv[n++] = "--channels-last";
    if (v->compile)
        argv[n++] = "--compile";
    if (!job->quiet)
        cli_say("%s, %d thread%s%s", v->what, row->threads, row->threads == 1 ? "" : "s",
                v->compile ? " (takes a minute to compile)" : "");
    return run_child((char *const *)argv, job, v, ours, row, err);
}

/* Our own step with as many threads, on networks of its own. */
static enum pxs_status with_ours(const char *script, const struct cli_torch_job *job, const struct variant *v,
                                 struct cli_torch_row *row, struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    struct pxs_bench *ours = NULL;
    PXS_TRY(pxs_pool_create(row->threads, &pool, err));
    enum pxs_status status = pxs_bench_create(job->params, pool, job->kernels, PXS_BENCH_STEP, &ours, err);
    if (status == PXS_OK)
        status = run_variant(script, job, v, ours, row, err);
    pxs_bench_destroy(&ours);
    pxs_pool_destroy(&pool);
    return status;
}

enum pxs_status cli_against_torch(const struct cli_torch_job *job, struct cli_torch_row rows[CLI_TORCH_ROWS],
                                  size_t *n, struct pxs_error *err) {
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
