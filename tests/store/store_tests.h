/* The suites of room store, one a file, and what they share. */
#ifndef PIXSWEEP_STORE_TESTS_H
#define PIXSWEEP_STORE_TESTS_H

#include "pixsweep/store.h"

#include "support.h"
#include "support_sql.h"

TCase *open_case(void);
TCase *schema_case(void);
TCase *plan_case(void);
TCase *attempts_case(void);
TCase *intake_case(void);
TCase *processes_case(void);
TCase *query_case(void);
TCase *views_case(void);
TCase *size_case(void);
TCase *docs_case(void);
TCase *states_case(void);
TCase *migrate_case(void);
TCase *upkeep_case(void);
TCase *remove_case(void);
TCase *publish_case(void);
TCase *race_case(void);

/* ---- a database in the test's folder -------------------------------------------------------- */

const char *db_path(void); /* <folder>/results/pixsweep.db */
const char *
/* db_path() and a suffix, in storage of its own for each call of a test */
beside(const char *suffix);
struct pxs_store *open_store(void);
struct pxs_store *open_reader(void);

/* ---- runs ----------------------------------------------------------------------------------- */

/* Parameters of a small run: n_epochs 4, batch_size 2; configuration `config` differs in lrgd. */
struct pxs_params small_params(int config, int64_t seed);
/* Fills a plan run's in-fields; texts live in static storage per `slot` (0 to 63). */
void fill_plan_run(struct pxs_store_plan_run *r, int slot, const char *sweep, int64_t number,
                   int config, int64_t seed, const struct pxs_params *params);
/* Plans a sweep of configs x seeds runs; ids[config * seeds + seed]. */
void plan_sweep(struct pxs_store *s, const char *sweep, int configs, int seeds, int64_t *ids);
int64_t take_run(struct pxs_store *s, int64_t run_id); /* attempt_id */
void end_run(struct pxs_store *s, int64_t attempt_id, const char *state);

/* ---- records -------------------------------------------------------------------------------- */

enum { BATCHES = 5 };                    /* an epoch of the small runs */
const char *record_path(int64_t run_id); /* static storage per run */
struct pxs_record_writer *open_writer(int64_t run_id, int64_t keep_bytes);
double loss_at(int64_t run_id, int64_t step); /* loss_G of a step; deterministic */
void put_begin(struct pxs_record_writer *w, int64_t attempt, int64_t resumed_from_step);
void put_batch(struct pxs_record_writer *w, int64_t run_id, int64_t step);
void put_epoch(struct pxs_record_writer *w, int64_t run_id, int epoch);
void put_sample(struct pxs_record_writer *w, int64_t step);
void put_checkpoint(struct pxs_record_writer *w, int epoch, const char *kind, const char *net);
void put_event(struct pxs_record_writer *w, int64_t at_ms, const char *message);
void put_rung(struct pxs_record_writer *w, int epoch, bool go_on, double cutoff);
void put_end(struct pxs_record_writer *w, enum pxs_outcome outcome, const char *message);
/* Steps [from, to) with their epoch records, a sample and checkpoints every epoch. */
void put_steps(struct pxs_record_writer *w, int64_t run_id, int64_t from, int64_t to);
/* Takes everything in from `offset`, `max` records at a time; returns how many. */
size_t take_in(struct pxs_store *s, int64_t attempt_id, int64_t run_id, int64_t offset, size_t max);
/* From plan to end: one attempt of `epochs` epochs. */
void whole_run(struct pxs_store *s, int64_t run_id, int epochs, const char *state);

#endif
