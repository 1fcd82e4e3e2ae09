/* The parts of `generate`: inputs, pictures, arrays. */
#ifndef PXS_GENERATE_PRIV_H
#define PXS_GENERATE_PRIV_H

#include "pixsweep/generate.h"
#include "pixsweep/image.h"
#include "pixsweep/model.h"
#include "pixsweep/tensor.h"

/* ---- inputs (inputs.c) ---------------------------------------------------------------------- */

struct generate_input {
    const char *path, *result; /* result: the file's name in the folder of results */
    bool array;                /* a .npy file */
};
/* Zero-initialise, finish once. */
struct generate_inputs {
    struct pxs_arena arena;
    struct generate_input *of;
    size_t n, room;
};
/* Files as named, folders as what is in them, bytewise by name, subfolders not. Refuses results of
 * one name, and results that would replace an input or a file of a run. */
PXS_NODISCARD enum pxs_status generate_list(const struct pxs_generate_options *o,
                                            struct generate_inputs *out, struct pxs_error *err);
void generate_inputs_finish(struct generate_inputs *inputs);

/* ---- one picture (picture.c) ---------------------------------------------------------------- */

/* One picture on its way. */
struct generate_picture {
    struct pxs_image in;  /* as the network is to see it, in its channels, at its own size */
    struct pxs_image out; /* the result */
    bool resized;         /* or mirrored at the edges */
    enum pxs_status status;
    struct pxs_error err; /* where status is not PXS_OK */
};
void generate_picture_finish(struct generate_picture *p);
/* Turns an RGB picture, whose pixels it takes over, into p->in: the source's half of a pair, and
 * grey where the network is. `name` is for messages. */
void generate_take(const struct pxs_generate_options *o, struct pxs_image *rgb, const char *name,
                   struct generate_picture *p);
/* The sides that it goes through the network with. */
void generate_sides(const struct pxs_generate_options *o, const struct generate_picture *p,
                    int multiple, int *height, int *width);
/* p->in as the network's input [height,width,C] in [-1,1]: resized, or mirrored beyond its edges.
 */
void generate_to_network(const struct pxs_generate_options *o, struct generate_picture *p,
                         int height, int width, float *source);
/* The network's output as p->out, at the size of p->in; beside it where results are pairs. */
void generate_from_network(const struct pxs_generate_options *o, struct generate_picture *p,
                           int height, int width, const float *fake);

/* ---- arrays (array.c) ----------------------------------------------------------------------- */

/* Pictures in a .npy file: (N, H, W, C), (N, C, H, W), (N, H, W), (H, W, C) or (H, W); C is 1 or
 * 3. (3, H, W) is refused for a network of three channels. */
struct generate_array {
    struct pxs_npy npy;
    size_t n;
    int height, width, channels;
    bool planar, single;
    bool has_channels; /* an axis of its own */
    bool unit;         /* floats of 0..1 */
};
PXS_NODISCARD enum pxs_status generate_array_open(const char *path, int channels,
                                                  struct generate_array *out,
                                                  struct pxs_error *err);
void generate_array_close(struct generate_array *a);
/* Picture `index` as RGB. */
PXS_NODISCARD enum pxs_status generate_array_read(const struct generate_array *a, size_t index,
                                                  struct pxs_image *out, struct pxs_error *err);
/* An array of u1 for results: axes as `like` has them, sides and channels of a result. */
PXS_NODISCARD enum pxs_status generate_array_begin(const struct generate_array *like, int height,
                                                   int width, int channels, const char *path,
                                                   struct pxs_npy_writer *w, struct pxs_error *err);
PXS_NODISCARD enum pxs_status generate_array_put(const struct generate_array *like,
                                                 const struct pxs_image *image,
                                                 struct pxs_npy_writer *w, struct pxs_error *err);

#endif
