/* What the harnesses of experiment files share. */
#ifndef PXS_FUZZ_YAML_H
#define PXS_FUZZ_YAML_H

struct pxs_config;

#define FUZZ_BASE_YAML                              \
    "dataset: data\n"                               \
    "n_epochs: 6\n"                                 \
    "sweep:\n"                                      \
    "  grid: {learning_rate_G: [0.0001, 0.0002]}\n" \
    "  seeds: [0, 1]\n"

/* Asks a config for all that it knows. */
void fuzz_look_at_config(const struct pxs_config *config);

#endif
