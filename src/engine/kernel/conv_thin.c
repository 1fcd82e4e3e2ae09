/* Few channels on one side: the ends of a network (3, 6 or 1 channels), and widths that are no
 * multiple of 16 there.
 *
 * The side with few channels is the few side, the other one, in panels of 16, the many side. All
 * taps of all few channels are one K: col[m][k] holds the few pixels that pixel m of the many side
 * meets. Then, with w as the matrix [K][many],
 *     many = col w                              D where the big side is the few one, else U
 *     col = many w^T, and the few side sums it  U where the big side is the few one, else D
 *     dw = col^T many
 * as in conv_blas.c, but for some rows at a time that stay in cache, in panels, and with no call to
 * OpenBLAS. K goes on to a multiple of 16 with zeros. D and U towards many channels do without col:
 * its rows are windows on few rows.
 *
 * A pixel's K begins with ky. Then come, for a few big side, kx and the channel, k = (kernel ky +
 * kx) cb + b, and for a few small side, whose pixels lie the other way round, kernel - 1 - kx and
 * the channel: so a row of taps is always a run of few pixels from left to right. Few small
 * channels are computed with stride 1 only.
 *
 * Pieces: blocks of rows of the many side; where the few side sums, bands of its rows, whose
 * neighbours on the many side are computed twice. W sums each of several runs of rows, then these
 * sums in their order. */
#include "kernel_priv.h"

#include <string.h>

/* The most pixels of a block (but at least one row); runs of rows that W sums, of pix2pix's own
 * layers and of others; rows of a band for each row that is computed twice; the most rows of taps
 * that a pixel meets. */
enum {
    BLOCK_PIXELS = 256,
    PARTS = 16,
    MORE_PARTS = 64,
    BAND = 6,
    MAX_SEGMENTS = 3 * PXS_MAX_KERNEL
};

struct job {
    const struct pxs_isa *isa;
    struct pxs_conv_shape s;
    bool is_big_few;
    int few, many;                    /* channels */
    int few_h, few_w, many_h, many_w; /* sides */
    int k, kp, panels;                /* K, its panels, panels of the many side */
    int rows, block;                  /* rows of the many side in all, and of a block */
    size_t panel;                     /* floats of a panel of a block's col */
    int band, bands;                  /* rows of a band, bands of an image */
    int line;                         /* few pixels of a row of sums, with what lies beside */
    int before;                       /* ... of which this many lie before the first */
    float *packed; /* many = col w: [many/16][K][16], col = many w^T: [K/16][many][16] */
    float *parts;  /* W: [part][many/16][K][16] */
    int n_parts;
    float *own;
    size_t own_floats, own_col, own_sums, own_lines;
    const float *on_few, *on_many, *weight;
    float *out;
    size_t ld_few, ld_many;
    bool accumulate;
};

struct layout {
    size_t packed, own, total;
};

static struct job make_job(const struct pxs_conv_shape *s) {
    const bool big = s->cb % PANEL != 0;
    struct job j = {.s = *s,
                    .is_big_few = big,
                    .few = big ? s->cb : s->cs,
                    .many = big ? s->cs : s->cb,
                    .few_h = big ? s->big_h : s->h,
                    .few_w = big ? s->big_w : s->w,
                    .many_h = big ? s->h : s->big_h,
                    .many_w = big ? s->w : s->big_w};
    j.k = pxs_taps(s) * j.few;
    j.kp = pxs_ceil_div(j.k, PANEL);
    j.panels = j.many / PANEL;
    j.rows = s->n * j.many_h;
    j.block = pxs_min_int(j.rows, pxs_max_int(1, BLOCK_PIXELS / j.many_w));
    j.n_parts = pxs_min_int(pxs_is_halving(s) ? PARTS : MORE_PARTS, j.rows);
    j.panel = (size_t)(j.block * j.many_w | 1) * PANEL;
    j.band = pxs_min_int(j.few_h, BAND * pxs_max_int(2, s->kernel - 1));
    j.bands = pxs_ceil_div(j.few_h, j.band);
    j.before = big ? s->padding : s->kernel - 1;
    j.line = big ? pxs_max_int(s->stride * (s->w - 1) + s->kernel, s->big_w + s->padding)
                 : s->big_w + 2 * s->padding + s->kernel - 1;
    return j;
}

static size_t packed_floats(const struct job *j) {
    return (size_t)j->kp * PANEL * (size_t)j->many;
}

static size_t line_floats(const struct job *j) {
    return (size_t)(pxs_ceil_div(j->line * j->few, PANEL) * PANEL);
}

static struct layout lay_out(struct job *j, int threads) {
    struct layout l = {0};
    size_t at = 0, own = 0;
    l.packed = pxs_take(&at, packed_floats(j) * (size_t)j->n_parts);
    pxs_take(&own, (size_t)pxs_max_int(j->kp, j->panels) * j->panel); /* panels */
    j->own_col = pxs_take(&own, (size_t)(j->many_w * j->kp) * PANEL); /* a row of col */
    j->own_sums = pxs_take(&own, (size_t)(j->band * j->line) * (size_t)j->few);
    /* the few rows that a row meets, and a row with those that mirror it */
    j->own_lines = pxs_take(&own, MAX_SEGMENTS * line_floats(j) +
                                      (size_t)(j->many_w + 2 * j->s.padding) * PANEL);
    j->own_floats = own;
    l.own = pxs_take(&at, own * (size_t)threads);
    l.total = at;
    return l;
}

static size_t scratch(const struct pxs_conv_shape *s, int threads) {
    struct job j = make_job(s);
    return lay_out(&j, threads).total;
}

static struct job begin(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s) {
    struct job j = make_job(s);
    struct layout l = lay_out(&j, pxs_pool_threads(ctx->pool));
    j.isa = ctx->set->isa;
    j.packed = j.parts = ctx->scratch + l.packed;
    j.own = ctx->scratch + l.own;
    return j;
}

static int blocks_of(const struct job *j) {
    return pxs_ceil_div(j->rows, j->block);
}

/* ---- col ------------------------------------------------------------------------------------ */

/* A run of pixels; sizes that networks have are known to the compiler. */
static inline void copy_run(float *dst, const float *src, size_t n) {
    switch (n) {
    case 12: /* 4 pixels of 3 channels, of 6; 7 pixels of 3 */
        memcpy(dst, src, 12 * sizeof *dst);
        break;
    case 24:
        memcpy(dst, src, 24 * sizeof *dst);
        break;
    case 21:
        memcpy(dst, src, 21 * sizeof *dst);
        break;
    default:
        memcpy(dst, src, n * sizeof *dst);
    }
}

/* The few pixels that a pixel of the many side meets in tap e of a run, in a row; its neighbour to
 * the right is that of e + 1. Mirrored, a big pixel may meet up to three. */
static int meets(const struct job *j, int x, int e, int found[3]) {
    const struct pxs_conv_shape *s = &j->s;
    if (!j->is_big_few)
        return pxs_small_at(s, x, s->big_w, s->kernel - 1 - e, s->w, found);
    found[0] = pxs_big_at(s, s->stride * x - s->padding + e, s->big_w);
    return found[0] >= 0;
}

/* Row ky of few rows that row y of the many side meets. */
static int meets_row(const struct job *j, int y, int ky, int found[3]) {
    const struct pxs_conv_shape *s = &j->s;
    if (!j->is_big_few)
        return pxs_small_at(s, y, s->big_h, ky, s->h, found);
    found[0] = pxs_big_at(s, s->stride * y - s->padding + ky, s->big_h);
    return found[0] >= 0;
}

/* K of pixel (y, x) of the many side; what lies outside is zero. */
static void column(const struct job *j, int image, int y, int x, float *row) {
    const struct pxs_conv_shape *s = &j->s;
    const size_t few = (size_t)j->few, run = (size_t)s->kernel * few;
    const int x0 = j->is_big_few ? s->stride * x - s->padding : x + s->padding - (s->kernel - 1);
    /* a big pixel that is shown elsewhere meets more than its run */
    const bool is_shown =
        s->reflect && !j->is_big_few && (x <= s->padding || x >= s->big_w - 1 - s->padding);
    const bool together = x0 >= 0 && x0 + s->kernel <= j->few_w && j->ld_few == few && !is_shown;
    for (int ky = 0; ky < s->kernel; ky++, row += run) {
        int found[3], n = meets_row(j, y, ky, found);
        if (n == 0 || !together || n > 1)
            memset(row, 0, run * sizeof *row);
        for (int i = 0; i < n; i++) {
            const float *src =
                j->on_few + (size_t)(image * j->few_h + found[i]) * (size_t)j->few_w * j->ld_few;
            if (together && n == 1) {
                copy_run(row, src + (size_t)x0 * few, run);
                continue;
            }
            for (int e = 0; e < s->kernel; e++)
                for (int at[3], m = meets(j, x, e, at); m-- > 0;)
                    for (size_t c = 0; c < few; c++)
                        row[(size_t)e * few + c] += src[(size_t)at[m] * j->ld_few + c];
        }
    }
}

/* Columns of rows row0 .. row1-1 of the many side, in panels; `row` has room for one. */
static void columns(const struct job *j, int row0, int row1, float *col, float *row) {
    memset(row + j->k, 0, (size_t)(j->kp * PANEL - j->k) * sizeof *row);
    for (int r = row0; r < row1; r++)
        for (int x = 0; x < j->many_w; x++, col += PANEL) {
            column(j, r / j->many_h, r % j->many_h, x, row);
            for (size_t p = 0; p < (size_t)j->kp; p++)
                memcpy(col + p * j->panel, row + p * PANEL, PANEL * sizeof *col);
        }
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Where row k of the matrix, many channel c, stands in the weights. */
static size_t weight_index(const struct job *j, int k, int c) {
    const int f = k % j->few, tap = k / j->few, kx = tap % j->s.kernel;
    return j->is_big_few
               ? pxs_weight_index(j->s.cb, j->s.cs, tap, f, c)
               : pxs_weight_index(j->s.cb, j->s.cs, tap - kx + j->s.kernel - 1 - kx, c, f);
}

/* Panel c of [many/16][K][16] from the weights. */
static void pack_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    float *to = j->packed + (size_t)(piece * j->kp) * PANEL * PANEL;
    (void)thread;
    for (int k = 0; k < j->kp * PANEL; k++)
        for (int l = 0; l < PANEL; l++)
            *to++ = k < j->k ? j->weight[weight_index(j, k, piece * PANEL + l)] : 0.0f;
}

/* Panel of K: [many][16] from the weights. */
static void pack_turned_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    float *to = j->packed + (size_t)(piece * j->many) * PANEL;
    (void)thread;
    for (int c = 0; c < j->many; c++)
        for (int k = piece * PANEL; k < (piece + 1) * PANEL; k++)
            *to++ = k < j->k ? j->weight[weight_index(j, k, c)] : 0.0f;
}

/* ---- many = col w --------------------------------------------------------------------------- */

/* A few row with what lies beside it: place x of it is few pixel x - before. Col of the pixels of a
 * row are windows on it, so it need not be made. */
static void make_line(const struct job *j, const float *src, float *line) {
    const struct pxs_conv_shape *s = &j->s;
    const size_t few = (size_t)j->few;
    for (int at = 0; at < j->line; at++, line += few) {
        int x = at - j->before;
        x = j->is_big_few ? pxs_big_at(s, x, s->big_w) : x < s->w ? x : -1;
        if (x >= 0 && at == j->before && j->ld_few == few) {
            memcpy(line, src, (size_t)j->few_w * few * sizeof *line);
            at += j->few_w - 1;
            line += (size_t)(j->few_w - 1) * few;
        } else if (x >= 0) {
            memcpy(line, src + (size_t)x * j->ld_few, few * sizeof *line);
        } else {
            memset(line, 0, few * sizeof *line);
        }
    }
}

/* Windows of pixels first .. of the many side, in c. */
static void windows(const struct job *j, int n, const struct pxs_segment *seg, int first,
                    int pixels, float *c, size_t ldc, bool add) {
    const struct pxs_conv_shape *s = &j->s;
    const int step = (j->is_big_few ? s->stride : 1) * j->few,
              place = j->is_big_few ? first : first + s->padding;
    struct pxs_segment part[MAX_SEGMENTS];
    for (int i = 0; i < n; i++)
        part[i] = (struct pxs_segment){seg[i].a + place * step, seg[i].b, seg[i].len};
    j->isa->windows(pixels, n, part, (size_t)step, c, ldc, add);
}

/* Pixels first .. end-1, some of which lie outside and show others among them. */
static void shown_pixels(const struct job *j, int n, const struct pxs_segment *seg, int first,
                         int end, float *out, float *shown) {
    const int from = pxs_max_int(0, first), to = pxs_min_int(j->many_w, end);
    windows(j, n, seg, first, end - first, shown, PANEL, false);
    for (int x = first; x < end; x++) {
        int at = pxs_big_at(&j->s, x, j->s.big_w);
        if (at != x)
            j->isa->copy(shown + (x - first) * PANEL, PANEL, 1, shown + (at - first) * PANEL, PANEL,
                         true);
    }
    j->isa->copy(shown + (from - first) * PANEL, PANEL, to - from, out + (size_t)from * j->ld_many,
                 j->ld_many, j->accumulate);
}

/* A row of panel c of the many side. */
static void many_row(const struct job *j, int n, const struct pxs_segment *seg, float *out,
                     float *shown) {
    const int w = j->many_w, p = j->s.padding;
    if (j->is_big_few || !j->s.reflect) {
        windows(j, n, seg, 0, w, out, j->ld_many, j->accumulate);
    } else if (w < 4 * p + 2) {
        shown_pixels(j, n, seg, -p, w + p, out, shown);
    } else { /* both ends, and what lies between them */
        shown_pixels(j, n, seg, -p, p + 1, out, shown);
        windows(j, n, seg, p + 1, w - 2 * p - 2, out + (size_t)(p + 1) * j->ld_many, j->ld_many,
                j->accumulate);
        shown_pixels(j, n, seg, w - 1 - p, w + p, out, shown);
    }
}

static void many_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_conv_shape *s = &j->s;
    const int run = s->kernel * j->few;
    int row0 = piece * j->block, row1 = pxs_min_int(j->rows, row0 + j->block);
    float *lines = j->own + (size_t)thread * j->own_floats + j->own_lines,
          *shown = lines + line_floats(j) * MAX_SEGMENTS;
    for (int row = row0; row < row1; row++) {
        struct pxs_segment seg[MAX_SEGMENTS];
        int n = 0, taps[MAX_SEGMENTS], image = row / j->many_h;
        for (int ky = 0; ky < s->kernel; ky++)
            for (int i = 0, found[3], m = meets_row(j, row % j->many_h, ky, found); i < m; i++) {
                float *line = lines + (size_t)n * line_floats(j);
                make_line(j,
                          j->on_few +
                              (size_t)(image * j->few_h + found[i]) * (size_t)j->few_w * j->ld_few,
                          line);
                seg[n] = (struct pxs_segment){.a = line, .len = run};
                taps[n++] = ky * run;
            }
        for (int c = 0; c < j->panels; c++) {
            for (int i = 0; i < n; i++)
                seg[i].b = j->packed + (size_t)(c * j->kp * PANEL + taps[i]) * PANEL;
            many_row(j, n, seg, j->out + (size_t)(row * j->many_w) * j->ld_many + (size_t)c * PANEL,
                     shown);
        }
    }
}

static void to_many(const struct pxs_kernel_context *ctx, struct job *j, float *out) {
    j->out = out;
    pxs_pool_run(ctx->pool, pack_piece, j, j->panels);
    pxs_pool_run(ctx->pool, many_piece, j, blocks_of(j));
}

/* ---- col = many w^T ------------------------------------------------------------------------- */

static inline void add_run(float *to, const float *from, int n) {
    for (int i = 0; i < n; i++)
        to[i] += from[i];
}

/* Adds row ky of the taps of a row of col to a row of sums. From right to left, so that each sum
 * takes its taps in their order. */
static void add_row(const struct job *j, const float *col, int ky, float *sums) {
    const struct pxs_conv_shape *s = &j->s;
    const int run = s->kernel * j->few, k = j->kp * PANEL;
    const float *taps = col + ky * run;
    if (j->is_big_few) {
        for (int x = j->many_w - 1; x >= 0; x--)
            add_run(sums + s->stride * x * j->few, taps + (size_t)x * (size_t)k, run);
        return;
    }
    const int beside = s->reflect ? s->padding : 0; /* columns that show others */
    for (int x = j->many_w - 1 + beside; x >= -beside; x--) {
        int shown = pxs_big_at(s, x, s->big_w);
        add_run(sums + (x + s->padding) * j->few, taps + (size_t)shown * (size_t)k, run);
    }
}

/* Whether row y of the many side meets a row of the band. */
static bool is_near(const struct job *j, int y, int first, int end) {
    for (int ky = 0; ky < j->s.kernel; ky++)
        for (int found[3], n = meets_row(j, y, ky, found); n-- > 0;)
            if (found[n] >= first && found[n] < end)
                return true;
    return false;
}

/* Sums of a row to the few side, with those that mirror its edge. */
static void emit_row(const struct job *j, float *sums, float *out) {
    const struct pxs_conv_shape *s = &j->s;
    const int few = j->few;
    for (int at = 0; s->reflect && j->is_big_few && at < j->line; at++) {
        int x = at - s->padding, shown = pxs_big_at(s, x, s->big_w);
        if (shown >= 0 && shown != x)
            add_run(sums + (shown + s->padding) * few, sums + at * few, few);
    }
    for (int x = 0; x < j->few_w; x++, out += j->ld_few)
        memcpy(out, sums + (j->before + x) * few, (size_t)few * sizeof *out);
}

static void few_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int image = piece / j->bands, first = piece % j->bands * j->band,
        end = pxs_min_int(j->few_h, first + j->band);
    size_t line = (size_t)(j->line * j->few);
    float *panels = j->own + (size_t)thread * j->own_floats, *col = panels + j->own_col,
          *sums = panels + j->own_sums;
    float *out = j->out + (size_t)(image * j->few_h + first) * (size_t)j->few_w * j->ld_few;
    size_t out_row = (size_t)j->few_w * j->ld_few;
    memset(sums, 0, (size_t)(end - first) * line * sizeof *sums);
    for (int y = first; j->accumulate && y < end; y++)
        for (int x = 0; x < j->few_w; x++)
            memcpy(sums + (size_t)(y - first) * line + (size_t)((j->before + x) * j->few),
                   out + (size_t)(y - first) * out_row + (size_t)x * j->ld_few,
                   (size_t)j->few * sizeof *sums);
    for (int y = j->many_h - 1; y >= 0; y--) {
        if (!is_near(j, y, first, end))
            continue;
        const float *src = j->on_many + (size_t)((image * j->many_h + y) * j->many_w) * j->ld_many;
        for (int c = 0; c < j->panels; c++)
            j->isa->copy(src + (size_t)c * PANEL, j->ld_many, j->many_w,
                         panels + (size_t)c * j->panel, PANEL, false);
        for (int p = 0; p < j->kp; p++)
            j->isa->rows(j->many_w, j->panels, panels, j->panel,
                         j->packed + (size_t)(p * j->many) * PANEL, col + (size_t)p * PANEL,
                         (size_t)j->kp * PANEL, false);
        for (int ky = 0; ky < j->s.kernel; ky++)
            for (int found[3], n = meets_row(j, y, ky, found); n-- > 0;)
                if (found[n] >= first && found[n] < end)
                    add_row(j, col, ky, sums + (size_t)(found[n] - first) * line);
    }
    for (int y = first; y < end; y++, out += out_row)
        emit_row(j, sums + (size_t)(y - first) * line, out);
}

static void to_few(const struct pxs_kernel_context *ctx, struct job *j, float *out) {
    j->out = out;
    pxs_pool_run(ctx->pool, pack_turned_piece, j, j->kp);
    pxs_pool_run(ctx->pool, few_piece, j, j->s.n * j->bands);
}

/* ---- dw = col^T many ------------------------------------------------------------------------ */

static void weight_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int first = pxs_share(j->rows, j->n_parts, piece),
        end = pxs_share(j->rows, j->n_parts, piece + 1);
    float *col = j->own + (size_t)thread * j->own_floats,
          *part = j->parts + (size_t)piece * packed_floats(j);
    for (int row = first; row < end; row += j->block) {
        int row1 = pxs_min_int(end, row + j->block);
        columns(j, row, row1, col, col + j->own_col);
        for (int c = 0; c < j->panels; c++)
            for (int p = 0; p < j->kp; p++) {
                struct pxs_segment seg = {col + (size_t)p * j->panel,
                                          j->on_many + (size_t)(row * j->many_w) * j->ld_many +
                                              (size_t)c * PANEL,
                                          (row1 - row) * j->many_w};
                j->isa->outer(1, &seg, PANEL, j->ld_many,
                              part + (size_t)(c * j->kp + p) * PANEL * PANEL, row > first);
            }
    }
}

static void sum_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int rows = j->kp * PANEL;
    float *sum = j->parts + (size_t)(piece * rows) * PANEL;
    (void)thread;
    for (int part = 1; part < j->n_parts; part++)
        j->isa->copy(sum + (size_t)part * packed_floats(j), PANEL, rows, sum, PANEL, true);
    for (int k = 0; k < j->k; k++)
        for (int l = 0; l < PANEL; l++)
            j->out[weight_index(j, k, piece * PANEL + l)] = *sum++;
}

/* ---- the passes ----------------------------------------------------------------------------- */

static void down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                 const float *big, size_t ld_big, const float *weight, float *small,
                 size_t ld_small) {
    struct job j = begin(ctx, s);
    j.weight = weight;
    j.on_few = j.on_many = big;
    j.ld_few = j.is_big_few ? ld_big : ld_small;
    j.ld_many = j.is_big_few ? ld_small : ld_big;
    (j.is_big_few ? to_many : to_few)(ctx, &j, small);
}

static void up(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
               const float *small, size_t ld_small, const float *weight, float *big, size_t ld_big,
               bool accumulate) {
    struct job j = begin(ctx, s);
    j.weight = weight;
    j.on_few = j.on_many = small;
    j.ld_few = j.is_big_few ? ld_big : ld_small;
    j.ld_many = j.is_big_few ? ld_small : ld_big;
    j.accumulate = accumulate;
    (j.is_big_few ? to_few : to_many)(ctx, &j, big);
}

static void weight_gradient(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                            const float *big, size_t ld_big, const float *small, size_t ld_small,
                            float *dweight, const struct pxs_update *update) {
    struct job j = begin(ctx, s);
    j.on_few = j.is_big_few ? big : small;
    j.on_many = j.is_big_few ? small : big;
    j.ld_few = j.is_big_few ? ld_big : ld_small;
    j.ld_many = j.is_big_few ? ld_small : ld_big;
    j.out = dweight;
    pxs_pool_run(ctx->pool, weight_piece, &j, j.n_parts);
    pxs_pool_run(ctx->pool, sum_piece, &j, j.panels);
    if (update)
        pxs_update_all(ctx, s, dweight, update);
}

const struct pxs_conv_method pxs_conv_thin = {scratch, down, up, weight_gradient};
