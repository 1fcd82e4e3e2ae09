/* What a run's folder tells without a database: which run it is of, how far it got, and whether a
 * process is at work in it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/rundir.h"
#include "pixsweep/config.h"
#include "pixsweep/rundir/claim.h"

enum { CONFIG_MAX = 1 << 20, NUMBER_DIGITS = 9 };

/* ---- records -------------------------------------------------------------------------------- */

static struct pxs_run_records_attempt *last_of(struct pxs_run_records *f) {
    return f->n > 0 ? &f->attempts[f->n - 1] : NULL;
}

static enum pxs_status see_begin(struct pxs_run_records *f, const struct pxs_record_begin *r,
                                 int64_t at, struct pxs_error *err) {
    struct pxs_run_records_attempt *more = realloc(f->attempts, (f->n + 1) * sizeof *more);
    if (!more)
        return pxs_fail_nomem(err);
    f->attempts = more;
    struct pxs_run_records_attempt *before = last_of(f);
    if (before && before->ended_ms == 0)
        before->ended_ms = r->at_ms;
    struct pxs_run_records_attempt *a = &f->attempts[f->n++];
    memset(a, 0, sizeof *a);
    pxs_store_begun(r, &a->row);
    a->began = true;
    a->at = at;
    f->steps = r->resumed_from_step > 0 ? r->resumed_from_step : 0;
    a->line = pxs_ends_find(&f->ends, &a->row);
    char seed[32];
    pxs_line_value(r->text, "config_hash", f->config_hash, sizeof f->config_hash);
    if (pxs_line_value(r->text, "seed", seed, sizeof seed))
        f->seed_known = pxs_parse_int(seed, &f->seed);
    return PXS_OK;
}

static enum pxs_status see(struct pxs_run_records *f, const struct pxs_record *r, int64_t at,
                           struct pxs_error *err) {
    struct pxs_run_records_attempt *a = last_of(f);
    if (r->kind == PXS_RECORD_BEGIN)
        return see_begin(f, &r->begin, at, err);
    if (r->kind == PXS_RECORD_BATCH && r->batch.step >= f->steps)
        f->steps = r->batch.step + 1;
    if (r->kind == PXS_RECORD_EVENT && r->event.level == PXS_LOG_INFO &&
        strcmp(r->event.kind, PXS_EVENT_SHORTER) == 0)
        f->shorter = true;
    if (r->kind == PXS_RECORD_END && a) {
        a->ended = true;
        a->outcome = (enum pxs_outcome)r->end.outcome;
        a->ended_ms = r->end.at_ms;
        snprintf(a->message, sizeof a->message, "%s", r->end.message);
    }
    return PXS_OK;
}

/* The run's number of epochs bounds its records, where config.yaml is the one that they were made
 * with. */
static void read_bounds(const char *dir, const struct pxs_run_records *f,
                        struct pxs_record_order *order) {
    struct pxs_folder *folder = malloc(sizeof *folder);
    struct pxs_error ignored;
    order->n_epochs = 0;
    if (folder && pxs_folder_read(dir, folder, &ignored) == PXS_OK) {
        if (strcmp(folder->config_hash, f->config_hash) == 0) {
            order->n_epochs = folder->params.n_epochs;
            order->stops_early = folder->params.early_stop_patience > 0;
        }
        pxs_folder_finish(folder);
    }
    free(folder);
}

/* A cursor's offset before its first record is the file's beginning or the first record; both open
 * a cursor there. */
static enum pxs_status read_all(const char *dir, struct pxs_run_records *f,
                                struct pxs_record_cursor *cursor, struct pxs_error *err) {
    struct pxs_record_order order = {0};
    char why[PXS_RECORD_WHY];
    struct pxs_record *r = malloc(sizeof *r);
    enum pxs_status status = r ? PXS_OK : pxs_fail_nomem(err);
    bool more = r;
    while (more && status == PXS_OK) {
        int64_t at = pxs_record_cursor_offset(cursor);
        struct pxs_error damage;
        if (pxs_record_next(cursor, r, &more, &damage) != PXS_OK) {
            snprintf(f->damage, sizeof f->damage, "%.500s", damage.message);
            break;
        }
        if (more && !pxs_record_follows(&order, r, why)) {
            snprintf(f->damage, sizeof f->damage,
                     "%.300s, byte %lld: a record of kind %d cannot stand here: %s",
                     pxs_record_cursor_path(cursor), (long long)at, (int)r->kind, why);
            pxs_record_cursor_seek(cursor, at);
            break;
        }
        if (more)
            status = see(f, r, at, err);
        if (more && status == PXS_OK && r->kind == PXS_RECORD_BEGIN)
            read_bounds(dir, f, &order);
    }
    f->bytes = pxs_record_cursor_offset(cursor);
    free(r);
    return status;
}

/* Attempts that have a line of ends.txt and no BEGIN record: their worker ended before it, or a
 * later attempt has cut it off. */
static enum pxs_status add_unrecorded(struct pxs_run_records *f, struct pxs_error *err) {
    struct pxs_run_records_attempt *more =
        realloc(f->attempts, (f->n + f->ends.n + 1) * sizeof *more);
    if (!more)
        return pxs_fail_nomem(err);
    f->attempts = more;
    for (size_t i = 0; i < f->ends.n; i++) {
        const struct pxs_ended *line = &f->ends.of[i];
        size_t at = 0;
        bool there = line->end.outcome == PXS_STATE_NONE;
        for (size_t k = 0; k < f->n; k++) {
            there = there || pxs_same_attempt(&f->attempts[k].row, &line->attempt);
            at = f->attempts[k].row.no <= line->attempt.no ? k + 1 : at;
        }
        if (there)
            continue;
        memmove(&f->attempts[at + 1], &f->attempts[at], (f->n - at) * sizeof *f->attempts);
        f->attempts[at] = (struct pxs_run_records_attempt){.row = line->attempt, .line = line};
        f->n++;
    }
    return PXS_OK;
}

enum pxs_status pxs_run_records_read(const char *dir, struct pxs_run_records *out,
                                     struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_error why;
    struct stat info;
    memset(out, 0, sizeof *out);
    if (!pxs_path_join(path, sizeof path, dir, PXS_RECORDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    if (pxs_ends_read(dir, &out->ends, &why) != PXS_OK)
        out->ends.n = 0; /* then the records alone say how attempts ended */
    enum pxs_status status = pxs_record_cursor_open(path, 0, &cursor, &why);
    out->newer = status == PXS_E_UNSUPPORTED;
    if (status == PXS_E_CORRUPT || status == PXS_E_UNSUPPORTED || status == PXS_E_INVALID)
        snprintf(out->damage, sizeof out->damage, "%.500s", why.message);
    else if (status != PXS_OK && status != PXS_E_NOT_FOUND)
        return pxs_fail(err, status, "%s", why.message);
    if (status == PXS_OK) {
        status = read_all(dir, out, cursor, err);
        pxs_record_cursor_close(&cursor);
        PXS_TRY(status);
        if (!out->damage[0] && stat(path, &info) == 0 && info.st_size > out->bytes)
            out->torn = (int64_t)info.st_size - out->bytes;
    }
    return add_unrecorded(out, err);
}

void pxs_run_records_finish(struct pxs_run_records *found) {
    free(found->attempts);
    pxs_ends_finish(&found->ends);
    memset(found, 0, sizeof *found);
}

enum pxs_status pxs_found_check(const struct pxs_run_records *found, const char *dir,
                                const char *config_hash, int64_t seed, struct pxs_error *err) {
    if (found->config_hash[0] && strcmp(found->config_hash, config_hash) != 0)
        return pxs_fail(err, PXS_E_EXISTS,
                        "its folder %s holds records of another configuration (config_hash "
                        "%.12s..., this run's is %.12s...): move that folder away",
                        dir, found->config_hash, config_hash);
    if (found->seed_known && found->seed != seed)
        return pxs_fail(
            err, PXS_E_EXISTS,
            "its folder %s holds records of another seed (%lld, this run's is %lld): put the "
            "run's own " PXS_RECORDS_FILE " back, or move that folder away",
            dir, (long long)found->seed, (long long)seed);
    return PXS_OK;
}

const struct pxs_store_end *pxs_run_records_end(const struct pxs_run_records_attempt *a) {
    if (!a->line || a->line->end.outcome == PXS_STATE_NONE)
        return NULL;
    const struct pxs_store_end *end = &a->line->end;
    bool needs_record = pxs_state_is_final(end->outcome) || pxs_state_is_done(end->outcome);
    if (needs_record && (!a->ended || pxs_outcome_state(a->outcome) != end->outcome))
        return NULL;
    return end;
}

enum pxs_run_state pxs_run_records_state(const struct pxs_run_records *found) {
    if (found->n == 0)
        return PXS_STATE_NEW;
    const struct pxs_run_records_attempt *last = &found->attempts[found->n - 1];
    const struct pxs_store_end *end = pxs_run_records_end(last);
    if (end)
        return end->state;
    return last->ended ? pxs_outcome_state(last->outcome) : PXS_STATE_INTERRUPTED;
}

const struct pxs_run_records_attempt *
pxs_run_records_last_begun(const struct pxs_run_records *found) {
    for (size_t i = found->n; i-- > 0;)
        if (found->attempts[i].began)
            return &found->attempts[i];
    return NULL;
}

int64_t pxs_run_records_last_no(const struct pxs_run_records *found) {
    int64_t no = 0;
    for (size_t i = 0; i < found->n; i++)
        no = found->attempts[i].row.no > no ? found->attempts[i].row.no : no;
    return no;
}

/* ---- which run it is of --------------------------------------------------------------------- */

bool pxs_folder_numbers(const char *base, int64_t *number, int64_t *seed) {
    static const char allowed[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._=-";
    char digits[32];
    size_t n = strspn(base, "0123456789");
    const char *tail = strrchr(base, '-');
    if (n == 0 || n > NUMBER_DIGITS || base[n] != '-' || !tail ||
        base[strspn(base, allowed)] != '\0')
        return false;
    memcpy(digits, base, n);
    digits[n] = '\0';
    /* A negative seed leaves "-s-3". */
    if (tail > base && tail[-1] == 's' && tail[1] && tail - 2 >= base && tail[-2] == '-')
        tail -= 2;
    return tail[1] == 's' && pxs_parse_int(digits, number) && pxs_parse_int(tail + 2, seed);
}

/* Names become folders on this machine, so only those that an experiment file may have are
 * accepted: the folder may come from another one. */
static enum pxs_status read_head(struct pxs_folder *f, struct pxs_run_config_head *head,
                                 struct pxs_error *err) {
    pxs_run_config_read_head(f->yaml, head);
    const char *slash = strrchr(head->name, '/');
    struct pxs_text shown = {0};
    int64_t seed;
    if (!slash || !head->data_hash[0])
        return pxs_fail(err, PXS_E_INVALID,
                        "%s/" PXS_CONFIG_FILE
                        " is none that `pixsweep run` wrote: its first lines do not name the run",
                        f->dir);
    snprintf(f->name, sizeof f->name, "%s", head->name);
    snprintf(f->sweep, sizeof f->sweep, "%.*s", (int)(slash - head->name), head->name);
    if ((size_t)(slash - head->name) < sizeof f->sweep && pxs_name_allowed(f->sweep) &&
        pxs_folder_numbers(slash + 1, &f->number, &seed))
        return PXS_OK;
    pxs_text_add_quoted(&shown, head->name);
    enum pxs_status status =
        pxs_fail(err, PXS_E_INVALID,
                 "%s/" PXS_CONFIG_FILE " names its run %s, which is no run's name "
                 "(SWEEP/NUMBER-WHAT-sSEED): put the name back that it was made with",
                 f->dir, pxs_text_str(&shown));
    pxs_text_finish(&shown);
    return status;
}

static enum pxs_status read_identity(struct pxs_folder *f, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    size_t bytes;
    struct pxs_run_config_head head;
    struct pxs_params_content content = {0};
    if (!pxs_path_join(path, sizeof path, f->dir, PXS_CONFIG_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", f->dir);
    enum pxs_status status =
        pxs_read_beneath(f->dir, PXS_CONFIG_FILE, CONFIG_MAX, &f->yaml, &bytes, err);
    if (status == PXS_E_NOT_FOUND)
        return pxs_fail(err, status,
                        "%s has no " PXS_CONFIG_FILE
                        ", which tells whose records these are: put it back (the "
                        "database that the run was made with has its text in run.config_yaml)",
                        f->dir);
    PXS_TRY(status);
    PXS_TRY(read_head(f, &head, err));
    PXS_TRY(pxs_run_config_read(path, &f->params, f->spec_hash, NULL, err));
    memcpy(content.dataset, head.data_hash, sizeof content.dataset);
    memcpy(content.init_from, head.weights_hash, sizeof content.init_from);
    return pxs_params_identity(&f->params, &content, f->config_hash, err);
}

enum pxs_status pxs_folder_read(const char *dir, struct pxs_folder *out, struct pxs_error *err) {
    memset(out, 0, sizeof *out);
    if (!pxs_path_absolute(out->dir, sizeof out->dir, dir))
        return pxs_fail(err, PXS_E_INVALID, "the path %.100s... is too long", dir);
    enum pxs_status status = read_identity(out, err);
    if (status != PXS_OK)
        pxs_folder_finish(out);
    return status;
}

void pxs_folder_finish(struct pxs_folder *folder) {
    free(folder->yaml);
    folder->yaml = NULL;
}

/* ---- whether a process is at work in it ----------------------------------------------------- */

static enum pxs_status lock(const char *dir, bool take, struct pxs_folder_locks *locks,
                            struct pxs_error *err) {
    char guard[PXS_PATH_MAX], worker[PXS_PATH_MAX];
    struct pxs_claim_owner me;
    *locks = (struct pxs_folder_locks){.guard = {.fd = -1}, .worker = {.fd = -1}};
    if (!pxs_path_join(guard, sizeof guard, dir, PXS_GUARD_FILE) ||
        !pxs_path_join(worker, sizeof worker, dir, PXS_WORKER_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    const bool writable = access(dir, W_OK | X_OK) == 0;
    enum pxs_status status = PXS_OK;
    if (writable) {
        status = pxs_lock_take(&locks->guard, guard, false, err);
        locks->supervised = status == PXS_E_BUSY;
        PXS_TRY(status);
        status = pxs_lock_take(&locks->worker, worker, false, err);
    }
    if (status == PXS_OK && writable && take) {
        pxs_claim_owner_here(PXS_CLAIM_BRIEF, 0, &me);
        status = pxs_claim_take(dir, &me, &locks->claim, err);
        locks->claimed = status == PXS_E_BUSY;
        if (status != PXS_OK && status != PXS_E_BUSY)
            status = PXS_OK; /* where there is no room for a claim, others cannot take one, too */
    }
    if (status == PXS_OK && !locks->claim.path[0]) {
        status = pxs_claim_look(dir, err);
        locks->claimed = status == PXS_E_BUSY;
    }
    if (status != PXS_OK)
        pxs_folder_unlock(locks);
    return status;
}

enum pxs_status pxs_folder_lock(const char *dir, struct pxs_folder_locks *locks,
                                struct pxs_error *err) {
    return lock(dir, true, locks, err);
}

enum pxs_status pxs_folder_look(const char *dir, struct pxs_folder_locks *locks,
                                struct pxs_error *err) {
    return lock(dir, false, locks, err);
}

void pxs_folder_unlock(struct pxs_folder_locks *locks) {
    pxs_claim_release(&locks->claim);
    pxs_lock_release(&locks->worker);
    pxs_lock_release(&locks->guard);
}
