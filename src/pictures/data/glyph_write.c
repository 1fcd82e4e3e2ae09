/* The folder of a glyph set: written beside its place, then renamed as a whole. */
#include "glyph_priv.h"
#include "folder_priv.h"
#include "pixsweep/image.h"
#include "pixsweep/tensor.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

void pxs_glyph_identity(const struct pxs_glyphs_spec *spec, const struct pxs_glyph_set *set,
                        struct pxs_text *out) {
    pxs_text_addf(out, "pixsweep glyphs 1\nsource: %s\ntarget: %s\n",
                  pxs_font_identity(set->source), pxs_font_identity(set->target));
    pxs_text_addf(out, "characters: %zu, sha256 %s\n", set->chars.n, set->chars.sha256);
    pxs_text_addf(out, "train: %d\nval: %d\nsize: %d\nseed: %llu\nformat: %s\n\n", spec->train,
                  spec->val, spec->size, (unsigned long long)spec->seed, spec->npy ? "npy" : "png");
}

/* ---- what is there already ------------------------------------------------------------------ */

/* Visible entries of out/<split>; 0 where there is no such folder. */
static size_t count_entries(const char *out, const char *split) {
    char path[PATH_SIZE];
    size_t n = 0;
    DIR *dir = pxs_path_join(path, sizeof path, out, split) ? opendir(path) : NULL;
    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static enum pxs_status check_complete(const struct pxs_glyphs_spec *spec, struct pxs_error *err) {
    const char *names[] = {"train", "val"};
    int pairs[] = {spec->train, spec->val};
    for (int i = 0; i < 2; i++) {
        size_t wanted = spec->npy ? pairs[i] > 0 : (size_t)pairs[i],
               there = count_entries(spec->out, names[i]);
        if (there != wanted)
            return pxs_fail(err, PXS_E_EXISTS,
                            "%s was changed after it was rendered: %s/ holds %zu files, not %zu; "
                            "remove the folder to render it again",
                            spec->out, names[i], there, wanted);
    }
    return PXS_OK;
}

/* The first line of `there` that is not as in `wanted`, for the message. */
static void differing_line(const char *there, const char *wanted, char *a, char *b, size_t size) {
    const char *line_a = there, *line_b = wanted;
    for (; *there != '\0' && *there == *wanted; there++, wanted++)
        if (*there == '\n') {
            line_a = there + 1;
            line_b = wanted + 1;
        }
    snprintf(a, size, "%.*s", (int)strcspn(line_a, "\n"), line_a);
    snprintf(b, size, "%.*s", (int)strcspn(line_b, "\n"), line_b);
}

static bool is_empty_folder(const char *path) {
    DIR *dir = opendir(path);
    bool empty = dir;
    for (struct dirent *e; empty && (e = readdir(dir)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (dir)
        closedir(dir);
    return empty;
}

enum pxs_status pxs_glyph_find(const struct pxs_glyphs_spec *spec, const char *identity,
                               bool *there, struct pxs_error *err) {
    char path[PATH_SIZE], *text, was[200], now[200];
    size_t bytes;
    *there = false;
    struct stat st;
    if ((lstat(spec->out, &st) != 0 && errno == ENOENT) || is_empty_folder(spec->out))
        return PXS_OK;
    if (!pxs_path_join(path, sizeof path, spec->out, "glyphs.txt"))
        return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", spec->out);
    if (pxs_read_file(path, (size_t)64 << 20, &text, &bytes, NULL) != PXS_OK)
        return pxs_fail(err, PXS_E_EXISTS,
                        "%s exists and is no rendered glyph set; choose another --out or remove it",
                        spec->out);
    bool same = strncmp(text, identity, strlen(identity)) == 0;
    if (!same)
        differing_line(text, identity, was, now, sizeof was);
    free(text);
    if (!same)
        return pxs_fail(err, PXS_E_EXISTS,
                        "%s holds another glyph set (there: '%s', now: '%s'); choose another --out "
                        "or remove it",
                        spec->out, was, now);
    *there = true;
    return check_complete(spec, err);
}

/* ---- writing -------------------------------------------------------------------------------- */

struct drawing {
    const struct pxs_glyphs_spec *spec;
    const struct pxs_glyph_set *set;
    const char *dir;       /* the temporary folder */
    struct pxs_image pair; /* 2 size x size, RGB */
    uint8_t *cell;         /* size x size, grey */
    int written;           /* pairs, for the meter */
};

static enum pxs_status draw_half(struct drawing *d, struct pxs_font *font, uint32_t glyph, int left,
                                 struct pxs_error *err) {
    int size = d->spec->size;
    PXS_TRY(pxs_font_render(font, glyph, d->set->em_pixels, d->set->baseline, size, d->cell, err));
    for (int y = 0; y < size; y++) {
        uint8_t *to = d->pair.pixels + ((size_t)y * (size_t)(2 * size) + (size_t)left) * 3;
        for (int x = 0; x < size; x++, to += 3)
            memset(to, d->cell[y * size + x], 3);
    }
    return PXS_OK;
}

/* Target left, source right, as direction BtoA reads it (docs/contracts.md, Training semantics). */
static enum pxs_status draw_pair(struct drawing *d, const struct pxs_glyph_pair *pair,
                                 struct pxs_error *err) {
    if (d->spec->stop && atomic_load(&d->spec->stop->signal) != 0)
        return pxs_fail(err, PXS_E_STOPPED, "stopped while rendering; nothing was left behind");
    PXS_TRY(draw_half(d, d->set->target, pair->target, 0, err));
    return draw_half(d, d->set->source, pair->source, d->spec->size, err);
}

static enum pxs_status write_pngs(struct drawing *d, const char *split,
                                  const struct pxs_glyph_pair *pairs, int n,
                                  struct pxs_error *err) {
    char path[PATH_SIZE + 128];
    for (int i = 0; i < n; i++) {
        void *data;
        size_t bytes;
        pxs_meter_tell(d->spec->meter, "writing pairs", (double)d->written++,
                       (double)(d->spec->train + d->spec->val));
        PXS_TRY(draw_pair(d, &pairs[i], err));
        PXS_TRY(pxs_image_encode_png(&d->pair, &data, &bytes, err));
        snprintf(path, sizeof path, n > 9999 ? "%s/%s/%07d-U+%04X.png" : "%s/%s/%04d-U+%04X.png",
                 d->dir, split, i + 1, pairs[i].code);
        FILE *file = fopen(path, "wbx");
        enum pxs_status status =
            pxs_finish_plain(file, path, file && fwrite(data, 1, bytes, file) == bytes, err);
        free(data);
        PXS_TRY(status);
    }
    return PXS_OK;
}

static enum pxs_status write_npy(struct drawing *d, const char *split,
                                 const struct pxs_glyph_pair *pairs, int n, struct pxs_error *err) {
    const size_t bytes = (size_t)d->spec->size * (size_t)d->spec->size * 6;
    char path[PATH_SIZE + 128];
    struct pxs_npy_writer w;
    int64_t dims[] = {n, d->spec->size, 2 * d->spec->size, 3};
    snprintf(path, sizeof path, "%s/%s/glyphs.npy", d->dir, split);
    PXS_TRY(pxs_npy_write_open(&w, path, PXS_NPY_U1, 4, dims, err));
    enum pxs_status status = PXS_OK;
    for (int i = 0; i < n && status == PXS_OK; i++) {
        pxs_meter_tell(d->spec->meter, "writing pairs", (double)d->written++,
                       (double)(d->spec->train + d->spec->val));
        status = draw_pair(d, &pairs[i], err);
        if (status == PXS_OK)
            status = pxs_npy_write_put(&w, d->pair.pixels, bytes, err);
    }
    if (status == PXS_OK)
        return pxs_npy_write_commit(&w, err);
    pxs_npy_write_abandon(&w);
    return status;
}

static enum pxs_status write_split(struct drawing *d, const char *split,
                                   const struct pxs_glyph_pair *pairs, int n,
                                   struct pxs_error *err) {
    char path[PATH_SIZE + 128];
    if (n == 0)
        return PXS_OK; /* no empty val/: it would be an error to load */
    snprintf(path, sizeof path, "%s/%s", d->dir, split);
    if (mkdir(path, 0777) != 0)
        return pxs_fail_errno(err, "cannot make %s", path);
    return d->spec->npy ? write_npy(d, split, pairs, n, err) : write_pngs(d, split, pairs, n, err);
}

static void add_characters(struct pxs_text *t, const char *label,
                           const struct pxs_glyph_pair *pairs, int n) {
    pxs_text_addf(t, "%s: ", label);
    for (int i = 0; i < n; i++) {
        char utf8[5];
        pxs_utf8_put(utf8, pairs[i].code);
        pxs_text_add(t, utf8);
    }
    pxs_text_add(t, "\n");
}

/* glyphs.txt: what decides the content, then what came of it. */
static enum pxs_status write_notes(const struct drawing *d, const char *identity,
                                   struct pxs_error *err) {
    char path[PATH_SIZE + 128];
    struct pxs_text t = {0};
    const struct pxs_glyph_pair *pairs = d->set->pairs;
    pxs_text_add(&t, identity);
    pxs_text_addf(&t, "em: %.2f pixels\nbaseline: %.2f\nleft: target\nright: source\n",
                  d->set->em_pixels, d->set->baseline);
    add_characters(&t, "train characters", pairs, d->spec->train);
    add_characters(&t, "val characters", pairs + d->spec->train, d->spec->val);
    snprintf(path, sizeof path, "%s/glyphs.txt", d->dir);
    FILE *file = t.failed ? NULL : fopen(path, "wbx");
    enum pxs_status status =
        t.failed
            ? pxs_fail_nomem(err)
            : pxs_finish_plain(file, path, file && fwrite(t.text, 1, t.len, file) == t.len, err);
    pxs_text_finish(&t);
    return status;
}

static enum pxs_status fill(struct drawing *d, const char *identity, struct pxs_error *err) {
    const struct pxs_glyph_pair *pairs = d->set->pairs;
    d->cell = malloc((size_t)d->spec->size * (size_t)d->spec->size);
    if (!d->cell)
        return pxs_fail_nomem(err);
    PXS_TRY(pxs_image_create(&d->pair, 2 * d->spec->size, d->spec->size, 3, err));
    PXS_TRY(write_split(d, "train", pairs, d->spec->train, err));
    PXS_TRY(write_split(d, "val", pairs + d->spec->train, d->spec->val, err));
    return write_notes(d, identity, err);
}

enum pxs_status pxs_glyph_write(const struct pxs_glyphs_spec *spec, const struct pxs_glyph_set *set,
                                const char *identity, struct pxs_error *err) {
    char out[PATH_SIZE], parent[PATH_SIZE], temp[PATH_SIZE + 32];
    if (!pxs_path_absolute(out, sizeof out, spec->out))
        return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", spec->out);
    pxs_path_dir(parent, sizeof parent, out);
    PXS_TRY(pxs_make_dirs(parent, err));
    snprintf(temp, sizeof temp, "%s.tmp.%d", out, (int)getpid());
    if (mkdir(temp, 0777) != 0)
        return pxs_fail_errno(err, "cannot make %s", temp);
    struct drawing d = {.spec = spec, .set = set, .dir = temp};
    enum pxs_status status = fill(&d, identity, err);
    if (status == PXS_OK)
        status = pxs_folder_publish(temp, out, err);
    if (status != PXS_OK)
        pxs_folder_remove(temp);
    free(d.cell);
    pxs_image_finish(&d.pair);
    return status;
}
