/* records: why an attempt ended, as attempt.reason says it. */
#ifndef PIXSWEEP_RECORDS_REASON_H
#define PIXSWEEP_RECORDS_REASON_H

#include "pixsweep/base.h"
#include "pixsweep/records.h"

enum pxs_end_reason {
    /* Not known yet, or a name that this pixsweep does not know; its own name is "". */
    PXS_REASON_NONE,
    PXS_REASON_COMPLETED,
    PXS_REASON_DIVERGED,
    PXS_REASON_PRUNED,
    /* The worker itself gave up and said why: data that changed, a file that cannot be written. */
    PXS_REASON_ERROR,
    /* It ended without an END record: by a signal that it raised itself, or with an exit code. */
    PXS_REASON_CRASH,
    /* Killed by the kernel for want of memory, as its control group counts. */
    PXS_REASON_OUT_OF_MEMORY,
    /* Killed from outside, by SIGKILL or SIGTERM that are not ours. */
    PXS_REASON_KILLED,
    /* run.timeout. */
    PXS_REASON_TIMEOUT,
    /* The disk was full before its worker began. */
    PXS_REASON_NO_SPACE,
    /* Its worker could not be started for another reason. */
    PXS_REASON_NOT_STARTED,
    PXS_REASON_CANCELLED,
    /* A stop signal, to the supervisor or to the worker. */
    PXS_REASON_STOPPED,
    /* It gave its slot to a run of lower number (sweep.prune) and goes on later. */
    PXS_REASON_YIELDED,
    PXS_REASON_DAMAGED_RECORD,
    /* Its end was not seen: its supervisor died with it, or before it. */
    PXS_REASON_LOST,
    PXS_REASONS
};

const char *pxs_reason_name(enum pxs_end_reason reason);
/* The reason of that name; PXS_REASON_NONE for any other text and for NULL. */
enum pxs_end_reason pxs_reason_parse(const char *name);
/* What an END record alone says. */
enum pxs_end_reason pxs_reason_of_outcome(enum pxs_outcome outcome);
/* crash, out_of_memory, killed: the worker ended without an END record, which is worth another
 * try. */
bool pxs_reason_is_crash(enum pxs_end_reason reason);

#endif
