/* What no single row of the table says: keys that must be stated, and keys that must fit each
 * other. */
#include "params_priv.h"

#include <string.h>

/* Tells the caller, who knows the file, which key the problem is at. */
static enum pxs_status at_fault(enum pxs_param_key *out, int key) {
    if (out)
        *out = (enum pxs_param_key)key;
    return PXS_E_INVALID;
}

/* ---- what must be stated -------------------------------------------------------------------- */

static bool is_missing(const struct pxs_params *p, int key) {
    const struct pxs_param_info *info = pxs_param_info(key);
    if (!(info->flags & PXS_PF_REQUIRED) || !pxs_params_effective(p, key))
        return false;
    struct pxs_param_value value = pxs_params_get(p, key);
    if (value.kind == PXS_VALUE_INTEGER || value.kind == PXS_VALUE_REAL)
        return !pxs_param_in_range(info, value.kind == PXS_VALUE_REAL ? value.real
                                                                      : (double)value.integer);
    return value.kind == PXS_VALUE_NULL;
}

static enum pxs_status check_stated(const struct pxs_params *p, enum pxs_param_key *key,
                                    struct pxs_error *err) {
    for (int k = 0; k < PXS_PARAM_COUNT; k++) {
        const struct pxs_param_info *info = pxs_param_info(k);
        if (!is_missing(p, k))
            continue;
        struct pxs_text t = {0};
        if (info->type == PXS_TYPE_PATH) {
            pxs_text_addf(&t, "%s is missing: name it in the file or with --set %s=PATH", info->key,
                          info->key);
        } else {
            const struct pxs_param_info *other = pxs_param_info(info->under);
            pxs_text_addf(&t, "%s: %s needs %s (", other->key, pxs_params_get(p, info->under).text,
                          info->key);
            pxs_param_range(k, &t);
            pxs_text_addf(&t, "): state it beside %s", other->key);
        }
        pxs_fail(err, PXS_E_INVALID, "%s", pxs_text_str(&t));
        pxs_text_finish(&t);
        return at_fault(key, info->conditional ? (int)info->under : k);
    }
    return PXS_OK;
}

/* ---- schedules ------------------------------------------------------------------------------ */

/* One network's schedule keys. */
struct rates {
    int base_key, policy_key, warmup_key, decay_key, max_key, min_key;
    double base, max_lr, min_lr;
    int64_t warmup, decay;
};

static struct rates rates_of(const struct pxs_params *p, bool g) {
    if (g)
        return (struct rates){PXS_PARAM_learning_rate_G,
                              PXS_PARAM_lr_policy_G,
                              PXS_PARAM_warmup_epochs,
                              PXS_PARAM_n_epochs_decay,
                              PXS_PARAM_max_lr,
                              PXS_PARAM_min_lr,
                              p->learning_rate_G,
                              p->max_lr,
                              p->min_lr,
                              p->warmup_epochs,
                              p->n_epochs_decay};
    return (struct rates){
        PXS_PARAM_learning_rate_D,  PXS_PARAM_lr_policy_D, PXS_PARAM_warmup_epochs_D,
        PXS_PARAM_n_epochs_decay_D, PXS_PARAM_max_lr_D,    PXS_PARAM_min_lr_D,
        p->learning_rate_D,         p->max_lr_D,           p->min_lr_D,
        p->warmup_epochs_D,         p->n_epochs_decay_D};
}

static enum pxs_status check_rates(const struct pxs_params *p, bool g, enum pxs_param_key *key,
                                   struct pxs_error *err) {
    struct rates r = rates_of(p, g);
    const char *base = pxs_param_info(r.base_key)->key;
    long long epochs = (long long)p->n_epochs;
    if (r.warmup >= p->n_epochs) {
        pxs_fail(err, PXS_E_INVALID,
                 "%s must leave epochs for the policy: it is %lld and n_epochs is %lld",
                 pxs_param_info(r.warmup_key)->key, (long long)r.warmup, epochs);
        return at_fault(key, r.warmup_key);
    }
    if (pxs_params_effective(p, r.decay_key) && r.decay > p->n_epochs - r.warmup) {
        pxs_fail(
            err, PXS_E_INVALID, "%s must fit into the %lld epochs that the policy has, but is %lld",
            pxs_param_info(r.decay_key)->key, epochs - (long long)r.warmup, (long long)r.decay);
        return at_fault(key, r.decay_key);
    }
    if (pxs_params_effective(p, r.max_key) && r.max_lr <= r.base) {
        pxs_fail(err, PXS_E_INVALID, "%s must be above %s, where the cycle begins (%g), but is %g",
                 pxs_param_info(r.max_key)->key, base, r.base, r.max_lr);
        return at_fault(key, r.max_key);
    }
    if (pxs_params_effective(p, r.min_key) && r.min_lr > r.base) {
        pxs_fail(err, PXS_E_INVALID, "%s must not be above %s (%g), but is %g",
                 pxs_param_info(r.min_key)->key, base, r.base, r.min_lr);
        return at_fault(key, r.min_key);
    }
    if (pxs_params_get(p, r.policy_key).text ==
            pxs_param_info(r.policy_key)->names[PXS_LR_PLATEAU] &&
        p->validation == PXS_VALIDATION_OFF) {
        pxs_fail(
            err, PXS_E_INVALID,
            "%s: plateau follows the validation loss, but validation is off: set it to full or lab",
            pxs_param_info(r.policy_key)->key);
        return at_fault(key, r.policy_key);
    }
    return PXS_OK;
}

enum pxs_status pxs_params_check(const struct pxs_params *p, enum pxs_param_key *key,
                                 struct pxs_error *err) {
    PXS_TRY(check_stated(p, key, err));
    PXS_TRY(check_rates(p, true, key, err));
    PXS_TRY(check_rates(p, false, key, err));

    if (p->early_stop_patience > 0 && p->early_stop_metric != PXS_EARLY_AVG_LOSS_G &&
        p->validation == PXS_VALIDATION_OFF) {
        const struct pxs_param_info *metric = pxs_param_info(PXS_PARAM_early_stop_metric);
        pxs_fail(err, PXS_E_INVALID,
                 "%s waits for a better %s, but validation is off: set it to full or lab, or say "
                 "%s: avg_loss_G",
                 pxs_param_info(PXS_PARAM_early_stop_patience)->key,
                 metric->names[p->early_stop_metric], metric->key);
        return at_fault(key, PXS_PARAM_early_stop_patience);
    }

    /* A data set with a val split cannot be meant: val_fraction has no place beside it. */
    if (p->val_fraction <= 0 && p->validation == PXS_VALIDATION_FULL) {
        pxs_fail(err, PXS_E_INVALID,
                 "val_fraction 0 leaves no pairs to validate on: set it above 0, leave it out "
                 "where the data set has val/, or set validation to lab or off");
        return at_fault(key, PXS_PARAM_val_fraction);
    }

    if (p->norm != PXS_NETWORK_NORM_INSTANCE && p->generator == PXS_GENERATOR_UNET &&
        p->discriminator == PXS_DISCRIMINATOR_PATCH) {
        pxs_fail(err, PXS_E_INVALID,
                 "norm must be instance where generator is unet and discriminator is patch, which "
                 "have no other: name another network or leave norm out");
        return at_fault(key, PXS_PARAM_norm);
    }

    int misfit;
    const enum pxs_status fits = params_check_sides(p, &misfit, err);
    if (fits != PXS_OK)
        return at_fault(key, misfit);

    int64_t side = p->img_height < p->img_width ? p->img_height : p->img_width;
    if (p->jitter > side) {
        pxs_fail(err, PXS_E_INVALID,
                 "%s must not exceed the image's smaller side, %lld pixels, but is %lld",
                 pxs_param_info(PXS_PARAM_jitter)->key, (long long)side, (long long)p->jitter);
        return at_fault(key, PXS_PARAM_jitter);
    }
    return PXS_OK;
}
