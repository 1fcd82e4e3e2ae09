/* How many workers at a time, with how many threads, on which cores. */
#include "pixsweep/sweep.h"

#include <sched.h>

#include "slots_priv.h"

struct pxs_sweep_slots pxs_sweep_slots(int cores, int jobs, int threads) {
    struct pxs_sweep_slots s = {.cores = cores < 1 ? 1 : cores};
    s.jobs = jobs > 0 ? jobs : 1;
    if (threads > 0)
        s.threads = threads;
    else
        s.threads = s.cores / s.jobs > 0 ? s.cores / s.jobs : 1;
    s.pinned = (int64_t)s.jobs * s.threads <= s.cores;
    return s;
}

/* The `index`-th core of the set, -1 when there are fewer. */
static int nth_core(const cpu_set_t *set, int index) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, set) && index-- == 0)
            return cpu;
    return -1;
}

void pxs_slot_cores(const struct pxs_sweep_slots *slots, const cpu_set_t *allowed, int slot, cpu_set_t *out) {
    if (!slots->pinned) {
        *out = *allowed;
        return;
    }
    CPU_ZERO(out);
    for (int i = 0; i < slots->threads; i++) {
        int cpu = nth_core(allowed, slot * slots->threads + i);
        if (cpu >= 0)
            CPU_SET(cpu, out);
    }
    if (CPU_COUNT(out) == 0)
        *out = *allowed;
}

void pxs_slot_cores_text(const cpu_set_t *set, char *buf, size_t size) {
    size_t used = 0;
    buf[0] = '\0';
    for (int cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++) {
        if (!CPU_ISSET(cpu, set))
            continue;
        int last = cpu;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
            last++;
        const char *comma = used > 0 ? "," : "";
        int n = last > cpu ? snprintf(buf + used, size - used, "%s%d-%d", comma, cpu, last)
                           : snprintf(buf + used, size - used, "%s%d", comma, cpu);
        used += n > 0 ? (size_t)n : 0;
        cpu = last;
    }
}
