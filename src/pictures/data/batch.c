/* Batches: bytes to floats, with crops and flips that depend on the seed, the epoch and the
 * position alone. */
#include "dataset_priv.h"

/* Where one picture's pixels come from. */
struct view {
    const uint8_t *from;
    int stride; /* pixels a row */
    int x, y;   /* of the corner */
    bool flip;
};

static void fill_half(const struct pxs_dataset *s, const struct view *v, float *to) {
    int c = s->channels;
    for (int y = 0; y < s->height; y++) {
        const uint8_t *row =
            v->from + ((size_t)(v->y + y) * (size_t)v->stride + (size_t)v->x) * (size_t)c;
        for (int x = 0; x < s->width; x++, to += c)
            for (int k = 0; k < c; k++)
                to[k] = s->value[row[(v->flip ? s->width - 1 - x : x) * c + k]];
    }
}

/* The numbers are drawn in one order whatever is switched on, so that flip does not change with
 * jitter. */
static void draw(const struct pxs_dataset *s, const struct pxs_augment *a, size_t i, bool jitter,
                 struct view *v) {
    struct pxs_rng rng =
        pxs_rng_make(a->seed, PXS_STREAM_AUGMENT, a->epoch, a->first + (uint32_t)i);
    v->flip = (pxs_rng_u32(&rng) & 1) != 0 && a->flip;
    if (jitter) {
        v->y = (int)pxs_rng_below(&rng, (uint32_t)s->jitter + 1);
        v->x = (int)pxs_rng_below(&rng, (uint32_t)s->jitter + 1);
    }
}

void pxs_dataset_batch(const struct pxs_dataset *s, enum pxs_split split, const uint32_t *indices,
                       size_t n, const struct pxs_augment *augment, float *source, float *target) {
    bool jitter = augment && augment->jitter && s->jitter > 0 && split == PXS_SPLIT_TRAIN;
    const uint8_t *pixels = jitter ? s->large : s->plain;
    size_t half = jitter ? s->large_half : s->plain_half;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *a = pixels + 2 * (size_t)s->pairs[split][indices[i]] * half;
        struct view view = {.from = a + (s->a_to_b ? 0 : half),
                            .stride = jitter ? s->width + s->jitter : s->width};
        if (augment)
            draw(s, augment, i, jitter, &view);
        fill_half(s, &view, source + i * s->plain_half);
        view.from = a + (s->a_to_b ? half : 0);
        fill_half(s, &view, target + i * s->plain_half);
        if (s->cache.map) /* the file's pages count as this process's memory while it holds them */
            pxs_pages_leave(a, 2 * half);
    }
}

void pxs_dataset_expect(const struct pxs_dataset *s, enum pxs_split split, const uint32_t *indices,
                        size_t n, const struct pxs_augment *augment) {
    const bool jitter = augment && augment->jitter && s->jitter > 0 && split == PXS_SPLIT_TRAIN;
    const size_t half = jitter ? s->large_half : s->plain_half;
    for (size_t i = 0; i < n && s->cache.map; i++)
        pxs_pages_expect((jitter ? s->large : s->plain) +
                             2 * (size_t)s->pairs[split][indices[i]] * half,
                         2 * half);
}

void pxs_dataset_order(uint32_t *order, uint32_t n, bool shuffle, uint64_t seed, uint32_t epoch) {
    struct pxs_rng rng = pxs_rng_make(seed, PXS_STREAM_SHUFFLE, epoch, 0);
    if (shuffle)
        pxs_rng_permutation(&rng, order, n);
    else
        for (uint32_t i = 0; i < n; i++)
            order[i] = i;
}
