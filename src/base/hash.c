/* SHA-256: blocks are mixed by libmd, or by the processor itself where it can. */
#include "pixsweep/base.h"
#include "hash_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <string.h>
#include <unistd.h>

struct __attribute__((may_alias)) sha256 { /* lies in the bytes of a pxs_sha256 */
    uint32_t state[8];
    uint64_t bytes; /* so far; the last bytes % 64 of them wait in `block` */
    uint8_t block[64];
    bool fast;
};
_Static_assert(sizeof(struct sha256) <= sizeof(struct pxs_sha256), "pxs_sha256 holds a struct sha256");

static struct sha256 *inside(struct pxs_sha256 *h) {
    return (struct sha256 *)(void *)h->opaque;
}

static void take_blocks(struct sha256 *s, const uint8_t *data, size_t blocks) {
    if (s->fast) {
        pxs_sha256_fast(s->state, data, blocks);
        return;
    }
    for (; blocks > 0; blocks--, data += sizeof s->block)
        SHA256Transform(s->state, data);
}

void pxs_sha256_init(struct pxs_sha256 *h) {
    *inside(h) = (struct sha256){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                  0x5be0cd19},
        .fast = pxs_sha256_have_fast(),
    };
}

void pxs_sha256_update(struct pxs_sha256 *h, const void *data, size_t bytes) {
    struct sha256 *s = inside(h);
    const uint8_t *p = data;
    if (bytes == 0) /* data may be NULL */
        return;
    size_t waiting = s->bytes % sizeof s->block;
    s->bytes += bytes;
    if (waiting > 0) {
        size_t n = sizeof s->block - waiting;
        n = bytes < n ? bytes : n;
        memcpy(s->block + waiting, p, n);
        p += n;
        bytes -= n;
        if (waiting + n < sizeof s->block)
            return;
        take_blocks(s, s->block, 1);
    }
    size_t blocks = bytes / sizeof s->block;
    if (blocks)
        take_blocks(s, p, blocks);
    if (bytes % sizeof s->block)
        memcpy(s->block, p + blocks * sizeof s->block, bytes % sizeof s->block);
}

/* A one bit, zeros, and the length in bits as the last eight bytes of a block. */
static void pad(struct pxs_sha256 *h) {
    uint64_t bytes = inside(h)->bytes;
    uint8_t tail[72] = {0x80};
    size_t zeros = (119 - bytes % 64) % 64; /* after the 0x80 */
    for (int i = 0; i < 8; i++)
        tail[1 + zeros + (size_t)i] = (uint8_t)(bytes * 8 >> (56 - 8 * i));
    pxs_sha256_update(h, tail, 1 + zeros + 8);
}

void pxs_sha256_hex(struct pxs_sha256 *h, char hex[PXS_SHA256_HEX]) {
    pad(h);
    for (int i = 0; i < 8; i++)
        snprintf(hex + 8 * i, 9, "%08x", (unsigned)inside(h)->state[i]);
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
