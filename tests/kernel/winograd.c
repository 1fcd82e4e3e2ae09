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

static const double bt23[] = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1, 0, -1},
                    g23[] = {1, 0, 0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0, 0, 1},
                    at23[] = {1, 1, 1, 0, 0, 1, -1, -1};
static const double bt43[] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                              0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1},
                    g43[] = {1.0 / 4,  0,         0,        -1.0 / 6, -1.0 / 6, -1.0 / 6,
                             -1.0 / 6, 1.0 / 6,   -1.0 / 6, 1.0 / 24, 1.0 / 12, 1.0 / 6,
                             1.0 / 24, -1.0 / 12, 1.0 / 6,  0,        0,        1},
                    at43[] = {1, 1, 1, 1, 1, 0, 0, 1, -1, 2, -2, 0,
                              0, 1, 1, 4, 4, 0, 0, 1, -1, 8, -8, 1};

struct tiling make_tiling(const struct pxs_conv_shape *s, int m, int power) {
    const bool one = s->kernel == 3 && s->stride == 1;
    struct tiling t = {.m = m, .r = one ? 3 : 2, .phases = one ? 1 : 4, .s = *s};
    t.offset = s->stride == 2 ? 1 : 2;
    t.nx = m + t.r - 1;
    t.nxi = t.nx * t.nx;
    t.th = (s->h + m - 1) / m;
    t.tw = (s->w + m - 1) / m;
    t.tiles = s->n * t.th * t.tw;
    take(t.bt, one ? m == 2 ? bt23 : bt43 : m == 2 ? bt2 : bt4, t.nx * t.nx, power);
    take(t.g, one ? m == 2 ? g23 : g43 : m == 2 ? g2 : g4, t.nx * t.r, power);
    take(t.at, one ? m == 2 ? at23 : at43 : m == 2 ? at2 : at4, m * t.nx, power);
    return t;
}

void sandwich(const double *l, int rows, int cols, bool turned, const double *in, double *out) {
    int from = turned ? rows : cols, to = turned ? cols : rows;
    double between[36] = {0};
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

static int mirrored(const struct pxs_conv_shape *s, int at, int length) {
    if (s->reflect && at < 0 && at >= -s->padding)
        return -at;
    if (s->reflect && at >= length && at < length + s->padding)
        return 2 * (length - 1) - at;
    return at;
}

static ptrdiff_t big_at(const struct tiling *t, int tile, int phase, int a, int b) {
    const struct pxs_conv_shape *s = &t->s;
    int tx = tile % t->tw, ty = tile / t->tw % t->th;
    int y = s->stride * (ty * t->m + a) - s->padding + t->offset * (phase / 2),
        x = s->stride * (tx * t->m + b) - s->padding + t->offset * (phase % 2);
    y = mirrored(s, y, s->big_h);
    x = mirrored(s, x, s->big_w);
    if (y < 0 || y >= s->big_h || x < 0 || x >= s->big_w)
        return -1;
    return ((ptrdiff_t)(tile / t->tw / t->th) * s->big_h + y) * s->big_w + x;
}

double *points_of_big(const struct tiling *t, const double *big) {
    size_t k_all = (size_t)(t->phases * t->s.cb), xi_all = (size_t)t->tiles * k_all;
    double *v = numbers((size_t)t->nxi * xi_all), in[36], out[36];
    for (int tile = 0; tile < t->tiles; tile++)
        for (int k = 0; k < t->phases * t->s.cb; k++) {
            for (int i = 0; i < t->nxi; i++) {
                ptrdiff_t at = big_at(t, tile, k % t->phases, i / t->nx, i % t->nx);
                in[i] = at < 0 ? 0 : big[at * t->s.cb + k / t->phases];
            }
            sandwich(t->bt, t->nx, t->nx, false, in, out);
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                v[xi * xi_all + (size_t)tile * k_all + (size_t)k] = out[xi];
        }
    return v;
}

double *points_of_small(const struct tiling *t, const double *small) {
    size_t cs = (size_t)t->s.cs, xi_all = (size_t)t->tiles * cs;
    double *y = numbers((size_t)t->nxi * xi_all), in[16], out[36];
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

/* Index of tap a of phase k % phases, big channel k / phases; -1 where the kernel has none. */
static ptrdiff_t tap_at(const struct tiling *t, int k, int a, size_t c) {
    int phase = k % t->phases, ky = t->s.stride * (a / t->r) + t->offset * (phase / 2),
        kx = t->s.stride * (a % t->r) + t->offset * (phase % 2);
    if (ky >= t->s.kernel || kx >= t->s.kernel)
        return -1;
    return ((ptrdiff_t)(t->s.kernel * ky + kx) * t->s.cb + k / t->phases) * t->s.cs + (ptrdiff_t)c;
}

double *points_of_weight(const struct tiling *t, const double *weight) {
    size_t cs = (size_t)t->s.cs, xi_all = (size_t)(t->phases * t->s.cb) * cs;
    double *u = numbers((size_t)t->nxi * xi_all), in[9], out[36];
    for (int k = 0; k < t->phases * t->s.cb; k++)
        for (size_t c = 0; c < cs; c++) {
            for (int a = 0; a < t->r * t->r; a++) {
                ptrdiff_t at = tap_at(t, k, a, c);
                in[a] = at < 0 ? 0 : weight[at];
            }
            sandwich(t->g, t->nx, t->r, false, in, out);
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
    double in[36], out[16],
        *m = products(t, tiles, cs, (size_t)(t->phases * t->s.cb), points_of_big(t, big), false,
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
    size_t k_all = (size_t)(t->phases * t->s.cb), tiles = (size_t)t->tiles;
    double in[36], out[36],
        *m = products(t, tiles, k_all, (size_t)t->s.cs, points_of_small(t, small), false,
                      points_of_weight(t, weight), true, most);
    memset(big, 0, (size_t)(t->s.n * t->s.big_h * t->s.big_w * t->s.cb) * sizeof *big);
    for (int tile = 0; tile < t->tiles; tile++)
        for (int k = 0; k < t->phases * t->s.cb; k++) {
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                in[xi] = m[(xi * tiles + (size_t)tile) * k_all + (size_t)k];
            sandwich(t->bt, t->nx, t->nx, true, in, out);
            for (int i = 0; i < t->nxi; i++) {
                ptrdiff_t at = big_at(t, tile, k % t->phases, i / t->nx, i % t->nx);
                if (at >= 0)
                    big[at * t->s.cb + k / t->phases] += out[i];
            }
        }
}

void chain_weight(const struct tiling *t, const double *big, const double *small, double *dweight) {
    size_t cs = (size_t)t->s.cs, k_all = (size_t)(t->phases * t->s.cb);
    double in[36], out[9],
        *c_all = products(t, k_all, cs, (size_t)t->tiles, points_of_big(t, big), true,
                          points_of_small(t, small), false, NULL);
    for (int k = 0; k < t->phases * t->s.cb; k++)
        for (size_t c = 0; c < cs; c++) {
            for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
                in[xi] = c_all[(xi * k_all + (size_t)k) * cs + c];
            sandwich(t->g, t->nx, t->r, true, in, out);
            for (int a = 0; a < t->r * t->r; a++) {
                ptrdiff_t at = tap_at(t, k, a, c);
                if (at >= 0)
                    dweight[at] = out[a];
            }
        }
}
