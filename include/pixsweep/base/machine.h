/* Clock, this machine, threads. */
#ifndef PIXSWEEP_BASE_MACHINE_H
#define PIXSWEEP_BASE_MACHINE_H

#include "pixsweep/base/status.h"
#include "pixsweep/base/text.h"

/* ---- clock ---------------------------------------------------------------------------------- */

int64_t pxs_now_ms(void);   /* UTC milliseconds since 1970, for people */
double pxs_monotonic(void); /* seconds, for durations */
/* "850 ms", "12.3 s", "4 m 10 s", "2 h 05 m", "3 d 04 h" */
void pxs_format_duration(char buf[32], double seconds);
void pxs_format_utc(char buf[32], int64_t ms); /* "2026-05-04 13:37:05" (UTC) */
/* Local time, as short as is clear at `now_ms`: "06:20" on the same day, "Sat 06:20" within the
 * next six days, else "2026-12-05 06:20". */
void pxs_format_local(char buf[32], int64_t ms, int64_t now_ms);
void pxs_format_bytes(char buf[32], uint64_t bytes); /* "512 B", "1.4 MB" (1000-based) */

/* ---- this machine --------------------------------------------------------------------------- */

struct pxs_cpu {
    char model[96]; /* /proc/cpuinfo "model name", or "unknown" */
    bool avx2_fma;  /* AVX2 and FMA, and the system saves their registers */
    bool avx512;    /* AVX-512 F, BW, DQ, VL likewise */
    /* of this process: its affinity mask, or the whole cores of its CPU quota where that is less */
    int cores;
};
void pxs_cpu_detect(struct pxs_cpu *cpu);
struct pxs_host {
    char name[256], boot_id[64];
};
void pxs_host_detect(struct pxs_host *host);
/* Start time of a process in clock ticks since boot: with host, boot id and pid it is unique.
 * 0 = there is no such process. */
int64_t pxs_pid_start(int64_t pid);
/* Whether this process is alive on this machine; a zombie is not. pid_start 0: any process of that
 * pid. */
bool pxs_pid_alive(int64_t pid, int64_t pid_start);
/* What the control groups of this process allow it (cgroups v1 and v2; its own group and its
 * parents). */
struct pxs_cgroup {
    /* bytes up to the nearest limit; page cache that can be dropped counts as free; UINT64_MAX = no
     * limit */
    uint64_t memory_left;
    char memory_from[256]; /* "memory.max is 1.2 GB in control group /job"; "" without limit */
    double cpus;           /* its CPU quota in cores; INFINITY = none */
    /* processes of its own group that the kernel's OOM killer has killed; -1 = unknown */
    int64_t oom_kills;
};
/* `root`: a folder that is read in place of /; "" = the machine itself. */
void pxs_cgroup_look(const char *root, struct pxs_cgroup *out);
/* Memory that all new processes together can get without swapping. */
struct pxs_memory {
    /* bytes: of this machine, its control groups or the address space allowed, whichever is least;
     * 0 = unknown */
    uint64_t available;
    bool limited; /* a limit sets it, not the size of the machine */
    /* that limit is of address space: it counts what a process maps, not what it touches */
    bool address_space;
    /* the reason as a phrase: "this machine has no more", "ulimit -v allows 1.0 GB" */
    char from[256];
};
void pxs_memory_look(const char *root, struct pxs_memory *out);
/* Bytes of address space that a process may have (RLIMIT_AS); UINT64_MAX = no limit. */
uint64_t pxs_address_space(void);
const char *pxs_version(void); /* "0.1.0" */
const char *pxs_commit(void);  /* "abc1234", "abc1234-dirty", or "unknown" */

/* "0-3,6": the cores of a set. */
void pxs_cores_text(const cpu_set_t *set, char *buf, size_t size);

/* ---- threads -------------------------------------------------------------------------------- */

/* A pool runs a job that is cut into `pieces`. Which thread runs a piece is undefined, and what a
 * piece computes may depend on its index only, so results never depend on the number of threads
 * (docs/contracts.md, Reproducibility). One thread at a time uses a pool; jobs do not nest. Waiting
 * threads spin briefly, then sleep. */
struct pxs_pool;
/* thread: 0 .. threads-1, to choose scratch memory only */
typedef void (*pxs_piece_fn)(void *user, int piece, int thread);
PXS_NODISCARD enum pxs_status pxs_pool_create(int threads, struct pxs_pool **out,
                                              struct pxs_error *err);
void pxs_pool_destroy(struct pxs_pool **pool);     /* NULL and *NULL are fine; nulls *pool */
int pxs_pool_threads(const struct pxs_pool *pool); /* NULL pool: 1 */
/* Returns when all pieces are done. NULL pool: the calling thread runs them in order. */
void pxs_pool_run(struct pxs_pool *pool, pxs_piece_fn fn, void *user, int pieces);

#endif
