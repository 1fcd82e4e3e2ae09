/* The glyph renderer on Debian's fonts (fonts-wqy-microhei, fonts-arphic-gkai00mp: tools/deps
 * installs both). */
#include "data/data_tests.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEI "wqy-microhei.ttc"
#define KAI "gkai00mp.ttf"

static void setup(void) {
    test_folder_make();
}

/* 32 px, 24 + 8 pairs of GB2312 into <folder>/<out>. */
static struct pxs_glyphs_spec small_spec(const char *out) {
    struct pxs_glyphs_spec spec;
    pxs_glyphs_spec_init(&spec);
    ck_assert_int_eq(spec.train, 400);
    ck_assert_int_eq(spec.val, 80);
    ck_assert_int_eq(spec.size, 64);
    spec.source = HEI;
    spec.target = KAI;
    spec.out = in_folder(out);
    spec.train = 24;
    spec.val = 8;
    spec.size = 32;
    return spec;
}

static struct pxs_glyphs_report render(const struct pxs_glyphs_spec *spec) {
    struct pxs_glyphs_report report;
    struct pxs_error err = {0};
    ck_assert_msg(pxs_glyphs_render(spec, &report, &err) == PXS_OK, "%s", err.message);
    return report;
}

static void refuse_spec(const struct pxs_glyphs_spec *spec, enum pxs_status status,
                        const char *part) {
    struct pxs_glyphs_report report;
    struct pxs_error err = {0};
    ck_assert_int_eq(pxs_glyphs_render(spec, &report, &err), status);
    ck_assert_msg(strstr(err.message, part) != NULL, "'%s' does not say '%s'", err.message, part);
}

static struct pxs_dataset *load_set(const char *path, int size) {
    struct pxs_dataset_options o = {
        .path = path, .img_height = size, .img_width = size, .channels = 1, .val_fraction = 0.1};
    return load(&o);
}

static void hash_of(const char *path, char hash[PXS_SHA256_HEX]) {
    struct pxs_dataset *set = load_set(path, 32);
    memcpy(hash, pxs_dataset_info(set)->hash, PXS_SHA256_HEX);
    pxs_dataset_destroy(&set);
}

static int ink(const float *cell, int n) {
    int dark = 0;
    for (int i = 0; i < n * n; i++)
        dark += cell[i] < 0.0f;
    return dark;
}

static void check_cell(const float *cell, int n) {
    int dark = ink(cell, n);
    ck_assert_int_gt(dark, n * n / 50); /* a character, not a blank */
    ck_assert_int_lt(dark, n * n / 2);
    for (int i = 0; i < n; i++) /* nothing touches the border: nothing is clipped */
        ck_assert(cell[i] == 1.0f && cell[(n - 1) * n + i] == 1.0f && cell[i * n] == 1.0f &&
                  cell[i * n + n - 1] == 1.0f);
}

START_TEST(pairs_are_whole_and_apart)
{
    struct pxs_glyphs_spec spec = small_spec("kai");
    struct pxs_glyphs_report report = render(&spec);
    ck_assert_uint_eq(report.train, 24);
    ck_assert_uint_eq(report.val, 8);
    ck_assert_uint_eq(report.candidates, 3755);
    ck_assert_uint_eq(
        report.missing_source + report.missing_target + report.blank + report.placeholder, 0);
    ck_assert(report.em_pixels > 28 && report.em_pixels < 34);
    struct pxs_dataset *set = load_set(spec.out, 32);
    const struct pxs_dataset_info *info = pxs_dataset_info(set);
    ck_assert_uint_eq(info->train, 24);
    ck_assert_uint_eq(info->val, 8);
    ck_assert_uint_eq(info->overlap, 0);
    ck_assert_int_eq(info->pair_width, 64);
    ck_assert_int_eq(info->pair_height, 32);
    ck_assert_int_eq(strncmp(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 0), "train/0001-U+", 13), 0);
    int dark[2] = {0, 0};
    for (uint32_t i = 0; i < 24; i++) {
        float source[1024], target[1024];
        pxs_dataset_batch(set, PXS_SPLIT_TRAIN, &i, 1, NULL, source, target);
        check_cell(source, 32);
        check_cell(target, 32);
        dark[0] += ink(source, 32);
        dark[1] += ink(target, 32);
    }
    ck_assert_int_gt(dark[0], dark[1]); /* Hei is heavier than Kai: the source is the right half */
    pxs_dataset_destroy(&set);
}
END_TEST

/* The list is the standard's: its hash was computed from Python's gb2312 codec, rows 16 to 55. */
START_TEST(the_list_is_gb2312_level_1)
{
    struct pxs_glyphs_spec spec = small_spec("kai");
    char *text;
    size_t bytes;
    render(&spec);
    ck_assert_int_eq(pxs_read_file(in_folder("kai/glyphs.txt"), 1 << 20, &text, &bytes, NULL),
                     PXS_OK);
    ck_assert_ptr_nonnull(
        strstr(text, "\ncharacters: 3755, sha256 "
                     "b2f00100fcb2230953e9c251e6741b3a7e8fd4e9cd4964bd7a67941fed7566db\n"));
    free(text);
}
END_TEST

START_TEST(the_seed_decides)
{
    char a[PXS_SHA256_HEX], b[PXS_SHA256_HEX], c[PXS_SHA256_HEX];
    struct pxs_glyphs_spec spec = small_spec("a");
    render(&spec);
    hash_of(spec.out, a);
    spec.out = in_folder("b");
    render(&spec);
    hash_of(spec.out, b);
    spec.out = in_folder("c");
    spec.seed = 1;
    render(&spec);
    hash_of(spec.out, c);
    ck_assert_str_eq(a, b);
    ck_assert_str_ne(a, c);
}
END_TEST

START_TEST(npy_holds_the_same_pairs)
{
    char a[PXS_SHA256_HEX], b[PXS_SHA256_HEX];
    struct pxs_glyphs_spec spec = small_spec("a");
    render(&spec);
    hash_of(spec.out, a);
    spec.out = in_folder("b");
    spec.npy = true;
    render(&spec);
    hash_of(spec.out, b);
    ck_assert_str_eq(a, b);
    ck_assert_int_eq(access(in_folder("b/train/glyphs.npy"), F_OK), 0);
    ck_assert(render(&spec).already);
}
END_TEST

/* Swapping the fonts swaps the halves: both are drawn at one scale on one baseline. */
START_TEST(fonts_share_scale_and_baseline)
{
    struct pxs_glyphs_spec spec = small_spec("a"), swapped = small_spec("b");
    struct pxs_glyphs_report one = render(&spec);
    swapped.source = KAI;
    swapped.target = HEI;
    struct pxs_glyphs_report other = render(&swapped);
    ck_assert(one.em_pixels == other.em_pixels);
    ck_assert(one.baseline == other.baseline);
    struct pxs_dataset *a = load_set(spec.out, 32), *b = load_set(swapped.out, 32);
    for (uint32_t i = 0; i < 24; i++) {
        float pair[2][1024], back[2][1024];
        pxs_dataset_batch(a, PXS_SPLIT_TRAIN, &i, 1, NULL, pair[0], pair[1]);
        pxs_dataset_batch(b, PXS_SPLIT_TRAIN, &i, 1, NULL, back[1], back[0]);
        ck_assert_mem_eq(pair, back, sizeof pair);
    }
    pxs_dataset_destroy(&a);
    pxs_dataset_destroy(&b);
}
END_TEST

START_TEST(again_is_nothing_to_do)
{
    struct pxs_glyphs_spec spec = small_spec("kai");
    ck_assert(!render(&spec).already);
    ck_assert(render(&spec).already);
    spec.seed = 7;
    refuse_spec(&spec, PXS_E_EXISTS,
                "holds another glyph set (there: 'seed: 0', now: 'seed: 7'); choose another --out "
                "or remove it");
    spec.seed = 0;
    put_pair("kai/val/extra.png", 1);
    refuse_spec(&spec, PXS_E_EXISTS,
                "was changed after it was rendered: val/ holds 9 files, not 8; remove the folder "
                "to render it again");
    write_text("mine/notes.txt", "important");
    spec.out = in_folder("mine");
    refuse_spec(&spec, PXS_E_EXISTS, "exists and is no rendered glyph set");
    ck_assert_int_eq(access(in_folder("mine/notes.txt"), F_OK), 0);
}
END_TEST

static int entries(const char *path) {
    int n = 0;
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 2;
}

START_TEST(a_stop_leaves_nothing_behind)
{
    struct pxs_stop stop = {.signal = 2};
    struct pxs_glyphs_spec spec = small_spec("kai");
    spec.stop = &stop;
    refuse_spec(&spec, PXS_E_STOPPED, "stopped");
    ck_assert_int_eq(entries(in_folder(".")), 0);
}
END_TEST

START_TEST(characters_from_a_file)
{
    struct gathered log;
    write_text("chars", "\xef\xbb\xbf一 二\r\n三\t一\xe3\x80\x80龙\n");
    struct pxs_glyphs_spec spec = small_spec("out");
    spec.chars = in_folder("chars");
    spec.train = 3;
    spec.val = 1;
    spec.logger = gather(&log);
    struct pxs_glyphs_report report = render(&spec);
    ck_assert_uint_eq(report.candidates, 4);
    ck_assert_uint_eq(report.repeated, 1);
    ck_assert_ptr_nonnull(
        strstr(log.text, "1 character stands there more than once; each is used once"));
    ck_assert_int_eq(entries(in_folder("out/train")), 3);
}
END_TEST

START_TEST(too_few_characters_are_counted)
{
    /* a dragon and a private-use character */
    write_text("chars", "一二\xf0\x9f\x90\x89\xee\x80\x80");
    struct pxs_glyphs_spec spec = small_spec("out");
    spec.chars = in_folder("chars");
    refuse_spec(&spec, PXS_E_INVALID, "24 + 8 pairs were asked for, but only 2 of 4 characters (");
    refuse_spec(&spec, PXS_E_INVALID,
                "ask for fewer with --train and --val, or name more characters with --chars FILE");
    write_text("bad", "一\n二\xff");
    spec.chars = in_folder("bad");
    refuse_spec(&spec, PXS_E_INVALID, "bad:2: not UTF-8 at byte 7; save the file as UTF-8");
    write_text("surrogate", "\xed\xa0\x80");
    spec.chars = in_folder("surrogate");
    refuse_spec(&spec, PXS_E_INVALID, "surrogate:1: not UTF-8 at byte 0");
    write_text("empty", " \n");
    spec.chars = in_folder("empty");
    refuse_spec(&spec, PXS_E_INVALID, "holds no characters");
    spec.chars = in_folder("none");
    refuse_spec(&spec, PXS_E_NOT_FOUND, "is neither gb2312 nor ascii nor a file");
    ck_assert_int_eq(access(in_folder("out"), F_OK), -1);
}
END_TEST

/* zi2zi's cjk.json and the like: the strings' characters, not the text of the file. */
START_TEST(characters_from_json)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        {"cjk.json",
         "{\"gbk\": [\"\\u4e00\", \"\\u4e8c\"], \"jp\": [\"\\u4e09\", \"\\u4e00\"], \"kr\": []}"},
        {"list.txt", "\xef\xbb\xbf\n [ \"一二\", \"三\"]\n"},
        {"nested", "[{\"name\": \"一\", \"more\": {\"deep\": [[\"二\"], \"三\"]}}]"},
        {"one.json", "\"一二三\""},
        {"plain", "一二三"},
    };
    char first[PXS_SHA256_HEX] = "", hash[PXS_SHA256_HEX];
    for (size_t i = 0; i < PXS_COUNT(files); i++) {
        struct pxs_glyphs_spec spec = small_spec(files[i].name);
        char chars[64];
        snprintf(chars, sizeof chars, "chars/%s", files[i].name);
        write_text(chars, files[i].text);
        spec.chars = in_folder(chars);
        spec.train = 2;
        spec.val = 1;
        struct pxs_glyphs_report report = render(&spec);
        ck_assert_uint_eq(report.candidates, 3);
        ck_assert_uint_eq(report.repeated, i == 0 ? 1 : 0);
        hash_of(spec.out, hash);
        if (i == 0)
            memcpy(first, hash, sizeof hash);
        ck_assert_str_eq(hash, first);
    }
    write_text("brackets", "[]{}()\"'<>"); /* characters after all */
    struct pxs_glyphs_spec spec = small_spec("out");
    spec.chars = in_folder("brackets");
    refuse_spec(&spec, PXS_E_INVALID, "of 10 characters (");
}
END_TEST

START_TEST(what_is_no_text_is_refused_by_name)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        const char *part;
    } files[] = {
#define BYTES(text) text, sizeof text - 1
        {"codes.json", BYTES("{\"gbk\": [19968, 20108]}"),
         "$.gbk[0] is a number; the characters must be strings"},
        {"null", BYTES("[\"一\", null]"), "$[1] is null; the characters must be strings"},
        {"points.json", BYTES("[\"U+4E00\", \"U+4E8C\"]"),
         "it holds the numbers of characters (U+4E00); write the characters themselves"},
        {"points", BYTES("\\u4e00\\u4e8c\n"), "it holds the numbers of characters"},
        {"number.json", BYTES("12"), "is a number; the characters must be strings"},
        {"torn", BYTES("{\"gbk\": [\"一\", "), "mend it, or save the characters as plain text"},
        {"python", BYTES("['一', '二']"), "mend it, or save the characters as plain text"},
        {"picture.txt", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
         "a PNG picture, not a text of characters; save the characters as plain text in UTF-8"},
        {"font", BYTES("\0\1\0\0\0\x12\1\0"), "a font, not a text of characters"},
        {"utf16", BYTES("\0\x4e\x8c\x4e\n\0"),
         "UTF-16 text without a byte order mark, not a text of characters; save it as UTF-8: "
         "`iconv -f "
         "UTF-16LE -t UTF-8 FILE > NEW`"},
        {"utf16-ascii", BYTES("a\0b\0c\0"), "UTF-16 text without a byte order mark"},
        {"utf16-bom", BYTES("\xff\xfe\0\x4e"), "UTF-16 text, not a text of characters"},
        {"page.json", BYTES("<!DOCTYPE html><html>"),
         "a web page (HTML), not a text of characters"},
        {"pointer", BYTES("version https://git-lfs.github.com/spec/v1\n"),
         "a Git LFS pointer, not a text"},
        {"sjis", BYTES("\x88\xea\x93\xf1\x8e\x4f\x82\xa0"),
         "not UTF-8 at byte 0; save the file as UTF-8"},
        {"docx", BYTES("PK\3\4\24letters"), "a zip archive, not a text of characters"},
        {"zeros", BYTES("\0\0\0\0\0\0\0\0"), "nothing but zero bytes"},
        {"noise", BYTES("\1\0\2\0\xfe\x80\3\0"), "a binary file, not a text of characters"},
        {"gbk", BYTES("\xd2\xbb\xb6\xfe"),
         "not UTF-8 at byte 2; save the file as UTF-8: `iconv -f GB18030 -t UTF-8 FILE > NEW` (or "
         "BIG5, "},
#undef BYTES
    };
    for (size_t i = 0; i < PXS_COUNT(files); i++) {
        struct pxs_glyphs_spec spec = small_spec("out");
        write_bytes(files[i].name, files[i].bytes, files[i].n);
        spec.chars = in_folder(files[i].name);
        refuse_spec(&spec, PXS_E_INVALID, files[i].part);
        refuse_spec(&spec, PXS_E_INVALID, spec.chars);
    }
}
END_TEST

/* What a font draws like another character, draws not at all or draws as a box is no character to
 * learn from. */
START_TEST(unfit_characters_are_left_out)
{
    static const struct {
        const char *chars; /* three usable ones among them */
        size_t blank, placeholder, twins;
    } cases[] = {
        {"ОO一二", 0, 0, 1},             /* Cyrillic and Latin O: the first stays */
        {"ΑАA一二三", 0, 3, 0},          /* Greek, Cyrillic and Latin A: one drawing for three */
        {"\xe2\x80\xab一二三", 1, 0, 0}, /* U+202B: a glyph without ink */
    };
    struct pxs_glyphs_spec spec = small_spec("out");
    write_text("chars", cases[_i].chars);
    spec.chars = in_folder("chars");
    spec.target = HEI;
    spec.train = 2;
    spec.val = 1;
    struct pxs_glyphs_report report = render(&spec);
    ck_assert_uint_eq(report.blank, cases[_i].blank);
    ck_assert_uint_eq(report.placeholder, cases[_i].placeholder);
    ck_assert_uint_eq(report.twins, cases[_i].twins);
    spec.out = in_folder("other");
    spec.val = 2;
    refuse_spec(&spec, PXS_E_INVALID, "2 + 2 pairs were asked for, but only 3 of ");
}
END_TEST

/* blocks.ttf, 64 px: ink from -0.2 to 0.7 em, so the em is 64 px and the baseline 48 px down. "A"
 * is a block of 0.5 x 0.7 em whose advance of 0.6 em is centred: columns 12.8 to 44.8, rows 3.2
 * to 48. "box" looks like .notdef. */
START_TEST(blocks_lie_where_they_must)
{
    struct pxs_glyphs_spec spec = small_spec("out");
    write_text("chars", "A\xe2\x96\xa1"
                        "BC");
    spec.chars = in_folder("chars");
    spec.source = spec.target = TEST_DIR "/blocks.ttf";
    spec.size = 64;
    spec.train = 3;
    spec.val = 0;
    struct pxs_glyphs_report report = render(&spec);
    ck_assert_uint_eq(report.placeholder, 1);
    ck_assert(report.em_pixels > 63.999 && report.em_pixels < 64.001);
    ck_assert(report.baseline > 47.999 && report.baseline < 48.001);
    ck_assert_int_eq(access(in_folder("out/val"), F_OK), -1);
    struct pxs_image pair = {0};
    for (int i = 1; i <= 3 && pair.pixels == NULL; i++) {
        char name[64];
        snprintf(name, sizeof name, "out/train/%04d-U+0041.png", i);
        if (access(in_folder(name), F_OK) == 0)
            ck_assert_int_eq(pxs_image_read(in_folder(name), &pair, NULL, NULL), PXS_OK);
    }
    ck_assert_ptr_nonnull(pair.pixels);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 128; x++) {
            int column = x % 64;
            double across = column < 12 || column > 44 ? 0
                            : column == 12             ? 0.2
                            : column == 44             ? 0.8
                                                       : 1;
            double down = y < 3 || y >= 48 ? 0 : y == 3 ? 0.8 : 1;
            int expected = (int)(255 * (1 - across * down) + 0.5),
                got = pair.pixels[(y * 128 + x) * 3];
            ck_assert_msg(abs(got - expected) <= 4, "row %d, column %d: %d, expected %d", y, x, got,
                          expected);
        }
    pxs_image_finish(&pair);
}
END_TEST

START_TEST(ascii_fits_too)
{
    struct pxs_glyphs_spec spec = small_spec("out");
    spec.chars = "ascii";
    spec.train = 80;
    struct pxs_glyphs_report report = render(&spec);
    ck_assert_uint_eq(report.candidates, 94);
    struct pxs_dataset *set = load_set(spec.out, 32);
    for (uint32_t i = 0; i < 80; i++) {
        float source[1024], target[1024];
        pxs_dataset_batch(set, PXS_SPLIT_TRAIN, &i, 1, NULL, source, target);
        for (int k = 0; k < 32; k++)
            ck_assert(source[k] == 1.0f && source[31 * 32 + k] == 1.0f && source[k * 32] == 1.0f &&
                      target[k] == 1.0f && target[31 * 32 + k] == 1.0f &&
                      target[k * 32 + 31] == 1.0f);
    }
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(faces_and_files)
{
    struct pxs_glyphs_spec spec = small_spec("out");
    spec.source = HEI "#1";
    render(&spec);
    spec.out = in_folder("other");
    spec.source = HEI "#2";
    refuse_spec(&spec, PXS_E_INVALID, "has no face 2; it has 2, numbered from 0");
    spec.source = "no-such-font.ttf";
    refuse_spec(&spec, PXS_E_NOT_FOUND,
                "no such font: 'no-such-font.ttf' (neither here nor below /usr/share/fonts)");
    write_text("fake.ttf", "no font");
    spec.source = in_folder("fake.ttf");
    refuse_spec(&spec, PXS_E_CORRUPT, "fake.ttf: not a usable font file (FreeType error ");
    refuse_spec(&spec, PXS_E_CORRUPT, "): plain text, not a font; look into it");
    write_bytes("fake.ttf", "ttcf\0\1\0\0", 8);
    refuse_spec(&spec, PXS_E_CORRUPT, "): a font that is cut off or damaged; copy it again");
    ck_assert_int_eq(mkfifo(in_folder("pipe.ttf"), 0600), 0);
    spec.source = in_folder("pipe.ttf");
    refuse_spec(&spec, PXS_E_INVALID, "pipe.ttf is a pipe, not a file");
    spec = small_spec("other");
    spec.size = 8;
    refuse_spec(&spec, PXS_E_INVALID, "--size must be 16 to 1024 pixels, not 8");
    spec.size = 32;
    spec.train = 0;
    refuse_spec(&spec, PXS_E_INVALID, "--train must be at least 1");
}
END_TEST

TCase *glyph_tests(void) {
    TCase *tc = tcase_create("glyphs");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_test(tc, pairs_are_whole_and_apart);
    tcase_add_test(tc, the_list_is_gb2312_level_1);
    tcase_add_test(tc, the_seed_decides);
    tcase_add_test(tc, npy_holds_the_same_pairs);
    tcase_add_test(tc, fonts_share_scale_and_baseline);
    tcase_add_test(tc, again_is_nothing_to_do);
    tcase_add_test(tc, a_stop_leaves_nothing_behind);
    tcase_add_test(tc, characters_from_a_file);
    tcase_add_test(tc, characters_from_json);
    tcase_add_test(tc, what_is_no_text_is_refused_by_name);
    tcase_add_test(tc, too_few_characters_are_counted);
    tcase_add_loop_test(tc, unfit_characters_are_left_out, 0, 3);
    tcase_add_test(tc, blocks_lie_where_they_must);
    tcase_add_test(tc, ascii_fits_too);
    tcase_add_test(tc, faces_and_files);
    return tc;
}
