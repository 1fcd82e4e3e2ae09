/* EXIF orientation obeyed, as Pillow's ImageOps.exif_transpose does. */
#include "format_priv.h"

#include <stdlib.h>
#include <string.h>

/* 1 as stored, 2 mirrored, 3 turned by 180 degrees, 4 upside down, 5 mirrored at the diagonal, 6
 * turned clockwise, 7 mirrored at the other diagonal, 8 turned anticlockwise. So from 5 on rows
 * become columns, then 2, 3, 6 and 7 are mirrored across, and 3, 4, 7 and 8 from top to bottom. */
enum pxs_status pxs_image_turn(uint8_t **pixels, int *width, int *height, size_t pixel,
                               int orientation, struct pxs_error *err) {
    if (orientation < 2 || orientation > 8)
        return PXS_OK;
    const bool swap = orientation >= 5, across = orientation & 2, down = (orientation - 1) & 2;
    const size_t w = (size_t)*width, h = (size_t)*height, new_w = swap ? h : w,
                 new_h = swap ? w : h;
    uint8_t *turned = malloc(w * h * pixel);
    if (!turned)
        return pxs_fail_nomem(err);
    const uint8_t *from = *pixels;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++, from += pixel) {
            size_t to_x = swap ? y : x, to_y = swap ? x : y;
            to_x = across ? new_w - 1 - to_x : to_x;
            to_y = down ? new_h - 1 - to_y : to_y;
            memcpy(turned + (to_y * new_w + to_x) * pixel, from, pixel);
        }
    free(*pixels);
    *pixels = turned;
    *width = (int)new_w;
    *height = (int)new_h;
    return PXS_OK;
}
