/* Which sweep or run is meant: by name, number, folder, experiment file or the beginning of a
 * name. */
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

enum pxs_status pxs_store_sweep_row(struct pxs_store *s, const char *sweep, const char *spec_yaml,
                                    const char *spec_hash, size_t n_planned, int64_t *sweep_id,
                                    struct pxs_error *err) {
    PXS_TRY(
        pxs_store_int(s, PXS_ST_SWEEP_BY_NAME, PXS_ARGS(pxs_cell_text(sweep)), 0, sweep_id, err));
    if (*sweep_id)
        return PXS_OK;
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_SWEEP_INSERT,
                               PXS_ARGS(pxs_cell_text(sweep), pxs_cell_text(spec_yaml),
                                        pxs_cell_text(spec_hash), pxs_cell_int((int64_t)n_planned),
                                        pxs_cell_int(pxs_now_ms())),
                               err));
    *sweep_id = pxs_sql_last_id(s->sql);
    return PXS_OK;
}

enum { AS_SWEEP = 1, AS_RUN = 2 };

/* What a text could mean; the first few are kept to be named. */
struct hits {
    struct pxs_store_target first[5];
    size_t n;
};

static void add_hit(struct hits *h, int64_t sweep_id, int64_t run_id, const char *name) {
    for (size_t i = 0; i < h->n && i < PXS_COUNT(h->first); i++)
        if (h->first[i].sweep_id == sweep_id && h->first[i].run_id == run_id)
            return;
    if (h->n < PXS_COUNT(h->first)) {
        struct pxs_store_target *t = &h->first[h->n];
        *t = (struct pxs_store_target){.sweep_id = sweep_id, .run_id = run_id};
        snprintf(t->name, sizeof t->name, "%.255s", name);
    }
    h->n++;
}

static enum pxs_status fail_ambiguous(const char *text, const struct hits *h,
                                      struct pxs_error *err) {
    struct pxs_text names = {0};
    const size_t shown = h->n < PXS_COUNT(h->first) ? h->n : PXS_COUNT(h->first);
    for (size_t i = 0; i < shown; i++)
        pxs_text_addf(&names, "%s%s",
                      i == 0          ? ""
                      : i + 1 == h->n ? " or "
                                      : ", ",
                      h->first[i].name);
    if (h->n > shown)
        pxs_text_addf(&names, " or one of %zu more", h->n - shown);
    pxs_fail(err, PXS_E_INVALID, "%.100s could be %s", text, pxs_text_str(&names));
    pxs_text_finish(&names);
    return PXS_E_INVALID;
}

/* ---- the ways to find ----------------------------------------------------------------------- */

/* One row of RUN_PLACES. */
struct place {
    int64_t run_id, sweep_id;
    char run[256], sweep[128], dir[PXS_PATH_MAX] /* absolute */, real_dir[PXS_PATH_MAX];
};

struct wanted {
    const struct pxs_store *s;
    const char *text;
    int as;
    char path[PXS_PATH_MAX], real_path[PXS_PATH_MAX],
        real_folder[PXS_PATH_MAX]; /* "" = not known */
};

static bool is_inside(const char *path, const char *dir) {
    const size_t n = strlen(dir);
    return n > 1 && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Is `path` the parent of the folder `dir`? */
static bool is_parent(const char *path, const char *dir) {
    const size_t n = strlen(path);
    return n > 1 && strncmp(path, dir, n) == 0 && dir[n] == '/' && dir[n + 1] &&
           !strchr(dir + n + 1, '/');
}

static void by_folder(struct wanted *w, const struct place *p, struct hits *h) {
    if (is_inside(w->path, p->dir) || (w->real_path[0] && is_inside(w->real_path, p->real_dir)))
        add_hit(h, p->sweep_id, p->run_id, p->run);
    else if (is_parent(w->path, p->dir) ||
             (w->real_path[0] && is_parent(w->real_path, p->real_dir)))
        add_hit(h, p->sweep_id, 0, p->sweep);
}

/* Names of sweeps begin with a text without '/', names of runs with one that has it. */
static void by_beginning(struct wanted *w, const struct place *p, struct hits *h) {
    const size_t n = strlen(w->text);
    const bool slash = strchr(w->text, '/');
    if ((w->as & AS_SWEEP) && !slash && strncmp(p->sweep, w->text, n) == 0)
        add_hit(h, p->sweep_id, 0, p->sweep);
    else if ((w->as & AS_RUN) && (slash || w->as == AS_RUN) && strncmp(p->run, w->text, n) == 0)
        add_hit(h, p->sweep_id, p->run_id, p->run);
}

/* Calls `look` for every run and where it is. */
static enum pxs_status each_place(struct pxs_store *s, struct wanted *w,
                                  void (*look)(struct wanted *, const struct place *,
                                               struct hits *),
                                  struct hits *h, struct pxs_error *err) {
    struct pxs_stmt *stmt = NULL;
    char dir[PXS_PATH_MAX];
    bool row;
    struct place *p = malloc(sizeof *p);
    if (!p)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_store_first(s, PXS_ST_RUN_PLACES, NULL, 0, &stmt, &row, err);
    const bool begun = status == PXS_OK;
    while (status == PXS_OK && row) {
        p->run_id = pxs_column_int(stmt, 0);
        p->sweep_id = pxs_column_int(stmt, 1);
        pxs_column_text(stmt, 2, p->run, sizeof p->run);
        pxs_column_text(stmt, 3, p->sweep, sizeof p->sweep);
        pxs_column_text(stmt, 4, dir, sizeof dir);
        pxs_store_full_dir(w->s, dir, p->dir);
        if (!pxs_path_join(p->real_dir, sizeof p->real_dir, w->real_folder, dir))
            p->real_dir[0] = '\0';
        look(w, p, h);
        status = pxs_stmt_step(stmt, &row, err);
    }
    if (begun)
        pxs_stmt_reset(stmt);
    free(p);
    return status;
}

static enum pxs_status exact_sweep(struct pxs_store *s, const char *name, struct hits *h,
                                   struct pxs_error *err) {
    int64_t id;
    PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_BY_NAME, PXS_ARGS(pxs_cell_text(name)), 0, &id, err));
    if (id)
        add_hit(h, id, 0, name);
    return PXS_OK;
}

/* A name, a run_id, or SWEEP/NUMBER. */
static enum pxs_status exact_run(struct pxs_store *s, const char *text, struct hits *h,
                                 struct pxs_error *err) {
    int64_t id = 0, number = 0, sweep_id = 0;
    const char *slash = strrchr(text, '/'), *last = slash ? slash + 1 : text;
    const bool digits =
        *last && strspn(last, "0123456789") == strlen(last) && pxs_parse_int(last, &number);
    struct pxs_store_run run;
    PXS_TRY(pxs_store_int(s, PXS_ST_RUN_BY_NAME, PXS_ARGS(pxs_cell_text(text)), 0, &id, err));
    if (!id && digits && !slash) {
        /* "0002" is a place in a sweep, as names show it, and never a run_id */
        id = *last == '0' ? 0 : number;
    } else if (!id && digits) {
        char sweep[128];
        snprintf(sweep, sizeof sweep, "%.*s", (int)(slash - text), text);
        PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_BY_NAME, PXS_ARGS(pxs_cell_text(sweep)), 0, &sweep_id,
                              err));
        PXS_TRY(pxs_store_int(s, PXS_ST_RUN_BY_NUMBER,
                              PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_int(number)), 0, &id, err));
    }
    bool found = false;
    if (id > 0)
        PXS_TRY(pxs_store_run_by_id(s, id, &run, &found, err));
    if (found)
        add_hit(h, run.sweep_id, id, run.name);
    return PXS_OK;
}

/* ---- when nothing is found ----------------------------------------------------- */

/* Names of all sweeps, or of the runs of one sweep (sweep_id not 0), newest first; free(*names). */
static enum pxs_status list_names(struct pxs_store *s, int64_t sweep_id, struct pxs_arena *arena,
                                  const char ***names, size_t *n, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    size_t room = 0;
    bool row;
    *n = 0;
    *names = NULL;
    if (sweep_id)
        PXS_TRY(pxs_store_first(s, PXS_ST_RUN_NAMES, PXS_ARGS(pxs_cell_int(sweep_id)), &stmt, &row,
                                err));
    else
        PXS_TRY(pxs_store_first(s, PXS_ST_SWEEP_NAMES, NULL, 0, &stmt, &row, err));
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && row) {
        char name[256];
        pxs_column_text(stmt, 0, name, sizeof name);
        if (*n == room) {
            room = room ? 2 * room : 64;
            const char **more = realloc(*names, room * sizeof *more);
            if (!more) {
                status = pxs_fail_nomem(err);
                break;
            }
            *names = more;
        }
        const char *copy = pxs_arena_strdup(arena, name);
        if (copy)
            (*names)[(*n)++] = copy;
        status = copy ? pxs_stmt_step(stmt, &row, err) : pxs_fail_nomem(err);
    }
    pxs_stmt_reset(stmt);
    return status;
}

/* Adds "; the nearest is lr/0003-lrgd-25-s0", within the sweep that was named; nothing where none
 * is near. */
static enum pxs_status add_nearest_run(struct pxs_store *s, const char *text, struct pxs_text *out,
                                       struct pxs_error *err) {
    const char *slash = strchr(text, '/'), *near = NULL;
    struct pxs_arena arena = {0};
    const char **names = NULL;
    char sweep[128];
    int64_t sweep_id = 0;
    size_t n = 0;
    snprintf(sweep, sizeof sweep, "%.*s", (int)(slash ? slash - text : 0), text);
    PXS_TRY(
        pxs_store_int(s, PXS_ST_SWEEP_BY_NAME, PXS_ARGS(pxs_cell_text(sweep)), 0, &sweep_id, err));
    enum pxs_status status = list_names(s, sweep_id, &arena, &names, &n, err);
    if (status == PXS_OK && n > 0)
        near = pxs_nearest_word(sweep_id || !slash ? text : sweep, names, n);
    if (near && strspn(text, "0123456789") < strlen(text))
        pxs_text_addf(out, "; the nearest %sis %s", sweep_id ? "" : "sweep ", near);
    free(names);
    pxs_arena_finish(&arena);
    return status;
}

static enum pxs_status fail_no_run(struct pxs_store *s, const char *text, const char *what,
                                   struct pxs_error *err) {
    struct pxs_text near = {0};
    int64_t any = 0;
    PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_RECENT, NULL, 0, 0, &any, err));
    if (!any)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "there is no %s %.100s: the database holds no runs yet", what, text);
    if (text[0] == '0' && text[1] != '\0' && strspn(text, "0123456789") == strlen(text))
        return pxs_fail(
            err, PXS_E_NOT_FOUND,
            "%.100s is a place in a sweep: say SWEEP/%.100s, or a run's number in `pixsweep ls`",
            text, text);
    enum pxs_status status = add_nearest_run(s, text, &near, err);
    if (status == PXS_OK)
        status = pxs_fail(err, PXS_E_NOT_FOUND, "there is no %s %.100s%s (`pixsweep ls` lists all)",
                          what, text, pxs_text_str(&near));
    pxs_text_finish(&near);
    return status;
}

static enum pxs_status fail_no_sweep(struct pxs_store *s, const char *name, struct pxs_error *err) {
    struct pxs_arena arena = {0};
    struct pxs_text listed = {0};
    const char **names = NULL, *near = NULL;
    size_t n = 0;
    enum pxs_status status = list_names(s, 0, &arena, &names, &n, err);
    if (status != PXS_OK)
        goto out;
    if (!name) {
        status = pxs_fail(err, PXS_E_NOT_FOUND,
                          "%s holds no sweep yet: `pixsweep run FILE` makes one", s->path);
        goto out;
    }
    for (size_t i = 0; i < n && i < 20; i++)
        pxs_text_addf(&listed, "%s%s", i ? ", " : "", names[i]);
    if (n > 20)
        pxs_text_addf(&listed, " and %zu more", n - 20);
    if (n > 1)
        near = pxs_nearest_word(name, names, n);
    status = pxs_fail(err, PXS_E_NOT_FOUND, "there is no sweep %.100s in %s (there %s: %s%s%s)",
                      name, s->path, n == 1 ? "is" : "are", n ? pxs_text_str(&listed) : "none",
                      near ? "; the nearest is " : "", near ? near : "");
out:
    free(names);
    pxs_arena_finish(&arena);
    pxs_text_finish(&listed);
    return status;
}

/* A run was found where a sweep is wanted, or a sweep where a run is: a sweep of one run is that
 * run. */
static enum pxs_status accept_other_kind(struct pxs_store *s, const struct pxs_store_target *found,
                                         const char *text, struct pxs_store_target *out,
                                         struct pxs_error *err) {
    struct pxs_store_run run;
    bool any = false;
    if (found->run_id) {
        PXS_TRY(pxs_store_run_by_id(s, found->run_id, &run, &any, err));
        if (!any || strcmp(text, run.name) == 0)
            return pxs_fail(err, PXS_E_INVALID, "%.100s is a run: name its sweep, %s", text,
                            any ? run.sweep : "");
        return pxs_fail(err, PXS_E_INVALID,
                        "%.100s is a run, %s: name its sweep, %s, or look at the run with "
                        "`pixsweep show %.100s`",
                        text, run.name, run.sweep, text);
    }
    struct pxs_store_run *runs = NULL;
    size_t n = 0;
    PXS_TRY(pxs_store_runs(s, found->sweep_id, &runs, &n, err));
    enum pxs_status status = PXS_OK;
    if (n == 1) {
        *out = (struct pxs_store_target){.sweep_id = found->sweep_id, .run_id = runs[0].run_id};
        snprintf(out->name, sizeof out->name, "%s", runs[0].name);
    } else {
        status = pxs_fail(err, PXS_E_INVALID,
                          "%.100s is a sweep of %zu runs: name one of them, %s%s%s/NUMBER", text, n,
                          n ? runs[0].name : "", n ? " or " : "", found->name);
    }
    free(runs);
    return status;
}

/* ---- together ------------------------------------------------------------------------------- */

/* "x/own.yaml" -> "own"; false where it is no experiment file's name. */
static bool stem_of(const char *text, char stem[128]) {
    const char *slash = strrchr(text, '/'), *base = slash ? slash + 1 : text,
               *dot = strrchr(base, '.');
    if (!dot || dot == base || (strcmp(dot, ".yaml") != 0 && strcmp(dot, ".yml") != 0))
        return false;
    snprintf(stem, 128, "%.*s", (int)(dot - base), base);
    return true;
}

/* What is neither a name nor a number: a folder, a file, the beginning of a name. */
static enum pxs_status find_loosely(struct pxs_store *s, const char *text, int as, struct hits *h,
                                    struct pxs_error *err) {
    char stem[128];
    struct wanted *w = calloc(1, sizeof *w);
    if (!w)
        return pxs_fail_nomem(err);
    *w = (struct wanted){.s = s, .text = text, .as = as};
    if (!pxs_path_absolute(w->path, sizeof w->path, text))
        w->path[0] = '\0';
    char *real = realpath(text, NULL), *folder = realpath(s->folder, NULL);
    snprintf(w->real_path, sizeof w->real_path, "%s", real ? real : "");
    snprintf(w->real_folder, sizeof w->real_folder, "%s", folder ? folder : s->folder);
    free(real);
    free(folder);

    enum pxs_status status = each_place(s, w, by_folder, h, err);
    if (status == PXS_OK && h->n == 0 && stem_of(text, stem))
        status = exact_sweep(s, stem, h, err);
    if (status == PXS_OK && h->n == 0 && strspn(text, "0123456789") < strlen(text))
        status = each_place(s, w, by_beginning, h, err);
    free(w);
    return status;
}

/* `text` may be the name of what is asked for, a run_id or SWEEP/NUMBER, a folder, or the beginning
 * of one name; a slash at its end makes a number a sweep's name. */
static enum pxs_status find(struct pxs_store *s, const char *text, int as,
                            struct pxs_store_target *out, struct pxs_error *err) {
    char word[PXS_PATH_MAX];
    struct hits h = {0};
    size_t n = strlen(text);
    PXS_TRY(pxs_store_refresh(s, err));
    while (n > 1 && text[n - 1] == '/')
        n--;
    const bool folder = n < strlen(text);

    if (n > 0 && n < sizeof word) {
        snprintf(word, sizeof word, "%.*s", (int)n, text);
        /* The kind that is asked for. */
        if ((as & AS_SWEEP) || folder)
            PXS_TRY(exact_sweep(s, word, &h, err));
        if ((as & AS_RUN) && !(folder && !strchr(word, '/')) && !(h.n && word[0] == '0'))
            PXS_TRY(exact_run(s, word, &h, err));
        if (h.n == 2)
            return pxs_fail(
                err, PXS_E_INVALID,
                "%s is a sweep, and the number of run %s: say %s/ for the sweep, or the run's name",
                word, h.first[1].name, word);
        /* The other kind, and what is no name. */
        if (h.n == 0 && !(as & AS_SWEEP))
            PXS_TRY(exact_sweep(s, word, &h, err));
        if (h.n == 0)
            PXS_TRY(find_loosely(s, word, as, &h, err));
        if (h.n == 0 && !(as & AS_RUN) && (strchr(word, '/') || !folder))
            PXS_TRY(exact_run(s, word, &h, err));
    }

    if (h.n > 1)
        return fail_ambiguous(text, &h, err);
    if (h.n == 0)
        return as == AS_SWEEP ? fail_no_sweep(s, text, err)
                              : fail_no_run(s, text, as == AS_RUN ? "run" : "run or sweep", err);
    if (!(as & (h.first[0].run_id ? AS_RUN : AS_SWEEP)))
        return accept_other_kind(s, &h.first[0], text, out, err);
    *out = h.first[0];
    return PXS_OK;
}

enum pxs_status pxs_store_find_run(struct pxs_store *s, const char *run, struct pxs_store_run *out,
                                   struct pxs_error *err) {
    struct pxs_store_target target;
    bool found = false;
    PXS_TRY(find(s, run, AS_RUN, &target, err));
    PXS_TRY(pxs_store_run_by_id(s, target.run_id, out, &found, err));
    return found ? PXS_OK : fail_no_run(s, run, "run", err);
}

enum pxs_status pxs_store_find_sweep(struct pxs_store *s, const char *name, int64_t *sweep_id,
                                     struct pxs_error *err) {
    struct pxs_store_target target = {0};
    if (name) {
        PXS_TRY(find(s, name, AS_SWEEP, &target, err));
    } else {
        PXS_TRY(pxs_store_refresh(s, err));
        PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_RECENT, NULL, 0, 0, &target.sweep_id, err));
        if (!target.sweep_id)
            return fail_no_sweep(s, NULL, err);
    }
    *sweep_id = target.sweep_id;
    return PXS_OK;
}

enum pxs_status pxs_store_find_target(struct pxs_store *s, const char *text,
                                      struct pxs_store_target *out, struct pxs_error *err) {
    return find(s, text, AS_SWEEP | AS_RUN, out, err);
}
