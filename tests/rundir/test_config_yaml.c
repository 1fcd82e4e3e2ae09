/* The text that a run is frozen as. */
#include "rundir_tests.h"

#include <string.h>

START_TEST(frozen)
{
    struct pxs_run_config_head head = {.name = "lr/0001-base-s0",
                                       .data_hash = "abc",
                                       .weights_hash = "def"},
                               back;
    struct pxs_run_config_head with_files = {
        .name = "lr/0001-base-s0", .data_hash = "abc", .files_hash = "ghi"};
    struct pxs_params params;
    struct pxs_text text = {0};
    const char *line;
    size_t bytes;
    pxs_params_default(&params);
    strcpy(params.dataset, "/data/kai");
    pxs_run_config_text(&head, "0001-base-s0", &params, false, &text);
    pxs_run_config_read_head(text.text, &back);
    ck_assert_str_eq(back.name, head.name);
    ck_assert_str_eq(back.data_hash, "abc");
    ck_assert_str_eq(back.weights_hash, "def");
    ck_assert_str_eq(back.files_hash, "");
    ck_has_not(text.text, "files");
    ck_assert(pxs_run_config_line(text.text, "dataset", &line, &bytes));
    ck_assert_uint_eq(bytes, strlen("dataset: /data/kai"));
    ck_assert(pxs_run_config_line(text.text, "val_fraction", &line, &bytes));
    ck_assert(!pxs_run_config_line(text.text, "data", &line, &bytes));
    pxs_text_clear(&text);
    pxs_run_config_text(&head, "0001-base-s0", &params, true, &text);
    ck_assert(!pxs_run_config_line(text.text, "val_fraction", &line, &bytes));
    pxs_text_clear(&text);
    pxs_run_config_text(&with_files, "0001-base-s0", &params, true, &text);
    pxs_run_config_read_head(text.text, &back);
    ck_assert_str_eq(back.data_hash, "abc");
    ck_assert_str_eq(back.files_hash, "ghi");
    pxs_text_finish(&text);
}
END_TEST

TCase *config_yaml_case(void) {
    TCase *c = tcase_create("config.yaml");
    tcase_add_test(c, frozen);
    return c;
}
