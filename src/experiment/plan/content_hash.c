/* Content hashes: what a path leads to is read once a plan, however many runs use it. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/model.h"
#include "pixsweep/records/files.h"
#include "plan_priv.h"

/* Room for one more element in an arena array; false when out of memory. */
static bool grow(struct pxs_arena *arena, void **items, size_t *cap, size_t n, size_t size) {
    if (n < *cap)
        return true;
    size_t larger = *cap ? *cap * 2 : 4;
    void *block = pxs_arena_alloc(arena, larger * size);
    if (!block)
        return false;
    if (n > 0)
        memcpy(block, *items, n * size);
    *items = block;
    *cap = larger;
    return true;
}

static bool is_stated(const struct pxs_config *config, size_t index, int key) {
    struct pxs_text origin = {0};
    pxs_config_origin(config, index, key, &origin);
    bool stated = strcmp(pxs_text_str(&origin), "default") != 0;
    pxs_text_finish(&origin);
    return stated;
}

/* The user's problems are collected, so that one pass names all of them; anything else ends the
 * pass. */
static enum pxs_status note_problem(struct pxs_contents *c, enum pxs_status status,
                                    const struct pxs_error *err) {
    if (status == PXS_OK || status == PXS_E_STOPPED || status == PXS_E_NOMEM ||
        status == PXS_E_INTERNAL)
        return status;
    if (c->problem == PXS_OK)
        c->problem = status;
    size_t used = strlen(c->problems);
    snprintf(c->problems + used, sizeof c->problems - used, "%s%s", used > 0 ? "\n" : "",
             err->message);
    return PXS_OK;
}

/* Puts the line of the experiment file that names the path into the message. */
static void show_place(const struct pxs_config *config, size_t index, int key,
                       struct pxs_error *err) {
    struct pxs_text text = {0};
    pxs_config_point_at(config, index, key, err->message, &text);
    if (!text.failed)
        pxs_fail(err, err->status, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

static enum pxs_status inspect(const struct pxs_params *p, double held_back, bool stated,
                               const struct pxs_sweep_options *options,
                               struct pxs_dataset_info *info, struct pxs_error *err) {
    struct pxs_cpu cpu;
    struct pxs_pool *pool = NULL;
    char results[PXS_PATH_MAX], db[PXS_PATH_MAX], cache[PXS_PATH_MAX];
    const bool named = pxs_sweep_paths(options->results, options->db, results, db) &&
                       pxs_path_join(cache, sizeof cache, results, PXS_CACHE_FOLDER);
    pxs_cpu_detect(&cpu);
    PXS_TRY(pxs_pool_create(cpu.cores, &pool, err));
    struct pxs_dataset_options how = {.path = p->dataset,
                                      .img_height = (int)p->img_height,
                                      .img_width = (int)p->img_width,
                                      .channels = (int)p->channels,
                                      .a_to_b = p->direction == PXS_DIRECTION_ATOB,
                                      .jitter = (int)p->jitter,
                                      .val_fraction = held_back,
                                      .val_fraction_stated = stated,
                                      .cache = named ? cache : NULL,
                                      .pool = pool,
                                      .logger = options->logger,
                                      .meter = options->meter,
                                      .stop = options->stop};
    enum pxs_status status = pxs_dataset_inspect(&how, info, err);
    pxs_pool_destroy(&pool);
    return status;
}

enum pxs_status pxs_contents_data(struct pxs_contents *c, const struct pxs_config *config,
                                  size_t index, const struct pxs_params *params,
                                  const struct pxs_sweep_options *options,
                                  const struct pxs_dataset_info **out, struct pxs_error *err) {
    bool stated = is_stated(config, index, PXS_PARAM_val_fraction);
    double held_back = params->validation == PXS_VALIDATION_OFF ? 0 : params->val_fraction;
    for (size_t i = 0; i < c->n_data; i++) {
        const struct pxs_data_seen *d = &c->data[i];
        if (strcmp(d->path, params->dataset) == 0 && d->val_fraction == held_back &&
            d->stated == stated) {
            *out = &d->info;
            return PXS_OK;
        }
    }
    struct pxs_data_seen seen = {.path = pxs_arena_strdup(c->arena, params->dataset),
                                 .val_fraction = held_back,
                                 .stated = stated};
    if (!seen.path || !grow(c->arena, (void **)&c->data, &c->cap_data, c->n_data, sizeof seen))
        return pxs_fail_nomem(err);
    enum pxs_status status = inspect(params, held_back, stated, options, &seen.info, err);
    struct stat folder;
    if (status != PXS_OK && (stat(params->dataset, &folder) != 0 || !S_ISDIR(folder.st_mode)))
        show_place(config, index, PXS_PARAM_dataset, err);
    PXS_TRY(note_problem(c, status, err));
    c->data[c->n_data] = seen;
    *out = &c->data[c->n_data++].info;
    return PXS_OK;
}

/* Whether init_from fits the networks of this run. The hash alone does not tell: any file has one.
 */
static enum pxs_status check_weights(const struct pxs_params *p, struct pxs_error *err) {
    char beside[PXS_PATH_MAX];
    PXS_TRY(pxs_pix2pix_fits(p, PXS_NET_G, p->init_from, err));
    if (!pxs_pix2pix_beside(p->init_from, beside, sizeof beside) || access(beside, F_OK) != 0)
        return PXS_OK;
    return pxs_pix2pix_fits(p, PXS_NET_D, beside, err);
}

/* Whether networks of both have weights of the same names and shapes. */
static bool same_shape(const struct pxs_params *a, const struct pxs_params *b) {
    return a->img_height == b->img_height && a->img_width == b->img_width &&
           a->channels == b->channels && a->generator == b->generator && a->ngf == b->ngf &&
           a->discriminator == b->discriminator && a->ndf == b->ndf && a->downs_G == b->downs_G &&
           a->n_layers_D == b->n_layers_D && a->norm == b->norm &&
           (a->dropout > 0) == (b->dropout > 0); /* which numbers the modules of a ResNet */
}

enum pxs_status pxs_contents_weights(struct pxs_contents *c, const struct pxs_config *config,
                                     size_t index, const struct pxs_params *params,
                                     const char **hash, struct pxs_error *err) {
    struct pxs_weights_seen seen = {.params = *params};
    *hash = "";
    if (params->init_from[0] == '\0')
        return PXS_OK;
    for (size_t i = 0; i < c->n_weights; i++)
        if (strcmp(c->weights[i].params.init_from, params->init_from) == 0) {
            memcpy(seen.hash, c->weights[i].hash, sizeof seen.hash);
            *hash = c->weights[i].hash;
            if (same_shape(&c->weights[i].params, params))
                return PXS_OK;
        }
    if (!grow(c->arena, (void **)&c->weights, &c->cap_weights, c->n_weights, sizeof seen))
        return pxs_fail_nomem(err);
    enum pxs_status status = check_weights(params, err);
    if (status == PXS_OK && seen.hash[0] == '\0')
        status = pxs_weights_hash(params->init_from, seen.hash, err);
    if (status != PXS_OK)
        status = pxs_error_prefix(err, "init_from");
    if (status == PXS_E_NOT_FOUND || status == PXS_E_INVALID || status == PXS_E_CORRUPT)
        show_place(config, index, PXS_PARAM_init_from, err);
    PXS_TRY(note_problem(c, status, err));
    c->weights[c->n_weights] = seen;
    *hash = c->weights[c->n_weights++].hash;
    return PXS_OK;
}
