/* Characters that look like those of YAML's syntax and are not: what input methods, word processors
 * and web pages put in place of ':', ',', brackets, quotes, '#', '-', digits and blanks. In quotes,
 * comments, paths and names they are text like any other. */
#include "config_priv.h"

#include <string.h>

enum sort { NONE, COLON, COMMA, OPEN, CLOSE, QUOTE, HASH, DASH, POINT, OTHER, BLANK, INVISIBLE };

struct lookalike {
    enum sort sort;
    char ascii; /* what is to be typed; 0 for INVISIBLE */
};

static const struct {
    uint32_t first, last;
    enum sort sort;
    char ascii;
} table[] = {
    {0x00a0, 0x00a0, BLANK, ' '},   {0x1680, 0x1680, BLANK, ' '},   {0x2000, 0x200a, BLANK, ' '},
    {0x202f, 0x202f, BLANK, ' '},   {0x205f, 0x205f, BLANK, ' '},   {0x2800, 0x2800, BLANK, ' '},
    {0x3000, 0x3000, BLANK, ' '},   {0x3164, 0x3164, BLANK, ' '},   {0x00ad, 0x00ad, INVISIBLE, 0},
    {0x061c, 0x061c, INVISIBLE, 0}, {0x180e, 0x180e, INVISIBLE, 0}, {0x200b, 0x200f, INVISIBLE, 0},
    {0x202a, 0x202e, INVISIBLE, 0}, {0x2060, 0x206f, INVISIBLE, 0}, {0xfe00, 0xfe0f, INVISIBLE, 0},
    {0xfeff, 0xfeff, INVISIBLE, 0}, {0xff1a, 0xff1a, COLON, ':'},   {0xfe55, 0xfe55, COLON, ':'},
    {0xfe13, 0xfe13, COLON, ':'},   {0x2236, 0x2236, COLON, ':'},   {0xa789, 0xa789, COLON, ':'},
    {0x02d0, 0x02d0, COLON, ':'},   {0xff0c, 0xff0c, COMMA, ','},   {0x3001, 0x3001, COMMA, ','},
    {0xfe50, 0xfe51, COMMA, ','},   {0xff64, 0xff64, COMMA, ','},   {0x060c, 0x060c, COMMA, ','},
    {0xfe10, 0xfe11, COMMA, ','},   {0x3010, 0x3010, OPEN, '['},    {0x3011, 0x3011, CLOSE, ']'},
    {0xff3b, 0xff3b, OPEN, '['},    {0xff3d, 0xff3d, CLOSE, ']'},   {0x3014, 0x3014, OPEN, '['},
    {0x3015, 0x3015, CLOSE, ']'},   {0x3016, 0x3016, OPEN, '['},    {0x3017, 0x3017, CLOSE, ']'},
    {0xff5b, 0xff5b, OPEN, '{'},    {0xff5d, 0xff5d, CLOSE, '}'},   {0xfe5b, 0xfe5b, OPEN, '{'},
    {0xfe5c, 0xfe5c, CLOSE, '}'},   {0x201c, 0x201f, QUOTE, '"'},   {0xff02, 0xff02, QUOTE, '"'},
    {0x00ab, 0x00ab, QUOTE, '"'},   {0x00bb, 0x00bb, QUOTE, '"'},   {0x2033, 0x2033, QUOTE, '"'},
    {0x300c, 0x300f, QUOTE, '"'},   {0x301d, 0x301f, QUOTE, '"'},   {0xfe41, 0xfe44, QUOTE, '"'},
    {0xff62, 0xff63, QUOTE, '"'},   {0x2018, 0x201b, QUOTE, '\''},  {0xff07, 0xff07, QUOTE, '\''},
    {0x2032, 0x2032, QUOTE, '\''},  {0x2039, 0x203a, QUOTE, '\''},  {0x00b4, 0x00b4, QUOTE, '\''},
    {0xff03, 0xff03, HASH, '#'},    {0xfe5f, 0xfe5f, HASH, '#'},    {0xff0d, 0xff0d, DASH, '-'},
    {0x2010, 0x2015, DASH, '-'},    {0x2212, 0x2212, DASH, '-'},    {0xfe63, 0xfe63, DASH, '-'},
    {0xfe58, 0xfe58, DASH, '-'},    {0x2022, 0x2022, DASH, '-'},    {0x2043, 0x2043, DASH, '-'},
    {0x30fc, 0x30fc, DASH, '-'},    {0xff0e, 0xff0e, POINT, '.'},   {0x3002, 0x3002, POINT, '.'},
    {0xff61, 0xff61, POINT, '.'},   {0x00b7, 0x00b7, POINT, '.'},   {0x2024, 0x2024, POINT, '.'},
};

/* Digits of other scripts, from their zero on. */
static const uint32_t zeros[] = {0x0660,  0x06f0,  0x0966,  0x1d7ce,
                                 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6};

static struct lookalike of(uint32_t code) {
    for (size_t i = 0; i < PXS_COUNT(table); i++)
        if (code >= table[i].first && code <= table[i].last)
            return (struct lookalike){table[i].sort, table[i].ascii};
    if (code >= 0xff01 && code <= 0xff5e) /* the full-width forms of ASCII */
        return (struct lookalike){OTHER, (char)(code - 0xfee0)};
    for (size_t i = 0; i < PXS_COUNT(zeros); i++)
        if (code >= zeros[i] && code < zeros[i] + 10)
            return (struct lookalike){OTHER, (char)('0' + (code - zeros[i]))};
    return (struct lookalike){NONE, 0};
}

bool pxs_is_invisible(uint32_t code) {
    return of(code).sort == INVISIBLE;
}

static void describe(uint32_t code, const char *character, size_t bytes, struct pxs_text *out) {
    static const char *const words[] = {
        [COLON] = "colon",          [COMMA] = "comma",      [OPEN] = "bracket", [CLOSE] = "bracket",
        [QUOTE] = "quotation mark", [HASH] = "number sign", [DASH] = "dash",    [POINT] = "point"};
    const struct lookalike l = of(code);
    const char *kind = code >= 0xff01 && code <= 0xff60 ? "full-width" : "typographic";
    if (code == ':') {
        pxs_text_add(out, "a space is missing behind this ':'");
    } else if (code == '\t') {
        pxs_text_add(out, "a tab cannot stand here: indent with spaces");
    } else if (l.sort == BLANK) {
        pxs_text_addf(out, "this blank is %s (U+%04X): type a space",
                      code == 0x3000   ? "full-width"
                      : code == 0x00a0 ? "a no-break space"
                                       : "no ordinary space",
                      (unsigned)code);
    } else if (l.sort == INVISIBLE) {
        pxs_text_addf(out, "%s (U+%04X) stands here: delete it",
                      code == 0xfeff ? "a byte order mark, which is invisible,"
                                     : "an invisible character",
                      (unsigned)code);
    } else if (l.sort == OTHER) {
        pxs_text_addf(out, "this '%.*s' is %s: type '%c'", (int)bytes, character,
                      code >= 0xff01 && code <= 0xff5e ? "full-width" : "a digit of another script",
                      l.ascii);
    } else {
        pxs_text_addf(out, "this %s is the %s '%.*s': type ", words[l.sort], kind, (int)bytes,
                      character);
        pxs_text_addf(out, l.ascii == '\'' ? "%c" : "'%c'", l.ascii);
        pxs_text_add(out, l.sort == COLON ? " and a space" : "");
    }
}

/* ---- reporting ------------------------------------------------------------------------------ */

static void report_at(struct pxs_diags *d, const struct pxs_source *s, size_t offset,
                      const char *remark) {
    struct pxs_text text = {0};
    uint32_t code = 0;
    size_t line, column, bytes = pxs_utf8_decode(s->text + offset, s->bytes - offset, &code);
    pxs_source_place(s, offset, &line, &column);
    describe(code, s->text + offset, bytes, &text);
    pxs_diag_at(d, s, line, column, "%s%s", pxs_text_str(&text), remark);
    pxs_text_finish(&text);
}

/* Where a node's plain text is in its source; false for what is not there, such as the key of a
 * --set. */
static bool offset_of(const struct pxs_node *node, size_t *offset) {
    const struct pxs_source *s = node->source;
    if (node->line < 1 || (size_t)node->line > s->n_lines)
        return false;
    size_t at = s->lines[node->line - 1];
    for (int column = 1; column < node->column && at < s->bytes; column++) {
        size_t length = pxs_utf8_decode(s->text + at, s->bytes - at, NULL);
        at += length ? length : 1;
    }
    *offset = at;
    return at < s->bytes;
}

/* Reports what the character at `in_text` of a node's text is, at the character's place. */
static void report_in_node(struct pxs_diags *d, const struct pxs_node *node, const char *in_text,
                           const char *remark) {
    const struct pxs_source *s = node->source;
    char needle[5] = "";
    uint32_t code = 0;
    size_t nth = 0, offset = 0, bytes = pxs_utf8_decode(in_text, strlen(in_text), &code);
    memcpy(needle, in_text, bytes);
    for (const char *p = node->text; p < in_text; p++)
        nth += strncmp(p, needle, bytes) == 0;
    /* The nth occurrence in the source: plain scalars differ from it only in line breaks. */
    const char *found = offset_of(node, &offset) ? strstr(s->text + offset, needle) : NULL;
    while (found && nth-- > 0)
        found = strstr(found + bytes, needle);
    if (found) {
        report_at(d, s, (size_t)(found - s->text), remark);
        return;
    }
    struct pxs_text text = {0};
    describe(code, needle, bytes, &text);
    pxs_diag_at(d, s, (size_t)node->line, (size_t)node->column, "%s%s", pxs_text_str(&text),
                remark);
    pxs_text_finish(&text);
}

/* ---- in a value or key that is wrong -------------------------------------------------------- */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The ':' of "ngf:4"; NULL where there is none, nor in "http://..." */
static const char *tight_colon(const char *text) {
    const char *p = text;
    while (is_letter(*p))
        p++;
    return p > text && !(*text >= '0' && *text <= '9') && *p == ':' && p[1] &&
                   !strchr(" \t\r\n/\\", p[1])
               ? p
               : NULL;
}

bool pxs_explain_lookalike(struct pxs_diags *d, const struct pxs_node *node) {
    if (node->kind != PXS_NODE_SCALAR || node->quoted || !node->text)
        return false;
    const char *colon = tight_colon(node->text);
    size_t n = strlen(node->text), length;
    for (size_t at = 0; at < n; at += length) {
        uint32_t code = 0;
        length = pxs_utf8_decode(node->text + at, n - at, &code);
        if (length && of(code).sort != NONE) {
            report_in_node(d, node, node->text + at, "");
            return true;
        }
        length = length ? length : 1;
    }
    if (colon)
        report_in_node(d, node, colon, "");
    return colon;
}

/* The colon in "data ngf:4", where a deeper second line was meant to be a key by itself; NULL where
 * the text is one line. */
static const char *folded_key(const struct pxs_node *node) {
    size_t offset = 0;
    if (node->source->is_set || !offset_of(node, &offset) ||
        strncmp(node->source->text + offset, node->text, strlen(node->text)) == 0)
        return NULL;
    for (const char *word = strchr(node->text, ' '); word; word = strchr(word, ' ')) {
        const char *p = ++word;
        uint32_t code = 0;
        while (is_letter(*p))
            p++;
        if (tight_colon(word))
            return tight_colon(word);
        if (p > word && *p && pxs_utf8_decode(p, strlen(p), &code) && of(code).sort == COLON)
            return p;
    }
    return NULL;
}

bool pxs_check_plain_text(struct pxs_diags *d, const struct pxs_node *node) {
    static const char belongs[] = "; what belongs to the text goes in ASCII quotes with it";
    if (node->kind != PXS_NODE_SCALAR || node->quoted || !node->text[0])
        return true;
    const char *key = folded_key(node);
    if (key) {
        report_in_node(d, node, key, "");
        return false;
    }
    size_t n = strlen(node->text), last = 0, length;
    enum sort first_sort = NONE, last_sort = NONE;
    for (size_t at = 0; at < n; at += length) {
        uint32_t code = 0;
        length = pxs_utf8_decode(node->text + at, n - at, &code);
        enum sort sort = length ? of(code).sort : NONE;
        if (sort == HASH && at > 0 && node->text[at - 1] == ' ') {
            report_in_node(d, node, node->text + at, belongs);
            return false;
        }
        first_sort = at == 0 ? sort : first_sort;
        last_sort = sort;
        last = at;
        length = length ? length : 1;
    }
    const bool quotes = first_sort == QUOTE && last_sort == QUOTE && last > 0;
    if (quotes || first_sort == BLANK || first_sort == INVISIBLE)
        report_in_node(d, node, node->text, belongs);
    else if (last_sort == BLANK || last_sort == INVISIBLE)
        report_in_node(d, node, node->text + last, belongs);
    else
        return true;
    return false;
}

/* ---- in text that is no YAML ---------------------------------------------------------------- */

/* Reads a text roughly as YAML does: where words begin, what stands in quotes, comments and block
 * texts. */
struct scan {
    struct pxs_diags *d;
    const struct pxs_source *s;
    size_t at, end;      /* in the current line */
    size_t word;         /* where the current word began */
    int flow;            /* open brackets, lookalikes too */
    char quote;          /* open, at the end of a line too; 0 = none */
    bool starts;         /* a word would begin here, ... */
    bool key;            /* ... and could be a key */
    bool plain;          /* from the word's beginning only letters, digits and _ so far */
    bool fancy_quote;    /* one has been reported in this line */
    size_t block_indent; /* of the key whose block text (| or >) this is; SIZE_MAX = none */
    size_t found;
};

static void found_at(struct scan *c, size_t offset) {
    report_at(c->d, c->s, offset, "");
    c->found++;
}

static void begin_word(struct scan *c, bool key) {
    c->starts = true;
    c->key = key;
    c->plain = true;
    c->word = c->at;
}

static bool blank_at(const struct scan *c, size_t at) {
    return at >= c->end || c->s->text[at] == ' ' || c->s->text[at] == '\t';
}

static void skip_quoted(struct scan *c) {
    const char *t = c->s->text;
    while (c->at < c->end) {
        if (c->quote == '"' && t[c->at] == '\\') {
            c->at += 2;
        } else if (t[c->at] == c->quote && c->quote == '\'' && c->at + 1 < c->end &&
                   t[c->at + 1] == '\'') {
            c->at += 2;
        } else if (t[c->at++] == c->quote) {
            c->quote = 0;
            return;
        }
    }
}

/* Whether the current word is the key of a path, a name or a command, which may have any
 * character. */
static bool has_free_text(const struct scan *c) {
    static const char *const keys[] = {"dataset", "init_from", "name", "extends", "on_done"};
    const size_t n = c->at - c->word;
    for (size_t i = 0; i < PXS_COUNT(keys); i++)
        if (strlen(keys[i]) == n && memcmp(c->s->text + c->word, keys[i], n) == 0)
            return true;
    return false;
}

/* One ASCII character that is neither blank nor comment. */
static void scan_ascii(struct scan *c) {
    const char ch = c->s->text[c->at];
    const bool started = c->starts;
    const size_t next = c->at + 1;
    c->starts = false;
    if (started && (ch == '"' || ch == '\'')) {
        c->quote = ch;
        c->at = next;
        skip_quoted(c);
        c->plain = false;
        return;
    }
    if (ch == ':' && c->plain && c->key && c->at > c->word && !blank_at(c, next) &&
        !strchr("/\\", c->s->text[next]) && (unsigned char)c->s->text[next] < 0x80) {
        found_at(c, c->at);
        c->plain = false;
    }
    if (ch == ':' && c->key && c->flow == 0 && blank_at(c, next) && has_free_text(c)) {
        c->at = next + strspn(c->s->text + next, " ");
        begin_word(c, false);
        /* The text goes up to where a comment begins. */
        if (c->at < c->end && !strchr("\"'#", c->s->text[c->at])) {
            const char *hash = memmem(c->s->text + c->at, c->end - c->at, " \xef\xbc\x83", 4);
            c->at = hash ? (size_t)(hash + 1 - c->s->text) : c->end;
        }
        return;
    }
    c->at = next;
    if ((ch == '[' || ch == '{') && started)
        c->flow++;
    else if ((ch == ']' || ch == '}') && c->flow > 0)
        c->flow--;
    if ((ch == '[' && started) || (ch == '{' && started) || (ch == ',' && c->flow > 0))
        begin_word(c, true);
    else if ((ch == ':' || (ch == '-' && started && c->key)) && blank_at(c, next))
        begin_word(c, ch == '-');
    else if (!is_letter(ch) && ch != ':')
        c->plain = false;
}

/* Whether the character that the lookalike resembles would be syntax here. */
static bool counts(const struct scan *c, enum sort sort, size_t next) {
    const char *t = c->s->text;
    const bool key_so_far = c->key && c->plain && c->at > c->word;
    const bool behind_key = key_so_far && t[c->at - 1] == ':';
    const bool behind_quote = c->key && c->at > c->word && strchr("\"'", t[c->at - 1]);
    switch (sort) {
    case COLON:
        return key_so_far || behind_quote;
    case COMMA:
    case CLOSE:
        return c->flow > 0;
    case OPEN:
        return c->starts;
    case QUOTE:
        return c->starts || c->fancy_quote;
    case HASH:
        return c->starts || (c->at > 0 && t[c->at - 1] == ' ');
    case DASH:
        return c->starts && c->key && (blank_at(c, next) || (unsigned char)t[next] >= 0x80);
    case BLANK:
        return c->starts || behind_key || next >= c->end || (key_so_far && t[next] == ':');
    case INVISIBLE:
        return c->starts || key_so_far;
    default:
        return false;
    }
}

static void scan_other(struct scan *c) {
    uint32_t code = 0;
    size_t length = pxs_utf8_decode(c->s->text + c->at, c->end - c->at, &code);
    const enum sort sort = length ? of(code).sort : NONE;
    const size_t next = c->at + (length ? length : 1);
    if (sort == NONE || !counts(c, sort, next)) {
        c->starts = false;
        c->plain = false;
        c->at = next;
        return;
    }
    const bool key = c->key;
    found_at(c, c->at);
    c->at = next;
    c->fancy_quote = c->fancy_quote || sort == QUOTE;
    c->flow += sort == OPEN ? 1 : sort == CLOSE ? -1 : 0;
    if (sort == HASH)
        c->at = c->end;
    else if (sort == COMMA || sort == OPEN || sort == DASH || sort == COLON)
        begin_word(c, sort != COLON);
    else if (sort == BLANK && c->starts)
        begin_word(c, key);
    else if (sort == BLANK || sort == QUOTE)
        begin_word(c, false);
}

/* "key: |" and "- >-": the deeper lines that follow are text. */
static bool opens_block(const char *line, size_t n) {
    while (n > 0 && strchr(" \t+-0123456789", line[n - 1]))
        n--;
    return n > 2 && (line[n - 1] == '|' || line[n - 1] == '>') && line[n - 2] == ' ' &&
           strchr(":-", line[n - 3]);
}

static void scan_line(struct scan *c, size_t line) {
    size_t bytes;
    const char *text = pxs_source_line(c->s, line, &bytes);
    size_t indent = 0;
    while (indent < bytes && text[indent] == ' ')
        indent++;
    if (c->block_indent != SIZE_MAX && (indent == bytes || indent > c->block_indent))
        return;
    c->block_indent = SIZE_MAX;
    c->at = (size_t)(text - c->s->text);
    c->end = c->at + bytes;
    c->fancy_quote = false;
    if (c->quote)
        skip_quoted(c);
    else
        begin_word(c, true);
    if (c->starts && c->flow == 0 && indent < bytes && text[indent] == '\t' && indent + 1 < bytes)
        found_at(c, c->at + indent);
    while (c->at < c->end) {
        const char ch = c->s->text[c->at];
        if (ch == '#' &&
            (c->starts || c->s->text[c->at - 1] == ' ' || c->s->text[c->at - 1] == '\t'))
            break;
        if (ch == ' ' || ch == '\t') {
            c->at++;
            c->word += c->starts;
            c->plain = c->starts && c->plain;
        } else if ((unsigned char)ch < 0x80) {
            scan_ascii(c);
        } else {
            scan_other(c);
        }
    }
    if (!c->quote && opens_block(text, bytes))
        c->block_indent = indent;
}

bool pxs_scan_lookalikes(struct pxs_diags *d, const struct pxs_source *source) {
    struct scan c = {.d = d, .s = source, .block_indent = SIZE_MAX};
    for (size_t line = 1; line <= source->n_lines; line++)
        scan_line(&c, line);
    return c.found > 0;
}
