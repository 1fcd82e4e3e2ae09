/* What configurations are called: "halve, lrgd 25". */
#include "params_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct pxs_param_value *value_of(const struct pxs_naming *n, size_t key, size_t i) {
    return &n->values[key * n->n + i];
}

static bool is_word(const struct pxs_naming *n, size_t key) {
    for (size_t i = 0; i < n->n; i++) {
        const enum pxs_value_kind kind = value_of(n, key, i)->kind;
        if (kind != PXS_VALUE_TEXT && kind != PXS_VALUE_NULL)
            return false;
    }
    return true;
}

/* 0 in every configuration where it has an effect: an option of a policy that none uses. */
static bool is_nothing(const struct pxs_naming *n, size_t key) {
    for (size_t i = 0; i < n->n; i++) {
        const struct pxs_param_value *v = value_of(n, key, i);
        if (v->kind == PXS_VALUE_TEXT || (v->kind == PXS_VALUE_INTEGER && v->integer != 0) ||
            (v->kind == PXS_VALUE_REAL && v->real != 0))
            return false;
    }
    return true;
}

const char *pxs_path_tail(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] != '\0' ? slash + 1 : path;
}

char *pxs_format_six(char buf[32], double value) {
    if (!isfinite(value) || (value == floor(value) && fabs(value) < 1e15))
        return pxs_format_double(buf, value);
    if (fabs(value) >= 1e6 && fabs(value) < 1e15)
        return pxs_format_double(buf, round(value));
    return pxs_format_rounded(buf, value, 6);
}

/* "halve" says enough where one key alone has words for values. */
static void put_value(const struct pxs_naming *n, size_t key, size_t i, size_t n_words, bool whole,
                      struct pxs_text *out) {
    const struct pxs_param_value *v = value_of(n, key, i);
    enum pxs_param_key param;
    char number[32];
    if (v->kind == PXS_VALUE_NULL || (!whole && is_nothing(n, key)))
        return;
    pxs_text_add(out, out->len > 0 ? ", " : "");
    const bool alone = is_word(n, key) && n_words == 1 && pxs_param_find(n->keys[key], &param);
    if (!alone && n->keys[key][0] != '\0')
        pxs_text_addf(out, "%s ", n->keys[key]);
    if (v->kind == PXS_VALUE_TEXT) {
        const char *text = whole ? v->text : pxs_path_tail(v->text);
        pxs_text_add_clean(out, text, strlen(text));
    } else if (v->kind == PXS_VALUE_INTEGER)
        pxs_text_addf(out, "%lld", (long long)v->integer);
    else
        pxs_text_add(out,
                     whole ? pxs_format_double(number, v->real) : pxs_format_six(number, v->real));
}

/* A learning-rate policy and what belongs to it stand first. */
static bool is_policy(const char *name) {
    enum pxs_param_key key;
    if (!pxs_param_find(name, &key))
        return false;
    const struct pxs_param_info *info = pxs_param_info(key);
    const enum pxs_param_key of = info->conditional ? info->under : key;
    return of == PXS_PARAM_lr_policy_G || of == PXS_PARAM_lr_policy_D;
}

static char *make_name(const struct pxs_naming *n, size_t i, size_t n_words, bool whole,
                       struct pxs_arena *arena) {
    struct pxs_text text = {0};
    for (int policies = 1; policies >= 0; policies--)
        for (size_t k = 0; k < n->n_keys; k++)
            if (is_policy(n->keys[k]) == policies)
                put_value(n, k, i, n_words, whole, &text);
    for (size_t k = 0; k < n->n_keys && text.len == 0; k++)
        if (n->keys[k][0] != '\0')
            pxs_text_addf(&text, "no %s", n->keys[k]);
    if (text.len == 0)
        pxs_text_add(&text, n->otherwise);
    char *name = text.failed ? NULL : pxs_arena_strdup(arena, pxs_text_str(&text));
    pxs_text_finish(&text);
    return name;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum pxs_status pxs_name_configurations(const struct pxs_naming *n, struct pxs_arena *arena,
                                        char **names, struct pxs_error *err) {
    enum pxs_param_key unused;
    size_t n_words = 0;
    char **sorted = malloc((n->n + 1) * sizeof *sorted);
    bool differ = false, made = sorted != NULL;
    for (size_t k = 0; k < n->n_keys; k++)
        n_words += is_word(n, k) && pxs_param_find(n->keys[k], &unused);
    for (int whole = 0; whole < 2 && made && !differ; whole++) {
        for (size_t i = 0; i < n->n && made; i++)
            made = (names[i] = make_name(n, i, n_words, whole == 1, arena)) != NULL;
        if (!made)
            break;
        memcpy(sorted, names, n->n * sizeof *sorted);
        qsort(sorted, n->n, sizeof *sorted, by_text);
        differ = true;
        for (size_t i = 1; i < n->n; i++)
            differ = differ && strcmp(sorted[i - 1], sorted[i]) != 0;
    }
    free(sorted);
    return made ? PXS_OK : pxs_fail_nomem(err);
}
