/* records: the judged looks of a race as files. They are the truth of the race; the database
 * follows. A look is judged by whoever needs it, here or on another machine, and written once:
 *
 *   RESULTS/SWEEP/race/ID-NN.json    ID: the race's; NN: the look, from 01
 *
 * JSON: version (1), race, look, seeds, metric, level, penalty, and configurations with the members
 * of struct pxs_race_entry. Infinite bounds, a mean and a difference that there are none of, and a
 * penalty that was not needed are null. No time and no machine stands in it, so that it is the same
 * to the byte whoever judged. */
#ifndef PIXSWEEP_RECORDS_RACE_LOOK_H
#define PIXSWEEP_RECORDS_RACE_LOOK_H

#include "pixsweep/base.h"
#include "pixsweep/race.h"

/* In all of these, `dir` is the sweep's folder. */
#define PXS_RACE_FOLDER "race"

/* Writes the look unless there is one: PXS_E_EXISTS, and that one counts. Makes the folder; on the
 * disk when it returns. */
PXS_NODISCARD enum pxs_status
pxs_race_look_write(const char *dir, const struct pxs_race_record *look, struct pxs_error *err);
/* PXS_E_NOT_FOUND where look `look` of that race is not judged. PXS_E_CORRUPT where the file is no
 * such look; its remedy is in the message. Free *out with pxs_race_record_finish. */
PXS_NODISCARD enum pxs_status pxs_race_look_read(const char *dir, const char race[13], int look,
                                                 struct pxs_race_record *out,
                                                 struct pxs_error *err);
/* All looks of all races in it, by race and look; none where there is no folder. Each is to be
 * finished, and *out freed. */
PXS_NODISCARD enum pxs_status pxs_race_looks_read(const char *dir, struct pxs_race_record **out,
                                                  size_t *n, struct pxs_error *err);

#endif
