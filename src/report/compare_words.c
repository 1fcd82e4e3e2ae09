/* compare: the answer in words. Who leads, by how much, whether the evidence separates the first two; and what a reader has to know
 * before believing it. */
#include "compare_priv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A discriminator whose mean outputs for real and for generated pairs lie this close, or this far apart under lsgan's 1 and 0. */
#define D_SAME 0.02
#define D_FULL 0.96

static const char *label(const struct comparing *c, const struct group *g) {
    return c->in.labels[g->index];
}

static const struct pxs_stats *metric_of(const struct comparing *c, const struct group *g) {
    return &g->stats[c->metric.measure];
}

static size_t lost(const struct group *g) {
    return g->failed + g->diverged;
}

/* ---- the verdict ----------------------------------------------------------------------------------------- */

static bool is_key(const struct pxs_groups *in, const char *key) {
    for (size_t k = 0; k < in->n_keys; k++) {
        if (strcmp(in->keys[k], key) == 0)
            return true;
    }
    return false;
}

/* What differs beside the keys that make the groups. */
static void name_others(const struct comparing *c, struct pxs_text *out) {
    for (size_t k = 0; k < c->all.n_keys; k++) {
        if (!is_key(&c->in, c->all.keys[k]))
            pxs_text_addf(out, "%s%s", out->len > 0 ? ", " : "", c->all.keys[k]);
    }
}

static void say_design(const struct comparing *c, const struct pxs_difference *d, struct pxs_text *out) {
    if (d->design == PXS_DESIGN_WELCH) {
        pxs_text_addf(out, "Welch's t test, n = %zu and %zu", d->n_b, d->n_a);
        return;
    }
    struct pxs_text others = {0};
    name_others(c, &others);
    const bool seed = !is_key(&c->in, "seed");
    pxs_text_addf(out, "paired by %s%s%s, n = %zu", seed ? "seed" : "", seed && others.len > 0 ? " and " : "",
                  pxs_text_str(&others), d->n_a);
    pxs_text_finish(&others);
}

/* Of the second minus the first; turned so that a positive figure speaks for the first. */
static void say_evidence(const struct comparing *c, const struct pxs_difference *d, struct pxs_text *out) {
    const double low = c->metric.higher ? -d->high : d->low, high = c->metric.higher ? -d->low : d->high;
    pxs_text_add(out, " (");
    say_design(c, d, out);
    pxs_text_addf(out, ", 95 %% interval of the lead %.3g to %.3g, p = ", low, high);
    /* the bare p only where it says something else */
    if (c->ranked > 2 && d->p < PXS_ALPHA && !(d->p_holm < PXS_ALPHA))
        pxs_text_addf(out, "%.2g, but ", d->p);
    pxs_text_addf(out, "%.2g", d->p_holm);
    if (c->ranked > 2)
        pxs_text_addf(out, " corrected for %zu comparisons (Holm)", c->ranked - 1);
    pxs_text_add(out, ")");
}

/* The evidence says that the first is better than this one. */
static bool is_separated(const struct comparing *c, const struct group *g) {
    const double lead = c->metric.higher ? -g->best.mean : g->best.mean;
    return g->has_best && lead > 0 && g->best.p_holm < PXS_ALPHA;
}

static void say_seeds(const struct comparing *c, const struct pxs_difference *d, struct pxs_text *out) {
    if (is_key(&c->in, "seed"))
        return;
    const size_t seeds = pxs_seeds_needed(d);
    const size_t now = d->n_a < d->n_b ? d->n_a : d->n_b;
    if (seeds > PXS_SEEDS_MOST)
        pxs_text_addf(out, "; if they stay as they are, not even %d seeds of each would", PXS_SEEDS_MOST);
    else if (seeds > now)
        pxs_text_addf(out, "; about %zu seeds of each would, if difference and spread stay as they are",
                      seeds);
}

/* Others that the leader is not told apart from, although it is from the second: their spread is larger. */
static void say_unsettled(const struct comparing *c, struct pxs_text *out) {
    size_t n = 0;
    for (size_t g = 2; g < c->ranked; g++)
        n += !is_separated(c, &c->groups[g]);
    if (n > 0)
        pxs_text_addf(out, "; %zu other%s not yet told apart from it", n, n == 1 ? " is" : "s are");
}

static void say_luck(const struct comparing *c, struct pxs_text *out) {
    const struct group *x = &c->groups[0], *y = &c->groups[1];
    const struct pxs_difference *d = &y->best;
    const size_t n_x = metric_of(c, x)->n, n_y = metric_of(c, y)->n;
    if (d->design == PXS_DESIGN_NONE) {
        pxs_text_add(out, "; but n = 1");
        if (n_x != n_y)
            pxs_text_addf(out, " for %s", label(c, n_x < n_y ? x : y));
        pxs_text_add(out,
                     ": one seed cannot tell a difference from luck, three or more can (sweep: seeds: 3)");
    } else if (d->no_spread) {
        pxs_text_add(out,
                     "; but nothing varies from seed to seed, so there is nothing to measure luck by (do the "
                     "seeds have any effect?)");
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

static void say_lead(const struct comparing *c, struct pxs_text *out) {
    const struct group *x = &c->groups[0], *y = &c->groups[1];
    const double first = metric_of(c, x)->mean, second = metric_of(c, y)->mean;
    if (first == second) {
        pxs_text_addf(out, "%s and %s are level: both have a mean %s of %.4g", label(c, x), label(c, y),
                      c->metric.name, first);
        if (y->best.design == PXS_DESIGN_PAIRED && y->best.no_spread)
            pxs_text_addf(out, ", the same in every one of %zu pairs: they trained alike", y->best.n_a);
        else if (y->best.design == PXS_DESIGN_NONE)
            pxs_text_add(out, "; n = 1: one seed cannot tell a difference from luck");
        return;
    }
    pxs_text_addf(out, "%s leads with a mean %s of %.4g, %.3g", label(c, x), c->metric.name, first,
                  fabs(second - first));
    if (second != 0)
        pxs_text_addf(out, " (%.2g %%)", 100 * fabs((second - first) / second));
    pxs_text_addf(out, " %s %s", c->metric.higher ? "above" : "below", label(c, y));
    say_luck(c, out);
}

static void say_alone(const struct comparing *c, struct pxs_text *out) {
    const struct group *g = &c->groups[0];
    const struct pxs_stats *s = metric_of(c, g);
    if (c->n_groups == 1)
        pxs_text_addf(out, "one configuration only, so there is nothing to compare: mean %s %.4g",
                      c->metric.name, s->mean);
    else
        pxs_text_addf(out, "only %s has completed runs, so there is nothing to compare yet: mean %s %.4g",
                      label(c, g), c->metric.name, s->mean);
    if (s->n < 2)
        pxs_text_add(out, " (n = 1: one seed does not show the spread)");
    else
        pxs_text_addf(out, " (n = %zu, 95 %% interval %.4g to %.4g)", s->n, s->low, s->high);
}

static void say_verdict(const struct comparing *c, const struct pxs_comparison *out, struct pxs_text *text) {
    if (c->ranked == 0) {
        pxs_text_addf(text, "no run %s, so there is nothing to compare yet",
                      out->n_completed == 0 ? "is completed" : "has a number to compare by");
        return;
    }
    if (c->metric.measure != c->asked.measure)
        pxs_text_addf(
            text, "no run has a %s, so by %s%s: ", c->asked.name, c->metric.name,
            c->metric.measure == M_LOSS_G ? ", the training loss, which says nothing of unseen pairs" : "");
    if (c->ranked == 1)
        say_alone(c, text);
    else
        say_lead(c, text);
    const struct group *x = &c->groups[0];
    if (lost(x) > 0)
        pxs_text_addf(text, "; %zu of its runs failed or diverged and %s not in that mean", lost(x),
                      lost(x) == 1 ? "is" : "are");
}

/* ---- notes ----------------------------------------------------------------------------------------------- */

struct notes {
    struct pxs_comparison *out;
    size_t room;
    struct pxs_text text; /* of the next one */
    bool failed;
};

/* What stands in `text` becomes a note. */
static void note(struct notes *n) {
    if (n->text.len > 0 && n->out->n_notes < n->room && !n->text.failed) {
        const char *copy = pxs_arena_strdup(&n->out->table.arena, pxs_text_str(&n->text));
        n->failed = n->failed || copy == NULL;
        n->out->notes[n->out->n_notes] = copy;
        n->out->n_notes += copy != NULL;
    }
    n->failed = n->failed || n->text.failed;
    pxs_text_clear(&n->text);
}

static void note_spread(const struct comparing *c, struct notes *n) {
    bool any = false;
    for (size_t g = 0; g < c->ranked; g++)
        any = any || metric_of(c, &c->groups[g])->n > 1;
    if (any)
        pxs_text_add(&n->text,
                     "\xc2\xb1 is the sample standard deviation, low to high the 95 % interval of the mean "
                     "(Student's t)");
    note(n);
}

static void note_missing(const struct pxs_comparison *out, struct notes *n) {
    const struct {
        size_t n;
        const char *what;
    } parts[] = {{out->n_failed, "failed or diverged"},
                 {out->n_pruned, "pruned"},
                 {out->n_open, "not completed yet"},
                 {out->n_stale, "of them stale"}};
    if (out->n_failed + out->n_pruned + out->n_open > 0)
        pxs_text_addf(&n->text, "%zu of %zu runs count", out->n_completed, out->n_runs);
    const size_t before = n->text.len;
    for (size_t i = 0; before > 0 && i < PXS_COUNT(parts); i++) {
        if (parts[i].n > 0)
            pxs_text_addf(&n->text, "%s %zu %s", n->text.len == before ? ":" : ",", parts[i].n,
                          parts[i].what);
    }
    if (before > 0)
        pxs_text_addf(&n->text, " (pixsweep ls --sweep %s)", out->sweep);
    note(n);
}

/* A mean over survivors looks better than what the configuration does. */
static void note_survivors(const struct comparing *c, struct notes *n) {
    size_t said = 0;
    for (size_t i = 0; i < c->ranked; i++) {
        const struct group *g = &c->groups[i];
        if (lost(g) == 0)
            continue;
        if (said++ < 3)
            pxs_text_addf(&n->text, "%s%s (%zu of %zu)", said == 1 ? "" : ", ", label(c, g), lost(g),
                          lost(g) + g->completed);
    }
    if (said > 0) {
        if (said > 3)
            pxs_text_addf(&n->text, " and %zu more", said - 3);
        pxs_text_add(&n->text,
                     " lost runs that failed or diverged: a mean over those that came through flatters them");
    }
    note(n);
}

static void note_pruned(const struct pxs_comparison *out, struct notes *n) {
    if (out->n_pruned > 0)
        pxs_text_add(&n->text,
                     "pruning gave up runs that were behind early, which favours schedules that fall early; "
                     "what is left of a configuration is the better part of it");
    note(n);
}

static void note_imported(const struct comparing *c, struct notes *n) {
    size_t imported = 0;
    for (size_t g = 0; g < c->n_groups; g++)
        imported += c->groups[g].imported;
    if (imported > 0)
        pxs_text_addf(&n->text,
                      "%zu run%s imported from old logs: other code, other machine, no seed to pair by",
                      imported, imported == 1 ? " is" : "s are");
    note(n);
}

/* Two completed runs of one group that differ in more than the seed. */
static bool is_mixed(const struct comparing *c) {
    for (size_t a = 0; a < c->in.n_runs; a++) {
        for (size_t b = 0; c->all.n_groups > 0 && b < a; b++) {
            if (c->in.group_of[a] == c->in.group_of[b] && c->all.group_of[a] != c->all.group_of[b])
                return true;
        }
    }
    return false;
}

static void note_mixed(const struct comparing *c, struct notes *n) {
    if (is_mixed(c)) {
        struct pxs_text others = {0};
        name_others(c, &others);
        pxs_text_addf(
            &n->text,
            "the runs of a line differ in %s, too: spread and intervals cover that as well as the seeds",
            pxs_text_str(&others));
        pxs_text_finish(&others);
    }
    note(n);
}

static void note_chosen(const struct comparing *c, struct notes *n) {
    if (c->ranked > 2)
        pxs_text_addf(&n->text,
                      "the best of %zu means owes something to luck: expect a little less of it in new runs",
                      c->ranked);
    note(n);
}

static void note_baseline(const struct comparing *c, struct notes *n) {
    if (c->baseline == c->n_groups)
        return;
    const struct group *b = &c->groups[c->baseline];
    if (c->baseline >= c->ranked) {
        pxs_text_addf(&n->text, "the baseline, %s, has no completed run to compare with", label(c, b));
        note(n);
        return;
    }
    size_t welch = 0, better = 0, worse = 0;
    for (size_t g = 0; g < c->ranked; g++) {
        const struct pxs_difference *d = &c->groups[g].baseline;
        if (!c->groups[g].has_baseline)
            continue;
        welch += d->design == PXS_DESIGN_WELCH;
        if (d->p_holm < PXS_ALPHA)
            *((d->mean < 0) != c->metric.higher ? &better : &worse) += 1;
    }
    pxs_text_addf(&n->text, "against the baseline %zu, %s: %zu better and %zu worse by the evidence, of %zu",
                  c->baseline + 1, label(c, b), better, worse, c->ranked - 1);
    pxs_text_addf(&n->text, " (%s minus the baseline's, pair by pair; p with Holm's correction",
                  c->metric.name);
    if (welch > 0)
        pxs_text_addf(&n->text, "; %zu without enough pairs by Welch's t test", welch);
    pxs_text_add(&n->text, ")");
    note(n);
}

static void note_target(const struct comparing *c, struct notes *n) {
    size_t reached = 0, of = 0;
    for (size_t g = 0; g < c->n_groups && c->o->target != NULL; g++) {
        reached += c->groups[g].stats[M_TARGET_EPOCH].n;
        of += c->groups[g].completed;
    }
    if (c->o->target != NULL) {
        const bool image = c->asked.measure == M_PSNR || c->asked.measure == M_SSIM;
        pxs_text_addf(
            &n->text, "target %s %s %g: reached by %zu of %zu completed runs%s",
            image ? c->asked.name : "val_loss", c->asked.higher ? ">=" : "<=", *c->o->target, reached, of,
            reached > 0 && reached < of ? "; epoch and time are means over those that reached it" : "");
    }
    note(n);
}

static void note_front(const struct comparing *c, struct notes *n) {
    size_t said = 0;
    for (size_t g = 0; g < c->n_groups; g++) {
        if (!c->groups[g].front)
            continue;
        pxs_text_addf(&n->text, "%s%zu (%s)", said++ == 0 ? "" : ", ", g + 1, label(c, &c->groups[g]));
    }
    if (said > 0)
        pxs_text_addf(
            &n->text,
            ": no other configuration is as good in every one of %s and better in one, by the means",
            c->o->pareto);
    note(n);
}

/* Seconds are compared where somebody asks for them; then they should be seconds of the same kind. */
static void note_machines(const struct comparing *c, const struct pxs_comparison *out, struct notes *n) {
    const bool asked = c->o->target != NULL || c->metric.measure == M_SECONDS ||
                       (c->o->pareto != NULL &&
                        (strstr(c->o->pareto, "time") != NULL || strstr(c->o->pareto, "seconds") != NULL));
    if (asked && out->mixed_machines)
        pxs_text_add(&n->text,
                     "the runs had different machines or numbers of threads: their times are not alike");
    note(n);
}

static void note_images(const struct comparing *c, struct notes *n) {
    if (c->metric.measure == M_PSNR || c->metric.measure == M_SSIM)
        pxs_text_addf(&n->text,
                      "%s is that of the epoch with the best validation loss, whose weights are kept",
                      c->metric.name);
    note(n);
}

/* ---- the discriminator ------------------------------------------------------------------------------------ */

static void note_discriminator(const struct comparing *c, bool full, struct notes *n) {
    struct pxs_text runs = {0};
    size_t found = 0;
    for (size_t run = 0; run < c->in.n_runs; run++) {
        const double real = pxs_compare_value(c, run, M_D_REAL), fake = pxs_compare_value(c, run, M_D_FAKE);
        const bool lsgan = c->runs.cells[run * c->runs.n_columns + RUN_LSGAN].integer != 0;
        if (!pxs_compare_counts(c, run) || isnan(real - fake))
            continue;
        if (full ? !(lsgan && real - fake > D_FULL) : !(real - fake < D_SAME))
            continue;
        if (found++ < 6)
            pxs_text_addf(&runs, "%s%" PRId64 " (%.2f and %.2f)", found == 1 ? "" : ", ", c->in.run_ids[run],
                          real, fake);
    }
    if (found > 6)
        pxs_text_addf(&runs, " and %zu more", found - 6);
    if (found > 0)
        pxs_text_addf(&n->text,
                      "discriminator %s in run%s %s: its last mean outputs for real and generated pairs",
                      full ? "saturated, so that it teaches little," : "collapsed", found == 1 ? "" : "s",
                      pxs_text_str(&runs));
    pxs_text_finish(&runs);
    note(n);
}

/* ---- all together ---------------------------------------------------------------------------------------- */

static void add_notes(const struct comparing *c, struct notes *n) {
    const struct pxs_comparison *out = n->out;
    note_spread(c, n);
    if (out->kernels[0] != '\0')
        pxs_text_addf(&n->text, "runs of different kernels (%s): small differences may be theirs",
                      out->kernels);
    note(n);
    note_missing(out, n);
    note_survivors(c, n);
    note_pruned(out, n);
    note_imported(c, n);
    note_mixed(c, n);
    note_discriminator(c, false, n);
    note_discriminator(c, true, n);
    note_images(c, n);
    note_machines(c, out, n);
    note_target(c, n);
    note_front(c, n);
    note_baseline(c, n);
    note_chosen(c, n);
}

enum pxs_status pxs_compare_say(const struct comparing *c, struct pxs_comparison *out,
                                struct pxs_error *err) {
    struct notes n = {.out = out, .room = 24};
    struct pxs_text verdict = {0};
    out->notes = pxs_arena_alloc(&out->table.arena, n.room * sizeof *out->notes);
    if (out->notes == NULL)
        return pxs_fail_nomem(err);
    add_notes(c, &n);
    say_verdict(c, out, &verdict);
    out->verdict = verdict.failed ? NULL : pxs_arena_strdup(&out->table.arena, pxs_text_str(&verdict));
    out->separated = c->ranked > 1 && is_separated(c, &c->groups[1]);
    pxs_text_finish(&verdict);
    pxs_text_finish(&n.text);
    return n.failed || out->verdict == NULL ? pxs_fail_nomem(err) : PXS_OK;
}
