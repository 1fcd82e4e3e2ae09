/* Frames: magic, kind, length and CRC-32C around a record's fields. */
#include "record_priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const unsigned char file_magic[8] = {'p', 'x', 's', 'r', 'e', 'c', '\r', '\n'};
static const unsigned char frame_magic[4] = {'P', 'X', 'R', '\n'};

static void put(unsigned char *out, uint32_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get(const unsigned char *in, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)in[i] << (8 * i);
    return value;
}

void pxs_frame_file_header(unsigned char out[PXS_FILE_HEADER]) {
    memcpy(out, file_magic, 8);
    put(out + 8, PXS_RECORD_VERSION, 4);
    put(out + 12, pxs_crc32c(0, out, 12), 4);
}

enum pxs_status pxs_frame_check_file(const unsigned char *bytes, const char *path,
                                     struct pxs_error *err) {
    if (memcmp(bytes, file_magic, 8) != 0)
        return pxs_fail(err, PXS_E_CORRUPT, "%s is not a record file of pixsweep", path);
    if (get(bytes + 12, 4) != pxs_crc32c(0, bytes, 12))
        return pxs_fail(err, PXS_E_CORRUPT, "%s: the file header is damaged", path);
    const uint32_t version = get(bytes + 8, 4);
    if (version < 1 || version > PXS_RECORD_VERSION)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s has format version %u, and this pixsweep (%s) knows 1 to %d: a newer "
                        "pixsweep wrote it; use that one, or a newer one, for this run",
                        path, version, pxs_version(), PXS_RECORD_VERSION);
    return PXS_OK;
}

/* Over kind, zero and length, then over the payload. */
static uint32_t frame_crc(const unsigned char *frame, size_t payload) {
    return pxs_crc32c(pxs_crc32c(0, frame + 4, 8), frame + PXS_FRAME_HEADER, payload);
}

enum pxs_status pxs_frame_encode(const struct pxs_record *r, unsigned char out[PXS_FRAME_MAX],
                                 size_t *bytes, struct pxs_error *err) {
    size_t payload;
    char why[PXS_WHY];
    if (!pxs_fields_encode(r, out + PXS_FRAME_HEADER, PXS_PAYLOAD_MAX, &payload, why))
        return pxs_fail(err, PXS_E_INVALID, "record of kind %d cannot be written: %s", (int)r->kind,
                        why);
    memcpy(out, frame_magic, 4);
    put(out + 4, (uint32_t)r->kind, 4); /* the upper half is the zero */
    put(out + 8, (uint32_t)payload, 4);
    put(out + 12, frame_crc(out, payload), 4);
    *bytes = PXS_FRAME_HEADER + payload;
    return PXS_OK;
}

size_t pxs_frame_whole(const unsigned char *data, size_t bytes) {
    if (bytes < PXS_FRAME_HEADER || memcmp(data, frame_magic, 4) != 0)
        return 0;
    uint32_t payload = get(data + 8, 4);
    if (payload > PXS_PAYLOAD_MAX || bytes - PXS_FRAME_HEADER < payload)
        return 0;
    return get(data + 12, 4) == frame_crc(data, payload) ? PXS_FRAME_HEADER + payload : 0;
}

enum pxs_status pxs_frame_decode(const unsigned char *frame, size_t bytes, struct pxs_record *r,
                                 struct pxs_error *err) {
    char why[PXS_WHY];
    uint32_t kind = get(frame + 4, 4);
    if (pxs_fields_decode(kind, frame + PXS_FRAME_HEADER, bytes - PXS_FRAME_HEADER, r, why))
        return PXS_OK;
    return pxs_fail(err, PXS_E_CORRUPT, "a record of kind %u cannot be: %s", kind, why);
}

ssize_t pxs_record_pread(int fd, void *out, size_t bytes, int64_t offset) {
    size_t used = 0;
    while (used < bytes) {
        ssize_t n = pread(fd, (char *)out + used, bytes - used, (off_t)offset + (off_t)used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}
