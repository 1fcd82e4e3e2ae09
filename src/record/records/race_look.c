/* A judged look of a race as a file. */
#include "pixsweep/records/race_look.h"
#include "pixsweep/base/json.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, LOOK_MAX = 16 << 20, LABEL_MAX = 1 << 16, ID_DIGITS = 12 };

static enum pxs_status path_of(const char *dir, const char *race, int look, char path[PXS_PATH_MAX],
                               struct pxs_error *err) {
    char name[64];
    snprintf(name, sizeof name, PXS_RACE_FOLDER "/%.12s-%02d.json", race, look);
    return pxs_path_join(path, PXS_PATH_MAX, dir, name)
               ? PXS_OK
               : pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void print_entry(const struct pxs_race_entry *e, struct pxs_json_writer *w) {
    pxs_json_put_object(w, NULL);
    pxs_json_put_string(w, "config_hash", e->config_hash);
    pxs_json_put_string(w, "label", e->label ? e->label : "");
    pxs_json_put_string(w, "decision", pxs_race_decision_name(e->decision));
    pxs_json_put_int(w, "n", (int64_t)e->n);
    pxs_json_put_int(w, "diverged", (int64_t)e->diverged);
    pxs_json_put_int(w, "pairs", (int64_t)e->pairs);
    pxs_json_put_double(w, "mean", e->mean);
    pxs_json_put_double(w, "difference", e->difference);
    pxs_json_put_double(w, "low", e->low);
    pxs_json_put_double(w, "high", e->high);
    pxs_json_end(w);
}

enum pxs_status pxs_race_look_write(const char *dir, const struct pxs_race_record *look,
                                    struct pxs_error *err) {
    char path[PXS_PATH_MAX], folder[PXS_PATH_MAX];
    struct pxs_text text = {0};
    struct pxs_json_writer w = {.out = &text, .indent = 1};
    PXS_TRY(path_of(dir, look->race, look->look, path, err));
    if (!pxs_path_dir(folder, sizeof folder, path))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(pxs_make_dirs(folder, err));
    pxs_json_put_object(&w, NULL);
    pxs_json_put_int(&w, "version", VERSION);
    pxs_json_put_string(&w, "race", look->race);
    pxs_json_put_int(&w, "look", look->look);
    pxs_json_put_int(&w, "seeds", look->seeds);
    pxs_json_put_string(&w, "metric", look->metric);
    pxs_json_put_double(&w, "level", look->level);
    pxs_json_put_double(&w, "penalty", look->penalty);
    pxs_json_put_array(&w, "configurations");
    for (size_t i = 0; i < look->n; i++)
        print_entry(&look->entries[i], &w);
    pxs_json_end(&w);
    pxs_json_end(&w);
    pxs_text_add(&text, "\n");
    enum pxs_status status = pxs_json_finish(&w, err);
    if (status == PXS_OK)
        status = pxs_write_first(path, pxs_text_str(&text), text.len, err);
    pxs_text_finish(&text);
    if (status == PXS_OK || status == PXS_E_EXISTS)
        pxs_remove_temps(folder); /* half-written ones of this look are of no use any more */
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum pxs_status get_int(struct pxs_json object, const char *key, int64_t low, int64_t high,
                               int64_t *out, struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    PXS_TRY(pxs_json_int(value, out, err));
    if (*out < low || *out > high)
        return pxs_json_fail(value, err, "must be from %lld to %lld", (long long)low,
                             (long long)high);
    return PXS_OK;
}

static enum pxs_status get_size(struct pxs_json object, const char *key, size_t most, size_t *out,
                                struct pxs_error *err) {
    int64_t number;
    PXS_TRY(get_int(object, key, 0, (int64_t)most, &number, err));
    *out = (size_t)number;
    return PXS_OK;
}

static enum pxs_status get_real(struct pxs_json object, const char *key, double none, double *out,
                                struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    *out = none;
    return pxs_json_type(value) == PXS_JSON_NULL ? PXS_OK : pxs_json_double(value, out, err);
}

static enum pxs_status get_chars(struct pxs_json object, const char *key, char *out, size_t size,
                                 struct pxs_error *err) {
    const char *text;
    PXS_TRY(pxs_json_get_string(object, key, &text, err));
    if ((size_t)snprintf(out, size, "%s", text) >= size)
        return pxs_json_fail(object, err, "has a %s that is too long", key);
    return PXS_OK;
}

static enum pxs_status read_entry(struct pxs_json object, size_t seeds, struct pxs_arena *labels,
                                  struct pxs_race_entry *e, struct pxs_error *err) {
    char decision[16];
    const char *label;
    PXS_TRY(get_chars(object, "config_hash", e->config_hash, sizeof e->config_hash, err));
    PXS_TRY(pxs_json_get_string(object, "label", &label, err));
    if (strlen(label) > LABEL_MAX)
        return pxs_json_fail(object, err, "has a label that is too long");
    if (!(e->label = pxs_arena_strdup(labels, label)))
        return pxs_fail_nomem(err);
    PXS_TRY(get_chars(object, "decision", decision, sizeof decision, err));
    PXS_TRY(get_size(object, "n", seeds, &e->n, err));
    PXS_TRY(get_size(object, "diverged", e->n, &e->diverged, err));
    PXS_TRY(get_size(object, "pairs", e->n, &e->pairs, err));
    PXS_TRY(get_real(object, "mean", NAN, &e->mean, err));
    PXS_TRY(get_real(object, "difference", NAN, &e->difference, err));
    PXS_TRY(get_real(object, "low", -INFINITY, &e->low, err));
    PXS_TRY(get_real(object, "high", INFINITY, &e->high, err));
    if (strlen(e->config_hash) != sizeof e->config_hash - 1 ||
        strspn(e->config_hash, "0123456789abcdef") != sizeof e->config_hash - 1)
        return pxs_json_fail(object, err, "has a config_hash that is no sha256");
    for (e->decision = PXS_RACE_LEADS; e->decision <= PXS_RACE_DROPPED; e->decision++)
        if (strcmp(decision, pxs_race_decision_name(e->decision)) == 0)
            return PXS_OK;
    return pxs_json_fail(object, err, "has an unknown decision");
}

static enum pxs_status read_look(struct pxs_json root, struct pxs_race_record *out,
                                 struct pxs_error *err) {
    struct pxs_json list, one;
    int64_t version, look, seeds;
    size_t leaders = 0, left = 0;
    PXS_TRY(get_int(root, "version", VERSION, VERSION, &version, err));
    PXS_TRY(get_chars(root, "race", out->race, sizeof out->race, err));
    PXS_TRY(get_int(root, "look", 1, PXS_RACE_LOOKS_MOST, &look, err));
    PXS_TRY(get_int(root, "seeds", 1, PXS_RACE_SEEDS_MOST, &seeds, err));
    PXS_TRY(get_chars(root, "metric", out->metric, sizeof out->metric, err));
    PXS_TRY(get_real(root, "level", NAN, &out->level, err));
    PXS_TRY(get_real(root, "penalty", NAN, &out->penalty, err));
    PXS_TRY(pxs_json_get(root, "configurations", &list, err));
    PXS_TRY(pxs_json_expect(list, PXS_JSON_ARRAY, err));
    out->look = (int)look;
    out->seeds = (int)seeds;
    out->entries = calloc(pxs_json_count(list) + 1, sizeof *out->entries);
    if (!out->entries)
        return pxs_fail_nomem(err);
    for (bool more = pxs_json_first(list, &one); more; more = pxs_json_next(&one)) {
        struct pxs_race_entry *e = &out->entries[out->n++];
        PXS_TRY(read_entry(one, (size_t)seeds, &out->labels, e, err));
        leaders += e->decision == PXS_RACE_LEADS;
        left += e->decision != PXS_RACE_DROPPED;
    }
    if (out->n > PXS_RACE_CONFIGURATIONS_MOST || left == 0 || leaders > 1)
        return pxs_json_fail(list, err,
                             "are no look of a race: one leads at most, and one is left "
                             "at least");
    return PXS_OK;
}

static enum pxs_status read_file(const char *path, struct pxs_race_record *out,
                                 struct pxs_error *err) {
    char *text = NULL;
    size_t bytes;
    struct pxs_json_doc *doc = NULL;
    struct pxs_error why;
    *out = (struct pxs_race_record){0};
    PXS_TRY(pxs_read_file(path, LOOK_MAX, &text, &bytes, err));
    enum pxs_status status = pxs_json_parse(text, bytes, path, &doc, &why);
    if (status == PXS_OK)
        status = read_look(pxs_json_root(doc), out, &why);
    pxs_json_destroy(&doc);
    free(text);
    if (status == PXS_OK)
        return PXS_OK;
    pxs_race_record_finish(out);
    return pxs_fail(err, status,
                    "%s\nIt is not as pixsweep wrote it: put it back as it was, or remove it, and "
                    "the next `pixsweep run` judges that look again",
                    why.message);
}

enum pxs_status pxs_race_look_read(const char *dir, const char race[13], int look,
                                   struct pxs_race_record *out, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    *out = (struct pxs_race_record){0};
    PXS_TRY(path_of(dir, race, look, path, err));
    PXS_TRY(read_file(path, out, err));
    if (strcmp(out->race, race) == 0 && out->look == look)
        return PXS_OK;
    pxs_race_record_finish(out);
    return pxs_fail(err, PXS_E_CORRUPT,
                    "%s is another look than its name says: put the right one back, or remove it, "
                    "and the next `pixsweep run` judges that look again",
                    path);
}

/* "0123456789ab-02.json": 2; else 0. */
static int look_of(const char *name) {
    const size_t digits = strspn(name, "0123456789abcdef");
    int look = 0, end = 0;
    if (digits == ID_DIGITS && sscanf(name + digits, "-%2d.json%n", &look, &end) == 1 && end > 0 &&
        name[digits + (size_t)end] == '\0')
        return look;
    return 0;
}

static int is_look(const struct dirent *e) {
    return look_of(e->d_name) > 0;
}

enum pxs_status pxs_race_looks_read(const char *dir, struct pxs_race_record **out, size_t *n,
                                    struct pxs_error *err) {
    char folder[PXS_PATH_MAX], race[13];
    struct dirent **names = NULL;
    *out = NULL;
    *n = 0;
    if (!pxs_path_join(folder, sizeof folder, dir, PXS_RACE_FOLDER))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    const int found = scandir(folder, &names, is_look, alphasort);
    if (found < 0)
        return PXS_OK;
    enum pxs_status status = PXS_OK;
    struct pxs_race_record *looks = calloc((size_t)found + 1, sizeof *looks);
    if (!looks)
        status = pxs_fail_nomem(err);
    for (int i = 0; i < found; i++) {
        snprintf(race, sizeof race, "%.12s", names[i]->d_name);
        if (status == PXS_OK)
            status = pxs_race_look_read(dir, race, look_of(names[i]->d_name), &looks[*n], err);
        *n += status == PXS_OK;
        free(names[i]);
    }
    free(names);
    if (status == PXS_OK) {
        *out = looks;
        return PXS_OK;
    }
    for (size_t i = 0; i < *n; i++)
        pxs_race_record_finish(&looks[i]);
    free(looks);
    *n = 0;
    return status;
}
