/* What the harnesses share. A harness is one file that gives one reader of foreign bytes to a
 * fuzzer: it defines LLVMFuzzerTestOneInput and is linked either with libFuzzer (-Dfuzz=true) or
 * with main.c, which runs files. It keeps nothing from one input to the next, so that an input
 * alone shows what went wrong. */
#ifndef PXS_FUZZ_H
#define PXS_FUZZ_H

#include "pixsweep/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_PATH_MAX = 4096 };

/* A folder of this process, in memory where the system has such a place (TMPDIR names another);
 * removed when the process exits. */
const char *fuzz_folder(void);
/* Path of a file or folder in it; lives until the next call with the same `slot` (0 to 7). */
const char *fuzz_path(int slot, const char *name);
/* Writes a file there, and the folders on the way to it. */
void fuzz_write(const char *name, const void *data, size_t size);
/* Removes all that lies in the folder below `name`, and that. */
void fuzz_remove(const char *name);

/* Ends the process where something that always holds does not: that is a finding. */
void fuzz_require(bool holds, const char *what);
/* A reader's answer is PXS_OK or a status that is not the program's own fault, with words. Returns
 * whether it is PXS_OK. */
bool fuzz_answer(enum pxs_status status, const struct pxs_error *err);
/* For what a harness needs itself: nothing but PXS_OK will do. */
void fuzz_need(enum pxs_status status, const struct pxs_error *err);

/* An input as a row of fields. Where it has ended, numbers are 0 and bytes are none. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};
uint32_t fuzz_number(struct fuzz_input *in, size_t bytes); /* little-endian, at most 4 bytes */
/* The next `bytes`, or what is left of them; *got tells how many. */
const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t bytes, size_t *got);

#endif
