#include "base_tests.h"
#include "pixsweep/base.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(durations)
{
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {{0, "0.0 ms"},
                {0.0012, "1.2 ms"},
                {0.85, "850 ms"},
                {0.9996, "1.0 s"},
                {12.34, "12.3 s"},
                {59.96, "1 m 00 s"},
                {250, "4 m 10 s"},
                {245.2, "4 m 05 s"},
                {3599.6, "1 h 00 m"},
                {7500, "2 h 05 m"},
                {86399, "1 d 00 h"},
                {86369, "23 h 59 m"},
                {3 * 86400 + 4 * 3600, "3 d 04 h"},
                {-1, "?"},
                {NAN, "?"},
                {INFINITY, "?"}};
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        char buf[32];
        pxs_format_duration(buf, rows[i].seconds);
        ck_assert_str_eq(buf, rows[i].text);
    }
}
END_TEST

START_TEST(sizes)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},          {512, "512 B"},         {999, "999 B"},        {1000, "1.0 kB"},
        {1400000, "1.4 MB"}, {99949999, "99.9 MB"},  {120000000, "120 MB"}, {999499, "999 kB"},
        {999500, "1.0 MB"},  {UINT64_MAX, "18.4 EB"}};
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        char buf[32];
        pxs_format_bytes(buf, rows[i].bytes);
        ck_assert_str_eq(buf, rows[i].text);
    }
}
END_TEST

START_TEST(utc)
{
    char buf[32];
    pxs_format_utc(buf, 1777901825999);
    ck_assert_str_eq(buf, "2026-05-04 13:37:05");
    pxs_format_utc(buf, 0);
    ck_assert_str_eq(buf, "1970-01-01 00:00:00");
    pxs_format_utc(buf, -1);
    ck_assert_str_eq(buf, "1969-12-31 23:59:59");
    pxs_format_utc(buf, INT64_MAX);
    ck_assert_uint_lt(strlen(buf), 32);
}
END_TEST

START_TEST(local_times)
{
    static const struct {
        int64_t seconds; /* from a Friday, 22:40 */
        const char *text;
    } rows[] = {{0, "22:40"},
                {3600, "23:40"},
                {4800, "Sat 00:00"},
                {27600, "Sat 06:20"},
                {6 * 86400, "Thu 22:40"},
                {7 * 86400, "2026-01-09 22:40"},
                {-86400, "2026-01-01 22:40"},
                {-3 * 86400, "2025-12-30 22:40"}};
    const int64_t friday = INT64_C(1767386400); /* 2026-01-02 20:40 UTC */
    char buf[32];
    setenv("TZ", "EET-2", 1);
    tzset();
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        pxs_format_local(buf, (friday + rows[i].seconds) * 1000, friday * 1000);
        ck_assert_str_eq(buf, rows[i].text);
    }
    /* over the turn of the year */
    pxs_format_local(buf, INT64_C(1767222000000), INT64_C(1767211200000));
    ck_assert_str_eq(buf, "Thu 01:00");
    pxs_format_local(buf, INT64_MAX, friday * 1000);
    ck_assert_uint_lt(strlen(buf), 32);
    unsetenv("TZ");
    tzset();
}
END_TEST

/* A process is itself by pid and start time; a dead one that nobody has waited for is dead. */
START_TEST(processes)
{
    int64_t own = getpid(), start = pxs_pid_start(own);
    ck_assert_int_gt(start, 0);
    ck_assert(pxs_pid_alive(own, start));
    ck_assert(pxs_pid_alive(own, 0));
    ck_assert(!pxs_pid_alive(own, start + 1));
    ck_assert(!pxs_pid_alive(0, 0));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_gt(pxs_pid_start(child), 0);
    ck_assert(!pxs_pid_alive(child, pxs_pid_start(child)));
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert(!pxs_pid_alive(child, 0));
}
END_TEST

START_TEST(clocks_run)
{
    double a = pxs_monotonic();
    int64_t ms = pxs_now_ms();
    double b = pxs_monotonic();
    ck_assert(b >= a);
    ck_assert_int_gt(ms, 1700000000000);
}
END_TEST

START_TEST(machine)
{
    struct pxs_cpu cpu;
    pxs_cpu_detect(&cpu);
    ck_assert_int_ge(cpu.cores, 1);
    ck_assert_str_ne(cpu.model, "");
    ck_assert(!cpu.avx512 || cpu.avx2_fma);
    cpu_set_t all, one;
    CPU_ZERO(&one);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    pxs_cpu_detect(&cpu);
    ck_assert_int_eq(cpu.cores, 1);
    sched_setaffinity(0, sizeof all, &all);
    ck_assert_str_eq(pxs_version(), PXS_VERSION);
    ck_assert_uint_ge(strlen(pxs_commit()), 7);
}
END_TEST

TCase *clock_case(void) {
    TCase *tc = tcase_create("clock");
    tcase_add_test(tc, durations);
    tcase_add_test(tc, sizes);
    tcase_add_test(tc, utc);
    tcase_add_test(tc, local_times);
    tcase_add_test(tc, processes);
    tcase_add_test(tc, clocks_run);
    tcase_add_test(tc, machine);
    return tc;
}
