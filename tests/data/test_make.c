/* Pair sets made from pictures: which become partners, what is left out, what edges look like. */
#include "data/data_tests.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void setup(void) {
    test_folder_make();
}

static char paths[3][PXS_PATH_MAX];

static struct pxs_make how_to(const char *a, const char *b, const char *out) {
    snprintf(paths[0], sizeof paths[0], "%s", in_folder(a));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder(b));
    snprintf(paths[2], sizeof paths[2], "%s", in_folder(out));
    return (struct pxs_make){.a = paths[0], .b = paths[1], .out = paths[2]};
}

static struct pxs_make_report make(const struct pxs_make *how,
                                   enum pxs_status (*run)(const struct pxs_make *,
                                                          struct pxs_make_report *,
                                                          struct pxs_error *)) {
    struct pxs_make_report report = {0};
    struct pxs_error err = {0};
    const enum pxs_status status = run(how, &report, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    return report;
}

static struct pxs_dataset *load_from(const char *folder) {
    struct pxs_dataset_options o = small_options();
    static char path[PXS_PATH_MAX];
    snprintf(path, sizeof path, "%s", in_folder(folder));
    o.path = path;
    o.val_fraction = 0;
    return load(&o);
}

/* Nothing with this word in its name lies in the test's folder. */
static void expect_none_named(const char *word) {
    DIR *dir = opendir(in_folder(""));
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        ck_assert_msg(!strstr(e->d_name, word), "%s", e->d_name);
    closedir(dir);
}

START_TEST(partners_by_stem_then_by_suffix)
{
    put_pair("a/1.png", 1);
    put_pair("a/2_A.png", 2);
    put_pair("a/3-a.png", 3);
    put_pair("a/4.png", 4);
    put_pair("a/lone.png", 5);
    write_text("a/notes.txt", "mine");
    put_pair("b/1.png", 11);
    put_pair("b/2_B.png", 12);
    put_pair("b/3-b.png", 13);
    put_pair("b/4_B.png", 14);
    write_text("b/broken.webp", "RIFF....WEBP");
    struct gathered got;
    struct pxs_make how = how_to("a", "b", "new/out");
    how.logger = gather(&got);
    const struct pxs_make_report report = make(&how, pxs_pairs_make);
    ck_assert_uint_eq(report.pairs, 4);
    ck_assert_uint_eq(report.left_out, 2);
    ck_assert_ptr_nonnull(strstr(got.text, "a/lone.png: no partner of its name"));
    ck_assert_ptr_nonnull(strstr(got.text, "b/broken.webp: "));
    char *list = slurp(in_folder("new/out/left_out.txt"), NULL);
    ck_assert_ptr_nonnull(strstr(list, "a/lone.png: no partner of its name"));
    free(list);
    struct pxs_dataset *set = load_from("new/out");
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), 4);
    ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 1), "A/2.png");
    pxs_dataset_destroy(&set);
    char to[PXS_PATH_MAX], wanted[PXS_PATH_MAX];
    const ssize_t n = readlink(in_folder("new/out/B/4.png"), to, sizeof to - 1);
    ck_assert_int_gt(n, 0);
    to[n] = '\0';
    snprintf(wanted, sizeof wanted, "%s", in_folder("b/4_B.png"));
    ck_assert_str_eq(to, wanted);
}
END_TEST

/* As the message about x_A.png and x_B.png in one folder says. */
START_TEST(one_folder_is_both)
{
    put_pair("set/train/1_A.png", 1);
    put_pair("set/train/1_B.png", 2);
    put_pair("set/train/2_A.png", 3);
    put_pair("set/valid/3_A.png", 5);
    put_pair("set/valid/3_B.png", 6);
    struct pxs_make how = how_to("set", "set", "set-pairs");
    const struct pxs_make_report report = make(&how, pxs_pairs_make);
    ck_assert_uint_eq(report.pairs, 2);
    ck_assert_uint_eq(report.left_out, 1);
    struct pxs_dataset *set = load_from("set-pairs");
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), 1);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), 1);
    pxs_dataset_destroy(&set);
}
END_TEST

/* Two of one name in a folder, or two pairs of one name: no guess. */
START_TEST(what_is_open_is_left_out)
{
    put_pair("a/1.png", 1);
    put_pair("a/1.PNG", 2);
    put_pair("a/2.png", 3);
    put_pair("a/2_A.png", 4);
    put_pair("b/1.png", 5);
    put_pair("b/2.png", 6);
    put_pair("b/2_B.png", 7);
    struct pxs_make how = how_to("a", "b", "out");
    const struct pxs_make_report report = make(&how, pxs_pairs_make);
    ck_assert_uint_eq(report.pairs, 1);
    ck_assert_uint_eq(report.left_out, 5);
}
END_TEST

/* The same set as links; where sizes differ, B is made as large as A. A file that cannot be read is
 * left out. */
START_TEST(side_by_side_is_the_same_set)
{
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "a/%d.png", i);
        put_pair(name, i);
        snprintf(name, sizeof name, "b/%d.png", i);
        put_pair(name, 10 + i);
    }
    struct pxs_make how = how_to("a", "b", "links");
    make(&how, pxs_pairs_make);
    struct pxs_pool *pool = NULL;
    ck_assert_int_eq(pxs_pool_create(3, &pool, NULL), PXS_OK);
    how = how_to("a", "b", "pictures");
    how.side_by_side = true;
    how.pool = pool;
    make(&how, pxs_pairs_make);
    struct pxs_dataset *links = load_from("links"), *pictures = load_from("pictures");
    ck_assert_str_eq(pxs_dataset_info(links)->hash, pxs_dataset_info(pictures)->hash);
    pxs_dataset_destroy(&links);
    pxs_dataset_destroy(&pictures);

    struct pxs_image large = picture(4, 32, 16, 3);
    put_png("b/1.png", &large);
    pxs_image_finish(&large);
    write_text("b/2.png", "no picture");
    how.out = strcat(paths[2], "2");
    const struct pxs_make_report report = make(&how, pxs_pairs_make);
    ck_assert_uint_eq(report.pairs, 2);
    ck_assert_uint_eq(report.resized, 1);
    ck_assert_uint_eq(report.left_out, 1);
    struct pxs_image made;
    ck_assert_int_eq(pxs_image_read(in_folder("pictures2/1.png"), &made, NULL, NULL), PXS_OK);
    ck_assert_int_eq(made.width, 32);
    ck_assert_int_eq(made.height, 8);
    pxs_image_finish(&made);
    pxs_pool_destroy(&pool);
}
END_TEST

/* Nothing half-written: an `out` that holds something is refused, and a failure or a stop leaves
 * nothing. */
START_TEST(out_appears_whole_or_not_at_all)
{
    struct pxs_make_report report;
    struct pxs_error err;
    struct pxs_stop stop = {0};
    put_pair("a/1.png", 1);
    put_pair("b/1.png", 2);
    put_pair("out/x.png", 3);
    struct pxs_make how = how_to("a", "b", "out");
    ck_assert_int_eq(pxs_pairs_make(&how, &report, &err), PXS_E_EXISTS);
    ck_assert_ptr_nonnull(strstr(err.message, "/out exists; remove it, or choose another --out"));
    ck_assert_int_eq(access(in_folder("out/x.png"), F_OK), 0);
    ck_assert_int_eq(pxs_edges_make(&how, &report, &err), PXS_E_EXISTS);
    atomic_store(&stop.signal, 2);
    how = how_to("a", "b", "stopped");
    how.side_by_side = true;
    how.stop = &stop;
    ck_assert_int_eq(pxs_pairs_make(&how, &report, &err), PXS_E_STOPPED);
    ck_assert_int_eq(pxs_edges_make(&how, &report, &err), PXS_E_STOPPED);
    how = how_to("a", "none", "stopped");
    ck_assert_int_eq(pxs_pairs_make(&how, &report, &err), PXS_E_NOT_FOUND);
    mkdir(in_folder("empty"), 0777);
    how = how_to("a", "empty", "stopped");
    ck_assert_int_eq(pxs_pairs_make(&how, &report, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "no pair could be made"));
    expect_none_named("stopped");
    how = how_to("a", "b", "empty");
    make(&how, pxs_pairs_make);
}
END_TEST

/* ---- edges ---------------------------------------------------------------------------------- */

/* A grey step of so many levels down the middle. */
static void put_step(const char *name, int width, int height, int levels) {
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_create(&im, width, height, 1, NULL), PXS_OK);
    for (int i = 0; i < width * height; i++)
        im.pixels[i] = (uint8_t)(i % width < width / 2 ? 100 : 100 + levels);
    put_png(name, &im);
    pxs_image_finish(&im);
}

/* By hand: an upright step of h levels has |gx| = 4 h on both its sides, so m = h, drawn as 255 -
 * 2 h; below 16 nothing. */
START_TEST(edges_are_sobels)
{
    static const struct {
        int levels, drawn;
    } steps[] = {{15, 255}, {16, 223}, {40, 175}, {127, 1}, {128, 0}, {155, 0}};
    for (size_t i = 0; i < PXS_COUNT(steps); i++) {
        char name[32];
        snprintf(name, sizeof name, "p/%zu.png", i);
        put_step(name, 8, 6, steps[i].levels);
    }
    struct pxs_make how = how_to("p", "", "out");
    ck_assert_uint_eq(make(&how, pxs_edges_make).pairs, PXS_COUNT(steps));
    for (size_t i = 0; i < PXS_COUNT(steps); i++) {
        struct pxs_image made;
        char name[32];
        snprintf(name, sizeof name, "out/%zu.png", i);
        ck_assert_int_eq(pxs_image_read(in_folder(name), &made, NULL, NULL), PXS_OK);
        ck_assert_int_eq(made.width, 16);
        for (int y = 0; y < 6; y++)
            for (int x = 0; x < 16; x++) {
                const int v = made.pixels[(y * 16 + x) * 3];
                ck_assert_int_eq(v, x < 4                ? 100
                                    : x < 8              ? 100 + steps[i].levels
                                    : x == 11 || x == 12 ? steps[i].drawn
                                                         : 255);
            }
        pxs_image_finish(&made);
    }
}
END_TEST

/* The size that is trained on: the middle square, resized before edges are looked for. */
START_TEST(edges_of_squares)
{
    put_step("p/train/x.png", 64, 40, 100);
    put_step("p/train/x.PNG", 64, 40, 100);
    put_step("p/test/y.png", 20, 30, 100);
    write_text("p/train/z.png", "damaged");
    struct pxs_make how = how_to("p", "", "out");
    how.size = 16;
    struct gathered got;
    how.logger = gather(&got);
    const struct pxs_make_report report = make(&how, pxs_edges_make);
    ck_assert_uint_eq(report.pairs, 2);
    ck_assert_uint_eq(report.left_out, 2);
    ck_assert_ptr_nonnull(strstr(got.text, "another one has the same name but for its ending"));
    struct pxs_image made;
    ck_assert_int_eq(pxs_image_read(in_folder("out/test/y.png"), &made, NULL, NULL), PXS_OK);
    ck_assert_int_eq(made.width, 32);
    ck_assert_int_eq(made.height, 16);
    ck_assert_int_eq(made.pixels[0], 100);
    ck_assert_int_eq(made.pixels[15 * 3], 200);
    ck_assert_int_lt(made.pixels[(16 + 8) * 3], 100); /* the edge is dark, right of it is none */
    ck_assert_int_eq(made.pixels[(16 + 14) * 3], 255);
    pxs_image_finish(&made);
}
END_TEST

TCase *make_tests(void) {
    TCase *tc = tcase_create("make");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_test(tc, partners_by_stem_then_by_suffix);
    tcase_add_test(tc, one_folder_is_both);
    tcase_add_test(tc, what_is_open_is_left_out);
    tcase_add_test(tc, side_by_side_is_the_same_set);
    tcase_add_test(tc, out_appears_whole_or_not_at_all);
    tcase_add_test(tc, edges_are_sobels);
    tcase_add_test(tc, edges_of_squares);
    return tc;
}
