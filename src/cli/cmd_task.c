/* task: what job scripts call on other machines. */
#include "cli.h"
#include "pixsweep/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A whole number in the environment; `otherwise` where it is not set. False: said why. */
static bool number(const char *name, int64_t most, int64_t otherwise, int64_t *out) {
    const char *text = getenv(name);
    char *end;
    *out = otherwise;
    if (!text || text[0] == '\0')
        return true;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *out >= 0 && *out <= most)
        return true;
    cli_say("%s is '%s': it must be a whole number from 0 to %lld", name, text, (long long)most);
    return false;
}

/* Slurm knows a job of an array by both numbers. */
static const char *requeue_as(struct cli *cli) {
    const char *job = getenv("SLURM_JOB_ID"), *array = getenv("SLURM_ARRAY_JOB_ID"),
               *index = getenv("SLURM_ARRAY_TASK_ID");
    return job && array && index ? pxs_arena_printf(&cli->arena, "%s_%s", array, index) : job;
}

/* The file that stdout goes to, as a batch system opened it; NULL = it is no file. */
static const char *log_file(struct cli *cli) {
    char log[PXS_PATH_MAX];
    struct stat info;
    const ssize_t n = readlink("/proc/self/fd/1", log, sizeof log - 1);
    if (n <= 0 || fstat(STDOUT_FILENO, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink == 0)
        return NULL;
    log[n] = '\0';
    return pxs_arena_strdup(&cli->arena, log);
}

static void print_line(void *user, enum pxs_log_level level, const char *text) {
    const struct cli *cli = user;
    if (cli->quiet && level == PXS_LOG_INFO)
        return;
    struct pxs_text line = {0};
    pxs_text_add(&line, text);
    pxs_text_add(&line, "\n");
    cli_out_text(&line);
    pxs_text_finish(&line);
    cli_flush();
}

int cli_cmd_task(struct cli *cli) {
    const struct pxs_sweep_listener listener = {.user = cli, .line = print_line};
    struct pxs_error err = {0};
    int64_t cores, seconds, warn, restart;
    int code = CLI_FAILED;
    char dir[PXS_PATH_MAX];
    if (!number("PIXSWEEP_RESTART", INT64_MAX, 0, &restart) ||
        !number("PIXSWEEP_CORES", 1 << 20, 0, &cores) ||
        !number("PIXSWEEP_SECONDS", INT32_MAX, 0, &seconds) ||
        !number("PIXSWEEP_WARN", INT32_MAX, 300, &warn))
        return CLI_USAGE;
    if (!pxs_path_absolute(dir, sizeof dir, cli->args[0]))
        return cli_usage(cli, "the path %.100s... is too long", cli->args[0]);
    const struct pxs_task_options task = {.dir = dir,
                                          .task = getenv("PIXSWEEP_TASK"),
                                          .restart = restart,
                                          .log = log_file(cli),
                                          .cores = (int)cores,
                                          .seconds = (double)seconds,
                                          .warn = (double)warn,
                                          .requeue = requeue_as(cli),
                                          .stop = cli_catch_signals(CLI_SIGNALS_SUPERVISOR)};
    cli_catch_time_is_up();
    if (pxs_task_run(&task, &listener, &code, &err) != PXS_OK) {
        cli_say("%s", err.message);
        return CLI_USAGE;
    }
    return code;
}
