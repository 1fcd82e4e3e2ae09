/* Cores that workers are pinned to, told to every other pixsweep on this machine, of whatever user:
 * a lock a core, in a folder that everybody may write to. Who gets no lock is not pinned. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor_priv.h"

#define FOLDER "/dev/shm/pixsweep-cores"
#define FOLDER_VARIABLE \
    "PIXSWEEP_CORE_LOCKS" /* another folder: tests are not to wait for each other */

/* -1 where there is none to be trusted: a link, or a folder in which another user could put files
 * away. */
static int open_folder(void) {
    const char *path = getenv(FOLDER_VARIABLE) ? getenv(FOLDER_VARIABLE) : FOLDER;
    struct stat info;
    bool made = mkdir(path, 01777) == 0;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return -1;
    if (made && fchmod(dir, 01777) != 0) /* whatever the umask is */
        made = false;
    if (fstat(dir, &info) == 0 && (info.st_mode & 07777) == 01777)
        return dir;
    close(dir);
    return -1;
}

/* Made with O_EXCL alone: a sticky folder may forbid O_CREAT on another user's file. */
static int lock_core(int dir, int cpu) {
    char name[32];
    struct stat info;
    snprintf(name, sizeof name, "core-%d", cpu);
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        fd = openat(dir, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 && fchmod(fd, 0666) != 0) {
            close(fd);
            return -1;
        }
    }
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void pxs_cores_let_go(struct pxs_supervisor *s, struct pxs_slot *slot) {
    for (int cpu = 0; slot->holds_cores && cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &slot->pins)) {
            close(s->core_locks[cpu]);
            s->core_locks[cpu] = -1;
        }
    slot->holds_cores = false;
}

/* Those that were drawn first, then any other of our mask. */
static int take(struct pxs_supervisor *s, int dir, const cpu_set_t *from, int threads,
                cpu_set_t *got) {
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(got) < threads; cpu++) {
        if (!CPU_ISSET(cpu, from) || CPU_ISSET(cpu, got) || s->core_locks[cpu] >= 0)
            continue;
        s->core_locks[cpu] = lock_core(dir, cpu);
        if (s->core_locks[cpu] >= 0)
            CPU_SET(cpu, got);
    }
    return CPU_COUNT(got);
}

void pxs_cores_take(struct pxs_supervisor *s, struct pxs_slot *slot) {
    slot->pins = s->allowed;
    slot->holds_cores = false;
    if (!s->plan->slots.pinned || CPU_COUNT(&slot->cores) != slot->threads)
        return;
    int dir = open_folder();
    if (dir < 0)
        return;
    CPU_ZERO(&slot->pins);
    slot->holds_cores = true;
    if (take(s, dir, &slot->cores, slot->threads, &slot->pins) < slot->threads &&
        take(s, dir, &s->allowed, slot->threads, &slot->pins) < slot->threads) {
        pxs_cores_let_go(s, slot);
        slot->pins = s->allowed;
    }
    close(dir);
}
