/* Matrix products in panels, for the heads: the products of gemm.c without OpenBLAS, with the same
 * bits wherever the instruction set runs. Operands are packed into panels of 16 with zeros at the
 * edges; C's last columns are computed in a tile and copied.
 *
 *     C = A op(B)   B is packed once; pieces are blocks of rows, which pack their part of A
 *     C = A^T B     K is cut into parts; each is summed, then the sums in their order */
#include "kernel_priv.h"

#include <string.h>

/* Rows of a piece; parts of K, and rows of K packed at a time. */
enum { BLOCK = 128, PARTS = 16, CHAIN = 256 };

struct job {
    const struct pxs_gemm *g;
    const struct pxs_isa *isa;
    int mp, np, kp; /* panels */
    int parts;
    float *shared, *own;
    size_t own_floats, part_floats;
};

static int panels_of(int n) {
    return pxs_ceil_div(n, PANEL);
}

static struct job make_job(const struct pxs_gemm *g) {
    struct job j = {.g = g, .mp = panels_of(g->m), .np = panels_of(g->n), .kp = panels_of(g->k)};
    j.parts = pxs_max_int(1, pxs_min_int(PARTS, g->k / PANEL));
    j.part_floats = (size_t)(j.mp * j.np) * PANEL * PANEL;
    j.own_floats =
        g->trans_a ? (size_t)(j.mp + j.np) * CHAIN * PANEL : (size_t)(j.kp + 1) * BLOCK * PANEL;
    return j;
}

static size_t shared_floats(const struct job *j) {
    return j->g->trans_a ? j->part_floats * (size_t)j->parts
                         : (size_t)(j->np * j->kp) * PANEL * PANEL;
}

size_t pxs_product_scratch(const struct pxs_kernels *set, const struct pxs_gemm *g, int threads) {
    struct job j = make_job(g);
    return pxs_kernels_product(set) == PXS_METHOD_BLAS
               ? 0
               : shared_floats(&j) + j.own_floats * (size_t)threads;
}

/* Columns j0 .. j0+15 of `rows` rows, zeros beyond `cols`, to dst[rows][16]. */
static void pack(const float *src, size_t ld, int rows, int j0, int cols, float *dst) {
    size_t n = (size_t)pxs_min_int(PANEL, cols - j0);
    for (int i = 0; i < rows; i++, src += ld, dst += PANEL) {
        memcpy(dst, src + j0, n * sizeof *dst);
        memset(dst + n, 0, (PANEL - n) * sizeof *dst);
    }
}

/* ---- C = A op(B) ---------------------------------------------------------------------------- */

/* Panel `piece` of op(B): [kp * 16][16] */
static void pack_b_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_gemm *g = j->g;
    float *dst = j->shared + (size_t)(piece * j->kp) * PANEL * PANEL;
    int j0 = piece * PANEL, n = pxs_min_int(PANEL, g->n - j0);
    (void)thread;
    memset(dst, 0, (size_t)j->kp * PANEL * PANEL * sizeof *dst);
    if (!g->trans_b) {
        pack(g->b, g->ldb, g->k, j0, g->n, dst);
        return;
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < g->k; k++)
            dst[k * PANEL + i] = g->b[(size_t)(j0 + i) * g->ldb + (size_t)k];
}

static void rows_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_gemm *g = j->g;
    int row0 = piece * BLOCK, rows = pxs_min_int(BLOCK, g->m - row0);
    float *a = j->own + (size_t)thread * j->own_floats, *edge = a + (size_t)j->kp * BLOCK * PANEL;
    for (int k = 0; k < j->kp; k++)
        pack(g->a + (size_t)row0 * g->lda, g->lda, rows, k * PANEL, g->k,
             a + (size_t)k * BLOCK * PANEL);
    for (int p = 0; p < j->np; p++) {
        const float *b = j->shared + (size_t)(p * j->kp) * PANEL * PANEL;
        float *c = g->c + (size_t)row0 * g->ldc + (size_t)p * PANEL;
        int cols = pxs_min_int(PANEL, g->n - p * PANEL);
        bool whole = cols == PANEL;
        j->isa->rows(rows, j->kp, a, BLOCK * PANEL, b, whole ? c : edge, whole ? g->ldc : PANEL,
                     false);
        for (int i = 0; i < rows && !whole; i++)
            memcpy(c + (size_t)i * g->ldc, edge + i * PANEL, (size_t)cols * sizeof *c);
    }
}

/* ---- C = A^T B ------------------------------------------------------------------------------ */

static void part_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_gemm *g = j->g;
    float *a = j->own + (size_t)thread * j->own_floats, *b = a + (size_t)j->mp * CHAIN * PANEL,
          *out = j->shared + (size_t)piece * j->part_floats;
    int first = pxs_share(g->k, j->parts, piece), end = pxs_share(g->k, j->parts, piece + 1);
    for (int k = first; k < end; k += CHAIN) {
        int rows = pxs_min_int(CHAIN, end - k);
        for (int p = 0; p < j->mp; p++)
            pack(g->a + (size_t)k * g->lda, g->lda, rows, p * PANEL, g->m,
                 a + (size_t)p * CHAIN * PANEL);
        for (int p = 0; p < j->np; p++)
            pack(g->b + (size_t)k * g->ldb, g->ldb, rows, p * PANEL, g->n,
                 b + (size_t)p * CHAIN * PANEL);
        for (int p = 0; p < j->mp; p++)
            for (int q = 0; q < j->np; q++) {
                struct pxs_segment seg = {a + (size_t)p * CHAIN * PANEL,
                                          b + (size_t)q * CHAIN * PANEL, rows};
                j->isa->outer(1, &seg, PANEL, PANEL, out + (size_t)(p * j->np + q) * PANEL * PANEL,
                              k > first);
            }
    }
}

/* Rows 16 piece .. of C from all parts. */
static void sum_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_gemm *g = j->g;
    float *sum = j->shared + (size_t)(piece * j->np) * PANEL * PANEL;
    (void)thread;
    for (int part = 1; part < j->parts; part++)
        j->isa->copy(sum + (size_t)part * j->part_floats, PANEL, j->np * PANEL, sum, PANEL, true);
    for (int i = 0; i < pxs_min_int(PANEL, g->m - piece * PANEL); i++)
        for (int n = 0; n < g->n; n++) {
            float *c = &g->c[(size_t)(piece * PANEL + i) * g->ldc + (size_t)n];
            float v = sum[(size_t)(n / PANEL * PANEL + i) * PANEL + (size_t)(n % PANEL)];
            *c = g->beta != 0 ? *c * g->beta + v : v;
        }
}

void pxs_product_run(const struct pxs_kernel_context *ctx, const struct pxs_gemm *g,
                     float *scratch) {
    struct job j = make_job(g);
    if (pxs_kernels_product(ctx->set) == PXS_METHOD_BLAS) {
        pxs_gemm_run(ctx, g);
        return;
    }
    j.isa = ctx->set->isa;
    j.shared = scratch;
    j.own = scratch + shared_floats(&j);
    if (g->trans_a) {
        pxs_pool_run(ctx->pool, part_piece, &j, j.parts);
        pxs_pool_run(ctx->pool, sum_piece, &j, j.mp);
    } else {
        pxs_pool_run(ctx->pool, pack_b_piece, &j, j.np);
        pxs_pool_run(ctx->pool, rows_piece, &j, pxs_ceil_div(g->m, BLOCK));
    }
}
