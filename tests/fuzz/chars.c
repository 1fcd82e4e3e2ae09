/* The characters file of `data glyphs --chars`. */
#include "fuzz.h"

#include "../../src/pictures/data/glyph_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pxs_chars chars;
    struct pxs_error err;
    fuzz_write("chars", data, size);
    if (!fuzz_answer(pxs_chars_init(&chars, fuzz_path(0, "chars"), &err), &err))
        return 0;
    fuzz_require(chars.n > 0 && chars.n + chars.repeated <= size,
                 "a file has no more characters than bytes");
    for (size_t i = 0; i < chars.n; i++) {
        char utf8[5];
        fuzz_require(chars.code[i] > 0x20 && chars.code[i] < 0x110000 &&
                         !(chars.code[i] >= 0xd800 && chars.code[i] < 0xe000),
                     "each is a character of Unicode");
        pxs_utf8_put(utf8, chars.code[i]);
        for (size_t k = i > 100 ? i - 100 : 0; k < i; k++)
            fuzz_require(chars.code[k] != chars.code[i], "each comes once");
    }
    pxs_chars_finish(&chars);
    return 0;
}
