/* The rule of a race, case by case. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixsweep/base/statistics.h"
#include "pixsweep/race.h"

#define MOST 24

/* One look of a race over `k` rows of `seeds` values, which is its first and last. */
struct one {
    struct pxs_race_options o;
    bool in[MOST];
    struct pxs_race_verdict v[MOST];
    struct pxs_race_look look;
};

static struct one start(int first, int most) {
    struct one one = {0};
    pxs_race_defaults(&one.o);
    one.o.first = first;
    one.o.max_seeds = most;
    memset(one.in, true, sizeof one.in);
    return one;
}

static void judge(struct one *one, size_t look, size_t k, const double *values, size_t columns) {
    ck_ok(pxs_race_judge(&one->o, look, k, values, columns, one->in, one->v, &one->look, &err));
}

START_TEST(looks_grow_by_a_third)
{
    static const int expected[] = {3, 4, 6, 8, 11, 15, 20, 27, 40};
    struct pxs_race_options o;
    int looks[PXS_RACE_LOOKS_MOST];
    size_t n;
    pxs_race_defaults(&o);
    ck_ok(pxs_race_looks(&o, looks, &n, &err));
    ck_assert_uint_eq(n, PXS_COUNT(expected));
    ck_assert_mem_eq(looks, expected, sizeof expected);
    for (o.first = 2; o.first <= 50; o.first++)
        for (o.max_seeds = o.first; o.max_seeds <= PXS_RACE_SEEDS_MOST; o.max_seeds++) {
            ck_ok(pxs_race_looks(&o, looks, &n, &err));
            ck_assert(n <= PXS_RACE_LOOKS_MOST && looks[0] == o.first &&
                      looks[n - 1] == o.max_seeds);
            for (size_t i = 1; i < n; i++)
                ck_assert_int_gt(looks[i], looks[i - 1]);
        }
}
END_TEST

START_TEST(options_out_of_range)
{
    struct pxs_race_options o;
    int looks[PXS_RACE_LOOKS_MOST];
    size_t n;
#define REFUSED(member, value, words) \
    pxs_race_defaults(&o);            \
    o.member = (value);               \
    ck_fails(pxs_race_looks(&o, looks, &n, &err), PXS_E_INVALID, words)
    REFUSED(confidence, 0.4, "confidence must be from 0.5 to 0.9999, but is 0.4");
    REFUSED(confidence, 1, "confidence");
    REFUSED(confidence, NAN, "confidence");
    REFUSED(first, 1, "first must be from 2 to max_seeds (40), but is 1");
    REFUSED(first, 41, "first");
    REFUSED(max_seeds, 1001, "max_seeds must be from 2 to 1000, but is 1001");
    REFUSED(max_seeds, 1, "max_seeds");
    REFUSED(indifference, -1, "indifference must be 0 or above");
    REFUSED(indifference, NAN, "indifference");
}
END_TEST

START_TEST(as_computed_by_hand)
{
    /* differences 1, 2, 3: mean 2, deviation 1, so half = 1.75 t / sqrt(3), with the t of two
     * degrees of freedom, (1 - 2p) sqrt(2 / (4 p (1 - p))), at p = 0.05: all is spent at once */
    static const double values[] = {1, 1, 1, 2, 3, 4};
    struct one one = start(3, 3);
    const double t = 0.9 * sqrt(2 / (4 * 0.05 * 0.95)), half = 1.75 * t / sqrt(3);
    judge(&one, 0, 2, values, 3);
    ck_assert_int_eq(one.v[0].decision, PXS_RACE_LEADS);
    ck_assert_int_eq(one.v[1].decision, PXS_RACE_STAYS);
    ck_assert_uint_eq(one.v[1].pairs, 3);
    ck_assert_double_eq(one.v[1].difference, 2);
    ck_assert_double_eq_tol(one.v[1].level, 0.05, 1e-15);
    ck_assert_double_eq_tol(one.v[1].low, 2 - half, 1e-9);
    ck_assert_double_eq_tol(one.v[1].high, 2 + half, 1e-9);
    ck_assert_int_eq(one.look.state, PXS_RACE_OPEN);
    /* twice as far: 4 is beyond 2.95 */
    static const double far[] = {1, 1, 1, 4, 5, 6};
    one = start(3, 3);
    judge(&one, 0, 2, far, 3);
    ck_assert_int_eq(one.v[1].decision, PXS_RACE_DROPPED);
    ck_assert(!one.in[1] && one.in[0]);
    ck_assert_int_eq(one.look.state, PXS_RACE_WON);
    ck_assert_uint_eq(one.look.leader, 0);
    /* where higher is better, the other is dropped, with the same numbers mirrored */
    one = start(3, 3);
    one.o.higher_better = true;
    judge(&one, 0, 2, far, 3);
    ck_assert_int_eq(one.v[0].decision, PXS_RACE_DROPPED);
    ck_assert_double_eq(one.v[0].difference, -4);
    ck_assert_double_eq_tol(one.v[0].high, -4 + half, 1e-9);
    /* the level is spent over seeds and the others */
    double many[4 * 8] = {0};
    one = start(4, 8);
    judge(&one, 1, 4, many, 8);
    ck_assert_double_eq_tol(one.look.level, 0.05 * (8 - 6) / 8 / 3, 1e-15);
}
END_TEST

START_TEST(equal_ones_end_it)
{
    static const double values[] = {1, 2, 3, 1.0001, 2.0002, 3.0001, 0.9999, 2, 3.0001};
    struct one one = start(3, 40);
    judge(&one, 0, 3, values, 3);
    ck_assert_int_eq(one.look.state, PXS_RACE_GOES_ON);
    one = start(3, 40);
    one.o.indifference = 0.1;
    judge(&one, 0, 3, values, 3);
    ck_assert_int_eq(one.look.state, PXS_RACE_EQUAL);
    ck_assert_uint_eq(one.look.left, 3);
    /* no difference at all is within any zone, a constant one is beyond none */
    static const double same[] = {1, 2, 3, 1, 2, 3}, shifted[] = {1, 2, 3, 2, 3, 4};
    one = start(3, 40);
    judge(&one, 0, 2, same, 3);
    ck_assert_int_eq(one.look.state, PXS_RACE_EQUAL);
    one = start(3, 40);
    judge(&one, 0, 2, shifted, 3);
    ck_assert_int_eq(one.look.state, PXS_RACE_WON);
}
END_TEST

START_TEST(failed_seeds_leave_their_pairs_out)
{
    static const double values[] = {1,   NAN, 1,   1,   8, 8,   9,   NAN,
                                    NAN, NAN, NAN, NAN, 0, NAN, NAN, NAN};
    struct one one = start(4, 40);
    judge(&one, 0, 4, values, 4);
    /* the last has too few values to lead */
    ck_assert_uint_eq(one.look.leader, 0);
    ck_assert_uint_eq(one.v[0].n, 3);
    ck_assert_uint_eq(one.v[1].pairs, 2);
    ck_assert_double_eq(one.v[1].difference, 7.5);
    ck_assert(one.v[2].n == 0 && isnan(one.v[2].mean) && isnan(one.v[2].difference));
    ck_assert(isinf(one.v[2].low) && one.v[2].decision == PXS_RACE_STAYS);
    ck_assert(one.v[3].pairs == 1 && isinf(one.v[3].high));
    ck_assert(isnan(one.look.penalty));
    /* nobody has a value: all stay */
    static const double none[] = {NAN, NAN, NAN, NAN};
    one = start(2, 40);
    judge(&one, 0, 2, none, 2);
    ck_assert(one.look.left == 2 && one.look.state == PXS_RACE_GOES_ON && one.look.leader == 2);
}
END_TEST

START_TEST(diverged_seeds_are_the_worst)
{
    const double x = PXS_RACE_DIVERGED;
    const double values[] = {1, 2, 3, x, 5, x, x, 4};
    struct one one = start(4, 4);
    judge(&one, 0, 2, values, 4);
    ck_assert_double_eq(one.look.penalty, 17); /* 5 + 3 (5 - 1) */
    ck_assert_uint_eq(one.v[1].diverged, 2);
    ck_assert_double_eq(one.v[1].difference, ((5 - 1) + (17 - 2) + (17 - 3) + (4 - 17)) / 4.0);
    one = start(4, 4);
    one.o.higher_better = true;
    judge(&one, 0, 2, values, 4);
    ck_assert_double_eq(one.look.penalty, -11);
    /* both diverged: no difference; all diverged: all are equal */
    const double both[] = {1, x, 1, x}, all[] = {x, x, x, -x};
    one = start(2, 2);
    judge(&one, 0, 2, both, 2);
    ck_assert(one.v[1].difference == 0 && one.look.penalty == 4);
    one = start(2, 2);
    judge(&one, 0, 2, all, 2);
    ck_assert_int_eq(one.look.state, PXS_RACE_EQUAL);
}
END_TEST

/* One of k diverges at every second seed; its other values are the best of all. */
START_TEST(who_diverges_half_the_time_loses)
{
    static const size_t ks[] = {2, 6, 20};
    for (size_t i = 0; i < PXS_COUNT(ks); i++) {
        static double values[20 * 40];
        struct one one = start(3, 40);
        int looks[PXS_RACE_LOOKS_MOST];
        size_t n, look = 0;
        struct pxs_rng rng = pxs_rng_make(7, PXS_STREAM_ORDER, 0, 0);
        for (size_t j = 0; j < ks[i] * 40; j++)
            values[j] = 1 + 0.1 * pxs_rng_uniform(&rng);
        for (size_t s = 0; s < 40; s++)
            values[s] = s % 2 ? PXS_RACE_DIVERGED : 0.98;
        ck_ok(pxs_race_looks(&one.o, looks, &n, &err));
        while (look < n && one.in[0])
            judge(&one, look++, ks[i], values, 40);
        ck_assert(!one.in[0]);
    }
}
END_TEST

/* Other units, another order of configurations or seeds and values behind the look change nothing;
 * who is out stays out and decides nothing. */
START_TEST(what_does_not_matter)
{
    double values[5 * 12], moved[5 * 12];
    struct pxs_rng rng = pxs_rng_make(3, PXS_STREAM_ORDER, 0, 0);
    for (size_t c = 0; c < 5; c++)
        for (size_t s = 0; s < 12; s++)
            values[c * 12 + s] = (double)c + pxs_rng_uniform(&rng);
    for (size_t c = 0; c < 5; c++)
        for (size_t s = 0; s < 12; s++)
            moved[(4 - c) * 12 + s] = s < 11 ? -8 * values[c * 12 + 10 - s] : 1e9;
    struct one a = start(11, 12), b = start(11, 12);
    b.o.higher_better = true;
    judge(&a, 0, 5, values, 12);
    judge(&b, 0, 5, moved, 12);
    ck_assert_uint_gt(a.look.dropped, 0);
    ck_assert_uint_eq(a.look.leader, 4 - b.look.leader);
    for (size_t c = 0; c < 5; c++) {
        ck_assert_int_eq(a.v[c].decision, b.v[4 - c].decision);
        ck_assert_double_eq_tol(-8 * a.v[c].low, b.v[4 - c].high, 1e-9);
    }
    struct one c = start(11, 12);
    c.in[0] = false;
    judge(&c, 0, 5, values, 12);
    ck_assert(c.v[0].decision == PXS_RACE_OUT && !c.in[0] && c.look.leader == 1);
}
END_TEST

START_TEST(wrong_calls)
{
    static const double values[] = {1, 2, 3, 4, 5, 6};
    struct one one = start(3, 40);
    ck_fails(pxs_race_judge(&one.o, 9, 2, values, 3, one.in, one.v, &one.look, &err),
             PXS_E_INTERNAL, "look 10 of 9");
    ck_fails(pxs_race_judge(&one.o, 0, 2, values, 2, one.in, one.v, &one.look, &err),
             PXS_E_INTERNAL, "over 2 seeds");
    memset(one.in, false, sizeof one.in);
    ck_fails(pxs_race_judge(&one.o, 0, 2, values, 3, one.in, one.v, &one.look, &err),
             PXS_E_INTERNAL, "0 of them left");
}
END_TEST

/* ---- the number of a run --------------------------------------------------------------------- */

struct epoch {
    double loss_G, loss, psnr, ssim;
};
static double score_of(enum pxs_race_metric metric, const struct epoch *epochs, size_t n) {
    struct pxs_race_score score;
    pxs_race_score_begin(&score, metric);
    for (size_t i = 0; i < n; i++)
        pxs_race_score_epoch(&score, (int64_t)i + 3, epochs[i].loss_G, epochs[i].loss,
                             epochs[i].psnr, epochs[i].ssim);
    return pxs_race_score_value(&score);
}

START_TEST(one_number_a_run)
{
    /* the best loss stands twice: the first counts; one epoch has none, the last has no psnr */
    static const struct epoch epochs[] = {{9, 0.3, 10, 0.1},
                                          {8, 0.1, 20, 0.2},
                                          {7, NAN, 30, 0.3},
                                          {6, 0.7, 40, 0.4},
                                          {5, 0.1, NAN, 0.5}};
    const size_t n = PXS_COUNT(epochs);
    ck_assert_double_eq(score_of(PXS_RACE_BEST_VAL_LOSS, epochs, n), 0.1);
    ck_assert_double_eq(score_of(PXS_RACE_BEST_EPOCH, epochs, n), 4);
    ck_assert_double_eq(score_of(PXS_RACE_FINAL_VAL_LOSS, epochs, n), 0.1);
    ck_assert_double_eq(score_of(PXS_RACE_FINAL_AVG_LOSS_G, epochs, n), 5);
    ck_assert_double_eq(score_of(PXS_RACE_VAL_PSNR, epochs, n), 20);
    ck_assert_double_eq(score_of(PXS_RACE_VAL_SSIM, epochs, n), 0.2);
    ck_assert_double_eq(score_of(PXS_RACE_VAL_AUC, epochs, n),
                        ((0.1 + 0.3) / 2 * 1 + (0.7 + 0.1) / 2 * 2 + (0.1 + 0.7) / 2 * 1) / 4);
    /* one epoch has no area; without a loss, or an epoch, there is no number */
    ck_assert_double_eq(score_of(PXS_RACE_VAL_AUC, epochs, 1), 0.3);
    ck_assert(isnan(score_of(PXS_RACE_FINAL_VAL_LOSS, epochs, 3)));
    for (int m = 0; m < PXS_RACE_METRICS; m++) {
        ck_assert(isnan(score_of((enum pxs_race_metric)m, epochs, 0)));
        ck_assert_int_eq(isnan(score_of((enum pxs_race_metric)m, epochs + 2, 1)),
                         m != PXS_RACE_FINAL_AVG_LOSS_G);
    }
}
END_TEST

START_TEST(metrics_by_name)
{
    enum pxs_race_metric found = PXS_RACE_METRICS;
    for (int m = 0; m < PXS_RACE_METRICS; m++) {
        const struct pxs_race_metric_info *info = pxs_race_metric_info((enum pxs_race_metric)m);
        ck_assert(pxs_race_metric_find(info->name, &found));
        ck_assert_int_eq(found, m);
        ck_assert_int_eq(info->higher_better, m == PXS_RACE_VAL_PSNR || m == PXS_RACE_VAL_SSIM);
    }
    ck_assert(!pxs_race_metric_find("seconds", &found));
}
END_TEST

/* ---- how it may go on ------------------------------------------------------------------------ */

struct foreseen {
    struct pxs_race_forecast f;
    struct pxs_race_standing standing[3];
    double likely[3 * 12];
};
/* Three configurations, up to 12 seeds, of which the first `n` are made: means 0, `gap` and 5, and
 * noise of 1 that is the same in all but for a share `own`. */
static void foresee(size_t n, double gap, double own, double indifference,
                    const struct pxs_race_start *start, struct foreseen *out) {
    double values[3 * 12];
    bool made[3 * 12];
    const double means[] = {0, gap, 5};
    struct pxs_race_options o;
    struct pxs_rng rng = pxs_rng_make(5, PXS_STREAM_ORDER, 0, 0);
    pxs_race_defaults(&o);
    o.max_seeds = 12;
    o.indifference = indifference;
    for (size_t s = 0; s < 12; s++) {
        const double shared = pxs_rng_uniform(&rng);
        for (size_t c = 0; c < 3; c++) {
            made[c * 12 + s] = s < n;
            values[c * 12 + s] = s < n ? means[c] + shared + own * pxs_rng_uniform(&rng) : NAN;
        }
    }
    ck_ok(pxs_race_foresee(&o, 3, values, made, start, out->likely, out->standing, &out->f, &err));
}

START_TEST(what_a_race_may_cost)
{
    static const struct pxs_race_start new = {0, PXS_RACE_GOES_ON, NULL};
    struct foreseen a, b;
    /* nothing is known: the first look's runs are */
    foresee(1, 1, 0.1, 0, &new, &a);
    ck_assert(!a.f.known && a.f.tell == 0 && a.f.racing == 3);
    for (size_t i = 0; i < 36; i++)
        ck_assert(a.likely[i] == (i % 12 < 3));
    /* clear differences: all is over with few seeds, and the first are made for sure */
    foresee(2, 3, 0.01, 0, &new, &a);
    ck_assert(a.f.known && a.f.won == 1 && a.f.equal == 0);
    ck_assert(a.likely[2] == 1 && a.likely[0] == 1);
    ck_assert_double_le(a.f.high, 12);
    ck_assert_double_ge(a.f.low, 9);
    /* the same each time; equal ones race to the end, or to where they count as equal */
    static const int third[] = {0, 0, 1};
    const struct pxs_race_start two = {2, PXS_RACE_GOES_ON, third};
    foresee(4, 0, 0.3, 0, &two, &a);
    foresee(4, 0, 0.3, 0, &two, &b);
    ck_assert_mem_eq(a.likely, b.likely, sizeof a.likely);
    ck_assert(a.f.runs == b.f.runs && a.f.low == b.f.low && a.f.high == b.f.high);
    ck_assert(a.standing[2].dropped_at == 3 && a.standing[0].dropped_at == 0);
    ck_assert(a.f.runs > 20 && a.f.runs <= 27 && a.f.won < 0.2);
    ck_assert_double_eq(a.standing[2].seeds, 3);
    ck_assert(a.standing[0].seeds + a.standing[1].seeds > 18);
    ck_assert_double_eq_tol(a.standing[0].seeds + a.standing[1].seeds + a.standing[2].seeds,
                            a.f.runs, 1e-9);
    foresee(4, 0, 0.3, 1, &two, &b);
    ck_assert(b.f.equal > 0.9 && b.f.runs < a.f.runs);
    /* what is over is over */
    static const int others[] = {0, 1, 1};
    const struct pxs_race_start won = {1, PXS_RACE_WON, others};
    foresee(3, 4, 0.01, 0, &won, &a);
    ck_assert(a.f.known && a.f.low == 9 && a.f.high == 9 && a.f.won == 1);
    /* with one seed of one that is left, the next look's are what is known */
    foresee(1, 0, 0.3, 0, &two, &a);
    ck_assert(!a.f.known && a.likely[5] == 1 && a.likely[6] == 0 && a.likely[24 + 3] == 0);
    const struct pxs_race_start wrong = {9, PXS_RACE_GOES_ON, NULL};
    struct pxs_race_options o;
    pxs_race_defaults(&o);
    ck_fails(pxs_race_foresee(&o, 0, NULL, NULL, &wrong, NULL, NULL, &a.f, &err), PXS_E_INTERNAL,
             "look 9 of 9");
}
END_TEST

static TCase *forecast_case(void) {
    TCase *c = tcase_create("forecast");
    tcase_add_test(c, what_a_race_may_cost);
    return c;
}

static TCase *score_case(void) {
    TCase *c = tcase_create("score");
    tcase_add_test(c, one_number_a_run);
    tcase_add_test(c, metrics_by_name);
    return c;
}

/* ---- in words ------------------------------------------------------------------------------- */

/* What is kept of a look that was judged. */
static struct pxs_race_record kept(const struct one *one, size_t k, const bool *before) {
    static const char *const names[] = {"constant", "halve_90", "linear", "step", "cosine", "poly"};
    struct pxs_race_record r = {.race = "0123456789ab",
                                .look = 2,
                                .seeds = one->look.seeds,
                                .metric = "best_val_loss",
                                .level = one->look.level,
                                .penalty = one->look.penalty};
    r.entries = calloc(k, sizeof *r.entries);
    for (size_t c = 0; c < k; c++) {
        const struct pxs_race_verdict *v = &one->v[c];
        struct pxs_race_entry *e = &r.entries[r.n];
        if (!before[c])
            continue;
        *e = (struct pxs_race_entry){"",       "",      v->decision,   v->n,   v->diverged,
                                     v->pairs, v->mean, v->difference, v->low, v->high};
        e->label = names[c];
        r.n++;
    }
    return r;
}

/* What the words are made from says the same as the rule, whatever the data. */
START_TEST(what_is_kept_tells_the_state)
{
    static const double indifferences[] = {0, 0.05, 0.5, 5};
    enum { K = 4, SEEDS = 8 };
    int seen[PXS_RACE_OPEN + 1] = {0};
    for (uint32_t trial = 0; trial < 400; trial++) {
        double values[K * SEEDS];
        struct one one = start(trial % 2 ? SEEDS : 4, SEEDS);
        bool before[MOST];
        one.o.indifference = indifferences[trial / 2 % 4];
        for (size_t i = 0; i < K * SEEDS; i++)
            values[i] = (trial % 3 == 0 ? 0 : (double)(i / SEEDS * (trial % 7))) +
                        (trial % 5 == 0 ? 0
                                        : (double)(trial * 31 + i * i * 17) * 0.61803 -
                                              floor((double)(trial * 31 + i * i * 17) * 0.61803));
        memcpy(before, one.in, sizeof before);
        judge(&one, 0, K, values, SEEDS);
        struct pxs_race_record r = kept(&one, K, before);
        ck_assert_uint_eq(pxs_race_record_left(&r), one.look.left);
        ck_assert_int_eq(pxs_race_record_state(&r, one.o.indifference, one.o.max_seeds),
                         one.look.state);
        seen[one.look.state]++;
        pxs_race_record_finish(&r);
    }
    for (size_t i = 0; i < PXS_COUNT(seen); i++)
        ck_assert_int_gt(seen[i], 0);
}
END_TEST

static void says(const char *expected, struct pxs_text *text) {
    ck_assert_str_eq(pxs_text_str(text), expected);
    pxs_text_clear(text);
}

START_TEST(names_with_commas_stay_apart)
{
    struct pxs_text text = {0};
    struct pxs_race_entry e[2] = {{.label = "halve, lrgd 25", .decision = PXS_RACE_LEADS, .n = 4},
                                  {.label = "halve, lrgd 50", .decision = PXS_RACE_STAYS, .n = 4}};
    const struct pxs_race_record r = {
        .look = 2, .seeds = 4, .metric = "best_val_loss", .n = 2, .entries = e};
    pxs_race_words_end(&r, 1, 40, false, 0, &text);
    says("halve, lrgd 25; and halve, lrgd 50 are equal to within 1, either will do: shown by 4 "
         "seeds",
         &text);
    pxs_text_finish(&text);
}
END_TEST

START_TEST(looks_in_words)
{
    struct pxs_text text = {0};
    struct pxs_race_entry e[6] = {{.label = "constant", .decision = PXS_RACE_LEADS, .n = 4},
                                  {.label = "halve_90", .decision = PXS_RACE_DROPPED, .n = 4},
                                  {.label = "linear", .decision = PXS_RACE_STAYS, .n = 4},
                                  {.label = "step", .decision = PXS_RACE_STAYS, .n = 4},
                                  {.label = "cosine", .decision = PXS_RACE_STAYS, .n = 4},
                                  {.label = "poly", .decision = PXS_RACE_STAYS, .n = 4}};
    struct pxs_race_record r = {.look = 2, .seeds = 4, .metric = "best_val_loss", .entries = e};
    for (size_t i = 1; i < 6; i++) {
        e[i].difference = 0.01234;
        e[i].low = 0.004;
        e[i].high = 0.0213;
    }
    r.n = 6;
    pxs_race_words_look(&r, &text);
    says("look 2, 4 seeds: halve_90 is dropped (worse than constant by 0.0123, interval 0.004 to "
         "0.0213); 5 of 6 left",
         &text);
    pxs_race_words_end(&r, 0.001, 40, false, 0, &text);
    says("", &text);
    pxs_race_words_end(&r, 0.001, 40, true, 0, &text);
    says("time ended it: constant, linear, step and 2 more are left after 4 seeds, constant has "
         "the best mean",
         &text);
    pxs_race_words_end(&r, 0.001, 40, true, 12, &text);
    says("the budget of 12 runs ended it: constant, linear, step and 2 more are left after 4 "
         "seeds, constant has the best mean",
         &text);
    pxs_race_words_end(&r, 0.001, 4, false, 0, &text);
    says("not separated: constant, linear, step and 2 more are left after 4 seeds, constant has "
         "the best mean",
         &text);

    /* more is better: the same distances with other signs */
    snprintf(r.metric, sizeof r.metric, "val_psnr");
    e[1].difference = -3;
    e[1].low = -4;
    e[1].high = -2;
    e[1].diverged = 1;
    for (size_t i = 2; i < 6; i++)
        e[i].decision = PXS_RACE_DROPPED;
    pxs_race_words_look(&r, &text);
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&text), "halve_90 is dropped (worse than constant by "
                                                      "3, interval 2 to 4, 1 of 4 seeds diverged)"
                                                      ", linear is"));
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&text), ", 2 more are dropped; 1 of 6 left"));
    pxs_text_clear(&text);
    pxs_race_words_end(&r, 0, 40, false, 0, &text);
    says("constant wins: the others were dropped within 4 seeds", &text);

    for (size_t i = 1; i < 6; i++)
        e[i].decision = i < 3 ? PXS_RACE_STAYS : PXS_RACE_DROPPED;
    e[0].decision = PXS_RACE_STAYS;
    e[2].decision = PXS_RACE_LEADS;
    e[0].low = e[1].low = -0.001;
    e[0].high = e[1].high = 0.001;
    pxs_race_words_end(&r, 0.001, 40, false, 0, &text);
    says("linear, constant and halve_90 are equal to within 0.001, any will do: shown by 4 seeds",
         &text);
    e[1].decision = PXS_RACE_DROPPED;
    pxs_race_words_end(&r, 0.001, 40, false, 0, &text);
    says("linear and constant are equal to within 0.001, either will do: shown by 4 seeds", &text);

    /* nothing to compare */
    for (size_t i = 0; i < 6; i++) {
        e[i].decision = PXS_RACE_STAYS;
        e[i].low = -INFINITY;
        e[i].high = INFINITY;
    }
    pxs_race_words_look(&r, &text);
    says("look 2, 4 seeds: none is dropped, since none has two values yet; 6 of 6 left", &text);
    pxs_text_finish(&text);
}
END_TEST

static TCase *words_case(void) {
    TCase *c = tcase_create("words");
    tcase_add_test(c, what_is_kept_tells_the_state);
    tcase_add_test(c, looks_in_words);
    tcase_add_test(c, names_with_commas_stay_apart);
    return c;
}

static TCase *rule_case(void) {
    TCase *c = tcase_create("rule");
    tcase_add_test(c, looks_grow_by_a_third);
    tcase_add_test(c, options_out_of_range);
    tcase_add_test(c, as_computed_by_hand);
    tcase_add_test(c, equal_ones_end_it);
    tcase_add_test(c, failed_seeds_leave_their_pairs_out);
    tcase_add_test(c, diverged_seeds_are_the_worst);
    tcase_add_test(c, who_diverges_half_the_time_loses);
    tcase_add_test(c, what_does_not_matter);
    tcase_add_test(c, wrong_calls);
    return c;
}

int main(void) {
    static TCase *(*const cases[])(void) = {rule_case, score_case, words_case, forecast_case};
    return run_cases("race", cases, PXS_COUNT(cases), CK_NORMAL);
}
