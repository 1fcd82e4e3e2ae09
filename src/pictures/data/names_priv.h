/* What a file's name says about it. */
#ifndef PIXSWEEP_DATA_NAMES_PRIV_H
#define PIXSWEEP_DATA_NAMES_PRIV_H

#include <stdbool.h>

enum pxs_file_sort {
    PXS_FILE_PICTURE, /* in a format that is read */
    PXS_FILE_NPY,
    PXS_FILE_SKIP,    /* hidden, or plainly no picture: README, a list */
    PXS_FILE_LITTER,  /* left by a NAS, an archive tool or the system */
    PXS_FILE_FOREIGN, /* by its name a picture in another format, or a name without an ending */
    PXS_FILE_OTHER
};
enum pxs_file_sort pxs_file_sort(const char *name);
/* Files and folders that tools leave behind. */
bool pxs_is_litter(const char *name);

#endif
