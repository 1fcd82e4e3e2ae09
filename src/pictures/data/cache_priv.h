/* The halves of a large set, decoded and resized once, in one file that all jobs map. */
#ifndef PIXSWEEP_DATA_CACHE_PRIV_H
#define PIXSWEEP_DATA_CACHE_PRIV_H

#include "scan_priv.h"

/* What the pixels in the file are: halves of one size, enlarged halves of another. */
struct pxs_cache_shape {
    int height, width, channels, jitter;
    size_t pixel_bytes; /* of all halves */
};

/* Zero-initialise with fd -1 and the lock's, finish once. */
struct pxs_cache {
    char path[PXS_PATH_MAX];       /* of the file; "" = there can be none */
    char temp[PXS_PATH_MAX + 128]; /* while it is written; "" */
    char files[PXS_SHA256_HEX];    /* what the data folder's files were like when it was made */
    uint8_t *map;                  /* the whole file; NULL: none */
    size_t bytes;
    int fd;
    struct pxs_lock lock;
};

/* Where the pixels begin in the map. */
uint8_t *pxs_cache_pixels(const struct pxs_cache *cache);

/* Names the file of this set in `folder` and looks at the set's files. */
PXS_NODISCARD enum pxs_status pxs_cache_name(struct pxs_cache *cache, const char *folder,
                                             const char *data, const struct pxs_scan *scan,
                                             const struct pxs_cache_shape *shape,
                                             struct pxs_error *err);
/* Maps the file where it is whole and the data are as they were: then `scan` knows what reading
 * would have told. False: it is to be made. */
bool pxs_cache_open(struct pxs_cache *cache, struct pxs_scan *scan,
                    const struct pxs_cache_shape *shape);
/* Begins to make it: waits while another process does (then *there is set), takes the disk's space
 * and maps it for writing. An error says why there can be none; nothing is left behind. */
PXS_NODISCARD enum pxs_status pxs_cache_begin(struct pxs_cache *cache, struct pxs_scan *scan,
                                              const struct pxs_cache_shape *shape,
                                              const struct pxs_stop *stop, struct pxs_logger logger,
                                              bool *there, struct pxs_error *err);
/* The file appears with what `scan` has found, unless the data were changed meanwhile; the map is
 * read-only from then on. */
PXS_NODISCARD enum pxs_status pxs_cache_commit(struct pxs_cache *cache, const struct pxs_scan *scan,
                                               const struct pxs_cache_shape *shape,
                                               struct pxs_error *err);
void pxs_cache_finish(struct pxs_cache *cache);

/* Pages of these bytes of a map: read them soon; they are not needed now. Nothing happens to their
 * content. */
void pxs_pages_expect(const uint8_t *from, size_t bytes);
void pxs_pages_leave(const uint8_t *from, size_t bytes);

#endif
