/* The border to PyTorch: weights as safetensors under PyTorch-GAN's state_dict names and shapes. */
#include "model_priv.h"

#include "pixsweep/tensor.h"

#include <stdlib.h>
#include <string.h>

/* In the lab's 64 px generator, never used in its forward pass. */
static const char unused_tensor[] = "down7.model.0.weight";

static void fill_torch(const void *user, float *out) {
    const struct pxs_weight *w = user;
    pxs_weight_to_torch(w, w->value, out);
}

enum pxs_status pxs_pix2pix_save(struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                                 const char *const *metadata, char sha256[PXS_SHA256_HEX], uint64_t *bytes,
                                 struct pxs_error *err) {
    struct pxs_safetensors_entry entries[MAX_WEIGHTS] = {0};
    for (size_t i = 0; i < m->n_weights[net]; i++) {
        const struct pxs_weight *w = m->weights[net][i];
        entries[i] =
            (struct pxs_safetensors_entry){.name = w->name, .rank = w->rank, .fill = fill_torch, .user = w};
        memcpy(entries[i].dims, w->dims, sizeof entries[i].dims);
    }
    return pxs_safetensors_write(path, entries, m->n_weights[net], metadata, sha256, bytes, err);
}

/* Names as a set, before shapes: a file of another network is told as such. */
static enum pxs_status check_names(struct pxs_pix2pix *m, enum pxs_net net,
                                   const struct pxs_safetensors *file, const char *path,
                                   struct pxs_error *err) {
    const char *what = net == PXS_NET_G ? "generator" : "discriminator";
    for (size_t i = 0; i < m->n_weights[net]; i++)
        if (!pxs_safetensors_find(file, m->weights[net][i]->name))
            return pxs_fail(err, PXS_E_INVALID,
                            "%s: no tensor %s: these are not the weights of this %s (%s, %lldx%lld)", path,
                            m->weights[net][i]->name, what, net == PXS_NET_G ? "unet" : "patch",
                            (long long)m->params.img_height, (long long)m->params.img_width);
    for (size_t k = 0; k < pxs_safetensors_count(file); k++) {
        const char *name = pxs_safetensors_at(file, k)->name;
        bool known = !strcmp(name, unused_tensor);
        for (size_t i = 0; i < m->n_weights[net] && !known; i++)
            known = !strcmp(name, m->weights[net][i]->name);
        if (!known)
            return pxs_fail(err, PXS_E_INVALID, "%s: tensor %s is not part of this %s", path, name, what);
    }
    return PXS_OK;
}

static void take_weight(struct pxs_weight *w, const float *torch) {
    pxs_weight_from_torch(w, torch, w->value);
    memset(w->m, 0, w->count * sizeof *w->m);
    memset(w->v, 0, w->count * sizeof *w->v);
}

/* First every tensor is read and dropped, so that a file that does not fit changes nothing. nn.grad is as large as the largest weight
 * and free between steps. */
static enum pxs_status read_weights(struct pxs_pix2pix *m, enum pxs_net net,
                                    const struct pxs_safetensors *file, struct pxs_error *err) {
    for (int take = 0; take < 2; take++)
        for (size_t i = 0; i < m->n_weights[net]; i++) {
            struct pxs_weight *w = m->weights[net][i];
            PXS_TRY(pxs_safetensors_read(file, w->name, w->rank, w->dims, m->nn.grad, err));
            if (take)
                take_weight(w, m->nn.grad);
        }
    return PXS_OK;
}

enum pxs_status pxs_pix2pix_load(struct pxs_pix2pix *m, enum pxs_net net, const char *path,
                                 struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    PXS_TRY(pxs_safetensors_open(path, &file, err));
    enum pxs_status status = check_names(m, net, file, path, err);
    if (status == PXS_OK)
        status = read_weights(m, net, file, err);
    pxs_safetensors_destroy(&file);
    return status;
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
