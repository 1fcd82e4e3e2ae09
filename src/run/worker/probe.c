/* `pixsweep worker --probe 1 ...`: one batch of a configuration in a process of its own, which says how much memory it took. It
 * writes no file; its last words on stderr are for the supervisor (shapes.c). */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "worker_priv.h"

/* Of each thread, mapped and hardly touched, and yet counted by RLIMIT_DATA: OpenBLAS's buffer and the stack. */
#define UNTOUCHED_BYTES ((rlim_t)(128 + 8) << 20)

struct probe {
    const char *config, *kernels;
    int64_t parent, threads, memory;
};

static bool parse(struct probe *p, int argc, char *const argv[]) {
    for (int i = 0; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        bool known = true;
        if (strcmp(name, "--config") == 0)
            p->config = value;
        else if (strcmp(name, "--kernels") == 0)
            p->kernels = value;
        else if (strcmp(name, "--parent") == 0)
            known = pxs_parse_int(value, &p->parent);
        else if (strcmp(name, "--threads") == 0)
            known = pxs_parse_int(value, &p->threads);
        else if (strcmp(name, "--memory") == 0)
            known = pxs_parse_int(value, &p->memory);
        else
            known = strcmp(name, PXS_PROBE_OPTION) == 0;
        if (!known)
            return false;
    }
    return argc % 2 == 0 && p->config && p->kernels && p->parent > 0 && p->threads > 0;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

/* What does not fit is to fail here, in words, and not to have the system kill somebody. A sanitizer's shadow memory is no use of memory,
 * but would count as one. */
static void limit_memory(int64_t bytes, int threads) {
#ifndef SANITIZED
    const rlim_t most = (rlim_t)bytes + (rlim_t)threads * UNTOUCHED_BYTES;
    const struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    struct rlimit own;
    if (bytes > 0 && getrlimit(RLIMIT_DATA, &own) == 0 && own.rlim_cur > most &&
        setrlimit(RLIMIT_DATA, &limit) != 0)
        return; /* then the system's own limit holds */
#else
    (void)bytes;
    (void)threads;
#endif
}

static enum pxs_status read_params(const char *path, struct pxs_params *out, struct pxs_error *err) {
    struct pxs_config *config = NULL;
    struct pxs_point *point = malloc(sizeof *point);
    enum pxs_status status = point ? pxs_config_load(path, NULL, 0, &config, NULL, err) : pxs_fail_nomem(err);
    if (status == PXS_OK) {
        pxs_config_point(config, 0, point);
        *out = point->params;
    }
    pxs_config_destroy(&config);
    free(point);
    return status;
}

static enum pxs_status carry_out(const struct probe *p, struct pxs_stop *stop, struct pxs_logger log,
                                 struct pxs_error *err) {
    struct pxs_pool *pool = NULL;
    struct pxs_params *params = malloc(sizeof *params);
    enum pxs_status status = params ? read_params(p->config, params, err) : pxs_fail_nomem(err);
    if (status == PXS_OK)
        status = pxs_pool_create((int)p->threads, &pool, err);
    if (status == PXS_OK) {
        const struct pxs_train_job job = {
            .params = params, .pool = pool, .kernels = p->kernels, .stop = stop, .log = log};
        status = pxs_train_probe(&job, err);
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

int pxs_probe_worker(int argc, char *const argv[], struct pxs_stop *stop, struct pxs_logger log) {
    struct probe p = {0};
    struct pxs_lifeline watcher = {.quit = -1};
    struct pxs_error err;
    struct rusage usage = {0};
    if (!parse(&p, argc, argv)) {
        pxs_log(log, PXS_LOG_ERROR, "`worker` is started by `pixsweep run` only");
        return PXS_EXIT_USAGE;
    }
    if (!pxs_bind_to_parent(p.parent))
        return PXS_EXIT_STOPPED;
    /* It leaves nothing behind, so it needs no time to stop. */
    enum pxs_status status = pxs_lifeline_start(&watcher, stop, 0, &err);
    limit_memory(p.memory, (int)p.threads);
    if (status == PXS_OK)
        status = carry_out(&p, stop, log, &err);
    getrusage(RUSAGE_SELF, &usage);
    if (status == PXS_OK)
        pxs_log(log, PXS_LOG_INFO, PXS_PROBE_TOOK "%lld %llu", (long long)usage.ru_maxrss * 1024,
                (unsigned long long)most_mapped());
    else
        pxs_log(log, PXS_LOG_INFO, "%s%s", status == PXS_E_NOMEM ? PXS_PROBE_NOMEM : PXS_PROBE_REFUSED,
                err.message);
    pxs_lifeline_stop(&watcher);
    return status == PXS_OK          ? PXS_EXIT_COMPLETED
           : status == PXS_E_STOPPED ? PXS_EXIT_STOPPED
                                     : PXS_EXIT_FAILED;
}
