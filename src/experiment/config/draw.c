/* `random`: draws from a counter-based generator, so that draw i of a key depends on nothing but
 * the part's seed, i and the key: not on how many are drawn, nor on the other keys. */
#include "config_priv.h"

#include <math.h>
#include <string.h>

enum kind { UNIFORM, LOG_UNIFORM, INT_UNIFORM, CHOICE };
static const char *const kind_names[] = {"uniform", "log_uniform", "int_uniform", "choice"};

struct distribution {
    enum kind kind;
    double low, high;         /* of all but choice */
    struct pxs_cell *choices; /* of choice */
    size_t n;
    const struct pxs_node *node; /* the key, for messages */
};

/* ---- reading -------------------------------------------------------------------------------- */

static bool read_choices(struct pxs_config *c, struct pxs_diags *d, int key,
                         const struct pxs_node *list, struct distribution *out) {
    out->n = list->n;
    out->choices = pxs_config_alloc(c, d, list->n * sizeof *out->choices);
    bool ok = out->choices;
    for (size_t i = 0; out->choices && i < list->n; i++)
        ok = pxs_cell_read(c, d, key, list->items[i].value, &out->choices[i]) && ok;
    return ok;
}

static double number_of(const struct pxs_cell *cell) {
    return cell->value.kind == PXS_VALUE_INTEGER ? (double)cell->value.integer : cell->value.real;
}

static bool read_bounds(struct pxs_config *c, struct pxs_diags *d, int key,
                        const struct pxs_node *list, struct distribution *out) {
    struct pxs_cell bounds[2];
    const char *name = kind_names[out->kind];
    if (list->n != 2) {
        pxs_diag_node(d, list, "%s takes [low, high]", name);
        return false;
    }
    bool low = pxs_cell_read(c, d, key, list->items[0].value, &bounds[0]);
    bool high = pxs_cell_read(c, d, key, list->items[1].value, &bounds[1]);
    if (!low || !high)
        return false;
    out->low = number_of(&bounds[0]);
    out->high = number_of(&bounds[1]);
    if (!(out->low < out->high))
        pxs_diag_node(d, list, "%s takes [low, high] with low below high", name);
    else if (out->kind == LOG_UNIFORM && out->low <= 0)
        pxs_diag_node(d, list->items[0].value, "log_uniform needs a low above 0");
    else
        return true;
    return false;
}

/* Whether a distribution makes values that the key can have. */
static bool fits(struct pxs_diags *d, int key, enum kind kind, const struct pxs_node *node) {
    const struct pxs_param_info *info = pxs_param_info(key);
    enum pxs_param_type wanted = kind == INT_UNIFORM ? PXS_TYPE_INT : PXS_TYPE_FLOAT;
    if (kind == CHOICE || info->type == wanted)
        return true;
    const char *remedy = info->type == PXS_TYPE_INT     ? "int_uniform or choice"
                         : info->type == PXS_TYPE_FLOAT ? "uniform, log_uniform or choice"
                                                        : "choice";
    pxs_diag_node(d, node, "%s is of type %s: use %s", info->key, pxs_param_type_name(info->type),
                  remedy);
    return false;
}

static bool read_distribution(struct pxs_config *c, struct pxs_diags *d, int key,
                              const struct pxs_entry *e, struct distribution *out) {
    const struct pxs_node *node = e->value;
    if (node->kind != PXS_NODE_MAPPING || node->n != 1) {
        pxs_diag_node(
            d, node,
            "%s takes one of {uniform: [low, high]}, log_uniform, int_uniform, {choice: [a, b]}",
            e->key->text);
        return false;
    }
    const struct pxs_node *name = node->items[0].key, *list = node->items[0].value;
    size_t kind = 0;
    while (kind < PXS_COUNT(kind_names) && strcmp(kind_names[kind], name->text) != 0)
        kind++;
    if (kind == PXS_COUNT(kind_names)) {
        pxs_explain_unknown(d, name, "random", kind_names, PXS_COUNT(kind_names));
        return false;
    }
    if (!fits(d, key, (enum kind)kind, name))
        return false;
    if (list->kind != PXS_NODE_SEQUENCE || list->n == 0) {
        pxs_diag_node(d, list, "%s takes %s", name->text,
                      kind == CHOICE ? "a list of values" : "[low, high]");
        return false;
    }
    out->kind = (enum kind)kind;
    out->node = e->key;
    return (kind == CHOICE ? read_choices : read_bounds)(c, d, key, list, out);
}

/* An integer of the part itself: samples, seed. */
static bool read_integer(struct pxs_diags *d, const struct pxs_node *node, const char *name,
                         int64_t low, int64_t high, int64_t *out) {
    if (node->kind == PXS_NODE_SCALAR && !node->quoted && pxs_parse_int(node->text, out) &&
        *out >= low && *out <= high)
        return true;
    pxs_diag_node(d, node, "%s must be an integer, %lld to %lld", name, (long long)low,
                  (long long)high);
    return false;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static struct pxs_cell draw(const struct distribution *x, struct pxs_rng rng) {
    struct pxs_cell cell = {.node = x->node};
    if (x->kind == CHOICE) {
        cell.value = x->choices[pxs_rng_below(&rng, (uint32_t)x->n)].value;
        return cell;
    }
    if (x->kind == INT_UNIFORM) {
        uint32_t n = (uint32_t)(x->high - x->low) + 1; /* int keys but the seed stay below 2^31 */
        cell.value.kind = PXS_VALUE_INTEGER;
        cell.value.integer = (int64_t)x->low + pxs_rng_below(&rng, n);
        return cell;
    }
    double u = pxs_rng_uniform(&rng), span = x->high - x->low, value;
    if (x->kind == UNIFORM)
        value = x->low + u * span;
    else
        value = exp(log(x->low) + u * (log(x->high) - log(x->low)));

    /* Rounded to exactly the double that a decimal reads as, so that plans are the same with every
     * math library and read well. Twelve digits are enough to keep 100,000 draws apart: of the
     * span, or of the value where a span of several orders of magnitude would swallow it. */
    bool wide = x->kind == LOG_UNIFORM && x->high >= 2 * x->low;
    int places = 11 - (int)floor(log10(wide ? value : span));
    if (places <= 22 && places >= -22) {
        double scale = pow(10, places < 0 ? -places : places);
        value = places < 0 ? round(value / scale) * scale : round(value * scale) / scale;
    }
    cell.value.kind = PXS_VALUE_REAL;
    cell.value.real = value < x->low ? x->low : value > x->high ? x->high : value;
    return cell;
}

void pxs_random_parse(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    struct distribution columns[PXS_PARAM_COUNT] = {0};
    int keys[PXS_PARAM_COUNT], key;
    size_t n = 0;
    int64_t samples = 0, seed = 0;
    bool has_samples = false, ok = true;
    if (node->kind != PXS_NODE_MAPPING) {
        pxs_diag_node(d, node,
                      "random takes a mapping such as {samples: 20, lambda_pixel: {log_uniform: "
                      "[1, 100]}}, not %s",
                      pxs_node_kind_name(node));
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct pxs_entry *e = &node->items[i];
        if (strcmp(e->key->text, "samples") == 0) {
            has_samples = true;
            ok = read_integer(d, e->value, "samples", 1, PXS_CONFIG_MAX_RUNS, &samples) && ok;
        } else if (strcmp(e->key->text, "seed") == 0) {
            ok = read_integer(d, e->value, "seed", 0, INT64_C(9007199254740991), &seed) && ok;
        } else if (pxs_key_of_node(d, e->key, "random", &key) &&
                   pxs_sweep_claim(c, d, PXS_PART_RANDOM, key, e->key) &&
                   read_distribution(c, d, key, e, &columns[n])) {
            keys[n++] = key;
        } else {
            ok = false;
        }
    }
    if (!has_samples)
        pxs_diag_node(d, node, "random needs to know how many: samples: 20");
    else if (ok && n == 0)
        pxs_diag_node(d, node, "random has nothing to draw: name a key and its distribution");
    if (!has_samples || !ok || n == 0)
        return;

    struct pxs_axis *axis = pxs_sweep_add_axis(c, d, PXS_PART_RANDOM, (size_t)samples, keys, n);
    for (size_t k = 0; axis && k < n; k++) {
        const char *name = pxs_param_info(keys[k])->key;
        const uint32_t stream = pxs_crc32c(0, name, strlen(name));
        for (size_t i = 0; i < axis->count; i++)
            axis->cells[i * n + k] = draw(
                &columns[k], pxs_rng_make((uint64_t)seed, PXS_STREAM_SWEEP, (uint32_t)i, stream));
    }
}
