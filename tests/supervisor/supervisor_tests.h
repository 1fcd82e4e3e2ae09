/* Shared by the tests of room supervisor. Training itself is a double here (fake_train.c): it
 * writes records and dies on demand, so that the supervisor can be watched without waiting for a
 * network. The real one is under tests/e2e. */
#ifndef PIXSWEEP_SUPERVISOR_TESTS_H
#define PIXSWEEP_SUPERVISOR_TESTS_H

#include "support.h"

#include "pixsweep/board.h"
#include "pixsweep/ingest.h"
#include "pixsweep/plan.h"
#include "pixsweep/rundir.h"
#include "pixsweep/supervisor.h"
#include "pixsweep/worker.h"

/* What the double does; chosen by lambda_pixel, so that one sweep can mix them. */
enum fake {
    FAKE_GOOD = 1,
    FAKE_DIVERGE = 2,       /* at step 5, END diverged */
    FAKE_CRASH = 3,         /* SIGABRT at step 5, every time */
    FAKE_CRASH_ONCE = 4,    /* SIGKILL at step 5 of the first attempt */
    FAKE_FAIL = 5,          /* END failed with a reason */
    FAKE_SLOW = 6,          /* 20 ms a step */
    FAKE_DEAF = 7,          /* slow, and deaf to the stop flag */
    FAKE_SILENT = 8,        /* exits with 0 and no END record */
    FAKE_TORN = 9,          /* garbage in the middle of the record file */
    FAKE_FLOOD = 10,        /* 20,000 batches as fast as they can be written */
    FAKE_STALL = 11,        /* one batch, then waits for the stop flag */
    FAKE_CRASH_STALL = 12,  /* SIGABRT at step 0 of the first attempt, then as FAKE_STALL */
    FAKE_HUGE = 13,         /* has more weights than any disk holds */
    FAKE_UNFIT = 14,        /* its first batch is refused with a reason */
    FAKE_UNFIT_KILLED = 15, /* SIGKILL in its first batch, as by a system without memory */
    FAKE_UNFIT_NOMEM = 16,  /* finds no memory */
    FAKE_UNFIT_ABORT = 17,  /* SIGABRT in its first batch */
    FAKE_UNFIT_SLOW = 18,   /* waits for the stop flag in its first batch */
    FAKE_UNFIT_STUCK = 20,  /* hangs in its first batch, deaf to all but SIGKILL */
    FAKE_STUCK = 21,        /* one batch, then the same */
    FAKE_LOST_ONCE = 22,    /* exits in its first attempt as where its claim is another's */
    FAKE_STALL_ONCE = 19    /* as FAKE_STALL in its first attempt, later as FAKE_GOOD */
};

Suite *verdict_suite(void);
Suite *planned_again_suite(void);
Suite *run_suite(void);
Suite *trouble_suite(void);
Suite *offline_suite(void);
Suite *watch_suite(void);
Suite *queue_suite(void);
Suite *shapes_suite(void);
Suite *prune_suite(void);
Suite *claims_suite(void);
Suite *task_suite(void);

#endif
