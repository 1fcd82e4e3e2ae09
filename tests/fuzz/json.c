/* Any JSON: parse it, walk through all of it, ask each value for everything. */
#include "fuzz.h"

#include "pixsweep/base/json.h"

#include <string.h>

static void ask(struct pxs_json v, struct pxs_json_writer *w, const char *key) {
    struct pxs_error err;
    const char *text;
    double number;
    int64_t integer;
    bool yes;
    enum pxs_json_type type = pxs_json_type(v);
    if (pxs_json_string(v, &text, &err) == PXS_OK) {
        fuzz_require(type == PXS_JSON_STRING, "what is read as a string is one");
        pxs_json_put_string(w, key, text);
    }
    if (fuzz_answer(pxs_json_double(v, &number, &err), &err))
        pxs_json_put_double(w, key, number);
    if (fuzz_answer(pxs_json_int(v, &integer, &err), &err))
        fuzz_require((double)integer == number, "an integer is the number that it is read from");
    if (fuzz_answer(pxs_json_bool(v, &yes, &err), &err))
        pxs_json_put_bool(w, key, yes);
    if (type == PXS_JSON_NULL)
        pxs_json_put_null(w, key);
}

/* Writes the value as far down as a writer goes. Returns how many values there are. */
static size_t walk(struct pxs_json v, struct pxs_json_writer *w, const char *key) {
    enum pxs_json_type type = pxs_json_type(v);
    struct pxs_json child, found;
    size_t n = 0, all = 1;
    if (type != PXS_JSON_ARRAY && type != PXS_JSON_OBJECT) {
        ask(v, w, key);
        return 1;
    }
    if (w->depth + 1 >= PXS_JSON_DEPTH) {
        pxs_json_put_null(w, key);
        return 1;
    }
    if (type == PXS_JSON_ARRAY)
        pxs_json_put_array(w, key);
    else
        pxs_json_put_object(w, key);
    for (bool more = pxs_json_first(v, &child); more; more = pxs_json_next(&child), n++) {
        const char *name = pxs_json_key(child);
        fuzz_require((name != NULL) == (type == PXS_JSON_OBJECT),
                     "members have names, elements have none");
        if (name && n < 100) /* one after the other is looked at */
            fuzz_require(pxs_json_find(v, name, &found) && found.node == child.node,
                         "a member is found by its name");
        all += walk(child, w, name);
    }
    pxs_json_end(w);
    fuzz_require(n == pxs_json_count(v), "as many are counted as there are");
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pxs_json_doc *doc = NULL, *again = NULL;
    struct pxs_error err;
    struct pxs_text out = {0}, second = {0};
    if (!fuzz_answer(pxs_json_parse((const char *)data, size, "input", &doc, &err), &err))
        return 0;
    struct pxs_json_writer w = {.out = &out, .indent = size & 1 ? 2 : 0};
    size_t n = walk(pxs_json_root(doc), &w, NULL);
    fuzz_need(pxs_json_finish(&w, &err), &err);
    fuzz_need(pxs_json_parse(out.text, out.len, "what was written", &again, &err), &err);
    w = (struct pxs_json_writer){.out = &second, .indent = size & 1 ? 2 : 0};
    fuzz_require(walk(pxs_json_root(again), &w, NULL) == n, "what was written has as many values");
    fuzz_need(pxs_json_finish(&w, &err), &err);
    fuzz_require(strcmp(pxs_text_str(&out), pxs_text_str(&second)) == 0,
                 "what was written reads the same");
    pxs_text_finish(&second);
    pxs_text_finish(&out);
    pxs_json_destroy(&again);
    pxs_json_destroy(&doc);
    return 0;
}
