/* Folders in, a pair set out: which pictures there are, what is left out, and the folder that
 * appears as a whole. */
#include "making_priv.h"
#include "names_priv.h"
#include "pair_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES "left_out.txt"

static bool is_empty(const char *path) {
    DIR *dir = opendir(path);
    bool empty = dir;
    for (struct dirent *e; empty && (e = readdir(dir)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (dir)
        closedir(dir);
    return empty;
}

enum pxs_status pxs_making_begin(struct pxs_making *m, const struct pxs_make *how,
                                 struct pxs_error *err) {
    struct stat st;
    char parent[PXS_PATH_MAX];
    m->how = how;
    if (!pxs_path_absolute(m->out, sizeof m->out, how->out) ||
        !pxs_path_dir(parent, sizeof parent, m->out))
        return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", how->out);
    if (lstat(m->out, &st) == 0 && !(S_ISDIR(st.st_mode) && is_empty(m->out)))
        return pxs_fail(err, PXS_E_EXISTS, "%s exists; remove it, or choose another --out",
                        how->out);
    PXS_TRY(pxs_make_dirs(parent, err));
    snprintf(m->temp, sizeof m->temp, "%s.tmp.%d", m->out, (int)getpid());
    if (mkdir(m->temp, 0777) != 0) {
        const enum pxs_status status = pxs_fail_errno(err, "cannot make %s", m->temp);
        m->temp[0] = '\0'; /* it is not ours to remove */
        return status;
    }
    return PXS_OK;
}

bool pxs_making_part(const char *folder, size_t i, const char **from, const char **to) {
    static const char *const splits[][2] = {{"train", "train"}, {"val", "val"},
                                            {"valid", "val"},   {"validation", "val"},
                                            {"dev", "val"},     {"test", "test"}};
    char path[PXS_PATH_MAX];
    struct stat st;
    size_t n = 0;
    const char *val = NULL;
    for (size_t k = 0; k < PXS_COUNT(splits); k++) {
        if (!pxs_path_join(path, sizeof path, folder, splits[k][0]) || stat(path, &st) != 0 ||
            !S_ISDIR(st.st_mode) || (val && strcmp(splits[k][1], "val") == 0))
            continue;
        if (strcmp(splits[k][1], "val") == 0)
            val = splits[k][0];
        if (n++ == i) {
            *from = splits[k][0];
            *to = splits[k][1];
            return true;
        }
    }
    *from = *to = "";
    return n == 0 && i == 0;
}

void pxs_making_leave_out(struct pxs_making *m, const char *path, const char *reason) {
    m->report.left_out++;
    pxs_text_addf(&m->left_out, "%s: %s\n", path, reason);
}

static int by_name(const struct dirent **x, const struct dirent **y) {
    return strcmp((*x)->d_name, (*y)->d_name);
}

/* Takes one entry of a folder; false when memory ran out. */
static bool take(struct pxs_making *m, const char *dir, const char *name, struct pxs_sources *out) {
    struct stat st;
    const char *path = pxs_arena_printf(&m->arena, "%s/%s", dir, name);
    const enum pxs_file_sort sort = pxs_file_sort(name);
    if (!path)
        return false;
    if (sort == PXS_FILE_SKIP || sort == PXS_FILE_LITTER)
        return true;
    if (stat(path, &st) != 0) {
        pxs_making_leave_out(m, path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        pxs_making_leave_out(m, path, "a folder, which is not looked into");
    } else if (sort != PXS_FILE_PICTURE) {
        struct pxs_error why;
        (void)pxs_sniff_refuse_file(path, PXS_WANTED_PICTURE, &why);
        pxs_making_leave_out(m, path, pxs_reason(why.message, path));
    } else {
        const char *dot = strrchr(name, '.');
        struct pxs_source *s = &out->list[out->n++];
        s->path = path;
        s->name = pxs_arena_strdup(&m->arena, name);
        s->stem = pxs_arena_printf(&m->arena, "%.*s", (int)(dot - name), name);
        return s->name && s->stem;
    }
    return true;
}

enum pxs_status pxs_making_list(struct pxs_making *m, const char *folder, const char *part,
                                struct pxs_sources *out, struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    struct dirent **found;
    *out = (struct pxs_sources){0};
    if (!pxs_path_join(dir, sizeof dir, folder, part[0] != '\0' ? part : "."))
        return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", folder);
    const int n = scandir(dir, &found, NULL, by_name);
    if (n < 0)
        return pxs_fail_errno(err, "cannot list %s", dir);
    out->list = pxs_arena_alloc(&m->arena, ((size_t)n + 1) * sizeof *out->list);
    bool enough = out->list;
    for (int i = 0; i < n; i++) {
        if (enough)
            enough = take(m, dir, found[i]->d_name, out);
        free(found[i]);
    }
    free(found);
    return enough ? PXS_OK : pxs_fail_nomem(err);
}

enum pxs_status pxs_making_folder(struct pxs_making *m, const char *part, const char *side,
                                  char path[PXS_PATH_MAX + 64], struct pxs_error *err) {
    char inner[64];
    snprintf(inner, sizeof inner, "%s%s%s", part, part[0] && side[0] ? "/" : "", side);
    if (!pxs_path_join(path, PXS_PATH_MAX, m->temp, inner[0] != '\0' ? inner : "."))
        return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", m->temp);
    return pxs_make_dirs(path, err);
}

enum pxs_status pxs_making_write(const char *folder, const char *stem, const struct pxs_image *left,
                                 const struct pxs_image *right, struct pxs_error *err) {
    char path[2 * PXS_PATH_MAX];
    struct pxs_image pair;
    void *data;
    size_t bytes;
    const size_t row = (size_t)left->width * 3;
    PXS_TRY(pxs_image_create(&pair, 2 * left->width, left->height, 3, err));
    for (size_t y = 0; y < (size_t)left->height; y++) {
        memcpy(pair.pixels + 2 * y * row, left->pixels + y * row, row);
        memcpy(pair.pixels + (2 * y + 1) * row, right->pixels + y * row, row);
    }
    enum pxs_status status = pxs_image_encode_png(&pair, &data, &bytes, err);
    pxs_image_finish(&pair);
    PXS_TRY(status);
    snprintf(path, sizeof path, "%s/%s.png", folder, stem);
    FILE *file = fopen(path, "wbx");
    status = pxs_finish_plain(file, path, file && fwrite(data, 1, bytes, file) == bytes, err);
    free(data);
    return status;
}

/* Says what was left out, and keeps the whole list beside the pairs. */
static enum pxs_status tell_left_out(struct pxs_making *m, struct pxs_error *err) {
    enum { MOST = 20 };
    char path[PXS_PATH_MAX + 64];
    const char *line = pxs_text_str(&m->left_out);
    if (m->left_out.failed)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < m->report.left_out && i < MOST; i++) {
        const size_t n = strcspn(line, "\n");
        pxs_log(m->how->logger, PXS_LOG_WARN, "left out: %.*s", (int)n, line);
        line += n + 1;
    }
    if (m->report.left_out > MOST)
        pxs_log(m->how->logger, PXS_LOG_WARN, "left out: %zu more", m->report.left_out - MOST);
    if (m->report.left_out == 0 || m->report.pairs == 0)
        return PXS_OK;
    snprintf(path, sizeof path, "%s/" NOTES, m->temp);
    FILE *file = fopen(path, "wbx");
    return pxs_finish_plain(
        file, path, file && fwrite(m->left_out.text, 1, m->left_out.len, file) == m->left_out.len,
        err);
}

enum pxs_status pxs_making_end(struct pxs_making *m, enum pxs_status status,
                               struct pxs_make_report *report, struct pxs_error *err) {
    if (status == PXS_OK)
        status = tell_left_out(m, err);
    if (status == PXS_OK && m->report.pairs == 0)
        status = pxs_fail(err, PXS_E_INVALID, "no pair could be made; nothing was left behind");
    if (status == PXS_OK)
        status = pxs_folder_publish(m->temp, m->out, err);
    if (status == PXS_OK)
        *report = m->report;
    else if (m->temp[0] != '\0')
        pxs_folder_remove(m->temp);
    pxs_text_finish(&m->left_out);
    pxs_arena_finish(&m->arena);
    return status;
}
