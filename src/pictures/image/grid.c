/* The sample picture: cells of stacked layers in rows. */
#include "pixsweep/image.h"

#include <math.h>

/* One [height, width, channels] picture at (x, y) of the canvas: -1 is 0, 1 is 255, NaN is 0. */
static void put(struct pxs_image *canvas, int x, int y, const float *picture, int height,
                int width) {
    size_t c = (size_t)canvas->channels, row = (size_t)width * c;
    for (int i = 0; i < height; i++) {
        uint8_t *to = canvas->pixels + ((size_t)(y + i) * (size_t)canvas->width + (size_t)x) * c;
        for (size_t k = 0; k < row; k++) {
            float v = floorf((picture[(size_t)i * row + k] + 1.0f) / 2.0f * 255.0f + 0.5f);
            to[k] = !(v > 0.0f) ? 0 : v > 255.0f ? 255 : (uint8_t)v;
        }
    }
}

enum pxs_status pxs_image_grid(const struct pxs_grid *g, struct pxs_image *out,
                               struct pxs_error *err) {
    if (g->cells < 1 || g->n_layers < 1 || g->per_row < 1 || g->padding < 0 || g->width < 1 ||
        g->height < 1)
        return pxs_fail(err, PXS_E_INTERNAL,
                        "a grid needs cells, layers and a positive number of cells a row");
    int columns = g->cells < g->per_row ? g->cells : g->per_row;
    int rows = (g->cells + columns - 1) / columns;
    int64_t cell_width = (int64_t)g->width + g->padding,
            cell_height = (int64_t)g->height * g->n_layers + g->padding;
    int64_t width = columns * cell_width + g->padding, height = rows * cell_height + g->padding;
    if (width > PXS_IMAGE_MAX_SIDE || height > PXS_IMAGE_MAX_SIDE)
        return pxs_fail(err, PXS_E_INVALID, "a grid of %lld x %lld pixels is too large",
                        (long long)width, (long long)height);
    struct pxs_image canvas;
    PXS_TRY(pxs_image_create(&canvas, (int)width, (int)height, g->channels, err));
    size_t picture = (size_t)g->height * (size_t)g->width * (size_t)g->channels;
    for (int i = 0; i < g->cells; i++) {
        int x = g->padding + i % columns * (int)cell_width,
            y = g->padding + i / columns * (int)cell_height;
        for (int k = 0; k < g->n_layers; k++)
            put(&canvas, x, y + k * g->height, g->layers[k] + (size_t)i * picture, g->height,
                g->width);
    }
    *out = canvas;
    return PXS_OK;
}
