/* The suites of room nn, and what they share. */
#ifndef PIXSWEEP_NN_TESTS_H
#define PIXSWEEP_NN_TESTS_H

#include "pixsweep/nn.h"

#include "support.h"

TCase *weight_case(void);
TCase *layer_case(void);
TCase *schedule_case(void);

/* A pool of two threads and room for gradients; for one test. */
struct pxs_nn nn_make(size_t grad_floats);
/* Scratch memory; how much depends on the pool, so ask with this nn. */
void nn_scratch(struct pxs_nn *nn, size_t floats);
void nn_finish(struct pxs_nn *nn);

#endif
