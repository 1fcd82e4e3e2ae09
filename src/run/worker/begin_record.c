/* The first and, where training never started, the last record of an attempt. */
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pixsweep/image.h"
#include "worker_priv.h"

/* "key=value" lines. */
static void add_lines(const char *line, struct pxs_record_begin *b) {
    while (*line) {
        size_t len = strcspn(line, "\n"), key = strcspn(line, "=\n");
        char name[64];
        if (key < len && key < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)key, line);
            pxs_record_begin_add(b, name, "%.*s", (int)(len - key - 1), line + key + 1);
        }
        line += len;
        line += *line == '\n';
    }
}

static void add_machine(const struct pxs_worker *w, struct pxs_record_begin *b) {
    struct pxs_host host;
    struct pxs_cpu cpu;
    cpu_set_t cores;
    char list[256] = "";
    pxs_host_detect(&host);
    pxs_cpu_detect(&cpu);
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        pxs_cores_text(&cores, list, sizeof list);
    pxs_record_begin_add(b, "version", "%s", pxs_version());
    pxs_record_begin_add(b, "commit", "%s", pxs_commit());
    pxs_record_begin_add(b, "host", "%s", host.name);
    pxs_record_begin_add(b, "boot_id", "%s", host.boot_id);
    pxs_record_begin_add(b, "pid", "%lld", (long long)getpid());
    pxs_record_begin_add(b, "pid_start", "%lld", (long long)pxs_pid_start(getpid()));
    pxs_record_begin_add(b, "supervisor_pid", "%lld", (long long)w->job.supervisor);
    pxs_record_begin_add(b, "cores", "%s", list);
    pxs_record_begin_add(b, "threads", "%lld", (long long)w->job.threads);
    pxs_record_begin_add(b, "libc", "glibc %s", gnu_get_libc_version());
    pxs_record_begin_add(b, "compiler", "%s", __VERSION__);
    pxs_record_begin_add(b, "data_hash", "%s", w->job.data_hash);
    pxs_record_begin_add(b, "config_hash", "%s", w->job.config_hash);
    if (w->configured) /* the hash is the same for every seed */
        pxs_record_begin_add(b, "seed", "%lld", (long long)w->params.seed);
    if (w->job.task[0]) {
        pxs_record_begin_add(b, "task", "%s", w->job.task);
        pxs_record_begin_add(b, "restart", "%lld", (long long)w->job.restart);
    }
    struct pxs_text decoders = {0}; /* they may differ in a level of a JPEG's pixels */
    pxs_image_environment(&decoders);
    add_lines(pxs_text_str(&decoders), b);
    pxs_text_finish(&decoders);
    if (w->job.task_log[0])
        pxs_record_begin_add(b, "task_log", "%s", w->job.task_log);
    if (w->job.command[0])
        pxs_record_begin_add(b, "command", "%s", w->job.command);
}

/* What happened to the resume points is part of the run's record: an event for each line. */
static enum pxs_status put_notes(struct pxs_worker *w, struct pxs_record *r, const char *kind,
                                 const char *notes, struct pxs_error *err) {
    while (*notes) {
        size_t len = strcspn(notes, "\n");
        memset(r, 0, sizeof *r);
        r->kind = PXS_RECORD_EVENT;
        r->event.at_ms = pxs_now_ms();
        r->event.level = PXS_LOG_WARN;
        snprintf(r->event.kind, sizeof r->event.kind, "%s", kind);
        snprintf(r->event.message, sizeof r->event.message, "%.*s", (int)len, notes);
        pxs_log(w->log, PXS_LOG_WARN, "%s", r->event.message);
        PXS_TRY(pxs_record_write(w->records, r, err));
        notes += len;
        notes += *notes == '\n';
    }
    return PXS_OK;
}

enum pxs_status pxs_worker_begin(struct pxs_worker *w, const char *notes, struct pxs_error *err) {
    struct pxs_record *r = calloc(1, sizeof *r);
    struct pxs_text engine = {0};
    enum pxs_status status;
    if (!r)
        return pxs_fail_nomem(err);
    status = pxs_record_nonce(w->nonce, err);
    if (status != PXS_OK)
        goto out;
    r->kind = PXS_RECORD_BEGIN;
    r->begin.attempt = w->job.attempt;
    r->begin.at_ms = pxs_now_ms();
    r->begin.resumed_from_step = w->resume.step;
    pxs_record_begin_add(&r->begin, "nonce", "%s", w->nonce);
    add_machine(w, &r->begin);

    /* A kernel set that does not work here is reported by the training itself; the attempt begins
     * in any case. */
    if (pxs_train_environment(w->job.kernels, &engine, NULL) == PXS_OK)
        add_lines(pxs_text_str(&engine), &r->begin);
    pxs_text_finish(&engine);
    status = pxs_record_write(w->records, r, err);
    if (status == PXS_OK)
        status = put_notes(w, r, "resume", notes, err);
out:
    free(r);
    return status;
}

enum pxs_status pxs_worker_note(struct pxs_worker *w, const char *kind, const char *note,
                                struct pxs_error *err) {
    struct pxs_record *r = calloc(1, sizeof *r);
    if (!r)
        return pxs_fail_nomem(err);
    const enum pxs_status status = put_notes(w, r, kind, note, err);
    free(r);
    return status;
}

void pxs_worker_end(struct pxs_worker *w, enum pxs_outcome outcome, const char *message) {
    struct pxs_record *r = calloc(1, sizeof *r);
    struct pxs_error err;
    if (!r)
        return;
    r->kind = PXS_RECORD_END;
    r->end.at_ms = pxs_now_ms();
    r->end.outcome = outcome;
    snprintf(r->end.message, sizeof r->end.message, "%.1000s", message);
    if (pxs_record_write(w->records, r, &err) != PXS_OK ||
        pxs_record_sync(w->records, &err) != PXS_OK)
        pxs_log(w->log, PXS_LOG_ERROR, "%s", err.message);
    free(r);
}
