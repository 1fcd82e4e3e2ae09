/* Where the lab's logs lie: a folder of one experiment, or one with many below it. */
#include "lab_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEEPEST 16

struct finding {
    const char *top;
    struct pxs_lab_log *logs;
    size_t n;
};

/* Names of folders that tell where logs stand and not of which experiment they are. */
static bool says_nothing(const char *part, size_t n) {
    static const char *const names[] = {"log", "logs", "train", "loss_message", ".", ".."};
    for (size_t i = 0; i < PXS_COUNT(names); i++) {
        if (strlen(names[i]) == n && strncmp(names[i], part, n) == 0)
            return true;
    }
    return n == 0;
}

/* The other parts of a path; `last_only`: the last of them. */
static void add_parts(const char *path, bool last_only, struct pxs_text *out) {
    for (const char *part = path; *part != '\0';) {
        const size_t n = strcspn(part, "/");
        if (!says_nothing(part, n)) {
            if (last_only)
                pxs_text_clear(out);
            pxs_text_addf(out, "%s%.*s", out->len > 0 ? "/" : "", (int)n, part);
        }
        part += n + (part[n] == '/');
    }
}

/* A folder with logs. Its label is the way down from the folder that was asked for; for that one,
 * its own name. Of a long label the end stays. */
static enum pxs_status add(struct finding *f, const char *dir, const char *file,
                           struct pxs_error *err) {
    struct pxs_lab_log *grown = realloc(f->logs, (f->n + 1) * sizeof *grown);
    if (!grown)
        return pxs_fail_nomem(err);
    f->logs = grown;
    struct pxs_lab_log *log = &grown[f->n++];
    memset(log, 0, sizeof *log);
    log->file = file;
    snprintf(log->dir, sizeof log->dir, "%s", dir);
    struct pxs_text text = {0};
    add_parts(dir + strlen(f->top), false, &text);
    if (text.len == 0)
        add_parts(dir, true, &text);
    const char *whole = pxs_text_str(&text);
    const size_t room = sizeof log->label;
    snprintf(log->label, room, "%s",
             text.len == 0      ? "lab"
             : text.len >= room ? whole + text.len - room + 1
                                : whole);
    pxs_text_finish(&text);
    return PXS_OK;
}

/* Links to folders are not followed: they may lead in circles. */
static enum pxs_status walk(struct finding *f, const char *dir, int depth, struct pxs_error *err) {
    struct dirent **names;
    bool found = false, loss_log = false;
    const int n = scandir(dir, &names, NULL, alphasort);
    if (n < 0)
        return errno == ENOMEM ? pxs_fail_nomem(err)
                               : pxs_fail_errno(err, "cannot look into %s", dir);
    enum pxs_status status = PXS_OK;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        char path[PXS_PATH_MAX];
        struct stat info;
        if (status == PXS_OK && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            pxs_path_join(path, sizeof path, dir, name) && lstat(path, &info) == 0) {
            loss_log = loss_log || (!S_ISDIR(info.st_mode) && strcmp(name, PXS_LAB_LOSS_LOG) == 0);
            if (!S_ISDIR(info.st_mode))
                found = found || strcmp(name, PXS_LAB_BATCHES) == 0 ||
                        strcmp(name, PXS_LAB_AVERAGES) == 0 ||
                        strcmp(name, PXS_LAB_VALIDATION) == 0;
            else if (depth < DEEPEST)
                status = walk(f, path, depth + 1, err);
        }
        free(names[i]);
    }
    free(names);
    if (status == PXS_OK && found)
        status = add(f, dir, PXS_LAB_BATCHES, err);
    if (status == PXS_OK && loss_log)
        status = add(f, dir, PXS_LAB_LOSS_LOG, err);
    return status;
}

static int by_dir(const void *a, const void *b) {
    const struct pxs_lab_log *x = a, *y = b;
    const int order = strcmp(x->dir, y->dir);
    return order != 0 ? order : strcmp(y->file, x->file);
}

enum pxs_status pxs_lab_find(const char *dir, struct pxs_lab_log **logs, size_t *n,
                             struct pxs_error *err) {
    char top[PXS_PATH_MAX];
    if (!pxs_path_absolute(top, sizeof top, dir))
        return pxs_fail(err, PXS_E_INVALID, "the path %.200s is too long", dir);
    struct finding f = {.top = top};
    enum pxs_status status = walk(&f, top, 0, err);
    if (status == PXS_OK && f.n == 0)
        status =
            pxs_fail(err, PXS_E_NOT_FOUND, "no %s, %s, %s or %s in %s or below it", PXS_LAB_BATCHES,
                     PXS_LAB_AVERAGES, PXS_LAB_VALIDATION, PXS_LAB_LOSS_LOG, top);
    if (status != PXS_OK) {
        free(f.logs);
        return status;
    }
    qsort(f.logs, f.n, sizeof *f.logs, by_dir);
    *logs = f.logs;
    *n = f.n;
    return PXS_OK;
}
