/* The table itself and what can be read from it. */
#include "params_priv.h"

#include <math.h>
#include <string.h>

#define PXS_ENUM_BEGIN(type) static const char *const names_##type[] = {
#define PXS_ENUM_VALUE(symbol, text) text,
/* clang-format off */
#define PXS_ENUM_END(type) NULL};
/* clang-format on */
#include "params.def"

#define PXS_ALWAYS .conditional = false
#define PXS_UNDER(other, values) \
    .conditional = true, .under = PXS_PARAM_##other, .under_values = (values)
#define PXS_ABOVE_ZERO PXS_BIT(1)
#define PXS_BIT(symbol) (UINT64_C(1) << (symbol))
#define PXS_ROW(name, kind, row_flags, row_unit, row_help)                                      \
    .key = #name, .type = (kind), .flags = (row_flags), .unit = (row_unit), .help = (row_help), \
    .offset = offsetof(struct pxs_params, name), .size = sizeof(((struct pxs_params *)0)->name)

static const struct pxs_param_info table[PXS_PARAM_COUNT] = {
#define PXS_PATH(key, flags, unit, under, help) \
    {PXS_ROW(key, PXS_TYPE_PATH, flags, unit, help), under},
#define PXS_INT(key, default_value, low, high, flags, unit, under, help) \
    {PXS_ROW(key, PXS_TYPE_INT, flags, unit, help), under, .min = (low), .max = (high)},
#define PXS_FLOAT(key, default_value, low, high, flags, unit, under, help) \
    {PXS_ROW(key, PXS_TYPE_FLOAT, flags, unit, help), under, .min = (low), .max = (high)},
#define PXS_BOOL(key, default_value, flags, unit, under, help) \
    {PXS_ROW(key, PXS_TYPE_BOOL, flags, unit, help), under},
#define PXS_ENUM(key, type, default_value, flags, unit, under, help) \
    {PXS_ROW(key, PXS_TYPE_ENUM, flags, unit, help), under, .names = names_##type},
#define PXS_INTS(key, low, high, flags, unit, under, help) \
    {PXS_ROW(key, PXS_TYPE_INTS, flags, unit, help), under, .min = (low), .max = (high)},
#include "params.def"
};

static const char *const keys[PXS_PARAM_COUNT] = {
#define PXS_PATH(key, ...) #key,
#define PXS_INT(key, ...) #key,
#define PXS_FLOAT(key, ...) #key,
#define PXS_BOOL(key, ...) #key,
#define PXS_ENUM(key, ...) #key,
#define PXS_INTS(key, ...) #key,
#include "params.def"
};

void pxs_params_default(struct pxs_params *p) {
    memset(p, 0, sizeof *p);
#define PXS_INT(key, default_value, ...) p->key = (default_value);
#define PXS_FLOAT(key, default_value, ...) p->key = (default_value);
#define PXS_BOOL(key, default_value, ...) p->key = (default_value);
#define PXS_ENUM(key, type, default_value, ...) p->key = (default_value);
#include "params.def"
}

const struct pxs_param_info *pxs_param_info(int key) {
    return &table[key];
}

bool pxs_param_find(const char *name, enum pxs_param_key *key) {
    for (int k = 0; k < PXS_PARAM_COUNT; k++) {
        if (strcmp(table[k].key, name) == 0) {
            *key = (enum pxs_param_key)k;
            return true;
        }
    }
    return false;
}

const char *pxs_param_nearest(const char *name) {
    return pxs_nearest_word(name, keys, PXS_PARAM_COUNT);
}

const char *pxs_param_type_name(enum pxs_param_type type) {
    static const char *const names[] = {"path", "int", "float", "bool", "enum", "ints"};
    return names[type];
}

bool pxs_param_in_range(const struct pxs_param_info *info, double value) {
    if (!isfinite(value) || value < info->min || value > info->max)
        return false;
    if (((info->flags & PXS_PF_OPEN_MIN) && value == info->min) ||
        ((info->flags & PXS_PF_OPEN_MAX) && value == info->max))
        return false;
    return !(info->flags & PXS_PF_ODD) || (int64_t)value % 2 != 0;
}

/* "32, 64, 128 or 256" from one value after another. */
static void add_choice(struct pxs_text *out, const char *text, bool first, bool last) {
    pxs_text_add(out, first ? "" : last ? " or " : ", ");
    pxs_text_add(out, text);
}

/* The odd numbers from min to max, each by itself. */
static void listed_range(const struct pxs_param_info *info, struct pxs_text *out) {
    int64_t last = (int64_t)info->max;
    while (!pxs_param_in_range(info, (double)last))
        last--;
    bool first = true;
    for (int64_t v = (int64_t)info->min; v <= last; v++) {
        char number[32];
        if (!pxs_param_in_range(info, (double)v))
            continue;
        add_choice(out, pxs_format_double(number, (double)v), first, v == last);
        first = false;
    }
}

static void number_range(const struct pxs_param_info *info, struct pxs_text *out) {
    char low[32], high[32];
    bool open_min = info->flags & PXS_PF_OPEN_MIN, open_max = info->flags & PXS_PF_OPEN_MAX;
    pxs_format_double(low, info->min);
    if (info->type != PXS_TYPE_FLOAT) /* all digits: shortest form would write 1e15 */
        snprintf(high, sizeof high, "%lld", (long long)info->max);
    else
        pxs_format_double(high, info->max);
    if (isinf(info->max))
        pxs_text_addf(out, open_min ? "above %s" : "%s or more", low);
    else if (!open_min && !open_max)
        pxs_text_addf(out, "%s to %s", low, high);
    else
        pxs_text_addf(out, "%s %s and %s %s", open_min ? "above" : "at least", low,
                      open_max ? "below" : "at most", high);
}

void pxs_param_condition(int key, const char *joint, struct pxs_text *out) {
    const struct pxs_param_info *info = &table[key], *other = &table[info->under];
    if (other->type == PXS_TYPE_INT) {
        pxs_text_add(out, "above 0");
        return;
    }
    bool first = true;
    for (int v = 0; other->names[v]; v++) {
        if (!(info->under_values >> v & 1))
            continue;
        pxs_text_addf(out, "%s%s", first ? "" : joint, other->names[v]);
        first = false;
    }
}

void pxs_param_range(int key, struct pxs_text *out) {
    const struct pxs_param_info *info = &table[key];
    switch (info->type) {
    case PXS_TYPE_PATH:
        pxs_text_add(out, info->flags & PXS_PF_REQUIRED ? "a path" : "a path or null");
        break;
    case PXS_TYPE_BOOL:
        pxs_text_add(out, "true or false");
        break;
    case PXS_TYPE_ENUM:
        for (int v = 0; info->names[v]; v++)
            add_choice(out, info->names[v], v == 0, !info->names[v + 1]);
        break;
    case PXS_TYPE_INTS:
        pxs_text_addf(out, "a list of at most %d rising integers, each ", PXS_INTS_MAX);
        number_range(info, out);
        break;
    default:
        if (info->flags & PXS_PF_ODD)
            listed_range(info, out);
        else
            number_range(info, out);
    }
}
