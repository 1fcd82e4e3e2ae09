/* Matrix products: the one file that knows OpenBLAS. Each piece is a one-thread sgemm call; OpenBLAS's own thread pool is never used, because
 * two pools on the same cores cost more than they bring and its split depends on the thread count. */
#include "kernel_priv.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* A product is cut into about this many pieces: enough to balance a handful of threads; each further piece packs its operands again. */
enum { TARGET_PIECES = 8, MIN_ROWS = 64, MIN_COLS = 64 };

struct grid {
    const struct pxs_gemm *g;
    int rows, cols; /* size of a piece */
    int across;     /* pieces in a row */
};

/* The cut that packs least: among all r x c grids with about TARGET_PIECES pieces, the one with the squarest pieces. */
static void choose_grid(const struct pxs_gemm *g, struct grid *out) {
    double best = INFINITY;
    for (int down = 1; down <= TARGET_PIECES; down *= 2) {
        int across = TARGET_PIECES / down;
        int rows = pxs_max_int(MIN_ROWS, pxs_ceil_div(pxs_ceil_div(g->m, down), 16) * 16);
        int cols = pxs_max_int(MIN_COLS, pxs_ceil_div(pxs_ceil_div(g->n, across), 16) * 16);
        rows = pxs_min_int(rows, g->m);
        cols = pxs_min_int(cols, g->n);
        int pieces = pxs_ceil_div(g->m, rows) * pxs_ceil_div(g->n, cols);
        /* packing work a piece, plus a penalty where pieces are too few to share out */
        double cost =
            1.0 / rows + 1.0 / cols + (pieces < TARGET_PIECES ? 0.02 * (TARGET_PIECES - pieces) : 0.0);
        if (cost < best) {
            best = cost;
            *out = (struct grid){g, rows, cols, pxs_ceil_div(g->n, cols)};
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
    cblas_sgemm(CblasRowMajor, g->trans_a ? CblasTrans : CblasNoTrans, g->trans_b ? CblasTrans : CblasNoTrans,
                m, n, g->k, 1.0f, a, (int)g->lda, b, (int)g->ldb, g->beta, g->c + i * g->ldc + j,
                (int)g->ldc);
}

void pxs_gemm_run(struct pxs_pool *pool, const struct pxs_gemm *g) {
    if (g->m <= 0 || g->n <= 0)
        return;
    struct grid grid = {0};
    choose_grid(g, &grid);
    pxs_pool_run(pool, gemm_piece, &grid, grid.across * pxs_ceil_div(g->m, grid.rows));
}

void pxs_blas_describe(char *buf, size_t size) {
    snprintf(buf, size, "%s, core %s", openblas_get_config(), openblas_get_corename());
}

/* ---- room for its buffers -------------------------------------------------------------------------------- */

/* OpenBLAS maps a buffer of this size for each call at work, keeps it for later ones, and where it gets none it tries again for
 * ever: nothing must call it before its buffers are there. They are mapped, hardly touched. */
#define BUFFER_BYTES ((size_t)128 << 20)
#define MOST_BUFFERS 128 /* it has a table of them */

/* Its own allocator, where it lets others call it. */
extern void *blas_memory_alloc(int) __attribute__((weak));
extern void blas_memory_free(void *) __attribute__((weak));

static void *map_buffer(void) {
    void *at = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void *take_buffer(void) {
    void *trial = map_buffer();
    if (!trial || !blas_memory_alloc || !blas_memory_free)
        return trial;
    munmap(trial, BUFFER_BYTES);
    return blas_memory_alloc(0);
}

static void give_back(void *buffer) {
    if (blas_memory_alloc && blas_memory_free)
        blas_memory_free(buffer);
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
    const uint64_t space = pxs_address_space(), need = mapped_now() + (uint64_t)missing * BUFFER_BYTES;
    struct rlimit data;
    char need_text[32], have[32], each[32];
    pxs_format_bytes(need_text, need);
    pxs_format_bytes(each, BUFFER_BYTES);
    if (space < need) {
        pxs_format_bytes(have, space);
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s of address space are needed and ulimit -v allows %s: OpenBLAS takes %s for each "
                        "of %d thread%s, and more comes for the training itself; raise the limit (ulimit -v "
                        "unlimited, or h_vmem of the batch system)%s",
                        need_text, have, each, threads, threads == 1 ? "" : "s",
                        threads > 1 ? " or use fewer --threads" : "");
    }
    bool bound = getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY;
    pxs_format_bytes(have, bound ? data.rlim_cur : 0);
    return pxs_fail(err, PXS_E_NOMEM,
                    "out of memory: OpenBLAS takes %s for each of %d thread%s, %s in all with what this "
                    "process has%s%s",
                    each, threads, threads == 1 ? "" : "s", need_text, bound ? ", and ulimit -d allows " : "",
                    bound ? have : "");
}

enum pxs_status pxs_blas_reserve(int threads, struct pxs_error *err) {
    void *buffers[MOST_BUFFERS];
    int n = 0, most = pxs_min_int(threads, MOST_BUFFERS);
    while (n < most && (buffers[n] = take_buffer()))
        n++;
    for (int i = 0; i < n; i++)
        give_back(buffers[i]);
    return n == most ? PXS_OK : no_room(threads, most - n, err);
}

enum pxs_status pxs_blas_prepare(struct pxs_error *err) {
    PXS_TRY(pxs_blas_reserve(1, err));
    if (openblas_get_parallel() == OPENBLAS_OPENMP)
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
            "this OpenBLAS is the OpenMP build, whose threads cannot be held to one a call; install "
            "libopenblas0-pthread or libopenblas0-serial");
    openblas_set_num_threads(1);
    /* Small integers: every sum is exact in f32, whatever the order. */
    enum { M = 37, N = 65, K = 129 };
    float a[M * K], b[K * N], c[M * N];
    for (int i = 0; i < M * K; i++)
        a[i] = (float)(i * 7 % 13 - 6);
    for (int i = 0; i < K * N; i++)
        b[i] = (float)(i * 5 % 11 - 5);
    memset(c, 0xff, sizeof c); /* NaN: beta 0 must overwrite */
    struct pxs_gemm g = {.m = M, .n = N, .k = K, .a = a, .lda = K, .b = b, .ldb = N, .c = c, .ldc = N};
    pxs_gemm_run(NULL, &g);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float want = 0;
            for (int k = 0; k < K; k++)
                want += a[i * K + k] * b[k * N + j];
            if (c[i * N + j] != want)
                return pxs_fail(err, PXS_E_UNSUPPORTED,
                                "OpenBLAS computes wrong matrix products on this CPU (core %s, element %d,%d "
                                "is %g, not %g); "
                                "set OPENBLAS_CORETYPE=Haswell or install a newer OpenBLAS",
                                openblas_get_corename(), i, j, (double)c[i * N + j], (double)want);
        }
    return PXS_OK;
}
