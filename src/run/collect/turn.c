/* A command that writes where the last collector has ended does so in its place. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "collect_priv.h"

/* The place of the collector's database before, where that was on this machine and can be written
 * to. */
static enum pxs_status choose_own(const char *results, const struct pxs_collector *was,
                                  char own[PXS_PATH_MAX], struct pxs_error *err) {
    struct pxs_host here;
    char folder[PXS_PATH_MAX];
    pxs_host_detect(&here);
    if (strcmp(was->host, here.name) == 0 && pxs_path_dir(folder, sizeof folder, was->db) &&
        access(folder, W_OK | X_OK) == 0 &&
        (access(was->db, R_OK | W_OK) == 0 || errno == ENOENT)) {
        snprintf(own, PXS_PATH_MAX, "%s", was->db);
        return PXS_OK;
    }
    return pxs_collector_database(results, own, err);
}

enum pxs_status pxs_turn_begin(const char *copy, const struct pxs_logger *logger,
                               struct pxs_turn *turn, struct pxs_collector *was,
                               struct pxs_error *err) {
    struct pxs_claim_owner me;
    char results[PXS_PATH_MAX], folder[PXS_PATH_MAX];
    if (!pxs_path_absolute(turn->copy, sizeof turn->copy, copy) ||
        !pxs_path_dir(results, sizeof results, turn->copy) ||
        !pxs_path_join(folder, sizeof folder, results, PXS_COLLECTOR_DIR))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", copy);
    PXS_TRY(pxs_make_dirs(folder, err));
    pxs_claim_owner_here(NULL, 0, &me);
    PXS_TRY(pxs_claim_take(folder, &me, &turn->claim, err));
    enum pxs_status status = pxs_store_read_collector(turn->copy, was, err);
    if (status == PXS_OK && pxs_collector_life(was) == PXS_COLLECTOR_ALIVE)
        status = pxs_store_refuse_published(turn->copy, err);
    if (status == PXS_OK)
        status = choose_own(results, was, turn->own, err);
    if (status == PXS_OK)
        status = pxs_collector_here(turn->own, &turn->me, err);
    if (status == PXS_OK)
        status = pxs_own_database_open(turn->own, false, turn->copy, &turn->me, logger,
                                       &turn->store, err);
    if (status != PXS_OK)
        pxs_claim_release(&turn->claim);
    else
        turn->moved = strcmp(was->host, turn->me.host) != 0 || strcmp(was->db, turn->me.db) != 0;
    return status;
}

enum pxs_status pxs_turn_end(struct pxs_turn *turn, struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    if (pxs_store_changed_by_others(turn->store) || turn->moved) {
        status = pxs_claim_refresh(&turn->claim, err);
        if (status == PXS_OK)
            status = pxs_store_publish(turn->store, turn->copy, &turn->me, err);
    }
    pxs_store_close(&turn->store);
    pxs_claim_release(&turn->claim);
    return status;
}
