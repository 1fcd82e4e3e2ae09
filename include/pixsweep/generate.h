/* generate: a trained generator at work on pictures: which weights and configuration are meant, the
 * pictures one by one at the size that the network takes, and their results as files that appear
 * whole. */
#ifndef PIXSWEEP_GENERATE_H
#define PIXSWEEP_GENERATE_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/store.h"

/* ---- which generator (source.c) ------------------------------------------------------------- */

struct pxs_generate_source {
    char weights[PXS_PATH_MAX]; /* the generator's file */
    /* of the run's config.yaml or the file's metadata; else what names and shapes tell, and the
     * rest at its defaults */
    struct pxs_params params;
    bool guessed;    /* names and shapes: sides, direction and the like are not known */
    char words[640]; /* what was chosen and why, for the user */
};
/* A file of weights. PXS_E_INVALID where it is no generator's, or damaged. */
PXS_NODISCARD enum pxs_status pxs_generate_file(const char *path, struct pxs_generate_source *out,
                                                struct pxs_error *err);
/* A run's folder, with or without a database: the weights of its best epoch by validation loss,
 * without validation its last ones; with `last` those of the last epoch in any case.
 * PXS_E_NOT_FOUND where it has none yet. */
PXS_NODISCARD enum pxs_status pxs_generate_folder(const char *dir, bool last,
                                                  struct pxs_generate_source *out,
                                                  struct pxs_error *err);
/* A run, or a sweep: its best run by validation loss (with `last`, of the last epoch) that has
 * weights. `what` as pxs_store_find_target takes it. */
PXS_NODISCARD enum pxs_status pxs_generate_stored(struct pxs_store *s, const char *what, bool last,
                                                  struct pxs_generate_source *out,
                                                  struct pxs_error *err);

/* ---- generating (generate.c) ---------------------------------------------------------------- */

struct pxs_generate_options {
    const char *weights; /* what pxs_generate_source says */
    const struct pxs_params *params;
    const char *const *inputs; /* pictures, .npy files, and folders of both */
    size_t n_inputs;
    const char *out; /* folder; made where it is missing */
    /* Pictures go through the network at their own size, mirrored at the right and lower edge up to
     * the network's multiple. False: at the size that it was trained with, and back to their own.
     */
    bool keep_size;
    bool pairs;        /* inputs are pairs side by side, whose source half is taken */
    bool side_by_side; /* results are pairs: source left, generated right */
    /* what batch norms go by: running statistics (USUAL, too) or those of each picture. Anything
     * but USUAL is PXS_E_INVALID where the generator has none. */
    enum { PXS_GENERATE_NORM_USUAL, PXS_GENERATE_NORM_RUNNING, PXS_GENERATE_NORM_BATCH } norm;
    bool dropout; /* masks of `seed`, the same ones for every picture */
    uint64_t seed;
    const char *ending; /* of results that are pictures: "png", or what pxs_image_encode knows */
    int batch;          /* pictures at a time, at most */
    struct pxs_pool *pool;
    const char *kernels;
    struct pxs_logger log; /* errors of single inputs, and notes */
    struct pxs_meter meter;
    const struct pxs_stop *stop; /* may be NULL */
};
struct pxs_generate_report {
    size_t done;    /* pictures generated */
    size_t resized; /* of those: had another size than the network was trained with, or was padded
                       to */
    size_t failed;  /* inputs that could not be read or computed; each was logged */
    double seconds;
};
/* Reads, generates and writes picture after picture. The same input gives the same bytes for any
 * threads and batch. What is wrong with the inputs as a whole (results of one name, a result that
 * would replace an input or a file of a run) is PXS_E_INVALID before anything is computed; an input
 * that cannot be read is logged, and the others are done. PXS_E_NOSPC and PXS_E_IO of the results,
 * and PXS_E_STOPPED, end it; *report is then of what is done. */
PXS_NODISCARD enum pxs_status pxs_generate(const struct pxs_generate_options *options,
                                           struct pxs_generate_report *report,
                                           struct pxs_error *err);

#endif
