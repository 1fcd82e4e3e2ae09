/* What the user likely meant by a path that is no data folder. */
#ifndef PIXSWEEP_DATA_MEANT_PRIV_H
#define PIXSWEEP_DATA_MEANT_PRIV_H

#include "pixsweep/base.h"

/* Fails (PXS_E_INVALID) of a path that is a file: says what a dataset is and what seems to be
 * meant, such as the folder around it. */
enum pxs_status pxs_meant_file(const char *path, struct pxs_error *err);

/* How the pairs of a folder without train/ lie in it. */
struct pxs_layout {
    /* In the folder itself: pictures side by side, arrays, or A/ and B/; all of them are for
     * training. Else in two folders a split, as trainA/ and trainB/ or A/train/ and B/train/. */
    bool flat;
    int splits;                       /* 2: validation pairs, too */
    char side[2][2][PXS_PATH_MAX];    /* [split][A, B], relative to the folder */
    bool test_validates;              /* since nothing else does */
    char note[2 * PXS_PATH_MAX + 64]; /* about test pairs; "" none */
};
/* PXS_OK where a folder without train/ is laid out as another project does it. Otherwise the
 * message says what seems to be meant: the folder around it, the one within it, names that are
 * nearly right, with the command that mends it. */
enum pxs_status pxs_meant_folder(const char *path, struct pxs_layout *layout,
                                 struct pxs_error *err);

/* Of a data folder: whether split `split` lies in two folders beside train/, as testA/ and testB/
 * or A/test/ and B/test/; their names. */
bool pxs_meant_split(const char *path, const char *split, char a[PXS_PATH_MAX],
                     char b[PXS_PATH_MAX]);
/* Whether `folder` of it holds partners under other names than A/ and B/, such as input/ and
 * target/: appends the command that renames them. */
bool pxs_meant_sides(const char *path, const char *folder, struct pxs_text *out);

#endif
