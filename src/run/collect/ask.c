/* The asking side of a wish. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/base/json.h"
#include "pixsweep/records/files.h"
#include "wish_priv.h"

#define LOOK_SECONDS 2.0 /* between looks at the collector's claim */

enum pxs_status pxs_wish_path(const char *dir, const char *id, const char *ending,
                              char out[PXS_PATH_MAX], struct pxs_error *err) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", id, ending);
    return pxs_path_join(out, PXS_PATH_MAX, dir, name)
               ? PXS_OK
               : pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
}

static int64_t nanoseconds(const struct stat *info) {
    return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

static void put_words(struct pxs_json_writer *w, const char *key, const char *const *words) {
    pxs_json_put_array(w, key);
    for (; *words; words++)
        pxs_json_put_string(w, NULL, *words);
    pxs_json_end(w);
}

enum pxs_status pxs_wish_make(const char *collector, const char *command,
                              const char *const *options, const char *const *names,
                              struct pxs_wish *out, struct pxs_error *err) {
    struct pxs_wish wish = {.touched_at = pxs_monotonic()};
    struct pxs_claim_owner owner, me;
    char path[PXS_PATH_MAX];
    uint64_t number;
    int64_t touched_ms;
    struct pxs_text text = {0};
    struct pxs_json_writer w = {.out = &text, .indent = 1};
    PXS_TRY(pxs_claim_read(collector, &owner, wish.nonce, &touched_ms, err));
    snprintf(wish.collector, sizeof wish.collector, "%s", collector);
    if (!pxs_path_join(wish.dir, sizeof wish.dir, collector, PXS_WISHES))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", collector);
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return pxs_fail_errno(err, "the system gives no random numbers");
    snprintf(wish.id, sizeof wish.id, "%020" PRIu64, number);
    PXS_TRY(pxs_wish_path(wish.dir, wish.id, PXS_WISH_ASKED, path, err));
    PXS_TRY(pxs_make_dirs(wish.dir, err));

    pxs_claim_owner_here(NULL, 0, &me);
    pxs_json_put_object(&w, NULL);
    pxs_json_put_int(&w, "version", PXS_WISH_VERSION);
    pxs_json_put_string(&w, "host", me.host);
    pxs_json_put_int(&w, "pid", me.pid);
    pxs_json_put_string(&w, "command", command);
    put_words(&w, "options", options);
    put_words(&w, "names", names);
    pxs_json_end(&w);
    pxs_text_add(&text, "\n");
    enum pxs_status status = pxs_json_finish(&w, err);
    if (status == PXS_OK)
        status = text.len < PXS_WISH_MAX ? pxs_write_file(path, pxs_text_str(&text), text.len, err)
                                         : pxs_fail(err, PXS_E_INVALID, "the command is too long");
    pxs_text_finish(&text);
    wish.made_at = pxs_monotonic();
    struct stat info;
    if (status == PXS_OK && stat(path, &info) == 0)
        wish.made_ns = nanoseconds(&info);
    if (status == PXS_OK)
        *out = wish;
    return status;
}

bool pxs_wish_has_begun(const struct pxs_wish *wish) {
    char path[PXS_PATH_MAX];
    return pxs_wish_path(wish->dir, wish->id, PXS_WISH_ASKED, path, NULL) == PXS_OK &&
           access(path, F_OK) != 0;
}

double pxs_wish_silence(const struct pxs_wish *wish) {
    char path[PXS_PATH_MAX];
    struct stat info;
    if (wish->made_ns == 0 || !pxs_path_join(path, sizeof path, wish->collector, PXS_CLAIM_FILE) ||
        stat(path, &info) != 0)
        return -1;
    const double silent =
        (double)(wish->made_ns - nanoseconds(&info)) / 1e9 + pxs_monotonic() - wish->made_at;
    return silent > 0 ? silent : 0;
}

static enum pxs_status read_answer(const char *text, size_t bytes, const char *path,
                                   struct pxs_answer *out, struct pxs_error *err) {
    struct pxs_json_doc *doc = NULL;
    struct pxs_json root, value;
    const char *printed, *words;
    int64_t code;
    PXS_TRY(pxs_json_parse(text, bytes, path, &doc, err));
    root = pxs_json_root(doc);
    enum pxs_status status = pxs_json_get(root, "code", &value, err);
    if (status == PXS_OK)
        status = pxs_json_int(value, &code, err);
    if (status == PXS_OK)
        status = pxs_json_get_string(root, "out", &printed, err);
    if (status == PXS_OK)
        status = pxs_json_get_string(root, "err", &words, err);
    if (status == PXS_OK) {
        *out = (struct pxs_answer){(int)code, strdup(printed), strdup(words)};
        if (!out->out || !out->err) {
            free(out->out);
            free(out->err);
            status = pxs_fail_nomem(err);
        }
    }
    pxs_json_destroy(&doc);
    return status;
}

bool pxs_wish_withdraw(struct pxs_wish *wish) {
    char path[PXS_PATH_MAX];
    return pxs_wish_path(wish->dir, wish->id, PXS_WISH_ASKED, path, NULL) == PXS_OK &&
           unlink(path) == 0;
}

enum pxs_status pxs_wish_look(struct pxs_wish *wish, struct pxs_answer *out,
                              struct pxs_error *err) {
    char answer[PXS_PATH_MAX], asked[PXS_PATH_MAX], *text;
    size_t bytes;
    PXS_TRY(pxs_wish_path(wish->dir, wish->id, PXS_WISH_ANSWER, answer, err));
    PXS_TRY(pxs_wish_path(wish->dir, wish->id, PXS_WISH_ASKED, asked, err));
    /* Before the answer: a collector that ends has answered what it had begun. */
    bool ended = false;
    if (pxs_monotonic() - wish->looked_at >= LOOK_SECONDS) {
        wish->looked_at = pxs_monotonic();
        const enum pxs_status held = pxs_claim_check(wish->collector, wish->nonce, NULL);
        ended = held == PXS_E_BUSY ||
                (held == PXS_OK && pxs_claim_look(wish->collector, NULL) == PXS_OK);
    }
    enum pxs_status status = pxs_read_file(answer, PXS_ANSWER_MAX, &text, &bytes, err);
    if (status == PXS_OK) {
        status = read_answer(text, bytes, answer, out, err);
        free(text);
        unlink(answer);
        return status;
    }
    if (status != PXS_E_NOT_FOUND)
        return pxs_fail(err, PXS_E_BUSY, "the disk does not tell whether there is an answer");
    if (ended && pxs_wish_withdraw(wish))
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "the process that collects has ended, and nothing was done");
    if (ended)
        return pxs_fail(err, PXS_E_STOPPED,
                        "the process that collects has ended while it did this: whether it is done "
                        "is not known");
    if (pxs_monotonic() - wish->touched_at >= PXS_CLAIM_REFRESH_SECONDS) {
        wish->touched_at = pxs_monotonic();
        utimensat(AT_FDCWD, asked, NULL, AT_SYMLINK_NOFOLLOW);
    }
    return pxs_fail(err, PXS_E_BUSY, "there is no answer yet");
}
