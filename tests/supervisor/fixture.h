/* A folder with a data set and an experiment file, a supervisor in it, and SQL on what it left. */
#ifndef SWEEP_FIXTURE_H
#define SWEEP_FIXTURE_H

#include <sys/types.h>

#include "pixsweep/store.h"
#include "supervisor_tests.h"

/* The test's folder, and locks on cores in it. */
void fixture_set_up(void);
/* data/train (16) and data/val (4), four batches an epoch, and exp.yaml with `rest` below the usual
 * head; n_epochs and what (enum fake) at 0: left out. */
void write_experiment(int n_epochs, int what, const char *rest);

struct outcome {
    enum pxs_status status;
    struct pxs_error err;
    struct pxs_sweep_summary summary;
    struct pxs_text lines;
};
/* Runs exp.yaml with these options (file, results and stop are filled in where NULL). */
struct outcome run_with(struct pxs_sweep_options options);
struct outcome run_exp(void);
void outcome_finish(struct outcome *o);
/* The same in a process of its own; exits with the summary's exit code. `lines` go to a file of
 * that name as they come. */
pid_t run_in_process(struct pxs_sweep_options options, const char *lines);
/* Until they hold these words. */
void wait_line(const char *lines, const char *words, double seconds);
int wait_for(pid_t pid); /* exit code, or 128 + signal */

/* One value from results/pixsweep.db. */
int64_t sql_int(const char *sql);
void expect_sql(const char *sql, int64_t expected);
void expect_text(const char *sql, const char *expected);
bool wait_sql(const char *sql, int64_t expected, double seconds);

#endif
