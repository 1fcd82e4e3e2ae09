/* Runs any network: forward, backward with the optimiser's steps, and the buffers that both need,
 * as the wiring of its layers says. A new network is a list of layers and no code here. */
#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

/* What a layer computes, for every image. An output stands in a buffer of its own or, where a later
 * layer reads two outputs side by side (torch.cat), in its part of that layer's input, so that
 * nothing is copied. */
struct pxs_buffers {
    /* before norm, activation and dropout: [images,h,w,C] */
    float *raw, *stats;
    uint8_t *mask;
    /* the output and its gradient, `ld` floats from pixel to pixel; NULL for the last layer, whose
     * output is the caller's */
    float *out, *dout;
    size_t ld;
    /* where they point to memory of this layer's own */
    float *own_out, *own_dout;
    /* two inputs side by side and their gradient, `ld_cat` floats from pixel to pixel; NULL where
     * it reads one */
    float *cat, *dcat;
    size_t ld_cat;
};

/* ---- buffers -------------------------------------------------------------------------------- */

/* Counts what it allocates, or counts only. */
struct allocator {
    bool only_count, failed;
    size_t floats;
};

static float *allocate(struct allocator *a, size_t n) {
    a->floats += n;
    return a->only_count ? NULL : model_floats(n, &a->failed);
}

static size_t pixels_of(const struct pxs_layer_spec *s, size_t images) {
    return images * (size_t)s->h * (size_t)s->w;
}

/* Layers name each other by numbers, from 1. */
static const struct pxs_layer_spec *spec_of(const struct pxs_network *net, int number) {
    return &net->layer[number - 1].spec;
}
static const struct pxs_buffers *buffers_of(const struct pxs_network *net, int number) {
    return &net->buffers[number - 1];
}

/* The layer in whose two inputs the output of layer `number` stands, `offset` floats from a pixel's
 * first; NULL where there is none. */
static const struct pxs_buffers *reader_in_place(const struct pxs_network *net, int number,
                                                 size_t *offset) {
    for (size_t k = 0; k < net->n_layers; k++) {
        const struct pxs_layer_spec *s = &net->layer[k].spec;
        if (!s->beside || (s->beside != number && (s->from != number || s->rectify)))
            continue;
        *offset = s->beside == number ? (size_t)spec_of(net, s->from)->c_out : 0;
        return &net->buffers[k];
    }
    return NULL;
}

/* The layer that adds the output of layer `number` to its own: both have the same gradient, and one
 * buffer for it. */
static const struct pxs_buffers *adder_of(const struct pxs_network *net, int number) {
    for (size_t k = 0; k < net->n_layers; k++)
        if (net->layer[k].spec.add == number)
            return &net->buffers[k];
    return NULL;
}

/* An output's buffer, and the index of the layer that reads it last: later ones may have it. */
struct room {
    float *at;
    size_t floats, last;
};

static size_t last_reader(const struct pxs_network *net, int number) {
    size_t last = 0;
    for (size_t k = 0; k < net->n_layers; k++) {
        const struct pxs_layer_spec *s = &net->layer[k].spec;
        if (s->from == number || s->beside == number || s->add == number)
            last = k;
    }
    return last;
}

/* Outputs where no gradient asks for them again: memory whose last reader is done is used anew. */
static void make_outputs(struct pxs_network *net, size_t images, struct allocator *a) {
    struct room rooms[PXS_LAYERS_MAX];
    size_t n = 0;
    for (size_t i = 0; i + 1 < net->n_layers; i++) {
        const struct pxs_layer_spec *s = &net->layer[i].spec;
        struct pxs_buffers *b = &net->buffers[i];
        const size_t floats = pixels_of(s, images) * (size_t)s->c_out;
        const int number = (int)i + 1;
        size_t offset = 0, k = 0;
        const struct pxs_buffers *reader = reader_in_place(net, number, &offset);
        if (reader) {
            b->ld = reader->ld_cat;
            b->out = reader->cat ? reader->cat + offset : NULL;
            continue;
        }
        while (k < n && (rooms[k].last >= i || rooms[k].floats < floats))
            k++;
        if (k == n)
            rooms[n++] = (struct room){.at = b->own_out = allocate(a, floats), .floats = floats};
        rooms[k].last = last_reader(net, number);
        b->ld = (size_t)s->c_out;
        b->out = rooms[k].at;
    }
}

static void make_buffers(struct pxs_network *net, size_t images, bool trains, struct allocator *a) {
    size_t largest = 0;
    for (size_t i = 0; i < net->n_layers; i++) {
        const struct pxs_layer_spec *s = &net->layer[i].spec;
        struct pxs_buffers *b = &net->buffers[i];
        const size_t pixels = pixels_of(s, images), floats = pixels * (size_t)s->c_out;
        if (s->beside) {
            const size_t input = pixels_of(spec_of(net, s->from), images);
            b->ld_cat = (size_t)(spec_of(net, s->from)->c_out + spec_of(net, s->beside)->c_out);
            b->cat = allocate(a, input * b->ld_cat);
            b->dcat = trains ? allocate(a, input * b->ld_cat) : NULL;
        }
        if (s->kind == PXS_LAYER_HEAD)
            continue;
        largest = floats > largest ? floats : largest;
        b->raw = trains ? allocate(a, floats) : NULL;
        b->stats = s->norm ? allocate(a, 2 * pxs_layer_stats(s, (int)images)) : NULL;
        if (s->dropout > 0)
            b->mask = (uint8_t *)allocate(a, floats / sizeof(float) + 1);
    }
    /* Of a pass's raw output without training, or of its gradient: any layer's. */
    net->draw = allocate(a, largest);
    if (!trains) {
        make_outputs(net, images, a);
        return;
    }

    /* Backwards, since a layer may share the gradient of a later one. */
    for (size_t i = net->n_layers - 1; i-- > 0;) {
        const struct pxs_layer_spec *s = &net->layer[i].spec;
        struct pxs_buffers *b = &net->buffers[i];
        size_t offset = 0;
        const struct pxs_buffers *reader = reader_in_place(net, (int)i + 1, &offset);
        if (reader) {
            b->ld = reader->ld_cat;
            b->out = reader->cat ? reader->cat + offset : NULL;
            b->dout = reader->dcat ? reader->dcat + offset : NULL;
            continue;
        }
        const size_t floats = pixels_of(s, images) * (size_t)s->c_out;
        const struct pxs_buffers *adder = adder_of(net, (int)i + 1);
        b->ld = (size_t)s->c_out;
        b->out = b->own_out = allocate(a, floats);
        if (adder)
            b->dout = adder->dout;
        else
            b->dout = b->own_dout = allocate(a, floats);
    }
}

enum pxs_status network_create(struct pxs_network *net, size_t images, bool trains,
                               struct pxs_error *err) {
    struct allocator a = {0};
    net->buffers = calloc(net->n_layers, sizeof *net->buffers);
    if (!net->buffers)
        return pxs_fail_nomem(err);
    make_buffers(net, images, trains, &a);
    return a.failed ? pxs_fail_nomem(err) : PXS_OK;
}

size_t network_floats(const struct pxs_network *net, size_t images, bool trains) {
    struct pxs_buffers buffers[PXS_LAYERS_MAX] = {0};
    struct pxs_network counted = *net;
    struct allocator a = {.only_count = true};
    counted.buffers = buffers;
    make_buffers(&counted, images, trains, &a);
    return a.floats;
}

void network_release(struct pxs_network *net) {
    for (size_t i = 0; i < net->n_layers && net->buffers; i++) {
        struct pxs_buffers *b = &net->buffers[i];
        void *owned[] = {b->raw, b->stats, b->mask, b->own_out, b->own_dout, b->cat, b->dcat};
        for (size_t k = 0; k < PXS_COUNT(owned); k++)
            pxs_aligned_free(owned[k]);
    }
    pxs_aligned_free(net->draw);
    free(net->buffers);
    net->buffers = NULL;
    net->draw = NULL;
}

void network_finish(struct pxs_network *net) {
    network_release(net);
    for (size_t i = 0; i < net->n_layers; i++)
        pxs_layer_finish(&net->layer[i]);
}

/* ---- forward -------------------------------------------------------------------------------- */

static struct pxs_dropout dropout_of(const struct pxs_layer *l, const struct pxs_net_dropout *d) {
    return (struct pxs_dropout){.p = d->stream ? l->spec.dropout : 0.0,
                                .seed = d->seed,
                                .stream = d->stream,
                                .a = d->a,
                                .b = (uint32_t)l->spec.dropout_number};
}

/* What a layer reads, from image `first` on. */
struct input {
    const float *x;
    size_t ld;
};

static struct input input_of(const struct pxs_network *net, const struct pxs_layer_spec *s,
                             const struct pxs_buffers *b, size_t first, const float *images) {
    if (!s->from)
        return (struct input){images, (size_t)s->c_in};
    const struct pxs_buffers *from = buffers_of(net, s->from);
    const size_t pixels = pixels_of(spec_of(net, s->from), first);
    if (b->cat)
        return (struct input){b->cat + pixels * b->ld_cat, b->ld_cat};
    return (struct input){from->out + pixels * from->ld, from->ld};
}

void network_forward(struct pxs_network *net, const struct pxs_nn *nn, const float *images,
                     int first, int n, enum pxs_statistics statistics,
                     const struct pxs_net_dropout *drop, float *y) {
    for (size_t i = 0; i < net->n_layers; i++) {
        struct pxs_layer *l = &net->layer[i];
        const struct pxs_layer_spec *s = &l->spec;
        const struct pxs_buffers *b = &net->buffers[i];
        const size_t c = (size_t)s->c_out, before = pixels_of(s, (size_t)first) * c;
        const struct input in = input_of(net, s, b, (size_t)first, images);
        if (s->rectify) {
            const struct pxs_layer_spec *source = spec_of(net, s->from);
            const struct pxs_buffers *from = buffers_of(net, s->from);
            const size_t at = pixels_of(source, (size_t)first);
            pxs_rectify(&nn->kernel, from->out + at * from->ld, from->ld, b->cat + at * b->ld_cat,
                        b->ld_cat, pixels_of(source, (size_t)n), source->c_out);
        }
        if (s->kind == PXS_LAYER_HEAD) {
            pxs_head_apply(nn, l, n, in.x, in.ld, y);
            continue;
        }
        const struct pxs_dropout d = dropout_of(l, drop);
        const struct pxs_block_buffers block = {
            .raw = b->raw ? b->raw + before : net->draw,
            .stats = b->stats ? b->stats + (first ? pxs_layer_stats(s, n) : 0) : NULL,
            .mask = b->mask ? b->mask + before : NULL,
            .y = b->out ? b->out + pixels_of(s, (size_t)first) * b->ld : y,
            .ld_y = b->out ? b->ld : c};
        if (s->kind == PXS_LAYER_CONV)
            pxs_conv_forward(nn, l, n, in.x, in.ld, block.raw, c);
        else
            pxs_conv_transpose_forward(nn, l, n, in.x, in.ld, block.raw, c);
        pxs_block_apply(nn, l, n, statistics, &d, &block);
        if (s->add) {
            const struct pxs_buffers *other = buffers_of(net, s->add);
            pxs_add_channels(&nn->kernel, other->out + pixels_of(s, (size_t)first) * other->ld,
                             other->ld, block.y, block.ld_y, pixels_of(s, (size_t)n), s->c_out);
        }
    }
}

/* ---- backward ------------------------------------------------------------------------------- */

/* The gradient at a layer's input from `draw`, that at its convolution's output. `written`: a later
 * reader of the same output has put its part there already. */
static void to_input(struct pxs_network *net, const struct pxs_nn *nn, struct pxs_layer *l,
                     const struct pxs_buffers *b, int n, bool written) {
    const struct pxs_layer_spec *s = &l->spec;
    const struct pxs_buffers *from = buffers_of(net, s->from);
    float *dx = b->cat ? b->dcat : from->dout;
    const size_t ld = b->cat ? b->ld_cat : from->ld, c = (size_t)s->c_out;
    const bool accumulate = !b->cat && written;
    if (s->kind == PXS_LAYER_CONV)
        pxs_conv_backward(nn, l, n, net->draw, c, dx, ld, accumulate);
    else
        pxs_conv_transpose_backward(nn, l, n, net->draw, c, dx, ld);
}

/* What the first of two inputs gets back through its rectification. */
static void through_rectified(struct pxs_network *net, const struct pxs_nn *nn,
                              const struct pxs_layer_spec *s, const struct pxs_buffers *b, int n,
                              bool accumulate) {
    const struct pxs_layer_spec *source = spec_of(net, s->from);
    const struct pxs_buffers *from = buffers_of(net, s->from);
    pxs_rectify_backward(&nn->kernel, b->cat, b->ld_cat, b->dcat, b->ld_cat, from->dout, from->ld,
                         pixels_of(source, (size_t)n), source->c_out, accumulate);
}

void network_backward(struct pxs_network *net, const struct pxs_nn *nn, const float *images, int n,
                      int passes, const float *y, float *dy, bool update) {
    bool written[PXS_LAYERS_MAX + 1] = {false}; /* by number */
    for (size_t i = net->n_layers; i-- > 0;) {
        struct pxs_layer *l = &net->layer[i];
        const struct pxs_layer_spec *s = &l->spec;
        const struct pxs_buffers *b = &net->buffers[i];
        const struct input in = input_of(net, s, b, 0, images);
        const size_t c = (size_t)s->c_out;
        if (s->kind == PXS_LAYER_HEAD) {
            const struct pxs_buffers *from = buffers_of(net, s->from);
            pxs_head_gradient(nn, l, n, in.x, in.ld, y, dy, b->cat ? b->dcat : from->dout, in.ld,
                              update);
        } else {
            const struct pxs_block_buffers block = {.raw = b->raw,
                                                    .stats = b->stats,
                                                    .mask = b->mask,
                                                    .y = b->out ? b->out : (float *)y,
                                                    .ld_y = b->out ? b->ld : c};
            pxs_block_gradient(nn, l, n, passes, &block, b->out ? b->dout : dy, block.ld_y,
                               net->draw, update);
            if (s->from)
                to_input(net, nn, l, b, n, written[s->from]);
            if (update && s->kind == PXS_LAYER_CONV)
                pxs_conv_update(nn, l, n, in.x, in.ld, net->draw, c);
            else if (update)
                pxs_conv_transpose_update(nn, l, n, in.x, in.ld, net->draw, c);
        }
        if (s->rectify)
            through_rectified(net, nn, s, b, n, written[s->from]);
        written[s->from] = written[s->beside] = written[s->add] = true;
    }
}

void network_track(struct pxs_network *net, int n) {
    for (size_t i = 0; i < net->n_layers; i++)
        pxs_block_track(&net->layer[i], n, net->buffers[i].stats);
}
