#include "winograd.h"
#include "kernel_tests.h"

#include <math.h>
#include <string.h>

/* As in the head of conv_winograd.c, written down a second time. */
static const double bt2[] = {1, -1, 0, 0, 1, 0, 0, 1, -1}, g2[] = {1, 0, 1, 1, 0, 1},
                    at2[] = {1, 1, 0, 0, 1, -1};
static const double bt4[] = {2, -1, -2, 1,  0, 0, -2, -1, 1, 0,  0,  2, -3,
                             1, 0,  0,  -1, 0, 1, 0,  0,  2, -1, -2, 1},
                    g4[] = {1.0 / 2, 0,       -1.0 / 2, -1.0 / 2, -1.0 / 6,
                            1.0 / 6, 1.0 / 6, 1.0 / 3,  0,        1},
                    at4[] = {1, 1, 1, 1, 0, 0, 1, -1, 2, 0, 0, 1, 1, 4, 0, 0, 1, -1, 8, 1};

static void take(double *to, const double *from, int n, int power) {
    for (int i = 0; i < n; i++)
        to[i] = power == 0 ? from[i] : power == 1 ? fabs(from[i]) : from[i] * from[i];
}

struct tiling make_tiling(const struct pxs_conv_shape *s, int m, int power) {
    struct tiling t = {.m = m, .nx = m + 1, .nxi = (m + 1) * (m + 1), .s = *s};
    t.th = (s->h + m - 1) / m;
    t.tw = (s->w + m - 1) / m;
    t.tiles = s->n * t.th * t.tw;
    take(t.bt, m == 2 ? bt2 : bt4, t.nx * t.nx, power);
    take(t.g, m == 2 ? g2 : g4, t.nx * 2, power);
    take(t.at, m == 2 ? at2 : at4, m * t.nx, power);
    return t;
}

void sandwich(const double *l, int rows, int cols, bool turned, const double *in, double *out) {
    int from = turned ? rows : cols, to = turned ? cols : rows;
    double between[25] = {0};
#define L(i, k) (turned ? l[(k)*cols + (i)] : l[(i)*cols + (k)])
    for (int i = 0; i < to; i++)
        for (int k = 0; k < from; k++)
            for (int j = 0; j < from; j++)
                between[i * from + j] += L(i, k) * in[k * from + j];
    for (int i = 0; i < to; i++)
        for (int j = 0; j < to; j++) {
            double sum = 0;
            for (int k = 0; k < from; k++)
                sum += between[i * from + k] * L(j, k);
            out[i * to + j] = sum;
        }
#undef L
}

/* Index of the pixel at (a, b) of a tile in the small side, or in a phase of the big side; -1
 * outside. */
static ptrdiff_t small_at(const struct tiling *t, int tile, int a, int b) {
    int tx = tile % t->tw, ty = tile / t->tw % t->th, y = ty * t->m + a, x = tx * t->m + b;
    if (y >= t->s.h || x >= t->s.w)
        return -1;
    return ((ptrdiff_t)(tile / t->tw / t->th) * t->s.h + y) * t->s.w + x;
}

static ptrdiff_t big_at(const struct tiling *t, int tile, int phase, int a, int b) {
    int tx = tile % t->tw, ty = tile / t->tw % t->th;
    int y = 2 * (ty * t->m + a) - 1 + phase / 2, x = 2 * (tx * t->m + b) - 1 + phase % 2;
    if (y < 0 || y >= 2 * t->s.h || x < 0 || x >= 2 * t->s.w)
        return -1;
    return ((ptrdiff_t)(tile / t->tw / t->th) * 2 * t->s.h + y) * 2 * t->s.w + x;
}

double *points_of_big(const struct tiling *t, const double *big) {
    size_t k_all = 4 * (size_t)t->s.cb, xi_all = (size_t)t->tiles * k_all;
    double *v = numbers((size_t)t->nxi * xi_all), in[25], out[25];
    for (int tile = 0; tile < t->tiles; tile++)
        for (int k = 0; k < 4 * t->s.cb; k++) {
            for (int i = 0; i < t->nxi; i++) {
                ptrdiff_t at = big_at(t, tile, k % 4, i / t->nx, i % t->nx);
                in[i] = at < 0 ? 0 : big[at * t->s.cb + k / 4];
            }
            sandwich(t->bt, t->nx, t->nx, false, in, out);
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                v[xi * xi_all + (size_t)tile * k_all + (size_t)k] = out[xi];
        }
    return v;
}

double *points_of_small(const struct tiling *t, const double *small) {
    size_t cs = (size_t)t->s.cs, xi_all = (size_t)t->tiles * cs;
    double *y = numbers((size_t)t->nxi * xi_all), in[16], out[25];
    for (int tile = 0; tile < t->tiles; tile++)
        for (size_t c = 0; c < cs; c++) {
            for (int i = 0; i < t->m * t->m; i++) {
                ptrdiff_t at = small_at(t, tile, i / t->m, i % t->m);
                in[i] = at < 0 ? 0 : small[(size_t)at * cs + c];
            }
            sandwich(t->at, t->m, t->nx, true, in, out);
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                y[xi * xi_all + (size_t)tile * cs + c] = out[xi];
        }
    return y;
}

/* Index of tap a of phase k % 4, big channel k / 4. */
static size_t tap_at(const struct tiling *t, int k, int a, size_t c) {
    int phase = k % 4, tap = 4 * (phase / 2 + 2 * (a / 2)) + phase % 2 + 2 * (a % 2);
    return ((size_t)tap * (size_t)t->s.cb + (size_t)(k / 4)) * (size_t)t->s.cs + c;
}

double *points_of_weight(const struct tiling *t, const double *weight) {
    size_t cs = (size_t)t->s.cs, xi_all = 4 * (size_t)t->s.cb * cs;
    double *u = numbers((size_t)t->nxi * xi_all), in[4], out[25];
    for (int k = 0; k < 4 * t->s.cb; k++)
        for (size_t c = 0; c < cs; c++) {
            for (int a = 0; a < 4; a++)
                in[a] = weight[tap_at(t, k, a, c)];
            sandwich(t->g, t->nx, 2, false, in, out);
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                u[xi * xi_all + (size_t)k * cs + c] = out[xi];
        }
    return u;
}

/* c [m][n] += a b; a [m][k], or [k][m] where a_turned, b [k][n] or [n][k] where b_turned */
static void add_product(size_t m, size_t n, size_t k, const double *a, bool a_turned,
                        const double *b, bool b_turned, double *c) {
    const double *rows = b;
    if (b_turned) {
        double *turned = numbers(k * n);
        for (size_t j = 0; j < n; j++)
            for (size_t l = 0; l < k; l++)
                turned[l * n + j] = b[j * k + l];
        rows = turned;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++) {
            double x = a_turned ? a[l * m + i] : a[i * k + l];
            for (size_t j = 0; x != 0 && j < n; j++)
                c[i * n + j] += x * rows[l * n + j];
        }
}

static double *products(const struct tiling *t, size_t m, size_t n, size_t k, const double *a,
                        bool a_turned, const double *b, bool b_turned, double *most) {
    double *c = numbers((size_t)t->nxi * m * n);
    for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
        add_product(m, n, k, a + xi * m * k, a_turned, b + xi * k * n, b_turned, c + xi * m * n);
    for (size_t i = 0; most && i < (size_t)t->nxi * m * n; i++)
        *most = fmax(*most, fabs(c[i]));
    return c;
}

void chain_down(const struct tiling *t, const double *big, const double *weight, double *small,
                double *most) {
    size_t cs = (size_t)t->s.cs, tiles = (size_t)t->tiles;
    double in[25], out[16],
        *m = products(t, tiles, cs, 4 * (size_t)t->s.cb, points_of_big(t, big), false,
                      points_of_weight(t, weight), false, most);
    for (int tile = 0; tile < t->tiles; tile++)
        for (size_t c = 0; c < cs; c++) {
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                in[xi] = m[(xi * tiles + (size_t)tile) * cs + c];
            sandwich(t->at, t->m, t->nx, false, in, out);
            for (int i = 0; i < t->m * t->m; i++) {
                ptrdiff_t at = small_at(t, tile, i / t->m, i % t->m);
                if (at >= 0)
                    small[(size_t)at * cs + c] = out[i];
            }
        }
}

void chain_up(const struct tiling *t, const double *small, const double *weight, double *big,
              double *most) {
    size_t k_all = 4 * (size_t)t->s.cb, tiles = (size_t)t->tiles;
    double in[25], out[25],
        *m = products(t, tiles, k_all, (size_t)t->s.cs, points_of_small(t, small), false,
                      points_of_weight(t, weight), true, most);
    memset(big, 0, (size_t)(t->s.n * t->s.h * t->s.w) * k_all * sizeof *big);
    for (int tile = 0; tile < t->tiles; tile++)
        for (int k = 0; k < 4 * t->s.cb; k++) {
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                in[xi] = m[(xi * tiles + (size_t)tile) * k_all + (size_t)k];
            sandwich(t->bt, t->nx, t->nx, true, in, out);
            for (int i = 0; i < t->nxi; i++) {
                ptrdiff_t at = big_at(t, tile, k % 4, i / t->nx, i % t->nx);
                if (at >= 0)
                    big[at * t->s.cb + k / 4] += out[i];
            }
        }
}

void chain_weight(const struct tiling *t, const double *big, const double *small, double *dweight) {
    size_t cs = (size_t)t->s.cs, k_all = 4 * (size_t)t->s.cb;
    double in[25], out[4],
        *c_all = products(t, k_all, cs, (size_t)t->tiles, points_of_big(t, big), true,
                          points_of_small(t, small), false, NULL);
    for (int k = 0; k < 4 * t->s.cb; k++)
        for (size_t c = 0; c < cs; c++) {
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                in[xi] = c_all[(xi * k_all + (size_t)k) * cs + c];
            sandwich(t->g, t->nx, 2, true, in, out);
            for (int a = 0; a < 4; a++)
                dweight[tap_at(t, k, a, c)] = out[a];
        }
}
