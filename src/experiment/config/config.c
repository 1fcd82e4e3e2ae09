/* Loading from end to end, and what can be asked of a loaded config. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- name ----------------------------------------------------------------------------------- */

/* A folder can have this name on every system, and a shell needs no quotes for it; letters of any
 * script. */
bool pxs_name_allowed(const char *text) {
    size_t n = strlen(text), length;
    if (n == 0 || n > PXS_NAME_MAX || text[0] == '.' || text[0] == '-' ||
        strncmp(text, "pixsweep.db", 11) == 0)
        return false;
    for (size_t at = 0; at < n; at += length) {
        uint32_t code = 0;
        length = pxs_utf8_decode(text + at, n - at, &code);
        bool letter = (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
                      (code >= 'a' && code <= 'z');
        bool script =
            code > 0xa0 && !(code >= 0x2000 && code <= 0x206f) && code != 0x3000 && code != 0xfeff;
        if (length == 0 ||
            !(letter || script || (code && code < 0x80 && strchr("._=-", (int)code))))
            return false;
    }
    return true;
}

static char *stem_of(struct pxs_config *c, const char *path) {
    const char *slash = strrchr(path, '/');
    char *stem = pxs_arena_strdup(&c->arena, slash ? slash + 1 : path);
    char *dot = stem ? strrchr(stem, '.') : NULL;
    if (dot && dot > stem)
        *dot = '\0';
    return stem;
}

static void choose_name(struct pxs_config *c, struct pxs_diags *d) {
    static const char rule[] =
        "letters, digits and . _ = -, not beginning with . or -, at most 100 bytes";
    const struct pxs_layer *own = c->layers[c->n_layers - 1];
    const struct pxs_node *node = c->set.name ? c->set.name : own->name;
    struct pxs_text shown = {0};
    if (node && node->kind != PXS_NODE_SCALAR) {
        pxs_diag_node(d, node, "name takes a single value, not %s", pxs_node_kind_name(node));
        return;
    }
    if (node && !pxs_check_plain_text(d, node))
        return;
    c->name = node ? node->text : stem_of(c, own->source->path);
    d->nomem = d->nomem || !c->name;
    if (!c->name || pxs_name_allowed(c->name))
        return;
    pxs_text_add_quoted(&shown, c->name);
    if (node)
        pxs_diag_text(d, node, "%s cannot be a folder's name: %s", pxs_text_str(&shown), rule);
    else
        pxs_diag_at(d, own->source, 0, 0,
                    "the file's name cannot name the sweep, so give it a `name`: %s, not %s", rule,
                    pxs_text_str(&shown));
    pxs_text_finish(&shown);
}

/* ---- loading -------------------------------------------------------------------------------- */

static void write_spec(struct pxs_config *c, struct pxs_diags *d, const char *const *sets,
                       size_t n_sets) {
    const struct pxs_source *own = c->layers[c->n_layers - 1]->source;
    struct pxs_text text = {0};
    pxs_text_add_n(&text, own->text, own->bytes);
    if (n_sets && own->bytes && own->text[own->bytes - 1] != '\n')
        pxs_text_add(&text, "\n");
    for (size_t i = 0; i < n_sets; i++) {
        pxs_text_add(&text, "# --set ");
        for (const char *p = sets[i]; *p; p++) /* one line each: a comment ends with its line */
            pxs_text_add_n(&text, *p == '\n' || *p == '\r' ? " " : p, 1);
        pxs_text_add(&text, "\n");
    }
    c->spec_yaml = text.failed ? NULL : pxs_arena_strdup(&c->arena, pxs_text_str(&text));
    d->nomem = d->nomem || !c->spec_yaml;
    pxs_text_finish(&text);
}

/* A required key that nothing states is reported before the runs are looked at, together with other
 * mistakes. A file that could not be read may state it. */
static void report_missing(struct pxs_config *c, struct pxs_diags *d) {
    struct pxs_error err = {0};
    enum pxs_param_key key;
    if (c->incomplete)
        return;
    for (int k = 0; k < PXS_PARAM_COUNT; k++)
        if ((pxs_param_info(k)->flags & PXS_PF_REQUIRED) &&
            (c->base_where[k] || c->set.keys[k] || c->sweep.where[k]))
            return;
    if (pxs_params_check(&c->base, &key, &err) != PXS_OK &&
        (pxs_param_info(key)->flags & PXS_PF_REQUIRED))
        pxs_diag_at(d, c->layers[c->n_layers - 1]->source, 0, 0, "%s", err.message);
}

/* False where the named file itself is unreadable: nothing to build on. */
static bool load_layers(struct pxs_config *c, struct pxs_diags *d, const char *path,
                        const char *const *sets, size_t n_sets) {
    pxs_load_files(c, d, path);
    pxs_load_sets(c, d, sets, n_sets);
    const struct pxs_layer *last = c->n_layers ? c->layers[c->n_layers - 1] : NULL;
    return last && last->source == c->sources[0];
}

static void load(struct pxs_config *c, struct pxs_diags *d, const char *path,
                 const char *const *sets, size_t n_sets) {
    if (!load_layers(c, d, path, sets, n_sets))
        return;
    choose_name(c, d);
    pxs_run_parse(c, d);
    pxs_sweep_parse(c, d);
    report_missing(c, d);
    if (d->total == 0 && !d->nomem)
        pxs_expand(c, d);
    if (d->total == 0 && !d->nomem)
        pxs_prune_check(c, d);
    if (d->total == 0 && !d->nomem)
        pxs_race_fits(c, d);
    write_spec(c, d, sets, n_sets);
}

enum pxs_status pxs_config_load(const char *path, const char *const *sets, size_t n_sets,
                                struct pxs_config **out, struct pxs_text *diagnostics,
                                struct pxs_error *err) {
    char absolute[PXS_PATH_MAX];
    if (!pxs_path_absolute(absolute, sizeof absolute, path))
        return pxs_fail(err, PXS_E_INVALID,
                        "the experiment file's path is too long, at most %d bytes: %.100s...",
                        PXS_PATH_MAX - 1, path);
    struct pxs_config *c = calloc(1, sizeof *c);
    struct pxs_diags *d = calloc(1, sizeof *d);
    enum pxs_status status = PXS_OK;
    if (!c || !d) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    load(c, d, path, sets, n_sets);
    if (d->total || d->nomem) {
        status = pxs_diags_report(d, diagnostics, err);
        goto out;
    }
    *out = c;
    c = NULL;
out:
    pxs_config_destroy(&c);
    if (d)
        pxs_arena_finish(&d->arena);
    free(d);
    return status;
}

enum pxs_status pxs_config_file_name(const char *path, char name[PXS_NAME_MAX + 1],
                                     struct pxs_error *err) {
    char absolute[PXS_PATH_MAX];
    if (!pxs_path_absolute(absolute, sizeof absolute, path))
        return pxs_fail(err, PXS_E_INVALID, "the experiment file's path is too long");
    struct pxs_config *c = calloc(1, sizeof *c);
    struct pxs_diags *d = calloc(1, sizeof *d);
    enum pxs_status status = PXS_OK;
    if (!c || !d) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    struct pxs_source *s = pxs_source_read(c, d, path, absolute, NULL);
    if (s && pxs_yaml_parse(c, d, s, s->text)) {
        const struct pxs_node *node = pxs_node_get(s->root, "name");
        const char *text =
            node && node->kind == PXS_NODE_SCALAR ? node->text : stem_of(c, absolute);
        if (text && pxs_name_allowed(text))
            snprintf(name, PXS_NAME_MAX + 1, "%s", text);
        else if (text)
            pxs_diag_at(d, s, 0, 0,
                        "this file does not say which sweep it is: its `name` cannot be a "
                        "folder's name");
        d->nomem = d->nomem || !text;
    }
    if (d->total || d->nomem)
        status = pxs_diags_report(d, NULL, err);
out:
    pxs_config_destroy(&c);
    if (d)
        pxs_arena_finish(&d->arena);
    free(d);
    return status;
}

enum pxs_status pxs_config_file_on(const char *path, const char *const *sets, size_t n_sets,
                                   char on[PXS_PATH_MAX], struct pxs_error *err) {
    struct pxs_config *c = calloc(1, sizeof *c);
    struct pxs_diags *d = calloc(1, sizeof *d);
    enum pxs_status status = c && d ? PXS_OK : pxs_fail_nomem(err);
    if (status == PXS_OK) {
        if (load_layers(c, d, path, sets, n_sets))
            pxs_run_parse(c, d);
        if (d->total || d->nomem)
            status = pxs_diags_report(d, NULL, err);
        else
            snprintf(on, PXS_PATH_MAX, "%s", c->on);
    }
    pxs_config_destroy(&c);
    if (d)
        pxs_arena_finish(&d->arena);
    free(d);
    return status;
}

void pxs_config_destroy(struct pxs_config **config) {
    if (!config || !*config)
        return;
    for (size_t i = 0; i < (*config)->n_sources; i++)
        free((*config)->sources[i]->text);
    free((*config)->sources);
    pxs_arena_finish(&(*config)->arena);
    free(*config);
    *config = NULL;
}

/* ---- asking --------------------------------------------------------------------------------- */

const char *pxs_config_name(const struct pxs_config *c) {
    return c->name;
}

const char *pxs_config_path(const struct pxs_config *c) {
    return c->layers[c->n_layers - 1]->source->path;
}

const char *pxs_config_spec_yaml(const struct pxs_config *c) {
    return c->spec_yaml;
}

const char *pxs_config_spec_hash(const struct pxs_config *c) {
    return c->spec_hash;
}

const struct pxs_run_settings *pxs_config_run(const struct pxs_config *c) {
    return &c->run;
}

const struct pxs_prune_settings *pxs_config_prune(const struct pxs_config *c) {
    return &c->prune;
}

const struct pxs_race_settings *pxs_config_race(const struct pxs_config *c) {
    return &c->race;
}

size_t pxs_config_count(const struct pxs_config *c) {
    return c->sweep.count;
}

const int *pxs_config_varying(const struct pxs_config *c, size_t *n) {
    *n = c->n_varying;
    return c->varying;
}

size_t pxs_config_seeds(const struct pxs_config *c) {
    for (size_t i = 0; i < c->sweep.n_axes; i++)
        if (c->sweep.axes[i].part == PXS_PART_SEEDS)
            return c->sweep.axes[i].count;
    return 1;
}

size_t pxs_config_notes(const struct pxs_config *c) {
    return c->n_notes;
}

const char *pxs_config_note(const struct pxs_config *c, size_t index) {
    return c->notes[index].text;
}
