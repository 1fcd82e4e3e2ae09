/* A submission's folder: its launcher and the script that its jobs run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher_priv.h"
#include "launcher_texts.h"

#define MOST_BYTES (64u << 20) /* of a launcher of the user's own, which may be a program */

/* The text of a launcher of the user's own; free() it. */
static enum pxs_status read_own(const char *path, char **text, size_t *bytes,
                                struct pxs_error *err) {
    const enum pxs_status status = pxs_read_file(path, MOST_BYTES, text, bytes, err);
    if (status == PXS_E_NOT_FOUND)
        return pxs_fail(err, PXS_E_INVALID,
                        "launcher: there is no %s: give slurm, ssh or the path of an executable",
                        path);
    if (status != PXS_OK)
        return pxs_error_prefix(err, "launcher");
    if (access(path, X_OK) != 0) {
        free(*text);
        return pxs_fail(err, PXS_E_INVALID, "launcher: %s may not be executed: chmod +x %s", path,
                        path);
    }
    return PXS_OK;
}

enum pxs_status pxs_write_executable(const char *dir, const char *name, const char *text,
                                     size_t bytes, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_atomic_file f;
    if (!pxs_path_join(path, sizeof path, dir, name))
        return pxs_fail(err, PXS_E_INVALID, "the path of %s is too long", dir);
    enum pxs_status status = pxs_atomic_open(&f, path, err);
    if (status != PXS_OK)
        return status;
    if (fwrite(text, 1, bytes, f.file) != bytes || fchmod(fileno(f.file), 0755) != 0)
        status = pxs_fail_errno(err, "cannot write %s", path);
    else
        status = pxs_atomic_commit(&f, err);
    pxs_atomic_abandon(&f);
    return status;
}

enum pxs_status pxs_launcher_lay_out(const char *dir, const char *on, struct pxs_error *err) {
    char log[PXS_PATH_MAX], *own = NULL;
    const char *text = NULL;
    size_t bytes = 0;
    for (const char *c = dir; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127 || *c == '\\')
            return pxs_fail(err, PXS_E_INVALID,
                            "launcher: the folder %s has a control character or a backslash in its "
                            "name, which Slurm does not bear: rename it",
                            dir);
    if (dir[0] != '/' || !pxs_path_join(log, sizeof log, dir, "log"))
        return pxs_fail(err, PXS_E_INVALID,
                        "launcher: the folder %s is not absolute, or its name is too long", dir);
    if (strcmp(on, "slurm") == 0)
        text = pxs_launcher_slurm_sh;
    else if (strcmp(on, "ssh") == 0)
        text = pxs_launcher_ssh_sh;
    else
        PXS_TRY(read_own(on, &own, &bytes, err));
    enum pxs_status status = pxs_make_dirs(log, err);
    if (status == PXS_OK)
        status = pxs_write_executable(dir, "launcher", own ? own : text, own ? bytes : strlen(text),
                                      err);
    free(own);
    return status;
}

/* As one word of a shell, whatever is in it. */
static void add_quoted(struct pxs_text *out, const char *text) {
    pxs_text_add(out, "'");
    for (; *text; text++) {
        if (*text == '\'')
            pxs_text_add(out, "'\\''");
        else
            pxs_text_add_n(out, text, 1);
    }
    pxs_text_add(out, "'");
}

void pxs_launcher_job_script(const struct pxs_launcher *l, const char *name, struct pxs_text *out) {
    const double settle = l->settle_seconds > 0 ? l->settle_seconds : PXS_SETTLE_SECONDS;
    pxs_text_add(out,
                 "#!/usr/bin/env bash\n"
                 "# What each job of a submission runs. Written by pixsweep at each submission.\n"
                 "dir=");
    add_quoted(out, l->dir);
    pxs_text_add(out, "\nname=");
    add_quoted(out, name);
    pxs_text_addf(out, "\nsettle=%.0f\ncores=", settle < 1 ? 1.0 : settle);
    if (l->cpus > 0)
        pxs_text_addf(out, "%lld", (long long)l->cpus);
    pxs_text_addf(out, "\n\n%s", pxs_launcher_job_sh);
    if (l->setup && l->setup[0])
        pxs_text_addf(out, "\n# The lines of `setup`.\n%s\n", l->setup);
    if (l->seconds > 0)
        pxs_text_addf(out,
                      "\n# How long this job may run, where its engine gives no warning.\n"
                      "export PIXSWEEP_SECONDS=$((%lld - SECONDS)) PIXSWEEP_WARN=%lld\n",
                      (long long)l->seconds, (long long)l->warn);
    pxs_text_add(out, "\nexec \"$dir/pixsweep\" task \"$dir\"\n");
}
