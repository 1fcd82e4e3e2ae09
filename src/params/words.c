/* Small helpers for messages: spelling, quoting, UTF-8. */
#include "params_priv.h"

#include <string.h>

#define WORD_MAX 63
#define QUOTED_MAX 60

static void lower_word(char out[WORD_MAX + 1], const char *word) {
    size_t n = 0;
    for (; word[n] && n < WORD_MAX; n++)
        out[n] = word[n] >= 'A' && word[n] <= 'Z' ? (char)(word[n] + 32) : word[n];
    out[n] = '\0';
}

const char *pxs_nearest_word(const char *word, const char *const *words, size_t n) {
    char wanted[WORD_MAX + 1], candidate[WORD_MAX + 1];
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX)
        return NULL;
    lower_word(wanted, word);
    const char *nearest = NULL;
    size_t best = 2 + length / 4; /* one slip in a short word, one more for every four letters */
    for (size_t i = 0; i < n; i++) {
        lower_word(candidate, words[i]);
        size_t distance = pxs_edit_distance(wanted, candidate);
        if (length >= 4 && distance > 1 && strncmp(wanted, candidate, length) == 0)
            distance = 1; /* "lambda" begins lambda_pixel */
        if (distance < best && distance < strlen(candidate)) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

void pxs_text_add_quoted(struct pxs_text *out, const char *text) {
    size_t n = strlen(text), at = 0;
    pxs_text_add(out, "'");
    while (at < n && at < QUOTED_MAX) {
        uint32_t code = 0;
        size_t length = pxs_utf8_decode(text + at, n - at, &code);
        if (length == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
            pxs_text_add(out, "?");
        else
            pxs_text_add_n(out, text + at, length);
        at += length ? length : 1;
    }
    pxs_text_add(out, at < n ? "...'" : "'");
}
