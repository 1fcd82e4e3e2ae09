/* Fields and frames: every kind there and back, the bytes on disk, what is refused. */
#include "../../src/record/records/record_priv.h"
#include "pixsweep/records/reason.h"
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
        1000000000000, 1000000,
        INT32_MAX,     {NAN, -INFINITY, -0.0, 5e-324, 1.7976931348623157e308, 0.1},
        1e-4,          -NAN,
        1e10};
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
    r->begin.text[7] = '=';
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
        /* CRC: filled in below */
        'p', 'x', 's', 'r', 'e', 'c', '\r', '\n', 2, 0, 0, 0, 0, 0, 0, 0,
        /* SAMPLE, 84 bytes */
        'P', 'X', 'R', '\n', 4, 0, 0, 0, 84, 0, 0, 0, 0, 0, 0, 0, 0xF4, 1, 0, 0, 0, 0, 0, 0, 3, 0,
        0, 0, 4, 0, 'a', '.', 'b', 'c', 64, 0};
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
    r->batch = (struct pxs_record_batch){
        .step = 1, .epoch = 2, .batch = 3, .losses.loss_G = 1.0, .seconds = 2.0};
    struct pxs_record *back = there_and_back(r);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    static const unsigned char head[] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0,    0,
                                         3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F};
    ck_assert_uint_eq(bytes, 32 + 88);
    ck_assert_int_eq(memcmp(data + 32, head, sizeof head), 0);
    ck_assert_int_eq(data[bytes - 1], 0x40);
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
    ck_fails(pxs_record_write(w, r, &err), PXS_E_INVALID, "a text has no end");
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

/* Each word stands once in the table, so that it leads back to its state. */
START_TEST(states_have_words)
{
    for (int i = 0; i < PXS_STATES; i++)
        ck_assert_int_eq(pxs_state_parse(pxs_state_name((enum pxs_run_state)i)), i);
    ck_assert_int_eq(pxs_state_parse("exploded"), PXS_STATE_NONE);
    ck_assert_int_eq(pxs_state_parse(NULL), PXS_STATE_NONE);
    ck_assert_str_eq(pxs_state_name((enum pxs_run_state) - 1), "");
    ck_assert(!pxs_state_is_final((enum pxs_run_state)PXS_STATES));
    for (int i = 0; i < PXS_REASONS; i++)
        ck_assert_int_eq(pxs_reason_parse(pxs_reason_name((enum pxs_end_reason)i)), i);
    ck_assert_int_eq(pxs_reason_parse("exploded"), PXS_REASON_NONE);
    for (int i = PXS_OUTCOME_COMPLETED; i <= PXS_OUTCOME_PRUNED; i++)
        ck_assert_int_ne(pxs_reason_of_outcome((enum pxs_outcome)i), PXS_REASON_NONE);
    for (int i = PXS_OUTCOME_COMPLETED; i <= PXS_OUTCOME_PRUNED; i++)
        ck_assert(pxs_state_is_stored(pxs_outcome_state((enum pxs_outcome)i)));
    ck_assert_int_eq(pxs_outcome_state((enum pxs_outcome)0), PXS_STATE_NONE);
    ck_assert_int_eq(pxs_outcome_state((enum pxs_outcome)6), PXS_STATE_NONE);
    ck_assert_int_eq(pxs_outcome_state((enum pxs_outcome) - 1), PXS_STATE_NONE);
}
END_TEST

static void assert_states(const char *expected, bool (*is)(enum pxs_run_state)) {
    struct pxs_text found = {0};
    for (int i = 0; i < PXS_STATES; i++)
        if (is((enum pxs_run_state)i))
            pxs_text_addf(&found, "%s%s", found.len > 0 ? " " : "",
                          pxs_state_name((enum pxs_run_state)i));
    ck_assert_str_eq(pxs_text_str(&found), expected);
    pxs_text_finish(&found);
}

static bool startable(enum pxs_run_state state) {
    return pxs_state_is_startable(state, true);
}

static bool startable_unpruned(enum pxs_run_state state) {
    return pxs_state_is_startable(state, false);
}

START_TEST(states_mean_what_the_contract_says)
{
    assert_states("queued running completed diverged failed interrupted cancelled pruned",
                  pxs_state_is_stored);
    assert_states("new queued interrupted", startable);
    assert_states("new queued interrupted pruned", startable_unpruned);
    assert_states("completed diverged not needed", pxs_state_is_final);
    assert_states("completed pruned not needed", pxs_state_is_done);
    assert_states("diverged failed cancelled pruned", pxs_state_is_lost);
}
END_TEST

START_TEST(counts_are_told_in_order)
{
    static const enum pxs_run_state order[] = {PXS_STATE_PRUNED, PXS_STATE_FAILED,
                                               PXS_STATE_QUEUED};
    struct pxs_state_counts counts = {
        .of = {[PXS_STATE_QUEUED] = 12, [PXS_STATE_FAILED] = 1, [PXS_STATE_NEW] = 3}};
    struct pxs_text out = {0};
    ck_assert(pxs_state_counts_add(&counts, order, PXS_COUNT(order), " (", &out));
    ck_assert_str_eq(pxs_text_str(&out), " (1 failed, 12 queued");
    ck_assert(!pxs_state_counts_add(&counts, order, 1, "", &out));
    ck_assert_str_eq(pxs_text_str(&out), " (1 failed, 12 queued");
    pxs_text_finish(&out);
}
END_TEST

/* Records end before the values that came after they were written: at each such place they are
 * whole, anywhere else not. */
START_TEST(an_epoch_of_every_version)
{
    enum { HEAD = 8 }; /* epoch, is_best */
    struct pxs_record *r = sample_record(PXS_RECORD_EPOCH, 5), back;
    unsigned char bytes[HEAD + 8 * PXS_EPOCH_N];
    size_t n;
    char why[PXS_WHY];
    int old = 0;
    ck_assert(pxs_fields_encode(r, bytes, sizeof bytes, &n, why));
    ck_assert_uint_eq(n, sizeof bytes);
    for (int values = 0; values < PXS_EPOCH_N; values++) {
        const int since = pxs_epoch_info((enum pxs_epoch_column)values)->since;
        const bool whole =
            values > 0 && since > pxs_epoch_info((enum pxs_epoch_column)(values - 1))->since;
        const size_t cut = HEAD + 8 * (size_t)values;
        ck_assert(!pxs_fields_decode(PXS_RECORD_EPOCH, bytes, cut + 4, &back, why));
        ck_assert_int_eq(pxs_fields_decode(PXS_RECORD_EPOCH, bytes, cut, &back, why), whole);
        if (!whole)
            continue;
        const double *had = &r->epoch.lr_G, *has = &back.epoch.lr_G;
        ck_assert_int_eq(memcmp(has, had, 8 * (size_t)values), 0);
        for (int i = values; i < PXS_EPOCH_N; i++)
            ck_assert(isnan(has[i]));
        old++;
    }
    ck_assert_int_ge(old, 1);
    free(r);
}
END_TEST

/* A record of each kind with one field that no run can have, by the writer's own codec without its
 * check. */
static const struct {
    enum pxs_record_kind kind;
    size_t at; /* of the field within the payload */
    const char *bytes;
    size_t n;
    const char *why;
} impossible[] = {
    {PXS_RECORD_BEGIN, 0, "\0\0\0\0\0\0\0\0", 8, "attempt is 0"},
    {PXS_RECORD_BEGIN, 8, "\377\377\377\377\377\377\377\377", 8, "at_ms is -1"},
    {PXS_RECORD_BEGIN, 16, "\376\377\377\377\377\377\377\377", 8, "resumed_from_step is -2"},
    {PXS_RECORD_BEGIN, 26, "=", 1, "is not key=value"},
    {PXS_RECORD_BEGIN, 28, "\n", 1, "is not key=value"},
    {PXS_RECORD_BEGIN, 30, " ", 1, "a key of its environment"},
    {PXS_RECORD_BATCH, 0, "\377\377\377\377\377\377\377\177", 8, "step is 9223372036854775807"},
    {PXS_RECORD_BATCH, 8, "\377\377\377\177", 4, "epoch is 2147483647"},
    {PXS_RECORD_BATCH, 12, "\0\0\0\200", 4, "batch is -2147483648"},
    {PXS_RECORD_BATCH, 64, "\0\0\0\0\0\0\360\177", 8, "lr_G is inf"},
    {PXS_RECORD_BATCH, 80, "\0\0\0\0\0\0\360\277", 8, "seconds is -1"},
    {PXS_RECORD_EPOCH, 0, "\0\0\0\200", 4, "epoch is -2147483648"},
    {PXS_RECORD_EPOCH, 4, "\2", 1, "is_best is 2"},
    {PXS_RECORD_EPOCH, 96, "\0\0\0\0\0\0\360\177", 8, "seconds is inf"},
    {PXS_RECORD_SAMPLE, 14, "/", 1, "does not lead to a file below"},
    {PXS_RECORD_SAMPLE, 14, "..", 2, NULL}, /* "..ages": a name like any other */
    {PXS_RECORD_SAMPLE, 14, "../", 3, "does not lead to a file below"},
    {PXS_RECORD_SAMPLE, 21, "/", 1, "does not lead to a file below"},
    {PXS_RECORD_SAMPLE, 21, "\033", 1, "does not lead to a file below"},
    {PXS_RECORD_SAMPLE, 21, "\377", 1, "not UTF-8"},
    {PXS_RECORD_SAMPLE, 14 + 12 + 2, "G", 1, "its sha256 is none"},
    {PXS_RECORD_CHECKPOINT, 6, "evil", 4, "its kind is neither"},
    {PXS_RECORD_CHECKPOINT, 12, "evil", 4, "its net is neither"},
    {PXS_RECORD_EVENT, 8, "\4", 1, "level is 4"},
    {PXS_RECORD_EVENT, 23, "\355\240\200", 3, "not UTF-8"}, /* half of a surrogate pair */
    {PXS_RECORD_END, 8, "\0", 1, "outcome 0 is none"},
    {PXS_RECORD_END, 19, "\200", 1, "step is"},
    {PXS_RECORD_RUNG, 4, "\2", 1, "go_on is 2"},
};

START_TEST(what_no_run_can_say_is_damage)
{
    struct pxs_record *r = sample_record(impossible[_i].kind, 5), *back = calloc(1, sizeof *back);
    unsigned char bytes[PXS_PAYLOAD_MAX];
    char why[PXS_WHY] = "";
    size_t n;
    ck_assert_msg(pxs_fields_encode(r, bytes, sizeof bytes, &n, why), "%s", why);
    memcpy(bytes + impossible[_i].at, impossible[_i].bytes, impossible[_i].n);
    const bool good = pxs_fields_decode(impossible[_i].kind, bytes, n, back, why);
    ck_assert_int_eq(good, impossible[_i].why == NULL);
    if (!good)
        ck_assert_msg(strstr(why, impossible[_i].why), "%s", why);
    free(back);
    free(r);
}
END_TEST

START_TEST(processes_have_numbers)
{
    static const char *const lines[] = {"pid=-1\n",
                                        "pid=4194305\n",
                                        "pid=\n",
                                        "pid=1 2\n",
                                        "threads=1e9\n",
                                        "pid_start=9223372036854775807\n",
                                        "supervisor_pid=99999999999999999999\n"};
    struct pxs_record *r = sample_record(PXS_RECORD_BEGIN, 1);
    unsigned char bytes[PXS_PAYLOAD_MAX];
    char why[PXS_WHY];
    size_t n;
    for (size_t i = 0; i < PXS_COUNT(lines); i++) {
        snprintf(r->begin.text, sizeof r->begin.text, "cpu=x\n%s", lines[i]);
        ck_assert_msg(!pxs_fields_encode(r, bytes, sizeof bytes, &n, why), "%s", lines[i]);
    }
    free(r);
}
END_TEST

/* Names of files and words typed may be no UTF-8: what is written always is. */
START_TEST(written_texts_are_utf8)
{
    struct pxs_record *r = sample_record(PXS_RECORD_END, 1);
    strcpy(r->end.message, "cannot read data/caf\351.png \346\230\237 \346\230");
    struct pxs_record *back = there_and_back(r);
    ck_assert_str_eq(back->end.message, "cannot read data/caf?.png \346\230\237 ??");
    free(back);
    free(r);
}
END_TEST

/* Messages of before were cut by bytes. */
START_TEST(a_cut_character_of_old)
{
    struct pxs_record *r = sample_record(PXS_RECORD_END, 1), back;
    unsigned char bytes[256];
    char why[PXS_WHY];
    size_t n;
    strcpy(r->end.message, "data/xxx");
    ck_assert(pxs_fields_encode(r, bytes, sizeof bytes, &n, why));
    memcpy(bytes + n - 2, "\346\230", 2);
    ck_assert(pxs_fields_decode(PXS_RECORD_END, bytes, n, &back, why));
    ck_assert_str_eq(back.end.message, "data/x");
    memcpy(bytes + n - 3, "\346\230/", 3);
    ck_assert(!pxs_fields_decode(PXS_RECORD_END, bytes, n, &back, why));
    free(r);
}
END_TEST

TCase *codec_case(void) {
    TCase *c = tcase_create("codec");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, an_epoch_of_every_version);
    tcase_add_loop_test(c, every_kind_comes_back, PXS_RECORD_BEGIN, PXS_RECORD_BEST_SAMPLE + 1);
    tcase_add_test(c, extreme_values_keep_their_bits);
    tcase_add_test(c, full_and_empty_texts);
    tcase_add_test(c, the_bytes_on_disk);
    tcase_add_test(c, doubles_are_little_endian);
    tcase_add_test(c, impossible_records_are_refused);
    tcase_add_loop_test(c, what_no_run_can_say_is_damage, 0, (int)PXS_COUNT(impossible));
    tcase_add_test(c, processes_have_numbers);
    tcase_add_test(c, written_texts_are_utf8);
    tcase_add_test(c, a_cut_character_of_old);
    tcase_add_test(c, environment_lines);
    tcase_add_test(c, states_have_words);
    tcase_add_test(c, states_mean_what_the_contract_says);
    tcase_add_test(c, counts_are_told_in_order);
    return c;
}
