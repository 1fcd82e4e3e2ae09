/* A kept look in words: for run, tasks, show, board, page and compare alike. */
#include "pixsweep/race.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMED 3 /* so many are named, the others counted */

void pxs_race_record_finish(struct pxs_race_record *record) {
    free(record->entries);
    pxs_arena_finish(&record->labels);
    *record = (struct pxs_race_record){0};
}

const char *pxs_race_decision_name(enum pxs_race_decision decision) {
    static const char *const names[] = {[PXS_RACE_OUT] = "out",
                                        [PXS_RACE_LEADS] = "leads",
                                        [PXS_RACE_STAYS] = "stays",
                                        [PXS_RACE_DROPPED] = "dropped"};
    return names[decision];
}

size_t pxs_race_record_left(const struct pxs_race_record *r) {
    size_t left = 0;
    for (size_t i = 0; i < r->n; i++)
        left += r->entries[i].decision != PXS_RACE_DROPPED;
    return left;
}

static const struct pxs_race_entry *leader_of(const struct pxs_race_record *r) {
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].decision == PXS_RACE_LEADS)
            return &r->entries[i];
    return NULL;
}

enum pxs_race_state pxs_race_record_state(const struct pxs_race_record *r, double indifference,
                                          int max_seeds) {
    bool equal = true;
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].decision == PXS_RACE_STAYS)
            equal &= r->entries[i].low >= -indifference && r->entries[i].high <= indifference;
    if (pxs_race_record_left(r) == 1)
        return PXS_RACE_WON;
    if (equal)
        return PXS_RACE_EQUAL;
    return r->seeds >= max_seeds ? PXS_RACE_OPEN : PXS_RACE_GOES_ON;
}

/* ---- pieces --------------------------------------------------------------------------------- */

static const char *label_of(const struct pxs_race_entry *e) {
    return e->label && e->label[0] ? e->label : "the only one";
}

/* What stands between names in a list: names that have commas need more. */
static const char *between(const struct pxs_race_record *r) {
    for (size_t i = 0; i < r->n; i++)
        if (strchr(label_of(&r->entries[i]), ','))
            return "; ";
    return ", ";
}

static bool higher_better(const struct pxs_race_record *r) {
    enum pxs_race_metric metric;
    return pxs_race_metric_find(r->metric, &metric) && pxs_race_metric_info(metric)->higher_better;
}

/* "worse than constant by 0.0123, interval 0.004 to 0.021", whichever way is better. */
static void add_difference(const struct pxs_race_record *r, const struct pxs_race_entry *e,
                           const struct pxs_race_entry *leader, struct pxs_text *out) {
    char by[32], from[32], to[32];
    const bool higher = higher_better(r);
    const double worse = higher ? -e->difference : e->difference;
    pxs_text_addf(out, "%s than %s by %s", worse < 0 ? "better" : "worse", label_of(leader),
                  pxs_format_rounded(by, fabs(worse), 3));
    pxs_text_addf(out, ", interval %s to %s",
                  pxs_format_rounded(from, higher ? -e->high : e->low, 3),
                  pxs_format_rounded(to, higher ? -e->low : e->high, 3));
    if (e->diverged > 0)
        pxs_text_addf(out, ", %zu of %zu seeds diverged", e->diverged, e->n);
}

/* Those that are left, the leader first: "a, b and c", "a, b, c and 3 more". */
static void add_left(const struct pxs_race_record *r, struct pxs_text *out) {
    const size_t left = pxs_race_record_left(r);
    const struct pxs_race_entry *leader = leader_of(r);
    const size_t named = left <= NAMED + 1 ? left : NAMED;
    const char *comma = between(r), *last = comma[0] == ';' ? "; and " : " and ";
    size_t said = 0;
    if (leader)
        pxs_text_addf(out, "%s", label_of(leader)), said++;
    for (size_t i = 0; i < r->n && said < named; i++) {
        const struct pxs_race_entry *e = &r->entries[i];
        if (e->decision != PXS_RACE_STAYS)
            continue;
        pxs_text_addf(out, "%s%s", said == 0 ? "" : said + 1 == left ? last : comma, label_of(e));
        said++;
    }
    if (said < left)
        pxs_text_addf(out, " and %zu more", left - said);
}

static void add_cut(int64_t budget_runs, struct pxs_text *out) {
    if (budget_runs > 0)
        pxs_text_addf(out, "the budget of %lld runs ended it", (long long)budget_runs);
    else
        pxs_text_add(out, "time ended it");
}

/* ---- whole ---------------------------------------------------------------------------------- */

void pxs_race_words_look(const struct pxs_race_record *r, struct pxs_text *out) {
    const struct pxs_race_entry *leader = leader_of(r);
    const size_t left = pxs_race_record_left(r);
    size_t said = 0;
    pxs_text_addf(out, "look %d, %d seeds: ", r->look, r->seeds);
    for (size_t i = 0; i < r->n && said < NAMED; i++) {
        const struct pxs_race_entry *e = &r->entries[i];
        if (e->decision != PXS_RACE_DROPPED || !leader)
            continue;
        pxs_text_addf(out, "%s%s is dropped (", said > 0 ? between(r) : "", label_of(e));
        add_difference(r, e, leader, out);
        pxs_text_add(out, ")");
        said++;
    }
    if (r->n - left > said)
        pxs_text_addf(out, ", %zu more are dropped", r->n - left - said);
    if (said == 0 && leader)
        pxs_text_addf(out, "none is dropped, %s leads", label_of(leader));
    else if (said == 0)
        pxs_text_add(out, "none is dropped, since none has two values yet");
    pxs_text_addf(out, "; %zu of %zu left", left, r->n);
}

void pxs_race_words_end(const struct pxs_race_record *r, double indifference, int max_seeds,
                        bool cut, int64_t budget_runs, struct pxs_text *out) {
    const enum pxs_race_state state = pxs_race_record_state(r, indifference, max_seeds);
    const size_t left = pxs_race_record_left(r);
    char within[32];
    switch (state) {
    case PXS_RACE_WON:
        add_left(r, out);
        pxs_text_addf(out, " wins: the others were dropped within %d seeds", r->seeds);
        return;
    case PXS_RACE_EQUAL:
        add_left(r, out);
        pxs_text_add(out, " are equal");
        if (indifference > 0)
            pxs_text_addf(out, " to within %s", pxs_format_rounded(within, indifference, 4));
        pxs_text_addf(out, ", %s will do: shown by %d seeds", left == 2 ? "either" : "any",
                      r->seeds);
        return;
    case PXS_RACE_OPEN:
        pxs_text_add(out, "not separated: ");
        break;
    case PXS_RACE_GOES_ON:
        if (!cut)
            return;
        add_cut(budget_runs, out);
        pxs_text_add(out, ": ");
        break;
    }
    add_left(r, out);
    pxs_text_addf(out, " are left after %d seeds", r->seeds);
    if (leader_of(r))
        pxs_text_addf(out, ", %s has the best mean", label_of(leader_of(r)));
}

void pxs_race_words_now(const struct pxs_race_options *o, const struct pxs_race_record *last,
                        size_t n, bool cut, int64_t budget_runs, struct pxs_text *out) {
    int at[PXS_RACE_LOOKS_MOST];
    size_t n_looks, next = 0;
    if (last &&
        (cut || pxs_race_record_state(last, o->indifference, o->max_seeds) != PXS_RACE_GOES_ON)) {
        pxs_race_words_end(last, o->indifference, o->max_seeds, cut, budget_runs, out);
        return;
    }
    const bool known = pxs_race_looks(o, at, &n_looks, NULL) == PXS_OK;
    while (known && last && next + 1 < n_looks && at[next] <= last->seeds)
        next++;
    if (last)
        pxs_text_addf(out, "look %d judged at %d seeds, %zu of %zu left", last->look, last->seeds,
                      pxs_race_record_left(last), n);
    else if (cut) {
        add_cut(budget_runs, out);
        pxs_text_add(out, " before the first look");
    } else
        pxs_text_add(out, "no look yet");
    if (known) /* not where the looks alone were merged */
        pxs_text_addf(out, last ? "; next at %d seeds" : ", the first is at %d seeds", at[next]);
}
