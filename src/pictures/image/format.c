/* The formats of pictures that are read and written: told by a file's first bytes, and by its name
 * where it is only listed or not yet there. */
#include "format_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_FILE_BYTES ((size_t)1 << 30)

/* In the order of preference where one picture is there in several: what loses nothing first. */
static const struct pxs_image_format *const formats[] = {
    &pxs_png_format,
#ifdef PXS_TIFF
    &pxs_tiff_format,
#endif
#ifdef PXS_JPEG
    &pxs_jpeg_format,
#endif
};

static const struct pxs_image_format *by_name(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < PXS_COUNT(formats); i++)
        for (const char *const *ending = formats[i]->endings; *ending; ending++)
            if (strcasecmp(dot + 1, *ending) == 0)
                return formats[i];
    return NULL;
}

const struct pxs_image_format *pxs_image_format_by_bytes(const uint8_t *head, size_t bytes) {
    for (size_t i = 0; i < PXS_COUNT(formats); i++)
        if (formats[i]->probe(head, bytes))
            return formats[i];
    return NULL;
}

const char *pxs_image_format_of(const char *name) {
    const struct pxs_image_format *format = by_name(name);
    return format ? format->name : NULL;
}

int pxs_image_rank(const char *name) {
    const struct pxs_image_format *format = by_name(name);
    int rank = 0;
    while (rank < (int)PXS_COUNT(formats) && formats[rank] != format)
        rank++;
    return rank;
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

void pxs_image_environment(struct pxs_text *out) {
    char text[128];
    for (size_t i = 0; i < PXS_COUNT(formats); i++) {
        formats[i]->version(text, sizeof text);
        pxs_text_addf(out, "%s\n", text);
    }
}

const char *pxs_damage_remedy(enum pxs_status status, const struct pxs_error *why) {
    return status == PXS_E_CORRUPT && !strstr(why->message, "; ") ? "; copy it again" : "";
}

enum pxs_status pxs_image_check_size(uint64_t width, uint64_t height, struct pxs_error *err) {
    if (width == 0 || height == 0)
        return pxs_fail(err, PXS_E_CORRUPT, "it has no pixels (%llu x %llu)",
                        (unsigned long long)width, (unsigned long long)height);
    if (width > PXS_IMAGE_MAX_SIDE || height > PXS_IMAGE_MAX_SIDE ||
        width * height > PXS_IMAGE_MAX_PIXELS)
        return pxs_fail(
            err, PXS_E_CORRUPT,
            "too large: %llu x %llu pixels (sides up to %d, at most %ld pixels); make it smaller",
            (unsigned long long)width, (unsigned long long)height, PXS_IMAGE_MAX_SIDE,
            PXS_IMAGE_MAX_PIXELS);
    return PXS_OK;
}

static void hash_bytes(const void *data, size_t bytes, char sha256[PXS_SHA256_HEX]) {
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    pxs_sha256_update(&h, data, bytes);
    pxs_sha256_hex(&h, sha256);
}

/* ---- reading -------------------------------------------------------------------------------- */

enum pxs_status pxs_image_decode(const void *data, size_t bytes, struct pxs_image *out,
                                 struct pxs_image_info *info, struct pxs_error *err) {
    const struct pxs_image_format *format = pxs_image_format_by_bytes(data, bytes);
    if (!format)
        return pxs_sniff_refuse(data, bytes, PXS_WANTED_PICTURE, err);
    PXS_TRY(format->decode(data, bytes, out, info, err));
    if (info && info->lossy)
        hash_bytes(data, bytes, info->sha256);
    return PXS_OK;
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

/* ---- writing -------------------------------------------------------------------------------- */

static enum pxs_status write_as(const struct pxs_image_format *format, const char *path,
                                const struct pxs_image *image, const struct pxs_file_guard *guard,
                                char sha256[PXS_SHA256_HEX], struct pxs_error *err) {
    void *data;
    size_t bytes;
    PXS_TRY(format->encode(image, &data, &bytes, err));
    enum pxs_status status = pxs_write_guarded(path, data, bytes, guard, err);
    if (status == PXS_OK && sha256)
        hash_bytes(data, bytes, sha256);
    free(data);
    return status;
}

static enum pxs_status find_format(const char *name, const struct pxs_image_format **out,
                                   struct pxs_error *err) {
    struct pxs_text endings = {0};
    *out = by_name(name);
    if (*out)
        return PXS_OK;
    for (size_t i = 0; i < PXS_COUNT(formats); i++)
        for (const char *const *at = formats[i]->endings; *at; at++)
            pxs_text_addf(&endings, " .%s", *at);
    enum pxs_status status = pxs_fail(
        err, PXS_E_INVALID, "%s: its ending names no format that this build writes; these do:%s",
        name, pxs_text_str(&endings));
    pxs_text_finish(&endings);
    return status;
}

enum pxs_status pxs_image_encode(const char *name, const struct pxs_image *image, void **data,
                                 size_t *bytes, struct pxs_error *err) {
    const struct pxs_image_format *format;
    PXS_TRY(find_format(name, &format, err));
    return format->encode(image, data, bytes, err);
}

enum pxs_status pxs_image_write(const char *path, const struct pxs_image *image,
                                const struct pxs_file_guard *guard, char sha256[PXS_SHA256_HEX],
                                struct pxs_error *err) {
    const struct pxs_image_format *format;
    PXS_TRY(find_format(path, &format, err));
    return write_as(format, path, image, guard, sha256, err);
}

enum pxs_status pxs_image_write_png(const char *path, const struct pxs_image *image,
                                    const struct pxs_file_guard *guard, char sha256[PXS_SHA256_HEX],
                                    struct pxs_error *err) {
    return write_as(&pxs_png_format, path, image, guard, sha256, err);
}
