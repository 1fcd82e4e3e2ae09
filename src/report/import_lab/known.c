/* What is known of an imported run's hyperparameters: what the user says, what a folder is called,
 * what such logs imply. */
#include "lab_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- --set ---------------------------------------------------------------------------------- */

static enum pxs_status set_one(struct pxs_lab_params *p, const char *text, struct pxs_error *err) {
    const char *equals = strchr(text, '=');
    enum pxs_param_key key;
    char name[64];
    if (!equals)
        return pxs_fail(err, PXS_E_INVALID, "--set: key=value, not %.80s", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    if ((size_t)(equals - text) >= sizeof name || !pxs_param_find(name, &key)) {
        struct pxs_text quoted = {0};
        pxs_text_add_quoted(&quoted, name);
        pxs_param_add_remedy(name, &quoted);
        pxs_fail(err, PXS_E_INVALID,
                 "--set: there is no hyperparameter %s (pixsweep params lists them)",
                 pxs_text_str(&quoted));
        pxs_text_finish(&quoted);
        return PXS_E_INVALID;
    }
    if (p->known[key])
        return pxs_fail(err, PXS_E_INVALID, "--set: %s stands there twice", name);
    const enum pxs_status status =
        pxs_params_set(&p->values, (int)key, equals + 1, false, NULL, err);
    if (status != PXS_OK) {
        pxs_error_prefix(err, "--set %s", name);
        return status;
    }
    p->known[key] = true;
    return PXS_OK;
}

/* lrgd has no effect under lr_policy_G: constant. Where a key has an effect, the key that it
 * depends on is known as well. */
static enum pxs_status check_effect(struct pxs_lab_params *p, struct pxs_error *err) {
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        if (!p->known[key])
            continue;
        if (!pxs_params_effective(&p->values, key)) {
            struct pxs_text under = {0};
            pxs_params_format(&p->values, (int)info->under, &under);
            pxs_fail(err, PXS_E_INVALID, "--set: %s has no effect under %s: %s", info->key,
                     pxs_param_info((int)info->under)->key, pxs_text_str(&under));
            pxs_text_finish(&under);
            return PXS_E_INVALID;
        }
        if (info->conditional)
            p->known[info->under] = true;
    }
    return PXS_OK;
}

static enum pxs_status set_lambda(struct pxs_lab_params *p, const char *lambda,
                                  struct pxs_error *err) {
    const bool both = lambda && p->known[PXS_PARAM_lambda_pixel];
    const double before = p->values.lambda_pixel;
    if (lambda) {
        const enum pxs_status status =
            pxs_params_set(&p->values, PXS_PARAM_lambda_pixel, lambda, false, NULL, err);
        if (status != PXS_OK) {
            pxs_error_prefix(err, "--lambda");
            return status;
        }
    }
    p->known[PXS_PARAM_lambda_pixel] = true;
    if (both && before != p->values.lambda_pixel)
        return pxs_fail(err, PXS_E_INVALID, "--lambda and --set lambda_pixel say two things");
    if (!(p->values.lambda_pixel > 0))
        return pxs_fail(err, PXS_E_INVALID,
                        "--lambda must be above 0: the logs hold lambda_pixel times the L1, which "
                        "is divided by it");
    return PXS_OK;
}

enum pxs_status pxs_lab_params(const struct pxs_lab_options *options, struct pxs_lab_params *out,
                               struct pxs_error *err) {
    memset(out, 0, sizeof *out);
    pxs_params_default(&out->values);
    out->values.lambda_pixel = 10; /* a constant in the lab's script */
    for (size_t i = 0; i < options->n_sets; i++)
        PXS_TRY(set_one(out, options->sets[i], err));
    PXS_TRY(set_lambda(out, options->lambda, err));
    if (!out->known[PXS_PARAM_validation]) {
        /* The lab's script validates on its first 20 training pairs, so that these losses are not
         * comparable with those of unseen pairs. */
        out->values.validation = PXS_VALIDATION_LAB;
        out->known[PXS_PARAM_validation] = true;
    }
    return check_effect(out, err);
}

/* ---- a folder's name ------------------------------------------------------------------------ */

/* The script's short names; those without a key of ours are passed over. */
static const struct {
    const char *name;
    int key; /* -1: none */
} shorts[] = {{"lrG_d", PXS_PARAM_lrgd},
              {"lrD_d", -1},
              {"lrG", PXS_PARAM_learning_rate_G},
              {"lrD", PXS_PARAM_learning_rate_D},
              {"bs", PXS_PARAM_batch_size},
              {"ep", PXS_PARAM_n_epochs},
              {"dg_rate", -1},
              {"dp_epoch", -1}};

struct pair {
    int key;
    char value[32];
};

/* "lrG0.0001lrD0.0001bs8ep200": names and numbers and nothing else. Returns how many pairs, 0 where
 * it is none. */
static size_t read_name(const char *part, size_t n, struct pair *pairs, size_t room) {
    size_t at = 0, found = 0;
    while (at < n) {
        size_t i = 0;
        while (i < PXS_COUNT(shorts) &&
               strncmp(part + at, shorts[i].name, strlen(shorts[i].name)) != 0)
            i++;
        if (i == PXS_COUNT(shorts) || found == room)
            return 0;
        at += strlen(shorts[i].name);
        const size_t digits = strspn(part + at, "0123456789.");
        size_t length = digits;
        if (digits > 0 && part[at + digits] == 'e' && part[at + digits + 1] == '-')
            length += 2 + strspn(part + at + digits + 2, "0123456789");
        if (digits == 0 || length >= sizeof pairs[found].value || at + length > n)
            return 0;
        pairs[found].key = shorts[i].key;
        snprintf(pairs[found].value, sizeof pairs[found].value, "%.*s", (int)length, part + at);
        found++;
        at += length;
        while (at < n && (part[at] == '_' || part[at] == '-'))
            at++;
    }
    return found;
}

void pxs_lab_params_from_path(struct pxs_lab_params *p, const char *dir) {
    for (const char *part = dir; *part != '\0';) {
        struct pair pairs[8];
        const size_t n = strcspn(part, "/"), found = read_name(part, n, pairs, PXS_COUNT(pairs));
        for (size_t i = 0; found > 1 && i < found; i++) {
            const int key = pairs[i].key;
            if (key < 0 || p->known[key] || !pxs_params_effective(&p->values, key))
                continue;
            p->known[key] =
                pxs_params_set(&p->values, key, pairs[i].value, false, NULL, NULL) == PXS_OK;
            if (p->known[key] && pxs_param_info(key)->conditional)
                p->known[pxs_param_info(key)->under] = true;
        }
        part += n + (part[n] == '/');
    }
}
