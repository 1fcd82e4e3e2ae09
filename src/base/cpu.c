/* What this machine is, and which build this is. */
#include "pixsweep/base.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "commit.h" /* made by the build: PXS_COMMIT */

/* "model name\t: AMD EPYC\n" -> "AMD EPYC" */
static bool model_of_line(const char *line, char *out, size_t size) {
    if (strncmp(line, "model name", 10) != 0)
        return false;
    const char *colon = strchr(line, ':');
    if (!colon)
        return false;
    const char *name = colon + 1 + strspn(colon + 1, " \t");
    snprintf(out, size, "%.*s", (int)strcspn(name, "\n"), name);
    return out[0] != '\0';
}

static void read_model(char *out, size_t size) {
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    char line[512], model[96];
    while (fgets(line, sizeof line, file)) {
        if (model_of_line(line, model, sizeof model)) {
            snprintf(out, size, "%s", model);
            break;
        }
    }
    fclose(file);
}

static int cores_in_mask(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    /* more than 1024 cores: the set above is too small */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* Of a quota of 2.5 cores, two: a third thread would be halted time and again while the others wait
 * for it. */
static int count_cores(void) {
    struct pxs_cgroup groups;
    int cores = cores_in_mask();
    pxs_cgroup_look("", &groups);
    if (groups.cpus >= cores)
        return cores;
    return groups.cpus < 1 ? 1 : (int)(groups.cpus + 0.01);
}

void pxs_cpu_detect(struct pxs_cpu *cpu) {
    memset(cpu, 0, sizeof *cpu);
    read_model(cpu->model, sizeof cpu->model);
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init(); /* looks at XCR0 too: what the system saves */
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
