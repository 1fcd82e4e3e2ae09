/* YAML text to nodes with positions. The one file that knows libyaml. What it refuses, each with a
 * message of its own: tabs as indentation, duplicate keys, merge keys, tags, lists as keys, several
 * documents, nesting beyond PXS_DEPTH_MAX, aliases that contain themselves or unfold too far.
 * Scalars stay text: their key decides what they are. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct frame {
    struct pxs_node *node;
    struct pxs_entry *items; /* growing; moved to the arena at the end */
    size_t n, cap;
    const struct pxs_node *key; /* of a mapping: read, while its value is not */
};

struct anchor {
    const char *name;
    const struct pxs_node *node; /* open while its frame is on the stack */
};

struct builder {
    struct pxs_config *c;
    struct pxs_diags *d;
    struct pxs_source *source;
    yaml_parser_t parser;
    struct frame stack[PXS_DEPTH_MAX];
    size_t depth;
    struct anchor anchors[PXS_ANCHORS_MAX];
    size_t n_anchors, documents;
    uint64_t nodes;
    const struct pxs_node *root;
    bool done;
};

static bool fail_at(struct builder *b, yaml_mark_t mark, const char *fmt, ...) PXS_PRINTF(3, 4);
static bool fail_at(struct builder *b, yaml_mark_t mark, const char *fmt, ...) {
    struct pxs_text text = {0};
    va_list ap;
    va_start(ap, fmt);
    pxs_text_addv(&text, fmt, ap);
    va_end(ap);
    pxs_diag_at(b->d, b->source, mark.line + 1, mark.column + 1, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
    return false;
}

/* ---- libyaml's errors ----------------------------------------------------------------------- */

/* The character at a mark. */
static char character_at(const struct pxs_source *source, yaml_mark_t mark) {
    size_t bytes, at = 0;
    const char *line = pxs_source_line(source, mark.line + 1, &bytes);
    for (size_t i = 0; i < mark.column && at < bytes; i++) {
        size_t length = pxs_utf8_decode(line + at, bytes - at, NULL);
        at += length ? length : 1;
    }
    return at < bytes ? line[at] : '\n';
}

static bool report_syntax(struct builder *b) {
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        b->d->nomem = true;
        return false;
    }
    if (character_at(b->source, p->problem_mark) == '\t')
        return fail_at(b, p->problem_mark, "a tab cannot stand here: indent with spaces");
    if (pxs_scan_lookalikes(b->d, b->source))
        return false;
    if (character_at(b->source, p->problem_mark) == '%')
        return fail_at(b, p->problem_mark, "a plain value cannot begin with %%: put it in quotes");
    const char *problem = p->problem ? p->problem : "unreadable";
    if (p->context &&
        p->problem_mark.line + 1 >= b->source->n_lines) /* the end is not where the mistake is */
        return fail_at(b, p->context_mark, "this is not YAML: %s, %s that begins here", problem,
                       p->context);
    if (p->context && p->context_mark.line != p->problem_mark.line)
        return fail_at(b, p->problem_mark, "this is not YAML: %s, %s that began at line %zu",
                       problem, p->context, p->context_mark.line + 1);
    return fail_at(b, p->problem_mark, "this is not YAML: %s%s%s", problem, p->context ? ", " : "",
                   p->context ? p->context : "");
}

/* ---- building ------------------------------------------------------------------------------- */

static struct pxs_node *new_node(struct builder *b, enum pxs_node_kind kind, yaml_mark_t mark) {
    struct pxs_node *node = pxs_config_alloc(b->c, b->d, sizeof *node);
    if (node)
        *node = (struct pxs_node){.kind = kind,
                                  .line = (int)mark.line + 1,
                                  .column = (int)mark.column + 1,
                                  .source = b->source,
                                  .weight = 1};
    return node;
}

/* A finished scalar, an alias, or a list or mapping that just ended goes into what surrounds it. */
static bool place(struct builder *b, const struct pxs_node *node, yaml_mark_t mark, bool alias) {
    if (b->depth == 0) {
        b->root = node;
        return true;
    }
    struct frame *f = &b->stack[b->depth - 1];
    if (f->node->kind == PXS_NODE_MAPPING && !f->key) {
        if (alias || node->kind != PXS_NODE_SCALAR)
            return fail_at(b, mark, "a key must be a word, not %s",
                           alias ? "an alias" : pxs_node_kind_name(node));
        if (!node->quoted && strcmp(node->text, "<<") == 0)
            return fail_at(
                b, mark, "merge keys (<<) are not supported: use `extends`, or repeat the values");
        f->key = node;
        return true;
    }
    f->node->weight += node->weight;
    if (f->node->weight > PXS_NODES_MAX)
        return fail_at(b, mark, "the aliases in this file unfold to more than %d values",
                       PXS_NODES_MAX);
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 8;
        struct pxs_entry *items = realloc(f->items, cap * sizeof *items);
        if (!items) {
            b->d->nomem = true;
            return false;
        }
        f->items = items;
        f->cap = cap;
    }
    f->items[f->n++] = (struct pxs_entry){f->key, node};
    f->key = NULL;
    return true;
}

static bool remember_anchor(struct builder *b, const yaml_char_t *name, const struct pxs_node *node,
                            yaml_mark_t mark) {
    if (!name)
        return true;
    if (b->n_anchors == PXS_ANCHORS_MAX)
        return fail_at(b, mark, "more than %d anchors in one file", PXS_ANCHORS_MAX);
    char *copy = pxs_arena_strdup(&b->c->arena, (const char *)name);
    b->d->nomem = b->d->nomem || !copy;
    b->anchors[b->n_anchors++] = (struct anchor){copy, node};
    return copy;
}

static bool on_alias(struct builder *b, const yaml_event_t *e) {
    const char *name = (const char *)e->data.alias.anchor;
    for (size_t i = b->n_anchors; i-- > 0;) {
        if (strcmp(b->anchors[i].name, name) != 0)
            continue;
        for (size_t level = 0; level < b->depth; level++)
            if (b->stack[level].node == b->anchors[i].node)
                return fail_at(b, e->start_mark, "the alias *%s stands inside its own anchor",
                               name);
        return place(b, b->anchors[i].node, e->start_mark, true);
    }
    return fail_at(b, e->start_mark, "no anchor &%s stands before this alias", name);
}

static bool refuse_tag(struct builder *b, const yaml_char_t *tag, yaml_mark_t mark) {
    static const char core[] = "tag:yaml.org,2002:";
    const char *text = (const char *)tag;
    if (!tag)
        return true;
    bool is_core = strncmp(text, core, sizeof core - 1) == 0;
    return fail_at(b, mark, "tags (%s%s) are not supported: a value's type follows from its key",
                   is_core ? "!!" : "", is_core ? text + sizeof core - 1 : text);
}

static bool on_scalar(struct builder *b, const yaml_event_t *e) {
    const char *value = (const char *)e->data.scalar.value;
    if (!refuse_tag(b, e->data.scalar.tag, e->start_mark))
        return false;
    if (strlen(value) != e->data.scalar.length)
        return fail_at(b, e->start_mark, "a zero byte cannot stand in a value");
    struct pxs_node *node = new_node(b, PXS_NODE_SCALAR, e->start_mark);
    if (!node)
        return false;
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = pxs_arena_strdup(&b->c->arena, value);
    b->d->nomem = b->d->nomem || !node->text;
    return node->text && remember_anchor(b, e->data.scalar.anchor, node, e->start_mark) &&
           place(b, node, e->start_mark, false);
}

static bool on_start(struct builder *b, const yaml_event_t *e, enum pxs_node_kind kind) {
    bool list = kind == PXS_NODE_SEQUENCE;
    const yaml_char_t *tag = list ? e->data.sequence_start.tag : e->data.mapping_start.tag;
    const yaml_char_t *anchor = list ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;
    if (!refuse_tag(b, tag, e->start_mark))
        return false;
    if (b->depth == PXS_DEPTH_MAX)
        return fail_at(b, e->start_mark, "nested deeper than %d levels", PXS_DEPTH_MAX);
    struct pxs_node *node = new_node(b, kind, e->start_mark);
    if (!node || !remember_anchor(b, anchor, node, e->start_mark))
        return false;
    b->stack[b->depth++] = (struct frame){.node = node};
    return true;
}

static int compare_keys(const void *a, const void *b) {
    const struct pxs_node *x = (*(const struct pxs_entry *const *)a)->key;
    const struct pxs_node *y = (*(const struct pxs_entry *const *)b)->key;
    int order = strcmp(x->text, y->text);
    if (order != 0)
        return order;
    return x->line != y->line ? (x->line < y->line ? -1 : 1) : x->column < y->column ? -1 : 1;
}

static bool find_duplicates(struct builder *b, const struct pxs_node *mapping) {
    const struct pxs_entry **sorted = calloc(mapping->n + 1, sizeof *sorted);
    if (!sorted) {
        b->d->nomem = true;
        return false;
    }
    for (size_t i = 0; i < mapping->n; i++)
        sorted[i] = &mapping->items[i];
    qsort(sorted, mapping->n, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < mapping->n; i++) {
        const struct pxs_node *first = sorted[i - 1]->key, *second = sorted[i]->key;
        if (strcmp(first->text, second->text) != 0 || pxs_diags_full(b->d))
            continue;
        struct pxs_text text = {0};
        pxs_text_add_quoted(&text, second->text);
        pxs_diag_node(b->d, second, "key %s stands twice: before in line %d", pxs_text_str(&text),
                      first->line);
        pxs_text_finish(&text);
    }
    free(sorted);
    return true; /* the rest of the file is still worth reading */
}

static bool on_end(struct builder *b) {
    struct frame *f = &b->stack[b->depth - 1];
    struct pxs_node *node = f->node;
    struct pxs_entry *items = pxs_config_alloc(b->c, b->d, f->n * sizeof *items);
    if (!items)
        return false;
    if (f->n)
        memcpy(items, f->items, f->n * sizeof *items);
    node->items = items;
    node->n = f->n;
    free(f->items);
    b->depth--;
    if (node->kind == PXS_NODE_MAPPING && !find_duplicates(b, node))
        return false;
    yaml_mark_t mark = {.line = (size_t)node->line - 1, .column = (size_t)node->column - 1};
    return place(b, node, mark, false);
}

static bool on_event(struct builder *b, const yaml_event_t *e) {
    if (++b->nodes > PXS_NODES_MAX)
        return fail_at(b, e->start_mark, "more than %d values in one file", PXS_NODES_MAX);
    switch (e->type) {
    case YAML_STREAM_END_EVENT:
        b->done = true;
        return true;
    case YAML_DOCUMENT_START_EVENT:
        return ++b->documents == 1 ||
               fail_at(b, e->start_mark,
                       "a second document begins here: one file is one experiment");
    case YAML_ALIAS_EVENT:
        return on_alias(b, e);
    case YAML_SCALAR_EVENT:
        return on_scalar(b, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(b, e, PXS_NODE_SEQUENCE);
    case YAML_MAPPING_START_EVENT:
        return on_start(b, e, PXS_NODE_MAPPING);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(b);
    default:
        return true;
    }
}

bool pxs_yaml_parse(struct pxs_config *c, struct pxs_diags *d, struct pxs_source *source,
                    const char *text) {
    struct builder *b = calloc(1, sizeof *b);
    if (!b || !yaml_parser_initialize(&b->parser)) {
        free(b);
        d->nomem = true;
        return false;
    }
    b->c = c;
    b->d = d;
    b->source = source;
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)text, strlen(text));
    bool ok = true;
    while (ok && !b->done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            ok = report_syntax(b);
            break;
        }
        ok = on_event(b, &event);
        yaml_event_delete(&event);
    }
    for (size_t level = 0; level < b->depth; level++)
        free(b->stack[level].items);
    yaml_parser_delete(&b->parser);
    source->root = ok ? b->root : NULL;
    free(b);
    return ok;
}
