#include "yaml.h"
#include "fuzz.h"

#include "pixsweep/config.h"

#include <math.h>
#include <string.h>

static void look_at_settings(const struct pxs_config *config) {
    const struct pxs_run_settings *run = pxs_config_run(config);
    const struct pxs_prune_settings *prune = pxs_config_prune(config);
    fuzz_require(run->retries >= 0 && run->max_failures >= 0, "counts are not negative");
    fuzz_require(run->timeout_s > 0 && run->resume_every_s >= 0 && isfinite(run->resume_every_s),
                 "durations are durations");
    fuzz_require(prune->n_rungs <= PXS_RUNGS_MAX, "rungs fit");
    for (size_t i = 1; i < prune->n_rungs; i++)
        fuzz_require(prune->rungs[i] > prune->rungs[i - 1], "rungs rise");
    const struct pxs_race_settings *race = pxs_config_race(config);
    fuzz_require(run->budget_s > 0 && race->budget_s > 0 && race->budget_runs >= 0,
                 "a budget is for something");
    struct pxs_error err;
    fuzz_require(!race->on || (pxs_race_check(&race->rule, &err) == PXS_OK &&
                               pxs_config_seeds(config) == (size_t)race->rule.max_seeds),
                 "a race has its seeds");
}

static void look_at_point(const struct pxs_config *config, size_t index) {
    struct pxs_point point;
    struct pxs_text text = {0};
    pxs_config_point(config, index, &point);
    fuzz_require(point.label[0] &&
                     strspn(point.label,
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-") ==
                         strlen(point.label),
                 "a label is made of plain characters");
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        pxs_config_origin(config, index, key, &text);
    pxs_text_finish(&text);
}

/* A run's config.yaml is all that its worker has. */
static void freeze(const struct pxs_config *config, size_t index) {
    struct pxs_point point, again;
    struct pxs_config *frozen = NULL;
    struct pxs_text yaml = {0}, problems = {0};
    struct pxs_error err;
    pxs_config_point(config, index, &point);
    pxs_params_write_yaml(&point.params, pxs_config_name(config), &yaml);
    fuzz_write("frozen.yaml", pxs_text_str(&yaml), yaml.len);
    if (pxs_config_load(fuzz_path(1, "frozen.yaml"), NULL, 0, &frozen, &problems, &err) != PXS_OK)
        fuzz_require(false, pxs_text_str(&problems));
    fuzz_require(pxs_config_count(frozen) == 1, "a frozen file is one run");
    pxs_config_point(frozen, 0, &again);
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        fuzz_require(pxs_params_equal_at(&point.params, &again.params, key),
                     pxs_param_info(key)->key);
    pxs_config_destroy(&frozen);
    pxs_text_finish(&problems);
    pxs_text_finish(&yaml);
}

void fuzz_look_at_config(const struct pxs_config *config) {
    size_t n = pxs_config_count(config), varying;
    fuzz_require(n >= 1 && n <= PXS_CONFIG_MAX_RUNS, "there are runs, and not too many");
    fuzz_require(strlen(pxs_config_name(config)) <= PXS_NAME_MAX && pxs_config_name(config)[0],
                 "a name is no longer than it may be");
    fuzz_require(strlen(pxs_config_spec_hash(config)) == PXS_SHA256_HEX - 1,
                 "the list of runs has a hash");
    fuzz_require(pxs_config_seeds(config) >= 1 && pxs_config_seeds(config) <= n,
                 "there are seeds, and no more than runs");
    fuzz_require(pxs_config_spec_yaml(config) != NULL && pxs_config_path(config)[0] == '/',
                 "the text and its place are known");
    pxs_config_varying(config, &varying);
    fuzz_require(varying < PXS_PARAM_COUNT, "no more keys vary than there are");
    for (size_t i = 0; i < pxs_config_notes(config); i++)
        fuzz_require(pxs_config_note(config, i)[0], "a note has words");
    look_at_settings(config);
    look_at_point(config, 0);
    look_at_point(config, n / 2);
    look_at_point(config, n - 1);
    freeze(config, n - 1);
}
