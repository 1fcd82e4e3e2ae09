/* replay DIR RATE SECONDS: for measuring what a collector costs. Stands in for the jobs of the
 * submission in DIR: every run of its frozen plan gets a claim, of one of ten machines that do not
 * exist, which is touched every 30 s, and RATE batches a second in its records.bin, with the epochs
 * that its config.yaml asks for. Values are made up. After SECONDS, or where a run has all of its
 * epochs, attempts end as those of workers do. Says on stdout what it has written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pixsweep/plan.h"
#include "pixsweep/records.h"
#include "pixsweep/records/files.h"
#include "pixsweep/rundir.h"
#include "pixsweep/rundir/claim.h"

#define MACHINES 10
#define CHECK(call)                                       \
    do {                                                  \
        if ((call) != PXS_OK) {                           \
            fprintf(stderr, "replay: %s\n", err.message); \
            exit(1);                                      \
        }                                                 \
    } while (0)

struct replayed {
    const struct pxs_plan_run *run;
    struct pxs_claim claim;
    struct pxs_claim_owner owner;
    struct pxs_record_writer *records;
    int64_t started_ms, step, steps, batches; /* batches an epoch */
    bool ended;
};

static struct pxs_error err = {.message = ""};
static struct pxs_record record;

static void begin(const struct pxs_plan *plan, size_t i, struct replayed *r) {
    char path[PXS_PATH_MAX], nonce[PXS_RECORD_NONCE];
    r->run = &plan->runs[i];
    r->steps = r->run->estimate.steps;
    r->batches = r->run->estimate.batches_per_epoch;
    r->owner = (struct pxs_claim_owner){.pid = 1000 + (int64_t)i, .pid_start = 1};
    snprintf(r->owner.task, sizeof r->owner.task, "1_%zu", i);
    snprintf(r->owner.host, sizeof r->owner.host, "replayed%zu", i % MACHINES);
    snprintf(r->owner.boot_id, sizeof r->owner.boot_id, "boot%zu", i % MACHINES);
    CHECK(pxs_make_dirs(r->run->dir, &err));
    CHECK(pxs_claim_take(r->run->dir, &r->owner, &r->claim, &err));
    if (!pxs_path_join(path, sizeof path, r->run->dir, PXS_RECORDS_FILE))
        exit(1);
    CHECK(pxs_record_writer_open(path, 0, &r->records, &err));
    CHECK(pxs_record_nonce(nonce, &err));
    r->started_ms = pxs_now_ms();
    memset(&record, 0, sizeof record);
    record.kind = PXS_RECORD_BEGIN;
    record.begin.attempt = 1;
    record.begin.at_ms = r->started_ms;
    record.begin.resumed_from_step = -1;
    const char *const lines[][2] = {{"nonce", nonce},
                                    {"version", pxs_version()},
                                    {"host", r->owner.host},
                                    {"boot_id", r->owner.boot_id},
                                    {"cores", "0"},
                                    {"task", r->owner.task},
                                    {"restart", "0"},
                                    {"data_hash", r->run->data_hash},
                                    {"config_hash", r->run->config_hash}};
    for (size_t k = 0; k < PXS_COUNT(lines); k++)
        pxs_record_begin_add(&record.begin, lines[k][0], "%s", lines[k][1]);
    pxs_record_begin_add(&record.begin, "pid", "%lld", (long long)r->owner.pid);
    pxs_record_begin_add(&record.begin, "pid_start", "%lld", (long long)r->owner.pid_start);
    pxs_record_begin_add(&record.begin, "supervisor_pid", "%lld", (long long)r->owner.pid + 5000);
    pxs_record_begin_add(&record.begin, "threads", "1");
    pxs_record_begin_add(&record.begin, "seed", "%lld", (long long)r->run->seed);
    CHECK(pxs_record_write(r->records, &record, &err));
}

static void write_batch(struct replayed *r, double seconds) {
    const int64_t epoch = r->step / r->batches;
    const double loss = 1 / (1 + 1e-3 * (double)r->step);
    memset(&record, 0, sizeof record);
    record.kind = PXS_RECORD_BATCH;
    record.batch.step = r->step;
    record.batch.epoch = (int32_t)epoch;
    record.batch.batch = (int32_t)(r->step % r->batches);
    record.batch.losses.loss_G = record.batch.losses.loss_GAN = record.batch.losses.loss_pixel =
        loss;
    record.batch.losses.loss_D = record.batch.losses.loss_real = record.batch.losses.loss_fake =
        0.25;
    record.batch.lr_G = record.batch.lr_D = 2e-4;
    record.batch.seconds = seconds;
    CHECK(pxs_record_write(r->records, &record, &err));
    if (++r->step % r->batches != 0)
        return;
    memset(&record, 0, sizeof record);
    record.kind = PXS_RECORD_EPOCH;
    pxs_record_no_values(&record.epoch);
    record.epoch.epoch = (int32_t)epoch;
    record.epoch.is_best = 1;
    record.epoch.lr_G = record.epoch.lr_D = 2e-4;
    record.epoch.avg_loss_G = record.epoch.avg_loss_GAN = record.epoch.avg_loss_pixel = loss;
    record.epoch.avg_loss_D = record.epoch.avg_loss_real = record.epoch.avg_loss_fake = 0.25;
    record.epoch.val_loss = loss;
    record.epoch.seconds = seconds * (double)r->batches;
    CHECK(pxs_record_write(r->records, &record, &err));
}

static void end(struct replayed *r) {
    const bool whole = r->step == r->steps;
    const enum pxs_outcome outcome = whole ? PXS_OUTCOME_COMPLETED : PXS_OUTCOME_INTERRUPTED;
    const enum pxs_run_state state = pxs_outcome_state(outcome);
    struct pxs_store_attempt attempt = {.no = 1,
                                        .pid = r->owner.pid,
                                        .pid_start = r->owner.pid_start,
                                        .cores = "0",
                                        .threads = 1,
                                        .kernels = "auto",
                                        .started_ms = r->started_ms};
    const struct pxs_store_end how = {.outcome = state,
                                      .state = state,
                                      .exit_code = whole ? 0 : 130,
                                      .reason = whole ? PXS_REASON_COMPLETED : PXS_REASON_STOPPED,
                                      .message = "",
                                      .ended_ms = pxs_now_ms()};
    snprintf(attempt.host, sizeof attempt.host, "%s", r->owner.host);
    snprintf(attempt.boot_id, sizeof attempt.boot_id, "%s", r->owner.boot_id);
    memset(&record, 0, sizeof record);
    record.kind = PXS_RECORD_END;
    record.end.at_ms = how.ended_ms;
    record.end.outcome = outcome;
    record.end.step = r->step;
    CHECK(pxs_record_write(r->records, &record, &err));
    pxs_record_writer_close(&r->records);
    CHECK(pxs_ends_add(r->run->dir, &attempt, &how, &err));
    pxs_claim_release(&r->claim);
    r->ended = true;
}

int main(int argc, char **argv) {
    struct pxs_plan *plan;
    struct pxs_sweep_options options = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: replay DIR RATE SECONDS\n");
        return 2;
    }
    const double rate = atof(argv[2]), seconds = atof(argv[3]), began = pxs_monotonic();
    double claims_at = began + PXS_CLAIM_REFRESH_SECONDS;
    int64_t written = 0;
    CHECK(pxs_plan_thaw(argv[1], &plan, &options, &err));
    struct replayed *runs = calloc(plan->n, sizeof *runs);
    for (size_t i = 0; runs && i < plan->n; i++)
        begin(plan, i, &runs[i]);
    size_t left = plan->n;
    for (double now = began; runs && left > 0 && now - began < seconds; now = pxs_monotonic()) {
        for (size_t i = 0; i < plan->n; i++) {
            struct replayed *r = &runs[i];
            /* Runs begin a batch at different times. */
            const double due = ((double)r->step + (double)i / (double)plan->n) / rate;
            if (r->ended || now - began < due)
                continue;
            write_batch(r, 1 / rate);
            written++;
            if (r->step == r->steps) {
                end(r);
                left--;
            }
        }
        if (now >= claims_at) {
            for (size_t i = 0; i < plan->n; i++)
                if (!runs[i].ended)
                    CHECK(pxs_claim_refresh(&runs[i].claim, &err));
            claims_at = now + PXS_CLAIM_REFRESH_SECONDS;
        }
        nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 / rate / 20)}, NULL);
    }
    printf("%zu runs, %lld batches in %.1f s\n", plan->n, (long long)written,
           pxs_monotonic() - began);
    for (size_t i = 0; runs && i < plan->n; i++)
        if (!runs[i].ended)
            end(&runs[i]);
    free(runs);
    pxs_plan_destroy(&plan);
    return 0;
}
