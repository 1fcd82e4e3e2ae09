/* Record files out of an input: a row of frames (kind of one byte, length of two, payload), each
 * with a right checksum, so that a fuzzer gets past it. Kind 255 stands for bytes that are written
 * as they are. */
#ifndef PXS_FUZZ_FRAMES_H
#define PXS_FUZZ_FRAMES_H

#include "fuzz.h"

/* Appends the header of a file of that version, and the frames. */
void fuzz_frames(struct fuzz_input in, uint32_t version, struct pxs_text *out);

#endif
