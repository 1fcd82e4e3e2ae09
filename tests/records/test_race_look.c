/* Looks of a race as files: there and back, the first one wins, what is no look is refused. */
#include "pixsweep/records/race_look.h"
#include "record_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[PXS_PATH_MAX];

static void a_folder(void) {
    snprintf(dir, sizeof dir, "%s.sweep", temp_file());
    ck_assert_int_eq(mkdir(dir, 0777), 0);
}

static struct pxs_race_entry entries[3] = {
    {.label = "learning_rate_G 0.001234567891, lambda_pixel 100, gan_mode vanilla, lrgd 90",
     .decision = PXS_RACE_STAYS,
     .n = 3,
     .diverged = 1,
     .pairs = 2,
     .mean = 0.1,
     .difference = 1.0 / 3,
     .low = -INFINITY,
     .high = INFINITY},
    {.label = "lrgd-95", .decision = PXS_RACE_LEADS, .n = 3, .pairs = 3, .mean = 0.05},
    {.label = "lrgd-99",
     .decision = PXS_RACE_DROPPED,
     .mean = NAN,
     .difference = NAN,
     .low = 1e-300,
     .high = 5e-324}};

static struct pxs_race_record a_look(int look) {
    struct pxs_race_record r = {.race = "0123456789ab",
                                .look = look,
                                .seeds = 4,
                                .metric = "best_val_loss",
                                .level = 0.05 / 7,
                                .penalty = NAN,
                                .n = 3,
                                .entries = entries};
    for (size_t i = 0; i < r.n; i++)
        memset(entries[i].config_hash, 'a' + (int)i, 64);
    return r;
}

static bool same(double a, double b) {
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

static void put_text(const char *name, const char *text) {
    char path[PXS_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/race", dir);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/race/%s", dir, name);
    ck_ok(pxs_write_file(path, text, strlen(text), &err));
}

START_TEST(a_look_comes_back)
{
    a_folder();
    const struct pxs_race_record r = a_look(2);
    struct pxs_race_record back;
    ck_ok(pxs_race_look_write(dir, &r, &err));
    ck_ok(pxs_race_look_read(dir, r.race, 2, &back, &err));
    ck_assert_str_eq(back.race, r.race);
    ck_assert_str_eq(back.metric, r.metric);
    ck_assert(back.look == 2 && back.seeds == 4 && back.n == 3);
    ck_assert(same(back.level, r.level) && same(back.penalty, r.penalty));
    for (size_t i = 0; i < r.n; i++) {
        const struct pxs_race_entry *a = &r.entries[i], *b = &back.entries[i];
        ck_assert_str_eq(a->config_hash, b->config_hash);
        ck_assert_str_eq(a->label, b->label);
        ck_assert(a->decision == b->decision && a->n == b->n && a->diverged == b->diverged &&
                  a->pairs == b->pairs);
        ck_assert(same(a->mean, b->mean) && same(a->difference, b->difference) &&
                  same(a->low, b->low) && same(a->high, b->high));
    }
    pxs_race_record_finish(&back);
    ck_fails(pxs_race_look_read(dir, r.race, 1, &back, &err), PXS_E_NOT_FOUND, "01.json");
}
END_TEST

START_TEST(the_first_one_wins)
{
    a_folder();
    struct pxs_race_record r = a_look(1), back, *all;
    size_t n;
    ck_ok(pxs_race_looks_read(dir, &all, &n, &err));
    ck_assert_uint_eq(n, 0);
    free(all);
    put_text("0123456789ab-01.json.tmp.77", "{\"half");
    ck_ok(pxs_race_look_write(dir, &r, &err));
    r.level = 0.9;
    ck_fails(pxs_race_look_write(dir, &r, &err), PXS_E_EXISTS, "already");
    ck_ok(pxs_race_look_read(dir, r.race, 1, &back, &err));
    ck_assert(back.level == 0.05 / 7);
    pxs_race_record_finish(&back);

    r = a_look(2);
    ck_ok(pxs_race_look_write(dir, &r, &err));
    ck_ok(pxs_race_looks_read(dir, &all, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert(all[0].look == 1 && all[1].look == 2);
    for (size_t i = 0; i < n; i++)
        pxs_race_record_finish(&all[i]);
    free(all);
    char path[PXS_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/race/0123456789ab-01.json.tmp.77", dir);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* What stands in a right file, what stands there instead, and what is said. */
static const char *const wrong[][3] = {
    {"\"version\": 1", "\"version\": 2", "$.version must be from 1 to 1"},
    {"\"stays\"", "\"wins\"", "unknown decision"},
    {"\"stays\"", "\"leads\"", "one leads at most"},
    {"aaaa", "AAAA", "no sha256"},
    {"\"diverged\": 1", "\"diverged\": 4", "must be from 0 to 3"},
    {"\"look\": 1", "\"look\": 2", "another look than its name says"},
    {"{", "[", "line"},
};
START_TEST(what_is_no_look_is_refused)
{
    a_folder();
    const struct pxs_race_record r = a_look(1);
    struct pxs_race_record back, *all;
    char path[PXS_PATH_MAX + 64], *text, changed[4096];
    size_t n;
    ck_ok(pxs_race_look_write(dir, &r, &err));
    snprintf(path, sizeof path, "%s/race/0123456789ab-01.json", dir);
    ck_ok(pxs_read_file(path, 4096, &text, NULL, &err));
    const char *at = strstr(text, wrong[_i][0]);
    ck_assert_ptr_nonnull(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, wrong[_i][1],
             at + strlen(wrong[_i][0]));
    put_text("0123456789ab-01.json", changed);
    ck_fails(pxs_race_look_read(dir, r.race, 1, &back, &err), PXS_E_CORRUPT, wrong[_i][2]);
    ck_fails(pxs_race_looks_read(dir, &all, &n, &err), PXS_E_CORRUPT, "remove it");
    free(text);
}
END_TEST

TCase *race_look_case(void) {
    TCase *t = tcase_create("race_look");
    tcase_add_checked_fixture(t, test_folder_make, test_folder_remove);
    tcase_add_test(t, a_look_comes_back);
    tcase_add_test(t, the_first_one_wins);
    tcase_add_loop_test(t, what_is_no_look_is_refused, 0, PXS_COUNT(wrong));
    return t;
}
