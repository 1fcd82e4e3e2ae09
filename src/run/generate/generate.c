/* Picture after picture through the network. Reading and writing are shared out to the pool; the
 * network takes as many pictures of one size at a time as are wanted. */
#include "generate_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Pictures in memory at a time, at most, and their pixels. A picture is there up to IMAGES times in
 * its own size, at a byte a sample: as read, made, and encoded. */
enum { WINDOW_MAX = 256, WINDOW_PIXELS = 1 << 26, IMAGES = 6 };

struct job {
    const struct pxs_generate_options *o;
    struct pxs_generate_report *report;
    struct pxs_trained *g;
    int multiple;
    /* what it has room for */
    int height, width, batch;
    uint64_t bytes; /* of that */
    float *source, *fake;
    struct generate_picture *window;
    size_t window_size;
    uint64_t pixels; /* of the largest picture in the last window; at first as many as fill one */
    size_t total;    /* pictures, for the meter */
    bool hinted;
    bool has_folder; /* for results: made with the first one */
};

/* ---- room for a size ------------------------------------------------------------------------ */

static uint64_t bytes_for(const struct job *j, int height, int width, int batch) {
    return pxs_trained_bytes(j->g, height, width, batch) +
           (2 * sizeof(float) + IMAGES) * (uint64_t)height * (uint64_t)width *
               (uint64_t)j->o->params->channels * (uint64_t)batch;
}

static void release(struct job *j) {
    pxs_aligned_free(j->source);
    pxs_aligned_free(j->fake);
    j->source = j->fake = NULL;
    j->height = j->width = j->batch = 0;
    j->bytes = 0;
}

/* Makes room for pictures of these sides, for as many at a time as memory holds. */
static enum pxs_status make_room(struct job *j, int height, int width, struct pxs_error *err) {
    if (j->height == height && j->width == width)
        return PXS_OK;
    struct pxs_memory memory;
    pxs_memory_look("", &memory);
    const uint64_t there = memory.available + j->bytes;
    int batch = j->o->batch;
    while (memory.available > 0 && batch > 1 && bytes_for(j, height, width, batch) > there)
        batch /= 2;
    const uint64_t need = bytes_for(j, height, width, batch);
    if (memory.available > 0 && need > there)
        return pxs_fail(err, PXS_E_NOMEM,
                        "%d x %d pixels need %.0f MB of memory, and %.0f MB are there: %.256s%s",
                        width, height, (double)need / 1e6, (double)there / 1e6, memory.from,
                        j->o->keep_size ? "; --size trained takes less" : "");
    release(j);
    PXS_TRY(pxs_trained_resize(j->g, height, width, batch, err));
    const size_t floats =
        (size_t)height * (size_t)width * (size_t)j->o->params->channels * (size_t)batch;
    j->source = pxs_aligned_alloc(floats * sizeof(float));
    j->fake = pxs_aligned_alloc(floats * sizeof(float));
    if (!j->source || !j->fake)
        return pxs_fail_nomem(err);
    j->height = height;
    j->width = width;
    j->batch = batch;
    j->bytes = need;
    return PXS_OK;
}

/* ---- through the network -------------------------------------------------------------------- */

struct shared {
    struct job *j;
    struct generate_picture **of; /* the pictures of a batch */
    size_t floats;                /* of one */
};

static void fill_piece(void *user, int piece, int thread) {
    struct shared *s = user;
    (void)thread;
    generate_to_network(s->j->o, s->of[piece], s->j->height, s->j->width,
                        s->j->source + (size_t)piece * s->floats);
}

static void empty_piece(void *user, int piece, int thread) {
    struct shared *s = user;
    struct generate_picture *p = s->of[piece];
    (void)thread;
    if (p->status == PXS_OK)
        generate_from_network(s->j->o, p, s->j->height, s->j->width,
                              s->j->fake + (size_t)piece * s->floats);
}

/* Pictures of one size, as many as the job has room for. */
static void run_batch(struct job *j, struct generate_picture **of, int n) {
    struct shared s = {.j = j,
                       .of = of,
                       .floats =
                           (size_t)j->height * (size_t)j->width * (size_t)j->o->params->channels};
    pxs_pool_run(j->o->pool, fill_piece, &s, n);
    pxs_trained_run(j->g, j->source, n,
                    j->o->norm == PXS_GENERATE_NORM_BATCH ? PXS_STATISTICS_BATCH
                                                          : PXS_STATISTICS_RUNNING,
                    j->o->dropout, j->o->seed, j->fake);
    pxs_pool_run(j->o->pool, empty_piece, &s, n);
}

/* Makes p->out of each of n pictures that were read; batches are cut where the size changes. */
static void run_window(struct job *j, size_t n) {
    struct generate_picture *of[WINDOW_MAX];
    for (size_t at = 0; at < n;) {
        struct generate_picture *first = &j->window[at];
        int height, width, h, w, count = 0;
        if (first->status != PXS_OK) {
            at++;
            continue;
        }
        generate_sides(j->o, first, j->multiple, &height, &width);
        first->status = make_room(j, height, width, &first->err);
        if (first->status != PXS_OK) {
            at++;
            continue;
        }
        for (; at < n && count < j->batch; at++) {
            struct generate_picture *p = &j->window[at];
            if (p->status != PXS_OK)
                continue;
            generate_sides(j->o, p, j->multiple, &h, &w);
            if (h != height || w != width)
                break;
            p->resized = p->in.height != height || p->in.width != width;
            of[count++] = p;
        }
        run_batch(j, of, count);
    }
}

static enum pxs_status make_folder(struct job *j, struct pxs_error *err) {
    if (!j->has_folder)
        PXS_TRY(pxs_make_dirs(j->o->out, err));
    j->has_folder = true;
    return PXS_OK;
}

static bool is_stopped(const struct job *j) {
    return j->o->stop && atomic_load(&j->o->stop->signal) != 0;
}

/* How many pictures may be read next: as many as memory is meant for, if they are as large as the
 * last ones. */
static size_t window_of(const struct job *j, size_t left) {
    const uint64_t fit = WINDOW_PIXELS / j->pixels;
    const size_t most = fit < j->window_size ? (fit > 0 ? (size_t)fit : 1) : j->window_size;
    return left < most ? left : most;
}

static void tell(struct job *j) {
    pxs_meter_tell(j->o->meter, "generating", (double)(j->report->done + j->report->failed),
                   (double)j->total);
}

/* A picture twice as wide as the network's, where pairs are not asked for, is likely one. */
static void hint_pairs(struct job *j, const char *name, const struct pxs_image *in) {
    const struct pxs_params *p = j->o->params;
    if (j->hinted || j->o->pairs ||
        (int64_t)in->width * p->img_height != 2 * p->img_width * (int64_t)in->height)
        return;
    j->hinted = true;
    pxs_log(j->o->log, PXS_LOG_INFO,
            "%s is twice as wide as the network's pictures; if it is a pair side by side, --pairs "
            "takes its source half",
            name);
}

/* ---- pictures ------------------------------------------------------------------------------- */

struct reading {
    struct job *j;
    const struct generate_input *inputs;
};

static void read_piece(void *user, int piece, int thread) {
    const struct reading *r = user;
    struct generate_picture *p = &r->j->window[piece];
    struct pxs_image rgb = {.pixels = NULL};
    (void)thread;
    *p = (struct generate_picture){.status = PXS_OK};
    p->status = pxs_image_read(r->inputs[piece].path, &rgb, NULL, &p->err);
    if (p->status == PXS_OK)
        generate_take(r->j->o, &rgb, r->inputs[piece].path, p);
}

/* How a picture's result could not be written is not the picture's fault: `err` of the call. */
struct writing {
    struct job *j;
    const struct generate_input *inputs;
    struct pxs_error *failed; /* one for each picture */
};

static void write_piece(void *user, int piece, int thread) {
    const struct writing *w = user;
    struct generate_picture *p = &w->j->window[piece];
    struct pxs_error *err = &w->failed[piece];
    char path[PXS_PATH_MAX];
    void *data = NULL;
    size_t bytes = 0;
    (void)thread;
    err->status = PXS_OK;
    if (p->status != PXS_OK)
        return;
    enum pxs_status status =
        pxs_path_join(path, sizeof path, w->j->o->out, w->inputs[piece].result)
            ? pxs_image_encode(path, &p->out, &data, &bytes, err)
            : pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", w->j->o->out);
    if (status == PXS_OK)
        status = pxs_write_unsynced(path, data, bytes, err);
    err->status = status;
    free(data);
}

/* n pictures; what could not be read is logged. */
static enum pxs_status do_pictures(struct job *j, const struct generate_input *inputs, size_t n,
                                   struct pxs_error *err) {
    struct pxs_error *failed = calloc(n, sizeof *failed);
    if (!failed)
        return pxs_fail_nomem(err);
    enum pxs_status status = PXS_OK;
    pxs_pool_run(j->o->pool, read_piece, &(struct reading){j, inputs}, (int)n);
    j->pixels = 1;
    for (size_t i = 0; i < n; i++) {
        const struct pxs_image *in = &j->window[i].in;
        const uint64_t pixels = (uint64_t)in->width * (uint64_t)in->height;
        j->pixels = pixels > j->pixels ? pixels : j->pixels;
        if (j->window[i].status == PXS_OK)
            hint_pairs(j, inputs[i].path, in);
    }
    run_window(j, n);
    for (size_t i = 0; i < n && status == PXS_OK; i++)
        if (j->window[i].status == PXS_OK)
            status = make_folder(j, err);
    if (status == PXS_OK)
        pxs_pool_run(j->o->pool, write_piece, &(struct writing){j, inputs, failed}, (int)n);
    for (size_t i = 0; i < n; i++) {
        struct generate_picture *p = &j->window[i];
        if (p->status != PXS_OK) {
            const bool named = strncmp(p->err.message, inputs[i].path, strlen(inputs[i].path)) == 0;
            pxs_log(j->o->log, PXS_LOG_ERROR, "%s%s%s%s", named ? "" : inputs[i].path,
                    named ? "" : ": ", p->err.message, pxs_damage_remedy(p->status, &p->err));
            j->report->failed++;
        } else if (failed[i].status == PXS_OK && j->has_folder) {
            j->report->done++;
            j->report->resized += p->resized;
        } else if (status == PXS_OK) {
            status = pxs_fail(err, failed[i].status, "%s", failed[i].message);
        }
        generate_picture_finish(p);
    }
    free(failed);
    tell(j);
    return status;
}

/* ---- arrays --------------------------------------------------------------------------------- */

struct array_reading {
    struct job *j;
    const struct generate_array *array;
    const char *path;
    size_t first;
};

static void array_piece(void *user, int piece, int thread) {
    const struct array_reading *r = user;
    struct generate_picture *p = &r->j->window[piece];
    struct pxs_image rgb = {.pixels = NULL};
    (void)thread;
    *p = (struct generate_picture){.status = PXS_OK};
    p->status = generate_array_read(r->array, r->first + (size_t)piece, &rgb, &p->err);
    if (p->status == PXS_OK)
        generate_take(r->j->o, &rgb, r->path, p);
}

/* Pictures first .. first+n-1 of an array. `own`: what is wrong is the array's fault. */
static enum pxs_status do_part(struct job *j, const struct array_reading *r, size_t n,
                               struct pxs_npy_writer *w, const char *result, size_t *resized,
                               bool *own, struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    pxs_pool_run(j->o->pool, array_piece, (void *)(uintptr_t)r, (int)n);
    if (r->first == 0 && j->window[0].status == PXS_OK)
        hint_pairs(j, r->path, &j->window[0].in);
    run_window(j, n);
    *own = true;
    for (size_t i = 0; i < n && status == PXS_OK; i++)
        if (j->window[i].status != PXS_OK)
            status = pxs_fail(err, j->window[i].status, "%s[%zu]: %s", r->path, r->first + i,
                              j->window[i].err.message);
    if (status == PXS_OK)
        *own = false;
    const struct pxs_image *out = &j->window[0].out;
    if (status == PXS_OK)
        status = make_folder(j, err);
    if (status == PXS_OK && r->first == 0)
        status =
            generate_array_begin(r->array, out->height, out->width, out->channels, result, w, err);
    for (size_t i = 0; i < n && status == PXS_OK; i++)
        status = generate_array_put(r->array, &j->window[i].out, w, err);
    for (size_t i = 0; i < n; i++) {
        *resized += j->window[i].resized;
        generate_picture_finish(&j->window[i]);
    }
    return status;
}

static enum pxs_status do_array(struct job *j, const struct generate_input *input,
                                struct pxs_error *err) {
    struct generate_array array;
    struct pxs_npy_writer w = {.left = 0};
    char result[PXS_PATH_MAX];
    bool own = true;
    const size_t before = j->report->done;
    size_t resized = 0;
    if (!pxs_path_join(result, sizeof result, j->o->out, input->result))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", j->o->out);
    enum pxs_status status =
        generate_array_open(input->path, (int)j->o->params->channels, &array, err);
    if (status == PXS_OK) {
        struct array_reading r = {.j = j, .array = &array, .path = input->path};
        j->pixels = (uint64_t)array.height * (uint64_t)array.width;
        for (size_t n; r.first < array.n && status == PXS_OK; r.first += n) {
            n = window_of(j, array.n - r.first);
            status = do_part(j, &r, n, &w, result, &resized, &own, err);
            if (status == PXS_OK && is_stopped(j)) {
                own = false;
                status = pxs_fail(err, PXS_E_STOPPED, "stopped");
            }
            if (status == PXS_OK)
                j->report->done += n;
            tell(j);
        }
        if (status == PXS_OK) {
            own = false;
            status = pxs_npy_write_commit(&w, err);
        }
        if (status != PXS_OK && w.file.file)
            pxs_npy_write_abandon(&w);
        generate_array_close(&array);
    }
    if (status == PXS_OK) {
        j->report->resized += resized;
        return PXS_OK;
    }
    j->report->done = before; /* its file has not appeared */
    if (!own)
        return status;
    pxs_log(j->o->log, PXS_LOG_ERROR, "%s", err->message);
    j->report->failed++;
    return PXS_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Pictures in all inputs, for the meter; an array that cannot be read counts as one. */
static size_t count(const struct generate_inputs *inputs) {
    size_t total = 0;
    for (size_t i = 0; i < inputs->n; i++) {
        struct pxs_npy npy;
        size_t n = 1;
        if (inputs->of[i].array && pxs_npy_open(inputs->of[i].path, &npy, NULL) == PXS_OK) {
            n = npy.rank == 4 && npy.dims[0] > 0 ? (size_t)npy.dims[0] : 1;
            pxs_npy_finish(&npy);
        }
        total += n;
    }
    return total;
}

static enum pxs_status do_all(struct job *j, const struct generate_inputs *inputs,
                              struct pxs_error *err) {
    for (size_t at = 0; at < inputs->n;) {
        const struct generate_input *in = &inputs->of[at];
        size_t n = 1;
        const size_t most = window_of(j, inputs->n - at);
        if (is_stopped(j))
            return pxs_fail(err, PXS_E_STOPPED, "stopped");
        if (in->array) {
            PXS_TRY(do_array(j, in, err));
        } else {
            while (n < most && !in[n].array)
                n++;
            PXS_TRY(do_pictures(j, in, n, err));
        }
        at += n;
    }
    return PXS_OK;
}

/* What --set may have made of the configuration: sides that the network does not take, above all.
 */
static enum pxs_status check_params(const struct pxs_params *p, struct pxs_error *err) {
    struct pxs_params named = *p;
    snprintf(named.dataset, sizeof named.dataset, "/"); /* none is needed */
    return pxs_params_check(&named, NULL, err);
}

enum pxs_status pxs_generate(const struct pxs_generate_options *o,
                             struct pxs_generate_report *report, struct pxs_error *err) {
    struct generate_inputs inputs = {.n = 0};
    struct job j = {.o = o, .report = report, .pixels = WINDOW_PIXELS};
    const double began = pxs_monotonic();
    *report = (struct pxs_generate_report){.done = 0};
    struct stat info;
    enum pxs_status status = check_params(o->params, err);
    if (status == PXS_OK && stat(o->out, &info) == 0 && !S_ISDIR(info.st_mode))
        status = pxs_fail(err, PXS_E_INVALID, "-o %s: a file of this name is there; name a folder",
                          o->out);
    if (status != PXS_OK)
        goto out;
    status = generate_list(o, &inputs, err);
    if (status != PXS_OK)
        goto out;
    status = pxs_trained_create(o->params, o->weights, o->pool, o->kernels, &j.g, err);
    if (status != PXS_OK)
        goto out;
    if (o->norm != PXS_GENERATE_NORM_USUAL && !pxs_trained_has_batch_norm(j.g)) {
        status = pxs_fail(err, PXS_E_INVALID,
                          "--test-norm has no effect: this generator has no batch norm");
        goto out;
    }
    if (o->dropout && !pxs_trained_has_dropout(j.g)) {
        status =
            pxs_fail(err, PXS_E_INVALID, "--dropout has no effect: this generator has no dropout");
        goto out;
    }
    j.multiple = pxs_trained_multiple(j.g);
    const int threads = pxs_pool_threads(o->pool), wanted = o->batch > threads ? o->batch : threads;
    j.window_size = (size_t)(wanted < WINDOW_MAX ? wanted : WINDOW_MAX);
    j.window = calloc(j.window_size, sizeof *j.window);
    if (!j.window) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    j.total = count(&inputs);
    status = do_all(&j, &inputs, err);
out:
    report->seconds = pxs_monotonic() - began;
    release(&j);
    free(j.window);
    pxs_trained_destroy(&j.g);
    generate_inputs_finish(&inputs);
    return status;
}
