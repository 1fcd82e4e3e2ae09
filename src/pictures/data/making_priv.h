/* Pair sets made from pictures that lie in folders: what data pairs and data edges share. */
#ifndef PIXSWEEP_DATA_MAKING_PRIV_H
#define PIXSWEEP_DATA_MAKING_PRIV_H

#include "folder_priv.h"
#include "pixsweep/data.h"
#include "pixsweep/image.h"

/* One picture of a folder. */
struct pxs_source {
    const char *name; /* "x.png" */
    const char *stem; /* "x": what its pair is called */
    const char *path;
};
struct pxs_sources {
    struct pxs_source *list; /* by name */
    size_t n;
};

/* Under way; zero-initialise, then begin, and end once. */
struct pxs_making {
    const struct pxs_make *how;
    struct pxs_arena arena;
    char out[PXS_PATH_MAX], temp[PXS_PATH_MAX + 32]; /* absolute; temp becomes out */
    struct pxs_text left_out;                        /* a line each: "a/x.png: reason" */
    struct pxs_make_report report;
};
/* Refuses an `out` that holds something; makes the temporary folder. */
PXS_NODISCARD enum pxs_status pxs_making_begin(struct pxs_making *m, const struct pxs_make *how,
                                               struct pxs_error *err);
/* Splits that the folder is divided into ("train", "val", ...): part i and what it is called in
 * `out`; one part "" where there is none. False behind the last. */
bool pxs_making_part(const char *folder, size_t i, const char **from, const char **to);
/* The pictures in folder/part; what cannot be one is left out. */
PXS_NODISCARD enum pxs_status pxs_making_list(struct pxs_making *m, const char *folder,
                                              const char *part, struct pxs_sources *out,
                                              struct pxs_error *err);
void pxs_making_leave_out(struct pxs_making *m, const char *path, const char *reason);
/* Makes a folder below the temporary one; its path. */
PXS_NODISCARD enum pxs_status pxs_making_folder(struct pxs_making *m, const char *part,
                                                const char *side, char path[PXS_PATH_MAX + 64],
                                                struct pxs_error *err);
/* Writes `left` and `right`, of one size, side by side into folder/stem.png. */
PXS_NODISCARD enum pxs_status pxs_making_write(const char *folder, const char *stem,
                                               const struct pxs_image *left,
                                               const struct pxs_image *right,
                                               struct pxs_error *err);
/* status PXS_OK: publishes what was made and fills in the report, unless it is nothing. Else
 * removes it. */
PXS_NODISCARD enum pxs_status pxs_making_end(struct pxs_making *m, enum pxs_status status,
                                             struct pxs_make_report *report, struct pxs_error *err);

#endif
