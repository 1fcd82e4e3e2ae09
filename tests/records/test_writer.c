/* Appending, cutting back, a disk that is full, and what it costs. */
#include "record_tests.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Records in the file, reading to its end. */
static int count_records(void) {
    struct pxs_record_cursor *c;
    struct pxs_record *r = malloc(sizeof *r);
    int n = 0;
    bool more = true;
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    for (;; n++) {
        ck_ok(pxs_record_next(c, r, &more, &err));
        if (!more)
            break;
    }
    pxs_record_cursor_close(&c);
    free(r);
    return n;
}

static void append_one(int64_t keep_bytes) {
    struct pxs_record_writer *w;
    struct pxs_record *r = sample_record(PXS_RECORD_EVENT, 1);
    ck_ok(pxs_record_writer_open(temp_file(), keep_bytes, &w, &err));
    ck_ok(pxs_record_write(w, r, &err));
    struct stat info;
    ck_assert_int_eq(stat(temp_file(), &info), 0);
    ck_assert_int_eq(info.st_size, pxs_record_writer_bytes(w));
    ck_ok(pxs_record_sync(w, &err));
    ck_ok(pxs_record_sync(w, &err));
    pxs_record_writer_close(&w);
    ck_assert_ptr_null(w);
    pxs_record_writer_close(&w);
    free(r);
}

START_TEST(appends_behind_what_is_kept)
{
    write_file(4);
    unsigned char *data;
    size_t four, bytes;
    file_read(&data, &four);
    free(data);
    append_one(-1);
    ck_assert_int_eq(count_records(), 5);
    append_one((int64_t)four);
    ck_assert_int_eq(count_records(), 5);
    append_one(16);
    ck_assert_int_eq(count_records(), 1);
    append_one(0);
    ck_assert_int_eq(count_records(), 1);
    file_read(&data, &bytes);
    ck_assert_uint_lt(bytes, four);
    free(data);
}
END_TEST

START_TEST(cuts_off_a_torn_tail)
{
    write_file(6);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    int at_least = 0;
    for (size_t length = 0; length <= bytes; length++) {
        file_write(data, length);
        append_one(-1);
        int n = count_records();
        ck_assert_int_ge(n, at_least);
        at_least = n;
    }
    ck_assert_int_eq(at_least, 7);
    free(data);
}
END_TEST

START_TEST(keeps_only_whole_records)
{
    write_file(4);
    unsigned char *data, *after;
    size_t bytes, bytes_after;
    file_read(&data, &bytes);
    struct pxs_record_writer *w = (struct pxs_record_writer *)&data;
    ck_fails(pxs_record_writer_open(temp_file(), (int64_t)bytes + 1, &w, &err), PXS_E_CORRUPT,
             "but the resume point was written at");
    ck_fails(pxs_record_writer_open(temp_file(), (int64_t)bytes - 1, &w, &err), PXS_E_CORRUPT,
             "no record ends at");
    ck_fails(pxs_record_writer_open(temp_file(), 7, &w, &err), PXS_E_CORRUPT,
             "no record ends at byte 7");
    ck_assert_ptr_eq(w, &data);
    file_read(&after, &bytes_after);
    ck_assert_uint_eq(bytes_after, bytes);
    ck_assert_int_eq(memcmp(data, after, bytes), 0);
    free(after);
    data[40] ^= 1; /* within the first of four */
    file_write(data, bytes);
    ck_fails(pxs_record_writer_open(temp_file(), -1, &w, &err), PXS_E_CORRUPT,
             "damaged from byte 16");
    ck_fails(pxs_record_writer_open(temp_file(), (int64_t)bytes, &w, &err), PXS_E_CORRUPT,
             "damaged from byte 16");
    free(data);
}
END_TEST

START_TEST(refuses_foreign_files)
{
    struct pxs_record_writer *w;
    file_write((const unsigned char *)"\x89PNG\r\n\x1a\n and so on, long enough", 31);
    ck_fails(pxs_record_writer_open(temp_file(), -1, &w, &err), PXS_E_CORRUPT, "not a record file");
    ck_fails(pxs_record_writer_open("/nonexistent/records.bin", 0, &w, &err), PXS_E_NOT_FOUND,
             "/nonexistent/records.bin");
}
END_TEST

/* A file size limit stands for the full disk: write(2) writes a part, then fails. */
START_TEST(a_full_disk_leaves_whole_records)
{
    struct rlimit limit;
    struct pxs_record_writer *w;
    struct pxs_record *r = sample_record(PXS_RECORD_EVENT, 1);
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    ck_ok(pxs_record_write(w, r, &err));
    int64_t before = pxs_record_writer_bytes(w);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = {(rlim_t)before + 20, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_fails(pxs_record_write(w, r, &err), PXS_E_IO, "cannot write");
    ck_assert_int_eq(pxs_record_writer_bytes(w), before);
    struct stat info;
    ck_assert_int_eq(stat(temp_file(), &info), 0);
    ck_assert_int_eq(info.st_size, before);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_ok(pxs_record_write(w, r, &err));
    ck_assert_int_eq(count_records(), 2);
    pxs_record_writer_close(&w);
    free(r);
}
END_TEST

/* Recording may cost 1 % of a step; the shortest is about 10 ms, so 100 us. Ten times less is
 * typical. */
START_TEST(a_record_costs_little)
{
    struct pxs_record_writer *w;
    struct pxs_record *r = sample_record(PXS_RECORD_BATCH, 1);
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    double best = 1;
    for (int round = 0; round < 20; round++) {
        double start = pxs_monotonic();
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(pxs_record_write(w, r, NULL), PXS_OK);
        double each = (pxs_monotonic() - start) / 100;
        best = each < best ? each : best;
    }
    ck_assert_msg(best < 100e-6, "a record costs %.1f us", best * 1e6);
    pxs_record_writer_close(&w);
    free(r);
}
END_TEST

TCase *writer_case(void) {
    TCase *c = tcase_create("writer");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, appends_behind_what_is_kept);
    tcase_add_test(c, cuts_off_a_torn_tail);
    tcase_add_test(c, keeps_only_whole_records);
    tcase_add_test(c, refuses_foreign_files);
    tcase_add_test(c, a_full_disk_leaves_whole_records);
    tcase_add_test(c, a_record_costs_little);
    return c;
}
