/* What the user likely meant by a path that is no data folder. */
#ifndef PIXSWEEP_DATA_MEANT_PRIV_H
#define PIXSWEEP_DATA_MEANT_PRIV_H

#include "pixsweep/base.h"

/* Both always fail (PXS_E_INVALID): of a path that is a file, and of a folder without train/. The
 * message says what a dataset is and what seems to be meant: the folder around it, the one within
 * it, names that are nearly right. */
enum pxs_status pxs_meant_file(const char *path, struct pxs_error *err);
enum pxs_status pxs_meant_folder(const char *path, struct pxs_error *err);

/* Of a data folder: whether split `split` lies in two folders beside train/, as testA/ and testB/
 * or A/test/ and B/test/; their names. */
bool pxs_meant_split(const char *path, const char *split, char a[PXS_PATH_MAX],
                     char b[PXS_PATH_MAX]);
/* Whether `folder` of it holds partners under other names than A/ and B/, such as input/ and
 * target/: appends the command that renames them. */
bool pxs_meant_sides(const char *path, const char *folder, struct pxs_text *out);

#endif
