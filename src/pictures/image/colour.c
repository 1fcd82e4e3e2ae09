/* What every format's samples become: RGB of 8 bits. docs/contracts.md has the rule. */
#include "format_priv.h"

#include <stdlib.h>

enum pxs_status pxs_samples_create(struct pxs_samples *s, struct pxs_error *err) {
    s->pixels = calloc((size_t)s->width * (size_t)s->height, s->wide ? 8 : 4);
    return s->pixels ? PXS_OK : pxs_fail_nomem(err);
}

/* 16-bit samples become round(v / 257), in place; the range of the colours is noted. */
static void reduce_16_bit(struct pxs_samples *s, struct pxs_image_info *info) {
    const size_t width = (size_t)s->width, n = width * (size_t)s->height * 4;
    const uint16_t *from = (const uint16_t *)(void *)s->pixels;
    if (!s->cmyk)
        info->low[0] = info->low[1] = UINT16_MAX;
    for (size_t i = 0; i < n; i++) {
        const uint16_t v = from[i];
        const size_t half = i / 4 % width >= width / 2;
        if (i % 4 != 3 && !s->cmyk && v < info->low[half])
            info->low[half] = v;
        if (i % 4 != 3 && !s->cmyk && v > info->high[half])
            info->high[half] = v;
        s->pixels[i] = (uint8_t)((v * 255u + 32895u) >> 16);
    }
}

void pxs_cmyk_to_rgb(const uint8_t cmyk[4], uint8_t rgb[3]) {
    const int light = 255 - cmyk[3];
    for (int k = 0; k < 3; k++) {
        const int ink = cmyk[k] * light + 128, taken = (ink + (ink >> 8)) >> 8;
        rgb[k] = (uint8_t)(light > taken ? light - taken : 0);
    }
}

/* Rounded. */
static void over_white(const uint8_t rgba[4], bool premultiplied, uint8_t rgb[3]) {
    const int alpha = rgba[3];
    for (int k = 0; k < 3; k++) {
        const int v =
            premultiplied ? rgba[k] + 255 - alpha : (rgba[k] * alpha + 127) / 255 + 255 - alpha;
        rgb[k] = (uint8_t)(v < 255 ? v : 255);
    }
}

enum pxs_status pxs_samples_finish(struct pxs_samples *s, struct pxs_image_info *info,
                                   struct pxs_image *out, struct pxs_error *err) {
    struct pxs_image rgb;
    enum pxs_status status =
        pxs_image_turn(&s->pixels, &s->width, &s->height, s->wide ? 8 : 4, s->orientation, err);
    if (status == PXS_OK)
        status = pxs_image_create(&rgb, s->width, s->height, 3, err);
    if (status == PXS_OK) {
        info->width = s->width;
        info->height = s->height;
        info->orientation = s->orientation;
        if (s->wide)
            reduce_16_bit(s, info);
        const uint8_t *from = s->pixels;
        uint8_t *to = rgb.pixels;
        for (size_t n = (size_t)rgb.width * (size_t)rgb.height; n > 0; n--, from += 4, to += 3) {
            if (s->cmyk)
                pxs_cmyk_to_rgb(from, to);
            else
                over_white(from, s->premultiplied, to);
        }
        *out = rgb;
    }
    free(s->pixels);
    s->pixels = NULL;
    return status;
}
