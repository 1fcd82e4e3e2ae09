/* Reading: torn at every length, damaged at every bit, growing, cut back. */
#include "record_tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 17 };

/* Offsets behind each record; [0] is behind the header. */
static void find_ends(int64_t ends[COUNT + 1]) {
    struct pxs_record_cursor *c;
    struct pxs_record *r = malloc(sizeof *r);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ends[0] = 16;
    for (int i = 1; i <= COUNT; i++) {
        bool more = false;
        ck_ok(pxs_record_next(c, r, &more, &err));
        ck_assert(more);
        ends[i] = pxs_record_cursor_offset(c);
    }
    pxs_record_cursor_close(&c);
    free(r);
}

/* Reads on from the n-th record, comparing; returns how many there are in all. */
static int read_on(struct pxs_record_cursor *c, int n, enum pxs_status *status) {
    struct pxs_record *r = malloc(sizeof *r);
    for (;; n++) {
        bool more = false;
        *status = pxs_record_next(c, r, &more, NULL);
        if (*status != PXS_OK || !more)
            break;
        struct pxs_record *expected = nth_record(n, COUNT);
        ck_assert_msg(same_record(r, expected), "record %d differs", n);
        free(expected);
    }
    free(r);
    return n;
}

START_TEST(reads_what_was_written)
{
    write_file(COUNT);
    struct pxs_record_cursor *c;
    enum pxs_status status;
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ck_assert_int_eq(read_on(c, 0, &status), COUNT);
    ck_assert_int_eq(status, PXS_OK);
    int64_t ends[COUNT + 1];
    find_ends(ends);
    for (int i = 0; i <= COUNT; i++) {
        pxs_record_cursor_seek(c, ends[i]);
        ck_assert_int_eq(read_on(c, i, &status), COUNT);
    }
    ck_assert_str_eq(pxs_record_cursor_path(c), temp_file());
    pxs_record_cursor_close(&c);
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(a_torn_tail_is_the_end_until_it_is_whole)
{
    write_file(COUNT);
    int64_t ends[COUNT + 1];
    find_ends(ends);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    for (size_t length = 0; length <= bytes; length++) {
        struct pxs_record_cursor *c;
        enum pxs_status status;
        int whole = 0;
        while (whole < COUNT && ends[whole + 1] <= (int64_t)length)
            whole++;
        file_write(data, length);
        ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
        ck_assert_int_eq(read_on(c, 0, &status), whole);
        ck_assert_int_eq(status, PXS_OK);
        int fd = open(temp_file(), O_WRONLY | O_APPEND);
        ck_assert_int_eq(write(fd, data + length, bytes - length), (ssize_t)(bytes - length));
        close(fd);
        ck_assert_int_eq(read_on(c, whole, &status), COUNT);
        ck_assert_int_eq(status, PXS_OK);
        pxs_record_cursor_close(&c);
    }
    free(data);
}
END_TEST

START_TEST(zeros_at_the_end_are_a_torn_tail)
{
    write_file(COUNT);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    data = realloc(data, bytes + 100000);
    memset(data + bytes, 0, 100000);
    file_write(data, bytes + 100000);
    struct pxs_record_cursor *c;
    enum pxs_status status;
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ck_assert_int_eq(read_on(c, 0, &status), COUNT);
    ck_assert_int_eq(status, PXS_OK);
    ck_assert_int_eq(pxs_record_cursor_offset(c), (int64_t)bytes);
    pxs_record_cursor_close(&c);
    free(data);
}
END_TEST

/* A flipped bit is never read as a record: before the last record it is damage, in the last one a
 * torn tail. */
START_TEST(every_flipped_bit_is_found)
{
    write_file(COUNT);
    int64_t ends[COUNT + 1];
    find_ends(ends);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        struct pxs_record_cursor *c = NULL;
        struct pxs_error err;
        enum pxs_status status;
        int hit = 0;
        while (ends[hit] <= (int64_t)(bit / 8))
            hit++;
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        file_write(data, bytes);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        status = pxs_record_cursor_open(temp_file(), 0, &c, &err);
        ck_assert_int_eq(status, hit ? PXS_OK : PXS_E_CORRUPT);
        if (!hit)
            continue;
        ck_assert_int_eq(read_on(c, 0, &status), hit - 1);
        ck_assert_int_eq(status, hit < COUNT ? PXS_E_CORRUPT : PXS_OK);
        ck_assert_int_eq(pxs_record_cursor_offset(c), ends[hit - 1]);
        pxs_record_cursor_close(&c);
    }
    free(data);
}
END_TEST

START_TEST(damage_is_named_by_its_place)
{
    write_file(COUNT);
    int64_t ends[COUNT + 1];
    find_ends(ends);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    memset(data + ends[3] + 2, 0, (size_t)(ends[5] - ends[3] - 4));
    file_write(data, bytes);
    struct pxs_record_cursor *c;
    char expected[100];
    bool more;
    struct pxs_record *r = malloc(sizeof *r);
    snprintf(expected, sizeof expected, "damaged from byte %d to byte %d", (int)ends[3],
             (int)ends[5]);
    ck_ok(pxs_record_cursor_open(temp_file(), ends[3], &c, &err));
    ck_fails(pxs_record_next(c, r, &more, &err), PXS_E_CORRUPT, expected);
    ck_fails(pxs_record_next(c, r, &more, &err), PXS_E_CORRUPT, expected);
    pxs_record_cursor_seek(c, ends[5]);
    enum pxs_status status;
    ck_assert_int_eq(read_on(c, 5, &status), COUNT);
    pxs_record_cursor_close(&c);
    free(r);
    free(data);
}
END_TEST

/* Damage wider than the cursor's window. */
START_TEST(records_behind_much_damage_are_seen)
{
    write_file(3);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    size_t hole = 300001;
    unsigned char *wide = calloc(1, bytes + hole);
    memcpy(wide, data, 16);
    memset(wide + 16, 'P', hole);
    memcpy(wide + 16 + hole, data + 16, bytes - 16);
    file_write(wide, bytes + hole);
    struct pxs_record_cursor *c;
    bool more;
    struct pxs_record *r = malloc(sizeof *r);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ck_fails(pxs_record_next(c, r, &more, &err), PXS_E_CORRUPT,
             "damaged from byte 16 to byte 300017");
    pxs_record_cursor_close(&c);
    free(r);
    free(wide);
    free(data);
}
END_TEST

/* Nothing takes time by the size of a hole: as if it were not there, at the end a torn tail, before
 * records damage. */
START_TEST(a_hole_of_any_size_is_passed_over)
{
    static const off_t huge = (off_t)10 << 30;
    write_file(3);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    struct pxs_record_cursor *c;
    bool more;
    struct pxs_record *r = malloc(sizeof *r);
    ck_assert_int_eq(truncate(temp_file(), huge), 0);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    for (int n = 0; n < 3; n++) {
        ck_ok(pxs_record_next(c, r, &more, &err));
        ck_assert(more);
    }
    ck_ok(pxs_record_next(c, r, &more, &err));
    ck_assert(!more);
    ck_assert_int_eq(pxs_record_cursor_offset(c), (int64_t)bytes);
    int fd = open(temp_file(), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, data + 16, bytes - 16, huge + 5), (ssize_t)(bytes - 16));
    close(fd);
    ck_fails(pxs_record_next(c, r, &more, &err), PXS_E_CORRUPT,
             "to byte 10737418245, where records go on");
    pxs_record_cursor_seek(c, huge + 5);
    for (int n = 0; n < 3; n++)
        ck_ok(pxs_record_next(c, r, &more, &err));
    ck_ok(pxs_record_next(c, r, &more, &err));
    ck_assert(!more);
    pxs_record_cursor_close(&c);
    free(r);
    free(data);
}
END_TEST

/* No writer leaves so much behind: not read to its end, and not taken for a torn record. */
START_TEST(a_tail_too_long_is_damage)
{
    static unsigned char other[1 << 20];
    write_file(3);
    unsigned char *data;
    size_t bytes;
    char expected[100];
    file_read(&data, &bytes);
    struct pxs_record_cursor *c;
    bool more;
    struct pxs_record *r = malloc(sizeof *r);
    memset(other, 'x', sizeof other);
    int fd = open(temp_file(), O_WRONLY | O_APPEND);
    for (int i = 0; i < 63; i++)
        ck_assert_int_eq(write(fd, other, sizeof other), sizeof other);
    ck_ok(pxs_record_cursor_open(temp_file(), (int64_t)bytes, &c, &err));
    ck_ok(pxs_record_next(c, r, &more, &err));
    ck_assert(!more);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(write(fd, other, sizeof other), sizeof other);
    close(fd);
    snprintf(expected, sizeof expected, "damaged from byte %d on: no record in the next 64 MB",
             (int)bytes);
    ck_fails(pxs_record_next(c, r, &more, &err), PXS_E_CORRUPT, expected);
    pxs_record_cursor_close(&c);
    free(r);
    free(data);
}
END_TEST

START_TEST(a_file_that_was_cut_back)
{
    write_file(COUNT);
    struct pxs_record_cursor *c, *d = NULL;
    enum pxs_status status;
    bool more;
    struct pxs_record *r = malloc(sizeof *r);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    read_on(c, 0, &status);
    int64_t end = pxs_record_cursor_offset(c);
    ck_assert_int_eq(truncate(temp_file(), end / 2), 0);
    ck_fails(pxs_record_next(c, r, &more, &err), PXS_E_NOT_FOUND, "was cut back");
    ck_fails(pxs_record_cursor_open(temp_file(), end, &d, &err), PXS_E_NOT_FOUND, "fewer than");
    ck_assert_ptr_null(d);
    pxs_record_cursor_close(&c);
    free(r);
}
END_TEST

START_TEST(other_files_are_refused)
{
    struct pxs_record_cursor *c = NULL;
    ck_fails(pxs_record_cursor_open(temp_file(), 0, &c, &err), PXS_E_NOT_FOUND, "cannot open");
    file_write((const unsigned char *)"SQLite format 3\0 and so on", 26);
    ck_fails(pxs_record_cursor_open(temp_file(), 0, &c, &err), PXS_E_CORRUPT, "not a record file");
    write_file(2);
    static const unsigned char unknown[] = {0, 3, 255};
    for (size_t i = 0; i < PXS_COUNT(unknown); i++) {
        set_file_version(unknown[i]);
        ck_fails(pxs_record_cursor_open(temp_file(), 0, &c, &err), PXS_E_UNSUPPORTED,
                 "a newer pixsweep wrote it; use that one");
    }
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(version_1_reads_the_same)
{
    write_file(COUNT);
    ck_assert_int_eq(file_version(), 2);
    set_file_version(1);
    struct pxs_record_cursor *c;
    enum pxs_status status;
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ck_assert_int_eq(read_on(c, 0, &status), COUNT);
    ck_assert_int_eq(status, PXS_OK);
    pxs_record_cursor_close(&c);
}
END_TEST

START_TEST(finds_the_last_begin)
{
    struct pxs_record_writer *w;
    struct pxs_record_begin begin;
    int64_t starts[4];
    ck_fails(pxs_record_last_begin(temp_file(), -1, &begin, &err), PXS_E_NOT_FOUND, "cannot open");
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    ck_fails(pxs_record_last_begin(temp_file(), -1, &begin, &err), PXS_E_NOT_FOUND, "no attempt");
    for (int attempt = 1; attempt <= 3; attempt++) {
        starts[attempt] = pxs_record_writer_bytes(w);
        for (int i = 0; i < 3; i++) {
            struct pxs_record *r = sample_record(i ? PXS_RECORD_BATCH : PXS_RECORD_BEGIN, attempt);
            ck_ok(pxs_record_write(w, r, &err));
            free(r);
        }
    }
    pxs_record_writer_close(&w);
    ck_ok(pxs_record_last_begin(temp_file(), -1, &begin, &err));
    ck_assert_int_eq(begin.attempt, 3);
    for (int attempt = 2; attempt <= 3; attempt++) {
        ck_ok(pxs_record_last_begin(temp_file(), starts[attempt], &begin, &err));
        ck_assert_int_eq(begin.attempt, attempt - 1);
        ck_fails(pxs_record_last_begin(temp_file(), starts[attempt] + 5, &begin, &err),
                 PXS_E_CORRUPT, "no record ends at byte");
    }
    ck_fails(pxs_record_last_begin(temp_file(), starts[1], &begin, &err), PXS_E_NOT_FOUND,
             "no attempt");
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    data[starts[3] + 20] ^= 1;
    file_write(data, bytes);
    free(data);
    ck_ok(pxs_record_last_begin(temp_file(), -1, &begin, &err));
    ck_assert_int_eq(begin.attempt, 2);
}
END_TEST

/* A kind of a newer pixsweep is not skipped in silence. */
START_TEST(unknown_kinds_are_refused)
{
    write_file(2);
    unsigned char *data;
    size_t bytes;
    file_read(&data, &bytes);
    data[16 + 4] = 42;
    size_t payload = data[16 + 8] + 256u * data[16 + 9];
    uint32_t crc = pxs_crc32c(pxs_crc32c(0, data + 20, 8), data + 32, payload);
    for (int i = 0; i < 4; i++)
        data[28 + i] = (unsigned char)(crc >> (8 * i));
    file_write(data, bytes);
    struct pxs_record_cursor *c;
    bool more;
    struct pxs_record *r = malloc(sizeof *r);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    ck_fails(pxs_record_next(c, r, &more, &err), PXS_E_CORRUPT, "byte 16: a record of kind 42");
    pxs_record_cursor_close(&c);
    free(r);
    free(data);
}
END_TEST

START_TEST(finds_where_an_attempt_begins)
{
    struct pxs_record_writer *w;
    int64_t starts[4] = {0}, found = -7;
    ck_fails(pxs_record_find_attempt(temp_file(), 1, &found, &err), PXS_E_NOT_FOUND, "cannot open");
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    for (int attempt = 1; attempt <= 3; attempt++) {
        starts[attempt] = pxs_record_writer_bytes(w);
        for (int i = 0; i < 3; i++) {
            struct pxs_record *r = sample_record(i ? PXS_RECORD_BATCH : PXS_RECORD_BEGIN, attempt);
            ck_ok(pxs_record_write(w, r, &err));
            free(r);
        }
        for (int a = 1; a <= attempt; a++) {
            ck_ok(pxs_record_find_attempt(temp_file(), a, &found, &err));
            ck_assert_int_eq(found, starts[a]);
        }
        found = -7;
        ck_fails(pxs_record_find_attempt(temp_file(), attempt + 1, &found, &err), PXS_E_NOT_FOUND,
                 "(yet)");
        ck_assert_int_eq(found, -7);
    }
    pxs_record_writer_close(&w);
}
END_TEST

/* A reader beside a writer in another process sees every record, in order, and never damage. */
START_TEST(reads_while_somebody_writes)
{
    enum { MANY = 20000 };
    struct pxs_record_writer *w;
    ck_ok(pxs_record_writer_open(temp_file(), 0, &w, &err));
    pid_t child = fork();
    if (child == 0) {
        struct pxs_record *r = sample_record(PXS_RECORD_BATCH, 1),
                          *s = sample_record(PXS_RECORD_EVENT, 1);
        int bad = 0;
        for (int i = 0; i < MANY; i++) {
            r->batch.step = i;
            s->event.at_ms = i;
            bad |= pxs_record_write(w, i % 7 ? r : s, NULL) != PXS_OK;
        }
        _exit(bad);
    }
    pxs_record_writer_close(&w);
    struct pxs_record_cursor *c;
    struct pxs_record *r = malloc(sizeof *r);
    ck_ok(pxs_record_cursor_open(temp_file(), 0, &c, &err));
    for (int n = 0; n < MANY;) {
        bool more = false;
        ck_ok(pxs_record_next(c, r, &more, &err));
        if (!more)
            continue;
        ck_assert_int_eq(r->kind == PXS_RECORD_BATCH ? r->batch.step : r->event.at_ms, n);
        n++;
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    pxs_record_cursor_close(&c);
    free(r);
}
END_TEST

/* Kinds in the order of a file of two batches an epoch: B(EGIN), b(atch), e(poch), E(ND,
 * completed), x (END, interrupted); a digit after B is the step that it goes on from. What a writer
 * leaves is fine, also where it has not cut what is repeated. */
static const struct {
    const char *file;
    bool fine;
} orders[] = {{"BbbebbeE", true},    {"Bbbebx", true},       {"BbbebB3beE", true},
              {"BbbebxB3beE", true}, {"BbbB2ebbeE", true},   {"BbbeB2bbeE", true},
              {"BbxBbbebbeE", true}, {"BbbeB1bebbeE", true}, {"bbe", false},
              {"BbbebbeEE", false},  {"BbbebbeEx", false},   {"BbbebbeEb", false},
              {"BE", false},         {"BbbeE", false},       {"Bbbebbbe", false},
              {"Bbbeebbe", false},   {"Bbbebe", false},      {"BbbB3", false},
              {"Be", false},         {"BbbebbeBE", false},   {"Bbbebbebbe", false}};

START_TEST(what_can_follow_what)
{
    struct pxs_record_order order = {.n_epochs = 2};
    struct pxs_record r;
    char why[PXS_RECORD_WHY] = "";
    bool fine = true;
    int step = 0, epochs = 0;
    for (const char *c = orders[_i].file; *c && fine; c++) {
        memset(&r, 0, sizeof r);
        if (*c == 'B') {
            step = c[1] >= '0' && c[1] <= '9' ? c[1] - '0' : 0;
            epochs = step / 2 - (step > 0 && c[2] == 'e');
            r.kind = PXS_RECORD_BEGIN;
            r.begin =
                (struct pxs_record_begin){.attempt = 1, .resumed_from_step = step > 0 ? step : -1};
            c += step > 0;
        } else if (*c == 'b') {
            r.kind = PXS_RECORD_BATCH;
            r.batch = (struct pxs_record_batch){.step = step, .epoch = step / 2, .batch = step % 2};
            step++;
        } else if (*c == 'e') {
            r.kind = PXS_RECORD_EPOCH;
            r.epoch.epoch = epochs++;
        } else {
            r.kind = PXS_RECORD_END;
            r.end.outcome = *c == 'E' ? PXS_OUTCOME_COMPLETED : PXS_OUTCOME_INTERRUPTED;
        }
        fine = pxs_record_follows(&order, &r, why);
    }
    ck_assert_msg(fine == orders[_i].fine, "%s: %s", orders[_i].file, why);
    ck_assert_int_eq(fine, why[0] == '\0');
}
END_TEST

TCase *cursor_case(void) {
    TCase *c = tcase_create("cursor");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, reads_what_was_written);
    tcase_add_test(c, a_torn_tail_is_the_end_until_it_is_whole);
    tcase_add_test(c, zeros_at_the_end_are_a_torn_tail);
    tcase_add_test(c, every_flipped_bit_is_found);
    tcase_add_test(c, damage_is_named_by_its_place);
    tcase_add_test(c, records_behind_much_damage_are_seen);
    tcase_add_test(c, a_hole_of_any_size_is_passed_over);
    tcase_add_test(c, a_tail_too_long_is_damage);
    tcase_add_test(c, a_file_that_was_cut_back);
    tcase_add_test(c, other_files_are_refused);
    tcase_add_test(c, version_1_reads_the_same);
    tcase_add_test(c, finds_the_last_begin);
    tcase_add_test(c, unknown_kinds_are_refused);
    tcase_add_loop_test(c, what_can_follow_what, 0, (int)PXS_COUNT(orders));
    tcase_add_test(c, finds_where_an_attempt_begins);
    tcase_add_test(c, reads_while_somebody_writes);
    return c;
}
