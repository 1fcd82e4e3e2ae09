/* Worker processes on their own: log tails, pids. */
#include "supervisor_tests.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/run/supervisor/process_priv.h"
#include "../../src/run/worker/worker_priv.h"

static char file[PXS_PATH_MAX];

static void set_up(void) {
    test_folder_make();
    snprintf(file, sizeof file, "%s", in_folder("worker.log"));
}

static void expect_tail(const char *content, int64_t start, int lines, const char *expected) {
    struct pxs_text t = {0};
    ck_assert_int_eq(pxs_write_file(file, content, strlen(content), NULL), PXS_OK);
    pxs_log_tail(file, start, lines, &t);
    ck_assert_str_eq(pxs_text_str(&t), expected);
    pxs_text_finish(&t);
}

START_TEST(test_log_tail)
{
    expect_tail("", 0, 3, "");
    expect_tail("\n\n", 0, 3, "");
    expect_tail("one\n", 0, 3, "  | one");
    expect_tail("one\ntwo\nthree\nfour", 0, 3, "  | two\n  | three\n  | four");
    expect_tail("one\ntwo\nthree\n", 4, 3, "  | two\n  | three");
    expect_tail("one\n", 4, 3, "");
    expect_tail("a\n\nb\n", 0, 3, "  | a\n  | \n  | b");
}
END_TEST

START_TEST(test_log_tail_long)
{
    struct pxs_text content = {0}, t = {0};
    for (int i = 0; i < 20000; i++)
        pxs_text_addf(&content, "line %d\n", i);
    ck_assert_int_eq(pxs_write_file(file, content.text, content.len, NULL), PXS_OK);
    pxs_log_tail(file, 0, 50, &t);
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&t), "  | line 19950\n"));
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&t), "  | line 19999"));
    ck_assert_ptr_null(strstr(pxs_text_str(&t), "  | line 19949\n"));
    pxs_text_finish(&content);
    pxs_text_finish(&t);
}
END_TEST

START_TEST(test_pid_start)
{
    int64_t own = pxs_pid_start(getpid());
    ck_assert_int_gt(own, 0);
    ck_assert_int_eq(own, pxs_pid_start(getpid()));
    ck_assert_int_eq(pxs_pid_start(0), 0);
    ck_assert_int_eq(pxs_pid_start(1 << 30), 0);
}
END_TEST

START_TEST(test_host)
{
    struct pxs_host host;
    pxs_host_detect(&host);
    ck_assert_uint_gt(strlen(host.name), 0);
    ck_assert_uint_eq(strlen(host.boot_id), 36);
    struct pxs_memory memory;
    pxs_memory_look("", &memory);
    ck_assert_uint_gt(memory.available, 1000000);
}
END_TEST

/* Runs in check's own child process: its stdin is ours to replace. */
START_TEST(test_lifeline)
{
    int pair[2];
    struct pxs_stop stop = {0};
    struct pxs_lifeline line = {.quit = -1};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(dup2(pair[1], STDIN_FILENO), STDIN_FILENO);
    close(pair[1]);
    ck_assert_int_eq(pxs_lifeline_start(&line, &stop, 30, NULL), PXS_OK);
    usleep(50000);
    ck_assert_int_eq(atomic_load(&stop.signal), 0);
    close(pair[0]);
    for (int i = 0; i < 100 && atomic_load(&stop.signal) == 0; i++)
        usleep(10000);
    ck_assert_int_eq(atomic_load(&stop.signal), SIGTERM);
    pxs_lifeline_stop(&line);
}
END_TEST

START_TEST(test_lifeline_quits)
{
    int pair[2];
    struct pxs_stop stop = {0};
    struct pxs_lifeline line = {.quit = -1};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(dup2(pair[1], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(pxs_lifeline_start(&line, &stop, 30, NULL), PXS_OK);
    pxs_lifeline_stop(&line);
    ck_assert_int_eq(atomic_load(&stop.signal), 0);
}
END_TEST

START_TEST(test_dies_with_parent)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t parent = fork();
    if (parent == 0) {
        pid_t own = getpid();
        if (fork() == 0) {
            signal(SIGTERM, SIG_DFL); /* check's own handler would pass it on to the whole test */
            if (!pxs_bind_to_parent(own))
                _exit(1);
            ssize_t n = write(ready[1], "x", 1);
            (void)n;
            for (;;)
                pause();
        }
        pause();
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    kill(parent, SIGKILL);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    ck_assert_int_eq(read(ready[0], &byte, 1), 0); /* the last writer is gone */
    close(ready[0]);
}
END_TEST

Suite *process_suite(void) {
    Suite *suite = suite_create("process");
    TCase *c = tcase_create("process");
    tcase_add_checked_fixture(c, set_up, test_folder_remove);
    tcase_add_test(c, test_log_tail);
    tcase_add_test(c, test_log_tail_long);
    tcase_add_test(c, test_pid_start);
    tcase_add_test(c, test_host);
    tcase_add_test(c, test_lifeline);
    tcase_add_test(c, test_lifeline_quits);
    tcase_add_test(c, test_dies_with_parent);
    suite_add_tcase(suite, c);
    return suite;
}
