/* What a collector does while it is asked by other processes, for tests through the shell:
 *   asked here|elsewhere RESULTS DB PROGRAM
 * holds the claim on RESULTS/.collector, as a process of this machine or of another one, publishes
 * DB as RESULTS/pixsweep.db whenever it has changed, and has PROGRAM carry wishes out. SIGTERM ends
 * it in order. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pixsweep/collect/wishes.h"
#include "pixsweep/store.h"

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void say(void *user, enum pxs_log_level level, const char *text) {
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

static enum pxs_status collect(struct pxs_store *s, const char *copy, bool here,
                               const struct pxs_wishes_options *options, struct pxs_error *err) {
    struct pxs_collector me;
    struct pxs_wishes *wishes = NULL;
    PXS_TRY(pxs_collector_here(options->db, &me, err));
    if (!here)
        snprintf(me.host, sizeof me.host, "elsewhere");
    PXS_TRY(pxs_wishes_open(options, &wishes, err));
    enum pxs_status status = pxs_store_publish(s, copy, &me, err);
    while (!stopped && status == PXS_OK) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        pxs_wishes_look(wishes);
        if (pxs_store_changed_by_others(s))
            status = pxs_store_publish(s, copy, &me, err);
    }
    pxs_wishes_close(&wishes, 10);
    if (status == PXS_OK)
        status = pxs_store_publish(s, copy, &me, err);
    return status;
}

int main(int argc, char **argv) {
    static const char *const commands[] = {"retry", "cancel", "rm", "compact", "reap", NULL};
    struct pxs_error err = {.message = "usage: asked here|elsewhere RESULTS DB PROGRAM"};
    struct pxs_claim_owner owner;
    struct pxs_claim claim = {.path = ""};
    struct pxs_store *s = NULL;
    char dir[PXS_PATH_MAX], copy[PXS_PATH_MAX];
    if (argc != 5 || !pxs_path_join(dir, sizeof dir, argv[2], PXS_COLLECTOR_DIR) ||
        !pxs_path_join(copy, sizeof copy, argv[2], "pixsweep.db"))
        goto out;
    const bool here = strcmp(argv[1], "here") == 0;
    const struct pxs_wishes_options options = {.collector = dir,
                                               .results = argv[2],
                                               .db = argv[3],
                                               .program = argv[4],
                                               .commands = commands,
                                               .logger = {.write = say}};
    signal(SIGTERM, on_signal);
    pxs_claim_owner_here(NULL, 0, &owner);
    if (!here)
        snprintf(owner.host, sizeof owner.host, "elsewhere");
    enum pxs_status status = pxs_make_dirs(dir, &err);
    if (status == PXS_OK)
        status = pxs_claim_take(dir, &owner, &claim, &err);
    if (status == PXS_OK)
        status = pxs_store_open(argv[3], &s, &err);
    if (status == PXS_OK)
        status = collect(s, copy, here, &options, &err);
    pxs_store_close(&s);
    pxs_claim_release(&claim);
    if (status == PXS_OK)
        return 0;
out:
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
