/* SHA-256, over nettle. */
#include "pixsweep/base.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <unistd.h>

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(struct pxs_sha256),
               "pxs_sha256 holds a sha256_ctx");
_Static_assert(_Alignof(struct sha256_ctx) <= _Alignof(struct pxs_sha256),
               "pxs_sha256 is aligned for a sha256_ctx");

static struct sha256_ctx *inside(struct pxs_sha256 *h) {
    return (struct sha256_ctx *)(void *)h->opaque;
}

void pxs_sha256_init(struct pxs_sha256 *h) {
    sha256_init(inside(h));
}

void pxs_sha256_update(struct pxs_sha256 *h, const void *data, size_t bytes) {
    if (bytes > 0) /* data may be NULL */
        sha256_update(inside(h), bytes, data);
}

void pxs_sha256_hex(struct pxs_sha256 *h, char hex[PXS_SHA256_HEX]) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(inside(h), sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

enum pxs_status pxs_sha256_file(const char *path, char hex[PXS_SHA256_HEX], uint64_t *bytes,
                                struct pxs_error *err) {
    int fd = -1;
    PXS_TRY(pxs_open_read(path, &fd, err));
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    unsigned char block[32768];
    uint64_t total = 0;
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            enum pxs_status status = pxs_fail_errno(err, "cannot read %s", path);
            close(fd);
            return status;
        }
        if (n == 0)
            break;
        pxs_sha256_update(&h, block, (size_t)n);
        total += (uint64_t)n;
    }
    close(fd);
    pxs_sha256_hex(&h, hex);
    if (bytes)
        *bytes = total;
    return PXS_OK;
}
