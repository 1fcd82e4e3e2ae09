#include "base_tests.h"
#include "pixsweep/base.h"

#include <string.h>
#include <time.h>

struct job {
    int counts[500];
    atomic_int in_thread[16]; /* pieces running under this thread index: never above 1 */
    atomic_int clashes, worst_thread;
    int pause_us;
};

static void count_piece(void *user, int piece, int thread) {
    struct job *job = user;
    if (atomic_fetch_add(&job->in_thread[thread], 1) != 0)
        atomic_fetch_add(&job->clashes, 1);
    if (thread > atomic_load(&job->worst_thread))
        atomic_store(&job->worst_thread, thread);
    job->counts[piece]++;
    if (job->pause_us)
        nanosleep(&(struct timespec){.tv_nsec = job->pause_us * 1000L}, NULL);
    atomic_fetch_sub(&job->in_thread[thread], 1);
}

static void check_job(int threads, int pieces, int runs, int pause_us, int gap_us) {
    struct pxs_pool *pool = NULL;
    static struct job job;
    memset(&job, 0, sizeof job);
    job.pause_us = pause_us;
    ck_assert_int_eq(pxs_pool_create(threads, &pool, NULL), PXS_OK);
    ck_assert_int_eq(pxs_pool_threads(pool), threads);
    for (int i = 0; i < runs; i++) {
        pxs_pool_run(pool, count_piece, &job, pieces);
        for (int k = 0; k < pieces; k++) /* plain reads: the pool must have ordered them */
            ck_assert_int_eq(job.counts[k], i + 1);
        if (gap_us)
            nanosleep(&(struct timespec){.tv_nsec = gap_us * 1000L}, NULL);
    }
    pxs_pool_destroy(&pool);
    ck_assert_ptr_null(pool);
    ck_assert_int_eq(job.clashes, 0);
    ck_assert_int_lt(job.worst_thread, threads);
}

START_TEST(every_piece_once)
{
    static const int threads[] = {1, 2, 3, 7}, pieces[] = {0, 1, 2, 5, 64, 499};
    for (size_t t = 0; t < PXS_COUNT(threads); t++)
        for (size_t p = 0; p < PXS_COUNT(pieces); p++)
            check_job(threads[t], pieces[p], 60, 0, 0);
}
END_TEST

START_TEST(wakes_sleepers)
{ /* gaps around the spinning time: workers fall asleep just as jobs come */
    static const int gaps[] = {1, 20, 50, 200, 1000};
    for (size_t g = 0; g < PXS_COUNT(gaps); g++) {
        check_job(2, 8, 100, 0, gaps[g]);
        check_job(4, 8, 100, 0, gaps[g]);
        check_job(2, 2, 50, 80, gaps[g]); /* long pieces: the caller falls asleep too */
    }
}
END_TEST

START_TEST(work_is_shared)
{ /* pieces that wait let every thread have some, even on one core */
    struct pxs_pool *pool = NULL;
    static struct job job;
    job.pause_us = 2000;
    ck_assert_int_eq(pxs_pool_create(3, &pool, NULL), PXS_OK);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* let them fall asleep */
    double start = pxs_monotonic();
    pxs_pool_run(pool, count_piece, &job, 60); /* 120 ms of waiting for one thread */
    ck_assert(pxs_monotonic() - start < 0.1);
    ck_assert_int_eq(job.worst_thread, 2);
    pxs_pool_destroy(&pool);
}
END_TEST

START_TEST(without_a_pool)
{
    static struct job job;
    pxs_pool_run(NULL, count_piece, &job, 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(job.counts[i], 1);
    ck_assert_int_eq(pxs_pool_threads(NULL), 1);
    struct pxs_pool *none = NULL;
    pxs_pool_destroy(NULL);
    pxs_pool_destroy(&none);
}
END_TEST

START_TEST(pools_come_and_go)
{
    for (int i = 0; i < 200; i++) {
        struct pxs_pool *pool = NULL;
        static struct job job;
        ck_assert_int_eq(pxs_pool_create(1 + i % 5, &pool, NULL), PXS_OK);
        if (i % 3)
            pxs_pool_run(pool, count_piece, &job, 3);
        pxs_pool_destroy(&pool);
    }
}
END_TEST

START_TEST(refuses_silly_counts)
{
    struct pxs_pool *pool = NULL;
    struct pxs_error err;
    ck_assert_int_eq(pxs_pool_create(0, &pool, &err), PXS_E_INVALID);
    ck_assert_int_eq(pxs_pool_create(5000, &pool, &err), PXS_E_INVALID);
    ck_assert_str_eq(err.message, "5000 threads asked for: must be 1 to 1024");
    ck_assert_ptr_null(pool);
}
END_TEST

TCase *threads_case(void) {
    TCase *tc = tcase_create("threads");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_piece_once);
    tcase_add_test(tc, wakes_sleepers);
    tcase_add_test(tc, work_is_shared);
    tcase_add_test(tc, without_a_pool);
    tcase_add_test(tc, pools_come_and_go);
    tcase_add_test(tc, refuses_silly_counts);
    return tc;
}
