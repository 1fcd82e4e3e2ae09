/* `sweep.race`: which configurations get how many seeds. It never enters the identity of a run. */
#include "config_priv.h"

#include <math.h>
#include <string.h>

/* "'x'", "a list" */
static void add_shown(const struct pxs_node *value, struct pxs_text *out) {
    if (value->kind == PXS_NODE_SCALAR)
        pxs_text_add_quoted(out, value->text);
    else
        pxs_text_add(out, pxs_node_kind_name(value));
}

static void refuse(struct pxs_diags *d, const struct pxs_node *value, const char *rule) {
    struct pxs_text text = {0};
    add_shown(value, &text);
    pxs_diag_node(d, value, "%s, not %s%s", rule, pxs_text_str(&text),
                  value->kind == PXS_NODE_SCALAR && value->quoted ? " in quotes" : "");
    pxs_text_finish(&text);
}

static bool plain(const struct pxs_node *value) {
    return value->kind == PXS_NODE_SCALAR && !value->quoted;
}

static void read_real(struct pxs_diags *d, const struct pxs_node *value, const char *rule,
                      double low, double high, double *out) {
    double number;
    if (plain(value) && pxs_parse_double(value->text, &number) && number >= low && number <= high)
        *out = number;
    else
        refuse(d, value, rule);
}

static void read_seeds(struct pxs_diags *d, const struct pxs_node *value, const char *rule,
                       int *out) {
    int64_t number;
    if (plain(value) && pxs_parse_int(value->text, &number) && number >= 2 &&
        number <= PXS_RACE_SEEDS_MOST)
        *out = (int)number;
    else
        refuse(d, value, rule);
}

static void read_metric(struct pxs_race_settings *r, struct pxs_diags *d,
                        const struct pxs_node *value) {
    const char *names[PXS_RACE_METRICS];
    struct pxs_text text = {0};
    if (value->kind == PXS_NODE_SCALAR && pxs_race_metric_find(value->text, &r->metric)) {
        r->rule.higher_better = pxs_race_metric_info(r->metric)->higher_better;
        return;
    }
    pxs_text_add(&text, "metric must be ");
    for (size_t i = 0; i < PXS_RACE_METRICS; i++) {
        names[i] = pxs_race_metric_info((enum pxs_race_metric)i)->name;
        pxs_text_addf(&text, "%s%s",
                      i == 0                     ? ""
                      : i + 1 < PXS_RACE_METRICS ? ", "
                                                 : " or ",
                      names[i]);
    }
    pxs_text_add(&text, ", not ");
    add_shown(value, &text);
    const char *near = value->kind == PXS_NODE_SCALAR
                           ? pxs_nearest_word(value->text, names, PXS_COUNT(names))
                           : NULL;
    if (value->kind == PXS_NODE_SCALAR && strcmp(value->text, "seconds") == 0)
        pxs_text_add(&text, ": the same run takes another time when it is made again, so a race "
                            "by it would not come out the same twice");
    else if (near)
        pxs_text_addf(&text, "; did you mean %s?", near);
    pxs_diag_node(d, value, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

/* "12h", or a number of runs */
static void read_budget(struct pxs_race_settings *r, struct pxs_diags *d,
                        const struct pxs_node *value) {
    int64_t runs;
    double seconds;
    if (plain(value) && pxs_parse_int(value->text, &runs) && runs >= 1 &&
        runs <= PXS_CONFIG_MAX_RUNS)
        r->budget_runs = runs;
    else if (value->kind == PXS_NODE_SCALAR &&
             (pxs_node_is_null(value) || pxs_parse_duration(value->text, true, &seconds)) &&
             (pxs_node_is_null(value) || seconds > 0))
        r->budget_s = pxs_node_is_null(value) ? INFINITY : seconds;
    else
        refuse(d, value,
               "budget must be hours of training such as 12h, a number of runs such as 60, or "
               "none");
}

void pxs_race_parse(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    static const char *const known[] = {"confidence",   "first",  "max_seeds",
                                        "indifference", "metric", "budget"};
    enum { CONFIDENCE, FIRST, MAX_SEEDS, INDIFFERENCE, METRIC, BUDGET };
    static const int seed = PXS_PARAM_seed;
    const struct pxs_node *stated[PXS_COUNT(known)] = {NULL};
    struct pxs_race_settings *r = &c->race;
    if (pxs_node_is_word(node, "false") || pxs_node_is_word(node, "none"))
        return;
    if (node->kind != PXS_NODE_MAPPING && !pxs_node_is_word(node, "true")) {
        refuse(d, node,
               "race must be true, none or a mapping such as {confidence: 0.95, max_seeds: 40}");
        return;
    }
    r->on = true;
    c->race_node = node;
    for (size_t i = 0; node->kind == PXS_NODE_MAPPING && i < node->n; i++) {
        const struct pxs_node *name = node->items[i].key, *value = node->items[i].value;
        size_t key = 0;
        while (key < PXS_COUNT(known) && strcmp(known[key], name->text) != 0)
            key++;
        if (key == PXS_COUNT(known)) {
            pxs_explain_unknown(d, name, "sweep.race", known, PXS_COUNT(known));
            continue;
        }
        stated[key] = value;
        if (key == CONFIDENCE)
            read_real(d, value, "confidence must be a share from 0.5 to 0.9999", 0.5, 0.9999,
                      &r->rule.confidence);
        else if (key == FIRST)
            read_seeds(d, value, "first must be a number of seeds, 2 to 1000", &r->rule.first);
        else if (key == MAX_SEEDS)
            read_seeds(d, value, "max_seeds must be a number of seeds, 2 to 1000",
                       &r->rule.max_seeds);
        else if (key == INDIFFERENCE)
            read_real(d, value,
                      "indifference must be a difference of the metric that does not matter, 0 or "
                      "above",
                      0, 1e300, &r->rule.indifference);
        else if (key == METRIC)
            read_metric(r, d, value);
        else
            read_budget(r, d, value);
    }
    if (r->rule.first > r->rule.max_seeds) {
        const struct pxs_node *where = stated[FIRST] ? stated[FIRST] : stated[MAX_SEEDS];
        pxs_diag_node(d, where,
                      "the first look is at %d seeds, and max_seeds is %d: choose first: %d or "
                      "fewer, or more max_seeds",
                      r->rule.first, r->rule.max_seeds, r->rule.max_seeds);
        r->rule.first = r->rule.max_seeds;
    }

    /* Seeds are the outermost axis. */
    pxs_seeds_claim(c, d, node, "sweep.race", ": a race gives every configuration seeds 0, 1, ...");
    struct pxs_axis *axis =
        pxs_sweep_add_axis(c, d, PXS_PART_SEEDS, (size_t)r->rule.max_seeds, &seed, 1);
    for (int i = 0; axis && i < r->rule.max_seeds; i++)
        axis->cells[i] = (struct pxs_cell){node, {.kind = PXS_VALUE_INTEGER, .integer = i}};
}

/* ---- against the runs ----------------------------------------------------------------------- */

/* Where a key of `mapping` stands, else `instead`. */
static const struct pxs_node *value_of(const struct pxs_node *mapping, const char *key,
                                       const struct pxs_node *instead) {
    const struct pxs_node *value =
        mapping && mapping->kind == PXS_NODE_MAPPING ? pxs_node_get(mapping, key) : NULL;
    return value ? value : instead;
}

void pxs_race_fits(struct pxs_config *c, struct pxs_diags *d) {
    const struct pxs_race_settings *r = &c->race;
    const struct pxs_race_metric_info *metric = pxs_race_metric_info(r->metric);
    if (!r->on)
        return;
    const size_t k = c->sweep.count / (size_t)r->rule.max_seeds;
    if (k < 2)
        pxs_diag_node(d, c->race_node,
                      "a race is between configurations, and this sweep has one: give it a part "
                      "such as grid: {learning_rate_G: [1e-4, 2e-4]}, or say seeds: %d in place of "
                      "race",
                      r->rule.max_seeds);
    if (k > PXS_RACE_CONFIGURATIONS_MOST)
        pxs_diag_node(d, c->race_node,
                      "a race is between at most %d configurations, and this sweep has %zu: give "
                      "it fewer",
                      PXS_RACE_CONFIGURATIONS_MOST, k);
    if (c->prune.rule != PXS_PRUNE_NONE)
        pxs_diag_node(d, c->prune_node,
                      "sweep.prune beside sweep.race: a race compares whole runs, so none is given "
                      "up early; say prune: none, or race: none");
    if (c->run.order != PXS_ORDER_AS_WRITTEN)
        pxs_diag_node(d, value_of(c->run_node, "order", c->race_node),
                      "sweep.race goes seed by seed through the configurations, so runs must be "
                      "started in that order: say order: as_written, or race: none");
    if (r->budget_runs > 0 && (size_t)r->budget_runs < k * (size_t)r->rule.first)
        pxs_diag_node(d, value_of(c->race_node, "budget", c->race_node),
                      "budget: %lld runs are fewer than the first look needs, %zu configurations "
                      "with %d seeds: say %zu or more",
                      (long long)r->budget_runs, k, r->rule.first, k * (size_t)r->rule.first);

    struct pxs_resolved *run = pxs_config_alloc(c, d, sizeof *run);
    size_t blind = 0;
    for (size_t i = 0; run && metric->of_validation && i < k; i++) {
        pxs_resolve(c, i, run);
        blind += run->params.validation == PXS_VALIDATION_OFF;
    }
    if (blind > 0)
        pxs_diag_node(d, value_of(c->race_node, "metric", c->race_node),
                      "sweep.race compares %s, but %zu of %zu configurations have validation: off; "
                      "say validation: full, or metric: final_avg_loss_G",
                      metric->name, blind, k);
}
