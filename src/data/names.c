#include "names_priv.h"
#include "pixsweep/base.h"

#include <string.h>
#include <strings.h>

static bool one_of(const char *text, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(text, list[i]) == 0)
            return true;
    return false;
}

enum pxs_file_sort pxs_file_sort(const char *name, const char **why) {
    static const char *const pictures[] = {"jpg", "jpeg", "jpe", "gif", "bmp",  "webp",
                                           "tif", "tiff", "ppm", "pgm", "avif", "jxl"};
    static const char *const plain[] = {"txt",  "md",  "rst",  "json", "csv", "tsv",
                                        "yaml", "yml", "html", "log",  "pdf", "xml"};
    static const char *const known[] = {"readme",  "license",   "licence",
                                        "copying", "thumbs.db", "desktop.ini"};
    const char *dot = strrchr(name, '.'), *ext = dot != NULL ? dot + 1 : "";
    if (name[0] == '.' || one_of(name, known, PXS_COUNT(known)) || one_of(ext, plain, PXS_COUNT(plain)))
        return PXS_FILE_SKIP;
    if (strcasecmp(ext, "png") == 0)
        return PXS_FILE_PNG;
    if (strcasecmp(ext, "npy") == 0)
        return PXS_FILE_NPY;
    if (one_of(ext, pictures, PXS_COUNT(pictures)))
        *why = "only PNG pictures are read; convert it to PNG";
    else if (strcasecmp(ext, "npz") == 0)
        *why = "an archive of arrays; save its array with numpy.save as .npy";
    else
        *why = "neither a PNG nor a .npy file; remove it, or put a dot in front of its name";
    return PXS_FILE_BAD;
}
