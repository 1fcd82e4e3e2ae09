/* Quotes words of the shell commands that messages show for the user to copy. */
#include "pixsweep/base.h"

#include <stdlib.h>
#include <string.h>

/* Whether every shell reads the text as it is, at any place of a word. */
static bool is_plain(const char *text) {
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:+@%=";
    if (text[0] == '\0' || text[0] == '=')
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (((unsigned char)*c & 0x80) == 0 && !strchr(safe, *c))
            return false;
    return true;
}

/* Whether a terminal shows the text byte for byte. */
static bool is_shown(const char *text) {
    struct pxs_text clean = {0};
    pxs_text_add_clean(&clean, text, strlen(text));
    const bool same = !clean.failed && strcmp(pxs_text_str(&clean), text) == 0;
    pxs_text_finish(&clean);
    return same;
}

const char *pxs_shell_word(char buf[PXS_WORD_MAX], const char *text) {
    const bool shown = is_shown(text);
    size_t used;
    if (shown && is_plain(text)) {
        snprintf(buf, PXS_WORD_MAX, "%s", text);
        return buf;
    }
    used = (size_t)snprintf(buf, PXS_WORD_MAX, shown ? "'" : "$'");
    for (const char *c = text; *c != '\0' && used + 6 < PXS_WORD_MAX; c++) {
        char *at = buf + used;
        const size_t room = PXS_WORD_MAX - used;
        if (!shown && ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f))
            used += (size_t)snprintf(at, room, "\\x%02x", (unsigned char)*c);
        else if (*c == '\'')
            used += (size_t)snprintf(at, room, "%s", shown ? "'\\''" : "\\'");
        else
            used += (size_t)snprintf(at, room, "%s%c", *c == '\\' && !shown ? "\\" : "", *c);
    }
    snprintf(buf + used, PXS_WORD_MAX - used, "'");
    return buf;
}

void pxs_text_add_command(struct pxs_text *out, const char *fmt, ...) {
    char *word = malloc(PXS_WORD_MAX);
    va_list args;
    if (!word) {
        out->failed = true;
        return;
    }
    va_start(args, fmt);
    for (const char *at = fmt, *end; *at != '\0'; at = end) {
        end = strstr(at, "%s");
        if (end == at) {
            pxs_text_add(out, pxs_shell_word(word, va_arg(args, const char *)));
            end += 2;
            continue;
        }
        end = end ? end : at + strlen(at);
        pxs_text_add_n(out, at, (size_t)(end - at));
    }
    va_end(args);
    free(word);
}
