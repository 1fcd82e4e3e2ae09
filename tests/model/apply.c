/* apply WEIGHTS INPUT.npy OUTPUT.npy: what the generator of a weight file makes of sources, as f4,
 * N x H x W x C; exchange.py compares it with PyTorch. The network is recognised as `generate` does
 * it. */
#include "pixsweep/model.h"
#include "pixsweep/tensor.h"

#include <stdio.h>
#include <stdlib.h>

static enum pxs_status load(const char *path, const struct pxs_npy *in, struct pxs_trained **g,
                            struct pxs_error *err) {
    struct pxs_recognised found;
    PXS_TRY(pxs_weights_recognise(path, &found, err));
    PXS_TRY(pxs_weights_config(path, &found.params, NULL, err));
    PXS_TRY(pxs_trained_create(&found.params, path, NULL, "auto", g, err));
    return pxs_trained_resize(*g, (int)in->dims[1], (int)in->dims[2], (int)in->dims[0], err);
}

static enum pxs_status apply(char **argv, struct pxs_error *err) {
    struct pxs_npy in = {0};
    struct pxs_trained *g = NULL;
    struct pxs_npy_writer out;
    double *values = NULL;
    float *source = NULL, *fake = NULL;
    enum pxs_status status = pxs_npy_open(argv[2], &in, err);
    if (status == PXS_OK)
        status = load(argv[1], &in, &g, err);
    if (status != PXS_OK)
        goto out;
    values = malloc(in.count * sizeof *values);
    source = malloc(in.count * sizeof *source);
    fake = malloc(in.count * sizeof *fake);
    pxs_npy_values(&in, 0, in.count, values);
    for (size_t i = 0; i < in.count; i++)
        source[i] = (float)values[i];
    pxs_trained_run(g, source, (int)in.dims[0], PXS_STATISTICS_RUNNING, false, 0, fake);
    status = pxs_npy_write_open(&out, argv[3], PXS_NPY_F4, in.rank, in.dims, err);
    if (status == PXS_OK)
        status = pxs_npy_write_put(&out, fake, in.count, err);
    if (status == PXS_OK)
        status = pxs_npy_write_commit(&out, err);
out:
    free(values);
    free(source);
    free(fake);
    pxs_trained_destroy(&g);
    pxs_npy_finish(&in);
    return status;
}

int main(int argc, char **argv) {
    struct pxs_error err = {.message = "usage: apply WEIGHTS INPUT.npy OUTPUT.npy"};
    if (argc == 4 && apply(argv, &err) == PXS_OK)
        return 0;
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
