/* Resume points: a run's whole state in one file, so that it goes on to the same bits (order of
 * safety: docs/architecture.md; files: docs/contracts.md, Files of a run). */
#include "train_priv.h"

#include "resume_priv.h"

#include "pixsweep/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void gather(struct training *t, struct resume_state *s) {
    s->format = RESUME_FORMAT;
    snprintf(s->config_hash, sizeof s->config_hash, "%s", t->job->config_hash);
    s->step = t->step;
    s->epoch = t->epoch;
    s->batch = t->batch;
    s->record_bytes = pxs_record_writer_bytes(t->job->records);
    s->best = t->best;
    s->epoch_seconds = train_epoch_seconds(t);
    s->lr_G = t->rates.lr_G;
    s->lr_D = t->rates.lr_D;
    s->measures = pxs_measures_version();
    s->sums = t->sums;
    memcpy(s->plateau, t->plateau, sizeof s->plateau);
    s->early_best = t->early.best;
    s->early_epoch = t->early.epoch;
}

/* The last one steps aside first: whatever happens while the new one is written, there is a whole
 * one. Where the run went on from the previous one, the last one was no good: it is written
 * over. */
static enum pxs_status keep_previous(const struct training *t, const char *path,
                                     const char *previous, struct pxs_error *err) {
    const struct pxs_resume_point *from = t->job->resume;
    if (!t->saved_here && from && from->step >= 0 && strcmp(from->path, previous) == 0)
        return PXS_OK;
    if (rename(path, previous) != 0 && errno != ENOENT)
        return pxs_fail_errno(err, "cannot rename %s to %s", path, previous);
    return PXS_OK;
}

static enum pxs_status save(struct training *t, struct pxs_error *err) {
    char path[PXS_PATH_MAX], previous[PXS_PATH_MAX];
    struct resume_state s = {0};
    struct resume_text text;
    if (!pxs_path_join(path, sizeof path, t->job->dir, PXS_RESUME_FILE) ||
        !pxs_path_join(previous, sizeof previous, t->job->dir, PXS_RESUME_PREVIOUS))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", t->job->dir);
    PXS_TRY(resume_engine(t->job->kernels, t->p, &s, err));
    gather(t, &s);
    resume_print(&s, &text);
    PXS_TRY(pxs_record_sync(t->job->records, err));
    PXS_TRY(keep_previous(t, path, previous, err));
    return pxs_pix2pix_save_state(t->model, path, text.metadata, resume_crc(&text), err);
}

/* A point that cannot be written costs no result: training goes on, and the next one is tried in
 * its turn. */
void train_save_resume(struct training *t) {
    struct pxs_error err;
    if (!t->job->config_hash || (t->saved_step == t->step && t->saved_epoch == t->epoch))
        return; /* nothing is new since then */
    double began = pxs_monotonic();
    enum pxs_status status = save(t, &err);
    t->saved_at = pxs_monotonic();
    if (status == PXS_OK) {
        t->saved_step = t->step;
        t->saved_epoch = t->epoch;
        t->saved_here = true;
        pxs_log(t->job->log, PXS_LOG_INFO, "resume point before step %lld, %.0f ms",
                (long long)t->step, 1e3 * (t->saved_at - began));
    } else
        pxs_log(t->job->log, PXS_LOG_WARN, "no resume point: %s", err.message);
}

void train_keep_one_resume(const struct training *t) {
    char previous[PXS_PATH_MAX];
    if (t->saved_here && t->saved_step == t->step &&
        pxs_path_join(previous, sizeof previous, t->job->dir, PXS_RESUME_PREVIOUS))
        unlink(previous);
}

static enum pxs_status check_position(const struct training *t, const struct resume_state *s,
                                      struct pxs_error *err) {
    bool fits = s->epoch >= 0 && s->epoch < t->p->n_epochs && s->batch >= 0 &&
                s->batch <= t->batches && s->step == s->epoch * t->batches + s->batch &&
                s->step == t->job->resume->step;
    return fits ? PXS_OK
                : pxs_fail(err, PXS_E_CORRUPT,
                           "%s: step %lld, epoch %lld, batch %lld do not fit this run",
                           t->job->resume->path, (long long)s->step, (long long)s->epoch,
                           (long long)s->batch);
}

enum pxs_status train_load_resume(struct training *t, struct pxs_error *err) {
    struct resume_state s;
    struct pxs_safetensors *file = NULL;
    PXS_TRY(pxs_safetensors_open(t->job->resume->path, &file, err));
    enum pxs_status status = resume_read(file, &s, err);
    pxs_safetensors_destroy(&file);
    PXS_TRY(status);
    PXS_TRY(check_position(t, &s, err));
    PXS_TRY(pxs_pix2pix_load_state(t->model, t->job->resume->path, err));
    t->step = t->saved_step = s.step;
    t->epoch = t->saved_epoch = s.epoch;
    t->batch = s.batch;
    t->best = s.best;
    t->epoch_before = s.epoch_seconds;
    if (s.batch > 0) /* else they begin here, also those that the point does not know */
        t->sums = s.sums;
    if (s.format >= 2) /* before, no run had one */
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
            unlink(path); /* one that stays costs space only */
}
