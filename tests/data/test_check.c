/* `data check`: every problem at once, in words. */
#include "data/data_tests.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void setup(void) {
    scratch_make();
}

static struct pxs_check_summary check(const char *expected) {
    static struct gathered log;
    struct pxs_check_summary s;
    struct pxs_error err = {0};
    struct pxs_dataset_options o = small_options();
    ck_assert_msg(pxs_dataset_check(o.path, NULL, gather(&log), (struct pxs_meter){0}, &s, &err) == PXS_OK,
                  "%s", err.message);
    ck_assert_str_eq(log.text, expected);
    return s;
}

START_TEST(a_good_set_has_no_problems)
{
    put_pair("train/a.png", 1);
    put_pair("train/b.png", 2);
    put_pair("val/a.png", 3);
    put_text("train/readme", "skipped");
    put_text("train/list.CSV", "skipped");
    put_text("train/.hidden.jpg", "skipped");
    put_text("glyphs.txt", "not in a split");
    struct pxs_check_summary s = check("");
    ck_assert_uint_eq(s.train, 2);
    ck_assert_uint_eq(s.val, 1);
    ck_assert(s.has_val);
    ck_assert_uint_eq(s.errors + s.warnings, 0);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info info;
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_str_eq(s.hash, info.hash);
}
END_TEST

static void put_grey(const char *name, int n, int width, int height) {
    struct pxs_image im = picture(n, width, height, 1);
    put_png(name, &im);
    pxs_image_finish(&im);
}

START_TEST(everything_at_once_in_pairs)
{
    put_pair("train/00.png", 0);
    put_pair("train/01.png", 0);
    put_grey("train/02.png", 2, 16, 8);
    put_grey("train/03.png", 3, 15, 8);
    put_grey("train/04.png", 4, 32, 16);
    put_text("train/05.png", "GIF89a..");
    put_text("train/06.jpeg", "x");
    put_text("train/07.docx", "x");
    put_text("train/08.npz", "x");
    mkdir(scratch_path("train/09"), 0777);
    ck_assert_int_eq(symlink("/nonexistent", scratch_path("train/10.png")), 0);
    put_pair("val/00.png", 0);
    put_pair("val/01.png", 5);
    struct pxs_check_summary s = check(
        "E train/06.jpeg: only PNG pictures are read; convert it to PNG\n"
        "E train/07.docx: neither a PNG nor a .npy file; remove it, or put a dot in front of its name\n"
        "E train/08.npz: an archive of arrays; save its array with numpy.save as .npy\n"
        "E train/09: a folder that is not read; only A/ and B/ are\n"
        "E train/10.png: cannot be read: No such file or directory\n"
        "E train/03.png: is 15 pixels wide; a pair is two halves of the same width side by side\n"
        "E train/05.png: a GIF file, not a PNG; convert it to PNG first\n"
        "W train/02.png: stored in grey, where the first is in colour\n"
        "W train/04.png: a pair of 32 x 16 pixels, where the first is 16 x 8; each is resized on its own\n"
        "W train/04.png: stored in grey, where the first is in colour\n"
        "W train/01.png: the same pair as train/00.png\n"
        "W val/00.png: the same pair is in train (train/00.png): validation on it means nothing\n");
    ck_assert_uint_eq(s.train, 4);
    ck_assert_uint_eq(s.val, 2);
    ck_assert_uint_eq(s.errors, 7);
    ck_assert_uint_eq(s.warnings, 5);
    ck_assert_str_eq(s.hash, "");
}
END_TEST

START_TEST(everything_at_once_in_partners)
{
    put_grey("train/A/1.png", 1, 8, 8);
    put_grey("train/B/1.png", 2, 8, 8);
    put_grey("train/A/2.png", 3, 8, 8);
    put_grey("train/B/3.png", 4, 8, 8);
    put_grey("train/A/4.png", 5, 8, 8);
    put_grey("train/B/4.png", 6, 9, 8);
    put_grey("train/A/5.png", 7, 8, 8);
    put_text("train/B/5.png", "");
    struct pxs_image colour = picture(8, 8, 8, 3);
    put_png("train/B/6.png", &colour);
    pxs_image_finish(&colour);
    put_grey("train/A/6.png", 9, 8, 8);
    put_grey("train/A/7.png", 9, 8, 8);
    put_grey("train/A/7.PNG", 9, 8, 8);
    put_grey("train/B/7.png", 9, 8, 8);
    put_text("train/B/all.npy", "x");
    mkdir(scratch_path("train/A/sub"), 0777);
    put_grey("val/A/1.png", 1, 8, 8);
    struct pxs_check_summary s =
        check("E train/A/sub: a folder that is not read; only A/ and B/ are\n"
              "E train/B/all.npy: A/ and B/ hold PNG pictures; a .npy of pairs belongs into train/\n"
              "E train/A/7.png: has the same stem as 7.PNG\n"
              "E train/A/2.png: has no partner in train/B\n"
              "E train/B/3.png: has no partner in train/A\n"
              "E val: has A/ but not B/\n"
              "E train/A/4.png: is 8 x 8 pixels, its partner in B/ 9 x 8\n"
              "E train/B/5.png: the file is empty\n"
              "W train/A/6.png: B is in colour, where the first is in grey\n"
              "W train/A/7.png: the same pair as train/A/7.PNG\n");
    ck_assert_uint_eq(s.train, 4);
    ck_assert_uint_eq(s.errors, 8);
}
END_TEST

START_TEST(kinds_do_not_mix)
{
    put_pair("train/a.png", 1);
    mkdir(scratch_path("train/A"), 0777);
    put_text("train/x.npy", "x");
    check("E train: holds PNG pairs, .npy files, A/ or B/, but a split is of one kind\n");
}
END_TEST

START_TEST(no_folder_is_an_error)
{
    struct pxs_check_summary s;
    struct pxs_error err;
    struct pxs_logger none = {0};
    ck_assert_int_eq(pxs_dataset_check("/nonexistent", NULL, none, (struct pxs_meter){0}, &s, &err),
                     PXS_E_NOT_FOUND);
    ck_assert_str_eq(err.message, "no dataset at /nonexistent: No such file or directory");
}
END_TEST

TCase *check_tests(void) {
    TCase *tc = tcase_create("check");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, scratch_remove);
    tcase_add_test(tc, a_good_set_has_no_problems);
    tcase_add_test(tc, everything_at_once_in_pairs);
    tcase_add_test(tc, everything_at_once_in_partners);
    tcase_add_test(tc, kinds_do_not_mix);
    tcase_add_test(tc, no_folder_is_an_error);
    return tc;
}
