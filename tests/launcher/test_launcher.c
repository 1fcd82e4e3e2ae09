/* The launcher's side of the seam: launchers that the tests write, with odd answers, no answer,
 * many answers. What real ones do is tested in tests/slurm. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/launcher.h"
#include "support.h"

/* ---- a submission's folder with a launcher of the test's own -------------------------------- */

static void launcher(const char *body) {
    write_textf("own", "#!/bin/sh\n%s\n", body);
    ck_assert_int_eq(chmod(in_folder("own"), 0755), 0);
    ck_ok(pxs_launcher_lay_out(in_folder("sub"), in_folder("own"), &err));
}

static void warn(void *user, enum pxs_log_level level, const char *text) {
    (void)level;
    pxs_text_addf(user, "%s\n", text);
}

static struct pxs_launcher ours(void) {
    static char dir[PXS_PATH_MAX];
    snprintf(dir, sizeof dir, "%s", in_folder("sub"));
    return (struct pxs_launcher){.dir = dir, .sweep = "letters"};
}

static char *file(const char *name) {
    return slurp(name, NULL);
}

static void check_file(const char *name, const char *text) {
    char *is = file(name);
    ck_assert_str_eq(is, text);
    free(is);
}

static void check_has(const char *name, const char *part) {
    char *is = file(name);
    ck_has(is, part);
    free(is);
}

/* Calls of each verb so far, counted by launchers that `echo $1 >>DIR/calls`. */
static size_t calls(const char *verb) {
    char *text = exists("sub/calls") ? file("sub/calls") : NULL;
    size_t n = 0;
    for (char *at = text; at && (at = strstr(at, verb)); at += strlen(verb))
        n++;
    free(text);
    return n;
}

static enum pxs_submission_state state_on_disk(void) {
    struct pxs_submission sub = {0};
    ck_ok(pxs_submission_read(in_folder("sub"), &sub, &err));
    const enum pxs_submission_state state = sub.state;
    pxs_submission_finish(&sub);
    return state;
}

#define NOTE "echo \"$1\" >>\"$PIXSWEEP_DIR/calls\"\n"

/* ---- lay_out, environment ------------------------------------------------------------------- */

START_TEST(built_in_ones_and_the_users_own_are_laid_out)
{
    ck_ok(pxs_launcher_lay_out(in_folder("sub"), "slurm", &err));
    check_has("sub/launcher", "sbatch");
    ck_assert_int_eq(access(in_folder("sub/launcher"), X_OK), 0);
    ck_assert(exists("sub/log"));
    ck_ok(pxs_launcher_lay_out(in_folder("sub"), "ssh", &err));
    check_has("sub/launcher", "BatchMode");
    launcher("exit 0");
    check_file("sub/launcher", "#!/bin/sh\nexit 0\n");
    ck_fails(pxs_launcher_lay_out(in_folder("sub"), in_folder("slrm"), &err), PXS_E_INVALID,
             "give slurm, ssh or the path of an executable");
    write_text("plain", "#!/bin/sh\n");
    ck_fails(pxs_launcher_lay_out(in_folder("sub"), in_folder("plain"), &err), PXS_E_INVALID,
             "chmod +x");
    ck_fails(pxs_launcher_lay_out(in_folder("sub"), in_folder("sub"), &err), PXS_E_INVALID, "sub");
    ck_fails(pxs_launcher_lay_out("sub", "slurm", &err), PXS_E_INVALID, "not absolute");
    ck_fails(pxs_launcher_lay_out(in_folder("a\nb"), "slurm", &err), PXS_E_INVALID, "rename it");
    check_file("sub/launcher", "#!/bin/sh\nexit 0\n");
}
END_TEST

START_TEST(all_it_is_told_arrives_as_it_is)
{
    const struct pxs_launcher_key keys[] = {{"partition", "cpu"}, {"odd", "a 'b' \"$c\" *\nd"}};
    const char *const extra[] = {"--comment=two words", "it's", "$(false)", NULL};
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    l.keys = keys;
    l.n_keys = PXS_COUNT(keys);
    l.extra = extra;
    l.cpus = 4;
    l.seconds = 3600;
    setenv("PIXSWEEP_PARTITION", "inherited", 1);
    setenv("PIXSWEEP_MEM_MB", "inherited", 1);
    setenv("PIXSWEEP_CORE_LOCKS", "ours", 1);
    launcher("cd \"$2\"\n"
             "printf '%s|' \"$1\" \"$2\" \"$3\" \"$PIXSWEEP_DIR\" \"$PIXSWEEP_CPUS\" "
             "\"$PIXSWEEP_SECONDS\""
             " \"${PIXSWEEP_MEM_MB-unset}\" \"${PIXSWEEP_WARN-unset}\" \"$PIXSWEEP_PARTITION\" "
             "\"$PIXSWEEP_ODD\" \"$PIXSWEEP_EXTRA\" \"$PIXSWEEP_CORE_LOCKS\" >said\n"
             "printf %s \"$PIXSWEEP_NAME\" >name; echo 7");
    ck_ok(pxs_launcher_submit(&l, 3, &sub, &err));
    char expected[PXS_PATH_MAX * 3];
    snprintf(expected, sizeof expected,
             "submit|%s|3|%s|4|3600|unset|unset|cpu|a 'b' \"$c\" *\nd|--comment=two words\nit's\n"
             "$(false)|ours|",
             l.dir, l.dir);
    check_file("sub/said", expected);
    check_file("sub/name", sub.name);
    ck_assert_str_eq(sub.ids[0], "7");
    pxs_submission_finish(&sub);
    unsetenv("PIXSWEEP_PARTITION");
    unsetenv("PIXSWEEP_MEM_MB");
    unsetenv("PIXSWEEP_CORE_LOCKS");
}
END_TEST

START_TEST(what_it_was_told_is_kept_for_processes_that_know_no_keys)
{
    const struct pxs_launcher_key keys[] = {{"odd", "a 'b' \"$c\" *\nd"}};
    const char *const extra[] = {"-p", "2222", NULL};
    struct pxs_launcher l = ours(), recalled;
    struct pxs_launched_list list = {0};
    struct pxs_arena arena = {0};
    launcher("printf '%s|' \"$1\" \"$PIXSWEEP_NAME\" \"$PIXSWEEP_DIR\" \"$PIXSWEEP_CPUS\" "
             "\"${PIXSWEEP_WARN-unset}\" \"$PIXSWEEP_ODD\" \"$PIXSWEEP_EXTRA\" "
             ">\"$PIXSWEEP_DIR/said\"");
    ck_fails(pxs_launcher_recall(l.dir, &arena, &recalled, &err), PXS_E_NOT_FOUND, "variables");
    l.keys = keys;
    l.n_keys = 1;
    l.extra = extra;
    l.cpus = 4;
    ck_ok(pxs_launcher_keep(&l, &err));
    ck_ok(pxs_launcher_recall(l.dir, &arena, &recalled, &err));
    ck_ok(pxs_launcher_alive(&recalled, "this", &list, &err));
    char expected[PXS_PATH_MAX * 2];
    snprintf(expected, sizeof expected, "alive|this|%s|4|unset|a 'b' \"$c\" *\nd|-p\n2222|", l.dir);
    check_file("sub/said", expected);
    pxs_launched_finish(&list);
    pxs_arena_finish(&arena);
}
END_TEST

START_TEST(keys_that_cannot_be_told_are_refused_before_anything_is_asked)
{
    const char *const bad[] = {"Partition", "a-b", "", "1a", "name", "task"};
    const char *const lines[] = {"a\nb", NULL}, *const empty[] = {"", NULL};
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    launcher(NOTE "echo 7");
    for (size_t i = 0; i < PXS_COUNT(bad); i++) {
        l.keys = &(struct pxs_launcher_key){bad[i], "x"};
        l.n_keys = 1;
        ck_fails(pxs_launcher_submit(&l, 1, &sub, &err), PXS_E_INVALID, "rename it");
        ck_assert_int_eq(sub.state, PXS_SUBMISSION_NONE);
        pxs_submission_finish(&sub);
    }
    l.n_keys = 0;
    l.extra = lines;
    ck_fails(pxs_launcher_submit(&l, 1, &sub, &err), PXS_E_INVALID, "extra argument 1");
    pxs_submission_finish(&sub);
    l.extra = empty;
    ck_fails(pxs_launcher_submit(&l, 1, &sub, &err), PXS_E_INVALID, "extra argument 1");
    pxs_submission_finish(&sub);
    l.extra = NULL;
    ck_fails(pxs_launcher_submit(&l, 0, &sub, &err), PXS_E_INVALID, "0 jobs");
    ck_assert_uint_eq(calls("submit"), 0);
    ck_assert_int_eq(state_on_disk(), PXS_SUBMISSION_NONE);
}
END_TEST

/* ---- submit --------------------------------------------------------------------------------- */

START_TEST(an_accepted_submission_is_never_asked_for_again)
{
    struct pxs_text warnings = {0};
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    char name[256];
    l.logger = (struct pxs_logger){warn, &warnings};
    l.sweep = "a b,c/\xc3\xa9";
    launcher(NOTE "echo 4711; printf pc1:3:4; echo take care >&2");
    for (int i = 0; i < 2; i++) {
        ck_ok(pxs_launcher_submit(&l, 5, &sub, &err));
        ck_assert_int_eq(sub.state, PXS_SUBMISSION_ACCEPTED);
        ck_assert_int_eq(sub.count, 5);
        ck_assert_uint_eq(sub.n_ids, 2);
        ck_assert_str_eq(sub.ids[0], "4711");
        ck_assert_str_eq(sub.ids[1], "pc1:3:4");
        if (i == 0)
            snprintf(name, sizeof name, "%s", sub.name);
        ck_assert_str_eq(sub.name, name);
        pxs_submission_finish(&sub);
    }
    ck_assert_int_eq(strncmp(name, "pixsweep-a-b-c----", 18), 0);
    ck_assert_uint_eq(calls("submit"), 1);
    ck_assert_str_eq(pxs_text_str(&warnings), "launcher: submit: take care\n");
    pxs_text_finish(&warnings);
}
END_TEST

START_TEST(a_refusal_brings_its_words_and_may_be_asked_again)
{
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    launcher(NOTE "echo 'invalid partition: cpu' >&2; echo 'ask Ann' >&2; exit 1");
    for (int i = 0; i < 2; i++) {
        ck_fails(pxs_launcher_submit(&l, 1, &sub, &err), PXS_E_INVALID,
                 "launcher: submit: invalid partition: cpu; ask Ann; exit code 1");
        ck_assert_int_eq(sub.state, PXS_SUBMISSION_REFUSED);
        pxs_submission_finish(&sub);
        ck_assert_int_eq(state_on_disk(), PXS_SUBMISSION_REFUSED);
    }
    launcher(NOTE "echo full >&2; exit 75");
    ck_fails(pxs_launcher_submit(&l, 1, &sub, &err), PXS_E_BUSY, "full; exit code 75");
    ck_assert_int_eq(sub.state, PXS_SUBMISSION_NONE);
    pxs_submission_finish(&sub);
    launcher(NOTE "echo 8");
    ck_ok(pxs_launcher_submit(&l, 1, &sub, &err));
    pxs_submission_finish(&sub);
    ck_assert_uint_eq(calls("submit"), 4);
    ck_assert_uint_eq(calls("alive"), 0);
}
END_TEST

/* A submit whose answer is lost, in each way in which it may be. */
static const char *const lost[] = {
    "sleep 60",                     /* past the deadline */
    "echo 'timed out' >&2; exit 3", /* it does not know */
    "kill -KILL $$",
    "exit 127",
    "echo 'Submitted batch job 7'", /* not an id */
    "echo",
    "exit 0",
    "printf '7\\0008\\n'",
};

START_TEST(a_submit_without_an_answer_is_looked_up_before_it_is_asked_for_again)
{
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    char body[1000], name[256];
    l.submit_seconds = _i == 0 ? 0.3 : 20;
    l.settle_seconds = 1000;
    snprintf(body, sizeof body,
             NOTE "case $1 in submit) %s ;; alive) cat \"$PIXSWEEP_DIR/jobs\" || exit 3 ;; esac",
             lost[_i]);
    launcher(body);
    ck_fails(pxs_launcher_submit(&l, 2, &sub, &err), PXS_E_BUSY,
             "was accepted is not known yet: launcher: submit");
    ck_assert_int_eq(sub.state, PXS_SUBMISSION_UNKNOWN);
    snprintf(name, sizeof name, "%s", sub.name);
    pxs_submission_finish(&sub);
    /* Nobody knows. */
    ck_fails(pxs_launcher_submit(&l, 2, &sub, &err), PXS_E_BUSY, "not known yet: launcher: alive");
    pxs_submission_finish(&sub);
    /* None shows, but it may be on its way. */
    write_text("sub/jobs", "");
    ck_fails(pxs_launcher_submit(&l, 2, &sub, &err), PXS_E_BUSY, "may be on its way");
    pxs_submission_finish(&sub);
    ck_assert_int_eq(state_on_disk(), PXS_SUBMISSION_UNKNOWN);
    ck_assert_uint_eq(calls("submit"), 1);
    /* It is there. */
    write_text("sub/jobs", "9_0 pending Priority\n9_1 running\n");
    for (int i = 0; i < 2; i++) {
        ck_ok(pxs_launcher_submit(&l, 2, &sub, &err));
        ck_assert_int_eq(sub.state, PXS_SUBMISSION_ACCEPTED);
        ck_assert_str_eq(sub.name, name);
        ck_assert_uint_eq(sub.n_ids, 0);
        pxs_submission_finish(&sub);
    }
    ck_assert_uint_eq(calls("submit"), 1);
    ck_assert_uint_eq(calls("alive"), 3);
}
END_TEST

START_TEST(one_that_has_run_and_is_gone_was_accepted_and_one_that_never_came_is_asked_for_again)
{
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    char name[256];
    l.settle_seconds = 0.01;
    launcher(NOTE "case $1 in submit) exit 3 ;; esac");
    ck_fails(pxs_launcher_submit(&l, 2, &sub, &err), PXS_E_BUSY, "not known yet");
    pxs_submission_finish(&sub);
    write_text("sub/started", "");
    ck_ok(pxs_launcher_submit(&l, 2, &sub, &err));
    ck_assert_int_eq(sub.state, PXS_SUBMISSION_ACCEPTED);
    pxs_submission_finish(&sub);

    remove_tree(in_folder("sub"));
    launcher(NOTE "case $1 in submit) exit 3 ;; esac");
    ck_fails(pxs_launcher_submit(&l, 2, &sub, &err), PXS_E_BUSY, "not known yet");
    snprintf(name, sizeof name, "%s", sub.name);
    pxs_submission_finish(&sub);
    usleep(20000);
    launcher(NOTE "case $1 in submit) echo 8 ;; esac");
    ck_ok(pxs_launcher_submit(&l, 2, &sub, &err));
    ck_assert_str_ne(sub.name, name); /* so that one that comes late all the same does nothing */
    pxs_submission_finish(&sub);
    ck_assert_uint_eq(calls("submit"), 2);
}
END_TEST

START_TEST(what_was_asked_for_stands_in_the_folder_before_it_is_asked)
{
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    launcher("cp \"$2/submission\" \"$2/job.sh\" \"$2/log\"; echo 5");
    ck_ok(pxs_launcher_submit(&l, 2, &sub, &err));
    char expected[300];
    snprintf(expected, sizeof expected, "unknown %s\ncount 2\n", sub.name);
    check_file("sub/log/submission", expected);
    check_has("sub/log/job.sh", sub.name);
    pxs_submission_finish(&sub);
    write_text("sub/submission", "accepted\n");
    ck_fails(pxs_launcher_submit(&l, 2, &sub, &err), PXS_E_CORRUPT, "cannot be understood");
    write_text("sub/submission", "accepted x\ncount 2\nid 5");
    ck_fails(pxs_submission_read(in_folder("sub"), &sub, &err), PXS_E_CORRUPT, "sub/submission");
}
END_TEST

START_TEST(the_stop_flag_ends_the_wait)
{
    struct pxs_stop stop = {.signal = SIGINT};
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    l.stop = &stop;
    launcher("sleep 60");
    ck_fails(pxs_launcher_submit(&l, 1, &sub, &err), PXS_E_STOPPED, "stopped before an answer");
    ck_assert_int_eq(sub.state, PXS_SUBMISSION_UNKNOWN);
    pxs_submission_finish(&sub);
    ck_assert_int_eq(state_on_disk(), PXS_SUBMISSION_UNKNOWN);
}
END_TEST

START_TEST(jobs_that_a_launcher_starts_itself_outlive_it)
{
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    launcher("setsid sleep 60 & echo $!"); /* it holds our pipe open, too */
    ck_ok(pxs_launcher_submit(&l, 1, &sub, &err));
    const pid_t pid = (pid_t)strtol(sub.ids[0], NULL, 10);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    pxs_submission_finish(&sub);
}
END_TEST

/* ---- alive, cancel, limits ------------------------------------------------------------------ */

START_TEST(the_living_are_listed_with_state_and_reason)
{
    struct pxs_launcher l = ours();
    struct pxs_launched_list list = {0};
    launcher("[ \"$PIXSWEEP_NAME\" = this ] || exit 3\n"
             "echo '4711_3 pending launch failed requeued held'\n"
             "echo '4711_10 running'\necho '4712 ending'\nprintf 'pc_1:7:8 unknown pc_1 does not "
             "answer'");
    ck_ok(pxs_launcher_alive(&l, "this", &list, &err));
    static const struct pxs_launched expected[] = {
        {"4711_3", 3, PXS_LAUNCHED_PENDING, "launch failed requeued held"},
        {"4711_10", 10, PXS_LAUNCHED_RUNNING, ""},
        {"4712", -1, PXS_LAUNCHED_ENDING, ""},
        {"pc_1:7:8", -1, PXS_LAUNCHED_UNKNOWN, "pc_1 does not answer"}};
    ck_assert_uint_eq(list.n, PXS_COUNT(expected));
    for (size_t i = 0; i < list.n; i++) {
        ck_assert_str_eq(list.jobs[i].id, expected[i].id);
        ck_assert_int_eq(list.jobs[i].task, expected[i].task);
        ck_assert_int_eq(list.jobs[i].state, expected[i].state);
        ck_assert_str_eq(list.jobs[i].reason, expected[i].reason);
    }
    pxs_launched_finish(&list);
    launcher("exit 0");
    ck_ok(pxs_launcher_alive(&l, "this", &list, &err));
    ck_assert_uint_eq(list.n, 0);
    pxs_launched_finish(&list);
    /* Many: more than a pipe holds. */
    launcher(
        "i=0; while [ $i -lt 5000 ]; do echo \"1_$i pending JobArrayTaskLimit\"; i=$((i+1)); done");
    ck_ok(pxs_launcher_alive(&l, "this", &list, &err));
    ck_assert_uint_eq(list.n, 5000);
    ck_assert_int_eq(list.jobs[4999].task, 4999);
    pxs_launched_finish(&list);
}
END_TEST

/* Each case is the state and reason of some jobs, and what is said of them. */
START_TEST(the_living_in_words)
{
    const enum pxs_launched_state P = PXS_LAUNCHED_PENDING, R = PXS_LAUNCHED_RUNNING;
    const struct {
        struct pxs_launched jobs[6];
        const char *words;
        bool never;
    } cases[] = {
        {{{0}}, "no jobs", false},
        {{{"1", 0, R, ""}}, "1 job at work", false},
        {{{"1", 0, R, "n1"}, {"2", 0, R, "n2"}, {"3", 0, R, "n1"}, {"4", 0, P, "Priority"}},
         "3 jobs at work on 2 nodes, 1 pending (Priority)",
         false},
        {{{"1", 0, P, "Resources"}, {"2", 0, P, "Priority"}, {"3", 0, P, "Priority"}},
         "3 jobs pending (2 Priority, 1 Resources)",
         false},
        {{{"1", 0, P, ""}, {"2", 0, P, "a"}, {"3", 0, P, "b"}, {"4", 0, P, "c"}, {"5", 0, P, "c"}},
         "5 jobs pending (2 c, 1 for no reason given, 1 a, ...)",
         false},
        {{{"1", 0, P, ""}, {"2", 0, PXS_LAUNCHED_ENDING, ""}, {"3", 0, PXS_LAUNCHED_UNKNOWN, "x"}},
         "1 job pending, 1 ending, 1 on machines that do not answer",
         false},
        {{{"1", 0, R, "n1"}, {"2", 0, P, "BadConstraints"}, {"3", 0, P, "Priority"}},
         "1 job never starts (BadConstraints: no node is as they ask for), 1 at work on 1 node, 1 "
         "pending (Priority)",
         true},
        {{{"1", 0, P, "launch failed requeued held"}, {"2", 0, P, "JobHeldUser"}},
         "2 jobs never start (1 JobHeldUser: held: `scontrol release`, 1 launch failed requeued "
         "held: held after it failed: see the node, then `scontrol release`)",
         true},
        {{{"1", 0, P, "ReqNodeNotAvail, UnavailableNodes:n[1-2]"}},
         "1 job never starts (ReqNodeNotAvail, UnavailableNodes:n[1-2]: nodes that they need are "
         "down or reserved)",
         true},
        {{{"1", 0, P, "QOSMaxCpuPerJobLimit"}},
         "1 job never starts (QOSMaxCpuPerJobLimit: more than a job may have)",
         true},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        struct pxs_launched jobs[6];
        struct pxs_launched_list list = {.jobs = jobs};
        struct pxs_text words = {0};
        bool never;
        memcpy(jobs, cases[i].jobs, sizeof jobs);
        while (list.n < 6 && jobs[list.n].id)
            list.n++;
        pxs_launched_words(&list, &words, &never);
        ck_assert_str_eq(pxs_text_str(&words), cases[i].words);
        ck_assert_int_eq(never, cases[i].never);
        pxs_text_finish(&words);
    }
}
END_TEST

START_TEST(no_answer_never_means_that_all_are_gone)
{
    static const struct {
        const char *body, *words;
    } bad[] = {{"echo '1_0 running'; exit 1", "exit code 1"},
               {"echo 'Unable to contact' >&2; exit 75", "Unable to contact; exit code 75"},
               {"echo '1_0 running'; sleep 60", "no answer within 0.4 s"},
               {"kill -TERM $$", "killed by signal 15"},
               {"echo '1_0 RUNNING'", "printed \"1_0 RUNNING\""},
               {"echo '1_0 running'; echo '1_1'", "printed \"1_1\""},
               {"echo; echo '1_0 running'", "printed \"\""},
               {"echo ' 1_0 running'", "printed \" 1_0 running\""},
               {"printf '1_0\\trunning\\n'", "which is not"},
               {"printf '1_0 run\\000ning\\n'", "NUL byte"},
               {"exec /nothing", "exit code 127"}};
    struct pxs_launcher l = ours();
    struct pxs_launched_list list = {0};
    l.query_seconds = 0.4;
    for (size_t i = 0; i < PXS_COUNT(bad); i++) {
        launcher(bad[i].body);
        l.query_seconds = i == 2 ? 0.4 : 20;
        ck_fails(pxs_launcher_alive(&l, "this", &list, &err), PXS_E_BUSY, bad[i].words);
        ck_assert_uint_eq(list.n, 0);
    }
    ck_assert_int_eq(unlink(in_folder("sub/launcher")), 0);
    ck_fails(pxs_launcher_alive(&l, "this", &list, &err), PXS_E_BUSY, "not found");
}
END_TEST

START_TEST(a_loop_need_not_wait_for_the_answer)
{
    struct pxs_launcher l = ours();
    struct pxs_launched_list list = {0};
    struct pxs_launcher_question *q;
    launcher("while [ ! -e \"$PIXSWEEP_DIR/go\" ]; do sleep 0.02; done; echo '1_0 running'");
    ck_ok(pxs_launcher_ask(&l, "this", &q, &err));
    ck_assert(!pxs_launcher_is_answered(q, 0));
    ck_assert(!pxs_launcher_is_answered(q, 30));
    write_text("sub/go", "");
    while (!pxs_launcher_is_answered(q, 50))
        ;
    ck_ok(pxs_launcher_answer(q, &list, &err));
    ck_assert_uint_eq(list.n, 1);
    pxs_launched_finish(&list);
    /* Left before its end: nothing is left of it. */
    launcher("cd \"$PIXSWEEP_DIR\"; echo $$ >pid.new; mv pid.new pid; exec sleep 60");
    ck_ok(pxs_launcher_ask(&l, "this", &q, &err));
    while (!exists("sub/pid"))
        ck_assert(!pxs_launcher_is_answered(q, 10));
    char *pid = file("sub/pid");
    ck_fails(pxs_launcher_answer(q, &list, &err), PXS_E_BUSY, "no answer was waited for");
    ck_assert_int_eq(kill((pid_t)strtol(pid, NULL, 10), 0), -1);
    free(pid);
}
END_TEST

START_TEST(a_launcher_that_never_ends_printing_is_ended)
{
    struct pxs_launcher l = ours();
    struct pxs_launched_list list = {0};
    launcher("exec yes '1_0 running'");
    ck_fails(pxs_launcher_alive(&l, "this", &list, &err), PXS_E_BUSY, "more than 32 MiB");
}
END_TEST

START_TEST(cancel_hands_all_ids_on)
{
    struct pxs_launcher l = ours();
    const char *ids[1200];
    char text[1200][8];
    for (int i = 0; i < 1200; i++) {
        snprintf(text[i], sizeof text[i], "7_%d", i);
        ids[i] = text[i];
    }
    launcher("shift; for id in \"$@\"; do echo \"$id $PIXSWEEP_NAME\"; done "
             ">>\"$PIXSWEEP_DIR/cancelled\"");
    ck_ok(pxs_launcher_cancel(&l, "this", ids, 1200, &err));
    char *said = file("sub/cancelled");
    char *at = said;
    for (int i = 0; i < 1200; i++) {
        char expected[32];
        const int n = snprintf(expected, sizeof expected, "7_%d this\n", i);
        ck_assert_int_eq(strncmp(at, expected, (size_t)n), 0);
        at += n;
    }
    ck_assert_str_eq(at, "");
    free(said);
    launcher("echo no >&2; exit 3");
    ck_fails(pxs_launcher_cancel(&l, "this", ids, 1, &err), PXS_E_BUSY, "cancel: no; exit code 3");
    ck_ok(pxs_launcher_cancel(&l, "this", ids, 0, &err));
}
END_TEST

START_TEST(limits_are_what_is_known)
{
    struct pxs_launcher l = ours();
    struct pxs_launcher_limits limits = {0, 0, 0};
    launcher("echo kill_wait 30; echo another 5; echo max_array_size 1001");
    ck_ok(pxs_launcher_limits(&l, &limits, &err));
    ck_assert_int_eq(limits.max_array_size, 1001);
    ck_assert_int_eq(limits.max_submit_jobs, -1);
    ck_assert_int_eq(limits.kill_wait, 30);
    launcher("echo 'no such verb' >&2; exit 2");
    ck_ok(pxs_launcher_limits(&l, &limits, &err));
    ck_assert_int_eq(limits.max_array_size, -1);
    launcher("echo kill_wait = 30");
    ck_fails(pxs_launcher_limits(&l, &limits, &err), PXS_E_BUSY, "printed \"kill_wait = 30\"");
    launcher("exit 3");
    ck_fails(pxs_launcher_limits(&l, &limits, &err), PXS_E_BUSY, "exit code 3");
}
END_TEST

/* ---- job.sh --------------------------------------------------------------------------------- */

/* Runs it as Slurm would; what it printed and "exit N" at the end. */
static char *run_job(const char *environment) {
    char command[2 * PXS_PATH_MAX];
    snprintf(command, sizeof command,
             "cd / && env -u PIXSWEEP_TASK %s '%s' >'%s' 2>&1; echo exit $? >>'%s'", environment,
             in_folder("it/job.sh"), in_folder("out"), in_folder("out"));
    ck_assert_int_eq(system(command), 0);
    return file("out");
}

START_TEST(a_job_knows_its_name_and_runs_the_users_lines)
{
    /* A folder with everything that a shell might take for its own. */
    const char *const odd = "s u'b $HOME `date` \"*\" %A";
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    struct pxs_text script = {0};
    char name[300], dir[PXS_PATH_MAX], *said;
    snprintf(dir, sizeof dir, "%s", in_folder(odd));
    write_text("own", "#!/bin/sh\necho 7\n");
    chmod(in_folder("own"), 0755);
    l.dir = dir;
    l.cpus = 3;
    l.settle_seconds = 1;
    l.setup = "module() { echo \"loading $1\"; }\nmodule load \"two words\"\ncd /tmp\nexport "
              "SEEN='it''s'";
    ck_ok(pxs_launcher_lay_out(l.dir, in_folder("own"), &err));
    ck_ok(pxs_launcher_submit(&l, 1, &sub, &err));
    snprintf(name, sizeof name, "%s/pixsweep", odd);
    write_text(name, "#!/bin/sh\necho \"$0|$1|$2|$PIXSWEEP_TASK|$PIXSWEEP_RESTART|"
                     "${PIXSWEEP_CORES-unset}|$SEEN|$PWD\"\nexit 7\n");
    chmod(in_folder(name), 0755);
    ck_assert_int_eq(symlink(l.dir, in_folder("it")), 0);

    char expected[4 * PXS_PATH_MAX];
    snprintf(expected, sizeof expected,
             "loading load\n%s/pixsweep|task|%s|4711_3|2|8|its|/tmp\nexit 7\n", l.dir, l.dir);
    said = run_job("SLURM_ARRAY_JOB_ID=4711 SLURM_ARRAY_TASK_ID=3 SLURM_JOB_ID=4714 "
                   "SLURM_RESTART_COUNT=2 SLURM_CPUS_ON_NODE=8");
    ck_assert_str_eq(said, expected);
    free(said);
    ck_assert(exists("it/started"));
    said = run_job("SLURM_JOB_ID=4714");
    ck_has(said, "|task|");
    ck_has(said, "|4714|0|3|its|");
    free(said);
    said = run_job("PIXSWEEP_HOST=pc1");
    ck_has(said, "|pc1:");
    free(said);
    said = run_job("PIXSWEEP_TASK=mine");
    ck_has(said, "|mine|0|3|");
    free(said);

    pxs_launcher_job_script(&l, sub.name, &script);
    check_file("it/job.sh", script.text); /* what --dry-run would show is what runs */
    pxs_text_finish(&script);
    pxs_submission_finish(&sub);
}
END_TEST

START_TEST(a_job_of_a_submission_that_does_not_count_does_nothing)
{
    struct pxs_launcher l = ours();
    struct pxs_submission sub = {0};
    char *said;
    l.settle_seconds = 1;
    launcher("echo 7");
    ck_ok(pxs_launcher_submit(&l, 1, &sub, &err));
    write_text("sub/pixsweep", "#!/bin/sh\necho trains\n");
    chmod(in_folder("sub/pixsweep"), 0755);
    ck_assert_int_eq(symlink(l.dir, in_folder("it")), 0);
    said = run_job("");
    ck_assert_str_eq(said, "trains\nexit 0\n");
    free(said);
    ck_assert_int_eq(unlink(in_folder("sub/started")), 0);

    write_textf("sub/submission", "unknown %s\ncount 1\n", sub.name); /* our answer is on its way */
    said = run_job("");
    ck_assert_str_eq(said, "trains\nexit 0\n");
    free(said);
    ck_assert_int_eq(unlink(in_folder("sub/started")), 0);

    write_textf("sub/submission", "refused %s\ncount 1\n", sub.name);
    said = run_job("");
    ck_has(said, "is not the submission of");
    ck_has(said, "exit 0\n");
    free(said);
    write_text("sub/submission", "accepted pixsweep-letters-0\ncount 1\n");
    said = run_job("");
    ck_has_not(said, "trains");
    free(said);
    ck_assert(!exists("sub/started"));
    ck_assert_int_eq(unlink(in_folder("sub/submission")), 0);
    said = run_job("");
    ck_has(said, "cannot be read");
    ck_has(said, "exit 75\n");
    free(said);
    pxs_submission_finish(&sub);
}
END_TEST

static TCase *lay_out_case(void) {
    TCase *c = tcase_create("lay_out");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, built_in_ones_and_the_users_own_are_laid_out);
    tcase_add_test(c, all_it_is_told_arrives_as_it_is);
    tcase_add_test(c, what_it_was_told_is_kept_for_processes_that_know_no_keys);
    tcase_add_test(c, keys_that_cannot_be_told_are_refused_before_anything_is_asked);
    tcase_add_test(c, a_job_knows_its_name_and_runs_the_users_lines);
    tcase_add_test(c, a_job_of_a_submission_that_does_not_count_does_nothing);
    return c;
}

static TCase *submit_case(void) {
    TCase *c = tcase_create("submit");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, an_accepted_submission_is_never_asked_for_again);
    tcase_add_test(c, a_refusal_brings_its_words_and_may_be_asked_again);
    tcase_add_loop_test(c, a_submit_without_an_answer_is_looked_up_before_it_is_asked_for_again, 0,
                        PXS_COUNT(lost));
    tcase_add_test(
        c, one_that_has_run_and_is_gone_was_accepted_and_one_that_never_came_is_asked_for_again);
    tcase_add_test(c, what_was_asked_for_stands_in_the_folder_before_it_is_asked);
    tcase_add_test(c, the_stop_flag_ends_the_wait);
    tcase_add_test(c, jobs_that_a_launcher_starts_itself_outlive_it);
    return c;
}

static TCase *alive_case(void) {
    TCase *c = tcase_create("alive");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, the_living_are_listed_with_state_and_reason);
    tcase_add_test(c, the_living_in_words);
    tcase_add_test(c, no_answer_never_means_that_all_are_gone);
    tcase_add_test(c, a_loop_need_not_wait_for_the_answer);
    tcase_add_test(c, a_launcher_that_never_ends_printing_is_ended);
    tcase_add_test(c, cancel_hands_all_ids_on);
    tcase_add_test(c, limits_are_what_is_known);
    return c;
}

int main(void) {
    TCase *(*const cases[])(void) = {lay_out_case, submit_case, alive_case};
    return run_cases("launcher", cases, PXS_COUNT(cases), CK_NORMAL);
}
