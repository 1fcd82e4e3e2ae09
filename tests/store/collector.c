/* What a collector does with databases, for tests through the shell:
 *   store_collector publish DB COPY PID     a copy of DB, published by process PID of this machine
 *   store_collector hand_over DB OWN PID    DB becomes a copy that PID publishes from OWN
 *   store_collector take_over COPY TO       a new database TO from a copy whose collector is gone
 * Fails with words on stderr and 1. */
#include "pixsweep/store.h"

#include <stdlib.h>
#include <string.h>

static enum pxs_status collector(const char *db, const char *pid, struct pxs_collector *out,
                                 struct pxs_error *err) {
    PXS_TRY(pxs_collector_here(db, out, err));
    out->pid = strtoll(pid, NULL, 10);
    out->pid_start = pxs_pid_start(out->pid);
    return PXS_OK;
}

static enum pxs_status publish(const char *db, const char *copy, const char *pid,
                               struct pxs_error *err) {
    struct pxs_collector me;
    struct pxs_store *s = NULL;
    PXS_TRY(collector(db, pid, &me, err));
    PXS_TRY(pxs_store_open(db, &s, err));
    enum pxs_status status = pxs_store_publish(s, copy, &me, err);
    pxs_store_close(&s);
    return status;
}

static enum pxs_status hand_over(const char *db, const char *own, const char *pid,
                                 struct pxs_error *err) {
    struct pxs_collector me;
    PXS_TRY(collector(own, pid, &me, err));
    return pxs_store_hand_over(db, &me, 5, err);
}

int main(int argc, char **argv) {
    struct pxs_error err = {.message = "usage: publish DB COPY PID, hand_over DB OWN PID, "
                                       "take_over COPY TO"};
    enum pxs_status status = PXS_E_INVALID;
    if (argc == 5 && strcmp(argv[1], "publish") == 0)
        status = publish(argv[2], argv[3], argv[4], &err);
    else if (argc == 5 && strcmp(argv[1], "hand_over") == 0)
        status = hand_over(argv[2], argv[3], argv[4], &err);
    else if (argc == 4 && strcmp(argv[1], "take_over") == 0)
        status = pxs_store_take_over(argv[2], argv[3], false, NULL, &err);
    if (status != PXS_OK)
        fprintf(stderr, "%s\n", err.message);
    return status != PXS_OK;
}
