/* Progress on stderr. `run` and `watch` redraw a board in place on a terminal and write plain lines
 * into a file or pipe; once the terminal is gone, into run.log. Every other command has a bar. */
#include "cli.h"
#include "pixsweep/board.h"
#include "pixsweep/plan.h"
#include "pixsweep/supervisor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void terminal_size(int *columns, int *rows) {
    struct winsize size;
    const bool known =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

static bool can_redraw(void) {
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

/* Back to the board's first line, and everything from there on erased. */
static void erase(struct cli_progress *p) {
    if (p->lines > 0)
        pxs_text_addf(&p->frame, "\r\033[%zuA\033[J", p->lines);
    p->lines = 0;
}

/* The last lines of the board that the screen has room for: the sweep's own line is the last
 * one. */
static void draw(struct cli_progress *p, int rows) {
    const char *text = pxs_text_str(&p->board), *from = text + p->board.len;
    while (from > text && p->lines + 1 < (size_t)rows) {
        from--;
        while (from > text && from[-1] != '\n')
            from--;
        p->lines++;
    }
    pxs_text_add(&p->frame, from);
}

static void show(struct cli_progress *p) {
    cli_bar_hide(); /* of planning */
    fwrite(pxs_text_str(&p->frame), 1, p->frame.len, stderr);
    fflush(stderr);
    pxs_text_clear(&p->frame);
}

/* ---- life without a terminal ---------------------------------------------------------------- */

static bool open_log(struct cli_progress *p) {
    char folder[4096];
    struct pxs_error err;
    if (!pxs_path_dir(folder, sizeof folder, p->log_path) || pxs_make_dirs(folder, &err) != PXS_OK)
        return false;
    int fd = -1;
    if (pxs_open_append(p->log_path, &fd, &err) != PXS_OK)
        return false;
    p->log = fdopen(fd, "a");
    if (!p->log)
        close(fd);
    return p->log;
}

static void write_log(struct cli_progress *p, const char *text, size_t bytes) {
    fwrite(text, 1, bytes, p->log);
    fflush(p->log);
}

/* Once the terminal is gone and the path of the log is known: progress goes there, as plain
 * lines. */
static void handle_hangup(struct cli_progress *p) {
    if (!cli_hung_up() || p->log || p->log_path[0] == '\0')
        return;
    char now[32];
    struct pxs_text line = {0};
    if (!open_log(p)) {
        /* what cannot be logged is lost; the runs and their records are not */
        p->log_path[0] = '\0';
        return;
    }
    pxs_format_local(now, pxs_now_ms(), 0); /* with its date */
    pxs_text_add_words(&line, "%s: the terminal was closed; going on, progress stands in %s\n", now,
                       p->log_path);
    erase(p);
    pxs_text_add(&p->frame, pxs_text_str(&line));
    show(p);
    p->listener->board = NULL;
    pxs_text_clear(&p->board);
    write_log(p, pxs_text_str(&line), line.len);
    pxs_text_finish(&line);

    /* A stream that led to the closed terminal leads into the log from now on; one that leads to a
     * file or a pipe stays. */
    if (p->err_terminal)
        dup2(fileno(p->log), STDERR_FILENO);
    if (p->out_terminal)
        dup2(fileno(p->log), STDOUT_FILENO);
}

static void on_planned(void *user, const struct pxs_plan *plan) {
    struct cli_progress *p = user;
    char folder[4096];
    if (!pxs_path_join(folder, sizeof folder, plan->results, plan->sweep) ||
        !pxs_path_join(p->log_path, sizeof p->log_path, folder, "run.log"))
        p->log_path[0] = '\0';
    handle_hangup(p);
}

/* ---- what the supervisor says --------------------------------------------------------------- */

static void on_board(void *user, const struct pxs_board *board) {
    struct cli_progress *p = user;
    struct pxs_board shown = *board;
    const char *plain = getenv("NO_COLOR");
    int columns, rows;
    handle_hangup(p);
    if (!p->listener->board)
        return;
    shown.colours = !plain || !plain[0];
    terminal_size(&columns, &rows);
    pxs_text_clear(&p->board);
    /* One column stays free: some terminals wrap after the last one. */
    pxs_board_render(&shown, columns > 21 ? columns - 1 : 20, &p->board);
    if (cli_continued())
        p->lines = 0; /* the shell has written below the old one */
    erase(p);
    draw(p, rows);
    show(p);
}

static void on_line(void *user, enum pxs_log_level level, const char *text) {
    struct cli_progress *p = user;
    if (level < PXS_LOG_INFO || (p->cli->quiet && level < PXS_LOG_WARN))
        return;
    int columns, rows;
    handle_hangup(p);
    terminal_size(&columns, &rows);
    erase(p);
    const size_t from = p->frame.len;
    pxs_text_add(&p->frame, level == PXS_LOG_WARN    ? "warning: "
                            : level == PXS_LOG_ERROR ? "error: "
                                                     : "");
    pxs_text_add_lines(&p->frame, text, strlen(text));
    pxs_text_add(&p->frame, "\n");
    if (p->log && !p->err_terminal)
        write_log(p, pxs_text_str(&p->frame) + from, p->frame.len - from);
    draw(p, rows);
    show(p);
}

/* ---- life ----------------------------------------------------------------------------------- */

void cli_progress_init(struct cli_progress *p, const struct cli *cli,
                       struct pxs_sweep_listener *listener) {
    *p = (struct cli_progress){.cli = cli,
                               .listener = listener,
                               .out_terminal = isatty(STDOUT_FILENO),
                               .err_terminal = isatty(STDERR_FILENO)};
    *listener = (struct pxs_sweep_listener){.user = p, .planned = on_planned, .line = on_line};
    if (can_redraw() && !cli->quiet)
        listener->board = on_board;
}

void cli_progress_finish(struct cli_progress *p) {
    handle_hangup(p);
    erase(p);
    show(p);
    pxs_text_finish(&p->board);
    pxs_text_finish(&p->frame);
}

void cli_progress_result(struct cli_progress *p, const struct pxs_text *text) {
    struct pxs_text shown = {0};
    if (p->cli->format == PXS_FORMAT_TABLE)
        pxs_text_add_lines(&shown, pxs_text_str(text), text->len);
    else
        pxs_text_add_n(&shown, pxs_text_str(text), text->len);
    cli_out(pxs_text_str(&shown), shown.len);
    if (p->log && !p->out_terminal)
        write_log(p, pxs_text_str(&shown), shown.len);
    pxs_text_finish(&shown);
}

void cli_progress_close(struct cli_progress *p) {
    if (p->log)
        fclose(p->log);
    p->log = NULL;
}

/* ---- bars ----------------------------------------------------------------------------------- */

/* The bar that stands on the screen: cli_bar_hide takes it away before other output. */
static struct cli_bar *on_screen;

#define BAR_AFTER 1.0     /* seconds that need no bar */
#define BAR_EVERY 0.1     /* between two drawings */
#define BAR_LINE_EVERY 10 /* between two plain lines */

/* "reading logs: 45 %, 12 s left" */
static void bar_words(const struct cli_bar *b, double done, double total, double now, char *out,
                      size_t size) {
    char left[32] = "";
    if (!(total > 0)) { /* how long it takes is not known: how long it has taken */
        pxs_format_duration(left, floor(now - b->since));
        snprintf(out, size, "%s: %s", b->what, left);
        return;
    }
    const double share = done < total ? done / total : 1, gone = done - b->first;
    if (gone > 0 && now - b->since > 0.5 && done < total)
        pxs_format_duration(left, (total - done) * (now - b->since) / gone);
    snprintf(out, size, "%s: %3.0f %%%s%s%s", b->what, floor(100 * share),
             left[0] != '\0' ? ", " : "", left, left[0] != '\0' ? " left" : "");
}

static void bar_draw(struct cli_bar *b, double done, double total, double now) {
    char words[256], cells[41];
    int columns, rows;
    terminal_size(&columns, &rows);
    bar_words(b, done, total, now, words, sizeof words);
    /* The words come first; a bar stands behind them where there is room and something to show. */
    int room = columns - 1 - (int)pxs_text_width(words, strlen(words)) - 3;
    room = room > (int)sizeof cells - 1 ? (int)sizeof cells - 1 : room;
    if (!(total > 0) || room < 10) {
        const size_t bytes =
            pxs_text_head(words, strlen(words), columns > 1 ? (size_t)columns - 1 : 1);
        fprintf(stderr, "\r\033[K%.*s", (int)bytes, words);
    } else {
        const int full = (int)(room * (done < total ? done / total : 1));
        memset(cells, '.', (size_t)room);
        memset(cells, '#', (size_t)full);
        cells[room] = '\0';
        fprintf(stderr, "\r\033[K%s [%s]", words, cells);
    }
    fflush(stderr);
    b->drawn = true;
    on_screen = b;
}

static void bar_tell(void *user, const char *what, double done, double total) {
    struct cli_bar *b = user;
    const double now = pxs_monotonic();
    if (b->silent)
        return;
    char clean[sizeof b->what] = "";
    pxs_copy_clean(clean, sizeof clean, what, strlen(what), false);
    if (strcmp(b->what, clean) != 0 || done < b->first) {
        memcpy(b->what, clean, sizeof clean);
        b->first = done;
        b->since = now;
    }
    if (now - b->began < BAR_AFTER || now - b->shown < (b->terminal ? BAR_EVERY : BAR_LINE_EVERY))
        return;
    b->shown = now;
    if (b->terminal) {
        bar_draw(b, done, total, now);
    } else {
        char words[256];
        bar_words(b, done, total, now, words, sizeof words);
        cli_say("%s", words);
    }
}

struct pxs_meter cli_bar_begin(struct cli_bar *bar, const struct cli *cli) {
    const double now = pxs_monotonic();
    *bar = (struct cli_bar){.silent = cli->quiet, .terminal = can_redraw(), .began = now};
    if (!bar->terminal)
        bar->shown = now; /* the first plain line after ten seconds */
    return (struct pxs_meter){bar_tell, bar};
}

void cli_bar_clear(struct cli_bar *bar) {
    if (bar->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    bar->drawn = false;
    on_screen = NULL;
}

void cli_bar_hide(void) {
    if (on_screen)
        cli_bar_clear(on_screen);
}
