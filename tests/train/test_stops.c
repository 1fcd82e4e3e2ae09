/* Ends before the last epoch: early stopping, and rungs at which a run is given up. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- early stopping ------------------------------------------------------------------------- */

static double score(const struct pxs_record_epoch *e, int metric) {
    switch (metric) {
    case PXS_EARLY_VAL_PSNR:
        return -e->val_psnr;
    case PXS_EARLY_VAL_SSIM:
        return -e->val_ssim;
    case PXS_EARLY_AVG_LOSS_G:
        return e->avg_loss_G;
    default:
        return e->val_loss;
    }
}

/* The epoch after which a run like this one ends, by the rule as a user reads it. */
static int expected_end(const struct run *r, int metric, int patience) {
    int best = 0;
    for (int e = 1; e < r->n_epoch; e++) {
        best = score(&r->epoch[e], metric) < score(&r->epoch[best], metric) ? e : best;
        if (e - best >= patience)
            return e;
    }
    return r->n_epoch - 1;
}

/* A rate at which nothing gets better for long. */
static struct run *restless(const char *dir) {
    struct run *r = new_run(dir);
    r->p.n_epochs = 20;
    r->p.learning_rate_G = 0.02;
    r->config_hash = HASH;
    return r;
}

START_TEST(it_ends_when_its_patience_does)
{
    static const int patiences[] = {1, 3};
    struct run *whole = restless("whole");
    carry_out(whole);
    ck_assert_int_eq(whole->n_epoch, 20);
    for (int metric = PXS_EARLY_VAL_LOSS; metric <= PXS_EARLY_AVG_LOSS_G; metric++)
        for (size_t i = 0; i < PXS_COUNT(patiences); i++) {
            char dir[32];
            snprintf(dir, sizeof dir, "m%d-p%d", metric, patiences[i]);
            struct run *r = restless(dir);
            r->p.early_stop_patience = patiences[i];
            r->p.early_stop_metric = metric;
            carry_out(r);
            int end = expected_end(whole, metric, patiences[i]);
            ck_assert_msg(r->n_epoch == end + 1, "metric %d, patience %d: %d epochs, not %d",
                          metric, patiences[i], r->n_epoch, end + 1);
            ck_assert_int_eq(r->status, PXS_OK);
            ck_assert_int_eq(r->end.outcome, PXS_OUTCOME_COMPLETED);
            ck_assert_int_eq(r->end.step, r->n_batch);
            ck_assert_int_eq(r->sample[r->n_sample - 1].step, r->n_batch - 1);
            if (patiences[i] == 1)
                ck_assert_int_lt(r->n_epoch, 20); /* or nothing is tested here */
            ck_assert_int_eq(r->event.kind[0] != '\0', r->n_epoch < 20);
            if (r->n_epoch < 20)
                ck_assert_msg(strcmp(r->event.kind, "early_stop") == 0 &&
                                  strstr(r->event.message, "early_stop_patience"),
                              "%s: %s", r->event.kind, r->event.message);
            char counted[64];
            snprintf(counted, sizeof counted, "stopped early after %d of 20 epochs: ", r->n_epoch);
            ck_assert(r->n_epoch == 20 || strncmp(r->event.message, counted, strlen(counted)) == 0);
            end_run(r);
        }
    end_run(whole);
}
END_TEST

/* Raises the stop flag at the fourth resume point. */
struct stopper {
    struct run *run;
    int n;
};

static void stop_soon(void *user, enum pxs_log_level level, const char *text) {
    struct stopper *s = user;
    (void)level;
    if (strncmp(text, "resume point", strlen("resume point")) == 0 && ++s->n == 4)
        atomic_store(&s->run->stop->signal, 15);
}

/* Stopped every few batches: the counter goes on, and the run ends where it would have. */
START_TEST(its_patience_is_resumed)
{
    struct run *whole = restless("undisturbed");
    whole->p.early_stop_patience = 2;
    carry_out(whole);
    ck_assert_int_lt(whole->n_epoch, 20);
    int attempts = 0;
    for (bool done = false; !done; attempts++) {
        struct run *r = restless("broken");
        r->p.early_stop_patience = 2;
        r->go_on = attempts > 0;
        r->resume_every = 0;
        struct stopper s = {.run = r};
        r->log = (struct pxs_logger){stop_soon, &s};
        carry_out(r);
        done = r->status == PXS_OK;
        ck_assert_int_eq(r->status, done ? PXS_OK : PXS_E_STOPPED);
        ck_assert_int_eq(r->point.step >= 0, attempts > 0);
        if (done) {
            ck_assert(same_run(whole, r));
            ck_assert_int_eq(r->n_sample, 1);
            ck_assert_str_eq(r->sample[0].sha256, whole->sample[0].sha256);
        }
        end_run(r);
    }
    ck_assert_int_gt(attempts, 2);
    end_run(whole);
}
END_TEST

/* ---- rungs ---------------------------------------------------------------------------------- */

struct asked {
    int n;
    int64_t epochs[8];
    double values[8];
    int64_t prune_at; /* epoch; -1 = never */
    bool stop;
    const struct run *run;
    bool point_there;
};

static enum pxs_status answer(void *user, struct pxs_train_rung *rung, struct pxs_error *err) {
    struct asked *a = user;
    a->epochs[a->n] = rung->epoch;
    a->values[a->n++] = rung->value;
    a->point_there = access(run_path(a->run, "resume.safetensors"), F_OK) == 0;
    if (a->stop)
        return pxs_fail(err, PXS_E_STOPPED, "stopped while waiting");
    rung->go_on = rung->epoch != a->prune_at;
    rung->cutoff = 0.125;
    snprintf(rung->why, sizeof rung->why, "too bad");
    return PXS_OK;
}

static const int64_t rungs[] = {0, 2, 5};

static struct run *judged(const char *dir, struct asked *a) {
    struct run *r = new_run(dir);
    r->p.n_epochs = 6;
    r->config_hash = HASH;
    r->rungs = a ? rungs : NULL;
    r->n_rungs = a ? PXS_COUNT(rungs) : 0;
    r->ask = a ? answer : NULL;
    r->ask_user = a;
    if (a)
        a->run = r;
    return r;
}

START_TEST(a_run_is_asked_about_at_its_rungs)
{
    struct asked a = {.prune_at = -1};
    struct run *r = judged("asked", &a), *plain = judged("plain", NULL);
    carry_out(r);
    carry_out(plain);
    ck_assert(same_run(plain, r));
    ck_assert_int_eq(a.n, 2); /* not after the last epoch */
    ck_assert_int_eq(a.epochs[1], 2);
    ck_assert_double_eq(a.values[1], r->epoch[2].val_loss);
    ck_assert(a.point_there);
    ck_assert_int_eq(r->n_rung, 2);
    ck_assert_int_eq(r->rung[1].go_on, 1);
    ck_assert_double_eq(r->rung[1].cutoff, 0.125);
    end_run(r);
    end_run(plain);
}
END_TEST

START_TEST(a_pruned_run_can_be_taken_up)
{
    struct asked a = {.prune_at = 2};
    struct run *r = judged("pruned", &a), *again = judged("pruned", NULL),
               *plain = judged("never", NULL);
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_PRUNED);
    ck_assert_int_eq(r->end.outcome, PXS_OUTCOME_PRUNED);
    ck_assert_str_eq(r->end.message, "pruned: too bad");
    ck_assert_str_eq(r->event.kind, "pruned");
    ck_assert_int_eq(r->n_epoch, 3);
    ck_assert_int_eq(r->rung[1].go_on, 0);
    /* or it would stand in the way of the run that never was pruned */
    ck_assert_int_eq(r->n_sample, 0);
    ck_assert_int_gt(r->n_best, 0);
    ck_assert_int_eq(access(run_path(r, "resume.safetensors"), F_OK), 0);
    ck_assert_int_ne(access(run_path(r, "resume.previous.safetensors"), F_OK), 0);
    again->go_on = true;
    carry_out(again);
    carry_out(plain);
    ck_assert_int_eq(again->point.step, r->end.step);
    ck_assert_int_eq(again->status, PXS_OK);
    ck_assert_int_eq(again->n_rung, 2); /* what was decided is still told */
    ck_assert(same_run(plain, again));
    ck_assert_int_eq(again->n_sample, 1);
    ck_assert_str_eq(again->sample[0].sha256, plain->sample[0].sha256);
    ck_assert_int_eq(again->n_best, plain->n_best);
    end_run(r);
    end_run(again);
    end_run(plain);
}
END_TEST

/* Stopped while it waits for the answer: asked again at the same place, with the same value. */
START_TEST(a_question_is_asked_again)
{
    struct asked a = {.prune_at = -1, .stop = true}, b = {.prune_at = -1};
    struct run *r = judged("waits", &a), *again = judged("waits", &b),
               *plain = judged("alone", NULL);
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_STOPPED);
    ck_assert_int_eq(r->n_epoch, 1);
    again->go_on = true;
    carry_out(again);
    carry_out(plain);
    ck_assert_int_eq(b.n, 2);
    ck_assert_int_eq(b.epochs[0], 0);
    ck_assert(memcmp(&b.values[0], &a.values[0], sizeof(double)) == 0);
    ck_assert(same_run(plain, again));
    end_run(r);
    end_run(again);
    end_run(plain);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stops");
    TCase *c = tcase_create("stops");
    tcase_add_unchecked_fixture(c, set_up, test_folder_remove);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, it_ends_when_its_patience_does);
    tcase_add_test(c, its_patience_is_resumed);
    tcase_add_test(c, a_run_is_asked_about_at_its_rungs);
    tcase_add_test(c, a_pruned_run_can_be_taken_up);
    tcase_add_test(c, a_question_is_asked_again);
    suite_add_tcase(suite, c);
    return run_tests(suite, CK_ENV);
}
