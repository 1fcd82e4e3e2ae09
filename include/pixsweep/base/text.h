/* Growing text, what may be shown of it, commands for a shell, numbers as text. */
#ifndef PIXSWEEP_BASE_TEXT_H
#define PIXSWEEP_BASE_TEXT_H

#include "pixsweep/base/status.h"

/* ---- growing text --------------------------------------------------------------------------- */

/* Zero-initialise. `text` is always NUL-terminated once anything was added (NULL before: use
 * pxs_text_str). When memory runs out, `failed` is set and later calls do nothing, so callers check
 * once at the end. */
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

/* Bytes of the UTF-8 sequence that `bytes` (n > 0 of them) begins with, its code point in *code
 * (may be NULL); 0 if it is none. */
size_t pxs_utf8_decode(const char *bytes, size_t n, uint32_t *code);
/* Columns that it takes on a terminal: wide East Asian characters and pictures 2, combining marks
 * 0, every other one 1. */
int pxs_char_width(uint32_t code);
/* The same of a text as it stands; a byte that is no UTF-8 counts 1. */
size_t pxs_text_width(const char *text, size_t bytes);
/* Bytes of the longest beginning of `text` that takes at most `width` columns. */
size_t pxs_text_head(const char *text, size_t bytes, size_t width);
/* Appends `text` shortened to `width` columns with an ellipsis a little behind the middle (both
 * ends of a run's name matter). */
void pxs_text_add_short(struct pxs_text *out, const char *text, size_t width);

/* Names, paths and messages come from others: files, merged folders, arguments. What of them would
 * act on a terminal or cannot be seen (control characters, marks of direction, invisible
 * characters, bytes that are no UTF-8) is shown as an escape instead: \x1b, \xff, \u202e.
 * Everything that people read passes one of these; CSV, JSON and files carry the bytes themselves.
 * Cleaning twice is cleaning once. */
bool pxs_char_is_shown(
    /* the two joiners, U+200C and U+200D, depend on their neighbours and count as shown */
    uint32_t code);
/* Appends a name: all on one line, "\n" and "\t" for line ends and tabs. */
void pxs_text_add_clean(struct pxs_text *out, const char *text, size_t bytes);
/* Appends text whose line ends and tabs are its own. */
void pxs_text_add_lines(struct pxs_text *out, const char *text, size_t bytes);
/* Appends a formatted line: arguments are cleaned as names. A format with line ends of its own (one
 * at the very end apart), and "%s" alone, keep those of the arguments. */
void pxs_text_add_words(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);
void pxs_text_add_wordsv(struct pxs_text *out, const char *fmt, va_list ap);
bool pxs_format_has_lines(const char *fmt); /* whether that holds of a format */
#define PXS_WORD_MAX (4 * 4096 + 8)
/* `text` as one word of a shell's command line, for commands that the user is to copy: as it is, or
 * in quotes where it needs them; what no terminal shows is escaped ($'\x1b'). Cut where it is
 * longer than a path can be. Returns buf. */
const char *pxs_shell_word(char buf[PXS_WORD_MAX], const char *text);
/* Appends a command for the user to copy; knows %s alone, which becomes such a word: "mv %s/a %s"
 * with "my data" is mv 'my data'/a ... */
void pxs_text_add_command(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);

/* As pxs_text_add_clean or pxs_text_add_lines, into an array that takes as many whole characters as
 * fit; `out` and `text` may not overlap. */
void pxs_copy_clean(char *out, size_t size, const char *text, size_t bytes, bool keep_lines);

/* ---- numbers as text ------------------------------------------------------------------------ */

/* Shortest decimal that reads back to the same double ("0.0001", "1e-10", "nan", "inf");
 * locale-independent; integral values below 1e15 print without exponent or point ("200"). Buffer of
 * at least 32 bytes. Returns buf. */
char *pxs_format_double(char buf[32], double value);
/* The same after rounding to `digits` (1 to 15) significant ones, for tables and progress: 4 of
 * 1/21 are "0.04762". */
char *pxs_format_rounded(char buf[32], double value, int digits);
/* Whole text must be a YAML 1.2 core number (`.5`, `1E-4`, `+3`, `2e1`, `.inf`, `.nan` allowed;
 * hex, octal, underscores not). A finite number too large for a double comes out infinite. */
bool pxs_parse_double(const char *text, double *out);
/* As above and integral and within int64, exactly ("2e1" is 20, "9223372036854775807" itself). */
bool pxs_parse_int(const char *text, int64_t *out);
/* Letters to change, insert, leave out or swap with their neighbour (optimal string alignment), for
 * "did you mean". */
size_t pxs_edit_distance(const char *a, const char *b);

#endif
