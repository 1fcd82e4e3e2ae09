/* A picture between its file and the network, as training has it: 8 bits, grey before it is
 * resized, (v / 255 - 0.5) / 0.5, and back. */
#include "generate_priv.h"

#include <string.h>

void generate_picture_finish(struct generate_picture *p) {
    pxs_image_finish(&p->in);
    pxs_image_finish(&p->out);
}

/* Replaces *image by what was made of it. */
static void become(struct pxs_image *image, struct pxs_image made) {
    pxs_image_finish(image);
    *image = made;
}

void generate_take(const struct pxs_generate_options *o, struct pxs_image *rgb, const char *name,
                   struct generate_picture *p) {
    struct pxs_image made;
    p->in = *rgb;
    *rgb = (struct pxs_image){.pixels = NULL};
    p->status = PXS_OK;
    if (o->pairs && p->in.width % 2 != 0)
        p->status = pxs_fail(&p->err, PXS_E_INVALID,
                             "%s is %d pixels wide: a pair is two halves of the same width side by "
                             "side",
                             name, p->in.width);
    else if (o->pairs) {
        /* Half A is left, and the source under AtoB. */
        const int half = p->in.width / 2;
        p->status = pxs_image_crop(&p->in, o->params->direction == PXS_DIRECTION_ATOB ? 0 : half, 0,
                                   half, p->in.height, &made, &p->err);
        if (p->status == PXS_OK)
            become(&p->in, made);
    }
    if (p->status == PXS_OK && o->params->channels == 1) {
        p->status = pxs_image_grey(&p->in, &made, &p->err);
        if (p->status == PXS_OK)
            become(&p->in, made);
    }
}

static int rounded_up(int side, int multiple) {
    return (side + multiple - 1) / multiple * multiple;
}

void generate_sides(const struct pxs_generate_options *o, const struct generate_picture *p,
                    int multiple, int *height, int *width) {
    *height = o->keep_size ? rounded_up(p->in.height, multiple) : (int)o->params->img_height;
    *width = o->keep_size ? rounded_up(p->in.width, multiple) : (int)o->params->img_width;
}

/* Place `i` of a row of n pixels that goes on mirrored at its ends, the last one not repeated. */
static int mirrored(int i, int n) {
    if (n == 1)
        return 0;
    const int period = 2 * (n - 1), k = i % period;
    return k < n ? k : period - k;
}

void generate_to_network(const struct pxs_generate_options *o, struct generate_picture *p,
                         int height, int width, float *source) {
    struct pxs_image resized = {.pixels = NULL};
    const struct pxs_image *from = &p->in;
    const int c = from->channels;
    if (!o->keep_size && (from->height != height || from->width != width)) {
        p->status = pxs_image_resize(from, width, height, &resized, &p->err);
        if (p->status != PXS_OK)
            return;
        from = &resized;
    }
    for (int y = 0; y < height; y++) {
        const uint8_t *row =
            from->pixels + (size_t)mirrored(y, from->height) * (size_t)from->width * (size_t)c;
        for (int x = 0; x < width; x++)
            for (int k = 0; k < c; k++)
                *source++ = ((float)row[mirrored(x, from->width) * c + k] / 255.0f - 0.5f) / 0.5f;
    }
    pxs_image_finish(&resized);
}

static enum pxs_status side_by_side(const struct pxs_image *left, const struct pxs_image *right,
                                    struct pxs_image *out, struct pxs_error *err) {
    const size_t row = (size_t)left->width * (size_t)left->channels;
    PXS_TRY(pxs_image_create(out, 2 * left->width, left->height, left->channels, err));
    for (size_t y = 0; y < (size_t)left->height; y++) {
        memcpy(out->pixels + 2 * y * row, left->pixels + y * row, row);
        memcpy(out->pixels + (2 * y + 1) * row, right->pixels + y * row, row);
    }
    return PXS_OK;
}

void generate_from_network(const struct pxs_generate_options *o, struct generate_picture *p,
                           int height, int width, const float *fake) {
    /* One cell of a sample picture: rounded as there. */
    const float *const layers[] = {fake};
    const struct pxs_grid grid = {.layers = layers,
                                  .n_layers = 1,
                                  .cells = 1,
                                  .height = height,
                                  .width = width,
                                  .channels = p->in.channels,
                                  .per_row = 1};
    struct pxs_image made;
    p->status = pxs_image_grid(&grid, &p->out, &p->err);
    if (p->status == PXS_OK && (height != p->in.height || width != p->in.width)) {
        p->status = o->keep_size
                        ? pxs_image_crop(&p->out, 0, 0, p->in.width, p->in.height, &made, &p->err)
                        : pxs_image_resize(&p->out, p->in.width, p->in.height, &made, &p->err);
        if (p->status == PXS_OK)
            become(&p->out, made);
    }
    if (p->status == PXS_OK && o->side_by_side) {
        p->status = side_by_side(&p->in, &p->out, &made, &p->err);
        if (p->status == PXS_OK)
            become(&p->out, made);
    }
}
