/* Databases of the sweeps that run on this machine, told by the files that their processes have
 * open. Those of other users cannot be read. */
#include "cli.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_LINE_MAX 65536
#define PROC_VARIABLE \
    "PIXSWEEP_PROC" /* in place of /proc: tests are not to see each other's runs */

static const char *proc(void) {
    return getenv(PROC_VARIABLE) ? getenv(PROC_VARIABLE) : "/proc";
}

static bool is_pixsweep_run(const char *pid) {
    char path[PXS_PATH_MAX], *line = NULL;
    size_t bytes;
    snprintf(path, sizeof path, "%s/%.20s/cmdline", proc(), pid);
    if (pxs_read_file(path, COMMAND_LINE_MAX, &line, &bytes, NULL) != PXS_OK)
        return false;
    const char *slash = strrchr(line, '/'), *name = slash ? slash + 1 : line;
    const size_t first = strlen(line); /* words end with NUL, and so does what was read */
    const bool found =
        strcmp(name, "pixsweep") == 0 && first + 1 < bytes && strcmp(line + first + 1, "run") == 0;
    free(line);
    return found;
}

/* The database is the file beside whose lock, `<database>.lock`, it stands open; false where the
 * process has none. */
static bool open_database(const char *pid, char db[PXS_PATH_MAX]) {
    static const char lock[] = ".lock";
    char folder[PXS_PATH_MAX], target[PXS_PATH_MAX];
    bool found = false;
    snprintf(folder, sizeof folder, "%s/%.20s/fd", proc(), pid);
    DIR *files = opendir(folder);
    for (struct dirent *e = files ? readdir(files) : NULL; e && !found; e = readdir(files)) {
        const ssize_t n = readlinkat(dirfd(files), e->d_name, target, sizeof target - 1);
        if (n <= (ssize_t)strlen(lock))
            continue;
        target[n] = '\0';
        char *end = target + n - strlen(lock);
        if (target[0] != '/' || strcmp(end, lock) != 0 || end[-1] == '/')
            continue;
        *end = '\0';
        found = access(target, R_OK) == 0;
        memcpy(db, target, strlen(target) + 1);
    }
    if (files)
        closedir(files);
    return found;
}

/* Can it be read here, and has it such a sweep? */
static bool has_sweep(const char *db, const char *sweep) {
    struct pxs_store *s = NULL;
    struct pxs_error err;
    int64_t id;
    const bool found = pxs_store_open_readonly(db, &s, &err) == PXS_OK &&
                       pxs_store_find_sweep(s, sweep, &id, &err) == PXS_OK;
    pxs_store_close(&s);
    return found;
}

size_t cli_running_databases(const char *sweep, struct pxs_arena *arena,
                             const char *out[CLI_RUNNING_MAX]) {
    char db[PXS_PATH_MAX];
    size_t n = 0;
    DIR *processes = opendir(proc());
    for (struct dirent *e = processes ? readdir(processes) : NULL; e && n < CLI_RUNNING_MAX;
         e = readdir(processes)) {
        if (e->d_name[strspn(e->d_name, "0123456789")] != '\0' || !is_pixsweep_run(e->d_name) ||
            !open_database(e->d_name, db))
            continue;
        size_t same = 0;
        while (same < n && strcmp(out[same], db) != 0)
            same++;
        if (same == n && has_sweep(db, sweep) && (out[n] = pxs_arena_strdup(arena, db)) != NULL)
            n++;
    }
    if (processes)
        closedir(processes);
    return n;
}
