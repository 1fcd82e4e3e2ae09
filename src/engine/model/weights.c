/* Saves and loads weights as safetensors with the names and shapes of PyTorch-GAN's state_dict. */
#include "model_priv.h"

#include "pixsweep/tensor.h"

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
            .name = w->name, .rank = w->rank, .fill = fill_torch, .user = w};
        memcpy(entries[i].dims, w->dims, sizeof entries[i].dims);
    }
    return pxs_safetensors_write(path, entries, m->n_weights[net], metadata, guard, sha256, bytes,
                                 err);
}

/* A tensor of this network is missing: says whether the file holds the other network's weights. */
static enum pxs_status fail_network(const struct pxs_pix2pix *m, enum pxs_net net,
                                    const struct pxs_safetensors *file, const char *path,
                                    const char *name, struct pxs_error *err) {
    const bool g = net == PXS_NET_G;
    const struct pxs_param_info *which =
        pxs_param_info(g ? PXS_PARAM_generator : PXS_PARAM_discriminator);
    const int value = g ? m->params.generator : m->params.discriminator;
    if (pxs_safetensors_find(file, m->weights[g ? PXS_NET_D : PXS_NET_G][0]->name))
        return pxs_fail(err, PXS_E_INVALID,
                        "%s: no tensor %s: these are the weights of a %s; give those of the %s",
                        path, name, g ? "discriminator" : "generator",
                        g ? "generator" : "discriminator");
    return pxs_fail(
        err, PXS_E_INVALID,
        "%s: no tensor %s: these are not the weights of this %s (%s, %lldx%lld); give weights of "
        "the same network and image size",
        path, name, which->key, which->names[value], (long long)m->params.img_height,
        (long long)m->params.img_width);
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

/* PyTorch before 0.4 wrote running statistics of instance norms, which never read them. A file with
 * batch norm has weights beside them, which do not pass. */
static bool may_be_there(const char *name) {
    return ends_with(name, ".running_mean") || ends_with(name, ".running_var") ||
           may_be_missing(name);
}

/* Compares the names as sets. Called before the shapes are checked, so that the message for a file
 * of another network says so. */
static enum pxs_status check_names(const struct pxs_pix2pix *m, enum pxs_net net,
                                   const struct pxs_safetensors *file, const char *path,
                                   struct pxs_error *err) {
    const char *what = net == PXS_NET_G ? "generator" : "discriminator";
    const char *unused = model_net_kind(&m->params, net)->unused_tensor;
    for (size_t i = 0; i < m->n_weights[net]; i++)
        if (!pxs_safetensors_find(file, m->weights[net][i]->name) &&
            !may_be_missing(m->weights[net][i]->name))
            return fail_network(m, net, file, path, m->weights[net][i]->name, err);
    for (size_t k = 0; k < pxs_safetensors_count(file); k++) {
        const char *name = pxs_safetensors_at(file, k)->name;
        bool known = (unused && !strcmp(name, unused)) || may_be_there(name);
        for (size_t i = 0; i < m->n_weights[net] && !known; i++)
            known = !strcmp(name, m->weights[net][i]->name);
        if (!known)
            return pxs_fail(
                err, PXS_E_INVALID,
                "%s: tensor %s is not part of this %s (%lldx%lld): give weights of the same "
                "network and image size",
                path, name, what, (long long)m->params.img_height, (long long)m->params.img_width);
    }
    return PXS_OK;
}

static enum pxs_status check_shapes(const struct pxs_pix2pix *m, enum pxs_net net,
                                    const struct pxs_safetensors *file, struct pxs_error *err) {
    const struct pxs_params *p = &m->params;
    struct pxs_error why;
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < m->n_weights[net] && status == PXS_OK; i++) {
        const struct pxs_weight *w = m->weights[net][i];
        status = pxs_safetensors_expect(file, w->name, w->rank, w->dims, &why);
    }
    if (status != PXS_E_INVALID)
        return status == PXS_OK ? PXS_OK : pxs_fail(err, status, "%s", why.message);
    return pxs_fail(err, status,
                    "%s; here are %s %d and channels %d: give the values that it was trained with",
                    why.message, net == PXS_NET_G ? "ngf" : "ndf",
                    (int)(net == PXS_NET_G ? p->ngf : p->ndf), (int)p->channels);
}

/* Opens a file and checks that it holds this network's weights; does not read the data. */
static enum pxs_status open_fitting(const struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                                    struct pxs_safetensors **out, struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    PXS_TRY(pxs_safetensors_open(path, &file, err));
    enum pxs_status status = check_names(m, net, file, path, err);
    if (status != PXS_OK)
        goto out;
    status = check_shapes(m, net, file, err);
    if (status != PXS_OK)
        goto out;
    *out = file;
    file = NULL;
out:
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

enum pxs_status pxs_pix2pix_load(struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                                 struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    PXS_TRY(open_fitting(m, net, path, &file, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < m->n_weights[net]; i++) {
        /* nn.grad has room for the largest weight and is free between steps. */
        struct pxs_weight *w = m->weights[net][i];
        status = pxs_safetensors_read(file, w->name, w->rank, w->dims, m->nn.grad, err);
        if (status != PXS_OK)
            break;
        pxs_weight_from_torch(w, m->nn.grad, w->value);
        memset(w->m, 0, w->count * sizeof *w->m);
        memset(w->v, 0, w->count * sizeof *w->v);
    }
    pxs_safetensors_destroy(&file);
    return status;
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
