/* Where -o may lead: never to a file that cannot be made again, and to a name whose ending fits
 * what is written. */
#include "cli.h"
#include "pixsweep/rundir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char *const side_files[] = {"", "-wal", "-shm", "-journal", ".lock"};

static bool is_same(const char *path, const struct stat *file) {
    struct stat info;
    return stat(path, &info) == 0 && info.st_dev == file->st_dev && info.st_ino == file->st_ino;
}

static bool is_sqlite(const char *path) {
    static const char *const starts[] = {"SQLite format 3", "\x37\x7f\x06\x82", "\x37\x7f\x06\x83",
                                         "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"};
    char head[16] = "";
    int fd;
    if (pxs_open_read(path, &fd, NULL) != PXS_OK)
        return false;
    FILE *file = fdopen(fd, "r");
    const size_t n = file ? fread(head, 1, sizeof head, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i < PXS_COUNT(starts); i++)
        if (n == sizeof head && memcmp(head, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* `path` is what some database at `db` consists of, whether that part is there now or not; links
 * are seen through. */
static bool is_of_database(const char *db, const char *path) {
    char part[PXS_PATH_MAX + 16], dir[PXS_PATH_MAX], other[PXS_PATH_MAX];
    struct stat file, folder;
    const bool there = stat(path, &file) == 0;
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    for (size_t i = 0; i < PXS_COUNT(side_files); i++) {
        snprintf(part, sizeof part, "%s%s", db, side_files[i]);
        if (there && is_same(part, &file))
            return true;
        if (pxs_path_dir(dir, sizeof dir, path) && pxs_path_dir(other, sizeof other, part) &&
            stat(dir, &folder) == 0 && is_same(other, &folder) &&
            strcmp(strrchr(part, '/') + 1, base) == 0)
            return true;
    }
    return false;
}

/* Whether the path is a -wal, -shm or lock file beside any SQLite database. */
static bool is_beside_sqlite(const char *path) {
    const size_t n = strlen(path);
    char db[PXS_PATH_MAX];
    for (size_t i = 1; i < PXS_COUNT(side_files); i++) {
        const size_t tail = strlen(side_files[i]);
        if (n > tail && n < sizeof db && strcmp(path + n - tail, side_files[i]) == 0) {
            snprintf(db, sizeof db, "%.*s", (int)(n - tail), path);
            if (is_sqlite(db))
                return true;
        }
    }
    return false;
}

/* A file of a run of this database under whatever name, or of any run's folder on the way up from
 * it. */
static bool is_of_run(struct pxs_store *s, const char *path, const char *real) {
    struct pxs_store_run *runs = NULL;
    struct stat file;
    size_t n = 0;
    bool found = pxs_is_run_file(real);
    if (!found && stat(path, &file) == 0 && file.st_nlink > 1 &&
        pxs_store_runs(s, 0, &runs, &n, NULL) == PXS_OK)
        for (size_t i = 0; !found && i < n; i++)
            found = pxs_run_has_file(runs[i].dir, (uint64_t)file.st_dev, (uint64_t)file.st_ino);
    free(runs);
    return found;
}

enum pxs_status cli_suggest_output(const struct cli *cli, enum pxs_status status,
                                   struct pxs_error *err) {
    if (status == PXS_OK || cli->values[OPT_OUTPUT])
        return status;
    return pxs_fail(err, status, "%s; -o FILE writes it elsewhere", err->message);
}

enum pxs_status cli_check_target(struct pxs_store *s, const char *path, struct pxs_error *err) {
    char dir[PXS_PATH_MAX], db[PXS_PATH_MAX], word[PXS_WORD_MAX];
    struct stat info;
    if (path[0] == '\0')
        return pxs_fail(err, PXS_E_INVALID, "-o \"\": name the file to write");
    if (!pxs_path_dir(dir, sizeof dir, path))
        return pxs_fail(err, PXS_E_INVALID, "-o: the path is too long");
    if (stat(dir, &info) != 0 && errno == ENOENT)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "-o %s: there is no folder %s; `mkdir -p %s` makes it", path, dir,
                        pxs_shell_word(word, dir));

    /* This database, by whatever path: its files need not exist now. */
    char *resolved = realpath(path, NULL);
    const char *real = resolved ? resolved : path;
    const char *there = realpath(pxs_store_path(s), db) ? db : pxs_store_path(s);
    enum pxs_status status = PXS_OK;
    if (is_of_database(pxs_store_path(s), path) || is_of_database(there, path) ||
        is_of_database(there, real)) {
        status = pxs_fail(err, PXS_E_INVALID,
                          "-o %s would replace the database (or what belongs to it); `pixsweep "
                          "backup FILE` copies it, -o takes another name",
                          path);
        goto out;
    }

    /* What stands there now. */
    if (stat(path, &info) != 0)
        goto out;
    if (S_ISDIR(info.st_mode))
        status = pxs_fail(err, PXS_E_INVALID, "-o %s: that is a folder; name a file in it", path);
    else if (!S_ISREG(info.st_mode))
        status =
            pxs_fail(err, PXS_E_INVALID, "-o %s: that is a device or a pipe, not a file", path);
    else if (is_sqlite(path) || is_beside_sqlite(path) || is_beside_sqlite(real))
        status = pxs_fail(err, PXS_E_INVALID,
                          "-o %s would replace a SQLite database or what belongs to one; `pixsweep "
                          "backup FILE` copies this one, -o takes another name",
                          path);
    else if (is_of_run(s, path, real))
        status =
            pxs_fail(err, PXS_E_INVALID,
                     "-o %s would replace a file of a run, which cannot be had again; -o takes "
                     "another name (`pixsweep backup FILE` copies the database)",
                     path);
out:
    free(resolved);
    return status;
}

/* ---- endings -------------------------------------------------------------------------------- */

const char *cli_format_of_name(const char *path) {
    /* Formats that no command writes are here so that no file gets such a name by mistake. */
    static const char *const endings[][2] = {
        {".csv", "csv"},   {".json", "json"},       {".jsonl", "jsonl"}, {".ndjson", "jsonl"},
        {".html", "html"}, {".htm", "html"},        {".txt", "text"},    {".md", "text"},
        {".png", "png"},   {".svg", "svg"},         {".pdf", "pdf"},     {".xlsx", "xlsx"},
        {".ods", "ods"},   {".parquet", "parquet"},
    };
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    for (size_t i = 0; dot && dot > base && i < PXS_COUNT(endings); i++) {
        if (strcasecmp(dot, endings[i][0]) == 0)
            return endings[i][1];
    }
    return NULL;
}

enum pxs_status cli_check_ending(const struct cli *cli, const char *path, const char *format,
                                 struct pxs_error *err) {
    const char *named = cli_format_of_name(path);
    const bool html = strcmp(format, "html") == 0;
    if (!named || strcmp(named, format) == 0 || (strcmp(named, "text") == 0 && !html))
        return PXS_OK;
    if (html)
        return pxs_fail(err, PXS_E_INVALID, "-o %s: %s writes HTML; name a file that ends in .html",
                        path, cli->command->name);
    if (strcmp(named, "csv") == 0 || strcmp(named, "json") == 0 || strcmp(named, "jsonl") == 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "-o %s: the name says %s and --format says %s; leave --format out, or name "
                        "a file that ends in .%s",
                        path, named, format, format);
    return pxs_fail(
        err, PXS_E_INVALID,
        "-o %s: %s writes CSV, JSON or JSON lines; name a file that ends in .csv, .json or .jsonl",
        path, cli->command->name);
}
