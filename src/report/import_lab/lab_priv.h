/* import lab, inside: the text logs of the lab's training script, as they are found in a folder.
 *
 *   train_loss.txt  a line a batch, which count from 0; loss_pixel is lambda_pixel times the L1:
 *                   "[Epoch: 3] [Dloss: 0.2413] [loss_pixel: 1.0312] [loss_GAN: 0.7021]
 *                   [Batch: 12/50] "
 *   loss_time.txt   a line an epoch that came to its end, with the mean of its batches' generator
 *                   losses: "[avg_loss: 1.8123] "
 *   list_loss.txt   a line a run that came to its end, with the L1 of 20 training pairs:
 *                   "tloss_res: {0: 0.21, 1: 0.19, 'min': 0.19, 'minepoch': 1} "
 *
 * All three are only ever appended to, so several runs may stand in one file. */
#ifndef PXS_LAB_PRIV_H
#define PXS_LAB_PRIV_H

#include "pixsweep/import_lab.h"
#include "pixsweep/params.h"
#include "pixsweep/table.h"

#define PXS_LAB_BATCHES "train_loss.txt"
#define PXS_LAB_AVERAGES "loss_time.txt"
#define PXS_LAB_VALIDATION "list_loss.txt"
/* Of another trainer, see iters.c. */
#define PXS_LAB_LOSS_LOG "loss_log.txt"
/* Lines of the two begin so. */
#define PXS_LAB_GLUE "[Epoch"
#define PXS_LAB_LOSS_GLUE "(epoch"

/* ---- line.c: one line ----------------------------------------------------------------------- */

enum { PXS_LAB_WHY = 96 };

/* NaN = not there, or not a number. */
struct pxs_lab_batch {
    int64_t epoch, batch, batches;
    double loss_D, weighted_pixel /* as it was logged */, loss_GAN, loss_real, loss_fake;
    /* PyTorch-GAN's script logs the L1 itself: then weighted_pixel is G loss less adv */
    double raw_pixel;
    char unknown[32]; /* the first field of an unknown name; "" = none */
};
/* False: `why` says in words what is wrong with the line. `text` has no line end. */
bool pxs_lab_parse_batch(const char *text, size_t bytes, struct pxs_lab_batch *out,
                         char why[PXS_LAB_WHY]);
bool pxs_lab_parse_average(const char *text, size_t bytes, double *out, char why[PXS_LAB_WHY]);

struct pxs_lab_point {
    int64_t epoch;
    double value;
};
/* A dictionary of validation losses by ascending epoch; 'min' and 'minepoch' follow from them.
 * *points: malloc'ed, free() it. */
bool pxs_lab_parse_validation(const char *text, size_t bytes, struct pxs_lab_point **points,
                              size_t *n, char why[PXS_LAB_WHY]);

struct pxs_lab_log;
/* ---- iters.c: a line of loss_log.txt -------------------------------------------------------- */

bool pxs_lab_is_loss_log(const struct pxs_lab_log *log);
/* Sets every, batches and stride. */
PXS_NODISCARD enum pxs_status pxs_lab_find_steps(struct pxs_lab_log *log, struct pxs_error *err);
/* A line of log->file, as pxs_lab_parse_batch. */
bool pxs_lab_parse(const struct pxs_lab_log *log, const char *text, size_t bytes,
                   struct pxs_lab_batch *out, char why[PXS_LAB_WHY]);

/* ---- reader.c: the lines of a file ---------------------------------------------------------- */

struct pxs_lab_reader;
/* A line without its end and without a byte order mark; blank ones are passed over. Lives until the
 * next call. */
struct pxs_lab_line {
    const char *text;
    size_t bytes;
    int64_t number; /* from 1 */
    /* offsets in the file; `begin` may lie within a line, where a torn line had the next one glued
     * to it */
    int64_t begin, behind;
    bool torn;     /* the file ends before the line does */
    bool too_long; /* only its beginning is here */
};
/* From byte `offset` on, which is in line `line` (0 and 1: the whole file). `glue` (may be NULL): a
 * text that begins a line, so that a line is split before it. */
PXS_NODISCARD enum pxs_status pxs_lab_reader_open(const char *path, int64_t offset, int64_t line,
                                                  const char *glue, struct pxs_lab_reader **out,
                                                  struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_lab_reader_next(struct pxs_lab_reader *r,
                                                  struct pxs_lab_line *line, bool *more,
                                                  struct pxs_error *err);
void pxs_lab_reader_close(struct pxs_lab_reader **r); /* NULL and *NULL are fine */

/* ---- what a folder holds -------------------------------------------------------------------- */

struct pxs_lab_sums {
    double loss_G, loss_GAN, weighted_pixel, loss_D, loss_real, loss_fake;
};
struct pxs_lab_epoch {
    int64_t epoch, n;         /* n: batches that were read */
    bool ended;               /* its last batch was seen, or another epoch follows */
    struct pxs_lab_sums sums; /* over its batches */
    bool has_average, has_value;
    double average, value; /* from the two other files */
};
struct pxs_lab_run {
    int64_t first_line, last_line, rows, unreadable;
    int64_t begin, end; /* offsets in train_loss.txt; 0 and 0: there is none */
    int64_t batches;    /* of an epoch; 0: not known */
    /* batches that should stand between the first and the last one and do not */
    int64_t missing;
    /* the last time that losses turned from numbers into something else; -1: they are numbers at
     * the end */
    int64_t bad_epoch, bad_batch;
    size_t first, n;           /* epochs: their place in the log's array */
    char hash[PXS_SHA256_HEX]; /* of all that was read */
};
struct pxs_lab_log {
    char dir[PXS_PATH_MAX], label[256]; /* absolute; what the experiment is called */
    const char *file;                   /* with the batches: PXS_LAB_BATCHES or PXS_LAB_LOSS_LOG */
    double lambda;                      /* lambda_pixel as stated; 0: not to be checked */
    /* Of loss_log.txt: images that are a "batch", batches of an epoch, how far lines are apart in
     * them. */
    int64_t every, batches, stride;
    struct pxs_lab_run *runs;
    size_t n_runs;
    struct pxs_lab_epoch *epochs;
    size_t n_epochs;
    int64_t lines, unreadable;
    struct pxs_text notes; /* a line each: what was unreadable, ambiguous or left out */
};
void pxs_lab_log_finish(struct pxs_lab_log *log);
/* "<dir>/<file>: ..." */
void pxs_lab_note(struct pxs_lab_log *log, const char *file, const char *fmt, ...) PXS_PRINTF(3, 4);
/* Counts a line that could not be read; the first five of a file are noted, the rest in one note by
 * _unreadable_rest. */
void pxs_lab_unreadable(struct pxs_lab_log *log, const char *file, const struct pxs_lab_line *line,
                        const char *why, int64_t *n);
void pxs_lab_unreadable_rest(struct pxs_lab_log *log, const char *file, int64_t n);
/* Room for one more in an array that has n and doubles at every power of two. NULL: out of memory,
 * and the array is as it was. */
void *pxs_lab_grow(void *array, size_t n, size_t size);
/* One more epoch or run, zeroed. NULL: out of memory. */
struct pxs_lab_epoch *pxs_lab_add_epoch(struct pxs_lab_log *log);
struct pxs_lab_run *pxs_lab_add_run(struct pxs_lab_log *log);

/* What is hashed of a batch: the identity of an imported run. */
void pxs_lab_hash_begin(struct pxs_sha256 *sha);
void pxs_lab_hash_batch(struct pxs_sha256 *sha, const struct pxs_lab_batch *b);

/* ---- split.c: train_loss.txt into runs ------------------------------------------------------ */

/* A new run begins where the epoch counter goes back, where the batch counter does within an epoch,
 * and where the number of batches changes. PXS_E_NOT_FOUND: no such file. */
PXS_NODISCARD enum pxs_status pxs_lab_split(struct pxs_lab_log *log, struct pxs_meter meter,
                                            struct pxs_error *err);

/* ---- match.c: the two other files ----------------------------------------------------------- */

/* Reads loss_time.txt and list_loss.txt, where they are there, and gives their values to the runs'
 * epochs; where there is no train_loss.txt, makes runs of them. What is not sure is left out, and
 * noted. */
PXS_NODISCARD enum pxs_status pxs_lab_match(struct pxs_lab_log *log, struct pxs_error *err);

/* ---- find.c --------------------------------------------------------------------------------- */

/* The folders at and below `dir` that hold such files, sorted: logs with dir, label and file, the
 * rest empty; loss_log.txt is a log of its own. free(*logs). PXS_E_NOT_FOUND where there is none.
 */
PXS_NODISCARD enum pxs_status pxs_lab_find(const char *dir, struct pxs_lab_log **logs, size_t *n,
                                           struct pxs_error *err);

/* ---- rows.c: a run as records --------------------------------------------------------------- */

struct pxs_lab_rows;
/* The batches of a run, read once more from the file, then its epochs that ended. The meter counts
 * batches: `before` are done, of `total`. */
PXS_NODISCARD enum pxs_status pxs_lab_rows_open(const struct pxs_lab_log *log,
                                                const struct pxs_lab_run *run, double lambda,
                                                struct pxs_meter meter, int64_t before,
                                                int64_t total, struct pxs_lab_rows **out,
                                                struct pxs_error *err);
/* For pxs_store_import. PXS_E_BUSY where the file is not what it was. */
enum pxs_status pxs_lab_rows_next(void *rows, struct pxs_record *r, bool *more,
                                  struct pxs_error *err);
void pxs_lab_rows_close(struct pxs_lab_rows **rows); /* NULL and *NULL are fine */

/* ---- known.c: hyperparameters --------------------------------------------------------------- */

/* Values of which only those are known whose place in `known` is set. */
struct pxs_lab_params {
    struct pxs_params values;
    bool known[PXS_PARAM_COUNT];
};
/* What --set and --lambda say, and what every such log implies. PXS_E_INVALID in the words of the
 * params room. */
PXS_NODISCARD enum pxs_status pxs_lab_params(const struct pxs_lab_options *options,
                                             struct pxs_lab_params *out, struct pxs_error *err);
/* A folder's name such as "lrG0.0001lrD0.0001bs8ep200" says some, too; what is known already
 * stays. */
void pxs_lab_params_from_path(struct pxs_lab_params *p, const char *dir);

#endif
