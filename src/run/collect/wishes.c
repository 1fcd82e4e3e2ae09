/* The collector's side of wishes: one at a time, each by a process of its own, which is only looked
 * at. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pixsweep/base/child.h"
#include "pixsweep/base/json.h"
#include "pixsweep/records/files.h"
#include "wish_priv.h"

#define SCAN_SECONDS 1.0     /* between looks into the folder */
#define LITTER_SECONDS 86400 /* what is older was left by a process that died */
#define MOST_WORDS 256       /* of a command */
#define PRINTED_MAX (1 << 20)

struct pxs_wishes {
    struct pxs_wishes_options how;
    char dir[PXS_PATH_MAX];
    double scanned_at;
    /* The one that is being carried out; "" = none. Its child, while that lives, and what it
     * prints. */
    char id[PXS_CLAIM_NONCE];
    struct pxs_child child;
    int out, err;
    bool ended;
    struct pxs_exit exit; /* once it has ended */
};

/* ---- answers -------------------------------------------------------------------------------- */

static enum pxs_status write_answer(const char *dir, const char *id, int code, const char *out,
                                    const char *words, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_text text = {0};
    struct pxs_json_writer w = {.out = &text, .indent = 1};
    PXS_TRY(pxs_wish_path(dir, id, PXS_WISH_ANSWER, path, err));
    pxs_json_put_object(&w, NULL);
    pxs_json_put_int(&w, "version", PXS_WISH_VERSION);
    pxs_json_put_int(&w, "code", code);
    pxs_json_put_string(&w, "out", out);
    pxs_json_put_string(&w, "err", words);
    pxs_json_end(&w);
    pxs_text_add(&text, "\n");
    enum pxs_status status = pxs_json_finish(&w, err);
    if (status == PXS_OK)
        status = pxs_write_file(path, pxs_text_str(&text), text.len, err);
    pxs_text_finish(&text);
    return status;
}

/* The answer is there before the wish is gone: who asked always finds one of them. */
static enum pxs_status answer(const struct pxs_wishes *w, const char *id, int code, const char *out,
                              const char *words, struct pxs_error *err) {
    char begun[PXS_PATH_MAX];
    PXS_TRY(write_answer(w->dir, id, code, out, words, err));
    PXS_TRY(pxs_wish_path(w->dir, id, PXS_WISH_BEGUN, begun, err));
    if (unlink(begun) != 0 && errno != ENOENT)
        return pxs_fail_errno(err, "cannot remove %s", begun);
    return PXS_OK;
}

static void say(const struct pxs_wishes *w, const struct pxs_error *why) {
    pxs_log(w->how.logger, PXS_LOG_WARN, "a command from another machine: %s", why->message);
}

/* What it has printed into a file in memory; free it. NULL: out of memory. */
static char *printed(int fd) {
    char *text = calloc(1, PRINTED_MAX + 1);
    size_t used = 0;
    ssize_t n;
    while (text && used < PRINTED_MAX &&
           (n = pread(fd, text + used, PRINTED_MAX - used, (off_t)used)) > 0)
        used += (size_t)n;
    return text;
}

/* True once the wish that is over has its answer, and another can begin. */
static bool finish(struct pxs_wishes *w) {
    struct pxs_error err;
    struct pxs_text all = {0};
    char *out = printed(w->out), *words = printed(w->err);
    const bool exited = w->exit.how == PXS_EXITED;
    pxs_text_add(&all, words ? words : "");
    if (!exited)
        pxs_text_addf(
            &all,
            "pixsweep: the process that did this was killed by signal %d: look whether it "
            "is done, and give the command again\n",
            w->exit.code);
    enum pxs_status status =
        out && words && !all.failed
            ? answer(w, w->id, exited ? w->exit.code : 1, out, pxs_text_str(&all), &err)
            : pxs_fail_nomem(&err);
    pxs_text_finish(&all);
    free(out);
    free(words);
    if (status != PXS_OK) {
        say(w, &err);
        return false;
    }
    close(w->out);
    close(w->err);
    w->id[0] = '\0';
    w->ended = false;
    return true;
}

/* ---- carrying one out ----------------------------------------------------------------------- */

static bool may_be_asked(const struct pxs_wishes *w, const char *command) {
    for (const char *const *name = w->how.commands; *name; name++)
        if (strcmp(*name, command) == 0)
            return true;
    return false;
}

/* Appends the strings of a list to argv, which has room for MOST_WORDS. */
static enum pxs_status add_words(struct pxs_json root, const char *key, const char **argv,
                                 size_t *n, struct pxs_error *err) {
    struct pxs_json list, item;
    PXS_TRY(pxs_json_get(root, key, &list, err));
    PXS_TRY(pxs_json_expect(list, PXS_JSON_ARRAY, err));
    if (*n + pxs_json_count(list) >= MOST_WORDS)
        return pxs_json_fail(list, err, "is too long");
    for (bool more = pxs_json_first(list, &item); more; more = pxs_json_next(&item)) {
        PXS_TRY(pxs_json_string(item, &argv[*n], err));
        if (strcmp(argv[*n], "--") == 0)
            return pxs_json_fail(item, err, "is no option");
        ++*n;
    }
    return PXS_OK;
}

static enum pxs_status start(struct pxs_wishes *w, struct pxs_json root, struct pxs_error *err) {
    const char *argv[MOST_WORDS + 8] = {"pixsweep"};
    char command[64], *second;
    const char *text;
    struct pxs_json name;
    size_t n = 1;
    PXS_TRY(pxs_json_get(root, "command", &name, err));
    PXS_TRY(pxs_json_string(name, &text, err));
    if (!may_be_asked(w, text))
        return pxs_json_fail(name, err, "is no command that can be given from another machine");
    snprintf(command, sizeof command, "%s", text);
    argv[n++] = command;
    if ((second = strchr(command, ' '))) { /* "import lab" */
        *second = '\0';
        argv[n++] = second + 1;
    }
    PXS_TRY(add_words(root, "options", argv, &n, err));
    /* The last one holds, whatever came before. */
    argv[n++] = "--db";
    argv[n++] = w->how.db;
    argv[n++] = "--results";
    argv[n++] = w->how.results;
    argv[n++] = "--";
    PXS_TRY(add_words(root, "names", argv, &n, err));
    argv[n] = NULL;

    w->out = memfd_create("pixsweep-out", MFD_CLOEXEC);
    w->err = memfd_create("pixsweep-err", MFD_CLOEXEC);
    if (w->out < 0 || w->err < 0)
        return pxs_fail_errno(err, "cannot make a file in memory");
    const struct pxs_child_spec spec = {.what = command,
                                        .program =
                                            w->how.program ? w->how.program : "/proc/self/exe",
                                        .argv = argv,
                                        .in = -1,
                                        .out = w->out,
                                        .err = w->err};
    return pxs_child_start(&spec, &w->child, err);
}

static enum pxs_status read_and_start(struct pxs_wishes *w, struct pxs_error *err) {
    char name[64], *text;
    size_t bytes;
    struct pxs_json_doc *doc = NULL;
    snprintf(name, sizeof name, "%s" PXS_WISH_BEGUN, w->id);
    PXS_TRY(pxs_read_beneath(w->dir, name, PXS_WISH_MAX, &text, &bytes, err));
    enum pxs_status status = pxs_json_parse(text, bytes, name, &doc, err);
    free(text);
    if (status == PXS_OK)
        status = start(w, pxs_json_root(doc), err);
    pxs_json_destroy(&doc);
    return status;
}

static void begin(struct pxs_wishes *w, const char *id) {
    char asked[PXS_PATH_MAX], begun[PXS_PATH_MAX];
    struct pxs_error err;
    if (pxs_wish_path(w->dir, id, PXS_WISH_ASKED, asked, &err) != PXS_OK ||
        pxs_wish_path(w->dir, id, PXS_WISH_BEGUN, begun, &err) != PXS_OK ||
        rename(asked, begun) != 0)
        return; /* withdrawn */
    snprintf(w->id, sizeof w->id, "%s", id);
    w->out = w->err = -1;
    const enum pxs_status status = read_and_start(w, &err);
    if (status == PXS_OK)
        return;
    if (w->out >= 0)
        close(w->out);
    if (w->err >= 0)
        close(w->err);
    say(w, &err);
    struct pxs_text words = {0};
    struct pxs_error why;
    pxs_text_addf(&words, "pixsweep: %s\n", err.message);
    if (answer(w, w->id, status == PXS_E_NOMEM || status == PXS_E_IO ? 1 : 2, "",
               pxs_text_str(&words), &why) != PXS_OK)
        say(w, &why);
    pxs_text_finish(&words);
    w->id[0] = '\0';
}

/* ---- the folder ----------------------------------------------------------------------------- */

/* The id of a file with this ending; false where it is none. */
static bool id_of(const char *name, const char *ending, char id[PXS_CLAIM_NONCE]) {
    const size_t digits = strspn(name, "0123456789");
    if (digits != PXS_CLAIM_NONCE - 1 || strcmp(name + digits, ending) != 0)
        return false;
    snprintf(id, PXS_CLAIM_NONCE, "%.*s", (int)digits, name);
    return true;
}

/* Seconds before the claim was touched last; by the disk's clock alone. */
static double age_of(const struct stat *file, const struct stat *claim) {
    return (double)(claim->st_mtim.tv_sec - file->st_mtim.tv_sec) +
           (double)(claim->st_mtim.tv_nsec - file->st_mtim.tv_nsec) / 1e9;
}

/* Removes what is left of processes that died; the oldest wish is in `id`, "" = none. `orphans`:
 * wishes that have begun are those of an earlier collector. */
static void scan(struct pxs_wishes *w, bool orphans, char id[PXS_CLAIM_NONCE]) {
    struct stat claim, file;
    double oldest = -LITTER_SECONDS;
    char path[PXS_PATH_MAX], found[PXS_CLAIM_NONCE];
    struct pxs_error err;
    DIR *dir = opendir(w->dir);
    id[0] = '\0';
    if (!dir)
        return;
    const bool clock = pxs_path_join(path, sizeof path, w->how.collector, PXS_CLAIM_FILE) &&
                       stat(path, &claim) == 0;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.' ||
            fstatat(dirfd(dir), e->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(file.st_mode))
            continue;
        const double age = clock ? age_of(&file, &claim) : 0;
        if (id_of(e->d_name, PXS_WISH_ASKED, found)) {
            if (age > PXS_CLAIM_LEASE_SECONDS) /* no process waits for it any more */
                unlinkat(dirfd(dir), e->d_name, 0);
            else if (!id[0] || age > oldest) {
                memcpy(id, found, sizeof found);
                oldest = age;
            }
        } else if (orphans && id_of(e->d_name, PXS_WISH_BEGUN, found)) {
            if (answer(w, found, 1, "",
                       "pixsweep: the process that collected died while it did this: look whether "
                       "it is done, and give the command again\n",
                       &err) != PXS_OK)
                say(w, &err);
        } else if (age > LITTER_SECONDS)
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
}

/* ---- the story ------------------------------------------------------------------------------ */

enum pxs_status pxs_wishes_open(const struct pxs_wishes_options *options, struct pxs_wishes **out,
                                struct pxs_error *err) {
    char ignored[PXS_CLAIM_NONCE];
    struct pxs_wishes *w = calloc(1, sizeof *w);
    if (!w)
        return pxs_fail_nomem(err);
    w->how = *options;
    w->scanned_at = -SCAN_SECONDS;
    enum pxs_status status =
        pxs_path_join(w->dir, sizeof w->dir, options->collector, PXS_WISHES)
            ? pxs_make_dirs(w->dir, err)
            : pxs_fail(err, PXS_E_INVALID, "the path %s is too long", options->collector);
    if (status != PXS_OK) {
        free(w);
        return status;
    }
    scan(w, true, ignored);
    *out = w;
    return PXS_OK;
}

bool pxs_wishes_look(struct pxs_wishes *w) {
    char id[PXS_CLAIM_NONCE];
    const double now = pxs_monotonic();
    bool changed = false;
    if (w->id[0] && !w->ended && pxs_child_reap(&w->child, &w->exit))
        w->ended = changed = true;
    if (w->id[0] && (!w->ended || !finish(w)))
        return changed;
    if (!changed && now - w->scanned_at < SCAN_SECONDS)
        return false;
    w->scanned_at = now;
    scan(w, false, id);
    if (id[0])
        begin(w, id);
    return changed;
}

void pxs_wishes_close(struct pxs_wishes **wishes, double seconds) {
    struct pxs_wishes *w = wishes ? *wishes : NULL;
    if (!w)
        return;
    if (w->id[0] && !w->ended)
        w->exit = pxs_child_finish(&w->child, seconds);
    if (w->id[0])
        finish(w);
    free(w);
    *wishes = NULL;
}
