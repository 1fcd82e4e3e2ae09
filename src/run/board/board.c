/* The live board as lines of text: pure functions, so that what a terminal shows can be tested
 * without one. */
#include <math.h>
#include <string.h>

#include "pixsweep/board.h"

/* One piece of a line. Where a line is too wide, the piece with the highest rank goes first; rank 0
 * stays. */
struct field {
    char text[256];
    int rank;
};

struct line {
    struct field fields[11];
    size_t n;
};

static void add_field(struct line *line, int rank, const char *fmt, ...) PXS_PRINTF(3, 4);
static void add_field(struct line *line, int rank, const char *fmt, ...) {
    struct field *f = &line->fields[line->n++];
    char text[sizeof f->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pxs_copy_clean(f->text, sizeof f->text, text, strlen(text), false);
    f->rank = rank;
}

/* Drops the field of the highest rank, the first of several; false where only rank 0 is left. */
static bool drop_highest_rank(struct line *line) {
    size_t worst = line->n;
    int rank = 0;
    for (size_t i = 0; i < line->n; i++)
        if (line->fields[i].rank > rank) {
            rank = line->fields[i].rank;
            worst = i;
        }
    if (worst == line->n)
        return false;
    memmove(&line->fields[worst], &line->fields[worst + 1],
            (line->n - worst - 1) * sizeof line->fields[0]);
    line->n--;
    return true;
}

/* Fits the line into `width` by dropping fields of high rank, then by cutting it. */
static void put_line(struct line *line, size_t width, struct pxs_text *out) {
    struct pxs_text whole = {0};
    do {
        pxs_text_clear(&whole);
        for (size_t i = 0; i < line->n; i++)
            pxs_text_addf(&whole, "%s%s", i > 0 ? "  " : "", line->fields[i].text);
    } while (pxs_text_width(pxs_text_str(&whole), whole.len) > width && drop_highest_rank(line));
    pxs_text_add_n(out, pxs_text_str(&whole),
                   pxs_text_head(pxs_text_str(&whole), whole.len, width));
    pxs_text_add(out, "\n");
    pxs_text_finish(&whole);
}

/* A run's name as it is shown: the sweep's own name is on the last line already. */
static void short_name(const char *name, char out[128]) {
    const char *slash = strchr(name, '/');
    const char *from = slash ? slash + 1 : name;
    pxs_copy_clean(out, 128, from, strlen(from), false);
}

static size_t name_width(const struct pxs_board *b, size_t width) {
    size_t longest = 0;
    for (size_t i = 0; i < b->n_running; i++) {
        char name[128] = "";
        short_name(b->running[i].name, name);
        size_t len = pxs_text_width(name, strlen(name));
        longest = len > longest ? len : longest;
    }
    size_t limit = width / 5 > 12 ? width / 5 : 12;
    return longest < limit ? longest : limit;
}

static int digits_of(int64_t n) {
    int digits = 1;
    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

/* Why no ETA can be given; NULL where it can. */
static const char *condition(const struct pxs_board_run *r) {
    return r->stale       ? "stale"
           : r->stopping  ? "stopping"
           : r->disk_full ? "disk full, waiting for space"
           : r->at_rung   ? "waits for lower runs"
           : r->waiting   ? "waits for its folder"
           : r->epoch < 0 ? "starting"
                          : NULL;
}

static void put_run(const struct pxs_board_run *r, size_t names, size_t width,
                    struct pxs_text *out) {
    struct line line = {0};
    struct pxs_text shown = {0};
    char clean[128] = "", buf[32];

    /* A name that is too long keeps its number and its end, where the seed is. */
    short_name(r->name, clean);
    pxs_text_add_short(&shown, clean, names);
    const size_t used = pxs_text_width(pxs_text_str(&shown), shown.len);
    add_field(&line, 0, "%s%*s", pxs_text_str(&shown), (int)(used < names ? names - used : 0), "");
    pxs_text_finish(&shown);
    if (r->host[0] != '\0')
        add_field(&line, 3, "%s", r->host);
    if (r->attempt > 1)
        add_field(&line, 7, "(attempt %lld)", (long long)r->attempt);
    if (r->epoch < 0) {
        add_field(&line, 0, "%s", condition(r));
        put_line(&line, width, out);
        return;
    }

    /* What is done: 11 epochs, and 4 batches of the next one, whose number is 11. */
    const bool whole = r->epochs_done > r->epoch; /* nothing of the next one yet */
    const long long epochs = whole ? r->epochs_done : r->epoch, batches = whole ? 0 : r->batch + 1;
    add_field(&line, 0, "epochs %*lld/%lld", digits_of(r->n_epochs), epochs,
              (long long)r->n_epochs);
    if (r->n_batches > 0)
        add_field(&line, 8, "batches %*lld/%lld", digits_of(r->n_batches), batches,
                  (long long)r->n_batches);
    else
        add_field(&line, 8, "batches %lld", batches);
    add_field(&line, 3, "G %.4g", r->loss_G);
    add_field(&line, 6, "D %.3g", r->loss_D);
    if (isnan(r->val_loss))
        add_field(&line, 2, "val %6s", "-");
    else
        add_field(&line, 2, "val %.4f", r->val_loss);
    add_field(&line, 5, "lr %s", pxs_format_rounded(buf, r->lr_G, 4));
    if (!isnan(r->images_per_s))
        add_field(&line, 4, "%.*f img/s", r->images_per_s < 10 ? 1 : 0, r->images_per_s);

    if (condition(r)) {
        add_field(&line, 0, "%s", condition(r));
    } else if (!isnan(r->eta)) {
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
    char buf[80];
    size_t n_stale = 0;
    for (size_t i = 0; i < b->n_running; i++)
        n_stale += b->running[i].stale;
    pxs_text_addf(&counts, "%s: %zu/%zu done", b->sweep, b->states.of[PXS_STATE_COMPLETED],
                  b->n_total);
    pxs_state_counts_add(&b->states, pxs_states_told, PXS_STATES_TOLD - 1, ", ", &counts);
    put_count(&counts, b->n_running - n_stale, "running");
    put_count(&counts, n_stale, "stale");
    put_count(&counts, b->n_other_supervisors, "run by another pixsweep");
    put_count(&counts, b->states.of[PXS_STATE_QUEUED], "queued");
    add_field(&line, 0, "%s", pxs_text_str(&counts));
    pxs_text_finish(&counts);
    if (!isnan(b->elapsed)) {
        pxs_format_duration(buf, b->elapsed);
        add_field(&line, 2, "elapsed %s", buf);
    }
    if (b->stopping)
        add_field(&line, 1, "stopping (again to kill)");
    else if (b->leaving)
        add_field(&line, 1, "leaving; jobs go on");
    else if (!isnan(b->eta)) {
        pxs_expected_text(buf, b->eta, b->now_ms);
        add_field(&line, 1, "ETA %s", buf);
    }
    put_line(&line, width, out);
}

static size_t put_note(const char *words, size_t width, struct pxs_text *out) {
    struct line line = {0};
    if (words[0] == '\0')
        return 0;
    add_field(&line, 0, "%s", words);
    put_line(&line, width, out);
    return 1;
}

static size_t put_jobs(const struct pxs_board *b, size_t width, struct pxs_text *out) {
    const bool red = b->jobs_never && b->colours && b->jobs[0] != '\0';
    pxs_text_add(out, red ? "\033[31m" : "");
    const size_t lines = put_note(b->jobs, width, out);
    if (red) { /* before the line's end, so that nothing else is red where the line is erased */
        out->len--;
        pxs_text_add(out, "\033[0m\n");
    }
    return lines;
}

void pxs_expected_text(char buf[80], double seconds, int64_t now_ms) {
    char duration[32], until[32];
    pxs_format_duration(duration, seconds);
    if (now_ms == 0 || !(seconds >= 60 && seconds < 1e9)) {
        snprintf(buf, 80, "%s", duration);
        return;
    }
    pxs_format_local(until, now_ms + (int64_t)(seconds * 1000), now_ms);
    snprintf(buf, 80, "%s, %s", duration, until);
}

size_t pxs_board_render(const struct pxs_board *board, int width, struct pxs_text *out) {
    size_t columns = width < 20 ? 20 : (size_t)width;
    size_t names = name_width(board, columns);
    for (size_t i = 0; i < board->n_running; i++)
        put_run(&board->running[i], names, columns, out);
    size_t notes =
        put_note(board->store_trouble ? "database not writable, records wait in their folders" : "",
                 columns, out);
    notes += put_note(board->note, columns, out);
    notes += put_note(board->race, columns, out);
    notes += put_jobs(board, columns, out);
    put_sweep(board, columns, out);
    return board->n_running + notes + 1;
}
