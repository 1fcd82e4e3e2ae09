/* Names that other trainers have for the same thing, or for what there is not here: too far from
 * ours for "did you mean". */
#include "params_priv.h"

#include <string.h>

#define NAME_MAX_BYTES 60

static const struct {
    const char *names, *ours, *why;
} rows[] = {
#define PXS_HERE(names, ours) {names, ours, NULL},
#define PXS_LEAVE(names, why) {names, NULL, why},
#include "foreign.def"
};

static const struct {
    const char *key, *values, *ours, *why;
} value_rows[] = {
#define PXS_VALUE_HERE(key, values, ours) {key, values, ours, NULL},
#define PXS_NO_VALUE(key, values, why) {key, values, NULL, why},
#include "foreign.def"
};

/* The name's letters in lower case and digits, without what separates words. False where anything
 * else is in it, or nothing. */
static bool reduce(const char *name, char out[NAME_MAX_BYTES + 1]) {
    size_t n = 0;
    for (; *name; name++) {
        bool upper = *name >= 'A' && *name <= 'Z';
        if (*name == '_' || *name == '-' || *name == '.')
            continue;
        if (!upper && !(*name >= 'a' && *name <= 'z') && !(*name >= '0' && *name <= '9'))
            return false;
        if (n == NAME_MAX_BYTES)
            return false;
        out[n++] = upper ? (char)(*name + 32) : *name;
    }
    out[n] = '\0';
    return n > 0;
}

/* Is it one of the words, which have a blank between them? */
static bool is_among(const char *words, const char *word) {
    const size_t n = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at++)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

/* The row that has the name among its words; -1: none. */
static int find(const char *name) {
    char word[NAME_MAX_BYTES + 1];
    if (!reduce(name, word))
        return -1;
    for (size_t i = 0; i < PXS_COUNT(rows); i++)
        if (is_among(rows[i].names, word))
            return (int)i;
    return -1;
}

const char *pxs_param_other_name(const char *name) {
    char word[NAME_MAX_BYTES + 1], ours[NAME_MAX_BYTES + 1];
    enum pxs_param_key key;
    if (pxs_param_find(name, &key) || !reduce(name, word))
        return NULL;
    for (int k = 0; k < PXS_PARAM_COUNT; k++) /* batchSize, learning-rate-g */
        if (reduce(pxs_param_info(k)->key, ours) && strcmp(word, ours) == 0)
            return pxs_param_info(k)->key;
    int row = find(name);
    return row < 0 ? NULL : rows[row].ours;
}

const char *pxs_param_not_here(const char *name) {
    enum pxs_param_key key;
    int row = find(name);
    return row < 0 || pxs_param_find(name, &key) ? NULL : rows[row].why;
}

void pxs_param_add_remedy(const char *name, struct pxs_text *out) {
    const char *ours = pxs_param_other_name(name), *why = pxs_param_not_here(name);
    const char *near = pxs_param_nearest(name);
    if (ours)
        pxs_text_addf(out, ": here it is %s", ours);
    else if (why)
        pxs_text_addf(out, ": %s; leave it out", why);
    else if (near)
        pxs_text_addf(out, "; did you mean %s?", near);
}

bool params_add_value_remedy(const char *key, const char *value, struct pxs_text *out) {
    char word[NAME_MAX_BYTES + 1];
    if (!reduce(value, word))
        return false;
    for (size_t i = 0; i < PXS_COUNT(value_rows); i++)
        if (strcmp(value_rows[i].key, key) == 0 && is_among(value_rows[i].values, word)) {
            if (value_rows[i].ours)
                pxs_text_addf(out, ": here it is %s", value_rows[i].ours);
            else
                pxs_text_addf(out, ": %s", value_rows[i].why);
            return true;
        }
    return false;
}
