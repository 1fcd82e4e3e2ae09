/* plot: curves and samples as PNG, SVG or PDF. */
#ifndef PIXSWEEP_PLOT_H
#define PIXSWEEP_PLOT_H

#include "pixsweep/base.h"
#include "pixsweep/compare.h"
#include "pixsweep/metrics.h"
#include "pixsweep/samples.h"
#include "pixsweep/store.h"

/* ---- pictures ------------------------------------------------------------------------------- */

enum pxs_picture { PXS_PICTURE_PNG, PXS_PICTURE_SVG, PXS_PICTURE_PDF };
/* By the end of a file's name: .png, .svg or .pdf, in capitals or not. PXS_E_INVALID names
 * these. */
PXS_NODISCARD enum pxs_status pxs_picture_of(const char *path, enum pxs_picture *out,
                                             struct pxs_error *err);

struct pxs_plot_options {
    const char *sweep;       /* NULL = the one worked on last */
    const char *const *more; /* sweeps beside it */
    size_t n_more;
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    int64_t run_id; /* only this one; 0 = all */
    /* only runs that meet this condition over the columns of v_run; NULL = those that the
     * sweeps' files ask for */
    const char *where;
    /* A panel each: loss_G, loss_GAN, loss_pixel, loss_D, loss_real, loss_fake, val_loss, val_psnr,
     * val_ssim, D_real, D_fake, lr_D. NULL = loss_G and val_loss. The rate of G follows by
     * itself. */
    const char *const *metrics;
    size_t n_metrics;
    bool log; /* losses on a logarithmic axis */
    int width,
        /* pixels (PNG) or points (SVG, PDF); 0 = 1600 x 1400, or 800 x 700; more panels are
         * higher */
        height;
    enum pxs_picture kind;
    struct pxs_meter meter;
};
/* A picture as a file's bytes. Finish it. */
struct pxs_drawing {
    void *data;
    size_t bytes;
    int width, height;               /* as above */
    size_t n_runs, n_configurations; /* shown */
    /* of curves: what a reader has to know of the configurations, a line each; NULL = nothing */
    char *notes;
    /* characters that no font here has, and the packages to install; "" = none */
    char lacking[640];
};
void pxs_drawing_finish(struct pxs_drawing *drawing);
/* Curves by epoch, one panel a metric above one another: the mean over the seeds of a configuration
 * in its band from the lowest to the highest seed, batches as an envelope from the lowest to the
 * highest; the learning rate below. The range of an axis leaves out what would press everything
 * else flat, and says so. The same data give the same bytes (the first drawing of a process, in
 * SVG). PXS_E_NOT_FOUND: no such sweep, or nothing to draw yet; PXS_E_INVALID: no such metric, or
 * as pxs_curves_read. */
PXS_NODISCARD enum pxs_status pxs_plot_curves(struct pxs_store *s,
                                              const struct pxs_plot_options *options,
                                              struct pxs_drawing *out, struct pxs_error *err);
/* A sample sheet with its words: see pxs_samples_read, whose errors it has. width, height: pixels
 * or points at most; 0 = 2400 or 1200 wide, as high as it becomes. PXS_E_INVALID, too, where it
 * does not fit. */
PXS_NODISCARD enum pxs_status pxs_plot_samples(struct pxs_store *s,
                                               const struct pxs_samples_options *options,
                                               enum pxs_picture kind, int width, int height,
                                               struct pxs_drawing *out, struct pxs_error *err);

/* What each key does, a panel a key: effects with their intervals, scatter plots of drawn keys; see
 * pxs_effects, whose options and errors it has (PXS_E_NOT_FOUND, too, where there is no effect to
 * draw). Of the drawing n_configurations is the number of keys. width, height: 0 = 1600 or 800
 * wide, as high as it becomes. */
PXS_NODISCARD enum pxs_status pxs_plot_effects(struct pxs_store *s,
                                               const struct pxs_compare_options *options,
                                               enum pxs_picture kind, int width, int height,
                                               struct pxs_drawing *out, struct pxs_error *err);

#endif
