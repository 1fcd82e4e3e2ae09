/* The preflight of shapes: what supervisor (shapes.c) and prober (probe.c) say to each other. */
#ifndef PXS_SWEEP_SHAPES_PRIV_H
#define PXS_SWEEP_SHAPES_PRIV_H

#include "pixsweep/sweep.h"

#define PXS_PROBE_OPTION "--probe" /* the first argument, with 1 */
/* One of these, at the beginning of a line, and what belongs to it up to the end. */
#define PXS_PROBE_TOOK "preflight took bytes " /* of memory, of address space */
#define PXS_PROBE_NOMEM "preflight ran out of memory: "
#define PXS_PROBE_REFUSED "preflight refused: "

/* The prober: as pxs_sweep_worker. */
int pxs_probe_worker(int argc, char *const argv[], struct pxs_stop *stop, struct pxs_logger log);

struct pxs_supervisor;
/* Tries one batch of each distinct shape among the runs to do, and chooses the number of jobs by the memory that was measured.
 * PXS_E_INVALID in words where one does not work. Starts nothing where nothing is to do. */
PXS_NODISCARD enum pxs_status pxs_probe_shapes(struct pxs_supervisor *s, struct pxs_error *err);

#endif
