/* The brake: after too many failures in a row, or with too little disk space, nothing new is started. What runs is let finish,
 * the sweep is marked as paused, and the next `run` goes on with it. */
#include <string.h>

#include "supervisor_priv.h"

static void pause_sweep(struct pxs_supervisor *s) {
    s->brake.paused = true;
    pxs_say(s, PXS_LOG_ERROR, "%s", s->brake.reason);
}

void pxs_brake_completed(struct pxs_supervisor *s) {
    s->brake.failures = 0;
}

void pxs_brake_failed(struct pxs_supervisor *s, size_t index, const char *why) {
    size_t waiting = 0;
    s->brake.failures++;
    for (size_t i = 0; i < s->plan->n; i++)
        waiting += s->runs[i].place == PXS_PLACE_TODO;
    if (waiting == 0)
        return; /* nothing is left that could be spared */
    if (s->plan->how.max_failures == 0 || s->brake.failures < s->plan->how.max_failures || s->brake.paused)
        return;
    snprintf(s->brake.reason, sizeof s->brake.reason,
             "paused: %lld run%s failed in a row (run.max_failures), the last one is %s: %.*s\n"
             "Nothing else is started. When the cause is found, the same command goes on with the rest; "
             "run.max_failures: 0 is without this brake",
             (long long)s->brake.failures, s->brake.failures == 1 ? "" : "s", s->plan->runs[index].name,
             (int)(strcspn(why, "\n") < 160 ? strcspn(why, "\n") : 160), why);
    pause_sweep(s);
}

void pxs_brake_full(struct pxs_supervisor *s, const char *why) {
    if (s->brake.paused)
        return;
    snprintf(s->brake.reason, sizeof s->brake.reason,
             "paused: no run can be started: %.200s\nMake room, then the same command goes on with the rest",
             why);
    pause_sweep(s);
}

double pxs_disk_floor(const struct pxs_plan *plan, size_t index) {
    const struct pxs_train_estimate *e = &plan->runs[index].estimate;
    double weights = (double)(e->weights_G + e->weights_D);
    /* 4 bytes a weight in a checkpoint, 12 with both moments in a resume point, of which two stand while one is replaced */
    return PXS_DISK_FLOOR + (double)plan->slots.jobs * (4 + 2 * 12) * weights;
}

bool pxs_brake_allows(struct pxs_supervisor *s, size_t index) {
    if (s->brake.paused)
        return false;
    double need = pxs_disk_floor(s->plan, index);
    uint64_t have = pxs_disk_free(s->plan->results);
    if ((double)have >= need)
        return true;
    char need_text[32], have_text[32];
    pxs_format_bytes(need_text, (uint64_t)need);
    pxs_format_bytes(have_text, have);
    snprintf(s->brake.reason, sizeof s->brake.reason,
             "paused: %.200s has %s free, and %s must be for checkpoints and resume points before another "
             "run starts\n"
             "Make room, then the same command goes on with the rest",
             s->plan->results, have_text, need_text);
    pause_sweep(s);
    return false;
}

void pxs_brake_store(struct pxs_supervisor *s, double now) {
    struct pxs_error err;
    if (!s->brake.paused || s->brake.stored || !s->store || !pxs_store_ready(s, now))
        return;
    if (pxs_store_sweep_state(s->store, s->sweep_id, "paused", &err) == PXS_OK) {
        s->brake.stored = true;
        pxs_store_fine(s);
    } else
        pxs_store_trouble(s, &err, now);
}
