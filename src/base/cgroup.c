/* Memory and CPU time that the control groups of this process (v1, v2 or both) leave it:
 * containers, Slurm and systemd set limits by them.
 *
 * /proc/self/cgroup names the group of this process, /proc/self/mountinfo the folder where the
 * hierarchy is mounted and the group that this folder stands for. In a container the path may be
 * "/" or one that is not mounted here; then the mounted group is read. A group is bound by the
 * limits of its parents, too. Nothing here allocates, since it is called to find out how much
 * memory there is. */
#include "pixsweep/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096, LINE = 8192, STATISTICS = 16384 };

/* A hierarchy that this process is in, and the folder of its own group. */
struct place {
    char group[PATH]; /* as /proc/self/cgroup has it; "" = not in such a hierarchy */
    char top[PATH];   /* where it is mounted; "" = nowhere */
    size_t stripped;  /* bytes of `group` that lie above the mount */
};

/* ---- reading -------------------------------------------------------------------------------- */

/* The start of a small file as text; false where it cannot be read. */
static bool read_start(const char *path, char *buf, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t used = 0;
    if (fd < 0)
        return false;
    for (ssize_t n = 1; n > 0 && used + 1 < size; used += n > 0 ? (size_t)n : 0) {
        do
            n = read(fd, buf + used, size - 1 - used);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
            close(fd);
            return false;
        }
    }
    buf[used] = '\0';
    close(fd);
    return true;
}

/* Calls `fn` for each line; a line longer than LINE is skipped. */
static void each_line(const char *path, void (*fn)(char *line, void *user), void *user) {
    char buf[LINE];
    size_t used = 0;
    bool skips = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    for (ssize_t n = fd < 0 ? 0 : 1; n > 0;) {
        do
            n = read(fd, buf + used, sizeof buf - used);
        while (n < 0 && errno == EINTR);
        used += n > 0 ? (size_t)n : 0;
        char *line = buf, *end;
        while ((end = memchr(line, '\n', used - (size_t)(line - buf)))) {
            *end = '\0';
            if (!skips)
                fn(line, user);
            skips = false;
            line = end + 1;
        }
        used -= (size_t)(line - buf);
        memmove(buf, line, used);
        skips = skips || used == sizeof buf;
        used = used == sizeof buf ? 0 : used;
    }
    if (fd >= 0)
        close(fd);
}

/* Is `word` one of "a,b,c"? */
static bool among(const char *list, const char *word) {
    size_t n = strlen(word);
    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == n && strncmp(list, word, n) == 0)
            return true;
    return false;
}

static bool is_below(const char *path, const char *top) {
    size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);
    return strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* ---- where the groups are ------------------------------------------------------------------- */

struct search {
    const char *controller; /* of v1; "" = the hierarchy of v2 */
    const char *root;
    struct place *place;
    bool fits; /* the mount found holds our own group */
};

/* "4:memory:/docker/1", "3:cpu,cpuacct:/", "0::/user.slice" */
static void see_group(char *line, void *user) {
    struct search *s = user;
    char *controllers = strchr(line, ':'),
         *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return;
    *path++ = '\0';
    controllers++;
    bool mine = s->controller[0] ? among(controllers, s->controller) : controllers[0] == '\0';
    if (mine && path[0] == '/' && strlen(path) < sizeof s->place->group)
        strcpy(s->place->group, path);
}

/* "\040" -> " ", in place */
static void unescape(char *text) {
    char *out = text;
    for (const char *in = text; *in; out++) {
        bool octal = in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' &&
                     in[2] <= '7' && in[3] >= '0' && in[3] <= '7';
        *out = octal ? (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0')) : *in;
        in += octal ? 4 : 1;
    }
    *out = '\0';
}

/* A line of /proc/self/mountinfo:
 * "35 31 0:32 /docker/1 /sys/fs/cgroup/memory ro,relatime shared:9 - cgroup cgroup rw,memory" */
static void see_mount(char *line, void *user) {
    struct search *s = user;
    struct place *p = s->place;
    char *fields[6], *rest = NULL, *at = strstr(line, " - ");
    if (!at)
        return;
    *at = '\0';
    const char *type = strtok_r(at + 3, " ", &rest);
    strtok_r(NULL, " ", &rest); /* its source */
    const char *options = strtok_r(NULL, " ", &rest);
    for (size_t i = 0; i < PXS_COUNT(fields); i++)
        if (!(fields[i] = strtok_r(i == 0 ? line : NULL, " ", &rest)))
            return;
    if (!type || !options ||
        (s->controller[0] ? strcmp(type, "cgroup") != 0 || !among(options, s->controller)
                          : strcmp(type, "cgroup2") != 0))
        return;
    char *from = fields[3], *to = fields[4];
    unescape(from);
    unescape(to);
    /* "/..": the group lies outside this namespace */
    bool fits = strncmp(p->group, "/..", 3) != 0 && is_below(p->group, from);
    if ((p->top[0] && (s->fits || !fits)) || strlen(s->root) + strlen(to) >= sizeof p->top)
        return; /* keep the first mount that holds our own group, else the first mount */
    strcpy(p->top, s->root);
    strcat(p->top, to);
    p->stripped = !fits ? strlen(p->group) : strcmp(from, "/") == 0 ? 0 : strlen(from);
    s->fits = fits;
}

static bool find_place(const char *root, const char *controller, struct place *out) {
    char path[PATH];
    struct search s = {.controller = controller, .root = root, .place = out};
    out->group[0] = out->top[0] = '\0';
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    each_line(path, see_group, &s);
    if (!out->group[0])
        return false;
    snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
    each_line(path, see_mount, &s);
    return out->top[0] != '\0';
}

/* ---- their limits --------------------------------------------------------------------------- */

/* Calls `fn` for our own group and each of its parents up to the mounted one, with the folder and
 * the name of the group. */
static void each_group(const struct place *p, struct pxs_cgroup *out,
                       void (*fn)(const char *dir, const char *group, struct pxs_cgroup *out)) {
    char group[PATH], dir[2 * PATH];
    strcpy(group, p->group);
    for (;;) {
        size_t n = strlen(group);
        while (n > p->stripped && group[n - 1] == '/')
            group[--n] = '\0';
        snprintf(dir, sizeof dir, "%s%s", p->top, group + p->stripped);
        fn(dir, group[0] ? group : "/", out);
        if (n <= p->stripped)
            return;
        while (n > p->stripped && group[n - 1] != '/')
            group[--n] = '\0';
    }
}

/* The number in a file; false where the file is missing or holds no number ("max"). */
static bool number_in(const char *dir, const char *file, uint64_t *out) {
    char path[2 * PATH + 64], text[64], *end;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (!read_start(path, text, sizeof text))
        return false;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || errno != 0 || text[0] == '-')
        return false;
    *out = value;
    return true;
}

/* The number of `key` in lines of "key number"; false where the key is missing. */
static bool value_of(const char *lines, const char *key, uint64_t *out) {
    size_t n = strlen(key);
    for (const char *at = lines; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncmp(at, key, n) == 0 && at[n] == ' ') {
            *out = strtoull(at + n + 1, NULL, 10);
            return true;
        }
    return false;
}

static void read_lines(const char *dir, const char *file, char *buf, size_t size) {
    char path[2 * PATH + 64];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (!read_start(path, buf, size))
        buf[0] = '\0';
}

static void bound_by(struct pxs_cgroup *out, const char *file, const char *group, uint64_t limit,
                     uint64_t used) {
    char text[32];
    uint64_t left = limit > used ? limit - used : 0;
    if (limit >= (uint64_t)1 << 60 ||
        left >= out->memory_left) /* v1 writes "no limit" as a huge number */
        return;
    out->memory_left = left;
    pxs_format_bytes(text, limit);
    snprintf(out->memory_from, sizeof out->memory_from, "%s is %s in control group %.160s", file,
             text, group);
}

/* Bytes used that the kernel cannot free: without page cache, which it drops and reads again when
 * it is needed. Files of tmpfs and locked pages are not among `keys` and stay counted. */
static uint64_t cannot_go(uint64_t used, const char *statistics, const char *const keys[],
                          size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint64_t cache = 0;
        value_of(statistics, keys[i], &cache);
        used = used > cache ? used - cache : 0;
    }
    return used;
}

static void memory_v2(const char *dir, const char *group, struct pxs_cgroup *out) {
    static const char *const cache[] = {"inactive_file", "active_file", "slab_reclaimable"};
    /* Above `high` the kernel slows a group until it frees memory, which training cannot do. */
    static const char *const limits[] = {"memory.max", "memory.high"};
    char statistics[STATISTICS];
    uint64_t limit, used = 0;
    for (size_t i = 0; i < PXS_COUNT(limits); i++) {
        if (!number_in(dir, limits[i], &limit))
            continue;
        number_in(dir, "memory.current", &used);
        read_lines(dir, "memory.stat", statistics, sizeof statistics);
        bound_by(out, limits[i], group, limit,
                 cannot_go(used, statistics, cache, PXS_COUNT(cache)));
    }
}

static void memory_v1(const char *dir, const char *group, struct pxs_cgroup *out) {
    static const char *const cache[] = {"total_inactive_file", "total_active_file"};
    char statistics[STATISTICS];
    uint64_t limit, used = 0, above = UINT64_MAX;
    if (!number_in(dir, "memory.limit_in_bytes", &limit))
        return;
    number_in(dir, "memory.usage_in_bytes", &used);
    read_lines(dir, "memory.stat", statistics, sizeof statistics);
    used = cannot_go(used, statistics, cache, PXS_COUNT(cache));
    bound_by(out, "memory.limit_in_bytes", group, limit, used);
    /* The least limit of all parents, also of those that are not mounted here, whose use is
     * unknown. */
    if (value_of(statistics, "hierarchical_memory_limit", &above) && above < limit)
        bound_by(out, "hierarchical_memory_limit", group, above, used);
}

static void cpus_v2(const char *dir, const char *group, struct pxs_cgroup *out) {
    char text[128];
    double quota, period;
    (void)group;
    read_lines(dir, "cpu.max", text, sizeof text);
    if (sscanf(text, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0)
        out->cpus = fmin(out->cpus, quota / period);
}

static void cpus_v1(const char *dir, const char *group, struct pxs_cgroup *out) {
    uint64_t quota, period;
    (void)group;
    if (number_in(dir, "cpu.cfs_quota_us", &quota) &&
        number_in(dir, "cpu.cfs_period_us", &period) && quota > 0 && period > 0)
        out->cpus = fmin(out->cpus, (double)quota / (double)period);
}

/* Counts our own group only, since that is where a worker is killed. */
static void see_kills(const struct place *p, const char *file, struct pxs_cgroup *out) {
    char dir[2 * PATH], text[1024];
    uint64_t kills;
    snprintf(dir, sizeof dir, "%s%s", p->top, p->group + p->stripped);
    read_lines(dir, file, text, sizeof text);
    if (value_of(text, "oom_kill", &kills))
        out->oom_kills = (out->oom_kills > 0 ? out->oom_kills : 0) + (int64_t)kills;
}

void pxs_cgroup_look(const char *root, struct pxs_cgroup *out) {
    struct place place;
    *out = (struct pxs_cgroup){.memory_left = UINT64_MAX, .cpus = INFINITY, .oom_kills = -1};
    if (find_place(root, "", &place)) {
        each_group(&place, out, memory_v2);
        each_group(&place, out, cpus_v2);
        see_kills(&place, "memory.events", out);
    }
    if (find_place(root, "memory", &place)) {
        each_group(&place, out, memory_v1);
        see_kills(&place, "memory.oom_control", out);
    }
    if (find_place(root, "cpu", &place))
        each_group(&place, out, cpus_v1);
}
