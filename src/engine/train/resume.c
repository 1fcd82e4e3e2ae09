/* Resume points: a run's whole state in one file, from which it continues with the same bits (order
 * of safety: docs/architecture.md; files: docs/contracts.md, Files of a run). */
#include "train_priv.h"

#include "resume_priv.h"

#include "pixsweep/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The last point becomes the previous one when the new one is written and may have its name, so
 * that a whole one exists at any time. */
struct replacement {
    const struct pxs_file_guard *guard;
    const char *last, *previous; /* previous NULL: the last one is not kept */
};

static enum pxs_status keep_previous(void *user, struct pxs_error *err) {
    const struct replacement *r = user;
    if (r->guard->may_commit)
        PXS_TRY(r->guard->may_commit(r->guard->user, err));
    if (r->previous && rename(r->last, r->previous) != 0 && errno != ENOENT)
        return pxs_fail_errno(err, "cannot rename %s to %s", r->last, r->previous);
    return PXS_OK;
}

/* Writes the state before the next step to `path`. */
static enum pxs_status write_point(struct training *t, const char *path,
                                   const struct pxs_file_guard *guard, struct pxs_error *err) {
    const struct pxs_train_job *job = t->job;
    struct resume_state s = {.format = RESUME_FORMAT,
                             .step = t->step,
                             .epoch = t->epoch,
                             .batch = t->batch,
                             .record_bytes = pxs_record_writer_bytes(job->records),
                             .best = t->best,
                             .epoch_seconds = train_epoch_seconds(t),
                             .lr_G = t->rates.lr_G,
                             .lr_D = t->rates.lr_D,
                             .measures = pxs_measures_version(),
                             .sums = t->sums,
                             .early_best = t->early.best,
                             .early_epoch = t->early.epoch};
    struct resume_text text;
    snprintf(s.config_hash, sizeof s.config_hash, "%s", job->config_hash);
    snprintf(s.nonce, sizeof s.nonce, "%s", job->nonce ? job->nonce : "");
    memcpy(s.plateau, t->plateau, sizeof s.plateau);
    PXS_TRY(resume_engine(job->kernels, t->p, &s, err));
    resume_print(&s, &text);

    /* The records that the point counts reach the disk before it does. */
    PXS_TRY(pxs_record_sync(job->records, err));
    return pxs_pix2pix_save_state(t->model, path, text.metadata, guard, resume_crc(&text), err);
}

static enum pxs_status save(struct training *t, struct pxs_error *err) {
    const struct pxs_train_job *job = t->job;
    char path[PXS_PATH_MAX], previous[PXS_PATH_MAX];
    PXS_TRY(train_may_write(t, err));
    if (!pxs_path_join(path, sizeof path, job->dir, PXS_RESUME_FILE) ||
        !pxs_path_join(previous, sizeof previous, job->dir, PXS_RESUME_PREVIOUS))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", job->dir);

    /* Where this attempt resumed from the previous one, the last one was damaged and is
     * overwritten. */
    const bool damaged = !t->saved_here && job->resume && job->resume->step >= 0 &&
                         strcmp(job->resume->path, previous) == 0;
    /* Two of them at a time are all that a disk is asked for. */
    if (!damaged && unlink(previous) != 0 && errno != ENOENT)
        return pxs_fail_errno(err, "cannot remove %s", previous);
    struct replacement r = {&t->guard, path, damaged ? NULL : previous};
    const struct pxs_file_guard guard = {keep_previous, &r};
    return write_point(t, path, &guard, err);
}

enum pxs_status train_save_final(struct training *t, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    if (!t->job->config_hash)
        return PXS_OK;
    if (!pxs_path_join(path, sizeof path, t->job->dir, PXS_FINAL_FILE))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", t->job->dir);
    PXS_TRY(train_may_write(t, err));
    return write_point(t, path, &t->guard, err);
}

/* Training continues where a point cannot be written; the next one is tried when it is due. */
enum pxs_status train_save_resume(struct training *t, struct pxs_error *err) {
    if (!t->job->config_hash || (t->saved_step == t->step && t->saved_epoch == t->epoch))
        return PXS_OK; /* nothing has changed since the last point */
    double began = pxs_monotonic();
    enum pxs_status status = save(t, err);
    t->saved_at = pxs_monotonic();
    if (status == PXS_OK) {
        t->saved_step = t->step;
        t->saved_epoch = t->epoch;
        t->saved_here = true;
        pxs_log(t->job->log, PXS_LOG_INFO, "resume point before step %lld, %.0f ms",
                (long long)t->step, 1e3 * (t->saved_at - began));
    } else if (!t->lost)
        pxs_log(t->job->log, PXS_LOG_WARN, "no resume point: %s", err->message);
    return t->lost ? PXS_E_BUSY : PXS_OK;
}

void train_keep_one_resume(const struct training *t) {
    char previous[PXS_PATH_MAX];
    if (t->saved_here && t->saved_step == t->step &&
        pxs_path_join(previous, sizeof previous, t->job->dir, PXS_RESUME_PREVIOUS))
        unlink(previous);
}

enum pxs_status train_load_point(struct training *t, const struct pxs_resume_point *point,
                                 struct pxs_error *err) {
    struct resume_state s;
    struct pxs_safetensors *file = NULL;
    PXS_TRY(pxs_safetensors_open(point->path, &file, err));
    enum pxs_status status = resume_read(file, &s, err);
    pxs_safetensors_destroy(&file);
    PXS_TRY(status);
    const bool fits = s.epoch >= 0 && s.epoch < t->p->n_epochs && s.batch >= 0 &&
                      s.batch <= t->batches && s.step == s.epoch * t->batches + s.batch &&
                      s.step == point->step;
    if (!fits)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s: step %lld, epoch %lld, batch %lld do not fit this run", point->path,
                        (long long)s.step, (long long)s.epoch, (long long)s.batch);
    PXS_TRY(pxs_pix2pix_load_state(t->model, point->path, err));

    t->step = t->saved_step = s.step;
    t->epoch = t->saved_epoch = s.epoch;
    t->batch = s.batch;
    t->best = s.best;
    t->epoch_before = s.epoch_seconds;
    if (s.batch >
        0) /* at the start of an epoch all sums begin anew, also those unknown to the point */
        t->sums = s.sums;
    if (s.format >= 2) /* older runs had no plateau policy */
        memcpy(t->plateau, s.plateau, sizeof t->plateau);
    if (s.format >= 3)
        t->early = (struct train_early){s.early_best, s.early_epoch};
    return PXS_OK;
}

void pxs_train_drop_resume(const char *dir) {
    static const char *const names[] = {PXS_RESUME_FILE, PXS_RESUME_PREVIOUS};
    char path[PXS_PATH_MAX];
    for (size_t i = 0; i < PXS_COUNT(names); i++)
        if (pxs_path_join(path, sizeof path, dir, names[i]))
            unlink(path); /* where this fails, the file only takes space */
}
