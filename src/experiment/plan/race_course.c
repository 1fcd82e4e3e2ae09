/* How far the race of a plan has come, by the files of its looks and nothing else: plan,
 * supervisors and tasks find the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixsweep/records/race_look.h"
#include "plan_priv.h"

enum { RULE_VERSION = 1 }; /* another rule than race.h's of now makes another race */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same for the same configurations in any order. What only decides when the race ends is no
 * part of it: an edited file goes on with the race as far as it is the same. */
static enum pxs_status find_id(const struct pxs_plan *plan, char race[13], struct pxs_error *err) {
    const struct pxs_race_options *o = &plan->race.rule;
    const char **hashes = malloc(plan->n_configurations * sizeof *hashes);
    char hex[PXS_SHA256_HEX], confidence[32];
    struct pxs_text text = {0};
    if (!hashes)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n_configurations; i++)
        hashes[i] = plan->runs[i].config_hash;
    qsort(hashes, plan->n_configurations, sizeof *hashes, by_text);
    pxs_text_addf(&text, "rule %d\nconfidence %s\nfirst %d\nmax_seeds %d\nmetric %s\n",
                  RULE_VERSION, pxs_format_double(confidence, o->confidence), o->first,
                  o->max_seeds, pxs_race_metric_info(plan->race.metric)->name);
    for (size_t i = 0; i < plan->n_configurations; i++)
        pxs_text_addf(&text, "%s\n", hashes[i]);
    free(hashes);
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    pxs_sha256_update(&h, pxs_text_str(&text), text.len);
    pxs_sha256_hex(&h, hex);
    snprintf(race, 13, "%.12s", hex);
    const bool failed = text.failed;
    pxs_text_finish(&text);
    return failed ? pxs_fail_nomem(err) : PXS_OK;
}

void pxs_race_course_finish(struct pxs_race_course *course) {
    pxs_race_record_finish(&course->last);
    free(course->dropped_at);
    *course = (struct pxs_race_course){0};
}

/* The configuration of that hash; plan->n_configurations where none is. Entries mostly stand in the
 * plan's order, so `from` is where to look first. */
static size_t find_configuration(const struct pxs_plan *plan, const char *hash, size_t from) {
    const size_t k = plan->n_configurations;
    for (size_t i = 0; i < k; i++)
        if (strcmp(plan->runs[(from + i) % k].config_hash, hash) == 0)
            return (from + i) % k;
    return k;
}

/* False where it is no look of those that are left. */
static bool apply(const struct pxs_plan *plan, struct pxs_race_course *c,
                  const struct pxs_race_record *look) {
    size_t at = 0, left = 0;
    for (size_t i = 0; i < plan->n_configurations; i++)
        left += c->dropped_at[i] == 0;
    if (look->n != left || look->seeds != c->looks[c->judged] ||
        strcmp(look->metric, pxs_race_metric_info(plan->race.metric)->name) != 0)
        return false;
    for (size_t i = 0; i < look->n; i++) {
        const struct pxs_race_entry *e = &look->entries[i];
        at = find_configuration(plan, e->config_hash, at);
        if (at == plan->n_configurations || c->dropped_at[at] != 0)
            return false;
        if (e->decision == PXS_RACE_DROPPED)
            c->dropped_at[at] = look->look;
    }
    return true;
}

enum pxs_status pxs_race_course_next(struct pxs_plan *plan, bool *more, struct pxs_error *err) {
    struct pxs_race_course *c = &plan->course;
    struct pxs_race_record look;
    char dir[PXS_PATH_MAX];
    *more = false;
    if (!plan->race.on || c->judged == c->n_looks)
        return PXS_OK;
    if (!pxs_path_join(dir, sizeof dir, plan->results, plan->sweep))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", plan->results);
    const enum pxs_status status = pxs_race_look_read(dir, c->race, (int)c->judged + 1, &look, err);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK;
    PXS_TRY(status);
    if (!apply(plan, c, &look)) {
        pxs_race_record_finish(&look);
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s/" PXS_RACE_FOLDER "/%s-%02d.json does not go with the looks before it: "
                        "remove the files %s-*.json there, and the next `pixsweep run` judges them "
                        "again from the runs",
                        dir, c->race, (int)c->judged + 1, c->race);
    }
    pxs_race_record_finish(&c->last);
    c->last = look;
    c->judged++;
    c->state =
        pxs_race_record_state(&look, plan->race.rule.indifference, plan->race.rule.max_seeds);
    *more = true;
    return PXS_OK;
}

enum pxs_status pxs_plan_read_race(struct pxs_plan *plan, struct pxs_error *err) {
    struct pxs_race_course *c = &plan->course;
    bool more = true;
    pxs_race_course_finish(c);
    if (!plan->race.on)
        return PXS_OK;
    if (plan->n_configurations * (size_t)plan->race.rule.max_seeds != plan->n)
        return pxs_fail(err, PXS_E_INTERNAL,
                        "a race of %zu configurations and %d seeds has %zu "
                        "runs",
                        plan->n_configurations, plan->race.rule.max_seeds, plan->n);
    PXS_TRY(pxs_race_looks(&plan->race.rule, c->looks, &c->n_looks, err));
    PXS_TRY(find_id(plan, c->race, err));
    c->dropped_at = calloc(plan->n_configurations, sizeof *c->dropped_at);
    if (!c->dropped_at)
        return pxs_fail_nomem(err);
    while (more)
        PXS_TRY(pxs_race_course_next(plan, &more, err));
    for (size_t i = 0; i < plan->n; i++)
        if (pxs_plan_will_run(plan, plan->runs[i].state) && !pxs_race_needs(plan, i))
            plan->runs[i].state = PXS_STATE_NOT_NEEDED;
    return PXS_OK;
}

bool pxs_race_goes_on(const struct pxs_plan *plan) {
    const struct pxs_race_course *c = &plan->course;
    return plan->race.on && c->state == PXS_RACE_GOES_ON && c->judged < c->n_looks;
}

bool pxs_race_compares(const struct pxs_plan *plan, size_t index) {
    const struct pxs_race_course *c = &plan->course;
    return !plan->race.on ||
           (c->state == PXS_RACE_GOES_ON && c->dropped_at[index % plan->n_configurations] == 0);
}

bool pxs_race_needs(const struct pxs_plan *plan, size_t index) {
    if (pxs_race_compares(plan, index))
        return true;
    const struct pxs_race_course *c = &plan->course;
    const size_t k = plan->n_configurations;
    const size_t last = c->dropped_at[index % k] > 0 ? (size_t)c->dropped_at[index % k] : c->judged;
    return last > 0 && index / k < (size_t)c->looks[last - 1];
}

bool pxs_race_allows(const struct pxs_plan *plan, size_t index) {
    return !plan->race.on || (pxs_race_needs(plan, index) && index < pxs_race_look_end(plan));
}

size_t pxs_race_look_end(const struct pxs_plan *plan) {
    const struct pxs_race_course *c = &plan->course;
    const size_t look = c->judged < c->n_looks ? c->judged : c->n_looks - 1;
    return plan->n_configurations * (size_t)c->looks[look];
}

size_t pxs_race_runs_before(const struct pxs_plan *plan, size_t index) {
    const struct pxs_race_course *c = &plan->course;
    const size_t k = plan->n_configurations;
    size_t n = 0;
    for (size_t i = 0; i < k; i++) {
        const size_t seeds = index / k + (i < index % k);
        const size_t given = c->dropped_at[i] > 0 ? (size_t)c->looks[c->dropped_at[i] - 1] : seeds;
        n += given < seeds ? given : seeds;
    }
    return n;
}

size_t pxs_plan_at_once(const struct pxs_plan *plan) {
    const struct pxs_race_course *c = &plan->course;
    const size_t n = pxs_plan_count_to_run(plan);
    size_t left = 0, most = 0;
    for (size_t i = 0; plan->race.on && i < plan->n_configurations; i++)
        left += c->dropped_at[i] == 0;
    for (size_t look = c->judged; plan->race.on && look < c->n_looks; look++) {
        const size_t step = (size_t)(c->looks[look] - (look > 0 ? c->looks[look - 1] : 0));
        most = left * step > most ? left * step : most;
    }
    /* and what was lost of the looks that are judged */
    for (size_t i = 0; plan->race.on && c->judged > 0 && i < plan->n; i++)
        if (i / plan->n_configurations < (size_t)c->looks[c->judged - 1])
            most += pxs_plan_takes_run(plan, &plan->runs[i]);
    return plan->race.on && most < n ? most : n;
}
