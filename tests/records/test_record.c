#include "record_tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *temp_file(void) {
    return in_folder("records.bin");
}

static struct pxs_losses losses(int n) {
    return (struct pxs_losses){n + 0.1, n + 0.2, n + 0.3, n + 0.4, n + 0.5, n + 0.6};
}

struct pxs_record *sample_record(enum pxs_record_kind kind, int n) {
    struct pxs_record *r = calloc(1, sizeof *r);
    r->kind = kind;
    switch (kind) {
    case PXS_RECORD_BEGIN:
        r->begin = (struct pxs_record_begin){
            .attempt = n, .at_ms = 1700000000000 + n, .resumed_from_step = -1};
        ck_assert(pxs_record_begin_add(&r->begin, "version", "%s", "0.1.0"));
        ck_assert(pxs_record_begin_add(&r->begin, "kernels", "avx%d", n));
        break;
    case PXS_RECORD_BATCH:
        r->batch =
            (struct pxs_record_batch){4294967296 + n, n, 2 * n, losses(n), 1e-4 * n, 2e-4, 0.012};
        break;
    case PXS_RECORD_EPOCH:
        pxs_record_no_values(&r->epoch);
        r->epoch.epoch = n;
        r->epoch.is_best = 1;
        r->epoch.lr_G = 1e-4;
        r->epoch.avg_loss_G = n + 0.1;
        r->epoch.avg_loss_fake = n + 0.6;
        r->epoch.val_loss = 0.25;
        r->epoch.val_ssim = 1.0 / 0.0;
        r->epoch.seconds = 12.5;
        r->epoch.D_real = 0.75;
        r->epoch.D_fake = 0.125;
        break;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        r->sample = (struct pxs_record_sample){.step = n, .epoch = 3};
        snprintf(r->sample.path, sizeof r->sample.path, "images/%d.png", n);
        memset(r->sample.sha256, 'a', 64);
        break;
    case PXS_RECORD_CHECKPOINT:
        r->checkpoint = (struct pxs_record_checkpoint){
            .epoch = n, .kind = "best", .net = "generator", .bytes = 4294967296 + n};
        strcpy(r->checkpoint.path, "saved_models/generator_min.safetensors");
        memset(r->checkpoint.sha256, 'b', 64);
        break;
    case PXS_RECORD_EVENT:
        r->event = (struct pxs_record_event){.at_ms = n, .level = PXS_LOG_WARN, .kind = "kernels"};
        strcpy(r->event.message, "zwei Zeilen:\n\xe6\x98\x9f");
        break;
    case PXS_RECORD_END:
        r->end = (struct pxs_record_end){.at_ms = n, .outcome = PXS_OUTCOME_DIVERGED, .step = 7};
        strcpy(r->end.message, "loss_G is nan at step 6");
        break;
    case PXS_RECORD_RUNG:
        r->rung = (struct pxs_record_rung){n, 1, 0.25, 0.0 / 0.0};
        break;
    }
    return r;
}

/* Compares the parts that a kind has; texts up to their NUL, numbers by their bits. */
bool same_record(const struct pxs_record *a, const struct pxs_record *b) {
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case PXS_RECORD_BEGIN:
        return a->begin.attempt == b->begin.attempt && a->begin.at_ms == b->begin.at_ms &&
               a->begin.resumed_from_step == b->begin.resumed_from_step &&
               strcmp(a->begin.text, b->begin.text) == 0;
    case PXS_RECORD_BATCH:
        return memcmp(&a->batch, &b->batch, sizeof a->batch) == 0;
    case PXS_RECORD_EPOCH:
        return memcmp(&a->epoch, &b->epoch, sizeof a->epoch) == 0;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        return a->sample.step == b->sample.step && a->sample.epoch == b->sample.epoch &&
               strcmp(a->sample.path, b->sample.path) == 0 &&
               strcmp(a->sample.sha256, b->sample.sha256) == 0;
    case PXS_RECORD_CHECKPOINT:
        return a->checkpoint.epoch == b->checkpoint.epoch &&
               a->checkpoint.bytes == b->checkpoint.bytes &&
               strcmp(a->checkpoint.kind, b->checkpoint.kind) == 0 &&
               strcmp(a->checkpoint.net, b->checkpoint.net) == 0 &&
               strcmp(a->checkpoint.path, b->checkpoint.path) == 0 &&
               strcmp(a->checkpoint.sha256, b->checkpoint.sha256) == 0;
    case PXS_RECORD_EVENT:
        return a->event.at_ms == b->event.at_ms && a->event.level == b->event.level &&
               strcmp(a->event.kind, b->event.kind) == 0 &&
               strcmp(a->event.message, b->event.message) == 0;
    case PXS_RECORD_END:
        return a->end.at_ms == b->end.at_ms && a->end.outcome == b->end.outcome &&
               a->end.step == b->end.step && strcmp(a->end.message, b->end.message) == 0;
    case PXS_RECORD_RUNG:
        return memcmp(&a->rung, &b->rung, sizeof a->rung) == 0;
    }
    return false;
}

struct pxs_record *nth_record(int n, int count) {
    enum pxs_record_kind kind = PXS_RECORD_BATCH;
    if (n == 0)
        kind = PXS_RECORD_BEGIN;
    else if (n == count - 1)
        kind = PXS_RECORD_END;
    else if (n % 3 == 0 && n / 3 < 5)
        kind = (enum pxs_record_kind)(PXS_RECORD_BATCH + n / 3);
    return sample_record(kind, n + 1);
}

void write_file(int count) {
    struct pxs_record_writer *w;
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    for (int i = 0; i < count; i++) {
        struct pxs_record *r = nth_record(i, count);
        ck_ok(pxs_record_write(w, r, &err));
        free(r);
    }
    pxs_record_writer_close(&w);
}

void file_read(unsigned char **data, size_t *bytes) {
    *data = (unsigned char *)slurp(temp_file(), bytes);
}

void file_write(const unsigned char *data, size_t bytes) {
    write_bytes(temp_file(), data, bytes);
}

int file_version(void) {
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    ck_assert_uint_ge(bytes, 16);
    int version = data[8];
    free(data);
    return version;
}

void set_file_version(unsigned char version) {
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    data[8] = version;
    uint32_t crc = pxs_crc32c(0, data, 12);
    for (int i = 0; i < 4; i++)
        data[12 + i] = (unsigned char)(crc >> (8 * i));
    file_write(data, bytes);
    free(data);
}

int main(void) {
    static TCase *(*const cases[])(void) = {codec_case, writer_case, cursor_case, race_look_case};
    return run_cases("record", cases, PXS_COUNT(cases), CK_NORMAL);
}
