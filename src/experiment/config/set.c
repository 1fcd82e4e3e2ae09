/* --set key=value: a layer above all files. Hyperparameters and the name take the text as it
 * stands; what goes into `sweep` or `run` is read as YAML, so that sweep.seeds=[1, 2] works. */
#include "config_priv.h"

#include <string.h>

static struct pxs_node *scalar(struct pxs_config *c, struct pxs_diags *d, struct pxs_source *s,
                               const char *text, size_t bytes) {
    struct pxs_node place = {.source = s, .line = 1, .column = 1};
    struct pxs_node *node = pxs_node_new(c, d, PXS_NODE_SCALAR, &place);
    char *copy = pxs_config_alloc(c, d, bytes + 1);
    if (!node || !copy)
        return NULL;
    memcpy(copy, text, bytes);
    node->text = copy;
    return node;
}

/* {a: {b: value}} for the dotted key "a.b". */
static const struct pxs_node *wrap(struct pxs_config *c, struct pxs_diags *d, struct pxs_source *s,
                                   const char *dotted, const struct pxs_node *value) {
    size_t end = strlen(dotted);
    while (value && end > 0) {
        size_t begin = end;
        while (begin > 0 && dotted[begin - 1] != '.')
            begin--;
        struct pxs_entry *entry = pxs_config_alloc(c, d, sizeof *entry);
        struct pxs_node *key = scalar(c, d, s, dotted + begin, end - begin);
        struct pxs_node *mapping = key ? pxs_node_new(c, d, PXS_NODE_MAPPING, key) : NULL;
        if (!entry || !mapping)
            return NULL;
        *entry = (struct pxs_entry){key, value};
        mapping->items = entry;
        mapping->n = 1;
        value = mapping;
        end = begin > 0 ? begin - 1 : 0;
    }
    return value;
}

/* `rest` is what follows "sweep" or "run": "" or ".a.b". */
static void set_in_tree(struct pxs_config *c, struct pxs_diags *d, struct pxs_source *s,
                        const char *rest, const struct pxs_node **tree) {
    if (!pxs_yaml_parse(c, d, s, s->text))
        return;
    const struct pxs_node *value = s->root ? s->root : scalar(c, d, s, "", 0);
    if (*rest == '.')
        value = wrap(c, d, s, rest + 1, value);
    *tree = pxs_node_merge(c, d, *tree, value);
}

static bool is_in(const char *key, const char *word) {
    size_t n = strlen(word);
    return strncmp(key, word, n) == 0 && (key[n] == '\0' || (key[n] == '.' && key[n + 1]));
}

static void set_plain(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *key,
                      const struct pxs_node *value) {
    int param;
    if (strcmp(key->text, "name") == 0) {
        c->set.name = value;
    } else if (strcmp(key->text, "extends") == 0) {
        pxs_diag_node(d, key, "extends cannot be set from outside: write it into a file");
    } else if (pxs_key_of_node(d, key, "", &param)) {
        if (c->set.keys[param])
            pxs_diag_node(d, key, "%s is set twice: also with %s", key->text,
                          c->set.keys[param]->source->name);
        if (strchr(" \t", value->text[0]) && value->text[0] &&
            pxs_param_info(param)->type != PXS_TYPE_PATH)
            pxs_diag_at(d, key->source, 0, 0, "no blanks around '=': type %s=%s", key->text,
                        value->text + strspn(value->text, " \t"));
        else
            pxs_layer_state(d, &c->set, param, key, value);
    }
}

static void set_option(struct pxs_config *c, struct pxs_diags *d, const char *option) {
    struct pxs_source *s = pxs_source_of_set(c, d, option);
    if (!s)
        return;
    const char *equals = strchr(option, '=');
    if (!equals || equals == option) {
        const char *wide = strstr(option, "\xef\xbc\x9d"), *colon = strchr(option, ':');
        if (wide)
            pxs_diag_at(d, s, 0, 0, "this equals sign is the full-width '\xef\xbc\x9d': type '='");
        else
            pxs_diag_at(d, s, 0, 0, "expected key=value%s",
                        colon || strstr(option, "\xef\xbc\x9a") ? ", with '=' in place of the colon"
                                                                : "");
        return;
    }
    if (strchr(" \t", equals[-1])) {
        int n = (int)(equals - option);
        while (n > 0 && strchr(" \t", option[n - 1]))
            n--;
        pxs_diag_at(d, s, 0, 0, "no blanks around '=': type %.*s=%s", n, option,
                    equals + 1 + strspn(equals + 1, " \t"));
        return;
    }
    struct pxs_node *key = scalar(c, d, s, option, (size_t)(equals - option));
    struct pxs_node *value = scalar(c, d, s, s->text, s->bytes);
    if (!key || !value)
        return;
    if (is_in(key->text, "sweep")) {
        static const char *const alike[] = {"sweep.seeds", "sweep.prune", "sweep.race"};
        bool harmless = false;
        for (size_t i = 0; i < PXS_COUNT(alike); i++)
            harmless = harmless || is_in(key->text, alike[i]);
        c->sweep_set = c->sweep_set || !harmless;
        set_in_tree(c, d, s, key->text + strlen("sweep"), &c->sweep_node);
    } else if (is_in(key->text, "run"))
        set_in_tree(c, d, s, key->text + strlen("run"), &c->run_node);
    else
        set_plain(c, d, key, value);
}

void pxs_load_sets(struct pxs_config *c, struct pxs_diags *d, const char *const *sets,
                   size_t n_sets) {
    pxs_params_default(&c->set.values);
    for (size_t i = 0; i < n_sets; i++)
        set_option(c, d, sets[i]);
}
