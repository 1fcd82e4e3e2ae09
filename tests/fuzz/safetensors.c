/* safetensors. The first byte: 0 a file as it stands, else a header text that gets its length in
 * front, the bytes behind a NUL being the data. */
#include "fuzz.h"

#include "pixsweep/tensor.h"

#include <stdlib.h>
#include <string.h>

static void build(struct fuzz_input in, struct pxs_text *out) {
    const uint8_t *end = memchr(in.at, '\0', in.left);
    size_t length = end ? (size_t)(end - in.at) : in.left;
    for (int i = 0; i < 8; i++)
        pxs_text_add_n(out, (const char[]){(char)(length >> (8 * i))}, 1);
    pxs_text_add_n(out, (const char *)in.at, length);
    if (end)
        pxs_text_add_n(out, (const char *)end + 1, in.left - length - 1);
}

static void look_at(const struct pxs_safetensors *file, uint64_t bytes) {
    static const char *const keys[] = {"format", "epoch", "resume_format", ""};
    uint64_t sum = 0;
    for (size_t i = 0; i < PXS_COUNT(keys); i++)
        (void)pxs_safetensors_metadata(file, keys[i]);
    for (size_t i = 0; i < pxs_safetensors_count(file); i++) {
        const struct pxs_safetensors_info *t = pxs_safetensors_at(file, i);
        struct pxs_error err;
        int dims[PXS_MAX_RANK] = {0};
        char shape[64];
        fuzz_require(i > 100 || pxs_safetensors_find(file, t->name) == t,
                     "a tensor is found by its name");
        fuzz_require(t->bytes <= bytes, "a tensor is no longer than its file");
        for (uint64_t k = 0; k < t->bytes; k++)
            sum += ((const uint8_t *)t->data)[k];
        pxs_format_shape(shape, sizeof shape, t->rank, t->dims);
        for (int d = 0; d < t->rank && d < PXS_MAX_RANK; d++)
            dims[d] = (int)t->dims[d];
        float *out = malloc(2 * t->bytes + 4); /* 16 bits are widened */
        if (out && t->rank <= PXS_MAX_RANK)
            fuzz_answer(pxs_safetensors_read(file, t->name, t->rank, dims, out, &err), &err);
        free(out);
    }
    volatile uint64_t keep = sum;
    (void)keep;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = {data, size};
    struct pxs_text bytes = {0};
    struct pxs_safetensors *file = NULL;
    struct pxs_error err;
    if (fuzz_number(&in, 1) > 0)
        build(in, &bytes);
    else
        pxs_text_add_n(&bytes, (const char *)in.at, in.left);
    fuzz_write("a.safetensors", pxs_text_str(&bytes), bytes.len);
    if (fuzz_answer(pxs_safetensors_open(fuzz_path(0, "a.safetensors"), &file, &err), &err))
        look_at(file, bytes.len);
    pxs_safetensors_destroy(&file);
    pxs_text_finish(&bytes);
    return 0;
}
