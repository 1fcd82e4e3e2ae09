/* What reading and writing PNG share: libpng's errors as values. The one header that includes
 * png.h. */
#ifndef PIXSWEEP_IMAGE_PNG_PRIV_H
#define PIXSWEEP_IMAGE_PNG_PRIV_H

#include "pixsweep/image.h"

#include <png.h>

/* What libpng said last; hand it over as its error pointer with the two callbacks below. */
struct png_words {
    char error[256], warning[256];
    bool no_memory; /* the reason is that, whatever the words say */
};

/* Keeps the text and leaves through longjmp, as libpng wants. */
_Noreturn void pxs_png_on_error(png_structp png, png_const_charp text);
/* Keeps the text: a warning often says why the error after it came. Prints nothing. */
void pxs_png_on_warning(png_structp png, png_const_charp text);
/* libpng's memory, with `struct png_words` as its memory pointer: notes when there is none left. */
png_voidp pxs_png_alloc(png_structp png, png_alloc_size_t bytes);
void pxs_png_free(png_structp png, png_voidp block);

#endif
