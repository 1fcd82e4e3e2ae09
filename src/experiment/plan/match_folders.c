/* Folders under results/<sweep> that hold planned runs which the database lacks: it could not be
 * written, was lost, or is another one. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pixsweep/rundir.h"
#include "plan_priv.h"

static enum pxs_status look_into(struct pxs_plan *plan, const char *sweep_dir, const char *base,
                                 int64_t *highest, struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    int64_t number, seed;
    struct pxs_run_records found = {0};
    struct pxs_plan_run *run = NULL;
    struct pxs_folder *frozen = NULL;
    struct pxs_error ignored;
    if (!pxs_folder_numbers(base, &number, &seed) ||
        !pxs_path_join(dir, sizeof dir, sweep_dir, base))
        return PXS_OK;
    *highest = number > *highest ? number : *highest;
    for (size_t i = 0; i < plan->n; i++)
        if (plan->runs[i].run_id != 0 && plan->runs[i].number == number)
            return PXS_OK; /* the database knows it */

    /* The planned run that its records are of. One that was handed to other machines and has not
     * begun there, or begins at this moment, has only its config.yaml, as has one whose records a
     * newer pixsweep wrote. */
    enum pxs_status status = pxs_run_records_read(dir, &found, err);
    if (status != PXS_OK || (found.seed_known && found.seed != seed))
        goto out;
    if (!found.config_hash[0] && (!found.damage[0] || found.newer)) {
        frozen = malloc(sizeof *frozen);
        if (!frozen)
            status = pxs_fail_nomem(err);
        if (!frozen || pxs_folder_read(dir, frozen, &ignored) != PXS_OK)
            goto out;
        snprintf(found.config_hash, sizeof found.config_hash, "%s", frozen->config_hash);
        pxs_folder_finish(frozen);
    }
    for (size_t i = 0; i < plan->n && !run; i++)
        if (plan->runs[i].run_id == 0 && plan->runs[i].seed == seed &&
            strcmp(plan->runs[i].config_hash, found.config_hash) == 0)
            run = &plan->runs[i];
    if (!run)
        goto out;

    /* Of two folders with the same run, the one that got further. */
    const enum pxs_run_state state = pxs_run_records_state(&found);
    if (run->dir && (run->state == PXS_STATE_COMPLETED ||
                     (state != PXS_STATE_COMPLETED && found.steps <= run->steps_scanned)))
        goto out;
    run->number = number;
    run->name = pxs_arena_printf(&plan->arena, "%s/%s", plan->sweep, base);
    run->dir = pxs_arena_strdup(&plan->arena, dir);
    run->steps_scanned = found.steps;
    run->state = state;
    if (!run->name || !run->dir)
        status = pxs_fail_nomem(err);
out:
    free(frozen);
    pxs_run_records_finish(&found);
    return status;
}

enum pxs_status pxs_plan_match_folders(struct pxs_plan *plan, int64_t *highest,
                                       struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    *highest = 0;
    if (!pxs_path_join(dir, sizeof dir, plan->results, plan->sweep))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", plan->results);
    DIR *folder = opendir(dir);
    if (!folder)
        return PXS_OK; /* a sweep that is new */
    enum pxs_status status = PXS_OK;
    for (struct dirent *e = readdir(folder); e && status == PXS_OK; e = readdir(folder))
        status = look_into(plan, dir, e->d_name, highest, err);
    closedir(folder);
    return status;
}
