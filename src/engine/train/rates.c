/* Which rate a step is made with: hyperparameters to schedules. */
#include "train_priv.h"

#include "pixsweep/nn.h"

/* One network's schedule keys. */
struct policy {
    double base, gamma, power, max_lr, pct_start, min_lr;
    int64_t halve_every, step_size, n_decay, T_0, T_mult, warmup;
    const char *milestones;
    int name; /* enum pxs_lr_policy */
    struct pxs_plateau_rule plateau;
};

static struct policy policy_of(const struct pxs_params *p, int net) {
#define OF(suffix, rate, every)                                                                             \
    (struct policy) {                                                                                       \
        .base = p->rate, .gamma = p->gamma##suffix, .power = p->power##suffix, .max_lr = p->max_lr##suffix, \
        .pct_start = p->pct_start##suffix, .min_lr = p->min_lr##suffix, .halve_every = p->every,            \
        .step_size = p->step_size##suffix, .n_decay = p->n_epochs_decay##suffix, .T_0 = p->T_0##suffix,     \
        .T_mult = p->T_mult##suffix, .warmup = p->warmup_epochs##suffix,                                    \
        .milestones = p->milestones##suffix, .plateau = {                                                   \
            p->factor##suffix,                                                                              \
            p->threshold##suffix,                                                                           \
            p->min_lr##suffix,                                                                              \
            p->patience##suffix                                                                             \
        }                                                                                                   \
    }
    struct policy g = OF(, learning_rate_G, lrgd), d = OF(_D, learning_rate_D, lrdd);
#undef OF
    g.name = p->lr_policy_G;
    d.name = p->lr_policy_D;
    return net == PXS_NET_G ? g : d;
}

static double multistep(const struct policy *s, int64_t epoch) {
    int64_t milestones[PXS_INTS_MAX];
    size_t n = pxs_params_ints(s->milestones, milestones);
    return pxs_schedule_multistep(s->base, milestones, n, s->gamma, epoch);
}

/* After the warm-up: `epoch` and `n_epochs` do not count it. */
static double rate_of(const struct policy *s, int64_t n_epochs, int64_t epoch, int64_t batch,
                      int64_t batches) {
    switch ((enum pxs_lr_policy)s->name) {
    case PXS_LR_HALVE:
        return pxs_schedule_halve(s->base, s->halve_every, epoch);
    case PXS_LR_STEP:
        return pxs_schedule_step(s->base, s->step_size, s->gamma, epoch);
    case PXS_LR_MULTISTEP:
        return multistep(s, epoch);
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
        return pxs_schedule_one_cycle(s->base, s->max_lr, s->pct_start, n_epochs * batches,
                                      epoch * batches + batch);
    case PXS_LR_CONSTANT:
    case PXS_LR_PLATEAU: /* where nothing is known of the losses: not reduced yet */
        break;
    }
    return s->base;
}

double pxs_train_rate(const struct pxs_params *p, int net, int64_t epoch, int64_t batch, int64_t batches) {
    struct policy s = policy_of(p, net);
    if (epoch < s.warmup)
        return pxs_schedule_warmup(s.base, s.warmup * batches, epoch * batches + batch);
    return rate_of(&s, p->n_epochs - s.warmup, epoch - s.warmup, batch, batches);
}

/* ---- with what the run has seen -------------------------------------------------------------------------- */

void train_begin_rates(struct training *t) {
    for (int net = 0; net < 2; net++)
        pxs_plateau_begin(&t->plateau[net], policy_of(t->p, net).base);
}

static double rate_now(const struct training *t, int net, int64_t batch) {
    struct policy s = policy_of(t->p, net);
    if (s.name == PXS_LR_PLATEAU && t->epoch >= s.warmup)
        return t->plateau[net].rate;
    return pxs_train_rate(t->p, net, t->epoch, batch, t->batches);
}

struct pxs_step_rates train_rates(const struct training *t, int64_t batch) {
    return (struct pxs_step_rates){rate_now(t, PXS_NET_G, batch), rate_now(t, PXS_NET_D, batch)};
}

void train_follow_loss(struct training *t, double val_loss) {
    for (int net = 0; net < 2; net++) {
        struct policy s = policy_of(t->p, net);
        if (s.name == PXS_LR_PLATEAU && t->epoch >= s.warmup)
            pxs_plateau_step(&t->plateau[net], &s.plateau, val_loss);
    }
}
