/* Resume points: from each of them a run goes on to the same bits, and one that is not whole, or
 * not its own, is passed over. */
#include "../../src/engine/train/resume_priv.h"
#include "fixture.h"
#include "pixsweep/model.h"
#include "pixsweep/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POINT "resume.safetensors"
#define PREVIOUS "resume.previous.safetensors"

/* ---- the run that is stopped everywhere ----------------------------------------------------- */

/* Everything that carries state from batch to batch: dropout, jitter, flip, shuffle, falling rates,
 * a best so far; a short last batch. */
static struct run *rich(const char *dir, int width) {
    struct run *r = new_run(dir);
    r->p.ngf = r->p.ndf = width;
    r->p.n_epochs = 3;
    r->p.sample_interval = 2;
    r->p.checkpoint_interval = 2;
    r->p.jitter = 2;
    r->p.flip = true;
    r->p.lr_policy_G = PXS_LR_HALVE;
    r->p.lrgd = 2;
    r->config_hash = HASH;
    return r;
}

static void shell(const char *fmt, ...) {
    char command[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    ck_assert_msg(system(command) == 0, "%s", command);
}

static bool is_there(const struct run *r, const char *file) {
    return access(run_path(r, file), F_OK) == 0;
}

/* At its resume points the folder is copied, as if the process had been killed right then: at every
 * stride-th, or at point number `only` alone. */
struct copies {
    const struct run *run;
    int stride, only;
    int n;
};

static void copy_folder(void *user, enum pxs_log_level level, const char *text) {
    struct copies *c = user;
    ck_assert_int_eq(level, PXS_LOG_INFO);
    if (strncmp(text, "resume point", strlen("resume point")) != 0)
        return;
    if (c->stride ? c->n % c->stride == 0 : c->n == c->only)
        shell("cp -r %s/%s %s/%s-%d", test_folder(), c->run->dir, test_folder(), c->run->dir, c->n);
    c->n++;
}

static void expect_same(const struct run *whole, const struct run *r, int number) {
    ck_assert_msg(r->status == PXS_OK, "copy %d: %s", number, r->err.message);
    ck_assert_msg(same_run(whole, r), "copy %d: other losses", number);
    for (int i = 0; i < r->n_batch; i++) {
        ck_assert_int_eq(r->batch[i].step, i);
        ck_assert(r->batch[i].lr_G == whole->batch[i].lr_G &&
                  r->batch[i].lr_D == whole->batch[i].lr_D);
    }
    for (int i = 0; i < r->n_epoch; i++) {
        struct pxs_record_epoch epoch = r->epoch[i];
        ck_assert_double_gt(epoch.seconds, 0);
        epoch.seconds = whole->epoch[i].seconds;
        ck_assert_msg(!memcmp(&epoch, &whole->epoch[i], sizeof epoch), "copy %d: epoch %d differs",
                      number, i);
    }
    ck_assert_int_eq(r->n_sample, whole->n_sample);
    for (int i = 0; i < r->n_sample; i++)
        ck_assert_str_eq(r->sample[i].sha256, whole->sample[i].sha256);
    ck_assert_int_eq(r->n_best, whole->n_best);
    for (int i = 0; i < r->n_best; i++)
        ck_assert_str_eq(r->best[i].sha256, whole->best[i].sha256);
    ck_assert_int_eq(r->n_checkpoint, whole->n_checkpoint);
    for (int i = 0; i < r->n_checkpoint; i++)
        ck_assert_str_eq(r->checkpoint[i].sha256, whole->checkpoint[i].sha256);
}

static void try_points(int stride, const char *dir, int width, int threads,
                       void (*change)(struct pxs_params *)) {
    struct run *whole = rich(dir, width);
    struct copies copies = {.run = whole, .stride = stride};
    whole->threads = threads;
    whole->resume_every = 0;
    whole->log = (struct pxs_logger){copy_folder, &copies};
    if (change)
        change(&whole->p);
    carry_out(whole);
    ck_assert_msg(whole->status == PXS_OK, "%s", whole->err.message);
    ck_assert(!is_there(whole, POINT) && !is_there(whole, PREVIOUS));
    /* behind each batch, and behind each epoch but the last */
    ck_assert_int_eq(copies.n, 3 * 3 + 2);
    for (int i = 0; i < copies.n; i += stride) {
        char name[64];
        snprintf(name, sizeof name, "%s-%d", dir, i);
        struct run *r = rich(name, width);
        r->p = whole->p;
        r->threads = 3 - threads; /* bits do not depend on it */
        r->go_on = true;
        carry_out(r);
        ck_assert_int_ge(r->point.step, 1);
        ck_assert_str_eq(pxs_text_str(&r->notes), "");
        expect_same(whole, r, i);
        ck_assert(!is_there(r, POINT) && !is_there(r, PREVIOUS));
        end_run(r);
    }
    end_run(whole);
}

static void lab(struct pxs_params *p) {
    p->validation = PXS_VALIDATION_LAB;
    p->gan_mode = PXS_GAN_VANILLA;
}

static void batch_norm(struct pxs_params *p) {
    p->generator = PXS_GENERATOR_UNET_32;
    p->discriminator = PXS_DISCRIMINATOR_N_LAYERS;
    p->norm = PXS_NETWORK_NORM_BATCH;
    p->init_type = PXS_INIT_TYPE_ORTHOGONAL;
    p->init_gain = 0.5;
    p->gan_mode = PXS_GAN_HINGE;
}

/* Rates that depend on what was seen and on the batch. */
static void moving(struct pxs_params *p) {
    p->lr_policy_G = PXS_LR_PLATEAU;
    p->factor = 0.5;
    p->patience = 0;
    p->threshold = 0.99; /* nothing after the first epoch is good enough */
    p->lr_policy_D = PXS_LR_ONE_CYCLE;
    p->max_lr_D = 2 * p->learning_rate_D;
    p->pct_start_D = 0.6;
    p->warmup_epochs_D = 1;
}

/* Every POINT_STRIDE-th, and every third of the others: behind a first, second and third batch, and
 * behind an epoch. */
START_TEST(every_point_leads_to_the_same_bits)
{
    try_points(POINT_STRIDE, "narrow", 5, 1, NULL);
    try_points(3, "panels", 16, 2, NULL);
    try_points(3, "lab", 4, 1, lab);
    try_points(3, "moving", 4, 2, moving);
    try_points(3, "batch_norm", 4, 1, batch_norm);
}
END_TEST

/* Without its memory the rate would not have fallen, and the test above would prove nothing. */
START_TEST(plateau_reduces_the_rate)
{
    struct run *r = rich("plateau", 4);
    moving(&r->p);
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_OK);
    ck_assert_double_eq(r->epoch[1].lr_G, r->p.learning_rate_G);
    ck_assert_double_eq_tol(r->epoch[2].lr_G, 0.5 * r->p.learning_rate_G, 1e-18);
    /* warm-up, batch by batch */
    ck_assert_double_eq_tol(r->batch[0].lr_D, r->p.learning_rate_D / 3, 1e-18);
    ck_assert_double_eq(r->batch[2].lr_D, r->p.learning_rate_D);
    ck_assert_double_gt(r->batch[5].lr_D, r->batch[3].lr_D); /* the cycle rises */
    /* an epoch's row holds its last batch's */
    ck_assert_double_eq(r->epoch[1].lr_D, r->batch[5].lr_D);
    end_run(r);
}
END_TEST

/* A point of before: no discriminator outputs, no plateau. */
START_TEST(a_point_of_format_1_is_read)
{
    struct pxs_params p = small();
    struct pxs_pix2pix *model;
    struct pxs_safetensors *file;
    struct resume_state s = {.format = 1,
                             .config_hash = HASH,
                             .step = 7,
                             .epoch = 3,
                             .best = INFINITY,
                             .sums.avg_loss_D = 0.5},
                        back;
    struct resume_text text;
    struct pxs_error err;
    char path[600];
    snprintf(path, sizeof path, "%s/old.safetensors", test_folder());
    ck_assert(pxs_pix2pix_create(&p, NULL, "auto", &model, &err) == PXS_OK);
    for (int format = 1; format <= RESUME_FORMAT; format++) {
        s.format = format;
        s.sums.D_real = 0.25;
        s.measures = pxs_measures_version();
        s.plateau[1].bad_epochs = 4;
        resume_print(&s, &text);
        ck_assert(pxs_pix2pix_save_state(model, path, text.metadata, NULL, resume_crc(&text),
                                         &err) == PXS_OK);
        ck_assert(pxs_safetensors_open(path, &file, &err) == PXS_OK);
        ck_assert_int_eq(pxs_safetensors_metadata(file, "sum_D_real") != NULL, format >= 2);
        ck_assert_int_eq(pxs_safetensors_metadata(file, "early_stop_epoch") != NULL, format >= 3);
        ck_assert_msg(resume_read(file, &back, &err) == PXS_OK, "%s", err.message);
        pxs_safetensors_destroy(&file);
        ck_assert(back.step == 7 && isinf(back.best) && back.sums.avg_loss_D == 0.5);
        ck_assert(format == 1 ? isnan(back.sums.D_real) : back.sums.D_real == 0.25);
        ck_assert_int_eq(back.plateau[1].bad_epochs, format == 1 ? 0 : 4);
    }
    pxs_pix2pix_destroy(&model);
}
END_TEST

/* With a right checksum, but nobody could count on with these. */
START_TEST(impossible_numbers_are_damage)
{
    struct resume_state good = {.format = RESUME_FORMAT,
                                .measures = 1,
                                .config_hash = HASH,
                                .epoch = 3},
                        bad[7], back;
    struct pxs_params p = small();
    struct pxs_pix2pix *model;
    struct pxs_safetensors *file;
    struct resume_text text;
    struct pxs_error err;
    char path[600];
    for (size_t i = 0; i < PXS_COUNT(bad); i++)
        bad[i] = good;
    bad[0].early_epoch = INT64_MIN;
    bad[1].plateau[0].bad_epochs = INT64_MAX;
    bad[2].plateau[1].rate = NAN;
    bad[3].record_bytes = -1;
    bad[4].epoch_seconds = INFINITY;
    bad[5].batch = -1;
    bad[6].measures = 0;
    snprintf(path, sizeof path, "%s/impossible.safetensors", test_folder());
    ck_assert(pxs_pix2pix_create(&p, NULL, "auto", &model, &err) == PXS_OK);
    for (size_t i = 0; i <= PXS_COUNT(bad); i++) {
        resume_print(i < PXS_COUNT(bad) ? &bad[i] : &good, &text);
        ck_assert(pxs_pix2pix_save_state(model, path, text.metadata, NULL, resume_crc(&text),
                                         &err) == PXS_OK);
        ck_assert(pxs_safetensors_open(path, &file, &err) == PXS_OK);
        ck_assert_int_eq(resume_read(file, &back, &err),
                         i < PXS_COUNT(bad) ? PXS_E_CORRUPT : PXS_OK);
        pxs_safetensors_destroy(&file);
    }
    pxs_pix2pix_destroy(&model);
}
END_TEST

/* ---- when points are written ---------------------------------------------------------------- */

START_TEST(a_stop_leaves_a_point_and_an_early_one_none)
{
    struct run *r = rich("asked", 4);
    r->save = true; /* before the first batch there is nothing to save yet */
    r->stop_signal = 15;
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_STOPPED);
    ck_assert(!is_there(r, POINT));
    end_run(r);

    r = rich("none", 4);
    r->config_hash = NULL;
    r->resume_every = 0;
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_OK);
    ck_assert(!is_there(r, POINT) && !is_there(r, PREVIOUS));
    end_run(r);
}
END_TEST

struct points {
    int n;
};

static void count_points(void *user, enum pxs_log_level level, const char *text) {
    struct points *c = user;
    (void)level;
    c->n += strncmp(text, "resume point", strlen("resume point")) == 0;
}

START_TEST(points_are_as_far_apart_as_asked)
{
    struct run *r = rich("far", 4);
    struct points c = {0};
    r->log = (struct pxs_logger){count_points, &c};
    carry_out(r);
    ck_assert_int_eq(c.n, 0); /* 300 s are not over */
    end_run(r);
}
END_TEST

/* ---- points that are passed over ------------------------------------------------------------ */

/* root/dir: a folder as of some step, with a point and the one before it. */
static struct run *interrupted(const char *dir) {
    struct run *r = rich("origin", 4);
    struct copies copies = {.run = r, .only = 6};
    if (!is_there(r, "records.bin")) {
        r->resume_every = 0;
        r->log = (struct pxs_logger){copy_folder, &copies};
        carry_out(r);
    }
    end_run(r);
    shell("rm -rf %s/%s && cp -r %s/origin-6 %s/%s", test_folder(), dir, test_folder(),
          test_folder(), dir);
    r = rich(dir, 4);
    r->go_on = true;
    ck_assert(is_there(r, POINT) && is_there(r, PREVIOUS));
    return r;
}

static int64_t find(struct run *r, const char *hash, const char *kernels, bool mixed) {
    struct pxs_resume_point point;
    char dir[512];
    snprintf(dir, sizeof dir, "%s/%s", test_folder(), r->dir);
    pxs_text_clear(&r->notes);
    r->status = pxs_train_find_resume(dir, hash, &r->p, kernels, mixed, &point, &r->notes, &r->err);
    return point.step;
}

static void expect_note(const struct run *r, const char *words) {
    ck_assert_msg(strstr(pxs_text_str(&r->notes), words) != NULL, "\"%s\" is not in: %s", words,
                  pxs_text_str(&r->notes));
}

/* One byte of a file becomes another. */
static void flip(const char *path, long at) {
    FILE *f = fopen(path, "r+b");
    ck_assert_ptr_nonnull(f);
    fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 1, f);
    fclose(f);
}

START_TEST(damage_is_seen_and_the_one_before_is_used)
{
    struct run *r = interrupted("damaged");
    int64_t newest = find(r, HASH, "auto", false);
    struct stat info;
    stat(run_path(r, POINT), &info);
    /* header length, header, first tensor, last tensor, checksum */
    const long flips[] = {3, 60, 9000 + (long)info.st_size / 3, (long)info.st_size / 2, -9, -1};
    for (size_t i = 0; i < PXS_COUNT(flips); i++) {
        flip(run_path(r, POINT), flips[i]);
        ck_assert_msg(find(r, HASH, "auto", false) == newest - 1, "flip %zu", i);
        expect_note(r, POINT);
        flip(run_path(r, POINT), flips[i]);
        ck_assert_int_eq(find(r, HASH, "auto", false), newest);
    }
    const off_t cuts[] = {0, 5, 100, info.st_size / 2, info.st_size - 1};
    for (size_t i = PXS_COUNT(cuts); i-- > 0;) {
        ck_assert_int_eq(truncate(run_path(r, POINT), cuts[i]), 0);
        ck_assert_int_eq(find(r, HASH, "auto", false), newest - 1);
        expect_note(r, POINT);
    }
    struct run *whole = rich("undisturbed", 4);
    carry_out(whole);
    pxs_text_clear(&r->notes);
    carry_out(r); /* from the one before */
    ck_assert_int_eq(r->point.step, newest - 1);
    expect_same(whole, r, 0);
    end_run(whole);
    end_run(r);
}
END_TEST

/* A worker may die while it writes: until then the one before must stay where it is. */
START_TEST(a_damaged_point_does_not_displace_the_one_before)
{
    struct run *r = interrupted("displaced");
    int64_t newest = find(r, HASH, "auto", false);
    struct copies copies = {.run = r, .only = 0};
    ck_assert_int_eq(truncate(run_path(r, POINT), 100), 0);
    r->resume_every = 0;
    r->log = (struct pxs_logger){copy_folder, &copies};
    pxs_text_clear(&r->notes);
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_OK);
    ck_assert_int_ge(copies.n, 1);
    struct run *first = rich("displaced-0", 4); /* right behind its first new point */
    ck_assert_int_eq(find(first, HASH, "auto", false), newest);
    ck_assert_int_eq(truncate(run_path(first, POINT), 100), 0);
    ck_assert_int_eq(find(first, HASH, "auto", false), newest - 1);
    end_run(first);
    end_run(r);
}
END_TEST

START_TEST(without_any_it_starts_from_zero_and_says_so)
{
    struct run *whole = rich("undisturbed", 4), *r = interrupted("hopeless");
    ck_assert_int_eq(truncate(run_path(r, POINT), 77), 0);
    ck_assert_int_eq(unlink(run_path(r, PREVIOUS)), 0);
    ck_assert_int_eq(mkdir(run_path(r, PREVIOUS), 0777), 0);
    carry_out(whole);
    carry_out(r);
    ck_assert_int_eq(r->point.step, -1);
    expect_note(r, POINT);
    expect_note(r, PREVIOUS);
    expect_note(r, "first step");
    expect_same(whole, r, 0);
    end_run(whole);
    end_run(r);
}
END_TEST

START_TEST(a_point_of_another_configuration_is_refused)
{
    struct run *r = interrupted("other");
    ck_assert_int_eq(find(r,
                          "f"
                          "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                          "auto", false),
                     -1);
    expect_note(r, "another configuration");
    end_run(r);
}
END_TEST

START_TEST(other_kernels_are_refused_unless_allowed)
{
    struct run *r = interrupted("mixed");
    int64_t newest = find(r, HASH, "auto", false);
    ck_assert_int_eq(find(r, HASH, "blas", false), -1);
    expect_note(r, "--allow-mixed");
    expect_note(r, "here are blas");
    ck_assert_int_eq(find(r, HASH, "blas", true), newest);
    expect_note(r, "kernels");
    end_run(r);
}
END_TEST

/* ---- classes of bits ------------------------------------------------------------------------ */

/* The point of a folder as `change` makes it, with a right checksum. */
static void rewrite(const struct run *r, void (*change)(struct resume_state *)) {
    struct pxs_pix2pix *model;
    struct pxs_safetensors *file;
    struct resume_state s;
    struct resume_text text;
    struct pxs_error err;
    char path[600];
    snprintf(path, sizeof path, "%s", run_path(r, POINT));
    ck_assert(pxs_safetensors_open(path, &file, &err) == PXS_OK);
    ck_assert_msg(resume_read(file, &s, &err) == PXS_OK, "%s", err.message);
    pxs_safetensors_destroy(&file);
    change(&s);
    resume_print(&s, &text);
    ck_assert(pxs_pix2pix_create(&r->p, NULL, "auto", &model, &err) == PXS_OK);
    ck_assert(pxs_pix2pix_load_state(model, path, &err) == PXS_OK);
    ck_assert(pxs_pix2pix_save_state(model, path, text.metadata, NULL, resume_crc(&text), &err) ==
              PXS_OK);
    pxs_pix2pix_destroy(&model);
}

/* A folder with one resume point, made with these kernels at this width. */
static struct run *stopped_with(const char *dir, int width, const char *kernels) {
    char origin[64];
    snprintf(origin, sizeof origin, "of-%s-%d", kernels, width);
    struct run *r = rich(origin, width);
    struct copies copies = {.run = r, .only = 4};
    r->kernels = kernels;
    if (!is_there(r, "records.bin")) {
        r->resume_every = 0;
        r->log = (struct pxs_logger){copy_folder, &copies};
        carry_out(r);
        ck_assert_msg(r->status == PXS_OK, "%s", r->err.message);
    }
    end_run(r);
    shell("rm -rf %s/%s && cp -r %s/%s-4 %s/%s", test_folder(), dir, test_folder(), origin,
          test_folder(), dir);
    r = rich(dir, width);
    unlink(run_path(r, PREVIOUS));
    r->go_on = true;
    return r;
}

static bool runs_here(const char *kernels) {
    const struct pxs_kernels *set;
    return pxs_kernels_select(kernels, &set, NULL) == PXS_OK;
}

/* From the wide instruction set to the narrow one and back; where there is one only, from it to
 * itself. */
START_TEST(kernels_of_one_class_go_on)
{
    const char *const sets[] = {runs_here("auto-avx512") ? "auto-avx512" : "auto",
                                runs_here("auto-avx2") ? "auto-avx2" : "auto"};
    const bool both = runs_here("auto-avx512") && runs_here("auto-avx2");
    for (int width = 4; width <= 16; width += 12)
        for (int k = 0; k < (both ? 2 : 1); k++) {
            struct run *whole = rich("whole-class", width),
                       *r = stopped_with("class", width, sets[k]);
            whole->kernels = sets[k];
            r->kernels = sets[!k];
            carry_out(whole);
            carry_out(r);
            ck_assert_int_ge(r->point.step, 1);
            expect_same(whole, r, k);
            if (both)
                expect_note(r, "which give these networks the same bits");
            end_run(whole);
            end_run(r);
            shell("rm -r %s/whole-class", test_folder());
        }
}
END_TEST

START_TEST(what_gives_other_bits_is_refused_with_its_reason)
{
    struct run *r = stopped_with("reasons", 16, "auto");
    ck_assert_int_ge(find(r, HASH, "auto", false), 1);
    ck_assert_str_eq(pxs_text_str(&r->notes), "");
    ck_assert_int_eq(find(r, HASH, "direct", false), -1);
    expect_note(r, "layers are computed by other methods");
    ck_assert_int_eq(find(r, HASH, "blas", false), -1);
    ck_assert_int_ge(find(r, HASH, "direct", true), 1);
    expect_note(r, "as --allow-mixed says, though layers are computed by other methods");
    if (runs_here("auto-avx2")) {
        ck_assert_int_eq(find(r, HASH, "auto-base", false), -1);
        expect_note(r, "only one of them has FMA");
    }
    end_run(r);
}
END_TEST

static void other_openblas(struct resume_state *s) {
    strcpy(s->openblas, "OpenBLAS 9.9 of another machine, core Abacus");
    if (s->bits.openblas[0])
        strcpy(s->bits.openblas, s->openblas);
}
static void other_libm(struct resume_state *s) {
    strcpy(s->bits.libm, "00000001");
}
static void of_before(struct resume_state *s) {
    s->format = 3;
}
static void of_before_on_another_machine(struct resume_state *s) {
    other_openblas(s);
    s->format = 3;
    if (strcmp(s->kernels, "auto-avx2") == 0 && pxs_kernels_known("auto-avx512"))
        strcpy(s->kernels, "auto-avx512");
}
static void of_before_unknown(struct resume_state *s) {
    s->format = 3;
    strcpy(s->kernels, "auto-abacus");
}

/* What an old point does not know: the largest losses of the epoch that it was left in, unless it
 * was left between two. */
static void lose_largest(struct run *whole, const struct run *r) {
    const int64_t batches = whole->n_batch / whole->n_epoch;
    for (int e = 0; e < r->n_epoch; e++) {
        const bool lost = r->point.step / batches == e && r->point.step % batches > 0;
        ck_assert_int_eq(isnan(r->epoch[e].max_loss_G), lost);
        if (lost)
            whole->epoch[e].max_loss_G = whole->epoch[e].max_loss_D = r->epoch[e].max_loss_G;
    }
}

START_TEST(another_openblas_matters_where_it_computes)
{
    struct run *wide = stopped_with("wide", 16, "auto"),
               *narrow = stopped_with("narrow", 4, "auto");
    rewrite(wide, other_openblas);
    rewrite(narrow, other_openblas);
    ck_assert_int_ge(find(wide, HASH, "auto", false), 1);
    expect_note(wide, "OpenBLAS 9.9 of another machine, core Abacus); goes on with");
    ck_assert_int_eq(find(narrow, HASH, "auto", false), -1);
    expect_note(narrow, "OpenBLAS computes layers");
    end_run(wide);
    end_run(narrow);
}
END_TEST

START_TEST(another_libm_is_refused)
{
    struct run *r = stopped_with("libm", 16, "auto");
    rewrite(r, other_libm);
    ck_assert_int_eq(find(r, HASH, "auto", false), -1);
    expect_note(r, "the C library's pow");
    end_run(r);
}
END_TEST

/* They say kernels and OpenBLAS only: what was usable still is, and the class is worked out where
 * the kernels are known. */
START_TEST(points_of_before_are_judged_by_their_texts)
{
    static const int widths[] = {16, 4};
    for (int i = 0; i < 2; i++) {
        struct run *r = stopped_with("before", widths[i], "auto"),
                   *whole = rich("whole-before", widths[i]);
        rewrite(r, of_before);
        carry_out(whole);
        pxs_text_clear(&r->notes);
        carry_out(r);
        ck_assert_int_ge(r->point.step, 1);
        ck_assert_str_eq(pxs_text_str(&r->notes), "");
        lose_largest(whole, r);
        expect_same(whole, r, i);
        end_run(whole);
        end_run(r);
        shell("rm -r %s/whole-before", test_folder());
        r = stopped_with("before", widths[i], "auto");
        rewrite(r, of_before_on_another_machine);
        ck_assert_int_eq(find(r, HASH, "auto", false) >= 1, widths[i] == 16);
        end_run(r);
        r = stopped_with("before", widths[i], "auto");
        rewrite(r, of_before_unknown);
        ck_assert_int_eq(find(r, HASH, "auto", false), -1);
        expect_note(r, "does not know those kernels");
        end_run(r);
    }
}
END_TEST

/* The format's number in the header of a file. */
static void set_format(const char *path, char digit) {
    shell("sed -i 's/\"resume_format\":\"[0-9]\"/\"resume_format\":\"%c\"/' %s", digit, path);
}

START_TEST(a_newer_point_is_refused_by_name)
{
    struct run *r = interrupted("newer");
    int64_t newest = find(r, HASH, "auto", false);
    set_format(run_path(r, POINT), '8');
    ck_assert_int_eq(find(r, HASH, "auto", false), newest - 1);
    ck_assert_int_eq(r->status, PXS_OK);
    expect_note(r, "newer pixsweep");
    set_format(run_path(r, PREVIOUS), '9');
    find(r, HASH, "auto", false);
    ck_assert_int_eq(r->status, PXS_E_UNSUPPORTED);
    ck_assert_msg(strstr(r->err.message, POINT) != NULL, "%s", r->err.message);
    end_run(r);
}
END_TEST

/* An attempt that was cut off trains on beside the one that has taken its run over, and leaves its
 * point in the folder. */
START_TEST(a_point_of_an_attempt_that_was_cut_off_is_refused)
{
    struct run *whole = rich("undisturbed", 4), *zombie = rich("zombie", 4);
    struct copies all = {.run = zombie, .stride = 1};
    carry_out(whole);
    zombie->nonce = "00000000000000aa";
    zombie->resume_every = 0;
    zombie->log = (struct pxs_logger){copy_folder, &all};
    carry_out(zombie);

    /* Taken over behind its third point, and stopped behind a seventh. */
    struct run *r = rich("taken", 4);
    struct copies seventh = {.run = r, .only = 3};
    shell("cp -r %s/zombie-2 %s/taken", test_folder(), test_folder());
    r->go_on = true;
    r->nonce = "00000000000000bb";
    r->resume_every = 0;
    r->log = (struct pxs_logger){copy_folder, &seventh};
    carry_out(r);
    ck_assert_int_ge(r->point.step, 1);
    const int64_t taken_over = r->point.step;
    expect_same(whole, r, 0);
    end_run(r);

    int named = 0; /* else no record ends there in the new file */
    for (int number = 2; number <= 6; number++)
        for (int both = 0; both < 2; both++) {
            r = rich("beside", 4);
            r->go_on = true;
            r->nonce = "00000000000000cc";
            shell("rm -rf %s/beside && cp -r %s/taken-3 %s/beside", test_folder(), test_folder(),
                  test_folder());
            const int64_t own = find(r, HASH, "auto", false);
            ck_assert_int_gt(own, taken_over);
            shell("cp %s/zombie-%d/" POINT " %s", test_folder(), number, run_path(r, POINT));
            if (both)
                shell("cp %s/zombie-%d/" POINT " %s", test_folder(), number, run_path(r, PREVIOUS));
            const int64_t step = find(r, HASH, "auto", false);
            if (number == 2) /* both have its records */
                ck_assert_int_eq(step, taken_over);
            else {
                ck_assert_int_eq(step, both ? -1 : own - 1);
                expect_note(r, POINT);
            }
            named += strstr(pxs_text_str(&r->notes), "another process has gone on") != NULL;
            pxs_text_clear(&r->notes);
            carry_out(r);
            expect_same(whole, r, number);
            end_run(r);
        }
    ck_assert_int_ge(named, 1);
    end_run(zombie);
    end_run(whole);
}
END_TEST

START_TEST(records_that_are_missing_are_not_vouched_for)
{
    struct run *r = interrupted("short");
    int64_t newest = find(r, HASH, "auto", false);
    struct stat info;
    stat(run_path(r, "records.bin"), &info);
    ck_assert_int_eq(truncate(run_path(r, "records.bin"), info.st_size - 1), 0);
    ck_assert_int_eq(find(r, HASH, "auto", false), newest - 1);
    expect_note(r, "records.bin");
    end_run(r);
}
END_TEST

/* ---- a run that is another process's by now ------------------------------------------------- */

struct owner {
    const struct run *run;
    int asked, lost_at;
};

/* At the call number lost_at the run is lost; what its folder holds then is noted, but for a
 * finished file that has no name yet. */
static enum pxs_status may_write(void *user, struct pxs_error *err) {
    struct owner *o = user;
    ck_assert_int_le(o->asked, o->lost_at); /* not asked again */
    if (o->asked++ < o->lost_at)
        return PXS_OK;
    shell("cd %s/%s && find . -type f ! -name records.bin ! -name '*.tmp.*' -exec sha256sum {} + | "
          "sort > ../then && find . -name '*.tmp.*' >> ../unnamed",
          test_folder(), o->run->dir);
    return pxs_fail(err, PXS_E_BUSY, "it is claimed by another");
}

START_TEST(a_run_that_is_lost_writes_nothing_more)
{
    enum pxs_status status = PXS_E_BUSY;
    int n = 0;
    for (; status == PXS_E_BUSY; n++) {
        struct run *r = rich("lost", 4);
        struct owner o = {.run = r, .lost_at = n};
        shell("rm -rf %s/lost", test_folder());
        r->p.n_epochs = 2;
        r->resume_every = 0;
        r->may_write = may_write;
        r->may_write_user = &o;
        carry_out(r); /* an END record stands there unless it was lost */
        status = r->status;
        if (status == PXS_E_BUSY) {
            ck_assert_str_eq(r->err.message, "it is claimed by another");
            shell("cd %s/lost && find . -type f ! -name records.bin -exec sha256sum {} + | sort | "
                  "cmp - ../then",
                  test_folder());
        }
        end_run(r);
    }
    ck_assert_int_eq(status, PXS_OK);
    ck_assert_int_ge(n, 10); /* pictures, checkpoints, points, the end */
    /* It was asked when they were written already. */
    for (size_t i = 0; i < 3; i++)
        shell("grep -q '%s' %s/unnamed",
              (const char *[]){"/images/", "/saved_models/", "/resume.safetensors"}[i],
              test_folder());
}
END_TEST

int main(void) {
    Suite *s = suite_create("resume");
    TCase *t = tcase_create("resume");
    tcase_add_checked_fixture(t, set_up, test_folder_remove);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, every_point_leads_to_the_same_bits);
    tcase_add_test(t, a_stop_leaves_a_point_and_an_early_one_none);
    tcase_add_test(t, points_are_as_far_apart_as_asked);
    tcase_add_test(t, damage_is_seen_and_the_one_before_is_used);
    tcase_add_test(t, a_damaged_point_does_not_displace_the_one_before);
    tcase_add_test(t, without_any_it_starts_from_zero_and_says_so);
    tcase_add_test(t, a_point_of_another_configuration_is_refused);
    tcase_add_test(t, other_kernels_are_refused_unless_allowed);
    tcase_add_test(t, kernels_of_one_class_go_on);
    tcase_add_test(t, what_gives_other_bits_is_refused_with_its_reason);
    tcase_add_test(t, another_openblas_matters_where_it_computes);
    tcase_add_test(t, another_libm_is_refused);
    tcase_add_test(t, points_of_before_are_judged_by_their_texts);
    tcase_add_test(t, plateau_reduces_the_rate);
    tcase_add_test(t, a_point_of_format_1_is_read);
    tcase_add_test(t, impossible_numbers_are_damage);
    tcase_add_test(t, a_newer_point_is_refused_by_name);
    tcase_add_test(t, a_run_that_is_lost_writes_nothing_more);
    tcase_add_test(t, a_point_of_an_attempt_that_was_cut_off_is_refused);
    tcase_add_test(t, records_that_are_missing_are_not_vouched_for);
    suite_add_tcase(s, t);
    return run_tests(s, CK_NORMAL);
}
