/* Child processes: environment, signals, groups, how they end, the lines that they print. */
#include "base_tests.h"
#include "pixsweep/base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shell {
    struct pxs_child child;
    struct pxs_lines lines;
};

/* `sh -c script` with its stdout in `lines`. */
static void start(struct shell *sh, const char *script, struct pxs_child_spec spec) {
    const char *const argv[] = {"sh", "-c", script, NULL};
    int ends[2];
    *sh = (struct shell){0};
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    spec.what = "a test";
    spec.program = "sh";
    spec.argv = argv;
    spec.in = spec.err = -1;
    spec.out = ends[1];
    ck_assert_int_eq(pxs_child_start(&spec, &sh->child, NULL), PXS_OK);
    ck_assert_int_gt(sh->child.pid, 0);
    close(ends[1]);
    sh->lines.fd = ends[0];
}

/* The next line; "" at the end. */
static const char *line(struct shell *sh) {
    const char *next;
    while (!(next = pxs_lines_next(&sh->lines)) && !sh->lines.ended) {
        struct pollfd fd = {.fd = sh->lines.fd, .events = POLLIN};
        ck_assert_int_gt(poll(&fd, 1, 20000), 0);
    }
    return next ? next : "";
}

static void expect_end(struct shell *sh, int how, int code) {
    const struct pxs_exit end = pxs_child_finish(&sh->child, 20);
    ck_assert_int_eq(end.how, how);
    ck_assert_int_eq(end.code, code);
    ck_assert_int_eq(sh->child.pid, 0);
    close(sh->lines.fd);
}

START_TEST(a_child_says_how_it_ended)
{
    struct shell sh;
    struct pxs_exit how;
    start(&sh, "exit 7", (struct pxs_child_spec){0});
    expect_end(&sh, PXS_EXITED, 7);
    start(&sh, "kill -USR1 $$", (struct pxs_child_spec){0});
    expect_end(&sh, PXS_SIGNALLED, SIGUSR1);
    start(&sh, "read nothing; echo $?", (struct pxs_child_spec){0}); /* stdin is empty */
    ck_assert_str_eq(line(&sh), "1");
    while (!pxs_child_reap(&sh.child, &how))
        usleep(1000);
    ck_assert_int_eq(how.how, PXS_EXITED);
    ck_assert_int_eq(how.code, 0);
    close(sh.lines.fd);
    /* Reaped behind our back. */
    signal(SIGCHLD, SIG_IGN);
    start(&sh, "exit 0", (struct pxs_child_spec){0});
    expect_end(&sh, PXS_LOST, 0);
    signal(SIGCHLD, SIG_DFL);
    ck_assert_int_eq(pxs_child_finish(&(struct pxs_child){0}, 0).how, PXS_EXITED);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_told_before_anything_runs)
{
    static const char *const argv[] = {"nothing", NULL};
    struct pxs_child_spec spec = {
        .what = "./nothing", .program = "./nothing", .argv = argv, .in = -1, .out = -1, .err = -1};
    struct pxs_child c = {0};
    struct pxs_error err;
    ck_assert_int_eq(pxs_child_start(&spec, &c, &err), PXS_E_NOT_FOUND);
    ck_assert_str_eq(err.message, "cannot start ./nothing: No such file or directory");
    spec.program = "/dev/null";
    ck_assert_int_eq(pxs_child_start(&spec, &c, &err), PXS_E_IO);
    ck_assert_str_eq(err.message, "cannot start ./nothing: Permission denied");
    ck_assert_int_eq(c.pid, 0);
}
END_TEST

START_TEST(its_environment_is_ours_but_for_what_is_said)
{
    static const char *const set[] = {"PXS_A=new", "PXS_B=", NULL};
    struct shell sh;
    setenv("PXS_A", "old", 1);
    setenv("PXS_AB", "stays", 1);
    setenv("OTHER_C", "gone", 1);
    setenv("OTHER", "stays", 1);
    start(&sh, "echo $PXS_A,${PXS_B-none},$PXS_AB,${OTHER_C-none},$OTHER",
          (struct pxs_child_spec){.set = set, .without = "OTHER_"});
    ck_assert_str_eq(line(&sh), "new,,stays,none,stays");
    expect_end(&sh, PXS_EXITED, 0);
    start(&sh, "echo $PXS_A", (struct pxs_child_spec){0});
    ck_assert_str_eq(line(&sh), "old");
    expect_end(&sh, PXS_EXITED, 0);
}
END_TEST

/* Ignored by us and blocked, as under nohup: the child hears it all the same. */
START_TEST(it_hears_signals_that_we_do_not)
{
    struct shell sh;
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    start(&sh, "kill -INT $$", (struct pxs_child_spec){0});
    expect_end(&sh, PXS_SIGNALLED, SIGINT);
    start(&sh, "kill -TERM $$", (struct pxs_child_spec){0});
    expect_end(&sh, PXS_SIGNALLED, SIGTERM);
    start(&sh, "kill -USR1 $$; echo on", (struct pxs_child_spec){.ignored = SIGUSR1});
    ck_assert_str_eq(line(&sh), "on");
    expect_end(&sh, PXS_EXITED, 0);
}
END_TEST

START_TEST(a_deadline_asks_and_then_kills)
{
    struct shell sh;
    struct pxs_exit how;
    start(&sh, "trap 'echo heard' TERM; echo ready; while :; do sleep 0.01; done",
          (struct pxs_child_spec){0});
    ck_assert_str_eq(line(&sh), "ready");
    pxs_child_end(&sh.child, 100, 5);
    ck_assert_str_eq(line(&sh), "heard");
    pxs_child_end(&sh.child, 105, 5);
    ck_assert(sh.child.asked && !sh.child.killed);
    ck_assert(!pxs_child_reap(&sh.child, &how));
    pxs_child_end(&sh.child, 105.1, 5);
    ck_assert(sh.child.killed);
    expect_end(&sh, PXS_SIGNALLED, SIGKILL);
}
END_TEST

/* The pipe closes when the last process that holds it is gone. */
START_TEST(finish_ends_all_that_it_started)
{
    struct shell sh;
    start(&sh, "sleep 1000 & echo $!; exit 3", (struct pxs_child_spec){0});
    ck_assert_int_gt(atoi(line(&sh)), 0);
    const struct pxs_exit end = pxs_child_finish(&sh.child, 20);
    ck_assert_int_eq(end.how, PXS_EXITED);
    ck_assert_int_eq(end.code, 3);
    ck_assert_str_eq(line(&sh), "");
    ck_assert(sh.lines.ended);
    close(sh.lines.fd);
}
END_TEST

START_TEST(lines_come_whole_long_or_without_an_end)
{
    struct shell sh;
    start(&sh, "printf 'one\\n\\nthree\\n'; head -c 5000 /dev/zero | tr '\\0' x; echo; printf last",
          (struct pxs_child_spec){0});
    ck_assert_str_eq(line(&sh), "one");
    ck_assert_str_eq(line(&sh), "");
    ck_assert(!sh.lines.ended);
    ck_assert_str_eq(line(&sh), "three");
    ck_assert_uint_eq(strlen(line(&sh)), sizeof sh.lines.text - 1);
    ck_assert(sh.lines.cut);
    ck_assert_uint_eq(strlen(line(&sh)), 5000 - (sizeof sh.lines.text - 1));
    ck_assert(!sh.lines.cut);
    ck_assert_str_eq(line(&sh), "last");
    ck_assert_str_eq(line(&sh), "");
    ck_assert(sh.lines.ended);
    expect_end(&sh, PXS_EXITED, 0);
    /* Of somebody who waits no longer. */
    start(&sh, "printf 'a\\nhalf'; exec sleep 1000", (struct pxs_child_spec){0});
    ck_assert_str_eq(line(&sh), "a");
    while (pxs_lines_next(&sh.lines) == NULL && sh.lines.held < strlen("half"))
        usleep(1000);
    ck_assert_str_eq(pxs_lines_rest(&sh.lines), "half");
    ck_assert_ptr_null(pxs_lines_rest(&sh.lines));
    pxs_child_kill(&sh.child);
    expect_end(&sh, PXS_SIGNALLED, SIGKILL);
}
END_TEST

TCase *child_case(void) {
    TCase *c = tcase_create("child");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_child_says_how_it_ended);
    tcase_add_test(c, a_program_that_is_not_there_is_told_before_anything_runs);
    tcase_add_test(c, its_environment_is_ours_but_for_what_is_said);
    tcase_add_test(c, it_hears_signals_that_we_do_not);
    tcase_add_test(c, a_deadline_asks_and_then_kills);
    tcase_add_test(c, finish_ends_all_that_it_started);
    tcase_add_test(c, lines_come_whole_long_or_without_an_end);
    return c;
}
