/* A worker's job: from the supervisor to the file and back, and files that are none. */
#include "worker_tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pixsweep/records/files.h"
#include "pixsweep/rundir/claim.h"
#include "pixsweep/worker.h"

static const struct pxs_job attempt = {.kind = PXS_JOB_ATTEMPT,
                                       .supervisor = 999999,
                                       .threads = 3,
                                       .kernels = "f2-avx2",
                                       .attempt = 7,
                                       .config_hash = "c0",
                                       .data_hash = "da",
                                       .command = "pixsweep run \"a b.yaml\"",
                                       .claim = "00000000000000000042",
                                       .task = "4711_12",
                                       .restart = 2,
                                       .task_log = "../cluster/0001/log/4711_12.log",
                                       .resume_every = 0.1,
                                       .grace = 30,
                                       .allow_mixed = true,
                                       .keep_final = true,
                                       .shorter = "/results/a/0001-base-s0",
                                       .rungs = {19, 59},
                                       .n_rungs = 2};

START_TEST(an_attempt_comes_back_as_it_was_written)
{
    struct pxs_job job;
    ck_ok(pxs_job_write(&attempt, in_folder(""), &err));
    ck_ok(pxs_job_read(in_folder(""), &job, &err));
    ck_assert_int_eq(job.kind, PXS_JOB_ATTEMPT);
    ck_assert_int_eq(job.supervisor, 999999);
    ck_assert_int_eq(job.threads, 3);
    ck_assert_int_eq(job.attempt, 7);
    ck_assert_str_eq(job.kernels, attempt.kernels);
    ck_assert_str_eq(job.config_hash, attempt.config_hash);
    ck_assert_str_eq(job.data_hash, attempt.data_hash);
    ck_assert_str_eq(job.command, attempt.command);
    ck_assert_str_eq(job.claim, attempt.claim);
    ck_assert_str_eq(job.task, attempt.task);
    ck_assert_int_eq(job.restart, attempt.restart);
    ck_assert_str_eq(job.task_log, attempt.task_log);
    ck_assert(job.resume_every == attempt.resume_every && job.grace == attempt.grace);
    ck_assert(job.allow_mixed && job.keep_final);
    ck_assert_str_eq(job.shorter, attempt.shorter);
    ck_assert_uint_eq(job.n_rungs, 2);
    ck_assert_int_eq(job.rungs[1], 59);
    pxs_job_finish(&job);
}
END_TEST

START_TEST(a_preflight_is_read_from_any_file)
{
    const struct pxs_job preflight = {.kind = PXS_JOB_PREFLIGHT,
                                      .supervisor = 1,
                                      .threads = 1,
                                      .kernels = "auto",
                                      .cache = "/tmp/x y",
                                      .config = "/tmp/x y.yaml",
                                      .memory = (int64_t)1 << 40};
    struct pxs_text text = {0};
    struct pxs_job job;
    ck_ok(pxs_job_print(&preflight, &text, &err));
    write_text("other", pxs_text_str(&text));
    pxs_text_finish(&text);
    ck_ok(pxs_job_read(in_folder("other"), &job, &err));
    ck_assert_int_eq(job.kind, PXS_JOB_PREFLIGHT);
    ck_assert_str_eq(job.config, preflight.config);
    ck_assert_str_eq(job.cache, preflight.cache);
    ck_assert_int_eq(job.memory, preflight.memory);
    pxs_job_finish(&job);
}
END_TEST

/* The text of `attempt` with `from` replaced by `to`. */
static void write_changed(const char *from, const char *to) {
    struct pxs_text text = {0};
    ck_ok(pxs_job_print(&attempt, &text, &err));
    const char *at = strstr(pxs_text_str(&text), from);
    ck_assert_msg(at != NULL, "%s", from);
    write_textf(PXS_JOB_FILE, "%.*s%s%s", (int)(at - pxs_text_str(&text)), pxs_text_str(&text), to,
                at + strlen(from));
    pxs_text_finish(&text);
}

static const struct {
    const char *from, *to, *message;
    enum pxs_status status;
} wrong[] = {
    {"\"version\": 5", "\"version\": 6", "is of version 6, and this pixsweep knows version 5",
     PXS_E_UNSUPPORTED},
    {"\"version\": 5,", "", "version", PXS_E_CORRUPT},
    {"\"attempt\",", "\"party\",", "must be \"attempt\" or \"preflight\"", PXS_E_CORRUPT},
    {"\"threads\": 3", "\"threads\": 0", "$.threads must be at least 1", PXS_E_CORRUPT},
    {"\"threads\": 3", "\"threads\": \"3\"", "$.threads", PXS_E_CORRUPT},
    {"\"claim\"", "\"blame\"", "claim", PXS_E_CORRUPT},
    {"\"restart\": 2", "\"restart\": -1", "$.restart must be at least 0", PXS_E_CORRUPT},
    {"\"grace\": 30,", "", "grace", PXS_E_CORRUPT},
    {"\"rungs\": [", "\"rungs\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,",
     "has more than 16 elements", PXS_E_CORRUPT},
    {"}", "", PXS_JOB_FILE, PXS_E_CORRUPT},
};

START_TEST(what_is_no_job_is_refused_in_words)
{
    struct pxs_job job;
    write_changed(wrong[_i].from, wrong[_i].to);
    ck_fails(pxs_job_read(in_folder(""), &job, &err), wrong[_i].status, wrong[_i].message);
    ck_fails(pxs_job_read(in_folder(""), &job, &err), wrong[_i].status, PXS_JOB_FILE);
}
END_TEST

/* Takes the line of this key out of the text. */
static void drop_line(struct pxs_text *text, const char *key) {
    char *at = strstr(text->text, key);
    ck_assert_msg(at != NULL, "%s", key);
    const char *next = strchr(at, '\n') + 1;
    memmove(at, next, strlen(next) + 1);
    text->len = strlen(text->text);
}

/* The last attempt's number is read from it, whichever pixsweep wrote it. */
START_TEST(older_versions_lack_claim_task_and_cache)
{
    struct pxs_job job;
    struct pxs_text text = {0};
    ck_ok(pxs_job_print(&attempt, &text, &err));
    char *version = strstr(text.text, "\"version\": 5");
    ck_assert(version != NULL);
    version[strlen("\"version\": ")] = (char)('0' + _i);
    drop_line(&text, "  \"keep_final\"");
    drop_line(&text, "  \"shorter\"");
    if (_i < 4)
        drop_line(&text, "  \"cache\"");
    for (int i = 0; i < 3 && _i < 3; i++)
        drop_line(&text, (const char *const[]){"  \"task\"", "  \"restart\"", "  \"task_log\""}[i]);
    if (_i == 1)
        drop_line(&text, "  \"claim\"");
    write_text(PXS_JOB_FILE, pxs_text_str(&text));
    pxs_text_finish(&text);
    ck_ok(pxs_job_read(in_folder(""), &job, &err));
    ck_assert_int_eq(job.attempt, 7);
    ck_assert_str_eq(job.claim, _i == 1 ? "" : attempt.claim);
    ck_assert_str_eq(job.task, _i < 3 ? "" : attempt.task);
    ck_assert_str_eq(job.task_log, _i < 3 ? "" : attempt.task_log);
    ck_assert_int_eq(job.restart, _i < 3 ? 0 : attempt.restart);
    ck_assert_str_eq(job.cache, "");
    ck_assert_str_eq(job.shorter, "");
    ck_assert(!job.keep_final);
    pxs_job_finish(&job);
}
END_TEST

START_TEST(a_link_in_its_place_is_not_followed)
{
    struct pxs_job job;
    ck_ok(pxs_job_write(&attempt, in_folder(""), &err));
    ck_assert_int_eq(rename(in_folder(PXS_JOB_FILE), in_folder("target")), 0);
    ck_assert_int_eq(symlink("target", in_folder(PXS_JOB_FILE)), 0);
    ck_fails(pxs_job_read(in_folder(""), &job, &err), PXS_E_INVALID, PXS_JOB_FILE);
}
END_TEST

static void write_log(void *user, enum pxs_log_level level, const char *text) {
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

/* `pixsweep worker ARGUMENT MORE` in a process of its own; its exit code. */
static int run_worker_with(char *argument, char *more, bool stdin_open) {
    char *const argv[] = {argument, more, NULL};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        static struct pxs_stop stop;
        int null = open("/dev/null", O_RDWR), link[2];
        int log = open(in_folder("log"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (stdin_open && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, link) == 0)
            null = link[0]; /* our copy of the other end stays open */
        dup2(null, 0);
        dup2(log, 2);
        _exit(pxs_sweep_worker(more ? 2 : argument != NULL, argv, &stop,
                               (struct pxs_logger){.write = write_log}));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_worker(char *argument, char *more) {
    return run_worker_with(argument, more, false);
}

static void expect_log(const char *words) {
    char *text = slurp("log", NULL);
    ck_has(text, words);
    free(text);
}

START_TEST(a_worker_without_a_supervisor_does_nothing)
{
    char folder[PXS_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", test_folder());
    ck_assert_int_eq(run_worker(NULL, NULL), 2);
    expect_log("`worker` is started by `pixsweep run` only");
    ck_assert_int_eq(run_worker(folder, "more"), 2);
    ck_assert_int_eq(run_worker(folder, NULL), 2);
    expect_log("job.json");
    write_changed("\"version\": 5", "\"version\": 9");
    ck_assert_int_eq(run_worker(folder, NULL), 2);
    expect_log("is of version 9");
    /* Dead before the worker could ask the kernel to tell. */
    ck_ok(pxs_job_write(&attempt, in_folder(""), &err));
    ck_assert_int_eq(run_worker(folder, NULL), 130);
    expect_log("the supervisor of this job, process 999999, is gone");
    ck_assert(!exists(PXS_RECORDS_FILE));
}
END_TEST

/* Without a config.yaml the attempt begins and fails, so it shows whether the worker may begin. */
START_TEST(a_worker_whose_claim_is_lost_writes_nothing)
{
    char folder[PXS_PATH_MAX];
    struct pxs_claim_owner owner;
    struct pxs_claim claim;
    struct pxs_job job = attempt;
    snprintf(folder, sizeof folder, "%s", test_folder());
    job.supervisor = getpid();
    job.kernels = "auto";
    ck_ok(pxs_job_write(&job, in_folder(""), &err));
    ck_assert_int_eq(run_worker_with(folder, NULL, true), PXS_EXIT_CLAIM_LOST);
    expect_log("is gone");
    expect_log("this worker ends and writes nothing more");
    ck_assert(!exists(PXS_RECORDS_FILE));

    pxs_claim_owner_here("4711_1", 0, &owner);
    ck_ok(pxs_claim_take(in_folder(""), &owner, &claim, &err));
    ck_assert_int_eq(run_worker_with(folder, NULL, true), PXS_EXIT_CLAIM_LOST);
    expect_log("task 4711_1");
    ck_assert(!exists(PXS_RECORDS_FILE));

    job.claim = claim.nonce;
    ck_ok(pxs_job_write(&job, in_folder(""), &err));
    ck_assert_int_eq(run_worker_with(folder, NULL, true), PXS_EXIT_FAILED);
    expect_log("config.yaml");
    ck_assert(exists(PXS_RECORDS_FILE));

    /* No claim, as from an older supervisor; and one that cannot be looked at. */
    pxs_claim_release(&claim);
    job.claim = "";
    ck_ok(pxs_job_write(&job, in_folder(""), &err));
    ck_assert_int_eq(run_worker_with(folder, NULL, true), PXS_EXIT_FAILED);
    job.claim = attempt.claim;
    ck_ok(pxs_job_write(&job, in_folder(""), &err));
    ck_assert_int_eq(mkdir(in_folder(PXS_CLAIM_FILE), 0777), 0);
    ck_assert_int_eq(run_worker_with(folder, NULL, true), PXS_EXIT_FAILED);
    expect_log("goes on, though the claim cannot be looked at");
}
END_TEST

TCase *job_case(void) {
    TCase *c = tcase_create("job");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, an_attempt_comes_back_as_it_was_written);
    tcase_add_test(c, a_preflight_is_read_from_any_file);
    tcase_add_loop_test(c, what_is_no_job_is_refused_in_words, 0, PXS_COUNT(wrong));
    tcase_add_loop_test(c, older_versions_lack_claim_task_and_cache, 1, 5);
    tcase_add_test(c, a_link_in_its_place_is_not_followed);
    tcase_add_test(c, a_worker_without_a_supervisor_does_nothing);
    tcase_add_test(c, a_worker_whose_claim_is_lost_writes_nothing);
    return c;
}
