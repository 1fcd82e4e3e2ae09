/* Records of a run into rows, together with the offset they came from. */
#include "store_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One call of pxs_store_intake. */
struct intake {
    struct pxs_store *s;
    int64_t attempt_id, run_id;
    struct pxs_record_cursor *cursor;
    struct pxs_record *record; /* the one in hand */
    struct pxs_summary summary;
};

/* ---- one record ----------------------------------------------------------------------------- */

enum pxs_status pxs_store_put_environment(struct pxs_store *s, int64_t attempt_id, char *text,
                                          struct pxs_error *err) {
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, '=');
        if (!value)
            return pxs_fail(err, PXS_E_CORRUPT, "a line of the environment has no '=': %.80s",
                            line);
        *value++ = '\0';
        PXS_TRY(pxs_store_run_stmt(
            s, PXS_ST_ENVIRONMENT_SET,
            PXS_ARGS(pxs_cell_int(attempt_id), pxs_cell_text(line), pxs_cell_text(value)), err));
    }
    return PXS_OK;
}

/* The row of the attempt that begins: that of its process, since numbers may have been given twice
 * while the database could not be written; else that of its number. */
static enum pxs_status begun_attempt(struct intake *in, const struct pxs_record_begin *r,
                                     int64_t *attempt_id, struct pxs_error *err) {
    struct pxs_store_attempt process;
    pxs_store_begun(r, &process);
    PXS_TRY(pxs_store_attempt_of(in->s, in->run_id, &process, attempt_id, err));
    if (!*attempt_id)
        PXS_TRY(pxs_store_int(in->s, PXS_ST_ATTEMPT_BY_NO,
                              PXS_ARGS(pxs_cell_int(in->run_id), pxs_cell_int(r->attempt)), 0,
                              attempt_id, err));
    if (!*attempt_id)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "attempt %lld begins here, which the database does not know",
                        (long long)r->attempt);
    if (process.pid == 0)
        return PXS_OK;
    return pxs_store_run_stmt(
        in->s, PXS_ST_ATTEMPT_SET_PROCESS,
        PXS_ARGS(pxs_cell_int(*attempt_id), pxs_cell_text_or_null(process.host),
                 pxs_cell_text_or_null(process.boot_id), pxs_cell_int(process.pid),
                 pxs_cell_int_or_null(process.pid_start)),
        err);
}

static enum pxs_status put_begin(struct intake *in, struct pxs_record_begin *r,
                                 struct pxs_error *err) {
    int64_t attempt_id, step = r->resumed_from_step < 0 ? -1 : r->resumed_from_step;
    PXS_TRY(begun_attempt(in, r, &attempt_id, err));
    PXS_TRY(pxs_store_forget(in->s, in->run_id, step, err));
    PXS_TRY(pxs_summary_load(in->s, in->run_id, &in->summary, err));
    PXS_TRY(pxs_store_run_stmt(in->s, PXS_ST_ATTEMPT_BEGUN,
                               PXS_ARGS(pxs_cell_int(attempt_id), pxs_cell_int(step)), err));
    return pxs_store_put_environment(in->s, attempt_id, r->text, err);
}

static enum pxs_status put_batch(struct intake *in, const struct pxs_record_batch *r,
                                 struct pxs_error *err) {
#define LOSS(name, ...) pxs_cell_real(r->losses.name),
#define OTHER(name, ...) pxs_cell_real(r->name),
    const struct pxs_cell row[] = {pxs_cell_int(in->run_id), pxs_cell_int(r->step),
                                   pxs_cell_int(r->epoch), pxs_cell_int(r->batch),
                                   PXS_LOSSES(LOSS) PXS_BATCH_OTHERS(OTHER)};
#undef LOSS
#undef OTHER
    pxs_summary_batch(&in->summary, r->step, r->seconds);
    return pxs_store_run_stmt(in->s, PXS_ST_BATCH_PUT, row, PXS_COUNT(row), err);
}

static enum pxs_status put_epoch(struct intake *in, const struct pxs_record_epoch *r,
                                 struct pxs_error *err) {
#define VALUE(name, ...) pxs_cell_real(r->name),
    const struct pxs_cell row[] = {pxs_cell_int(in->run_id), pxs_cell_int(r->epoch),
                                   pxs_cell_int(r->is_best != 0), PXS_EPOCH_MEASURES(VALUE)};
#undef VALUE
    in->summary.again = true;
    return pxs_store_run_stmt(in->s, PXS_ST_EPOCH_PUT, row, PXS_COUNT(row), err);
}

/* The rows of the record in hand. */
static enum pxs_status put(struct intake *in, struct pxs_error *err) {
    struct pxs_record *r = in->record;
    const struct pxs_cell run = pxs_cell_int(in->run_id);
    switch (r->kind) {
    case PXS_RECORD_BEGIN:
        return put_begin(in, &r->begin, err);
    case PXS_RECORD_BATCH:
        return put_batch(in, &r->batch, err);
    case PXS_RECORD_EPOCH:
        return put_epoch(in, &r->epoch, err);
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        return pxs_store_run_stmt(
            in->s, r->kind == PXS_RECORD_SAMPLE ? PXS_ST_SAMPLE_PUT : PXS_ST_BEST_SAMPLE_PUT,
            PXS_ARGS(run, pxs_cell_int(r->sample.step), pxs_cell_int(r->sample.epoch),
                     pxs_cell_text(r->sample.path), pxs_cell_text(r->sample.sha256)),
            err);
    case PXS_RECORD_CHECKPOINT: {
        const struct pxs_record_checkpoint *c = &r->checkpoint;
        return pxs_store_run_stmt(in->s, PXS_ST_CHECKPOINT_PUT,
                                  PXS_ARGS(run, pxs_cell_text(c->path), pxs_cell_int(c->epoch),
                                           pxs_cell_text(c->kind), pxs_cell_text(c->net),
                                           pxs_cell_text(c->sha256), pxs_cell_int(c->bytes)),
                                  err);
    }
    case PXS_RECORD_EVENT: {
        const char *level = pxs_level_name((enum pxs_log_level)r->event.level);
        return pxs_store_run_stmt(in->s, PXS_ST_EVENT_ADD,
                                  PXS_ARGS(run, pxs_cell_int(r->event.at_ms), pxs_cell_text(level),
                                           pxs_cell_text(r->event.kind),
                                           pxs_cell_text(r->event.message)),
                                  err);
    }
    case PXS_RECORD_END: {
        const enum pxs_run_state outcome = pxs_outcome_state((enum pxs_outcome)r->end.outcome);
        return pxs_store_run_stmt(
            in->s, PXS_ST_ATTEMPT_OUTCOME,
            PXS_ARGS(run, pxs_cell_state(outcome), pxs_cell_text_or_null(r->end.message)), err);
    }
    case PXS_RECORD_RUNG:
        return pxs_store_run_stmt(in->s, PXS_ST_RUNG_PUT,
                                  PXS_ARGS(run, pxs_cell_int(r->rung.epoch),
                                           pxs_cell_real(r->rung.value),
                                           pxs_cell_real(r->rung.cutoff),
                                           pxs_cell_text(r->rung.go_on ? "go_on" : "pruned")),
                                  err);
    }
    return pxs_fail(err, PXS_E_INTERNAL, "record of kind %d", (int)r->kind);
}

/* ---- many records --------------------------------------------------------------------------- */

/* Puts the record in hand and those behind it, up to `max`. Damage ends it: the next call starts
 * there and says so. */
static enum pxs_status put_many(struct intake *in, size_t max, size_t *n, struct pxs_error *err) {
    bool more = true;
    int64_t at = pxs_record_cursor_offset(in->cursor);
    *n = 0;
    while (more) {
        enum pxs_status status = put(in, err);
        if (status != PXS_OK) {
            pxs_error_prefix(err, "%s, record before byte %lld", pxs_record_cursor_path(in->cursor),
                             (long long)at);
            return status;
        }
        ++*n;
        if (*n == max || pxs_record_next(in->cursor, in->record, &more, NULL) != PXS_OK)
            break;
        at = pxs_record_cursor_offset(in->cursor);
    }
    return PXS_OK;
}

enum pxs_status pxs_store_put_records(struct pxs_store *s, int64_t run_id, pxs_store_next_fn next,
                                      void *user, struct pxs_error *err) {
    struct pxs_record *record = malloc(sizeof *record);
    if (!record)
        return pxs_fail_nomem(err);
    struct intake in = {.s = s, .run_id = run_id, .record = record};
    enum pxs_status status = pxs_summary_load(s, run_id, &in.summary, err);
    while (status == PXS_OK) {
        bool more;
        status = next(user, record, &more, err);
        if (status != PXS_OK)
            break;
        if (!more) {
            status = pxs_summary_save(s, &in.summary, err);
            break;
        }
        status = put(&in, err);
    }
    free(record);
    return status;
}

/* One transaction: the record in hand and those behind it, the summary, and how far the file is
 * ingested. */
static enum pxs_status put_all(struct intake *in, size_t max, size_t *n, struct pxs_error *err) {
    PXS_TRY(pxs_store_int(in->s, PXS_ST_ATTEMPT_RUN, PXS_ARGS(pxs_cell_int(in->attempt_id)), 0,
                          &in->run_id, err));
    if (!in->run_id)
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no attempt %lld",
                        (long long)in->attempt_id);
    PXS_TRY(pxs_summary_load(in->s, in->run_id, &in->summary, err));
    PXS_TRY(put_many(in, max, n, err));
    PXS_TRY(pxs_summary_save(in->s, &in->summary, err));
    return pxs_store_run_stmt(in->s, PXS_ST_ATTEMPT_OFFSET,
                              PXS_ARGS(pxs_cell_int(in->attempt_id),
                                       pxs_cell_int(pxs_record_cursor_offset(in->cursor)),
                                       pxs_cell_int(pxs_now_ms())),
                              err);
}

enum pxs_status pxs_store_intake(struct pxs_store *s, int64_t attempt_id,
                                 struct pxs_record_cursor *cursor, size_t max, size_t *taken,
                                 struct pxs_error *err) {
    const int64_t from = pxs_record_cursor_offset(cursor);
    size_t n = 0;
    bool more = false;
    struct pxs_record *record = malloc(sizeof *record);
    if (!record)
        return pxs_fail_nomem(err);
    struct intake in = {.s = s, .attempt_id = attempt_id, .cursor = cursor, .record = record};

    /* The lock is asked for only where there is a record. */
    enum pxs_status status = max > 0 ? pxs_record_next(cursor, record, &more, err) : PXS_OK;
    if (status != PXS_OK)
        goto out;
    if (more) {
        status = pxs_store_begin(s, err);
        if (status == PXS_OK)
            status = pxs_store_end(s, put_all(&in, max, &n, err), err);
        if (status != PXS_OK) {
            pxs_record_cursor_seek(cursor, from);
            goto out;
        }
    }
    if (taken)
        *taken = n;
out:
    free(record);
    return status;
}
