#include "support.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[PXS_PATH_MAX], entered_from[PXS_PATH_MAX];

/* ---- a folder ------------------------------------------------------------------------------- */

void test_folder_make(void) {
    const char *tmp = getenv("TMPDIR");
    char made[PXS_PATH_MAX];
    snprintf(made, sizeof made, "%s/pixsweep-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(made));
    ck_assert(pxs_path_absolute(folder, sizeof folder, made));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void remove_tree(const char *path) {
    double until = pxs_monotonic() + 10;
    int result;
    /* Not empty: a process that the test has killed was just making a file there. */
    while ((result = nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS)) != 0 && errno == ENOTEMPTY &&
           pxs_monotonic() < until)
        usleep(1000);
    ck_assert_msg(result == 0 || errno == ENOENT, "%s cannot be removed: %s", path,
                  strerror(errno));
}

void test_folder_remove(void) {
    remove_tree(folder);
}

void test_folder_enter(void) {
    ck_assert_ptr_nonnull(getcwd(entered_from, sizeof entered_from));
    test_folder_make();
    ck_assert_int_eq(chdir(folder), 0);
}

void test_folder_leave(void) {
    ck_assert_int_eq(chdir(entered_from), 0);
    test_folder_remove();
}

const char *test_folder(void) {
    return folder;
}

const char *in_folder(const char *name) {
    static char paths[16][PXS_PATH_MAX];
    static size_t next;
    char *path = paths[next++ % PXS_COUNT(paths)];
    int length = name[0] == '/' ? snprintf(path, sizeof paths[0], "%s", name)
                                : snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    ck_assert_int_lt(length, (int)sizeof paths[0]);
    return path;
}

/* ---- files ---------------------------------------------------------------------------------- */

void write_bytes(const char *name, const void *data, size_t bytes) {
    char dir[PXS_PATH_MAX];
    const char *path = in_folder(name);
    ck_assert(pxs_path_dir(dir, sizeof dir, path));
    ck_ok(pxs_make_dirs(dir, &err));
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
}

void write_text(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

void write_textf(const char *name, const char *fmt, ...) {
    struct pxs_text text = {0};
    va_list ap;
    va_start(ap, fmt);
    pxs_text_addv(&text, fmt, ap);
    va_end(ap);
    write_bytes(name, pxs_text_str(&text), text.len);
    pxs_text_finish(&text);
}

void write_pairs(const char *name, int n, unsigned salt) {
    char header[128];
    size_t pixels = (size_t)n * 32 * 64 * 3;
    unsigned char *file = calloc(1, 128 + pixels);
    int len = snprintf(header, sizeof header,
                       "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 32, 64, 3), }", n);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    memset(file + 10, ' ', 117);
    file[127] = '\n';
    memcpy(file + 10, header, (size_t)len);
    for (size_t i = 0; i < pixels; i++)
        file[128 + i] = (unsigned char)((i * 7 + i / 6144 * 31 + salt * 101) % 251);
    write_bytes(name, file, 128 + pixels);
    free(file);
}

char *slurp(const char *name, size_t *bytes) {
    char *data = NULL;
    size_t got;
    ck_ok(pxs_read_file(in_folder(name), (size_t)1 << 30, &data, &got, &err));
    if (bytes)
        *bytes = got;
    return data;
}

bool exists(const char *name) {
    return access(in_folder(name), F_OK) == 0;
}

/* ---- suites --------------------------------------------------------------------------------- */

static int run(SRunner *runner, enum print_output print) {
    srunner_run_all(runner, print);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_shard(Suite *(*const suites[])(void), size_t count, const char *shard,
              enum print_output print) {
    unsigned k = 1, n = 1;
    if (shard && (sscanf(shard, "%u/%u", &k, &n) != 2 || k < 1 || k > n)) {
        fprintf(stderr, "a shard is k/n, such as 1/4, not %s\n", shard);
        return EXIT_FAILURE;
    }
    SRunner *runner = srunner_create(NULL);
    for (size_t i = k - 1; i < count; i += n)
        srunner_add_suite(runner, suites[i]());
    return run(runner, print);
}

int run_tests(Suite *suite, enum print_output print) {
    return run(srunner_create(suite), print);
}

int run_cases(const char *name, TCase *(*const cases[])(void), size_t count,
              enum print_output print) {
    Suite *suite = suite_create(name);
    for (size_t i = 0; i < count; i++)
        suite_add_tcase(suite, cases[i]());
    return run_tests(suite, print);
}
