/* A worker hears of its supervisor's death: over the socket that is its stdin, and from the kernel.
 */
#include "worker_tests.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/run/worker/worker_priv.h"

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
    usleep(50000); /* nothing happens by itself */
    ck_assert_int_eq(atomic_load(&stop.signal), 0);
    close(pair[0]);
    wait_until(atomic_load(&stop.signal) != 0);
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

TCase *supervisor_link_case(void) {
    TCase *c = tcase_create("supervisor link");
    tcase_add_test(c, test_lifeline);
    tcase_add_test(c, test_lifeline_quits);
    tcase_add_test(c, test_dies_with_parent);
    return c;
}
