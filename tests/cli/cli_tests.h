/* What the tests of room cli share: running the program as a user does. */
#ifndef PXS_CLI_TESTS_H
#define PXS_CLI_TESTS_H

#include "pixsweep/base.h"

#include "support.h"

#include <string.h>
#include <sys/types.h>

/* How a call ended. Texts are malloc'ed; drop() frees them. */
struct result {
    int code; /* exit code, or 128 + signal */
    char *out, *err;
};
void drop(struct result *r);

/* Runs pixsweep with these arguments (the list ends with NULL) and waits. */
struct result pixsweep(const char *first, ...) __attribute__((sentinel));
/* The same through /bin/sh; `"$PIXSWEEP"` is the program. */
struct result shell(const char *command);
/* Starts it in the background with stdout and stderr in files "out" and "err". */
pid_t start(const char *const *args);
int wait_for(pid_t pid);
/* Waits until `file` contains `text`; fails after 20 seconds. */
void await(const char *file, const char *text);
/* Waits until a command of the shell prints this; repeats it for 20 seconds and more. */
void await_output(const char *command, const char *text);
/* Starts it on a terminal of its own; *terminal is the other side. */
pid_t start_on_terminal(const char *const *args, int *terminal);

/* A pair set of ten characters in data/, and an experiment file that trains 2 runs on it in a
 * moment. False where the fonts are missing (the test has nothing to train on then). */
bool make_experiment(void);

/* Exit code and a part of what was said on stderr. */
#define ck_refused(call, exit_code, part)                                                  \
    do {                                                                                   \
        struct result ck_r = (call);                                                       \
        ck_assert_msg(ck_r.code == (exit_code), "exit code %d:\n%s", ck_r.code, ck_r.err); \
        ck_has(ck_r.err, part);                                                            \
        ck_assert_str_eq(ck_r.out, "");                                                    \
        drop(&ck_r);                                                                       \
    } while (0)
/* Success and a part of what was printed. */
#define ck_prints(call, part)                                                    \
    do {                                                                         \
        struct result ck_r = (call);                                             \
        ck_assert_msg(ck_r.code == 0, "exit code %d:\n%s", ck_r.code, ck_r.err); \
        ck_has(ck_r.out, part);                                                  \
        drop(&ck_r);                                                             \
    } while (0)

Suite *bench_suite(void);
Suite *usage_suite(void);
Suite *watch_suite(void);
Suite *work_suite(void);

#endif
