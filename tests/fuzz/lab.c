/* `import lab`: the three text logs, parted by a line "---", taken into a fresh database and imported once more. */
#include "database.h"
#include "fuzz.h"

#include "pixsweep/report.h"

#include <string.h>

static size_t part(const uint8_t *at, size_t left) {
    const uint8_t *end = memmem(at, left, "---\n", 4);
    return end ? (size_t)(end - at) : left;
}

static void read_back(struct pxs_store *s, const char *sweep) {
    const struct pxs_list_options list = {.sweep = sweep};
    const struct pxs_compare_options compare = {.sweep = sweep};
    struct pxs_text out = {0};
    struct pxs_error err;
    fuzz_answer(pxs_report_list(s, &list, PXS_FORMAT_TABLE, 100, &out, &err), &err);
    fuzz_answer(pxs_report_compare(s, &compare, PXS_FORMAT_TABLE, 100, &out, &err), &err);
    pxs_text_finish(&out);
}

static bool import(struct pxs_store *s, size_t *added) {
    const struct pxs_lab_options options = {.dir = fuzz_path(0, "logs/log"), .sweep = "old"};
    struct pxs_lab_result result = {0};
    struct pxs_error err;
    bool fine = fuzz_answer(pxs_lab_import(s, &options, &result, &err), &err);
    *added = result.added;
    if (fine && result.added > 0)
        read_back(s, result.sweep);
    pxs_lab_result_finish(&result);
    return fine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const files[] = {"logs/log/train_loss.txt", "logs/log/loss_time.txt",
                                        "logs/log/list_loss.txt"};
    size_t added;
    for (size_t i = 0; i < PXS_COUNT(files); i++) {
        size_t n = part(data, size), skip = n + 4 < size ? n + 4 : size;
        fuzz_remove(files[i]);
        if (n > 0)
            fuzz_write(files[i], data, n);
        data += skip;
        size -= skip;
    }
    struct pxs_store *s = fuzz_empty_database("fuzz.db");
    if (import(s, &added) && import(s, &added))
        fuzz_require(added == 0, "the same logs are not imported twice");
    pxs_store_close(&s);
    return 0;
}
