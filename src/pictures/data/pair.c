/* Reads one pair as two halves, from one picture or two pictures. */
#include "pair_priv.h"

#include <string.h>

const char *pxs_reason(const char *message, const char *path) {
    size_t n = strlen(path);
    return strncmp(message, path, n) == 0 && strncmp(message + n, ": ", 2) == 0 ? message + n + 2
                                                                                : message;
}

void pxs_pair_finish(struct pxs_half half[2]) {
    for (int k = 0; k < 2; k++)
        pxs_image_finish(&half[k].image);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static enum pxs_status read_named(const char *path, const char *name, struct pxs_image *out,
                                  struct pxs_image_info *info, struct pxs_error *err) {
    struct pxs_error why;
    enum pxs_status status = pxs_image_read(path, out, info, &why);
    return status == PXS_OK ? PXS_OK
                            : pxs_fail(err, status, "%s: %s", name, pxs_reason(why.message, path));
}

/* `first`, `last`: which of the halves of the file's picture the half is made of. */
static void note_stored(const struct pxs_image_info *info, int first, int last,
                        struct pxs_half *half) {
    half->grey = info->channels <= 2;
    half->turned = info->orientation > 1;
    half->more_pages = info->more_pages;
    if (info->lossy)
        snprintf(half->lossy, sizeof half->lossy, "%s%s", info->sha256,
                 first != last ? ""
                 : first == 0  ? " A"
                               : " B");
    half->stored = info->depth == 16 ? PXS_STORED_16_BIT : PXS_STORED_BYTES;
    half->low = info->low[first] < info->low[last] ? info->low[first] : info->low[last];
    half->high = info->high[first] > info->high[last] ? info->high[first] : info->high[last];
}

static enum pxs_status read_side_by_side(const struct pxs_item *item, struct pxs_half half[2],
                                         struct pxs_error *err) {
    struct pxs_image image;
    struct pxs_image_info info;
    PXS_TRY(read_named(item->path, item->name, &image, &info, err));
    enum pxs_status status = PXS_OK;
    int width = image.width / 2;
    if (image.width % 2 != 0)
        status =
            pxs_fail(err, PXS_E_INVALID,
                     "%s: is %d pixels wide; a pair is two halves of the same width side by side",
                     item->name, image.width);
    for (int k = 0; k < 2 && status == PXS_OK; k++) {
        status = pxs_image_crop(&image, k * width, 0, width, image.height, &half[k].image, err);
        note_stored(&info, k, k, &half[k]);
    }
    pxs_image_finish(&image);
    return status;
}

static enum pxs_status read_partners(const struct pxs_item *item, struct pxs_half half[2],
                                     struct pxs_error *err) {
    struct pxs_image_info info[2];
    PXS_TRY(read_named(item->path, item->name, &half[0].image, &info[0], err));
    PXS_TRY(read_named(item->path_b, item->name_b, &half[1].image, &info[1], err));
    for (int k = 0; k < 2; k++)
        note_stored(&info[k], 0, 1, &half[k]);
    return PXS_OK;
}

enum pxs_status pxs_pair_read(const struct pxs_item *item, size_t index, struct pxs_half half[2],
                              struct pxs_error *err) {
    struct pxs_half read[2] = {0};
    enum pxs_status status = PXS_E_INTERNAL;
    switch (item->kind) {
    case PXS_KIND_PAIR:
        status = read_side_by_side(item, read, err);
        break;
    case PXS_KIND_AB:
        status = read_partners(item, read, err);
        break;
    case PXS_KIND_NPY:
        status = pxs_array_read(item, index, read, err);
        break;
    case PXS_KIND_NONE:
        return pxs_fail(err, PXS_E_INTERNAL, "an item without a kind");
    }
    if (status != PXS_OK) {
        pxs_pair_finish(read);
        return status;
    }
    memcpy(half, read, sizeof read);
    return PXS_OK;
}
