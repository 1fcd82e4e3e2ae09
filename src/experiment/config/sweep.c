/* `sweep`: its parts become axes, each varied independently, in the order written; seeds come last,
 * so they are innermost. */
#include "config_priv.h"

#include <math.h>
#include <string.h>

bool pxs_sweep_claim(struct pxs_config *c, struct pxs_diags *d, enum pxs_part part, int key,
                     const struct pxs_node *where) {
    struct pxs_sweep *s = &c->sweep;
    const struct pxs_node *first = s->where[key];
    if (key == PXS_PARAM_seed && part != PXS_PART_SEEDS) {
        pxs_diag_node(d, where,
                      "seed cannot stand in a part of the sweep: list them as sweep.seeds");
        return false;
    }
    /* In points a key may stand again; in other parts that is a duplicate, reported already. */
    if (first && s->part[key] == part)
        return part == PXS_PART_POINTS;
    if (first) {
        for (size_t i = 0; i < s->n_clashes; i++)
            if (s->clashes[i].key == key)
                return false;
        s->clashes[s->n_clashes++] = (struct pxs_clash){key, where};
        return false;
    }
    s->where[key] = where;
    s->part[key] = part;
    return true;
}

struct pxs_axis *pxs_sweep_add_axis(struct pxs_config *c, struct pxs_diags *d, enum pxs_part part,
                                    size_t count, const int *keys, size_t n_keys) {
    struct pxs_cell *cells = pxs_config_alloc(c, d, count * n_keys * sizeof *cells);
    if (!cells)
        return NULL;
    struct pxs_axis *axis = &c->sweep.axes[c->sweep.n_axes++];
    *axis = (struct pxs_axis){.part = part, .count = count, .n_keys = n_keys, .cells = cells};
    if (n_keys)
        memcpy(axis->keys, keys, n_keys * sizeof *keys);
    return axis;
}

bool pxs_cell_read(struct pxs_config *c, struct pxs_diags *d, int key, const struct pxs_node *value,
                   struct pxs_cell *cell) {
    struct pxs_params scratch;
    struct pxs_error err = {0};
    char list[PXS_LIST_TEXT];
    const char *text;
    if (!pxs_node_as_value(value, key, list, &text)) {
        pxs_diag_node(d, value, "a value of %s is a %s, not %s", pxs_param_info(key)->key,
                      pxs_value_words(key), pxs_node_kind_name(value));
        return false;
    }
    const bool path = pxs_param_info(key)->type == PXS_TYPE_PATH;
    if (path && !pxs_check_plain_text(d, value))
        return false;
    enum pxs_status status =
        pxs_params_set(&scratch, key, text, value->quoted, value->source->dir, &err);
    if (status != PXS_OK) {
        (path ? pxs_diag_text : pxs_diag_node)(d, value, "%s", err.message);
        return false;
    }
    cell->node = value;
    cell->value = pxs_params_get(&scratch, key);
    /* Such a text stands in scratch. */
    if (pxs_param_info(key)->type != PXS_TYPE_ENUM && cell->value.kind == PXS_VALUE_TEXT) {
        cell->value.text = pxs_arena_strdup(&c->arena, cell->value.text);
        d->nomem = d->nomem || !cell->value.text;
    }
    return cell->value.kind != PXS_VALUE_TEXT || cell->value.text;
}

/* ---- grid and zip --------------------------------------------------------------------------- */

/* A list of values that is neither empty nor too long. */
static bool is_value_list(struct pxs_diags *d, const struct pxs_node *value, const char *what) {
    if (value->kind != PXS_NODE_SEQUENCE)
        pxs_diag_node(d, value, "%s takes a list of values, not %s", what,
                      pxs_node_kind_name(value));
    else if (value->n == 0)
        pxs_diag_node(d, value, "the list for %s is empty", what);
    else if (value->n > PXS_CONFIG_MAX_RUNS)
        pxs_diag_node(d, value, "the list for %s has %zu values; a sweep has at most %d runs", what,
                      value->n, PXS_CONFIG_MAX_RUNS);
    else
        return true;
    return false;
}

static bool is_mapping(struct pxs_diags *d, const struct pxs_node *node, const char *what,
                       const char *example) {
    if (node->kind == PXS_NODE_MAPPING)
        return true;
    pxs_diag_node(d, node, "%s takes a mapping such as %s, not %s", what, example,
                  pxs_node_kind_name(node));
    return false;
}

static void read_column(struct pxs_config *c, struct pxs_diags *d, struct pxs_axis *axis,
                        size_t column, const struct pxs_node *list) {
    for (size_t i = 0; axis && i < list->n; i++)
        pxs_cell_read(c, d, axis->keys[column], list->items[i].value,
                      &axis->cells[i * axis->n_keys + column]);
}

static void parse_grid(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    if (!is_mapping(d, node, "grid", "{learning_rate_G: [1e-4, 2e-4]}"))
        return;
    for (size_t i = 0; i < node->n; i++) {
        const struct pxs_entry *e = &node->items[i];
        int key;
        if (pxs_key_of_node(d, e->key, "grid", &key) &&
            pxs_sweep_claim(c, d, PXS_PART_GRID, key, e->key) &&
            is_value_list(d, e->value, e->key->text))
            read_column(c, d, pxs_sweep_add_axis(c, d, PXS_PART_GRID, e->value->n, &key, 1), 0,
                        e->value);
    }
}

static void parse_zip(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    const struct pxs_entry *columns[PXS_PARAM_COUNT];
    int keys[PXS_PARAM_COUNT], key;
    size_t n = 0;
    if (!is_mapping(d, node, "zip", "{batch_size: [4, 8], n_epochs: [100, 200]}"))
        return;
    for (size_t i = 0; i < node->n; i++) {
        const struct pxs_entry *e = &node->items[i], *first = n > 0 ? columns[0] : e;
        if (!pxs_key_of_node(d, e->key, "zip", &key) ||
            !pxs_sweep_claim(c, d, PXS_PART_ZIP, key, e->key) ||
            !is_value_list(d, e->value, e->key->text))
            continue;
        if (e->value->n != first->value->n) {
            pxs_diag_node(d, e->value,
                          "lists in zip go in step, but %s has %zu values and %s has %zu",
                          first->key->text, first->value->n, e->key->text, e->value->n);
            continue;
        }
        columns[n] = e;
        keys[n++] = key;
    }
    if (n == 0)
        return;
    struct pxs_axis *axis = pxs_sweep_add_axis(c, d, PXS_PART_ZIP, columns[0]->value->n, keys, n);
    for (size_t column = 0; column < n; column++)
        read_column(c, d, axis, column, columns[column]->value);
}

/* ---- points --------------------------------------------------------------------------------- */

/* Claims the keys of one point; those that are new to the part are appended to `keys`. */
static void claim_point(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *point,
                        int *keys, size_t *n_keys) {
    for (size_t i = 0; i < point->n; i++) {
        int key;
        if (!pxs_key_of_node(d, point->items[i].key, "points", &key))
            continue;
        bool known = c->sweep.where[key];
        if (pxs_sweep_claim(c, d, PXS_PART_POINTS, key, point->items[i].key) && !known)
            keys[(*n_keys)++] = key;
    }
}

static void read_point(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *point,
                       const struct pxs_axis *axis, struct pxs_cell *cells) {
    for (size_t i = 0; i < point->n; i++) {
        enum pxs_param_key key;
        size_t column = 0;
        if (!pxs_param_find(point->items[i].key->text, &key))
            continue;
        while (column < axis->n_keys && axis->keys[column] != (int)key)
            column++;
        if (column < axis->n_keys &&
            pxs_cell_read(c, d, key, point->items[i].value, &cells[column]))
            cells[column].node = point->items[i].key;
    }
}

static void parse_points(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    int keys[PXS_PARAM_COUNT];
    size_t n_keys = 0;
    if (!is_value_list(d, node, "points"))
        return;
    for (size_t i = 0; i < node->n; i++) {
        const struct pxs_node *point = node->items[i].value;
        if (is_mapping(d, point, "a point", "{lr_policy_G: halve, lrgd: 90}"))
            claim_point(c, d, point, keys, &n_keys);
    }
    struct pxs_axis *axis = pxs_sweep_add_axis(c, d, PXS_PART_POINTS, node->n, keys, n_keys);
    for (size_t i = 0; axis && i < node->n; i++)
        if (node->items[i].value->kind == PXS_NODE_MAPPING)
            read_point(c, d, node->items[i].value, axis, &axis->cells[i * n_keys]);
}

/* ---- seeds ---------------------------------------------------------------------------------- */

static void count_seeds(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    static const int key = PXS_PARAM_seed;
    int64_t n;
    if (node->quoted || !pxs_parse_int(node->text, &n) || n < 1 || n > PXS_CONFIG_MAX_RUNS) {
        struct pxs_text text = {0};
        pxs_text_add_quoted(&text, node->text);
        pxs_diag_node(d, node, "seeds must be a list, their number, 1 to %d, or none, not %s%s",
                      PXS_CONFIG_MAX_RUNS, pxs_text_str(&text), node->quoted ? " in quotes" : "");
        pxs_text_finish(&text);
        return;
    }
    struct pxs_axis *axis = pxs_sweep_add_axis(c, d, PXS_PART_SEEDS, (size_t)n, &key, 1);
    for (int64_t i = 0; axis && i < n; i++)
        axis->cells[i] = (struct pxs_cell){node, {.kind = PXS_VALUE_INTEGER, .integer = i}};
}

void pxs_seeds_claim(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node,
                     const char *what, const char *remedy) {
    const struct pxs_node *stated[2] = {c->base_where[PXS_PARAM_seed], c->set.keys[PXS_PARAM_seed]};
    struct pxs_text place = {0};
    pxs_sweep_claim(c, d, PXS_PART_SEEDS, PXS_PARAM_seed, node);
    pxs_node_place(node, &place);
    for (size_t i = 0; i < PXS_COUNT(stated); i++)
        if (stated[i])
            pxs_diag_node(d, stated[i], "seed beside %s (%s): keep one of them%s", what,
                          pxs_text_str(&place), remedy);
    pxs_text_finish(&place);
}

static void parse_seeds(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    static const int key = PXS_PARAM_seed;
    if (pxs_node_is_word(node, "none"))
        return;
    if (c->race.on) {
        pxs_diag_node(d, node,
                      "sweep.seeds beside sweep.race, which gives the seeds: say seeds: none "
                      "(--set sweep.seeds=none), or race: none");
        return;
    }
    pxs_seeds_claim(c, d, node, "sweep.seeds", "; for this seed alone say sweep.seeds: [N]");
    if (node->kind == PXS_NODE_SCALAR)
        count_seeds(c, d, node);
    else if (is_value_list(d, node, "seeds"))
        read_column(c, d, pxs_sweep_add_axis(c, d, PXS_PART_SEEDS, node->n, &key, 1), 0, node);
}

/* ---- together ------------------------------------------------------------------------------- */

/* `race` has been read before the parts. */
static void skip(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    (void)c, (void)d, (void)node;
}

static void parse_part(struct pxs_config *c, struct pxs_diags *d, const struct pxs_entry *e,
                       bool seeds) {
    static const char *const known[] = {"grid",  "zip",   "points", "random",
                                        "seeds", "prune", "race"};
    static void (*const parse[])(struct pxs_config *, struct pxs_diags *,
                                 const struct pxs_node *) = {
        parse_grid, parse_zip, parse_points, pxs_random_parse, parse_seeds, pxs_prune_parse, skip};
    size_t part = 0;
    while (part < PXS_COUNT(known) && strcmp(known[part], e->key->text) != 0)
        part++;
    if ((part == PXS_PART_SEEDS) != seeds)
        return;
    if (part == PXS_COUNT(known))
        pxs_explain_unknown(d, e->key, "sweep", known, PXS_COUNT(parse));
    else if (!pxs_node_is_null(e->value)) {
        c->sweep.n_clashes = 0;
        parse[part](c, d, e->value);
        pxs_explain_clashes(c, d, (enum pxs_part)part);
    }
}

void pxs_sweep_parse(struct pxs_config *c, struct pxs_diags *d) {
    const struct pxs_node *node = c->sweep_node;
    double total = 1;
    c->sweep.count = 1;
    c->prune = (struct pxs_prune_settings){.eta = 3, .min_runs = 3};
    c->race = (struct pxs_race_settings){.budget_s = INFINITY};
    pxs_race_defaults(&c->race.rule);
    if (!node || pxs_node_is_null(node))
        return;
    if (!is_mapping(d, node, "sweep", "{grid: {...}, seeds: 3}"))
        return;
    const struct pxs_node *race = pxs_node_get(node, "race");
    if (race && !pxs_node_is_null(race))
        pxs_race_parse(c, d, race);
    for (int seeds = 0; seeds < 2; seeds++)
        for (size_t i = 0; i < node->n; i++)
            parse_part(c, d, &node->items[i], seeds);
    for (size_t i = 0; i < c->sweep.n_axes; i++)
        total *= (double)c->sweep.axes[i].count;
    c->sweep.count = total <= PXS_CONFIG_MAX_RUNS ? (size_t)total : 0;
    if (total > PXS_CONFIG_MAX_RUNS)
        pxs_diag_node(d, c->sweep_node, "this sweep has %.0f runs; at most %d are possible", total,
                      PXS_CONFIG_MAX_RUNS);
}
