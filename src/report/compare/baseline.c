/* compare: a configuration that the user names, by its number in the table or by values of the keys
 * that differ. */
#include "compare_priv.h"

#include <string.h>

/* key=value within the user's text. */
struct condition {
    size_t key;
    const char *value;
    size_t bytes;
};

static bool key_at(const struct pxs_groups *in, const char *text, size_t *key) {
    const size_t length = strcspn(text, "=");
    for (size_t k = 0; text[length] == '=' && k < in->n_keys; k++) {
        if (strlen(in->keys[k]) == length && strncmp(in->keys[k], text, length) == 0) {
            *key = k;
            return true;
        }
    }
    return false;
}

/* A comma ends a value only where another key follows: lists have commas, too. */
static size_t value_bytes(const struct pxs_groups *in, const char *value) {
    size_t key, length = 0;
    while (value[length] != '\0') {
        if (value[length] == ',' &&
            key_at(in, value + length + 1 + strspn(value + length + 1, " "), &key))
            break;
        length++;
    }
    return length;
}

static enum pxs_status no_such_key(const struct pxs_groups *in, const char *text,
                                   struct pxs_error *err) {
    struct pxs_text keys = {0};
    for (size_t k = 0; k < in->n_keys; k++)
        pxs_text_addf(&keys, "%s%s", k > 0 ? ", " : "", in->keys[k]);
    const enum pxs_status status =
        in->n_keys == 0
            ? pxs_fail(err, PXS_E_INVALID,
                       "--baseline: nothing differs in this sweep, so there is no other "
                       "configuration to name")
            : pxs_fail(err, PXS_E_INVALID,
                       "--baseline: '%.80s' is neither the number of a configuration in the table "
                       "nor KEY=VALUE with one of the keys that differ: %s",
                       text, pxs_text_str(&keys));
    pxs_text_finish(&keys);
    return status;
}

/* Numbers by value ("1e-4" is 0.0001), words as they are, paths also by their last part, false and
 * true as 0 and 1, null for a key without effect. */
static bool holds(const struct pxs_cell *cell, const char *value) {
    double number;
    switch (cell->kind) {
    case PXS_CELL_NULL:
        return *value == '\0' || strcmp(value, "null") == 0 || strcmp(value, "~") == 0;
    case PXS_CELL_TEXT:
        return strcmp(cell->text, value) == 0 || strcmp(pxs_path_tail(cell->text), value) == 0;
    default:
        if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
            return cell->kind == PXS_CELL_INT && cell->integer == (*value == 't');
        return pxs_parse_double(value, &number) && number == cell->real;
    }
}

static bool meets(const struct comparing *c, const struct group *g,
                  const struct condition *conditions, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char value[1024];
        snprintf(value, sizeof value, "%.*s",
                 (int)(conditions[i].bytes < 1000 ? conditions[i].bytes : 1000),
                 conditions[i].value);
        if (!holds(&c->in.values[conditions[i].key].cells[g->first], value))
            return false;
    }
    return true;
}

static enum pxs_status by_values(const struct comparing *c, const char *text, size_t *place,
                                 struct pxs_error *err) {
    struct condition conditions[32];
    size_t n = 0, found = 0;
    for (const char *at = text; *at != '\0' && n < PXS_COUNT(conditions);) {
        struct condition *next = &conditions[n++];
        at += strspn(at, " ");
        if (!key_at(&c->in, at, &next->key))
            return no_such_key(&c->in, at, err);
        next->value = at + strcspn(at, "=") + 1;
        next->bytes = value_bytes(&c->in, next->value);
        at = next->value + next->bytes;
        at += *at == ',';
    }
    if (n == 0)
        return no_such_key(&c->in, text, err);
    struct pxs_text list = {0};
    for (size_t g = 0; g < c->n_groups; g++) {
        if (!meets(c, &c->groups[g], conditions, n))
            continue;
        *place = g;
        pxs_text_addf(&list, "%s%zu (%s)", found++ > 0 ? ", " : "", g + 1,
                      c->in.labels[c->groups[g].index]);
    }
    enum pxs_status status = PXS_OK;
    if (found == 0)
        status = pxs_fail(err, PXS_E_NOT_FOUND,
                          "--baseline: no configuration of this sweep has %.120s (pixsweep compare "
                          "%s shows them)",
                          text, c->in.sweep);
    else if (found > 1)
        status = pxs_fail(
            err, PXS_E_INVALID,
            "--baseline: %.120s fits %zu configurations: %s; name one by more keys or its number",
            text, found, pxs_text_str(&list));
    pxs_text_finish(&list);
    return status;
}

enum pxs_status pxs_compare_find(const struct comparing *c, const char *text, size_t *place,
                                 struct pxs_error *err) {
    int64_t number;
    if (!pxs_parse_int(text, &number))
        return by_values(c, text, place, err);
    if (number < 1 || (uint64_t)number > c->n_groups)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "--baseline: there is no configuration %.20s; the table has 1 to %zu", text,
                        c->n_groups);
    *place = (size_t)number - 1;
    return PXS_OK;
}
