/* The suites of room model, and what they share. */
#ifndef PIXSWEEP_MODEL_TESTS_H
#define PIXSWEEP_MODEL_TESTS_H

#include "pixsweep/model.h"

#include "support.h"

TCase *golden_case(void);
TCase *gradient_case(void);
TCase *step_case(void);
TCase *size_case(void);
TCase *file_case(void);
TCase *recognise_case(void);
TCase *trained_case(void);
TCase *bits_case(void);

/* Defaults, narrowed: no dropout, these sides and widths. */
struct pxs_params narrow(int height, int width, int channels, int ngf, int ndf, int batch);
/* Narrow networks of these values of the keys, at the smallest sides that fit them. */
struct pxs_params smallest(int generator, int discriminator);
/* With a pool of that many threads (0: none), which model_destroy ends, too. */
struct pxs_pix2pix *model_create(const struct pxs_params *p, int threads, const char *kernels);
void model_destroy(struct pxs_pix2pix **m);
/* n random numbers in [-1, 1), from a stream of the name; free() them. */
float *random_pixels(const char *name, size_t n);
size_t image_floats(const struct pxs_params *p);
bool all_finite(const struct pxs_step_result *l);

#endif
