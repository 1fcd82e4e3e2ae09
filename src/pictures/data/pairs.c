/* data pairs: pictures of two folders that belong together by name become a pair set. */
#include "making_priv.h"
#include "pair_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A picture of one side while partners are looked for. */
struct candidate {
    const struct pxs_source *source;
    const char *key; /* its stem, with or without its suffix */
    bool taken;
};
struct side {
    struct candidate *list;
    size_t n;
};

/* The pairs of one split. */
struct pairs {
    struct pxs_making *m;
    const struct pxs_source **a, **b;
    const char **name;
    size_t n;
    char folder[2][PXS_PATH_MAX + 64]; /* A and B; side by side: the first alone */
    char **problem;                    /* of pair i, owned; NULL */
    bool *resized;
    atomic_int failed, done;
    atomic_flag said;
    struct pxs_error err;
};

static bool has_suffix(const char *stem, char letter) {
    const size_t n = strlen(stem);
    return n > 2 && strchr("_-", stem[n - 2]) && (stem[n - 1] | 0x20) == letter;
}

static int by_key(const void *x, const void *y) {
    const struct candidate *a = x, *b = y;
    int order = strcmp(a->key, b->key);
    return order != 0 ? order : strcmp(a->source->name, b->source->name);
}

/* Pictures of one side that are not taken yet, by key: the stem, or without _A or _B. Two of one
 * key have no single partner. */
static enum pxs_status rank(struct pxs_making *m, const struct pxs_sources *from, const bool *taken,
                            char letter, bool only_suffixed, struct side *out,
                            struct pxs_error *err) {
    out->list = pxs_arena_alloc(&m->arena, (from->n + 1) * sizeof *out->list);
    out->n = 0;
    if (!out->list)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < from->n; i++) {
        const char *stem = from->list[i].stem, *key = stem;
        const bool suffix = letter != '\0' && has_suffix(stem, letter);
        if (taken[i] || (only_suffixed && !suffix))
            continue;
        if (suffix)
            key = pxs_arena_printf(&m->arena, "%.*s", (int)strlen(stem) - 2, stem);
        if (!key)
            return pxs_fail_nomem(err);
        out->list[out->n++] = (struct candidate){&from->list[i], key, false};
    }
    qsort(out->list, out->n, sizeof *out->list, by_key);
    for (size_t i = 1; i < out->n; i++)
        if (strcmp(out->list[i].key, out->list[i - 1].key) == 0)
            out->list[i].taken = out->list[i - 1].taken = true;
    return PXS_OK;
}

static int by_name(const void *x, const void *y) {
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Adds the partners among both sides; a name that an earlier pass has given is not given again. */
static void match(struct pairs *p, const struct side *a, const struct side *b,
                  const struct pxs_sources from[2], bool *taken[2]) {
    const size_t before = p->n;
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        const struct candidate *x = &a->list[i], *y = &b->list[k];
        const int order = strcmp(x->key, y->key);
        i += order <= 0;
        k += order >= 0;
        if (order != 0 || x->taken || y->taken ||
            bsearch(&x->key, p->name, before, sizeof *p->name, by_name))
            continue;
        p->a[p->n] = x->source;
        p->b[p->n] = y->source;
        p->name[p->n++] = x->key;
        taken[0][x->source - from[0].list] = true;
        taken[1][y->source - from[1].list] = true;
    }
}

/* By stem, then without _A and _B; in one folder only so. Names come out in rising order within
 * each pass. */
static enum pxs_status find_partners(struct pairs *p, const struct pxs_sources from[2],
                                     bool one_folder, struct pxs_error *err) {
    struct pxs_making *m = p->m;
    struct side side[2];
    bool *taken[2];
    const size_t most = from[0].n < from[1].n ? from[0].n : from[1].n;
    p->a = pxs_arena_alloc(&m->arena, (most + 1) * sizeof *p->a);
    p->b = pxs_arena_alloc(&m->arena, (most + 1) * sizeof *p->b);
    p->name = pxs_arena_alloc(&m->arena, (most + 1) * sizeof *p->name);
    p->problem = pxs_arena_alloc(&m->arena, (most + 1) * sizeof *p->problem);
    p->resized = pxs_arena_alloc(&m->arena, (most + 1) * sizeof *p->resized);
    for (int s = 0; s < 2; s++)
        taken[s] = pxs_arena_alloc(&m->arena, from[s].n + 1);
    if (!p->a || !p->b || !p->name || !p->problem || !p->resized || !taken[0] || !taken[1])
        return pxs_fail_nomem(err);
    for (int pass = one_folder ? 1 : 0; pass < 2; pass++) {
        for (int s = 0; s < 2; s++)
            PXS_TRY(
                rank(m, &from[s], taken[s], pass == 0 ? '\0' : "ab"[s], one_folder, &side[s], err));
        match(p, &side[0], &side[1], from, taken);
    }
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < from[s].n; i++) {
            const bool other = one_folder && taken[1 - s][i]; /* it is in the other list's pair */
            if (!taken[s][i] && !other && !(one_folder && s == 1))
                pxs_making_leave_out(m, from[s].list[i].path,
                                     one_folder ? "no partner that differs in _A and _B alone"
                                                : "no partner of its name, or more than one");
        }
    return PXS_OK;
}

/* ---- links, or pictures side by side -------------------------------------------------------- */

static enum pxs_status link_both(struct pairs *p, struct pxs_error *err) {
    char to[2 * PXS_PATH_MAX], from[PXS_PATH_MAX];
    for (size_t i = 0; i < p->n; i++)
        for (int s = 0; s < 2; s++) {
            const struct pxs_source *source = s == 0 ? p->a[i] : p->b[i];
            if (!pxs_path_absolute(from, sizeof from, source->path))
                return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", source->path);
            snprintf(to, sizeof to, "%s/%s%s", p->folder[s], p->name[i],
                     strrchr(source->name, '.'));
            if (symlink(from, to) != 0)
                return pxs_fail_errno(err, "cannot link %s to %s", to, from);
        }
    p->m->report.pairs += p->n;
    return PXS_OK;
}

/* One pair as a picture. A file that cannot be read is its own problem (*unread). */
static enum pxs_status join_one(struct pairs *p, size_t i, bool *unread, struct pxs_error *err) {
    struct pxs_image a = {0}, b = {0}, sized = {0};
    enum pxs_status status = pxs_image_read(p->a[i]->path, &a, NULL, err);
    if (status == PXS_OK)
        status = pxs_image_read(p->b[i]->path, &b, NULL, err);
    *unread = status != PXS_OK && status != PXS_E_NOMEM;
    if (status == PXS_OK && (a.width != b.width || a.height != b.height)) {
        p->resized[i] = true;
        status = pxs_image_resize(&b, a.width, a.height, &sized, err);
    }
    if (status == PXS_OK)
        status = pxs_making_write(p->folder[0], p->name[i], &a, p->resized[i] ? &sized : &b, err);
    pxs_image_finish(&a);
    pxs_image_finish(&b);
    pxs_image_finish(&sized);
    return status;
}

static void join_piece(void *user, int piece, int thread) {
    struct pairs *p = user;
    const struct pxs_make *how = p->m->how;
    struct pxs_error why;
    bool unread = false;
    if (atomic_load(&p->failed) != PXS_OK)
        return;
    const int done = atomic_fetch_add(&p->done, 1);
    if (thread == 0)
        pxs_meter_tell(how->meter, "writing pairs", done, (double)p->n);
    enum pxs_status status = PXS_OK;
    if (how->stop && atomic_load(&how->stop->signal) != 0)
        status = pxs_fail(&why, PXS_E_STOPPED, "stopped; nothing was left behind");
    else
        status = join_one(p, (size_t)piece, &unread, &why);
    if (unread && (p->problem[piece] = strdup(pxs_reason(why.message, p->a[piece]->path))))
        return;
    if (status != PXS_OK && !atomic_flag_test_and_set(&p->said)) {
        p->err = why;
        atomic_store(&p->failed, status);
    }
}

static enum pxs_status join_all(struct pairs *p, struct pxs_error *err) {
    pxs_pool_run(p->m->how->pool, join_piece, p, (int)p->n);
    for (size_t i = 0; i < p->n; i++) {
        if (p->problem[i])
            pxs_making_leave_out(p->m, p->a[i]->path, p->problem[i]);
        else
            p->m->report.pairs++;
        p->m->report.resized += p->resized[i] && !p->problem[i];
        free(p->problem[i]);
    }
    return atomic_load(&p->failed) == PXS_OK ? PXS_OK
                                             : pxs_fail(err, p->err.status, "%s", p->err.message);
}

static enum pxs_status make_part(struct pxs_making *m, const char *from, const char *to,
                                 struct pxs_error *err) {
    const struct pxs_make *how = m->how;
    struct pairs p = {.m = m, .said = ATOMIC_FLAG_INIT};
    struct pxs_sources side[2];
    char a[PXS_PATH_MAX], b[PXS_PATH_MAX];
    const bool one_folder = realpath(how->a, a) && realpath(how->b, b) && strcmp(a, b) == 0;
    PXS_TRY(pxs_making_list(m, how->a, from, &side[0], err));
    if (one_folder)
        side[1] = side[0];
    else
        PXS_TRY(pxs_making_list(m, how->b, from, &side[1], err));
    PXS_TRY(find_partners(&p, side, one_folder, err));
    if (p.n == 0)
        return PXS_OK;
    if (how->side_by_side) {
        PXS_TRY(pxs_making_folder(m, to, "", p.folder[0], err));
        return join_all(&p, err);
    }
    PXS_TRY(pxs_making_folder(m, to, "A", p.folder[0], err));
    PXS_TRY(pxs_making_folder(m, to, "B", p.folder[1], err));
    return link_both(&p, err);
}

enum pxs_status pxs_pairs_make(const struct pxs_make *how, struct pxs_make_report *report,
                               struct pxs_error *err) {
    struct pxs_making m = {0};
    const char *from, *to;
    enum pxs_status status = pxs_making_begin(&m, how, err);
    for (size_t i = 0; status == PXS_OK && pxs_making_part(how->a, i, &from, &to); i++)
        status = make_part(&m, from, to, err);
    return pxs_making_end(&m, status, report, err);
}
