/* watch: the live board of a sweep that another process runs. */
#include "cli.h"
#include "pixsweep/board.h"
#include "pixsweep/plan.h"
#include "pixsweep/supervisor.h"

#include <string.h>
#include <time.h>

#define LOOK_SECONDS 0.5   /* between looks on a terminal */
#define PLAIN_SECONDS 10.0 /* between boards in a file or pipe */
#define REST_SECONDS 3.0   /* nothing must move for so long before the sweep counts as over */
#define WIDE 1000          /* columns where nothing cuts a line */

struct watcher {
    struct cli *cli;
    struct cli_progress *progress;
    struct pxs_sweep_listener *listener;
    char db[PXS_PATH_MAX], sweep[128]; /* "" until the first look: the sweep worked on last */
    bool waiting;                      /* said that the database cannot be read */
    double over_since;                 /* 0 = it is not over */
    double shown_at;                   /* a board, where there is no terminal */
    bool copy_said;                    /* that it is an old copy */
};

/* Once each time that it becomes old. */
static void say_copy(struct watcher *w, struct pxs_store *s) {
    struct pxs_text words = {0};
    const bool old = cli_copy_words(s, &words);
    if (old && !w->copy_said)
        w->listener->line(w->listener->user, PXS_LOG_WARN, pxs_text_str(&words));
    w->copy_said = old;
    pxs_text_finish(&words);
}

/* An ordinary database knows nothing of jobs that were submitted and that no process collects. */
static void note_submitted(const struct cli *cli, const struct pxs_store *s,
                           struct pxs_watch *seen) {
    char name[PXS_NAME_MAX + 1];
    if (seen->idle && !pxs_store_collector(s) &&
        cli_submitted_sweep(cli, seen->board.sweep, true, name))
        snprintf(seen->board.note, sizeof seen->board.note,
                 "jobs of it were submitted: the same `pixsweep run FILE --on ...` without "
                 "--detach collects what they do");
}

/* The database is opened for each look, so that no writer waits for this process in between, and a
 * database put in its place is seen. */
static enum pxs_status look(struct watcher *w, struct pxs_watch *out, bool *opened,
                            struct pxs_error *err) {
    struct pxs_store *s = NULL;
    *opened = false;
    PXS_TRY(cli_explain_missing(w->cli, pxs_store_open_readonly(w->db, &s, err), err));
    *opened = true;
    pxs_store_set_wait(s, 0);
    const char *sweep = w->sweep[0] != '\0'  ? w->sweep
                        : w->cli->n_args > 0 ? w->cli->args[0]
                                             : NULL;
    const enum pxs_status status = pxs_watch_read(s, sweep, pxs_now_ms(), out, err);
    if (status == PXS_OK) {
        note_submitted(w->cli, s, out);
        say_copy(w, s);
    }
    pxs_store_close(&s);
    return status;
}

/* ---- looking again and again ---------------------------------------------------------------- */

/* On a terminal the board is redrawn in place. Into a file or pipe it goes line by line, each in
 * full, every PLAIN_SECONDS: it is what was asked for, so it goes to stdout. */
static void put_board(struct watcher *w, const struct pxs_board *board) {
    const double now = pxs_monotonic();
    if (w->listener->board) {
        w->listener->board(w->listener->user, board);
        return;
    }
    if (w->shown_at != 0 && now - w->shown_at < PLAIN_SECONDS)
        return;
    struct pxs_text text = {0};
    w->shown_at = now;
    pxs_board_render(board, WIDE, &text);
    cli_progress_result(w->progress, &text);
    cli_flush();
    pxs_text_finish(&text);
}

static void put_summary(const struct watcher *w, const struct pxs_watch *seen) {
    const struct pxs_board *b = &seen->board;
    struct pxs_text out = {0};
    pxs_text_add_words(&out, "%s: %zu of %zu runs completed", b->sweep,
                       b->states.of[PXS_STATE_COMPLETED], b->n_total);
    pxs_state_counts_add(&b->states, pxs_states_told, PXS_STATES_TOLD, ", ", &out);
    if (seen->n_stale > 0)
        pxs_text_add_words(&out, ", %zu stale", seen->n_stale);
    pxs_text_add(&out, "\n");
    if (b->note[0] != '\0')
        pxs_text_add_words(&out, "%s\n", b->note);
    cli_progress_result(w->progress, &out);
    pxs_text_finish(&out);
}

/* Without a database, or with a sweep that is not in it, waiting does not help; all else may
 * pass. */
static bool is_final(const struct watcher *w, enum pxs_status status, bool opened) {
    const bool never = status == PXS_E_NOT_FOUND && w->sweep[0] == '\0' && !w->waiting;
    return status == PXS_E_UNSUPPORTED || status == PXS_E_NOMEM ||
           (never && !w->cli->values[OPT_WAIT]) ||
           (status == PXS_E_NOT_FOUND && opened && w->sweep[0] == '\0' && w->cli->n_args > 0);
}

static int watch(struct watcher *w, const struct pxs_stop *stop, struct pxs_error *err) {
    for (; atomic_load(&stop->signal) == 0;
         nanosleep(&(struct timespec){.tv_nsec = (long)(LOOK_SECONDS * 1e9)}, NULL)) {
        struct pxs_watch seen = {0};
        bool opened;
        const enum pxs_status status = look(w, &seen, &opened, err);
        if (status != PXS_OK && is_final(w, status, opened))
            return cli_fail(status, err);
        if (status != PXS_OK) {
            struct pxs_text text = {0};
            pxs_text_add_words(&text, "waiting for the database: %s", err->message);
            if (!w->waiting)
                w->listener->line(w->listener->user, PXS_LOG_WARN, pxs_text_str(&text));
            w->waiting = true;
            pxs_text_finish(&text);
            continue;
        }
        if (w->waiting)
            w->listener->line(w->listener->user, PXS_LOG_WARN, "the database can be read again");
        w->waiting = false;
        if (w->sweep[0] == '\0')
            snprintf(w->sweep, sizeof w->sweep, "%s", seen.board.sweep);

        /* Between two runs nothing may be running for a moment, so the end must last, unless every
         * run is completed. */
        const struct pxs_state_counts *states = &seen.board.states;
        const bool completed = states->of[PXS_STATE_COMPLETED] + states->of[PXS_STATE_PRUNED] +
                                   states->of[PXS_STATE_NOT_NEEDED] ==
                               seen.board.n_total;
        const double now = pxs_monotonic();
        w->over_since = !seen.over ? 0 : w->over_since == 0 ? now : w->over_since;
        const bool over = seen.over && (completed || now - w->over_since >= REST_SECONDS);
        if (over) {
            cli_progress_finish(w->progress);
            put_summary(w, &seen);
        } else if (!w->cli->quiet) {
            put_board(w, &seen.board);
        }
        pxs_watch_finish(&seen);
        if (over)
            return completed ? CLI_OK : CLI_FAILED;
    }
    return CLI_INTERRUPTED;
}

/* ---- one look ------------------------------------------------------------------------------- */

static enum pxs_status read_once(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                                 struct pxs_error *err) {
    struct pxs_watch seen;
    const int columns = cli_output_width();
    PXS_TRY(pxs_watch_read(s, cli->n_args > 0 ? cli->args[0] : NULL, pxs_now_ms(), &seen, err));
    note_submitted(cli, s, &seen);
    pxs_board_render(&seen.board, columns > 0 ? columns : WIDE, out);
    pxs_watch_finish(&seen);
    return PXS_OK;
}

/* Where nothing says which database, and there is none here: that of the sweep which runs on this
 * machine. */
static int find_running(struct cli *cli) {
    const char *found[CLI_RUNNING_MAX], *sweep = cli->n_args > 0 ? cli->args[0] : NULL;
    struct pxs_text list = {0};
    if (cli->values[OPT_DB] || cli->values[OPT_RESULTS] || cli->values[OPT_WAIT] ||
        cli_has_database(cli))
        return CLI_OK;
    const size_t n = cli_running_databases(sweep, &cli->arena, found);
    if (n == 0)
        return CLI_OK; /* the error names the place that was looked at */
    if (n == 1) {
        cli->values[OPT_DB] = found[0];
        if (!cli->quiet)
            cli_say("there is no database here; a sweep runs with --db %s", found[0]);
        return CLI_OK;
    }
    for (size_t i = 0; i < n; i++) {
        pxs_text_add(&list, "  pixsweep watch");
        if (sweep)
            pxs_text_add_command(&list, " %s", sweep);
        pxs_text_add_command(&list, " --db %s\n", found[i]);
    }
    cli_say("there is no database here, but sweeps run with others:");
    cli_say_text(&list);
    pxs_text_finish(&list);
    return CLI_USAGE;
}

int cli_cmd_watch(struct cli *cli) {
    char results[PXS_PATH_MAX];
    struct cli_progress progress;
    struct pxs_sweep_listener listener;
    struct watcher w = {.cli = cli, .progress = &progress, .listener = &listener};
    struct pxs_error err = {0};
    const int found = find_running(cli);
    if (found != CLI_OK)
        return found;
    if (cli->values[OPT_ONCE])
        return cli_with_store(cli, read_once);
    if (!pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, w.db))
        return cli_usage(cli, "--db or --results: the path is too long");
    const struct pxs_stop *stop = cli_catch_signals(CLI_SIGNALS_TASK);
    cli_progress_init(&progress, cli, &listener);
    if (!progress.out_terminal)
        listener.board = NULL; /* a file or pipe is to have it */
    const int code = watch(&w, stop, &err);
    cli_progress_finish(&progress);
    cli_progress_close(&progress);
    return code;
}
