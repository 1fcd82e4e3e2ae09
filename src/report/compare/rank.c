/* compare: which configuration is better, by how much, and could that be luck? */
#include "compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- order ---------------------------------------------------------------------------------- */

static int by_number(double a, double b) {
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

static double rank_of(const struct group *g, const struct metric *m) {
    return m->higher ? -g->stats[m->measure].mean : g->stats[m->measure].mean;
}

static int better(const void *a, const void *b, void *metric) {
    const struct group *x = a, *y = b;
    int order = by_number(rank_of(x, metric), rank_of(y, metric));
    if (order == 0)
        order = by_number(x->stats[M_final_avg_loss_G].mean, y->stats[M_final_avg_loss_G].mean);
    return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static bool any_has(const struct comparing *c, enum measure m) {
    for (size_t g = 0; g < c->n_groups; g++) {
        if (c->groups[g].stats[m].n > 0)
            return true;
    }
    return false;
}

/* Without the metric there is still the validation loss to go by, and without validation the
 * training loss. */
static void order_groups(struct comparing *c) {
    static const char *const substitutes[] = {"best_val_loss", "final_avg_loss_G"};
    for (size_t i = 0; i < PXS_COUNT(substitutes) && !any_has(c, c->metric.measure); i++) {
        const struct metric *other = pxs_metric_find("", substitutes[i], NULL);
        if (other && any_has(c, other->measure))
            c->metric = *other;
    }
    qsort_r(c->groups, c->n_groups, sizeof *c->groups, better, &c->metric);
    while (c->ranked < c->n_groups && c->groups[c->ranked].stats[c->metric.measure].n > 0)
        c->ranked++;
}

/* ---- differences ---------------------------------------------------------------------------- */

/* An old log does not tell its seed. A seed has nothing in common between other pictures of other
 * sweeps. */
bool pxs_compare_is_pair(const struct comparing *c, size_t a, size_t b) {
    const struct pxs_cell *x = c->runs.cells + a * c->runs.n_columns,
                          *y = c->runs.cells + b * c->runs.n_columns;
    if (x[RUN_IMPORTED].integer != 0 || y[RUN_IMPORTED].integer != 0)
        return false;
    if (!pxs_groups_by(&c->in, "seed") && x[RUN_SEED].integer != y[RUN_SEED].integer)
        return false;
    for (size_t k = 0; k < c->in.n_keys; k++) {
        const struct pxs_cell *values = c->in.values[k].cells;
        if (c->in.sweep_of[a] != c->in.sweep_of[b] && strcmp(c->in.keys[k], "dataset") == 0 &&
            !pxs_cell_same(&values[a], &values[b]))
            return false;
    }
    for (size_t k = 0; k < c->all.n_keys; k++) {
        const struct pxs_cell *values = c->all.values[k].cells;
        if (!pxs_groups_by(&c->in, c->all.keys[k]) && !pxs_cell_same(&values[a], &values[b]))
            return false;
    }
    return true;
}

/* Room for the values of two groups. */
struct sample {
    double *a, *b; /* pairs, then all */
    bool *used;
};

static bool measured(const struct comparing *c, const struct group *g, size_t run) {
    return c->in.group_of[run] == g->index && pxs_compare_counts(c, run) &&
           !isnan(pxs_compare_value(c, run, c->metric.measure));
}

static size_t make_pairs(const struct comparing *c, const struct group *x, const struct group *y,
                         struct sample *s) {
    const size_t runs = c->in.n_runs;
    size_t n = 0;
    memset(s->used, 0, runs * sizeof *s->used);
    for (size_t a = 0; a < runs; a++) {
        if (!measured(c, x, a))
            continue;
        for (size_t b = 0; b < runs; b++) {
            if (s->used[b] || !measured(c, y, b) || !pxs_compare_is_pair(c, a, b))
                continue;
            s->used[b] = true;
            s->a[n] = pxs_compare_value(c, a, c->metric.measure);
            s->b[n++] = pxs_compare_value(c, b, c->metric.measure);
            break;
        }
    }
    return n;
}

#define OF_LOSS_G (1u << KIN_LOSS_G)
#define OF_LOSS_D (1u << KIN_LOSS_D)
#define OF_VALIDATION (1u << KIN_VALIDATION)

const struct loss_part pxs_loss_parts[LOSS_PARTS] = {
    {"lambda_pixel", "is a factor in loss_G", OF_LOSS_G},
    {"gan_mode", "decides what the adversarial part of loss_G is", OF_LOSS_G | OF_LOSS_D},
    {"discriminator", "decides what judges", OF_LOSS_G | OF_LOSS_D},
    {"n_layers_D", "decides what judges", OF_LOSS_G | OF_LOSS_D},
    {"validation", "decides on which pairs it is measured", OF_VALIDATION},
    {"direction", "decides what is generated", OF_VALIDATION | OF_LOSS_G | OF_LOSS_D},
    {"img_height", "decides what a pixel is", OF_VALIDATION | OF_LOSS_G | OF_LOSS_D},
    {"img_width", "decides what a pixel is", OF_VALIDATION | OF_LOSS_G | OF_LOSS_D},
    {"channels", "decides what a pixel is", OF_VALIDATION | OF_LOSS_G | OF_LOSS_D},
};

bool pxs_compare_loss_differs(const struct comparing *c, const struct group *x,
                              const struct group *y, const struct loss_part *part, bool paired) {
    const struct pxs_groups *keys = c->o->by ? &c->all : &c->in;
    if ((part->of & 1u << c->metric.kin) == 0 || (paired && !pxs_groups_by(&c->in, part->key)))
        return false;
    for (size_t k = 0; k < keys->n_keys; k++) {
        const struct pxs_cell *values = keys->values[k].cells;
        for (size_t run = 0; strcmp(keys->keys[k], part->key) == 0 && run < c->in.n_runs; run++) {
            if ((measured(c, x, run) || measured(c, y, run)) &&
                !pxs_cell_same(&values[run], &values[x->first]))
                return true;
        }
    }
    return false;
}

bool pxs_compare_same_loss(const struct comparing *c, const struct group *x, const struct group *y,
                           bool paired) {
    bool differs = false;
    for (size_t i = 0; i < LOSS_PARTS; i++)
        differs = differs || pxs_compare_loss_differs(c, x, y, &pxs_loss_parts[i], paired);
    return !differs;
}

/* Paired where most runs have a partner, else as two samples: two pairs out of ten runs would throw
 * the rest away. */
static void compare_two(const struct comparing *c, const struct group *x, const struct group *y,
                        struct sample *s, struct pxs_difference *out) {
    const size_t n_x = x->stats[c->metric.measure].n, n_y = y->stats[c->metric.measure].n;
    const size_t pairs = make_pairs(c, x, y, s);
    const bool paired = pairs >= 2 && 2 * pairs > (n_x > n_y ? n_x : n_y);
    if (!pxs_compare_same_loss(c, x, y, paired)) { /* which is lower is no question of luck */
        pxs_difference_paired(s->a, s->b, 0, out);
        out->mean = x->stats[c->metric.measure].mean - y->stats[c->metric.measure].mean;
        return;
    }
    if (paired) {
        pxs_difference_paired(s->a, s->b, pairs, out);
        return;
    }
    const size_t n_a = pxs_compare_gather(c, x, c->metric.measure, s->a);
    const size_t n_b = pxs_compare_gather(c, y, c->metric.measure, s->b);
    pxs_difference_welch(s->a, n_a, s->b, n_b, out);
}

/* Every ranked group against the one at `place`, with Holm's correction for looking at all of
 * them. */
static void compare_with(struct comparing *c, size_t place, bool to_best, struct sample *s,
                         struct pxs_difference **list) {
    size_t n = 0;
    for (size_t g = 0; g < c->ranked; g++) {
        struct group *group = &c->groups[g];
        if (g == place)
            continue;
        list[n] = to_best ? &group->best : &group->baseline;
        compare_two(c, group, &c->groups[place], s, list[n++]);
        *(to_best ? &group->has_best : &group->has_baseline) = true;
    }
    pxs_holm(list, n);
}

/* ---- Pareto --------------------------------------------------------------------------------- */

enum { AXES_MOST = 4 };

static bool beats(const struct group *x, const struct group *y, const struct metric *axes,
                  size_t n) {
    bool strictly = false;
    for (size_t i = 0; i < n; i++) {
        if (rank_of(x, &axes[i]) > rank_of(y, &axes[i]))
            return false;
        strictly = strictly || rank_of(x, &axes[i]) < rank_of(y, &axes[i]);
    }
    return strictly;
}

static bool has_axes(const struct group *g, const struct metric *axes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (g->stats[axes[i].measure].n == 0)
            return false;
    }
    return true;
}

/* "time,val_loss": marks the groups that no other group beats in all of these metrics. */
static enum pxs_status find_front(struct comparing *c, const char *pareto, struct pxs_error *err) {
    struct metric axes[AXES_MOST];
    size_t n = 0;
    for (const char *text = pareto; *text != '\0';) {
        char name[64];
        const size_t length = strcspn(text, ",");
        snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), text);
        const struct metric *axis = pxs_metric_find("--pareto", name, err);
        if (!axis)
            return PXS_E_INVALID;
        if (n == AXES_MOST)
            return pxs_fail(err, PXS_E_INVALID, "--pareto: no more than %d metrics at a time",
                            AXES_MOST);
        axes[n++] = *axis;
        text += length + (text[length] == ',');
    }
    if (n < 2)
        return pxs_fail(err, PXS_E_INVALID,
                        "--pareto needs two metrics or more, such as time,val_loss");
    for (size_t g = 0; g < c->n_groups; g++) {
        struct group *group = &c->groups[g];
        group->has_front = group->front = has_axes(group, axes, n);
        for (size_t k = 0; group->front && k < c->n_groups; k++)
            group->front =
                !(has_axes(&c->groups[k], axes, n) && beats(&c->groups[k], group, axes, n));
    }
    return PXS_OK;
}

enum pxs_status pxs_compare_judge(struct comparing *c, struct pxs_error *err) {
    order_groups(c);
    c->baseline = c->n_groups;
    if (c->o->baseline)
        PXS_TRY(pxs_compare_find(c, c->o->baseline, &c->baseline, err));

    const size_t n = c->in.n_runs + 1;
    struct sample s = {malloc(n * sizeof *s.a), malloc(n * sizeof *s.b),
                       malloc(n * sizeof *s.used)};
    struct pxs_difference **list = malloc((c->n_groups + 1) * sizeof *list);
    const bool room = s.a && s.b && s.used && list;
    if (room && c->ranked > 1)
        compare_with(c, 0, true, &s, list);
    if (room && c->baseline < c->ranked)
        compare_with(c, c->baseline, false, &s, list);
    free(s.a);
    free(s.b);
    free(s.used);
    free(list);
    if (!room)
        return pxs_fail_nomem(err);
    return c->o->pareto ? find_front(c, c->o->pareto, err) : PXS_OK;
}
