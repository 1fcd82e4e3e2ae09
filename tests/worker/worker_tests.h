/* The suites of room worker, one a file. */
#ifndef PIXSWEEP_WORKER_TESTS_H
#define PIXSWEEP_WORKER_TESTS_H

#include "support.h"

TCase *job_case(void);
TCase *supervisor_link_case(void);

#endif
