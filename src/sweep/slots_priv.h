/* Which cores a slot's worker runs on. */
#ifndef PXS_SWEEP_SLOTS_PRIV_H
#define PXS_SWEEP_SLOTS_PRIV_H

#include <sched.h>

#include "pixsweep/sweep.h"

/* Cores of slot 0 .. jobs-1 out of `allowed`: a share of its own where slots are pinned, else all of them. */
void pxs_slot_cores(const struct pxs_sweep_slots *slots, const cpu_set_t *allowed, int slot, cpu_set_t *out);
/* "0-3,6" for the attempt's row. */
void pxs_slot_cores_text(const cpu_set_t *set, char *buf, size_t size);

#endif
