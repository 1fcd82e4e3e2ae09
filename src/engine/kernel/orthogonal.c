/* Orthonormal rows by the block form of modified Gram-Schmidt, in double. What a QR decomposition
 * with a positive diagonal gives is the same matrix, whatever way it takes. */
#include "kernel_priv.h"

#include <math.h>

/* Rows of a block; rows that one piece takes it away from. */
enum { BLOCK = 16, ROWS = 4, LANES = 8, QUAD = 4 };

/* The products of four rows of q with x. */
PXS_CLONES static void dot_four(const double *q, size_t ld, const double *x, size_t n,
                                double out[QUAD]) {
    double lane[QUAD][LANES] = {{0}};
    const size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t k = 0; k < QUAD; k++)
            for (size_t l = 0; l < LANES; l++)
                lane[k][l] += q[k * ld + i + l] * x[i + l];
    for (size_t k = 0; k < QUAD; k++) {
        out[k] = 0;
        for (size_t l = 0; l < LANES; l++)
            out[k] += lane[k][l];
        for (size_t i = whole; i < n; i++)
            out[k] += q[k * ld + i] * x[i];
    }
}

PXS_CLONES static double dot(const double *a, const double *b, size_t n) {
    double lane[LANES] = {0}, sum = 0;
    const size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += a[i + l] * b[i + l];
    for (size_t l = 0; l < LANES; l++)
        sum += lane[l];
    for (size_t i = whole; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

PXS_CLONES static void subtract_four(const double *restrict q, size_t ld, const double c[QUAD],
                                     size_t n, double *restrict x) {
    for (size_t i = 0; i < n; i++)
        x[i] -= c[0] * q[i] + c[1] * q[ld + i] + c[2] * q[2 * ld + i] + c[3] * q[3 * ld + i];
}

PXS_CLONES static void subtract(const double *restrict q, double c, size_t n, double *restrict x) {
    for (size_t i = 0; i < n; i++)
        x[i] -= c * q[i];
}

static void scale(double *x, double by, size_t n) {
    for (size_t i = 0; i < n; i++)
        x[i] *= by;
}

struct job {
    double *v;
    int rows, block, n_block; /* the block: rows block .. block + n_block - 1 */
    size_t cols;
};

/* Twice, since what is left of a row after the first time may be small. */
static void finish_block(const struct job *j) {
    for (int i = j->block; i < j->block + j->n_block; i++) {
        double *row = j->v + (size_t)i * j->cols;
        for (int time = 0; time < 2; time++)
            for (int k = j->block; k < i; k++) {
                const double *q = j->v + (size_t)k * j->cols;
                subtract(q, dot(q, row, j->cols), j->cols, row);
            }
        scale(row, 1.0 / sqrt(dot(row, row, j->cols)), j->cols);
    }
}

/* Takes the block's part out of some later rows. */
static void rows_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const int first = j->block + j->n_block + piece * ROWS;
    (void)thread;
    for (int i = first; i < pxs_min_int(first + ROWS, j->rows); i++) {
        double *row = j->v + (size_t)i * j->cols, c[BLOCK];
        int k = 0;
        for (; k + QUAD <= j->n_block; k += QUAD)
            dot_four(j->v + (size_t)(j->block + k) * j->cols, j->cols, row, j->cols, c + k);
        for (; k < j->n_block; k++)
            c[k] = dot(j->v + (size_t)(j->block + k) * j->cols, row, j->cols);
        for (k = 0; k + QUAD <= j->n_block; k += QUAD)
            subtract_four(j->v + (size_t)(j->block + k) * j->cols, j->cols, c + k, j->cols, row);
        for (; k < j->n_block; k++)
            subtract(j->v + (size_t)(j->block + k) * j->cols, c[k], j->cols, row);
    }
}

void pxs_orthogonal_rows(const struct pxs_kernel_context *ctx, int rows, int cols, double *v) {
    for (int b = 0; b < rows; b += BLOCK) {
        struct job j = {v, rows, b, pxs_min_int(BLOCK, rows - b), (size_t)cols};
        finish_block(&j);
        pxs_pool_run(ctx->pool, rows_piece, &j, pxs_ceil_div(rows - b - j.n_block, ROWS));
    }
}
