/* Runs that the database calls running although no process works on them any more. */
#include "store_priv.h"
#include "store_texts.h"

#include <stdlib.h>
#include <string.h>

bool pxs_attempt_is_stale(const struct pxs_attempt_life *a, const struct pxs_host *here,
                          int64_t now_ms) {
    bool silent = now_ms - a->seen_ms > PXS_STALE_MS;
    if (strcmp(a->host, here->name) != 0)
        return silent;
    if (strcmp(a->boot_id, here->boot_id) != 0)
        return true;
    if (a->guard == PXS_LOCK_HELD || (a->pid > 0 && pxs_pid_alive(a->pid, a->pid_start)))
        return false;
    if (a->guard == PXS_LOCK_FREE)
        return true;
    if (a->pid <= 0)
        return silent; /* claimed, and its worker not started yet */
    /* A supervisor that is alive will record how the attempt ended. */
    return silent || a->supervisor <= 0 || !pxs_pid_alive(a->supervisor, 0);
}

static int64_t integer_at(const struct pxs_table *t, size_t row, const char *column) {
    struct pxs_cell cell = pxs_table_at(t, row, column);
    int64_t value = cell.integer;
    if (cell.kind == PXS_CELL_TEXT && !pxs_parse_int(cell.text, &value))
        value = 0;
    return value;
}

static const char *text_at(const struct pxs_table *t, size_t row, const char *column) {
    const char *text = pxs_table_at(t, row, column).text;
    return text ? text : "";
}

enum pxs_status pxs_store_stale_runs(struct pxs_store *s, int64_t sweep_id,
                                     const struct pxs_host *here, int64_t now_ms, int64_t **run_ids,
                                     size_t *n, struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_cell arg = pxs_cell_int(sweep_id);
    char dir[PXS_PATH_MAX], lock[PXS_PATH_MAX];
    /* A copy knows of no heartbeat since it was published, and of a process that is gone its
     * collector tells at its next look, while there is one. */
    const bool collected = s->published && pxs_collector_life(&s->collector) != PXS_COLLECTOR_GONE;
    if (s->published && s->collector.at_ms < now_ms)
        now_ms = s->collector.at_ms;
    PXS_TRY(pxs_store_select(s, pxs_store_open_attempts_sql, &arg, 1, &t, err));
    int64_t *ids = malloc((t.n_rows + 1) * sizeof *ids);
    size_t found = 0;
    for (size_t i = 0; ids && i < t.n_rows; i++) {
        struct pxs_attempt_life life = {.host = text_at(&t, i, "host"),
                                        .boot_id = text_at(&t, i, "boot_id"),
                                        .pid = integer_at(&t, i, "pid"),
                                        .pid_start = integer_at(&t, i, "pid_start"),
                                        .supervisor = integer_at(&t, i, "supervisor"),
                                        .seen_ms = integer_at(&t, i, "seen_ms")};
        if (strcmp(life.host, here->name) == 0) {
            pxs_store_full_dir(s, text_at(&t, i, "dir"), dir);
            if (pxs_path_join(lock, sizeof lock, dir, PXS_GUARD_FILE))
                life.guard = pxs_lock_look(lock);
        }
        const bool silent = now_ms - life.seen_ms > PXS_STALE_MS;
        if (collected ? silent : pxs_attempt_is_stale(&life, here, now_ms))
            ids[found++] = integer_at(&t, i, "run_id");
    }
    pxs_table_finish(&t);
    if (!ids)
        return pxs_fail_nomem(err);
    *run_ids = ids;
    *n = found;
    return PXS_OK;
}
