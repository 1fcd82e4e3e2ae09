/* .npy files. The first byte: 0 a file as it stands, else its header text, to which magic, version
 * (this byte), length and as many bytes of data as a small array of it needs are added. */
#include "fuzz.h"

#include "pixsweep/data.h"
#include "pixsweep/tensor.h"

#include <string.h>

static void build(uint32_t version, struct fuzz_input in, struct pxs_text *out) {
    size_t pad = fuzz_number(&in, 1), data = fuzz_number(&in, 2);
    size_t length = in.left + pad;
    pxs_text_add_n(out, "\x93NUMPY", 6);
    const uint8_t head[] = {(uint8_t)(version % 5),  0, (uint8_t)length, (uint8_t)(length >> 8),
                            (uint8_t)(length >> 16), 0};
    pxs_text_add_n(out, (const char *)head, version % 5 < 2 ? 4 : 6);
    pxs_text_add_n(out, (const char *)in.at, in.left);
    static uint8_t pixels[65536];
    if (pixels[1] == 0)
        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < pad; i++)
        pxs_text_add(out, i + 1 == pad ? "\n" : " ");
    pxs_text_add_n(out, (const char *)pixels, data);
}

static void look_at(const struct pxs_npy *npy, size_t bytes) {
    uint64_t count = 1;
    double sum = 0;
    fuzz_require(npy->rank >= 0 && npy->rank <= PXS_MAX_RANK, "a rank is at most 4");
    for (int i = 0; i < npy->rank; i++)
        count *= (uint64_t)npy->dims[i];
    fuzz_require(count == npy->count, "the dimensions give the count");
    const size_t each = npy->type == PXS_NPY_U1 ? 1 : (size_t)1 << npy->type;
    fuzz_require(count <= bytes / each, "an array is no longer than its file");
    for (uint64_t i = 0; i < npy->count; i++) {
        double value;
        pxs_npy_values(npy, i, 1, &value);
        sum += value;
    }
    volatile double keep = sum;
    (void)keep;
}

static void look_at_set(void) {
    struct pxs_dataset_options options = {.path = fuzz_path(1, "data"),
                                          .img_height = 8,
                                          .img_width = 8,
                                          .channels = 3,
                                          .jitter = 2,
                                          .val_fraction = 0.5};
    struct pxs_dataset *set = NULL;
    struct pxs_check_summary summary;
    struct pxs_error err;
    fuzz_answer(pxs_dataset_check(options.path, NULL, (struct pxs_logger){0}, (struct pxs_meter){0},
                                  &summary, &err),
                &err);
    if (!fuzz_answer(pxs_dataset_load(&options, &set, &err), &err))
        return;
    fuzz_require(summary.errors == 0, "what loads has no errors");
    fuzz_require(strcmp(summary.hash, pxs_dataset_info(set)->hash) == 0,
                 "check and load see the same content");
    if (pxs_dataset_count(set, PXS_SPLIT_TRAIN) > 0) {
        float source[8 * 8 * 3], target[8 * 8 * 3];
        uint32_t first = 0;
        pxs_dataset_batch(set, PXS_SPLIT_TRAIN, &first, 1, NULL, source, target);
    }
    pxs_dataset_destroy(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = {data, size};
    struct pxs_text file = {0};
    struct pxs_npy npy;
    struct pxs_error err;
    uint32_t version = fuzz_number(&in, 1);
    if (version > 0)
        build(version, in, &file);
    else
        pxs_text_add_n(&file, (const char *)in.at, in.left);
    fuzz_write("data/train/a.npy", pxs_text_str(&file), file.len);
    if (fuzz_answer(pxs_npy_open(fuzz_path(0, "data/train/a.npy"), &npy, &err), &err)) {
        look_at(&npy, file.len);
        pxs_npy_finish(&npy);
        look_at_set();
    }
    pxs_text_finish(&file);
    return 0;
}
