/* Command lines: what is understood, what is refused and in which words; stdout that cannot be
 * written. */
#include "cli_tests.h"

#include <stdlib.h>
#include <sys/stat.h>

START_TEST(alone_it_gives_an_overview)
{
    ck_prints(pixsweep(NULL, NULL), "compare");
    ck_prints(pixsweep("--help", NULL), "pixsweep COMMAND --help");
    ck_prints(pixsweep("help", NULL), "data glyphs");
}
END_TEST

START_TEST(it_has_a_version)
{
    ck_prints(pixsweep("--version", NULL), "pixsweep " PXS_VERSION " (");
    ck_prints(pixsweep("ls", "--version", NULL), "pixsweep " PXS_VERSION " (");
}
END_TEST

static const char *const commands[] = {"plan",    "run",    "ls",  "show",   "diff",
                                       "compare", "report", "sql", "params", "bench"};

START_TEST(every_command_has_help_with_an_example)
{
    char part[64];
    snprintf(part, sizeof part, "example:\n  pixsweep %s", commands[_i]);
    ck_prints(pixsweep(commands[_i], "--help", NULL), part);
    ck_prints(pixsweep(commands[_i], "-h", NULL), part);
    ck_prints(pixsweep("help", commands[_i], NULL), part);
}
END_TEST

START_TEST(data_commands_have_help_too)
{
    ck_prints(pixsweep("data", "glyphs", "--help", NULL), "example:\n  pixsweep data glyphs");
    ck_prints(pixsweep("data", "check", "--help", NULL), "example:\n  pixsweep data check");
}
END_TEST

/* A word may stand for a file in experiments/; a path means that place only, whatever else is
 * there. */
START_TEST(a_path_is_never_another_folders_file)
{
    for (int i = 0; i < 5; i++) {
        static const char *const folders[] = {"dd", "dd/e1", "ee", "ee/e1", "experiments"};
        ck_assert_int_eq(mkdir(folders[i], 0777), 0);
    }
    write_text("e1.yaml", "here: 1\n");
    write_text("dd/e1.yaml", "beside: 1\n");
    write_text("experiments/e2.yaml", "word: 1\n");
    ck_refused(pixsweep("plan", "dd/e1", NULL), 2, "dd/e1.yaml:1:1: unknown key 'beside'");
    ck_refused(pixsweep("plan", "dd/e1/", NULL), 2, "dd/e1/: the experiment file is dd/e1.yaml\n");
    ck_refused(pixsweep("plan", "ee/e1", NULL), 2,
               "ee/e1 is a folder, and e1.yaml is not beside it: a sweep goes on by its experiment "
               "file, perhaps pixsweep plan e1.yaml\n");
    ck_refused(pixsweep("plan", "e1", NULL), 2, "e1: the experiment file is e1.yaml\n");
    ck_refused(pixsweep("plan", "e2", NULL), 2, "e2: the experiment file is experiments/e2.yaml\n");
    ck_refused(pixsweep("plan", "./e2", NULL), 2, "no experiment file ./e2, nor ./e2.yaml");
    ck_refused(
        pixsweep("plan", "ee", NULL), 2,
        "ee is a folder, and ee.yaml is not here or in experiments/: name the experiment file\n");
    ck_refused(pixsweep("plan", ".", NULL), 2, ". is a folder: name the experiment file\n");
    ck_refused(pixsweep("plan", "experiments/../", NULL), 2,
               "is a folder: name the experiment file\n");
    write_text("ee/e1.yml", "other: 1\n");
    ck_refused(pixsweep("plan", "ee/e1", NULL), 2, "ee/e1.yml:1:1: unknown key 'other'");
    write_text("ee/e1.yaml", "other: 1\n");
    ck_refused(pixsweep("plan", "ee/e1", NULL), 2, "ee/e1 could be ee/e1.yaml or ee/e1.yml");
}
END_TEST

/* What chats, word processors and input methods make of a command line: named with what to type. */
START_TEST(characters_that_only_look_right)
{
    write_text("e.yaml", "dataset: data\n");
    ck_refused(pixsweep("plan", "e.yaml", "\xe2\x80\x94set", "n_epochs=5", NULL), 2,
               ": type --set\n");
    ck_refused(pixsweep("plan", "e.yaml", "\xe2\x80\x93-seeds", "3", NULL), 2, ": type --seeds\n");
    ck_refused(pixsweep("ls", "-\xe2\x88\x92sweep=a", NULL), 2, ": type --sweep=a\n");
    ck_refused(pixsweep("\xe2\x80\x94help", NULL), 2, ": type --help\n");
    ck_refused(pixsweep("plan", "e.yaml", "n_epochs", "=", "5", NULL), 2,
               "without blanks: n_epochs=5\n");
    ck_refused(pixsweep("plan", "e.yaml", "n_epochs=", "5", "b1=0.5", NULL), 2,
               "blanks: n_epochs=5\n");
    ck_refused(pixsweep("plan", "e.yaml", "b1=0.5", "lrgd=5,", "7", NULL), 2, "blanks: lrgd=5,7\n");
    ck_refused(pixsweep("plan", "e.yaml", "lrgd=5", ",7", NULL), 2, "blanks: lrgd=5,7\n");
    ck_refused(pixsweep("plan", "e.yaml", "lrgd", "\xef\xbc\x9d", "5", NULL), 2,
               "blanks: lrgd=5\n");
    ck_refused(pixsweep("plan", "e.yaml",
                        "lrgd\xef\xbc\x9d"
                        "5",
                        NULL),
               2, "type '='\n");
    ck_refused(pixsweep("plan", "e.yaml", "lrgd:5", NULL), 2, "with '=' in place of the colon\n");
    ck_refused(pixsweep("plan", "e.yaml", "lrgd = 5", NULL), 2,
               "no blanks around '=': type lrgd=5\n");
    ck_refused(pixsweep("plan", "e.yaml", "b1=0,5", NULL), 2, "; with a decimal point: 0.5\n");
    ck_refused(pixsweep("plan", "e.yaml", "lambda_pixel=0,05", NULL), 2,
               "; with a decimal point: 0.05\n");
    ck_refused(pixsweep("ls", "a", NULL), 2, "the runs of one sweep: --sweep a\n");
}
END_TEST

START_TEST(from_within_the_results_folder)
{
    ck_refused(pixsweep("compare", "x", NULL), 2,
               "results/pixsweep.db yet: `pixsweep run FILE` makes one");
    write_text("pixsweep.db", "");
    ck_refused(pixsweep("compare", "x", NULL), 2, "but pixsweep.db is here: say --results .\n");
}
END_TEST

START_TEST(unknown_commands_get_a_suggestion)
{
    ck_refused(pixsweep("rum", NULL), 2, "did you mean 'run'?");
    ck_refused(pixsweep("comparr", NULL), 2, "did you mean 'compare'?");
    ck_refused(pixsweep("xyzzy", NULL), 2, "unknown command 'xyzzy'");
    ck_refused(pixsweep("data", NULL), 2, "glyphs, pairs, edges or check");
    ck_refused(pixsweep("data", "glyph", NULL), 2, "there are glyphs, pairs, edges and check");
    ck_refused(pixsweep("--db", "x", "ls", NULL), 2, "the command comes first");
}
END_TEST

START_TEST(import_has_one_kind)
{
    ck_refused(pixsweep("import", NULL), 2, "there is lab");
    ck_refused(pixsweep("import", "wandb", NULL), 2, "unknown 'wandb'; there is lab");
    ck_prints(pixsweep("import", "lab", "--help", NULL), "example:\n  pixsweep import lab");
}
END_TEST

START_TEST(what_other_trainers_type)
{
    ck_refused(pixsweep("run", "x", "--lr", "1e-4", NULL), 2,
               "here it is learning_rate_G and learning_rate_D");
    ck_refused(pixsweep("plan", "x", "--gpu_ids", "0", NULL), 2,
               "pixsweep trains on the CPU; leave it out");
    ck_refused(pixsweep("plan", "x", "--epochs=3", NULL), 2, "here it is n_epochs");
    /* the beginning of --seeds, but not what it means */
    ck_refused(pixsweep("plan", "x", "--seed", "3", NULL), 2, "--set seed=VALUE");
    ck_refused(pixsweep("plan", "x.yaml", "lrgd", NULL), 2,
               "FILE first, then settings as KEY=VALUE");
    ck_refused(pixsweep("retry", "x", "--where", " ", NULL), 2, "--where is empty");
    ck_refused(pixsweep("params", "cuda", NULL), 2, "pixsweep trains on the CPU; leave it out");
    ck_refused(pixsweep("plan", "no/such", NULL), 2, "there is no experiment file no/such");
    ck_refused(pixsweep("plan", "/", NULL), 2, "is a folder");
    ck_refused(pixsweep("plan", "a\nb", NULL), 2, "no experiment file a\\nb, nor");
}
END_TEST

START_TEST(options_that_do_not_exist)
{
    ck_refused(pixsweep("run", "--dry-rum", "x", NULL), 2, "did you mean '--dry-run'?");
    ck_refused(pixsweep("run", "--lrgd", "3", "x", NULL), 2, "--set lrgd=VALUE");
    ck_refused(pixsweep("ls", "--by", "x", NULL), 2, "does not take --by");
    ck_refused(pixsweep("ls", "-x", NULL), 2, "unknown option '-x'");
    ck_refused(pixsweep("ls", "--s", NULL), 2, "could be several");
    ck_refused(pixsweep("ls", "--db", NULL), 2, "needs an argument");
    ck_refused(pixsweep("ls", "--quiet=3", NULL), 2, "takes no argument");
    ck_refused(pixsweep("ls", "--format", "xml", NULL), 2, "table, csv or json");
    ck_refused(pixsweep("ls", "--format", "md", NULL), 2, "table, csv or json");
}
END_TEST

START_TEST(arguments_are_counted)
{
    ck_refused(pixsweep("run", NULL), 2, "needs FILE");
    ck_refused(pixsweep("run", "a", "b", NULL), 2, "does not know what to do with 'b'");
    ck_refused(pixsweep("show", NULL), 2, "needs RUN");
    ck_refused(pixsweep("diff", "1", NULL), 2, "needs RUN RUN");
    ck_refused(pixsweep("data", "glyphs", NULL), 2, "needs --source");
}
END_TEST

START_TEST(numbers_are_checked)
{
    ck_refused(pixsweep("run", "x.yaml", "--jobs", "0", NULL), 2,
               "--jobs must be auto or a whole number from 1");
    ck_refused(pixsweep("run", "x.yaml", "--threads", "two", NULL), 2, "not 'two'");
    ck_refused(pixsweep("bench", "--rounds", "-1", NULL), 2, "--rounds must be a whole number");
}
END_TEST

START_TEST(without_a_database_reading_commands_say_what_to_do)
{
    ck_refused(pixsweep("ls", NULL), 2, "results/pixsweep.db");
    ck_refused(pixsweep("ls", "--results", "there", NULL), 2, "there/pixsweep.db");
    ck_refused(pixsweep("compare", "--db", "mine.db", NULL), 2, "mine.db");
    ck_refused(pixsweep("sql", "SELECT 1", NULL), 2, "pixsweep run");
}
END_TEST

START_TEST(params_in_every_format)
{
    ck_prints(pixsweep("params", NULL), "lambda_pixel");
    ck_prints(pixsweep("params", "--format", "csv", NULL), "\nlrgd,int,90,");
    ck_prints(pixsweep("params", "--format", "json", NULL), "\"key\":");
    ck_prints(pixsweep("params", "--format", "md", NULL), "# ");
    ck_prints(pixsweep("params", "lrgd", NULL), "lr_policy_G: halve");
    ck_refused(pixsweep("params", "lrgdd", NULL), 2, "did you mean lrgd?");
    ck_refused(pixsweep("params", "beta1", NULL), 2, "b1");
}
END_TEST

START_TEST(bench_reads_set)
{
    ck_refused(pixsweep("bench", "--set", "ngff=8", NULL), 2, "did you mean ngf?");
    ck_refused(pixsweep("bench", "--set", "ngf", NULL), 2, "key=value");
    ck_refused(pixsweep("bench", "--set", "ngf=0", NULL), 2, "ngf");
}
END_TEST

START_TEST(a_full_disk_is_noticed)
{
    ck_refused(shell("\"$PIXSWEEP\" params > /dev/full"), 1, "No space left on device");
    ck_refused(shell("\"$PIXSWEEP\" > /dev/full"), 1, "No space left on device");
    ck_refused(shell("\"$PIXSWEEP\" params >&-"), 1, "cannot write the result");
}
END_TEST

START_TEST(a_reader_that_leaves_ends_it_quietly)
{
    struct result r = shell("\"$PIXSWEEP\" params | true");
    ck_assert_str_eq(r.err, "");
    drop(&r);
}
END_TEST

START_TEST(params_fit_a_page)
{
    struct result r = pixsweep("params", NULL);
    ck_assert_int_eq(r.code, 0);
    for (const char *line = r.out; *line != '\0'; line = strchr(line, '\n') + 1)
        ck_assert_msg(pxs_text_width(line, strcspn(line, "\n")) <= 120, "%s", line);
    ck_has(r.out, "\nstep_size                      1 to 1000000 "); /* 0 is not among them */
    ck_has(r.out, "one in full: pixsweep params KEY");
    drop(&r);
    ck_prints(pixsweep("params", "max_lr", NULL), "default  none: it must be given");
    ck_prints(pixsweep("params", "step_size", "--format", "csv", NULL),
              "step_size,int,,1 to 1000000,");
}
END_TEST

Suite *usage_suite(void) {
    Suite *suite = suite_create("cli-usage");
    TCase *c = tcase_create("usage");
    tcase_add_checked_fixture(c, test_folder_enter, test_folder_leave);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, alone_it_gives_an_overview);
    tcase_add_test(c, it_has_a_version);
    tcase_add_loop_test(c, every_command_has_help_with_an_example, 0, PXS_COUNT(commands));
    tcase_add_test(c, data_commands_have_help_too);
    tcase_add_test(c, a_path_is_never_another_folders_file);
    tcase_add_test(c, characters_that_only_look_right);
    tcase_add_test(c, from_within_the_results_folder);
    tcase_add_test(c, unknown_commands_get_a_suggestion);
    tcase_add_test(c, import_has_one_kind);
    tcase_add_test(c, what_other_trainers_type);
    tcase_add_test(c, options_that_do_not_exist);
    tcase_add_test(c, arguments_are_counted);
    tcase_add_test(c, numbers_are_checked);
    tcase_add_test(c, without_a_database_reading_commands_say_what_to_do);
    tcase_add_test(c, params_in_every_format);
    tcase_add_test(c, bench_reads_set);
    tcase_add_test(c, a_full_disk_is_noticed);
    tcase_add_test(c, a_reader_that_leaves_ends_it_quietly);
    tcase_add_test(c, params_fit_a_page);
    suite_add_tcase(suite, c);
    return suite;
}
