/* bench: what its results hold, and PyTorch's side of it played by shell scripts that speak,
 * refuse, die or talk nonsense. No times. */
#include "cli_tests.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL                                                                                 \
    "--quiet", "--rounds", "1", "--set", "ngf=2", "--set", "ndf=2", "--set", "img_height=32", \
        "--set", "img_width=64", "--set", "batch_size=3"
#define AGAINST SMALL, "--threads", "1", "--against-torch"

/* A program ./python with this body; its process number goes to the file "pid". */
static void fake_python(const char *body) {
    char text[1024];
    snprintf(text, sizeof text, "#!/bin/sh\necho $$ > pid.new; mv pid.new pid\n%s\n", body);
    write_text("python", text);
    ck_assert_int_eq(chmod("python", 0755), 0);
}

static char *content(const char *path) {
    struct pxs_error err;
    char *text = NULL;
    size_t bytes;
    ck_assert_msg(pxs_read_file(path, 1 << 20, &text, &bytes, &err) == PXS_OK, "%s", err.message);
    return text;
}

/* Fails unless the process whose number stands in the file is gone, or soon so; nobody may have
 * reaped an orphan. */
static void ck_gone(const char *file) {
    char path[64], *number = content(file);
    snprintf(path, sizeof path, "/proc/%d/stat", atoi(number));
    free(number);
    for (int i = 0; i < 500 && access(path, R_OK) == 0; i++) {
        struct pxs_error err;
        char *stat = NULL;
        size_t bytes;
        const bool read = pxs_read_file(path, 4096, &stat, &bytes, &err) == PXS_OK;
        const bool zombie = read && strstr(stat, ") Z ") != NULL;
        free(stat);
        if (!read || zombie)
            return;
        usleep(10000);
    }
    ck_assert_msg(access(path, R_OK) != 0, "the process in file %s is still there", file);
}

/* The line that holds `part`, cut out of the text. */
static const char *line_with(char *text, const char *part) {
    char *at = strstr(text, part);
    ck_assert_msg(at != NULL, "no \"%s\" in:\n%.3000s", part, text);
    while (at > text && at[-1] != '\n')
        at--;
    at[strcspn(at, "\n")] = '\0';
    return at;
}

/* ---- our own rows --------------------------------------------------------------------------- */

START_TEST(rows_carry_the_machine)
{
    struct result r =
        pixsweep("bench", SMALL, "--kernels", "direct-base", "--format", "json", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_assert_str_eq(r.err, "");
    ck_has(r.out, "\"what\":\"sgemm 2048^3\"");
    const char *step = line_with(r.out, "\"what\":\"training step\"");
    ck_has(step, "\"shape\":\"3x32x64x3 ngf 2 ndf 2\"");
    ck_has(step, "\"kernels\":\"direct-base\",\"openblas\":\"OpenBLAS ");
    ck_has(step, "\"rounds\":1,\"version\":\"" PXS_VERSION "\",\"commit\":\"");
    ck_has_not(step, "\"images_per_s\":null");
    ck_has_not(step, "\"gmac_per_image\":null");
    ck_has_not(step, "\"peak_bytes\":null");
    ck_has_not(step, "\"cpu\":null");
    drop(&r);
}
END_TEST

START_TEST(the_table_says_which_kernel_ran)
{
    struct result r = pixsweep("bench", SMALL, "--kernels", "blas", "--threads", "1", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_has(r.out, "  of sgemm  ");
    ck_has(r.out, "  GB/s\n");
    ck_has(r.out, "\nG down1 forward          blas  ");
    ck_has(r.out, "\nG final weight gradient  head  ");
    ck_has(r.out, " images/s, ");
    ck_has(r.out, ", 1 thread, kernels blas, OpenBLAS ");
    ck_has_not(r.out, "torch");
    drop(&r);
}
END_TEST

/* ---- against PyTorch ------------------------------------------------------------------------ */

START_TEST(torch_takes_turns)
{
    fake_python("shift; echo \"$@\" >> args\n"
                "echo 'ready 9.9'; while read question; do echo \"$question\" >> args; echo '99 "
                "1048576'; read question; echo \"$question\" >> args; echo '12.5 1048576'; done");
    struct result r = pixsweep("bench", AGAINST, "./python", "--format", "csv", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_has(r.out, "\ntraining step,,3x32x64x3 ngf 2 ndf 2,1,");
    ck_has(r.out, "\ntorch NCHW,,3x32x64x3 ngf 2 ndf 2,1,12.5,12.5,");
    ck_has(r.out, "\ntorch compile,");
    const char *row = line_with(r.out, "torch channels_last,");
    ck_has(row, ",1048576,,9.9,auto-");
    drop(&r);
    char *args = content("args");
    const char *common =
        "--fused --freeze --threads=1 --batch_size=3 --img_height=32 --img_width=64 --channels=3 "
        "--generator=unet --downs_G=0 --ngf=2 --dropout=0.5 --discriminator=patch --ndf=2 "
        "--lambda_pixel=10 "
        "--norm=instance --gan_mode=lsgan";
    char expected[2048];
    /* a turn is two steps, of which the second one counts */
    snprintf(expected, sizeof expected,
             "%s\nstep\nstep\n%s --channels-last\nstep\nstep\n%s --compile\nstep\nstep\n", common,
             common, common);
    ck_assert_str_eq(args, expected);
    free(args);
    ck_gone("pid");
}
END_TEST

/* The trained generator alone, one picture and eight at a time, and PyTorch without gradients. */
START_TEST(generator_alone)
{
    struct result r = pixsweep("bench", SMALL, "--threads", "1", "--generate", NULL);
    ck_assert_int_eq(r.code, 0);
    ck_has(r.out, "\ngenerator        1x32x64x3 unet ngf 2");
    ck_has(r.out, "\ngenerator        8x32x64x3 unet ngf 2");
    ck_has(r.out, "\nreading weights  1x32x64x3 unet ngf 2");
    ck_has_not(r.out, "torch");
    drop(&r);
    fake_python("shift; echo \"$@\" >> args\n"
                "echo 'ready 9.9'; while read question; do echo '12.5 1048576'; done");
    r = pixsweep("bench", AGAINST, "./python", "--generate", "--format", "csv", NULL);
    ck_assert_int_eq(r.code, 0);
    ck_has(r.out, "\ntorch NCHW,1x32x64x3 unet ngf 2,1,12.5,12.5,80,");
    ck_has(r.out, "\ntorch channels_last,8x32x64x3 unet ngf 2,1,12.5,12.5,640,");
    drop(&r);
    char *args = content("args");
    ck_has(args, "--generate");
    ck_has(args, "--batch_size=1");
    ck_has(args, "--batch_size=8");
    free(args);
}
END_TEST

/* Another network than PyTorch's would be timed in silence. */
START_TEST(torch_is_told_every_network)
{
    fake_python("shift; echo \"$@\" >> args\n"
                "echo 'ready 9.9'; while read question; do echo '12.5 1048576'; done");
    struct result r = pixsweep("bench", AGAINST, "./python", "--set", "generator=resnet_6blocks",
                               "--set", "discriminator=n_layers", "--set", "n_layers_D=2", "--set",
                               "norm=batch", "--format", "csv", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_has(r.out, "\ntraining step,,3x32x64x3 ngf 2 ndf 2 resnet_6blocks n_layers batch,1,");
    ck_has(r.out, "\nG block6.2 weight gradient,");
    drop(&r);
    char *args = content("args");
    ck_has(args, "--generator=resnet_6blocks ");
    ck_has(args, "--discriminator=n_layers --n_layers_D=2 ");
    ck_has(args, "--norm=batch ");
    ck_has_not(args, "downs_G");
    free(args);
}
END_TEST

START_TEST(torch_is_measured_on_one_thread_too)
{
    fake_python("echo 'ready 9.9'; while read question; do echo '12.5 1048576'; done");
    struct result r =
        pixsweep("bench", SMALL, "--threads", "2", "--against-torch", "./python", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_has(r.out, "\nPyTorch 9.9, fused Adam, D frozen in G's step, in turn with our own step");
    ck_has(r.out, "\nthe fastest of them on 2 threads, torch ");
    ck_has(r.out, "\ntorch channels_last        2 ");
    ck_has(r.out, "\ntorch channels_last        1 ");
    ck_has(r.out, " 1.0 MB\n");
    ck_has_not(r.out, "note");
    drop(&r);
}
END_TEST

START_TEST(what_does_not_compile_is_a_result)
{
    fake_python("case \"$*\" in *--compile*) echo 'no torch.compile in PyTorch 1.13'; exit;; esac\n"
                "echo 'ready 1.13'; while read question; do echo '12.5 1048576'; done");
    struct result r = pixsweep("bench", AGAINST, "./python", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_has(line_with(r.out, "torch compile"), "no torch.compile in PyTorch 1.13");
    drop(&r);
    fake_python("case \"$*\" in *--compile*) kill -9 $$;; esac\n"
                "echo 'ready 1.13'; while read question; do echo '12.5 1048576'; done");
    r = pixsweep("bench", AGAINST, "./python", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    ck_has(line_with(r.out, "torch compile"), "ended too early, by signal 9");
    drop(&r);
}
END_TEST

START_TEST(a_python_without_torch_gets_a_remedy)
{
    ck_refused(pixsweep("bench", AGAINST, "./nowhere", NULL), 2,
               "cannot start ./nowhere: No such file or directory; name a Python that has PyTorch");
    write_text("data.txt", "no program\n");
    ck_refused(pixsweep("bench", AGAINST, "./data.txt", NULL), 2,
               "cannot start ./data.txt: Permission denied");
    /* The real script in a Python that sees no packages. */
    fake_python("exec python3 -I -S \"$@\"");
    ck_refused(pixsweep("bench", AGAINST, "./python", NULL), 2,
               "./python has no PyTorch: No module named 'torch'; name a Python that has it, or "
               "install it there: "
               "./python -m pip install torch");
    ck_gone("pid");
}
END_TEST

START_TEST(a_torch_that_dies_is_an_error)
{
    fake_python(
        "echo 'ready 9.9'; read question; echo Traceback >&2; echo 'OSError: boom' >&2; exit 3");
    ck_refused(pixsweep("bench", AGAINST, "./python", NULL), 1,
               "ended too early, by exit code 3: OSError: boom\n");
    fake_python("echo 'ready 9.9'; read question; kill -9 $$");
    ck_refused(pixsweep("bench", AGAINST, "./python", NULL), 1, "ended too early, by signal 9\n");
    fake_python("echo 'ready 9.9'; exit 4"); /* nobody is there to be asked */
    ck_refused(pixsweep("bench", AGAINST, "./python", NULL), 1,
               "ended too early, by exit code 4\n");
    fake_python("exit 0");
    ck_refused(pixsweep("bench", AGAINST, "./python", NULL), 1,
               "ended too early, by exit code 0\n");
    /* It has closed its side, but goes on. */
    fake_python("exec <&- >&- 2>&-; sleep 1000");
    ck_refused(pixsweep("bench", AGAINST, "./python", NULL), 1, "ended too early, by signal 9\n");
    ck_gone("pid");
}
END_TEST

static const struct {
    const char *answers, *error;
} nonsense[] = {
    {"echo hello", "answered 'hello' where 'ready' was due"},
    {"echo 'ready 9.9'; read question; echo twelve 1000",
     "answered 'twelve 1000' where a time was due"},
    {"echo 'ready 9.9'; read question; echo 12.5", "answered '12.5' where a time was due"},
    {"echo 'ready 9.9'; read question; echo '-12.5 1000'",
     "answered '-12.5 1000' where a time was due"},
    {"echo 'ready 9.9'; read question; echo '.inf 1000'",
     "answered '.inf 1000' where a time was due"},
    {"head -c 5000 /dev/zero | tr '\\0' x", "answer is no line: 'xxxx"},
};

START_TEST(a_torch_that_talks_nonsense_is_an_error)
{
    char body[256];
    snprintf(body, sizeof body, "%s; sleep 1000", nonsense[_i].answers);
    fake_python(body);
    ck_refused(pixsweep("bench", AGAINST, "./python", NULL), 1, nonsense[_i].error);
    ck_gone("pid");
}
END_TEST

/* The script and what it has started: both are ended. */
START_TEST(ctrl_c_ends_torch_too)
{
    static const char *const args[] = {"pixsweep", "bench", AGAINST, "./python", NULL};
    fake_python("sleep 1000 & echo $! > sleeper.new; mv sleeper.new sleeper; wait");
    const pid_t pid = start(args);
    await("sleeper", "\n");
    kill(pid, SIGINT);
    ck_assert_int_eq(wait_for(pid), 130);
    await("err", "stopped while PyTorch was at work");
    ck_gone("pid");
    ck_gone("sleeper");
}
END_TEST

START_TEST(torch_sees_the_users_environment)
{
    fake_python("env > env; exit");
    struct result r =
        shell("env -u OPENBLAS_NUM_THREADS -u OMP_NUM_THREADS MINE=1 \"$PIXSWEEP\" bench --quiet "
              "--rounds 1 --set ngf=2 --set ndf=2 --set img_height=32 --set img_width=32 "
              "--against-torch ./python");
    drop(&r);
    char *env = content("env");
    ck_has(env, "MINE=1\n");
    ck_has_not(env, "OPENBLAS");
    ck_has_not(env, "OMP_");
    free(env);
}
END_TEST

Suite *bench_suite(void) {
    Suite *suite = suite_create("cli-bench");
    TCase *c = tcase_create("bench");
    tcase_add_checked_fixture(c, test_folder_enter, test_folder_leave);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, rows_carry_the_machine);
    tcase_add_test(c, the_table_says_which_kernel_ran);
    tcase_add_test(c, torch_takes_turns);
    tcase_add_test(c, generator_alone);
    tcase_add_test(c, torch_is_told_every_network);
    tcase_add_test(c, torch_is_measured_on_one_thread_too);
    tcase_add_test(c, what_does_not_compile_is_a_result);
    tcase_add_test(c, a_python_without_torch_gets_a_remedy);
    tcase_add_test(c, a_torch_that_dies_is_an_error);
    tcase_add_loop_test(c, a_torch_that_talks_nonsense_is_an_error, 0, PXS_COUNT(nonsense));
    tcase_add_test(c, ctrl_c_ends_torch_too);
    tcase_add_test(c, torch_sees_the_users_environment);
    suite_add_tcase(suite, c);
    return suite;
}
