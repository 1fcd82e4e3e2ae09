/* Folders in, bytes out: order, layouts, hash, resizing, refusals. */
#include "data/data_tests.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void setup(void) {
    test_folder_make();
}

/* The value that a byte becomes. */
static float value(uint8_t v) {
    return ((float)v / 255.0f - 0.5f) / 0.5f;
}

/* Half k (0 left, 1 right) of a pair as it must come out at w x h. */
static struct pxs_image expected_half(const struct pxs_image *pair, int k, int w, int h) {
    struct pxs_image half, sized;
    ck_assert_int_eq(
        pxs_image_crop(pair, k * pair->width / 2, 0, pair->width / 2, pair->height, &half, NULL),
        PXS_OK);
    ck_assert_int_eq(pxs_image_resize(&half, w, h, &sized, NULL), PXS_OK);
    pxs_image_finish(&half);
    return sized;
}

static void check_pair(const struct pxs_dataset *set, enum pxs_split split, uint32_t index,
                       const struct pxs_image *pair, int w, int h, bool a_to_b) {
    size_t n = (size_t)w * (size_t)h * (size_t)pair->channels;
    float *got[2] = {malloc(n * sizeof(float)), malloc(n * sizeof(float))};
    pxs_dataset_batch(set, split, &index, 1, NULL, got[0], got[1]);
    for (int k = 0; k < 2; k++) {
        /* got[0] is the source */
        struct pxs_image half = expected_half(pair, a_to_b ? k : 1 - k, w, h);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(got[k][i] == value(half.pixels[i]), "half %d, sample %zu: %g", k, i,
                          (double)got[k][i]);
        pxs_image_finish(&half);
        free(got[k]);
    }
}

START_TEST(order_is_bytewise)
{
    const char *names[] = {"b.png", "a.png", "B.PNG", "10.png", "9.png", "a-1.png"};
    const char *sorted[] = {"train/10.png",  "train/9.png", "train/B.PNG",
                            "train/a-1.png", "train/a.png", "train/b.png"};
    const int numbers[] = {3, 4, 2, 5, 1, 0};
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/%s", names[i]);
        put_pair(name, i);
    }
    put_pair("val/x.png", 100);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set = load(&o);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), 6);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), 1);
    ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_VAL, 0), "val/x.png");
    for (uint32_t i = 0; i < 6; i++) {
        struct pxs_image pair = picture(numbers[i], 16, 8, 3);
        ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, i), sorted[i]);
        check_pair(set, PXS_SPLIT_TRAIN, i, &pair, 8, 8, false);
        pxs_image_finish(&pair);
    }
    pxs_dataset_destroy(&set);
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(direction_swaps_the_halves)
{
    put_pair("train/x.png", 1);
    put_pair("val/y.png", 2);
    struct pxs_dataset_options o = small_options();
    struct pxs_image pair = picture(1, 16, 8, 3);
    for (int a_to_b = 0; a_to_b < 2; a_to_b++) {
        o.a_to_b = a_to_b;
        struct pxs_dataset *set = load(&o);
        check_pair(set, PXS_SPLIT_TRAIN, 0, &pair, 8, 8, a_to_b);
        pxs_dataset_destroy(&set);
    }
    pxs_image_finish(&pair);
}
END_TEST

START_TEST(halves_are_resized)
{
    struct pxs_image pair = picture(7, 40, 24, 3);
    put_png("train/x.png", &pair);
    put_pair("train/y.png", 8);
    put_pair("val/y.png", 2);
    struct gathered log;
    struct pxs_dataset_options o = small_options();
    o.logger = gather(&log);
    o.img_width = 16;
    struct pxs_dataset *set = load(&o);
    const struct pxs_dataset_info *info = pxs_dataset_info(set);
    ck_assert_int_eq(info->pair_width, 40);
    ck_assert_int_eq(info->pair_height, 24);
    ck_assert(info->mixed_sizes);
    ck_assert_uint_eq(info->bytes, 3 * 2 * 16 * 8 * 3);
    ck_assert_ptr_nonnull(strstr(log.text,
                                 "train/y.png: a pair of 16 x 8 pixels, where the first is 40 x "
                                 "24; each is resized on its own (and 1 more like it)\n"));
    check_pair(set, PXS_SPLIT_TRAIN, 0, &pair, 16, 8, false);
    pxs_dataset_destroy(&set);
    pxs_image_finish(&pair);
}
END_TEST

/* One channel: grey first, then resized, as Pillow's convert("L").resize(). */
/* A and B of different sizes: each half is resized on its own, and it is said. */
START_TEST(partners_may_differ_in_size)
{
    struct pxs_image a = picture(1, 32, 32, 3), b = picture(2, 8, 8, 3), sized;
    put_png("train/A/x.png", &a);
    put_png("train/B/x.png", &b);
    struct gathered log;
    struct pxs_check_summary s;
    struct pxs_dataset_options o = small_options();
    o.a_to_b = true;
    o.val_fraction = 0;
    ck_assert_int_eq(pxs_dataset_check(o.path, NULL, gather(&log), (struct pxs_meter){0}, &s, NULL),
                     PXS_OK);
    ck_assert_str_eq(log.text,
                     "I in 1 of 1 pairs A and B differ in size (train/A/x.png: A 32 x 32, B 8 x "
                     "8); each half is resized to img_width x img_height on its own\n");
    ck_assert_uint_eq(s.errors + s.warnings, 0);
    struct pxs_dataset *set = load(&o);
    float got[2][8 * 8 * 3];
    uint32_t first = 0;
    pxs_dataset_batch(set, PXS_SPLIT_TRAIN, &first, 1, NULL, got[0], got[1]);
    ck_assert_int_eq(pxs_image_resize(&a, 8, 8, &sized, NULL), PXS_OK);
    for (int i = 0; i < 8 * 8 * 3; i++) {
        ck_assert(got[0][i] == value(sized.pixels[i]));
        ck_assert(got[1][i] == value(b.pixels[i]));
    }
    pxs_dataset_destroy(&set);
    pxs_image_finish(&sized);
    /* the sizes count, too: the same bytes in other halves are another pair */
    char hash[PXS_SHA256_HEX];
    memcpy(hash, s.hash, sizeof hash);
    a.height = 16;
    a.width = 64;
    put_png("train/A/x.png", &a);
    ck_assert_int_eq(pxs_dataset_check(o.path, NULL, gather(&log), (struct pxs_meter){0}, &s, NULL),
                     PXS_OK);
    ck_assert_str_ne(s.hash, hash);
    ck_assert_ptr_nonnull(strstr(
        log.text, "W in 1 of 1 pairs A and B differ in size (train/A/x.png: A 64 x 16, B 8 x 8)"));
    ck_assert_ptr_nonnull(
        strstr(log.text, "; 1 differ in proportions, too: do they show the same?"));
    pxs_image_finish(&a);
    pxs_image_finish(&b);
}
END_TEST

START_TEST(one_channel_is_grey_then_resized)
{
    struct pxs_image pair = picture(7, 40, 24, 3), grey;
    put_png("train/x.png", &pair);
    put_pair("val/y.png", 2);
    struct pxs_dataset_options o = small_options();
    o.channels = 1;
    struct pxs_dataset *set = load(&o);
    ck_assert_uint_eq(pxs_dataset_info(set)->bytes, 2 * 2 * 8 * 8);
    ck_assert_int_eq(pxs_image_grey(&pair, &grey, NULL), PXS_OK);
    check_pair(set, PXS_SPLIT_TRAIN, 0, &grey, 8, 8, false);
    pxs_image_finish(&pair);
    pxs_image_finish(&grey);
    pxs_dataset_destroy(&set);
}
END_TEST

static void put_halves(const char *a, const char *b, int n) {
    struct pxs_image pair = picture(n, 16, 8, 3);
    for (int k = 0; k < 2; k++) {
        struct pxs_image half;
        ck_assert_int_eq(pxs_image_crop(&pair, 8 * k, 0, 8, 8, &half, NULL), PXS_OK);
        put_png(k == 0 ? a : b, &half);
        pxs_image_finish(&half);
    }
    pxs_image_finish(&pair);
}

START_TEST(partners_are_matched_by_stem)
{
    put_halves("train/A/x.png", "train/B/x.PNG", 1);
    put_halves("train/A/x.1.png", "train/B/x.1.png", 2);
    put_halves("train/A/longer-stem.png", "train/B/longer-stem.png", 3);
    put_halves("val/A/y.png", "val/B/y.png", 4);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set = load(&o);
    const int numbers[] = {3, 2, 1};
    ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 1), "train/A/x.1.png");
    for (uint32_t i = 0; i < 3; i++) {
        struct pxs_image pair = picture(numbers[i], 16, 8, 3);
        check_pair(set, PXS_SPLIT_TRAIN, i, &pair, 8, 8, false);
        pxs_image_finish(&pair);
    }
    pxs_dataset_destroy(&set);
}
END_TEST

static void expect_hash(const char *hash) {
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info info;
    struct pxs_error err = {0};
    ck_assert_msg(pxs_dataset_inspect(&o, &info, &err) == PXS_OK, "%s", err.message);
    ck_assert_str_eq(info.hash, hash);
    struct pxs_dataset *set = load(&o);
    ck_assert_mem_eq(pxs_dataset_info(set), &info, sizeof info);
    pxs_dataset_destroy(&set);
}

/* Plans hold these hashes: a change here makes every planned run's data "changed". */
START_TEST(hash_is_of_content_in_order)
{
    static const char pinned[] = "cf3a17aae5652c65d7af95fbba022945738124e4908a34949a03d88ac324b9ba";
    put_pair("train/a.png", 1);
    put_pair("train/b.png", 2);
    put_pair("val/a.png", 3);
    expect_hash(pinned);
    /* another name in the same place */
    rename(in_folder("train/b.png"), in_folder("train/zzz.png"));
    expect_hash(pinned);
    write_text("train/README.md", "notes");
    write_text("train/.DS_Store", "x");
    write_text("val/Thumbs.db", "x");
    expect_hash(pinned);

    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info info;
    rename(in_folder("train/zzz.png"), in_folder("train/0.png")); /* another order */
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_str_ne(info.hash, pinned);
    unlink(in_folder("train/0.png"));
    put_pair("val/b.png", 2); /* the other split */
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_str_ne(info.hash, pinned);
    unlink(in_folder("val/b.png"));
    struct pxs_image im = picture(2, 16, 8, 3);
    im.pixels[200] ^= 1; /* one bit */
    put_png("train/b.png", &im);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_str_ne(info.hash, pinned);
    im.pixels[200] ^= 1;
    put_png("train/b.png", &im);
    expect_hash(pinned);
    pxs_image_finish(&im);
}
END_TEST

START_TEST(hash_does_not_depend_on_layout)
{
    static const char pinned[] = "cf3a17aae5652c65d7af95fbba022945738124e4908a34949a03d88ac324b9ba";
    put_halves("train/A/a.png", "train/B/a.png", 1);
    put_halves("train/A/b.png", "train/B/b.png", 2);
    put_halves("val/A/a.png", "val/B/a.png", 3);
    expect_hash(pinned);
}
END_TEST

START_TEST(threads_do_not_matter)
{
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/%02d.png", i);
        put_pair(name, i);
    }
    struct pxs_dataset_options o = small_options();
    struct pxs_pool *pool;
    ck_assert_int_eq(pxs_pool_create(3, &pool, NULL), PXS_OK);
    struct pxs_dataset *one = load(&o);
    o.pool = pool;
    struct pxs_dataset *three = load(&o);
    ck_assert_mem_eq(pxs_dataset_info(one), pxs_dataset_info(three),
                     sizeof(struct pxs_dataset_info));
    for (uint32_t i = 0; i < 36; i++) {
        float a[2][192], b[2][192];
        pxs_dataset_batch(one, PXS_SPLIT_TRAIN, &i, 1, NULL, a[0], a[1]);
        pxs_dataset_batch(three, PXS_SPLIT_TRAIN, &i, 1, NULL, b[0], b[1]);
        ck_assert_mem_eq(a, b, sizeof a);
    }
    pxs_dataset_destroy(&one);
    pxs_dataset_destroy(&three);
    pxs_pool_destroy(&pool);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------- */

START_TEST(folders_that_are_none)
{
    struct pxs_dataset_options o = small_options();
    refuse(&o, "%s has no train/ folder; put the training pairs (pictures, A/ and B/, or .npy) "
               "into %s/train");
    mkdir(in_folder("train"), 0777);
    refuse(&o, "%s cannot be used: train: holds no pairs");
    put_pair("train/x.png", 1);
    write_text("val/notes.txt", "later");
    refuse(&o, "%s cannot be used: val: holds no pairs");
    o.path = in_folder("train/x.png");
    refuse(&o, "%s/train/x.png is a file; a dataset is a folder with train/ and val/ in it: was %s "
               "meant?");
    o.path = in_folder("none");
    refuse(&o, "no dataset at %s/none: No such file or directory");
}
END_TEST

/* A path beside the data folder: the folder that was meant, or the command that makes one of it. */
#define NO_PARTNER "; add it, or take this one away"

START_TEST(a_path_nearby_is_understood)
{
    struct pxs_dataset_options o = small_options();
    put_pair("set/train/A/x.png", 1);
    mkdir(in_folder("set/val"), 0777);
    write_text("exp.yaml", "dataset: set\n");
    write_bytes("set.zip", "PK\3\4....", 8);
    static const char *const cases[][2] = {
        {"set/train", "%s/set/train has no train/ folder; it is a part of %s/set: was that meant?"},
        {"set/train/",
         "%s/set/train/ has no train/ folder; it is a part of %s/set: was that meant?"},
        {"set/val", "%s/set/val has no train/ folder; it is a part of %s/set: was that meant?"},
        {"set/train/A",
         "%s/set/train/A has no train/ folder; it is a part of %s/set: was that meant?"},
        {"set/train/A/x.png",
         "%s/set/train/A/x.png is a file; a dataset is a folder with train/ and val/ in "
         "it: was %s/set meant?"},
        {".", "%s/. has no train/ folder, but %s/./set has one: was that meant?"},
        {"exp.yaml",
         "%s/exp.yaml is a file; a dataset is a folder with train/ and val/ in it (`pixsweep "
         "plan %s/exp.yaml` looks at an experiment and its data)"},
        {"set.zip", "%s/set.zip is a zip archive; unpack it: a dataset is a folder with train/ and "
                    "val/ in it"},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        o.path = in_folder(cases[i][0]);
        refuse(&o, cases[i][1]);
    }
    rename(in_folder("set/train"), in_folder("set/Train"));
    o.path = in_folder("set");
    refuse(&o, "%s/set has no train/ folder, but Train/; rename it: mv %s/set/Train %s/set/train");
    rename(in_folder("set"), in_folder("my set"));
    o.path = in_folder("my set");
    refuse(&o, "%s/my set has no train/ folder, but Train/; rename it: mv '%s/my set'/Train '%s/my "
               "set'/train");
    rename(in_folder("my set"), in_folder("set"));
    o.path = in_folder("set");
    rename(in_folder("set/Train"), in_folder("set/trainA"));
    mkdir(in_folder("set/trainB"), 0777);
    ck_assert_int_eq(rmdir(in_folder("set/trainB")), 0);
    refuse(&o, "%s/set has trainA/ but not trainB/");
    mkdir(in_folder("set/trainB"), 0777);
    o.path = in_folder("set/trainA");
    rename(in_folder("set/trainA/A/x.png"), in_folder("set/trainA/x.png"));
    rmdir(in_folder("set/trainA/A"));
    refuse(&o, "%s/set/trainA has no train/ folder; it is a part of %s/set: was that meant?");
    o.path = in_folder("set");
    refuse(&o, "%s/set cannot be used: trainA/x.png: has no partner in trainB" NO_PARTNER);
    put_pair("pp/A/train/x.png", 1);
    put_pair("pp/B/train/x.png", 1);
    mkdir(in_folder("pp/A/val"), 0777);
    o.path = in_folder("pp");
    refuse(&o, "%s/pp cannot be used: val: has A/val/ but not B/val/");
    put_pair("two/ink/train/x.png", 1);
    put_pair("two/photo/train/x.png", 1);
    o.path = in_folder("two");
    refuse(
        &o,
        "%s/two has no train/ folder, but ink/train/ and photo/train/; if they are partners by "
        "name, "
        "ink/ as A and photo/ as B (direction: BtoA, the default, translates B into A): mkdir -p "
        "%s/two/train && mv %s/two/ink/train %s/two/train/A && mv %s/two/photo/train "
        "%s/two/train/B; if each is a dataset of its own, name %s/two/ink or %s/two/photo");
    put_pair("two/ink/train/A/x.png", 1);
    refuse(&o, "%s/two has no train/ folder, but 2 folders in it have one, such as %s/two/ink and "
               "%s/two/photo: name "
               "the one that is meant");
    put_pair("flat/x.png", 1);
    put_pair("flat/val/x.png", 1);
    o.path = in_folder("flat");
    refuse(&o, "%s/flat has no train/ folder, but pictures or arrays; put those to train on into "
               "one: mkdir "
               "%s/flat/train && mv %s/flat/*.* %s/flat/train/");
    put_pair("ab/A/x.png", 1);
    o.path = in_folder("ab");
    refuse(&o, "%s/ab cannot be used: .: has A/ but not B/");
}
END_TEST

/* Folders of other projects are the same set as the same pictures in train/A, train/B, val/A,
 * val/B. */
START_TEST(other_layouts_are_read)
{
    static const struct {
        const char *a, *b; /* with a split as %s */
        const char *val, *note;
    } cases[] = {
        {"%sA", "%sB", "val", "I testA/ and testB/ are not read\n"},
        {"%s_A", "%s_B", "valid", ""},
        {"%s-A", "%s-B", "test", "W test-A/ and test-B/ validate, since there is no val\n"},
        {"A/%s", "B/%s", "test", "W A/test/ and B/test/ validate, since there is no val\n"},
        {"%s/A", "%s/B", "val", ""},
    };
    char hash[PXS_SHA256_HEX] = "";
    for (int i = (int)PXS_COUNT(cases) - 1; i >= 0; i--) {
        struct pxs_dataset_options o = small_options();
        struct pxs_check_summary summary;
        struct gathered got;
        char folder[64], name[128], root[32];
        snprintf(root, sizeof root, "case%d", i);
        for (int k = 0; k < 8; k++) { /* which half, which split, which picture */
            snprintf(folder, sizeof folder, k & 1 ? cases[i].b : cases[i].a,
                     k & 2 ? cases[i].val : "train");
            snprintf(name, sizeof name, "%s/%s/%d.png", root, folder, k >> 2);
            put_pair(name, 10 + k);
        }
        put_pair("case0/testA/x.png", 1);
        put_pair("case0/testB/x.png", 2);
        o.path = in_folder(root);
        struct pxs_dataset *set = load(&o);
        ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), 2);
        ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), 2);
        if (hash[0] == '\0')
            strcpy(hash, pxs_dataset_info(set)->hash);
        ck_assert_str_eq(pxs_dataset_info(set)->hash, hash);
        snprintf(folder, sizeof folder, cases[i].a, "train");
        snprintf(name, sizeof name, "%s/1.png", folder);
        ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 1), name);
        pxs_dataset_destroy(&set);
        ck_assert_int_eq(
            pxs_dataset_check(o.path, NULL, gather(&got), (struct pxs_meter){0}, &summary, NULL),
            PXS_OK);
        ck_assert_str_eq(got.text, cases[i].note);
        o.val_fraction_stated = true;
        struct pxs_error err;
        ck_assert_int_eq(pxs_dataset_load(&o, &set, &err), PXS_E_INVALID);
    }
}
END_TEST

/* Without train/, pairs in the folder itself are the training pairs. */
START_TEST(a_flat_folder_is_read)
{
    struct pxs_dataset_options o = small_options();
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%d.png", i < 2 ? "pairs" : "wanted/train", i % 2);
        put_pair(name, i % 2);
    }
    put_pair("sides/A/x.png", 5);
    put_pair("sides/B/x.png", 6);
    put_pair("sides/A/y.png", 7);
    put_pair("sides/B/y.png", 8);
    write_text("pairs/README.md", "mine");
    struct pxs_dataset_info flat, wanted;
    o.path = in_folder("pairs");
    ck_assert_int_eq(pxs_dataset_inspect(&o, &flat, NULL), PXS_OK);
    o.path = in_folder("wanted");
    ck_assert_int_eq(pxs_dataset_inspect(&o, &wanted, NULL), PXS_OK);
    ck_assert_str_eq(flat.hash, wanted.hash);
    ck_assert(flat.val_from_train && flat.train == 1 && flat.val == 1);
    o.path = in_folder("sides");
    o.val_fraction = 0;
    struct pxs_dataset *set = load(&o);
    ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 1), "A/y.png");
    pxs_dataset_destroy(&set);
    mkdir(in_folder("pairs/more"), 0777);
    o.path = in_folder("pairs");
    refuse(&o, "%s/pairs cannot be used: more: a folder that is not read; only A/ and B/ are");
}
END_TEST

START_TEST(suffixes_are_sent_to_data_pairs)
{
    struct pxs_dataset_options o = small_options();
    put_pair("set/1_A.png", 1);
    put_pair("set/1_B.png", 2);
    put_pair("set/2_A.png", 3);
    put_pair("set/2_B.png", 4);
    o.path = in_folder("set");
    refuse(&o,
           "%s/set cannot be used: .: 2 pictures have a partner beside them, such as 1_A.png and "
           "its _B: each picture here is taken for a whole pair; this makes pairs of them: "
           "pixsweep data pairs --a %s/set --b %s/set --out %s/set-pairs");
}
END_TEST

/* Other trainers' folders of two sides. The command that is offered is carried out, and what it
 * makes is loaded: its validation pairs, too. */
START_TEST(folders_of_two_sides_get_a_command_that_works)
{
    static const struct {
        /* a, b: with a split as %s; val: the split's name there */
        const char *train, *a, *b, *val, *said;
    } cases[] = {
        {"train", "target/%s", "input/%s", "val", "with the inputs as B"},
        {"train", "targets/%s", "inputs/%s", "test", "(test becomes val"},
        {"", "target%s", "input%s", "", "with the inputs as B"},
        {"", "target%s", "source%s", "", "with the inputs as B"},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        struct pxs_dataset_options o = small_options();
        struct pxs_dataset *set = NULL;
        struct pxs_error err = {0};
        const char *side[2] = {cases[i].a, cases[i].b}, *split[2] = {cases[i].train, cases[i].val};
        const bool val = cases[i].val[0];
        char folder[64], name[128], root[32];
        snprintf(root, sizeof root, "case %zu", i);
        for (int k = 0; k < 4; k++) {
            if (k >= 2 && !val)
                continue;
            snprintf(folder, sizeof folder, side[k % 2], split[k / 2]);
            snprintf(name, sizeof name, "%s/%s/%d.png", root, folder, k / 2);
            put_pair(name, 10 + k);
        }
        put_pair("case 0/target/test/x.png", 1);
        put_pair("case 0/input/test/x.png", 2);
        o.val_fraction = 0;
        o.path = in_folder(root);
        ck_assert_int_eq(pxs_dataset_load(&o, &set, &err), PXS_E_INVALID);
        const char *command = strstr(err.message, "mkdir -p ");
        ck_assert_msg(command != NULL, "%s", err.message);
        ck_assert_msg(strstr(err.message, i == 0 ? "(test stays" : cases[i].said) != NULL, "%s",
                      err.message);
        char *end = strstr(command, " (test ");
        if (end != NULL)
            *end = '\0';
        ck_assert_int_eq(system(command), 0);
        ck_assert_msg(pxs_dataset_load(&o, &set, &err) == PXS_OK, "%s", err.message);
        ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_VAL), val ? 1 : 0);
        pxs_dataset_destroy(&set);
    }
}
END_TEST

START_TEST(inputs_and_targets_within_train_get_a_command)
{
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set = NULL;
    struct pxs_error err = {0};
    put_pair("train/input/x.png", 1);
    put_pair("train/target/x.png", 2);
    o.path = in_folder("");
    o.val_fraction = 0;
    ck_assert_int_eq(pxs_dataset_load(&o, &set, &err), PXS_E_INVALID);
    const char *command = strstr(err.message, "translates B into A): mv ");
    ck_assert_msg(command != NULL, "%s", err.message);
    ck_assert_int_eq(system(strstr(command, "mv ")), 0);
    ck_assert_msg(pxs_dataset_load(&o, &set, &err) == PXS_OK, "%s", err.message);
    pxs_dataset_destroy(&set);
    ck_assert_int_eq(access(in_folder("train/B/x.png"), F_OK), 0);
}
END_TEST

START_TEST(a_bad_file_is_named_with_its_reason)
{
    put_pair("train/a.png", 1);
    write_bytes("train/b.png", "\x89PNG\r\n\x1a\n", 8);
    struct pxs_dataset_options o = small_options();
    refuse(&o, "%s cannot be used: train/b.png: the file ends too early (truncated); copy it "
               "again, or take the pair away");
    write_text("train/b.png", "no picture");
    write_text("val/c.png", "");
    refuse(
        &o,
        "%s cannot be used:\n  train/b.png: plain text, not a PNG, JPEG or TIFF; look into it: an "
        "error "
        "message or a "
        "link in place of the file?\n  val/c.png: an empty file, not a PNG, JPEG or TIFF; copy or "
        "download it again");
}
END_TEST

START_TEST(many_bad_files_are_listed_and_counted)
{
    struct pxs_text expected = {0};
    pxs_text_add(&expected, "%s cannot be used:");
    for (int i = 0; i < 25; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/%02d.png", i);
        write_text(name, "");
        if (i < 20)
            pxs_text_addf(
                &expected,
                "\n  %s: an empty file, not a PNG, JPEG or TIFF; copy or download it again", name);
    }
    pxs_text_add(&expected, "\n  and 5 more (`pixsweep data check` lists them all)");
    struct pxs_dataset_options o = small_options();
    refuse(&o, expected.text);
    pxs_text_finish(&expected);
}
END_TEST

/* Long names: as many as the message holds, and the rest is counted. */
START_TEST(long_lists_stay_whole)
{
    for (int i = 0; i < 20; i++) {
        char name[256];
        snprintf(name, sizeof name, "train/%0200d.png", i);
        write_text(name, "");
    }
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set;
    struct pxs_error err;
    ck_assert_int_eq(pxs_dataset_load(&o, &set, &err), PXS_E_INVALID);
    const char *rest = strstr(err.message, "\n  and ");
    ck_assert_ptr_nonnull(rest);
    int lines = 0;
    for (const char *p = err.message; (p = strstr(p, "\n  train/")) != NULL; p++)
        lines++;
    ck_assert_int_ge(lines, 5);
    ck_assert_int_eq(lines + atoi(rest + 7), 20);
}
END_TEST

START_TEST(options_are_checked)
{
    put_pair("train/a.png", 1);
    struct pxs_dataset_options o = small_options();
    o.channels = 2;
    refuse(&o, "channels must be 1 or 3, not 2");
    o = small_options();
    o.val_fraction = 1.0;
    refuse(&o, "val_fraction must be at least 0 and below 1");
    o = small_options();
    o.img_height = 0;
    refuse(&o, "img_height 0, img_width 8 with jitter 0 are out of bounds");
}
END_TEST

START_TEST(a_stop_is_obeyed)
{
    put_pair("train/a.png", 1);
    struct pxs_stop stop = {.signal = 15};
    struct pxs_dataset_options o = small_options();
    o.stop = &stop;
    struct pxs_dataset *set;
    struct pxs_error err;
    ck_assert_int_eq(pxs_dataset_load(&o, &set, &err), PXS_E_STOPPED);
}
END_TEST

TCase *load_tests(void) {
    TCase *tc = tcase_create("load");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_test(tc, order_is_bytewise);
    tcase_add_test(tc, direction_swaps_the_halves);
    tcase_add_test(tc, halves_are_resized);
    tcase_add_test(tc, partners_may_differ_in_size);
    tcase_add_test(tc, one_channel_is_grey_then_resized);
    tcase_add_test(tc, partners_are_matched_by_stem);
    tcase_add_test(tc, hash_is_of_content_in_order);
    tcase_add_test(tc, hash_does_not_depend_on_layout);
    tcase_add_test(tc, threads_do_not_matter);
    tcase_add_test(tc, folders_that_are_none);
    tcase_add_test(tc, a_path_nearby_is_understood);
    tcase_add_test(tc, other_layouts_are_read);
    tcase_add_test(tc, a_flat_folder_is_read);
    tcase_add_test(tc, suffixes_are_sent_to_data_pairs);
    tcase_add_test(tc, folders_of_two_sides_get_a_command_that_works);
    tcase_add_test(tc, inputs_and_targets_within_train_get_a_command);
    tcase_add_test(tc, a_bad_file_is_named_with_its_reason);
    tcase_add_test(tc, many_bad_files_are_listed_and_counted);
    tcase_add_test(tc, long_lists_stay_whole);
    tcase_add_test(tc, options_are_checked);
    tcase_add_test(tc, a_stop_is_obeyed);
    return tc;
}
