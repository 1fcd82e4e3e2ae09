/* Text of others on its way to a terminal: what is escaped, what stays, and where lines are the
 * text's own. */
#include "base_tests.h"
#include "pixsweep/base.h"

#include <stdio.h>
#include <string.h>

static struct pxs_text out;

static void begin(void) {
    out = (struct pxs_text){0};
}

static void end(void) {
    pxs_text_finish(&out);
}

static const char *clean(const char *text) {
    pxs_text_clear(&out);
    pxs_text_add_clean(&out, text, strlen(text));
    return pxs_text_str(&out);
}

START_TEST(what_is_escaped)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
        {"a\rb\bc\x7f", "a\\x0db\\x08c\\x7f"},
        {"a\nb\tc", "a\\nb\\tc"},
        /* CSI in one character */
        {"\xc2\x9b[31m", "\\u009b[31m"},
        {"\xff\xfe\xc0\x80\xed\xa0\x80", "\\xff\\xfe\\xc0\\x80\\xed\\xa0\\x80"}, /* no UTF-8 */
        /* half a character */
        {"ab\xe4\xb8", "ab\\xe4\\xb8"},
        /* right-to-left override */
        {"\xe2\x80\xaegnp.exe", "\\u202egnp.exe"},
        {"a\xe2\x81\xa6 b\xe2\x81\xa9", "a\\u2066 b\\u2069"}, /* isolates */
        {"a\xe2\x80\x8f\xd8\x9c", "a\\u200f\\u061c"},
        {"a\xe2\x80\x8b"
         "b\xef\xbb\xbf\xc2\xad",
         "a\\u200bb\\ufeff\\u00ad"},
        {"a\xe2\x80\xa8"
         "b\xe2\x80\xa9",
         "a\\u2028b\\u2029"},
        /* tags: text that nobody sees */
        {"\xf3\xa0\x81\xa5\xf3\xa0\x80\x81", "\\U000e0065\\U000e0001"},
        {"\xef\xbf\xbe\xef\xb7\x90", "\\ufffe\\ufdd0"},
        {"pay\xe2\x80\x8dpal", "pay\\u200dpal"}, /* a joiner that joins nothing */
        {"\xe2\x80\x8d", "\\u200d"},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++)
        ck_assert_str_eq(clean(cases[i].text), cases[i].shown);
    pxs_text_clear(&out);
    pxs_text_add_clean(&out, "a\0b", 3);
    ck_assert_str_eq(pxs_text_str(&out), "a\\x00b");
}
END_TEST

START_TEST(what_stays)
{
    static const char *const texts[] = {
        "runs/0001-lrgd-90-s0.png",
        "\xe6\xa5\xb7\xe4\xbd\x93 \xe3\x81\x8b\xe3\x81\xaa \xed\x95\x9c\xea\xb8\x80",
        "e\xcc\x81 \xe3\x81\x8b\xe3\x82\x99",               /* combining marks */
        "\xe9\x82\x8a\xf3\xa0\x84\x80",                     /* an ideograph with its variation */
        "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7", /* Devanagari, joined */
        "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae",             /* Persian, not joined */
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 \xe2\x9c\x94\xef\xb8\x8f",
        "\xee\x80\x80", /* private use: somebody's own glyphs */
        "back\\slash \\x1b",
        ("a\xc2\xa0" /* one text */
         "b\xe3\x80\x80"),
    };
    for (size_t i = 0; i < PXS_COUNT(texts); i++)
        ck_assert_str_eq(clean(texts[i]), texts[i]);
    char twice[64];
    pxs_copy_clean(twice, sizeof twice, clean("\x1b\n\xff"), 10, false);
    ck_assert_str_eq(twice, "\\x1b\\n\\xff");
}
END_TEST

START_TEST(lines_of_their_own)
{
    static const char text[] = "one\n\ttwo\x1b[2J\n";
    pxs_text_add_lines(&out, text, strlen(text));
    ck_assert_str_eq(pxs_text_str(&out), "one\n\ttwo\\x1b[2J\n");
    pxs_text_clear(&out);
    pxs_text_add_words(&out, "%s: %d runs\n", "a\nb", 3);
    ck_assert_str_eq(pxs_text_str(&out), "a\\nb: 3 runs\n");
    pxs_text_clear(&out);
    pxs_text_add_words(&out, "%s", "a\nb\x1b"); /* words that were made before */
    ck_assert_str_eq(pxs_text_str(&out), "a\nb\\x1b");
    pxs_text_clear(&out);
    pxs_text_add_words(&out, "log:\n%s\n", "a\nb");
    ck_assert_str_eq(pxs_text_str(&out), "log:\na\nb\n");
    pxs_text_clear(&out);
    pxs_text_add_words(&out, "%s\n", "");
    ck_assert_str_eq(pxs_text_str(&out), "\n");
}
END_TEST

START_TEST(errors_are_clean)
{
    struct pxs_error err;
    pxs_fail(&err, PXS_E_INVALID, "no picture %s", "a\n\x1b[31m\xe2\x80\xae.png");
    ck_assert_str_eq(err.message, "no picture a\\n\\x1b[31m\\u202e.png");
    pxs_error_prefix(&err, "data/%s", "\x07");
    ck_assert_str_eq(err.message, "data/\\x07: no picture a\\n\\x1b[31m\\u202e.png");
    /* What is too long ends in a whole character, also where escapes make it longer. */
    char ideographs[3 * 1000 + 1] = "", bells[3000] = "";
    for (size_t i = 0; i < 1000; i++)
        memcpy(ideographs + 3 * i, "\xe5\xad\x97", 4);
    memset(bells, 7, sizeof bells - 1);
    pxs_fail(&err, PXS_E_INVALID, "%s", ideographs);
    ck_assert_uint_eq(strlen(err.message) % 3, 0);
    ck_assert_uint_gt(strlen(err.message), 2000);
    ck_assert_str_eq(clean(err.message), err.message);
    pxs_fail(&err, PXS_E_INVALID, "%s", bells);
    ck_assert_uint_eq(strlen(err.message) % 4, 0);
    ck_assert_str_eq(clean(err.message), err.message);
}
END_TEST

START_TEST(cut_to_columns)
{
    /* three, of two columns each */
    static const char wide[] = "\xe6\xa5\xb7\xe4\xbd\x93\xe5\xad\x97";
    ck_assert_uint_eq(pxs_text_head(wide, strlen(wide), 5), 6);
    ck_assert_uint_eq(pxs_text_head("ae\xcc\x81x", 5, 2), 4); /* the accent stays with its letter */
    pxs_text_add_short(&out, wide, 5);
    ck_assert_uint_le(pxs_text_width(pxs_text_str(&out), out.len), 5);
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&out), "\xe2\x80\xa6"));
    static const struct {
        uint32_t code;
        int width;
    } cases[] = {{'a', 1},    {0x4e00, 2}, {0x0301, 0},  {0x0e31, 0},  {0x0940, 1},
                 {0x0941, 0}, {0x05b8, 0}, {0xfe0f, 0},  {0x1f600, 2}, {0xe0100, 0},
                 {0x3042, 2}, {0xff41, 2}, {0xff71, 1},  {0x2705, 2},  {0xb1, 1},
                 {0x200d, 0}, {0x1161, 0}, {0x20000, 2}, {0x2026, 1}};
    for (size_t i = 0; i < PXS_COUNT(cases); i++)
        ck_assert_msg(pxs_char_width(cases[i].code) == cases[i].width, "U+%04X",
                      (unsigned)cases[i].code);
}
END_TEST

START_TEST(commands_can_be_copied)
{
    char word[PXS_WORD_MAX];
    ck_assert_str_eq(pxs_shell_word(word, "results/a-b_c.yaml"), "results/a-b_c.yaml");
    ck_assert_str_eq(pxs_shell_word(word, ""), "''");
    ck_assert_str_eq(pxs_shell_word(word, "it's"), "'it'\\''s'");
    ck_assert_str_eq(pxs_shell_word(word, "a\tb"), "$'a\\x09b'");
    pxs_text_add_command(&out, "mv %s/%s %s/train && ls", "my data", "Train", "d");
    ck_assert_str_eq(pxs_text_str(&out), "mv 'my data'/Train d/train && ls");
}
END_TEST

TCase *text_case(void) {
    TCase *c = tcase_create("text");
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, what_is_escaped);
    tcase_add_test(c, what_stays);
    tcase_add_test(c, lines_of_their_own);
    tcase_add_test(c, errors_are_clean);
    tcase_add_test(c, cut_to_columns);
    tcase_add_test(c, commands_can_be_copied);
    return c;
}
