/* Sample sheets: the right glyphs from the right pictures, and words where there is none. */
#include "../../src/record/store/store_priv.h"
#include "pixsweep/samples.h"
#include "report_tests.h"

#include "pixsweep/image.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct curve_shape shape = {.configurations = 4,
                                         .seeds = 2,
                                         .epochs = 9,
                                         .batches = 2,
                                         .one_diverges = true,
                                         .pictures = true,
                                         .queued = 2};
static struct pxs_store *store;
static struct pxs_sample_sheet sheet;

static void setup(void) {
    store = make_curves(&shape);
}

static void teardown(void) {
    pxs_sample_sheet_finish(&sheet);
    drop_curves(&store);
}

static void read_samples(struct pxs_samples_options options) {
    pxs_sample_sheet_finish(&sheet);
    ck_ok(pxs_samples_read(store, &options, &sheet, &err));
}

static int grey_at(const struct pxs_image *image, int x, int y) {
    ck_assert_ptr_nonnull(image->pixels);
    ck_assert(x < image->width && y < image->height);
    return image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * 3];
}

static void ck_epochs(const int64_t *epochs, size_t n) {
    ck_assert_uint_eq(sheet.n_columns, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(sheet.epochs[i], epochs[i]);
}

START_TEST(a_row_a_configuration_a_column_an_epoch)
{
    read_samples((struct pxs_samples_options){0});
    ck_epochs((const int64_t[]){0, 2, 3, 5, 6, 8}, 6);
    ck_assert_uint_eq(sheet.n_rows, 4);
    ck_assert_str_eq(sheet.rows[2].label, "halve, lrgd 20");
    ck_assert_int_eq(sheet.rows[2].seed, 0);
    for (int row = 0; row < 3; row++) {
        const struct pxs_sample_row *r = &sheet.rows[row];
        ck_assert_ptr_null(r->why);
        /* four glyphs of 32, 1 pixel between them: 2 x 2 */
        ck_assert_int_eq(r->source.width, 65);
        ck_assert_int_eq(r->source.height, 65);
        ck_assert_int_eq(grey_at(&r->source, 0, 0), curves_grey(0, 0, row, 0));
        ck_assert_int_eq(grey_at(&r->source, 31, 31), curves_grey(0, 0, row, 0));
        ck_assert_int_eq(grey_at(&r->source, 32, 0), 255);
        ck_assert_int_eq(grey_at(&r->source, 33, 0), curves_grey(0, 1, row, 0));
        ck_assert_int_eq(grey_at(&r->target, 64, 64), curves_grey(2, 3, row, 0));
        for (size_t i = 0; i < sheet.n_columns; i++) {
            ck_assert_int_eq(r->cells[i].epoch, sheet.epochs[i]);
            ck_assert_int_eq(grey_at(&r->cells[i].image, 40, 40),
                             curves_grey(1, 3, row, (int)sheet.epochs[i]));
        }
    }
    ck_assert_str_eq(sheet.rows[3].why, "has not begun");
    ck_assert_ptr_null(sheet.rows[3].source.pixels);
}
END_TEST

START_TEST(epochs_seed_and_glyphs_can_be_chosen)
{
    static const int64_t epochs[] = {1, 8}, seed = 1;
    read_samples((struct pxs_samples_options){
        .epochs = epochs, .n_epochs = 2, .seed = &seed, .glyphs = 7, .where = "lrgd IS NULL"});
    ck_epochs(epochs, 2);
    ck_assert_uint_eq(sheet.n_rows, 1);
    ck_assert_int_eq(sheet.rows[0].seed, 1);
    ck_assert_int_eq(sheet.rows[0].source.width, 3 * 33 - 1);
    ck_assert_int_eq(sheet.rows[0].source.height, 3 * 33 - 1);
    /* the sixth and seventh glyph stand in the picture's second row */
    ck_assert_int_eq(grey_at(&sheet.rows[0].source, 2 * 33, 33), curves_grey(0, 5, 0, 0));
    ck_assert_int_eq(grey_at(&sheet.rows[0].source, 0, 2 * 33), curves_grey(0, 6, 0, 0));
    ck_assert_int_eq(grey_at(&sheet.rows[0].cells[1].image, 0, 0), curves_grey(1, 0, 0, 8));
    read_samples((struct pxs_samples_options){.glyphs = 10, .where = "lrgd IS NULL"});
    ck_assert_int_eq(sheet.rows[0].source.width, 3 * 33 - 1); /* there are seven only */
}
END_TEST

START_TEST(glyphs_can_be_larger_or_smaller)
{
    read_samples((struct pxs_samples_options){.glyphs = 1, .side = 100});
    ck_assert_int_eq(sheet.rows[0].source.width, 96);
    ck_assert_int_eq(grey_at(&sheet.rows[0].source, 95, 95), curves_grey(0, 0, 0, 0));
    read_samples((struct pxs_samples_options){.glyphs = 1, .side = 16});
    ck_assert_int_eq(sheet.rows[0].source.width, 16);
}
END_TEST

START_TEST(lost_files_are_words)
{
    char path[1024];
    for (int step = 1; step < 18; step += 2) {
        snprintf(path, sizeof path, "%s/curves/0001-lrgd-0-s0/images/%d.png", test_folder(), step);
        ck_assert_int_eq(unlink(path), 0);
    }
    snprintf(path, sizeof path, "%s/curves/0003-lrgd-10-s0/images/17.png", test_folder());
    ck_ok(pxs_write_file(path, "no picture", 10, &err));
    read_samples((struct pxs_samples_options){0});
    ck_has(sheet.rows[0].why, "No such file");
    ck_assert_ptr_null(sheet.rows[1].why);
    ck_assert_ptr_null(sheet.rows[1].cells[5].image.pixels);
    ck_assert_ptr_nonnull(sheet.rows[1].cells[4].image.pixels);
}
END_TEST

START_TEST(a_strip_is_one_png)
{
    void *png;
    size_t bytes;
    struct pxs_image strip;
    read_samples((struct pxs_samples_options){.glyphs = 1});
    ck_ok(pxs_sample_strip(&sheet.rows[1], sheet.n_columns, 4, &png, &bytes, &err));
    ck_ok(pxs_image_decode(png, bytes, &strip, NULL, &err));
    ck_assert_int_eq(strip.width, 8 * 36 - 4);
    ck_assert_int_eq(strip.height, 32);
    ck_assert_int_eq(grey_at(&strip, 0, 0), curves_grey(0, 0, 1, 0));
    ck_assert_int_eq(grey_at(&strip, 32, 0), 255);
    ck_assert_int_eq(grey_at(&strip, 36, 31), curves_grey(1, 0, 1, 0));
    ck_assert_int_eq(grey_at(&strip, 6 * 36, 31), curves_grey(1, 0, 1, 8));
    ck_assert_int_eq(grey_at(&strip, 7 * 36, 31), curves_grey(2, 0, 1, 0));
    pxs_image_finish(&strip);
    free(png);
    ck_fails(pxs_sample_strip(&sheet.rows[3], sheet.n_columns, 4, &png, &bytes, &err),
             PXS_E_NOT_FOUND, "has not begun");
}
END_TEST

START_TEST(nothing_to_show_is_an_error)
{
    static const int64_t seed = 9;
    struct pxs_samples_options o = {.seed = &seed};
    ck_fails(pxs_samples_read(store, &o, &sheet, &err), PXS_E_NOT_FOUND,
             "--seed 9: no run of curves has this seed; there are: 0 and 1");
    o = (struct pxs_samples_options){.where = "lrgd = 30"};
    ck_fails(pxs_samples_read(store, &o, &sheet, &err), PXS_E_NOT_FOUND, "sample_interval");
}
END_TEST

static void setup_best(void) {
    struct curve_shape with = shape;
    with.best_pictures = true;
    store = make_curves(&with);
}

START_TEST(the_best_picture_comes_first_and_the_last_one_last)
{
    static const int64_t chosen[] = {8};
    read_samples((struct pxs_samples_options){0});
    ck_epochs((const int64_t[]){PXS_SAMPLE_BEST, 0, 2, 3, 5, 6, 8}, 7);
    for (int row = 0; row < 3; row++) {
        const struct pxs_sample_cell *best = &sheet.rows[row].cells[0],
                                     *last = &sheet.rows[row].cells[6];
        ck_assert_int_eq(best->epoch, 3 + row);
        ck_assert_int_eq(grey_at(&best->image, 0, 0), curves_grey(1, 0, row, 3 + row));
        ck_assert_int_eq(last->epoch, 8);
        ck_assert_int_eq(grey_at(&last->image, 0, 0), curves_grey(1, 0, row, 8));
    }
    read_samples((struct pxs_samples_options){.epochs = chosen, .n_epochs = 1});
    ck_epochs((const int64_t[]){PXS_SAMPLE_BEST, 8}, 2);
}
END_TEST

START_TEST(a_run_of_before_has_no_best_picture)
{
    ck_ok(pxs_sql_exec(store->sql,
                       "DELETE FROM best_sample WHERE run_id IN (SELECT run_id FROM run WHERE "
                       "number < 3); DELETE FROM sample WHERE run_id = 3",
                       &err));
    read_samples((struct pxs_samples_options){0});
    ck_assert_ptr_null(sheet.rows[0].cells[0].image.pixels);
    ck_assert_ptr_nonnull(sheet.rows[0].cells[6].image.pixels);
    /* and one that was pruned before its first sample has that one only */
    ck_assert_ptr_nonnull(sheet.rows[1].cells[0].image.pixels);
    ck_assert_ptr_null(sheet.rows[1].why);
    ck_assert_ptr_null(sheet.rows[1].cells[6].image.pixels);
    ck_ok(pxs_sql_exec(store->sql, "DELETE FROM sample", &err));
    read_samples((struct pxs_samples_options){0});
    ck_epochs((const int64_t[]){PXS_SAMPLE_BEST}, 1);
}
END_TEST

START_TEST(a_picture_stands_in_one_column)
{
    static const int64_t epochs[] = {3, 6, 8};
    ck_ok(pxs_sql_exec(store->sql, "DELETE FROM sample WHERE epoch > 5", &err));
    read_samples((struct pxs_samples_options){.epochs = epochs, .n_epochs = 3});
    ck_epochs((const int64_t[]){PXS_SAMPLE_BEST, 3, 6, 8}, 4);
    ck_assert_int_eq(sheet.rows[0].cells[2].epoch, 5);
    ck_assert_ptr_nonnull(sheet.rows[0].cells[2].image.pixels);
    ck_assert_ptr_null(sheet.rows[0].cells[3].image.pixels);
}
END_TEST

/* Runs have come to epoch 8, whether there is a picture of it or not. */
START_TEST(an_epoch_that_no_run_has_is_an_error)
{
    static const int64_t beyond[] = {0, 9}, reached[] = {0, 8};
    struct pxs_samples_options o = {.epochs = beyond, .n_epochs = 2};
    ck_ok(pxs_sql_exec(store->sql, "DELETE FROM sample WHERE epoch % 3 > 0 OR epoch = 6", &err));
    ck_fails(pxs_samples_read(store, &o, &sheet, &err), PXS_E_NOT_FOUND,
             "--epochs 9: no run of curves has come so far; there are pictures of epoch 0 and 3");
    o.epochs = reached;
    read_samples(o);
    ck_assert_int_eq(sheet.rows[0].cells[2].epoch, 3);
    ck_ok(pxs_sql_exec(store->sql, "DELETE FROM sample", &err));
    o.epochs = beyond;
    ck_fails(pxs_samples_read(store, &o, &sheet, &err), PXS_E_NOT_FOUND,
             "there is only the best picture");
}
END_TEST

static Suite *samples_suite(void) {
    Suite *suite = suite_create("samples");
    TCase *tc = tcase_create("sheets");
    tcase_add_unchecked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_row_a_configuration_a_column_an_epoch);
    tcase_add_test(tc, epochs_seed_and_glyphs_can_be_chosen);
    tcase_add_test(tc, glyphs_can_be_larger_or_smaller);
    tcase_add_test(tc, a_strip_is_one_png);
    tcase_add_test(tc, nothing_to_show_is_an_error);
    tcase_add_test(tc, lost_files_are_words); /* the last: it spoils the folder */
    suite_add_tcase(suite, tc);
    tc = tcase_create("best");
    tcase_add_checked_fixture(tc, setup_best, teardown);
    tcase_add_test(tc, the_best_picture_comes_first_and_the_last_one_last);
    tcase_add_test(tc, a_run_of_before_has_no_best_picture);
    tcase_add_test(tc, a_picture_stands_in_one_column);
    tcase_add_test(tc, an_epoch_that_no_run_has_is_an_error);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void) {
    return run_tests(samples_suite(), CK_NORMAL);
}
