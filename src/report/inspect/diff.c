/* diff: two runs side by side, as a rule only what differs. */
#include "pixsweep/inspect.h"
#include "pixsweep/metrics.h"
#include "pixsweep/table.h"
#include "inspect_texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PART, KEY, A, B, CHANGE, COLUMNS, HASH_SHOWN = 12 };
static const char *const names[COLUMNS] = {"part", "key", "a", "b", "change"};
static const struct pxs_column columns[COLUMNS] = {{NULL, PXS_SHOW_PLAIN},
                                                   {NULL, PXS_SHOW_PLAIN},
                                                   {NULL, PXS_SHOW_PLAIN},
                                                   {NULL, PXS_SHOW_PLAIN},
                                                   {"b - a", PXS_SHOW_PLAIN}};

struct fact {
    struct pxs_cell part, key, values[2];
    int rank; /* of the part; within configuration, params' order */
    size_t place;
};
struct diff {
    struct pxs_store_run runs[2];
    struct pxs_table told[2];
    struct fact *facts;
    size_t n;
    /* of their steps; first is -1 where all that both have are the same */
    int64_t first, epoch, shared;
};

/* Paths that are the same by what they hold. `files`: what lossy pictures hold before they are
 * decoded; only of data sets that have some. */
static const struct {
    const char *path, *hash, *files, *what;
} contents[] = {{"dataset", "dataset_sha256", "dataset_files_sha256", "pictures"},
                {"init_from", "init_from_sha256", "", "first weights"}};

static int rank_of(const char *part, const char *key) {
    static const char *const parts[] = {"run", "configuration", "environment", "result"};
    enum pxs_param_key param = 0;
    int rank = 0;
    while (rank < (int)PXS_COUNT(parts) && strcmp(parts[rank], part) != 0)
        rank++;
    rank *= 2 * PXS_PARAM_COUNT;
    if (strcmp(part, "configuration") != 0)
        return rank;
    for (int path = 0; path < (int)PXS_COUNT(contents); path++) {
        if (strcmp(key, contents[path].hash) == 0 || strcmp(key, contents[path].files) == 0)
            return rank_of(part, contents[path].path); /* behind its path */
    }
    return rank + (pxs_param_find(key, &param) ? (int)param : 0);
}

static int by_rank(const void *a, const void *b) {
    const struct fact *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    return (x->place > y->place) - (x->place < y->place);
}

static void put_fact(struct diff *d, const struct pxs_cell *row, int side) {
    size_t i = 0;
    while (i < d->n && (strcmp(d->facts[i].part.text, row[0].text) != 0 ||
                        strcmp(d->facts[i].key.text, row[1].text) != 0))
        i++;
    if (i == d->n)
        d->facts[d->n++] = (struct fact){
            .part = row[0], .key = row[1], .rank = rank_of(row[0].text, row[1].text), .place = i};
    d->facts[i].values[side] = row[2];
}

static enum pxs_status read_both(struct pxs_store *s, const char *const runs[2], struct diff *d,
                                 struct pxs_error *err) {
    for (int side = 0; side < 2; side++) {
        PXS_TRY(pxs_store_find_run(s, runs[side], &d->runs[side], err));
        const struct pxs_cell id = pxs_cell_int(d->runs[side].run_id);
        PXS_TRY(pxs_store_select(s, pxs_inspect_diff_facts_sql, &id, 1, &d->told[side], err));
    }
    if (d->runs[0].run_id == d->runs[1].run_id)
        return pxs_fail(err, PXS_E_INVALID, "'%.100s' and '%.100s' are the same run, %s", runs[0],
                        runs[1], d->runs[0].name);
    d->facts = calloc(d->told[0].n_rows + d->told[1].n_rows + 1, sizeof *d->facts);
    if (!d->facts)
        return pxs_fail_nomem(err);
    for (int side = 0; side < 2; side++) {
        for (size_t row = 0; row < d->told[side].n_rows; row++)
            put_fact(d, d->told[side].cells + row * d->told[side].n_columns, side);
    }
    qsort(d->facts, d->n, sizeof *d->facts, by_rank);

    /* From which step on their losses differ. */
    const struct pxs_cell args[] = {pxs_cell_int(d->runs[0].run_id),
                                    pxs_cell_int(d->runs[1].run_id)};
    struct pxs_table t = {0};
    PXS_TRY(pxs_store_select(s, pxs_inspect_diff_steps_sql, args, PXS_COUNT(args), &t, err));
    const struct pxs_cell first = pxs_table_at(&t, 0, "first");
    d->first = first.kind == PXS_CELL_NULL ? -1 : first.integer;
    d->epoch = pxs_table_at(&t, 0, "epoch").integer;
    d->shared = pxs_table_at(&t, 0, "shared").integer;
    pxs_table_finish(&t);
    return PXS_OK;
}

/* ---- what is shown -------------------------------------------------------------------------- */

/* No two attempts share these. */
static bool is_noise(const struct fact *f) {
    return strcmp(f->part.text, "environment") == 0 &&
           (strcmp(f->key.text, "pid") == 0 || strcmp(f->key.text, "pid_start") == 0 ||
            strcmp(f->key.text, "supervisor_pid") == 0 || strcmp(f->key.text, "nonce") == 0);
}

/* For people: a parameter in the words of the experiment file, and as much of a hash as tells it
 * from others. */
static struct pxs_cell in_words(const struct fact *f, struct pxs_cell value) {
    enum pxs_param_key key;
    const size_t length = strlen(f->key.text);
    const bool hash = strcmp(f->part.text, "run") == 0
                          ? strcmp(f->key.text, "config_hash") == 0
                          : strcmp(f->part.text, "configuration") == 0 && length > 7 &&
                                strcmp(f->key.text + length - 7, "_sha256") == 0;
    if (hash && value.bytes > HASH_SHOWN)
        value.bytes = HASH_SHOWN;
    if (strcmp(f->part.text, "configuration") != 0 || !pxs_param_find(f->key.text, &key))
        return value;
    if (pxs_param_info(key)->type == PXS_TYPE_BOOL && value.kind == PXS_CELL_INT)
        return pxs_cell_text(value.integer != 0 ? "true" : "false");
    return value;
}

static bool is_number(const struct pxs_cell *cell) {
    return cell->kind == PXS_CELL_INT || cell->kind == PXS_CELL_REAL;
}

/* b - a of two results that are numbers. */
static struct pxs_cell change_of(const struct fact *f) {
    const struct pxs_cell *a = &f->values[0], *b = &f->values[1];
    if (strcmp(f->part.text, "result") != 0 || !is_number(a) || !is_number(b))
        return pxs_cell_text(NULL);
    if (a->kind == PXS_CELL_INT && b->kind == PXS_CELL_INT)
        return pxs_cell_int(b->integer - a->integer);
    return pxs_cell_real(b->real - a->real);
}

static enum pxs_status fill(const struct diff *d, bool all, bool words, struct pxs_table *t,
                            struct pxs_error *err) {
    size_t n = 0;
    PXS_TRY(pxs_table_make(t, names, COLUMNS, d->n, err));
    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];
        if (!all && (is_noise(f) || pxs_cell_same(&f->values[0], &f->values[1])))
            continue;
        pxs_table_set(t, n, PART, f->part);
        pxs_table_set(t, n, KEY, f->key);
        pxs_table_set(t, n, A, words ? in_words(f, f->values[0]) : f->values[0]);
        pxs_table_set(t, n, B, words ? in_words(f, f->values[1]) : f->values[1]);
        pxs_table_set(t, n++, CHANGE, change_of(f));
    }
    t->n_rows = n;
    return PXS_OK;
}

static const struct fact *find_fact(const struct diff *d, const char *part, const char *key) {
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->facts[i].part.text, part) == 0 && strcmp(d->facts[i].key.text, key) == 0)
            return &d->facts[i];
    }
    return NULL;
}

static void put_footing(const struct diff *d, const struct pxs_table *t, struct pxs_text *out) {
    /* Up to which step the two runs did the same: their losses decide. */
    if (d->shared == 0)
        pxs_text_add(out, "\nno step that both have\n");
    else if (d->first < 0)
        pxs_text_addf(out, "\nall %" PRId64 " steps that both have are the same, bit by bit\n",
                      d->shared);
    else if (d->first == 0)
        pxs_text_add(out, "\ntheir losses differ from the first step on\n");
    else
        pxs_text_addf(out,
                      "\nthe first %" PRId64 " steps are the same, bit by bit; from step %" PRId64
                      " (epoch %" PRId64 ") on they differ\n",
                      d->first, d->first, d->epoch);

    /* A path does not tell what stood behind it; the hash of its content does. */
    for (size_t i = 0; i < PXS_COUNT(contents); i++) {
        const struct fact *path = find_fact(d, "configuration", contents[i].path),
                          *hash = find_fact(d, "configuration", contents[i].hash),
                          *files = find_fact(d, "configuration", contents[i].files);
        if (!path || !hash || hash->values[0].kind != PXS_CELL_TEXT ||
            hash->values[1].kind != PXS_CELL_TEXT)
            continue;
        const bool same_path = pxs_cell_same(&path->values[0], &path->values[1]),
                   same = pxs_cell_same(&hash->values[0], &hash->values[1]);
        if (same && !same_path)
            pxs_text_addf(out, "%s: the same %s under both paths\n", contents[i].path,
                          contents[i].what);
        else if (!same && files && pxs_cell_same(&files->values[0], &files->values[1]))
            pxs_text_addf(out,
                          "%s: the same files, but lossy pictures (JPEG) among them were decoded "
                          "to other pixels: the environments name the decoders' versions\n",
                          contents[i].path);
        else if (!same)
            pxs_text_addf(out, "%s: other %s%s\n", contents[i].path, contents[i].what,
                          same_path ? " under the same path" : "");
    }

    if (strcmp(d->runs[0].config_hash, d->runs[1].config_hash) == 0)
        pxs_text_addf(out, "the configuration is the same%s\n",
                      d->runs[0].seed == d->runs[1].seed ? ", and so is the seed"
                                                         : "; the seed is not");
    if (t->n_rows < d->n)
        pxs_text_addf(out, "%zu facts are the same in both (--all shows them)\n", d->n - t->n_rows);
}

enum pxs_status pxs_report_diff(struct pxs_store *s, const struct pxs_diff_options *o,
                                enum pxs_format format, int width, struct pxs_text *out,
                                struct pxs_error *err) {
    const char *const runs[2] = {o->a, o->b};
    struct diff d = {0};
    struct pxs_table t = {0};
    const bool words = format == PXS_FORMAT_TABLE;
    enum pxs_status status = read_both(s, runs, &d, err);
    if (status == PXS_OK)
        status = fill(&d, o->all, words, &t, err);
    if (status != PXS_OK)
        goto out;
    for (int side = 0; words && side < 2; side++)
        pxs_text_add_words(out, "%c  run %" PRId64 "  %s\n", 'a' + side, d.runs[side].run_id,
                           d.runs[side].name);
    pxs_text_add(out, words ? "\n" : "");
    status = pxs_report_table(&t, columns, format, width, out, err);
    if (status != PXS_OK)
        goto out;
    if (words)
        put_footing(&d, &t, out);
    status = pxs_text_status(out, err);
out:
    pxs_table_finish(&t);
    pxs_table_finish(&d.told[0]);
    pxs_table_finish(&d.told[1]);
    free(d.facts);
    return status;
}
