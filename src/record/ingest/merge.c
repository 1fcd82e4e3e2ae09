/* merge: runs that were made on another machine, or without this database, are ingested folder by
 * folder. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ingest_priv.h"

enum { LEVELS = 3 };

struct merge {
    struct pxs_store *store;
    pxs_ingest_fn line;
    void *user;
    struct pxs_ingest_counts *counts;
    size_t found;
    struct pxs_race_seen seen;
};

static void describe(const struct pxs_ingested *ingested, const char *dir, struct pxs_text *text) {
    if (ingested->kept[0])
        pxs_text_addf(text, "nothing taken: %s", ingested->kept);
    else if (ingested->records + ingested->closed > 0)
        pxs_text_addf(
            text, "taken (%zu records), %s%s%s", ingested->records, pxs_state_name(ingested->state),
            ingested->added ? ", new in the database" : "",
            ingested->moved ? ", in place of what the database had from another folder" : "");
    else
        pxs_text_addf(text, "nothing new, %s", pxs_state_name(ingested->state));
    if (ingested->torn > 0)
        pxs_text_addf(text,
                      "; the last record of %s/" PXS_RECORDS_FILE " is torn (%lld bytes): dropped",
                      dir, (long long)ingested->torn);
    if (ingested->damage[0])
        pxs_text_addf(
            text, ingested->kept[0] ? "; damage: %s" : "; only what stands before the damage: %s",
            ingested->damage);
    if (ingested->doubt[0])
        pxs_text_addf(text, "; warning: %s", ingested->doubt);
}

static void tell(struct merge *m, const char *dir, const struct pxs_ingested *ingested,
                 enum pxs_status status, const struct pxs_error *err) {
    struct pxs_text text = {0};
    struct pxs_ingest_line line = {
        .dir = dir,
        .name = ingested->name,
        .records = ingested->records,
        .problem = status != PXS_OK || ingested->damage[0] || ingested->doubt[0],
        .changed = status == PXS_OK && ingested->records + ingested->closed > 0};
    if (status == PXS_OK)
        describe(ingested, dir, &text);
    else
        pxs_text_addf(&text, "not taken: %s", err->message);
    line.text = pxs_text_str(&text);
    m->counts->found++;
    m->counts->changed += line.changed;
    m->counts->problems += line.problem;
    m->counts->records += ingested->records;
    if (m->line)
        m->line(m->user, &line);
    pxs_text_finish(&text);
}

/* What was judged of the sweep that the run's folder lies in. */
static enum pxs_status take_looks(struct merge *m, const char *dir,
                                  const struct pxs_ingested *ingested, struct pxs_error *err) {
    struct pxs_store_run run;
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)ingested->run_id);
    PXS_TRY(pxs_store_find_run(m->store, id, &run, err));
    PXS_TRY(pxs_race_ingest_beside(m->store, &run, dir, &m->seen, err));
    return pxs_store_adopt_race(m->store, run.sweep_id, err);
}

/* PXS_OK too where this folder could not be taken for a reason of its own: the others still can. */
static enum pxs_status merge_one(struct merge *m, const char *dir, struct pxs_error *err) {
    struct pxs_folder_locks locks;
    struct pxs_ingested ingested = {0};
    struct pxs_error why;
    m->found++;
    enum pxs_status status = pxs_folder_lock(dir, &locks, &why);
    if (status == PXS_E_BUSY && locks.claimed) {
        const struct pxs_error claimed = why;
        status =
            pxs_fail(&why, PXS_E_BUSY, "%s; merge it again when it has ended", claimed.message);
    } else if (status == PXS_E_BUSY)
        status = pxs_fail(&why, PXS_E_BUSY, "it is at work now; merge it again when it has ended");
    else if (status == PXS_OK) {
        status = pxs_ingest_folder(m->store, dir, &ingested, &why);
        pxs_folder_unlock(&locks);
        if (status == PXS_OK && ingested.run_id > 0) /* else nothing could be taken */
            status = take_looks(m, dir, &ingested, &why);
    }
    bool own = status == PXS_OK || status == PXS_E_BUSY || status == PXS_E_INVALID ||
               status == PXS_E_EXISTS || status == PXS_E_CORRUPT || status == PXS_E_NOT_FOUND ||
               status == PXS_E_UNSUPPORTED;
    if (!own)
        return pxs_fail(err, status, "%s: %s", dir, why.message);
    tell(m, dir, &ingested, status, &why);
    return PXS_OK;
}

static bool holds(const char *dir, const char *name) {
    char path[PXS_PATH_MAX];
    struct stat info;
    return pxs_path_join(path, sizeof path, dir, name) && lstat(path, &info) == 0;
}

/* Also one that cannot be ingested, since its records are gone or no file, or its config.yaml: to
 * pass over it would be to lose it in silence. */
static bool is_run(const char *dir) {
    return holds(dir, PXS_RECORDS_FILE) || (holds(dir, PXS_CONFIG_FILE) && holds(dir, PXS_WEIGHTS));
}

static int visible(const struct dirent *e) {
    return e->d_name[0] != '.';
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_link(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

/* What is handed over may link to itself, or to runs that are not meant. A run that is linked
 * counts as not ingested; any other link is only told, since nothing of this folder is lacking. */
static void tell_link(struct merge *m, const char *path) {
    const struct pxs_ingest_line line = {
        .dir = path,
        .name = "",
        .problem = true,
        .text = "left out: a link to a folder, and links are not followed; to "
                "take its runs, merge it by its own path"};
    const bool run = is_run(path);
    m->found += run;
    m->counts->found += run;
    m->counts->problems += run;
    if (m->line)
        m->line(m->user, &line);
}

static enum pxs_status merge_below(struct merge *m, const char *dir, int levels,
                                   struct pxs_error *err) {
    struct dirent **names = NULL;
    if (is_run(dir))
        return merge_one(m, dir, err);
    int n = levels > 0 ? scandir(dir, &names, visible, alphasort) : 0;
    enum pxs_status status = n < 0 ? pxs_fail_errno(err, "cannot read %s", dir) : PXS_OK;
    for (int i = 0; i < n; i++) {
        char below[PXS_PATH_MAX];
        if (status == PXS_OK && pxs_path_join(below, sizeof below, dir, names[i]->d_name) &&
            is_folder(below)) {
            if (is_link(below))
                tell_link(m, below);
            else
                status = merge_below(m, below, levels - 1, err);
        }
        free(names[i]);
    }
    free(names);
    return status;
}

enum pxs_status pxs_sweep_merge(struct pxs_store *store, const char *dir, pxs_ingest_fn line,
                                void *user, struct pxs_ingest_counts *counts,
                                struct pxs_error *err) {
    char full[PXS_PATH_MAX];
    struct merge m = {.store = store, .line = line, .user = user, .counts = counts};
    if (!pxs_path_absolute(full, sizeof full, dir))
        return pxs_fail(err, PXS_E_INVALID, "the path %.100s... is too long", dir);
    PXS_TRY(merge_below(&m, full, LEVELS, err));
    if (m.found == 0)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "%s holds no run: a run's folder has a " PXS_CONFIG_FILE
                        " and a " PXS_RECORDS_FILE,
                        dir);
    return PXS_OK;
}
