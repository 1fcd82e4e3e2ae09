/* The suites of room base, one a file, and what they share. */
#ifndef PIXSWEEP_BASE_TESTS_H
#define PIXSWEEP_BASE_TESTS_H

#include "support.h"

TCase *status_case(void);
TCase *memory_case(void);
TCase *number_case(void);
TCase *random_case(void);
TCase *hash_case(void);
TCase *clock_case(void);
TCase *threads_case(void);
TCase *file_case(void);
TCase *path_case(void);
TCase *cgroup_case(void);
TCase *text_case(void);
TCase *child_case(void);
TCase *host_case(void);

#endif
