/* What somebody meant who gave a path that is no data folder. */
#ifndef PIXSWEEP_DATA_MEANT_PRIV_H
#define PIXSWEEP_DATA_MEANT_PRIV_H

#include "pixsweep/base.h"

/* Both always fail (PXS_E_INVALID): of a path that is a file, and of a folder without train/. The message says what a dataset is
 * and what seems to be meant: the folder around it, the one within it, names that are nearly right. */
enum pxs_status pxs_meant_file(const char *path, struct pxs_error *err);
enum pxs_status pxs_meant_folder(const char *path, struct pxs_error *err);

#endif
