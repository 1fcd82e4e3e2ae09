#include "kernel_tests.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers ------------------------------------------------------------------------- */

static uint64_t state, given_seed;
static bool seed_is_given;
static char broken[64]; /* a kernel's name, see break_kernel */
static bool noticed;    /* ... and a check failed since */
static bool brief;

void set_test_seed(uint64_t seed) {
    given_seed = seed;
    seed_is_given = true;
}

uint64_t test_seed(void) {
    if (seed_is_given)
        return given_seed;
    const char *text = getenv("PXS_TEST_SEED");
    return text && *text ? strtoull(text, NULL, 0) : 1;
}

void set_brief(void) {
    brief = true;
}

bool is_brief(void) {
    return brief;
}

void random_start(const char *test) {
    if (noticed)
        ck_abort_msg("not run: the broken kernel is noticed already");
    state = test_seed() * 0x9E3779B97F4A7C15u;
    for (; *test; test++)
        state = (state ^ (unsigned char)*test) * 0x100000001B3u;
}

uint32_t random_u32(void) { /* splitmix64 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

int random_int(int low, int high) {
    return low + (int)(random_u32() % (uint32_t)(high - low + 1));
}

int random_of(const int *set, size_t n) {
    return set[random_u32() % n];
}

double random_unit(void) {
    return (double)(random_u32() >> 8) * 0x1p-23 - 1.0;
}

/* ---- buffers -------------------------------------------------------------------------------- */

#define MARK 0x7fc0deadu
enum { GUARD = 512, MAX_BUFFERS = 4096 }; /* floats on each side */

static struct held {
    void *block;
    unsigned char *data;
    size_t bytes, before, after; /* before, after: bytes of guard */
    bool frozen;
    uint32_t crc;
} held[MAX_BUFFERS];
static size_t n_held;

static void *hold(size_t bytes, size_t shift, size_t guard) {
    size_t before = guard + shift, all = before + bytes + guard;
    ck_assert_uint_lt(n_held, MAX_BUFFERS);
    unsigned char *block = aligned_alloc(64, (all + 63) / 64 * 64);
    ck_assert_ptr_nonnull(block);
    memset(block, 0xa5, all);
    held[n_held++] = (struct held){
        .block = block, .data = block + before, .bytes = bytes, .before = before, .after = guard};
    return block + before;
}

float *buffer(size_t n, int shift) {
    float *p = hold(n * sizeof *p, (size_t)shift * sizeof *p, GUARD * sizeof *p);
    for (size_t i = 0; i < n; i++)
        memcpy(p + i, &(uint32_t){MARK}, sizeof *p);
    return p;
}

uint8_t *byte_buffer(size_t n) {
    return hold(n, 0, GUARD);
}

double *numbers(size_t n) {
    double *p = hold((n ? n : 1) * sizeof *p, 0, 0);
    memset(p, 0, (n ? n : 1) * sizeof *p);
    return p;
}

void freeze(const void *buffer) {
    for (size_t i = 0; i < n_held; i++)
        if (held[i].data == buffer) {
            held[i].frozen = true;
            held[i].crc = pxs_crc32c(0, held[i].data, held[i].bytes);
            return;
        }
    ck_abort_msg("freeze: no such buffer");
}

void buffers_release(size_t *torn_bytes, size_t *changed_inputs) {
    size_t torn = 0, changed = 0;
    for (size_t i = 0; i < n_held; i++) {
        const struct held *h = &held[i];
        const unsigned char *block = h->block;
        for (size_t k = 0; k < h->before; k++)
            torn += block[k] != 0xa5;
        for (size_t k = 0; k < h->after; k++)
            torn += h->data[h->bytes + k] != 0xa5;
        changed += h->frozen && pxs_crc32c(0, h->data, h->bytes) != h->crc;
        free(h->block);
    }
    n_held = 0;
    *torn_bytes = torn;
    *changed_inputs = changed;
}

void buffers_done(void) {
    size_t torn, changed;
    buffers_release(&torn, &changed);
    noticed |= broken[0] && (torn || changed);
    ck_assert_msg(torn == 0, "%zu bytes beside a buffer were written (seed %llu)", torn,
                  (unsigned long long)test_seed());
    ck_assert_msg(changed == 0, "%zu inputs were changed (seed %llu)", changed,
                  (unsigned long long)test_seed());
}

bool is_mark(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits == MARK;
}

void fill_random(float *p, size_t ld, size_t rows, int cols, double scale) {
    for (size_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            p[r * ld + (size_t)c] = (float)(random_unit() * scale);
}

void fill_whole(float *p, size_t ld, size_t rows, int cols, int most, int unit, double density) {
    uint32_t limit = (uint32_t)(density * 0x1p31);
    for (size_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            p[r * ld + (size_t)c] =
                random_u32() >> 1 <= limit ? (float)(random_int(-most, most) * unit) : 0.0f;
}

double *widen(const float *p, size_t ld, size_t rows, int cols) {
    double *out = numbers(rows * (size_t)cols);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < (size_t)cols; c++)
            out[r * (size_t)cols + c] = (double)p[r * ld + c];
    return out;
}

double *magnitudes(const double *a, size_t n) {
    double *out = numbers(n);
    for (size_t i = 0; i < n; i++)
        out[i] = fabs(a[i]);
    return out;
}

/* ---- comparisons ---------------------------------------------------------------------------- */

static size_t n_compared;

size_t numbers_compared(void) {
    return n_compared;
}

double sum_slack(double terms) {
    return (fmin(terms, 8.0 * sqrt(terms)) + 4.0) * 0x1p-24;
}

ptrdiff_t first_far(const float *got, size_t ld, size_t rows, int cols, const double *want,
                    const double *magnitude, double slack) {
    n_compared += rows * (size_t)cols;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < ld; c++) {
            float v = got[r * ld + c];
            if (c >= (size_t)cols) {
                if (r + 1 < rows && !is_mark(v)) /* behind the last pixel the buffer may end */
                    return (ptrdiff_t)(r * ld + c);
                continue;
            }
            size_t i = r * (size_t)cols + c;
            if (!(fabs((double)v - want[i]) <= slack * magnitude[i] + 1e-37))
                return (ptrdiff_t)(r * ld + c);
        }
    return -1;
}

void expect_close(const float *got, size_t ld, size_t rows, int cols, const double *want,
                  const double *magnitude, double slack, const char *format, ...) {
    ptrdiff_t at = first_far(got, ld, rows, cols, want, magnitude, slack);
    if (at < 0)
        return;
    noticed = broken[0] != 0;
    char what[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    size_t row = (size_t)at / ld, col = (size_t)at % ld, i = row * (size_t)cols + col;
    if (col >= (size_t)cols)
        ck_abort_msg("%s: written between the channels, pixel %zu channel %zu (seed %llu)", what,
                     row, col, (unsigned long long)test_seed());
    ck_abort_msg(
        "%s: pixel %zu channel %zu is %.9g, not %.9g: off by %.3g, allowed %.3g (seed %llu)", what,
        row, col, (double)got[at], want[i], fabs((double)got[at] - want[i]), slack * magnitude[i],
        (unsigned long long)test_seed());
}

void expect_same(const void *got, const void *want, size_t bytes, const char *format, ...) {
    n_compared += bytes / sizeof(float);
    if (memcmp(got, want, bytes) == 0)
        return;
    noticed = broken[0] != 0;
    char what[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    size_t at = 0;
    while (((const unsigned char *)got)[at] == ((const unsigned char *)want)[at])
        at++;
    ck_abort_msg("%s: not the same bits at byte %zu of %zu (seed %llu)", what, at, bytes,
                 (unsigned long long)test_seed());
}

/* ---- breaking ------------------------------------------------------------------------------- */

enum break_mode { OFF, SWAP, BEYOND };
static enum break_mode break_mode;
static size_t n_tampered;

bool break_kernel(const char *what) {
    static const char *const modes[] = {"off", "swap", "beyond"};
    size_t len = strcspn(what, "=");
    const char *mode = what[len] ? what + len + 1 : modes[OFF];
    if (len == 0 || len >= sizeof broken)
        return false;
    memcpy(broken, what, len);
    for (size_t i = 0; i < PXS_COUNT(modes); i++)
        if (!strcmp(mode, modes[i])) {
            break_mode = (enum break_mode)i;
            return true;
        }
    return false;
}

size_t times_tampered(void) {
    return n_tampered;
}

void tamper(const char *kernel, float *out, size_t ld, size_t rows, int cols) {
    if (!broken[0] || strcmp(kernel, broken) != 0 || rows == 0 || cols <= 0)
        return;
    size_t largest = 0, other = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0, i = r * ld; c < (size_t)cols; c++, i++) {
            if (!(fabsf(out[i]) <= fabsf(out[largest])))
                largest = i;
            if (out[i] != out[0])
                other = i;
        }
    if (break_mode == SWAP && other == 0) /* all alike */
        return;
    n_tampered++;
    float first = out[0];
    switch (break_mode) {
    case OFF:
        out[largest] = out[largest] == 0.0f ? 1e-3f : out[largest] * 1.001f;
        break;
    case SWAP:
        out[0] = out[other];
        out[other] = first;
        break;
    case BEYOND:
        out[rows * ld] = 1.0f;
        break;
    }
}

/* ---- contexts ------------------------------------------------------------------------------- */

enum { MAX_THREADS = 8 };
static struct pxs_pool *pools[MAX_THREADS + 1];

struct pxs_kernel_context context(const struct pxs_kernels *set, int threads, size_t floats) {
    static struct pxs_blas blas;
    if (!blas.sgemm)
        ck_assert_int_eq(pxs_blas_load(MAX_THREADS, &blas, NULL), PXS_OK);
    if (threads > 0 && !pools[threads])
        ck_assert_int_eq(pxs_pool_create(threads, &pools[threads], NULL), PXS_OK);
    return (struct pxs_kernel_context){.pool = pools[threads],
                                       .set = set,
                                       .blas = blas,
                                       .scratch = buffer(floats, 0),
                                       .scratch_floats = floats};
}

void spoil(const struct pxs_kernel_context *ctx) {
    for (size_t i = 0; i < ctx->scratch_floats; i++)
        memcpy(ctx->scratch + i, &(uint32_t){MARK}, sizeof(float));
}

void pools_done(void) {
    for (int i = 0; i <= MAX_THREADS; i++)
        pxs_pool_destroy(&pools[i]);
}

struct pxs_conv_shape halving(int n, int h, int w, int cb, int cs) {
    return (struct pxs_conv_shape)HALVING(n, h, w, cb, cs);
}

size_t small_pixels(const struct pxs_conv_shape *s) {
    return (size_t)s->n * (size_t)s->h * (size_t)s->w;
}

size_t big_pixels(const struct pxs_conv_shape *s) {
    return (size_t)s->n * (size_t)s->big_h * (size_t)s->big_w;
}

size_t weight_count(const struct pxs_conv_shape *s) {
    return (size_t)(s->kernel * s->kernel) * (size_t)s->cb * (size_t)s->cs;
}

float *plain_weight(const struct pxs_conv_shape *s, const float *panels) {
    float *plain = buffer(weight_count(s), 0);
    for (int tap = 0; tap < s->kernel * s->kernel; tap++)
        for (int b = 0; b < s->cb; b++)
            for (int c = 0; c < s->cs; c++)
                plain[(tap * s->cb + b) * s->cs + c] =
                    panels[pxs_weight_index(s->cb, s->cs, tap, b, c)];
    return plain;
}

const struct pxs_kernels *kernel_set(size_t i) {
    return pxs_kernels_at(i);
}

bool is_new(struct ran *ran, size_t *n, const struct pxs_kernels *set,
            const struct pxs_conv_shape *s, enum pxs_pass pass) {
    struct ran one = {.method = pxs_kernels_method(set, s, pass),
                      .floats = pxs_kernels_scratch(set, s, 0, 1)};
    const char *suffix = strchr(pxs_kernels_name(set), '-');
    if (one.method != PXS_METHOD_BLAS && suffix)
        snprintf(one.isa, sizeof one.isa, "%s", suffix);
    for (size_t i = 0; i < *n; i++)
        if (ran[i].method == one.method && ran[i].floats == one.floats &&
            !strcmp(ran[i].isa, one.isa))
            return false;
    ck_assert_uint_lt(*n, MAX_RAN);
    ran[(*n)++] = one;
    return true;
}
