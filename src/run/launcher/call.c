/* One call of the launcher: started, listened to, ended at its deadline. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "launcher_priv.h"

#define LOOK_MS 20
#define MOST_BYTES (32u << 20) /* of its output: some 600,000 jobs */
#define DEATH_SECONDS 5.0 /* from SIGKILL until a process that hangs on its disk is left alone */
#define MOST_WORDS 1200   /* bytes of its stderr in a message */

enum pxs_status pxs_call_start(const struct pxs_launcher *l, const char *name,
                               const char *const *arguments, double seconds, struct pxs_call *c,
                               struct pxs_error *err) {
    struct pxs_arena arena = {0};
    const char *const *env;
    int out[2] = {-1, -1}, words[2] = {-1, -1};
    size_t n = 0, n_head = 0;
    while (arguments[n])
        n++;
    enum pxs_status status = pxs_launcher_environment(l, name, &arena, &env, err);
    if (status != PXS_OK)
        goto out;
    const char **argv = pxs_arena_alloc(&arena, (n + 5) * sizeof *argv);
    const char *program = pxs_arena_printf(&arena, "%s/launcher", l->dir);
    if (!argv || !program) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    /* By way of a shell: where the folder's disk hangs, the shell does, and not we. */
    argv[n_head++] = "sh";
    argv[n_head++] = "-c";
    argv[n_head++] = "exec \"$0\" \"$@\"";
    argv[n_head++] = program;
    memcpy(argv + n_head, arguments, n * sizeof *argv);
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(words, O_CLOEXEC) != 0) {
        status = pxs_fail_errno(err, "cannot make a pipe for the launcher");
        goto out;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(words[0], F_SETFL, O_NONBLOCK);

    struct pxs_call made = {.dir = l->dir,
                            .verb = arguments[0],
                            .logger = l->logger,
                            .stop = l->stop,
                            .out = out[0],
                            .err = words[0],
                            .seconds = seconds,
                            .until = pxs_monotonic() + seconds,
                            .started = true};
    const struct pxs_child_spec spec = {.what = "the launcher",
                                        .program = "/bin/sh",
                                        .argv = argv,
                                        .set = env,
                                        .without = "PIXSWEEP_",
                                        .in = -1,
                                        .out = out[1],
                                        .err = words[1]};
    status = pxs_child_start(&spec, &made.child, err);
    if (status == PXS_OK) {
        *c = made;
        out[0] = words[0] = -1;
    }
out:
    for (int i = 0; i < 2; i++) {
        if (out[i] >= 0)
            close(out[i]);
        if (words[i] >= 0)
            close(words[i]);
    }
    pxs_arena_finish(&arena);
    return status;
}

/* What is there now; at its end the descriptor is closed and -1. */
static void read_some(int *fd, struct pxs_text *into) {
    char bytes[4096];
    ssize_t n = 1;
    while (*fd >= 0 && into->len <= MOST_BYTES) {
        n = read(*fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close(*fd);
            *fd = -1;
            return;
        }
        pxs_text_add_n(into, bytes, (size_t)n);
    }
}

bool pxs_call_look(struct pxs_call *c, int ms) {
    const double end = pxs_monotonic() + ms / 1000.0;
    double now;
    do {
        if (c->ended)
            return true;
        struct pollfd fds[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->err, .events = POLLIN}};
        poll(fds, 2, ms < LOOK_MS ? ms : LOOK_MS);
        const bool dead = pxs_child_reap(&c->child, &c->how);
        read_some(&c->out, &c->said);
        read_some(&c->err, &c->words);
        now = pxs_monotonic();
        if (dead) {
            c->ended = true;
        } else if (c->killed) {
            /* It hangs on a disk that does not answer: nothing more can be done. */
            c->ended = now > c->until + DEATH_SECONDS;
            c->how = (struct pxs_exit){PXS_LOST, 0};
        } else {
            if (now > c->until)
                c->killed = PXS_TOO_LATE;
            else if (c->said.len > MOST_BYTES || c->words.len > MOST_BYTES)
                c->killed = PXS_TOO_MUCH;
            else if (c->stop && atomic_load(&c->stop->signal))
                c->killed = PXS_ASKED_TO_STOP;
            if (c->killed) {
                c->until = now;
                pxs_child_kill(&c->child);
            }
        }
    } while (!c->ended && now < end);
    return c->ended;
}

int pxs_call_code(const struct pxs_call *c) {
    return c->ended && !c->killed && c->how.how == PXS_EXITED ? c->how.code : -1;
}

/* Its stderr on one line; "" where it said nothing. */
static void one_line(const struct pxs_text *words, char out[MOST_WORDS]) {
    size_t n = 0;
    for (const char *c = pxs_text_str(words); *c && n + 3 < MOST_WORDS; c++) {
        if (*c != '\n') {
            out[n++] = *c;
        } else if (c[1] && c[1] != '\n') {
            out[n++] = ';';
            out[n++] = ' ';
        }
    }
    out[n] = '\0';
}

enum pxs_status pxs_call_check(struct pxs_call *c, enum pxs_status status, struct pxs_error *err) {
    char words[MOST_WORDS], how[96];
    if (c->said.failed || c->words.failed)
        return pxs_fail_nomem(err);
    one_line(&c->words, words);
    if (pxs_call_code(c) == 0) {
        if (c->said.len > 0 && memchr(c->said.text, 0, c->said.len))
            return pxs_fail(err, status, "launcher: %s: it printed a NUL byte (%s/launcher)",
                            c->verb, c->dir);
        if (words[0])
            pxs_log(c->logger, PXS_LOG_WARN, "launcher: %s: %s", c->verb, words);
        return PXS_OK;
    }
    if (c->killed == PXS_ASKED_TO_STOP)
        return pxs_fail(err, PXS_E_STOPPED, "launcher: %s: stopped before an answer came", c->verb);
    if (c->killed == PXS_TOO_LATE)
        snprintf(how, sizeof how, "no answer within %.3g s", c->seconds);
    else if (c->killed == PXS_TOO_MUCH)
        snprintf(how, sizeof how, "it printed more than %u MiB", MOST_BYTES >> 20);
    else if (c->how.how == PXS_SIGNALLED)
        snprintf(how, sizeof how, "killed by signal %d", c->how.code);
    else if (c->how.how == PXS_LOST)
        snprintf(how, sizeof how, "how it ended is not known");
    else
        snprintf(how, sizeof how, "exit code %d", c->how.code);
    return pxs_fail(err, status, "launcher: %s: %s%s%s (%s/launcher)", c->verb, words,
                    words[0] ? "; " : "", how, c->dir);
}

void pxs_call_finish(struct pxs_call *c) {
    if (!c->started)
        return;
    if (!c->ended) {
        pxs_child_kill(&c->child);
        c->killed = PXS_ASKED_TO_STOP;
        c->until = pxs_monotonic();
        pxs_call_look(c, (int)(DEATH_SECONDS * 1000) + 100);
    }
    if (c->out >= 0)
        close(c->out);
    if (c->err >= 0)
        close(c->err);
    pxs_text_finish(&c->said);
    pxs_text_finish(&c->words);
    *c = (struct pxs_call){0};
}

enum pxs_status pxs_call(const struct pxs_launcher *l, const char *name,
                         const char *const *arguments, double seconds, struct pxs_call *c,
                         struct pxs_error *err) {
    PXS_TRY(pxs_call_start(l, name, arguments, seconds, c, err));
    while (!pxs_call_look(c, 1000))
        ;
    return PXS_OK;
}

char *pxs_call_line(struct pxs_call *c, char **rest) {
    char *const all_end = c->said.text ? c->said.text + c->said.len : NULL;
    char *line = *rest ? *rest : c->said.text;
    if (line == all_end)
        return NULL;
    char *end = memchr(line, '\n', (size_t)(all_end - line));
    if (end)
        *end = '\0';
    *rest = end ? end + 1 : all_end;
    return line;
}
