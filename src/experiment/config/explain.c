/* Why a key cannot stand where it does, and where it belongs. */
#include "config_priv.h"

#include <string.h>

static const char *const top_words[] = {"name", "extends", "sweep", "run"};
static const struct {
    const char *word, *place;
} places[] = {{"grid", "sweep"},
              {"zip", "sweep"},
              {"points", "sweep"},
              {"random", "sweep"},
              {"seeds", "sweep"},
              {"samples", "sweep.random"},
              {"prune", "sweep"},
              {"race", "sweep"},
              {"confidence", "sweep.race"},
              {"first", "sweep.race"},
              {"max_seeds", "sweep.race"},
              {"indifference", "sweep.race"},
              {"metric", "sweep.race"},
              {"budget", "run"},
              {"retries", "run"},
              {"timeout", "run"},
              {"resume_every", "run"},
              {"keep_final", "run"},
              {"max_failures", "run"},
              {"order", "run"},
              {"on_done", "run"},
              {"on", "run"},
              {"slurm", "run"},
              {"ssh", "run"},
              {"launcher", "run"},
              {"partition", "run.slurm"},
              {"account", "run.slurm"},
              {"qos", "run.slurm"},
              {"constraint", "run.slurm"},
              {"mem", "run.slurm"},
              {"mem_per_cpu", "run.slurm"},
              {"cpus_per_task", "run.slurm"},
              {"runs_per_task", "run.slurm"},
              {"tasks", "run.slurm"},
              {"time", "run.slurm"},
              {"array_throttle", "run.slurm"},
              {"warn_before", "run.slurm"},
              {"setup", "run.slurm"},
              {"hosts", "run.ssh"},
              {"name", "the top level"},
              {"extends", "the top level"},
              {"sweep", "the top level"},
              {"run", "the top level"}};

/* Where a known word belongs, be it "seeds" or, of --set, "grid.lrgd"; NULL: it is no such word. */
static const char *place_of_word(const struct pxs_node *key) {
    const size_t n = strcspn(key->text, key->source->is_set ? "." : "");
    for (size_t i = 0; i < PXS_COUNT(places); i++)
        if (strlen(places[i].word) == n && strncmp(places[i].word, key->text, n) == 0)
            return places[i].place;
    return NULL;
}

/* "; say run.retries=3" for "--set retries=3"; nothing for a key within the value of --set. */
static void add_as_set(const struct pxs_node *key, const char *place, const char *belongs,
                       struct pxs_text *out) {
    static const char option[] = "--set ";
    const size_t in_place = strlen(place), n = strlen(key->text);
    const bool top = strcmp(belongs, "the top level") == 0;
    if (!key->source->is_set || strcmp(key->text, "extends") == 0)
        return;
    const char *setting = key->source->name + strlen(option);
    if (in_place && strncmp(setting, place, in_place) == 0 && setting[in_place] == '.')
        setting += in_place + 1;
    if (strncmp(setting, key->text, n) == 0 && (setting[n] == '=' || setting[n] == '.'))
        pxs_text_addf(out, "; say %s%s%s", top ? "" : belongs, top ? "" : ".", setting);
}

/* A letter of another script may look like one of ours. */
static void add_strange_letter(const char *word, struct pxs_text *out) {
    size_t n = strlen(word), length;
    bool ascii = false;
    for (size_t at = 0; at < n; at++)
        ascii = ascii || (unsigned char)word[at] < 0x80;
    for (size_t at = 0; ascii && at < n; at += length) {
        uint32_t code = 0;
        length = pxs_utf8_decode(word + at, n - at, &code);
        if (length > 1) {
            pxs_text_addf(
                out, " (the '%.*s' in it is U+%04X: keys are made of a to z, A to Z, digits and _)",
                (int)length, word + at, (unsigned)code);
            return;
        }
        length = length ? length : 1;
    }
}

void pxs_explain_unknown(struct pxs_diags *d, const struct pxs_node *key, const char *place,
                         const char *const *known, size_t n_known) {
    if (pxs_diags_full(d))
        return;
    struct pxs_text text = {0};
    enum pxs_param_key param;
    const char *other = pxs_param_other_name(key->text), *why = pxs_param_not_here(key->text);
    const char *belongs = place_of_word(key);
    const char *nearest = pxs_nearest_word(key->text, known, n_known);
    pxs_text_add(&text, "unknown key ");
    pxs_text_add_quoted(&text, key->text);
    if (place[0])
        pxs_text_addf(&text, " in %s", place);
    if (belongs && strcmp(belongs, place) != 0) {
        pxs_text_addf(&text, ": it belongs to %s", belongs);
        add_as_set(key, place, belongs, &text);
    } else if (other) {
        pxs_text_addf(&text, ": here it is %s", other);
    } else if (pxs_param_find(key->text, &param)) {
        pxs_text_add(&text,
                     strcmp(place, "sweep") == 0
                         ? ": a hyperparameter stands at the top level, or in a part such as grid"
                         : ": a hyperparameter stands at the top level");
        add_as_set(key, place, "the top level", &text);
    } else if (why) {
        pxs_text_addf(&text, ": %s; leave it out", why);
    } else if (nearest) {
        pxs_text_addf(&text, "; did you mean %s?", nearest);
    }
    add_strange_letter(key->text, &text);
    pxs_diag_node(d, key, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

/* ---- a key in two parts of the sweep -------------------------------------------------------- */

static const struct {
    const char *name, *does;
} parts[] = {[PXS_PART_GRID] = {"grid", "grid combines its values with all others"},
             [PXS_PART_ZIP] = {"zip", "zip goes through its lists in step"},
             [PXS_PART_POINTS] = {"points", "points lists settings as they are"},
             [PXS_PART_RANDOM] = {"random", "random draws values"},
             [PXS_PART_SEEDS] = {"seeds", ""}};

/* Whether --set has the key in one of its two parts. */
static bool is_set(const struct pxs_sweep *s, size_t clash) {
    return s->where[s->clashes[clash].key]->source->is_set ||
           s->clashes[clash].where->source->is_set;
}

/* "lrgd, n_epochs and b1": the keys of the clash `first` and of those after it between the same two
 * parts of files; a clash with --set is named by itself. */
static size_t name_alike(const struct pxs_sweep *s, size_t first, struct pxs_text *out) {
    int alike[PXS_PARAM_COUNT];
    size_t n = 0;
    for (size_t i = first; i < s->n_clashes; i++) {
        const int key = s->clashes[i].key;
        if (i == first ||
            (s->part[key] == s->part[s->clashes[first].key] && !is_set(s, i) && !is_set(s, first)))
            alike[n++] = key;
    }
    for (size_t i = 0; i < n; i++)
        pxs_text_addf(out, "%s%s",
                      i == 0      ? ""
                      : i + 1 < n ? ", "
                                  : " and ",
                      pxs_param_info(alike[i])->key);
    return n;
}

void pxs_explain_clashes(struct pxs_config *c, struct pxs_diags *d, enum pxs_part part) {
    const struct pxs_sweep *s = &c->sweep;
    bool told[PXS_PART_SEEDS] = {false}; /* for files: by the other part */
    for (size_t i = 0; i < s->n_clashes; i++) {
        const struct pxs_clash *clash = &s->clashes[i];
        const struct pxs_node *before = s->where[clash->key];
        const enum pxs_part other = s->part[clash->key];
        struct pxs_text names = {0}, place = {0}, remedy = {0};
        if (!is_set(s, i) && told[other])
            continue;
        told[other] = told[other] || !is_set(s, i);
        const size_t n = name_alike(s, i, &names);
        const enum pxs_part in_file = before->source->is_set ? part : other;
        pxs_node_place(before, &place);
        if (!is_set(s, i))
            pxs_text_addf(&remedy, "keep %s in one of them (%s, %s)", n == 1 ? "it" : "each",
                          parts[other].does, parts[part].does);
        else if (in_file == PXS_PART_POINTS)
            pxs_text_add(&remedy,
                         "change the points in the file, or leave them out with sweep.points=null");
        else
            pxs_text_addf(&remedy, "to replace what %s has, say sweep.%s.%s=...",
                          parts[in_file].name, parts[in_file].name,
                          pxs_param_info(clash->key)->key);
        pxs_diag_node(d, clash->where, "%s stand%s in two parts of the sweep, %s (%s) and %s: %s",
                      pxs_text_str(&names), n == 1 ? "s" : "", parts[other].name,
                      pxs_text_str(&place), parts[part].name, pxs_text_str(&remedy));
        d->nomem = d->nomem || names.failed || place.failed || remedy.failed;
        pxs_text_finish(&names);
        pxs_text_finish(&place);
        pxs_text_finish(&remedy);
    }
}

/* ---- several values where one is taken ------------------------------------------------------ */

/* Each of "1e-4, 2e-4" is a value of the key; they come out as they would stand in a list. */
static bool split_values(int key, const char *text, struct pxs_text *out) {
    struct pxs_params scratch;
    size_t n = 0;
    for (;; text++) {
        char one[64];
        text += strspn(text, " \t[");
        size_t length = strcspn(text, ",]"), used = length;
        while (used > 0 && (text[used - 1] == ' ' || text[used - 1] == '\t'))
            used--;
        if (used == 0 || used >= sizeof one)
            return false;
        snprintf(one, sizeof one, "%.*s", (int)used, text);
        if (pxs_params_set(&scratch, key, one, false, NULL, NULL) != PXS_OK)
            return false;
        pxs_text_addf(out, "%s%s", n++ ? ", " : "", one);
        text += length;
        if (*text != ',')
            return n > 1;
    }
}

/* Scalars only: "1e-4, 'x'". */
static bool join_values(const struct pxs_node *list, struct pxs_text *out) {
    for (size_t i = 0; i < list->n; i++) {
        const struct pxs_node *item = list->items[i].value;
        if (item->kind != PXS_NODE_SCALAR || out->len > 200)
            return false;
        const char *quote = item->quoted ? "'" : "";
        pxs_text_addf(out, "%s%s%s%s", i ? ", " : "", quote, item->text, quote);
    }
    return list->n > 1;
}

bool pxs_config_decimal_comma(int key, const char *text, char number[PXS_DECIMAL_MAX]) {
    struct pxs_params scratch;
    struct pxs_text values = {0};
    const char *comma = strchr(text, ',');
    if (pxs_param_info(key)->type != PXS_TYPE_FLOAT || !comma || strlen(text) >= PXS_DECIMAL_MAX ||
        strspn(text, "0123456789") != (size_t)(comma - text) || comma == text ||
        strspn(comma + 1, "0123456789") == 0 ||
        strspn(comma + 1, "0123456789eE+-") != strlen(comma + 1))
        return false;
    /* 0,5 may be two values; no number is written as 0002 */
    const bool several = !(comma[1] == '0' && comma[2]) && split_values(key, text, &values);
    pxs_text_finish(&values);
    snprintf(number, PXS_DECIMAL_MAX, "%.*s.%s", (int)(comma - text), text, comma + 1);
    return !several && pxs_params_set(&scratch, key, number, false, NULL, NULL) == PXS_OK;
}

void pxs_explain_list(int key, const struct pxs_node *value, struct pxs_text *out) {
    const enum pxs_param_type type = pxs_param_info(key)->type;
    const char *name = pxs_param_info(key)->key;
    struct pxs_text values = {0};
    const bool commas = value->kind == PXS_NODE_SCALAR && !value->quoted && type != PXS_TYPE_PATH;
    const bool known =
        type != PXS_TYPE_INTS &&
        (value->kind == PXS_NODE_SEQUENCE ? join_values(value, &values)
                                          : commas && split_values(key, value->text, &values));
    const bool seed = key == PXS_PARAM_seed;
    char number[PXS_DECIMAL_MAX];
    if (commas && pxs_config_decimal_comma(key, value->text, number))
        pxs_text_addf(out, "; with a decimal point: %s", number);
    else if (known && value->source->is_set)
        pxs_text_addf(out, "; to try each: --set '%s%s=[%s]'", seed ? "sweep.seeds" : "sweep.grid.",
                      seed ? "" : name, pxs_text_str(&values));
    else if (known && seed)
        pxs_text_addf(out, "; to try each: sweep: {seeds: [%s]}", pxs_text_str(&values));
    else if (known)
        pxs_text_addf(out, "; to try each: sweep: {grid: {%s: [%s]}}", name, pxs_text_str(&values));
    else if (value->kind == PXS_NODE_SEQUENCE && type != PXS_TYPE_INTS)
        pxs_text_add(out, ": alternatives stand under sweep");
    pxs_text_finish(&values);
}

bool pxs_key_of_node(struct pxs_diags *d, const struct pxs_node *key, const char *place,
                     int *found) {
    const char *known[PXS_PARAM_COUNT + PXS_COUNT(top_words)];
    enum pxs_param_key param;
    size_t n = 0;
    if (pxs_param_find(key->text, &param)) {
        *found = param;
        return true;
    }
    for (int k = 0; k < PXS_PARAM_COUNT; k++)
        known[n++] = pxs_param_info(k)->key;
    for (size_t i = 0; place[0] == '\0' && i < PXS_COUNT(top_words); i++)
        known[n++] = top_words[i];
    pxs_explain_unknown(d, key, place, known, n);
    return false;
}
