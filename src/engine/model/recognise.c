/* Finds out from names and shapes which network a file of weights is of: describes one network
 * after the other as it would be with the file's own widths, and compares. So a new network is
 * recognised as soon as it is in the tables. */
#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

/* Sides that are tried: a U-Net has as many halvings as its shorter side. */
enum { LEAST_SIDE = 32, MOST_SIDE = 1024 };

static bool put_int(struct pxs_params *p, int key, int64_t value) {
    const struct pxs_param_value v = {.kind = PXS_VALUE_INTEGER, .integer = value};
    return pxs_params_put(p, key, &v);
}

/* Widths and channels as the first layer has them in the file, where it is there. */
static bool take_widths(struct pxs_pix2pix *m, enum pxs_net net,
                        const struct pxs_safetensors *file) {
    const struct pxs_safetensors_info *first = pxs_safetensors_find(file, m->weights[net][0]->name);
    const bool g = net == PXS_NET_G;
    return first && first->rank == 4 && (g || first->dims[1] % 2 == 0) &&
           put_int(&m->params, g ? PXS_PARAM_ngf : PXS_PARAM_ndf, first->dims[0]) &&
           put_int(&m->params, PXS_PARAM_channels, g ? first->dims[1] : first->dims[1] / 2);
}

/* The best candidate so far. */
struct search {
    const struct pxs_safetensors *file;
    struct pxs_pix2pix *m; /* described as the candidate */
    struct pxs_recognised *best;
    struct model_misfit fit; /* of it; its name points into `tensor` */
    char tensor[sizeof((struct pxs_weight *)0)->name];
    bool any;
};

static bool consider(struct search *s, enum pxs_net net, const struct pxs_params *p) {
    struct pxs_params checked = *p;
    snprintf(checked.dataset, sizeof checked.dataset, "/"); /* the check asks that one is named */
    if (pxs_params_check(&checked, NULL, NULL) != PXS_OK)
        return false;
    s->m->params = *p;
    model_describe(s->m);
    if (!take_widths(s->m, net, s->file))
        return false;
    model_describe(s->m);
    const struct model_misfit fit = model_compare(s->m, net, s->file);
    if (s->any && fit.kind != MODEL_FITS && fit.common <= s->fit.common)
        return false;
    s->any = true;
    snprintf(s->tensor, sizeof s->tensor, "%s", fit.name ? fit.name : "");
    s->fit = fit;
    s->fit.name = s->tensor;
    s->best->net = net;
    s->best->params = s->m->params;
    return fit.kind == MODEL_FITS;
}

static bool try_norms(struct search *s, enum pxs_net net, struct pxs_params *p) {
    for (int i = 0; i < PXS_VALUES_network_norm; i++) {
        p->norm = i;
        if (consider(s, net, p))
            return true;
    }
    return false;
}

/* With and without dropout, which is a module of its own in a ResNet's blocks. */
static bool try_generator(struct search *s, int generator) {
    static const double dropouts[] = {0.5, 0};
    struct pxs_params p;
    pxs_params_default(&p);
    p.generator = generator;
    for (size_t i = 0; i < PXS_COUNT(dropouts); i++)
        for (int side = LEAST_SIDE; side <= MOST_SIDE; side *= 2) {
            p.dropout = dropouts[i];
            if (put_int(&p, PXS_PARAM_img_height, side) && put_int(&p, PXS_PARAM_img_width, side) &&
                try_norms(s, PXS_NET_G, &p))
                return true;
        }
    return false;
}

static bool try_discriminator(struct search *s, int discriminator) {
    struct pxs_params p;
    pxs_params_default(&p);
    p.discriminator = discriminator;
    p.img_height = p.img_width = 256;
    if (!pxs_params_effective(&p, PXS_PARAM_n_layers_D))
        return try_norms(s, PXS_NET_D, &p);
    for (int n = 1; put_int(&p, PXS_PARAM_n_layers_D, n); n++)
        if (try_norms(s, PXS_NET_D, &p))
            return true;
    return false;
}

static int halvings(const struct pxs_pix2pix *m, enum pxs_net net) {
    int n = 0;
    for (size_t i = 0; i < m->net[net].n_layers; i++) {
        const struct pxs_layer_spec *l = &m->net[net].layer[i].spec;
        n += l->kind == PXS_LAYER_CONV && l->stride == 2;
    }
    return n;
}

static void describe(const struct pxs_pix2pix *m, struct pxs_recognised *r) {
    const struct pxs_params *p = &r->params;
    const bool g = r->net == PXS_NET_G;
    const char *name = g ? pxs_param_info(PXS_PARAM_generator)->names[p->generator]
                         : pxs_param_info(PXS_PARAM_discriminator)->names[p->discriminator];
    snprintf(r->words, sizeof r->words,
             "a %s %s of %d halvings with %s %d, norm %s and channels %d",
             g ? "generator" : "discriminator", name, halvings(m, r->net), g ? "ngf" : "ndf",
             (int)(g ? p->ngf : p->ndf), pxs_params_get(p, PXS_PARAM_norm).text, (int)p->channels);
}

/* True where one fits; else *s has the nearest, if any has a name in common. */
static bool search(struct search *s) {
    bool found = false;
    for (int i = 0; i < PXS_VALUES_generator && !found; i++)
        found = try_generator(s, i);
    for (int i = 0; i < PXS_VALUES_discriminator && !found; i++)
        found = try_discriminator(s, i);
    if (s->any) {
        s->m->params = s->best->params;
        model_describe(s->m);
        describe(s->m, s->best);
    }
    return found;
}

bool model_recognise(const struct pxs_safetensors *file, struct pxs_recognised *out) {
    struct search s = {.file = file, .m = calloc(1, sizeof *s.m), .best = out};
    const bool found = s.m && search(&s);
    free(s.m);
    return found;
}

enum pxs_status pxs_weights_recognise(const char *path, struct pxs_recognised *out,
                                      struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    struct pxs_recognised found = {.words = ""};
    struct search s = {.m = calloc(1, sizeof *s.m), .best = &found};
    enum pxs_status status = s.m ? pxs_safetensors_open(path, &file, err) : pxs_fail_nomem(err);
    if (status != PXS_OK)
        goto out;
    s.file = file;
    if (search(&s)) {
        *out = found;
        goto out;
    }
    static const char *const differs[] = {[MODEL_LACKS] = "lacks the tensor",
                                          [MODEL_HAS_MORE] = "has the tensor beyond it,",
                                          [MODEL_DIFFERS] = "has another shape or type of"};
    struct pxs_error why = {.status = PXS_OK};
    if (s.any && s.fit.kind == MODEL_DIFFERS)
        model_why_differs(s.m, found.net, file, s.tensor, &why);
    if (why.status == PXS_E_UNSUPPORTED) /* the names and shapes are right, the type is not read */
        status = pxs_fail(err, why.status, "%s", why.message);
    else if (s.any && model_fail_statistics(&s.fit, path, err))
        status = PXS_E_INVALID;
    else if (s.any)
        status = pxs_fail(err, PXS_E_INVALID,
                          "%s: these are the weights of no network that is known here; the nearest "
                          "is %s, but the file %s %s",
                          path, found.words, differs[s.fit.kind], s.tensor);
    else
        status = pxs_fail(err, PXS_E_INVALID,
                          "%s: these are the weights of no network that is known here; its first "
                          "tensor is %s",
                          path,
                          pxs_safetensors_count(file) > 0 ? pxs_safetensors_at(file, 0)->name
                                                          : "missing: the file is empty");
out:
    pxs_safetensors_destroy(&file);
    free(s.m);
    return status;
}

enum pxs_status pxs_weights_config(const char *path, struct pxs_params *params, bool *stated,
                                   struct pxs_error *err) {
    struct pxs_safetensors *file = NULL;
    struct pxs_params p = *params;
    struct pxs_error why;
    PXS_TRY(pxs_safetensors_open(path, &file, err));
    const bool any = pxs_safetensors_metadata(file, "pixsweep") &&
                     pxs_safetensors_metadata(file, pxs_param_info(PXS_PARAM_generator)->key);
    enum pxs_status status = PXS_OK;
    for (int key = 0; any && key < PXS_PARAM_COUNT && status == PXS_OK; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        const char *text =
            info->type == PXS_TYPE_PATH ? NULL : pxs_safetensors_metadata(file, info->key);
        if (text && pxs_params_set(&p, key, text, false, NULL, &why) != PXS_OK)
            status = pxs_fail(err, PXS_E_UNSUPPORTED,
                              "%s: its metadata says %s: %.60s, which is not known here; pixsweep "
                              "%.40s wrote it",
                              path, info->key, text, pxs_safetensors_metadata(file, "pixsweep"));
    }
    if (status == PXS_OK)
        *params = p;
    if (status == PXS_OK && stated)
        *stated = any;
    pxs_safetensors_destroy(&file);
    return status;
}
