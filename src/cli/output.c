/* What leaves the program: results on stdout, messages on stderr. Here all text is cleaned for the
 * terminal, wherever it came from; data (CSV, JSON, a page) passes as it is. A result that could
 * not be written is a failure. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* errno of the first write to stdout that failed; 0 = none. */
static int output_error;

void cli_out(const char *text, size_t bytes) {
    cli_bar_hide();
    if (output_error == 0 && bytes > 0 && fwrite(text, 1, bytes, stdout) != bytes)
        output_error = errno != 0 ? errno : EIO;
}

/* Takes over what `text` holds. */
static void out_words(struct pxs_text *text) {
    if (text->failed)
        output_error = ENOMEM;
    cli_out(pxs_text_str(text), text->len);
    pxs_text_finish(text);
}

void cli_out_text(const struct pxs_text *text) {
    struct pxs_text shown = {0};
    pxs_text_add_lines(&shown, pxs_text_str(text), text->len);
    out_words(&shown);
}

enum pxs_status cli_row(const struct cli *cli, const char *const *names,
                        const struct pxs_cell *cells, size_t n, struct pxs_text *out,
                        struct pxs_error *err) {
    struct pxs_table table = {0};
    PXS_TRY(pxs_table_make(&table, names, n, 1, err));
    for (size_t i = 0; i < n; i++)
        pxs_table_set(&table, 0, i, cells[i]);
    const enum pxs_status status = pxs_report_table(&table, NULL, cli->format, 0, out, err);
    pxs_table_finish(&table);
    return status;
}

void cli_out_result(const struct cli *cli, const struct pxs_text *text) {
    if (cli->format == PXS_FORMAT_TABLE)
        cli_out_text(text);
    else
        cli_out(pxs_text_str(text), text->len);
}

void cli_outf(const char *fmt, ...) {
    struct pxs_text text = {0};
    va_list ap;
    va_start(ap, fmt);
    pxs_text_add_wordsv(&text, fmt, ap);
    va_end(ap);
    out_words(&text);
}

/* A stream ends with the first write that fails. */
static enum pxs_status sink_write(void *user, const char *text, size_t bytes,
                                  struct pxs_error *err) {
    cli_out(text, bytes);
    if (output_error == 0)
        return PXS_OK;
    errno = output_error;
    return pxs_fail_errno(err, "cannot write the result");
}

struct pxs_sink cli_sink(void) {
    return (struct pxs_sink){sink_write, NULL};
}

void cli_flush(void) {
    if (fflush(stdout) != 0 && output_error == 0)
        output_error = errno;
}

int cli_close_output(int code) {
    cli_flush();
    if (close(STDOUT_FILENO) != 0 && output_error == 0)
        output_error = errno; /* a network file system may tell only now */
    if (output_error == 0)
        return code;
    char limit[PXS_LIMIT_WORDS];
    pxs_limit_words(output_error == EAGAIN ? 0 : output_error, limit);
    cli_say("cannot write the result: %s%s", strerror(output_error), limit);
    return code == CLI_OK ? CLI_FAILED : code;
}

int cli_output_width(void) {
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 0;
}

/* ---- stderr --------------------------------------------------------------------------------- */

/* One write for the whole text, so that lines of several processes do not mix. Nothing can be done
 * where it fails. */
static void put_error(const struct pxs_text *text) {
    cli_bar_hide();
    fflush(stdout);
    fwrite(pxs_text_str(text), 1, text->len, stderr);
    fflush(stderr);
}

void cli_say_text(const struct pxs_text *text) {
    struct pxs_text shown = {0};
    pxs_text_add_lines(&shown, pxs_text_str(text), text->len);
    put_error(&shown);
    pxs_text_finish(&shown);
}

/* As much of a line as fits on the stack: how "out of memory" itself is told. */
static void put_short(const char *prefix, const char *fmt, va_list ap) {
    char line[2304], shown[2304] = "";
    vsnprintf(line, sizeof line, fmt, ap);
    pxs_copy_clean(shown, sizeof shown, line, strlen(line), pxs_format_has_lines(fmt));
    fflush(stdout);
    fprintf(stderr, "%s%s\n", prefix, shown);
    fflush(stderr);
}

static void say_v(const char *prefix, const char *fmt, va_list ap) {
    struct pxs_text text = {0};
    va_list again;
    va_copy(again, ap);
    pxs_text_add(&text, prefix);
    pxs_text_add_wordsv(&text, fmt, ap);
    pxs_text_add(&text, "\n");
    if (text.failed)
        put_short(prefix, fmt, again);
    else
        put_error(&text);
    va_end(again);
    pxs_text_finish(&text);
}

static void say_after(const char *prefix, const char *fmt, ...) PXS_PRINTF(2, 3);
static void say_after(const char *prefix, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    say_v(prefix, fmt, ap);
    va_end(ap);
}

void cli_say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    say_v("pixsweep: ", fmt, ap);
    va_end(ap);
}

int cli_usage(const struct cli *cli, const char *fmt, ...) {
    char prefix[64];
    va_list ap;
    snprintf(prefix, sizeof prefix, "pixsweep %s: ", cli->command->name);
    va_start(ap, fmt);
    say_v(prefix, fmt, ap);
    va_end(ap);
    fprintf(stderr, "help: pixsweep %s --help\n", cli->command->name);
    return CLI_USAGE;
}

int cli_fail(enum pxs_status status, const struct pxs_error *err) {
    if (output_error == 0) /* else the write error is the reason, and cli_close_output names it */
        cli_say("%s", err->message);
    switch (status) {
    case PXS_E_STOPPED:
        return CLI_INTERRUPTED;
    case PXS_E_INVALID:
    case PXS_E_NOT_FOUND:
    case PXS_E_EXISTS:
    case PXS_E_UNSUPPORTED:
        return CLI_USAGE;
    default:
        return CLI_FAILED;
    }
}

void cli_say_why(const struct pxs_text *diagnostics, const struct pxs_error *err) {
    if (diagnostics->len > 0)
        cli_say_text(diagnostics);
    else
        cli_say("%s", err->message);
}

static void log_line(void *user, enum pxs_log_level level, const char *text) {
    const struct cli *cli = user;
    if (level < PXS_LOG_INFO || (cli->quiet && level < PXS_LOG_WARN))
        return;
    say_after(level == PXS_LOG_WARN    ? "warning: "
              : level == PXS_LOG_ERROR ? "error: "
                                       : "",
              "%s", text);
}

struct pxs_logger cli_logger(const struct cli *cli) {
    return (struct pxs_logger){log_line, (void *)cli};
}
