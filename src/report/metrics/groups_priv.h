/* groups, inside: which keys make them, what stands behind paths, how they are called. */
#ifndef PXS_GROUPS_PRIV_H
#define PXS_GROUPS_PRIV_H

#include "pixsweep/metrics.h"

/* ---- groups.c ------------------------------------------------------------------------------- */

/* Adds a sentence to g->notes. */
PXS_NODISCARD enum pxs_status pxs_groups_note(struct pxs_groups *g, const struct pxs_text *text,
                                              struct pxs_error *err);

/* ---- group_content.c ------------------------------------------------------------------------ */

/* A key whose value is a path, which enters a run's identity by content. */
struct pxs_content_of {
    /* SQL over `run r` that gives the content's SHA-256, NULL where it is not known */
    const char *key, *hash_sql;
    const char *files_column; /* of group_runs.sql: hash of the files of lossy pictures; or NULL */
    const char *hash_column;  /* of the runs' table */
    const char *what;         /* "pictures" */
    bool differs,
        /* filled: not the same content in all runs; nor in those that are no old logs */
        own_differ;
    /* filled: a value that is the same where the content is, in the groups' arena */
    const char *sql;
};
/* `runs`: a row a run with columns imported, the key (its path) and hash_column. Notes where one
 * path held several contents. */
PXS_NODISCARD enum pxs_status pxs_group_content(struct pxs_groups *g, const struct pxs_table *runs,
                                                struct pxs_content_of *of, struct pxs_error *err);

/* ---- group_label.c -------------------------------------------------------------------------- */

/* Fills g->labels. */
PXS_NODISCARD enum pxs_status pxs_group_labels(struct pxs_groups *g, struct pxs_error *err);

#endif
