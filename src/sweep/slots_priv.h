/* Which cores a slot's worker runs on. */
#ifndef PXS_SWEEP_SLOTS_PRIV_H
#define PXS_SWEEP_SLOTS_PRIV_H

#include <sched.h>

#include "pixsweep/sweep.h"

/* Auto jobs: no more than `most`, and the cores are shared among those. */
void pxs_slots_fit(struct pxs_sweep_slots *slots, size_t most);
/* So many jobs from now on, even where the user gave another number. */
void pxs_slots_reduce(struct pxs_sweep_slots *slots, int jobs);
/* How many runs of `need` bytes each the available memory is for; SIZE_MAX where either is unknown (0). */
size_t pxs_slots_memory(uint64_t need, uint64_t available);
/* Threads and cores of an attempt that starts now: `used` = cores of attempts at work, `waiting` = runs to be started, `open` = free
 * slots, both with this one. Pinned slots draw cores of their own out of `allowed`, others have all of them. 0 threads: no core is
 * free although a slot is, because a run at work has more than one slot's. */
int pxs_slot_draw(const struct pxs_sweep_slots *slots, const cpu_set_t *allowed, const cpu_set_t *used,
                  size_t waiting, int open, cpu_set_t *out);
/* "0-3,6" for the attempt's row. */
void pxs_slot_cores_text(const cpu_set_t *set, char *buf, size_t size);

#endif
