/* Values in and out of a struct pxs_params: from a person's text, for the database, and what
 * depends on other keys. */
#include "params_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- from text ------------------------------------------------------------------------------ */

struct scalar {
    int key;
    const struct pxs_param_info *info;
    const char *text;
    bool quoted;
    const char *base_dir;
};

static bool is_null(const struct scalar *s) {
    return !s->quoted &&
           (s->text[0] == '\0' || strcmp(s->text, "~") == 0 || strcmp(s->text, "null") == 0 ||
            strcmp(s->text, "Null") == 0 || strcmp(s->text, "NULL") == 0);
}

/* "batch_size must be an integer, 1 to 4096, not 'x'" */
static enum pxs_status mismatch(const struct scalar *s, enum pxs_status status, const char *remedy,
                                struct pxs_error *err) {
    struct pxs_text t = {0};
    bool listed = s->info->flags & PXS_PF_ODD; /* the values say it all */
    pxs_text_addf(&t, "%s must be %s", s->info->key,
                  s->info->type == PXS_TYPE_INT && !listed ? "an integer, "
                  : s->info->type == PXS_TYPE_FLOAT        ? "a number, "
                                                           : "");
    pxs_param_range(s->key, &t);
    if (!s->quoted && s->text[0] == '\0') {
        pxs_text_add(&t, ", but has no value");
    } else {
        pxs_text_add(&t, ", not ");
        pxs_text_add_quoted(&t, s->text);
    }
    pxs_text_add(&t, remedy);
    pxs_fail(err, status, "%s", pxs_text_str(&t));
    pxs_text_finish(&t);
    return status;
}

static enum pxs_status set_number(const struct scalar *s, struct pxs_params *p,
                                  struct pxs_error *err) {
    double real;
    int64_t whole;
    if (!pxs_parse_double(s->text, &real))
        return mismatch(s, PXS_E_INVALID, "", err);
    if (s->quoted)
        return mismatch(s, PXS_E_INVALID, " in quotes, which is text: remove the quotes", err);
    if (s->info->type == PXS_TYPE_FLOAT) {
        if (!pxs_param_in_range(s->info, real))
            return mismatch(s, PXS_E_INVALID, "", err);
        *(double *)pxs_param_field_mut(p, s->key) = real + 0.0; /* -0 is 0: one value, one hash */
        return PXS_OK;
    }
    if (!pxs_parse_int(s->text, &whole) || !pxs_param_in_range(s->info, (double)whole))
        return mismatch(s, PXS_E_INVALID, "", err);
    *(int64_t *)pxs_param_field_mut(p, s->key) = whole;
    return PXS_OK;
}

static int enum_value(const struct pxs_param_info *info, const char *text) {
    for (int v = 0; info->names[v]; v++)
        if (strcmp(info->names[v], text) == 0)
            return v;
    return -1;
}

static enum pxs_status set_enum(const struct scalar *s, struct pxs_params *p,
                                struct pxs_error *err) {
    int value = enum_value(s->info, s->text);
    if (value >= 0) {
        *(int *)pxs_param_field_mut(p, s->key) = value;
        return PXS_OK;
    }
    size_t n = 0;
    while (s->info->names[n])
        n++;
    const char *nearest = pxs_nearest_word(s->text, s->info->names, n);
    struct pxs_text hint = {0};
    if (!params_add_value_remedy(s->info->key, s->text, &hint) && nearest && n > 1)
        pxs_text_addf(&hint, "; did you mean %s?", nearest);
    const enum pxs_status status = mismatch(s, PXS_E_INVALID, pxs_text_str(&hint), err);
    pxs_text_finish(&hint);
    return status;
}

static enum pxs_status set_path(const struct scalar *s, struct pxs_params *p,
                                struct pxs_error *err) {
    char joined[PXS_PATH_MAX], absolute[PXS_PATH_MAX];
    char *field = pxs_param_field_mut(p, s->key);
    if (is_null(s)) {
        field[0] = '\0';
        return PXS_OK;
    }
    if (s->text[0] == '\0')
        return mismatch(s, PXS_E_INVALID, "", err);
    if (!pxs_is_utf8(s->text))
        return mismatch(s, PXS_E_INVALID,
                        ", which is not UTF-8 and so cannot be written into config.yaml", err);
    if (strncmp(s->text, "~/", 2) == 0)
        return mismatch(s, PXS_E_INVALID, ": ~ is not expanded here, write the folder out", err);
    if (!pxs_path_join(joined, sizeof joined, s->base_dir, s->text) ||
        !pxs_path_absolute(absolute, sizeof absolute, joined))
        return mismatch(s, PXS_E_INVALID, ": the path is too long", err);
    if (!pxs_is_utf8(absolute))
        return pxs_fail_not_utf8(err, s->info->key, absolute);
    memcpy(field, absolute, strlen(absolute) + 1);
    return PXS_OK;
}

/* ---- lists ---------------------------------------------------------------------------------- */

size_t pxs_params_ints(const char *field, int64_t out[PXS_INTS_MAX]) {
    size_t n = 0;
    char *end;
    for (const char *at = field; *at && n < PXS_INTS_MAX; at = *end ? end + 1 : end)
        out[n++] = strtoll(at, &end, 10);
    return n;
}

/* "[30, 45]" or "30,45" into "30,45"; false where it is no rising list within the row's range. */
static bool read_ints(const struct pxs_param_info *info, const char *text,
                      char field[PXS_INTS_TEXT]) {
    static const char spaces[] = " \t";
    size_t used = 0, n = 0;
    int64_t last = INT64_MIN, value;
    const char *at = text + strspn(text, spaces), *closing = "";
    if (*at == '[')
        at++, closing = "]";
    for (;; at++) { /* one number, then what follows it */
        char number[32] = "";
        at += strspn(at, spaces);
        size_t length = strcspn(at, ",] \t");
        if (length == 0 || length >= sizeof number || n++ == PXS_INTS_MAX)
            return false;
        memcpy(number, at, length);
        if (!pxs_parse_int(number, &value) || value <= last ||
            !pxs_param_in_range(info, (double)value))
            return false;
        last = value;
        used += (size_t)snprintf(field + used, PXS_INTS_TEXT - used, "%s%lld", n > 1 ? "," : "",
                                 (long long)value);
        at += length;
        at += strspn(at, spaces);
        if (*at != ',')
            break;
    }
    if (*closing && *at++ != *closing)
        return false;
    return at[strspn(at, spaces)] == '\0';
}

enum pxs_status pxs_params_set(struct pxs_params *p, int key, const char *text, bool quoted,
                               const char *base_dir, struct pxs_error *err) {
    struct scalar s = {key, pxs_param_info(key), text, quoted, base_dir};
    switch (s.info->type) {
    case PXS_TYPE_PATH:
        return set_path(&s, p, err);
    case PXS_TYPE_ENUM:
        return set_enum(&s, p, err);
    case PXS_TYPE_BOOL: {
        bool yes = strcmp(text, "true") == 0;
        if (!yes && strcmp(text, "false") != 0)
            return mismatch(&s, PXS_E_INVALID, "", err);
        if (quoted)
            return mismatch(&s, PXS_E_INVALID, " in quotes, which is text: remove the quotes", err);
        *(bool *)pxs_param_field_mut(p, key) = yes;
        return PXS_OK;
    }
    case PXS_TYPE_INTS: {
        char field[PXS_INTS_TEXT] = ""; /* to its last byte: structs of equal values are equal */
        if (quoted)
            return mismatch(&s, PXS_E_INVALID, " in quotes, which is text: write a list, [30, 45]",
                            err);
        if (!read_ints(s.info, text, field))
            return mismatch(&s, PXS_E_INVALID, ": write it as [30, 45]", err);
        memcpy(pxs_param_field_mut(p, key), field, sizeof field);
        return PXS_OK;
    }
    default:
        return set_number(&s, p, err);
    }
}

/* ---- typed ---------------------------------------------------------------------------------- */

struct pxs_param_value pxs_params_get(const struct pxs_params *p, int key) {
    const struct pxs_param_info *info = pxs_param_info(key);
    const void *field = pxs_param_field(p, key);
    switch (info->type) {
    case PXS_TYPE_PATH:
    case PXS_TYPE_INTS:
        if (*(const char *)field == '\0')
            return (struct pxs_param_value){.kind = PXS_VALUE_NULL};
        return (struct pxs_param_value){.kind = PXS_VALUE_TEXT, .text = field};
    case PXS_TYPE_INT:
        return (struct pxs_param_value){.kind = PXS_VALUE_INTEGER,
                                        .integer = *(const int64_t *)field};
    case PXS_TYPE_BOOL:
        return (struct pxs_param_value){.kind = PXS_VALUE_INTEGER, .integer = *(const bool *)field};
    case PXS_TYPE_ENUM:
        return (struct pxs_param_value){.kind = PXS_VALUE_TEXT,
                                        .text = info->names[*(const int *)field]};
    case PXS_TYPE_FLOAT:
        break;
    }
    return (struct pxs_param_value){.kind = PXS_VALUE_REAL, .real = *(const double *)field};
}

static bool put_text(const struct pxs_param_info *info, void *field, const char *text) {
    if (info->type == PXS_TYPE_INTS) {
        char list[PXS_INTS_TEXT] = "";
        if (!read_ints(info, text, list))
            return false;
        memcpy(field, list, sizeof list);
        return true;
    }
    if (info->type == PXS_TYPE_PATH) {
        size_t n = strlen(text);
        if (n >= PXS_PATH_MAX)
            return false;
        memmove(field, text, n + 1);
        return true;
    }
    int value = info->type == PXS_TYPE_ENUM ? enum_value(info, text) : -1;
    if (value >= 0)
        *(int *)field = value;
    return value >= 0;
}

bool pxs_params_put(struct pxs_params *p, int key, const struct pxs_param_value *value) {
    const struct pxs_param_info *info = pxs_param_info(key);
    void *field = pxs_param_field_mut(p, key);
    const bool whole = value->kind == PXS_VALUE_INTEGER;
    if (value->kind == PXS_VALUE_TEXT)
        return put_text(info, field, value->text);
    if (value->kind == PXS_VALUE_NULL)
        return info->type == PXS_TYPE_PATH && put_text(info, field, "");
    if (info->type == PXS_TYPE_FLOAT) {
        const double real = whole ? (double)value->integer : value->real;
        if (!pxs_param_in_range(info, real))
            return false;
        *(double *)field = real + 0.0;
        return true;
    }
    if (info->type == PXS_TYPE_BOOL && whole && (value->integer == 0 || value->integer == 1)) {
        *(bool *)field = value->integer;
        return true;
    }
    if (info->type != PXS_TYPE_INT || !whole || !pxs_param_in_range(info, (double)value->integer))
        return false;
    *(int64_t *)field = value->integer;
    return true;
}

bool pxs_params_equal_at(const struct pxs_params *a, const struct pxs_params *b, int key) {
    struct pxs_param_value x = pxs_params_get(a, key), y = pxs_params_get(b, key);
    if (x.kind != y.kind)
        return false;
    if (x.kind == PXS_VALUE_TEXT)
        return strcmp(x.text, y.text) == 0;
    return x.integer == y.integer && memcmp(&x.real, &y.real, sizeof x.real) == 0;
}

/* ---- what depends on other keys ------------------------------------------------------------- */

bool pxs_params_effective(const struct pxs_params *p, int key) {
    const struct pxs_param_info *info = pxs_param_info(key);
    if (!info->conditional)
        return true;
    const void *field = pxs_param_field(p, info->under);
    bool number = pxs_param_info(info->under)->type == PXS_TYPE_INT;
    int other = number ? *(const int64_t *)field > 0 : *(const int *)field;
    return (info->under_values >> other & 1) && pxs_params_effective(p, info->under);
}

void pxs_params_reset(struct pxs_params *p, int key) {
    struct pxs_params defaults;
    pxs_params_default(&defaults);
    memcpy(pxs_param_field_mut(p, key), pxs_param_field(&defaults, key), pxs_param_info(key)->size);
}

void pxs_params_drop_ineffective(struct pxs_params *p) {
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        if (!pxs_params_effective(p, key))
            pxs_params_reset(p, key);
}

bool pxs_params_at_default(const struct pxs_params *p, int key) {
    struct pxs_params defaults;
    pxs_params_default(&defaults);
    return pxs_params_equal_at(p, &defaults, key);
}
