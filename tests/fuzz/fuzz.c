#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    return remove(path);
}

static void remove_folder(void) {
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void) {
    if (folder[0])
        return folder;
    const char *tmp = getenv("TMPDIR");
    if (!tmp || !tmp[0])
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    int length = snprintf(folder, sizeof folder, "%s/pixsweep-fuzz-XXXXXX", tmp);
    fuzz_require((size_t)length < sizeof folder && mkdtemp(folder) != NULL,
                 "a temporary folder can be made");
    atexit(remove_folder);
    return folder;
}

const char *fuzz_path(int slot, const char *name) {
    static char paths[8][FUZZ_PATH_MAX];
    fuzz_require(pxs_path_join(paths[slot], sizeof paths[slot], fuzz_folder(), name),
                 "a path fits");
    return paths[slot];
}

void fuzz_write(const char *name, const void *data, size_t size) {
    char path[FUZZ_PATH_MAX], dir[FUZZ_PATH_MAX];
    struct pxs_error err;
    fuzz_require(pxs_path_join(path, sizeof path, fuzz_folder(), name), "a path fits");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 && errno == ENOENT && pxs_path_dir(dir, sizeof dir, path)) {
        fuzz_need(pxs_make_dirs(dir, &err), &err);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    fuzz_require(fd >= 0, "a file can be made");
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)data + done, size - done);
        fuzz_require(n > 0, "a file can be written");
        done += (size_t)n;
    }
    close(fd);
}

void fuzz_remove(const char *name) {
    char path[FUZZ_PATH_MAX];
    fuzz_require(pxs_path_join(path, sizeof path, fuzz_folder(), name), "a path fits");
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fuzz_require(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

bool fuzz_answer(enum pxs_status status, const struct pxs_error *err) {
    if (status == PXS_OK)
        return true;
    fuzz_require(memchr(err->message, '\0', sizeof err->message) != NULL, "a message ends");
    if (status == PXS_E_INTERNAL || status != err->status)
        fprintf(stderr, "status %d, in the error %d: %s\n", (int)status, (int)err->status,
                err->message);
    fuzz_require(status != PXS_E_INTERNAL, "an input is not the program's fault");
    fuzz_require(status == err->status, "the error has the status that was returned");
    fuzz_require(err->message[0] != '\0', "a failure has words");
    return false;
}

void fuzz_need(enum pxs_status status, const struct pxs_error *err) {
    if (status == PXS_OK)
        return;
    fprintf(stderr, "the harness cannot work: %s\n", err->message);
    abort();
}

uint32_t fuzz_number(struct fuzz_input *in, size_t bytes) {
    size_t got;
    const uint8_t *at = fuzz_bytes(in, bytes, &got);
    uint32_t value = 0;
    for (size_t i = 0; i < got; i++)
        value |= (uint32_t)at[i] << (8 * i);
    return value;
}

const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t bytes, size_t *got) {
    const uint8_t *at = in->at;
    *got = bytes < in->left ? bytes : in->left;
    in->at += *got;
    in->left -= *got;
    return at;
}
