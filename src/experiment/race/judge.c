/* One look of a race.
 *
 * The best configuration is dropped only if its mean difference to some leader is beyond a bound
 * above 0. The share of such errors that is allowed, 1 - confidence, is spent evenly over seeds
 * (Lan and DeMets 1983), and each look's part over the k - 1 others: by Bonferroni's inequality the
 * parts add up to no more than the whole, whatever depends on what, and whoever leads. The bound is
 * Student's, times `skewed` where the difference may have a tail that was not seen yet. */
#include "pixsweep/race.h"
#include "pixsweep/base/statistics.h"

#include <math.h>
#include <stdlib.h>

/* A pair's t must be so many times the one that is enough for a normal difference: see the table in
 * docs/race.md. */
static const double skewed = 1.75;

/* What a diverged seed counts as; NaN where none diverged. */
static double penalty_of(const struct pxs_race_options *o, size_t k, const double *values,
                         size_t columns, size_t seeds, const bool *in_race) {
    double low = NAN, high = NAN;
    bool diverged = false;
    for (size_t c = 0; c < k; c++)
        for (size_t s = 0; in_race[c] && s < seeds; s++) {
            const double v = values[c * columns + s];
            diverged |= isinf(v);
            if (!isfinite(v))
                continue;
            low = fmin(low, v);
            high = fmax(high, v);
        }
    if (!diverged)
        return NAN;
    if (isnan(low)) /* nothing is finite: all are equal */
        return 0;
    const double worst = o->higher_better ? low : high;
    const double apart = high > low ? high - low : worst != 0 ? fabs(worst) : 1;
    return o->higher_better ? worst - 3 * apart : worst + 3 * apart;
}

/* A configuration's own numbers, and its values with the penalty for those that diverged. */
static void sum_up(const double *values, size_t seeds, double penalty, double *plain,
                   struct pxs_race_verdict *out) {
    double sum = 0;
    *out = (struct pxs_race_verdict){.decision = PXS_RACE_STAYS};
    for (size_t s = 0; s < seeds; s++) {
        const bool diverged = isinf(values[s]);
        plain[s] = diverged ? penalty : values[s];
        if (isnan(plain[s]))
            continue;
        sum += plain[s];
        out->diverged += diverged;
        out->n++;
    }
    out->mean = out->n > 0 ? sum / (double)out->n : NAN;
}

/* The best mean of those that have at least half as many values as the one with most: any choice
 * keeps the promise. Of equal ones the first; k where nobody has a value. */
static size_t leader_of(const struct pxs_race_options *o, size_t k, const bool *in_race,
                        const struct pxs_race_verdict *verdicts) {
    size_t most = 1, best = k;
    for (size_t c = 0; c < k; c++)
        if (in_race[c] && verdicts[c].n > most)
            most = verdicts[c].n;
    for (size_t c = 0; c < k; c++) {
        const double mean = verdicts[c].mean;
        if (!in_race[c] || 2 * verdicts[c].n < most)
            continue;
        if (best == k ||
            (o->higher_better ? mean > verdicts[best].mean : mean < verdicts[best].mean))
            best = c;
    }
    return best;
}

/* Student's critical t of the last number of pairs: mostly all have the same. */
struct critical {
    size_t pairs;
    double t;
};

/* Interval and decision of one that is not the leader. */
static void compare(const struct pxs_race_options *o, const double *own, const double *leading,
                    size_t seeds, size_t leader_diverged, struct critical *critical,
                    struct pxs_race_verdict *v) {
    struct pxs_pairs pairs;
    pxs_pairs_of(own, leading, seeds, &pairs);
    v->pairs = pairs.n;
    v->difference = pairs.mean;
    v->low = -INFINITY;
    v->high = INFINITY;
    if (pairs.n < 2)
        return;
    double half = 0;
    if (pairs.no_spread) {
        /* all differences are the same; what is left of a rounded 0 is 0 */
        if (fabs(v->difference) <= 0x1p-50 * pairs.largest)
            v->difference = 0;
    } else {
        if (critical->pairs != pairs.n)
            *critical = (struct critical){
                pairs.n, pxs_student_critical(2 * v->level, (double)(pairs.n - 1))};
        /* one that diverged more often than the leader shows its tail */
        const double factor = v->diverged > leader_diverged ? 1 : skewed;
        half = factor * critical->t * pairs.std / sqrt((double)pairs.n);
    }
    v->low = v->difference - half;
    v->high = v->difference + half;
    if (o->higher_better ? v->high < 0 : v->low > 0)
        v->decision = PXS_RACE_DROPPED;
}

static enum pxs_race_state state_of(const struct pxs_race_options *o, size_t k, const bool *in_race,
                                    const struct pxs_race_verdict *verdicts,
                                    const struct pxs_race_look *look) {
    bool equal = true;
    for (size_t c = 0; c < k; c++)
        if (in_race[c] && c != look->leader)
            equal &= verdicts[c].low >= -o->indifference && verdicts[c].high <= o->indifference;
    if (look->left == 1)
        return PXS_RACE_WON;
    if (equal)
        return PXS_RACE_EQUAL;
    return look->seeds == o->max_seeds ? PXS_RACE_OPEN : PXS_RACE_GOES_ON;
}

enum pxs_status pxs_race_judge(const struct pxs_race_options *o, size_t look, size_t k,
                               const double *values, size_t columns, bool *in_race,
                               struct pxs_race_verdict *verdicts, struct pxs_race_look *out,
                               struct pxs_error *err) {
    int looks[PXS_RACE_LOOKS_MOST];
    size_t n_looks, racing = 0;
    PXS_TRY(pxs_race_looks(o, looks, &n_looks, err));
    for (size_t c = 0; c < k; c++)
        racing += in_race[c];
    if (look >= n_looks || columns < (size_t)looks[look] || racing == 0 ||
        k > PXS_RACE_CONFIGURATIONS_MOST)
        return pxs_fail(err, PXS_E_INTERNAL,
                        "a race of %zu configurations, %zu of them left, is judged at look %zu of "
                        "%zu over %zu seeds",
                        k, racing, look + 1, n_looks, columns);
    const size_t seeds = (size_t)looks[look];
    double *plain = malloc(k * seeds * sizeof *plain);
    if (!plain)
        return pxs_fail_nomem(err);

    const int before = look > 0 ? looks[look - 1] : 0;
    const double spent = (1 - o->confidence) * (looks[look] - before) / o->max_seeds;
    struct pxs_race_look l = {.seeds = looks[look],
                              .level = spent / (double)(k > 1 ? k - 1 : 1),
                              .penalty = penalty_of(o, k, values, columns, seeds, in_race)};
    for (size_t c = 0; c < k; c++) {
        if (in_race[c])
            sum_up(values + c * columns, seeds, l.penalty, plain + c * seeds, &verdicts[c]);
        else
            verdicts[c] = (struct pxs_race_verdict){.decision = PXS_RACE_OUT};
    }
    struct critical critical = {0, NAN};
    l.leader = leader_of(o, k, in_race, verdicts);
    for (size_t c = 0; c < k; c++) {
        struct pxs_race_verdict *v = &verdicts[c];
        if (!in_race[c])
            continue;
        v->level = l.level;
        if (c == l.leader) {
            v->decision = PXS_RACE_LEADS;
            v->pairs = v->n;
        } else if (l.leader == k) {
            v->difference = NAN;
            v->low = -INFINITY;
            v->high = INFINITY;
        } else {
            compare(o, plain + c * seeds, plain + l.leader * seeds, seeds,
                    verdicts[l.leader].diverged, &critical, v);
        }
        in_race[c] = v->decision != PXS_RACE_DROPPED;
        l.dropped += !in_race[c];
    }
    l.left = racing - l.dropped;
    l.state = state_of(o, k, in_race, verdicts, &l);
    *out = l;
    free(plain);
    return PXS_OK;
}
