/* `data check`: everything that loading would refuse or warn of, one problem a line, and what
 * trains badly without an error. */
#include "near_priv.h"

#include <stdlib.h>
#include <string.h>

static size_t usable(const struct pxs_scan *scan, size_t from, size_t n) {
    size_t good = 0;
    for (size_t i = from; i < from + n; i++)
        good += scan->seen[i].hash[0] != '\0';
    return good;
}

static enum pxs_status take_thumb(void *user, size_t pair, const struct pxs_half half[2],
                                  struct pxs_error *err) {
    struct pxs_thumb *thumbs = user;
    return pxs_thumb_make(half, &thumbs[pair], err);
}

/* ---- warnings of single pairs --------------------------------------------------------------- */

/* Pairs that share a flaw: how many, and the first names. */
struct flaw {
    struct pxs_text names;
    size_t n;
};

static void add_flawed(struct flaw *f, const struct pxs_seen *seen) {
    enum { NAMED = 5 };
    char name[4096];
    pxs_seen_name(seen, name, sizeof name);
    if (f->n++ < NAMED)
        pxs_text_addf(&f->names, "%s%s", f->n > 1 ? ", " : "", name);
    else if (f->n == NAMED + 1)
        pxs_text_add(&f->names, ", ...");
}

static void report_flaw(struct pxs_scan *scan, struct flaw *f, const char *what) {
    if (f->n > 0)
        pxs_problem_add(&scan->problems, PXS_PROBLEM_NOTE, "%zu of %zu pairs (%s): %s", f->n,
                        usable(scan, 0, scan->train + scan->val), pxs_text_str(&f->names), what);
    scan->problems.failed |= f->names.failed;
    pxs_text_finish(&f->names);
}

/* Halves of one colour among others that are not, which reading tells of, and halves that are one
 * picture. */
static void find_empty(struct pxs_scan *scan, const struct pxs_thumb *thumbs) {
    struct flaw plain[2] = {{{0}, 0}, {{0}, 0}}, same = {{0}, 0};
    const size_t all = scan->train + scan->val;
    for (int k = 0; k < 2; k++)
        for (int split = 0; split < 2; split++) {
            const size_t from = split == 0 ? 0 : scan->train, to = split == 0 ? scan->train : all;
            bool others = false;
            for (size_t i = from; i < to; i++)
                others |= scan->seen[i].hash[0] != '\0' && !scan->seen[i].range[k].plain;
            for (size_t i = from; i < to && others; i++)
                if (scan->seen[i].hash[0] != '\0' && scan->seen[i].range[k].plain)
                    add_flawed(&plain[k], &scan->seen[i]);
        }
    for (size_t i = 0; i < all; i++)
        if (scan->seen[i].hash[0] != '\0' && thumbs[i].identical && !scan->seen[i].range[0].plain)
            add_flawed(&same, &scan->seen[i]);
    report_flaw(scan, &plain[0],
                "half A is one colour throughout, black perhaps; remove them, or "
                "make their A anew");
    report_flaw(scan, &plain[1],
                "half B is one colour throughout, black perhaps; remove them, or "
                "make their B anew");
    report_flaw(scan, &same, "both halves are the same picture: there is nothing to translate");
}

static enum pxs_status find_near(struct pxs_scan *scan, const struct pxs_thumb *thumbs,
                                 struct pxs_pool *pool, struct pxs_meter meter,
                                 struct pxs_error *err) {
    enum { NAMED = 20 };
    size_t *near = malloc((scan->train + scan->val + 1) * sizeof *near), n = 0;
    if (!near)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_near_find(scan, thumbs, pool, meter, near, err);
    for (size_t i = 0; status == PXS_OK && i < scan->train + scan->val; i++) {
        char mine[2048], other[2048];
        if (near[i] == SIZE_MAX || n++ >= NAMED)
            continue;
        pxs_seen_name(&scan->seen[i], mine, sizeof mine);
        pxs_seen_name(&scan->seen[near[i]], other, sizeof other);
        pxs_problem_add(
            &scan->problems, PXS_PROBLEM_NOTE, "%s: nearly the same pair as %s%s", mine, other,
            i >= scan->train ? ", which is trained on: validation on it says little"
                             : ": val_fraction may hold the one back and train on the other");
    }
    if (n > NAMED)
        pxs_problem_add(&scan->problems, PXS_PROBLEM_NOTE,
                        "%zu more pairs are nearly the same as another one", n - NAMED);
    free(near);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void sum_up(const struct pxs_scan *scan, struct pxs_check_summary *out) {
    const size_t *count = scan->problems.count, errors = count[PXS_PROBLEM_ERROR];
    const enum pxs_kind kind = scan->listing.folder[PXS_SPLIT_TRAIN].kind;
    *out =
        (struct pxs_check_summary){.train = usable(scan, 0, scan->train),
                                   .val = usable(scan, scan->train, scan->val),
                                   .has_val = scan->listing.folder[PXS_SPLIT_VAL].exists,
                                   .errors = errors,
                                   .warnings = scan->problems.n - errors - count[PXS_PROBLEM_INFO],
                                   .partners = kind == PXS_KIND_AB,
                                   .mixed_sizes = count[PXS_PROBLEM_SIZE] > 0};
    memcpy(out->hash, scan->hash, sizeof out->hash);
    for (size_t i = scan->train + scan->val; i-- > 0;)
        for (int k = 0; k < 2 && scan->seen[i].hash[0] != '\0'; k++) {
            out->width[k] = scan->seen[i].width[k];
            out->height[k] = scan->seen[i].height[k];
        }
}

enum pxs_status pxs_dataset_check(const char *path, struct pxs_pool *pool, struct pxs_logger report,
                                  struct pxs_meter meter, struct pxs_check_summary *summary,
                                  struct pxs_error *err) {
    struct pxs_scan scan = {0};
    struct pxs_thumb *thumbs = NULL;
    enum pxs_status status = pxs_scan_list(&scan, path, err);
    if (status != PXS_OK)
        goto out;
    thumbs = calloc(scan.train + scan.val + 1, sizeof *thumbs);
    status = thumbs ? pxs_scan_read(&scan, pool, NULL, meter, take_thumb, thumbs, err)
                    : pxs_fail_nomem(err);
    if (status != PXS_OK)
        goto out;
    find_empty(&scan, thumbs);
    status = find_near(&scan, thumbs, pool, meter, err);
    if (status == PXS_OK && scan.problems.failed)
        status = pxs_fail_nomem(err);
    if (status != PXS_OK)
        goto out;
    pxs_problems_report(&scan.problems, report);
    sum_up(&scan, summary);
out:
    free(thumbs);
    pxs_scan_finish(&scan);
    return status;
}
