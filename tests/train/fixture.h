/* Small data sets and small runs for the tests of room train. */
#ifndef PXS_TEST_TRAIN_FIXTURE_H
#define PXS_TEST_TRAIN_FIXTURE_H

#include "pixsweep/model.h"
#include "pixsweep/train.h"

#include "support.h"

enum { SIDE = 32, TRAIN = 5, VAL = 3, MAX_ROWS = 256 };

void set_up(void); /* data sets: data, swapped, noval, same */

struct run {
    struct pxs_params p;
    const char *dir, *data_hash, *files_hash;
    int threads;
    int stop_signal;
    /* resume points */
    const char *config_hash, *kernels; /* NULL = none are written; auto */
    bool go_on;                        /* from the folder's resume point; allow_mixed with: */
    bool allow_mixed;
    const char *nonce; /* of the attempt, which has a BEGIN record then */
    double resume_every;
    const struct pxs_shorter *shorter;
    bool keep_final;
    bool save; /* asked for from the start */
    struct pxs_logger log;
    struct pxs_stop *stop; /* while it trains */
    const int64_t *rungs;
    size_t n_rungs;
    enum pxs_status (*ask)(void *user, struct pxs_train_rung *rung, struct pxs_error *err);
    void *ask_user;
    enum pxs_status (*may_write)(void *user, struct pxs_error *err);
    void *may_write_user;
    /* results */
    struct pxs_resume_point point; /* where it went on from */
    struct pxs_text notes;         /* of looking for it */
    enum pxs_status status;
    struct pxs_error err;
    struct pxs_record_batch batch[MAX_ROWS];
    struct pxs_record_epoch epoch[MAX_ROWS];
    struct pxs_record_sample sample[MAX_ROWS], best[MAX_ROWS];
    struct pxs_record_checkpoint checkpoint[MAX_ROWS];
    struct pxs_record_end end;
    struct pxs_record_event event; /* the last one */
    int n_shorter;                 /* events about a shorter run; what the last one says: */
    char said[1024];
    struct pxs_record_rung rung[8];
    int n_batch, n_epoch, n_sample, n_best, n_checkpoint, n_end, n_rung;
};

struct pxs_params small(void);
char *run_path(const struct run *r,
               const char *file); /* of a file in the run's folder; overwritten by the next call */
/* Trains r->p in root/r->dir and reads back what it recorded. */
void carry_out(struct run *r);
struct run *new_run(const char *dir);
void end_run(struct run *r);
/* Bit for bit the same losses in every batch and epoch. */
bool same_run(const struct run *a, const struct run *b);
bool same_losses(const struct pxs_losses *a, const struct pxs_losses *b);

#endif
