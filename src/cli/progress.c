/* Progress of `run` on stderr: a board redrawn in place on a terminal, plain lines elsewhere. */
#include "cli.h"
#include "pixsweep/sweep.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void terminal_size(int *columns, int *rows) {
    struct winsize size;
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

/* Back to the board's first line, and everything from there on erased. */
static void erase(struct cli_progress *p) {
    if (p->lines > 0)
        pxs_text_addf(&p->frame, "\r\033[%zuA\033[J", p->lines);
    p->lines = 0;
}

/* The last lines of the board that the screen has room for: the sweep's own line is the last one. */
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
    fwrite(pxs_text_str(&p->frame), 1, p->frame.len, stderr);
    fflush(stderr);
    pxs_text_clear(&p->frame);
}

static void on_board(void *user, const struct pxs_board *board) {
    struct cli_progress *p = user;
    int columns, rows;
    terminal_size(&columns, &rows);
    pxs_text_clear(&p->board);
    /* One column stays free: some terminals wrap after the last one. */
    pxs_board_render(board, columns > 21 ? columns - 1 : 20, &p->board);
    erase(p);
    draw(p, rows);
    show(p);
}

static void on_line(void *user, enum pxs_log_level level, const char *text) {
    struct cli_progress *p = user;
    if (level < PXS_LOG_INFO || (p->cli->quiet && level < PXS_LOG_WARN))
        return;
    int columns, rows;
    terminal_size(&columns, &rows);
    erase(p);
    pxs_text_addf(&p->frame, "%s%s\n",
                  level == PXS_LOG_WARN    ? "warning: "
                  : level == PXS_LOG_ERROR ? "error: "
                                           : "",
                  text);
    draw(p, rows);
    show(p);
}

void cli_progress_init(struct cli_progress *p, const struct cli *cli, struct pxs_sweep_listener *listener) {
    const char *terminal = getenv("TERM");
    const bool can_redraw = isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    *p = (struct cli_progress){.cli = cli};
    *listener = (struct pxs_sweep_listener){.user = p, .line = on_line};
    if (can_redraw && !cli->quiet)
        listener->board = on_board;
}

void cli_progress_finish(struct cli_progress *p) {
    erase(p);
    show(p);
    pxs_text_finish(&p->board);
    pxs_text_finish(&p->frame);
}
