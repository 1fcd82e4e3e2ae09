/* compare --effects: the answer in words. */
#include "effects_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAY_LEVELS = 12 }; /* of a key with more values none is named by itself */

static void put_number(struct pxs_text *out, double value) {
    char buf[32];
    pxs_text_add(out, pxs_format_rounded(buf, value, 3));
}

static void put_interval(struct pxs_text *out, const struct pxs_difference *d) {
    if (isnan(d->low)) {
        pxs_text_add(out, d->no_spread ? "the same in every pair" : "no interval");
        return;
    }
    pxs_text_add(out, "95 % interval ");
    put_number(out, d->low);
    pxs_text_add(out, " to ");
    put_number(out, d->high);
}

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

/* ---- notes ---------------------------------------------------------------------------------- */

struct notes {
    struct pxs_effects *out;
    size_t room;
    struct pxs_text text;
    bool failed;
};

static void note(struct notes *n) {
    if (n->text.len > 0 && n->out->n_notes < n->room && !n->text.failed) {
        const char *copy = pxs_arena_strdup(&n->out->arena, pxs_text_str(&n->text));
        n->failed = n->failed || !copy;
        n->out->notes[n->out->n_notes] = copy;
        n->out->n_notes += copy != NULL;
    }
    n->failed = n->failed || n->text.failed;
    pxs_text_clear(&n->text);
}

/* "a, b and c" */
static void put_name(struct pxs_text *out, const char *name, size_t *said) {
    pxs_text_addf(out, "%s%s", (*said)++ > 0 ? ", " : "", name);
}

static void note_pairs(const struct effects *e, struct notes *n) {
    size_t missing = 0, spared = 0, seeds = 0, settings = 0, effects = 0;
    for (size_t i = 0; i < e->n_lines; i++) {
        const struct line *line = &e->lines[i];
        if (line->kind != LINE_EFFECT)
            continue;
        effects++;
        missing += line->missing;
        spared += line->spared;
        seeds += line->test.error == PXS_ERROR_SEEDS;
        settings += line->test.error == PXS_ERROR_SETTINGS;
    }
    if (effects == 0)
        return;
    pxs_text_add(&n->text,
                 "an effect is the mean over pairs of runs with the same seed that differ in "
                 "that key alone; p is corrected for all tests of the table (Holm)");
    note(n);
    if (settings > 0)
        pxs_text_addf(
            &n->text,
            "%s no setting has two seeds, so how much the effect differs between settings of "
            "the other keys stands in for luck; what the seed does to all of them alike is in "
            "no interval",
            settings == effects ? "in all lines" : "in some lines");
    note(n);
    size_t said = 0;
    for (size_t i = 0; i < e->n_factors && seeds > 0; i++) {
        bool some = false;
        for (size_t k = 0; k < e->n_lines; k++)
            some =
                some || (e->lines[k].factor == &e->factors[i] && e->lines[k].kind == LINE_EFFECT &&
                         e->lines[k].test.error == PXS_ERROR_SEEDS);
        if (some)
            put_name(&n->text, e->factors[i].name, &said);
    }
    if (said > 0)
        pxs_text_add(&n->text,
                     ": a seed may do the same in all settings there, so in some lines it counts "
                     "once and not with each pair (error: seeds)");
    note(n);
    if (missing > 0)
        pxs_text_addf(&n->text,
                      "%zu pair%s that the sweep has %s missing, since a run of %s has no %s",
                      missing, plural(missing), missing == 1 ? "is" : "are",
                      missing == 1 ? "it" : "them", e->c.metric.name);
    note(n);
    if (spared > 0)
        pxs_text_addf(&n->text, "%zu pair%s will not come: the race did not need a run of %s",
                      spared, plural(spared), spared == 1 ? "it" : "them");
    note(n);
}

/* A mean over survivors flatters. */
static void note_lost(const struct effects *e, struct notes *n) {
    size_t said = 0;
    for (size_t i = 0; i < e->n_factors; i++) {
        const struct factor *f = &e->factors[i];
        for (size_t v = 0; f->asked && f->n_levels <= SAY_LEVELS && v < f->n_levels; v++) {
            const struct level *level = &f->levels[v];
            if (level->lost > 0)
                pxs_text_addf(&n->text, "%s%s %s lost %zu of %zu runs", said++ > 0 ? ", " : "",
                              f->name, level->text, level->lost, level->runs);
        }
    }
    if (said > 0)
        pxs_text_add(&n->text, " (failed or diverged): pairs are of those that came through, which "
                               "flatters such a value");
    note(n);
    size_t pruned = 0, lost = 0, open = e->out->n_runs - e->out->n_counted - e->not_needed;
    for (size_t run = 0; run < e->c.in.n_runs; run++) {
        const enum pxs_run_state state =
            pxs_state_parse(e->c.runs.cells[run * e->c.runs.n_columns + RUN_STATE].text);
        pruned += state == PXS_STATE_PRUNED;
        lost += state == PXS_STATE_FAILED || state == PXS_STATE_DIVERGED;
    }
    if (said == 0 && lost > 0)
        pxs_text_addf(&n->text, "%zu run%s failed or diverged and %s not in any mean", lost,
                      plural(lost), lost == 1 ? "is" : "are");
    note(n);
    if (pruned > 0)
        pxs_text_addf(&n->text,
                      "%zu run%s pruned: what is left of a value is the better part of it, so "
                      "effects come out smaller than they are",
                      pruned, pruned == 1 ? " was" : "s were");
    note(n);
    if (open > lost + pruned)
        pxs_text_addf(&n->text, "%zu run%s not completed yet, or without a %s: lines will change",
                      open - lost - pruned, open - lost - pruned == 1 ? " is" : "s are",
                      e->c.metric.name);
    note(n);
}

/* Keys that vary only with others, or under some value of another. */
static void note_bound(const struct effects *e, const struct factor *f, struct notes *n) {
    const struct pxs_groups *in = &e->c.in;
    enum pxs_param_key param;
    if (f->joint)
        pxs_text_addf(&n->text,
                      "%s change only together: what each of them does by itself cannot be told",
                      f->name);
    note(n);
    size_t beneath = 0, without = 0;
    for (size_t k = 0; k < in->n_keys && !f->drawn; k++) {
        if (f->beneath[k] && k != f->key && pxs_param_find(in->keys[k], &param) &&
            pxs_param_info((int)param)->conditional)
            pxs_text_addf(&n->text, "%s%s", beneath++ > 0 ? ", " : "", in->keys[k]);
    }
    if (beneath > 0)
        pxs_text_addf(
            &n->text,
            " belong%s to values of %s: such a value stands for the mean over what it was "
            "tried with",
            beneath == 1 ? "s" : "", f->name);
    note(n);
    for (size_t run = 0; run < in->n_runs; run++)
        without += f->level_of[run] == NO_LEVEL;
    if (without > 0 && pxs_param_find(in->keys[f->key], &param)) {
        struct pxs_text values = {0};
        pxs_param_condition((int)param, " or ", &values);
        pxs_text_addf(&n->text,
                      "%s has an effect only under %s %s, and is compared among those runs",
                      f->name, pxs_param_info((int)pxs_param_info((int)param)->under)->key,
                      pxs_text_str(&values));
        pxs_text_finish(&values);
    }
    note(n);
}

static void note_keys(const struct effects *e, struct notes *n) {
    size_t alone = 0, guessed = 0;
    for (size_t i = 0; i < e->n_factors; i++) {
        if (e->factors[i].asked)
            note_bound(e, &e->factors[i], n);
    }
    for (size_t i = 0; i < e->n_factors; i++) {
        const struct factor *f = &e->factors[i];
        if (f->asked && f->planned == 0 && !f->drawn)
            put_name(&n->text, f->name, &alone);
    }
    if (alone > 0)
        pxs_text_addf(&n->text,
                      ": no two runs with the same seed differ in %s alone, so nothing can be said "
                      "of %s with all else equal",
                      alone == 1 ? "it" : "one of these", alone == 1 ? "it" : "them");
    note(n);
    size_t apart = 0;
    for (size_t i = 0; i < e->n_factors; i++) {
        const struct factor *f = &e->factors[i];
        if (f->apart > 0)
            pxs_text_addf(&n->text, "%s%zu of %s",
                          apart++ > 0 ? ", " : "values without a line: ", f->apart, f->name);
    }
    if (apart > 0)
        pxs_text_add(&n->text, ": no run differs in such a value alone from one with the value "
                               "that the others are set against");
    note(n);
    for (size_t i = 0; i < e->n_factors; i++) {
        if (e->factors[i].asked && e->factors[i].guessed)
            put_name(&n->text, e->factors[i].name, &guessed);
    }
    if (guessed > 0)
        pxs_text_add(
            &n->text,
            ": the sweep's text does not say how they vary (another file may, by extends); "
            "that they were drawn, and over which scale, is a guess from their values");
    note(n);
}

/* Keys with which the metric is another measure, or of other pictures. */
static void note_measures(const struct effects *e, struct notes *n) {
    static const char *const deciding[] = {"dataset", "val_fraction"};
    for (size_t i = 0; i < LOSS_PARTS; i++) {
        const struct loss_part *part = &pxs_loss_parts[i];
        if ((part->of & 1u << e->c.metric.kin) != 0 && pxs_groups_by(&e->c.in, part->key))
            pxs_text_addf(
                &n->text,
                "%s %s, so runs that differ in it have another %s: nothing is said of it, "
                "and effects of the other keys are means over different measures",
                part->key, part->role, e->c.metric.name);
        note(n);
    }
    for (size_t i = 0; i < PXS_COUNT(deciding); i++) {
        if (pxs_groups_by(&e->c.in, deciding[i]) && e->c.metric.kin == KIN_VALIDATION)
            pxs_text_addf(&n->text,
                          "%s differs, so runs may not have been validated on the same pictures",
                          deciding[i]);
        note(n);
    }
}

static void note_race(const struct effects *e, struct notes *n) {
    if (e->raced)
        pxs_text_addf(
            &n->text,
            "a race gave out the seeds: a configuration that it dropped has fewer, and bad "
            "luck may be among the reasons, so effects of what was dropped look larger than "
            "they are");
    if (e->not_needed > 0)
        pxs_text_addf(&n->text, "; %zu run%s that it needs no more will not come", e->not_needed,
                      plural(e->not_needed));
    note(n);
}

static void note_draws(const struct effects *e, struct notes *n) {
    size_t drawn = 0;
    for (size_t i = 0; i < e->n_factors; i++)
        drawn += e->factors[i].drawn && e->factors[i].asked;
    if (drawn > 0)
        pxs_text_add(&n->text,
                     "drawn values: a draw is one point, its mean over its seeds; rank "
                     "correlation is Spearman's, from -1 (the metric falls with the key) to 1, "
                     "while all other drawn keys vary, too");
    note(n);
}

static enum pxs_status make_notes(struct effects *e, struct pxs_error *err) {
    struct notes all = {.out = e->out, .room = 32 + 4 * e->n_factors}, *n = &all;
    e->out->notes = pxs_arena_alloc(&e->out->arena, n->room * sizeof *e->out->notes);
    if (!e->out->notes)
        return pxs_fail_nomem(err);
    if (e->c.metric.measure != e->c.asked.measure)
        pxs_text_addf(&n->text, "no run has a %s, so this is by %s%s", e->c.asked.name,
                      e->c.metric.name,
                      e->c.metric.measure == M_final_avg_loss_G
                          ? ", the training loss, which says nothing of unseen pairs"
                          : "");
    note(n);
    note_pairs(e, n);
    note_draws(e, n);
    note_keys(e, n);
    note_measures(e, n);
    note_lost(e, n);
    note_race(e, n);
    for (size_t i = 0; i < e->c.in.n_notes; i++) {
        pxs_text_add(&n->text, e->c.in.notes[i]);
        note(n);
    }
    size_t imported = 0;
    for (size_t run = 0; run < e->c.in.n_runs; run++)
        imported += e->imported[run];
    if (imported > 0)
        pxs_text_addf(&n->text, "%zu run%s imported from old logs: no seed to pair by", imported,
                      imported == 1 ? " is" : "s are");
    note(n);
    pxs_text_finish(&n->text);
    return n->failed ? pxs_fail_nomem(err) : PXS_OK;
}

/* ---- verdict -------------------------------------------------------------------------------- */

/* The line that says most of a factor: of those with the smallest p, the largest effect. */
static const struct line *main_line(const struct effects *e, const struct factor *f) {
    const struct line *found = NULL;
    for (size_t i = 0; i < e->n_lines; i++) {
        const struct line *line = &e->lines[i];
        if (line->factor != f || line->kind == LINE_INTERACTION || line->kind == LINE_OVERALL)
            continue;
        if (line->kind == LINE_RANK)
            return line;
        if (line->d.n_a == 0 || isnan(line->d.mean))
            continue;
        const bool sure = line->d.p_holm < PXS_ALPHA, before = found && found->d.p_holm < PXS_ALPHA;
        if (!found || sure > before || (sure == before && fabs(line->d.mean) > fabs(found->d.mean)))
            found = line;
    }
    return found;
}

static double smallest_p(const struct effects *e, const struct factor *f) {
    double p = NAN;
    for (size_t i = 0; i < e->n_lines; i++) {
        if (e->lines[i].factor == f && e->lines[i].kind != LINE_INTERACTION)
            p = fmin(p, e->lines[i].d.p_holm);
    }
    return p;
}

static void say_p(struct pxs_text *out, double p) {
    pxs_text_addf(out, p < 0.0001 ? "p < 0.0001" : "p = %.2g", p);
}

static const char *better(const struct effects *e, double mean) {
    return mean == 0 ? "" : (mean < 0) != e->c.metric.higher ? "better, " : "worse, ";
}

static const struct line *overall_line(const struct effects *e, const struct factor *f) {
    for (size_t i = 0; i < e->n_lines; i++) {
        if (e->lines[i].factor == f && e->lines[i].kind == LINE_OVERALL)
            return &e->lines[i];
    }
    return NULL;
}

static void say_effect(const struct effects *e, const struct line *line, struct pxs_text *out) {
    const struct factor *f = line->factor;
    if (line->kind == LINE_RANK) {
        pxs_text_addf(out, "%s (rank correlation ", f->name);
        put_number(out, line->rank.rho);
        pxs_text_addf(out, " over %zu draws", line->rank.n);
        if (line->d.p_holm < PXS_ALPHA)
            pxs_text_addf(out, ", %s values are better",
                          (line->rank.rho < 0) != e->c.metric.higher ? "high" : "low");
    } else {
        pxs_text_addf(out, "%s (%s in place of %s changes %s by ", f->name,
                      f->levels[line->level].text, f->levels[f->reference].text, e->c.metric.name);
        put_number(out, line->d.mean);
        pxs_text_add(out, ", ");
        pxs_text_add(out, line->d.p_holm < PXS_ALPHA ? better(e, line->d.mean) : "");
        put_interval(out, &line->d);
        if (line->kind == LINE_EFFECT)
            pxs_text_addf(out, ", %zu pair%s", line->d.n_a, plural(line->d.n_a));
        else
            pxs_text_addf(out, ", %zu and %zu draws", line->d.n_a, line->d.n_b);
        const struct level *level = &f->levels[line->level];
        if (level->lost > 0)
            pxs_text_addf(out, ", without %zu of its %zu runs, which failed or diverged",
                          level->lost, level->runs);
    }
    if (!isnan(line->d.p_holm)) {
        pxs_text_add(out, ", ");
        say_p(out, line->d.p_holm);
    }
    const struct line *overall = overall_line(e, f);
    if (overall && !isnan(overall->d.p_holm) && !(line->d.p_holm < PXS_ALPHA)) {
        pxs_text_add(out, "; all values at once: ");
        say_p(out, overall->d.p_holm);
    }
    pxs_text_add(out, ")");
}

/* Which keys matter, in the order of their effects; which do not by this evidence. */
static void say_keys(const struct effects *e, struct pxs_text *out) {
    size_t said = 0;
    bool *done = calloc(e->n_factors + 1, 1);
    if (!done) {
        out->failed = true;
        return;
    }
    for (;;) { /* the largest effect first, correlations last */
        const struct line *next = NULL;
        size_t at = 0;
        for (size_t i = 0; i < e->n_factors; i++) {
            const struct line *line = main_line(e, &e->factors[i]);
            if (done[i] || !line || !(smallest_p(e, &e->factors[i]) < PXS_ALPHA))
                continue;
            const double size = line->kind == LINE_RANK ? fabs(line->rank.rho) - 2
                                                        : fabs(line->d.mean),
                         before = !next                     ? -INFINITY
                                  : next->kind == LINE_RANK ? fabs(next->rank.rho) - 2
                                                            : fabs(next->d.mean);
            if (size > before) {
                next = line;
                at = i;
            }
        }
        if (!next)
            break;
        done[at] = true;
        pxs_text_add(out, said++ == 0 ? "what matters by the evidence: " : "; ");
        say_effect(e, next, out);
    }
    size_t open = 0;
    for (size_t i = 0; i < e->n_factors; i++) {
        const struct line *line = main_line(e, &e->factors[i]);
        if (done[i] || !line || isnan(smallest_p(e, &e->factors[i])))
            continue;
        pxs_text_add(out, open++ > 0 ? "; "
                          : said > 0 ? ". Not separated from no effect: "
                                     : "no key is separated from no effect: ");
        done[i] = true;
        say_effect(e, line, out);
    }
    for (size_t i = 0; i < e->n_factors; i++) {
        const struct line *line = main_line(e, &e->factors[i]);
        if (done[i] || !line)
            continue;
        pxs_text_add(out, out->len == 0 ? "no key has a test: " : ". Without a test: ");
        say_effect(e, line, out);
    }
    free(done);
}

/* A value that no run came through with has no pairs, and is the first that one wants to know. */
static void say_hopeless(const struct effects *e, struct pxs_text *out) {
    for (size_t i = 0; i < e->n_factors; i++) {
        const struct factor *f = &e->factors[i];
        for (size_t v = 0; f->asked && f->n_levels <= SAY_LEVELS && v < f->n_levels; v++) {
            const struct level *level = &f->levels[v];
            if (level->counted == 0 && level->lost == level->runs && e->out->n_counted > 0)
                pxs_text_addf(out, "%sno run with %s %s came through (%zu failed or diverged)",
                              out->len > 0 ? ". " : "", f->name, level->text, level->lost);
        }
    }
}

/* ---- interactions --------------------------------------------------------------------------- */

/* Effects of `of` (level a to b) at each level of `at`. */
struct simple {
    const struct factor *of, *at;
    size_t a, b, n, sure,
        only;           /* sure: separated from 0 (Bonferroni over n); only: the last such */
    struct line *lines; /* of each level of `at` */
};

static enum pxs_status read_simple(const struct effects *e, const struct line *line, bool turned,
                                   struct simple *s, struct pxs_arena *arena,
                                   struct pxs_error *err) {
    const struct blocks *b = &line->blocks;
    const size_t width = line->with->n_levels;
    s->of = turned ? line->with : line->factor;
    s->at = turned ? line->factor : line->with;
    s->lines = pxs_arena_alloc(arena, (s->at->n_levels + 1) * sizeof *s->lines);
    struct line *tried = pxs_arena_alloc(arena, (s->at->n_levels + 1) * sizeof *tried);
    if (!s->lines || !tried)
        return pxs_fail_nomem(err);
    double widest = -1;
    for (size_t to = 0; to < s->of->n_levels; to++) {
        double low = INFINITY, high = -INFINITY;
        if (to == s->of->reference)
            continue;
        for (size_t w = 0; w < s->at->n_levels; w++) {
            const size_t from_level =
                             turned ? w * width + s->of->reference : s->of->reference * width + w,
                         to_level = turned ? w * width + to : to * width + w;
            PXS_TRY(pxs_effects_contrast(b, e->c.in.n_runs, from_level, to_level, &tried[w], err));
            if (tried[w].d.n_a > 0) {
                low = fmin(low, tried[w].d.mean);
                high = fmax(high, tried[w].d.mean);
            }
        }
        if (high - low > widest) {
            widest = high - low;
            s->b = to;
            memcpy(s->lines, tried, s->at->n_levels * sizeof *tried);
        }
    }
    s->a = s->of->reference;
    s->n = s->sure = 0;
    for (size_t w = 0; w < s->at->n_levels; w++) {
        s->n += s->lines[w].d.n_a > 0;
    }
    for (size_t w = 0; w < s->at->n_levels; w++) {
        if (s->lines[w].d.p * (double)s->n < PXS_ALPHA) {
            s->sure++;
            s->only = w;
        }
    }
    return PXS_OK;
}

static void say_simple(const struct effects *e, const struct simple *s, struct pxs_text *out) {
    size_t said = 0;
    if (s->sure == 1)
        pxs_text_addf(out, "%s matters only at %s %s, as far as this evidence goes: ", s->of->name,
                      s->at->name, s->at->levels[s->only].text);
    else
        pxs_text_addf(out, "what %s does depends on %s: ", s->of->name, s->at->name);
    pxs_text_addf(out, "%s in place of %s changes %s by ", s->of->levels[s->b].text,
                  s->of->levels[s->a].text, e->c.metric.name);
    for (size_t w = 0; w < s->at->n_levels; w++) {
        const struct line *line = &s->lines[w];
        if (line->d.n_a == 0)
            continue;
        pxs_text_add(out, said++ > 0 ? ", by " : "");
        put_number(out, line->d.mean);
        pxs_text_addf(out, " at %s (", s->at->levels[w].text);
        put_interval(out, &line->d);
        pxs_text_addf(out, ", %zu pair%s)", line->d.n_a, plural(line->d.n_a));
    }
}

static enum pxs_status say_interaction(const struct effects *e, struct pxs_text *out,
                                       struct pxs_error *err) {
    const struct line *largest = NULL;
    size_t tested = 0;
    for (size_t i = 0; i < e->n_lines; i++) {
        const struct line *line = &e->lines[i];
        if (line->kind != LINE_INTERACTION)
            continue;
        tested += !isnan(line->d.p);
        if (!isnan(line->d.p) && (!largest || line->d.p < largest->d.p))
            largest = line;
    }
    if (e->n_interactions == 0)
        return PXS_OK;
    if (!largest) {
        pxs_text_add(out,
                     ". Whether keys act on each other cannot be told from luck here: that needs "
                     "two seeds of all combinations, or a third key");
        return PXS_OK;
    }
    if (!(largest->d.p_holm < PXS_ALPHA)) {
        pxs_text_addf(out, ". No interaction is separated from luck (the largest: %s with %s, ",
                      largest->factor->name, largest->with->name);
        say_p(out, largest->d.p_holm);
        pxs_text_addf(out, ", %zu block%s)", largest->d.n_a, plural(largest->d.n_a));
        return PXS_OK;
    }
    struct pxs_arena arena = {0};
    struct simple ways[2] = {0};
    enum pxs_status status = read_simple(e, largest, false, &ways[0], &arena, err);
    if (status == PXS_OK)
        status = read_simple(e, largest, true, &ways[1], &arena, err);
    if (status == PXS_OK) {
        pxs_text_add(out, ". The largest interaction (");
        say_p(out, largest->d.p_holm);
        pxs_text_addf(out, "%s%s): ", tested > 1 ? " corrected for all of them" : "", "");
        say_simple(e, &ways[ways[0].sure != 1 && ways[1].sure == 1], out);
    }
    pxs_arena_finish(&arena);
    return status;
}

enum pxs_status pxs_effects_say(struct effects *e, struct pxs_error *err) {
    struct pxs_text verdict = {0};
    for (size_t i = 0; i < e->n_factors; i++)
        e->out->n_keys += main_line(e, &e->factors[i]) != NULL;
    PXS_TRY(make_notes(e, err));
    if (e->out->n_counted == 0)
        pxs_text_addf(&verdict, "no run is completed, so nothing can be said yet");
    else if (e->c.in.n_keys == 0)
        pxs_text_addf(&verdict, "nothing but the seed differs in %s, so there is no effect to tell",
                      e->out->sweep);
    else
        say_keys(e, &verdict);
    say_hopeless(e, &verdict);
    if (verdict.len == 0)
        pxs_text_add(&verdict,
                     "no two completed runs differ in one key alone, so no effect can be told");
    enum pxs_status status = say_interaction(e, &verdict, err);
    if (status == PXS_OK) {
        e->out->verdict =
            verdict.failed ? NULL : pxs_arena_strdup(&e->out->arena, pxs_text_str(&verdict));
        if (!e->out->verdict)
            status = pxs_fail_nomem(err);
    }
    pxs_text_finish(&verdict);
    return status;
}
