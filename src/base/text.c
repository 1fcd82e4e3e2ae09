/* Growing text. */
#include "pixsweep/base.h"

#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and the NUL. */
static bool text_reserve(struct pxs_text *t, size_t n) {
    if (t->failed)
        return false;
    if (n < t->cap - t->len) /* cap > len, or both 0 */
        return true;
    size_t need = t->len + n + 1, cap = t->cap ? t->cap : 64;
    if (need <= n) {
        t->failed = true;
        return false;
    }
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *text = realloc(t->text, cap);
    if (!text) {
        t->failed = true;
        return false;
    }
    t->text = text;
    t->cap = cap;
    return true;
}

void pxs_text_add_n(struct pxs_text *t, const char *s, size_t n) {
    if (!text_reserve(t, n))
        return;
    if (n)
        memcpy(t->text + t->len, s, n);
    t->len += n;
    t->text[t->len] = '\0';
}

void pxs_text_add(struct pxs_text *t, const char *s) {
    pxs_text_add_n(t, s, strlen(s));
}

void pxs_text_addv(struct pxs_text *t, const char *fmt, va_list ap) {
    if (t->failed)
        return;
    va_list again;
    va_copy(again, ap);
    size_t room = t->cap - t->len;
    int n = vsnprintf(room ? t->text + t->len : NULL, room, fmt, ap);
    if (n < 0) {
        t->failed = true;
    } else if ((size_t)n >= room && text_reserve(t, (size_t)n)) {
        vsnprintf(t->text + t->len, (size_t)n + 1, fmt, again);
    } else if (t->failed && room) {
        t->text[t->len] = '\0';
    }
    if (!t->failed)
        t->len += (size_t)n;
    va_end(again);
}

void pxs_text_addf(struct pxs_text *t, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    pxs_text_addv(t, fmt, ap);
    va_end(ap);
}

const char *pxs_text_str(const struct pxs_text *t) {
    return t->text ? t->text : "";
}

void pxs_text_clear(struct pxs_text *t) {
    t->len = 0;
    if (t->text)
        t->text[0] = '\0';
}

void pxs_text_finish(struct pxs_text *t) {
    free(t->text);
    *t = (struct pxs_text){0};
}
