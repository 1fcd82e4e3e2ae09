/* A preflight: one batch of a configuration in a process of its own, which says how much memory it
 * took. It writes no file but the
 * one of pixels that all jobs share; its last line on stderr is for the supervisor
 * (preflight_memory.c). */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "worker_priv.h"

/* Of each thread, mapped and hardly used, but counted by RLIMIT_DATA: OpenBLAS's buffer and the
 * stack. */
#define UNTOUCHED_BYTES ((rlim_t)(128 + 8) << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

/* What does not fit fails here, with a message, before the system kills a process. A sanitizer's
 * shadow memory would count although it is not used. */
static void limit_memory(int64_t bytes, int threads) {
#ifndef SANITIZED
    const rlim_t most = (rlim_t)bytes + (rlim_t)threads * UNTOUCHED_BYTES;
    const struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    struct rlimit own;
    if (bytes > 0 && getrlimit(RLIMIT_DATA, &own) == 0 && own.rlim_cur > most &&
        setrlimit(RLIMIT_DATA, &limit) != 0)
        return; /* then the system's limit holds */
#else
    (void)bytes;
    (void)threads;
#endif
}

static enum pxs_status carry_out(const struct pxs_job *job, struct pxs_stop *stop,
                                 struct pxs_logger log, struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    struct pxs_params *params = malloc(sizeof *params);
    enum pxs_status status =
        params ? pxs_run_config_read(job->config, params, NULL, NULL, err) : pxs_fail_nomem(err);
    if (status == PXS_OK)
        status = pxs_pool_create((int)job->threads, &pool, err);
    if (status == PXS_OK) {
        const struct pxs_train_job batch = {.params = params,
                                            .pool = pool,
                                            .kernels = job->kernels,
                                            .cache = job->cache[0] != '\0' ? job->cache : NULL,
                                            .stop = stop,
                                            .log = log};
        status = pxs_train_probe(&batch, err);
    }
    pxs_pool_destroy(&pool);
    free(params);
    return status;
}

/* Address space at its highest, in bytes ("VmPeak:   123 kB"); 0 = unknown. */
static uint64_t most_mapped(void) {
    char *text = NULL;
    size_t bytes;
    if (pxs_read_file("/proc/self/status", 1 << 16, &text, &bytes, NULL) != PXS_OK)
        return 0;
    const char *line = strstr(text, "VmPeak:");
    uint64_t kib = line ? strtoull(line + strlen("VmPeak:"), NULL, 10) : 0;
    free(text);
    return kib * 1024;
}

int pxs_probe_worker(const struct pxs_job *job, struct pxs_stop *stop, struct pxs_logger log) {
    struct pxs_lifeline watcher = {.quit = -1};
    struct pxs_error err;
    struct rusage usage = {0};
    /* It leaves no files behind, so it needs no time to stop. */
    enum pxs_status status = pxs_lifeline_start(&watcher, stop, 0, &err);
    limit_memory(job->memory, (int)job->threads);
    if (status == PXS_OK)
        status = carry_out(job, stop, log, &err);
    getrusage(RUSAGE_SELF, &usage);
    if (status == PXS_OK)
        pxs_log(log, PXS_LOG_INFO, PXS_PROBE_TOOK "%lld %llu", (long long)usage.ru_maxrss * 1024,
                (unsigned long long)most_mapped());
    else
        pxs_log(log, PXS_LOG_INFO, "%s%s",
                status == PXS_E_NOMEM ? PXS_PROBE_NOMEM : PXS_PROBE_REFUSED, err.message);
    pxs_lifeline_stop(&watcher);
    return status == PXS_OK          ? PXS_EXIT_COMPLETED
           : status == PXS_E_STOPPED ? PXS_EXIT_STOPPED
                                     : PXS_EXIT_FAILED;
}
