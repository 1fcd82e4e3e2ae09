/* Which jobs live: the launcher is asked now and then, and nothing depends on its answer but what
 * users are told, and when a collector stops waiting. */
#include <stdlib.h>
#include <string.h>

#include "collect_priv.h"

static void ask(struct pxs_collection *c, size_t index, double now) {
    struct pxs_followed_jobs *jobs = &c->jobs[index];
    struct pxs_launcher l;
    struct pxs_error err;
    pxs_arena_finish(&c->question_arena);
    jobs->asked_at = now;
    c->asked = index;
    if (pxs_launcher_recall(jobs->dir, &c->question_arena, &l, &err) != PXS_OK ||
        pxs_launcher_ask(&l, jobs->name, &c->question, &err) != PXS_OK)
        snprintf(c->launcher_trouble, sizeof c->launcher_trouble, "%.250s", err.message);
}

/* Whom to ask: of the user's sweep (`own`) or of the others, the newest that was never asked, else
 * the one whose answer is oldest. n_jobs: none. */
static size_t choose(const struct pxs_collection *c, bool own) {
    size_t best = c->n_jobs;
    for (size_t i = c->n_jobs; i-- > 0;) {
        const struct pxs_followed_jobs *jobs = &c->jobs[i];
        if (!jobs->name || jobs->over || (strcmp(jobs->sweep, c->submitted.sweep) == 0) != own)
            continue;
        if (jobs->asked_at <= 0)
            return i;
        if (best == c->n_jobs || jobs->asked_at < c->jobs[best].asked_at)
            best = i;
    }
    return best;
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
    if (jobs->over)
        pxs_submission_note_end(jobs->dir);
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
    /* The user's own sweep comes first, then each other one once; later others have every fourth
     * turn. */
    const size_t other = choose(c, false);
    const bool others = (c->n_asked > 0 && other < c->n_jobs && c->jobs[other].asked_at <= 0) ||
                        c->n_asked % 4 == 3;
    c->n_asked++;
    size_t index = choose(c, !others);
    if (index == c->n_jobs)
        index = choose(c, others);
    if (index < c->n_jobs)
        ask(c, index, now);
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

int64_t pxs_collect_jobs_alive(const struct pxs_collection *c, const char *sweep) {
    int64_t alive = 0;
    for (size_t i = 0; i < c->n_jobs; i++) {
        const struct pxs_followed_jobs *jobs = &c->jobs[i];
        if (strcmp(jobs->sweep, sweep) != 0 || !jobs->name || jobs->over)
            continue;
        if (!jobs->known)
            return -1;
        for (size_t k = 0; k < jobs->list.n; k++)
            alive += jobs->list.jobs[k].state != PXS_LAUNCHED_ENDING;
    }
    return alive;
}

bool pxs_collect_jobs_gone(const struct pxs_collection *c, const char *sweep) {
    for (size_t i = 0; i < c->n_jobs; i++)
        if (strcmp(c->jobs[i].sweep, sweep) == 0 && !c->jobs[i].over && c->jobs[i].name)
            return false;
    return true;
}
