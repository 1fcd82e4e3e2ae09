/* JPEG. The first byte says what the rest is: 0 a file as it stands, else one whose sides are cut
 * to what is decoded quickly. */
#include "picture.h"

#include <stdlib.h>
#include <string.h>

/* Sides below 512 in whatever looks like the header of a frame. */
static void cut_sides(uint8_t *jpeg, size_t size) {
    for (size_t i = 0; i + 9 <= size; i++)
        if (jpeg[i] == 0xff && jpeg[i + 1] >> 4 == 0xc) {
            jpeg[i + 5] &= 1;
            jpeg[i + 7] &= 1;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = {data, size};
    uint32_t kind = fuzz_number(&in, 1);
    uint8_t *jpeg = malloc(in.left ? in.left : 1);
    if (!jpeg)
        return 0;
    memcpy(jpeg, in.at, in.left);
    if (kind != 0)
        cut_sides(jpeg, in.left);
    fuzz_picture(jpeg, in.left);
    free(jpeg);
    return 0;
}
