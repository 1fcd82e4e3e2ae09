#include "pixsweep/base/json.h"

#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct pxs_json_doc *parse(const char *text) {
    struct pxs_json_doc *doc = NULL;
    struct pxs_error err;
    enum pxs_status status = pxs_json_parse(text, strlen(text), "t.json", &doc, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    return doc;
}

START_TEST(reads_every_type)
{
    struct pxs_json_doc *doc =
        parse(" {\"n\":null,\"t\":true,\"f\":false,\"i\":-12,\"d\":1.5e-3,\"s\":"
              "\"a\\u00e9\\n\\ud83d\\ude00\",\"a\":[1,[2],{}]} ");
    struct pxs_json root = pxs_json_root(doc), v, c;
    bool b;
    int64_t i;
    double d;
    const char *s;
    ck_assert_int_eq(pxs_json_type(root), PXS_JSON_OBJECT);
    ck_assert_uint_eq(pxs_json_count(root), 7);
    ck_assert(pxs_json_find(root, "n", &v) && pxs_json_type(v) == PXS_JSON_NULL);
    ck_assert(pxs_json_find(root, "t", &v) && pxs_json_bool(v, &b, NULL) == PXS_OK && b);
    ck_assert(pxs_json_find(root, "f", &v) && pxs_json_bool(v, &b, NULL) == PXS_OK && !b);
    ck_assert(pxs_json_find(root, "i", &v) && pxs_json_int(v, &i, NULL) == PXS_OK && i == -12);
    ck_assert(pxs_json_find(root, "d", &v) && pxs_json_double(v, &d, NULL) == PXS_OK &&
              d == 1.5e-3);
    ck_assert(pxs_json_find(root, "s", &v) && pxs_json_string(v, &s, NULL) == PXS_OK);
    ck_assert_str_eq(s, "a\xc3\xa9\n\xf0\x9f\x98\x80");
    ck_assert(pxs_json_find(root, "a", &v) && pxs_json_count(v) == 3);
    ck_assert(pxs_json_first(v, &c) && pxs_json_int(c, &i, NULL) == PXS_OK && i == 1);
    ck_assert_ptr_null(pxs_json_key(c));
    ck_assert(pxs_json_next(&c) && pxs_json_type(c) == PXS_JSON_ARRAY);
    ck_assert(pxs_json_next(&c) && pxs_json_type(c) == PXS_JSON_OBJECT && !pxs_json_first(c, &v));
    ck_assert(!pxs_json_next(&c));
    ck_assert(pxs_json_first(root, &c));
    ck_assert_str_eq(pxs_json_key(c), "n");
    pxs_json_destroy(&doc);
    ck_assert_ptr_null(doc);
    pxs_json_destroy(&doc);
    pxs_json_destroy(NULL);
}
END_TEST

START_TEST(errors_name_the_path)
{
    struct pxs_json_doc *doc =
        parse("{\"a\":{\"b\":[1,2,{\"x.y\":\"s\",\"h\":0.5,\"big\":9007199254740994}]}}");
    struct pxs_json root = pxs_json_root(doc), a, b, c, v;
    struct pxs_error err;
    int64_t i = 5;
    double d;
    const char *s;
    ck_assert_int_eq(pxs_json_get(root, "a", &a, &err), PXS_OK);
    ck_assert_int_eq(pxs_json_get(a, "b", &b, &err), PXS_OK);
    ck_assert(pxs_json_first(b, &c) && pxs_json_next(&c));
    ck_assert_int_eq(pxs_json_string(c, &s, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "t.json: $.a.b[1] must be a string, not a number");
    ck_assert(pxs_json_next(&c) && pxs_json_find(c, "x.y", &v));
    ck_assert_int_eq(pxs_json_int(v, &i, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "t.json: $.a.b[2][\"x.y\"] must be an integer, not a string");
    ck_assert_int_eq(pxs_json_double(v, &d, &err), PXS_E_CORRUPT);
    ck_assert(pxs_json_find(c, "h", &v));
    ck_assert_int_eq(pxs_json_int(v, &i, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "t.json: $.a.b[2].h must be an integer within 2^53, not 0.5");
    ck_assert(pxs_json_find(c, "big", &v));
    ck_assert_int_eq(pxs_json_int(v, &i, &err), PXS_E_CORRUPT);
    ck_assert_int_eq(i, 5);
    ck_assert_int_eq(pxs_json_get(c, "H", &v, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "t.json: $.a.b[2] has no \"H\"");
    ck_assert_int_eq(pxs_json_get(b, "H", &v, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "t.json: $.a.b must be an object, not an array");
    ck_assert_int_eq(pxs_json_expect(root, PXS_JSON_NULL, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "t.json: $ must be null, not an object");
    pxs_json_destroy(&doc);
}
END_TEST

START_TEST(refuses)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "t.json: not valid JSON at line 1, column 1"},
        {"{\"a\":1,\n  \"b\":}", "t.json: not valid JSON at line 2, column 7"},
        {"[1,2", NULL},
        {"[1,]", NULL},
        {"{\"a\" 1}", NULL},
        {"[1] x", NULL},
        {"nul", NULL},
        {"\"abc", NULL},
        {"{\"1\":1", NULL},
        {"\"\\ud800\"", NULL},
        {"{\"a\":1,\"b\":2,\"a\":3}", "t.json: $ has two members named \"a\""},
        {"[{\"k\":{\"x\":1,\"x\":1}}]", "t.json: $[0].k has two members named \"x\""},
        {"\"\xff\"", "t.json: not UTF-8 at line 1, column 2"},
        {"\"\xed\xa0\x80\"", "t.json: not UTF-8 at line 1, column 2"},
        {"\"\xc0\x80\"", "t.json: not UTF-8 at line 1, column 2"},
        {"\"\xe0\x80\x80\"", "t.json: not UTF-8 at line 1, column 2"},
        {"\"\xf0\x80\x80\x80\"", "t.json: not UTF-8 at line 1, column 2"},
        {"\"\xf4\x90\x80\x80\"", "t.json: not UTF-8 at line 1, column 2"},
        {"\"\xc3", "t.json: not UTF-8 at line 1, column 2"},
        {"\"a\\u0000b\"", "t.json: a NUL character at line 1, column 3"},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        struct pxs_json_doc *doc = NULL;
        struct pxs_error err;
        size_t bytes = strlen(rows[i].text);
        /* no NUL behind it: reading past the end shows under ASan */
        char *exact = malloc(bytes ? bytes : 1);
        memcpy(exact, rows[i].text, bytes);
        ck_assert_msg(pxs_json_parse(exact, bytes, "t.json", &doc, &err) == PXS_E_CORRUPT, "%s",
                      rows[i].text);
        ck_assert_ptr_null(doc);
        if (rows[i].message)
            ck_assert_str_eq(err.message, rows[i].message);
        free(exact);
    }
    struct pxs_json_doc *doc = NULL;
    ck_assert_int_eq(pxs_json_parse("[1]\0[2]", 7, "t", &doc, NULL), PXS_E_CORRUPT);
    doc = parse("\"a\\\\u0000\""); /* a backslash and then plain text */
    pxs_json_destroy(&doc);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    char text[5001];
    memset(text, '[', 5000);
    struct pxs_json_doc *doc = NULL;
    ck_assert_int_eq(pxs_json_parse(text, 5000, "t", &doc, NULL), PXS_E_CORRUPT);
    memset(text + 500, ']', 500);
    ck_assert_int_eq(pxs_json_parse(text, 1000, "t", &doc, NULL), PXS_OK);
    pxs_json_destroy(&doc);
}
END_TEST

START_TEST(many_members)
{ /* duplicates among many are found without comparing all pairs */
    struct pxs_text t = {0};
    pxs_text_add(&t, "{");
    for (int i = 0; i < 100000; i++)
        pxs_text_addf(&t, "\"k%d\":%d,", i, i);
    struct pxs_json_doc *doc = NULL;
    struct pxs_error err;
    size_t length = t.len;
    pxs_text_add(&t, "\"last\":0}");
    ck_assert_int_eq(pxs_json_parse(t.text, t.len, "t", &doc, &err), PXS_OK);
    ck_assert_uint_eq(pxs_json_count(pxs_json_root(doc)), 100001);
    pxs_json_destroy(&doc);
    t.len = length;
    pxs_text_add(&t, "\"k777\":0}");
    ck_assert_int_eq(pxs_json_parse(t.text, t.len, "t", &doc, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "t: $ has two members named \"k777\"");
    pxs_text_finish(&t);
}
END_TEST

START_TEST(every_damage_is_survived)
{
    const char *good = "{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\\\\"],\"b\":{\"c\":\"\xc3\xa9\"}}";
    size_t n = strlen(good);
    for (size_t i = 0; i < n; i++)
        for (int bit = 0; bit < 9; bit++) { /* each bit flipped, and cut off here */
            char *text = malloc(n);
            memcpy(text, good, n);
            if (bit < 8)
                text[i] = (char)(text[i] ^ 1 << bit);
            struct pxs_json_doc *doc = NULL;
            if (pxs_json_parse(text, bit < 8 ? n : i, "t", &doc, NULL) == PXS_OK)
                ck_assert_ptr_nonnull(doc);
            pxs_json_destroy(&doc);
            free(text);
        }
}
END_TEST

static void write_all(struct pxs_json_writer *w) {
    pxs_json_put_object(w, NULL);
    pxs_json_put_string(w, "s", "q\"\\\n\t\x01\x7f/\xc3\xa9\xff");
    pxs_json_put_string(w, "none", NULL);
    pxs_json_put_double(w, "d", 0.1);
    pxs_json_put_double(w, "nan", NAN);
    pxs_json_put_double(w, "inf", -INFINITY);
    pxs_json_put_int(w, "min", INT64_MIN);
    pxs_json_put_int(w, "max", INT64_MAX);
    pxs_json_put_array(w, "a");
    pxs_json_put_bool(w, NULL, true);
    pxs_json_put_null(w, NULL);
    pxs_json_put_object(w, NULL);
    pxs_json_end(w);
    pxs_json_put_array(w, NULL);
    pxs_json_end(w);
    pxs_json_end(w);
    pxs_json_end(w);
}

START_TEST(writes)
{
    struct pxs_text out = {0};
    struct pxs_json_writer w = {.out = &out};
    struct pxs_error err;
    write_all(&w);
    ck_assert_int_eq(pxs_json_finish(&w, &err), PXS_OK);
    ck_assert_str_eq(
        out.text,
        "{\"s\":\"q\\\"\\\\\\n\\u0009\\u0001\\u007f/\xc3\xa9\xef\xbf\xbd\",\"none\":null,\"d\":0.1,"
        "\"nan\":null,\"inf\":null,\"min\":-9223372036854775808,\"max\":9223372036854775807,"
        "\"a\":[true,null,{},[]]}");
    pxs_text_clear(&out);
    w = (struct pxs_json_writer){.out = &out, .indent = 2};
    pxs_json_put_array(&w, NULL);
    pxs_json_put_object(&w, NULL);
    pxs_json_put_int(&w, "a", 1);
    pxs_json_put_int(&w, "b", 2);
    pxs_json_end(&w);
    pxs_json_end(&w);
    ck_assert_int_eq(pxs_json_finish(&w, &err), PXS_OK);
    ck_assert_str_eq(out.text, "[\n  {\n    \"a\": 1,\n    \"b\": 2\n  }\n]");
    pxs_text_finish(&out);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    struct pxs_text out = {0};
    struct pxs_rng rng = pxs_rng_make(1, PXS_STREAM_SWEEP, 0, 0);
    double values[500];
    struct pxs_json_writer w = {.out = &out};
    pxs_json_put_array(&w, NULL);
    for (size_t i = 0; i < PXS_COUNT(values); i++) {
        values[i] = ldexp(pxs_rng_uniform(&rng) - 0.5, (int)pxs_rng_below(&rng, 600) - 300);
        pxs_json_put_double(&w, NULL, values[i]);
    }
    pxs_json_end(&w);
    ck_assert_int_eq(pxs_json_finish(&w, NULL), PXS_OK);
    struct pxs_json_doc *doc = parse(out.text);
    struct pxs_json c;
    size_t i = 0;
    for (bool more = pxs_json_first(pxs_json_root(doc), &c); more; more = pxs_json_next(&c), i++) {
        double d;
        ck_assert_int_eq(pxs_json_double(c, &d, NULL), PXS_OK);
        ck_assert(d == values[i]);
    }
    ck_assert_uint_eq(i, PXS_COUNT(values));
    pxs_json_destroy(&doc);
    pxs_text_finish(&out);
}
END_TEST

START_TEST(misuse_is_reported)
{
    struct pxs_error err;
    for (int kind = 0; kind < 7; kind++) {
        struct pxs_text out = {0};
        struct pxs_json_writer w = {.out = &out};
        if (kind < 4)
            pxs_json_put_object(&w, kind == 3 ? "key" : NULL);
        if (kind == 0) /* not ended */
            pxs_json_put_int(&w, "a", 1);
        if (kind == 1) { /* no key */
            pxs_json_put_int(&w, NULL, 1);
            pxs_json_end(&w);
        }
        if (kind == 2) { /* ended twice */
            pxs_json_end(&w);
            pxs_json_end(&w);
        }
        if (kind == 4) { /* two values */
            pxs_json_put_int(&w, NULL, 1);
            pxs_json_put_int(&w, NULL, 1);
        }
        for (int i = 0; kind == 5 && i < 40; i++)
            pxs_json_put_array(&w, NULL);
        for (int i = 0; kind == 5 && i < 40; i++)
            pxs_json_end(&w);
        ck_assert_int_eq(pxs_json_finish(&w, &err), PXS_E_INTERNAL); /* 6: nothing */
        pxs_text_finish(&out);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json");
    TCase *tc = tcase_create("json");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, reads_every_type);
    tcase_add_test(tc, errors_name_the_path);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, deep_nesting_is_refused);
    tcase_add_test(tc, many_members);
    tcase_add_test(tc, every_damage_is_survived);
    tcase_add_test(tc, writes);
    tcase_add_test(tc, what_is_written_reads_back);
    tcase_add_test(tc, misuse_is_reported);
    return run_tests(suite, CK_NORMAL);
}
