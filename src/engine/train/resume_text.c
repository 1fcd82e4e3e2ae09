/* Writes the fields of a resume point as metadata of its file, and reads them. */
#include "resume_priv.h"

#include "pixsweep/nn.h"
#include "pixsweep/tensor.h"

#include <math.h>
#include <string.h>

enum kind { TEXT, INTEGER, REAL };

/* In the order of the checksum. The format is first, and an integer, in every version. */
static const struct field {
    const char *key;
    enum kind kind;
    size_t offset, size;
    int since;    /* format */
    int measures; /* version of measures.def; 0: it is no sum */
} fields[] = {
#define ENTRY(format, measures, key, kind, member)                     \
    {                                                                  \
        key, kind, offsetof(struct resume_state, member),              \
            sizeof((struct resume_state *)0)->member, format, measures \
    }
#define SINCE(format, key, kind, member) ENTRY(format, 0, key, kind, member)
#define FIELD(key, kind, member) SINCE(1, key, kind, member)
    FIELD("resume_format", INTEGER, format),
    SINCE(5, "measures", INTEGER, measures),
    FIELD("pixsweep", TEXT, pixsweep),
    FIELD("config_hash", TEXT, config_hash),
    FIELD("kernels", TEXT, kernels),
    FIELD("openblas", TEXT, openblas),
    FIELD("step", INTEGER, step),
    FIELD("epoch", INTEGER, epoch),
    FIELD("batch", INTEGER, batch),
    FIELD("record_bytes", INTEGER, record_bytes),
    FIELD("best_val_loss", REAL, best),
    FIELD("epoch_seconds", REAL, epoch_seconds),
    FIELD("lr_G", REAL, lr_G),
    FIELD("lr_D", REAL, lr_D),
/* clang-format off */
#define VALUE(since, name, of)
#define MEAN(since, name, of) ENTRY(1, since, "sum_" #of, REAL, sums.name),
#define MAX(since, name, of) ENTRY(1, since, "max_" #of, REAL, sums.name),
#define SUM(name, how, of, metric, since, ...) how(since, name, of)
    PXS_EPOCH_MEASURES(SUM)
#undef SUM
#undef MAX
#undef MEAN
#undef VALUE
    /* clang-format on */
    SINCE(2, "plateau_G_rate", REAL, plateau[0].rate),
    SINCE(2, "plateau_G_best", REAL, plateau[0].best),
    SINCE(2, "plateau_G_bad_epochs", INTEGER, plateau[0].bad_epochs),
    SINCE(2, "plateau_D_rate", REAL, plateau[1].rate),
    SINCE(2, "plateau_D_best", REAL, plateau[1].best),
    SINCE(2, "plateau_D_bad_epochs", INTEGER, plateau[1].bad_epochs),
    SINCE(3, "early_stop_best", REAL, early_best),
    SINCE(3, "early_stop_epoch", INTEGER, early_epoch),
    SINCE(4, "bits_methods", TEXT, bits.methods),
    SINCE(4, "bits_fused", INTEGER, bits.fused),
    SINCE(4, "bits_openblas", TEXT, bits.openblas),
    SINCE(4, "bits_libm", TEXT, bits.libm),
    SINCE(6, "nonce", TEXT, nonce),
#undef FIELD
#undef SINCE
#undef ENTRY
};
_Static_assert(PXS_COUNT(fields) < RESUME_FIELDS, "RESUME_FIELDS is too small");

int64_t resume_measures(const struct resume_state *s) {
    if (s->format >= 5)
        return s->measures;
    return pxs_epoch_info(s->format >= 2 ? PXS_EPOCH_D_fake : PXS_EPOCH_avg_loss_G)->since;
}

static bool has_field(const struct resume_state *s, const struct field *f) {
    return f->since <= s->format && f->measures <= resume_measures(s);
}

void resume_print(const struct resume_state *s, struct resume_text *out) {
    size_t n = 0;
    for (size_t i = 0; i < PXS_COUNT(fields); i++) {
        if (!has_field(s, &fields[i]))
            continue;
        const char *at = (const char *)s + fields[i].offset;
        char *text = out->value[i];
        char number[32];
        if (fields[i].kind == TEXT)
            snprintf(text, sizeof out->value[i], "%s", at);
        else if (fields[i].kind == INTEGER)
            snprintf(text, sizeof out->value[i], "%lld", (long long)*(const int64_t *)at);
        else /* the shortest that reads back to the same bits */
            snprintf(text, sizeof out->value[i], "%s",
                     pxs_format_double(number, *(const double *)at));
        out->metadata[n++] = fields[i].key;
        out->metadata[n++] = text;
    }
    out->metadata[n] = NULL;
}

uint32_t resume_crc(const struct resume_text *text) {
    uint32_t crc = 0;
    for (size_t i = 0; text->metadata[i]; i++) /* with the NULs, which separate the texts */
        crc = pxs_crc32c(crc, text->metadata[i], strlen(text->metadata[i]) + 1);
    return crc;
}

/* Points have "inf", "-inf" and "nan"; pxs_parse_double reads YAML's numbers, which have a dot
 * before these words. */
static bool parse_real(const char *text, double *out) {
    static const char *const words[][2] = {{"inf", ".inf"}, {"-inf", "-.inf"}, {"nan", ".nan"}};
    for (size_t i = 0; i < PXS_COUNT(words); i++)
        if (strcmp(text, words[i][0]) == 0)
            text = words[i][1];
    return pxs_parse_double(text, out);
}

static bool parse_field(const struct field *f, const char *text, struct resume_state *out) {
    char *at = (char *)out + f->offset;
    if (f->kind == INTEGER)
        return pxs_parse_int(text, (int64_t *)at);
    if (f->kind == REAL)
        return parse_real(text, (double *)at);
    snprintf(at, f->size, "%s", text);
    return strlen(text) < f->size;
}

static enum pxs_status read_fields(const struct pxs_safetensors *file, struct resume_state *out,
                                   struct pxs_error *err) {
    for (size_t i = 0; i < PXS_COUNT(fields); i++) {
        if (i > 0 && !has_field(out, &fields[i]))
            continue;
        const char *text = pxs_safetensors_metadata(file, fields[i].key);
        if (!text || !parse_field(&fields[i], text, out))
            return pxs_fail(err, PXS_E_CORRUPT,
                            "it is no resume point: %s is missing or unreadable", fields[i].key);
        if (out->format > RESUME_FORMAT)
            return pxs_fail(err, PXS_E_UNSUPPORTED,
                            "a newer pixsweep wrote it (format %lld, this one reads %d)",
                            (long long)out->format, RESUME_FORMAT);
        if (out->measures > pxs_measures_version())
            return pxs_fail(
                err, PXS_E_UNSUPPORTED,
                "a newer pixsweep wrote it (measures of version %lld, this one knows %d)",
                (long long)out->measures, pxs_measures_version());
    }
    return PXS_OK;
}

/* The last tensor holds the four bytes of the checksum. */
static bool checksum_fits(const struct pxs_safetensors *file, const struct resume_state *s) {
    struct resume_text text;
    size_t n = pxs_safetensors_count(file);
    if (n == 0)
        return false;
    const struct pxs_safetensors_info *last = pxs_safetensors_at(file, n - 1);
    uint32_t stated;
    if (strcmp(last->name, "checksum") != 0 || last->bytes != sizeof stated)
        return false;
    memcpy(&stated, last->data, sizeof stated);
    resume_print(s, &text);
    uint32_t crc = resume_crc(&text);
    for (size_t i = 0; i + 1 < n; i++) {
        const struct pxs_safetensors_info *t = pxs_safetensors_at(file, i);
        crc = pxs_crc32c(crc, t->data, (size_t)t->bytes);
    }
    return crc == stated;
}

/* Checks the numbers that training computes with: a right checksum does not mean that a file is
 * sensible. */
static enum pxs_status check_numbers(const struct resume_state *s, struct pxs_error *err) {
    const char *bad = s->step < 0 || s->epoch < 0 || s->batch < 0 ? "its step, epoch or batch"
                      : resume_measures(s) < 1                    ? "measures"
                      : s->record_bytes < 0                       ? "record_bytes"
                      : !isfinite(s->epoch_seconds) || s->epoch_seconds < 0 ? "epoch_seconds"
                      : s->early_epoch < -1 || s->early_epoch > s->epoch    ? "early_stop_epoch"
                                                                            : NULL;
    for (size_t i = 0; i < PXS_COUNT(s->plateau); i++) {
        const struct pxs_plateau *p = &s->plateau[i];
        if (!isfinite(p->rate) || p->rate < 0 || p->bad_epochs < 0 || p->bad_epochs > s->epoch + 1)
            bad = "a plateau";
    }
    return bad ? pxs_fail(err, PXS_E_CORRUPT, "it is damaged: %s is out of range", bad) : PXS_OK;
}

static void forget(struct resume_state *out) {
    memset(out, 0, sizeof *out);
#define NONE(name, ...) out->sums.name = NAN;
    PXS_EPOCH_MEASURES(NONE)
#undef NONE
}

enum pxs_status resume_read_head(const struct pxs_safetensors *file, struct resume_state *out,
                                 struct pxs_error *err) {
    forget(out);
    PXS_TRY(read_fields(file, out, err));
    return check_numbers(out, err);
}

enum pxs_status resume_read(const struct pxs_safetensors *file, struct resume_state *out,
                            struct pxs_error *err) {
    forget(out);
    PXS_TRY(read_fields(file, out, err));
    if (!checksum_fits(file, out))
        return pxs_fail(err, PXS_E_CORRUPT, "it is damaged: the checksum does not match");
    return check_numbers(out, err);
}
