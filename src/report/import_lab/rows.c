/* A run of the lab's logs as the records that a run of ours would have left. */
#include "lab_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pxs_lab_rows {
    const struct pxs_lab_log *log;
    const struct pxs_lab_run *run;
    double lambda;
    struct pxs_meter meter;
    int64_t before, total;         /* for the meter */
    struct pxs_lab_reader *reader; /* NULL: there are no batches, or they are done */
    struct pxs_sha256 sha;
    int64_t n;         /* batches so far */
    size_t next_epoch; /* of the run's */
    double best;       /* validation loss so far */
};

enum pxs_status pxs_lab_rows_open(const struct pxs_lab_log *log, const struct pxs_lab_run *run,
                                  double lambda, struct pxs_meter meter, int64_t before,
                                  int64_t total, struct pxs_lab_rows **out, struct pxs_error *err) {
    struct pxs_lab_rows *rows = calloc(1, sizeof *rows);
    char path[PXS_PATH_MAX];
    if (!rows)
        return pxs_fail_nomem(err);
    *rows = (struct pxs_lab_rows){.log = log,
                                  .run = run,
                                  .lambda = lambda,
                                  .meter = meter,
                                  .before = before,
                                  .total = total,
                                  .best = INFINITY};
    pxs_lab_hash_begin(&rows->sha);
    enum pxs_status status = PXS_OK;
    if (!pxs_path_join(path, sizeof path, log->dir, log->file))
        status = pxs_fail(err, PXS_E_INVALID, "the path %s is too long", log->dir);
    else if (run->end > 0)
        status = pxs_lab_reader_open(path, run->begin, run->first_line,
                                     pxs_lab_is_loss_log(log) ? PXS_LAB_LOSS_GLUE : PXS_LAB_GLUE,
                                     &rows->reader, err);
    if (status != PXS_OK)
        pxs_lab_rows_close(&rows);
    else
        *out = rows;
    return status;
}

void pxs_lab_rows_close(struct pxs_lab_rows **rows) {
    if (!rows || *rows == NULL)
        return;
    pxs_lab_reader_close(&(*rows)->reader);
    free(*rows);
    *rows = NULL;
}

/* ---- batches -------------------------------------------------------------------------------- */

static enum pxs_status next_batch(struct pxs_lab_rows *rows, struct pxs_record *r, bool *more,
                                  struct pxs_error *err) {
    struct pxs_lab_line line;
    struct pxs_lab_batch b;
    char why[PXS_LAB_WHY];
    for (;;) {
        *more = false;
        if (rows->n < rows->run->rows)
            PXS_TRY(pxs_lab_reader_next(rows->reader, &line, more, err));
        if (!*more)
            break;
        if (!line.too_long && pxs_lab_parse(rows->log, line.text, line.bytes, &b, why))
            break;
    }
    if (!*more) {
        /* The log is read twice. The second reading must have the hash of the first, which is the
         * run's identity. */
        char hash[PXS_SHA256_HEX];
        pxs_sha256_hex(&rows->sha, hash);
        pxs_lab_reader_close(&rows->reader);
        if (rows->n == rows->run->rows && strcmp(hash, rows->run->hash) == 0)
            return PXS_OK;
        return pxs_fail(err, PXS_E_BUSY,
                        "%s/%s has changed while it was being imported; import again",
                        rows->log->dir, rows->log->file);
    }
    if (rows->n++ % 8192 == 0)
        pxs_meter_tell(rows->meter, "importing", (double)(rows->before + rows->n),
                       (double)rows->total);
    pxs_lab_hash_batch(&rows->sha, &b);
    r->kind = PXS_RECORD_BATCH;
    r->batch = (struct pxs_record_batch){.step = b.epoch * b.batches + b.batch,
                                         .epoch = (int32_t)b.epoch,
                                         .batch = (int32_t)b.batch,
                                         .losses = {.loss_G = b.loss_GAN + b.weighted_pixel,
                                                    .loss_GAN = b.loss_GAN,
                                                    .loss_pixel = b.weighted_pixel / rows->lambda,
                                                    .loss_D = b.loss_D,
                                                    .loss_real = b.loss_real,
                                                    .loss_fake = b.loss_fake},
                                         .lr_G = NAN,
                                         .lr_D = NAN,
                                         .seconds = NAN};
    return PXS_OK;
}

/* ---- epochs --------------------------------------------------------------------------------- */

static void put_epoch(struct pxs_lab_rows *rows, const struct pxs_lab_epoch *e,
                      struct pxs_record *r) {
    const double n = e->n > 0 ? (double)e->n : NAN;
    const struct pxs_lab_sums *s = &e->sums;
    const double value = e->has_value ? e->value : NAN;
    const bool best = value < rows->best;
    rows->best = best ? value : rows->best;
    r->kind = PXS_RECORD_EPOCH;
    pxs_record_no_values(&r->epoch);
    r->epoch.epoch = (int32_t)e->epoch;
    r->epoch.is_best = best;
    r->epoch.avg_loss_G = e->has_average ? e->average : s->loss_G / n;
    r->epoch.avg_loss_GAN = s->loss_GAN / n;
    r->epoch.avg_loss_pixel = s->weighted_pixel / n / rows->lambda;
    r->epoch.avg_loss_D = s->loss_D / n;
    r->epoch.avg_loss_real = s->loss_real / n;
    r->epoch.avg_loss_fake = s->loss_fake / n;
    r->epoch.val_loss = value;
}

enum pxs_status pxs_lab_rows_next(void *user, struct pxs_record *r, bool *more,
                                  struct pxs_error *err) {
    struct pxs_lab_rows *rows = user;
    if (rows->reader) {
        PXS_TRY(next_batch(rows, r, more, err));
        if (*more)
            return PXS_OK;
    }
    while (rows->next_epoch < rows->run->n &&
           !rows->log->epochs[rows->run->first + rows->next_epoch].ended)
        rows->next_epoch++;
    *more = rows->next_epoch < rows->run->n;
    if (*more)
        put_epoch(rows, &rows->log->epochs[rows->run->first + rows->next_epoch++], r);
    return PXS_OK;
}
