/* Why attempts end. */
#include "pixsweep/records/reason.h"

#include <string.h>

static const char *const names[PXS_REASONS] = {
    [PXS_REASON_NONE] = "",
    [PXS_REASON_COMPLETED] = "completed",
    [PXS_REASON_DIVERGED] = "diverged",
    [PXS_REASON_PRUNED] = "pruned",
    [PXS_REASON_ERROR] = "error",
    [PXS_REASON_CRASH] = "crash",
    [PXS_REASON_OUT_OF_MEMORY] = "out_of_memory",
    [PXS_REASON_KILLED] = "killed",
    [PXS_REASON_TIMEOUT] = "timeout",
    [PXS_REASON_NO_SPACE] = "no_space",
    [PXS_REASON_NOT_STARTED] = "not_started",
    [PXS_REASON_CANCELLED] = "cancelled",
    [PXS_REASON_STOPPED] = "stopped",
    [PXS_REASON_YIELDED] = "yielded",
    [PXS_REASON_DAMAGED_RECORD] = "damaged_record",
    [PXS_REASON_LOST] = "lost",
};

const char *pxs_reason_name(enum pxs_end_reason reason) {
    return (size_t)reason < PXS_REASONS ? names[reason] : "";
}

enum pxs_end_reason pxs_reason_parse(const char *name) {
    for (size_t i = 0; name && i < PXS_REASONS; i++)
        if (strcmp(names[i], name) == 0)
            return (enum pxs_end_reason)i;
    return PXS_REASON_NONE;
}

enum pxs_end_reason pxs_reason_of_outcome(enum pxs_outcome outcome) {
    switch (outcome) {
    case PXS_OUTCOME_COMPLETED:
        return PXS_REASON_COMPLETED;
    case PXS_OUTCOME_DIVERGED:
        return PXS_REASON_DIVERGED;
    case PXS_OUTCOME_FAILED:
        return PXS_REASON_ERROR;
    case PXS_OUTCOME_INTERRUPTED:
        return PXS_REASON_STOPPED;
    case PXS_OUTCOME_PRUNED:
        return PXS_REASON_PRUNED;
    }
    return PXS_REASON_NONE;
}

bool pxs_reason_is_crash(enum pxs_end_reason reason) {
    return reason == PXS_REASON_CRASH || reason == PXS_REASON_OUT_OF_MEMORY ||
           reason == PXS_REASON_KILLED;
}
