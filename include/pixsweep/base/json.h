/* json: reading and writing JSON. Reading gives a document of values; a getter's message says what
 * is wrong and where ("$.a.b[3] must be an integer, not a string"). Writing appends to a pxs_text.
 * Beside bad syntax, reading refuses bytes that are not UTF-8, NUL in a string, two members of one
 * name, and anything after the value. Documents are read-only, so threads may share one. */
#ifndef PIXSWEEP_JSON_H
#define PIXSWEEP_JSON_H

#include "pixsweep/base.h"

/* ---- reading -------------------------------------------------------------------------------- */

struct pxs_json_doc;
/* A value within a document; passed by value, lives as long as the document. */
struct pxs_json {
    const struct pxs_json_doc *doc;
    const void *node;
};
enum pxs_json_type {
    PXS_JSON_NULL,
    PXS_JSON_BOOL,
    PXS_JSON_NUMBER,
    PXS_JSON_STRING,
    PXS_JSON_ARRAY,
    PXS_JSON_OBJECT
};

/* `text` need not end in NUL and is not kept. `name` (a file, "header of x.safetensors") begins
 * every message. PXS_E_CORRUPT with line and column where the text is not JSON; nesting
 * deeper than 1000 is refused. */
PXS_NODISCARD enum pxs_status pxs_json_parse(const char *text, size_t bytes, const char *name,
                                             struct pxs_json_doc **out, struct pxs_error *err);
void pxs_json_destroy(struct pxs_json_doc **doc); /* NULL and *NULL are fine; nulls *doc */
struct pxs_json pxs_json_root(const struct pxs_json_doc *doc);

enum pxs_json_type pxs_json_type(struct pxs_json value);
const char *pxs_json_type_name(enum pxs_json_type type); /* "null", "a boolean", "a number", ... */
/* Members or elements; 0 for anything but arrays and objects. */
size_t pxs_json_count(struct pxs_json value);
/* Iterates over them: `struct pxs_json c; for (bool more = pxs_json_first(v, &c); more; more =
 * pxs_json_next(&c)) ...` */
bool pxs_json_first(struct pxs_json value, struct pxs_json *child);
bool pxs_json_next(struct pxs_json *child);
/* Name of a member within its object; NULL for elements and the root. */
const char *pxs_json_key(struct pxs_json member);

/* Member by exact name: false / PXS_E_CORRUPT if there is none or `object` is no object. */
bool pxs_json_find(struct pxs_json object, const char *key, struct pxs_json *out);
PXS_NODISCARD enum pxs_status pxs_json_get(struct pxs_json object, const char *key,
                                           struct pxs_json *out, struct pxs_error *err);

/* PXS_E_CORRUPT naming the path where the value is of another type. Strings are UTF-8 and live as
 * long as the document. */
PXS_NODISCARD enum pxs_status pxs_json_expect(struct pxs_json value, enum pxs_json_type type,
                                              struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_json_string(struct pxs_json value, const char **out,
                                              struct pxs_error *err);
/* The string that is member `key` of an object. */
PXS_NODISCARD enum pxs_status pxs_json_get_string(struct pxs_json object, const char *key,
                                                  const char **out, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_json_double(struct pxs_json value, double *out,
                                              struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_json_bool(struct pxs_json value, bool *out,
                                            struct pxs_error *err);
/* Must be integral and within +-2^53, beyond which the parser's doubles are not exact. */
PXS_NODISCARD enum pxs_status pxs_json_int(struct pxs_json value, int64_t *out,
                                           struct pxs_error *err);
/* PXS_E_CORRUPT with "<name>: <path> <text>", for checks that a caller adds. */
enum pxs_status pxs_json_fail(struct pxs_json value, struct pxs_error *err, const char *fmt, ...)
    PXS_PRINTF(3, 4);

/* ---- writing -------------------------------------------------------------------------------- */

#define PXS_JSON_DEPTH 32

/* Set `out`, and `indent` to the spaces per level (0: all on one line), the rest zero. `key` is the
 * member's name inside an object and NULL in an array and at the root. Wrong use (a key missing or
 * too many, an end too many, deeper than PXS_JSON_DEPTH) sets `misused`; pxs_json_finish reports
 * it, so callers check once. Bytes that are not UTF-8 come out as U+FFFD. */
struct pxs_json_writer {
    struct pxs_text *out;
    int indent;
    int depth;
    char open[PXS_JSON_DEPTH]; /* '{' or '[' of each level */
    bool some[PXS_JSON_DEPTH]; /* this level has something already */
    bool done, misused;
};
void pxs_json_put_object(struct pxs_json_writer *w, const char *key); /* ends with pxs_json_end */
void pxs_json_put_array(struct pxs_json_writer *w, const char *key);  /* ends with pxs_json_end */
void pxs_json_end(struct pxs_json_writer *w);
/* NULL: null */
void pxs_json_put_string(struct pxs_json_writer *w, const char *key, const char *value);
void pxs_json_put_double(struct pxs_json_writer *w, const char *key,
                         double value); /* shortest round trip; NaN, inf: null */
void pxs_json_put_int(struct pxs_json_writer *w, const char *key, int64_t value); /* exact */
void pxs_json_put_bool(struct pxs_json_writer *w, const char *key, bool value);
void pxs_json_put_null(struct pxs_json_writer *w, const char *key);
/* PXS_OK if one whole value was written; PXS_E_NOMEM, PXS_E_INTERNAL. */
PXS_NODISCARD enum pxs_status pxs_json_finish(const struct pxs_json_writer *w,
                                              struct pxs_error *err);

#endif
