/* Reading records from a file that may still grow, or be cut back. */
#include "record_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WINDOW = 1 << 16, /* bytes read at a time; several times PXS_FRAME_MAX */
    /* A writer leaves less than this behind its last whole record, however it dies. */
    TAIL_MAX = 64 << 20
};

struct pxs_record_cursor {
    int fd;
    int64_t offset;       /* of the next record */
    int64_t stop;         /* where reading ends; 0 = at the file's end */
    int64_t window_start; /* file offset of window[0] */
    size_t window_bytes;
    char path[4096];
    unsigned char window[WINDOW];
};

/* Whether the file still has its name, or has none: a file that was replaced may be written to by a
 * process that was cut off. Asked after each read, so what was read was written before that. */
static enum pxs_status check_name(const struct pxs_record_cursor *c, struct pxs_error *err) {
    struct stat mine, there;
    if (fstat(c->fd, &mine) != 0)
        return pxs_fail_errno(err, "cannot look at %s", c->path);
    if (stat(c->path, &there) != 0 || (mine.st_ino == there.st_ino && mine.st_dev == there.st_dev))
        return PXS_OK;
    return pxs_fail(err, PXS_E_NOT_FOUND,
                    "%s is another file by now: another process goes on with the run", c->path);
}

/* The bytes at `offset`, as many as the window holds; reads the file only where fewer than `want`
 * are at hand. */
static enum pxs_status look(struct pxs_record_cursor *c, int64_t offset, size_t want,
                            const unsigned char **data, size_t *bytes, struct pxs_error *err) {
    int64_t skip = offset - c->window_start;
    if (skip < 0 || skip > (int64_t)c->window_bytes || c->window_bytes - (size_t)skip < want) {
        c->window_bytes = 0;
        c->window_start = offset;
        ssize_t n = pxs_record_pread(c->fd, c->window, WINDOW, offset);
        if (n < 0)
            return pxs_fail_errno(err, "cannot read %s", c->path);
        PXS_TRY(check_name(c, err));
        c->window_bytes = (size_t)n;
        skip = 0;
    }
    *data = c->window + skip;
    *bytes = c->window_bytes - (size_t)skip;
    return PXS_OK;
}

/* The whole frame at `offset`, or *frame_bytes = 0. What is at hand is enough for a whole frame in
 * most cases; else once more from the file, which may have grown. */
static enum pxs_status frame_at(struct pxs_record_cursor *c, int64_t offset,
                                const unsigned char **data, size_t *frame_bytes,
                                struct pxs_error *err) {
    size_t bytes = 0;
    PXS_TRY(look(c, offset, PXS_FRAME_HEADER, data, &bytes, err));
    *frame_bytes = pxs_frame_whole(*data, bytes);
    if (*frame_bytes)
        return PXS_OK;
    c->window_bytes = 0;
    PXS_TRY(look(c, offset, PXS_FRAME_HEADER, data, &bytes, err));
    *frame_bytes = pxs_frame_whole(*data, bytes);
    return PXS_OK;
}

/* Where the first whole frame behind the cursor starts, -1 if there is none. It looks at TAIL_MAX
 * bytes; *all: that was all there is. No record starts in a hole of the file, so holes are skipped;
 * a file system that knows no holes has none. */
static enum pxs_status next_whole(struct pxs_record_cursor *c, int64_t *found, bool *all,
                                  struct pxs_error *err) {
    int64_t seen = 0, at = c->offset + 1;
    *found = -1;
    *all = true;
    for (;;) {
        const unsigned char *data = NULL;
        size_t bytes = 0;
        const off_t behind_hole = lseek(c->fd, (off_t)at, SEEK_DATA);
        if (behind_hole < 0 && errno == ENXIO)
            return PXS_OK;
        if (behind_hole >= 0)
            at = (int64_t)behind_hole;
        *all = seen < TAIL_MAX;
        if (!*all)
            return PXS_OK;

        /* Frames may start at the first `here` of these bytes and be whole within the rest. */
        PXS_TRY(look(c, at, PXS_FRAME_MAX, &data, &bytes, err));
        const size_t here = bytes > PXS_FRAME_MAX ? bytes - PXS_FRAME_MAX + 1 : bytes;
        for (size_t i = 0; i < here; i++) {
            const unsigned char *p = memchr(data + i, 'P', here - i);
            if (!p)
                break;
            i = (size_t)(p - data);
            if (pxs_frame_whole(p, bytes - i)) {
                *found = at + (int64_t)i;
                return PXS_OK;
            }
        }
        if (bytes <= PXS_FRAME_MAX)
            return PXS_OK;
        at += (int64_t)here;
        seen += (int64_t)here;
    }
}

/* No whole record here: the end for now, damage, or a file that was cut back? */
static enum pxs_status judge_tail(struct pxs_record_cursor *c, struct pxs_error *err) {
    struct stat info;
    if (fstat(c->fd, &info) != 0)
        return pxs_fail_errno(err, "cannot look at %s", c->path);
    if ((int64_t)info.st_size < c->offset)
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s was cut back to %lld bytes, before byte %lld",
                        c->path, (long long)info.st_size, (long long)c->offset);
    if ((int64_t)info.st_size == c->offset)
        return PXS_OK;
    int64_t found;
    bool all;
    PXS_TRY(next_whole(c, &found, &all, err));
    if (found < 0 && all)
        return PXS_OK;
    /* A writer may have completed the record between the two looks. */
    const unsigned char *data = NULL;
    size_t bytes = 0;
    PXS_TRY(frame_at(c, c->offset, &data, &bytes, err));
    if (bytes)
        return PXS_OK;
    if (found < 0)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s is damaged from byte %lld on: no record in the next %d MB", c->path,
                        (long long)c->offset, TAIL_MAX >> 20);
    return pxs_fail(err, PXS_E_CORRUPT,
                    "%s is damaged from byte %lld to byte %lld, where records go on", c->path,
                    (long long)c->offset, (long long)found);
}

/* Goes past the file header once it is whole. */
static enum pxs_status pass_header(struct pxs_record_cursor *c, struct pxs_error *err) {
    unsigned char header[PXS_FILE_HEADER];
    ssize_t n = pxs_record_pread(c->fd, header, sizeof header, 0);
    if (n < 0)
        return pxs_fail_errno(err, "cannot read %s", c->path);
    if (n < PXS_FILE_HEADER)
        return PXS_OK;
    PXS_TRY(pxs_frame_check_file(header, c->path, err));
    c->offset = PXS_FILE_HEADER;
    return PXS_OK;
}

enum pxs_status pxs_record_next(struct pxs_record_cursor *c, struct pxs_record *r, bool *more,
                                struct pxs_error *err) {
    const unsigned char *data = NULL;
    size_t bytes = 0;
    if (c->offset < PXS_FILE_HEADER)
        PXS_TRY(pass_header(c, err));
    if (c->offset < PXS_FILE_HEADER || (c->stop > 0 && c->offset >= c->stop)) {
        *more = false;
        return PXS_OK;
    }
    PXS_TRY(frame_at(c, c->offset, &data, &bytes, err));
    if (bytes == 0) {
        PXS_TRY(judge_tail(c, err));
        *more = false;
        return PXS_OK;
    }
    enum pxs_status status = pxs_frame_decode(data, bytes, r, err);
    if (status != PXS_OK) {
        pxs_error_prefix(err, "%s, byte %lld", c->path, (long long)c->offset);
        return status;
    }
    c->offset += (int64_t)bytes;
    *more = true;
    return PXS_OK;
}

enum pxs_status pxs_record_open_read(const char *path, int *fd, struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (strlen(path) >= sizeof dir || !pxs_path_dir(dir, sizeof dir, path))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", path);
    return pxs_open_beneath(dir, slash ? slash + 1 : path, fd, err);
}

enum pxs_status pxs_record_cursor_open(const char *path, int64_t offset,
                                       struct pxs_record_cursor **out, struct pxs_error *err) {
    struct stat info;
    if (strlen(path) >= sizeof((*out)->path))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", path);
    struct pxs_record_cursor *c = malloc(sizeof *c);
    if (!c)
        return pxs_fail_nomem(err);
    memset(c, 0, offsetof(struct pxs_record_cursor, window));
    strcpy(c->path, path);
    c->fd = -1;

    enum pxs_status status = pxs_record_open_read(path, &c->fd, err);
    if (status == PXS_OK)
        status = pass_header(c, err);
    if (status == PXS_OK && fstat(c->fd, &info) == 0 && (int64_t)info.st_size < offset)
        status = pxs_fail(err, PXS_E_NOT_FOUND, "%s has %lld bytes, fewer than %lld", path,
                          (long long)info.st_size, (long long)offset);
    if (status != PXS_OK) {
        pxs_record_cursor_close(&c);
        return status;
    }
    pxs_record_cursor_seek(c, offset);
    *out = c;
    return PXS_OK;
}

int64_t pxs_record_cursor_offset(const struct pxs_record_cursor *c) {
    return c->offset;
}

void pxs_record_cursor_seek(struct pxs_record_cursor *c, int64_t offset) {
    c->offset = offset;
}

void pxs_record_cursor_stop(struct pxs_record_cursor *c, int64_t offset) {
    c->stop = offset;
}

const char *pxs_record_cursor_path(const struct pxs_record_cursor *c) {
    return c->path;
}

void pxs_record_cursor_close(struct pxs_record_cursor **c) {
    if (!c || !*c)
        return;
    if ((*c)->fd >= 0)
        close((*c)->fd);
    free(*c);
    *c = NULL;
}

enum pxs_status pxs_record_find_attempt(const char *path, int64_t attempt, int64_t *offset,
                                        struct pxs_error *err) {
    struct pxs_record_cursor *c;
    PXS_TRY(pxs_record_cursor_open(path, 0, &c, err));
    struct pxs_record *r = malloc(sizeof *r);
    enum pxs_status status = r ? PXS_OK : pxs_fail_nomem(err);
    bool more = true, found = false;
    while (status == PXS_OK && more && !found) {
        int64_t at = c->offset < PXS_FILE_HEADER ? PXS_FILE_HEADER : c->offset;
        status = pxs_record_next(c, r, &more, err);
        found =
            status == PXS_OK && more && r->kind == PXS_RECORD_BEGIN && r->begin.attempt == attempt;
        if (found)
            *offset = at;
    }
    if (status == PXS_OK && !found)
        status = pxs_fail(err, PXS_E_NOT_FOUND, "%s does not hold attempt %lld (yet)", path,
                          (long long)attempt);
    free(r);
    pxs_record_cursor_close(&c);
    return status;
}

enum pxs_status pxs_record_last_begin(const char *path, int64_t bytes, struct pxs_record_begin *out,
                                      struct pxs_error *err) {
    struct pxs_record_cursor *c;
    PXS_TRY(pxs_record_cursor_open(path, 0, &c, err));
    struct pxs_record *r = malloc(sizeof *r);
    enum pxs_status status = r ? PXS_OK : pxs_fail_nomem(err);
    bool more = true, found = false;
    pxs_record_cursor_seek(c, PXS_FILE_HEADER);
    while (status == PXS_OK && more && (bytes < 0 || c->offset < bytes)) {
        status = pxs_record_next(c, r, &more, err);
        if (status != PXS_OK || !more || r->kind != PXS_RECORD_BEGIN)
            continue;
        *out = r->begin;
        found = true;
    }
    if (status == PXS_E_CORRUPT && bytes < 0)
        status = PXS_OK;
    if (status == PXS_OK && bytes > PXS_FILE_HEADER && c->offset != bytes)
        status =
            pxs_fail(err, PXS_E_CORRUPT, "%s: no record ends at byte %lld", path, (long long)bytes);
    if (status == PXS_OK && !found)
        status = pxs_fail(err, PXS_E_NOT_FOUND, "no attempt begins in %s", path);
    free(r);
    pxs_record_cursor_close(&c);
    return status;
}
