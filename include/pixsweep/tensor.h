/* tensor: two file formats for arrays of numbers: safetensors (weights, moments) and .npy (images).
 * Reading maps the file and copies only what is asked for. No other process may shorten a mapped
 * file while it is open (files written here are replaced whole, never changed). Messages name the
 * file and the tensor. */
#ifndef PIXSWEEP_TENSOR_H
#define PIXSWEEP_TENSOR_H

#include "pixsweep/base.h"

#define PXS_MAX_RANK 4

/* "[64, 3, 4, 4]"; "[]" for rank 0. */
void pxs_format_shape(char *out, size_t size, int rank, const int64_t *dims);

/* ---- safetensors: writing ------------------------------------------------------------------- */

/* One tensor to write: of F32, or where `count` is there a single I64 of shape []. Where `data` is
 * NULL, `fill` is called with `user` when the tensor's turn comes, to write all its elements into a
 * buffer that the next tensor reuses; so tensors that memory holds in another layout need no second
 * copy of everything. */
struct pxs_safetensors_entry {
    const char *name;
    int rank, dims[PXS_MAX_RANK];
    const float *data;
    void (*fill)(const void *user, float *out);
    const void *user;
    const int64_t *count; /* torch's num_batches_tracked; rank is 0 then */
};
/* Writes the entries in the given order, whole or not at all (pxs_atomic_*), hashing on the way.
 * `metadata`: key, value, key, value, ..., NULL; may be NULL. `sha256` and `bytes` of the file may
 * be NULL. PXS_E_INVALID for duplicate or reserved names. */
PXS_NODISCARD enum pxs_status
pxs_safetensors_write(const char *path, const struct pxs_safetensors_entry *entries, size_t n,
                      const char *const *metadata, const struct pxs_file_guard *guard,
                      char sha256[PXS_SHA256_HEX], uint64_t *bytes, struct pxs_error *err);

/* ---- safetensors: reading ------------------------------------------------------------------- */

struct pxs_safetensors; /* an open file */
/* A tensor of an open file, of any dtype; `data` may be unaligned. */
struct pxs_safetensors_info {
    const char *name, *dtype; /* "F32", "F16", "I64", ... */
    int rank;
    const int64_t *dims;
    const void *data;
    uint64_t bytes;
};
/* Opens a file after it has checked the whole header: its size against the file's, offsets, gaps
 * and overlaps, dims against bytes. A "module." before all names, as torch's DataParallel writes
 * it, is no part of them. PXS_E_CORRUPT where something is wrong; PXS_E_NOT_FOUND, PXS_E_IO. */
PXS_NODISCARD enum pxs_status pxs_safetensors_open(const char *path, struct pxs_safetensors **out,
                                                   struct pxs_error *err);
/* NULL and *NULL are fine; nulls *file */
void pxs_safetensors_destroy(struct pxs_safetensors **file);
size_t pxs_safetensors_count(const struct pxs_safetensors *file);
/* In the order of the data. Borrowed. */
const struct pxs_safetensors_info *pxs_safetensors_at(const struct pxs_safetensors *file,
                                                      size_t index);
const struct pxs_safetensors_info *pxs_safetensors_find(const struct pxs_safetensors *file,
                                                        const char *name);
/* Value of a metadata key, or NULL. Borrowed. */
const char *pxs_safetensors_metadata(const struct pxs_safetensors *file, const char *key);
/* Checks that a tensor is F32, F16 or BF16 and of this shape: PXS_E_NOT_FOUND where there is none
 * of that name, PXS_E_UNSUPPORTED for another dtype, PXS_E_INVALID for another shape. */
PXS_NODISCARD enum pxs_status pxs_safetensors_expect(const struct pxs_safetensors *file,
                                                     const char *name, int rank, const int *dims,
                                                     struct pxs_error *err);
/* Copies such a tensor into `out`, widened where it has 16 bits; untouched on failure. */
PXS_NODISCARD enum pxs_status pxs_safetensors_read(const struct pxs_safetensors *file,
                                                   const char *name, int rank, const int *dims,
                                                   float *out, struct pxs_error *err);

/* The value of a tensor of one I64. PXS_E_NOT_FOUND, PXS_E_INVALID. */
PXS_NODISCARD enum pxs_status pxs_safetensors_read_count(const struct pxs_safetensors *file,
                                                         const char *name, int64_t *out,
                                                         struct pxs_error *err);

/* ---- .npy ----------------------------------------------------------------------------------- */

enum pxs_npy_type { PXS_NPY_U1, PXS_NPY_F2, PXS_NPY_F4, PXS_NPY_F8 }; /* u1, f2, f4, f8 */

/* An array file, mapped: format 1.0, 2.0 or 3.0, C order, rank at most 4. */
struct pxs_npy {
    enum pxs_npy_type type;
    bool swapped; /* stored as big-endian */
    int rank;
    int64_t dims[PXS_MAX_RANK];
    uint64_t count;   /* elements */
    const void *data; /* as stored: may be unaligned */
    void *map;        /* private */
    size_t map_bytes;
};
/* PXS_E_UNSUPPORTED for another dtype, Fortran order or rank (the message names the numpy call that
 * helps); PXS_E_CORRUPT for a damaged file (for a wrong length it names both sizes). */
PXS_NODISCARD enum pxs_status pxs_npy_open(const char *path, struct pxs_npy *out,
                                           struct pxs_error *err);
/* Elements first .. first + n - 1, of any type, exactly. */
void pxs_npy_values(const struct pxs_npy *npy, uint64_t first, size_t n, double *out);
void pxs_npy_finish(struct pxs_npy *npy); /* zeroed is fine */

/* Writes an array of u1 or f4 piece by piece: open, put all elements in C order, commit (or
 * abandon). Format 1.0. */
struct pxs_npy_writer {
    struct pxs_atomic_file file;
    enum pxs_npy_type type;
    uint64_t left; /* bytes not yet put */
};
PXS_NODISCARD enum pxs_status pxs_npy_write_open(struct pxs_npy_writer *w, const char *path,
                                                 enum pxs_npy_type type, int rank,
                                                 const int64_t *dims, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_npy_write_put(struct pxs_npy_writer *w, const void *data,
                                                size_t elements, struct pxs_error *err);
/* PXS_E_INTERNAL if elements are missing; the file then does not appear. */
PXS_NODISCARD enum pxs_status pxs_npy_write_commit(struct pxs_npy_writer *w, struct pxs_error *err);
void pxs_npy_write_abandon(struct pxs_npy_writer *w); /* after commit a no-op */

#endif
