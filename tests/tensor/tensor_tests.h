/* The suites of room tensor, and what they share. */
#ifndef PIXSWEEP_TENSOR_TESTS_H
#define PIXSWEEP_TENSOR_TESTS_H

#include "pixsweep/tensor.h"

#include <check.h>

TCase *safetensors_write_case(void);
TCase *safetensors_read_case(void);
TCase *npy_case(void);

/* Path of a file in a folder of its own for each test; set_up and tear_down make and remove the folder. */
void set_up(void);
void tear_down(void);
const char *in_dir(const char *name);
/* Path of a file in fixtures/. */
const char *fixture(const char *name);
/* Plain write without sync, for the thousands of damaged files. */
void spill(const char *path, const void *data, size_t bytes);
/* Whole file, to be freed. */
char *slurp(const char *path, size_t *bytes);

#endif
