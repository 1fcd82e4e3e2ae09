/* Removing the files that a run has made, and no others: names are known, links are never followed,
 * nothing above the run's folder is touched but an empty sweep's folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/rundir.h"
#include "pixsweep/config.h"
#include "pixsweep/records/race_look.h"
#include "pixsweep/rundir/claim.h"

/* What a run makes: patterns of paths below its folder. */
static const char *const made[] = {
    PXS_CONFIG_FILE,
    PXS_JOB_FILE,
    PXS_RECORDS_FILE,
    PXS_ENDS_FILE,
    PXS_LOG_FILE,
    PXS_OLD_LOG_FILE("[0-9]*"),
    PXS_SAMPLE_FILE("[0-9]*"),
    PXS_BEST_SAMPLE_FILE,
    PXS_GENERATOR_FILE("*"),
    PXS_DISCRIMINATOR_FILE("*"),
    PXS_RESUME_FILE,
    PXS_RESUME_PREVIOUS,
    PXS_FINAL_FILE,
    PXS_WORKER_FILE,
    PXS_GUARD_FILE,
    PXS_CLAIM_FILE,
    PXS_CLAIM_FILE ".void.[0-9]*",
};
static const char *const places[] = {PXS_RUN_FOLDERS, ""};

/* What commands write into a sweep's folder, and `plot RUN` into a run's. */
static const char *const drawn[] = {"report.html", "curves.png",  "curves.svg",  "curves.pdf",
                                    "samples.png", "samples.svg", "samples.pdf", "run.log"};
#define OF_SWEEP "sweep" /* name of the place that is the sweep's folder */

/* What submissions make below the sweep's folder: folders, parents first, and files in them. */
#define CLUSTER "cluster"
static const char *const submissions[] = {CLUSTER, CLUSTER "/[0-9]*", CLUSTER "/[0-9]*/log",
                                          CLUSTER "/[0-9]*/ssh", CLUSTER "/[0-9]*/cancel"};

/* Judged looks of a race: without the sweep's runs they say nothing. */
#define LOOK PXS_RACE_FOLDER "/[0-9a-f]*-[0-9][0-9].json"
static const char *const submitted[] = {
    CLUSTER "/" PXS_CLAIM_FILE,
    CLUSTER "/" PXS_CLAIM_FILE ".void.[0-9]*",
    CLUSTER "/[0-9]*/plan.json",
    CLUSTER "/[0-9]*/pixsweep",
    CLUSTER "/[0-9]*/launcher",
    CLUSTER "/[0-9]*/job.sh",
    CLUSTER "/[0-9]*/on",
    CLUSTER "/[0-9]*/submission",
    CLUSTER "/[0-9]*/started",
    CLUSTER "/[0-9]*/.clock.*",
    CLUSTER "/[0-9]*/log/*",
    CLUSTER "/[0-9]*/ssh/*",
    CLUSTER "/[0-9]*/variables",
    CLUSTER "/[0-9]*/cancel/[0-9]*",
    CLUSTER "/resumed",
    CLUSTER "/[0-9]*/paused",
    CLUSTER "/[0-9]*/idle-*",
    CLUSTER "/[0-9]*/again",
    CLUSTER "/[0-9]*/ended",
    CLUSTER "/[0-9]*/failed-*",
    LOOK,
};

/* The run's folder, one in it, or the sweep's. */
struct place {
    const char *name, *where; /* where: the run's folder below the results folder */
    int fd;
    bool remove;
    struct pxs_run_files *sum;
};

/* "<file>.tmp.<pid>" is what a killed writer leaves of <file>: its name is <file>. */
static void plain_name(const char *name, char plain[NAME_MAX + 1]) {
    snprintf(plain, NAME_MAX + 1, "%s", name);
    char *temp = strstr(plain, ".tmp.");
    if (temp && temp[5] && strspn(temp + 5, "0123456789") == strlen(temp + 5))
        *temp = '\0';
}

static bool is_one_of(const char *const *patterns, size_t n, const char *path) {
    for (size_t i = 0; i < n; i++)
        if (fnmatch(patterns[i], path, FNM_PERIOD | FNM_PATHNAME) == 0)
            return true;
    return false;
}

static bool is_made_by_run(const char *place, const char *name) {
    char plain[NAME_MAX + 1], path[NAME_MAX + 64];
    plain_name(name, plain);
    snprintf(path, sizeof path, "%s%s%s", place, *place ? "/" : "", plain);
    return is_one_of(made, PXS_COUNT(made), path);
}

/* Counts a file or folder that is not the run's, and names the first ones. */
static void keep(struct place *p, const char *name) {
    struct pxs_run_files *sum = p->sum;
    size_t used = strlen(sum->names), room = sizeof sum->names - used;
    struct pxs_text path = {0};
    bool in_place = *p->name && strcmp(p->name, OF_SWEEP) != 0;
    sum->kept++;
    pxs_text_addf(&path, "%s%s/%s%s%s", used ? ", " : "", p->where, in_place ? p->name : "",
                  in_place ? "/" : "", name);
    if (path.len < room)
        memcpy(sum->names + used, pxs_text_str(&path), path.len + 1);
    pxs_text_finish(&path);
}

static enum pxs_status see_entry(struct place *p, const char *name, struct pxs_error *err) {
    const bool of_sweep = strcmp(p->name, OF_SWEEP) == 0;
    char plain[NAME_MAX + 1], path[64];
    struct stat info;
    int64_t number, seed;
    if (fstatat(p->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? PXS_OK : pxs_fail_errno(err, "cannot look at %s", name);

    /* A folder of the run, or a run's folder in the sweep's, is looked into by itself. */
    bool ours = of_sweep && (pxs_folder_numbers(name, &number, &seed) ||
                             strcmp(name, CLUSTER) == 0 || strcmp(name, PXS_RACE_FOLDER) == 0);
    snprintf(path, sizeof path, "%s%s%.40s", p->name, *p->name ? "/" : "", name);
    for (size_t i = 0; !of_sweep && i < PXS_COUNT(places); i++)
        ours = ours || strcmp(places[i], path) == 0;
    if (S_ISDIR(info.st_mode) && ours)
        return PXS_OK;

    if (p->remove && !*p->name && strcmp(name, PXS_CLAIM_FILE) == 0)
        return PXS_OK; /* it is held while the other files go */

    /* A file that the run makes, or that a command has written for it. */
    plain_name(name, plain);
    bool made_here = is_made_by_run(p->name, name);
    for (size_t i = 0; (!*p->name || of_sweep) && i < PXS_COUNT(drawn); i++)
        made_here = made_here || strcmp(drawn[i], plain) == 0;
    if (!S_ISREG(info.st_mode) || !made_here) {
        keep(p, name);
        return PXS_OK;
    }
    bool lock = strcmp(name, PXS_WORKER_FILE) == 0 || strcmp(name, PXS_GUARD_FILE) == 0;
    if (p->remove && !lock && unlinkat(p->fd, name, 0) != 0 && errno != ENOENT)
        return pxs_fail_errno(err, "cannot remove %s%s%s", p->name, *p->name ? "/" : "", name);
    p->sum->files++;
    p->sum->bytes += (uint64_t)info.st_blocks * 512;
    return PXS_OK;
}

static enum pxs_status see_entries(struct place *p, struct pxs_error *err) {
    int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        enum pxs_status status = pxs_fail_errno(err, "cannot read the run's folder");
        if (fd >= 0)
            close(fd);
        return status;
    }
    enum pxs_status status = PXS_OK;
    rewinddir(dir); /* the position is shared with other descriptors of the folder */
    for (struct dirent *e = readdir(dir); status == PXS_OK && e; e = readdir(dir))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            status = see_entry(p, e->d_name, err);
    closedir(dir);
    return status;
}

/* The folder below `at`, each part of the path a real folder. PXS_E_NOT_FOUND where there is none;
 * PXS_E_INVALID for a link. */
static enum pxs_status descend(int at, const char *path, int *out, struct pxs_error *err) {
    int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char part[NAME_MAX + 1];
    while (fd >= 0 && *path) {
        size_t n = strcspn(path, "/");
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        int next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int number = errno;
        close(fd);
        fd = next;
        errno = number;
        path += n + (path[n] == '/');
    }
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return pxs_fail(err, PXS_E_INVALID, "%s is a link or a file, not a folder", part);
    if (fd < 0)
        return pxs_fail_errno(err, "cannot open %s", part);
    *out = fd;
    return PXS_OK;
}

/* A process at work in the folder holds one of these. */
static enum pxs_status lock_in(int fd, const char *name, int *lock, struct pxs_error *err) {
    *lock = openat(fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (*lock < 0 && errno == ELOOP && unlinkat(fd, name, 0) == 0)
        return lock_in(fd, name, lock, err); /* a lock that is a link is held by no process */
    if (*lock < 0)
        return pxs_fail_errno(err, "cannot open %s", name);
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0 || pxs_locks_lack(errno))
        return PXS_OK;
    return errno == EWOULDBLOCK
               ? pxs_fail(err, PXS_E_BUSY, "another process works in the run's folder")
               : pxs_fail_errno(err, "cannot lock %s", name);
}

static enum pxs_status see_place(int run, const char *where, const char *name, bool remove,
                                 struct pxs_run_files *sum, struct pxs_error *err) {
    struct place p = {.name = name, .where = where, .fd = -1, .remove = remove, .sum = sum};
    enum pxs_status status = descend(run, name, &p.fd, err);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK;
    if (status == PXS_E_INVALID) { /* a link in place of a folder: not the run's */
        p.name = "";
        keep(&p, name);
        return PXS_OK;
    }
    PXS_TRY(status);
    status = see_entries(&p, err);
    if (status == PXS_OK && remove && !*name) { /* they were held while the other files went */
        unlinkat(p.fd, PXS_WORKER_FILE, 0);
        unlinkat(p.fd, PXS_GUARD_FILE, 0);
    }
    close(p.fd);
    /* A folder with other files in it stays. */
    if (status == PXS_OK && remove && *name)
        unlinkat(run, name, AT_REMOVEDIR);
    return status;
}

static enum pxs_status see_run(int run, const char *dir, const char *where, bool remove,
                               struct pxs_run_files *sum, struct pxs_error *err) {
    int locks[2] = {-1, -1};
    struct pxs_claim claim = {.path = ""};
    struct pxs_claim_owner me;
    enum pxs_status status = PXS_OK;
    pxs_claim_owner_here(PXS_CLAIM_BRIEF, 0, &me);
    if (remove)
        status = lock_in(run, PXS_GUARD_FILE, &locks[0], err);
    if (status == PXS_OK && remove)
        status = lock_in(run, PXS_WORKER_FILE, &locks[1], err);
    if (status == PXS_OK && remove)
        status = pxs_claim_take(dir, &me, &claim, err);
    if (status == PXS_E_NOSPC) /* no other process can claim it, too */
        status = pxs_claim_look(dir, err);
    for (size_t i = 0; status == PXS_OK && i < PXS_COUNT(places); i++)
        status = see_place(run, where, places[i], remove, sum, err);
    pxs_claim_release(&claim);
    for (size_t i = 0; i < PXS_COUNT(locks); i++)
        if (locks[i] >= 0)
            close(locks[i]);
    return status;
}

/* What can be told before the first file is removed: a failure later would leave half a run. */
static enum pxs_status check_removable(const char *dir, struct pxs_error *err) {
    static const char *const locks[] = {PXS_GUARD_FILE, PXS_WORKER_FILE};
    char path[PXS_PATH_MAX];
    struct stat info;
    for (size_t i = 0; i < PXS_COUNT(locks); i++)
        if (pxs_path_join(path, sizeof path, dir, locks[i]) && pxs_lock_look(path) == PXS_LOCK_HELD)
            return pxs_fail(err, PXS_E_BUSY, "another process works in the run's folder %s", dir);
    PXS_TRY(pxs_claim_look(dir, err));
    for (size_t i = 0; i < PXS_COUNT(places); i++)
        if (pxs_path_join(path, sizeof path, dir, places[i]) && lstat(path, &info) == 0 &&
            S_ISDIR(info.st_mode))
            PXS_TRY(pxs_check_writable(path, NULL, err));
    return PXS_OK;
}

/* Names the first part of the path down to a run's folder that is a link or a file. */
static enum pxs_status fail_link(const char *results, const char *path, struct pxs_error *err) {
    struct stat info = {0};
    struct pxs_text command = {0}, at = {0};
    for (const char *end = path; *end;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        pxs_text_clear(&at);
        pxs_text_addf(&at, "%s/%.*s", results, (int)(end - path), path);
        if (lstat(pxs_text_str(&at), &info) != 0 || !S_ISDIR(info.st_mode))
            break;
    }
    const bool link = S_ISLNK(info.st_mode);
    pxs_text_add_command(&command, link ? "rm %s" : "mv %s ELSEWHERE", pxs_text_str(&at));
    enum pxs_status status = pxs_fail(
        err, PXS_E_INVALID,
        "%s is a %s, and what it %s is left alone: `%s`%s first; then the same command goes on",
        pxs_text_str(&at), link ? "link" : "file, not a folder", link ? "leads to" : "holds",
        pxs_text_str(&command), link ? " (which removes the link alone)" : "");
    pxs_text_finish(&command);
    pxs_text_finish(&at);
    return status;
}

/* The path from the results folder down to the run's; NULL where it is not below. */
static const char *below(const char *results, const char *dir) {
    size_t n = strcmp(results, "/") == 0 ? 0 : strlen(results);
    return strncmp(dir, results, n) == 0 && dir[n] == '/' && dir[n + 1] ? dir + n + 1 : NULL;
}

enum pxs_status pxs_run_files(const char *results, const char *dir, bool remove,
                              struct pxs_run_files *sum, struct pxs_error *err) {
    const char *path = below(results, dir);
    char part[PXS_PATH_MAX];
    int run = -1;
    if (!path) {
        sum->outside++;
        return PXS_OK;
    }
    int top = open(results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 && errno != ENOENT)
        return pxs_fail_errno(err, "cannot open %s", results);
    enum pxs_status status = top < 0 ? PXS_E_NOT_FOUND : descend(top, path, &run, err);
    if (status == PXS_E_INVALID)
        status = fail_link(results, path, err);
    if (status == PXS_OK && !remove)
        status = check_removable(dir, err);
    if (status == PXS_OK)
        status = see_run(run, dir, path, remove, sum, err);
    if (status != PXS_OK || !remove)
        goto out;

    /* The run's empty folder, and the sweep's once its last run has gone. */
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part; slash && unlinkat(top, part, AT_REMOVEDIR) == 0;) {
        slash = strrchr(part, '/');
        if (slash)
            *slash = '\0';
    }
out:
    if (run >= 0)
        close(run);
    if (top >= 0)
        close(top);
    if (status == PXS_E_NOT_FOUND) {
        sum->absent++;
        return PXS_OK;
    }
    if (status != PXS_OK && remove)
        pxs_error_prefix(err, "%s", dir);
    return status;
}

/* A submission's folder, the one that has them all, or that of looks: `path` below the sweep's,
 * open at `sweep`.
 */
static enum pxs_status see_submissions(int sweep, const char *where, const char *path, bool remove,
                                       struct pxs_run_files *sum, struct pxs_error *err) {
    struct place p = {.name = path, .where = where, .remove = remove, .sum = sum};
    enum pxs_status status = descend(sweep, path, &p.fd, err);
    DIR *dir = status == PXS_OK ? fdopendir(p.fd) : NULL;
    if (!dir)
        return status == PXS_E_NOT_FOUND ? PXS_OK
               : status == PXS_OK        ? pxs_fail_errno(err, "cannot read %s/%s", where, path)
                                         : status;
    for (struct dirent *e = readdir(dir); status == PXS_OK && e; e = readdir(dir)) {
        char plain[NAME_MAX + 1], below[NAME_MAX + 128];
        struct stat info;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(p.fd, e->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        plain_name(e->d_name, plain);
        snprintf(below, sizeof below, "%.100s/%s", path, plain);
        if (S_ISDIR(info.st_mode) && is_one_of(submissions, PXS_COUNT(submissions), below))
            status = see_submissions(sweep, where, below, remove, sum, err);
        else if (!S_ISREG(info.st_mode) || !is_one_of(submitted, PXS_COUNT(submitted), below))
            keep(&p, e->d_name);
        else if (remove && unlinkat(p.fd, e->d_name, 0) != 0 && errno != ENOENT)
            status = pxs_fail_errno(err, "cannot remove %s/%s", path, e->d_name);
        else {
            sum->files++;
            sum->bytes += (uint64_t)info.st_blocks * 512;
        }
    }
    closedir(dir);
    if (status == PXS_OK && remove)
        unlinkat(sweep, path, AT_REMOVEDIR);
    return status;
}

/* Jobs may work on runs of the sweep that the database does not know yet: they need the
 * submissions' folders. */
static enum pxs_status check_claims(const char *results, const char *sweep, struct pxs_error *err) {
    char folder[PXS_PATH_MAX], dir[PXS_PATH_MAX];
    int64_t number, seed;
    enum pxs_status status = PXS_OK;
    DIR *d = pxs_path_join(folder, sizeof folder, results, sweep) ? opendir(folder) : NULL;
    for (struct dirent *e = d ? readdir(d) : NULL; status == PXS_OK && e; e = readdir(d))
        if (pxs_folder_numbers(e->d_name, &number, &seed) &&
            pxs_path_join(dir, sizeof dir, folder, e->d_name))
            status = pxs_claim_look(dir, err);
    if (d)
        closedir(d);
    return status;
}

/* Whether `dir` has a config.yaml and nothing else but locks and a claim. */
static bool is_frozen(const char *dir) {
    static const char *const also[] = {PXS_WORKER_FILE, PXS_GUARD_FILE, PXS_CLAIM_FILE};
    DIR *d = opendir(dir);
    bool config = false, other = false;
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        const bool is_config = strcmp(e->d_name, PXS_CONFIG_FILE) == 0;
        config = config || is_config;
        other = other || !(is_config || is_one_of(also, PXS_COUNT(also), e->d_name));
    }
    if (d)
        closedir(d);
    return config && !other;
}

enum pxs_status pxs_sweep_frozen(const char *results, const char *sweep, struct pxs_arena *arena,
                                 const char ***dirs, size_t *n, struct pxs_error *err) {
    char folder[PXS_PATH_MAX], dir[PXS_PATH_MAX];
    int64_t number, seed;
    size_t room = 0;
    struct stat info;
    enum pxs_status status = PXS_OK;
    DIR *d = pxs_name_allowed(sweep) && pxs_path_join(folder, sizeof folder, results, sweep)
                 ? opendir(folder)
                 : NULL;
    *dirs = NULL;
    *n = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; status == PXS_OK && e; e = readdir(d)) {
        if (!pxs_folder_numbers(e->d_name, &number, &seed) ||
            !pxs_path_join(dir, sizeof dir, folder, e->d_name) || lstat(dir, &info) != 0 ||
            !S_ISDIR(info.st_mode) || !is_frozen(dir))
            continue;
        if (*n == room) {
            const char **more = pxs_arena_alloc(arena, (room ? 2 * room : 64) * sizeof *more);
            if (more && *n > 0)
                memcpy(more, *dirs, *n * sizeof *more);
            room = room ? 2 * room : 64;
            *dirs = more;
        }
        if (!*dirs || !((*dirs)[(*n)++] = pxs_arena_strdup(arena, dir)))
            status = pxs_fail_nomem(err);
    }
    if (d)
        closedir(d);
    return status;
}

enum pxs_status pxs_sweep_files(const char *results, const char *sweep, bool submissions_too,
                                bool remove, struct pxs_run_files *sum, struct pxs_error *err) {
    struct place p = {.name = OF_SWEEP, .where = sweep, .fd = -1, .remove = remove, .sum = sum};
    int top = pxs_name_allowed(sweep) ? open(results, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (top < 0)
        return PXS_OK; /* there is no such folder, or it is not that of a sweep */
    enum pxs_status status = descend(top, sweep, &p.fd, err);
    if (status == PXS_OK) {
        status = check_claims(results, sweep, err);
        if (status == PXS_OK)
            status = see_entries(&p, err);
        if (status == PXS_OK)
            status = see_submissions(p.fd, sweep, PXS_RACE_FOLDER, remove, sum, err);
        if (status == PXS_OK && submissions_too)
            status = see_submissions(p.fd, sweep, CLUSTER, remove, sum, err);
        close(p.fd);
        if (status == PXS_OK && remove)
            unlinkat(top, sweep, AT_REMOVEDIR);
    }
    close(top);
    return status == PXS_E_NOT_FOUND || status == PXS_E_INVALID ? PXS_OK : status;
}

/* ---- is a file a run's? --------------------------------------------------------------------- */

bool pxs_is_run_file(const char *path) {
    char dir[PXS_PATH_MAX], records[PXS_PATH_MAX];
    const char *base = strrchr(path, '/');
    if (!base || !pxs_path_dir(dir, sizeof dir, path))
        return false;
    for (size_t i = 0; i < PXS_COUNT(places); i++) {
        size_t n = strlen(dir), tail = strlen(places[i]);
        if (!is_made_by_run(places[i], base + 1) ||
            (tail && (n <= tail || strcmp(dir + n - tail, places[i]) != 0)))
            continue;
        snprintf(records, sizeof records, "%.*s/%s", (int)(n - tail), dir, PXS_RECORDS_FILE);
        if (access(records, F_OK) == 0)
            return true;
    }
    return false;
}

bool pxs_run_has_file(const char *dir, uint64_t dev, uint64_t ino) {
    bool found = false;
    for (size_t i = 0; i < PXS_COUNT(places) && !found; i++) {
        char path[PXS_PATH_MAX];
        DIR *place = pxs_path_join(path, sizeof path, dir, places[i]) ? opendir(path) : NULL;
        for (struct dirent *e = place ? readdir(place) : NULL; e && !found; e = readdir(place)) {
            struct stat info;
            found = is_made_by_run(places[i], e->d_name) &&
                    fstatat(dirfd(place), e->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                    (uint64_t)info.st_dev == dev && (uint64_t)info.st_ino == ino;
        }
        if (place)
            closedir(place);
    }
    return found;
}
