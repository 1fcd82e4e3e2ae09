/* Files mapped into memory. */
#include "tensor_priv.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum pxs_status pxs_map_open(const char *path, struct pxs_map *out, struct pxs_error *err) {
    struct stat info;
    struct pxs_map map = {0};
    enum pxs_status status = PXS_OK;
    int fd = -1;
    PXS_TRY(pxs_open_read(path, &fd, err));
    if (fstat(fd, &info) != 0) {
        status = pxs_fail_errno(err, "cannot read %s", path);
        goto out;
    }
    map.bytes = (size_t)info.st_size;
    if (map.bytes > 0) {
        void *data = mmap(NULL, map.bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            status = pxs_fail_errno(err, "cannot map %s", path);
            goto out;
        }
        map.data = data;
    }
    *out = map;
out:
    close(fd);
    return status;
}

void pxs_map_close(struct pxs_map *map) {
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->bytes);
    *map = (struct pxs_map){0};
}
