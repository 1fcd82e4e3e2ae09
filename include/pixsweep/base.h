/* base: what every other room uses. Errors as values, memory, text, random numbers, hashes, the
 * clock, the CPU, a thread pool, files that appear whole, the stop flag. No global mutable state;
 * nothing here prints or exits.
 *
 * There is one header for each subject; this one includes them all but child.h, json.h
 * and statistics.h. */
#ifndef PIXSWEEP_BASE_H
#define PIXSWEEP_BASE_H

#include "pixsweep/base/status.h"
#include "pixsweep/base/text.h"
#include "pixsweep/base/random.h"
#include "pixsweep/base/machine.h"
#include "pixsweep/base/file.h"

#endif
