/* base: what every other room stands on. Errors as values, memory, text, random numbers, hashing,
 * clock, CPU features, fixed-split threads, safe file writing and the stop flag. No global mutable
 * state; nothing here prints or exits.
 *
 * One header a subject; this one brings them all. */
#ifndef PIXSWEEP_BASE_H
#define PIXSWEEP_BASE_H

#include "pixsweep/base/status.h"
#include "pixsweep/base/text.h"
#include "pixsweep/base/random.h"
#include "pixsweep/base/machine.h"
#include "pixsweep/base/file.h"

#endif
