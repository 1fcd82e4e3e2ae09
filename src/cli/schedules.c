/* The distinct learning-rate schedules of a plan, each as a small curve. */
#include "cli.h"
#include "pixsweep/plan.h"
#include "pixsweep/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 40, ROWS = 2, LEVELS = 8 * ROWS, SHOWN = 24, MARKS = 200, WORDS_MOST = 3 };

/* Runs whose rate goes the same way, whatever their policies are called. */
struct schedule {
    /* "halve, lrgd 18"; several where they come to the same, with " = " between */
    struct pxs_text words;
    size_t n_words;
    double marks[MARKS]; /* rates at the beginnings of epochs, evenly */
    double first, last;
    int64_t n_epochs;
    bool depends_on_losses;        /* then the words alone say what it is */
    size_t first_run;              /* index into plan->runs */
    bool differs[PXS_PARAM_COUNT]; /* keys that its runs do not share */
    struct pxs_text runs;
    size_t n_runs;
    int64_t last_number; /* of the numbers in `runs` */
    bool open;           /* `runs` ends with the beginning of a range */
};

/* ---- what a schedule is --------------------------------------------------------------------- */

static const struct {
    int policy, warmup, rate;
} keys_of[2] = {{PXS_PARAM_lr_policy_G, PXS_PARAM_warmup_epochs, PXS_PARAM_learning_rate_G},
                {PXS_PARAM_lr_policy_D, PXS_PARAM_warmup_epochs_D, PXS_PARAM_learning_rate_D}};

/* Policy and its keys in the table's order. */
static void describe(const struct pxs_params *p, int net, struct pxs_text *t) {
    const int policy = keys_of[net].policy;
    int64_t warmup = net == 0 ? p->warmup_epochs : p->warmup_epochs_D;
    pxs_params_format(p, policy, t);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        if (!info->conditional || (int)info->under != policy || !pxs_params_effective(p, key))
            continue;
        pxs_text_addf(t, ", %s ", info->key);
        pxs_params_format(p, key, t);
    }
    if (warmup > 0)
        pxs_text_addf(t, ", after %" PRId64 " epoch%s of warm-up", warmup, warmup == 1 ? "" : "s");
}

/* Whether the words of this network's schedule say the key already, or it is the other
 * network's. */
static bool is_told(int key, int net) {
    const struct pxs_param_info *info = pxs_param_info(key);
    for (int i = 0; i < 2; i++) {
        if (key == keys_of[i].policy || key == keys_of[i].warmup ||
            (info->conditional && (int)info->under == keys_of[i].policy))
            return true;
    }
    return key == keys_of[1 - net].rate;
}

/* What else is swept and the same in all of its runs: ", learning_rate_G 0.0002". */
static void describe_others(const struct pxs_plan *plan, int net, const struct pxs_params *p,
                            const struct schedule *s, struct pxs_text *out) {
    for (size_t k = 0; k < plan->n_keys; k++) {
        const int key = plan->keys[k];
        if (is_told(key, net) || s->differs[key] || !pxs_params_effective(p, key))
            continue;
        pxs_text_addf(out, ", %s ", pxs_param_info(key)->key);
        pxs_params_format(p, key, out);
    }
}

static bool is_near(double a, double b) {
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool goes_the_same_way(const struct schedule *a, const struct schedule *b) {
    if (a->n_epochs != b->n_epochs || a->depends_on_losses != b->depends_on_losses ||
        !is_near(a->first, b->first))
        return false;
    if (a->depends_on_losses)
        return strcmp(pxs_text_str(&a->words), pxs_text_str(&b->words)) == 0;
    for (int i = 0; i < MARKS; i++) {
        if (!is_near(a->marks[i], b->marks[i]))
            return false;
    }
    return is_near(a->last, b->last);
}

/* "0001-0003, 0007", as names of runs have it; configurations of a race have one digit or more. */
static void add_run(struct schedule *s, int64_t number, int digits) {
    if (s->n_runs++ == 0) {
        pxs_text_addf(&s->runs, "%0*" PRId64, digits, number);
    } else if (number == s->last_number + 1) {
        s->open = true;
    } else {
        if (s->open)
            pxs_text_addf(&s->runs, "-%0*" PRId64, digits, s->last_number);
        s->open = false;
        pxs_text_addf(&s->runs, ", %0*" PRId64, digits, number);
    }
    s->last_number = number;
}

/* Another name of the same curve. */
static void add_words(struct schedule *s, const char *words) {
    const size_t length = strlen(words);
    for (const char *at = pxs_text_str(&s->words); (at = strstr(at, words)) != NULL; at++) {
        const bool begins = at == s->words.text || at[-1] == ' ',
                   ends = at[length] == '\0' || at[length] == ' ';
        if (begins && ends)
            return;
    }
    if (s->n_words == WORDS_MOST)
        pxs_text_add(&s->words, " = ...");
    else if (s->n_words < WORDS_MOST)
        pxs_text_addf(&s->words, "%s%s", s->n_words > 0 ? " = " : "", words);
    s->n_words++;
}

static void note_differences(const struct pxs_plan *plan, const struct pxs_params *p,
                             struct pxs_params *first, struct schedule *s) {
    struct pxs_text a = {0}, b = {0};
    pxs_plan_params(plan, s->first_run, first);
    for (size_t k = 0; k < plan->n_keys; k++) {
        const int key = plan->keys[k];
        pxs_text_clear(&a);
        pxs_text_clear(&b);
        pxs_params_format(p, key, &a);
        pxs_params_format(first, key, &b);
        s->differs[key] = s->differs[key] || strcmp(pxs_text_str(&a), pxs_text_str(&b)) != 0;
    }
    pxs_text_finish(&a);
    pxs_text_finish(&b);
}

size_t cli_plan_rows(const struct pxs_plan *plan) {
    return plan->race.on ? plan->n_configurations : plan->n;
}

/* `p` and `first` are room for a run's parameters. */
static size_t collect(const struct pxs_plan *plan, int net, struct pxs_params *p,
                      struct pxs_params *first, struct schedule *list) {
    struct pxs_schedule rates;
    size_t n = 0;
    for (size_t i = 0; i < cli_plan_rows(plan); i++) {
        const struct pxs_plan_rate *rate = &plan->runs[i].rate[net];
        pxs_plan_params(plan, i, p);
        struct schedule s = {.first = rate->first,
                             .last = rate->last,
                             .n_epochs = p->n_epochs,
                             .depends_on_losses = rate->depends_on_losses,
                             .first_run = i};
        struct pxs_text words = {0};
        describe(p, net, &words);
        pxs_schedule_resolve(p, net, plan->runs[i].estimate.batches_per_epoch, &rates);
        for (int m = 0; m < MARKS; m++)
            s.marks[m] = pxs_schedule_rate(&rates, (s.n_epochs - 1) * m / (MARKS - 1), 0);

        /* Another run's schedule, where its rate goes the same way. */
        size_t at = 0;
        s.words = words; /* to be compared */
        while (at < n && !goes_the_same_way(&list[at], &s))
            at++;
        s.words = (struct pxs_text){0};
        if (at == n)
            list[n++] = s;
        struct schedule *known = &list[at];
        add_words(known, pxs_text_str(&words));
        note_differences(plan, p, first, known);
        add_run(known, plan->race.on ? (int64_t)i + 1 : plan->runs[i].number,
                plan->race.on ? 1 : 4);
        known->runs.failed = known->runs.failed || words.failed || known->words.failed;
        pxs_text_finish(&words);
    }
    return n;
}

/* ---- the curve ------------------------------------------------------------------------------ */

/* One row of the curve, the upper one first: eighths of a block; what is above zero shows. */
static void put_row(const double rates[WIDTH], double top, int row, struct pxs_text *out) {
    static const char *const eighths[] = {" ",
                                          "\xe2\x96\x81",
                                          "\xe2\x96\x82",
                                          "\xe2\x96\x83",
                                          "\xe2\x96\x84",
                                          "\xe2\x96\x85",
                                          "\xe2\x96\x86",
                                          "\xe2\x96\x87",
                                          "\xe2\x96\x88"};
    int below = 8 * (ROWS - 1 - row);
    for (int i = 0; i < WIDTH; i++) {
        int level = top > 0 ? (int)lround(rates[i] / top * LEVELS) : 0;
        level = (rates[i] > 0 && level == 0 ? 1 : level) - below;
        pxs_text_add(out, eighths[level < 0 ? 0 : level > 8 ? 8 : level]);
    }
}

static void put_figures(const struct pxs_plan_rate *r, double top, int net, struct pxs_text *out) {
    char first[32], last[32], most[32];
    if (r->depends_on_losses) {
        pxs_format_rounded(first, r->first, 3);
        pxs_text_addf(out, "lr_%c %s, then as the validation loss goes", "GD"[net], first);
        return;
    }
    pxs_format_rounded(first, r->first, 3);
    pxs_format_rounded(last, r->last, 3);
    pxs_format_rounded(most, top, 3);
    pxs_text_addf(out, "lr_%c %s -> %s", "GD"[net], first, last);
    if (top > fmax(r->first, r->last) * (1 + 1e-9))
        pxs_text_addf(out, ", at most %s", most);
    const struct pxs_cell ratio = pxs_cell_real(r->ratio);
    pxs_text_add(out, ", ratio ");
    pxs_cell_show(out, &ratio, PXS_SHOW_RATIO, -1);
}

static void put_schedule(const struct pxs_plan *plan, int net, struct pxs_params *p,
                         struct schedule *s, struct pxs_text *out) {
    const int64_t batches = plan->runs[s->first_run].estimate.batches_per_epoch;
    struct pxs_schedule schedule;
    double rates[WIDTH], top = 0;

    /* Rates at WIDTH steps from the first to the last, and the highest of them. */
    pxs_plan_params(plan, s->first_run, p);
    pxs_schedule_resolve(p, net, batches, &schedule);
    for (int i = 0; i < WIDTH; i++) {
        const double last = (double)(p->n_epochs * batches - 1);
        const int64_t step = (int64_t)llround(last * i / (WIDTH - 1));
        rates[i] = pxs_schedule_rate(&schedule, step / batches, step % batches);
        top = fmax(top, rates[i]);
    }

    describe_others(plan, net, p, s, &s->words);
    if (s->open)
        pxs_text_addf(&s->runs, "-%0*" PRId64, plan->race.on ? 1 : 4, s->last_number);
    put_row(rates, top, 0, out);
    pxs_text_addf(out, "  %s  (%s%s %s)\n", pxs_text_str(&s->words),
                  plan->race.on ? "configuration" : "run", s->n_runs == 1 ? "" : "s",
                  pxs_text_str(&s->runs));
    put_row(rates, top, 1, out);
    pxs_text_add(out, "  ");
    put_figures(&plan->runs[s->first_run].rate[net], top, net, out);
    pxs_text_add(out, "\n");
}

/* Schedules of D are shown where one of them is not constant. */
static bool moves(const struct pxs_plan *plan, int net) {
    for (size_t i = 0; i < plan->n; i++)
        if (!plan->runs[i].rate[net].constant)
            return true;
    return net == 0;
}

enum pxs_status cli_schedules_text(const struct pxs_plan *plan, struct pxs_text *out,
                                   struct pxs_error *err) {
    struct pxs_params *p = malloc(2 * sizeof *p);
    struct schedule *list = calloc(plan->n + 1, sizeof *list);
    bool failed = !p || !list;
    for (int net = 0; net < 2 && !failed; net++) {
        size_t n = moves(plan, net) ? collect(plan, net, p, p + 1, list) : 0;
        for (size_t i = 0; i < n; i++) {
            if (i < SHOWN)
                put_schedule(plan, net, p, &list[i], out);
            failed = failed || list[i].runs.failed || list[i].words.failed;
            pxs_text_finish(&list[i].runs);
            pxs_text_finish(&list[i].words);
        }
        if (n > SHOWN)
            pxs_text_addf(out, "... and %zu more schedules of lr_%c\n", n - SHOWN, "GD"[net]);
        pxs_text_add(out, n ? "\n" : "");
        memset(list, 0, plan->n * sizeof *list);
    }
    free(list);
    free(p);
    return failed || out->failed ? pxs_fail_nomem(err) : PXS_OK;
}
