/* Shared by reading and writing. */
#ifndef PIXSWEEP_JSON_PRIV_H
#define PIXSWEEP_JSON_PRIV_H

#include <stddef.h>

/* Bytes of the well-formed UTF-8 character at s (n > 0 bytes left), or 0: no overlong forms,
 * surrogates, or beyond U+10FFFF. */
size_t pxs_utf8_char(const char *s, size_t n);

#endif
