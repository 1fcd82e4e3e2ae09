/* Fields and frames: every kind there and back, the bytes on disk, what is refused. */
#include "../../src/record/record_priv.h"
#include "record_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Through a file, as the only public way. */
static struct pxs_record *there_and_back(const struct pxs_record *r) {
    struct pxs_record_writer *w;
    struct pxs_record_cursor *c;
    struct pxs_record *back = calloc(1, sizeof *back);
    bool more = false;
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    ck_ok(pxs_record_write(w, r, &err));
    pxs_record_writer_close(&w);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ck_ok(pxs_record_next(c, back, &more, &err));
    ck_assert(more);
    pxs_record_cursor_close(&c);
    return back;
}

START_TEST(every_kind_comes_back)
{
    struct pxs_record *r = sample_record((enum pxs_record_kind)_i, 5), *back = there_and_back(r);
    ck_assert(same_record(r, back));
    free(r);
    free(back);
}
END_TEST

START_TEST(extreme_values_keep_their_bits)
{
    struct pxs_record *r = sample_record(PXS_RECORD_BATCH, 1);
    r->batch = (struct pxs_record_batch){
        INT64_MAX, INT32_MIN, INT32_MAX, {NAN, -INFINITY, -0.0, 5e-324, 1.7976931348623157e308, 0.1},
        1e-4,      INFINITY,  -NAN};
    struct pxs_record *back = there_and_back(r);
    ck_assert(same_record(r, back));
    free(r);
    free(back);
}
END_TEST

START_TEST(full_and_empty_texts)
{
    struct pxs_record *r = sample_record(PXS_RECORD_BEGIN, 1);
    memset(r->begin.text, 'x', sizeof r->begin.text - 1);
    struct pxs_record *back = there_and_back(r);
    ck_assert(same_record(r, back));
    free(back);
    r->begin.text[0] = '\0';
    back = there_and_back(r);
    ck_assert_str_eq(back->begin.text, "");
    free(r);
    free(back);
}
END_TEST

/* The layout is for ever: these bytes were worked out by hand from the header's description. */
START_TEST(the_bytes_on_disk)
{
    static const unsigned char expected[] = {
        'p',  'x', 's', 'r',  'e', 'c', '\r', '\n', 1,  0, 0, 0, 0, 0, 0,   0, /* CRC: filled in below */
        'P',  'X', 'R', '\n', 4,   0,   0,    0,    84, 0, 0, 0, 0, 0, 0,   0, /* SAMPLE, 84 bytes */
        0xF4, 1,   0,   0,    0,   0,   0,    0,    3,  0, 0, 0, 4, 0, 'a', '.', 'b', 'c', 64, 0};
    struct pxs_record *r = sample_record(PXS_RECORD_SAMPLE, 500);
    strcpy(r->sample.path, "a.bc");
    struct pxs_record *back = there_and_back(r);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    ck_assert_uint_eq(bytes, 16 + 16 + 84);
    uint32_t crc = pxs_crc32c(0, data, 12), frame = pxs_crc32c(0, data + 20, 8);
    frame = pxs_crc32c(frame, data + 32, 84);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(data[12 + i], (crc >> (8 * i)) & 255);
        ck_assert_int_eq(data[28 + i], (frame >> (8 * i)) & 255);
        data[12 + i] = data[28 + i] = 0;
    }
    ck_assert_int_eq(memcmp(data, expected, sizeof expected), 0);
    for (size_t i = sizeof expected; i < bytes; i++)
        ck_assert_int_eq(data[i], 'a');
    free(data);
    free(back);
    free(r);
}
END_TEST

START_TEST(doubles_are_little_endian)
{
    struct pxs_record *r = sample_record(PXS_RECORD_BATCH, 1);
    r->batch =
        (struct pxs_record_batch){.step = 1, .epoch = 2, .batch = 3, .losses.loss_G = 1.0, .seconds = -2.0};
    struct pxs_record *back = there_and_back(r);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    static const unsigned char head[] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0,    0,
                                         3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F};
    ck_assert_uint_eq(bytes, 32 + 88);
    ck_assert_int_eq(memcmp(data + 32, head, sizeof head), 0);
    ck_assert_int_eq(data[bytes - 1], 0xC0);
    free(data);
    free(back);
    free(r);
}
END_TEST

START_TEST(impossible_records_are_refused)
{
    struct pxs_record_writer *w;
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    int64_t before = pxs_record_writer_bytes(w);
    struct pxs_record *r = sample_record(PXS_RECORD_END, 1);
    r->end.outcome = 9;
    ck_fails(pxs_record_write(w, r, &err), PXS_E_INVALID, "record of kind 7");
    r->end.outcome = PXS_OUTCOME_FAILED;
    memset(r->end.message, 'x', sizeof r->end.message);
    ck_fails(pxs_record_write(w, r, &err), PXS_E_INVALID, "unended text");
    r->kind = (enum pxs_record_kind)9;
    ck_fails(pxs_record_write(w, r, &err), PXS_E_INVALID, "record of kind 9");
    ck_assert_int_eq(pxs_record_writer_bytes(w), before);
    pxs_record_writer_close(&w);
    free(r);
}
END_TEST

START_TEST(environment_lines)
{
    struct pxs_record_begin begin = {.attempt = 1};
    ck_assert(pxs_record_begin_add(&begin, "cpu", "%s", "Model 7"));
    ck_assert(pxs_record_begin_add(&begin, "command", "a\nb\r\nc = d"));
    ck_assert(!pxs_record_begin_add(&begin, "", "x"));
    ck_assert(!pxs_record_begin_add(&begin, "a=b", "x"));
    ck_assert(!pxs_record_begin_add(&begin, "a\nb", "x"));
    ck_assert_str_eq(begin.text, "cpu=Model 7\ncommand=a b  c = d\n");
    char big[sizeof begin.text];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    ck_assert(!pxs_record_begin_add(&begin, "big", "%s", big));
    ck_assert_str_eq(begin.text, "cpu=Model 7\ncommand=a b  c = d\n");
    size_t left = sizeof begin.text - strlen(begin.text) - strlen("big=\n") - 1;
    ck_assert(!pxs_record_begin_add(&begin, "big", "%.*s", (int)left + 1, big));
    ck_assert(pxs_record_begin_add(&begin, "big", "%.*s", (int)left, big));
    ck_assert_uint_eq(strlen(begin.text), sizeof begin.text - 1);
    ck_assert(!pxs_record_begin_add(&begin, "k", "v"));
}
END_TEST

START_TEST(outcomes_have_words)
{
    for (int i = PXS_OUTCOME_COMPLETED; i <= PXS_OUTCOME_PRUNED; i++) {
        enum pxs_outcome back = (enum pxs_outcome)0;
        ck_assert(pxs_outcome_parse(pxs_outcome_name((enum pxs_outcome)i), &back));
        ck_assert_int_eq(back, i);
    }
    enum pxs_outcome back = (enum pxs_outcome)77;
    ck_assert(!pxs_outcome_parse("exploded", &back));
    ck_assert_int_eq(back, 77);
    ck_assert_ptr_null(pxs_outcome_name((enum pxs_outcome)0));
    ck_assert_ptr_null(pxs_outcome_name((enum pxs_outcome)6));
    ck_assert_ptr_null(pxs_outcome_name((enum pxs_outcome) - 1));
}
END_TEST

/* Files from before the discriminator's outputs were recorded stay readable. */
START_TEST(an_epoch_of_old)
{
    struct pxs_record *r = sample_record(PXS_RECORD_EPOCH, 5), back;
    unsigned char bytes[256];
    size_t n;
    bool known;
    ck_assert(pxs_fields_encode(r, bytes, sizeof bytes, &n));
    ck_assert(pxs_fields_decode(PXS_RECORD_EPOCH, bytes, n - 16, &back, &known));
    ck_assert(isnan(back.epoch.avg_D_real) && isnan(back.epoch.avg_D_fake));
    back.epoch.avg_D_real = r->epoch.avg_D_real;
    back.epoch.avg_D_fake = r->epoch.avg_D_fake;
    ck_assert(same_record(r, &back));
    ck_assert(!pxs_fields_decode(PXS_RECORD_EPOCH, bytes, n - 8, &back, &known));
    ck_assert(!pxs_fields_decode(PXS_RECORD_EPOCH, bytes, n - 24, &back, &known));
    free(r);
}
END_TEST

TCase *codec_case(void) {
    TCase *c = tcase_create("codec");
    tcase_add_checked_fixture(c, temp_set_up, temp_tear_down);
    tcase_add_test(c, an_epoch_of_old);
    tcase_add_loop_test(c, every_kind_comes_back, PXS_RECORD_BEGIN, PXS_RECORD_BEST_SAMPLE + 1);
    tcase_add_test(c, extreme_values_keep_their_bits);
    tcase_add_test(c, full_and_empty_texts);
    tcase_add_test(c, the_bytes_on_disk);
    tcase_add_test(c, doubles_are_little_endian);
    tcase_add_test(c, impossible_records_are_refused);
    tcase_add_test(c, environment_lines);
    tcase_add_test(c, outcomes_have_words);
    return c;
}
