/* `run`: how to carry the runs out, never part of what they are. */
#include "config_priv.h"

#include <math.h>
#include <string.h>

/* One "90s" of "1h30m" from *text on; the unit must be smaller than the last one. */
static bool take_unit(const char **text, double *unit, double *seconds) {
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    size_t digits = strspn(*text, "0123456789.");
    char number[32];
    double value;
    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, *text, digits);
    number[digits] = '\0';
    for (size_t i = 0; i < PXS_COUNT(units); i++) {
        if ((*text)[digits] != units[i].letter || units[i].seconds >= *unit ||
            !pxs_parse_double(number, &value))
            continue;
        *unit = units[i].seconds;
        *seconds += value * units[i].seconds;
        *text += digits + 1;
        return true;
    }
    return false;
}

bool pxs_parse_duration(const char *text, bool none_allowed, double *seconds) {
    double unit = INFINITY, sum = 0;
    if (none_allowed && strcmp(text, "none") == 0) {
        *seconds = INFINITY;
        return true;
    }
    if (*text == '\0')
        return false;
    while (*text)
        if (!take_unit(&text, &unit, &sum))
            return false;
    *seconds = sum;
    return true;
}

static void report_duration(struct pxs_diags *d, const struct pxs_node *value, const char *key,
                            bool none_allowed) {
    struct pxs_text text = {0};
    double number;
    pxs_text_addf(&text, "%s must be a duration such as 90s, 5m, 8h or 1d%s, not ", key,
                  none_allowed ? ", a share of the median run such as 300%, or none" : "");
    pxs_text_add_quoted(&text, value->text);
    if (pxs_parse_double(value->text, &number))
        pxs_text_add(&text, ": the unit is missing");
    pxs_diag_node(d, value, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

/* "300%" -> 3; false if it is no share. */
static bool parse_share(const char *text, double *share) {
    size_t n = strlen(text);
    char number[32];
    if (n < 2 || n > sizeof number || text[n - 1] != '%' || strspn(text, "0123456789.") != n - 1)
        return false;
    memcpy(number, text, n - 1);
    number[n - 1] = '\0';
    if (!pxs_parse_double(number, share))
        return false;
    *share /= 100;
    return true;
}

static void take_timeout(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    double seconds = INFINITY, share = 0;
    if (pxs_node_is_null(value))
        seconds = INFINITY;
    else if (parse_share(value->text, &share)) {
        if (share <= 1)
            pxs_diag_node(
                d, value,
                "timeout as a share of the median run must be above 100%%, not %s: every other run "
                "takes longer than the median",
                value->text);
    } else if (!pxs_parse_duration(value->text, true, &seconds))
        report_duration(d, value, "timeout", true);
    else if (seconds == 0)
        pxs_diag_node(d, value, "timeout must be longer than nothing; for no limit say none");
    c->run.timeout_s = seconds;
    c->run.timeout_share = share;
}

static void take_resume_every(struct pxs_config *c, struct pxs_diags *d,
                              const struct pxs_node *value) {
    if (!pxs_parse_duration(value->text, false, &c->run.resume_every_s))
        report_duration(d, value, "resume_every", false);
}

static void take_count(struct pxs_diags *d, const struct pxs_node *value, const char *key,
                       int64_t most, int64_t *out) {
    int64_t number;
    if (!value->quoted && pxs_parse_int(value->text, &number) && number >= 0 && number <= most) {
        *out = number;
        return;
    }
    struct pxs_text text = {0};
    pxs_text_add_quoted(&text, value->text);
    pxs_diag_node(d, value, "%s must be an integer, 0 to %lld, not %s%s", key, (long long)most,
                  pxs_text_str(&text), value->quoted ? " in quotes" : "");
    pxs_text_finish(&text);
}

static void take_retries(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    take_count(d, value, "retries", 1000, &c->run.retries);
}

static void take_max_failures(struct pxs_config *c, struct pxs_diags *d,
                              const struct pxs_node *value) {
    take_count(d, value, "max_failures", 1000000, &c->run.max_failures);
}

static void take_order(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    static const char *const names[] = {"as_written", "seed_major", "shuffled"};
    const bool mapping = value->kind == PXS_NODE_MAPPING;
    const struct pxs_node *word = mapping && value->n == 1 ? value->items[0].key : value;
    for (size_t i = 0; word->kind == PXS_NODE_SCALAR && i < PXS_COUNT(names); i++)
        if (strcmp(word->text, names[i]) == 0 && (!mapping || i == PXS_ORDER_SHUFFLED)) {
            c->run.order = (enum pxs_order)i;
            c->run.order_seed = 0;
            if (mapping && value->items[0].value->kind == PXS_NODE_SCALAR)
                take_count(d, value->items[0].value, "shuffled", INT64_MAX, &c->run.order_seed);
            else if (mapping)
                pxs_diag_node(d, value->items[0].value, "shuffled takes a single value, not %s",
                              pxs_node_kind_name(value->items[0].value));
            return;
        }
    struct pxs_text text = {0};
    if (value->kind == PXS_NODE_SCALAR)
        pxs_text_add_quoted(&text, value->text);
    else
        pxs_text_add(&text, pxs_node_kind_name(value));
    pxs_diag_node(d, word,
                  "order must be as_written, seed_major, shuffled or {shuffled: SEED}, not %s",
                  pxs_text_str(&text));
    pxs_text_finish(&text);
}

static void take_on_done(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    const char *text = value->text;
    c->run.on_done = NULL;
    if (pxs_node_is_null(value) || (!value->quoted && strcmp(text, "none") == 0))
        return;
    if (!pxs_check_plain_text(d, value))
        return;
    if (text[strspn(text, " \t\r\n")] == '\0')
        pxs_diag_node(d, value, "on_done must be a command for the shell; for nothing say none");
    else
        c->run.on_done = text;
}

static const struct {
    const char *key;
    void (*take)(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value);
    bool scalar;
} keys[] = {{"retries", take_retries, true},
            {"timeout", take_timeout, true},
            {"resume_every", take_resume_every, true},
            {"max_failures", take_max_failures, true},
            {"order", take_order, false},
            {"on_done", take_on_done, true}};

static void take_entry(struct pxs_config *c, struct pxs_diags *d, const struct pxs_entry *e) {
    const char *known[PXS_COUNT(keys)];
    for (size_t i = 0; i < PXS_COUNT(keys); i++) {
        known[i] = keys[i].key;
        if (strcmp(known[i], e->key->text) != 0)
            continue;
        if (keys[i].scalar && e->value->kind != PXS_NODE_SCALAR)
            pxs_diag_node(d, e->value, "%s takes a single value, not %s", known[i],
                          pxs_node_kind_name(e->value));
        else
            keys[i].take(c, d, e->value);
        return;
    }
    pxs_explain_unknown(d, e->key, "run", known, PXS_COUNT(known));
}

void pxs_run_parse(struct pxs_config *c, struct pxs_diags *d) {
    const struct pxs_node *node = c->run_node;
    c->run = (struct pxs_run_settings){
        .retries = 1, .timeout_s = INFINITY, .resume_every_s = 300, .max_failures = 3};
    if (!node || pxs_node_is_null(node))
        return;
    if (node->kind != PXS_NODE_MAPPING) {
        pxs_diag_node(d, node, "run takes a mapping such as {retries: 1, timeout: 8h}, not %s",
                      pxs_node_kind_name(node));
        return;
    }
    for (size_t i = 0; i < node->n; i++)
        take_entry(c, d, &node->items[i]);
}
