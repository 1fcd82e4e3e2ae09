/* Names in A/ and B/ that nearly match: what would make them match, such as dropping an ending or
 * leading zeros, or another spelling. Endings and beginnings are those that most of the lone names
 * share. Every combination is tried; the one that pairs most wins, of equals the simplest. */
#include "unpaired_priv.h"
#include "forms.h"
#include "utf8_priv.h"

#include <stdlib.h>
#include <string.h>

enum fold { BLANKS = 1, CASE = 2, ZEROS = 4, FORM = 8, MARKS = 16, ALL_FOLDS = 31 };
#define NAME 1024  /* longer names are left alone */
#define TRIED 4000 /* names of a side that are tried: more would tell nothing new */
#define AFFIX 64
#define MOST_AFFIXES 4 /* of a side, the first of them none */

/* ---- names made alike ----------------------------------------------------------------------- */

static size_t put_code(char *out, size_t at, uint32_t c) {
    char bytes[5];
    int n = pxs_utf8_put(bytes, c);
    if (at + (size_t)n < NAME)
        memcpy(out + at, bytes, (size_t)n);
    return at + (size_t)n < NAME ? at + (size_t)n : at;
}

static int by_code(const void *key, const void *row) {
    return (int)*(const uint32_t *)key - (int)*(const uint16_t *)row;
}

/* A letter in its parts: e with its accent behind it, as macOS writes it. */
static size_t put_parts(char *out, size_t at, uint32_t c) {
    const uint16_t *row = bsearch(&c, forms, PXS_COUNT(forms), sizeof forms[0], by_code);
    if (c >= 0xac00 && c < 0xd7a4) { /* Hangul, by rule */
        uint32_t s = c - 0xac00, last = s % 28;
        at = put_code(out, at, 0x1100 + s / 588);
        at = put_code(out, at, 0x1161 + s % 588 / 28);
        return last > 0 ? put_code(out, at, 0x11a7 + last) : at;
    }
    if (!row)
        return put_code(out, at, c);
    at = put_parts(out, at, row[1]);
    return row[2] != 0 ? put_parts(out, at, row[2]) : at;
}

static bool is_blank(uint32_t c) {
    return c == ' ' || c == '\t' || c == 0xa0 || c == 0x3000 || c == 0x200b || c == 0xfeff;
}

/* The stem of a file's name as `folds` make it. */
static void fold(const char *name, unsigned folds, char out[NAME]) {
    const char *dot = strrchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name), at = 0;
    bool digits = false; /* within a number that has begun */
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int used = pxs_utf8_get((const uint8_t *)name + i, n - i, &c);
        if (used == 0) { /* not UTF-8: as it is */
            if (at + 1 < NAME)
                out[at++] = name[i];
            i++;
            continue;
        }
        i += (size_t)used;
        bool digit = c >= '0' && c <= '9', next_digit = i < n && name[i] >= '0' && name[i] <= '9';
        if ((folds & ZEROS) && c == '0' && !digits && next_digit)
            continue;
        digits = digit;
        if ((folds & BLANKS) && is_blank(c))
            continue;
        if ((folds & MARKS) && (c == '-' || c == ' ' || c == '.'))
            c = '_';
        /* U+0300 .. U+037f */
        bool accent = i + 1 < n && ((uint8_t)name[i] == 0xcc || (uint8_t)name[i] == 0xcd);
        if ((folds & CASE) && c >= 'A' && c <= 'Z' &&
            !((folds & FORM) && accent)) /* composed, `tr` leaves it alone */
            c += 'a' - 'A';
        at = (folds & FORM) ? put_parts(out, at, c) : put_code(out, at, c);
    }
    out[at] = '\0';
}

/* ---- endings and beginnings ----------------------------------------------------------------- */

enum sort { MARK, DIGIT, LETTER };
static enum sort sort_of(char c) {
    if (c >= '0' && c <= '9')
        return DIGIT;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80 ? LETTER
                                                                                        : MARK;
}

/* Bytes of the last `parts` parts: each a run of letters or digits with the marks around it. 0:
 * that is all of it. A capital behind a small letter is a part, too. */
static size_t ending(const char *s, int parts) {
    size_t n = strlen(s), i = n;
    for (int k = 0; k < parts; k++) {
        while (i > 0 && sort_of(s[i - 1]) == MARK)
            i--;
        if (i == 0)
            return 0;
        enum sort sort = sort_of(s[i - 1]);
        if (i > 1 && s[i - 1] >= 'A' && s[i - 1] <= 'Z' && s[i - 2] >= 'a' && s[i - 2] <= 'z')
            i--;
        else
            while (i > 0 && sort_of(s[i - 1]) == sort)
                i--;
        while (i > 0 && sort_of(s[i - 1]) == MARK)
            i--;
    }
    return i == 0 ? 0 : n - i;
}

static size_t beginning(const char *s, int parts) {
    size_t n = strlen(s), i = 0;
    for (int k = 0; k < parts; k++) {
        while (i < n && sort_of(s[i]) == MARK)
            i++;
        enum sort sort = i < n ? sort_of(s[i]) : MARK;
        while (i < n && sort != MARK && sort_of(s[i]) == sort)
            i++;
        while (i < n && sort_of(s[i]) == MARK)
            i++;
    }
    return i == n ? 0 : i;
}

/* What many names begin or end with. "" is the first of each side. */
struct affixes {
    char text[MOST_AFFIXES][AFFIX];
    size_t n;
};

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_digit_or_control(const char *s) {
    for (; *s != '\0'; s++)
        if (sort_of(*s) == DIGIT || (unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

static void add_frequent(struct affixes *out, char **sorted, size_t n, size_t names) {
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(sorted[i], sorted[end]) == 0; end++)
            ;
        size_t count = end - i;
        bool often =
            2 * count >= names && (count > 1 || (names == 1 && !has_digit_or_control(sorted[i])));
        if (often && out->n < MOST_AFFIXES && strlen(sorted[i]) < sizeof out->text[0])
            strcpy(out->text[out->n++], sorted[i]);
    }
}

static void find_affixes(const struct pxs_names *names, unsigned folds, bool at_end,
                         struct affixes *out) {
    struct pxs_arena arena = {0};
    char **found = malloc((names->n + 1) * sizeof *found), stem[NAME];
    *out = (struct affixes){.n = 1};
    for (int parts = 1; parts <= 3 && found; parts++) {
        size_t n = 0;
        for (size_t i = 0; i < names->n; i++) {
            fold(names->name[i], folds, stem);
            size_t length = at_end ? ending(stem, parts) : beginning(stem, parts);
            const char *from = at_end ? stem + strlen(stem) - length : stem;
            char *kept = length > 0 ? pxs_arena_printf(&arena, "%.*s", (int)length, from) : NULL;
            if (kept)
                found[n++] = kept;
        }
        qsort(found, n, sizeof *found, by_text);
        add_frequent(out, found, n, names->n);
    }
    pxs_arena_finish(&arena);
    free(found);
}

/* ---- one way of making them alike ----------------------------------------------------------- */

struct way {
    unsigned folds;
    bool at_end;
    char affix[2][AFFIX]; /* of A and B; "" none */
    size_t pairs;
    int cost;
};

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Hashes of the names as this way makes them, those that are unique, sorted. */
static size_t keys_of(const struct pxs_names *names, const struct way *way, int side,
                      uint64_t *keys) {
    size_t n = 0, unique = 0, cut = strlen(way->affix[side]);
    for (size_t i = 0; i < names->n; i++) {
        char stem[NAME], *s = stem;
        fold(names->name[i], way->folds, stem);
        size_t length = strlen(s);
        if (cut > 0 && length > cut &&
            memcmp(way->at_end ? s + length - cut : s, way->affix[side], cut) == 0) {
            length -= cut;
            s += way->at_end ? 0 : cut;
        }
        uint64_t hash = 14695981039346656037u; /* FNV-1a */
        for (size_t k = 0; k < length; k++)
            hash = (hash ^ (uint8_t)s[k]) * 1099511628211u;
        if (length > 0)
            keys[n++] = hash;
    }
    qsort(keys, n, sizeof *keys, by_number);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && keys[end] == keys[i]; end++)
            ;
        if (end == i + 1)
            keys[unique++] = keys[i];
    }
    return unique;
}

static void try_way(const struct pxs_names side[2], struct way way, uint64_t *keys[2],
                    struct way *best) {
    size_t n[2], i = 0, k = 0;
    way.cost =
        __builtin_popcount(way.folds) + (way.affix[0][0] != '\0') + (way.affix[1][0] != '\0');
    for (int s = 0; s < 2; s++)
        n[s] = keys_of(&side[s], &way, s, keys[s]);
    while (i < n[0] && k < n[1]) {
        uint64_t a = keys[0][i], b = keys[1][k];
        way.pairs += a == b;
        i += a <= b;
        k += b <= a;
    }
    if (way.pairs > best->pairs ||
        (way.pairs == best->pairs && way.pairs > 0 && way.cost < best->cost))
        *best = way;
}

static void try_affixes(const struct pxs_names side[2], unsigned folds, uint64_t *keys[2],
                        struct way *best) {
    for (int at_end = 1; at_end >= 0; at_end--) {
        struct affixes found[2];
        for (int s = 0; s < 2; s++)
            find_affixes(&side[s], folds, at_end, &found[s]);
        for (size_t i = 0; i < found[0].n; i++)
            for (size_t k = 0; k < found[1].n; k++) {
                struct way way = {.folds = folds, .at_end = at_end};
                strcpy(way.affix[0], found[0].text[i]);
                strcpy(way.affix[1], found[1].text[k]);
                try_way(side, way, keys, best);
            }
    }
}

static bool find_way(const struct pxs_names all[2], struct way *best) {
    struct pxs_names side[2] = {all[0], all[1]};
    uint64_t *keys[2];
    for (int s = 0; s < 2; s++) {
        side[s].n = side[s].n < TRIED ? side[s].n : TRIED;
        keys[s] = malloc((side[s].n + 1) * sizeof *keys[s]);
    }
    for (unsigned folds = 0; folds <= ALL_FOLDS && keys[0] && keys[1]; folds++) {
        if (__builtin_popcount(folds) <= 1)
            try_affixes(side, folds, keys, best);
        else
            try_way(side, (struct way){.folds = folds}, keys, best);
    }
    size_t fewer = side[0].n < side[1].n ? side[0].n : side[1].n;
    if (2 * best->pairs < fewer && keys[0] && keys[1])
        try_affixes(side, ALL_FOLDS, keys, best);
    free(keys[0]);
    free(keys[1]);
    return best->pairs > 0 && 2 * best->pairs >= fewer;
}

/* ---- words and the shell -------------------------------------------------------------------- */

static void say_way(const struct way *way, struct pxs_text *out) {
    static const struct {
        unsigned fold;
        const char *text;
    } words[] = {{BLANKS, "without blanks"},
                 {CASE, "all in lower case"},
                 {ZEROS, "without leading zeros"},
                 {FORM, "in one Unicode form (composed, NFC; macOS writes the other)"},
                 {MARKS, "with _ for every - . and blank"}};
    const char *and = "";
    for (size_t i = 0; i < PXS_COUNT(words); i++)
        if (way->folds & words[i].fold) {
            pxs_text_addf(out, "%s%s", and, words[i].text);
            and = " and ";
        }
    const char *what = way->at_end ? "without the ending" : "without the beginning";
    for (int s = 0; s < 2; s++)
        if (way->affix[s][0] != '\0') {
            pxs_text_addf(out, "%s%s%s'%s' in %c/", and, what, what[0] != '\0' ? " " : "",
                          way->affix[s], "AB"[s]);
            and = " and ";
            what = "";
        }
}

/* Inside single quotes. */
static void add_quoted(struct pxs_text *out, const char *s) {
    for (; *s != '\0'; s++)
        pxs_text_addf(out, *s == '\'' ? "'\\''" : "%c", *s);
}

/* A pipe that makes the new name of what it is given. */
static void add_filter(struct pxs_text *out, const struct way *way, int side) {
    const char *affix = way->affix[side];
    if (way->folds & FORM)
        pxs_text_add(out, " | python3 -c \"import sys, unicodedata as u; "
                          "sys.stdout.buffer.write(u.normalize('NFC', "
                          "sys.stdin.buffer.read().decode()).encode())\"");
    if (way->folds & BLANKS)
        pxs_text_add(
            out,
            " | sed -E 's/[ \\t]|\\xc2\\xa0|\\xe3\\x80\\x80|\\xe2\\x80\\x8b|\\xef\\xbb\\xbf//g'");
    if (way->folds & CASE)
        pxs_text_add(out, " | tr A-Z a-z");
    if (way->folds & MARKS)
        pxs_text_add(out, " | sed -E ':a; s/[-. ](.*\\.)/_\\1/; ta'");
    if (way->folds & ZEROS)
        pxs_text_add(out, " | sed -E 's/(^|[^0-9])0+([0-9])/\\1\\2/g'");
    if (affix[0] == '\0')
        return;
    /* The affix as text of an extended regular expression. */
    pxs_text_add(out, way->at_end ? " | sed -E 's/" : " | sed -E 's/^");
    for (const char *c = affix; *c; c++) {
        pxs_text_add(out, strchr(".[]()*+?{}|^$\\/", *c) ? "\\" : "");
        add_quoted(out, (char[]){*c, '\0'});
    }
    pxs_text_add(out, way->at_end ? "(\\.[^.]*)$/\\1/'" : "//'");
}

/* The ending of all file names of a side that have this affix (".png"); NULL where they differ. */
static const char *common_ending(const struct pxs_names *names, const struct way *way, int side) {
    const char *common = NULL, *affix = way->affix[side];
    size_t cut = strlen(affix);
    for (size_t i = 0; i < names->n; i++) {
        const char *name = names->name[i], *dot = strrchr(name, '.');
        if (!dot || (size_t)(dot - name) < cut || memcmp(dot - cut, affix, cut) != 0)
            continue;
        if (common && strcmp(common, dot) != 0)
            return NULL;
        common = dot;
    }
    return common;
}

/* Where only an ending or a beginning is dropped, the shell does it without other programs. */
static bool add_simple_loop(struct pxs_text *out, const struct pxs_names *names,
                            const struct way *way, int side) {
    const char *affix = way->affix[side], *dot = common_ending(names, way, side);
    size_t plain =
        strspn(affix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");
    if (way->folds != 0 || affix[plain] != '\0' || (way->at_end && !dot))
        return false;
    if (way->at_end)
        pxs_text_addf(out, "for f in *%s%s; do mv -n -- \"$f\" \"${f%%%s%s}%s\"; done", affix, dot,
                      affix, dot, dot);
    else
        pxs_text_addf(out, "for f in %s*; do mv -n -- \"$f\" \"${f#%s}\"; done", affix, affix);
    return true;
}

static void add_loop(struct pxs_text *out, const char *folder, const struct pxs_names side[2],
                     int s, const struct way *way) {
    pxs_text_add(out, "(cd '");
    add_quoted(out, folder);
    pxs_text_add(out, "' && ");
    if (!add_simple_loop(out, &side[s], way, s)) {
        pxs_text_add(out, "for f in *.*; do g=$(printf %s \"$f\"");
        add_filter(out, way, s);
        pxs_text_add(out, "); [ \"$f\" = \"$g\" ] || mv -n -- \"$f\" \"$g\"; done");
    }
    pxs_text_add(out, ")");
}

bool pxs_unpaired_hint(const char *const folder[2], const struct pxs_names side[2],
                       struct pxs_text *out) {
    struct way way = {0};
    if (side[0].n == 0 || side[1].n == 0 || !find_way(side, &way))
        return false;
    bool sampled = side[0].n > TRIED || side[1].n > TRIED;
    pxs_text_addf(out, "%s%zu pairs would match ", sampled ? "of the first names, " : "",
                  way.pairs);
    say_way(&way, out);
    pxs_text_add(out, "; this renames them: ");
    const char *then = "";
    /* Both sides are folded alike, so that names that match go on matching. */
    for (int s = 0; s < 2; s++)
        if (way.folds != 0 || way.affix[s][0] != '\0') {
            pxs_text_add(out, then);
            add_loop(out, folder[s], side, s, &way);
            then = "; ";
        }
    return true;
}
