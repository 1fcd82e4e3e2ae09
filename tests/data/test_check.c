/* `data check`: every problem at once, in words. */
#include "data/data_tests.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void setup(void) {
    test_folder_make();
}

static struct pxs_check_summary check(const char *expected) {
    static struct gathered log;
    struct pxs_check_summary s;
    struct pxs_error err = {0};
    struct pxs_dataset_options o = small_options();
    ck_assert_msg(pxs_dataset_check(o.path, NULL, gather(&log), (struct pxs_meter){0}, &s, &err) ==
                      PXS_OK,
                  "%s", err.message);
    ck_assert_str_eq(log.text, expected);
    return s;
}

START_TEST(a_good_set_has_no_problems)
{
    put_pair("train/a.png", 1);
    put_pair("train/b.png", 2);
    put_pair("val/a.png", 3);
    write_text("train/readme", "skipped");
    write_text("train/list.CSV", "skipped");
    write_text("train/.hidden.jpg", "skipped");
    write_text("glyphs.txt", "not in a split");
    struct pxs_check_summary s = check("");
    ck_assert_uint_eq(s.train, 2);
    ck_assert_uint_eq(s.val, 1);
    ck_assert(s.has_val);
    ck_assert_uint_eq(s.errors + s.warnings, 0);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info info;
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_str_eq(s.hash, info.hash);
}
END_TEST

static void put_grey(const char *name, int n, int width, int height) {
    struct pxs_image im = picture(n, width, height, 1);
    put_png(name, &im);
    pxs_image_finish(&im);
}

START_TEST(everything_at_once_in_pairs)
{
    put_pair("train/00.png", 0);
    put_pair("train/01.png", 0);
    put_grey("train/02.png", 2, 16, 8);
    put_grey("train/03.png", 3, 15, 8);
    put_grey("train/04.png", 4, 32, 16);
    write_text("train/05.png", "GIF89a..");
    write_text("train/06.gif", "x");
    write_text("train/07.docx", "x");
    write_text("train/08.npz", "x");
    mkdir(in_folder("train/09"), 0777);
    ck_assert_int_eq(symlink("/nonexistent", in_folder("train/10.png")), 0);
    put_pair("val/00.png", 0);
    put_pair("val/01.png", 5);
    struct pxs_check_summary s = check(
        "E train/06.gif: plain text, not a PNG, JPEG or TIFF; look into it: an error message or a "
        "link in place "
        "of the "
        "file?\n"
        "E train/07.docx: neither a PNG, JPEG or TIFF nor a .npy file; remove it, or put a dot in "
        "front of its "
        "name\n"
        "E train/08.npz: an archive of arrays; save its array with numpy.save as .npy\n"
        "E train/09: a folder that is not read; only A/ and B/ are\n"
        "E train/10.png: a link to /nonexistent that leads nowhere (No such file or directory); "
        "copy the "
        "file itself, or remove the link\n"
        "E train/03.png: is 15 pixels wide; a pair is two halves of the same width side by side\n"
        "E train/05.png: a GIF picture, not a PNG, JPEG or TIFF; convert its first frame to PNG: "
        "`convert "
        "'FILE[0]' "
        "NEW.png`\n"
        "W train/02.png: stored in grey, where the first is in colour\n"
        "W train/04.png: a pair of 32 x 16 pixels, where the first is 16 x 8; each is resized on "
        "its own\n"
        "W train/04.png: stored in grey, where the first is in colour\n"
        "W train/01.png: the same pair as train/00.png\n"
        "W val/00.png: the same pair is in train (train/00.png): validation on it means nothing\n");
    ck_assert_uint_eq(s.train, 4);
    ck_assert_uint_eq(s.val, 2);
    ck_assert_uint_eq(s.errors, 7);
    ck_assert_uint_eq(s.warnings, 5);
    ck_assert_str_eq(s.hash, "");
}
END_TEST

START_TEST(everything_at_once_in_partners)
{
    put_grey("train/A/1.png", 1, 8, 8);
    put_grey("train/B/1.png", 2, 8, 8);
    put_grey("train/A/2.png", 3, 8, 8);
    put_grey("train/B/3.png", 4, 8, 8);
    put_grey("train/A/4.png", 5, 8, 8);
    put_grey("train/B/4.png", 6, 9, 8);
    put_grey("train/A/5.png", 7, 8, 8);
    write_text("train/B/5.png", "");
    struct pxs_image colour = picture(8, 8, 8, 3);
    put_png("train/B/6.png", &colour);
    pxs_image_finish(&colour);
    put_grey("train/A/6.png", 9, 8, 8);
    put_grey("train/A/7.png", 9, 8, 8);
    put_grey("train/A/7.PNG", 9, 8, 8);
    put_grey("train/B/7.png", 9, 8, 8);
    write_text("train/B/all.npy", "x");
    mkdir(in_folder("train/A/sub"), 0777);
    put_grey("val/A/1.png", 1, 8, 8);
    struct pxs_check_summary s = check(
        "E train/A/sub: a folder that is not read; only A/ and B/ are\n"
        "E train/B/all.npy: A/ and B/ hold pictures; a .npy of pairs belongs into train/\n"
        "E train/A/7.png: 7.PNG beside it has the same name but for its ending; remove one of "
        "them, or give "
        "one "
        "another name, and its partner the same\n"
        "E train/A/2.png: has no partner in train/B; add it, or take this one away\n"
        "E train/B/3.png: has no partner in train/A; add it, or take this one away\n"
        "E val: has A/ but not B/\n"
        "E train/B/5.png: an empty file, not a PNG, JPEG or TIFF; copy or download it again\n"
        "W in 1 of 6 pairs A and B differ in size (train/A/4.png: A 8 x 8, B 9 x 8); each half is "
        "resized to "
        "img_width x img_height on its own; 1 differ in proportions, too: do they show the same?\n"
        "W train/A/4.png: a pair of 8 x 8 and 9 x 8 pixels, where the first is 16 x 8; each is "
        "resized on "
        "its own\n"
        "W train/A/6.png: B is in colour, where the first is in grey\n"
        "W train/A/7.png: the same pair as train/A/7.PNG\n"
        "W 2 of 5 pairs (train/A/7.PNG, train/A/7.png): both halves are the same picture: there is "
        "nothing to translate\n");
    ck_assert_uint_eq(s.train, 5);
    ck_assert_uint_eq(s.errors, 7);
}
END_TEST

START_TEST(kinds_do_not_mix)
{
    put_pair("train/a.png", 1);
    mkdir(in_folder("train/A"), 0777);
    write_text("train/x.npy", "x");
    check("E train: holds pictures, .npy files, A/ or B/, but a split is of one kind: leave the "
          "one to use in "
          "train/ and move the rest out\n");
}
END_TEST

/* `mogrify -format png *.jpg` leaves the originals there: following that remedy is enough. */
START_TEST(a_picture_beside_its_png)
{
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info alone, beside;
    put_pair("train/A/1.png", 1);
    put_pair("train/B/1.PNG", 2);
    put_pair("val/00.png", 0);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &alone, NULL), PXS_OK);
    write_text("train/B/1.jpg", "x");
    write_text("val/00.jpeg", "x");
    write_text("val/00.txt", "x");
    const struct pxs_check_summary s = check(
        "W passed over: train/B/1.jpg, val/00.jpeg (each has a picture of the same name beside "
        "it, which is used: PNG goes before TIFF, TIFF before JPEG, and these before what "
        "is not read; to use both, give one another name)\n"
        "W val/00.png: a pair of 16 x 8 pixels, where the first is 32 x 8; each is resized "
        "on its own\n");
    ck_assert_uint_eq(s.errors, 0);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &beside, NULL), PXS_OK);
    ck_assert_str_eq(beside.hash, alone.hash);
    write_text("val/01.jpg", "x");
    ck_assert_int_eq(pxs_dataset_inspect(&o, &beside, NULL), PXS_E_INVALID);
}
END_TEST

/* Without any partner these are two sets of their own; one that cannot be read is a partner. */
START_TEST(sets_without_partners)
{
    put_grey("train/A/a.png", 1, 8, 8);
    put_grey("train/B/x.png", 2, 8, 8);
    check("E train/A/a.png: has no partner in train/B; add it, or take this one away\n"
          "E train/B/x.png: has no partner in train/A; add it, or take this one away\n"
          "E train: no picture has a partner of its name; two sets of unrelated pictures "
          "(CycleGAN's) cannot train pix2pix\n");
    write_text("train/B/a.gif", "GIF89a..");
    write_text("train/A/x.gif", "GIF89a..");
    check(
        "E train/A/x.gif: a GIF picture, not a PNG, JPEG or TIFF; convert its first frame to PNG: "
        "`convert 'FILE[0]' NEW.png`\n"
        "E train/B/a.gif: a GIF picture, not a PNG, JPEG or TIFF; convert its first frame to PNG: "
        "`convert 'FILE[0]' NEW.png`\n");
}
END_TEST

static void copy_fixture(const char *fixture, const char *to) {
    char path[PXS_PATH_MAX];
    size_t bytes;
    snprintf(path, sizeof path, "%s/../image/fixtures/%s", TEST_DIR, fixture);
    char *data = slurp(path, &bytes);
    write_bytes(to, data, bytes);
    free(data);
}

/* Partners in different formats, pages that are not used, pictures that are turned: all is one set,
 * and the same as one of PNG where nothing is lost. */
START_TEST(formats_mix_freely)
{
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info mixed, plain;
    if (!pxs_image_format_of("x.jpg") || !pxs_image_format_of("x.tif"))
        return; /* tests/image shows what such a build says */
    copy_fixture("orientation1.jpg", "train/A/1.jpg");
    copy_fixture("scene.png", "train/B/1.PNG");
    copy_fixture("pages.tif", "train/A/2.tiff");
    copy_fixture("rgb444.jpg", "train/B/2.jpe");
    copy_fixture("tiff-orientation3.tif", "train/A/3.tif");
    copy_fixture("orientation3.jpg", "train/B/3.JPG");
    struct pxs_check_summary s = check(
        "I 2 of 6 pictures state an EXIF orientation and are turned as viewers turn them (the "
        "first in train/A/3.tif)\n"
        "W 1 of 6 pictures are TIFFs of several pages, of which only the first is used (the first "
        "in train/A/2.tiff)\n"
        "W train/A/2.tiff: nearly the same pair as train/A/1.jpg: val_fraction may hold the one "
        "back and train on the other\n");
    ck_assert_uint_eq(s.train, 3);
    ck_assert_uint_eq(s.errors, 0);
    ck_assert_uint_eq(s.warnings, 2);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &mixed, NULL), PXS_OK);

    /* The same content in PNG alone: the decoder's pixels where it loses something. */
    static const char *const names[] = {"A/1.jpg", "A/2.tiff", "A/3.tif",
                                        "B/1.PNG", "B/2.jpe",  "B/3.JPG"};
    for (size_t i = 0; i < PXS_COUNT(names); i++) {
        char from[64], to[64];
        struct pxs_image im;
        snprintf(from, sizeof from, "train/%s", names[i]);
        snprintf(to, sizeof to, "other/train/%.3s.png", names[i]);
        ck_ok(pxs_image_read(in_folder(from), &im, NULL, &err));
        write_text(to, "");
        put_png(to, &im);
        pxs_image_finish(&im);
    }
    o.path = in_folder("other");
    ck_assert_int_eq(pxs_dataset_inspect(&o, &plain, NULL), PXS_OK);
    ck_assert_str_eq(plain.hash, mixed.hash);

    /* A lossy file counts with its bytes, too, so that another decoder is told from another file.
     */
    ck_assert_str_eq(plain.files_hash, "");
    ck_assert_uint_eq(strlen(mixed.files_hash), 64);
    ck_assert_str_ne(mixed.files_hash, mixed.hash);
    size_t bytes;
    char *file = slurp("train/B/2.jpe", &bytes);
    file = realloc(file, bytes + 1);
    file[bytes] = '\0'; /* behind the picture's end: no pixel changes */
    write_bytes("train/B/2.jpe", file, bytes + 1);
    free(file);
    o.path = in_folder(".");
    ck_assert_int_eq(pxs_dataset_inspect(&o, &plain, NULL), PXS_OK);
    ck_assert_str_eq(plain.hash, mixed.hash);
    ck_assert_str_ne(plain.files_hash, mixed.files_hash);
}
END_TEST

/* What loses nothing goes first, whatever is beside it. */
START_TEST(a_picture_in_several_formats)
{
    if (!pxs_image_format_of("x.jpg") || !pxs_image_format_of("x.tif"))
        return;
    copy_fixture("orientation6.jpg", "train/A/1.jpg"); /* another size than the partner's */
    copy_fixture("raw.tif", "train/A/1.tif");
    copy_fixture("scene.png", "train/B/1.png");
    write_text("train/B/1.tiff", "x");
    write_text("train/B/1.webp", "x");
    copy_fixture("rgb444.jpg", "val/A/1.jpg");
    copy_fixture("rgb422.jpg", "val/A/1.JPG");
    copy_fixture("scene.png", "val/B/1.png");
    struct pxs_check_summary s = check(
        "E val/A/1.jpg: 1.JPG beside it has the same name but for its ending; remove one of them, "
        "or give one another name, and its partner the same\n"
        "W passed over: train/A/1.jpg, train/B/1.webp, train/B/1.tiff (each has a picture of the "
        "same name beside it, which is used: PNG goes before TIFF, TIFF before JPEG, and these "
        "before what is not read; to use both, give one another name)\n"
        "W 1 of 3 pairs (train/A/1.tif): both halves are the same picture: there is nothing to "
        "translate\n"
        "W val/A/1.JPG: nearly the same pair as train/A/1.tif, which is trained on: validation on "
        "it says little\n"
        "W val/A/1.jpg: nearly the same pair as train/A/1.tif, which is trained on: validation on "
        "it says little\n");
    ck_assert_uint_eq(s.train, 1);
    ck_assert_uint_eq(s.errors, 1);
}
END_TEST

/* What tools leave behind is passed over, and said once. */
START_TEST(litter_is_passed_over)
{
    put_pair("train/a.png", 1);
    put_pair("train/b.png", 2);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info clean, littered;
    ck_assert_int_eq(pxs_dataset_inspect(&o, &clean, NULL), PXS_OK);
    write_text("train/@eaDir/a.png/SYNOFILE_THUMB_M.png", "x");
    write_text("train/__MACOSX/._a.png", "x");
    write_text("train/#recycle/old.png", "x");
    write_text("train/.ipynb_checkpoints/a-checkpoint.png", "x");
    mkdir(in_folder("train/lost+found"), 0777);
    write_text("train/._a.png", "x");
    write_text("train/.DS_Store", "x");
    write_text("train/Thumbs.db", "x");
    write_text("train/Desktop.ini", "x");
    write_text("train/c.png.tmp", "x");
    write_text("train/c.png~", "x");
    struct pxs_check_summary s =
        check("I passed over: train/#recycle/, train/.DS_Store, train/._a.png, "
              "train/.ipynb_checkpoints/, "
              "train/@eaDir/ and 6 more (left by a NAS, an archive tool or the system)\n");
    ck_assert_uint_eq(s.train, 2);
    ck_assert_uint_eq(s.errors + s.warnings, 0);
    struct gathered log;
    o.logger = gather(&log);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &littered, NULL), PXS_OK);
    ck_assert_str_eq(littered.hash, clean.hash);
    ck_assert_str_eq(log.text, ""); /* a run is not bothered with it */
}
END_TEST

START_TEST(splits_that_are_no_folders)
{
    put_pair("train/a.png", 1);
    ck_assert_int_eq(symlink("/nonexistent", in_folder("val")), 0);
    check("W val is not read, since it is a link that leads to no folder: val_fraction of train/ "
          "is used\n");
    unlink(in_folder("val"));
    write_text("val", "x");
    check("W val is not read, since it is no folder: val_fraction of train/ is used\n");
    rename(in_folder("train"), in_folder("other"));
    ck_assert_int_eq(symlink("/nonexistent", in_folder("train")), 0);
    struct pxs_dataset_options o = small_options();
    refuse(&o, "%s has no train/ folder: %s/train is a link that leads to no folder");
}
END_TEST

/* What is no file is told by name and not waited for. */
START_TEST(what_is_no_file_is_refused)
{
    put_pair("train/a.png", 1);
    ck_assert_int_eq(mkfifo(in_folder("train/b.png"), 0600), 0);
    ck_assert_int_eq(mkfifo(in_folder("train/b.npy"), 0600), 0);
    ck_assert_int_eq(mkfifo(in_folder("train/README"), 0600), 0);
    ck_assert_int_eq(symlink("/dev/null", in_folder("train/c.png")), 0);
    ck_assert_int_eq(symlink("d.png", in_folder("train/d.png")), 0);
    ck_assert_int_eq(symlink("gone", in_folder("train/notes.txt")), 0);
    ck_assert_int_eq(symlink("a.png", in_folder("train/e.png")), 0);
    struct pxs_check_summary s =
        check("E train/b.npy: a pipe, not a file; remove it\n"
              "E train/b.png: a pipe, not a file; remove it\n"
              "E train/c.png: a device, not a file; remove it\n"
              "E train/d.png: a link to d.png that leads nowhere (Too many levels "
              "of symbolic links); copy the file itself, or remove the link\n"
              "W train/e.png: the same pair as train/a.png\n");
    ck_assert_uint_eq(s.train, 2);
}
END_TEST

#define LFS "a Git LFS pointer, not a PNG, JPEG or TIFF; fetch the file itself: `git lfs pull`"

/* Pictures of other formats are told by their first bytes, and counted where there are many. */
START_TEST(other_formats_are_told_once)
{
    put_pair("train/a.png", 1);
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/%02d.gif", i);
        write_bytes(name, "GIF8", 4);
    }
    rename(in_folder("train/a.png"), in_folder("train/a.gif"));
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/p%02d.png", i);
        write_text(name, "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n");
    }
    write_text("val/q.png", "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n");
    write_text("train/x.py", "print()");
#define GIF                                                                             \
    "a GIF picture, not a PNG, JPEG or TIFF; convert its first frame to PNG: `convert " \
    "'FILE[0]' NEW.png`"
    check("E train/00.gif: " GIF "\n"
          "E train/01.gif: " GIF "\n"
          "E train/02.gif: " GIF "\n"
          "E train/03.gif: " GIF "\n"
          "E train/04.gif: " GIF "\n"
          "E train/a.gif: a PNG picture under another name; rename it to .png\n"
          "E train/x.py: neither a PNG, JPEG or TIFF nor a .npy file; remove it, or put a dot in "
          "front of its name\n"
          "E train: 35 more files of this kind (" GIF ")\n"
          "E train/p00.png: " LFS "\n"
          "E train/p01.png: " LFS "\n"
          "E train/p02.png: " LFS "\n"
          "E train/p03.png: " LFS "\n"
          "E train/p04.png: " LFS "\n"
          "E train: 7 more files of this kind (" LFS ")\n"
          "E val/q.png: " LFS "\n");
}
END_TEST

/* `data check` does not know the size that is trained on: it asks where a file looks like no pair
 * at all. */
START_TEST(single_pictures_are_asked_about)
{
    static const struct {
        int width, height;
        const char *question; /* NULL: nothing is said */
    } cases[] = {{64, 64, "half of 32 x 64"},
                 {32, 64, "half of 16 x 64"},
                 {96, 32, "half of 48 x 32"},
                 {64, 32, NULL},
                 {128, 32, NULL},
                 {80, 64, NULL},
                 {100, 50, NULL},
                 {72, 32, NULL}};
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        struct gathered log;
        struct pxs_check_summary s;
        struct pxs_image im = picture((int)i, cases[i].width, cases[i].height, 3);
        put_png("train/a.png", &im);
        pxs_image_finish(&im);
        ck_assert_int_eq(
            pxs_dataset_check(in_folder(""), NULL, gather(&log), (struct pxs_meter){0}, &s, NULL),
            PXS_OK);
        ck_assert_uint_eq(s.errors, 0);
        if (cases[i].question != NULL)
            ck_assert_msg(strstr(log.text, cases[i].question) != NULL, "%s", log.text);
        else
            ck_assert_str_eq(log.text, "");
    }
    put_pair("train/a.png", 1);
    struct pxs_image im = picture(7, 64, 64, 3);
    put_png("train/b.png", &im);
    pxs_image_finish(&im);
    check("W train/b.png: 1 of 2 pairs is 64 x 64, each half of 32 x 64: are these single "
          "pictures? Partners "
          "in files of their own belong into A/ and B/, under the same names\n"
          "W train/b.png: a pair of 64 x 64 pixels, where the first is 16 x 8; each is resized on "
          "its own\n");
}
END_TEST

/* A plan knows what the halves become. */
START_TEST(halves_that_are_squeezed_are_pointed_out)
{
    struct gathered log;
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info info;
    o.logger = gather(&log);
    o.val_fraction = 0;
    struct pxs_image im = picture(1, 64, 64, 3);
    put_png("train/a.png", &im);
    pxs_image_finish(&im);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_msg(
        strstr(log.text,
               "train/a.png: 1 of 1 pairs is 64 x 64, each half of 32 x 64, which becomes "
               "8 x 8: are these single pictures? ") != NULL,
        "%s", log.text);
    o.img_height = 16; /* now they fit */
    log.text[0] = '\0';
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_str_eq(log.text, "");
    im = picture(1, 16, 8, 3); /* square halves for tall pictures: squeezed, but a pair */
    put_png("train/a.png", &im);
    pxs_image_finish(&im);
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_str_eq(log.text, "");
    o.img_height = 8;
    o.img_width = 64;
    ck_assert_int_eq(pxs_dataset_inspect(&o, &info, NULL), PXS_OK);
    ck_assert_msg(strstr(log.text, "becomes 64 x 8: ") != NULL, "%s", log.text);
}
END_TEST

START_TEST(no_folder_is_an_error)
{
    struct pxs_check_summary s;
    struct pxs_error err;
    struct pxs_logger none = {0};
    ck_assert_int_eq(pxs_dataset_check("/nonexistent", NULL, none, (struct pxs_meter){0}, &s, &err),
                     PXS_E_NOT_FOUND);
    ck_assert_str_eq(err.message, "no dataset at /nonexistent: No such file or directory");
}
END_TEST

/* ---- what trains badly without an error ----------------------------------------------------- */

/* A pair of soft pictures of 64 x 64, number n; each sample `more` brighter. */
static void put_soft(const char *name, int n, int more) {
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_create(&im, 128, 64, 3, NULL), PXS_OK);
    for (int i = 0; i < 128 * 64 * 3; i++) {
        const int x = i / 3 % 128, y = i / 384;
        im.pixels[i] = (uint8_t)(20 + (x * (3 + n % 4) + y * (1 + n)) % 200 + more);
    }
    put_png(name, &im);
    pxs_image_finish(&im);
}

/* A pair of letters on white: number n, one of them with a dot of 6 x 6 pixels more. */
static void put_letter(const char *name, int n, bool dot) {
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_create(&im, 128, 64, 3, NULL), PXS_OK);
    memset(im.pixels, 255, 128 * 64 * 3);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 128; x++)
            if ((x % 64 / 8 == n + x / 64 && y > 8) || (y / 8 == n && y % 8 < 4) ||
                (dot && x % 64 >= 50 && x % 64 < 56 && y >= 4 && y < 10))
                memset(im.pixels + (y * 128 + x) * 3, 10, 3);
    put_png(name, &im);
    pxs_image_finish(&im);
}

START_TEST(nearly_the_same_pairs_are_told)
{
    put_soft("train/1.png", 1, 0);
    put_soft("train/2.png", 2, 0);
    put_letter("train/3.png", 3, false);
    put_soft("val/1.png", 5, 0);
    put_soft("val/2.png", 2, 5);
    put_soft("val/3.png", 2, 30);
    put_letter("val/4.png", 3, true);
    check("W val/2.png: nearly the same pair as train/2.png, which is trained on: validation on it "
          "says little\n");
    ck_assert_int_eq(rename(in_folder("val/2.png"), in_folder("train/0.png")), 0);
    check(""); /* pairs of train/ may be alike, where others validate */
    ck_assert_int_eq(rename(in_folder("val"), in_folder("apart")), 0);
    check("W train/2.png: nearly the same pair as train/0.png: val_fraction may hold the one back "
          "and train on the other\n");
}
END_TEST

/* Threads change nothing; what is told is cut, and counted. */
START_TEST(many_near_pairs_are_counted)
{
    static struct gathered one, three;
    struct pxs_dataset_options o = small_options();
    struct pxs_check_summary s;
    struct pxs_pool *pool = NULL;
    put_soft("train/a.png", 1, 0);
    for (int i = 0; i < 150; i++) {
        char name[32];
        snprintf(name, sizeof name, "val/%03d.png", i);
        put_soft(name, i % 2 ? 1 : 3 + i, 1 + i % 7);
    }
    ck_assert_int_eq(pxs_pool_create(3, &pool, NULL), PXS_OK);
    ck_assert_int_eq(pxs_dataset_check(o.path, NULL, gather(&one), (struct pxs_meter){0}, &s, NULL),
                     PXS_OK);
    ck_assert_int_eq(
        pxs_dataset_check(o.path, pool, gather(&three), (struct pxs_meter){0}, &s, NULL), PXS_OK);
    pxs_pool_destroy(&pool);
    ck_assert_str_eq(one.text, three.text);
    ck_assert_ptr_nonnull(strstr(one.text, "W val/039.png: nearly the same pair as train/a.png"));
    ck_assert_ptr_nonnull(strstr(one.text, "W 55 more pairs are nearly the same as another one\n"));
}
END_TEST

/* Some halves of one colour, or the same picture twice; sizes and which half is which. */
START_TEST(empty_and_equal_halves_are_told)
{
    put_soft("train/a.png", 1, 0);
    struct pxs_image im = picture(3, 16, 8, 3);
    for (int i = 0; i < 16 * 8; i++)
        if (i % 16 >= 8)
            memset(im.pixels + i * 3, 0, 3);
    put_png("train/b.png", &im);
    for (int i = 0; i < 16 * 8; i++)
        if (i % 16 >= 8)
            memcpy(im.pixels + i * 3, im.pixels + (i - 8) * 3, 3);
    put_png("train/c.png", &im);
    pxs_image_finish(&im);
    const struct pxs_check_summary s = check(
        "W train/b.png: a pair of 16 x 8 pixels, where the first is 128 x 64; each is resized "
        "on its own\n"
        "W train/c.png: a pair of 16 x 8 pixels, where the first is 128 x 64; each is resized "
        "on its own\n"
        "W 1 of 3 pairs (train/b.png): half B is one colour throughout, black perhaps; remove "
        "them, or make their B anew\n"
        "W 1 of 3 pairs (train/c.png): both halves are the same picture: there is nothing to "
        "translate\n");
    ck_assert(s.mixed_sizes && !s.partners);
    ck_assert_int_eq(s.width[0], 64);
    ck_assert_int_eq(s.width[1], 64);
    ck_assert_int_eq(s.height[1], 64);
}
END_TEST

TCase *check_tests(void) {
    TCase *tc = tcase_create("check");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_test(tc, a_good_set_has_no_problems);
    tcase_add_test(tc, everything_at_once_in_pairs);
    tcase_add_test(tc, everything_at_once_in_partners);
    tcase_add_test(tc, kinds_do_not_mix);
    tcase_add_test(tc, a_picture_beside_its_png);
    tcase_add_test(tc, sets_without_partners);
    tcase_add_test(tc, formats_mix_freely);
    tcase_add_test(tc, a_picture_in_several_formats);
    tcase_add_test(tc, litter_is_passed_over);
    tcase_add_test(tc, splits_that_are_no_folders);
    tcase_add_test(tc, what_is_no_file_is_refused);
    tcase_add_test(tc, other_formats_are_told_once);
    tcase_add_test(tc, single_pictures_are_asked_about);
    tcase_add_test(tc, halves_that_are_squeezed_are_pointed_out);
    tcase_add_test(tc, no_folder_is_an_error);
    tcase_add_test(tc, nearly_the_same_pairs_are_told);
    tcase_add_test(tc, many_near_pairs_are_counted);
    tcase_add_test(tc, empty_and_equal_halves_are_told);
    return tc;
}
