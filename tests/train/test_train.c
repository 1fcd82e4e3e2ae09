/* Whole small runs: what is recorded, which files appear, and that every hyperparameter does what
 * it says. */
#include "fixture.h"

#include "pixsweep/data.h"
#include "pixsweep/image.h"
#include "pixsweep/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct run *completed(const char *dir, void (*change)(struct pxs_params *)) {
    struct run *r = new_run(dir);
    if (change)
        change(&r->p);
    carry_out(r);
    ck_assert_msg(r->status == PXS_OK, "%s: %s", dir, r->err.message);
    ck_assert_int_eq(r->end.outcome, PXS_OUTCOME_COMPLETED);
    return r;
}

/* ---- what is recorded ----------------------------------------------------------------------- */

static void three_epochs(struct pxs_params *p) {
    p->n_epochs = 3;
}

START_TEST(rows_and_averages)
{
    struct run *r = completed("rows", three_epochs);
    ck_assert_int_eq(r->n_batch, 9); /* 5 pairs in batches of 2: the short one is kept */
    ck_assert_int_eq(r->n_epoch, 3);
    ck_assert_int_eq(r->end.step, 9);
    for (int e = 0; e < 3; e++) {
        double sum = 0, max_G = 0, max_D = 0;
        for (int b = 0; b < 3; b++) {
            const struct pxs_record_batch *row = &r->batch[3 * e + b];
            ck_assert_int_eq(row->step, 3 * e + b);
            ck_assert_int_eq(row->epoch, e);
            ck_assert_int_eq(row->batch, b);
            ck_assert_double_gt(row->seconds, 0);
            double whole = row->losses.loss_GAN + r->p.lambda_pixel * row->losses.loss_pixel;
            ck_assert_double_eq_tol(row->losses.loss_G, whole, 1e-12 * whole);
            double d = 0.5 * (row->losses.loss_real + row->losses.loss_fake);
            ck_assert_double_eq_tol(row->losses.loss_D, d, 1e-12 * d);
            sum += row->losses.loss_G;
            max_G = fmax(max_G, row->losses.loss_G);
            max_D = fmax(max_D, row->losses.loss_D);
        }
        const struct pxs_record_epoch *row = &r->epoch[e];
        ck_assert_double_eq_tol(row->avg_loss_G, sum / 3, 1e-12 * sum);
        ck_assert(row->max_loss_G == max_G && row->max_loss_D == max_D);
        ck_assert(row->val_psnr > 0 && row->val_psnr < 60 && row->val_ssim > -1 &&
                  row->val_ssim < 1);
        /* the square of a mean is at most the mean of squares (Jensen), and these networks have not
         * settled on one value */
        ck_assert(pow(row->D_real - 1, 2) < row->avg_loss_real && pow(row->D_real - 1, 2) > 0);
        ck_assert(pow(row->D_fake, 2) < row->avg_loss_fake && row->D_fake != 0);
    }
    free(r);
}
END_TEST

static void halving(struct pxs_params *p) {
    p->n_epochs = 7;
    p->lrgd = 3;
    p->lr_policy_D = PXS_LR_HALVE;
    p->lrdd = 2;
}

START_TEST(rates_follow_the_policies)
{
    static const double g[] = {1, 1, 0.5, 0.5, 0.5, 0.25, 0.25},
                        d[] = {1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125};
    struct run *r = completed("rates", halving);
    for (int i = 0; i < r->n_batch; i++) {
        ck_assert_double_eq(r->batch[i].lr_G, 1e-3 * g[r->batch[i].epoch]);
        ck_assert_double_eq(r->batch[i].lr_D, 1e-3 * d[r->batch[i].epoch]);
    }
    ck_assert_double_eq(r->epoch[6].lr_G, 2.5e-4);
    free(r);
}
END_TEST

static void many_files(struct pxs_params *p) {
    p->n_epochs = 6;
    p->learning_rate_G = 0.3; /* so high that not every epoch is the best so far */
    p->sample_interval = 4;
    p->checkpoint_interval = 2;
}

static void check_file(const struct run *r, const char *file, const char *sha256, int64_t size) {
    char hex[PXS_SHA256_HEX];
    uint64_t bytes;
    struct pxs_error err;
    ck_assert_msg(pxs_sha256_file(run_path(r, file), hex, &bytes, &err) == PXS_OK, "%s",
                  err.message);
    ck_assert_str_eq(hex, sha256);
    if (size >= 0)
        ck_assert_int_eq((int64_t)bytes, size);
}

/* The last weights of both networks are kept, and are those of the last epoch. */
static void check_last(const struct run *r) {
    static const char *const paths[] = {"saved_models/generator_last.safetensors",
                                        "saved_models/d/discriminator_last.safetensors"};
    const int64_t last = r->p.n_epochs - 1;
    ck_assert_int_ge(r->n_checkpoint, 2);
    for (int net = 0; net < 2; net++) {
        const struct pxs_record_checkpoint *c = &r->checkpoint[r->n_checkpoint - 2 + net];
        ck_assert_str_eq(c->path, paths[net]);
        ck_assert_str_eq(c->kind, "periodic");
        ck_assert_int_eq(c->epoch, last);
        check_file(r, c->path, c->sha256, c->bytes);
        for (int i = 0; i < r->n_checkpoint - 2; i++) /* the same weights under another name */
            if (r->checkpoint[i].epoch == last && !strcmp(r->checkpoint[i].net, c->net))
                ck_assert_str_eq(r->checkpoint[i].sha256, c->sha256);
    }
}

START_TEST(samples_and_checkpoints)
{
    struct run *r = completed("files", many_files);
    ck_assert_int_eq(r->n_sample, 6); /* steps 0, 4, 8, 12, 16 of 18, and the last */
    for (int i = 0; i < r->n_sample; i++) {
        ck_assert_int_eq(r->sample[i].step, i < 5 ? 4 * i : 17);
        check_file(r, r->sample[i].path, r->sample[i].sha256, -1);
    }
    ck_assert_str_eq(r->sample[4].path, "images/16.png");
    ck_assert_int_eq(r->sample[5].epoch, 5);
    ck_assert_int_gt(r->n_best, 0);
    ck_assert_str_eq(r->best[r->n_best - 1].path, "images/best.png");
    check_file(r, "images/best.png", r->best[r->n_best - 1].sha256, -1);
    int periodic = 0, worse = 0;
    double best = INFINITY;
    for (int i = 0; i < r->n_checkpoint; i++) {
        const struct pxs_record_checkpoint *c = &r->checkpoint[i];
        if (!strcmp(c->kind, "periodic") && !strstr(c->path, "_last")) {
            ck_assert_int_eq(c->epoch, 2 * (periodic++ / 2) + 1);
            check_file(r, c->path, c->sha256, c->bytes);
        }
    }
    ck_assert_int_eq(periodic, 6);
    check_last(r);
    ck_assert_int_eq(access(run_path(r, "saved_models/generator_5.safetensors"), F_OK), 0);
    ck_assert_int_eq(access(run_path(r, "saved_models/d/discriminator_3.safetensors"), F_OK), 0);
    for (int e = 0; e < r->n_epoch; e++) {
        ck_assert_int_eq(r->epoch[e].is_best, r->epoch[e].val_loss < best);
        worse += !r->epoch[e].is_best;
        best = fmin(best, r->epoch[e].val_loss);
    }
    ck_assert_int_gt(worse, 0);
    const struct pxs_record_checkpoint *last_best = NULL;
    for (int i = 0; i < r->n_checkpoint; i++)
        if (!strcmp(r->checkpoint[i].kind, "best") && !strcmp(r->checkpoint[i].net, "generator"))
            last_best = &r->checkpoint[i];
    ck_assert_ptr_nonnull(last_best);
    ck_assert_double_eq(r->epoch[last_best->epoch].val_loss, best);
    check_file(r, "saved_models/generator_min.safetensors", last_best->sha256, last_best->bytes);

    /* The file is enough to use the network: it says what it is of. */
    struct pxs_params p;
    bool stated = false;
    pxs_params_default(&p);
    ck_assert_int_eq(pxs_weights_config(run_path(r, "saved_models/generator_min.safetensors"), &p,
                                        &stated, NULL),
                     PXS_OK);
    ck_assert(stated);
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        if (pxs_param_info(key)->type != PXS_TYPE_PATH && pxs_params_effective(&p, key) &&
            !(pxs_param_info(key)->flags & PXS_PF_NOT_IDENTITY))
            ck_assert_msg(pxs_params_equal_at(&p, &r->p, key), "%s", pxs_param_info(key)->key);
    free(r);
}
END_TEST

static void every_step(struct pxs_params *p) {
    many_files(p);
    p->sample_interval = 1;
}

/* The best picture is the one of the best epoch's last batch, and none is made twice. */
START_TEST(the_best_picture_is_of_the_best_weights)
{
    struct run *r = completed("best-picture", every_step);
    ck_assert_int_eq(r->n_sample, r->n_batch);
    int n_best = 0;
    for (int e = 0; e < r->n_epoch; e++) {
        if (!r->epoch[e].is_best)
            continue;
        const struct pxs_record_sample *best = &r->best[n_best++];
        ck_assert_int_eq(best->epoch, e);
        ck_assert_int_eq(best->step, 3 * e + 2);
        ck_assert_str_eq(best->sha256, r->sample[best->step].sha256);
    }
    ck_assert_int_eq(r->n_best, n_best);
    ck_assert_int_gt(n_best, 0);
    ck_assert_int_lt(n_best, r->n_epoch);
    free(r);
}
END_TEST

static void no_interval(struct pxs_params *p) {
    p->sample_interval = 0;
}
static void blind(struct pxs_params *p) {
    p->validation = PXS_VALIDATION_OFF;
}

START_TEST(a_last_picture_in_any_case)
{
    struct run *r = completed("no-interval", no_interval);
    ck_assert_int_eq(r->n_sample, 1);
    ck_assert_int_eq(r->sample[0].step, r->n_batch - 1);
    ck_assert_int_gt(r->n_best, 0);
    free(r);
    r = completed("blind", blind);
    ck_assert_int_eq(r->n_sample, 1);
    ck_assert_int_eq(r->n_best, 0); /* nothing says which weights are the best */
    ck_assert_int_ne(access(run_path(r, "images/best.png"), F_OK), 0);
    free(r);
}
END_TEST

static void one_thread_more(struct run *r, int threads) {
    r->threads = threads;
    r->p.n_epochs = 3;
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_OK);
}

START_TEST(same_bits_for_any_threads)
{
    struct run *a = new_run("t1"), *b = new_run("t3");
    one_thread_more(a, 1);
    one_thread_more(b, 3);
    ck_assert(same_run(a, b));
    ck_assert_str_eq(a->checkpoint[0].sha256, b->checkpoint[0].sha256);
    free(a);
    free(b);
}
END_TEST

/* ---- every hyperparameter does what it says ------------------------------------------------- */

static void set_direction(struct pxs_params *p) {
    p->direction = PXS_DIRECTION_ATOB;
}
static void set_flip(struct pxs_params *p) {
    p->flip = true;
}
static void set_jitter(struct pxs_params *p) {
    p->jitter = 4;
}
static void set_channels(struct pxs_params *p) {
    p->channels = 1;
}
static void set_vanilla(struct pxs_params *p) {
    p->gan_mode = PXS_GAN_VANILLA;
}
static void set_lambda(struct pxs_params *p) {
    p->lambda_pixel = 100;
}
static void set_lr_g(struct pxs_params *p) {
    p->learning_rate_G = 2e-3;
}
static void set_lr_d(struct pxs_params *p) {
    p->learning_rate_D = 2e-3;
}
static void set_b1(struct pxs_params *p) {
    p->b1 = 0.9;
}
static void set_b2(struct pxs_params *p) {
    p->b2 = 0.9;
}
static void set_halve(struct pxs_params *p) {
    p->lrgd = 2;
}
static void set_halve_d(struct pxs_params *p) {
    p->lr_policy_D = PXS_LR_HALVE;
    p->lrdd = 2;
}
static void set_shuffle(struct pxs_params *p) {
    p->shuffle = false;
}
static void set_seed(struct pxs_params *p) {
    p->seed = 1;
}
static void set_dropout(struct pxs_params *p) {
    p->dropout = 0;
}
static void set_ngf(struct pxs_params *p) {
    p->ngf = 5;
}
static void set_ndf(struct pxs_params *p) {
    p->ndf = 3;
}
static void set_batch(struct pxs_params *p) {
    p->batch_size = 3;
}
static void set_height(struct pxs_params *p) {
    p->img_height = 64;
}
static void set_width(struct pxs_params *p) {
    p->img_width = 64;
}
static void set_lab(struct pxs_params *p) {
    p->validation = PXS_VALIDATION_LAB;
}

static const struct {
    const char *name;
    void (*set)(struct pxs_params *);
} effects[] = {{"direction", set_direction},
               {"flip", set_flip},
               {"jitter", set_jitter},
               {"channels", set_channels},
               {"gan_mode", set_vanilla},
               {"lambda_pixel", set_lambda},
               {"learning_rate_G", set_lr_g},
               {"learning_rate_D", set_lr_d},
               {"b1", set_b1},
               {"b2", set_b2},
               {"lrgd", set_halve},
               {"lr_policy_D", set_halve_d},
               {"shuffle", set_shuffle},
               {"seed", set_seed},
               {"dropout", set_dropout},
               {"ngf", set_ngf},
               {"ndf", set_ndf},
               {"batch_size", set_batch},
               {"img_height", set_height},
               {"img_width", set_width},
               {"validation", set_lab}};

START_TEST(every_key_changes_the_run)
{
    struct run *base = completed("base", NULL), *again = completed("again", NULL);
    ck_assert_msg(same_run(base, again), "the same run twice differs");
    for (size_t i = 0; i < PXS_COUNT(effects); i++) {
        struct run *r = completed(effects[i].name, effects[i].set);
        ck_assert_msg(!same_run(base, r), "%s has no effect", effects[i].name);
        free(r);
    }
    free(base);
    free(again);
}
END_TEST

static void swapped_direction(struct pxs_params *p) {
    snprintf(p->dataset, sizeof p->dataset, "%s/swapped", test_folder());
    p->direction = PXS_DIRECTION_ATOB;
}

START_TEST(direction_swaps_the_halves)
{
    struct run *base = completed("base", NULL), *r = completed("swapped-run", swapped_direction);
    ck_assert(same_run(base, r));
    free(base);
    free(r);
}
END_TEST

START_TEST(constant_rate_is_not_halved)
{
    struct run *r = new_run("constant");
    r->p.lr_policy_G = PXS_LR_CONSTANT;
    r->p.lrgd = 2;
    r->p.n_epochs = 4;
    carry_out(r);
    ck_assert_double_eq(r->epoch[3].lr_G, 1e-3);
    free(r);
}
END_TEST

START_TEST(vanilla_starts_at_log_two)
{
    /* Predictions near 0 at first: binary cross-entropy is near log 2 where the squares are near
     * 1. */
    struct run *r = completed("vanilla", set_vanilla), *base = completed("base", NULL);
    ck_assert_double_eq_tol(r->batch[0].losses.loss_GAN, log(2), 0.3);
    ck_assert_double_eq_tol(base->batch[0].losses.loss_GAN, 1, 0.6);
    ck_assert_double_ne(r->batch[0].losses.loss_GAN, base->batch[0].losses.loss_GAN);
    free(r);
    free(base);
}
END_TEST

static void no_validation(struct pxs_params *p) {
    p->validation = PXS_VALIDATION_OFF;
}

START_TEST(validation_modes)
{
    struct run *full = completed("full", NULL), *lab = completed("lab", set_lab),
               *off = completed("off", no_validation);
    ck_assert(isfinite(full->epoch[0].val_loss) && isfinite(lab->epoch[0].val_loss));
    ck_assert(full->epoch[0].val_loss != lab->epoch[0].val_loss);
    ck_assert(isnan(off->epoch[0].val_loss) && isnan(off->epoch[0].val_psnr) &&
              isnan(off->epoch[0].val_ssim));
    ck_assert(full->epoch[0].val_ssim != lab->epoch[0].val_ssim);
    ck_assert_int_eq(off->n_checkpoint,
                     4); /* the last ones under their epoch, since none is best */
    check_last(off);
    /* looking does not change the training */
    ck_assert(same_losses(&full->batch[5].losses, &lab->batch[5].losses));
    ck_assert(same_losses(&full->batch[5].losses, &off->batch[5].losses));
    free(full);
    free(lab);
    free(off);
}
END_TEST

/* Validated on the pairs it trains on, so that `lab` and `full` differ by dropout alone. */
static double same_pairs(const char *dir, int validation, double dropout) {
    struct run *r = new_run(dir);
    snprintf(r->p.dataset, sizeof r->p.dataset, "%s/same", test_folder());
    r->p.validation = validation;
    r->p.dropout = dropout;
    carry_out(r);
    ck_assert_msg(r->status == PXS_OK, "%s", r->err.message);
    double val = r->epoch[1].val_loss;
    free(r);
    return val;
}

START_TEST(lab_validation_keeps_dropout_on)
{
    double full = same_pairs("same-full", PXS_VALIDATION_FULL, 0.5),
           lab = same_pairs("same-lab", PXS_VALIDATION_LAB, 0.5);
    ck_assert_double_ne(full, lab);
    full = same_pairs("same-full-0", PXS_VALIDATION_FULL, 0);
    lab = same_pairs("same-lab-0", PXS_VALIDATION_LAB, 0);
    ck_assert_double_eq(full, lab);
}
END_TEST

static void without_val(struct pxs_params *p) {
    snprintf(p->dataset, sizeof p->dataset, "%s/noval", test_folder());
    p->val_fraction = 0.3;
}

START_TEST(val_fraction_takes_training_pairs)
{
    struct run *r = completed("fraction", without_val);
    ck_assert_int_eq(r->n_batch, 2 * 4); /* 7 of 10 pairs, batches of 2 */
    ck_assert(isfinite(r->epoch[0].val_loss));
    free(r);
    r = new_run("fraction0");
    without_val(&r->p);
    r->p.val_fraction = 0;
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(r->err.message, "val_fraction"));
    free(r);
}
END_TEST

static void all_of_them(struct pxs_params *p) {
    without_val(p);
    p->val_fraction = 0;
    p->validation = PXS_VALIDATION_OFF;
    p->flip = true;
    p->jitter = 4;
}

/* The source of cell `i` of a picture, and what the training pair is. */
static void expect_source(const struct run *r, const char *file, uint32_t i) {
    enum { PAD = 2, PER_ROW = 5, FLOATS = SIDE * SIDE * 3 };
    const struct pxs_dataset_options o = {
        .path = r->p.dataset, .img_height = SIDE, .img_width = SIDE, .channels = 3};
    static float source[FLOATS], target[FLOATS];
    struct pxs_dataset *set;
    struct pxs_image picture;
    struct pxs_error err;
    ck_assert_int_eq(pxs_dataset_load(&o, &set, &err), PXS_OK);
    ck_assert_int_eq(pxs_image_read(run_path(r, file), &picture, NULL, &err), PXS_OK);
    pxs_dataset_batch(set, PXS_SPLIT_TRAIN, &i, 1, NULL, source, target);
    const int x0 = PAD + (int)(i % PER_ROW) * (SIDE + PAD),
              y0 = PAD + (int)(i / PER_ROW) * (3 * SIDE + PAD);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE * 3; x++) {
            int seen = picture.pixels[((y0 + y) * picture.width + x0) * 3 + x];
            ck_assert_int_eq(seen, (int)lround((source[y * SIDE * 3 + x] + 1) * 127.5));
        }
    pxs_image_finish(&picture);
    pxs_dataset_destroy(&set);
}

START_TEST(without_validation_all_pairs_train_and_are_shown)
{
    struct run *r = completed("all", all_of_them);
    ck_assert_int_eq(r->n_batch, 2 * 5); /* 10 pairs, batches of 2 */
    ck_assert_str_eq(r->sample[0].path, "images/9.png");
    for (uint32_t i = 0; i < 10; i++)
        expect_source(r, "images/9.png", i);
    /* nothing is best, and the last weights are kept though no interval asks for them */
    ck_assert_int_eq(r->p.checkpoint_interval, 0);
    ck_assert_int_eq(r->n_checkpoint, 4);
    ck_assert_str_eq(r->checkpoint[0].path, "saved_models/generator_1.safetensors");
    ck_assert_int_eq(access(run_path(r, r->checkpoint[0].path), R_OK), 0);
    free(r);
}
END_TEST

START_TEST(init_from_starts_there)
{
    struct run *a = completed("first", three_epochs);
    struct run *b = new_run("second");
    snprintf(b->p.init_from, sizeof b->p.init_from, "%s",
             run_path(a, "saved_models/generator_min.safetensors"));
    b->p.learning_rate_G = b->p.learning_rate_D = 1e-12;
    b->p.n_epochs = 1;
    carry_out(b);
    ck_assert_msg(b->status == PXS_OK, "%s", b->err.message);
    double best = INFINITY;
    for (int e = 0; e < a->n_epoch; e++)
        best = fmin(best, a->epoch[e].val_loss);
    ck_assert_double_eq_tol(b->epoch[0].val_loss, best, 1e-6);
    /* the discriminator beside it came along: without it the first loss_real is another */
    struct run *alone = new_run("alone");
    char command[8400];
    snprintf(command, sizeof command, "mkdir '%s/lone' && cp '%s' '%s/lone'", test_folder(),
             b->p.init_from, test_folder());
    ck_assert_int_eq(system(command), 0);
    alone->p = b->p;
    snprintf(alone->p.init_from, sizeof alone->p.init_from, "%s/lone/generator_min.safetensors",
             test_folder());
    carry_out(alone);
    ck_assert_double_eq(alone->batch[0].losses.loss_pixel, b->batch[0].losses.loss_pixel);
    ck_assert_double_ne(alone->batch[0].losses.loss_real, b->batch[0].losses.loss_real);
    free(alone);
    free(b);
    b = new_run("third"); /* another width: refused by name and shape */
    snprintf(b->p.init_from, sizeof b->p.init_from, "%s",
             run_path(a, "saved_models/generator_min.safetensors"));
    b->p.ngf = 5;
    carry_out(b);
    ck_assert_int_eq(b->status, PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(b->err.message, "down1.model.0.weight"));
    ck_assert_int_eq(b->end.outcome, PXS_OUTCOME_FAILED);
    free(a);
    free(b);
}
END_TEST

/* ---- endings -------------------------------------------------------------------------------- */

START_TEST(divergence_names_the_step)
{
    struct run *r = new_run("diverged");
    r->p.lambda_pixel = 1e39; /* too large for the gradients */
    carry_out(r);
    ck_assert_msg(r->status == PXS_E_DIVERGED, "%s", r->err.message);
    ck_assert_int_eq(r->end.outcome, PXS_OUTCOME_DIVERGED);
    char words[32];
    snprintf(words, sizeof words, "step %d ", (int)r->end.step);
    ck_assert_msg(strstr(r->end.message, words) != NULL, "%s", r->end.message);
    /* the row that shows it is there */
    ck_assert_int_eq(r->batch[r->n_batch - 1].step, r->end.step);
    free(r);
}
END_TEST

START_TEST(stop_flag_interrupts)
{
    struct run *r = new_run("stopped");
    r->stop_signal = 15;
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_STOPPED);
    ck_assert_int_eq(r->end.outcome, PXS_OUTCOME_INTERRUPTED);
    ck_assert_int_eq(r->n_epoch, 0);
    free(r);
}
END_TEST

START_TEST(bad_data_fails_before_the_first_step)
{
    char path[256];
    struct pxs_error err;
    snprintf(path, sizeof path, "%s/data/train/02.png", test_folder());
    ck_assert_int_eq(truncate(path, 60), 0);
    struct run *r = new_run("corrupt");
    carry_out(r);
    ck_assert_int_ne(r->status, PXS_OK);
    ck_assert_msg(strstr(r->err.message, "02.png") != NULL, "%s", r->err.message);
    ck_assert_int_eq(r->n_batch, 0);
    ck_assert_int_eq(r->end.outcome, PXS_OUTCOME_FAILED);
    free(r);
    ck_assert_int_eq(unlink(path), 0);
    struct pxs_dataset_info info;
    snprintf(path, sizeof path, "%s/data", test_folder());
    struct pxs_dataset_options o = {
        .path = path, .img_height = SIDE, .img_width = SIDE, .channels = 3};
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, &err), PXS_OK);
    r = new_run("changed");
    r->data_hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_INVALID);
    ck_assert(strstr(r->err.message, r->data_hash) && strstr(r->err.message, info.hash));
    ck_has(r->err.message, "changed since this run was planned");
    free(r);

    /* The same files, of which another decoder made other pixels. */
    if (!pxs_image_format_of("x.jpg"))
        return;
    snprintf(path, sizeof path, "%s/data/train/00.png", test_folder());
    struct pxs_image image;
    ck_assert_int_eq(pxs_image_read(path, &image, NULL, &err), PXS_OK);
    ck_assert_int_eq(unlink(path), 0);
    snprintf(path, sizeof path, "%s/data/train/00.jpg", test_folder());
    ck_assert_int_eq(pxs_image_write(path, &image, NULL, NULL, &err), PXS_OK);
    pxs_image_finish(&image);
    snprintf(path, sizeof path, "%s/data", test_folder());
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, &err), PXS_OK);
    r = new_run("decoded");
    r->data_hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    r->files_hash = info.files_hash;
    carry_out(r);
    ck_assert_int_eq(r->status, PXS_E_INVALID);
    ck_has(r->err.message, "its lossy pictures (JPEG) decode to other pixels here: planned 0123");
    free(r);
}
END_TEST

/* ---- numbers for plans ---------------------------------------------------------------------- */

START_TEST(estimates)
{
    struct pxs_params p;
    struct pxs_train_estimate e;
    pxs_params_default(&p);
    pxs_train_estimate(&p, 400, 80, &e);
    ck_assert_int_eq(e.steps, 50 * 200);
    /* the lab's 64 px generator without its unused down7 */
    ck_assert_int_eq(e.weights_G, 29500419 - 262144);
    ck_assert_int_eq(e.weights_D, 2767808);
    ck_assert_double_eq_tol(e.gmac_per_step / 8, 1.9, 0.1);
    p.img_height = p.img_width = 256;
    pxs_train_estimate(&p, 401, 80, &e);
    ck_assert_int_eq(e.batches_per_epoch, 51);
    ck_assert_int_eq(e.weights_G, 54404099);
}
END_TEST

START_TEST(environment_names_the_kernels)
{
    struct pxs_text text = {0};
    struct pxs_error err;
    ck_assert_int_eq(pxs_train_environment("auto", &text, &err), PXS_OK);
    ck_assert_ptr_nonnull(strstr(text.text, "kernels=auto-"));
    ck_assert_ptr_nonnull(strstr(text.text, "\nopenblas=OpenBLAS "));
    pxs_text_clear(&text);
    ck_assert_int_eq(pxs_train_environment("f4-base", &text, &err), PXS_OK);
    ck_assert_ptr_nonnull(strstr(text.text, "kernels=f4-base\n"));
    ck_assert_int_eq(pxs_train_environment("mkl", &text, &err), PXS_E_INVALID);
    pxs_text_finish(&text);
}
END_TEST

/* ---- bench ---------------------------------------------------------------------------------- */

static struct pxs_bench *make_bench(const struct pxs_params *p, const char *kernels,
                                    enum pxs_bench_scope scope) {
    struct pxs_bench *b = NULL;
    struct pxs_error err;
    ck_assert_msg(pxs_bench_create(p, NULL, kernels, scope, &b, &err) == PXS_OK, "%s", err.message);
    return b;
}

static const struct pxs_bench_row *row_of(const struct pxs_bench_row *rows, size_t n,
                                          const char *what) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].what, what))
            return &rows[i];
    ck_abort_msg("no row '%s'", what);
    return NULL;
}

START_TEST(bench_counts_rounds_work_and_bytes)
{
    struct pxs_params p = small();
    struct pxs_error err;
    struct pxs_bench_row *rows;
    struct pxs_train_estimate estimate;
    size_t n;
    p.batch_size = 2;
    struct pxs_bench *b = make_bench(&p, "direct", PXS_BENCH_ALL);
    ck_assert_int_eq(pxs_bench_round(b, NULL, &err), PXS_OK); /* warms up, does not count */
    ck_assert_int_eq(pxs_bench_rows(b, &rows, &n, &err), PXS_E_INVALID);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pxs_bench_round(b, NULL, &err), PXS_OK);
    ck_assert_int_eq(pxs_bench_rows(b, &rows, &n, &err), PXS_OK);
    pxs_bench_destroy(&b);
    ck_assert_ptr_null(b);
    for (size_t i = 0; i < n; i++) {
        ck_assert(rows[i].ms_min > 0 && rows[i].ms_min <= rows[i].ms_median);
        ck_assert_double_eq_tol(rows[i].gflops * rows[i].ms_median, 2e3 * rows[i].gmac, 1e-9);
        if (rows[i].gb_per_s > 0)
            ck_assert_double_eq_tol(rows[i].gb_per_s * rows[i].ms_median, 1e-6 * rows[i].bytes,
                                    1e-9);
    }
    pxs_train_estimate(&p, 2, 0, &estimate);
    const struct pxs_bench_row *step = &rows[n - 2], *sgemm = &rows[n - 1];
    ck_assert_str_eq(step->what, "training step");
    ck_assert_double_eq_tol(step->gmac, estimate.gmac_per_step, 1e-12);
    ck_assert_double_eq_tol(step->of_sgemm, step->gflops / sgemm->gflops, 1e-12);
    ck_assert_str_eq(sgemm->what, "sgemm 2048^3");
    ck_assert_double_eq(sgemm->of_sgemm, 1);
    ck_assert_double_eq(sgemm->gb_per_s, 0); /* arithmetic is its limit */
    const struct pxs_bench_row *adam = row_of(rows, n, "Adam");
    ck_assert_double_eq(adam->bytes, 28.0 * (double)(estimate.weights_G + estimate.weights_D));
    ck_assert(adam->gb_per_s > 0 && adam->gmac == 0 && adam->method[0] == '\0');
    free(rows);
}
END_TEST

START_TEST(bench_names_what_computes_a_layer)
{
    struct pxs_params p = small();
    struct pxs_error err;
    struct pxs_bench_row *rows;
    size_t n;
    p.batch_size = 1;
    p.ngf = 16;
    struct pxs_bench *b = make_bench(&p, "blas", PXS_BENCH_ALL);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pxs_bench_round(b, NULL, &err), PXS_OK);
    ck_assert_int_eq(pxs_bench_rows(b, &rows, &n, &err), PXS_OK);
    pxs_bench_destroy(&b);
    ck_assert_str_eq(row_of(rows, n, "G down2 forward")->method, "blas");
    ck_assert_str_eq(row_of(rows, n, "G final weight gradient")->method, "head");
    /* 32 px: down5 has one pixel of four, and so reads 4 taps of 16, but writes all gradients. 128
     * channels on both sides. */
    ck_assert_str_eq(row_of(rows, n, "G down5 forward")->shape, "1x1x1 128-128");
    ck_assert_double_eq(row_of(rows, n, "G down5 forward")->bytes,
                        4.0 * (128 * (4 + 1) + 4 * 128 * 128));
    ck_assert_double_eq(row_of(rows, n, "G down5 weight gradient")->bytes,
                        4.0 * (128 * (4 + 1) + 16 * 128 * 128));
    ck_assert(row_of(rows, n, "G down5 forward")->gb_per_s > 0);
    free(rows);
}
END_TEST

START_TEST(bench_of_the_step_alone)
{
    struct pxs_params p = small();
    struct pxs_error err;
    struct pxs_bench_row *rows;
    size_t n;
    struct pxs_stop stop = {0};
    struct pxs_bench *b = make_bench(&p, "auto", PXS_BENCH_STEP);
    ck_assert(pxs_bench_step(b) > 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pxs_bench_round(b, &stop, &err), PXS_OK);
    ck_assert_int_eq(pxs_bench_rows(b, &rows, &n, &err), PXS_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(rows[0].what, "training step");
    free(rows);
    for (int i = 1; i < PXS_BENCH_ROUNDS; i++)
        ck_assert_int_eq(pxs_bench_round(b, &stop, &err), PXS_OK);
    ck_assert_int_eq(pxs_bench_round(b, &stop, &err), PXS_E_INVALID);
    pxs_bench_destroy(&b);
    atomic_store(&stop.signal, 2);
    b = make_bench(&p, "auto", PXS_BENCH_STEP);
    ck_assert_int_eq(pxs_bench_round(b, &stop, &err), PXS_E_STOPPED);
    pxs_bench_destroy(&b);
    ck_assert_int_eq(pxs_bench_create(&p, NULL, "mkl", PXS_BENCH_STEP, &b, &err), PXS_E_INVALID);
    ck_assert_ptr_null(b);
}
END_TEST

/* ---- rates ---------------------------------------------------------------------------------- */

static double rate(const struct pxs_params *p, int net, int64_t epoch, int64_t batch,
                   int64_t batches) {
    struct pxs_schedule s;
    pxs_schedule_resolve(p, net, batches, &s);
    return pxs_schedule_rate(&s, epoch, batch);
}

/* Each policy takes its own network's keys, and the warm-up is not counted. */
START_TEST(rates_follow_the_keys)
{
    struct pxs_params p;
    enum { EPOCHS = 20, BATCHES = 4, WARM = 2 };
    pxs_params_default(&p);
    p.n_epochs = EPOCHS;
    p.learning_rate_G = 1e-4, p.learning_rate_D = 3e-4;
    p.lrgd = 3, p.lrdd = 4;
    p.step_size = 3, p.step_size_D = 5;
    strcpy(p.milestones, "2,9");
    strcpy(p.milestones_D, "4,5,6");
    p.gamma = 0.5, p.gamma_D = 0.7;
    p.n_epochs_decay = 6, p.n_epochs_decay_D = 9;
    p.T_0 = 3, p.T_0_D = 4, p.T_mult = 2, p.T_mult_D = 1;
    p.power = 0.9, p.power_D = 2;
    p.max_lr = 1e-3, p.max_lr_D = 2e-3, p.pct_start = 0.25, p.pct_start_D = 0.5;
    p.min_lr = 1e-6, p.min_lr_D = 2e-6;
    p.warmup_epochs_D = WARM;
    for (int64_t e = 0; e < EPOCHS; e++) {
        int64_t step = e * BATCHES + 1, d = e - WARM, late = d * BATCHES + 1, left = EPOCHS - WARM;
        int64_t m[] = {2, 9}, md[] = {4, 5, 6};
        const double g_rates[] = {
            [PXS_LR_CONSTANT] = 1e-4,
            [PXS_LR_HALVE] = pxs_schedule_halve(1e-4, 3, e),
            [PXS_LR_STEP] = pxs_schedule_step(1e-4, 3, 0.5, e),
            [PXS_LR_MULTISTEP] = pxs_schedule_multistep(1e-4, m, 2, 0.5, e),
            [PXS_LR_EXPONENTIAL] = pxs_schedule_exponential(1e-4, 0.5, e),
            [PXS_LR_LINEAR] = pxs_schedule_linear(1e-4, EPOCHS, 6, e),
            [PXS_LR_COSINE] = pxs_schedule_cosine(1e-4, 1e-6, EPOCHS, e),
            [PXS_LR_COSINE_RESTARTS] = pxs_schedule_cosine_restarts(1e-4, 1e-6, 3, 2, e),
            [PXS_LR_POLYNOMIAL] = pxs_schedule_polynomial(1e-4, 0.9, EPOCHS, e),
            [PXS_LR_ONE_CYCLE] = pxs_schedule_one_cycle(1e-4, 1e-3, 0.25, EPOCHS * BATCHES, step),
            [PXS_LR_PLATEAU] = 1e-4};
        for (int policy = 0; policy < (int)PXS_COUNT(g_rates); policy++) {
            p.lr_policy_G = p.lr_policy_D = policy;
            ck_assert(rate(&p, PXS_NET_G, e, 1, BATCHES) == g_rates[policy]);
            if (d < 0)
                ck_assert(rate(&p, PXS_NET_D, e, 1, BATCHES) ==
                          pxs_schedule_warmup(3e-4, WARM * BATCHES, step));
        }
        if (d < 0)
            continue;
        const double d_rates[] = {
            [PXS_LR_CONSTANT] = 3e-4,
            [PXS_LR_HALVE] = pxs_schedule_halve(3e-4, 4, d),
            [PXS_LR_STEP] = pxs_schedule_step(3e-4, 5, 0.7, d),
            [PXS_LR_MULTISTEP] = pxs_schedule_multistep(3e-4, md, 3, 0.7, d),
            [PXS_LR_EXPONENTIAL] = pxs_schedule_exponential(3e-4, 0.7, d),
            [PXS_LR_LINEAR] = pxs_schedule_linear(3e-4, left, 9, d),
            [PXS_LR_COSINE] = pxs_schedule_cosine(3e-4, 2e-6, left, d),
            [PXS_LR_COSINE_RESTARTS] = pxs_schedule_cosine_restarts(3e-4, 2e-6, 4, 1, d),
            [PXS_LR_POLYNOMIAL] = pxs_schedule_polynomial(3e-4, 2, left, d),
            [PXS_LR_ONE_CYCLE] = pxs_schedule_one_cycle(3e-4, 2e-3, 0.5, left * BATCHES, late),
            [PXS_LR_PLATEAU] = 3e-4};
        for (int policy = 0; policy < (int)PXS_COUNT(d_rates); policy++) {
            p.lr_policy_D = policy;
            ck_assert(rate(&p, PXS_NET_D, e, 1, BATCHES) == d_rates[policy]);
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("train");
    TCase *t = tcase_create("train");
    tcase_add_checked_fixture(t, set_up, test_folder_remove);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, rows_and_averages);
    tcase_add_test(t, rates_follow_the_policies);
    tcase_add_test(t, rates_follow_the_keys);
    tcase_add_test(t, samples_and_checkpoints);
    tcase_add_test(t, the_best_picture_is_of_the_best_weights);
    tcase_add_test(t, a_last_picture_in_any_case);
    tcase_add_test(t, same_bits_for_any_threads);
    tcase_add_test(t, every_key_changes_the_run);
    tcase_add_test(t, direction_swaps_the_halves);
    tcase_add_test(t, constant_rate_is_not_halved);
    tcase_add_test(t, vanilla_starts_at_log_two);
    tcase_add_test(t, validation_modes);
    tcase_add_test(t, lab_validation_keeps_dropout_on);
    tcase_add_test(t, val_fraction_takes_training_pairs);
    tcase_add_test(t, without_validation_all_pairs_train_and_are_shown);
    tcase_add_test(t, init_from_starts_there);
    tcase_add_test(t, divergence_names_the_step);
    tcase_add_test(t, stop_flag_interrupts);
    tcase_add_test(t, bad_data_fails_before_the_first_step);
    tcase_add_test(t, estimates);
    tcase_add_test(t, environment_names_the_kernels);
    tcase_add_test(t, bench_counts_rounds_work_and_bytes);
    tcase_add_test(t, bench_names_what_computes_a_layer);
    tcase_add_test(t, bench_of_the_step_alone);
    suite_add_tcase(s, t);
    return run_tests(s, CK_NORMAL);
}
