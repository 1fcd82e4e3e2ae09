/* Folders that appear as a whole: filled under a temporary name, then renamed. */
#include "folder_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

enum pxs_status pxs_finish_plain(FILE *file, const char *path, bool written,
                                 struct pxs_error *err) {
    int saved = errno;
    if (!file)
        return pxs_fail_errno(err, "cannot create %s", path);
    bool closed = fclose(file) == 0;
    if (!written)
        errno = saved; /* the first failure is the reason, not what fclose made of it */
    return written && closed ? PXS_OK : pxs_fail_errno(err, "cannot write %s", path);
}

enum pxs_status pxs_folder_publish(const char *temp, const char *out, struct pxs_error *err) {
    char parent[4096];
    pxs_path_dir(parent, sizeof parent, out);
    int fd = open(temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) != 0) {
        enum pxs_status status = pxs_fail_errno(err, "cannot bring %s to the disk", temp);
        if (fd >= 0)
            close(fd);
        return status;
    }
    close(fd);
    if (rename(temp, out) != 0)
        return pxs_fail_errno(err, "cannot rename %s to %s", temp, out);
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* best effort: the rename itself has happened */
        close(fd);
    }
    return PXS_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    remove(path);
    return 0;
}

void pxs_folder_remove(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
