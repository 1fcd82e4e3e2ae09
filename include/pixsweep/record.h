/* record: what a worker leaves behind while it trains. A run's record file is append-only and is the truth; the
 * database is filled from it. Every record is framed (magic, kind, length, CRC-32C), so a torn tail is recognised and
 * ignored, and a reader can stop at any offset and go on there later. */
#ifndef PIXSWEEP_RECORD_H
#define PIXSWEEP_RECORD_H

#include "pixsweep/base.h"

enum pxs_record_kind {
    PXS_RECORD_BEGIN = 1,  /* an attempt starts (always the first record of an attempt) */
    PXS_RECORD_BATCH = 2,
    PXS_RECORD_EPOCH = 3,
    PXS_RECORD_SAMPLE = 4,
    PXS_RECORD_CHECKPOINT = 5,
    PXS_RECORD_EVENT = 6,
    PXS_RECORD_END = 7 /* the attempt's own last word; none after a crash */
};

enum pxs_outcome { PXS_OUTCOME_COMPLETED = 1, PXS_OUTCOME_DIVERGED, PXS_OUTCOME_FAILED, PXS_OUTCOME_INTERRUPTED };

/* Losses of one training step; loss_pixel is the plain L1 (not times lambda_pixel). */
struct pxs_losses {
    double loss_G, loss_GAN, loss_pixel, loss_D, loss_real, loss_fake;
};

struct pxs_record_begin {
    int64_t attempt;           /* attempt number within the run, from 1 */
    int64_t at_ms;             /* UTC milliseconds */
    int64_t resumed_from_step; /* -1: from the start; records at and after this step are repeated from here on */
    char text[4096];           /* environment, "key=value\n" lines: host, boot_id, pid, version, commit, kernels, ... */
};
struct pxs_record_batch {
    int64_t step;  /* 0-based over the whole run */
    int32_t epoch, batch;
    struct pxs_losses losses;
    double lr_G, lr_D, seconds;
};
struct pxs_record_epoch {
    int32_t epoch, is_best;
    double lr_G, lr_D;
    struct pxs_losses avg;                /* plain means over the epoch's batches */
    double val_loss, val_psnr, val_ssim;  /* NaN = none (NULL in the database) */
    double seconds;
};
struct pxs_record_sample {
    int64_t step;
    int32_t epoch;
    char path[256], sha256[PXS_SHA256_HEX]; /* path relative to the run's folder */
};
struct pxs_record_checkpoint {
    int32_t epoch;
    char kind[16], net[16]; /* periodic | best; generator | discriminator */
    char path[256], sha256[PXS_SHA256_HEX];
    int64_t bytes;
};
struct pxs_record_event {
    int64_t at_ms;
    int32_t level; /* enum pxs_log_level */
    char kind[32], message[1024];
};
struct pxs_record_end {
    int64_t at_ms;
    int32_t outcome; /* enum pxs_outcome */
    int64_t step;    /* first step not done */
    char message[1024];
};

struct pxs_record {
    enum pxs_record_kind kind;
    union {
        struct pxs_record_begin begin;
        struct pxs_record_batch batch;
        struct pxs_record_epoch epoch;
        struct pxs_record_sample sample;
        struct pxs_record_checkpoint checkpoint;
        struct pxs_record_event event;
        struct pxs_record_end end;
    };
};

/* ---- writing --------------------------------------------------------------------------------------------- */

struct pxs_record_writer;
/* Opens or creates `path` for appending, after cutting it back to `keep_bytes` (the length that a resume file vouches
 * for; 0 = start anew) or, with keep_bytes < 0, to the end of its last whole record. */
PXS_NODISCARD enum pxs_status pxs_record_writer_open(const char *path, int64_t keep_bytes, struct pxs_record_writer **out,
                                                     struct pxs_error *err);
/* Appends with one write(2); durable against a crash of the process at return, against power loss after _sync. */
PXS_NODISCARD enum pxs_status pxs_record_write(struct pxs_record_writer *w, const struct pxs_record *r,
                                               struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_record_sync(struct pxs_record_writer *w, struct pxs_error *err);
int64_t pxs_record_writer_bytes(const struct pxs_record_writer *w);
void pxs_record_writer_close(struct pxs_record_writer **w);

/* ---- reading --------------------------------------------------------------------------------------------- */

/* A cursor reads whole records from `offset` on, while the file may still grow. */
struct pxs_record_cursor;
PXS_NODISCARD enum pxs_status pxs_record_cursor_open(const char *path, int64_t offset, struct pxs_record_cursor **out,
                                                     struct pxs_error *err);
/* PXS_OK with *more = true and *r filled; PXS_OK with *more = false at the end (a torn or half-written tail is the
 * end, too, until it becomes whole); PXS_E_CORRUPT where damage is followed by more records, PXS_E_NOT_FOUND where the file is shorter
 * than the offset (it was cut back: open again from 0; intake is idempotent). */
PXS_NODISCARD enum pxs_status pxs_record_next(struct pxs_record_cursor *c, struct pxs_record *r, bool *more,
                                              struct pxs_error *err);
int64_t pxs_record_cursor_offset(const struct pxs_record_cursor *c); /* just behind the last record handed out */
void pxs_record_cursor_close(struct pxs_record_cursor **c);

#endif
