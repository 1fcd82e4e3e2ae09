/* A double for room train: writes records at speed, diverges, crashes and ignores signals on demand
 * (enum fake). */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor_tests.h"

struct fake_run {
    const struct pxs_train_job *job;
    struct pxs_train_estimate e;
    enum fake what;
};

static enum pxs_status put(const struct fake_run *f, const struct pxs_record *r,
                           struct pxs_error *err) {
    return pxs_record_write(f->job->records, r, err);
}

static enum pxs_status end(const struct fake_run *f, enum pxs_outcome outcome, int64_t step,
                           enum pxs_status status, const char *why, struct pxs_error *err) {
    struct pxs_record r = {.kind = PXS_RECORD_END};
    r.end.at_ms = pxs_now_ms();
    r.end.outcome = outcome;
    r.end.step = step;
    snprintf(r.end.message, sizeof r.end.message, "%s at step %lld", why, (long long)step);
    PXS_TRY(put(f, &r, err));
    PXS_TRY(pxs_record_sync(f->job->records, err));
    return status == PXS_OK ? PXS_OK
                            : pxs_fail(err, status, "%s at step %lld", why, (long long)step);
}

/* A made-up loss that depends on configuration, seed and step only. */
static double loss_at(const struct pxs_params *p, int64_t step, int which) {
    struct pxs_rng rng =
        pxs_rng_make((uint64_t)p->seed, PXS_STREAM_INIT, (uint32_t)step, (uint32_t)which);
    return pxs_rng_uniform(&rng) + p->learning_rate_G;
}

static enum pxs_status put_batch(const struct fake_run *f, int64_t step, double *sum,
                                 struct pxs_error *err) {
    const struct pxs_params *p = f->job->params;
    struct pxs_record r = {.kind = PXS_RECORD_BATCH};
    double l[6];
    for (int i = 0; i < 6; i++)
        l[i] = loss_at(p, step, i);
    *sum += l[0];
    r.batch = (struct pxs_record_batch){.step = step,
                                        .epoch = (int32_t)(step / f->e.batches_per_epoch),
                                        .batch = (int32_t)(step % f->e.batches_per_epoch),
                                        .losses = {l[0], l[1], l[2], l[3], l[4], l[5]},
                                        .lr_G = p->learning_rate_G,
                                        .lr_D = p->learning_rate_D,
                                        .seconds = 0.001};
    return put(f, &r, err);
}

/* Rises with learning_rate_D above its default, so that a test can say who is better. */
static double val_loss_at(const struct pxs_params *p, int64_t epoch) {
    return 0.5 + 0.1 * (double)epoch + 1000 * (p->learning_rate_D - 1e-4);
}

static enum pxs_status put_epoch(const struct fake_run *f, int64_t epoch, double sum,
                                 struct pxs_error *err) {
    struct pxs_record r = {.kind = PXS_RECORD_EPOCH};
    r.epoch = (struct pxs_record_epoch){.epoch = (int32_t)epoch,
                                        .is_best = epoch == 0,
                                        .lr_G = f->job->params->learning_rate_G,
                                        .lr_D = f->job->params->learning_rate_D,
                                        .avg_loss_G = sum / (double)f->e.batches_per_epoch,
                                        .val_loss = val_loss_at(f->job->params, epoch),
                                        .val_psnr = NAN,
                                        .val_ssim = NAN,
                                        .seconds = 0.01};
    return put(f, &r, err);
}

static bool first_time(const struct fake_run *f) {
    char path[PXS_PATH_MAX];
    struct stat info;
    pxs_path_join(path, sizeof path, f->job->dir, "fake.was.here");
    if (stat(path, &info) == 0)
        return false;
    return pxs_write_file(path, "x", 1, NULL) == PXS_OK;
}

static void die(int signal) {
    kill(getpid(), signal);
    for (;;)
        pause();
}

/* For ever; the file that PXS_FAKE_PID names tells who. */
static void hang(void) {
    char pid[32];
    const char *path = getenv("PXS_FAKE_PID");
    snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (path && pxs_write_file(path, pid, strlen(pid), NULL) != PXS_OK)
        _exit(99);
    for (;;)
        usleep(1000);
}

/* Stands for a resume point, one more each time that it is asked for. */
static void save(const struct fake_run *f) {
    char path[PXS_PATH_MAX];
    if (atomic_exchange(&f->job->stop->save, 0) == 0)
        return;
    pxs_path_join(path, sizeof path, f->job->dir, "fake.saved");
    FILE *file = fopen(path, "ab");
    fputs("x", file);
    fclose(file);
}

/* Between two batches; true where the run ends here with *status. */
static bool misbehave(const struct fake_run *f, int64_t step, enum pxs_status *status,
                      struct pxs_error *err) {
    if (f->what == FAKE_SLOW || f->what == FAKE_DEAF)
        usleep(20000);
    if (step == 1 && f->what == FAKE_STUCK)
        hang();
    if (step == 0 && f->what == FAKE_CRASH_STALL && first_time(f))
        die(SIGABRT);
    bool stalls = step == 1 && f->what == FAKE_STALL_ONCE && first_time(f);
    if (step == 1)
        while ((f->what == FAKE_STALL || f->what == FAKE_CRASH_STALL || stalls) &&
               atomic_load(&f->job->stop->signal) == 0) {
            save(f);
            usleep(1000);
        }
    if (step != 5)
        return false;
    if (f->what == FAKE_CRASH || (f->what == FAKE_CRASH_ONCE && first_time(f))) {
        pxs_log(f->job->log, PXS_LOG_ERROR, "about to die");
        die(f->what == FAKE_CRASH ? SIGABRT : SIGKILL);
    }
    if (f->what == FAKE_SILENT)
        _exit(0);
    if (f->what == FAKE_LOST_ONCE && first_time(f))
        _exit(PXS_EXIT_CLAIM_LOST);
    if (f->what == FAKE_TORN) {
        char path[PXS_PATH_MAX];
        pxs_path_join(path, sizeof path, f->job->dir, "records.bin");
        FILE *file = fopen(path, "ab");
        fputs("this is no record, and it is longer than a torn tail would be", file);
        fclose(file);
    }
    if (f->what != FAKE_DIVERGE && f->what != FAKE_FAIL)
        return false;
    *status =
        f->what == FAKE_DIVERGE
            ? end(f, PXS_OUTCOME_DIVERGED, step, PXS_E_DIVERGED, "loss_G is not a number", err)
            : end(f, PXS_OUTCOME_FAILED, step, PXS_E_CORRUPT, "the pairs smell", err);
    return true;
}

/* As room train does it: asks, records the verdict. */
static enum pxs_status pass_rung(const struct fake_run *f, int64_t epoch, struct pxs_error *err) {
    struct pxs_train_rung rung = {.epoch = epoch, .value = val_loss_at(f->job->params, epoch)};
    bool asks = false;
    for (size_t i = 0; i < f->job->n_rungs; i++)
        asks = asks || f->job->rungs[i] == epoch;
    if (!asks || epoch + 1 == f->job->params->n_epochs)
        return PXS_OK;
    if (f->job->ask(f->job->ask_user, &rung, err) != PXS_OK)
        return end(f, PXS_OUTCOME_INTERRUPTED, (epoch + 1) * f->e.batches_per_epoch, PXS_E_STOPPED,
                   "stopped", err);
    struct pxs_record r = {.kind = PXS_RECORD_RUNG};
    r.rung = (struct pxs_record_rung){(int32_t)epoch, rung.go_on, rung.value, rung.cutoff};
    PXS_TRY(put(f, &r, err));
    return rung.go_on ? PXS_OK
                      : end(f, PXS_OUTCOME_PRUNED, (epoch + 1) * f->e.batches_per_epoch,
                            PXS_E_PRUNED, rung.why, err);
}

static enum pxs_status run(struct fake_run *f, struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    double sum = 0;
    for (int64_t step = 0; step < f->e.steps; step++) {
        if (misbehave(f, step, &status, err))
            return status;
        PXS_TRY(put_batch(f, step, &sum, err));
        if ((step + 1) % f->e.batches_per_epoch == 0) {
            PXS_TRY(put_epoch(f, step / f->e.batches_per_epoch, sum, err));
            sum = 0;
            PXS_TRY(pass_rung(f, step / f->e.batches_per_epoch, err));
        }
        if (f->what != FAKE_DEAF && step + 1 < f->e.steps &&
            atomic_load(&f->job->stop->signal) != 0)
            return end(f, PXS_OUTCOME_INTERRUPTED, step + 1, PXS_E_STOPPED, "stopped", err);
    }
    return end(f, PXS_OUTCOME_COMPLETED, f->e.steps, PXS_OK, "done", err);
}

enum pxs_status pxs_train_run(const struct pxs_train_job *job, struct pxs_error *err) {
    struct fake_run f = {.job = job, .what = (enum fake)job->params->lambda_pixel};
    pxs_train_estimate(job->params, 16, 4, &f.e);
    return run(&f, err);
}

/* One line in PXS_FAKE_PROBES for each, so that they can be counted. */
static void note_probe(const struct pxs_params *p) {
    const char *path = getenv("PXS_FAKE_PROBES");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "ngf %d\n", (int)p->ngf);
    fclose(file);
}

enum pxs_status pxs_train_probe(const struct pxs_train_job *job, struct pxs_error *err) {
    note_probe(job->params);
    switch ((enum fake)job->params->lambda_pixel) {
    case FAKE_UNFIT:
        return pxs_fail(err, PXS_E_CORRUPT, "the pairs smell from afar");
    case FAKE_UNFIT_KILLED:
        die(SIGKILL);
        break;
    case FAKE_UNFIT_NOMEM:
        return pxs_fail_nomem(err);
    case FAKE_UNFIT_ABORT:
        pxs_log(job->log, PXS_LOG_ERROR, "about to die");
        die(SIGABRT);
        break;
    case FAKE_UNFIT_STUCK:
        hang();
        break;
    case FAKE_UNFIT_SLOW:
        while (atomic_load(&job->stop->signal) == 0)
            usleep(1000);
        return pxs_fail(err, PXS_E_STOPPED, "stopped");
    default:
        break;
    }
    return PXS_OK;
}

enum pxs_status pxs_train_find_resume(const char *dir, const char *config_hash,
                                      const struct pxs_params *params, const char *kernels,
                                      bool allow_mixed, struct pxs_resume_point *out,
                                      struct pxs_text *notes, struct pxs_error *err) {
    *out = (struct pxs_resume_point){.step = -1};
    return PXS_OK;
}

bool pxs_train_shorter_fits(const struct pxs_params *p, const struct pxs_params *shorter,
                            int64_t batches, const int64_t *rungs, size_t n_rungs,
                            struct pxs_text *why) {
    pxs_text_add(why, "nothing is trained here");
    return false;
}

enum pxs_status pxs_train_has_final(const struct pxs_shorter *shorter, const char *kernels,
                                    struct pxs_error *err) {
    return pxs_fail(err, PXS_E_NOT_FOUND, "nothing is trained here");
}

void pxs_train_drop_resume(const char *dir) {
    char path[PXS_PATH_MAX];
    if (pxs_path_join(path, sizeof path, dir, "resume.safetensors"))
        unlink(path);
}

void pxs_train_estimate(const struct pxs_params *params, int64_t n_train, int64_t n_val,
                        struct pxs_train_estimate *out) {
    (void)n_val;
    int64_t batches = (n_train + params->batch_size - 1) / params->batch_size;
    if ((enum fake)params->lambda_pixel == FAKE_FLOOD)
        batches = 10000;
    *out = (struct pxs_train_estimate){
        .batches_per_epoch = batches,
        .steps = batches * params->n_epochs,
        .gmac_per_step = 1,
        .memory_bytes = 1000,
        .disk_bytes = 1000,
        .weights_G = (enum fake)params->lambda_pixel == FAKE_HUGE ? (int64_t)1 << 50 : 1};
}

void pxs_schedule_resolve(const struct pxs_params *params, int net, int64_t batches,
                          struct pxs_schedule *out) {
    *out = (struct pxs_schedule){
        .policy = net == 0 ? params->lr_policy_G : params->lr_policy_D,
        .base = net == 0 ? params->learning_rate_G : params->learning_rate_D,
        .n_epochs = params->n_epochs,
        .batches = batches,
        .warmup_epochs = net == 0 ? params->warmup_epochs : params->warmup_epochs_D,
        .halve_every = net == 0 ? params->lrgd : params->lrdd};
}

double pxs_schedule_rate(const struct pxs_schedule *s, int64_t epoch, int64_t batch) {
    (void)batch;
    double rate = s->base;
    for (int64_t e = 1; s->policy == PXS_LR_HALVE && e <= epoch; e++)
        if ((e + 1) % s->halve_every == 0)
            rate *= 0.5;
    return rate;
}

enum pxs_status pxs_train_environment(const char *kernels, struct pxs_text *out,
                                      struct pxs_error *err) {
    if (strcmp(kernels, "auto") != 0 && strncmp(kernels, "fake", 4) != 0)
        return pxs_fail(err, PXS_E_UNSUPPORTED, "no kernel set \"%s\"", kernels);
    pxs_text_addf(out, "kernels=%s\nopenblas=none\n",
                  strcmp(kernels, "auto") == 0 ? "fake" : kernels);
    return PXS_OK;
}
