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

/* PXS_E_INVALID with the text, which it finishes. */
static enum pxs_status fail_with(struct pxs_text *text, struct pxs_error *err) {
    enum pxs_status status =
        text->failed ? pxs_fail_nomem(err) : pxs_fail(err, PXS_E_INVALID, "%s", pxs_text_str(text));
    pxs_text_finish(text);
    return status;
}

enum pxs_status pxs_meant_file(const char *path, struct pxs_error *err) {
    char around[PATH];
    static const char what[] = "a dataset is a folder with train/ and val/ in it";
    if (find_around(path, around))
        return pxs_fail(err, PXS_E_INVALID, "%s is a file; %s: was %s meant?", path, what, around);
    if (ends_with(path, ".yaml") || ends_with(path, ".yml")) {
        struct pxs_text text = {0};
        pxs_text_addf(&text, "%s is a file; %s (`", path, what);
        pxs_text_add_command(&text, "pixsweep plan %s", path);
        pxs_text_add(&text, "` looks at an experiment and its data)");
        return fail_with(&text, err);
    }
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
    char train[256];     /* a name that differs from train in case, or "training" */
    char nested[2][256]; /* the first two folders that hold a train/, by name */
    size_t n_nested;
    bool pictures; /* or .npy files */
};

static void look_within(const char *path, struct within *w) {
    struct dirent **found = NULL;
    const int n = scandir(path, &found, NULL, alphasort);
    *w = (struct within){0};
    for (int i = 0; i < n; i++) {
        const char *name = found[i]->d_name;
        char inner[PATH];
        if (name[0] != '.') {
            w->pictures |= pxs_image_format_of(name) || ends_with(name, ".npy");
            if (is_folder(path, name) && pxs_path_join(inner, sizeof inner, path, name)) {
                if (strcasecmp(name, "train") == 0 || strcasecmp(name, "training") == 0)
                    snprintf(w->train, sizeof w->train, "%s", name);
                if (is_folder(inner, "train") && w->n_nested++ < 2)
                    snprintf(w->nested[w->n_nested - 1], sizeof w->nested[0], "%s", name);
            }
        }
        free(found[i]);
    }
    free(found);
}

/* Whether path/side/train holds one side of pairs, as far as folders tell: train/ of a whole dataset may hold A/. */
static bool is_side(const char *path, const char *side) {
    char train[PATH];
    return is_folder(path, side) && pxs_path_join(train, sizeof train, path, side) &&
           is_folder(train, "train") && strlen(train) + 7 < sizeof train &&
           !is_folder(strcat(train, "/train"), "A");
}

static bool both_have(const char *path, const char *const side[2], const char *split) {
    char a[PATH], b[PATH];
    return pxs_path_join(a, sizeof a, path, side[0]) && pxs_path_join(b, sizeof b, path, side[1]) &&
           is_folder(a, split) && is_folder(b, split);
}

static enum pxs_status fail_sides(const char *path, const char *const side[2], bool named,
                                  struct pxs_error *err) {
    struct pxs_text text = {0};
    static const char *const splits[] = {"train", "val"};
    pxs_text_addf(&text,
                  "%s has no train/ folder, but %s/train and %s/train; if %s/ holds the inputs and %s/ their "
                  "targets, under the same names:",
                  path, side[0], side[1], side[0], side[1]);
    for (size_t i = 0; i < PXS_COUNT(splits); i++)
        if (both_have(path, side, splits[i])) {
            pxs_text_add(&text, i > 0 ? " && " : " ");
            pxs_text_add_command(&text, "mkdir -p %s/%s && mv %s/%s/%s %s/%s/A && mv %s/%s/%s %s/%s/B", path,
                                 splits[i], path, side[0], splits[i], path, splits[i], path, side[1],
                                 splits[i], path, splits[i]);
        }
    if (!named)
        pxs_text_addf(&text, "; if each is a dataset of its own, name %s/%s or %s/%s", path, side[0], path,
                      side[1]);
    return fail_with(&text, err);
}

enum pxs_status pxs_meant_folder(const char *path, struct pxs_error *err) {
    char around[PATH];
    struct within w;
    struct pxs_text text = {0};
    if (find_around(path, around))
        return pxs_fail(err, PXS_E_INVALID, "%s has no train/ folder; it is a part of %s: was that meant?",
                        path, around);
    struct stat st;
    if (pxs_path_join(around, sizeof around, path, "train") && lstat(around, &st) == 0)
        return pxs_fail(err, PXS_E_INVALID, "%s has no train/ folder: %s is %s", path, around,
                        S_ISLNK(st.st_mode) ? "a link that leads to no folder" : "no folder");
    look_within(path, &w);
    if (w.train[0] != '\0') {
        pxs_text_addf(&text, "%s has no train/ folder, but %s/; rename it: ", path, w.train);
        pxs_text_add_command(&text, "mv %s/%s %s/train", path, w.train, path);
        return fail_with(&text, err);
    }
    if (is_folder(path, "trainA") && is_folder(path, "trainB")) {
        pxs_text_addf(
            &text, "%s has no train/ folder, but trainA/ and trainB/; if they are partners by name: ", path);
        pxs_text_add_command(&text, "mkdir %s/train && mv %s/trainA %s/train/A && mv %s/trainB %s/train/B",
                             path, path, path, path, path);
        return fail_with(&text, err);
    }
    static const char *const sides[] = {"A", "B"};
    const char *nested[] = {w.nested[0], w.nested[1]};
    if (is_side(path, "A") && is_side(path, "B"))
        return fail_sides(path, sides, true, err);
    if (w.n_nested == 2 && is_side(path, nested[0]) && is_side(path, nested[1]))
        return fail_sides(path, nested, false, err);
    if (w.n_nested > 1)
        return pxs_fail(
            err, PXS_E_INVALID,
            "%s has no train/ folder, but %zu folders in it have one, such as %s/%s and %s/%s: name the "
            "one that is meant",
            path, w.n_nested, path, nested[0], path, nested[1]);
    if (w.n_nested == 1)
        return pxs_fail(err, PXS_E_INVALID, "%s has no train/ folder, but %s/%s has one: was that meant?",
                        path, path, nested[0]);
    if (is_folder(path, "A") && is_folder(path, "B")) {
        pxs_text_addf(&text, "%s has no train/ folder, but A/ and B/; put them into one: ", path);
        pxs_text_add_command(&text, "mkdir %s/train && mv %s/A %s/B %s/train/", path, path, path, path);
        return fail_with(&text, err);
    }
    if (w.pictures) {
        pxs_text_addf(
            &text, "%s has no train/ folder, but pictures or arrays; put those to train on into one: ", path);
        pxs_text_add_command(&text, "mkdir %s/train && mv %s/*.* %s/train/", path, path, path);
        return fail_with(&text, err);
    }
    return pxs_fail(
        err, PXS_E_INVALID,
        "%s has no train/ folder; put the training pairs (PNG pairs, A/ and B/, or .npy) into %s/train", path,
        path);
}
