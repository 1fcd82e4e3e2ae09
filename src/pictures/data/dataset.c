/* Loading: one scan of the folder fills memory with the halves in the sizes that training needs. */
#include "dataset_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- memory --------------------------------------------------------------------------------- */

static size_t half_bytes(const struct pxs_dataset_options *o, int jitter) {
    return (size_t)(o->img_height + jitter) * (size_t)(o->img_width + jitter) * (size_t)o->channels;
}

uint64_t pxs_dataset_bytes(const struct pxs_dataset_options *o, uint64_t train, uint64_t val) {
    return 2 * (train + val) * half_bytes(o, 0) +
           (o->jitter > 0 ? 2 * train * half_bytes(o, o->jitter) : 0);
}

/* Refused before it is taken where the machine has not that much memory at all. */
static enum pxs_status check_memory(const struct pxs_dataset *set, const struct pxs_scan *scan,
                                    struct pxs_error *err) {
    char need[32], have[32];
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
    if (memory <= 0 || (double)set->info.bytes <= memory)
        return PXS_OK;
    pxs_format_bytes(need, set->info.bytes);
    pxs_format_bytes(have, (uint64_t)memory);
    return pxs_fail(err, PXS_E_INVALID,
                    "the pixels of %zu pairs take %s of memory, this machine has %s; use fewer "
                    "pairs or a smaller img_height and img_width",
                    scan->train + scan->val, need, have);
}

static enum pxs_status take_names(struct pxs_dataset *set, const struct pxs_scan *scan,
                                  struct pxs_error *err) {
    const size_t pairs = scan->train + scan->val;
    set->names = pxs_arena_alloc(&set->arena, (pairs + 1) * sizeof *set->names);
    if (!set->names)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < pairs; i++) {
        char name[4096];
        pxs_seen_name(&scan->seen[i], name, sizeof name);
        set->names[i] = pxs_arena_strdup(&set->arena, name);
        if (!set->names[i])
            return pxs_fail_nomem(err);
    }
    return PXS_OK;
}

/* Opens the cache file of a large set, or with `keep` begins to make it; *there: its pixels are
 * in it already. Where there can be none, memory has to do. */
static enum pxs_status find_cache(const struct pxs_dataset_options *o, bool keep,
                                  struct pxs_dataset *set, struct pxs_scan *scan,
                                  const struct pxs_cache_shape *shape, bool *there,
                                  struct pxs_error *err) {
    struct pxs_error why;
    const uint64_t least = o->shared_from ? o->shared_from : PXS_DATASET_SHARED_FROM;
    if (!o->cache || set->info.bytes < least)
        return PXS_OK;
    enum pxs_status status = pxs_cache_name(&set->cache, o->cache, o->path, scan, shape, &why);
    if (status == PXS_OK) {
        set->info.shared = true;
        *there = pxs_cache_open(&set->cache, scan, shape);
    }
    if (status == PXS_OK && !*there && keep)
        status = pxs_cache_begin(&set->cache, scan, shape, o->stop, o->logger, there, &why);
    if (status == PXS_E_STOPPED || status == PXS_E_NOMEM)
        return pxs_fail(err, status, "%s", why.message);
    if (status != PXS_OK) {
        set->info.shared = false;
        pxs_log(o->logger, PXS_LOG_WARN,
                "each job decodes the pictures into its own memory, since there can be no file "
                "for all: %s",
                why.message);
    }
    return PXS_OK;
}

/* Where the pixels will lie, or do. */
static enum pxs_status place_pixels(struct pxs_dataset *set, const struct pxs_scan *scan,
                                    struct pxs_error *err) {
    const size_t pairs = scan->train + scan->val;
    if (set->cache.map) {
        set->plain = pxs_cache_pixels(&set->cache);
        set->large = set->plain + 2 * pairs * set->plain_half;
        return PXS_OK;
    }
    set->plain = malloc(2 * pairs * set->plain_half + 1);
    set->large = malloc(2 * scan->train * set->large_half + 1);
    return set->plain && set->large ? PXS_OK : pxs_fail_nomem(err);
}

/* ---- pixels --------------------------------------------------------------------------------- */

struct filling {
    struct pxs_dataset *set;
    size_t train; /* pairs below this number get enlarged halves, too */
};

static enum pxs_status put_resized(const struct pxs_image *half, int width, int height, uint8_t *to,
                                   struct pxs_error *err) {
    struct pxs_image sized;
    PXS_TRY(pxs_image_resize(half, width, height, &sized, err));
    memcpy(to, sized.pixels, (size_t)width * (size_t)height * (size_t)sized.channels);
    pxs_image_finish(&sized);
    return PXS_OK;
}

/* Both sizes are made from the half as stored: nothing is resized twice. */
static enum pxs_status put_pair(void *user, size_t pair, const struct pxs_half half[2],
                                struct pxs_error *err) {
    const struct filling *f = user;
    struct pxs_dataset *s = f->set;
    for (size_t k = 0; k < 2; k++) {
        const size_t at = 2 * pair + k;
        const struct pxs_image *from = &half[k].image;
        struct pxs_image grey = {0};
        if (s->channels == 1) {
            PXS_TRY(pxs_image_grey(from, &grey, err));
            from = &grey;
        }
        enum pxs_status status =
            put_resized(from, s->width, s->height, s->plain + at * s->plain_half, err);
        if (status == PXS_OK && s->jitter > 0 && pair < f->train)
            status = put_resized(from, s->width + s->jitter, s->height + s->jitter,
                                 s->large + at * s->large_half, err);
        pxs_image_finish(&grey);
        PXS_TRY(status);
        if (s->cache.map)
            pxs_pages_leave(s->plain + at * s->plain_half, s->plain_half);
        if (s->cache.map && s->jitter > 0 && pair < f->train)
            pxs_pages_leave(s->large + at * s->large_half, s->large_half);
    }
    return PXS_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Fills `set`; with keep = false only its info. */
static enum pxs_status fill(const struct pxs_dataset_options *o, bool keep, struct pxs_dataset *set,
                            struct pxs_scan *scan, struct pxs_error *err) {
    PXS_TRY(pxs_scan_list(scan, o->path, err));
    const struct pxs_folder *val = &scan->listing.folder[PXS_SPLIT_VAL];
    if (val->exists && o->val_fraction_stated)
        return pxs_fail(err, PXS_E_INVALID,
                        "val_fraction is set, but %s/%s exists; remove the one or the other",
                        o->path, val->where ? val->where : val->side[0]);
    set->plain_half = half_bytes(o, 0);
    set->large_half = o->jitter > 0 ? half_bytes(o, o->jitter) : 0;
    set->info.bytes = (size_t)pxs_dataset_bytes(o, scan->train, scan->val);
    const struct pxs_cache_shape shape = {.height = o->img_height,
                                          .width = o->img_width,
                                          .channels = o->channels,
                                          .jitter = o->jitter,
                                          .pixel_bytes = set->info.bytes};
    bool there = false;
    PXS_TRY(find_cache(o, keep, set, scan, &shape, &there, err));
    if (!set->info.shared)
        PXS_TRY(check_memory(set, scan, err));
    if (keep) {
        PXS_TRY(take_names(set, scan, err));
        PXS_TRY(place_pixels(set, scan, err));
    }
    struct filling filling = {set, scan->train};
    if (!there)
        PXS_TRY(
            pxs_scan_read(scan, o->pool, o->stop, o->meter, keep ? put_pair : NULL, &filling, err));
    PXS_TRY(pxs_problems_fail(&scan->problems, o->path, err));
    struct pxs_error why; /* the pixels are there, whatever becomes of the file */
    if (!there && set->cache.map && pxs_cache_commit(&set->cache, scan, &shape, &why) != PXS_OK)
        pxs_log(o->logger, PXS_LOG_WARN, "no file for all jobs: %s", why.message);
    PXS_TRY(pxs_split_pairs(scan, o, set->pairs, &set->info, err));

    const struct pxs_seen *first = &scan->seen[0];
    struct pxs_dataset_info *info = &set->info;
    info->pair_width = first->width[0] + first->width[1];
    info->pair_height = first->height[0] > first->height[1] ? first->height[0] : first->height[1];
    info->mixed_sizes = scan->problems.count[PXS_PROBLEM_SIZE] > 0;
    memcpy(info->hash, scan->hash, sizeof info->hash);
    memcpy(info->files_hash, scan->files_hash, sizeof info->files_hash);
    pxs_problems_log(&scan->problems, o->path, o->logger);
    return PXS_OK;
}

static enum pxs_status build(const struct pxs_dataset_options *o, bool keep,
                             struct pxs_dataset **out, struct pxs_error *err) {
    if (o->img_height < 1 || o->img_width < 1 || o->jitter < 0 ||
        o->img_height > PXS_IMAGE_MAX_SIDE - o->jitter ||
        o->img_width > PXS_IMAGE_MAX_SIDE - o->jitter)
        return pxs_fail(err, PXS_E_INVALID,
                        "img_height %d, img_width %d with jitter %d are out of bounds",
                        o->img_height, o->img_width, o->jitter);
    if (o->channels != 1 && o->channels != 3)
        return pxs_fail(err, PXS_E_INVALID, "channels must be 1 or 3, not %d", o->channels);
    if (!(o->val_fraction >= 0.0 && o->val_fraction < 1.0))
        return pxs_fail(err, PXS_E_INVALID, "val_fraction must be at least 0 and below 1");

    struct pxs_dataset *set = calloc(1, sizeof *set);
    if (!set)
        return pxs_fail_nomem(err);
    set->cache.fd = set->cache.lock.fd = -1;
    set->height = o->img_height;
    set->width = o->img_width;
    set->channels = o->channels;
    set->jitter = o->jitter;
    set->a_to_b = o->a_to_b;
    for (int i = 0; i < 256; i++) /* as torch does it, in f32: x / 255, less 0.5, by 0.5 */
        set->value[i] = ((float)i / 255.0f - 0.5f) / 0.5f;
    struct pxs_scan scan = {.img_width = o->img_width, .img_height = o->img_height};
    enum pxs_status status = fill(o, keep, set, &scan, err);
    pxs_scan_finish(&scan);
    if (status != PXS_OK) {
        pxs_dataset_destroy(&set);
        return status;
    }
    *out = set;
    return PXS_OK;
}

enum pxs_status pxs_dataset_load(const struct pxs_dataset_options *options,
                                 struct pxs_dataset **out, struct pxs_error *err) {
    return build(options, true, out, err);
}

enum pxs_status pxs_dataset_inspect(const struct pxs_dataset_options *options,
                                    struct pxs_dataset_info *info, struct pxs_error *err) {
    struct pxs_dataset *set;
    PXS_TRY(build(options, false, &set, err));
    *info = set->info;
    pxs_dataset_destroy(&set);
    return PXS_OK;
}

void pxs_dataset_destroy(struct pxs_dataset **set) {
    if (!set || *set == NULL)
        return;
    if (!(*set)->cache.map) {
        free((*set)->plain);
        free((*set)->large);
    }
    pxs_cache_finish(&(*set)->cache);
    free((*set)->pairs[0]);
    free((*set)->pairs[1]);
    pxs_arena_finish(&(*set)->arena);
    free(*set);
    *set = NULL;
}

const struct pxs_dataset_info *pxs_dataset_info(const struct pxs_dataset *set) {
    return &set->info;
}

size_t pxs_dataset_count(const struct pxs_dataset *set, enum pxs_split split) {
    return split == PXS_SPLIT_TRAIN ? set->info.train : set->info.val;
}

const char *pxs_dataset_name(const struct pxs_dataset *set, enum pxs_split split, size_t index) {
    return set->names[set->pairs[split][index]];
}

const char *pxs_dataset_cache(const struct pxs_dataset *set) {
    return set->cache.map ? set->cache.path : "";
}
