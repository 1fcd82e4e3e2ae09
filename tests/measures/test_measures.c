/* The table of measures: what all that is made of it relies on. */
#include "pixsweep/measures.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct pxs_epoch_info *epoch(int i) {
    return pxs_epoch_info((enum pxs_epoch_column)i);
}

/* Records and resume points hold the values in the table's order, so those of a version stand
 * together. */
START_TEST(later_values_stand_last)
{
    ck_assert_int_eq(epoch(0)->since, 1);
    for (int i = 1; i < PXS_EPOCH_N; i++)
        ck_assert_msg(epoch(i)->since >= epoch(i - 1)->since, "%s", epoch(i)->name);
}
END_TEST

START_TEST(names_are_told_apart)
{
    for (int i = 0; i < PXS_EPOCH_N; i++) {
        for (int k = 0; k < i; k++) {
            ck_assert_str_ne(epoch(i)->name, epoch(k)->name);
            ck_assert_str_ne(epoch(i)->metric, epoch(k)->metric);
            ck_assert_str_ne(epoch(i)->title, epoch(k)->title);
            ck_assert_str_ne(epoch(i)->label, epoch(k)->label);
        }
    }
}
END_TEST

/* Files hold these in this order for ever. */
START_TEST(first_rows_stay)
{
    static const char *const batch[] = {"loss_G", "loss_GAN",  "loss_pixel",
                                        "loss_D", "loss_real", "loss_fake",
                                        "lr_G",   "lr_D",      "seconds"};
    static const char *const epochs[] = {
        "lr_G",       "lr_D",          "avg_loss_G",    "avg_loss_GAN", "avg_loss_pixel",
        "avg_loss_D", "avg_loss_real", "avg_loss_fake", "val_loss",     "val_psnr",
        "val_ssim",   "seconds",       "D_real",        "D_fake"};
    ck_assert_int_ge(PXS_BATCH_N, sizeof batch / sizeof *batch);
    ck_assert_int_ge(PXS_EPOCH_N, sizeof epochs / sizeof *epochs);
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++)
        ck_assert_str_eq(pxs_batch_info((enum pxs_batch_column)i)->name, batch[i]);
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++)
        ck_assert_str_eq(epoch((int)i)->name, epochs[i]);
}
END_TEST

START_TEST(a_plot_draws_batches_behind_what_is_made_of_them)
{
    ck_assert_int_eq(pxs_epoch_behind(PXS_EPOCH_avg_loss_real), PXS_BATCH_loss_real);
    ck_assert_int_eq(pxs_epoch_behind(PXS_EPOCH_lr_D), PXS_BATCH_lr_D);
    ck_assert_int_eq(pxs_epoch_behind(PXS_EPOCH_D_fake), -1);
    ck_assert_int_eq(pxs_epoch_behind(PXS_EPOCH_val_loss), -1);
}
END_TEST

START_TEST(the_page_begins_with_validation_and_ends_with_rates)
{
    enum pxs_epoch_column order[PXS_EPOCH_N];
    const size_t n = pxs_epoch_by_rank(order);
    ck_assert_uint_eq(n, PXS_EPOCH_N - 1); /* seconds are not drawn */
    ck_assert_int_eq(order[0], PXS_EPOCH_val_loss);
    ck_assert_int_eq(order[3], PXS_EPOCH_avg_loss_G);
    ck_assert_int_eq(order[n - 1], PXS_EPOCH_lr_D);
    ck_assert(epoch((int)order[n - 1])->is_rate && !epoch((int)order[0])->is_rate);
}
END_TEST

int main(void) {
    Suite *s = suite_create("measures");
    TCase *c = tcase_create("table");
    tcase_add_test(c, later_values_stand_last);
    tcase_add_test(c, names_are_told_apart);
    tcase_add_test(c, first_rows_stay);
    tcase_add_test(c, a_plot_draws_batches_behind_what_is_made_of_them);
    tcase_add_test(c, the_page_begins_with_validation_and_ends_with_rates);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
