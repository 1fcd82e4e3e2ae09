/* The experiment file that was likely meant, for a path that does not exist. */
#include "config_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int is_experiment(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* The name without its ending, whatever that is; NULL if there is no memory. */
static const char *stem_of(struct pxs_arena *arena, const char *name) {
    const char *dot = strrchr(name, '.');
    return pxs_arena_printf(arena, "%.*s",
                            (int)(dot && dot != name ? (size_t)(dot - name) : strlen(name)), name);
}

/* The experiment file in `folder` whose stem is that of `name`, or else nearest to it. */
static bool look_in(const char *folder, const char *name, char out[PXS_PATH_MAX]) {
    struct pxs_arena arena = {0};
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, is_experiment, alphasort);
    const char **stems = n > 0 ? pxs_arena_alloc(&arena, (size_t)n * sizeof *stems) : NULL;
    const char *stem = stem_of(&arena, name), *nearest = NULL;
    bool memory = stems && stem, fits = false;
    for (int i = 0; memory && i < n; i++)
        memory = (stems[i] = stem_of(&arena, entries[i]->d_name)) != NULL;
    if (memory)
        nearest = pxs_nearest_word(stem, stems, (size_t)n);
    for (int i = 0; i < n; i++) {
        if (nearest && stems[i] == nearest)
            fits = pxs_path_join(out, PXS_PATH_MAX, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    pxs_arena_finish(&arena);
    return fits;
}

bool pxs_config_near_file(const char *path, char out[PXS_PATH_MAX]) {
    char folder[PXS_PATH_MAX], experiments[PXS_PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return pxs_path_dir(folder, sizeof folder, path) &&
           (look_in(folder, name, out) ||
            (pxs_path_join(experiments, sizeof experiments, folder, "experiments") &&
             look_in(experiments, name, out)));
}
