/* The thread pool. One atomic integer, `remaining`, tells the workers what to do: above zero there
 * are pieces to claim, zero means wait, below zero means leave. A thread claims a piece by lowering
 * it. The job cannot end before every claimed piece is reported in `done`, so its description may
 * stand in plain memory. A worker that the system does not schedule delays a job only if it has
 * claimed a piece of it. */
#include "pixsweep/base.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_THREADS 1024
#define SPIN_SECONDS 60e-6
#define LEAVE (-1)

struct worker {
    struct pxs_pool *pool;
    pthread_t id;
    int index;
};

struct pxs_pool {
    int threads;
    bool spin;              /* no more threads than cores: a spinning thread slows down no other */
    struct worker *workers; /* threads - 1 */
    pxs_piece_fn fn;
    void *user;
    int pieces;
    _Alignas(64) atomic_int remaining;
    _Alignas(64) atomic_int done;
    /* workers in, or on their way into, futex_wait on `remaining` */
    _Alignas(64) atomic_int sleepers;
    atomic_int caller_sleeps;
};

static void futex_wait(atomic_int *word, int expected) {
    /* Returns at once when *word differs, and may return early; the caller's loop checks again. */
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(atomic_int *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Spins for a short time while *word is `value`; returns the value seen last. */
static int spin_while(const struct pxs_pool *pool, atomic_int *word, int value) {
    int seen = atomic_load_explicit(word, memory_order_acquire);
    if (!pool->spin || seen != value)
        return seen;
    double end = pxs_monotonic() + SPIN_SECONDS;
    do {
        for (int i = 0; i < 32 && seen == value; i++) {
            cpu_relax();
            seen = atomic_load_explicit(word, memory_order_acquire);
        }
    } while (seen == value && pxs_monotonic() < end);
    return seen;
}

/* Claims a piece: the number that remained before, or 0 (the worker's loop handles LEAVE). */
static int claim(struct pxs_pool *pool) {
    int seen = atomic_load_explicit(&pool->remaining, memory_order_acquire);
    while (seen > 0)
        if (atomic_compare_exchange_weak_explicit(&pool->remaining, &seen, seen - 1,
                                                  memory_order_acq_rel, memory_order_acquire))
            return seen;
    return 0;
}

/* Runs pieces until none is left to claim, then reports them; before that this job cannot end, nor
 * another begin. */
static void drain(struct pxs_pool *pool, int thread) {
    int taken = 0, pieces = 0, left;
    while ((left = claim(pool)) > 0) {
        pieces = pool->pieces;
        pool->fn(pool->user, pieces - left, thread);
        taken++;
    }
    if (taken == 0)
        return;
    int before = atomic_fetch_add(&pool->done, taken);
    if (before + taken == pieces && atomic_load(&pool->caller_sleeps))
        futex_wake(&pool->done, 1);
}

static void *worker_main(void *arg) {
    struct worker *worker = arg;
    struct pxs_pool *pool = worker->pool;
    for (;;) {
        int seen = spin_while(pool, &pool->remaining, 0);
        if (seen == LEAVE)
            return NULL;
        if (seen > 0) {
            drain(pool, worker->index);
            continue;
        }
        /* Announce the sleep, then let the kernel compare: pxs_pool_run stores `remaining` before
         * it reads `sleepers`, so either it sees this sleeper and wakes it, or the comparison
         * fails. */
        atomic_fetch_add(&pool->sleepers, 1);
        futex_wait(&pool->remaining, 0);
        atomic_fetch_sub(&pool->sleepers, 1);
    }
}

static void wait_done(struct pxs_pool *pool, int pieces) {
    int seen = atomic_load_explicit(&pool->done, memory_order_acquire);
    while (seen != pieces) {
        int now = spin_while(pool, &pool->done, seen);
        if (now != seen) {
            seen = now;
            continue;
        }
        atomic_store(&pool->caller_sleeps, 1);
        futex_wait(&pool->done, seen);
        atomic_store(&pool->caller_sleeps, 0);
        seen = atomic_load_explicit(&pool->done, memory_order_acquire);
    }
}

void pxs_pool_run(struct pxs_pool *pool, pxs_piece_fn fn, void *user, int pieces) {
    if (!pool || pool->threads == 1 || pieces <= 1) {
        for (int piece = 0; piece < pieces; piece++)
            fn(user, piece, 0);
        return;
    }
    pool->fn = fn;
    pool->user = user;
    pool->pieces = pieces;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_store(&pool->remaining, pieces);
    if (atomic_load(&pool->sleepers) > 0)
        futex_wake(&pool->remaining, pieces - 1);
    drain(pool, 0);
    wait_done(pool, pieces);
}

/* Makes the `started` threads leave and waits for them. */
static void stop_workers(struct pxs_pool *pool, int started) {
    atomic_store(&pool->remaining, LEAVE);
    futex_wake(&pool->remaining, INT_MAX);
    for (int i = 0; i < started; i++)
        pthread_join(pool->workers[i].id, NULL);
}

static void pool_free(struct pxs_pool *pool) {
    free(pool->workers);
    pxs_aligned_free(pool);
}

enum pxs_status pxs_pool_create(int threads, struct pxs_pool **out, struct pxs_error *err) {
    if (threads < 1 || threads > MAX_THREADS)
        return pxs_fail(err, PXS_E_INVALID, "%d threads asked for: must be 1 to %d", threads,
                        MAX_THREADS);
    struct pxs_cpu cpu;
    pxs_cpu_detect(&cpu);
    struct pxs_pool *pool = pxs_aligned_alloc(sizeof *pool);
    if (!pool)
        return pxs_fail_nomem(err);
    pool->threads = threads;
    pool->spin = threads <= cpu.cores;
    pool->workers = calloc((size_t)threads, sizeof *pool->workers);
    if (!pool->workers) {
        pool_free(pool);
        return pxs_fail_nomem(err);
    }

    /* Workers start with all signals blocked: handlers run in the program's own threads. */
    sigset_t all, before;
    int started = 0, rc = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; started < threads - 1 && rc == 0; started += rc == 0) {
        struct worker *worker = &pool->workers[started];
        *worker = (struct worker){.pool = pool, .index = started + 1};
        rc = pthread_create(&worker->id, NULL, worker_main, worker);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        stop_workers(pool, started);
        pool_free(pool);
        errno = rc;
        return pxs_fail_start(err, "cannot start thread %d of %d", started + 2, threads);
    }
    *out = pool;
    return PXS_OK;
}

void pxs_pool_destroy(struct pxs_pool **pool) {
    if (!pool || !*pool)
        return;
    stop_workers(*pool, (*pool)->threads - 1);
    pool_free(*pool);
    *pool = NULL;
}

int pxs_pool_threads(const struct pxs_pool *pool) {
    return pool ? pool->threads : 1;
}
