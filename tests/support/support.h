/* What the suites of all rooms share: a folder for each test, files in it, and checks of what a
 * call returns. */
#ifndef PIXSWEEP_TESTS_SUPPORT_H
#define PIXSWEEP_TESTS_SUPPORT_H

#include "pixsweep/base.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

/* ---- a folder ------------------------------------------------------------------------------- */

/* A new folder below $TMPDIR or /tmp, and its removal with everything in it; for
 * tcase_add_checked_fixture. One at a time in a test process. */
void test_folder_make(void);
void test_folder_remove(void);
/* The same, and the folder is the working directory meanwhile. */
void test_folder_enter(void);
void test_folder_leave(void);
/* Its absolute path. */
const char *test_folder(void);
/* Absolute path of something in it; the last 16 of these are good. An absolute `name` stays as it
 * is. */
const char *in_folder(const char *name);
/* A file or a folder with everything in it; nothing where there is none. */
void remove_tree(const char *path);

/* ---- files in it, by names as in_folder takes them ------------------------------------------ */

/* Makes the folders in between, too; without fsync, since tests write thousands of files. */
void write_bytes(const char *name, const void *data, size_t bytes);
void write_text(const char *name, const char *text);
void write_textf(const char *name, const char *fmt, ...) PXS_PRINTF(2, 3);
/* n pairs of 32 x 32 as .npy; `salt` changes the content. */
void write_pairs(const char *name, int n, unsigned salt);
/* All of it, with a NUL behind; free it. `bytes` may be NULL. */
char *slurp(const char *name, size_t *bytes);
bool exists(const char *name);

/* ---- checks --------------------------------------------------------------------------------- */

/* A call that takes `&err`, an error that stands here, and succeeds. */
#define ck_ok(call)                                                    \
    do {                                                               \
        struct pxs_error err = {.message = ""};                        \
        ck_assert_msg((call) == PXS_OK, "%s: %s", #call, err.message); \
    } while (0)
/* It fails with this status, and its message holds the text. */
#define ck_fails(call, expected, text)          \
    do {                                        \
        struct pxs_error err = {.message = ""}; \
        ck_assert_int_eq((call), (expected));   \
        ck_has(err.message, (text));            \
    } while (0)
/* `text` holds `part`; shows both where it does not. */
#define ck_has(text, part) \
    ck_assert_msg(strstr((text), (part)) != NULL, "no \"%s\" in:\n%.3000s", (part), (text))
#define ck_has_not(text, part) \
    ck_assert_msg(strstr((text), (part)) == NULL, "\"%s\" in:\n%.3000s", (part), (text))

/* Asks every 10 ms whether the condition holds; a test that waits for a minute fails. */
#define wait_until(condition)                                                          \
    do {                                                                               \
        const double wait_limit = pxs_monotonic() + 60;                                \
        while (!(condition)) {                                                         \
            ck_assert_msg(pxs_monotonic() < wait_limit, "never true: %s", #condition); \
            usleep(10000);                                                             \
        }                                                                              \
    } while (0)

/* ---- suites --------------------------------------------------------------------------------- */

/* Runs it; main returns what this returns. */
int run_tests(Suite *suite, enum print_output print);
/* Runs one suite of these cases. */
int run_cases(const char *name, TCase *(*const cases[])(void), size_t count,
              enum print_output print);
/* Runs every n-th of them, from the k-th on, where `shard` is "k/n"; all of them where it is NULL.
 * Most tests of processes wait, so Meson runs their shards side by side. */
int run_shard(Suite *(*const suites[])(void), size_t count, const char *shard,
              enum print_output print);

#endif
