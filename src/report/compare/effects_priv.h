/* compare --effects, inside: factors (what varies by itself), blocks (runs that share all else),
 * and lines (what is said of a factor). */
#ifndef PXS_EFFECTS_PRIV_H
#define PXS_EFFECTS_PRIV_H

#include "compare_priv.h"
#include "pixsweep/compare/effects.h"
#include "pixsweep/config.h"

#define NO_LEVEL SIZE_MAX

/* One value of a factor. */
struct level {
    size_t run; /* the first that has it */
    const char *text;
    size_t runs, counted, lost, pruned; /* lost: failed or diverged */
};

/* A key, or keys that change only together. */
struct factor {
    size_t key;       /* the first of them in pxs_groups.keys */
    const char *name; /* "batch_size + n_epochs" */
    bool joint;
    /* of each key: not part of all else: the factor's own, and those that have an effect only under
     * some of its values */
    bool *beneath;
    size_t *level_of; /* of each run; NO_LEVEL: the key has no effect there */
    struct level *levels;
    size_t n_levels, reference;
    bool asked;   /* its lines are wanted */
    bool numeric; /* its values have an order */
    bool drawn, guessed, log;
    size_t planned; /* pairs of runs that differ in it alone, measured or not */
    size_t apart;   /* values that no planned pair sets against the reference: without a line */
    struct pxs_scatter *scatter;
};

/* Runs in blocks that share all else and the seed; a value is the mean of a level's runs (several,
 * where keys beneath it vary), and there only where all that are planned have one. */
struct blocks {
    size_t n, n_levels;
    size_t *setting, *seed; /* numbers below the number of runs */
    double *y;              /* n x n_levels; NaN where there is none */
    bool *planned, *spared; /* n x n_levels; spared: the race needed no run there */
};

enum line_kind { LINE_EFFECT, LINE_OVERALL, LINE_UNPAIRED, LINE_RANK, LINE_INTERACTION };
struct line {
    enum line_kind kind;
    const struct factor *factor, *with; /* with: of an interaction */
    size_t level;                       /* of an effect */
    size_t missing, spared;             /* spared: that the race did not need */
    struct pxs_difference d;            /* p and p_holm of every kind; n_a: pairs */
    struct pxs_block_test test;
    struct pxs_rank_correlation rank;
    struct blocks blocks; /* of an interaction */
};

struct effects {
    struct comparing c;
    const struct pxs_compare_options *o;
    size_t **codes; /* of each key and run: equal where the values are */
    size_t *seeds;  /* of each run, numbered */
    bool *imported;
    struct factor *factors;
    size_t n_factors;
    struct line *lines;
    size_t n_lines, most;
    size_t n_interactions; /* that were looked for, with a line or not */
    struct pxs_varies varies[PXS_PARAM_COUNT];
    size_t n_seeds;
    bool raced;        /* a sweep whose race decides which configurations get seeds */
    size_t not_needed; /* runs that the race needs no more */
    struct pxs_arena arena;
    struct pxs_effects *out;
};

/* Whether the run has a value that counts. */
bool pxs_effects_counts(const struct effects *e, size_t run);
double pxs_effects_value(const struct effects *e, size_t run);
/* Whether the race does not need it. */
bool pxs_effects_spared(const struct effects *e, size_t run);
/* A new line, zeroed but for NaN. */
struct line *pxs_effects_line(struct effects *e, enum line_kind kind, const struct factor *factor);

/* ---- effects_factors.c ---------------------------------------------------------------------- */

PXS_NODISCARD enum pxs_status pxs_effects_factors(struct effects *e, struct pxs_error *err);

/* ---- effects_blocks.c ----------------------------------------------------------------------- */

PXS_NODISCARD enum pxs_status pxs_effects_blocks(const struct effects *e, const bool *beneath,
                                                 const size_t *level_of, size_t n_levels,
                                                 struct pxs_arena *arena, struct blocks *out,
                                                 struct pxs_error *err);
/* Level b minus level a over the blocks that have both: fills difference, test and missing of
 * `line`. */
PXS_NODISCARD enum pxs_status pxs_effects_contrast(const struct blocks *b, size_t ids,
                                                   size_t a_level, size_t b_level,
                                                   struct line *line, struct pxs_error *err);
/* Lines of a factor that varies with all else equal; of two that may interact. */
PXS_NODISCARD enum pxs_status pxs_effects_paired(struct effects *e, const struct factor *f,
                                                 struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_effects_interaction(struct effects *e, const struct factor *f,
                                                      const struct factor *g,
                                                      struct pxs_error *err);

/* ---- effects_draws.c ------------------------------------------------------------------------ */

/* Lines of the factors whose values were drawn. */
PXS_NODISCARD enum pxs_status pxs_effects_draws(struct effects *e, struct pxs_error *err);

/* ---- effects_words.c ------------------------------------------------------------------------ */

PXS_NODISCARD enum pxs_status pxs_effects_say(struct effects *e, struct pxs_error *err);

#endif
