/* Growing text, text made safe to show, shell commands, numbers as text. */
#ifndef PIXSWEEP_BASE_TEXT_H
#define PIXSWEEP_BASE_TEXT_H

#include "pixsweep/base/status.h"

/* ---- growing text --------------------------------------------------------------------------- */

/* Zero-initialise. `text` is NULL until something is added (pxs_text_str is never NULL), then ends
 * with NUL. When memory runs out, `failed` is set and later calls do nothing, so callers check once
 * at the end. */
struct pxs_text {
    char *text;
    size_t len, cap;
    bool failed;
};
void pxs_text_add(struct pxs_text *t, const char *s);
void pxs_text_add_n(struct pxs_text *t, const char *s, size_t n);
void pxs_text_addf(struct pxs_text *t, const char *fmt, ...) PXS_PRINTF(2, 3);
void pxs_text_addv(struct pxs_text *t, const char *fmt, va_list ap);
const char *pxs_text_str(const struct pxs_text *t); /* never NULL */
void pxs_text_clear(struct pxs_text *t);            /* len = 0, keeps the memory */
void pxs_text_finish(struct pxs_text *t);

/* ---- characters, and text that is shown ----------------------------------------------------- */

/* Length of the UTF-8 sequence at the start of `bytes` (n > 0 of them), with its code point in
 * *code (may be NULL); 0 where the bytes are not UTF-8: cut off, overlong, a surrogate, or beyond
 * U+10FFFF. */
size_t pxs_utf8_decode(const char *bytes, size_t n, uint32_t *code);
/* Columns of a character on a terminal: wide East Asian characters and pictures 2, combining marks
 * 0, all others 1. */
int pxs_char_width(uint32_t code);
/* Columns of a text; a byte that is not UTF-8 counts 1. */
size_t pxs_text_width(const char *text, size_t bytes);
/* Bytes of the longest beginning of `text` that takes at most `width` columns. */
size_t pxs_text_head(const char *text, size_t bytes, size_t width);
/* Appends `text`, shortened to `width` columns by an ellipsis behind its middle: both ends of a
 * run's name matter. */
void pxs_text_add_short(struct pxs_text *out, const char *text, size_t width);

/* Names, paths and messages come from files, merged folders and arguments, which are not trusted.
 * Characters that act on a terminal or are invisible (control characters, marks of direction, bytes
 * that are not UTF-8) are shown as escapes: \x1b, \xff, \u202e. Every text for people passes one of
 * these functions; CSV, JSON and files keep the bytes. Cleaning a clean text changes nothing. */

/* The two joiners, U+200C and U+200D, depend on their neighbours and count as shown. */
bool pxs_char_is_shown(uint32_t code);
/* Appends a name on one line, with "\n" and "\t" for line ends and tabs. */
void pxs_text_add_clean(struct pxs_text *out, const char *text, size_t bytes);
/* Appends a text and keeps its line ends and tabs. */
void pxs_text_add_lines(struct pxs_text *out, const char *text, size_t bytes);
/* Appends a formatted text whose arguments are cleaned as names. Where the format has a line end
 * before its last character, or is "%s" alone, line ends and tabs of the arguments are kept. */
void pxs_text_add_words(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);
void pxs_text_add_wordsv(struct pxs_text *out, const char *fmt, va_list ap);
bool pxs_format_has_lines(const char *fmt); /* whether `fmt` is such a format */
#define PXS_WORD_MAX (4 * 4096 + 8)
/* `text` as one word of a shell command for the user to copy: quoted where the shell needs it, and
 * with escapes ($'\x1b') for what a terminal does not show. Cut where it is longer than a path can
 * be. Returns buf. */
const char *pxs_shell_word(char buf[PXS_WORD_MAX], const char *text);
/* Appends a shell command for the user to copy. The only conversion is %s, which becomes such a
 * word: "mv %s/a %s" with "my data" gives mv 'my data'/a ... */
void pxs_text_add_command(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);

/* As pxs_text_add_clean or, with keep_lines, pxs_text_add_lines, into an array: as many whole
 * characters as fit. `out` and `text` may not overlap. */
void pxs_copy_clean(char *out, size_t size, const char *text, size_t bytes, bool keep_lines);

/* ---- numbers as text ------------------------------------------------------------------------ */

/* Shortest decimal that reads back to the same double ("0.0001", "1e-10", "nan", "inf");
 * locale-independent; integral values below 1e15 print without exponent or point ("200"). Buffer of
 * at least 32 bytes. Returns buf. */
char *pxs_format_double(char buf[32], double value);
/* The same after rounding to `digits` (1 to 15) significant ones, for tables and progress: 4 of
 * 1/21 are "0.04762". */
char *pxs_format_rounded(char buf[32], double value, int digits);
/* The whole text must be a number of YAML 1.2's core schema (`.5`, `1E-4`, `+3`, `2e1`, `.inf`,
 * `.nan`; no hex, octal or underscores). A number too large for a double becomes infinite. */
bool pxs_parse_double(const char *text, double *out);
/* As above, and exactly an integer of int64 ("2e1" is 20). */
bool pxs_parse_int(const char *text, int64_t *out);
/* Number of letters to change, insert, leave out or swap with a neighbour that turns a into b
 * (optimal string alignment), for "did you mean". */
size_t pxs_edit_distance(const char *a, const char *b);

#endif
