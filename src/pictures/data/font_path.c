/* Where a font file is: a path as given, or a bare name in the system's font folders; "#N" chooses
 * a face. */
#include "glyph_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 8

static bool is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Depth first in order of names, so that the same file is found on every machine with the same
 * folders. */
static bool find_below(const char *dir, const char *name, char *path, size_t size, int depth) {
    if (!pxs_path_join(path, size, dir, name))
        return false;
    if (is_file(path))
        return true;
    struct dirent **entries;
    int n = depth < MAX_DEPTH ? scandir(dir, &entries, NULL, by_name) : -1;
    bool found = false;
    for (int i = 0; i < n; i++) {
        char sub[4096];
        struct stat st;
        if (!found && entries[i]->d_name[0] != '.' &&
            pxs_path_join(sub, sizeof sub, dir, entries[i]->d_name) && stat(sub, &st) == 0 &&
            S_ISDIR(st.st_mode))
            found = find_below(sub, name, path, size, depth + 1);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return found;
}

static bool find_installed(const char *name, char *path, size_t size) {
    static const char *const system_dirs[] = {"/usr/share/fonts", "/usr/local/share/fonts"};
    static const char *const home_dirs[] = {".local/share/fonts", ".fonts"};
    const char *home = getenv("HOME");
    for (size_t i = 0; home && i < PXS_COUNT(home_dirs); i++) {
        char dir[4096];
        if (pxs_path_join(dir, sizeof dir, home, home_dirs[i]) &&
            find_below(dir, name, path, size, 0))
            return true;
    }
    for (size_t i = 0; i < PXS_COUNT(system_dirs); i++)
        if (find_below(system_dirs[i], name, path, size, 0))
            return true;
    return false;
}

enum pxs_status pxs_font_locate(const char *spec, char *path, size_t size, int *face,
                                struct pxs_error *err) {
    char name[4096];
    if (snprintf(name, sizeof name, "%s", spec) >= (int)sizeof name || strlen(spec) >= size)
        return pxs_fail(err, PXS_E_INVALID, "the font's path is too long: %.80s...", spec);
    *face = 0;
    char *hash = strrchr(name, '#');
    int64_t number;
    if (hash && !is_file(spec) && pxs_parse_int(hash + 1, &number)) {
        if (number < 0 || number > 0x7fff)
            return pxs_fail(err, PXS_E_INVALID, "'%s': a face is numbered from 0 on", spec);
        *face = (int)number;
        *hash = '\0';
    }
    snprintf(path, size, "%s", name);
    if (access(name, F_OK) == 0)
        return PXS_OK;
    if (!strchr(name, '/') && find_installed(name, path, size))
        return PXS_OK;
    return pxs_fail(err, PXS_E_NOT_FOUND, "no such font: '%s'%s", name,
                    !strchr(name, '/') ? " (neither here nor below /usr/share/fonts)" : "");
}
