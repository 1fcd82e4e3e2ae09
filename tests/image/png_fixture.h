/* PNG files of every colour type and depth, straight from libpng. */
#ifndef PIXSWEEP_TESTS_PNG_FIXTURE_H
#define PIXSWEEP_TESTS_PNG_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct png_fixture {
    int width, height, depth, color_type; /* PNG_COLOR_TYPE_* */
    bool interlaced;
    const uint8_t *const *rows;  /* packed as PNG wants: 16 bit big endian */
    const uint8_t (*palette)[3]; /* for palette pictures */
    int palette_size;
    const uint8_t *palette_alpha; /* tRNS of a palette, palette_size entries; NULL = none */
    const uint16_t *transparent;  /* tRNS colour (1 or 3 samples) of grey and RGB; NULL = none */
};

/* Aborts the test on failure; free() the result. */
uint8_t *png_fixture_make(const struct png_fixture *f, size_t *bytes);

#endif
