/* What the first bytes say: every format by name, with the remedy that fits what was wanted. */
#include "image/test_image.h"
#include "pixsweep/image.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *bytes;
    size_t n;
    enum pxs_wanted wanted;
    const char *message; /* how it begins; NULL: unknown */
} rows[] = {
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0 \2"), PXS_WANTED_PICTURE,
     "a PNG of Apple's own kind (CgBI"},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), PXS_WANTED_PICTURE,
     "a PNG picture under another name; rename it to .png"},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), PXS_WANTED_NPY,
     "a PNG picture, not a .npy file; rename it to .png"},
    {BYTES("\x89PNG\n\x1a\n\0\0\0\rIHDR"), PXS_WANTED_PICTURE,
     "a PNG damaged on its way, not a PNG, JPEG or TIFF; it was changed as if"},
    {BYTES("\xef\xbf\xbdPNG\r\n"), PXS_WANTED_PICTURE, "a PNG damaged on its way"},
    {BYTES("iVBORw0KGgoAAAANSUhEUg=="), PXS_WANTED_PICTURE,
     "a PNG as base64 text, not a PNG, JPEG or TIFF; decode it: `base64 -d"},
    {BYTES("data:image/png;base64,iVBORw0KGgo"), PXS_WANTED_PICTURE,
     "a picture as a data address (base64)"},
    {BYTES("\xff\xd8\xff\xe0"), PXS_WANTED_PICTURE, "a JPEG picture"},
    {BYTES("\xff\xd8\xff\xe0"), PXS_WANTED_WEIGHTS,
     "a JPEG picture, not a safetensors file; save the weights with"},
    {BYTES("GIF89a.."), PXS_WANTED_PICTURE,
     "a GIF picture, not a PNG, JPEG or TIFF; convert its first frame"},
    {BYTES("RIFF....WEBPVP8 "), PXS_WANTED_PICTURE,
     "a WebP picture, not a PNG, JPEG or TIFF; convert it to PNG: `dwebp"},
    {BYTES("RIFF\1\2\3\4WAVEfmt "), PXS_WANTED_PICTURE, NULL},
    {BYTES("II*\0\x10\0\0\0CR\2\0"), PXS_WANTED_PICTURE,
     "a raw picture of a camera (CR2), not a PNG, JPEG or TIFF; develop it"},
    {BYTES("II*\0\x8\0\0\0"), PXS_WANTED_PICTURE, "a TIFF picture"},
    {BYTES("MM\0*\0\0\0\x8"), PXS_WANTED_PICTURE, "a TIFF picture"},
    {BYTES("BM\x36\xc\0\0\0\0\0\0\x36\0\0\0"), PXS_WANTED_PICTURE, "a BMP picture"},
    {BYTES("BMW is a car"), PXS_WANTED_PICTURE, "plain text"},
    {BYTES("\0\0\0\x18"
           "ftypheic\0\0\0\0"),
     PXS_WANTED_PICTURE,
     "a HEIC picture, not a PNG, JPEG or TIFF; convert it to PNG: `heif-convert"},
    {BYTES("\0\0\0\x18"
           "ftypmif1\0\0\0\0"),
     PXS_WANTED_PICTURE, "a HEIC picture"},
    {BYTES("\0\0\0\x1c"
           "ftypavif\0\0\0\0"),
     PXS_WANTED_PICTURE, "an AVIF picture, not a PNG, JPEG or TIFF; convert it to PNG: `avifdec"},
    {BYTES("\0\0\0\x18"
           "ftypmp42\0\0\0\0"),
     PXS_WANTED_PICTURE, "a video, not a PNG, JPEG or TIFF; take its frames out"},
    {BYTES("\0\0\0\x0cJXL \r\n\x87\n"), PXS_WANTED_PICTURE, "a JPEG XL picture"},
    {BYTES("\0\0\0\x0cjP  \r\n\x87\n"), PXS_WANTED_PICTURE, "a JPEG 2000 picture"},
    {BYTES("8BPS\0\1"), PXS_WANTED_PICTURE, "a Photoshop picture"},
    {BYTES("P6\n64 64\n255\n\xff\0\x80"), PXS_WANTED_PICTURE, "a PNM picture"},
    {BYTES("P2\n2 1\n255\n0 255\n"), PXS_WANTED_PICTURE, "a PNM picture"},
    {BYTES("%PDF-1.7\n%\xe2\xe3"), PXS_WANTED_PICTURE,
     "a PDF document, not a PNG, JPEG or TIFF; make pictures of its pages: `pdftoppm"},
    {BYTES("<svg xmlns='http://www.w3.org/2000/svg'/>"), PXS_WANTED_PICTURE, "an SVG drawing"},
    {BYTES("<?xml version='1.0'?>\n<!-- x -->\n<svg/>"), PXS_WANTED_PICTURE, "an SVG drawing"},
    {BYTES("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"), PXS_WANTED_PICTURE,
     "XML text"},
    {BYTES("<!DOCTYPE html><html><title>Sign in</title>"), PXS_WANTED_PICTURE,
     "a web page (HTML), not a PNG, JPEG or TIFF; a login or error page"},
    {BYTES("\xef\xbb\xbf\r\n <HTML lang=en>"), PXS_WANTED_NPY,
     "a web page (HTML), not a .npy file; a login"},
    {BYTES("{\"message\": \"Not Found\"}"), PXS_WANTED_WEIGHTS,
     "JSON text, not a safetensors file"},
    {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n"), PXS_WANTED_NPY,
     "a Git LFS pointer, not a .npy file; fetch the file itself: `git lfs pull`"},
    {BYTES("/annex/objects/SHA256E-s12--4d.png\n"), PXS_WANTED_PICTURE,
     "a git-annex pointer, not a PNG, JPEG or TIFF; fetch the file itself: `git annex get"},
    {BYTES("\0\5\x16\7\0\2\0\0Mac OS X        "), PXS_WANTED_PICTURE,
     "the second half of a file of macOS"},
    {BYTES("\x93NUMPY\1\0v\0{"), PXS_WANTED_PICTURE,
     "a .npy array, not a PNG, JPEG or TIFF; rename it to .npy"},
    {BYTES("\x93NUMPY\1"), PXS_WANTED_NPY, "a .npy array that is cut off"},
    {BYTES("PK\3\4\x14\0"), PXS_WANTED_PICTURE,
     "a zip archive, not a PNG, JPEG or TIFF; unpack it"},
    {BYTES("PK\3\4\x14\0"), PXS_WANTED_NPY, "a zip archive, not a .npy file; if it is an .npz"},
    {BYTES("PK\3\4\x14\0"), PXS_WANTED_WEIGHTS,
     "a zip archive, not a safetensors file; if torch.save wrote it"},
    {BYTES("\x1f\x8b\x8\0"), PXS_WANTED_NPY, "a gzip archive, not a .npy file; unpack it: `gunzip"},
    {BYTES("\x80\2}q\0"), PXS_WANTED_WEIGHTS, "a pickle of Python"},
    {BYTES("X\0\0\0\0\0\0\0{\"w\":"), PXS_WANTED_PICTURE,
     "a safetensors file, not a PNG, JPEG or TIFF"},
    {BYTES("SQLite format 3\0\x10\0"), PXS_WANTED_PICTURE, "an SQLite database"},
    {BYTES("\xff\xfe<\0h\0"), PXS_WANTED_TEXT,
     "UTF-16 text, not a text of characters; save it as UTF-8: `iconv -f UTF-16 "},
    {BYTES("\0N\1N\n\0"), PXS_WANTED_TEXT,
     "UTF-16 text without a byte order mark, not a text of characters; save it as UTF-8: `iconv -f "
     "UTF-16LE"},
    {BYTES("\0a\0b\0\n"), PXS_WANTED_TEXT,
     "UTF-16 text without a byte order mark, not a text of characters; save it as UTF-8: `iconv -f "
     "UTF-16BE"},
    /* cut within a letter */
    {BYTES("\xe4\xb8\x80\xe4\xb8"), PXS_WANTED_PICTURE, "plain text, not a PNG, JPEG or TIFF"},
    {BYTES("\1\2\3\4\5\6\7"), PXS_WANTED_PICTURE, NULL},
    {"", 0, PXS_WANTED_PICTURE,
     "an empty file, not a PNG, JPEG or TIFF; copy or download it again"},
    {BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), PXS_WANTED_NPY,
     "nothing but zero bytes at its beginning, not a .npy file; an interrupted copy"},
};

START_TEST(everything_has_its_name_and_remedy)
{
    struct pxs_error err;
    char *copy = malloc(rows[_i].n + 1); /* its own block: reading on shows under the sanitizers */
    copy = realloc(copy, rows[_i].n > 0 ? rows[_i].n : 1);
    memcpy(copy, rows[_i].bytes, rows[_i].n);
    ck_assert_int_eq(pxs_sniff_refuse(copy, rows[_i].n, rows[_i].wanted, &err), PXS_E_CORRUPT);
    const char *message =
        rows[_i].message != NULL ? rows[_i].message : "not a PNG, JPEG or TIFF file; ";
    ck_assert_msg(strncmp(err.message, message, strlen(message)) == 0, "\"%s\", not \"%s\"",
                  err.message, message);
    ck_assert_int_eq(pxs_sniff_name(copy, rows[_i].n) != NULL, rows[_i].message != NULL);
    ck_assert_int_eq(pxs_sniff_refuse(copy, rows[_i].n, rows[_i].wanted, NULL), PXS_E_CORRUPT);
    for (size_t n = 0; n < rows[_i].n; n++) { /* no beginning of it reads on */
        char *part = malloc(n > 0 ? n : 1);
        memcpy(part, rows[_i].bytes, n);
        (void)pxs_sniff_name(part, n);
        free(part);
    }
    free(copy);
}
END_TEST

/* A format whose library the build has is only misnamed; without it the words name the feature. */
START_TEST(a_format_that_could_be_read)
{
    static const struct {
        const char *bytes, *file, *read, *not_read;
    } both[] = {{"\xff\xd8\xff\xe0", "x.jpg",
                 "a JPEG picture under another name; rename it to .jpg",
                 "a JPEG picture, which this build does not read (with -Djpeg=enabled Meson makes "
                 "one that does); convert it to PNG: `mogrify -format png FILE` (ImageMagick)"},
                {"MM\0*", "x.tif", "a TIFF picture under another name; rename it to .tif",
                 "a TIFF picture, which this build does not read (with -Dtiff=enabled Meson makes "
                 "one that does); convert it to PNG: `mogrify -format png FILE` (ImageMagick)"}};
    for (size_t i = 0; i < PXS_COUNT(both); i++) {
        struct pxs_error err;
        ck_assert_int_eq(pxs_sniff_refuse(both[i].bytes, 4, PXS_WANTED_PICTURE, &err),
                         PXS_E_CORRUPT);
        ck_assert_str_eq(err.message,
                         pxs_image_format_of(both[i].file) ? both[i].read : both[i].not_read);
    }
}
END_TEST

START_TEST(a_file_is_told_by_its_beginning)
{
    char block[8192];
    struct pxs_error err;
    test_folder_make();
    const char *path = in_folder("file");
    memset(block, 'x', sizeof block);
    memcpy(block, "%PDF-1.4", 8);
    write_bytes(path, block, sizeof block);
    ck_assert_int_eq(pxs_sniff_refuse_file(path, PXS_WANTED_PICTURE, &err), PXS_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "a PDF document, not a PNG, JPEG or TIFF; "));
    unlink(path);
    ck_assert_int_eq(pxs_sniff_refuse_file(path, PXS_WANTED_PICTURE, &err), PXS_E_NOT_FOUND);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(pxs_sniff_refuse_file(path, PXS_WANTED_PICTURE, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "is a pipe, not a file"));
    test_folder_remove();
}
END_TEST

TCase *sniff_tests(void) {
    TCase *tc = tcase_create("sniff");
    tcase_add_loop_test(tc, everything_has_its_name_and_remedy, 0, (int)PXS_COUNT(rows));
    tcase_add_test(tc, a_format_that_could_be_read);
    tcase_add_test(tc, a_file_is_told_by_its_beginning);
    return tc;
}
