/* SHA-256 (over libmd) and CRC-32C. */
#include "pixsweep/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(SHA2_CTX) <= sizeof(struct pxs_sha256), "pxs_sha256 holds a SHA2_CTX");
_Static_assert(_Alignof(SHA2_CTX) <= _Alignof(struct pxs_sha256), "pxs_sha256 is aligned for a SHA2_CTX");

static SHA2_CTX *ctx(struct pxs_sha256 *h) {
    return (SHA2_CTX *)(void *)h->opaque;
}

void pxs_sha256_init(struct pxs_sha256 *h) {
    SHA256Init(ctx(h));
}

void pxs_sha256_update(struct pxs_sha256 *h, const void *data, size_t bytes) {
    if (bytes)
        SHA256Update(ctx(h), data, bytes);
}

void pxs_sha256_hex(struct pxs_sha256 *h, char hex[PXS_SHA256_HEX]) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Final(digest, ctx(h));
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = '\0';
}

enum pxs_status pxs_sha256_file(const char *path, char hex[PXS_SHA256_HEX], uint64_t *bytes,
                                struct pxs_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pxs_fail_errno(err, "cannot open %s", path);
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
