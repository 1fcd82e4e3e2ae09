/* What kind of file a name in a data folder says it is. */
#include "names_priv.h"
#include "pixsweep/base.h"
#include "pixsweep/image.h"

#include <string.h>
#include <strings.h>

static bool one_of(const char *text, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(text, list[i]) == 0)
            return true;
    return false;
}

/* What systems, NAS boxes and archive tools leave beside pictures. `*` at one end stands for
 * anything. */
static const char *const litter[] = {
    "@eaDir",
    "@tmp",
    "#recycle",
    "#snapshot",
    "@Recycle",
    "@Recently-Snapshot",
    ".@__thumb", /* NAS */
    "__MACOSX",
    "._*",
    ".DS_Store",
    ".AppleDouble",
    ".Spotlight-V100",
    ".Trashes",
    ".fseventsd",
    "Icon\r", /* macOS */
    "Thumbs.db",
    "ehthumbs*",
    "desktop.ini",
    "$RECYCLE.BIN",
    "RECYCLER",
    "System Volume Information", /* Windows */
    "lost+found",
    ".Trash-*",
    ".nfs*",
    ".directory", /* Linux */
    ".ipynb_checkpoints",
    "__pycache__",
    ".git",
    ".svn",
    ".gitkeep",
    ".gitignore",
    ".gitattributes", /* tools */
    "*.tmp",
    "*~",
    "*.swp",
    "*.part",
    "*.partial",
    "*.crdownload", /* what was not finished */
};

bool pxs_is_litter(const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < PXS_COUNT(litter); i++) {
        const char *like = litter[i];
        size_t n = strlen(like);
        if (like[0] == '*' ? length >= n - 1 && strcasecmp(name + length - (n - 1), like + 1) == 0
            : like[n - 1] == '*' ? strncasecmp(name, like, n - 1) == 0
                                 : strcasecmp(name, like) == 0)
            return true;
    }
    return false;
}

enum pxs_file_sort pxs_file_sort(const char *name) {
    static const char *const pictures[] = {"jpg", "jpeg", "jpe",  "jfif", "gif", "bmp",  "webp",
                                           "tif", "tiff", "ppm",  "pgm",  "pbm", "pnm",  "avif",
                                           "jxl", "heic", "heif", "svg",  "jp2", "psd",  "exr",
                                           "hdr", "dds",  "ico",  "tga",  "dcm", "fits", "apng"};
    static const char *const plain[] = {"txt",  "md",  "rst",  "json", "csv", "tsv",
                                        "yaml", "yml", "html", "log",  "pdf", "xml"};
    static const char *const known[] = {"readme", "license", "licence", "copying"};
    const char *dot = strrchr(name, '.'), *ext = dot ? dot + 1 : "";
    if (name[0] == '.')
        return pxs_is_litter(name) ? PXS_FILE_LITTER : PXS_FILE_SKIP;
    if (pxs_image_format_of(name))
        return PXS_FILE_PICTURE;
    if (strcasecmp(ext, "npy") == 0)
        return PXS_FILE_NPY;
    if (pxs_is_litter(name))
        return PXS_FILE_LITTER;
    if (one_of(name, known, PXS_COUNT(known)) || one_of(ext, plain, PXS_COUNT(plain)))
        return PXS_FILE_SKIP;
    return one_of(ext, pictures, PXS_COUNT(pictures)) || ext[0] == '\0' ? PXS_FILE_FOREIGN
                                                                        : PXS_FILE_OTHER;
}
