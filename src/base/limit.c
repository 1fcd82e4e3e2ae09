/* Says which limit of the shell (`ulimit`) made a call fail, and the command that lifts it. */
#include "pixsweep/base.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* UINT64_MAX: none. */
static uint64_t limit_of(int resource) {
    struct rlimit limit;
    return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur
                                                                               : UINT64_MAX;
}

static void add(char out[PXS_LIMIT_WORDS], char letter, const char *whom, const char *amount,
                const char *of, const char *lifted) {
    const size_t used = strlen(out);
    snprintf(out + used, PXS_LIMIT_WORDS - used,
             " (`ulimit -%c` allows a %s %s%s; raise it where it is set: `ulimit -%c %s`)", letter,
             whom, amount, of, letter, lifted);
}

static void add_bytes(char out[PXS_LIMIT_WORDS], char letter, uint64_t most, const char *whom,
                      const char *of) {
    char bytes[32];
    pxs_format_bytes(bytes, most);
    if (most != UINT64_MAX)
        add(out, letter, whom, bytes, of, "unlimited");
}

static void add_count(char out[PXS_LIMIT_WORDS], char letter, uint64_t most, const char *whom,
                      const char *of) {
    char count[32], lifted[32];
    snprintf(count, sizeof count, "%llu", (unsigned long long)most);
    snprintf(lifted, sizeof lifted, "%llu", most < 512 ? 1024ULL : 2 * (unsigned long long)most);
    if (most != UINT64_MAX)
        add(out, letter, whom, count, of, lifted);
}

void pxs_limit_words(int number, char out[PXS_LIMIT_WORDS]) {
    const uint64_t space = limit_of(RLIMIT_AS), data = limit_of(RLIMIT_DATA);
    out[0] = '\0';
    if (number == EMFILE)
        add_count(out, 'n', limit_of(RLIMIT_NOFILE), "process", " open files");
    if (number == EFBIG)
        add_bytes(out, 'f', limit_of(RLIMIT_FSIZE), "file", "");
    if (number == EAGAIN && geteuid() != 0) /* root has no such limit */
        add_count(out, 'u', limit_of(RLIMIT_NPROC), "user", " processes and threads");
    if (number == ENOMEM || number == EAGAIN) { /* EAGAIN: no room for a thread's stack, either */
        add_bytes(out, 'v', space, "process", " of address space");
        if (data < space) /* data are part of the address space: a larger limit is never reached */
            add_bytes(out, 'd', data, "process", " of data");
    }
}

void pxs_limit_cpu_words(char out[PXS_LIMIT_WORDS]) {
    const uint64_t most = limit_of(RLIMIT_CPU);
    char seconds[32];
    out[0] = '\0';
    snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)most);
    if (most != UINT64_MAX)
        add(out, 't', "process", seconds, " s of CPU time", "unlimited");
}
