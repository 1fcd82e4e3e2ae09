/* Commands from another machine: asked, carried out by the collector, answered; and what is left
 * where one of the two dies. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "pixsweep/collect/wishes.h"
#include "support.h"

static const char *const none[] = {NULL};
static const char *const allowed[] = {"cancel", "import lab", NULL};
static struct pxs_claim claim;
static struct pxs_wishes *wishes;
static char collector[PXS_PATH_MAX], program[PXS_PATH_MAX];

/* The collector is on another machine, as far as its claim tells. */
static void take_claim(void) {
    struct pxs_claim_owner owner;
    pxs_claim_owner_here(NULL, 0, &owner);
    snprintf(owner.host, sizeof owner.host, "elsewhere");
    ck_ok(pxs_claim_take(collector, &owner, &claim, &err));
}

static void begin_collector(void) {
    const struct pxs_wishes_options options = {.collector = collector,
                                               .results = "/the/results",
                                               .db = "/own.db",
                                               .program = program,
                                               .commands = allowed};
    ck_ok(pxs_wishes_open(&options, &wishes, &err));
}

static void write_program(const char *script) {
    write_text("program", script);
    ck_assert_int_eq(chmod(program, 0755), 0);
}

static void make_folder(void) {
    test_folder_make();
    snprintf(collector, sizeof collector, "%s", in_folder(".collector"));
    snprintf(program, sizeof program, "%s", in_folder("program"));
    ck_ok(pxs_make_dirs(collector, &err));
    write_program("#!/bin/sh\nprintf '%s;' \"$@\"\necho words >&2\nexit 7\n");
    take_claim();
    begin_collector();
}

static void remove_folder(void) {
    pxs_wishes_close(&wishes, 5);
    pxs_claim_release(&claim);
    test_folder_remove();
}

static struct pxs_wish ask(const char *command, const char *const *options,
                           const char *const *names) {
    struct pxs_wish wish;
    ck_ok(pxs_wish_make(collector, command, options, names, &wish, &err));
    return wish;
}

static bool file_of(const struct pxs_wish *wish, const char *ending) {
    char name[64];
    snprintf(name, sizeof name, ".collector/wishes/%s%s", wish->id, ending);
    return exists(name);
}

/* With the collector at work meanwhile. */
static enum pxs_status look(struct pxs_wish *wish, struct pxs_answer *answer) {
    struct pxs_error err;
    pxs_wishes_look(wishes);
    return pxs_wish_look(wish, answer, &err);
}

static void finish(struct pxs_answer *answer) {
    free(answer->out);
    free(answer->err);
}

START_TEST(a_wish_is_carried_out_and_answered)
{
    const char *const options[] = {"--db", "/mine.db", "--failed", NULL};
    const char *const names[] = {"-many", "two\nlines", NULL};
    struct pxs_wish wish = ask("import lab", options, names);
    struct pxs_answer answer;
    ck_assert(file_of(&wish, ".wish"));
    wait_until(look(&wish, &answer) == PXS_OK);
    ck_assert_int_eq(answer.code, 7);
    ck_assert_str_eq(answer.out, "import;lab;--db;/mine.db;--failed;--db;/own.db;--results;/the/"
                                 "results;--;-many;two\nlines;");
    ck_assert_str_eq(answer.err, "words\n");
    finish(&answer);
    ck_assert(!file_of(&wish, ".wish") && !file_of(&wish, ".begun") && !file_of(&wish, ".answer"));
}
END_TEST

START_TEST(one_at_a_time_and_the_collector_never_waits)
{
    write_program("#!/bin/sh\n[ ! -e twice ] || exit 9\n: >twice\nwhile [ ! -e go ]; do sleep "
                  "0.01; done\nrm twice\n");
    ck_assert_int_eq(chdir(test_folder()), 0);
    struct pxs_wish first = ask("cancel", none, none), second = ask("cancel", none, none);
    struct pxs_answer answer;
    wait_until(!pxs_wishes_look(wishes) &&
               file_of(&first, ".begun") + file_of(&second, ".begun") == 1 && exists("twice"));
    for (int i = 0; i < 3; i++)
        ck_assert(!pxs_wishes_look(wishes));
    ck_assert_int_eq(file_of(&first, ".wish") + file_of(&second, ".wish"), 1);
    write_text("go", "");
    wait_until(pxs_wishes_look(wishes)); /* what it did is to be published */
    wait_until(look(&first, &answer) == PXS_OK);
    ck_assert_int_eq(answer.code, 0);
    finish(&answer);
    wait_until(look(&second, &answer) == PXS_OK);
    ck_assert_int_eq(answer.code, 0);
    finish(&answer);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(what_is_no_command_from_another_machine_is_refused)
{
    static const char *const end[] = {"--", NULL};
    struct pxs_wish wish = ask("compact", none, none);
    struct pxs_answer answer;
    char name[96];
    wait_until(look(&wish, &answer) == PXS_OK);
    ck_assert_int_eq(answer.code, 2);
    ck_has(answer.err, "is no command that can be given from another machine");
    finish(&answer);
    wish = ask("cancel", end, none); /* would hide the collector's own options */
    wait_until(look(&wish, &answer) == PXS_OK);
    ck_has(answer.err, "is no option");
    finish(&answer);

    /* Half of one, as a disk may show it for a moment, is no command either. */
    wish = ask("cancel", none, none);
    snprintf(name, sizeof name, ".collector/wishes/%s.wish", wish.id);
    write_text(name, "{\"version\": 1, \"comm");
    wait_until(look(&wish, &answer) == PXS_OK);
    ck_assert_int_eq(answer.code, 2);
    finish(&answer);
}
END_TEST

START_TEST(a_wish_is_withdrawn)
{
    struct pxs_wish wish = ask("cancel", none, none);
    struct pxs_answer answer;
    ck_assert(pxs_wish_withdraw(&wish) && !pxs_wish_withdraw(&wish));
    pxs_wishes_look(wishes);
    ck_assert(!file_of(&wish, ".begun"));
    write_program("#!/bin/sh\nexec sleep 1000\n");
    wish = ask("cancel", none, none);
    wait_until(look(&wish, &answer) == PXS_E_BUSY && file_of(&wish, ".begun"));
    ck_assert(!pxs_wish_withdraw(&wish));
    pxs_wishes_close(&wishes, 0);
    ck_ok(pxs_wish_look(&wish, &answer, &err));
    ck_assert_int_eq(answer.code, 1);
    ck_has(answer.err, "killed by signal 9");
    finish(&answer);
}
END_TEST

START_TEST(the_collector_ends_before_it_begins)
{
    struct pxs_wish wish = ask("cancel", none, none);
    struct pxs_answer answer;
    pxs_claim_release(&claim);
    ck_fails(pxs_wish_look(&wish, &answer, &err), PXS_E_NOT_FOUND, "nothing was done");
    ck_assert(!file_of(&wish, ".wish"));
    ck_fails(pxs_wish_make(collector, "cancel", none, none, &wish, &err), PXS_E_NOT_FOUND, "");

    /* The same for a claim that no process touches any more, and for another collector. */
    take_claim();
    wish = ask("cancel", none, none);
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, claim.path, old, 0), 0);
    ck_fails(pxs_wish_look(&wish, &answer, &err), PXS_E_NOT_FOUND, "nothing was done");
    pxs_claim_release(&claim);
    take_claim();
    wish = ask("cancel", none, none);
    pxs_claim_release(&claim);
    take_claim();
    ck_fails(pxs_wish_look(&wish, &answer, &err), PXS_E_NOT_FOUND, "nothing was done");
}
END_TEST

/* Killed in the middle: who asked is told that nobody knows, also by the next collector. */
START_TEST(the_collector_dies_while_it_carries_one_out)
{
    write_program("#!/bin/sh\nexec sleep 1000\n");
    struct pxs_wish wish = ask("cancel", none, none), other;
    struct pxs_answer answer;
    wait_until(look(&wish, &answer) == PXS_E_BUSY && file_of(&wish, ".begun"));
    other = wish;
    pxs_claim_release(&claim); /* and nothing else is done any more */
    other.looked_at = 0;
    ck_fails(pxs_wish_look(&other, &answer, &err), PXS_E_STOPPED, "is not known");
    struct pxs_wishes *dead = wishes;
    take_claim();
    begin_collector();
    ck_ok(pxs_wish_look(&wish, &answer, &err));
    ck_assert_int_eq(answer.code, 1);
    ck_has(answer.err, "look whether it is done");
    finish(&answer);
    ck_assert(!file_of(&wish, ".begun"));
    pxs_wishes_close(&dead, 0);
}
END_TEST

static void make_old(const char *name, int64_t seconds) {
    struct stat info;
    ck_assert_int_eq(stat(claim.path, &info), 0);
    const struct timespec time = {.tv_sec = info.st_mtim.tv_sec - seconds};
    ck_assert_int_eq(utimensat(AT_FDCWD, in_folder(name), (struct timespec[2]){time, time}, 0), 0);
}

START_TEST(litter_is_removed)
{
    struct pxs_wish wish = ask("cancel", none, none);
    char name[96];
    snprintf(name, sizeof name, ".collector/wishes/%s.wish", wish.id);
    make_old(name, PXS_CLAIM_LEASE_SECONDS + 10); /* who asked is gone */
    write_text(".collector/wishes/00000000000000000001.answer", "");
    write_text(".collector/wishes/00000000000000000002.answer", "");
    write_text(".collector/wishes/00000000000000000003.wish.tmp.77", "");
    make_old(".collector/wishes/00000000000000000001.answer", 86500);
    make_old(".collector/wishes/00000000000000000002.answer", 86000);
    make_old(".collector/wishes/00000000000000000003.wish.tmp.77", 86500);
    pxs_wishes_look(wishes);
    ck_assert(!exists(name) && !file_of(&wish, ".begun"));
    ck_assert(!exists(".collector/wishes/00000000000000000001.answer"));
    ck_assert(exists(".collector/wishes/00000000000000000002.answer"));
    ck_assert(!exists(".collector/wishes/00000000000000000003.wish.tmp.77"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("collect wishes");
    TCase *c = tcase_create("wishes");
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, a_wish_is_carried_out_and_answered);
    tcase_add_test(c, one_at_a_time_and_the_collector_never_waits);
    tcase_add_test(c, what_is_no_command_from_another_machine_is_refused);
    tcase_add_test(c, a_wish_is_withdrawn);
    tcase_add_test(c, the_collector_ends_before_it_begins);
    tcase_add_test(c, the_collector_dies_while_it_carries_one_out);
    tcase_add_test(c, litter_is_removed);
    suite_add_tcase(suite, c);
    return run_tests(suite, CK_NORMAL);
}
