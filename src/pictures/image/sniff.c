/* What the first bytes of a file say it is. One table of formats; what has no fixed magic (web
 * pages, text) is told by rules below it. */
#include "format_priv.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HEAD 4096 /* bytes that decide */

/* ---- the table ------------------------------------------------------------------------------ */

/* What helps whatever was wanted stands under `any`; `picture`, `npy`, `weights` help where that
 * was wanted. */
struct format {
    const char *name, *magic;
    unsigned char length, offset;
    const char *any, *picture, *npy, *weights;
};

#define CONVERT "convert it to PNG: `mogrify -format png FILE` (ImageMagick)"
#define UNPACK "unpack it and use what is in it"
#define SAVE_WEIGHTS                                                                 \
    "save the weights with safetensors.torch.save_file(net.state_dict(), FILE), or " \
    "torch.load(OLD) in place of net.state_dict() (docs/networks.md has the whole line)"
#define FETCH "fetch the file itself: "
#define AS_TEXT "it was changed as if it were text; copy it again in binary mode"

static const struct format formats[] = {
    /* pictures */
    {"a PNG of Apple's own kind (CgBI, as Xcode packs it into apps)", "CgBI", 4, 12, NULL,
     "use the PNG from before it was packed, or on a Mac: `sips -s format png FILE --out NEW.png`",
     NULL, NULL},
    {"a PNG picture", "\x89PNG\r\n\x1a\n", 8, 0, NULL, NULL, "rename it to .png", NULL},
    {"a PNG damaged on its way", "\x89PNG\n\x1a\n", 7, 0, AS_TEXT, NULL, NULL, NULL},
    {"a PNG damaged on its way", "\x89PNG\r\r\n\x1a", 8, 0, AS_TEXT, NULL, NULL, NULL},
    {"a PNG damaged on its way", "\xef\xbf\xbdPNG", 6, 0, AS_TEXT, NULL, NULL, NULL},
    {"a PNG damaged on its way", "\xc2\x89PNG", 5, 0, AS_TEXT, NULL, NULL, NULL},
    {"a PNG as base64 text", "iVBORw0KGgo", 11, 0, NULL, "decode it: `base64 -d FILE > NEW.png`",
     NULL, NULL},
    {"a picture as a data address (base64)", "data:image/", 11, 0, NULL,
     "decode it: `sed 's/.*base64,//' FILE | base64 -d > NEW.png`", NULL, NULL},
    {"a JPEG picture", "\xff\xd8\xff", 3, 0, NULL, CONVERT, NULL, NULL},
    {"a GIF picture", "GIF8", 4, 0, NULL,
     "convert its first frame to PNG: `convert 'FILE[0]' NEW.png`", NULL, NULL},
    {"a WebP picture", "WEBPVP8", 7, 8, NULL,
     "convert it to PNG: `dwebp FILE -o NEW.png` (package webp) or `mogrify -format png FILE`",
     NULL, NULL},
    {"a raw picture of a camera (CR2)", "CR\2", 3, 8, NULL,
     "develop it to PNG: `dcraw -c -w FILE | pnmtopng > NEW.png`", NULL, NULL},
    {"a TIFF picture", "II*\0", 4, 0, NULL, CONVERT, NULL, NULL},
    {"a TIFF picture", "MM\0*", 4, 0, NULL, CONVERT, NULL, NULL},
    {"a BigTIFF picture", "II+\0", 4, 0, NULL, CONVERT, NULL, NULL},
    {"a BigTIFF picture", "MM\0+", 4, 0, NULL, CONVERT, NULL, NULL},
    {"a BMP picture", "BM", 2, 0, NULL, CONVERT, NULL, NULL},
    {"a JPEG 2000 picture", "\0\0\0\x0cjP  ", 8, 0, NULL, CONVERT, NULL, NULL},
    {"a JPEG 2000 picture", "\xff\x4f\xff\x51", 4, 0, NULL, CONVERT, NULL, NULL},
    {"a JPEG XL picture", "\0\0\0\x0cJXL ", 8, 0, NULL, "convert it to PNG: `djxl FILE NEW.png`",
     NULL, NULL},
    {"a JPEG XL picture", "\xff\x0a", 2, 0, NULL, "convert it to PNG: `djxl FILE NEW.png`", NULL,
     NULL},
    {"a Photoshop picture", "8BPS", 4, 0, NULL, "export it as PNG: `convert 'FILE[0]' NEW.png`",
     NULL, NULL},
    {"an OpenEXR picture", "\x76\x2f\x31\x01", 4, 0, NULL, CONVERT, NULL, NULL},
    {"a Radiance HDR picture", "#?R", 3, 0, NULL, CONVERT, NULL, NULL},
    {"a DDS picture", "DDS ", 4, 0, NULL, CONVERT, NULL, NULL},
    {"an icon file", "\0\0\1\0", 4, 0, NULL, "convert it to PNG: `convert 'FILE[0]' NEW.png`", NULL,
     NULL},
    {"a QOI picture", "qoif", 4, 0, NULL, CONVERT, NULL, NULL},
    {"a GIMP picture", "gimp xcf", 8, 0, NULL, "export it from GIMP as PNG", NULL, NULL},
    {"a DICOM picture", "DICM", 4, 128, NULL,
     "convert it to PNG: `dcm2pnm +on FILE NEW.png` (dcmtk)", NULL, NULL},
    {"a FITS picture", "SIMPLE  =", 9, 0, NULL, "convert it to PNG, scaled to 0..255", NULL, NULL},
    {"a MNG animation", "\x8aMNG", 4, 0, NULL, "take its frames out as PNG: `convert FILE NEW.png`",
     NULL, NULL},
    {"a PDF document", "%PDF-", 5, 0, NULL,
     "make pictures of its pages: `pdftoppm -png FILE NEW` (package poppler-utils)", NULL, NULL},
    {"a PostScript document", "%!PS", 4, 0, NULL,
     "make a picture of it: `gs -sDEVICE=png16m -o NEW.png FILE`", NULL, NULL},
    /* arrays, weights and archives */
    {"a .npy array", "\x93NUMPY", 6, 0, NULL, "rename it to .npy, if it holds pairs", NULL, NULL},
    {"an HDF5 file", "\x89HDF\r\n\x1a\n", 8, 0, NULL, NULL,
     "save the array with numpy.save(FILE, f['name'][:])", SAVE_WEIGHTS},
    {"a MATLAB file", "MATLAB 5.0", 10, 0, NULL, NULL,
     "save the array with numpy.save(FILE, scipy.io.loadmat(OLD)['name'])", NULL},
    {"a zip archive", "PK\3\4", 4, 0, NULL, UNPACK,
     "if it is an .npz, save its array with numpy.save as .npy",
     "if torch.save wrote it, " SAVE_WEIGHTS},
    {"an empty zip archive", "PK\5\6", 4, 0, "make it again", NULL, NULL, NULL},
    {"a gzip archive", "\x1f\x8b", 2, 0, "unpack it: `gunzip -k FILE.gz` (or `tar xzf FILE`)", NULL,
     NULL, NULL},
    {"a bzip2 archive", "BZh", 3, 0, UNPACK ": `bunzip2 -k FILE`", NULL, NULL, NULL},
    {"an xz archive", "\xfd\x37zXZ", 5, 0, UNPACK ": `unxz -k FILE`", NULL, NULL, NULL},
    {"a Zstandard archive", "\x28\xb5\x2f\xfd", 4, 0, UNPACK ": `unzstd FILE`", NULL, NULL, NULL},
    {"a 7z archive", "7z\xbc\xaf\x27\x1c", 6, 0, UNPACK ": `7z x FILE`", NULL, NULL, NULL},
    {"a RAR archive", "Rar!\x1a\x07", 6, 0, UNPACK ": `unrar x FILE`", NULL, NULL, NULL},
    {"a pickle of Python", "\x80\2", 2, 0, NULL, "save pictures, not pickles",
     "save the array with numpy.save", SAVE_WEIGHTS},
    {"a pickle of Python", "\x80\3", 2, 0, NULL, "save pictures, not pickles",
     "save the array with numpy.save", SAVE_WEIGHTS},
    {"a pickle of Python", "\x80\4\x95", 3, 0, NULL, "save pictures, not pickles",
     "save the array with numpy.save", SAVE_WEIGHTS},
    {"a pickle of Python", "\x80\5\x95", 3, 0, NULL, "save pictures, not pickles",
     "save the array with numpy.save", SAVE_WEIGHTS},
    {"a font", "\0\1\0\0\0", 5, 0, NULL, NULL, NULL, NULL},
    {"a font", "OTTO\0", 5, 0, NULL, NULL, NULL, NULL},
    {"a font", "ttcf\0", 5, 0, NULL, NULL, NULL, NULL},
    {"a font", "wOF", 3, 0, NULL, NULL, NULL, NULL},
    {"an SQLite database", "SQLite format 3", 16, 0, NULL, NULL, NULL, NULL},
    {"a program",
     "\x7f"
     "ELF",
     4, 0, NULL, NULL, NULL, NULL},
    /* what stands in the place of a file */
    {"a Git LFS pointer", "version https://git-lfs.github.com/spec/", 40, 0, FETCH "`git lfs pull`",
     NULL, NULL, NULL},
    {"a Git LFS pointer", "version https://hawser.github.com/spec/", 39, 0, FETCH "`git lfs pull`",
     NULL, NULL, NULL},
    {"a git-annex pointer", "/annex/objects/", 15, 0, FETCH "`git annex get FILE`", NULL, NULL,
     NULL},
    {"the second half of a file of macOS (AppleDouble)", "\0\5\x16\7", 4, 0,
     "remove it; the file itself has the same name without ._", NULL, NULL, NULL},
    {"UTF-32 text", "\xff\xfe\0\0", 4, 0, "save it as UTF-8: `iconv -f UTF-32 -t UTF-8 FILE > NEW`",
     NULL, NULL, NULL},
    {"UTF-16 text", "\xff\xfe", 2, 0, "save it as UTF-8: `iconv -f UTF-16 -t UTF-8 FILE > NEW`",
     "a message in place of the picture? download it again", NULL, NULL},
    {"UTF-16 text", "\xfe\xff", 2, 0, "save it as UTF-8: `iconv -f UTF-16 -t UTF-8 FILE > NEW`",
     "a message in place of the picture? download it again", NULL, NULL},
};

static const struct format empty = {.name = "an empty file", .any = "copy or download it again"};
static const struct format zeros = {
    .name = "nothing but zero bytes at its beginning",
    .any = "an interrupted copy or a full disk leaves such files; copy it again"};
static const struct format heic = {
    .name = "a HEIC picture",
    .picture = "convert it to PNG: `heif-convert FILE NEW.png` (package libheif-examples), on a "
               "Mac `sips -s format png FILE --out NEW.png`"};
static const struct format avif = {
    .name = "an AVIF picture",
    .picture = "convert it to PNG: `avifdec FILE NEW.png` (package libavif-bin)"};
static const struct format video = {
    .name = "a video", .picture = "take its frames out: `ffmpeg -i FILE NEW-%05d.png`"};
static const struct format pnm = {.name = "a PNM picture (PBM, PGM, PPM)", .picture = CONVERT};
static const struct format svg = {
    .name = "an SVG drawing",
    .picture = "make a picture of it: `rsvg-convert FILE -o NEW.png` (package librsvg2-bin)"};
static const struct format safetensors = {
    .name = "a safetensors file",
    .any = "it holds weights; `init_from: FILE` starts a run from them"};
static const struct format html = {
    .name = "a web page (HTML)",
    .any = "a login or error page was saved in its place; download it again"};
static const struct format xml = {.name = "XML text",
                                  .any = "a server's error message, perhaps; download it again"};
static const struct format json = {.name = "JSON text",
                                   .any = "a server's error message, perhaps; download it again"};
static const struct format text = {
    .name = "plain text", .any = "look into it: an error message or a link in place of the file?"};
static const struct format utf16_little = {
    .name = "UTF-16 text without a byte order mark",
    .any = "save it as UTF-8: `iconv -f UTF-16LE -t UTF-8 FILE > NEW`"};
static const struct format utf16_big = {
    .name = "UTF-16 text without a byte order mark",
    .any = "save it as UTF-8: `iconv -f UTF-16BE -t UTF-8 FILE > NEW`"};

/* ---- what has no fixed magic ---------------------------------------------------------------- */

/* "BM" and the like begin many a text: the reserved bytes of the header must be 0. */
static bool is_weak(const struct format *f, const uint8_t *p, size_t n) {
    return f->length == 2 && memcmp(f->magic, "BM", 2) == 0 &&
           (n < 10 || memcmp(p + 6, "\0\0\0\0", 4) != 0);
}

static const struct format *by_brand(const uint8_t *p, size_t n) {
    static const char still[][5] = {"heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"};
    if (n < 12 || memcmp(p + 4, "ftyp", 4) != 0)
        return NULL;
    if (memcmp(p + 8, "avi", 3) == 0)
        return &avif;
    for (size_t i = 0; i < PXS_COUNT(still); i++)
        if (memcmp(p + 8, still[i], 4) == 0)
            return &heic;
    return &video;
}

/* One letter of UTF-8 that text may hold; 0 where there is none. A letter that the end of the head
 * cuts off counts. */
static size_t letter(const uint8_t *p, size_t n) {
    if (p[0] < 0x80)
        return p[0] >= 0x20 ? p[0] != 0x7f
                            : p[0] == '\t' || p[0] == '\n' || p[0] == '\r' || p[0] == '\f';
    size_t length = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
    for (size_t i = 1; i < length && i < n; i++)
        if (p[i] >> 6 != 2)
            return 0;
    return p[0] >= 0xf5 ? 0 : length;
}

static bool is_text(const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t length = letter(p + at, n - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

/* Letters of the usual blocks only. Whatever is UTF-8 has been told before. Without a zero byte,
 * GBK looks like Hangul, and Shift-JIS like big-endian Chinese. */
static bool is_utf16(const uint8_t *p, size_t n, bool big) {
    if (n < 4 || (n < HEAD && n % 2 != 0))
        return false;
    const bool zero = memchr(p, 0, n);
    if (big && !zero)
        return false;
    for (size_t i = 0; i + 1 < n; i += 2) {
        unsigned c = big ? (unsigned)p[i] << 8 | p[i + 1] : (unsigned)p[i + 1] << 8 | p[i];
        bool usual = c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) ||
                     (zero && c >= 0xa0 && c < 0x600) || (c >= 0x2000 && c < 0x2070) ||
                     (c >= 0x3000 && c < 0x3400) || (c >= 0x4e00 && c < 0xa000) ||
                     (zero && c >= 0xac00 && c < 0xd7a4) || (c >= 0xff00 && c < 0xfff0);
        if (!usual)
            return false;
    }
    return true;
}

static bool holds(const uint8_t *p, size_t n, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= n; i++)
        if (strncasecmp((const char *)p + i, word, length) == 0)
            return true;
    return false;
}

static const struct format *sort_of_text(const uint8_t *p, size_t n) {
    static const char *const pages[] = {"<!doctype html", "<html",  "<head", "<body",
                                        "<script",        "<title", "<!--"};
    while (n > 0 && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++, n--;
    for (size_t i = 0; i < PXS_COUNT(pages); i++)
        if (n >= strlen(pages[i]) && strncasecmp((const char *)p, pages[i], strlen(pages[i])) == 0)
            return &html;
    if (n > 1 && *p == '<' && (p[1] == '?' || holds(p, n, "</") || holds(p, n, "/>")))
        return holds(p, n, "<svg") ? &svg : holds(p, n, "<html") ? &html : &xml;
    if (n > 1 && *p == 'P' && p[1] >= '1' && p[1] <= '7' &&
        (n == 2 || p[2] == '\n' || p[2] == ' ' || p[2] == '\r'))
        return &pnm;
    return n > 0 && (*p == '{' || *p == '[') ? &json : &text;
}

/* NULL: nothing that is known here. */
static const struct format *sniff(const uint8_t *p, size_t n) {
    size_t zero = 0;
    n = n < HEAD ? n : HEAD;
    while (zero < n && p[zero] == 0)
        zero++;
    if (zero == n)
        return n == 0 ? &empty : &zeros;
    for (size_t i = 0; i < PXS_COUNT(formats); i++) {
        const struct format *f = &formats[i];
        if (n >= (size_t)f->offset + f->length && memcmp(p + f->offset, f->magic, f->length) == 0 &&
            !is_weak(f, p, n))
            return f;
    }
    const struct format *brand = by_brand(p, n);
    if (brand)
        return brand;
    if (n > 3 && p[0] == 'P' && p[1] >= '4' && p[1] <= '7' && (p[2] == '\n' || p[2] == ' '))
        return &pnm; /* the binary ones */
    if (n > 8 && p[8] == '{' && memcmp(p + 4, "\0\0\0\0", 4) == 0)
        return &safetensors; /* a small length in 8 bytes, then JSON */
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3, n -= 3;
    if (is_text(p, n))
        return sort_of_text(p, n);
    return is_utf16(p, n, false) ? &utf16_little : is_utf16(p, n, true) ? &utf16_big : NULL;
}

/* The Meson feature with which a format is read; NULL: none. */
static const char *feature_of(const struct format *f) {
    return strcmp(f->name, "a JPEG picture") == 0 ? "jpeg"
           : strcmp(f->name, "a TIFF picture") == 0 || strcmp(f->name, "a BigTIFF picture") == 0
               ? "tiff"
               : NULL;
}

/* ---- words ---------------------------------------------------------------------------------- */

/* `own`: the format itself, met where its name or length is the trouble. */
static const struct {
    const char *name, *remedy, *own, *own_remedy;
} wanted_words[] = {
    [PXS_WANTED_PICTURE] = {PXS_PICTURE_WORDS,
                            "only PNG, JPEG, TIFF and .npy arrays are read; convert it to PNG",
                            NULL, NULL},
    [PXS_WANTED_NPY] = {"a .npy file", "save the array with numpy.save", "a .npy array",
                        "that is cut off; copy it again"},
    [PXS_WANTED_WEIGHTS] = {"a safetensors file", SAVE_WEIGHTS, "a safetensors file",
                            "that is cut off; copy it again"},
    [PXS_WANTED_FONT] = {"a font", "name a TrueType or OpenType file", "a font",
                         "that is cut off or damaged; copy it again"},
    [PXS_WANTED_TEXT] = {"a text of characters", "save the characters as plain text in UTF-8", NULL,
                         NULL},
};

const char *pxs_sniff_name(const void *data, size_t bytes) {
    const struct format *f = sniff(data, bytes);
    return f ? f->name : NULL;
}

enum pxs_status pxs_sniff_refuse(const void *data, size_t bytes, enum pxs_wanted wanted,
                                 struct pxs_error *err) {
    const struct format *f = sniff(data, bytes);
    const char *remedy = NULL;
    const struct pxs_image_format *read =
        wanted == PXS_WANTED_PICTURE ? pxs_image_format_by_bytes(data, bytes) : NULL;
    if (f && read)
        return pxs_fail(err, PXS_E_CORRUPT, "%s under another name; rename it to .%s", f->name,
                        read->endings[0]);
    if (f && wanted == PXS_WANTED_PICTURE && feature_of(f))
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s, which this build does not read (with -D%s=enabled Meson makes one "
                        "that does); %s",
                        f->name, feature_of(f), f->picture);
    if (!f)
        return pxs_fail(err, PXS_E_CORRUPT, "not %s; %s",
                        wanted == PXS_WANTED_PICTURE ? PXS_PICTURE_WORDS " file"
                                                     : wanted_words[wanted].name,
                        wanted_words[wanted].remedy);
    if (wanted_words[wanted].own && strcmp(f->name, wanted_words[wanted].own) == 0)
        return pxs_fail(err, PXS_E_CORRUPT, "%s %s", f->name, wanted_words[wanted].own_remedy);
    switch (wanted) {
    case PXS_WANTED_PICTURE:
        remedy = f->picture;
        break;
    case PXS_WANTED_NPY:
        remedy = f->npy;
        break;
    case PXS_WANTED_WEIGHTS:
        remedy = f->weights;
        break;
    case PXS_WANTED_TEXT:
    case PXS_WANTED_FONT:
        break;
    }
    remedy = remedy ? remedy : f->any ? f->any : wanted_words[wanted].remedy;
    return pxs_fail(err, PXS_E_CORRUPT, "%s, not %s; %s", f->name, wanted_words[wanted].name,
                    remedy);
}

enum pxs_status pxs_sniff_refuse_file(const char *path, enum pxs_wanted wanted,
                                      struct pxs_error *err) {
    uint8_t head[HEAD];
    size_t n = 0;
    ssize_t got = 1;
    int fd = -1;
    PXS_TRY(pxs_open_read(path, &fd, err));
    while (got > 0 && n < sizeof head) {
        got = read(fd, head + n, sizeof head - n);
        n += got > 0 ? (size_t)got : 0;
    }
    enum pxs_status status = got < 0 ? pxs_fail_errno(err, "cannot read %s", path)
                                     : pxs_sniff_refuse(head, n, wanted, err);
    close(fd);
    return status;
}
