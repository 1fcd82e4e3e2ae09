/* Runs that are said to be running, but whose process is gone: what a reader tells about them. */
#include "metrics_priv.h"

#include <stdlib.h>
#include <string.h>

enum pxs_status pxs_stale_read(struct pxs_store *s, int64_t sweep_id, struct pxs_stale *out,
                               struct pxs_error *err) {
    struct pxs_host here;
    pxs_host_detect(&here);
    return pxs_store_stale_runs(s, sweep_id, &here, pxs_now_ms(), &out->run_ids, &out->n, err);
}

bool pxs_stale_has(const struct pxs_stale *stale, int64_t run_id) {
    for (size_t i = 0; i < stale->n; i++) {
        if (stale->run_ids[i] == run_id)
            return true;
    }
    return false;
}

void pxs_stale_finish(struct pxs_stale *stale) {
    free(stale->run_ids);
    *stale = (struct pxs_stale){0};
}

void pxs_stale_say(const struct pxs_store *s, size_t n, struct pxs_text *out) {
    char usual[PXS_PATH_MAX];
    bool one = n == 1;
    const struct pxs_collector *collector = pxs_store_collector(s);
    if (n == 0)
        return;
    if (collector && pxs_collector_life(collector) != PXS_COLLECTOR_GONE) {
        pxs_text_addf(out,
                      "%zu %s stale: not heard of for five minutes; the next job goes on with "
                      "%s\n",
                      n, one ? "run is" : "runs are", one ? "it" : "them");
        return;
    }
    if (collector) {
        pxs_text_addf(out,
                      "%zu %s stale: no process works on %s any more; the same `pixsweep run FILE "
                      "--on ...` ingests what %s left\n",
                      n, one ? "run is" : "runs are", one ? "it" : "them", one ? "it" : "they");
        return;
    }
    pxs_text_addf(out, "%zu %s stale: no process works on %s any more; `pixsweep reap", n,
                  one ? "run is" : "runs are", one ? "it" : "them");
    if (!pxs_path_absolute(usual, sizeof usual, "results/pixsweep.db") ||
        strcmp(usual, pxs_store_path(s)) != 0)
        pxs_text_add_command(out, " --db %s", pxs_store_path(s));
    pxs_text_addf(out, "`, or the same `pixsweep run` again, ingests what %s left\n",
                  one ? "it" : "they");
}
