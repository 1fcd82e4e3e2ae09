/* compact, backup: the database's file. */
#include "cli.h"

#include <sys/stat.h>

static enum pxs_status compact(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                               struct pxs_error *err) {
    struct pxs_store_space space;
    char before[32], after[32];
    (void)cli;
    PXS_TRY(pxs_store_compact(s, &space, err));
    pxs_format_bytes(before, (uint64_t)space.before);
    pxs_format_bytes(after, (uint64_t)space.after);
    pxs_text_add_words(
        out, "%s: %s before, %s now%s\n", pxs_store_path(s), before, after,
        space.waiting
            ? "; a reader holds an old state open, the rest is given back when it has gone"
            : "");
    return PXS_OK;
}

int cli_cmd_compact(struct cli *cli) {
    return cli_with_writer(cli, compact);
}

static enum pxs_status backup(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                              struct pxs_error *err) {
    struct stat info;
    char bytes[32];
    PXS_TRY(pxs_store_backup(s, cli->args[0], err));
    if (stat(cli->args[0], &info) != 0)
        return pxs_fail_errno(err, "cannot look at %s", cli->args[0]);
    pxs_format_bytes(bytes, (uint64_t)info.st_size);
    pxs_text_add_words(out, "%s: copied to %s (%s)\n", pxs_store_path(s), cli->args[0], bytes);
    return PXS_OK;
}

int cli_cmd_backup(struct cli *cli) {
    return cli_with_store(cli, backup);
}
