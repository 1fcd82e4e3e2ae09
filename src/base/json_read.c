/* Reading JSON; the only file that uses cJSON. cJSON accepts two members of one name, any bytes in
 * strings and text that a NUL cuts off, so these are refused here. Its nodes do not know their
 * parents, so the path in a message is found by a search from the root. */
#include "pixsweep/base/json.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pxs_json_doc {
    cJSON *root;
    char *name;
};

/* ---- the text, before cJSON sees it --------------------------------------------------------- */

static enum pxs_status fail_at(const char *name, const char *text, size_t offset, const char *what,
                               struct pxs_error *err) {
    size_t line = 1, start = 0;
    for (size_t i = 0; i < offset; i++)
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    return pxs_fail(err, PXS_E_CORRUPT, "%s: %s at line %zu, column %zu", name, what, line,
                    offset - start + 1);
}

static enum pxs_status check_text(const char *text, size_t bytes, const char *name,
                                  struct pxs_error *err) {
    for (size_t i = 0; i < bytes;) {
        size_t step = pxs_utf8_decode(text + i, bytes - i, NULL);
        if (step == 0)
            return fail_at(name, text, i, "not UTF-8", err);
        if (text[i] == '\0')
            return fail_at(name, text, i, "a NUL byte", err);
        if (text[i] == '\\' && bytes - i >= 6 && memcmp(text + i + 1, "u0000", 5) == 0)
            return fail_at(name, text, i, "a NUL character", err);
        if (text[i] == '\\' && i + 1 < bytes && text[i + 1] == '\\')
            step = 2; /* the second backslash of a pair starts no escape */
        i += step;
    }
    return PXS_OK;
}

/* ---- the tree ------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum pxs_status check_members(const struct pxs_json_doc *doc, const cJSON *object,
                                     struct pxs_error *err) {
    size_t n = 0, count = (size_t)cJSON_GetArraySize(object);
    const char **names = malloc((count + 1) * sizeof *names);
    if (!names)
        return pxs_fail_nomem(err);
    const cJSON *member;
    cJSON_ArrayForEach(member, object) names[n++] = member->string;
    qsort(names, n, sizeof *names, compare_names);
    enum pxs_status status = PXS_OK;
    for (size_t i = 1; i < n && status == PXS_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = pxs_json_fail((struct pxs_json){doc, object}, err,
                                   "has two members named \"%s\"", names[i]);
    free(names);
    return status;
}

/* cJSON has bounded the depth (CJSON_NESTING_LIMIT). */
static enum pxs_status check_tree(const struct pxs_json_doc *doc, const cJSON *node,
                                  struct pxs_error *err) {
    if (cJSON_IsObject(node))
        PXS_TRY(check_members(doc, node, err));
    for (const cJSON *child = node->child; child; child = child->next)
        if (child->child)
            PXS_TRY(check_tree(doc, child, err));
    return PXS_OK;
}

enum pxs_status pxs_json_parse(const char *text, size_t bytes, const char *name,
                               struct pxs_json_doc **out, struct pxs_error *err) {
    PXS_TRY(check_text(text, bytes, name, err));

    /* cJSON gets a copy with zeros behind it: it wants a NUL, and older versions read a few bytes
     * past the end. */
    enum pxs_status status = PXS_OK;
    struct pxs_json_doc *doc = calloc(1, sizeof *doc);
    char *copy = bytes > SIZE_MAX - 16 ? NULL : calloc(1, bytes + 16);
    if (!doc || !copy || !(doc->name = strdup(name))) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    if (bytes)
        memcpy(copy, text, bytes);

    /* cJSON reports lack of memory like bad text; text that it reads at the second try is good. */
    const char *end = copy;
    for (int tries = 0; tries < 2 && !doc->root; tries++)
        doc->root = cJSON_ParseWithLengthOpts(copy, bytes + 1, &end, true);
    if (!doc->root) {
        const size_t offset = (size_t)(end - copy);
        status = fail_at(name, copy, offset > bytes ? bytes : offset, "not valid JSON", err);
        goto out;
    }
    status = check_tree(doc, doc->root, err);
    if (status != PXS_OK)
        goto out;
    *out = doc;
    doc = NULL;
out:
    pxs_json_destroy(&doc);
    free(copy);
    return status;
}

void pxs_json_destroy(struct pxs_json_doc **doc) {
    if (!doc || !*doc)
        return;
    cJSON_Delete((*doc)->root);
    free((*doc)->name);
    free(*doc);
    *doc = NULL;
}

/* ---- walking -------------------------------------------------------------------------------- */

struct pxs_json pxs_json_root(const struct pxs_json_doc *doc) {
    return (struct pxs_json){doc, doc->root};
}

enum pxs_json_type pxs_json_type(struct pxs_json value) {
    const cJSON *node = value.node;
    switch (node->type & 0xff) {
    case cJSON_False:
    case cJSON_True:
        return PXS_JSON_BOOL;
    case cJSON_Number:
        return PXS_JSON_NUMBER;
    case cJSON_String:
        return PXS_JSON_STRING;
    case cJSON_Array:
        return PXS_JSON_ARRAY;
    case cJSON_Object:
        return PXS_JSON_OBJECT;
    default:
        return PXS_JSON_NULL;
    }
}

const char *pxs_json_type_name(enum pxs_json_type type) {
    static const char *const names[] = {
        [PXS_JSON_NULL] = "null",       [PXS_JSON_BOOL] = "a boolean",
        [PXS_JSON_NUMBER] = "a number", [PXS_JSON_STRING] = "a string",
        [PXS_JSON_ARRAY] = "an array",  [PXS_JSON_OBJECT] = "an object",
    };
    return (unsigned)type < PXS_COUNT(names) ? names[type] : "something else";
}

size_t pxs_json_count(struct pxs_json value) {
    return (size_t)cJSON_GetArraySize(value.node);
}

bool pxs_json_first(struct pxs_json value, struct pxs_json *child) {
    const cJSON *node = value.node;
    if (!node->child)
        return false;
    *child = (struct pxs_json){value.doc, node->child};
    return true;
}

bool pxs_json_next(struct pxs_json *child) {
    const cJSON *node = child->node;
    if (!node->next)
        return false;
    child->node = node->next;
    return true;
}

const char *pxs_json_key(struct pxs_json member) {
    const cJSON *node = member.node;
    return node->string;
}

bool pxs_json_find(struct pxs_json object, const char *key, struct pxs_json *out) {
    if (pxs_json_type(object) != PXS_JSON_OBJECT)
        return false;
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object.node, key);
    if (!node)
        return false;
    *out = (struct pxs_json){object.doc, node};
    return true;
}

enum pxs_status pxs_json_get(struct pxs_json object, const char *key, struct pxs_json *out,
                             struct pxs_error *err) {
    PXS_TRY(pxs_json_expect(object, PXS_JSON_OBJECT, err));
    if (!pxs_json_find(object, key, out))
        return pxs_json_fail(object, err, "has no \"%s\"", key);
    return PXS_OK;
}

/* ---- errors --------------------------------------------------------------------------------- */

static void add_member(struct pxs_text *path, const char *name) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    bool simple = *name && name[strspn(name, plain)] == '\0';
    pxs_text_addf(path, simple ? ".%s" : "[\"%s\"]", name);
}

/* Appends the path from `at` down to `target`; false, and `path` unchanged, where `target` is not
 * below `at`. */
static bool add_path(struct pxs_text *path, const cJSON *at, const cJSON *target) {
    if (at == target)
        return true;
    size_t length = path->len, index = 0;
    for (const cJSON *child = at->child; child; child = child->next, index++) {
        if (cJSON_IsObject(at))
            add_member(path, child->string);
        else
            pxs_text_addf(path, "[%zu]", index);
        if (path->failed || add_path(path, child, target))
            return true;
        path->len = length;
        path->text[length] = '\0';
    }
    return false;
}

enum pxs_status pxs_json_fail(struct pxs_json value, struct pxs_error *err, const char *fmt, ...) {
    struct pxs_text path = {0}, what = {0};
    pxs_text_add(&path, "$");
    if (!path.failed && value.doc->root)
        add_path(&path, value.doc->root, value.node);
    va_list ap;
    va_start(ap, fmt);
    pxs_text_addv(&what, fmt, ap);
    va_end(ap);
    pxs_fail(err, PXS_E_CORRUPT, "%s: %s %s", value.doc->name, pxs_text_str(&path),
             pxs_text_str(&what));
    pxs_text_finish(&path);
    pxs_text_finish(&what);
    return PXS_E_CORRUPT;
}

/* ---- typed values --------------------------------------------------------------------------- */

enum pxs_status pxs_json_expect(struct pxs_json value, enum pxs_json_type type,
                                struct pxs_error *err) {
    enum pxs_json_type is = pxs_json_type(value);
    if (is == type)
        return PXS_OK;
    return pxs_json_fail(value, err, "must be %s, not %s", pxs_json_type_name(type),
                         pxs_json_type_name(is));
}

enum pxs_status pxs_json_string(struct pxs_json value, const char **out, struct pxs_error *err) {
    PXS_TRY(pxs_json_expect(value, PXS_JSON_STRING, err));
    *out = cJSON_GetStringValue(value.node);
    return PXS_OK;
}

enum pxs_status pxs_json_get_string(struct pxs_json object, const char *key, const char **out,
                                    struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    return pxs_json_string(value, out, err);
}

enum pxs_status pxs_json_double(struct pxs_json value, double *out, struct pxs_error *err) {
    PXS_TRY(pxs_json_expect(value, PXS_JSON_NUMBER, err));
    *out = cJSON_GetNumberValue(value.node);
    return PXS_OK;
}

enum pxs_status pxs_json_bool(struct pxs_json value, bool *out, struct pxs_error *err) {
    PXS_TRY(pxs_json_expect(value, PXS_JSON_BOOL, err));
    *out = cJSON_IsTrue(value.node);
    return PXS_OK;
}

enum pxs_status pxs_json_int(struct pxs_json value, int64_t *out, struct pxs_error *err) {
    enum pxs_json_type is = pxs_json_type(value);
    if (is != PXS_JSON_NUMBER)
        return pxs_json_fail(value, err, "must be an integer, not %s", pxs_json_type_name(is));
    double number = cJSON_GetNumberValue(value.node);
    if (number != trunc(number) || fabs(number) > 0x1p53) {
        char text[32];
        return pxs_json_fail(value, err, "must be an integer within 2^53, not %s",
                             pxs_format_double(text, number));
    }
    *out = (int64_t)number;
    return PXS_OK;
}
