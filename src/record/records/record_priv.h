/* Inside of record: the frame and the field codec. pixsweep/records.h has the layout. */
#ifndef PXS_RECORD_PRIV_H
#define PXS_RECORD_PRIV_H

#include "pixsweep/records.h"

#include <sys/types.h>

enum {
    PXS_FILE_HEADER = 16,
    PXS_FRAME_HEADER = 16,
    PXS_PAYLOAD_MAX = 16384, /* a BEGIN with full text is half of it; a longer length is damage */
    PXS_FRAME_MAX = PXS_FRAME_HEADER + PXS_PAYLOAD_MAX,
    PXS_RECORD_VERSION = 2, /* 1 is read and appended to, too */
    PXS_WHY = PXS_RECORD_WHY
};

/* The 16 bytes at the start of a record file. */
void pxs_frame_file_header(unsigned char out[PXS_FILE_HEADER]);
/* Whether `bytes` (16 of them) start a record file of a version that this pixsweep knows. */
PXS_NODISCARD enum pxs_status pxs_frame_check_file(const unsigned char *bytes, const char *path,
                                                   struct pxs_error *err);

/* Whole frame of a record into `out`; its length into *bytes. */
PXS_NODISCARD enum pxs_status pxs_frame_encode(const struct pxs_record *r,
                                               unsigned char out[PXS_FRAME_MAX], size_t *bytes,
                                               struct pxs_error *err);
/* Length of the whole, undamaged frame at `data`; 0 if there is none within `bytes`. */
size_t pxs_frame_whole(const unsigned char *data, size_t bytes);
/* Decodes a frame for which pxs_frame_whole gave `bytes`. */
PXS_NODISCARD enum pxs_status pxs_frame_decode(const unsigned char *frame, size_t bytes,
                                               struct pxs_record *r, struct pxs_error *err);

/* The fields alone. False where a record cannot be written, or bytes are not such a record; then
 * `why` says what is wrong with it. */
bool pxs_fields_encode(const struct pxs_record *r, unsigned char *out, size_t size, size_t *bytes,
                       char why[PXS_WHY]);
bool pxs_fields_decode(unsigned kind, const unsigned char *in, size_t bytes, struct pxs_record *r,
                       char why[PXS_WHY]);

/* Whether a record says what a run can say; else `why` names the field. Texts are UTF-8 already. */
bool pxs_record_possible(const struct pxs_record *r, char why[PXS_WHY]);

/* Opens a record file for reading. A run's folder may come from another machine: a link in the
 * place of its record file is not followed. */
PXS_NODISCARD enum pxs_status pxs_record_open_read(const char *path, int *fd,
                                                   struct pxs_error *err);
/* pread until `bytes` are there or the file ends; -1 with errno. */
ssize_t pxs_record_pread(int fd, void *out, size_t bytes, int64_t offset);

#endif
