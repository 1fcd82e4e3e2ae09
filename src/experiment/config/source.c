/* A file's text: read, checked to be UTF-8 text, cut into lines as YAML does. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *pxs_source_line(const struct pxs_source *source, size_t line, size_t *bytes) {
    *bytes = 0;
    if (line == 0 || line > source->n_lines)
        return "";
    size_t begin = source->lines[line - 1];
    size_t end = line < source->n_lines ? source->lines[line] : source->bytes;
    while (end > begin && (source->text[end - 1] == '\n' || source->text[end - 1] == '\r'))
        end--;
    *bytes = end - begin;
    return source->text + begin;
}

/* Bytes of the line break at `at`, 0 if there is none. YAML 1.1, which libyaml reads, has three
 * more than text editors know. */
static size_t line_break(const struct pxs_source *s, size_t at) {
    const unsigned char *p = (const unsigned char *)s->text + at;
    if (p[0] == '\r')
        return p[1] == '\n' ? 2 : 1;
    if (p[0] == '\n')
        return 1;
    if (p[0] == 0xc2 && p[1] == 0x85)
        return 2;
    return p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9) ? 3 : 0;
}

static bool cut_into_lines(struct pxs_config *c, struct pxs_diags *d, struct pxs_source *s) {
    size_t n = 1;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && !(s->lines = pxs_config_alloc(c, d, n * sizeof *s->lines)))
            return false;
        n = 1;
        for (size_t at = 0; at < s->bytes;) {
            size_t length = line_break(s, at);
            at += length ? length : 1;
            if (length && pass == 1)
                s->lines[n] = at;
            n += length > 0;
        }
    }
    s->n_lines = n;
    return true;
}

/* What YAML allows as characters. */
static bool is_printable(uint32_t code) {
    return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code < 0x7f) ||
           code == 0x85 || (code >= 0xa0 && code != 0xfeff && code != 0xfffe && code != 0xffff);
}

void pxs_source_place(const struct pxs_source *s, size_t offset, size_t *line, size_t *column) {
    *line = 1;
    while (*line < s->n_lines && s->lines[*line] <= offset)
        ++*line;
    *column = 1;
    for (size_t at = s->lines[*line - 1]; at < offset; ++*column) {
        size_t length = pxs_utf8_decode(s->text + at, s->bytes - at, NULL);
        at += length ? length : 1;
    }
}

static bool check_characters(struct pxs_diags *d, const struct pxs_source *s) {
    const char *zero = memchr(s->text, 0, s->bytes);
    if (zero) {
        pxs_diag_at(d, s, 0, 0, "this is not a text file: it has a zero byte at offset %zu",
                    (size_t)(zero - s->text));
        return false;
    }
    for (size_t at = 0; at < s->bytes;) {
        uint32_t code = 0;
        size_t length = pxs_utf8_decode(s->text + at, s->bytes - at, &code), line, column;
        if (length && is_printable(code)) {
            at += length;
            continue;
        }
        pxs_source_place(s, at, &line, &column);
        if (code == 0xfeff)
            pxs_diag_at(d, s, line, column,
                        "a byte order mark, which is invisible, (U+FEFF) stands here, behind the "
                        "file's beginning: delete it");
        else if (length)
            pxs_diag_at(d, s, line, column, "the character U+%04X cannot stand in YAML",
                        (unsigned)code);
        else
            pxs_diag_at(d, s, line, column, "byte 0x%02x is not UTF-8: save the file as UTF-8",
                        (unsigned char)s->text[at]);
        return false;
    }
    return true;
}

static bool strip_byte_order_mark(struct pxs_diags *d, struct pxs_source *s) {
    if (s->bytes >= 2 &&
        (memcmp(s->text, "\xff\xfe", 2) == 0 || memcmp(s->text, "\xfe\xff", 2) == 0)) {
        pxs_diag_at(d, s, 0, 0, "this is UTF-16: save the file as UTF-8");
        return false;
    }
    if (s->bytes >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0) {
        memmove(s->text, s->text + 3, s->bytes - 2); /* with the NUL */
        s->bytes -= 3;
    }
    return true;
}

static struct pxs_source *source_new(struct pxs_config *c, struct pxs_diags *d, const char *name) {
    struct pxs_source *s = pxs_config_alloc(c, d, sizeof *s);
    struct pxs_source **all = realloc(c->sources, (c->n_sources + 1) * sizeof *all);
    if (all)
        c->sources = all;
    struct pxs_text shown = {0};
    pxs_text_add_clean(&shown, name, strlen(name));
    if (!s || !all || shown.failed ||
        !(s->name = pxs_arena_strdup(&c->arena, pxs_text_str(&shown)))) {
        pxs_text_finish(&shown);
        d->nomem = true;
        return NULL;
    }
    pxs_text_finish(&shown);
    return c->sources[c->n_sources++] = s;
}

static bool read_text(struct pxs_diags *d, struct pxs_source *s, const struct pxs_node *from) {
    struct pxs_error err = {0};
    enum pxs_status status = pxs_read_file(s->path, PXS_FILE_MAX, &s->text, &s->bytes, &err);
    if (status == PXS_OK)
        return true;
    struct stat info;
    const char *reason = strrchr(err.message, ':'); /* what the system says stands last */
    const bool file = stat(s->path, &info) == 0 && S_ISREG(info.st_mode);
    char near[PXS_PATH_MAX];
    const bool there = status == PXS_E_NOT_FOUND && pxs_config_near_file(s->name, near);
    if (status == PXS_E_NOMEM)
        d->nomem = true;
    else if (status == PXS_E_INVALID && file)
        pxs_diag_at(d, s, 0, 0, "too large: an experiment file has at most %d MB",
                    PXS_FILE_MAX >> 20);
    else if (status == PXS_E_INVALID && from)
        pxs_diag_text(d, from, "extends takes a file's path, and this is none: %s", err.message);
    else if (status == PXS_E_INVALID)
        pxs_diag_at(d, s, 0, 0,
                    "an experiment is read from a file, since the relative paths in it belong to "
                    "its folder: save it to one and name that");
    else if (from)
        pxs_diag_text(d, from, "cannot read %s%s%s%s", s->name, reason ? reason : "",
                      there ? "; there is " : "", there ? near : "");
    else
        pxs_diag_at(d, s, 0, 0, "cannot read this file%s%s%s", reason ? reason : "",
                    there ? "; there is " : "", there ? near : "");
    d->status = from ? d->status : status;
    return false;
}

struct pxs_source *pxs_source_read(struct pxs_config *c, struct pxs_diags *d, const char *name,
                                   const char *path, const struct pxs_node *from) {
    char dir[PXS_PATH_MAX];
    struct pxs_source *s = source_new(c, d, name);
    if (!s)
        return NULL;
    s->path = pxs_arena_strdup(&c->arena, path);
    s->dir = pxs_path_dir(dir, sizeof dir, path) ? pxs_arena_strdup(&c->arena, dir) : NULL;
    if (!s->path || !s->dir) {
        d->nomem = true;
        return NULL;
    }
    if (!read_text(d, s, from) || !strip_byte_order_mark(d, s) || !cut_into_lines(c, d, s) ||
        !check_characters(d, s))
        return NULL;
    return s;
}

struct pxs_source *pxs_source_of_text(struct pxs_config *c, struct pxs_diags *d, const char *name,
                                      const char *text) {
    struct pxs_source *s = source_new(c, d, name);
    if (!s)
        return NULL;
    s->text = strdup(text); /* as a file's text: freed with the sources */
    s->bytes = s->text ? strlen(s->text) : 0;
    d->nomem = d->nomem || !s->text;
    return s->text && cut_into_lines(c, d, s) ? s : NULL;
}

struct pxs_source *pxs_source_of_set(struct pxs_config *c, struct pxs_diags *d,
                                     const char *option) {
    struct pxs_text name = {0};
    const char *equals = strchr(option, '=');
    pxs_text_addf(&name, "--set %s", option);
    struct pxs_source *s = pxs_source_of_text(c, d, pxs_text_str(&name), equals ? equals + 1 : "");
    d->nomem = d->nomem || name.failed;
    pxs_text_finish(&name);
    if (s)
        s->is_set = true;
    return s;
}
