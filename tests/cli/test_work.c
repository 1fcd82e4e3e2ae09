/* Commands at work on a real pair set: data, plan, run, reading, signals, the board. Where the
 * fonts are missing there is nothing to work on; tools/deps installs them. */
#include "cli_tests.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void setup(void) {
    test_folder_enter();
    ck_assert_msg(make_experiment(), "no fonts: run tools/deps");
}

START_TEST(data_is_made_once_and_checked)
{
    ck_assert(make_experiment());
    ck_prints(pixsweep("data", "check", "data", NULL),
              "8 pairs to train on, 2 to validate with; 0 errors");
    write_text("data/train/zz.png", "");
    struct result r = pixsweep("data", "check", "data", NULL);
    ck_assert_int_eq(r.code, 1);
    ck_has(r.out, "error: train/zz.png: ");
    drop(&r);
    r = pixsweep("data", "check", "data", "--format", "csv", NULL);
    ck_assert_int_eq(r.code, 1);
    ck_has(r.out, "level,problem\nerror,\"train/zz.png: an empty file, not a PNG, JPEG or TIFF; ");
    drop(&r);
    ck_refused(pixsweep("data", "check", "nowhere", NULL), 2, "nowhere");
}
END_TEST

START_TEST(plan_shows_and_writes_nothing)
{
    struct result r = pixsweep("plan", "tiny.yaml", NULL);
    ck_assert_int_eq(r.code, 0);
    ck_has(r.out, "tiny: 2 runs (2 new)");
    ck_has(r.out, "0.0001 -> 0.0001");
    ck_has(r.out, "! lr_G does not fall to 1/100 of its start");
    ck_has(r.out, "lr_policy_G never fires within n_epochs");
    ck_has(r.out, "to do: 8 steps");
    drop(&r);
    ck_assert_int_ne(access("results", F_OK), 0);
    ck_prints(pixsweep("plan", "tiny.yaml", "--format", "csv", NULL), "number,lr_policy_G,");
    /* two rows of 40 eighths: a straight line down over the second half */
    r = pixsweep("plan", "tiny.yaml", "--set", "n_epochs=40", "--set", "sweep=null", "--set",
                 "lr_policy_G=linear", "--set", "n_epochs_decay=20", "--set", "lr_policy_D=plateau",
                 NULL);
    ck_has(r.out, "\xe2\x96\x88\xe2\x96\x87\xe2\x96\x86\xe2\x96\x86\xe2\x96\x85\xe2\x96\x84\xe2\x96"
                  "\x83\xe2\x96\x83"
                  "\xe2\x96\x82\xe2\x96\x81           "
                  "  linear, n_epochs_decay 20  (run 0001)\n");
    ck_has(r.out, "lr_G 0.0001 -> 4.76e-6, ratio 1/21\n");
    ck_has(r.out,
           "plateau, factor_D 0.1, patience_D 10, threshold_D 0.0001, min_lr_D 0  (run 0001)");
    ck_has(r.out, "lr_D 0.0001, then as the validation loss goes\n");
    drop(&r);
    ck_prints(pixsweep("run", "tiny.yaml", "--dry-run", NULL), "tiny: 2 runs (2 new)");
    ck_prints(pixsweep("plan", "tiny.yaml", "--set", "n_epochs=4", "--set", "sweep.seeds=2", NULL),
              "4 runs");
    ck_assert_int_ne(access("results", F_OK), 0);
}
END_TEST

START_TEST(a_wrong_file_is_shown_with_its_place)
{
    write_text("bad.yaml", "dataset: data\nngff: 3\n");
    ck_refused(pixsweep("run", "bad.yaml", NULL), 2, "bad.yaml:2:1: unknown key 'ngff'");
    ck_refused(pixsweep("plan", "bad.yaml", NULL), 2, "bad.yaml:2:1: unknown key 'ngff'");
    ck_refused(pixsweep("run", "none.yaml", NULL), 2, "none.yaml");
    ck_refused(pixsweep("run", "tiny.yaml", "--set", "lrgd=1", "--kernels", "abacus", NULL), 2,
               "abacus");
    ck_assert_int_ne(access("results", F_OK), 0);
}
END_TEST

/* Also with what stands in it as comments; a race takes the place of seeds. */
START_TEST(help_teaches_the_experiment_file)
{
    ck_prints(shell("\"$PIXSWEEP\" help experiment >mine.yaml && \"$PIXSWEEP\" plan mine.yaml"),
              "mine: 18 runs (18 new)");
    ck_prints(shell("sed -e '/^  # race:/d' -e 's/^  # \\([a-z]*:\\)/  \\1/' mine.yaml >all.yaml;"
                    "\"$PIXSWEEP\" plan all.yaml sweep.random.samples=2 --on here"),
              "mine: 72 runs (72 new)");
    ck_prints(shell("sed -e '/^  seeds:/d' -e 's/^  # race:/  race:/' mine.yaml >race.yaml;"
                    "grep -c '^  race:' race.yaml && \"$PIXSWEEP\" plan race.yaml"),
              "1\nmine: 240 runs (240 new)");
}
END_TEST

START_TEST(run_then_read)
{
    struct result r = pixsweep("run", "tiny.yaml", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_has(r.out, "tiny: 2 of 2 runs completed");
    ck_has(r.out, "pixsweep compare tiny\n");
    ck_has(r.err, "completed");
    ck_has_not(r.err, "\033");
    drop(&r);
    ck_prints(pixsweep("compare", NULL), "tiny: 2 runs in 2 groups");
    ck_prints(pixsweep("compare", "tiny", "--by", "ngf, seed", "--format", "csv", NULL),
              "ngf,seed,n,failed,open,");
    ck_prints(pixsweep("compare", "--effects", NULL), "tiny: what 1 key does to best_val_loss");
    ck_prints(pixsweep("compare", "tiny", "--effects", "--format", "csv", NULL),
              "kind,key,with,value,reference,pairs,missing,");
    ck_refused(pixsweep("compare", "--effects", "--target", "0.3", NULL), 2,
               "--target says which configuration is best, --effects what each key does");
    ck_prints(pixsweep("plot", "--effects", "-o", "effects.svg", NULL),
              "effects.svg: 1 key, 2 runs, 800 x ");
    ck_refused(pixsweep("plot", "--effects", "--log", NULL), 2,
               "--log is for curves, not for --effects");
    ck_refused(pixsweep("plot", "1", "--effects", NULL), 2, "is one run: name its sweep, tiny");
    ck_prints(pixsweep("ls", "--state", "completed", "--format", "csv", NULL), "completed,1,2,2,");
    ck_prints(pixsweep("show", "1", NULL), "state       completed");
    ck_prints(pixsweep("sql", "SELECT count(*) AS n FROM batch_loss", "--format", "csv", NULL),
              "n\n8\n");
    ck_prints(shell("echo 'SELECT count(*) AS n FROM epoch' | \"$PIXSWEEP\" sql - --format csv"),
              "n\n4\n");
    ck_refused(pixsweep("compare", "tinny", NULL), 2, "tiny");
    ck_refused(pixsweep("show", "99", NULL), 2, "99");
    ck_refused(pixsweep("sql", "DELETE FROM run", NULL), 2, "only reading");
    ck_refused(pixsweep("sql", "SELECT * FROM runs", NULL), 2,
               "no such table: runs; did you mean run? There are d_output, ");
    ck_refused(pixsweep("sql", "SELECT val_los FROM epoch e", NULL), 2,
               "did you mean val_loss?\n  epoch has run_id, epoch, ");
    ck_refused(pixsweep("sql", "SELECT lrgd FROM run", NULL), 2,
               "no such column: lrgd; there is one in v_run");
    ck_prints(pixsweep("sql", ".tables", "--format", "csv", NULL), "run_summary,table\n");
    ck_prints(pixsweep("sql", " .schema v_run;", NULL), "CREATE VIEW v_run AS");
    ck_prints(pixsweep("sql", ".schema", NULL), "CREATE TABLE batch_loss (\n  run_id ");
    ck_refused(pixsweep("sql", ".schema rnu", NULL), 2, "did you mean run? There are ");
    ck_refused(pixsweep("sql", ".mode csv", NULL), 2,
               "here work .tables, .schema [NAME] and .help");
    ck_prints(pixsweep("sql", ".help", NULL), "/results/pixsweep.db\n");
    ck_prints(pixsweep("sql", "SELECT 1 AS n, printf('%.*c', 300, 'x') || 'end' AS long", NULL),
              "x\xe2\x80\xa6x");
    ck_prints(pixsweep("sql", "SELECT printf('%.*c', 300, 'x') || 'end' AS long", NULL), "xxend\n");
    ck_prints(pixsweep("sql", "SELECT 1 AS n, printf('%.*c', 300, 'x') || 'end' AS long",
                       "--format", "csv", NULL),
              "xxend\n");
    ck_prints(pixsweep("sql", "SELECT '=1+1' AS a, -0.5 AS b", "--format", "csv", NULL),
              "a,b\n=1+1,-0.5\n");
    ck_prints(
        pixsweep("sql", "SELECT '=1+1' AS a, -0.5 AS b", "--format", "csv", "--csv-safe", NULL),
        "a,b\n\"'=1+1\",-0.5\n");
    ck_refused(pixsweep("sql", "SELECT 1", "--csv-safe", NULL), 2,
               "--csv-safe goes with --format csv");
    ck_prints(pixsweep("run", "tiny.yaml", "--format", "csv", NULL), "\ntiny,2,2,0,");
}
END_TEST

START_TEST(quiet_says_nothing_but_the_result)
{
    struct result r = pixsweep("run", "tiny.yaml", "--quiet", NULL);
    ck_assert_int_eq(r.code, 0);
    ck_assert_str_eq(r.err, "");
    ck_has(r.out, "2 of 2 runs completed");
    drop(&r);
}
END_TEST

START_TEST(results_and_database_may_lie_in_other_folders)
{
    struct result r = pixsweep("run", "tiny.yaml", "--results", "mine", "--db", "mine.db", NULL);
    ck_assert_int_eq(r.code, 0);
    ck_has(r.out, "pixsweep compare tiny --db mine.db --results mine");
    drop(&r);
    ck_assert_int_eq(access("mine.db", R_OK), 0);
    ck_prints(pixsweep("ls", "--db", "mine.db", NULL), "tiny/0002");
    ck_assert_int_ne(access("results", F_OK), 0);
}
END_TEST

/* A shell takes what is printed for the very words that were meant. */
START_TEST(printed_commands_can_be_copied)
{
    struct result r =
        pixsweep("run", "tiny.yaml", "--results", "my $(touch bad) ace's", "--db", "a\tb.db", NULL);
    ck_assert_int_eq(r.code, 0);
    ck_has(r.out,
           "pixsweep compare tiny --db $'a\\x09b.db' --results 'my $(touch bad) ace'\\''s'\n");
    drop(&r);
    r = pixsweep("run", "tiny.yaml", "--results", "my $(touch bad) ace's", NULL);
    ck_assert_int_eq(r.code, 0);
    write_text("copied", strstr(r.out, "compare: pixsweep ") + strlen("compare: pixsweep "));
    drop(&r);
    ck_prints(shell("eval \"\\\"\\$PIXSWEEP\\\" $(head -n 1 copied)\""),
              "tiny: 2 runs in 2 groups");
    ck_assert_int_ne(access("bad", F_OK), 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_comes_with_its_remedy)
{
    static const char *const commands[] = {"plot", "report", "export"};
    struct result r = pixsweep("run", "tiny.yaml", "--quiet", NULL);
    ck_assert_int_eq(r.code, 0);
    drop(&r);
    for (size_t i = 0; i < PXS_COUNT(commands); i++) {
        ck_refused(pixsweep(commands[i], "-o", "", NULL), 2, "-o \"\": name the file to write");
        ck_refused(pixsweep(commands[i], "-o", "no way/x.png", NULL), 2,
                   "-o no way/x.png: there is no folder no way; `mkdir -p 'no way'` makes it");
    }
    ck_assert_int_ne(access("no way", F_OK), 0);
    ck_refused(pixsweep("backup", "no/x.db", NULL), 2, "/no; make it first");
    ck_prints(shell("mkdir -p results/tiny/report.html/x results/tiny/curves.png/x; echo made"),
              "made");
    ck_refused(pixsweep("report", NULL), 1,
               "report.html: Is a directory; -o FILE writes it elsewhere");
    ck_refused(pixsweep("plot", NULL), 1,
               "curves.png: Is a directory; -o FILE writes it elsewhere");
    ck_prints(pixsweep("report", "-o", "here.html", NULL), "here.html: ");
}
END_TEST

START_TEST(the_ending_of_a_name_and_the_format_agree)
{
    struct result r = pixsweep("run", "tiny.yaml", "--quiet", NULL);
    ck_assert_int_eq(r.code, 0);
    drop(&r);
    /* the first bytes say which format was written */
    static const char *const made[][4] = {
        {"x.csv", NULL, "run_id,"}, {"x.JSON", NULL, "["},      {"x.jsonl", NULL, "{"},
        {"x.ndjson", NULL, "{"},    {"x.txt", NULL, "run_id,"}, {"x.old", NULL, "run_id,"},
        {".json", NULL, "run_id,"}, {"x", "json", "["},         {"x.json", "json", "["},
        {"x.txt", "jsonl", "{"},    {"x.v2.json", "json", "["}};
    for (size_t i = 0; i < PXS_COUNT(made); i++) {
        char *text = NULL;
        ck_prints(
            pixsweep("export", "-o", made[i][0], made[i][1] ? "--format" : NULL, made[i][1], NULL),
            "2 rows");
        ck_ok(pxs_read_file(made[i][0], 1 << 20, &text, NULL, &err));
        ck_assert_msg(strncmp(text, made[i][2], strlen(made[i][2])) == 0, "%s: %.20s", made[i][0],
                      text);
        free(text);
    }
    ck_refused(pixsweep("export", "-o", "y.json", "--format", "csv", NULL), 2,
               "-o y.json: the name says json and --format says csv; leave --format out, or name "
               "a file that ends in .csv");
    ck_refused(pixsweep("export", "-o", "y.json", "--csv-safe", NULL), 2, "--format csv");
    ck_refused(pixsweep("export", "-o", "y.html", NULL), 2, "ends in .csv, .json or .jsonl");
    ck_refused(pixsweep("export", "-o", "y.xlsx", "--format", "csv", NULL), 2,
               "ends in .csv, .json or .jsonl");
    ck_refused(pixsweep("report", "-o", "y.txt", NULL), 2,
               "-o y.txt: report writes HTML; name a file that ends in .html");
    ck_refused(pixsweep("report", "-o", "y.pdf", NULL), 2, "ends in .html");
    ck_assert_int_ne(access("y.json", F_OK), 0);
    ck_assert_int_ne(access("y.txt", F_OK), 0);
    ck_prints(pixsweep("report", "-o", "page.HTM", NULL), "page.HTM: ");
    ck_prints(pixsweep("report", "-o", "page", NULL), "page: ");
}
END_TEST

/* Where the preflight is interrupted, there are no runs to sum up. (A machine may be through with
 * it before it is.) */
START_TEST(ctrl_c_in_the_preflight_starts_nothing)
{
    const char *const args[] = {"pixsweep", "run",   "tiny.yaml", "--set",
                                "ngf=96",   "--set", "ndf=96",    NULL};
    const pid_t pid = start(args);
    await("err", "preflight: 1 shape");
    kill(pid, SIGINT);
    ck_assert_int_eq(wait_for(pid), 130);
    char *said = NULL, *result = NULL;
    ck_assert_int_eq(pxs_read_file("err", 1 << 20, &said, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_read_file("out", 1 << 20, &result, NULL, NULL), PXS_OK);
    if (strstr(said, "preflight: in order") == NULL) {
        ck_has(said, "interrupted in the preflight; nothing was started");
        ck_assert_str_eq(result, "");
    }
    ck_has_not(result, "0 of 0");
    free(said);
    free(result);
}
END_TEST

START_TEST(a_full_disk_under_the_summary_is_noticed)
{
    ck_refused(shell("\"$PIXSWEEP\" run tiny.yaml --quiet > /dev/full"), 1,
               "No space left on device");
    /* the runs did not suffer */
    ck_prints(pixsweep("ls", "--state", "completed", NULL), "tiny/0002");
}
END_TEST

START_TEST(a_reader_that_leaves_does_not_end_a_run)
{
    struct result r = shell("\"$PIXSWEEP\" run tiny.yaml 2>&1 | true");
    drop(&r);
    /* It goes on behind the shell's back. */
    await_output("\"$PIXSWEEP\" ls --state completed", "tiny/0002");
}
END_TEST

static const char *const long_run[] = {"pixsweep",        "run",    "tiny.yaml", "--set",
                                       "n_epochs=100000", "--jobs", "1",         NULL};

START_TEST(ctrl_c_stops_and_the_same_command_goes_on)
{
    const pid_t pid = start(long_run);
    await_output("\"$PIXSWEEP\" sql --format csv 'SELECT count(*) > 0 AS n FROM batch_loss'",
                 "n\n1\n");
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    ck_assert_int_eq(wait_for(pid), 130);
    await("err", "interrupted");
    await("out", "0 of 2 runs completed, 1 interrupted");
    ck_prints(pixsweep("ls", "--format", "csv", NULL), ",interrupted,1,");
    struct result r = pixsweep("plan", "tiny.yaml", "--set", "n_epochs=100000", NULL);
    ck_has(r.out, "1 queued, 1 interrupted");
    drop(&r);
}
END_TEST

START_TEST(a_second_signal_does_not_wait)
{
    const pid_t pid = start(long_run);
    await("err", "started");
    kill(pid, SIGTERM);
    usleep(1000);
    kill(pid, SIGTERM);
    ck_assert_int_eq(wait_for(pid), 130);
}
END_TEST

START_TEST(nohup_is_obeyed)
{
    const char *const args[] = {"pixsweep", "run", "tiny.yaml", "--set", SHORT_RUN, NULL};
    signal(SIGHUP, SIG_IGN); /* inherited, as from nohup */
    const pid_t pid = start(args);
    await("err", "started");
    kill(pid, SIGHUP);
    ck_assert_int_eq(wait_for(pid), 0);
}
END_TEST

START_TEST(on_a_terminal_there_is_a_board)
{
    int terminal;
    static char text[1 << 20];
    size_t used = 0;
    const char *const args[] = {"pixsweep", "run", "tiny.yaml", "--set", SHORT_RUN, NULL};
    const pid_t pid = start_on_terminal(args, &terminal);
    for (ssize_t n;
         used < sizeof text - 1 && (n = read(terminal, text + used, sizeof text - 1 - used)) > 0;)
        used += (size_t)n;
    ck_assert_int_eq(wait_for(pid), 0);
    close(terminal);
    text[used] = '\0';
    ck_has(text, "A\033[J"); /* drawn again in place */
    ck_has(text, "epoch");
    ck_has(text, "\033[Jtiny: 2 of 2 runs completed"); /* the board is gone before the result */
}
END_TEST

Suite *work_suite(void) {
    Suite *suite = suite_create("cli-work");
    TCase *c = tcase_create("work");
    tcase_add_checked_fixture(c, setup, test_folder_leave);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, data_is_made_once_and_checked);
    tcase_add_test(c, plan_shows_and_writes_nothing);
    tcase_add_test(c, a_wrong_file_is_shown_with_its_place);
    tcase_add_test(c, help_teaches_the_experiment_file);
    tcase_add_test(c, run_then_read);
    tcase_add_test(c, quiet_says_nothing_but_the_result);
    tcase_add_test(c, results_and_database_may_lie_in_other_folders);
    tcase_add_test(c, printed_commands_can_be_copied);
    tcase_add_test(c, a_file_that_cannot_be_written_comes_with_its_remedy);
    tcase_add_test(c, the_ending_of_a_name_and_the_format_agree);
    tcase_add_test(c, ctrl_c_in_the_preflight_starts_nothing);
    tcase_add_test(c, a_full_disk_under_the_summary_is_noticed);
    tcase_add_test(c, a_reader_that_leaves_does_not_end_a_run);
    tcase_add_test(c, ctrl_c_stops_and_the_same_command_goes_on);
    tcase_add_test(c, a_second_signal_does_not_wait);
    tcase_add_test(c, nohup_is_obeyed);
    tcase_add_test(c, on_a_terminal_there_is_a_board);
    suite_add_tcase(suite, c);
    return suite;
}
