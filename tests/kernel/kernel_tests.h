/* The suites of room kernel, one a file, and what they share: random numbers from a printed seed,
 * buffers that notice when somebody writes beside them, and comparisons whose tolerance follows
 * from the arithmetic. */
#ifndef PIXSWEEP_KERNEL_TESTS_H
#define PIXSWEEP_KERNEL_TESTS_H

#include "reference.h"

#include "pixsweep/kernel.h"

#include "support.h"

/* test_kernel: what the definitions promise. */
TCase *support_case(void);
TCase *reference_case(void);
TCase *conv_case(void);
TCase *golden_case(void);
TCase *quality_case(void);
/* kerncheck: every kernel against its reference. */
TCase *isa_case(void);
TCase *passes_case(void);
TCase *gemm_case(void);
TCase *head_case(void);
TCase *block_case(void);
TCase *loss_case(void);
TCase *element_case(void);
TCase *threads_case(void);
/* pix2pix's own layers at 64 px and at 256 px, and those of the other networks. */
enum bench_layers { BENCH_64, BENCH_256, BENCH_MORE };
int bench(const char *only, enum bench_layers which);

/* ---- random numbers ------------------------------------------------------------------------- */

/* PXS_TEST_SEED, or 1. Every test starts its own sequence from it; failures print it. */
uint64_t test_seed(void);
void set_test_seed(uint64_t seed);

/* In brief, as under sanitizers: fewer numbers, all kernels and all places where they read and
 * write.
 */
void set_brief(void);
bool is_brief(void);
void random_start(const char *test);

/* kerncheck --brief, for sanitizers: fewer numbers through the same kernels. */
void set_brief(void);
bool is_brief(void);

uint32_t random_u32(void);
int random_int(int low, int high);       /* low .. high */
int random_of(const int *set, size_t n); /* one of the set */
#define RANDOM_OF(set) random_of(set, PXS_COUNT(set))
double random_unit(void); /* [-1, 1), 24 bits: exact as a float */

/* ---- buffers -------------------------------------------------------------------------------- */

/* n floats, `shift` floats past a 64-byte boundary, between two guards; every float holds the mark,
 * a NaN of its own kind. Buffers live until buffers_done, which fails the test where a guard was
 * written on or a frozen buffer changed. */
float *buffer(size_t n, int shift);
uint8_t *byte_buffer(size_t n);  /* filled with 0xa5 */
double *numbers(size_t n);       /* zeroed doubles */
void freeze(const void *buffer); /* an input: must not change from here on */
void buffers_done(void);
/* the same, telling instead of failing */
void buffers_release(size_t *torn_bytes, size_t *changed_inputs);
bool is_mark(float v);

/* rows x cols floats at a distance of ld: random in [-1, 1) * scale; what lies between the columns
 * keeps the mark. */
void fill_random(float *p, size_t ld, size_t rows, int cols, double scale);
/* The same with whole numbers -most .. most, times `unit`; zeros but for a share of `density`. */
void fill_whole(float *p, size_t ld, size_t rows, int cols, int most, int unit, double density);
/* A dense copy in double; `magnitudes` of the absolute values. */
double *widen(const float *p, size_t ld, size_t rows, int cols);
double *magnitudes(const double *a, size_t n);

/* ---- comparisons ---------------------------------------------------------------------------- */

/* A sum of `terms` products in f32, however ordered, is off by at most terms * u * sum|a||b|, u =
 * 2^-24; of random rounding errors 8 sqrt(terms) * u is as good as certain. The smaller of the two,
 * and four more roundings. */
double sum_slack(double terms);
/* |got - want| <= slack * magnitude for every element (slack per element where given as an array),
 * and between the columns the mark. `format` says what was tested. */
void expect_close(const float *got, size_t ld, size_t rows, int cols, const double *want,
                  const double *magnitude, double slack, const char *format, ...) PXS_PRINTF(8, 9);
void expect_same(const void *got, const void *want, size_t bytes, const char *format, ...)
    PXS_PRINTF(4, 5);
/* The first test of expect_close that fails, or -1: what the comparisons rest on. */
ptrdiff_t first_far(const float *got, size_t ld, size_t rows, int cols, const double *want,
                    const double *magnitude, double slack);

size_t numbers_compared(void); /* by this process */

/* To show that a check can fail: `what` is a kernel's name and, behind "=", off (one number by 1e-3
 * of itself, the default), swap (two numbers) or beyond (a float behind the end). From then on,
 * tamper spoils what that kernel wrote, and the first check that fails is the last one that
 * runs. */
bool break_kernel(const char *what);
void tamper(const char *kernel, float *out, size_t ld, size_t rows, int cols);
size_t times_tampered(void);

/* ---- contexts ------------------------------------------------------------------------------- */

/* A context over `threads` threads (0: no pool) with exactly `floats` of guarded scratch memory,
 * NaN to begin with. Pools are kept until pools_done. */
struct pxs_kernel_context context(const struct pxs_kernels *set, int threads, size_t floats);
/* Scratch memory becomes NaN again: a pass may not live on what the one before it left there. */
void spoil(const struct pxs_kernel_context *ctx);
void pools_done(void);

/* The end of a pxs_block_shape: without a norm, with an instance norm, and with a batch norm over
 * so many groups; a leaky ReLU of that slope. */
#define PLAIN(slope) PXS_NORM_NONE, PXS_ACTIVATION_LEAKY_RELU, slope, 0
#define NORM(slope) PXS_NORM_INSTANCE, PXS_ACTIVATION_LEAKY_RELU, slope, 0
#define BATCH_NORM(slope, groups) PXS_NORM_BATCH, PXS_ACTIVATION_LEAKY_RELU, slope, groups

/* torch's Conv2d of a big side, and its 4x4 convolution of stride 2 by the small side: as
 * initialisers, and made while the test runs. */
#define CONVOLUTION(n, big_h, big_w, cb, cs, kernel, stride, padding, reflect)                 \
    {                                                                                          \
        n, ((big_h) + 2 * (padding) - (kernel)) / (stride) + 1,                                \
            ((big_w) + 2 * (padding) - (kernel)) / (stride) + 1, cb, cs, big_h, big_w, kernel, \
            stride, padding, reflect                                                           \
    }
#define HALVING(n, h, w, cb, cs) CONVOLUTION(n, 2 * (h), 2 * (w), cb, cs, 4, 2, 1, false)
struct pxs_conv_shape halving(int n, int h, int w, int cb, int cs);
size_t small_pixels(const struct pxs_conv_shape *s);
size_t big_pixels(const struct pxs_conv_shape *s);
size_t weight_count(const struct pxs_conv_shape *s);

/* Weights out of their panels: [taps][Cb][Cs], as the references have them. */
float *plain_weight(const struct pxs_conv_shape *s, const float *panels);

/* The sets that run on this CPU, for looping: NULL after the last. */
const struct pxs_kernels *kernel_set(size_t i);

/* Sets that take the same method with the same instructions and scratch run the same code: once for
 * each pass of a shape is enough. */
enum { MAX_RAN = 32 };
struct ran {
    enum pxs_method method;
    char isa[16];
    size_t floats;
};
bool is_new(struct ran *ran, size_t *n, const struct pxs_kernels *set,
            const struct pxs_conv_shape *s, enum pxs_pass pass);

#define KERNEL_CASE(name)              \
    TCase *tcase = tcase_create(name); \
    tcase_set_timeout(tcase, 120);     \
    tcase_add_checked_fixture(tcase, NULL, buffers_done)

#endif
