/* The test of effects in blocks: what varies from seed to seed is the measure of luck. Settings are
 * as the sweep's author chose them, seeds could be others; so the error is what seeds do within
 * settings. A seed may shift an effect in all settings alike. Then its blocks are not independent,
 * and taken as if they were, with nine settings and three seeds that share a fifth of their
 * variance, one effect of five that is none would come out at p < 0.05. So where the data do not
 * speak against such a share (F of seeds over the rest above its median), a seed counts once.
 * Simulated over correlations 0 to 0.8 that keeps the error between 2 and 6 % from three seeds on,
 * and below 9 % with two. */
#include "pixsweep/metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Of settings and seeds, by number. */
struct sums {
    size_t *count;
    double *of; /* width each */
};

static size_t count_used(const size_t *count, size_t ids) {
    size_t used = 0;
    for (size_t i = 0; i < ids; i++)
        used += count[i] > 0;
    return used;
}

/* The mean square by seeds, and how many of them have blocks in settings of several seeds; 0 =
 * there is nothing to be told. A residual from a mean of m values is short by (m - 1) / m. */
static double square_of_seeds(const double *z, size_t n, size_t width, double df,
                              const size_t *setting, const size_t *seed, size_t ids,
                              const struct sums *settings, struct sums *seeds, double *df_seeds) {
    size_t blocks = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t m = settings->count[setting[i]];
        if (m < 2)
            continue;
        blocks++;
        seeds->count[seed[i]]++;
        const double times = sqrt((double)m / (double)(m - 1));
        for (size_t v = 0; v < width; v++)
            seeds->of[seed[i] * width + v] +=
                times * (z[i * width + v] - settings->of[setting[i] * width + v]);
    }
    double squares = 0;
    for (size_t s = 0; s < ids * width; s++)
        squares += seeds->of[s] * seeds->of[s];
    const size_t n_seeds = count_used(seeds->count, ids);
    *df_seeds = n_seeds > 1 ? df * (double)(n_seeds - 1) : 0;
    return blocks > 0 ? squares / ((double)blocks * df) : 0;
}

static void test(const double *z, size_t n, size_t width, double df, const size_t *setting,
                 const size_t *seed, size_t ids, double largest, const struct sums *settings,
                 struct sums *seeds, double *mean, struct pxs_block_test *out) {
    for (size_t i = 0; i < n; i++) {
        settings->count[setting[i]]++;
        seeds->count[seed[i]]++;
        for (size_t v = 0; v < width; v++) {
            settings->of[setting[i] * width + v] += z[i * width + v];
            mean[v] += z[i * width + v] / (double)n;
        }
    }
    out->settings = count_used(settings->count, ids);
    out->seeds = count_used(seeds->count, ids);
    for (size_t c = 0; c < ids; c++) {
        seeds->count[c] = 0;
        for (size_t v = 0; v < width && settings->count[c] > 0; v++)
            settings->of[c * width + v] /= (double)settings->count[c];
    }

    double effect = 0, within = 0, all = 0;
    for (size_t v = 0; v < width; v++)
        effect += (double)n * mean[v] * mean[v];
    for (size_t i = 0; i < n * width; i++) {
        const double *of = &settings->of[setting[i / width] * width + i % width];
        within += (z[i] - *of) * (z[i] - *of);
        all += (z[i] - mean[i % width]) * (z[i] - mean[i % width]);
    }
    out->df1 = df;
    if (out->settings < n) {
        const double df_within = df * (double)(n - out->settings);
        double df_seeds;
        const double by_seeds =
            square_of_seeds(z, n, width, df, setting, seed, ids, settings, seeds, &df_seeds);
        const double df_rest = df_within - df_seeds,
                     rest = fmax(within - by_seeds * df_seeds, 0) / df_rest;
        /* With one setting of several seeds both are the same. */
        const bool alike = df_seeds > 0 && df_rest > 0.5 &&
                           !(pxs_fisher_tail(by_seeds / rest, df_seeds, df_rest) >= 0.5);
        out->error = alike ? PXS_ERROR_SEEDS : PXS_ERROR_RUNS;
        out->mean_square = alike ? by_seeds : within / df_within;
        out->df2 = alike ? df_seeds : df_within;
    } else if (n > 1) {
        out->error = PXS_ERROR_SETTINGS;
        out->df2 = df * (double)(n - 1);
        out->mean_square = all / out->df2;
    }
    if (out->error == PXS_ERROR_NONE)
        return;
    const double rounding = 4 * DBL_EPSILON * largest;
    out->no_spread = !(sqrt(out->mean_square) > rounding);
    if (out->no_spread)
        return;
    out->f = effect / df / out->mean_square;
    out->p = pxs_fisher_tail(out->f, out->df1, out->df2);
}

enum pxs_status pxs_block_test(const double *z, size_t n, size_t width, double df,
                               const size_t *setting, const size_t *seed, size_t ids,
                               double largest, struct pxs_block_test *out, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    struct sums sums[2];
    double *mean = pxs_arena_alloc(&arena, (width + 1) * sizeof *mean);
    bool room = mean != NULL;
    for (int i = 0; i < 2; i++) {
        sums[i] = (struct sums){pxs_arena_alloc(&arena, (ids + 1) * sizeof *sums[i].count),
                                pxs_arena_alloc(&arena, (ids * width + 1) * sizeof *sums[i].of)};
        room = room && sums[i].count && sums[i].of;
    }
    *out = (struct pxs_block_test){
        .blocks = n, .mean_square = NAN, .f = NAN, .df1 = df, .df2 = NAN, .p = NAN};
    if (room && n > 0)
        test(z, n, width, df, setting, seed, ids, largest, &sums[0], &sums[1], mean, out);
    pxs_arena_finish(&arena);
    return room ? PXS_OK : pxs_fail_nomem(err);
}
