/* data edges: pictures and their edges as pairs, for who has photographs alone. */
#include "making_priv.h"
#include "pair_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The edges of a picture: luma (pxs_image_grey), Sobel of 3 x 3 with the border repeated,
 * m = sqrt(gx^2 + gy^2) / 4, so that an upright step of h levels gives h. Below FAINT there is no
 * edge (noise, JPEG); else it is drawn as 255 - min(255, floor(2 m)), dark on white. */
#define FAINT 16.0

static enum pxs_status draw_edges(const struct pxs_image *in, struct pxs_image *out,
                                  struct pxs_error *err) {
    struct pxs_image grey;
    const int w = in->width, h = in->height;
    PXS_TRY(pxs_image_grey(in, &grey, err));
    enum pxs_status status = pxs_image_create(out, w, h, 3, err);
    for (int y = 0; status == PXS_OK && y < h; y++) {
        const uint8_t *row[3];
        for (int k = -1; k <= 1; k++) {
            const int at = y + k < 0 ? 0 : y + k >= h ? h - 1 : y + k;
            row[k + 1] = grey.pixels + (size_t)at * (size_t)w;
        }
        for (int x = 0; x < w; x++) {
            const int l = x > 0 ? x - 1 : 0, r = x + 1 < w ? x + 1 : w - 1;
            const int gx =
                row[0][r] + 2 * row[1][r] + row[2][r] - row[0][l] - 2 * row[1][l] - row[2][l];
            const int gy =
                row[2][l] + 2 * row[2][x] + row[2][r] - row[0][l] - 2 * row[0][x] - row[0][r];
            const double m = sqrt((double)(gx * gx + gy * gy)) / 4;
            const int dark = m < FAINT ? 0 : m >= 127.5 ? 255 : (int)(2 * m);
            memset(out->pixels + ((size_t)y * (size_t)w + (size_t)x) * 3, 255 - dark, 3);
        }
    }
    pxs_image_finish(&grey);
    return status;
}

/* The largest square in the middle, resized to side x side. */
static enum pxs_status make_square(struct pxs_image *image, int side, struct pxs_error *err) {
    struct pxs_image square = {0}, sized = {0};
    const int n = image->width < image->height ? image->width : image->height;
    enum pxs_status status =
        pxs_image_crop(image, (image->width - n) / 2, (image->height - n) / 2, n, n, &square, err);
    if (status == PXS_OK)
        status = pxs_image_resize(&square, side, side, &sized, err);
    pxs_image_finish(&square);
    if (status == PXS_OK) {
        pxs_image_finish(image);
        *image = sized;
    }
    return status;
}

/* The pictures of one split. */
struct drawing {
    struct pxs_making *m;
    struct pxs_sources from;
    char folder[PXS_PATH_MAX + 64];
    char **problem; /* of picture i, owned; NULL */
    atomic_int failed, done;
    atomic_flag said;
    struct pxs_error err;
};

/* A file that cannot be read is its own problem (*unread). */
static enum pxs_status draw_one(struct drawing *d, size_t i, bool *unread, struct pxs_error *err) {
    const struct pxs_source *source = &d->from.list[i];
    struct pxs_image picture = {0}, edges = {0};
    enum pxs_status status = pxs_image_read(source->path, &picture, NULL, err);
    *unread = status != PXS_OK && status != PXS_E_NOMEM;
    if (status == PXS_OK && d->m->how->size > 0)
        status = make_square(&picture, d->m->how->size, err);
    if (status == PXS_OK)
        status = draw_edges(&picture, &edges, err);
    if (status == PXS_OK)
        status = pxs_making_write(d->folder, source->stem, &picture, &edges, err);
    pxs_image_finish(&picture);
    pxs_image_finish(&edges);
    return status;
}

static void draw_piece(void *user, int piece, int thread) {
    struct drawing *d = user;
    const struct pxs_make *how = d->m->how;
    struct pxs_error why;
    bool unread = false;
    if (atomic_load(&d->failed) != PXS_OK || d->problem[piece])
        return;
    const int done = atomic_fetch_add(&d->done, 1);
    if (thread == 0)
        pxs_meter_tell(how->meter, "drawing edges", done, (double)d->from.n);
    enum pxs_status status = PXS_OK;
    if (how->stop && atomic_load(&how->stop->signal) != 0)
        status = pxs_fail(&why, PXS_E_STOPPED, "stopped; nothing was left behind");
    else
        status = draw_one(d, (size_t)piece, &unread, &why);
    if (unread && (d->problem[piece] = strdup(pxs_reason(why.message, d->from.list[piece].path))))
        return;
    if (status != PXS_OK && !atomic_flag_test_and_set(&d->said)) {
        d->err = why;
        atomic_store(&d->failed, status);
    }
}

static int by_stem(const void *x, const void *y) {
    const struct pxs_source *a = x, *b = y;
    const int order = strcmp(a->stem, b->stem);
    return order != 0 ? order : strcmp(a->name, b->name);
}

static enum pxs_status make_part(struct pxs_making *m, const char *from, const char *to,
                                 struct pxs_error *err) {
    struct drawing d = {.m = m, .said = ATOMIC_FLAG_INIT};
    PXS_TRY(pxs_making_list(m, m->how->a, from, &d.from, err));
    if (d.from.n == 0)
        return PXS_OK;
    PXS_TRY(pxs_making_folder(m, to, "", d.folder, err));
    d.problem = pxs_arena_alloc(&m->arena, d.from.n * sizeof *d.problem);
    if (!d.problem)
        return pxs_fail_nomem(err);
    qsort(d.from.list, d.from.n, sizeof *d.from.list, by_stem);
    for (size_t i = 1; i < d.from.n; i++)
        if (strcmp(d.from.list[i].stem, d.from.list[i - 1].stem) == 0 &&
            !(d.problem[i] = strdup("another one has the same name but for its ending")))
            atomic_store(&d.failed, pxs_fail_nomem(&d.err));
    pxs_pool_run(m->how->pool, draw_piece, &d, (int)d.from.n);
    for (size_t i = 0; i < d.from.n; i++) {
        if (d.problem[i])
            pxs_making_leave_out(m, d.from.list[i].path, d.problem[i]);
        else
            m->report.pairs++;
        free(d.problem[i]);
    }
    return atomic_load(&d.failed) == PXS_OK ? PXS_OK
                                            : pxs_fail(err, d.err.status, "%s", d.err.message);
}

enum pxs_status pxs_edges_make(const struct pxs_make *how, struct pxs_make_report *report,
                               struct pxs_error *err) {
    struct pxs_making m = {0};
    const char *from, *to;
    enum pxs_status status = pxs_making_begin(&m, how, err);
    for (size_t i = 0; status == PXS_OK && pxs_making_part(how->a, i, &from, &to); i++)
        status = make_part(&m, from, to, err);
    return pxs_making_end(&m, status, report, err);
}
