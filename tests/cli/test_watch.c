/* Signals of a night, and looking on from another terminal. */
#include "cli_tests.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void setup(void) {
    test_folder_enter();
    ck_assert_msg(make_experiment(), "no fonts: run tools/deps");
}

static const char *const long_run[] = {"pixsweep", "run",   "tiny.yaml",       "--jobs",
                                       "1",        "--set", "n_epochs=100000", NULL};
static const char *const short_run[] = {"pixsweep", "run",   "tiny.yaml", "--jobs",
                                        "1",        "--set", SHORT_RUN,   NULL};

/* What a terminal shows, kept as it comes; the program waits where nobody reads. */
struct screen {
    int terminal;
    size_t used;
    char text[1 << 20];
};

/* Reads on until `part` has come (NULL: until the program has let go of its terminal). */
static void read_until(struct screen *s, const char *part) {
    while (part == NULL || strstr(s->text, part) == NULL) {
        struct pollfd fd = {.fd = s->terminal, .events = POLLIN};
        ck_assert_msg(poll(&fd, 1, 60000) == 1, "no \"%s\" in:\n%s", part != NULL ? part : "end",
                      s->text);
        const size_t room = sizeof s->text - 1 - s->used;
        ck_assert_uint_gt(room, 0);
        const ssize_t n = read(s->terminal, s->text + s->used, room);
        if (n <= 0 && part == NULL)
            return;
        ck_assert_msg(n > 0, "no \"%s\" in:\n%s", part, s->text);
        s->used += (size_t)n;
        s->text[s->used] = '\0';
    }
}

/* ---- signals -------------------------------------------------------------------------------- */

START_TEST(a_closed_terminal_does_not_end_a_run)
{
    static struct screen s;
    const pid_t pid = start_on_terminal(short_run, &s.terminal);
    read_until(&s, "started");
    close(s.terminal);
    ck_assert_int_eq(wait_for(pid), 0);
    struct result log = shell("cat results/tiny/run.log");
    ck_has(log.out, ": the terminal was closed; going on, progress stands in ");
    ck_has(log.out, "tiny/0002-lr_policy_G-halve_lrgd-90_" SHORT_NAME "-s0: completed in ");
    ck_has(log.out, "tiny: 2 of 2 runs completed");
    ck_has_not(log.out, "\033");
    ck_assert_ptr_eq(strstr(log.out, "2"), log.out); /* first the time of day */
    drop(&log);
    ck_prints(pixsweep("ls", "--state", "completed", NULL), "tiny/0002");
}
END_TEST

/* Where the words go to files, they go on to, and the log has them, too. */
START_TEST(a_hangup_leaves_files_alone)
{
    const pid_t pid = start(short_run);
    await("err", "started");
    kill(pid, SIGHUP);
    ck_assert_int_eq(wait_for(pid), 0);
    await("err", "the terminal was closed");
    await("err", "tiny/0002-lr_policy_G-halve_lrgd-90_" SHORT_NAME "-s0: completed");
    await("out", "tiny: 2 of 2 runs completed");
    await("results/tiny/run.log",
          "tiny/0002-lr_policy_G-halve_lrgd-90_" SHORT_NAME "-s0: completed");
    await("results/tiny/run.log", "tiny: 2 of 2 runs completed");
}
END_TEST

START_TEST(ctrl_c_on_a_terminal_stops_at_the_next_batch)
{
    static struct screen s;
    const pid_t pid = start_on_terminal(long_run, &s.terminal);
    read_until(&s, "epochs ");
    ck_assert_int_eq(write(s.terminal, "\003", 1), 1);
    read_until(&s, "0 of 2 runs completed, 1 interrupted");
    read_until(&s, NULL);
    ck_assert_int_eq(wait_for(pid), 130);
    close(s.terminal);
    ck_has(s.text, "stopping: each run ends after its current batch");
    ck_prints(
        pixsweep("sql", "SELECT outcome, exit_code, signal FROM attempt", "--format", "csv", NULL),
        "interrupted,130,\n");
}
END_TEST

START_TEST(a_second_ctrl_c_on_a_terminal_kills)
{
    static struct screen s;
    const pid_t pid = start_on_terminal(long_run, &s.terminal);
    read_until(&s, "epochs ");
    struct result r = pixsweep("sql", "SELECT pid FROM attempt", "--format", "csv", NULL);
    const pid_t worker = (pid_t)strtol(strchr(r.out, '\n'), NULL, 10);
    drop(&r);
    ck_assert_int_gt(worker, 1);
    kill(worker, SIGSTOP); /* it cannot come to its next batch */
    ck_assert_int_eq(write(s.terminal, "\003", 1), 1);
    read_until(&s, "stopping");
    ck_assert_int_eq(write(s.terminal, "\003", 1), 1);
    read_until(&s, "killing the workers");
    read_until(&s, NULL);
    ck_assert_int_eq(wait_for(pid), 130);
    close(s.terminal);
    ck_prints(pixsweep("sql", "SELECT outcome, signal FROM attempt", "--format", "csv", NULL),
              "interrupted,9\n");
}
END_TEST

START_TEST(usr1_and_a_new_size_do_not_end_a_run)
{
    static struct screen s;
    const struct winsize narrow = {.ws_row = 3, .ws_col = 30};
    const pid_t pid = start_on_terminal(short_run, &s.terminal);
    read_until(&s, "started");
    ck_assert_int_eq(ioctl(s.terminal, TIOCSWINSZ, &narrow), 0);
    kill(pid, SIGUSR1);
    read_until(&s, "asked 1 run to write a resume point and go on");
    read_until(&s, "tiny: 2 of 2 runs completed");
    read_until(&s, NULL);
    ck_assert_int_eq(wait_for(pid), 0);
    close(s.terminal);
    ck_prints(pixsweep("sql", "SELECT count(*) AS n FROM attempt", "--format", "csv", NULL),
              "n\n2\n");
}
END_TEST

/* ---- watch ---------------------------------------------------------------------------------- */

START_TEST(watch_once_prints_the_board)
{
    const pid_t pid = start(long_run);
    await("err", "started");
    await_output("\"$PIXSWEEP\" watch --once 2>&1", "val 0.");
    struct result r = shell("\"$PIXSWEEP\" watch --once 2>&1");
    ck_assert_int_eq(r.code, 0);
    ck_has(r.out, "0001-lr_policy_G-constant_n_epochs-100000-s0  epoch");
    ck_has(r.out, "/100000  batches ");
    ck_has(r.out, "img/s");
    ck_has(r.out, "\ntiny: 0/2 done, 1 running, 1 queued  elapsed ");
    drop(&r);
    kill(pid, SIGTERM);
    ck_assert_int_eq(wait_for(pid), 130);
    ck_prints(shell("\"$PIXSWEEP\" watch tiny --once"),
              "tiny: 0/2 done, 1 interrupted, 1 queued\n");
    ck_prints(shell("\"$PIXSWEEP\" watch tiny --once"), "no process works on it now");
}
END_TEST

START_TEST(watch_ends_with_the_sweep)
{
    const pid_t pid = start(short_run);
    await("err", "started");
    struct result r = shell("\"$PIXSWEEP\" watch > seen.out 2> seen.err");
    ck_assert_int_eq(r.code, 0);
    drop(&r);
    ck_prints(shell("cat seen.out"), "tiny: 2 of 2 runs completed\n");
    ck_prints(shell("cat seen.out"), "\ntiny: "); /* a board before it */
    ck_prints(shell("wc -c < seen.err"), "0\n");
    ck_assert_int_eq(wait_for(pid), 0);
    r = shell(
        "sqlite3 results/pixsweep.db \"UPDATE run SET state = 'cancelled' WHERE run_id = 1\" && "
        "\"$PIXSWEEP\" watch --quiet");
    ck_assert_int_eq(r.code, 1);
    ck_assert_str_eq(r.out, "tiny: 1 of 2 runs completed, 1 cancelled\n");
    ck_assert_str_eq(r.err, "");
    drop(&r);
    ck_refused(pixsweep("watch", "tinny", NULL), 2, "tiny");
    ck_refused(pixsweep("watch", "tinny", "--once", NULL), 2, "tiny");
}
END_TEST

START_TEST(watch_waits_for_a_database)
{
    const char *const args[] = {"pixsweep", "watch", "tiny", "--wait", NULL};
    ck_refused(pixsweep("watch", NULL), 2, "there is no database at ");
    ck_refused(pixsweep("watch", "tiny", NULL), 2, "`pixsweep run FILE` makes one");
    const pid_t pid = start(args);
    await("err", "warning: waiting for the database: ");
    struct result r =
        shell("mkdir results && echo rubbish > results/pixsweep.db && sleep 1 && "
              "rm results/pixsweep.db && \"$PIXSWEEP\" run tiny.yaml --quiet > run.out 2>&1");
    drop(&r);
    ck_assert_int_eq(wait_for(pid), 0);
}
END_TEST

START_TEST(watch_redraws_in_place_and_ends_on_ctrl_c)
{
    static struct screen s;
    const char *const args[] = {"pixsweep", "watch", NULL};
    const pid_t pid = start(long_run);
    await("err", "started");
    const pid_t watching = start_on_terminal(args, &s.terminal);
    read_until(&s, "A\033[J");
    ck_has(s.text, "tiny: 0/2 done, 1 running, 1 queued");
    ck_assert_int_eq(write(s.terminal, "\003", 1), 1);
    read_until(&s, NULL);
    ck_assert_int_eq(wait_for(watching), 130);
    close(s.terminal);
    kill(pid, SIGTERM);
    ck_assert_int_eq(wait_for(pid), 130);
}
END_TEST

/* Processes as /proc shows them: a run that writes to a database, its worker, another program. */
START_TEST(watch_finds_the_sweep_that_runs_in_another_folder)
{
    ck_prints(pixsweep("run", "tiny.yaml", NULL), "2 of 2 runs completed");
    ck_prints(shell("mkdir -p other proc/7/fd proc/8/fd proc/9/fd &&"
                    "printf '/x/pixsweep\\0run\\0tiny.yaml\\0' >proc/7/cmdline &&"
                    "printf 'pixsweep\\0worker\\0' >proc/8/cmdline && printf 'vi\\0run\\0' "
                    ">proc/9/cmdline &&"
                    "for p in 7 8 9; do ln -s "
                    "$PWD/results/pixsweep.db.lock proc/$p/fd/4; done &&"
                    "ln -s $PWD/x/.supervisor.lock proc/7/fd/3; echo made"),
              "made");
    ck_assert_int_eq(setenv("PIXSWEEP_PROC", in_folder("proc"), 1), 0);
    ck_prints(shell("cd other && \"$PIXSWEEP\" watch --once 2>said && cat said"),
              "there is no database here; a sweep runs with --db ");
    ck_prints(shell("cd other && \"$PIXSWEEP\" watch --once --quiet"), "tiny: 2/2 done");
    ck_refused(shell("cd other && \"$PIXSWEEP\" watch --results here"), 2, "here/pixsweep.db");
    ck_refused(shell("cd other && \"$PIXSWEEP\" watch big"), 2, "other/results/pixsweep.db yet");
    ck_prints(
        shell(
            "\"$PIXSWEEP\" backup other.db >/dev/null && ln -sfn $PWD/other.db.lock proc/9/fd/4 &&"
            "printf 'pixsweep\\0run\\0' >proc/9/cmdline && echo two"),
        "two");
    ck_refused(shell("cd other && \"$PIXSWEEP\" watch tiny"), 2, "/other.db\n");
    ck_refused(shell("cd other && \"$PIXSWEEP\" watch tiny"), 2, "\n  pixsweep watch tiny --db ");
}
END_TEST

Suite *watch_suite(void) {
    Suite *suite = suite_create("cli-watch");
    TCase *c = tcase_create("watch");
    tcase_add_checked_fixture(c, setup, test_folder_leave);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, a_closed_terminal_does_not_end_a_run);
    tcase_add_test(c, a_hangup_leaves_files_alone);
    tcase_add_test(c, ctrl_c_on_a_terminal_stops_at_the_next_batch);
    tcase_add_test(c, a_second_ctrl_c_on_a_terminal_kills);
    tcase_add_test(c, usr1_and_a_new_size_do_not_end_a_run);
    tcase_add_test(c, watch_once_prints_the_board);
    tcase_add_test(c, watch_ends_with_the_sweep);
    tcase_add_test(c, watch_waits_for_a_database);
    tcase_add_test(c, watch_finds_the_sweep_that_runs_in_another_folder);
    tcase_add_test(c, watch_redraws_in_place_and_ends_on_ctrl_c);
    suite_add_tcase(suite, c);
    return suite;
}
