/* `sweep.prune`: which runs are given up early, and after which epochs that is decided. Never part
 * of what a run is. */
#include "config_priv.h"

#include <string.h>

enum { TENTH = 10, EPOCHS_MAX = 1000000 };

/* Where the mapping states what. */
struct stated {
    const struct pxs_node *rule, *rungs, *min_epochs, *eta, *min_runs;
};

static void take_whole(struct pxs_diags *d, const struct pxs_node *value, const char *key,
                       int64_t low, int64_t high, int64_t *out) {
    struct pxs_text text = {0};
    int64_t number;
    if (value->kind == PXS_NODE_SCALAR && !value->quoted && pxs_parse_int(value->text, &number) &&
        number >= low && number <= high) {
        *out = number;
        return;
    }
    if (value->kind == PXS_NODE_SCALAR)
        pxs_text_add_quoted(&text, value->text);
    else
        pxs_text_add(&text, pxs_node_kind_name(value));
    pxs_diag_node(d, value, "%s must be an integer, %lld to %lld, not %s", key, (long long)low,
                  (long long)high, pxs_text_str(&text));
    pxs_text_finish(&text);
}

static void take_rungs(struct pxs_prune_settings *p, struct pxs_diags *d,
                       const struct pxs_node *list) {
    if (list->kind != PXS_NODE_SEQUENCE || list->n == 0 || list->n > PXS_RUNGS_MAX) {
        pxs_diag_node(d, list,
                      "rungs takes a list of 1 to %d numbers of epochs such as [20, 60], not %s",
                      PXS_RUNGS_MAX,
                      list->kind == PXS_NODE_SEQUENCE ? (list->n ? "more" : "an empty one")
                                                      : pxs_node_kind_name(list));
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct pxs_node *value = list->items[i].value;
        p->rungs[i] = 0;
        take_whole(d, value, "a rung", 1, EPOCHS_MAX, &p->rungs[i]);
        if (p->rungs[i] == 0)
            return;
        if (i > 0 && p->rungs[i] <= p->rungs[i - 1]) {
            pxs_diag_node(d, value, "rungs must rise: %lld stands behind %lld",
                          (long long)p->rungs[i], (long long)p->rungs[i - 1]);
            return;
        }
    }
    p->n_rungs = list->n;
}

static void take_rule(struct pxs_prune_settings *p, struct pxs_diags *d,
                      const struct pxs_node *value) {
    static const char *const names[] = {"none", "median", "asha"};
    struct pxs_text text = {0};
    if (value->kind == PXS_NODE_SCALAR && strcmp(value->text, "false") == 0 && !value->quoted)
        return; /* off */
    for (size_t i = 0; value->kind == PXS_NODE_SCALAR && i < PXS_COUNT(names); i++)
        if (strcmp(value->text, names[i]) == 0) {
            p->rule = (enum pxs_prune_rule)i;
            return;
        }
    if (value->kind == PXS_NODE_SCALAR)
        pxs_text_add_quoted(&text, value->text);
    else
        pxs_text_add(&text, pxs_node_kind_name(value));
    pxs_diag_node(d, value,
                  "prune must be median, asha, none or a mapping such as {rule: asha, rungs: [20, "
                  "60]}, not %s",
                  pxs_text_str(&text));
    pxs_text_finish(&text);
}

/* Keys that the others make pointless are as wrong here as anywhere. */
static void refuse_idle(const struct pxs_prune_settings *p, struct pxs_diags *d,
                        const struct stated *s) {
    if (s->rungs && s->min_epochs)
        pxs_diag_node(d, s->min_epochs,
                      "min_epochs has no effect where rungs are listed: leave one of them out");
    if (s->rungs && s->eta && p->rule == PXS_PRUNE_MEDIAN)
        pxs_diag_node(d, s->eta,
                      "eta has no effect under rule: median where rungs are listed: leave it out");
    if (s->min_runs && p->rule == PXS_PRUNE_ASHA)
        pxs_diag_node(d, s->min_runs, "min_runs has no effect under rule: asha: leave it out");
}

static void take_entry(struct pxs_config *c, struct pxs_diags *d, const struct pxs_entry *e,
                       struct stated *s) {
    static const char *const known[] = {"rule", "rungs", "min_epochs", "eta", "min_runs"};
    struct pxs_prune_settings *p = &c->prune;
    size_t key = 0;
    while (key < PXS_COUNT(known) && strcmp(known[key], e->key->text) != 0)
        key++;
    switch (key) {
    case 0:
        s->rule = e->value;
        take_rule(p, d, e->value);
        break;
    case 1:
        s->rungs = e->value;
        take_rungs(p, d, e->value);
        break;
    case 2:
        s->min_epochs = e->value;
        take_whole(d, e->value, known[key], 1, EPOCHS_MAX, &c->prune_least);
        break;
    case 3:
        s->eta = e->value;
        take_whole(d, e->value, known[key], 2, 100, &p->eta);
        break;
    case 4:
        s->min_runs = e->value;
        take_whole(d, e->value, known[key], 1, PXS_CONFIG_MAX_RUNS, &p->min_runs);
        break;
    default:
        pxs_explain_unknown(d, e->key, "sweep.prune", known, PXS_COUNT(known));
    }
}

static void take_mapping(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    struct stated s = {0};
    for (size_t i = 0; i < node->n; i++)
        take_entry(c, d, &node->items[i], &s);
    if (!s.rule)
        pxs_diag_node(d, node, "prune lacks its rule: rule: median or rule: asha");
    refuse_idle(&c->prune, d, &s);
}

void pxs_prune_parse(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    c->prune_node = node;
    if (node->kind == PXS_NODE_MAPPING)
        take_mapping(c, d, node);
    else
        take_rule(&c->prune, d, node);
}

/* ---- against the runs ----------------------------------------------------------------------- */

static void refuse_order(struct pxs_config *c, struct pxs_diags *d) {
    const struct pxs_node *order = c->run_node ? pxs_node_get(c->run_node, "order") : NULL;
    if (c->run.order != PXS_ORDER_AS_WRITTEN)
        pxs_diag_node(d, order ? order : c->prune_node,
                      "sweep.prune decides in the order of run numbers, so runs must be started in "
                      "that order: "
                      "say order: as_written, or prune: none");
}

/* From the least number of epochs on, eta times as many each; all below the longest run's. */
static void make_ladder(struct pxs_config *c, int64_t longest) {
    struct pxs_prune_settings *p = &c->prune;
    int64_t rung = c->prune_least > 0 ? c->prune_least : (longest + TENTH - 1) / TENTH;
    for (p->n_rungs = 0; rung < longest && p->n_rungs < PXS_RUNGS_MAX; rung *= p->eta)
        p->rungs[p->n_rungs++] = rung;
}

void pxs_prune_check(struct pxs_config *c, struct pxs_diags *d) {
    struct pxs_prune_settings *p = &c->prune;
    struct pxs_resolved *run = pxs_config_alloc(c, d, sizeof *run);
    int64_t longest = 0;
    size_t blind = 0;
    if (p->rule == PXS_PRUNE_NONE || !run)
        return;
    for (size_t i = 0; i < c->sweep.count; i++) {
        pxs_resolve(c, i, run);
        longest = run->params.n_epochs > longest ? run->params.n_epochs : longest;
        blind += run->params.validation == PXS_VALIDATION_OFF;
    }
    refuse_order(c, d);
    if (blind > 0)
        pxs_diag_node(
            d, c->prune_node,
            "sweep.prune compares validation losses, but %zu of %zu runs have validation: off; say "
            "validation: full, or prune: none",
            blind, c->sweep.count);
    if (p->n_rungs == 0)
        make_ladder(c, longest);
    else if (p->rungs[p->n_rungs - 1] >= longest)
        pxs_diag_node(d, c->prune_node,
                      "the rung %lld is never reached: the longest run has %lld epochs",
                      (long long)p->rungs[p->n_rungs - 1], (long long)longest);
    if (p->n_rungs == 0)
        pxs_diag_node(d, c->prune_node,
                      "no rung lies before the end of the longest run, %lld epochs: choose a "
                      "smaller min_epochs, or "
                      "prune: none",
                      (long long)longest);
}
