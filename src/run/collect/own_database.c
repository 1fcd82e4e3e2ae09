/* Which database a collector fills: one on a disk of its own machine, that goes on where the
 * published copy stands. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect_priv.h"

#define HAND_OVER_SECONDS 10.0
#define BEFORE ".before-"
#define KEPT 3 /* databases of before */

enum pxs_status pxs_collector_database(const char *results, char db[PXS_PATH_MAX],
                                       struct pxs_error *err) {
    char folder[64], hex[PXS_SHA256_HEX];
    struct pxs_sha256 hash;
    struct stat info;
    snprintf(folder, sizeof folder, "/var/tmp/pixsweep-%lld", (long long)geteuid());
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return pxs_fail_errno(err,
                              "cannot make %s for the collector's database (--db names "
                              "another place on a disk of this machine)",
                              folder);
    if (lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
        (info.st_mode & 0022) != 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s is not a folder that only you can write, so the collector's database "
                        "cannot be in it: remove it, or name another place on a disk of this "
                        "machine with --db",
                        folder);
    pxs_sha256_init(&hash);
    pxs_sha256_update(&hash, results, strlen(results));
    pxs_sha256_hex(&hash, hex);
    snprintf(db, PXS_PATH_MAX, "%s/%.16s.db", folder, hex);
    return PXS_OK;
}

static bool is_there(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

static const char *const parts[] = {"-wal", "-shm", ""};

static enum pxs_status remove_database(const char *path, struct pxs_error *err) {
    char file[PXS_PATH_MAX + 16];
    for (size_t i = 0; i < PXS_COUNT(parts); i++) {
        snprintf(file, sizeof file, "%s%s", path, parts[i]);
        if (unlink(file) != 0 && errno != ENOENT)
            return pxs_fail_errno(err, "cannot remove %s", file);
    }
    return PXS_OK;
}

/* Of a collector that ended before anything was submitted. */
static bool is_empty(const char *path) {
    struct pxs_store *s = NULL;
    struct pxs_table t = {0};
    const bool empty =
        pxs_store_open_readonly(path, &s, NULL) == PXS_OK &&
        pxs_store_select(s, "SELECT 1 FROM sweep LIMIT 1", NULL, 0, &t, NULL) == PXS_OK &&
        t.n_rows == 0;
    pxs_table_finish(&t);
    pxs_store_close(&s);
    return empty;
}

/* Of the databases that were set aside here, the newest KEPT stay. */
static void remove_older(const char *own, const struct pxs_logger *logger) {
    char folder[PXS_PATH_MAX], path[PXS_PATH_MAX];
    int64_t kept[KEPT] = {0}, at;
    struct pxs_error err;
    const char *name = strrchr(own, '/') + 1;
    const size_t n = strlen(name);
    DIR *dir = pxs_path_dir(folder, sizeof folder, own) ? opendir(folder) : NULL;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (strncmp(e->d_name, name, n) != 0 ||
            strncmp(e->d_name + n, BEFORE, strlen(BEFORE)) != 0 ||
            !pxs_parse_int(e->d_name + n + strlen(BEFORE), &at) || at <= 0)
            continue;
        size_t oldest = 0;
        for (size_t i = 1; i < KEPT; i++)
            oldest = kept[i] < kept[oldest] ? i : oldest;
        const int64_t gone = at < kept[oldest] ? at : kept[oldest];
        if (at > kept[oldest])
            kept[oldest] = at;
        snprintf(path, sizeof path, "%s" BEFORE "%lld", own, (long long)gone);
        if (gone > 0 && remove_database(path, &err) != PXS_OK)
            pxs_log(*logger, PXS_LOG_WARN, "%s", err.message);
    }
    if (dir)
        closedir(dir);
}

/* A database that another collector has overtaken, or whose results folder is another one by now.
 * What jobs recorded is in their folders; the file is kept for what a user may have written. */
static enum pxs_status set_aside(const char *own, const char *why, const struct pxs_logger *logger,
                                 struct pxs_error *err) {
    char from[PXS_PATH_MAX + 16], aside[PXS_PATH_MAX + 40], to[PXS_PATH_MAX + 48];
    if (is_empty(own))
        return remove_database(own, err);
    snprintf(aside, sizeof aside, "%s" BEFORE "%lld", own, (long long)pxs_now_ms());
    for (size_t i = 0; i < PXS_COUNT(parts); i++) {
        snprintf(from, sizeof from, "%s%s", own, parts[i]);
        snprintf(to, sizeof to, "%s%s", aside, parts[i]);
        if (rename(from, to) != 0 && errno != ENOENT)
            return pxs_fail_errno(err, "cannot rename %s to %s", from, to);
    }
    pxs_log(*logger, PXS_LOG_INFO,
            "%s, so the collector's database of before is now %s (the last %d are kept)", why,
            aside, KEPT);
    remove_older(own, logger);
    return PXS_OK;
}

/* The folder of a run, from the folder of its database where it is relative. */
static bool full_dir(char out[PXS_PATH_MAX], const char *db, const char *dir) {
    char folder[PXS_PATH_MAX];
    if (dir[0] == '/')
        return snprintf(out, PXS_PATH_MAX, "%s", dir) < PXS_PATH_MAX;
    return pxs_path_dir(folder, sizeof folder, db) && pxs_path_join(out, PXS_PATH_MAX, folder, dir);
}

/* Folders of runs are relative in the copy, which moves with the results folder, and most often
 * whole paths in `own`. */
static bool is_moved(const char *own, const char *copy) {
    struct pxs_store *s = NULL;
    struct pxs_table of_copy = {0}, of_own = {0};
    char there[PXS_PATH_MAX], here[PXS_PATH_MAX];
    bool found = false, moved = false;
    if (pxs_store_open_readonly(copy, &s, NULL) != PXS_OK ||
        pxs_store_select(s, "SELECT run_id, dir FROM run WHERE dir NOT LIKE '/%'", NULL, 0,
                         &of_copy, NULL) != PXS_OK)
        goto out;
    pxs_store_close(&s);
    if (pxs_store_open_readonly(own, &s, NULL) != PXS_OK)
        goto out;
    for (size_t i = 0; i < of_copy.n_rows && !found; i++) {
        const struct pxs_cell id = pxs_table_at(&of_copy, i, "run_id");
        if (pxs_store_select(s, "SELECT dir FROM run WHERE run_id = ?1", &id, 1, &of_own, NULL) !=
            PXS_OK)
            break;
        found = of_own.n_rows > 0; /* else it was removed since */
        moved = found && full_dir(there, copy, pxs_table_at(&of_copy, i, "dir").text) &&
                full_dir(here, own, pxs_table_at(&of_own, 0, "dir").text) &&
                strcmp(there, here) != 0;
        pxs_table_finish(&of_own);
    }
out:
    pxs_table_finish(&of_copy);
    pxs_store_close(&s);
    return moved;
}

enum pxs_status pxs_own_database_open(const char *own, bool given, const char *copy,
                                      const struct pxs_collector *me,
                                      const struct pxs_logger *logger, struct pxs_store **out,
                                      struct pxs_error *err) {
    struct pxs_collector was;
    bool has_own = is_there(own);
    const char *why = NULL;
    if (strcmp(own, copy) == 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s is where copies are published for all machines: name a database on a "
                        "disk of this machine with --db, or leave --db out",
                        copy);
    if (pxs_store_on_network(own))
        return pxs_fail(err, PXS_E_INVALID,
                        "%s is on a network file system, where no database can be: name a place "
                        "on a disk of this machine with --db",
                        own);

    /* A database that local runs have filled becomes the first copy. */
    const bool ordinary = is_there(copy) && !pxs_store_is_published(copy);
    if (ordinary && has_own && given)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s is a database and no copy of %s: give --db a name that is free, and "
                        "it goes on there",
                        copy, own);
    if (ordinary) {
        /* First, since from then on the copy says that it is of `own`. */
        if (has_own)
            PXS_TRY(set_aside(own, "another database was there since", logger, err));
        has_own = false;
        PXS_TRY(pxs_store_hand_over(copy, me, HAND_OVER_SECONDS, err));
    }

    if (is_there(copy)) {
        PXS_TRY(pxs_store_read_collector(copy, &was, err));
        if (strcmp(was.host, me->host) != 0 || strcmp(was.db, me->db) != 0)
            why = "another process has collected since";
        else if (has_own && is_moved(own, copy))
            why = "the results folder was moved since";
    } else if (!given)
        why = "the results folder has no database";
    if (has_own && why) {
        if (given)
            return pxs_fail(err, PXS_E_INVALID,
                            "%s is a copy of %s on %s and not of %s: give --db a name that is "
                            "free, and it goes on there",
                            copy, was.db, was.host, own);
        PXS_TRY(set_aside(own, why, logger, err));
        has_own = false;
    }
    if (!has_own && is_there(copy))
        PXS_TRY(pxs_store_take_over(copy, own, true, &was, err));
    return pxs_store_open(own, out, err);
}
