/* How a sweep's keys vary, from the text that the database keeps of its file: for reports, which
 * have no file. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

static void say(struct pxs_varies *out, const char *name, enum pxs_varies_by by, bool log) {
    enum pxs_param_key key;
    if (pxs_param_find(name, &key) && key != PXS_PARAM_seed) /* that of `random` is its own */
        out[key] = (struct pxs_varies){by, log};
}

static void read_keys(struct pxs_varies *out, const struct pxs_node *mapping,
                      enum pxs_varies_by by) {
    for (size_t i = 0; mapping->kind == PXS_NODE_MAPPING && i < mapping->n; i++) {
        const struct pxs_node *how = mapping->items[i].value;
        const bool log = by == PXS_VARIES_RANDOM && how->kind == PXS_NODE_MAPPING && how->n == 1 &&
                         strcmp(how->items[0].key->text, "log_uniform") == 0;
        say(out, mapping->items[i].key->text, by, log);
    }
}

static void read_sweep(struct pxs_varies *out, const struct pxs_node *sweep) {
    static const char *const parts[] = {
        [PXS_VARIES_GRID] = "grid", [PXS_VARIES_ZIP] = "zip", [PXS_VARIES_RANDOM] = "random"};
    for (int by = 0; by < (int)PXS_COUNT(parts); by++) {
        const struct pxs_node *part = parts[by] ? pxs_node_get(sweep, parts[by]) : NULL;
        if (part)
            read_keys(out, part, (enum pxs_varies_by)by);
    }
    const struct pxs_node *points = pxs_node_get(sweep, "points");
    for (size_t i = 0; points && points->kind == PXS_NODE_SEQUENCE && i < points->n; i++)
        read_keys(out, points->items[i].value, PXS_VARIES_POINTS);
}

/* The options stand as comments behind the file's own text. */
static void read_sets(struct pxs_config *c, struct pxs_diags *d, const char *text) {
    static const char mark[] = "# --set ";
    const char *from = text + strlen(text);
    for (const char *line = from; line > text;) {
        const char *end = line - (line[-1] == '\n');
        for (line = end; line > text && line[-1] != '\n';)
            line--;
        if (strncmp(line, mark, sizeof mark - 1) != 0)
            break;
        from = line;
    }
    for (size_t bytes; *from != '\0'; from += bytes + (from[bytes] == '\n')) {
        struct pxs_text set = {0};
        bytes = strcspn(from, "\n");
        pxs_text_add_n(&set, from + sizeof mark - 1, bytes - (sizeof mark - 1));
        const char *option = pxs_text_str(&set);
        if (strncmp(option, "sweep", 5) == 0)
            pxs_load_sets(c, d, &option, 1);
        d->nomem = d->nomem || set.failed;
        pxs_text_finish(&set);
    }
}

enum pxs_status pxs_config_varies(const char *spec_yaml, struct pxs_varies out[PXS_PARAM_COUNT],
                                  struct pxs_error *err) {
    struct pxs_config *c = calloc(1, sizeof *c);
    struct pxs_diags *d = calloc(1, sizeof *d);
    enum pxs_status status = c && d ? PXS_OK : pxs_fail_nomem(err);
    memset(out, 0, PXS_PARAM_COUNT * sizeof *out);
    if (status == PXS_OK) {
        struct pxs_source *s = pxs_source_of_text(c, d, "sweep", spec_yaml);
        if (s && pxs_yaml_parse(c, d, s, s->text) && s->root)
            c->sweep_node = pxs_node_get(s->root, "sweep");
        read_sets(c, d, spec_yaml);
        if (c->sweep_node)
            read_sweep(out, c->sweep_node);
        if (d->nomem)
            status = pxs_fail_nomem(err);
    }
    pxs_config_destroy(&c);
    if (d)
        pxs_arena_finish(&d->arena);
    free(d);
    return status;
}
