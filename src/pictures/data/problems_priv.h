/* Everything that is wrong with a folder, gathered before anything is said. */
#ifndef PIXSWEEP_DATA_PROBLEMS_PRIV_H
#define PIXSWEEP_DATA_PROBLEMS_PRIV_H

#include "pixsweep/base.h"

/* Warnings of one kind are told as one when a set is loaded, and one by one by `data check`. */
enum pxs_problem_kind {
    PXS_PROBLEM_ERROR, /* the set cannot be loaded */
    PXS_PROBLEM_INFO,  /* good to know: told by `data check` only */
    PXS_PROBLEM_NOTE,  /* warnings from here on */
    PXS_PROBLEM_SIZE,
    PXS_PROBLEM_CHANNELS,
    PXS_PROBLEM_DUPLICATE,
    PXS_PROBLEM_OVERLAP,
    PXS_PROBLEM_KINDS
};

struct pxs_problem {
    enum pxs_problem_kind kind;
    const char *text;
};

/* Zero-initialise, finish once. Running out of memory is remembered in `failed`. */
struct pxs_problems {
    struct pxs_arena arena;
    struct pxs_problem *list;
    size_t n, cap, count[PXS_PROBLEM_KINDS];
    bool failed;
};
void pxs_problem_add(struct pxs_problems *p, enum pxs_problem_kind kind, const char *fmt, ...)
    PXS_PRINTF(3, 4);
void pxs_problems_finish(struct pxs_problems *p);
/* PXS_OK without errors; otherwise one message that lists them, at most 20 and as many as fit. */
enum pxs_status pxs_problems_fail(const struct pxs_problems *p, const char *path,
                                  struct pxs_error *err);
/* First warning of each kind, with the number of others like it. */
void pxs_problems_log(const struct pxs_problems *p, const char *path, struct pxs_logger logger);
/* Each problem on its own. */
void pxs_problems_report(const struct pxs_problems *p, struct pxs_logger report);

/* Files that cannot be used for one reason are named until it is clear, then counted.
 * Zero-initialise; `texts` live in the problems' arena. */
struct pxs_tally {
    struct {
        const char *text;
        size_t n;
    } reason[16];
    size_t n;
};
/* "<name>: <text>" as an error, or only counted. */
void pxs_tally_add(struct pxs_problems *p, struct pxs_tally *tally, const char *name,
                   const char *text);
/* "<where>: 35 more files of this kind (<text>)"; the tally is empty again. */
void pxs_tally_end(struct pxs_problems *p, struct pxs_tally *tally, const char *where);

#endif
