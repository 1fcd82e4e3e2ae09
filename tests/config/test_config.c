/* Experiment files: every bad fixture with its exact message, every good one with its exact runs,
 * and the properties that no fixture can show. PXS_WRITE_EXPECTED=1 rewrites the fixtures' .err and
 * .out files: read the difference. */
#include "pixsweep/config.h"

#include "support.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXTURES PXS_SOURCE_ROOT "/tests/config/fixtures"

/* ---- help ----------------------------------------------------------------------------------- */

static struct pxs_config *load(const char *path, const char *const *sets, size_t n) {
    struct pxs_config *c = NULL;
    struct pxs_text text = {0};
    struct pxs_error err = {0};
    enum pxs_status status = pxs_config_load(path, sets, n, &c, &text, &err);
    ck_assert_msg(status == PXS_OK, "%s: %s\n%s", path, err.message, pxs_text_str(&text));
    ck_assert_uint_eq(text.len, 0);
    pxs_text_finish(&text);
    return c;
}

static struct pxs_config *load_text(const char *text) {
    write_text("x.yaml", text);
    return load("x.yaml", NULL, 0);
}

static const struct pxs_params *params_of(const struct pxs_config *c, size_t index) {
    static struct pxs_point point;
    pxs_config_point(c, index, &point);
    return &point.params;
}

static void identity_of(const struct pxs_params *p, char hex[PXS_SHA256_HEX]) {
    struct pxs_params_content content = {{0}, {0}};
    struct pxs_error err = {0};
    memset(content.dataset, 'd', PXS_SHA256_HEX - 1);
    if (p->init_from[0])
        memset(content.init_from, 'e', PXS_SHA256_HEX - 1);
    ck_assert_msg(pxs_params_identity(p, &content, hex, &err) == PXS_OK, "%s", err.message);
}

/* The whole of an expectation file next to a fixture, or "" */
static char *expected_text(const char *path) {
    char *text = NULL;
    size_t bytes;
    struct pxs_error err = {0};
    return pxs_read_file(path, 1 << 20, &text, &bytes, &err) == PXS_OK ? text : strdup("");
}

static void compare(const char *fixture, const char *suffix, const char *actual) {
    char path[PXS_PATH_MAX];
    struct pxs_error err = {0};
    snprintf(path, sizeof path, "%.*s%s", (int)(strlen(fixture) - strlen(".yaml")), fixture,
             suffix);
    if (getenv("PXS_WRITE_EXPECTED"))
        ck_assert_msg(pxs_write_file(path, actual, strlen(actual), &err) == PXS_OK, "%s",
                      err.message);
    char *expected = expected_text(path);
    ck_assert_msg(strcmp(expected, actual) == 0, "%s: expected\n%s\nbut got\n%s", fixture, expected,
                  actual);
    free(expected);
}

/* Lines "#set key=value" of a fixture are its --set options. */
static size_t sets_of(const char *fixture, char *store, size_t size, const char *sets[16]) {
    FILE *file = fopen(fixture, "r");
    size_t n = 0, used = 0;
    char line[256];
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) && n < 16) {
        if (strncmp(line, "#set ", 5) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        ck_assert_uint_lt(used + strlen(line), size);
        sets[n++] = strcpy(store + used, line + 5);
        used += strlen(line) - 4;
    }
    fclose(file);
    return n;
}

static size_t for_each_fixture(void (*check)(const char *name, const char *const *sets,
                                             size_t n_sets)) {
    DIR *dir = opendir(".");
    size_t n = 0;
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        size_t length = strlen(e->d_name);
        char store[2048];
        const char *sets[16];
        if (length < 5 || strcmp(e->d_name + length - 5, ".yaml") != 0)
            continue;
        check(e->d_name, sets, sets_of(e->d_name, store, sizeof store, sets));
        n++;
    }
    closedir(dir);
    return n;
}

/* ---- fixtures ------------------------------------------------------------------------------- */

static void check_bad(const char *name, const char *const *sets, size_t n_sets) {
    struct pxs_config *c = NULL;
    struct pxs_text text = {0};
    struct pxs_error err = {0};
    enum pxs_status status = pxs_config_load(name, sets, n_sets, &c, &text, &err);
    ck_assert_msg(status == PXS_E_INVALID, "%s: status %d", name, status);
    ck_assert_int_eq(err.status, status);
    ck_assert_ptr_null(c);
    size_t first = strcspn(pxs_text_str(&text), "\n");
    ck_assert_msg(strncmp(err.message, pxs_text_str(&text), first) == 0, "%s: %s", name,
                  err.message);
    compare(name, ".err", pxs_text_str(&text));
    pxs_text_finish(&text);
}

START_TEST(bad_files_are_refused_in_words)
{
    ck_assert_int_eq(chdir(FIXTURES "/bad"), 0);
    ck_assert_uint_ge(for_each_fixture(check_bad), 80);
}
END_TEST

/* Paths in a text become independent of where the source tree is. */
static void replace_root(const char *text, struct pxs_text *out) {
    char root[PXS_PATH_MAX];
    ck_assert_ptr_nonnull(getcwd(root, sizeof root));
    *strrchr(root, '/') = '\0';
    for (const char *hit; (hit = strstr(text, root)); text = hit + strlen(root)) {
        pxs_text_add_n(out, text, (size_t)(hit - text));
        pxs_text_add(out, "@");
    }
    pxs_text_add(out, text);
}

static void dump_runs(const struct pxs_config *c, struct pxs_text *out) {
    size_t n;
    const int *varying = pxs_config_varying(c, &n);
    static struct pxs_point point;
    for (size_t i = 0; i < pxs_config_count(c); i++) {
        pxs_config_point(c, i, &point);
        pxs_text_addf(out, "%04zu-%s-s%lld:", i + 1, point.label, (long long)point.params.seed);
        for (size_t k = 0; k < n; k++) {
            if (!pxs_params_effective(&point.params, varying[k]))
                continue;
            pxs_text_addf(out, " %s=", pxs_param_info(varying[k])->key);
            pxs_params_format(&point.params, varying[k], out);
        }
        pxs_text_add(out, "\n");
    }
}

/* What has been added to `run` since: only where it is not at its default. */
static void dump_queue(const struct pxs_run_settings *run, struct pxs_text *out) {
    static const char *const orders[] = {"as_written", "seed_major", "shuffled"};
    if (run->timeout_share > 0)
        pxs_text_addf(out, "timeout %g of the median\n", run->timeout_share);
    if (run->max_failures != 3)
        pxs_text_addf(out, "max_failures %lld\n", (long long)run->max_failures);
    if (run->keep_final)
        pxs_text_add(out, "keep_final\n");
    if (isfinite(run->budget_s))
        pxs_text_addf(out, "budget %g s\n", run->budget_s);
    if (run->order != PXS_ORDER_AS_WRITTEN)
        pxs_text_addf(out, "order %s by %lld\n", orders[run->order], (long long)run->order_seed);
    if (run->on_done)
        pxs_text_addf(out, "on_done <%s>\n", run->on_done);
}

static void dump_prune(const struct pxs_prune_settings *p, struct pxs_text *out) {
    static const char *const rules[] = {"none", "median", "asha"};
    if (p->rule == PXS_PRUNE_NONE)
        return;
    pxs_text_addf(out, "prune %s, eta %lld, min_runs %lld, after", rules[p->rule],
                  (long long)p->eta, (long long)p->min_runs);
    for (size_t i = 0; i < p->n_rungs; i++)
        pxs_text_addf(out, " %lld", (long long)p->rungs[i]);
    pxs_text_add(out, "\n");
}

static void dump_race(const struct pxs_race_settings *r, struct pxs_text *out) {
    if (r->on)
        pxs_text_addf(out,
                      "race for %s (%s is better), confidence %g, %d to %d seeds, indifference %g, "
                      "budget %lld runs, %g s\n",
                      pxs_race_metric_info(r->metric)->name,
                      r->rule.higher_better ? "higher" : "lower", r->rule.confidence, r->rule.first,
                      r->rule.max_seeds, r->rule.indifference, (long long)r->budget_runs,
                      r->budget_s);
}

static void dump(const struct pxs_config *c, struct pxs_text *out) {
    const struct pxs_run_settings *run = pxs_config_run(c);
    pxs_text_addf(out,
                  "name %s, %zu runs, %zu seeds, retries %lld, timeout %g s, resume_every %g s\n",
                  pxs_config_name(c), pxs_config_count(c), pxs_config_seeds(c),
                  (long long)run->retries, run->timeout_s, run->resume_every_s);
    dump_queue(run, out);
    dump_prune(pxs_config_prune(c), out);
    dump_race(pxs_config_race(c), out);
    for (size_t i = 0; i < pxs_config_notes(c); i++)
        pxs_text_addf(out, "note: %s\n", pxs_config_note(c, i));
    dump_runs(c, out);
    pxs_text_add(out, "run 1 where it is not default:");
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        if (pxs_params_at_default(params_of(c, 0), key))
            continue;
        pxs_text_addf(out, " %s=", pxs_param_info(key)->key);
        pxs_params_format(params_of(c, 0), key, out);
    }
    pxs_text_add(out, "\n");
}

static void check_good(const char *name, const char *const *sets, size_t n_sets) {
    struct pxs_config *c = load(name, sets, n_sets);
    struct pxs_text raw = {0}, text = {0};
    dump(c, &raw);
    replace_root(pxs_text_str(&raw), &text);
    compare(name, ".out", pxs_text_str(&text));
    pxs_text_finish(&raw);
    pxs_text_finish(&text);
    pxs_config_destroy(&c);
    ck_assert_ptr_null(c);
}

START_TEST(good_files_expand)
{
    ck_assert_int_eq(chdir(FIXTURES "/good"), 0);
    ck_assert_uint_ge(for_each_fixture(check_good), 15);
}
END_TEST

START_TEST(files_of_the_project_load)
{
    static const struct {
        const char *path;
        size_t runs;
    } files[] = {{"configs/lab64.yaml", 1},          {"configs/paper256.yaml", 1},
                 {"experiments/quickstart.yaml", 8}, {"experiments/kai.yaml", 1},
                 {"experiments/lab64.yaml", 1},      {"experiments/lr_schedules.yaml", 12}};
    ck_assert_int_eq(chdir(PXS_SOURCE_ROOT), 0);
    for (size_t i = 0; i < PXS_COUNT(files); i++) {
        static const char *const set[] = {"dataset=data/kai"};
        struct pxs_config *c = load(files[i].path, set, strncmp(files[i].path, "configs", 7) == 0);
        ck_assert_uint_ge(pxs_config_count(c), files[i].runs);
        ck_assert_msg(pxs_config_spec_yaml(c)[0] == '#', "%s: says first what it is for",
                      files[i].path);
        ck_assert_str_eq(params_of(c, 0)->dataset, PXS_SOURCE_ROOT "/data/kai");
        pxs_config_destroy(&c);
    }
    struct pxs_config *quick = load("experiments/quickstart.yaml", NULL, 0);
    ck_assert_uint_ge(pxs_config_seeds(quick), 2);
    ck_assert_uint_ge(pxs_config_count(quick) / pxs_config_seeds(quick), 4);
    pxs_config_destroy(&quick);
}
END_TEST

START_TEST(lab_settings_are_the_defaults)
{
    static const char *const set[] = {"dataset=/d"};
    struct pxs_params defaults;
    pxs_params_default(&defaults);
    strcpy(defaults.dataset, "/d");
    struct pxs_config *c = load(PXS_SOURCE_ROOT "/configs/lab64.yaml", set, 1);
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        ck_assert_msg(pxs_params_equal_at(params_of(c, 0), &defaults, key), "%s",
                      pxs_param_info(key)->key);
    pxs_config_destroy(&c);
}
END_TEST

/* ---- round trip ----------------------------------------------------------------------------- */

/* Some valid value of a key; the same `rng`, the same value. */
static void random_value(struct pxs_params *p, int key, struct pxs_rng *rng) {
    const struct pxs_param_info *info = pxs_param_info(key);
    static const char *const paths[] = {"/data/kai",
                                        "/a b/c: d #e",
                                        "/\xe5\xad\x97/\"q\"\\x",
                                        "/tab\there",
                                        "/-/~/!x",
                                        "/nl\nx",
                                        "/\xc2\x85\xe2\x80\xa8\xef\xbb\xbf",
                                        "/100%",
                                        "/{a}[b],&*"};
    struct pxs_param_value v = {.kind = PXS_VALUE_REAL};
    for (int attempt = 0; attempt < 1000; attempt++) {
        double u = pxs_rng_uniform(rng), high = isinf(info->max) ? 1e6 : info->max;
        v.real = info->min + u * (high - info->min);
        if (pxs_rng_below(rng, 2))
            v.real = info->min + pow(u, 12) * (high - info->min);
        if (info->type == PXS_TYPE_PATH) {
            v = (struct pxs_param_value){.kind = PXS_VALUE_TEXT,
                                         .text = paths[pxs_rng_below(rng, PXS_COUNT(paths))]};
        } else if (info->type == PXS_TYPE_BOOL) {
            v = (struct pxs_param_value){.kind = PXS_VALUE_INTEGER,
                                         .integer = pxs_rng_below(rng, 2)};
        } else if (info->type == PXS_TYPE_ENUM) {
            uint32_t n = 0;
            while (info->names[n])
                n++;
            v = (struct pxs_param_value){.kind = PXS_VALUE_TEXT,
                                         .text = info->names[pxs_rng_below(rng, n)]};
        } else if (info->type == PXS_TYPE_INTS) {
            v = (struct pxs_param_value){.kind = PXS_VALUE_TEXT,
                                         .text = pxs_rng_below(rng, 2) ? "3,20,1000" : "7"};
        } else if (info->type == PXS_TYPE_INT) {
            v = (struct pxs_param_value){.kind = PXS_VALUE_INTEGER, .integer = (int64_t)v.real};
            if (key == PXS_PARAM_img_height || key == PXS_PARAM_img_width)
                v.integer = (int64_t)256 << pxs_rng_below(rng, 3);
        }
        if (pxs_params_put(p, key, &v))
            return;
    }
    ck_abort_msg("no value found for %s", info->key);
}

START_TEST(config_yaml_of_any_run_loads_again)
{
    struct pxs_rng rng = pxs_rng_make((uint64_t)_i, PXS_STREAM_SWEEP, 1, 2);
    struct pxs_params p;
    struct pxs_text yaml = {0};
    char before[PXS_SHA256_HEX], after[PXS_SHA256_HEX];
    test_folder_enter();
    do {
        pxs_params_default(&p);
        for (int key = 0; key < PXS_PARAM_COUNT; key++)
            if (key != PXS_PARAM_init_from || pxs_rng_below(&rng, 2))
                random_value(&p, key, &rng);
        p.warmup_epochs = p.warmup_epochs % p.n_epochs;
        p.warmup_epochs_D = p.warmup_epochs_D % p.n_epochs;
        pxs_params_drop_ineffective(&p);
    } while (pxs_params_check(&p, NULL, NULL) != PXS_OK);
    pxs_params_write_yaml(&p, "0007-b1-0.5_x=y-s3", &yaml);
    struct pxs_config *c = load_text(pxs_text_str(&yaml));
    for (int key = 0; key < PXS_PARAM_COUNT; key++)
        ck_assert_msg(pxs_params_equal_at(&p, params_of(c, 0), key), "%s differs after\n%s",
                      pxs_param_info(key)->key, yaml.text);
    identity_of(&p, before);
    identity_of(params_of(c, 0), after);
    ck_assert_str_eq(before, after);
    ck_assert_str_eq(pxs_config_name(c), "0007-b1-0.5_x=y-s3");
    ck_assert_uint_eq(pxs_config_count(c), 1);
    pxs_config_destroy(&c);
    pxs_text_finish(&yaml);
    test_folder_leave();
}
END_TEST

START_TEST(one_number_one_hash)
{
    static const char *const spellings[] = {"1e-4", ".0001", "1E-4", "0.0001", "+1e-04", "0.00010"};
    char first[PXS_SHA256_HEX], hex[PXS_SHA256_HEX], spec[PXS_SHA256_HEX];
    test_folder_enter();
    for (size_t i = 0; i < PXS_COUNT(spellings); i++) {
        char text[128];
        snprintf(text, sizeof text, "dataset: /d\nsweep: {grid: {learning_rate_G: [%s, 2e-4]}}\n",
                 spellings[i]);
        struct pxs_config *c = load_text(text);
        identity_of(params_of(c, 0), i ? hex : first);
        if (i == 0)
            strcpy(spec, pxs_config_spec_hash(c));
        else
            ck_assert_str_eq(hex, first);
        ck_assert_str_eq(pxs_config_spec_hash(c), spec);
        ck_assert(params_of(c, 0)->learning_rate_G == 1e-4);
        pxs_config_destroy(&c);
        test_folder_leave();
        test_folder_enter();
    }
    test_folder_leave();
}
END_TEST

/* ---- random --------------------------------------------------------------------------------- */

START_TEST(draws_depend_on_seed_and_key_only)
{
    test_folder_enter();
    write_text("few.yaml", "dataset: /d\nsweep: {random: {samples: 4, seed: 9, b1: {uniform: [0.4, "
                           "0.9]}, lrgd: {int_uniform: "
                           "[1, 1000]}}}\n");
    write_text("many.yaml", "dataset: /d\nlrgd: 4\nsweep: {random: {b1: {uniform: [0.4, 0.9]}, "
                            "seed: 9, ngf: {choice: [8, 16]}, "
                            "samples: 50}, grid: {ndf: [8]}}\n");
    write_text("other.yaml", "dataset: /d\nsweep: {random: {samples: 4, seed: 8, b1: {uniform: "
                             "[0.4, 0.9]}, b2: {uniform: "
                             "[0.4, 0.9]}}}\n");
    struct pxs_config *few = load("few.yaml", NULL, 0), *many = load("many.yaml", NULL, 0);
    struct pxs_config *other = load("other.yaml", NULL, 0);
    for (size_t i = 0; i < 4; i++) {
        double b1 = params_of(few, i)->b1;
        ck_assert(b1 == params_of(many, i)->b1);
        ck_assert(b1 != params_of(other, i)->b1);
        ck_assert(params_of(other, i)->b2 != params_of(other, i)->b1);
    }
    /* Frozen: a planned sweep draws the same for ever. */
    ck_assert(params_of(few, 0)->b1 == 0.589430616512);
    ck_assert_int_eq(params_of(few, 0)->lrgd, 554);
    pxs_config_destroy(&few);
    pxs_config_destroy(&many);
    pxs_config_destroy(&other);
    test_folder_leave();
}
END_TEST

START_TEST(draws_follow_their_distribution)
{
    test_folder_enter();
    struct pxs_config *c = load_text(
        "dataset: /d\nsweep: {random: {samples: 4000, seed: 1, b1: {uniform: [0.2, 0.6]}, "
        "lambda_pixel: {log_uniform: [1e-2, 100]}, batch_size: {int_uniform: [3, 6]}, "
        "gan_mode: {choice: [lsgan, vanilla]}}}\n");
    double b1 = 0, logs = 0;
    int counts[10] = {0}, vanilla = 0, n = (int)pxs_config_count(c);
    ck_assert_int_eq(n, 4000);
    for (int i = 0; i < n; i++) {
        const struct pxs_params *p = params_of(c, (size_t)i);
        ck_assert(p->b1 >= 0.2 && p->b1 <= 0.6 && p->lambda_pixel >= 1e-2 &&
                  p->lambda_pixel <= 100);
        ck_assert(p->batch_size >= 3 && p->batch_size <= 6);
        b1 += p->b1 / n;
        logs += log10(p->lambda_pixel) / n;
        counts[p->batch_size]++;
        vanilla += p->gan_mode == PXS_GAN_VANILLA;
    }
    ck_assert_double_eq_tol(b1, 0.4, 0.01);
    ck_assert_double_eq_tol(logs, 0, 0.1);
    for (int value = 3; value <= 6; value++)
        ck_assert_int_ge(counts[value], 850);
    ck_assert(vanilla > 1800 && vanilla < 2200);
    pxs_config_destroy(&c);
    test_folder_leave();
}
END_TEST

START_TEST(narrow_and_wide_draws_keep_their_digits)
{
    test_folder_enter();
    struct pxs_config *c =
        load_text("dataset: /d\nsweep: {random: {samples: 300, b2: {uniform: [0.99, 0.999]}, "
                  "lambda_pixel: {log_uniform: [1e-9, 1e9]}}}\n");
    for (size_t i = 0; i < 300; i++) {
        char number[32];
        ck_assert_uint_le(strlen(pxs_format_double(number, params_of(c, i)->b2)), 16);
        ck_assert_uint_le(strlen(pxs_format_double(number, params_of(c, i)->lambda_pixel)), 17);
    }
    pxs_config_destroy(&c);
    test_folder_leave();
}
END_TEST

/* ---- layers, --set, origins ----------------------------------------------------------------- */

static void check_origin(const struct pxs_config *c, size_t run, int key, const char *expected) {
    struct pxs_text text = {0};
    pxs_config_origin(c, run, key, &text);
    ck_assert_str_eq(pxs_text_str(&text), expected);
    pxs_text_finish(&text);
}

START_TEST(origins)
{
    static const char *const sets[] = {"b2=0.9", "dataset=rel"};
    char expected[PXS_PATH_MAX];
    test_folder_enter();
    write_text("base.yaml", "b1: 0.1\nlrgd: 7\n");
    write_text(
        "x.yaml",
        "extends: base.yaml\nngf: 8\nsweep:\n  points: [{ndf: 4, lr_policy_G: constant}, {}]\n");
    struct pxs_config *c = load("x.yaml", sets, 2);
    check_origin(c, 0, PXS_PARAM_b1, "base.yaml:1");
    check_origin(c, 0, PXS_PARAM_ngf, "x.yaml:2");
    check_origin(c, 0, PXS_PARAM_ndf, "sweep (x.yaml:4)");
    check_origin(c, 1, PXS_PARAM_ndf, "default");
    check_origin(c, 0, PXS_PARAM_b2, "--set");
    check_origin(c, 0, PXS_PARAM_lrgd, "default");
    check_origin(c, 1, PXS_PARAM_lrgd, "base.yaml:2");
    ck_assert_int_eq(params_of(c, 0)->lrgd, 90);
    ck_assert_ptr_nonnull(getcwd(expected, sizeof expected - 8));
    ck_assert_str_eq(params_of(c, 0)->dataset, strcat(expected, "/rel"));
    snprintf(expected, sizeof expected, "%s/x.yaml", test_folder());
    ck_assert_str_eq(pxs_config_path(c), expected);
    ck_assert_str_eq(
        pxs_config_spec_yaml(c),
        "extends: base.yaml\nngf: 8\nsweep:\n  points: [{ndf: 4, lr_policy_G: constant}, {}]\n"
        "# --set b2=0.9\n# --set dataset=rel\n");
    pxs_config_destroy(&c);
    test_folder_leave();
}
END_TEST

START_TEST(spec_hash_follows_the_runs)
{
    test_folder_enter();
    write_text("a.yaml", "dataset: /d\nb1: 0.4\n");
    write_text("b.yaml", "# a comment\nname: other\n{}\n");
    write_text("c.yaml",
               "# a comment\nname: other\nb1: .40\nrun: {retries: 0}\ndataset: /d/../d\n");
    write_text("e.yaml", "dataset: /d\nb1: 0.4\nseed: 1\n");
    struct pxs_config *a = load("a.yaml", NULL, 0), *c = load("c.yaml", NULL, 0),
                      *e = load("e.yaml", NULL, 0);
    ck_assert_str_eq(pxs_config_spec_hash(a), pxs_config_spec_hash(c));
    ck_assert_str_ne(pxs_config_spec_hash(a), pxs_config_spec_hash(e));
    pxs_config_destroy(&a);
    pxs_config_destroy(&c);
    pxs_config_destroy(&e);
    test_folder_leave();
}
END_TEST

static void check_not_read(const char *path, const char *expected) {
    struct pxs_config *c = NULL;
    struct pxs_text text = {0};
    struct pxs_error err = {0};
    ck_assert_int_ne(pxs_config_load(path, NULL, 0, &c, &text, &err), PXS_OK);
    ck_assert_str_eq(pxs_text_str(&text), expected);
    pxs_text_finish(&text);
}

START_TEST(a_file_beside_the_one_that_is_not_there)
{
    char near[PXS_PATH_MAX];
    test_folder_enter();
    ck_assert(!pxs_config_near_file("mine.yml", near));
    ck_assert_int_eq(mkdir("experiments", 0777), 0);
    write_text("mine.yaml", "extends: other.yaml\n");
    write_text("other.yml", "b1: 0.4\n");
    write_text("experiments/lr64.yaml", "b1: 0.4\n");
    check_not_read(
        "mine.yml",
        "mine.yml: cannot read this file: No such file or directory; there is mine.yaml\n");
    check_not_read(
        "./mien.yaml",
        "mien.yaml: cannot read this file: No such file or directory; there is mine.yaml\n");
    check_not_read("mine.yaml",
                   "mine.yaml:1:10: cannot read other.yaml: No such file or directory; there is "
                   "other.yml\n    extends: other.yaml\n             ^\n");
    check_not_read("lr46.yaml",
                   "lr46.yaml: cannot read this file: No such file or directory; there is "
                   "experiments/lr64.yaml\n");
    check_not_read("nothing.yaml",
                   "nothing.yaml: cannot read this file: No such file or directory\n");
    ck_assert(pxs_config_near_file("mine", near));
    ck_assert_str_eq(near, "mine.yaml");
    rmdir("experiments");
    test_folder_leave();
}
END_TEST

START_TEST(strange_characters_in_a_files_name)
{
    test_folder_enter();
    check_not_read("a\nb\x1b[31m.yaml",
                   "a\\nb\\x1b[31m.yaml: cannot read this file: No such file or directory\n");
    write_text(
        "a\nb.yaml",
        "name: x\ndataset: d\nextends: \"c\\nd\"\nsweep: {grid: {b1: [0.4]}, zip: {b1: [0.4]}}\n");
    check_not_read(
        "a\nb.yaml",
        "a\\nb.yaml:3:10: cannot read c\\nd: No such file or directory\n"
        "    extends: \"c\\nd\"\n             ^\n"
        "a\\nb.yaml:4:34: b1 stands in two parts of the sweep, grid (a\\nb.yaml:4) and zip: "
        "keep it in one of them (grid combines its values with all others, zip goes through its "
        "lists in step)\n"
        "    sweep: {grid: {b1: [0.4]}, zip: {b1: [0.4]}}\n"
        "                                     ^\n");
    test_folder_leave();
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
    struct pxs_config *c = NULL;
    struct pxs_text text = {0};
    struct pxs_error err = {0};
    test_folder_enter();
    ck_assert_int_eq(pxs_config_load("no/where.yaml", NULL, 0, &c, &text, &err), PXS_E_NOT_FOUND);
    ck_assert_str_eq(pxs_text_str(&text),
                     "no/where.yaml: cannot read this file: No such file or directory\n");
    ck_assert_str_eq(err.message,
                     "no/where.yaml: cannot read this file: No such file or directory");
    pxs_text_clear(&text);
    ck_assert_int_eq(pxs_config_load(".", NULL, 0, &c, &text, &err), PXS_E_INVALID);
    ck_assert_ptr_null(c);
    ck_assert_int_eq(pxs_config_load("no/where.yaml", NULL, 0, &c, NULL, NULL), PXS_E_NOT_FOUND);
    pxs_text_finish(&text);
    pxs_config_destroy(NULL);
    pxs_config_destroy(&c);
    test_folder_leave();
}
END_TEST

static const char *passed_on(const struct pxs_launch_settings *l, const char *key) {
    for (size_t i = 0; i < l->n_keys; i++)
        if (strcmp(l->keys[i].key, key) == 0)
            return l->keys[i].value;
    return "";
}

START_TEST(where_runs_are_carried_out)
{
    const char *const sets[] = {"run.on=./mine", "run.slurm.time=90s", "run.slurm.mem=2T",
                                "run.slurm.warn_before=10s"};
    char path[PXS_PATH_MAX];
    test_folder_enter();
    struct pxs_config *c = load_text("dataset: data\n");
    ck_assert_str_eq(pxs_config_on(c), "here");
    const struct pxs_launch_settings *l = pxs_config_launch(c, "slurm");
    ck_assert_int_eq(l->cpus_per_task, 4);
    ck_assert_int_eq(l->runs_per_task, 1);
    ck_assert_int_eq(l->warn_before, 300);
    ck_assert_int_eq(l->look_every, 30);
    ck_assert_int_eq(l->ask_every, 60);
    ck_assert_int_eq(l->mem_mb, PXS_MEM_AUTO);
    ck_assert_int_eq(l->tasks + l->array_throttle + l->seconds + (int64_t)l->n_keys, 0);
    ck_assert(!l->setup && !l->extra);
    char hash[PXS_SHA256_HEX];
    snprintf(hash, sizeof hash, "%s", pxs_config_spec_hash(c));
    pxs_config_destroy(&c);

    c = load(FIXTURES "/good/on_slurm.yaml", NULL, 0);
    ck_assert_str_eq(pxs_config_on(c), "slurm");
    l = pxs_config_launch(c, "slurm");
    ck_assert_int_eq(l->cpus_per_task, 8);
    ck_assert_int_eq(l->runs_per_task, 0);
    ck_assert_int_eq(l->tasks, 64);
    ck_assert_int_eq(l->array_throttle, 32);
    ck_assert_int_eq(l->seconds, 8 * 3600);
    ck_assert_int_eq(l->mem_mb, 4096);
    ck_assert_str_eq(l->setup, "module load gcc\nexport A=1");
    ck_assert_str_eq(l->extra[0], "--exclusive");
    ck_assert_str_eq(l->extra[1], "--nice=10");
    ck_assert_ptr_null(l->extra[2]);
    ck_assert_uint_eq(l->n_keys, 4);
    ck_assert_str_eq(passed_on(l, "partition"), "cpu");
    ck_assert_str_eq(passed_on(l, "constraint"), "avx2");
    l = pxs_config_launch(c, "ssh");
    ck_assert_str_eq(passed_on(l, "hosts"), "pc1,pc2");
    ck_assert_int_eq(l->runs_per_task, 2);
    l = pxs_config_launch(c, "/some/launcher");
    ck_assert_str_eq(passed_on(l, "queue"), "long");
    ck_assert_int_eq(l->mem_mb, 0);
    ck_assert_int_eq(l->seconds, 86400);
    pxs_config_destroy(&c);

    /* It is how, not what: the runs are the same. */
    write_text("x.yaml", "dataset: data\nrun: {on: slurm, slurm: {mem_per_cpu: 1500K}}\n");
    c = load("x.yaml", NULL, 0);
    ck_assert_str_eq(pxs_config_spec_hash(c), hash);
    ck_assert_str_eq(passed_on(pxs_config_launch(c, "slurm"), "mem_per_cpu"), "2M");
    pxs_config_destroy(&c);
    write_text("x.yaml", "dataset: data\nrun: {on: slurm}\n");
    c = load("x.yaml", sets, PXS_COUNT(sets));
    ck_assert(pxs_path_absolute(path, sizeof path, "mine"));
    ck_assert_str_eq(pxs_config_on(c), path);
    ck_assert_int_eq(pxs_config_launch(c, "slurm")->seconds, 90);
    ck_assert_int_eq(pxs_config_launch(c, "slurm")->mem_mb, 2 * 1024 * 1024);
    pxs_config_destroy(&c);

    struct pxs_error err = {0};
    ck_assert_int_eq(pxs_config_file_on("x.yaml", NULL, 0, path, &err), PXS_OK);
    ck_assert_str_eq(path, "slurm");
    ck_assert_int_eq(pxs_config_file_on("x.yaml", sets, 1, path, &err), PXS_OK);
    ck_assert_str_eq(path + strlen(path) - 5, "/mine");
    write_text("x.yaml", "run: {on: slurm, oh: 1}\n");
    ck_assert_int_eq(pxs_config_file_on("x.yaml", NULL, 0, path, &err), PXS_E_INVALID);

    ck_assert(pxs_on_allowed("here") && pxs_on_allowed("/a/b") && pxs_on_allowed("./b"));
    ck_assert(!pxs_on_allowed("") && !pxs_on_allowed("Slurm") && !pxs_on_allowed("a/"));
    test_folder_leave();
}
END_TEST

START_TEST(durations)
{
    static const struct {
        const char *text;
        double seconds; /* -1: none of it */
    } cases[] = {{"90s", 90},         {"5m", 300},    {"8h", 28800}, {"1d", 86400}, {"1h30m", 5400},
                 {"1d2h3m4s", 93784}, {"1.5h", 5400}, {"0s", 0},     {".5m", 30},   {"", -1},
                 {"5", -1},           {"5 m", -1},    {"m", -1},     {"5m1h", -1},  {"1h1h", -1},
                 {"-5m", -1},         {"5mm", -1},    {"1..5h", -1}, {"1e3s", -1},  {"5M", -1},
                 {"none", -1},        {"inf", -1},    {"5m ", -1}};
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        double seconds = -1;
        bool ok = pxs_parse_duration(cases[i].text, false, &seconds);
        ck_assert_msg(ok == (cases[i].seconds >= 0) && seconds == cases[i].seconds, "'%s'",
                      cases[i].text);
    }
    double seconds = 0;
    ck_assert(pxs_parse_duration("none", true, &seconds) && isinf(seconds));
}
END_TEST

/* What the database keeps of a sweep's file says how its keys vary: the options behind it, too. */
START_TEST(how_keys_vary_is_said_by_the_text)
{
    static const char text[] = "dataset: x\n# --set sweep.grid.ngf=[1, 2] is no option here\n"
                               "sweep:\n"
                               "  grid: {lrgd: [5, 10]}\n"
                               "  zip: {batch_size: [4, 8], n_epochs: [1, 2]}\n"
                               "  points: [{norm: batch}, {norm: instance, init_gain: 0.1}]\n"
                               "  random: {samples: 9, seed: 3, lambda_pixel: {log_uniform: [1, "
                               "9]}, dropout: {uniform: [0, 0.5]}}\n"
                               "# --set n_epochs_decay=3\n"
                               "# --set sweep.random.learning_rate_G={log_uniform: [1e-4, 1e-2]}\n"
                               "# --set sweep.grid.lrgd=[1, 2]\n";
    struct pxs_varies v[PXS_PARAM_COUNT];
    ck_ok(pxs_config_varies(text, v, &err));
    ck_assert_int_eq(v[PXS_PARAM_lrgd].by, PXS_VARIES_GRID);
    ck_assert_int_eq(v[PXS_PARAM_batch_size].by, PXS_VARIES_ZIP);
    ck_assert_int_eq(v[PXS_PARAM_n_epochs].by, PXS_VARIES_ZIP);
    ck_assert_int_eq(v[PXS_PARAM_norm].by, PXS_VARIES_POINTS);
    ck_assert_int_eq(v[PXS_PARAM_init_gain].by, PXS_VARIES_POINTS);
    ck_assert(v[PXS_PARAM_lambda_pixel].by == PXS_VARIES_RANDOM && v[PXS_PARAM_lambda_pixel].log);
    ck_assert(v[PXS_PARAM_dropout].by == PXS_VARIES_RANDOM && !v[PXS_PARAM_dropout].log);
    ck_assert(v[PXS_PARAM_learning_rate_G].by == PXS_VARIES_RANDOM &&
              v[PXS_PARAM_learning_rate_G].log);
    ck_assert_int_eq(v[PXS_PARAM_ngf].by, PXS_VARIES_UNSAID);
    ck_assert_int_eq(v[PXS_PARAM_seed].by, PXS_VARIES_UNSAID);

    static const char *const others[] = {"",
                                         "- a\n- b\n",
                                         "sweep: [1]\n",
                                         "sweep: {grid: 3}\n",
                                         "a: [",
                                         "sweep: {random: {ngf: 3}, points: [3]}\n",
                                         "# --set sweep.grid=3\n",
                                         "# --set "};
    for (size_t i = 0; i < PXS_COUNT(others); i++) {
        ck_ok(pxs_config_varies(others[i], v, &err));
        ck_assert_int_eq(v[PXS_PARAM_lrgd].by, PXS_VARIES_UNSAID);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config");
    TCase *tc = tcase_create("config");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, bad_files_are_refused_in_words);
    tcase_add_test(tc, good_files_expand);
    tcase_add_test(tc, files_of_the_project_load);
    tcase_add_test(tc, lab_settings_are_the_defaults);
    tcase_add_loop_test(tc, config_yaml_of_any_run_loads_again, 0, 50);
    tcase_add_test(tc, one_number_one_hash);
    tcase_add_test(tc, draws_depend_on_seed_and_key_only);
    tcase_add_test(tc, draws_follow_their_distribution);
    tcase_add_test(tc, narrow_and_wide_draws_keep_their_digits);
    tcase_add_test(tc, origins);
    tcase_add_test(tc, spec_hash_follows_the_runs);
    tcase_add_test(tc, a_file_that_is_not_there);
    tcase_add_test(tc, a_file_beside_the_one_that_is_not_there);
    tcase_add_test(tc, strange_characters_in_a_files_name);
    tcase_add_test(tc, durations);
    tcase_add_test(tc, where_runs_are_carried_out);
    tcase_add_test(tc, how_keys_vary_is_said_by_the_text);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
