/* Two pairs are nearly the same where none of the 16 x 16 grey values of either half differs by
 * more than MOST of 255, or by a sixteenth of the half's range where that is less: dark pictures
 * and labels are all alike otherwise. The largest difference, not their mean, since letters differ
 * in one stroke. */
#include "near_priv.h"

#include <stdlib.h>
#include <string.h>

#define MOST 8
#define SIDE 16
#define PIECE 64 /* pairs */

/* ---- one pair ------------------------------------------------------------------------------- */

static bool same_pixels(const struct pxs_image *a, const struct pxs_image *b) {
    return a->width == b->width && a->height == b->height &&
           memcmp(a->pixels, b->pixels, (size_t)a->width * (size_t)a->height * 3) == 0;
}

static bool has_one_colour(const struct pxs_image *image) {
    const size_t n = (size_t)image->width * (size_t)image->height * 3;
    return memcmp(image->pixels, image->pixels + 3, n - 3) == 0;
}

enum pxs_status pxs_thumb_make(const struct pxs_half half[2], struct pxs_thumb *out,
                               struct pxs_error *err) {
    *out = (struct pxs_thumb){.most = MOST, .there = true};
    out->identical = same_pixels(&half[0].image, &half[1].image);
    for (int k = 0; k < 2; k++) {
        struct pxs_image small, grey;
        int low = 255, high = 0;
        PXS_TRY(pxs_image_resize(&half[k].image, SIDE, SIDE, &small, err));
        enum pxs_status status = pxs_image_grey(&small, &grey, err);
        pxs_image_finish(&small);
        PXS_TRY(status);
        memcpy(out->half[k], grey.pixels, PXS_THUMB);
        pxs_image_finish(&grey);
        for (int i = 0; i < PXS_THUMB; i++) {
            const int v = out->half[k][i];
            low = v < low ? v : low;
            high = v > high ? v : high;
            out->sum += k == 0 ? v : 0;
        }
        out->most = (high - low) / 16 < out->most ? (high - low) / 16 : out->most;
        out->there &= !has_one_colour(&half[k].image);
    }
    return PXS_OK;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* The largest difference of SIDE values, without a branch. */
static int largest_difference(const uint8_t *x, const uint8_t *y) {
    uint8_t largest = 0;
    for (int i = 0; i < SIDE; i++) {
        const uint8_t d = x[i] > y[i] ? (uint8_t)(x[i] - y[i]) : (uint8_t)(y[i] - x[i]);
        largest = d > largest ? d : largest;
    }
    return largest;
}

static bool is_near(const struct pxs_thumb *a, const struct pxs_thumb *b) {
    const int most = a->most < b->most ? a->most : b->most;
    for (int k = 0; k < 2; k++)
        for (int at = 0; at < PXS_THUMB; at += SIDE)
            if (largest_difference(a->half[k] + at, b->half[k] + at) > most)
                return false;
    return true;
}

/* A pair by the brightness of its half A: those that are near stand near. Some of its values stand
 * beside it, which tell nearly all others apart without a look at the whole. */
struct ranked {
    int sum;
    uint32_t pair;
    uint8_t some[SIDE];
};

static void take_some(const struct pxs_thumb *thumb, uint8_t some[SIDE]) {
    for (int i = 0; i < SIDE; i++) /* every other one of both diagonals */
        some[i] = thumb->half[i % 2][(SIDE + 1) * i];
}
struct search {
    const struct pxs_scan *scan;
    const struct pxs_thumb *thumbs;
    struct ranked *ranked; /* candidates, the darkest first */
    size_t n, first, end;  /* pairs first .. end - 1 are looked up */
    struct pxs_meter meter;
    atomic_int done;
    size_t *near;
};

static int by_sum(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    return a->sum != b->sum ? (a->sum > b->sum) - (a->sum < b->sum)
                            : (a->pair > b->pair) - (a->pair < b->pair);
}

static size_t look_up(const struct search *s, size_t pair) {
    const struct pxs_thumb *mine = &s->thumbs[pair];
    const int reach = mine->most * PXS_THUMB;
    size_t low = 0, high = s->n, found = SIZE_MAX;
    uint8_t some[SIDE];
    take_some(mine, some);
    while (low < high) { /* the first that is not too dark */
        const size_t middle = (low + high) / 2;
        if (s->ranked[middle].sum < mine->sum - reach)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < s->n && s->ranked[low].sum <= mine->sum + reach; low++) {
        const size_t other = s->ranked[low].pair;
        if (largest_difference(some, s->ranked[low].some) <= mine->most && other < pair &&
            other < found && is_near(mine, &s->thumbs[other]) &&
            strcmp(s->scan->seen[other].hash, s->scan->seen[pair].hash) != 0)
            found = other;
    }
    return found;
}

static void search_piece(void *user, int piece, int thread) {
    struct search *s = user;
    const size_t from = s->first + (size_t)piece * PIECE;
    const size_t to = from + PIECE < s->end ? from + PIECE : s->end;
    const int done = atomic_fetch_add(&s->done, 1);
    if (thread == 0)
        pxs_meter_tell(s->meter, "comparing pairs", (double)done * PIECE,
                       (double)(s->end - s->first));
    for (size_t i = from; i < to; i++)
        if (s->thumbs[i].there)
            s->near[i] = look_up(s, i);
}

enum pxs_status pxs_near_find(const struct pxs_scan *scan, const struct pxs_thumb *thumbs,
                              struct pxs_pool *pool, struct pxs_meter meter, size_t *near,
                              struct pxs_error *err) {
    struct search s = {.scan = scan,
                       .thumbs = thumbs,
                       .first = scan->val > 0 ? scan->train : 0,
                       .end = scan->train + scan->val,
                       .meter = meter,
                       .near = near};
    s.ranked = malloc((scan->train + 1) * sizeof *s.ranked);
    if (!s.ranked)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < s.end; i++)
        near[i] = SIZE_MAX;
    for (size_t i = 0; i < scan->train; i++)
        if (thumbs[i].there) {
            s.ranked[s.n] = (struct ranked){.sum = thumbs[i].sum, .pair = (uint32_t)i};
            take_some(&thumbs[i], s.ranked[s.n++].some);
        }
    qsort(s.ranked, s.n, sizeof *s.ranked, by_sum);
    pxs_pool_run(pool, search_piece, &s, (int)((s.end - s.first + PIECE - 1) / PIECE));
    free(s.ranked);
    return PXS_OK;
}
