/* Writes checkpoints of a run, and reads the weights that it starts from. */
#include "train_priv.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Key, value, ..., NULL: where the weights come from, and the keys that make the run's identity and
 * its seed, without paths, so that the file is enough to use the network. */
enum { METADATA_MAX = 2 * (7 + PXS_PARAM_COUNT) + 1 };

static void add_metadata(const char **metadata, const char *key, const char *value) {
    size_t n = 0;
    while (metadata[n])
        n += 2;
    metadata[n] = key;
    metadata[n + 1] = value;
}

static enum pxs_status add_params(const struct training *t, struct pxs_arena *arena,
                                  const char **metadata, struct pxs_error *err) {
    struct pxs_text text = {0};
    enum pxs_status status = PXS_OK;
    for (int key = 0; key < PXS_PARAM_COUNT && status == PXS_OK; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        if (info->type == PXS_TYPE_PATH || !pxs_params_effective(t->p, key) ||
            ((info->flags & PXS_PF_NOT_IDENTITY) && key != PXS_PARAM_seed))
            continue;
        pxs_text_clear(&text);
        pxs_params_format(t->p, key, &text);
        const char *value = pxs_arena_strdup(arena, pxs_text_str(&text));
        if (!value || text.failed)
            status = pxs_fail_nomem(err);
        else
            add_metadata(metadata, info->key, value);
    }
    pxs_text_finish(&text);
    return status;
}

enum pxs_status train_checkpoint_net(struct training *t, enum pxs_net net, const char *suffix,
                                     int64_t epoch, struct pxs_error *err) {
    bool g = net == PXS_NET_G;
    struct pxs_record r = {.kind = PXS_RECORD_CHECKPOINT, .checkpoint = {.epoch = (int32_t)epoch}};
    struct pxs_record_checkpoint *c = &r.checkpoint;
    snprintf(c->kind, sizeof c->kind, "%s", strcmp(suffix, "min") ? "periodic" : "best");
    snprintf(c->net, sizeof c->net, "%s", g ? "generator" : "discriminator");
    snprintf(c->path, sizeof c->path, g ? PXS_GENERATOR_FILE("%s") : PXS_DISCRIMINATOR_FILE("%s"),
             suffix);
    char path[PXS_PATH_MAX], folder[PXS_PATH_MAX], at_epoch[24], at_step[24];
    snprintf(at_epoch, sizeof at_epoch, "%" PRId64, epoch);
    snprintf(at_step, sizeof at_step, "%" PRId64, t->step);
    const char *metadata[METADATA_MAX] = {"format", "pt",    "net",   c->net,     "epoch",
                                          at_epoch, "steps", at_step, "pixsweep", pxs_version()};
    if (!pxs_path_join(path, sizeof path, t->job->dir, c->path))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", t->job->dir);
    pxs_path_dir(folder, sizeof folder, path);
    PXS_TRY(pxs_make_dirs(folder, err));
    if (t->job->config_hash)
        add_metadata(metadata, "config_hash", t->job->config_hash);
    if (t->job->data_hash)
        add_metadata(metadata, "data_hash", t->job->data_hash);
    struct pxs_arena arena = {0};
    uint64_t bytes = 0;
    enum pxs_status status = add_params(t, &arena, metadata, err);
    if (status == PXS_OK)
        status = pxs_pix2pix_save(t->model, net, path, metadata, &t->guard, c->sha256, &bytes, err);
    pxs_arena_finish(&arena);
    PXS_TRY(status);
    c->bytes = (int64_t)bytes;
    return pxs_record_write(t->job->records, &r, err);
}

enum pxs_status train_checkpoint(struct training *t, const char *suffix, int64_t epoch,
                                 struct pxs_error *err) {
    PXS_TRY(train_checkpoint_net(t, PXS_NET_G, suffix, epoch, err));
    return train_checkpoint_net(t, PXS_NET_D, suffix, epoch, err);
}

enum pxs_status train_first_weights(struct training *t, struct pxs_error *err) {
    char d[PXS_PATH_MAX];
    PXS_TRY(pxs_pix2pix_randomise(t->model, (uint64_t)t->p->seed, err));
    if (!t->p->init_from[0])
        return PXS_OK;
    PXS_TRY(pxs_pix2pix_load(t->model, PXS_NET_G, t->p->init_from, err));
    if (pxs_pix2pix_beside(t->p->init_from, d, sizeof d) && access(d, F_OK) == 0)
        return pxs_pix2pix_load(t->model, PXS_NET_D, d, err);
    pxs_log(t->job->log, PXS_LOG_INFO,
            "init_from: no discriminator beside %s; it starts from random weights",
            t->p->init_from);
    return PXS_OK;
}
