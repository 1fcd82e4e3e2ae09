/* `data check`: everything that loading would refuse or warn of, one problem a line. */
#include "scan_priv.h"

#include <string.h>

static size_t usable(const struct pxs_scan *scan, size_t from, size_t n) {
    size_t good = 0;
    for (size_t i = from; i < from + n; i++)
        good += scan->seen[i].hash[0] != '\0';
    return good;
}

enum pxs_status pxs_dataset_check(const char *path, struct pxs_pool *pool, struct pxs_logger report,
                                  struct pxs_meter meter, struct pxs_check_summary *summary,
                                  struct pxs_error *err) {
    struct pxs_scan scan = {0};
    const size_t *count = scan.problems.count;
    enum pxs_status status = pxs_scan_list(&scan, path, err);
    if (status == PXS_OK)
        status = pxs_scan_read(&scan, pool, NULL, meter, NULL, NULL, err);
    if (status == PXS_OK) {
        const size_t errors = count[PXS_PROBLEM_ERROR];
        pxs_problems_report(&scan.problems, report);
        *summary = (struct pxs_check_summary){.train = usable(&scan, 0, scan.train),
                                              .val = usable(&scan, scan.train, scan.val),
                                              .has_val = scan.listing.folder[PXS_SPLIT_VAL].exists,
                                              .errors = errors,
                                              .warnings = scan.problems.n - errors -
                                                          count[PXS_PROBLEM_INFO]};
        memcpy(summary->hash, scan.hash, sizeof summary->hash);
    }
    pxs_scan_finish(&scan);
    return status;
}
