#include "base_tests.h"
#include "pixsweep/base.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_entries(void) {
    DIR *d = opendir(test_folder());
    struct dirent *entry;
    int n = 0;
    while ((entry = readdir(d)))
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

START_TEST(writes_and_reads_back)
{
    static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 100000};
    char *block = malloc(100000), *back = NULL;
    for (int i = 0; i < 100000; i++)
        block[i] = (char)(i * 7);
    for (size_t i = 0; i < PXS_COUNT(sizes); i++) {
        struct pxs_error err;
        size_t bytes = 77;
        ck_assert_int_eq(pxs_write_file(in_folder("f"), block, sizes[i], &err), PXS_OK);
        ck_assert_int_eq(pxs_read_file(in_folder("f"), 100000, &back, &bytes, &err), PXS_OK);
        ck_assert_uint_eq(bytes, sizes[i]);
        ck_assert_int_eq(memcmp(back, block, bytes), 0);
        ck_assert_int_eq(back[bytes], 0);
        free(back);
    }
    free(block);
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

/* A FIFO would be waited for without end; a link would lead the writer to somebody else's file. */
START_TEST(what_is_no_file_is_refused_at_once)
{
    struct pxs_error err;
    char *data = NULL;
    ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
    ck_assert_int_eq(pxs_read_file(in_folder("fifo"), 10, &data, NULL, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "is a pipe, not a file"));
    ck_assert_int_eq(pxs_read_file(test_folder(), 10, &data, NULL, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "is a folder, not a file"));
    ck_assert_int_eq(pxs_read_file("/dev/zero", 10, &data, NULL, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "is a device, not a file"));

    struct pxs_lock lock = {.fd = -1};
    ck_assert_int_eq(pxs_lock_take(&lock, in_folder("fifo"), false, &err), PXS_E_INVALID);
    ck_assert_int_eq(symlink("target", in_folder("link")), 0);
    ck_assert_int_eq(pxs_lock_take(&lock, in_folder("link"), false, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "it is a symbolic link"));
    ck_assert_int_eq(lock.fd, -1);
    ck_assert_int_ne(access(in_folder("target"), F_OK), 0);
}
END_TEST

START_TEST(temporary_file_never_follows_a_link)
{
    struct pxs_error err;
    char temp[500], *back = NULL;
    ck_assert_int_eq(pxs_write_file(in_folder("victim"), "keep", 4, &err), PXS_OK);
    snprintf(temp, sizeof temp, "%s.tmp.%ld", in_folder("f"), (long)getpid());
    ck_assert_int_eq(symlink("victim", temp), 0);
    ck_assert_int_eq(pxs_write_file(in_folder("f"), "new", 3, &err), PXS_OK);
    ck_assert_int_eq(pxs_read_file(in_folder("victim"), 10, &back, NULL, &err), PXS_OK);
    ck_assert_str_eq(back, "keep");
    free(back);
    ck_assert_int_eq(pxs_read_file(in_folder("f"), 10, &back, NULL, &err), PXS_OK);
    ck_assert_str_eq(back, "new");
    free(back);
}
END_TEST

START_TEST(reading_has_limits)
{
    struct pxs_error err;
    char *data = NULL;
    size_t bytes = 0;
    ck_assert_int_eq(pxs_write_file(in_folder("f"), "12345", 5, &err), PXS_OK);
    ck_assert_int_eq(pxs_read_file(in_folder("f"), 4, &data, &bytes, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "larger than the 4 bytes allowed"));
    ck_assert_ptr_null(data);
    ck_assert_int_eq(pxs_read_file(in_folder("f"), SIZE_MAX, &data, NULL, &err), PXS_OK);
    ck_assert_str_eq(data, "12345");
    free(data);
    ck_assert_int_eq(pxs_read_file("/dev/zero", 100000, &data, &bytes, &err), PXS_E_INVALID);
    ck_assert_int_eq(pxs_read_file("/proc/self/status", 100000, &data, &bytes, &err),
                     PXS_OK); /* says size 0 */
    ck_assert_uint_gt(bytes, 100);
    free(data);
    ck_assert_int_eq(pxs_read_file(test_folder(), 100, &data, &bytes, &err), PXS_E_INVALID);
    ck_assert_int_eq(pxs_read_file(in_folder("none"), 100, &data, &bytes, &err), PXS_E_NOT_FOUND);
}
END_TEST

START_TEST(old_file_stays_until_commit)
{
    struct pxs_atomic_file f;
    struct pxs_error err;
    char *data = NULL;
    ck_assert_int_eq(pxs_write_file(in_folder("f"), "old", 3, &err), PXS_OK);
    ck_assert_int_eq(pxs_atomic_open(&f, in_folder("f"), &err), PXS_OK);
    fputs("new", f.file);
    fflush(f.file);
    ck_assert_int_eq(pxs_read_file(in_folder("f"), 10, &data, NULL, &err), PXS_OK);
    ck_assert_str_eq(data, "old");
    free(data);
    ck_assert_int_eq(pxs_atomic_commit(&f, &err), PXS_OK);
    pxs_atomic_abandon(&f);
    ck_assert_int_eq(pxs_read_file(in_folder("f"), 10, &data, NULL, &err), PXS_OK);
    ck_assert_str_eq(data, "new");
    free(data);
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(abandon_leaves_nothing)
{
    struct pxs_atomic_file f;
    struct pxs_error err;
    ck_assert_int_eq(pxs_atomic_open(&f, in_folder("f"), &err), PXS_OK);
    fputs("half", f.file);
    ck_assert_int_eq(count_entries(), 1);
    pxs_atomic_abandon(&f);
    pxs_atomic_abandon(&f);
    ck_assert_int_eq(count_entries(), 0);
    ck_assert_int_eq(pxs_atomic_commit(&f, &err), PXS_E_INTERNAL);
}
END_TEST

/* Calls of fdopen in this program come here (meson.build). */
static bool no_stream;
FILE *__real_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode) {
    errno = ENOMEM;
    return no_stream ? NULL : __real_fdopen(fd, mode);
}

START_TEST(no_memory_for_a_stream_leaves_nothing)
{
    struct pxs_atomic_file f;
    no_stream = true;
    ck_fails(pxs_atomic_open(&f, in_folder("f"), &err), PXS_E_NOMEM, "cannot create");
    no_stream = false;
    ck_assert_int_eq(count_entries(), 0);
    ck_ok(pxs_write_file(in_folder("f"), "x", 1, &err));
}
END_TEST

START_TEST(failed_writes_are_told)
{
    struct pxs_error err;
    struct pxs_atomic_file f;
    ck_assert_int_eq(pxs_write_file(in_folder("no/f"), "x", 1, &err), PXS_E_NOT_FOUND);
    ck_assert_int_eq(mkdir(in_folder("taken"), 0777), 0);
    /* a folder is in the way */
    ck_assert_int_eq(pxs_write_file(in_folder("taken"), "x", 1, &err), PXS_E_IO);
    ck_assert_int_eq(count_entries(), 1);
    ck_assert_int_eq(pxs_atomic_open(&f, in_folder("full"), &err), PXS_OK);
    fclose(f.file);
    f.file = fopen("/dev/full", "w"); /* a full disk */
    ck_assert_ptr_nonnull(f.file);
    fputs("does not fit", f.file);
    ck_assert_int_eq(pxs_atomic_commit(&f, &err), PXS_E_NOSPC);
    ck_assert_ptr_nonnull(strstr(err.message, "No space left"));
    ck_assert_int_eq(count_entries(), 1);
    char path[5000];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    ck_assert_int_eq(pxs_write_file(path, "x", 1, &err), PXS_E_INVALID);
}
END_TEST

START_TEST(folders)
{
    struct pxs_error err;
    struct stat info;
    ck_assert_int_eq(pxs_make_dirs(in_folder("a//b/c/"), &err), PXS_OK);
    ck_assert_int_eq(pxs_make_dirs(in_folder("a/b/c"), &err), PXS_OK);
    ck_assert(stat(in_folder("a/b/c"), &info) == 0 && S_ISDIR(info.st_mode));
    ck_assert_int_eq(pxs_write_file(in_folder("f"), "", 0, &err), PXS_OK);
    ck_assert_int_eq(pxs_make_dirs(in_folder("f/x"), &err), PXS_E_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "/f: Not a directory"));
    ck_assert_int_eq(pxs_make_dirs("/", &err), PXS_OK);
    ck_assert_int_eq(pxs_make_dirs("", &err), PXS_OK);
}
END_TEST

START_TEST(locks)
{
    struct pxs_lock a = {-1}, b = {-1};
    struct pxs_error err;
    pxs_lock_release(&a);
    ck_assert_int_eq(pxs_lock_take(&a, in_folder("lock"), false, &err), PXS_OK);
    ck_assert_int_eq(pxs_lock_take(&b, in_folder("lock"), false, &err), PXS_E_BUSY);
    ck_assert_int_eq(b.fd, -1);
    pid_t child = fork(); /* a process that dies lets go */
    if (child == 0) {
        pxs_lock_release(&a);
        struct pxs_lock own = {-1};
        _exit(pxs_lock_take(&own, in_folder("other"), false, NULL) == PXS_OK ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(pxs_lock_take(&b, in_folder("other"), false, &err), PXS_OK);
    pxs_lock_release(&b);
    pxs_lock_release(&a);
    ck_assert_int_eq(a.fd, -1);
    ck_assert_int_eq(pxs_lock_take(&b, in_folder("lock"), true, &err), PXS_OK);
    pxs_lock_release(&b);
    ck_assert_int_eq(pxs_lock_take(&b, in_folder("no/lock"), true, &err), PXS_E_NOT_FOUND);
}
END_TEST

/* Who looks makes nothing, and keeps nobody from taking the lock. */
START_TEST(looking_at_locks)
{
    struct pxs_lock lock = {-1};
    struct pxs_error err;
    ck_assert_int_eq(pxs_lock_look(in_folder("lock")), PXS_LOCK_FREE);
    ck_assert_int_eq(pxs_lock_look(in_folder("no/lock")), PXS_LOCK_FREE);
    ck_assert_int_ne(access(in_folder("lock"), F_OK), 0);
    ck_assert_int_eq(pxs_lock_take(&lock, in_folder("lock"), false, &err), PXS_OK);
    ck_assert_int_eq(pxs_lock_look(in_folder("lock")), PXS_LOCK_HELD);
    pxs_lock_release(&lock);
    ck_assert_int_eq(pxs_lock_look(in_folder("lock")), PXS_LOCK_FREE);
    ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
    ck_assert_int_eq(pxs_lock_look(in_folder("fifo")), PXS_LOCK_UNKNOWN);
    ck_assert_int_eq(symlink("lock", in_folder("link")), 0);
    ck_assert_int_eq(pxs_lock_look(in_folder("link")), PXS_LOCK_UNKNOWN);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            (void)pxs_lock_look(in_folder("lock"));
    for (int i = 0; i < 500; i++) {
        ck_assert_msg(pxs_lock_take(&lock, in_folder("lock"), false, &err) == PXS_OK, "%d: %s", i,
                      err.message);
        pxs_lock_release(&lock);
    }
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(lock_waits)
{
    struct pxs_lock lock = {-1};
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct pxs_lock own = {-1};
        if (pxs_lock_take(&own, in_folder("lock"), false, NULL) != PXS_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        usleep(100000);
        _exit(0);
    }
    char byte;
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(pxs_lock_take(&lock, in_folder("lock"), false, NULL), PXS_E_BUSY);
    ck_assert_int_eq(pxs_lock_take(&lock, in_folder("lock"), true, NULL), PXS_OK);
    pxs_lock_release(&lock);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

/* What the others put into a folder leads nowhere but into it. */
START_TEST(below_a_folder)
{
    static const char *const refused[] = {"",       "/etc/passwd", "../f", "in/../f",
                                          "./in/f", "in//f",       "in/",  "link",
                                          "to/f",   "in/dangling", "in",   "in/pipe"};
    struct pxs_error err;
    char *data = NULL;
    int fd = -1;
    ck_assert_int_eq(pxs_make_dirs(in_folder("in"), &err), PXS_OK);
    ck_assert_int_eq(pxs_write_file(in_folder("in/f"), "here", 4, &err), PXS_OK);
    ck_assert_int_eq(pxs_write_file(in_folder("f"), "up", 2, &err), PXS_OK);
    ck_assert_int_eq(symlink("in/f", in_folder("link")), 0);
    ck_assert_int_eq(symlink("in", in_folder("to")), 0);
    ck_assert_int_eq(symlink("nowhere", in_folder("in/dangling")), 0);
    ck_assert_int_eq(mkfifo(in_folder("in/pipe"), 0600), 0);
    for (size_t i = 0; i < PXS_COUNT(refused); i++)
        ck_assert_msg(pxs_open_beneath(test_folder(), refused[i], &fd, &err) == PXS_E_INVALID,
                      "'%s': %s", refused[i], err.message);
    ck_assert_int_eq(pxs_open_beneath(test_folder(), "in/none", &fd, &err), PXS_E_NOT_FOUND);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(pxs_read_beneath(test_folder(), "in/f", 100, &data, NULL, &err), PXS_OK);
    ck_assert_str_eq(data, "here");
    free(data);
    /* The way to the folder itself is the user's. */
    ck_assert_int_eq(pxs_read_beneath(in_folder("to"), "f", 100, &data, NULL, &err), PXS_OK);
    free(data);
}
END_TEST

START_TEST(appending_follows_no_link)
{
    struct pxs_error err;
    char *data = NULL;
    int fd = -1;
    ck_assert_int_eq(pxs_open_append(in_folder("log"), &fd, &err), PXS_OK);
    ck_assert_int_eq(write(fd, "a", 1), 1);
    close(fd);
    ck_assert_int_eq(pxs_open_append(in_folder("log"), &fd, &err), PXS_OK);
    ck_assert_int_eq(write(fd, "b", 1), 1);
    close(fd);
    ck_assert_int_eq(pxs_read_file(in_folder("log"), 100, &data, NULL, &err), PXS_OK);
    ck_assert_str_eq(data, "ab");
    free(data);
    ck_assert_int_eq(symlink("log", in_folder("link")), 0);
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_assert_int_eq(pxs_open_append(in_folder("link"), &fd, &err), PXS_E_INVALID);
    ck_assert_int_eq(pxs_open_append(in_folder("pipe"), &fd, &err), PXS_E_INVALID);
}
END_TEST

START_TEST(places_to_write_to)
{
    struct pxs_error err;
    ck_assert_int_eq(pxs_check_place(in_folder("new/and/below"), &err), PXS_OK);
    ck_assert_int_eq(count_entries(), 0);
    ck_assert_int_eq(pxs_write_file(in_folder("f"), "x", 1, &err), PXS_OK);
    ck_assert_int_eq(pxs_check_place(in_folder("f/below"), &err), PXS_E_INVALID);
    ck_assert(strstr(err.message, "is no folder") != NULL);
    ck_assert_int_eq(symlink("nowhere", in_folder("dangling")), 0);
    ck_assert_int_eq(pxs_check_place(in_folder("dangling/below"), &err), PXS_E_INVALID);
    ck_assert(strstr(err.message, "leads nowhere") != NULL);
    ck_assert_int_eq(pxs_check_writable(in_folder("f"), NULL, &err), PXS_OK);
    ck_assert_int_eq(chmod(in_folder("f"), 0444), 0);
    if (geteuid() == 0) /* root may write to anything: as somebody else */
        ck_assert_int_eq(
            chmod(test_folder(), 0755) || chown(in_folder("f"), 54321, 0) || seteuid(54321), 0);
    ck_assert_int_eq(pxs_check_writable(in_folder("f"), in_folder("f"), &err), PXS_E_INVALID);
    ck_assert_msg(strstr(err.message, "`chmod u+rw ") != NULL &&
                      strstr(err.message, "/f*` mends that"),
                  "%s", err.message);
    if (getuid() == 0) {
        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_int_eq(chown(in_folder("f"), 0, 0) || seteuid(54321), 0);
        ck_assert_int_eq(pxs_check_writable(in_folder("f"), NULL, &err), PXS_E_INVALID);
        ck_assert_msg(strstr(err.message, "belongs to root") != NULL, "%s", err.message);
        ck_assert_int_eq(seteuid(0), 0);
    }
}
END_TEST

TCase *file_case(void) {
    TCase *tc = tcase_create("file");
    tcase_add_checked_fixture(tc, test_folder_make, test_folder_remove);
    tcase_add_test(tc, writes_and_reads_back);
    tcase_add_test(tc, what_is_no_file_is_refused_at_once);
    tcase_add_test(tc, temporary_file_never_follows_a_link);
    tcase_add_test(tc, reading_has_limits);
    tcase_add_test(tc, old_file_stays_until_commit);
    tcase_add_test(tc, abandon_leaves_nothing);
    tcase_add_test(tc, no_memory_for_a_stream_leaves_nothing);
    tcase_add_test(tc, failed_writes_are_told);
    tcase_add_test(tc, folders);
    tcase_add_test(tc, locks);
    tcase_add_test(tc, looking_at_locks);
    tcase_add_test(tc, lock_waits);
    tcase_add_test(tc, below_a_folder);
    tcase_add_test(tc, appending_follows_no_link);
    tcase_add_test(tc, places_to_write_to);
    return tc;
}
