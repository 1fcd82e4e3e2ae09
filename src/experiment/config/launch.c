/* `run.on` and its sections: where runs are carried out, and what a job of a batch system asks
 * for. */
#include "config_priv.h"

#include <math.h>
#include <string.h>

enum { MOST_CPUS = 4096, MOST_TASKS = 1000000 };

static const char *const words[] = {"here", "slurm", "ssh"};

bool pxs_on_allowed(const char *text) {
    const size_t n = strlen(text);
    bool known = n > 0 && strchr(text, '/') && text[n - 1] != '/';
    for (size_t i = 0; i < PXS_COUNT(words); i++)
        known = known || strcmp(text, words[i]) == 0;
    return known;
}

void pxs_on_explain(const char *text, struct pxs_text *out) {
    const char *nearest = pxs_nearest_word(text, words, PXS_COUNT(words));
    pxs_text_add(out, "must be here, slurm, ssh or the path of a launcher such as ./my-launcher, "
                      "not ");
    pxs_text_add_quoted(out, text);
    if (nearest)
        pxs_text_addf(out, "; did you mean %s?", nearest);
}

void pxs_on_read(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    struct pxs_text text = {0};
    char path[PXS_PATH_MAX];
    if (!pxs_on_allowed(value->text)) {
        pxs_on_explain(value->text, &text);
        pxs_diag_node(d, value, "on %s", pxs_text_str(&text));
        pxs_text_finish(&text);
        return;
    }
    c->on = value->text;
    if (!strchr(value->text, '/'))
        return;
    if (!(value->source->dir ? pxs_path_join(path, sizeof path, value->source->dir, value->text)
                             : pxs_path_absolute(path, sizeof path, value->text))) {
        pxs_diag_text(d, value, "the launcher's path is too long");
        return;
    }
    c->on = pxs_arena_strdup(&c->arena, path);
    d->nomem = d->nomem || !c->on;
}

/* ---- values --------------------------------------------------------------------------------- */

struct section {
    struct pxs_config *c;
    struct pxs_diags *d;
    struct pxs_launch_settings *out;
    const char *key;                                        /* that is being read */
    const struct pxs_node *mem_per_cpu, *mem, *warn, *time; /* where they are stated */
};

static bool read_number(struct section *s, const struct pxs_node *value, int64_t least,
                        int64_t most, const char *or_word, int64_t *out) {
    int64_t number;
    if (!value->quoted && pxs_parse_int(value->text, &number) && number >= least &&
        number <= most) {
        *out = number;
        return true;
    }
    struct pxs_text text = {0};
    pxs_text_add_quoted(&text, value->text);
    pxs_diag_node(s->d, value, "%s must be an integer, %lld to %lld%s, not %s%s", s->key,
                  (long long)least, (long long)most, or_word, pxs_text_str(&text),
                  value->quoted ? " in quotes" : "");
    pxs_text_finish(&text);
    return false;
}

static void read_cpus(struct section *s, const struct pxs_node *value) {
    read_number(s, value, 1, MOST_CPUS, "", &s->out->cpus_per_task);
}

static void read_runs(struct section *s, const struct pxs_node *value) {
    if (!value->quoted && strcmp(value->text, "auto") == 0)
        s->out->runs_per_task = 0;
    else
        read_number(s, value, 1, 1024, ", or auto", &s->out->runs_per_task);
}

static void read_tasks(struct section *s, const struct pxs_node *value) {
    read_number(s, value, 1, MOST_TASKS, "", &s->out->tasks);
}

static void read_throttle(struct section *s, const struct pxs_node *value) {
    read_number(s, value, 1, MOST_TASKS, "", &s->out->array_throttle);
}

static void read_seconds(struct section *s, const struct pxs_node *value, int64_t *out) {
    double seconds;
    if (!pxs_parse_duration(value->text, false, &seconds))
        pxs_diag_duration(s->d, value, s->key, false);
    else if (!(seconds >= 1 && seconds <= 1e9))
        pxs_diag_node(s->d, value, "%s must be at least 1s and at most 11574d", s->key);
    else
        *out = (int64_t)ceil(seconds);
}

static void read_time(struct section *s, const struct pxs_node *value) {
    s->time = value;
    read_seconds(s, value, &s->out->seconds);
}

static void read_warn(struct section *s, const struct pxs_node *value) {
    s->warn = value;
    read_seconds(s, value, &s->out->warn_before);
}

static void read_look(struct section *s, const struct pxs_node *value) {
    read_seconds(s, value, &s->out->look_every);
}

static void read_ask(struct section *s, const struct pxs_node *value) {
    read_seconds(s, value, &s->out->ask_every);
}

/* "4G", "500M", as Slurm writes sizes; in MB of 1048576 bytes, rounded up. */
static bool parse_size(const char *text, int64_t *mb) {
    static const char units[] = "KMGT";
    char number[16];
    int64_t value;
    const size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
    if (digits == 0 || digits >= 12 || !unit ||
        (text[digits + 1] && strcmp(text + digits + 1, "B") != 0))
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!pxs_parse_int(number, &value) || value == 0)
        return false;
    if (*unit == 'K')
        value = (value + 1023) / 1024;
    for (const char *u = units + 1; u < unit; u++)
        value *= 1024;
    *mb = value;
    return true;
}

static void report_size(struct section *s, const struct pxs_node *value, const char *others) {
    struct pxs_text text = {0};
    double number;
    pxs_text_add_quoted(&text, value->text);
    if (pxs_parse_double(value->text, &number))
        pxs_text_add(&text, ": the unit is missing");
    pxs_diag_node(s->d, value, "%s must be %sa size such as 500M or 4G, not %s", s->key, others,
                  pxs_text_str(&text));
    pxs_text_finish(&text);
}

static void read_mem(struct section *s, const struct pxs_node *value) {
    s->mem = value;
    if (strcmp(value->text, "auto") == 0)
        s->out->mem_mb = PXS_MEM_AUTO;
    else if (strcmp(value->text, "none") == 0)
        s->out->mem_mb = 0;
    else if (!parse_size(value->text, &s->out->mem_mb))
        report_size(s, value, "auto, none or ");
}

/* A key that the launcher is told as it stands. */
static void pass_on(struct section *s, const char *value) {
    struct pxs_launch_key *keys = pxs_config_alloc(s->c, s->d, (s->out->n_keys + 1) * sizeof *keys);
    if (!keys || !value) {
        s->d->nomem = true;
        return;
    }
    for (size_t i = 0; i < s->out->n_keys; i++)
        keys[i] = s->out->keys[i];
    keys[s->out->n_keys++] = (struct pxs_launch_key){s->key, value};
    s->out->keys = keys;
}

static void read_mem_per_cpu(struct section *s, const struct pxs_node *value) {
    int64_t mb;
    s->mem_per_cpu = value;
    if (!parse_size(value->text, &mb))
        report_size(s, value, "");
    else
        pass_on(s, pxs_arena_printf(&s->c->arena, "%lldM", (long long)mb));
}

/* Whether `text` can be one line of a launcher's environment. */
static bool check_line(struct section *s, const struct pxs_node *value) {
    if (!pxs_check_plain_text(s->d, value))
        return false;
    bool good = value->text[strspn(value->text, " \t")] != '\0';
    for (const char *c = value->text; *c; c++)
        good = good && (unsigned char)*c >= ' ' && *c != 127;
    if (!good)
        pxs_diag_node(s->d, value, "%s must be one line of text that is not empty", s->key);
    return good;
}

static void read_text(struct section *s, const struct pxs_node *value) {
    if (check_line(s, value))
        pass_on(s, value->text);
}

static bool check_list(struct section *s, const struct pxs_node *value, const char *example) {
    bool good = value->kind == PXS_NODE_SEQUENCE && value->n > 0;
    if (!good)
        pxs_diag_node(s->d, value, "%s takes a list such as %s, not %s", s->key, example,
                      value->kind == PXS_NODE_SEQUENCE ? "an empty one"
                                                       : pxs_node_kind_name(value));
    for (size_t i = 0; good && i < value->n; i++) {
        const struct pxs_node *item = value->items[i].value;
        if (item->kind != PXS_NODE_SCALAR) {
            pxs_diag_node(s->d, item, "%s takes a list of single values, not %s in it", s->key,
                          pxs_node_kind_name(item));
            good = false;
        } else
            good = check_line(s, item);
    }
    return good;
}

static void read_hosts(struct section *s, const struct pxs_node *value) {
    struct pxs_text text = {0};
    if (!check_list(s, value, "[pc1, pc2]"))
        return;
    for (size_t i = 0; i < value->n; i++)
        pxs_text_addf(&text, "%s%s", i ? "," : "", value->items[i].value->text);
    pass_on(s, text.failed ? NULL : pxs_arena_strdup(&s->c->arena, pxs_text_str(&text)));
    pxs_text_finish(&text);
}

static void read_extra(struct section *s, const struct pxs_node *value) {
    if (!check_list(s, value, "[\"--exclusive\"]"))
        return;
    const char **extra = pxs_config_alloc(s->c, s->d, (value->n + 1) * sizeof *extra);
    for (size_t i = 0; extra && i < value->n; i++)
        extra[i] = value->items[i].value->text;
    if (extra)
        extra[value->n] = NULL;
    s->out->extra = extra;
}

static void read_setup(struct section *s, const struct pxs_node *value) {
    s->out->setup = pxs_node_is_null(value) ? NULL : value->text;
}

/* ---- sections ------------------------------------------------------------------------------- */

enum { SLURM = 1, SSH = 2, OWN = 4 };
static const struct {
    const char *key;
    void (*read)(struct section *s, const struct pxs_node *value);
    int sections;
    bool list;
} keys[] = {{"partition", read_text, SLURM, false},
            {"account", read_text, SLURM, false},
            {"qos", read_text, SLURM, false},
            {"constraint", read_text, SLURM, false},
            {"mem_per_cpu", read_mem_per_cpu, SLURM, false},
            {"time", read_time, SLURM | OWN, false},
            {"mem", read_mem, SLURM | OWN, false},
            {"array_throttle", read_throttle, SLURM | OWN, false},
            {"warn_before", read_warn, SLURM | OWN, false},
            {"hosts", read_hosts, SSH, true},
            {"cpus_per_task", read_cpus, SLURM | SSH | OWN, false},
            {"runs_per_task", read_runs, SLURM | SSH | OWN, false},
            {"tasks", read_tasks, SLURM | SSH | OWN, false},
            {"look_every", read_look, SLURM | SSH | OWN, false},
            {"ask_every", read_ask, SLURM | SSH | OWN, false},
            {"setup", read_setup, SLURM | SSH | OWN, false},
            {"extra", read_extra, SLURM | SSH | OWN, true}};
static const struct {
    const char *name, *place;
    int bit;
} sections[PXS_LAUNCH_SECTIONS] = {
    {"slurm", "run.slurm", SLURM}, {"ssh", "run.ssh", SSH}, {"launcher", "run.launcher", OWN}};

/* A key that only the user's own launcher knows. */
static void read_own(struct section *s, const struct pxs_node *name, const struct pxs_node *value) {
    static const char *const given[] = {"name",    "dir",      "cpus", "mem_mb",
                                        "seconds", "throttle", "warn", "task",
                                        "restart", "cores",    "host", "core_locks"};
    for (size_t i = 0; i < PXS_COUNT(given); i++)
        if (strcmp(given[i], name->text) == 0) {
            pxs_diag_node(s->d, name,
                          "%s is told the launcher by pixsweep itself, so no key of run.launcher "
                          "may be named so: rename it",
                          name->text);
            return;
        }
    if (name->text[0] < 'a' || name->text[0] > 'z' ||
        name->text[strspn(name->text, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        pxs_diag_node(s->d, name,
                      "a key of run.launcher has lower case letters, digits and _ only, since the "
                      "launcher gets it as a variable: rename it");
    else if (value->kind != PXS_NODE_SCALAR)
        pxs_diag_node(s->d, value, "%s takes a single value, not %s", s->key,
                      pxs_node_kind_name(value));
    else
        read_text(s, value);
}

void pxs_launch_section_read(struct pxs_config *c, struct pxs_diags *d, size_t section,
                             const struct pxs_node *node) {
    struct section s = {.c = c, .d = d, .out = &c->launch[section]};
    const char *known[PXS_COUNT(keys)];
    size_t n_known = 0;
    if (pxs_node_is_null(node))
        return;
    if (node->kind != PXS_NODE_MAPPING) {
        pxs_diag_node(d, node, "%s takes a mapping such as {cpus_per_task: 4}, not %s",
                      sections[section].name, pxs_node_kind_name(node));
        return;
    }
    for (size_t k = 0; k < PXS_COUNT(keys); k++)
        if (keys[k].sections & sections[section].bit)
            known[n_known++] = keys[k].key;
    for (size_t i = 0; i < node->n; i++) {
        const struct pxs_node *name = node->items[i].key, *value = node->items[i].value;
        size_t k = 0;
        s.key = name->text;
        while (k < PXS_COUNT(keys) && (strcmp(keys[k].key, name->text) != 0 ||
                                       !(keys[k].sections & sections[section].bit)))
            k++;
        if (k == PXS_COUNT(keys) && sections[section].bit == OWN)
            read_own(&s, name, value);
        else if (k == PXS_COUNT(keys))
            pxs_explain_unknown(d, name, sections[section].place, known, n_known);
        else if (!keys[k].list && value->kind != PXS_NODE_SCALAR)
            pxs_diag_node(d, value, "%s takes a single value, not %s", s.key,
                          pxs_node_kind_name(value));
        else
            keys[k].read(&s, value);
    }
    if (s.mem && s.mem_per_cpu)
        pxs_diag_node(d, s.mem_per_cpu,
                      "mem and mem_per_cpu exclude each other: leave one of them out");
    if (s.time && s.out->seconds > 0 && s.out->warn_before >= s.out->seconds)
        pxs_diag_node(d, s.warn ? s.warn : s.time,
                      "time must be longer than warn_before, %llds, for anything to be trained",
                      (long long)s.out->warn_before);
}

void pxs_launch_defaults(struct pxs_config *c) {
    c->on = "here";
    for (size_t i = 0; i < PXS_LAUNCH_SECTIONS; i++)
        c->launch[i] = (struct pxs_launch_settings){.cpus_per_task = 4,
                                                    .runs_per_task = 1,
                                                    .warn_before = 300,
                                                    .look_every = 30,
                                                    .ask_every = 60,
                                                    .mem_mb = PXS_MEM_AUTO};
}

const char *pxs_config_on(const struct pxs_config *c) {
    return c->on;
}

const struct pxs_launch_settings *pxs_config_launch(const struct pxs_config *c, const char *on) {
    return &c->launch[strcmp(on, "slurm") == 0 ? 0 : strcmp(on, "ssh") == 0 ? 1 : 2];
}
