/* What a command line names: experiment files, sweeps by their files, and settings as KEY=VALUE. */
#include "cli.h"
#include "pixsweep/config.h"
#include "pixsweep/records/files.h"

#include <string.h>
#include <sys/stat.h>

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

/* ---- experiment files ----------------------------------------------------------------------- */

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

/* The first regular file of <folder><word>.yaml and .yml is appended to `found`; "" as `folder` is
 * the working directory. */
static void look_for(struct cli *cli, const char *folder, const char *word, const char *found[],
                     size_t *n) {
    static const char *const endings[] = {"yaml", "yml"};
    for (size_t i = 0; i < PXS_COUNT(endings); i++) {
        const char *path = pxs_arena_printf(&cli->arena, "%s%s.%s", folder, word, endings[i]);
        if (path && is_kind(path, S_IFREG))
            found[(*n)++] = path;
    }
}

/* A folder was named where an experiment file is wanted, as results/own to go on with its sweep,
 * and nothing stands beside it: which file was likely meant is said, never taken. */
static int refuse_folder(struct cli *cli, const char *file, const char *word, bool here_too) {
    char path[PXS_PATH_MAX], parent[PXS_PATH_MAX], above[PXS_PATH_MAX], shell_word[PXS_WORD_MAX];
    const char *found[8];
    size_t n = 0;
    if (word[strspn(word, "./")] == '\0') {
        cli_say("%s is a folder: name the experiment file", file);
        return CLI_USAGE;
    }
    look_for(cli, "", word, found, &n);
    look_for(cli, "experiments/", word, found, &n);
    if (n == 0 && pxs_path_absolute(path, sizeof path, file) &&
        pxs_path_dir(parent, sizeof parent, path) && pxs_path_dir(above, sizeof above, parent)) {
        look_for(cli, pxs_arena_printf(&cli->arena, "%s/", above), word, found, &n);
        look_for(cli, pxs_arena_printf(&cli->arena, "%s/experiments/", above), word, found, &n);
    }
    if (n > 0)
        cli_say("%s is a folder, and %s.yaml is not %s: a sweep goes on by its experiment file, "
                "perhaps pixsweep %s %s",
                file, word, here_too ? "here or in experiments/" : "beside it", cli->command->name,
                pxs_shell_word(shell_word, found[0]));
    else
        cli_say("%s is a folder, and %s.yaml is not %s: name the experiment file", file, word,
                here_too ? "here or in experiments/" : "beside it");
    return CLI_USAGE;
}

int cli_experiment(struct cli *cli, const char **file) {
    char word[PXS_PATH_MAX], near[PXS_PATH_MAX];
    const char *found[4], *path;
    const bool folder = is_kind(*file, S_IFDIR), bare = !strchr(*file, '/');
    struct stat info;
    size_t n = 0, length = strlen(*file);
    if (!folder && (stat(*file, &info) == 0 || is_yaml(*file) || length >= PXS_PATH_MAX / 2))
        return CLI_OK; /* the reader of the file says what is wrong with it */
    while (length > 1 && (*file)[length - 1] == '/')
        length--;
    path = pxs_arena_printf(&cli->arena, "%.*s", (int)length, *file);
    if (!path) {
        cli_say("out of memory");
        return CLI_FAILED;
    }
    /* A path means the file there or beside it; only a word is looked for in experiments/, too. */
    look_for(cli, "", path, found, &n);
    if (bare)
        look_for(cli, "experiments/", path, found, &n);
    if (n == 1) {
        if (!cli->quiet)
            cli_say("%s: the experiment file is %s", *file, found[0]);
        *file = found[0];
        return CLI_OK;
    }
    last_part(path, word);
    if (n == 0 && folder)
        return refuse_folder(cli, *file, word, bare);
    if (n > 1)
        cli_say("%s could be %s or %s: name the file", *file, found[0], found[1]);
    else if (pxs_config_near_file(path, near))
        cli_say("there is no experiment file %s, nor %s.yaml%s; there is %s", *file, path,
                bare ? " here or in experiments/" : "", near);
    else
        cli_say("there is no experiment file %s, nor %s.yaml%s", *file, path,
                bare ? " here or in experiments/" : "");
    return CLI_USAGE;
}

/* ---- sweeps and runs by files --------------------------------------------------------------- */

/* config.yaml in a run's folder: the run is meant. */
static bool is_of_run(const char *path) {
    char dir[PXS_PATH_MAX], records[PXS_PATH_MAX], base[PXS_PATH_MAX];
    last_part(path, base);
    return strcmp(base, PXS_CONFIG_FILE) == 0 && pxs_path_dir(dir, sizeof dir, path) &&
           pxs_path_join(records, sizeof records, dir, PXS_RECORDS_FILE) &&
           is_kind(records, S_IFREG);
}

static int name_of_file(struct cli *cli, const char **text) {
    char name[PXS_NAME_MAX + 1], other[PXS_PATH_MAX + 16];
    struct pxs_error err = {0};
    const char *file = *text;
    if (!is_yaml(file) || strlen(file) >= PXS_PATH_MAX)
        return CLI_OK;
    snprintf(other, sizeof other, "experiments/%s", file);
    if (!is_kind(file, S_IFREG) && !strchr(file, '/') && is_kind(other, S_IFREG))
        file = other;
    /* the store knows the folders of runs, and sweeps whose name ends like that of a file */
    if (!is_kind(file, S_IFREG) || is_of_run(file))
        return CLI_OK;
    if (pxs_config_file_name(file, name, &err) != PXS_OK) {
        cli_say("%s", err.message);
        return CLI_USAGE;
    }
    /* "1" alone would be run 1, too. */
    *text = pxs_arena_printf(&cli->arena, "%s%s", name,
                             strspn(name, "0123456789") == strlen(name) ? "/" : "");
    return *text != NULL ? CLI_OK : CLI_FAILED;
}

int cli_names(struct cli *cli) {
    const char *arguments = cli->command->arguments;
    int code = CLI_OK;
    if (strstr(arguments, "SWEEP") || strstr(arguments, "RUN")) {
        for (int i = 0; i < cli->n_args && code == CLI_OK; i++)
            code = name_of_file(cli, &cli->args[i]);
    }
    if (code == CLI_OK && cli->values[OPT_SWEEP])
        code = name_of_file(cli, &cli->values[OPT_SWEEP]);
    return code;
}

/* ---- settings ------------------------------------------------------------------------------- */

/* Several values become a part of the sweep: "lrgd=5,10" is "sweep.grid.lrgd=[5,10]", "seed=1,2" is
 * "sweep.seeds=[1,2]". What is one value stays; so does a path with commas in it that is there, and
 * lists of integers, unless they stand in brackets of their own. */
static const char *as_set(struct cli *cli, const char *setting) {
    const char *equals = strchr(setting, '='), *value = equals + 1;
    const size_t n = strlen(value);
    const bool bracketed = n > 1 && value[0] == '[' && value[n - 1] == ']';
    const char *open = bracketed ? "" : "[", *close = bracketed ? "" : "]";
    char name[64];
    enum pxs_param_key key;
    snprintf(name, sizeof name, "%.*s", (int)(equals - setting), setting);
    if (strcmp(name, "seeds") == 0)
        return !strchr(value, ',')
                   ? pxs_arena_printf(&cli->arena, "sweep.seeds=%s", value)
                   : pxs_arena_printf(&cli->arena, "sweep.seeds=%s%s%s", open, value, close);
    if (!strchr(value, ',') || !pxs_param_find(name, &key))
        return setting;
    const enum pxs_param_type type = pxs_param_info((int)key)->type;
    struct stat info;
    char number[PXS_DECIMAL_MAX];
    if (pxs_config_decimal_comma((int)key, value, number))
        return setting; /* the reader of settings says how it is written */
    if ((type == PXS_TYPE_PATH && !bracketed && stat(value, &info) == 0) ||
        (type == PXS_TYPE_INTS && strncmp(value, "[[", 2) != 0))
        return setting;
    if (key == PXS_PARAM_seed)
        return pxs_arena_printf(&cli->arena, "sweep.seeds=%s%s%s", open, value, close);
    return pxs_arena_printf(&cli->arena, "sweep.grid.%s=%s%s%s", name, open, value, close);
}

#define WIDE_EQUALS "\xef\xbc\x9d"
#define WIDE_COLON "\xef\xbc\x9a"

/* "n_epochs = 5" and "lambda_pixel=10, 50" come as several arguments: does the next one go on with
 * this? */
static bool is_torn(const char *one, const char *next) {
    const char last = one[0] ? one[strlen(one) - 1] : '\0';
    if (ends_with(one, WIDE_EQUALS) || strcmp(one, WIDE_EQUALS) == 0)
        return true;
    return next[0] == '=' || next[0] == ',' ||
           strncmp(next, WIDE_EQUALS, strlen(WIDE_EQUALS)) == 0 ||
           ((last == '=' || last == ',') && !strchr(next, '='));
}

static int refuse_torn(struct cli *cli, int first) {
    struct pxs_text whole = {0};
    pxs_text_add(&whole, cli->args[first]);
    for (int i = first; i + 1 < cli->n_args && is_torn(cli->args[i], cli->args[i + 1]); i++) {
        const char *next = cli->args[i + 1];
        const bool wide = strncmp(next, WIDE_EQUALS, strlen(WIDE_EQUALS)) == 0;
        pxs_text_addf(&whole, "%s%s", wide ? "=" : "", next + (wide ? strlen(WIDE_EQUALS) : 0));
    }
    const int code =
        cli_usage(cli, "a setting is one word, without blanks: %s", pxs_text_str(&whole));
    pxs_text_finish(&whole);
    return code;
}

int cli_settings(struct cli *cli, const char **storage) {
    for (int i = 1; i < cli->n_args; i++) {
        if (i + 1 < cli->n_args && is_torn(cli->args[i], cli->args[i + 1]))
            return refuse_torn(cli, i);
        const char *arg = cli->args[i];
        const bool plain = strchr(arg, '=') && arg[0] != '=';
        /* a full-width equals sign or a colon in its place: the reader of settings names it */
        const bool other_sign = !strchr(arg, '=') && (strstr(arg, WIDE_EQUALS) ||
                                                      strstr(arg, WIDE_COLON) || strchr(arg, ':'));
        if (!plain && !other_sign)
            return cli_usage(
                cli, "does not know what to do with '%s': FILE first, then settings as KEY=VALUE",
                arg);
        storage[cli->n_sets++] = plain ? as_set(cli, arg) : arg;
    }
    if (cli->n_args > 1)
        cli->n_args = 1;
    if (cli->values[OPT_SEEDS]) {
        const char *seeds = pxs_arena_printf(&cli->arena, "seeds=%s", cli->values[OPT_SEEDS]);
        storage[cli->n_sets++] = seeds ? as_set(cli, seeds) : NULL;
    }
    for (size_t i = 0; i < cli->n_sets; i++) {
        if (!storage[i]) {
            cli_say("out of memory");
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}

enum pxs_status cli_set_param(struct pxs_params *params, const char *text, struct pxs_error *err) {
    char name[64];
    enum pxs_param_key key;
    const char *equals = strchr(text, '=');
    if (!equals)
        return pxs_fail(err, PXS_E_INVALID, "--set %.60s: write key=value", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    if (!pxs_param_find(name, &key)) {
        struct pxs_text remedy = {0};
        pxs_param_add_remedy(name, &remedy);
        pxs_fail(err, PXS_E_INVALID, "--set %.60s: there is no hyperparameter '%s'%s", text, name,
                 pxs_text_str(&remedy));
        pxs_text_finish(&remedy);
        return PXS_E_INVALID;
    }
    if (pxs_params_set(params, (int)key, equals + 1, false, NULL, err) != PXS_OK)
        return pxs_error_prefix(err, "--set %.60s", text);
    return PXS_OK;
}
