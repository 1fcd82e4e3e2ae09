/* A command that writes, where a collector lives on another machine: it is asked to carry it out.
 */
#include "cli.h"
#include "pixsweep/collect/wishes.h"
#include "pixsweep/plan.h"

#include <math.h>
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

/* Not begun for so long: the collector does nothing else but publish, or has ended. */
#define PATIENCE_SECONDS 10.0

/* When its claim is void, if it gives no other sign of life, and what is done then. A cancel
 * reaches jobs at once. */
static void say_silent(struct cli *cli, const struct pxs_wish *wish) {
    char age[32], at[32];
    const int64_t now_ms = pxs_now_ms();
    const double silent = fmax(pxs_wish_silence(wish), 0);
    pxs_format_duration(age, silent);
    pxs_format_local(at, now_ms + (int64_t)(1000 * fmax(PXS_CLAIM_LEASE_SECONDS - silent, 0)),
                     now_ms);
    cli_say("no answer for %.0f s, and its last sign of life was %s ago: where it has ended, that "
            "is certain at %s, and this is done here then",
            PATIENCE_SECONDS, age, at);
    if (strcmp(cli->command->name, "cancel") == 0)
        cli_cancel_ahead(cli);
}

/* False where the collector has ended, and nothing was done. */
static bool wait_for(struct cli *cli, struct pxs_wish *wish, const struct pxs_stop *stop,
                     int *code) {
    struct pxs_answer answer;
    struct pxs_error err = {0};
    const double patient_until = pxs_monotonic() + PATIENCE_SECONDS;
    bool said = false;
    enum pxs_status status;
    while ((status = pxs_wish_look(wish, &answer, &err)) == PXS_E_BUSY) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        if (!said && pxs_monotonic() >= patient_until && !pxs_wish_has_begun(wish)) {
            said = true;
            say_silent(cli, wish);
        }
        if (atomic_load(&stop->signal) == 0)
            continue;
        if (!pxs_wish_withdraw(wish))
            cli_say("it has been begun, and goes on there");
        else if (cli->told_ahead)
            cli_say("taken back; but jobs are told, and the database is not");
        else
            cli_say("taken back; nothing was done");
        *code = CLI_INTERRUPTED;
        return true;
    }
    if (status == PXS_E_NOT_FOUND) {
        cli_say("%s, so it is done here", err.message);
        return false;
    }
    if (status == PXS_OK) {
        *code = print_answer(&answer);
    } else {
        cli_say("%s; look, and give the command again", err.message);
        *code = CLI_FAILED;
    }
    return true;
}

/* Asks whoever collects; false where nobody does any more, and nothing was done. */
static bool ask(struct cli *cli, const struct pxs_stop **stop, int *code) {
    char dir[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE], age[32];
    const char *options[OPT_COUNT + 1], **names = NULL;
    struct pxs_claim_owner owner;
    struct pxs_wish wish;
    struct pxs_error err = {0};
    int64_t touched_ms;
    if (!find_collector(cli, dir) ||
        pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL) != PXS_OK)
        return false;
    if (!*stop)
        *stop = cli_catch_signals(CLI_SIGNALS_TASK);
    enum pxs_status status = put_options(cli, options, &err);
    if (status == PXS_OK)
        status = put_names(cli, &names, &err);
    if (status == PXS_OK)
        status = pxs_wish_make(dir, cli->command->name, options, names, &wish, &err);
    if (status == PXS_E_NOT_FOUND)
        return false; /* the claim was given back just now */
    if (status != PXS_OK) {
        *code = cli_fail(status, &err);
        return true;
    }
    pxs_format_duration(age, fmax(pxs_wish_silence(&wish), 0));
    cli_say("process %lld on %s collects, and is asked to do it (Ctrl-C takes that back); its last "
            "sign of life was %s ago",
            (long long)owner.pid, owner.host, age);
    if (wait_for(cli, &wish, *stop, code))
        return true;
    /* Another one may have begun to collect. */
    return ask(cli, stop, code);
}

bool cli_is_wish(struct cli *cli, int *code) {
    const struct pxs_stop *stop = NULL;
    return ask(cli, &stop, code);
}
