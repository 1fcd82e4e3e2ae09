/* UTF-8, a character at a time. */
#ifndef PIXSWEEP_DATA_UTF8_PRIV_H
#define PIXSWEEP_DATA_UTF8_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define PXS_UNICODE_END 0x110000u

/* UTF-8 of one character; returns its length. */
int pxs_utf8_put(char out[5], uint32_t code);
/* The character at `p`, of `left` bytes (at least 1), and its length; 0 where it is not UTF-8
 * (overlong, surrogate, cut off). */
int pxs_utf8_get(const uint8_t *p, size_t left, uint32_t *code);

#endif
