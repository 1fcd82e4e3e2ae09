/* Values and the table as text: shortest form, YAML, Markdown. */
#include "params_priv.h"

#include <string.h>
#include <strings.h>

void pxs_params_format(const struct pxs_params *p, int key, struct pxs_text *out) {
    struct pxs_param_value value = pxs_params_get(p, key);
    char number[32];
    switch (value.kind) {
    case PXS_VALUE_NULL:
        pxs_text_add(out, "null");
        break;
    case PXS_VALUE_TEXT:
        pxs_text_add(out, value.text);
        break;
    case PXS_VALUE_REAL:
        pxs_text_add(out, pxs_format_double(number, value.real));
        break;
    case PXS_VALUE_INTEGER:
        if (pxs_param_info(key)->type == PXS_TYPE_BOOL)
            pxs_text_add(out, value.integer ? "true" : "false");
        else
            pxs_text_addf(out, "%lld", (long long)value.integer);
    }
}

/* ---- YAML ----------------------------------------------------------------------------------- */

/* Whether the text begins like a name or an absolute path, and no YAML reader can take it for
 * anything but text. */
static bool is_plain_yaml(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+=-";
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    if (text[0] != '/' && !(text[0] && strchr(letters, text[0])))
        return false;
    for (size_t i = 0; i < PXS_COUNT(words); i++)
        if (strcasecmp(words[i], text) == 0)
            return false;
    return text[strspn(text, safe)] == '\0';
}

/* Code points that YAML does not print or reads as a line break. */
static bool needs_escape(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029 ||
           code == 0xfeff || code == 0xfffe || code == 0xffff;
}

void pxs_yaml_add_string(struct pxs_text *out, const char *text) {
    if (is_plain_yaml(text)) {
        pxs_text_add(out, text);
        return;
    }
    size_t n = strlen(text), length;
    pxs_text_add(out, "\"");
    for (size_t at = 0; at < n; at += length) {
        uint32_t code = 0;
        length = pxs_utf8_decode(text + at, n - at, &code);
        if (length == 0)
            length = 1, code = 0xfffd;
        if (code == '"' || code == '\\')
            pxs_text_addf(out, "\\%c", (char)code);
        else if (needs_escape(code) || code == 0xfffd)
            pxs_text_addf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
        else
            pxs_text_add_n(out, text + at, length);
    }
    pxs_text_add(out, "\"");
}

void pxs_params_write_yaml(const struct pxs_params *p, const char *name, struct pxs_text *out) {
    if (name) {
        pxs_text_add(out, "name: ");
        pxs_yaml_add_string(out, name);
        pxs_text_add(out, "\n");
    }
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        if (!pxs_params_effective(p, key))
            continue;
        const struct pxs_param_info *info = pxs_param_info(key);
        pxs_text_addf(out, "%s: ", info->key);
        if (info->type == PXS_TYPE_PATH && pxs_params_get(p, key).kind == PXS_VALUE_TEXT)
            pxs_yaml_add_string(out, pxs_params_get(p, key).text);
        else if (info->type == PXS_TYPE_INTS)
            pxs_text_addf(out, "[%s]", (const char *)pxs_param_field(p, key));
        else
            pxs_params_format(p, key, out);
        pxs_text_add(out, "\n");
    }
}

/* ---- Markdown ------------------------------------------------------------------------------- */

static const char head[] =
    "# Hyperparameters\n"
    "\n"
    "Written by `pixsweep params --format md` from the one table in "
    "`src/experiment/params/params.def`; a test holds the two equal.\n"
    "\n"
    "Any of these stands at the top level of an experiment file, in a part of its `sweep`, or in "
    "`--set key=value`.\n"
    "Numbers may be written as you like (`1e-4`, `.0001`, `1E-4`; `2e1` for an int), but not in "
    "quotes; booleans are `true` or\n"
    "`false`. Relative paths belong to the file that states them, with `--set` to the working "
    "directory.\n"
    "Keys with a * say how to run, not what: two runs that differ in nothing else are the same "
    "run. (The seed tells runs of one\n"
    "configuration apart.)\n"
    "\n"
    "| key | type | default | values | unit | what it does |\n"
    "|---|---|---|---|---|---|\n";

void pxs_params_write_markdown(struct pxs_text *out) {
    struct pxs_params defaults;
    pxs_params_default(&defaults);
    pxs_text_add(out, head);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        pxs_text_addf(out, "| `%s`%s | %s | ", info->key,
                      info->flags & PXS_PF_NOT_IDENTITY ? " *" : "",
                      pxs_param_type_name(info->type));
        if (info->flags & PXS_PF_REQUIRED)
            pxs_text_add(out, "must be given");
        else
            pxs_params_format(&defaults, key, out);
        pxs_text_add(out, " | ");
        pxs_param_range(key, out);
        pxs_text_addf(out, " | %s | %s", info->unit, info->help);
        if (info->conditional) {
            pxs_text_addf(out, "; only under `%s: ", pxs_param_info((int)info->under)->key);
            pxs_param_condition(key, " | ", out);
            pxs_text_add(out, "`");
        }
        pxs_text_add(out, " |\n");
    }
}
