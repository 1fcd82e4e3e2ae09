/* train_loss.txt or loss_log.txt: batch by batch, into the runs that were appended to it. */
#include "lab_priv.h"

#include <math.h>
#include <sys/stat.h>

struct split {
    struct pxs_lab_log *log;
    struct pxs_meter meter;
    double bytes;
    struct pxs_lab_batch last; /* of the current run */
    struct pxs_sha256 sha;
    int64_t unreadable; /* in the file */
    bool finite;        /* were the losses of the last batch numbers? */
    char unknown[32];
};

static struct pxs_lab_run *current_run(struct split *s) {
    return s->log->n_runs > 0 ? &s->log->runs[s->log->n_runs - 1] : NULL;
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* Why this batch cannot follow the last one in the same run; NULL = it can. */
static const char *breaks(const struct pxs_lab_batch *last, const struct pxs_lab_batch *b) {
    if (b->batches != last->batches)
        return "the number of batches changes";
    if (b->epoch < last->epoch)
        return "the epoch counter goes back";
    if (b->epoch == last->epoch && b->batch <= last->batch)
        return "the batch counter goes back";
    return NULL;
}

static void end_run(struct split *s) {
    struct pxs_lab_run *run = current_run(s);
    if (!run)
        return;
    struct pxs_lab_epoch *epoch = &s->log->epochs[s->log->n_epochs - 1];
    run->n = s->log->n_epochs - run->first;
    const int64_t stride = s->log->stride > 0 ? s->log->stride : 1;
    epoch->ended = s->last.batch + stride >= run->batches;
    pxs_sha256_hex(&s->sha, run->hash);
}

static bool begin_run(struct split *s, const struct pxs_lab_batch *b,
                      const struct pxs_lab_line *line, const char *why) {
    end_run(s);
    struct pxs_lab_run *run = pxs_lab_add_run(s->log);
    if (!run)
        return false;
    run->first_line = line->number;
    run->begin = line->begin;
    run->batches = b->batches;
    if (b->epoch > 0 || b->batch > 0)
        pxs_lab_note(
            s->log, s->log->file,
            "line %lld begins a run%s%s%s with epoch %lld, batch %lld: what came before it is not "
            "here, or it goes on from an earlier run's weights",
            (long long)line->number, why ? ", since " : "", why ? why : "", why ? "," : "",
            (long long)b->epoch, (long long)b->batch);
    pxs_lab_hash_begin(&s->sha);
    s->finite = true;
    return true;
}

/* ---- batches -------------------------------------------------------------------------------- */

static bool add_batch(struct split *s, const struct pxs_lab_batch *b,
                      const struct pxs_lab_line *line) {
    const char *why = s->log->n_runs > 0 ? breaks(&s->last, b) : NULL;
    const bool fresh = s->log->n_runs == 0 || why;
    if (fresh && !begin_run(s, b, line, why))
        return false;
    struct pxs_lab_run *run = current_run(s);
    if (!fresh && !pxs_lab_is_loss_log(s->log)) /* whose lines are apart anyhow */
        run->missing += (b->epoch - s->last.epoch) * b->batches + b->batch - s->last.batch - 1;
    if (fresh || b->epoch != s->last.epoch) {
        if (!fresh)
            s->log->epochs[s->log->n_epochs - 1].ended = true;
        if (!pxs_lab_add_epoch(s->log))
            return false;
        s->log->epochs[s->log->n_epochs - 1].epoch = b->epoch;
    }
    struct pxs_lab_epoch *epoch = &s->log->epochs[s->log->n_epochs - 1];
    epoch->n++;
    epoch->sums.loss_G += b->loss_GAN + b->weighted_pixel;
    epoch->sums.loss_GAN += b->loss_GAN;
    epoch->sums.weighted_pixel += b->weighted_pixel;
    epoch->sums.loss_D += b->loss_D;
    epoch->sums.loss_real += b->loss_real;
    epoch->sums.loss_fake += b->loss_fake;

    /* Since when the losses are no numbers. */
    const bool finite = isfinite(b->loss_D) && isfinite(b->loss_GAN) && isfinite(b->weighted_pixel);
    if (s->finite && !finite) {
        run->bad_epoch = b->epoch;
        run->bad_batch = b->batch;
    } else if (finite) {
        run->bad_epoch = -1;
    }
    s->finite = finite;

    run->rows++;
    run->last_line = line->number;
    run->end = line->behind;
    pxs_lab_hash_batch(&s->sha, b);
    s->last = *b;
    return true;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* PyTorch-GAN's script logs the L1 and the sum that it is weighted in: then lambda_pixel follows.
 */
static enum pxs_status check_lambda(const struct split *s, const struct pxs_lab_batch *b,
                                    const struct pxs_lab_line *line, struct pxs_error *err) {
    const double lambda = b->weighted_pixel / b->raw_pixel;
    if (!(b->raw_pixel > 0.01) || !isfinite(lambda) || s->log->lambda == 0 ||
        fabs(lambda - s->log->lambda) <= 0.01 * s->log->lambda)
        return PXS_OK;
    return pxs_fail(err, PXS_E_INVALID,
                    "%s/%s: in line %lld G loss is adv and %.4g times pixel, so lambda_pixel was "
                    "%.4g there, not %.4g: say --lambda %.4g",
                    s->log->dir, s->log->file, (long long)line->number, lambda, lambda,
                    s->log->lambda, round(lambda));
}

static enum pxs_status read_line(struct split *s, const struct pxs_lab_line *line,
                                 struct pxs_error *err) {
    char why[PXS_LAB_WHY];
    struct pxs_lab_batch b;
    if (pxs_lab_is_loss_log(s->log) && line->text[0] == '=') /* a heading */
        return PXS_OK;
    s->log->lines++;
    if (s->log->lines % 8192 == 0)
        pxs_meter_tell(s->meter, "reading logs", (double)line->begin, s->bytes);
    if (line->too_long || !pxs_lab_parse(s->log, line->text, line->bytes, &b, why)) {
        struct pxs_lab_run *run = current_run(s);
        pxs_lab_unreadable(s->log, s->log->file, line, line->too_long ? "far too long" : why,
                           &s->unreadable);
        if (run)
            run->unreadable++;
        return PXS_OK;
    }
    if (b.unknown[0] != '\0' && s->unknown[0] == '\0') {
        snprintf(s->unknown, sizeof s->unknown, "%s", b.unknown);
        pxs_lab_note(s->log, s->log->file,
                     "field '%s' is not known and left out (first in line %lld)", b.unknown,
                     (long long)line->number);
    }
    PXS_TRY(check_lambda(s, &b, line, err));
    return add_batch(s, &b, line) ? PXS_OK : pxs_fail_nomem(err);
}

enum pxs_status pxs_lab_split(struct pxs_lab_log *log, struct pxs_meter meter,
                              struct pxs_error *err) {
    struct split s = {.log = log, .meter = meter};
    struct pxs_lab_reader *reader = NULL;
    struct stat info;
    char path[PXS_PATH_MAX];
    const bool loss_log = pxs_lab_is_loss_log(log);
    if (!pxs_path_join(path, sizeof path, log->dir, log->file))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", log->dir);
    if (loss_log)
        PXS_TRY(pxs_lab_find_steps(log, err));
    PXS_TRY(
        pxs_lab_reader_open(path, 0, 1, loss_log ? PXS_LAB_LOSS_GLUE : PXS_LAB_GLUE, &reader, err));
    s.bytes = stat(path, &info) == 0 ? (double)info.st_size : 0;
    enum pxs_status status = PXS_OK;
    for (bool more = true; more && status == PXS_OK;) {
        struct pxs_lab_line line;
        status = pxs_lab_reader_next(reader, &line, &more, err);
        if (status == PXS_OK && more)
            status = read_line(&s, &line, err);
    }
    pxs_lab_reader_close(&reader);
    if (status != PXS_OK)
        return status;

    /* Lines that cannot be read were noted one by one; here what is missing between the others. */
    int64_t counted = 0;
    end_run(&s);
    pxs_lab_unreadable_rest(log, log->file, s.unreadable);
    for (size_t i = 0; i < log->n_runs; i++) {
        const struct pxs_lab_run *run = &log->runs[i];
        counted += run->unreadable;
        if (run->missing > 0)
            pxs_lab_note(log, log->file, "the run in lines %lld to %lld lacks %lld batches",
                         (long long)run->first_line, (long long)run->last_line,
                         (long long)run->missing);
    }
    /* What was unreadable before the first run belongs to it. */
    if (log->n_runs > 0)
        log->runs[0].unreadable += s.unreadable - counted;
    return PXS_OK;
}
