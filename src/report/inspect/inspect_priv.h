/* What the files of room inspect tell each other. */
#ifndef PXS_INSPECT_PRIV_H
#define PXS_INSPECT_PRIV_H

#include "pixsweep/inspect.h"

/* show_race.c: a sweep whose file asks for a race. CSV and JSON are its decisions alone. */
PXS_NODISCARD enum pxs_status pxs_show_race(struct pxs_store *s,
                                            const struct pxs_store_target *sweep,
                                            const struct pxs_store_looks *looks,
                                            enum pxs_format format, int width, struct pxs_text *out,
                                            struct pxs_error *err);

#endif
