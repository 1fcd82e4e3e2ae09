/* `import lab`. The first byte: 1 the logs are taken into a fresh database, and once more, else
 * they are only taken apart, which is quicker. Then the four text logs, parted by a line "---". */
#include "database.h"
#include "fuzz.h"

#include "../../src/report/import_lab/lab_priv.h"
#include "pixsweep/inspect.h"

#include <stdlib.h>
#include <string.h>

static size_t part(const uint8_t *at, size_t left) {
    const uint8_t *end = memmem(at, left, "---\n", 4);
    return end ? (size_t)(end - at) : left;
}

static bool import(struct pxs_store *s, size_t *added) {
    const struct pxs_lab_options options = {.dir = fuzz_path(0, "logs/log"), .sweep = "old"};
    struct pxs_lab_result result = {0};
    struct pxs_error err;
    bool fine = fuzz_answer(pxs_lab_import(s, &options, &result, &err), &err);
    *added = result.added;
    if (fine)
        fuzz_answer(pxs_report_list(s, &(struct pxs_list_options){0}, PXS_FORMAT_TABLE, 100,
                                    &result.notes, &err),
                    &err);
    pxs_lab_result_finish(&result);
    return fine;
}

/* What import does before it asks for a database. */
static void take_apart(void) {
    struct pxs_lab_log *logs = NULL;
    struct pxs_error err;
    size_t n = 0;
    if (!fuzz_answer(pxs_lab_find(fuzz_path(0, "logs/log"), &logs, &n, &err), &err))
        return;
    for (size_t i = 0; i < n; i++) {
        enum pxs_status status = pxs_lab_split(&logs[i], (struct pxs_meter){0}, &err);
        const bool read = status == PXS_E_NOT_FOUND || fuzz_answer(status, &err);
        if (read && !pxs_lab_is_loss_log(&logs[i]))
            fuzz_answer(pxs_lab_match(&logs[i], &err), &err);
        for (size_t k = 0; k < logs[i].n_runs; k++) {
            const struct pxs_lab_run *run = &logs[i].runs[k];
            fuzz_require(run->first + run->n <= logs[i].n_epochs, "a run's epochs are there");
            fuzz_require(run->begin <= run->end && run->unreadable >= 0 && run->missing >= 0,
                         "counts are counts");
        }
        pxs_lab_log_finish(&logs[i]);
    }
    free(logs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const files[] = {"logs/log/train_loss.txt", "logs/log/loss_time.txt",
                                        "logs/log/list_loss.txt", "logs/log/loss_log.txt"};
    struct fuzz_input in = {data, size};
    size_t added;
    bool whole = fuzz_number(&in, 1) == 1;
    for (size_t i = 0; i < PXS_COUNT(files); i++) {
        size_t n = part(in.at, in.left), got;
        fuzz_remove(files[i]);
        if (n > 0)
            fuzz_write(files[i], in.at, n);
        fuzz_bytes(&in, n + 4, &got);
    }
    if (!whole) {
        take_apart();
        return 0;
    }
    struct pxs_store *s = fuzz_empty_database("fuzz.db");
    if (import(s, &added) && import(s, &added))
        fuzz_require(added == 0, "the same logs are not imported twice");
    pxs_store_close(&s);
    return 0;
}
