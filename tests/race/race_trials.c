/* Races over noise whose truth is known: how often is the best configuration dropped, and how many
 * runs does it take? Usage: race_trials RACES; fails where the best is dropped more often than
 * 1 - confidence, and three standard errors of the trial. Its table is that of docs/race.md. */
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
    struct pxs_rng rng = pxs_rng_make(14, PXS_STREAM_ORDER, race, 0);
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

static void race(const struct pxs_race_options *o, const double *values, size_t k, bool *lost,
                 double *runs) {
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
}

/* Share of races that lose the best, and their mean number of runs. */
static double try(const struct trial *t, int races, double *runs) {
    struct pxs_race_options o;
    double values[MOST * SEEDS];
    int errors = 0;
    pxs_race_defaults(&o);
    *runs = 0;
    for (int i = 0; i < races; i++) {
        bool lost;
        draw(t, (uint32_t)i, values);
        race(&o, values, t->k, &lost, runs);
        errors += lost;
    }
    *runs /= races;
    return (double)errors / races;
}

static int holds(const struct trial *t, int races, const char *what) {
    double runs;
    const double share = try(t, races, &runs);
    const double allowed = 0.05 + 3 * sqrt(0.05 * 0.95 / races);
    printf("%-14s correlation %.1f, K %2zu, %-24s lost %.4f, runs %6.1f of %zu%s\n",
           kind_names[t->kind], t->correlation, t->k, what, share, runs, t->k * SEEDS,
           share <= allowed ? "" : "  TOO MANY");
    return share <= allowed ? 0 : 1;
}

int main(int argc, char **argv) {
    static const size_t ks[] = {2, 6, 20};
    static const double shift[] = {0, 0.5, 1.5, 3, 5};
    const int races = argc == 2 ? atoi(argv[1]) : 0;
    const bool full = races >= 1000; /* else only the hardest of each noise */
    int wrong = 0;
    if (races < 1)
        return 2;
    const double wide = sqrt(3); /* of the variance, a factor of 3 */
    for (int kind = NORMAL; kind <= LOGNORMAL; kind++)
        for (int c = 0; c < 2; c++)
            for (size_t i = 0; i < PXS_COUNT(ks); i++) {
                struct trial t = {.kind = (enum kind)kind, .correlation = c ? 0.8 : 0, .k = ks[i]};
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
                wrong += holds(&t, races, "0 to 5 deviations worse");
            }
    /* six, of which two are good */
    for (int kind = NORMAL; kind <= LOGNORMAL; kind += LOGNORMAL)
        for (int c = 0; c < 2; c++)
            for (size_t i = 2; full && i < PXS_COUNT(shift); i++) {
                struct trial t = {.kind = (enum kind)kind, .correlation = c ? 0.8 : 0, .k = 6};
                char what[64];
                t.best = t.others = 1;
                for (size_t j = 2; j < 6; j++)
                    t.shifts[j] = shift[i];
                snprintf(what, sizeof what, "four are %g worse", shift[i]);
                wrong += holds(&t, races, what);
            }
    return wrong > 0;
}
