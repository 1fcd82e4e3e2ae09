/* The table of measures: what all that is made of it relies on. */
#include "pixsweep/measures.h"

#include <check.h>
#include <stdio.h>
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

/* ---- docs/measures.md ----------------------------------------------------------------------- */

static const char *better_words(enum pxs_better better) {
    return better == PXS_BETTER_LOWER ? "lower" : better == PXS_BETTER_HIGHER ? "higher" : "";
}

static void write_markdown(FILE *md) {
    fprintf(md, "# What is measured\n\n"
                "Made from `src/record/measures/measures.def` by `PXS_WRITE_DOCS=1 "
                "build/tests/measures/test_measures`; a test holds it to the table.\n\n"
                "## Of a batch: columns of `batch_loss`\n\n"
                "`loss_pixel` is the plain L1, not times `lambda_pixel`.\n\n"
                "| column | what | better |\n|---|---|---|\n");
    for (int i = 0; i < PXS_BATCH_N; i++) {
        const struct pxs_batch_info *b = pxs_batch_info((enum pxs_batch_column)i);
        fprintf(md, "| `%s` | %s | %s |\n", b->name, b->label, better_words(b->better));
    }
    fprintf(md, "\n## Of an epoch: columns of `epoch`, panels of `plot`, curves of `report`\n\n"
                "| column | what | better | for `plot --metric` | since schema |\n"
                "|---|---|---|---|---|\n");
    for (int i = 0; i < PXS_EPOCH_N; i++) {
        const struct pxs_epoch_info *e = epoch(i);
        fprintf(md, "| `%s` | %s | %s | `%s` | %d |\n", e->name, e->label, better_words(e->better),
                e->metric, e->since);
    }
    fprintf(md, "\n## Of a run: measures of `compare`\n\n"
                "Those with a better end are for `compare --metric`.\n\n"
                "| measure | what | better |\n|---|---|---|\n");
#define ROW(name, better, show, head, what, ...) \
    fprintf(md, "| `%s` | %s | %s |\n", #name, what, better_words(PXS_BETTER_##better));
    PXS_RUN_MEASURES(ROW)
#undef ROW
#define NOTHING NULL
#define BEST "in the epoch of the lowest validation loss"
#define LAST "in the last epoch that has it"
#define LARGEST "the largest of all epochs"
#define ROW(name, how, of, metric, since, unit, better, run, rank, show, head, title, label, ...) \
    if ((const char *)run)                                                                        \
        fprintf(md, "| `%s` | %s; %s | %s |\n", #metric, label, (const char *)run,                \
                better_words(PXS_BETTER_##better));
    PXS_EPOCH_MEASURES(ROW)
#undef ROW
}

#define DOCS PXS_SOURCE_ROOT "/docs/measures.md"

START_TEST(docs_are_current)
{
    char *made, docs[16384];
    size_t bytes;
    FILE *md = open_memstream(&made, &bytes), *file = fopen(DOCS, "r");
    ck_assert(md && file);
    write_markdown(md);
    ck_assert_int_eq(fclose(md), 0);
    docs[fread(docs, 1, sizeof docs - 1, file)] = '\0';
    fclose(file);
    ck_assert_msg(strcmp(docs, made) == 0,
                  "docs/measures.md is not what the table says: "
                  "`PXS_WRITE_DOCS=1 build/tests/measures/test_measures` writes it anew");
    free(made);
}
END_TEST

static int write_docs(void) {
    FILE *md = fopen(DOCS, "w");
    if (!md)
        return EXIT_FAILURE;
    write_markdown(md);
    return fclose(md) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void) {
    if (getenv("PXS_WRITE_DOCS"))
        return write_docs();
    Suite *s = suite_create("measures");
    TCase *c = tcase_create("table");
    tcase_add_test(c, later_values_stand_last);
    tcase_add_test(c, names_are_told_apart);
    tcase_add_test(c, first_rows_stay);
    tcase_add_test(c, a_plot_draws_batches_behind_what_is_made_of_them);
    tcase_add_test(c, the_page_begins_with_validation_and_ends_with_rates);
    tcase_add_test(c, docs_are_current);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
