/* Which jobs live: the launcher is asked now and then, and nothing depends on its answer but what
 * users are told, and when a collector stops waiting. */
#include <stdlib.h>
#include <string.h>

#include "collect_priv.h"

static bool ask(struct pxs_collection *c, size_t index) {
    struct pxs_followed_jobs *jobs = &c->jobs[index];
    struct pxs_launcher l;
    struct pxs_error err;
    pxs_arena_finish(&c->question_arena);
    if (pxs_launcher_recall(jobs->dir, &c->question_arena, &l, &err) != PXS_OK ||
        pxs_launcher_ask(&l, jobs->name, &c->question, &err) != PXS_OK) {
        snprintf(c->launcher_trouble, sizeof c->launcher_trouble, "%.250s", err.message);
        return false;
    }
    c->asked = index;
    return true;
}

static void hear(struct pxs_collection *c) {
    struct pxs_followed_jobs *jobs = &c->jobs[c->asked];
    struct pxs_launched_list list = {0};
    struct pxs_error err;
    const enum pxs_status status = pxs_launcher_answer(c->question, &list, &err);
    c->question = NULL;
    if (status != PXS_OK) { /* nobody knows: what was said before stays */
        snprintf(c->launcher_trouble, sizeof c->launcher_trouble, "%.250s", err.message);
        return;
    }
    c->launcher_trouble[0] = '\0';
    pxs_launched_finish(&jobs->list);
    jobs->list = list;
    jobs->known = true;
    /* One that is being requeued may be missing in a single answer. */
    jobs->empty = list.n == 0 ? jobs->empty + 1 : 0;
    jobs->over = jobs->empty >= 2;
}

bool pxs_collect_ask(struct pxs_collection *c, double now) {
    if (c->question) {
        if (!pxs_launcher_is_answered(c->question, 0))
            return false;
        hear(c);
        return true;
    }
    if (now - c->asked_at < c->ask_every)
        return false;
    c->asked_at = now;
    for (size_t i = 1; i <= c->n_jobs; i++) {
        const size_t index = (c->asked + i) % c->n_jobs;
        if (c->jobs[index].name && !c->jobs[index].over) {
            ask(c, index);
            break;
        }
    }
    return false;
}

void pxs_collect_stop_asking(struct pxs_collection *c) {
    struct pxs_launched_list list = {0};
    struct pxs_error err;
    if (c->question && pxs_launcher_answer(c->question, &list, &err) == PXS_OK)
        pxs_launched_finish(&list);
    c->question = NULL;
    pxs_arena_finish(&c->question_arena);
}

bool pxs_collect_jobs_words(const struct pxs_collection *c, const char *sweep, struct pxs_text *out,
                            bool *never) {
    struct pxs_launched_list all = {0};
    size_t n = 0;
    bool known = false;
    *never = false;
    for (size_t i = 0; i < c->n_jobs; i++)
        if (strcmp(c->jobs[i].sweep, sweep) == 0) {
            known = known || c->jobs[i].known;
            n += c->jobs[i].list.n;
        }
    all.jobs = known ? malloc((n + 1) * sizeof *all.jobs) : NULL;
    if (!all.jobs)
        return false;
    for (size_t i = 0; i < c->n_jobs; i++)
        for (size_t k = 0; strcmp(c->jobs[i].sweep, sweep) == 0 && k < c->jobs[i].list.n; k++)
            all.jobs[all.n++] = c->jobs[i].list.jobs[k];
    pxs_launched_words(&all, out, never);
    free(all.jobs);
    return true;
}

bool pxs_collect_jobs_gone(const struct pxs_collection *c, const char *sweep) {
    for (size_t i = 0; i < c->n_jobs; i++)
        if (strcmp(c->jobs[i].sweep, sweep) == 0 && !c->jobs[i].over && c->jobs[i].name)
            return false;
    return true;
}
