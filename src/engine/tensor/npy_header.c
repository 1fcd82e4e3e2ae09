/* Parses the header of a .npy file: a Python dict literal, as numpy.lib.format writes it, and
 * nothing else. */
#include "npy_priv.h"

#include <string.h>

struct cursor {
    const char *p, *end;
};

static void skip_blanks(struct cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool accept(struct cursor *c, const char *word) {
    skip_blanks(c);
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return false;
    c->p += n;
    return true;
}

/* 'text' or "text" without escapes. */
static bool read_string(struct cursor *c, char *out, size_t size) {
    skip_blanks(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"'))
        return false;
    const char *start = c->p + 1, *stop = memchr(start, *c->p, (size_t)(c->end - start));
    if (!stop || (size_t)(stop - start) >= size || memchr(start, '\\', (size_t)(stop - start)))
        return false;
    memcpy(out, start, (size_t)(stop - start));
    out[stop - start] = '\0';
    c->p = stop + 1;
    return strlen(out) == (size_t)(stop - start);
}

static bool read_dim(struct cursor *c, int64_t *out) {
    skip_blanks(c);
    const char *start = c->p;
    int64_t value = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *c->p - '0', &value))
            return false;
    if (c->p == start)
        return false;
    (void)accept(c, "L"); /* Python 2 marks long integers with it */
    *out = value;
    return true;
}

/* "()", "(3,)", "(3, 4)", "(3, 4,)". The rank may exceed PXS_MAX_RANK, so that a message can name
 * it. */
static bool read_shape(struct cursor *c, struct pxs_npy_header *h) {
    if (!accept(c, "("))
        return false;
    h->rank = 0;
    bool comma = true;
    while (!accept(c, ")")) {
        int64_t dim;
        if (!comma || !read_dim(c, &dim))
            return false;
        if (h->rank < PXS_MAX_RANK)
            h->dims[h->rank] = dim;
        h->rank++;
        comma = accept(c, ",");
    }
    return h->rank != 1 || comma; /* "(3)" is a number */
}

static bool read_descr(struct cursor *c, struct pxs_npy_header *h) {
    skip_blanks(c);
    if (c->p == c->end || *c->p != '[')
        return read_string(c, h->descr, sizeof h->descr);
    int depth = 0; /* a list of fields: skipped, and refused later as "records" */
    for (; c->p < c->end; c->p++) {
        depth += *c->p == '[';
        depth -= *c->p == ']';
        if (depth == 0)
            break;
    }
    strcpy(h->descr, "records");
    return accept(c, "]");
}

enum { SEEN_DESCR = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4 };

/* One "key: value"; returns the bit of the key, 0 where the item is not valid. */
static int read_item(struct cursor *c, struct pxs_npy_header *h) {
    char key[32];
    if (!read_string(c, key, sizeof key) || !accept(c, ":"))
        return 0;
    if (strcmp(key, "descr") == 0)
        return read_descr(c, h) ? SEEN_DESCR : 0;
    if (strcmp(key, "shape") == 0)
        return read_shape(c, h) ? SEEN_SHAPE : 0;
    if (strcmp(key, "fortran_order") != 0)
        return 0;
    h->fortran = accept(c, "True");
    return h->fortran || accept(c, "False") ? SEEN_ORDER : 0;
}

bool pxs_npy_parse_header(const char *text, size_t bytes, struct pxs_npy_header *out) {
    struct cursor c = {text, text + bytes};
    int seen = 0;
    bool comma = true;
    if (!accept(&c, "{"))
        return false;
    while (!accept(&c, "}")) {
        int bit = comma ? read_item(&c, out) : 0;
        if (bit == 0 || (seen & bit))
            return false;
        seen |= bit;
        comma = accept(&c, ",");
    }
    skip_blanks(&c);
    return c.p == c.end && seen == (SEEN_DESCR | SEEN_ORDER | SEEN_SHAPE);
}
