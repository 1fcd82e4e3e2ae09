/* Appending records: one write(2) each, cut back whenever something half done could stay. */
#include "record_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct pxs_record_writer {
    int fd;
    int64_t bytes;
    bool torn;          /* half a record stands behind `bytes` and could not be cut off yet */
    bool folder_synced; /* the folder's entry of a new file is data too */
    char path[4096];
    unsigned char frame[PXS_FRAME_MAX];
};

static enum pxs_status cut(struct pxs_record_writer *w, int64_t bytes, struct pxs_error *err) {
    if (ftruncate(w->fd, (off_t)bytes) != 0)
        return pxs_fail_errno(err, "cannot cut %s back to %lld bytes", w->path, (long long)bytes);
    w->bytes = bytes;
    w->torn = false;
    return PXS_OK;
}

/* All of `data` at the end of the file, or nothing of it. */
static enum pxs_status append(struct pxs_record_writer *w, const unsigned char *data, size_t bytes,
                              struct pxs_error *err) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t n = write(w->fd, data + done, bytes - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            enum pxs_status status = pxs_fail_errno(err, "cannot write %s", w->path);
            w->torn = done > 0;
            if (w->torn && cut(w, w->bytes, NULL) != PXS_OK)
                pxs_error_prefix(err, "half a record stays at the end for now");
            return status;
        }
        done += (size_t)n;
    }
    w->bytes += (int64_t)bytes;
    return PXS_OK;
}

/* Reads the file from its start. *end: behind its last whole record, but not beyond `limit`. */
static enum pxs_status find_end(const char *path, int64_t limit, int64_t *end,
                                struct pxs_error *err) {
    struct pxs_record_cursor *c = NULL;
    struct pxs_record *r = malloc(sizeof *r);
    if (!r)
        return pxs_fail_nomem(err);
    enum pxs_status status = pxs_record_cursor_open(path, PXS_FILE_HEADER, &c, err);
    bool more = status == PXS_OK;
    while (status == PXS_OK && more && (limit < 0 || pxs_record_cursor_offset(c) < limit))
        status = pxs_record_next(c, r, &more, err);
    if (status == PXS_OK)
        *end = pxs_record_cursor_offset(c);
    pxs_record_cursor_close(&c);
    free(r);
    return status;
}

/* How much of the open file is kept: *end bytes, which are there and are whole. */
static enum pxs_status find_kept(const char *path, int fd, int64_t keep_bytes, int64_t *end,
                                 struct pxs_error *err) {
    struct pxs_record_cursor *c = NULL;
    struct stat info;
    *end = 0;
    if (fstat(fd, &info) != 0)
        return pxs_fail_errno(err, "cannot look at %s", path);
    if (keep_bytes > (int64_t)info.st_size)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s has %lld bytes, but the resume point was written at %lld", path,
                        (long long)info.st_size, (long long)keep_bytes);
    if (info.st_size == 0)
        return PXS_OK;
    if (keep_bytes == 0) {
        /* Damage is no reason to keep a file; that a newer pixsweep wrote it is one. */
        const enum pxs_status status = pxs_record_cursor_open(path, 0, &c, err);
        pxs_record_cursor_close(&c);
        return status == PXS_E_UNSUPPORTED ? status : PXS_OK;
    }
    if (keep_bytes < 0 && info.st_size < PXS_FILE_HEADER)
        return PXS_OK;
    PXS_TRY(find_end(path, keep_bytes, end, err));
    if (keep_bytes >= 0 && *end != keep_bytes)
        return pxs_fail(err, PXS_E_CORRUPT, "%s: no record ends at byte %lld (the nearest at %lld)",
                        path, (long long)keep_bytes, (long long)*end);
    return PXS_OK;
}

static enum pxs_status put_header(struct pxs_record_writer *w, struct pxs_error *err) {
    unsigned char header[PXS_FILE_HEADER];
    pxs_frame_file_header(header);
    return append(w, header, sizeof header, err);
}

enum pxs_status pxs_record_writer_in_memory(struct pxs_record_writer **out, struct pxs_error *err) {
    struct pxs_record_writer *w = calloc(1, sizeof *w);
    if (!w)
        return pxs_fail_nomem(err);
    strcpy(w->path, "records in memory");
    w->folder_synced = true;
    w->fd = memfd_create("records", MFD_CLOEXEC);
    enum pxs_status status =
        w->fd < 0 ? pxs_fail_errno(err, "cannot make a record file in memory") : put_header(w, err);
    if (status == PXS_OK)
        *out = w;
    else
        pxs_record_writer_close(&w);
    return status;
}

static enum pxs_status new_writer(const char *path, struct pxs_record_writer **out,
                                  struct pxs_error *err) {
    if (strlen(path) >= sizeof((*out)->path))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", path);
    struct pxs_record_writer *w = calloc(1, sizeof *w);
    if (!w)
        return pxs_fail_nomem(err);
    strcpy(w->path, path);
    w->fd = -1;
    *out = w;
    return PXS_OK;
}

enum pxs_status pxs_record_writer_open(const char *path, int64_t keep_bytes,
                                       struct pxs_record_writer **out, struct pxs_error *err) {
    struct pxs_record_writer *w;
    int64_t end = 0;
    PXS_TRY(new_writer(path, &w, err));
    enum pxs_status status = pxs_open_append(path, &w->fd, err);
    if (status == PXS_OK)
        status = find_kept(path, w->fd, keep_bytes, &end, err);
    if (status == PXS_OK)
        status = cut(w, end, err);
    if (status == PXS_OK && w->bytes == 0)
        status = put_header(w, err);
    if (status == PXS_OK)
        *out = w;
    else
        pxs_record_writer_close(&w);
    return status;
}

/* Appends the frames of the file that still has the name, up to byte `end`. */
static enum pxs_status copy_frames(struct pxs_record_writer *w, int64_t end,
                                   struct pxs_error *err) {
    int from = -1;
    enum pxs_status status = PXS_OK;
    if (end > w->bytes)
        status = pxs_record_open_read(w->path, &from, err);
    while (status == PXS_OK && w->bytes < end) {
        const int64_t left = end - w->bytes;
        const size_t want = left < PXS_FRAME_MAX ? (size_t)left : PXS_FRAME_MAX;
        const ssize_t n = pxs_record_pread(from, w->frame, want, w->bytes);
        if (n < 0)
            status = pxs_fail_errno(err, "cannot read %s", w->path);
        else if ((size_t)n < want)
            status = pxs_fail(err, PXS_E_CORRUPT, "%s became shorter while it was copied", w->path);
        else
            status = append(w, w->frame, want, err);
    }
    if (from >= 0)
        close(from);
    return status;
}

enum pxs_status pxs_record_writer_replace(const char *path, int64_t keep_bytes,
                                          struct pxs_record_writer **out, struct pxs_error *err) {
    struct pxs_record_writer *w;
    struct pxs_atomic_file file = {0};
    int old = -1;
    int64_t end = 0;
    PXS_TRY(new_writer(path, &w, err));
    enum pxs_status status = pxs_open_append(path, &old, err);
    if (status == PXS_OK)
        status = find_kept(path, old, keep_bytes, &end, err);
    if (status == PXS_OK)
        status = pxs_atomic_open(&file, path, err);
    if (status != PXS_OK)
        goto out;

    /* The writer keeps the file open that is written here; it is not opened again by its name,
     * which may be another process's by then. */
    w->fd = fcntl(fileno(file.file), F_DUPFD_CLOEXEC, 0);
    if (w->fd < 0 || fcntl(w->fd, F_SETFL, O_APPEND) != 0) {
        status = pxs_fail_errno(err, "cannot replace %s", path);
        goto out;
    }
    status = put_header(w, err);
    if (status == PXS_OK)
        status = copy_frames(w, end, err);
    if (status == PXS_OK)
        status = pxs_atomic_commit(&file, err);
    w->folder_synced = true;
out:
    pxs_atomic_abandon(&file);
    if (old >= 0)
        close(old);
    if (status == PXS_OK)
        *out = w;
    else
        pxs_record_writer_close(&w);
    return status;
}

enum pxs_status pxs_record_write(struct pxs_record_writer *w, const struct pxs_record *r,
                                 struct pxs_error *err) {
    size_t bytes;
    if (w->torn)
        PXS_TRY(cut(w, w->bytes, err));
    PXS_TRY(pxs_frame_encode(r, w->frame, &bytes, err));
    return append(w, w->frame, bytes, err);
}

enum pxs_status pxs_record_sync(struct pxs_record_writer *w, struct pxs_error *err) {
    if (fsync(w->fd) != 0)
        return pxs_fail_errno(err, "cannot sync %s", w->path);
    if (!w->folder_synced)
        PXS_TRY(pxs_sync_folder_of(w->path, err));
    w->folder_synced = true;
    return PXS_OK;
}

int64_t pxs_record_writer_bytes(const struct pxs_record_writer *w) {
    return w->bytes;
}

void pxs_record_writer_close(struct pxs_record_writer **w) {
    if (!w || !*w)
        return;
    if ((*w)->fd >= 0)
        close((*w)->fd);
    free(*w);
    *w = NULL;
}
