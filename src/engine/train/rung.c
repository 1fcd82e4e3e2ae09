/* Rungs: after certain epochs a run asks whether it goes on, and ends as pruned if not. */
#include "train_priv.h"

#include <math.h>

static bool is_rung(const struct pxs_train_job *job, int64_t epoch) {
    for (size_t i = 0; i < job->n_rungs; i++)
        if (job->rungs[i] == epoch)
            return true;
    return false;
}

enum pxs_status train_pass_rung(struct training *t, struct pxs_error *err) {
    const struct pxs_train_job *job = t->job;
    struct pxs_train_rung rung = {.epoch = t->epoch - 1, .value = t->val_loss, .cutoff = NAN};
    if (!job->ask || t->batch != 0 || !is_rung(job, rung.epoch))
        return PXS_OK;
    if (isnan(rung.value)) /* a resumed run: the same weights give the same loss */
        rung.value = train_validate(t, rung.epoch).loss;

    /* The answer may take long. The epochs so far are saved first, whatever happens meanwhile. */
    t->epoch_began = train_clock(t);
    PXS_TRY(train_save_resume(t, err));
    PXS_TRY(job->ask(job->ask_user, &rung, err));
    struct pxs_record r = {.kind = PXS_RECORD_RUNG,
                           .rung = {.epoch = (int32_t)rung.epoch,
                                    .go_on = rung.go_on,
                                    .value = rung.value,
                                    .cutoff = rung.cutoff}};
    TRAIN_PATIENTLY(t, pxs_record_write(job->records, &r, err), err);
    if (rung.go_on)
        return PXS_OK;

    struct pxs_record event = {
        .kind = PXS_RECORD_EVENT,
        .event = {.at_ms = pxs_now_ms(), .level = PXS_LOG_INFO, .kind = "pruned"}};
    snprintf(event.event.message, sizeof event.event.message, "%s", rung.why);
    TRAIN_PATIENTLY(t, pxs_record_write(job->records, &event, err), err);

    /* One more point, behind the verdict's records, so that these stay if the run is resumed. It
     * may be kept for a long time, so the previous one is removed. */
    t->saved_step = -1;
    PXS_TRY(train_save_resume(t, err));
    train_keep_one_resume(t);
    return pxs_fail(err, PXS_E_PRUNED, "pruned: %s", rung.why);
}
