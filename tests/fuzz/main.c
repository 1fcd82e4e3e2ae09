/* A harness without a fuzzer: runs the files that it is given, and those in folders, once each. The
 * inputs run in a child, so that nothing of its temporary folder stays where one ends it. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_file(const char *path) {
    char *data;
    size_t bytes;
    struct pxs_error err;
    printf("%s\n", path); /* before it runs: the last one named is the one that failed */
    fflush(stdout);
    if (pxs_read_file(path, (size_t)64 << 20, &data, &bytes, &err) != PXS_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(2);
    }
    /* A block of its own and no longer than the input: a sanitizer then sees the first byte too
     * far. */
    uint8_t *exact = malloc(bytes ? bytes : 1);
    if (!exact)
        exit(2);
    memcpy(exact, data, bytes);
    free(data);
    LLVMFuzzerTestOneInput(exact, bytes);
    free(exact);
    return 1;
}

static int visible(const struct dirent *e) {
    return e->d_name[0] != '.';
}

static int run_path(const char *path) {
    struct dirent **names;
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return run_file(path);
    int n = scandir(path, &names, visible, alphasort), done = 0;
    for (int i = 0; i < n; i++) {
        char file[FUZZ_PATH_MAX];
        if (pxs_path_join(file, sizeof file, path, names[i]->d_name))
            done += run_file(file);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return done;
}

int main(int argc, char **argv) {
    int status;
    fuzz_folder(); /* goes with this process, however the child ends */
    pid_t child = fork();
    if (child == 0) {
        int done = 0;
        for (int i = 1; i < argc; i++)
            done += run_path(argv[i]);
        printf("%d inputs\n", done);
        fflush(stdout);
        if (done == 0)
            fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
        exit(done > 0 ? 0 : 2);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 2;
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: %s\n", argv[0], strsignal(WTERMSIG(status)));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
