/* Reads every pair of a data folder once: hashes it, hands it on, and compares it with the others.
 */
#include "scan_priv.h"
#include "pair_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- listing -------------------------------------------------------------------------------- */

enum pxs_status pxs_scan_list(struct pxs_scan *scan, const char *path, struct pxs_error *err) {
    PXS_TRY(pxs_list(path, &scan->listing, &scan->problems, err));
    scan->listed = scan->problems.n;
    scan->train = scan->listing.folder[PXS_SPLIT_TRAIN].pairs;
    scan->val = scan->listing.folder[PXS_SPLIT_VAL].pairs;
    scan->seen = calloc(scan->train + scan->val + 1, sizeof *scan->seen);
    if (!scan->seen)
        return pxs_fail_nomem(err);
    struct pxs_seen *next = scan->seen;
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < scan->listing.folder[i].n; k++) {
            const struct pxs_item *item = &scan->listing.folder[i].items[k];
            size_t pairs = item->kind == PXS_KIND_NPY ? item->array.pairs : 1;
            for (size_t index = 0; index < pairs; index++, next++) {
                next->item = item;
                next->index = index;
            }
        }
    return PXS_OK;
}

void pxs_scan_finish(struct pxs_scan *scan) {
    for (size_t i = 0; scan->seen && i < scan->train + scan->val; i++)
        free(scan->seen[i].problem);
    free(scan->seen);
    pxs_problems_finish(&scan->problems);
    pxs_listing_finish(&scan->listing);
    *scan = (struct pxs_scan){0};
}

void pxs_seen_name(const struct pxs_seen *seen, char *name, size_t size) {
    if (seen->item->kind == PXS_KIND_NPY && !seen->item->array.single)
        snprintf(name, size, "%s[%zu]", seen->item->name, seen->index);
    else
        snprintf(name, size, "%s", seen->item->name);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reading {
    struct pxs_scan *scan;
    const struct pxs_stop *stop;
    pxs_pair_fn take;
    void *user;
    struct pxs_meter meter;
    atomic_int done;   /* pairs */
    atomic_int failed; /* enum pxs_status of the first failure that is not about a file */
    atomic_flag said;  /* set by the piece that may write `err` */
    struct pxs_error err;
};

static void give_up(struct reading *r, const struct pxs_error *why) {
    if (!atomic_flag_test_and_set(&r->said)) {
        r->err = *why;
        atomic_store(&r->failed, why->status);
    }
}

static bool same_size(const struct pxs_seen *s) {
    return s->width[0] == s->width[1] && s->height[0] == s->height[1];
}

/* Size and bytes, so that a pair is the same pair in whatever file it lies: those of the picture of
 * both halves side by side, or of one half after the other where they differ in size. */
static void hash_pair(const struct pxs_half half[2], struct pxs_seen *seen) {
    struct pxs_sha256 h;
    char size[64];
    const bool beside = same_size(seen);
    int n = beside ? snprintf(size, sizeof size, "%d %d\n", 2 * seen->width[0], seen->height[0])
                   : snprintf(size, sizeof size, "%d %d, %d %d\n", seen->width[0], seen->height[0],
                              seen->width[1], seen->height[1]);
    pxs_sha256_init(&h);
    pxs_sha256_update(&h, size, (size_t)n);
    size_t row = (size_t)seen->width[0] * 3;
    for (size_t i = 0; beside && i < 2 * (size_t)seen->height[0]; i++)
        pxs_sha256_update(&h, half[i % 2].image.pixels + i / 2 * row, row);
    for (int k = 0; k < 2 && !beside; k++)
        pxs_sha256_update(&h, half[k].image.pixels,
                          (size_t)seen->width[k] * (size_t)seen->height[k] * 3);
    pxs_sha256_hex(&h, seen->hash);
}

static void hash_files(const struct pxs_half half[2], struct pxs_seen *seen) {
    struct pxs_sha256 h;
    if (half[0].lossy[0] == '\0' && half[1].lossy[0] == '\0')
        return;
    pxs_sha256_init(&h);
    for (int k = 0; k < 2; k++)
        if (half[k].lossy[0] != '\0')
            pxs_sha256_update(&h, half[k].lossy, strlen(half[k].lossy));
        else
            pxs_sha256_update(&h, half[k].image.pixels,
                              (size_t)seen->width[k] * (size_t)seen->height[k] * 3);
    pxs_sha256_hex(&h, seen->files_hash);
}

/* "The reason; the remedy". */
static char *with_remedy(enum pxs_status status, const struct pxs_error *why) {
    char text[sizeof why->message + 64];
    const char *remedy = pxs_damage_remedy(status, why);
    snprintf(text, sizeof text, "%s%s%s", why->message, remedy,
             *remedy ? ", or take the pair away" : "");
    return strdup(text);
}

static void read_one(void *user, int piece, int thread) {
    struct reading *r = user;
    struct pxs_seen *seen = &r->scan->seen[piece];
    struct pxs_half half[2];
    struct pxs_error why;
    if (atomic_load(&r->failed) != PXS_OK)
        return;
    const int done = atomic_fetch_add(&r->done, 1);
    if (thread == 0) /* the caller's own */
        pxs_meter_tell(r->meter, "reading pairs", done, (double)(r->scan->train + r->scan->val));
    if (r->stop && atomic_load(&r->stop->signal) != 0) {
        (void)pxs_fail(&why, PXS_E_STOPPED, "stopped while reading the data");
        give_up(r, &why);
        return;
    }
    enum pxs_status status = pxs_pair_read(seen->item, seen->index, half, &why);
    if (status == PXS_E_NOMEM) {
        give_up(r, &why);
    } else if (status != PXS_OK) {
        seen->bad = true;
        seen->problem = with_remedy(status, &why);
    } else {
        for (int k = 0; k < 2; k++) {
            seen->width[k] = half[k].image.width;
            seen->height[k] = half[k].image.height;
            seen->grey[k] = half[k].grey;
            seen->turned[k] = half[k].turned;
            seen->more_pages[k] = half[k].more_pages;
            pxs_range_look(&half[k], &seen->range[k]);
        }
        hash_pair(half, seen);
        hash_files(half, seen);
        if (r->take && r->take(r->user, (size_t)piece, half, &why) != PXS_OK)
            give_up(r, &why);
        pxs_pair_finish(half);
    }
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* The reason in "train/x.png: a GIF picture, not a PNG, ...; ...", where one remedy helps many
 * files; NULL for damage, which each file has of its own. */
static const char *common_reason(const char *text) {
    const char *at = strstr(text, ", not " PXS_PICTURE_WORDS "; ");
    at = at ? at : strstr(text, ", which this build does not read");
    while (at && at > text && strncmp(at, ": ", 2) != 0)
        at--;
    if (!at || at == text || strncmp(at, ": an empty file", 15) == 0 ||
        strncmp(at, ": nothing", 9) == 0)
        return NULL;
    return at + 2;
}

/* Bad pairs, in order; of a .npy file the first stands for all. */
static void collect_bad(struct pxs_scan *scan) {
    struct pxs_tally tally = {.n = 0};
    size_t n = scan->train + scan->val;
    for (size_t i = 0; i < n; i++) {
        struct pxs_seen *seen = &scan->seen[i];
        size_t others = 0;
        if (i == scan->train)
            pxs_tally_end(&scan->problems, &tally, "train");
        if (!seen->bad)
            continue;
        for (size_t k = i + 1; k < n && scan->seen[k].item == seen->item; k++) {
            others += scan->seen[k].bad;
            scan->seen[k].bad = false;
        }
        char *text = seen->problem;
        const char *common = text ? common_reason(text) : NULL;
        if (common) {
            text[common - text - 2] = '\0';
            pxs_tally_add(&scan->problems, &tally, text, common);
        } else if (others > 0) {
            pxs_problem_add(&scan->problems, PXS_PROBLEM_ERROR,
                            "%s (and %zu more pairs of this file)", text ? text : "out of memory",
                            others);
        } else {
            pxs_problem_add(&scan->problems, PXS_PROBLEM_ERROR, "%s",
                            text ? text : "out of memory");
        }
    }
    pxs_tally_end(&scan->problems, &tally, scan->val > 0 ? "val" : "train");
}

/* "128 x 64", or "64 x 64 and 32 x 32" where the halves differ. */
static void format_size(const struct pxs_seen *s, char *text, size_t size) {
    if (same_size(s))
        snprintf(text, size, "%d x %d", 2 * s->width[0], s->height[0]);
    else
        snprintf(text, size, "%d x %d and %d x %d", s->width[0], s->height[0], s->width[1],
                 s->height[1]);
}

/* A/ and B/ of different sizes are allowed; where their proportions differ, A and B no longer show
 * the same places. */
static void compare_halves(struct pxs_scan *scan) {
    const struct pxs_seen *first = NULL;
    size_t n = 0, bent = 0;
    for (size_t i = 0; i < scan->train + scan->val; i++) {
        const struct pxs_seen *s = &scan->seen[i];
        if (s->hash[0] == '\0' || same_size(s))
            continue;
        first = first ? first : s;
        n++;
        double ratio = (double)s->width[0] * s->height[1] / ((double)s->width[1] * s->height[0]);
        bent += ratio < 0.98 || ratio > 1.02;
    }
    if (n == 0)
        return;
    char name[4096], crooked[96] = "";
    pxs_seen_name(first, name, sizeof name);
    if (bent > 0)
        snprintf(crooked, sizeof crooked,
                 "; %zu differ in proportions, too: do they show the same?", bent);
    pxs_problem_add(&scan->problems, bent > 0 ? PXS_PROBLEM_NOTE : PXS_PROBLEM_INFO,
                    "in %zu of %zu pairs A and B differ in size (%s: A %d x %d, B %d x %d); each "
                    "half is resized to img_width x img_height on its own%s",
                    n, scan->train + scan->val, name, first->width[0], first->height[0],
                    first->width[1], first->height[1], crooked);
}

/* Whether a pair's picture looks like a single one, two above each other or three side by side: its
 * halves then have other proportions than are trained on (where these are not known: than a
 * square). Other proportions are taken for a pair that is squeezed on purpose. */
static bool is_bent(const struct pxs_scan *scan, const struct pxs_seen *s, double *whole) {
    const bool known = scan->img_width > 0;
    const double wanted = known ? (double)scan->img_width / scan->img_height : 1;
    *whole = 2.0 * s->width[0] / s->height[0] / wanted;
    return *whole < (known ? 1.4 : 1.1) || fabs(*whole - 3) < (known ? 0.2 : 0.05);
}

static void compare_proportions(struct pxs_scan *scan) {
    const struct pxs_seen *first = NULL;
    char name[4096], becomes[64] = "";
    double whole, of_first = 0;
    size_t n = 0, bent = 0;
    for (size_t i = 0; i < scan->train + scan->val; i++) {
        const struct pxs_seen *s = &scan->seen[i];
        if (s->hash[0] == '\0' || s->item->kind == PXS_KIND_AB)
            continue;
        n++;
        if (!is_bent(scan, s, &whole) || bent++ > 0)
            continue;
        first = s;
        of_first = whole;
    }
    if (bent == 0)
        return;
    pxs_seen_name(first, name, sizeof name);
    if (scan->img_width > 0)
        snprintf(becomes, sizeof becomes, ", which becomes %d x %d", scan->img_width,
                 scan->img_height);
    pxs_problem_add(
        &scan->problems, PXS_PROBLEM_NOTE,
        "%s: %zu of %zu pairs %s %d x %d, each half of %d x %d%s: %s Partners in files of their "
        "own belong into A/ and B/, under the same names",
        name, bent, n, bent == 1 ? "is" : "are", 2 * first->width[0], first->height[0],
        first->width[0], first->height[0], becomes,
        of_first < 0.7   ? "is A above B? They stand side by side."
        : of_first < 1.4 ? "are these single pictures?"
                         : "are these three pictures side by side?");
}

static void compare_with_first(struct pxs_scan *scan) {
    const struct pxs_seen *first = NULL;
    for (size_t i = 0; i < scan->train + scan->val; i++) {
        const struct pxs_seen *s = &scan->seen[i];
        char name[4096];
        if (s->hash[0] == '\0')
            continue;
        first = first ? first : s;
        pxs_seen_name(s, name, sizeof name);
        if (memcmp(s->width, first->width, sizeof s->width) != 0 ||
            memcmp(s->height, first->height, sizeof s->height) != 0) {
            char size[64], first_size[64];
            format_size(s, size, sizeof size);
            format_size(first, first_size, sizeof first_size);
            pxs_problem_add(
                &scan->problems, PXS_PROBLEM_SIZE,
                "%s: a pair of %s pixels, where the first is %s; each is resized on its own", name,
                size, first_size);
        }
        for (int k = 0; k < 2; k++)
            if (s->grey[k] != first->grey[k] && (k == 0 || s->item->kind == PXS_KIND_AB)) {
                pxs_problem_add(&scan->problems, PXS_PROBLEM_CHANNELS,
                                "%s: %s in %s, where the first is in %s", name,
                                s->item->kind != PXS_KIND_AB ? "stored"
                                : k == 0                     ? "A is"
                                                             : "B is",
                                s->grey[k] ? "grey" : "colour", first->grey[k] ? "grey" : "colour");
            }
    }
}

/* What was done to pictures on the way in. */
static void note_reading(struct pxs_scan *scan) {
    size_t n = 0, turned = 0, paged = 0;
    const char *first_turned = NULL, *first_paged = NULL;
    for (size_t i = 0; i < scan->train + scan->val; i++) {
        const struct pxs_seen *s = &scan->seen[i];
        if (s->hash[0] == '\0' || s->item->kind == PXS_KIND_NPY)
            continue;
        for (int k = 0; k < (s->item->kind == PXS_KIND_AB ? 2 : 1); k++) {
            const char *name = k == 0 ? s->item->name : s->item->name_b;
            n++;
            turned += s->turned[k];
            paged += s->more_pages[k];
            first_turned = s->turned[k] && !first_turned ? name : first_turned;
            first_paged = s->more_pages[k] && !first_paged ? name : first_paged;
        }
    }
    if (turned > 0)
        pxs_problem_add(&scan->problems, PXS_PROBLEM_INFO,
                        "%zu of %zu pictures state an EXIF orientation and are turned as viewers "
                        "turn them (the first in %s)",
                        turned, n, first_turned);
    if (paged > 0)
        pxs_problem_add(&scan->problems, PXS_PROBLEM_NOTE,
                        "%zu of %zu pictures are TIFFs of several pages, of which only the first "
                        "is used (the first in %s)",
                        paged, n, first_paged);
}

static int by_content(const void *a, const void *b) {
    const struct pxs_seen *x = *(const struct pxs_seen *const *)a,
                          *y = *(const struct pxs_seen *const *)b;
    int order = strcmp(x->hash, y->hash);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Every pair that was there before is reported once, against the first of its kind in its own split
 * or, for val/, in train/. */
static enum pxs_status compare_contents(struct pxs_scan *scan, struct pxs_error *err) {
    size_t n = 0, all = scan->train + scan->val;
    const struct pxs_seen **sorted = malloc((all + 1) * sizeof *sorted),
                          **same = calloc(all + 1, sizeof *same);
    enum pxs_status status = PXS_OK;
    if (!sorted || !same) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    for (size_t i = 0; i < all; i++)
        if (scan->seen[i].hash[0] != '\0')
            sorted[n++] = &scan->seen[i];
    qsort(sorted, n, sizeof *sorted, by_content);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (strcmp(sorted[i]->hash, sorted[first]->hash) == 0)
            same[sorted[i] - scan->seen] = sorted[first];
        else
            first = i;
    }
    for (size_t i = 0; i < all; i++) {
        char earlier[2048], later[2048];
        if (!same[i])
            continue;
        pxs_seen_name(same[i], earlier, sizeof earlier);
        pxs_seen_name(&scan->seen[i], later, sizeof later);
        const bool overlap = same[i] < scan->seen + scan->train && i >= scan->train;
        scan->overlap += overlap;
        if (overlap)
            pxs_problem_add(&scan->problems, PXS_PROBLEM_OVERLAP,
                            "%s: the same pair is in train (%s): validation on it means nothing",
                            later, earlier);
        else
            pxs_problem_add(&scan->problems, PXS_PROBLEM_DUPLICATE, "%s: the same pair as %s",
                            later, earlier);
    }
out:
    free(sorted);
    free(same);
    return status;
}

/* A hash of hashes: split, number of pairs, then each pair's size and bytes in order; `files`:
 * those of files where pixels depend on the decoder, "" where none do. */
static void hash_all(const struct pxs_scan *scan, bool files, char hash[PXS_SHA256_HEX]) {
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    size_t at = 0, pairs[] = {scan->train, scan->val};
    bool any = false;
    for (int i = 0; i < 2; i++) {
        char line[64];
        int n = snprintf(line, sizeof line, "%s %zu\n", scan->listing.folder[i].name, pairs[i]);
        pxs_sha256_update(&h, line, (size_t)n);
        for (size_t k = 0; k < pairs[i]; k++, at++) {
            const struct pxs_seen *s = &scan->seen[at];
            const bool file = files && s->files_hash[0] != '\0';
            pxs_sha256_update(&h, file ? s->files_hash : s->hash, PXS_SHA256_HEX - 1);
            any |= file;
        }
    }
    if (files && !any)
        hash[0] = '\0';
    else
        pxs_sha256_hex(&h, hash);
}

enum pxs_status pxs_scan_read(struct pxs_scan *scan, struct pxs_pool *pool,
                              const struct pxs_stop *stop, struct pxs_meter meter, pxs_pair_fn take,
                              void *user, struct pxs_error *err) {
    struct reading r = {.scan = scan,
                        .stop = stop,
                        .meter = meter,
                        .take = take,
                        .user = user,
                        .said = ATOMIC_FLAG_INIT};
    pxs_pool_run(pool, read_one, &r, (int)(scan->train + scan->val));
    if (atomic_load(&r.failed) != PXS_OK)
        return pxs_fail(err, r.err.status, "%s", r.err.message);
    collect_bad(scan);
    compare_halves(scan);
    compare_proportions(scan);
    compare_with_first(scan);
    note_reading(scan);
    pxs_range_judge(scan);
    PXS_TRY(compare_contents(scan, err));
    if (scan->problems.failed)
        return pxs_fail_nomem(err);
    if (scan->problems.count[PXS_PROBLEM_ERROR] == 0) {
        hash_all(scan, false, scan->hash);
        hash_all(scan, true, scan->files_hash);
    }
    return PXS_OK;
}
