/* Running the program. */
#include "cli_tests.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ARGS = 32 };

static const char *program(void) {
    const char *path = getenv("PIXSWEEP");
    ck_assert_msg(path != NULL, "PIXSWEEP must name the program");
    return path;
}

void drop(struct result *r) {
    free(r->out);
    free(r->err);
}

/* ---- processes ------------------------------------------------------------------------------ */

static void redirect(const char *path, int fd) {
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(120);
}

static pid_t start_file(const char *file, const char *const *args) {
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        signal(SIGHUP, SIG_DFL); /* the suite itself may run under nohup */
        redirect("out", STDOUT_FILENO);
        redirect("err", STDERR_FILENO);
        execv(file, (char *const *)args);
        _exit(121);
    }
    return pid;
}

pid_t start(const char *const *args) {
    return start_file(program(), args);
}

int wait_for(pid_t pid) {
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static struct result finish(pid_t pid) {
    struct result r = {.code = wait_for(pid)};
    r.out = slurp("out", NULL);
    r.err = slurp("err", NULL);
    return r;
}

struct result pixsweep(const char *first, ...) {
    const char *args[MOST_ARGS] = {"pixsweep", first};
    va_list ap;
    va_start(ap, first);
    for (int i = 2;
         first != NULL && i < MOST_ARGS - 1 && (args[i] = va_arg(ap, const char *)) != NULL; i++)
        ;
    va_end(ap);
    return finish(start(args));
}

struct result shell(const char *command) {
    const char *const args[] = {"sh", "-c", command, NULL};
    return finish(start_file("/bin/sh", args));
}

void await(const char *file, const char *text) {
    for (int i = 0; i < 2000; i++) {
        char *now = exists(file) ? slurp(file, NULL) : NULL;
        const bool found = now != NULL && strstr(now, text) != NULL;
        free(now);
        if (found)
            return;
        usleep(10000);
    }
    ck_abort_msg("\"%s\" never appeared in %s", text, file);
}

/* By popen: files "out" and "err" belong to what runs in the background. */
void await_output(const char *command, const char *text) {
    static char out[1 << 16];
    for (int i = 0; i < 1000; i++) {
        FILE *pipe = popen(command, "r");
        ck_assert_ptr_nonnull(pipe);
        out[fread(out, 1, sizeof out - 1, pipe)] = '\0';
        if (pclose(pipe) == 0 && strstr(out, text) != NULL)
            return;
        usleep(20000);
    }
    ck_abort_msg("\"%s\" never appeared from %s, only:\n%s", text, command, out);
}

pid_t start_on_terminal(const char *const *args, int *terminal) {
    const struct winsize size = {.ws_row = 24, .ws_col = 100};
    const pid_t pid = forkpty(terminal, NULL, NULL, &size);
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        signal(SIGHUP, SIG_DFL);
        setenv("TERM", "xterm", 1);
        execv(program(), (char *const *)args);
        _exit(121);
    }
    return pid;
}

/* ---- something to train on ------------------------------------------------------------------ */

bool make_experiment(void) {
    static const char source[] = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc";
    static const char target[] = "/usr/share/fonts/truetype/arphic-gkai00mp/gkai00mp.ttf";
    if (access(source, R_OK) != 0 || access(target, R_OK) != 0)
        return false;
    struct result r =
        pixsweep("data", "glyphs", "--source", source, "--target", target, "--out", "data",
                 "--chars", "ascii", "--train", "8", "--val", "2", "--size", "32", NULL);
    ck_assert_msg(r.code == 0, "%s", r.err);
    drop(&r);
    write_text(
        "tiny.yaml",
        "dataset: data\nimg_height: 32\nimg_width: 32\nngf: 2\nndf: 2\nn_epochs: 2\nbatch_size: 4\n"
        "sample_interval: 0\ncheckpoint_interval: 0\n"
        "sweep:\n  grid: {lr_policy_G: [constant, halve]}\n");
    return true;
}
