/* This machine and its processes: names that stay unique after a reboot and when a pid is reused,
 * and the memory that is available. */
#include "pixsweep/base.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SMALL_FILE ((size_t)1 << 20)

/* The beginning of a file of /proc as text, without allocating: where memory is short, a process
 * that lives must not be taken for dead, nor this machine for another one. */
static bool read_start(const char *path, char *text, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

void pxs_host_detect(struct pxs_host *host) {
    char text[64];
    memset(host, 0, sizeof *host);
    gethostname(host->name, sizeof host->name - 1);
    if (read_start("/proc/sys/kernel/random/boot_id", text, sizeof text))
        snprintf(host->boot_id, sizeof host->boot_id, "%.*s", (int)strcspn(text, "\n"), text);
}

/* State letter and start time of a process; false where there is none. */
static bool look_up(int64_t pid, char *state, int64_t *start) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (pid <= 0 || !read_start(path, text, sizeof text))
        return false;
    /* The second field is the name in brackets and may hold anything; the 22nd is the start
     * time. */
    const char *at = strrchr(text, ')');
    *state = at && at[1] == ' ' ? at[2] : '\0';
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    *start = at ? strtoll(at, NULL, 10) : 0;
    return at;
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

void pxs_stand_still(void) {
    struct sigaction by_default = {.sa_handler = SIG_DFL}, before;
    sigset_t it, mask;
    sigemptyset(&it);
    sigaddset(&it, SIGTSTP);
    sigaction(SIGTSTP, &by_default, &before);
    sigprocmask(SIG_UNBLOCK, &it, &mask);
    raise(
        SIGTSTP); /* the kernel ignores it in an orphaned process group, which nothing continues */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGTSTP, &before, NULL);
}

uint64_t pxs_address_space(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur
                                                                                : UINT64_MAX;
}

/* MemAvailable in /proc/meminfo; UINT64_MAX = unknown. */
static uint64_t machine_memory(const char *root) {
    char path[4096], *text = NULL;
    size_t bytes;
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (pxs_read_file(path, SMALL_FILE, &text, &bytes, NULL) != PXS_OK)
        return UINT64_MAX;
    const char *line = strstr(text, "MemAvailable:");
    uint64_t kib = line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) : 0;
    free(text);
    return line ? kib * 1024 : UINT64_MAX;
}

void pxs_memory_look(const char *root, struct pxs_memory *out) {
    struct pxs_cgroup groups;
    const uint64_t machine = machine_memory(root), space = pxs_address_space();
    char text[32];
    pxs_cgroup_look(root, &groups);
    *out = (struct pxs_memory){.available = machine, .from = "this machine has no more"};
    if (groups.memory_left < out->available) {
        out->available = groups.memory_left;
        out->limited = true;
        memcpy(out->from, groups.memory_from, sizeof out->from);
    }
    if (space < out->available) {
        out->available = space;
        out->limited = out->address_space = true;
        pxs_format_bytes(text, space);
        snprintf(out->from, sizeof out->from, "ulimit -v allows %s", text);
    }
    if (out->available == UINT64_MAX)
        *out = (struct pxs_memory){0};
    else if (out->available == 0)
        out->available = 1; /* nothing is left; 0 would mean unknown */
}
