#include "meant_priv.h"
#include "pixsweep/image.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH 4096

static bool is_folder(const char *dir, const char *name) {
    char path[PATH];
    struct stat st;
    return pxs_path_join(path, sizeof path, dir, name) && stat(path, &st) == 0 &&
           S_ISDIR(st.st_mode);
}

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcasecmp(text + n - k, end) == 0;
}

/* ---- two folders of partners ---------------------------------------------------------------- */

/* How two sides lie in a folder: trainA/ and trainB/, A/train/ and B/train/, or A/ and B/ alone. */
enum layout { JOINED, NESTED, ALONE };
struct sides {
    const char *name[2]; /* of what becomes A and B */
    enum layout layout;
    const char *remark; /* which is which, where the names leave that open */
};

#define INPUT_IS_B ", with the inputs as B (direction: BtoA, the default, translates B into A)"
static const struct sides known[] = {
    {{"A", "B"}, JOINED, ""},
    {{"_A", "_B"}, JOINED, ""},
    {{"-A", "-B"}, JOINED, ""},
    {{"_a", "_b"}, JOINED, ""},
    {{"A", "B"}, NESTED, ""},
    {{"target", "input"}, NESTED, INPUT_IS_B},
    {{"targets", "inputs"}, NESTED, INPUT_IS_B},
    {{"target", "source"}, NESTED, INPUT_IS_B},
    {{"A", "B"}, ALONE, ""},
    {{"target", "input"}, ALONE, INPUT_IS_B},
    {{"targets", "inputs"}, ALONE, INPUT_IS_B},
    {{"target", "source"}, ALONE, INPUT_IS_B},
};

static void side_name(const struct sides *s, const char *split, int side, char out[PATH]) {
    if (s->layout == ALONE)
        snprintf(out, PATH, "%s", s->name[side]);
    else if (s->layout == JOINED)
        snprintf(out, PATH, "%s%s", split, s->name[side]);
    else
        snprintf(out, PATH, "%s/%s", s->name[side], split);
}

static bool has_sides(const char *path, const struct sides *s, const char *split) {
    char a[PATH], b[PATH];
    side_name(s, split, 0, a);
    side_name(s, split, 1, b);
    return is_folder(path, a) && is_folder(path, b);
}

static const char *const splits[] = {"train", "val", "valid", "validation", "dev", "test"};

/* Whether `name` is one of two folders of partners in `path`, such as trainA/ or A/. */
static bool is_one_side(const char *path, const char *name) {
    char side[PATH];
    for (size_t i = 0; i < PXS_COUNT(known); i++)
        for (size_t k = 0; k < PXS_COUNT(splits) && known[i].layout != NESTED; k++)
            for (int s = 0; s < 2; s++) {
                side_name(&known[i], splits[k], s, side);
                if (strcmp(side, name) == 0 && has_sides(path, &known[i], splits[k]))
                    return true;
            }
    return false;
}

/* The data folder that `path` is a part of: its train/ or val/, A/ or B/, trainA/, or a file of
 * it. */
static bool find_around(const char *path, char out[PATH]) {
    char at[PATH], up[PATH];
    if (!pxs_path_join(at, sizeof at, NULL, path))
        return false;
    if ((strcmp(at, ".") == 0 || ends_with(at, "..")) && !pxs_path_absolute(at, sizeof at, path))
        return false;
    for (int level = 0; level < 3 && pxs_path_dir(up, sizeof up, at) && strcmp(up, at) != 0;
         level++) {
        if ((strcmp(base_of(at), "train") == 0 || strcmp(base_of(at), "val") == 0) &&
            is_folder(up, "train")) {
            strcpy(out, up);
            return true;
        }
        if (is_one_side(up, base_of(at))) {
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
    if (name && strstr(name, "archive"))
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

/* Whether path/side/train holds one side of pairs, as far as folders tell: train/ of a whole
 * dataset may hold A/. */
static bool is_side(const char *path, const char *side) {
    char train[PATH];
    return is_folder(path, side) && pxs_path_join(train, sizeof train, path, side) &&
           is_folder(train, "train") && strlen(train) + 7 < sizeof train &&
           !is_folder(strcat(train, "/train"), "A");
}

/* Moves both sides of `split` into folder/A and folder/B of `path`; "" as `folder` is `path`
 * itself. */
static void add_moves(struct pxs_text *text, const char *path, const struct sides *s,
                      const char *split, const char *folder) {
    char from[PATH], to[PATH];
    pxs_text_add_command(text, "mkdir -p %s/%s", path, folder);
    for (int side = 0; side < 2; side++) {
        side_name(s, split, side, from);
        snprintf(to, sizeof to, "%s/%c", folder, "AB"[side]);
        pxs_text_add_command(text, " && mv %s/%s %s/%s", path, from, path, to);
    }
}

/* `path` has a train/ in two folders: with its val/, or in want of it what else looks like one. */
static enum pxs_status fail_sides(const char *path, const struct sides *s, const char *others,
                                  struct pxs_error *err) {
    struct pxs_text text = {0};
    char a[PATH], b[PATH];
    const char *val = NULL;
    side_name(s, "train", 0, a);
    side_name(s, "train", 1, b);
    pxs_text_addf(
        &text, "%s has no train/ folder, but %s/ and %s/; if they are partners by name%s: ", path,
        a, b, s->remark);
    add_moves(&text, path, s, "train", "train");
    for (size_t i = 1; i < PXS_COUNT(splits) && s->layout != ALONE && !val; i++)
        val = has_sides(path, s, splits[i]) ? splits[i] : NULL;
    if (val) {
        pxs_text_add(&text, " && ");
        add_moves(&text, path, s, val, "val");
    }
    if (val && strcmp(val, "test") == 0)
        pxs_text_add(&text, " (test becomes val, since there is no other)");
    else if (val && has_sides(path, s, "test"))
        pxs_text_add(&text, " (test stays where it is and is not read)");
    pxs_text_add(&text, others);
    return fail_with(&text, err);
}

bool pxs_meant_split(const char *path, const char *split, char a[PXS_PATH_MAX],
                     char b[PXS_PATH_MAX]) {
    for (size_t i = 0; i < PXS_COUNT(known); i++)
        if (known[i].layout != ALONE && has_sides(path, &known[i], split)) {
            side_name(&known[i], split, 0, a);
            side_name(&known[i], split, 1, b);
            return true;
        }
    return false;
}

bool pxs_meant_sides(const char *path, const char *folder, struct pxs_text *out) {
    char within[PATH];
    if (!pxs_path_join(within, sizeof within, path, folder))
        return false;
    for (size_t i = 0; i < PXS_COUNT(known); i++)
        if (known[i].layout == ALONE && known[i].name[0][0] != 'A' &&
            has_sides(within, &known[i], "")) {
            pxs_text_addf(out, "partners lie in A/ and B/; if %s/ and %s/ are partners by name%s: ",
                          known[i].name[0], known[i].name[1], known[i].remark);
            for (int side = 0; side < 2; side++)
                pxs_text_add_command(out, side ? " && mv %s/%s %s/%s" : "mv %s/%s %s/%s", within,
                                     known[i].name[side], within, side ? "B" : "A");
            return true;
        }
    return false;
}

/* `path` has its training pairs in two folders that are called A and B: with its val/, or in want
 * of it what else looks like one. */
static enum pxs_status read_sides(const char *path, const struct sides *s, struct pxs_layout *out) {
    const char *val = NULL;
    char a[PATH], b[PATH];
    for (size_t i = 1; i < PXS_COUNT(splits) && !val; i++) {
        side_name(s, splits[i], 0, a);
        side_name(s, splits[i], 1, b);
        val = is_folder(path, a) || is_folder(path, b) ? splits[i] : NULL;
    }
    *out = (struct pxs_layout){.splits = val ? 2 : 1};
    out->test_validates = val && strcmp(val, "test") == 0;
    for (int i = 0; i < out->splits; i++)
        for (int side = 0; side < 2; side++)
            side_name(s, i == 0 ? "train" : val, side, out->side[i][side]);
    side_name(s, "test", 0, a);
    side_name(s, "test", 1, b);
    if (out->test_validates)
        snprintf(out->note, sizeof out->note, "%s/ and %s/ validate, since there is no val", a, b);
    else if (val && has_sides(path, s, "test"))
        snprintf(out->note, sizeof out->note, "%s/ and %s/ are not read", a, b);
    return PXS_OK;
}

/* Only one of two folders of partners is there: trainA/ without trainB/. */
static bool lacks_side(const char *path, const struct sides *s, char have[PATH], char lack[PATH]) {
    side_name(s, "train", 0, have);
    side_name(s, "train", 1, lack);
    const bool a = is_folder(path, have), b = is_folder(path, lack);
    if (b)
        side_name(s, "train", 1, have), side_name(s, "train", 0, lack);
    return a != b;
}

enum pxs_status pxs_meant_folder(const char *path, struct pxs_layout *layout,
                                 struct pxs_error *err) {
    char around[PATH], a[PATH], b[PATH];
    struct within w;
    struct pxs_text text = {0};
    if (access(path, R_OK | X_OK) != 0 && errno == EACCES) {
        pxs_text_addf(&text, "%s may not be looked into (permission denied): `", path);
        pxs_text_add_command(&text, "chmod u+rx %s", path);
        pxs_text_add(&text, "`, or ask whom it or a folder above it belongs to");
        return fail_with(&text, err);
    }
    if (find_around(path, around))
        return pxs_fail(err, PXS_E_INVALID,
                        "%s has no train/ folder; it is a part of %s: was that meant?", path,
                        around);
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
    for (size_t i = 0; i < PXS_COUNT(known); i++)
        if (known[i].layout == JOINED
                ? has_sides(path, &known[i], "train")
                : known[i].layout == NESTED && is_side(path, known[i].name[0]) &&
                      is_side(path, known[i].name[1]))
            return known[i].remark[0] == '\0' ? read_sides(path, &known[i], layout)
                                              : fail_sides(path, &known[i], "", err);
    if (w.n_nested == 2 && is_side(path, w.nested[0]) && is_side(path, w.nested[1])) {
        char remark[PATH], others[2 * PATH];
        const struct sides two = {{w.nested[0], w.nested[1]}, NESTED, remark};
        snprintf(remark, sizeof remark,
                 ", %s/ as A and %s/ as B (direction: BtoA, the default, translates B into A)",
                 w.nested[0], w.nested[1]);
        snprintf(others, sizeof others, "; if each is a dataset of its own, name %s/%s or %s/%s",
                 path, w.nested[0], path, w.nested[1]);
        return fail_sides(path, &two, others, err);
    }
    if (w.n_nested > 1)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s has no train/ folder, but %zu folders in it have one, such as %s/%s "
                        "and %s/%s: name the one that is meant",
                        path, w.n_nested, path, w.nested[0], path, w.nested[1]);
    if (w.n_nested == 1)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s has no train/ folder, but %s/%s has one: was that meant?", path, path,
                        w.nested[0]);
    for (size_t i = 0; i < PXS_COUNT(known); i++)
        if (known[i].layout == ALONE && known[i].remark[0] != '\0' &&
            has_sides(path, &known[i], ""))
            return fail_sides(path, &known[i], "", err);
    const bool alone = is_folder(path, "A") || is_folder(path, "B");
    if ((alone || w.pictures) && !is_folder(path, "val")) {
        *layout = (struct pxs_layout){.flat = true};
        return PXS_OK;
    }
    for (size_t i = 0; i < PXS_COUNT(known); i++)
        if (known[i].layout == JOINED && lacks_side(path, &known[i], a, b))
            return pxs_fail(err, PXS_E_INVALID, "%s has %s/ but not %s/", path, a, b);
    if (w.pictures) {
        pxs_text_addf(
            &text,
            "%s has no train/ folder, but pictures or arrays; put those to train on into one: ",
            path);
        pxs_text_add_command(&text, "mkdir %s/train && mv %s/*.* %s/train/", path, path, path);
        return fail_with(&text, err);
    }
    return pxs_fail(err, PXS_E_INVALID,
                    "%s has no train/ folder; put the training pairs (pictures, A/ and B/, or "
                    ".npy) into %s/train",
                    path, path);
}
