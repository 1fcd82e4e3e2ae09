/* The lines of a log, however long the file: a window that moves along. */
#include "lab_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_BYTES 65536
#define MOST_BYTES (64 << 20) /* longer lines are no lines of such a log */

struct pxs_lab_reader {
    FILE *file;
    char *path, *buf;
    const char *glue;
    size_t cap, have, at; /* of buf: filled up to have, read up to at */
    int64_t offset;       /* in the file, of buf[0] */
    int64_t number;       /* of the line that comes next */
    bool end;
    const char *rest; /* what is left of a split line */
    size_t rest_bytes;
    struct pxs_lab_line whole; /* that it is of */
};

/* By its mark, or by a zero byte in its first character. */
static bool is_utf16(FILE *file, int64_t offset) {
    unsigned char b[2] = {1, 1};
    if (fread(b, 1, 2, file) < 2)
        b[0] = b[1] = 1;
    clearerr(file);
    if (fseeko(file, (off_t)offset, SEEK_SET) != 0)
        return false; /* what reads on will say so */
    return offset == 0 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff) ||
                           (b[0] == 0) != (b[1] == 0));
}

enum pxs_status pxs_lab_reader_open(const char *path, int64_t offset, int64_t line,
                                    const char *glue, struct pxs_lab_reader **out,
                                    struct pxs_error *err) {
    struct pxs_lab_reader *r = calloc(1, sizeof *r);
    if (!r)
        return pxs_fail_nomem(err);
    enum pxs_status status = PXS_OK;
    int fd = -1;
    r->path = strdup(path);
    r->buf = malloc(FIRST_BYTES);
    r->cap = FIRST_BYTES;
    r->glue = glue;
    r->offset = offset;
    r->number = line > 0 ? line : 1;
    if (!r->path || !r->buf)
        status = pxs_fail_nomem(err);
    else
        status = pxs_open_read(path, &fd, err);
    if (status == PXS_OK &&
        ((r->file = fdopen(fd, "rb")) == NULL || fseeko(r->file, (off_t)offset, SEEK_SET) != 0))
        status = pxs_fail_errno(err, "cannot read %s", path);
    if (fd >= 0 && !r->file)
        close(fd);
    if (status == PXS_OK && is_utf16(r->file, offset))
        status = pxs_fail(
            err, PXS_E_CORRUPT,
            "%s is UTF-16, as Windows PowerShell writes it behind `>`: `iconv -f "
            "UTF-16 -t UTF-8 '%s' > NEW` makes a file that can be read; put it in its place",
            path, path);
    if (status != PXS_OK)
        pxs_lab_reader_close(&r);
    else
        *out = r;
    return status;
}

void pxs_lab_reader_close(struct pxs_lab_reader **reader) {
    if (!reader || *reader == NULL)
        return;
    struct pxs_lab_reader *r = *reader;
    if (r->file)
        fclose(r->file);
    free(r->path);
    free(r->buf);
    free(r);
    *reader = NULL;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* Makes room behind what is not read yet, and fills it. */
static enum pxs_status fill(struct pxs_lab_reader *r, struct pxs_error *err) {
    memmove(r->buf, r->buf + r->at, r->have - r->at);
    r->offset += (int64_t)r->at;
    r->have -= r->at;
    r->at = 0;
    if (r->have == r->cap) {
        char *grown = realloc(r->buf, 2 * r->cap);
        if (!grown)
            return pxs_fail_nomem(err);
        r->buf = grown;
        r->cap *= 2;
    }
    const size_t n = fread(r->buf + r->have, 1, r->cap - r->have, r->file);
    if (n == 0 && ferror(r->file))
        return pxs_fail_errno(err, "cannot read %s", r->path);
    r->end = n == 0;
    r->have += n;
    return PXS_OK;
}

/* Forgets the rest of a line that is longer than any. */
static enum pxs_status skip(struct pxs_lab_reader *r, struct pxs_error *err) {
    const size_t kept = r->at; /* what the caller shows of it */
    for (;;) {
        const char *newline = memchr(r->buf + kept, '\n', r->have - kept);
        if (newline || r->end) {
            r->at = newline ? (size_t)(newline - r->buf) + 1 : r->have;
            return PXS_OK;
        }
        r->offset += (int64_t)(r->have - kept);
        const size_t n = fread(r->buf + kept, 1, r->cap - kept, r->file);
        if (n == 0 && ferror(r->file))
            return pxs_fail_errno(err, "cannot read %s", r->path);
        r->end = n == 0;
        r->have = kept + n;
    }
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The next line, blank or not; *more false at the end. */
static enum pxs_status next_raw(struct pxs_lab_reader *r, struct pxs_lab_line *line, bool *more,
                                struct pxs_error *err) {
    const char *newline;
    size_t looked = 0;
    while ((newline = memchr(r->buf + r->at + looked, '\n', r->have - r->at - looked)) == NULL &&
           !r->end && r->have - r->at < MOST_BYTES) {
        looked = r->have - r->at;
        PXS_TRY(fill(r, err));
    }
    *more = r->have > r->at;
    if (!*more)
        return PXS_OK;
    const size_t n = newline ? (size_t)(newline - r->buf) - r->at : r->have - r->at;
    *line = (struct pxs_lab_line){.text = r->buf + r->at,
                                  .bytes = n,
                                  .number = r->number++,
                                  .begin = r->offset + (int64_t)r->at,
                                  .torn = !newline && r->end,
                                  .too_long = !newline && !r->end};
    r->at += n + (newline != NULL);
    if (line->too_long) {
        line->bytes = 256;
        r->at = (size_t)(line->text - r->buf) + line->bytes;
        PXS_TRY(skip(r, err));
    }
    line->behind = r->offset + (int64_t)r->at;
    return PXS_OK;
}

static void clean(struct pxs_lab_line *line) {
    static const char mark[] = "\xef\xbb\xbf";
    if (line->begin == 0 && line->bytes >= 3 && memcmp(line->text, mark, 3) == 0) {
        line->text += 3;
        line->bytes -= 3;
    }
    while (line->bytes > 0 &&
           (line->text[line->bytes - 1] == '\r' || line->text[line->bytes - 1] == ' ' ||
            line->text[line->bytes - 1] == '\t'))
        line->bytes--;
    while (line->bytes > 0 &&
           (line->text[0] == '\r' || line->text[0] == ' ' || line->text[0] == '\t')) {
        line->text++;
        line->bytes--;
    }
}

enum pxs_status pxs_lab_reader_next(struct pxs_lab_reader *r, struct pxs_lab_line *line, bool *more,
                                    struct pxs_error *err) {
    *more = true;
    if (r->rest_bytes == 0) {
        do {
            PXS_TRY(next_raw(r, &r->whole, more, err));
            if (!*more)
                return PXS_OK;
            clean(&r->whole);
        } while (r->whole.bytes == 0);
        r->rest = r->whole.text;
        r->rest_bytes = r->whole.bytes;
    }

    /* A dying process may have left a torn line, with the text of the next one behind it. */
    const char *split = NULL;
    if (!r->whole.too_long && r->glue && r->rest_bytes > 1)
        split = memmem(r->rest + 1, r->rest_bytes - 1, r->glue, strlen(r->glue));
    *line = r->whole;
    line->text = r->rest;
    line->begin = r->rest == r->whole.text ? r->whole.begin : r->offset + (r->rest - r->buf);
    line->bytes = split ? (size_t)(split - r->rest) : r->rest_bytes;
    if (split)
        line->behind = r->offset + (split - r->buf);
    r->rest_bytes -= line->bytes;
    r->rest = split;
    return PXS_OK;
}
