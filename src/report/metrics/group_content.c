/* What stands behind a path that is a hyperparameter (dataset, init_from): runs are the same by
 * content, so this gives contents names to be told apart by. The same content has one name under
 * whatever path; other content under one path has another name. */
#include "groups_priv.h"

#include <string.h>

enum { HASH_SHOWN = 8, SAID = 4 };

/* A content that some runs have, or a path of which only the path is known: an old log's, say. */
struct content {
    const char *hash;  /* NULL: not known */
    const char *files; /* of lossy pictures, before they were decoded; NULL: there are none */
    const char *path;  /* of the first run that has it */
    bool own;          /* of a run that is no old log */
    bool clashes;      /* another content was found under the same path */
};

struct contents {
    struct content *list;
    size_t n;
};

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const char *text_at(const struct pxs_table *runs, size_t row, const char *column) {
    const struct pxs_cell cell = pxs_table_at(runs, row, column);
    return cell.kind == PXS_CELL_TEXT ? cell.text : NULL;
}

static void collect(const struct pxs_table *runs, const struct pxs_content_of *of,
                    struct contents *to) {
    for (size_t row = 0; row < runs->n_rows; row++) {
        const char *hash = text_at(runs, row, of->hash_column), *path = text_at(runs, row, of->key);
        size_t i = 0;
        if (!path)
            continue;
        while (i < to->n && (hash ? !same_text(to->list[i].hash, hash)
                                  : to->list[i].hash || !same_text(to->list[i].path, path)))
            i++;
        if (i == to->n)
            to->list[to->n++] = (struct content){
                .hash = hash,
                .path = path,
                .files = of->files_column ? text_at(runs, row, of->files_column) : NULL};
        to->list[i].own = to->list[i].own || pxs_table_at(runs, row, "imported").integer == 0;
    }
    for (size_t i = 0; i < to->n; i++) {
        for (size_t k = 0; k < to->n; k++)
            to->list[i].clashes =
                to->list[i].clashes || (i != k && same_text(to->list[i].path, to->list[k].path));
    }
}

/* The key's value in SQL: by content where that is known, else the path. */
static void put_sql(const struct contents *t, const struct pxs_content_of *of,
                    struct pxs_text *sql) {
    bool known = false, unknown_clashes = false;
    for (size_t i = 0; i < t->n; i++) {
        const struct content *thing = &t->list[i];
        struct pxs_text name = {0};
        unknown_clashes = unknown_clashes || (!thing->hash && thing->clashes);
        if (!thing->hash)
            continue;
        if (!known)
            pxs_text_addf(sql, "CASE %s", of->hash_sql);
        known = true;
        pxs_text_add(&name, thing->path);
        if (thing->clashes)
            pxs_text_addf(&name, " (%.*s)", HASH_SHOWN, thing->hash);
        pxs_text_add(sql, "\n      WHEN ");
        pxs_sql_literal(sql, thing->hash);
        pxs_text_add(sql, " THEN ");
        pxs_sql_literal(sql, pxs_text_str(&name));
        sql->failed = sql->failed || name.failed;
        pxs_text_finish(&name);
    }
    pxs_text_add(sql, known ? "\n      ELSE " : "");
    pxs_text_addf(sql, "(SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = '%s')%s%s",
                  of->key, unknown_clashes ? " || ' (content not known)'" : "",
                  known ? " END" : "");
}

/* Do some runs have another content than others? What an old log does not tell is unknown, not
 * different. `own`: among runs that are no old logs. */
static bool differs(const struct pxs_table *runs, const struct pxs_content_of *of,
                    const struct contents *t, bool own) {
    size_t n = 0;
    bool none = false;
    for (size_t row = 0; row < runs->n_rows; row++)
        none = none ||
               (!text_at(runs, row, of->key) && pxs_table_at(runs, row, "imported").integer == 0);
    for (size_t i = 0; i < t->n; i++)
        n += !own || t->list[i].own;
    return n + none > 1;
}

/* Number of runs whose path held this content. */
static size_t runs_at(const struct pxs_table *runs, const struct pxs_content_of *of,
                      const char *path, const char *hash) {
    size_t n = 0;
    for (size_t row = 0; row < runs->n_rows; row++)
        n += same_text(text_at(runs, row, of->key), path) &&
             same_text(text_at(runs, row, of->hash_column), hash);
    return n;
}

/* One path behind which runs found several contents: a sentence about the first such path. */
static enum pxs_status say_changed(struct pxs_groups *g, const struct pxs_table *runs,
                                   const struct pxs_content_of *of, const struct contents *t,
                                   struct pxs_error *err) {
    const char *path = NULL;
    for (size_t a = 0; a < runs->n_rows && !path; a++) {
        const char *hash = text_at(runs, a, of->hash_column), *here = text_at(runs, a, of->key);
        if (a > 0 && same_text(hash, text_at(runs, a - 1, of->hash_column)) &&
            same_text(here, text_at(runs, a - 1, of->key)))
            continue;
        for (size_t b = 0; b < a && hash && !path; b++) {
            const char *other = text_at(runs, b, of->hash_column);
            if (other && strcmp(other, hash) != 0 && same_text(text_at(runs, b, of->key), here))
                path = here;
        }
    }
    if (!path)
        return PXS_OK;
    struct pxs_text text = {0}, hashes = {0};
    size_t said = 0;
    const char *files = NULL;
    bool same_files = true;
    for (size_t i = 0; i < t->n; i++) {
        const struct content *thing = &t->list[i];
        const size_t n = thing->hash ? runs_at(runs, of, path, thing->hash) : 0;
        if (n > 0) {
            same_files = same_files && thing->files && (!files || same_text(files, thing->files));
            files = thing->files;
        }
        if (n > 0 && said++ < SAID)
            pxs_text_addf(&hashes, "%s%.*s... in %zu run%s", said == 1 ? "" : ", ", HASH_SHOWN,
                          thing->hash, n, n == 1 ? "" : "s");
    }
    if (said > SAID)
        pxs_text_addf(&hashes, " and %zu more", said - SAID);
    if (same_files)
        pxs_text_addf(
            &text,
            "%s %s held the same files for all runs, but lossy pictures (JPEG) among them "
            "were decoded to other pixels (sha256 ",
            of->key, path);
    else
        pxs_text_addf(&text, "%s %s did not hold the same %s for all runs (sha256 ", of->key, path,
                      of->what);
    pxs_text_addf(&text, "%s): these are configurations of their own, never pooled",
                  pxs_text_str(&hashes));
    text.failed = text.failed || hashes.failed;
    pxs_text_finish(&hashes);
    const enum pxs_status status = pxs_groups_note(g, &text, err);
    pxs_text_finish(&text);
    return status;
}

enum pxs_status pxs_group_content(struct pxs_groups *g, const struct pxs_table *runs,
                                  struct pxs_content_of *of, struct pxs_error *err) {
    struct contents t = {pxs_arena_alloc(&g->arena, (runs->n_rows + 1) * sizeof *t.list), 0};
    struct pxs_text sql = {0};
    if (!t.list)
        return pxs_fail_nomem(err);
    collect(runs, of, &t);
    put_sql(&t, of, &sql);
    of->differs = differs(runs, of, &t, false);
    of->own_differ = differs(runs, of, &t, true);
    of->sql = sql.failed ? NULL : pxs_arena_strdup(&g->arena, pxs_text_str(&sql));
    pxs_text_finish(&sql);
    return !of->sql ? pxs_fail_nomem(err) : say_changed(g, runs, of, &t, err);
}
