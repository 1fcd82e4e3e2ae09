/* loss_log.txt of pytorch-CycleGAN-and-pix2pix: a line every so many images, not batches:
 *   "(epoch: 1, iters: 100, time: 0.123, data: 0.234) G_GAN: 0.953 G_L1: 32.345 D_real: 0.678
 *   D_fake: 0.654 "
 * Epochs count from 1, iters are the images of the epoch so far, G_L1 is lambda_L1 times the L1,
 * and loss_D is half of D_real + D_fake. What all iters are multiples of becomes a "batch". */
#include "lab_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void skip_blanks(const char **at, const char *end) {
    while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r' || **at == ','))
        ++*at;
}

/* "key: value" up to a blank, a comma or `)`. */
static bool next_field(const char **at, const char *end, char key[32], double *value) {
    char number[48];
    size_t n = 0;
    skip_blanks(at, end);
    for (; *at < end && **at != ':' && **at != ' ' && n + 1 < 32; ++*at)
        key[n++] = **at;
    key[n] = '\0';
    if (n == 0 || *at >= end || **at != ':')
        return false;
    ++*at;
    skip_blanks(at, end);
    for (n = 0; *at < end && !strchr(" ,)\t\r", **at) && n + 1 < sizeof number; ++*at)
        number[n++] = **at;
    number[n] = '\0';
    if (strcmp(number, "nan") == 0)
        *value = NAN;
    else if (strcmp(number, "inf") == 0 || strcmp(number, "-inf") == 0)
        *value = number[0] == '-' ? -INFINITY : INFINITY;
    else
        return n > 0 && pxs_parse_double(number, value);
    return true;
}

/* A line's counters, as logged, and losses. */
static bool read_line(const char *text, size_t bytes, int64_t *iters, struct pxs_lab_batch *out,
                      char why[PXS_LAB_WHY]) {
    enum { GAN = 1, L1 = 2, REAL = 4, FAKE = 8, ALL = 15 };
    const char *at = text, *end = text + bytes;
    double epoch = NAN, images = NAN, value;
    unsigned seen = 0;
    char key[32];
    struct pxs_lab_batch b = {.loss_real = NAN, .loss_fake = NAN, .raw_pixel = NAN};
    if (memchr(text, '\0', bytes) || bytes == 0 || *at++ != '(') {
        snprintf(why, PXS_LAB_WHY, "not of the form (epoch: 1, iters: 100, ...) G_GAN: 0.9 ...");
        return false;
    }
    while (at < end && *at != ')' && next_field(&at, end, key, &value)) {
        epoch = strcmp(key, "epoch") == 0 ? value : epoch;
        images = strcmp(key, "iters") == 0 ? value : images;
    }
    if (at >= end || *at++ != ')' || !(epoch >= 1 && epoch < 1e6) ||
        !(images >= 1 && images < 2e9) || floor(epoch) != epoch || floor(images) != images) {
        snprintf(why, PXS_LAB_WHY, "no epoch and iters in brackets");
        return false;
    }
    for (skip_blanks(&at, end); at < end; skip_blanks(&at, end)) {
        if (!next_field(&at, end, key, &value)) {
            snprintf(why, PXS_LAB_WHY, "no value of %s", key[0] != '\0' ? key : "a loss");
            return false;
        }
        const unsigned is = strcmp(key, "G_GAN") == 0    ? GAN
                            : strcmp(key, "G_L1") == 0   ? L1
                            : strcmp(key, "D_real") == 0 ? REAL
                            : strcmp(key, "D_fake") == 0 ? FAKE
                                                         : 0;
        if (is == 0 && b.unknown[0] == '\0')
            snprintf(b.unknown, sizeof b.unknown, "%s", key);
        double *const place = is == GAN    ? &b.loss_GAN
                              : is == L1   ? &b.weighted_pixel
                              : is == REAL ? &b.loss_real
                                           : &b.loss_fake;
        if (is != 0)
            *place = value;
        seen |= is;
    }
    if (seen != ALL) {
        snprintf(why, PXS_LAB_WHY, "there is no %s: is it a log of pix2pix?",
                 !(seen & GAN)    ? "G_GAN"
                 : !(seen & L1)   ? "G_L1"
                 : !(seen & REAL) ? "D_real"
                                  : "D_fake");
        return false;
    }
    b.loss_D = (b.loss_real + b.loss_fake) / 2;
    b.epoch = (int64_t)epoch - 1;
    *iters = (int64_t)images;
    *out = b;
    return true;
}

bool pxs_lab_parse(const struct pxs_lab_log *log, const char *text, size_t bytes,
                   struct pxs_lab_batch *out, char why[PXS_LAB_WHY]) {
    int64_t iters;
    if (!pxs_lab_is_loss_log(log))
        return pxs_lab_parse_batch(text, bytes, out, why);
    if (!read_line(text, bytes, &iters, out, why))
        return false;
    if (log->every == 0 || iters % log->every != 0 || iters / log->every > log->batches) {
        snprintf(why, PXS_LAB_WHY, "its iters fit none of the other lines");
        return false;
    }
    out->batch = iters / log->every - 1;
    out->batches = log->batches;
    return true;
}

bool pxs_lab_is_loss_log(const struct pxs_lab_log *log) {
    return strcmp(log->file, PXS_LAB_LOSS_LOG) == 0;
}

enum pxs_status pxs_lab_find_steps(struct pxs_lab_log *log, struct pxs_error *err) {
    struct pxs_lab_reader *reader = NULL;
    char path[PXS_PATH_MAX], why[PXS_LAB_WHY];
    int64_t most = 0, stride = 0, last_epoch = -1, last = 0;
    if (!pxs_path_join(path, sizeof path, log->dir, log->file))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", log->dir);
    PXS_TRY(pxs_lab_reader_open(path, 0, 1, PXS_LAB_LOSS_GLUE, &reader, err));
    enum pxs_status status = PXS_OK;
    for (bool more = true; more && status == PXS_OK;) {
        struct pxs_lab_line line;
        struct pxs_lab_batch b;
        int64_t iters;
        status = pxs_lab_reader_next(reader, &line, &more, err);
        if (status != PXS_OK || !more || line.too_long ||
            !read_line(line.text, line.bytes, &iters, &b, why))
            continue;
        int64_t a = iters, rest = log->every;
        while (rest != 0) { /* the greatest common divisor of all */
            const int64_t next = a % rest;
            a = rest;
            rest = next;
        }
        log->every = a;
        most = iters > most ? iters : most;
        if (b.epoch == last_epoch && iters > last && (stride == 0 || iters - last < stride))
            stride = iters - last;
        last_epoch = b.epoch;
        last = iters;
    }
    pxs_lab_reader_close(&reader);
    if (log->every > 0) {
        log->batches = most / log->every;
        log->stride = stride > 0 ? stride / log->every : 1;
    }
    return status;
}
