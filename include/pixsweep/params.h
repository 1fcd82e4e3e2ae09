/* params: the hyperparameters. One X-macro table (src/experiment/params/params.def) yields the
 * struct, the enums, defaults, parsing, range checks, printing, the canonical text and the identity
 * hash. Pure functions over plain values: no state, no allocation except into a caller's pxs_text,
 * safe from any thread. */
#ifndef PIXSWEEP_PARAMS_H
#define PIXSWEEP_PARAMS_H

#include "pixsweep/base.h"

/* The most halvings of a generator: of 1024 pixels they leave one. */
enum { PXS_MAX_DOWNS = 10 };

#define PXS_INTS_MAX 16   /* numbers in a list */
#define PXS_INTS_TEXT 128 /* bytes of such a list as text */

/* ---- what the table yields ------------------------------------------------------------------ */

/* enum pxs_direction, pxs_generator, pxs_discriminator, pxs_gan_mode, pxs_lr_policy,
 * pxs_validation */
/* clang-format off */
#define PXS_ENUM_BEGIN(type) enum pxs_##type {
#define PXS_ENUM_VALUE(symbol, text) symbol,
#define PXS_ENUM_END(type) };
/* clang-format on */
#include "../../src/experiment/params/params.def"

/* The number of values of each: PXS_VALUES_generator, ... */
/* clang-format off */
#define PXS_ENUM_BEGIN(type) enum { PXS_VALUES_##type = 0
#define PXS_ENUM_VALUE(symbol, text) + 1
#define PXS_ENUM_END(type) };
/* clang-format on */
#include "../../src/experiment/params/params.def"

/* One run's hyperparameters: a plain value, copied freely; fields are named as the keys. Paths are
 * absolute once they were set through pxs_params_set, "" = null. ENUM fields hold the public enums'
 * values, INTS fields "30,45" ("" = none; pxs_params_ints takes them apart). */
struct pxs_params {
#define PXS_PATH(key, ...) char key[PXS_PATH_MAX];
#define PXS_INT(key, ...) int64_t key;
#define PXS_FLOAT(key, ...) double key;
#define PXS_BOOL(key, ...) bool key;
#define PXS_ENUM(key, ...) int key;
#define PXS_INTS(key, ...) char key[PXS_INTS_TEXT];
#include "../../src/experiment/params/params.def"
};

/* A key's place in the table: PXS_PARAM_dataset, PXS_PARAM_val_fraction, ... */
enum pxs_param_key {
#define PXS_PATH(key, ...) PXS_PARAM_##key,
#define PXS_INT(key, ...) PXS_PARAM_##key,
#define PXS_FLOAT(key, ...) PXS_PARAM_##key,
#define PXS_BOOL(key, ...) PXS_PARAM_##key,
#define PXS_ENUM(key, ...) PXS_PARAM_##key,
#define PXS_INTS(key, ...) PXS_PARAM_##key,
#include "../../src/experiment/params/params.def"
    PXS_PARAM_COUNT
};

/* SHA-256 of what each path leads to (data: split, shape and decoded bytes in file order; weights:
 * the files), in hex: .dataset, .init_from. "" where the path is null. */
struct pxs_params_content {
#define PXS_PATH(key, ...) char key[PXS_SHA256_HEX];
#include "../../src/experiment/params/params.def"
};

/* ---- the table ------------------------------------------------------------------------------ */

enum pxs_param_type {
    PXS_TYPE_PATH,
    PXS_TYPE_INT,
    PXS_TYPE_FLOAT,
    PXS_TYPE_BOOL,
    PXS_TYPE_ENUM,
    PXS_TYPE_INTS
};

enum pxs_param_flags {
    /* says how to run, not what: two runs that differ in it only are the same run */
    PXS_PF_NOT_IDENTITY = 1,
    PXS_PF_LATER = 2, /* enters the identity only when it is not at its default */
    /* its default (null, or out of range) is not a value to run with: it must be stated where it is
     * in force */
    PXS_PF_REQUIRED = 4,
    PXS_PF_OPEN_MIN = 8, /* min itself is out of range */
    PXS_PF_OPEN_MAX = 16,
    PXS_PF_ODD = 64,   /* odd numbers only */
    PXS_PF_DRAWS = 128 /* acts where a trained generator draws: `generate --set` takes it */
};

struct pxs_param_info {
    const char *key;
    enum pxs_param_type type;
    unsigned flags;           /* enum pxs_param_flags */
    const char *unit;         /* "pixels", "epochs", ...; "" = none */
    const char *help;         /* one sentence without a full stop */
    double min, max;          /* INT, FLOAT and each of INTS; -INFINITY/INFINITY = no limit */
    const char *const *names; /* ENUM: text of value 0, 1, ..., then NULL; else NULL */
    /* exists only where ENUM key `under` has one of `under_values` (bit v = value v), or INT key
     * `under` is above 0 */
    bool conditional;
    enum pxs_param_key under;
    uint64_t under_values;
    size_t offset, size; /* of the field in struct pxs_params */
};

/* Row `key` (0 .. PXS_PARAM_COUNT-1); static storage. */
const struct pxs_param_info *pxs_param_info(int key);
/* Exact, case-sensitive; false if there is no such key. */
bool pxs_param_find(const char *name, enum pxs_param_key *key);
/* Key nearest to `name`, or NULL. */
const char *pxs_param_nearest(const char *name);
/* "path", "int", "float", "bool", "enum", "ints" */
const char *pxs_param_type_name(enum pxs_param_type type);
/* Appends the values of `under` with which a conditional key exists, `joint` between them: "step |
 * multistep", "above 0". */
void pxs_param_condition(int key, const char *joint, struct pxs_text *out);
/* The values a key can have, in words, for messages and tables: "1 to 4096", "32, 64, 128, 256 or
 * 512", "above 0, at most 1", "constant or halve", "true or false", "a path or null". */
void pxs_param_range(int key, struct pxs_text *out);
/* Our name for a key that other trainers call `name` ("beta1": "b1"; "batchSize": "batch_size"), in
 * words; NULL if there is none. */
const char *pxs_param_other_name(const char *name);
/* Why there is no such key here ("device": "pixsweep trains on the CPU"); NULL if it is no such
 * name. */
const char *pxs_param_not_here(const char *name);
/* Appends what to do about a name that is no key: ": here it is b1", ": pixsweep trains on the CPU;
 * leave it out", "; did you mean lrgd?", or nothing. */
void pxs_param_add_remedy(const char *name, struct pxs_text *out);

/* ---- words, for messages -------------------------------------------------------------------- */

/* Nearest of `words` to `word` (case does not count) if near enough to be a likely misspelling,
 * else NULL: the shortest that begins with it, or one with few slips, a swap of neighbours being
 * one. */
const char *pxs_nearest_word(const char *word, const char *const *words, size_t n);
/* Appends a user's text in quotes, cut to 60 bytes and cleaned as a name, so that a message stays
 * one line. */
void pxs_text_add_quoted(struct pxs_text *out, const char *text);
bool pxs_is_utf8(const char *text);
/* "<what>: the path is not UTF-8, ..., rename that folder: /home/caf\xe9/x"; PXS_E_INVALID. */
enum pxs_status pxs_fail_not_utf8(struct pxs_error *err, const char *what, const char *path);

/* ---- values --------------------------------------------------------------------------------- */

/* Every key at its default (dataset: null, which is not a value to run with). */
void pxs_params_default(struct pxs_params *p);

/* Sets one key from a scalar as a person writes it, after type and range check; `*p` is unchanged
 * on error. Numbers: pxs_parse_double / pxs_parse_int ("2e1" is an int), finite; booleans true or
 * false; enums by name; paths null, ~ or empty = null, else relative to `base_dir` (NULL: working
 * directory), stored absolute. `quoted`: it stood in quotes, so it is text: an error for a number
 * or a boolean. PXS_E_INVALID. The message does not name the file: the caller knows the place. */
PXS_NODISCARD enum pxs_status pxs_params_set(struct pxs_params *p, int key, const char *text,
                                             bool quoted, const char *base_dir,
                                             struct pxs_error *err);

/* Is the key in force, given the others? (lrgd only under lr_policy_G: halve; a key under an
 * ineffective key is not.) */
bool pxs_params_effective(const struct pxs_params *p, int key);
/* One key, every ineffective key, back to its default. */
void pxs_params_reset(struct pxs_params *p, int key);
void pxs_params_drop_ineffective(struct pxs_params *p);
/* Checks what no single row says: required keys are there, jitter fits the image, ... Names the
 * first key at fault in `*key` (may be NULL). PXS_E_INVALID. */
PXS_NODISCARD enum pxs_status pxs_params_check(const struct pxs_params *p, enum pxs_param_key *key,
                                               struct pxs_error *err);

/* A value with the type it has in the database: INT, BOOL (0/1) are INTEGER, FLOAT always REAL,
 * PATH and ENUM TEXT (null path: NULL). `text` points into the params or into static storage. */
enum pxs_value_kind { PXS_VALUE_NULL, PXS_VALUE_INTEGER, PXS_VALUE_REAL, PXS_VALUE_TEXT };
struct pxs_param_value {
    enum pxs_value_kind kind;
    int64_t integer;
    double real;
    const char *text;
};
struct pxs_param_value pxs_params_get(const struct pxs_params *p, int key);
/* The reverse of pxs_params_get, exact; an INTEGER is accepted for a FLOAT key, too. False (and *p
 * unchanged) where kind, enum text or range does not fit the key. */
PXS_NODISCARD bool pxs_params_put(struct pxs_params *p, int key,
                                  const struct pxs_param_value *value);
/* The numbers of an INTS field, at most PXS_INTS_MAX of them; how many. */
size_t pxs_params_ints(const char *field, int64_t out[PXS_INTS_MAX]);
bool pxs_params_equal_at(const struct pxs_params *a, const struct pxs_params *b, int key);
bool pxs_params_at_default(const struct pxs_params *p, int key);

/* How often the generator halves its picture. Where the sides fit it, both are multiples of 2 to
 * this power. */
int pxs_params_downs(const struct pxs_params *p);
/* The largest n_layers_D that leaves a prediction of these sides. */
int pxs_params_max_layers_D(const struct pxs_params *p);

/* ---- as text -------------------------------------------------------------------------------- */

/* Appends the value of one key in its shortest form: 0.0001, 200, true, halve, /data/kai, null. */
void pxs_params_format(const struct pxs_params *p, int key, struct pxs_text *out);
/* Appends `name: ...` (if name is not NULL) and every effective key in table order as YAML that
 * loads again to the same values. */
void pxs_params_write_yaml(const struct pxs_params *p, const char *name, struct pxs_text *out);
/* Appends the whole of docs/params.md. */
void pxs_params_write_markdown(struct pxs_text *out);

/* ---- what configurations are called ---------------------------------------------------------- */

/* Configurations that are told apart by some keys. */
struct pxs_naming {
    size_t n, n_keys;                     /* configurations, keys */
    const char *const *keys;              /* "": its values stand alone */
    const struct pxs_param_value *values; /* of key k in configuration i: [k * n + i]; NULL where
                                             the key has no effect */
    const char *otherwise;                /* where nothing differs */
};
/* Fills names[n] with "halve, lrgd 25" in the arena: numbers of six digits and the last components
 * of paths where those tell all apart, else exact numbers and whole paths. */
PXS_NODISCARD enum pxs_status pxs_name_configurations(const struct pxs_naming *naming,
                                                      struct pxs_arena *arena, char **names,
                                                      struct pxs_error *err);
/* Six significant digits, but every digit of a whole number. Returns buf. */
char *pxs_format_six(char buf[32], double value);
/* The last component. */
const char *pxs_path_tail(const char *path);

/* ---- identity ------------------------------------------------------------------------------- */

/* The canonical text that identity is made of: a version line, then `key=value` lines of the
 * effective identity keys, sorted by key. Paths enter by `content`; with content NULL by their own
 * text (good for comparing runs of one plan only). */
void pxs_params_canonical(const struct pxs_params *p, const struct pxs_params_content *content,
                          struct pxs_text *out);
/* config_hash: SHA-256 of that text, in hex. PXS_E_NOMEM; PXS_E_INVALID where a path is set but its
 * content hash is not, or the other way round. */
PXS_NODISCARD enum pxs_status pxs_params_identity(const struct pxs_params *p,
                                                  const struct pxs_params_content *content,
                                                  char hex[PXS_SHA256_HEX], struct pxs_error *err);

#endif
