/* Why the attempts of a run ended, kept beside its records: a killed worker leaves no last record,
 * and the database may be shut when its supervisor learns why it died. */
#include <stdlib.h>
#include <string.h>

#include "pixsweep/rundir.h"

enum { ENDS_MAX = 1 << 20 };

#define HEAD "# attempt reason pid pid_start boot_id\n"
#define NO_BOOT "-"

static const char *boot_of(const struct pxs_store_attempt *a) {
    return a->boot_id[0] ? a->boot_id : NO_BOOT;
}

/* Numbers may be given twice while the database is shut, so a process counts where both sides know
 * theirs. */
static bool is_of(const struct pxs_store_attempt *a, int64_t no, int64_t pid, int64_t pid_start,
                  const char *boot_id) {
    if (a->pid != 0 && pid != 0)
        return a->pid == pid && a->pid_start == pid_start && strcmp(boot_of(a), boot_id) == 0;
    return a->no == no && (a->pid == 0 || pid == 0);
}

enum pxs_end_reason pxs_ends_find(const char *ends, const struct pxs_store_attempt *attempt) {
    enum pxs_end_reason found = PXS_REASON_NONE;
    for (const char *line = ends; line && *line;
         line += strcspn(line, "\n"), line += *line == '\n') {
        char text[256], reason[32], boot_id[64];
        long long no, pid, pid_start;
        snprintf(text, sizeof text, "%.*s", (int)(strcspn(line, "\n") % sizeof text), line);
        if (sscanf(text, "%18lld %31s %18lld %18lld %63s", &no, reason, &pid, &pid_start,
                   boot_id) == 5 &&
            is_of(attempt, no, pid, pid_start, boot_id))
            found = pxs_reason_parse(reason);
    }
    return found;
}

enum pxs_status pxs_ends_read(const char *dir, char **ends, struct pxs_error *err) {
    size_t bytes;
    *ends = NULL;
    enum pxs_status status = pxs_read_beneath(dir, PXS_ENDS_FILE, ENDS_MAX, ends, &bytes, err);
    return status == PXS_E_NOT_FOUND ? PXS_OK : status;
}

enum pxs_status pxs_ends_add(const char *dir, const struct pxs_store_attempt *attempt,
                             enum pxs_end_reason reason, struct pxs_error *err) {
    char path[PXS_PATH_MAX], *before = NULL;
    struct pxs_text text = {0};
    if (!pxs_path_join(path, sizeof path, dir, PXS_ENDS_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(pxs_ends_read(dir, &before, err));
    pxs_text_add(&text, before ? before : HEAD);
    pxs_text_addf(&text, "%lld %s %lld %lld %s\n", (long long)attempt->no, pxs_reason_name(reason),
                  (long long)attempt->pid, (long long)attempt->pid_start, boot_of(attempt));
    enum pxs_status status = text.failed ? pxs_fail_nomem(err)
                                         : pxs_write_file(path, pxs_text_str(&text), text.len, err);
    pxs_text_finish(&text);
    free(before);
    return status;
}
