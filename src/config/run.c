/* `run`: how to carry the runs out, never part of what they are. */
#include "config_priv.h"

#include <math.h>
#include <string.h>

static const char *const known[] = {"retries", "timeout", "resume_every", "max_failures", "order", "on_done"};

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
                  none_allowed ? ", or none" : "");
    pxs_text_add_quoted(&text, value->text);
    if (pxs_parse_double(value->text, &number))
        pxs_text_add(&text, ": the unit is missing");
    pxs_diag_node(d, value, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

static bool is_share(const char *text) {
    size_t n = strlen(text);
    return n > 1 && text[n - 1] == '%' && strspn(text, "0123456789.") == n - 1;
}

static void take_timeout(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    double seconds;
    if (pxs_node_is_null(value))
        c->run.timeout_s = INFINITY;
    else if (is_share(value->text))
        pxs_diag_planned(d, value, "a timeout as a share of the median run (%s) is planned but not built yet",
                         value->text);
    else if (!pxs_parse_duration(value->text, true, &seconds))
        report_duration(d, value, "timeout", true);
    else if (seconds == 0)
        pxs_diag_node(d, value, "timeout must be longer than nothing; for no limit say none");
    else
        c->run.timeout_s = seconds;
}

static void take_resume_every(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    c->run.resume_every_stated = true;
    if (!pxs_parse_duration(value->text, false, &c->run.resume_every_s))
        report_duration(d, value, "resume_every", false);
}

static void take_retries(struct pxs_config *c, struct pxs_diags *d, const struct pxs_node *value) {
    if (value->quoted || !pxs_parse_int(value->text, &c->run.retries) || c->run.retries < 0 ||
        c->run.retries > 1000) {
        struct pxs_text text = {0};
        pxs_text_add_quoted(&text, value->text);
        pxs_diag_node(d, value, "retries must be an integer, 0 to 1000, not %s%s", pxs_text_str(&text),
                      value->quoted ? " in quotes" : "");
        pxs_text_finish(&text);
    }
}

static void take_entry(struct pxs_config *c, struct pxs_diags *d, const struct pxs_entry *e) {
    const char *key = e->key->text;
    size_t i = 0;
    while (i < PXS_COUNT(known) && strcmp(known[i], key) != 0)
        i++;
    if (i == PXS_COUNT(known))
        pxs_explain_unknown(d, e->key, "run", known, PXS_COUNT(known));
    else if (i >= 3)
        pxs_diag_planned(d, e->key, "run.%s is planned but not built yet", key);
    else if (e->value->kind != PXS_NODE_SCALAR)
        pxs_diag_node(d, e->value, "%s takes a single value, not %s", key, pxs_node_kind_name(e->value));
    else
        (i == 0 ? take_retries : i == 1 ? take_timeout : take_resume_every)(c, d, e->value);
}

void pxs_run_parse(struct pxs_config *c, struct pxs_diags *d) {
    const struct pxs_node *node = c->run_node;
    c->run = (struct pxs_run_settings){.retries = 1, .timeout_s = INFINITY, .resume_every_s = 300};
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
