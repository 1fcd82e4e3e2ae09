/* What a command line names: experiment files, sweeps by their files, and settings as KEY=VALUE. */
#include "cli.h"
#include "pixsweep/config.h"

#include <string.h>
#include <sys/stat.h>

enum { WAYS = 4 };

static bool is_kind(const char *path, mode_t kind) {
    struct stat info;
    return stat(path, &info) == 0 && (info.st_mode & S_IFMT) == kind;
}

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static bool is_yaml(const char *path) {
    return ends_with(path, ".yaml") || ends_with(path, ".yml");
}

/* ---- experiment files ------------------------------------------------------------------------------------ */

/* The last part of a path, without slashes at its end. */
static void last_part(const char *path, char out[PXS_PATH_MAX]) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    snprintf(out, PXS_PATH_MAX, "%.*s", (int)(end - begin), path + begin);
}

int cli_experiment(struct cli *cli, const char **file) {
    char word[PXS_PATH_MAX], found[WAYS][PXS_PATH_MAX], near[PXS_PATH_MAX];
    const bool folder = is_kind(*file, S_IFDIR);
    struct stat info;
    int n = 0;
    if (!folder && (stat(*file, &info) == 0 || is_yaml(*file) || strlen(*file) >= PXS_PATH_MAX / 2))
        return CLI_OK; /* what is wrong with it, its reader says */
    if (folder)
        last_part(*file, word); /* results/own: the experiment's name */
    else
        snprintf(word, sizeof word, "%s", *file);
    for (int i = 0; i < WAYS; i++) {
        struct pxs_text path = {0};
        if (i >= WAYS / 2 && strchr(word, '/') != NULL)
            break;
        pxs_text_addf(&path,
                      i == 0   ? "%s.yaml"
                      : i == 1 ? "%s.yml"
                      : i == 2 ? "experiments/%s.yaml"
                               : "experiments/%s.yml",
                      word);
        if (!path.failed && is_kind(path.text, S_IFREG))
            snprintf(found[n++], PXS_PATH_MAX, "%s", path.text);
        pxs_text_finish(&path);
    }
    if (n == 1 && (*file = pxs_arena_strdup(&cli->arena, found[0])) == NULL) {
        cli_say("out of memory");
        return CLI_FAILED;
    }
    if (n == 1)
        return CLI_OK;
    if (n > 1)
        cli_say("%s could be %s or %s: name the file", *file, found[0], found[1]);
    else if (folder)
        cli_say("%s is a folder, and there is no %s.yaml here or in experiments/: name the experiment file",
                *file, word);
    else if (pxs_config_near_file(word, near))
        cli_say("there is no experiment file %s, nor %s.yaml here or in experiments/; there is %s", *file,
                word, near);
    else
        cli_say("there is no experiment file %s, nor %s.yaml here or in experiments/", *file, word);
    return CLI_USAGE;
}

/* ---- sweeps and runs by files ---------------------------------------------------------------------------- */

/* config.yaml in a run's folder: the run is meant. */
static bool is_of_run(const char *path) {
    char dir[PXS_PATH_MAX], records[PXS_PATH_MAX], base[PXS_PATH_MAX];
    last_part(path, base);
    return strcmp(base, "config.yaml") == 0 && pxs_path_dir(dir, sizeof dir, path) &&
           pxs_path_join(records, sizeof records, dir, "records.bin") && is_kind(records, S_IFREG);
}

static int name_of_file(struct cli *cli, const char **text) {
    char name[PXS_NAME_MAX + 1], other[PXS_PATH_MAX + 16];
    struct pxs_error err = {0};
    const char *file = *text;
    if (!is_yaml(file) || strlen(file) >= PXS_PATH_MAX)
        return CLI_OK;
    snprintf(other, sizeof other, "experiments/%s", file);
    if (!is_kind(file, S_IFREG) && strchr(file, '/') == NULL && is_kind(other, S_IFREG))
        file = other;
    if (!is_kind(file, S_IFREG) ||
        is_of_run(file)) /* the store knows folders, and what was called after a file */
        return CLI_OK;
    if (pxs_config_file_name(file, name, &err) != PXS_OK) {
        cli_say("%s", err.message);
        return CLI_USAGE;
    }
    /* "1" alone would be run 1, too. */
    *text =
        pxs_arena_printf(&cli->arena, "%s%s", name, strspn(name, "0123456789") == strlen(name) ? "/" : "");
    return *text != NULL ? CLI_OK : CLI_FAILED;
}

int cli_names(struct cli *cli) {
    const char *arguments = cli->command->arguments;
    int code = CLI_OK;
    if (strstr(arguments, "SWEEP") != NULL || strstr(arguments, "RUN") != NULL) {
        for (int i = 0; i < cli->n_args && code == CLI_OK; i++)
            code = name_of_file(cli, &cli->args[i]);
    }
    if (code == CLI_OK && cli->values[OPT_SWEEP] != NULL)
        code = name_of_file(cli, &cli->values[OPT_SWEEP]);
    return code;
}

/* ---- settings -------------------------------------------------------------------------------------------- */

/* Several values become a part of the sweep: "lrgd=5,10" is "sweep.grid.lrgd=[5,10]", "seed=1,2" is "sweep.seeds=[1,2]". What is one
 * value stays; so does a path with commas in it that is there, and lists of integers, unless they stand in brackets of their own. */
static const char *as_set(struct cli *cli, const char *setting) {
    const char *equals = strchr(setting, '='), *value = equals + 1;
    const size_t n = strlen(value);
    const bool bracketed = n > 1 && value[0] == '[' && value[n - 1] == ']';
    const char *open = bracketed ? "" : "[", *close = bracketed ? "" : "]";
    char name[64];
    enum pxs_param_key key;
    snprintf(name, sizeof name, "%.*s", (int)(equals - setting), setting);
    if (strcmp(name, "seeds") == 0)
        return strchr(value, ',') == NULL
                   ? pxs_arena_printf(&cli->arena, "sweep.seeds=%s", value)
                   : pxs_arena_printf(&cli->arena, "sweep.seeds=%s%s%s", open, value, close);
    if (strchr(value, ',') == NULL || !pxs_param_find(name, &key))
        return setting;
    const enum pxs_param_type type = pxs_param_info((int)key)->type;
    struct stat info;
    if ((type == PXS_TYPE_PATH && !bracketed && stat(value, &info) == 0) ||
        (type == PXS_TYPE_INTS && strncmp(value, "[[", 2) != 0))
        return setting;
    if (key == PXS_PARAM_seed)
        return pxs_arena_printf(&cli->arena, "sweep.seeds=%s%s%s", open, value, close);
    return pxs_arena_printf(&cli->arena, "sweep.grid.%s=%s%s%s", name, open, value, close);
}

int cli_settings(struct cli *cli, const char **storage) {
    for (int i = 1; i < cli->n_args; i++) {
        if (strchr(cli->args[i], '=') == NULL || cli->args[i][0] == '=')
            return cli_usage(cli,
                             "does not know what to do with '%s': FILE first, then settings as KEY=VALUE",
                             cli->args[i]);
        storage[cli->n_sets++] = as_set(cli, cli->args[i]);
    }
    if (cli->n_args > 1)
        cli->n_args = 1;
    if (cli->values[OPT_SEEDS] != NULL) {
        const char *seeds = pxs_arena_printf(&cli->arena, "seeds=%s", cli->values[OPT_SEEDS]);
        storage[cli->n_sets++] = seeds != NULL ? as_set(cli, seeds) : NULL;
    }
    for (size_t i = 0; i < cli->n_sets; i++) {
        if (storage[i] == NULL) {
            cli_say("out of memory");
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}
