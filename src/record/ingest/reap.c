/* reap: attempts whose process is gone are closed, and their records ingested. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ingest_priv.h"

#define SILENT_MS \
    (60 * 60 * 1000) /* of another host: no sign of life for so long, and it counts as gone */

struct reap {
    struct pxs_store *store;
    bool dry;
    struct pxs_host host;
    pxs_ingest_fn line;
    void *user;
    struct pxs_ingest_counts *counts;
};

static void tell(struct reap *r, const struct pxs_store_run *run, size_t records, bool problem,
                 bool changed, const char *text) {
    struct pxs_ingest_line line = {.dir = run->dir,
                                   .name = run->name,
                                   .records = records,
                                   .problem = problem,
                                   .changed = changed,
                                   .text = text};
    r->counts->found++;
    r->counts->changed += changed;
    r->counts->problems += problem;
    r->counts->records += records;
    if (r->line)
        r->line(r->user, &line);
}

static bool is_folder(const char *dir) {
    struct stat info;
    return stat(dir, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Why an attempt with free locks must not be touched; NULL = it is gone. */
static const char *spared(const struct reap *r, const struct pxs_store_attempt *a, bool folder) {
    bool here = !a->host[0] || strcmp(a->host, r->host.name) == 0;
    if (!here && !folder)
        return "it was started on another host, and its folder is not here: left alone (`merge` "
               "ingests it)";
    if (!here && pxs_now_ms() - a->heartbeat_ms < SILENT_MS)
        return "it was started on another host and gave a sign of life within the last hour: left "
               "alone";
    bool boot = strcmp(a->boot_id, r->host.boot_id) == 0;
    if (here && boot && a->pid > 1 && a->pid_start != 0 && pxs_pid_alive(a->pid, a->pid_start))
        return "its process lives: left alone";
    return NULL;
}

/* A run's own trouble, for which the others need not wait. */
static bool is_own(enum pxs_status status) {
    return status == PXS_E_EXISTS || status == PXS_E_CORRUPT || status == PXS_E_INVALID ||
           status == PXS_E_UNSUPPORTED;
}

static enum pxs_status ingest_one(struct reap *r, const struct pxs_store_run *run, int64_t no,
                                  struct pxs_error *err) {
    struct pxs_ingested ingested;
    struct pxs_text text = {0};
    if (r->dry) {
        tell(r, run, 0, false, true, "its process is gone: would be ingested");
        return PXS_OK;
    }
    struct pxs_error why;
    enum pxs_status status = pxs_ingest_run(r->store, run->run_id, &ingested, &why);
    if (is_own(status)) {
        tell(r, run, 0, true, false, why.message);
        return PXS_OK;
    }
    if (status != PXS_OK)
        return pxs_fail(err, status, "%s", why.message);
    pxs_text_addf(&text,
                  "nobody wrote into the database how attempt %lld ended; its records are ingested "
                  "(%zu), it is %s%s%s",
                  (long long)no, ingested.records, pxs_state_name(ingested.state),
                  ingested.damage[0] ? "; what follows the damage is lost: " : "", ingested.damage);
    tell(r, run, ingested.records, ingested.damage[0], true, pxs_text_str(&text));
    pxs_text_finish(&text);
    return PXS_OK;
}

static enum pxs_status reap_one(struct reap *r, const struct pxs_store_attempt *a,
                                struct pxs_error *err) {
    struct pxs_folder_locks locks = {.guard = {.fd = -1}, .worker = {.fd = -1}};
    struct pxs_store_attempt now_row;
    struct pxs_store_run run;
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)a->run_id);
    PXS_TRY(pxs_store_find_run(r->store, id, &run, err));
    bool folder = is_folder(run.dir);
    struct pxs_error why;
    enum pxs_status status = folder ? pxs_folder_lock(run.dir, &locks, &why) : PXS_OK;
    if (status == PXS_E_BUSY) {
        /* By a job of this machine, too; its claim names it. */
        struct pxs_claim_owner owner;
        char nonce[PXS_CLAIM_NONCE];
        int64_t touched_ms;
        const bool named =
            locks.claimed || (locks.supervised &&
                              pxs_claim_read(run.dir, &owner, nonce, &touched_ms, NULL) == PXS_OK &&
                              owner.task[0] && pxs_claim_look(run.dir, &why) == PXS_E_BUSY);
        tell(r, &run, 0, false, false,
             named              ? why.message
             : locks.supervised ? "runs under a `pixsweep run`"
                                : "its old worker is about to stop");
        return PXS_OK;
    }
    if (status != PXS_OK) {
        tell(r, &run, 0, true, false, why.message);
        return PXS_OK;
    }
    /* Only now: the process that held the locks may have closed it. */
    status = pxs_store_attempt(r->store, a->attempt_id, &now_row, err);
    if (status == PXS_OK && now_row.ended_ms == 0) {
        const char *reason = spared(r, &now_row, folder);
        if (reason)
            tell(r, &run, 0, false, false, reason);
        else
            status = ingest_one(r, &run, a->no, err);
        if (!reason && folder && !r->dry && status == PXS_OK)
            pxs_remove_temps(run.dir); /* half-written files: the locks keep others out */
    }
    pxs_folder_unlock(&locks);
    return status;
}

/* Looks of races that no supervisor has told the database. */
static enum pxs_status reap_looks(struct reap *r, int64_t sweep_id, struct pxs_error *err) {
    struct pxs_race_seen seen = {0};
    struct pxs_store_run *runs = NULL;
    size_t n = 0;
    PXS_TRY(pxs_store_runs(r->store, sweep_id, &runs, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_error why;
        status = pxs_race_ingest_beside(r->store, &runs[i], runs[i].dir, &seen, &why);
        if (is_own(status)) {
            tell(r, &runs[i], 0, true, false, why.message);
            status = PXS_OK;
        } else if (status != PXS_OK)
            pxs_fail(err, status, "%s", why.message);
    }
    free(runs);
    return status;
}

enum pxs_status pxs_sweep_reap(struct pxs_store *store, int64_t sweep_id, bool dry,
                               pxs_ingest_fn line, void *user, struct pxs_ingest_counts *counts,
                               struct pxs_error *err) {
    struct reap r = {.store = store, .dry = dry, .line = line, .user = user, .counts = counts};
    struct pxs_store_attempt *open = NULL;
    size_t n = 0;
    pxs_host_detect(&r.host);
    PXS_TRY(pxs_store_open_attempts(store, sweep_id, &open, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++)
        status = reap_one(&r, &open[i], err);
    free(open);
    if (status == PXS_OK && !dry)
        status = reap_looks(&r, sweep_id, err);
    return status;
}
