/* Which weights and which configuration a run, a sweep or a file of weights stands for. */
#include "pixsweep/generate.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pixsweep/model.h"
#include "pixsweep/rundir.h"

/* The side that ResNets of other programs were likely trained with; their weights do not tell. */
enum { RESNET_SIDE = 256 };

/* ---- a file of weights ---------------------------------------------------------------------- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The run that the file lies in: its folder's parent has a config.yaml. */
static bool run_of(const char *path, char config[PXS_PATH_MAX]) {
    char absolute[PXS_PATH_MAX], weights[PXS_PATH_MAX], dir[PXS_PATH_MAX];
    return pxs_path_absolute(absolute, sizeof absolute, path) &&
           pxs_path_dir(weights, sizeof weights, absolute) &&
           strcmp(base_name(weights), PXS_WEIGHTS) == 0 && pxs_path_dir(dir, sizeof dir, weights) &&
           pxs_path_join(config, PXS_PATH_MAX, dir, PXS_CONFIG_FILE) && access(config, R_OK) == 0;
}

static enum pxs_status recognise(const char *path, struct pxs_generate_source *out,
                                 struct pxs_error *err) {
    struct pxs_recognised *found = malloc(sizeof *found);
    if (!found)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_weights_recognise(path, found, err);
    if (status == PXS_OK && found->net != PXS_NET_G)
        status = pxs_fail(err, PXS_E_INVALID,
                          "%s: these are the weights of %s; name those of a generator", path,
                          found->words);
    if (status == PXS_OK) {
        struct pxs_params *p = &out->params;
        *p = found->params;
        if (p->generator == PXS_GENERATOR_UNET)
            p->downs_G = pxs_params_downs(p); /* whatever the sides are set to */
        if (p->generator == PXS_GENERATOR_RESNET_6 || p->generator == PXS_GENERATOR_RESNET_9)
            p->img_height = p->img_width = RESNET_SIDE;
        out->guessed = true;
        snprintf(
            out->words, sizeof out->words,
            "%s bears no configuration; by names and shapes it is %s, taken to be trained with "
            "%lldx%lld, %s (otherwise --set img_height=N, ...)",
            base_name(path), found->words, (long long)p->img_height, (long long)p->img_width,
            pxs_params_get(p, PXS_PARAM_direction).text);
    }
    free(found);
    return status;
}

/* A damaged file is refused like one of another network: what was named cannot be used. (A failing
 * disk and want of memory stay what they are.) */
static enum pxs_status refuse_damaged(enum pxs_status status, struct pxs_error *err) {
    if (status != PXS_E_CORRUPT)
        return status;
    if (err)
        err->status = PXS_E_INVALID;
    return PXS_E_INVALID;
}

enum pxs_status pxs_generate_file(const char *path, struct pxs_generate_source *out,
                                  struct pxs_error *err) {
    char config[PXS_PATH_MAX];
    bool stated = false;
    *out = (struct pxs_generate_source){.words = ""};
    if ((size_t)snprintf(out->weights, sizeof out->weights, "%s", path) >= sizeof out->weights)
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", path);
    pxs_params_default(&out->params);
    PXS_TRY(refuse_damaged(pxs_weights_config(path, &out->params, &stated, err), err));
    if (!stated && run_of(path, config)) {
        /* Made before weights bore their configuration. */
        stated = true;
        PXS_TRY(pxs_run_config_read(config, &out->params, NULL, NULL, err));
    }
    if (!stated)
        return recognise(path, out, err);
    PXS_TRY(pxs_pix2pix_fits(&out->params, PXS_NET_G, path, err));
    snprintf(out->words, sizeof out->words, "%s", path);
    return PXS_OK;
}

/* ---- a run ---------------------------------------------------------------------------------- */

/* The weights of the highest epoch in a run's folder. */
static bool last_weights(const char *dir, char file[PXS_PATH_MAX]) {
    char folder[PXS_PATH_MAX];
    int64_t most = -1;
    DIR *stream = pxs_path_join(folder, sizeof folder, dir, PXS_WEIGHTS) ? opendir(folder) : NULL;
    if (!stream)
        return false;
    for (struct dirent *e = readdir(stream); e; e = readdir(stream)) {
        int64_t epoch;
        char number[32];
        const char *from = e->d_name + strlen("generator_");
        if (strncmp(e->d_name, "generator_", strlen("generator_")) != 0)
            continue;
        snprintf(number, sizeof number, "%.*s", (int)strspn(from, "0123456789"), from);
        if (strcmp(from + strlen(number), ".safetensors") == 0 && pxs_parse_int(number, &epoch) &&
            epoch > most) {
            most = epoch;
            if (!pxs_path_join(file, PXS_PATH_MAX, folder, e->d_name))
                most = -1;
        }
    }
    closedir(stream);
    return most >= 0;
}

static bool is_there(const char *dir, const char *name, char file[PXS_PATH_MAX]) {
    return pxs_path_join(file, PXS_PATH_MAX, dir, name) && access(file, R_OK) == 0;
}

static bool weights_of(const char *dir, bool last, char file[PXS_PATH_MAX], bool *best) {
    *best = !last && is_there(dir, PXS_GENERATOR_FILE("min"), file);
    return *best ||
           (last ? is_there(dir, PXS_GENERATOR_FILE("last"), file) : last_weights(dir, file));
}

static enum pxs_status from_folder(const char *dir, const char *name, bool last,
                                   struct pxs_generate_source *out, struct pxs_error *err) {
    char config[PXS_PATH_MAX];
    bool best;
    *out = (struct pxs_generate_source){.words = ""};
    const bool found = weights_of(dir, last, out->weights, &best);
    if (!found && last)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "%s has no " PXS_GENERATOR_FILE(
                            "last") ": it comes when a run is completed (older versions kept "
                                    "none); leave --last out, or name a file of weights",
                        dir);
    if (!found)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "%s has no weights of a generator in %s: they come with the first epoch "
                        "that is validated, or every checkpoint_interval epochs",
                        dir, PXS_WEIGHTS);
    if (!pxs_path_join(config, sizeof config, dir, PXS_CONFIG_FILE))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", dir);
    if (access(config, F_OK) != 0) {
        char file[PXS_PATH_MAX];
        snprintf(file, sizeof file, "%s", out->weights);
        return pxs_generate_file(file, out, err);
    }
    PXS_TRY(pxs_run_config_read(config, &out->params, NULL, NULL, err));
    PXS_TRY(refuse_damaged(pxs_pix2pix_fits(&out->params, PXS_NET_G, out->weights, err), err));
    snprintf(out->words, sizeof out->words, "%.300s, %s (%.200s)", name,
             best ? "its best epoch by validation loss" : "its last weights",
             base_name(out->weights));
    return PXS_OK;
}

enum pxs_status pxs_generate_folder(const char *dir, bool last, struct pxs_generate_source *out,
                                    struct pxs_error *err) {
    return from_folder(dir, dir, last, out, err);
}

/* ---- in the database ------------------------------------------------------------------------ */

/* The runs of a sweep, the lowest validation loss (with ?2, that of the last epoch) first. */
static const char best_runs[] =
    "SELECT r.run_id, r.name, iif(?2, m.final_val_loss, m.best_val_loss) AS loss FROM run r "
    "JOIN run_summary m USING (run_id) WHERE r.sweep_id = ?1 AND loss IS NOT NULL "
    "ORDER BY loss, r.run_id";

static enum pxs_status from_sweep(struct pxs_store *s, const struct pxs_store_target *target,
                                  bool last, struct pxs_generate_source *out,
                                  struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_store_run *runs = NULL;
    size_t n = 0;
    enum pxs_status status = pxs_store_runs(s, target->sweep_id, &runs, &n, err);
    if (status == PXS_OK)
        status = pxs_store_select(
            s, best_runs,
            (const struct pxs_cell[]){pxs_cell_int(target->sweep_id), pxs_cell_int(last)}, 2, &t,
            err);
    if (status != PXS_OK)
        goto out;
    for (size_t row = 0; row < t.n_rows; row++)
        for (size_t i = 0; i < n; i++) {
            char file[PXS_PATH_MAX], loss[32];
            bool best;
            if (runs[i].run_id != pxs_table_at(&t, row, "run_id").integer ||
                !weights_of(runs[i].dir, last, file, &best))
                continue;
            status = from_folder(runs[i].dir, runs[i].name, last, out, err);
            snprintf(out->words, sizeof out->words,
                     "%.255s, the best of %zu run%s of %.100s by %svalidation loss (%s)%s",
                     runs[i].name, t.n_rows, t.n_rows == 1 ? "" : "s", target->name,
                     last ? "final " : "",
                     pxs_format_rounded(loss, pxs_table_at(&t, row, "loss").real, 4),
                     last ? ", its last weights" : "");
            goto out;
        }
    status = pxs_fail(
        err, PXS_E_NOT_FOUND,
        t.n_rows > 0 && last
            ? "no run of %s that was validated has " PXS_GENERATOR_FILE(
                  "last") " in its folder: it comes when a run is completed (older versions kept "
                          "none)"
        : t.n_rows > 0 ? "no run of %s that was validated has weights in its folder (moved away?)"
                       : "no run of %s has a validation loss to choose by: name a run",
        target->name);
out:
    pxs_table_finish(&t);
    free(runs);
    return status;
}

enum pxs_status pxs_generate_stored(struct pxs_store *s, const char *what, bool last,
                                    struct pxs_generate_source *out, struct pxs_error *err) {
    struct pxs_store_target target;
    PXS_TRY(pxs_store_find_target(s, what, &target, err));
    if (target.run_id == 0)
        return from_sweep(s, &target, last, out, err);
    struct pxs_store_run *runs = NULL;
    size_t n = 0;
    PXS_TRY(pxs_store_runs(s, target.sweep_id, &runs, &n, err));
    enum pxs_status status =
        pxs_fail(err, PXS_E_NOT_FOUND, "%s is not in the database any more", target.name);
    for (size_t i = 0; i < n; i++)
        if (runs[i].run_id == target.run_id)
            status = from_folder(runs[i].dir, target.name, last, out, err);
    free(runs);
    return status;
}
