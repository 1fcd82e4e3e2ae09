/* The supervisor's own state. One thread; a loop that wakes when a worker dies and about five times
 * a second. */
#ifndef PXS_SUPERVISOR_PRIV_H
#define PXS_SUPERVISOR_PRIV_H

#include "pixsweep/ingest.h"
#include "pixsweep/plan.h"
#include "pixsweep/rundir.h"
#include "pixsweep/rundir/claim.h"
#include "pixsweep/supervisor.h"
#include "process_priv.h"
#include "progress_priv.h"
#include "prune_priv.h"

#define PXS_TICK_MS 100        /* longest sleep of the loop */
#define PXS_INTAKE_SECONDS 0.2 /* records wait no longer for the database */
#define PXS_BOARD_SECONDS 0.2
#define PXS_GAP_SECONDS \
    10.0 /* longer between two looks: this process stood still, as after Ctrl-Z or in a freezer */
#define PXS_PLAIN_SECONDS 10.0 /* between progress lines of a run where there is no terminal */
#define PXS_HEARTBEAT_SECONDS 10.0
#define PXS_OTHERS_SECONDS 0.5      /* between looks at runs of other processes */
#define PXS_STORE_WAIT 1.0          /* a call into the store holds the loop up no longer */
#define PXS_STORE_RETRY 1.0         /* after a failure */
#define PXS_STORE_PATIENCE 60.0     /* with nothing left to do but to write to it */
#define PXS_DISK_FLOOR 500e6        /* bytes that stay free beside checkpoints and resume points */
#define PXS_OLD_WORKER_SECONDS 60.0 /* for a worker whose supervisor died to stop by itself */
#define PXS_SHUT_AFTER 3.0          /* seconds, where the options do not say */
/* Network disks show what another machine has written up to so much later. */
#define PXS_STALE_SECONDS 60.0
#define PXS_TAIL_LINES 50

/* What this supervisor has to do with a run. */
enum pxs_place {
    PXS_PLACE_TODO,  /* queued or interrupted: to be taken */
    PXS_PLACE_HERE,  /* in one of our slots */
    PXS_PLACE_OTHER, /* running under another process, or left running by one that died */
    PXS_PLACE_OVER   /* nothing more to do in this session */
};

struct pxs_super_run {
    enum pxs_place place;
    bool completed_here;
    bool pace_known;      /* is among the paces */
    bool tried_here;      /* an attempt was made, or could not be */
    bool waited_said;     /* the user knows that another process has it */
    double waiting_since; /* for an old worker; NaN = not waiting */
    double claimed_until; /* another's claim was good: not looked at before then */
    char reason[256];     /* why it could not even be taken; "" */
    bool settled;         /* it is over, and all its rungs are known */
    /* When its rungs were last looked up, and the seconds until the next look; since when it is
     * known to be over. */
    double looked_at, look_every, over_since;
    /* Its record file was read so far, while this claim was in its folder; the last record read is
     * its END. */
    int64_t read_to;
    char read_under[PXS_CLAIM_NONCE];
    bool read_to_end;
    /* Its folder shows an old state: since when, and when it is looked at again. */
    double old_since, not_before;
    double parked_until;       /* at a rung; then it is asked again whether the answer is there */
    size_t waits_for;          /* the run that it is parked for */
    bool spent_settled;        /* it will spend no more of a budget (budget.c) */
    int64_t crashes, timeouts; /* that count for its budgets; known when an attempt starts */
    /* The folder of an attempt whose end the database does not have yet; NULL = it has all. */
    char *ingest_from;
};

/* What a worker asks at a rung. */
struct pxs_question {
    bool open, said; /* said: the user knows what it waits for */
    int64_t epoch;
    double asked_at;
};

/* A slot and the attempt in it. */
struct pxs_slot {
    bool busy;
    size_t run; /* index into the plan */
    struct pxs_store_attempt row;
    struct pxs_process process;
    cpu_set_t cores;  /* its share of ours */
    cpu_set_t pins;   /* where its worker may run: as many locked ones, or all that we may use */
    bool holds_cores; /* the locks of `pins` are ours (core_locks) */
    int threads;
    struct pxs_lock guard; /* the supervisor's lock in the run's folder */
    struct pxs_claim claim;
    double claim_due, claim_good; /* by pxs_monotonic: the next look at it, the last good one */
    bool claim_lost;              /* nothing more may be written for this attempt */
    char records[PXS_PATH_MAX], log[PXS_PATH_MAX];
    struct pxs_record_cursor *tail;   /* for the board and the END record; NULL before BEGIN */
    struct pxs_record_cursor *intake; /* the recorder's */
    int64_t begins_at;                /* byte of the record file where that one goes on */
    struct pxs_progress progress;
    char damage[512]; /* of the record file; "" = none */
    double started, intake_at, said_at;
    /* seconds of waiting for space or at a rung do not count for run.timeout */
    double limits_at, waited;
    double ended_at; /* when its END record was seen; NaN before */
    int64_t epochs_said;
    struct pxs_question question;
    enum pxs_asked asked;
    struct pxs_exit exit;      /* of a dead one */
    enum pxs_memory_kill kill; /* of a SIGKILL that was not ours */
    bool memory_short;         /* and fewer run beside each other from now on */
    bool disk_full;            /* it waits for space */
};

/* The sweep starts nothing new: what led there, and what the user is told. */
struct pxs_pause {
    int64_t failures; /* runs in a row that were given up */
    bool paused, stored;
    bool by_budget;
    size_t run; /* that the event stands at: what gave cause, or is not started */
    char reason[512];
};

/* What the kernel counts as killed for want of memory in our control group: a kill is put down to
 * us within some seconds. */
struct pxs_kill_watch {
    int64_t known, last; /* counts: old ones and those that are explained; at the last look */
    double looked_at;
    char note[160]; /* for the board; "" */
};

/* Work per second of this sweep's finished runs, on one thread: seconds / work, sorted. Kept only
 * for a timeout that is a share. */
struct pxs_paces {
    double *values;
    size_t n, cap;
    double looked_at; /* of a task: into a folder, which is `next` in turn */
    size_t next;
};

/* run.budget and sweep.race.budget: how far the order of runs may go. */
struct pxs_budget {
    double seconds;  /* that may be spent */
    const char *key; /* where that is said; NULL = it is a number of runs */
    double looked_at;
    bool by_folders; /* the last look was at them, not at the database */
    bool cut, said;  /* the run `first`, which would be next, does not fit; the user knows */
    size_t first;
};

/* What a supervisor knows of its race beside the plan's course (race_gate.c). */
struct pxs_race_gate {
    double *values; /* of the plan's runs, by index: what was measured, for the rule */
    bool *known;
    double looked_at, look_every; /* for a look that another process has judged */
    bool stuck; /* the next look cannot be judged in this session, because of run `stuck_by` */
    size_t stuck_by;
    bool stuck_said;
    double failing_since; /* the look's file cannot be written or read; NaN = it can */
    bool given_up;
    bool looked_at_others; /* since it had nothing to do: a task */
    bool rows_due;         /* the database may not have all looks */
};

struct pxs_supervisor {
    const struct pxs_sweep_options *options;
    const struct pxs_task_options *task; /* NULL = it is a `run` */
    const struct pxs_sweep_listener *listener;
    struct pxs_plan *plan;
    struct pxs_store *store;
    int64_t sweep_id;
    struct pxs_super_run *runs; /* as plan->runs */
    size_t *order;              /* in which they are started: indices into the plan, all of them */
    bool had_work;              /* something was to be done when this session began */
    struct pxs_slot *slots;
    int n_slots;
    cpu_set_t allowed;
    int core_locks[CPU_SETSIZE]; /* -1 = not held */
    struct pxs_host host;
    struct pxs_claim_owner claimant; /* as whom it claims runs */
    char kernels[64];
    double started, board_at, heartbeat_at, others_at;
    double looked_at,
        /* by pxs_monotonic: the last look of the loop; seconds that it had stopped, so far */
        stood_still;
    double store_failed_at, store_failing_since; /* NaN = the store is fine */
    enum pxs_status store_status;                /* of its last failure */
    int64_t started_ms;
    bool store_lost;  /* given up on */
    bool left_behind; /* some attempt's end could not be written down, for a reason that stays */
    bool wal_backlog; /* the user knows that records wait for a reader to end */
    bool stopping, killing;
    /* Of a task. */
    double task_began, task_looked_at; /* by pxs_monotonic; by pxs_work_clock */
    bool time_is_up, task_paused;
    bool superseded; /* the same task was started again: its next life has all that it claims */
    bool made_step;  /* some attempt of it has */
    struct pxs_pause pause;
    struct pxs_kill_watch kills;
    struct pxs_rungs rungs;
    struct pxs_race_gate race;
    struct pxs_budget budget;
    bool no_core; /* a run could not be started for want of one */
    struct pxs_paces paces;
    double measured_seconds, measured_gmac; /* of attempts that ended well in this session */
};

/* Seconds that go on only while the supervisor does: Ctrl-Z, a frozen control group and a sleeping
 * machine count for no duration and no timeout. Every time in here is by this clock. */
double pxs_work_clock(const struct pxs_supervisor *s);
/* Ctrl-Z was pressed: `n` processes stop, then this one, until it is continued. */
void pxs_handle_suspend(struct pxs_supervisor *s, const struct pxs_process *const processes[],
                        int n);

/* What `run` and `task` share (supervisor.c): zero but for what each has; with the plan, its slots
 * and order are made; until nothing is left to do; everything is freed. */
void pxs_supervisor_begin(struct pxs_supervisor *s, const struct pxs_sweep_options *options,
                          const struct pxs_sweep_listener *listener);
PXS_NODISCARD enum pxs_status pxs_supervisor_prepare(struct pxs_supervisor *s,
                                                     struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_supervise(struct pxs_supervisor *s, struct pxs_error *err);
/* The first run in the order that can be worked on now; false where there is none. */
bool pxs_next_run(struct pxs_supervisor *s, double now, size_t *index);
void pxs_supervisor_end(struct pxs_supervisor *s);

/* ---- a task (task.c): all are false, or do nothing, in a `run` ------------------------------ */

/* Looks now and then which runs are to be stopped, and whether the submission is paused. */
void pxs_task_look(struct pxs_supervisor *s, double now);
/* Before run `index` is claimed: true where it is cancelled, and its place says so. */
bool pxs_task_passes_over(struct pxs_supervisor *s, size_t index);
bool pxs_task_is_paused(struct pxs_supervisor *s);
/* A run was given up: how many were, of all tasks, since the last one was done, this one included;
 * and one was done. */
int64_t pxs_task_count_failure(struct pxs_supervisor *s, size_t index);
void pxs_task_forget_failures(const struct pxs_supervisor *s);
/* Does run `index`, which is to be done, wait for a slot, or has another task taken it? */
bool pxs_task_waits(const struct pxs_supervisor *s, size_t index);
/* Keeps all tasks from starting anything, for the reason in s->pause. */
void pxs_task_pause(struct pxs_supervisor *s);
bool pxs_task_time_is_up(struct pxs_supervisor *s);
/* The run in `dir` is claimed by another: perhaps by this very task, which was started again. */
void pxs_task_look_for_next_life(struct pxs_supervisor *s, const char *dir);
/* Has a task something to do? */
bool pxs_task_goes_on(struct pxs_supervisor *s, double now);

/* ---- words (messages.c) --------------------------------------------------------------------- */

void pxs_say(struct pxs_supervisor *s, enum pxs_log_level level, const char *fmt, ...)
    PXS_PRINTF(3, 4);
void pxs_show_board(struct pxs_supervisor *s, double now, bool final);
/* Of a run from its start to its end: by this session's own pace as soon as there is one. */
double pxs_expected_seconds(const struct pxs_supervisor *s, size_t index);
void pxs_plain_progress(struct pxs_supervisor *s, struct pxs_slot *slot, double now);

/* ---- before anything starts (preflight.c) --------------------------------------------------- */

/* Kernels, folder, disk, folders in the way; one batch of each shape is preflight_memory.c.
 * kernels_out: the set that "auto" stands for. */
PXS_NODISCARD enum pxs_status pxs_preflight(const struct pxs_plan *plan,
                                            const struct pxs_sweep_options *options,
                                            char kernels_out[64], struct pxs_error *err);

/* Tries one batch of each distinct shape among the runs to do, and chooses the number of jobs by
 * the memory that was measured. PXS_E_INVALID in words where one does not work. Starts nothing
 * where nothing is to do. */
PXS_NODISCARD enum pxs_status pxs_probe_shapes(struct pxs_supervisor *s, struct pxs_error *err);

/* ---- one attempt (attempt_poll.c, attempt_finish.c) ----------------------------------------- */

/* Takes run `index` into `slot` and starts its worker. Whatever happens, the run's place says what
 * comes next. False where no core is free for it now. */
bool pxs_attempt_start(struct pxs_supervisor *s, struct pxs_slot *slot, size_t index, double now);
/* Gives the run's folder back: claim and lock. */
void pxs_attempt_leave(struct pxs_slot *slot);
/* Seconds between touches of a claim; between looks at another's, or at one that could not be
 * looked at. */
double pxs_claim_every(const struct pxs_supervisor *s);
double pxs_claim_retry(const struct pxs_supervisor *s);
/* Reads what is new, keeps the limits, notices death; then writes down how it ended and frees the
 * slot. */
void pxs_attempt_poll(struct pxs_supervisor *s, struct pxs_slot *slot, double now);
void pxs_attempt_ask(struct pxs_slot *slot, enum pxs_asked why, double now); /* SIGTERM, once */
/* seconds between asking a worker to stop and killing it */
double pxs_grace(const struct pxs_supervisor *s);
/* Writes into the folder of an attempt how it ended, and tells the recorder. */
void pxs_attempt_ended(struct pxs_supervisor *s, struct pxs_slot *slot,
                       const struct pxs_store_end *end);
/* Of a dead worker whose records are read: the verdict, what comes next, words; the slot is free.
 */
void pxs_attempt_close(struct pxs_supervisor *s, struct pxs_slot *slot, double now);

/* Locks the cores of an attempt, so that no other pixsweep here pins to them, and says where its
 * worker runs (cores.c). */
void pxs_cores_take(struct pxs_supervisor *s, struct pxs_slot *slot);
void pxs_cores_let_go(struct pxs_supervisor *s, struct pxs_slot *slot);

/* ---- order, limits, pause ------------------------------------------------------------------- */

/* Learns from what is finished already (timeout.c). */
void pxs_paces_load(struct pxs_supervisor *s);
void pxs_paces_learn(struct pxs_supervisor *s, size_t index); /* run `index` is completed */
/* In a task: learns now and then from a run that another task has completed. */
void pxs_paces_look(struct pxs_supervisor *s, double now);
void pxs_paces_finish(struct pxs_paces *p);
/* Seconds that an attempt at run `index` on so many threads may take; INFINITY = any. */
double pxs_time_limit(const struct pxs_supervisor *s, size_t index, int threads);

/* May run `index`, the next in the order, be started within the budgets (budget.c)? */
bool pxs_budget_allows(struct pxs_supervisor *s, size_t index, double now);
/* Nothing is at work, and what is left does not fit: says what is left out, and pauses. */
bool pxs_budget_ends(struct pxs_supervisor *s, double now);

/* A run was given up, or completed (pause.c). */
void pxs_pause_count_failure(struct pxs_supervisor *s, size_t index, const char *why);
void pxs_pause_count_completed(struct pxs_supervisor *s);
/* The disk was full when a run was to be started. */
void pxs_pause_disk_full(struct pxs_supervisor *s, size_t index, const char *why);
/* May run `index` be started? Looks at the disk. */
bool pxs_pause_allows(struct pxs_supervisor *s, size_t index);
/* Writes the pause into the database, as soon as that can be done. */
void pxs_pause_store(struct pxs_supervisor *s, double now);
/* Bytes that must be free before run `index` starts: a checkpoint and two resume points for every
 * slot, and a reserve. */
double pxs_disk_floor(const struct pxs_plan *plan, size_t index);

/* Jobs that may be started now. */
int pxs_open_slots(const struct pxs_supervisor *s);
/* Keeps the count of old kills up to date; `now`: INFINITY at the start. */
void pxs_kills_look(struct pxs_supervisor *s, double now);
/* Why a worker was killed that we did not kill: asked once, when it is found dead. Where memory was
 * short, fewer run from now on. */
void pxs_kills_explain(struct pxs_supervisor *s, struct pxs_slot *slot);

/* ---- rungs (prune_wait.c): all do nothing where nothing is pruned --------------------------- */

PXS_NODISCARD enum pxs_status pxs_rungs_make(struct pxs_supervisor *s, struct pxs_error *err);
void pxs_rungs_finish(struct pxs_supervisor *s);
/* The epochs (0-based) after which workers ask. */
void pxs_rungs_tell(const struct pxs_plan *plan, struct pxs_job *job);
/* A record of a run went by. */
void pxs_rungs_see(struct pxs_supervisor *s, size_t run, const struct pxs_record *r);
/* Asks the database, or its folder, how a run came through its rungs; not too often. True where
 * nothing more can become known. */
bool pxs_rungs_look_up(struct pxs_supervisor *s, size_t run, double now);
/* In a task: has run `run`, which is in no slot, come to a rung whose answer is not there yet? Then
 * it is not to be taken. *pending: the run that it waits for. */
bool pxs_rungs_park(struct pxs_supervisor *s, size_t run, double now, size_t *pending);
/* A worker asks (PXS_MESSAGE_RUNG); the questions that can be answered are, and no run waits for
 * what will not come. */
void pxs_rungs_hear(struct pxs_supervisor *s, struct pxs_slot *slot,
                    const struct pxs_message *message, double now);
void pxs_rungs_answer(struct pxs_supervisor *s, double now);

/* ---- the race (race_gate.c): all do nothing where there is none, and all may start ----------- */

PXS_NODISCARD enum pxs_status pxs_race_make(struct pxs_supervisor *s, struct pxs_error *err);
void pxs_race_finish(struct pxs_supervisor *s);
/* Judges what can be judged, or learns what others have judged, says so, and passes over the runs
 * that are not needed any more. */
void pxs_race_look(struct pxs_supervisor *s, double now);
/* Is run `run`, which is to be done, one that cannot start in this session? */
bool pxs_race_blocks(const struct pxs_supervisor *s, size_t run);
/* Is there a look that is to be judged yet, by this session or before its eyes? */
bool pxs_race_is_open(const struct pxs_supervisor *s);
/* A run is to be done again: what it measured is not known. */
void pxs_race_forget(struct pxs_supervisor *s, size_t run);
/* How the race has ended, appended; nothing where it goes on. The same as a line to the user. */
void pxs_race_end_words(const struct pxs_supervisor *s, struct pxs_text *out);
void pxs_race_say_end(struct pxs_supervisor *s);

/* ---- runs of other processes (other_supervisors.c) ------------------------------------------ */

/* Is the attempt's worker a process of this machine that is still at work? */
bool pxs_lives_here(const struct pxs_supervisor *s, const struct pxs_store_attempt *row);
/* Looks at the runs of other supervisors: ingests what a dead supervisor
 * left, and learns what others have finished. */
void pxs_other_supervisors_look(struct pxs_supervisor *s, double now);

/* ---- the database (recorder.c) -------------------------------------------------------------- */

/* Has it been shut for so long that runs start without it, or been given up on? */
bool pxs_store_shut(const struct pxs_supervisor *s, double now);
/* Seconds after which it counts as that. */
double pxs_shut_after(const struct pxs_supervisor *s);
/* Should it be asked now, or did it fail a moment ago? */
bool pxs_store_ready(const struct pxs_supervisor *s, double now);
/* The same, where it may not even be open. */
bool pxs_store_retry_due(const struct pxs_supervisor *s, double now);
/* It failed: says why once, and notes the time. It works (again): notes that. */
void pxs_store_trouble(struct pxs_supervisor *s, const struct pxs_error *err, double now);
void pxs_store_fine(struct pxs_supervisor *s);
/* Opens it and freezes the plan in it, waiting `wait` seconds at most for each. */
PXS_NODISCARD enum pxs_status pxs_recorder_open(struct pxs_supervisor *s, double wait,
                                                struct pxs_error *err);

/* In a folder that is ours: slot->row gets the number of the attempt, which no other attempt of the
 * run has, and its row where the database is open; the run's budgets become known. Number 0: it is
 * not to be started now, and its place says what comes next. Fails for what stands in the folder.
 */
PXS_NODISCARD enum pxs_status pxs_recorder_claim(struct pxs_supervisor *s, struct pxs_slot *slot,
                                                 double now, struct pxs_error *err);
/* Appends the text of its config.yaml: as the database has it, where the run was claimed there,
 * else as it is planned. The user may look at the file, not change it. */
PXS_NODISCARD enum pxs_status pxs_recorder_config(struct pxs_supervisor *s,
                                                  const struct pxs_slot *slot, struct pxs_text *out,
                                                  struct pxs_error *err);
/* The attempt has a process. */
void pxs_recorder_started(struct pxs_supervisor *s, const struct pxs_slot *slot);
/* Ingests what is new of an attempt at work; not too often. */
void pxs_recorder_follow(struct pxs_supervisor *s, struct pxs_slot *slot, double now);
/* For who looks at the database; where it cannot be written, the terminal has it. */
void pxs_recorder_event(struct pxs_supervisor *s, int64_t run_id, const char *kind,
                        const char *text);
/* How the attempt ended stands in its folder, whose lock is held: ingests it, now or later.
 * `unwritten`: an end that could not be written into the folder; NULL = it was. */
void pxs_recorder_ended(struct pxs_supervisor *s, struct pxs_slot *slot,
                        const struct pxs_store_end *unwritten);
/* Runs with an end that the database does not have yet. */
size_t pxs_recorder_marks(const struct pxs_supervisor *s);
/* Once a look of the loop: opens the database where it is shut, gives rows to what runs without
 * one, ingests what has ended, and gives signs of life. */
void pxs_recorder_sync(struct pxs_supervisor *s, double now);
/* Does the folder say that nothing is left to do? A failure counts where no row says that the run
 * is to be tried again, or where it happened since this session began. */
bool pxs_folder_is_done(const struct pxs_supervisor *s, size_t index,
                        const struct pxs_run_records *found);

/* A user removed a run that was still to be done: its state becomes removed, nothing more to
 * do. */
void pxs_run_removed(struct pxs_supervisor *s, size_t index);

/* ---- afterwards (summary.c) ----------------------------------------------------------------- */

void pxs_summarise(struct pxs_supervisor *s, struct pxs_sweep_summary *out);

#endif
