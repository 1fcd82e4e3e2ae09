/* loss_time.txt and list_loss.txt: which run and epoch their values belong to. Neither file says
 * so, and both are appended to by every run, so that order and values must do. What is not sure is
 * left out: a wrong loss is worse than none. */
#include "lab_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AHEAD 1000 /* averages that may belong to nothing before one that does */

/* ---- values of a file ----------------------------------------------------------------------- */

/* A line of list_loss.txt. */
struct dictionary {
    struct pxs_lab_point *points;
    size_t n;
    int64_t line;
    int64_t run; /* -1: fits none; -2: fits several */
};
struct lists {
    double *averages;
    size_t n_averages;
    struct dictionary *dictionaries;
    size_t n_dictionaries;
};

/* What a line of either file says goes into `l`; a line that cannot be read is noted. */
static enum pxs_status read_line(struct pxs_lab_log *log, struct lists *l, const char *file,
                                 const struct pxs_lab_line *line, int64_t *bad,
                                 struct pxs_error *err) {
    char why[PXS_LAB_WHY] = "far too long";
    struct pxs_lab_point *points = NULL;
    double average;
    size_t n;
    log->lines++;
    const bool averages = strcmp(file, PXS_LAB_AVERAGES) == 0;
    if (line->too_long ||
        !(averages ? pxs_lab_parse_average(line->text, line->bytes, &average, why)
                   : pxs_lab_parse_validation(line->text, line->bytes, &points, &n, why))) {
        pxs_lab_unreadable(log, file, line, why, bad);
        return PXS_OK;
    }
    if (averages) {
        double *grown = pxs_lab_grow(l->averages, l->n_averages, sizeof *grown);
        if (!grown)
            return pxs_fail_nomem(err);
        l->averages = grown;
        grown[l->n_averages++] = average;
        return PXS_OK;
    }
    struct dictionary *grown = pxs_lab_grow(l->dictionaries, l->n_dictionaries, sizeof *grown);
    if (!grown) {
        free(points);
        return pxs_fail_nomem(err);
    }
    l->dictionaries = grown;
    grown[l->n_dictionaries++] = (struct dictionary){points, n, line->number, -1};
    return PXS_OK;
}

static enum pxs_status read_list(struct pxs_lab_log *log, struct lists *l, const char *file,
                                 const char *glue, struct pxs_error *err) {
    struct pxs_lab_reader *reader = NULL;
    char path[PXS_PATH_MAX];
    if (!pxs_path_join(path, sizeof path, log->dir, file))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", log->dir);
    enum pxs_status status = pxs_lab_reader_open(path, 0, 1, glue, &reader, err);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK;
    bool more = true;
    int64_t bad = 0;
    while (status == PXS_OK && more) {
        struct pxs_lab_line line;
        status = pxs_lab_reader_next(reader, &line, &more, err);
        if (status == PXS_OK && more)
            status = read_line(log, l, file, &line, &bad, err);
    }
    pxs_lab_reader_close(&reader);
    pxs_lab_unreadable_rest(log, file, bad);
    return status;
}

/* ---- averages ------------------------------------------------------------------------------- */

/* Every batch of it was read, so its mean is known but for the rounding of the logs. */
static bool is_whole(const struct pxs_lab_run *run, const struct pxs_lab_epoch *e) {
    return e->n == run->batches;
}

/* Both the average and each loss were rounded to 4 decimals. */
static bool agrees(const struct pxs_lab_epoch *e, double average) {
    const double mean = e->sums.loss_G / (double)e->n;
    if (!isfinite(mean) || !isfinite(average))
        return isfinite(mean) == isfinite(average);
    return fabs(mean - average) <= 2e-4 + 1e-6 * fabs(mean);
}

static size_t count_ended(const struct pxs_lab_log *log) {
    size_t n = 0;
    for (size_t i = 0; i < log->n_epochs; i++)
        n += log->epochs[i].ended;
    return n;
}

/* As many averages as epochs that ended: they belong to each other in their order, which their
 * values confirm or not. */
static void match_in_order(struct pxs_lab_log *log, const struct lists *l) {
    size_t at = 0, differ = 0;
    for (size_t r = 0; r < log->n_runs; r++) {
        const struct pxs_lab_run *run = &log->runs[r];
        for (size_t i = 0; i < run->n; i++) {
            struct pxs_lab_epoch *e = &log->epochs[run->first + i];
            if (!e->ended)
                continue;
            const double average = l->averages[at++];
            e->has_average = !is_whole(run, e) || agrees(e, average);
            e->average = average;
            differ += !e->has_average;
        }
    }
    if (differ > 0)
        pxs_lab_note(log, PXS_LAB_AVERAGES,
                     "%zu of %zu averages are not the mean of their epoch's batches; there the "
                     "batches' mean was taken",
                     differ, l->n_averages);
}

/* Another number of them: each epoch takes the next average that agrees with its batches. */
static void match_by_value(struct pxs_lab_log *log, const struct lists *l) {
    size_t at = 0, matched = 0;
    for (size_t r = 0; r < log->n_runs; r++) {
        const struct pxs_lab_run *run = &log->runs[r];
        for (size_t i = 0; i < run->n; i++) {
            struct pxs_lab_epoch *e = &log->epochs[run->first + i];
            size_t k = at;
            while (is_whole(run, e) && k < l->n_averages && k < at + LOOK_AHEAD &&
                   !agrees(e, l->averages[k]))
                k++;
            if (!is_whole(run, e) || k == l->n_averages || k == at + LOOK_AHEAD)
                continue;
            e->has_average = true;
            e->average = l->averages[k];
            at = k + 1;
            matched++;
        }
    }
    pxs_lab_note(log, PXS_LAB_AVERAGES,
                 "%zu averages for %zu epochs that came to their end: %zu were matched by their "
                 "value, the other epochs have the mean of their batches",
                 l->n_averages, count_ended(log), matched);
}

/* ---- validation ----------------------------------------------------------------------------- */

/* The dictionary holds just the epochs of the run that ended. */
static bool fits(const struct pxs_lab_log *log, const struct pxs_lab_run *run,
                 const struct dictionary *d) {
    size_t n = run->n;
    if (n > 0 && !log->epochs[run->first + n - 1].ended)
        n--;
    return n > 0 && d->points[0].epoch == log->epochs[run->first].epoch &&
           d->points[d->n - 1].epoch == log->epochs[run->first + n - 1].epoch &&
           (int64_t)d->n == d->points[d->n - 1].epoch - d->points[0].epoch + 1;
}

/* Dictionaries stand in the order of their runs, but a run that broke off left none. Taking each as
 * early as it can be and as late as it can be tells where there is only one way. */
static void place_dictionaries(const struct pxs_lab_log *log, struct lists *l) {
    size_t run = 0;
    for (size_t i = 0; i < l->n_dictionaries; i++) {
        size_t at = run;
        while (at < log->n_runs && !fits(log, &log->runs[at], &l->dictionaries[i]))
            at++;
        l->dictionaries[i].run = at < log->n_runs ? (int64_t)at : -1;
        run = at < log->n_runs ? at + 1 : run;
    }
    run = log->n_runs;
    for (size_t i = l->n_dictionaries; i-- > 0;) {
        size_t at = run;
        if (l->dictionaries[i].run < 0)
            continue;
        while (at > 0 && !fits(log, &log->runs[at - 1], &l->dictionaries[i]))
            at--;
        if (at == 0 || (int64_t)at - 1 != l->dictionaries[i].run)
            l->dictionaries[i].run = -2;
        run = at > 0 ? at - 1 : run;
    }
}

static void match_validation(struct pxs_lab_log *log, struct lists *l) {
    place_dictionaries(log, l);
    for (size_t i = 0; i < l->n_dictionaries; i++) {
        const struct dictionary *d = &l->dictionaries[i];
        if (d->run < 0) {
            pxs_lab_note(log, PXS_LAB_VALIDATION,
                         "line %lld (epochs %lld to %lld) %s: its validation losses were left out",
                         (long long)d->line, (long long)d->points[0].epoch,
                         (long long)d->points[d->n - 1].epoch,
                         d->run == -1 ? "fits no run" : "could belong to more than one run");
            continue;
        }
        const struct pxs_lab_run *run = &log->runs[d->run];
        size_t at = 0;
        for (size_t k = 0; k < run->n; k++) {
            struct pxs_lab_epoch *e = &log->epochs[run->first + k];
            while (at < d->n && d->points[at].epoch < e->epoch)
                at++;
            if (at == d->n || d->points[at].epoch != e->epoch)
                continue;
            e->has_value = true;
            e->value = d->points[at].value;
            e->ended = true;
        }
    }
}

/* ---- without train_loss.txt ----------------------------------------------------------------- */

static bool add_lone_epoch(struct pxs_lab_log *log, int64_t number) {
    struct pxs_lab_epoch *e = pxs_lab_add_epoch(log);
    if (!e)
        return false;
    e->epoch = number;
    e->ended = true;
    log->runs[log->n_runs - 1].n++;
    return true;
}

static bool make_of_dictionary(struct pxs_lab_log *log, const struct dictionary *d) {
    struct pxs_lab_run *run = pxs_lab_add_run(log);
    struct pxs_sha256 sha;
    if (!run)
        return false;
    run->first_line = run->last_line = d->line;
    pxs_lab_hash_begin(&sha);
    pxs_sha256_update(&sha, d->points, d->n * sizeof *d->points);
    pxs_sha256_hex(&sha, run->hash);
    for (size_t i = 0; i < d->n; i++) {
        if (!add_lone_epoch(log, d->points[i].epoch))
            return false;
        log->epochs[log->n_epochs - 1].has_value = true;
        log->epochs[log->n_epochs - 1].value = d->points[i].value;
    }
    return true;
}

static bool make_of_averages(struct pxs_lab_log *log, const struct lists *l) {
    struct pxs_lab_run *run = pxs_lab_add_run(log);
    struct pxs_sha256 sha;
    if (!run)
        return false;
    run->first_line = 1;
    run->last_line = (int64_t)l->n_averages;
    pxs_lab_hash_begin(&sha);
    pxs_sha256_update(&sha, l->averages, l->n_averages * sizeof *l->averages);
    pxs_sha256_hex(&sha, run->hash);
    for (size_t i = 0; i < l->n_averages; i++) {
        if (!add_lone_epoch(log, (int64_t)i))
            return false;
    }
    pxs_lab_note(log, PXS_LAB_AVERAGES,
                 "without " PXS_LAB_BATCHES ", %zu averages count as one run from epoch 0 on",
                 l->n_averages);
    return true;
}

/* Runs of the two files alone, and the averages where their number leaves no doubt. */
static bool make_runs(struct pxs_lab_log *log, const struct lists *l) {
    for (size_t i = 0; i < l->n_dictionaries; i++) {
        if (!make_of_dictionary(log, &l->dictionaries[i]))
            return false;
    }
    if (l->n_dictionaries == 0 && l->n_averages > 0 && !make_of_averages(log, l))
        return false;
    const bool same = l->n_averages == log->n_epochs;
    for (size_t i = 0; same && i < log->n_epochs; i++) {
        log->epochs[i].has_average = true;
        log->epochs[i].average = l->averages[i];
    }
    if (!same && l->n_averages > 0)
        pxs_lab_note(log, PXS_LAB_AVERAGES,
                     "%zu averages for %zu epochs, and no " PXS_LAB_BATCHES
                     " to tell them apart: left out",
                     l->n_averages, log->n_epochs);
    return true;
}

/* ---- all together --------------------------------------------------------------------------- */

enum pxs_status pxs_lab_match(struct pxs_lab_log *log, struct pxs_error *err) {
    struct lists l = {0};
    enum pxs_status status = read_list(log, &l, PXS_LAB_AVERAGES, "[avg_loss", err);
    if (status == PXS_OK)
        status = read_list(log, &l, PXS_LAB_VALIDATION, "tloss_res", err);
    if (status != PXS_OK)
        goto out;
    if (log->n_runs == 0) {
        status = make_runs(log, &l) ? PXS_OK : pxs_fail_nomem(err);
        goto out;
    }
    if (l.n_averages > 0 && l.n_averages == count_ended(log))
        match_in_order(log, &l);
    else if (l.n_averages > 0)
        match_by_value(log, &l);
    match_validation(log, &l);
out:
    for (size_t i = 0; i < l.n_dictionaries; i++)
        free(l.dictionaries[i].points);
    free(l.dictionaries);
    free(l.averages);
    return status;
}
