/* A run that begins with the epochs of a shorter one: equal in everything but n_epochs, that run
 * has made its first steps already, to the bit. Its records, pictures and weights up to its final
 * point are copied, and training goes on from that. */
#include "train_priv.h"

#include "resume_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURE_MAX = 1 << 28 };

/* ---- whether it has the same first steps ---------------------------------------------------- */

/* The first of the shorter run's epochs in which the two rates differ; -1 = they are the same. A
 * rate that changes within an epoch differs at its first or last batch. */
static int64_t rates_part(const struct pxs_params *p, const struct pxs_params *shorter, int net,
                          int64_t batches) {
    struct pxs_schedule a, b;
    pxs_schedule_resolve(p, net, batches, &a);
    pxs_schedule_resolve(shorter, net, batches, &b);
    for (int64_t epoch = 0; epoch < shorter->n_epochs; epoch++)
        if (pxs_schedule_rate(&a, epoch, 0) != pxs_schedule_rate(&b, epoch, 0) ||
            pxs_schedule_rate(&a, epoch, batches - 1) != pxs_schedule_rate(&b, epoch, batches - 1))
            return epoch;
    return -1;
}

bool pxs_train_shorter_fits(const struct pxs_params *p, const struct pxs_params *shorter,
                            int64_t batches, const int64_t *rungs, size_t n_rungs,
                            struct pxs_text *why) {
    static const int policies[2] = {PXS_PARAM_lr_policy_G, PXS_PARAM_lr_policy_D};
    static const int files[2] = {PXS_PARAM_sample_interval, PXS_PARAM_checkpoint_interval};
    if (shorter->n_epochs >= p->n_epochs) {
        pxs_text_addf(why, "it has %" PRId64 " epochs, no fewer", shorter->n_epochs);
        return false;
    }
    for (size_t i = 0; i < PXS_COUNT(files); i++) {
        if (pxs_params_equal_at(p, shorter, files[i]))
            continue;
        pxs_text_addf(why, "%s was ", pxs_param_info(files[i])->key);
        pxs_params_format(shorter, files[i], why);
        pxs_text_add(why, " there and is ");
        pxs_params_format(p, files[i], why);
        pxs_text_add(why, " here, so the files are others");
        return false;
    }
    for (int net = 0; net < 2; net++) {
        const int64_t epoch = rates_part(p, shorter, net, batches);
        if (epoch < 0)
            continue;
        pxs_text_addf(why, "%s: ", pxs_param_info(policies[net])->key);
        pxs_params_format(p, policies[net], why);
        pxs_text_addf(why,
                      " depends on n_epochs: its rates over %" PRId64 " epochs differ from those "
                      "over %" PRId64 " from epoch %" PRId64 " on",
                      p->n_epochs, shorter->n_epochs, epoch);
        return false;
    }
    for (size_t i = 0; i < n_rungs; i++)
        if (rungs[i] < shorter->n_epochs - 1) {
            pxs_text_addf(why,
                          "sweep.prune compares it after %" PRId64
                          " epoch%s, where the shorter run did not ask",
                          rungs[i] + 1, rungs[i] == 0 ? "" : "s");
            return false;
        }
    return true;
}

/* ---- looking at it -------------------------------------------------------------------------- */

/* A file of the shorter run that is replaced in time, and the last record of it. */
struct kept {
    char path[256], sha256[PXS_SHA256_HEX];
    int64_t at;
};

struct copying {
    struct training *t;
    const struct pxs_shorter *from;
    struct pxs_resume_point point;
    struct pxs_record *record;
    struct kept *kept;
    size_t n, cap;
    char engine[3][256]; /* of its first attempt */
    bool begun;
};

static enum pxs_status keep(struct copying *c, const char *path, const char *sha256, int64_t at,
                            struct pxs_error *err) {
    struct kept *one = NULL;
    for (size_t i = 0; i < c->n && !one; i++)
        if (strcmp(c->kept[i].path, path) == 0)
            one = &c->kept[i];
    if (!one && c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        struct kept *more = realloc(c->kept, c->cap * sizeof *more);
        if (!more)
            return pxs_fail_nomem(err);
        c->kept = more;
    }
    if (!one)
        one = &c->kept[c->n++];
    snprintf(one->path, sizeof one->path, "%s", path);
    snprintf(one->sha256, sizeof one->sha256, "%s", sha256);
    one->at = at;
    return PXS_OK;
}

static bool is_last(const struct copying *c, const char *path, int64_t at) {
    for (size_t i = 0; i < c->n; i++)
        if (c->kept[i].at == at && strcmp(c->kept[i].path, path) == 0)
            return true;
    return false;
}

static enum pxs_status check_file(const struct copying *c, const char *file, const char *sha256,
                                  struct pxs_error *err) {
    char path[PXS_PATH_MAX], found[PXS_SHA256_HEX];
    if (!pxs_path_join(path, sizeof path, c->from->dir, file))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", c->from->dir);
    PXS_TRY(pxs_sha256_file(path, found, NULL, err));
    return strcmp(found, sha256) == 0
               ? PXS_OK
               : pxs_fail(err, PXS_E_INVALID, "its %s is not what it was when it was made", file);
}

/* Attempts by other kernels may have made other bits (--allow-mixed), another version other
 * rows. */
static enum pxs_status look_at_begin(struct copying *c, const struct pxs_record_begin *b,
                                     struct pxs_error *err) {
    static const char *const keys[] = {"kernels", "openblas", "libc"};
    char value[256] = "";
    pxs_line_value(b->text, "version", value, sizeof value);
    if (strcmp(value, pxs_version()) != 0)
        return pxs_fail(err, PXS_E_INVALID, "pixsweep %s made it, and this is %s", value,
                        pxs_version());
    for (size_t i = 0; i < PXS_COUNT(keys); i++) {
        snprintf(value, sizeof value, "%s", "");
        pxs_line_value(b->text, keys[i], value, sizeof value);
        if (c->begun && strcmp(value, c->engine[i]) != 0)
            return pxs_fail(err, PXS_E_INVALID, "its attempts differ in %s (%.80s, %.80s)", keys[i],
                            c->engine[i], value);
        memcpy(c->engine[i], value, sizeof value);
    }
    c->begun = true;
    return PXS_OK;
}

static enum pxs_status look(struct copying *c, int64_t at, struct pxs_error *err) {
    const struct pxs_record *r = c->record;
    if (r->kind == PXS_RECORD_BEGIN)
        return look_at_begin(c, &r->begin, err);
    if (r->kind == PXS_RECORD_CHECKPOINT)
        return keep(c, r->checkpoint.path, r->checkpoint.sha256, at, err);
    if (r->kind == PXS_RECORD_SAMPLE)
        return check_file(c, r->sample.path, r->sample.sha256, err);
    if (r->kind == PXS_RECORD_BEST_SAMPLE)
        return keep(c, r->sample.path, r->sample.sha256, at, err);
    return PXS_OK;
}

/* Calls `see` for every record before the point. */
static enum pxs_status walk(struct copying *c,
                            enum pxs_status (*see)(struct copying *, int64_t, struct pxs_error *),
                            struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_record_cursor *cursor = NULL;
    if (!pxs_path_join(path, sizeof path, c->from->dir, PXS_RECORDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", c->from->dir);
    PXS_TRY(pxs_record_cursor_open(path, 0, &cursor, err));
    pxs_record_cursor_stop(cursor, c->point.record_bytes);
    enum pxs_status status = PXS_OK;
    bool more = true;
    while (status == PXS_OK && more) {
        const int64_t at = pxs_record_cursor_offset(cursor);
        status = pxs_record_next(cursor, c->record, &more, err);
        if (status == PXS_OK && more)
            status = see(c, at, err);
    }
    if (status == PXS_OK && pxs_record_cursor_offset(cursor) != c->point.record_bytes)
        status = pxs_fail(err, PXS_E_CORRUPT, "%s became shorter while it was read", path);
    pxs_record_cursor_close(&cursor);
    return status;
}

/* All that would be copied is there and is what its records say. */
static enum pxs_status check(struct copying *c, struct pxs_error *err) {
    const struct training *t = c->t;
    struct pxs_text why = {0};
    const bool fits = pxs_train_shorter_fits(t->p, c->from->params, t->batches, t->job->rungs,
                                             t->job->ask ? t->job->n_rungs : 0, &why);
    const enum pxs_status status =
        fits ? PXS_OK : pxs_fail(err, PXS_E_INVALID, "%s", pxs_text_str(&why));
    pxs_text_finish(&why);
    PXS_TRY(status);
    if (train_find_final(c->from, t->job->kernels, &c->point, err) == PXS_E_NOT_FOUND)
        return pxs_fail(err, PXS_E_NOT_FOUND, "it has no " PXS_FINAL_FILE " (any more)");
    if (c->point.step < 0)
        return err->status;
    PXS_TRY(walk(c, look, err));
    for (size_t i = 0; i < c->n; i++)
        PXS_TRY(check_file(c, c->kept[i].path, c->kept[i].sha256, err));
    return PXS_OK;
}

/* ---- copying it ----------------------------------------------------------------------------- */

static enum pxs_status copy_picture(struct copying *c, const char *path, struct pxs_error *err) {
    char to[PXS_PATH_MAX], folder[PXS_PATH_MAX], *data = NULL;
    size_t bytes;
    if (!pxs_path_join(to, sizeof to, c->t->job->dir, path))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", c->t->job->dir);
    pxs_path_dir(folder, sizeof folder, to);
    PXS_TRY(pxs_make_dirs(folder, err));
    PXS_TRY(pxs_read_beneath(c->from->dir, path, PICTURE_MAX, &data, &bytes, err));
    const enum pxs_status status = pxs_write_guarded(to, data, bytes, &c->t->guard, err);
    free(data);
    return status;
}

/* Weights bear their run's configuration, so their file is written anew. */
static enum pxs_status copy_weights(struct copying *c, const struct pxs_record_checkpoint *from,
                                    struct pxs_error *err) {
    struct training *t = c->t;
    const enum pxs_net net = strcmp(from->net, "generator") == 0 ? PXS_NET_G : PXS_NET_D;
    char path[PXS_PATH_MAX], suffix[32];
    if (!pxs_path_join(path, sizeof path, c->from->dir, from->path))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", c->from->dir);
    snprintf(suffix, sizeof suffix, "%" PRId32, from->epoch);
    PXS_TRY(pxs_pix2pix_load(t->model, net, path, err));
    t->step = (from->epoch + INT64_C(1)) * t->batches;
    return train_checkpoint_net(t, net, strcmp(from->kind, "best") == 0 ? "min" : suffix,
                                from->epoch, err);
}

/* What tells of the attempts (BEGIN, END, events) is the shorter run's own, and so are its rungs;
 * of a file that was replaced there is nothing left. */
static enum pxs_status copy(struct copying *c, int64_t at, struct pxs_error *err) {
    struct training *t = c->t;
    const struct pxs_record *r = c->record;
    switch (r->kind) {
    case PXS_RECORD_CHECKPOINT:
        if (is_last(c, r->checkpoint.path, at))
            TRAIN_PATIENTLY(t, copy_weights(c, &r->checkpoint, err), err);
        return PXS_OK;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        if (r->kind == PXS_RECORD_BEST_SAMPLE && !is_last(c, r->sample.path, at))
            return PXS_OK;
        TRAIN_PATIENTLY(t, copy_picture(c, r->sample.path, err), err);
        break;
    case PXS_RECORD_BATCH:
    case PXS_RECORD_EPOCH:
        break;
    case PXS_RECORD_BEGIN:
    case PXS_RECORD_END:
    case PXS_RECORD_EVENT:
    case PXS_RECORD_RUNG:
        return PXS_OK;
    }
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, r, err), err);
    return PXS_OK;
}

static enum pxs_status tell(struct training *t, enum pxs_log_level level, const char *text,
                            struct pxs_error *err) {
    struct pxs_record r = {
        .kind = PXS_RECORD_EVENT,
        .event = {.at_ms = pxs_now_ms(), .level = level, .kind = PXS_EVENT_SHORTER}};
    snprintf(r.event.message, sizeof r.event.message, "%.*s", (int)sizeof r.event.message - 1,
             text);
    pxs_log(t->job->log, level, "%s", r.event.message);
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, &r, err), err);
    return PXS_OK;
}

static enum pxs_status tell_refused(struct training *t, const char *why, struct pxs_error *err) {
    char text[1024];
    snprintf(text, sizeof text, "begins with its first step, not from %.255s: %.600s",
             t->job->shorter->name, why);
    return tell(t, PXS_LOG_WARN, text, err);
}

static enum pxs_status carry_over(struct copying *c, struct pxs_error *err) {
    struct training *t = c->t;
    char text[1024];
    PXS_TRY(walk(c, copy, err));
    PXS_TRY(train_load_point(t, &c->point, err));
    snprintf(text, sizeof text,
             "begins with the first %" PRId64 " epochs of %.255s (steps 0 to %" PRId64
             "), from its final point",
             t->epoch, c->from->name, t->step - 1);
    PXS_TRY(tell(t, PXS_LOG_INFO, text, err));
    /* From here on it needs the shorter run no more. */
    t->saved_step = -1;
    return train_save_resume(t, err);
}

enum pxs_status train_begin_from_shorter(struct training *t, struct pxs_error *err) {
    struct copying c = {.t = t, .from = t->job->shorter};
    struct pxs_error why;
    c.record = malloc(sizeof *c.record);
    if (!c.record)
        return pxs_fail_nomem(err);
    enum pxs_status status = check(&c, &why);
    if (status == PXS_OK)
        status = carry_over(&c, err);
    else if (status == PXS_E_NOMEM)
        status = pxs_fail_nomem(err);
    else
        status = tell_refused(t, why.message, err);
    free(c.kept);
    free(c.record);
    return status;
}
