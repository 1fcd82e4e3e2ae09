/* One file of pixels for all jobs: the same bits, found again only while the data are the same. */
#include "data/data_tests.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Small pairs, enlarged to what is large here. */
enum { PAIRS = 12, SIDE = 96, CHANNELS = 3, LARGE = PAIRS * 2 * SIDE * SIDE * CHANNELS };

static void put_set(void) {
    static uint8_t data[PAIRS * 8 * 16 * 3];
    for (int i = 0; i < PAIRS; i++) {
        struct pxs_image im = picture(i, 16, 8, 3);
        memcpy(data + (size_t)i * 8 * 16 * 3, im.pixels, 8 * 16 * 3);
        pxs_image_finish(&im);
    }
    put_npy("set/train/a.npy", 1, "|u1", "(12, 8, 16, 3)", data, sizeof data);
}

static void setup(void) {
    test_folder_make();
    put_set();
}

static struct pxs_dataset_options large_options(bool cached) {
    static char set[PXS_PATH_MAX], cache[PXS_PATH_MAX];
    snprintf(set, sizeof set, "%s", in_folder("set"));
    snprintf(cache, sizeof cache, "%s", in_folder("cache"));
    return (struct pxs_dataset_options){.path = set,
                                        .img_height = SIDE,
                                        .img_width = SIDE,
                                        .channels = CHANNELS,
                                        .jitter = 4,
                                        .val_fraction = 0.25,
                                        .shared_from = LARGE,
                                        .cache = cached ? cache : NULL};
}

/* The only file in cache/ whose name ends so; "" where there is none. */
static const char *the_file(const char *end) {
    static char path[PXS_PATH_MAX];
    path[0] = '\0';
    DIR *dir = opendir(in_folder("cache"));
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        const size_t n = strlen(e->d_name), k = strlen(end);
        if (n >= k && strcmp(e->d_name + n - k, end) == 0) {
            ck_assert_str_eq(path, "");
            snprintf(path, sizeof path, "%s/%s", in_folder("cache"), e->d_name);
        }
    }
    if (dir)
        closedir(dir);
    return path;
}

/* A number for everything that training sees of a set. */
static void digest(struct pxs_dataset *set, char out[PXS_SHA256_HEX]) {
    static float half[2][SIDE * SIDE * CHANNELS];
    struct pxs_sha256 h;
    const struct pxs_augment augment = {.flip = true, .jitter = true, .seed = 3, .epoch = 1};
    const struct pxs_dataset_info *info = pxs_dataset_info(set);
    pxs_sha256_init(&h);
    for (uint32_t s = 0; s < 2; s++)
        for (uint32_t i = 0; i < pxs_dataset_count(set, s); i++) {
            const struct pxs_augment *how = i % 2 ? &augment : NULL;
            uint64_t sum = 0;
            pxs_dataset_expect(set, s, &i, 1, how);
            pxs_dataset_batch(set, s, &i, 1, how, half[0], half[1]);
            for (size_t k = 0; k < sizeof half / sizeof(uint32_t); k++) {
                uint32_t bits;
                memcpy(&bits, &half[0][0] + k, sizeof bits);
                sum = (sum ^ bits) * 1099511628211u;
            }
            pxs_sha256_update(&h, &sum, sizeof sum);
            pxs_sha256_update(&h, pxs_dataset_name(set, s, i), strlen(pxs_dataset_name(set, s, i)));
        }
    pxs_sha256_update(&h, info->hash, strlen(info->hash));
    char text[128];
    int n = snprintf(text, sizeof text, "%zu %zu %d %d %d %d %zu", info->train, info->val,
                     info->val_from_train, info->pair_width, info->pair_height, info->mixed_sizes,
                     info->overlap);
    pxs_sha256_update(&h, text, (size_t)n);
    pxs_sha256_hex(&h, out);
}

static bool load_cached(char out[PXS_SHA256_HEX], struct gathered *got) {
    struct pxs_dataset_options o = large_options(true);
    o.logger = gather(got);
    struct pxs_dataset *set = load(&o);
    digest(set, out);
    const bool shared = pxs_dataset_info(set)->shared;
    ck_assert_int_eq(shared, pxs_dataset_cache(set)[0] != '\0');
    pxs_dataset_destroy(&set);
    return shared;
}

/* Made, found, and not used at all: the same pictures, names, counts, hash and warnings. */
START_TEST(the_file_changes_no_bit)
{
    char memory[PXS_SHA256_HEX], made[PXS_SHA256_HEX], found[PXS_SHA256_HEX];
    struct gathered of[3];
    struct pxs_dataset_options o = large_options(false);
    uint8_t twice[8 * 16 * 3] = {1, 2, 3};
    put_npy("set/train/b.npy", 1, "|u1", "(8, 16, 3)", twice, sizeof twice);
    put_npy("set/train/c.npy", 1, "|u1", "(8, 16, 3)", twice, sizeof twice); /* a warning */
    o.logger = gather(&of[0]);
    struct pxs_dataset *set = load(&o);
    ck_assert_uint_ge(pxs_dataset_info(set)->bytes, LARGE);
    digest(set, memory);
    pxs_dataset_destroy(&set);
    ck_assert(load_cached(made, &of[1]));
    struct stat first, second;
    ck_assert_int_eq(stat(the_file(".pixels"), &first), 0);
    ck_assert(load_cached(found, &of[2]));
    ck_assert_int_eq(stat(the_file(".pixels"), &second), 0);
    ck_assert_uint_eq(first.st_ino, second.st_ino);
    ck_assert_str_eq(made, memory);
    ck_assert_str_eq(found, memory);
    ck_assert_ptr_nonnull(strstr(of[0].text, "c.npy: the same pair as"));
    ck_assert_str_eq(of[1].text, of[0].text);
    ck_assert_str_eq(of[2].text, of[0].text);

    /* A plan reads none of the pictures then, and sees the same. */
    struct pxs_dataset_info planned;
    o = large_options(true);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &planned, NULL), PXS_OK);
    ck_assert(planned.shared);
    ck_assert_int_eq(truncate(in_folder("set/train/a.npy"), 4), 0);
    ck_assert_int_ne(pxs_dataset_inspect(&o, &planned, NULL), PXS_OK);
}
END_TEST

/* Other bytes under the same name, size and mtime: the ctime tells. Removed or cut off: made anew.
 */
START_TEST(only_the_same_data_are_found)
{
    char before[PXS_SHA256_HEX], after[PXS_SHA256_HEX], again[PXS_SHA256_HEX];
    struct gathered got;
    struct stat st;
    ck_assert(load_cached(before, &got));
    ck_assert_int_eq(stat(in_folder("set/train/a.npy"), &st), 0);
    int fd = open(in_folder("set/train/a.npy"), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "\xff\0\xff\0\xff", 5, st.st_size - 5), 5);
    close(fd);
    ck_assert_int_eq(utimensat(AT_FDCWD, in_folder("set/train/a.npy"),
                               (struct timespec[]){st.st_atim, st.st_mtim}, 0),
                     0);
    ck_assert(load_cached(after, &got));
    ck_assert_str_ne(after, before);
    ck_assert_int_eq(truncate(the_file(".pixels"), 70 << 20), 0);
    ck_assert(load_cached(again, &got));
    ck_assert_str_eq(again, after);
    ck_assert_int_eq(unlink(the_file(".pixels")), 0);
    ck_assert(load_cached(again, &got));
    ck_assert_str_eq(again, after);
}
END_TEST

/* While it is in use it may be removed and made anew. */
START_TEST(it_may_be_removed_while_it_is_used)
{
    char before[PXS_SHA256_HEX], during[PXS_SHA256_HEX], after[PXS_SHA256_HEX];
    struct gathered got;
    ck_assert(load_cached(before, &got));
    struct pxs_dataset_options o = large_options(true);
    struct pxs_dataset *set = load(&o);
    ck_assert_int_eq(unlink(the_file(".pixels")), 0);
    ck_assert(load_cached(after, &got));
    digest(set, during);
    pxs_dataset_destroy(&set);
    ck_assert_str_eq(during, before);
    ck_assert_str_eq(after, before);
}
END_TEST

/* Several at once make one file, and a writer that was killed leaves nothing for long. */
START_TEST(whoever_comes_first_makes_it)
{
    char expected[PXS_SHA256_HEX];
    struct gathered got;
    ck_assert(load_cached(expected, &got));
    ck_assert_int_eq(unlink(the_file(".pixels")), 0);
    const pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(dead, NULL, 0), dead);
    struct pxs_host host;
    pxs_host_detect(&host);
    char leftover[PXS_PATH_MAX], file[PXS_PATH_MAX];
    snprintf(file, sizeof file, "%s", the_file(".lock"));
    file[strlen(file) - strlen(".lock")] = '\0';
    snprintf(leftover, sizeof leftover, "%s.tmp.%.60s.%d", file, host.name, (int)dead);
    int fd = open(leftover, O_WRONLY | O_CREAT, 0666);
    ck_assert_int_ge(fd, 0);
    close(fd);
    pid_t child[3];
    for (int i = 0; i < 3; i++)
        if ((child[i] = fork()) == 0) {
            char mine[PXS_SHA256_HEX];
            _exit(load_cached(mine, &got) && strcmp(mine, expected) == 0 ? 0 : 1);
        }
    for (int i = 0; i < 3; i++) {
        int status;
        ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_ne(access(leftover, F_OK), 0);
    ck_assert_str_ne(the_file(".pixels"), "");
}
END_TEST

/* Where no file can be made, memory does, and a warning says why. Small sets need none. */
START_TEST(memory_does_where_there_is_no_place)
{
    char memory[PXS_SHA256_HEX], other[PXS_SHA256_HEX];
    struct gathered got;
    struct pxs_dataset_options o = large_options(false);
    struct pxs_dataset *set = load(&o);
    digest(set, memory);
    pxs_dataset_destroy(&set);
    write_text("cache", "a file");
    ck_assert(!load_cached(other, &got));
    ck_assert_str_eq(other, memory);
    ck_assert_ptr_nonnull(
        strstr(got.text, "W each job decodes the pictures into its own memory, since there can be "
                         "no file for all: "));
    ck_assert_int_eq(unlink(in_folder("cache")), 0);
    o = large_options(true);
    o.img_height = o.img_width = 64;
    set = load(&o);
    ck_assert(!pxs_dataset_info(set)->shared);
    pxs_dataset_destroy(&set);
    ck_assert_int_ne(access(in_folder("cache"), F_OK), 0);
}
END_TEST

TCase *cache_tests(void) {
    TCase *tc = tcase_create("cache");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_test(tc, the_file_changes_no_bit);
    tcase_add_test(tc, only_the_same_data_are_found);
    tcase_add_test(tc, it_may_be_removed_while_it_is_used);
    tcase_add_test(tc, whoever_comes_first_makes_it);
    tcase_add_test(tc, memory_does_where_there_is_no_place);
    return tc;
}
