/* The folders of submissions: results/SWEEP/cluster/NNNN. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pixsweep/submit.h"

enum pxs_status pxs_submission_folder(const char *results, const char *sweep, int64_t number,
                                      char dir[PXS_PATH_MAX], struct pxs_error *err) {
    char tail[256];
    snprintf(tail, sizeof tail, "%s/" PXS_CLUSTER_FOLDER "/%04lld", sweep, (long long)number);
    return pxs_path_join(dir, PXS_PATH_MAX, results, tail)
               ? PXS_OK
               : pxs_fail(err, PXS_E_INVALID, "the path %s is too long", results);
}

static int by_number(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum pxs_status pxs_submission_numbers(const char *results, const char *sweep, int64_t **numbers,
                                       size_t *n, struct pxs_error *err) {
    char dir[PXS_PATH_MAX], tail[160];
    int64_t number;
    *numbers = NULL;
    *n = 0;
    snprintf(tail, sizeof tail, "%s/" PXS_CLUSTER_FOLDER, sweep);
    if (!pxs_path_join(dir, sizeof dir, results, tail))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", results);
    DIR *folder = opendir(dir);
    for (struct dirent *e = folder ? readdir(folder) : NULL; e; e = readdir(folder)) {
        if (strspn(e->d_name, "0123456789") != strlen(e->d_name) ||
            !pxs_parse_int(e->d_name, &number) || number < 1)
            continue;
        int64_t *more = realloc(*numbers, (*n + 1) * sizeof *more);
        if (!more) {
            closedir(folder);
            free(*numbers);
            return pxs_fail_nomem(err);
        }
        *numbers = more;
        more[(*n)++] = number;
    }
    if (folder)
        closedir(folder);
    if (*n > 0)
        qsort(*numbers, *n, sizeof **numbers, by_number);
    return PXS_OK;
}

#define ENDED_FILE "ended"

void pxs_submission_note_end(const char *dir) {
    char path[PXS_PATH_MAX];
    struct pxs_error err;
    int fd;
    /* Without it the launcher is only asked again. */
    if (pxs_path_join(path, sizeof path, dir, ENDED_FILE) &&
        pxs_open_append(path, &fd, &err) == PXS_OK)
        close(fd);
}

bool pxs_submission_has_ended(const char *dir) {
    char path[PXS_PATH_MAX];
    return pxs_path_join(path, sizeof path, dir, ENDED_FILE) && access(path, F_OK) == 0;
}
