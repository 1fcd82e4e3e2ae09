/* Rungs: after certain epochs a run asks whether it goes on, and is given up in good order where it
 * does not. */
#include "train_priv.h"

#include <math.h>
#include <string.h>

static bool is_rung(const struct pxs_train_job *job, int64_t epoch) {
    for (size_t i = 0; i < job->n_rungs; i++)
        if (job->rungs[i] == epoch)
            return true;
    return false;
}

static enum pxs_status record_verdict(struct training *t, const struct pxs_train_rung *rung,
                                      struct pxs_error *err) {
    struct pxs_record r = {.kind = PXS_RECORD_RUNG,
                           .rung = {.epoch = (int32_t)rung->epoch,
                                    .go_on = rung->go_on,
                                    .value = rung->value,
                                    .cutoff = rung->cutoff}};
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, &r, err), err);
    if (rung->go_on)
        return PXS_OK;
    memset(&r, 0, sizeof r);
    r.kind = PXS_RECORD_EVENT;
    r.event =
        (struct pxs_record_event){.at_ms = pxs_now_ms(), .level = PXS_LOG_INFO, .kind = "pruned"};
    snprintf(r.event.message, sizeof r.event.message, "%s", rung->why);
    TRAIN_PATIENTLY(t, pxs_record_write(t->job->records, &r, err), err);
    return PXS_OK;
}

enum pxs_status train_pass_rung(struct training *t, struct pxs_error *err) {
    const struct pxs_train_job *job = t->job;
    struct pxs_train_rung rung = {.epoch = t->epoch - 1, .value = t->val_loss, .cutoff = NAN};
    if (!job->ask || t->batch != 0 || !is_rung(job, rung.epoch))
        return PXS_OK;
    if (isnan(rung.value)) /* it goes on from here: the same weights give the same bits */
        rung.value = train_validate(t, rung.epoch).loss;
    /* However long the answer takes and whatever happens meanwhile, the epochs so far are not done
     * again. */
    t->epoch_began = train_clock(t);
    train_save_resume(t);
    PXS_TRY(job->ask(job->ask_user, &rung, err));
    PXS_TRY(record_verdict(t, &rung, err));
    if (rung.go_on)
        return PXS_OK;
    t->saved_step = -1; /* once more: so that the verdict stays where the run is taken up again */
    train_save_resume(t);
    train_keep_one_resume(t); /* for a long time, perhaps: it need not take the space of two */
    return pxs_fail(err, PXS_E_PRUNED, "pruned: %s", rung.why);
}
