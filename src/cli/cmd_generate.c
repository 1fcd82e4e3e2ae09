/* generate: a trained generator at work. */
#include "cli.h"
#include "pixsweep/generate.h"
#include "pixsweep/image.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what was asked for --------------------------------------------------------------------- */

static bool is_on(const struct cli *cli, bool *on) {
    const char *text = cli->values[OPT_USE_DROPOUT];
    *on = text && strcmp(text, "on") == 0;
    if (text && !*on && strcmp(text, "off") != 0) {
        cli_usage(cli, "--dropout must be on or off, not '%s'", text);
        return false;
    }
    return true;
}

static bool read_size(const struct cli *cli, bool *keep) {
    const char *text = cli->values[OPT_NET_SIZE];
    *keep = text && strcmp(text, "keep") == 0;
    if (text && !*keep && strcmp(text, "trained") != 0) {
        cli_usage(cli, "--size must be trained or keep, not '%s'", text);
        return false;
    }
    return true;
}

static bool read_norm(const struct cli *cli, struct pxs_generate_options *o) {
    const char *text = cli->values[OPT_TEST_NORM];
    if (!text)
        return true;
    o->norm = strcmp(text, "batch") == 0 ? PXS_GENERATE_NORM_BATCH : PXS_GENERATE_NORM_RUNNING;
    if (o->norm == PXS_GENERATE_NORM_BATCH || strcmp(text, "running") == 0)
        return true;
    cli_usage(cli, "--test-norm must be running or batch, not '%s'", text);
    return false;
}

static bool read_ending(const struct cli *cli, const char **ending) {
    char name[32];
    *ending = cli->values[OPT_PICTURES] ? cli->values[OPT_PICTURES] : "png";
    snprintf(name, sizeof name, "x.%.16s", *ending);
    if (pxs_image_format_of(name))
        return true;
    struct pxs_text known = {0};
    for (size_t i = 0; pxs_image_ending(i, name, sizeof name); i += 2) /* lower case; then upper */
        pxs_text_addf(&known, "%s%s", i ? ", " : "", name);
    cli_usage(cli, "--format must be one of those that this build has (%s), not '%s'",
              pxs_text_str(&known), *ending);
    pxs_text_finish(&known);
    return false;
}

static bool read_options(const struct cli *cli, struct pxs_generate_options *o, int *threads) {
    struct pxs_cpu cpu;
    int64_t n_threads, batch, seed;
    pxs_cpu_detect(&cpu);
    if (!cli->values[OPT_FOLDER] || cli->values[OPT_FOLDER][0] == '\0') {
        cli_usage(cli, "needs -o DIR");
        return false;
    }
    if (!read_size(cli, &o->keep_size) || !is_on(cli, &o->dropout) || !read_norm(cli, o) ||
        !read_ending(cli, &o->ending) ||
        !cli_int(cli, OPT_THREADS, 1, 1024, true, cpu.cores, &n_threads) ||
        !cli_int(cli, OPT_AT_A_TIME, 1, 256, false, 8, &batch) ||
        !cli_int(cli, OPT_MASK_SEED, 0, INT64_MAX, false, 0, &seed))
        return false;
    if (cli->values[OPT_MASK_SEED] && !o->dropout) {
        cli_usage(cli, "--seed is of dropout's masks: it goes with --dropout on");
        return false;
    }
    o->out = cli->values[OPT_FOLDER];
    o->pairs = cli->values[OPT_FROM_PAIRS];
    o->side_by_side = cli->values[OPT_RESULT_PAIRS];
    o->batch = (int)batch;
    o->seed = (uint64_t)seed;
    o->kernels = cli->values[OPT_KERNELS] ? cli->values[OPT_KERNELS] : "auto";
    o->inputs = cli->args + 1;
    o->n_inputs = (size_t)cli->n_args - 1;
    o->log = cli_logger(cli);
    *threads = (int)n_threads;
    return true;
}

/* ---- which generator ------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcasecmp(text + n - m, end) == 0;
}

/* A file of weights by its name, a run's folder by what is in it; anything else is a name in the
 * database. Folders of runs that the database does not know need none. */
static enum pxs_status find_source(const struct cli *cli, struct pxs_generate_source *out,
                                   struct pxs_error *err) {
    const char *what = cli->args[0];
    struct stat info;
    struct pxs_store *s = NULL;
    char config[PXS_PATH_MAX];
    const bool there = stat(what, &info) == 0, last = cli->values[OPT_LAST];
    const bool file = ends_with(what, ".safetensors") || (there && S_ISREG(info.st_mode));
    if (file && last)
        return pxs_fail(err, PXS_E_INVALID,
                        "--last chooses among the weights of a run, and %s is a file of weights: "
                        "leave it out",
                        what);
    if (file)
        return pxs_generate_file(what, out, err);
    if (there && S_ISDIR(info.st_mode) &&
        pxs_path_join(config, sizeof config, what, "config.yaml") && access(config, F_OK) == 0)
        return pxs_generate_folder(what, last, out, err);
    PXS_TRY(cli_open_for_reading(cli, &s, err));
    const enum pxs_status status = pxs_generate_stored(s, what, last, out, err);
    if (status == PXS_OK)
        cli_say_copy(s);
    pxs_store_close(&s);
    return status;
}

/* What --set says of how the weights came to be would change nothing. */
static enum pxs_status set(struct pxs_params *p, const char *text, bool dropout,
                           struct pxs_error *err) {
    enum pxs_param_key key;
    char name[64];
    PXS_TRY(cli_set_param(p, text, err));
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    if (!pxs_param_find(name, &key))
        return PXS_OK;
    if (key == PXS_PARAM_dropout && !dropout)
        return pxs_fail(err, PXS_E_INVALID, "--set %.60s: it goes with --dropout on", text);
    if (pxs_param_info((int)key)->flags & PXS_PF_DRAWS)
        return PXS_OK;
    struct pxs_text known = {0};
    for (int i = 0; i < PXS_PARAM_COUNT; i++)
        if (pxs_param_info(i)->flags & PXS_PF_DRAWS)
            pxs_text_addf(&known, "%s%s", known.len > 0 ? ", " : "", pxs_param_info(i)->key);
    pxs_fail(err, PXS_E_INVALID,
             "--set %.60s: %s acts in training alone, and these weights are trained; leave it out. "
             "What acts here: %s",
             text, name, pxs_text_str(&known));
    pxs_text_finish(&known);
    return PXS_E_INVALID;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void print_report(const struct cli *cli, const struct pxs_generate_options *o,
                         const struct pxs_generate_report *r) {
    char time[32], rate[32];
    if (cli->quiet)
        return;
    pxs_format_duration(time, r->seconds);
    cli_outf("%s: %zu picture%s in %s, %s a second", o->out, r->done, r->done == 1 ? "" : "s", time,
             pxs_format_rounded(rate, (double)r->done / r->seconds, 3));
    if (r->resized > 0 && o->keep_size)
        cli_outf("; %zu mirrored at the edges, and cut back", r->resized);
    else if (r->resized > 0)
        cli_outf("; %zu resized to %lldx%lld, and back", r->resized,
                 (long long)o->params->img_width, (long long)o->params->img_height);
    if (r->failed > 0)
        cli_outf("; %zu could not be made", r->failed);
    cli_outf("\n");
}

static enum pxs_status generate(struct cli *cli, struct pxs_generate_options *o, int threads,
                                struct pxs_generate_report *report, struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    struct cli_bar bar;
    struct pxs_generate_source *source = malloc(sizeof *source);
    enum pxs_status status = source ? find_source(cli, source, err) : pxs_fail_nomem(err);
    for (size_t i = 0; i < cli->n_sets && status == PXS_OK; i++)
        status = set(&source->params, cli->sets[i], o->dropout, err);
    if (status == PXS_OK)
        status = pxs_pool_create(threads, &pool, err);
    if (status != PXS_OK)
        goto out;
    if (!cli->quiet)
        cli_say("%s", source->words);
    o->weights = source->weights;
    o->params = &source->params;
    o->pool = pool;
    o->stop = cli_catch_signals(CLI_SIGNALS_TASK);
    o->meter = cli_bar_begin(&bar, cli);
    status = pxs_generate(o, report, err);
    cli_bar_clear(&bar);
    if (status == PXS_OK || report->done > 0)
        print_report(cli, o, report);
out:
    pxs_pool_destroy(&pool);
    free(source);
    return status;
}

int cli_cmd_generate(struct cli *cli) {
    struct pxs_generate_options options = {.batch = 0};
    struct pxs_generate_report report = {.done = 0};
    struct pxs_error err = {0};
    int threads;
    if (!read_options(cli, &options, &threads))
        return CLI_USAGE;
    const enum pxs_status status = generate(cli, &options, threads, &report, &err);
    if (status != PXS_OK)
        return cli_fail(status, &err);
    return report.failed > 0 ? CLI_FAILED : CLI_OK;
}
