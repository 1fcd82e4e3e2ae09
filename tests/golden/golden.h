/* Reference numbers from PyTorch (make_golden.py): reading the files, and making the inputs that
 * are not stored. */
#ifndef PIXSWEEP_TESTS_GOLDEN_H
#define PIXSWEEP_TESTS_GOLDEN_H

#include <stddef.h>

/* A file of $PXS_GOLDEN_DIR, or of the folder beside this header. Failing check assertions where it
 * cannot be read. */
struct golden;
struct golden *golden_open(const char *file);
void golden_close(struct golden *g);
/* The entry's numbers as doubles, `count` of them; owned by g. Fails the test where there is none
 * or the count is another. */
const double *golden_get(struct golden *g, size_t count, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Element i of the stream of that name: uniform in [-1, 1), 24 bits. */
float golden_number(const char *name, size_t i);
void golden_numbers(const char *name, float scale, size_t n, float *out);
/* NCHW -> NHWC at a distance of ld. */
void golden_to_nhwc(const float *nchw, size_t n, size_t c, size_t pixels, float *nhwc, size_t ld);
/* make_golden.py's picture(), as NHWC: the same grey in all channels. */
void golden_picture(const char *name, size_t n, size_t c, size_t h, size_t w, float *nhwc);

#endif
