/* The states of a run, and what each means. */
#include <string.h>

#include "pixsweep/records.h"

bool pxs_state_takeable(const char *state) {
    return strcmp(state, "new") == 0 || strcmp(state, "queued") == 0 || strcmp(state, "interrupted") == 0;
}

bool pxs_state_final(const char *state) {
    return strcmp(state, "completed") == 0 || strcmp(state, "diverged") == 0;
}
