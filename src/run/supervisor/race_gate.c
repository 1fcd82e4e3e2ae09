/* The race in a supervisor: who may start, judging, words.
 *
 * A run may start when the look before its own is judged and its configuration is left. A look is
 * judged once every run of those that are left, up to its seeds, is over; by whoever comes to it,
 * and the file that is there first counts (records/race_look.h). So decisions are a function of
 * what the runs measured, and not of who ran which when. What was measured is read from the rows
 * of the run, or from its folder. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixsweep/records/race_look.h"
#include "supervisor_priv.h"

#define LOOK_SECONDS 15.0 /* for a look that another has judged; at first more often */

enum pxs_status pxs_race_make(struct pxs_supervisor *s, struct pxs_error *err) {
    PXS_TRY(pxs_plan_read_race(s->plan, err));
    if (!s->plan->race.on)
        return PXS_OK;
    s->race.values = malloc(s->plan->n * sizeof *s->race.values);
    s->race.known = calloc(s->plan->n, sizeof *s->race.known);
    if (!s->race.values || !s->race.known)
        return pxs_fail_nomem(err);
    s->race.rows_due = s->plan->course.judged > 0;
    s->race.looked_at = -INFINITY;
    s->race.failing_since = NAN;
    return PXS_OK;
}

void pxs_race_finish(struct pxs_supervisor *s) {
    free(s->race.values);
    free(s->race.known);
    s->race = (struct pxs_race_gate){0};
}

void pxs_race_forget(struct pxs_supervisor *s, size_t run) {
    if (s->race.known)
        s->race.known[run] = false;
}

/* ---- what a run measured -------------------------------------------------------------------- */

/* The epochs of a run, by their number: a file may repeat some. */
struct epochs {
    struct pxs_record_epoch *of;
    size_t n, cap;
};

static bool add_epoch(struct epochs *e, const struct pxs_record_epoch *epoch) {
    while (e->n > 0 && e->of[e->n - 1].epoch >= epoch->epoch)
        e->n--;
    if (e->n == e->cap) {
        const size_t cap = e->cap > 0 ? 2 * e->cap : 64;
        struct pxs_record_epoch *more = realloc(e->of, cap * sizeof *more);
        if (!more)
            return false;
        e->of = more;
        e->cap = cap;
    }
    e->of[e->n++] = *epoch;
    return true;
}

static double score_of(const struct pxs_supervisor *s, const struct epochs *e) {
    struct pxs_race_score score;
    pxs_race_score_begin(&score, s->plan->race.metric);
    for (size_t i = 0; i < e->n; i++)
        pxs_race_score_epoch(&score, e->of[i].epoch, e->of[i].avg_loss_G, e->of[i].val_loss,
                             e->of[i].val_psnr, e->of[i].val_ssim);
    return pxs_race_score_value(&score);
}

static double real_at(const struct pxs_table *t, size_t row, const char *column) {
    const struct pxs_cell cell = pxs_table_at(t, row, column);
    return cell.kind == PXS_CELL_REAL ? cell.real : NAN;
}

/* The database has all of it where it has its end. False where it does not, or cannot be asked. */
static bool ask_store(struct pxs_supervisor *s, size_t run, double now, struct epochs *out) {
    struct pxs_table t = {0};
    struct pxs_error err;
    const struct pxs_cell id = pxs_cell_int(s->plan->runs[run].run_id);
    if (pxs_store_shut(s, now) || !pxs_store_ready(s, now) || id.integer == 0)
        return false;
    if (pxs_store_select(s->store,
                         "SELECT e.epoch, e.avg_loss_G, e.val_loss, e.val_psnr, e.val_ssim FROM "
                         "run r JOIN epoch e USING (run_id) WHERE r.run_id = ?1 AND r.state = "
                         "'completed' ORDER BY e.epoch",
                         &id, 1, &t, &err) != PXS_OK) {
        pxs_store_trouble(s, &err, now);
        return false;
    }
    bool all = t.n_rows > 0;
    for (size_t row = 0; row < t.n_rows && all; row++) {
        struct pxs_record_epoch epoch;
        pxs_record_no_values(&epoch);
        epoch.epoch = (int32_t)pxs_table_at(&t, row, "epoch").integer;
        epoch.avg_loss_G = real_at(&t, row, "avg_loss_G");
        epoch.val_loss = real_at(&t, row, "val_loss");
        epoch.val_psnr = real_at(&t, row, "val_psnr");
        epoch.val_ssim = real_at(&t, row, "val_ssim");
        all = add_epoch(out, &epoch);
    }
    pxs_table_finish(&t);
    return all;
}

/* False where the file does not end with the end of a completed attempt. */
static bool ask_folder(struct pxs_supervisor *s, size_t run, struct epochs *out) {
    char path[PXS_PATH_MAX];
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_record *r = malloc(sizeof *r);
    bool completed = false, more = r != NULL;
    out->n = 0;
    if (more && pxs_path_join(path, sizeof path, s->plan->runs[run].dir, PXS_RECORDS_FILE) &&
        pxs_record_cursor_open(path, 0, &cursor, NULL) == PXS_OK)
        while (more && pxs_record_next(cursor, r, &more, NULL) == PXS_OK && more) {
            completed = r->kind == PXS_RECORD_END && r->end.outcome == PXS_OUTCOME_COMPLETED;
            if (r->kind == PXS_RECORD_EPOCH)
                more = add_epoch(out, &r->epoch);
        }
    pxs_record_cursor_close(&cursor);
    free(r);
    return completed;
}

/* ---- where the runs of a look stand --------------------------------------------------------- */

enum stand {
    STILL_TO_COME,
    IS_KNOWN, /* s->race.values has what it measured */
    NEVER_COMES
};

/* A run that is over has measured what it has: one that diverged counts as the worst, one that
 * failed or was cancelled leaves its pairs out. One that was interrupted or removed is to be made
 * by another session. */
static enum stand stand_of(struct pxs_supervisor *s, size_t run, double now) {
    const enum pxs_run_state state = s->plan->runs[run].state;
    struct pxs_super_run *r = &s->runs[run];
    struct epochs epochs = {0};
    if (r->place != PXS_PLACE_OVER) {
        s->race.known[run] = false;
        return STILL_TO_COME;
    }
    if (s->race.known[run])
        return IS_KNOWN;
    if (state == PXS_STATE_COMPLETED) {
        if (isnan(r->over_since))
            r->over_since = now;
        /* its folder is not read at every look */
        if (now - r->looked_at < PXS_OTHERS_SECONDS)
            return STILL_TO_COME;
        r->looked_at = now;
        s->race.known[run] = ask_store(s, run, now, &epochs) || ask_folder(s, run, &epochs);
        s->race.values[run] = score_of(s, &epochs);
        free(epochs.of);
        if (s->race.known[run])
            return IS_KNOWN;
        /* The database may have it and be busy, a disk may show an old state. */
        const bool waits =
            s->task ? now - r->over_since < PXS_STALE_SECONDS : !isnan(s->store_failing_since);
        return waits ? STILL_TO_COME : NEVER_COMES;
    }
    if (state != PXS_STATE_DIVERGED && state != PXS_STATE_FAILED && state != PXS_STATE_CANCELLED)
        return NEVER_COMES;
    s->race.values[run] = state == PXS_STATE_DIVERGED ? PXS_RACE_DIVERGED : NAN;
    s->race.known[run] = true;
    return IS_KNOWN;
}

/* Is it in the race, so that the next look waits for it? */
static bool is_left(const struct pxs_supervisor *s, size_t run) {
    return s->plan->course.dropped_at[run % s->plan->n_configurations] == 0;
}

static bool all_known(struct pxs_supervisor *s, double now) {
    const size_t end = pxs_race_look_end(s->plan);
    bool all = true;
    s->race.stuck = false;
    for (size_t i = 0; i < end; i++) {
        if (!is_left(s, i))
            continue;
        const enum stand stand = stand_of(s, i, now);
        all = all && stand == IS_KNOWN;
        if (stand == NEVER_COMES && !s->race.stuck) {
            s->race.stuck = true;
            s->race.stuck_by = i;
        }
    }
    return all;
}

/* ---- judging -------------------------------------------------------------------------------- */

/* The pairs that are left out at this look and were not at the one before. */
static void say_left_out(struct pxs_supervisor *s, int look, size_t from, size_t end) {
    for (size_t i = from; i < end; i++) {
        if (!is_left(s, i) || !isnan(s->race.values[i]))
            continue;
        const struct pxs_plan_run *run = &s->plan->runs[i];
        if (run->state == PXS_STATE_COMPLETED)
            pxs_say(s, PXS_LOG_WARN, "race: look %d leaves %s out of its comparison: it has no %s",
                    look, run->name, pxs_race_metric_info(s->plan->race.metric)->name);
        else
            pxs_say(s, PXS_LOG_WARN, "race: look %d leaves %s out of its comparison: it is %s",
                    look, run->name, pxs_state_name(run->state));
    }
}

static enum pxs_status write_look(struct pxs_supervisor *s, const struct pxs_race_verdict *verdicts,
                                  const struct pxs_race_look *look, struct pxs_error *err) {
    const struct pxs_plan *plan = s->plan;
    const size_t k = plan->n_configurations;
    char dir[PXS_PATH_MAX];
    struct pxs_race_record r = {.look = (int)plan->course.judged + 1,
                                .seeds = look->seeds,
                                .level = look->level,
                                .penalty = look->penalty,
                                .entries = calloc(k, sizeof *r.entries)};
    if (!r.entries)
        return pxs_fail_nomem(err);
    memcpy(r.race, plan->course.race, sizeof r.race);
    snprintf(r.metric, sizeof r.metric, "%s", pxs_race_metric_info(plan->race.metric)->name);
    for (size_t c = 0; c < k; c++) {
        const struct pxs_race_verdict *v = &verdicts[c];
        struct pxs_race_entry *e = &r.entries[r.n];
        if (v->decision == PXS_RACE_OUT)
            continue;
        memcpy(e->config_hash, plan->runs[c].config_hash, sizeof e->config_hash);
        /* a plan that an earlier version froze has no such name */
        e->label =
            plan->runs[c].configuration ? plan->runs[c].configuration : plan->runs[c].differs;
        e->decision = v->decision;
        e->n = v->n;
        e->diverged = v->diverged;
        e->pairs = v->pairs;
        e->mean = v->mean;
        e->difference = v->difference;
        e->low = v->low;
        e->high = v->high;
        r.n++;
    }
    enum pxs_status status = PXS_E_INVALID;
    if (pxs_path_join(dir, sizeof dir, plan->results, plan->sweep))
        status = pxs_race_look_write(dir, &r, err);
    pxs_race_record_finish(&r);
    return status == PXS_E_EXISTS ? PXS_OK : status;
}

static enum pxs_status judge(struct pxs_supervisor *s, struct pxs_error *err) {
    const struct pxs_plan *plan = s->plan;
    const struct pxs_race_course *course = &plan->course;
    const size_t k = plan->n_configurations, seeds = (size_t)course->looks[course->judged];
    struct pxs_race_look look;
    double *values = malloc(k * seeds * sizeof *values);
    bool *in_race = malloc(k * sizeof *in_race);
    struct pxs_race_verdict *verdicts = calloc(k, sizeof *verdicts);
    enum pxs_status status = PXS_OK;
    if (!values || !in_race || !verdicts)
        status = pxs_fail_nomem(err);
    for (size_t c = 0; c < k && status == PXS_OK; c++) {
        in_race[c] = course->dropped_at[c] == 0;
        for (size_t seed = 0; seed < seeds; seed++)
            values[c * seeds + seed] = in_race[c] ? s->race.values[seed * k + c] : NAN;
    }
    if (status == PXS_OK)
        status = pxs_race_judge(&plan->race.rule, course->judged, k, values, seeds, in_race,
                                verdicts, &look, err);
    if (status == PXS_OK)
        status = write_look(s, verdicts, &look, err);
    free(values);
    free(in_race);
    free(verdicts);
    return status;
}

/* ---- what follows --------------------------------------------------------------------------- */

/* Runs that the race needs no more. */
static void spare_runs(struct pxs_supervisor *s) {
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->runs[i].place == PXS_PLACE_TODO && !pxs_race_needs(s->plan, i)) {
            s->runs[i].place = PXS_PLACE_OVER;
            s->plan->runs[i].state = PXS_STATE_NOT_NEEDED;
        }
}

static void say_look(struct pxs_supervisor *s) {
    struct pxs_text words = {0};
    pxs_race_words_look(&s->plan->course.last, &words);
    pxs_say(s, PXS_LOG_INFO, "race: %s", pxs_text_str(&words));
    pxs_text_finish(&words);
    pxs_race_say_end(s);
}

void pxs_race_end_words(const struct pxs_supervisor *s, struct pxs_text *out) {
    const struct pxs_race_course *course = &s->plan->course;
    const bool cut = s->pause.paused && s->budget.cut;
    if (s->plan->race.on && (cut || !pxs_race_goes_on(s->plan)))
        pxs_race_words_now(&s->plan->race.rule, course->judged > 0 ? &course->last : NULL,
                           s->plan->n_configurations, cut,
                           s->budget.key ? 0 : s->plan->race.budget_runs, out);
}

void pxs_race_say_end(struct pxs_supervisor *s) {
    struct pxs_text words = {0};
    pxs_race_end_words(s, &words);
    if (words.len > 0)
        pxs_say(s, PXS_LOG_INFO, "race: %s", pxs_text_str(&words));
    pxs_text_finish(&words);
}

/* A disk may have space again. */
static void trouble(struct pxs_supervisor *s, const struct pxs_error *err, double now) {
    struct pxs_race_gate *gate = &s->race;
    if (isnan(gate->failing_since)) {
        gate->failing_since = now;
        pxs_say(s, PXS_LOG_ERROR, "race: look %d cannot be judged now: %s",
                (int)s->plan->course.judged + 1, err->message);
    }
    gate->given_up = err->status == PXS_E_CORRUPT || err->status == PXS_E_INTERNAL ||
                     now - gate->failing_since > PXS_STORE_PATIENCE;
    gate->stuck = gate->given_up;
    gate->stuck_by = s->plan->n;
    gate->looked_at = now;
    gate->look_every = PXS_STORE_RETRY;
}

static void say_stuck(struct pxs_supervisor *s) {
    const size_t run = s->race.stuck_by;
    if (s->race.stuck_said || s->stopping || run >= s->plan->n)
        return;
    s->race.stuck_said = true;
    const enum pxs_run_state state = s->plan->runs[run].state;
    pxs_say(s, PXS_LOG_WARN, "race: look %d is not judged in this session: %s is %s%s",
            (int)s->plan->course.judged + 1, s->plan->runs[run].name, pxs_state_name(state),
            state == PXS_STATE_COMPLETED
                ? ", but neither the database nor its " PXS_RECORDS_FILE
                  " has what it measured; `pixsweep rm` of it lets it be made again"
                : "; the same command goes on");
}

static void tell_store(struct pxs_supervisor *s, double now) {
    struct pxs_error err;
    char dir[PXS_PATH_MAX];
    if (!s->race.rows_due || s->task || pxs_store_shut(s, now) || !pxs_store_ready(s, now) ||
        !pxs_path_join(dir, sizeof dir, s->plan->results, s->plan->sweep))
        return;
    const enum pxs_status status = pxs_race_ingest(s->store, s->sweep_id, dir, &err);
    if (status == PXS_E_CORRUPT) /* a look of another race; this one's were read */
        pxs_say(s, PXS_LOG_WARN, "race: not all looks are in the database: %s", err.message);
    else if (status != PXS_OK)
        pxs_store_trouble(s, &err, now);
    s->race.rows_due = status != PXS_OK && status != PXS_E_CORRUPT;
}

/* A task that has nothing to do looks once at all that others had, as it does before it ends: so
 * the last one to come to the end of a look finds that all others are over. */
static void look_at_others(struct pxs_supervisor *s) {
    bool busy = false;
    for (int i = 0; i < s->n_slots; i++)
        busy = busy || s->slots[i].busy;
    if (!s->task || busy || s->race.looked_at_others) {
        s->race.looked_at_others = s->race.looked_at_others && !busy;
        return;
    }
    s->race.looked_at_others = true;
    s->others_at = -INFINITY;
    for (size_t i = 0; i < pxs_race_look_end(s->plan); i++)
        if (isnan(s->runs[i].waiting_since))
            s->runs[i].claimed_until = 0;
}

void pxs_race_look(struct pxs_supervisor *s, double now) {
    struct pxs_race_course *course = &s->plan->course;
    struct pxs_race_gate *gate = &s->race;
    struct pxs_error err;
    bool more = true;
    if (pxs_race_goes_on(s->plan))
        look_at_others(s);
    while (more && pxs_race_goes_on(s->plan) && !gate->given_up) {
        const bool all = all_known(s, now);
        const size_t before = course->judged > 0 ? s->plan->n_configurations *
                                                       (size_t)course->looks[course->judged - 1]
                                                 : 0;
        /* Another may have judged it that knows of ends that are not known here yet. */
        if ((!all || !isnan(gate->failing_since)) && now - gate->looked_at < gate->look_every)
            break;
        gate->looked_at = now;
        gate->look_every = fmax(fmin(1.5 * gate->look_every, LOOK_SECONDS), PXS_OTHERS_SECONDS);
        if (all && isnan(gate->failing_since))
            say_left_out(s, (int)course->judged + 1, before, pxs_race_look_end(s->plan));
        if ((all && judge(s, &err) != PXS_OK) ||
            pxs_race_course_next(s->plan, &more, &err) != PXS_OK) {
            trouble(s, &err, now);
            break;
        }
        if (!more)
            break;
        gate->rows_due = true;
        gate->look_every = 0;
        gate->stuck = gate->stuck_said = false;
        gate->failing_since = NAN;
        say_look(s);
        /* the board counts by what is to be expected from here on */
        if (pxs_plan_foresee(s->plan, s->store, &err) != PXS_OK)
            pxs_say(s, PXS_LOG_WARN, "race: what it may still cost is not known: %s", err.message);
    }
    if (!s->plan->race.on)
        return;
    spare_runs(s);
    if (gate->stuck)
        say_stuck(s);
    tell_store(s, now);
}

bool pxs_race_blocks(const struct pxs_supervisor *s, size_t run) {
    return s->race.stuck && !pxs_race_allows(s->plan, run);
}

bool pxs_race_is_open(const struct pxs_supervisor *s) {
    return pxs_race_goes_on(s->plan) && !s->race.stuck;
}
