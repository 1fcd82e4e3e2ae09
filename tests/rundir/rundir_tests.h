/* The suites of room rundir, one a file. */
#ifndef PIXSWEEP_RUNDIR_TESTS_H
#define PIXSWEEP_RUNDIR_TESTS_H

#include "pixsweep/rundir.h"
#include "support.h"

TCase *config_yaml_case(void);
TCase *ends_case(void);

#endif
