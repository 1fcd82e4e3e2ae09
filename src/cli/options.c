/* Options: one table for all commands, getopt_long for the reading, and errors that name the
 * nearest thing that exists. */
#include "cli.h"
#include "pixsweep/params.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct option_info {
    const char *name, *argument, *help;
};
static const struct option_info infos[OPT_COUNT] = {
#define OPTION(symbol, name, argument, help) {name, argument, help},
#include "options.def"
#undef OPTION
};

const char *cli_option_name(enum cli_option option) {
    return infos[option].name;
}

static bool takes(const struct cli_command *command, int option) {
    return option == OPT_HELP || option == OPT_VERSION || (command->options >> option & 1) != 0;
}

void cli_help(const struct cli_command *command) {
    cli_outf("usage: pixsweep %s [OPTION]... %s\n\n%s\n\noptions:\n", command->name,
             command->arguments, command->about);
    for (int i = 0; i < OPT_COUNT; i++) {
        char left[64];
        if (!takes(command, i))
            continue;
        snprintf(left, sizeof left, "%s--%s%s%s", i == OPT_OUTPUT || i == OPT_FOLDER ? "-o, " : "",
                 infos[i].name, infos[i].argument ? " " : "",
                 infos[i].argument ? infos[i].argument : "");
        cli_outf("  %-22s %s\n", left, infos[i].help);
    }
    cli_outf("\nexample:\n  %s\n", command->example);
}

void cli_print_version(void) {
    cli_outf("pixsweep %s (%s)\n", pxs_version(), pxs_commit());
}

/* ---- errors --------------------------------------------------------------------------------- */

/* An option that does not exist, or that this command does not take. */
static int explain_unknown(const struct cli *cli, const char *word) {
    const char *names[OPT_COUNT];
    char name[64];
    size_t n = 0;
    bool of_others = false; /* an option that other commands take */
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (int i = 0; i < OPT_COUNT; i++) {
        if (takes(cli->command, i))
            names[n++] = infos[i].name;
        else
            of_others = of_others || strcmp(infos[i].name, name) == 0;
    }
    enum pxs_param_key key;
    if (takes(cli->command, OPT_SET) && pxs_param_find(name, &key))
        return cli_usage(cli, "unknown option '--%s'; a hyperparameter is set by --set %s=VALUE",
                         name, name);
    const char *near = of_others ? NULL : pxs_nearest_word(name, names, n);
    if (near)
        return cli_usage(cli, "unknown option '--%s'; did you mean '--%s'?", name, near);
    if (takes(cli->command, OPT_SET) && pxs_param_other_name(name))
        return cli_usage(
            cli, "unknown option '--%s': here it is %s; a hyperparameter is set by --set KEY=VALUE",
            name, pxs_param_other_name(name));
    if (takes(cli->command, OPT_SET) && pxs_param_not_here(name))
        return cli_usage(cli, "unknown option '--%s': %s; leave it out", name,
                         pxs_param_not_here(name));
    if (of_others)
        return cli_usage(cli, "does not take --%s", name);
    return cli_usage(cli, "unknown option '--%s'", name);
}

/* How many options of the command begin with `name`: getopt takes an unambiguous beginning for the
 * whole. */
static int matches(const struct cli *cli, const char *name) {
    int n = 0;
    for (int i = 0; i < OPT_COUNT; i++)
        n += takes(cli->command, i) && strncmp(infos[i].name, name, strlen(name)) == 0;
    return n;
}

static int explain(const struct cli *cli, int result, const char *word) {
    char name[64];
    if (result == ':')
        return cli_usage(cli, "option '%s' needs an argument", word);
    if (optopt > 0 && optopt < 256)
        return cli_usage(cli, "unknown option '-%c'; options are words, such as --format", optopt);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const int n = matches(cli, name);
    if (n > 1)
        return cli_usage(cli, "option '--%s' could be several; write it out", name);
    if (n == 1 && strchr(word, '='))
        return cli_usage(cli, "option '--%s' takes no argument", name);
    return explain_unknown(cli, word);
}

/* ---- parsing -------------------------------------------------------------------------------- */

const char *cli_behind_dashes(const char *word) {
    static const uint32_t dashes[] = {0x2010, 0x2011, 0x2012, 0x2013, 0x2014,
                                      0x2015, 0x2212, 0xfe58, 0xfe63, 0xff0d};
    bool typographic = false;
    for (;;) {
        uint32_t code = 0;
        size_t i = 0;
        const size_t length = pxs_utf8_decode(word, strlen(word), &code);
        while (i < PXS_COUNT(dashes) && dashes[i] != code)
            i++;
        if (length == 0 || (code != '-' && i == PXS_COUNT(dashes)))
            return typographic ? word : NULL;
        typographic = typographic || code != '-';
        word += length;
    }
}

/* Word processors and chats make one long dash of two: no option would be seen. */
static int refuse_dashes(const struct cli *cli, int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *rest = cli_behind_dashes(argv[i]);
        char name[64];
        if (!rest)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(rest, "="), rest);
        const bool letter = strcmp(name, "h") == 0 || strcmp(name, "o") == 0;
        if (letter || (name[0] != '\0' && matches(cli, name) > 0))
            return cli_usage(cli, "'%s' begins with a typographic dash: type %s%s", argv[i],
                             letter ? "-" : "--", rest);
    }
    return CLI_OK;
}

static int read_options(struct cli *cli, int argc, char **argv, const char **storage) {
    struct option longs[OPT_COUNT + 1] = {{0}};
    int n = 0;
    for (int i = 0; i < OPT_COUNT; i++) {
        if (takes(cli->command, i))
            longs[n++] = (struct option){
                infos[i].name, infos[i].argument ? required_argument : no_argument, NULL, 256 + i};
    }
    cli->sets = storage;
    opterr = 0;
    optind = 0; /* makes getopt forget an earlier call */
    if (takes(cli->command, OPT_SEEDS) && !takes(cli->command, OPT_SEED)) {
        /* getopt would take it for the beginning of --seeds, which is how many */
        for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
            if (strcmp(argv[i], "--seed") == 0 || strncmp(argv[i], "--seed=", 7) == 0)
                return explain_unknown(cli, "--seed");
    }
    const int o = takes(cli->command, OPT_FOLDER) ? OPT_FOLDER : OPT_OUTPUT;
    for (;;) {
        const int at = optind > 0 ? optind : 1;
        const int result =
            getopt_long(argc, argv, takes(cli->command, o) ? ":ho:" : ":h", longs, NULL);
        if (result == -1)
            break;
        if (result == 'h')
            cli->values[OPT_HELP] = "";
        else if (result == 'o')
            cli->values[o] = optarg;
        else if (result < 256)
            return explain(cli, result, argv[optind > at ? optind - 1 : at]);
        else
            cli->values[result - 256] = optarg ? optarg : "";
        if (result == 256 + OPT_SET)
            storage[cli->n_sets++] = optarg;
    }
    cli->args = (const char **)(argv + optind);
    cli->n_args = argc - optind;
    return CLI_OK;
}

static int check_arguments(const struct cli *cli) {
    if (cli->n_args < cli->command->least)
        return cli_usage(cli, "needs %s", cli->command->arguments);
    if (cli->n_args > cli->command->most && cli->command->most == 0 &&
        takes(cli->command, OPT_SWEEP))
        return cli_usage(cli,
                         "does not know what to do with '%s'; the runs of one sweep: --sweep %s",
                         cli->args[0], cli->args[0]);
    if (cli->n_args > cli->command->most)
        return cli_usage(cli, "does not know what to do with '%s'", cli->args[cli->command->most]);
    const char *where = cli->values[OPT_WHERE];
    if (where && where[strspn(where, " \t\n")] == '\0')
        return cli_usage(cli, "--where is empty: give a condition, \"lrgd < 50\", or leave it out");
    return CLI_OK;
}

const char *cli_format_name(enum pxs_format format) {
    static const char *const names[] = {[PXS_FORMAT_TABLE] = "table",
                                        [PXS_FORMAT_CSV] = "csv",
                                        [PXS_FORMAT_CSV_SAFE] = "csv",
                                        [PXS_FORMAT_JSON] = "json",
                                        [PXS_FORMAT_JSONL] = "jsonl"};
    return names[format];
}

/* Into cli->format: --format, else what -o's name ends in where that is one of the command's
 * formats, else the first of them. `params` has a format of its own, md. */
static int read_format(struct cli *cli) {
    static const struct {
        enum cli_option option;
        enum pxs_format first, last;
        const char *words;
    } kinds[] = {{OPT_FORMAT_EXPORT, PXS_FORMAT_CSV, PXS_FORMAT_JSONL, "csv, json or jsonl"},
                 {OPT_FORMAT_SQL, PXS_FORMAT_TABLE, PXS_FORMAT_JSONL, "table, csv, json or jsonl"},
                 {OPT_FORMAT, PXS_FORMAT_TABLE, PXS_FORMAT_JSON, "table, csv or json"}};
    size_t kind = 0;
    while (kind < PXS_COUNT(kinds) && !takes(cli->command, kinds[kind].option))
        kind++;
    if (kind == PXS_COUNT(kinds))
        return CLI_OK; /* the command has no formats */
    const char *given = cli->values[kinds[kind].option], *output = cli->values[OPT_OUTPUT];
    const char *word = given ? given : output ? cli_format_of_name(output) : NULL;
    cli->format = kinds[kind].first;
    for (enum pxs_format f = kinds[kind].first; word && f <= kinds[kind].last; f++) {
        if (strcmp(word, cli_format_name(f)) == 0) {
            cli->format = f;
            return CLI_OK;
        }
    }
    cli->markdown = given && strcmp(given, "md") == 0 && strcmp(cli->command->name, "params") == 0;
    return given && !cli->markdown
               ? cli_usage(cli, "--format must be %s, not '%s'", kinds[kind].words, given)
               : CLI_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv, const char **storage, bool *done) {
    *done = true;
    int code = refuse_dashes(cli, argc, argv);
    if (code == CLI_OK)
        code = read_options(cli, argc, argv, storage);
    if (code != CLI_OK)
        return code;
    if (cli->values[OPT_HELP]) {
        cli_help(cli->command);
        return CLI_OK;
    }
    if (cli->values[OPT_VERSION]) {
        cli_print_version();
        return CLI_OK;
    }
    cli->quiet = cli->values[OPT_QUIET];
    if (check_arguments(cli) != CLI_OK || read_format(cli) != CLI_OK)
        return CLI_USAGE;
    if (cli->values[OPT_CSV_SAFE]) {
        if (cli->format != PXS_FORMAT_CSV)
            return cli_usage(cli, "--csv-safe goes with --format csv");
        cli->format = PXS_FORMAT_CSV_SAFE;
    }
    code = cli_names(cli);
    if (code == CLI_OK && takes(cli->command, OPT_SET) && cli->n_args > 0 &&
        strstr(cli->command->arguments, "FILE")) {
        code = cli_settings(cli, storage);
        if (code == CLI_OK)
            code = cli_experiment(cli, &cli->args[0]);
    }
    *done = code != CLI_OK;
    return code;
}

bool cli_int(const struct cli *cli, enum cli_option option, int64_t least, int64_t most,
             bool auto_too, int64_t fallback, int64_t *out) {
    const char *text = cli->values[option];
    int64_t value = fallback;
    if (text && !(auto_too && strcmp(text, "auto") == 0)) {
        if (!pxs_parse_int(text, &value) || value < least || value > most) {
            cli_usage(cli,
                      "--%s must be %sa whole number from %" PRId64 " to %" PRId64 ", not '%s'",
                      infos[option].name, auto_too ? "auto or " : "", least, most, text);
            return false;
        }
    }
    *out = value;
    return true;
}

enum pxs_status cli_words(const struct cli *cli, enum cli_option option, char **copy,
                          const char **words, size_t room, size_t *n, struct pxs_error *err) {
    char *rest = NULL;
    *copy = NULL;
    *n = 0;
    if (!cli->values[option])
        return PXS_OK;
    *copy = strdup(cli->values[option]);
    if (!*copy)
        return pxs_fail_nomem(err);
    for (char *word = strtok_r(*copy, ", \t", &rest); word; word = strtok_r(NULL, ", \t", &rest)) {
        if (*n == room)
            return pxs_fail(err, PXS_E_INVALID, "--%s takes %zu words at most",
                            cli_option_name(option), room);
        words[(*n)++] = word;
    }
    return *n > 0 ? PXS_OK
                  : pxs_fail(err, PXS_E_INVALID, "--%s names nothing", cli_option_name(option));
}
