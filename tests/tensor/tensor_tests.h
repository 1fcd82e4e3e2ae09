/* The suites of room tensor, and what they share. */
#ifndef PIXSWEEP_TENSOR_TESTS_H
#define PIXSWEEP_TENSOR_TESTS_H

#include "pixsweep/tensor.h"

#include "support.h"

TCase *safetensors_write_case(void);
TCase *safetensors_read_case(void);
TCase *npy_case(void);

/* Path of a file in fixtures/. */
const char *fixture(const char *name);

#endif
