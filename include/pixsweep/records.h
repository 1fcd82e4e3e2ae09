/* records: what a worker records while it trains. A run's record file is append-only and is the
 * truth; the database is filled from it. Every record is framed (magic, kind, length, CRC-32C),
 * so a half-written tail is recognised and ignored, and a reader can stop at any offset and go on
 * there later.
 *
 * The file, all numbers little-endian, doubles as their IEEE 754 bits:
 *   header  8 bytes "pxsrec\r\n", u32 version (2, or 1), u32 CRC-32C of the 12 bytes before
 *   frame   u32 magic 0x0A525850 ("PXR\n"), u16 kind, u16 zero, u32 payload length, u32 CRC-32C of
 *           kind, zero, length and payload, then the payload: the fields of the struct below in
 *           their order; a text is u16 length and its bytes without a NUL, a sha256 is a text.
 *
 * Version 2 has the frames of version 1. It keeps programs out that know version 1 only: they cut
 * the file back in place when they go on with a run of another machine. An attempt that goes on in
 * place leaves the version as it is. Each BEGIN has a line nonce=HEX, which no other attempt has,
 * so that a resume point can name the attempt whose records it counts. */
#ifndef PIXSWEEP_RECORD_H
#define PIXSWEEP_RECORD_H

#include "pixsweep/base.h"
#include "pixsweep/measures.h"
#include "pixsweep/records/files.h"
#include "pixsweep/records/state.h"

enum pxs_record_kind {
    PXS_RECORD_BEGIN = 1, /* an attempt starts (always the first record of an attempt) */
    PXS_RECORD_BATCH = 2,
    PXS_RECORD_EPOCH = 3,
    PXS_RECORD_SAMPLE = 4,
    PXS_RECORD_CHECKPOINT = 5,
    PXS_RECORD_EVENT = 6,
    PXS_RECORD_END = 7,        /* how the attempt ended, by its worker; none after a crash */
    PXS_RECORD_RUNG = 8,       /* what was decided about the run after an epoch, see sweep.prune */
    PXS_RECORD_BEST_SAMPLE = 9 /* the picture of the best weights so far, replaced with them */
};

enum pxs_outcome {
    PXS_OUTCOME_COMPLETED = 1,
    PXS_OUTCOME_DIVERGED,
    PXS_OUTCOME_FAILED,
    PXS_OUTCOME_INTERRUPTED,
    PXS_OUTCOME_PRUNED
};

/* The state that it leaves a run in; PXS_STATE_NONE for any other number. */
enum pxs_run_state pxs_outcome_state(enum pxs_outcome outcome);

struct pxs_record_begin {
    int64_t attempt; /* attempt number within the run, from 1 */
    int64_t at_ms;   /* UTC milliseconds */
    /* -1: from the start; records at and after this step are repeated from here on */
    int64_t resumed_from_step;
    /* environment, "key=value\n" lines: version, commit, kernels, ... (pxs_record_begin_add) */
    char text[8192];
};
struct pxs_record_batch {
    int64_t step; /* 0-based over the whole run */
    int32_t epoch, batch;
    struct pxs_losses losses;
    PXS_BATCH_OTHERS(PXS_MEASURE_MEMBER) /* lr_G, lr_D, seconds */
};
struct pxs_record_epoch {
    int32_t epoch, is_best;
    /* measures.def: lr_G, ..., avg_loss_G, ..., val_loss, ...; NaN = none (NULL in the database),
     * and in files older than the value. Averages are plain means over the epoch's
     * batches, rates those of the last one; seconds are the whole epoch's, validation and files
     * included. */
    PXS_EPOCH_MEASURES(PXS_MEASURE_MEMBER)
};
/* SAMPLE and BEST_SAMPLE. */
struct pxs_record_sample {
    int64_t step; /* the last one that the weights have made */
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
/* Kind of the event about a run that begins with a shorter one's epochs. Of level info: the batches
 * before it are that run's; else it says why it does not. */
#define PXS_EVENT_SHORTER "shorter"
struct pxs_record_end {
    int64_t at_ms;
    int32_t outcome; /* enum pxs_outcome */
    int64_t step;    /* first step not done */
    char message[1024];
};

/* The run was compared with others after `epoch`. */
struct pxs_record_rung {
    int32_t epoch, go_on; /* go_on 0: pruned */
    double value;         /* of the run: its validation loss */
    /* the largest value that goes on; NaN: there was nothing to compare with */
    double cutoff;
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
        struct pxs_record_rung rung;
    };
};

/* All values of the epoch are NaN. */
void pxs_record_no_values(struct pxs_record_epoch *epoch);

/* Adds the line "key=value" to begin->text (zero it first). Line breaks within the value become
 * spaces. False, and nothing added, where it does not fit or the key is empty or holds '=' or a
 * line break. */
bool pxs_record_begin_add(struct pxs_record_begin *begin, const char *key, const char *fmt, ...)
    PXS_PRINTF(3, 4);

/* A random number that tells an attempt from all others, as text: the line nonce=... of its BEGIN.
 */
#define PXS_RECORD_NONCE 17 /* 16 digits and NUL */
PXS_NODISCARD enum pxs_status pxs_record_nonce(char out[PXS_RECORD_NONCE], struct pxs_error *err);

/* ---- writing -------------------------------------------------------------------------------- */

struct pxs_record_writer;
/* Opens or creates `path` for appending, after cutting it back to `keep_bytes` (the length that a
 * resume point holds; 0 = start anew) or, with keep_bytes < 0, to the end of its last whole
 * record. PXS_E_CORRUPT, and the file untouched, where it is shorter than keep_bytes, where
 * keep_bytes is not the end of a record, or where what is to be kept is damaged; PXS_E_UNSUPPORTED
 * where a newer pixsweep wrote it. One writer at a time: the caller holds the lock of the run's
 * folder. */
PXS_NODISCARD enum pxs_status pxs_record_writer_open(const char *path, int64_t keep_bytes,
                                                     struct pxs_record_writer **out,
                                                     struct pxs_error *err);
/* The same, but in a new file of version 2 that takes the name `path`: what is to be kept is copied
 * first, all of it reaches the disk, and then the file is renamed over the one that was there. So a
 * process of another machine that still has the old file open, since it was cut off and does not
 * know that the run is no longer its own, writes into a file without a name. */
PXS_NODISCARD enum pxs_status pxs_record_writer_replace(const char *path, int64_t keep_bytes,
                                                        struct pxs_record_writer **out,
                                                        struct pxs_error *err);
/* The same on a new file in memory, without a name or a folder, gone when closed. For measuring. */
PXS_NODISCARD enum pxs_status pxs_record_writer_in_memory(struct pxs_record_writer **out,
                                                          struct pxs_error *err);
/* Appends with one write(2); durable against a crash of the process at return, against power loss
 * after _sync. On failure (disk full) the file is cut back to the last whole record, and the writer
 * can be used again. PXS_E_INVALID for an unknown kind, a text without its NUL, or a field that no
 * run can have (records/possible.c); bytes of a text that are no UTF-8 become '?'. */
PXS_NODISCARD enum pxs_status pxs_record_write(struct pxs_record_writer *w,
                                               const struct pxs_record *r, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_record_sync(struct pxs_record_writer *w, struct pxs_error *err);
/* Length of the file, always the end of a whole record. */
int64_t pxs_record_writer_bytes(const struct pxs_record_writer *w);
void pxs_record_writer_close(struct pxs_record_writer **w);

/* ---- reading -------------------------------------------------------------------------------- */

/* A cursor reads whole records from `offset` on, while the file may still grow. Offset 0 is the
 * first record. */
struct pxs_record_cursor;
/* PXS_E_NOT_FOUND where there is no file or it is shorter than the offset, PXS_E_CORRUPT where it
 * is no record file, PXS_E_UNSUPPORTED where a newer pixsweep wrote it. A file whose header is not
 * whole yet reads as empty. */
PXS_NODISCARD enum pxs_status pxs_record_cursor_open(const char *path, int64_t offset,
                                                     struct pxs_record_cursor **out,
                                                     struct pxs_error *err);
/* PXS_OK with *more = true and *r filled; PXS_OK with *more = false at the end (a torn or
 * half-written tail is the end, too, until it becomes whole; so are zeros that fill a hole of any
 * size); PXS_E_CORRUPT, naming both offsets, where damage is followed by more records, where 64 MB
 * without one follow (nothing behind them is read), and for a whole record that no run can have
 * written (an unknown kind, numbers out of bounds, a path that leads out of the run's folder, no
 * UTF-8): what is handed out, the store takes; PXS_E_NOT_FOUND where the file is shorter than the
 * offset (it was cut back: find the attempt's beginning again). *r needs no initialisation and is
 * undefined unless *more; so are the bytes behind a text's NUL. PXS_E_NOT_FOUND, too, once another
 * file has taken the name (pxs_record_writer_replace): nothing that was written to the old one
 * after that is handed out. On any error the cursor stays. */
PXS_NODISCARD enum pxs_status pxs_record_next(struct pxs_record_cursor *c, struct pxs_record *r,
                                              bool *more, struct pxs_error *err);
/* Just behind the last record handed out. */
int64_t pxs_record_cursor_offset(const struct pxs_record_cursor *c);
/* Goes to an offset that _offset once returned (0 = first record). */
void pxs_record_cursor_seek(struct pxs_record_cursor *c, int64_t offset);
/* Reads no further than this offset (behind a record), as if the file ended there. */
void pxs_record_cursor_stop(struct pxs_record_cursor *c, int64_t offset);
const char *pxs_record_cursor_path(const struct pxs_record_cursor *c);
void pxs_record_cursor_close(struct pxs_record_cursor **c);

/* What was before, of a file that is read from its first record on. Zero-initialise; n_epochs and
 * stops_early are the reader's. */
enum { PXS_RECORD_WHY = 160 };
struct pxs_record_order {
    int64_t n_epochs;  /* of the run; 0 = not known */
    bool stops_early;  /* it may be completed before that */
    bool begun, ended; /* an attempt has begun; its END was read */
    /* it has just begun: its first step may repeat one that was there before */
    bool repeats;
    int64_t step, epoch, batches; /* of the next batch; batches of an epoch, 0 = not known yet */
};
/* Whether a writer can have left `r` behind what *o has seen; then *o has seen it, too. Else `why`
 * says what is wrong, and it is damage: steps have no gap and go back only where an attempt begins
 * (resumed_from_step), an epoch's record stands behind its last batch, none is beyond the run's
 * epochs, completed means all of them, and behind END there is nothing but another BEGIN. A cursor
 * does not ask, since it may be opened anywhere. */
bool pxs_record_follows(struct pxs_record_order *o, const struct pxs_record *r,
                        char why[PXS_RECORD_WHY]);

/* Where in the file attempt number `attempt` begins: the offset of its BEGIN record, to open a
 * cursor there. A supervisor that has just started a worker calls this until it succeeds, so that
 * it never takes an earlier attempt's records for this one's before the worker has cut the file
 * back. PXS_E_NOT_FOUND while there is no such record (or no file). */
PXS_NODISCARD enum pxs_status pxs_record_find_attempt(const char *path, int64_t attempt,
                                                      int64_t *offset, struct pxs_error *err);

/* The last BEGIN record before byte `bytes`, where a record ends (PXS_E_CORRUPT where none does, or
 * where there is damage before it); with bytes -1 that of the whole file, up to damage.
 * PXS_E_NOT_FOUND where there is no file or no such record; other errors as above. */
PXS_NODISCARD enum pxs_status pxs_record_last_begin(const char *path, int64_t bytes,
                                                    struct pxs_record_begin *out,
                                                    struct pxs_error *err);

/* ---- an attempt's environment --------------------------------------------------------------- */

/* Value of "key=value\n" lines; false if there is none. */
bool pxs_line_value(const char *lines, const char *key, char *out, size_t size);

#endif
