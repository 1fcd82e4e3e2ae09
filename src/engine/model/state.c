/* Saves and loads everything that a training step changes: the tensors of both networks and their
 * moments. */
#include "model_priv.h"

#include "pixsweep/tensor.h"

#include <stdlib.h>
#include <string.h>

enum { PARTS = 3, MAX_TENSORS = 2 * MAX_WEIGHTS * PARTS };

/* One tensor of the file. */
struct state_tensor {
    struct pxs_weight *weight;
    int part;      /* 0 value, 1 m, 2 v */
    uint32_t *crc; /* of all bytes written so far */
    char name[160];
};

struct state {
    struct state_tensor tensor[MAX_TENSORS];
    struct pxs_safetensors_entry entry[MAX_TENSORS + 1];
    size_t n;
    /* the first count; counts stand behind all else */
    size_t first_count;
    uint32_t crc;
};

static float *part_of(const struct pxs_weight *w, int part) {
    return part == 0 ? w->value : part == 1 ? w->m : w->v;
}

static void fill_tensor(const void *user, float *out) {
    const struct state_tensor *t = user;
    pxs_weight_to_torch(t->weight, part_of(t->weight, t->part), out);
    *t->crc = pxs_crc32c(*t->crc, out, t->weight->count * sizeof *out);
}

static bool is_count(const struct pxs_weight *w) {
    return w->kind == PXS_WEIGHT_BATCHES;
}

/* The writer takes counts as they are, without fill_tensor. */
static void fill_checksum(const void *user, float *out) {
    const struct state *s = user;
    uint32_t crc = s->crc;
    for (size_t i = s->first_count; i < s->n; i++)
        crc = pxs_crc32c(crc, &s->tensor[i].weight->batches, sizeof s->tensor[i].weight->batches);
    memcpy(out, &crc, sizeof crc);
}

static void add_tensor(struct state *s, int net, struct pxs_weight *w, int part) {
    static const char *const nets[] = {[PXS_NET_G] = "generator", [PXS_NET_D] = "discriminator"};
    static const char *const suffix[PARTS] = {"", ".m", ".v"};
    struct state_tensor *t = &s->tensor[s->n];
    *t = (struct state_tensor){.weight = w, .part = part, .crc = &s->crc};
    snprintf(t->name, sizeof t->name, "%s.%s%s", nets[net], w->name, suffix[part]);
    s->entry[s->n] = (struct pxs_safetensors_entry){.name = t->name,
                                                    .rank = w->rank,
                                                    .fill = fill_tensor,
                                                    .user = t,
                                                    .count = is_count(w) ? &w->batches : NULL};
    memcpy(s->entry[s->n].dims, w->dims, sizeof w->dims);
    s->n++;
}

static void list_tensors(struct pxs_pix2pix *m, struct state *s) {
    for (int net = 0; net < 2; net++)
        for (size_t i = 0; i < m->n_weights[net]; i++) {
            struct pxs_weight *w = m->weights[net][i];
            for (int part = 0; part < (w->fixed ? 1 : PARTS) && !is_count(w); part++)
                add_tensor(s, net, w, part);
        }
    s->first_count = s->n;
    for (int net = 0; net < 2; net++)
        for (size_t i = 0; i < m->n_weights[net]; i++)
            if (is_count(m->weights[net][i]))
                add_tensor(s, net, m->weights[net][i], 0);
}

enum pxs_status pxs_pix2pix_save_state(struct pxs_pix2pix *m, const char *path,
                                       const char *const *metadata,
                                       const struct pxs_file_guard *guard, uint32_t crc,
                                       struct pxs_error *err) {
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        return pxs_fail_nomem(err);
    s->crc = crc;
    list_tensors(m, s);
    s->entry[s->n] = (struct pxs_safetensors_entry){
        .name = "checksum", .rank = 1, .dims = {1}, .fill = fill_checksum, .user = s};
    enum pxs_status status =
        pxs_safetensors_write(path, s->entry, s->n + 1, metadata, guard, NULL, NULL, err);
    free(s);
    return status;
}

enum pxs_status pxs_pix2pix_load_state(struct pxs_pix2pix *m, const char *path,
                                       struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        return pxs_fail_nomem(err);
    list_tensors(m, s);
    enum pxs_status status = pxs_safetensors_open(path, &file, err);

    if (status != PXS_OK)
        goto out;

    /* First checks all tensors, then copies: a file that does not fit changes nothing. */
    for (size_t i = 0; i < s->n; i++) {
        const struct pxs_weight *w = s->tensor[i].weight;
        int64_t count;
        status = is_count(w)
                     ? pxs_safetensors_read_count(file, s->tensor[i].name, &count, err)
                     : pxs_safetensors_expect(file, s->tensor[i].name, w->rank, w->dims, err);
        if (status != PXS_OK)
            goto out;
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct state_tensor *t = &s->tensor[i];
        struct pxs_weight *w = t->weight;
        status = is_count(w)
                     ? pxs_safetensors_read_count(file, t->name, &w->batches, err)
                     : pxs_safetensors_read(file, t->name, w->rank, w->dims, m->nn.grad, err);
        if (status != PXS_OK)
            goto out;
        if (!is_count(w))
            pxs_weight_from_torch(w, m->nn.grad, part_of(w, t->part));
    }
out:
    pxs_safetensors_destroy(&file);
    free(s);
    return status;
}
