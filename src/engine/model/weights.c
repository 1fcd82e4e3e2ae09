/* Saves and loads weights as safetensors with the names and shapes of PyTorch-GAN's state_dict. */
#include "model_priv.h"

#include "pixsweep/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void fill_torch(const void *user, float *out) {
    const struct pxs_weight *w = user;
    pxs_weight_to_torch(w, w->value, out);
}

enum pxs_status pxs_pix2pix_save(struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                                 const char *const *metadata, const struct pxs_file_guard *guard,
                                 char sha256[PXS_SHA256_HEX], uint64_t *bytes,
                                 struct pxs_error *err) {
    struct pxs_safetensors_entry entries[MAX_WEIGHTS] = {0};
    for (size_t i = 0; i < m->n_weights[net]; i++) {
        const struct pxs_weight *w = m->weights[net][i];
        entries[i] = (struct pxs_safetensors_entry){
            .name = w->name,
            .rank = w->rank,
            .fill = fill_torch,
            .user = w,
            .count = w->kind == PXS_WEIGHT_BATCHES ? &w->batches : NULL};
        memcpy(entries[i].dims, w->dims, sizeof entries[i].dims);
    }
    return pxs_safetensors_write(path, entries, m->n_weights[net], metadata, guard, sha256, bytes,
                                 err);
}

static bool ends_with(const char *name, const char *end) {
    const size_t n = strlen(name), k = strlen(end);
    return n >= k && strcmp(name + n - k, end) == 0;
}

/* How many batches a norm has seen is in files of PyTorch 0.4.1 and later only; nothing reads it.
 */
static bool may_be_missing(const char *name) {
    return ends_with(name, ".num_batches_tracked");
}

static bool is_running_statistic(const char *name) {
    return ends_with(name, ".running_mean") || ends_with(name, ".running_var");
}

/* PyTorch before 0.4 wrote running statistics of instance norms, which never read them. A file with
 * batch norm has weights beside them, which do not pass. */
static bool may_be_there(const char *name) {
    return is_running_statistic(name) || may_be_missing(name);
}

struct model_misfit model_compare(const struct pxs_pix2pix *m, enum pxs_net net,
                                  const struct pxs_safetensors *file) {
    const char *unused = model_net_kind(&m->params, net)->unused_tensor;
    struct model_misfit fit = {.kind = MODEL_FITS};

    /* Names first, as sets, so that a file of another network is not called one of other shapes. */
    for (size_t i = 0; i < m->n_weights[net]; i++) {
        const char *name = m->weights[net][i]->name;
        if (pxs_safetensors_find(file, name))
            fit.common++;
        else if (fit.kind == MODEL_FITS && !may_be_missing(name))
            fit = (struct model_misfit){MODEL_LACKS, name, fit.common};
    }
    for (size_t k = 0; k < pxs_safetensors_count(file) && fit.kind == MODEL_FITS; k++) {
        const char *name = pxs_safetensors_at(file, k)->name;
        bool known = (unused && !strcmp(name, unused)) || may_be_there(name);
        for (size_t i = 0; i < m->n_weights[net] && !known; i++)
            known = !strcmp(name, m->weights[net][i]->name);
        if (!known)
            fit = (struct model_misfit){MODEL_HAS_MORE, name, fit.common};
    }
    for (size_t i = 0; i < m->n_weights[net] && fit.kind == MODEL_FITS; i++) {
        const struct pxs_weight *w = m->weights[net][i];
        if (w->kind != PXS_WEIGHT_BATCHES && pxs_safetensors_find(file, w->name) &&
            pxs_safetensors_expect(file, w->name, w->rank, w->dims, NULL) != PXS_OK)
            fit = (struct model_misfit){MODEL_DIFFERS, w->name, fit.common};
    }
    return fit;
}

bool model_fail_statistics(const struct model_misfit *fit, const char *path,
                           struct pxs_error *err) {
    if (fit->kind != MODEL_LACKS || !is_running_statistic(fit->name))
        return false;
    pxs_fail(err, PXS_E_INVALID,
             "%s: no tensor %s: the weights of batch norm are there, its running statistics are "
             "not; save the whole of net.state_dict(), which has them, not its parameters alone",
             path, fit->name);
    return true;
}

/* What this network is called in messages: "generator: unet". */
static void name_network(const struct pxs_params *p, enum pxs_net net, char out[64]) {
    const struct pxs_param_info *key =
        pxs_param_info(net == PXS_NET_G ? PXS_PARAM_generator : PXS_PARAM_discriminator);
    snprintf(out, 64, "%s: %s", key->key,
             key->names[net == PXS_NET_G ? p->generator : p->discriminator]);
}

/* Two networks of one kind whose tensors differ: by which key, as ": key: value, where ...". */
static void name_difference(const struct pxs_params *is, const struct pxs_params *here,
                            char out[96]) {
    const char *const *norms = pxs_param_info(PXS_PARAM_norm)->names;
    out[0] = '\0';
    if (is->norm != here->norm)
        snprintf(out, 96, ": norm: %s, where here it is %s", norms[is->norm], norms[here->norm]);
    else if (is->dropout > 0 && !(here->dropout > 0))
        snprintf(out, 96, ": a dropout above 0, where here it is 0");
    else if (!(is->dropout > 0) && here->dropout > 0)
        snprintf(out, 96, ": dropout: 0, where here it is %g", here->dropout);
}

/* The names are not this network's: says whose they are, where that can be told. */
static enum pxs_status fail_network(const struct pxs_pix2pix *m, enum pxs_net net,
                                    const struct pxs_safetensors *file, const char *path,
                                    const struct model_misfit *fit, struct pxs_error *err) {
    struct pxs_recognised *is = malloc(sizeof *is);
    char here[64], tensor[PXS_TENSOR_WORDS], difference[96] = "";
    if (!is)
        return pxs_fail_nomem(err);
    name_network(&m->params, net, here);
    snprintf(tensor, sizeof tensor, fit->kind == MODEL_LACKS ? "no tensor %s" : "tensor %s",
             fit->name);
    const bool told = model_recognise(file, is);
    if (told && net == PXS_NET_G && is->params.generator == m->params.generator)
        name_difference(&is->params, &m->params, difference);
    if (told && is->net != net)
        pxs_fail(err, PXS_E_INVALID, "%s: %s: these are the weights of %s; give those of the %s",
                 path, tensor, is->words, net == PXS_NET_G ? "generator" : "discriminator");
    else if (told)
        pxs_fail(err, PXS_E_INVALID,
                 "%s: %s: these are the weights of %s; here is %s, %lldx%lld: give weights of the "
                 "same network, or state the one that they are of%s",
                 path, tensor, is->words, here, (long long)m->params.img_height,
                 (long long)m->params.img_width, difference);
    else if (model_fail_statistics(fit, path, err))
        ; /* said */
    else if (fit->kind == MODEL_LACKS)
        pxs_fail(err, PXS_E_INVALID,
                 "%s: %s: these are not the weights of this %s (%lldx%lld); give weights of the "
                 "same network and image size",
                 path, tensor, here, (long long)m->params.img_height,
                 (long long)m->params.img_width);
    else
        pxs_fail(err, PXS_E_INVALID,
                 "%s: %s is not part of this %s (%lldx%lld): give weights of the same network and "
                 "image size",
                 path, tensor, here, (long long)m->params.img_height,
                 (long long)m->params.img_width);
    free(is);
    return PXS_E_INVALID;
}

void model_why_differs(const struct pxs_pix2pix *m, enum pxs_net net,
                       const struct pxs_safetensors *file, const char *name,
                       struct pxs_error *why) {
    pxs_fail(why, PXS_E_INTERNAL, "no weight is named %s", name);
    for (size_t i = 0; i < m->n_weights[net]; i++) {
        const struct pxs_weight *w = m->weights[net][i];
        if (strcmp(w->name, name) == 0)
            (void)!pxs_safetensors_expect(file, name, w->rank, w->dims, why);
    }
}

static enum pxs_status fail_shape(const struct pxs_pix2pix *m, enum pxs_net net,
                                  const struct pxs_safetensors *file, const char *name,
                                  struct pxs_error *err) {
    const struct pxs_params *p = &m->params;
    struct pxs_error why;
    model_why_differs(m, net, file, name, &why);
    if (why.status != PXS_E_INVALID)
        return pxs_fail(err, why.status, "%s", why.message);
    return pxs_fail(err, PXS_E_INVALID,
                    "%s; here are %s %d and channels %d: give the values that it was trained with",
                    why.message, net == PXS_NET_G ? "ngf" : "ndf",
                    (int)(net == PXS_NET_G ? p->ngf : p->ndf), (int)p->channels);
}

/* Opens a file and checks that it holds this network's weights; does not read the data. */
static enum pxs_status open_fitting(const struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                                    struct pxs_safetensors **out, struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    PXS_TRY(pxs_safetensors_open(path, &file, err));
    const struct model_misfit fit = model_compare(m, net, file);
    enum pxs_status status = PXS_OK;
    if (fit.kind == MODEL_LACKS || fit.kind == MODEL_HAS_MORE)
        status = fail_network(m, net, file, path, &fit, err);
    else if (fit.kind == MODEL_DIFFERS)
        status = fail_shape(m, net, file, fit.name, err);
    if (status == PXS_OK)
        *out = file;
    else
        pxs_safetensors_destroy(&file);
    return status;
}

enum pxs_status pxs_pix2pix_fits(const struct pxs_params *params, enum pxs_net net,
                                 const char *path, struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    struct pxs_pix2pix *m = calloc(1, sizeof *m);
    if (!m)
        return pxs_fail_nomem(err);
    m->params = *params;
    model_describe(m);
    enum pxs_status status = open_fitting(m, net, path, &file, err);
    pxs_safetensors_destroy(&file);
    free(m);
    return status;
}

/* A network with one such number makes black pictures, and trains to nothing. */
static enum pxs_status check_numbers(const struct pxs_weight *w, const float *value,
                                     const char *path, struct pxs_error *err) {
    for (size_t i = 0; i < w->count; i++)
        if (!isfinite(value[i]))
            return pxs_fail(err, PXS_E_INVALID,
                            "%s: tensor %s holds %g at place %zu: the training that wrote it had "
                            "diverged, or the file is damaged; give weights from before",
                            path, w->name, (double)value[i], i);
    return PXS_OK;
}

enum pxs_status model_load(struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                           float *largest, struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    PXS_TRY(open_fitting(m, net, path, &file, err));
    enum pxs_status status = PXS_OK;

    /* First all are looked at: a file that cannot be used changes nothing. */
    for (size_t i = 0; i < m->n_weights[net] && status == PXS_OK; i++) {
        const struct pxs_weight *w = m->weights[net][i];
        if (w->kind == PXS_WEIGHT_BATCHES)
            continue;
        status = pxs_safetensors_read(file, w->name, w->rank, w->dims, largest, err);
        if (status == PXS_OK)
            status = check_numbers(w, largest, path, err);
    }
    for (size_t i = 0; i < m->n_weights[net] && status == PXS_OK; i++) {
        struct pxs_weight *w = m->weights[net][i];
        if (w->kind == PXS_WEIGHT_BATCHES) {
            w->batches = 0;
            (void)!pxs_safetensors_read_count(file, w->name, &w->batches, NULL);
            continue;
        }
        status = pxs_safetensors_read(file, w->name, w->rank, w->dims, largest, err);
        if (status != PXS_OK)
            break;
        pxs_weight_from_torch(w, largest, w->value);
        pxs_weight_forget(w);
    }
    pxs_safetensors_destroy(&file);
    return status;
}

enum pxs_status pxs_pix2pix_load(struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                                 struct pxs_error *err) {
    /* nn.grad has room for the largest weight and is free between steps. */
    return model_load(m, net, path, m->nn.grad, err);
}

bool pxs_pix2pix_beside(const char *generator, char *out, size_t size) {
    const char *slash = strrchr(generator, '/'), *name = slash ? slash + 1 : generator;
    size_t stem = strlen("generator_");
    if (strncmp(name, "generator_", stem) != 0)
        return false;
    int n = snprintf(out, size, "%.*sd/discriminator_%s", (int)(name - generator), generator,
                     name + stem);
    return n > 0 && (size_t)n < size;
}

void pxs_pix2pix_hash(struct pxs_pix2pix *m, char hex[PXS_SHA256_HEX]) {
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    for (int net = 0; net < 2; net++)
        for (size_t i = 0; i < m->n_weights[net]; i++) {
            const struct pxs_weight *w = m->weights[net][i];
            pxs_weight_to_torch(w, w->value, m->nn.grad);
            pxs_sha256_update(&h, m->nn.grad, w->count * sizeof(float));
            if (w->kind == PXS_WEIGHT_BATCHES)
                pxs_sha256_update(&h, &w->batches, sizeof w->batches);
        }
    pxs_sha256_hex(&h, hex);
}

enum pxs_status pxs_weights_hash(const char *path, char hash[PXS_SHA256_HEX],
                                 struct pxs_error *err) {
    char beside[PXS_PATH_MAX], one[PXS_SHA256_HEX];
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    PXS_TRY(pxs_sha256_file(path, one, NULL, err));
    pxs_sha256_update(&h, one, strlen(one));
    if (pxs_pix2pix_beside(path, beside, sizeof beside)) {
        struct pxs_error beside_err;
        enum pxs_status status = pxs_sha256_file(beside, one, NULL, &beside_err);
        if (status == PXS_OK)
            pxs_sha256_update(&h, one, strlen(one));
        else if (status != PXS_E_NOT_FOUND)
            return pxs_fail(err, status, "%s", beside_err.message);
    }
    pxs_sha256_hex(&h, hash);
    return PXS_OK;
}
