/* The file: a page of header, the pixels, then the pairs' hashes and what reading warned of. It is
 * written under another name and renamed when it is whole, so that whoever finds it may use it, and
 * whoever has it mapped keeps it when it is removed or replaced. */
#include "cache_priv.h"
#include "pixsweep/image.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>

#define PAGE 4096
#define MAGIC "pixsweep pixels 2\n"
/* Bytes that a cache leaves free on the disk: runs need space, too. */
#define SPARE ((uint64_t)512 << 20)
#define LOOK_MICROSECONDS 100000

struct header {
    char magic[24];
    uint64_t file_bytes, pixel_bytes, train, val, overlap, problems;
    char files[PXS_SHA256_HEX], hash[PXS_SHA256_HEX];
    char files_hash[PXS_SHA256_HEX]; /* pxs_dataset_info.files_hash */
};
_Static_assert(sizeof(struct header) <= PAGE, "the header fits into its page");

/* What is kept of a pair. */
struct kept {
    char hash[PXS_SHA256_HEX];
    int32_t width[2], height[2];
};

uint8_t *pxs_cache_pixels(const struct pxs_cache *cache) {
    return cache->map + PAGE;
}

/* ---- what the data are ---------------------------------------------------------------------- */

static void add_file(struct pxs_sha256 *h, const char *name, const char *path,
                     struct timespec *newest) {
    struct stat st = {0};
    char text[256];
    if (stat(path, &st) != 0)
        st.st_size = -1; /* reading says what is wrong with it */
    int n =
        snprintf(text, sizeof text, "\n%llu %lld %lld.%ld %lld.%ld\n",
                 (unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                 st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    pxs_sha256_update(h, name, strlen(name));
    pxs_sha256_update(h, text, (size_t)n);
    if (st.st_ctim.tv_sec > newest->tv_sec ||
        (st.st_ctim.tv_sec == newest->tv_sec && st.st_ctim.tv_nsec > newest->tv_nsec))
        *newest = st.st_ctim;
}

/* Names, sizes and times of all files: what is written into one of them changes its ctime, which
 * nobody can set. */
static void look_at_files(const struct pxs_scan *scan, char out[PXS_SHA256_HEX],
                          struct timespec *newest) {
    struct pxs_sha256 h;
    *newest = (struct timespec){0};
    pxs_sha256_init(&h);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < scan->listing.folder[i].n; k++) {
            const struct pxs_item *item = &scan->listing.folder[i].items[k];
            pxs_sha256_update(&h, i == 0 ? "train\n" : "val\n", i == 0 ? 6 : 4);
            add_file(&h, item->name, item->path, newest);
            if (item->path_b)
                add_file(&h, item->name_b, item->path_b, newest);
        }
    pxs_sha256_hex(&h, out);
}

/* A file may be written to again within the tick of its ctime, unseen. Waits until the newest one's
 * tick is over: some milliseconds, or two seconds where the disk knows whole seconds only. */
static void wait_for_tick(const struct timespec *newest) {
    const double tick = newest->tv_nsec == 0 ? 2.0 : 0.02;
    const double age =
        1e-3 * (double)pxs_now_ms() - ((double)newest->tv_sec + 1e-9 * (double)newest->tv_nsec);
    if (age >= 0 && age < tick)
        usleep((useconds_t)((tick - age) * 1e6));
}

enum pxs_status pxs_cache_name(struct pxs_cache *cache, const char *folder, const char *data,
                               const struct pxs_scan *scan, const struct pxs_cache_shape *shape,
                               struct pxs_error *err) {
    struct pxs_sha256 h;
    struct pxs_text key = {0};
    char hex[PXS_SHA256_HEX], root[PXS_PATH_MAX], name[128];
    struct timespec newest;
    if (!realpath(data, root))
        return pxs_fail_errno(err, "cannot look at %s", data);
    /* Another pixsweep may decode otherwise, and so may another libjpeg. */
    pxs_image_environment(&key);
    pxs_text_addf(&key, "%s\n%s %s\n%d %d %d %d\n", root, pxs_version(), pxs_commit(),
                  shape->height, shape->width, shape->channels, shape->jitter);
    if (key.failed)
        return pxs_fail_nomem(err);
    pxs_sha256_init(&h);
    pxs_sha256_update(&h, key.text, key.len);
    pxs_sha256_hex(&h, hex);
    pxs_text_finish(&key);
    snprintf(name, sizeof name, "%dx%dx%d-%.16s.pixels", shape->width, shape->height,
             shape->channels, hex);
    if (!pxs_path_join(cache->path, sizeof cache->path, folder, name))
        return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", folder);
    look_at_files(scan, cache->files, &newest);
    wait_for_tick(&newest);
    return PXS_OK;
}

/* ---- reading -------------------------------------------------------------------------------- */

static size_t pairs_of(const struct pxs_scan *scan) {
    return scan->train + scan->val;
}

/* Whether the bytes behind the pixels are what the header says; hands them to `scan`. */
static bool take_notes(const struct pxs_cache *cache, const struct header *h,
                       const struct pxs_cache_shape *shape, struct pxs_scan *scan) {
    const size_t n = pairs_of(scan), at = PAGE + shape->pixel_bytes;
    if (cache->bytes < at + n * sizeof(struct kept))
        return false;
    const char *text = (const char *)cache->map + at + n * sizeof(struct kept);
    const char *end = (const char *)cache->map + cache->bytes;
    for (uint64_t i = 0; i < h->problems; i++) {
        const char *stop = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
        if (!stop || text[0] < PXS_PROBLEM_INFO || text[0] >= PXS_PROBLEM_KINDS)
            return false;
        text = stop + 1;
    }
    if (text != end)
        return false;

    text = (const char *)cache->map + at + n * sizeof(struct kept);
    for (uint64_t i = 0; i < h->problems; i++, text += strlen(text) + 1)
        pxs_problem_add(&scan->problems, (enum pxs_problem_kind)text[0], "%s", text + 1);
    for (size_t i = 0; i < n; i++) {
        struct kept kept;
        memcpy(&kept, cache->map + at + i * sizeof kept, sizeof kept);
        kept.hash[PXS_SHA256_HEX - 1] = '\0';
        memcpy(scan->seen[i].hash, kept.hash, sizeof kept.hash);
        for (int k = 0; k < 2; k++) {
            scan->seen[i].width[k] = kept.width[k];
            scan->seen[i].height[k] = kept.height[k];
        }
    }
    scan->overlap = (size_t)h->overlap;
    memcpy(scan->hash, h->hash, sizeof scan->hash);
    memcpy(scan->files_hash, h->files_hash, sizeof scan->files_hash);
    return true;
}

bool pxs_cache_open(struct pxs_cache *cache, struct pxs_scan *scan,
                    const struct pxs_cache_shape *shape) {
    struct stat st;
    struct header h;
    const int fd = open(cache->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > PAGE &&
                pread(fd, &h, sizeof h, 0) == (ssize_t)sizeof h &&
                memcmp(h.magic, MAGIC, sizeof MAGIC) == 0 && h.hash[PXS_SHA256_HEX - 1] == '\0' &&
                h.files_hash[PXS_SHA256_HEX - 1] == '\0' && h.file_bytes == (uint64_t)st.st_size &&
                h.pixel_bytes == shape->pixel_bytes && h.train == scan->train &&
                h.val == scan->val && memcmp(h.files, cache->files, sizeof h.files) == 0;
    void *map = good ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED)
        return false;
    cache->map = map;
    cache->bytes = (size_t)st.st_size;
    if (take_notes(cache, &h, shape, scan))
        return true;
    munmap(map, cache->bytes);
    cache->map = NULL;
    return false;
}

/* ---- making --------------------------------------------------------------------------------- */

/* What a writer leaves that was killed on this machine. The lock is held. */
static void remove_leftovers(const struct pxs_cache *cache, const char *host) {
    char folder[PXS_PATH_MAX], path[PXS_PATH_MAX], prefix[PXS_PATH_MAX + 128];
    int64_t pid;
    if (!pxs_path_dir(folder, sizeof folder, cache->path))
        return;
    const size_t n = (size_t)snprintf(prefix, sizeof prefix, "%s.tmp.%.60s.",
                                      strrchr(cache->path, '/') + 1, host);
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
        if (strncmp(e->d_name, prefix, n) == 0 && pxs_parse_int(e->d_name + n, &pid) &&
            pid != getpid() && kill((pid_t)pid, 0) != 0 && errno == ESRCH &&
            pxs_path_join(path, sizeof path, folder, e->d_name))
            unlink(path);
    if (dir)
        closedir(dir);
}

/* Takes the lock of the file; *there: another process has made it meanwhile. */
static enum pxs_status enter(struct pxs_cache *cache, struct pxs_scan *scan,
                             const struct pxs_cache_shape *shape, const struct pxs_stop *stop,
                             struct pxs_logger logger, bool *there, struct pxs_error *err) {
    char folder[PXS_PATH_MAX], lock[PXS_PATH_MAX + 8];
    bool said = false;
    if (!pxs_path_dir(folder, sizeof folder, cache->path))
        return pxs_fail(err, PXS_E_INVALID, "the path is too long: %s", cache->path);
    PXS_TRY(pxs_make_dirs(folder, err));
    snprintf(lock, sizeof lock, "%s.lock", cache->path);
    for (;;) {
        enum pxs_status status = pxs_lock_take(&cache->lock, lock, false, err);
        if (status != PXS_E_BUSY) {
            *there = status == PXS_OK && pxs_cache_open(cache, scan, shape);
            return status;
        }
        if (stop && atomic_load(&stop->signal) != 0)
            return pxs_fail(err, PXS_E_STOPPED, "stopped while waiting for %s", cache->path);
        if (!said)
            pxs_log(logger, PXS_LOG_INFO,
                    "waits for another job, which decodes the pictures into %s", cache->path);
        said = true;
        usleep(LOOK_MICROSECONDS);
    }
}

static enum pxs_status make_temp(struct pxs_cache *cache, const struct pxs_cache_shape *shape,
                                 struct pxs_error *err) {
    struct pxs_host host;
    char need[32], have[32];
    const uint64_t bytes = PAGE + shape->pixel_bytes, free = pxs_disk_free(cache->path);
    pxs_host_detect(&host);
    for (char *c = host.name; *c != '\0'; c++)
        *c = *c == '/' ? '_' : *c;
    remove_leftovers(cache, host.name);
    if (free < bytes + SPARE) {
        pxs_format_bytes(need, bytes + SPARE);
        pxs_format_bytes(have, free);
        return pxs_fail(err, PXS_E_NOSPC, "%s needs %s on the disk, where %s are free", cache->path,
                        need, have);
    }
    snprintf(cache->temp, sizeof cache->temp, "%s.tmp.%.60s.%d", cache->path, host.name,
             (int)getpid());
    cache->fd = open(cache->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (cache->fd < 0)
        return pxs_fail_errno(err, "cannot create %s", cache->temp);
    errno = posix_fallocate(cache->fd, 0, (off_t)bytes);
    if (errno != 0)
        return pxs_fail_errno(err, "cannot write %s", cache->temp);
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cache->fd, 0);
    if (map == MAP_FAILED)
        return pxs_fail_errno(err, "cannot map %s", cache->temp);
    cache->map = map;
    cache->bytes = bytes;
    return PXS_OK;
}

static void abandon(struct pxs_cache *cache) {
    if (cache->fd >= 0)
        close(cache->fd);
    if (cache->temp[0] != '\0')
        unlink(cache->temp);
    cache->fd = -1;
    cache->temp[0] = '\0';
    pxs_lock_release(&cache->lock);
}

enum pxs_status pxs_cache_begin(struct pxs_cache *cache, struct pxs_scan *scan,
                                const struct pxs_cache_shape *shape, const struct pxs_stop *stop,
                                struct pxs_logger logger, bool *there, struct pxs_error *err) {
    enum pxs_status status = enter(cache, scan, shape, stop, logger, there, err);
    if (status == PXS_OK && !*there)
        status = make_temp(cache, shape, err);
    if (status != PXS_OK || *there)
        abandon(cache);
    return status;
}

/* Appends what `scan` knows, behind the pixels. */
static enum pxs_status write_notes(struct pxs_cache *cache, const struct pxs_scan *scan,
                                   const struct pxs_cache_shape *shape, struct pxs_error *err) {
    struct pxs_text notes = {0};
    struct header h = {.magic = MAGIC,
                       .pixel_bytes = shape->pixel_bytes,
                       .train = scan->train,
                       .val = scan->val,
                       .overlap = scan->overlap,
                       .problems = scan->problems.n - scan->listed};
    memcpy(h.files, cache->files, sizeof h.files);
    memcpy(h.hash, scan->hash, sizeof h.hash);
    memcpy(h.files_hash, scan->files_hash, sizeof h.files_hash);
    for (size_t i = 0; i < pairs_of(scan); i++) {
        const struct pxs_seen *s = &scan->seen[i];
        struct kept kept = {.width = {s->width[0], s->width[1]},
                            .height = {s->height[0], s->height[1]}};
        memcpy(kept.hash, s->hash, sizeof kept.hash);
        pxs_text_add_n(&notes, (const char *)&kept, sizeof kept);
    }
    for (size_t i = scan->listed; i < scan->problems.n; i++) {
        const char kind = (char)scan->problems.list[i].kind;
        pxs_text_add_n(&notes, &kind, 1);
        pxs_text_add_n(&notes, scan->problems.list[i].text,
                       strlen(scan->problems.list[i].text) + 1);
    }
    h.file_bytes = PAGE + shape->pixel_bytes + notes.len;
    enum pxs_status status = notes.failed ? pxs_fail_nomem(err) : PXS_OK;
    for (size_t done = 0; status == PXS_OK && done < notes.len;) {
        const ssize_t n = pwrite(cache->fd, notes.text + done, notes.len - done,
                                 (off_t)(PAGE + shape->pixel_bytes + done));
        if (n <= 0)
            status = pxs_fail_errno(err, "cannot write %s", cache->temp);
        else
            done += (size_t)n;
    }
    pxs_text_finish(&notes);
    if (status == PXS_OK &&
        (pwrite(cache->fd, &h, sizeof h, 0) != (ssize_t)sizeof h || fsync(cache->fd) != 0))
        status = pxs_fail_errno(err, "cannot write %s", cache->temp);
    return status;
}

enum pxs_status pxs_cache_commit(struct pxs_cache *cache, const struct pxs_scan *scan,
                                 const struct pxs_cache_shape *shape, struct pxs_error *err) {
    char now[PXS_SHA256_HEX];
    struct timespec newest;
    enum pxs_status status = PXS_OK;
    look_at_files(scan, now, &newest);
    const bool same = strcmp(now, cache->files) == 0;
    if (same)
        status = write_notes(cache, scan, shape, err);
    if (same && status == PXS_OK && rename(cache->temp, cache->path) != 0)
        status = pxs_fail_errno(err, "cannot rename %s to %s", cache->temp, cache->path);
    if (same && status == PXS_OK) {
        cache->temp[0] = '\0';
        status = pxs_sync_folder_of(cache->path, err);
    }
    mprotect(cache->map, cache->bytes, PROT_READ); /* a guard against our own mistakes */
    abandon(cache);
    return status;
}

void pxs_cache_finish(struct pxs_cache *cache) {
    if (cache->map)
        munmap(cache->map, cache->bytes);
    cache->map = NULL;
    abandon(cache);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void advise(const uint8_t *from, size_t bytes, int advice) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGE_SIZE), at = (uintptr_t)from & ~(page - 1);
    madvise((void *)at, bytes + ((uintptr_t)from - at), advice); /* advice only */
}

void pxs_pages_expect(const uint8_t *from, size_t bytes) {
    advise(from, bytes, MADV_WILLNEED);
}

void pxs_pages_leave(const uint8_t *from, size_t bytes) {
    advise(from, bytes, MADV_DONTNEED);
}
