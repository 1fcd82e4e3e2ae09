/* Finds the resume point that a run continues from: the newest that is whole and its own. */
#include "resume_priv.h"

#include "pixsweep/tensor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct search {
    const char *dir;
    const struct pxs_params *params; /* NULL: any class of bits will do */
    struct resume_state here; /* the configuration and class of bits that a point must have */
    bool allow_mixed;
    bool final;     /* of a shorter run, which nothing is mixed with */
    bool head_only; /* neither its checksum nor the records are looked at */
    struct pxs_text *notes;
};

/* Why the point's class of bits is not that of this machine; NULL where it is. */
static const char *what_differs(const struct search *q, const struct resume_state *s) {
    const struct resume_bits *here = &q->here.bits;
    struct resume_bits there;
    if (!resume_bits_of(s, q->params, &there))
        return "this build does not know those kernels";
    if (strcmp(there.methods, here->methods) != 0)
        return "layers are computed by other methods";
    if (there.fused != here->fused)
        return "only one of them has FMA";
    if (strcmp(there.openblas, here->openblas) != 0)
        return "OpenBLAS computes layers";
    if (there.libm[0] && strcmp(there.libm, here->libm) != 0)
        return "the C library's pow, exp and the like have other last digits";
    return NULL;
}

static enum pxs_status check_engine(const struct search *q, const struct resume_state *s,
                                    const char *path, struct pxs_error *err) {
    const struct resume_state *here = &q->here;
    if (!q->params)
        return PXS_OK;
    const char *differs = what_differs(q, s);
    const bool same =
        strcmp(s->kernels, here->kernels) == 0 && strcmp(s->openblas, here->openblas) == 0;
    if (!differs && same)
        return PXS_OK;
    if (differs && q->final)
        return pxs_fail(err, PXS_E_INVALID,
                        "its final point was made with kernels %s (%s), here are %s (%s), which "
                        "give other bits, since %s",
                        s->kernels, s->openblas, here->kernels, here->openblas, differs);
    if (differs && !q->allow_mixed)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s was made with kernels %s (%s), here are %s (%s), which give other "
                        "bits, since %s: it is not used (--allow-mixed would go on from it)",
                        path, s->kernels, s->openblas, here->kernels, here->openblas, differs);
    pxs_text_addf(q->notes, "%s was made with kernels %s (%s); goes on with %s (%s)%s%s\n", path,
                  s->kernels, s->openblas, here->kernels, here->openblas,
                  differs ? " as --allow-mixed says, though "
                          : ", which give these networks the same bits",
                  differs ? differs : "");
    return PXS_OK;
}

/* The records that the point counts are those of the attempt that wrote it, where it names one. */
static enum pxs_status check_attempt(const struct resume_state *s, const char *records,
                                     const char *path, struct pxs_error *err) {
    struct pxs_record_begin begin;
    char nonce[PXS_RECORD_NONCE] = "";
    if (s->format < 6)
        return PXS_OK;
    const enum pxs_status status = pxs_record_last_begin(records, s->record_bytes, &begin, err);
    if (status == PXS_OK)
        pxs_line_value(begin.text, "nonce", nonce, sizeof nonce);
    else if (status != PXS_E_NOT_FOUND) {
        pxs_error_prefix(err, "%s counts other records", path);
        return status;
    }
    if (strcmp(nonce, s->nonce) == 0)
        return PXS_OK;
    return pxs_fail(
        err, PXS_E_INVALID,
        "%s was written by an attempt (nonce %s) whose records are not those of " PXS_RECORDS_FILE
        " (nonce %s): another process has gone on with the run since; "
        "it is not used",
        path, s->nonce[0] ? s->nonce : "none", nonce[0] ? nonce : "none");
}

/* Reads a point and checks that the run may continue from it. */
static enum pxs_status judge(const struct search *q, const char *path, struct resume_state *s,
                             struct pxs_error *err) {
    char records[PXS_PATH_MAX];
    struct stat info;
    struct pxs_safetensors *file = NULL;
    const bool seen = lstat(path, &info) == 0;
    if (!seen && errno == ENOENT)
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no %s", path);
    if (seen && !S_ISREG(info.st_mode))
        return pxs_fail(err, PXS_E_INVALID, "%s is no regular file", path);
    PXS_TRY(pxs_safetensors_open(path, &file, err));
    const enum pxs_status status =
        q->head_only ? resume_read_head(file, s, err) : resume_read(file, s, err);
    if (status != PXS_OK)
        pxs_error_prefix(err, "%s", path);
    pxs_safetensors_destroy(&file);
    PXS_TRY(status);
    if (strcmp(s->config_hash, q->here.config_hash) != 0)
        return pxs_fail(
            err, PXS_E_INVALID,
            "%s belongs to another configuration (config_hash %.12s..., this run's is %.12s...)",
            path, s->config_hash, q->here.config_hash);

    if (q->head_only)
        return check_engine(q, s, path, err);

    /* The records before the point must exist: the file may have been restored from a backup. */
    if (!pxs_path_join(records, sizeof records, q->dir, PXS_RECORDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", q->dir);
    const int64_t have = stat(records, &info) == 0 ? (int64_t)info.st_size : 0;
    if (have < s->record_bytes)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s needs the first %lld bytes of " PXS_RECORDS_FILE
                        ", which has only %lld",
                        path, (long long)s->record_bytes, (long long)have);
    PXS_TRY(check_attempt(s, records, path, err));
    return check_engine(q, s, path, err);
}

enum pxs_status pxs_train_find_resume(const char *dir, const char *config_hash,
                                      const struct pxs_params *params, const char *kernels,
                                      bool allow_mixed, struct pxs_resume_point *out,
                                      struct pxs_text *notes, struct pxs_error *err) {
    static const char *const names[] = {PXS_RESUME_FILE, PXS_RESUME_PREVIOUS};
    struct search q = {.dir = dir, .params = params, .allow_mixed = allow_mixed, .notes = notes};
    struct pxs_error newer = {0};
    bool passed_over = false;
    *out = (struct pxs_resume_point){.step = -1};
    PXS_TRY(resume_engine(kernels, params, &q.here, err));
    snprintf(q.here.config_hash, sizeof q.here.config_hash, "%s", config_hash);
    for (size_t i = 0; i < PXS_COUNT(names) && out->step < 0; i++) {
        char path[PXS_PATH_MAX];
        struct resume_state s;
        struct pxs_error why;
        if (!pxs_path_join(path, sizeof path, dir, names[i]))
            return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", dir);
        enum pxs_status status = judge(&q, path, &s, &why);
        out->there = out->there || status != PXS_E_NOT_FOUND;
        if (status == PXS_OK) {
            out->step = s.step;
            out->record_bytes = s.record_bytes;
            snprintf(out->path, sizeof out->path, "%s", path);
            if (strcmp(s.pixsweep, q.here.pixsweep) != 0)
                pxs_text_addf(notes, "%s was written by pixsweep %s; pixsweep %s goes on from it\n",
                              path, s.pixsweep, q.here.pixsweep);
        }
        if (status == PXS_OK || status == PXS_E_NOT_FOUND)
            continue;
        if (status == PXS_E_UNSUPPORTED && newer.status == PXS_OK)
            newer = why;
        /* Lack of memory or an input/output error says nothing about the point: a run that started
         * anew for it would lose its epochs. */
        if (status != PXS_E_CORRUPT && status != PXS_E_INVALID && status != PXS_E_UNSUPPORTED)
            return pxs_fail(err, status, "%s", why.message);
        pxs_text_addf(notes, "%s\n", why.message);
        passed_over = true;
    }
    if (out->step < 0 && newer.status != PXS_OK)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s: use that one, or remove the file to start from zero", newer.message);
    if (out->step < 0 && passed_over)
        pxs_text_add(notes,
                     "there is no resume point to go on from: starts again from its first step\n");
    return PXS_OK;
}

/* ---- the final point of a shorter run ------------------------------------------------------- */

static enum pxs_status find_final(const struct pxs_shorter *shorter, const char *kernels,
                                  bool head_only, struct pxs_resume_point *out,
                                  struct pxs_error *err) {
    struct pxs_text notes = {0};
    struct resume_state s;
    struct search q = {.dir = shorter->dir,
                       .params = shorter->params,
                       .final = true,
                       .head_only = head_only,
                       .notes = &notes};
    *out = (struct pxs_resume_point){.step = -1};
    if (!pxs_path_join(out->path, sizeof out->path, shorter->dir, PXS_FINAL_FILE))
        return pxs_fail(err, PXS_E_INVALID, "%s: path is too long", shorter->dir);
    PXS_TRY(resume_engine(kernels, shorter->params, &q.here, err));
    snprintf(q.here.config_hash, sizeof q.here.config_hash, "%s", shorter->config_hash);
    const enum pxs_status status = judge(&q, out->path, &s, err);
    pxs_text_finish(&notes);
    PXS_TRY(status);
    out->step = s.step;
    out->record_bytes = s.record_bytes;
    out->there = true;
    return PXS_OK;
}

enum pxs_status train_find_final(const struct pxs_shorter *shorter, const char *kernels,
                                 struct pxs_resume_point *out, struct pxs_error *err) {
    return find_final(shorter, kernels, false, out, err);
}

enum pxs_status pxs_train_has_final(const struct pxs_shorter *shorter, const char *kernels,
                                    struct pxs_error *err) {
    struct pxs_resume_point point;
    return find_final(shorter, kernels, true, &point, err);
}
