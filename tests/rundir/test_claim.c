/* Claims on a run: one owner at a time, and none for ever. */
#include "pixsweep/rundir/claim.h"
#include "pixsweep/records/files.h"
#include "support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct pxs_claim_owner here(const char *task, int64_t restart) {
    struct pxs_claim_owner owner;
    pxs_claim_owner_here(task, restart, &owner);
    return owner;
}

/* The claim was touched so many seconds ago. */
static void age(int seconds) {
    struct timespec times[2];
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    ck_assert_int_eq(utimensat(AT_FDCWD, in_folder(PXS_CLAIM_FILE), times, 0), 0);
}

static int files(void) {
    int n = 0;
    FILE *list = popen("ls -A | wc -l", "r");
    ck_assert(list && fscanf(list, "%d", &n) == 1);
    pclose(list);
    return n;
}

START_TEST(one_owner)
{
    struct pxs_claim_owner me = here(NULL, 0), found;
    struct pxs_claim claim, second;
    char nonce[PXS_CLAIM_NONCE];
    int64_t touched;
    ck_fails(pxs_claim_read(test_folder(), &found, nonce, &touched, &err), PXS_E_NOT_FOUND, "");
    ck_ok(pxs_claim_take(test_folder(), &me, &claim, &err));
    ck_fails(pxs_claim_take(test_folder(), &me, &second, &err), PXS_E_BUSY,
             "is claimed by process");
    ck_assert_str_eq(second.path, "");
    ck_ok(pxs_claim_read(test_folder(), &found, nonce, &touched, &err));
    ck_assert_str_eq(nonce, claim.nonce);
    ck_assert_int_eq(found.pid, getpid());
    ck_assert_str_eq(found.host, me.host);
    ck_assert_int_lt(llabs(touched - pxs_now_ms()), 60000);
    ck_ok(pxs_claim_check(test_folder(), claim.nonce, &err));
    pxs_claim_release(&claim);
    ck_ok(pxs_claim_take(test_folder(), &me, &claim, &err));
    pxs_claim_release(&claim);
    ck_assert_int_eq(files(), 0);
}
END_TEST

/* Who only ingests or removes the run is soon done, and a task must not end for that. */
START_TEST(a_brief_claim_is_waited_for)
{
    const struct pxs_claim_owner me = here("4711_3", 0), brief = here(PXS_CLAIM_BRIEF, 0);
    struct pxs_claim claim, mine;
    ck_ok(pxs_claim_take(test_folder(), &brief, &claim, &err));
    const pid_t other = fork();
    if (other == 0) {
        usleep(300000);
        pxs_claim_release(&claim);
        _exit(0);
    }
    ck_ok(pxs_claim_take(test_folder(), &me, &mine, &err));
    ck_assert_int_eq(waitpid(other, NULL, 0), other);
    /* The other way round the run is at work for long. */
    ck_fails(pxs_claim_take(test_folder(), &brief, &claim, &err), PXS_E_BUSY, "task 4711_3");
    pxs_claim_release(&mine);
    ck_assert_int_eq(files(), 0);
}
END_TEST

/* Each case: the claim of an owner that differs from me by this, so many seconds old. */
static const struct {
    const char *task, *host, *boot;
    int64_t restart;
    bool dead;
    int seconds;
    bool is_void;
} judged[] = {
    {"", "", "", 0, false, 0, false},
    {"", "", "", 0, true, 0, true},           /* a process of this machine that is gone */
    {"", "n2", "", 0, true, 0, false},        /* of another one nobody here can know */
    {"", "n2", "x", 0, true, 600, false},     /* it may only be slow */
    {"", "n2", "x", 0, true, 1000, true},     /* the lease is over */
    {"", "", "x", 0, true, 30, false},        /* another machine of my name? */
    {"", "", "x", 0, true, 200, true},        /* this machine before it was booted */
    {"4711_1", "n2", "x", 0, true, 0, true},  /* my task before it was requeued */
    {"4711_1", "n2", "x", 2, true, 0, false}, /* and a later one, to which I am the old one */
    {"4711_2", "n2", "x", 0, true, 0, false}, /* another task */
    {"", "", "", 0, false, 1000, true},       /* it is alive, and hangs */
};

START_TEST(what_is_void)
{
    const struct pxs_claim_owner me = here("4711_1", 1);
    struct pxs_claim_owner other = here(judged[_i].task, judged[_i].restart);
    struct pxs_claim claim, mine;
    if (judged[_i].host[0])
        strcpy(other.host, judged[_i].host);
    if (judged[_i].boot[0])
        strcpy(other.boot_id, judged[_i].boot);
    other.pid_start += judged[_i].dead;
    ck_ok(pxs_claim_take(test_folder(), &other, &claim, &err));
    age(judged[_i].seconds);
    if (!judged[_i].is_void) {
        ck_fails(pxs_claim_take(test_folder(), &me, &mine, &err), PXS_E_BUSY, "claimed by");
        ck_ok(pxs_claim_refresh(&claim, &err));
    } else {
        ck_ok(pxs_claim_take(test_folder(), &me, &mine, &err));
        ck_fails(pxs_claim_refresh(&claim, &err), PXS_E_BUSY, "by now");
        pxs_claim_release(&claim); /* it is not his any more */
        ck_ok(pxs_claim_refresh(&mine, &err));
        pxs_claim_release(&mine);
        ck_assert_int_eq(files(), 0);
    }
}
END_TEST

START_TEST(touching_renews_the_lease)
{
    struct pxs_claim_owner far = here(NULL, 0);
    const struct pxs_claim_owner me = here(NULL, 0);
    struct pxs_claim claim, mine;
    strcpy(far.host, "far");
    ck_ok(pxs_claim_take(test_folder(), &far, &claim, &err));
    age(PXS_CLAIM_LEASE_SECONDS + 1);
    ck_ok(pxs_claim_refresh(&claim, &err));
    ck_fails(pxs_claim_take(test_folder(), &me, &mine, &err), PXS_E_BUSY, "on far");
    unlink(in_folder(PXS_CLAIM_FILE));
    ck_fails(pxs_claim_refresh(&claim, &err), PXS_E_BUSY, "is gone");
}
END_TEST

/* Who knows that the owner is gone breaks its claim; one that was given back says more. */
START_TEST(broken_from_outside)
{
    struct pxs_claim_owner far = here("4711_1", 0);
    const struct pxs_claim_owner me = here("4711_2", 0);
    struct pxs_claim claim, mine;
    strcpy(far.host, "far");
    ck_ok(pxs_claim_take(test_folder(), &far, &claim, &err));
    ck_ok(pxs_claim_break(test_folder(), "00000000000000000000", &err)); /* another's */
    ck_fails(pxs_claim_take(test_folder(), &me, &mine, &err), PXS_E_BUSY, "on far");
    ck_ok(pxs_claim_break(test_folder(), claim.nonce, &err));
    ck_ok(pxs_claim_look(test_folder(), &err));
    ck_fails(pxs_claim_refresh(&claim, &err), PXS_E_BUSY, "by now");
    ck_assert_int_eq(files(), 1);
    ck_ok(pxs_claim_take(test_folder(), &me, &mine, &err));
    ck_assert(mine.replaced);
    pxs_claim_release(&mine);
    ck_ok(pxs_claim_take(test_folder(), &me, &mine, &err));
    ck_assert(!mine.replaced);
    pxs_claim_release(&mine);
    ck_assert_int_eq(files(), 0);
}
END_TEST

START_TEST(what_cannot_be_read)
{
    const struct pxs_claim_owner me = here(NULL, 0);
    struct pxs_claim claim;
    write_text(PXS_CLAIM_FILE, "");
    ck_fails(pxs_claim_take(test_folder(), &me, &claim, &err), PXS_E_BUSY, "15 minutes");
    age(PXS_CLAIM_LEASE_SECONDS + 1);
    ck_ok(pxs_claim_take(test_folder(), &me, &claim, &err));
    pxs_claim_release(&claim);
    ck_assert_int_eq(symlink("/etc/passwd", in_folder(PXS_CLAIM_FILE)), 0);
    ck_fails(pxs_claim_take(test_folder(), &me, &claim, &err), PXS_E_INVALID, PXS_CLAIM_FILE);
    ck_fails(pxs_claim_take(in_folder("none"), &me, &claim, &err), PXS_E_NOT_FOUND, "none");
}
END_TEST

/* Many want it, again and again: never two at a time. Whoever has it makes a file that must not be
 * there. */
START_TEST(many_want_it)
{
    enum { WHO = 8, ROUNDS = 30 };
    for (int who = 0; who < WHO; who++) {
        if (fork() != 0)
            continue;
        const struct pxs_claim_owner me = here(NULL, 0);
        int had = 0;
        for (int tries = 0; had < ROUNDS && tries < 1000000; tries++) {
            struct pxs_claim claim;
            struct pxs_error why;
            enum pxs_status status = pxs_claim_take(test_folder(), &me, &claim, &why);
            if (status == PXS_E_BUSY)
                continue;
            int fd = status == PXS_OK ? open("alone", O_CREAT | O_EXCL | O_WRONLY, 0600) : -1;
            if (fd < 0)
                _exit(1);
            close(fd);
            unlink("alone");
            had++;
            if (had % 3) /* it dies with the claim in its hand, as far as others can see */
                pxs_claim_release(&claim);
            else
                age(PXS_CLAIM_LEASE_SECONDS + 1);
        }
        _exit(had == ROUNDS ? 0 : 2);
    }
    for (int who = 0; who < WHO; who++) {
        int how;
        ck_assert_int_gt(wait(&how), 0);
        ck_assert_msg(WIFEXITED(how) && WEXITSTATUS(how) == 0, "exit %d", how);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("claim");
    TCase *c = tcase_create("claim");
    tcase_add_checked_fixture(c, test_folder_enter, test_folder_leave);
    tcase_add_test(c, one_owner);
    tcase_add_test(c, a_brief_claim_is_waited_for);
    tcase_add_loop_test(c, what_is_void, 0, PXS_COUNT(judged));
    tcase_add_test(c, touching_renews_the_lease);
    tcase_add_test(c, broken_from_outside);
    tcase_add_test(c, what_cannot_be_read);
    tcase_add_test(c, many_want_it);
    suite_add_tcase(suite, c);
    return run_tests(suite, CK_NORMAL);
}
