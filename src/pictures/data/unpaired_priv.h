/* Why the names in A/ and B/ do not match. */
#ifndef PIXSWEEP_DATA_UNPAIRED_PRIV_H
#define PIXSWEEP_DATA_UNPAIRED_PRIV_H

#include "pixsweep/base.h"

/* File names of one side that have no partner. */
struct pxs_names {
    const char *const *name;
    size_t n;
};

/* Adds how many of the lone names of A/ and B/ would match, in which way, and a shell command that
 * renames them in `folder` of A and of B: "40 pairs would match without the ending '_A' in A/
 * and '_B' in B/; this renames them: ...". False: nothing helps most of them, `out` is as it
 * was. */
bool pxs_unpaired_hint(const char *const folder[2], const struct pxs_names side[2],
                       struct pxs_text *out);

#endif
