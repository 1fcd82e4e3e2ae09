/* What the harnesses of picture formats share. */
#ifndef PXS_FUZZ_PICTURE_H
#define PXS_FUZZ_PICTURE_H

#include "fuzz.h"

/* Decodes a file; a picture that comes out is used as data sets use it, and written in each format
 * and read again. */
void fuzz_picture(const uint8_t *data, size_t size);

#endif
