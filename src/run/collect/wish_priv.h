/* Inside collect: the files of wishes. */
#ifndef PXS_WISH_PRIV_H
#define PXS_WISH_PRIV_H

#include "pixsweep/collect/wishes.h"

#define PXS_WISH_ASKED ".wish"
#define PXS_WISH_BEGUN ".begun"
#define PXS_WISH_ANSWER ".answer"
#define PXS_WISH_MAX (1 << 16)   /* bytes of a wish */
#define PXS_ANSWER_MAX (4 << 20) /* of an answer */
#define PXS_WISH_VERSION 1

/* The file of `id` with this ending. */
PXS_NODISCARD enum pxs_status pxs_wish_path(const char *dir, const char *id, const char *ending,
                                            char out[PXS_PATH_MAX], struct pxs_error *err);

#endif
