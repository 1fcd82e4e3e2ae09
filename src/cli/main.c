/* pixsweep: trains image-to-image GANs from experiment files and keeps what happened in a database.
 * Here a command line finds its command. */
#include "cli.h"
#include "cli_texts.h"
#include "pixsweep/params.h"
#include "pixsweep/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command commands[] = {
#define O(option) ((cli_options)1 << OPT_##option)
#define COMMAND(symbol, name, arguments, least, most, options, place, summary, about, example) \
    {name, arguments, least, most, options, place, summary, about, example, cli_cmd_##symbol},
#define INTERNAL(symbol, name)
#include "commands.def"
#undef COMMAND
#undef O
};

void cli_wishes(const char *names[CLI_WISHES_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < PXS_COUNT(commands) && n < CLI_WISHES_MAX - 1; i++)
        if (commands[i].place == WISH)
            names[n++] = commands[i].name;
    names[n] = NULL;
}

static void overview(void) {
    cli_outf("pixsweep: image-to-image GANs from experiment files, every loss in SQLite\n\n");
    for (size_t i = 0; i < PXS_COUNT(commands); i++)
        cli_outf("  %-12s %-8s %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
    cli_outf(
        "\nhelp: pixsweep COMMAND --help; pixsweep help experiment teaches the experiment file\n");
}

/* ---- which command -------------------------------------------------------------------------- */

/* The command that argv begins with; *words = how many of argv its name takes. */
static const struct cli_command *find(int argc, char **argv, int *words) {
    for (size_t i = 0; i < PXS_COUNT(commands); i++) {
        const char *name = commands[i].name, *space = strchr(name, ' ');
        const size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
            continue;
        if (space && (argc < 2 || strcmp(argv[1], space + 1) != 0))
            continue;
        *words = space ? 2 : 1;
        return &commands[i];
    }
    return NULL;
}

static int unknown(int argc, char **argv) {
    const char *names[PXS_COUNT(commands)];
    const char *word = argv[0];
    if (strcmp(word, "import") == 0) {
        cli_say("import: %s%s%sthere is lab", argc < 2 ? "" : "unknown '", argc < 2 ? "" : argv[1],
                argc < 2 ? "what? " : "'; ");
        return CLI_USAGE;
    }
    if (strcmp(word, "data") == 0) {
        if (argc < 2)
            cli_say("data: glyphs, pairs, edges or check?");
        else
            cli_say("data: unknown '%s'; there are glyphs, pairs, edges and check", argv[1]);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < PXS_COUNT(commands); i++)
        names[i] = commands[i].name;
    const char *near = pxs_nearest_word(word, names, PXS_COUNT(commands));
    if (cli_behind_dashes(word))
        cli_say("'%s' begins with a typographic dash: type --%s", word, cli_behind_dashes(word));
    else if (word[0] == '-')
        cli_say("the command comes first: pixsweep COMMAND %s ...", word);
    else if (near)
        cli_say("unknown command '%s'; did you mean '%s'?", word, near);
    else
        cli_say("unknown command '%s'; `pixsweep` alone lists them", word);
    return CLI_USAGE;
}

/* ---- running it ----------------------------------------------------------------------------- */

/* The command line as it was typed, quoted where a shell would need it, for the record. */
static void command_line(int argc, char **argv, struct pxs_text *out) {
    for (int i = 0; i < argc; i++) {
        const char *word = i == 0 ? "pixsweep" : argv[i];
        const bool plain = word[0] != '\0' &&
                           word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789-_=+./,:@%")] == '\0';
        pxs_text_add(out, i > 0 ? " " : "");
        if (plain) {
            pxs_text_add(out, word);
            continue;
        }
        pxs_text_add(out, "'");
        for (const char *c = word; *c != '\0'; c++)
            pxs_text_add(out, *c == '\'' ? "'\\''" : (const char[]){*c, '\0'});
        pxs_text_add(out, "'");
    }
}

static int carry_out(const struct cli_command *command, int words, int argc, char **argv) {
    struct pxs_text line = {0};
    struct cli cli = {.command = command};
    bool done;
    command_line(argc, argv, &line);
    cli.line = pxs_text_str(&line);
    const char **storage = calloc((size_t)argc + 1, sizeof *storage);
    int code = CLI_FAILED;
    if (!storage || line.failed) {
        cli_say("out of memory");
    } else {
        code = cli_parse(&cli, argc - words, argv + words, storage, &done);
        if (!done && !cli_is_wish(&cli, &code))
            code = cli_end_writing(&cli, command->run(&cli));
    }
    free(storage);
    pxs_arena_finish(&cli.arena);
    pxs_text_finish(&line);
    return code;
}

static int help_for(int argc, char **argv) {
    int words;
    if (argc == 0) {
        overview();
        return CLI_OK;
    }
    if (strcmp(argv[0], "experiment") == 0) {
        cli_outf("%s", pxs_cli_experiment_yaml);
        return CLI_OK;
    }
    const struct cli_command *command = find(argc, argv, &words);
    if (!command)
        return unknown(argc, argv);
    cli_help(command);
    return CLI_OK;
}

int main(int argc, char **argv) {
    int words;
    cli_open_standard_files();
    signal(SIGXFSZ, SIG_IGN); /* the write that ulimit -f forbids fails with words */
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        const struct cli loud = {.quiet = false};
        return pxs_sweep_worker(argc - 2, argv + 2, cli_catch_signals(CLI_SIGNALS_WORKER),
                                cli_logger(&loud));
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        overview();
        return cli_close_output(CLI_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        cli_print_version();
        return cli_close_output(CLI_OK);
    }
    if (strcmp(argv[1], "help") == 0)
        return cli_close_output(help_for(argc - 2, argv + 2));
    const struct cli_command *command = find(argc - 1, argv + 1, &words);
    return cli_close_output(command ? carry_out(command, words, argc, argv)
                                    : unknown(argc - 1, argv + 1));
}
