/* SHA-256 of whole 64-byte blocks, with the instructions that some x86 processors have for it. */
#ifndef PIXSWEEP_HASH_PRIV_H
#define PIXSWEEP_HASH_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool pxs_sha256_have_fast(void); /* asks the processor: once per hash, not per block */
void pxs_sha256_fast(uint32_t state[8], const uint8_t *data, size_t blocks);

#endif
