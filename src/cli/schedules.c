/* The distinct learning-rate schedules of a plan, each as a small curve. */
#include "cli.h"
#include "pixsweep/sweep.h"
#include "pixsweep/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 40, ROWS = 2, LEVELS = 8 * ROWS, SHOWN = 24 };

struct schedule {
    char words[256]; /* "halve, lrgd 18": with the runs' length, all that makes a schedule */
    double base;
    int64_t n_epochs, batches;
    size_t first_run; /* index into plan->runs */
    struct pxs_text runs;
    size_t n_runs;
    int64_t last_number; /* of the numbers in `runs` */
    bool open;           /* `runs` ends with the beginning of a range */
};

/* ---- what a schedule is ---------------------------------------------------------------------------------- */

/* Policy and its keys in the table's order. */
static void describe(const struct pxs_params *p, int net, char *out, size_t size) {
    int policy = net == 0 ? PXS_PARAM_lr_policy_G : PXS_PARAM_lr_policy_D;
    int64_t warmup = net == 0 ? p->warmup_epochs : p->warmup_epochs_D;
    struct pxs_text t = {0};
    pxs_params_format(p, policy, &t);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        if (!info->conditional || (int)info->under != policy || !pxs_params_effective(p, key))
            continue;
        pxs_text_addf(&t, ", %s ", info->key);
        pxs_params_format(p, key, &t);
    }
    if (warmup > 0)
        pxs_text_addf(&t, ", after %" PRId64 " epoch%s of warm-up", warmup, warmup == 1 ? "" : "s");
    snprintf(out, size, "%s", pxs_text_str(&t));
    pxs_text_finish(&t);
}

static struct schedule *find(struct schedule *list, size_t n, const struct schedule *like) {
    for (size_t i = 0; i < n; i++)
        if (list[i].base == like->base && list[i].n_epochs == like->n_epochs &&
            list[i].batches == like->batches && strcmp(list[i].words, like->words) == 0)
            return &list[i];
    return NULL;
}

/* "1-3, 7" */
static void add_run(struct schedule *s, int64_t number) {
    if (s->n_runs++ == 0) {
        pxs_text_addf(&s->runs, "%" PRId64, number);
    } else if (number == s->last_number + 1) {
        s->open = true;
    } else {
        if (s->open)
            pxs_text_addf(&s->runs, "-%" PRId64, s->last_number);
        s->open = false;
        pxs_text_addf(&s->runs, ", %" PRId64, number);
    }
    s->last_number = number;
}

static size_t collect(const struct pxs_plan *plan, int net, struct pxs_params *p, struct schedule *list) {
    size_t n = 0;
    for (size_t i = 0; i < plan->n; i++) {
        pxs_plan_params(plan, i, p);
        struct schedule s = {.base = net == 0 ? p->learning_rate_G : p->learning_rate_D,
                             .n_epochs = p->n_epochs,
                             .batches = plan->runs[i].estimate.batches_per_epoch,
                             .first_run = i};
        describe(p, net, s.words, sizeof s.words);
        struct schedule *known = find(list, n, &s);
        if (!known) {
            list[n] = s;
            known = &list[n++];
        }
        add_run(known, plan->runs[i].number);
    }
    return n;
}

/* ---- the curve ------------------------------------------------------------------------------------------- */

/* Rates at WIDTH steps from the first to the last; the highest of them. */
static double sample(const struct pxs_params *p, int net, const struct schedule *s, double rates[WIDTH]) {
    int64_t last = s->n_epochs * s->batches - 1;
    double top = 0;
    for (int i = 0; i < WIDTH; i++) {
        int64_t step = (int64_t)llround((double)last * i / (WIDTH - 1));
        rates[i] = pxs_train_rate(p, net, step / s->batches, step % s->batches, s->batches);
        top = fmax(top, rates[i]);
    }
    return top;
}

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
    double below = r->ratio > 0 ? 1 / r->ratio : 0;
    if (r->ratio < 1 && fabs(below - round(below)) < 1e-6 * below)
        pxs_text_addf(out, ", ratio 1/%.0f", below);
    else
        pxs_text_addf(out, ", ratio %.3g", r->ratio);
}

static void put_schedule(const struct pxs_plan *plan, int net, struct pxs_params *p, struct schedule *s,
                         struct pxs_text *out) {
    double rates[WIDTH];
    pxs_plan_params(plan, s->first_run, p);
    double top = sample(p, net, s, rates);
    if (s->open)
        pxs_text_addf(&s->runs, "-%" PRId64, s->last_number);
    put_row(rates, top, 0, out);
    pxs_text_addf(out, "  %s  (run%s %s)\n", s->words, s->n_runs == 1 ? "" : "s", pxs_text_str(&s->runs));
    put_row(rates, top, 1, out);
    pxs_text_add(out, "  ");
    put_figures(&plan->runs[s->first_run].rate[net], top, net, out);
    pxs_text_add(out, "\n");
}

/* Those of D are told where one of them moves. */
static bool moves(const struct pxs_plan *plan, int net) {
    for (size_t i = 0; i < plan->n; i++)
        if (!plan->runs[i].rate[net].constant)
            return true;
    return net == 0;
}

enum pxs_status cli_schedules_text(const struct pxs_plan *plan, struct pxs_text *out, struct pxs_error *err) {
    struct pxs_params *p = malloc(sizeof *p);
    struct schedule *list = calloc(plan->n + 1, sizeof *list);
    bool failed = !p || !list;
    for (int net = 0; net < 2 && !failed; net++) {
        size_t n = moves(plan, net) ? collect(plan, net, p, list) : 0;
        for (size_t i = 0; i < n; i++) {
            if (i < SHOWN)
                put_schedule(plan, net, p, &list[i], out);
            failed = failed || list[i].runs.failed;
            pxs_text_finish(&list[i].runs);
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
