#ifndef PIXSWEEP_TESTS_TEST_IMAGE_H
#define PIXSWEEP_TESTS_TEST_IMAGE_H

#include "pixsweep/image.h"

#include "support.h"

TCase *png_tests(void);
TCase *formats_tests(void);
TCase *sniff_tests(void);

#endif
