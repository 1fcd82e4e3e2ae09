/* data: pair sets. A folder of PNG pairs, of A/ and B/ folders, or of .npy files is read once,
 * checked, cut into source and target halves of the wanted size and kept as bytes; batches come out
 * as f32. Also the glyph renderer that makes such folders from two fonts (the one file with
 * FreeType), and the check of a folder.
 *
 *   DIR/train/x.png            one image 2W wide: left half A, right half B
 *   DIR/train/A/x.png, B/x.png partners by stem; A and B may differ in size
 *   DIR/train/x.npy            pairs (N, H, 2W, C), (N, C, H, 2W) or (N, H, 2W), or one without N;
 *                              C 1 or 3; u1, or f2, f4, f8 holding 0..255 or 0..1 (array.c)
 *   DIR/val/...                likewise; may be missing (val_fraction)
 *   DIR/trainA/, DIR/trainB/   or DIR/A/train/, DIR/B/train/: partners; val or test likewise
 *   DIR/x.png, A/, B/, x.npy   without train/: all are for training
 *
 * Order is bytewise by file name (A's name for A/ and B/), several .npy follow each other. One kind
 * a split. Hidden files, plainly other ones (README, *.txt, *.md, *.json, ...) and what tools leave
 * behind (@eaDir, __MACOSX, Thumbs.db, ...: names.c) are passed over; anything else is reported as
 * a problem. */
#ifndef PIXSWEEP_DATA_H
#define PIXSWEEP_DATA_H

#include "pixsweep/base.h"

/* ---- loading -------------------------------------------------------------------------------- */

#define PXS_DATASET_SHARED_FROM ((uint64_t)64 << 20)

enum pxs_split { PXS_SPLIT_TRAIN, PXS_SPLIT_VAL };

struct pxs_dataset_options {
    const char *path;
    int img_height, img_width; /* of one half, as trained on */
    int channels;              /* 3, or 1: grey first, then resized */
    bool a_to_b;               /* false (BtoA): source = right half B, target = left half A */
    /* > 0: training halves are kept at (img_height + jitter) x (img_width + jitter), too */
    int jitter;
    /* share of the training pairs that validates where there is no val/; 0 = none */
    double val_fraction;
    bool val_fraction_stated; /* the user wrote it: then a val/ folder beside it is an error */
    /* folder of cache files (made where it is missing); NULL: every set is kept in memory. A set of
     * PXS_DATASET_SHARED_FROM bytes of pixels or more is decoded into one file there, which all
     * processes map, unless the disk is short: then into memory, with a warning. Whether the data
     * are as they were is told by names, sizes and times of their files. */
    const char *cache;
    uint64_t shared_from; /* another limit than PXS_DATASET_SHARED_FROM; 0 = that one */
    /* decodes in parallel; NULL = in the caller. Results do not depend on it */
    struct pxs_pool *pool;
    /* warnings: train/val overlap, duplicates, mixed sizes, dark or empty halves */
    struct pxs_logger logger;
    const struct pxs_stop *stop; /* may be NULL; PXS_E_STOPPED between files */
    struct pxs_meter meter;      /* in pairs, told in the calling thread */
};

struct pxs_dataset_info {
    size_t train, val; /* pairs in each split as used, after val_fraction */
    /* there is no val/: val_fraction counts; false: val_fraction has no effect */
    bool val_from_train;
    size_t overlap; /* val pairs whose content is also in train */
    /* of the first training pair as stored: both halves' widths, the greater height */
    int pair_width, pair_height;
    bool mixed_sizes; /* not all pairs are of that size */
    size_t bytes;     /* of the pixels, in memory or in the cache file */
    bool shared;      /* they lie in a cache file */
    /* SHA-256 over split, shape and decoded bytes in file order (RGB pairs as stored, before
     * val_fraction, resize or grey). The same content gives the same hash whether it lies in PNG
     * pairs, A/ and B/ or .npy; names do not count. Partners of different size count as two
     * pictures. */
    char hash[PXS_SHA256_HEX];
    /* Where there are lossy pictures (JPEG), whose pixels differ by a level with the decoder's
     * version: the same over their files' bytes in place of their pixels; else "". Sets that differ
     * in `hash` alone are the same files. */
    char files_hash[PXS_SHA256_HEX];
};

struct pxs_dataset;

/* Reads, checks and prepares everything: afterwards nothing touches the data's folder. Unusable
 * files are all found in one pass; the message lists them with their reasons (as many as fit, at
 * most 20, then "and N more"). */
PXS_NODISCARD enum pxs_status pxs_dataset_load(const struct pxs_dataset_options *options,
                                               struct pxs_dataset **out, struct pxs_error *err);
void pxs_dataset_destroy(struct pxs_dataset **set); /* NULL and *NULL are fine; nulls *set */
const struct pxs_dataset_info *pxs_dataset_info(const struct pxs_dataset *set);
size_t pxs_dataset_count(const struct pxs_dataset *set, enum pxs_split split);
/* For messages: "train/0001-U+4E00.png", "train/a.npy[17]"; lives as long as the set. */
const char *pxs_dataset_name(const struct pxs_dataset *set, enum pxs_split split, size_t index);

/* Of a set without a val/, `train` is all pairs. */
uint64_t pxs_dataset_bytes(const struct pxs_dataset_options *options, uint64_t train, uint64_t val);
/* The file that a loaded set lies in; "" = it is in memory. */
const char *pxs_dataset_cache(const struct pxs_dataset *set);

/* For plans: the same reading and checks and the same info (bytes: what load would hold), keeping
 * nothing. */
PXS_NODISCARD enum pxs_status pxs_dataset_inspect(const struct pxs_dataset_options *options,
                                                  struct pxs_dataset_info *info,
                                                  struct pxs_error *err);

/* ---- batches -------------------------------------------------------------------------------- */

/* Augmentation of one batch. Each picture draws from stream (seed, PXS_STREAM_AUGMENT, epoch, first
 * + i): the same whatever the batch size, the threads and the order of calls. Both halves get the
 * same crop and flip. Training split only. */
struct pxs_augment {
    bool flip; /* mirror with p = 0.5 */
    /* random crop of the enlarged halves (options.jitter > 0; otherwise without effect) */
    bool jitter;
    uint64_t seed;
    uint32_t epoch;
    uint32_t first; /* position in the epoch of the batch's first picture */
};

/* Fills source and target [n, img_height, img_width, channels] f32 with ((v / 255) - 0.5) / 0.5 of
 * the n pairs `indices` (each below pxs_dataset_count). augment NULL: as stored. Cannot fail;
 * allocates nothing; safe from several threads. */
void pxs_dataset_batch(const struct pxs_dataset *set, enum pxs_split split, const uint32_t *indices,
                       size_t n, const struct pxs_augment *augment, float *source, float *target);

/* Tells the disk which pairs the next call will ask for. Without effect on a set in memory. */
void pxs_dataset_expect(const struct pxs_dataset *set, enum pxs_split split,
                        const uint32_t *indices, size_t n, const struct pxs_augment *augment);

/* Order of the n training pairs in an epoch: 0..n-1, or shuffled by (seed, PXS_STREAM_SHUFFLE,
 * epoch). */
void pxs_dataset_order(uint32_t *order, uint32_t n, bool shuffle, uint64_t seed, uint32_t epoch);

/* ---- data check ----------------------------------------------------------------------------- */

struct pxs_check_summary {
    size_t train, val;         /* usable pairs */
    bool has_val;              /* there is a val/ folder */
    size_t errors, warnings;   /* with errors loading fails, with warnings it goes on */
    char hash[PXS_SHA256_HEX]; /* as pxs_dataset_info.hash; "" while there are errors */
    int width[2], height[2];   /* of A and B in the first usable pair; 0: there is none */
    bool mixed_sizes;          /* others are of other sizes */
    bool partners;             /* A and B are files of their own */
};

/* Looks at everything under `path` and hands each problem to `report` (PXS_LOG_ERROR, PXS_LOG_WARN,
 * or PXS_LOG_INFO for what was passed over; one line each, in file order): missing partner, odd
 * width, size or channel mismatch, unreadable file with its reason, mixed kinds, train/val overlap
 * by content, duplicates in a split; and, which loading does not look for, halves of one colour
 * among others, pairs whose halves are one picture, pairs that are nearly the same in train/ and
 * val/ (near.c). PXS_OK whatever was found; an error only where `path` is no folder. */
PXS_NODISCARD enum pxs_status pxs_dataset_check(const char *path, struct pxs_pool *pool,
                                                struct pxs_logger report, struct pxs_meter meter,
                                                struct pxs_check_summary *summary,
                                                struct pxs_error *err);

/* ---- pairs from pictures -------------------------------------------------------------------- */

/* What data pairs and data edges are told. Pictures lie in a folder itself, or in its train/, val/,
 * test/, which become those of `out`. */
struct pxs_make {
    const char *a, *b; /* folders; edges: `a` alone */
    const char *out;   /* folder to make; must not exist, unless it is empty */
    bool side_by_side; /* pairs: one picture a pair in place of links in A/ and B/ */
    /* edges: the largest square in the middle, resized to this side; 0: pictures as they are */
    int size;
    struct pxs_pool *pool; /* NULL: in the caller. Results do not depend on it */
    /* what was left out and why: the first 20, and how many more */
    struct pxs_logger logger;
    struct pxs_meter meter;
    const struct pxs_stop *stop; /* may be NULL */
};
struct pxs_make_report {
    size_t pairs;
    size_t left_out; /* files; all of them are listed in out/left_out.txt */
    size_t resized;  /* pairs side by side whose B was resized to A's size */
};

/* Partners by stem; what has none then without _A and _B (-A, -B) at its end, as always where both
 * are one folder. `out` appears whole or not at all, with links to the pictures in A/ and B/. */
PXS_NODISCARD enum pxs_status pxs_pairs_make(const struct pxs_make *how,
                                             struct pxs_make_report *report, struct pxs_error *err);
/* Each picture left (A), its edges right (B), into out/STEM.png: dark lines on white, of the
 * operator that edges.c and docs/data.md describe. */
PXS_NODISCARD enum pxs_status pxs_edges_make(const struct pxs_make *how,
                                             struct pxs_make_report *report, struct pxs_error *err);

/* ---- glyph pairs from two fonts ------------------------------------------------------------- */

struct pxs_glyphs_spec {
    const char *source, *target; /* font files; "font.ttc#1" picks face 1; a bare name is looked for
                                    in the system's font folders */
    const char *out;             /* folder to make */
    /* NULL or "gb2312" (level 1, 3755 characters), "ascii" (0x21..0x7e), or a file: UTF-8 text, or
     * JSON (all strings in it) */
    const char *chars;
    int train, val, size; /* pairs in each split; side of one half in pixels, 16 .. 1024 */
    uint64_t seed;        /* chooses the characters */
    bool npy;             /* train/glyphs.npy and val/glyphs.npy (|u1) in place of PNG pairs */
    struct pxs_logger logger;
    struct pxs_meter meter;
    const struct pxs_stop *stop; /* may be NULL */
};

/* Defaults: gb2312, train 400, val 80, size 64, seed 0, PNG. */
void pxs_glyphs_spec_init(struct pxs_glyphs_spec *spec);

struct pxs_glyphs_report {
    bool already;      /* `out` holds this very set: nothing was done, the counts below are 0 */
    size_t train, val; /* pairs written */
    size_t candidates; /* characters asked for, without repetitions */
    size_t repeated;   /* repetitions in the characters file */
    size_t missing_source, missing_target; /* not in the font */
    size_t blank, placeholder;             /* empty glyphs; .notdef look-alikes and boxes */
    size_t twins;                          /* rendered just like a character before */
    double em_pixels;                      /* size of the em in both fonts */
    double baseline; /* pixels from the top edge down to it, the same for every picture */
    double seconds;
};

/* Renders pairs (target glyph left, source glyph right; black on white, antialiased, unhinted; both
 * fonts at one scale on one baseline, such that no candidate is clipped) into a temporary folder
 * beside `out` and renames it into place. No character and no picture is in both splits. An
 * existing `out` with the same specification is left alone (report->already), another one is
 * PXS_E_EXISTS; too few characters are PXS_E_INVALID with the counts. */
PXS_NODISCARD enum pxs_status pxs_glyphs_render(const struct pxs_glyphs_spec *spec,
                                                struct pxs_glyphs_report *report,
                                                struct pxs_error *err);

#endif
