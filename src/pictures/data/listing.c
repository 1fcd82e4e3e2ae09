/* A data folder's pairs: which files there are, which are partners, and what cannot be used. */
#include "listing_priv.h"
#include "meant_priv.h"
#include "names_priv.h"
#include "pair_priv.h"
#include "unpaired_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* So many of a kind are named; the others are only counted. */
enum { NAMED = 5, NAMED_WITH_HINT = 3, NAMED_ALONE = 20 };

/* A folder's pictures, .npy files and those that are neither, in bytewise order, and whether it has
 * A/ and B/. */
struct entries {
    const char **pictures, **npy, **other;
    size_t n_pictures, n_npy, n_other;
    bool a, b;
};

/* What is passed over: how many, and the first names. */
struct passed {
    struct pxs_text names;
    size_t n;
};

struct lister {
    struct pxs_listing *listing;
    struct pxs_problems *problems;
    const char *root;
    struct pxs_tally tally; /* of this folder's files that cannot be used */
    struct passed litter;
    struct passed beside; /* pictures beside one of their name in a format that goes before */
};

static int by_name(const struct dirent **x, const struct dirent **y) {
    return strcmp((*x)->d_name, (*y)->d_name);
}

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* `dir` "": the data folder itself. */
static char *join(struct lister *l, const char *dir, const char *name) {
    return pxs_arena_printf(&l->listing->arena, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
}

/* A split's folder in messages. */
static const char *label(const struct pxs_folder *f) {
    return !f->where ? f->name : f->where[0] != '\0' ? f->where : ".";
}

static size_t stem_length(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name) : strlen(name);
}

static int by_stem(const void *x, const void *y) {
    const char *a = *(const char *const *)x, *b = *(const char *const *)y;
    size_t na = stem_length(a), nb = stem_length(b);
    int order = memcmp(a, b, na < nb ? na : nb);
    return order != 0 ? order : (na > nb) - (na < nb);
}

static int by_stem_and_rank(const void *x, const void *y) {
    const char *a = *(const char *const *)x, *b = *(const char *const *)y;
    int order = by_stem(x, y);
    return order != 0 ? order : pxs_image_rank(a) - pxs_image_rank(b);
}

/* ---- one folder ----------------------------------------------------------------------------- */

static void error_at(struct lister *l, const char *where, const char *name, const char *text) {
    const char *full = join(l, where, name);
    l->problems->failed |= !full;
    if (full)
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: %s", full, text);
}

static void bad_file(struct lister *l, const char *where, const char *name, const char *text) {
    char *full = join(l, where, name);
    l->problems->failed |= !full;
    if (full)
        pxs_tally_add(l->problems, &l->tally, full, text);
}

/* Reports a path that stat cannot follow, and where a link leads to. */
static void report_unreachable(struct lister *l, const char *where, const char *name,
                               const char *path) {
    char target[256], text[512];
    const int number = errno;
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) {
        snprintf(text, sizeof text, "cannot be read: %s", strerror(number));
    } else {
        target[n] = '\0';
        snprintf(text, sizeof text,
                 "a link to %s that leads nowhere (%s); copy the file itself, or remove the link",
                 target, strerror(number));
    }
    error_at(l, where, name, text);
}

/* Whether beside a picture that cannot be read there is one that can, under the same name but for
 * its ending. It was made of it, as a rule: `mogrify -format png` keeps the original. */
static bool has_picture_beside(struct lister *l, const char *name, const char *path) {
    const int stem = (int)stem_length(name);
    const size_t before = strlen(path) - strlen(name);
    char ending[16];
    struct stat st;
    for (size_t i = 0; pxs_image_ending(i, ending, sizeof ending); i++) {
        const char *other =
            pxs_arena_printf(&l->listing->arena, "%.*s.%s", (int)before + stem, path, ending);
        l->problems->failed |= !other;
        if (other && stat(other, &st) == 0)
            return true;
    }
    return false;
}

static void pass_over(struct passed *p, const char *where, const char *name, bool folder) {
    if (p->n++ < NAMED)
        pxs_text_addf(&p->names, "%s%s%s%s%s", p->names.len > 0 ? ", " : "", where,
                      where[0] != '\0' ? "/" : "", name, folder ? "/" : "");
}

/* Reports a file of another kind by its first bytes, which say more than its name. */
static void report_foreign(struct lister *l, const char *where, const char *name, const char *path,
                           bool picture) {
    struct pxs_error why;
    const char *dot = strrchr(name, '.');
    (void)pxs_sniff_refuse_file(path, PXS_WANTED_PICTURE, &why);
    if (why.status != PXS_E_CORRUPT || picture)
        bad_file(l, where, name, pxs_reason(why.message, path));
    else if (dot && strcasecmp(dot, ".npz") == 0)
        bad_file(l, where, name, "an archive of arrays; save its array with numpy.save as .npy");
    else
        bad_file(l, where, name,
                 "neither " PXS_PICTURE_WORDS
                 " nor a .npy file; remove it, or put a dot in front of its name");
}

static void add_folder(struct lister *l, const char *where, bool top, const char *name,
                       struct entries *e) {
    e->a |= top && strcmp(name, "A") == 0;
    e->b |= top && strcmp(name, "B") == 0;
    if (pxs_is_litter(name))
        pass_over(&l->litter, where, name, true);
    else if (name[0] != '.' && (!top || (strcmp(name, "A") != 0 && strcmp(name, "B") != 0)))
        error_at(l, where, name,
                 top && (strcmp(name, "a") == 0 || strcmp(name, "b") == 0)
                     ? "a folder that is not read; A/ and B/ are, in capitals: rename it"
                     : "a folder that is not read; only A/ and B/ are");
}

/* `where`: the folder relative to the root ("train", "train/A"); `top`: A/ and B/ may be in it. */
static void add_entry(struct lister *l, const char *where, bool top, const char *name,
                      struct entries *e) {
    struct stat st;
    char *folder = join(l, l->root, where), *path = folder ? join(l, folder, name) : NULL;
    char text[64];
    const char *kept = pxs_arena_strdup(&l->listing->arena, name);
    if (!path || !kept) {
        l->problems->failed = true;
        return;
    }
    const enum pxs_file_sort sort = pxs_file_sort(name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return;
    if (stat(path, &st) != 0) {
        if (sort != PXS_FILE_SKIP && sort != PXS_FILE_LITTER)
            report_unreachable(l, where, name, path);
    } else if (S_ISDIR(st.st_mode)) {
        add_folder(l, where, top, name, e);
    } else if (sort == PXS_FILE_LITTER) {
        pass_over(&l->litter, where, name, false);
    } else if (sort != PXS_FILE_SKIP && !S_ISREG(st.st_mode)) {
        snprintf(text, sizeof text, "%s, not a file; remove it",
                 S_ISFIFO(st.st_mode)   ? "a pipe"
                 : S_ISSOCK(st.st_mode) ? "a socket"
                                        : "a device");
        error_at(l, where, name, text);
    } else if (sort == PXS_FILE_PICTURE) {
        e->pictures[e->n_pictures++] = kept;
    } else if (sort == PXS_FILE_NPY) {
        e->npy[e->n_npy++] = kept;
    } else if (sort == PXS_FILE_FOREIGN && has_picture_beside(l, name, path)) {
        pass_over(&l->beside, where, name, false);
    } else if (sort != PXS_FILE_SKIP) {
        report_foreign(l, where, name, path, sort == PXS_FILE_FOREIGN);
        e->other[e->n_other++] = kept;
    }
}

/* Of pictures that have one name but for the ending, those of the first format stay. The others
 * were made of them, or they of the others. */
static void prefer(struct lister *l, const char *where, struct entries *e) {
    const char **sorted = pxs_arena_alloc(&l->listing->arena, (e->n_pictures + 1) * sizeof *sorted);
    size_t kept = 0;
    l->problems->failed |= !sorted;
    if (!sorted || e->n_pictures == 0)
        return;
    memcpy(sorted, e->pictures, e->n_pictures * sizeof *sorted);
    qsort(sorted, e->n_pictures, sizeof *sorted, by_stem_and_rank);
    for (size_t i = 0; i < e->n_pictures; i++) {
        const char *name = e->pictures[i];
        const char **first = bsearch(&name, sorted, e->n_pictures, sizeof *sorted, by_stem);
        while (first > sorted && by_stem(first - 1, first) == 0)
            first--;
        if (pxs_image_rank(*first) < pxs_image_rank(name))
            pass_over(&l->beside, where, name, false);
        else
            e->pictures[kept++] = name;
    }
    e->n_pictures = kept;
}

static bool read_entries(struct lister *l, const char *where, bool top, struct entries *e) {
    struct dirent **found;
    char *path = join(l, l->root, where);
    *e = (struct entries){0};
    int n = path ? scandir(path, &found, NULL, by_name) : -1;
    if (n < 0) {
        char limit[PXS_LIMIT_WORDS];
        const int number = errno;
        pxs_limit_words(number, limit);
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: cannot be listed: %s%s", where,
                        strerror(number), limit);
        return false;
    }
    e->pictures = pxs_arena_alloc(&l->listing->arena, ((size_t)n + 1) * sizeof *e->pictures);
    e->npy = pxs_arena_alloc(&l->listing->arena, ((size_t)n + 1) * sizeof *e->npy);
    e->other = pxs_arena_alloc(&l->listing->arena, ((size_t)n + 1) * sizeof *e->other);
    bool enough = e->pictures && e->npy && e->other;
    l->problems->failed |= !enough;
    for (int i = 0; i < n; i++) {
        if (enough)
            add_entry(l, where, top, found[i]->d_name, e);
        free(found[i]);
    }
    free(found);
    if (enough)
        prefer(l, where, e);
    pxs_tally_end(l->problems, &l->tally, where);
    return enough;
}

/* Makes room for n items; false when memory ran out. */
static bool reserve(struct lister *l, struct pxs_folder *f, size_t n) {
    f->items = pxs_arena_alloc(&l->listing->arena, (n + 1) * sizeof *f->items);
    l->problems->failed |= !f->items;
    return f->items;
}

static void add_item(struct lister *l, struct pxs_folder *f, const char *name,
                     const char *partner) {
    struct pxs_item item = {.kind = f->kind,
                            .name = name,
                            .name_b = partner,
                            .path = name ? join(l, l->root, name) : NULL};
    if (partner)
        item.path_b = join(l, l->root, partner);
    if (!item.path || (f->kind == PXS_KIND_AB && !item.path_b)) {
        l->problems->failed = true;
        return;
    }
    if (f->kind == PXS_KIND_NPY) {
        struct pxs_error why;
        if (pxs_array_open(item.path, &item.array, &why) != PXS_OK) {
            pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: %s", name,
                            pxs_reason(why.message, item.path));
            return;
        }
        f->pairs += item.array.pairs;
    } else {
        f->pairs++;
    }
    f->items[f->n++] = item;
}

/* Pictures of one folder and format that share a stem ("x.png", "x.PNG") have no single partner. */
static void report_shared_stems(struct lister *l, const char *where, const char *const *sorted,
                                size_t n) {
    for (size_t i = 1; i < n; i++)
        if (by_stem(&sorted[i - 1], &sorted[i]) == 0)
            pxs_problem_add(l->problems, PXS_PROBLEM_ERROR,
                            "%s/%s: %s beside it has the same name but for its ending; remove one "
                            "of them, or give one another name, and its partner the same",
                            where, sorted[i], sorted[i - 1]);
}

static bool has_stem(const char *const *sorted, size_t n, const char *name) {
    return bsearch(&name, sorted, n, sizeof *sorted, by_stem);
}

/* Names of `from` that `other` has no picture for; a picture of another format has been reported
 * already. */
static bool find_lone(struct lister *l, const struct entries *from, const struct entries *other,
                      struct pxs_names *out) {
    const char **lone = pxs_arena_alloc(&l->listing->arena, (from->n_pictures + 1) * sizeof *lone);
    *out = (struct pxs_names){.name = lone};
    if (!lone)
        return false;
    for (size_t i = 0; i < from->n_pictures; i++)
        if (!has_stem(other->pictures, other->n_pictures, from->pictures[i]) &&
            !has_stem(other->other, other->n_other, from->pictures[i]))
            lone[out->n++] = from->pictures[i];
    return true;
}

/* Where the names nearly match, a few of them and the remedy are enough. `all`: no picture of
 * either side has a partner. */
static void report_lone(struct lister *l, const struct pxs_folder *f,
                        const struct pxs_names lone[2], bool all) {
    struct pxs_text hint = {0};
    const char *folder[2] = {join(l, l->root, f->side[0]), join(l, l->root, f->side[1])};
    bool near = folder[0] && folder[1] && pxs_unpaired_hint(folder, lone, &hint);
    size_t named = near ? NAMED_WITH_HINT : NAMED_ALONE;
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < lone[s].n && i < named; i++)
            pxs_problem_add(l->problems, PXS_PROBLEM_ERROR,
                            "%s/%s: has no partner in %s; add it, or take this one away",
                            f->side[s], lone[s].name[i], f->side[1 - s]);
        if (lone[s].n > named)
            pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: %zu more have no partner in %s",
                            f->side[s], lone[s].n - named, f->side[1 - s]);
    }
    if (near)
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: %s", label(f), pxs_text_str(&hint));
    else if (all)
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR,
                        "%s: no picture has a partner of its name; two sets of unrelated pictures "
                        "(CycleGAN's) cannot train pix2pix",
                        label(f));
    l->problems->failed |= hint.failed || !folder[0] || !folder[1];
    pxs_text_finish(&hint);
}

/* `a` keeps the order of names; `b` is sorted by stem for looking up. */
static void match(struct lister *l, struct pxs_folder *f, struct entries *a, struct entries *b) {
    const char **sorted_a =
        pxs_arena_alloc(&l->listing->arena, (a->n_pictures + 1) * sizeof *sorted_a);
    if (!sorted_a || !reserve(l, f, a->n_pictures)) {
        l->problems->failed = true;
        return;
    }
    memcpy(sorted_a, a->pictures, a->n_pictures * sizeof *sorted_a);
    qsort(sorted_a, a->n_pictures, sizeof *sorted_a, by_stem);
    qsort(b->pictures, b->n_pictures, sizeof *b->pictures, by_stem);
    report_shared_stems(l, f->side[0], sorted_a, a->n_pictures);
    report_shared_stems(l, f->side[1], b->pictures, b->n_pictures);
    qsort(a->other, a->n_other, sizeof *a->other, by_stem);
    qsort(b->other, b->n_other, sizeof *b->other, by_stem);
    const struct entries by_stem_a = {.pictures = sorted_a,
                                      .n_pictures = a->n_pictures,
                                      .other = a->other,
                                      .n_other = a->n_other};
    struct pxs_names lone[2];
    if (!find_lone(l, a, b, &lone[0]) || !find_lone(l, b, &by_stem_a, &lone[1])) {
        l->problems->failed = true;
        return;
    }
    report_lone(l, f, lone,
                lone[0].n > 0 && lone[1].n > 0 && lone[0].n == a->n_pictures &&
                    lone[1].n == b->n_pictures);
    for (size_t i = 0; i < a->n_pictures; i++) {
        const char **partner =
            bsearch(&a->pictures[i], b->pictures, b->n_pictures, sizeof *b->pictures, by_stem);
        if (partner)
            add_item(l, f, join(l, f->side[0], a->pictures[i]), join(l, f->side[1], *partner));
    }
}

static void list_ab(struct lister *l, struct pxs_folder *f, const bool there[2]) {
    struct entries e[2];
    bool read = true;
    for (int i = 0; i < 2; i++) {
        if (!f->side[0] || !f->side[1] || !there[i]) {
            const char *const letters[] = {"A", "B"}, *const *names = f->where ? letters : f->side;
            l->problems->failed |= !f->side[0] || !f->side[1];
            pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: has %s/ but not %s/", label(f),
                            names[1 - i], names[i]);
            return;
        }
        read = read_entries(l, f->side[i], false, &e[i]) && read;
        for (size_t k = 0; k < e[i].n_npy; k++)
            pxs_problem_add(l->problems, PXS_PROBLEM_ERROR,
                            "%s/%s: A/ and B/ hold pictures; a .npy of pairs belongs into %s/",
                            f->side[i], e[i].npy[k], f->name);
    }
    if (read)
        match(l, f, &e[0], &e[1]);
}

/* "x_A.png" and "x_B.png" beside each other, for most pictures of a folder: no pairs side by side.
 */
static void report_suffixes(struct lister *l, const struct pxs_folder *f, const struct entries *e) {
    size_t n = 0;
    const char *first = NULL;
    for (size_t i = 0; i < e->n_pictures; i++) {
        const char *name = e->pictures[i], **found;
        const size_t stem = stem_length(name);
        if (stem < 3 || !strchr("_-", name[stem - 2]) || !strchr("Aa", name[stem - 1]))
            continue;
        char *partner = pxs_arena_strdup(&l->listing->arena, name);
        if (!partner) {
            l->problems->failed = true;
            return;
        }
        partner[stem - 1]++; /* A to B */
        found = bsearch(&partner, e->pictures, e->n_pictures, sizeof *e->pictures, by_stem);
        n += found ? 1 : 0;
        first = first || !found ? first : name;
    }
    if (n == 0 || 4 * n < e->n_pictures)
        return;
    struct pxs_text command = {0};
    pxs_text_add_command(&command, "pixsweep data pairs --a %s --b %s --out %s-pairs", l->root,
                         l->root, l->root);
    pxs_problem_add(l->problems, PXS_PROBLEM_ERROR,
                    "%s: %zu pictures have a partner beside them, such as %s and its _B: each "
                    "picture here is taken for a whole pair; this makes pairs of them: %s",
                    label(f), n, first, pxs_text_str(&command));
    l->problems->failed |= command.failed;
    pxs_text_finish(&command);
}

static void list_folder(struct lister *l, struct pxs_folder *f) {
    struct entries e;
    if (!read_entries(l, f->where, true, &e))
        return;
    int kinds = (e.n_pictures > 0) + (e.n_npy > 0) + (e.a || e.b);
    if (kinds > 1) {
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR,
                        "%s: holds%s%s%s but a split is of one kind: leave the one to use in %s/ "
                        "and move the rest out",
                        label(f), e.n_pictures > 0 ? " pictures," : "",
                        e.n_npy > 0 ? " .npy files," : "", e.a || e.b ? " A/ or B/," : "",
                        label(f));
    }
    /* Looking goes on after that error, to find what else is wrong. */
    f->kind = e.n_pictures > 0 ? PXS_KIND_PAIR
              : e.n_npy > 0    ? PXS_KIND_NPY
              : kinds > 0      ? PXS_KIND_AB
                               : PXS_KIND_NONE;
    size_t before = l->problems->count[PXS_PROBLEM_ERROR];
    if (f->kind == PXS_KIND_AB) {
        for (int i = 0; i < 2; i++)
            f->side[i] = join(l, f->where, i == 0 ? "A" : "B");
        list_ab(l, f, (bool[]){e.a, e.b});
    } else {
        size_t n = f->kind == PXS_KIND_PAIR ? e.n_pictures : e.n_npy;
        if (f->kind == PXS_KIND_PAIR)
            report_suffixes(l, f, &e);
        bool room = reserve(l, f, n);
        for (size_t i = 0; i < n && room; i++)
            add_item(l, f, join(l, f->where, f->kind == PXS_KIND_PAIR ? e.pictures[i] : e.npy[i]),
                     NULL);
    }
    struct pxs_text sides = {0};
    if (kinds == 0 && pxs_meant_sides(l->root, f->where, &sides))
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: %s", label(f), pxs_text_str(&sides));
    else if (f->pairs == 0 && l->problems->count[PXS_PROBLEM_ERROR] == before)
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s: holds no pairs", label(f));
    l->problems->failed |= sides.failed;
    pxs_text_finish(&sides);
}

/* A split that lies in two folders beside those of the other one. */
static void list_sides(struct lister *l, struct pxs_folder *f) {
    bool there[2];
    f->kind = PXS_KIND_AB;
    for (int i = 0; i < 2; i++) {
        const char *path = join(l, l->root, f->side[i]);
        l->problems->failed |= !path;
        there[i] = path && is_folder(path);
    }
    size_t before = l->problems->count[PXS_PROBLEM_ERROR];
    list_ab(l, f, there);
    if (f->pairs == 0 && l->problems->count[PXS_PROBLEM_ERROR] == before)
        pxs_problem_add(l->problems, PXS_PROBLEM_ERROR, "%s/ and %s/: hold no pairs", f->side[0],
                        f->side[1]);
}

/* Splits under names that are not read: the user may believe that they are. */
static void note_other_names(struct lister *l) {
    static const char *const names[] = {"val", "test", "valid", "validation",
                                        "dev", "eval", "Val",   "VAL"};
    char a[PXS_PATH_MAX], b[PXS_PATH_MAX];
    struct stat st;
    char *val = join(l, l->root, "val");
    if (val && !l->listing->folder[PXS_SPLIT_VAL].exists && lstat(val, &st) == 0)
        pxs_problem_add(l->problems, PXS_PROBLEM_NOTE,
                        "val is not read, since it is %s: val_fraction of train/ is used",
                        S_ISLNK(st.st_mode) ? "a link that leads to no folder" : "no folder");
    for (size_t i = 0; i < PXS_COUNT(names) && !l->listing->folder[PXS_SPLIT_VAL].exists; i++) {
        char *path = join(l, l->root, names[i]);
        if (pxs_meant_split(l->root, names[i], a, b))
            pxs_problem_add(
                l->problems, PXS_PROBLEM_NOTE,
                "%s/ and %s/ are not read: validation pairs lie in val/A/ and val/B/ (without "
                "them, val_fraction of train/ is used)",
                a, b);
        if (path && is_folder(path))
            pxs_problem_add(
                l->problems, PXS_PROBLEM_NOTE,
                "%s/ is not read: the validation split is called val/ (without it, val_fraction "
                "of train/ is used)",
                names[i]);
    }
}

static void report_passed(struct pxs_problems *problems, struct passed *p,
                          enum pxs_problem_kind kind, const char *why) {
    if (p->n > NAMED)
        pxs_text_addf(&p->names, " and %zu more", p->n - NAMED);
    if (p->n > 0)
        pxs_problem_add(problems, kind, "passed over: %s (%s)", pxs_text_str(&p->names), why);
    problems->failed |= p->names.failed;
    pxs_text_finish(&p->names);
}

/* Where the two splits lie: in train/ and val/, as another project lays them out, or in the data
 * folder itself. */
static enum pxs_status find_splits(struct lister *l, struct pxs_error *err) {
    static const char *const names[] = {"train", "val"};
    struct pxs_folder *folder = l->listing->folder;
    struct pxs_layout layout;
    for (int i = 0; i < 2; i++) {
        const char *path = join(l, l->root, names[i]);
        if (!path)
            return pxs_fail_nomem(err);
        folder[i] =
            (struct pxs_folder){.exists = is_folder(path), .name = names[i], .where = names[i]};
    }
    if (folder[PXS_SPLIT_TRAIN].exists)
        return PXS_OK;
    PXS_TRY(pxs_meant_folder(l->root, &layout, err));
    folder[PXS_SPLIT_TRAIN].exists = true;
    folder[PXS_SPLIT_TRAIN].where = layout.flat ? "" : NULL;
    folder[PXS_SPLIT_VAL].exists = layout.splits == 2;
    folder[PXS_SPLIT_VAL].where = NULL;
    for (int i = 0; i < layout.splits; i++)
        for (int side = 0; side < 2; side++)
            if (!(folder[i].side[side] =
                      pxs_arena_strdup(&l->listing->arena, layout.side[i][side])))
                return pxs_fail_nomem(err);
    if (layout.note[0] != '\0')
        pxs_problem_add(l->problems, layout.test_validates ? PXS_PROBLEM_NOTE : PXS_PROBLEM_INFO,
                        "%s", layout.note);
    return PXS_OK;
}

enum pxs_status pxs_list(const char *path, struct pxs_listing *listing,
                         struct pxs_problems *problems, struct pxs_error *err) {
    struct stat st;
    if (stat(path, &st) != 0)
        return pxs_fail_errno(err, "no dataset at %s", path);
    if (!S_ISDIR(st.st_mode))
        return pxs_meant_file(path, err);
    struct lister l = {.listing = listing, .problems = problems, .root = path};
    PXS_TRY(find_splits(&l, err));
    for (int i = 0; i < 2; i++) {
        if (!listing->folder[i].exists)
            continue;
        if (listing->folder[i].where)
            list_folder(&l, &listing->folder[i]);
        else
            list_sides(&l, &listing->folder[i]);
    }
    if (listing->folder[PXS_SPLIT_TRAIN].where)
        note_other_names(&l);
    PXS_TRY(pxs_array_find_scale(listing, err));
    report_passed(
        problems, &l.beside, PXS_PROBLEM_NOTE,
        "each has a picture of the same name beside it, which is used: PNG goes before TIFF, TIFF "
        "before JPEG, and these before what is not read; to use both, give one another name");
    report_passed(problems, &l.litter, PXS_PROBLEM_INFO,
                  "left by a NAS, an archive tool or the system");
    return problems->failed ? pxs_fail_nomem(err) : PXS_OK;
}

void pxs_listing_finish(struct pxs_listing *listing) {
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < listing->folder[i].n; k++)
            if (listing->folder[i].kind == PXS_KIND_NPY)
                pxs_npy_finish(&listing->folder[i].items[k].array.npy);
    pxs_arena_finish(&listing->arena);
    *listing = (struct pxs_listing){0};
}
