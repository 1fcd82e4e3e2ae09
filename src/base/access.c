/* Access to files and folders that others made: which files may be opened below a folder, which
 * places may be written to, and why not. */
#include "pixsweep/base.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- below a folder ------------------------------------------------------------------------- */

static enum pxs_status fail_below(const char *dir, const char *path, const char *part,
                                  struct pxs_error *err) {
    if (errno == ELOOP || errno == ENOTDIR)
        return pxs_fail(
            err, PXS_E_INVALID,
            "cannot open %s/%s: %s is a link or no folder; links are not followed there", dir, path,
            part);
    if (errno == ENXIO)
        return pxs_fail(err, PXS_E_INVALID, "%s/%s is a socket or a device, not a file", dir, path);
    return pxs_fail_errno(err, "cannot open %s/%s", dir, path);
}

enum pxs_status pxs_open_beneath(const char *dir, const char *path, int *fd,
                                 struct pxs_error *err) {
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
    char part[256], full[4096];
    struct stat info;
    const char *rest = path;
    /* A file in the folder itself is reached at once: each step is a question to a network disk. */
    bool last = path[0] && !strchr(path, '/') && strcmp(path, ".") != 0 &&
                strcmp(path, "..") != 0 &&
                (size_t)snprintf(full, sizeof full, "%s/%s", dir, path) < sizeof full;
    int at = last ? open(full, flags | O_NONBLOCK) : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0 && last && errno != ENOTDIR)
        return fail_below(dir, path, path, err);
    if (at < 0)
        return pxs_fail_errno(err, "cannot open folder %s", dir);
    /* Else one step down for each part of the path: folders first, the file last. */
    for (; !last; rest++) {
        size_t n = strcspn(rest, "/");
        if (n == 0 || n >= sizeof part || (n <= 2 && strncmp(rest, "..", n) == 0)) {
            close(at);
            return pxs_fail(err, PXS_E_INVALID, "'%.200s' does not lead to a file below %s", path,
                            dir);
        }
        snprintf(part, sizeof part, "%.*s", (int)n, rest);
        rest += n;
        last = *rest == '\0';
        int next = openat(at, part, flags | (last ? O_NONBLOCK : O_DIRECTORY)), number = errno;
        close(at);
        errno = number;
        if (next < 0)
            return fail_below(dir, path, part, err);
        at = next;
    }
    if (fstat(at, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(at);
        return pxs_fail(err, PXS_E_INVALID, "%s/%s is no regular file", dir, path);
    }
    *fd = at;
    return PXS_OK;
}

enum pxs_status pxs_open_append(const char *path, int *fd, struct pxs_error *err) {
    struct stat info;
    int file = open(
        path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0666);
    if (file < 0 && (errno == ELOOP || errno == ENXIO))
        return pxs_fail(err, PXS_E_INVALID,
                        "cannot write %s: a link or a pipe stands in its place; remove it", path);
    if (file < 0)
        return pxs_fail_errno(err, "cannot open %s", path);
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(file);
        return pxs_fail(err, PXS_E_INVALID, "cannot write %s: it is no regular file; remove it",
                        path);
    }
    *fd = file;
    return PXS_OK;
}

/* ---- may it be written to? ------------------------------------------------------------------ */

static bool is_member(gid_t group) {
    gid_t groups[1024];
    int n = getgroups((int)PXS_COUNT(groups), groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return getegid() == group;
}

static void owner_name(uid_t uid, char out[64]) {
    char buffer[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found)
        snprintf(out, 64, "%s", found->pw_name);
    else
        snprintf(out, 64, "user %ld", (long)uid);
}

/* The remedy depends on the reader: the owner changes the mode; a member of the group that shares
 * the folder asks the owner to; everyone else chooses another place. */
static enum pxs_status fail_owned(const char *path, const struct stat *info, const char *files,
                                  struct pxs_error *err) {
    char owner[64], dir[4096];
    struct stat folder;
    bool shared =
        S_ISDIR(info->st_mode) || (pxs_path_dir(dir, sizeof dir, path) && stat(dir, &folder) == 0 &&
                                   (folder.st_mode & S_IWGRP) != 0 && is_member(folder.st_gid));
    const char *rights = S_ISDIR(info->st_mode) ? "rwx" : "rw", *more = files ? "*" : "";
    char *word = malloc(PXS_WORD_MAX);
    if (!word)
        return pxs_fail_nomem(err);
    pxs_shell_word(word, files ? files : path);
    enum pxs_status status;
    owner_name(info->st_uid, owner);
    if (info->st_uid == geteuid())
        status = pxs_fail(err, PXS_E_INVALID,
                          "%s may not be written to (mode %04o): `chmod u+%s %s%s` mends that",
                          path, (unsigned)info->st_mode & 07777, rights, word, more);
    else if (shared && is_member(info->st_gid))
        status = pxs_fail(
            err, PXS_E_INVALID,
            "you may not write to %s (it belongs to %s, mode %04o): `chmod g+%s %s%s`, given by "
            "%s, mends that",
            path, owner, (unsigned)info->st_mode & 07777, rights, word, more, owner);
    else
        status = pxs_fail(
            err, PXS_E_INVALID,
            "you may not write to %s (it belongs to %s, mode %04o): choose another --results or "
            "--db",
            path, owner, (unsigned)info->st_mode & 07777);
    free(word);
    return status;
}

enum pxs_status pxs_check_writable(const char *path, const char *files, struct pxs_error *err) {
    struct stat info;
    if (stat(path, &info) != 0)
        return pxs_fail_errno(err, "cannot look at %s", path);
    if (faccessat(AT_FDCWD, path, S_ISDIR(info.st_mode) ? W_OK | X_OK : R_OK | W_OK, AT_EACCESS) ==
        0)
        return PXS_OK;
    if (errno == EROFS)
        return pxs_fail(
            err, PXS_E_INVALID,
            "%s is on a file system that is mounted read-only: choose another --results or --db",
            path);
    if (errno == EACCES || errno == EPERM)
        return fail_owned(path, &info, files, err);
    return pxs_fail(err, PXS_E_INVALID,
                    "%s cannot be written to: %s; choose another --results or --db", path,
                    strerror(errno));
}

enum pxs_status pxs_check_place(const char *path, struct pxs_error *err) {
    char at[4096], parent[4096];
    struct stat info;
    if (!pxs_path_absolute(at, sizeof at, path))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", path);
    while (stat(at, &info) != 0) {
        int number = errno;
        bool dangling = number == ENOENT && lstat(at, &info) == 0;
        if (dangling && !S_ISLNK(info.st_mode))
            continue; /* another process has just made it */
        if ((number != ENOENT && number != ENOTDIR) || dangling)
            return pxs_fail(err, PXS_E_INVALID,
                            "there can be no folder %s: %s: %s; choose another --results or --db",
                            path, at, dangling ? "a link that leads nowhere" : strerror(number));
        pxs_path_dir(parent, sizeof parent, at);
        strcpy(at, parent);
    }
    if (!S_ISDIR(info.st_mode))
        return pxs_fail(
            err, PXS_E_INVALID,
            "there can be no folder %s: %s is no folder; choose another --results or --db", path,
            at);
    return pxs_check_writable(at, NULL, err);
}

uint64_t pxs_disk_free(const char *path) {
    char dir[PXS_PATH_MAX];
    struct statvfs fs;
    snprintf(dir, sizeof dir, "%s", path);
    /* The folder may not be there yet: ask its nearest parent that is. */
    while (statvfs(dir, &fs) != 0) {
        char parent[PXS_PATH_MAX];
        pxs_path_dir(parent, sizeof parent, dir);
        if (strcmp(parent, dir) == 0)
            return UINT64_MAX;
        strcpy(dir, parent);
    }
    if (fs.f_blocks == 0)
        return UINT64_MAX; /* no place for files, such as /proc: it has no space to tell of */
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}
