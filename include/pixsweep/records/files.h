/* records: the names of a run's files below its folder (docs/contracts.md, Files of a run). Code
 * that makes, reads or removes one takes its name from here. Those with an argument are given a
 * string literal: a format ("%lld") or a pattern of fnmatch ("[0-9]*"). */
#ifndef PIXSWEEP_FILES_H
#define PIXSWEEP_FILES_H

#include "pixsweep/base.h"

/* Written by the supervisor. */
#define PXS_CONFIG_FILE "config.yaml"
/* What the worker of the last attempt is told. */
#define PXS_JOB_FILE "job.json"
/* Why attempts ended. */
#define PXS_ENDS_FILE "ends.txt"
/* Locks: the supervisor's, held while an attempt is in a slot, and the worker's own. */
#define PXS_GUARD_FILE ".supervisor.lock"
#define PXS_WORKER_FILE ".worker.lock"
/* Who works on the run (rundir/claim.h). */
#define PXS_CLAIM_FILE ".claim"
/* A worker's stdout and stderr: of the last attempt, and of earlier ones by their number. */
#define PXS_LOG_FILE "worker.log"
#define PXS_OLD_LOG_FILE(no) "worker." no ".log"

/* Written by the worker. */
#define PXS_RECORDS_FILE "records.bin"
#define PXS_RESUME_FILE "resume.safetensors"
#define PXS_RESUME_PREVIOUS "resume.previous.safetensors"
/* The point behind the last epoch, where run.keep_final says so. */
#define PXS_FINAL_FILE "final.safetensors"
#define PXS_IMAGES "images"
#define PXS_SAMPLE_FILE(step) PXS_IMAGES "/" step ".png"
#define PXS_BEST_SAMPLE_FILE PXS_SAMPLE_FILE("best")
/* "min": of the best epoch; "last": of the last one of a run that is completed. */
#define PXS_WEIGHTS "saved_models"
#define PXS_WEIGHTS_D PXS_WEIGHTS "/d"
#define PXS_GENERATOR_FILE(epoch) PXS_WEIGHTS "/generator_" epoch ".safetensors"
#define PXS_DISCRIMINATOR_FILE(epoch) PXS_WEIGHTS_D "/discriminator_" epoch ".safetensors"

/* The folders in a run's folder, each behind those that are in it. */
#define PXS_RUN_FOLDERS PXS_IMAGES, PXS_WEIGHTS_D, PXS_WEIGHTS

/* In the results folder, beside the sweeps: pixels of large data, one file for all jobs. It may be
 * removed at any time. */
#define PXS_CACHE_FOLDER ".cache"

#endif
