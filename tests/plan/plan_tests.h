/* The suites of room plan, one a file, and what they share. */
#ifndef PIXSWEEP_PLAN_TESTS_H
#define PIXSWEEP_PLAN_TESTS_H

#include "pixsweep/plan.h"
#include "support.h"

TCase *new_plan_case(void);
TCase *prune_rule_case(void);
TCase *slots_case(void);
TCase *race_course_case(void);

/* Seven lines at the head of an experiment of small pictures in data/train and data/val. */
#define PLAN_HEAD                                                                           \
    "name: exp\ndataset: data\nimg_height: 32\nimg_width: 32\nbatch_size: 4\nn_epochs: 3\n" \
    "lambda_pixel: 1\n"

#endif
