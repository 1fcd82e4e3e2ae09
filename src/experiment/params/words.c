/* Small helpers for messages: spelling, quoting, UTF-8. */
#include "params_priv.h"

#include <string.h>

#define WORD_MAX 255
#define QUOTED_MAX 60

static void lower_word(char out[WORD_MAX + 1], const char *word) {
    size_t n = 0;
    for (; word[n] && n < WORD_MAX; n++)
        out[n] = word[n] >= 'A' && word[n] <= 'Z' ? (char)(word[n] + 32) : word[n];
    out[n] = '\0';
}

/* The same letters in another order. */
static bool is_shuffled(const char *a, const char *b) {
    int count[256] = {0};
    for (; *a; a++)
        count[(unsigned char)*a]++;
    for (; *b; b++)
        count[(unsigned char)*b]--;
    for (int i = 0; i < 256; i++)
        if (count[i])
            return false;
    return true;
}

const char *pxs_nearest_word(const char *word, const char *const *words, size_t n) {
    char wanted[WORD_MAX + 1], candidate[WORD_MAX + 1];
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX)
        return NULL;
    lower_word(wanted, word);
    const char *nearest = NULL;
    /* One slip, one more for every three letters from the sixth on; more would be guessing. */
    size_t most = length < 6 ? 1 : length < 12 ? length / 3 : 4, best = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        lower_word(candidate, words[i]);
        size_t distance = pxs_edit_distance(wanted, candidate);
        /* "lambda" begins lambda_pixel */
        bool begins = length >= 3 && strncmp(wanted, candidate, length) == 0;
        if (!begins && (distance > most || distance >= strlen(candidate)))
            continue;
        /* The beginning of a word before any slip, the shortest such word first; a swap before
         * another letter. */
        size_t rank = begins ? distance : WORD_MAX + 2 * distance + !is_shuffled(wanted, candidate);
        if (rank < best) {
            best = rank;
            nearest = words[i];
        }
    }
    return nearest;
}

bool pxs_is_utf8(const char *text) {
    size_t n = strlen(text), length;
    for (size_t at = 0; at < n; at += length)
        if ((length = pxs_utf8_decode(text + at, n - at, NULL)) == 0)
            return false;
    return true;
}

enum pxs_status pxs_fail_not_utf8(struct pxs_error *err, const char *what, const char *path) {
    struct pxs_text shown = {0};
    size_t n = strlen(path), length;
    for (size_t at = 0; at < n; at += length) {
        length = pxs_utf8_decode(path + at, n - at, NULL);
        if (length)
            pxs_text_add_n(&shown, path + at, length);
        else
            pxs_text_addf(&shown, "\\x%02x", (unsigned char)path[at]);
        length = length ? length : 1;
    }
    pxs_fail(err, PXS_E_INVALID,
             "%s: the path is not UTF-8, so that neither config.yaml nor the database can hold it; "
             "rename that folder (`convmv` renames many): %s",
             what, pxs_text_str(&shown));
    pxs_text_finish(&shown);
    return PXS_E_INVALID;
}

void pxs_text_add_quoted(struct pxs_text *out, const char *text) {
    const size_t n = strlen(text);
    size_t at = 0;
    while (at < n && at < QUOTED_MAX) {
        const size_t length = pxs_utf8_decode(text + at, n - at, NULL);
        at += length > 0 ? length : 1;
    }
    pxs_text_add(out, "'");
    pxs_text_add_clean(out, text, at);
    pxs_text_add(out, at < n ? "...'" : "'");
}
