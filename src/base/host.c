/* Names of this machine and of its processes that survive a reboot and a reused pid. */
#include "pixsweep/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE ((size_t)1 << 20)

void pxs_host_detect(struct pxs_host *host) {
    char *text = NULL;
    size_t bytes;
    memset(host, 0, sizeof *host);
    gethostname(host->name, sizeof host->name - 1);
    if (pxs_read_file("/proc/sys/kernel/random/boot_id", SMALL_FILE, &text, &bytes, NULL) == PXS_OK)
        snprintf(host->boot_id, sizeof host->boot_id, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
}

/* State letter and start time of a process; false where there is none. */
static bool look_up(int64_t pid, char *state, int64_t *start) {
    char path[64], *text = NULL;
    size_t bytes;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (pid <= 0 || pxs_read_file(path, SMALL_FILE, &text, &bytes, NULL) != PXS_OK)
        return false;
    /* The second field is the name in brackets and may hold anything; the 22nd is the start time. */
    const char *at = strrchr(text, ')');
    *state = at && at[1] == ' ' ? at[2] : '\0';
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    *start = at ? strtoll(at, NULL, 10) : 0;
    free(text);
    return at != NULL;
}

int64_t pxs_pid_start(int64_t pid) {
    char state;
    int64_t start;
    return look_up(pid, &state, &start) ? start : 0;
}

bool pxs_pid_alive(int64_t pid, int64_t pid_start) {
    char state;
    int64_t start;
    return look_up(pid, &state, &start) && state != 'Z' && state != 'X' &&
           (pid_start == 0 || pid_start == start);
}

uint64_t pxs_memory_available(void) {
    char *text = NULL;
    size_t bytes;
    if (pxs_read_file("/proc/meminfo", SMALL_FILE, &text, &bytes, NULL) != PXS_OK)
        return 0;
    const char *line = strstr(text, "MemAvailable:");
    uint64_t kib = line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) : 0;
    free(text);
    return kib * 1024;
}
