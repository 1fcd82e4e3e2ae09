/* Matrix products by OpenBLAS; the only file that calls it. Each piece is a one-thread sgemm call.
 * OpenBLAS's own thread pool is never used: two pools on the same cores slow each other down, and
 * its split depends on the number of threads. The library is loaded only when it is needed, since
 * loading starts its threads and ends the process where a limit leaves no room for them. */
#include "kernel_priv.h"

#include <cblas.h>
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A product is cut into about this many pieces: enough for a handful of threads; each further piece
 * packs its operands again. */
enum { TARGET_PIECES = 8, MIN_ROWS = 64, MIN_COLS = 64 };

typedef __typeof__(cblas_sgemm) sgemm_function;

struct grid {
    sgemm_function *sgemm;
    const struct pxs_gemm *g;
    int rows, cols; /* size of a piece */
    int across;     /* pieces in a row */
};

/* Chooses the cut that packs least: of all grids with about TARGET_PIECES pieces, the one whose
 * pieces are closest to squares. */
static void choose_grid(const struct pxs_gemm *g, sgemm_function *sgemm, struct grid *out) {
    double best = INFINITY;
    for (int down = 1; down <= TARGET_PIECES; down *= 2) {
        int across = TARGET_PIECES / down;
        int rows = pxs_max_int(MIN_ROWS, pxs_ceil_div(pxs_ceil_div(g->m, down), 16) * 16);
        int cols = pxs_max_int(MIN_COLS, pxs_ceil_div(pxs_ceil_div(g->n, across), 16) * 16);
        rows = pxs_min_int(rows, g->m);
        cols = pxs_min_int(cols, g->n);
        int pieces = pxs_ceil_div(g->m, rows) * pxs_ceil_div(g->n, cols);
        /* packing work of a piece, plus a penalty where there are too few pieces for the threads */
        double cost = 1.0 / rows + 1.0 / cols +
                      (pieces < TARGET_PIECES ? 0.02 * (TARGET_PIECES - pieces) : 0.0);
        if (cost < best) {
            best = cost;
            *out = (struct grid){sgemm, g, rows, cols, pxs_ceil_div(g->n, cols)};
        }
    }
}

static void gemm_piece(void *user, int piece, int thread) {
    const struct grid *grid = user;
    const struct pxs_gemm *g = grid->g;
    (void)thread;
    size_t i = (size_t)(piece / grid->across) * (size_t)grid->rows;
    size_t j = (size_t)(piece % grid->across) * (size_t)grid->cols;
    int m = pxs_min_int(grid->rows, g->m - (int)i), n = pxs_min_int(grid->cols, g->n - (int)j);
    const float *a = g->a + (g->trans_a ? i : i * g->lda);
    const float *b = g->b + (g->trans_b ? j * g->ldb : j);
    grid->sgemm(CblasRowMajor, g->trans_a ? CblasTrans : CblasNoTrans,
                g->trans_b ? CblasTrans : CblasNoTrans, m, n, g->k, 1.0f, a, (int)g->lda, b,
                (int)g->ldb, g->beta, g->c + i * g->ldc + j, (int)g->ldc);
}

void pxs_gemm_run(const struct pxs_kernel_context *ctx, const struct pxs_gemm *g) {
    if (g->m <= 0 || g->n <= 0)
        return;
    struct grid grid = {0};
    choose_grid(g, (sgemm_function *)ctx->blas.sgemm, &grid);
    pxs_pool_run(ctx->pool, gemm_piece, &grid, grid.across * pxs_ceil_div(g->m, grid.rows));
}

/* ---- loading it ----------------------------------------------------------------------------- */

#define LIBRARY "libopenblas.so.0"
#define THREADS "OPENBLAS_NUM_THREADS"

struct library {
    sgemm_function *sgemm;
    __typeof__(openblas_get_config) *config;
    __typeof__(openblas_get_corename) *core;
    __typeof__(openblas_get_parallel) *parallel;
    __typeof__(openblas_set_num_threads) *set_threads;
    void *(*take)(int); /* its own allocator, where the library exports it: both or none */
    void (*give_back)(void *);
};

/* Loads the library with OPENBLAS_NUM_THREADS=1, so that it starts no threads, and restores the
 * environment. It stays loaded, since it keeps buffers. */
static void *load(void) {
    const int how = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
    const char *asked = getenv(THREADS);
    void *found = dlopen(LIBRARY, how | RTLD_NOLOAD);
    if (found || (asked && strcmp(asked, "1") == 0))
        return found ? found : dlopen(LIBRARY, how);
    char *before = asked ? strdup(asked) : NULL;
    if ((asked && !before) || setenv(THREADS, "1", 1) != 0) {
        free(before);
        return NULL;
    }
    found = dlopen(LIBRARY, how);
    if (before)
        setenv(THREADS, before, 1);
    else
        unsetenv(THREADS);
    free(before);
    return found;
}

/* The loader gives only a text, which tells a missing library from a limit that was reached. */
static enum pxs_status fail_to_load(struct pxs_error *err) {
    const char *said = dlerror();
    char limit[PXS_LIMIT_WORDS];
    if (!said)
        return pxs_fail_nomem(err);
    pxs_limit_words(strstr(said, "open files")                     ? EMFILE
                    : strstr(said, " map ") || strstr(said, "mem") ? ENOMEM
                                                                   : 0,
                    limit);
    return pxs_fail(err, PXS_E_UNSUPPORTED, "OpenBLAS cannot be loaded: %s%s%s", said, limit,
                    limit[0] ? ""
                             : "; tools/deps installs it (Debian package libopenblas0-pthread)");
}

static enum pxs_status open_library(struct library *out, struct pxs_error *err) {
    struct library lib = {0};
    const struct {
        const char *name;
        void *to; /* POSIX: a pointer to a function has the representation of a void * */
        bool optional;
    } symbols[] = {{"cblas_sgemm", &lib.sgemm, false},
                   {"openblas_get_config", &lib.config, false},
                   {"openblas_get_corename", &lib.core, false},
                   {"openblas_get_parallel", &lib.parallel, false},
                   {"openblas_set_num_threads", &lib.set_threads, false},
                   {"blas_memory_alloc", &lib.take, true},
                   {"blas_memory_free", &lib.give_back, true}};
    void *handle = load();
    if (!handle)
        return fail_to_load(err);
    const char *missing = NULL;
    for (size_t i = 0; i < PXS_COUNT(symbols); i++) {
        void *at = dlsym(handle, symbols[i].name);
        memcpy(symbols[i].to, &at, sizeof at);
        if (!at && !symbols[i].optional)
            missing = symbols[i].name;
    }
    dlclose(handle);
    if (missing)
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
            LIBRARY
            " is no OpenBLAS that can be used here: it has no %s; tools/deps installs one (Debian "
            "package libopenblas0-pthread)",
            missing);
    if (!lib.take || !lib.give_back)
        lib.take = NULL;
    *out = lib;
    return PXS_OK;
}

enum pxs_status pxs_blas_describe(char *buf, size_t size, struct pxs_error *err) {
    struct library lib;
    PXS_TRY(open_library(&lib, err));
    snprintf(buf, size, "%s, core %s", lib.config(), lib.core());
    return PXS_OK;
}

/* ---- room for its buffers ------------------------------------------------------------------- */

/* OpenBLAS maps a buffer of this size for each call that runs at the same time and keeps it for
 * later calls. Where it cannot map one it tries again for ever, so its buffers are reserved before
 * any call. Little of them is touched. */
#define BUFFER_BYTES ((size_t)128 << 20)
#define MOST_BUFFERS 128 /* the size of its table of buffers */

/* A buffer from OpenBLAS's allocator, which must not be called where none can be mapped; else a
 * mapped one. */
static void *take_buffer(const struct library *lib) {
    void *trial =
        mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trial == MAP_FAILED)
        return NULL;
    if (!lib->take)
        return trial;
    munmap(trial, BUFFER_BYTES);
    return lib->take(0);
}

static void give_back(const struct library *lib, void *buffer) {
    if (lib->take)
        lib->give_back(buffer);
    else
        munmap(buffer, BUFFER_BYTES);
}

static uint64_t mapped_now(void) {
    char *text = NULL;
    size_t bytes;
    if (pxs_read_file("/proc/self/statm", 4096, &text, &bytes, NULL) != PXS_OK)
        return 0;
    uint64_t pages = strtoull(text, NULL, 10);
    free(text);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static enum pxs_status no_room(int threads, int missing, struct pxs_error *err) {
    const uint64_t space = pxs_address_space(),
                   need = mapped_now() + (uint64_t)missing * BUFFER_BYTES;
    char need_text[32], have[32], each[32], limit[PXS_LIMIT_WORDS];
    pxs_format_bytes(need_text, need);
    pxs_format_bytes(each, BUFFER_BYTES);
    if (space < need) {
        pxs_format_bytes(have, space);
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
            "%s of address space are needed and ulimit -v allows %s: OpenBLAS takes %s for each "
            "of %d thread%s, and more comes for the training itself; raise the limit (ulimit -v "
            "unlimited, or h_vmem of the batch system)%s",
            need_text, have, each, threads, threads == 1 ? "" : "s",
            threads > 1 ? " or use fewer --threads" : "");
    }
    pxs_limit_words(ENOMEM, limit);
    return pxs_fail(
        err, PXS_E_NOMEM,
        "out of memory: OpenBLAS takes %s for each of %d thread%s, %s in all with what this "
        "process has%s",
        each, threads, threads == 1 ? "" : "s", need_text, limit);
}

static enum pxs_status reserve(const struct library *lib, int threads, struct pxs_error *err) {
    void *buffers[MOST_BUFFERS];
    int n = 0, most = pxs_min_int(threads, MOST_BUFFERS);
    while (n < most && (buffers[n] = take_buffer(lib)))
        n++;
    for (int i = 0; i < n; i++)
        give_back(lib, buffers[i]);
    return n == most ? PXS_OK : no_room(threads, most - n, err);
}

/* Multiplies small integers, whose sums are exact in f32 in any order. */
static enum pxs_status self_test(const struct library *lib, const struct pxs_blas *blas,
                                 struct pxs_error *err) {
    enum { M = 37, N = 65, K = 129 };
    float a[M * K], b[K * N], c[M * N];
    for (int i = 0; i < M * K; i++)
        a[i] = (float)(i * 7 % 13 - 6);
    for (int i = 0; i < K * N; i++)
        b[i] = (float)(i * 5 % 11 - 5);
    memset(c, 0xff, sizeof c); /* NaN: beta 0 must overwrite */
    struct pxs_gemm g = {
        .m = M, .n = N, .k = K, .a = a, .lda = K, .b = b, .ldb = N, .c = c, .ldc = N};
    pxs_gemm_run(&(struct pxs_kernel_context){.blas = *blas}, &g);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float want = 0;
            for (int k = 0; k < K; k++)
                want += a[i * K + k] * b[k * N + j];
            if (c[i * N + j] != want)
                return pxs_fail(
                    err, PXS_E_UNSUPPORTED,
                    "OpenBLAS computes wrong matrix products on this CPU (core %s, element %d,%d "
                    "is %g, not %g); set OPENBLAS_CORETYPE=Haswell or install a newer OpenBLAS",
                    lib->core(), i, j, (double)c[i * N + j], (double)want);
        }
    return PXS_OK;
}

enum pxs_status pxs_blas_load(int threads, struct pxs_blas *out, struct pxs_error *err) {
    struct library lib;
    PXS_TRY(open_library(&lib, err));
    PXS_TRY(reserve(&lib, threads, err));
    if (lib.parallel() == OPENBLAS_OPENMP)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "this OpenBLAS is the OpenMP build, whose threads cannot be held to one a "
                        "call; install libopenblas0-pthread or libopenblas0-serial");
    lib.set_threads(1);
    const struct pxs_blas blas = {(void (*)(void))lib.sgemm};
    PXS_TRY(self_test(&lib, &blas, err));
    *out = blas;
    return PXS_OK;
}
