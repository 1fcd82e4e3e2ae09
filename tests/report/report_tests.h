/* Databases for the tests of the report rooms. */
#ifndef PXS_REPORT_TESTS_H
#define PXS_REPORT_TESTS_H

#include "pixsweep/store.h"
#include "support.h"

/* A database with one sweep "rates": lrgd 90 (seeds 0 1), lrgd 25 (seeds 0 1), constant (seed 0),
 * lrgd 10 diverged (seed 0) and still queued (seed 1). Best validation losses 0.30 0.32, 0.20 0.24,
 * 0.25. In a folder of its own, removed by drop_database. */
struct pxs_store *make_database(void);
/* The same of other runs: 30 epochs whose validation loss falls to `best` in epoch 20, by 0.01 an
 * epoch, and rises as fast. */
struct planned {
    int lrgd; /* 0 = constant */
    int64_t seed;
    double best;              /* NaN = no validation */
    enum pxs_outcome outcome; /* 0 = completed */
    bool waits;               /* not begun yet */
    bool lab;                 /* validated as in the lab */
    int batch_size;           /* 0 = as it comes */
    int lambda_pixel;         /* 0 = as it comes */
    bool vanilla;             /* its gan_mode */
    bool pixel;               /* its discriminator */
    double psnr;              /* in epoch 20; 0 = not measured */
    double d_real, d_fake;    /* 0 and 0 = 0.7 and 0.3 */
    const char *data;         /* path of its data set; NULL = "/data/kai" */
    char content;             /* of that, as a digit of its hash; 0 = not known */
    char files;              /* of its lossy pictures before they are decoded; 0 = there are none */
    const char *init_from;   /* NULL = none */
    char weights;            /* the same of what is there */
    int version;             /* of the program that made config_hash */
    int64_t sample_interval; /* 0 = as it comes */
    double later;            /* added to the validation loss behind epoch 20 */
    bool overfits;           /* its training loss falls to the end */
    int epochs;              /* so many are there; 0 = all where it is completed, else none */
};
#define R(lrgd_, seed_, best_, ...) \
    { .lrgd = (lrgd_), .seed = (seed_), .best = (best_), __VA_ARGS__ }
struct pxs_store *make_database_of(const struct planned *plan, size_t n);
/* make_database under a race of 2 to 4 seeds by best_val_loss. Its look at 2 seeds has dropped
 * lrgd 90 and lrgd 10, whose queued run is needed no more; lrgd 25 leads, constant stays, at most
 * 0.01 away from it. */
struct pxs_store *make_raced_database(double indifference);
/* The same, of a sweep whose file has this text. */
struct pxs_store *make_database_as(const struct planned *plan, size_t n, const char *spec_yaml);
void drop_database(struct pxs_store **store);

/* A database with one sweep "curves": configuration 0 is constant, k is lrgd 10 * k, each with
 * seeds 0, 1, ... */
struct curve_shape {
    int configurations, seeds, epochs, batches /* of an epoch */;
    int64_t spike_step,
        /* in the run of configuration 0 and seed 0, or 1: loss_G is 40, or NaN; 0 = nowhere */
        gap_step;
    bool one_diverges;  /* the last run, halfway */
    bool pictures;      /* at the end of each epoch */
    bool best_pictures; /* of epoch 3 and its number in each configuration's runs */
    int queued;         /* runs at the end of the plan that have not begun */
};
struct pxs_store *make_curves(const struct curve_shape *shape);
void drop_curves(struct pxs_store **store);
/* What loss_G and val_loss are there. */
double curves_loss(const struct curve_shape *shape, int configuration, int seed, int64_t step);
double curves_val(int configuration, int seed, int epoch);
/* The grey of a glyph in the pictures: layer 0 source, 1 fake, 2 target. */
int curves_grey(int layer, int glyph, int configuration, int epoch);

#endif
