/* The live board as lines of text: pure functions, so that what a terminal shows can be tested without one. */
#include "pixsweep/sweep.h"

#include <math.h>
#include <string.h>

/* One piece of a line. Where a line is too wide, the piece with the highest rank goes first; rank 0 stays. */
struct field {
    char text[160];
    int rank;
};

struct line {
    struct field fields[10];
    size_t n;
};

static void add_field(struct line *line, int rank, const char *fmt, ...) PXS_PRINTF(3, 4);
static void add_field(struct line *line, int rank, const char *fmt, ...) {
    struct field *f = &line->fields[line->n++];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    f->rank = rank;
}

static size_t line_width(const struct line *line) {
    size_t width = 0;
    for (size_t i = 0; i < line->n; i++)
        width += strlen(line->fields[i].text) + (i > 0 ? 2 : 0);
    return width;
}

static bool drop_widest_rank(struct line *line) {
    size_t worst = line->n;
    int rank = 0;
    for (size_t i = 0; i < line->n; i++)
        if (line->fields[i].rank > rank) {
            rank = line->fields[i].rank;
            worst = i;
        }
    if (worst == line->n)
        return false;
    memmove(&line->fields[worst], &line->fields[worst + 1], (line->n - worst - 1) * sizeof line->fields[0]);
    line->n--;
    return true;
}

static void put_line(struct line *line, size_t width, struct pxs_text *out) {
    while (line_width(line) > width && drop_widest_rank(line))
        continue;
    struct pxs_text whole = {0};
    for (size_t i = 0; i < line->n; i++)
        pxs_text_addf(&whole, "%s%s", i > 0 ? "  " : "", line->fields[i].text);
    size_t len = whole.len < width ? whole.len : width;
    pxs_text_add_n(out, pxs_text_str(&whole), len);
    pxs_text_add(out, "\n");
    pxs_text_finish(&whole);
}

/* The sweep's own name is on the last line already. */
static const char *short_name(const char *name) {
    const char *slash = strchr(name, '/');
    return slash ? slash + 1 : name;
}

static size_t name_width(const struct pxs_board *b, size_t width) {
    size_t longest = 0;
    for (size_t i = 0; i < b->n_running; i++) {
        size_t len = strlen(short_name(b->running[i].name));
        longest = len > longest ? len : longest;
    }
    size_t limit = width / 5 > 12 ? width / 5 : 12;
    return longest < limit ? longest : limit;
}

/* A name that is too long keeps its number and its end, where the seed stands. */
static void put_name(struct line *line, const char *name, size_t width) {
    const char *s = short_name(name);
    size_t len = strlen(s);
    if (len <= width)
        add_field(line, 0, "%-*s", (int)width, s);
    else
        add_field(line, 0, "%.*s..%s", (int)(width - 2 - (width - 2) / 2), s, s + len - (width - 2) / 2);
}

static void put_number(struct line *line, int rank, const char *label, double value, int digits) {
    if (isnan(value))
        add_field(line, rank, "%s %*s", label, digits + 2, "-");
    else
        add_field(line, rank, "%s %.*f", label, digits, value);
}

static int digits_of(int64_t n) {
    int digits = 1;
    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

static void put_progress(struct line *line, const struct pxs_board_run *r) {
    int e = digits_of(r->n_epochs), b = digits_of(r->n_batches);
    add_field(line, 0, "epoch %*lld/%lld", e, (long long)(r->epoch + 1), (long long)r->n_epochs);
    add_field(line, 8, "batch %*lld/%lld", b, (long long)(r->batch + 1), (long long)r->n_batches);
}

static void put_run(const struct pxs_board_run *r, size_t names, size_t width, struct pxs_text *out) {
    struct line line = {0};
    char buf[32];
    put_name(&line, r->name, names);
    if (r->attempt > 1)
        add_field(&line, 7, "(attempt %lld)", (long long)r->attempt);
    if (r->epoch < 0) {
        add_field(&line, 0, "%s",
                  r->waiting    ? "waits for its folder"
                  : r->stopping ? "stopping"
                                : "starting");
        put_line(&line, width, out);
        return;
    }
    put_progress(&line, r);
    add_field(&line, 4, "G %.4g D %.3g", r->loss_G, r->loss_D);
    put_number(&line, 2, "val", r->val_loss, 4);
    add_field(&line, 6, "lr %s", pxs_format_double(buf, r->lr_G));
    if (!isnan(r->images_per_s))
        add_field(&line, 5, "%.*f img/s", r->images_per_s < 10 ? 1 : 0, r->images_per_s);
    if (r->stopping)
        add_field(&line, 0, "stopping");
    else if (!isnan(r->eta)) {
        pxs_format_duration(buf, r->eta);
        add_field(&line, 1, "ETA %s", buf);
    }
    put_line(&line, width, out);
}

static void put_count(struct pxs_text *t, size_t n, const char *what) {
    if (n > 0)
        pxs_text_addf(t, ", %zu %s", n, what);
}

static void put_sweep(const struct pxs_board *b, size_t width, struct pxs_text *out) {
    struct line line = {0};
    struct pxs_text counts = {0};
    char buf[32];
    pxs_text_addf(&counts, "%s: %zu/%zu done", b->sweep, b->n_completed, b->n_total);
    put_count(&counts, b->n_failed, "failed");
    put_count(&counts, b->n_diverged, "diverged");
    put_count(&counts, b->n_interrupted, "interrupted");
    put_count(&counts, b->n_cancelled, "cancelled");
    put_count(&counts, b->n_running, "running");
    put_count(&counts, b->n_elsewhere, "running elsewhere");
    put_count(&counts, b->n_queued, "queued");
    add_field(&line, 0, "%s", pxs_text_str(&counts));
    pxs_text_finish(&counts);
    pxs_format_duration(buf, b->elapsed);
    add_field(&line, 2, "elapsed %s", buf);
    if (b->stopping)
        add_field(&line, 1, "stopping (again to kill)");
    else if (!isnan(b->eta)) {
        pxs_format_duration(buf, b->eta);
        add_field(&line, 1, "ETA %s", buf);
    }
    put_line(&line, width, out);
}

size_t pxs_board_render(const struct pxs_board *board, int width, struct pxs_text *out) {
    size_t columns = width < 20 ? 20 : (size_t)width;
    size_t names = name_width(board, columns);
    for (size_t i = 0; i < board->n_running; i++)
        put_run(&board->running[i], names, columns, out);
    put_sweep(board, columns, out);
    return board->n_running + 1;
}
