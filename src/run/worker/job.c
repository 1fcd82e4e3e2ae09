/* A worker's job as JSON: written by the supervisor, read by the worker. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pixsweep/base/json.h"
#include "pixsweep/records/files.h"
#include "pixsweep/worker.h"

/* Version 1 has no claim, version 2 no task, version 3 no cache, version 4 neither keep_final nor
 * shorter. */
enum { JOB_VERSION = 5, JOB_MAX = 1 << 20 };

static const char *const kinds[] = {
    [PXS_JOB_ATTEMPT] = "attempt", [PXS_JOB_PREFLIGHT] = "preflight"};

enum pxs_status pxs_job_print(const struct pxs_job *job, struct pxs_text *out,
                              struct pxs_error *err) {
    struct pxs_json_writer w = {.out = out, .indent = 2};
    pxs_json_put_object(&w, NULL);
    pxs_json_put_int(&w, "version", JOB_VERSION);
    pxs_json_put_string(&w, "kind", kinds[job->kind]);
    pxs_json_put_int(&w, "supervisor", job->supervisor);
    pxs_json_put_int(&w, "threads", job->threads);
    pxs_json_put_string(&w, "kernels", job->kernels);
    pxs_json_put_string(&w, "cache", job->cache ? job->cache : "");
    if (job->kind == PXS_JOB_PREFLIGHT) {
        pxs_json_put_string(&w, "config", job->config);
        pxs_json_put_int(&w, "memory", job->memory);
    } else {
        pxs_json_put_int(&w, "attempt", job->attempt);
        pxs_json_put_string(&w, "config_hash", job->config_hash);
        pxs_json_put_string(&w, "data_hash", job->data_hash);
        pxs_json_put_double(&w, "resume_every", job->resume_every);
        pxs_json_put_double(&w, "grace", job->grace);
        pxs_json_put_bool(&w, "allow_mixed", job->allow_mixed);
        pxs_json_put_array(&w, "rungs");
        for (size_t i = 0; i < job->n_rungs; i++)
            pxs_json_put_int(&w, NULL, job->rungs[i]);
        pxs_json_end(&w);
        pxs_json_put_string(&w, "claim", job->claim ? job->claim : "");
        pxs_json_put_string(&w, "task", job->task ? job->task : "");
        pxs_json_put_int(&w, "restart", job->restart);
        pxs_json_put_string(&w, "task_log", job->task_log ? job->task_log : "");
        pxs_json_put_bool(&w, "keep_final", job->keep_final);
        pxs_json_put_string(&w, "shorter", job->shorter ? job->shorter : "");
        pxs_json_put_string(&w, "command", job->command);
    }
    pxs_json_end(&w);
    pxs_text_add(out, "\n");
    return pxs_json_finish(&w, err);
}

enum pxs_status pxs_job_write(const struct pxs_job *job, const char *dir, struct pxs_error *err) {
    struct pxs_text text = {0};
    char path[PXS_PATH_MAX];
    if (!pxs_path_join(path, sizeof path, dir, PXS_JOB_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    enum pxs_status status = pxs_job_print(job, &text, err);
    if (status == PXS_OK) /* a worker that has not begun when the power fails never was */
        status = pxs_write_unsynced(path, pxs_text_str(&text), text.len, err);
    pxs_text_finish(&text);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum pxs_status get_int(struct pxs_json object, const char *key, int64_t least, int64_t *out,
                               struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    PXS_TRY(pxs_json_int(value, out, err));
    return *out >= least ? PXS_OK
                         : pxs_json_fail(value, err, "must be at least %lld", (long long)least);
}

static enum pxs_status get_double(struct pxs_json object, const char *key, double *out,
                                  struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    return pxs_json_double(value, out, err);
}

static enum pxs_status read_attempt(struct pxs_json root, int64_t version, struct pxs_job *job,
                                    struct pxs_error *err) {
    struct pxs_json mixed, list, rung;
    PXS_TRY(get_int(root, "attempt", 1, &job->attempt, err));
    PXS_TRY(pxs_json_get_string(root, "config_hash", &job->config_hash, err));
    PXS_TRY(pxs_json_get_string(root, "data_hash", &job->data_hash, err));
    PXS_TRY(get_double(root, "resume_every", &job->resume_every, err));
    PXS_TRY(get_double(root, "grace", &job->grace, err));
    PXS_TRY(pxs_json_get(root, "allow_mixed", &mixed, err));
    PXS_TRY(pxs_json_bool(mixed, &job->allow_mixed, err));
    PXS_TRY(pxs_json_get(root, "rungs", &list, err));
    PXS_TRY(pxs_json_expect(list, PXS_JSON_ARRAY, err));
    for (bool more = pxs_json_first(list, &rung); more; more = pxs_json_next(&rung)) {
        if (job->n_rungs == PXS_RUNGS_MAX)
            return pxs_json_fail(list, err, "has more than %d elements", PXS_RUNGS_MAX);
        PXS_TRY(pxs_json_int(rung, &job->rungs[job->n_rungs++], err));
    }
    job->claim = "";
    if (version >= 2)
        PXS_TRY(pxs_json_get_string(root, "claim", &job->claim, err));
    job->task = job->task_log = "";
    if (version >= 3) {
        PXS_TRY(pxs_json_get_string(root, "task", &job->task, err));
        PXS_TRY(get_int(root, "restart", 0, &job->restart, err));
        PXS_TRY(pxs_json_get_string(root, "task_log", &job->task_log, err));
    }
    job->shorter = "";
    if (version >= 5) {
        struct pxs_json kept;
        PXS_TRY(pxs_json_get(root, "keep_final", &kept, err));
        PXS_TRY(pxs_json_bool(kept, &job->keep_final, err));
        PXS_TRY(pxs_json_get_string(root, "shorter", &job->shorter, err));
    }
    return pxs_json_get_string(root, "command", &job->command, err);
}

static enum pxs_status read_job(struct pxs_json root, const char *path, struct pxs_job *job,
                                struct pxs_error *err) {
    struct pxs_json kind;
    const char *word;
    int64_t version;
    PXS_TRY(pxs_json_expect(root, PXS_JSON_OBJECT, err));
    PXS_TRY(get_int(root, "version", 1, &version, err));
    if (version > JOB_VERSION)
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
            "%s is of version %lld, and this pixsweep knows version %d: another pixsweep wrote it; "
            "`pixsweep run` writes it anew",
            path, (long long)version, JOB_VERSION);
    PXS_TRY(pxs_json_get(root, "kind", &kind, err));
    PXS_TRY(pxs_json_string(kind, &word, err));
    PXS_TRY(get_int(root, "supervisor", 1, &job->supervisor, err));
    PXS_TRY(get_int(root, "threads", 1, &job->threads, err));
    PXS_TRY(pxs_json_get_string(root, "kernels", &job->kernels, err));
    job->cache = "";
    if (version >= 4)
        PXS_TRY(pxs_json_get_string(root, "cache", &job->cache, err));
    if (strcmp(word, kinds[PXS_JOB_ATTEMPT]) == 0) {
        job->kind = PXS_JOB_ATTEMPT;
        return read_attempt(root, version, job, err);
    }
    if (strcmp(word, kinds[PXS_JOB_PREFLIGHT]) != 0)
        return pxs_json_fail(kind, err, "must be \"attempt\" or \"preflight\"");
    job->kind = PXS_JOB_PREFLIGHT;
    PXS_TRY(get_int(root, "memory", 0, &job->memory, err));
    return pxs_json_get_string(root, "config", &job->config, err);
}

enum pxs_status pxs_job_read(const char *path, struct pxs_job *out, struct pxs_error *err) {
    char *text = NULL, file[PXS_PATH_MAX];
    size_t bytes;
    struct stat info;
    memset(out, 0, sizeof *out);
    bool in_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (!pxs_path_join(file, sizeof file, path, in_folder ? PXS_JOB_FILE : "."))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", path);
    if (in_folder)
        PXS_TRY(pxs_read_beneath(path, PXS_JOB_FILE, JOB_MAX, &text, &bytes, err));
    else
        PXS_TRY(pxs_read_file(path, JOB_MAX, &text, &bytes, err));
    enum pxs_status status = pxs_json_parse(text, bytes, file, &out->text, err);
    free(text);
    if (status == PXS_OK)
        status = read_job(pxs_json_root(out->text), file, out, err);
    if (status != PXS_OK)
        pxs_job_finish(out);
    return status;
}

void pxs_job_finish(struct pxs_job *job) {
    pxs_json_destroy(&job->text);
}
