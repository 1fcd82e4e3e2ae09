/* What a file's name says about it. */
#ifndef PIXSWEEP_DATA_NAMES_PRIV_H
#define PIXSWEEP_DATA_NAMES_PRIV_H

#include <stdbool.h>

enum pxs_file_sort { PXS_FILE_PNG, PXS_FILE_NPY, PXS_FILE_SKIP, PXS_FILE_BAD };
/* For PXS_FILE_BAD, *why is what is wrong with it and the remedy. */
enum pxs_file_sort pxs_file_sort(const char *name, const char **why);

#endif
