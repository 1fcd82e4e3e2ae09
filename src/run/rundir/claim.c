/* Claims on runs: a file that one process alone can make, void when its owner is gone.
 *
 * A claim is written under a name of its own and linked to its place: link() fails where the place
 * is taken, on every POSIX file system and on NFS, and no reader sees half a claim. Ages are
 * compared with a file that was written to the same disk a moment ago, so both times are of one
 * clock, the file server's. */
#include "pixsweep/rundir.h"

#include "pixsweep/rundir/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CLAIM_MAX = 4096, TRIES = 5 };

/* A machine of the same name that has been booted since: perhaps another one of that name, so its
 * claim must have missed some touches, too. */
#define REBOOT_SECONDS (4 * PXS_CLAIM_REFRESH_SECONDS)

void pxs_claim_owner_here(const char *task, int64_t restart, struct pxs_claim_owner *out) {
    struct pxs_host host;
    memset(out, 0, sizeof *out);
    pxs_host_detect(&host);
    snprintf(out->task, sizeof out->task, "%s", task ? task : "");
    out->restart = restart;
    snprintf(out->host, sizeof out->host, "%s", host.name);
    snprintf(out->boot_id, sizeof out->boot_id, "%s", host.boot_id);
    out->pid = getpid();
    out->pid_start = pxs_pid_start(out->pid);
}

/* ---- the file ------------------------------------------------------------------------------- */

static void print(const struct pxs_claim_owner *o, const char *nonce, struct pxs_text *out) {
    pxs_text_addf(out,
                  "nonce=%s\ntask=%s\nrestart=%lld\nhost=%s\nboot_id=%s\npid=%lld\n"
                  "pid_start=%lld\n",
                  nonce, o->task, (long long)o->restart, o->host, o->boot_id, (long long)o->pid,
                  (long long)o->pid_start);
}

/* The value of `key` in lines of key=value; false where it is not there or does not fit. */
static bool get(const char *text, const char *key, char *out, size_t size) {
    const size_t n = strlen(key);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, key, n) == 0 && line[n] == '=')
            return (size_t)snprintf(out, size, "%.*s", (int)(strcspn(line, "\n") - n - 1),
                                    line + n + 1) < size;
    return false;
}

static bool get_int(const char *text, const char *key, int64_t *out) {
    char value[32], *end;
    if (!get(text, key, value, sizeof value) || value[0] == '\0')
        return false;
    errno = 0;
    *out = strtoll(value, &end, 10);
    return errno == 0 && *end == '\0' && *out >= 0;
}

static bool parse(const char *text, struct pxs_claim_owner *o, char nonce[PXS_CLAIM_NONCE]) {
    return get(text, "nonce", nonce, PXS_CLAIM_NONCE) && strlen(nonce) == PXS_CLAIM_NONCE - 1 &&
           get(text, "task", o->task, sizeof o->task) && get_int(text, "restart", &o->restart) &&
           get(text, "host", o->host, sizeof o->host) &&
           get(text, "boot_id", o->boot_id, sizeof o->boot_id) && get_int(text, "pid", &o->pid) &&
           get_int(text, "pid_start", &o->pid_start);
}

static int64_t modified_ms(const struct stat *info) {
    return (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000;
}

static enum pxs_status read_claim(const char *dir, const char *name, struct pxs_claim_owner *owner,
                                  char nonce[PXS_CLAIM_NONCE], int64_t *touched_ms,
                                  struct pxs_error *err) {
    char text[CLAIM_MAX];
    struct stat info;
    int fd;
    memset(owner, 0, sizeof *owner);
    nonce[0] = '\0';
    PXS_TRY(pxs_open_beneath(dir, name, &fd, err));
    const ssize_t n = read(fd, text, sizeof text - 1);
    const bool known = n >= 0 && fstat(fd, &info) == 0;
    enum pxs_status status = known ? PXS_OK : pxs_fail_errno(err, "cannot read %s/%s", dir, name);
    close(fd);
    PXS_TRY(status);
    text[n] = '\0';
    *touched_ms = modified_ms(&info);
    if (!parse(text, owner, nonce))
        return pxs_fail(err, PXS_E_CORRUPT,
                        "%s/%s is no claim of this pixsweep; it is void %d minutes after its last "
                        "change, or when you remove it",
                        dir, name, PXS_CLAIM_LEASE_SECONDS / 60);
    return PXS_OK;
}

enum pxs_status pxs_claim_read(const char *dir, struct pxs_claim_owner *owner,
                               char nonce[PXS_CLAIM_NONCE], int64_t *touched_ms,
                               struct pxs_error *err) {
    return read_claim(dir, PXS_CLAIM_FILE, owner, nonce, touched_ms, err);
}

/* ---- taking --------------------------------------------------------------------------------- */

static bool is_void(const struct pxs_claim_owner *owner, const struct pxs_claim_owner *me,
                    double age) {
    const bool same_host = owner->host[0] && strcmp(owner->host, me->host) == 0;
    const bool same_boot = same_host && strcmp(owner->boot_id, me->boot_id) == 0;
    if (owner->task[0] && strcmp(owner->task, me->task) == 0 && owner->restart < me->restart)
        return true; /* this very task, before it was requeued */
    if (same_boot && owner->pid > 0 && !pxs_pid_alive(owner->pid, owner->pid_start))
        return true;
    return age > (same_host && !same_boot ? REBOOT_SECONDS : PXS_CLAIM_LEASE_SECONDS);
}

/* Whoever replaces or removes the claim with this nonce first makes a file that bears the nonce,
 * and only one process can: else two that find the same void claim would each break what they find
 * later, and the second would break the first one's new claim. *won false: another has it. One that
 * was left by a process that died here goes with the lease. */
static enum pxs_status win(const char *dir, const char *nonce, int64_t now_ms,
                           char marker[PXS_PATH_MAX], bool *won, struct pxs_error *err) {
    char name[64];
    struct stat info;
    snprintf(name, sizeof name, PXS_CLAIM_FILE ".void.%s", *nonce ? nonce : "0");
    if (!pxs_path_join(marker, PXS_PATH_MAX, dir, name))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    const int fd = open(marker, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *won = fd >= 0;
    if (*won)
        close(fd);
    else if (errno != EEXIST)
        return pxs_fail_errno(err, "cannot make the file %s", marker);
    else if (stat(marker, &info) == 0 &&
             now_ms - modified_ms(&info) > 1000 * (int64_t)PXS_CLAIM_LEASE_SECONDS)
        unlink(marker);
    return PXS_OK;
}

/* Puts the claim in `temp` in the place of the void one. *taken false: somebody else did that, or
 * does it now. */
static enum pxs_status replace(const char *dir, const char *path, const char *void_nonce,
                               const char *temp, int64_t now_ms, bool *taken,
                               struct pxs_error *err) {
    char marker[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE];
    struct pxs_claim_owner owner;
    int64_t touched_ms;
    bool won;
    PXS_TRY(win(dir, void_nonce, now_ms, marker, &won, err));
    if (!won)
        return pxs_fail(err, PXS_E_BUSY, "another process has just claimed %s", dir);
    enum pxs_status read = pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL);
    const bool same = (read == PXS_OK || read == PXS_E_CORRUPT) && strcmp(nonce, void_nonce) == 0;
    enum pxs_status status = PXS_OK;
    *taken = same && rename(temp, path) == 0;
    if (same && !*taken)
        status = pxs_fail_errno(err, "cannot replace the claim %s", path);
    unlink(marker);
    return status;
}

static enum pxs_status fail_claimed(const char *dir, const struct pxs_claim_owner *owner,
                                    double age, struct pxs_error *err) {
    return pxs_fail(err, PXS_E_BUSY, "%s is claimed by process %lld on %s%s%s, %.0f s ago", dir,
                    (long long)owner->pid, owner->host, owner->task[0] ? ", task " : "",
                    owner->task, age > 0 ? age : 0.0);
}

/* The place is taken: by a good claim (PXS_E_BUSY), or by a void one, which is replaced. *taken
 * false: the place is free again, or was a moment ago. */
static enum pxs_status judge(const char *dir, const char *path, const struct pxs_claim_owner *me,
                             const char *temp, int64_t now_ms, bool *taken, struct pxs_error *err) {
    struct pxs_claim_owner owner;
    struct pxs_error why;
    char nonce[PXS_CLAIM_NONCE];
    int64_t touched_ms;
    enum pxs_status status = pxs_claim_read(dir, &owner, nonce, &touched_ms, &why);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK;
    if (status != PXS_OK && status != PXS_E_CORRUPT)
        return pxs_fail(err, status, "%s", why.message);
    const double age = (double)(now_ms - touched_ms) / 1000;
    if (is_void(&owner, me, age))
        return replace(dir, path, nonce, temp, now_ms, taken, err);
    if (status == PXS_E_CORRUPT)
        return pxs_fail(err, PXS_E_BUSY, "%s", why.message);
    return fail_claimed(dir, &owner, age, err);
}

/* Links the claim that was written to `temp` to its place; where the file system has no links, it
 * is written there. *taken false: the place is not free. */
static enum pxs_status put(const char *temp, const char *path, const struct pxs_text *text,
                           bool *taken, struct pxs_error *err) {
    struct stat info;
    *taken = link(temp, path) == 0;
    if (*taken || errno == EEXIST) {
        /* NFS may have lost the answer to a link that was made: then the file has two names. */
        *taken = *taken || (stat(temp, &info) == 0 && info.st_nlink == 2);
        return PXS_OK;
    }
    if (errno == ENOENT) /* the owner has cleared up what looked like litter */
        return pxs_fail(err, PXS_E_BUSY, "another process has just claimed the run of %s", path);
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
        return pxs_fail_errno(err, "cannot make the claim %s", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno == EEXIST ? PXS_OK : pxs_fail_errno(err, "cannot make the claim %s", path);
    *taken = write(fd, text->text, text->len) == (ssize_t)text->len;
    enum pxs_status status = *taken ? PXS_OK : pxs_fail_errno(err, "cannot write %s", path);
    close(fd);
    if (!*taken)
        unlink(path);
    return status;
}

/* Writes `text` to a new file and tells the disk's time. */
static enum pxs_status write_temp(const char *temp, const struct pxs_text *text, int64_t *now_ms,
                                  struct pxs_error *err) {
    struct stat info;
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return pxs_fail_errno(err, "cannot make the file %s", temp);
    const bool written =
        write(fd, text->text, text->len) == (ssize_t)text->len && fstat(fd, &info) == 0;
    enum pxs_status status = written ? PXS_OK : pxs_fail_errno(err, "cannot write %s", temp);
    if (close(fd) != 0 && status == PXS_OK)
        status = pxs_fail_errno(err, "cannot write %s", temp);
    if (status == PXS_OK)
        *now_ms = modified_ms(&info);
    return status;
}

static enum pxs_status make_nonce(char nonce[PXS_CLAIM_NONCE], struct pxs_error *err) {
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return pxs_fail_errno(err, "the system gives no random numbers");
    snprintf(nonce, PXS_CLAIM_NONCE, "%020" PRIu64, number);
    return PXS_OK;
}

static enum pxs_status take_now(const char *dir, const struct pxs_claim_owner *me,
                                struct pxs_claim *out, struct pxs_error *err) {
    char temp[PXS_PATH_MAX], name[64];
    struct pxs_claim claim;
    struct pxs_text text = {0};
    int64_t now_ms = 0;
    bool taken = false;
    out->path[0] = '\0';
    PXS_TRY(make_nonce(claim.nonce, err));
    snprintf(name, sizeof name, PXS_CLAIM_FILE ".tmp.%s", claim.nonce);
    if (!pxs_path_join(claim.path, sizeof claim.path, dir, PXS_CLAIM_FILE) ||
        !pxs_path_join(temp, sizeof temp, dir, name))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    print(me, claim.nonce, &text);
    enum pxs_status status =
        text.failed ? pxs_fail_nomem(err) : write_temp(temp, &text, &now_ms, err);
    /* Several processes may find the same void claim: each round one of them gets on. */
    for (int i = 0; i < TRIES && status == PXS_OK && !taken; i++) {
        status = put(temp, claim.path, &text, &taken, err);
        claim.replaced = i > 0 || !taken;
        if (status == PXS_OK && !taken)
            status = judge(dir, claim.path, me, temp, now_ms, &taken, err);
    }
    if (status == PXS_OK && !taken)
        status = pxs_fail(err, PXS_E_BUSY, "others claim %s at this moment", dir);
    unlink(temp);
    pxs_text_finish(&text);
    if (status == PXS_OK)
        *out = claim;
    return status;
}

enum pxs_status pxs_claim_take(const char *dir, const struct pxs_claim_owner *me,
                               struct pxs_claim *out, struct pxs_error *err) {
    const double until = pxs_monotonic() + PXS_CLAIM_BRIEF_SECONDS;
    for (;;) {
        struct pxs_claim_owner owner;
        char nonce[PXS_CLAIM_NONCE];
        int64_t touched_ms;
        const enum pxs_status status = take_now(dir, me, out, err);
        if (status != PXS_E_BUSY || pxs_monotonic() >= until)
            return status;

        /* A claim that was released since is no reason to give up, either. */
        const enum pxs_status read = pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL);
        const bool brief = read == PXS_OK && strcmp(owner.task, PXS_CLAIM_BRIEF) == 0;
        if (!brief && read != PXS_E_NOT_FOUND)
            return status;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

/* The time by the clock of the disk that `dir` is on; ours, where it cannot be written. */
static int64_t time_of_disk(const char *dir) {
    char temp[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE], name[64];
    struct stat info;
    int64_t now_ms = pxs_now_ms();
    if (make_nonce(nonce, NULL) != PXS_OK)
        return now_ms;
    snprintf(name, sizeof name, PXS_CLAIM_FILE ".tmp.%s", nonce);
    const int fd = pxs_path_join(temp, sizeof temp, dir, name)
                       ? open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)
                       : -1;
    if (fd < 0)
        return now_ms;
    if (fstat(fd, &info) == 0)
        now_ms = modified_ms(&info);
    close(fd);
    unlink(temp);
    return now_ms;
}

enum pxs_status pxs_claim_look(const char *dir, struct pxs_error *err) {
    struct pxs_claim_owner owner, me;
    struct pxs_error why;
    char nonce[PXS_CLAIM_NONCE];
    int64_t touched_ms;
    enum pxs_status status = pxs_claim_read(dir, &owner, nonce, &touched_ms, &why);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK;
    if (status != PXS_OK && status != PXS_E_CORRUPT)
        return pxs_fail(err, status, "%s", why.message);
    pxs_claim_owner_here(NULL, 0, &me);
    const bool mine = status == PXS_OK && strcmp(owner.host, me.host) == 0 &&
                      strcmp(owner.boot_id, me.boot_id) == 0 && owner.pid == me.pid &&
                      owner.pid_start == me.pid_start;
    const double age = (double)(time_of_disk(dir) - touched_ms) / 1000;
    if (mine || is_void(&owner, &me, age))
        return PXS_OK;
    return status == PXS_E_CORRUPT ? pxs_fail(err, PXS_E_BUSY, "%s", why.message)
                                   : fail_claimed(dir, &owner, age, err);
}

/* ---- keeping -------------------------------------------------------------------------------- */

enum pxs_status pxs_claim_check(const char *dir, const char *nonce, struct pxs_error *err) {
    struct pxs_claim_owner owner;
    struct pxs_error why;
    char found[PXS_CLAIM_NONCE];
    int64_t touched_ms;
    enum pxs_status status = pxs_claim_read(dir, &owner, found, &touched_ms, &why);
    if (status == PXS_E_NOT_FOUND)
        return pxs_fail(err, PXS_E_BUSY, "the claim on %s is gone: another process broke it", dir);
    if (status != PXS_OK && status != PXS_E_CORRUPT)
        return pxs_fail(err, status, "%s", why.message);
    if (status == PXS_OK && strcmp(found, nonce) == 0)
        return PXS_OK;
    return pxs_fail(err, PXS_E_BUSY, "%s is claimed by process %lld on %s%s%s by now", dir,
                    (long long)owner.pid, owner.host[0] ? owner.host : "another machine",
                    owner.task[0] ? ", task " : "", owner.task);
}

enum pxs_status pxs_claim_refresh(const struct pxs_claim *claim, struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    if (!pxs_path_dir(dir, sizeof dir, claim->path))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", claim->path);
    PXS_TRY(pxs_claim_check(dir, claim->nonce, err));
    if (utimensat(AT_FDCWD, claim->path, NULL, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? pxs_fail(err, PXS_E_BUSY,
                                          "the claim on %s is gone: another process broke it", dir)
                               : pxs_fail_errno(err, "cannot touch the claim %s", claim->path);
    return PXS_OK;
}

void pxs_claim_release(struct pxs_claim *claim) {
    char dir[PXS_PATH_MAX], marker[PXS_PATH_MAX];
    bool won = false;
    if (claim->path[0] && pxs_path_dir(dir, sizeof dir, claim->path) &&
        win(dir, claim->nonce, 0, marker, &won, NULL) == PXS_OK && won) {
        if (pxs_claim_check(dir, claim->nonce, NULL) == PXS_OK)
            unlink(claim->path);
        unlink(marker);
    }
    claim->path[0] = '\0';
}

/* What stays in its place is older than any lease, and says nothing of how the attempt ended, as a
 * claim that was given back does. */
enum pxs_status pxs_claim_break(const char *dir, const char *nonce, struct pxs_error *err) {
    static const struct pxs_claim_owner none;
    static const struct timespec long_ago[2];
    char temp[PXS_PATH_MAX], path[PXS_PATH_MAX], name[64], own[PXS_CLAIM_NONCE];
    struct pxs_text text = {0};
    int64_t now_ms = 0;
    bool broken;
    PXS_TRY(make_nonce(own, err));
    snprintf(name, sizeof name, PXS_CLAIM_FILE ".tmp.%s", own);
    if (!pxs_path_join(path, sizeof path, dir, PXS_CLAIM_FILE) ||
        !pxs_path_join(temp, sizeof temp, dir, name))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    print(&none, own, &text);
    enum pxs_status status =
        text.failed ? pxs_fail_nomem(err) : write_temp(temp, &text, &now_ms, err);
    if (status == PXS_OK && utimensat(AT_FDCWD, temp, long_ago, AT_SYMLINK_NOFOLLOW) != 0)
        status = pxs_fail_errno(err, "cannot set the time of %s", temp);
    if (status == PXS_OK)
        status = replace(dir, path, nonce, temp, now_ms, &broken, err);
    unlink(temp);
    pxs_text_finish(&text);
    return status;
}
