/* Validation: L1 in [-1,1], PSNR and SSIM, over the whole validation split, or as the lab's program
 * did it, over the first training pairs with dropout on. */
#include "train_priv.h"

#include <math.h>

enum { CHUNK = 64 }; /* pairs at a time, at most */

struct pass {
    enum pxs_split split;
    uint32_t n;
    uint32_t dropout_stream; /* 0 = off */
};

static struct train_quality over(struct training *t, const struct pass *pass, int64_t epoch) {
    uint32_t batch = (uint32_t)t->p->batch_size, index[CHUNK],
             chunk = batch < CHUNK ? batch : CHUNK;
    double psnr[CHUNK], ssim[CHUNK];
    struct train_quality sum = {0};
    for (uint32_t at = 0, part = 0; at < pass->n; at += chunk, part++) {
        uint32_t n = pass->n - at < chunk ? pass->n - at : chunk;
        for (uint32_t i = 0; i < n; i++)
            index[i] = at + i;
        pxs_dataset_batch(t->data, pass->split, index, n, NULL, t->source, t->target);
        /* each part of a pass has its own masks; with dropout there are at most LAB_PAIRS parts */
        pxs_pix2pix_generate(t->model, t->source, (int)n, PXS_STATISTICS_RUNNING,
                             pass->dropout_stream, (uint32_t)epoch * LAB_PAIRS + part, t->fake);
        sum.loss += pxs_pix2pix_l1(t->model, t->fake, t->target, n * t->image_floats) * n;
        pxs_pix2pix_quality(t->model, t->fake, t->target, (int)n, psnr, ssim);
        for (uint32_t i = 0; i < n; i++) {
            sum.psnr += psnr[i];
            sum.ssim += ssim[i];
        }
    }
    return (struct train_quality){sum.loss / pass->n, sum.psnr / pass->n, sum.ssim / pass->n};
}

struct train_quality train_validate(struct training *t, int64_t epoch) {
    if (t->p->validation == PXS_VALIDATION_OFF)
        return (struct train_quality){NAN, NAN, NAN};
    if (t->p->validation == PXS_VALIDATION_FULL)
        return over(t, &(struct pass){.split = PXS_SPLIT_VAL, .n = t->n_val}, epoch);
    uint32_t n = t->n_train < LAB_PAIRS ? t->n_train : LAB_PAIRS;
    return over(
        t, &(struct pass){.split = PXS_SPLIT_TRAIN, .n = n, .dropout_stream = PXS_STREAM_VALIDATE},
        epoch);
}
