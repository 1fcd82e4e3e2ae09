/* Which files are generated from, and what their results are called. */
#include "generate_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "pixsweep/rundir.h"

static bool is_array(const char *name) {
    const size_t n = strlen(name);
    return n > 4 && strcasecmp(name + n - 4, ".npy") == 0;
}

/* The name without its ending, where that is of a kind that is read, and the result's. */
static const char *result_of(struct pxs_arena *arena, const char *path, const char *ending) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    const bool known = dot && dot > name && (is_array(name) || pxs_image_format_of(name));
    return pxs_arena_printf(arena, "%.*s.%s", known ? (int)(dot - name) : (int)strlen(name), name,
                            is_array(name) ? "npy" : ending);
}

static enum pxs_status add(struct generate_inputs *in, const char *path, const char *ending,
                           struct pxs_error *err) {
    if (in->n == in->room) {
        const size_t room = in->room ? 2 * in->room : 64;
        struct generate_input *more = realloc(in->of, room * sizeof *more);
        if (!more)
            return pxs_fail_nomem(err);
        in->of = more;
        in->room = room;
    }
    const struct generate_input input = {.path = pxs_arena_strdup(&in->arena, path),
                                         .result = result_of(&in->arena, path, ending),
                                         .array = is_array(path)};
    if (!input.path || !input.result)
        return pxs_fail_nomem(err);
    in->of[in->n++] = input;
    return PXS_OK;
}

/* ---- folders -------------------------------------------------------------------------------- */

static int bytewise(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum pxs_status add_folder(const struct pxs_generate_options *o, struct generate_inputs *in,
                                  const char *dir, struct pxs_error *err) {
    struct dirent **entries = NULL;
    const size_t before = in->n;
    size_t others = 0, folders = 0;
    const int n = scandir(dir, &entries, NULL, bytewise);
    if (n < 0)
        return pxs_fail_errno(err, "cannot read the folder %s", dir);
    enum pxs_status status = PXS_OK;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        char path[PXS_PATH_MAX];
        struct stat info;
        if (status != PXS_OK || name[0] == '.')
            continue;
        if (!pxs_path_join(path, sizeof path, dir, name))
            status = pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", dir);
        else if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            folders++;
        else if (is_array(name) || pxs_image_format_of(name))
            status = add(in, path, o->ending, err);
        else
            others++;
    }
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    PXS_TRY(status);
    if (in->n == before)
        return pxs_fail(err, PXS_E_INVALID, "%s holds no picture and no .npy file%s", dir,
                        folders ? "; its folders are not entered: name one of them" : "");
    if (others > 0)
        pxs_log(o->log, PXS_LOG_INFO, "%s: %zu file%s that %s no picture passed over", dir, others,
                others == 1 ? "" : "s", others == 1 ? "is" : "are");
    if (folders > 0)
        pxs_log(o->log, PXS_LOG_INFO, "%s: %zu folder%s in it not entered", dir, folders,
                folders == 1 ? "" : "s");
    return PXS_OK;
}

/* ---- results -------------------------------------------------------------------------------- */

static int by_result(const void *a, const void *b) {
    const struct generate_input *x = *(const struct generate_input *const *)a,
                                *y = *(const struct generate_input *const *)b;
    const int order = strcmp(x->result, y->result);
    return order ? order : (x > y) - (x < y);
}

static enum pxs_status refuse_clashes(const struct pxs_generate_options *o,
                                      const struct generate_inputs *in, struct pxs_error *err) {
    struct pxs_text words = {0};
    size_t clashes = 0;
    const struct generate_input **sorted = malloc((in->n + 1) * sizeof *sorted);
    if (!sorted)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < in->n; i++)
        sorted[i] = &in->of[i];
    qsort(sorted, in->n, sizeof *sorted, by_result);
    for (size_t i = 1; i < in->n; i++) {
        if (strcmp(sorted[i - 1]->result, sorted[i]->result) != 0)
            continue;
        if (clashes++ < 5)
            pxs_text_addf(&words, "%s%s and %s would both become %s", clashes > 1 ? "; " : "",
                          sorted[i - 1]->path, sorted[i]->path, sorted[i]->result);
    }
    free(sorted);
    if (clashes > 5)
        pxs_text_addf(&words, "; and %zu more", clashes - 5);
    if (clashes > 0)
        pxs_fail(err, PXS_E_INVALID, "%s in %s: generate them into folders of their own",
                 pxs_text_str(&words), o->out);
    pxs_text_finish(&words);
    return clashes > 0 ? PXS_E_INVALID : PXS_OK;
}

struct identity {
    dev_t dev;
    ino_t ino;
    const char *path;
};

static int by_identity(const void *a, const void *b) {
    const struct identity *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return (x->ino > y->ino) - (x->ino < y->ino);
}

static enum pxs_status refuse_replacing(const struct pxs_generate_options *o,
                                        const struct generate_inputs *in, struct pxs_error *err) {
    struct identity *inputs = malloc((in->n + 1) * sizeof *inputs);
    size_t n = 0;
    struct stat info;
    enum pxs_status status = PXS_OK;
    if (!inputs)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < in->n; i++)
        if (stat(in->of[i].path, &info) == 0)
            inputs[n++] = (struct identity){info.st_dev, info.st_ino, in->of[i].path};
    qsort(inputs, n, sizeof *inputs, by_identity);
    for (size_t i = 0; i < in->n && status == PXS_OK; i++) {
        char path[PXS_PATH_MAX];
        if (!pxs_path_join(path, sizeof path, o->out, in->of[i].result)) {
            status = pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", o->out);
            break;
        }
        if (stat(path, &info) != 0)
            continue;
        const struct identity made = {info.st_dev, info.st_ino, NULL};
        const struct identity *same = bsearch(&made, inputs, n, sizeof *inputs, by_identity);
        char *real = realpath(path, NULL);
        if (same)
            status =
                pxs_fail(err, PXS_E_INVALID,
                         "%s would be replaced by a result: -o takes another folder", same->path);
        else if (real && pxs_is_run_file(real))
            status = pxs_fail(err, PXS_E_INVALID,
                              "%s is a file of a run, which a result would replace: -o takes "
                              "another folder",
                              path);
        else if (!S_ISREG(info.st_mode))
            status = pxs_fail(err, PXS_E_INVALID,
                              "%s is there and no file: -o takes another folder", path);
        free(real);
    }
    free(inputs);
    return status;
}

enum pxs_status generate_list(const struct pxs_generate_options *o, struct generate_inputs *out,
                              struct pxs_error *err) {
    for (size_t i = 0; i < o->n_inputs; i++) {
        struct stat info;
        const char *path = o->inputs[i];
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            PXS_TRY(add_folder(o, out, path, err));
        else
            PXS_TRY(add(out, path, o->ending, err));
    }
    PXS_TRY(refuse_clashes(o, out, err));
    return refuse_replacing(o, out, err);
}

void generate_inputs_finish(struct generate_inputs *inputs) {
    pxs_arena_finish(&inputs->arena);
    free(inputs->of);
    *inputs = (struct generate_inputs){.n = 0};
}
