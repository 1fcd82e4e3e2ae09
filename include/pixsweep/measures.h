/* measures: what is measured of a batch, an epoch and a run. One table
 * (src/record/measures/measures.def) yields the structs here, the fields of records and resume
 * points, columns, curves, panels and metrics: nothing about a measure stands anywhere else. */
#ifndef PIXSWEEP_MEASURES_H
#define PIXSWEEP_MEASURES_H

#include "../../src/record/measures/measures.def"

#include <stdbool.h>
#include <stddef.h>

/* To be handed to the lists of measures.def: a member of a struct; ", name" for SQL. */
#define PXS_MEASURE_MEMBER(name, ...) double name;
#define PXS_MEASURE_COLUMN(name, ...) ", " #name

struct pxs_losses {
    PXS_LOSSES(PXS_MEASURE_MEMBER)
};
/* What one training step measures. */
struct pxs_step_result {
    union {
        struct pxs_losses losses;
        struct {
            PXS_LOSSES(PXS_MEASURE_MEMBER)
        };
    };
    PXS_D_OUTPUTS(PXS_MEASURE_MEMBER)
};

enum pxs_better { PXS_BETTER_NONE, PXS_BETTER_LOWER, PXS_BETTER_HIGHER };

/* Columns of `batch_loss` and of `epoch`: PXS_BATCH_loss_G, PXS_EPOCH_avg_loss_G. */
enum pxs_batch_column {
#define PXS_MEASURE_ENUM(name, ...) PXS_BATCH_##name,
    PXS_BATCH_MEASURES(PXS_MEASURE_ENUM)
#undef PXS_MEASURE_ENUM
        PXS_BATCH_N
};
enum pxs_epoch_column {
#define PXS_MEASURE_ENUM(name, ...) PXS_EPOCH_##name,
    PXS_EPOCH_MEASURES(PXS_MEASURE_ENUM)
#undef PXS_MEASURE_ENUM
        PXS_EPOCH_N
};

struct pxs_batch_info {
    const char *name, *label;
    enum pxs_better better;
    bool on_page; /* the page draws it by batch */
};
enum pxs_how { PXS_HOW_VALUE, PXS_HOW_MEAN, PXS_HOW_MAX };
struct pxs_epoch_info {
    const char *name;
    const char *metric; /* for --metric: loss_G for avg_loss_G */
    enum pxs_how how;   /* made at the epoch's end, or of `of` over its batches */
    const char *of;
    int since; /* version of the database's schema */
    const char *unit;
    enum pxs_better better;
    int rank;     /* on the page, 1 first; 0: it is not drawn */
    bool is_rate; /* a plan, not a measurement */
    const char *head, *title, *label;
};
/* Static. */
const struct pxs_batch_info *pxs_batch_info(enum pxs_batch_column column);
const struct pxs_epoch_info *pxs_epoch_info(enum pxs_epoch_column column);

/* The latest `since` of the table. */
int pxs_measures_version(void);
/* The recorded value of batches that a plot draws behind an epoch's value: what that is the mean
 * of, or what bears its name; -1: there is none. */
int pxs_epoch_behind(enum pxs_epoch_column column);
/* The values of an epoch that the page draws, by rank, then in the table's order; how many. */
size_t pxs_epoch_by_rank(enum pxs_epoch_column out[PXS_EPOCH_N]);

#endif
