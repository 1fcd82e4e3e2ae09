/* What the tests of room data share: pictures made from a number. */
#ifndef PIXSWEEP_TESTS_DATA_TESTS_H
#define PIXSWEEP_TESTS_DATA_TESTS_H

#include "pixsweep/data.h"
#include "pixsweep/image.h"

#include "support.h"

/* Pixels of picture number `n`, any size; finish it. */
struct pxs_image picture(int n, int width, int height, int channels);
void put_png(const char *name, const struct pxs_image *image);
/* A pair of 2 * 8 x 8 pixels, the `picture` of this number. */
void put_pair(const char *name, int n);
/* A .npy file of `version` 1 or 2 with a header for dtype and shape, then the bytes. */
void put_npy(const char *name, int version, const char *descr, const char *shape, const void *data,
             size_t bytes);

/* Options for the test's folder with 8 x 8 halves in colour. */
struct pxs_dataset_options small_options(void);
struct pxs_dataset *load(const struct pxs_dataset_options *options); /* must succeed */
void refuse(const struct pxs_dataset_options *options,
            const char *message); /* must fail with this message; %s is the folder */

/* A logger that gathers lines: "E text\n" for errors, "W text\n" for warnings, "I text\n" for
 * notes. */
struct gathered {
    char text[16384];
};
struct pxs_logger gather(struct gathered *g);

TCase *load_tests(void);
TCase *split_tests(void);
TCase *batch_tests(void);
TCase *check_tests(void);
TCase *npy_tests(void);
TCase *range_tests(void);
TCase *cache_tests(void);
TCase *make_tests(void);
TCase *glyph_tests(void);

#endif
