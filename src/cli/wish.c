/* A command that writes, where a collector lives on another machine: it is asked to carry it out.
 */
#include "cli.h"
#include "pixsweep/collect/wishes.h"
#include "pixsweep/plan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The options as typed, but for those that say where. */
static enum pxs_status put_options(struct cli *cli, const char *out[OPT_COUNT + 1],
                                   struct pxs_error *err) {
    size_t n = 0;
    for (int i = 0; i < OPT_COUNT; i++) {
        const char *value = cli->values[i];
        if (!value || i == OPT_DB || i == OPT_RESULTS)
            continue;
        out[n] = pxs_arena_printf(&cli->arena, "--%s%s%s", cli_option_name((enum cli_option)i),
                                  value[0] ? "=" : "", value);
        if (!out[n++])
            return pxs_fail_nomem(err);
    }
    out[n] = NULL;
    return PXS_OK;
}

/* Names, and paths of what is in the results folder, which mean the same there. */
static enum pxs_status put_names(struct cli *cli, const char ***out, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    const char **names = pxs_arena_alloc(&cli->arena, (size_t)(cli->n_args + 1) * sizeof *names);
    if (!names)
        return pxs_fail_nomem(err);
    for (int i = 0; i < cli->n_args; i++) {
        names[i] = cli->args[i];
        if (strchr(names[i], '/') && access(names[i], F_OK) == 0 &&
            pxs_path_absolute(path, sizeof path, names[i]) &&
            !(names[i] = pxs_arena_strdup(&cli->arena, path)))
            return pxs_fail_nomem(err);
    }
    *out = names;
    return PXS_OK;
}

/* Whom to ask; false where the command is carried out by this process, or refused by it. A
 * collector that has just begun may have published nothing yet. */
static bool find_collector(const struct cli *cli, char dir[PXS_PATH_MAX]) {
    char results[PXS_PATH_MAX], db[PXS_PATH_MAX], folder[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE];
    struct pxs_collector c;
    return cli->command->place == WISH &&
           pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, db) &&
           pxs_store_is_published(db) && !cli_collects_here(db, &c, dir, nonce) &&
           pxs_path_dir(folder, sizeof folder, db) &&
           pxs_path_join(dir, PXS_PATH_MAX, folder, PXS_COLLECTOR_DIR) &&
           pxs_claim_look(dir, NULL) == PXS_E_BUSY;
}

static int print_answer(struct pxs_answer *answer) {
    struct pxs_text out = {0}, words = {0};
    pxs_text_add(&out, answer->out);
    pxs_text_add(&words, answer->err);
    cli_say_text(&words);
    cli_out_text(&out);
    pxs_text_finish(&out);
    pxs_text_finish(&words);
    free(answer->out);
    free(answer->err);
    return answer->code;
}

static int wait_for(struct pxs_wish *wish, const struct pxs_stop *stop) {
    struct pxs_answer answer;
    struct pxs_error err = {0};
    enum pxs_status status;
    while ((status = pxs_wish_look(wish, &answer, &err)) == PXS_E_BUSY) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        if (atomic_load(&stop->signal) == 0)
            continue;
        if (pxs_wish_withdraw(wish))
            cli_say("taken back; nothing was done");
        else
            cli_say("it has been begun, and goes on there");
        return CLI_INTERRUPTED;
    }
    if (status == PXS_OK)
        return print_answer(&answer);
    cli_say("%s; %s", err.message,
            status == PXS_E_NOT_FOUND ? "give the command again, and it is done here"
                                      : "look, and give the command again");
    return CLI_FAILED;
}

bool cli_is_wish(struct cli *cli, int *code) {
    char dir[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE];
    const char *options[OPT_COUNT + 1], **names = NULL;
    struct pxs_claim_owner owner;
    struct pxs_wish wish;
    struct pxs_error err = {0};
    int64_t touched_ms;
    if (!find_collector(cli, dir) ||
        pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL) != PXS_OK)
        return false;
    const struct pxs_stop *stop = cli_catch_signals(CLI_SIGNALS_TASK);
    enum pxs_status status = put_options(cli, options, &err);
    if (status == PXS_OK)
        status = put_names(cli, &names, &err);
    if (status == PXS_OK)
        status = pxs_wish_make(dir, cli->command->name, options, names, &wish, &err);
    if (status != PXS_OK) {
        *code = cli_fail(status, &err);
        return true;
    }
    cli_say("process %lld on %s collects, and is asked to do it (Ctrl-C takes that back)",
            (long long)owner.pid, owner.host);
    *code = wait_for(&wish, stop);
    return true;
}
