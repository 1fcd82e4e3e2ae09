/* How many workers at a time, with how many threads, on which cores. */
#include "pixsweep/plan.h"

#include <sched.h>

/* Of the available memory; the rest is for files in memory and for other programs. */
#define MEMORY_SHARE 0.8

/* Measured on two cores (docs/engine.md): two one-thread processes side by side do 1.97 times the
 * work of one, two threads of one process 1.90 times. Many runs compete for memory bandwidth: with
 * more cores than this each has two threads at least, which is not measured. */
#define SINGLE_CORES 16

static int at_least_one(int n) {
    return n > 1 ? n : 1;
}

struct pxs_sweep_slots pxs_sweep_slots(int cores, int jobs, int threads) {
    struct pxs_sweep_slots s = {.cores = at_least_one(cores)};
    s.auto_jobs = jobs <= 0;
    s.spread = jobs <= 0 && threads <= 0;
    if (jobs > 0)
        s.jobs = jobs;
    else if (threads > 0)
        s.jobs = at_least_one(s.cores / threads);
    else
        s.jobs = s.cores > SINGLE_CORES ? s.cores / 2 : s.cores;
    s.threads = threads > 0 ? threads : at_least_one(s.cores / s.jobs);
    s.pinned = (int64_t)s.jobs * s.threads <= s.cores;
    return s;
}

void pxs_slots_reduce(struct pxs_sweep_slots *s, int jobs) {
    s->jobs = at_least_one(jobs);
    if (s->spread)
        s->threads = at_least_one(s->cores / s->jobs);
    s->pinned = (int64_t)s->jobs * s->threads <= s->cores;
}

void pxs_slots_fit(struct pxs_sweep_slots *s, size_t most) {
    if (!s->auto_jobs || most >= (size_t)s->jobs)
        return;
    pxs_slots_reduce(s, (int)most);
}

size_t pxs_slots_memory(uint64_t need, uint64_t available) {
    if (need == 0 || available == 0)
        return SIZE_MAX;
    return (size_t)((double)available * MEMORY_SHARE / (double)need);
}

/* How many runs share the cores that are free now. The runs that would not fill a last round of all
 * slots come first and share all cores: an odd run left for the end would keep one core busy and
 * the others idle. */
static int sharers_of(const struct pxs_sweep_slots *slots, size_t waiting, int open) {
    size_t busy = (size_t)(slots->jobs - open), odd = (waiting + busy) % (size_t)slots->jobs;
    if (busy < odd)
        return (int)(odd - busy);
    return at_least_one(waiting < (size_t)open ? (int)waiting : open);
}

int pxs_slot_draw(const struct pxs_sweep_slots *slots, const cpu_set_t *allowed,
                  const cpu_set_t *used, size_t waiting, int open, cpu_set_t *out) {
    cpu_set_t spare;
    CPU_ZERO(&spare);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, allowed) && !CPU_ISSET(cpu, used))
            CPU_SET(cpu, &spare);
    int left = slots->cores - CPU_COUNT(used); /* of a CPU quota, which may be less than the mask */
    left = left < CPU_COUNT(&spare) ? left : CPU_COUNT(&spare);
    if (slots->spread && slots->pinned && left <= 0)
        return 0;
    int sharers = sharers_of(slots, waiting, open);
    int threads = slots->spread ? at_least_one(left / sharers) : slots->threads;
    *out = *allowed;
    if (!slots->pinned || CPU_COUNT(&spare) < threads)
        return threads;
    CPU_ZERO(out);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(out) < threads; cpu++)
        if (CPU_ISSET(cpu, &spare))
            CPU_SET(cpu, out);
    return threads;
}
