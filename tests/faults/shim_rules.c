/* The rules. FAULT="rule;rule;...", a rule is "key=value,key=value,...":
 *
 * - op: open, write, read, sync, rename, truncate, mkdir, unlink, mmap, lock, alloc, thread, fork,
 *   clock, statfs, statvfs, or call: any of those up to lock
 * - process: pattern for the command (worker, run, plan, ...); default: all
 * - match: pattern for the path below FAULT_ROOT (a temporary file's number left out); default: all
 * - n: the first call that is hit, from 1; 0 (default): none, calls are only counted
 * - count: how many calls in a row are hit, default 1; 0: all from then on
 * - each: 1: every process counts for itself; else the count goes on from process to process
 * - while: file; calls are hit only while it exists
 * - action: fail (default), short, kill, half, after
 * - errno: ENOSPC (default), EIO, EDQUOT, EROFS, EACCES, EMFILE, ENOMEM, EAGAIN, EINTR, ENOLCK,
 *   EPERM
 * - who: whom the signal hits: self (default), parent, both
 * - signal: KILL (default), TERM, INT, USR1, HUP, STOP
 * - value: number for clock, statfs, statvfs
 *
 * FAULT_STATE names a file of 4096 zero bytes that holds two 64-bit counters a rule (calls seen,
 * calls hit), so that they survive a kill and are shared by the supervisor and its workers.
 * FAULT_LOG: every call is appended to it. */
#undef _FILE_OFFSET_BITS

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_RULES = 8, TEXT = 256 };

enum who { SELF, PARENT, BOTH };

struct rule {
    enum shim_op op;
    bool here; /* its `process` is this one */
    bool kills, each;
    enum shim_action action;
    enum who who;
    int error, signal;
    uint64_t n, count;
    int64_t value;
    char process[TEXT], match[TEXT], while_file[TEXT];
};

struct counter {
    _Atomic uint64_t seen, hit;
};

static struct rule rules[MAX_RULES];
static int n_rules;
static struct counter own[MAX_RULES], *shared = own;
static char root[PATH_MAX], command[64];
static int log_fd = -1;
static uintptr_t blas_from, blas_to;
static __thread const struct rule *last;
static __thread bool busy; /* what the shim itself calls is not counted */

static const char *const op_names[SHIM_OPS] = {
    "open", "write", "read",   "sync", "rename", "truncate", "mkdir",   "unlink", "mmap",
    "lock", "alloc", "thread", "fork", "clock",  "statfs",   "statvfs", "call"};

/* ---- the environment ------------------------------------------------------------------------ */

/* A test with a mistake in its rule must not pass as if nothing could go wrong. */
static void refuse(const char *what, const char *text) {
    char line[TEXT * 2];
    int n = snprintf(line, sizeof line, "shim: %s: %s\n", what, text);
    syscall(SYS_write, 2, line, (size_t)n);
    _exit(99);
}

static int index_of(const char *const names[], int n, const char *what, const char *text) {
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    refuse(what, text);
    return 0;
}

static int error_of(const char *text) {
    static const char *const names[] = {"ENOSPC", "EIO",    "EDQUOT", "EROFS",  "EACCES", "EMFILE",
                                        "ENOMEM", "EAGAIN", "EINTR",  "ENOLCK", "EPERM"};
    static const int numbers[] = {ENOSPC, EIO,    EDQUOT, EROFS,  EACCES, EMFILE,
                                  ENOMEM, EAGAIN, EINTR,  ENOLCK, EPERM};
    return numbers[index_of(names, sizeof names / sizeof *names, "errno", text)];
}

static int signal_of(const char *text) {
    static const char *const names[] = {"KILL", "TERM", "INT", "USR1", "HUP", "STOP"};
    static const int numbers[] = {SIGKILL, SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGSTOP};
    return numbers[index_of(names, 6, "signal", text)];
}

static void set_action(struct rule *r, const char *text) {
    static const char *const names[] = {"fail", "short", "kill", "half", "after"};
    static const enum shim_action actions[] = {SHIM_FAIL, SHIM_SHORT, SHIM_FAIL, SHIM_HALF,
                                               SHIM_AFTER};
    int i = index_of(names, 5, "action", text);
    r->action = actions[i];
    r->kills = i == 2;
}

static void set_key(struct rule *r, const char *key, const char *value) {
    static const char *const keys[] = {"op",    "process", "match", "n",   "count", "each",
                                       "while", "action",  "errno", "who", "value", "signal"};
    static const char *const whos[] = {"self", "parent", "both"};
    switch (index_of(keys, 12, "no such key", key)) {
    case 0:
        r->op = (enum shim_op)index_of(op_names, SHIM_OPS, "op", value);
        break;
    case 1:
        snprintf(r->process, TEXT, "%s", value);
        break;
    case 2:
        snprintf(r->match, TEXT, "%s", value);
        break;
    case 3:
        r->n = strtoull(value, NULL, 0);
        break;
    case 4:
        r->count = strtoull(value, NULL, 0);
        break;
    case 5:
        r->each = strtoull(value, NULL, 0) != 0;
        break;
    case 6:
        snprintf(r->while_file, TEXT, "%s", value);
        break;
    case 7:
        set_action(r, value);
        break;
    case 8:
        r->error = error_of(value);
        break;
    case 9:
        r->who = (enum who)index_of(whos, 3, "who", value);
        break;
    case 10:
        r->value = strtoll(value, NULL, 0);
        break;
    default:
        r->signal = signal_of(value);
    }
}

static void add_rule(char *text) {
    char *at = NULL;
    if (n_rules == MAX_RULES)
        refuse("too many rules", text);
    struct rule *r = &rules[n_rules];
    *r = (struct rule){
        .op = SHIM_OPS, .count = 1, .action = SHIM_FAIL, .error = ENOSPC, .signal = SIGKILL};
    strcpy(r->process, "*");
    strcpy(r->match, "*");
    for (char *word = strtok_r(text, ",", &at); word; word = strtok_r(NULL, ",", &at)) {
        char *value = strchr(word, '=');
        if (!value)
            refuse("not key=value", word);
        else {
            *value = '\0';
            set_key(r, word, value + 1);
        }
    }
    if (r->op == SHIM_OPS)
        refuse("a rule without op", getenv("FAULT"));
    r->here = fnmatch(r->process, command, 0) == 0;
    n_rules++;
}

/* The command that this process is (argv[1]); "" in programs that are not pixsweep, which are left
 * alone. */
static void find_command(void) {
    char text[512], exe[PATH_MAX];
    ssize_t n = syscall(SYS_readlink, "/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(exe, '/');
    if (!slash || strcmp(slash, "/pixsweep") != 0)
        return;
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    n = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    text[n > 0 ? n : 0] = '\0';
    size_t first = strlen(text) + 1;
    snprintf(command, sizeof command, "%s", (ssize_t)first < n ? text + first : "none");
}

static void open_state(const char *path) {
    if (!path)
        return;
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *at = (void *)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || at == MAP_FAILED)
        refuse("FAULT_STATE", path);
    syscall(SYS_close, fd);
    shared = at;
}

/* OpenBLAS ends the process where it gets no memory: it is left out of what starves. It may be
 * loaded at any time. */
static int find_blas(struct dl_phdr_info *info, size_t size, void *user) {
    (void)size, (void)user;
    if (!strstr(info->dlpi_name, "libopenblas"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD)
            continue;
        uintptr_t from = info->dlpi_addr + p->p_vaddr;
        blas_from = blas_from && blas_from < from ? blas_from : from;
        blas_to = from + p->p_memsz > blas_to ? from + p->p_memsz : blas_to;
    }
    return 1;
}

static bool is_blas(uintptr_t at) {
    if (blas_to == 0)
        dl_iterate_phdr(find_blas, NULL);
    return at >= blas_from && at < blas_to;
}

__attribute__((constructor)) static void begin(void) {
    static char text[4096];
    char *at = NULL;
    const char *fault = getenv("FAULT"), *log = getenv("FAULT_LOG"), *folder = getenv("FAULT_ROOT");
    find_command();
    if (!command[0] || !folder)
        return;
    snprintf(root, sizeof root, "%s", folder);
    snprintf(text, sizeof text, "%s", fault ? fault : "");
    open_state(getenv("FAULT_STATE"));
    if (log) {
        long fd =
            syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        log_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 300);
        syscall(SYS_close, fd);
    }
    for (char *rule = strtok_r(text, ";", &at); rule; rule = strtok_r(NULL, ";", &at))
        add_rule(rule);
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* The part of an absolute path below the folder watched, NULL outside it. */
static const char *below_root(const char *path) {
    size_t n = strlen(root);
    if (n == 0 || strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return NULL;
    return path[n] ? path + n + 1 : path + n;
}

static void absolute(const char *path, char out[PATH_MAX]) {
    size_t n = 0;
    out[0] = '\0';
    if (path[0] != '/' && syscall(SYS_getcwd, out, PATH_MAX) > 0)
        n = strlen(out);
    snprintf(out + n, PATH_MAX - n, "%s%s", n ? "/" : "", path);
}

/* "x.tmp.4711" is "x.tmp" in every process. */
static void drop_number(char *path) {
    char *temp = strstr(path, ".tmp.");
    if (temp && temp[5] && temp[5 + strspn(temp + 5, "0123456789")] == '\0')
        temp[4] = '\0';
}

bool shim_inside(const char *path) {
    char full[PATH_MAX];
    absolute(path, full);
    return below_root(full) != NULL;
}

static enum shim_action decide_absolute(enum shim_op op, char *full) {
    drop_number(full);
    const char *name = below_root(full);
    return name ? shim_decide(op, name) : SHIM_PASS;
}

enum shim_action shim_decide_path(enum shim_op op, const char *path) {
    char full[PATH_MAX];
    if (!shim_watches(op))
        return SHIM_PASS;
    absolute(path, full);
    return decide_absolute(op, full);
}

enum shim_action shim_decide_fd(enum shim_op op, int fd) {
    char link[64], full[PATH_MAX];
    if (!shim_watches(op))
        return SHIM_PASS;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlink, link, full, sizeof full - 1);
    full[n > 0 ? n : 0] = '\0';
    return decide_absolute(op, full);
}

/* ---- decisions ------------------------------------------------------------------------------ */

static bool is_about(const struct rule *r, enum shim_op op) {
    return r->op == op || (r->op == SHIM_CALL && op <= SHIM_LOCK);
}

bool shim_watches(enum shim_op op) {
    for (int i = 0; i < n_rules; i++)
        if (is_about(&rules[i], op))
            return true;
    return log_fd >= 0 && op != SHIM_ALLOC && op != SHIM_CLOCK;
}

static void note(enum shim_op op, const char *path, const char *what) {
    char line[TEXT * 2];
    if (log_fd < 0)
        return;
    int n = snprintf(line, sizeof line, "%s %s %.300s%s\n", command, op_names[op],
                     path[0] ? path : "-", what);
    syscall(SYS_write, log_fd, line, (size_t)n);
}

/* Counts the call; true where it is one that the rule hits. */
static bool hits(int i, uint64_t *seen) {
    const struct rule *r = &rules[i];
    uint64_t all = atomic_fetch_add(&shared[i].seen, 1) + 1;
    uint64_t mine = shared == own ? all : atomic_fetch_add(&own[i].seen, 1) + 1;
    *seen = r->each ? mine : all;
    if (r->n == 0 || *seen < r->n || (r->count > 0 && *seen >= r->n + r->count))
        return false;
    return !r->while_file[0] || syscall(SYS_access, r->while_file, F_OK) == 0;
}

void shim_kill(void) {
    if (last->who != SELF)
        syscall(SYS_kill, getppid(), last->signal);
    if (last->who != PARENT)
        syscall(SYS_kill, getpid(), last->signal);
}

/* Of an allocation nothing is asked of the C library: fnmatch takes locks of the locale, and what
 * allocates may hold them. */
enum shim_action shim_decide(enum shim_op op, const char *path) {
    enum shim_action action = SHIM_PASS;
    if (busy)
        return action;
    busy = true;
    for (int i = 0; i < n_rules; i++) {
        uint64_t seen;
        if (!rules[i].here || !is_about(&rules[i], op) ||
            (op != SHIM_ALLOC && fnmatch(rules[i].match, path, 0) != 0) || !hits(i, &seen) ||
            action != SHIM_PASS)
            continue;
        last = &rules[i];
        action = rules[i].action;
        atomic_fetch_add(&shared[i].hit, 1);
    }
    if (op != SHIM_ALLOC || action != SHIM_PASS)
        note(op, path, action == SHIM_PASS ? "" : " HIT");
    busy = false;
    if (action == SHIM_PASS)
        return action;
    if (last->kills) {
        shim_kill();
        return SHIM_PASS; /* the other process was hit, or it was not SIGKILL */
    }
    errno = last->error;
    return action;
}

bool shim_starves(const void *caller) {
    uintptr_t at = (uintptr_t)caller;
    char place[64];
    if (n_rules == 0 || busy || !shim_watches(SHIM_ALLOC) || is_blas(at))
        return false;
    snprintf(place, sizeof place, "%p", caller);
    if (shim_decide(SHIM_ALLOC, place) == SHIM_PASS)
        return false;
    errno = ENOMEM;
    return true;
}

int64_t shim_jump(void) {
    int64_t jump = 0;
    for (int i = 0; i < n_rules && !busy; i++) {
        uint64_t seen;
        if (rules[i].op == SHIM_CLOCK && rules[i].here && hits(i, &seen)) {
            atomic_fetch_add(&shared[i].hit, 1);
            jump += rules[i].value;
        }
    }
    return jump;
}

int64_t shim_value(void) {
    return last->value;
}
