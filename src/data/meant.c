#include "meant_priv.h"
#include "pixsweep/image.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH 4096

static bool is_folder(const char *dir, const char *name) {
    char path[PATH];
    struct stat st;
    return pxs_path_join(path, sizeof path, dir, name) && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcasecmp(text + n - k, end) == 0;
}

/* The data folder that `path` is a part of: its train/ or val/, A/ or B/, or a file of it. */
static bool find_around(const char *path, char out[PATH]) {
    char at[PATH], up[PATH];
    if (!pxs_path_join(at, sizeof at, NULL, path))
        return false;
    if ((strcmp(at, ".") == 0 || ends_with(at, "..")) && !pxs_path_absolute(at, sizeof at, path))
        return false;
    for (int level = 0; level < 3 && pxs_path_dir(up, sizeof up, at) && strcmp(up, at) != 0; level++) {
        if ((strcmp(base_of(at), "train") == 0 || strcmp(base_of(at), "val") == 0) &&
            is_folder(up, "train")) {
            strcpy(out, up);
            return true;
        }
        strcpy(at, up);
    }
    return false;
}

enum pxs_status pxs_meant_file(const char *path, struct pxs_error *err) {
    char around[PATH];
    static const char what[] = "a dataset is a folder with train/ and val/ in it";
    if (find_around(path, around))
        return pxs_fail(err, PXS_E_INVALID, "%s is a file; %s: was %s meant?", path, what, around);
    if (ends_with(path, ".yaml") || ends_with(path, ".yml"))
        return pxs_fail(err, PXS_E_INVALID,
                        "%s is a file; %s (`pixsweep plan %s` looks at an experiment and its data)", path,
                        what, path);
    uint8_t head[4096];
    size_t n = 0;
    int fd;
    PXS_TRY(pxs_open_read(path, &fd, err)); /* a pipe, a device */
    ssize_t got = read(fd, head, sizeof head);
    n = got > 0 ? (size_t)got : 0;
    close(fd);
    const char *name = pxs_sniff_name(head, n);
    if (name != NULL && strstr(name, "archive") != NULL)
        return pxs_fail(err, PXS_E_INVALID, "%s is %s; unpack it: %s", path, name, what);
    return pxs_fail(err, PXS_E_INVALID, "%s is a file; %s", path, what);
}

/* Folders within `path` that tell what it is. */
struct within {
    char train[256];  /* a name that differs from train in case, or "training" */
    char nested[256]; /* the only folder, and it holds a train/ */
    size_t folders;
    bool pictures; /* PNG or .npy files */
};

static void look_within(const char *path, struct within *w) {
    DIR *dir = opendir(path);
    *w = (struct within){0};
    for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir)) {
        char inner[PATH];
        if (e->d_name[0] == '.')
            continue;
        w->pictures |= ends_with(e->d_name, ".png") || ends_with(e->d_name, ".npy");
        if (!is_folder(path, e->d_name) || !pxs_path_join(inner, sizeof inner, path, e->d_name))
            continue;
        w->folders++;
        if (strcasecmp(e->d_name, "train") == 0 || strcasecmp(e->d_name, "training") == 0)
            snprintf(w->train, sizeof w->train, "%s", e->d_name);
        if (is_folder(inner, "train"))
            snprintf(w->nested, sizeof w->nested, "%s", e->d_name);
    }
    if (dir != NULL)
        closedir(dir);
}

enum pxs_status pxs_meant_folder(const char *path, struct pxs_error *err) {
    char around[PATH];
    struct within w;
    if (find_around(path, around))
        return pxs_fail(err, PXS_E_INVALID, "%s has no train/ folder; it is a part of %s: was that meant?",
                        path, around);
    struct stat st;
    if (pxs_path_join(around, sizeof around, path, "train") && lstat(around, &st) == 0)
        return pxs_fail(err, PXS_E_INVALID, "%s has no train/ folder: %s is %s", path, around,
                        S_ISLNK(st.st_mode) ? "a link that leads to no folder" : "no folder");
    look_within(path, &w);
    if (w.train[0] != '\0')
        return pxs_fail(err, PXS_E_INVALID,
                        "%s has no train/ folder, but %s/; rename it: mv '%s/%s' '%s/train'", path, w.train,
                        path, w.train, path);
    if (is_folder(path, "trainA") && is_folder(path, "trainB"))
        return pxs_fail(err, PXS_E_INVALID,
                        "%s has no train/ folder, but trainA/ and trainB/; if they are partners by name: "
                        "mkdir '%s/train' "
                        "&& mv '%s/trainA' '%s/train/A' && mv '%s/trainB' '%s/train/B'",
                        path, path, path, path, path, path);
    if (w.nested[0] != '\0')
        return pxs_fail(err, PXS_E_INVALID, "%s has no train/ folder, but %s/%s has one: was that meant?",
                        path, path, w.nested);
    if (is_folder(path, "A") && is_folder(path, "B"))
        return pxs_fail(
            err, PXS_E_INVALID,
            "%s has no train/ folder, but A/ and B/; put them into one: mkdir '%s/train' && mv '%s/A' '%s/B' "
            "'%s/train/'",
            path, path, path, path, path);
    if (w.pictures)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s has no train/ folder, but pictures or arrays; put those to train on into one: "
                        "mkdir '%s/train' "
                        "&& mv '%s'/*.* '%s/train/'",
                        path, path, path, path);
    return pxs_fail(
        err, PXS_E_INVALID,
        "%s has no train/ folder; put the training pairs (PNG pairs, A/ and B/, or .npy) into %s/train", path,
        path);
}
