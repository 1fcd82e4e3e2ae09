/* Looking at nodes, and merging them. */
#include "config_priv.h"

#include <string.h>

void *pxs_config_alloc(struct pxs_config *c, struct pxs_diags *d, size_t bytes) {
    void *memory = pxs_arena_alloc(&c->arena, bytes);
    d->nomem = d->nomem || !memory;
    return memory;
}

static const struct pxs_entry *find(const struct pxs_node *mapping, const char *key) {
    for (size_t i = 0; mapping && mapping->kind == PXS_NODE_MAPPING && i < mapping->n; i++)
        if (strcmp(mapping->items[i].key->text, key) == 0)
            return &mapping->items[i];
    return NULL;
}

const struct pxs_node *pxs_node_get(const struct pxs_node *mapping, const char *key) {
    const struct pxs_entry *entry = find(mapping, key);
    return entry ? entry->value : NULL;
}

bool pxs_node_is_null(const struct pxs_node *node) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < PXS_COUNT(words) && node->kind == PXS_NODE_SCALAR && !node->quoted; i++)
        if (strcmp(node->text, words[i]) == 0)
            return true;
    return false;
}

bool pxs_node_is_word(const struct pxs_node *node, const char *word) {
    return node->kind == PXS_NODE_SCALAR && !node->quoted && strcmp(node->text, word) == 0;
}

const char *pxs_node_kind_name(const struct pxs_node *node) {
    static const char *const names[] = {"a single value", "a list", "a mapping"};
    return names[node->kind];
}

struct pxs_node *pxs_node_new(struct pxs_config *c, struct pxs_diags *d, enum pxs_node_kind kind,
                              const struct pxs_node *place) {
    struct pxs_node *node = pxs_config_alloc(c, d, sizeof *node);
    if (node)
        *node = (struct pxs_node){.kind = kind,
                                  .line = place->line,
                                  .column = place->column,
                                  .source = place->source,
                                  .weight = 1};
    return node;
}

const struct pxs_node *pxs_node_merge(struct pxs_config *c, struct pxs_diags *d,
                                      const struct pxs_node *under, const struct pxs_node *over) {
    if (!under || !over)
        return over ? over : under;
    if (under->kind != PXS_NODE_MAPPING || over->kind != PXS_NODE_MAPPING)
        return over;
    if (over->source->is_set && over->n == 0) /* --set sweep.grid={} empties it */
        return over;
    struct pxs_node *merged = pxs_node_new(c, d, PXS_NODE_MAPPING, over);
    struct pxs_entry *items = pxs_config_alloc(c, d, (under->n + over->n) * sizeof *items);
    if (!merged || !items)
        return over;
    size_t n = 0;
    for (size_t i = 0; i < under->n; i++) {
        const struct pxs_entry *older = &under->items[i], *newer = find(over, older->key->text);
        items[n].key = newer ? newer->key : older->key;
        items[n++].value = pxs_node_merge(c, d, older->value, newer ? newer->value : NULL);
    }
    for (size_t i = 0; i < over->n; i++)
        if (!find(under, over->items[i].key->text))
            items[n++] = over->items[i];
    merged->items = items;
    merged->n = n;
    return merged;
}

bool pxs_node_as_value(const struct pxs_node *node, int key, char list[PXS_LIST_TEXT],
                       const char **text) {
    *text = node->kind == PXS_NODE_SCALAR ? node->text : list;
    if (node->kind == PXS_NODE_SCALAR)
        return true;
    if (node->kind != PXS_NODE_SEQUENCE || pxs_param_info(key)->type != PXS_TYPE_INTS)
        return false;
    int used = snprintf(list, PXS_LIST_TEXT, "[");
    for (size_t i = 0; i < node->n && used < PXS_LIST_TEXT; i++) {
        const struct pxs_node *item = node->items[i].value;
        bool plain = item->kind == PXS_NODE_SCALAR && !item->quoted;
        used += snprintf(list + used, (size_t)(PXS_LIST_TEXT - used), "%s%s", i ? "," : "",
                         plain ? item->text : "?");
    }
    if (used < PXS_LIST_TEXT) /* what is longer is refused for having too many numbers */
        snprintf(list + used, (size_t)(PXS_LIST_TEXT - used), "]");
    return true;
}

const char *pxs_value_words(int key) {
    return pxs_param_info(key)->type == PXS_TYPE_INTS ? "list of integers" : "single value";
}
