/* Text of "key=value" lines, as the environment of an attempt is recorded. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "pixsweep/records.h"

bool pxs_line_value(const char *lines, const char *key, char *out, size_t size) {
    size_t key_len = strlen(key);
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        if (strncmp(lines, key, key_len) == 0 && lines[key_len] == '=') {
            snprintf(out, size, "%.*s", (int)(len - key_len - 1), lines + key_len + 1);
            return true;
        }
        lines += len;
        lines += *lines == '\n';
    }
    return false;
}

enum pxs_status pxs_record_nonce(char out[PXS_RECORD_NONCE], struct pxs_error *err) {
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return pxs_fail_errno(err, "the system gives no random numbers");
    snprintf(out, PXS_RECORD_NONCE, "%016" PRIx64, number);
    return PXS_OK;
}
