/* A race's options and the numbers of seeds at which it is judged. */
#include "pixsweep/race.h"

void pxs_race_defaults(struct pxs_race_options *out) {
    *out = (struct pxs_race_options){.confidence = 0.95, .first = 3, .max_seeds = 40};
}

enum pxs_status pxs_race_check(const struct pxs_race_options *o, struct pxs_error *err) {
    if (!(o->confidence >= 0.5 && o->confidence <= 0.9999))
        return pxs_fail(err, PXS_E_INVALID, "confidence must be from 0.5 to 0.9999, but is %g",
                        o->confidence);
    if (o->max_seeds < 2 || o->max_seeds > PXS_RACE_SEEDS_MOST)
        return pxs_fail(err, PXS_E_INVALID, "max_seeds must be from 2 to %d, but is %d",
                        PXS_RACE_SEEDS_MOST, o->max_seeds);
    if (o->first < 2 || o->first > o->max_seeds)
        return pxs_fail(err, PXS_E_INVALID, "first must be from 2 to max_seeds (%d), but is %d",
                        o->max_seeds, o->first);
    if (!(o->indifference >= 0 && o->indifference <= 1e300))
        return pxs_fail(err, PXS_E_INVALID, "indifference must be 0 or above, but is %g",
                        o->indifference);
    return PXS_OK;
}

enum pxs_status pxs_race_looks(const struct pxs_race_options *o, int looks[PXS_RACE_LOOKS_MOST],
                               size_t *n, struct pxs_error *err) {
    PXS_TRY(pxs_race_check(o, err));
    size_t count = 1;
    looks[0] = o->first;
    for (int seeds = o->first; seeds < o->max_seeds; looks[count++] = seeds) {
        const int step = (seeds + 2) / 3;
        seeds += step;
        if (2 * (o->max_seeds - seeds) < step)
            seeds = o->max_seeds;
    }
    *n = count;
    return PXS_OK;
}
