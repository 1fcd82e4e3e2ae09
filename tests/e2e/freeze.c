/* freeze FILE RESULTS DIR JOBS [PARK]: plans an experiment file and lays the frozen plan into DIR,
 * as a submission to other machines does. PARK: seconds that a run waits at a rung before it is
 * parked. */
#include <stdio.h>
#include <stdlib.h>

#include "pixsweep/plan.h"

int main(int argc, char **argv) {
    struct pxs_plan *plan = NULL;
    struct pxs_error err = {.message = ""};
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: freeze FILE RESULTS DIR JOBS [PARK]\n");
        return 2;
    }
    const struct pxs_sweep_options options = {.file = argv[1],
                                              .results = argv[2],
                                              .jobs = atoi(argv[4]),
                                              .threads = 1,
                                              .park_after = argc == 6 ? atof(argv[5]) : 0};
    enum pxs_status status = pxs_plan_make(&options, &plan, &err);
    if (status == PXS_OK)
        status = pxs_make_dirs(argv[3], &err);
    if (status == PXS_OK)
        status = pxs_plan_freeze(plan, &options, argv[3], &err);
    pxs_plan_destroy(&plan);
    if (status != PXS_OK)
        fprintf(stderr, "freeze: %s\n", err.message);
    return status == PXS_OK ? 0 : 1;
}
