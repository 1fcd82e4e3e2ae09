/* The one thing that is read of EXIF: how the camera was held. EXIF is a small TIFF: byte order,
 * 42, offset of a directory, its number of entries, entries of 12 bytes (tag, type, count, value).
 */
#include "format_priv.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY = 12 };

static uint32_t number(const uint8_t *p, size_t bytes, bool big) {
    uint32_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[big ? i : bytes - 1 - i];
    return v;
}

int pxs_exif_orientation(const uint8_t *exif, size_t bytes) {
    if (bytes >= 6 && memcmp(exif, "Exif\0\0", 6) == 0)
        exif += 6, bytes -= 6;
    if (bytes < 8 || (memcmp(exif, "II*\0", 4) != 0 && memcmp(exif, "MM\0*", 4) != 0))
        return 1;
    const bool big = exif[0] == 'M';
    size_t at = number(exif + 4, 4, big);
    if (at > bytes - 2)
        return 1;
    uint32_t entries = number(exif + at, 2, big);
    for (at += 2; entries > 0 && bytes - at >= ENTRY; entries--, at += ENTRY) {
        const uint8_t *entry = exif + at;
        if (number(entry, 2, big) != TAG_ORIENTATION)
            continue;
        uint32_t type = number(entry + 2, 2, big), count = number(entry + 4, 4, big);
        if (count != 1 || (type != TYPE_SHORT && type != TYPE_LONG))
            return 1;
        uint32_t value = number(entry + 8, type == TYPE_SHORT ? 2 : 4, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
