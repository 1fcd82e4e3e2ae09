/* The training loop: epochs, batches, records, and when it stops (docs/contracts.md, Training
 * semantics). */
#include "train_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After a gap of this length between two batches, with little CPU time used, the process was
 * suspended. */
#define STILL_SECONDS 10.0

enum pxs_status train_describe_blas(char *out, size_t size, struct pxs_error *err) {
    enum pxs_status status = pxs_blas_describe(out, size, err);
    if (status != PXS_OK)
        snprintf(out, size, "not loaded");
    return status;
}

enum pxs_status pxs_train_environment(const char *kernels, struct pxs_text *out,
                                      struct pxs_error *err) {
    const struct pxs_kernels *set;
    PXS_TRY(pxs_kernels_select(kernels, &set, err));
    char blas[256];
    /* no failure here: a model that needs OpenBLAS fails itself */
    (void)train_describe_blas(blas, sizeof blas, NULL);
    struct pxs_cpu cpu;
    pxs_cpu_detect(&cpu);
    pxs_text_addf(out, "kernels=%s\nopenblas=%s\ncpu=%s\n", pxs_kernels_name(set), blas, cpu.model);
    return out->failed ? pxs_fail_nomem(err) : PXS_OK;
}

/* ---- start and end -------------------------------------------------------------------------- */

/* Logs a message about the data; warnings are recorded, too. */
static void log_data(void *user, enum pxs_log_level level, const char *text) {
    const struct pxs_train_job *job = user;
    pxs_log(job->log, level, "%s", text);
    if (level < PXS_LOG_WARN || !job->records)
        return;
    struct pxs_record r = {.kind = PXS_RECORD_EVENT,
                           .event = {.at_ms = pxs_now_ms(), .level = level, .kind = "data"}};
    snprintf(r.event.message, sizeof r.event.message, "%.*s", (int)sizeof r.event.message - 1,
             text);
    struct pxs_error why; /* not returned: on a full disk the next record fails, too */
    if (pxs_record_write(job->records, &r, &why) != PXS_OK)
        pxs_log(job->log, PXS_LOG_WARN, "%s", why.message);
}

enum pxs_status train_load_data(struct training *t, struct pxs_error *err) {
    const struct pxs_train_job *job = t->job;
    struct pxs_dataset_options o = {.path = t->p->dataset,
                                    .img_height = (int)t->p->img_height,
                                    .img_width = (int)t->p->img_width,
                                    .channels = (int)t->p->channels,
                                    .a_to_b = t->p->direction == PXS_DIRECTION_ATOB,
                                    .jitter = (int)t->p->jitter,
                                    .val_fraction = t->p->val_fraction,
                                    .cache = job->cache,
                                    .pool = job->pool,
                                    .logger = {log_data, (void *)job},
                                    .stop = job->stop};
    PXS_TRY(pxs_dataset_load(&o, &t->data, err));
    const struct pxs_dataset_info *info = pxs_dataset_info(t->data);
    const bool other = job->data_hash && strcmp(job->data_hash, info->hash) != 0;
    if (other && job->files_hash && info->files_hash[0] &&
        strcmp(job->files_hash, info->files_hash) == 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "the files in %s are those that this run was planned with, but its lossy "
                        "pictures (JPEG) decode to other pixels here: planned %s, found %s; use "
                        "the decoder of the machine that planned it (another version of "
                        "libjpeg?), or convert the pictures to PNG and plan a new sweep",
                        t->p->dataset, job->data_hash, info->hash);
    if (other)
        return pxs_fail(err, PXS_E_INVALID,
                        "the data in %s changed since this run was planned: planned %s, found %s; "
                        "restore it, or plan a new sweep on the new data",
                        t->p->dataset, job->data_hash, info->hash);
    if (info->shared) {
        char size[32];
        pxs_format_bytes(size, info->bytes);
        pxs_log(job->log, PXS_LOG_INFO, "pictures: %s in %s, shared by all jobs", size,
                pxs_dataset_cache(t->data));
    }
    t->n_train = (uint32_t)info->train;
    t->n_val = (uint32_t)info->val;
    if (t->p->validation == PXS_VALIDATION_FULL && t->n_val == 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s has no validation pairs: add val/, set val_fraction above 0, or set "
                        "validation: off",
                        t->p->dataset);
    return PXS_OK;
}

enum pxs_status train_prepare(struct training *t, struct pxs_error *err) {
    size_t batch = (size_t)t->p->batch_size;
    t->image_floats = (size_t)t->p->img_height * (size_t)t->p->img_width * (size_t)t->p->channels;
    t->batches = ((int64_t)t->n_train + t->p->batch_size - 1) / t->p->batch_size;
    t->order = malloc(t->n_train * sizeof *t->order);
    t->source = pxs_aligned_alloc(batch * t->image_floats * sizeof(float));
    t->target = pxs_aligned_alloc(batch * t->image_floats * sizeof(float));
    t->fake = pxs_aligned_alloc(batch * t->image_floats * sizeof(float));
    if (!t->order || !t->source || !t->target || !t->fake)
        return pxs_fail_nomem(err);
    PXS_TRY(pxs_pix2pix_create(t->p, t->job->pool, t->job->kernels, &t->model, err));
    train_begin_rates(t);
    bool resumed = t->job->resume && t->job->resume->step >= 0;
    return resumed ? train_load_point(t, t->job->resume, err) : train_first_weights(t, err);
}

void train_finish(struct training *t) {
    pxs_pix2pix_destroy(&t->model);
    pxs_dataset_destroy(&t->data);
    free(t->order);
    pxs_aligned_free(t->source);
    pxs_aligned_free(t->target);
    pxs_aligned_free(t->fake);
}

/* ---- one batch ------------------------------------------------------------------------------ */

static const char *broken_loss(const struct pxs_losses *l) {
#define TRY(name, ...)      \
    if (!isfinite(l->name)) \
        return #name;
    /* The parts come first, since loss_G and loss_D are sums of them. */
    TRY(loss_GAN)
    TRY(loss_pixel)
    TRY(loss_real)
    TRY(loss_fake)
    PXS_LOSSES(TRY)
#undef TRY
    return NULL;
}

static enum pxs_status diverged(const struct training *t, const char *what, int64_t epoch,
                                int64_t batch, struct pxs_error *err) {
    return pxs_fail(err, PXS_E_DIVERGED,
                    "diverged: %s is no longer a finite number at step %" PRId64 " (epoch %" PRId64
                    ", batch %" PRId64 "; lr_G %g, lr_D %g); try a lower learning rate",
                    what, t->step, epoch, batch, t->rates.lr_G, t->rates.lr_D);
}

/* How each value of an epoch follows from its batches (`how` in measures.def): the initial sum,
 * what a batch adds, and the value after n batches. */
#define VALUE_BEGINS 0
#define MEAN_BEGINS 0
#define MAX_BEGINS (-INFINITY)
#define VALUE_ADD(sum, value)
#define MEAN_ADD(sum, value) sum += value;
#define MAX_ADD(sum, value) sum = value > sum ? value : sum; /* a NaN (not known) stays */
#define VALUE_END(out, sum, n)
#define MEAN_END(out, sum, n) out = (sum) / (double)(n);
#define MAX_END(out, sum, n) out = sum;

static void begin_sums(struct train_sums *sums) {
#define BEGIN(name, how, ...) .name = how##_BEGINS,
    *sums = (struct train_sums){PXS_EPOCH_MEASURES(BEGIN)};
#undef BEGIN
}

static void add_batch(struct train_sums *sums, const struct pxs_step_result *batch) {
#define ADD(name, how, of, ...) how##_ADD(sums->name, batch->of)
    PXS_EPOCH_MEASURES(ADD)
#undef ADD
}

static void end_sums(const struct train_sums *sums, int64_t n, struct pxs_record_epoch *out) {
#define END(name, how, ...) how##_END(out->name, sums->name, n)
    PXS_EPOCH_MEASURES(END)
#undef END
}

double train_clock(struct training *t) {
    struct timespec used = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const double now = pxs_monotonic(), cpu = (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
    const double gap = now - t->looked_at, worked = cpu - t->cpu_at;
    if (t->looked_at > 0 && gap > STILL_SECONDS && worked < gap / 4)
        t->stood_still += gap - worked;
    t->looked_at = now;
    t->cpu_at = cpu;
    return now - t->stood_still;
}

static enum pxs_status run_batch(struct training *t, struct pxs_error *err) {
    double began = train_clock(t);
    uint32_t first = (uint32_t)(t->batch * t->p->batch_size), left = t->n_train - first;
    int n = left < (uint32_t)t->p->batch_size ? (int)left : (int)t->p->batch_size;
    struct pxs_augment augment = {.flip = t->p->flip,
                                  .jitter = t->p->jitter > 0,
                                  .seed = (uint64_t)t->p->seed,
                                  .epoch = (uint32_t)t->epoch,
                                  .first = first};
    t->rates = train_rates(t, t->batch);
    struct pxs_record r = {.kind = PXS_RECORD_BATCH,
                           .batch = {.step = t->step,
                                     .epoch = (int32_t)t->epoch,
                                     .batch = (int32_t)t->batch,
                                     .lr_G = t->rates.lr_G,
                                     .lr_D = t->rates.lr_D}};
    pxs_dataset_batch(t->data, PXS_SPLIT_TRAIN, t->order + first, (size_t)n, &augment, t->source,
                      t->target);
    left -= (uint32_t)n;
    pxs_dataset_expect(t->data, PXS_SPLIT_TRAIN, t->order + first + n,
                       left < (uint32_t)n ? left : (uint32_t)n, &augment);
    struct pxs_step_result result;
    pxs_pix2pix_step(t->model, t->source, t->target, n, t->rates, t->step, &result);
    r.batch.losses = result.losses;
    r.batch.seconds = train_clock(t) - began;
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, &r, err), err);
    const char *broken = broken_loss(&r.batch.losses);
    if (broken)
        return diverged(t, broken, t->epoch, t->batch, err);
    add_batch(&t->sums, &result);
    if (train_is_sampled(t, t->step))
        TRAIN_PATIENTLY(t, train_sample(t, t->step, t->epoch, err), err);
    t->step++;
    t->batch++;
    return PXS_OK;
}

/* Between two batches: saves a resume point where one is due or asked for, and stops where the stop
 * flag is set. */
static enum pxs_status pause_between(struct training *t, struct pxs_error *err) {
    struct pxs_stop *stop = t->job->stop;
    bool asked = stop && atomic_exchange(&stop->save, 0) != 0;
    if (t->step > 0 &&
        (asked || train_stopped(t) || pxs_monotonic() - t->saved_at >= t->job->resume_every))
        PXS_TRY(train_save_resume(t, err));
    return train_stopped(t) ? pxs_fail(err, PXS_E_STOPPED, "stopped before step %" PRId64, t->step)
                            : PXS_OK;
}

/* ---- one epoch ------------------------------------------------------------------------------ */

bool train_stopped(const struct training *t) {
    return t->job->stop && atomic_load(&t->job->stop->signal) != 0;
}

enum pxs_status train_may_write(struct training *t, struct pxs_error *err) {
    if (!t->job->may_write)
        return PXS_OK;
    const enum pxs_status status = t->job->may_write(t->job->may_write_user, err);
    t->lost = t->lost || status == PXS_E_BUSY;
    return status;
}

static enum pxs_status may_commit(void *user, struct pxs_error *err) {
    return train_may_write(user, err);
}

double train_epoch_seconds(struct training *t) {
    return t->epoch_before + train_clock(t) - t->epoch_began;
}

static bool is_kept(const struct training *t, int64_t epoch) {
    int64_t every = t->p->checkpoint_interval;
    return every > 0 && epoch > 0 && (epoch + 1) % every == 0;
}

static enum pxs_status keep_weights(struct training *t, int64_t epoch, struct pxs_error *err) {
    char suffix[32];
    snprintf(suffix, sizeof suffix, "%" PRId64, epoch);
    TRAIN_PATIENTLY(t, train_checkpoint(t, suffix, epoch, err), err);
    return PXS_OK;
}

static enum pxs_status end_epoch(struct training *t, struct pxs_error *err) {
    struct train_quality q = train_validate(t, t->epoch);
    /* the rates of the epoch's last step, which an earlier attempt may have made */
    t->rates = train_rates(t, t->batches - 1);
    if (t->p->validation != PXS_VALIDATION_OFF && !isfinite(q.loss))
        return diverged(t, "the validation loss", t->epoch, t->batches - 1, err);

    const bool best = q.loss < t->best; /* false where validation is off */
    if (best) {
        t->best = q.loss;
        TRAIN_PATIENTLY(t, train_checkpoint(t, "min", t->epoch, err), err);
        TRAIN_PATIENTLY(t, train_best_sample(t, err), err);
    }
    if (is_kept(t, t->epoch))
        PXS_TRY(keep_weights(t, t->epoch, err));

    struct pxs_record r = {.kind = PXS_RECORD_EPOCH,
                           .epoch = {.epoch = (int32_t)t->epoch,
                                     .is_best = best,
                                     .lr_G = t->rates.lr_G,
                                     .lr_D = t->rates.lr_D,
                                     .val_loss = q.loss,
                                     .val_psnr = q.psnr,
                                     .val_ssim = q.ssim,
                                     .seconds = train_epoch_seconds(t)}};
    end_sums(&t->sums, t->batches, &r.epoch);
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, &r, err), err);
    TRAIN_PATIENTLY(t, pxs_record_sync(t->job->records, err), err);

    /* On to the next epoch. */
    train_follow_loss(t, q.loss);
    train_watch_progress(t, &q, r.epoch.avg_loss_G);
    t->val_loss = q.loss;
    t->epoch++;
    t->batch = 0;
    begin_sums(&t->sums);
    t->epoch_before = 0;
    return PXS_OK;
}

static enum pxs_status run_epoch(struct training *t, struct pxs_error *err) {
    t->epoch_began = train_clock(t);
    pxs_dataset_order(t->order, t->n_train, t->p->shuffle, (uint64_t)t->p->seed,
                      (uint32_t)t->epoch);
    PXS_TRY(pause_between(t, err));
    while (t->batch < t->batches) {
        PXS_TRY(run_batch(t, err));
        PXS_TRY(pause_between(t, err));
    }
    return end_epoch(t, err);
}

static enum pxs_status train(struct training *t, struct pxs_error *err) {
    PXS_TRY(train_load_data(t, err));
    PXS_TRY(train_prepare(t, err));
    if (t->job->shorter && t->step == 0)
        PXS_TRY(train_begin_from_shorter(t, err));
    while (t->epoch < t->p->n_epochs && !train_stops_early(t)) {
        PXS_TRY(train_pass_rung(t, err));
        PXS_TRY(run_epoch(t, err));
    }
    if (t->job->keep_final)
        TRAIN_PATIENTLY(t, train_save_final(t, err), err);
    /* Every completed run has a sample of its last weights. A pruned or diverged run has only that
     * of its best ones: it did not get to its last batch, or its weights are not finite. */
    if (!train_is_sampled(t, t->step - 1))
        TRAIN_PATIENTLY(t, train_sample(t, t->step - 1, t->epoch - 1, err), err);
    /* Without validation no weights are the best, so the last ones are kept under their epoch, too.
     */
    if (t->p->validation == PXS_VALIDATION_OFF && !is_kept(t, t->epoch - 1))
        PXS_TRY(keep_weights(t, t->epoch - 1, err));
    TRAIN_PATIENTLY(t, train_checkpoint(t, "last", t->epoch - 1, err), err);
    return t->epoch < t->p->n_epochs ? train_tell_early_stop(t, err) : PXS_OK;
}

static enum pxs_outcome outcome_of(enum pxs_status status) {
    switch (status) {
    case PXS_OK:
        return PXS_OUTCOME_COMPLETED;
    case PXS_E_DIVERGED:
        return PXS_OUTCOME_DIVERGED;
    case PXS_E_PRUNED:
        return PXS_OUTCOME_PRUNED;
    case PXS_E_STOPPED:
        return PXS_OUTCOME_INTERRUPTED;
    default:
        return PXS_OUTCOME_FAILED;
    }
}

/* Writes and syncs the END record, the attempt's last one. */
static enum pxs_status write_end(struct training *t, const struct pxs_record *r,
                                 struct pxs_error *err) {
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, r, err), err);
    TRAIN_PATIENTLY(t, pxs_record_sync(t->job->records, err), err);
    return PXS_OK;
}

enum pxs_status pxs_train_run(const struct pxs_train_job *job, struct pxs_error *err) {
    struct training t = {.job = job,
                         .p = job->params,
                         .best = INFINITY,
                         .early = {INFINITY, -1},
                         .val_loss = NAN,
                         .saved_step = -1,
                         .saved_at = pxs_monotonic(),
                         .guard = {may_commit, &t}};
    begin_sums(&t.sums);
    struct pxs_error why = {0}, lost;
    enum pxs_status status = train(&t, &why);
    struct pxs_record r = {
        .kind = PXS_RECORD_END,
        .end = {.at_ms = pxs_now_ms(), .outcome = outcome_of(status), .step = t.step}};
    snprintf(r.end.message, sizeof r.end.message, "%.*s", (int)sizeof r.end.message - 1,
             why.message);
    train_finish(&t);
    if (t.lost)
        return pxs_fail(err, PXS_E_BUSY, "%s", why.message);
    PXS_TRY(train_may_write(&t, err));
    enum pxs_status written = write_end(&t, &r, &lost);
    if (written == PXS_OK && (status == PXS_OK || status == PXS_E_DIVERGED))
        pxs_train_drop_resume(job->dir);
    if (status == PXS_OK && written != PXS_OK)
        return pxs_fail(err, written, "%s", lost.message);
    return status == PXS_OK ? PXS_OK : pxs_fail(err, status, "%s", why.message);
}
