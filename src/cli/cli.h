/* cli, inside: what the commands share. The only room that prints, sets exit codes and installs
 * signal handlers. */
#ifndef PXS_CLI_H
#define PXS_CLI_H

#include "pixsweep/base.h"
#include "pixsweep/collect.h"
#include "pixsweep/compare.h"
#include "pixsweep/config.h"
#include "pixsweep/import_lab.h"
#include "pixsweep/inspect.h"
#include "pixsweep/metrics.h"
#include "pixsweep/page.h"
#include "pixsweep/plot.h"
#include "pixsweep/rundir/claim.h"
#include "pixsweep/samples.h"
#include "pixsweep/table.h"

/* Exit codes are promised (docs/contracts.md, Commands and exit codes). */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130 };

/* ---- options -------------------------------------------------------------------------------- */

enum cli_option {
#define OPTION(symbol, name, argument, help) OPT_##symbol,
#include "options.def"
#undef OPTION
    OPT_COUNT
};

/* Who carries a command out that writes where a collector on another machine lives. */
enum cli_place { HERE /* it is refused */, WISH /* the collector, for us */ };
struct cli;
/* A bit for each option. */
__extension__ typedef unsigned __int128 cli_options;
_Static_assert(OPT_COUNT <= 128, "cli_options has a bit for each option");
struct cli_command {
    const char *name, *arguments;
    int least, most; /* positional arguments */
    cli_options options;
    enum cli_place place;
    const char *summary, *about, *example;
    int (*run)(struct cli *cli);
};

/* One call of the program. Strings are borrowed from argv. */
struct cli {
    const struct cli_command *command;
    /* last argument given; "" for an option without one; NULL = not given */
    const char *values[OPT_COUNT];
    const char *const *sets; /* --set, in order */
    size_t n_sets;
    const char **args; /* positional arguments */
    int n_args;
    const char *line; /* the whole command line, for the record */
    enum pxs_format format;
    bool markdown; /* --format md, which `params` knows */
    bool quiet;
    /* The collector whose own database this call writes to, and its claim; "" = none. */
    char collector[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE];
    bool told_ahead;        /* cli_cancel_ahead has told jobs */
    struct pxs_turn turn;   /* where the collector has ended, and this call writes in its place */
    struct pxs_arena arena; /* texts that stand in place of what was typed */
};

/* Parses argv (behind the command's name) into `cli`; CLI_OK to go on, or the exit code where that
 * was all (--help, a usage error, which it has explained). `storage` receives --set texts and has
 * room for argc of them. */
int cli_parse(struct cli *cli, int argc, char **argv, const char **storage, bool *done);
/* A whole number between least and most; `fallback` where the option is absent, or "auto" where
 * `auto_too`. False: said why. */
bool cli_int(const struct cli *cli, enum cli_option option, int64_t least, int64_t most,
             bool auto_too, int64_t fallback, int64_t *out);
/* The words of a list option: "a, b" is two. *copy holds them, to be freed whatever comes back;
 * none where the option is absent. PXS_E_INVALID where it names nothing, or more than `room`
 * words. */
enum pxs_status cli_words(const struct cli *cli, enum cli_option option, char **copy,
                          const char **words, size_t room, size_t *n, struct pxs_error *err);
/* names.c. Each returns CLI_OK, or the exit code after saying why. Where an experiment
 * file is wanted, `own` is own.yaml or own.yml, here or in experiments/, and `a/own` is a/own.yaml
 * or a/own.yml alone; says which. A folder is refused, with the file that was likely meant. */
int cli_experiment(struct cli *cli, const char **file);
/* Where a sweep is wanted, an experiment file stands for its sweep. */
int cli_names(struct cli *cli);
/* KEY=VALUE behind FILE, and --seeds: as so many --set, appended to `storage`; several values
 * become a part of the sweep. */
int cli_settings(struct cli *cli, const char **storage);
/* --set without an experiment file: `text` is key=value. */
enum pxs_status cli_set_param(struct pxs_params *params, const char *text, struct pxs_error *err);
const char *cli_option_name(enum cli_option option);
/* As --format calls it. */
const char *cli_format_name(enum pxs_format format);
/* What stands behind the dashes that `word` begins with, where one of them is no ASCII '-'; else
 * NULL. */
const char *cli_behind_dashes(const char *word);
void cli_help(const struct cli_command *command);
void cli_print_version(void);

/* ---- output --------------------------------------------------------------------------------- */

/* Whatever comes from files, names or the database is cleaned on its way out (base.h, text that is
 * shown), by all of these but cli_out and cli_sink. To stdout. The first failure is remembered and
 * reported by cli_close_output; what follows is dropped. */
void cli_out(const char *text, size_t bytes);
void cli_out_text(const struct pxs_text *text); /* lines for people */
/* The same, or data where --format asks for that. */
void cli_out_result(const struct cli *cli, const struct pxs_text *text);
/* Appends a table of one row, `n` cells under their names, in the format that was asked for. */
enum pxs_status cli_row(const struct cli *cli, const char *const *names,
                        const struct pxs_cell *cells, size_t n, struct pxs_text *out,
                        struct pxs_error *err);
void cli_outf(const char *fmt, ...) PXS_PRINTF(1, 2);
struct pxs_sink cli_sink(void);
void cli_flush(void); /* writes what stands in the buffer, so that a reader of the pipe sees it */
/* Flushes; returns `code`, or CLI_FAILED in place of CLI_OK where something could not be written
 * (which it says). */
int cli_close_output(int code);
int cli_output_width(void); /* columns of the terminal on stdout, 0 if it is none */

/* To stderr: lines as they are; */
void cli_say_text(const struct pxs_text *text);
/* "pixsweep: <text>". */
void cli_say(const char *fmt, ...) PXS_PRINTF(1, 2);
/* "pixsweep <command>: <text>", and where help is. Returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...) PXS_PRINTF(2, 3);
/* Says what went wrong; returns the exit code that belongs to it. */
int cli_fail(enum pxs_status status, const struct pxs_error *err);
/* Says what is wrong with an experiment file, problem by problem, or else the error that sums
 * up. */
void cli_say_why(const struct pxs_text *diagnostics, const struct pxs_error *err);
/* Lines of a logger to stderr; --quiet drops what is neither warning nor error. */
struct pxs_logger cli_logger(const struct cli *cli);

/* ---- signals -------------------------------------------------------------------------------- */

enum cli_signals {
    /* First SIGINT or SIGTERM: stop; second: at once; third: the program dies. SIGUSR1: save.
     * SIGHUP: only noted. SIGTSTP: suspend. Until the supervisor handles the flags, the second one
     * ends the program, and the first one after some seconds. */
    CLI_SIGNALS_SUPERVISOR,
    CLI_SIGNALS_WORKER, /* SIGINT, SIGTERM: stop. SIGUSR1: save. SIGHUP is ignored */
    CLI_SIGNALS_TASK    /* first SIGINT, SIGTERM or SIGHUP: stop; second: the program dies */
};
/* Installs handlers; a signal that is ignored already, as under nohup, stays so. */
struct pxs_stop *cli_catch_signals(enum cli_signals kind);
/* SIGUSR2 raises time_is_up from now on. */
void cli_catch_time_is_up(void);
bool cli_hung_up(void);   /* has the supervisor's terminal been closed? */
bool cli_continued(void); /* has the program been suspended and continued since the last call? */
/* Makes sure that 0, 1 and 2 are open, so that no file that is opened later becomes stdout. */
void cli_open_standard_files(void);

/* ---- progress ------------------------------------------------------------------------------- */

struct pxs_sweep_listener;
/* What is on the terminal now, and where progress goes when there is none any more. */
struct cli_progress {
    const struct cli *cli;
    struct pxs_sweep_listener *listener;
    struct pxs_text board, frame; /* last drawn, being drawn */
    size_t lines;                 /* of the board on the screen */
    bool out_terminal, err_terminal;
    char log_path[4096]; /* for the time after the terminal; "" until the plan names it */
    FILE *log;           /* open since the terminal was closed; NULL before */
};
/* Fills a listener that draws a board on a terminal and writes plain lines into a file or pipe; it
 * is to live as long as *p. Where the terminal is closed (SIGHUP), lines go into
 * `<results>/<sweep>/run.log` from then on. */
void cli_progress_init(struct cli_progress *p, const struct cli *cli,
                       struct pxs_sweep_listener *listener);
/* Takes the board away. Results that follow reach the log as well, if there is one: */
void cli_progress_finish(struct cli_progress *p);
/* To stdout, and into the log that took a closed terminal's place. */
void cli_progress_result(struct cli_progress *p, const struct pxs_text *text);
void cli_progress_close(struct cli_progress *p);

/* The bar of any other command: one line on stderr, redrawn in place on a terminal; into a file or
 * pipe a plain line goes every ten seconds. Nothing within the first second, and nothing at all
 * with
 * --quiet. */
struct cli_bar {
    bool silent, terminal;
    bool drawn; /* it stands on the screen now */
    double began, shown;
    char what[128];
    /* where the work in hand stood when it was first told of, for the time left */
    double first, since;
};
/* The meter to hand down; it is to live as long as *bar. */
struct pxs_meter cli_bar_begin(struct cli_bar *bar, const struct cli *cli);
/* Takes the bar away; the next word of the meter draws it again. At the end of its work always. */
void cli_bar_clear(struct cli_bar *bar);
/* Takes the bar away that stands on the screen, before something else is printed (cli_out and
 * cli_say do it). */
void cli_bar_hide(void);

/* ---- commands ------------------------------------------------------------------------------- */

/* Commands whose rows in commands.def name them. */
#define COMMAND(symbol, ...) int cli_cmd_##symbol(struct cli *cli);
#define INTERNAL(symbol, name)
#include "commands.def"
#undef COMMAND
#undef INTERNAL

/* Every -o of every command asks first: PXS_E_INVALID where `path` is the database `s`, one of its
 * side files, any SQLite file, a file of a run (links to them, too), or no file at all. */
enum pxs_status cli_check_target(struct pxs_store *s, const char *path, struct pxs_error *err);
/* The format that the ending of a file's name stands for ("csv", "json", "jsonl", "html", "png",
 * ...); NULL where it has none or an unknown one. */
const char *cli_format_of_name(const char *path);
/* PXS_E_INVALID where the ending of -o's name stands for another format than the one that is
 * written: "csv", "json", "jsonl" or "html". */
enum pxs_status cli_check_ending(const struct cli *cli, const char *path, const char *format,
                                 struct pxs_error *err);
/* Adds "-o FILE writes it elsewhere" to an error about the default path of a result; returns
 * `status`. */
enum pxs_status cli_suggest_output(const struct cli *cli, enum pxs_status status,
                                   struct pxs_error *err);

typedef enum pxs_status (*cli_read_fn)(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                       struct pxs_error *err);
/* Ingests what dead processes left of a sweep (0: of all) and says so; a command that changes
 * runs does this first. */
enum pxs_status cli_reap(struct cli *cli, struct pxs_store *s, int64_t sweep_id,
                         struct pxs_error *err);
/* For `run` here: where the database that --db and --results lead to is a copy that a collector
 * published, and the collector has ended, makes it a database of its own again, and says so.
 * PXS_E_INVALID, with words, while the collector lives; PXS_OK where it is no copy. */
PXS_NODISCARD enum pxs_status cli_take_over(const struct cli *cli, struct pxs_error *err);
/* Opens the database that --db and --results lead to for writing, and says where it was migrated.
 * Where that is a copy: the collector's own database, which cli_end_writing publishes where the
 * collector has ended.
 * `make`: creates what is missing; else PXS_E_NOT_FOUND, with what to do. */
enum pxs_status cli_open_for_writing(struct cli *cli, bool make, struct pxs_store **out,
                                     struct pxs_error *err);
struct pxs_collector;
/* Whether the copy at `db` has a collector that lives on this machine. `dir` and `nonce`: its
 * folder, and its claim on that. */
bool cli_collects_here(const char *db, struct pxs_collector *c, char dir[PXS_PATH_MAX],
                       char nonce[PXS_CLAIM_NONCE]);
/* After a command, which ended with `code`: publishes what it has written in the place of a
 * collector that had ended; says where it has written to the own database of one that has ended
 * meanwhile, whose last copy may not have it. Returns the exit code. */
int cli_end_writing(struct cli *cli, int code);
/* Where a collector on another machine lives and the command can be asked of it: has it carried
 * out there, prints the answer, and is true; *code is the exit code. False where this process is to
 * do it, also after the collector was asked and has ended before it began. */
bool cli_is_wish(struct cli *cli, int *code);
/* `cancel` whose collector on another machine does not answer: jobs are told at once, by what the
 * copy says; says what came of it. The database is to be told later. */
void cli_cancel_ahead(struct cli *cli);
/* The names of commands that can be asked so, ended by NULL. */
#define CLI_WISHES_MAX 16
void cli_wishes(const char *names[CLI_WISHES_MAX]);
/* Whether there is one where --db and --results lead to. */
bool cli_has_database(const struct cli *cli);
/* The databases to which `pixsweep run` of this user writes on this machine at present and which
 * have this sweep (NULL: any), absolute, in the arena; their number. */
#define CLI_RUNNING_MAX 16
size_t cli_running_databases(const char *sweep, struct pxs_arena *arena,
                             const char *out[CLI_RUNNING_MAX]);
/* Whether `text` names a sweep of the results folder with jobs that may live: by its whole name,
 * its folder or its file, unless `exact` also by a beginning that no other such sweep has. No
 * database is asked. */
bool cli_submitted_sweep(const struct cli *cli, const char *text, bool exact,
                         char out[PXS_NAME_MAX + 1]);
/* Where the database is missing (PXS_E_NOT_FOUND) and jobs were submitted without one: says what
 * helps. Returns `status`. */
enum pxs_status cli_explain_missing(const struct cli *cli, enum pxs_status status,
                                    struct pxs_error *err);
/* Opens the database that --db and --results lead to for reading; says what helps where it is
 * missing. */
enum pxs_status cli_open_for_reading(const struct cli *cli, struct pxs_store **out,
                                     struct pxs_error *err);
/* Opens the database that --db and --results lead to for reading, prints what `read` appends to
 * out, closes it. Tried again where another program changed it in between. Returns the exit
 * code. */
int cli_with_store(struct cli *cli, cli_read_fn read);
/* The same for commands that change something: the database must be there, is opened for writing,
 * and `change` is called once. */
int cli_with_writer(struct cli *cli, cli_read_fn change);
/* The store, open for reading, is a published copy that is older than two minutes or whose
 * collector has ended, and some run in it is not over: appends so in one line without its end, and
 * is true. */
bool cli_copy_words(struct pxs_store *s, struct pxs_text *out);
/* Says it on stderr. */
void cli_say_copy(struct pxs_store *s);
/* Lets jobs on other machines know what the database says by now of a sweep's runs. *submissions
 * (may be NULL): those whose jobs may live. */
enum pxs_status cli_tell_jobs(const struct cli *cli, struct pxs_store *s, int64_t sweep_id,
                              size_t *submissions, struct pxs_error *err);
/* " --db PATH --results PATH" where the user gave them, so that a printed command can be copied. */
void cli_add_place(const struct cli *cli, struct pxs_text *out);
struct pxs_sweep_options;
/* Options of plan and run; false: said why. */
bool cli_sweep_options(const struct cli *cli, struct pxs_sweep_options *options);
/* Where the runs are to be carried out, of --on or else the experiment file: "here", "slurm", "ssh"
 * or the absolute path of a launcher. CLI_OK, or the exit code after saying why: also for options
 * that have no meaning there. */
int cli_where(const struct cli *cli, const struct pxs_sweep_options *options,
              char on[PXS_PATH_MAX]);
struct pxs_submitted;
/* What was submitted, and how to look and to cancel: lines. */
void cli_submitted_words(const char *on, const struct pxs_submitted *submitted,
                         struct pxs_text *out);
/* Where a trial batch failed: the option that leaves it out. */
void cli_explain_probe(const struct pxs_error *err);
/* `run --detach`: hands the runs to jobs and leaves. Returns the exit code. */
int cli_submit(const struct cli *cli, struct pxs_sweep_options *options, const char *on);
struct pxs_plan;
struct pxs_jobs;
/* Runs of the plan that its table shows: in a race the first of each configuration. */
size_t cli_plan_rows(const struct pxs_plan *plan);
/* Each distinct schedule of the plan as a curve of two rows, with its first and last rate and their
 * ratio. */
enum pxs_status cli_schedules_text(const struct pxs_plan *plan, struct pxs_text *out,
                                   struct pxs_error *err);

#endif
