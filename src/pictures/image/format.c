/* The formats of pictures that are read: told by a file's first bytes, and by its name where it is
 * only listed. */
#include "format_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_FILE_BYTES ((size_t)1 << 30)

static const struct pxs_image_format *const formats[] = {&pxs_png_format};

const char *pxs_image_format_of(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < PXS_COUNT(formats); i++)
        for (const char *const *ending = formats[i]->endings; *ending; ending++)
            if (strcasecmp(dot + 1, *ending) == 0)
                return formats[i]->name;
    return NULL;
}

bool pxs_image_ending(size_t n, char *ending, size_t size) {
    const bool upper = n % 2 != 0;
    n /= 2;
    for (size_t i = 0; i < PXS_COUNT(formats); i++)
        for (const char *const *at = formats[i]->endings; *at; at++, n--) {
            if (n > 0)
                continue;
            snprintf(ending, size, "%s", *at);
            for (char *c = ending; upper && *c; c++)
                *c = (char)toupper((unsigned char)*c);
            return true;
        }
    return false;
}

enum pxs_status pxs_image_decode(const void *data, size_t bytes, struct pxs_image *out,
                                 struct pxs_image_info *info, struct pxs_error *err) {
    for (size_t i = 0; i < PXS_COUNT(formats); i++)
        if (formats[i]->probe(data, bytes))
            return formats[i]->decode(data, bytes, out, info, err);
    return pxs_sniff_refuse(data, bytes, PXS_WANTED_PICTURE, err);
}

enum pxs_status pxs_image_read(const char *path, struct pxs_image *out, struct pxs_image_info *info,
                               struct pxs_error *err) {
    char *data;
    size_t bytes;
    PXS_TRY(pxs_read_file(path, MAX_FILE_BYTES, &data, &bytes, err));
    enum pxs_status status = pxs_image_decode(data, bytes, out, info, err);
    free(data);
    if (status != PXS_OK && err)
        status = pxs_error_prefix(err, "%s", path);
    return status;
}
