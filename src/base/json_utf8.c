/* Which bytes are UTF-8. */
#include "json_priv.h"

static unsigned byte_at(const char *s, size_t i) {
    return (unsigned char)s[i];
}

size_t pxs_utf8_char(const char *s, size_t n) {
    unsigned first = byte_at(s, 0), low = 0x80, high = 0xbf; /* range of the second byte */
    if (first < 0x80)
        return 1;
    size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (byte_at(s, 1) < low || byte_at(s, 1) > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((byte_at(s, i) & 0xc0) != 0x80)
            return 0;
    return length;
}
