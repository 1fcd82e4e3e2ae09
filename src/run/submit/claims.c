/* Claims of jobs that are gone. A job that was killed, or whose disk went away, leaves its claims
 * behind, and a machine cannot see that a process of another one is dead. The launcher can say that
 * the job is gone; without that, its runs would wait until the lease of their claims is over. */
#include <stdlib.h>
#include <string.h>

#include "pixsweep/records/files.h"
#include "pixsweep/rundir/claim.h"
#include "submit_priv.h"

#define ANSWERS 2 /* without its job before a claim is made void */

struct pxs_job_claim {
    const struct pxs_plan_run *run;
    char task[sizeof((struct pxs_claim_owner *)0)->task];
    char nonce[PXS_CLAIM_NONCE];
    int missing; /* answers of the launcher in a row in which its job did not live */
};

enum pxs_status pxs_job_claims_read(const struct pxs_plan *plan, struct pxs_job_claims *out,
                                    struct pxs_error *err) {
    struct pxs_claim_owner owner;
    int64_t touched_ms;
    *out = (struct pxs_job_claims){.list = calloc(plan->n + 1, sizeof *out->list)};
    if (!out->list)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n; i++) {
        struct pxs_job_claim *c = &out->list[out->n];
        c->run = &plan->runs[i];
        if (pxs_state_is_final(c->run->state) ||
            pxs_claim_read(c->run->dir, &owner, c->nonce, &touched_ms, NULL) != PXS_OK ||
            !owner.task[0])
            continue;
        snprintf(c->task, sizeof c->task, "%s", owner.task);
        out->n++;
    }
    return PXS_OK;
}

/* "4711_12" is a job of the submission with the id 4711. */
static bool is_of(const struct pxs_submission *sub, const char *task) {
    for (size_t i = 0; i < sub->n_ids; i++) {
        const size_t n = strlen(sub->ids[i]);
        if (strncmp(task, sub->ids[i], n) == 0 && (task[n] == '\0' || task[n] == '_'))
            return true;
    }
    return false;
}

static bool lives(const struct pxs_launched_list *alive, const char *task) {
    for (size_t i = 0; i < alive->n; i++)
        if (strcmp(alive->jobs[i].id, task) == 0)
            return true;
    return false;
}

size_t pxs_job_claims_doubt(struct pxs_job_claims *claims, const struct pxs_submission *sub,
                            const struct pxs_launched_list *alive) {
    size_t n = 0;
    for (size_t i = 0; i < claims->n; i++) {
        struct pxs_job_claim *c = &claims->list[i];
        if (!is_of(sub, c->task))
            continue;
        c->missing = lives(alive, c->task) ? 0 : c->missing + 1;
        n += c->missing > 0;
    }
    return n;
}

void pxs_job_claims_break(const struct pxs_job_claims *claims, const struct pxs_submission *sub,
                          struct pxs_logger log) {
    for (size_t i = 0; i < claims->n; i++) {
        const struct pxs_job_claim *c = &claims->list[i];
        struct pxs_error err;
        if (!is_of(sub, c->task) || c->missing < ANSWERS)
            continue;
        if (pxs_claim_break(c->run->dir, c->nonce, &err) == PXS_OK)
            pxs_log(log, PXS_LOG_INFO, "%s: its claim is void, since job %s is gone", c->run->name,
                    c->task);
        else
            pxs_log(log, PXS_LOG_WARN, "%s: job %s is gone, and its claim stays: %s", c->run->name,
                    c->task, err.message);
    }
}

void pxs_job_claims_finish(struct pxs_job_claims *claims) {
    free(claims->list);
    *claims = (struct pxs_job_claims){0};
}

enum pxs_status pxs_submission_break_claims(const struct pxs_plan *plan, const char *dir,
                                            struct pxs_logger log, struct pxs_error *err) {
    static const struct pxs_launched_list none;
    struct pxs_submission sub = {0};
    struct pxs_job_claims claims = {0};
    PXS_TRY(pxs_submission_read(dir, &sub, err));
    const enum pxs_status status = pxs_job_claims_read(plan, &claims, err);
    /* The caller has had these answers already. */
    for (int i = 0; i < ANSWERS; i++)
        pxs_job_claims_doubt(&claims, &sub, &none);
    if (status == PXS_OK)
        pxs_job_claims_break(&claims, &sub, log);
    pxs_job_claims_finish(&claims);
    pxs_submission_finish(&sub);
    return status;
}
