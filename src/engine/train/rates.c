/* The learning rate of a step, by schedules that are resolved from the hyperparameters once. */
#include "train_priv.h"

#include "pixsweep/nn.h"

void pxs_schedule_resolve(const struct pxs_params *p, int net, int64_t batches,
                          struct pxs_schedule *out) {
    *out = (struct pxs_schedule){.n_epochs = p->n_epochs, .batches = batches};
#define RESOLVE(suffix, policy_key, rate_key, halve_key)                             \
    do {                                                                             \
        out->policy = p->policy_key;                                                 \
        out->base = p->rate_key;                                                     \
        out->halve_every = p->halve_key;                                             \
        out->step_size = p->step_size##suffix;                                       \
        out->gamma = p->gamma##suffix;                                               \
        out->n_decay = p->n_epochs_decay##suffix;                                    \
        out->T_0 = p->T_0##suffix;                                                   \
        out->T_mult = p->T_mult##suffix;                                             \
        out->power = p->power##suffix;                                               \
        out->max_lr = p->max_lr##suffix;                                             \
        out->pct_start = p->pct_start##suffix;                                       \
        out->min_lr = p->min_lr##suffix;                                             \
        out->warmup_epochs = p->warmup_epochs##suffix;                               \
        out->factor = p->factor##suffix;                                             \
        out->threshold = p->threshold##suffix;                                       \
        out->patience = p->patience##suffix;                                         \
        out->n_milestones = pxs_params_ints(p->milestones##suffix, out->milestones); \
    } while (0)
    if (net == PXS_NET_G)
        RESOLVE(, lr_policy_G, learning_rate_G, lrgd);
    else
        RESOLVE(_D, lr_policy_D, learning_rate_D, lrdd);
#undef RESOLVE
}

double pxs_schedule_rate(const struct pxs_schedule *s, int64_t epoch, int64_t batch) {
    if (epoch < s->warmup_epochs)
        return pxs_schedule_warmup(s->base, s->warmup_epochs * s->batches,
                                   epoch * s->batches + batch);
    /* the policy begins after the warm-up */
    const int64_t n_epochs = s->n_epochs - s->warmup_epochs;
    epoch -= s->warmup_epochs;
    switch ((enum pxs_lr_policy)s->policy) {
    case PXS_LR_HALVE:
        return pxs_schedule_halve(s->base, s->halve_every, epoch);
    case PXS_LR_STEP:
        return pxs_schedule_step(s->base, s->step_size, s->gamma, epoch);
    case PXS_LR_MULTISTEP:
        return pxs_schedule_multistep(s->base, s->milestones, s->n_milestones, s->gamma, epoch);
    case PXS_LR_EXPONENTIAL:
        return pxs_schedule_exponential(s->base, s->gamma, epoch);
    case PXS_LR_LINEAR:
        return pxs_schedule_linear(s->base, n_epochs, s->n_decay, epoch);
    case PXS_LR_COSINE:
        return pxs_schedule_cosine(s->base, s->min_lr, n_epochs, epoch);
    case PXS_LR_COSINE_RESTARTS:
        return pxs_schedule_cosine_restarts(s->base, s->min_lr, s->T_0, s->T_mult, epoch);
    case PXS_LR_POLYNOMIAL:
        return pxs_schedule_polynomial(s->base, s->power, n_epochs, epoch);
    case PXS_LR_ONE_CYCLE:
        return pxs_schedule_one_cycle(s->base, s->max_lr, s->pct_start, n_epochs * s->batches,
                                      epoch * s->batches + batch);
    case PXS_LR_CONSTANT:
    case PXS_LR_PLATEAU: /* the losses are not known here: the rate before any reduction */
        break;
    }
    return s->base;
}

/* ---- rates of a run in progress ------------------------------------------------------------- */

void train_begin_rates(struct training *t) {
    for (int net = 0; net < 2; net++) {
        pxs_schedule_resolve(t->p, net, t->batches, &t->schedule[net]);
        pxs_plateau_begin(&t->plateau[net], t->schedule[net].base);
    }
}

static bool follows_losses(const struct training *t, int net) {
    const struct pxs_schedule *s = &t->schedule[net];
    return s->policy == PXS_LR_PLATEAU && t->epoch >= s->warmup_epochs;
}

static double rate_now(const struct training *t, int net, int64_t batch) {
    return follows_losses(t, net) ? t->plateau[net].rate
                                  : pxs_schedule_rate(&t->schedule[net], t->epoch, batch);
}

struct pxs_step_rates train_rates(const struct training *t, int64_t batch) {
    return (struct pxs_step_rates){rate_now(t, PXS_NET_G, batch), rate_now(t, PXS_NET_D, batch)};
}

void train_follow_loss(struct training *t, double val_loss) {
    for (int net = 0; net < 2; net++) {
        const struct pxs_schedule *s = &t->schedule[net];
        const struct pxs_plateau_rule rule = {s->factor, s->threshold, s->min_lr, s->patience};
        if (follows_losses(t, net))
            pxs_plateau_step(&t->plateau[net], &rule, val_loss);
    }
}
