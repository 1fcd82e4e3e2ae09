/* board: a sweep at work as lines of text, and what the database says of one. */
#ifndef PIXSWEEP_BOARD_H
#define PIXSWEEP_BOARD_H

#include "pixsweep/base.h"
#include "pixsweep/store.h"

/* ---- the live board ------------------------------------------------------------------------- */

/* NaN = not known (yet). */
struct pxs_board_run {
    char name[256];
    char host[64]; /* "" = not worth a word: this machine, as all of them */
    /* 0-based positions; -1 before the first batch; n_batches 0 = not known */
    int64_t attempt, epoch, n_epochs, batch, n_batches;
    int64_t epochs_done; /* whole ones, as far as is known; those before `epoch` are in any case */
    int64_t steps_done, steps;
    double loss_G, loss_D, val_loss, lr_G, images_per_s, eta;
    /* asked to stop; waits for another process that still holds its folder */
    bool stopping, waiting;
    bool disk_full; /* waits until its disk has space again */
    bool at_rung;   /* waits for runs of lower number to come as far (sweep.prune) */
    bool stale;     /* running as the database says, but no process works on it any more */
};

struct pxs_board {
    char sweep[128];
    size_t n_total;
    /* Runs that are over or wait; the others are in `running` and n_other_supervisors. */
    struct pxs_state_counts states;
    size_t n_other_supervisors;
    double elapsed, eta; /* of the whole sweep */
    int64_t now_ms;      /* for the time of day at which it ends; 0 = do not say */
    bool stopping;       /* its runs are asked to end */
    bool leaving;        /* the process that shows it ends, and they go on */
    bool store_trouble;  /* the database cannot be written for now */
    char note[160];      /* something else worth a line: that the sweep is paused, ...; "" */
    char race[256];      /* where its race stands; "" = there is none */
    char jobs[256];      /* its jobs on other machines; "" */
    bool jobs_never;     /* some of which never start: that line is red where there are colours */
    bool colours;        /* a terminal shows it */
    const struct pxs_board_run *running;
    size_t n_running;
};

/* The board as lines, each ended by '\n' and at most `width` columns wide (width >= 20): one a
 * running run, one for store_trouble, for a note, for a race and for jobs, then one for the sweep.
 * No state; appends to out. Returns the number of lines. */
size_t pxs_board_render(const struct pxs_board *board, int width, struct pxs_text *out);

/* "7 h 40 m, Sat 06:20": how long, and from a minute on when by the local clock. now_ms 0: how long
 * only. */
void pxs_expected_text(char buf[80], double seconds, int64_t now_ms);

/* ---- watching ------------------------------------------------------------------------------- */

/* A sweep as the database has it, whichever process works on it. */
struct pxs_watch {
    struct pxs_board board; /* board.running: those in state running, the stale ones too */
    size_t n_live, n_stale; /* of board.running */
    bool idle;              /* the note says that no process works on it, and some run waits */
    /* no process works on it, no job of it lives, and no run is queued or the sweep is paused */
    bool over;
    struct pxs_arena arena;
};
/* Reads the sweep of that name (NULL: the one worked on last) at the time `now_ms`. Works on a
 * read-only store, in short reading transactions; writes nothing. PXS_E_NOT_FOUND: there is no such
 * sweep. Finish *out after PXS_OK. */
PXS_NODISCARD enum pxs_status pxs_watch_read(struct pxs_store *s, const char *sweep, int64_t now_ms,
                                             struct pxs_watch *out, struct pxs_error *err);
void pxs_watch_finish(struct pxs_watch *watch);

#endif
