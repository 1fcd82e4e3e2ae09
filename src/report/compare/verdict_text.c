/* compare: the answer in words. Who leads, by how much, and whether the evidence separates the
 * first two. */
#include "compare_priv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *pxs_compare_label(const struct comparing *c, const struct group *g) {
    return c->in.labels[g->index];
}

const struct pxs_stats *pxs_compare_metric(const struct comparing *c, const struct group *g) {
    return &g->stats[c->metric.measure];
}

size_t pxs_compare_lost(const struct group *g) {
    return g->failed;
}

/* ---- the verdict ---------------------------------------------------------------------------- */

/* What differs beside the keys that make the groups. */
void pxs_compare_name_others(const struct comparing *c, struct pxs_text *out) {
    for (size_t k = 0; k < c->all.n_keys; k++) {
        if (!pxs_groups_by(&c->in, c->all.keys[k]))
            pxs_text_addf(out, "%s%s", out->len > 0 ? ", " : "", c->all.keys[k]);
    }
}

static void say_design(const struct comparing *c, const struct pxs_difference *d,
                       struct pxs_text *out) {
    if (d->design == PXS_DESIGN_WELCH) {
        pxs_text_addf(out, "Welch's t test, n = %zu and %zu", d->n_b, d->n_a);
        return;
    }
    struct pxs_text others = {0};
    pxs_compare_name_others(c, &others);
    const bool seed = !pxs_groups_by(&c->in, "seed");
    pxs_text_addf(out, "paired by %s%s%s, n = %zu", seed ? "seed" : "",
                  seed && others.len > 0 ? " and " : "", pxs_text_str(&others), d->n_a);
    pxs_text_finish(&others);
}

/* How far the first is ahead by what was tested. */
static double tested_lead(const struct comparing *c, const struct pxs_difference *d) {
    return c->metric.higher ? -d->mean : d->mean;
}

/* The pairs are in another order than the means, which are over runs without a partner, too. */
static bool is_reversed(const struct comparing *c, const struct group *g) {
    return g->has_best && g->best.design == PXS_DESIGN_PAIRED && tested_lead(c, &g->best) < 0 &&
           pxs_compare_metric(c, g)->mean != pxs_compare_metric(c, &c->groups[0])->mean;
}

/* Of the second minus the first; turned so that a positive figure speaks for the one that leads in
 * what was tested. */
static void say_evidence(const struct comparing *c, const struct pxs_difference *d,
                         struct pxs_text *out) {
    const bool turn = c->metric.higher != is_reversed(c, &c->groups[1]);
    const double low = turn ? -d->high : d->low, high = turn ? -d->low : d->high;
    pxs_text_add(out, " (");
    say_design(c, d, out);
    if (d->design == PXS_DESIGN_PAIRED && (pxs_compare_metric(c, &c->groups[0])->n != d->n_a ||
                                           pxs_compare_metric(c, &c->groups[1])->n != d->n_a))
        pxs_text_addf(out, ", in these a lead of %.3g", fabs(d->mean));
    pxs_text_addf(out, ", 95 %% interval of the lead %.3g to %.3g, p = ", low, high);
    /* the bare p only where it says something else */
    size_t tested = 0; /* comparisons with the first: what Holm's correction is over */
    for (size_t g = 1; g < c->ranked; g++)
        tested += !isnan(c->groups[g].best.p);
    if (tested > 1 && d->p < PXS_ALPHA && !(d->p_holm < PXS_ALPHA))
        pxs_text_addf(out, "%.2g, but ", d->p);
    pxs_text_addf(out, "%.2g", d->p_holm);
    if (tested > 1)
        pxs_text_addf(out, " corrected for %zu comparisons (Holm)", tested);
    pxs_text_add(out, ")");
}

/* The evidence says that the first is better than this one. */
static bool is_separated(const struct comparing *c, const struct group *g) {
    return g->has_best && tested_lead(c, &g->best) > 0 && g->best.p_holm < PXS_ALPHA;
}

/* What the pairs say where they contradict the means, and where the means come from. */
static void say_reversed(const struct comparing *c, struct pxs_text *out) {
    const struct group *x = &c->groups[0], *y = &c->groups[1];
    const struct pxs_difference *d = &y->best;
    const bool more_x = pxs_compare_metric(c, x)->n > d->n_a,
               more_y = pxs_compare_metric(c, y)->n > d->n_a;
    struct pxs_text others = {0};
    pxs_compare_name_others(c, &others);
    const bool by_seed = others.len == 0;
    pxs_text_finish(&others);
    pxs_text_addf(out, "; but on the shared %s the order is reversed: there %s leads",
                  by_seed ? "seeds" : "pairs", pxs_compare_label(c, y));
    if (d->no_spread)
        pxs_text_addf(out, " by %.3g in every one of %zu", fabs(d->mean), d->n_a);
    else {
        pxs_text_addf(out, ", and the evidence %s",
                      d->p_holm < PXS_ALPHA ? "says so" : "leaves it open");
        say_evidence(c, d, out);
    }
    pxs_text_addf(out, "; the mean%s of %s%s%s %s from other %s, too", more_x && more_y ? "s" : "",
                  pxs_compare_label(c, more_x ? x : y), more_x && more_y ? " and " : "",
                  more_x && more_y ? pxs_compare_label(c, y) : "",
                  more_x && more_y ? "come" : "comes", by_seed ? "seeds" : "runs");
}

static void say_seeds(const struct comparing *c, const struct pxs_difference *d,
                      struct pxs_text *out) {
    if (c->raced || pxs_groups_by(&c->in, "seed")) /* a race gives out its seeds itself */
        return;
    const size_t seeds = pxs_seeds_needed(d, c->ranked - 1);
    const size_t now = d->n_a < d->n_b ? d->n_a : d->n_b;
    if (seeds > PXS_SEEDS_MOST)
        pxs_text_addf(out, "; if they stay as they are, not even %d seeds of each would",
                      PXS_SEEDS_MOST);
    else if (seeds > now)
        pxs_text_addf(out,
                      "; about %zu seeds of each would, if difference and spread stay as they are",
                      seeds);
}

/* Others that the leader is not told apart from, although it is from the second: their spread is
 * larger. */
static void say_unsettled(const struct comparing *c, struct pxs_text *out) {
    size_t n = 0, ahead = 0;
    for (size_t g = 2; g < c->ranked; g++) {
        const struct group *other = &c->groups[g];
        const bool better = is_reversed(c, other) && other->best.p_holm < PXS_ALPHA;
        n +=
            !better && !is_separated(c, other) &&
            pxs_compare_same_loss(c, &c->groups[0], other, other->best.design == PXS_DESIGN_PAIRED);
        ahead += better;
    }
    if (n > 0)
        pxs_text_addf(out, "; %zu other%s not yet told apart from it", n, n == 1 ? " is" : "s are");
    if (ahead > 0)
        pxs_text_addf(out, "; %zu other%s better than it by the evidence of shared pairs", ahead,
                      ahead == 1 ? " is" : "s are");
}

static void say_luck(const struct comparing *c, struct pxs_text *out) {
    const struct group *x = &c->groups[0], *y = &c->groups[1];
    const struct pxs_difference *d = &y->best;
    const size_t n_x = pxs_compare_metric(c, x)->n, n_y = pxs_compare_metric(c, y)->n;
    if (d->design == PXS_DESIGN_NONE) {
        pxs_text_add(out, "; but n = 1");
        if (n_x != n_y)
            pxs_text_addf(out, " for %s", pxs_compare_label(c, n_x < n_y ? x : y));
        pxs_text_addf(out, ": one seed cannot tell a difference from luck%s",
                      c->raced ? "" : ", three or more can (sweep: seeds: 3)");
    } else if (is_reversed(c, y)) {
        say_reversed(c, out);
    } else if (d->no_spread) {
        pxs_text_add(out, "; but nothing varies from seed to seed, so there is nothing to measure "
                          "luck by (do the seeds have any effect?)");
    } else if (is_separated(c, y)) {
        pxs_text_add(out, "; the evidence separates the two");
        say_evidence(c, d, out);
        say_unsettled(c, out);
    } else {
        pxs_text_add(out, "; the evidence does not separate the two");
        say_evidence(c, d, out);
        say_seeds(c, d, out);
    }
}

bool pxs_compare_say_means(const struct comparing *c, struct pxs_text *out) {
    const struct group *x = &c->groups[0], *y = &c->groups[1];
    const double first = pxs_compare_metric(c, x)->mean, second = pxs_compare_metric(c, y)->mean;
    if (first == second) {
        pxs_text_addf(out, "%s and %s are level: both have a mean %s of %.4g",
                      pxs_compare_label(c, x), pxs_compare_label(c, y), c->metric.name, first);
        return false;
    }
    pxs_text_addf(out, "%s leads with a mean %s of %.4g, %.3g", pxs_compare_label(c, x),
                  c->metric.name, first, fabs(second - first));
    if (c->metric.unit[0] != '\0')
        pxs_text_addf(out, " %s", c->metric.unit);
    else if (second != 0)
        pxs_text_addf(out, " (%.2g %%)", 100 * fabs((second - first) / second));
    pxs_text_addf(out, " %s %s", c->metric.higher ? "above" : "below", pxs_compare_label(c, y));
    return true;
}

/* The first two are ordered by a loss that is another measure for each of them. */
static bool say_loss(const struct comparing *c, struct pxs_text *out) {
    const struct group *x = &c->groups[0], *y = &c->groups[1];
    size_t said = 0;
    for (size_t i = 0; i < LOSS_PARTS; i++) {
        const struct loss_part *part = &pxs_loss_parts[i];
        if (pxs_compare_loss_differs(c, x, y, part, y->best.design == PXS_DESIGN_PAIRED))
            pxs_text_addf(out, "%s %s, which %s", said++ == 0 ? "; but they differ in" : ", and in",
                          part->key, part->role);
    }
    if (said > 0)
        pxs_text_add(out, ": this order is no evidence of which is better");
    return said > 0;
}

static void say_lead(const struct comparing *c, struct pxs_text *out) {
    const struct group *y = &c->groups[1];
    const bool leads = pxs_compare_say_means(c, out);
    if (say_loss(c, out))
        return;
    if (leads)
        say_luck(c, out);
    else if (c->parting.equal > 0 && c->parting.equal == c->parting.pairs && c->parting.part > 0) {
        if (c->parting.pairs > 1)
            pxs_text_addf(out, ", the same in every one of %zu pairs", c->parting.pairs);
        pxs_text_add(out, "; but they did not train alike: ");
        pxs_compare_say_parting(c, out);
    } else if (y->best.design == PXS_DESIGN_PAIRED && y->best.no_spread)
        pxs_text_addf(out, ", the same in every one of %zu pairs: they trained alike", y->best.n_a);
    else if (y->best.design == PXS_DESIGN_NONE)
        pxs_text_add(out, "; n = 1: one seed cannot tell a difference from luck");
}

/* Runs that are under way are not tested: with test after test, one finds a difference by luck. */
static void say_provisionally(const struct comparing *c, struct pxs_text *out) {
    pxs_text_addf(out,
                  "provisionally, as of epoch %" PRId64
                  ", the last that all %zu configurations%s have: ",
                  c->until, c->begun, c->begun < c->n_groups ? " that have begun" : "");
    pxs_compare_say_means(c, out);
    say_loss(c, out);
    pxs_text_add(out, "; the sweep is not done, and what falls early leads early");
}

/* Runs of other configurations are completed, but have no figure to compare by: old logs without
 * validation, say. */
static bool others_completed(const struct comparing *c) {
    for (size_t g = 1; g < c->n_groups; g++)
        if (c->groups[g].states.of[PXS_STATE_COMPLETED] > 0)
            return true;
    return false;
}

static void say_alone(const struct comparing *c, struct pxs_text *out) {
    const struct group *g = &c->groups[0];
    const struct pxs_stats *s = pxs_compare_metric(c, g);
    if (c->n_groups == 1)
        pxs_text_addf(out, "one configuration only, so there is nothing to compare: mean %s %.4g",
                      c->metric.name, s->mean);
    else
        pxs_text_addf(out, "only %s has %s, so there is nothing to compare%s: mean %s %.4g",
                      pxs_compare_label(c, g),
                      others_completed(c) ? c->metric.name : "completed runs",
                      others_completed(c) ? " by it" : " yet", c->metric.name, s->mean);
    if (s->n < 2)
        pxs_text_add(out, " (n = 1: one seed does not show the spread)");
    else
        pxs_text_addf(out, " (n = %zu, 95 %% interval %.4g to %.4g)", s->n, s->low, s->high);
}

/* Other lines whose metric is another measure than that of the first, however well the first two
 * compare. */
static void say_other_measures(const struct comparing *c, struct pxs_text *out) {
    size_t n = 0;
    bool differs[LOSS_PARTS] = {0};
    for (size_t g = 2; g < c->ranked; g++) {
        const struct group *other = &c->groups[g];
        const bool paired = other->best.design == PXS_DESIGN_PAIRED;
        n += !pxs_compare_same_loss(c, &c->groups[0], other, paired);
        for (size_t i = 0; i < LOSS_PARTS; i++)
            differs[i] |=
                pxs_compare_loss_differs(c, &c->groups[0], other, &pxs_loss_parts[i], paired);
    }
    if (n == 0)
        return;
    pxs_text_addf(out, "; %zu other%s from it in", n, n == 1 ? " differs" : "s differ");
    for (size_t i = 0, said = 0; i < LOSS_PARTS; i++)
        if (differs[i])
            pxs_text_addf(out, "%s %s, which %s", said++ == 0 ? "" : ", and in",
                          pxs_loss_parts[i].key, pxs_loss_parts[i].role);
    pxs_text_addf(out, ": %s place in this order is no evidence", n == 1 ? "its" : "their");
}

/* What decides on which pictures a run is validated, without being another measure by itself. */
static void say_validation(const struct comparing *c, struct pxs_text *out) {
    static const char *const deciding[] = {"dataset", "val_fraction"};
    struct pxs_text keys = {0};
    bool first_two = false;
    for (size_t k = 0; k < c->in.n_keys; k++) {
        const struct pxs_cell *values = c->in.values[k].cells;
        bool decides = false;
        for (size_t i = 0; i < PXS_COUNT(deciding); i++)
            decides = decides || strcmp(c->in.keys[k], deciding[i]) == 0;
        size_t g = 1;
        while (decides && g < c->ranked &&
               pxs_cell_same(&values[c->groups[0].first], &values[c->groups[g].first]))
            g++;
        if (decides && g < c->ranked)
            pxs_text_addf(&keys, "%s%s", keys.len > 0 ? " and " : "", c->in.keys[k]);
        first_two |= decides && g == 1;
    }
    if (keys.len > 0)
        pxs_text_addf(
            out, "; but %s differ in %s, so they may not have been validated on the same pictures",
            first_two ? "they" : "others", pxs_text_str(&keys));
    pxs_text_finish(&keys);
}

/* A race answers by its own intervals, which hold over all of its looks; a test at a fixed number
 * of seeds would contradict it. */
static void say_race(const struct comparing *c, struct pxs_text *out) {
    pxs_text_add(out, c->race);
    if (c->ranked < 2)
        return;
    say_loss(c, out);
    say_other_measures(c, out);
    say_validation(c, out);
}

static void say_verdict(const struct comparing *c, const struct pxs_comparison *out,
                        struct pxs_text *text) {
    if (c->race_answers) {
        say_race(c, text);
        return;
    }
    if (c->ranked == 0) {
        pxs_text_addf(text, "no run %s, so there is nothing to compare yet",
                      out->states.of[PXS_STATE_COMPLETED] == 0 ? "is completed"
                                                               : "has a number to compare by");
        return;
    }
    if (c->metric.measure != c->asked.measure)
        pxs_text_addf(text, "no run has a %s, so by %s%s: ", c->asked.name, c->metric.name,
                      c->metric.measure == M_final_avg_loss_G
                          ? ", the training loss, which says nothing of unseen pairs"
                          : "");
    if (c->ranked == 1)
        say_alone(c, text);
    else if (c->until >= 0)
        say_provisionally(c, text);
    else
        say_lead(c, text);
    if (c->ranked > 1) {
        say_other_measures(c, text);
        say_validation(c, text);
        pxs_compare_say_other_leaders(c, text);
    }
    const struct group *x = &c->groups[0];
    if (pxs_compare_lost(x) > 0)
        pxs_text_addf(text, "; %zu of its runs failed or diverged and %s not in that mean",
                      pxs_compare_lost(x), pxs_compare_lost(x) == 1 ? "is" : "are");
}

enum pxs_status pxs_compare_say(const struct comparing *c, struct pxs_comparison *out,
                                struct pxs_error *err) {
    struct pxs_text verdict = {0};
    say_verdict(c, out, &verdict);
    out->verdict =
        verdict.failed ? NULL : pxs_arena_strdup(&out->table.arena, pxs_text_str(&verdict));
    out->separated = c->until < 0 && c->ranked > 1 && is_separated(c, &c->groups[1]);
    pxs_text_finish(&verdict);
    return out->verdict ? PXS_OK : pxs_fail_nomem(err);
}
