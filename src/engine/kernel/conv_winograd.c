/* Winograd: F(m,2) and F(m,3) for the convolutions of 3x3 and 4x4, of stride 1 and 2.
 *
 * Winograd's minimal filtering F(m,r) (Winograd 1980; Lavin and Gray, CVPR 2016) makes m outputs of
 * an r-tap stride-1 correlation from m + r - 1 multiplications instead of m r:
 *     y = AT [ (G g) . (BT d) ],
 *
 *     F(2,2)  BT = 1 -1  0   G = 1 0   AT = 1 1  0
 *                  0  1  0       1 1        0 1 -1
 *                  0  1 -1       0 1
 *
 *     F(4,2)  BT = 2 -1 -2  1 0   G =  1/2   0    AT = 1 1  1 1 0
 *                  0 -2 -1  1 0       -1/2 -1/2        0 1 -1 2 0
 *                  0  2 -3  1 0       -1/6  1/6        0 1  1 4 0
 *                  0 -1  0  1 0        1/6  1/3        0 1 -1 8 1
 *                  0  2 -1 -2 1         0    1         at the points 0, 1, -1, 2 and infinity.
 *
 *     F(2,3)  BT = 1  0 -1  0   G =  1    0   0    AT = 1 1  1  0
 *                  0  1  1  0       1/2  1/2 1/2        0 1 -1 -1
 *                  0 -1  1  0       1/2 -1/2 1/2        at 0, 1, -1 and infinity.
 *                  0  1  0 -1        0    0   1
 *
 *     F(4,3)  BT = 4  0 -5  0 1 0   G =  1/4    0    0     AT = 1 1  1 1  1 0
 *                  0 -4 -4  1 1 0       -1/6  -1/6 -1/6         0 1 -1 2 -2 0
 *                  0  4 -4 -1 1 0       -1/6   1/6 -1/6         0 1  1 4  4 0
 *                  0 -2 -1  2 1 0       1/24  1/12  1/6         0 1 -1 8 -8 1
 *                  0  2 -1 -2 1 0       1/24 -1/12  1/6
 *                  0  4  0 -5 0 1         0     0    1     at 0, 1, -1, 2, -2 and infinity.
 *
 * A convolution of k taps and stride t becomes a sum of such correlations, its phases: in one
 * dimension small pixel i meets big pixels t i - padding + tap, and phase p has the taps t a + o p,
 * a = 0 .. r-1, so its input is d_p[s] = big[t s - padding + o p]. 3 taps, stride 1   one phase of
 * F(m,3) 4 taps, stride 2   two phases of F(m,2), o = 1: the even and the odd pixels 4 taps, stride
 * 1   two phases of F(m,2), o = 2: the first and the last two taps 3 taps, stride 2   as 4 taps,
 * whose last one is zero In two dimensions there are 1 or 4 phases.
 *
 * In two dimensions a tile of m x m small pixels takes nx^2 products, nx = m + r - 1, for each
 * phase: with 4x4 taps these are 1.78 and 2.56 times fewer, with 3x3 taps and stride 1 they
 * are 2.25 and 4 times fewer.
 *
 * Each product is a matrix product over all tiles t and channels, one for each of the nx^2 places
 * xi:
 *   D  M[xi] = V[xi] U[xi]      V = BT d B over the big side, U = G g GT;   small = AT M A
 *   U  M[xi] = Y[xi] U[xi]^T    Y = A y AT over the small side;             d    += B M BT
 *   W  C[xi] = V[xi]^T Y[xi]    summed over all tiles;                      dg    = GT C G
 * U and W are the adjoints of D, not convolutions of their own. So the three input transforms V, Y,
 * U and their three transposes serve all six passes of a layer and its transpose, and no border
 * tile is wasted. Tiles of D's input overlap by r - 1 pixels; U adds these overlaps up in a plane
 * of 16 channels that stays in cache: with stride 2 one for each phase, with stride 1 one for all.
 * Where the padding mirrors the edge the plane has the whole image, and what lies outside is added
 * to the pixels that it shows.
 *
 * Tiles beyond the image (h or w not a multiple of m) read zeros and write nothing. A tile reads
 * its whole input, so a NaN spreads over its tile.
 *
 * Pieces: an output panel of 16 channels and a run of tiles; D cuts runs further for many threads,
 * which changes no sum. The weights of a piece are transformed
 * into its thread's cache, a block of K_PANELS * 16 channels at a time, and never reach memory;
 * each output number is summed by one piece. */
#include "kernel_priv.h"

#include <string.h>

/* Floats of V, Y or both at a time: 8 MB, or 12. Then panels of K at a time; the most tiles of a
 * piece; the least, where more pieces are wanted. */
#define TILE_BUDGET ((size_t)2 << 20)
#define MORE_BUDGET ((size_t)3 << 20)
enum {
    K_PANELS = 16,
    MAX_TILES = 128,
    MORE_TILES = 256,
    MIN_TILES = 32,
    WANTED_PIECES = 8,
    COPY_PIECES = 32
};

struct job {
    const struct pxs_isa *isa;
    const struct pxs_tile_isa *tile;
    struct pxs_conv_shape s;
    int m, r, nx, nxi;
    int phases, offset; /* 1 or 4 in two dimensions; o above */
    int planes;         /* U: planes of an image, of phases / planes phases each */
    int over;           /* U: lines by which a plane is larger than its tiles */
    int th, tw;         /* tiles of an image, down and across */
    int cbp, csp;       /* panels of channels */
    const float *zeros;
    /* this chunk of tile rows, counted over the batch: row = image * th + ty */
    int row0, row1;
    float *v, *y; /* [xi][panel][tiles][16] */
    size_t v_panel, v_xi, y_panel, y_xi;
    float *own; /* of the threads */
    size_t own_floats, own_m, own_plane;
    size_t plane_floats; /* U: of one image's plane */
    int sub_rows, subs;  /* D: tile rows that share transformed weights; runs of them a panel */
    int parts;           /* D: pieces of such a run, more where there are many threads */
    int sub_images;      /* U: images of a piece */
    bool alone;          /* an image's bits may not depend on the batch */
    bool turned;         /* U: the weights are turned already */
    const float *big, *small, *weight;
    float *out;
    size_t ld_big, ld_small;
    bool accumulate;
    const struct pxs_update *update; /* W: in the last chunk */
};

/* Offsets in scratch memory; computed both to use it and to tell its size. */
struct layout {
    size_t zeros, v, y, own, total;
};

static struct job make_job(const struct pxs_conv_shape *s, int m) {
    const bool one = s->kernel == 3 && s->stride == 1;
    struct job j = {.s = *s,
                    .m = m,
                    .r = one ? 3 : 2,
                    .phases = one ? 1 : 4,
                    .offset = s->stride == 2 ? 1 : 2,
                    .planes = s->stride == 2 ? 4 : 1};
    j.nx = m + j.r - 1;
    j.nxi = j.nx * j.nx;
    j.over = j.r - 1 + (s->stride == 1 && !one ? j.offset : 0);
    j.th = pxs_ceil_div(s->h, m);
    j.tw = pxs_ceil_div(s->w, m);
    j.cbp = s->cb / PANEL;
    j.csp = s->cs / PANEL;
    return j;
}

static size_t tile_budget(const struct job *j) {
    return pxs_is_halving(&j->s) ? TILE_BUDGET : MORE_BUDGET;
}

/* Tile rows of a chunk: within the budget, at least one. */
static int chunk_rows(const struct job *j, bool v, bool y) {
    size_t row = (size_t)j->nxi * (size_t)j->tw * PANEL *
                 (size_t)((v ? j->phases * j->cbp : 0) + (y ? j->csp : 0));
    size_t rows = tile_budget(j) / row, all = (size_t)j->s.n * (size_t)j->th;
    return (int)(rows < 1 ? 1 : pxs_min_size(rows, all));
}

/* U sums up whole images. */
static int chunk_images(const struct job *j) {
    size_t image = (size_t)j->nxi * (size_t)j->th * (size_t)j->tw * PANEL * (size_t)j->csp;
    size_t images = tile_budget(j) / image;
    return (int)(images < 1 ? 1 : pxs_min_size(images, (size_t)j->s.n));
}

/* An odd number of rows between matrices keeps them off the same cache sets. The transforms of
 * weights and outputs touch all xi of a row at a time: 25 lines at 4 or 16 KB, where a set of the
 * innermost cache has room for 8. */
static size_t padded(int rows) {
    return (size_t)(rows | 1) * PANEL;
}

/* Panels of K at a time. With few tiles, four panels of transformed weights fit into the innermost
 * cache beside them. */
static int k_panels(const struct job *j, int tiles) {
    if (j->alone) /* by the picture: the bits depend on it */
        tiles = j->th * j->tw;
    return j->m == 4 && (tiles <= 32 || j->r == 3) ? 4 : K_PANELS;
}

/* Tile rows that a piece computes at a time. */
static int batch_rows(const struct job *j) {
    return pxs_max_int(1, (pxs_is_halving(&j->s) ? MAX_TILES : MORE_TILES) / j->tw);
}

/* Zeros in place of pixels outside, and of a tap that is not there. */
static size_t zero_floats(const struct pxs_conv_shape *s) {
    return (size_t)pxs_max_int(PANEL * PANEL, pxs_max_int(s->cb, s->cs));
}

/* A line of a plane. */
static size_t line_floats(const struct job *j) {
    return (size_t)(j->tw * j->m + j->over) * PANEL;
}

/* U: images whose tiles are one product, so that the weights are transformed once for them all. */
static int images_at_once(const struct job *j) {
    return pxs_min_int(j->s.n, pxs_max_int(1, batch_rows(j) / j->th));
}

/* A plane that several phases add to waits for the last one; else one image's is done at a time. */
static int planes_at_once(const struct job *j) {
    return j->phases > j->planes ? images_at_once(j) : 1;
}

static struct layout lay_out(struct job *j, int threads) {
    struct layout l = {0};
    size_t tiles_d = (size_t)chunk_rows(j, true, false) * (size_t)j->tw,
           tiles_u = (size_t)chunk_images(j) * (size_t)j->th * (size_t)j->tw,
           tiles_w = (size_t)chunk_rows(j, true, true) * (size_t)j->tw;
    size_t big = (size_t)(j->nxi * j->phases) * (size_t)j->cbp,
           little = (size_t)j->nxi * (size_t)j->csp;
    size_t d = big * padded((int)tiles_d), u = little * padded((int)tiles_u),
           w = (big + little) * padded((int)tiles_w);
    size_t shared = d > u ? d : u, at = 0, own = 0;
    l.zeros = pxs_take(&at, zero_floats(&j->s));
    l.v = l.y = pxs_take(&at, shared > w ? shared : w);
    /* U and a phase's taps turned; in W, C and a run of the gradient */
    size_t of_u = (size_t)j->nxi * padded(K_PANELS * PANEL) + (size_t)(j->r * j->r) * PANEL * PANEL,
           of_c = (size_t)(j->nxi + 1) * PANEL * PANEL + PXS_RUN_FLOATS;
    pxs_take(&own, of_u > of_c ? of_u : of_c);
    size_t tiles = (size_t)batch_rows(j) * (size_t)j->tw;
    j->own_m = pxs_take(&own, (size_t)j->nxi * padded((int)tiles));
    int lines = (j->s.reflect ? j->th : pxs_min_int(j->th, batch_rows(j))) * j->m + j->over;
    j->plane_floats = (size_t)lines * line_floats(j);
    j->own_plane = pxs_take(&own, (size_t)planes_at_once(j) * j->plane_floats);
    j->own_floats = own;
    l.own = pxs_take(&at, own * (size_t)threads);
    l.total = at;
    return l;
}

static size_t scratch(const struct pxs_conv_shape *s, int threads, int m) {
    struct job j = make_job(s, m);
    return lay_out(&j, threads).total;
}

static struct job begin(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                        int m) {
    struct job j = make_job(s, m);
    struct layout l = lay_out(&j, pxs_pool_threads(ctx->pool));
    j.isa = ctx->set->isa;
    j.alone = ctx->as_batch > 0;
    j.turned = ctx->turned;
    j.tile = j.r == 3 ? m == 2 ? &j.isa->f2x3 : &j.isa->f4x3 : m == 2 ? &j.isa->f2x2 : &j.isa->f4x2;
    memset(ctx->scratch + l.zeros, 0, zero_floats(s) * sizeof(float));
    j.zeros = ctx->scratch + l.zeros;
    j.v = ctx->scratch + l.v;
    j.y = ctx->scratch + l.y;
    j.own = ctx->scratch + l.own;
    return j;
}

static void use_rows(struct job *j, int row0, int row1, bool v, bool y) {
    int tiles = (row1 - row0) * j->tw;
    j->row0 = row0;
    j->row1 = row1;
    j->v_panel = j->y_panel = padded(tiles);
    j->v_xi = j->v_panel * (size_t)(j->phases * j->cbp);
    j->y_xi = j->y_panel * (size_t)j->csp;
    if (v && y)
        j->y = j->v + (size_t)j->nxi * j->v_xi;
}

/* ---- input transforms ----------------------------------------------------------------------- */

/* One tile row of the big side. The phases of a panel stand together: V[xi][phases * panel +
 * phase]. */
static void big_row(const struct job *j, int row) {
    const struct pxs_conv_shape *s = &j->s;
    int image = row / j->th, i0 = row % j->th * j->m;
    const float *src[36];
    for (int tx = 0; tx < j->tw; tx++)
        for (int phase = 0; phase < j->phases; phase++) {
            int y0 = j->offset * (phase / 2) - s->padding,
                x0 = j->offset * (phase % 2) - s->padding;
            for (int a = 0; a < j->nx; a++)
                for (int b = 0; b < j->nx; b++) {
                    int y = pxs_big_at(s, s->stride * (i0 + a) + y0, s->big_h),
                        x = pxs_big_at(s, s->stride * (tx * j->m + b) + x0, s->big_w);
                    src[a * j->nx + b] =
                        y >= 0 && x >= 0
                            ? j->big +
                                  ((size_t)(image * s->big_h + y) * (size_t)s->big_w + (size_t)x) *
                                      j->ld_big
                            : j->zeros;
                }
            size_t t = (size_t)((row - j->row0) * j->tw + tx);
            j->tile->big_in(src, j->cbp, j->v + (size_t)phase * j->v_panel + t * PANEL, j->v_xi,
                            (size_t)j->phases * j->v_panel);
        }
}

static void small_row(const struct job *j, int row) {
    int image = row / j->th, i0 = row % j->th * j->m;
    const float *src[16];
    for (int tx = 0; tx < j->tw; tx++) {
        for (int a = 0; a < j->m; a++)
            for (int b = 0; b < j->m; b++) {
                int y = i0 + a, x = tx * j->m + b;
                src[a * j->m + b] = y < j->s.h && x < j->s.w
                                        ? j->small + (((size_t)image * (size_t)j->s.h + (size_t)y) *
                                                          (size_t)j->s.w +
                                                      (size_t)x) *
                                                         j->ld_small
                                        : j->zeros;
            }
        size_t t = (size_t)((row - j->row0) * j->tw + tx);
        j->tile->small_in(src, j->csp, j->y + t * PANEL, j->y_xi, j->y_panel);
    }
}

static int transform_pieces(const struct job *j) {
    return pxs_min_int(COPY_PIECES, j->row1 - j->row0);
}

static void transform(const struct job *j, int piece,
                      void (*one_row)(const struct job *j, int row)) {
    int rows = j->row1 - j->row0, pieces = transform_pieces(j);
    for (int r = pxs_share(rows, pieces, piece); r < pxs_share(rows, pieces, piece + 1); r++)
        one_row(j, j->row0 + r);
}

static void big_piece(void *user, int piece, int thread) {
    (void)thread;
    transform(user, piece, big_row);
}

static void small_piece(void *user, int piece, int thread) {
    (void)thread;
    transform(user, piece, small_row);
}

/* Tap a of a phase; -1 where the kernel has none. */
static int tap_of(const struct job *j, int phase, int a) {
    int ky = j->s.stride * (a / j->r) + j->offset * (phase / 2),
        kx = j->s.stride * (a % j->r) + j->offset * (phase % 2);
    return ky < j->s.kernel && kx < j->s.kernel ? j->s.kernel * ky + kx : -1;
}

/* Without its last taps a kernel of 3x3 and stride 2 leaves phases of one tap, whose U is zero at
 * the last point, infinity: 81 products of 100 for F(4,2) are left. */
static bool has_dead_points(const struct job *j) {
    return j->s.kernel == 3 && j->s.stride == 2;
}

static bool is_dead(const struct job *j, int phase, int xi) {
    return has_dead_points(j) && ((phase / 2 == 1 && xi / j->nx == j->nx - 1) ||
                                  (phase % 2 == 1 && xi % j->nx == j->nx - 1));
}

/* The weights of a tap at a panel of small channels and a big channel. */
static const float *weight_at(const struct job *j, int tap, int panel, int b) {
    return j->weight +
           (((size_t)tap * (size_t)j->csp + (size_t)panel) * (size_t)j->s.cb + (size_t)b) * PANEL;
}

/* ---- D -------------------------------------------------------------------------------------- */

/* Output tiles of one tile row, from M. */
static void small_out_row(const struct job *j, int row, int panel, const float *m, size_t m_xi) {
    int image = row / j->th, i0 = row % j->th * j->m;
    float *dst[16];
    for (int tx = 0; tx < j->tw; tx++, m += PANEL) {
        for (int a = 0; a < j->m; a++)
            for (int b = 0; b < j->m; b++) {
                int y = i0 + a, x = tx * j->m + b;
                dst[a * j->m + b] =
                    y < j->s.h && x < j->s.w
                        ? j->out +
                              (((size_t)image * (size_t)j->s.h + (size_t)y) * (size_t)j->s.w +
                               (size_t)x) *
                                  j->ld_small +
                              (size_t)panel * PANEL
                        : NULL;
            }
        j->tile->small_out(m, m_xi, dst);
    }
}

/* M[xi] of big channels b0 .. b0+nb-1: all phases in one K, or the live ones each by itself. */
static void down_product(const struct job *j, int xi, int b0, int nb, size_t t0, int tiles,
                         const float *u, float *m) {
    const float *v = j->v + (size_t)xi * j->v_xi + (size_t)(j->phases * b0) * j->v_panel + t0;
    if (!has_dead_points(j)) {
        j->isa->rows(tiles, j->phases * nb, v, j->v_panel, u, m, PANEL, b0 > 0);
        return;
    }
    for (int phase = 0; phase < j->phases; phase++)
        if (!is_dead(j, phase, xi))
            j->isa->rows(tiles, nb, v + (size_t)phase * j->v_panel, (size_t)j->phases * j->v_panel,
                         u + (size_t)(phase * nb) * PANEL * PANEL, m, PANEL, b0 > 0 || phase > 0);
}

static void down_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int run = piece / j->parts, panel = run / j->subs, run0 = run % j->subs * j->sub_rows,
        rows = pxs_min_int(j->row1 - j->row0 - run0, j->sub_rows), part = piece % j->parts,
        first = run0 + pxs_share(rows, j->parts, part),
        last = run0 + pxs_share(rows, j->parts, part + 1), tiles = (last - first) * j->tw;
    float *u = j->own + (size_t)thread * j->own_floats, *m = u + j->own_m;
    size_t m_xi = padded(tiles), t0 = (size_t)(first * j->tw) * PANEL;
    if (tiles == 0)
        return;
    /* by the run, not by the part: the bits depend on it */
    int block = k_panels(j, rows * j->tw) / j->phases, taps = j->r * j->r;
    bool apart = has_dead_points(j);
    for (int b0 = 0; b0 < j->cbp; b0 += block) {
        int nb = pxs_min_int(block, j->cbp - b0);
        size_t u_xi = padded(j->phases * nb * PANEL);
        for (int b = 0; b < nb; b++)
            for (int phase = 0; phase < j->phases; phase++) {
                const float *tap[9];
                int k = apart ? phase * nb + b : j->phases * b + phase;
                for (int a = 0; a < taps; a++) {
                    int at = tap_of(j, phase, a);
                    tap[a] = at < 0 ? j->zeros : weight_at(j, at, panel, (b0 + b) * PANEL);
                }
                j->tile->weight_in(tap, PANEL, u + (size_t)k * PANEL * PANEL, u_xi);
            }
        for (int xi = 0; xi < j->nxi; xi++)
            down_product(j, xi, b0, nb, t0, tiles, u + (size_t)xi * u_xi, m + (size_t)xi * m_xi);
    }
    for (int r = first; r < last; r++)
        small_out_row(j, j->row0 + r, panel, m + (size_t)((r - first) * j->tw) * PANEL, m_xi);
}

static void down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                 const float *big, size_t ld_big, const float *weight, float *small,
                 size_t ld_small, int tile_size) {
    struct job j = begin(ctx, s, tile_size);
    j.big = big;
    j.ld_big = ld_big;
    j.weight = weight;
    j.out = small;
    j.ld_small = ld_small;
    int all = s->n * j.th, step = chunk_rows(&j, true, false);
    for (int row = 0; row < all; row += step) {
        use_rows(&j, row, pxs_min_int(all, row + step), true, false);
        int rows = j.row1 - j.row0;
        j.sub_rows = pxs_min_int(rows, batch_rows(&j));
        while (j.csp * pxs_ceil_div(rows, j.sub_rows) < WANTED_PIECES && j.sub_rows > 1 &&
               j.sub_rows * j.tw >= 2 * MIN_TILES)
            j.sub_rows = pxs_ceil_div(j.sub_rows, 2);
        j.subs = pxs_ceil_div(rows, j.sub_rows);
        j.parts =
            pxs_min_int(j.sub_rows, pxs_ceil_div(2 * pxs_pool_threads(ctx->pool), j.csp * j.subs));
        pxs_pool_run(ctx->pool, big_piece, &j, transform_pieces(&j));
        pxs_pool_run(ctx->pool, down_piece, &j, j.csp * j.subs * j.parts);
    }
}

/* ---- U -------------------------------------------------------------------------------------- */

/* Columns of a phase or of all: a line's place x is big column stride x + x0. */
static int first_column(const struct job *j, int phase) {
    return (j->planes > 1 ? j->offset * (phase % 2) : 0) - j->s.padding;
}

/* A finished line of a plane to big row y. */
static void emit_line(const struct job *j, int image, int phase, int panel, int y,
                      const float *line) {
    const struct pxs_conv_shape *s = &j->s;
    if (y < 0 || y >= s->big_h)
        return;
    int x0 = first_column(j, phase), first = x0 < 0 ? pxs_ceil_div(-x0, s->stride) : 0,
        x = s->stride * first + x0,
        n = pxs_min_int(j->tw * j->m + j->over - first, pxs_ceil_div(s->big_w - x, s->stride));
    float *out = j->out +
                 ((size_t)(image * s->big_h + y) * (size_t)s->big_w + (size_t)x) * j->ld_big +
                 (size_t)panel * PANEL;
    j->isa->copy(line + (size_t)first * PANEL, PANEL, n, out, (size_t)s->stride * j->ld_big,
                 j->accumulate);
}

/* The lines of a plane of stride 1 that show others, then their columns. */
static void fold(const struct job *j, float *plane) {
    const struct pxs_conv_shape *s = &j->s;
    size_t ld = line_floats(j);
    int p = s->padding, lines = j->th * j->m + j->over, columns = j->tw * j->m + j->over;
    for (int i = 0; i < lines; i++) {
        int shown = pxs_big_at(s, i - p, s->big_h);
        if (shown >= 0 && shown != i - p)
            j->isa->copy(plane + (size_t)i * ld, PANEL, columns, plane + (size_t)(shown + p) * ld,
                         PANEL, true);
    }
    for (int x = 0; x < columns; x++) {
        int shown = pxs_big_at(s, x - p, s->big_w);
        if (shown >= 0 && shown != x - p)
            j->isa->copy(plane + (size_t)x * PANEL, ld, lines, plane + (size_t)(shown + p) * PANEL,
                         ld, true);
    }
}

/* Adds M of `rows` tile rows of one image to lines line0 .. of its plane. */
static void add_tiles(const struct job *j, int rows, int phase, const float *m, size_t m_xi,
                      float *plane, int line0) {
    size_t ld = line_floats(j);
    int y = j->planes > 1 ? 0 : j->offset * (phase / 2),
        x = j->planes > 1 ? 0 : j->offset * (phase % 2);
    for (int r = 0; r < rows; r++)
        for (int tx = 0; tx < j->tw; tx++, m += PANEL)
            j->tile->big_out(
                m, m_xi,
                plane + (size_t)(line0 + r * j->m + y) * ld + (size_t)(tx * j->m + x) * PANEL, ld);
}

/* Writes the lines of tile rows ty .. ty+rows-1 that are finished. The plane's first lines hold
 * what the tile rows above have added; its last lines move to the front for the next rows.
 * Mirrored, all wait for the last row. */
static void emit_rows(const struct job *j, int image, int ty, int rows, int phase, int panel,
                      float *plane) {
    const struct pxs_conv_shape *s = &j->s;
    size_t ld = line_floats(j);
    bool end = ty + rows == j->th;
    int lines = rows * j->m + (end ? j->over : 0), line0 = ty * j->m,
        y0 = (j->planes > 1 ? j->offset * (phase / 2) : 0) - s->padding;
    if (s->reflect) {
        if (!end)
            return;
        fold(j, plane);
        lines = j->th * j->m + j->over;
        line0 = 0;
    }
    for (int i = 0; i < lines; i++)
        emit_line(j, image, phase, panel, s->stride * (line0 + i) + y0, plane + (size_t)i * ld);
    if (!end)
        memmove(plane, plane + (size_t)lines * ld, (size_t)j->over * ld * sizeof *plane);
}

/* Makes room in the plane for tile rows ty .. : zeros. Returns the line that they begin with. */
static int open_rows(const struct job *j, int ty, int rows, float *plane) {
    size_t ld = line_floats(j);
    int line0 = j->s.reflect ? ty * j->m : 0, kept = ty == 0 ? 0 : j->over;
    memset(plane + (size_t)(line0 + kept) * ld, 0,
           (size_t)(rows * j->m + j->over - kept) * ld * sizeof *plane);
    return line0;
}

/* M of `tiles` tiles from t0 on. */
static void up_product(const struct job *j, int phase, int panel, size_t t0, int tiles, float *u,
                       float *m) {
    float *turned = u + (size_t)j->nxi * padded(K_PANELS * PANEL);
    size_t m_xi = padded(tiles);
    int block = k_panels(j, tiles), taps = j->r * j->r;
    for (int c0 = 0; c0 < j->csp; c0 += block) {
        int k = pxs_min_int(block, j->csp - c0);
        size_t u_xi = padded(k * PANEL);
        for (int c = 0; c < k; c++) {
            const float *tap[9];
            for (int a = 0; a < taps; a++) {
                int at = tap_of(j, phase, a);
                tap[a] = at < 0      ? j->zeros
                         : j->turned ? pxs_turned_at(&j->s, j->weight, at, panel, (c0 + c) * PANEL)
                                     : turned + a * PANEL * PANEL;
                if (at >= 0 && !j->turned)
                    pxs_transpose(j->isa, weight_at(j, at, c0 + c, panel * PANEL),
                                  turned + a * PANEL * PANEL, (size_t)j->s.cb * PANEL);
            }
            j->tile->weight_in(tap, PANEL, u + (size_t)c * PANEL * PANEL, u_xi);
        }
        for (int xi = 0; xi < j->nxi; xi++) {
            if (is_dead(j, phase, xi)) {
                memset(m + (size_t)xi * m_xi, 0, m_xi * sizeof *m);
                continue;
            }
            j->isa->rows(tiles, k,
                         j->y + (size_t)xi * j->y_xi + (size_t)c0 * j->y_panel + t0 * PANEL,
                         j->y_panel, u + (size_t)xi * u_xi, m + (size_t)xi * m_xi, PANEL, c0 > 0);
        }
    }
}

static void up_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int of_plane = j->phases / j->planes, images = (j->row1 - j->row0) / j->th;
    int first_phase = piece % j->planes * of_plane, panel = piece / j->planes % j->cbp,
        group = piece / j->planes / j->cbp;
    int first = group * j->sub_images, last = pxs_min_int(images, first + j->sub_images);
    float *u = j->own + (size_t)thread * j->own_floats, *m = u + j->own_m,
          *planes = u + j->own_plane;
    int step = batch_rows(j), whole = images_at_once(j); /* whole images, or rows of one */
    size_t next_plane = of_plane > 1 ? j->plane_floats : 0;
    for (int i = first; i < last; i += whole) {
        int n = pxs_min_int(whole, last - i);
        for (int ty = 0; ty < j->th; ty += step) {
            int rows = pxs_min_int(step, j->th - ty), tiles = n * rows * j->tw, line0 = 0;
            size_t m_xi = padded(tiles);
            for (int phase = first_phase; phase < first_phase + of_plane; phase++) {
                up_product(j, phase, panel, (size_t)((i * j->th + ty) * j->tw), tiles, u, m);
                for (int k = 0; k < n; k++) {
                    float *plane = planes + (size_t)k * next_plane;
                    if (phase == first_phase)
                        line0 = open_rows(j, ty, rows, plane);
                    add_tiles(j, rows, phase, m + (size_t)(k * rows * j->tw) * PANEL, m_xi, plane,
                              line0);
                    if (phase == first_phase + of_plane - 1)
                        emit_rows(j, j->row0 / j->th + i + k, ty, rows, phase, panel, plane);
                }
            }
        }
    }
}

static void up(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
               const float *small, size_t ld_small, const float *weight, float *big, size_t ld_big,
               bool accumulate, int tile_size) {
    struct job j = begin(ctx, s, tile_size);
    j.small = small;
    j.ld_small = ld_small;
    j.weight = weight;
    j.out = big;
    j.ld_big = ld_big;
    j.accumulate = accumulate;
    int step = chunk_images(&j);
    for (int image = 0; image < s->n; image += step) {
        int images = pxs_min_int(step, s->n - image);
        use_rows(&j, image * j.th, (image + images) * j.th, false, true);
        j.sub_images = pxs_min_int(images, pxs_max_int(1, batch_rows(&j) / j.th));
        while (j.planes * j.cbp * pxs_ceil_div(images, j.sub_images) < WANTED_PIECES &&
               j.sub_images > 1 && j.sub_images * j.th * j.tw >= 2 * MIN_TILES)
            j.sub_images = pxs_ceil_div(j.sub_images, 2);
        pxs_pool_run(ctx->pool, small_piece, &j, transform_pieces(&j));
        pxs_pool_run(ctx->pool, up_piece, &j,
                     j.planes * j.cbp * pxs_ceil_div(images, j.sub_images));
    }
}

/* ---- W -------------------------------------------------------------------------------------- */

/* Rows that are summed in one chain. */
enum { CHAIN = 256 };

static void weight_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int tiles = (j->row1 - j->row0) * j->tw, taps = j->r * j->r;
    float *c = j->own + (size_t)thread * j->own_floats, *nothing = c + j->nxi * PANEL * PANEL;
    struct pxs_weight_run run = {.s = &j->s,
                                 .panel = piece % j->csp,
                                 .b0 = piece / j->csp * pxs_run_blocks(&j->s),
                                 .buffer = nothing + PANEL * PANEL};
    run.blocks = pxs_min_int(pxs_run_blocks(&j->s), j->cbp - run.b0);
    for (int b = 0; b < run.blocks; b++)
        for (int phase = 0; phase < j->phases; phase++) {
            for (int xi = 0; xi < j->nxi; xi++)
                for (int t = 0; t < tiles && !is_dead(j, phase, xi); t += CHAIN) {
                    size_t panel = (size_t)(j->phases * (run.b0 + b) + phase),
                           at = (size_t)t * PANEL;
                    struct pxs_segment seg = {j->v + (size_t)xi * j->v_xi + panel * j->v_panel + at,
                                              j->y + (size_t)xi * j->y_xi +
                                                  (size_t)run.panel * j->y_panel + at,
                                              pxs_min_int(CHAIN, tiles - t)};
                    j->isa->outer(1, &seg, PANEL, PANEL, c + xi * PANEL * PANEL, t > 0);
                }
            float *tap[9];
            for (int a = 0; a < taps; a++) {
                int at = tap_of(j, phase, a);
                tap[a] = at < 0 ? nothing : pxs_run_block(&run, at, b);
            }
            j->tile->weight_out(c, tap);
        }
    pxs_run_finish(&run, j->out, j->row0 > 0, j->update);
}

static void weight_gradient(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                            const float *big, size_t ld_big, const float *small, size_t ld_small,
                            float *dweight, const struct pxs_update *update, int tile_size) {
    struct job j = begin(ctx, s, tile_size);
    j.big = big;
    j.ld_big = ld_big;
    j.small = small;
    j.ld_small = ld_small;
    j.out = dweight;
    int all = s->n * j.th, step = chunk_rows(&j, true, true);
    for (int row = 0; row < all; row += step) {
        use_rows(&j, row, pxs_min_int(all, row + step), true, true);
        if (j.row1 == all)
            j.update = update;
        pxs_pool_run(ctx->pool, big_piece, &j, transform_pieces(&j));
        pxs_pool_run(ctx->pool, small_piece, &j, transform_pieces(&j));
        pxs_pool_run(ctx->pool, weight_piece, &j, j.csp * pxs_ceil_div(j.cbp, pxs_run_blocks(s)));
    }
}

/* ---- the two methods ------------------------------------------------------------------------ */

#define DEFINE_METHOD(m)                                                                         \
    static size_t scratch_##m(const struct pxs_conv_shape *s, int threads) {                     \
        return scratch(s, threads, m);                                                           \
    }                                                                                            \
    static void down_##m(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,   \
                         const float *big, size_t ld_big, const float *weight, float *small,     \
                         size_t ld_small) {                                                      \
        down(ctx, s, big, ld_big, weight, small, ld_small, m);                                   \
    }                                                                                            \
    static void up_##m(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,     \
                       const float *small, size_t ld_small, const float *weight, float *big,     \
                       size_t ld_big, bool accumulate) {                                         \
        up(ctx, s, small, ld_small, weight, big, ld_big, accumulate, m);                         \
    }                                                                                            \
    static void weight_##m(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s, \
                           const float *big, size_t ld_big, const float *small, size_t ld_small, \
                           float *dweight, const struct pxs_update *update) {                    \
        weight_gradient(ctx, s, big, ld_big, small, ld_small, dweight, update, m);               \
    }                                                                                            \
    const struct pxs_conv_method pxs_conv_f##m = {scratch_##m, down_##m, up_##m, weight_##m};
DEFINE_METHOD(2)
DEFINE_METHOD(4)
