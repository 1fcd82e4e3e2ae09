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

START_TEST(a_newer_version_is_never_cut)
{
    unsigned char *data, *after;
    size_t bytes, bytes_after;
    write_file(4);
    set_file_version(3);
    file_read(&data, &bytes);
    static const int64_t keeps[] = {0, -1, 16};
    for (size_t i = 0; i < PXS_COUNT(keeps); i++) {
        struct pxs_record_writer *w = NULL;
        ck_fails(pxs_record_writer_open(temp_file(), keeps[i], &w, &err), PXS_E_UNSUPPORTED,
                 "a newer pixsweep wrote it; use that one");
        ck_fails(pxs_record_writer_replace(temp_file(), keeps[i], &w, &err), PXS_E_UNSUPPORTED,
                 "a newer pixsweep wrote it; use that one");
    }
    file_read(&after, &bytes_after);
    ck_assert_uint_eq(bytes_after, bytes);
    ck_assert_int_eq(memcmp(data, after, bytes), 0);
    free(data);
    free(after);
}
END_TEST

START_TEST(version_1_stays_in_place)
{
    write_file(4);
    set_file_version(1);
    append_one(-1);
    ck_assert_int_eq(file_version(), 1);
    ck_assert_int_eq(count_records(), 5);
    append_one(0);
    ck_assert_int_eq(file_version(), 2);
    ck_assert_int_eq(count_records(), 1);
}
END_TEST

/* ---- another file under the name ------------------------------------------------------------ */

static void write_one(struct pxs_record_writer *w, int n) {
    struct pxs_record *r = sample_record(PXS_RECORD_BATCH, n);
    ck_ok(pxs_record_write(w, r, &err));
    free(r);
}

/* A process that was cut off writes on; nothing of it is read. What a reader had not read before
 * the name changed is not handed out either. */
START_TEST(a_replaced_file_is_the_old_writers_alone)
{
    struct pxs_record_writer *old, *w;
    struct pxs_record_cursor *c, *d;
    struct pxs_record *r = malloc(sizeof *r);
    unsigned char *before, *after;
    size_t bytes, bytes_after;
    bool more;
    ck_ok(pxs_record_writer_open(temp_file(), 0, &old, &err));
    write_one(old, 1);
    write_one(old, 2);
    const int64_t kept = pxs_record_writer_bytes(old);
    write_one(old, 3);
    set_file_version((unsigned char)_i); /* writes into the same file */
    file_read(&before, &bytes);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ck_ok(pxs_record_cursor_open(temp_file(), kept, &d, &err));
    ck_ok(pxs_record_next(c, r, &more, &err));

    ck_ok(pxs_record_writer_replace(temp_file(), kept, &w, &err));
    ck_assert_int_eq(pxs_record_writer_bytes(w), kept);
    file_read(&after, &bytes_after);
    ck_assert_int_eq(bytes_after, kept);
    ck_assert_int_eq(file_version(), 2);
    ck_assert_int_eq(memcmp(before + 16, after + 16, (size_t)kept - 16), 0);
    free(before);
    free(after);

    /* Both write on, and the old one even cuts its file back. */
    write_one(old, 77);
    write_one(w, 4);
    write_one(old, 78);
    write_one(w, 5);
    ck_ok(pxs_record_sync(old, &err));
    ck_ok(pxs_record_sync(w, &err));
    ck_assert_int_eq(count_records(), 4);
    ck_fails(pxs_record_next(d, r, &more, &err), PXS_E_NOT_FOUND, "is another file by now");
    ck_assert_int_eq(pxs_record_cursor_offset(d), kept);
    enum pxs_status status;
    int n = 0;
    while ((status = pxs_record_next(c, r, &more, NULL)) == PXS_OK && more)
        ck_assert_int_le(++n, 2); /* they were in its window already */
    ck_assert_int_eq(status, PXS_E_NOT_FOUND);
    pxs_record_cursor_close(&c);
    pxs_record_cursor_close(&d);
    pxs_record_writer_close(&old);
    pxs_record_writer_close(&w);
    ck_assert_int_eq(count_records(), 4);
    free(r);
}
END_TEST

START_TEST(what_is_not_whole_is_not_replaced)
{
    unsigned char *data, *after;
    size_t bytes, bytes_after;
    struct pxs_record_writer *w = NULL;
    write_file(4);
    file_read(&data, &bytes);
    ck_fails(pxs_record_writer_replace(temp_file(), (int64_t)bytes - 1, &w, &err), PXS_E_CORRUPT,
             "no record ends at");
    ck_fails(pxs_record_writer_replace(temp_file(), (int64_t)bytes + 1, &w, &err), PXS_E_CORRUPT,
             "but the resume point was written at");
    ck_assert_ptr_null(w);
    file_read(&after, &bytes_after);
    ck_assert(bytes == bytes_after && memcmp(data, after, bytes) == 0);
    free(after);
    free(data);

    /* A full disk: the file stays, and no temporary one. */
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = {40, limit.rlim_max};
    int set = setrlimit(RLIMIT_FSIZE, &small);
    const enum pxs_status status = pxs_record_writer_replace(temp_file(), (int64_t)bytes, &w, NULL);
    set |= setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_int_eq(set, 0);
    ck_assert_int_eq(status, PXS_E_IO);
    ck_assert_ptr_null(w);
    ck_assert_int_eq(count_records(), 4);
    char temp[600];
    snprintf(temp, sizeof temp, "%s.tmp.%d", temp_file(), (int)getpid());
    ck_assert_int_ne(access(temp, F_OK), 0);

    /* From the start, over damage, and where there is no file. */
    file_write((const unsigned char *)"\x89PNG\r\n\x1a\n and so on, long enough", 31);
    for (int i = 0; i < 2; i++) {
        ck_ok(pxs_record_writer_replace(temp_file(), 0, &w, &err));
        ck_assert_int_eq(pxs_record_writer_bytes(w), 16);
        write_one(w, 1);
        pxs_record_writer_close(&w);
        ck_assert_int_eq(count_records(), 1);
        ck_assert_int_eq(unlink(temp_file()), 0);
    }
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
    tcase_add_test(c, a_newer_version_is_never_cut);
    tcase_add_test(c, version_1_stays_in_place);
    tcase_add_loop_test(c, a_replaced_file_is_the_old_writers_alone, 1, 3);
    tcase_add_test(c, what_is_not_whole_is_not_replaced);
    tcase_add_test(c, a_full_disk_leaves_whole_records);
    tcase_add_test(c, a_record_costs_little);
    return c;
}
