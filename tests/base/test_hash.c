#include "base_tests.h"
#include "pixsweep/base.h"

#include <string.h>

START_TEST(sha256_known_answers)
{ /* FIPS 180-2, appendix B */
    static const struct {
        const char *text, *hex;
        int times;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 1},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 1},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", 1},
        {"aaaaaaaaaa", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 100000},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        struct pxs_sha256 h;
        char hex[PXS_SHA256_HEX];
        pxs_sha256_init(&h);
        for (int k = 0; k < rows[i].times; k++)
            pxs_sha256_update(&h, rows[i].text, strlen(rows[i].text));
        pxs_sha256_hex(&h, hex);
        ck_assert_str_eq(hex, rows[i].hex);
    }
}
END_TEST

START_TEST(sha256_in_pieces)
{ /* every length, in pieces of every size, against the whole at once */
    static unsigned char data[1000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * i >> 3);
    for (size_t n = 0; n < sizeof data; n++) {
        struct pxs_sha256 h;
        char hex[PXS_SHA256_HEX], want[PXS_SHA256_HEX];
        pxs_sha256_init(&h);
        pxs_sha256_update(&h, data, n);
        pxs_sha256_hex(&h, want);
        pxs_sha256_init(&h);
        for (size_t at = 0, step; at < n; at += step) {
            step = 1 + (at * 31 + n) % 150;
            step = step < n - at ? step : n - at;
            pxs_sha256_update(&h, data + at, step);
            pxs_sha256_update(&h, NULL, 0);
        }
        pxs_sha256_hex(&h, hex);
        ck_assert_str_eq(hex, want);
    }
}
END_TEST

START_TEST(sha256_of_a_file)
{
    char hex[PXS_SHA256_HEX];
    test_folder_make();
    const char *path = in_folder("f");
    struct pxs_error err;
    uint64_t bytes = 99;
    ck_assert_int_eq(pxs_write_file(path, "abc", 3, &err), PXS_OK);
    ck_assert_int_eq(pxs_sha256_file(path, hex, &bytes, &err), PXS_OK);
    ck_assert_uint_eq(bytes, 3);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_int_eq(pxs_sha256_file(path, hex, NULL, NULL), PXS_OK);
    ck_assert_int_eq(pxs_sha256_file(test_folder(), hex, &bytes, &err), PXS_E_INVALID);
    ck_assert_int_eq(pxs_sha256_file(in_folder("none"), hex, &bytes, &err), PXS_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "/none: No such file"));
    test_folder_remove();
}
END_TEST

START_TEST(crc32c_known_answers)
{ /* RFC 3720, B.4 */
    unsigned char block[32];
    ck_assert_uint_eq(pxs_crc32c(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(pxs_crc32c(0, "", 0), 0);
    memset(block, 0, sizeof block);
    ck_assert_uint_eq(pxs_crc32c(0, block, 32), 0x8a9136aa);
    memset(block, 0xff, sizeof block);
    ck_assert_uint_eq(pxs_crc32c(0, block, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        block[i] = (unsigned char)i;
    ck_assert_uint_eq(pxs_crc32c(0, block, 32), 0x46dd794e);
    for (size_t cut = 0; cut <= 32; cut++) /* chains */
        ck_assert_uint_eq(pxs_crc32c(pxs_crc32c(0, block, cut), block + cut, 32 - cut), 0x46dd794e);
}
END_TEST

TCase *hash_case(void) {
    TCase *tc = tcase_create("hash");
    tcase_add_test(tc, sha256_known_answers);
    tcase_add_test(tc, sha256_in_pieces);
    tcase_add_test(tc, sha256_of_a_file);
    tcase_add_test(tc, crc32c_known_answers);
    return tc;
}
