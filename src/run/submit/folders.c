/* The folders of submissions: results/SWEEP/cluster/NNNN. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "submit_priv.h"

#define LOG_LINES 5
#define LOG_BYTES 4096 /* of a log's end that are looked at */

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

/* ---- whose numbers they are ----------------------------------------------------------------- */

/* Whether the plan in `dir` gives the number of `run` to another run. */
static bool is_of_another(const struct pxs_plan_run *run, const struct pxs_numbered *known,
                          size_t n) {
    bool other = false;
    for (size_t i = 0; i < n; i++) {
        if (known[i].number != run->number)
            continue;
        if (known[i].seed == run->seed && strcmp(known[i].config_hash, run->config_hash) == 0)
            return false;
        other = true;
    }
    return other;
}

enum pxs_status pxs_submissions_check_numbers(const struct pxs_plan *plan, struct pxs_error *err) {
    int64_t *numbers;
    size_t n;
    PXS_TRY(pxs_submission_numbers(plan->results, plan->sweep, &numbers, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_submission sub = {0};
        struct pxs_numbered *known = NULL;
        size_t n_known = 0;
        char dir[PXS_PATH_MAX];
        status = pxs_submission_folder(plan->results, plan->sweep, numbers[i], dir, err);
        if (status == PXS_OK)
            status = pxs_submission_read(dir, &sub, err);
        const enum pxs_submission_state state = sub.state;
        pxs_submission_finish(&sub);
        if (status != PXS_OK)
            break;
        /* Jobs without a plan that can be read carry out nothing. */
        if ((state != PXS_SUBMISSION_ACCEPTED && state != PXS_SUBMISSION_UNKNOWN) ||
            pxs_plan_numbers(dir, &known, &n_known, NULL) != PXS_OK)
            continue;
        for (size_t k = 0; k < plan->n && status == PXS_OK; k++)
            if (plan->runs[k].run_id == 0 && is_of_another(&plan->runs[k], known, n_known))
                status = pxs_fail(
                    err, PXS_E_INVALID,
                    "run %lld of sweep %s is another one in the jobs of %s, which were submitted "
                    "before the experiment file or its data were changed, and the database does "
                    "not have their "
                    "runs yet. Once it has, the runs of the file as it is now get numbers of their "
                    "own: a `run` that collects brings them in (the same command with --on and "
                    "without --detach; where one collects already, in a minute), or, when those "
                    "jobs have ended, `pixsweep merge %s/%s`. Or give the experiment another name "
                    "(`name:` or --set name=...); or, where those runs are not wanted, end their "
                    "jobs and remove %s",
                    (long long)plan->runs[k].number, plan->sweep, dir, plan->results, plan->sweep,
                    dir);
        free(known);
    }
    free(numbers);
    return status;
}

/* ---- logs ----------------------------------------------------------------------------------- */

bool pxs_submission_last_log(const char *dir, struct pxs_text *out) {
    char folder[PXS_PATH_MAX], path[PXS_PATH_MAX], newest[PXS_PATH_MAX] = "", bytes[LOG_BYTES];
    struct timespec when = {0};
    struct stat info;
    DIR *log = pxs_path_join(folder, sizeof folder, dir, "log") ? opendir(folder) : NULL;
    for (struct dirent *e = log ? readdir(log) : NULL; e; e = readdir(log)) {
        if (!pxs_path_join(path, sizeof path, folder, e->d_name) || lstat(path, &info) != 0 ||
            !S_ISREG(info.st_mode) || info.st_size == 0)
            continue;
        const struct timespec at = info.st_mtim;
        if (newest[0] &&
            (at.tv_sec < when.tv_sec || (at.tv_sec == when.tv_sec && at.tv_nsec <= when.tv_nsec)))
            continue;
        memcpy(newest, path, sizeof newest);
        when = at;
    }
    if (log)
        closedir(log);
    const int fd =
        newest[0] ? open(newest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    ssize_t n = -1;
    if (fstat(fd, &info) == 0)
        n = pread(fd, bytes, sizeof bytes, info.st_size > LOG_BYTES ? info.st_size - LOG_BYTES : 0);
    close(fd);
    while (n > 0 && bytes[n - 1] == '\n')
        n--;
    if (n <= 0)
        return false;
    ssize_t begin = n;
    for (int lines = 0; begin > 0; begin--)
        if (bytes[begin - 1] == '\n' && ++lines == LOG_LINES)
            break;
    pxs_text_add_words(out, "%s:\n", newest);
    while (begin < n) {
        const char *end = memchr(bytes + begin, '\n', (size_t)(n - begin));
        const size_t length = end ? (size_t)(end - bytes - begin) : (size_t)(n - begin);
        pxs_text_add(out, "    ");
        pxs_text_add_clean(out, bytes + begin, length);
        pxs_text_add(out, "\n");
        begin += (ssize_t)length + 1;
    }
    return true;
}
