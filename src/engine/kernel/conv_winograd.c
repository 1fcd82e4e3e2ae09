/* Polyphase Winograd: F(2,2) and F(4,2) for the 4x4 stride-2 layers.
 *
 * In one dimension, small pixel i meets big pixels 2i-1+k, k = 0 .. 3. Split the big side by parity
 * into two phases, p = 0 (odd pixels and the padding before them) and p = 1: d_p[s] = big[2s-1+p].
 * Then
 *     small[i] = sum over p of  g0 d_p[i] + g1 d_p[i+1],   g = (tap p, tap p+2):
 * two 2-tap stride-1 correlations; in two dimensions four 2x2 ones. Winograd's minimal filtering
 * F(m,2) (Winograd 1980; Lavin and Gray, CVPR 2016) makes m outputs of a 2-tap correlation from m+1
 * multiplications instead of 2m:
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
 * In two dimensions a tile of m x m small pixels takes (m+1)^2 products instead of 4 m^2: 9 instead
 * of 16, or 25 instead of 64; these are 1.78 and 2.56 times fewer.
 *
 * Each product is a matrix product over all tiles t and channels, one for each of the (m+1)^2
 * places xi:
 *   D  M[xi] = V[xi] U[xi]      V = BT d B over the big side, U = G g GT;   small = AT M A
 *   U  M[xi] = Y[xi] U[xi]^T    Y = A y AT over the small side;             d    += B M BT
 *   W  C[xi] = V[xi]^T Y[xi]    summed over all tiles;                      dg    = GT C G
 * U and W are the adjoints of D, not convolutions of their own. So the three input transforms V, Y,
 * U and their three transposes serve all six passes of a layer and its transpose, and no border
 * tile is wasted. Tiles of D's input overlap by one pixel; U adds these overlaps up in a plane of
 * one phase and 16 channels that stays in cache.
 *
 * Tiles beyond the image (h or w not a multiple of m) read zeros and write nothing. A tile reads
 * its whole input, so a NaN spreads over its tile.
 *
 * Pieces: an output panel of 16 channels and a run of tiles. The weights of a piece are transformed
 * into its thread's cache, a block of K_PANELS * 16 channels at a time, and never reach memory;
 * each output number is summed by one piece. */
#include "kernel_priv.h"

#include <string.h>

/* Floats of V, Y or both at a time: 8 MB. Then panels of K at a time; the most tiles of a piece;
 * the least, where more pieces are wanted. */
#define TILE_BUDGET ((size_t)2 << 20)
enum { K_PANELS = 16, MAX_TILES = 128, MIN_TILES = 32, WANTED_PIECES = 8, COPY_PIECES = 32 };

struct job {
    const struct pxs_isa *isa;
    const struct pxs_tile_isa *tile;
    struct pxs_conv_shape s;
    int m, nx, nxi;
    int th, tw;   /* tiles of an image, down and across */
    int cbp, csp; /* panels of channels */
    const float *zeros;
    /* this chunk of tile rows, counted over the batch: row = image * th + ty */
    int row0, row1;
    float *v, *y; /* [xi][panel][tiles][16] */
    size_t v_panel, v_xi, y_panel, y_xi;
    float *own; /* of the threads */
    size_t own_floats, own_m, own_plane;
    int sub_rows, subs; /* tile rows of a piece of D; pieces a panel */
    int sub_images;     /* U: images of a piece */
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
    struct job j = {.s = *s, .m = m, .nx = m + 1, .nxi = (m + 1) * (m + 1)};
    j.th = pxs_ceil_div(s->h, m);
    j.tw = pxs_ceil_div(s->w, m);
    j.cbp = s->cb / PANEL;
    j.csp = s->cs / PANEL;
    return j;
}

/* Tile rows of a chunk: within the budget, at least one. */
static int chunk_rows(const struct job *j, bool v, bool y) {
    size_t row =
        (size_t)j->nxi * (size_t)j->tw * PANEL * (size_t)((v ? 4 * j->cbp : 0) + (y ? j->csp : 0));
    size_t rows = TILE_BUDGET / row, all = (size_t)j->s.n * (size_t)j->th;
    return (int)(rows < 1 ? 1 : pxs_min_size(rows, all));
}

/* U sums up whole images. */
static int chunk_images(const struct job *j) {
    size_t image = (size_t)j->nxi * (size_t)j->th * (size_t)j->tw * PANEL * (size_t)j->csp;
    size_t images = TILE_BUDGET / image;
    return (int)(images < 1 ? 1 : pxs_min_size(images, (size_t)j->s.n));
}

/* An odd number of tiles keeps panels off the same cache sets. */
static size_t padded(int tiles) {
    return (size_t)(tiles | 1) * PANEL;
}

/* Panels of K at a time. With few tiles, four panels of transformed weights fit into the innermost
 * cache beside them. */
static int k_panels(const struct job *j, int tiles) {
    return j->m == 4 && tiles <= 32 ? 4 : K_PANELS;
}

/* Tile rows that a piece computes at a time. */
static int batch_rows(const struct job *j) {
    return pxs_max_int(1, MAX_TILES / j->tw);
}

static struct layout lay_out(struct job *j, int threads) {
    struct layout l = {0};
    size_t tiles_d = (size_t)chunk_rows(j, true, false) * (size_t)j->tw,
           tiles_u = (size_t)chunk_images(j) * (size_t)j->th * (size_t)j->tw,
           tiles_w = (size_t)chunk_rows(j, true, true) * (size_t)j->tw;
    size_t big = (size_t)j->nxi * 4 * (size_t)j->cbp, little = (size_t)j->nxi * (size_t)j->csp;
    size_t d = big * padded((int)tiles_d), u = little * padded((int)tiles_u),
           w = (big + little) * padded((int)tiles_w);
    size_t shared = d > u ? d : u, at = 0, own = 0;
    l.zeros = pxs_take(&at, (size_t)pxs_max_int(j->s.cb, j->s.cs));
    l.v = l.y = pxs_take(&at, shared > w ? shared : w);
    /* U and four taps turned; in W, C and a run of the gradient */
    size_t of_u = (size_t)(j->nxi * K_PANELS + 4) * PANEL * PANEL,
           of_c = (size_t)j->nxi * PANEL * PANEL + PXS_RUN_FLOATS;
    pxs_take(&own, of_u > of_c ? of_u : of_c);
    size_t tiles = (size_t)batch_rows(j) * (size_t)j->tw;
    j->own_m = pxs_take(&own, (size_t)j->nxi * tiles * PANEL);
    j->own_plane =
        pxs_take(&own, (size_t)(batch_rows(j) * j->m + 1) * (size_t)(j->tw * j->m + 1) * PANEL);
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
    j.tile = m == 2 ? &j.isa->f2 : &j.isa->f4;
    memset(ctx->scratch + l.zeros, 0, (size_t)pxs_max_int(s->cb, s->cs) * sizeof(float));
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
    j->v_xi = j->v_panel * (size_t)(4 * j->cbp);
    j->y_xi = j->y_panel * (size_t)j->csp;
    if (v && y)
        j->y = j->v + (size_t)j->nxi * j->v_xi;
}

/* ---- input transforms ----------------------------------------------------------------------- */

/* One tile row of the big side. The four phases of a panel stand together: V[xi][4 panel +
 * phase]. */
static void big_row(const struct job *j, int row) {
    int image = row / j->th, i0 = row % j->th * j->m, height = 2 * j->s.h, width = 2 * j->s.w;
    const float *src[25];
    for (int tx = 0; tx < j->tw; tx++)
        for (int phase = 0; phase < 4; phase++) {
            for (int a = 0; a < j->nx; a++)
                for (int b = 0; b < j->nx; b++) {
                    int y = 2 * (i0 + a) - 1 + phase / 2, x = 2 * (tx * j->m + b) - 1 + phase % 2;
                    bool inside = y >= 0 && y < height && x >= 0 && x < width;
                    src[a * j->nx + b] =
                        inside ? j->big +
                                     (((size_t)image * (size_t)height + (size_t)y) * (size_t)width +
                                      (size_t)x) *
                                         j->ld_big
                               : j->zeros;
                }
            size_t t = (size_t)((row - j->row0) * j->tw + tx);
            j->tile->big_in(src, j->cbp, j->v + (size_t)phase * j->v_panel + t * PANEL, j->v_xi,
                            4 * j->v_panel);
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

/* The four taps of a phase in the weights, at a panel of small channels and a big channel. */
static void taps_of(const struct job *j, int phase, int panel, int b, size_t at[4]) {
    for (int a = 0; a < 4; a++) {
        int tap = 4 * (phase / 2 + 2 * (a / 2)) + phase % 2 + 2 * (a % 2);
        at[a] =
            (((size_t)tap * (size_t)j->csp + (size_t)panel) * (size_t)j->s.cb + (size_t)b) * PANEL;
    }
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

static void down_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int panel = piece / j->subs, first = piece % j->subs * j->sub_rows,
        last = pxs_min_int(j->row1 - j->row0, first + j->sub_rows), tiles = (last - first) * j->tw;
    float *u = j->own + (size_t)thread * j->own_floats, *m = u + j->own_m;
    size_t m_xi = (size_t)tiles * PANEL, t0 = (size_t)(first * j->tw) * PANEL;
    int block = k_panels(j, tiles) / 4;
    for (int b0 = 0; b0 < j->cbp; b0 += block) {
        int nb = pxs_min_int(block, j->cbp - b0), k = 4 * nb;
        size_t u_xi = (size_t)k * PANEL * PANEL;
        for (int b = 0; b < nb; b++)
            for (int phase = 0; phase < 4; phase++) {
                size_t at[4];
                taps_of(j, phase, panel, (b0 + b) * PANEL, at);
                const float *const tap[4] = {j->weight + at[0], j->weight + at[1],
                                             j->weight + at[2], j->weight + at[3]};
                j->tile->weight_in(tap, PANEL, u + (size_t)(4 * b + phase) * PANEL * PANEL, u_xi);
            }
        for (int xi = 0; xi < j->nxi; xi++)
            j->isa->rows(tiles, k, j->v + (size_t)xi * j->v_xi + (size_t)(4 * b0) * j->v_panel + t0,
                         j->v_panel, u + (size_t)xi * u_xi, m + (size_t)xi * m_xi, PANEL, b0 > 0);
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
        pxs_pool_run(ctx->pool, big_piece, &j, transform_pieces(&j));
        pxs_pool_run(ctx->pool, down_piece, &j, j.csp * j.subs);
    }
}

/* ---- U -------------------------------------------------------------------------------------- */

/* Big pixels of phase line s (big row 2s-1+p), from a line of the plane. */
static void emit_line(const struct job *j, int image, int phase, int panel, int s,
                      const float *line) {
    int height = 2 * j->s.h, width = 2 * j->s.w, y = 2 * s - 1 + phase / 2, q = phase % 2;
    if (y < 0 || y >= height)
        return;
    /* x = 2 sx - 1 + q: sx from 1 where q is 0, to w - 1 where q is 1 */
    int sx = 1 - q;
    float *out =
        j->out +
        (((size_t)image * (size_t)height + (size_t)y) * (size_t)width + (size_t)(2 * sx - 1 + q)) *
            j->ld_big +
        (size_t)panel * PANEL;
    j->isa->copy(line + (size_t)sx * PANEL, PANEL, j->s.w, out, 2 * j->ld_big, j->accumulate);
}

/* Adds M of tile rows row .. row+rows-1 of one image to the plane and writes finished lines. The
 * plane's first line holds what the tile row above has added; its last line moves to the front for
 * the next rows. */
static void big_out_rows(const struct job *j, int row, int rows, int phase, int panel,
                         const float *m, size_t m_xi, float *plane) {
    int image = row / j->th, ty = row % j->th, lines = rows * j->m;
    size_t ld = (size_t)(j->tw * j->m + 1) * PANEL;
    memset(plane + (ty == 0 ? 0 : ld), 0, ((size_t)lines + (ty == 0)) * ld * sizeof *plane);
    for (int r = 0; r < rows; r++)
        for (int tx = 0; tx < j->tw; tx++, m += PANEL)
            j->tile->big_out(m, m_xi, plane + (size_t)(r * j->m) * ld + (size_t)(tx * j->m) * PANEL,
                             ld);
    bool end = ty + rows == j->th;
    for (int i = 0; i < lines + end; i++)
        emit_line(j, image, phase, panel, ty * j->m + i, plane + (size_t)i * ld);
    if (!end)
        memcpy(plane, plane + (size_t)lines * ld, ld * sizeof *plane);
}

/* M of `tiles` tiles from t0 on. */
static void up_product(const struct job *j, int phase, int panel, size_t t0, int tiles, float *u,
                       float *m) {
    float *turned = u + (size_t)j->nxi * K_PANELS * PANEL * PANEL;
    const float *const tap[4] = {turned, turned + PANEL * PANEL, turned + 2 * PANEL * PANEL,
                                 turned + 3 * PANEL * PANEL};
    size_t m_xi = (size_t)tiles * PANEL;
    int block = k_panels(j, tiles);
    for (int c0 = 0; c0 < j->csp; c0 += block) {
        int k = pxs_min_int(block, j->csp - c0);
        size_t u_xi = (size_t)k * PANEL * PANEL;
        for (int c = 0; c < k; c++) {
            size_t at[4];
            taps_of(j, phase, c0 + c, panel * PANEL, at);
            for (int a = 0; a < 4; a++)
                pxs_transpose(j->isa, j->weight + at[a], turned + a * PANEL * PANEL,
                              (size_t)j->s.cb * PANEL);
            j->tile->weight_in(tap, PANEL, u + (size_t)c * PANEL * PANEL, u_xi);
        }
        for (int xi = 0; xi < j->nxi; xi++)
            j->isa->rows(tiles, k,
                         j->y + (size_t)xi * j->y_xi + (size_t)c0 * j->y_panel + t0 * PANEL,
                         j->y_panel, u + (size_t)xi * u_xi, m + (size_t)xi * m_xi, PANEL, c0 > 0);
    }
}

static void up_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int phase = piece % 4, panel = piece / 4 % j->cbp, group = piece / 4 / j->cbp,
        images = (j->row1 - j->row0) / j->th;
    int first = group * j->sub_images, last = pxs_min_int(images, first + j->sub_images);
    float *u = j->own + (size_t)thread * j->own_floats, *m = u + j->own_m,
          *plane = u + j->own_plane;
    /* images at a time, or rows of one */
    int step = batch_rows(j), whole = pxs_max_int(1, step / j->th);
    for (int i = first; i < last; i += whole) {
        int n = pxs_min_int(whole, last - i);
        for (int ty = 0; ty < j->th; ty += step) {
            int rows = pxs_min_int(step, j->th - ty), tiles = n * rows * j->tw;
            size_t m_xi = (size_t)tiles * PANEL;
            up_product(j, phase, panel, (size_t)((i * j->th + ty) * j->tw), tiles, u, m);
            for (int k = 0; k < n; k++)
                big_out_rows(j, j->row0 + (i + k) * j->th + ty, rows, phase, panel,
                             m + (size_t)(k * rows * j->tw) * PANEL, m_xi, plane);
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
        while (4 * j.cbp * pxs_ceil_div(images, j.sub_images) < WANTED_PIECES && j.sub_images > 1 &&
               j.sub_images * j.th * j.tw >= 2 * MIN_TILES)
            j.sub_images = pxs_ceil_div(j.sub_images, 2);
        pxs_pool_run(ctx->pool, small_piece, &j, transform_pieces(&j));
        pxs_pool_run(ctx->pool, up_piece, &j, 4 * j.cbp * pxs_ceil_div(images, j.sub_images));
    }
}

/* ---- W -------------------------------------------------------------------------------------- */

/* Rows that are summed in one chain. */
enum { CHAIN = 256 };

static void weight_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int tiles = (j->row1 - j->row0) * j->tw;
    float *c = j->own + (size_t)thread * j->own_floats;
    struct pxs_weight_run run = {.s = &j->s,
                                 .panel = piece % j->csp,
                                 .b0 = piece / j->csp * PXS_RUN_BLOCKS,
                                 .buffer = c + j->nxi * PANEL * PANEL};
    run.blocks = pxs_min_int(PXS_RUN_BLOCKS, j->cbp - run.b0);
    for (int b = 0; b < run.blocks; b++)
        for (int phase = 0; phase < 4; phase++) {
            for (int xi = 0; xi < j->nxi; xi++)
                for (int t = 0; t < tiles; t += CHAIN) {
                    size_t panel = (size_t)(4 * (run.b0 + b) + phase), at = (size_t)t * PANEL;
                    struct pxs_segment seg = {j->v + (size_t)xi * j->v_xi + panel * j->v_panel + at,
                                              j->y + (size_t)xi * j->y_xi +
                                                  (size_t)run.panel * j->y_panel + at,
                                              pxs_min_int(CHAIN, tiles - t)};
                    j->isa->outer(1, &seg, PANEL, PANEL, c + xi * PANEL * PANEL, t > 0);
                }
            float *tap[4];
            for (int a = 0; a < 4; a++)
                tap[a] =
                    pxs_run_block(&run, 4 * (phase / 2 + 2 * (a / 2)) + phase % 2 + 2 * (a % 2), b);
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
        pxs_pool_run(ctx->pool, weight_piece, &j, j.csp * pxs_ceil_div(j.cbp, PXS_RUN_BLOCKS));
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
