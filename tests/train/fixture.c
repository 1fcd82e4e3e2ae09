#include "fixture.h"

#include "pixsweep/image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a data set ----------------------------------------------------------------------------- */

/* A box on white, left half; its outline, right half. */
static void draw_pair(const char *folder, int number, bool swapped) {
    struct pxs_image im;
    struct pxs_error err;
    ck_assert_int_eq(pxs_image_create(&im, 2 * SIDE, SIDE, 3, &err), PXS_OK);
    memset(im.pixels, 255, (size_t)(2 * SIDE * SIDE * 3));
    int x0 = 3 + number % 7, y0 = 4 + number % 5, x1 = 20 + number % 9, y1 = 18 + number % 11;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            bool edge = y == y0 || y == y1 - 1 || x == x0 || x == x1 - 1;
            uint8_t *a = im.pixels + (y * 2 * SIDE + x + (swapped ? SIDE : 0)) * 3;
            uint8_t *b = im.pixels + (y * 2 * SIDE + x + (swapped ? 0 : SIDE)) * 3;
            a[0] = 200;
            a[1] = 20;
            a[2] = (uint8_t)(10 * number);
            b[0] = b[1] = b[2] = edge ? 0 : 255;
        }
    char path[256];
    snprintf(path, sizeof path, "%s/%02d.png", folder, number);
    ck_assert_int_eq(pxs_image_write_png(path, &im, NULL, NULL, &err), PXS_OK);
    pxs_image_finish(&im);
}

static void make_split(const char *set, const char *split, int first, int n, bool swapped) {
    char folder[128];
    struct pxs_error err;
    snprintf(folder, sizeof folder, "%s/%s/%s", test_folder(), set, split);
    ck_assert_int_eq(pxs_make_dirs(folder, &err), PXS_OK);
    for (int i = 0; i < n; i++)
        draw_pair(folder, first + i, swapped);
}

void set_up(void) {
    test_folder_make();
    make_split("data", "train", 0, TRAIN, false);
    make_split("data", "val", 20, VAL, false);
    make_split("swapped", "train", 0, TRAIN, true);
    make_split("swapped", "val", 20, VAL, true);
    make_split("noval", "train", 0, 10, false);
    make_split("same", "train", 0, TRAIN, false);
    make_split("same", "val", 0, TRAIN, false);
}

/* ---- a run ---------------------------------------------------------------------------------- */

struct pxs_params small(void) {
    struct pxs_params p;
    pxs_params_default(&p);
    snprintf(p.dataset, sizeof p.dataset, "%s/data", test_folder());
    p.img_height = p.img_width = SIDE;
    p.batch_size = 2;
    p.ngf = p.ndf = 4;
    p.n_epochs = 2;
    p.sample_interval = 0;
    p.checkpoint_interval = 0;
    p.learning_rate_G = p.learning_rate_D = 1e-3;
    return p;
}

static void take(struct run *r, const struct pxs_record *rec) {
    switch (rec->kind) {
    case PXS_RECORD_BATCH:
        r->batch[r->n_batch++] = rec->batch;
        break;
    case PXS_RECORD_EPOCH:
        r->epoch[r->n_epoch++] = rec->epoch;
        break;
    case PXS_RECORD_SAMPLE:
        r->sample[r->n_sample++] = rec->sample;
        break;
    case PXS_RECORD_BEST_SAMPLE:
        r->best[r->n_best++] = rec->sample;
        break;
    case PXS_RECORD_CHECKPOINT:
        r->checkpoint[r->n_checkpoint++] = rec->checkpoint;
        break;
    case PXS_RECORD_END:
        r->end = rec->end;
        r->n_end++;
        break;
    case PXS_RECORD_EVENT:
        r->event = rec->event;
        if (strcmp(rec->event.kind, PXS_EVENT_SHORTER) == 0) {
            r->n_shorter++;
            memcpy(r->said, rec->event.message, sizeof r->said);
        }
        break;
    case PXS_RECORD_RUNG:
        r->rung[r->n_rung++] = rec->rung;
        break;
    case PXS_RECORD_BEGIN:
        break;
    }
}

static void read_records(struct run *r, const char *path) {
    struct pxs_record_cursor *cursor;
    struct pxs_record *rec = malloc(sizeof *rec);
    struct pxs_error err;
    bool more = true;
    ck_assert_ptr_nonnull(rec);
    ck_assert_int_eq(pxs_record_cursor_open(path, 0, &cursor, &err), PXS_OK);
    while (ck_assert_msg(pxs_record_next(cursor, rec, &more, &err) == PXS_OK, "%s", err.message),
           more)
        take(r, rec);
    pxs_record_cursor_close(&cursor);
    free(rec);
}

char *run_path(const struct run *r, const char *file) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", test_folder(), r->dir, file);
    return path;
}

/* Trains r->p in root/r->dir and reads back what it recorded. */
void carry_out(struct run *r) {
    struct pxs_pool *pool = NULL;
    struct pxs_record_writer *writer;
    struct pxs_error err;
    struct pxs_stop stop;
    char dir[512];
    atomic_init(&stop.signal, r->stop_signal);
    atomic_init(&stop.save, r->save);
    snprintf(dir, sizeof dir, "%s", run_path(r, ""));
    ck_assert_int_eq(pxs_make_dirs(dir, &err), PXS_OK);
    ck_assert_int_eq(pxs_pool_create(r->threads ? r->threads : 1, &pool, &err), PXS_OK);
    const char *kernels = r->kernels ? r->kernels : "auto";
    r->point = (struct pxs_resume_point){.step = -1};
    if (r->go_on)
        ck_assert_int_eq(pxs_train_find_resume(dir, r->config_hash, &r->p, kernels, r->allow_mixed,
                                               &r->point, &r->notes, &err),
                         PXS_OK);
    int64_t keep = r->point.step < 0 ? 0 : r->point.record_bytes;
    ck_assert_int_eq(pxs_record_writer_open(run_path(r, "records.bin"), keep, &writer, &err),
                     PXS_OK);
    if (r->nonce) {
        static struct pxs_record begin;
        begin = (struct pxs_record){.kind = PXS_RECORD_BEGIN,
                                    .begin = {.attempt = 1, .resumed_from_step = r->point.step}};
        ck_assert(pxs_record_begin_add(&begin.begin, "nonce", "%s", r->nonce));
        ck_assert(pxs_record_begin_add(&begin.begin, "version", "%s", pxs_version()));
        /* as long as a batch's record, so that other records end at the same offsets */
        const int padding = 30 - (int)strlen("version=") - (int)strlen(pxs_version()) - 1;
        ck_assert(pxs_record_begin_add(&begin.begin, "padding", "%0*d", padding, 0));
        const int64_t before = pxs_record_writer_bytes(writer);
        ck_assert_int_eq(pxs_record_write(writer, &begin, &err), PXS_OK);
        ck_assert_int_eq(pxs_record_writer_bytes(writer) - before, 16 + 88);
    }
    struct pxs_train_job job = {.params = &r->p,
                                .dir = dir,
                                .nonce = r->nonce,
                                .records = writer,
                                .pool = pool,
                                .kernels = kernels,
                                .data_hash = r->data_hash,
                                .files_hash = r->files_hash,
                                .stop = &stop,
                                .log = r->log,
                                .config_hash = r->config_hash,
                                .resume_every = r->resume_every,
                                .resume = &r->point,
                                .shorter = r->shorter,
                                .keep_final = r->keep_final,
                                .rungs = r->rungs,
                                .n_rungs = r->n_rungs,
                                .ask = r->ask,
                                .ask_user = r->ask_user,
                                .may_write = r->may_write,
                                .may_write_user = r->may_write_user};
    r->stop = &stop;
    r->status = pxs_train_run(&job, &r->err);
    pxs_record_writer_close(&writer);
    pxs_pool_destroy(&pool);
    read_records(r, run_path(r, "records.bin"));
    ck_assert_int_eq(r->n_end, r->status != PXS_E_BUSY);
}

void end_run(struct run *r) {
    pxs_text_finish(&r->notes);
    free(r);
}

struct run *new_run(const char *dir) {
    struct run *r = calloc(1, sizeof *r);
    ck_assert_ptr_nonnull(r);
    r->resume_every = 300;
    r->p = small();
    r->dir = dir;
    return r;
}

bool same_losses(const struct pxs_losses *a, const struct pxs_losses *b) {
    return !memcmp(a, b, sizeof *a);
}

/* Bit for bit the same losses in every batch and epoch. */
bool same_run(const struct run *a, const struct run *b) {
    if (a->n_batch != b->n_batch || a->n_epoch != b->n_epoch)
        return false;
    for (int i = 0; i < a->n_batch; i++)
        if (!same_losses(&a->batch[i].losses, &b->batch[i].losses))
            return false;
    for (int i = 0; i < a->n_epoch; i++)
        if (memcmp(&a->epoch[i].val_loss, &b->epoch[i].val_loss, sizeof(double)) != 0)
            return false;
    return true;
}
