/* `sweep.prune`: which runs are pruned, and after which epochs that is decided. It never enters the
 * identity of a run. */
#include "config_priv.h"

#include <string.h>

enum { TENTH = 10, EPOCHS_MAX = 1000000 };

static void read_whole(struct pxs_diags *d, const struct pxs_node *value, const char *key,
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

static void read_rungs(struct pxs_prune_settings *p, struct pxs_diags *d,
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
        read_whole(d, value, "a rung", 1, EPOCHS_MAX, &p->rungs[i]);
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

static void read_rule(struct pxs_prune_settings *p, struct pxs_diags *d,
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

void pxs_prune_parse(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node) {
    static const char *const known[] = {"rule", "rungs", "min_epochs", "eta", "min_runs"};
    enum { RULE, RUNGS, MIN_EPOCHS, ETA, MIN_RUNS };
    const struct pxs_node *stated[PXS_COUNT(known)] = {NULL};
    struct pxs_prune_settings *p = &c->prune;
    c->prune_node = node;
    if (node->kind != PXS_NODE_MAPPING) {
        read_rule(p, d, node);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct pxs_node *name = node->items[i].key, *value = node->items[i].value;
        size_t key = 0;
        while (key < PXS_COUNT(known) && strcmp(known[key], name->text) != 0)
            key++;
        if (key == PXS_COUNT(known)) {
            pxs_explain_unknown(d, name, "sweep.prune", known, PXS_COUNT(known));
            continue;
        }
        stated[key] = value;
        if (key == RULE)
            read_rule(p, d, value);
        else if (key == RUNGS)
            read_rungs(p, d, value);
        else if (key == MIN_EPOCHS)
            read_whole(d, value, known[key], 1, EPOCHS_MAX, &c->prune_least);
        else if (key == ETA)
            read_whole(d, value, known[key], 2, 100, &p->eta);
        else
            read_whole(d, value, known[key], 1, PXS_CONFIG_MAX_RUNS, &p->min_runs);
    }
    if (!stated[RULE])
        pxs_diag_node(d, node, "prune lacks its rule: rule: median or rule: asha");

    /* Keys that others make pointless are as wrong here as anywhere. */
    if (stated[RUNGS] && stated[MIN_EPOCHS])
        pxs_diag_node(d, stated[MIN_EPOCHS],
                      "min_epochs has no effect where rungs are listed: leave one of them out");
    if (stated[RUNGS] && stated[ETA] && p->rule == PXS_PRUNE_MEDIAN)
        pxs_diag_node(d, stated[ETA],
                      "eta has no effect under rule: median where rungs are listed: leave it out");
    if (stated[MIN_RUNS] && p->rule == PXS_PRUNE_ASHA)
        pxs_diag_node(d, stated[MIN_RUNS], "min_runs has no effect under rule: asha: leave it out");
}

/* ---- against the runs ----------------------------------------------------------------------- */

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
    if (c->run.order != PXS_ORDER_AS_WRITTEN) {
        const struct pxs_node *order = c->run_node ? pxs_node_get(c->run_node, "order") : NULL;
        pxs_diag_node(d, order ? order : c->prune_node,
                      "sweep.prune decides in the order of run numbers, so runs must be started in "
                      "that order: say order: as_written, or prune: none");
    }
    if (blind > 0)
        pxs_diag_node(
            d, c->prune_node,
            "sweep.prune compares validation losses, but %zu of %zu runs have validation: off; say "
            "validation: full, or prune: none",
            blind, c->sweep.count);

    /* Rungs that are not listed: from the least number of epochs on, each eta times the one before,
     * all below the longest run's epochs. */
    if (p->n_rungs == 0) {
        int64_t rung = c->prune_least > 0 ? c->prune_least : (longest + TENTH - 1) / TENTH;
        for (; rung < longest && p->n_rungs < PXS_RUNGS_MAX; rung *= p->eta)
            p->rungs[p->n_rungs++] = rung;
    } else if (p->rungs[p->n_rungs - 1] >= longest) {
        pxs_diag_node(d, c->prune_node,
                      "the rung %lld is never reached: the longest run has %lld epochs",
                      (long long)p->rungs[p->n_rungs - 1], (long long)longest);
    }
    if (p->n_rungs == 0)
        pxs_diag_node(d, c->prune_node,
                      "no rung lies before the end of the longest run, %lld epochs: choose a "
                      "smaller min_epochs, or prune: none",
                      (long long)longest);
}
