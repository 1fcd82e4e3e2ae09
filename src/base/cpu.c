/* The CPU of this machine, and the version of this build. */
#include "pixsweep/base.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "commit.h" /* made by the build: PXS_COMMIT */

/* From the line "model name\t: AMD EPYC". */
static void read_model(char *out, size_t size) {
    char line[512];
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        const char *name = colon + 1 + strspn(colon + 1, " \t");
        const size_t length = strcspn(name, "\n");
        if (length == 0)
            continue;
        snprintf(out, size, "%.*s", (int)length, name);
        break;
    }
    fclose(file);
}

/* The cores that this process may use. Of a quota of 2.5 cores these are two: a third thread would
 * be halted again and again while the others wait for it. */
static int count_cores(void) {
    struct pxs_cgroup groups;
    cpu_set_t set;
    int cores = 1;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        cores = CPU_COUNT(&set);
    } else { /* more than 1024 cores: a cpu_set_t is too small */
        const long online = sysconf(_SC_NPROCESSORS_ONLN);
        cores = online > 0 ? (int)online : 1;
    }
    pxs_cgroup_look("", &groups);
    if (groups.cpus >= cores)
        return cores;
    return groups.cpus < 1 ? 1 : (int)(groups.cpus + 0.01);
}

void pxs_cpu_detect(struct pxs_cpu *cpu) {
    memset(cpu, 0, sizeof *cpu);
    read_model(cpu->model, sizeof cpu->model);
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init(); /* also reads XCR0, the registers that the system saves */
    cpu->avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    cpu->avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    cpu->cores = count_cores();
}

const char *pxs_version(void) {
    return PXS_VERSION;
}

const char *pxs_commit(void) {
    return PXS_COMMIT;
}

void pxs_cores_text(const cpu_set_t *set, char *buf, size_t size) {
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
