/* What must be in order before the first worker starts. The data were read while planning. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor_priv.h"

/* Where the runs will write, before anything is made: what cannot be is told by its cause.
 * Thousands of runs share few folders. */
static enum pxs_status check_places(const struct pxs_plan *plan, struct pxs_error *err) {
    PXS_TRY(pxs_check_place(plan->results, err));
    for (size_t i = 0; i < plan->n; i++)
        if (pxs_plan_takes_run(plan, &plan->runs[i]))
            PXS_TRY(pxs_check_place(plan->runs[i].dir, err));
    return PXS_OK;
}

static enum pxs_status make_folder(const char *path, struct pxs_error *err) {
    struct pxs_error why;
    enum pxs_status status = pxs_make_dirs(path, &why);
    if (status == PXS_OK)
        return PXS_OK;
    return pxs_fail(err, status == PXS_E_NOSPC ? status : PXS_E_INVALID,
                    "%s; choose another --results", why.message);
}

/* Another process, perhaps on another machine, has begun this very run since it was planned, or
 * does so at this moment: the file has no record yet. */
static bool has_begun(const struct pxs_plan_run *run) {
    struct pxs_run_records found = {0};
    bool own = pxs_run_records_read(run->dir, &found, NULL) == PXS_OK;
    if (own && pxs_run_records_last_begun(&found))
        own = strcmp(found.config_hash, run->config_hash) == 0 &&
              !(found.seed_known && found.seed != run->seed);
    else
        own = own && found.steps == 0 && found.torn == 0 && !found.damage[0];
    pxs_run_records_finish(&found);
    return own;
}

/* A folder with records of another configuration (those of this very run would have given it its
 * state) holds another run's results: not ours to overwrite. */
static enum pxs_status check_in_the_way(const struct pxs_plan *plan, struct pxs_error *err) {
    for (size_t i = 0; i < plan->n; i++) {
        char path[PXS_PATH_MAX];
        struct stat info;
        if (plan->runs[i].run_id != 0 ||
            !pxs_path_join(path, sizeof path, plan->runs[i].dir, PXS_RECORDS_FILE))
            continue;
        if (stat(path, &info) == 0 && info.st_size > 0 && plan->runs[i].state == PXS_STATE_NEW &&
            !has_begun(&plan->runs[i]))
            return pxs_fail(err, PXS_E_INVALID,
                            "%s holds records of a run that %s does not know: `pixsweep merge "
                            "%s/%s` brings them in, and the same command then gives the new run "
                            "another number; or move that folder away, or choose another "
                            "--results, --db or experiment name",
                            plan->runs[i].dir, plan->db, plan->results, plan->sweep);
    }
    return PXS_OK;
}

/* What the runs leave behind, and what must be free whenever one of them starts (pause.c). */
static enum pxs_status check_disk(const struct pxs_plan *plan, struct pxs_error *err) {
    char need[32], have[32], floor_text[32];
    double floor_bytes = 0;
    for (size_t i = 0; i < plan->n; i++)
        if (pxs_plan_takes_run(plan, &plan->runs[i]))
            floor_bytes = fmax(floor_bytes, pxs_disk_floor(plan, i));
    if (plan->disk_to_do <= plan->disk_free && floor_bytes <= (double)plan->disk_free)
        return PXS_OK;
    pxs_format_bytes(need, plan->disk_to_do);
    pxs_format_bytes(have, plan->disk_free);
    pxs_format_bytes(floor_text, (uint64_t)floor_bytes);
    return pxs_fail(
        err, PXS_E_INVALID,
        "not enough disk space: the runs need about %s, and %s must be free for resume "
        "points and in reserve whenever one starts; %s has %s free; make room, choose "
        "another --results, or raise checkpoint_interval (0 = only the best weights are kept)",
        need, floor_text, plan->results, have);
}

enum pxs_status pxs_preflight(const struct pxs_plan *plan, const struct pxs_sweep_options *options,
                              char kernels_out[64], struct pxs_error *err) {
    PXS_TRY(pxs_kernels_named(options->kernels, kernels_out, err));
    PXS_TRY(check_in_the_way(plan, err));
    PXS_TRY(check_places(plan, err));
    PXS_TRY(check_disk(plan, err));
    PXS_TRY(make_folder(plan->results, err));
    return PXS_OK;
}
