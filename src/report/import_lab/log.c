/* What was found in one folder of logs: arrays that grow, and the words about it. */
#include "lab_priv.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN 5 /* unreadable lines of a file that are named one by one */

void pxs_lab_log_finish(struct pxs_lab_log *log) {
    free(log->runs);
    free(log->epochs);
    pxs_text_finish(&log->notes);
    log->runs = NULL;
    log->epochs = NULL;
    log->n_runs = log->n_epochs = 0;
}

void *pxs_lab_grow(void *array, size_t n, size_t size) {
    if ((n & (n - 1)) != 0)
        return array;
    return realloc(array, (n > 0 ? 2 * n : 1) * size);
}

struct pxs_lab_epoch *pxs_lab_add_epoch(struct pxs_lab_log *log) {
    struct pxs_lab_epoch *grown = pxs_lab_grow(log->epochs, log->n_epochs, sizeof *grown);
    if (!grown)
        return NULL;
    log->epochs = grown;
    grown[log->n_epochs] = (struct pxs_lab_epoch){0};
    return &grown[log->n_epochs++];
}

struct pxs_lab_run *pxs_lab_add_run(struct pxs_lab_log *log) {
    struct pxs_lab_run *grown = pxs_lab_grow(log->runs, log->n_runs, sizeof *grown);
    if (!grown)
        return NULL;
    log->runs = grown;
    grown[log->n_runs] = (struct pxs_lab_run){.first = log->n_epochs, .bad_epoch = -1};
    return &grown[log->n_runs++];
}

void pxs_lab_note(struct pxs_lab_log *log, const char *file, const char *fmt, ...) {
    va_list ap;
    pxs_text_add_words(&log->notes, "%s/%s: ", log->dir, file);
    va_start(ap, fmt);
    pxs_text_add_wordsv(&log->notes, fmt, ap);
    va_end(ap);
    pxs_text_add(&log->notes, "\n");
}

void pxs_lab_unreadable(struct pxs_lab_log *log, const char *file, const struct pxs_lab_line *line,
                        const char *why, int64_t *n) {
    ++*n;
    log->unreadable++;
    if (*n > SHOWN)
        return;
    struct pxs_text shown = {0};
    pxs_text_add_clean(&shown, line->text, line->bytes < 60 ? line->bytes : 60);
    pxs_lab_note(log, file, "line %lld cannot be read (%s%s): %s", (long long)line->number, why,
                 line->torn ? ", and the file ends in it" : "", pxs_text_str(&shown));
    pxs_text_finish(&shown);
}

void pxs_lab_unreadable_rest(struct pxs_lab_log *log, const char *file, int64_t n) {
    if (n > SHOWN)
        pxs_lab_note(log, file, "%lld more lines cannot be read", (long long)(n - SHOWN));
}

void pxs_lab_hash_begin(struct pxs_sha256 *sha) {
    static const char version[] = "pixsweep import lab 1";
    pxs_sha256_init(sha);
    pxs_sha256_update(sha, version, sizeof version);
}

void pxs_lab_hash_batch(struct pxs_sha256 *sha, const struct pxs_lab_batch *b) {
    const int64_t counters[] = {b->epoch, b->batch, b->batches};
    double losses[] = {b->loss_D, b->weighted_pixel, b->loss_GAN, b->loss_real, b->loss_fake};
    for (size_t i = 0; i < PXS_COUNT(losses); i++) {
        if (losses[i] != losses[i])
            losses[i] = -1e300; /* one NaN is as good as another */
    }
    pxs_sha256_update(sha, counters, sizeof counters);
    pxs_sha256_update(sha, losses, sizeof losses);
}
