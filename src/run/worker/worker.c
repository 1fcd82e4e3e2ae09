/* The worker: one attempt at one run, in a process of its own. It writes records and files, never
 * the database. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker_priv.h"
#include "pixsweep/model.h"
#include "pixsweep/rundir/claim.h"

#define LOCK_WAIT_SECONDS 60.0

/* ---- the run's folder ----------------------------------------------------------------------- */

static bool stopped(const struct pxs_worker *w) {
    return atomic_load(&w->stop->signal) != 0;
}

static enum pxs_status lock_folder(struct pxs_worker *w, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    double since = pxs_monotonic();
    bool said = false;
    if (!pxs_path_join(path, sizeof path, w->dir, PXS_WORKER_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", w->dir);
    for (;;) {
        enum pxs_status status = pxs_lock_take(&w->lock, path, false, err);
        if (status != PXS_E_BUSY || pxs_monotonic() - since > LOCK_WAIT_SECONDS)
            return status;
        if (stopped(w))
            return pxs_fail(err, PXS_E_STOPPED, "stopped while waiting for %s", path);
        if (!said)
            pxs_log(w->log, PXS_LOG_INFO, "waiting for an old worker that still holds %s", path);
        said = true;
        usleep(50000);
    }
}

/* ---- the work ------------------------------------------------------------------------------- */

enum { CONFIG_MAX = 1 << 20 };

static enum pxs_status read_config(struct pxs_worker *w, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_text problems = {0};
    if (!pxs_path_join(path, sizeof path, w->dir, PXS_CONFIG_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", w->dir);
    struct pxs_run_config_head head;
    char *yaml;
    size_t bytes;
    enum pxs_status status = pxs_run_config_read(path, &w->params, NULL, &problems, err);
    if (status != PXS_OK && problems.len > 0)
        pxs_log(w->log, PXS_LOG_ERROR, "%s", pxs_text_str(&problems));
    pxs_text_finish(&problems);
    if (status == PXS_OK)
        status = pxs_read_file(path, CONFIG_MAX, &yaml, &bytes, err);
    if (status == PXS_OK) {
        pxs_run_config_read_head(yaml, &head);
        memcpy(w->files_hash, head.files_hash, sizeof w->files_hash);
        free(yaml);
    }
    return status;
}

/* The identity of the run with so many epochs. */
static enum pxs_status identity(const struct pxs_worker *w, int64_t n_epochs,
                                char hash[PXS_SHA256_HEX], struct pxs_error *err) {
    struct pxs_params_content content = {0};
    struct pxs_params params = w->params;
    params.n_epochs = n_epochs;
    snprintf(content.dataset, sizeof content.dataset, "%s", w->job.data_hash);
    if (params.init_from[0])
        PXS_TRY(pxs_weights_hash(params.init_from, content.init_from, err));
    return pxs_params_identity(&params, &content, hash, err);
}

/* What is about to be trained must be what was planned; the pairs are compared when they are
 * loaded. */
static enum pxs_status check_identity(const struct pxs_worker *w, struct pxs_error *err) {
    char hash[PXS_SHA256_HEX];
    PXS_TRY(identity(w, w->params.n_epochs, hash, err));
    if (strcmp(hash, w->job.config_hash) == 0)
        return PXS_OK;
    return pxs_fail(
        err, PXS_E_INVALID,
        "%s/" PXS_CONFIG_FILE
        " or the weights of init_from are not what was planned: planned config_hash %s, now %s",
        w->dir, w->job.config_hash, hash);
}

/* Whether the supervisor's claim is still good (pxs_train_job.may_write). That it cannot be looked
 * at now, on a disk that has trouble, does not mean that it is lost. */
static enum pxs_status may_write(void *user, struct pxs_error *err) {
    struct pxs_worker *w = user;
    struct pxs_error why;
    if (w->job.claim[0] == '\0')
        return PXS_OK;
    const enum pxs_status status = pxs_claim_check(w->dir, w->job.claim, &why);
    if (status == PXS_E_BUSY) {
        w->lost = true;
        return pxs_fail(err, PXS_E_BUSY,
                        "%s: this worker ends and writes nothing more; the run goes on there",
                        why.message);
    }
    if (status != PXS_OK && !w->unseen)
        pxs_log(w->log, PXS_LOG_WARN, "goes on, though the claim cannot be looked at: %s",
                why.message);
    w->unseen = status != PXS_OK;
    return PXS_OK;
}

/* The shorter run that the job names, for a run without a resume point: *out is to be finished. */
static enum pxs_status find_shorter(const struct pxs_worker *w, struct pxs_folder *out,
                                    struct pxs_error *err) {
    char hash[PXS_SHA256_HEX];
    PXS_TRY(pxs_folder_read(w->job.shorter, out, err));
    enum pxs_status status = identity(w, out->params.n_epochs, hash, err);
    if (status == PXS_OK &&
        (strcmp(hash, out->config_hash) != 0 || out->params.seed != w->params.seed))
        status = pxs_fail(err, PXS_E_INVALID,
                          "it is no run of this configuration and seed with fewer epochs");
    if (status != PXS_OK)
        pxs_folder_finish(out);
    return status;
}

static enum pxs_status train_on(struct pxs_worker *w, const struct pxs_shorter *shorter,
                                struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    PXS_TRY(pxs_pool_create((int)w->job.threads, &pool, err));
    struct pxs_train_job job = {.params = &w->params,
                                .dir = w->dir,
                                .records = w->records,
                                .pool = pool,
                                .kernels = w->job.kernels,
                                .data_hash = w->job.data_hash,
                                .cache = w->job.cache[0] != '\0' ? w->job.cache : NULL,
                                .files_hash = w->files_hash,
                                .stop = w->stop,
                                .log = w->log,
                                .config_hash = w->job.config_hash,
                                .nonce = w->nonce,
                                .resume_every = w->job.resume_every,
                                .resume = &w->resume,
                                .shorter = shorter,
                                .keep_final = w->job.keep_final,
                                .waiting = pxs_worker_waiting,
                                .rungs = w->job.rungs,
                                .n_rungs = w->job.n_rungs,
                                .ask = pxs_worker_ask,
                                .ask_user = w->lifeline,
                                .may_write = may_write,
                                .may_write_user = w};
    enum pxs_status status = pxs_train_run(&job, err);
    pxs_pool_destroy(&pool);
    return status;
}

static enum pxs_status train(struct pxs_worker *w, struct pxs_error *err) {
    struct pxs_error why;
    char note[PXS_PATH_MAX + 600];
    if (w->resume.step >= 0 || w->job.shorter[0] == '\0')
        return train_on(w, NULL, err);
    struct pxs_folder *folder = malloc(sizeof *folder);
    if (!folder)
        return pxs_fail_nomem(err);
    enum pxs_status status = find_shorter(w, folder, &why);
    if (status == PXS_OK) {
        const struct pxs_shorter shorter = {.dir = folder->dir,
                                            .name = folder->name,
                                            .config_hash = folder->config_hash,
                                            .params = &folder->params};
        status = train_on(w, &shorter, err);
        pxs_folder_finish(folder);
    } else {
        snprintf(note, sizeof note, "begins with its first step, not from %s: %.500s",
                 w->job.shorter, why.message);
        status = pxs_worker_note(w, PXS_EVENT_SHORTER, note, err);
        if (status == PXS_OK)
            status = train_on(w, NULL, err);
    }
    free(folder);
    return status;
}

/* Whether the last attempt in the record file was made by another machine, or before this one was
 * booted. A process of it may be alive there and write on: a lock does not always hold on two
 * machines. */
static bool is_of_another_machine(const char *records) {
    struct pxs_record_begin begin;
    struct pxs_host here;
    char host[sizeof here.name], boot_id[sizeof here.boot_id];
    pxs_host_detect(&here);
    if (pxs_record_last_begin(records, -1, &begin, NULL) != PXS_OK)
        return access(records, F_OK) == 0;
    return !pxs_line_value(begin.text, "host", host, sizeof host) ||
           !pxs_line_value(begin.text, "boot_id", boot_id, sizeof boot_id) ||
           strcmp(host, here.name) != 0 || strcmp(boot_id, here.boot_id) != 0;
}

/* The record file ends for this attempt where the resume point says, or at its start. */
static enum pxs_status open_records(struct pxs_worker *w, struct pxs_text *notes,
                                    struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    if (!pxs_path_join(path, sizeof path, w->dir, PXS_RECORDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", w->dir);
    PXS_TRY(pxs_train_find_resume(w->dir, w->job.config_hash, w->configured ? &w->params : NULL,
                                  w->job.kernels, w->job.allow_mixed != 0, &w->resume, notes, err));
    PXS_TRY(may_write(w, err));
    const bool replace = is_of_another_machine(path);
    enum pxs_status (*open)(const char *, int64_t, struct pxs_record_writer **,
                            struct pxs_error *) =
        replace ? pxs_record_writer_replace : pxs_record_writer_open;
    if (replace)
        pxs_log(w->log, PXS_LOG_INFO,
                "the last attempt was made on another machine, or before this one was booted: goes "
                "on in a copy of " PXS_RECORDS_FILE);
    if (w->resume.step < 0)
        return open(path, 0, &w->records, err);
    enum pxs_status status = open(path, w->resume.record_bytes, &w->records, err);
    if (status != PXS_E_CORRUPT)
        return status;
    pxs_text_addf(notes, "%s: starts again from its first step, to the same bits\n", err->message);
    w->resume.step = -1;
    return open(path, 0, &w->records, err);
}

static enum pxs_status begin(struct pxs_worker *w, struct pxs_error *err) {
    struct pxs_text notes = {0};
    enum pxs_status status = open_records(w, &notes, err);
    if (status == PXS_OK)
        status = pxs_worker_begin(w, pxs_text_str(&notes), err);
    if (status == PXS_OK && w->resume.step < 0 && w->resume.there)
        pxs_train_drop_resume(w->dir); /* the records that they belong to are cut off now */
    pxs_text_finish(&notes);
    return status;
}

/* Waits while the disk is full, as training does between two batches. */
static enum pxs_status begin_patiently(struct pxs_worker *w, struct pxs_error *err) {
    bool waited = false;
    enum pxs_status status;
    while ((status = begin(w, err)) == PXS_E_NOSPC && !stopped(w)) {
        pxs_record_writer_close(&w->records);
        if (!waited) {
            pxs_log(w->log, PXS_LOG_WARN, "waiting for space: %s", err->message);
            pxs_worker_waiting(NULL, err->message);
        }
        waited = true;
        usleep(500000);
    }
    if (waited && status == PXS_OK)
        pxs_worker_waiting(NULL, NULL);
    return status == PXS_E_NOSPC ? pxs_fail(err, PXS_E_STOPPED, "stopped while waiting for space")
                                 : status;
}

/* What the run writes would follow a link in place of one of its folders. *there: some exist. */
static enum pxs_status check_folders(const struct pxs_worker *w, bool *there,
                                     struct pxs_error *err) {
    static const char *const folders[] = {PXS_RUN_FOLDERS};
    char path[PXS_PATH_MAX];
    struct stat info;
    for (size_t i = 0; i < PXS_COUNT(folders); i++) {
        if (!pxs_path_join(path, sizeof path, w->dir, folders[i]) || lstat(path, &info) != 0)
            continue;
        *there = true;
        if (!S_ISDIR(info.st_mode))
            return pxs_fail(err, PXS_E_INVALID,
                            "%s is a link or a file, where a folder of the run belongs: remove it",
                            path);
    }
    return PXS_OK;
}

static enum pxs_status carry_out(struct pxs_worker *w, struct pxs_error *err) {
    static const char *const folders[] = {".", PXS_RUN_FOLDERS};
    char path[PXS_PATH_MAX];
    struct pxs_error unread, wrong;
    PXS_TRY(lock_folder(w, err));
    if (stopped(w))
        return pxs_fail(err, PXS_E_STOPPED, "stopped before the first batch");

    /* Half-written files of a process that was killed: the lock keeps all others out. */
    bool there = false;
    const enum pxs_status checked = check_folders(w, &there, &wrong);
    for (size_t i = 0; checked == PXS_OK && i < (there ? PXS_COUNT(folders) : 1); i++)
        if (pxs_path_join(path, sizeof path, w->dir, folders[i]))
            pxs_remove_temps(path);

    /* config.yaml says which resume points can be used. That it cannot be read, as all that can go
     * wrong before training, is recorded in an END record, so the attempt begins first. */
    enum pxs_status status = read_config(w, &unread);
    w->configured = status == PXS_OK;
    PXS_TRY(begin_patiently(w, err));
    if (status != PXS_OK)
        status = pxs_fail(err, status, "%s", unread.message);
    else if (checked != PXS_OK)
        status = pxs_fail(err, checked, "%s", wrong.message);
    if (status == PXS_OK)
        status = check_identity(w, err);
    if (status == PXS_OK)
        return train(w, err);
    PXS_TRY(may_write(w, err));
    pxs_worker_end(w, PXS_OUTCOME_FAILED, err->message);
    return status;
}

static int exit_code(const struct pxs_worker *w, enum pxs_status status) {
    if (w->lost)
        return PXS_EXIT_CLAIM_LOST;
    switch (status) {
    case PXS_OK:
        return PXS_EXIT_COMPLETED;
    case PXS_E_DIVERGED:
        return PXS_EXIT_DIVERGED;
    case PXS_E_PRUNED:
        return PXS_EXIT_PRUNED;
    case PXS_E_STOPPED:
        return PXS_EXIT_STOPPED;
    default:
        return PXS_EXIT_FAILED;
    }
}

static int run_attempt(struct pxs_worker *w) {
    struct pxs_lifeline watcher = {.quit = -1};
    struct pxs_error err;
    w->lifeline = &watcher;
    enum pxs_status status = pxs_lifeline_start(&watcher, w->stop, w->job.grace, &err);
    if (status == PXS_OK)
        status = carry_out(w, &err);
    if (status != PXS_OK)
        pxs_log(w->log,
                status == PXS_E_STOPPED || status == PXS_E_PRUNED ? PXS_LOG_INFO : PXS_LOG_ERROR,
                "%s", err.message);
    pxs_lifeline_stop(&watcher);
    pxs_record_writer_close(&w->records);
    pxs_lock_release(&w->lock);
    return exit_code(w, status);
}

int pxs_sweep_worker(int argc, char *const argv[], struct pxs_stop *stop, struct pxs_logger log) {
    struct pxs_worker *w = calloc(1, sizeof *w);
    struct pxs_error err;
    int code = PXS_EXIT_USAGE;
    if (!w)
        return PXS_EXIT_FAILED;
    *w = (struct pxs_worker){.stop = stop, .log = log, .lock = {.fd = -1}};
    if (argc != 1) {
        pxs_log(log, PXS_LOG_ERROR, "`worker` is started by `pixsweep run` only");
        goto out;
    }
    w->dir = argv[0];
    if (pxs_job_read(w->dir, &w->job, &err) != PXS_OK) {
        pxs_log(log, PXS_LOG_ERROR, "`worker` is started by `pixsweep run` only: %s", err.message);
        goto out;
    }
    if (!pxs_bind_to_parent(w->job.supervisor)) {
        pxs_log(log, PXS_LOG_INFO, "the supervisor of this job, process %lld, is gone",
                (long long)w->job.supervisor);
        code = PXS_EXIT_STOPPED;
        goto out;
    }
    code = w->job.kind == PXS_JOB_PREFLIGHT ? pxs_probe_worker(&w->job, stop, log) : run_attempt(w);
out:
    pxs_job_finish(&w->job);
    free(w);
    return code;
}
