/* Races over noise whose truth is known: how often is the best configuration dropped, and how many
 * runs does it take? Usage: race_trials RACES [SEED]; fails where the best is dropped more often
 * than 1 - confidence, and three standard errors of the trial. Its table is that of docs/race.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pixsweep/race.h"

#define SEEDS 40
#define MOST 20

enum kind { NORMAL, T3, LOGNORMAL_HALF, LOGNORMAL };
static const char *const kind_names[] = {"normal", "t(3)", "lognormal 0.5", "lognormal 1"};

struct trial {
    enum kind kind;
    double correlation;  /* of the normal numbers behind two configurations at the same seed */
    double best, others; /* deviations */
    size_t k;
    double shifts[MOST]; /* true means; [0] is 0, the best */
    double diverges;     /* share of seeds, of all but the best */
    uint64_t seed;
};

static double normal(struct pxs_rng *rng) {
    const double u = 1 - pxs_rng_uniform(rng), v = pxs_rng_uniform(rng);
    return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* Mean 0, deviation 1. */
static double shaped(enum kind kind, double z, struct pxs_rng *rng) {
    if (kind == T3) {
        double squares = 0;
        for (int i = 0; i < 3; i++) {
            const double x = normal(rng);
            squares += x * x;
        }
        return z / sqrt(squares);
    }
    if (kind == NORMAL)
        return z;
    const double sigma = kind == LOGNORMAL ? 1 : 0.5, mean = exp(sigma * sigma / 2);
    return (exp(sigma * z) - mean) / (mean * sqrt(exp(sigma * sigma) - 1));
}

static void draw(const struct trial *t, uint32_t race, double *values) {
    struct pxs_rng rng = pxs_rng_make(t->seed, PXS_STREAM_ORDER, race, 0);
    for (size_t s = 0; s < SEEDS; s++) {
        const double shared = normal(&rng);
        for (size_t c = 0; c < t->k; c++) {
            const double z =
                sqrt(t->correlation) * shared + sqrt(1 - t->correlation) * normal(&rng);
            values[c * SEEDS + s] =
                t->shifts[c] + (c == 0 ? t->best : t->others) * shaped(t->kind, z, &rng);
            if (c > 0 && t->diverges > 0 && pxs_rng_uniform(&rng) < t->diverges)
                values[c * SEEDS + s] = PXS_RACE_DIVERGED;
        }
    }
}

/* lost: the best, [0], was dropped; kept: one from [good] on was not. */
static void race(const struct pxs_race_options *o, const double *values, size_t k, size_t good,
                 bool *lost, bool *kept, double *runs) {
    int looks[PXS_RACE_LOOKS_MOST], before = 0;
    size_t n, left = k;
    struct pxs_error err;
    struct pxs_race_look look = {.state = PXS_RACE_GOES_ON};
    struct pxs_race_verdict verdicts[MOST];
    bool in[MOST];
    memset(in, true, sizeof in);
    if (pxs_race_looks(o, looks, &n, &err) != PXS_OK)
        exit(2);
    for (size_t i = 0; look.state == PXS_RACE_GOES_ON; before = looks[i++]) {
        *runs += (double)left * (looks[i] - before);
        if (pxs_race_judge(o, i, k, values, SEEDS, in, verdicts, &look, &err) != PXS_OK)
            exit(2);
        left = look.left;
    }
    *lost = !in[0];
    *kept = false;
    for (size_t c = good; c < k; c++)
        *kept |= in[c];
}

struct outcome {
    double lost, kept, runs; /* shares of races, and the mean of their runs */
};

/* Of races up to `seeds`, first judged at `first`. */
static struct outcome try(const struct trial *t, int races, int first, int seeds, size_t good) {
    struct pxs_race_options o;
    double values[MOST * SEEDS], runs = 0;
    int lost = 0, kept = 0;
    pxs_race_defaults(&o);
    o.first = first;
    o.max_seeds = seeds;
    for (int i = 0; i < races; i++) {
        bool loses, keeps;
        draw(t, (uint32_t)i, values);
        race(&o, values, t->k, good, &loses, &keeps, &runs);
        lost += loses;
        kept += keeps;
    }
    return (struct outcome){(double)lost / races, (double)kept / races, runs / races};
}

/* The fewest seeds for each which, judged once by the same rule, keep one of the bad ones no more
 * often than the race does; 0 where all seeds of the race do not suffice. */
static int fixed_seeds(const struct trial *t, int races, size_t good, double kept) {
    int low = 2, high = SEEDS;
    if (try(t, races, SEEDS, SEEDS, good).kept > kept)
        return 0;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (try(t, races, middle, middle, good).kept <= kept)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int holds(const struct trial *t, int races, const char *what) {
    struct pxs_race_options o;
    pxs_race_defaults(&o);
    const struct outcome out = try(t, races, o.first, o.max_seeds, t->k);
    const double share = out.lost, runs = out.runs;
    const double allowed = 0.05 + 3 * sqrt(0.05 * 0.95 / races);
    printf("%-14s correlation %.1f, K %2zu, %-24s lost %.4f, runs %6.1f of %zu%s\n",
           kind_names[t->kind], t->correlation, t->k, what, share, runs, t->k * SEEDS,
           share <= allowed ? "" : "  TOO MANY");
    return share <= allowed ? 0 : 1;
}

/* What the race saves against a number of seeds that is fixed beforehand. */
static void against_fixed(const struct trial *t, int races, size_t good) {
    struct pxs_race_options o;
    pxs_race_defaults(&o);
    const struct outcome out = try(t, races, o.first, o.max_seeds, good);
    const int fixed = fixed_seeds(t, races, good, out.kept);
    printf("  keeps a bad one in %.4f, runs %.1f: %.2f of %zu; as sure with ", out.kept, out.runs,
           out.runs / (double)(t->k * SEEDS), t->k * SEEDS);
    if (fixed > 0)
        printf("%d fixed seeds, %zu runs\n", fixed, (size_t)fixed * t->k);
    else
        printf("more than %d fixed seeds\n", SEEDS);
}

int main(int argc, char **argv) {
    static const size_t ks[] = {2, 6, 20};
    static const double shift[] = {0, 0.5, 1.5, 3, 5};
    const int races = argc >= 2 ? atoi(argv[1]) : 0;
    const uint64_t seed = argc == 3 ? (uint64_t)atoi(argv[2]) : 14;
    const bool full = races >= 1000; /* else only the hardest of each noise */
    int wrong = 0;
    if (races < 1)
        return 2;
    const double wide = sqrt(3); /* of the variance, a factor of 3 */
    for (int kind = NORMAL; kind <= LOGNORMAL; kind++)
        for (int c = 0; c < 2; c++)
            for (size_t i = 0; i < PXS_COUNT(ks); i++) {
                struct trial t = {
                    .kind = (enum kind)kind, .correlation = c ? 0.8 : 0, .k = ks[i], .seed = seed};
                t.best = t.others = 1;
                if (full)
                    wrong += holds(&t, races, "all equal");
                t.others = wide;
                wrong += holds(&t, races, "others 3 x the variance");
                if (!full)
                    continue;
                t.diverges = 0.02;
                wrong += holds(&t, races, "and diverge in 2 of 100");
                t.diverges = 0;
                t.best = wide, t.others = 1;
                wrong += holds(&t, races, "best 3 x the variance");
                t.best = 1, t.others = wide;
                for (size_t j = 1; j < t.k; j++)
                    t.shifts[j] = shift[(j - 1) % PXS_COUNT(shift)];
                if (t.k > 2)
                    wrong += holds(&t, races, "0 to 5 deviations worse");
                for (size_t j = 1; t.k == 2 && j < PXS_COUNT(shift); j++) {
                    char what[64];
                    t.shifts[1] = shift[j];
                    snprintf(what, sizeof what, "%g deviations worse", shift[j]);
                    wrong += holds(&t, races, what);
                }
            }
    /* six, of which two are good */
    for (int kind = NORMAL; kind <= LOGNORMAL; kind += LOGNORMAL)
        for (int c = 0; c < 2; c++)
            for (size_t i = 2; full && i < PXS_COUNT(shift); i++) {
                struct trial t = {
                    .kind = (enum kind)kind, .correlation = c ? 0.8 : 0, .k = 6, .seed = seed};
                char what[64];
                t.best = t.others = 1;
                for (size_t j = 2; j < 6; j++)
                    t.shifts[j] = shift[i];
                snprintf(what, sizeof what, "four are %g worse", shift[i]);
                wrong += holds(&t, races, what);
                against_fixed(&t, races, 2);
            }
    return wrong > 0;
}
