/* Files to layers: reads the named file and what it extends, lowest first, and the top level of
 * each. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

void pxs_layer_state(struct pxs_diags *d, struct pxs_layer *layer, int key,
                     const struct pxs_node *key_node, const struct pxs_node *value) {
    struct pxs_error err = {0};
    const char *name = pxs_param_info(key)->key, *text;
    char list[PXS_LIST_TEXT];
    layer->keys[key] = key_node;
    if (!pxs_node_as_value(value, key, list, &text)) {
        struct pxs_text remedy = {0};
        pxs_explain_list(key, value, &remedy);
        pxs_diag_node(d, value, "%s takes a %s, not %s%s", name, pxs_value_words(key),
                      pxs_node_kind_name(value), pxs_text_str(&remedy));
        pxs_text_finish(&remedy);
        return;
    }
    const bool path = pxs_param_info(key)->type == PXS_TYPE_PATH;
    if (path && !pxs_check_plain_text(d, value))
        return;
    enum pxs_status status =
        pxs_params_set(&layer->values, key, text, value->quoted, value->source->dir, &err);
    if (status != PXS_OK && path) {
        pxs_diag_text(d, value, "%s", err.message);
    } else if (status != PXS_OK) {
        struct pxs_text remedy = {0};
        pxs_explain_list(key, value, &remedy);
        pxs_diag_node(d, value, "%s%s", err.message, pxs_text_str(&remedy));
        pxs_text_finish(&remedy);
    }
}

/* Reads the top level of a file into its layer. */
static bool read_layer(struct pxs_config *c, struct pxs_diags *d, struct pxs_source *s) {
    struct pxs_layer *layer = pxs_config_alloc(c, d, sizeof *layer);
    int param;
    if (!layer)
        return false;
    s->layer = layer;
    layer->source = s;
    pxs_params_default(&layer->values);
    if (!s->root || (s->root->kind == PXS_NODE_SCALAR && pxs_node_is_null(s->root))) {
        pxs_diag_at(d, s, 0, 0, "the file is empty");
        return false;
    }
    if (s->root->kind != PXS_NODE_MAPPING) {
        pxs_diag_node(d, s->root, "an experiment file is a mapping (key: value), not %s",
                      pxs_node_kind_name(s->root));
        return false;
    }
    for (size_t i = 0; i < s->root->n; i++) {
        const struct pxs_node *key = s->root->items[i].key, *value = s->root->items[i].value;
        if (strcmp(key->text, "name") == 0)
            layer->name = value;
        else if (strcmp(key->text, "extends") == 0)
            layer->extends = value;
        else if (strcmp(key->text, "sweep") == 0)
            layer->sweep = value;
        else if (strcmp(key->text, "run") == 0)
            layer->run = value;
        else if (pxs_key_of_node(d, key, "", &param))
            pxs_layer_state(d, layer, param, key, value);
    }
    return true;
}

/* ---- extends -------------------------------------------------------------------------------- */

static bool load(struct pxs_config *c, struct pxs_diags *d, const char *name, const char *path,
                 const struct pxs_node *from);

/* Names the files from the first one on that is still open, back to itself. */
static void report_circle(struct pxs_config *c, struct pxs_diags *d, const struct pxs_source *back,
                          const struct pxs_node *from) {
    struct pxs_text text = {0};
    bool inside = false;
    for (size_t i = 0; i < c->n_sources; i++) {
        inside = inside || c->sources[i] == back;
        if (inside && c->sources[i]->open)
            pxs_text_addf(&text, "%s -> ", c->sources[i]->name);
    }
    pxs_diag_text(d, from, "extends goes in a circle: %s%s", pxs_text_str(&text), back->name);
    pxs_text_finish(&text);
}

/* False, after a diagnostic, where it leads to no file that can be read. */
static bool follow(struct pxs_config *c, struct pxs_diags *d, const struct pxs_source *s,
                   const struct pxs_node *node) {
    char path[PXS_PATH_MAX], name[PXS_PATH_MAX], folder[PXS_PATH_MAX];
    if (node->kind != PXS_NODE_SCALAR || pxs_node_is_null(node) || node->text[0] == '\0') {
        pxs_diag_node(d, node, "extends takes a file's path or a list of them");
        return false;
    }
    if (!pxs_check_plain_text(d, node))
        return false;
    if (!pxs_path_join(path, sizeof path, s->dir, node->text) ||
        !pxs_path_dir(folder, sizeof folder, s->name) ||
        !pxs_path_join(name, sizeof name, folder, node->text)) {
        pxs_diag_text(d, node, "this path is too long");
        return false;
    }
    return load(c, d, name, path, node);
}

/* Reads the file `path`, then what it extends, and adds their layers, lowest first. False, after a
 * diagnostic, where the file cannot be read or is part of a circle. */
static bool load(struct pxs_config *c, struct pxs_diags *d, const char *name, const char *path,
                 const struct pxs_node *from) {
    if (c->n_layers >= PXS_LAYERS_MAX || c->n_sources >= PXS_LAYERS_MAX) {
        pxs_diag_text(d, from, "extends leads to more than %d files", PXS_LAYERS_MAX);
        return false;
    }
    struct pxs_source *s = NULL;
    for (size_t i = 0; i < c->n_sources && !s; i++)
        if (c->sources[i]->path && strcmp(c->sources[i]->path, path) == 0)
            s = c->sources[i];
    if (s) {
        if (!s->root || !s->layer) /* read before; it was faulty, which has been reported */
            return false;
    } else {
        s = pxs_source_read(c, d, name, path, from);
        if (!s || !pxs_yaml_parse(c, d, s, s->text) || !read_layer(c, d, s))
            return false;
    }
    if (s->open) {
        report_circle(c, d, s, from);
        return false;
    }

    s->open = true;
    const struct pxs_node *extends = s->layer->extends;
    if (extends && extends->kind != PXS_NODE_SEQUENCE)
        c->incomplete = !follow(c, d, s, extends) || c->incomplete;
    for (size_t i = 0; extends && extends->kind == PXS_NODE_SEQUENCE && i < extends->n; i++)
        c->incomplete = !follow(c, d, s, extends->items[i].value) || c->incomplete;
    s->open = false;
    if (c->n_layers < PXS_LAYERS_MAX)
        c->layers[c->n_layers++] = s->layer;
    return true;
}

/* ---- together ------------------------------------------------------------------------------- */

void pxs_load_files(struct pxs_config *c, struct pxs_diags *d, const char *path) {
    char absolute[PXS_PATH_MAX], shown[PXS_PATH_MAX];
    pxs_params_default(&c->base);
    if (!pxs_path_absolute(absolute, sizeof absolute, path) ||
        !pxs_path_join(shown, sizeof shown, NULL, path)) {
        d->nomem = true;
        return;
    }
    load(c, d, shown, absolute, NULL);
    /* Each layer over those below it. */
    for (size_t i = 0; i < c->n_layers; i++) {
        const struct pxs_layer *layer = c->layers[i];
        for (int key = 0; key < PXS_PARAM_COUNT; key++) {
            struct pxs_param_value value = pxs_params_get(&layer->values, key);
            if (!layer->keys[key] || !pxs_params_put(&c->base, key, &value))
                continue;
            c->base_rank[key] = (int)i + 1;
            c->base_where[key] = layer->keys[key];
        }
        c->sweep_node = pxs_node_merge(c, d, c->sweep_node, layer->sweep);
        c->run_node = pxs_node_merge(c, d, c->run_node, layer->run);
    }
}
