/* A run that begins with a shorter one's epochs: in every way in which the number of epochs could
 * show, it is the run from scratch; where it could not be, it begins with its first step. */
#include "fixture.h"
#include "pixsweep/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHORT_HASH "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define FINAL "final.safetensors"

/* ---- the same as from scratch --------------------------------------------------------------- */

static struct run *run_of(const char *dir, int64_t n_epochs, void (*change)(struct pxs_params *)) {
    struct run *r = new_run(dir);
    r->p.sample_interval = 2;
    r->p.checkpoint_interval = 2;
    r->p.jitter = 2;
    r->p.lr_policy_G = PXS_LR_HALVE;
    r->p.lrgd = 2;
    if (change)
        change(&r->p);
    r->p.n_epochs = n_epochs;
    r->config_hash = HASH;
    r->nonce = "0123456789abcdef";
    return r;
}

/* A completed run that has kept its final point. */
static struct run *made(const char *dir, int64_t n_epochs, void (*change)(struct pxs_params *)) {
    struct run *r = run_of(dir, n_epochs, change);
    r->config_hash = SHORT_HASH;
    r->keep_final = true;
    carry_out(r);
    ck_assert_msg(r->status == PXS_OK, "%s", r->err.message);
    ck_assert_int_eq(access(run_path(r, FINAL), F_OK), 0);
    ck_assert_int_ne(access(run_path(r, "resume.safetensors"), F_OK), 0);
    return r;
}

static char *folder_of(const struct run *r) {
    char *dir = strdup(run_path(r, ""));
    ck_assert_ptr_nonnull(dir);
    return dir;
}

/* Trains `r`, beginning with the epochs of `from` where that can be done. */
static void begin_from(struct run *r, const struct run *from) {
    char *dir = folder_of(from);
    const struct pxs_shorter shorter = {dir, "sweep/0001-base-s0", SHORT_HASH, &from->p};
    r->shorter = &shorter;
    carry_out(r);
    r->shorter = NULL;
    free(dir);
    ck_assert_msg(r->status == PXS_OK, "%s", r->err.message);
}

static const char *hash_of(const struct run *r, const char *path) {
    static char hex[PXS_SHA256_HEX];
    struct pxs_error err;
    ck_assert_msg(pxs_sha256_file(run_path(r, path), hex, NULL, &err) == PXS_OK, "%s", err.message);
    return hex;
}

/* The last record of each file, and the file. */
static void expect_files(const struct run *whole, const struct run *r) {
    for (int i = 0; i < whole->n_checkpoint; i++) {
        const struct pxs_record_checkpoint *a = &whole->checkpoint[i], *last = a, *b = NULL;
        for (int k = 0; k < whole->n_checkpoint; k++)
            if (strcmp(whole->checkpoint[k].path, a->path) == 0)
                last = &whole->checkpoint[k];
        for (int k = 0; k < r->n_checkpoint; k++)
            if (strcmp(r->checkpoint[k].path, a->path) == 0)
                b = &r->checkpoint[k];
        ck_assert_msg(b != NULL, "%s is missing", a->path);
        ck_assert_int_eq(b->epoch, last->epoch);
        ck_assert_str_eq(b->kind, last->kind);
        ck_assert_str_eq(b->sha256, last->sha256);
        ck_assert_str_eq(hash_of(r, b->path), b->sha256);
    }
    ck_assert_int_eq(r->n_sample, whole->n_sample);
    for (int i = 0; i < r->n_sample; i++) {
        ck_assert_int_eq(r->sample[i].step, whole->sample[i].step);
        ck_assert_str_eq(r->sample[i].path, whole->sample[i].path);
        ck_assert_str_eq(r->sample[i].sha256, whole->sample[i].sha256);
        ck_assert_str_eq(hash_of(r, r->sample[i].path), r->sample[i].sha256);
    }
    ck_assert_int_eq(r->n_best > 0, whole->n_best > 0);
    if (r->n_best > 0) {
        ck_assert_int_eq(r->best[r->n_best - 1].step, whole->best[whole->n_best - 1].step);
        ck_assert_str_eq(hash_of(r, "images/best.png"), whole->best[whole->n_best - 1].sha256);
    }
}

static void expect_same(const struct run *whole, const struct run *r) {
    ck_assert(same_run(whole, r));
    for (int i = 0; i < r->n_batch; i++)
        ck_assert(r->batch[i].step == i && r->batch[i].lr_G == whole->batch[i].lr_G &&
                  r->batch[i].lr_D == whole->batch[i].lr_D);
    for (int i = 0; i < r->n_epoch; i++) {
        struct pxs_record_epoch epoch = r->epoch[i];
        epoch.seconds = whole->epoch[i].seconds;
        ck_assert_msg(!memcmp(&epoch, &whole->epoch[i], sizeof epoch), "epoch %d differs", i);
    }
    ck_assert_int_eq(r->end.step, whole->end.step);
    expect_files(whole, r);
}

static void moving(struct pxs_params *p) {
    p->lr_policy_G = p->lr_policy_D = PXS_LR_PLATEAU;
    p->factor = p->factor_D = 0.5;
    p->patience = p->patience_D = 0;
    p->warmup_epochs = 1;
}
static void exponential(struct pxs_params *p) {
    p->lr_policy_G = PXS_LR_EXPONENTIAL;
    p->gamma = 0.9;
    p->lr_policy_D = PXS_LR_COSINE_RESTARTS;
    p->T_0_D = 2;
}
/* Every epoch has files, the last batch a sample anyway. */
static void many_files(struct pxs_params *p) {
    p->sample_interval = p->checkpoint_interval = 1;
}
static void blind(struct pxs_params *p) {
    p->validation = PXS_VALIDATION_OFF;
    p->checkpoint_interval = 0;
}
static void lab(struct pxs_params *p) {
    p->validation = PXS_VALIDATION_LAB;
}
static void batch_norm(struct pxs_params *p) {
    p->generator = PXS_GENERATOR_UNET_32;
    p->discriminator = PXS_DISCRIMINATOR_N_LAYERS;
    p->norm = PXS_NETWORK_NORM_BATCH;
    p->gan_mode = PXS_GAN_HINGE;
}
/* It waits for two epochs, so it counts over the end of the shorter run; or stops in it, or with
 * it. */
static void stops(struct pxs_params *p, int64_t patience) {
    p->early_stop_patience = patience;
    p->early_stop_metric = PXS_EARLY_AVG_LOSS_G;
    p->learning_rate_G = 1e-12;
}
static void patient(struct pxs_params *p) {
    stops(p, 3);
}
static void impatient(struct pxs_params *p) {
    stops(p, 1);
}

static void (*const changes[])(struct pxs_params *) = {
    NULL, moving, exponential, many_files, blind, lab, batch_norm, patient, impatient};

START_TEST(a_longer_run_is_the_run_from_scratch)
{
    struct run *from = made("short", 2, changes[_i]);
    struct run *whole = run_of("whole", 5, changes[_i]), *r = run_of("long", 5, changes[_i]);
    carry_out(whole);
    ck_assert_msg(whole->status == PXS_OK, "%s", whole->err.message);
    char before[PXS_SHA256_HEX];
    snprintf(before, sizeof before, "%s", hash_of(from, "records.bin"));
    begin_from(r, from);
    ck_assert_int_eq(r->n_shorter, 1);
    ck_has(r->said, "begins with the first 2 epochs of sweep/0001-base-s0 (steps 0 to 5)");
    expect_same(whole, r);
    ck_assert_str_eq(hash_of(from, "records.bin"), before);
    ck_assert_int_ne(access(run_path(r, FINAL), F_OK), 0); /* nobody wants it kept */
    end_run(from);
    end_run(whole);
    end_run(r);
}
END_TEST

/* Where the shorter run stopped early, so does the longer one, and at once. */
START_TEST(a_run_that_stopped_early_stops_again)
{
    struct run *from = made("short", 4, impatient);
    struct run *whole = run_of("whole", 9, impatient), *r = run_of("long", 9, impatient);
    ck_assert_int_lt(from->n_epoch, 4);
    carry_out(whole);
    begin_from(r, from);
    ck_assert_int_eq(r->n_shorter, 1);
    ck_assert_int_eq(r->n_epoch, from->n_epoch);
    expect_same(whole, r);
    ck_assert_str_eq(r->event.kind, "early_stop");
    ck_assert_str_eq(r->event.message, whole->event.message);
    end_run(from);
    end_run(whole);
    end_run(r);
}
END_TEST

START_TEST(chains)
{
    struct run *from = made("one", 1, NULL), *middle = run_of("two", 3, NULL);
    struct run *whole = run_of("whole", 4, NULL), *r = run_of("three", 4, NULL);
    middle->keep_final = true;
    begin_from(middle, from);
    ck_assert_int_eq(middle->n_shorter, 1);
    carry_out(whole);
    char *dir = folder_of(middle);
    const struct pxs_shorter shorter = {dir, "sweep/0002-base-s0", HASH, &middle->p};
    r->shorter = &shorter;
    carry_out(r);
    ck_assert_int_eq(r->n_shorter, 1);
    expect_same(whole, r);
    free(dir);
    end_run(from);
    end_run(middle);
    end_run(whole);
    end_run(r);
}
END_TEST

/* It has a point of its own at once, and needs the shorter run no more. */
static enum pxs_status stop_now(void *user, struct pxs_error *err) {
    (void)err;
    struct run *r = user;
    if (r->stop && access(run_path(r, "resume.safetensors"), F_OK) == 0)
        atomic_store(&r->stop->signal, 15);
    return PXS_OK;
}

START_TEST(it_needs_the_shorter_run_no_more)
{
    struct run *from = made("short", 2, NULL), *whole = run_of("whole", 4, NULL);
    struct run *r = run_of("long", 4, NULL), *on = run_of("long", 4, NULL);
    carry_out(whole);
    char *dir = folder_of(from);
    const struct pxs_shorter shorter = {dir, "sweep/0001-base-s0", SHORT_HASH, &from->p};
    r->shorter = &shorter;
    r->may_write = stop_now;
    r->may_write_user = r;
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_STOPPED);
    ck_assert_int_eq(unlink(run_path(from, FINAL)), 0);
    on->go_on = true;
    on->shorter = &shorter; /* its own point comes first */
    carry_out(on);
    ck_assert_int_ge(on->point.step, 6);
    ck_assert_int_eq(on->n_shorter, 1);
    expect_same(whole, on);
    free(dir);
    end_run(from);
    end_run(whole);
    end_run(r);
    end_run(on);
}
END_TEST

/* ---- what cannot be begun with -------------------------------------------------------------- */

static void damage(const struct run *from, const char *file) {
    FILE *f = fopen(run_path(from, file), "r+b");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, -5, SEEK_END), 0);
    int c = fgetc(f);
    ck_assert_int_eq(fseek(f, -5, SEEK_END), 0);
    fputc(c ^ 1, f);
    fclose(f);
}

static const struct {
    const char *file; /* of the shorter run: gone, or with a byte that is another one */
    bool gone;
    const char *kernels, *why;
} refused[] = {
    {FINAL, true, NULL, "it has no final.safetensors (any more)"},
    {FINAL, false, NULL, "it is damaged: the checksum does not match"},
    {"images/2.png", true, NULL, "images/2.png"},
    {"images/best.png", false, NULL, "its images/best.png is not what it was"},
    {"saved_models/d/discriminator_1.safetensors", true, NULL, "discriminator_1.safetensors"},
    {"saved_models/generator_min.safetensors", false, NULL,
     "its saved_models/generator_min.safetensors is not what it was"},
    {"records.bin", true, NULL, "needs the first"},
    {NULL, false, "auto-base", "its final point was made with kernels"},
};

START_TEST(what_is_not_as_it_was_is_not_begun_with)
{
    struct run *from = made("short", 2, NULL), *whole = run_of("whole", 3, NULL),
               *r = run_of("long", 3, NULL);
    whole->kernels = r->kernels = refused[_i].kernels;
    carry_out(whole);
    if (refused[_i].file && refused[_i].gone)
        ck_assert_int_eq(unlink(run_path(from, refused[_i].file)), 0);
    else if (refused[_i].file)
        damage(from, refused[_i].file);
    begin_from(r, from);
    ck_assert_int_eq(r->n_shorter, 1);
    ck_has(r->said, "begins with its first step, not from sweep/0001-base-s0: ");
    ck_has(r->said, refused[_i].why);
    expect_same(whole, r);
    end_run(from);
    end_run(whole);
    end_run(r);
}
END_TEST

static void expect_fits(const struct pxs_params *p, const struct pxs_params *shorter,
                        const char *words) {
    static const int64_t rungs[] = {1, 4};
    struct pxs_text why = {0};
    const bool rung = words && strstr(words, "prune") != NULL;
    ck_assert_int_eq(
        pxs_train_shorter_fits(p, shorter, 3, rung ? rungs : &rungs[1], rung ? 2 : 1, &why),
        words == NULL);
    ck_has(pxs_text_str(&why), words ? words : "");
    pxs_text_finish(&why);
}

/* Which policies depend on n_epochs follows from their rates. */
START_TEST(schedules_that_depend_on_the_epochs)
{
    static const struct {
        int policy;
        bool depends;
    } policies[] = {
        {PXS_LR_CONSTANT, false},  {PXS_LR_HALVE, false},           {PXS_LR_STEP, false},
        {PXS_LR_MULTISTEP, false}, {PXS_LR_EXPONENTIAL, false},     {PXS_LR_LINEAR, true},
        {PXS_LR_COSINE, true},     {PXS_LR_COSINE_RESTARTS, false}, {PXS_LR_POLYNOMIAL, true},
        {PXS_LR_ONE_CYCLE, true},  {PXS_LR_PLATEAU, false}};
    for (int net = 0; net < 2; net++)
        for (size_t i = 0; i < PXS_COUNT(policies); i++) {
            struct pxs_params a = small();
            *(net ? &a.lr_policy_D : &a.lr_policy_G) = policies[i].policy;
            a.lrgd = a.lrdd = a.step_size = a.step_size_D = a.T_0 = a.T_0_D = 2;
            a.n_epochs_decay = a.n_epochs_decay_D = 3;
            a.gamma = a.gamma_D = 0.5;
            a.power = a.power_D = 2;
            a.max_lr = a.max_lr_D = 1e-2;
            a.pct_start = a.pct_start_D = 0.3;
            snprintf(a.milestones, sizeof a.milestones, "[2,7]");
            snprintf(a.milestones_D, sizeof a.milestones_D, "[2,7]");
            struct pxs_params b = a;
            a.n_epochs = 10;
            b.n_epochs = 5;
            expect_fits(&a, &b, policies[i].depends ? " depends on n_epochs: its rates" : NULL);
        }
}
END_TEST

START_TEST(what_else_makes_other_rows_or_files)
{
    struct pxs_params a = small(), b;
    a.n_epochs = 10;
    b = a;
    expect_fits(&a, &b, "it has 10 epochs, no fewer");
    b.n_epochs = 5;
    expect_fits(&a, &b, NULL); /* the rung behind its last epoch is asked by the longer run */
    expect_fits(&a, &b, "sweep.prune compares it after 2 epochs");
    b.sample_interval = 7;
    expect_fits(&a, &b, "sample_interval was 7 there and is 0 here");
    b = a;
    b.n_epochs = 5;
    b.checkpoint_interval = 1;
    expect_fits(&a, &b, "checkpoint_interval was 1 there");
    /* a decay that has not begun in the shorter run, and is over the larger number, is another one
     */
    a.lr_policy_G = PXS_LR_LINEAR;
    a.n_epochs_decay = 2;
    b = a;
    b.n_epochs = 5;
    expect_fits(&a, &b, "from epoch 3 on");
}
END_TEST

int main(void) {
    Suite *s = suite_create("shorter");
    TCase *t = tcase_create("same");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, test_folder_remove);
    tcase_add_loop_test(t, a_longer_run_is_the_run_from_scratch, 0, PXS_COUNT(changes));
    tcase_add_test(t, a_run_that_stopped_early_stops_again);
    tcase_add_test(t, chains);
    tcase_add_test(t, it_needs_the_shorter_run_no_more);
    suite_add_tcase(s, t);
    t = tcase_create("refused");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, test_folder_remove);
    tcase_add_loop_test(t, what_is_not_as_it_was_is_not_begun_with, 0, PXS_COUNT(refused));
    tcase_add_test(t, schedules_that_depend_on_the_epochs);
    tcase_add_test(t, what_else_makes_other_rows_or_files);
    suite_add_tcase(s, t);
    return run_tests(s, CK_NORMAL);
}
