/* `run`: how the runs are carried out; it never enters their identity. */
#include "config_priv.h"

#include <math.h>
#include <string.h>

bool pxs_parse_duration(const char *text, bool none_allowed, double *seconds) {
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    double sum = 0;
    size_t unit = 0; /* the largest one that may still come */
    if (none_allowed && strcmp(text, "none") == 0) {
        *seconds = INFINITY;
        return true;
    }
    if (*text == '\0')
        return false;
    while (*text) {
        char number[32];
        double value;
        size_t digits = strspn(text, "0123456789.");
        if (digits == 0 || digits >= sizeof number)
            return false;
        memcpy(number, text, digits);
        number[digits] = '\0';
        while (unit < PXS_COUNT(units) && units[unit].letter != text[digits])
            unit++;
        if (unit == PXS_COUNT(units) || !pxs_parse_double(number, &value))
            return false;
        sum += value * units[unit++].seconds;
        text += digits + 1;
    }
    *seconds = sum;
    return true;
}

void pxs_diag_duration(struct pxs_diags *d, const struct pxs_node *value, const char *key,
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

static void read_timeout(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
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
        pxs_diag_duration(d, value, "timeout", true);
    else if (seconds == 0)
        pxs_diag_node(d, value, "timeout must be longer than nothing; for no limit say none");
    c->run.timeout_s = seconds;
    c->run.timeout_share = share;
}

static void read_budget(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    double seconds = INFINITY;
    if (!pxs_node_is_null(value) &&
        (!pxs_parse_duration(value->text, true, &seconds) || seconds <= 0)) {
        struct pxs_text text = {0};
        pxs_text_add_quoted(&text, value->text);
        pxs_diag_node(d, value,
                      "budget must be a duration of training such as 90m or 12h, or none, not %s",
                      pxs_text_str(&text));
        pxs_text_finish(&text);
    }
    c->run.budget_s = seconds;
}

static void read_resume_every(struct pxs_config *c, struct pxs_diags *d,
                              const struct pxs_node *value) {
    if (!pxs_parse_duration(value->text, false, &c->run.resume_every_s))
        pxs_diag_duration(d, value, "resume_every", false);
}

static void read_keep_final(struct pxs_config *c, struct pxs_diags *d,
                            const struct pxs_node *value) {
    c->run.keep_final = pxs_node_is_word(value, "true");
    if (c->run.keep_final || pxs_node_is_word(value, "false"))
        return;
    struct pxs_text text = {0};
    pxs_text_add_quoted(&text, value->text);
    pxs_diag_node(d, value, "keep_final must be true or false, not %s%s", pxs_text_str(&text),
                  value->quoted ? " in quotes" : "");
    pxs_text_finish(&text);
}

static void read_count(struct pxs_diags *d, const struct pxs_node *value, const char *key,
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

static void read_retries(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    read_count(d, value, "retries", 1000, &c->run.retries);
}

static void read_max_failures(struct pxs_config *c, struct pxs_diags *d,
                              const struct pxs_node *value) {
    read_count(d, value, "max_failures", 1000000, &c->run.max_failures);
}

static void read_order(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    static const char *const names[] = {"as_written", "seed_major", "shuffled"};
    const bool mapping = value->kind == PXS_NODE_MAPPING;
    const struct pxs_node *word = mapping && value->n == 1 ? value->items[0].key : value;
    for (size_t i = 0; word->kind == PXS_NODE_SCALAR && i < PXS_COUNT(names); i++)
        if (strcmp(word->text, names[i]) == 0 && (!mapping || i == PXS_ORDER_SHUFFLED)) {
            c->run.order = (enum pxs_order)i;
            c->run.order_seed = 0;
            if (mapping && value->items[0].value->kind == PXS_NODE_SCALAR)
                read_count(d, value->items[0].value, "shuffled", INT64_MAX, &c->run.order_seed);
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

static void read_on_done(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
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

static void read_slurm(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    pxs_launch_section_read(c, d, 0, value);
}

static void read_ssh(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    pxs_launch_section_read(c, d, 1, value);
}

static void read_launcher(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    pxs_launch_section_read(c, d, 2, value);
}

static const struct {
    const char *key;
    void (*read)(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value);
    bool scalar;
} keys[] = {{"retries", read_retries, true},
            {"timeout", read_timeout, true},
            {"resume_every", read_resume_every, true},
            {"budget", read_budget, true},
            {"keep_final", read_keep_final, true},
            {"max_failures", read_max_failures, true},
            {"order", read_order, false},
            {"on_done", read_on_done, true},
            {"on", pxs_on_read, true},
            {"slurm", read_slurm, false},
            {"ssh", read_ssh, false},
            {"launcher", read_launcher, false}};

void pxs_run_parse(struct pxs_config *c, struct pxs_diags *d) {
    const struct pxs_node *node = c->run_node;
    const char *known[PXS_COUNT(keys)];
    c->run = (struct pxs_run_settings){.retries = 1,
                                       .timeout_s = INFINITY,
                                       .resume_every_s = 300,
                                       .max_failures = 3,
                                       .budget_s = INFINITY};
    pxs_launch_defaults(c);
    if (!node || pxs_node_is_null(node))
        return;
    if (node->kind != PXS_NODE_MAPPING) {
        pxs_diag_node(d, node, "run takes a mapping such as {retries: 1, timeout: 8h}, not %s",
                      pxs_node_kind_name(node));
        return;
    }
    for (size_t k = 0; k < PXS_COUNT(keys); k++)
        known[k] = keys[k].key;
    for (size_t i = 0; i < node->n; i++) {
        const struct pxs_node *name = node->items[i].key, *value = node->items[i].value;
        size_t k = 0;
        while (k < PXS_COUNT(keys) && strcmp(keys[k].key, name->text) != 0)
            k++;
        if (k == PXS_COUNT(keys))
            pxs_explain_unknown(d, name, "run", known, PXS_COUNT(known));
        else if (keys[k].scalar && value->kind != PXS_NODE_SCALAR)
            pxs_diag_node(d, value, "%s takes a single value, not %s", keys[k].key,
                          pxs_node_kind_name(value));
        else
            keys[k].read(c, d, value);
    }
}
