/* What a resume point holds beside weights and moments, as metadata of the safetensors file. */
#ifndef PXS_TRAIN_RESUME_PRIV_H
#define PXS_TRAIN_RESUME_PRIV_H

#include "train_priv.h"

#include "pixsweep/nn.h"
#include "pixsweep/train.h"

enum { RESUME_FORMAT = 6, RESUME_FIELDS = 41 + PXS_EPOCH_N };

/* A class of bits: machines of one class continue a run with the same bits. */
struct resume_bits {
    char methods[16]; /* checksum */
    int64_t fused;
    char openblas[256]; /* "" = no pass calls it */
    char libm[16];      /* checksum over values of its functions; "" = unknown, before format 4 */
};

struct resume_state {
    int64_t format;
    char pixsweep[64]; /* version and commit that wrote it */
    char config_hash[PXS_SHA256_HEX];
    char kernels[64], openblas[256];
    int64_t step, epoch, batch; /* the next ones; batch == batches: validation comes next */
    int64_t record_bytes;       /* length of the record file after the last record of step - 1 */
    double best;                /* lowest validation loss so far; +inf at first */
    double epoch_seconds;       /* spent on this epoch so far */
    double lr_G, lr_D;          /* of the last step */
    struct train_sums sums;     /* NaN for values newer than `measures` */
    /* since format 2 */
    struct pxs_plateau plateau[2];
    /* since format 3 */
    double early_best;
    int64_t early_epoch;
    /* since format 4 */
    struct resume_bits bits;
    /* since format 5: version of measures.def that wrote it; resume_measures knows it for older
     * points, too */
    int64_t measures;
    /* since format 6: of the attempt that wrote it; "" = it had none */
    char nonce[PXS_RECORD_NONCE];
};

/* The version of measures.def up to which the point has sums of an epoch's values. */
int64_t resume_measures(const struct resume_state *s);

/* The fields as text: `metadata` has keys and values in turn, NULL-ended. */
struct resume_text {
    char value[RESUME_FIELDS][256];
    const char *metadata[2 * RESUME_FIELDS + 1];
};
void resume_print(const struct resume_state *s, struct resume_text *out);
/* CRC-32C over the fields; the checksum over the tensors continues from it. */
uint32_t resume_crc(const struct resume_text *text);

struct pxs_safetensors;
/* Reads the fields and the checksum of an open file. PXS_E_CORRUPT, or PXS_E_UNSUPPORTED for a
 * newer format; the message does not name the file. */
PXS_NODISCARD enum pxs_status resume_read(const struct pxs_safetensors *file,
                                          struct resume_state *out, struct pxs_error *err);
/* The same without the checksum, which covers the tensors, too. */
PXS_NODISCARD enum pxs_status resume_read_head(const struct pxs_safetensors *file,
                                               struct resume_state *out, struct pxs_error *err);
/* Fills in the engine of this machine (kernels, OpenBLAS, pixsweep) and the class of bits that it
 * gives `params` (NULL: no class). */
PXS_NODISCARD enum pxs_status resume_engine(const char *kernels, const struct pxs_params *params,
                                            struct resume_state *out, struct pxs_error *err);
/* The class of bits of a point; false where its format is old and this build does not know its
 * kernels. */
bool resume_bits_of(const struct resume_state *s, const struct pxs_params *params,
                    struct resume_bits *out);

#endif
