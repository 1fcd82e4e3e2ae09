/* Submission, once: the folder says what was asked for before it is asked, and a request without an
 * answer is looked up before the next. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher_priv.h"

#define MOST_BYTES (4u << 20) /* of the file `submission` */
#define MOST_JOBS 1000000

/* ---- the file ------------------------------------------------------------------------------- */

static const char *const state_words[] = {[PXS_SUBMISSION_NONE] = "later",
                                          [PXS_SUBMISSION_UNKNOWN] = "unknown",
                                          [PXS_SUBMISSION_ACCEPTED] = "accepted",
                                          [PXS_SUBMISSION_REFUSED] = "refused"};

static bool is_id(const char *text) {
    if (!text[0] || text[0] == '-')
        return false;
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 127)
            return false;
    return true;
}

static enum pxs_status write_submission(const char *dir, const struct pxs_submission *sub,
                                        struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_text text = {0};
    pxs_text_addf(&text, "%s %s\ncount %lld\n", state_words[sub->state], sub->name,
                  (long long)sub->count);
    for (size_t i = 0; i < sub->n_ids; i++)
        pxs_text_addf(&text, "id %s\n", sub->ids[i]);
    enum pxs_status status;
    if (text.failed)
        status = pxs_fail_nomem(err);
    else if (!pxs_path_join(path, sizeof path, dir, "submission"))
        status = pxs_fail(err, PXS_E_INVALID, "the path of %s is too long", dir);
    else
        status = pxs_write_file(path, text.text, text.len, err);
    pxs_text_finish(&text);
    return status;
}

/* Cuts `text` into `out`; false where it is not what write_submission writes. */
static bool parse_submission(char *text, struct pxs_submission *out) {
    size_t most = 0, state = 0;
    for (const char *c = text; *c; c++)
        most += *c == '\n';
    const char **ids = pxs_arena_alloc(&out->arena, (most + 1) * sizeof *ids);
    char *name = strchr(text, ' '), *end = strchr(text, '\n');
    if (!ids || !name || !end || name > end)
        return false;
    *name++ = *end++ = '\0';
    while (state < PXS_COUNT(state_words) && strcmp(text, state_words[state]) != 0)
        state++;
    char *count = end;
    if (state == PXS_COUNT(state_words) || !is_id(name) || strncmp(count, "count ", 6) != 0 ||
        !(end = strchr(count, '\n')))
        return false;
    *end++ = '\0';
    if (!pxs_parse_int(count + 6, &out->count) || out->count < 1)
        return false;
    for (char *line = end; *line; line = end) {
        if (strncmp(line, "id ", 3) != 0 || !(end = strchr(line, '\n')))
            return false;
        *end++ = '\0';
        if (!is_id(line + 3))
            return false;
        ids[out->n_ids++] = line + 3;
    }
    out->state = (enum pxs_submission_state)state;
    out->name = name;
    out->ids = ids;
    return true;
}

enum pxs_status pxs_submission_read(const char *dir, struct pxs_submission *out,
                                    struct pxs_error *err) {
    char path[PXS_PATH_MAX], *bytes;
    size_t n;
    struct pxs_submission sub = {0};
    if (!pxs_path_join(path, sizeof path, dir, "submission"))
        return pxs_fail(err, PXS_E_INVALID, "the path of %s is too long", dir);
    const enum pxs_status status = pxs_read_file(path, MOST_BYTES, &bytes, &n, err);
    if (status == PXS_E_NOT_FOUND) {
        *out = sub;
        return PXS_OK;
    }
    PXS_TRY(status);
    char *text = pxs_arena_strdup(&sub.arena, bytes);
    free(bytes);
    if (!text) {
        pxs_arena_finish(&sub.arena);
        return pxs_fail_nomem(err);
    }
    if (!parse_submission(text, &sub)) {
        pxs_arena_finish(&sub.arena);
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s cannot be understood: where no job of it lives any more (squeue, or ps "
                        "on the hosts), remove it and submit again",
                        path);
    }
    *out = sub;
    return PXS_OK;
}

void pxs_submission_finish(struct pxs_submission *sub) {
    pxs_arena_finish(&sub->arena);
    *sub = (struct pxs_submission){0};
}

/* ---- looking for jobs of a request without an answer ---------------------------------------- */

/* Seconds since the file `submission` was written, by the clock of the disk that it is on. */
static enum pxs_status age_of(const char *dir, double *out, struct pxs_error *err) {
    char path[PXS_PATH_MAX], clock[PXS_PATH_MAX];
    struct stat then, now;
    if (!pxs_path_join(path, sizeof path, dir, "submission") ||
        !pxs_path_join(clock, sizeof clock, dir, ".clock.XXXXXX"))
        return pxs_fail(err, PXS_E_INVALID, "the path of %s is too long", dir);
    const int fd = mkstemp(clock);
    if (fd < 0)
        return pxs_fail_errno(err, "cannot write into %s", dir);
    const bool ok = fstat(fd, &now) == 0 && stat(path, &then) == 0;
    const enum pxs_status status = ok ? PXS_OK : pxs_fail_errno(err, "cannot look at %s", path);
    close(fd);
    unlink(clock);
    if (ok)
        *out = (double)(now.st_mtim.tv_sec - then.st_mtim.tv_sec) +
               (double)(now.st_mtim.tv_nsec - then.st_mtim.tv_nsec) / 1e9;
    return status;
}

/* Whether jobs of `sub`, whose state is UNKNOWN, are there or were: ACCEPTED, or NONE. PXS_E_BUSY
 * while that cannot be known. */
static enum pxs_status look_for(const struct pxs_launcher *l, struct pxs_submission *sub,
                                struct pxs_error *err) {
    const double settle = l->settle_seconds > 0 ? l->settle_seconds : PXS_SETTLE_SECONDS;
    struct pxs_launched_list found = {0};
    char started[PXS_PATH_MAX];
    double age = 0;
    /* The order counts: what is on its way for longer than this shows in the answer. */
    PXS_TRY(age_of(l->dir, &age, err));
    enum pxs_status status = pxs_launcher_alive(l, sub->name, &found, err);
    if (status == PXS_E_BUSY)
        return pxs_error_prefix(err, "whether submission %s was accepted is not known yet",
                                sub->name);
    PXS_TRY(status);
    const size_t n = found.n;
    pxs_launched_finish(&found);
    if (!pxs_path_join(started, sizeof started, l->dir, "started"))
        return pxs_fail(err, PXS_E_INVALID, "the path of %s is too long", l->dir);
    if (n > 0 || access(started, F_OK) == 0) {
        sub->state = PXS_SUBMISSION_ACCEPTED;
        return write_submission(l->dir, sub, err);
    }
    if (age < settle)
        return pxs_fail(err, PXS_E_BUSY,
                        "whether submission %s was accepted is not known yet: no job of that name "
                        "shows, but one may be on its way for %.0f s more",
                        sub->name, settle - age < 1 ? 1.0 : settle - age);
    sub->state = PXS_SUBMISSION_NONE;
    return PXS_OK;
}

/* ---- submit --------------------------------------------------------------------------------- */

/* A name that no other submission has; characters that Slurm's or a shell's lists split at are
 * replaced. */
static char *new_name(const char *sweep, struct pxs_arena *arena) {
    uint64_t nonce;
    if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
        return NULL;
    char *name =
        pxs_arena_printf(arena, "pixsweep-%.40s-%016llx", sweep, (unsigned long long)nonce);
    for (char *c = name; c && *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c))
            *c = '-';
    return name;
}

static enum pxs_status write_job_script(const struct pxs_launcher *l, const char *name,
                                        struct pxs_error *err) {
    struct pxs_text text = {0};
    pxs_launcher_job_script(l, name, &text);
    const enum pxs_status status =
        text.failed ? pxs_fail_nomem(err)
                    : pxs_write_executable(l->dir, "job.sh", text.text, text.len, err);
    pxs_text_finish(&text);
    return status;
}

/* The ids that the launcher printed, into `sub`. */
static enum pxs_status parse_ids(struct pxs_call *c, struct pxs_submission *sub,
                                 struct pxs_error *err) {
    size_t most = 1, n = 0;
    char *rest = NULL, *line;
    for (size_t i = 0; i < c->said.len; i++)
        most += c->said.text[i] == '\n';
    const char **ids = pxs_arena_alloc(&sub->arena, most * sizeof *ids);
    if (!ids)
        return pxs_fail_nomem(err);
    while ((line = pxs_call_line(c, &rest))) {
        if (!is_id(line))
            return pxs_fail(err, PXS_E_BUSY,
                            "launcher: submit printed \"%.200s\", which is no id (%s/launcher)",
                            line, c->dir);
        if (!(ids[n++] = pxs_arena_strdup(&sub->arena, line)))
            return pxs_fail_nomem(err);
    }
    if (n == 0)
        return pxs_fail(err, PXS_E_BUSY, "launcher: submit printed no id (%s/launcher)", c->dir);
    sub->ids = ids;
    sub->n_ids = n;
    return PXS_OK;
}

/* Asks, under a new name; the folder says so before. */
static enum pxs_status submit_new(const struct pxs_launcher *l, int64_t count,
                                  struct pxs_submission *sub, struct pxs_error *err) {
    const double seconds = l->submit_seconds > 0 ? l->submit_seconds : PXS_SUBMIT_SECONDS;
    struct pxs_error why = {.message = ""};
    struct pxs_call c = {0};
    *sub = (struct pxs_submission){.count = count, .arena = sub->arena};
    sub->name = new_name(l->sweep, &sub->arena);
    const char *number = pxs_arena_printf(&sub->arena, "%lld", (long long)count);
    if (!sub->name || !number)
        return pxs_fail_nomem(err);
    const char *const arguments[] = {"submit", l->dir, number, NULL};
    struct pxs_submission asked = *sub;
    asked.state = PXS_SUBMISSION_UNKNOWN;
    PXS_TRY(write_job_script(l, sub->name, err));
    PXS_TRY(write_submission(l->dir, &asked, err));
    sub->state = PXS_SUBMISSION_UNKNOWN;
    enum pxs_status status = pxs_call(l, sub->name, arguments, seconds, &c, &why);
    const int code = pxs_call_code(&c);
    if (status != PXS_OK) {
        sub->state = PXS_SUBMISSION_NONE; /* it was not even started */
    } else if (code == PXS_EXIT_REFUSED) {
        sub->state = PXS_SUBMISSION_REFUSED;
        status = pxs_call_check(&c, PXS_E_INVALID, &why);
    } else if (code == PXS_EXIT_LATER) {
        sub->state = PXS_SUBMISSION_NONE;
        status = pxs_call_check(&c, PXS_E_BUSY, &why);
    } else {
        status = pxs_call_check(&c, PXS_E_BUSY, &why);
        if (status == PXS_OK)
            status = parse_ids(&c, sub, &why);
        if (status == PXS_OK)
            sub->state = PXS_SUBMISSION_ACCEPTED;
        else if (status == PXS_E_BUSY)
            pxs_error_prefix(&why, "whether submission %s was accepted is not known yet",
                             sub->name);
    }
    pxs_call_finish(&c);
    /* Also where nothing is known: its age counts from the end of the call. */
    PXS_TRY(write_submission(l->dir, sub, err));
    if (status != PXS_OK && err)
        *err = why;
    return status;
}

enum pxs_status pxs_launcher_submit(const struct pxs_launcher *l, int64_t count,
                                    struct pxs_submission *out, struct pxs_error *err) {
    struct pxs_submission sub = {0};
    if (count < 1 || count > MOST_JOBS)
        return pxs_fail(err, PXS_E_INVALID, "launcher: %lld jobs: give 1 to %d", (long long)count,
                        MOST_JOBS);
    PXS_TRY(pxs_submission_read(l->dir, &sub, err));
    enum pxs_status status = PXS_OK;
    if (sub.state == PXS_SUBMISSION_UNKNOWN)
        status = look_for(l, &sub, err);
    if (status == PXS_OK && sub.state != PXS_SUBMISSION_ACCEPTED)
        status = submit_new(l, count, &sub, err);
    *out = sub;
    return status;
}
