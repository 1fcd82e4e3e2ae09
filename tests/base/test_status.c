#include "base_tests.h"
#include "pixsweep/base.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

START_TEST(fail_fills_and_returns)
{
    struct pxs_error err = {0};
    ck_assert_int_eq(pxs_fail(&err, PXS_E_INVALID, "bad %s %d", "thing", 7), PXS_E_INVALID);
    ck_assert_int_eq(err.status, PXS_E_INVALID);
    ck_assert_str_eq(err.message, "bad thing 7");
    ck_assert_int_eq(pxs_fail(NULL, PXS_E_BUSY, "x"), PXS_E_BUSY);
    pxs_fail(&err, PXS_E_IO, "again: %s", err.message); /* may quote itself */
    ck_assert_str_eq(err.message, "again: bad thing 7");
}
END_TEST

START_TEST(errno_kinds)
{
    struct pxs_error err;
    errno = ENOENT;
    ck_assert_int_eq(pxs_fail_errno(&err, "cannot open %s", "f"), PXS_E_NOT_FOUND);
    ck_assert_str_eq(err.message, "cannot open f: No such file or directory");
    errno = ENOMEM;
    ck_assert_int_eq(pxs_fail_errno(&err, "x"), PXS_E_NOMEM);
    errno = ENOSPC;
    ck_assert_int_eq(pxs_fail_errno(&err, "x"), PXS_E_NOSPC);
    errno = EDQUOT;
    ck_assert_int_eq(pxs_fail_errno(&err, "x"), PXS_E_NOSPC);
    errno = EACCES;
    ck_assert_int_eq(pxs_fail_errno(NULL, "x"), PXS_E_IO);
    ck_assert_int_eq(pxs_fail_nomem(&err), PXS_E_NOMEM);
    ck_assert_str_eq(err.message, "out of memory");
}
END_TEST

START_TEST(prefix)
{
    struct pxs_error err;
    pxs_fail(&err, PXS_E_CORRUPT, "torn");
    ck_assert_int_eq(pxs_error_prefix(&err, "%s:%d", "a.yaml", 3), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, "a.yaml:3: torn");
}
END_TEST

START_TEST(long_messages_are_cut)
{
    struct pxs_error err;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    pxs_fail(&err, PXS_E_INVALID, "%s", text);
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    pxs_error_prefix(&err, "front");
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    ck_assert_int_eq(strncmp(err.message, "front: xxx", 10), 0);
    errno = EACCES;
    pxs_fail_errno(&err, "%s", text);
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
}
END_TEST

static void collect(void *user, enum pxs_log_level level, const char *text) {
    pxs_text_addf(user, "%d:%zu:%.3s", level, strlen(text), text);
}

START_TEST(logging)
{
    struct pxs_text seen = {0};
    pxs_log((struct pxs_logger){.write = collect, .user = &seen}, PXS_LOG_WARN, "abc%05000d", 1);
    ck_assert_str_eq(pxs_text_str(&seen), "2:5003:abc");
    pxs_log((struct pxs_logger){0}, PXS_LOG_ERROR, "nobody hears");
    pxs_text_finish(&seen);
}
END_TEST

static void set_limit(int resource, rlim_t soft) {
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(resource, &limit), 0);
    limit.rlim_cur = soft;
    ck_assert_int_eq(setrlimit(resource, &limit), 0);
}

static rlim_t limit_now(int resource) {
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(resource, &limit), 0);
    return limit.rlim_cur;
}

/* All limits as they are before, apart from `resource`; the words on `number`, of pxs_fail_errno
 * and of pxs_fail_start. */
static void words_under(int resource, rlim_t soft, int number, struct pxs_error *of_call,
                        struct pxs_error *of_start) {
    const rlim_t before = limit_now(resource);
    set_limit(resource, soft);
    errno = number;
    pxs_fail_errno(of_call, "cannot go");
    errno = number;
    pxs_fail_start(of_start, "cannot go");
    set_limit(resource, before);
}

START_TEST(limits_are_named_with_their_remedy)
{
    struct pxs_error err, start;
    words_under(RLIMIT_NOFILE, 40, EMFILE, &err, &start);
    ck_assert_str_eq(err.message,
                     "cannot go: Too many open files (`ulimit -n` allows a process 40 open files; "
                     "raise it where it is set: `ulimit -n 1024`)");
    ck_assert_str_eq(start.message, err.message);
    words_under(RLIMIT_NOFILE, 40, EACCES, &err, &start);
    ck_assert_str_eq(err.message, "cannot go: Permission denied");
    words_under(RLIMIT_AS, (rlim_t)1 << 50, ENOMEM, &err, &start);
    ck_assert_ptr_nonnull(strstr(err.message,
                                 "`ulimit -v` allows a process 1.1 PB of address space; raise it "
                                 "where it is set: `ulimit -v unlimited`)"));
    words_under(RLIMIT_DATA, (rlim_t)1 << 50, ENOMEM, &err, &start);
    ck_assert_ptr_nonnull(strstr(err.message, "(`ulimit -d` allows a process 1.1 PB of data; "));
    words_under(RLIMIT_FSIZE, 3000000, EFBIG, &err, &start);
    ck_assert_ptr_nonnull(strstr(err.message, "(`ulimit -f` allows a file 3.0 MB; "));
    words_under(RLIMIT_AS, (rlim_t)1 << 50, EAGAIN, &err,
                &start); /* many calls say EAGAIN, and not for that */
    ck_assert_str_eq(err.message, "cannot go: Resource temporarily unavailable");
    ck_assert_ptr_nonnull(strstr(start.message, "ulimit -v unlimited"));
    words_under(RLIMIT_NPROC, 700, EAGAIN, &err, &start);
    ck_assert_int_eq(strstr(start.message,
                            "allows a user 700 processes and threads; raise it where it is set: "
                            "`ulimit -u 1400`") != NULL,
                     geteuid() != 0);
}
END_TEST

TCase *status_case(void) {
    TCase *tc = tcase_create("status");
    tcase_add_test(tc, fail_fills_and_returns);
    tcase_add_test(tc, errno_kinds);
    tcase_add_test(tc, prefix);
    tcase_add_test(tc, long_messages_are_cut);
    tcase_add_test(tc, logging);
    tcase_add_test(tc, limits_are_named_with_their_remedy);
    return tc;
}
