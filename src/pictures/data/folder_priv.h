/* Folders that appear as a whole: filled under a temporary name, then renamed. */
#ifndef PIXSWEEP_DATA_FOLDER_PRIV_H
#define PIXSWEEP_DATA_FOLDER_PRIV_H

#include "pixsweep/base.h"

/* Closes a file of such a folder (no fsync of its own: pxs_folder_publish does it for all). `file`
 * NULL: it could not be opened; `written` false: a write failed. */
PXS_NODISCARD enum pxs_status pxs_finish_plain(FILE *file, const char *path, bool written,
                                               struct pxs_error *err);
/* Brings everything to the disk, then renames; an existing empty folder in its place is
 * replaced. */
PXS_NODISCARD enum pxs_status pxs_folder_publish(const char *temp, const char *out,
                                                 struct pxs_error *err);
void pxs_folder_remove(const char *path); /* rm -r, does not follow links; failures are ignored */

#endif
