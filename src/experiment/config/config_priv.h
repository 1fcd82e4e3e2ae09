/* Inside config. The steps of loading: source (text, lines) -> yaml (nodes with positions) -> load
 * (layers: every file of the `extends` chain, then --set; merged `sweep` and `run`) -> sweep (axes)
 * -> expand (points, checked). Problems go to the diagnostics and the work goes on, so that one
 * pass finds them all. */
#ifndef PXS_CONFIG_PRIV_H
#define PXS_CONFIG_PRIV_H

#include "pixsweep/config.h"

/* ---- sources and nodes ---------------------------------------------------------------------- */

enum {
    PXS_FILE_MAX = 16 << 20,   /* bytes of one file */
    PXS_DEPTH_MAX = 64,        /* levels of nesting */
    PXS_NODES_MAX = 4000000,   /* values in one file, aliases followed */
    PXS_ANCHORS_MAX = 1000,    /* anchors in one file */
    PXS_LAYERS_MAX = 100,      /* files in one `extends` tree */
    PXS_DIAGNOSTICS_MAX = 100, /* shown; the rest is counted */
    PXS_NOTES_MAX = 100,
    PXS_LAUNCH_SECTIONS = 3 /* run.slurm, run.ssh, run.launcher */
};

struct pxs_source {
    char *name;           /* as messages show it: "experiments/lr.yaml", "--set b1=0.5" */
    char *path, *dir;     /* absolute, and its folder; NULL for --set */
    char *text;           /* without byte order mark; NUL behind the end */
    size_t bytes, *lines; /* lines: offsets of their beginnings */
    size_t n_lines;
    const struct pxs_node *root; /* NULL where the source is empty */
    struct pxs_layer *layer;
    bool is_set, open; /* open: in the middle of its `extends` */
};

enum pxs_node_kind { PXS_NODE_SCALAR, PXS_NODE_SEQUENCE, PXS_NODE_MAPPING };

struct pxs_entry {
    const struct pxs_node *key, *value; /* key: NULL in a sequence */
};

/* Immutable once built; aliases share nodes, so the tree is a graph without circles. */
struct pxs_node {
    enum pxs_node_kind kind;
    bool quoted;
    int line, column; /* from 1; column counts code points */
    const struct pxs_source *source;
    const char *text;              /* of a scalar */
    const struct pxs_entry *items; /* of the others, in the order written */
    size_t n;
    uint64_t weight; /* nodes in it, itself included, aliases followed */
};

/* ---- diagnostics ---------------------------------------------------------------------------- */

struct pxs_diag {
    const struct pxs_source *source;
    size_t line, column; /* 0: the file as a whole */
    char *message;
};
struct pxs_diags {
    struct pxs_arena arena;
    struct pxs_diag items[PXS_DIAGNOSTICS_MAX];
    size_t n, total; /* stored, found */
    bool nomem;
    enum pxs_status status; /* of a file that cannot be read; else PXS_OK */
};

void pxs_diag_at(struct pxs_diags *d, const struct pxs_source *source, size_t line, size_t column,
                 const char *fmt, ...) PXS_PRINTF(5, 6);
/* Where the node is plain text with a lookalike of a YAML character in it, that is reported
 * instead, at its place. */
void pxs_diag_node(struct pxs_diags *d, const struct pxs_node *node, const char *fmt, ...)
    PXS_PRINTF(3, 4);
/* The same for a path or a name, which may have any character. */
void pxs_diag_text(struct pxs_diags *d, const struct pxs_node *node, const char *fmt, ...)
    PXS_PRINTF(3, 4);
/* True where one more problem would only be counted, which is then done: saves composing a message
 * that is not shown. */
bool pxs_diags_full(struct pxs_diags *d);
/* All of them in order, and the one line for struct pxs_error; returns its status. */
enum pxs_status pxs_diags_report(struct pxs_diags *d, struct pxs_text *out, struct pxs_error *err);
/* "lab64.yaml:12", "--set b1=0.5" */
void pxs_node_place(const struct pxs_node *node, struct pxs_text *out);

/* ---- layers and axes ------------------------------------------------------------------------ */

/* What one file, or all --set options together, state. */
struct pxs_layer {
    const struct pxs_source *source;
    struct pxs_params values;                     /* default where nothing is stated */
    const struct pxs_node *keys[PXS_PARAM_COUNT]; /* key node of what is stated, else NULL */
    const struct pxs_node *name, *extends, *sweep, *run;
};

struct pxs_cell {
    const struct pxs_node *node; /* where it is stated; NULL: not stated (in some points) */
    struct pxs_param_value value;
};
enum pxs_part { PXS_PART_GRID, PXS_PART_ZIP, PXS_PART_POINTS, PXS_PART_RANDOM, PXS_PART_SEEDS };
/* One direction of the sweep: `count` alternatives, each with a cell for each of its keys. */
struct pxs_axis {
    enum pxs_part part;
    size_t count, n_keys;
    int keys[PXS_PARAM_COUNT];
    struct pxs_cell *cells; /* [count][n_keys] */
};
/* A key of the part that is being read that an earlier part has, too. */
struct pxs_clash {
    int key;
    const struct pxs_node *where;
};
struct pxs_sweep {
    struct pxs_axis axes[PXS_PARAM_COUNT + 4];
    size_t n_axes, count; /* count: runs */
    /* first place of each key that some part states */
    const struct pxs_node *where[PXS_PARAM_COUNT];
    enum pxs_part part[PXS_PARAM_COUNT];       /* and its part */
    struct pxs_clash clashes[PXS_PARAM_COUNT]; /* each key once, as written */
    size_t n_clashes;
};

struct pxs_note {
    char *text;
    size_t runs;
};

struct pxs_config {
    struct pxs_arena arena;
    struct pxs_source **sources;
    size_t n_sources;
    /* files, lowest first; the last is the loaded file's own */
    struct pxs_layer *layers[PXS_LAYERS_MAX];
    size_t n_layers;
    bool incomplete;      /* some `extends` led to no file that can be read */
    struct pxs_layer set; /* --set */
    bool sweep_set;       /* --set of a part of the sweep that makes other configurations */
    const struct pxs_node *sweep_node, *run_node;
    /* what all files together state, from which layer (1.., 0 = default), and where */
    struct pxs_params base;
    int base_rank[PXS_PARAM_COUNT];
    const struct pxs_node *base_where[PXS_PARAM_COUNT];
    const char *name, *spec_yaml;
    char spec_hash[PXS_SHA256_HEX];
    struct pxs_run_settings run;
    const char *on; /* of `run` */
    struct pxs_launch_settings launch[PXS_LAUNCH_SECTIONS];
    struct pxs_prune_settings prune;
    const struct pxs_node *prune_node;
    int64_t prune_least; /* epochs before the first rung; 0 = not stated */
    struct pxs_race_settings race;
    const struct pxs_node *race_node;
    struct pxs_sweep sweep;
    int varying[PXS_PARAM_COUNT];
    size_t n_varying;
    int label_level; /* how far all labels are shortened */
    char (*labels)[PXS_LABEL_MAX + 1];
    struct pxs_note notes[PXS_NOTES_MAX];
    size_t n_notes;
};

/* Arena memory; NULL and d->nomem set when there is none. */
void *pxs_config_alloc(struct pxs_config *c, struct pxs_diags *d, size_t bytes);

/* ---- steps ---------------------------------------------------------------------------------- */

/* source.c: a file, or the text of a --set option; NULL (with a diagnostic) where it cannot be
 * read. `from` is where it is named, NULL for the file that the user named. */
struct pxs_source *pxs_source_read(struct pxs_config *c, struct pxs_diags *d, const char *name,
                                   const char *path, const struct pxs_node *from);
struct pxs_source *pxs_source_of_text(struct pxs_config *c, struct pxs_diags *d, const char *name,
                                      const char *text);
struct pxs_source *pxs_source_of_set(struct pxs_config *c, struct pxs_diags *d, const char *option);
/* Line and column (from 1, in code points) of a byte of the text. */
void pxs_source_place(const struct pxs_source *s, size_t offset, size_t *line, size_t *column);
/* Line `line` (from 1) without its end. */
const char *pxs_source_line(const struct pxs_source *source, size_t line, size_t *bytes);

/* yaml.c: sets source->root from `text`, a part of or all of the source's text; false after a
 * diagnostic. */
bool pxs_yaml_parse(struct pxs_config *c, struct pxs_diags *d, struct pxs_source *source,
                    const char *text);
/* Value of a key in a mapping, or NULL. */
const struct pxs_node *pxs_node_get(const struct pxs_node *mapping, const char *key);
/* null, ~ or nothing, without quotes. */
bool pxs_node_is_null(const struct pxs_node *node);
/* Whether it is this word, without quotes. */
bool pxs_node_is_word(const struct pxs_node *node, const char *word);
/* The text of a scalar; of a list for an INTS key "[30,45]", written into `list`. False for any
 * other node. */
enum { PXS_LIST_TEXT = 1024 };
bool pxs_node_as_value(const struct pxs_node *node, int key, char list[PXS_LIST_TEXT],
                       const char **text);
/* "single value", or "list of integers" of an INTS key */
const char *pxs_value_words(int key);
/* "a list", "a mapping", "a single value" */
const char *pxs_node_kind_name(const struct pxs_node *node);
struct pxs_node *pxs_node_new(struct pxs_config *c, struct pxs_diags *d, enum pxs_node_kind kind,
                              const struct pxs_node *place);
/* Deep merge: mappings key by key, anything else is replaced by `over`, as everything is by {} of
 * --set. Either may be NULL. */
const struct pxs_node *pxs_node_merge(struct pxs_config *c, struct pxs_diags *d,
                                      const struct pxs_node *under, const struct pxs_node *over);

/* load.c: files and layers; set.c: --set. */
void pxs_load_files(struct pxs_config *c, struct pxs_diags *d, const char *path);
void pxs_load_sets(struct pxs_config *c, struct pxs_diags *d, const char *const *sets,
                   size_t n_sets);
/* One hyperparameter of a layer. */
void pxs_layer_state(struct pxs_diags *d, struct pxs_layer *layer, int key,
                     const struct pxs_node *key_node, const struct pxs_node *value);

/* explain.c: why a key cannot stand where it does. `place`: "" (top level), "sweep", "run", ... */
void pxs_explain_unknown(struct pxs_diags *d, const struct pxs_node *key, const char *place,
                         const char *const *known, size_t n_known);
/* Appends how several values of a hyperparameter are tried, where `value` holds some, as a list or
 * with commas between them:
 * "; to try each: sweep: {grid: {lrgd: [5, 10]}}". */
void pxs_explain_list(int key, const struct pxs_node *value, struct pxs_text *out);
/* The keys of `part` that stand in an earlier part, too: one diagnostic for each of those parts. */
void pxs_explain_clashes(struct pxs_config *c, struct pxs_diags *d, enum pxs_part part);
/* Finds a hyperparameter by its key's node, with a diagnostic where there is none. */
bool pxs_key_of_node(struct pxs_diags *d, const struct pxs_node *key, const char *place,
                     int *found);

/* lookalike.c: full-width and typographic characters, invisible ones, a ':' without its space. The
 * first looks at a key or value that is wrong, the second at text that may be anything but should
 * not begin or end with one, the third at a text that is not YAML. Each reports what it finds; true
 * where it has reported something (pxs_check_plain_text: where it has not). */
bool pxs_explain_lookalike(struct pxs_diags *d, const struct pxs_node *node);
bool pxs_check_plain_text(struct pxs_diags *d, const struct pxs_node *node);
bool pxs_scan_lookalikes(struct pxs_diags *d, const struct pxs_source *source);
bool pxs_is_invisible(uint32_t code);

/* run.c, launch.c, sweep.c, prune.c, race.c, draw.c */
void pxs_run_parse(struct pxs_config *c, struct pxs_diags *d);
/* Reports a value that is no duration. */
void pxs_diag_duration(struct pxs_diags *d, const struct pxs_node *value, const char *key,
                       bool none_allowed);
void pxs_launch_defaults(struct pxs_config *c);
void pxs_on_read(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value);
/* Section 0 is slurm, 1 ssh, 2 launcher. */
void pxs_launch_section_read(struct pxs_config *c, struct pxs_diags *d, size_t section,
                             const struct pxs_node *node);
void pxs_sweep_parse(struct pxs_config *c, struct pxs_diags *d);
void pxs_prune_parse(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node);
/* Once the runs are known to be right: makes the rungs, and checks what does not fit pruning. */
void pxs_prune_check(struct pxs_config *c, struct pxs_diags *d);
/* Adds the axis of its seeds: to be called before the sweep's other parts, so that they are
 * outermost. */
void pxs_race_parse(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node);
/* Once the runs are known to be right: checks what does not fit a race. */
void pxs_race_fits(struct pxs_config *c, struct pxs_diags *d);
/* Claims the seeds; a diagnostic where `seed` stands beside them. */
void pxs_seeds_claim(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node,
                     const char *what, const char *remedy);
void pxs_random_parse(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *node);
/* Adds an axis; NULL when out of memory. Cells are zeroed. */
struct pxs_axis *pxs_sweep_add_axis(struct pxs_config *c, struct pxs_diags *d, enum pxs_part part,
                                    size_t count, const int *keys, size_t n_keys);
/* Claims `key` for a part; false after a diagnostic where another part has it. */
bool pxs_sweep_claim(struct pxs_config *c, struct pxs_diags *d, enum pxs_part part, int key,
                     const struct pxs_node *where);
/* Reads one value of `key` into a cell; false after a diagnostic. */
bool pxs_cell_read(struct pxs_config *c, struct pxs_diags *d, int key, const struct pxs_node *value,
                   struct pxs_cell *cell);

/* resolve.c: one run's values, before ineffective ones are dropped. */
enum { PXS_RANK_DEFAULT = 0, PXS_RANK_SWEEP = PXS_LAYERS_MAX + 1, PXS_RANK_SET };
struct pxs_resolved {
    struct pxs_params params;
    /* 0 = default, 1.. = file layers, sweep, --set */
    int rank[PXS_PARAM_COUNT];
    const struct pxs_node *where[PXS_PARAM_COUNT]; /* NULL = default */
};
void pxs_resolve(const struct pxs_config *c, size_t index, struct pxs_resolved *r);
/* Key whose value makes `key` ineffective: -1 if it is effective. */
int pxs_resolved_culprit(const struct pxs_resolved *r, int key);
/* "lrgd 25 (lab64.yaml:12) is dropped: no effect under lr_policy_G: constant" */
void pxs_resolved_note(const struct pxs_resolved *r, int key, struct pxs_text *out);

/* point.c: every run's label, all shortened alike. */
void pxs_make_labels(struct pxs_config *c, struct pxs_diags *d);

/* expand.c: looks at every run for what has no effect, what is wrong, what is there twice and what
 * varies; makes the spec's hash. */
void pxs_expand(struct pxs_config *c, struct pxs_diags *d);

#endif
