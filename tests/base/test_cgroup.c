/* Limits of control groups, read from folders that stand for / on machines of every kind. */
#include "base_tests.h"
#include "pixsweep/base.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MB 1000000ULL
#define V1_NO_LIMIT "9223372036854771712\n"

static struct pxs_cgroup look(void) {
    struct pxs_cgroup g;
    pxs_cgroup_look(test_folder(), &g);
    return g;
}

static void expect_left(uint64_t left, const char *from) {
    struct pxs_cgroup g = look();
    ck_assert_uint_eq(g.memory_left, left);
    ck_assert_str_eq(g.memory_from, from);
}

#define V2_MOUNT                                                                            \
    "24 1 0:22 / /proc rw - proc proc rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 " \
    "cgroup2 rw\n"

/* Slurm and systemd: the job's limit stands above the step's. */
START_TEST(v2_parents)
{
    write_text("proc/self/cgroup", "0::/system.slice/job_7/step_0\n");
    write_text("proc/self/mountinfo", V2_MOUNT);
    write_text("sys/fs/cgroup/system.slice/memory.max", "max\n");
    write_text("sys/fs/cgroup/system.slice/job_7/memory.max", "1000000000\n");
    write_text("sys/fs/cgroup/system.slice/job_7/memory.current", "700000000\n");
    write_text("sys/fs/cgroup/system.slice/job_7/memory.stat",
               "anon 300000000\nfile 400000000\nslab_reclaimable 10000000\ninactive_file "
               "200000000\nactive_file "
               "150000000\nshmem 50000000\n");
    write_text("sys/fs/cgroup/system.slice/job_7/step_0/memory.max", "max\n");
    write_text("sys/fs/cgroup/system.slice/job_7/step_0/memory.high", "max\n");
    /* 700 MB are used, 360 MB of them can go. */
    expect_left(660 * MB, "memory.max is 1.0 GB in control group /system.slice/job_7");
    /* A lower one in the own group. */
    write_text("sys/fs/cgroup/system.slice/job_7/step_0/memory.max", "600000000\n");
    write_text("sys/fs/cgroup/system.slice/job_7/step_0/memory.current", "100000000\n");
    expect_left(500 * MB, "memory.max is 600 MB in control group /system.slice/job_7/step_0");
    write_text("sys/fs/cgroup/system.slice/job_7/step_0/memory.high", "400000000\n");
    expect_left(300 * MB, "memory.high is 400 MB in control group /system.slice/job_7/step_0");
    /* More is used than allowed: nothing is left, not almost everything. */
    write_text("sys/fs/cgroup/system.slice/job_7/step_0/memory.current", "450000000\n");
    expect_left(0, "memory.high is 400 MB in control group /system.slice/job_7/step_0");
}
END_TEST

/* A container with a namespace of its own sees itself as the root, which has limits
 * nevertheless. */
START_TEST(v2_namespace)
{
    write_text("proc/self/cgroup", "0::/\n");
    write_text("proc/self/mountinfo", V2_MOUNT);
    write_text("sys/fs/cgroup/memory.max", "2000000000\n");
    write_text("sys/fs/cgroup/memory.current", "500000000\n");
    write_text("sys/fs/cgroup/cpu.max", "250000 100000\n");
    write_text("sys/fs/cgroup/memory.events",
               "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
    expect_left(1500 * MB, "memory.max is 2.0 GB in control group /");
    ck_assert_double_eq(look().cpus, 2.5);
    ck_assert_int_eq(look().oom_kills, 2);
    /* Moved out of what its namespace shows. */
    write_text("proc/self/cgroup", "0::/../other\n");
    expect_left(1500 * MB, "memory.max is 2.0 GB in control group /../other");
}
END_TEST

#define V1_MOUNTS                                                                        \
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                \
    "32 31 0:29 %s /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"       \
    "35 31 0:32 %s /sys/fs/cgroup/memory rw,relatime shared:9 master:2 - cgroup cgroup " \
    "rw,memory\n"

static void v1_mounts(const char *from) {
    char text[1024];
    snprintf(text, sizeof text, V1_MOUNTS, from, from);
    write_text("proc/self/mountinfo", text);
}

START_TEST(v1_bare)
{
    v1_mounts("/");
    write_text("proc/self/cgroup", "9:name=systemd:/\n5:cpuacct,cpu:/jobs\n4:memory:/jobs/a\n");
    write_text("sys/fs/cgroup/memory/memory.limit_in_bytes", V1_NO_LIMIT);
    write_text("sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "900000000\n");
    write_text("sys/fs/cgroup/memory/jobs/memory.usage_in_bytes", "800000000\n");
    write_text("sys/fs/cgroup/memory/jobs/memory.stat",
               "cache 500000000\ninactive_file 1\nhierarchical_memory_limit 900000000\ntotal_cache "
               "500000000\ntotal_inactive_file 300000000\ntotal_active_file 100000000\n");
    write_text("sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes", V1_NO_LIMIT);
    write_text("sys/fs/cgroup/memory/jobs/a/memory.oom_control",
               "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    write_text("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "300000\n");
    write_text("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "100000\n");
    write_text("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    write_text("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    expect_left(500 * MB, "memory.limit_in_bytes is 900 MB in control group /jobs");
    ck_assert_int_eq(look().oom_kills, 4);
    ck_assert_double_eq(look().cpus, 3);
}
END_TEST

/* Docker: the path is the host's, and only the container's own group is mounted. */
START_TEST(v1_container)
{
    v1_mounts("/docker/abc");
    write_text("proc/self/cgroup", "5:cpuacct,cpu:/docker/abc\n4:memory:/docker/abc/inner\n");
    write_text("sys/fs/cgroup/memory/memory.limit_in_bytes", "700000000\n");
    write_text("sys/fs/cgroup/memory/memory.usage_in_bytes", "200000000\n");
    write_text("sys/fs/cgroup/memory/inner/memory.limit_in_bytes", V1_NO_LIMIT);
    write_text("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
    write_text("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    expect_left(500 * MB, "memory.limit_in_bytes is 700 MB in control group /docker/abc");
    ck_assert_double_eq(look().cpus, 0.5);
    /* The limit of a parent that is not mounted: the kernel tells it. */
    write_text("sys/fs/cgroup/memory/memory.stat",
               "hierarchical_memory_limit 300000000\ntotal_active_file 0\n");
    expect_left(100 * MB, "hierarchical_memory_limit is 300 MB in control group /docker/abc");
    /* The path is of another machine's making and not mounted at all. */
    write_text("proc/self/cgroup", "4:memory:/lxc/x\n");
    write_text("sys/fs/cgroup/memory/memory.stat", "");
    expect_left(500 * MB, "memory.limit_in_bytes is 700 MB in control group /lxc/x");
}
END_TEST

/* Both at once; the one that has the controller counts. A mount point with a blank in its name. */
START_TEST(hybrid)
{
    write_text("proc/self/mountinfo",
               "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
               "34 31 0:31 / /my\\040groups/cpu rw - cgroup cgroup rw,cpu\n"
               "35 31 0:32 / /my\\040groups/memory rw - cgroup cgroup rw,memory\n");
    write_text("proc/self/cgroup", "4:memory:/m\n1:cpu:/\n0::/u\n");
    write_text("sys/fs/cgroup/unified/u/cgroup.procs", "1\n");
    write_text("my groups/memory/m/memory.limit_in_bytes", "800000000\n");
    expect_left(800 * MB, "memory.limit_in_bytes is 800 MB in control group /m");
    write_text("sys/fs/cgroup/unified/u/memory.max", "300000000\n");
    expect_left(300 * MB, "memory.max is 300 MB in control group /u");
}
END_TEST

/* Two mounts of one hierarchy: the one that the own group is below. */
START_TEST(two_mounts)
{
    write_text("proc/self/mountinfo", "30 1 0:26 /elsewhere /first rw - cgroup2 cgroup2 rw\n"
                                      "31 1 0:26 /mine /second rw - cgroup2 cgroup2 rw\n");
    write_text("proc/self/cgroup", "0::/mine/x\n");
    write_text("first/memory.max", "1000000\n");
    write_text("second/x/memory.max", "5000000\n");
    expect_left(5 * MB, "memory.max is 5.0 MB in control group /mine/x");
}
END_TEST

START_TEST(none)
{
    static const char *const odd[] = {
        "", "\n", "x", "0:", "0::relative\n", "::::\n", "4:memory:/\n0::/\n"};
    for (size_t i = 0; i < PXS_COUNT(odd); i++) {
        write_text("proc/self/cgroup", odd[i]);
        write_text("proc/self/mountinfo",
                   i % 2 ? "1 2 3 - cgroup2\n - \n" : "30 1 0:26 / /c rw - cgroup2 cgroup2 rw\n");
        expect_left(UINT64_MAX, "");
        ck_assert(isinf(look().cpus));
        ck_assert_int_eq(look().oom_kills, -1);
    }
}
END_TEST

/* A container host has thousands of mounts; some lines are longer than any buffer. */
START_TEST(long_mountinfo)
{
    struct pxs_text text = {0};
    for (int i = 0; i < 400; i++)
        pxs_text_addf(&text, "%d 1 0:5 / /overlay/%0*d rw - overlay overlay rw\n", i,
                      i == 200 ? 20000 : 90, i);
    pxs_text_add(&text, V2_MOUNT);
    write_text("proc/self/mountinfo", text.text);
    pxs_text_finish(&text);
    write_text("proc/self/cgroup", "0::/a\n");
    write_text("sys/fs/cgroup/a/memory.max", "5000000\n");
    expect_left(5 * MB, "memory.max is 5.0 MB in control group /a");
}
END_TEST

/* The least of machine, groups and address space is what there is. */
START_TEST(memory)
{
    struct pxs_memory m;
    pxs_memory_look(test_folder(), &m);
    ck_assert_uint_eq(m.available, 0); /* nobody tells */
    write_text("proc/meminfo", "MemTotal: 9000000 kB\nMemAvailable:    1000000 kB\n");
    pxs_memory_look(test_folder(), &m);
    ck_assert_uint_eq(m.available, 1024 * MB);
    ck_assert_str_eq(m.from, "this machine has no more");
    write_text("proc/self/cgroup", "0::/\n");
    write_text("proc/self/mountinfo", V2_MOUNT);
    write_text("sys/fs/cgroup/memory.max", "300000000\n");
    pxs_memory_look(test_folder(), &m);
    ck_assert_uint_eq(m.available, 300 * MB);
    ck_assert_str_eq(m.from, "memory.max is 300 MB in control group /");
    write_text("sys/fs/cgroup/memory.current", "300000000\n");
    pxs_memory_look(test_folder(), &m);
    ck_assert_uint_eq(m.available, 1); /* 0 would be unknown */
}
END_TEST

START_TEST(address_space)
{
    struct pxs_memory m;
    /* more than any sanitizer maps */
    const struct rlimit limit = {(rlim_t)1 << 50, (rlim_t)1 << 50};
    write_text("proc/meminfo", "MemAvailable: 9000000000000 kB\n");
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    pxs_memory_look(test_folder(), &m);
    ck_assert_uint_eq(m.available, (uint64_t)1 << 50);
    ck_assert(m.address_space);
    ck_assert_str_eq(m.from, "ulimit -v allows 1.1 PB");
}
END_TEST

TCase *cgroup_case(void) {
    TCase *c = tcase_create("cgroup");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, v2_parents);
    tcase_add_test(c, v2_namespace);
    tcase_add_test(c, v1_bare);
    tcase_add_test(c, v1_container);
    tcase_add_test(c, hybrid);
    tcase_add_test(c, two_mounts);
    tcase_add_test(c, none);
    tcase_add_test(c, long_mountinfo);
    tcase_add_test(c, memory);
    tcase_add_test(c, address_space);
    return c;
}
