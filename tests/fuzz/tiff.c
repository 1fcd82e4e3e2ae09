/* TIFF. The first byte says what the rest is: 0 a file as it stands, else one whose sides and tiles
 * are cut to what is decoded quickly. */
#include "picture.h"

#include <stdlib.h>
#include <string.h>

static size_t number(const uint8_t *p, size_t bytes, bool big) {
    size_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[big ? i : bytes - 1 - i];
    return v;
}

/* Values below 512 for width, height, tile width and tile height in the first directory of a
 * classic file. */
static void cut_sides(uint8_t *tiff, size_t size) {
    if (size < 8 || (tiff[0] != 'I' && tiff[0] != 'M'))
        return;
    const bool big = tiff[0] == 'M';
    size_t at = number(tiff + 4, 4, big);
    if (size < 2 || at > size - 2)
        return;
    size_t entries = number(tiff + at, 2, big);
    for (at += 2; entries > 0 && size - at >= 12; entries--, at += 12) {
        const size_t tag = number(tiff + at, 2, big), type = number(tiff + at + 2, 2, big);
        if (tag != 256 && tag != 257 && tag != 322 && tag != 323)
            continue;
        const size_t value = number(tiff + at + 8, type == 3 ? 2 : 4, big) % 512;
        memset(tiff + at + 8, 0, 4);
        const size_t low = at + 8 + (!big ? 0 : type == 3 ? 1 : 3);
        tiff[low] = (uint8_t)value;
        tiff[big ? low - 1 : low + 1] = (uint8_t)(value >> 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = {data, size};
    uint32_t kind = fuzz_number(&in, 1);
    uint8_t *tiff = malloc(in.left ? in.left : 1);
    if (!tiff)
        return 0;
    memcpy(tiff, in.at, in.left);
    if (kind != 0)
        cut_sides(tiff, in.left);
    fuzz_picture(tiff, in.left);
    free(tiff);
    return 0;
}
