/* Which values the two halves of a set have. Labels 0 and 1, 12 bits in 16-bit files, floats of
 * 0..1 and halves of one colour are black or empty to the network, which no loss shows. Each pair
 * is looked at while it is in memory; a picture with one middle value is done after some rows. */
#include "range_priv.h"
#include "scan_priv.h"

#include <string.h>

/* The brightest value of a whole split, of 255, below which a half is called dark. A photograph, at
 * night too, has a lamp, a star or noise above a sixteenth of the range somewhere in all its
 * pictures; labels in colour channels have not. Grey labels reach further (21 classes, 34 classes),
 * dark grey photographs hardly do; above an eighth, only areas of one value speak for labels: 80 %
 * of neighbours are equal in label maps and far fewer in pictures. From a quarter on, nothing is
 * said. 16-bit files of sensors with 10, 12 and 14 bits end at a quarter, too. */
enum { DARK_COLOUR = 16, DARK_GREY = 32, DARK_LABELS = 64, DARK_16_BIT = 16383 };
#define FLAT 0.8
/* Share of 255 up to which it may mean "no label" beside small values; black on white has more. */
#define MOST_IGNORED 0.5

/* ---- one half of one pair ------------------------------------------------------------------- */

/* Share of neighbours with the same value, the lesser of both directions. */
static double flatness(const struct pxs_image *image) {
    size_t w = (size_t)image->width, h = (size_t)image->height, row = w * 3, across = 0, down = 0;
    for (size_t y = 0; y < h; y++) {
        const uint8_t *p = image->pixels + y * row;
        for (size_t x = 0; x < w; x++) {
            across += x > 0 && p[x * 3] == p[x * 3 - 3];
            down += y > 0 && p[x * 3] == (p - row)[x * 3];
        }
    }
    double a = w > 1 ? (double)across / (double)((w - 1) * h) : 1;
    double d = h > 1 ? (double)down / (double)(w * (h - 1)) : 1;
    return a < d ? a : d;
}

void pxs_range_look(const struct pxs_half *half, struct pxs_range *out) {
    const struct pxs_image *image = &half->image;
    const uint8_t *v = image->pixels;
    size_t row = (size_t)image->width * 3, n = row * (size_t)image->height, white = 0;
    *out = (struct pxs_range){
        .stored = half->stored, .low = half->low, .high = half->high, .grey = true};
    memcpy(out->colour, v, sizeof out->colour);
    out->plain = memcmp(v, v + 3, n - 3) == 0;

    /* A whole row at a time, without a branch, so that compilers vectorise it. */
    for (size_t at = 0; at < n && !out->middle; at += row) {
        unsigned any = 0;
        for (size_t i = 0; i < row; i++)
            any |= (uint8_t)(v[at + i] - DARK_LABELS) < 255 - DARK_LABELS;
        out->middle = any != 0;
    }
    if (out->middle)
        return;
    bool present[256] = {false};
    for (size_t i = 0; i < n; i += 3) {
        present[v[i]] = present[v[i + 1]] = present[v[i + 2]] = true;
        out->grey &= v[i] == v[i + 1] && v[i] == v[i + 2];
        white += v[i] == 255;
    }
    out->full = present[255];
    for (size_t i = 0; i < DARK_LABELS; i++)
        out->present |= (uint64_t)present[i] << i;
    out->white = (float)white / (float)(n / 3);
    out->flat = (float)flatness(image);
}

/* ---- all of a split ------------------------------------------------------------------------- */

enum rule { FINE, DARK_BYTES, DARK_WORDS, DARK_FLOATS, ONE_COLOUR };

/* Gathered over pairs. */
struct span {
    enum rule rule;
    size_t pairs, binary; /* pairs looked at, those of them that hold 0 and 1 only */
    const struct pxs_seen *first_binary;
    /* ringed: 255 and small values in one pair */
    bool words, floats, middle, grey, full, ringed, plain;
    uint8_t colour[3];
    uint64_t present;
    double low, high, white, flat; /* white and flat: sums, in judge_span means */
};

static int top_of(uint64_t present) {
    int top = -1;
    for (; present != 0; present >>= 1)
        top++;
    return top;
}

static void add_pair(struct span *s, const struct pxs_seen *seen, int k) {
    const struct pxs_range *r = &seen->range[k];
    if (s->pairs == 0) {
        s->grey = s->plain = s->words = s->floats = true;
        s->low = r->low;
        s->high = r->high;
        memcpy(s->colour, r->colour, sizeof s->colour);
    }
    s->pairs++;
    s->words &= r->stored == PXS_STORED_16_BIT;
    s->floats &= r->stored == PXS_STORED_FLOATS;
    s->middle |= r->middle;
    s->grey &= r->grey;
    s->full |= r->full;
    s->ringed |= r->full && r->present > 1;
    s->plain &= r->plain && memcmp(s->colour, r->colour, sizeof s->colour) == 0;
    s->present |= r->present;
    s->low = r->low < s->low ? r->low : s->low;
    s->high = r->high > s->high ? r->high : s->high;
    s->white += (double)r->white;
    s->flat += (double)r->flat;
    if (!r->middle && r->present == 3 && !r->full) {
        s->first_binary = s->first_binary ? s->first_binary : seen;
        s->binary++;
    }
}

static bool is_dark(const struct span *s) {
    int top = top_of(s->present);
    double white = s->white / (double)s->pairs, flat = s->flat / (double)s->pairs;
    if (s->middle || top < 1 || white > MOST_IGNORED || (s->full && !(s->grey && s->ringed)))
        return false;
    return top < DARK_COLOUR || (s->grey && (top < DARK_GREY || flat >= FLAT));
}

static enum rule judge(const struct span *s) {
    if (s->pairs == 0)
        return FINE;
    if (s->words && s->high > s->low && s->high <= DARK_16_BIT)
        return DARK_WORDS;
    if (s->floats && s->high > s->low && s->high <= 1)
        return DARK_FLOATS;
    if (s->plain)
        return s->pairs > 1 ? ONE_COLOUR : FINE;
    return is_dark(s) ? DARK_BYTES : FINE;
}

/* ---- words ---------------------------------------------------------------------------------- */

static void say(struct pxs_problems *p, const struct span *s, const char *half, const char *where) {
    char low[32], high[32], remedy[128];
    const char *many = s->pairs == 1 ? "the only pair" : "all pairs";
    const int top = top_of(s->present);
    int bottom = 0;
    while (s->present != 0 && !(s->present >> bottom & 1))
        bottom++;
    switch (s->rule) {
    case DARK_BYTES:
        pxs_problem_add(p, PXS_PROBLEM_NOTE,
                        "%s holds only %d to %d of 255%s in %s of %s: black to the eye and to the "
                        "network. Labels? multiply them by %d; dark pictures? stretch them to "
                        "0..255",
                        half, bottom, top, s->full ? " (and 255 itself, \"no label\"?)" : "", many,
                        where, 255 / top);
        break;
    case DARK_WORDS: {
        const int bits = s->high <= 1023 ? 10 : s->high <= 4095 ? 12 : 14;
        if (s->high < DARK_LABELS)
            snprintf(remedy, sizeof remedy, "labels? multiply them by %d", (int)(65535 / s->high));
        else if (s->high <= 255)
            snprintf(remedy, sizeof remedy,
                     "8-bit values in 16-bit files? multiply them by 257, or save them with 8 "
                     "bits");
        else
            snprintf(remedy, sizeof remedy, "%d-bit data in 16-bit files? multiply them by %d",
                     bits, 1 << (16 - bits));
        pxs_problem_add(p, PXS_PROBLEM_NOTE,
                        "%s holds only %.0f to %.0f of 65535 in %s of %s: black to the eye and to "
                        "the network; %s",
                        half, s->low, s->high, many, where, remedy);
        break;
    }
    case DARK_FLOATS:
        pxs_problem_add(p, PXS_PROBLEM_NOTE,
                        "%s holds only %s to %s in %s of %s, where 0 to 255 are expected: black to "
                        "the eye and to the network; multiply by 255",
                        half, pxs_format_rounded(low, s->low, 4),
                        pxs_format_rounded(high, s->high, 4), many, where);
        break;
    case ONE_COLOUR:
        pxs_problem_add(p, PXS_PROBLEM_NOTE,
                        "%s is one colour (%d, %d, %d) throughout in %s of %s: there is nothing to "
                        "learn from it; are these the right files?",
                        half, s->colour[0], s->colour[1], s->colour[2], many, where);
        break;
    case FINE:
        break;
    }
}

void pxs_range_judge(struct pxs_scan *scan) {
    static const char *const halves[2][2] = {{"half A (left)", "half B (right)"},
                                             {"half A (A/)", "half B (B/)"}};
    const bool folders = scan->listing.folder[PXS_SPLIT_TRAIN].kind == PXS_KIND_AB;
    for (int k = 0; k < 2; k++) {
        const char *half = halves[folders][k];
        struct span span[2] = {{0}, {0}}, *train = &span[0], *val = &span[1];
        for (size_t i = 0; i < scan->train + scan->val; i++)
            if (scan->seen[i].hash[0] != '\0')
                add_pair(&span[i >= scan->train], &scan->seen[i], k);
        train->rule = judge(train);
        val->rule = judge(val);

        /* Where both splits have the same trouble, it is told once. */
        const bool both = train->rule == val->rule &&
                          (train->rule != ONE_COLOUR || memcmp(train->colour, val->colour, 3) == 0);
        if (both) {
            train->pairs += val->pairs;
            train->low = val->low < train->low ? val->low : train->low;
            train->high = val->high > train->high ? val->high : train->high;
            train->present |= val->present;
            train->full |= val->full;
        }
        say(&scan->problems, train, half, both ? "train/ and val/" : "train/");
        if (!both)
            say(&scan->problems, val, half, "val/");

        /* Single pairs of 0 and 1 among others that reach further. */
        for (const struct span *s = span; s < span + 2; s++) {
            char name[4096], others[64] = "";
            if (s->rule != FINE || s->binary == 0)
                continue;
            pxs_seen_name(s->first_binary, name, sizeof name);
            if (s->binary > 1)
                snprintf(others, sizeof others, " and %zu more", s->binary - 1);
            pxs_problem_add(&scan->problems, PXS_PROBLEM_NOTE,
                            "%s%s: %s holds only 0 and 1 of 255, where others reach further: "
                            "labels? multiply them by 255",
                            name, others, half);
        }
    }
}
