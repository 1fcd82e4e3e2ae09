/* compare: what a reader has to know beside the verdict, before believing it: a sentence each. */
#include "compare_priv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A discriminator whose mean outputs for real and for generated pairs lie this close, or this far
 * apart under lsgan's 1 and 0. */
#define D_SAME 0.02
#define D_YOUNG 100 /* steps: before that it has learnt nothing yet */
#define D_FULL 0.96

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
        n->failed = n->failed || !copy;
        n->out->notes[n->out->n_notes] = copy;
        n->out->n_notes += copy != NULL;
    }
    n->failed = n->failed || n->text.failed;
    pxs_text_clear(&n->text);
}

static void note_spread(const struct comparing *c, struct notes *n) {
    bool any = false;
    for (size_t g = 0; g < c->ranked; g++)
        any = any || pxs_compare_metric(c, &c->groups[g])->n > 1;
    if (any)
        pxs_text_addf(
            &n->text,
            "\xc2\xb1 is the sample standard deviation, low to high the 95 %% interval of the %s "
            "(Student's t)",
            c->baseline < c->n_groups ? "difference from the baseline" : "mean");
    note(n);
}

static void note_missing(const struct comparing *c, const struct pxs_comparison *out,
                         struct notes *n) {
    const struct {
        size_t n;
        const char *what;
    } parts[] = {{out->n_failed, "failed or diverged"},
                 {out->states.of[PXS_STATE_PRUNED], "pruned"},
                 {out->n_open, "not completed yet"},
                 {out->n_stale, "of them stale"}};
    size_t counted = 0;
    for (size_t g = 0; g < c->n_groups; g++)
        counted += c->groups[g].counted;
    if (out->n_failed + out->states.of[PXS_STATE_PRUNED] + out->n_open > 0)
        pxs_text_addf(&n->text, "%zu of %zu runs count", counted, out->n_runs);
    if (c->until >= 0)
        pxs_text_add(&n->text, ", those that have come as far");
    const size_t before = n->text.len;
    for (size_t i = 0; before > 0 && i < PXS_COUNT(parts); i++) {
        if (parts[i].n > 0)
            pxs_text_addf(&n->text, "%s %zu %s", n->text.len == before ? ":" : ",", parts[i].n,
                          parts[i].what);
    }
    if (before > 0 && out->n_sweeps == 1)
        pxs_text_add_words(&n->text, " (pixsweep ls --sweep %s)", out->sweep);
    note(n);
    size_t without = 0;
    for (size_t g = 0; g < c->ranked; g++)
        without += c->groups[g].counted - pxs_compare_metric(c, &c->groups[g])->n;
    if (without > 0)
        pxs_text_addf(
            &n->text,
            "%zu of %zu runs that count %s no %s: means, spreads and tests are over the others",
            without, counted, without == 1 ? "has" : "have", c->metric.name);
    note(n);
}

/* A mean over survivors looks better than what the configuration does. */
static void note_survivors(const struct comparing *c, struct notes *n) {
    size_t said = 0;
    for (size_t i = 0; i < c->ranked; i++) {
        const struct group *g = &c->groups[i];
        if (pxs_compare_lost(g) == 0)
            continue;
        if (said++ < 3)
            pxs_text_addf(&n->text, "%s%s (%zu of %zu)", said == 1 ? "" : ", ",
                          pxs_compare_label(c, g), pxs_compare_lost(g),
                          pxs_compare_lost(g) + g->states.of[PXS_STATE_COMPLETED]);
    }
    if (said > 0) {
        if (said > 3)
            pxs_text_addf(&n->text, " and %zu more", said - 3);
        pxs_text_add(&n->text, " lost runs that failed or diverged: a mean over those that came "
                               "through flatters them");
    }
    note(n);
}

/* Who has how many seeds was decided by what they showed. */
static void note_race(const struct comparing *c, struct notes *n) {
    const size_t before = n->out->n_notes;
    if (c->race && !c->race_answers)
        pxs_text_addf(&n->text, "%s. ", c->race);
    if (c->race)
        pxs_text_add(
            &n->text,
            "n differs by selection: a configuration is dropped where its first seeds look bad, so "
            "the plain mean of a dropped one is biased for the worse, and of a survivor for the "
            "better; the race compared seed by seed, at looks fixed beforehand. p and intervals of "
            "means are those of a fixed number of seeds, narrower than the race's, which decide");
    note(n);
    if (n->out->n_notes > before)
        n->out->race_note = n->out->notes[before];
}

static void note_imported(const struct comparing *c, struct notes *n) {
    size_t imported = 0;
    for (size_t g = 0; g < c->n_groups; g++)
        imported += c->groups[g].imported;
    if (imported > 0)
        pxs_text_addf(
            &n->text,
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
        pxs_compare_name_others(c, &others);
        pxs_text_addf(&n->text,
                      "the runs of a line differ in %s, too: spread and intervals cover that as "
                      "well as the seeds",
                      pxs_text_str(&others));
        pxs_text_finish(&others);
    }
    note(n);
}

static void note_baseline(const struct comparing *c, struct notes *n) {
    if (c->baseline == c->n_groups)
        return;
    const struct group *b = &c->groups[c->baseline];
    if (c->baseline >= c->ranked) {
        pxs_text_addf(&n->text, "the baseline, %s, has no %s to compare with",
                      pxs_compare_label(c, b),
                      b->states.of[PXS_STATE_COMPLETED] > 0 ? c->metric.name : "completed run");
        note(n);
        return;
    }
    size_t welch = 0, better = 0, worse = 0, other = 0;
    for (size_t g = 0; g < c->ranked; g++) {
        const struct pxs_difference *d = &c->groups[g].baseline;
        if (!c->groups[g].has_baseline)
            continue;
        welch += d->design == PXS_DESIGN_WELCH;
        other += !pxs_compare_same_loss(c, &c->groups[g], b, d->design == PXS_DESIGN_PAIRED);
        if (d->p_holm < PXS_ALPHA)
            *((d->mean < 0) != c->metric.higher ? &better : &worse) += 1;
    }
    pxs_text_addf(&n->text,
                  "against the baseline %zu, %s: %zu better and %zu worse by the evidence, of %zu",
                  c->baseline + 1, pxs_compare_label(c, b), better, worse, c->ranked - 1);
    pxs_text_addf(&n->text, " (%s minus the baseline's, pair by pair; p with Holm's correction",
                  c->metric.name);
    if (other > 0)
        pxs_text_addf(&n->text, "; %zu whose %s is another measure %s not tested", other,
                      c->metric.name, other == 1 ? "is" : "are");
    if (welch > 0)
        pxs_text_addf(&n->text, "; %zu without enough pairs by Welch's t test", welch);
    pxs_text_add(&n->text, ")");
    note(n);
}

static void note_target(const struct comparing *c, struct notes *n) {
    const bool image = c->asked.measure == M_val_psnr || c->asked.measure == M_val_ssim;
    const char *name = image ? c->asked.name : "val_loss";
    size_t reached = 0, of = 0, have = 0;
    for (size_t g = 0; g < c->n_groups && c->o->target; g++) {
        have += c->groups[g].stats[image ? c->asked.measure : M_best_val_loss].n;
        reached += c->groups[g].stats[M_target_epoch].n;
        of += c->groups[g].counted;
    }
    if (c->o->target) {
        pxs_text_addf(&n->text, "target %s %s %g: ", name,
                      c->asked.higher ? ">=" : "<=", *c->o->target);
        if (of > 0 && have == 0 && reached == 0)
            pxs_text_addf(&n->text, "no run has a %s, so none can reach it", name);
        else
            pxs_text_addf(&n->text, "reached by %zu of %zu %s%s", reached, of,
                          c->until < 0 ? "completed runs" : "runs that count",
                          reached > 0 && reached < of
                              ? "; epoch and time are means over those that reached it"
                              : "");
    }
    note(n);
}

static void note_front(const struct comparing *c, struct notes *n) {
    size_t said = 0;
    for (size_t g = 0; g < c->n_groups; g++) {
        if (!c->groups[g].front)
            continue;
        pxs_text_addf(&n->text, "%s%zu (%s)", said++ == 0 ? "" : ", ", g + 1,
                      pxs_compare_label(c, &c->groups[g]));
    }
    if (said > 0)
        pxs_text_addf(&n->text,
                      ": no other configuration is as good in every one of %s and better in one, "
                      "by the means",
                      c->o->pareto);
    note(n);
}

/* Where times are asked for, those of different machines or numbers of threads are not alike. */
static void note_machines(const struct comparing *c, const struct pxs_comparison *out,
                          struct notes *n) {
    const bool asked =
        c->o->target || c->metric.measure == M_seconds ||
        (c->o->pareto && (strstr(c->o->pareto, "time") || strstr(c->o->pareto, "seconds")));
    if (asked && out->mixed_machines)
        pxs_text_add(
            &n->text,
            "the runs had different machines or numbers of threads: their times are not alike");
    note(n);
}

/* Pairs that are equal in the metric, although not all are and the runs are not the same. */
static void note_parting(const struct comparing *c, struct notes *n) {
    if (c->parting.part > 0 && c->parting.equal < c->parting.pairs) {
        pxs_text_addf(&n->text, "in %zu of %zu pairs of the first two %s is the same, although ",
                      c->parting.part, c->parting.pairs, c->metric.name);
        pxs_compare_say_parting(c, &n->text);
    }
    note(n);
}

static void note_overfit(const struct comparing *c, struct notes *n) {
    size_t counted = 0;
    for (size_t g = 0; g < c->n_groups; g++)
        counted += c->groups[g].counted;
    if (c->overfit.n > 0)
        pxs_text_addf(
            &n->text,
            "%zu of %zu runs that count peaked early and then overfitted: from about epoch %" PRId64
            " on their validation loss rises (at the end %.3g times its lowest) while their "
            "training loss falls; best_val_loss is of the weights that are kept, final_val_loss of "
            "the last epoch",
            c->overfit.n, counted, c->overfit.from, c->overfit.risen);
    note(n);
}

/* ---- the discriminator ---------------------------------------------------------------------- */

static void note_discriminator(const struct comparing *c, bool full, struct notes *n) {
    struct pxs_text runs = {0};
    size_t found = 0;
    for (size_t run = 0; run < c->in.n_runs; run++) {
        const double real = pxs_compare_value(c, run, M_D_real),
                     fake = pxs_compare_value(c, run, M_D_fake);
        const bool lsgan = c->runs.cells[run * c->runs.n_columns + RUN_LSGAN].integer != 0;
        const struct pxs_cell *step = &c->runs.cells[run * c->runs.n_columns + RUN_LAST_STEP];
        if (!pxs_compare_counts(c, run) || isnan(real - fake) ||
            (step->kind == PXS_CELL_INT && step->integer < D_YOUNG))
            continue;
        if (full ? !(lsgan && real - fake > D_FULL) : !(fabs(real - fake) < D_SAME))
            continue;
        if (found++ < 4)
            pxs_text_addf(&runs, "%s%s (%.2f and %.2f)", found == 1 ? "" : ", ", c->in.places[run],
                          real, fake);
    }
    if (found > 4)
        pxs_text_addf(&runs, " and %zu more", found - 4);
    if (found > 0)
        pxs_text_addf(
            &n->text,
            "discriminator %s in run%s %s: its last mean outputs for real and generated pairs",
            full ? "saturated, so that it teaches little," : "collapsed", found == 1 ? "" : "s",
            pxs_text_str(&runs));
    pxs_text_finish(&runs);
    note(n);
}

/* ---- all together --------------------------------------------------------------------------- */

enum pxs_status pxs_compare_note(const struct comparing *c, const struct comparing *provisional,
                                 struct pxs_comparison *out, struct pxs_error *err) {
    struct notes all = {.out = out, .room = 32}, *n = &all;
    out->notes = pxs_arena_alloc(&out->table.arena, n->room * sizeof *out->notes);
    if (!out->notes)
        return pxs_fail_nomem(err);

    note_spread(c, n);
    if (out->kernels[0] != '\0')
        pxs_text_addf(&n->text, "runs of different kernels (%s): small differences may be theirs",
                      out->kernels);
    note(n);

    /* Where groups are not what a reader would expect of names alone. */
    for (size_t i = 0; i < c->in.n_notes; i++) {
        pxs_text_add(&n->text, c->in.notes[i]);
        note(n);
    }

    note_missing(c, out, n);

    /* More configurations than those that have completed runs. */
    if (provisional) {
        pxs_text_addf(&n->text,
                      "provisionally, as of epoch %" PRId64
                      ", the last that all %zu configurations%s have: ",
                      provisional->until, provisional->begun,
                      provisional->begun < provisional->n_groups ? " that have begun" : "");
        pxs_compare_say_means(provisional, &n->text);
    }
    note(n);

    note_survivors(c, n);

    if (out->states.of[PXS_STATE_PRUNED] > 0)
        pxs_text_add(
            &n->text,
            "pruning gave up runs that were behind early, which favours schedules that fall early; "
            "what is left of a configuration is the better part of it");
    note(n);

    note_race(c, n);
    note_imported(c, n);
    note_mixed(c, n);
    note_parting(c, n);
    note_overfit(c, n);
    note_discriminator(c, false, n);
    note_discriminator(c, true, n);

    if (c->metric.measure == M_val_psnr || c->metric.measure == M_val_ssim)
        pxs_text_addf(
            &n->text,
            "%s is that of the epoch with the best validation loss, whose weights are kept",
            c->metric.name);
    note(n);

    note_machines(c, out, n);
    note_target(c, n);
    note_front(c, n);
    note_baseline(c, n);

    if (c->ranked > 2)
        pxs_text_addf(
            &n->text,
            "the best of %zu means owes something to luck: expect a little less of it in new runs",
            c->ranked);
    note(n);

    pxs_text_finish(&n->text);
    return n->failed ? pxs_fail_nomem(err) : PXS_OK;
}
